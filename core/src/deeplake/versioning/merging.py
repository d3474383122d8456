"""Three-way merges: of rows by their ids, of schemas by tensor, of JSON by key.

A writer that lost a compare-and-swap and ``ds.merge`` do the same thing: what changed between a
common base and one side is applied to the other side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from deeplake.format import pieces as p
from deeplake.format.pieces import Pieces
from deeplake.versioning.changes import Changes, Runs, compare, locate
from deeplake.versioning.table import PieceTable

Resolution = Literal["ours", "theirs"] | None


class Clash(Exception):
    """Both sides changed the same thing.

    Attributes:
        what: What it is, in words.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True, slots=True, eq=False)
class RowMerge:
    """What has to be done to our table.

    Attributes:
        delete: ``int64[n, 2]``: ranges of our rows that they deleted.
        replace: ``(our row, their pieces)``, sorted and disjoint: rows that they updated.
        append: Pieces of rows that they added.
    """

    delete: np.ndarray[Any, Any]
    replace: list[tuple[int, Pieces]]
    append: Pieces

    def apply(self, ours: PieceTable) -> PieceTable:
        """Our table with their changes."""
        merged = ours.replace(self.replace) if self.replace else ours
        if len(self.delete):
            merged = merged.delete(self.delete)
        return merged.append(self.append)


def merge_rows(
    base: PieceTable, ours: PieceTable, theirs: PieceTable, resolution: Resolution = None
) -> RowMerge:
    """Their changes since ``base``, as edits of our table.

    A row that both sides updated, or one updated and the other deleted, is a clash. Rows that one
    side deleted and the other left alone stay deleted; a deletion on both sides is no clash.

    Raises:
        Clash: Without ``resolution``.
    """
    mine, their = compare(base, ours), compare(base, theirs)
    if not their:
        return RowMerge(np.zeros((0, 2), np.int64), [], p.empty(ours.ndim))
    added = their.added
    if len(mine.added):
        # A row that both sides have got already (an earlier merge) is not added again.
        added = _without_known(added, mine.added, ours.ndim)
    wanted, found = locate(ours, base, their.replaced)
    gone = their.replaced.count - wanted.count
    if gone and resolution is None:
        raise Clash(f"{gone} rows were updated on one side and deleted on the other")
    clashing = _common(wanted, mine.replaced)
    if clashing and resolution is None:
        raise Clash(f"{clashing} rows were updated on both sides")
    replace: list[tuple[int, Pieces]] = []
    if len(wanted):
        pairs = _their_data(wanted, their)
        keep = np.ones(len(found), bool)
        if clashing and resolution == "ours":
            keep = ~_member(wanted, mine.replaced)
        order = np.argsort(found.rows, kind="stable")
        replace = [(int(found.rows[i]), pairs[i : i + 1]) for i in order.tolist() if keep[i]]
    _, found_deleted = locate(ours, base, their.deleted)
    both = _common(their.deleted, mine.replaced)
    if both:
        if resolution is None:
            raise Clash(f"{both} rows were deleted on one side and updated on the other")
        if resolution == "ours":
            kept, _ = locate(ours, base, their.deleted)
            found_deleted = found_deleted.take(~_member(kept, mine.replaced))
    return RowMerge(found_deleted.ranges(), replace, added.pieces)


def _their_data(wanted: Runs, their: Changes) -> Pieces:
    """The new data of rows, in the order of ``wanted`` (which may be cut finer)."""
    old, new = their.replaced, their.updated
    order = np.argsort(old.rows, kind="stable")
    which = order[np.searchsorted(old.rows[order], wanted.rows, "right") - 1]
    skipped = wanted.rows - old.rows[which]
    data = new.pieces[which].copy()
    data["start"] += skipped.astype(np.uint32)
    data["counter"] += skipped.astype(np.uint64)
    data["count"] = wanted.pieces["count"]
    return data


def _member(runs: Runs, among: Runs) -> np.ndarray[Any, Any]:
    """Whether each run (of rows of the base) touches rows of ``among``."""
    ranges = among.ranges()
    if not len(ranges):
        return np.zeros(len(runs), bool)
    stops = runs.rows + runs.pieces["count"].astype(np.int64)
    first = np.searchsorted(ranges[:, 1], runs.rows, "right")
    inside = first < len(ranges)
    starts = np.where(inside, ranges[np.minimum(first, len(ranges) - 1), 0], 0)
    return inside & (starts < stops)


def _common(runs: Runs, among: Runs) -> int:
    """How many rows of the base are in both."""
    total = 0
    ranges = among.ranges()
    for a, b in runs.ranges().tolist():
        low = np.maximum(ranges[:, 0], a)
        high = np.minimum(ranges[:, 1], b)
        total += int(np.maximum(high - low, 0).sum())
    return total


def _without_known(added: Runs, known: Runs, ndim: int) -> Runs:
    from deeplake.versioning.changes import match

    return match(known, added, ndim).added


def merge_json(
    what: str, base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any],
    resolution: Resolution = None,
) -> dict[str, Any]:  # fmt: skip
    """Our mapping with their changes since ``base``, key by key.

    Raises:
        Clash: Both sides changed a key, differently, and there is no ``resolution``.
    """
    merged = dict(ours)
    missing = object()
    for key in {*base, *theirs}:
        before, mine, their = (side.get(key, missing) for side in (base, ours, theirs))
        if their is before or their == before or their == mine:
            continue
        if mine != before and resolution != "theirs":
            if resolution is None:
                raise Clash(f"{what}: {key!r} was changed on both sides")
            continue
        if their is missing:
            merged.pop(key, None)
        else:
            merged[key] = their
    return merged


__all__ = ["Clash", "Resolution", "RowMerge", "merge_json", "merge_rows"]
