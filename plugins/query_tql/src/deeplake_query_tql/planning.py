"""EXPLAIN: what a query would do, from its text and statistics. No value is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deeplake.spi import Columns, QueryEnvironment
from deeplake.types import TensorSchema
from deeplake_query_tql.binder import Binder
from deeplake_query_tql.complaint import Complaint
from deeplake_query_tql.expanding import window
from deeplake_query_tql.expression import ANY, BOOL, JSON, NUMBER, TEXT, Expr
from deeplake_query_tql.joining import labelled
from deeplake_query_tql.naming import Named, check_names, is_grouped, named_items, output_name
from deeplake_query_tql.pruning import pieces_of
from deeplake_query_tql.ranking import Ranking
from deeplake_query_tql.scan import Scan
from deeplake_query_tql.tables import Column, Stored, Table
from deeplake_query_tql.tree import Query, Select, Source, Tail
from deeplake_query_tql.vector import Const, Vec

_DTYPES = {TEXT: "str", JSON: "json", BOOL: "|b1", NUMBER: "<f8", ANY: None}
NONE = np.zeros(0, np.int64)


class Planned(Column):
    """A column that would be computed."""

    def __init__(self, expr: Expr) -> None:
        htype = {TEXT: "text", JSON: "json"}.get(expr.kind, "generic")
        self.schema = TensorSchema(
            "", "", "class_label" if expr.labels else htype, _DTYPES[expr.kind]
        )
        self.info: Mapping[str, Any] = {"class_names": list(expr.labels)} if expr.labels else {}
        self.n = 0

    def read(self, rows: slice | np.ndarray) -> Vec:
        return Const(None, 0)


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a query is known to give before it is run.

    Attributes:
        columns: What names mean in a query about it.
        rows: Its rows; None: it takes reading to know which.
        n: How many there are, or can be.
        exact: Whether that many there are.
        made: Names of the columns that it makes; None: rows of what is stored.
    """

    columns: Columns
    rows: range | np.ndarray | None
    n: int
    exact: bool = True
    made: tuple[str, ...] | None = None


class Plan:
    """Says what a query would do.

    Args:
        text: The query.
        parameters: What placeholders stand for.
        environment: Opens datasets.
        columns: What it is about if it does not say; None: it has to.
    """

    def __init__(
        self, text: str, parameters: Sequence[Any] | Mapping[str, Any], environment: QueryEnvironment,
        columns: Columns | None,
    ) -> None:  # fmt: skip
        self.complaint = Complaint(text)
        self.parameters = parameters
        self.environment = environment
        self.columns = columns
        self.ranking = Ranking(self.complaint, environment)
        self.lines: list[str] = []

    def text(self, query: Query) -> str:
        """The plan, a line for each step."""
        found = self._query(query)
        kind = (
            "rows of the dataset" if found.made is None else f"new columns: {', '.join(found.made)}"
        )
        least = "" if found.exact else "at most "
        self.lines.append(f"result: {least}{found.n} rows ({kind})")
        return "\n".join(self.lines)

    # ---- queries
    def _query(self, query: Query) -> Sketch:
        if query.select is not None:
            return self._select(query.select, query.tail)
        assert query.left is not None
        assert query.right is not None
        left, right = self._query(query.left), self._query(query.right)
        self.lines.append(query.op.upper())
        n = left.n + right.n if query.op.startswith("union") else left.n
        found = replace(left, rows=None, n=n, exact=query.op == "union all" and left.exact)
        return self._tailed(self._binder(found.columns), query.tail, found)

    def _binder(self, columns: Columns, **options: Any) -> Binder:
        return Binder(self.complaint, columns, self.parameters, **options)

    def _source(self, source: Source | None, pos: int) -> tuple[Sketch, str | None]:
        if source is None or (source.path is not None and self.columns is not None):
            if self.columns is None:
                raise self.complaint.at(pos, 'the query names no dataset: add FROM "path"')
            columns, alias = self.columns, None if source is None else source.alias
            return Sketch(columns, columns.rows, len(columns.rows)), alias
        if source.query is not None:
            found = self._query(source.query)
            self.lines.append("FROM (…)")
            return found, source.alias
        if source.joined is not None:
            left, right = (self._source(part, pos) for part in source.joined)
            qualified: dict[str, str] = {}
            names = labelled(
                (left[0].columns, left[1]), (right[0].columns, right[1]), source.using, qualified
            )
            stored = {label: Stored(columns, name, NONE) for label, columns, name, _ in names}
            table = Table(stored, 0, qualified)
            n = left[0].n * right[0].n
            self.lines.append(f"JOIN USING ({', '.join(source.using)})")
            return Sketch(table, None, n, False, tuple(table.visible)), None
        assert source.path is not None
        value = source.path.value
        if source.path.op == "parameter":
            value = self._binder(Table({}, 0)).parameter(source.path)
        if not isinstance(value, (str, bytes)) and not hasattr(value, "__fspath__"):
            raise self.complaint.at(source.path.pos, "FROM takes a path")
        columns = self.environment.open(str(value))
        return Sketch(columns, columns.rows, len(columns.rows)), source.alias

    # ---- one select
    def _select(self, select: Select, tail: Tail) -> Sketch:
        source, alias = self._source(select.source, select.pos)
        columns = source.columns
        binder = self._binder(columns, prefix=alias)
        where = None if select.where is None else binder.bind(select.where)
        left = self._scanned(source, where)
        if is_grouped(select):
            return self._grouped(select, tail, left, alias)
        items = named_items(binder, select)
        aliases = {name: expr for name, expr in items if name is not None and expr is not None}
        if select.ungroup is not None:
            self.lines.append("UNGROUP BY")
            made = Sketch(columns, None, left.n, False, tuple(columns.visible))
            return self._tailed(binder, tail, made)
        if select.distinct:
            named = [columns.visible if expr is None else expr.names for _, expr in items]
            self._reads("DISTINCT", [one for names in named for one in names], left)
            left = replace(left, rows=None, exact=False)
        left = self._tailed(self._binder(columns, prefix=alias, aliases=aliases), tail, left)
        return self._projected(select, items, binder, left)

    def _scanned(self, source: Sketch, where: Expr | None) -> Sketch:
        if where is None:
            return source
        columns = source.columns
        if isinstance(columns, Table):
            least = "" if source.exact else "at most "
            self.lines.append(f"filter {least}{source.n} rows; columns {', '.join(where.names)}")
            return replace(source, rows=None, exact=False)
        scan = Scan.of(where, columns, columns.rows if source.rows is None else source.rows)
        total, touched, nbytes = scan.read()
        self.lines.append(
            f"scan {source.n} rows; columns {', '.join(where.names) or 'none'}; {touched} of {total} "
            f"chunks to read, {total - touched} pruned; {nbytes} bytes to read"
        )
        n = min(source.n, sum(b - a for a, b in scan.spans())) if scan.consecutive else source.n
        return replace(source, rows=None, n=n, exact=n == 0)

    def _reads(self, what: str, names: Sequence[str], of: Sketch) -> None:
        """A step that reads whole columns of the rows that are left."""
        names = [] if isinstance(of.columns, Table) else [*dict.fromkeys(names)]
        total, _, nbytes = pieces_of(names, of.columns, [(0, len(of.columns))])
        shown = f"{what} of {'' if of.exact else 'at most '}{of.n} rows"
        if names:
            shown += f"; columns {', '.join(names)}; {total} chunks, at most {nbytes} bytes to read"
        self.lines.append(shown)

    def _tailed(self, binder: Binder, tail: Tail, of: Sketch) -> Sketch:
        """ORDER BY, SAMPLE BY and LIMIT."""
        if not tail:
            return of
        limit, offset = self.ranking.limits(binder, tail, of.n)
        left = max(of.n - offset, 0)
        n = left if limit is None else min(limit, left)
        if tail.sample is not None:
            weight = binder.bind(tail.sample.weight)
            n = max(0, of.n if limit is None else limit)
            n = n if tail.sample.replace else min(n, of.n)
            self._reads(f"SAMPLE BY: {n} draws", weight.names, of)
        if tail.order:
            names = [name for node, _ in tail.order for name in binder.bind(node).names]
            first = "" if limit is None else f", the first {limit + offset}"
            self._reads(f"ORDER BY{first}", names, of)
        elif tail.sample is None:
            self.lines.append(
                f"LIMIT: {n} rows" + (f" behind the first {offset}" if offset else "")
            )
        return replace(of, rows=None, n=n)

    def _grouped(self, select: Select, tail: Tail, of: Sketch, alias: str | None) -> Sketch:
        columns = of.columns
        binder = self._binder(columns, prefix=alias, grouped=True)
        named: Named = []
        for item in select.items:
            expr = None if item.node is None else binder.bind(item.node)
            name = (
                None if expr is None else item.alias or output_name(self.complaint, item, expr, ())
            )
            named.append((name, expr))
        check_names(self.complaint, select, named, columns)
        aliases = {name: expr for name, expr in named if name is not None and expr is not None}
        plain = self._binder(columns, prefix=alias, aliases=aliases)
        keys = [plain.bind(node) for node in select.group]
        used = [name for key in keys for name in key.names]
        used += [
            name for _, expr in named if expr is not None for part in expr.walk()
            if part.op == "aggregate" for name in part.names
        ]  # fmt: skip
        self._reads("GROUP BY" if keys else "aggregates", used, of)
        outputs: dict[str, Column] = {}
        for name, expr in named:
            if expr is None:
                outputs |= {one: Stored(columns, one, NONE) for one in columns.visible}
            elif name is not None:
                outputs[name] = Planned(expr)
        grouped = self._binder(columns, prefix=alias, grouped=True, aliases=aliases)
        n = of.n if keys else 1
        found = self._tailed(grouped, tail, replace(of, rows=None, n=n, exact=not keys))
        if select.ungroup is not None:
            self.lines.append("UNGROUP BY")
            found = replace(found, n=of.n, exact=False)
        return replace(found, columns=Table(outputs, 0), made=tuple(outputs))

    def _projected(self, select: Select, items: Named, binder: Binder, of: Sketch) -> Sketch:
        columns = of.columns
        if select.expand is not None:
            before, after = window(binder, select.expand)
            self.lines.append(f"EXPAND BY {before} {after}: {of.n} windows")
        outputs: dict[str, Column] = {}
        computed: list[str] = []
        for item, (name, expr) in zip(select.items, items, strict=True):
            if expr is None:
                binder.entries(item.subscript)
                outputs |= {one: Stored(columns, one, NONE) for one in columns.visible}
                computed += columns.visible if item.subscript else ()
            elif name is not None:
                same = expr.op == "column" and expr.value == name
                outputs[name] = Stored(columns, expr.value, NONE) if same else Planned(expr)
                computed += () if same else expr.names or (name,)
        everything = len(items) == 1 and items[0][1] is None
        if select.expand is not None:
            alias = select.expand.alias
            made = (*outputs, *(() if alias is None else (alias,)))
            return replace(of, columns=Table(outputs, 0), rows=None, made=made)
        if not computed:
            if everything:
                return of
            return replace(of, columns=Table(outputs, 0), rows=None, made=of.made)
        self._reads("new columns", [name for name in computed if name in columns.schema], of)
        return replace(of, columns=Table(outputs, 0), rows=None, made=tuple(outputs))


__all__ = ["Plan"]
