"""Columns that a query makes, and tables of them, which further queries are about."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from deeplake.errors import QueryError
from deeplake.spi import Columns, QueryEnvironment, ResultColumn, Taken, Values
from deeplake.types import TensorSchema
from deeplake_query_tql.complaint import evaluated
from deeplake_query_tql.conversion import of_values
from deeplake_query_tql.evaluation import Batch, condition, evaluate
from deeplake_query_tql.expression import BOOL, NUMBER, TEXT, Expr, kind_of
from deeplake_query_tql.subscripts import subscripted
from deeplake_query_tql.vector import (
    Const,
    Dense,
    Objects,
    Ragged,
    Text,
    Vec,
    concatenate,
    expand,
    row_numbers,
    take,
)

PROBE = 64
"""Rows that are looked at to learn what an expression gives."""
HELD_ROWS = 1 << 16
"""Rows of a column that are computed at a time."""

Rows = slice | np.ndarray


class Column(ABC):
    """A column of ``n`` rows.

    Attributes:
        schema: Its schema.
        info: Class names and the like.
        depth: How many computed columns lie on top of each other in it.
    """

    schema: TensorSchema
    info: Mapping[str, Any]
    n: int
    depth: int = 0

    @abstractmethod
    def read(self, rows: Rows) -> Vec:
        """The values of some rows."""

    def taken(self) -> Taken | None:
        """Where the values are stored as they are."""
        return None


class Stored(Column):
    """Samples of a column, as they are; row -1 has no value."""

    def __init__(self, columns: Columns, name: str, rows: range | np.ndarray) -> None:
        self.columns = columns
        self.name = name
        self.rows = rows
        self.n = len(rows)
        self.schema = columns.schema[name]
        self.info = columns.info(name)
        self._text = kind_of(self.schema) == TEXT
        self.depth = depth_of(columns, [name])

    def read(self, rows: Rows) -> Vec:
        wanted = self.rows[rows] if isinstance(rows, slice) else row_numbers(self.rows)[rows]
        if isinstance(wanted, range) and wanted.step == 1:
            values = self.columns.read(self.name, slice(wanted.start, wanted.stop))
        else:
            numbers = np.asarray(wanted, np.int64)
            missing = numbers < 0
            if missing.any():
                numbers = np.where(missing, len(self.columns), numbers)
            values = self.columns.read(self.name, numbers)
        return of_values(values, text=self._text)

    def taken(self) -> Taken | None:
        if isinstance(self.columns, Table):
            inner = self.columns.tables[self.name].taken()
            if inner is None:
                return None
            rows = row_numbers(self.rows)
            return Taken(inner.source, inner.name, np.where(rows < 0, -1, inner.rows[rows]))
        return Taken(self.columns, self.name, row_numbers(self.rows))


class Held(Column):
    """Values that are there."""

    def __init__(
        self, vec: Vec, schema: TensorSchema | None = None, info: Mapping[str, Any] | None = None,
        kind: str = NUMBER,
    ) -> None:  # fmt: skip
        self.vec = expand(vec)
        self.n = vec.n
        self.schema = schema_of(self.vec, kind) if schema is None else schema
        self.info = info or {}

    def read(self, rows: Rows) -> Vec:
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(self.n))
        return take(self.vec, rows)


class Computed(Column):
    """Values of an expression, computed when they are read."""

    def __init__(
        self, expr: Expr, columns: Columns, rows: range | np.ndarray, environment: QueryEnvironment,
        positions: np.ndarray | None = None, entries: Sequence[Any] = (),
    ) -> None:  # fmt: skip
        self.expr = expr
        self.columns = columns
        self.rows = rows
        self.n = len(rows)
        self.environment = environment
        self.positions = positions
        self.entries = tuple(entries)
        self.depth = 1 + depth_of(columns, expr.names)
        self.info = {"class_names": list(expr.labels)} if expr.labels else {}
        probe = self.read(slice(0, min(PROBE, self.n)))
        schema = schema_of(expand(probe), expr.kind)
        dtype = schema.dtype
        if dtype is None and expr.kind in (NUMBER, BOOL):
            dtype = "<f8" if expr.kind == NUMBER else "|b1"
        htype = "class_label" if expr.labels else schema.htype
        self.schema = replace(schema, dtype=dtype, htype=htype)

    def read(self, rows: Rows) -> Vec:
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(self.n)
            wanted: Any = self.rows[start:stop]
            numbers = np.arange(start, stop)
        else:
            wanted, numbers = row_numbers(self.rows)[rows], rows
        if self.positions is not None:
            numbers = self.positions[numbers]
        where: Rows = (
            slice(wanted.start, wanted.stop)
            if isinstance(wanted, range) and wanted.step == 1
            else np.asarray(wanted, np.int64)
        )
        batch = Batch(self.columns, where, len(numbers), self.environment, numbers)
        found = condition(self.expr, batch) if self.expr.kind == BOOL and _logical(self.expr) else (
            evaluate(self.expr, batch)
        )  # fmt: skip
        if self.expr.op == "column" and isinstance(found, Dense) and not found.data.flags.writeable:
            found = Dense(found.data, found.valid)
        return subscripted(found, self.entries) if self.entries else found


def _logical(expr: Expr) -> bool:
    return expr.op in ("and", "or", "not")


class Grouped(Column):
    """Rows that are sequences: ``counts[i]`` items each, one after the other in ``items``."""

    def __init__(self, items: Column, counts: np.ndarray) -> None:
        self.items = items
        self.counts = counts
        self.ends = np.cumsum(counts, dtype=np.int64)
        self.n = len(counts)
        self.schema = replace(items.schema, is_sequence=True)
        self.info = items.info
        self.depth = items.depth

    def read(self, rows: Rows) -> Vec:
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(self.n))
        counts = self.counts[rows]
        stops = np.cumsum(counts)
        starts = self.ends[rows] - counts
        index = np.arange(int(counts.sum())) + np.repeat(starts - (stops - counts), counts)
        return bundled(self.items.read(index), counts)


def bundled(found: Vec, counts: np.ndarray) -> Vec:
    """Runs of values as one value each."""
    found = expand(found)
    stops = np.cumsum(counts, dtype=np.int64)
    if isinstance(found, Dense) and found.valid is None:
        shape = found.data.shape[1:]
        shapes = np.empty((len(counts), 1 + len(shape)), np.int64)
        shapes[:, 0] = counts
        shapes[:, 1:] = shape
        size = int(np.prod(shape, dtype=np.int64))
        return Ragged(np.ascontiguousarray(found.data).reshape(-1), stops * size, shapes)
    from deeplake_query_tql.vector import items as listed

    values = listed(found)
    return Objects(
        [values[b - c : b] for b, c in zip(stops.tolist(), counts.tolist(), strict=True)]
    )


class Chained(Column):
    """Columns one after the other."""

    def __init__(self, parts: Sequence[Column]) -> None:
        self.parts = list(parts)
        self.ends = np.cumsum([part.n for part in parts])
        self.n = int(self.ends[-1])
        self.schema = next((p.schema for p in parts if p.n and p.schema.dtype), parts[0].schema)
        self.info = parts[0].info
        self.depth = max(part.depth for part in parts)
        kinds = {kind_of(p.schema) == TEXT for p in parts if p.n}
        names = {tuple(p.info.get("class_names") or ()) for p in parts if p.n}
        if len(kinds) > 1 or len(names) > 1:
            raise QueryError(
                f"column {self.schema.name!r} holds different kinds of values in the queries that are "
                "put together"
            )

    def read(self, rows: Rows) -> Vec:
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(self.n))
        which = np.searchsorted(self.ends, rows, "right")
        order = np.argsort(which, kind="stable")
        found = []
        for k, part in enumerate(self.parts):
            mine = rows[order[which[order] == k]]
            if len(mine):
                found.append(part.read(mine - (self.ends[k] - part.n)))
        if not found:
            return self.parts[0].read(np.zeros(0, np.int64))
        place = np.empty(len(rows), np.int64)
        place[order] = np.arange(len(rows))
        return take(concatenate([_flat(vec) for vec in found]), place)


def _flat(vec: Vec) -> Vec:
    """One number a row without axes: those of stored labels have one, those of sums have none."""
    vec = expand(vec)
    if isinstance(vec, Dense) and vec.data.ndim == 2 and vec.data.shape[1] == 1:
        return Dense(vec.data.reshape(vec.n), vec.valid)
    return vec


class Table(Columns):
    """Columns that a query made, as a further query sees them.

    Args:
        tables: The columns by name.
        n: Rows.
        qualified: Further names of columns, with that of their table in front: ``a.x``.
    """

    def __init__(
        self, tables: Mapping[str, Column], n: int, qualified: Mapping[str, str] | None = None
    ) -> None:
        self.tables = dict(tables)
        self.qualified = qualified or {}
        self.visible = tuple(tables)
        self.rows = range(n)
        self.schema = {name: column.schema for name, column in self.tables.items()}
        self._n = n

    def __len__(self) -> int:
        return self._n

    def info(self, name: str) -> Mapping[str, Any]:
        return self.tables[name].info

    def read(self, name: str, rows: np.ndarray | slice) -> Values:
        column = self.tables[name]
        if isinstance(rows, slice):
            return to_values(column.read(slice(rows.start or 0, rows.stop)))
        there = rows < self._n
        if there.all():
            return to_values(column.read(rows))
        # Rows beyond the end have no value.
        found = concatenate([column.read(rows[there]), Const(None, int((~there).sum()))])
        order = np.concatenate([np.flatnonzero(there), np.flatnonzero(~there)])
        place = np.empty(len(rows), np.int64)
        place[order] = np.arange(len(rows))
        return to_values(take(found, place))

    def shapes(self, name: str, rows: np.ndarray | slice) -> np.ndarray:
        values = self.read(name, rows)
        if values.shapes is not None:
            return values.shapes
        if values.ends is not None:
            return np.ones((len(values), 1), np.int64)
        if isinstance(values.data, np.ndarray):
            shape = values.data.shape[1:]
            return np.tile(np.array(shape, np.int64), (len(values), 1)).reshape(-1, len(shape))
        listed = [np.shape(x) for x in values.data]
        ndim = max(map(len, listed), default=0)
        return np.array([s if len(s) == ndim else (0,) * ndim for s in listed]).reshape(-1, ndim)

    def sample_info(self, name: str, rows: np.ndarray | slice) -> list[Any]:
        raise QueryError(f"SAMPLE_INFO is about stored tensors, and {name!r} is computed")

    def pieces(self, name: str) -> Mapping[str, np.ndarray]:
        n = np.array([self._n], np.int64)
        zero = np.zeros(1)
        return {
            "start": np.zeros(1, np.int64), "count": n, "null_count": n, "min": zero, "max": zero,
            "valid": np.zeros(1, bool), "domain": np.zeros(1, np.uint64),
            "nbytes": np.zeros(1, np.int64),
        }  # fmt: skip


def depth_of(columns: Columns, names: Sequence[str]) -> int:
    """How many computed columns lie on top of each other in some columns."""
    if not isinstance(columns, Table):
        return 0
    return max((columns.tables[name].depth for name in names), default=0)


def held(column: Column) -> Column:
    """A column with its values, computed now."""
    if isinstance(column, Grouped):
        return Grouped(held(column.items), column.counts)
    step = range(0, max(column.n, 1), HELD_ROWS)
    parts = [column.read(slice(a, min(a + HELD_ROWS, column.n))) for a in step]
    return Held(concatenate(parts), column.schema, column.info)


# --------------------------------------------------------------------------- to the kernel
def schema_of(vec: Vec, kind: str = NUMBER) -> TensorSchema:
    """The schema of a column of such values."""
    if isinstance(vec, Text) or (isinstance(vec, Objects) and kind == TEXT):
        return TensorSchema("", "", "text", "str", 1)
    if isinstance(vec, Dense):
        if vec.valid is not None and not vec.valid.any() and kind == "any":
            return TensorSchema("", "", "generic", None, None)
        return TensorSchema("", "", "generic", vec.data.dtype.str, vec.data.ndim - 1)
    if isinstance(vec, Ragged):
        return TensorSchema("", "", "generic", vec.flat.dtype.str, vec.shapes.shape[1])
    assert isinstance(vec, Objects)
    there = [x for x in vec.items if x is not None]
    if not there and kind in (NUMBER, BOOL, "any"):
        return TensorSchema("", "", "generic", None, None)
    if there and all(isinstance(x, str) for x in there):
        return TensorSchema("", "", "text", "str", 1)
    if there and all(isinstance(x, np.ndarray) for x in there):
        return TensorSchema("", "", "generic", there[0].dtype.str, there[0].ndim)
    scalar = [x for x in there if isinstance(x, (bool, int, float, np.number, np.bool_))]
    if there and len(scalar) == len(there):
        return TensorSchema("", "", "generic", np.asarray(scalar).dtype.str, 0)
    return TensorSchema("", "", "json", "json", 1)


def to_values(vec: Vec) -> Values:
    """A vector as the kernel takes it."""
    vec = expand(vec)
    nulls = None if vec.valid is None else ~vec.valid
    if isinstance(vec, Dense):
        return Values(vec.data, nulls=nulls)
    if isinstance(vec, Ragged):
        return Values(vec.flat, vec.ends, vec.shapes, nulls)
    if isinstance(vec, Text):
        return _text_values(vec, nulls)
    assert isinstance(vec, Objects)
    return Values(list(vec.items), nulls=nulls)


def _text_values(vec: Text, nulls: np.ndarray | None) -> Values:
    import pyarrow as pa

    array = vec.array
    if not pa.types.is_large_string(array.type):
        array = array.cast(pa.large_utf8())
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    raw = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    if not len(array):
        return Values(raw, np.zeros(0, np.int64), None, None)
    return Values(raw, ends[1:], None, nulls, int(ends[0]))


def result_column(name: str, column: Column) -> ResultColumn:
    """A column as the kernel takes it."""
    counts = None
    inner = column
    if isinstance(column, Grouped):
        counts, inner = column.counts, column.items
    schema = replace(column.schema, name=name)

    def read(start: int, stop: int) -> Values:
        with evaluated():
            return to_values(inner.read(slice(start, stop)))

    return ResultColumn(schema, column.info, read, inner.taken(), counts)


__all__ = [
    "Chained", "Column", "Computed", "Grouped", "Held", "Stored", "Table", "bundled",
    "depth_of", "held", "result_column", "schema_of", "to_values",
]  # fmt: skip
