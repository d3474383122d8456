"""Segment blocks: pieces are read as they were written, and nothing else is."""

from __future__ import annotations

import json
import random
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from deeplake.errors import ChecksumError, FormatError, UnsupportedFormatError
from deeplake.format.commit import SegmentRef
from deeplake.format.pieces import BLOB, TILED, Pieces, piece_dtype
from deeplake.format.segment import (
    MAX_PIECES,
    decode,
    encode,
    pack,
    reference,
    single,
    unpack,
)

PROLOGUE = struct.Struct("<4sBBBBIIIHBxQQQQII")
FIELDS = (
    *("magic", "version", "level", "algorithm", "flags", "n", "objects", "sessions", "ndim"),
    *("statistics", "raw", "stored", "rows", "checksum", "chunks", "edits"),
)


def joined(pieces: Pieces, level: int = 0) -> bytes:
    return b"".join(map(bytes, encode(pieces, level).buffers))


def forged(block: bytes, body: bytes | None = None, **changes: Any) -> bytes:
    """The block with other fields, and the checksum that belongs to them."""
    body = block[64:] if body is None else body
    fields = dict(zip(FIELDS, PROLOGUE.unpack_from(block), strict=True)) | changes
    start = PROLOGUE.pack(*fields.values())
    checksum = xxhash.xxh3_64_intdigest(start[:48] + start[56:] + body)
    return start[:48] + struct.pack("<Q", checksum) + start[56:] + body


LIMITS = {"header": 2**10, "start": 2**24 - 1, "count": 2**24, "counter": 2**48 - 1,
          "edit": 2**64 - 1, "nulls": 2**32 - 1, "checksum": 2**64 - 1, "session": 2**64 - 1,
          "min": 2**64 - 1, "max": 2**64 - 1, "domain": 2**64 - 1}  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> Pieces:
    """Pieces with values up to the limits; drawn by a generator, since there are hundreds of them."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    n, ndim = draw(st.integers(1, 12)), draw(st.integers(0, 4))
    table = np.zeros(n, piece_dtype(ndim))

    def number(limit: int, least: int = 0) -> int:
        return rng.choice(
            (least, limit, rng.randint(least, limit), max(least, min(limit, rng.randint(1, 300))))
        )

    objects = [rng.getrandbits(128) for _ in range(draw(st.integers(1, 3)))]
    for row in table:
        oid = rng.choice(objects)
        row["object"] = oid >> 64, oid & (2**64 - 1)
        row["offset"] = 64 * number(2**40 - 1)
        row["length"] = number(2**40 - 1, 2**10)
        for name, limit in LIMITS.items():
            row[name] = number(limit, 1 if name == "count" else 0)
        row["flags"] = rng.randrange(4)
        low = [number(2**32 - 1) for _ in range(ndim)]
        row["low"], row["high"] = low, [number(2**32 - 1, axis) for axis in low]
    if draw(st.booleans()):
        for name in ("flags", "min", "max", "domain"):
            table[name] = 0  # no statistics
    elif not table["flags"].any():
        table["flags"][0] = 1
    return table


@given(table=tables())
def test_round_trip(table: Pieces) -> None:
    built = encode(table)
    block = b"".join(map(bytes, built.buffers))
    assert (built.length, built.header_length) == (len(block), 64)
    found = decode(block, "x", built.checksum)
    assert found.dtype == table.dtype
    assert found.tobytes() == table.tobytes()


def many(n: int) -> Pieces:
    rng = np.random.default_rng(0)
    table = np.zeros(n, piece_dtype(3))
    table["offset"] = np.arange(n) * 1024
    table["length"], table["header"], table["count"] = 1000, 128, 1 + np.arange(n) % 5
    table["checksum"] = rng.integers(0, 2**63, n)
    table["low"], table["high"] = 1, 1 + np.arange(n)[:, None] % 700
    return table


def test_many_pieces() -> None:
    table = many(MAX_PIECES)
    block = joined(table)
    assert decode(block, "x").tobytes() == table.tobytes()
    # At most the size that the design allows a tail segment.
    assert len(block) < 100_000


def test_a_piece_of_one_of_a_million_jpegs_costs_little() -> None:
    n = MAX_PIECES
    rng = np.random.default_rng(0)
    table = np.zeros(n, piece_dtype(3))
    table["object"][:, 0] = np.arange(n) // 8
    sizes = rng.integers(7_900_000, 8_000_000, n)
    table["offset"] = (np.arange(n) % 8) * 8_388_608
    table["length"], table["header"], table["count"] = sizes, 1088, rng.integers(66, 72, n)
    table["counter"] = np.cumsum(table["count"]) - table["count"]
    table["checksum"] = rng.integers(0, 2**63, n)
    table["low"], table["high"] = (200, 300, 3), (500, 500, 3)
    assert len(joined(table)) < 25 * n


def test_segments_are_compressed_where_that_makes_them_smaller() -> None:
    assert PROLOGUE.unpack_from(joined(many(20)))[4] == 1
    noise = many(1)
    noise["object"], noise["checksum"] = 2**64 - 3, 2**63 + 12345
    for block in (joined(many(20)), joined(noise), plain(joined(many(20)))):
        flags, raw, stored = (PROLOGUE.unpack_from(block)[i] for i in (4, 10, 11))
        assert stored < raw if flags else stored == raw


def plain(block: bytes) -> bytes:
    """The block with its body as it is."""
    body = zlib.decompress(block[64:])
    return forged(block, body, flags=0, stored=len(body))


def test_updates_of_many_single_rows_cost_little() -> None:
    """Pieces that were cut follow from each other: two or three bytes each, whatever the history."""
    rng = np.random.default_rng(0)
    table = np.zeros(400, piece_dtype(3))
    table["object"], table["offset"] = (7, 8), np.arange(400) % 2 * 64
    table["length"], table["header"], table["checksum"] = 1 << 20, 192, 2**63 - 1
    table["edit"] = np.where(np.arange(400) % 2, 2**63 + 5, 0)
    table["count"] = np.where(np.arange(400) % 2, 1, rng.integers(1, 500, 400))
    table["counter"] = np.cumsum(table["count"]) - table["count"]
    table["start"] = np.where(np.arange(400) % 2, np.arange(400) // 2, table["counter"])
    table["low"] = table["high"] = 32
    block = joined(table)
    assert decode(block, "x").tobytes() == table.tobytes()
    assert len(block) < 250 + 3 * 400


def test_a_single_piece_needs_no_block() -> None:
    for table in (many(1), piece_with_bounds()):
        ref = reference(table)
        assert single(
            SegmentRef.from_json(json.loads(json.dumps(ref.to_json())), "x")
        ).tobytes() == (table.tobytes())


def piece_with_bounds() -> Pieces:
    table = many(1)
    table["session"], table["edit"], table["start"] = 2**64 - 1, 2**64 - 2, 9
    table["flags"], table["min"], table["max"], table["domain"] = 3, 2**64 - 1, 5, 2**63
    return table


@pytest.mark.parametrize("at", range(8, 19))
@pytest.mark.parametrize("wrong", [-1, 2**64, 1.5, "x", None, True])
def test_references_to_pieces_are_checked(at: int, wrong: Any) -> None:
    value = reference(piece_with_bounds()).to_json()
    assert len(value) == 19
    value[at] = wrong
    with pytest.raises(FormatError, match="reference"):
        SegmentRef.from_json(value, "x")
    with pytest.raises(FormatError, match="reference"):
        SegmentRef.from_json(value[:at] + value[at + 1 :], "x")


# --------------------------------------------------------------------------------- index blocks
@given(data=st.data(), ndim=st.integers(0, 3))
def test_indexes(data: st.DataObject, ndim: int) -> None:
    refs = [
        SegmentRef(
            f"{data.draw(st.integers(0, 2**128 - 1)):032x}",
            64 * data.draw(st.integers(0, 2**39)),
            data.draw(st.integers(64, 2**22)),
            data.draw(st.integers(1, 4096)),
            data.draw(st.integers(1, 2**36)),
            data.draw(st.integers(0, 2**64 - 1)),
            low := tuple(data.draw(st.integers(0, 99)) for _ in range(ndim)),
            tuple(axis + 3 for axis in low),
        )
        for _ in range(data.draw(st.integers(1, 5)))
    ]
    block = joined(pack(refs, ndim), level=1)
    assert unpack(decode(block, "x", level=1)) == refs


def test_levels_are_not_mixed_up() -> None:
    with pytest.raises(FormatError, match="level"):
        decode(joined(many(3)), "x", level=1)
    with pytest.raises(FormatError, match="level"):
        decode(joined(many(3), level=1), "x", level=0)


# ------------------------------------------------------------------------------ what is refused
def test_every_byte_is_checked() -> None:
    for block in (joined(many(4)), joined(many(400))):
        for at in [*range(64), *range(64, len(block), 7)]:
            bad = block[:at] + bytes([block[at] ^ 4]) + block[at + 1 :]
            with pytest.raises(FormatError, match="data/x"):
                decode(bad, "data/x")


def test_a_block_cut_short_or_longer() -> None:
    block = joined(many(4))
    for bad in (*(block[:length] for length in range(len(block))), block + b"\0"):
        with pytest.raises(FormatError, match="data/x"):
            decode(bad, "data/x")


def test_another_segment_than_expected() -> None:
    block = encode(many(3))
    with pytest.raises(ChecksumError, match="not the one that belongs here"):
        decode(b"".join(map(bytes, block.buffers)), "x", block.checksum ^ 1)


@pytest.mark.parametrize(
    "changes", [{"version": 2}, {"level": 2}, {"algorithm": 0}, {"flags": 2}, {"statistics": 2}]
)
def test_what_is_not_known_is_said_to_be(changes: dict[str, int]) -> None:
    with pytest.raises(UnsupportedFormatError, match="upgrade"):
        decode(forged(joined(many(3)), **changes), "x")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    "changes",
    [
        *[{"n": n} for n in (0, 2, 4097, 2**32 - 1)],
        *[{"objects": n} for n in (0, 2, 2**32 - 1)],
        *[{"sessions": n} for n in (0, 2, 2**32 - 1)],
        *[{"edits": n} for n in (0, 2, 2**32 - 1)],
        *[{"ndim": n} for n in (0, 2, 4, 33, 65535)],
        *[{"raw": n} for n in (0, 1, 2**22, 2**22 + 1, 2**64 - 1)],
        *[{"stored": n} for n in (0, 1, 2**64 - 1)],
        *[{"rows": n} for n in (0, 1, 2**64 - 1)],
        *[
            {"statistics": 1},
            {"chunks": 0},
            {"chunks": 2},
            {"chunks": 2**32 - 1},
            {"magic": b"DLCK"},
        ],
    ],
    ids=str,
)
def test_forged_fields(changes: dict[str, Any], compressed: bool) -> None:
    block = joined(many(300)) if compressed else plain(joined(many(3)))
    assert PROLOGUE.unpack_from(block)[4] == compressed
    with pytest.raises(FormatError, match="data/x"):
        decode(forged(block, **changes), "data/x")


def test_a_body_with_more_in_it() -> None:
    block = plain(joined(many(3)))
    bad = forged(block, block[64:] + b"\0", raw=len(block) - 63, stored=len(block) - 63)
    with pytest.raises(FormatError, match="after its pieces"):
        decode(bad, "x")


@pytest.mark.parametrize("raw", [0, 1, 4 << 20])
def test_a_body_that_inflates_to_more_than_it_says(raw: int) -> None:
    bomb = zlib.compress(bytes(64 << 20))
    bad = forged(joined(many(3)), bomb, flags=1, raw=raw, stored=len(bomb))
    with pytest.raises(FormatError, match="not one stream"):
        decode(bad, "x")


def test_a_body_with_something_behind_its_stream() -> None:
    block = joined(many(300))
    body = block[64:] + b"more"
    with pytest.raises(FormatError, match="not one stream"):
        decode(forged(block, body, stored=len(body)), "x")
    with pytest.raises(FormatError, match="cannot be decompressed"):
        decode(forged(block, b"\xff" * 20, stored=20), "x")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offset", 64 * 2**40), ("length", 2**40), ("header", 1001), ("start", 2**24),
        ("count", 0), ("count", 2**24 + 1), ("counter", 2**48), ("nulls", 2**32),
    ],
)  # fmt: skip
def test_values_out_of_bounds(name: str, value: int) -> None:
    table = many(3).astype(
        [(k, "<u8" if k == name else many(1).dtype[k]) for k in many(1).dtype.names or ()]
    )
    table[name][1] = value
    with pytest.raises(FormatError, match="data/x"):
        decode(joined(table), "data/x")


def test_bounds_of_shapes_in_the_wrong_order() -> None:
    table = many(3)
    table["low"][1] = (5, 1, 1)
    table["high"][1] = (4, 9, 9)
    with pytest.raises(FormatError, match="least shape"):
        decode(joined(table), "x")


@pytest.mark.parametrize("flags", [16, TILED | BLOB])
def test_flags_that_are_not_known(flags: int) -> None:
    table = many(3)
    table["flags"] = flags
    with pytest.raises(FormatError, match="flags"):
        decode(joined(table), "x")


@pytest.mark.parametrize("flag", [TILED, BLOB])
def test_a_chunk_of_one_sample_has_one_row(flag: int) -> None:
    table = many(3)
    table["flags"][1] = flag
    table["count"][1], table["start"][1] = 1, 0
    assert decode(joined(table), "x")["flags"].tolist() == [0, flag, 0]
    for field, value in (("count", 2), ("start", 1)):
        wrong = table.copy()
        wrong[field][1] = value
        with pytest.raises(FormatError, match="one sample"):
            decode(joined(wrong), "x")


def test_an_object_that_is_not_listed() -> None:
    table = many(3)
    block = plain(joined(table))
    # After one object (16 bytes), session and edit (8): the column of objects, a constant 0.
    assert block[64 + 32 : 64 + 41] == bytes(9)
    bad = block[: 64 + 33] + b"\x01" + block[64 + 34 :]
    with pytest.raises(FormatError, match="object 1 is out of bounds"):
        decode(forged(bad), "x")
