"""Segment blocks: up to 4,096 pieces of one tensor as a struct of arrays (spec, section 5)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from deeplake.errors import ChecksumError, FormatError, UnsupportedFormatError
from deeplake.format import column
from deeplake.format.checksum import XXH3_64, digest
from deeplake.format.chunk import ALIGNMENT, MAX_NDIM, MAX_SAMPLES, Block
from deeplake.format.commit import MAX_PIECES, MAX_SEGMENT, PIECE, SegmentRef
from deeplake.format.pieces import ALONE, DOMAIN, VALID, Pieces, piece_dtype
from deeplake.types import Buffer

MAGIC = b"DLSG"
VERSION = 1
MAX_BODY = 4 << 20

Numbers: TypeAlias = np.ndarray[Any, Any]
_ZLIB = 1
_PROLOGUE = struct.Struct("<4sBBBBIIIHBxQQQQII")
_BEFORE_CHECKSUM = _PROLOGUE.size - 16


def encode(pieces: Pieces, level: int = 0) -> Block:
    """Make a segment block of 1 to 4,096 pieces, or an index block (level 1) of that many
    segments.
    """
    n = len(pieces)
    ndim = pieces.dtype["low"].shape[0]
    chunks, chunk = _unique(
        pieces["object"][:, 0], pieces["object"][:, 1], pieces["offset"], pieces["length"],
        pieces["header"], pieces["checksum"],
    )  # fmt: skip
    oids, which = np.unique(chunks[:, :2], axis=0, return_inverse=True)
    sessions, session = np.unique(pieces["session"], return_inverse=True)
    edits, edit = np.unique(pieces["edit"], return_inverse=True)
    statistics = bool(pieces["flags"].any())
    guessed = _Guess(chunk, edit, edits[edit] == 0)
    counts = pieces["count"].astype(np.uint64)
    counters = pieces["counter"].astype(np.uint64)
    starts = pieces["start"].astype(np.uint64)
    parts = [
        oids.astype("<u8").tobytes(),
        sessions.astype("<u8").tobytes(),
        edits.astype("<u8").tobytes(),
        column.encode(which.reshape(-1).astype(np.uint64)),
        column.encode(chunks[:, 2] // np.uint64(ALIGNMENT)),
        column.encode(chunks[:, 3]),
        column.encode(chunks[:, 4]),
        chunks[:, 5].astype("<u8").tobytes(),
        column.encode(chunk.astype(np.uint64)),
        column.encode(session.astype(np.uint64)),
        column.encode(edit.astype(np.uint64)),
        column.encode(counts),
        column.encode(_zigzag(counters - _following(counters, counts))),
        column.encode(_zigzag(guessed.differences(starts, counts, counters))),
        column.encode(pieces["nulls"]),
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
    compressed = zlib.compress(body, 6)
    if len(compressed) < raw_length:
        body, flags = compressed, _ZLIB
    rows = int(pieces["count"].sum())
    start = _PROLOGUE.pack(
        MAGIC, VERSION, level, XXH3_64, flags, n, len(oids), len(sessions), ndim,
        int(statistics),
        raw_length, len(body), rows, 0, len(chunks), len(edits),
    )  # fmt: skip
    checksum = digest(start[:_BEFORE_CHECKSUM], start[_BEFORE_CHECKSUM + 8 :], body)
    header = (
        start[:_BEFORE_CHECKSUM] + checksum.to_bytes(8, "little") + start[_BEFORE_CHECKSUM + 8 :]
    )
    return Block([header, body], len(header) + len(body), len(header), checksum)


def _unique(*columns: Numbers) -> tuple[Numbers, Numbers]:
    """Distinct rows of some columns in order of their first appearance, and which each one is."""
    table = np.stack([values.astype(np.uint64) for values in columns], axis=1)
    order = np.lexsort(table.T[::-1])
    fresh = np.ones(len(table), bool)
    fresh[1:] = (table[order[1:]] != table[order[:-1]]).any(axis=1)
    group = np.empty(len(table), np.int64)
    group[order] = np.cumsum(fresh) - 1
    firsts = order[fresh]  # of a stable sort: the first of each group
    rank = np.empty(len(firsts), np.int64)
    by_first = np.argsort(firsts)
    rank[by_first] = np.arange(len(firsts))
    return table[firsts[by_first]], rank[group]


def _zigzag(differences: Numbers) -> Numbers:
    """Signed differences, modulo 2^64, as small numbers."""
    signed = differences.view(np.int64)
    return ((signed << 1) ^ (signed >> 63)).view(np.uint64)


def _unzigzag(numbers: Numbers) -> Numbers:
    return (numbers >> np.uint64(1)) ^ (np.uint64(0) - (numbers & np.uint64(1)))


def _following(counters: Numbers, counts: Numbers) -> Numbers:
    """Where row ids would go on: what the counter of each piece is, mostly."""
    expected = np.zeros(len(counters), np.uint64)
    expected[1:] = counters[:-1] + counts[:-1]
    return expected


class _Guess:
    """Where in its chunk a piece begins, mostly: it follows from the piece before it in that chunk.

    Rows as they were appended lie in their chunk in the order of their ids; those of an update one
    after the other.
    """

    def __init__(self, chunk: Numbers, edit: Numbers, appended: Numbers) -> None:
        group = chunk * (int(edit.max()) + 1) + edit
        self._order = np.argsort(group, kind="stable")
        grouped = group[self._order]
        self._first = np.ones(len(group), bool)
        self._first[1:] = grouped[1:] != grouped[:-1]
        self._appended = appended[self._order]

    def _steps(self, counts: Numbers, counters: Numbers) -> Numbers:
        """How much further each piece begins than the one before it, in grouped order."""
        counts, counters = counts[self._order], counters[self._order]
        steps = np.zeros(len(counts), np.uint64)
        steps[1:] = np.where(self._appended[1:], counters[1:] - counters[:-1], counts[:-1])
        steps[self._first] = 0
        return steps

    def differences(self, starts: Numbers, counts: Numbers, counters: Numbers) -> Numbers:
        """Starts less what they were expected to be."""
        grouped = starts[self._order]
        before = np.zeros(len(starts), np.uint64)
        before[1:] = grouped[:-1]
        before[self._first] = 0
        found = np.empty_like(starts)
        found[self._order] = grouped - before - self._steps(counts, counters)
        return found

    def starts(self, differences: Numbers, counts: Numbers, counters: Numbers) -> Numbers:
        """The starts that have these differences."""
        steps = differences[self._order] + self._steps(counts, counters)
        total = np.cumsum(steps, dtype=np.uint64)
        base = (total - steps)[self._first][np.cumsum(self._first) - 1]
        found = np.empty_like(total)
        found[self._order] = total - base
        return found


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
     stored_length, rows, own, n_chunks, n_edits) = _PROLOGUE.unpack_from(view)  # fmt: skip
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
    counts = (n_objects, n_sessions, n_chunks, n_edits)
    many = not 0 < n <= MAX_PIECES or max(counts) > n or min(counts) == 0
    if many or ndim > MAX_NDIM or raw_length > MAX_BODY:
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
    reader = column.HeaderReader(body, 0, name)
    return _parse(reader, n, counts, ndim, bool(statistics), rows, level)


def _parse(
    reader: column.HeaderReader,
    n: int,
    counts: tuple[int, ...],
    ndim: int,
    statistics: bool,
    rows: int,
    level: int,
) -> Pieces:
    name = reader.name
    pieces = np.zeros(n, piece_dtype(ndim))
    n_objects, n_sessions, n_chunks, n_edits = counts
    objects = reader.array("<u8", 2 * n_objects).reshape(n_objects, 2)
    sessions = reader.array("<u8", n_sessions)
    edits = reader.array("<u8", n_edits)

    def checked(what: str, values: Numbers, limit: int) -> Numbers:
        if int(values.max()) >= limit:
            raise FormatError(f"{name}: {what} {int(values.max())} is out of bounds")
        return values

    def numbers(what: str, limit: int, n: int = n) -> Numbers:
        return checked(what, column.filled(reader.column(n), n), limit)

    chunks = np.zeros(n_chunks, piece_dtype(0))
    chunks["object"] = objects[numbers("object", n_objects, n_chunks)]
    chunks["offset"] = numbers("offset", 1 << 40, n_chunks) * np.uint64(ALIGNMENT)
    longest = MAX_SEGMENT if level else 1 << 40
    chunks["length"] = numbers("length", longest, n_chunks)
    chunks["header"] = numbers("header", 1 << 32, n_chunks)
    chunks["checksum"] = reader.array("<u8", n_chunks)
    chunk = numbers("chunk", n_chunks).astype(np.int64)
    for field in ("object", "offset", "length", "header", "checksum"):
        pieces[field] = chunks[field][chunk]
    pieces["session"] = sessions[numbers("session", n_sessions)]
    edit = numbers("edit", n_edits).astype(np.int64)
    pieces["edit"] = edits[edit]
    most = MAX_SAMPLES * (MAX_PIECES if level else 1)
    count = numbers("count", most + 1)
    pieces["count"] = count
    steps = _unzigzag(numbers("counter", 1 << 64))
    steps[1:] += count[:-1]
    counters = np.cumsum(steps, dtype=np.uint64)
    pieces["counter"] = checked("counter", counters, 1 << 48)
    guess = _Guess(chunk, edit, edits[edit] == 0)
    starts = guess.starts(_unzigzag(numbers("start", 1 << 64)), count, counters)
    pieces["start"] = checked("start", starts, MAX_SAMPLES)
    pieces["nulls"] = numbers("nulls", 1 << 32)
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


def single(ref: SegmentRef) -> Pieces:
    """The piece that a reference to one piece is."""
    pieces = np.zeros(1, piece_dtype(len(ref.low)))
    piece = pieces[0]
    piece["object"] = int(ref.object[:16], 16), int(ref.object[16:], 16)
    piece["offset"], piece["length"], piece["count"] = ref.offset, ref.length, ref.rows
    piece["checksum"] = ref.checksum
    for field, value in zip(_SINGLE, ref.piece, strict=True):
        piece[field] = value
    piece["low"], piece["high"] = ref.low, ref.high
    return pieces


def reference(pieces: Pieces) -> SegmentRef:
    """A reference to one piece, which needs no block."""
    piece = pieces[0]
    high, low = piece["object"].tolist()
    return SegmentRef(
        f"{high:016x}{low:016x}", int(piece["offset"]), int(piece["length"]), 1,
        int(piece["count"]), int(piece["checksum"]), tuple(piece["low"].tolist()),
        tuple(piece["high"].tolist()), PIECE, tuple(int(piece[field]) for field in _SINGLE),
    )  # fmt: skip


_SINGLE = (
    "header",
    "start",
    "session",
    "counter",
    "edit",
    "nulls",
    "flags",
    "min",
    "max",
    "domain",
)

__all__ = ["MAX_PIECES", "decode", "encode", "pack", "reference", "single", "unpack"]
