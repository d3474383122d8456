"""Extending tensors and datasets (api.md, sections 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    SampleAppendError,
    SampleExtendError,
    SampleExtendingError,
    TensorDoesNotExistError,
    TensorDtypeMismatchError,
)

Contents = Callable[[Dataset], Any]


@pytest.fixture
def two(ds: Dataset) -> Dataset:
    """Two tensors without rows."""
    ds.create_tensor("x", dtype="int64")
    ds.create_tensor("labels", htype="class_label")
    return ds


# --------------------------------------------------------------------------- tensors
@pytest.mark.parametrize(
    "samples",
    [
        np.arange(6).reshape(3, 2),
        [[0, 1], [2, 3], [4, 5]],
        ([0, 1], (2, 3), np.array([4, 5])),
        list(np.arange(6).reshape(3, 2)),
        torch.arange(6).reshape(3, 2),
        lambda: (row for row in ([0, 1], [2, 3], [4, 5])),
        np.asfortranarray(np.arange(6).reshape(3, 2)),
    ],
    ids=["array", "lists", "mixed", "arrays", "torch", "generator", "fortran"],
)
def test_extend(ds: Dataset, samples: Any) -> None:
    ds.create_tensor("x").extend(samples() if callable(samples) else samples)
    assert ds.x.dtype == np.int64
    assert ds.x.numpy().tolist() == [[0, 1], [2, 3], [4, 5]]


def test_an_array_of_numbers(two: Dataset) -> None:
    two.x.extend(np.arange(5))
    two.labels.extend(np.arange(5))
    assert two.x.shape == (5, 1)
    assert two.labels.numpy().dtype == np.uint32
    two.labels.extend(range(3))
    assert two.labels.num_samples == 8


def test_an_array_of_numbers_that_do_not_fit(two: Dataset, contents: Contents) -> None:
    two.labels.extend(np.arange(3))
    before = contents(two)
    with pytest.raises(SampleAppendError, match=r"tensor 'labels', row 5: .*-1 is not from 0"):
        two.labels.extend(np.array([1, 2, -1, 4]))
    with pytest.raises(SampleAppendError, match=r"tensor 'labels', row 3") as caught:
        two.labels.extend(np.array([0.5, 1.0]))
    assert isinstance(caught.value.__cause__, TensorDtypeMismatchError)
    assert contents(two) == before


def test_arrays_are_judged_by_their_dtype(ds: Dataset) -> None:
    ds.create_tensor("x", dtype="uint8")
    with pytest.raises(SampleAppendError, match="tensor 'x', row 0"):
        ds.x.extend(np.zeros((3, 2), np.int64))
    ds.x.extend(np.zeros((3, 2), np.uint8))


def test_extend_is_all_or_nothing(two: Dataset, contents: Contents) -> None:
    two.labels.append("a")
    before = contents(two)
    with pytest.raises(SampleAppendError, match="tensor 'labels', row 3"):
        two.labels.extend(["b", "c", 1.5, "d"])
    assert contents(two) == before


def test_ignore_errors(two: Dataset) -> None:
    two.x.extend([1, "a", 2, 2.5, 3], ignore_errors=True)
    assert two.x.numpy().ravel().tolist() == [1, 2, 3]
    two.labels.extend(["cat", 1.5, "dog"], ignore_errors=True)
    assert two.labels.info.class_names == ["cat", "dog"]


def test_mixed_with_none(ds: Dataset) -> None:
    ds.create_tensor("x").extend([None, 1, None, 2])
    assert [a.tolist() for a in ds.x.numpy(aslist=True)] == [[], [1], [], [2]]


def test_texts(ds: Dataset) -> None:
    ds.create_tensor("t").extend(["one", "two"])
    ds.t.extend(np.array(["three", "four"]))
    assert ds.t.text() == ["one", "two", "three", "four"]


def test_long_lists_are_judged_as_their_samples_are(url: str) -> None:
    ds = deeplake.empty(url)
    ds.create_tensor("ints").extend([*range(100)])
    ds.create_tensor("floats").extend([0.5] * 100)
    ds.create_tensor("bools").extend([True, False] * 50)
    ds.create_tensor("texts").extend(["a", "b\x00"] * 50)
    ds.create_tensor("large").extend([2**63 - 1] * 50)
    ds.create_tensor("small", dtype="uint8").extend([255] * 50)
    ds.create_tensor("halves", dtype="float32").extend([1.5] * 50)
    ds.create_tensor("wholes", dtype="float32").extend([3] * 50)
    ds.create_tensor("labels", htype="class_label").extend(["x", "y\x00", "x"] * 30)
    ds.labels.extend(np.array(["z", "x"] * 20))
    ds.create_tensor("text", htype="text").extend(np.array(["z", "x"] * 20))
    for found in (ds, deeplake.load(url)):
        assert [found[name].dtype for name in ("ints", "floats", "bools")] == [
            np.int64, np.float64, np.bool_,
        ]  # fmt: skip
        assert found.ints.numpy().ravel().tolist() == list(range(100))
        assert found.bools[1].numpy().tolist() == [False]
        assert found.texts.htype == "text"
        assert found.texts[1].text() == "b\x00"
        assert found.large.numpy().dtype == np.int64
        assert found.wholes.numpy().dtype == np.float32
        assert found.labels.info.class_names == ["x", "y\x00", "z"]
        assert found.labels[-2:].numpy().tolist() == [[2], [0]]
        assert found.text[1].text() == "x"
    for name, wrong in (("small", 256), ("halves", 1e300), ("wholes", 2**24 + 1)):
        values = [ds[name].numpy()[0].item()] * 50
        values[33] = wrong
        with pytest.raises(SampleAppendError, match=f"tensor '{name}', row 83"):
            ds[name].extend(values)
    with pytest.raises(SampleAppendError, match="tensor 'ints', row 140"):
        ds.ints.extend([1] * 40 + [2**63])
    with pytest.raises(SampleAppendError, match="tensor 'ints', row 100"):
        ds.ints.extend(["text"] * 40)
    with pytest.raises(SampleAppendError, match="tensor 'boxes', row 0"):
        ds.create_tensor("boxes", htype="bbox").extend([1.5] * 40)


def test_object_arrays_are_samples_one_by_one(ds: Dataset) -> None:
    ragged = np.empty(20, object)
    for i in range(20):
        ragged[i] = np.full((i + 1, 2, 3), i, np.uint8)
    ds.create_tensor("x", htype="image.rgb", sample_compression=None).extend(ragged)
    assert ds.x[7].shape == (8, 2, 3)


@pytest.mark.parametrize("samples", ["text", 3, None, np.array(3), {"a": 1}], ids=repr)
def test_a_single_sample(ds: Dataset, samples: Any) -> None:
    ds.create_tensor("x")
    with pytest.raises(TypeError, match="append"):
        ds.x.extend(samples)


def test_extend_with_a_tensor(two: Dataset) -> None:
    two.x.extend([1, 2, 3])
    two.labels.extend(["a", "b", "a"])
    other = deeplake.empty("mem://other")
    other.create_tensor("x").extend(two.x)
    other.x.extend(two.x[1:])
    other.x.extend(other.x[[0]])
    assert other.x.numpy().ravel().tolist() == [1, 2, 3, 2, 3, 1]


def test_extend_with_a_dynamic_tensor(ds: Dataset) -> None:
    ds.create_tensor("x").extend([[1], [2, 3], None])
    ds.create_tensor("y").extend(ds.x)
    assert [a.tolist() for a in ds.y.numpy(aslist=True)] == [[1], [2, 3], []]
    assert ds.y._reader.is_null(2)


def test_progressbar(two: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    two.x.extend([1, 2, 3], progressbar=True)
    assert "extend x" in capsys.readouterr().err
    assert two.x.num_samples == 3


# --------------------------------------------------------------------------- datasets, row by row
def test_extend_rows(two: Dataset) -> None:
    two.extend({"x": [1, 2], "labels": ["a", "b"]})
    two.extend({"x": (3,), "labels": np.array([0])})
    assert two.x.numpy().ravel().tolist() == [1, 2, 3]
    assert two.labels.numpy().ravel().tolist() == [0, 1, 0]


def test_columns_of_unequal_length(two: Dataset, contents: Contents) -> None:
    before = contents(two)
    with pytest.raises(ValueError, match=r"'x': 2, 'labels': 3"):
        two.extend({"x": [1, 2], "labels": [1, 2, 3]})
    assert contents(two) == before


def test_missing_and_unknown_tensors(two: Dataset, contents: Contents) -> None:
    before = contents(two)
    with pytest.raises(KeyError, match="'labels'"):
        two.extend({"x": [1, 2]})
    with pytest.raises(TensorDoesNotExistError, match="'nothing'"):
        two.extend({"x": [1], "labels": [1], "nothing": [1]})
    assert contents(two) == before
    two.extend({"x": [1, 2]}, append_empty=True)
    assert two.labels.num_samples == 2
    two.extend({"x": [3]}, skip_ok=True)
    assert (two.x.num_samples, two.labels.num_samples) == (3, 2)
    with pytest.raises(ValueError, match="equal length"):
        two.extend({"x": [1], "labels": [1]})


def test_nothing_to_add(two: Dataset) -> None:
    two.extend({})
    two.extend({"x": [], "labels": []})
    assert len(two) == 0


@pytest.mark.parametrize("samples", [[1, 2], 3, None, "x"], ids=repr)
def test_samples_are_a_dict(two: Dataset, samples: Any) -> None:
    with pytest.raises(SampleExtendingError, match="dict"):
        two.extend(samples)


@pytest.mark.parametrize("order", [("x", "labels"), ("labels", "x")])
def test_complete_rows_before_a_failure_stay(two: Dataset, order: tuple[str, str]) -> None:
    columns = {"x": [1, 2, "three", 4], "labels": ["a", "b", "c", "d"]}
    with pytest.raises(
        SampleExtendError, match=r"row 2 .*tensor 'x', row 2.*ignore_errors=True"
    ) as caught:
        two.extend({name: columns[name] for name in order})
    assert isinstance(caught.value.__cause__, SampleAppendError)
    assert two.x.numpy().ravel().tolist() == [1, 2]
    assert two.labels.numpy().ravel().tolist() == [0, 1]
    assert two.labels.info.class_names == ["a", "b"]


def test_a_failure_far_down(two: Dataset) -> None:
    values: list[Any] = [*range(1000)]
    values[700] = "no"
    with pytest.raises(SampleExtendError, match="row 700 "):
        two.extend({"x": values, "labels": [0] * 1000})
    assert len(two) == 700
    assert two.x.numpy().ravel().tolist() == list(range(700))


def test_ignore_errors_leaves_out_rows(two: Dataset) -> None:
    two.extend({"x": [1, "two", 3, 4], "labels": ["a", "b", 1.5, "c"]}, ignore_errors=True)
    assert two.x.numpy().ravel().tolist() == [1, 4]
    assert two.labels.data()["text"] == [["a"], ["c"]]
    assert two.labels.info.class_names == ["a", "c"]


def test_all_rows_fail(two: Dataset, contents: Contents) -> None:
    before = contents(two)
    two.extend({"x": ["a", "b"], "labels": [1, 2]}, ignore_errors=True)
    assert contents(two) == before


# --------------------------------------------------------------------------- datasets, by column
def test_extend_with_arrays(two: Dataset) -> None:
    two.extend({"x": np.arange(500), "labels": np.arange(500) % 3})
    assert len(two) == 500
    np.testing.assert_array_equal(two.labels.numpy().ravel(), np.arange(500) % 3)


def test_arrays_that_do_not_fit(two: Dataset, contents: Contents) -> None:
    before = contents(two)
    with pytest.raises(SampleExtendError, match="tensor 'x', row 0"):
        two.extend({"labels": np.arange(5), "x": np.zeros((5, 2))})
    assert contents(two) == before


def test_ignore_errors_is_ignored_with_arrays(two: Dataset, contents: Contents) -> None:
    before = contents(two)
    with (
        pytest.warns(UserWarning, match="ignore_errors"),
        pytest.raises(SampleExtendError, match="tensor 'x'"),
    ):
        two.extend({"x": np.zeros((5, 2)), "labels": np.arange(5)}, ignore_errors=True)
    assert contents(two) == before
    with pytest.warns(UserWarning, match="ignore_errors"):
        two.extend({"x": np.arange(5), "labels": np.arange(5)}, ignore_errors=True)
    assert len(two) == 5


def test_extend_with_a_dataset(two: Dataset) -> None:
    two.extend({"x": [1, 2, 3], "labels": ["a", "b", "a"]})
    other = deeplake.like("mem://other", two)
    other.extend(two)
    other.extend(two[1:])
    assert other.x.numpy().ravel().tolist() == [1, 2, 3, 2, 3]
    assert other.labels.numpy().ravel().tolist() == [0, 1, 0, 1, 0]
    two.extend(two[[0]])
    assert two.x.numpy().ravel().tolist() == [1, 2, 3, 1]


def test_extend_with_tensors(two: Dataset) -> None:
    two.extend({"x": [1, 2, 3], "labels": ["a", "b", "a"]})
    other = deeplake.like("mem://other", two)
    other.extend({"x": two.x[:2], "labels": two.labels[1:]})
    assert other.labels.numpy().ravel().tolist() == [1, 0]


def test_extend_with_itself(two: Dataset) -> None:
    two.extend({"x": np.arange(300), "labels": np.arange(300)})
    two.extend(two)
    assert len(two) == 600
    np.testing.assert_array_equal(two.x.numpy().ravel(), [*range(300), *range(300)])


def test_progressbar_of_rows(two: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    two.extend({"x": [*range(600)], "labels": [0] * 600}, progressbar=True)
    assert "extend" in capsys.readouterr().err
    assert len(two) == 600
