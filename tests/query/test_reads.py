"""What queries read: chunks that cannot have what is looked for are left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.columns import StoredColumns
from deeplake.dataset.dataset import Dataset
from deeplake.storage.memory import MemoryStore
from deeplake.testing.stores import RecordingStore
from deeplake.versioning.repository import Repository
from deeplake.versioning.session import Session

ROWS = 10_000_000
REMOTE = replace(MemoryStore.capabilities, mapping=False, request_cost=64 << 10)


@pytest.fixture(scope="module")
def times() -> Any:
    """Ten million rows in the order of one column, and as many that are in none."""
    ds = deeplake.empty("mem://times")
    with ds:
        for name, values in (
            ("time", np.arange(ROWS) * 3),
            ("noise", np.arange(ROWS) * 7919 % ROWS),
        ):
            ds.create_tensor(name, dtype="int64").extend(values)
    ds.commit("all")
    return ds


def _recorded(ds: Any) -> tuple[Dataset, RecordingStore]:
    """The dataset on a store that counts requests and maps nothing."""
    store = RecordingStore(ds._checkout.repository.store, capabilities=REMOTE)
    return Dataset(Checkout(ds.path, Session.open(Repository(store)), read_only=True)), store


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("time == 15000000", [5_000_000]),
        ("time == 15000001", []),
        ("time BETWEEN 29999000 AND 29999010", [9_999_667, 9_999_668, 9_999_669, 9_999_670]),
        ("time < 10 OR time > 29999990", [0, 1, 2, 3, 9_999_997, 9_999_998, 9_999_999]),
        ("time IN (3, 29999997)", [1, 9_999_999]),
        ("NOT time >= 9", [0, 1, 2]),
        ("time == 300 AND noise >= 0", [100]),
        ("time < 0", []),
        ("time == 2.5", []),
    ],
)
def test_a_selective_filter_reads_less_than_a_hundredth(
    times: Any, condition: str, expected: list[int]
) -> None:
    ds, store = _recorded(times)
    chunks = {
        name: StoredColumns.of(ds).pieces(name)["start"]
        for name in ("time", "noise")
        if name in condition
    }
    store.clear()
    view = ds.query(f"SELECT * WHERE {condition}")
    assert list(view.sample_indices) == expected
    # A chunk is an object, or a range of one.
    read = {(request.key, request.byte_range) for request in store.requests}
    total = sum(map(len, chunks.values()))
    assert total > 300
    assert len(read) < total / 100
    assert store.bytes_read < len(chunks) * ROWS * 8 / 100
