"""Chunk blocks: some consecutive samples of one tensor (spec, section 4).

A block is a prologue of 96 bytes, arrays that describe the samples, padding to 64 bytes, and the
payload. The payload is cut into *frames*, the unit of checksums and of chunk compression: either
one
frame a sample, or frames of a fixed number of uncompressed bytes.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deeplake.errors import ChecksumError, FormatError, UnsupportedFormatError
from deeplake.format import column, origins
from deeplake.format.checksum import XXH3_64, digest, digests
from deeplake.format.commit import is_dtype
from deeplake.format.sequence import Rows
from deeplake.spi import ChunkCodec
from deeplake.types import Buffer, Shape

MAGIC = b"DLCK"
VERSION = 1
FIXED, RAGGED, SEQUENCE, TILE, BLOB = range(5)

ALIGNMENT = 64
MAX_SAMPLES = 1 << 24
MAX_NDIM = 32
MAX_AXIS = 1 << 32
MAX_ELEMENTS = 1 << 56
"""Of the axes of a shape that are not zero: so that no library's arithmetic on shapes overflows."""
MAX_PAYLOAD = 1 << 38
MAX_FRAME = 1 << 26
CHECKSUM_FRAME = 64 << 10
COMPRESSION_FRAME = 256 << 10
SAMPLE_FRAME = 8 << 10
"""Samples of at least this mean stored size get a frame each."""
LARGE_SAMPLE = 4 << 20
"""Arrays of at least this mean size get several frames each: parts of them can be read alone."""
PART_FRAME = 256 << 10
BLOB_FRAME = 1 << 20
"""Bytes of a blob that are read and checked together."""
WARM = 1 << 20
"""Bytes that a processor finds in its own caches when they are asked for again."""
COLD = 16 << 10
"""Bytes that are worth a round without the interpreter's lock."""

_NULLS, _DECODED_SIZES, _NULL_ROWS, _LINKS, _ORIGINS = 1, 2, 4, 8, 16
_PROLOGUE = struct.Struct("<4sBBBBIIQQIHxx8s16s16s8xQ")
_BEFORE_CHECKSUM = _PROLOGUE.size - 8


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A finished block, ready to be written.

    Attributes:
        buffers: The bytes, in order.
        length: Their number.
        header_length: Bytes before the payload.
        checksum: XXH3-64 of the header, which holds the checksums of the frames.
        borrowed: Frames in memory of somebody else, and their checksums; None if there are none.
    """

    buffers: list[Buffer]
    length: int
    header_length: int
    checksum: int
    borrowed: tuple[Sequence[Buffer], np.ndarray] | None = None

    @property
    def is_unchanged(self) -> bool:
        """Whether what is borrowed still has the checksums that it had."""
        if self.borrowed is None:
            return True
        frames, found = self.borrowed
        return bool(np.array_equal(digests(frames), found))

    def own(self) -> Block:
        """The block in memory of its own."""
        return replace(self, buffers=[bytes(part) for part in self.buffers], borrowed=None)


def build(
    payload: Sequence[Buffer],
    *,
    n: int,
    dtype: str,
    shapes: np.ndarray | Shape,
    sizes: np.ndarray | int,
    nulls: np.ndarray | None = None,
    decoded_sizes: np.ndarray | None = None,
    sample_codec: str = "",
    chunk_codec: str = "",
    codec: ChunkCodec | None = None,
    kind: int | None = None,
    rows: Rows | None = None,
    links: bool = False,
    borrowed: bool = False,
    paths: Sequence[str] | None = None,
    checksums: Sequence[int] | None = None,
) -> Block:
    """Make a chunk block.

    Args:
        payload: Stored bytes of the samples one after the other, in non-empty buffers that each hold
            whole samples.
        n: Samples.
        dtype: NumPy dtype string, ``"str"`` or ``"json"``.
        shapes: One shape if all are equal, else ``uint64[n, ndim]``.
        sizes: Bytes of each sample in ``payload``: one number if all are equal, else ``uint64[n]``.
        nulls: ``bool[n]``, which samples are None.
        decoded_sizes: ``uint64[n]``, bytes of each sample before the byte codec ``sample_codec``.
        sample_codec: Codec that each sample was encoded with.
        chunk_codec: Codec that the frames are compressed with.
        codec: The plugin of that name.
        kind: Chunk kind; None: fixed or ragged, whichever fits.
        rows: Makes it a sequence chunk: how the ``n`` samples, which are items, belong to rows.
        links: The samples are links; dtype and shapes are those of what they lead to.
        borrowed: The payload is somebody else's memory; so is that of the block, unless it is
            compressed.
        paths: Where each sample was read from, empty where nothing is known of that; None: nowhere.
        checksums: XXH3-64 of each buffer, where they are known.
    """
    if rows is not None:
        kind = SEQUENCE
    elif kind is None:
        uniform = isinstance(shapes, tuple) and isinstance(sizes, int)
        plain = uniform and nulls is None and not sample_codec and not links and paths is None
        if plain and sizes != _array_size(shapes, dtype):
            plain = False
        kind = FIXED if plain else RAGGED
    names = (dtype, 8), (sample_codec, 16), (chunk_codec, 16)
    if any(len(name.encode()) > room for name, room in names):
        raise FormatError(
            f"the names {[name for name, _ in names]} have no room in a chunk's header"
        )
    raw_length = sizes * n if isinstance(sizes, int) else int(sizes.sum())
    ndim = len(shapes) if isinstance(shapes, tuple) else shapes.shape[1]

    if codec is not None:
        frame_size = COMPRESSION_FRAME
    elif kind in (TILE, BLOB):
        frame_size = 0 if kind == TILE else BLOB_FRAME
    elif n and raw_length // n >= SAMPLE_FRAME:
        plain = rows is None and dtype not in ("str", "json") and not (sample_codec or links)
        # Frames over the bounds of buffers are copies, which would not show that these changed.
        large = raw_length // n >= LARGE_SAMPLE and not (borrowed and len(payload) > 1)
        frame_size = PART_FRAME if plain and large else 0
    else:
        frame_size = CHECKSUM_FRAME
    frames = _cut(payload, sizes, n, raw_length, frame_size)
    stored: list[Buffer] = list(payload)
    stored_length = raw_length
    lengths = b""
    if codec is not None:
        compressed = [codec.compress(frame) for frame in frames]
        frames = list(compressed)
        stored = list(compressed)
        frame_lengths = np.fromiter(map(len, compressed), np.uint64, len(compressed))
        stored_length = int(frame_lengths.sum())
        lengths = column.encode(frame_lengths)

    flags = (_NULLS if nulls is not None else 0) | (
        _DECODED_SIZES if decoded_sizes is not None else 0
    )
    flags |= (_LINKS if links else 0) | (_ORIGINS if paths is not None else 0)
    counts, null_rows = rows.encode() if rows is not None else (b"", b"")
    flags |= _NULL_ROWS if null_rows else 0
    arrays = [counts] + [
        column.constant(int(shapes[axis]), n)
        if isinstance(shapes, tuple)
        else column.encode(shapes[:, axis])
        for axis in range(ndim)
    ]
    arrays.append(column.constant(sizes, n) if isinstance(sizes, int) else column.encode(sizes))
    if decoded_sizes is not None:
        arrays.append(column.encode(decoded_sizes))
    if nulls is not None:
        arrays.append(np.packbits(nulls, bitorder="little").tobytes())
    arrays.append(null_rows)
    if paths is not None:
        arrays.append(origins.encode(paths))
    arrays.append(lengths)
    if checksums is not None and codec is None and not frame_size and len(checksums) == len(frames):
        sums = np.array(checksums, np.uint64)  # each frame is a sample, and each sample a buffer
    else:
        sums = digests(frames)
    arrays.append(sums.astype("<u8").tobytes())
    header, checksum = _header(
        arrays, kind, flags, n if rows is None else rows.n, raw_length, stored_length, frame_size,
        ndim, dtype, sample_codec, chunk_codec,
    )  # fmt: skip
    lent = (frames, sums) if borrowed and codec is None else None
    return Block([header, *stored], len(header) + stored_length, len(header), checksum, lent)


def _header(
    arrays: Sequence[bytes], kind: int, flags: int, n: int, raw_length: int, stored_length: int,
    frame_size: int, ndim: int, dtype: str, sample_codec: str = "", chunk_codec: str = "",
) -> tuple[bytes, int]:  # fmt: skip
    """The header of a chunk with these arrays, and its checksum."""
    body = b"".join(arrays)
    header_length = -(-(_PROLOGUE.size + len(body)) // ALIGNMENT) * ALIGNMENT
    body += bytes(header_length - _PROLOGUE.size - len(body))
    start = _PROLOGUE.pack(
        MAGIC, VERSION, kind, XXH3_64, flags, n, header_length,
        raw_length, stored_length, frame_size,
        ndim, dtype.encode(), sample_codec.encode(), chunk_codec.encode(), 0,
    )[:_BEFORE_CHECKSUM]  # fmt: skip
    checksum = digest(start, body)
    return start + checksum.to_bytes(8, "little") + body, checksum


@dataclass(frozen=True, slots=True, eq=False)
class PlainChunk:
    """A chunk of an array, of kind ``FIXED``, whose frames get their checksums as they are written.

    Attributes:
        payload: The bytes of the samples.
        n: Samples, at least one, which have bytes.
        shape: Shape of each.
        dtype: NumPy dtype string.
    """

    payload: memoryview
    n: int
    shape: Shape
    dtype: str

    @property
    def frame_size(self) -> int:
        """As in the header."""
        return _plain_frame_size(len(self.payload) // self.n)

    @property
    def header_length(self) -> int:
        """Bytes of the header."""
        return len(self.header(np.zeros(len(self.frames()), np.uint64))[0])

    @property
    def length(self) -> int:
        """Bytes of the block."""
        return self.header_length + len(self.payload)

    def frames(self) -> list[memoryview]:
        """The frames, in order."""
        view, size = self.payload, self.frame_size or len(self.payload) // self.n
        return [view[a : a + size] for a in range(0, len(view), size)]

    def header(self, checksums: np.ndarray) -> tuple[bytes, int]:
        """The header, when the checksums of all frames are known, and its own checksum."""
        size = len(self.payload)
        sizes = [column.constant(axis, self.n) for axis in (*self.shape, size // self.n)]
        return _header(
            [*sizes, checksums.astype("<u8").tobytes()],
            FIXED, 0, self.n, size, size, self.frame_size, len(self.shape), self.dtype,
        )  # fmt: skip


def _plain_frame_size(size: int) -> int:
    """The frame size of arrays of so many bytes on average, that are stored as they are."""
    if size >= LARGE_SAMPLE:
        return PART_FRAME
    return 0 if size >= SAMPLE_FRAME else CHECKSUM_FRAME


def _array_size(shape: np.ndarray | Shape, dtype: str) -> int:
    """Bytes of an array, -1 if the dtype is not one of arrays."""
    if dtype in ("str", "json"):
        return -1
    return math.prod(map(int, shape)) * np.dtype(dtype).itemsize


def _cut(
    payload: Sequence[Buffer], sizes: np.ndarray | int, n: int, raw_length: int, frame_size: int
) -> list[Buffer]:
    """Frames of the payload, without a copy where its buffers allow."""
    if frame_size and raw_length >= LARGE_SAMPLE * n:
        return _cut_large(payload, frame_size)
    if frame_size:
        view = memoryview(payload[0] if len(payload) == 1 else b"".join(payload))
        return [view[a : a + frame_size] for a in range(0, raw_length, frame_size)]
    each = [sizes] * n if isinstance(sizes, int) else sizes.tolist()
    frames: list[Buffer] = []
    buffers = iter(payload)
    view = memoryview(b"")
    start = 0
    for size in each:
        if size and start == len(view):
            view, start = memoryview(next(buffers)), 0
        frames.append(view[start : start + size] if size else b"")
        start += size
    return frames


def warm(data: memoryview) -> None:
    """Bring bytes of a memory map into the processor's cache, without the interpreter's lock.

    Checksums are computed with it held: nobody is to wait for memory meanwhile.
    """
    if len(data) >= COLD:
        np.bitwise_or.reduce(np.frombuffer(data, np.uint8))


def _cut_large(payload: Sequence[Buffer], frame_size: int) -> list[Buffer]:
    """Frames of large buffers: only those that lie in several of them are copied."""
    frames: list[Buffer] = []
    rest = b""
    for buffer in payload:
        view = memoryview(buffer)
        start = min(frame_size - len(rest), len(view)) if rest else 0
        if rest:
            rest += bytes(view[:start])
            if len(rest) < frame_size:
                continue
            frames.append(rest)
        whole = start + (len(view) - start) // frame_size * frame_size
        frames += [view[a : a + frame_size] for a in range(start, whole, frame_size)]
        rest = bytes(view[whole:])
    return [*frames, rest] if rest else frames


class ChunkHeader:
    """The parsed header of a chunk block.

    Attributes:
        name: What messages call the chunk.
        kind: One of ``FIXED`` … ``BLOB``.
        n: Samples; in a sequence chunk they are the items of its rows.
        rows: Rows that pieces may take; ``n`` unless they are sequences.
        sequences: How the samples belong to rows that are sequences; None if each is a row.
        links: The samples are links; shapes and dtype are those of what they lead to.
        ndim: Dimensions of a sample.
        dtype: NumPy dtype string, ``"str"`` or ``"json"``.
        sample_codec, chunk_codec: Codec names, empty for none.
        header_length: Bytes before the payload.
        raw_length: Bytes of all samples, as the sample codec left them.
        stored_length: Bytes of the payload as stored.
        frame_size: Uncompressed bytes a frame, 0 for one frame a sample.
        checksum: XXH3-64 of the header.
        shape: The shape of all samples when it is the same, else None.
        size: The raw bytes of all samples when it is the same, else None.
        verified: Whether a frame was checked before (only kept for mapped chunks).
        whole: All of them are known to have been.
    """

    __slots__ = (
        "_decoded", "_ends", "_frame_ends", "_origins", "_shapes", "_sizes", "checksum", "checksums",
        "chunk_codec", "dtype", "frame_size", "frames", "header_length", "kind", "links", "n", "name",
        "ndim", "nulls", "raw_length", "rows", "sample_codec", "sequences", "shape", "size",
        "stored_length", "verified", "whole",
    )  # fmt: skip

    def __init__(self, data: Buffer, name: str, checksum: int | None = None) -> None:
        """Parse.

        Args:
            data: At least the header of the block.
            name: Object, offset, tensor: for messages.
            checksum: What the piece that leads here says; None when nothing does.

        Raises:
            FormatError, ChecksumError, UnsupportedFormatError: The bytes are not such a header.
        """
        view = memoryview(data).cast("B")
        if len(view) < _PROLOGUE.size:
            raise FormatError(f"{name}: {len(view)} bytes cannot hold a chunk")
        (magic, version, kind, algorithm, flags, n, header_length, raw_length, stored_length,
         frame_size, ndim, dtype, sample_codec, chunk_codec, own,
        ) = _PROLOGUE.unpack_from(view)  # fmt: skip
        if magic != MAGIC:
            raise FormatError(f"{name}: not a chunk (it starts with {magic!r})")
        known = _NULLS | _DECODED_SIZES | _LINKS | _ORIGINS
        known |= _NULL_ROWS if kind == SEQUENCE else 0
        if version != VERSION or algorithm != XXH3_64 or kind > BLOB or flags & ~known:
            raise UnsupportedFormatError(
                f"{name}: chunk of version {version}, kind {kind}, checksum {algorithm}, flags "
                f"{flags}: not known to this version of deeplake; upgrade deeplake-core"
            )
        if header_length < _PROLOGUE.size or header_length % ALIGNMENT or header_length > len(view):
            raise FormatError(f"{name}: a header of {header_length} bytes, {len(view)} are there")
        if digest(view[:_BEFORE_CHECKSUM], view[_PROLOGUE.size : header_length]) != own:
            raise ChecksumError(f"{name}: the chunk's header is not what was written")
        if checksum is not None and own != checksum:
            raise ChecksumError(f"{name}: a valid chunk, but not the one that belongs here")
        if n > MAX_SAMPLES or ndim > MAX_NDIM or max(raw_length, stored_length) > MAX_PAYLOAD:
            raise FormatError(
                f"{name}: {n} samples of {ndim} dimensions in {raw_length} bytes are more than a "
                "chunk holds"
            )
        if kind == FIXED and flags:
            raise FormatError(f"{name}: a fixed chunk with flags {flags}")
        if frame_size > MAX_FRAME:
            raise FormatError(f"{name}: frames of {frame_size} bytes; {MAX_FRAME} are allowed")
        self.name = name
        self.kind = kind
        self.n = self.rows = n
        self.links = bool(flags & _LINKS)
        self.ndim = ndim
        self.header_length = header_length
        self.raw_length = raw_length
        self.stored_length = stored_length
        self.frame_size = frame_size
        self.checksum = own
        self.dtype = _text(dtype, name)
        self.sample_codec = _text(sample_codec, name)
        self.chunk_codec = _text(chunk_codec, name)
        if kind in (TILE, BLOB):
            self._check_alone(flags)
        if self.links and self.sample_codec:
            raise FormatError(f"{name}: links that are encoded with {self.sample_codec!r}")
        self._parse_arrays(column.HeaderReader(view[:header_length], _PROLOGUE.size, name), flags)

    def _check_alone(self, flags: int) -> None:
        """Refuse what a chunk of one sample in tiles, or of one blob, never has."""
        tile = self.kind == TILE
        frame_size = 0 if tile else BLOB_FRAME
        if self.n != 1 or flags & ~_ORIGINS or self.chunk_codec or self.frame_size != frame_size:
            raise FormatError(f"{self.name}: no chunk of one sample of kind {self.kind}")
        if tile == bool(self.sample_codec) or self.dtype in ("", "str", "json"):
            raise FormatError(
                f"{self.name}: a chunk of kind {self.kind} with dtype {self.dtype!r} and codec "
                f"{self.sample_codec!r}"
            )

    def _parse_arrays(self, reader: column.HeaderReader, flags: int) -> None:
        self.sequences = Rows.parse(reader, self.rows) if self.kind == SEQUENCE else None
        if self.sequences is not None:
            self.n = self.sequences.items
        n = self.n
        shapes = [reader.column(n) for _ in range(self.ndim)]
        self.shape: Shape | None = None
        self._shapes: np.ndarray | None = None
        if all(isinstance(axis, int) for axis in shapes):
            self.shape = tuple(int(axis) for axis in shapes)
        else:
            self._shapes = np.stack([column.filled(axis, n) for axis in shapes], axis=1)
        self._check_shapes()
        sizes = reader.column(n)
        self.size = sizes if isinstance(sizes, int) else None
        self._sizes = None if isinstance(sizes, int) else sizes
        self._decoded = reader.column(n) if flags & _DECODED_SIZES else None
        self.nulls: np.ndarray | None = None
        if flags & _NULLS:
            bits = reader.array("u1", -(-n // 8))
            self.nulls = np.unpackbits(bits, count=n, bitorder="little").astype(bool)
        if self.sequences is not None and flags & _NULL_ROWS:
            bits = reader.array("u1", -(-self.rows // 8))
            null_rows = np.unpackbits(bits, count=self.rows, bitorder="little").astype(bool)
            self.sequences = self.sequences.with_nulls(null_rows, self.name)
        self._origins = origins.Origins.parse(reader, n) if flags & _ORIGINS else None
        self._ends: np.ndarray | None = None
        if self._sizes is not None:
            self._ends = _running(
                self._sizes, self.raw_length, f"{self.name}: the sizes of samples"
            )
        elif self.size is not None and self.size * n != self.raw_length:
            raise FormatError(f"{self.name}: {n} samples of {self.size} bytes in {self.raw_length}")
        if self.frame_size == 0:
            self.frames = n
        else:
            self.frames = -(-self.raw_length // self.frame_size)
        if self.frames * 8 > len(reader.data):
            raise FormatError(f"{self.name}: its header cannot hold {self.frames} checksums")
        self._frame_ends: np.ndarray | None = None
        if self.chunk_codec:
            stored = column.filled(reader.column(self.frames), self.frames)
            self._frame_ends = _running(
                stored, self.stored_length, f"{self.name}: the sizes of frames"
            )
        elif self.stored_length != self.raw_length:
            raise FormatError(
                f"{self.name}: stores {self.stored_length} bytes for {self.raw_length} of samples"
            )
        self.checksums = reader.array("<u8", self.frames)
        self.verified = np.zeros(self.frames, bool)
        self.whole = False

    def _check_shapes(self) -> None:
        shapes: list[Sequence[int]] = []
        if self.shape is not None:
            shapes = [self.shape]
        elif self._shapes is not None and self.n:
            shapes = [self._shapes.max(axis=0).tolist()]
            if _elements(shapes[0]) > MAX_ELEMENTS:
                # No sample need be as large as the greatest axes of all of them.
                shapes = self._shapes.tolist()
        for shape in shapes:
            if max(shape, default=0) >= MAX_AXIS or _elements(shape) > MAX_ELEMENTS:
                raise FormatError(f"{self.name}: {tuple(shape)} is not the shape of a sample")

    # ---- samples
    def sample_shape(self, i: int) -> Shape:
        """Shape of sample ``i``."""
        if self.shape is not None:
            return self.shape
        assert self._shapes is not None
        return tuple(self._shapes[i].tolist())

    def shapes(self) -> np.ndarray:
        """``uint64[n, ndim]``: shapes of all samples."""
        if self._shapes is not None:
            return self._shapes
        return np.tile(np.array(self.shape, np.uint64), (self.n, 1)).reshape(self.n, self.ndim)

    def is_null(self, i: int) -> bool:
        """Whether sample ``i`` is None."""
        return self.nulls is not None and bool(self.nulls[i])

    def origin(self, i: int) -> str:
        """Path or URL of the file that sample ``i`` was read from; empty if that is not known."""
        return "" if self._origins is None else self._origins[i]

    def raw_range(self, i: int) -> tuple[int, int]:
        """Where sample ``i`` lies in the raw payload."""
        if self.size is not None:
            return i * self.size, (i + 1) * self.size
        assert self._ends is not None
        return (int(self._ends[i - 1]) if i else 0), int(self._ends[i])

    def raw_ranges(self, places: list[int]) -> tuple[list[int], list[int], list[bool]]:
        """Where some samples lie in the raw payload, and whether the frames so numbered are known
        to be good: those of the samples, where there is no other division.

        Returns:
            First bytes, the bytes after the last, and what is known.
        """
        known = self.verified[places].tolist()
        if self.size is not None:
            size = self.size
            return [i * size for i in places], [(i + 1) * size for i in places], known
        assert self._ends is not None
        ends = self._ends
        starts = [int(ends[i - 1]) if i else 0 for i in places]
        return starts, [int(ends[i]) for i in places], known

    def raw_ends(self) -> np.ndarray:
        """``int64[n]``: where each sample ends in the raw payload."""
        if self._ends is not None:
            return self._ends
        assert self.size is not None
        return np.arange(1, self.n + 1, dtype=np.int64) * self.size

    def decoded_size(self, i: int) -> int:
        """Bytes of sample ``i`` before its byte codec."""
        if self._decoded is None:
            raise FormatError(
                f"{self.name}: does not say how large sample {i} is when decompressed"
            )
        return self._decoded if isinstance(self._decoded, int) else int(self._decoded[i])

    def sizes_of(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``int64[n]`` twice: bytes of some samples as stored, and before their byte codec.

        Args:
            places: ``int64[n]``: which.
        """
        if self._sizes is not None:
            stored = self._sizes[places].astype(np.int64)
        else:
            stored = np.full(len(places), self.size, np.int64)
        decoded = self._decoded
        if decoded is None:
            return stored, stored
        if isinstance(decoded, int):
            return stored, np.full(len(places), decoded, np.int64)
        return stored, decoded[places].astype(np.int64)

    @property
    def holds_arrays(self) -> bool:
        """Whether the raw payload can be one array, if the samples are arrays: all of one shape."""
        return (
            self.kind in (FIXED, SEQUENCE) and self.shape is not None and self.nulls is None
            and not self.sample_codec and not self.links and is_dtype(self.dtype)
            and _array_size(self.shape, self.dtype) == self.size
        )  # fmt: skip

    @property
    def has_decoded_sizes(self) -> bool:
        """Whether samples are compressed one by one with a byte codec."""
        return self._decoded is not None

    # ---- frames
    def frame_range(self, start: int, stop: int, i: int | None = None) -> tuple[int, int]:
        """First frame, and the one after the last, that hold raw bytes ``start`` to ``stop``."""
        if self.frame_size:
            return start // self.frame_size, -(-stop // self.frame_size)
        if i is None:
            ends = self.raw_ends()
            return int(np.searchsorted(ends, start, "right")), int(np.searchsorted(ends, stop)) + 1
        return i, i + 1

    def frame_start(self, frame: int) -> int:
        """Where a frame begins in the raw payload."""
        if self.frame_size:
            return min(frame * int(self.frame_size), int(self.raw_length))
        return self.raw_range(frame)[0] if frame < self.n else self.raw_length

    def stored_range(self, first: int, last: int) -> tuple[int, int]:
        """Where frames ``first`` to ``last`` (exclusive) lie in the stored payload."""
        if self._frame_ends is None:
            return self.frame_start(first), self.frame_start(last)
        ends = self._frame_ends
        return (int(ends[first - 1]) if first else 0), (int(ends[last - 1]) if last else 0)

    def check(self, stored: memoryview, first: int, last: int) -> None:
        """Compare frames with their checksums.

        Args:
            stored: Stored bytes of exactly these frames.
            first: First frame.
            last: The frame after the last.

        Raises:
            ChecksumError: A frame is not what was written.
        """
        checksums = self.checksums
        if last - first == 1:
            if digest(stored) != checksums[first]:
                raise self._damaged(first)
            return
        base = self.stored_range(first, last)[0]
        for frame in range(first, last):
            a, b = self.stored_range(frame, frame + 1)
            if digest(stored[a - base : b - base]) != checksums[frame]:
                raise self._damaged(frame)

    def check_frames(self, payload: memoryview, frames: np.ndarray, begin: int = 0) -> None:
        """Compare some frames of an uncompressed payload with their checksums.

        Args:
            payload: All of it, or a part.
            frames: ``int64[n]``: which.
            begin: Where in the payload the part begins.

        Raises:
            ChecksumError: A frame is not what was written.
        """
        # Thousands of them at the start of an epoch: as little Python for each as can be.
        if self.frame_size:
            starts = frames * int(self.frame_size)
            stops = np.minimum(starts + int(self.frame_size), int(self.raw_length))
        else:
            ends = self.raw_ends()
            starts, stops = np.where(frames > 0, ends[frames - 1], 0), ends[frames]
        starts, stops = starts - begin, stops - begin
        apart = (starts[1:] != stops[:-1]) | (starts[1:] // WARM != starts[:-1] // WARM)
        cuts = [0, *(np.flatnonzero(apart) + 1).tolist(), len(frames)]
        spans = list(zip(starts.tolist(), stops.tolist(), strict=True))
        sums = self.checksums[frames].tolist()
        for a, b in itertools.pairwise(cuts):
            warm(payload[spans[a][0] : spans[b - 1][1]])
            for i in range(a, b):
                start, stop = spans[i]
                if digest(payload[start:stop]) != sums[i]:
                    raise self._damaged(int(frames[i]))

    def _damaged(self, frame: int) -> ChecksumError:
        return ChecksumError(
            f"{self.name}: its data are not those that were written (frame {frame} of "
            f"{self.frames}); restore the object from a copy"
        )

    def inflate(self, stored: memoryview, first: int, last: int, codec: ChunkCodec) -> memoryview:
        """Raw bytes of checked frames of a compressed chunk."""
        base = self.stored_range(first, last)[0]
        parts = []
        for frame in range(first, last):
            a, b = self.stored_range(frame, frame + 1)
            size = self.frame_start(frame + 1) - self.frame_start(frame)
            parts.append(codec.decompress(stored[a - base : b - base], size))
        return memoryview(parts[0] if len(parts) == 1 else b"".join(parts))


def _elements(shape: Sequence[int]) -> int:
    return math.prod(axis for axis in shape if axis)


def _text(field: bytes, name: str) -> str:
    try:
        return field.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError as error:
        raise FormatError(f"{name}: {field!r} is not a name") from error


def _running(sizes: np.ndarray[Any, Any], total: int, what: str) -> np.ndarray[Any, Any]:
    """Running sums of sizes, checked against overflow and against their known total."""
    wide = sizes.astype(np.uint64, copy=False)
    if len(wide) and int(wide.max()) > total:
        raise FormatError(f"{what} go beyond its {total} bytes")
    ends = np.cumsum(wide.astype(np.int64), dtype=np.int64)
    if (int(ends[-1]) if len(ends) else 0) != total:
        raise FormatError(f"{what} do not add up to its {total} bytes")
    return ends


__all__ = [
    "BLOB", "FIXED", "RAGGED", "SEQUENCE", "TILE", "WARM", "Block", "ChunkHeader", "PlainChunk",
    "build", "warm",
]  # fmt: skip
