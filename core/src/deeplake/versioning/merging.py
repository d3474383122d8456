"""Three-way merges: of rows by their ids, of schemas by tensor, of JSON by key.

A writer that lost a compare-and-swap and ``ds.merge`` do the same thing: what changed between a
common base and one side is applied to the other side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from deeplake.format import pieces as p
from deeplake.format.encoding import htype_plugin
from deeplake.format.pieces import Pieces
from deeplake.types import TensorSchema
from deeplake.versioning.changes import Changes, Runs, compare, locate, match
from deeplake.versioning.table import PieceTable

Resolution = Literal["ours", "theirs"] | None

Remap: TypeAlias = Callable[["Side", Pieces, np.ndarray[Any, Any]], Pieces]
"""Rewrites rows for our side of a tensor: each value ``v`` becomes ``mapping[v]``."""


class Clash(Exception):
    """Both sides changed the same thing.

    Attributes:
        what: What it is, in words.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Mismatch(Clash):
    """Both sides created a tensor, with different meta."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One tensor on one side of a merge."""

    schema: TensorSchema
    info: Mapping[str, Any]
    table: PieceTable


def merge_tensors(
    base: Mapping[str, Side],
    ours: Mapping[str, Side],
    theirs: Mapping[str, Side],
    resolution: Resolution = None,
    *,
    apply_deletions: bool,
    remap: Remap,
    force: bool = False,
) -> dict[str, Side]:
    """Our tensors with their changes since ``base``.

    Args:
        base, ours, theirs: Tensors by id.
        resolution: Whose change counts where both changed the same thing; None: it is a clash.
        apply_deletions: Delete tensors that they deleted.
        remap: Rewrites rows whose values mean something else on our side.
        force: Where both sides renamed a tensor, our name counts.

    Raises:
        Clash: Both sides changed the same thing.
    """
    merged = dict(ours)
    for tid, their in theirs.items():
        before, mine = base.get(tid), ours.get(tid)
        name = their.schema.name
        if before is None:
            twins = [t for t, side in ours.items() if side.schema.name == name and t not in base]
            if not twins:
                merged[tid] = their
                continue
            # Both sides created it: one tensor, with the rows of both.
            mine = ours[twins[0]]
            _check_twins(mine.schema, their.schema)
            nothing = Side(mine.schema, {}, PieceTable([], mine.table.ndim))
            merged[twins[0]] = _merge_tensor(
                nothing, mine, replace(their, schema=mine.schema), resolution, remap
            )
        elif mine is None:
            if _changed(before, their):
                if resolution is None:
                    raise Clash(f"tensor {name!r} was deleted on one side and changed on the other")
                if resolution == "theirs":
                    merged[tid] = their
        else:
            merged[tid] = _merge_tensor(before, mine, their, resolution, remap, force)
    for tid, before in base.items():
        if tid in theirs or tid not in ours or not apply_deletions:
            continue
        if resolution is None and _changed(before, ours[tid]):
            name = ours[tid].schema.name
            raise Clash(f"tensor {name!r} was deleted on one side and changed on the other")
        if resolution != "ours" or not _changed(before, ours[tid]):
            del merged[tid]
    names = [side.schema.name for side in merged.values()]
    for name in names:
        if names.count(name) > 1:
            raise Clash(f"two tensors were given the name {name!r}")
    return merged


def _merge_tensor(
    base: Side, ours: Side, theirs: Side, resolution: Resolution, remap: Remap, force: bool = False
) -> Side:
    name = ours.schema.name
    changed = {}
    for key in SCHEMA_FIELDS:
        before, mine, their = (getattr(side.schema, key) for side in (base, ours, theirs))
        if their in (before, mine):
            continue
        if mine != before and (resolution != "theirs" or (force and key == "name")):
            if resolution is None and not (force and key == "name"):
                raise Clash(f"tensor {name!r}: its {key} was changed on both sides")
            continue
        changed[key] = their
    schema = replace(ours.schema, **changed) if changed else ours.schema
    mine, mapping = ours.info, None
    reconciled = htype_plugin(schema.htype).reconcile(ours.info, theirs.info)
    if reconciled is not None:
        mine, mapping = reconciled
        # What was reconciled is settled: neither side's own version counts any more.
        settled = {key: value for key, value in mine.items() if ours.info.get(key) != value}
        base = replace(base, info={**base.info, **settled})
        theirs = replace(theirs, info={**theirs.info, **settled})
    info = merge_json(f"info of tensor {name!r}", base.info, mine, theirs.info, resolution)
    table = ours.table.with_ndim(schema.ndim or 0)
    try:
        rows = merge_rows(
            base.table.with_ndim(table.ndim), table, theirs.table.with_ndim(table.ndim), resolution
        )
    except Clash as clash:
        raise Clash(f"tensor {name!r}: {clash.what}") from clash
    if mapping is not None:
        rows = RowMerge(
            rows.delete,
            [(row, remap(ours, pieces, mapping)) for row, pieces in rows.replace],
            remap(ours, rows.append, mapping) if len(rows.append) else rows.append,
        )
    return Side(schema, info, rows.apply(table))


def _check_twins(ours: TensorSchema, theirs: TensorSchema) -> None:
    for key in ("htype", "dtype", "ndim", "sample_compression", "chunk_compression"):
        mine, their = getattr(ours, key), getattr(theirs, key)
        if mine != their:
            raise Mismatch(
                f"tensor {ours.name!r} was created on both sides, with {key} {mine!r} and {their!r}"
            )


def _changed(before: Side, after: Side) -> bool:
    return (
        before.schema != after.schema
        or dict(before.info) != dict(after.info)
        or bool(compare(before.table, after.table))
    )


SCHEMA_FIELDS = tuple(f.name for f in fields(TensorSchema) if f.name != "id")

__all__ = [
    "Clash", "Mismatch", "Resolution", "RowMerge", "Side", "merge_json", "merge_rows", "merge_tensors",
]  # fmt: skip
