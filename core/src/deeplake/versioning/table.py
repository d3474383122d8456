"""Piece tables: which chunk holds which row of a tensor, in one version.

A table is immutable and made of segments that are read when they are first needed. An edit returns
a
new table that shares every segment it does not touch; diff and merge skip those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from deeplake.format import pieces as p
from deeplake.format.commit import INDEX, SegmentRef
from deeplake.format.pieces import Pieces
from deeplake.format.segment import MAX_PIECES, unpack

MAX_SINGLES = 3
"""Pieces at the end of a table that are in no segment block."""


class Segment:
    """Some consecutive pieces, stored or not yet.

    Attributes:
        ref: Where it is stored; None if it is new.
        rows: Rows of its pieces.
        group, place: The index block that lists it, and its place there.
    """

    __slots__ = ("_ends", "_load", "_pieces", "group", "place", "ref", "rows")

    def __init__(
        self,
        ref: SegmentRef | None = None,
        pieces: Pieces | None = None,
        load: Callable[[SegmentRef], Pieces] | None = None,
        group: SegmentRef | None = None,
        place: int = 0,
    ) -> None:
        self.ref = ref
        self.group = group
        self.place = place
        self._load = load
        self._pieces = pieces
        self._ends: np.ndarray[Any, Any] | None = None
        if ref is not None:
            self.rows = ref.rows
        else:
            assert pieces is not None
            self.rows = int(pieces["count"].sum())

    @property
    def pieces(self) -> Pieces:
        """The pieces; read from the store the first time."""
        if self._pieces is None:
            assert self.ref is not None
            assert self._load is not None
            self._pieces = self._load(self.ref)
        return self._pieces

    @property
    def ends(self) -> np.ndarray[Any, Any]:
        """The row after the last of each piece, counted from the segment's start."""
        if self._ends is None:
            self._ends = p.ends(self.pieces)
        return self._ends

    @property
    def count(self) -> int:
        """Number of pieces, known without reading them."""
        return self.ref.pieces if self.ref is not None else len(self.pieces)

    @property
    def is_single(self) -> bool:
        """Whether it is one piece, which needs no block."""
        return self.count == 1

    def bounds(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Lowest and highest shape of its samples."""
        if self.ref is not None:
            return self.ref.low, self.ref.high
        pieces = self.pieces
        return tuple(pieces["low"].min(axis=0).tolist()), tuple(pieces["high"].max(axis=0).tolist())


class PieceTable:
    """The rows of one tensor in one version.

    Attributes:
        ndim: Dimensions of a sample in its pieces.
        rows: Rows.
    """

    __slots__ = ("_load", "_refs", "_segments", "_stops_", "ndim", "rows")

    def __init__(self, segments: Sequence[Segment], ndim: int) -> None:
        self._segments: tuple[Segment, ...] | None = tuple(s for s in segments if s.rows)
        self._stops_: np.ndarray[Any, Any] | None = None
        self._refs: tuple[SegmentRef, ...] = ()
        self._load: Callable[[SegmentRef], Pieces] | None = None
        self.ndim = ndim
        self.rows = sum(s.rows for s in self._segments)

    @classmethod
    def stored(
        cls, refs: Iterable[SegmentRef], ndim: int, load: Callable[[SegmentRef], Pieces]
    ) -> PieceTable:
        """The table of a commit; ``load`` reads a segment, or an index of segments.

        Nothing is read before it is needed.
        """
        table = cls((), ndim)
        table._refs = tuple(refs)
        table._load = load
        table._segments = None
        table.rows = sum(ref.rows for ref in table._refs)
        return table

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments, in row order."""
        if self._segments is None:
            assert self._load is not None
            found: list[Segment] = []
            for ref in self._refs:
                if ref.level != INDEX:
                    found.append(Segment(ref, load=self._load))
                    continue
                listed = unpack(self._load(ref))
                found.extend(
                    Segment(inner, load=self._load, group=ref, place=place)
                    for place, inner in enumerate(listed)
                )
            self._segments = tuple(found)
        return self._segments

    @property
    def _stops(self) -> np.ndarray[Any, Any]:
        if self._stops_ is None:
            self._stops_ = np.cumsum([s.rows for s in self.segments], dtype=np.int64)
        return self._stops_

    @property
    def is_stored(self) -> bool:
        """Whether it is just as a commit has it."""
        return self._segments is None or all(s.ref is not None for s in self._segments)

    def refs(self) -> list[SegmentRef]:
        """References to all segments, which are stored, by way of index blocks where they are
        whole.
        """
        if self._segments is None:
            return list(self._refs)
        segments = self._segments
        refs: list[SegmentRef] = []
        i = 0
        while i < len(segments):
            group = segments[i].group
            if group is not None and segments[i].place == 0:
                members = segments[i : i + group.pieces]
                if len(members) == group.pieces and all(
                    s.group == group and s.place == k for k, s in enumerate(members)
                ):
                    refs.append(group)
                    i += group.pieces
                    continue
            ref = segments[i].ref
            assert ref is not None
            refs.append(ref)
            i += 1
        return refs

    # ---- reading
    def locate(self, row: int) -> tuple[Any, int, int]:
        """The piece of a row, and the table's rows that it begins and ends with."""
        which = int(np.searchsorted(self._stops, row, "right"))
        segment = self.segments[which]
        base = int(self._stops[which]) - segment.rows
        ends = segment.ends
        i = int(np.searchsorted(ends, row - base, "right"))
        piece = segment.pieces[i]
        stop = base + int(ends[i])
        return piece, stop - int(piece["count"]), stop

    def spans(self, start: int = 0, stop: int | None = None) -> list[tuple[int, Pieces]]:
        """``(first row, pieces)`` of rows ``start`` to ``stop``, one for each segment touched."""
        stop = self.rows if stop is None else stop
        found = []
        for which, segment in enumerate(self.segments):
            base = int(self._stops[which]) - segment.rows
            low, high = max(start - base, 0), min(stop - base, segment.rows)
            if low < high:
                whole = low == 0 and high == segment.rows
                part = segment.pieces if whole else p.row_range(segment.pieces, low, high)
                found.append((base + low, part))
        return found

    def pieces(self, start: int = 0, stop: int | None = None) -> Pieces:
        """The pieces of rows ``start`` to ``stop``."""
        parts = [p.with_ndim(part, self.ndim) for _, part in self.spans(start, stop)]
        return p.concatenate(parts) if parts else p.empty(self.ndim)

    def bounds(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Lowest and highest shape of all samples; zeros for an empty table."""
        if self._segments is None:
            known = [(ref.low, ref.high) for ref in self._refs]
        else:
            known = [s.bounds() for s in self._segments]
        return joint_bounds(known, self.ndim)

    # ---- editing
    def with_ndim(self, ndim: int) -> PieceTable:
        """The same rows, when the first real sample tells how many dimensions there are."""
        return self if ndim == self.ndim else PieceTable(self.segments, ndim)

    def append(self, pieces: Pieces) -> PieceTable:
        """The table with more rows at its end."""
        if len(pieces) == 0:
            return self
        last = self.segments[-1] if self.segments else None
        if last is not None and last.ref is None and len(last.pieces) + len(pieces) <= MAX_PIECES:
            joined = p.concatenate(
                [p.with_ndim(last.pieces, self.ndim), p.with_ndim(pieces, self.ndim)]
            )
            return PieceTable([*self.segments[:-1], Segment(pieces=joined)], self.ndim)
        return PieceTable([*self.segments, Segment(pieces=pieces)], self.ndim)

    def replace(self, edits: Sequence[tuple[int, Pieces]]) -> PieceTable:
        """The table with new data for some rows.

        Args:
            edits: ``(first row, pieces)``, sorted and disjoint; the row ids of the pieces do not
                matter, rows keep theirs.
        """
        starts = np.array([row for row, _ in edits], np.int64)
        counts = np.array([int(new["count"].sum()) for _, new in edits], np.int64)
        new = [p.with_ndim(part, self.ndim) for _, part in edits]
        if not new:
            return self
        return self.replace_ranges(np.stack([starts, starts + counts], axis=1), p.concatenate(new))

    def replace_ranges(self, ranges: np.ndarray[Any, Any], pieces: Pieces) -> PieceTable:
        """The table with new data for ranges of rows.

        Args:
            ranges: ``int64[n, 2]``: sorted, disjoint, none of them empty.
            pieces: New pieces of all these rows, in this order; their row ids do not matter, rows keep
                theirs.
        """
        pieces = p.with_ndim(pieces, self.ndim)
        lengths = ranges[:, 1] - ranges[:, 0]
        offsets = np.cumsum(lengths) - lengths
        segments = list(self.segments)
        for which, segment in enumerate(self.segments):
            base = int(self._stops[which]) - segment.rows
            stop = base + segment.rows
            first = int(np.searchsorted(ranges[:, 1], base, "right"))
            last = int(np.searchsorted(ranges[:, 0], stop, "left"))
            if first == last:
                continue
            mine = np.clip(ranges[first:last], base, stop)
            begin = int(offsets[first] + mine[0, 0] - ranges[first, 0])
            fresh = p.row_range(pieces, begin, begin + int((mine[:, 1] - mine[:, 0]).sum()))
            old = p.with_ndim(segment.pieces, self.ndim)
            segments[which] = Segment(pieces=_replaced(old, mine - base, fresh))
        return PieceTable(segments, self.ndim)

    def delete(self, ranges: np.ndarray[Any, Any]) -> PieceTable:
        """The table without some rows (``int64[n, 2]``: sorted, disjoint ranges)."""
        segments = list(self.segments)
        for which, segment in enumerate(self.segments):
            base = int(self._stops[which]) - segment.rows
            local = np.clip(ranges - base, 0, segment.rows)
            local = local[local[:, 0] < local[:, 1]]
            if len(local):
                segments[which] = Segment(pieces=p.without(segment.pieces, local))
        return PieceTable(segments, self.ndim)

    def insert(self, row: int, pieces: Pieces) -> PieceTable:
        """The table with more rows before ``row``."""
        return self.truncate(row).append(pieces).join(self.beginning_at(row))

    def gather(self, rows: np.ndarray[Any, Any]) -> PieceTable:
        """The table of any rows in any order."""
        return PieceTable([Segment(pieces=p.gather(self.pieces(), rows))], self.ndim)

    def truncate(self, rows: int) -> PieceTable:
        """The table of the first ``rows`` rows."""
        if rows >= self.rows:
            return self
        return self.delete(np.array([[rows, self.rows]], np.int64))

    def beginning_at(self, row: int) -> PieceTable:
        """The table without its first ``row`` rows."""
        return self.delete(np.array([[0, row]], np.int64)) if row else self

    def join(self, other: PieceTable) -> PieceTable:
        """This table's rows, then the other's."""
        return PieceTable([*self.segments, *other.segments], self.ndim)

    def compacted(self) -> PieceTable:
        """The same rows in segments of a reasonable size.

        New segments are cut to at most 4,096 pieces and merged with their smaller neighbours, the
        way a binary counter carries: appending one piece at a time rewrites each piece O(log n)
        times, and a table keeps O(log n) small segments. The last few pieces stay single: they need
        no block.
        """
        segments = list(self.segments)
        singles: list[Segment] = []
        while segments and segments[-1].is_single:
            singles.append(segments.pop())
        if len(singles) > MAX_SINGLES:
            segments += reversed(singles)
            singles = []
        done: list[Segment] = []
        for segment in segments:
            if segment.ref is None and len(segment.pieces) > MAX_PIECES:
                whole = segment.pieces
                done.extend(
                    Segment(pieces=whole[i : i + MAX_PIECES])
                    for i in range(0, len(whole), MAX_PIECES)
                )
                continue
            done.append(Segment(pieces=segment.pieces) if segment.is_single else segment)
            while len(done) > 1 and _merge(done[-2], done[-1]):
                last = done.pop()
                joined = [
                    p.with_ndim(done[-1].pieces, self.ndim), p.with_ndim(last.pieces, self.ndim)
                ]  # fmt: skip
                done[-1] = Segment(pieces=p.concatenate(joined))
        return PieceTable([*done, *reversed(singles)], self.ndim)


def _replaced(old: Pieces, ranges: np.ndarray[Any, Any], fresh: Pieces) -> Pieces:
    """Pieces with new data for ranges of their rows, which keep their ids."""
    lengths = ranges[:, 1] - ranges[:, 0]
    ends = np.cumsum(lengths)
    old = p.cut(old, ranges.reshape(-1))
    starts = p.ends(old) - old["count"].astype(np.int64)
    which = np.searchsorted(ranges[:, 0], starts, "right") - 1
    inside = (which >= 0) & (starts < ranges[np.maximum(which, 0), 1])
    # New pieces may reach over several ranges: their rows were written together.
    fresh = p.with_ids_of(p.cut(fresh, ends), old[inside])
    at = p.ends(fresh) - fresh["count"].astype(np.int64)
    into = np.searchsorted(ends, at, "right")
    rows = ranges[into, 0] + at - (ends[into] - lengths[into])
    order = np.argsort(np.concatenate([starts[~inside], rows]))
    return p.concatenate([old[~inside], fresh])[order]


def joint_bounds(
    known: Sequence[tuple[tuple[int, ...], tuple[int, ...]]], ndim: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Lowest and highest shape where those of parts are known; zeros for no parts."""
    # What was stored before the first value told how many dimensions there are has zeros.
    pad = (0,) * ndim
    if not known:
        return pad, pad
    lows = [(*low, *pad)[:ndim] for low, _ in known]
    highs = [(*high, *pad)[:ndim] for _, high in known]
    return tuple(map(min, zip(*lows, strict=True))), tuple(map(max, zip(*highs, strict=True)))


def _merge(left: Segment, right: Segment) -> bool:
    if left.ref is not None and right.ref is not None:
        return False
    if left.count + right.count > MAX_PIECES:
        return False
    if left.ref is None and right.ref is None:
        return True
    stored, new = (left, right) if left.ref is not None else (right, left)
    return stored.count <= new.count


__all__ = ["PieceTable", "Segment", "joint_bounds"]
