"""Appending samples and rows (api.md, sections 3 and 4)."""

from __future__ import annotations

import io
import logging
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    DeepLakeError,
    EmptyTensorError,
    SampleAppendError,
    SampleAppendingError,
    TensorDoesNotExistError,
    TensorDtypeMismatchError,
    TensorInvalidSampleShapeError,
    UnsupportedCompressionError,
    UnsupportedTensorTypeError,
)

Contents = Callable[[Dataset], Any]


# --------------------------------------------------------------------------- the first sample decides
@pytest.mark.parametrize(
    ("sample", "htype", "dtype"),
    [
        (1, "generic", "int64"),
        (1.5, "generic", "float64"),
        (True, "generic", "bool"),
        (1 + 2j, "generic", "complex128"),
        (np.float32(1), "generic", "float32"),
        (np.uint8(1), "generic", "uint8"),
        ([1, 2], "generic", "int64"),
        ([1, 2.5], "generic", "float64"),
        ((1, 2), "generic", "int64"),
        ([[1], [2]], "generic", "int64"),
        ([True, False], "generic", "bool"),
        (np.zeros((2, 3), np.int16), "generic", "int16"),
        (np.zeros((2, 3), ">f8"), "generic", "float64"),
        (np.array(3), "generic", "int64"),
        (torch.zeros(2), "generic", "float32"),
        ("text", "text", "str"),
        ("", "text", "str"),
        (np.str_("text"), "text", "str"),
        (np.array("text"), "text", "str"),
        (np.array(["text"]), "text", "str"),
        ({"a": 1}, "json", "str"),
        ({}, "json", "str"),
        ([1, "a"], "json", "str"),
        (["a", "b"], "json", "str"),
        ([{"a": 1}, {"b": 2}], "json", "str"),
        ([[1, 2], [3]], "json", "str"),
        ([None, 1], "json", "str"),
    ],
    ids=repr,
)
def test_first_sample(ds: Dataset, sample: Any, htype: str, dtype: str) -> None:
    tensor = ds.create_tensor("x")
    assert tensor.htype is None
    assert tensor.base_htype is None
    assert tensor.dtype is None
    tensor.append(sample)
    assert tensor.htype == tensor.base_htype == htype
    assert tensor.dtype == np.dtype(dtype)
    assert deeplake.load(ds.path).x.htype == htype


def test_an_htype_without_dtype(ds: Dataset) -> None:
    tensor = ds.create_tensor("x", htype="generic")
    assert (tensor.htype, tensor.dtype) == ("generic", None)
    tensor.append(np.float32(2))
    assert tensor.dtype == np.float32


def test_a_dtype_without_htype(ds: Dataset) -> None:
    tensor = ds.create_tensor("x", dtype="float32")
    assert (tensor.htype, tensor.dtype) == (None, np.float32)
    tensor.append(1)
    assert (tensor.htype, tensor.numpy().dtype) == ("generic", np.float32)


def test_dtypes_of_htypes_are_known_at_once(ds: Dataset) -> None:
    assert ds.create_tensor("l", htype="class_label").dtype == np.uint32
    assert ds.create_tensor("b", htype="bbox").dtype == np.float32
    assert ds.create_tensor("t", htype="text").dtype == np.dtype(str)
    assert ds.create_tensor("j", htype="json").dtype == np.dtype(str)
    assert ds.create_tensor("i", htype="image", sample_compression="png").dtype is None


def test_none_decides_nothing(ds: Dataset) -> None:
    tensor = ds.create_tensor("x")
    tensor.append(None)
    assert (tensor.htype, tensor.dtype, tensor.num_samples) == (None, None, 1)
    tensor.append("now it is text")
    assert tensor.htype == "text"
    assert tensor.text() == ["", "now it is text"]


def test_an_empty_array_decides_nothing(ds: Dataset) -> None:
    ds.create_tensor("x").extend(np.zeros((0, 3)))
    assert (ds.x.htype, ds.x.dtype, ds.x.num_samples) == (None, None, 0)
    ds.x.extend([])
    assert ds.x.num_samples == 0


def test_text_cannot_be_an_image(ds: Dataset) -> None:
    ds.create_tensor("x", sample_compression="png")
    with pytest.raises(SampleAppendError, match="'x'.*png") as caught:
        ds.x.append("text")
    assert isinstance(caught.value.__cause__, UnsupportedCompressionError)
    assert ds.x.htype is None


# --------------------------------------------------------------------------- what fits which dtype
FITS = [
    ("int64", 5),
    ("int64", np.zeros(3, np.int32)),
    ("int64", True),
    ("uint8", 255),
    ("uint8", [0, 255]),
    ("uint8", np.array([7])),
    ("uint8", np.int64(7)),
    ("uint8", torch.tensor(7)),
    ("float32", 1),
    ("float32", 0.1),
    ("float32", [0.1, 1e30]),
    ("float32", [16777216, 70000]),
    ("float32", float("nan")),
    ("float32", [float("inf")]),
    ("float32", np.float64(0.1)),
    ("float32", np.array([0.1])),
    ("float32", np.zeros(3, np.float16)),
    ("float32", np.zeros((0,), np.float64)),
    ("float64", np.zeros(3, np.float32)),
    ("complex64", 1.5),
    ("complex64", [1 + 2j]),
    ("bool", True),
    ("bool", [True, False]),
    ("bool", np.array([True])),
]
FITS_NOT = [
    ("int64", 1.5),
    ("int64", [1.5, 2.5]),
    ("int64", np.zeros(2, np.float32)),
    ("int64", np.zeros(2, np.float64)),
    ("uint8", 256),
    ("uint8", -1),
    ("uint8", [0, 256]),
    ("uint8", np.zeros(2, np.int64)),
    ("uint32", np.zeros((2, 2), np.int64)),
    ("int32", 2**31),
    ("int64", 2**63),
    ("float32", 1e300),
    ("float32", [1.0, -1e300]),
    ("float32", 16777217),
    ("float32", np.zeros(2, np.float64)),
    ("float32", np.zeros(2, np.int64)),
    ("float64", 1j),
    ("float64", [1j, 2j]),
    ("bool", 1),
    ("bool", [0, 1]),
    ("bool", np.zeros(2, np.uint8)),
]


@pytest.mark.parametrize(("dtype", "sample"), FITS, ids=repr)
def test_fits(ds: Dataset, dtype: str, sample: Any) -> None:
    tensor = ds.create_tensor("x", dtype=dtype)
    tensor.append(sample)
    stored = tensor[0].numpy()
    assert stored.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(stored, np.atleast_1d(np.asarray(sample)).astype(dtype))


@pytest.mark.parametrize(("dtype", "sample"), FITS_NOT, ids=repr)
def test_fits_not(ds: Dataset, dtype: str, sample: Any, contents: Contents) -> None:
    tensor = ds.create_tensor("x", dtype=dtype)
    for known in (False, True):
        before = contents(ds)
        with pytest.raises(SampleAppendError, match=f"tensor 'x', row {int(known)}") as caught:
            tensor.append(sample)
        assert isinstance(caught.value.__cause__, TensorDtypeMismatchError)
        assert contents(ds) == before
        with pytest.raises(SampleAppendError):
            tensor.extend([sample])
        assert contents(ds) == before
        if not known:
            tensor.append(np.zeros(np.shape(sample) or 1, dtype))


def test_the_decided_dtype_stays(ds: Dataset) -> None:
    ds.create_tensor("x").append(1)
    with pytest.raises(SampleAppendError):
        ds.x.append(1.5)
    ds.x.append(True)
    assert ds.x.numpy().tolist() == [[1], [1]]


def test_boxes_take_lists_of_floats(ds: Dataset) -> None:
    ds.create_tensor("boxes", htype="bbox")
    ds.boxes.append([[0.1, 2, 3, 4.5]])
    ds.boxes.append([[1, 2, 3, 4]])
    ds.boxes.append(np.zeros((2, 4), np.float32))
    with pytest.raises(SampleAppendError) as caught:
        ds.boxes.append(np.zeros((2, 4), np.float64))
    assert isinstance(caught.value.__cause__, TensorDtypeMismatchError)
    assert ds.boxes.num_samples == 3


# --------------------------------------------------------------------------- what fits which shape
def test_scalars_have_one_dimension(ds: Dataset) -> None:
    ds.create_tensor("x")
    for sample in (1, np.int64(2), np.array(3), [4], np.array([5]), torch.tensor(6)):
        ds.x.append(sample)
    assert ds.x.shape == (6, 1)
    assert ds.x[0].shape == (1,)
    assert ds.x.numpy().ravel().tolist() == [1, 2, 3, 4, 5, 6]


def test_dimensions_have_to_agree(ds: Dataset, contents: Contents) -> None:
    ds.create_tensor("x").append(np.zeros((2, 3)))
    before = contents(ds)
    for sample in (np.zeros(3), np.zeros((1, 2, 3)), 1.0, [1.0, 2.0]):
        with pytest.raises(SampleAppendError, match="tensor 'x', row 1.*dimensions") as caught:
            ds.x.append(sample)
        assert isinstance(caught.value.__cause__, TensorInvalidSampleShapeError)
        assert contents(ds) == before
    ds.x.append(np.zeros((5, 0)))
    assert ds.x.shape == (2, None, None)


@pytest.mark.parametrize("compression", [None, "png", "zlib"])
def test_grey_images_get_a_channel(ds: Dataset, compression: str | None) -> None:
    ds.create_tensor("x", htype="image", sample_compression=compression)
    ds.x.append(np.zeros((4, 5, 3), np.uint8))
    grey = np.arange(20, dtype=np.uint8).reshape(4, 5)
    with pytest.warns(UserWarning, match=r"'x'.*\(H, W, 1\)"):
        ds.x.append(grey)
    with pytest.warns(UserWarning, match=r"\(H, W, 1\)"):
        ds.x.extend(np.stack([grey, grey]))
    assert ds.x.shape == (4, 4, 5, None)
    np.testing.assert_array_equal(ds.x[3].numpy(), grey[..., None])


def test_other_tensors_do_not_get_a_channel(ds: Dataset) -> None:
    ds.create_tensor("x").append(np.zeros((4, 5, 3)))
    with pytest.raises(SampleAppendError):
        ds.x.append(np.zeros((4, 5)))


# --------------------------------------------------------------------------- kinds of samples
def test_kinds_of_arrays(ds: Dataset) -> None:
    ds.create_tensor("x", dtype="float32")
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    ds.x.append(array)
    ds.x.append(array.tolist())
    ds.x.append([tuple(row) for row in array])
    ds.x.append(torch.from_numpy(array))
    ds.x.append(np.asfortranarray(array))
    ds.x.append(np.repeat(array, 2, axis=1)[:, ::2])
    ds.x.append(list(array))
    ds.x.append(ds.x[0])
    ds.x.append(memoryview(array))
    np.testing.assert_array_equal(ds.x.numpy(), np.stack([array] * 9))


def test_pillow_images(ds: Dataset, gradient: Any) -> None:
    ds.create_tensor("x", htype="image", sample_compression="png")
    ds.x.append(Image.fromarray(gradient(4, 5)))
    ds.x.append(Image.fromarray(gradient(4, 5)).convert("P", palette=Image.Palette.ADAPTIVE))
    assert ds.x.shape == (2, 4, 5, 3)
    np.testing.assert_array_equal(ds.x[0].numpy(), gradient(4, 5))


def test_the_sample_is_copied(ds: Dataset) -> None:
    array = np.zeros(40)
    small = np.zeros(2)
    ds.create_tensor("x")
    ds.create_tensor("y")
    with ds:
        ds.append({"x": array, "y": small})
        ds.x.extend(array[None])
        array += 1
        small += 1
    assert ds.x.numpy().max() == 0
    assert ds.y.numpy().max() == 0


@pytest.mark.parametrize(
    "sample",
    [
        *(object(), b"bytes", bytearray(3), lambda: 1),
        *(np.array(["a", "b"]), np.array([None]), np.datetime64("2020")),
    ],
    ids=["object", "bytes", "bytearray", "function", "texts", "objects", "date"],
)
def test_values_that_cannot_be_stored(ds: Dataset, sample: Any, contents: Contents) -> None:
    ds.create_tensor("x", htype="generic")
    before = contents(ds)
    with pytest.raises(SampleAppendError, match="tensor 'x', row 0") as caught:
        ds.x.append(sample)
    assert isinstance(caught.value.__cause__, UnsupportedTensorTypeError)
    assert contents(ds) == before


def test_errors_of_foreign_code(ds: Dataset) -> None:
    class Stubborn:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            raise RuntimeError("no array for you")

    ds.create_tensor("x")
    with pytest.raises(SampleAppendError, match="'x', row 0.*no array for you") as caught:
        ds.x.append(Stubborn())
    assert isinstance(caught.value.__cause__, DeepLakeError)
    with pytest.raises(SampleAppendError, match="requires grad"):
        ds.x.append(torch.zeros(2, requires_grad=True))
    assert ds.x.num_samples == 0


# --------------------------------------------------------------------------- None
@pytest.mark.parametrize("empty", [None, [], ()], ids=repr)
def test_empty_samples(ds: Dataset, empty: Any) -> None:
    ds.create_tensor("x").append(np.ones((2, 3)))
    ds.x.append(empty)
    assert ds.x.shape_interval.lower == (2, 0, 0)
    assert ds.x.shape == (2, None, None)
    assert ds.x.is_dynamic
    assert ds.x[1].numpy().shape == (0, 0)
    assert ds.x[1].numpy().dtype == np.float64
    assert ds.x[1].shape == (0, 0)
    assert [a.shape for a in ds.x.numpy(aslist=True)] == [(2, 3), (0, 0)]


def test_none_before_the_first_value(url: str) -> None:
    ds = deeplake.empty(url)
    tensor = ds.create_tensor("x")
    tensor.append(None)
    tensor.extend([None, None])
    assert tensor.shape == (3,)
    for read in (tensor.numpy, tensor[0].numpy, lambda: tensor.numpy(aslist=True), tensor[1].data):
        with pytest.raises(EmptyTensorError, match="'x'.*only None"):
            read()
    tensor.append(np.ones((2, 2), np.int16))
    for x in (tensor, deeplake.load(url).x):
        assert x.shape == (4, None, None)
        assert [a.shape for a in x.numpy(aslist=True)] == [(0, 0)] * 3 + [(2, 2)]
        assert {a.dtype for a in x.numpy(aslist=True)} == {np.dtype(np.int16)}
        assert x[0].numpy().shape == (0, 0)
        assert x[:3].numpy().shape == (3, 0, 0)
        assert x[2].shape == (0, 0)


def test_only_none_in_a_tensor_with_a_dtype(ds: Dataset) -> None:
    ds.create_tensor("boxes", htype="bbox").append(None)
    with pytest.raises(EmptyTensorError, match="'boxes'"):
        ds.boxes.numpy()
    ds.boxes.append([[1, 2, 3, 4]])
    assert ds.boxes[0].numpy().shape == (0, 0)


def test_none_in_tensors_of_words(ds: Dataset) -> None:
    for htype, value in (("text", ""), ("json", {}), ("list", []), ("tag", [])):
        tensor = ds.create_tensor(htype + "s", htype=htype)
        tensor.append(None)
        assert tensor[0].data()["value"] == value
        tensor.append({"text": "x", "json": {"k": 1}, "list": [1], "tag": ["t"]}[htype])
        assert tensor[0].data()["value"] == value
    ds.texts.append([])
    assert ds.texts.text() == ["", "x", ""]


def test_none_in_tensors_of_files(ds: Dataset, gradient: Any) -> None:
    ds.create_tensor("x", htype="image", sample_compression="jpeg")
    ds.x.append(None)
    ds.x.append(gradient(8, 8))
    ds.x.append(None)
    assert [a.shape for a in ds.x.numpy(aslist=True)] == [(0, 0, 0), (8, 8, 3), (0, 0, 0)]
    assert ds.x[0].tobytes() == b""


# --------------------------------------------------------------------------- rows
@pytest.fixture
def two(ds: Dataset) -> Dataset:
    """Two tensors of one row."""
    ds.create_tensor("x").append(1)
    ds.create_tensor("labels", htype="class_label").append("cat")
    return ds


def test_append_row(two: Dataset) -> None:
    two.append({"x": 2, "labels": "dog"})
    assert two.x.numpy().ravel().tolist() == [1, 2]
    assert two.labels.data()["text"] == [["cat"], ["dog"]]
    two.append(types.MappingProxyType({"x": 3, "labels": 0}))
    assert len(two) == 3


def test_append_a_row_of_another_dataset(two: Dataset) -> None:
    other = deeplake.empty("mem://other")
    deeplake.like(other, two)
    other.append(two[0])
    assert other.x.numpy().tolist() == [[1]]
    other.append(two)
    assert len(other) == 2
    two.append({"x": 2, "labels": 1})
    with pytest.raises(SampleAppendingError, match="takes one row; the view has 2"):
        other.append(two)


def test_missing_tensors(two: Dataset, contents: Contents) -> None:
    before = contents(two)
    with pytest.raises(KeyError, match="'labels'"):
        two.append({"x": 2})
    assert contents(two) == before
    two.append({"x": 2}, append_empty=True)
    assert (two.x.num_samples, two.labels.num_samples) == (2, 2)
    assert two.labels[1].numpy().shape == (0,)
    two.append({"x": 3}, skip_ok=True)
    assert (two.x.num_samples, two.labels.num_samples) == (3, 2)


def test_unknown_tensors(two: Dataset, contents: Contents) -> None:
    before = contents(two)
    for skip_ok in (False, True):
        with pytest.raises(TensorDoesNotExistError, match="'nothing'.*'x', 'labels'"):
            two.append({"x": 2, "labels": 0, "nothing": 1}, skip_ok=skip_ok)
    assert contents(two) == before


@pytest.mark.parametrize("row", [[1, 2], 3, "x", None, np.zeros(3)], ids=repr)
def test_rows_are_dicts(two: Dataset, row: Any) -> None:
    with pytest.raises(SampleAppendingError, match="dict"):
        two.append(row)


def test_uneven_tensors(two: Dataset, contents: Contents) -> None:
    two.x.append(2)
    before = contents(two)
    with pytest.raises(ValueError, match=r"'x': 2, 'labels': 1"):
        two.append({"x": 2, "labels": 0})
    with pytest.raises(ValueError, match="equal length"):
        two.append({"x": 2}, append_empty=True)
    assert contents(two) == before
    two.append({"labels": 0}, skip_ok=True)
    two.append({"x": 2, "labels": 0})
    assert len(two) == 3


@pytest.mark.parametrize("order", [("x", "labels"), ("labels", "x")])
def test_a_row_is_appended_as_a_whole(
    two: Dataset, contents: Contents, order: tuple[str, str]
) -> None:
    before = contents(two)
    row = {"x": "no number", "labels": "a new name"}
    with pytest.raises(SampleAppendError, match="tensor 'x', row 1"):
        two.append({name: row[name] for name in order})
    assert contents(two) == before
    with pytest.raises(SampleAppendError), two:
        two.append({name: row[name] for name in order})
    assert contents(two) == before


def test_a_row_that_decides_nothing_when_it_fails(ds: Dataset, contents: Contents) -> None:
    ds.create_tensor("a")
    ds.create_tensor("b", dtype="uint8")
    before = contents(ds)
    with pytest.raises(SampleAppendError, match="tensor 'b', row 0"):
        ds.append({"a": "text", "b": 300})
    assert contents(ds) == before
    assert ds.a.htype is None
    ds.append({"a": 1.5, "b": 30})


def test_new_class_names_are_logged(two: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "deeplake"):
        two.labels.append("dog")
    assert "'labels' has new class names: dog" in caplog.text


def test_append_works_on_whole_tensors(two: Dataset) -> None:
    with pytest.raises(deeplake.errors.InvalidOperationError, match="'x' is subscripted"):
        two.x[0].append(1)


def test_a_file_like_object_is_no_sample(ds: Dataset) -> None:
    ds.create_tensor("x")
    with pytest.raises(SampleAppendError):
        ds.x.append(io.BytesIO(b"x"))


def test_many_rows_in_a_block(url: str) -> None:
    ds = deeplake.empty(url)
    ds.create_tensor("x")
    ds.create_tensor("t", htype="text")
    with ds:
        for i in range(3000):
            ds.append({"x": i, "t": str(i)})
    for found in (ds, deeplake.load(url)):
        np.testing.assert_array_equal(found.x.numpy().ravel(), np.arange(3000))
        assert found.t.text() == [str(i) for i in range(3000)]
