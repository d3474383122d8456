"""Random splits: disjoint, complete, as large as asked, the same with the same seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import deeplake
from deeplake import Dataset


@pytest.fixture(autouse=True)
def _seed() -> Iterator[None]:
    before = deeplake.random.get_seed()
    yield
    deeplake.random.seed(before)


@pytest.fixture
def ten(ds: Dataset) -> Dataset:
    with ds:
        ds.create_tensor("x")
        ds.create_tensor("y")
        ds.x.extend(np.arange(10))
        ds.y.extend(10 * np.arange(10))
    return ds


def numbers(view: Dataset) -> list[int]:
    return [int(value) for value in view.x.numpy().ravel()]


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [
        ([7, 3], [7, 3]),
        ([10], [10]),
        ([10, 0], [10, 0]),
        ([5, 3, 2], [5, 3, 2]),
        ((np.int64(4), 6), [4, 6]),
        ([0.5, 0.5], [5, 5]),
        ([0.8, 0.2], [8, 2]),
        ([1.0], [10]),
        ([0.1, 0.2, 0.7], [1, 2, 7]),
        ([0.25, 0.25, 0.25, 0.25], [3, 3, 2, 2]),
        ([0.33, 0.33, 0.34], [4, 3, 3]),
        ([1 / 3] * 3, [4, 3, 3]),
        ([0.05, 0.95], [1, 9]),
    ],
)
def test_sizes(ten: Dataset, lengths: list[float], sizes: list[int]) -> None:
    parts = ten.random_split(lengths)
    assert [len(part) for part in parts] == sizes
    found = [number for part in parts if len(part) for number in numbers(part)]
    assert sorted(found) == list(range(10))
    for part in parts:
        assert part.sample_indices == (numbers(part) if len(part) else [])
        if len(part):
            assert part.y.numpy().ravel().tolist() == [10 * n for n in numbers(part)]


@pytest.mark.parametrize(
    "lengths",
    [[5, 4], [11], [0.5, 0.4], [0.9, 0.2], [], [-1, 11], [1.5, -0.5], [5.0, 5.0], [2, 0.8]],
)
def test_lengths_that_do_not_add_up(ten: Dataset, lengths: list[float]) -> None:
    with pytest.raises(ValueError, match="split|add up"):
        ten.random_split(lengths)


def test_uneven_tensors(ten: Dataset) -> None:
    ten.x.append(10)
    with pytest.raises(ValueError, match="'x': 11, 'y': 10"):
        ten.random_split([0.5, 0.5])
    assert sum(map(len, ten.min_view.random_split([0.5, 0.5]))) == 10


def test_rows_are_shuffled(ten: Dataset) -> None:
    deeplake.random.seed(1)
    first, second = ten.random_split([5, 5])
    assert numbers(first) != sorted(numbers(first)) or numbers(second) != sorted(numbers(second))


def test_seeds(ten: Dataset) -> None:
    deeplake.random.seed(7)
    one = [numbers(part) for part in ten.random_split([0.5, 0.5])]
    deeplake.random.seed(7)
    assert [numbers(part) for part in ten.random_split([0.5, 0.5])] == one
    deeplake.random.seed(8)
    assert [numbers(part) for part in ten.random_split([0.5, 0.5])] != one
    deeplake.random.seed()
    drawn = {tuple(numbers(ten.random_split([0.5, 0.5])[0])) for _ in range(5)}
    assert len(drawn) > 1


@pytest.mark.parametrize(
    "index", [slice(2, 8), [9, 1, 5, 3], slice(None, None, -2), np.arange(10) > 6]
)
def test_views_split_their_own_rows(ten: Dataset, index: object) -> None:
    view = ten[index]
    expected = numbers(view)
    parts = view.random_split([0.5, 0.5])
    assert sorted(n for part in parts for n in numbers(part)) == sorted(expected)
    assert sorted(n for part in parts for n in part.sample_indices) == sorted(expected)


def test_parts_can_be_split_and_saved(ten: Dataset) -> None:
    ten.commit()
    train, rest = ten.random_split([0.6, 0.4])
    valid, test = rest.random_split([0.5, 0.5])
    assert sorted(numbers(train) + numbers(valid) + numbers(test)) == list(range(10))
    valid.save_view(id="valid", verbose=False)
    assert numbers(ten.load_view("valid")) == numbers(valid)


def test_an_empty_dataset(ds: Dataset) -> None:
    ds.create_tensor("x")
    assert [len(part) for part in ds.random_split([0.5, 0.5])] == [0, 0]
