"""Datasets, views and tensors that travel between processes (api.md, section 3)."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import MemoryDatasetCanNotBePickledError


@pytest.fixture
def rows(local: Dataset) -> Dataset:
    """Six rows, some of them not committed."""
    local.create_tensor("x")
    local.create_tensor("g/t", htype="text")
    local.extend({"x": np.arange(4), "g/t": list("abcd")})
    local.commit("four")
    local.extend({"x": np.arange(4, 6), "g/t": list("ef")})
    return local


def again(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def test_dataset(rows: Dataset) -> None:
    found = again(rows)
    assert isinstance(found, Dataset)
    assert repr(found) == repr(rows)
    assert found.x.numpy().ravel().tolist() == [0, 1, 2, 3, 4, 5]
    assert found["g/t"].text() == list("abcdef")
    assert found.branch == rows.branch
    found.x.append(6)
    assert deeplake.load(rows.path).x.num_samples == 7


@pytest.mark.parametrize("item", [2, slice(1, 4), [5, 0], (slice(1, 3), 0)], ids=repr)
def test_views(rows: Dataset, item: Any) -> None:
    view = rows[item]
    found = again(view)
    assert repr(found) == repr(view)
    np.testing.assert_array_equal(found.x.numpy(), view.x.numpy())
    assert list(found.sample_indices) == list(view.sample_indices)


def test_groups_and_restrictions(rows: Dataset) -> None:
    assert again(rows.g).t.text() == list("abcdef")
    assert again(rows[2:4].g).t.text() == ["c", "d"]
    assert list(again(rows[["x"]]).tensors) == ["x"]
    rows.x.append(6)
    assert len(again(rows.max_view)) == 7


def test_what_is_not_flushed_is_flushed(rows: Dataset) -> None:
    with rows:
        rows.x.append(6)
        assert again(rows).x.num_samples == 7


def test_a_snapshot_stays(rows: Dataset) -> None:
    data = pickle.dumps(rows)
    rows.append({"x": 9, "g/t": "z"})
    assert len(pickle.loads(data)) == 6


def test_read_only(rows: Dataset) -> None:
    assert again(deeplake.load(rows.path, read_only=True)).read_only


def test_past_commits(rows: Dataset) -> None:
    past = deeplake.load(f"{rows.path}@{rows.commits[0]['commit']}")
    assert len(again(past)) == 4


def test_tensors(rows: Dataset) -> None:
    for tensor in (rows.x, rows.x[2:4], rows.x[3, 0], rows[1:3].x, rows["g/t"], rows[[4, 0]].g.t):
        found = again(tensor)
        assert repr(found) == repr(tensor)
        np.testing.assert_array_equal(found.numpy(), tensor.numpy())
    rows.x.append(6)
    assert again(rows.max_view["g/t"])[6].text() == ""


def test_memory() -> None:
    ds = deeplake.empty("mem://test")
    ds.create_tensor("x")
    with pytest.raises(MemoryDatasetCanNotBePickledError, match="mem://test"):
        pickle.dumps(ds)
    with pytest.raises(MemoryDatasetCanNotBePickledError, match="mem://test"):
        pickle.dumps(ds.x)


def _total(dataset: Dataset) -> int:
    return int(dataset.x.numpy().sum())


def test_other_processes(rows: Dataset) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(_total, [rows, rows[4:], rows[0]])) == [15, 9, 0]
