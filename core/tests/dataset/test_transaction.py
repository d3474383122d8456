"""``with ds.transaction():`` publishes everything, or nothing."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    ConflictError,
    InvalidOperationError,
    InvalidViewException,
    ReadOnlyModeError,
    SampleAppendError,
)


@pytest.fixture
def numbers(ds: Dataset) -> Dataset:
    ds.create_tensor("x")
    ds.x.extend([1, 2, 3])
    ds.commit("one")
    return ds


def values(ds: Dataset) -> list[int]:
    return [int(value) for value in ds.x.numpy().ravel()]


def test_all(numbers: Dataset, url: str) -> None:
    with numbers.transaction() as ds:
        assert ds is numbers
        ds.x.append(4)
        ds.create_tensor("y")
        ds.rename_tensor("y", "z")
        ds.info["k"] = 1
        ds.pop(0)
        assert values(ds) == [2, 3, 4]
        assert values(deeplake.load(url)) == [1, 2, 3]
    again = deeplake.load(url)
    assert values(again) == [2, 3, 4]
    assert list(again.tensors) == ["x", "z"]
    assert dict(again.info) == {"k": 1}


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, GeneratorExit])
def test_nothing(numbers: Dataset, url: str, error: type[BaseException]) -> None:
    view = numbers[0:2]
    with pytest.raises(error), numbers.transaction():
        numbers.x.extend([4, 5])
        numbers.create_tensor("y")
        numbers.info["k"] = 1
        raise error
    for ds in (numbers, deeplake.load(url)):
        assert values(ds) == [1, 2, 3]
        assert list(ds.tensors) == ["x"]
        assert dict(ds.info) == {}
    with pytest.raises(InvalidViewException):
        view.x.numpy()
    numbers.x.append(6)
    assert values(deeplake.load(url)) == [1, 2, 3, 6]


def test_an_error_that_is_caught_inside_ends_nothing(numbers: Dataset, url: str) -> None:
    with numbers.transaction():
        numbers.x.append(4)
        with pytest.raises(SampleAppendError):
            numbers.x.append("text")
        numbers.x.append(5)
    assert values(deeplake.load(url)) == [1, 2, 3, 4, 5]


def test_what_came_before_is_published_first(numbers: Dataset, url: str) -> None:
    numbers.x.append(4)
    with pytest.raises(ZeroDivisionError), numbers.transaction():
        numbers.x.append(5)
        raise ZeroDivisionError
    assert values(deeplake.load(url)) == [1, 2, 3, 4]


def test_blocks_inside_belong_to_it(numbers: Dataset, url: str) -> None:
    with pytest.raises(ZeroDivisionError), numbers.transaction():
        with numbers:
            numbers.x.append(4)
        assert values(deeplake.load(url)) == [1, 2, 3]
        numbers.flush()
        numbers.maybe_flush()
        numbers.clear_cache()
        assert values(deeplake.load(url)) == [1, 2, 3]
        raise ZeroDivisionError
    assert values(numbers) == [1, 2, 3]
    with numbers.transaction():
        with pytest.raises(ZeroDivisionError), numbers:
            numbers.x.append(4)
            raise ZeroDivisionError
        numbers.x.append(5)
    assert values(deeplake.load(url)) == [1, 2, 3, 4, 5]


def test_it_cannot_begin_inside_another_or_a_block(numbers: Dataset, url: str) -> None:
    with numbers.transaction():
        numbers.x.append(4)
        with pytest.raises(InvalidOperationError, match="inside another one"):
            numbers.transaction().__enter__()
    with numbers, pytest.raises(InvalidOperationError, match="with ds:"), numbers.transaction():
        pass
    assert values(deeplake.load(url)) == [1, 2, 3, 4]
    with pytest.raises(InvalidOperationError):
        numbers[0:1].transaction()


@pytest.mark.parametrize(
    "publish",
    [
        lambda ds: ds.commit("half"),
        lambda ds: ds.checkout("main"),
        lambda ds: ds.checkout("side", create=True),
        lambda ds: ds.create_branch("side"),
        lambda ds: ds.merge("other"),
        lambda ds: ds.reset(),
        lambda ds: ds.refresh(),
        lambda ds: ds.diff(),
        lambda ds: ds.rename_branch("other", "side"),
        lambda ds: deeplake.deepcopy(ds, "mem://copy", progressbar=False),
        lambda ds: ds.rename("elsewhere"),
    ],
)
def test_nothing_can_be_published_in_between(
    numbers: Dataset, url: str, publish: Callable[[Dataset], Any]
) -> None:
    numbers.create_branch("other")
    with numbers.transaction():
        numbers.x.append(4)
        with pytest.raises(InvalidOperationError, match="transaction"):
            publish(numbers)
        assert values(deeplake.load(url)) == [1, 2, 3]
    assert values(deeplake.load(url)) == [1, 2, 3, 4]
    assert numbers.branches == ["main", "other"]


def test_a_transaction_cannot_be_pickled(local: Dataset) -> None:
    local.create_tensor("x")
    with local.transaction(), pytest.raises(InvalidOperationError, match="transaction"):
        pickle.dumps(local)


def test_other_writers(numbers: Dataset, url: str) -> None:
    other = deeplake.load(url)
    with numbers.transaction():
        numbers.x.append(4)
        other.x.append(5)
    assert values(numbers) == [1, 2, 3, 5, 4]
    with pytest.raises(ConflictError), numbers.transaction():
        numbers.x.append(6)
        numbers.x[0] = 7
        other.refresh()
        other.x[0] = 8
    assert values(numbers) == values(deeplake.load(url)) == [8, 2, 3, 5, 4]


def test_read_only(numbers: Dataset, url: str) -> None:
    reader = deeplake.load(url, read_only=True)
    with pytest.raises(ReadOnlyModeError), reader.transaction():
        pass


def test_an_empty_transaction_is_no_change(numbers: Dataset) -> None:
    with numbers.transaction():
        pass
    assert not numbers.has_head_changes
