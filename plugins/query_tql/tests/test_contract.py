"""What every query engine must do, for this one."""

from __future__ import annotations

from deeplake.testing.query import QueryContract
from deeplake_query_tql import Tql


class TestTql(QueryContract):
    kind = Tql
    condition = "x >= 3"
    placeholder = "x >= ?"
    heavy = ("torch", "duckdb", "pyarrow")
