"""Rows by group, and how many are drawn of each."""

from __future__ import annotations

import numpy as np

from deeplake.errors import WeightsError


class Groups:
    """Rows that are grouped by a value.

    Args:
        values: One a row.

    Attributes:
        counts: ``int64[groups]``: rows of each group, in the order of their values.

    Raises:
        WeightsError: There are no rows, or values that belong to no group (NaN, None) or cannot be
            told apart.
    """

    def __init__(self, values: np.ndarray) -> None:
        given = np.asarray(values)
        if given.ndim != 1:
            raise WeightsError(f"values of shape {given.shape}; give what groups rows, one a row")
        if len(given) == 0:
            raise WeightsError("there are no rows to draw from")
        try:
            alone = _alone(given)
            if alone.any():
                row = int(np.argmax(alone))
                raise WeightsError(f"row {row} is in no group: its value is {given[row]}")
            group = _numbered(given)
        except TypeError as error:
            raise WeightsError(f"values that group rows must be of one kind: {error}") from error
        self.counts = np.bincount(group)
        # Numbers of 8 and 16 bits are sorted by counting them.
        self._group = group.astype(np.min_scalar_type(len(self.counts) - 1))

    def equal(self, size: int, *, replace: bool, rng: np.random.Generator) -> np.ndarray:
        """``int64[groups]``: of each group equally many, of ``size`` rows in all."""
        counts = self.counts
        many = len(counts)
        if replace:
            return _rounded(np.ones(many, np.int64), size, rng)
        order = np.argsort(counts, kind="stable")
        ascending = counts[order]
        # Rows in all if no group had more than this one. Up to ``size``, all of its rows are wanted.
        filled = ascending * (many - np.arange(many)) + np.cumsum(ascending) - ascending
        full = int(np.searchsorted(filled, size, side="right"))
        wanted = counts.copy()
        if full < many:
            left = size - int(ascending[:full].sum())
            wanted[order[full:]] = _rounded(np.ones(many - full, np.int64), left, rng)
        return wanted

    def proportional(self, size: int, *, rng: np.random.Generator) -> np.ndarray:
        """``int64[groups]``: of each group its share, of ``size`` rows in all."""
        return _rounded(self.counts, size, rng)

    def drawn(self, wanted: np.ndarray, *, replace: bool, rng: np.random.Generator) -> np.ndarray:
        """``int64[sum]``: so many rows of each group, mixed."""
        counts, total = self.counts, int(wanted.sum())
        starts = np.cumsum(counts) - counts
        if replace:
            # Rows by group; of each group random places.
            by_group = np.argsort(self._group, kind="stable")
            of = np.repeat(np.arange(len(counts)), wanted)
            rows = by_group[starts[of] + rng.integers(0, counts[of])]
        else:
            # Rows in random order, then by group: the first ones of each group.
            mixed = rng.permutation(len(self._group))
            by_group = mixed[np.argsort(self._group[mixed], kind="stable")]
            places = np.repeat(starts - (np.cumsum(wanted) - wanted), wanted) + np.arange(total)
            rows = by_group[places]
        rng.shuffle(rows)
        return np.asarray(rows, np.int64)


def _alone(values: np.ndarray) -> np.ndarray:
    """``bool[n]``: which values are equal to none, themselves included: NaN and NaT; and None."""
    if values.dtype.kind != "O":
        return np.asarray(values != values)
    try:
        return np.array([bool(value is None or value != value) for value in values])
    except ValueError as error:
        raise TypeError(str(error)) from error


def _numbered(values: np.ndarray) -> np.ndarray:
    """``int[n]``: the number of each value's group, from 0, in the order of the values."""
    if values.dtype.kind in "iu" and values.dtype != np.uint64:
        least, most = int(values.min()), int(values.max())
        if most - least < 4 * len(values):
            offsets = values.astype(np.int64) - least
            there = np.bincount(offsets, minlength=1) > 0
            return np.asarray((np.cumsum(there) - 1)[offsets])
    return np.unique(values, return_inverse=True)[1]


def _rounded(shares: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """``int64[n]``: ``size`` divided in proportion to whole numbers, each rounded up or down.

    Each is rounded up as often as its fraction says (systematic sampling in random order), so that
    on average the shares are exact, in small samples too. All in integers: nothing is lost.
    """
    order = rng.permutation(len(shares))
    total = int(shares.sum())
    ends = np.cumsum(shares[order])
    start = int(rng.integers(0, total))
    whole, part = divmod(size, total)
    bounds = (part * ends + start) // total
    parts = np.empty(len(shares), np.int64)
    parts[order] = whole * shares[order] + np.diff(bounds, prepend=0)
    return parts


__all__ = ["Groups"]
