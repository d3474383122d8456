"""TQL, the query language of datasets, as a plugin: parsed, planned and run locally.

The modules, in the order in which a query passes through them: ``syntax`` (with the grammar in
``tql.lark``) makes a ``tree``; ``expression`` looks up names and types; ``pruning`` and ``scan`` read
what is needed; ``evaluation``, ``functions`` and ``subscripts`` work on ``vector``s; ``ordering``,
``grouping`` and ``joining`` put rows in order and together; ``tables`` holds new columns;
``execution`` does it all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deeplake.spi import Query, QueryEngine


class Tql(QueryEngine, api=(1, 0)):
    """Compiles TQL."""

    def compile(self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Query:
        from deeplake_query_tql.engine import compiled

        return compiled(text, parameters)

    def condition(self, text: str) -> str | None:
        from deeplake_query_tql.engine import as_query

        return as_query(text)


__all__ = ["Tql"]
