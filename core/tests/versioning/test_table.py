"""Edits of piece tables do to rows what the same edits do to a plain list."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeplake.format import pieces as p
from deeplake.format.commit import SegmentRef
from deeplake.format.pieces import Pieces
from deeplake.format.segment import pack
from deeplake.versioning import table as table_module
from deeplake.versioning.table import PieceTable, Segment

Row = tuple[int, int, int]
"""What a row is: where its data lie (chunk, place), and its id."""


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of few pieces: small tables have several."""
    monkeypatch.setattr(table_module, "MAX_PIECES", 4)


class Shelf:
    """Stored segments, and what was read of them."""

    def __init__(self) -> None:
        self.held: dict[str, Pieces] = {}
        self.loaded: list[str] = []

    def load(self, ref: SegmentRef) -> Pieces:
        self.loaded.append(ref.object)
        return self.held[ref.object]

    def put(self, pieces: Pieces, level: int = 0) -> SegmentRef:
        oid = f"{len(self.held):032x}"
        self.held[oid] = pieces
        rows = int(pieces["count"].sum())
        low, high = pieces["low"].min(axis=0), pieces["high"].max(axis=0)
        bounds = tuple(low.tolist()), tuple(high.tolist())
        return SegmentRef(oid, 0, 64, len(pieces), rows, 0, *bounds, level)

    def store(self, table: PieceTable) -> PieceTable:
        """The table as it is after a commit: everything is stored, nothing is in memory."""
        segments = table.compacted().segments
        refs = [s.ref if s.ref is not None else self.put(s.pieces) for s in segments]
        return PieceTable.stored(refs, table.ndim, self.load)


def make(runs: list[tuple[int, int, int]], counters: Iterator[int]) -> Pieces:
    """Pieces of ``(chunk, start, count)`` with fresh row ids."""
    table = np.zeros(len(runs), p.piece_dtype(1))
    for record, (chunk, start, count) in zip(table, runs, strict=True):
        record["object"], record["offset"] = (7, chunk), 64 * chunk
        record["start"], record["count"] = start, count
        first = next(counters)
        for _ in range(count - 1):
            next(counters)
        record["counter"] = first
        record["low"], record["high"] = chunk, chunk + 1
    return table


def rows(pieces: Pieces) -> list[Row]:
    return [
        (int(r["object"][1]), int(r["start"]) + k, int(r["counter"]) + k)
        for r in pieces
        for k in range(int(r["count"]))
    ]


def check(table: PieceTable, wanted: list[Row]) -> None:
    """The table holds these rows, whichever way it is asked."""
    assert table.rows == len(wanted)
    assert rows(table.pieces()) == wanted
    assert [row for _, part in table.spans() for row in rows(part)] == wanted
    for at in {0, len(wanted) // 2, len(wanted) - 1} if wanted else ():
        piece, start, stop = table.locate(at)
        assert start <= at < stop
        assert stop - start == int(piece["count"])
        assert rows(np.array([piece]))[at - start] == wanted[at]
    low, high = table.bounds()
    if wanted:
        assert low[0] <= min(row[0] for row in wanted)
        assert max(row[0] + 1 for row in wanted) <= high[0]
    assert sum(segment.rows for segment in table.segments) == len(wanted)


RUNS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 20), st.integers(1, 5)), min_size=1, max_size=5
)


@settings(max_examples=250)
@given(data=st.data())
def test_like_a_list(data: st.DataObject) -> None:
    shelf = Shelf()
    counters = itertools.count()
    table, known = PieceTable([], 1), list[Row]()
    before: list[tuple[PieceTable, list[Row]]] = []
    for _ in range(data.draw(st.integers(1, 8))):
        before.append((table, known))
        operation = data.draw(
            st.sampled_from(
                ["append", "replace", "delete", "insert", "gather", "cut", "join", "store"]
            )
        )
        if operation in ("append", "insert"):
            new = make(data.draw(RUNS), counters)
            row = data.draw(st.integers(0, len(known)))
            if operation == "append":
                row = len(known)
                table = table.append(new)
            else:
                table = table.insert(row, new)
            known = [*known[:row], *rows(new), *known[row:]]
        elif operation == "replace":
            table, known = replaced(data, table, known)
        elif operation == "delete":
            ranges = data.draw(ranges_in(len(known)))
            gone = {row for a, b in ranges.tolist() for row in range(a, b)}
            table = table.delete(ranges)
            known = [row for at, row in enumerate(known) if at not in gone]
        elif operation == "gather" and known:
            chosen = data.draw(st.lists(st.integers(0, len(known) - 1), max_size=12))
            table = table.gather(np.array(chosen, np.int64))
            known = [known[at] for at in chosen]
        elif operation == "cut":
            row = data.draw(st.integers(0, len(known)))
            if data.draw(st.booleans()):
                table, known = table.truncate(row), known[:row]
            else:
                table, known = table.beginning_at(row), known[row:]
        elif operation == "join":
            table, known = table.join(table), known + known
        elif operation == "store":
            table = shelf.store(table)
        check(table, known)
    # Tables are values: what was made of them has not changed them.
    for old, rows_then in before:
        check(old, rows_then)


@st.composite
def ranges_in(draw: st.DrawFn, length: int) -> np.ndarray[Any, Any]:
    """Sorted, disjoint, non-empty ranges of rows."""
    bounds = sorted(draw(st.sets(st.integers(0, length), max_size=6)))
    pairs = list(zip(bounds[::2], bounds[1::2], strict=False))
    return np.array(pairs, np.int64).reshape(-1, 2)


def replaced(
    data: st.DataObject, table: PieceTable, known: list[Row]
) -> tuple[PieceTable, list[Row]]:
    """New data for some ranges of rows: they keep their ids."""
    edits = []
    known = [*known]
    for a, b in data.draw(ranges_in(len(known))).tolist():
        runs = []
        left = b - a
        while left:
            count = data.draw(st.integers(1, left))
            runs.append((data.draw(st.integers(0, 9)), data.draw(st.integers(0, 20)), count))
            left -= count
        new = make(runs, itertools.count(10**6))
        edits.append((a, new))
        known[a:b] = [
            (*fresh[:2], old[2]) for fresh, old in zip(rows(new), known[a:b], strict=True)
        ]
    return table.replace(edits), known


@given(
    runs=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 3)), max_size=30)
)
def test_compaction_keeps_rows_and_bounds_sizes(runs: list[tuple[int, int, int]]) -> None:
    counters = itertools.count()
    table = PieceTable([Segment(pieces=make([run], counters)) for run in runs], 1)
    compact = table.compacted()
    check(compact, rows(table.pieces()))
    assert all(0 < len(segment.pieces) <= 4 for segment in compact.segments)
    sizes = [len(segment.pieces) for segment in compact.segments]
    assert sum(size == 1 for size in sizes) <= table_module.MAX_SINGLES + 1
    # Neighbours that are new are only left apart where they do not fit together, or at the end.
    while sizes and sizes[-1] == 1:
        sizes.pop()
    assert all(a + b > 4 for a, b in itertools.pairwise(sizes))


def test_segments_that_are_not_touched_are_shared() -> None:
    counters = itertools.count()
    shelf = Shelf()
    segments = [
        Segment(shelf.put(make([(k, 0, 5)] * 4, counters)), load=shelf.load) for k in range(5)
    ]
    table = PieceTable(segments, 1)
    new = make([(9, 0, 1)], itertools.count(10**6))
    edited = [
        table.replace([(43, new)]),
        table.delete(np.array([[43, 44]])),
        table.replace([(43, new)]).compacted(),
    ]
    for other in edited:
        assert [s.ref for s in other.segments if s.ref is not None] == [
            segment.ref for k, segment in enumerate(segments) if k != 2
        ]
    appended = table.append(new)
    assert list(appended.segments[:5]) == segments
    assert shelf.loaded == [segments[2].ref.object] * 1  # type: ignore[union-attr]


def test_nothing_is_read_before_it_is_needed() -> None:
    counters = itertools.count()
    shelf = Shelf()
    refs = [shelf.put(make([(k, 0, 10)], counters)) for k in range(10)]
    table = PieceTable.stored(refs, 1, shelf.load)
    assert (table.rows, table.bounds()) == (100, ((0,), (10,)))
    assert table.is_stored
    assert table.refs() == refs
    assert shelf.loaded == []
    table.locate(55)
    assert shelf.loaded == [refs[5].object]
    table.append(make([(1, 0, 1)], counters))
    assert shelf.loaded == [refs[5].object]
    table.pieces(50, 71)
    assert shelf.loaded == [refs[k].object for k in (5, 6, 7)]


def test_index_blocks() -> None:
    """Segments that are listed in an index are found through it; it is kept while it is whole."""
    counters = itertools.count()
    shelf = Shelf()
    listed = [shelf.put(make([(k, 0, 3), (k, 5, 3), (k, 9, 4)], counters)) for k in range(3)]
    index = shelf.put(pack(listed, 1), level=1)
    assert (index.pieces, index.rows) == (3, 30)
    last = shelf.put(make([(3, 0, 3), (3, 5, 3), (3, 9, 4)], counters))
    table = PieceTable.stored([index, last], 1, shelf.load)
    assert table.rows == 40
    assert shelf.loaded == []
    check(table, rows(np.concatenate([shelf.held[ref.object] for ref in (*listed, last)])))
    assert table.refs() == [index, last]
    # What is behind the index may change.
    more = table.append(make([(5, 0, 1)], counters))
    stored = PieceTable(
        [s if s.ref is not None else Segment(shelf.put(s.pieces), s.pieces) for s in more.segments],
        1,
    )
    assert stored.refs()[:2] == [index, last]
    # An edit inside ends it: its other segments are referred to one by one.
    edited = shelf.store(table.delete(np.array([[15, 16]])))
    refs = edited.refs()
    assert index not in refs
    assert [refs[0], *refs[2:]] == [listed[0], listed[2], last]
    # Half of an index is none.
    assert table.truncate(20).refs() == listed[:2]


@pytest.mark.parametrize("rows_each", [1, 3])
def test_appending_one_at_a_time_stays_cheap(
    rows_each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each piece is rewritten O(log n) times, and O(log n) segments are open at a time."""
    monkeypatch.setattr(table_module, "MAX_PIECES", 4096)
    counters = itertools.count()
    shelf = Shelf()
    table = PieceTable([], 1)
    n = 1500
    for k in range(n):
        table = shelf.store(table.append(make([(k % 9, k, rows_each)], counters)))
    assert table.rows == n * rows_each
    written = sum(len(pieces) for pieces in shelf.held.values())
    assert written < n * 16  # 16 is about 1.5 log2(n)
    assert len(table.refs()) < 12


def test_a_table_without_rows() -> None:
    for table in (PieceTable([], 2), PieceTable([Segment(pieces=p.empty(2))], 2)):
        assert (table.rows, table.segments, table.spans()) == (0, (), [])
        assert table.bounds() == ((0, 0), (0, 0))
        assert len(table.pieces()) == 0
        assert table.compacted().rows == table.append(p.empty(2)).rows == 0


def test_dimensions_that_became_known_later() -> None:
    counters = itertools.count()
    shelf = Shelf()
    unknown = make([(0, 0, 3)], counters)
    nothing = np.zeros(1, p.piece_dtype(0))
    for name in ("object", "start", "count", "counter"):
        nothing[name] = unknown[name]
    table = PieceTable([Segment(shelf.put(nothing), load=shelf.load)], 0).with_ndim(1)
    table = table.append(make([(5, 0, 2)], counters))
    assert table.bounds() == ((0,), (6,))
    assert len(rows(table.pieces())) == 5
    assert shelf.store(table).rows == 5
