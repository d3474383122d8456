"""Rows that a query chooses once, before an epoch, and values that rows are drawn by."""

from __future__ import annotations

import numpy as np

from deeplake import plugins
from deeplake.dataset import computed as values
from deeplake.dataset.querying import LANGUAGE, Environment
from deeplake.errors import QueryError
from deeplake.loader.lot import Rows
from deeplake.loader.snapshot import Snapshot


def found(snapshot: Snapshot, rows: range | np.ndarray, text: str) -> Rows:
    """The rows among ``rows`` that a TQL query finds, in its order.

    Raises:
        PluginNotFoundError: No query engine is installed.
        QueryError: The query is wrong, or makes new columns.
    """
    compiled = plugins.get("query", LANGUAGE).compile(text)
    result = compiled.run(snapshot.columns(rows), Environment())
    if result.columns is not None or result.rows is None:
        raise QueryError(
            f"{text!r} makes new columns: load what it gives, ds.query(…).dataloader()"
        )
    return np.asarray(result.rows, np.int64)


def computed(snapshot: Snapshot, rows: range | np.ndarray, expression: str) -> np.ndarray:
    """What an expression gives for each of the rows; errors as ``deeplake.dataset.computed``."""
    return values.computed(snapshot.columns(rows), expression)


__all__ = ["computed", "found"]
