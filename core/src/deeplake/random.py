"""The seed of everything random: shuffling, ``random_split``, ``sample_by``, ``order by random()``.

Example:
    >>> import deeplake
    >>> deeplake.random.seed(7)
    >>> deeplake.random.get_seed()
    7
    >>> deeplake.random.seed()
"""

from __future__ import annotations

from operator import index

from deeplake.errors import SettingError, SettingTypeError

_seed: int | None = None


def seed(seed: int | None = None) -> None:
    """Set the seed of this process; None makes everything unpredictable again.

    Raises:
        SettingTypeError: Neither an integer nor None.
        SettingError: A negative integer.
    """
    global _seed
    if seed is None:
        _seed = None
        return
    try:
        value = index(seed)  # numpy's integers too
    except TypeError:
        raise SettingTypeError(
            f"deeplake.random.seed takes an integer or None, not {seed!r} of type "
            f"{type(seed).__name__}"
        ) from None
    if value < 0:
        raise SettingError(f"deeplake.random.seed takes an integer of at least 0, not {value}")
    _seed = value


def get_seed() -> int | None:
    """The seed that was set last, or None."""
    return _seed


__all__ = ["get_seed", "seed"]
