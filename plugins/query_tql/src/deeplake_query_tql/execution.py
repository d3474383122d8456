"""Runs queries: which rows, in what order, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from deeplake.spi import Columns, QueryEnvironment, QueryResult
from deeplake_query_tql.binder import Binder
from deeplake_query_tql.complaint import Complaint
from deeplake_query_tql.expanding import expanded
from deeplake_query_tql.expression import Expr
from deeplake_query_tql.grouping import GroupedSelect, regrouped
from deeplake_query_tql.joining import joined
from deeplake_query_tql.naming import Named, is_grouped, named_items
from deeplake_query_tql.ordering import Groups
from deeplake_query_tql.outcome import MAX_ROWS, Outcome, chained, rows_at, stored, unique
from deeplake_query_tql.ranking import Ranking
from deeplake_query_tql.scan import Scan, volatile
from deeplake_query_tql.tables import Column, Computed, Table, held, result_column
from deeplake_query_tql.tree import Node, Query, Select, Source, Tail
from deeplake_query_tql.vector import row_numbers

Parameters = Sequence[Any] | Mapping[str, Any]


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
        self.ranking = Ranking(self.complaint, environment)

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
        if left.n + right.n > max(MAX_ROWS, left.n, right.n):
            raise self.complaint.at(
                query.right.pos if query.right else 0,
                f"{op.upper()} would make {left.n + right.n} rows; {MAX_ROWS} are allowed",
            )
        plain = all(o.outputs is None and o.names is None for o in (left, right))
        if plain and left.columns is right.columns:
            first = row_numbers(left.rows)
            second = row_numbers(right.rows)
            if op == "union all":
                return Outcome(left.columns, np.concatenate([first, second]))
            if op == "union":
                return Outcome(left.columns, unique(np.concatenate([first, second])))
            inside = np.isin(first, second)
            return Outcome(left.columns, unique(first[inside if op == "intersect" else ~inside]))
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
        outputs = {name: chained(one[name], two[name]) for name in one}
        return Outcome(left.columns, range(0), outputs)

    def _tailed(self, outcome: Outcome, tail: Tail) -> Outcome:
        columns, rows = outcome.relation()
        binder = self._binder(columns)
        places = self.ranking.places(binder, tail, columns, rows)
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
            return (*outcome.relation(), source.alias)
        if source.joined is not None:
            left, right = (self._source(part, pos) for part in source.joined)
            table = joined(self, left, right, source, pos)
            return table, table.rows, None
        assert source.path is not None
        if self.columns is not None:
            # A query of one dataset is about it.
            return self.columns, self.columns.rows, source.alias
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
        grouped = is_grouped(select)
        where = None if select.where is None else binder.bind(select.where)
        early = None
        plain = not (grouped or select.expand or select.ungroup or select.distinct)
        if plain and not tail.order and tail.sample is None:
            limit, offset = self.ranking.limits(binder, tail, None)
            early = None if limit is None else limit + offset
        # Names and types of everything are checked before anything is read.
        items = None if grouped else named_items(binder, select)
        scan = Scan.of(where, columns, rows)
        if where is None and early is None:
            kept: Any = rows
        else:
            places = scan.run(self.environment, early)
            kept = rows_at(rows, places)
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
            places = self.ranking.places(ordering, tail, columns, kept)
            kept = rows_at(kept, places)
        if select.expand is not None:
            return expanded(self, select, columns, rows, kept, binder)
        return self._projected(select, columns, kept, items, binder)

    def _ungrouped(
        self, select: Select, tail: Tail, columns: Columns, rows: Any, binder: Binder
    ) -> Outcome:
        assert select.ungroup is not None
        given = {name: stored(columns, name, rows) for name in columns.visible}
        outputs = regrouped(select.ungroup, given, binder, select.pos)
        outcome = Outcome(columns, rows, outputs)
        return self._tailed(outcome, tail) if tail else outcome

    # ---- columns
    def _projected(
        self, select: Select, columns: Columns, rows: Any, items: Named, binder: Binder
    ) -> Outcome:
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
        self, select: Select, columns: Columns, rows: Any, items: Named, binder: Binder
    ) -> dict[str, Column]:
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
        return held(column) if volatile(expr) else column

    def _distinct(self, select: Select, columns: Columns, rows: Any, items: Named) -> np.ndarray:
        """The first row of those that agree in everything that is selected."""
        exprs = [
            one for name, expr in items
            for one in (
                [expr] if expr is not None else
                [Expr("column", (), name) for name in columns.visible]
            )
        ]  # fmt: skip
        place = Node("select", pos=select.pos, end=select.pos + 6)
        keys = self.ranking.keys([(place, expr) for expr in exprs], columns, rows)
        first = Groups.of([[key] for key in keys], len(rows)).first
        return rows_at(rows, first)

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


__all__ = ["Execution"]
