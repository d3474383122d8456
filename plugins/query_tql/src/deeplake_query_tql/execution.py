"""Runs queries: which rows, in what order, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deeplake.errors import WeightsError
from deeplake.spi import Columns, QueryEnvironment, QueryResult
from deeplake_query_tql.complaint import Complaint
from deeplake_query_tql.expression import Binder, Expr
from deeplake_query_tql.functions import ALWAYS_AGGREGATE
from deeplake_query_tql.grouping import GroupedSelect, regrouped
from deeplake_query_tql.joining import joined
from deeplake_query_tql.ordering import Groups, comparable, order
from deeplake_query_tql.scan import Scan, values, volatile
from deeplake_query_tql.tables import (
    Chained,
    Column,
    Computed,
    Grouped,
    Held,
    Stored,
    Table,
    result_column,
)
from deeplake_query_tql.tree import Item, Node, Query, Sample, Select, Source, Tail
from deeplake_query_tql.vector import Dense, Text, row_numbers, scalars

Parameters = Sequence[Any] | Mapping[str, Any]
ARRAYS = "Can't convert array to scalar in ORDER/SAMPLE/GROUP expressions."


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a query gives.

    Attributes:
        columns: The table that it is about.
        rows: Rows of it.
        outputs: New columns by name; None: those of the table.
        names: The columns of the table that were asked for by name; None: all.
    """

    columns: Columns
    rows: range | np.ndarray
    outputs: Mapping[str, Column] | None = None
    names: tuple[str, ...] | None = None

    @property
    def n(self) -> int:
        """Rows."""
        if self.outputs is None:
            return len(self.rows)
        return next((column.n for column in self.outputs.values()), 0)

    def listed(self) -> dict[str, Column]:
        """Its columns."""
        if self.outputs is not None:
            return dict(self.outputs)
        names = self.columns.visible if self.names is None else self.names
        return {name: stored(self.columns, name, self.rows) for name in names}

    def relation(self) -> tuple[Columns, range | np.ndarray]:
        """It as the table and rows that a further query is about."""
        if self.outputs is None and self.names is None:
            return self.columns, self.rows
        return Table(self.listed(), self.n), range(self.n)

    def picked(self, places: np.ndarray) -> Outcome:
        """Some of its rows."""
        if self.outputs is None:
            return replace(self, rows=row_numbers(self.rows)[places])
        table = Table(self.outputs, self.n)
        outputs = {name: stored(table, name, places) for name in self.outputs}
        return Outcome(self.columns, places, outputs)


def stored(columns: Columns, name: str, rows: range | np.ndarray) -> Column:
    """Some rows of a column; sequences stay such."""
    column = columns.tables[name] if isinstance(columns, Table) else None
    if isinstance(column, Grouped):
        numbers = row_numbers(rows)
        counts = column.counts[numbers]
        starts = column.ends[numbers] - counts
        stops = np.cumsum(counts)
        index = np.arange(int(counts.sum())) + np.repeat(starts - (stops - counts), counts)
        inner = Table({name: column.items}, column.items.n)
        return Grouped(Stored(inner, name, index), counts)
    return Stored(columns, name, rows)


class Execution:
    """One run of one query.

    Args:
        text: The query.
        parameters: What placeholders stand for.
        environment: What the kernel does for it.
        columns: What it is about if it does not say; None: it has to.
    """

    def __init__(
        self, text: str, parameters: Parameters, environment: QueryEnvironment,
        columns: Columns | None,
    ) -> None:  # fmt: skip
        self.complaint = Complaint(text)
        self.parameters = parameters
        self.environment = environment
        self.columns = columns
        self.scans: list[Scan] = []
        self.steps: list[str] = []

    # ---- queries
    def query(self, query: Query) -> Outcome:
        """What a query gives."""
        if query.select is not None:
            return self._select(query.select, query.tail)
        assert query.left is not None
        assert query.right is not None
        left, right = self.query(query.left), self.query(query.right)
        outcome = self._together(query, left, right)
        return self._tailed(outcome, query.tail) if query.tail else outcome

    def _together(self, query: Query, left: Outcome, right: Outcome) -> Outcome:
        op = query.op
        self.steps.append(op.upper())
        plain = all(o.outputs is None and o.names is None for o in (left, right))
        if plain and _same_table(left.columns, right.columns):
            first = row_numbers(left.rows)
            second = row_numbers(right.rows)
            if op == "union all":
                return Outcome(left.columns, np.concatenate([first, second]))
            if op == "union":
                return Outcome(left.columns, _unique(np.concatenate([first, second])))
            inside = np.isin(first, second)
            return Outcome(left.columns, _unique(first[inside if op == "intersect" else ~inside]))
        if op not in ("union", "union all"):
            raise self.complaint.at(
                query.right.pos if query.right else 0,
                f"{op.upper()} of two independent datasets is not possible: it compares row numbers, "
                "and these are of two tables, or of new columns",
            )
        one, two = left.listed(), right.listed()
        if set(one) != set(two):
            different = ", ".join(sorted(set(one) ^ set(two)))
            raise self.complaint.at(
                query.right.pos if query.right else 0,
                f"UNION puts columns of the same names together; only one side has {different}",
            )
        outputs = {name: _chained(one[name], two[name]) for name in one}
        return Outcome(left.columns, range(0), outputs)

    def _tailed(self, outcome: Outcome, tail: Tail) -> Outcome:
        columns, rows = outcome.relation()
        binder = self._binder(columns)
        places = self._tail(binder, tail, columns, rows)
        if outcome.outputs is None:
            return replace(outcome, rows=row_numbers(outcome.rows)[places])
        return outcome.picked(places)

    def _binder(self, columns: Columns, **options: Any) -> Binder:
        return Binder(self.complaint, columns, self.parameters, **options)

    # ---- sources
    def _source(self, source: Source | None, pos: int) -> tuple[Columns, Any, str | None]:
        if source is None:
            if self.columns is None:
                raise self.complaint.at(pos, 'the query names no dataset: add FROM "path"')
            return self.columns, self.columns.rows, None
        if source.query is not None:
            outcome = self.query(source.query)
            self.steps.append("FROM (…)")
            return (*outcome.relation(), source.alias)
        if source.joined is not None:
            left, right = (self._source(part, pos) for part in source.joined)
            table = joined(self, left, right, source, pos)
            self.steps.append(f"JOIN USING ({', '.join(source.using)}): {len(table)} rows")
            return table, table.rows, None
        assert source.path is not None
        if self.columns is not None:
            return (
                self.columns,
                self.columns.rows,
                source.alias,
            )  # a query of one dataset is about it
        path = source.path
        value = path.value
        if path.op == "parameter":
            value = self._path_binder().parameter(path)
        if not isinstance(value, (str, bytes)) and not hasattr(value, "__fspath__"):
            raise self.complaint.at(path.pos, "FROM takes a path")
        columns = self.environment.open(str(value))
        return columns, columns.rows, source.alias

    def _path_binder(self) -> Binder:
        return self._binder(Table({}, 0))

    # ---- one select
    def _select(self, select: Select, tail: Tail) -> Outcome:
        columns, rows, alias = self._source(select.source, select.pos)
        binder = self._binder(columns, prefix=alias)
        grouped = bool(select.group) or any(_aggregates(item) for item in select.items)
        where = None if select.where is None else binder.bind(select.where)
        early = None
        plain = not (grouped or select.expand or select.ungroup or select.distinct)
        if plain and not tail.order and tail.sample is None:
            limit, offset = self._limits(binder, tail, None)
            early = None if limit is None else limit + offset
        # Names and types of everything are checked before anything is read.
        items = None if grouped else self._items(binder, select)
        scan = Scan.of(where, columns, rows)
        if where is not None:
            self.scans.append(scan)
        if where is None and early is None:
            kept: Any = rows
        else:
            places = scan.run(self.environment, early)
            kept = _rows_at(rows, places)
        if grouped:
            return GroupedSelect(self, select, tail, columns, kept, alias).run()
        assert items is not None
        if select.ungroup is not None:
            return self._ungrouped(select, tail, columns, kept, binder)
        aliases = {name: expr for name, expr in items if name is not None and expr is not None}
        ordering = self._binder(columns, prefix=alias, aliases=aliases)
        if select.distinct:
            kept = self._distinct(select, columns, kept, items)
        if tail:
            places = self._tail(ordering, tail, columns, kept)
            kept = _rows_at(kept, places)
        if select.expand is not None:
            return self._expanded(select, columns, rows, kept, binder)
        return self._projected(select, columns, kept, items, binder)

    def _ungrouped(
        self, select: Select, tail: Tail, columns: Columns, rows: Any, binder: Binder
    ) -> Outcome:
        assert select.ungroup is not None
        given = {name: stored(columns, name, rows) for name in columns.visible}
        outputs = regrouped(select.ungroup, given, binder, select.pos)
        outcome = Outcome(columns, rows, outputs)
        self.steps.append("UNGROUP BY")
        return self._tailed(outcome, tail) if tail else outcome

    # ---- items
    def _items(self, binder: Binder, select: Select) -> list[tuple[str | None, Expr | None]]:
        """Name and expression of each entry of the SELECT list; no name stands for all columns."""
        found: list[tuple[str | None, Expr | None]] = []
        for item in select.items:
            if item.node is None:
                found.append((None, None))
                continue
            expr = binder.bind(item.node)
            found.append((item.alias, expr))
        names = [
            expr.value for name, expr in found if expr is not None and name is None
            and expr.op == "column"
        ]  # fmt: skip
        named = [
            (name if expr is None else name or self.output_name(item, expr, names), expr)
            for item, (name, expr) in zip(select.items, found, strict=True)
        ]
        self.check_names(select, named, binder.columns)
        return named

    def output_name(self, item: Item, expr: Expr, plain: Sequence[str]) -> str:
        """The name of a column without an alias: that of the one tensor in it."""
        node = item.node
        assert node is not None
        if expr.op == "column":
            return str(expr.value)
        if expr.op == "aggregate":
            return str(node.value).lower()
        called = node.op == "call"
        if called and plain:
            raise self.complaint.at(
                node.pos, f"{node.value}(…) needs a name beside tensors: {node.value}(…) AS name",
                node.end,
            )  # fmt: skip
        names = expr.names
        if len(names) == 1:
            return names[0]
        if called:
            return str(node.value).lower()
        raise self.complaint.at(
            node.pos, "the expression needs a name: … AS name", max(node.end, node.pos + 1)
        )

    def check_names(
        self, select: Select, named: Sequence[tuple[str | None, Expr | None]], columns: Columns
    ) -> None:
        """Raise ``QueryError`` if two columns have one name."""
        seen: set[str] = set()
        for item, (name, _) in zip(select.items, named, strict=True):
            for one in columns.visible if name is None else [name]:
                if one in seen:
                    pos = select.pos if item.node is None else item.node.pos
                    raise self.complaint.at(
                        pos, f"Multiple expressions have the name {one!r}: give them names of their "
                        "own with AS"
                    )  # fmt: skip
                seen.add(one)

    def _projected(
        self, select: Select, columns: Columns, rows: Any,
        items: Sequence[tuple[str | None, Expr | None]], binder: Binder,
    ) -> Outcome:  # fmt: skip
        if len(items) == 1 and items[0][0] is None and not select.items[0].subscript:
            return Outcome(columns, rows)
        if all(
            (expr is None and not item.subscript)
            or (expr and expr.op == "column" and expr.value == n)
            for item, (n, expr) in zip(select.items, items, strict=True)
        ):
            names = [
                one for name, _ in items for one in (columns.visible if name is None else [name])
            ]
            return Outcome(columns, rows, None, tuple(names))
        return Outcome(columns, rows, self.outputs(select, columns, rows, items, binder))

    def outputs(
        self, select: Select, columns: Columns, rows: Any,
        items: Sequence[tuple[str | None, Expr | None]], binder: Binder,
    ) -> dict[str, Column]:  # fmt: skip
        """The columns of a SELECT list."""
        found: dict[str, Column] = {}
        for item, (name, expr) in zip(select.items, items, strict=True):
            if expr is None:
                entries = binder.entries(item.subscript)
                for one in columns.visible:
                    found[one] = self._whole(columns, one, rows, entries)
            else:
                assert name is not None
                found[name] = self.computed(expr, columns, rows)
        return found

    def _whole(self, columns: Columns, name: str, rows: Any, entries: Sequence[Any]) -> Column:
        schema = columns.schema[name]
        axes = schema.row_ndim
        if not entries or schema.dtype in ("str", "json") or axes < len(entries):
            return stored(columns, name, rows)
        column = Expr("column", (), name)
        return Computed(column, columns, rows, self.environment, entries=entries)

    def computed(self, expr: Expr, columns: Columns, rows: Any) -> Column:
        """The values of an expression as a column."""
        if expr.op == "column":
            return stored(columns, expr.value, rows)
        column = Computed(expr, columns, rows, self.environment)
        if volatile(expr):
            return Held(column.read(slice(0, column.n)), column.schema, column.info)
        return column

    # ---- steps
    def scalar_keys(
        self, keys: Sequence[tuple[Node, Expr]], columns: Columns, rows: Any
    ) -> list[Dense | Text]:
        """One value a row of each key; rows are read once."""
        found = []
        for node, key in keys:
            vec = comparable(
                values(key, columns, rows, self.environment, shrink=self._shrunk(node))
            )
            if vec is None:
                raise self.complaint.at(node.pos, ARRAYS, node.end)
            found.append(vec)
        return found

    def _shrunk(self, node: Node) -> Any:
        def shrink(vec: Any) -> Any:
            found = comparable(vec)
            if found is None:
                raise self.complaint.at(node.pos, ARRAYS, node.end)
            return found

        return shrink

    def _tail(self, binder: Binder, tail: Tail, columns: Columns, rows: Any) -> np.ndarray:
        """Positions in ``rows`` that are left, in order."""
        n = len(rows)
        if tail.sample is not None:
            return self._sampled(binder, tail, columns, rows)
        limit, offset = self._limits(binder, tail, n)
        places: np.ndarray
        wanted = None if limit is None else limit + offset
        if tail.order:
            keys = [(node, binder.bind(node)) for node, _ in tail.order]
            found = self.scalar_keys(keys, columns, rows)
            self.steps.append(
                f"ORDER BY of {n} rows" + ("" if wanted is None else f", the first {wanted}")
            )
            places = order(found, [down for _, down in tail.order], wanted)
        else:
            places = np.arange(n)
        return places[offset:wanted]

    def _limits(self, binder: Binder, tail: Tail, n: int | None) -> tuple[int | None, int]:
        """How many rows are wanted, and how many are left out before them.

        Args:
            binder: Knows the parameters.
            tail: The clauses.
            n: Rows that there are; None: not known yet.
        """
        offset = 0
        if tail.offset is not None:
            offset = binder.integer(tail.offset, "OFFSET")
            if offset < 0:
                raise self.complaint.at(tail.offset.pos, "OFFSET is not negative")
        if tail.limit is None:
            return None, offset
        value = binder.bind(tail.limit).value
        if isinstance(value, (bool, str)) or not isinstance(value, (int, float, np.number)):
            raise self.complaint.at(tail.limit.pos, "LIMIT is a number")
        if tail.percent:
            if not np.isfinite(value) or value < 0:
                raise self.complaint.at(tail.limit.pos, "a share of rows is not negative")
            if n is None:
                return None, offset
            return int(n * min(value, 1e9) / 100), offset
        if int(value) != value:
            raise self.complaint.at(tail.limit.pos, "LIMIT is an integer, or a number of PERCENT")
        return max(0, min(int(value), 2**62)), offset

    def _sampled(self, binder: Binder, tail: Tail, columns: Columns, rows: Any) -> np.ndarray:
        sample = tail.sample
        assert sample is not None
        n = len(rows)
        limit, offset = self._limits(binder, tail, n)
        if n == 0:
            raise self.complaint.at(
                sample.weight.pos, "SAMPLE BY has no rows to draw from", kind=WeightsError
            )
        weight = binder.bind(sample.weight)
        weights = self.weights(sample, weight, columns, rows)
        size = n if limit is None else limit + offset
        if not sample.replace:
            size = min(size, n)
        self.steps.append(f"SAMPLE BY: {size} of {n} rows")
        try:
            drawn = self.environment.sample(weights, rows, size=size, replace=sample.replace)
        except ValueError as error:
            raise self.complaint.at(
                sample.weight.pos, f"SAMPLE BY: {error}", kind=WeightsError
            ) from error
        places = np.asarray(drawn, np.int64)
        if tail.order:
            keys = [(node, binder.bind(node)) for node, _ in tail.order]
            found = self.scalar_keys(keys, columns, _rows_at(rows, places))
            places = places[order(found, [down for _, down in tail.order], None)]
        return places[offset:]

    def weights(self, sample: Sample, weight: Expr, columns: Columns, rows: Any) -> np.ndarray:
        """One weight a row; rows without a value weigh nothing."""
        node = sample.weight
        found = values(weight, columns, rows, self.environment, shrink=self._shrunk(node))
        vec = None if isinstance(found, Text) else scalars(found)
        if vec is None:
            raise self.complaint.at(node.pos, "weights are numbers", node.end, WeightsError)
        data = vec.data.astype(np.float64)
        return data if vec.valid is None else np.where(vec.valid, data, 0.0)

    def _distinct(
        self, select: Select, columns: Columns, rows: Any,
        items: Sequence[tuple[str | None, Expr | None]],
    ) -> np.ndarray:  # fmt: skip
        """The first row of those that agree in everything that is selected."""
        exprs = [
            one for name, expr in items
            for one in (
                [expr] if expr is not None else
                [Expr("column", (), name) for name in columns.visible]
            )
        ]  # fmt: skip
        place = Node("select", pos=select.pos, end=select.pos + 6)
        keys = self.scalar_keys([(place, expr) for expr in exprs], columns, rows)
        first = Groups.of(keys, len(rows)).first
        self.steps.append(f"DISTINCT: {len(first)} of {len(rows)} rows")
        return _rows_at(rows, first)

    def _expanded(
        self, select: Select, columns: Columns, rows: Any, kept: Any, binder: Binder
    ) -> Outcome:
        """EXPAND BY: each row with those around it."""
        expand = select.expand
        assert expand is not None
        before, after = (binder.integer(n, "EXPAND BY") for n in (expand.before, expand.after))
        if before < 0 or after < 0:
            raise self.complaint.at(expand.before.pos, "EXPAND BY takes numbers of at least 0")
        source, chosen = row_numbers(rows), row_numbers(kept)
        place = _places(source, chosen)
        low = np.maximum(place - min(before, len(source)), 0)
        high = np.minimum(place + min(after, len(source)) + 1, len(source))
        if not expand.overlap:
            # Each row is in one window: a later one begins where those before it end.
            reach = np.maximum.accumulate(high) if len(high) else high
            low[1:] = np.maximum(low[1:], reach[:-1])
        counts = np.maximum(high - low, 0)
        stops = np.cumsum(counts)
        index = np.arange(int(counts.sum())) + np.repeat(low - (stops - counts), counts)
        inner = source[index]
        items = self._items(binder, select)
        flat = self.outputs(select, columns, inner, items, binder)
        outputs: dict[str, Column] = {name: Grouped(col, counts) for name, col in flat.items()}
        if expand.alias is not None:
            outputs[expand.alias] = Grouped(Held(Dense(inner)), counts)
        self.steps.append(f"EXPAND BY {before} {after}: {len(chosen)} windows")
        return Outcome(columns, chosen, outputs)

    # ---- results
    def result(self, outcome: Outcome) -> QueryResult:
        """An outcome as the kernel takes it."""
        columns = outcome.columns
        if outcome.outputs is None and not isinstance(columns, Table):
            rows = row_numbers(outcome.rows)
            return QueryResult(columns, rows, None, len(rows), names=outcome.names)
        listed = outcome.listed()
        made = {name: result_column(name, column) for name, column in listed.items()}
        return QueryResult(None, None, made, outcome.n)

    def plan(self, outcome: Outcome) -> str:
        """What was done, in words."""
        lines = []
        for scan in self.scans:
            names = [] if scan.where is None else scan.where.names
            total, touched, nbytes = scan.read()
            lines.append(
                f"scan {len(scan.rows)} rows; columns {', '.join(names) or 'none'}; "
                f"{touched} of {total} chunks read, {total - touched} pruned; {nbytes} bytes to read"
            )
        if not lines:
            lines.append("no condition: all rows, nothing is read")
        lines += self.steps
        kind = "rows of the dataset" if outcome.outputs is None else "new columns"
        shown = "" if outcome.outputs is None else f": {', '.join(outcome.outputs)}"
        lines.append(f"result: {outcome.n} rows ({kind}{shown})")
        return "\n".join(lines)


def _rows_at(rows: range | np.ndarray, places: np.ndarray) -> np.ndarray:
    if isinstance(rows, range):
        if rows.start == 0 and rows.step == 1:
            return places
        return rows.start + places * rows.step
    return np.asarray(rows[places])


def _places(source: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Where rows are in a list of rows."""
    sorter = np.argsort(source, kind="stable")
    found: np.ndarray = sorter[np.searchsorted(source, chosen, sorter=sorter)]
    return found


def _unique(rows: np.ndarray) -> np.ndarray:
    """Each row once, where it comes first."""
    return rows[np.sort(np.unique(rows, return_index=True)[1])]


def _same_table(a: Columns, b: Columns) -> bool:
    return a is b


def _chained(a: Column, b: Column) -> Column:
    if isinstance(a, Grouped) and isinstance(b, Grouped):
        return Grouped(Chained([a.items, b.items]), np.concatenate([a.counts, b.counts]))
    return Chained([a, b])


def _aggregates(item: Item) -> bool:
    """Whether there is a function of several rows in it."""
    stack = [item.node]
    while stack:
        node = stack.pop()
        if node is None:
            continue
        if node.op == "call" and node.value in ALWAYS_AGGREGATE:
            return True
        stack.extend(part for part in node.parts if isinstance(part, Node))
    return False


__all__ = ["Execution", "Outcome", "stored"]
