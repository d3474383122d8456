"""Random splits of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake import random

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset


def sizes(lengths: Sequence[float], total: int) -> list[int]:
    """Rows of each part.

    Raises:
        ValueError: The lengths do not add up to all rows, or the fractions to 1.
    """
    parts: list[Any] = list(lengths)
    if not parts or not all(isinstance(p, (int, float, np.number)) and p >= 0 for p in parts):
        raise ValueError(f"the parts of a split are numbers of rows, or fractions: not {parts}")
    if all(isinstance(part, (int, np.integer)) for part in parts) and sum(parts) == total:
        return [int(part) for part in parts]
    if all(part <= 1 for part in parts) and math.isclose(sum(parts), 1.0, rel_tol=1e-9):
        # Rounded down with a little room: 0.1 + 0.2 of 10 rows are 3 rows, in floats too.
        whole = [math.floor(part * total + 1e-9) for part in parts]
        for i in range(total - sum(whole)):
            whole[i % len(whole)] += 1
        return whole
    raise ValueError(
        f"the parts {parts} neither add up to the {total} rows nor, as fractions, to 1"
    )


def random_split(dataset: Dataset, lengths: Sequence[float]) -> list[Dataset]:
    """Views of disjoint random rows (see ``Dataset.random_split``)."""
    counts = {name: len(tensor) for name, tensor in dataset.tensors.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(f"rows of tensors of different lengths cannot be split: {counts}")
    total = len(dataset)
    bounds = np.cumsum([0, *sizes(lengths, total)])
    order = np.random.default_rng(random.get_seed()).permutation(total)
    return [dataset[order[a:b]] for a, b in pairwise(bounds)]


__all__ = ["random_split", "sizes"]
