"""DuckDB on an Arrow table in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from peers import duckdb_parquet

REQUIREMENTS = ["duckdb==2.0.0", "numpy", "pyarrow==26.0.1"]


class Query(duckdb_parquet.Query):
    def open(self, folder: Path) -> Any:
        connection = duckdb.connect()
        connection.register("rows", pq.read_table(folder / "table.parquet"))
        return connection
