"""The order in which files are ingested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from deeplake import random

T = TypeVar("T")


def shuffled(items: Sequence[T]) -> list[T]:
    """The items in a random order, the same each time after ``deeplake.random.seed(n)``."""
    import numpy as np

    order = np.random.default_rng(random.get_seed()).permutation(len(items))
    return [items[i] for i in order.tolist()]


__all__ = ["shuffled"]
