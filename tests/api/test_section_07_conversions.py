"""``tensor.htype = …``: which tensors can be given which htype (api.md, section 7, last rows)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import IncompatibleHtypeError, UnsupportedCompressionError


@pytest.fixture
def ds(tmp_path: Path) -> Dataset:
    return deeplake.empty(tmp_path / "ds")


GOOD = [
    ("image", (2, 5, 6), "uint8"), ("image", (2, 5, 6, 1), "uint8"), ("image", (2, 5, 6, 3), "uint8"),
    ("image", (2, 5, 6, 4), "uint8"), ("class_label", (2, 3), "uint32"), ("bbox", (2, 4), "float32"),
    ("bbox", (2, 3, 4), "float32"), ("bbox.3d", (2, 3, 8), "float32"),
    ("embedding", (2, 9), "float32"), ("binary_mask", (2, 5, 6), "bool"),
    ("binary_mask", (2, 5, 6, 2), "bool"), ("segment_mask", (2, 5, 6), "uint32"),
    ("instance_label", (2, 7, 7, 7), "uint32"), ("keypoints_coco", (2, 6, 5), "int32"),
    ("point", (2, 5, 2), "int32"), ("point", (2, 5, 3), "int32"),
]  # fmt: skip

BAD = [
    ("image", (2, 5), "uint8"), ("image", (2, 5, 6, 2), "uint8"), ("class_label", (2, 3, 4), "uint32"),
    ("tag", (2, 3), "uint32"), ("bbox", (2, 3), "float32"), ("bbox", (2, 3, 5), "float32"),
    ("bbox.3d", (2, 3, 4), "float32"), ("embedding", (2, 9), "float64"),
    ("binary_mask", (2, 5), "bool"), ("segment_mask", (2, 5), "uint32"),
    ("keypoints_coco", (2, 5, 5), "int32"), ("keypoints_coco", (2, 6), "int32"),
    ("point", (2, 5, 4), "int32"), ("point", (2, 2), "int32"),
]  # fmt: skip


@pytest.mark.parametrize("source", ["generic", "image"])
@pytest.mark.parametrize(("target", "shape", "dtype"), GOOD)
def test_what_fits(ds: Dataset, source: str, target: str, shape: Any, dtype: str) -> None:
    if source == "image" and len(shape) not in (3, 4):
        pytest.skip("images have two or three dimensions")
    if source == "image" and len(shape) == 4 and shape[-1] not in (1, 3, 4):
        source = "generic"
    t = ds.create_tensor("t", htype=source, sample_compression=None)
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    t.extend(values)
    t.htype = target
    assert t.htype == target
    assert deeplake.load(ds.path).t.htype == target
    assert (t.numpy() == values).all()
    assert t.dtype == np.dtype(dtype)
    t.append(values[0])
    assert len(t) == 3


@pytest.mark.parametrize(("target", "shape", "dtype"), BAD)
def test_what_does_not_fit(ds: Dataset, target: str, shape: Any, dtype: str) -> None:
    t = ds.create_tensor("t", htype="generic", dtype=dtype)
    t.extend(np.zeros(shape, dtype))
    with pytest.raises(IncompatibleHtypeError):
        t.htype = target
    assert t.htype == "generic"
    assert dict(t.info) == {}


@pytest.mark.parametrize(
    ("source", "target"),
    [("class_label", "bbox"), ("text", "tag"), ("generic", "text"), ("generic", "video"),
     ("generic", "json"), ("embedding", "generic")],
)  # fmt: skip
def test_there_is_no_such_conversion(ds: Dataset, source: str, target: str) -> None:
    t = ds.create_tensor("t", htype=source)
    with pytest.raises(NotImplementedError):
        t.htype = target


@pytest.mark.parametrize("target", ["sequence[image]", "link[image]", "sequence[link[image]]"])
def test_wrapped_targets(ds: Dataset, target: str) -> None:
    t = ds.create_tensor("t", htype="generic")
    with pytest.raises(ValueError, match="new tensor"):
        t.htype = target


def test_compressions_must_fit(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="image", sample_compression="jpeg")
    with pytest.raises(UnsupportedCompressionError):
        t.htype = "class_label"
    assert t.htype == "image"


def test_own_meta_is_there_afterwards(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="generic", dtype="uint32")
    t.extend(np.array([[0], [1]], np.uint32))
    t.htype = "class_label"
    t.info.class_names = ["a", "b"]
    assert t.data()["text"] == [["a"], ["b"]]
    t.append("a")
    assert t[2].numpy().tolist() == [0]


def test_parts_are_not_converted(ds: Dataset) -> None:
    ds.create_tensor("t", htype="generic", dtype="uint32").extend(np.zeros((3, 1), np.uint32))
    with pytest.raises(deeplake.errors.InvalidOperationError):
        ds.t[0:2].htype = "class_label"


def test_conversions_are_versioned(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="generic", dtype="uint32")
    t.extend(np.zeros((3, 1), np.uint32))
    first = ds.commit()
    t.htype = "class_label"
    ds.commit()
    assert deeplake.load(f"{ds.path}@{first}").t.htype == "generic"
    assert deeplake.load(ds.path).t.htype == "class_label"
