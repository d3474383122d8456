"""Rows that a query chooses once, before an epoch."""

from __future__ import annotations

import numpy as np

from deeplake import plugins
from deeplake.errors import QueryError
from deeplake.loader.columns import SnapshotColumns
from deeplake.loader.lot import Rows
from deeplake.loader.snapshot import Snapshot


def found(snapshot: Snapshot, rows: range | np.ndarray, text: str) -> Rows:
    """The rows among ``rows`` that a TQL query finds, in its order.

    Raises:
        PluginNotFoundError: No query engine is installed.
        QueryError: The query is wrong, or makes new columns.
    """
    columns = SnapshotColumns(snapshot, rows)
    result = plugins.get("query", "tql").compile(text, columns.schema).run(columns)
    if result.columns is not None or result.rows is None:
        raise QueryError(
            f"{text!r} makes new columns, which a loader cannot load; select *, or store the "
            "result first"
        )
    chosen: Rows = np.asarray(rows, np.int64)[np.asarray(result.rows, np.int64)]
    return chosen


__all__ = ["found"]
