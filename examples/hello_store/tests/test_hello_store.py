import sqlite3
from contextlib import closing

import pytest

import deeplake
from deeplake.testing.store import StoreContract
from hello_store import TABLE, SqliteStore


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        self.file = tmp_path / "contract.db"
        return SqliteStore(f"sqlite://{tmp_path}/contract")

    def backdoor_put(self, store, key, data):
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute(TABLE)
            connection.execute(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, hex(randomblob(8)))", (key, data)
            )

    def backdoor_get(self, store, key):
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute(TABLE)
            query = "SELECT data FROM objects WHERE key = ?"
            row = connection.execute(query, (key,)).fetchone()
        return row and bytes(row[0])


def test_a_dataset_lives_in_it(tmp_path):
    url = f"sqlite://{tmp_path}/numbers"
    assert not deeplake.exists(url)
    ds = deeplake.empty(url)
    ds.create_tensor("x")
    ds.x.extend([1, 2, 3])
    first = ds.commit("three")
    ds.x.append(4)
    ds.commit("four")
    assert deeplake.load(url).x.numpy().sum() == 10
    assert deeplake.load(f"{url}@{first}").x.numpy().sum() == 6
    assert [file.name for file in tmp_path.iterdir()] == ["numbers.db"]
