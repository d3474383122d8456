"""Removing rows (api.md, sections 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    ConflictError,
    InvalidOperationError,
    MergeMismatchError,
    SampleAppendError,
)

Contents = Callable[[Dataset], Any]


@pytest.fixture
def rows(ds: Dataset) -> Dataset:
    """Six rows."""
    ds.create_tensor("x")
    ds.create_tensor("t", htype="text")
    ds.extend({"x": [*range(6)], "t": [str(i) for i in range(6)]})
    return ds


def numbers(ds: Dataset) -> list[int]:
    found: list[int] = ds.x.numpy().ravel().tolist()
    return found


@pytest.mark.parametrize(
    ("index", "left"),
    [
        (None, [0, 1, 2, 3, 4]),
        (0, [1, 2, 3, 4, 5]),
        (5, [0, 1, 2, 3, 4]),
        (np.int64(3), [0, 1, 2, 4, 5]),
        ([1, 4], [0, 2, 3, 5]),
        ([4, 1], [0, 2, 3, 5]),
        ((2,), [0, 1, 3, 4, 5]),
        (np.array([0, 5]), [1, 2, 3, 4]),
        ([], [0, 1, 2, 3, 4, 5]),
        (range(6), []),
    ],
    ids=repr,
)
def test_pop(url: str, index: Any, left: list[int]) -> None:
    ds = deeplake.empty(url)
    ds.create_tensor("x")
    ds.create_tensor("t", htype="text")
    ds.extend({"x": [*range(6)], "t": [str(i) for i in range(6)]})
    ds.pop(index)
    for found in (ds, deeplake.load(url)):
        assert numbers(found) == left
        assert (found.t.text() if left else []) == [str(i) for i in left]
    ds.append({"x": 9, "t": "9"})
    assert numbers(ds) == [*left, 9]


@pytest.mark.parametrize("index", [-1, 6, [0, -1], [2, 6], 100], ids=repr)
def test_rows_that_are_not_there(rows: Dataset, index: Any, contents: Contents) -> None:
    before = contents(rows)
    with pytest.raises(IndexError, match="6 rows"):
        rows.pop(index)
    with pytest.raises(IndexError, match="tensor 'x' has 6 rows"):
        rows.x.pop(index)
    assert contents(rows) == before


def test_duplicates(rows: Dataset, contents: Contents) -> None:
    before = contents(rows)
    with pytest.raises(ValueError, match="twice"):
        rows.pop([1, 2, 1])
    with pytest.raises(ValueError, match="twice"):
        rows.x.pop([1, 1])
    assert contents(rows) == before


def test_pop_of_a_tensor(rows: Dataset) -> None:
    rows.x.pop()
    rows.x.pop(0)
    rows.x.pop([0, 2])
    assert numbers(rows) == [2, 4]
    assert rows.t.num_samples == 6


def test_nothing_to_pop(ds: Dataset) -> None:
    with pytest.raises(IndexError):
        ds.pop()
    ds.create_tensor("x")
    for pop in (ds.pop, ds.x.pop):
        with pytest.raises(IndexError, match="0 rows"):
            pop()


def test_uneven_tensors(rows: Dataset) -> None:
    rows.x.extend([6, 7])
    rows.pop([1, 7])
    assert numbers(rows) == [0, 2, 3, 4, 5, 6]
    assert rows.t.text() == ["0", "2", "3", "4", "5"]
    rows.pop()
    assert (rows.x.num_samples, rows.t.num_samples) == (5, 5)


def test_clear(rows: Dataset) -> None:
    rows.x.clear()
    assert rows.x.num_samples == 0
    assert rows.x.numpy().shape == (0,)
    assert rows.x.dtype == np.int64
    rows.x.append(3)
    assert numbers(rows) == [3]


def test_whole_tensors_only(rows: Dataset) -> None:
    with pytest.raises(InvalidOperationError):
        rows.x[1:3].pop()
    with pytest.raises(InvalidOperationError):
        rows.x[1:3].clear()


def test_pop_between_appends(rows: Dataset) -> None:
    with rows:
        rows.append({"x": 6, "t": "6"})
        rows.pop(2)
        rows.append({"x": 7, "t": "7"})
        rows.pop()
        rows.pop(0)
    assert numbers(rows) == [1, 3, 4, 5, 6]
    assert rows.t.text() == ["1", "3", "4", "5", "6"]


def test_pop_of_many(url: str) -> None:
    ds = deeplake.empty(url)
    ds.create_tensor("x").extend(np.arange(5000))
    gone = np.random.default_rng(1).choice(5000, 1700, replace=False)
    ds.x.pop(gone)
    expected = np.delete(np.arange(5000), gone)
    np.testing.assert_array_equal(deeplake.load(url).x.numpy().ravel(), expected)


@pytest.mark.parametrize("how", ["clear", "pop", "row by row"])
def test_what_was_emptied_takes_other_dimensions(url: str, how: str) -> None:
    ds = deeplake.empty(url)
    x = ds.create_tensor("x")
    x.extend(np.ones((3, 2, 2)))
    first = ds.commit()
    if how == "clear":
        x.clear()
    elif how == "pop":
        x.pop([0, 1, 2])
    else:
        for _ in range(3):
            x.pop()
    x.append(None)
    x.append(np.arange(3.0))
    with pytest.raises(SampleAppendError, match="have 1"):
        x.append(np.ones((2, 2)))
    x.append([])
    ds.commit()
    for found in (ds, deeplake.load(url)):
        assert [a.tolist() for a in found.x.numpy(aslist=True)] == [[], [0, 1, 2], []]
        assert found.x.shape == (3, None)
        entry = found.diff(first, as_dict=True)["tensor"][0][0]["x"]
        assert (entry["data_added"], entry["cleared"]) == ([0, 3], True)
    assert deeplake.load(f"{url}@{first}").x.shape == (3, 2, 2)


def test_dimensions_after_emptying_are_merged(url: str) -> None:
    ds = deeplake.empty(url)
    ds.create_tensor("x").extend(np.ones((3, 2, 2)))
    ds.create_tensor("y")
    ds.commit()
    for branch in ("untouched", "appended"):
        ds.checkout(branch, create=True)
        ds.y.append(1)
        if branch == "appended":
            ds.x.append(np.zeros((2, 2)))
        ds.commit()
        ds.checkout("main")
    ds.checkout("emptied", create=True)
    ds.x.clear()
    ds.x.append(np.arange(3.0))
    ds.commit()
    ds.merge("untouched")
    assert ds.x.numpy().tolist() == [[0, 1, 2]]
    with pytest.raises(MergeMismatchError, match="3 dimensions|2 dimensions"):
        ds.merge("appended")
    ds.checkout("appended")
    with pytest.raises(MergeMismatchError, match="'x'"):
        ds.merge("emptied")
    assert ds.x.shape == (4, 2, 2)
    ds.checkout("untouched")
    ds.merge("emptied")
    assert ds.x.numpy().tolist() == [[0, 1, 2]]


def test_two_writers_and_dimensions_after_emptying(url: str) -> None:
    one = deeplake.empty(url)
    one.create_tensor("x").extend(np.ones((3, 2, 2)))
    two = deeplake.load(url)
    with pytest.raises(ConflictError), two:
        two.x.clear()
        two.x.append(np.arange(3.0))
        one.x.append(np.zeros((2, 2)))
    assert deeplake.load(url).x.shape == (4, 2, 2)
