"""Samples of one shape that lie in memory maps: a batch of them is one NumPy gather.

``TensorReader.array`` reads anything from anywhere; this reads plain samples of a local dataset
with as little Python a batch as there can be. It is what makes small samples (32 x 32 images,
labels, embeddings) as fast as copying memory.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from deeplake.dataset.reader import TensorReader
from deeplake.errors import DeepLakeError
from deeplake.loader.memory import ALIGNED, Memory
from deeplake.loader.resident import Resident
from deeplake.types import Shape
from deeplake.versioning.openchunk import OpenChunk

MAX_OPEN = 256
"""Chunks that are kept open: each holds a map of its file."""


FEW = 16
"""Pieces that may be of any size if a tensor is kept in memory."""

RELEASED = 4
"""Of so many pieces that were copied to memory the maps are given up."""

BLOCK = 2 << 20
"""Bytes of batches that are copied to one piece of memory: who keeps one of them keeps the others."""

VIEWED = 1 << 20
"""Bytes of neighbouring rows that are worth a map of their own: then they are not even copied."""


class Gather:
    """Gathers rows of one tensor whose samples all have one shape. Any number of threads may.

    Args:
        reader: Reads the tensor.
        shape: Shape of its samples.
        dtype: Their dtype.
        memory: Makes the arrays of batches, and knows whether the tensor may be kept.

    Attributes:
        kept: All rows are kept in memory when they are read again.
    """

    __slots__ = (
        "_chunks",
        "_dtype",
        "_ends",
        "_made",
        "_memory",
        "_once",
        "_reader",
        "_shape",
        "_verified",
        "kept",
    )

    def __init__(
        self, reader: TensorReader, shape: Shape, dtype: np.dtype[np.generic], memory: Memory
    ) -> None:
        self._memory = memory
        self._reader = reader
        self._shape = shape
        self._dtype = dtype
        self._ends: np.ndarray | None = None
        self._chunks: dict[int, tuple[OpenChunk, int]] = {}
        self._verified: set[int] = set()
        self._made: list[Resident] = []
        size = len(reader) * math.prod(shape) * dtype.itemsize
        pieces = len(reader.table.pieces())
        self.kept = bool(size) and pieces <= max(FEW, size // VIEWED) and memory.keeps(size)
        # Not before they are read again: new memory has its price.
        self._once = len(reader)

    def read(self, rows: np.ndarray) -> np.ndarray | None:
        """Some rows, in an array of their own; None if a chunk is no plain array.

        Args:
            rows: Row numbers; at least one.
        """
        if self.kept:
            if self._once > 0:
                self._once -= len(rows)
            else:
                taken = self._array(len(rows))
                # Of damage the rows that it is in are told, not all of their chunk: see below.
                with suppress(DeepLakeError):
                    if self._whole().take(rows, taken, self._fill):
                        return taken
                self.kept = False
        if len(self._stops()) == 1:
            return self._of_one(rows)
        order = None if bool((rows[1:] >= rows[:-1]).all()) else np.argsort(rows)
        if order is not None:
            rows = rows[order]
        which = np.searchsorted(self._stops(), rows, "right")
        starts = [0, *(np.flatnonzero(which[1:] != which[:-1]) + 1).tolist()]
        stops = [*starts[1:], len(rows)]
        taken = self._array(len(rows))
        # What is to be spread over the batch comes here first, a chunk's rows at a time.
        few = max(b - a for a, b in zip(starts, stops, strict=True))
        # Of few sizes, so that its memory is used again.
        scratch = None if order is None else self._array(1 << (few - 1).bit_length())
        numbers = which[starts].tolist()
        self._check(numbers, [rows[a:b] for a, b in zip(starts, stops, strict=True)])
        for number, a, b in zip(numbers, starts, stops, strict=True):
            part = rows[a:b]
            found = self._chunk(number, part)
            if found is None:
                return None
            array, shift, _ = found
            first = int(part[0])
            target = taken[a:b] if scratch is None else scratch[: b - a]
            if int(part[-1]) - first == b - a - 1 and _ascends(part):
                target[...] = array[first + shift : first + shift + b - a]
            else:
                # Without a mode that cannot fail, NumPy would take to a buffer first.
                array.take(part + shift, axis=0, out=target, mode="clip")
            if order is not None:
                taken[order[a:b]] = target
        return taken

    def _of_one(self, rows: np.ndarray) -> np.ndarray | None:
        """``read`` of a tensor that is one piece."""
        found = self._chunk(0, rows)
        if found is None:
            return None
        array, shift, _ = found
        taken = self._array(len(rows))
        # Without a mode that cannot fail, NumPy would take to a buffer first.
        array.take(rows + shift if shift else rows, axis=0, out=taken, mode="clip")
        return taken

    def _whole(self) -> Resident:
        if not self._made:
            # Of two threads that make one, the first one's is used: nothing is read to the other.
            self._made.append(Resident(self._stops(), self._shape, self._dtype))
        return self._made[0]

    def _fill(self, number: int, target: np.ndarray) -> bool:
        """Read all rows of one piece; returns whether that is possible."""
        first = int(self._stops()[number]) - len(target)
        found = self._chunk(number, np.arange(first, first + len(target)))
        if found is None:
            return False
        array, shift, _ = found
        target[...] = array[first + shift : first + shift + len(target)]
        if number % RELEASED == 0:
            self._reader.release()  # what is mapped is not needed in memory twice
        return True

    def _check(self, numbers: list[int], rows: list[np.ndarray]) -> None:
        """Check chunks that other threads are not at, first; ``_chunk`` waits for the others."""
        for number, part in zip(numbers, rows, strict=True):
            if number not in self._verified:
                self._chunk(number, part, wait=False)

    def at_hand(self) -> bool:
        """Whether all rows lie in maps, and were read and checked before, by whomever in this process:
        to read them again waits for nothing.
        """
        stops = self._stops()
        if len(stops) > MAX_OPEN:
            return False
        first = 0
        for number, stop in enumerate(stops.tolist()):
            if stop > first:
                try:
                    found = self._chunk(number, np.array([first]), check=False)
                except DeepLakeError:
                    return False  # whoever reads it is told
                if found is None or not found[2].header.verified.all():
                    return False
                self._verified.add(number)
            first = stop
        return True

    def views(self, rows: np.ndarray, ends: Sequence[int]) -> list[np.ndarray] | None:
        """Batches of neighbouring rows that are parts of larger arrays: of private maps, not copied, or
        of memory, where the data stay mapped, as to map them once more takes longer than to copy them.

        What is done to them is seen by nobody else, and gone with the last of them.

        Args:
            rows: Row numbers of all batches, one after the other; at least one.
            ends: Where in ``rows`` each batch ends.

        Returns:
            An array a batch; None if the rows are no neighbours, or few, or there are no such maps.
        """
        n, first = len(rows), int(rows[0])
        row_bytes = math.prod(self._shape) * self._dtype.itemsize
        if n * row_bytes < VIEWED or int(rows[-1]) - first != n - 1 or not _ascends(rows):
            return None
        stops = self._stops()
        number = int(np.searchsorted(stops, first, "right"))
        if self._memory.stays and number in self._verified:
            return self._copies(rows, ends, row_bytes, number)
        bases: list[np.ndarray] = []
        cuts = [0]
        while cuts[-1] < n:
            end = min(int(stops[number]) - first, n)
            if end > cuts[-1]:
                part = rows[cuts[-1] : end]
                base = self._private(number, part)
                if base is None and bases:  # there are many maps, for now
                    base = self.read(part)
                if base is None:
                    return None
                bases.append(base)
                cuts.append(end)
            number += 1
        return list(self._cut(bases, cuts, ends, row_bytes))

    def _copies(
        self, rows: np.ndarray, ends: Sequence[int], row_bytes: int, number: int
    ) -> list[np.ndarray] | None:
        """Batches of neighbouring rows, several in one piece of memory.

        Args:
            rows: Row numbers of all batches.
            ends: Where in ``rows`` each batch ends.
            row_bytes: Bytes of a row.
            number: The piece that the first row is of.
        """
        stops, first = self._stops(), int(rows[0])
        bases: list[np.ndarray] = []
        cuts = [0]
        for end, after in zip(ends, (*ends[1:], None), strict=True):
            begin = cuts[-1]
            if after is not None and (after - begin) * row_bytes <= BLOCK:
                continue
            base = self._array(end - begin)
            at = begin
            while at < end:
                stop = min(int(stops[number]) - first, end)
                if stop > at:
                    found = self._chunk(number, rows[at:stop])
                    if found is None:
                        return None
                    array, shift, _ = found
                    low = first + shift
                    base[at - begin : stop - begin] = array[low + at : low + stop]
                    at = stop
                if at < end:
                    number += 1
            bases.append(base)
            cuts.append(end)
        return list(self._cut(bases, cuts, ends, row_bytes))

    def _cut(
        self, bases: list[np.ndarray], cuts: list[int], ends: Sequence[int], row_bytes: int
    ) -> Iterator[np.ndarray]:
        """Batches of rows that lie in several arrays, one after the other.

        Args:
            bases: The arrays.
            cuts: Where each begins, and where the last one ends.
            ends: Where each batch ends.
            row_bytes: Bytes of a row.
        """
        addresses = [base.ctypes.data for base in bases]
        at = which = 0
        for stop in ends:
            base, begin = bases[which], cuts[which]
            if stop <= cuts[which + 1]:
                found = base[at - begin : stop - begin]
                is_aligned = (addresses[which] + (at - begin) * row_bytes) % ALIGNED == 0
                yield found if is_aligned else self._memory.aligned(found)
            else:
                whole = self._array(stop - at)
                for base, a, b in zip(bases, cuts, cuts[1:], strict=False):
                    low, high = max(a, at), min(b, stop)
                    if low < high:
                        whole[low - at : high - at] = base[low - a : high - a]
                yield whole
            at = stop
            while which + 1 < len(bases) and at >= cuts[which + 1]:
                which += 1

    def _private(self, number: int, rows: np.ndarray) -> np.ndarray | None:
        """Neighbouring rows of one piece, checked, in a map of their own."""
        found = self._chunk(number, rows, check=False)
        if found is None:
            return None
        _, shift, chunk = found
        first = int(rows[0]) + shift
        view = chunk.private(self._reader.blocks, first, first + len(rows))
        if view is None:
            return None
        data = np.frombuffer(view, np.uint8)
        # Now, in this thread and without the interpreter's lock, not when the rows are used.
        np.bitwise_or.reduce(data[:: mmap.PAGESIZE])
        return data.view(self._dtype).reshape(len(rows), *self._shape)

    def _array(self, n: int) -> np.ndarray:
        return self._memory.array((n, *self._shape), self._dtype)

    def _stops(self) -> np.ndarray:
        """The row after the last of each piece."""
        if self._ends is None:
            counts = self._reader.table.pieces()["count"].astype(np.int64)
            self._ends = np.cumsum(counts)
        return self._ends

    def _chunk(
        self, number: int, rows: np.ndarray, *, check: bool = True, wait: bool = True
    ) -> tuple[np.ndarray, int, OpenChunk] | None:
        """All samples of a piece's chunk, what to add to row numbers, and the chunk.

        Those of ``rows`` have been checked, unless somebody else will, or is at it and ``wait`` is
        False.
        """
        known = self._chunks.get(number)
        if known is None:
            ((chunk, _, places),) = self._reader.groups(rows[:1])
            known = chunk, int(places[0]) - int(rows[0])
            if len(self._chunks) >= MAX_OPEN:
                self._chunks = {}
                self._verified = set()
            self._chunks[number] = known
        chunk, shift = known
        array = chunk.array
        if array is None or array.dtype != self._dtype or array.shape[1:] != self._shape:
            return None
        if check and number not in self._verified and array.nbytes:
            chunk.verify_samples(rows + shift, wait=wait)
            if chunk.header.verified.all():
                self._verified.add(number)
        return array, shift, chunk


def _ascends(rows: np.ndarray) -> bool:
    """Whether each is greater than the one before."""
    return len(rows) < 3 or bool((rows[1:] > rows[:-1]).all())


__all__ = ["Gather"]
