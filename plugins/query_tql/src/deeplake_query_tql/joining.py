"""INNER JOIN … USING: rows of two tables whose keys are equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.spi import Columns
from deeplake_query_tql.binder import Binder
from deeplake_query_tql.ordering import Groups
from deeplake_query_tql.outcome import MAX_ROWS
from deeplake_query_tql.tables import Table
from deeplake_query_tql.tree import Node, Source
from deeplake_query_tql.vector import Dense, Text, concatenate, row_numbers

if TYPE_CHECKING:
    from deeplake_query_tql.execution import Execution


def joined(
    run: Execution, left: tuple[Columns, Any, str | None], right: tuple[Columns, Any, str | None],
    source: Source, pos: int,
) -> Table:  # fmt: skip
    """The table of all pairs of rows that agree in the columns that USING names.

    In order of the left rows, and of the right ones for each. The keys are there once; a column that
    both tables have is the left one's, and the right one's with the right table's name in front.
    """
    from deeplake_query_tql.outcome import stored

    keys = []
    for name in source.using:
        vectors = []
        for columns, rows, _ in (left, right):
            binder = Binder(run.complaint, columns, run.parameters)
            node = Node("name", (), name, pos, pos + 1)
            vectors += run.ranking.keys([(node, binder.bind(node))], columns, rows)
        if isinstance(vectors[0], Text) != isinstance(vectors[1], Text):
            raise run.complaint.at(
                pos, f"JOIN: {name!r} is text in one table, and numbers in the other"
            )
        keys.append((vectors[0], vectors[1]))
    n = len(left[1])
    m = len(right[1])
    both = [concatenate(pair) for pair in keys]
    groups = Groups.of([[key] for key in both if isinstance(key, (Dense, Text))], n + m)
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
        raise run.complaint.at(pos, f"JOIN would make {total} rows; {MAX_ROWS} are allowed")
    stops = np.cumsum(counts)
    lefts = np.repeat(np.arange(n), counts)
    rights = ordered[np.arange(total) + np.repeat(low - (stops - counts), counts)]
    qualified: dict[str, str] = {}
    numbers = [row_numbers(side[1])[places] for side, places in ((left, lefts), (right, rights))]
    names = labelled((left[0], left[2]), (right[0], right[2]), source.using, qualified)
    found = {label: stored(columns, name, numbers[side]) for label, columns, name, side in names}
    return Table(found, total, qualified)


def labelled(
    left: tuple[Columns, str | None], right: tuple[Columns, str | None], using: Sequence[str],
    qualified: dict[str, str],
) -> list[tuple[str, Columns, str, int]]:  # fmt: skip
    """What the columns of a join are called.

    Args:
        left, right: Two tables, and what they are called.
        using: The columns that are there once.
        qualified: Gets further names, with that of the table in front.

    Returns:
        Label, table, name there, and 0 for the left or 1 for the right one.
    """
    found: dict[str, tuple[str, Columns, str, int]] = {}
    for side, (columns, alias) in enumerate((left, right)):
        for name in columns.visible:
            if alias is not None:
                qualified[f"{alias}.{name}"] = name
            if side and name in using:
                continue
            label = name if name not in found else f"{alias or 'right'}_{name}"
            found[label] = label, columns, name, side
            if alias is not None:
                qualified[f"{alias}.{name}"] = label
    return [*found.values()]


__all__ = ["joined", "labelled"]
