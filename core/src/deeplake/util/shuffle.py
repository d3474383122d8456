"""``deeplake.util.shuffle.shuffle``: a list in random order, by deeplake's seed."""

from collections.abc import MutableSequence
from random import Random
from typing import TypeVar

from deeplake import random

S = TypeVar("S", bound=MutableSequence[object])


def shuffle(sequence: S) -> S:
    """Shuffle a list in place, the same way each time after ``deeplake.random.seed(n)``.

    Returns:
        The same list.

    Example:
        >>> import deeplake
        >>> deeplake.random.seed(1)
        >>> sorted(shuffle([3, 1, 2]))
        [1, 2, 3]
        >>> deeplake.random.seed()
    """
    Random(random.get_seed()).shuffle(sequence)
    return sequence


__all__ = ["shuffle"]
