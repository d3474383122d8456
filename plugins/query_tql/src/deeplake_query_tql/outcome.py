"""What a query gives: rows of a table, or new columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from deeplake.spi import Columns
from deeplake_query_tql.tables import Chained, Column, Grouped, Stored, Table, held
from deeplake_query_tql.vector import row_numbers

MAX_ROWS = 1 << 27
"""Rows, or items of groups, that a query may make of fewer."""
NESTED = 2
"""Queries about computed columns of queries … that are computed anew whenever they are read."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a query gives.

    Attributes:
        columns: The table that it is about.
        rows: Rows of it.
        outputs: New columns by name; None: those of the table.
        names: The columns of the table that were asked for by name; None: all.
    """

    columns: Columns
    rows: range | np.ndarray
    outputs: Mapping[str, Column] | None = None
    names: tuple[str, ...] | None = None

    @property
    def n(self) -> int:
        """Rows."""
        if self.outputs is None:
            return len(self.rows)
        return next((column.n for column in self.outputs.values()), 0)

    def listed(self) -> dict[str, Column]:
        """Its columns."""
        if self.outputs is not None:
            return dict(self.outputs)
        names = self.columns.visible if self.names is None else self.names
        return {name: stored(self.columns, name, self.rows) for name in names}

    def relation(self) -> tuple[Columns, range | np.ndarray]:
        """It as the table and rows that a further query is about."""
        if self.outputs is None and self.names is None:
            return self.columns, self.rows
        found = self.listed()
        for name, column in found.items():
            if column.depth > NESTED:
                # Else a query that names two columns of each below it reads the last ones 2ⁿ times.
                found[name] = held(column)
        return Table(found, self.n), range(self.n)

    def picked(self, places: np.ndarray) -> Outcome:
        """Some of its rows."""
        if self.outputs is None:
            return replace(self, rows=row_numbers(self.rows)[places])
        table = Table(self.outputs, self.n)
        outputs = {name: stored(table, name, places) for name in self.outputs}
        return Outcome(self.columns, places, outputs)


def stored(columns: Columns, name: str, rows: range | np.ndarray) -> Column:
    """Some rows of a column; sequences stay such."""
    column = columns.tables[name] if isinstance(columns, Table) else None
    if isinstance(column, Grouped):
        counts = column.counts[row_numbers(rows)]
        inner = Table({name: column.items}, column.items.n)
        index = runs(column.ends[row_numbers(rows)] - counts, counts)
        return Grouped(Stored(inner, name, index), counts)
    return Stored(columns, name, rows)


def chained(a: Column, b: Column) -> Column:
    """One column after the other; sequences stay such."""
    if isinstance(a, Grouped) and isinstance(b, Grouped):
        return Grouped(Chained([a.items, b.items]), np.concatenate([a.counts, b.counts]))
    return Chained([a, b])


def runs(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """``int64[sum of counts]``: from each start as many numbers as its count says."""
    stops = np.cumsum(counts)
    index: np.ndarray = np.arange(int(counts.sum()))
    index += np.repeat(starts - (stops - counts), counts)
    return index


def rows_at(rows: range | np.ndarray, places: np.ndarray) -> np.ndarray:
    """The rows at some places."""
    if isinstance(rows, range):
        if rows.start == 0 and rows.step == 1:
            return places
        return rows.start + places * rows.step
    return np.asarray(rows[places])


def unique(rows: np.ndarray) -> np.ndarray:
    """Each row once, where it comes first."""
    return rows[np.sort(np.unique(rows, return_index=True)[1])]


__all__ = ["MAX_ROWS", "Outcome", "chained", "rows_at", "runs", "stored", "unique"]
