"""Evaluates expressions on batches of rows, each operator on all rows at once."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fnmatch import translate
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deeplake.spi import Columns, QueryEnvironment
from deeplake_query_tql.expression import COMPARISONS, TEXT, Expr, kind_of
from deeplake_query_tql.functions import FUNCTIONS, sample_all
from deeplake_query_tql.search import contains
from deeplake_query_tql.subscripts import subscripted
from deeplake_query_tql.vector import (
    Const,
    Dense,
    Mask,
    Objects,
    Ragged,
    Text,
    Vec,
    both,
    expand,
    items,
    map1,
    map2,
    numbers,
    of_list,
    of_values,
    scalars,
    strings,
    take,
)

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

    __slots__ = ("_read", "columns", "environment", "held", "n", "positions", "rows")

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

    def column(self, name: str) -> Vec:
        """The values of a column."""
        found = self._read.get(name)
        if found is None:
            text = kind_of(self.columns.schema[name]) == TEXT
            found = of_values(self.columns.read(name, self.rows), text=text)
            self._read[name] = found
        return found

    def narrowed(self, places: np.ndarray) -> Batch:
        """Some of the rows."""
        mine = self.rows
        rows = places + (mine.start or 0) if isinstance(mine, slice) else mine[places]
        numbers = places if self.positions is None else self.positions[places]
        narrow = Batch(self.columns, rows, len(places), self.environment, numbers, self.held)
        narrow._read = {name: take(vec, places) for name, vec in self._read.items()}
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
        return _logic(op, [condition(arg, batch) for arg in expr.args])
    if op == "not":
        found = condition(expr.args[0], batch)
        data = ~found.data
        return Dense(data if found.valid is None else data & found.valid, found.valid)
    if op in COMPARISONS:
        left, right = (evaluate(arg, batch) for arg in expr.args)
        return compare_rows(op, left, right)
    return truth(evaluate(expr, batch))


def _logic(op: str, parts: list[Dense]) -> Dense:
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
    return map2(_OPERATORS[op], a, b)


def compare_rows(op: str, a: Vec, b: Vec) -> Dense:
    """One truth value a row: arrays are equal if their shapes and all their elements are."""
    if _textual(a, b):
        return truth(_compare_text(op, a, b))
    if isinstance(a, Objects) and isinstance(b, Objects):
        return truth(_compare_objects(op, a, b))
    a, b = numbers(a), numbers(b)
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
    left, right = _shapes(a), _shapes(b)
    if left.shape[1] != right.shape[1]:
        return np.zeros(a.n, bool)
    return np.asarray((left == right).all(axis=1))


def _shapes(vec: Vec) -> np.ndarray:
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
    return _arrow_bool(pc.call_function(_ARROW[op], [left.array, right]))


def _arrow_bool(found: Any) -> Dense:
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
        alike = isinstance(x, str) == isinstance(y, str)
        plain = all(isinstance(v, (str, int, float)) for v in (x, y))
        if op in ("=", "!=") or (alike and plain):
            found = function(x, y)
            data[i] = bool(np.all(found))
            known[i] = True
    return Dense(data, both(both(a.valid, b.valid), known))


# --------------------------------------------------------------------------- operators
def _between(expr: Expr, batch: Batch) -> Vec:
    of, low, high = (evaluate(arg, batch) for arg in expr.args)
    return _logic("and", [compare_rows(">=", of, low), compare_rows("<=", of, high)])


def _in(expr: Expr, batch: Batch) -> Vec:
    of = evaluate(expr.args[0], batch)
    return _among(of, expr.value)


def _among(of: Vec, choices: Any) -> Vec:
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
                also = truth(_among(of, rest))
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


def _like(expr: Expr, batch: Batch) -> Vec:
    found = strings(expand(evaluate(expr.args[0], batch)))
    if not isinstance(found, Text):
        return Const(None, batch.n)
    return _arrow_bool(pc.match_like(found.array, expr.value, ignore_case=expr.op == "ilike"))


def _is_null(expr: Expr, batch: Batch) -> Vec:
    vec = evaluate(expr.args[0], batch)
    return Dense(np.zeros(vec.n, bool) if vec.valid is None else ~vec.valid)


def _chain(expr: Expr, batch: Batch) -> Vec:
    vec = evaluate(expr.args[0], batch)
    for symbol, arg in zip(expr.value, expr.args[1:], strict=True):
        other = evaluate(arg, batch)
        vec = map2(_ARITHMETIC[symbol], vec, other)
        if symbol == "%" and isinstance(vec, Dense):
            vec = _without_zero(vec, other)
    return vec


def _without_zero(vec: Dense, divisor: Vec) -> Vec:
    """The remainder of a division of integers by 0 is no number."""
    if vec.data.dtype.kind not in "iu":
        return vec
    zero = truth(divisor)
    known = np.ones(vec.n, bool) if zero.valid is None else zero.valid
    return vec if zero.data.all() else Dense(vec.data, both(vec.valid, zero.data | ~known))


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


def _negative(expr: Expr, batch: Batch) -> Vec:
    return map1(lambda d: np.negative(np.asarray(_wide(d))), evaluate(expr.args[0], batch))


def _case(expr: Expr, batch: Batch) -> Vec:
    *pairs, default = expr.args
    left = np.ones(batch.n, bool)
    chosen: list[tuple[np.ndarray, Vec]] = []
    for test, value in zip(pairs[::2], pairs[1::2], strict=True):
        hits = condition(test, batch).data & left
        left &= ~hits
        places = np.flatnonzero(hits)
        if len(places):
            chosen.append((places, evaluate(value, batch.narrowed(places))))
    rest = np.flatnonzero(left)
    if len(rest) or not chosen:
        chosen.append((rest, evaluate(default, batch.narrowed(rest))))
    from deeplake_query_tql.vector import concatenate

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
    vec = expand(evaluate(expr.args[0], batch))
    dtype = expr.value
    if dtype == "text":
        return _as_text(vec)
    if isinstance(vec, (Text, Objects)):
        texts = strings(vec)
        parsed = _parsed(texts) if isinstance(texts, Text) else None
        if isinstance(vec, Text):
            assert parsed is not None
            vec = parsed
        else:
            vec = numbers(vec)
    if not isinstance(vec, (Dense, Ragged)):
        return Const(None, batch.n)
    target = np.dtype(dtype)
    data = vec.data if isinstance(vec, Dense) else vec.flat
    valid = vec.valid
    if target.kind in "iu" and data.dtype.kind == "f":
        # NaN, and what is beyond the type, is no integer.
        info = np.iinfo(target)
        fits = np.isfinite(data) & (data >= float(info.min)) & (data < float(info.max) + 1)
        data = np.where(fits, np.trunc(data), 0)
        if isinstance(vec, Dense):
            whole = fits.reshape(vec.n, -1).all(axis=1) if vec.n else fits.reshape(0)
            valid = both(valid, whole)
    cast = data != 0 if target.kind == "b" else data.astype(target)
    if isinstance(vec, Dense):
        return Dense(cast, valid)
    return Ragged(cast, vec.ends, vec.shapes, valid)


def _parsed(texts: Text) -> Dense:
    """Numbers that are written as text."""
    found = [_number(x) for x in texts.array.to_pylist()]
    valid = np.array([f is not None for f in found], bool)
    return Dense(np.asarray([0 if f is None else f for f in found]), None if valid.all() else valid)


def _number(text: str | None) -> int | float | None:
    if text is None:
        return None
    try:
        value = int(text) if len(text) < 40 else float(text)
    except ValueError:
        try:
            value = float(text)
        except ValueError:
            return None
    return value if -(2**63) <= value < 2**63 or isinstance(value, float) else float(value)


def _as_text(vec: Vec) -> Vec:
    if isinstance(vec, Text):
        return vec
    found = None if isinstance(vec, Objects) else scalars(vec)
    if found is not None and isinstance(vec, Dense) and vec.data.size == vec.n:
        array = pa.array(found.data, mask=None if found.valid is None else ~found.valid)
        return Text(pc.cast(array, pa.large_utf8()))
    return Text(pa.array([_shown(x) for x in items(vec)], pa.large_utf8()))


def _shown(x: Any) -> str | None:
    if x is None or isinstance(x, str):
        return x
    return str(x.tolist() if isinstance(x, (np.ndarray, np.generic)) else x)


# --------------------------------------------------------------------------- contains
def _contains(expr: Expr, batch: Batch) -> Vec:
    of, wanted = (evaluate(arg, batch) for arg in expr.args)
    if isinstance(wanted, Const) and isinstance(wanted.value, str):
        if isinstance(of, Objects):
            return _contains_text_in(of, wanted.value)
        found = strings(expand(of))
        if not isinstance(found, Text):
            return Const(None, batch.n)
        return Dense(contains(found.array, wanted.value), found.valid)
    if isinstance(of, Text) or isinstance(wanted, Text):
        pairs = zip(items(of), items(wanted), strict=True)
        return of_list_bool([None if a is None or b is None else b in a for a, b in pairs])
    if isinstance(of, Objects):
        pairs = zip(items(of), items(wanted), strict=True)
        return of_list_bool([_holds(a, b) for a, b in pairs])
    return FUNCTIONS["ANY"].evaluate(map2(operator.eq, of, wanted))


def of_list_bool(found: list[bool | None]) -> Dense:
    """Truth values; None: none."""
    valid = np.array([f is not None for f in found], bool)
    return Dense(np.array([bool(f) for f in found], bool), None if valid.all() else valid)


def _holds(a: Any, b: Any) -> bool | None:
    if a is None or b is None:
        return None
    if isinstance(a, (list, tuple, np.ndarray)):
        return bool(np.any([np.array_equal(x, b) for x in a])) if len(a) else False
    return bool(np.array_equal(a, b))


def _contains_text_in(of: Objects, wanted: str) -> Dense:
    """Json values: part of a text, entry of a list, key of an object."""
    found: list[bool | None] = []
    for x in of.items:
        if x is None:
            found.append(None)
        elif isinstance(x, (str, list, tuple, dict)):
            found.append(wanted in x)
        else:
            found.append(False)
    return of_list_bool(found)


def _contains_tag(expr: Expr, batch: Batch) -> Vec:
    import re

    of = evaluate(expr.args[0], batch)
    match = re.compile(translate(expr.args[1].value)).match
    found: list[bool | None] = []
    for x in items(of):
        entries = [x] if isinstance(x, str) else x
        found.append(None if x is None else any(isinstance(t, str) and match(t) for t in entries))
    return of_list_bool(found)


def _contains_any(expr: Expr, batch: Batch) -> Vec:
    of = evaluate(expr.args[0], batch)
    return FUNCTIONS["ANY"].evaluate(map1(lambda d: np.isin(d, expr.value), of))


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
        return Dense(_shapes(vec), vec.valid)
    found = [None if x is None else np.array(np.shape(x) or (1,)) for x in items(vec)]
    return of_list(found)


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

__all__ = ["Batch", "Mask", "compare", "compare_rows", "condition", "evaluate", "truth"]
