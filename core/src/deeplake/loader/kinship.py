"""Loaders as PyTorch's loaders, for ``isinstance``.

Code of Deep Lake 3 asks a loader whether it is a ``torch.utils.data.DataLoader``, also one that makes
batches for NumPy. The kernel does not import PyTorch to be one: who can ask has imported it already.
"""

from __future__ import annotations

import sys
from typing import Any, TypeVar

T = TypeVar("T")


def relative(cls: type[T]) -> type[T]:
    """A class of the same name that is PyTorch's too; the class itself where PyTorch is not loaded."""
    base = getattr(sys.modules.get("torch.utils.data"), "DataLoader", None)
    return cls if base is None else _both(cls, base)


_made: dict[tuple[type, Any], Any] = {}


def _both(cls: type[T], base: Any) -> type[T]:
    made: Any = _made.get((cls, base))
    metaclass: Any = type(cls)
    if made is None:
        made = metaclass(cls.__name__, (cls, base), {"__doc__": cls.__doc__})
        made.__module__, made.__qualname__ = cls.__module__, cls.__qualname__
        _made[cls, base] = made
    found: type[T] = made
    return found


__all__ = ["relative"]
