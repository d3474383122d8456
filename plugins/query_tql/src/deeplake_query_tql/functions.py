"""The functions of expressions: reductions of samples, mathematics, vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from deeplake_query_tql.conversion import numbers, of_list
from deeplake_query_tql.elementwise import map1, map2
from deeplake_query_tql.vector import Const, Dense, Objects, Ragged, Text, Vec, both, expand, ragged


@dataclass(frozen=True, slots=True)
class Function:
    """A function that takes and gives vectors.

    Attributes:
        evaluate: What it does.
        least, most: Numbers of arguments.
        kind: What it gives: ``number`` or ``bool``.
        text: It takes text too.
    """

    evaluate: Callable[..., Vec]
    least: int = 1
    most: int = 1
    kind: str = "number"
    text: bool = False


# --------------------------------------------------------------------------- reductions of samples
def _reduced(
    vec: Vec, dense: Callable[[np.ndarray], Any], reduceat: Callable[..., Any], empty: Any
) -> Vec:
    """One value a sample.

    Args:
        vec: The samples.
        dense: Reduces ``(n, elements)`` to ``(n,)``.
        reduceat: Reduces runs of elements.
        empty: What a sample without elements gives; None: no value.
    """
    vec = numbers(expand(vec))
    if isinstance(vec, Dense):
        if vec.data.ndim == 1:
            return Dense(dense(vec.data[:, None]), vec.valid)
        flat = vec.data.reshape(vec.n, -1) if vec.data.size else np.zeros((vec.n, 0))
        if flat.shape[1]:
            return Dense(dense(flat), vec.valid)
        vec = ragged(vec)
    if not isinstance(vec, Ragged):
        return Const(None, vec.n)
    sizes = vec.sizes
    some = sizes > 0
    found = reduceat(vec.flat, vec.starts[some]) if some.any() else np.zeros(0)
    result = np.full(vec.n, 0 if empty is None else empty, found.dtype if some.any() else float)
    result[some] = found
    return Dense(result, both(vec.valid, some) if empty is None else vec.valid)


def _wide(data: np.ndarray) -> np.ndarray:
    """Integers as such that sums fit."""
    return (
        data.astype(np.int64)
        if data.dtype.kind in "bi" or (data.dtype.itemsize < 8 and data.dtype.kind == "u")
        else data
    )


def _floats(data: Any) -> np.ndarray:
    array = np.asarray(data)
    wide = array.dtype.kind == "f" and array.dtype.itemsize >= 4
    return array if wide else array.astype(np.float64)


def sample_sum(vec: Vec) -> Vec:
    """Sum of each sample."""
    return _reduced(vec, lambda d: _wide(d).sum(1), lambda f, s: np.add.reduceat(_wide(f), s), 0)


def sample_prod(vec: Vec) -> Vec:
    """Product of each sample."""
    return _reduced(
        vec, lambda d: _wide(d).prod(1), lambda f, s: np.multiply.reduceat(_wide(f), s), 1
    )


def sample_min(vec: Vec) -> Vec:
    """Least value of each sample."""
    if isinstance(vec, Text):
        return vec
    return _reduced(vec, lambda d: d.min(1), lambda f, s: np.minimum.reduceat(f, s), None)


def sample_max(vec: Vec) -> Vec:
    """Greatest value of each sample."""
    if isinstance(vec, Text):
        return vec
    return _reduced(vec, lambda d: d.max(1), lambda f, s: np.maximum.reduceat(f, s), None)


def sample_avg(vec: Vec) -> Vec:
    """Mean of each sample."""
    total = _reduced(
        vec, lambda d: d.sum(1, dtype=np.float64),
        lambda f, s: np.add.reduceat(f.astype(np.float64), s), None,
    )  # fmt: skip
    return map2(np.true_divide, total, _sizes(vec)) if isinstance(total, Dense) else total


def _sizes(vec: Vec) -> Vec:
    vec = numbers(expand(vec))
    if isinstance(vec, Dense):
        return Const(int(np.prod(vec.data.shape[1:], dtype=np.int64)), vec.n)
    return Dense(np.maximum(vec.sizes, 1)) if isinstance(vec, Ragged) else Const(None, vec.n)


def _truthy(data: np.ndarray) -> np.ndarray:
    return data if data.dtype == bool else data != 0


def sample_any(vec: Vec) -> Vec:
    """Whether any element is true; False for none."""
    return _settled(_reduced(
        vec, lambda d: _truthy(d).any(1), lambda f, s: np.logical_or.reduceat(_truthy(f), s), False
    ), False)  # fmt: skip


def sample_all(vec: Vec) -> Vec:
    """Whether all elements are true; True for none."""
    return _settled(_reduced(
        vec, lambda d: _truthy(d).all(1), lambda f, s: np.logical_and.reduceat(_truthy(f), s), True
    ), True)  # fmt: skip


def _all_strict(vec: Vec) -> Vec:
    return _settled(_reduced(
        vec, lambda d: _truthy(d).all(1), lambda f, s: np.logical_and.reduceat(_truthy(f), s), False
    ), False)  # fmt: skip


def _settled(vec: Vec, empty: bool) -> Vec:
    """Truth values; a sample that is None has no element, as one that was appended as ``[]``."""
    if not isinstance(vec, Dense):
        return vec
    data = vec.data.astype(bool)
    return Dense(data if vec.valid is None else np.where(vec.valid, data, empty))


# --------------------------------------------------------------------------- norms, vectors
def _l1(vec: Vec) -> Vec:
    return sample_sum(map1(lambda d: np.abs(_floats(d)), vec))


def _l2(vec: Vec) -> Vec:
    vec = numbers(expand(vec))
    if isinstance(vec, Dense) and vec.data.ndim > 1 and vec.data.size:
        flat = _floats(vec.data.reshape(vec.n, -1))
        with np.errstate(all="ignore"):
            return Dense(np.sqrt(np.vecdot(flat, flat)), vec.valid)
    return map1(np.sqrt, sample_sum(map1(lambda d: np.square(_floats(d)), vec)))


def _linf(vec: Vec) -> Vec:
    return _reduced(
        vec, lambda d: np.abs(_floats(d)).max(1),
        lambda f, s: np.maximum.reduceat(np.abs(_floats(f)), s), 0,
    )  # fmt: skip


def _vectors(a: Vec, b: Vec) -> tuple[Dense, np.ndarray] | None:
    """Samples and one vector for all of them, if that is what is given."""
    a, b = numbers(a), numbers(b)
    if isinstance(a, Const) and isinstance(b, Dense):
        a, b = b, a
    if not (isinstance(a, Dense) and isinstance(b, Const) and a.data.ndim > 1):
        return None
    vector = np.asarray(b.value)
    if vector.dtype.kind not in "biuf" or vector.size != a.data[:1].size or vector.size < 2:
        return None
    return a, vector.ravel()


def dot(a: Vec, b: Vec) -> Vec:
    """Dot product of each pair of samples."""
    given = _vectors(a, b)
    if given is not None:
        vec, vector = given
        matrix = _floats(vec.data.reshape(vec.n, -1))
        with np.errstate(all="ignore"):
            return Dense(np.vecdot(matrix, vector.astype(matrix.dtype)), vec.valid)
    return sample_sum(map2(lambda x, y: _floats(x) * _floats(np.asarray(y)), a, b))


def _cosine(a: Vec, b: Vec) -> Vec:
    lengths = map2(np.multiply, _l2(a), _l2(b))
    product = dot(a, b)
    return map2(_ratio, product, lengths)


def _ratio(x: Any, y: Any) -> Any:
    """``x / y``; 0 where a vector has no length."""
    y = np.asarray(y)
    return np.where(y == 0, 0.0, np.asarray(x) / np.where(y == 0, 1, y))


def _hamming(a: Vec, b: Vec) -> Vec:
    return sample_sum(map2(lambda x, y: (x != y).astype(np.int64), a, b))


def _maxsim(a: Vec, b: Vec) -> Vec:
    """Sum over the vectors of b of their best match among the vectors of a."""
    from deeplake_query_tql.vector import items

    left, right = numbers(a), numbers(b)
    found: list[float | None] = []
    for x, y in zip(items(left), items(right), strict=True):
        if x is None or y is None or not np.size(x) or not np.size(y):
            found.append(None)
            continue
        x2, y2 = np.atleast_2d(_floats(np.asarray(x))), np.atleast_2d(_floats(np.asarray(y)))
        fits = x2.ndim == 2 and y2.ndim == 2 and x2.shape[1] == y2.shape[1]
        with np.errstate(all="ignore"):
            found.append(float((x2 @ y2.T).max(axis=0).sum()) if fits else None)
    valid = np.array([f is not None for f in found], bool)
    return Dense(np.array([0.0 if f is None else f for f in found]), valid)


# --------------------------------------------------------------------------- others
def _unary(function: Callable[[np.ndarray], np.ndarray], *, real: bool = True) -> Function:
    if real:
        return Function(lambda vec: map1(lambda d: function(_floats(d)), vec))
    return Function(lambda vec: map1(function, vec))


def _round(vec: Vec, digits: Vec | None = None) -> Vec:
    if digits is None:
        return map1(np.round, vec)
    if not isinstance(digits, Const) or not isinstance(digits.value, (int, np.integer)):
        return Const(None, vec.n)
    places = max(-300, min(int(digits.value), 300))
    return map1(lambda d: np.round(_floats(d), places), vec)


def _nonzero(vec: Vec) -> Vec:
    """Indexes of the elements that are not zero."""
    vec = numbers(expand(vec))
    if not isinstance(vec, (Dense, Ragged)):
        return Const(None, vec.n)
    runs = ragged(vec)
    hits = np.flatnonzero(runs.flat)
    owner = np.searchsorted(runs.ends, hits, "right")
    counts = np.bincount(owner, minlength=runs.n)
    return Ragged(hits - runs.starts[owner], np.cumsum(counts), counts.reshape(-1, 1), runs.valid)


def _keys(vec: Vec) -> Vec:
    """Keys of json objects."""
    if not isinstance(vec, Objects):
        return Const(None, vec.n)
    found = [list(x) if isinstance(x, dict) else None for x in vec.items]
    return of_list(found, vec.valid)


def _logical(function: Callable[..., Any]) -> Function:
    def evaluate(a: Vec, b: Vec) -> Vec:
        return map2(lambda x, y: function(_truthy(np.asarray(x)), _truthy(np.asarray(y))), a, b)

    return Function(evaluate, 2, 2, "bool")


def _length(vec: Vec) -> Vec:
    """Characters of text, entries of lists and objects, elements of arrays."""
    import pyarrow.compute as pc

    if isinstance(vec, Const):
        vec = expand(vec)
    if isinstance(vec, Text):
        return Dense(np.asarray(pc.fill_null(pc.utf8_length(vec.array), 0)), vec.valid)
    if isinstance(vec, Objects):
        sized = [len(x) if isinstance(x, (str, list, dict, tuple)) else None for x in vec.items]
        valid = np.array([s is not None for s in sized], bool)
        return Dense(np.array([s or 0 for s in sized], np.int64), both(vec.valid, valid))
    if isinstance(vec, Ragged):
        return Dense(vec.sizes)  # one that is None has none
    assert isinstance(vec, Dense)
    return Dense(np.full(vec.n, int(np.prod(vec.data.shape[1:], dtype=np.int64))), vec.valid)


def _case(upper: bool) -> Function:
    def evaluate(vec: Vec) -> Vec:
        import pyarrow.compute as pc

        from deeplake_query_tql.conversion import strings

        found = strings(expand(vec))
        if not isinstance(found, Text):
            return Const(None, vec.n)
        return Text(pc.utf8_upper(found.array) if upper else pc.utf8_lower(found.array))

    return Function(evaluate, kind="text", text=True)


FUNCTIONS: Final[Mapping[str, Function]] = {
    "ALL": Function(sample_all, kind="bool"),
    "ALL_STRICT": Function(_all_strict, kind="bool"),
    "ANY": Function(sample_any, kind="bool"),
    "LOGICAL_AND": _logical(np.logical_and),
    "LOGICAL_OR": _logical(np.logical_or),
    "LOGICAL_NOT": Function(lambda v: map1(lambda d: ~_truthy(d), v), kind="bool"),
    "AMIN": Function(sample_min, text=True),
    "AMAX": Function(sample_max, text=True),
    "SUM": Function(sample_sum),
    "PROD": Function(sample_prod),
    "AVG": Function(sample_avg),
    "MEAN": Function(sample_avg),
    "ABS": _unary(lambda d: np.abs(_wide(d)), real=False),
    "SIGN": _unary(lambda d: np.sign(_wide(d)), real=False),
    "SQRT": _unary(np.sqrt),
    "EXP": _unary(np.exp),
    "LN": _unary(np.log),
    "LOG": _unary(np.log),
    "LOG10": _unary(np.log10),
    "LOG2": _unary(np.log2),
    "SIN": _unary(np.sin),
    "COS": _unary(np.cos),
    "TAN": _unary(np.tan),
    "FLOOR": _unary(np.floor),
    "CEIL": _unary(np.ceil),
    "ROUND": Function(_round, 1, 2),
    "POWER": Function(
        lambda a, b: map2(lambda x, y: np.power(_floats(np.asarray(x)), y), a, b), 2, 2
    ),
    "L1_NORM": Function(lambda a, b=None: _l1(a if b is None else map2(_minus, a, b)), 1, 2),
    "L2_NORM": Function(lambda a, b=None: _l2(a if b is None else map2(_minus, a, b)), 1, 2),
    "LINF_NORM": Function(lambda a, b=None: _linf(a if b is None else map2(_minus, a, b)), 1, 2),
    "COSINE_SIMILARITY": Function(_cosine, 2, 2),
    "DOT": Function(dot, 2, 2),
    "HAMMING_DISTANCE": Function(_hamming, 2, 2),
    "MAXSIM": Function(_maxsim, 2, 2),
    "NONZERO": Function(_nonzero),
    "KEYS": Function(_keys, kind="json"),
    "LENGTH": Function(_length, text=True),
    "LOWER": _case(False),
    "UPPER": _case(True),
}
"""Functions by name. Those that need more than values are in ``SPECIAL``."""


def _minus(x: Any, y: Any) -> Any:
    return _floats(np.asarray(x)) - _floats(np.asarray(y))


SPECIAL: Final[Mapping[str, tuple[int, int]]] = {
    "CONTAINS": (2, 2),
    "DATA": (2, 2),
    "MAX_WEIGHT": (1, 10_000),
    "RANDOM": (0, 0),
    "ROW_NUMBER": (0, 0),
    "SAMPLE_INFO": (1, 1),
    "SHAPE": (1, 1),
    "SUM_WEIGHT": (1, 10_000),
}
"""Least and most arguments of functions that look at more than the values of their arguments."""

ALWAYS_AGGREGATE: Final = frozenset(("COUNT", "MIN", "MAX"))
"""Functions that reduce rows, wherever they stand."""
AGGREGATES: Final = ALWAYS_AGGREGATE | {"AMIN", "AMAX", "SUM", "PROD", "AVG", "MEAN", "ANY", "ALL"}
"""Functions that reduce the rows of a group where there are groups."""

__all__ = [
    "AGGREGATES", "ALWAYS_AGGREGATE", "FUNCTIONS", "SPECIAL", "Function", "dot", "sample_all",
    "sample_any", "sample_max", "sample_min", "sample_prod", "sample_sum",
]  # fmt: skip
