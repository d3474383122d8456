"""One row on its way through a loader, and a batch of them: values by tensor name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any


class IterableOrderedDict(OrderedDict[str, Any]):
    """A dict that unpacks into its values, so that ``for image, label in loader`` works.

    Everything else is as in any dict; for its keys write ``batch.keys()``.

    Example:
        >>> batch = IterableOrderedDict(images=[[1, 2]], labels=[0])
        >>> images, labels = batch
        >>> images, batch["labels"], list(batch.keys())
        ([[1, 2]], [0], ['images', 'labels'])
    """

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values())


__all__ = ["IterableOrderedDict"]
