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

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

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


def nulls_of(vec: Vec) -> np.ndarray:
    """``bool[n]``: rows without a value."""
    return np.zeros(vec.n, bool) if vec.valid is None else ~vec.valid


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


def picked(parts: Sequence[Vec], places: np.ndarray) -> Vec:
    """The values at some places, in ascending order, of vectors that follow each other."""
    found, begin = [], 0
    for part in parts:
        low, high = np.searchsorted(places, (begin, begin + part.n))
        if low < high:
            found.append(take(part, places[low:high] - begin))
        begin += part.n
    return concatenate(found) if found else take(parts[0], places)


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


__all__ = [
    "Const", "Dense", "Mask", "Objects", "Ragged", "Text", "Vec", "both", "concatenate", "expand",
    "items", "nulls_of", "picked", "ragged", "row_numbers", "take",
]  # fmt: skip
