"""The sampler suite on both samplers."""

from __future__ import annotations

import numpy as np

from deeplake.testing.sampler import SamplerContract
from deeplake_sampling import Balanced, Stratified

GROUPS = (
    [0, 0, 0, 0, 1, 2, 2],
    ["dog", "cat", "cat", "cat", "cow", "dog", "dog", "dog"],
    np.array([3.5, -0.0, 0.0, 3.5, 7.25]),
    np.repeat(np.arange(40), np.arange(1, 41)),
    np.array([True, False, False]),
    np.array(["2020-01-01", "2021-01-01", "2020-01-01"], "M8[D]"),
)
NO_GROUPS = (
    [1.0, float("nan")],
    np.array(["2020-01-01", "NaT"], "M8[D]"),
    np.array(["a", None], object),
    np.array(["a", 1], object),
    np.array([np.zeros(2), np.zeros(3)], object),
    np.zeros((2, 2)),
)


class TestBalanced(SamplerContract):
    sampler = Balanced
    values = GROUPS
    refused = NO_GROUPS
    independent = False

    def chances(self, values: np.ndarray) -> np.ndarray:
        _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
        return 1 / (len(counts) * counts[group])


class TestStratified(SamplerContract):
    sampler = Stratified
    values = GROUPS
    refused = NO_GROUPS
    independent = False

    def chances(self, values: np.ndarray) -> np.ndarray:
        return np.full(len(values), 1 / len(values))
