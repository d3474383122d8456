"""Reads samples of one tensor: rows -> chunks -> bytes -> values."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO, cast

import numpy as np

from deeplake.dataset import linking
from deeplake.dataset.chunks import Group, Rows, consecutive, row_numbers
from deeplake.dataset.items import decode_items
from deeplake.dataset.jobs import on_threads, run_jobs
from deeplake.dataset.link_reader import LinkReader
from deeplake.dataset.sample import Sample
from deeplake.dataset.selection import Selection
from deeplake.errors import (
    CorruptedSampleError,
    DeepLakeError,
    FormatError,
    GetDataFromLinkError,
    MissingCredsError,
)
from deeplake.format import values
from deeplake.format.chunk import BLOB, TILE
from deeplake.format.encoding import encoding
from deeplake.format.links import Link, LinkGrid
from deeplake.format.pieces import ALONE, PARTIAL
from deeplake.format.tiles import Part
from deeplake.spi import SampleCodec
from deeplake.types import SampleHeader, Shape
from deeplake.versioning.blobs import BlobFile, blob_file
from deeplake.versioning.openchunk import OpenChunk, array_dtype
from deeplake.versioning.tiles import Jobs, Tiles, in_turn

CROPPED = 64 << 10
"""Bytes of a plain sample of which a part is read alone, where parts of several samples are."""

COPIED = 32 << 20
"""Bytes of plain samples that are copied on threads, from this many on."""


class TensorReader(LinkReader):
    """Reads rows of one tensor in one version; any number of threads may use it at once.

    Args:
        blocks: Where bytes come from.
        schema: The tensor's schema.
        table: Its piece table.
        before: A reader of the same tensor in an earlier state.
    """

    # ---- one row
    def sample(self, row: int) -> Any:
        """The value of one row: an array (a copy), a str, or a json value."""
        chunk, i = self._locate(row)
        array = chunk.array
        if array is not None:
            header = chunk.header
            size = header.size
            assert size is not None
            if size:
                chunk.verify(*header.frame_range(i * size, (i + 1) * size, i))
            return array[i].copy()
        stored = self._stored(chunk, i)
        if chunk.header.kind == TILE:
            return self._assembled(chunk, stored, row, parallel=True)
        return self._decode(chunk, i, stored, row)

    def raw(self, row: int) -> bytes:
        """The stored bytes of one row: for a compressed sample those of its file; so for a link."""
        chunk, i = self._locate(row)
        stored = self._stored(chunk, i)
        if chunk.header.kind == TILE:
            return self._encoded(self._assembled(chunk, stored, row, parallel=True))
        data = chunk.sample_bytes(i, stored)
        return self._file(data, row) if chunk.header.links else bytes(data)

    def shape(self, row: int) -> Shape:
        """Shape of one row's sample."""
        chunk, i = self._locate(row)
        header = chunk.header
        ndim = self.schema.ndim or 0
        return header.sample_shape(i) if header.ndim == ndim else (0,) * ndim

    def is_null(self, row: int) -> bool:
        """Whether the row is None."""
        chunk, i = self._locate(row)
        return chunk.header.is_null(i)

    def is_modified(self, row: int) -> bool:
        """Whether the last update of the row changed a part of its sample."""
        piece, _, _ = self.table.locate(row)
        return bool(int(piece["edit"]) & PARTIAL)

    # ---- samples in tiles
    def in_parts(self, rows: Rows) -> bool:
        """Whether samples of some rows are stored so that parts of them can be read alone."""
        wanted = row_numbers(rows)
        if len(wanted) == 0:
            return False
        codec = encoding(self.schema).sample
        if self.schema.is_link:
            return any(isinstance(link, LinkGrid) for link in self.links(wanted))
        if codec is not None and codec.parts:
            return True
        spans = self.table.spans(int(wanted.min()), int(wanted.max()) + 1)
        return any(bool((part["flags"] & ALONE).any()) for _, part in spans)

    def in_crops(self, rows: Rows) -> bool:
        """Whether parts of samples that are in one piece are best read one by one, on threads.

        That is so where it saves decoding or copying, and where no row takes a request of its own.
        """
        wanted = row_numbers(rows)
        if not self.blocks.mapping or self.schema.is_link or len(wanted) == 0:
            return False
        codecs = encoding(self.schema)
        if codecs.sample is not None:
            return codecs.sample.crops
        if codecs.sample_bytes is not None or codecs.chunk is not None or not self.schema.dtype:
            return False
        smallest = self.bounds(wanted[:1])[0].min(axis=0)
        nbytes: int = math.prod(smallest.tolist()) * np.dtype(self.schema.dtype).itemsize
        return nbytes >= CROPPED

    def tiles(self, row: int) -> Tiles | None:
        """The tiles of a row's sample; None if it is in one piece."""
        chunk, i = self._locate(row)
        if chunk.header.kind != TILE:
            return None
        return self._tiles(chunk, None if chunk.tiles is not None else self._stored(chunk, i))

    def part(self, row: int, selection: Selection) -> np.ndarray:
        """What the steps of a selection take from one row's sample; as little as possible is read.

        Args:
            row: Row number.
            selection: Its rows do not matter.
        """
        chunk, i = self._locate(row)
        if chunk.header.kind == TILE:
            shape = chunk.header.sample_shape(i)
            parts = selection.resolve(shape)
            tiles = self._tiles(chunk, self._stored(chunk, i))
            found = self._read_tiles(tiles, parts, row, run=on_threads)
            return found.reshape(selection.result_shape(shape))
        array = chunk.array
        if array is not None:
            header = chunk.header
            if header.size:
                chunk.verify(*header.frame_range(i * header.size, (i + 1) * header.size, i))
            return np.array(selection.apply(array[i]))
        # Of a blob, what is needed is fetched when it is read.
        stored = None if chunk.header.kind == BLOB else self._stored(chunk, i)
        items = self._items(chunk, i, stored, row, selection)
        if items is not None:
            self._trim()
            return items
        if chunk.header.kind == BLOB:
            stored = self._stored(chunk, i)
        cropped = self._crop(chunk, i, stored, row, selection)
        return selection.apply(self._decode(chunk, i, stored, row)) if cropped is None else cropped

    def _crop(
        self, chunk: OpenChunk, i: int, stored: memoryview | None, row: Any, selection: Selection
    ) -> np.ndarray | None:
        """What is selected of a picture whose codec decodes crops; None if that saves nothing."""
        codec = chunk.sample_codec
        shape = chunk.header.sample_shape(i)
        if codec is None or not codec.crops or chunk.header.links or not 2 <= len(shape) <= 3:
            return None
        parts = selection.resolve(shape)
        bounds = []
        for part, size in zip(parts[:2], shape, strict=False):
            picked = range(part, part + 1) if type(part) is int else part
            if isinstance(picked, slice):
                picked = range(*picked.indices(size))
            if not isinstance(picked, range) or not picked or picked.step != 1:
                return None
            bounds.append((picked.start, len(picked)))
        (top, height), (left, width) = bounds
        data = chunk.sample_bytes(i, stored)
        if (height, width) == shape[:2] or not len(data):
            return None
        try:
            if codec.probe(data).shape != shape:
                return None
            found = codec.decode(data, crop=(top, left, height, width))
        except (DeepLakeError, ValueError) as error:
            raise CorruptedSampleError(
                f"tensor {self.schema.name!r}, row {row}: cannot be decoded: {error}"
            ) from error
        inner = [0 if type(part) is int else slice(None) for part in parts[:2]]
        return found[(*inner, *parts[2:])].reshape(selection.result_shape(shape))

    def file(self, row: int) -> BinaryIO:
        """The file that is stored for a row; of a large one, only what is read of it is fetched."""
        chunk, i = self._locate(row)
        if chunk.header.kind == BLOB:
            return cast(BinaryIO, blob_file(chunk, self.blocks))
        return io.BytesIO(chunk.sample_bytes(i, self._stored(chunk, i)))

    def _items(
        self, chunk: OpenChunk, i: int, stored: memoryview | None, row: Any, selection: Selection
    ) -> np.ndarray | None:
        """What is selected of a file of which items are decoded alone (frames); None if it is none."""
        header = chunk.header
        codec = chunk.sample_codec
        shape = header.sample_shape(i)
        start, stop = header.raw_range(i)
        link: Link | None = None
        if header.links and stop > start:
            found = self._link(chunk.sample_bytes(i, stored), row)
            if isinstance(found, LinkGrid):
                return self._of_grid(found, shape, selection, row)
            link = found
            if any(shape):
                codec = linking.codec_of(link)
        if codec is None or not codec.parts or stop == start:
            return None
        parts = list(selection.resolve(shape))
        axis = codec.axis % len(shape)
        picked = np.atleast_1d(np.arange(shape[axis])[parts[axis]])
        if not len(picked):
            return np.empty(selection.result_shape(shape), array_dtype(header))
        whole = SampleHeader(shape, array_dtype(header).name)
        opened: Any = None
        if header.kind == BLOB:
            opened = blob_file(chunk, self.blocks, raises=False)
        elif link is None:
            opened = io.BytesIO(chunk.sample_bytes(i, stored))
        try:
            if link is not None:
                opened = self._opened(link)
            with opened as file:
                items = decode_items(codec, cast(BinaryIO, file), picked, whole)
        except (GetDataFromLinkError, MissingCredsError) as error:
            raise linking.located(error, self.schema.name, row) from error
        except (DeepLakeError, ValueError) as error:
            _check_read(opened)
            raise CorruptedSampleError(
                f"tensor {self.schema.name!r}, row {row}: items {picked.min()} to "
                f"{picked.max() + 1} cannot be decoded: {error}"
            ) from error
        _check_read(opened)
        for k, part in enumerate(parts):
            index = slice(part, part + 1) if type(part) is int else part
            items = items if k == axis else items[(slice(None),) * k + (index,)]
        return items.reshape(selection.result_shape(shape))

    def _tiles(self, chunk: OpenChunk, stored: memoryview | None) -> Tiles:
        tiles: Tiles | None = chunk.tiles
        if tiles is None:
            tiles = Tiles.of(chunk, stored, self.blocks, self.schema.name)
            chunk.tiles = tiles
        return tiles

    def _assembled(
        self, chunk: OpenChunk, stored: memoryview | None, row: Any, *, parallel: bool,
        out: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        """The whole sample of a row that is stored in tiles."""
        tiles = self._tiles(chunk, stored)
        everything = [slice(0, size) for size in tiles.grid.shape]
        return self._read_tiles(
            tiles, everything, row, out=out, run=on_threads if parallel else in_turn
        )

    def _read_tiles(
        self, tiles: Tiles, parts: Sequence[Part], row: Any, *, run: Jobs,
        out: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        try:
            return tiles.read(parts, out, run)
        except CorruptedSampleError as error:
            raise CorruptedSampleError(
                f"tensor {self.schema.name!r}, row {row}: cannot be decoded: {error}"
            ) from error

    def _encoded(self, sample: np.ndarray) -> bytes:
        """A sample that was stored in tiles as it would be stored in one piece."""
        codecs = encoding(self.schema)
        if codecs.sample is not None:
            return codecs.sample.encode(sample)
        data = sample.tobytes()
        return data if codecs.sample_bytes is None else codecs.sample_bytes.compress(data)

    def _decode(
        self, chunk: OpenChunk, i: int, stored: memoryview | None, row: Any,
        out: np.ndarray | None = None,
    ) -> Any:  # fmt: skip
        """The value of a sample whose stored bytes are at hand."""
        header = chunk.header
        payload = self.payload
        data = chunk.sample_bytes(i, stored)
        if header.links and len(data):
            return self._linked(data, header.sample_shape(i), row, out)
        shape = header.sample_shape(i)
        try:
            if payload == "array":
                return self._array(chunk, data, shape, i, out)
            if header.is_null(i):
                return _NULLS[payload]()
            unpacked = chunk.unpacked(i, data)
            if payload == "text":
                return values.decode_text(unpacked)
            if payload == "json":
                return values.decode_json(unpacked, unpack=_unpack)
            if payload == "list":
                return values.decode_list(unpacked, unpack=_unpack)
            return values.decode_polygons(unpacked, header.dtype)
        except FormatError:
            raise
        except (DeepLakeError, ValueError) as error:
            raise CorruptedSampleError(
                f"tensor {self.schema.name!r}, row {row}: cannot be decoded: {error}"
            ) from error

    def _array(
        self, chunk: OpenChunk, data: memoryview, shape: Shape, i: int, out: np.ndarray | None
    ) -> np.ndarray:
        header = chunk.header
        codec = chunk.sample_codec
        if codec is not None and len(data):
            # Before memory is allocated for what the file claims to be.
            probed = codec.probe(data).shape
            if math.prod(probed) != math.prod(shape):
                raise FormatError(
                    f"{header.name}: sample {i} is a file of shape {probed}, and should have {shape}"
                )
            if out is not None and out.flags.c_contiguous:
                codec.decode(data, out=out if probed == shape else out.reshape(probed))
                return out
            return codec.decode(data).reshape(shape)
        if not len(data):
            ndim = self.schema.ndim or 0
            if header.ndim != ndim:
                # None from before the first value, which told how many dimensions there are.
                shape = (0,) * ndim
            if 0 not in shape and shape:
                raise FormatError(f"{header.name}: sample {i} of shape {shape} has no bytes")
            known = self.schema.dtype
            return np.zeros(shape, array_dtype(header) if known is None else np.dtype(known))
        dtype = array_dtype(header)
        plain = chunk.unpacked(i, data)
        array = np.frombuffer(plain, dtype)
        if array.size != math.prod(shape):
            raise FormatError(f"{header.name}: sample {i} is not of shape {shape}")
        return array.reshape(shape).copy()

    # ---- many rows
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
            for k, (position, i) in enumerate(
                zip(positions.tolist(), places.tolist(), strict=True)
            ):
                shape = header.sample_shape(i)
                data = nothing[0] if codec is None else chunk.sample_bytes(i, parts[k])
                result[position] = (data, codec if len(data) else None, shape)
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

    def _block(
        self, start: int, stop: int, out: np.ndarray | None, parallel: bool
    ) -> np.ndarray | None:
        """Consecutive rows, copied from maps of their files; None if they are not there like that."""
        last = self._last
        if last is not None and last[0] <= start and stop <= last[1]:
            if last[3].array is None:
                return None
            taken = [(last[3], start + last[2], stop - start)]
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
            out = np.empty((stop - start, *shape), self.schema.dtype)
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
        result = out if out is not None else np.empty((n, *shape), dtype)
        jobs: list[_Job] = []
        for chunk, positions, places, parts in self._fetched(groups):
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
            for position, i, stored in zip(positions.tolist(), places.tolist(), parts, strict=True):
                name, place = names[position], result[position]
                jobs.append(_Job(self, chunk, i, stored, name, result, position, place))
        self._run(jobs, parallel)
        self._trim()
        return result

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
        if not size or header.verified.all():
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

    def shapes(self, rows: Rows) -> np.ndarray:
        """``int64[rows, ndim]``: shapes of the samples of some rows."""
        if self.looks:
            return self._look(self.groups(rows), len(rows), row_numbers(rows))
        ndim = self.schema.ndim or 0
        result = np.zeros((len(rows), ndim), np.int64)
        for chunk, positions, places in self.groups(rows):
            header = chunk.header
            if header.ndim == ndim:
                result[positions] = (
                    header.shape if header.shape is not None else header.shapes()[places]
                )
        return result

    def bounds(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        """``int64[rows, ndim]`` twice: lowest and highest shape of what each row has."""
        shapes = self.shapes(rows)
        return shapes, shapes


def _check_read(file: Any) -> None:
    """Raise what reading a blob failed with: not the file is at fault, but where it is stored."""
    if isinstance(file, BlobFile) and file.failure is not None:
        raise file.failure


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


def _unpack(embedded: values.Embedded) -> Any:
    return Sample(buffer=embedded.data, compression=embedded.compression)


_NULLS: Mapping[str, Callable[[], Any]] = {"text": str, "json": dict, "list": list, "polygon": list}

__all__ = ["TensorReader"]
