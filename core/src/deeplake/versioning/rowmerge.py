"""Three-way merges of rows, by their ids.

Tensors are merged one by one, but a row is one thing: what is kept, dropped or brought back in one
tensor is in all, or the rows of different tensors would no longer belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from deeplake.format import pieces as p
from deeplake.format.pieces import PARTIAL, Pieces, new_edit
from deeplake.versioning.changes import (
    Changes,
    Runs,
    all_rows,
    compare,
    locate,
    match,
    meet,
    union,
    without,
)
from deeplake.versioning.table import PieceTable

Resolution = Literal["ours", "theirs"] | None

Fill: TypeAlias = Callable[[Pieces], Pieces]
"""Empty samples for rows (whose ids the pieces have) that a tensor has no data of."""


class Clash(Exception):
    """Both sides changed the same thing.

    Attributes:
        what: What it is, in words.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Mismatch(Clash):
    """Both sides have a tensor, with different meta."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a merge does where the sides disagree.

    Attributes:
        resolution: Whose change counts where both changed the same thing; None: it is a clash.
        rebase: Two writers of one branch. A row that one deleted and the other updated is a clash
            then, and so are two new tensors of one name.
        deletions: Delete tensors that they deleted.
        force: Names do not clash: a tensor that both sides renamed keeps our name, and a tensor
        that
            they gave the name of one of ours becomes part of it.
        virtual: The result is only the base of another merge, of histories that merged each other:
            nothing clashes, and a row that would have differs from both sides.
    """

    resolution: Resolution = None
    rebase: bool = False
    deletions: bool = False
    force: bool = False
    virtual: bool = False

    @property
    def settled(self) -> bool:
        """Whether there is an answer to clashes of data."""
        return self.virtual or self.resolution is not None


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Three versions of a tensor's rows, and what happened on both sides.

    Attributes:
        base, ours, theirs: The versions; all with as many dimensions.
        mine, their: What led from the base to ours, and to theirs.
        twins: Both sides created the tensor: then data for the same row clash.
    """

    base: PieceTable
    ours: PieceTable
    theirs: PieceTable
    mine: Changes
    their: Changes
    twins: bool = False

    @classmethod
    def compared(cls, base: PieceTable | None, ours: PieceTable, theirs: PieceTable) -> Tables:
        """The versions with their differences; ``None``: both sides created the tensor."""
        ndim = ours.ndim
        before = PieceTable([], ndim) if base is None else base.with_ndim(ndim)
        theirs = theirs.with_ndim(ndim)
        mine, their = compare(before, ours), compare(before, theirs)
        return cls(before, ours, theirs, mine, their, twins=base is None)

    @property
    def ndim(self) -> int:
        """Dimensions of a sample."""
        return self.ours.ndim


@dataclass(frozen=True, slots=True, eq=False)
class Fates:
    """Rows that have the same fate in all tensors, by id.

    Attributes:
        kept: They deleted them; they stay, because we updated them.
        revived: We deleted them; they come back, because they updated them.
        gone: We deleted them, and they stay away.
        lost: They deleted them, and they go.
    """

    kept: Runs = field(default_factory=lambda: union(()))
    revived: Runs = field(default_factory=lambda: union(()))
    gone: Runs = field(default_factory=lambda: union(()))
    lost: Runs = field(default_factory=lambda: union(()))

    @property
    def any(self) -> bool:
        """Whether there is any such row."""
        return any(len(runs) for runs in (self.kept, self.revived, self.gone, self.lost))


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


def fates(tensors: Iterable[Tables], rules: Rules) -> Fates:
    """What becomes of rows that one side deleted.

    Rows that both sides know are those of the longest tensor of the base.

    Raises:
        Clash: One side deleted a row, the other updated it, and the rules do not say what counts.
    """
    known = list(tensors)
    if not any(tables.mine.deleted.count or tables.their.deleted.count for tables in known):
        return Fates()
    both = union(meet(t.their.deleted, t.mine.replaced, t.ndim)[0] for t in known)
    back = union(meet(t.mine.deleted, t.their.replaced, t.ndim)[0] for t in known)
    if both.count and not rules.settled:
        raise Clash(f"{_rows(both.count)} updated on one side and deleted on the other")
    if back.count and rules.rebase:
        raise Clash(f"{_rows(back.count)} deleted on one side and updated on the other")
    kept = both if rules.resolution == "ours" else union(())
    revived = back if rules.resolution != "ours" else union(())
    longest = max(known, key=lambda tables: tables.base.rows)
    gone = without(union([longest.mine.deleted]), revived, 0)
    return Fates(kept, revived, gone, without(union([longest.their.deleted]), kept, 0))


def _rows(n: int) -> str:
    return f"{n} row was" if n == 1 else f"{n} rows were"


def merge_rows(tables: Tables, rules: Rules, rows: Fates) -> RowMerge:
    """Their changes since the base, as edits of our table.

    A deletion on both sides is no clash, nor is the same update (of an earlier merge).

    Raises:
        Clash: Both sides updated a row, and the rules do not say whose update counts.
    """
    ours, mine, their, ndim = tables.ours, tables.mine, tables.their, tables.ndim
    wanted, found = locate(ours, tables.base, their.replaced)
    conflict = _Conflicts(rules)
    conflict.settle(found, wanted.pieces["edit"], _data_of(wanted, their))
    added = their.added
    if len(mine.added) and len(added):
        # Rows that came to both sides since the base: the work that a conflict kept has them. Data as
        # they were appended (edit 0) give way to an update.
        twice = match(mine.added, added, ndim)
        before = None if tables.twins else np.zeros(len(twice.replaced), np.uint64)
        conflict.settle(twice.replaced, before, twice.updated.pieces)
        added = twice.added
    if conflict.rows:
        raise Clash(f"{_rows(conflict.rows)} updated on both sides")
    added = without(added, rows.gone, ndim)
    if len(rows.revived):
        wanted, _ = meet(mine.deleted, rows.revived, ndim)
        _, back = locate(tables.theirs, tables.base, wanted)
        added = _joined(added, back)
    _, deleted = locate(ours, tables.base, their.deleted)
    deleted = without(deleted, rows.kept, ndim)
    late, _ = meet(mine.added, rows.lost, ndim)
    return RowMerge(_joined(deleted, late).ranges(), conflict.edits(), added.pieces)


class _Conflicts:
    """Finds out whose data rows get.

    Attributes:
        rows: Rows that clash.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._edits: list[tuple[int, Pieces]] = []
        self.rows = 0

    def settle(self, ours: Runs, base: np.ndarray[Any, Any] | None, theirs: Pieces) -> None:
        """Compare the edit numbers of rows in three versions.

        Args:
            ours: The rows as we have them.
            base: Their edit numbers in the base; None: they are not in it.
            theirs: Their data on the other side, in the same order.
        """
        mine, their = ours.pieces["edit"], theirs["edit"]
        use = clash = mine != their
        if base is not None:
            use = use & (their != base)
            clash = use & (mine != base)
        if clash.any():
            if self._rules.virtual:
                theirs = theirs.copy()
                partial = theirs["edit"][clash] & np.uint64(PARTIAL)
                theirs["edit"][clash] = partial | np.uint64(new_edit())
            elif self._rules.resolution is None:
                self.rows += int(ours.pieces["count"][clash].sum())
            elif self._rules.resolution == "ours":
                use = use & ~clash
        self._edits += [
            (int(ours.rows[i]), theirs[i : i + 1]) for i in np.flatnonzero(use).tolist()
        ]

    def edits(self) -> list[tuple[int, Pieces]]:
        """``(our row, their pieces)``, sorted and disjoint."""
        return sorted(self._edits, key=lambda edit: edit[0])


def _data_of(wanted: Runs, their: Changes) -> Pieces:
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


def _joined(a: Runs, b: Runs) -> Runs:
    """Runs of one table together, in row order."""
    if not len(a) or not len(b):
        return a if len(a) else b
    rows = np.concatenate([a.rows, b.rows])
    order = np.argsort(rows, kind="stable")
    return Runs(p.concatenate([a.pieces, b.pieces])[order], rows[order])


# --------------------------------------------------------------------------- new columns
def fitted(new: PieceTable, merged: PieceTable, lost: Runs, fill: Fill) -> PieceTable:
    """A tensor that only one side has, made to fit the rows of a merged one.

    Rows that the other side deleted are left out; those that the other side put in between get
    empty
    samples. Rows that no other tensor has stay behind all others.

    Args:
        new: The tensor.
        merged: The tensor that tells which rows there are, and in which order.
        lost: Rows that were deleted.
        fill: Makes empty samples.
    """
    ndim = new.ndim
    mine = without(all_rows(new), lost, ndim)
    here, there = meet(mine, all_rows(merged), ndim)
    order = np.argsort(there.rows, kind="stable")
    here, there = here.take(order), there.take(order)
    tail = without(mine, there, ndim)
    parts: list[Pieces] = []
    row = 0
    for i, start in enumerate(there.rows.tolist()):
        if start > row:
            parts.append(fill(merged.pieces(row, start)))
        parts.append(here.pieces[i : i + 1])
        row = start + int(there.pieces["count"][i])
    if len(parts) == len(here):
        moved = (np.diff(here.rows) < 0).any() or (
            len(tail) and len(here) and tail.rows[0] < here.rows[-1]
        )
        if mine.count == new.rows and not moved:
            return new
    parts.append(tail.pieces)
    return PieceTable([], ndim).append(p.concatenate([p.with_ndim(part, ndim) for part in parts]))


__all__ = [
    "Clash", "Fates", "Fill", "Mismatch", "Resolution", "RowMerge", "Rules", "Tables", "fates",
    "fitted", "merge_rows",
]  # fmt: skip
