"""How much of a tensor is selected: its rows, and the shapes of their samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import numpy as np

from deeplake.types import Shape, ShapeInterval

if TYPE_CHECKING:
    from deeplake.dataset.tensor import Tensor

Padding: TypeAlias = Literal["", "empty", "none"]
"""What a view has of a tensor in rows that the tensor lacks: there are none (the view ends with its
shortest tensor), samples of no size, or samples that are None."""


def rows(tensor: Tensor) -> Sequence[int]:
    """The row numbers that are selected, in order."""
    found = tensor._selection.rows(tensor._total)
    return [found] if isinstance(found, int) else cast(Sequence[int], found)


def shapes(tensor: Tensor) -> np.ndarray:
    """``int64[rows, ndim]``: shapes of the whole samples that are selected."""
    reader = tensor._reader
    wanted = np.asarray(rows(tensor), np.int64)
    if tensor._total == len(reader):
        return reader.shapes(wanted)
    stored = wanted < len(reader)
    found = reader.shapes(wanted[stored])
    result = np.zeros((len(wanted), found.shape[1]), found.dtype)
    result[stored] = found
    return result


def interval(tensor: Tensor, *, look: bool = True) -> ShapeInterval:
    """Smallest and largest shape, the number of samples first unless one is selected.

    Args:
        tensor: The tensor.
        look: Open links to find out what is not known; without, zeros stand for that.
    """
    selection = tensor._selection
    low, high = _bounds(tensor, look)
    if selection.steps and low == high:
        low = high = selection.result_shape(low)
    elif selection.steps and len(tensor) and tensor.is_sequence:
        from deeplake.dataset.sequences import part_bounds

        low, high = part_bounds(tensor)
    elif selection.steps and len(tensor):
        parts = [selection.result_shape(tuple(shape)) for shape in shapes(tensor).tolist()]
        low, high = (
            tuple(map(min, zip(*parts, strict=True))),
            tuple(map(max, zip(*parts, strict=True))),
        )
    if selection.is_single:
        return ShapeInterval(low, high)
    count = len(tensor)
    return ShapeInterval((count, *low), (count, *high))


def _bounds(tensor: Tensor, look: bool) -> tuple[Shape, Shape]:
    """Lowest and highest shape of the whole samples that are selected."""
    reader = tensor._reader
    selection = tensor._selection
    low, high = reader.table.bounds()
    low, high = tuple(map(int, low)), tuple(map(int, high))
    if reader.looks:
        if not look:
            return low, high
    elif tensor._total == len(reader) and (low == high or selection.index is None):
        return low, high
    wanted = np.asarray(rows(tensor), np.int64)
    stored = wanted < len(reader)
    lows, highs = reader.bounds(wanted[stored])
    ndim = lows.shape[1]
    if not len(lows):
        return (0,) * ndim, (0,) * ndim
    least = lows.min(axis=0) if stored.all() else np.zeros(ndim, np.int64)
    return tuple(least.tolist()), tuple(highs.max(axis=0).tolist())


__all__ = ["interval", "rows", "shapes"]
