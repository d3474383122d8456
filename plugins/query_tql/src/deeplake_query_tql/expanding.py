"""EXPAND BY: each row with those around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deeplake.spi import Columns
from deeplake_query_tql.binder import Binder
from deeplake_query_tql.naming import named_items
from deeplake_query_tql.outcome import MAX_ROWS, Outcome, runs
from deeplake_query_tql.tables import Column, Grouped, Held
from deeplake_query_tql.tree import Expand, Select
from deeplake_query_tql.vector import Dense, row_numbers

if TYPE_CHECKING:
    from deeplake_query_tql.execution import Execution

Rows = range | np.ndarray


def window(binder: Binder, expand: Expand) -> tuple[int, int]:
    """How many rows before and after each one are wanted."""
    before, after = (binder.integer(n, "EXPAND BY") for n in (expand.before, expand.after))
    if before < 0 or after < 0:
        raise binder.complaint.at(expand.before.pos, "EXPAND BY takes numbers of at least 0")
    return before, after


def expanded(
    run: Execution, select: Select, columns: Columns, rows: Rows, kept: Rows, binder: Binder
) -> Outcome:
    """Rows that are sequences of neighbours.

    Args:
        run: The execution.
        select: The clauses.
        columns: Whose rows.
        rows: All of them, in order.
        kept: Those that get neighbours.
        binder: Looks up names.
    """
    expand = select.expand
    assert expand is not None
    before, after = window(binder, expand)
    source, chosen = row_numbers(rows), row_numbers(kept)
    place = _places(source, chosen)
    low = np.maximum(place - min(before, len(source)), 0)
    high = np.minimum(place + min(after, len(source)) + 1, len(source))
    if not expand.overlap:
        # Each row is in one window: a later one begins where those before it end.
        reach = np.maximum.accumulate(high) if len(high) else high
        low[1:] = np.maximum(low[1:], reach[:-1])
    counts = np.maximum(high - low, 0)
    total = int(counts.sum())
    if total > max(len(source), MAX_ROWS):
        raise run.complaint.at(
            expand.before.pos, f"EXPAND BY would make {total} items; {MAX_ROWS} are allowed"
        )
    inner = source[runs(low, counts)]
    flat = run.outputs(select, columns, inner, named_items(binder, select), binder)
    outputs: dict[str, Column] = {name: Grouped(col, counts) for name, col in flat.items()}
    if expand.alias is not None:
        outputs[expand.alias] = Grouped(Held(Dense(inner)), counts)
    return Outcome(columns, chosen, outputs)


def _places(source: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Where rows are in a list of rows."""
    sorter = np.argsort(source, kind="stable")
    found: np.ndarray = sorter[np.searchsorted(source, chosen, sorter=sorter)]
    return found


__all__ = ["expanded", "window"]
