"""Rows that a query chooses once, before an epoch, and values that rows are drawn by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deeplake import plugins
from deeplake.dataset import computed as values
from deeplake.dataset.querying import LANGUAGE, Environment
from deeplake.dataset.selection import Selection
from deeplake.errors import QueryError
from deeplake.loader.lot import Rows
from deeplake.loader.snapshot import Snapshot

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset


def found(snapshot: Snapshot, rows: range | np.ndarray, text: str) -> Rows | None:
    """The rows among ``rows`` that a TQL query finds, in its order; None: it makes new columns.

    Raises:
        PluginNotFoundError: No query engine is installed.
        QueryError: The query is wrong.
    """
    compiled = plugins.get("query", LANGUAGE).compile(text)
    result = compiled.run(snapshot.columns(rows), Environment())
    if result.columns is not None or result.rows is None:
        return None
    return np.asarray(result.rows, np.int64)


def view(dataset: Dataset, snapshot: Snapshot, rows: Rows | None, text: str) -> Dataset:
    """The view of new columns that a TQL query makes of a dataset.

    Args:
        dataset: Dataset or view.
        snapshot: It at one moment.
        rows: Those of its rows that were chosen before; None: all.
        text: The query.

    Raises:
        QueryError: The query is wrong, or the dataset has changed since.
    """
    if dataset._checkout.session.base.id != snapshot.version:
        raise QueryError(
            f"{snapshot.path} has changed since ds.dataloader(), and {text!r} makes new columns: ask "
            "for a loader anew"
        )
    if rows is not None:
        selection = Selection(rows, snapshot.steps.steps)
        dataset = dataset._view(selection, names=dataset._names, padded=dataset._padded)
    return dataset.query(text)


def computed(snapshot: Snapshot, rows: range | np.ndarray, expression: str) -> np.ndarray:
    """What an expression gives for each of the rows; errors as ``deeplake.dataset.computed``."""
    return values.computed(snapshot.columns(rows), expression)


__all__ = ["computed", "found", "view"]
