"""Segment blocks: up to 4,096 pieces of one tensor as a struct of arrays (spec, section 5)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from deeplake.errors import ChecksumError, FormatError, UnsupportedFormatError
from deeplake.format import column
from deeplake.format.checksum import XXH3_64, digest
from deeplake.format.chunk import ALIGNMENT, MAX_NDIM, MAX_SAMPLES, Block
from deeplake.format.commit import MAX_PIECES, MAX_SEGMENT, SegmentRef
from deeplake.format.pieces import ALONE, DOMAIN, VALID, Pieces, piece_dtype
from deeplake.types import Buffer

MAGIC = b"DLSG"
VERSION = 1
MAX_BODY = 4 << 20
COMPRESS_FROM = 4 << 10
"""Bodies of at least this many bytes are compressed: below, a block of the disk holds them
anyway."""

_ZLIB = 1
_PROLOGUE = struct.Struct("<4sBBBBIIIHBxQQQQQ")
_BEFORE_CHECKSUM = _PROLOGUE.size - 16
_COLUMNS = ("length", "header", "start", "count", "counter", "edit", "nulls")


def encode(pieces: Pieces, level: int = 0) -> Block:
    """Make a segment block of 1 to 4,096 pieces, or an index block (level 1) of that many
    segments.
    """
    n = len(pieces)
    ndim = pieces.dtype["low"].shape[0]
    objects, which = np.unique(pieces["object"], axis=0, return_inverse=True)
    sessions, session = np.unique(pieces["session"], return_inverse=True)
    statistics = bool(pieces["flags"].any())
    parts = [
        objects.astype("<u8").tobytes(),
        sessions.astype("<u8").tobytes(),
        column.encode(which.reshape(-1).astype(np.uint64)),
        column.encode(session.astype(np.uint64)),
        column.encode(pieces["offset"] // np.uint64(ALIGNMENT)),
        *(column.encode(pieces[name]) for name in _COLUMNS),
        np.ascontiguousarray(pieces["checksum"]).tobytes(),
    ]
    for axis in range(ndim):
        parts.append(column.encode(pieces["low"][:, axis]))
        parts.append(column.encode(pieces["high"][:, axis]))
    if statistics:
        parts.append(np.ascontiguousarray(pieces["flags"]).tobytes())
        parts.extend(column.encode(pieces[name]) for name in ("min", "max", "domain"))
    body = b"".join(parts)
    raw_length = len(body)
    flags = 0
    if raw_length >= COMPRESS_FROM:
        body = zlib.compress(body, 1)
        flags = _ZLIB
    rows = int(pieces["count"].sum())
    start = _PROLOGUE.pack(
        MAGIC, VERSION, level, XXH3_64, flags, n, len(objects), len(sessions), ndim,
        int(statistics),
        raw_length, len(body), rows, 0, 0,
    )  # fmt: skip
    checksum = digest(start[:_BEFORE_CHECKSUM], start[_BEFORE_CHECKSUM + 8 :], body)
    header = (
        start[:_BEFORE_CHECKSUM] + checksum.to_bytes(8, "little") + start[_BEFORE_CHECKSUM + 8 :]
    )
    return Block([header, body], len(header) + len(body), len(header), checksum)


def decode(data: Buffer, name: str, checksum: int | None = None, *, level: int = 0) -> Pieces:
    """The pieces of a segment block.

    Args:
        data: The block.
        name: Object, offset, tensor: for messages.
        checksum: What the reference that leads here says; None when nothing does.
        level: What the reference says it is: 0 for a segment, 1 for an index.

    Raises:
        FormatError, ChecksumError, UnsupportedFormatError: The bytes are not such a block.
    """
    view = memoryview(data).cast("B")
    if len(view) < _PROLOGUE.size:
        raise FormatError(f"{name}: {len(view)} bytes cannot hold a segment")
    (magic, version, found, algorithm, flags, n, n_objects, n_sessions, ndim, statistics,
    raw_length,
     stored_length, rows, own, reserved) = _PROLOGUE.unpack_from(view)  # fmt: skip
    if magic != MAGIC:
        raise FormatError(f"{name}: not a segment (it starts with {magic!r})")
    if version != VERSION or found > 1 or algorithm != XXH3_64 or flags > _ZLIB or statistics > 1:
        raise UnsupportedFormatError(
            f"{name}: segment of version {version}, level {found}, checksum {algorithm}, flags "
            f"{flags}: not known to this version of deeplake; upgrade deeplake-core"
        )
    if len(view) != _PROLOGUE.size + stored_length:
        raise FormatError(
            f"{name}: {len(view)} bytes where {_PROLOGUE.size + stored_length} belong"
        )
    body = view[_PROLOGUE.size :]
    if digest(view[:_BEFORE_CHECKSUM], view[_BEFORE_CHECKSUM + 8 : _PROLOGUE.size], body) != own:
        raise ChecksumError(f"{name}: the segment is not what was written; restore it from a copy")
    if found != level:
        raise FormatError(f"{name}: a segment of level {found} where one of level {level} belongs")
    if checksum is not None and own != checksum:
        raise ChecksumError(f"{name}: a valid segment, but not the one that belongs here")
    many = not 0 < n <= MAX_PIECES or max(n_objects, n_sessions) > n
    if many or ndim > MAX_NDIM or raw_length > MAX_BODY or reserved:
        raise FormatError(f"{name}: {n} pieces in {raw_length} bytes are more than a segment holds")
    if flags & _ZLIB:
        inflate = zlib.decompressobj()
        try:
            # Room for one byte more: a stream that fills it is too long. (0 would mean no limit.)
            body = memoryview(inflate.decompress(body, raw_length + 1))
        except zlib.error as error:
            raise FormatError(f"{name}: the segment cannot be decompressed: {error}") from error
        if not inflate.eof or inflate.unused_data:
            raise FormatError(f"{name}: the segment is not one stream of {raw_length} bytes")
    if len(body) != raw_length:
        raise FormatError(f"{name}: {len(body)} bytes of pieces where {raw_length} belong")
    return _parse(column.HeaderReader(body, 0, name), n, n_objects, n_sessions, ndim,
    bool(statistics),
                  rows, level)  # fmt: skip


def _parse(
    reader: column.HeaderReader, n: int, n_objects: int, n_sessions: int, ndim: int,
    statistics: bool, rows: int, level: int,
) -> Pieces:  # fmt: skip
    name = reader.name
    pieces = np.zeros(n, piece_dtype(ndim))
    objects = reader.array("<u8", 2 * n_objects).reshape(n_objects, 2)
    sessions = reader.array("<u8", n_sessions)

    def numbers(what: str, limit: int) -> np.ndarray[Any, Any]:
        values = column.filled(reader.column(n), n)
        if int(values.max()) >= limit:
            raise FormatError(f"{name}: {what} {int(values.max())} is out of bounds")
        return values

    pieces["object"] = objects[numbers("object", n_objects)]
    pieces["session"] = sessions[numbers("session", n_sessions)]
    pieces["offset"] = numbers("offset", 1 << 40) * np.uint64(ALIGNMENT)
    most = MAX_SAMPLES * (MAX_PIECES if level else 1)
    longest = MAX_SEGMENT if level else 1 << 40
    limits = {"length": longest, "header": 1 << 32, "start": MAX_SAMPLES, "count": most + 1,
              "counter": 1 << 48, "edit": 1 << 64, "nulls": 1 << 32}  # fmt: skip
    for field in _COLUMNS:
        pieces[field] = numbers(field, limits[field])
    pieces["checksum"] = reader.array("<u8", n)
    for axis in range(ndim):
        pieces["low"][:, axis] = numbers("dimension", 1 << 32)
        pieces["high"][:, axis] = numbers("dimension", 1 << 32)
    if statistics:
        flags = reader.array("u1", n)
        if int(flags.max()) > VALID | DOMAIN | ALONE or bool(((flags & ALONE) == ALONE).any()):
            raise FormatError(f"{name}: flags {int(flags.max())} of a piece are not known")
        if bool((((flags & ALONE) != 0) & ((pieces["count"] != 1) | (pieces["start"] != 0))).any()):
            raise FormatError(f"{name}: several rows of a chunk that holds one sample")
        pieces["flags"] = flags
        for field in ("min", "max", "domain"):
            pieces[field] = column.filled(reader.column(n), n)
    if bool((pieces["low"] > pieces["high"]).any()):
        raise FormatError(f"{name}: the least shape of a piece is more than its greatest")
    if reader.offset != len(reader.data):
        raise FormatError(f"{name}: has {len(reader.data) - reader.offset} bytes after its pieces")
    if int(pieces["count"].min()) == 0 or int(pieces["count"].sum()) != rows:
        raise FormatError(f"{name}: the rows of its pieces do not add up to {rows}")
    if bool((pieces["header"] > pieces["length"]).any()):
        raise FormatError(f"{name}: a chunk is smaller than its own header")
    return pieces


def pack(refs: Sequence[SegmentRef], ndim: int) -> Pieces:
    """References to segments as the "pieces" of an index block."""
    table = np.zeros(len(refs), piece_dtype(ndim))
    for row, ref in zip(table, refs, strict=True):
        row["object"] = int(ref.object[:16], 16), int(ref.object[16:], 16)
        row["offset"], row["length"], row["count"] = ref.offset, ref.length, ref.rows
        row["counter"], row["checksum"] = ref.pieces, ref.checksum
        known = min(ndim, len(ref.low))
        row["low"][:known], row["high"][:known] = ref.low[:known], ref.high[:known]
    return table


def unpack(pieces: Pieces) -> list[SegmentRef]:
    """The references that an index block holds."""
    return [
        SegmentRef(
            "{:016x}{:016x}".format(*row["object"].tolist()), int(row["offset"]),
            int(row["length"]), int(row["counter"]), int(row["count"]), int(row["checksum"]),
            tuple(row["low"].tolist()), tuple(row["high"].tolist()),
        )
        for row in pieces
    ]  # fmt: skip


__all__ = ["MAX_PIECES", "decode", "encode", "pack", "unpack"]
