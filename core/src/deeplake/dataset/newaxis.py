"""``tensor[None]``: a tensor with axes of length 1 in front of its rows, as NumPy makes them."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from deeplake.dataset.tensor import Tensor
from deeplake.errors import IndexOutOfRangeError, InvalidKeyTypeError
from deeplake.types import ShapeInterval


class NewAxis(Tensor):
    """A part of a tensor that reads with further axes in front.

    Only what is an array has these axes (``numpy()``, ``shape``, ``len``, subscripts, assignment);
    ``data()``, ``text()`` and the like are those of the samples.

    Args:
        inner: The tensor.
        front: Number of axes.
    """

    __slots__ = ("_front", "_inner")

    def __init__(self, inner: Tensor, front: int) -> None:
        # Not all of the tensor, so that nothing is appended through it.
        bound = inner._selection.bind(inner._total)
        super().__init__(inner._checkout, inner._tid, bound, inner._view)
        self._inner = Tensor(inner._checkout, inner._tid, bound, inner._view)
        self._front = front

    def numpy(self, aslist: bool = False, fetch_chunks: bool = False) -> Any:
        """The samples, inside one list or axis of length 1 for each axis in front."""
        value = self._inner.numpy(aslist=aslist)
        if isinstance(value, np.ndarray):
            return value[(None,) * self._front]
        for _ in range(self._front):
            value = [value]
        return value

    @property
    def shape_interval(self) -> ShapeInterval:
        """That of the samples, behind the axes of length 1."""
        inner, front = self._inner.shape_interval, (1,) * self._front
        return ShapeInterval((*front, *inner.lower), (*front, *inner.upper))

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Tensor]:
        yield self[0]

    def __getitem__(self, item: Any) -> Tensor:
        rest = list(item) if isinstance(item, tuple) else [item]
        axes, left = 0, self._front
        while rest and rest[0] is not Ellipsis and (left or rest[0] is None):
            key = rest.pop(0)
            if key is None:
                axes += 1
                continue
            axes += _kept(key)
            left -= 1
        inner = self._inner[tuple(rest)] if rest and rest != [Ellipsis] else self._inner
        front = axes + left
        return NewAxis(inner, front) if front else inner

    def behind(self, value: Any) -> tuple[Tensor, Any]:
        """The tensor without these axes, and a value to assign to it without those that it has."""
        if isinstance(value, Tensor):
            value = value.numpy()
        if isinstance(value, (np.ndarray, list, tuple)):
            ndim = len(self._inner.shape)
            while np.ndim(value) > ndim and len(value) == 1:
                value = value[0]
        return self._inner, value

    def _in_place(self, operator: str, other: Any) -> Any:
        self._inner._in_place(operator, other)
        return self

    def __reduce__(self) -> Any:
        return NewAxis, (self._inner, self._front)

    def __repr__(self) -> str:
        nones = "None, " * self._front
        return repr(self._inner).replace("Index([", f"Index([{nones}", 1)


def _kept(key: Any) -> int:
    """Axes that a subscript leaves of one of length 1."""
    if isinstance(key, slice):
        if len(range(1)[key]) == 1:
            return 1
    elif not isinstance(key, (bool, np.bool_)):
        try:
            if operator.index(cast(Any, key)) in (0, -1):
                return 0
        except TypeError:
            pass
        else:
            raise IndexOutOfRangeError(f"index {key} is out of range for an axis of length 1")
    raise InvalidKeyTypeError(
        f"{key!r} cannot be taken from an axis in front of the rows: use ints, whole slices and None, "
        "or subscript .numpy()"
    )


__all__ = ["NewAxis"]
