"""Rows that are chosen once, before an epoch: by a query, or drawn by weight."""

from __future__ import annotations

from typing import Any

import numpy as np

from deeplake import plugins, random
from deeplake.errors import QueryError
from deeplake.loader.columns import SnapshotColumns
from deeplake.loader.lot import Rows
from deeplake.loader.plan import Positions
from deeplake.loader.snapshot import Snapshot

_STREAM = 0x5A
"""Tells these random numbers from others of the same seed."""


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


def drawn(weights: Any, n: int, size: int, *, replace: bool, drawing: int) -> Positions:
    """``int64[size]``: positions drawn with probabilities in proportion to ``weights``.

    Args:
        weights: ``n`` numbers.
        n: Number of rows.
        size: How many to draw; without ``replace`` at most ``n``.
        replace: Whether a position can be drawn again.
        drawing: Number of drawings before this one: each has random numbers of its own.

    Raises:
        ValueError: The weights are not ``n`` finite numbers of at least 0, or all are 0.
    """
    try:
        given = np.asarray(weights, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"weights are one number a row: {error}") from error
    if given.shape != (n,):
        raise ValueError(
            f"weights of shape {given.shape} for {n} rows; give one number for each row"
        )
    if not np.isfinite(given).all() or (given < 0).any():
        raise ValueError("weights are finite numbers of at least 0")
    if size == 0:
        return np.zeros(0, np.int64)
    if not given.any():
        raise ValueError("all weights are 0: there is nothing to draw from")
    seed = random.get_seed()
    entropy = None if seed is None else [seed, _STREAM, drawing]
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
    # Divided by the largest first: the sum of huge weights would not be finite.
    shares = given / given.max()
    if replace:
        chosen = generator.choice(n, size, p=shares / shares.sum())
        return chosen.astype(np.int64)
    # Efraimidis and Spirakis, Weighted random sampling with a reservoir (2006): the order of
    # log(u) / weight. Rows of weight 0 come last, in random order: they are drawn only when
    # nothing else is left.
    chances = np.log1p(-generator.random(n))
    positive = given > 0
    keys = np.full(n, -np.inf)
    keys[positive] = chances[positive] / shares[positive]
    return np.lexsort((-chances, -keys))[:size].astype(np.int64)


__all__ = ["drawn", "found"]
