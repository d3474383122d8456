"""``with ds:`` collects changes; an exception keeps whole rows, and takes the half one back."""

from __future__ import annotations

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import SampleAppendError, SampleExtendError


@pytest.fixture
def two(ds: Dataset) -> Dataset:
    with ds:
        ds.create_tensor("x")
        ds.create_tensor("y")
    return ds


def lengths(ds: Dataset) -> dict[str, int]:
    return {name: len(tensor) for name, tensor in ds.tensors.items()}


def test_changes_are_stored_at_the_end(two: Dataset, url: str) -> None:
    with two as same:
        assert same is two
        two.x.append(1)
        two.y.append(2)
        assert two.x.numpy().tolist() == [[1]]
        assert lengths(deeplake.load(url)) == {"x": 0, "y": 0}
    assert lengths(deeplake.load(url)) == {"x": 1, "y": 1}


def test_flush_stores_them_earlier(two: Dataset, url: str) -> None:
    with two:
        two.append({"x": 1, "y": 2})
        two.maybe_flush()
        assert lengths(deeplake.load(url)) == {"x": 0, "y": 0}
        two.flush()
        assert lengths(deeplake.load(url)) == {"x": 1, "y": 1}


def test_blocks_can_be_nested(two: Dataset, url: str) -> None:
    with two:
        with two:
            two.append({"x": 1, "y": 2})
        assert lengths(deeplake.load(url)) == {"x": 0, "y": 0}
    assert lengths(deeplake.load(url)) == {"x": 1, "y": 1}


@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("start", [0, 2])
def test_an_exception_takes_the_half_row_back(
    two: Dataset, url: str, step: int, start: int
) -> None:
    for number in range(start):
        two.append({"x": number, "y": number})
    with pytest.raises(ZeroDivisionError), two:
        for number in range(4):
            two.x.append(number)
            if number == step:
                raise ZeroDivisionError
            two.y.append(number)
    for ds in (two, deeplake.load(url)):
        assert lengths(ds) == {"x": start + step, "y": start + step}
        assert ds.x.numpy()[start:].ravel().tolist() == list(range(step))
    two.append({"x": 7, "y": 8})
    assert deeplake.load(url)[-1].x.numpy().tolist() == [7]


def test_an_exception_between_rows_keeps_all(two: Dataset, url: str) -> None:
    with pytest.raises(ZeroDivisionError), two:
        two.append({"x": 1, "y": 1})
        two.info["k"] = 1
        two.create_tensor("z")
        raise ZeroDivisionError
    again = deeplake.load(url)
    assert lengths(again) == {"x": 1, "y": 1, "z": 0}
    assert dict(again.info) == {"k": 1}


def test_columns_one_after_the_other(two: Dataset) -> None:
    with pytest.raises(ZeroDivisionError), two:
        two.x.extend(np.arange(10))
        two.y.extend(np.arange(4))
        raise ZeroDivisionError
    assert lengths(two) == {"x": 4, "y": 4}


def test_tensors_that_are_not_used_take_nothing_back(two: Dataset) -> None:
    two.create_tensor("notes")
    with pytest.raises(ZeroDivisionError), two:
        for number in range(3):
            two.append({"x": number, "y": number}, skip_ok=True)
        two.x.append(3)
        raise ZeroDivisionError
    assert lengths(two) == {"x": 3, "y": 3, "notes": 0}


def test_tensors_of_other_lengths_take_nothing_back(two: Dataset) -> None:
    two.x.extend([1, 2, 3])
    with pytest.raises(ZeroDivisionError), two:
        two.y.extend([1, 2])
        raise ZeroDivisionError
    assert lengths(two) == {"x": 3, "y": 2}


def test_a_new_column_is_kept(two: Dataset) -> None:
    for number in range(3):
        two.append({"x": number, "y": number})
    with pytest.raises(ZeroDivisionError), two:
        two.create_tensor("z")
        two.z.extend([1, 2])
        raise ZeroDivisionError
    assert lengths(two) == {"x": 3, "y": 3, "z": 2}


def test_updates_and_pops_are_kept(two: Dataset) -> None:
    for number in range(3):
        two.append({"x": number, "y": number})
    with pytest.raises(ZeroDivisionError), two:
        two.x[0] = 10
        two.pop(1)
        two.x.append(9)
        raise ZeroDivisionError
    assert two.x.numpy().ravel().tolist() == [10, 2]
    assert two.y.numpy().ravel().tolist() == [0, 2]


def test_rows_before_a_commit_are_whole(two: Dataset, url: str) -> None:
    with pytest.raises(ZeroDivisionError), two:
        two.append({"x": 1, "y": 1})
        two.commit("first")
        two.x.append(2)
        raise ZeroDivisionError
    assert lengths(deeplake.load(url)) == {"x": 1, "y": 1}
    assert [commit["message"] for commit in two.commits] == ["first"]


def test_an_interrupt_is_an_exception(two: Dataset, url: str) -> None:
    with pytest.raises(KeyboardInterrupt), two:
        two.append({"x": 1, "y": 1})
        two.x.append(2)
        raise KeyboardInterrupt
    assert lengths(deeplake.load(url)) == {"x": 1, "y": 1}


def test_a_sample_that_does_not_fit_stores_what_came_before(two: Dataset, url: str) -> None:
    two.append({"x": 1, "y": 1})
    with pytest.raises(SampleExtendError, match="row 2"):
        two.extend({"x": [2, 3, "text", 4], "y": [2, 3, 4, 5]})
    assert lengths(deeplake.load(url)) == {"x": 3, "y": 3}
    with pytest.raises(SampleAppendError):
        two.append({"x": 1, "y": "text"})
    assert lengths(two) == {"x": 3, "y": 3}


def test_views_of_a_block_end_when_rows_are_taken_back(two: Dataset) -> None:
    with pytest.raises(ZeroDivisionError), two:
        two.append({"x": 1, "y": 1})
        two.x.append(2)
        raise ZeroDivisionError
    assert two[0].x.numpy().tolist() == [1]


def test_a_block_of_a_reader_changes_nothing(two: Dataset, url: str) -> None:
    reader = deeplake.load(url, read_only=True)
    with reader:
        assert len(reader) == 0
