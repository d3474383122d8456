"""A dataset inside one SQLite file: ``sqlite://shelf/photos`` is the file ``shelf/photos.db``."""

import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deeplake.errors import ObjectNotFoundError, PreconditionFailedError, StorageError
from deeplake.spi import Store, StorePlugin
from deeplake.types import (
    Buffer,
    ByteRange,
    Data,
    ObjectInfo,
    StoreCapabilities,
    check_key,
    joined,
)

TABLE = "CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, data BLOB, version TEXT)"


class SqliteStore(Store):
    """Objects are rows of a table. Each call has a connection of its own.

    That makes the store safe for threads and forks, and lets it be pickled: it holds nothing but
    its URL.
    """

    capabilities = StoreCapabilities(conditional_put=True, request_cost=1 << 16)

    def __init__(self, url: str) -> None:
        self.url = url
        self._file = Path(url.removeprefix("sqlite://") + ".db")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a transaction that no other writer can come between."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = sqlite3.connect(self._file, timeout=300, isolation_level=None)
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(TABLE)
                with connection:  # commits, or rolls back after an error
                    yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise StorageError(f"{self.url}: {error}") from error

    def _rows(self, columns: str, condition: str, *values: Any) -> list[Any]:
        if not self._file.exists():
            return []  # reading makes no file
        with self._transaction() as connection:
            query = f"SELECT {columns} FROM objects WHERE {condition} ORDER BY key"
            return connection.execute(query, values).fetchall()

    def _row(self, columns: str, key: str) -> Any:
        rows = self._rows(columns, "key = ?", check_key(key))
        if not rows:
            raise ObjectNotFoundError(f"{self.url} has no object {key!r}")
        return rows[0]

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        if byte_range is None:
            data: bytes = self._row("data", key)[0]
            return data
        start, stop = byte_range
        if not 0 <= start <= stop:
            raise StorageError(f"bytes {start} to {stop} of {key!r} are not a range")
        # SQL counts from 1, in 32 bits, and calls a part of nothing NULL. No object has a gigabyte.
        first, length = min(start, 1 << 30) + 1, min(stop - start, 1 << 30)
        return self._row(f"substr(data, {first}, {length})", key)[0] or b""

    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        data, version = self._row("data, version", key)
        return data, version

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        row = (check_key(key), joined(data), uuid.uuid4().hex)
        with self._transaction() as connection:
            found = connection.execute("SELECT version FROM objects WHERE key = ?", row[:1])
            present = found.fetchone()
            if if_absent and present:
                raise PreconditionFailedError(f"{self.url} has an object {key!r} already")
            if if_match is not None and present != (if_match,):
                raise PreconditionFailedError(f"{key!r} in {self.url} is not version {if_match!r}")
            connection.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", row)
        return row[2]

    def head(self, key: str) -> ObjectInfo:
        return ObjectInfo(key, *self._row("length(data), version", key))

    def delete(self, keys: Iterable[str]) -> None:
        rows = [(check_key(key),) for key in keys]
        with self._transaction() as connection:
            connection.executemany("DELETE FROM objects WHERE key = ?", rows)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        columns = "key, length(data), version"
        rows = self._rows(columns, "substr(key, 1, ?) = ?", len(prefix), prefix)
        return iter([ObjectInfo(*row) for row in rows])


class Sqlite(StorePlugin, api=(1, 0)):
    """Opens ``sqlite://path`` URLs."""

    def open(self, url: str, *, creds: Mapping[str, Any] | str | None = None) -> Store:
        return SqliteStore(url)


__all__ = ["Sqlite", "SqliteStore"]
