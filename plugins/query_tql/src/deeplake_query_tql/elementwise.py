"""Functions of arrays, element by element, on vectors: samples broadcast as arrays do in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from deeplake_query_tql.conversion import numbers
from deeplake_query_tql.vector import Const, Dense, Ragged, Vec, both, expand, ragged, take

Function: TypeAlias = Callable[..., Any]


def map1(function: Function, vec: Vec) -> Vec:
    """A function of one array, element by element."""
    vec = numbers(vec)
    with np.errstate(all="ignore"):
        if isinstance(vec, Const):
            if vec.value is None:
                return vec
            return Const(function(np.asarray(vec.value))[()], vec.n)
        if isinstance(vec, Dense):
            return Dense(function(vec.data), vec.valid)
        if isinstance(vec, Ragged):
            return Ragged(function(vec.flat), vec.ends, vec.shapes, vec.valid)
    return Const(None, vec.n)


def map2(function: Function, a: Vec, b: Vec) -> Vec:
    """A function of two arrays, element by element; samples broadcast as arrays do in NumPy.

    Rows whose samples do not fit each other have no value.
    """
    a, b = numbers(a), numbers(b)
    n = a.n
    if not all(isinstance(v, (Const, Dense, Ragged)) for v in (a, b)):
        return Const(None, n)
    if any(isinstance(v, Const) and v.value is None for v in (a, b)):
        return Const(None, n)
    with np.errstate(all="ignore"):
        try:
            return _map2(function, a, b)
        except OverflowError:  # an integer beyond those of NumPy
            return _map2(function, _as_float(a), _as_float(b))


def _as_float(vec: Vec) -> Vec:
    if isinstance(vec, Const) and isinstance(vec.value, (int, np.integer)):
        return Const(float(vec.value), vec.n)
    return vec


def _map2(function: Function, a: Vec, b: Vec) -> Vec:
    if isinstance(a, Const) and isinstance(b, Const):
        try:
            return Const(function(np.asarray(a.value), np.asarray(b.value))[()], a.n)
        except ValueError:
            return Const(None, a.n)
    if not isinstance(a, Ragged) and not isinstance(b, Ragged):
        return _dense2(function, a, b)
    return _ragged2(function, a, b)


def _dense2(function: Function, a: Vec, b: Vec) -> Vec:
    left, right = _operand(a), _operand(b)
    shapes = [_sample_shape(a), _sample_shape(b)]
    if shapes[0] != shapes[1] and () not in shapes:
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            return Const(None, a.n)
    ndim = max(map(len, shapes))
    if isinstance(a, Dense) and isinstance(b, Dense):
        left, right = _padded(left, ndim), _padded(right, ndim)
    elif isinstance(a, Dense) and len(shapes[1]) > len(shapes[0]):
        left = _padded(left, ndim)
    elif isinstance(b, Dense) and len(shapes[0]) > len(shapes[1]):
        right = _padded(right, ndim)
    return Dense(function(left, right), both(a.valid, b.valid))


def _operand(vec: Vec) -> Any:
    return vec.data if isinstance(vec, Dense) else vec.value  # type: ignore[attr-defined]


def _sample_shape(vec: Vec) -> tuple[int, ...]:
    return vec.data.shape[1:] if isinstance(vec, Dense) else np.shape(vec.value)  # type: ignore[attr-defined]


def _padded(data: np.ndarray, ndim: int) -> np.ndarray:
    missing = ndim - (data.ndim - 1)
    return data.reshape(len(data), *(1,) * missing, *data.shape[1:]) if missing else data


def _ragged2(function: Function, a: Vec, b: Vec) -> Vec:
    valid = both(a.valid, b.valid)
    for one, other, flipped in ((a, b, False), (b, a, True)):
        if not isinstance(one, Ragged):
            continue
        other_values: Any = None
        if isinstance(other, Const) and np.size(other.value) == 1:
            other_values = np.asarray(other.value).reshape(()).item()
        elif isinstance(other, Dense) and other.data.size == other.n:
            other_values = np.repeat(other.data.reshape(-1), one.sizes)
        if other_values is not None:
            pair = (other_values, one.flat) if flipped else (one.flat, other_values)
            return Ragged(function(*pair), one.ends, one.shapes, valid)
    left, right = (ragged(v) for v in (expand(a), expand(b)))  # type: ignore[arg-type]
    ndims = (left.shapes.shape[1], right.shapes.shape[1])
    if ndims[0] != ndims[1]:
        return Const(None, a.n)
    same = (left.shapes == right.shapes).all(axis=1)
    single = (left.sizes == 1) != (right.sizes == 1)
    if same.all():
        return Ragged(function(left.flat, right.flat), left.ends, left.shapes, valid)
    # Rows of one number on one side go with any shape on the other.
    fits = same | single
    left, right = take(left, np.where(fits)[0]), take(right, np.where(fits)[0])  # type: ignore[assignment]
    spread = np.maximum(left.sizes, right.sizes)
    spread = np.where((left.sizes == 0) | (right.sizes == 0), 0, spread)
    flats = [
        side.flat[np.repeat(side.starts, spread) + np.where(
            np.repeat(side.sizes, spread) == 1, 0,
            np.arange(int(spread.sum())) - np.repeat(np.cumsum(spread) - spread, spread))]
        for side in (left, right)
    ]  # fmt: skip
    inner = np.where((left.sizes == 1)[:, None] & ~same[fits][:, None], right.shapes, left.shapes)
    sizes = np.zeros(a.n, np.int64)
    sizes[fits] = spread
    shapes = np.zeros((a.n, ndims[0]), np.int64)
    shapes[fits] = inner
    return Ragged(function(*flats), np.cumsum(sizes), shapes, both(valid, fits))


__all__ = ["map1", "map2"]
