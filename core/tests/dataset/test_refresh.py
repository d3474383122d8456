"""Several handles of one dataset: readers keep their state, writers come one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    ConflictError,
    DatasetNotFoundError,
    InvalidOperationError,
    InvalidViewException,
)


@pytest.fixture
def one(ds: Dataset) -> Dataset:
    with ds:
        ds.create_tensor("x")
        ds.create_tensor("y")
        ds.x.extend(np.arange(5))
        ds.y.extend(10 * np.arange(5))
    ds.commit("base")
    return ds


@pytest.fixture
def other(one: Dataset, url: str) -> Dataset:
    """A second handle that knows what the first one knows."""
    return deeplake.load(url)


def rows(ds: Dataset) -> dict[str, list[Any]]:
    return {name: tensor.numpy().ravel().tolist() for name, tensor in ds.tensors.items()}


def add(ds: Dataset, *numbers: int) -> None:
    for number in numbers:
        ds.append({"x": number, "y": 10 * number})


def kept_work(error: BaseException) -> str:
    """The address that a conflict names."""
    return str(error).split("path + '@")[1].split("'")[0]


# --------------------------------------------------------------------------- readers
def test_readers_keep_their_state_until_they_refresh(
    one: Dataset, other: Dataset, url: str
) -> None:
    reader = deeplake.load(url, read_only=True)
    view = reader[1:3]
    add(one, 5)
    one.x[1] = 100
    one.pop(0)
    one.create_tensor("z")
    one.commit("more")
    for ds in (reader, other):
        assert rows(ds) == {"x": [0, 1, 2, 3, 4], "y": [0, 10, 20, 30, 40]}
        assert [commit["message"] for commit in ds.commits] == ["base"]
    assert view.x.numpy().ravel().tolist() == [1, 2]
    for ds in (reader, other):
        assert ds.refresh() is True
        assert ds.x.numpy().ravel().tolist() == [100, 2, 3, 4, 5]
        assert ds.commit_id == one.commit_id
        assert ds.refresh() is False
    with pytest.raises(InvalidViewException):
        view.x.numpy()
    with pytest.raises(InvalidOperationError):
        reader[0:1].refresh()


def test_refresh_of_a_past_commit_does_nothing(one: Dataset, other: Dataset) -> None:
    other.checkout(one.commit_id)
    add(one, 5)
    assert other.refresh() is False
    assert len(other) == 5


def test_refresh_publishes_first(one: Dataset, other: Dataset) -> None:
    add(one, 5)
    with other:
        add(other, 6)
        other.refresh()
        assert rows(other)["x"] == [0, 1, 2, 3, 4, 5, 6]
    one.refresh()
    assert rows(one)["x"] == [0, 1, 2, 3, 4, 5, 6]


# --------------------------------------------------------------------------- writers
def test_appends_come_one_after_the_other(one: Dataset, other: Dataset, url: str) -> None:
    add(one, 5)
    add(other, 6, 7)
    add(one, 8)
    expected = [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert rows(one) == {"x": expected, "y": [10 * number for number in expected]}
    assert rows(other)["x"] == expected[:-1]
    assert rows(deeplake.load(url)) == rows(one)


def test_blocks_of_two_writers(one: Dataset, other: Dataset) -> None:
    with one, other:
        for number in range(5, 8):
            add(one, number)
            add(other, -number)
    one.refresh()
    x = rows(one)["x"]
    assert sorted(x[5:]) == [-7, -6, -5, 5, 6, 7]
    assert [10 * number for number in x] == rows(one)["y"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (lambda ds: add(ds, 5), lambda ds: ds.x.__setitem__(1, 100), [0, 100, 2, 3, 4, 5]),
        (lambda ds: ds.x.__setitem__(0, 9), lambda ds: ds.x.__setitem__(1, 8), [9, 8, 2, 3, 4]),
        (lambda ds: ds.pop(0), lambda ds: ds.x.__setitem__(1, 100), [100, 2, 3, 4]),
        (lambda ds: ds.x.__setitem__(3, 300), lambda ds: ds.pop([1, 4]), [0, 2, 300]),
        (lambda ds: ds.pop(2), lambda ds: ds.pop(2), [0, 1, 3, 4]),
        (lambda ds: ds.pop(0), lambda ds: ds.pop(4), [1, 2, 3]),
        (lambda ds: ds.pop(4), lambda ds: add(ds, 5), [0, 1, 2, 3, 5]),
        (lambda ds: ds.y.__setitem__(0, 1), lambda ds: ds.x.__setitem__(0, 7), [7, 1, 2, 3, 4]),
        (lambda ds: ds.rechunk(progressbar=False), lambda ds: ds.pop(1), [0, 2, 3, 4]),
    ],
)
def test_changes_of_different_rows(
    one: Dataset,
    other: Dataset,
    first: Callable[[Dataset], Any],
    second: Callable[[Dataset], Any],
    expected: list[int],
) -> None:
    first(one)
    second(other)
    assert rows(other)["x"] == expected
    one.refresh()
    assert rows(one) == rows(other)


def test_columns_of_two_writers(one: Dataset, other: Dataset) -> None:
    """Each appends to a tensor of its own: neither is an error, nor made to fit the other."""
    one.x.extend([5, 6])
    other.y.extend([50, 60, 70])
    assert rows(other) == {"x": [0, 1, 2, 3, 4, 5, 6], "y": [0, 10, 20, 30, 40, 50, 60, 70]}


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        (lambda ds: ds.x.__setitem__(1, 9), lambda ds: ds.x.__setitem__(1, 8), "'x': 1 row was"),
        (lambda ds: ds.pop(1), lambda ds: ds.x.__setitem__(1, 8), "deleted on one side"),
        (lambda ds: ds.x.__setitem__(1, 9), lambda ds: ds.pop(1), "deleted on the other"),
        (lambda ds: ds.create_tensor("z"), lambda ds: ds.create_tensor("z"), "both created"),
        (lambda ds: ds.rename_tensor("x", "a"), lambda ds: ds.rename_tensor("x", "b"), "its name"),
        (lambda ds: ds.rename_tensor("x", "a"), lambda ds: ds.create_tensor("a"), "'a'"),
        (lambda ds: ds.delete_tensor("x"), lambda ds: add(ds, 5), "'x' was deleted"),
        (lambda ds: add(ds, 5), lambda ds: ds.delete_tensor("x"), "'x' was deleted"),
        (lambda ds: ds.info.update(a=1), lambda ds: ds.info.update(a=2), "'a' was changed"),
        (lambda ds: ds.x.info.update(a=1), lambda ds: ds.x.info.update(a=2), "info of tensor 'x'"),
        (lambda ds: ds.create_group("g"), lambda ds: ds.create_tensor("g"), "a group"),
    ],
)
def test_changes_of_the_same_thing(
    one: Dataset,
    other: Dataset,
    url: str,
    first: Callable[[Dataset], Any],
    second: Callable[[Dataset], Any],
    what: str,
) -> None:
    first(one)
    state, tensors = rows(one), list(one.tensors)
    twin = deeplake.load(f"{url}@{one.commits[0]['commit']}")
    with pytest.raises(ConflictError, match=what) as caught:
        second(other)
    assert "main" in str(caught.value)
    # The loser's handle shows what the winner did, and works on.
    assert (rows(other), list(other.tensors)) == (state, tensors)
    assert (rows(deeplake.load(url)), list(deeplake.load(url).tensors)) == (state, tensors)
    # The loser's work can be opened, and has nothing of the winner's.
    twin.checkout("twin", create=True)
    second(twin)
    found = deeplake.load(f"{url}@{kept_work(caught.value)}")
    assert (rows(found), list(found.tensors)) == (rows(twin), list(twin.tensors))
    assert dict(found.info) == dict(twin.info)
    assert found.commit_id == twin.commit_id
    other.info["after"] = 1
    assert deeplake.load(url).info["after"] == 1


def test_a_branch_can_be_made_of_kept_work(one: Dataset, other: Dataset, url: str) -> None:
    one.x[0] = 100
    with pytest.raises(ConflictError) as caught:
        other.x[0] = 200
    found = deeplake.load(f"{url}@{kept_work(caught.value)}")
    assert [commit["message"] for commit in found.commits] == ["base"]
    assert not found.is_head_node
    found.x[1] = 300
    assert found.branch.startswith("auto_")
    found.commit("rescued")
    assert [commit["message"] for commit in found.commits] == ["rescued", "base"]
    assert rows(found)["x"] == [200, 300, 2, 3, 4]


def test_a_block_that_loses_is_kept_whole(one: Dataset, other: Dataset, url: str) -> None:
    one.x[0] = 100
    with pytest.raises(ConflictError) as caught, other:
        add(other, 5, 6)
        other.x[0] = 200
    assert rows(other)["x"] == [100, 1, 2, 3, 4]
    assert rows(deeplake.load(f"{url}@{kept_work(caught.value)}"))["x"] == [200, 1, 2, 3, 4, 5, 6]


def test_a_commit_that_loses(one: Dataset, other: Dataset) -> None:
    with other:
        other.x[0] = 200
        one.x[0] = 100
        one.commit("winner")
        with pytest.raises(ConflictError):
            other.commit("loser")
    assert [commit["message"] for commit in other.commits] == ["winner", "base"]


def test_different_tensors_of_two_writers(one: Dataset, other: Dataset) -> None:
    one.create_tensor("g/a")
    other.create_tensor("g/b")
    other.create_group("h")
    one.info["a"] = 1
    other.info["b"] = 2
    one.refresh()
    assert list(one.tensors) == ["x", "y", "g/a", "g/b"]
    assert sorted(one.groups) == ["g", "h"]
    assert dict(one.info) == {"a": 1, "b": 2}


def test_a_group_is_deleted_while_a_tensor_is_made_in_it(one: Dataset, other: Dataset) -> None:
    one.create_group("g")
    other.refresh()
    one.delete_group("g")
    other.create_tensor("g/a")
    assert list(other.groups) == ["g"]
    assert list(other.g.tensors) == ["a"]


def test_commits_of_two_writers(one: Dataset, other: Dataset) -> None:
    pending = other.pending_commit_id
    add(one, 5)
    first = one.commit("one")
    add(other, 6)
    second = other.commit("other")
    assert first == pending != second
    assert [commit["commit"] for commit in other.commits][:2] == [second, first]
    assert rows(other)["x"] == [0, 1, 2, 3, 4, 5, 6]


def test_labels_of_two_writers(ds: Dataset, url: str) -> None:
    ds.create_tensor("label", htype="class_label")
    other = deeplake.load(url)
    ds.label.extend(["a", "b"])
    other.label.extend(["c", "a"])
    names = other.label.info["class_names"]
    assert [names[int(label)] for label in other.label.numpy().ravel()] == ["a", "b", "c", "a"]


def test_a_new_column_while_rows_are_removed(one: Dataset, other: Dataset) -> None:
    one.pop(1)
    with other:
        other.create_tensor("z")
        other.z.extend([0, 1, 2, 3, 4])
    assert rows(other) == {"x": [0, 2, 3, 4], "y": [0, 20, 30, 40], "z": [0, 2, 3, 4]}


# --------------------------------------------------------------------------- views
def test_a_view_is_not_moved_by_other_writers(one: Dataset, other: Dataset) -> None:
    """Row 3 of the view would be another row after the rebase: it must not be shown."""
    row = other[3]
    one.pop(0)
    row.x = 300
    assert rows(other)["x"] == [1, 2, 300, 4]
    with pytest.raises(InvalidViewException):
        row.x.numpy()


def test_a_view_stays_valid_when_nobody_else_writes(one: Dataset) -> None:
    row = one[3]
    row.x = 300
    row.update({"y": 1})
    assert (row.x.numpy().tolist(), row.y.numpy().tolist()) == ([300], [1])


# --------------------------------------------------------------------------- what goes away
def test_the_branch_is_deleted(one: Dataset, other: Dataset, url: str) -> None:
    other.checkout("side", create=True)
    one.delete_branch("side")
    with pytest.raises(ConflictError, match="deleted or renamed") as caught:
        add(other, 5)
    found = deeplake.load(f"{url}@{kept_work(caught.value)}")
    assert rows(found)["x"] == [0, 1, 2, 3, 4, 5]
    other.checkout("main")
    add(other, 6)
    assert rows(other)["x"] == [0, 1, 2, 3, 4, 6]


def test_the_dataset_is_deleted(one: Dataset, other: Dataset) -> None:
    one.delete()
    with pytest.raises(DatasetNotFoundError):
        add(other, 5)


def test_the_dataset_is_replaced(local: Dataset) -> None:
    local.create_tensor("x")
    other = deeplake.load(local.path)
    deeplake.empty(local.path, overwrite=True).create_tensor("new")
    with pytest.raises(ConflictError, match="replaced by another dataset"):
        other.x.append(1)
    assert list(deeplake.load(local.path).tensors) == ["new"]
