"""Progress bars, where the library for them is installed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(
    items: Iterable[T], *, shown: bool, title: str, unit: str, total: int | None
) -> Iterator[T]:
    """The items, with a bar that counts them on standard error.

    Args:
        items: What is worked on.
        shown: Whether there is a bar; there is none without the ``tqdm`` distribution.
        title: Text in front of the bar.
        unit: What an item is.
        total: How many there are, if that is known.
    """
    if shown:
        try:
            from tqdm import tqdm
        except ImportError:
            pass
        else:
            items = tqdm(items, desc=title, unit=unit, total=total)
    yield from items


__all__ = ["progress"]
