"""DuckDB on a Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import roles

REQUIREMENTS = ["duckdb==2.0.0", "numpy", "pyarrow==26.0.1"]


def arrow(names: list[str], columns: tuple[np.ndarray, ...]) -> pa.Table:
    """The columns as a table."""
    arrays = []
    for column in columns:
        values = pa.array(column.reshape(-1))
        if column.ndim > 1:
            values = pa.FixedSizeListArray.from_arrays(values, column.shape[1])
        arrays.append(values)
    return pa.table(arrays, names=names)


class Query(roles.Query):
    def write(self, folder: Path, names: list[str], *columns: np.ndarray) -> None:
        folder.mkdir(parents=True)
        pq.write_table(arrow(names, columns), folder / "table.parquet")

    def open(self, folder: Path) -> Any:
        connection = duckdb.connect()
        file = folder / "table.parquet"
        connection.execute(f"CREATE VIEW rows AS SELECT * FROM read_parquet('{file}')")
        return connection

    def _ask(self, opened: Any, rest: str, *values: Any) -> Any:
        return opened.execute(f"SELECT id FROM rows {rest}", values).fetchnumpy()

    def equal(self, opened: Any, column: str, value: int) -> Any:
        return self._ask(opened, f"WHERE {column} = {value}")

    def both(self, opened: Any, column: str, value: int, other: str, divisor: int) -> Any:
        return self._ask(opened, f"WHERE {column} = {value} AND {other} % {divisor} = 0")

    def between(self, opened: Any, column: str, low: int, high: int) -> Any:
        return self._ask(opened, f"WHERE {column} BETWEEN {low} AND {high}")

    def first(self, opened: Any, column: str, count: int) -> Any:
        return self._ask(opened, f"ORDER BY {column} LIMIT {count}")

    def contains(self, opened: Any, column: str, word: str) -> Any:
        return self._ask(opened, f"WHERE contains({column}, '{word}')")

    def nearest(self, opened: Any, column: str, vector: np.ndarray, count: int) -> Any:
        kind = f"FLOAT[{len(vector)}]"
        return self._ask(
            opened,
            f"ORDER BY array_cosine_similarity({column}::{kind}, ?::{kind}) DESC LIMIT {count}",
            vector.tolist(),
        )

    def counts(self, opened: Any, column: str) -> Any:
        return opened.execute(
            f"SELECT {column}, count(*) AS n FROM rows GROUP BY {column} ORDER BY {column}"
        ).fetchnumpy()

    def ids(self, found: Any) -> np.ndarray:
        return np.asarray(found["id"])

    def numbers(self, found: Any) -> np.ndarray:
        return np.asarray(found["n"])
