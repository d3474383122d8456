"""Samples in tiles: read, written, patched and moved without ever holding all of one.

What is to be stored is an :class:`~deeplake.format.builder.Alone`: it makes its blocks when a draft
takes it, a few at a time, so a sample that is larger than memory can be copied or changed.
"""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice, product
from typing import Any, TypeAlias

import numpy as np

from deeplake.errors import (
    CorruptedSampleError,
    FormatError,
    SampleCompressionError,
    SampleTooLargeError,
)
from deeplake.format import chunk as chunk_format
from deeplake.format.chunk import Block, ChunkHeader
from deeplake.format.encoding import Encoding
from deeplake.format.pieces import TILED
from deeplake.format.tiles import TILE, Directory, Grid, Overlap, Part, lengths, put, take
from deeplake.types import Shape
from deeplake.versioning.blocks import Blocks, object_id, object_words
from deeplake.versioning.openchunk import OpenChunk, array_dtype
from deeplake.versioning.repository import data_key
from deeplake.versioning.staging import Staging

FETCHED = 64 << 20
"""Bytes of tiles that are fetched before they are decoded."""
MAX_OPEN = 4096
"""Tiles whose headers are kept."""

Job: TypeAlias = Callable[[], None]
Jobs: TypeAlias = Callable[[Sequence[Job]], None]
"""Runs jobs, one after the other or on threads."""


def in_turn(jobs: Sequence[Job]) -> None:
    """Run jobs one after the other."""
    for job in jobs:
        job()


# --------------------------------------------------------------------------- reading
class Tiles:
    """The tiles of one stored sample; any number of threads may read them at once.

    Args:
        blocks: Where they are read.
        directory: Where each of them is.
        dtype: Of the sample's elements.
        tensor: Name of the tensor, for messages.
        origin: Path or URL of the file that it was read from; empty if there is none.
    """

    def __init__(
        self, blocks: Blocks, directory: Directory, dtype: np.dtype[Any], tensor: str,
        origin: str = "",
    ) -> None:  # fmt: skip
        self.blocks = blocks
        self.directory = directory
        self.dtype = dtype
        self.tensor = tensor
        self.origin = origin
        self._open: dict[int, OpenChunk] = {}
        self._plain: dict[int, np.ndarray] = {}

    @classmethod
    def of(cls, opened: OpenChunk, stored: memoryview | None, blocks: Blocks, tensor: str) -> Tiles:
        """The tiles that a chunk of kind tile leads to.

        Args:
            opened: The chunk.
            stored: Its payload, where it had to be fetched.
            blocks: Where tiles are read.
            tensor: Name of the tensor.
        """
        header = opened.header
        dtype = array_dtype(header)
        payload = opened.sample_bytes(0, stored)
        directory = Directory.decode(payload, header.sample_shape(0), dtype.itemsize, header.name)
        return cls(blocks, directory, dtype, tensor, header.origin(0))

    @property
    def grid(self) -> Grid:
        """How the sample is cut."""
        return self.directory.grid

    @property
    def shape(self) -> Shape:
        """Shape of the sample."""
        return self.grid.shape

    def read(
        self, parts: Sequence[Part], out: np.ndarray | None = None, run: Jobs = in_turn
    ) -> np.ndarray:
        """A part of the sample; only the tiles that it lies in are read.

        Args:
            parts: What is taken of each axis.
            out: Array to read into, of the right shape and dtype.
            run: Decodes tiles, on threads maybe.

        Returns:
            Array that has all axes of the sample; those that an int picks have length 1.

        Raises:
            SampleTooLargeError: There is no memory for the part.
            FormatError, ChecksumError, CorruptedSampleError: A tile is damaged.
        """
        shape = lengths(parts, self.grid.shape)
        overlaps = list(self.grid.overlaps(parts))
        there = self.directory.tiles["length"][[overlap.number for overlap in overlaps]] > 0
        full = bool(there.all())
        try:
            if out is None:
                out = np.empty(shape, self.dtype) if full else np.zeros(shape, self.dtype)
            elif not full:
                out[...] = 0
        except MemoryError as error:
            size = float(np.prod([float(n) for n in shape])) * self.dtype.itemsize
            raise SampleTooLargeError(
                f"tensor {self.tensor!r}: a sample of shape {self.grid.shape}, of which {shape} is "
                f"to be read: there is no memory for {size / 2**30:.1f} GiB; read a part of it, as in "
                "tensor[row, y0:y1, x0:x1]"
            ) from error
        present = [o for o, exists in zip(overlaps, there.tolist(), strict=True) if exists]
        for batch in self._batches(present):
            run(self._jobs(batch, out))
        return out

    def window(self, starts: Sequence[int], stops: Sequence[int], out: np.ndarray) -> bool:
        """Copy a part without gaps from tiles that lie in memory maps as they are.

        Args:
            starts, stops: Where it begins and ends along each axis; it is not empty.
            out: Array to copy to, of its shape and the sample's dtype.

        Returns:
            Whether it was done: all tiles exist, and lie there like that. If not, some of ``out`` may
            have been written.
        """
        axes = []
        for start, stop, side in zip(starts, stops, self.grid.tile, strict=True):
            axes.append(
                [
                    (
                        k,
                        slice(max(start - k * side, 0), stop - k * side),
                        slice(max(k * side - start, 0), (k + 1) * side - start),
                    )
                    for k in range(start // side, (stop - 1) // side + 1)
                ]
            )
        counts = self.grid.counts
        for combined in product(*axes):
            number = 0
            for (place, _, _), count in zip(combined, counts, strict=True):
                number = number * count + place
            tile = self._plain.get(number)
            if tile is None:
                tile = self._as_it_is(number)
                if tile is None:
                    return False
            out[tuple([c[2] for c in combined])] = tile[tuple([c[1] for c in combined])]
        return True

    def _as_it_is(self, number: int) -> np.ndarray | None:
        """A tile that lies in a memory map as it is, checked; None if it does not."""
        if not self.directory.tiles["length"][number]:
            return None
        [opened] = self.open([number])
        if not opened.is_mapped or opened.header.sample_codec:
            return None
        tile = self._decode(number, opened)
        if len(self._plain) >= MAX_OPEN:
            self._plain.clear()
        self._plain[number] = tile
        return tile

    def _batches(self, overlaps: Sequence[Overlap]) -> Iterator[Sequence[Overlap]]:
        sizes = self.directory.tiles["length"]
        batch: list[Overlap] = []
        size = 0
        for overlap in overlaps:
            batch.append(overlap)
            size += int(sizes[overlap.number])
            if size >= FETCHED:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _jobs(self, overlaps: Sequence[Overlap], out: np.ndarray) -> list[Job]:
        found = self.open([overlap.number for overlap in overlaps])

        def job(overlap: Overlap, opened: OpenChunk) -> Job:
            def run() -> None:
                tile = self._decode(overlap.number, opened)
                put(out, overlap.outside, take(tile, overlap.inside))

            return run

        return [job(o, opened) for o, opened in zip(overlaps, found, strict=True)]

    def tile(self, number: int) -> np.ndarray:
        """One tile, read-only maybe."""
        if not self.directory.tiles["length"][number]:
            return np.zeros(self.grid.shape_of(number), self.dtype)
        return self._decode(number, self.open([number])[0])

    def open(self, numbers: Sequence[int]) -> list[OpenChunk]:
        """The chunks of tiles that exist, with their payload; fetched together where needed."""
        found: dict[int, OpenChunk] = {}
        fetch = []
        for number in numbers:
            known = self._open.get(number)
            if known is not None:
                found[number] = known
                continue
            oid, offset, length = self._place(number)
            block = self.blocks.whole(oid, offset, length)
            if block is None:
                fetch.append(number)
                continue
            if len(self._open) >= MAX_OPEN:
                self._open.clear()
            # Only what lies in memory maps: kept are headers, and which frames were checked.
            self._open[number] = found[number] = self._opened(number, block)
        if fetch:
            ranges = [self._place(number) for number in fetch]
            parts = self.blocks.fetch([(oid, a, a + n) for oid, a, n in ranges])
            for number, block in zip(fetch, parts, strict=True):
                found[number] = self._opened(number, block)
        return [found[number] for number in numbers]

    def block(self, number: int) -> tuple[bytes, ChunkHeader]:
        """The block of a tile that exists, checked, and its header."""
        oid, offset, length = self._place(number)
        block = self.blocks.whole(oid, offset, length)
        if block is None:
            block = self.blocks.fetch([(oid, offset, offset + length)])[0]
        header = self._opened(number, block).header
        header.check(block[header.header_length :], 0, header.frames)
        return bytes(block), header

    def _place(self, number: int) -> tuple[str, int, int]:
        record = self.directory.tiles[number]
        return object_id(record), int(record["offset"]), int(record["length"])

    def _opened(self, number: int, block: memoryview) -> OpenChunk:
        oid, offset, length = self._place(number)
        name = f"{data_key(oid)} at byte {offset} (tensor {self.tensor!r}, tile {number})"
        header = ChunkHeader(block, name, int(self.directory.tiles[number]["checksum"]))
        check_tile(header, length, self.grid.shape_of(number), self.dtype)
        return OpenChunk(header, block[header.header_length :], oid, offset)

    def _decode(self, number: int, opened: OpenChunk) -> np.ndarray:
        header = opened.header
        shape = header.sample_shape(0)
        data = opened.sample_bytes(0, None)
        try:
            codec = opened.sample_codec
            if codec is None:
                plain = opened.unpacked(0, data)
                if len(plain) != math.prod(shape) * self.dtype.itemsize:
                    raise FormatError(f"{header.name}: {len(plain)} bytes are not of shape {shape}")
                tile = np.frombuffer(plain, self.dtype)
            else:
                probed = codec.probe(data)
                if math.prod(probed.shape) != math.prod(shape):
                    raise FormatError(
                        f"{header.name}: is a file of shape {probed.shape}, and should have {shape}"
                    )
                tile = codec.decode(data)
        except CorruptedSampleError as error:
            raise CorruptedSampleError(f"{header.name}: {error}") from error
        if tile.dtype != self.dtype:
            raise FormatError(f"{header.name}: holds {tile.dtype}, and should hold {self.dtype}")
        return tile.reshape(shape)


def check_tile(header: ChunkHeader, length: int, shape: Shape, dtype: np.dtype[Any]) -> None:
    """Raise ``FormatError`` if a chunk is not the tile that its directory promises."""
    if header.header_length + header.stored_length != length:
        raise FormatError(f"{header.name}: the tile has another size than its directory says")
    if header.kind not in (chunk_format.FIXED, chunk_format.RAGGED) or header.n != 1:
        raise FormatError(f"{header.name}: a chunk that is no tile")
    if header.sample_shape(0) != shape or array_dtype(header) != dtype or header.is_null(0):
        raise FormatError(
            f"{header.name}: a tile of {header.sample_shape(0)} {header.dtype}, where {shape} "
            f"{dtype.str} belongs"
        )


# --------------------------------------------------------------------------- writing
def encode_tile(tile: np.ndarray, codecs: Encoding) -> Block | None:
    """A tile as a chunk of one sample; None if it is all zeros.

    Raises:
        SampleCompressionError: The codec has no room for it.
    """
    array = np.ascontiguousarray(tile)
    # Of the bytes: -0.0 is not all zeros.
    if not array.reshape(-1).view(np.bool_).any():
        return None
    shape = tile.shape
    data: Any = memoryview(array.reshape(-1).view(np.uint8).data)
    decoded = None
    if codecs.sample is not None:
        data = codecs.sample.encode(array)
        found = codecs.sample.probe(data).shape
        if found != shape and (*found, 1) != shape:
            raise SampleCompressionError(
                f"{codecs.sample.name!r} would store shape {found} for a tile of {shape}"
            )
    elif codecs.sample_bytes is not None:
        decoded = np.array([len(data)], np.uint64)
        data = codecs.sample_bytes.compress(data)
    elif array.base is not None or array is tile:
        data = bytes(data)  # a copy: the caller may change the array before it is stored
    return chunk_format.build(
        [data], n=1, dtype=array.dtype.str, shapes=shape, sizes=len(data), decoded_sizes=decoded,
        sample_codec=codecs.sample_name, chunk_codec=codecs.chunk_name, codec=codecs.chunk,
    )  # fmt: skip


def placed(block: Block, staging: Staging) -> np.ndarray:
    """Stage a block; returns the record (``TILE[()]``) of where it is."""
    oid, offset = staging.add(block)
    record = np.zeros((), TILE)
    record["object"] = object_words(oid)
    record["offset"] = offset
    record["length"] = block.length
    record["header"] = block.header_length
    record["checksum"] = block.checksum
    return record


def record_of(piece: Any) -> np.ndarray:
    """The record of where a piece's chunk is."""
    record = np.zeros((), TILE)
    for field in ("object", "offset", "length", "header", "checksum"):
        record[field] = piece[field]
    return record


class TiledSample(ABC):
    """A sample that is going to be stored in tiles.

    Args:
        grid: How it is cut.
        dtype: Of its elements.
        origin: Path or URL of the file that it was read from; empty if there is none.
    """

    flag = TILED

    def __init__(self, grid: Grid, dtype: str, origin: str = "") -> None:
        self.grid = grid
        self.dtype = dtype
        self.origin = origin

    @property
    def shape(self) -> Shape:
        """Shape of the sample."""
        return self.grid.shape

    @abstractmethod
    def tiles(self, staging: Staging, blocks: Blocks) -> np.ndarray:
        """Stage its tiles, and return the records of where they are."""

    def place(self, staging: Staging, blocks: Blocks) -> np.ndarray:
        """Stage its tiles and its directory, and return the record of where that is.

        Args:
            staging: Where blocks go.
            blocks: Where blocks of the dataset that it is stored in are read.
        """
        directory = Directory(self.grid, self.tiles(staging, blocks))
        return placed(directory.block(self.dtype, self.origin), staging)


class ZeroSample(TiledSample):
    """A sample of zeros, without data."""

    def tiles(self, staging: Staging, blocks: Blocks) -> np.ndarray:
        """No tile has a block."""
        return Directory.blank(self.grid).tiles


class CutSample(TiledSample):
    """An array that is cut into tiles.

    Args:
        array: The array, in the dtype that is stored.
        grid: How it is cut.
        codecs: What tiles are encoded with.
    """

    def __init__(self, array: np.ndarray, grid: Grid, codecs: Encoding) -> None:
        super().__init__(grid, array.dtype.str)
        self._array = array
        self._codecs = codecs

    def tiles(self, staging: Staging, blocks: Blocks) -> np.ndarray:
        """Encode the tiles one after the other, on threads."""
        array, codecs = self._array, self._codecs
        records = Directory.blank(self.grid).tiles

        def encode(number: int) -> tuple[int, Block | None]:
            return number, encode_tile(array[self.grid.box(number)], codecs)

        _store(records, _ahead(encode, range(self.grid.n)), staging)
        return records


class PatchedSample(TiledSample):
    """A stored sample of which a part is replaced: only the tiles that it lies in are written.

    Args:
        before: The sample's tiles.
        parts: What is replaced of each axis.
        values: What it is replaced by; has all axes of the sample.
        codecs: What tiles are encoded with.
    """

    def __init__(
        self, before: Tiles, parts: Sequence[Part], values: np.ndarray, codecs: Encoding
    ) -> None:
        super().__init__(before.grid, before.dtype.str, before.origin)
        self._before = before
        self._parts = parts
        self._values = values
        self._codecs = codecs

    def tiles(self, staging: Staging, blocks: Blocks) -> np.ndarray:
        """Encode the tiles that change."""
        before, values = self._before, self._values
        records = moved(before, staging, blocks)

        def encode(overlap: Overlap) -> tuple[int, Block | None]:
            number = overlap.number
            shape = before.grid.shape_of(number)
            part = take(values, overlap.outside)
            if all(
                isinstance(s, slice) and len(range(*s.indices(n))) == n
                for s, n in zip(overlap.inside, shape, strict=True)
            ):
                tile = np.empty(shape, before.dtype)  # all of it: what was there does not matter
            else:
                tile = before.tile(number).copy()
            put(tile, overlap.inside, part)
            return number, encode_tile(tile, self._codecs)

        _store(records, _ahead(encode, self.grid.overlaps(self._parts)), staging)
        return records

    def strided(self, factor: int) -> np.ndarray:
        """Every ``factor``-th row and column."""
        shape = self.grid.shape
        steps = [slice(0, n, factor if axis < 2 else 1) for axis, n in enumerate(shape)]
        found = self._before.read(steps)
        values = self._values
        places: list[np.ndarray] = []
        for axis, (part, size) in enumerate(zip(self._parts, shape, strict=True)):
            step = steps[axis].step
            positions = np.atleast_1d(np.arange(size)[part])
            kept = np.flatnonzero(positions % step == 0)
            values = values.take(kept, axis=axis)
            places.append(positions[kept] // step)
        put(found, places, values)
        return found


class ChangedSample(TiledSample):
    """A stored sample each of whose tiles is changed.

    Args:
        before: The sample's tiles.
        change: Makes a tile of a tile; tiles without data stay so.
        codecs: What tiles are encoded with.
    """

    def __init__(
        self, before: Tiles, change: Callable[[np.ndarray], np.ndarray], codecs: Encoding
    ) -> None:
        super().__init__(before.grid, before.dtype.str, before.origin)
        self._before = before
        self._change = change
        self._codecs = codecs

    def tiles(self, staging: Staging, blocks: Blocks) -> np.ndarray:
        """Encode all tiles anew."""
        records = Directory.blank(self.grid).tiles

        def encode(number: int) -> tuple[int, Block | None]:
            return number, encode_tile(self._change(self._before.tile(number)), self._codecs)

        _store(records, _ahead(encode, range(self.grid.n)), staging)
        return records


class KeptSample(TiledSample):
    """A stored sample that another row, or another dataset, gets as it is.

    Args:
        before: The sample's tiles.
        record: Where its directory is.
    """

    def __init__(self, before: Tiles, record: np.ndarray) -> None:
        super().__init__(before.grid, before.dtype.str, before.origin)
        self.before = before
        self._record = record

    def tiles(self, staging: Staging, blocks: Blocks) -> np.ndarray:
        """The tiles where they are, or copied to another dataset."""
        return moved(self.before, staging, blocks)

    def place(self, staging: Staging, blocks: Blocks) -> np.ndarray:
        """In the same dataset the directory itself stays where it is."""
        if blocks is self.before.blocks:
            return self._record
        return super().place(staging, blocks)


def moved(sample: Tiles, staging: Staging, blocks: Blocks) -> np.ndarray:
    """Records of a sample's tiles for a dataset that may be another one: then they are copied."""
    records = sample.directory.tiles.copy()
    if blocks is sample.blocks:
        return records
    numbers = np.flatnonzero(records["length"]).tolist()
    for number in numbers:
        data, header = sample.block(number)
        block = Block([data], len(data), header.header_length, header.checksum)
        records[number] = placed(block, staging)
    return records


def _store(records: np.ndarray, made: Iterable[tuple[int, Block | None]], staging: Staging) -> None:
    for number, block in made:
        records[number] = np.zeros((), TILE) if block is None else placed(block, staging)


def _ahead(
    make: Callable[[Any], tuple[int, Block | None]], items: Iterable[Any]
) -> Iterator[tuple[int, Block | None]]:
    """``map`` on threads that runs ahead by a few items only: what it makes is large."""
    workers = os.cpu_count() or 1
    todo = iter(items)
    first = list(islice(todo, 2))
    if len(first) < 2 or workers < 2:
        yield from map(make, first)
        yield from map(make, todo)
        return
    waiting: deque[Future[tuple[int, Block | None]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="deeplake-tile") as pool:
        try:
            for item in (*first, *islice(todo, 2 * workers)):
                waiting.append(pool.submit(make, item))
            while waiting:
                yield waiting.popleft().result()
                for item in islice(todo, 1):
                    waiting.append(pool.submit(make, item))
        finally:
            for future in waiting:
                future.cancel()


__all__ = [
    "ChangedSample", "CutSample", "KeptSample", "PatchedSample", "TiledSample", "Tiles",
    "ZeroSample", "check_tile", "encode_tile", "in_turn", "moved", "placed", "record_of",
]  # fmt: skip
