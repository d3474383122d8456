"""From what columns hold to vectors, and from json values to numbers and text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from deeplake.spi import Values
from deeplake_query_tql.vector import Const, Dense, Mask, Objects, Ragged, Text, Vec, both


def _tidy(valid: Mask) -> Mask:
    return None if valid is None or valid.all() else valid


# --------------------------------------------------------------------------- from columns
def of_values(values: Values, *, text: bool = False) -> Vec:
    """What a column holds, as a vector."""
    data = values.data
    valid = None if values.nulls is None else _tidy(~values.nulls)
    if values.ends is not None:
        if values.shapes is None:
            return _text(values)
        return _ragged(values, valid)
    if isinstance(data, np.ndarray):
        return Dense(data, valid)
    return of_list(data, valid, text=text)


def _text(values: Values) -> Text:
    key = ("arrow", values.offset, len(values))
    memo = values.memo
    found = None if memo is None else memo.get(key)
    if found is None:
        n = len(values)
        assert values.ends is not None
        offsets = np.empty(n + 1, np.int64)
        offsets[0] = values.begin
        offsets[1:] = values.ends
        bitmap = None
        if values.nulls is not None and values.nulls.any():
            bitmap = pa.py_buffer(np.packbits(~values.nulls, bitorder="little"))
        buffers = [bitmap, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(values.data))]
        found = pa.Array.from_buffers(pa.large_utf8(), n, buffers)
        if memo is not None:
            memo[key] = found
    return Text(found)


def _ragged(values: Values, valid: Mask) -> Vec:
    assert values.ends is not None
    assert values.shapes is not None
    assert isinstance(values.data, np.ndarray)
    shapes = values.shapes
    n = len(values)
    stop = int(values.ends[-1]) if n else values.begin
    flat = values.data[values.begin : stop]
    if n and (shapes == shapes[0]).all() and len(flat):
        return Dense(flat.reshape(n, *shapes[0].tolist()), valid)
    sizes = np.diff(values.ends, prepend=values.begin)
    if valid is not None and shapes.shape[1] and ((sizes == 1) == valid).all():
        # One number a row, and rows without: the numbers are all there is.
        spread = np.zeros((n, 1), flat.dtype)
        spread[valid, 0] = flat
        return Dense(spread, valid)
    return Ragged(flat, values.ends - values.begin, shapes, valid)


def of_list(items: Sequence[Any], valid: Mask = None, *, text: bool = False) -> Vec:
    """Python values as a vector: arrays become numbers, json values stay what they are."""
    n = len(items)
    if text:
        return Text(pa.array([x if isinstance(x, str) else None for x in items], pa.large_utf8()))
    there = [x for x in items if x is not None]
    if there and all(isinstance(x, np.ndarray) and x.dtype.kind in "biuf" for x in there):
        if len({x.shape for x in there}) == 1 and len({x.dtype for x in there}) == 1:
            if len(there) == n:
                return Dense(np.stack(there), valid)
            mask = np.array([x is not None for x in items])
            data = np.zeros((n, *there[0].shape), there[0].dtype)
            data[mask] = np.stack(there)
            return Dense(data, both(valid, mask))
        if len({x.ndim for x in there}) == 1:
            return _concatenated(items, there, valid)
    missing = np.array([x is not None for x in items], bool) if len(there) < n else None
    return Objects(items, both(valid, missing))


def _concatenated(items: Sequence[Any], there: Sequence[np.ndarray], valid: Mask) -> Ragged:
    ndim = there[0].ndim
    shapes = np.array([(0,) * ndim if x is None else x.shape for x in items], np.int64)
    sizes = np.array([0 if x is None else x.size for x in items], np.int64)
    mask = np.array([x is not None for x in items]) if len(there) < len(items) else None
    flat = np.concatenate([x.ravel() for x in there])
    return Ragged(flat, np.cumsum(sizes), shapes.reshape(len(items), ndim), both(valid, mask))


# --------------------------------------------------------------------------- from json values
def numbers(vec: Vec) -> Vec:
    """Json values as numbers, where they are; other vectors as they are."""
    if isinstance(vec, Const):
        if isinstance(vec.value, (int, float)):
            return vec
        return vec if vec.value is None or _as_array(vec.value) is not None else Const(None, vec.n)
    if not isinstance(vec, Objects):
        return vec
    items = vec.items
    flags = [type(x) is bool for x in items]
    kinds = (int, float, np.integer, np.floating, np.bool_)
    plain = [
        x if (isinstance(x, kinds) and not flag) or flag else None
        for x, flag in zip(items, flags, strict=True)
    ]
    if any(isinstance(x, (list, tuple, np.ndarray)) for x in items):
        arrays = [_as_array(x) for x in items]
        if any(x is not None for x in arrays):
            return of_list(of_one_depth(arrays), vec.valid)
    valid = np.array([x is not None for x in plain], bool)
    if valid.any() and all(flags[i] for i in np.flatnonzero(valid).tolist()):
        return Dense(np.array([bool(x) for x in plain]), _tidy(valid))
    filled = [0 if x is None else x for x in plain]
    data = np.asarray(filled)
    if data.dtype.kind not in "biuf":
        data = np.asarray(filled, np.float64)
    return Dense(data, _tidy(both(vec.valid, valid)))


def _as_array(x: Any) -> np.ndarray | None:
    """A list of numbers, or a number, as an array."""
    if isinstance(x, (str, dict)) or x is None:
        return None
    try:
        array = np.asarray(x)
    except ValueError:
        array = _joined(x)
    if array.dtype.kind not in "biuf":
        return None
    return np.atleast_1d(array)


def of_one_depth(samples: Sequence[Any]) -> Sequence[Any]:
    """Arrays as they are, or, where some have other axes than others, all their elements."""
    if len({x.ndim for x in samples if isinstance(x, np.ndarray)}) < 2:
        return samples
    return [x.ravel() if isinstance(x, np.ndarray) else x for x in samples]


def _joined(x: Any) -> np.ndarray:
    """Arrays of several shapes as all their elements: parts of a polygon, items of a sequence."""
    if not all(isinstance(part, np.ndarray) for part in x):
        return np.array(None)
    return np.concatenate([part.ravel() for part in x])


def strings(vec: Vec) -> Vec:
    """Json values as text, where they are; other vectors as they are."""
    if not isinstance(vec, Objects):
        return vec
    items = [x if isinstance(x, str) else None for x in vec.items]
    return Text(pa.array(items, pa.large_utf8()))


def scalars(vec: Vec) -> Dense | None:
    """One number a row, ``data`` of shape ``(n,)``; rows of none or several numbers have no value.

    None: it holds no numbers.
    """
    if isinstance(vec, Objects):
        vec = numbers(vec)
    if isinstance(vec, Const):
        value = np.asarray(0 if vec.value is None else vec.value)
        if value.dtype.kind not in "biuf":
            return None
        if value.size != 1:
            return Dense(np.zeros(vec.n), np.zeros(vec.n, bool))
        return Dense(np.broadcast_to(value.reshape(()), (vec.n,)), vec.valid)
    if isinstance(vec, Dense):
        data = vec.data
        if data.ndim == 1:
            return vec
        if data.size == vec.n:
            return Dense(data.reshape(vec.n), vec.valid)
        return Dense(np.zeros(vec.n, data.dtype), np.zeros(vec.n, bool))
    if isinstance(vec, Ragged):
        one = vec.sizes == 1
        result = np.zeros(vec.n, vec.flat.dtype)
        result[one] = vec.flat[vec.starts[one]]
        return Dense(result, both(vec.valid, one))
    return None


def is_scalar(vec: Vec) -> bool:
    """Whether all rows that have a value have one number, or are text or json values."""
    if isinstance(vec, Dense):
        # Rows of no numbers have no value, as they have none beside others that have one.
        return vec.data.ndim == 1 or vec.data.size in (0, vec.n)
    if isinstance(vec, Ragged):
        wrong = vec.sizes != 1
        return not (wrong & (vec.sizes > 0) if vec.valid is None else wrong & vec.valid).any()
    if isinstance(vec, Const):
        return np.size(vec.value) == 1 if not isinstance(vec.value, str) else True
    return True


__all__ = ["is_scalar", "numbers", "of_list", "of_one_depth", "of_values", "scalars", "strings"]
