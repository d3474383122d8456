"""Queries that were parsed, ready to be run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from deeplake.errors import QueryError
from deeplake.spi import Columns, Query, QueryEnvironment, QueryResult
from deeplake_query_tql import tree
from deeplake_query_tql.complaint import evaluated
from deeplake_query_tql.execution import Execution
from deeplake_query_tql.syntax import MAX_TEXT, parse

KEPT = 256
"""Queries whose trees are remembered."""


@lru_cache(maxsize=KEPT)
def _parsed(text: str) -> tuple[bool, tree.Query, int]:
    return parse(text)


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
        execution = Execution(self.text, self.parameters, environment, columns)
        outcome = self._run(execution)
        result = execution.result(outcome)
        if self.explains:
            return QueryResult(
                result.source, result.rows, result.columns, result.length, result.names,
                execution.plan(outcome),
            )  # fmt: skip
        return result

    def explain(self, columns: Columns | None, environment: QueryEnvironment) -> str:
        execution = Execution(self.text, self.parameters, environment, columns)
        return execution.plan(self._run(execution))

    def _run(self, execution: Execution) -> Any:
        with evaluated():
            return execution.query(self.query)


__all__ = ["TqlQuery", "as_query", "compiled"]
