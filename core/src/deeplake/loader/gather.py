"""Samples of one shape that lie in memory maps: a batch of them is one NumPy gather.

``TensorReader.array`` reads anything from anywhere; this reads plain samples of a local dataset
with as little Python a batch as there can be. It is what makes small samples (32 x 32 images,
labels, embeddings) as fast as copying memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from deeplake.dataset.reader import TensorReader
from deeplake.loader.memory import Memory
from deeplake.types import Shape
from deeplake.versioning.openchunk import OpenChunk

MAX_OPEN = 256
"""Chunks that are kept open: each holds a map of its file."""


class Gather:
    """Gathers rows of one tensor whose samples all have one shape. Any number of threads may.

    Args:
        reader: Reads the tensor.
        shape: Shape of its samples.
        dtype: Their dtype.
        memory: Makes the arrays of batches.
    """

    __slots__ = ("_chunks", "_dtype", "_ends", "_memory", "_reader", "_shape", "_verified")

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

    def read(self, batches: Sequence[np.ndarray]) -> list[np.ndarray] | None:
        """An array of its own for each batch of rows; None if a chunk is no plain array.

        Args:
            batches: Row numbers; at least one in all.
        """
        rows = batches[0] if len(batches) == 1 else np.concatenate(batches)
        which = np.searchsorted(self._stops(), rows, "right")
        low, high = int(which.min()), int(which.max())
        if low == high:
            found = self._chunk(low, rows)
            if found is None:
                return None
            array, shift = found
            return [self._taken(array, batch, shift) for batch in batches]
        if len(batches) > 1 and bool((which[1:] >= which[:-1]).all()):
            # In order: most batches lie in one chunk.
            alone: list[np.ndarray] = []
            for batch in batches:
                one = self.read([batch])
                if one is None:
                    return None
                alone += one
            return alone
        # Chunk by chunk into one array, and from there to the batches: what costs is the calls.
        order = np.argsort(which, kind="stable")
        which = which[order]
        numbers, starts = np.unique(which, return_index=True)
        stops = [*starts[1:].tolist(), len(rows)]
        together = self._array(len(rows))
        rows = rows[order]
        for number, a, b in zip(numbers.tolist(), starts.tolist(), stops, strict=True):
            part = self._chunk(number, rows[a:b])
            if part is None:
                return None
            array, shift = part
            # Without a mode that cannot fail, NumPy would take to a buffer first.
            array.take(rows[a:b] + shift, axis=0, out=together[a:b], mode="clip")
        place = np.empty(len(rows), np.int64)
        place[order] = np.arange(len(rows))
        ends = accumulate(map(len, batches))
        taken = []
        for batch, end in zip(batches, ends, strict=True):
            mine = self._array(len(batch))
            taken.append(
                together.take(place[end - len(batch) : end], axis=0, out=mine, mode="clip")
            )
        return taken

    def _array(self, n: int) -> np.ndarray:
        return self._memory.array((n, *self._shape), self._dtype)

    def _stops(self) -> np.ndarray:
        """The row after the last of each piece."""
        if self._ends is None:
            counts = self._reader.table.pieces()["count"].astype(np.int64)
            self._ends = np.cumsum(counts)
        return self._ends

    def _chunk(self, number: int, rows: np.ndarray) -> tuple[np.ndarray, int] | None:
        """All samples of a piece's chunk, and what to add to row numbers.

        Those of ``rows`` have been checked.
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
        if number not in self._verified and array.nbytes:
            self._verify(chunk, rows + shift)
            if chunk.header.verified.all():
                self._verified.add(number)
        return array, shift

    def _verify(self, chunk: OpenChunk, places: np.ndarray) -> None:
        header = chunk.header
        size = header.size
        assert size is not None
        if header.frame_size >= size:
            # Such a sample lies in two frames at most.
            first = places * size // header.frame_size
            last = ((places + 1) * size - 1) // header.frame_size
            places = places[~(header.verified[first] & header.verified[last])]
        elif not header.frame_size:
            places = places[~header.verified[places]]
        for i in places.tolist():
            chunk.verify(*header.frame_range(i * size, (i + 1) * size, i))

    def _taken(self, array: np.ndarray, rows: np.ndarray, shift: int) -> np.ndarray:
        """Some samples of one chunk."""
        first = int(rows[0]) + shift
        n = len(rows)
        out = self._array(n)
        if int(rows[-1]) + shift - first == n - 1 and (n < 3 or bool((rows[1:] > rows[:-1]).all())):
            out[...] = array[first : first + n]
            return out
        return array.take(rows + shift, axis=0, out=out, mode="clip")


__all__ = ["Gather"]
