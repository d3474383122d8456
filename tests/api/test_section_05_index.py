"""Subscripts (api.md, section 5), against NumPy, with the differences of section 0.

The algebra itself: ``core/tests/dataset/test_selection.py`` and ``test_indexing.py``.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import InvalidKeyTypeError, InvalidOperationError

VALUES = np.arange(8 * 3 * 4).reshape(8, 3, 4)


@pytest.fixture
def ds(tmp_path: Path) -> Dataset:
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("x").extend(VALUES)
    ds.create_tensor("y").extend(np.arange(8))
    return ds


def same(found: Any, expected: Any) -> None:
    assert found.shape == expected.shape
    assert (found == expected).all()


@pytest.mark.parametrize(
    "item",
    [
        0, 5, -1, -8, np.int64(3), np.uint8(2),
        slice(None), slice(1, 3), slice(3, 1), slice(0, 100), slice(100, 200), slice(-3, None),
        slice(None, None, 2), slice(None, None, -1), slice(6, 1, -2), slice(-100, 2),
        [5, 1, 1], [-1, 0], np.array([2, 2, 7]), (np.array([2, 2, 7]), 0), ([2, 7], slice(1, 2)),
        np.array([True] * 4 + [False] * 4),
        [True, False] * 4,
        (5, 1), (slice(1, 3), 0, 2), (..., 0), (0, ...), ..., (slice(None), slice(1, None), 2),
        (3, [2, 0]), (-1, -1, -1), (slice(2, 6), ..., slice(None, None, -1)), (),
    ],
)  # fmt: skip
def test_as_in_numpy(ds: Dataset, item: Any) -> None:
    same(ds.x[item].numpy(), VALUES[item])
    same(ds.x[item].numpy(fetch_chunks=True), VALUES[item])
    assert ds.x[item].shape == VALUES[item].shape


@pytest.mark.parametrize("item", [8, -9, np.int64(8)])
def test_rows_that_are_not_there(ds: Dataset, item: Any) -> None:
    for what in (ds, ds.x):
        with pytest.raises(IndexError):
            _ = what[item]


def test_errors_say_what_was_subscripted(ds: Dataset) -> None:
    for item in (8, [9], 1.5, "a", (0, 0, 0, 0), slice(None, None, 0), [True]):
        with pytest.raises((IndexError, TypeError), match="^tensor 'x': "):
            _ = ds.x[item]
        if not isinstance(item, (str, tuple)):
            with pytest.raises((IndexError, TypeError)) as wrong:
                _ = ds[item]
            assert str(wrong.value).startswith(f"{ds.path}: ")
    with pytest.raises(IndexError, match="^tensor 'x', row 2: index 3 is out of range for axis 0"):
        ds.x[2, 3].numpy()
    with pytest.raises(IndexError, match="^tensor 'x': index 3 is out of range for axis 0"):
        ds.x[1:3, 3].numpy()


def test_an_empty_list(ds: Dataset) -> None:
    assert ds.x[[]].numpy().shape == (0,)


def test_lists_act_per_axis(ds: Dataset) -> None:
    found = ds.x[[0, 2], 1:3, [0, 1]].numpy()
    same(found, VALUES[np.ix_([0, 2], [1, 2], [0, 1])])
    assert found.shape == (2, 2, 2)


def test_two_ellipses(ds: Dataset) -> None:
    with pytest.raises(IndexError):
        _ = ds.x[..., ...]


def test_chains(ds: Dataset) -> None:
    same(ds.x[1:3][0].numpy(), VALUES[1:3][0])
    same(ds[::2][1:].x.numpy(), VALUES[::2][1:])
    same(ds[2:5].x[1].numpy(), VALUES[2:5][1])
    same(ds[2:5][-1].x.numpy(), VALUES[2:5][-1])
    same(ds[[1, 2]][-1].x.numpy(), VALUES[[1, 2]][-1])
    same(ds[-5:][-2:].x.numpy(), VALUES[-5:][-2:])
    same(ds.x[2:6][[True, False, True, False]].numpy(), VALUES[2:6][[True, False, True, False]])
    same(ds.x[5][1].numpy(), VALUES[5][1])
    same(ds.x[5][1][2].numpy(), VALUES[5][1][2])
    same(ds[np.array([3, 4])][np.array([False, True])].x.numpy(), VALUES[[4]])


def test_none_adds_an_axis_inside_samples(ds: Dataset) -> None:
    same(ds.x[0, None].numpy(), VALUES[0, None])
    same(ds.x[1:3, :, None].numpy(), VALUES[1:3, :, None])
    same(ds.x[0][None].numpy(), VALUES[0][None])


@pytest.mark.parametrize(
    "item",
    [
        None, (None,), (None, 0), (None, slice(0, 2)), (None, None), (None, ...), (None, ..., 0),
        (None, [1, 2], 0), (None, slice(None), None, 1), (None, None, 3), (None, None, slice(2)),
        (None, slice(1, 3), 0, 2), (None, ..., None),
    ],
)  # fmt: skip
def test_none_in_front_of_the_rows(ds: Dataset, item: Any) -> None:
    same(ds.x[item].numpy(), VALUES[item])
    assert ds.x[item].shape == VALUES[item].shape
    assert len(ds.x[item]) == len(VALUES[item])
    same(np.array(ds[2:6].x[item[:1] if isinstance(item, tuple) else item]), VALUES[2:6][None])


def test_chains_behind_an_axis_in_front(ds: Dataset) -> None:
    framed, values = ds.x[None], VALUES[None]
    for item in (0, -1, (0, 3), (0, slice(1, 3)), slice(None), (slice(None), 2), (0, 1, 2, 3), None,
                 (..., 0), (None, 0), (0, None), (0, ..., 1), ...):  # fmt: skip
        same(framed[item].numpy(), values[item])
        assert framed[item].shape == values[item].shape
    assert [part.shape for part in framed] == [(8, 3, 4)]
    assert repr(framed) == "Tensor(key='x', index=Index([None, slice(0, 8, None)]))"
    with pytest.raises(IndexError):
        _ = framed[1]
    for item in (slice(0, 0), [0], True, 1.5):
        with pytest.raises(InvalidKeyTypeError):
            _ = framed[item]
    assert (pickle.loads(pickle.dumps(framed)).numpy() == values).all()
    assert framed.numpy(aslist=True)[0][1].tolist() == VALUES[1].tolist()


def test_assignment_behind_an_axis_in_front(ds: Dataset) -> None:
    values = VALUES.copy()
    ds.x[None] = values[None] + 1
    values[None] = values[None] + 1
    ds.x[None, 1:3] = np.zeros((1, 2, 3, 4), int)
    values[None, 1:3] = 0
    ds.x[None] += 5
    values[None] += 5
    same(ds.x.numpy(), values)
    with pytest.raises(InvalidOperationError):
        ds.x[None].append(values[0])
    ds.create_tensor("z").append(ds.x[None])
    assert ds.z.shape == (1, 1, 8, 3, 4)


def test_none_on_datasets(ds: Dataset) -> None:
    with pytest.raises(InvalidKeyTypeError, match="axis"):
        _ = ds[None]


@pytest.mark.parametrize("item", [1.5, "a", {}, object(), True, b"x", slice("a", "b")])
def test_keys_of_other_types(ds: Dataset, item: Any) -> None:
    with pytest.raises(InvalidKeyTypeError) as wrong:
        _ = ds.x[item]
    assert isinstance(wrong.value, TypeError)


@pytest.mark.parametrize("mask", [[True], [False] * 9, np.array([True] * 7)])
def test_masks_of_another_length(ds: Dataset, mask: Any) -> None:
    with pytest.raises(IndexError, match="8"):
        _ = ds.x[mask]


def test_tuples_on_datasets(ds: Dataset) -> None:
    same(ds[0, 1].x.numpy(), VALUES[0, 1])
    same(ds[2:4, 0].x.numpy(), VALUES[2:4, 0])
    same(ds[..., 0].y.numpy(), np.arange(8))


def test_one_row_drops_its_axis(ds: Dataset) -> None:
    assert ds[3].y.numpy().shape == (1,)
    assert ds[3:4].y.numpy().shape == (1, 1)


@pytest.mark.parametrize(
    ("item", "text", "json"),
    [
        (3, "Index([3])", [3]),
        (slice(1, 3), "Index([slice(1, 3, None)])", [{"start": 1, "stop": 3, "step": None}]),
        ([4, 2], "Index([[4, 2]])", [[4, 2]]),
        ((0, slice(1, 2)), "Index([0, slice(1, 2, None)])",
         [0, {"start": 1, "stop": 2, "step": None}]),
    ],
)  # fmt: skip
def test_index_text_and_json(ds: Dataset, item: Any, text: str, json: Any) -> None:
    assert str(ds[item].index) == repr(ds[item].index) == text
    assert ds.x[item].index.to_json() == json
