"""Comparisons of vectors, and logic of what they give: true, false or not known."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deeplake_query_tql.conversion import numbers, scalars, strings
from deeplake_query_tql.elementwise import map2
from deeplake_query_tql.functions import sample_all
from deeplake_query_tql.vector import Const, Dense, Objects, Ragged, Text, Vec, both, expand

_OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip
_ARROW: Final[Mapping[str, str]] = {
    "=": "equal", "!=": "not_equal", "<": "less", "<=": "less_equal", ">": "greater",
    ">=": "greater_equal",
}  # fmt: skip
_FLIPPED: Final[Mapping[str, str]] = {
    "=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<=",
}  # fmt: skip


# --------------------------------------------------------------------------- logic
def logic(op: str, parts: list[Dense]) -> Dense:
    """AND or OR of truth values, of which some are not known."""
    data, valid = parts[0].data, parts[0].valid
    for part in parts[1:]:
        other, known = part.data, part.valid
        if valid is None and known is None:
            data = data & other if op == "and" else data | other
            continue
        a = np.ones(len(data), bool) if valid is None else valid
        b = np.ones(len(data), bool) if known is None else known
        # As in SQL: what is not known does not matter where the other side decides.
        if op == "and":
            valid = (a & b) | (a & ~data) | (b & ~other)
            data = data & other
        else:
            valid = (a & b) | data | other
            data = data | other
    return Dense(data, valid)


def truth(vec: Vec) -> Dense:
    """Numbers are true if they are not 0; samples of several, and text, are neither true nor false."""
    vec = numbers(vec)
    found = None if isinstance(vec, Text) else scalars(vec)
    if found is None:
        return Dense(np.zeros(vec.n, bool), np.zeros(vec.n, bool))
    data = found.data if found.data.dtype == bool else found.data != 0
    return Dense(data if found.valid is None else data & found.valid, found.valid)


# --------------------------------------------------------------------------- comparisons
def compare(op: str, a: Vec, b: Vec) -> Vec:
    """Element by element."""
    if _textual(a, b):
        return _compare_text(op, a, b)
    if isinstance(a, Objects) and isinstance(b, Objects):
        return _compare_objects(op, a, b)
    return map2(_OPERATORS[op], *_in_range(a, b))


def compare_rows(op: str, a: Vec, b: Vec) -> Dense:
    """One truth value a row: arrays are equal if their shapes and all their elements are."""
    if _textual(a, b):
        return truth(_compare_text(op, a, b))
    if isinstance(a, Objects) and isinstance(b, Objects):
        return truth(_compare_objects(op, a, b))
    a, b = _in_range(numbers(a), numbers(b))
    fast = _fast_rows(op, a, b)
    if fast is not None:
        return fast
    n = a.n
    if not all(isinstance(v, (Const, Dense, Ragged)) for v in (a, b)):
        return Dense(np.zeros(n, bool), np.zeros(n, bool))
    left_sizes, right_sizes = _sizes(a), _sizes(b)
    valid = both(a.valid, b.valid)
    one = (left_sizes == 1) & (right_sizes == 1)
    arrays = ~one & (left_sizes != 1) & (right_sizes != 1)
    equal_shape = _same_shapes(a, b)
    found = map2(_OPERATORS["=" if op == "!=" else op], a, b)
    whole = truth(sample_all(found))
    data = whole.data
    if op in ("=", "!="):
        data = data & (equal_shape | one)
        if op == "!=":
            data = ~data
        known = one | arrays
    else:
        known = one | (arrays & equal_shape)
    known = known if valid is None else known & valid
    return Dense(data & known, None if known.all() else known)


def _in_range(a: Vec, b: Vec) -> tuple[Vec, Vec]:
    """Vectors of narrow floats as wide ones, where the number beside them is beyond narrow ones."""
    return _as_wide_as(a, b), _as_wide_as(b, a)


def _as_wide_as(vec: Vec, other: Vec) -> Vec:
    if not isinstance(other, Const) or not isinstance(other.value, (int, float)):
        return vec
    data = vec.data if isinstance(vec, Dense) else vec.flat if isinstance(vec, Ragged) else None
    if data is None or data.dtype.kind != "f" or data.dtype.itemsize >= 8:
        return vec
    if not float(np.finfo(data.dtype).max) < abs(other.value) < np.inf:
        return vec
    if isinstance(vec, Dense):
        return Dense(data.astype(np.float64), vec.valid)
    assert isinstance(vec, Ragged)
    return Ragged(data.astype(np.float64), vec.ends, vec.shapes, vec.valid)


def _fast_rows(op: str, a: Vec, b: Vec) -> Dense | None:
    """Numbers, one a row."""
    function = _OPERATORS[op]
    for one, other, flipped in ((a, b, False), (b, a, True)):
        if isinstance(one, Dense) and one.data.size == one.n and isinstance(other, Const):
            value = other.value
            if isinstance(value, (int, float, np.number, np.bool_)):
                column = one.data.reshape(one.n)
                if column.dtype == bool and not isinstance(value, (bool, np.bool_)):
                    column = column.astype(np.int8)  # of which any integer can be told apart
                data = function(value, column) if flipped else function(column, value)
                return Dense(data if one.valid is None else data & one.valid, one.valid)
    if isinstance(a, Dense) and isinstance(b, Dense) and a.data.size == a.n == b.data.size:
        valid = both(a.valid, b.valid)
        data = function(a.data.reshape(a.n), b.data.reshape(b.n))
        return Dense(data if valid is None else data & valid, valid)
    return None


def _sizes(vec: Vec) -> np.ndarray:
    if isinstance(vec, Ragged):
        return vec.sizes
    if isinstance(vec, Dense):
        return np.full(vec.n, int(np.prod(vec.data.shape[1:], dtype=np.int64)))
    return np.full(vec.n, np.size(vec.value))  # type: ignore[attr-defined]


def _same_shapes(a: Vec, b: Vec) -> np.ndarray:
    left, right = shapes_of(a), shapes_of(b)
    if left.shape[1] != right.shape[1]:
        return np.zeros(a.n, bool)
    return np.asarray((left == right).all(axis=1))


def shapes_of(vec: Vec) -> np.ndarray:
    """``int64[n, ndim]``: shapes of samples."""
    if isinstance(vec, Ragged):
        return vec.shapes
    shape = vec.data.shape[1:] if isinstance(vec, Dense) else np.shape(vec.value)  # type: ignore[attr-defined]
    return np.tile(np.array(shape, np.int64), (vec.n, 1)).reshape(vec.n, len(shape))


def _textual(a: Vec, b: Vec) -> bool:
    return any(
        isinstance(v, Text) or (isinstance(v, Const) and isinstance(v.value, str)) for v in (a, b)
    )


def _scalar(value: str) -> Any:
    return pa.scalar(value, pa.large_utf8())


def _compare_text(op: str, a: Vec, b: Vec) -> Vec:
    n = a.n
    if isinstance(a, Const) and isinstance(b, Const):
        if not isinstance(a.value, str) or not isinstance(b.value, str):
            return Const(None, n)
        return Const(_OPERATORS[op](a.value, b.value), n)
    if isinstance(a, Const):
        return _compare_text(_FLIPPED[op], b, a)
    left = strings(a)
    right: Any
    if isinstance(b, Const):
        if not isinstance(b.value, str):
            return Const(None, n)
        right = _scalar(b.value)
    else:
        other = strings(b)
        if not isinstance(other, Text):
            return Const(None, n)
        right = other.array
    if not isinstance(left, Text):
        return Const(None, n)
    return arrow_bool(pc.call_function(_ARROW[op], [left.array, right]))


def arrow_bool(found: Any) -> Dense:
    """Truth values that Arrow found."""
    valid = None
    if found.null_count:
        valid = np.asarray(found.is_valid())
        found = pc.fill_null(found, False)
    return Dense(found.to_numpy(zero_copy_only=False), valid)


def _compare_objects(op: str, a: Objects, b: Objects) -> Dense:
    """Json values with json values: by equality, or by order where both are numbers or text."""
    function = _OPERATORS[op]
    data, known = np.zeros(a.n, bool), np.zeros(a.n, bool)
    for i, (x, y) in enumerate(zip(a.items, b.items, strict=True)):
        if x is None or y is None:
            continue
        x, y = (v.item() if isinstance(v, np.generic) else v for v in (x, y))
        alike = isinstance(x, str) == isinstance(y, str)
        plain = all(isinstance(v, (str, int, float)) for v in (x, y))
        if any(isinstance(v, np.ndarray) for v in (x, y)):
            data[i] = np.array_equal(x, y) == (op == "=")
            known[i] = op in ("=", "!=")
        elif op in ("=", "!=") or (alike and plain):
            data[i] = function(x, y) if alike and plain else _same(x, y) == (op == "=")
            known[i] = True
    return Dense(data & known, both(both(a.valid, b.valid), known))


def _same(x: Any, y: Any) -> bool:
    """Whether json values are equal; lists may hold arrays."""
    if isinstance(x, np.ndarray) or isinstance(y, np.ndarray):
        return np.array_equal(x, y)
    if isinstance(x, list) and isinstance(y, list):
        return len(x) == len(y) and all(map(_same, x, y))
    return bool(x == y)


def among(of: Vec, choices: Any) -> Vec:
    """Whether each value is one of an array of numbers, or of a list of text."""
    if isinstance(choices, list):
        texts = pa.array([c for c in choices if isinstance(c, str)], pa.large_utf8())
        rest = np.asarray([c for c in choices if not isinstance(c, str)])
        if isinstance(of, Const):
            return Const(None if of.value is None else of.value in choices, of.n)
        found = strings(of)
        if not isinstance(found, Text):
            return Const(None, of.n)
        hits = np.asarray(pc.is_in(found.array, value_set=texts))
        if isinstance(of, Objects):
            if len(rest):
                also = truth(among(of, rest))
                hits = hits | also.data
            return Dense(hits, of.valid)
        return Dense(hits, found.valid)
    single = scalars(of)
    if single is None:
        return Const(None, of.n)
    data, valid = single.data, single.valid
    if len(choices) == 0:
        hits = np.zeros(of.n, bool)
    elif len(choices) <= 8:
        hits = data == choices[0]
        for choice in choices[1:]:
            hits = hits | (data == choice)
    else:
        hits = np.isin(data, choices)
    return Dense(hits if valid is None else hits & valid, valid)


def like(of: Vec, pattern: str, *, ignore_case: bool) -> Vec:
    """Whether texts fit a pattern of LIKE."""
    found = strings(expand(of))
    if not isinstance(found, Text):
        return Const(None, of.n)
    return arrow_bool(pc.match_like(found.array, pattern, ignore_case=ignore_case))


__all__ = ["among", "arrow_bool", "compare", "compare_rows", "like", "logic", "shapes_of", "truth"]
