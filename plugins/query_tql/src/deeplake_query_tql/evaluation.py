"""Evaluates expressions on batches of rows, each operator on all rows at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from deeplake.spi import Columns, QueryEnvironment
from deeplake_query_tql.arithmetic import calculated, negative
from deeplake_query_tql.casting import cast
from deeplake_query_tql.comparison import (
    among,
    compare,
    compare_rows,
    like,
    logic,
    shapes_of,
    truth,
)
from deeplake_query_tql.containment import contains, contains_any, contains_tag
from deeplake_query_tql.conversion import of_list, of_values, scalars
from deeplake_query_tql.expression import COMPARISONS, TEXT, Expr, kind_of
from deeplake_query_tql.functions import FUNCTIONS
from deeplake_query_tql.subscripts import subscripted
from deeplake_query_tql.vector import (
    Const,
    Dense,
    Objects,
    Ragged,
    Vec,
    concatenate,
    expand,
    items,
    take,
)


class Batch:
    """Rows that an expression is evaluated on.

    Args:
        columns: Whose rows.
        rows: Consecutive row numbers, or any.
        n: How many.
        environment: Random numbers.
        positions: ``int64[n]``: numbers that ROW_NUMBER gives; None: counted from 0.
        held: Values of aggregates, by expression.
    """

    __slots__ = (
        "_near",
        "_of",
        "_read",
        "columns",
        "environment",
        "held",
        "n",
        "positions",
        "rows",
    )

    def __init__(
        self,
        columns: Columns,
        rows: slice | np.ndarray,
        n: int,
        environment: QueryEnvironment,
        positions: np.ndarray | None = None,
        held: Mapping[int, Vec] | None = None,
    ) -> None:
        self.columns = columns
        self.rows = rows
        self.n = n
        self.environment = environment
        self.positions = positions
        self.held = held or {}
        self._read: dict[str, Vec] = {}
        self._of: tuple[Batch, np.ndarray] | None = None
        self._near = False

    def column(self, name: str) -> Vec:
        """The values of a column."""
        found = self._read.get(name)
        if found is None and self._of is not None:
            whole, places = self._of
            if self._near or name in whole._read:
                found = self._read[name] = take(whole.column(name), places)
        if found is None:
            text = kind_of(self.columns.schema[name]) == TEXT
            found = of_values(self.columns.read(name, self.rows), text=text)
            self._read[name] = found
        return found

    def narrowed(self, places: np.ndarray, *, near: bool = False) -> Batch:
        """Some of the rows.

        Args:
            places: Which.
            near: Columns are read as a whole, which costs less than to read some of their rows.
        """
        mine = self.rows
        rows = places + (mine.start or 0) if isinstance(mine, slice) else mine[places]
        numbers = places if self.positions is None else self.positions[places]
        held = {key: take(vec, places) for key, vec in self.held.items()}
        narrow = Batch(self.columns, rows, len(places), self.environment, numbers, held)
        narrow._of, narrow._near = (self, places), near
        return narrow


def evaluate(expr: Expr, batch: Batch) -> Vec:
    """The values of an expression."""
    op = expr.op
    if op == "const":
        return Const(expr.value, batch.n)
    if op == "column":
        return batch.column(expr.value)
    if op in COMPARISONS:
        left, right = (evaluate(arg, batch) for arg in expr.args)
        return compare(op, left, right)
    return _EVALUATE[op](expr, batch)


def condition(expr: Expr, batch: Batch) -> Dense:
    """Whether an expression is true of each row: ``data`` is False where it is not valid."""
    op = expr.op
    if op in ("and", "or"):
        return logic(op, [condition(arg, batch) for arg in expr.args])
    if op == "not":
        found = condition(expr.args[0], batch)
        data = ~found.data
        return Dense(data if found.valid is None else data & found.valid, found.valid)
    if op in COMPARISONS:
        left, right = (evaluate(arg, batch) for arg in expr.args)
        return compare_rows(op, left, right)
    return truth(evaluate(expr, batch))


# --------------------------------------------------------------------------- operators
def _between(expr: Expr, batch: Batch) -> Vec:
    of, low, high = (evaluate(arg, batch) for arg in expr.args)
    return logic("and", [compare_rows(">=", of, low), compare_rows("<=", of, high)])


def _in(expr: Expr, batch: Batch) -> Vec:
    return among(evaluate(expr.args[0], batch), expr.value)


def _like(expr: Expr, batch: Batch) -> Vec:
    return like(evaluate(expr.args[0], batch), expr.value, ignore_case=expr.op == "ilike")


def _is_null(expr: Expr, batch: Batch) -> Vec:
    vec = evaluate(expr.args[0], batch)
    return Dense(np.zeros(vec.n, bool) if vec.valid is None else ~vec.valid)


def _chain(expr: Expr, batch: Batch) -> Vec:
    vec = evaluate(expr.args[0], batch)
    for symbol, arg in zip(expr.value, expr.args[1:], strict=True):
        vec = calculated(symbol, vec, evaluate(arg, batch))
    return vec


def _negative(expr: Expr, batch: Batch) -> Vec:
    return negative(evaluate(expr.args[0], batch))


def _case(expr: Expr, batch: Batch) -> Vec:
    """The value behind the first test that is true; of CASE x, behind the first that x equals."""
    subject, *pairs, default = expr.args if expr.value else (None, *expr.args)
    assert default is not None
    of = None if subject is None else evaluate(subject, batch)
    left = np.ones(batch.n, bool)
    chosen: list[tuple[np.ndarray, Vec]] = []
    for test, value in zip(pairs[::2], pairs[1::2], strict=True):
        assert test is not None
        assert value is not None
        true = (
            condition(test, batch) if of is None else compare_rows("=", of, evaluate(test, batch))
        )
        hits = true.data & left
        left &= ~hits
        places = np.flatnonzero(hits)
        if len(places):
            chosen.append((places, evaluate(value, batch.narrowed(places))))
    rest = np.flatnonzero(left)
    if len(rest) or not chosen:
        chosen.append((rest, evaluate(default, batch.narrowed(rest))))
    order = np.concatenate([places for places, _ in chosen])
    place = np.empty(batch.n, np.int64)
    place[order] = np.arange(batch.n)
    return take(concatenate([_plain(vec) for _, vec in chosen]), place)


def _plain(vec: Vec) -> Vec:
    """One number a row without axes, so that those of several sources fit together."""
    vec = expand(vec)
    if isinstance(vec, Dense) and vec.data.ndim > 1 and vec.data.size == vec.n:
        return Dense(vec.data.reshape(vec.n), vec.valid)
    return vec


def _cast(expr: Expr, batch: Batch) -> Vec:
    return cast(evaluate(expr.args[0], batch), expr.value)


def _contains(expr: Expr, batch: Batch) -> Vec:
    of, wanted = (evaluate(arg, batch) for arg in expr.args)
    return contains(of, wanted)


def _contains_tag(expr: Expr, batch: Batch) -> Vec:
    return contains_tag(evaluate(expr.args[0], batch), expr.args[1].value)


def _contains_any(expr: Expr, batch: Batch) -> Vec:
    return contains_any(evaluate(expr.args[0], batch), expr.value)


# --------------------------------------------------------------------------- functions of rows
def _call(expr: Expr, batch: Batch) -> Vec:
    if expr.value == "COSINE_SIMILARITY":
        from deeplake_query_tql.similarity import cosine

        found = cosine(expr, batch, evaluate)
        if found is not None:
            return found
    function = FUNCTIONS[expr.value]
    return function.evaluate(*(evaluate(arg, batch) for arg in expr.args))


def _aggregate(expr: Expr, batch: Batch) -> Vec:
    return batch.held[id(expr)]


def _subscript(expr: Expr, batch: Batch) -> Vec:
    return subscripted(evaluate(expr.args[0], batch), expr.value)


def _data(expr: Expr, batch: Batch) -> Vec:
    columns = batch.columns
    rows = columns.rows
    at = expr.value + len(rows) if expr.value < 0 else expr.value
    if not 0 <= at < len(rows):
        return Const(None, batch.n)
    name = expr.args[0].value
    row = np.array([rows[at]], np.int64)
    text = kind_of(columns.schema[name]) == TEXT
    (value,) = items(of_values(columns.read(name, row), text=text))
    return Const(value, batch.n)


def _row_number(expr: Expr, batch: Batch) -> Vec:
    return Dense(np.arange(batch.n) if batch.positions is None else batch.positions)


def _random(expr: Expr, batch: Batch) -> Vec:
    return Dense(batch.environment.generator().random(batch.n))


def _shape(expr: Expr, batch: Batch) -> Vec:
    of = expr.args[0]
    if of.op == "column":
        valid = None
        if batch.columns.schema[of.value].dtype not in ("str", "json"):
            shapes = batch.columns.shapes(of.value, batch.rows)
            return Dense(shapes, valid)
    vec = expand(evaluate(of, batch))
    if isinstance(vec, (Dense, Ragged)):
        return Dense(shapes_of(vec), vec.valid)
    found = [None if x is None else np.array(_shape_of(x)) for x in items(vec)]
    return of_list(found)


def _shape_of(x: Any) -> tuple[int, ...]:
    try:
        return np.shape(x) or (1,)
    except ValueError:  # parts of several shapes
        return (len(x),)


def _sample_info(expr: Expr, batch: Batch) -> Vec:
    return Objects(batch.columns.sample_info(expr.args[0].value, batch.rows))


def _weight(expr: Expr, batch: Batch) -> Vec:
    """MAX_WEIGHT and SUM_WEIGHT: of the weights whose conditions are true; 0 if none is."""
    total = np.zeros(batch.n)
    for test, weight in zip(expr.args[::2], expr.args[1::2], strict=True):
        found = scalars(evaluate(weight, batch))
        if found is None:
            continue
        true = condition(test, batch).data
        if found.valid is not None:
            true = true & found.valid
        values = np.where(true, found.data, 0)
        total = np.maximum(total, values) if expr.value == "MAX_WEIGHT" else total + values
    return Dense(total)


_EVALUATE: Final[Mapping[str, Callable[[Expr, Batch], Vec]]] = {
    "and": condition, "or": condition, "not": condition, "between": _between, "in": _in,
    "like": _like, "ilike": _like, "is null": _is_null, "chain": _chain, "negative": _negative,
    "case": _case, "cast": _cast, "contains": _contains, "contains tag": _contains_tag,
    "contains any": _contains_any, "call": _call, "aggregate": _aggregate, "subscript": _subscript,
    "data": _data, "row_number": _row_number, "random": _random, "shape": _shape,
    "sample_info": _sample_info, "weight": _weight,
}  # fmt: skip

__all__ = ["Batch", "condition", "evaluate"]
