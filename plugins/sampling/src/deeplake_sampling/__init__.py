"""Samples of rows that keep to shares of groups: ``ds.sample_by(labels, sampler="balanced")``."""

from __future__ import annotations

import numpy as np

from deeplake.spi import Sampler
from deeplake_sampling.groups import Groups


class Balanced(Sampler, api=(1, 0)):
    """Equally many rows of each group, one more or less.

    ``weights`` says which group each row is of: class labels, texts, any values that can be told
    apart. Without replacement a small group may have fewer rows than its share: all of them are
    drawn, and the others have more. Within a group each row is as likely as any other.
    """

    def order(
        self, weights: np.ndarray, *, size: int, replace: bool, rng: np.random.Generator
    ) -> np.ndarray:
        groups = Groups(weights)
        return groups.drawn(groups.equal(size, replace=replace, rng=rng), replace=replace, rng=rng)


class Stratified(Sampler, api=(1, 0)):
    """As many rows of each group as its share of all rows, rounded up or down.

    ``weights`` says which group each row is of: class labels, texts, any values that can be told
    apart. A small sample has the same shares as all rows, which a plain one has on average only.
    """

    def order(
        self, weights: np.ndarray, *, size: int, replace: bool, rng: np.random.Generator
    ) -> np.ndarray:
        groups = Groups(weights)
        return groups.drawn(groups.proportional(size, rng=rng), replace=replace, rng=rng)


__all__ = ["Balanced", "Stratified"]
