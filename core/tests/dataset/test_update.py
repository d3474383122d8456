"""Updating samples and rows (api.md, sections 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    IndexOutOfRangeError,
    InvalidOperationError,
    SampleUpdateError,
    TensorDoesNotExistError,
    TensorDtypeMismatchError,
    TensorInvalidSampleShapeError,
)

Contents = Callable[[Dataset], Any]


@pytest.fixture
def rows(ds: Dataset) -> Dataset:
    """Five rows."""
    with ds:
        ds.create_tensor("x", dtype="int64")
        ds.create_tensor("m", dtype="float32")
        ds.create_tensor("labels", htype="class_label", class_names=["a", "b"])
        ds.extend(
            {
                "x": np.arange(5),
                "m": np.arange(60, dtype=np.float32).reshape(5, 3, 4),
                "labels": [0, 1, 0, 1, 0],
            }
        )
    return ds


def numbers(tensor: deeplake.Tensor) -> list[int]:
    found: list[int] = tensor.numpy().ravel().tolist()
    return found


# --------------------------------------------------------------------------- whole samples
def test_one_sample(rows: Dataset) -> None:
    rows.x[1] = 10
    rows.x[-1] = 40
    rows.x[np.int64(2)] = np.array([20])
    rows.m[0] = np.zeros((1, 2), np.float32)
    rows.labels[3] = "c"
    assert numbers(rows.x) == [0, 10, 20, 3, 40]
    assert rows.m[0].shape == (1, 2)
    assert rows.labels[3].data()["text"] == ["c"]


def test_stored(url: str) -> None:
    ds = deeplake.empty(url)
    ds.create_tensor("x").extend([1, 2, 3])
    ds.x[1] = 20
    with ds:
        ds.x[2] = 30
        ds.x.append(4)
        ds.x[3] = 40
    assert numbers(deeplake.load(url).x) == [1, 20, 30, 40]


@pytest.mark.parametrize(
    ("item", "values", "expected"),
    [
        (slice(1, 3), [10, 20], [0, 10, 20, 3, 4]),
        (slice(None), np.arange(5) * 2, [0, 2, 4, 6, 8]),
        (slice(None, None, -1), [5, 6, 7, 8, 9], [9, 8, 7, 6, 5]),
        (slice(0, 5, 2), (7, 8, 9), [7, 1, 8, 3, 9]),
        ([3, 0], [30, 10], [10, 1, 2, 30, 4]),
        (np.array([4, 1]), np.array([8, 9]), [0, 9, 2, 3, 8]),
        ([1, 1], [5, 6], [0, 6, 2, 3, 4]),
        ([True, False, True, False, False], [7, 8], [7, 1, 8, 3, 4]),
        (np.array([0, 0, 0, 0, 1], bool), [9], [0, 1, 2, 3, 9]),
        (slice(2, 3), 9, [0, 1, 9, 3, 4]),
        (slice(2, 3), [9], [0, 1, 9, 3, 4]),
        ([], [], [0, 1, 2, 3, 4]),
        (..., [4, 3, 2, 1, 0], [4, 3, 2, 1, 0]),
    ],
    ids=repr,
)
def test_several_samples(rows: Dataset, item: Any, values: Any, expected: list[int]) -> None:
    rows.x[item] = values
    assert numbers(rows.x) == expected


def test_one_sample_for_one_row_of_a_slice(rows: Dataset) -> None:
    rows.m[1:2] = np.zeros((3, 4), np.float32)
    assert rows.m[1].numpy().max() == 0


@pytest.mark.parametrize("values", [[1], [1, 2, 3], np.arange(4), 5, None, np.array(5)], ids=repr)
def test_lengths_have_to_agree(rows: Dataset, values: Any, contents: Contents) -> None:
    before = contents(rows)
    with pytest.raises(SampleUpdateError, match="tensor 'x'.* 2 rows"):
        rows.x[1:3] = values
    assert contents(rows) == before


def test_samples_of_other_tensors(rows: Dataset) -> None:
    rows.x[0] = rows.x[4]
    rows.x[1:3] = rows.x[3:]
    assert numbers(rows.x) == [4, 3, 4, 3, 4]
    rows.x[0] = rows.labels[1]
    assert numbers(rows.x)[0] == 1


def test_a_tensor_of_another_dataset_with_the_same_history(rows: Dataset) -> None:
    other = deeplake.load(rows.path)
    rows.x[0] = 77
    rows.x[0] = other.x[0]
    assert numbers(rows.x)[0] == 0


def test_none(rows: Dataset) -> None:
    rows.m[2] = None
    rows.x[1] = []
    assert rows.m[2].shape == (0, 0)
    assert rows.x[1].shape == (0,)
    assert rows.m.shape == (5, None, None)


@pytest.mark.parametrize(
    ("name", "row", "value", "cause"),
    [
        ("x", 1, 1.5, TensorDtypeMismatchError),
        ("x", 2, [1, 2, 3.5], TensorDtypeMismatchError),
        ("x", 1, np.zeros((2, 2), np.int64), TensorInvalidSampleShapeError),
        ("m", 3, np.zeros((3, 4)), TensorDtypeMismatchError),
        ("m", 4, np.zeros(3, np.float32), TensorInvalidSampleShapeError),
        ("labels", 0, ["new", -1], TensorDtypeMismatchError),
    ],
)
def test_samples_that_do_not_fit(
    rows: Dataset, name: str, row: int, value: Any, cause: type, contents: Contents
) -> None:
    before = contents(rows)
    with pytest.raises(SampleUpdateError, match=f"tensor '{name}', row {row}") as caught:
        rows[name][row] = value
    assert isinstance(caught.value.__cause__, cause)
    with pytest.raises(SampleUpdateError, match=f"tensor '{name}', row {row}"):
        rows[row][name] = value
    assert contents(rows) == before


def test_which_of_several_does_not_fit(rows: Dataset, contents: Contents) -> None:
    before = contents(rows)
    with pytest.raises(SampleUpdateError, match="tensor 'x', row 4"):
        rows.x[[1, 4, 2]] = [1, "two", 3]
    assert contents(rows) == before


# --------------------------------------------------------------------------- behind the end
def test_out_of_range_fills_up(rows: Dataset) -> None:
    rows.x[7] = 70
    assert rows.x.num_samples == 8
    assert [a.tolist() for a in rows.x[4:].numpy(aslist=True)] == [[4], [], [], [70]]
    rows.labels[5] = "c"
    assert rows.labels[5].numpy().tolist() == [2]
    rows.m[np.int64(6)] = np.ones((1, 1), np.float32)
    assert [a.shape for a in rows.m[4:].numpy(aslist=True)] == [(3, 4), (0, 0), (1, 1)]


def test_out_of_range_of_an_empty_tensor(ds: Dataset) -> None:
    ds.create_tensor("x")[3] = 1.5
    assert ds.x.num_samples == 4
    assert ds.x[3].numpy().tolist() == [1.5]
    ds.create_tensor("t", htype="text")[2] = "x"
    assert ds.t.text() == ["", "", "x"]


def test_out_of_range_that_does_not_fit(rows: Dataset, contents: Contents) -> None:
    before = contents(rows)
    with pytest.raises(deeplake.errors.SampleAppendError, match="tensor 'x', row 7"):
        rows.x[7] = "text"
    assert contents(rows) == before


def test_rows_that_are_not_there(rows: Dataset, contents: Contents) -> None:
    before = contents(rows)
    for item in (-6, [1, 9], (9, 0)):
        with pytest.raises(IndexError):
            rows.x[item] = 1
    with pytest.raises(IndexError):
        rows[9].x = 1
    with pytest.raises(IndexError):
        rows.x[1:3][5] = 1
    assert contents(rows) == before


# --------------------------------------------------------------------------- parts of samples
def model(rows: Dataset) -> np.ndarray:
    array: np.ndarray = rows.m.numpy()
    return array


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ((0, 1), np.array([9, 8, 7, 6], np.float32)),
        ((0, 1), [9, 8, 7, 6]),
        ((0, 1, 2), 5),
        ((0, slice(0, 2), slice(1, 3)), np.ones((2, 2), np.float32)),
        ((0, ..., 0), 3.5),
        ((-1, slice(None, None, 2)), 1),
        ((slice(1, 3), 0), 7),
        ((slice(1, 3), 0), np.ones(4, np.float32)),
        ((slice(1, 3), 0), np.arange(8, dtype=np.float32).reshape(2, 4)),
        ((slice(1, 3), 0), np.arange(4, dtype=np.float32).reshape(1, 4)),
        ((slice(None), slice(None), -1), np.arange(15, dtype=np.float32).reshape(5, 3)),
        ((..., 1), 2),
    ],
    ids=repr,
)
def test_parts_as_in_numpy(rows: Dataset, item: Any, value: Any) -> None:
    expected = model(rows)
    expected[item] = value
    rows.m[item] = value
    np.testing.assert_array_equal(model(rows), expected)


def test_parts_of_subscripted_tensors(rows: Dataset) -> None:
    expected = model(rows)
    expected[2][0:2] = 1
    rows.m[2][0:2] = 1
    expected[1:4][1][0, 0] = 5
    rows.m[1:4][1][0, 0] = 5
    expected[3, 1, 1] = 6
    rows[3].m[1, 1] = 6
    np.testing.assert_array_equal(model(rows), expected)


@pytest.mark.parametrize(
    ("item", "value", "row"),
    [
        ((1, slice(0, 2)), np.zeros((3, 3), np.float32), 1),
        ((1, 0), np.zeros(4, np.float64), 1),
        ((2, 7), 0, 2),
        ((2, 0), "text", 2),
        ((slice(1, 3), 0), np.zeros((3, 4), np.float32), 1),
    ],
    ids=repr,
)
def test_parts_that_do_not_fit(
    rows: Dataset, item: Any, value: Any, row: int, contents: Contents
) -> None:
    before = contents(rows)
    with pytest.raises(SampleUpdateError, match=f"tensor 'm', row {row}"):
        rows.m[item] = value
    assert contents(rows) == before


def test_parts_of_integers(rows: Dataset) -> None:
    with pytest.raises(SampleUpdateError, match="tensor 'x', row 0"):
        rows.x[0, 0] = 1.5
    rows.x[0, 0] = 9
    assert numbers(rows.x)[0] == 9


def test_parts_of_texts(ds: Dataset) -> None:
    ds.create_tensor("t", htype="text").append("text")
    with pytest.raises(SampleUpdateError, match="'t' has htype 'text'"):
        ds.t[0, 0] = "x"


@pytest.mark.parametrize("compression", ["png", "zlib", "lz4", None])
def test_parts_of_images(ds: Dataset, gradient: Any, compression: str | None) -> None:
    ds.create_tensor("i", htype="image", sample_compression=compression)
    ds.i.append(gradient(8, 9))
    expected = gradient(8, 9)
    expected[2:4, 3:5] = 200
    ds.i[0, 2:4, 3:5] = 200
    expected[0, 0] = [1, 2, 3]
    ds.i[0][0, 0] = np.array([1, 2, 3])
    np.testing.assert_array_equal(ds.i[0].numpy(), expected)


# --------------------------------------------------------------------------- in place
@pytest.mark.parametrize("operator", ["+", "-", "*", "//", "%", "**", "<<", ">>", "&", "^", "|"])
def test_operators_on_integers(rows: Dataset, operator: str) -> None:
    scope: dict[str, Any] = {"a": np.arange(5).reshape(5, 1), "t": rows.x}
    exec(f"a {operator}= 2\nt {operator}= 2", scope)
    np.testing.assert_array_equal(rows.x.numpy(), scope["a"])
    scope = {"a": rows.x.numpy(), "t": rows.x}
    exec(f"a[1] {operator}= 3\nt[1] {operator}= 3", scope)
    exec(f"a[2:4] {operator}= 1\nt[2:4] {operator}= 1", scope)
    np.testing.assert_array_equal(rows.x.numpy(), scope["a"])


def test_operators_on_floats(rows: Dataset) -> None:
    expected = model(rows)
    rows.m /= 2
    expected /= 2
    rows.m[1] -= np.ones((3, 4), np.float32)
    expected[1] -= 1
    rows.m[2, 0] *= 3
    expected[2, 0] *= 3
    rows.m[1:3, :, 1] += 0.5
    expected[1:3, :, 1] += 0.5
    rows[4].m += 1
    expected[4] += 1
    rows.m[0] += rows.m[1]
    expected[0] += expected[1]
    np.testing.assert_array_equal(model(rows), expected)


def test_operators_keep_the_dtype(ds: Dataset) -> None:
    ds.create_tensor("u", dtype="uint8").extend(np.array([1, 2, 3], np.uint8))
    ds.u += 1
    ds.u[0] *= 3
    assert ds.u.numpy().dtype == np.uint8
    assert numbers(ds.u) == [6, 3, 4]


@pytest.mark.parametrize("change", ["t /= 2", "t += 1.5", "t += 'x'", "t @= 2"])
def test_operators_that_numpy_refuses(rows: Dataset, change: str, contents: Contents) -> None:
    before = contents(rows)
    with pytest.raises((SampleUpdateError, TypeError)):
        exec(change, {"t": rows.x})
    assert contents(rows) == before


def test_operators_on_dynamic_tensors(rows: Dataset) -> None:
    rows.m[0] = np.zeros((1, 1), np.float32)
    with pytest.raises(SampleUpdateError, match="'m'") as caught:
        rows.m += 1
    assert isinstance(caught.value.__cause__, NotImplementedError)
    rows.m[0] += 1
    rows.m[1:] += 1
    assert rows.m[0].numpy().tolist() == [[1]]


# --------------------------------------------------------------------------- ds.update
def test_update_a_row(rows: Dataset) -> None:
    rows[2].update({"x": 20, "labels": "c"})
    assert numbers(rows.x) == [0, 1, 20, 3, 4]
    assert rows.labels.info.class_names == ["a", "b", "c"]
    assert rows[2].labels.data()["text"] == ["c"]


def test_update_several_rows(rows: Dataset) -> None:
    rows[1:3].update({"x": [10, 20]})
    rows[[4, 0]].update({"x": np.array([44, 55]), "labels": ["b", "b"]})
    assert numbers(rows.x) == [55, 10, 20, 3, 44]
    assert numbers(rows.labels) == [1, 1, 0, 1, 1]


def test_update_is_all_or_nothing(rows: Dataset, contents: Contents) -> None:
    before = contents(rows)
    with pytest.raises(SampleUpdateError, match="tensor 'x', row 2"):
        rows[2].update({"labels": "new", "x": "no number"})
    with pytest.raises(SampleUpdateError, match="tensor 'x', row 3"):
        rows[[2, 3]].update({"labels": ["new", "newer"], "x": [1, 1.5]})
    with pytest.raises(TensorDoesNotExistError, match="'nothing'"):
        rows[2].update({"x": 1, "nothing": 1})
    with pytest.raises(ValueError, match="'x': 3 samples for 2 rows"):
        rows[1:3].update({"x": [1, 2, 3]})
    with pytest.raises(TypeError, match="dict"):
        rows[1].update([1])  # type: ignore[arg-type]
    assert contents(rows) == before


def test_update_of_parts(rows: Dataset) -> None:
    with pytest.raises(ValueError, match="whole samples"):
        rows[2, 0].update({"m": 1})


def test_update_with_a_row_of_another_view(rows: Dataset) -> None:
    rows[0].update({"x": rows[4].x, "labels": rows[1].labels})
    assert (numbers(rows.x)[0], numbers(rows.labels)[0]) == (4, 1)


def test_updates_of_past_commits(local: Dataset) -> None:
    local.create_tensor("x").extend([1, 2])
    first = local.commit("one")
    local.x[0] = 10
    local.commit("two")
    assert numbers(deeplake.load(f"{local.path}@{first}").x) == [1, 2]
    assert numbers(local.x) == [10, 2]


def test_many_updates(url: str) -> None:
    ds = deeplake.empty(url)
    expected = np.arange(2000)
    ds.create_tensor("x").extend(expected)
    rng = np.random.default_rng(0)
    with ds:
        for _ in range(60):
            chosen = rng.integers(0, 2000, 5)
            values = rng.integers(0, 1000, 5)
            for row, value in zip(chosen, values, strict=True):
                expected[row] = value
            ds.x[chosen] = values
    assert numbers(deeplake.load(url).x) == expected.tolist()


def test_index_errors_are_ours(rows: Dataset) -> None:
    with pytest.raises(IndexOutOfRangeError):
        rows.x[-6] = 0
    with pytest.raises(InvalidOperationError):
        rows.x[0:2].append(1)
