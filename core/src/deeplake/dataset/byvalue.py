"""Functions of users as bytes, for worker processes."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def dumps(value: Any) -> bytes:
    """The value as bytes; functions without a name to find them by too, with cloudpickle."""
    try:
        import cloudpickle  # type: ignore[import-untyped]
    except ImportError:
        return pickle.dumps(value)
    found: bytes = cloudpickle.dumps(value)
    return found


class ByValue(Generic[T]):
    """A function that is pickled as ``dumps`` does it, whoever pickles it.

    Args:
        function: Any callable.
    """

    def __init__(self, function: Callable[..., T]) -> None:
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> T:
        return self._function(*args, **kwargs)

    def __reduce__(self) -> Any:
        return _loaded, (dumps(self._function),)


def _loaded(data: bytes) -> ByValue[Any]:
    return ByValue(pickle.loads(data))


__all__ = ["ByValue", "dumps"]
