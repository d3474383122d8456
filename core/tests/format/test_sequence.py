"""Sequence chunks: rows, their items, and headers that lie about them."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from deeplake.errors import FormatError, UnsupportedFormatError
from deeplake.format.builder import Run
from deeplake.format.chunk import SEQUENCE, ChunkHeader
from deeplake.format.codecs import Zlib
from deeplake.format.pieces import VALID
from deeplake.format.sequence import MAX_ITEMS, Rows
from deeplake.format.sequence_builder import SequenceBuilder, SequenceRun, grouped, none_rows
from deeplake.versioning.openchunk import OpenChunk

PROLOGUE = struct.Struct("<4sBBBBIIQQIHxx8s16s16s8xQ")

ROWS = st.lists(st.none() | st.lists(st.binary(max_size=6), max_size=4), min_size=1, max_size=12)


def forged(block: bytes, *, kind: int = SEQUENCE, flags: int | None = None) -> bytes:
    """The block with another kind or other flags, and the checksum that belongs to it."""
    fields = list(PROLOGUE.unpack_from(block))
    fields[2] = kind
    fields[4] = fields[4] if flags is None else flags
    start = PROLOGUE.pack(*fields)[:88]
    checksum = xxhash.xxh3_64_intdigest(start + block[96 : fields[6]])
    return start + struct.pack("<Q", checksum) + block[96:]


def run_of(items: list[bytes]) -> SequenceRun:
    runs = tuple(Run(item, 1, (len(item),), len(item)) for item in items)
    return SequenceRun(np.array([len(items)]), runs)


def built(rows: list[list[bytes] | None], *, zlib: bool = False, **options: Any) -> bytes:
    codec: dict[str, Any] = {"codec": Zlib(), "chunk_codec": "zlib"} if zlib else {}
    builder = SequenceBuilder("|u1", 1 << 20, **codec, **options)
    for i, row in enumerate(rows):
        builder.add(none_rows(1) if row is None else run_of(row), (1, i, 1, 0))
    block, _ = builder.build(2)
    return b"".join(map(bytes, block.buffers))


def header_of(block: bytes) -> ChunkHeader:
    return ChunkHeader(block, "x")


def rows_of(block: bytes) -> list[list[bytes] | None]:
    header = header_of(block)
    opened = OpenChunk(header, memoryview(block)[header.header_length :], "0" * 32, 0)
    rows = header.sequences
    assert rows is not None
    return [
        None if rows.is_null(i)
        else [bytes(opened.sample_bytes(j, None)) for j in range(*rows.item_range(i))]
        for i in range(header.rows)
    ]  # fmt: skip


@given(ROWS, st.booleans())
def test_rows_are_found_again(rows: list[list[bytes] | None], zlib: bool) -> None:
    block = built(rows, zlib=zlib)
    header = header_of(block)
    assert header.kind == SEQUENCE
    assert (header.rows, header.n) == (len(rows), sum(len(row or ()) for row in rows))
    assert rows_of(block) == rows
    shapes = [(len(item),) for row in rows for item in row or ()]
    assert [header.sample_shape(i) for i in range(header.n)] == shapes


@given(ROWS, st.data())
def test_items_are_grouped_however_they_come(rows: list[list[bytes] | None], data: Any) -> None:
    items = [item for row in rows for item in row or ()]
    runs = []
    at = 0
    while at < len(items):
        alike = next((k for k in range(at, len(items)) if len(items[k]) != len(items[at])), None)
        stop = data.draw(st.integers(at + 1, len(items) if alike is None else alike))
        size = len(items[at])
        runs.append(Run(b"".join(items[at:stop]), stop - at, (size,), size))
        at = stop
    counts = np.array([len(row or ()) for row in rows])
    nulls = np.array([row is None for row in rows])
    made = list(grouped(iter(runs), Rows.of(counts, nulls)))
    assert sum(run.n for run in made) == len(rows)
    builder = SequenceBuilder("|u1", 1 << 20)
    done = 0
    for run in made:
        assert int(run.counts.sum()) == sum(part.n for part in run.items)
        cut = data.draw(st.integers(0, run.n))
        for a, b in ((0, cut), (cut, run.n)):
            if a < b:
                builder.add(run.part(a, b), (1, done, b - a, 0))
                done += b - a
    block = b"".join(map(bytes, builder.build(2)[0].buffers))
    assert rows_of(block) == rows


def test_pieces_bound_items_and_shapes() -> None:
    builder = SequenceBuilder("<i2", 1 << 20)
    values = np.array([[1, 2], [3, 4], [5, 6]], "<i2")
    items = Run(values.tobytes(), 3, (2,), 4, values=values)
    builder.add(SequenceRun(np.array([1, 2]), (items,)), (7, 0, 2, 0))
    _, [piece] = builder.build(2)
    assert (piece["low"].tolist(), piece["high"].tolist()) == ([1, 2], [2, 2])
    assert (int(piece["flags"]) & VALID, int(piece["min"]), int(piece["max"])) == (VALID, 1, 6)
    builder.add(none_rows(1), (7, 2, 1, 0))
    block, [piece] = builder.build(2)
    assert (piece["low"].tolist(), piece["high"].tolist()) == ([0, 0], [2, 2])
    assert int(piece["nulls"]) == 1
    header = header_of(b"".join(map(bytes, block.buffers)))
    assert header.holds_arrays
    assert header.shape == (2,)


def test_room_counts_rows_by_their_bytes() -> None:
    run = run_of([b"x" * 10])
    rows = SequenceRun(np.array([1, 3, 0, 6]), (Run(bytes(100), 10, (10,), 10),))
    builder = SequenceBuilder("|u1", 100)
    assert builder.room(rows) == 4
    assert builder.room(rows, 3) == 1
    assert builder.room(run_of([bytes(1000)])) == 1  # there is a place for every row
    builder.add(rows.part(0, 2), (1, 0, 2, 0))
    assert builder.nbytes == 40
    assert builder.room(rows, 2) == 2
    builder.add(run, (1, 2, 1, 0))
    assert builder.room(rows, 2) == 1
    uneven = SequenceRun(np.array([1, 1]), (Run(bytes(49), 1, (49,), 49), Run(b"x", 1, (1,), 1)))
    assert (builder.room(uneven), builder.room(uneven, 1)) == (2, 1)


def test_lying_headers_are_refused() -> None:
    block = built([[b"ab"], None, [b"c", b"d"]])
    column = block.index(bytes([1, 1, 0, 2]), 96)  # width 1, then the numbers of items
    for counts, problem in (
        (bytes([1, 1, 1, 1]), "None has items"),
        (bytes([1, 2, 0, 2]), "x: "),
        (bytes([3, 1, 0, 2]), "width"),
    ):
        other = block[:column] + counts + block[column + 4 :]
        with pytest.raises(FormatError, match=problem):
            header_of(forged(other))
    huge = block[:96] + struct.pack("<BQ", 0, MAX_ITEMS) + block[96 + 9 :]
    with pytest.raises(FormatError, match="items"):
        header_of(forged(huge))
    with pytest.raises(FormatError, match="items"):
        header_of(forged(block[:96] + struct.pack("<BQ", 0, 2**64 - 1) + block[96 + 9 :]))
    with pytest.raises(UnsupportedFormatError, match="flags 32"):
        header_of(forged(block, flags=32))
    with pytest.raises(UnsupportedFormatError, match="flags 4"):
        header_of(forged(block, kind=1, flags=4))
