"""Reads samples of one tensor: rows -> chunks -> bytes -> values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from deeplake.dataset import results
from deeplake.dataset.chunks import Group, Rows, consecutive, row_numbers
from deeplake.dataset.jobs import run_jobs
from deeplake.dataset.part_reader import PartReader
from deeplake.dataset.sample_reader import PICTURE, may_be_picture
from deeplake.errors import DeepLakeError, FormatError, SampleTooLargeError
from deeplake.format.chunk import FIXED, TILE
from deeplake.spi import SampleCodec
from deeplake.types import Shape
from deeplake.versioning.openchunk import OpenChunk, array_dtype

COPIED = 32 << 20
"""Bytes of plain samples that are copied on threads, from this many on."""


class TensorReader(PartReader):
    """Reads rows of one tensor in one version; any number of threads may use it at once.

    Args:
        blocks: Where bytes come from.
        schema: The tensor's schema.
        table: Its piece table.
        before: A reader of the same tensor in an earlier state.
    """

    def _run(self, jobs: Sequence[_Job], parallel: bool) -> None:
        """Decode samples; on threads where that pays."""
        if self.linker is not None and any(job.chunk.header.links for job in jobs):
            self.linker.run(jobs)  # they wait more than they compute
            return
        files = any(job.chunk.sample_codec for job in jobs)
        run_jobs(jobs, parallel=parallel and files)

    def samples(self, rows: Rows, *, parallel: bool = True) -> list[Any]:
        """Values of some rows, in the order asked.

        Args:
            rows: Row numbers.
            parallel: Decode files on threads; False where the caller is one of many threads itself.
        """
        return self._samples(self.groups(rows), len(rows), row_numbers(rows), parallel)

    def _samples(
        self, groups: Sequence[Group], n: int, names: Sequence[Any] | np.ndarray, parallel: bool
    ) -> list[Any]:
        """Values of ``n`` samples; ``names`` is what errors call their rows."""
        result: list[Any] = [None] * n
        jobs: list[_Job] = []
        for chunk, positions, places, parts in self._fetched(groups):
            if chunk.header.kind == TILE:
                for position in positions.tolist():
                    result[position] = self._assembled(
                        chunk, parts[0], names[position], parallel=parallel
                    )
                continue
            taken = self._taken(chunk, places, parts)
            if taken is not None:
                for position, value in zip(positions.tolist(), taken, strict=True):
                    result[position] = value.copy()
                continue
            for position, i, stored in zip(positions.tolist(), places.tolist(), parts, strict=True):
                jobs.append(_Job(self, chunk, i, stored, names[position], result, position))
        self._run(jobs, parallel)
        self._trim()
        return result

    def raws(self, rows: Rows) -> list[bytes]:
        """The stored bytes of some rows, in the order asked, fetched together."""
        return self._raws(self.groups(rows), row_numbers(rows))

    def _raws(self, groups: Sequence[Group], names: Sequence[Any] | np.ndarray) -> list[bytes]:
        """The stored bytes of samples; ``names`` is what errors call their rows."""
        result = [b""] * len(names)
        jobs: list[Callable[[], None]] = []
        for chunk, positions, places, parts in self._fetched(groups):
            if chunk.header.kind == TILE:
                whole = self._assembled(chunk, parts[0], names[positions[0]], parallel=False)
                for position in positions.tolist():
                    result[position] = self._encoded(whole)
                continue
            taken = self._taken(chunk, places, parts)
            if taken is not None:
                for position, value in zip(positions.tolist(), taken, strict=True):
                    result[position] = value.tobytes()
                continue
            for position, i, stored in zip(positions.tolist(), places.tolist(), parts, strict=True):
                data = chunk.sample_bytes(i, stored)
                if chunk.header.links:
                    jobs.append(partial(self._file_into, data, names[position], result, position))
                else:
                    result[position] = bytes(data)
        if jobs and self.linker is not None:
            self.linker.run(jobs)
        self._trim()
        return result

    def files(self, rows: Rows) -> list[tuple[memoryview, SampleCodec | None, Shape]]:
        """The stored files of some rows without a copy, fetched together.

        Returns:
            ``(bytes, codec, shape of the sample)`` of each row, in the order asked; no bytes and no
            codec of samples that are not stored as files: ``sample`` reads those.
        """
        nothing: tuple[memoryview, SampleCodec | None, Shape] = (memoryview(b""), None, ())
        result = [nothing] * len(rows)
        for chunk, positions, places, parts in self._fetched(self.groups(rows)):
            header = chunk.header
            codec = None if header.kind == TILE else chunk.sample_codec
            at = places.tolist()
            data = [nothing[0]] * len(at) if codec is None else chunk.files(at, parts)
            for position, i, file in zip(positions.tolist(), at, data, strict=True):
                result[position] = (file, codec if len(file) else None, header.sample_shape(i))
        self._trim()
        return result

    def array(
        self, rows: Rows, out: np.ndarray | None = None, *, parallel: bool = True
    ) -> np.ndarray | None:
        """Values of some rows as one array of shape ``(rows, *shape)``; None if shapes differ.

        Args:
            rows: Row numbers.
            out: Array of that shape and dtype to read into, and to return.
            parallel: Decode files on threads; False where the caller is one of many threads itself.
        """
        if self.payload != "array":
            return None
        if isinstance(rows, range) and rows.step == 1 and len(rows):
            found = self._block(rows.start, rows.stop, out, parallel)
            if found is not None:
                return found
        return self._stacked(self.groups(rows), len(rows), row_numbers(rows), out, parallel)

    def column(self) -> np.ndarray | None:
        """All rows, if they are one chunk of arrays that was read before, and is not large."""
        last = self._last
        if last is None or last[0] or last[1] != self.table.rows:
            return None
        chunk = last[3]
        header, array = chunk.header, chunk.array
        if (
            array is None or not header.whole or header.kind != FIXED
            or header.ndim != self.schema.ndim or array.nbytes >= COPIED
        ):  # fmt: skip
            return None
        return results.copied(array[last[2] : last[2] + last[1]])

    def _block(
        self, start: int, stop: int, out: np.ndarray | None, parallel: bool
    ) -> np.ndarray | None:
        """Consecutive rows, copied from maps of their files; None if they are not there like that."""
        last = self._last
        if last is not None and last[0] <= start and stop <= last[1]:
            chunk, place = last[3], start + last[2]
            if chunk.array is None:
                return None
            if (
                out is None
                and chunk.array.nbytes < COPIED
                and chunk.header.ndim == self.schema.ndim
            ):
                # All that there is to say of few rows, or of one column of numbers.
                self._verify_block(chunk, place, place + stop - start)
                return results.copied(chunk.array[place : place + stop - start])
            taken = [(chunk, place, stop - start)]
        else:
            taken = self._consecutive(start, stop)
            if len(taken) == 1:
                self._last = (start, stop, taken[0][1] - start, taken[0][0])
        first = taken[0][0].header
        shape = first.shape
        if shape is None or len(shape) != self.schema.ndim:
            return None
        if any(chunk.array is None or chunk.header.shape != shape for chunk, _, _ in taken):
            return None
        if out is None:
            out = results.empty((stop - start, *shape), self.schema.dtype)
        jobs = []
        at = 0
        for chunk, place, count in taken:
            jobs.append(partial(self._copy, chunk, place, out[at : at + count]))
            at += count
        run_jobs(jobs, parallel=parallel and out.nbytes >= COPIED)
        return out

    def _copy(self, chunk: OpenChunk, place: int, out: np.ndarray) -> None:
        self._verify_block(chunk, place, place + len(out))
        out[...] = chunk.array[place : place + len(out)]  # type: ignore[index]

    def _stacked(
        self, groups: Sequence[Group], n: int, names: Sequence[Any] | np.ndarray,
        out: np.ndarray | None, parallel: bool,
    ) -> np.ndarray | None:  # fmt: skip
        """``n`` samples as one array; None if shapes differ."""
        ndim = self.schema.ndim or 0
        shapes = {s for chunk, _, places in groups for s in _shapes(chunk, places, ndim)}
        if len(shapes) != 1:
            return None
        shape = shapes.pop()
        if (0 in shape or not shape) and any(chunk.header.links for chunk, _, _ in groups):
            return None  # what is known of links that were never opened
        dtype = np.dtype(self.schema.dtype)
        if len(groups) == 1 and groups[0][0].array is not None and out is None:
            return self._taken(groups[0][0], groups[0][2], [])
        fetched = list(self._fetched(groups))
        for group in fetched:
            self._refuse_claims(*group, shape, names)
        # None before there was a sample to say how many dimensions there are is no number.
        result = out if out is not None else self._room((n, *(shape or (0,))), dtype)
        jobs: list[_Job] = []
        for chunk, positions, places, parts in fetched:
            if chunk.header.kind == TILE:
                for position in positions.tolist():
                    self._assembled(
                        chunk, parts[0], names[position], parallel=parallel, out=result[position]
                    )
                continue
            if consecutive(positions):
                at = int(positions[0])
                if self._taken(chunk, places, parts, result[at : at + len(positions)]) is not None:
                    continue
            else:
                taken = self._taken(chunk, places, parts)
                if taken is not None:
                    result[positions] = taken
                    continue
            left: Iterable[int] = range(len(places))
            codec = chunk.sample_codec
            if codec and not parallel and may_be_picture(codec, shape) and not chunk.header.links:
                left = self._pictures(codec, chunk.files(places.tolist(), parts), positions, result)
            for k in left:
                position = int(positions[k])
                name, place, i = names[position], result[position], int(places[k])
                jobs.append(_Job(self, chunk, i, parts[k], name, result, position, place))
        self._run(jobs, parallel)
        self._trim()
        return result

    def _pictures(
        self, codec: SampleCodec, files: Sequence[memoryview], positions: np.ndarray,
        result: np.ndarray,
    ) -> list[int]:  # fmt: skip
        """Decode pictures one after the other, with as little Python as there can be.

        Returns:
            Which are no such pictures: who takes a closer look reads them, or says what is wrong.
        """
        decode = codec.decode
        left: list[int] = []
        for k, (data, position) in enumerate(zip(files, positions.tolist(), strict=True)):
            try:
                decode(data, out=result[position])
            except (DeepLakeError, ValueError):
                left.append(k)
        return left

    def _room(self, shape: Shape, dtype: np.dtype[Any]) -> np.ndarray:
        try:
            return results.empty(shape, dtype)
        except (MemoryError, ValueError) as error:  # of more bytes than there are, or than count
            size = float(np.prod(shape, dtype=np.float64)) * dtype.itemsize
            raise SampleTooLargeError(
                f"tensor {self.schema.name!r}: there is no memory for {shape[0]} samples of shape "
                f"{shape[1:]}, {size / 2**30:,.1f} GiB; read fewer, or a part of each, as in "
                "tensor[rows, y0:y1, x0:x1]"
            ) from error

    def _refuse_claims(
        self, chunk: OpenChunk, positions: np.ndarray, places: np.ndarray,
        parts: Sequence[memoryview | None], shape: Shape, names: Sequence[Any] | np.ndarray,
    ) -> None:  # fmt: skip
        """Refuse samples whose bytes cannot be of their shape, before there is memory for them."""
        header = chunk.header
        if chunk.plain or header.kind == TILE or header.links or not shape:
            return  # without axes: they are all None, stored before there was a sample to say how many
        codec = chunk.sample_codec
        if codec is None:
            nbytes = math.prod(shape) * array_dtype(header).itemsize
            stored, sizes = header.sizes_of(places)
            wrong = np.flatnonzero(np.where(stored > 0, sizes, 0) != nbytes)
            if len(wrong):
                at = int(wrong[0])
                problem = "is not of shape" if stored[at] else "has no bytes for shape"
                raise FormatError(
                    f"{header.name}: sample {places[at]} {problem} {shape} "
                    f"(row {names[int(positions[at])]})"
                )
        elif math.prod(shape) > PICTURE:
            for position, i, part in zip(positions.tolist(), places.tolist(), parts, strict=True):
                data = chunk.sample_bytes(i, part)
                if len(data):
                    self._probed(codec, chunk, data, shape, i, names[position])

    def _taken(
        self, chunk: OpenChunk, places: np.ndarray, parts: Sequence[memoryview | None],
        out: np.ndarray | None = None,
    ) -> np.ndarray | None:  # fmt: skip
        """A copy of plain samples in one pass; None if they have to be decoded one by one."""
        array = chunk.array
        if array is not None:
            self._verify_taken(chunk, places)
        else:
            span = chunk.span(places)
            if span is None:
                return None
            array = chunk.block(*span, parts[0])
            places = places - span[0]
        if not consecutive(places):
            return array.take(places, axis=0, out=out, mode="clip")
        first = int(places[0])
        part = array[first : first + len(places)]
        if out is None:
            return part.copy()
        out[...] = part
        return out

    def _verify_taken(self, chunk: OpenChunk, places: np.ndarray) -> None:
        header = chunk.header
        size = header.size
        if not size or header.whole:
            return
        if consecutive(places):
            self._verify_block(chunk, int(places[0]), int(places[-1]) + 1)
            return
        chunk.verify_samples(places)

    def _verify_block(self, chunk: OpenChunk, start: int, stop: int) -> None:
        """Check samples ``start`` to ``stop`` of a mapped chunk of plain samples."""
        header = chunk.header
        size = header.size
        if not size:
            return
        if header.frame_size:
            start, stop = start * size // header.frame_size, -(-stop * size // header.frame_size)
        chunk.verify(start, stop)


class _Job:
    """Decodes one sample into its place."""

    __slots__ = ("chunk", "i", "out", "position", "reader", "result", "row", "stored")

    def __init__(
        self, reader: TensorReader, chunk: OpenChunk, i: int, stored: memoryview | None, row: Any,
        result: Any, position: int, out: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self.reader = reader
        self.chunk = chunk
        self.i = i
        self.stored = stored
        self.row = row
        self.result = result
        self.position = position
        self.out = out

    def __call__(self) -> None:
        value = self.reader._decode(self.chunk, self.i, self.stored, self.row, self.out)
        if self.out is None or value is not self.out:
            self.result[self.position] = value


def _shapes(chunk: OpenChunk, places: np.ndarray, ndim: int) -> set[Shape]:
    header = chunk.header
    if header.ndim != ndim:
        return {(0,) * ndim}
    if header.shape is not None:
        return {header.shape}
    return set(map(tuple, np.unique(header.shapes()[places], axis=0).tolist()))


__all__ = ["TensorReader"]
