"""Queries that were parsed, ready to be run."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from deeplake.errors import QueryError
from deeplake.spi import Columns, Query, QueryEnvironment, QueryResult
from deeplake_query_tql import tree
from deeplake_query_tql.complaint import evaluated
from deeplake_query_tql.execution import Execution
from deeplake_query_tql.expression import TEXT
from deeplake_query_tql.planning import Plan
from deeplake_query_tql.syntax import MAX_TEXT, parse
from deeplake_query_tql.tables import Held, result_column
from deeplake_query_tql.vector import Text

KEPT = 1 << 20
"""Characters of queries whose trees are remembered."""
PLAN = "plan"
"""The column that EXPLAIN gives."""


class _Parsed:
    """Trees of the texts that were parsed last; long texts make large trees, so few of them stay."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trees: OrderedDict[str, tuple[bool, tree.Query, int]] = OrderedDict()
        self._size = 0

    def __call__(self, text: str) -> tuple[bool, tree.Query, int]:
        with self._lock:
            found = self._trees.get(text)
            if found is not None:
                self._trees.move_to_end(text)
                return found
        found = parse(text)
        with self._lock:
            if text not in self._trees:
                self._trees[text] = found
                self._size += len(text)
            while self._size > KEPT and len(self._trees) > 1:
                self._size -= len(self._trees.popitem(last=False)[0])
        return found


_parsed = _Parsed()


def compiled(text: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> TqlQuery:
    """A query, parsed.

    Raises:
        QueryError: It is none.
    """
    if not isinstance(text, str):
        raise QueryError(f"a query is a str, not {type(text).__name__}")
    if isinstance(parameters, (str, bytes)) or not isinstance(
        parameters, (Sequence, Mapping, np.ndarray)
    ):
        raise QueryError("parameters are a list, or a dict by name")
    explain, query, questions = _parsed(text)
    given = len(parameters)
    if not isinstance(parameters, Mapping) and given > questions:
        raise QueryError(f"{given} parameters were given for a query with {questions} of '?'")
    return TqlQuery(text, parameters, explain, query)


def as_query(text: str) -> str | None:
    """A query for the rows for which an expression is true."""
    whole = f"SELECT * WHERE {text}"
    if len(whole) > MAX_TEXT:
        raise QueryError(
            f"an expression of {len(text)} characters is too long ({MAX_TEXT} are allowed)"
        )
    try:
        _, query, _ = _parsed(whole)
    except QueryError:
        return None
    select = query.select
    alone = select is not None and not (
        select.group or select.expand or select.ungroup or query.tail
    )
    if not alone or select is None or select.where is None:
        return None
    return whole if _names_something(select.where) else None


def _names_something(node: tree.Node) -> bool:
    """Whether it depends on the row."""
    stack = [node]
    while stack:
        part = stack.pop()
        if part.op == "name" or part.value in ("ROW_NUMBER", "RANDOM"):
            return True
        stack.extend(p for p in part.parts if isinstance(p, tree.Node))
    return False


class TqlQuery(Query):
    """A query and its parameters.

    Args:
        text: The query.
        parameters: What placeholders stand for.
        explains: It begins with EXPLAIN.
        query: Its tree.
    """

    def __init__(
        self, text: str, parameters: Sequence[Any] | Mapping[str, Any], explains: bool,
        query: tree.Query,
    ) -> None:  # fmt: skip
        self.text = text
        self.parameters = parameters
        self.explains = explains
        self.query = query

    def run(self, columns: Columns | None, environment: QueryEnvironment) -> QueryResult:
        if self.explains:
            return _told(self.explain(columns, environment))
        execution = Execution(self.text, self.parameters, environment, columns)
        with evaluated():
            return execution.result(execution.query(self.query))

    def explain(self, columns: Columns | None, environment: QueryEnvironment) -> str:
        with evaluated():
            return Plan(self.text, self.parameters, environment, columns).text(self.query)


def _told(plan: str) -> QueryResult:
    """A plan as what a query gives: a text a row, one for each line."""
    lines = Held(Text(pa.array(plan.split("\n"), pa.large_utf8())), kind=TEXT)
    return QueryResult(None, None, {PLAN: result_column(PLAN, lines)}, lines.n, text=plan)


__all__ = ["TqlQuery", "as_query", "compiled"]
