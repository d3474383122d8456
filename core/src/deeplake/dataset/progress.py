"""Progress bars, where the library for them is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(
    items: Iterable[T],
    *,
    shown: bool,
    title: str,
    unit: str,
    total: int | None,
    size: Callable[[T], int] | None = None,
) -> Iterator[T]:
    """The items, with a bar that counts them on standard error.

    Args:
        items: What is worked on.
        shown: Whether there is a bar; there is none without the ``tqdm`` distribution.
        title: Text in front of the bar.
        unit: What is counted.
        total: How many there are, if that is known.
        size: How many an item counts for, when it is done; None: 1.
    """
    if shown:
        try:
            from tqdm import tqdm
        except ImportError:
            pass
        else:
            if size is not None:
                with tqdm(desc=title, unit=unit, total=total) as bar:
                    for item in items:
                        yield item
                        bar.update(size(item))
                return
            items = tqdm(items, desc=title, unit=unit, total=total)
    yield from items


__all__ = ["progress"]
