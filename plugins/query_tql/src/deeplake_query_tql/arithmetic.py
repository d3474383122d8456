"""Arithmetic of vectors: integers are 64 bits wide, and nothing raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from deeplake_query_tql.comparison import truth
from deeplake_query_tql.elementwise import map1, map2
from deeplake_query_tql.vector import Const, Dense, Vec, both


def _wide(x: Any) -> Any:
    """Small integers as large ones: 200 + 100 is 300, also of bytes."""
    array = np.asarray(x)
    if array.dtype.kind in "bi" and array.dtype.itemsize < 8 and array.ndim:
        return array.astype(np.int64)
    if array.dtype.kind == "u" and array.dtype.itemsize < 8 and array.ndim:
        return array.astype(np.int64)
    if array.dtype == bool:
        return array.astype(np.int64)
    return x[()] if isinstance(x, np.ndarray) and x.ndim == 0 else x


def _arithmetic(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, y: function(_python(_wide(x)), _python(_wide(y)))


def _python(x: Any) -> Any:
    """NumPy's numbers as Python's, which take the type of the array that they go with."""
    return x.item() if isinstance(x, np.generic) else x


def _scalar_safe(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def safe(x: Any, y: Any) -> Any:
        if np.ndim(x) or np.ndim(y):
            return function(x, y)
        return function(_as_number(x), _as_number(y))

    return safe


def _as_number(x: Any) -> Any:
    """A constant as one of NumPy's numbers, whose arithmetic never raises."""
    if isinstance(x, int) and not -(2**63) <= x < 2**63:
        return np.float64(x)
    return np.asarray(x)[()]


_ARITHMETIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    symbol: _arithmetic(_scalar_safe(function))
    for symbol, function in {
        "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.true_divide, "%": np.mod,
    }.items()
}  # fmt: skip


def calculated(symbol: str, a: Vec, b: Vec) -> Vec:
    """``a symbol b``, element by element."""
    found = map2(_ARITHMETIC[symbol], a, b)
    return _without_zero(found, b) if symbol == "%" and isinstance(found, Dense) else found


def negative(vec: Vec) -> Vec:
    """``-vec``."""
    return map1(lambda d: np.negative(np.asarray(_wide(d))), vec)


def _without_zero(vec: Dense, divisor: Vec) -> Vec:
    """The remainder of a division of integers by 0 is no number."""
    if vec.data.dtype.kind not in "iu":
        return vec
    if isinstance(divisor, Const) and isinstance(divisor.value, (int, float)) and divisor.value:
        return vec
    zero = truth(divisor)
    known = np.ones(vec.n, bool) if zero.valid is None else zero.valid
    return vec if zero.data.all() else Dense(vec.data, both(vec.valid, zero.data | ~known))


__all__ = ["calculated", "negative"]
