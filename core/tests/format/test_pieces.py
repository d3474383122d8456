"""Edits of arrays of pieces do to rows what the same edits do to a list of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deeplake.format import pieces as p
from deeplake.format.pieces import Pieces

Row = tuple[int, int, int, int, int]
"""What a row is: chunk, place in the chunk, session, counter, edit."""


def make(runs: list[tuple[int, int, int, int, int, int]], ndim: int = 1) -> Pieces:
    """Pieces from ``(chunk, start, count, session, counter, edit)``."""
    table = np.zeros(len(runs), p.piece_dtype(ndim))
    for record, (chunk, start, count, session, counter, edit) in zip(table, runs, strict=True):
        record["object"] = chunk, chunk + 1
        record["offset"], record["length"] = 64 * chunk, 640
        record["start"], record["count"] = start, count
        record["session"], record["counter"], record["edit"] = session, counter, edit
        record["nulls"], record["min"], record["max"], record["flags"] = 1, 5, 9, 1
        record["low"], record["high"] = 1, 4
    return table


def rows(table: Pieces) -> list[Row]:
    """The rows that pieces stand for."""
    return [
        (int(r["offset"]) // 64, int(r["start"]) + k, int(r["session"]), int(r["counter"]) + k,
         int(r["edit"]))
        for r in table
        for k in range(int(r["count"]))
    ]  # fmt: skip


RUNS = st.tuples(
    st.integers(0, 3), st.integers(0, 50), st.integers(1, 6), st.integers(0, 2),
    st.integers(0, 100), st.integers(0, 1),
)  # fmt: skip
TABLES = st.lists(RUNS, max_size=6).map(make)


def check(table: Pieces, wanted: list[Row]) -> None:
    assert rows(table) == wanted
    assert (table["count"] > 0).all()
    if len(table):
        # Statistics are kept as they are: bounds of a whole are bounds of its part.
        assert (table["min"] == 5).all()
        assert (table["max"] == 9).all()
        assert (table["high"] == 4).all()


@st.composite
def ranges_in(draw: st.DrawFn, length: int) -> np.ndarray[Any, Any]:
    """Sorted, disjoint, non-empty ranges of rows."""
    bounds = sorted(draw(st.sets(st.integers(0, length), max_size=6)))
    pairs = list(zip(bounds[::2], bounds[1::2], strict=False))
    return np.array(pairs, np.int64).reshape(-1, 2)


@given(table=TABLES, data=st.data())
def test_row_range(table: Pieces, data: st.DataObject) -> None:
    known = rows(table)
    start = data.draw(st.integers(0, len(known)))
    stop = data.draw(st.integers(0, len(known)))
    before = table.copy()
    check(p.row_range(table, start, stop), known[start:stop])
    assert (table == before).all()


@given(table=TABLES, data=st.data())
def test_cut(table: Pieces, data: st.DataObject) -> None:
    known = rows(table)
    bounds = sorted(data.draw(st.sets(st.integers(0, len(known) + 2), max_size=5)))
    found = p.cut(table, np.array(bounds, np.int64))
    check(found, known)
    ends = set(p.ends(found).tolist()) | {0}
    assert {bound for bound in bounds if bound <= len(known)} <= ends


@given(table=TABLES, data=st.data())
def test_without(table: Pieces, data: st.DataObject) -> None:
    known = rows(table)
    ranges = data.draw(ranges_in(len(known)))
    gone = {row for a, b in ranges.tolist() for row in range(a, b)}
    before = table.copy()
    check(p.without(table, ranges), [row for k, row in enumerate(known) if k not in gone])
    assert (table == before).all()


@given(table=TABLES, data=st.data())
def test_gather(table: Pieces, data: st.DataObject) -> None:
    known = rows(table)
    chosen = data.draw(st.lists(st.integers(0, len(known) - 1), max_size=20)) if known else []
    check(p.gather(table, np.array(chosen, np.int64)), [known[k] for k in chosen])


@given(table=TABLES)
def test_gathering_everything_makes_no_more_pieces(table: Pieces) -> None:
    everything = np.arange(len(rows(table)), dtype=np.int64)
    assert len(p.gather(table, everything)) == len(table)


@given(old=st.lists(RUNS, min_size=1, max_size=6).map(make), data=st.data())
def test_with_ids_of(old: Pieces, data: st.DataObject) -> None:
    """New data for the same rows: their ids, whatever pieces both are in."""
    total = len(rows(old))
    counts = []
    while sum(counts) < total:
        counts.append(data.draw(st.integers(1, total - sum(counts))))
    new = make([(7, 3 * k, count, 9, 9, 9) for k, count in enumerate(counts)])
    found = p.with_ids_of(new, old)
    assert [row[:2] for row in rows(found)] == [row[:2] for row in rows(new)]
    assert [row[2:4] for row in rows(found)] == [row[2:4] for row in rows(old)]


@given(table=TABLES)
def test_row_ids(table: Pieces) -> None:
    assert p.row_ids(table).tolist() == [[row[2], row[3]] for row in rows(table)]


@given(table=TABLES)
def test_ends(table: Pieces) -> None:
    assert p.ends(table).tolist() == np.cumsum(table["count"], dtype=np.int64).tolist()


def test_more_dimensions_are_unknown_bounds() -> None:
    table = make([(1, 0, 2, 0, 0, 0)], ndim=1)
    wider = p.with_ndim(table, 3)
    # How many items a sequence has is known before their dimensions are.
    assert (wider["low"].tolist(), wider["high"].tolist()) == ([[1, 0, 0]], [[4, 0, 0]])
    assert rows(wider) == rows(table)
    assert p.with_ndim(table, 1) is table


def test_ids_count_beyond_32_bits() -> None:
    table = make([(0, 2**24 - 3, 3, 2**63 - 1, 2**47, 2**64 - 1)])
    part = p.row_range(table, 1, 3)
    assert rows(part) == rows(table)[1:3]
    assert rows(p.gather(table, np.array([2, 0]))) == [rows(table)[2], rows(table)[0]]
