"""Cosine similarity of many samples to one vector: lengths of samples are computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.spi import Values
from deeplake_query_tql.vector import Const, Dense, Vec

if TYPE_CHECKING:
    from deeplake_query_tql.evaluation import Batch
    from deeplake_query_tql.expression import Expr

BLOCK = 1 << 19
"""Bytes of samples that are looked at twice while they are in the processor's cache."""


def cosine(expr: Expr, batch: Batch, evaluate: Callable[[Expr, Batch], Vec]) -> Vec | None:
    """COSINE_SIMILARITY of a column of vectors and a constant; None: it is something else."""
    column, other = expr.args
    if column.op != "column":
        column, other = other, column
    if column.op != "column":
        return None
    constant = evaluate(other, batch)
    if not isinstance(constant, Const):
        return None
    vector = np.asarray(constant.value)
    if vector.dtype.kind not in "biuf" or vector.ndim != 1 or not len(vector):
        return None
    values = batch.columns.read(column.value, batch.rows)
    data = values.data
    if (
        not isinstance(data, np.ndarray) or values.ends is not None or values.nulls is not None
        or data.ndim != 2 or data.shape[1] != len(vector) or data.dtype not in _FLOATS
    ):  # fmt: skip
        return None
    vector = vector.astype(data.dtype)
    length = float(np.sqrt(np.dot(vector, vector)))
    products, lengths = _products(values, data, vector)
    scale = lengths * data.dtype.type(length)
    with np.errstate(all="ignore"):
        return Dense(np.where(scale == 0, 0, products / np.where(scale == 0, 1, scale)))


_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def _products(values: Values, data: np.ndarray, vector: np.ndarray) -> tuple[np.ndarray, Any]:
    memo = values.memo
    key = ("lengths", values.offset, len(data))
    lengths = None if memo is None else memo.get(key)
    # Not data @ vector: BLAS would share each product out among threads of its own, and this runs in
    # several threads already.
    if lengths is not None:
        return np.vecdot(data, vector), lengths
    n = len(data)
    products, squares = np.empty(n, data.dtype), np.empty(n, data.dtype)
    step = max(1, BLOCK // max(data.itemsize * data.shape[1], 1))
    for start in range(0, n, step):
        part = data[start : start + step]
        products[start : start + step] = np.vecdot(part, vector)
        squares[start : start + step] = np.vecdot(part, part)
    lengths = np.sqrt(squares)
    if memo is not None:
        memo[key] = lengths
    return products, lengths


__all__ = ["cosine"]
