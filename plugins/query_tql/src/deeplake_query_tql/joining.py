"""INNER JOIN … USING: rows of two tables whose keys are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.spi import Columns
from deeplake_query_tql.expression import Binder
from deeplake_query_tql.ordering import Groups
from deeplake_query_tql.tables import Column, Table
from deeplake_query_tql.tree import Node, Source
from deeplake_query_tql.vector import Dense, Text, concatenate, row_numbers

if TYPE_CHECKING:
    from deeplake_query_tql.execution import Execution

MAX_ROWS = 1 << 31
"""Rows that a join makes, at most."""


def joined(
    run: Execution, left: tuple[Columns, Any, str | None], right: tuple[Columns, Any, str | None],
    source: Source, pos: int,
) -> Table:  # fmt: skip
    """The table of all pairs of rows that agree in the columns that USING names.

    In order of the left rows, and of the right ones for each. The keys are there once; a column that
    both tables have is the left one's, and the right one's with the right table's name in front.
    """
    from deeplake_query_tql.execution import stored

    keys = []
    for name in source.using:
        vectors = []
        for columns, rows, _ in (left, right):
            binder = Binder(run.complaint, columns, run.parameters)
            node = Node("name", (), name, pos, pos + 1)
            vectors += run.scalar_keys([(node, binder.bind(node))], columns, rows)
        if isinstance(vectors[0], Text) != isinstance(vectors[1], Text):
            raise run.complaint.at(
                pos, f"JOIN: {name!r} is text in one table, and numbers in the other"
            )
        keys.append((vectors[0], vectors[1]))
    n = len(left[1])
    m = len(right[1])
    both = [concatenate(pair) for pair in keys]
    groups = Groups.of([key for key in both if isinstance(key, (Dense, Text))], n + m)
    codes = groups.numbers
    known = np.logical_and.reduce(
        [np.ones(n + m, bool) if key.valid is None else key.valid for key in both]
    )
    first, second = codes[:n], codes[n:]
    ordered = np.flatnonzero(known[n:])
    ordered = ordered[np.argsort(second[ordered], kind="stable")]
    low = np.searchsorted(second[ordered], first, "left")
    high = np.searchsorted(second[ordered], first, "right")
    counts = np.where(known[:n], high - low, 0)
    total = int(counts.sum())
    if total > MAX_ROWS:
        raise run.complaint.at(pos, f"JOIN would make {total} rows")
    stops = np.cumsum(counts)
    lefts = np.repeat(np.arange(n), counts)
    rights = ordered[np.arange(total) + np.repeat(low - (stops - counts), counts)]
    found: dict[str, Column] = {}
    qualified: dict[str, str] = {}
    for (columns, rows, alias), places, own in ((left, lefts, True), (right, rights, False)):
        numbers = row_numbers(rows)[places]
        for name in columns.visible:
            if alias is not None:
                qualified[f"{alias}.{name}"] = name
            if not own and name in source.using:
                continue
            label = name if name not in found else f"{alias or 'right'}_{name}"
            found[label] = stored(columns, name, numbers)
            if alias is not None:
                qualified[f"{alias}.{name}"] = label
    return Table(found, total, qualified)


__all__ = ["joined"]
