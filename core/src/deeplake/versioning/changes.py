"""What happened to the rows of a tensor between two versions, found by row id.

Segments that both versions share are skipped, so the work is proportional to what changed, not to
what there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeplake.format import pieces as p
from deeplake.format.pieces import Pieces
from deeplake.versioning.table import PieceTable, Segment

COUNTER_BITS = 48


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Rows as runs of consecutive ids, each inside one piece.

    Attributes:
        pieces: One record a run.
        rows: ``int64[n]``: where each run begins in its table.
    """

    pieces: Pieces
    rows: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def count(self) -> int:
        """Rows in all runs."""
        return int(self.pieces["count"].sum())

    def ranges(self) -> np.ndarray[Any, Any]:
        """``int64[n, 2]``: sorted, disjoint, merged ranges of rows."""
        if not len(self):
            return np.zeros((0, 2), np.int64)
        order = np.argsort(self.rows, kind="stable")
        starts = self.rows[order]
        stops = starts + self.pieces["count"][order].astype(np.int64)
        first = np.concatenate(([True], starts[1:] != stops[:-1]))
        edges = np.flatnonzero(first)
        last = np.concatenate((edges[1:], [len(starts)])) - 1
        return np.stack([starts[edges], stops[last]], axis=1)

    def row_numbers(self) -> np.ndarray[Any, Any]:
        """``int64[rows]``: every row, sorted."""
        ranges = self.ranges()
        if not len(ranges):
            return np.zeros(0, np.int64)
        return np.concatenate([np.arange(a, b, dtype=np.int64) for a, b in ranges.tolist()])

    def take(self, which: np.ndarray[Any, Any]) -> Runs:
        """Some of the runs."""
        return Runs(self.pieces[which], self.rows[which])


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What leads from one table to another.

    Attributes:
        added: Rows only the new table has, as they are there, in row order.
        deleted: Rows only the old table has, as they were there.
        updated: Rows with new data, as they are in the new table.
        replaced: The same rows in the same order, as they were in the old table.
    """

    added: Runs
    deleted: Runs
    updated: Runs
    replaced: Runs

    def __bool__(self) -> bool:
        return bool(len(self.added) or len(self.deleted) or len(self.updated))


def all_rows(table: PieceTable) -> Runs:
    """Every row of a table; all its segments are read."""
    return _runs(table, set())


def compare(old: PieceTable, new: PieceTable) -> Changes:
    """The changes between two versions of a tensor."""
    shared = _keys(old) & _keys(new)
    return match(_runs(old, shared), _runs(new, shared), max(old.ndim, new.ndim))


def match(old: Runs, new: Runs, ndim: int) -> Changes:
    """The changes between two sets of rows."""
    a = Runs(p.with_ndim(old.pieces, ndim), old.rows)
    b = Runs(p.with_ndim(new.pieces, ndim), new.rows)
    sessions = np.unique(np.concatenate([a.pieces["session"], b.pieces["session"]]))
    keys_a, keys_b = _ids(a, sessions), _ids(b, sessions)
    bounds = np.unique(
        np.concatenate([keys_a, keys_b, keys_a + a.pieces["count"], keys_b + b.pieces["count"]])
    )
    a, keys_a = _cut(a, keys_a, bounds)
    b, keys_b = _cut(b, keys_b, bounds)
    # After cutting, runs of the two sides are either the same rows or have none in common.
    _, in_a, in_b = np.intersect1d(keys_a, keys_b, return_indices=True)
    only_a = np.setdiff1d(np.arange(len(a)), in_a)
    only_b = np.setdiff1d(np.arange(len(b)), in_b)
    left, right = a.pieces[in_a], b.pieces[in_b]
    # Not where the data are, which compaction changes, but which data they are.
    moved = np.flatnonzero(left["edit"] != right["edit"])
    order = np.argsort(b.rows[in_b[moved]], kind="stable")
    moved = moved[order]
    added = only_b[np.argsort(b.rows[only_b], kind="stable")]
    deleted = only_a[np.argsort(a.rows[only_a], kind="stable")]
    return Changes(b.take(added), a.take(deleted), b.take(in_b[moved]), a.take(in_a[moved]))


def meet(a: Runs, b: Runs, ndim: int) -> tuple[Runs, Runs]:
    """The rows that are in both, in the same order, as each side has them."""
    a = Runs(p.with_ndim(a.pieces, ndim), a.rows)
    b = Runs(p.with_ndim(b.pieces, ndim), b.rows)
    if not len(a) or not len(b):
        return a.take(_NONE), b.take(_NONE)
    sessions = np.unique(np.concatenate([a.pieces["session"], b.pieces["session"]]))
    keys_a, keys_b = _ids(a, sessions), _ids(b, sessions)
    bounds = np.unique(
        np.concatenate([keys_a, keys_b, keys_a + a.pieces["count"], keys_b + b.pieces["count"]])
    )
    a, keys_a = _cut(a, keys_a, bounds)
    b, keys_b = _cut(b, keys_b, bounds)
    _, in_a, in_b = np.intersect1d(keys_a, keys_b, return_indices=True)
    return a.take(in_a), b.take(in_b)


def without(runs: Runs, others: Runs, ndim: int) -> Runs:
    """The rows that are not among others, in row order."""
    return match(others, runs, ndim).added if len(others) else runs


def union(parts: Iterable[Runs]) -> Runs:
    """Ids that are in any of some runs, each once; the rows and data of the result mean nothing."""
    pieces = [p.with_ndim(part.pieces, 0) for part in parts if len(part)]
    if not pieces:
        return Runs(p.empty(0), np.zeros(0, np.int64))
    whole = p.concatenate(pieces)
    whole = whole[np.lexsort((whole["counter"], whole["session"]))]
    merged: list[tuple[int, int, int]] = []
    for session, first, count in zip(
        whole["session"].tolist(), whole["counter"].tolist(), whole["count"].tolist(), strict=True
    ):
        if merged and merged[-1][0] == session and first <= merged[-1][2]:
            merged[-1] = (session, merged[-1][1], max(merged[-1][2], first + count))
        else:
            merged.append((session, first, first + count))
    ids = np.zeros(len(merged), p.piece_dtype(0))
    for i, (session, first, stop) in enumerate(merged):
        ids[i]["session"], ids[i]["counter"], ids[i]["count"] = session, first, stop - first
    return Runs(ids, np.zeros(len(ids), np.int64))


_NONE = np.zeros(0, np.int64)


def locate(table: PieceTable, base: PieceTable, wanted: Runs) -> tuple[Runs, Runs]:
    """Where rows of ``base`` are in another version.

    Args:
        table: The other version.
        base: The version that ``wanted`` counts rows in.
        wanted: Rows of ``base``.

    Returns:
        The rows of ``wanted`` that ``table`` still has, and the same rows, in the same order, as
        they are in ``table``.
    """
    if not len(wanted):
        return wanted, wanted
    return meet(wanted, _near(table, base, wanted), max(table.ndim, base.ndim))


def _near(table: PieceTable, base: PieceTable, wanted: Runs) -> Runs:
    """Rows of ``table`` among which ``wanted`` must be, without reading every shared segment."""
    shared = _keys(table) & _keys(base)
    touched = set()
    start = 0
    ranges = wanted.ranges()
    for segment in base.segments:
        stop = start + segment.rows
        if _key(segment) in shared and bool(((ranges[:, 0] < stop) & (ranges[:, 1] > start)).any()):
            touched.add(_key(segment))
        start = stop
    return _runs(table, shared - touched)


def _key(segment: Segment) -> Any:
    return None if segment.ref is None else segment.ref.key


def _keys(table: PieceTable) -> set[Any]:
    return {_key(segment) for segment in table.segments} - {None}


def _runs(table: PieceTable, without: set[Any]) -> Runs:
    """Rows of the segments that are not in ``without``."""
    parts = []
    rows = []
    start = 0
    for segment in table.segments:
        if _key(segment) not in without:
            pieces = p.with_ndim(segment.pieces, table.ndim)
            parts.append(pieces)
            rows.append(start + segment.ends - pieces["count"].astype(np.int64))
        start += segment.rows
    if not parts:
        return Runs(p.empty(table.ndim), np.zeros(0, np.int64))
    return Runs(p.concatenate(parts), np.concatenate(rows))


def _ids(runs: Runs, sessions: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Row ids of the runs' first rows as numbers that order and subtract like ids."""
    which = np.searchsorted(sessions, runs.pieces["session"]).astype(np.uint64)
    ids: np.ndarray[Any, Any] = (which << np.uint64(COUNTER_BITS)) | runs.pieces["counter"]
    return ids


def _cut(
    runs: Runs, keys: np.ndarray[Any, Any], bounds: np.ndarray[Any, Any]
) -> tuple[Runs, np.ndarray[Any, Any]]:
    """The runs cut at every bound inside them, and their keys."""
    if not len(runs):
        return runs, keys
    counts = runs.pieces["count"]
    first = np.searchsorted(bounds, keys)
    last = np.searchsorted(bounds, keys + counts)
    parts = (last - first).astype(np.int64)
    which = np.repeat(np.arange(len(runs)), parts)
    place = np.arange(len(which)) - np.repeat(np.cumsum(parts) - parts, parts) + first[which]
    start = bounds[place]
    skipped = start - keys[which]
    cut = runs.pieces[which].copy()
    cut["start"] += skipped.astype(np.uint32)
    cut["counter"] += skipped
    cut["count"] = bounds[place + 1] - start
    return Runs(cut, runs.rows[which] + skipped.astype(np.int64)), start


__all__ = [
    "Changes", "Runs", "all_rows", "compare", "locate", "match", "meet", "union", "without",
]  # fmt: skip
