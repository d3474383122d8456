"""Dropping what is not committed."""

from __future__ import annotations

import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import InvalidOperationError, InvalidViewException


@pytest.fixture
def numbers(ds: Dataset) -> Dataset:
    ds.create_tensor("x")
    ds.x.extend([1, 2, 3])
    return ds


def values(ds: Dataset) -> list[int]:
    return [int(value) for value in ds.x.numpy().ravel()]


def test_reset_goes_back_to_the_last_commit(numbers: Dataset, url: str) -> None:
    first = numbers.commit("one")
    pending = numbers.pending_commit_id
    numbers.x.append(4)
    numbers.x[0] = 9
    numbers.pop(1)
    numbers.create_tensor("y")
    numbers.rename_tensor("x", "z")
    numbers.info["a"] = 1
    numbers.reset()
    for ds in (numbers, deeplake.load(url)):
        assert list(ds.tensors) == ["x"]
        assert values(ds) == [1, 2, 3]
        assert dict(ds.info) == {}
        assert not ds.has_head_changes
        assert (ds.commit_id, ds.pending_commit_id) == (first, pending)
    numbers.x.append(5)
    assert numbers.commit() == pending
    assert values(numbers) == [1, 2, 3, 5]


def test_reset_before_the_first_commit(numbers: Dataset, url: str) -> None:
    numbers.reset()
    assert numbers.tensors == {}
    assert numbers.has_head_changes
    assert deeplake.load(url).tensors == {}
    numbers.create_tensor("x")
    numbers.x.append(1)
    assert values(deeplake.load(url)) == [1]


def test_there_may_be_nothing_to_reset(
    numbers: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    first = numbers.commit("one")
    numbers.reset()
    assert "nothing to reset" in capsys.readouterr().out
    numbers.x.append(4)
    numbers.checkout(first)
    numbers.reset(force=True)
    assert "past commit" in capsys.readouterr().out
    numbers.checkout("main")
    assert values(numbers) == [1, 2, 3, 4]


def test_reset_of_a_branch_leaves_others(numbers: Dataset, url: str) -> None:
    numbers.commit("one")
    numbers.checkout("side", create=True)
    numbers.x.append(4)
    numbers.checkout("main")
    numbers.x.append(5)
    numbers.reset()
    assert values(deeplake.load(f"{url}@side")) == [1, 2, 3, 4]


def test_reset_inside_a_block(numbers: Dataset) -> None:
    numbers.commit()
    with numbers:
        numbers.x.append(4)
        numbers.reset()
        assert values(numbers) == [1, 2, 3]
        numbers.x.append(5)
    assert values(numbers) == [1, 2, 3, 5]


def test_reset_ends_views(numbers: Dataset) -> None:
    numbers.commit()
    numbers.x.append(4)
    view = numbers[1:]
    with pytest.raises(InvalidOperationError):
        view.reset()
    numbers.reset()
    with pytest.raises(InvalidViewException):
        view.x.numpy()
