"""A chunk whose header is known: its samples as bytes, checked and decompressed."""

from __future__ import annotations

import math
import mmap
import os
import threading
from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np

from deeplake.errors import CorruptedSampleError, FormatError
from deeplake.format import chunk as chunk_format
from deeplake.format.chunk import WARM, ChunkHeader, warm
from deeplake.format.commit import is_dtype
from deeplake.format.encoding import codec_plugin
from deeplake.format.pieces import ALONE, BLOB, TILED
from deeplake.spi import ChunkCodec, SampleCodec
from deeplake.storage.maps import FileMap
from deeplake.types import Buffer
from deeplake.versioning import checked
from deeplake.versioning.blocks import Blocks, object_id
from deeplake.versioning.repository import data_key

DENSE = 8
"""A block of plain samples is read as a whole if at least one in eight of them is wanted."""


class OpenChunk:
    """A chunk whose header is known.

    Attributes:
        header: The header.
        is_mapped: Its payload lies in a memory map as it is used: it takes no memory.
        plain: The payload is one array: those of the samples, which have one shape.
        array: All samples as one read-only array, when they are plain and mapped.
        pictures: The codec of the samples, where each is a picture's file, and a frame, of a memory map.
        tiles: The tiles of its sample, when it is a directory of tiles that was read.
        blob: The frames of its sample, when it is a blob of which a part was read.

    Args:
        header: The header.
        payload: Its stored bytes, where they are mapped.
        oid, offset: Where the chunk lies.
        arrays: The samples are arrays, which only the tensor's htype tells of a sequence chunk.
    """

    __slots__ = (
        "_checking",
        "_codec",
        "_frames",
        "_payload",
        "_sample_codec",
        "array",
        "blob",
        "header",
        "inflated",
        "is_mapped",
        "offset",
        "oid",
        "pictures",
        "plain",
        "tiles",
    )  # fmt: skip

    def __init__(
        self, header: ChunkHeader, payload: memoryview | None, oid: str, offset: int,
        *, arrays: bool = False,
    ) -> None:  # fmt: skip
        self.header = header
        self.oid = oid
        self.offset = offset
        self._payload = payload
        self._frames: dict[int, memoryview] = {}
        self.inflated = 0
        self._codec = (
            cast(ChunkCodec, codec_plugin(header.chunk_codec)) if header.chunk_codec else None
        )
        if self._codec is not None and self._codec.media != "bytes":
            raise FormatError(f"{header.name}: {header.chunk_codec!r} compresses no chunks")
        file = self.map
        self.is_mapped = self._codec is None and file is not None
        if isinstance(file, FileMap) and file.identity is not None:
            header.verified = checked.frames(file.identity, offset, header)
        self._sample_codec = codec_plugin(header.sample_codec) if header.sample_codec else None
        self.pictures: SampleCodec | None = None
        if self.is_mapped and header.kind == chunk_format.RAGGED and not header.frame_size:
            codec = self.sample_codec
            if codec is not None and codec.media == "image" and not header.links:
                self.pictures = codec
        self.array: np.ndarray | None = None
        self.tiles: Any = None
        self.blob: Any = None
        self._checking = os.getpid(), threading.Lock()
        if header.kind == chunk_format.FIXED:
            shape = header.shape
            dtype = array_dtype(header)
            size = math.prod(shape or ()) * dtype.itemsize
            if shape is None or size != header.size or header.sample_codec:
                raise FormatError(
                    f"{header.name}: samples of {header.size} bytes cannot be {shape}"
                )
        self.plain = header.kind == chunk_format.FIXED or (arrays and header.holds_arrays)
        if self.plain and payload is not None and self._codec is None:
            array = np.frombuffer(payload, array_dtype(header))
            self.array = array.reshape(header.n, *(header.shape or ()))

    # ---- bytes
    @property
    def held(self) -> int:
        """Bytes of its payload in memory, or mapped."""
        return 0 if self._payload is None else self._payload.nbytes

    @property
    def map(self) -> mmap.mmap | None:
        """The memory map that its payload lies in, if it does."""
        under = None if self._payload is None else self._payload.obj
        return under if isinstance(under, mmap.mmap) else None

    def missing(self, frames: Iterable[tuple[int, int]]) -> list[tuple[str, int, int]]:
        """Ranges of the data object that must be fetched before these frames can be read."""
        if self._payload is not None or self.tiles is not None:
            return []
        base = self.offset + self.header.header_length
        ranges = []
        for first, last in frames:
            a, b = self.header.stored_range(first, last)
            ranges.append((self.oid, base + a, base + b))
        return ranges

    def raw(
        self, start: int, stop: int, frames: tuple[int, int], stored: memoryview | None
    ) -> memoryview:
        """Raw bytes ``start`` to ``stop`` of the payload, checked.

        Args:
            start, stop: Range in the raw payload.
            frames: The frames that hold it.
            stored: Their stored bytes, where they had to be fetched.
        """
        if start == stop:
            return memoryview(b"")
        first, last = frames
        header = self.header
        if self._codec is not None:
            return self._inflate(start, stop, first, last, stored)
        if stored is None:
            assert self._payload is not None
            self.verify(first, last)
            return self._payload[start:stop]
        header.check(stored, first, last)
        base = header.frame_start(first)
        return stored[start - base : stop - base]

    def verify(self, first: int, last: int) -> None:
        """Check frames of a mapped, uncompressed chunk, each once."""
        header = self.header
        if header.whole:
            return
        verified = header.verified
        if last - first == 1:
            if verified[first]:
                return
        elif verified[first:last].all():
            header.whole = last - first == len(verified)
            return
        assert self._payload is not None
        a, b = header.stored_range(first, last)
        stored = self._payload[a:b]
        if b - a <= WARM:
            warm(stored)
        header.check(stored, first, last)
        verified[first:last] = True
        header.whole = last - first == len(verified)

    def verify_samples(self, places: np.ndarray, *, wait: bool = True) -> bool:
        """Check the frames of some samples of a mapped, uncompressed chunk, each once.

        Args:
            places: ``int64[n]``: which samples, of those that all have one size.
            wait: False: do nothing while another thread is at it; there may be other chunks to check.

        Returns:
            Whether it was done.
        """
        header = self.header
        if header.whole or not header.size or not len(places):
            return True
        if header.verified.all():
            header.whole = True
            return True
        # Threads that begin an epoch want the same chunks: no two of them check the same bytes.
        process = os.getpid()
        if self._checking[0] != process:
            # In the child of a fork, no thread is left that would release a lock that was held.
            self._checking = process, threading.Lock()
        lock = self._checking[1]
        if not lock.acquire(blocking=wait):
            return False
        try:
            self._verify_samples(places)
        finally:
            lock.release()
        return True

    def _verify_samples(self, places: np.ndarray) -> None:
        header = self.header
        size = header.size
        verified = header.verified
        assert size is not None
        low, high = int(places[0]), int(places[-1])
        together = high - low == len(places) - 1 and bool((places[1:] > places[:-1]).all())
        if not header.frame_size:
            frames = places if together else np.unique(places)
        elif together:
            ends = low * size // header.frame_size, ((high + 1) * size - 1) // header.frame_size
            frames = np.arange(ends[0], ends[1] + 1)
        else:
            wanted = np.zeros(len(verified), np.bool_)
            first = places * size // header.frame_size
            last = ((places + 1) * size - 1) // header.frame_size
            wanted[last] = True
            for step in range(int((last - first).max())):  # most lie in one frame or two
                wanted[np.minimum(first + step, last)] = True
            frames = np.flatnonzero(wanted)
        frames = frames[~verified[frames]]
        if len(frames) > 0 and 4 * len(frames) >= len(verified) - np.count_nonzero(verified):
            # A quarter of what is left: the rest will be wanted soon, and costs less at once.
            frames = np.flatnonzero(~verified)
        if len(frames):
            assert self._payload is not None
            header.check_frames(self._payload, frames)
            verified[frames] = True

    def private(self, blocks: Blocks, first: int, stop: int) -> memoryview | None:
        """Plain samples in a map of their own, checked, to be written to; None where there is none.

        Args:
            blocks: Where the map comes from.
            first: The first sample, of those that all have one size.
            stop: The one after the last.
        """
        header = self.header
        assert header.size is not None
        begin, end = first * header.size, stop * header.size
        low, high = first, stop
        if header.frame_size:
            low, high = begin // header.frame_size, -(-end // header.frame_size)
        start, after = header.frame_start(low), header.frame_start(high)
        base = header.header_length
        view = blocks.private(self.oid, self.offset, (base + start, base + after))
        if view is None:
            return None
        mine, its = self.map, view.obj
        same = (
            isinstance(mine, FileMap)
            and isinstance(its, FileMap)
            and (mine.identity is not None and mine.identity == its.identity)
        )
        verified = header.verified[low:high]
        frames = low + (np.flatnonzero(~verified) if same else np.arange(high - low))
        if len(frames):
            header.check_frames(view, frames, start)
            if same:
                verified[:] = True
        return view[begin - start : end - start]

    def _inflate(
        self, start: int, stop: int, first: int, last: int, stored: memoryview | None
    ) -> memoryview:
        header = self.header
        assert self._codec is not None
        parts = []
        base = header.stored_range(first, last)[0]
        for frame in range(first, last):
            part = self._frames.get(frame)
            if part is None:
                a, b = header.stored_range(frame, frame + 1)
                if stored is None:
                    assert self._payload is not None
                    data = self._payload[a:b]
                else:
                    data = stored[a - base : b - base]
                header.check(data, frame, frame + 1)
                try:
                    part = header.inflate(data, frame, frame + 1, self._codec)
                except CorruptedSampleError as error:
                    raise FormatError(f"{header.name}: {error}") from error
                if stored is None:
                    self._frames[frame] = part
                    self.inflated += len(part)
            parts.append(part)
        whole = parts[0] if len(parts) == 1 else memoryview(b"".join(parts))
        origin = header.frame_start(first)
        return whole[start - origin : stop - origin]

    def shrink(self) -> None:
        """Give up decompressed frames."""
        self._frames.clear()
        self.blob = None
        self.inflated = 0

    def frames_of(self, i: int) -> tuple[int, int]:
        """Frames that hold sample ``i``."""
        start, stop = self.header.raw_range(i)
        if start == stop:
            return 0, 0
        return self.header.frame_range(start, stop, i)

    def span(self, places: np.ndarray) -> tuple[int, int] | None:
        """First place, and the one after the last, when plain samples are best read as one
        block.
        """
        if not self.plain or self.array is not None or not self.header.size:
            return None
        low, high = int(places.min()), int(places.max()) + 1
        return (low, high) if high - low <= DENSE * len(places) else None

    def frames_of_span(self, low: int, high: int) -> tuple[int, int]:
        """Frames that hold samples ``low`` to ``high`` of a plain chunk."""
        size = self.header.size
        assert size is not None
        if self.header.frame_size:
            return self.header.frame_range(low * size, high * size)
        return low, high

    def block(self, low: int, high: int, stored: memoryview | None) -> np.ndarray:
        """Samples ``low`` to ``high`` of a plain chunk as one read-only array."""
        header = self.header
        size, shape = header.size, header.shape
        assert size is not None
        assert shape is not None
        data = self.raw(low * size, high * size, self.frames_of_span(low, high), stored)
        return np.frombuffer(data, array_dtype(header)).reshape(high - low, *shape)

    def sample_bytes(self, i: int, stored: memoryview | None) -> memoryview:
        """Sample ``i`` as the sample codec left it."""
        start, stop = self.header.raw_range(i)
        if start == stop:
            return memoryview(b"")
        return self.raw(start, stop, self.header.frame_range(start, stop, i), stored)

    def file(self, i: int) -> memoryview:
        """Sample ``i`` of a chunk that has ``pictures``: as ``sample_bytes``."""
        header = self.header
        start, stop = header.raw_range(i)
        if not header.verified[i] and start < stop:
            self.verify(i, i + 1)
        assert self._payload is not None
        return self._payload[start:stop]

    def files(self, places: list[int], parts: Sequence[memoryview | None]) -> list[memoryview]:
        """Several samples as the sample codec left them: as ``sample_bytes``, of many at once.

        Args:
            places: Which samples.
            parts: For each the stored bytes of its frames, where they had to be fetched.
        """
        header = self.header
        if self._codec is not None or header.frame_size:
            return [self.sample_bytes(i, part) for i, part in zip(places, parts, strict=True)]
        # A sample is a frame, stored as it is.
        found: list[memoryview] = []
        starts, stops, known = header.raw_ranges(places)
        payload = self._payload
        if payload is not None and not all(known):
            frames = [
                i for i, good, a, b in zip(places, known, starts, stops, strict=True)
                if not good and a < b
            ]  # fmt: skip
            if frames:
                header.check_frames(payload, np.array(frames, np.int64))
                header.verified[frames] = True
        for i, start, stop, part in zip(places, starts, stops, parts, strict=True):
            if start == stop:
                found.append(memoryview(b""))
            elif part is not None:
                header.check(part, i, i + 1)
                found.append(part)
            else:
                assert payload is not None
                found.append(payload[start:stop])
        return found

    # ---- values
    def unpacked(self, i: int, data: memoryview) -> Buffer:
        """Bytes of sample ``i`` before a byte codec."""
        codec = self._sample_codec
        if codec is None or not len(data):
            return data
        if codec.media != "bytes":
            raise FormatError(f"{self.header.name}: {codec.name!r} is no codec of this tensor")
        return cast(ChunkCodec, codec).decompress(data, self.header.decoded_size(i))

    @property
    def sample_codec(self) -> SampleCodec | None:
        """The codec of single samples, if they are files of a format."""
        codec = self._sample_codec
        return None if codec is None or codec.media == "bytes" else cast(SampleCodec, codec)


def read_header(data: memoryview, piece: Any, tensor: str) -> ChunkHeader:
    """The header of a piece's chunk, checked against the piece.

    Args:
        data: The block, or at least its header.
        piece: The piece that leads to it.
        tensor: Name of the tensor, for messages.
    """
    name = f"{data_key(object_id(piece))} at byte {int(piece['offset'])} (tensor {tensor!r})"
    header = ChunkHeader(data, name, int(piece["checksum"]))
    if header.header_length + header.stored_length != int(piece["length"]):
        raise FormatError(f"{name}: the chunk has another size than its piece says")
    check_rows(header, piece)
    if (int(piece["flags"]) & ALONE) != _FLAGS.get(header.kind, 0):
        raise FormatError(f"{name}: a chunk of kind {header.kind}, and its piece says another one")
    return header


_FLAGS = {chunk_format.TILE: TILED, chunk_format.BLOB: BLOB}
"""Kinds of chunks that pieces tell of, since they are looked for without reading all chunks."""


def check_rows(header: ChunkHeader, piece: Any) -> None:
    """Raise ``FormatError`` if a piece takes more samples than its chunk has."""
    if int(piece["start"]) + int(piece["count"]) > header.rows:
        raise FormatError(f"{header.name}: a piece takes more samples than the chunk has")


def array_dtype(header: ChunkHeader) -> np.dtype[Any]:
    """Dtype of the samples of a chunk of arrays. Raises ``FormatError``."""
    if header.dtype in ("str", "json") or not is_dtype(header.dtype):
        raise FormatError(f"{header.name}: {header.dtype!r} is not a dtype of numbers")
    return np.dtype(header.dtype)


__all__ = ["OpenChunk", "array_dtype", "check_rows", "read_header"]
