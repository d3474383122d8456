"""Three-way merges of whole versions: tensors by their ids, JSON by key, rows in ``rowmerge``.

A writer that lost a compare-and-swap and ``ds.merge`` do the same thing: what changed between a
common base and one side is applied to the other side. They differ in what they call a clash (see
``Rules``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from deeplake.format.encoding import htype_plugin
from deeplake.format.links import CREDS_KEY, creds_names
from deeplake.format.pieces import Pieces
from deeplake.types import TensorSchema
from deeplake.versioning.changes import all_rows, compare, meet
from deeplake.versioning.rowmerge import (
    Clash,
    Fates,
    Mismatch,
    Resolution,
    RowMerge,
    Rules,
    Tables,
    fates,
    fitted,
    merge_rows,
)
from deeplake.versioning.table import PieceTable

REBASE = Rules(rebase=True, deletions=True)
"""How a writer that came second starts from the state of the first."""

STRUCTURE = (
    "htype", "dtype", "ndim", "sample_compression", "chunk_compression", "is_sequence", "is_link",
)  # fmt: skip
"""How samples are stored: where both sides changed that, no resolution makes it one tensor."""

SCHEMA_FIELDS = tuple(f.name for f in fields(TensorSchema) if f.name != "id")


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One tensor on one side of a merge."""

    schema: TensorSchema
    info: Mapping[str, Any]
    table: PieceTable


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A version of a dataset: its tensors by id, its groups, its info and the keys of its
    commit.
    """

    tensors: Mapping[str, Side] = field(default_factory=_nothing)
    groups: Sequence[str] = ()
    info: Mapping[str, Any] = field(default_factory=_nothing)
    extra: Mapping[str, Any] = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True)
class Rewriting:
    """How samples are made anew, where that is needed.

    Attributes:
        remap: Rows of a tensor in which each value ``v`` becomes ``mapping[v]``.
        fill: Empty samples of a tensor, for rows whose ids the pieces have.
    """

    remap: Callable[[Side, Pieces, np.ndarray[Any, Any]], Pieces]
    fill: Callable[[Side, Pieces], Pieces]


IN_PLACE = Rewriting(lambda side, pieces, mapping: pieces, lambda side, pieces: pieces)
"""For virtual merges, of which only the ids of rows count."""


def merge_states(
    base: State, ours: State, theirs: State, rules: Rules, rewriting: Rewriting
) -> State:
    """Our version with their changes since the base.

    Raises:
        Clash: Both sides changed the same thing.
        Mismatch: Both sides have a tensor, stored in different ways.
    """
    tensors = _Tensors(base.tensors, ours.tensors, theirs.tensors, rules, rewriting).merge()
    names = [side.schema.name for side in tensors.values()]
    groups = _merge_groups(base.groups, ours.groups, theirs.groups, names)
    for name in names:
        if names.count(name) > 1:
            raise Clash(f"there would be two tensors of the name {name!r}")
        if name in groups:
            raise Clash(f"{name!r} is a tensor on one side and a group on the other")
    info = merge_json("info of the dataset", base.info, ours.info, theirs.info, rules)
    # Names of credentials: links of theirs have their ids.
    theirs_only = {CREDS_KEY + key: name for key, name in creds_names(theirs.extra).items()}
    extra: Mapping[str, Any] = {**theirs_only, **ours.extra}
    if rules.rebase:
        extra = merge_json("the dataset", base.extra, ours.extra, theirs.extra, rules)
    return State(tensors, groups, info, extra)


def _merge_groups(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], names: Iterable[str]
) -> list[str]:
    """Our groups with those that they made, without those that they removed and nobody needs."""
    merged = [group for group in ours if group in theirs or group not in base]
    merged += [group for group in theirs if group not in base and group not in merged]
    for name in names:
        parts = name.split("/")
        above = ("/".join(parts[:end]) for end in range(1, len(parts)))
        merged += [group for group in above if group not in merged]
    return merged


# --------------------------------------------------------------------------- tensors
@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """A tensor that both sides have; without a base if both created it."""

    tid: str
    base: Side | None
    theirs: Side
    schema: TensorSchema


class _Tensors:
    """The merge of all tensors, by id."""

    def __init__(
        self,
        base: Mapping[str, Side],
        ours: Mapping[str, Side],
        theirs: Mapping[str, Side],
        rules: Rules,
        rewriting: Rewriting,
    ) -> None:
        self._base = base
        self._ours = ours
        self._theirs = theirs
        self._rules = rules
        self._rewriting = rewriting
        self._merged = dict(ours)
        self._new: list[str] = []

    def merge(self) -> dict[str, Side]:
        """Our tensors with their changes."""
        pairs = [pair for tid in self._theirs if (pair := self._pair(tid)) is not None]
        self._delete()
        tables = [self._tables(pair, self._ours[pair.tid]) for pair in pairs]
        rows = fates(tables, self._rules)
        for pair, compared in zip(pairs, tables, strict=True):
            self._merge_pair(pair, compared, rows)
        if tables:
            longest = max(range(len(pairs)), key=lambda i: tables[i].base.rows)
            self._fit(pairs, self._merged.get(pairs[longest].tid), tables[longest], rows)
        return self._merged

    def _pair(self, tid: str) -> _Pair | None:
        """Their tensor with ours, if we have it too; otherwise take it if it is to be taken."""
        before, their = self._base.get(tid), self._theirs[tid]
        name = their.schema.name
        if before is None:
            twin = tid if tid in self._ours else self._twin(name)
            if twin is not None:
                mine = self._ours[twin]
                schema = _agreed(mine, their)
                nothing = Side(schema, {}, PieceTable([], schema.row_ndim))
                their = replace(their, schema=schema)
                return _Pair(twin, nothing if twin == tid else None, their, schema)
        elif tid in self._ours:
            return _Pair(tid, before, their, self._schema(tid, before, their))
        elif not _changed(before, their) or self._rules.resolution == "ours":
            return None
        elif not self._rules.settled:
            raise Clash(f"tensor {name!r} was deleted on one side and changed on the other")
        self._merged[tid] = their
        self._new.append(tid)
        return None

    def _twin(self, name: str) -> str | None:
        """The tensor that we made under a name that they used too."""
        for tid, side in self._ours.items():
            if side.schema.name == name and (tid not in self._base or self._rules.force):
                if self._rules.rebase:
                    raise Clash(f"both created a tensor {name!r}")
                return tid
        return None

    def _schema(self, tid: str, before: Side, their: Side) -> TensorSchema:
        mine = self._ours[tid].schema
        taken = {side.schema.name for other, side in self._ours.items() if other != tid}
        changed: dict[str, Any] = {}
        self._check_dimensions(before, self._ours[tid], their)
        for key in SCHEMA_FIELDS:
            old, new, own = (getattr(s, key) for s in (before.schema, their.schema, mine))
            if new in (old, own) or (key == "name" and self._rules.force and new in taken):
                continue
            if own == old:
                changed[key] = new
            elif key in STRUCTURE and not self._rules.virtual:
                raise Mismatch(
                    f"tensor {mine.name!r} has {key} {own!r} on one side and {new!r} on the other"
                )
            elif key == "name" and self._rules.force:
                continue
            elif not self._rules.settled:
                raise Clash(f"tensor {mine.name!r}: its {key} was changed on both sides")
            elif self._rules.resolution == "theirs":
                changed[key] = new
        return replace(mine, **changed) if changed else mine

    def _check_dimensions(self, before: Side, mine: Side, their: Side) -> None:
        """Refuse rows of two numbers of dimensions: one side emptied the tensor and began anew."""
        old = before.schema.ndim
        if old is None or mine.schema.ndim == their.schema.ndim or self._rules.virtual:
            return
        for side, other in ((mine, their), (their, mine)):
            kept = side.schema.ndim == old and side.table.rows
            if kept and compare(before.table, side.table):
                raise Mismatch(
                    f"tensor {mine.schema.name!r} has samples of {old} dimensions on one side, and of "
                    f"{other.schema.ndim} on the other, where it was emptied before"
                )

    def _delete(self) -> None:
        """Delete tensors that they deleted."""
        if not self._rules.deletions:
            return
        for tid, before in self._base.items():
            if tid in self._theirs or tid not in self._ours:
                continue
            if self._rules.rebase and _changed(before, self._ours[tid]):
                name = self._ours[tid].schema.name
                raise Clash(f"tensor {name!r} was deleted on one side and changed on the other")
            del self._merged[tid]

    # ---- rows
    @staticmethod
    def _tables(pair: _Pair, mine: Side) -> Tables:
        table = mine.table.with_ndim(pair.schema.row_ndim)
        base = None if pair.base is None else pair.base.table
        return Tables.compared(base, table, pair.theirs.table)

    def _merge_pair(self, pair: _Pair, tables: Tables, rows: Fates) -> None:
        mine = self._merged[pair.tid]
        if mine is not self._ours[pair.tid]:
            tables = self._tables(pair, mine)  # with ``force`` they may have two for one of ours
        info, mapping = _merge_info(pair, mine, tables, self._rules)
        if not tables.mine and not rows.any:
            self._merged[pair.tid] = Side(pair.schema, info, tables.theirs)
            return
        try:
            merge = merge_rows(tables, self._rules, rows)
        except Clash as clash:
            raise Clash(f"tensor {pair.schema.name!r}: {clash.what}") from clash
        if mapping is not None:
            side = Side(pair.schema, info, tables.ours)
            remap = self._rewriting.remap
            merge = RowMerge(
                merge.delete,
                [(row, remap(side, pieces, mapping)) for row, pieces in merge.replace],
                remap(side, merge.append, mapping) if len(merge.append) else merge.append,
            )
        self._merged[pair.tid] = Side(pair.schema, info, merge.apply(tables.ours))

    def _fit(
        self, pairs: Sequence[_Pair], longest: Side | None, tables: Tables, rows: Fates
    ) -> None:
        """Give tensors that only one side has the rows of the others.

        Args:
            pairs: Tensors that both sides have.
            longest: The longest of them, merged.
            tables: The same before.
            rows: What became of deleted rows.
        """
        if longest is not None and (len(tables.mine.added) or len(tables.mine.deleted)):
            for tid in self._new:
                side = self._merged[tid]

                def fill(pieces: Pieces, side: Side = side) -> Pieces:
                    return self._rewriting.fill(side, pieces)

                table = fitted(side.table, longest.table, rows.gone, fill)
                self._merged[tid] = replace(side, table=table)
        if not len(rows.lost):
            return
        both = {pair.tid for pair in pairs}
        for tid in self._ours.keys() & self._merged.keys() - both:
            side = self._merged[tid]
            lost, _ = meet(all_rows(side.table), rows.lost, side.table.ndim)
            self._merged[tid] = replace(side, table=side.table.delete(lost.ranges()))


def _agreed(ours: Side, theirs: Side) -> TensorSchema:
    """The schema of a tensor that both sides created; what one left open, the other may decide."""
    mine, their = ours.schema, theirs.schema
    if mine.meta.get("open") and not their.meta.get("open"):
        mine = replace(mine, htype=their.htype, meta=their.meta)
    elif their.meta.get("open"):
        their = replace(their, htype=mine.htype, meta=mine.meta)
    decided: dict[str, Any] = {}
    for key in STRUCTURE:
        own, new = getattr(mine, key), getattr(their, key)
        if own is None and key in ("dtype", "ndim"):
            decided[key] = new
        elif own != new and not (new is None and key in ("dtype", "ndim")):
            raise Mismatch(
                f"tensor {mine.name!r} was created on both sides, with {key} {own!r} and {new!r}"
            )
    return replace(mine, **decided) if decided else mine


def _changed(before: Side, after: Side) -> bool:
    return (
        before.schema != after.schema
        or dict(before.info) != dict(after.info)
        or bool(compare(before.table, after.table))
    )


# --------------------------------------------------------------------------- info
def _merge_info(
    pair: _Pair, mine: Side, tables: Tables, rules: Rules
) -> tuple[Mapping[str, Any], np.ndarray[Any, Any] | None]:
    """The info of a tensor, and what each of their values becomes (None: nothing else)."""
    base = {} if pair.base is None else pair.base.info
    their = pair.theirs.info
    if not tables.mine and dict(mine.info) == dict(base):
        return their, None
    plugin = htype_plugin(pair.schema.htype)
    reconciled = plugin.reconcile(mine.info, their)
    # What the htype reconciles are the keys that it makes of nothing: it settles these alone.
    about = plugin.reconcile({}, their)
    settled = set() if about is None else set(about[0])
    ours, mapping = (mine.info, None) if reconciled is None else reconciled
    settled |= {key for key in ours if ours[key] != mine.info.get(key)}
    if mapping is not None and (mapping == np.arange(len(mapping))).all():
        mapping = None
    old, new = (
        {key: value for key, value in info.items() if key not in settled} for info in (base, their)
    )
    return merge_json(f"info of tensor {pair.schema.name!r}", old, ours, new, rules), mapping


def merge_json(
    what: str,
    base: Mapping[str, Any],
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    rules: Rules,
) -> dict[str, Any]:
    """Our mapping with their changes since ``base``, key by key.

    Raises:
        Clash: Both sides changed a key, differently, and the rules do not say what counts.
    """
    merged = dict(ours)
    missing = object()
    for key in {**base, **theirs}:
        before, mine, their = (side.get(key, missing) for side in (base, ours, theirs))
        if their is before or their in (before, mine):
            continue
        if rules.virtual and mine != before:
            merged[key] = object()  # differs from both sides, and is never stored
            continue
        if mine != before and rules.resolution != "theirs":
            if rules.resolution is None:
                raise Clash(f"{what}: {key!r} was changed on both sides")
            continue
        if their is missing:
            merged.pop(key, None)
        else:
            merged[key] = their
    return merged


__all__ = [
    "IN_PLACE", "REBASE", "Clash", "Mismatch", "Resolution", "Rewriting", "Rules", "Side", "State",
    "merge_json", "merge_states",
]  # fmt: skip
