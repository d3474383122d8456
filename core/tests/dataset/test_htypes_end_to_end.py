"""Each htype with real samples: append, read, data(), errors, stored and read again (section 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import deeplake
from deeplake import Dataset, Tensor
from deeplake.errors import (
    EmptyPolygonError,
    IncompatibleHtypeError,
    JsonValidationError,
    SampleAppendError,
    SampleHtypeMismatchError,
    TensorInvalidSampleShapeError,
    UnsupportedCompressionError,
)


@pytest.fixture(params=[None, "lz4"])
def create(url: str, request: pytest.FixtureRequest) -> Callable[..., Tensor]:
    """Makes the tensor ``x`` of a new dataset, without compression and with lz4."""

    def make(htype: str, **arguments: Any) -> Tensor:
        compression = {"sample_compression": request.param} if request.param else {}
        if htype.startswith("image"):
            compression = {"sample_compression": request.param}
        return deeplake.empty(url).create_tensor("x", htype=htype, **compression, **arguments)

    return make


@pytest.fixture
def stored(url: str) -> Callable[[], Tensor]:
    """The tensor ``x`` as another handle finds it."""
    return lambda: deeplake.load(url).x


def refused(tensor: Tensor, sample: Any, cause: type[Exception]) -> None:
    """The sample is refused with the place and the cause, and changes nothing."""
    before = tensor.num_samples, dict(tensor.info), tensor.dtype
    with pytest.raises(SampleAppendError, match=f"tensor 'x', row {tensor.num_samples}") as caught:
        tensor.append(sample)
    assert isinstance(caught.value.__cause__, cause), caught.value.__cause__
    assert (tensor.num_samples, dict(tensor.info), tensor.dtype) == before


# --------------------------------------------------------------------------- arrays
def test_generic(create: Any, stored: Any) -> None:
    tensor = create("generic")
    tensor.append(np.ones((2, 3, 4), np.int8))
    assert tensor[0].data().keys() == {"value"}
    assert stored()[0].data()["value"].dtype == np.int8
    assert dict(tensor.info) == {}


def test_image(create: Any, stored: Any, gradient: Any) -> None:
    tensor = create("image")
    tensor.append(gradient(4, 5, 3))
    tensor.append(gradient(6, 5, 4))
    tensor.append(torch.from_numpy(gradient(2, 2, 3)))
    assert (tensor.dtype, tensor.shape) == (np.uint8, (3, None, None, None))
    data = stored()[1].data()
    assert data.keys() == {"value", "sample_info"}
    np.testing.assert_array_equal(data["value"], gradient(6, 5, 4))
    assert isinstance(data["sample_info"], dict)
    assert [type(part) for part in stored().data()["sample_info"]] == [dict] * 3
    refused(tensor, np.zeros((1, 2, 3, 4), np.uint8), TensorInvalidSampleShapeError)
    refused(tensor, np.zeros(3, np.uint8), TensorInvalidSampleShapeError)
    refused(tensor, "image.png", Exception)


def test_image_with_intrinsics(ds: Dataset) -> None:
    ds.create_tensor("x", htype="image", sample_compression=None, intrinsics=np.eye(3))
    assert ds.x.info.intrinsics == np.eye(3).tolist()


def test_image_rgb(create: Any, stored: Any, gradient: Any, picture: Any) -> None:
    tensor = create("image.rgb")
    grey = gradient(4, 5, None)
    tensor.append(gradient(4, 5, 3))
    tensor.append(grey)
    tensor.append(gradient(4, 5, 4))
    tensor.append(deeplake.read(picture("png", 4, 5, None)))
    assert (tensor.htype, tensor.dtype, tensor.shape) == ("image.rgb", np.uint8, (4, 4, 5, 3))
    found = stored().numpy()
    np.testing.assert_array_equal(found[1], np.stack([grey] * 3, -1))
    np.testing.assert_array_equal(found[2], gradient(4, 5, 3))
    np.testing.assert_array_equal(found[3], found[1])
    refused(tensor, "text", SampleHtypeMismatchError)
    refused(tensor, np.zeros((4, 5, 3)), SampleHtypeMismatchError)
    refused(tensor, {"a": 1}, SampleHtypeMismatchError)


def test_image_gray(create: Any, stored: Any, gradient: Any) -> None:
    tensor = create("image.gray")
    tensor.append(gradient(4, 5, 3))
    tensor.append(gradient(4, 5, None))
    tensor.append(gradient(4, 5, 4))
    assert tensor.shape == (3, 4, 5)
    np.testing.assert_array_equal(stored()[1].numpy(), gradient(4, 5, None))
    refused(tensor, [["a"]], SampleHtypeMismatchError)


def test_converted_images_in_files(ds: Dataset, gradient: Any, picture: Any) -> None:
    ds.create_tensor("rgb", htype="image.rgb", sample_compression="png")
    ds.create_tensor("gray", htype="image.gray", sample_compression="jpeg")
    data = picture("png", 4, 5, 3)
    ds.rgb.append(deeplake.read(data))
    ds.rgb.append(deeplake.read(picture("png", 4, 5, None)))
    ds.gray.append(deeplake.read(picture("jpeg", 16, 16, None)))
    ds.gray.append(deeplake.read(picture("jpeg", 16, 16, 3)))
    assert ds.rgb[0].tobytes() == data
    assert ds.rgb.shape == (2, 4, 5, 3)
    assert ds.gray.shape == (2, 16, 16)


def test_class_label(create: Any, stored: Any) -> None:
    tensor = create("class_label", class_names=["cat", "dog"])
    tensor.append(1)
    tensor.append("cat")
    tensor.append(["bird", "dog"])
    tensor.append(np.array([0, 1], np.uint8))
    tensor.append(7)
    tensor.append(np.uint32(0))
    assert tensor.dtype == np.uint32
    assert tensor.info.class_names == ["cat", "dog", "bird"]
    found = stored()
    assert [a.tolist() for a in found.numpy(aslist=True)] == [[1], [0], [2, 1], [0, 1], [7], [0]]
    data = found[2].data()
    assert data["value"].tolist() == [2, 1]
    assert data["text"] == ["bird", "dog"]
    assert found[4].data()["text"] == [None]
    assert found.data()["text"][:3] == [["dog"], ["cat"], ["bird", "dog"]]
    assert found[:2].data()["value"].tolist() == [[1], [0]]
    refused(tensor, -1, Exception)
    refused(tensor, 1.5, Exception)
    refused(tensor, ["new name", 1.5], Exception)
    refused(tensor, {"a": 1}, SampleHtypeMismatchError)


def test_class_label_without_names(create: Any) -> None:
    tensor = create("class_label")
    tensor.extend([0, 1])
    assert tensor.info.class_names == []
    assert tensor[0].data().keys() == {"value"}
    tensor.info.class_names = ["zero", "one"]
    assert tensor[1].data()["text"] == ["one"]


def test_names_in_columns(ds: Dataset) -> None:
    ds.create_tensor("x", htype="class_label")
    ds.extend({"x": ["b", "a", "b", None, ["a", "c"]]})
    ds.x.extend(np.array(["c", "d"]))
    assert ds.x.info.class_names == ["b", "a", "c", "d"]
    assert [a.tolist() for a in ds.x.numpy(aslist=True)] == [
        [0], [1], [0], [], [1, 2], [2], [3],
    ]  # fmt: skip


def test_bbox(create: Any, stored: Any) -> None:
    coords = {"type": "pixel", "mode": "LTWH"}
    tensor = create("bbox", coords=coords)
    tensor.append([[1, 2, 3, 4], [5, 6, 7, 8.5]])
    tensor.append(np.zeros((0, 4), np.float32))
    tensor.append(None)
    assert tensor.dtype == np.float32
    assert tensor.info.coords == coords
    assert [a.shape for a in stored().numpy(aslist=True)] == [(2, 4), (0, 4), (0, 0)]
    assert stored()[0].data()["value"].tolist()[1] == [5, 6, 7, 8.5]
    refused(tensor, [[1, 2, 3]], TensorInvalidSampleShapeError)
    refused(tensor, [[[1, 2, 3, 4]]], TensorInvalidSampleShapeError)


def test_bbox_3d(create: Any, stored: Any) -> None:
    tensor = create("bbox.3d", coords={"mode": "center"})
    tensor.append(np.ones((2, 9), np.float32))
    assert stored().shape == (1, 2, 9)
    refused(tensor, np.ones((2, 7), np.float32), TensorInvalidSampleShapeError)
    corners = deeplake.empty("mem://corners").create_tensor("x", htype="bbox.3d")
    corners.append(np.ones((3, 8, 3), np.float32))
    assert corners.shape == (1, 3, 8, 3)


def test_intrinsics(create: Any, stored: Any) -> None:
    tensor = create("intrinsics")
    tensor.append(np.eye(3, dtype=np.float32))
    tensor.append([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    assert stored().shape == (2, 3, 3)
    refused(tensor, np.ones((2, 2), np.float32), TensorInvalidSampleShapeError)


def test_masks(ds: Dataset) -> None:
    mask = np.arange(20, dtype=np.uint32).reshape(4, 5)
    ds.create_tensor("s", htype="segment_mask", class_names=["sky"]).append(mask)
    ds.create_tensor("b", htype="binary_mask", sample_compression="lz4").append(mask % 2 == 0)
    ds.create_tensor("i", htype="instance_label").append(mask)
    ds.b.append(np.zeros((4, 5), bool))
    assert (ds.s.dtype, ds.b.dtype, ds.i.dtype) == (np.uint32, np.bool_, np.uint32)
    assert ds.s.info.class_names == ["sky"]
    for name in "sbi":
        assert ds[name][0].data().keys() == {"value"}
    np.testing.assert_array_equal(ds.b[0].numpy(), mask % 2 == 0)
    with pytest.raises(SampleAppendError, match="tensor 's', row 1"):
        ds.s.append(np.zeros(3, np.uint32))
    ds.create_tensor("layers", htype="binary_mask").append(np.zeros((4, 5, 2), bool))
    assert ds.layers.shape == (1, 4, 5, 2)


def test_keypoints_coco(create: Any, stored: Any) -> None:
    tensor = create("keypoints_coco", keypoints=["nose", "eye"], connections=[[0, 1]])
    tensor.append(np.arange(12, dtype=np.int32).reshape(6, 2))
    assert tensor.dtype == np.int32
    assert stored().info.keypoints == ["nose", "eye"]
    assert stored().info.connections == [[0, 1]]
    assert stored()[0].data()["value"].shape == (6, 2)
    refused(tensor, np.zeros((4, 2), np.int32), TensorInvalidSampleShapeError)


def test_point(create: Any, stored: Any) -> None:
    tensor = create("point")
    tensor.append([[1, 2], [3, 4], [5, 6]])
    assert (tensor.dtype, stored().shape) == (np.int32, (1, 3, 2))
    refused(tensor, [[1, 2, 3, 4]], TensorInvalidSampleShapeError)


def test_embedding(create: Any, stored: Any) -> None:
    tensor = create("embedding")
    vectors = np.random.default_rng(0).standard_normal((50, 16)).astype(np.float32)
    tensor.extend(vectors)
    tensor.append(vectors[0].tolist())
    assert tensor.dtype == np.float32
    np.testing.assert_array_equal(stored()[:50].numpy(), vectors)
    refused(tensor, vectors[0].astype(np.float64), Exception)


# --------------------------------------------------------------------------- words
def test_text(create: Any, stored: Any) -> None:
    tensor = create("text")
    texts = ["one", "", "zwei ü", "three\n\x00", "🐋" * 50]
    tensor.append(texts[0])
    tensor.extend(texts[1:])
    tensor.append(None)
    assert (tensor.dtype, tensor.shape) == (np.dtype(str), (6, 1))
    found = stored()
    assert found.text() == [*texts, ""]
    assert found[2].text() == "zwei ü"
    assert found.numpy().shape == (6, 1)
    assert found[2].numpy().tolist() == ["zwei ü"]
    assert found[0].data() == {"value": "one"}
    assert found[:2].data() == {"value": ["one", ""]}
    tensor[0] = "new"
    assert stored()[0].text() == "new"
    for sample in (1, b"bytes", {"a": 1}, ["a", "b"], "\ud800"):
        refused(tensor, sample, Exception)


def test_json(create: Any, stored: Any) -> None:
    tensor = create("json")
    values = [
        {"a": [1, 2.5, None, True], "b": {"c": "ü"}}, {}, [1, "x"], [], "text", 3, 1.5, False,
        {"nested": [{"deep": [[]]}]},
    ]  # fmt: skip
    tensor.extend(values)
    tensor.append(None)
    found = stored()
    assert found.dict() == [*({} if value == [] else value for value in values), {}]
    assert found[0].dict() == found[0].data()["value"] == values[0]
    assert found[0].numpy().dtype == object
    assert found[0].numpy().shape == (1,)
    assert found.numpy().shape == (10, 1)
    tensor.append({"array": np.arange(3, dtype=np.int16), "bytes": b"\x00\xff"})
    value = stored()[10].dict()
    assert value["array"].dtype == np.int16
    assert value["array"].tolist() == [0, 1, 2]
    assert value["bytes"] == b"\x00\xff"
    for sample in ({"a": object()}, {(1, 2): 2}, {"a": {1, 2}}):
        refused(tensor, sample, Exception)


def test_json_with_a_schema(create: Any, stored: Any) -> None:
    tensor = create("json", dtype="Dict[str, Optional[int]]")
    tensor.append({"a": 1, "b": None})
    refused(tensor, {"a": "text"}, JsonValidationError)
    refused(tensor, [1], JsonValidationError)
    tensor.append(None)
    found = stored()
    assert found.dict() == [{"a": 1, "b": None}, {}]
    assert found.meta.dtype == "Dict[str, Optional[int]]"
    with pytest.raises(SampleAppendError):
        found.append({"a": 1.5})
    with pytest.raises(deeplake.errors.SampleUpdateError, match="tensor 'x', row 0"):
        found[0] = {"a": 1.5}


def test_json_with_a_type(ds: Dataset) -> None:
    ds.create_tensor("x", htype="json", dtype=list[int]).append([1, 2])
    with pytest.raises(SampleAppendError) as caught:
        ds.x.append(["a"])
    assert isinstance(caught.value.__cause__, JsonValidationError)


def test_list(create: Any, stored: Any) -> None:
    tensor = create("list")
    values = [[1, "a", None], [], [{"k": 1}, [2]], [1, 2]]
    tensor.extend(values)
    tensor.append((3, 4))
    tensor.append(np.arange(2))
    tensor.append(None)
    found = stored()
    assert found.list() == [*values, [3, 4], [0, 1], []]
    assert found[0].list() == found[0].data()["value"] == [1, "a", None]
    assert found[0].shape == (3,)
    assert found.shape == (7, None)
    assert found[0].numpy().dtype == object
    assert found[0].numpy().tolist() == [1, "a", None]
    refused(tensor, 3, SampleHtypeMismatchError)
    refused(tensor, "text", SampleHtypeMismatchError)


def test_tag(create: Any, stored: Any) -> None:
    tensor = create("tag")
    tensor.append("red")
    tensor.append(["green", "blue"])
    tensor.append([])
    tensor.append(None)
    found = stored()
    assert found[0].numpy().tolist() == ["red"]
    assert found[1].numpy().dtype.kind == "U"
    assert found[1].data() == {"value": ["green", "blue"]}
    assert found.data() == {"value": [["red"], ["green", "blue"], [], []]}
    assert found[1].shape == (2,)
    assert found.list() == [["red"], ["green", "blue"], [], []]
    refused(tensor, [1], SampleHtypeMismatchError)
    refused(tensor, 1, SampleHtypeMismatchError)


def test_polygon(create: Any, stored: Any) -> None:
    tensor = create("polygon")
    first = [np.ones((3, 2), np.float32), np.zeros((5, 2), np.float32)]
    tensor.append(first)
    tensor.append([[[0, 0], [1, 1], [2, 0]]])
    tensor.append(np.ones((2, 4, 2), np.float32))
    tensor.append(None)
    tensor.append([np.ones((3, 3))])
    found = stored()
    assert found.dtype == np.float32
    assert found[0].shape == (2, 5, 2)
    assert found[1].shape == (1, 3, 2)
    assert found[3].shape == (0, 0, 0)
    assert found.shape == (5, None, None, None)
    single = found[0].numpy()
    assert isinstance(single, list)
    assert [p.shape for p in single] == [(3, 2), (5, 2)]
    np.testing.assert_array_equal(single[1], first[1])
    assert [len(sample) for sample in found.numpy()] == [2, 1, 2, 0, 1]
    assert [p.shape for p in found[0].data()["value"]] == [(3, 2), (5, 2)]
    refused(tensor, [np.zeros((0, 2))], EmptyPolygonError)
    refused(tensor, [np.ones((3, 2)), np.ones((3, 3))], TensorInvalidSampleShapeError)
    refused(tensor, [np.ones(3)], TensorInvalidSampleShapeError)
    refused(tensor, 3, SampleHtypeMismatchError)


# --------------------------------------------------------------------------- conversion
CONVERSIONS = [
    ("class_label", np.zeros((3, 1), np.int64)),
    ("bbox", np.zeros((3, 2, 4), np.float32)),
    ("bbox.3d", np.zeros((3, 2, 8), np.float32)),
    ("embedding", np.zeros((3, 8), np.float32)),
    ("binary_mask", np.zeros((3, 4, 4), bool)),
    ("segment_mask", np.zeros((3, 4, 4, 2), np.uint32)),
    ("instance_label", np.zeros((3, 4), np.uint32)),
    ("keypoints_coco", np.zeros((3, 6, 2), np.int32)),
    ("point", np.zeros((3, 5, 2), np.int32)),
    ("image", np.zeros((3, 4, 4, 3), np.uint8)),
    ("image", np.zeros((3, 4, 4), np.uint8)),
]


@pytest.mark.parametrize(("htype", "samples"), CONVERSIONS, ids=[c[0] for c in CONVERSIONS])
def test_conversion(url: str, htype: str, samples: np.ndarray) -> None:
    ds = deeplake.empty(url)
    ds.create_tensor("x").extend(samples)
    ds.x.htype = htype
    for found in (ds, deeplake.load(url)):
        assert found.x.htype == htype
        assert found.x.dtype == samples.dtype
        np.testing.assert_array_equal(found.x.numpy(), samples)
    ds.x.append(samples[0])
    if htype == "class_label":
        assert ds.x.info.class_names == []
        ds.x.append("cat")
        assert ds.x[-1].data()["text"] == ["cat"]


def test_conversion_before_the_first_sample(ds: Dataset) -> None:
    ds.create_tensor("x").htype = "bbox"
    ds.x.append([[1, 2, 3, 4]])
    assert (ds.x.htype, ds.x.dtype) == ("bbox", np.float32)
    ds.create_tensor("t").htype = "tag"
    ds.t.append("red")
    assert ds.t[0].data() == {"value": ["red"]}


@pytest.mark.parametrize(
    ("samples", "htype", "error"),
    [
        (np.zeros((3, 4, 4, 2)), "image", IncompatibleHtypeError),
        (np.zeros((3, 2, 3)), "bbox", IncompatibleHtypeError),
        (np.zeros((3, 8)), "embedding", IncompatibleHtypeError),
        (np.zeros((3, 2)), "tag", IncompatibleHtypeError),
        (np.zeros((3, 4, 2)), "keypoints_coco", IncompatibleHtypeError),
        (np.zeros((3, 4)), "point", IncompatibleHtypeError),
        (np.zeros((3, 4)), "sequence[bbox]", ValueError),
        (np.zeros((3, 4)), "link[image]", ValueError),
        (np.zeros((3, 4)), "text", NotImplementedError),
        (np.zeros((3, 4)), "json", NotImplementedError),
    ],
)
def test_conversions_that_are_refused(
    ds: Dataset, samples: np.ndarray, htype: str, error: type[Exception]
) -> None:
    ds.create_tensor("x").extend(samples)
    with pytest.raises(error):
        ds.x.htype = htype
    assert ds.x.htype == "generic"


def test_conversions_of_other_htypes(ds: Dataset) -> None:
    ds.create_tensor("t", htype="text").append("x")
    with pytest.raises(NotImplementedError):
        ds.t.htype = "tag"
    ds.create_tensor("i", htype="image", sample_compression="png")
    ds.i.append(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(UnsupportedCompressionError, match="'i'.*png"):
        ds.i.htype = "binary_mask"
    ds.i.htype = "segment_mask"
    assert ds.i.htype == "segment_mask"
