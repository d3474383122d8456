"""Rows drawn with probabilities in proportion to weights: the sampler that is always there."""

from __future__ import annotations

import numpy as np

from deeplake.errors import WeightsError
from deeplake.spi import Sampler

_SMALL, _LARGE = 1e-145, 1e145
"""Between these, sums and quotients of weights are finite and exact enough as they are."""


class Weighted(Sampler, api=(1, 0)):
    """Each draw takes row ``i`` with probability ``weights[i] / weights.sum()``.

    Without replacement that holds among the rows that are left, so heavy rows tend to come early, and
    rows of weight 0 come last, in random order, when nothing else is left.
    """

    def order(
        self, weights: np.ndarray, *, size: int, replace: bool, rng: np.random.Generator
    ) -> np.ndarray:
        shares = _shares(weights)
        if size == 0:
            return np.zeros(0, np.int64)
        if replace:
            return _again(shares, size, rng)
        return _once(shares, min(size, len(shares)), rng)


def _shares(weights: np.ndarray) -> np.ndarray:
    """``float64[n]``, in proportion to the weights, without a copy where they are ordinary."""
    given = np.asarray(weights)
    if given.ndim != 1:
        raise WeightsError(f"weights of shape {given.shape}; give one number for each row")
    if given.dtype.kind not in "buif" and not (
        given.dtype.kind == "O" and all(hasattr(value, "__float__") for value in given)
    ):
        raise WeightsError(f"weights are one number a row, not values of type {given.dtype}")
    try:
        numbers = given.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError) as error:
        raise WeightsError(f"weights are one number a row: {error}") from error
    if len(numbers) == 0:
        raise WeightsError("there are no rows to draw from")
    smallest, largest = numbers.min(), numbers.max()  # NaN if one of them is
    if not (smallest >= 0 and largest < np.inf):
        wrong = np.flatnonzero(~((numbers >= 0) & (numbers < np.inf)))
        more = f", and there are {len(wrong) - 1} more like it" if len(wrong) > 1 else ""
        raise WeightsError(
            f"weights are finite numbers of at least 0: that of row {wrong[0]} is "
            f"{numbers[wrong[0]]}{more}"
        )
    if largest == 0:
        raise WeightsError("all weights are 0: there is nothing to draw from")
    if _SMALL < largest < _LARGE:
        return numbers
    shares = numbers / largest
    # Too small beside the largest, but no 0: such rows come before those that are.
    shares[(shares == 0) & (numbers > 0)] = np.nextafter(0, 1)
    return np.asarray(shares)


def _again(shares: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """``int64[size]``: rows, each drawn from all."""
    # Sorted numbers are looked up one after the other, in memory that is near: of 10 million weights
    # that is 8 times as fast as Generator.choice, and as an indexed table. Then they are mixed.
    ends = np.cumsum(shares)
    numbers = rng.random(size)
    numbers.sort()
    numbers *= ends[-1]
    rows: np.ndarray = np.searchsorted(ends, numbers, side="right")
    if rows[-1] == len(shares):
        # A number below 1 times the sum may be rounded to the sum.
        np.minimum(rows, np.flatnonzero(shares)[-1], out=rows)
    rng.shuffle(rows)
    return rows


def _once(shares: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """``int64[size]``: rows, each drawn from those that are left.

    Source: Efraimidis and Spirakis, Weighted random sampling with a reservoir (2006): in the order of
    waiting times whose rates are the weights.
    """
    times = rng.standard_exponential(len(shares))
    if shares.min() > 0:
        return _smallest(_quotients(times, shares), size)
    positive = np.flatnonzero(shares)
    heavy = positive[_smallest(_quotients(times[positive], shares[positive]), size)]
    if len(heavy) == size:
        return np.asarray(heavy)
    nothing = np.flatnonzero(shares == 0)
    return np.concatenate([heavy, nothing[_smallest(times[nothing], size - len(heavy))]])


def _quotients(times: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Values in the order of ``times / shares``; ``times`` is changed."""
    if shares.min() > _SMALL:
        times /= shares
        return times
    with np.errstate(divide="ignore"):  # a time of 0
        return np.asarray(np.log(times) - np.log(shares))


def _smallest(keys: np.ndarray, size: int) -> np.ndarray:
    """Places of the ``size`` smallest keys, in order."""
    if size >= len(keys):
        return np.asarray(np.argsort(keys, kind="stable"))
    places: np.ndarray = np.argpartition(keys, size)[:size]
    return np.asarray(places[np.argsort(keys[places], kind="stable")])


__all__ = ["Weighted"]
