"""Batches of values, one a row, as whole arrays: what expressions are evaluated on.

A :class:`Vec` is one of

* :class:`Const`: one value for all rows;
* :class:`Dense`: numbers or booleans, an array ``(n, *shape)``;
* :class:`Ragged`: arrays of several shapes, their elements one after the other;
* :class:`Text`: an Arrow array of strings;
* :class:`Objects`: json values, lists, polygons.

``valid`` says which rows have a value; None: all have. In rows that have none, the numbers are
anything, booleans are False.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from deeplake.spi import Values

Mask: TypeAlias = "np.ndarray | None"


class Vec:
    """Values of ``n`` rows."""

    __slots__ = ("n", "valid")

    n: int
    valid: Mask


class Const(Vec):
    """One value for all rows: a number, a bool, a str, an array, a json value or None."""

    __slots__ = ("value",)

    def __init__(self, value: Any, n: int) -> None:
        self.value = value
        self.n = n
        self.valid = np.zeros(n, bool) if value is None else None


class Dense(Vec):
    """Numbers or booleans of one shape: ``data`` is ``(n, *shape)``."""

    __slots__ = ("data",)

    def __init__(self, data: np.ndarray, valid: Mask = None) -> None:
        self.data = data
        self.n = len(data)
        self.valid = valid


class Ragged(Vec):
    """Arrays of several shapes.

    Attributes:
        flat: The elements of all rows, one row after the other, and nothing else.
        ends: ``int64[n]``: where each row ends.
        shapes: ``int64[n, ndim]``.
    """

    __slots__ = ("ends", "flat", "shapes")

    def __init__(
        self, flat: np.ndarray, ends: np.ndarray, shapes: np.ndarray, valid: Mask = None
    ) -> None:
        self.flat = flat
        self.ends = ends
        self.shapes = shapes
        self.n = len(ends)
        self.valid = valid

    @property
    def sizes(self) -> np.ndarray:
        """Elements of each row."""
        return np.diff(self.ends, prepend=0)

    @property
    def starts(self) -> np.ndarray:
        """Where each row begins."""
        return np.asarray(self.ends - self.sizes)


class Text(Vec):
    """Strings; null where there is none."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array
        self.n = len(array)
        self.valid = None if array.null_count == 0 else np.asarray(array.is_valid())


class Objects(Vec):
    """Json values, or arrays that no other form can hold."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[Any], valid: Mask = None) -> None:
        self.items = items
        self.n = len(items)
        self.valid = valid


def row_numbers(rows: range | np.ndarray) -> np.ndarray:
    """Rows as ``int64[n]``; NumPy would go through a range number by number."""
    if isinstance(rows, range):
        return np.arange(rows.start, rows.stop, rows.step, dtype=np.int64)
    return np.asarray(rows, np.int64)


# --------------------------------------------------------------------------- validity
def both(a: Mask, b: Mask) -> Mask:
    """Rows that are valid in both."""
    if a is None:
        return b
    return a if b is None else a & b


def _tidy(valid: Mask) -> Mask:
    return None if valid is None or valid.all() else valid


def nulls_of(vec: Vec) -> np.ndarray:
    """``bool[n]``: rows without a value."""
    return np.zeros(vec.n, bool) if vec.valid is None else ~vec.valid


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


# --------------------------------------------------------------------------- forms
def ragged(vec: Dense | Ragged) -> Ragged:
    """A dense vector in the ragged form."""
    if isinstance(vec, Ragged):
        return vec
    n = vec.n
    shape = vec.data.shape[1:]
    size = int(np.prod(shape, dtype=np.int64))
    shapes = np.empty((n, len(shape)), np.int64)
    shapes[:] = shape
    ends = np.arange(1, n + 1, dtype=np.int64) * size
    return Ragged(np.ascontiguousarray(vec.data).reshape(-1), ends, shapes, vec.valid)


def numbers(vec: Vec) -> Vec:
    """Json values as numbers, where they are; other vectors as they are."""
    if isinstance(vec, Const):
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
            return of_list(arrays, vec.valid)
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
        return None
    if array.dtype.kind not in "biuf":
        return None
    return np.atleast_1d(array)


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
        return vec.data.ndim == 1 or vec.data.size == vec.n
    if isinstance(vec, Ragged):
        wrong = vec.sizes != 1
        return not (wrong & (vec.sizes > 0) if vec.valid is None else wrong & vec.valid).any()
    if isinstance(vec, Const):
        return np.size(vec.value) == 1 if not isinstance(vec.value, str) else True
    return True


def take(vec: Vec, rows: np.ndarray) -> Vec:
    """The values at some places; ``rows`` is a mask or positions."""
    if rows.dtype == bool:
        rows = np.flatnonzero(rows)
    valid = None if vec.valid is None else vec.valid[rows]
    if isinstance(vec, Const):
        return Const(vec.value, len(rows))
    if isinstance(vec, Dense):
        return Dense(vec.data[rows], valid)
    if isinstance(vec, Text):
        return Text(vec.array.take(pa.array(rows)))
    if isinstance(vec, Objects):
        return Objects([vec.items[i] for i in rows.tolist()], valid)
    assert isinstance(vec, Ragged)
    sizes = vec.sizes[rows]
    ends = np.cumsum(sizes, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    index = np.arange(total) + np.repeat(vec.starts[rows] - (ends - sizes), sizes)
    return Ragged(vec.flat[index], ends, vec.shapes[rows], valid)


def concatenate(parts: Sequence[Vec]) -> Vec:
    """Vectors one after the other."""
    parts = [part for part in parts if part.n] or list(parts[:1])
    if len(parts) == 1:
        return parts[0]
    n = sum(part.n for part in parts)
    if all(isinstance(part, Const) for part in parts):
        first = parts[0]
        assert isinstance(first, Const)
        if all(_same(first.value, part.value) for part in parts):  # type: ignore[attr-defined]
            return Const(first.value, n)
    parts = [expand(part) for part in parts]
    # Rows without a value take the form of the others.
    known = [part for part in parts if part.valid is None or part.valid.any()]
    if known and len(known) < len(parts):
        parts = [part if part in known else _blank(known[0], part.n) for part in parts]
    valid = None
    if any(part.valid is not None for part in parts):
        valid = np.concatenate(
            [np.ones(part.n, bool) if part.valid is None else part.valid for part in parts]
        )
    if all(isinstance(part, Text) for part in parts):
        arrays = [part.array for part in parts]  # type: ignore[attr-defined]
        return Text(pa.concat_arrays(arrays))
    if all(isinstance(part, (Dense, Ragged)) for part in parts):
        dense = [part for part in parts if isinstance(part, Dense)]
        if len(dense) == len(parts) and len({part.data.shape[1:] for part in dense}) == 1:
            return Dense(np.concatenate([part.data for part in dense]), valid)
        listed = [ragged(part) for part in parts]  # type: ignore[arg-type]
        if len({part.shapes.shape[1] for part in listed}) == 1:
            bases = np.cumsum([0, *(len(part.flat) for part in listed[:-1])])
            return Ragged(
                np.concatenate([part.flat for part in listed]),
                np.concatenate([p.ends + b for p, b in zip(listed, bases, strict=True)]),
                np.concatenate([part.shapes for part in listed]),
                valid,
            )
    return Objects([item for part in parts for item in items(part)], valid)


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(np.array_equal(a, b))


def _blank(like: Vec, n: int) -> Vec:
    """Rows without a value, in the form of others."""
    nothing = np.zeros(n, bool)
    if isinstance(like, Text):
        return Text(pa.nulls(n, pa.large_utf8()))
    if isinstance(like, Dense):
        return Dense(np.zeros((n, *like.data.shape[1:]), like.data.dtype), nothing)
    if isinstance(like, Ragged):
        return Ragged(
            np.zeros(0, like.flat.dtype), np.zeros(n, np.int64),
            np.zeros((n, like.shapes.shape[1]), np.int64), nothing,
        )  # fmt: skip
    return Objects([None] * n, nothing)


def expand(vec: Vec) -> Vec:
    """A constant as one value a row; other vectors as they are."""
    if not isinstance(vec, Const):
        return vec
    value, n = vec.value, vec.n
    if value is None:
        return Objects([None] * n, np.zeros(n, bool))
    if isinstance(value, str):
        return Text(pa.repeat(pa.scalar(value, pa.large_utf8()), n))
    array = np.asarray(value)
    if array.dtype.kind in "biuf":
        return Dense(np.broadcast_to(array, (n, *array.shape)))
    return Objects([value] * n)


def items(vec: Vec) -> list[Any]:
    """The values one by one: NumPy arrays and numbers, str, json values, None."""
    if isinstance(vec, Const):
        return [vec.value] * vec.n
    if isinstance(vec, Text):
        found: list[Any] = vec.array.to_pylist()
        return found
    if isinstance(vec, Dense):
        found = list(vec.data)
    elif isinstance(vec, Ragged):
        bounds = zip(vec.starts.tolist(), vec.ends.tolist(), vec.shapes.tolist(), strict=True)
        found = [vec.flat[a:b].reshape(shape) for a, b, shape in bounds]
    else:
        assert isinstance(vec, Objects)
        found = list(vec.items)
    if vec.valid is not None:
        found = [x if ok else None for x, ok in zip(found, vec.valid.tolist(), strict=True)]
    return found


# --------------------------------------------------------------------------- element by element
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
    if isinstance(vec, Const) and isinstance(vec.value, int):
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


__all__ = [
    "Const", "Dense", "Mask", "Objects", "Ragged", "Text", "Vec", "both", "concatenate", "expand",
    "is_scalar", "items", "map1", "map2", "nulls_of", "numbers", "of_list", "of_values", "ragged",
    "row_numbers",
    "scalars", "strings", "take",
]  # fmt: skip
