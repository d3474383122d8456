"""Rows drawn by their age: a row that is a half-life older than another is half as likely."""

import numpy as np

from deeplake.errors import WeightsError
from deeplake.spi import Sampler

HALF_LIFE = 30.0
"""In days."""


class Recent(Sampler, api=(1, 0)):
    """Prefers what is new; ``weights`` are days, as any kind of number."""

    def order(
        self, weights: np.ndarray, *, size: int, replace: bool, rng: np.random.Generator
    ) -> np.ndarray:
        given = np.asarray(weights)
        if given.dtype.kind not in "buif" or given.ndim != 1 or len(given) == 0:
            raise WeightsError(
                f"give one day for each row, a number: not {given.dtype}{given.shape}"
            )
        days = given.astype(float)
        wrong = np.flatnonzero(~np.isfinite(days))
        if len(wrong):
            raise WeightsError(f"days are finite numbers: that of row {wrong[0]} is not")
        halvings = (days.max() - days) / HALF_LIFE
        if replace:
            chances = np.exp2(-halvings)
            return rng.choice(len(days), size, p=chances / chances.sum())
        # In the order of waiting times whose rates are the chances; as logarithms, since rows of a
        # century ago are less likely than a number can say.
        times = np.log2(rng.standard_exponential(len(days))) + halvings
        return np.argsort(times)[:size].astype(np.int64)


__all__ = ["HALF_LIFE", "Recent"]
