"""Every refusal names tensor and row, and leaves the dataset as it was (issue: criterion 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset, errors

Contents = Callable[[Dataset], Any]


def fill(ds: Dataset) -> None:
    """Two rows of tensors of many kinds."""
    with ds:
        ds.create_tensor("number", dtype="int32").extend([1, 2])
        ds.create_tensor("image", htype="image", sample_compression="jpeg")
        ds.create_tensor("png", htype="image.rgb", sample_compression="png")
        ds.create_tensor("fli", htype="image", sample_compression="fli")
        ds.create_tensor("raw", htype="image", sample_compression=None)
        ds.create_tensor("label", htype="class_label", class_names=["a"]).extend([0, "b"])
        ds.create_tensor("box", htype="bbox").extend([[[1, 2, 3, 4]], None])
        ds.create_tensor("text", htype="text").extend(["x", "y"])
        ds.create_tensor("json", htype="json", dtype="Dict[str, int]").extend([{"a": 1}, {}])
        ds.create_tensor("list", htype="list").extend([[1], [2]])
        ds.create_tensor("tag", htype="tag").extend(["a", ["b", "c"]])
        ds.create_tensor("polygon", htype="polygon").extend([[np.ones((3, 2))]] * 2)
        ds.create_tensor("mask", htype="binary_mask").extend(np.zeros((2, 4, 4), bool))
        for name in ("image", "png", "raw"):
            ds[name].extend(np.zeros((2, 8, 8, 3), np.uint8))
        ds.fli.extend([None, None])


BAD: list[tuple[str, Any, type[Exception]]] = [
    ("number", 1.5, errors.TensorDtypeMismatchError),
    ("number", 2**40, errors.TensorDtypeMismatchError),
    ("number", np.zeros(3), errors.TensorDtypeMismatchError),
    ("number", [[1], [2]], errors.TensorInvalidSampleShapeError),
    ("number", "text", errors.UnsupportedTensorTypeError),
    ("number", [[1, 2], [3]], errors.UnsupportedTensorTypeError),
    ("number", object(), errors.UnsupportedTensorTypeError),
    ("number", b"bytes", errors.UnsupportedTensorTypeError),
    ("image", np.zeros((2, 2, 2, 2), np.uint8), errors.TensorInvalidSampleShapeError),
    ("image", np.zeros((8, 8, 3)), errors.TensorDtypeMismatchError),
    ("image", np.full((8, 8, 3), 300), errors.TensorDtypeMismatchError),
    ("image", np.zeros((8, 8, 5), np.uint8), errors.SampleCompressionError),
    ("image", "photo.jpg", errors.UnsupportedTensorTypeError),
    ("image", deeplake.read("/nowhere/photo.jpg"), errors.SampleReadError),
    ("image", deeplake.read(b"no image at all"), errors.UnsupportedCompressionError),
    ("image", deeplake.read(b"\xff\xd8\xff damaged"), errors.CorruptedSampleError),
    ("png", np.zeros((8, 8, 3)), errors.SampleHtypeMismatchError),
    ("png", "text", errors.SampleHtypeMismatchError),
    ("fli", np.zeros((8, 8, 3), np.uint8), errors.SampleCompressionError),
    ("raw", np.zeros(5, np.uint8), errors.TensorInvalidSampleShapeError),
    ("label", -1, errors.TensorDtypeMismatchError),
    ("label", 1.5, errors.TensorDtypeMismatchError),
    ("label", ["new name", 2.5], errors.TensorDtypeMismatchError),
    ("label", ["new name", {}], errors.SampleHtypeMismatchError),
    ("label", b"bytes", errors.SampleHtypeMismatchError),
    ("box", [[1, 2, 3]], errors.TensorInvalidSampleShapeError),
    ("box", np.zeros((1, 4)), errors.TensorDtypeMismatchError),
    ("text", 3, errors.SampleHtypeMismatchError),
    ("text", "lone \ud800", errors.InvalidSampleValueError),
    ("json", {"a": "b"}, errors.JsonValidationError),
    ("json", {"a": object()}, errors.SampleError),
    ("list", 5, errors.SampleHtypeMismatchError),
    ("list", [object()], errors.UnsupportedTensorTypeError),
    ("tag", [1], errors.SampleHtypeMismatchError),
    ("polygon", [np.zeros((0, 2))], errors.EmptyPolygonError),
    ("polygon", [np.zeros(2)], errors.TensorInvalidSampleShapeError),
    ("polygon", "text", errors.SampleHtypeMismatchError),
    ("mask", np.zeros((4, 4), np.uint8), errors.TensorDtypeMismatchError),
    ("mask", np.zeros(4, bool), errors.TensorInvalidSampleShapeError),
]
IDS = [f"{name}-{cause.__name__}-{i}" for i, (name, _, cause) in enumerate(BAD)]


@pytest.fixture
def full(url: str) -> Dataset:
    """The dataset that everything is tried on."""
    ds = deeplake.empty(url)
    fill(ds)
    return ds


def good(ds: Dataset, name: str) -> Any:
    """A sample that fits."""
    tensor = ds[name]
    return None if name == "fli" else tensor[0]


@pytest.mark.parametrize(("name", "sample", "cause"), BAD, ids=IDS)
def test_bad_samples(
    full: Dataset, contents: Contents, name: str, sample: Any, cause: type[Exception]
) -> None:
    ds = full
    before, size = contents(ds), len(deeplake.load(ds.path).commits)
    row = {other: good(ds, other) for other in ds.tensors}
    append, extend, update = (
        errors.SampleAppendError,
        errors.SampleExtendError,
        errors.SampleUpdateError,
    )

    def refused(error: type[Exception], at: int, change: Callable[[], Any]) -> None:
        with pytest.raises(error, match=f"tensor '{name}', row {at}:") as caught:
            change()
        chain, found = [], caught.value.__cause__
        while found is not None:
            chain.append(found)
            found = found.__cause__
        assert any(isinstance(link, cause) for link in chain), chain
        assert contents(ds) == before
        assert contents(deeplake.load(ds.path)) == before

    tensor = ds[name]
    refused(append, 2, lambda: tensor.append(sample))
    refused(append, 3, lambda: tensor.extend([good(ds, name), sample]))
    refused(update, 1, lambda: tensor.__setitem__(1, sample))
    refused(update, 0, lambda: tensor.__setitem__(slice(0, 2), [sample, good(ds, name)]))
    refused(update, 1, lambda: setattr(ds[1], name, sample))
    refused(update, 1, lambda: ds[1].update({**row, name: sample}))
    refused(append, 2, lambda: ds.append({**row, name: sample}))
    refused(append, 2, lambda: ds.append({**dict(reversed(row.items())), name: sample}))
    refused(extend, 2, lambda: ds.extend({**{k: [v] for k, v in row.items()}, name: [sample]}))
    ds.append(row)
    assert len(ds) == 3
    assert len(deeplake.load(ds.path).commits) == size


@pytest.mark.parametrize(("name", "sample", "cause"), BAD, ids=IDS)
def test_bad_first_samples(
    full: Dataset, contents: Contents, name: str, sample: Any, cause: type[Exception]
) -> None:
    empty = deeplake.like("mem://empty", full)
    for key, tensor in full.tensors.items():
        # Without what the samples decided, where it was not given.
        if key in ("image", "png", "fli", "raw"):
            empty.delete_tensor(key)
            compression = tensor.sample_compression
            empty.create_tensor(key, htype=tensor.htype, sample_compression=compression)
    before = contents(empty)
    tensor = empty[name]
    if name == "number" and cause is errors.TensorInvalidSampleShapeError:
        tensor.append(sample)  # the first one says how many dimensions there are
        assert tensor.shape == (1, 2, 1)
        return
    lenient = name in ("image", "raw") and isinstance(sample, np.ndarray) and sample.ndim == 3
    if lenient and cause is errors.TensorDtypeMismatchError:
        cause = errors.SampleCompressionError  # no dtype is decided yet: the format refuses it
    with pytest.raises(errors.SampleAppendError, match=f"tensor '{name}', row 0:") as caught:
        tensor.append(sample)
    assert isinstance(caught.value.__cause__, cause)
    assert contents(empty) == before


SCHEMA: list[tuple[str, Callable[[Dataset], Any], type[Exception]]] = [
    ("number", lambda ds: ds.create_tensor("number"), errors.TensorAlreadyExistsError),
    ("new", lambda ds: ds.create_tensor("new", htype="imgae"), errors.TensorMetaInvalidHtype),
    ("new", lambda ds: ds.create_tensor("new", dtype="x"), errors.MetaError),
    (
        "new",
        lambda ds: ds.create_tensor("new", sample_compression="jpgg"),
        errors.UnsupportedCompressionError,
    ),
    (
        "new",
        lambda ds: ds.create_tensor("new", htype="image"),
        errors.TensorMetaMissingRequiredValue,
    ),
    (
        "new",
        lambda ds: ds.create_tensor("new", colour=1),
        errors.TensorMetaInvalidHtypeOverwriteKey,
    ),
    ("nothing", lambda ds: ds.delete_tensor("nothing"), errors.TensorDoesNotExistError),
    ("nothing", lambda ds: ds.rename_tensor("nothing", "x"), errors.TensorDoesNotExistError),
    ("text", lambda ds: ds.rename_tensor("number", "text"), errors.TensorAlreadyExistsError),
    ("append", lambda ds: ds.create_tensor("append"), errors.InvalidTensorNameError),
    ("nothing", lambda ds: ds.append({"nothing": 1}), errors.TensorDoesNotExistError),
    ("text", lambda ds: ds.append({"number": 1}), KeyError),
    ("'text': 2", lambda ds: ds.extend({"number": [1], "text": ["a", "b"]}), ValueError),
    ("box", lambda ds: ds.box.numpy(), errors.DynamicTensorNumpyError),
    ("text", lambda ds: ds.text.__setitem__((0, 0), "x"), errors.SampleUpdateError),
    ("number", lambda ds: ds.number.__setitem__(slice(0, 2), [1]), errors.SampleUpdateError),
    ("number", lambda ds: ds.number.__iadd__(1.5), errors.SampleUpdateError),
    ("number", lambda ds: ds.number.pop(9), IndexError),
    ("row 9", lambda ds: ds.pop(9), IndexError),
    ("number", lambda ds: ds.number.text(), ValueError),
    ("box", lambda ds: ds.box.__iadd__(1), errors.SampleUpdateError),
    ("image", lambda ds: setattr(ds.image, "htype", "binary_mask"), errors.CompressionError),
]


@pytest.mark.parametrize(("where", "change", "error"), SCHEMA)
def test_other_refusals(
    full: Dataset,
    contents: Contents,
    where: str,
    change: Callable[[Dataset], Any],
    error: type[Exception],
) -> None:
    before = contents(full)
    with pytest.raises(error, match=where):
        change(full)
    assert contents(full) == before
    with full, pytest.raises(error, match=where):
        change(full)
    assert contents(full) == before
    assert contents(deeplake.load(full.path)) == before
