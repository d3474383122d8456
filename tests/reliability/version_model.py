"""A dataset as plain Python: rows in tuples, versions in dicts. What the real one is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np

_ids = count(1)

KINDS: Mapping[str, dict[str, Any]] = {
    "number": {"dtype": "int64"},
    "tiny chunks": {"dtype": "int32", "max_chunk_size": 64},
    "text": {"htype": "text"},
    "ragged": {"dtype": "float32", "sample_compression": "zlib"},
    "packed": {"dtype": "uint8", "chunk_compression": "zlib"},
    "json": {"htype": "json"},
    "sequence": {"htype": "sequence", "dtype": "int16", "chunk_compression": "zlib"},
}
"""How tensors of each kind are made."""


def value(kind: str, key: int) -> Any:
    """A sample, different for each key."""
    if kind == "text":
        return f"{key} é" * (key % 4)
    if kind == "json":
        return {"key": key, "more": [None, key / 2]}
    if kind == "ragged":
        return np.arange(1 + key % 5, dtype="float32") + key
    if kind == "sequence":
        # Updates keep the number of items.
        return [np.arange(1 + key % 3, dtype="int16") + key % 1000, np.array([key % 1000], "int16")]
    if kind == "packed":
        return np.full((1 + key % 3, 2), key % 251, "uint8")
    return np.array([key], KINDS[kind]["dtype"])


def plain(sample: Any) -> Any:
    """A sample as something that compares."""
    if isinstance(sample, np.ndarray):
        return str(sample.dtype), sample.shape, sample.tobytes()
    if isinstance(sample, list):
        return [plain(item) for item in sample]
    return sample


@dataclass(frozen=True)
class Column:
    """A tensor: its identity, its name now, and what it holds."""

    id: int
    name: str
    kind: str


@dataclass(frozen=True)
class Row:
    """A row that keeps its identity through updates.

    Attributes:
        id: Who it is.
        cells: ``(edit, key)`` by id of the column; an update draws a new edit number.
    """

    id: int
    cells: Mapping[int, tuple[int, int]]


class Clash(Exception):
    """Both sides of a merge changed the same thing."""


@dataclass(frozen=True)
class State:
    """One version."""

    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)

    def keys(self, column: Column) -> list[int]:
        """What a tensor holds."""
        return [row.cells[column.id][1] for row in self.rows]

    def appended(self, keys: Sequence[Mapping[int, int]]) -> State:
        """With more rows, given as keys by column."""
        new = tuple(Row(next(_ids), {c: (0, k) for c, k in row.items()}) for row in keys)
        return replace(self, rows=self.rows + new)

    def updated(self, at: Mapping[int, Mapping[int, int]]) -> State:
        """With other samples in some cells, by row and column."""
        rows = list(self.rows)
        for i, cells in at.items():
            edits = {c: (next(_ids), k) for c, k in cells.items()}
            rows[i] = Row(rows[i].id, {**rows[i].cells, **edits})
        return replace(self, rows=tuple(rows))

    def popped(self, at: set[int]) -> State:
        """Without some rows."""
        return replace(self, rows=tuple(r for i, r in enumerate(self.rows) if i not in at))

    def with_column(self, column: Column, keys: Sequence[int]) -> State:
        """With one more tensor."""
        rows = tuple(
            Row(row.id, {**row.cells, column.id: (0, key)})
            for row, key in zip(self.rows, keys, strict=True)
        )
        return replace(self, columns=(*self.columns, column), rows=rows)

    def without_column(self, column: Column) -> State:
        """With one tensor fewer; without any tensor there are no rows."""
        columns = tuple(c for c in self.columns if c != column)
        rows = tuple(
            Row(row.id, {c: cell for c, cell in row.cells.items() if c != column.id})
            for row in self.rows
        )
        return replace(self, columns=columns, rows=rows if columns else ())

    def renamed(self, column: Column, name: str) -> State:
        """With another name of a tensor."""
        new = replace(column, name=name)
        return replace(self, columns=tuple(new if c == column else c for c in self.columns))


@dataclass(frozen=True)
class Commit:
    """A commit: what it holds, the ids of those it was built on, the branch it was made on."""

    state: State
    parents: tuple[str, ...]
    branch: str


def ancestors(commits: Mapping[str, Commit], commit: str | None) -> set[str]:
    """A commit and all that it was built on."""
    found: set[str] = set()
    pending = [] if commit is None else [commit]
    while pending:
        current = pending.pop()
        if current not in found:
            found.add(current)
            pending.extend(commits[current].parents)
    return found


def bases(commits: Mapping[str, Commit], a: str | None, b: str | None) -> set[str]:
    """The common ancestors of which no descendant is one."""
    common = ancestors(commits, a) & ancestors(commits, b)
    older = {up for commit in common for up in ancestors(commits, commit) if up != commit}
    return common - older


def merged(base: State, ours: State, theirs: State, resolution: str | None) -> State:
    """A three-way merge by row id; all three have the same tensors.

    Raises:
        Clash: Both sides changed the same thing, and there is no resolution.
    """
    return replace(
        ours,
        rows=tuple(_merged_rows(base, ours, theirs, resolution)),
        info=_merged_info(base.info, ours.info, theirs.info, resolution),
    )


def _merged_rows(base: State, ours: State, theirs: State, resolution: str | None) -> Iterator[Row]:
    before = {row.id: row for row in base.rows}
    mine = {row.id: row for row in ours.rows}
    their = {row.id: row for row in theirs.rows}
    for row in ours.rows:
        old, new = before.get(row.id), their.get(row.id)
        if new is not None:
            yield _merged_row(old, row, new, resolution)
        elif old is None:
            yield row
        elif _edits(old) != _edits(row):
            if resolution is None:
                raise Clash("updated here, deleted there")
            if resolution == "ours":
                yield row
    for row in theirs.rows:
        old = before.get(row.id)
        if row.id in mine:
            continue
        # What was deleted here and updated there comes back, unless what happened here counts.
        if old is None or (_edits(old) != _edits(row) and resolution != "ours"):
            yield row


def _edits(row: Row) -> dict[int, int]:
    return {column: edit for column, (edit, _) in row.cells.items()}


def _merged_row(old: Row | None, mine: Row, their: Row, resolution: str | None) -> Row:
    cells = {}
    for column, cell in mine.cells.items():
        theirs = their.cells[column]
        start = old.cells[column][0] if old is not None else 0
        if theirs[0] in (cell[0], start):
            cells[column] = cell
        elif cell[0] == start or resolution == "theirs":
            cells[column] = theirs
        elif resolution == "ours":
            cells[column] = cell
        else:
            raise Clash("updated on both sides")
    return Row(mine.id, cells)


def _merged_info(
    base: Mapping[str, Any],
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    resolution: str | None,
) -> dict[str, Any]:
    found = {}
    for key in {*ours, *theirs}:
        old, mine, their = (side.get(key) for side in (base, ours, theirs))
        if their in (mine, old) or (mine != old and resolution == "ours"):
            chosen = mine
        elif mine == old or resolution == "theirs":
            chosen = their
        else:
            raise Clash(f"info {key}")
        if chosen is not None:
            found[key] = chosen
    return found


__all__ = [
    "KINDS", "Clash", "Column", "Commit", "Row", "State", "ancestors", "bases", "merged", "plain",
    "value",
]  # fmt: skip
