"""``sample_by``: rows drawn by a sampler, with random numbers that follow the seed."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash

from deeplake import plugins, random
from deeplake.dataset.selection import Selection
from deeplake.errors import PluginContractError, WeightsError

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

WEIGHTED = "weighted"
"""Key of the sampler that is meant where none is named."""

VALUE = "value"
"""Name of the column that ``as_column`` makes."""

_STREAM = 0x5A
"""Tells these random numbers from others of the same seed."""

_BLOCK = 1 << 16
"""Rows that are looked at together."""


def generator(rows: range | np.ndarray) -> np.random.Generator:
    """Random numbers for a drawing from some rows.

    They follow ``deeplake.random.seed``: the same seed and rows have the same ones, in any process.
    What was drawn from rows is drawn from again with others.
    """
    seed = random.get_seed()
    if seed is None:
        return np.random.Generator(np.random.Philox())
    digest = xxhash.xxh3_64()
    for start in range(0, len(rows), _BLOCK):  # a range of many rows is never a list of them
        digest.update(np.ascontiguousarray(rows[start : start + _BLOCK], "<i8").data)
    entropy = np.random.SeedSequence([seed, _STREAM, digest.intdigest()])
    return np.random.Generator(np.random.Philox(entropy))


def drawn(
    values: Any,
    rows: range | np.ndarray,
    *,
    size: int | None = None,
    replace: bool | None = True,
    sampler: str = WEIGHTED,
) -> np.ndarray:
    """``int64[size]``: positions among ``rows`` that a sampler draws.

    Args:
        values: One a row, or a column of them: weights, or what else the sampler goes by.
        rows: Row numbers.
        size: How many to draw; None: as many as there are rows. Without ``replace`` at most as many.
        replace: Whether a row can be drawn again; None means True.
        sampler: Key of the sampler.

    Raises:
        WeightsError: The values make no sense to the sampler, are not one a row, or there are no rows.
        ValueError: ``size`` is no integer of at least 0.
        PluginNotFoundError: No such sampler is installed.
        PluginContractError: The sampler gave something else than rows.
    """
    chosen = plugins.get("sampler", sampler)
    again = replace is None or bool(replace)
    total = len(rows)
    count = total if size is None else _checked(size)
    try:
        given = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"weights are one number a row: {error}") from error
    # A tensor of numbers. Arrays of weights have one axis, as in Deep Lake 3.
    if given.shape == (total, 1) and (sampler != WEIGHTED or not isinstance(values, np.ndarray)):
        given = given[:, 0]
    if given.shape != (total,):
        raise WeightsError(
            f"weights of shape {given.shape} for {total} rows; give one number for each row, in one "
            "axis: for those of a tensor .numpy().ravel(), or its name"
        )
    if total == 0:
        raise WeightsError("there are no rows to draw from")
    if not again:
        count = min(count, total)
    positions: Any = chosen.order(given, size=count, replace=again, rng=generator(rows))
    if (
        not isinstance(positions, np.ndarray) or positions.dtype.kind != "i"
        or positions.shape != (count,)
        or (count and not 0 <= positions.min() <= positions.max() < total)
    ):  # fmt: skip
        raise PluginContractError(
            f'sampler "{sampler}" was asked for {count} of {total} row numbers and gave something '
            f"else: {positions!r:.200}"
        )
    found: np.ndarray = positions.astype(np.int64, copy=False)
    return found


def _checked(size: Any) -> int:
    """How many rows to draw.

    Raises:
        ValueError: Not an integer of at least 0.
    """
    try:
        number = index(size)
    except TypeError:
        raise ValueError(f"size is an integer, not {size!r}") from None
    if number < 0:
        raise ValueError(f"size must be at least 0, not {number}")
    return number


def at(rows: range | np.ndarray, positions: np.ndarray) -> np.ndarray:
    """``int64[n]``: the rows at some positions."""
    if isinstance(rows, range):
        return np.asarray(positions * rows.step + rows.start, np.int64)
    return np.asarray(rows[positions], np.int64)


def as_query(weights: str, *, size: int | None, replace: bool | None) -> str:
    """The query that draws by an expression."""
    again = replace is None or bool(replace)
    limit = "" if size is None else f" LIMIT {_checked(size)}"
    return f"SELECT * SAMPLE BY {_closed(weights)} REPLACE {str(again).upper()}{limit}"


def as_column(values: str) -> str:
    """The query that computes an expression for each row."""
    return f"SELECT {_closed(values)} AS {VALUE}"


def _closed(expression: str) -> str:
    """The expression; a comment at its end ends there."""
    return f"{expression}\n" if "--" in expression else expression


def sample_by(
    dataset: Dataset,
    weights: Any,
    *,
    size: int | None,
    replace: bool | None,
    sampler: str,
) -> Dataset:
    """A view of rows that are drawn (see ``Dataset.sample_by``)."""
    dataset._check_valid()
    selection = dataset._selection
    chosen = selection.rows(dataset._length())
    rows = chosen if isinstance(chosen, range) else np.atleast_1d(np.asarray(chosen, np.int64))
    positions = drawn(weights, rows, size=size, replace=replace, sampler=sampler)
    found = at(rows, positions)
    found.flags.writeable = False
    return dataset._view(Selection(found, selection.steps))


__all__ = ["VALUE", "WEIGHTED", "as_column", "as_query", "at", "drawn", "generator", "sample_by"]
