"""Subscripts of tensors and datasets mean what they mean in NumPy (api.md, sections 0 and 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deeplake import Dataset
from deeplake.errors import IndexOutOfRangeError, InvalidKeyTypeError, InvalidSubscriptError

SHAPE = (7, 4, 5, 3)
MODEL = np.arange(np.prod(SHAPE)).reshape(SHAPE)


@pytest.fixture(params=[None, "zlib"])
def cube(ds: Dataset, request: pytest.FixtureRequest) -> Dataset:
    """Seven samples of three dimensions, and labels."""
    ds.create_tensor("t", chunk_compression=request.param).extend(MODEL)
    ds.create_tensor("labels", htype="class_label").extend(np.arange(7))
    return ds


MASK = [True, False, True, False, False, True, False]


@pytest.mark.parametrize(
    "item",
    [
        0,
        -1,
        -7,
        np.int32(3),
        np.uint8(3),
        np.array(2),
        slice(None),
        slice(1, 4),
        slice(None, None, 2),
        slice(None, None, -1),
        slice(5, 1, -2),
        slice(-3, None),
        slice(3, 100),
        slice(100, 200),
        slice(4, 2),
        slice(np.int64(1), np.int64(3)),
        [0],
        [5, 1, 1],
        [-1, 0, -7],
        np.array([5, 1, 1]),
        np.array([3, -2], np.int8),
        MASK,
        np.array(MASK),
        range(2, 5),
        ...,
        (..., 0),
        (0, ...),
        (..., 1, slice(None)),
        (5, 1),
        (5, 1, 2, 0),
        (-1, -1, -1, -1),
        (slice(1, 3), 0, 2),
        (slice(1, 3), slice(None), slice(None, None, -1)),
        ([4, 2], 0),
        (slice(None), [0, 2]),
        (slice(1, 3), slice(1, 3), [2, 0, 0]),
        (0, [3, 1, 1]),
        (slice(None), slice(1, 3), [1, 1]),
        (0, [True, False, True, True]),
        (slice(None), ..., [True, False, True]),
        (0, None),
        (0, slice(None), None, 2),
        (slice(2, 4), None, 1),
        (),
    ],
    ids=repr,
)
def test_as_numpy(cube: Dataset, item: Any) -> None:
    expected = MODEL[item]
    tensor = cube.t[item]
    found = tensor.numpy()
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == MODEL.dtype
    assert tensor.shape == expected.shape
    np.testing.assert_array_equal(np.array(tensor), expected)


@pytest.mark.parametrize(
    ("item", "axes"),
    [
        (([0, 2], slice(1, 3), [0, 1]), ([0, 2], [1, 2], [0, 1], [0, 1, 2])),
        (([1, 6], [0, 3], [4, 2], [2, 0]), ([1, 6], [0, 3], [4, 2], [2, 0])),
        ((MASK, [3, 3, 0]), ([0, 2, 5], [3, 3, 0], range(5), range(3))),
    ],
)
def test_lists_act_per_axis(cube: Dataset, item: Any, axes: Any) -> None:
    np.testing.assert_array_equal(cube.t[item].numpy(), MODEL[np.ix_(*axes)])


def test_an_empty_list(cube: Dataset) -> None:
    assert cube.t[[]].numpy().shape == (0,)
    assert len(cube.t[[]]) == 0
    assert cube.t[[]].numpy(aslist=True) == []
    assert len(cube[[]]) == 0
    assert cube.t[[]].numpy().dtype == MODEL.dtype


@pytest.mark.parametrize(
    "chain",
    [
        (slice(1, 3), 0),
        (slice(1, 6), slice(None, None, 2), -1),
        (slice(None, None, -1), 0),
        (slice(2, 5), -1),
        ([4, 2, 0], -1),
        ([4, 2, 0], slice(1, None), 0),
        (0, 1, 2),
        (0, slice(1, 3), 1),
        (slice(1, 5), (slice(None), 2), 0),
        (MASK, [0, 2], 1),
        (slice(1, 3), (..., 0), (0, 0)),
        (3, ..., 1),
    ],
    ids=repr,
)
def test_chains(cube: Dataset, chain: tuple[Any, ...]) -> None:
    tensor, expected = cube.t, MODEL
    for item in chain:
        tensor, expected = tensor[item], expected[item]
    np.testing.assert_array_equal(tensor.numpy(), expected)


@pytest.mark.parametrize(
    "chain",
    [
        (slice(2, 5), -1),
        ([1, 2], -1),
        (slice(None, None, 2), slice(1, None)),
        (slice(None, None, 2), slice(1, None), 0),
        (MASK, slice(None, None, -1)),
        (np.int64(3),),
        (np.array([6, 0, 6]),),
        (...,),
        (slice(1, 4), (slice(None), 0)),
        ((0, 1),),
    ],
    ids=repr,
)
def test_views_of_datasets(cube: Dataset, chain: tuple[Any, ...]) -> None:
    view, expected = cube[["t"]], MODEL
    for item in chain:
        view, expected = view[item], expected[item]
    np.testing.assert_array_equal(view.t.numpy(), expected)


def test_views_and_tensors_compose(cube: Dataset) -> None:
    np.testing.assert_array_equal(cube[2:5].t[1].numpy(), MODEL[3])
    np.testing.assert_array_equal(cube[2:5].t[-1, 0].numpy(), MODEL[4, 0])
    np.testing.assert_array_equal(cube[::2].t[1:, ..., 0].numpy(), MODEL[::2][1:, ..., 0])
    np.testing.assert_array_equal(cube[3].t[1:3].numpy(), MODEL[3][1:3])
    np.testing.assert_array_equal(cube[0, 1].t.numpy(), MODEL[0, 1])
    np.testing.assert_array_equal(cube[MASK].labels.numpy().ravel(), [0, 2, 5])


def test_one_row_drops_the_sample_axis(cube: Dataset) -> None:
    assert cube[3].t.shape == (4, 5, 3)
    assert cube.t[3].shape == (4, 5, 3)
    assert cube.t[3:4].shape == (1, 4, 5, 3)
    assert cube[3].labels.numpy().tolist() == [3]
    assert cube.t[3].num_samples == 7
    assert len(cube.t[3]) == 1


@pytest.mark.parametrize("item", [7, -8, [0, 7], [-8], np.array([7]), (0, 4), (0, 0, -6), (7, 0)])
def test_out_of_range(cube: Dataset, item: Any) -> None:
    with pytest.raises(IndexError) as caught:
        cube.t[item].numpy()
    assert isinstance(caught.value, IndexOutOfRangeError)


def test_out_of_range_of_views(cube: Dataset) -> None:
    for index in (3, -4):
        with pytest.raises(IndexError):
            cube[2:5][index]
        with pytest.raises(IndexError):
            cube[2:5].t[index]
    with pytest.raises(IndexError):
        cube[7]


@pytest.mark.parametrize(
    "item", [1.0, "x", {1}, {"a": 1}, b"x", [0.5], object(), True, np.zeros(3)]
)
def test_keys_of_other_types(cube: Dataset, item: Any) -> None:
    with pytest.raises(InvalidKeyTypeError) as caught:
        cube.t[item]
    assert isinstance(caught.value, TypeError)


def test_subscripts_that_make_no_sense(cube: Dataset) -> None:
    with pytest.raises(IndexError, match="ellipsis"):
        cube.t[..., ...]
    with pytest.raises(InvalidSubscriptError):
        cube.t[0, 0, 0, 0, 0]
    with pytest.raises(InvalidSubscriptError):
        cube.t[::0]
    with pytest.raises(IndexOutOfRangeError, match="mask"):
        cube.t[[True, False]]


def test_texts_of_indexes(cube: Dataset) -> None:
    assert repr(cube.t[3].index) == "Index([3])"
    assert repr(cube.t[1:3].index) == "Index([slice(1, 3, None)])"
    assert repr(cube.t[[1, 3], 0].index) == "Index([[1, 3], 0])"
    assert repr(cube.t[2, 1:3]) == "Tensor(key='t', index=Index([2, slice(1, 3, None)]))"
    assert repr(cube.t) == "Tensor(key='t')"
    assert cube.t.index.to_json() == [{"start": None, "stop": None, "step": None}]
    assert cube.t[3, 1:].index.to_json() == [3, {"start": 1, "stop": None, "step": None}]
    assert cube.t[[4, 4]].index.to_json() == [[4, 4]]


def test_sample_indices(cube: Dataset) -> None:
    assert cube.t.sample_indices == list(range(7))
    assert cube.t[2:6:2].sample_indices == [2, 4]
    assert cube.t[[5, 1]].sample_indices == [5, 1]
    assert cube.t[-1].sample_indices == [6]


def test_tensors_that_are_not_subscripted_grow(cube: Dataset) -> None:
    tensor, part = cube.t, cube.t[5:]
    cube.t.append(MODEL[0])
    assert len(tensor) == 8
    assert len(part) == 2


def test_iteration(cube: Dataset) -> None:
    for i, sample in enumerate(cube.t[1:4]):
        np.testing.assert_array_equal(sample.numpy(), MODEL[1 + i])
    assert len([*cube.t]) == 7


def test_fetch_chunks_changes_nothing(cube: Dataset) -> None:
    np.testing.assert_array_equal(cube.t[2:4].numpy(fetch_chunks=True), MODEL[2:4])
