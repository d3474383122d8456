"""The table of htypes, row by row: dtype, shape, meta, compressions, ``data()`` (api.md, section 7)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pytest

import deeplake
from deeplake import Dataset, Tensor
from deeplake.errors import (
    EmptyPolygonError,
    JsonValidationError,
    MeshTensorMetaMissingRequiredValue,
    SampleAppendError,
    SampleHtypeMismatchError,
    TensorInvalidSampleShapeError,
    TensorMetaInvalidHtype,
    TensorMetaInvalidHtypeOverwriteKey,
    TensorMetaInvalidHtypeOverwriteValue,
    TensorMetaMissingRequiredValue,
    TensorMetaMutuallyExclusiveKeysError,
    UnsupportedCompressionError,
)

Media = Callable[[str], Path]


@pytest.fixture
def ds(tmp_path: Path) -> Dataset:
    return deeplake.empty(tmp_path / "ds")


def kept(tensor: Tensor) -> Tensor:
    """The tensor as another handle finds it."""
    found = deeplake.load(tensor._checkout.path)[tensor.key]
    assert isinstance(found, Tensor)
    return found


def refused(tensor: Tensor, sample: Any, cause: type[BaseException]) -> None:
    """The sample is refused by tensor and row, with this cause, and nothing has changed."""
    count = len(tensor)
    with pytest.raises(SampleAppendError, match=f"tensor '{tensor.key}', row {count}") as caught:
        tensor.append(sample)
    assert isinstance(caught.value.__cause__, cause), repr(caught.value.__cause__)
    assert len(tensor) == len(kept(tensor)) == count


# --------------------------------------------------------------------------- all htypes
@pytest.mark.parametrize(
    ("htype", "dtype"),
    [("generic", None), ("image", "uint8"), ("image.rgb", "uint8"), ("image.gray", "uint8"),
     ("video", "uint8"), ("audio", "float64"), ("class_label", "uint32"), ("bbox", "float32"),
     ("bbox.3d", "float32"), ("intrinsics", "float32"), ("segment_mask", "uint32"),
     ("binary_mask", "bool"), ("instance_label", "uint32"), ("keypoints_coco", "int32"),
     ("point", "int32"), ("polygon", "float32"), ("point_cloud", "float32"), ("embedding", "float32")],
)  # fmt: skip
def test_default_dtypes(ds: Dataset, htype: str, dtype: str | None) -> None:
    tensor = ds.create_tensor("x", htype=htype, sample_compression=None)
    # Of images, sounds and the like the first file decides; nothing is wrong before there is one.
    assert tensor.dtype is None or tensor.dtype == np.dtype(dtype or "")
    assert tensor.htype == (None if htype == "unspecified" else htype)
    assert htype in deeplake.htypes


@pytest.mark.parametrize("htype", ["text", "json", "list", "tag"])
def test_dtypes_that_are_no_numbers(ds: Dataset, htype: str) -> None:
    tensor = ds.create_tensor("x", htype=htype)
    assert tensor.dtype == np.dtype(str)


def test_meta_that_there_is_not(ds: Dataset) -> None:
    for htype in deeplake.htypes:
        with pytest.raises(TensorMetaInvalidHtypeOverwriteKey, match="nonsense"):
            ds.create_tensor("x", htype=htype, sample_compression=None, nonsense=3)
    with pytest.raises(TensorMetaInvalidHtypeOverwriteKey):
        ds.create_tensor("x", htype="bbox", class_names=["a"])
    with pytest.raises(TensorMetaInvalidHtypeOverwriteValue):
        ds.create_tensor("x", htype="bbox", dtype="no such dtype")
    with pytest.raises(TensorMetaInvalidHtypeOverwriteValue):
        ds.create_tensor("x", htype="text", dtype="int32")
    for htype in (
        "nothing",
        "sequence[",
        "sequence[sequence[image]]",
        "link[link[image]]",
        "image]",
    ):
        with pytest.raises(TensorMetaInvalidHtype):
            ds.create_tensor("x", htype=htype)
    for htype in (
        "link",
        "link[generic]",
        "sequence[link]",
        "sequence[link[generic]]",
        "sequence[tag]",
    ):
        with pytest.raises(ValueError):
            ds.create_tensor("x", htype=htype)
    assert list(ds.tensors) == []


def test_dtype_and_chunk_size_of_any_htype(ds: Dataset) -> None:
    tensor = ds.create_tensor(
        "x", htype="bbox", dtype="int16", max_chunk_size=1 << 20, tiling_threshold=-1
    )
    tensor.append(np.zeros((3, 4), np.int16))
    assert tensor.dtype == np.int16
    meta = kept(tensor).meta
    for key in ("htype", "dtype", "typestr", "sample_compression", "chunk_compression",
                "max_chunk_size", "tiling_threshold", "is_sequence", "is_link", "hidden", "links",
                "verify", "min_shape", "max_shape", "length", "name", "version"):  # fmt: skip
        assert key in meta, key
    assert (meta["max_chunk_size"], meta["length"], meta["htype"]) == (1 << 20, 1, "bbox")
    assert (list(meta["min_shape"]), list(meta["max_shape"])) == ([3, 4], [3, 4])


# --------------------------------------------------------------------------- arrays
def test_generic(ds: Dataset) -> None:
    x = ds.create_tensor("x", htype="generic")
    x.append(np.ones((2, 3), np.int16))
    assert x.dtype == np.int16
    assert kept(x)[0].data().keys() == {"value"}
    y = ds.create_tensor("y", htype="generic", sample_compression="png")
    y.append(np.full((4, 5, 3), 9, np.uint8))
    assert (kept(y)[0].numpy() == 9).all()


def test_image(ds: Dataset, media: Media) -> None:
    with pytest.raises(TensorMetaMissingRequiredValue):
        ds.create_tensor("x", htype="image")
    with pytest.raises(TensorMetaMutuallyExclusiveKeysError):
        ds.create_tensor("x", htype="image", sample_compression="png", chunk_compression="lz4")
    for key, given in [("a", {"sample_compression": "png"}), ("b", {"chunk_compression": "png"}),
                       ("c", {"sample_compression": "lz4"}), ("d", {"chunk_compression": "lz4"}),
                       ("e", {"sample_compression": None})]:  # fmt: skip
        x = ds.create_tensor(key, htype="image", intrinsics=np.eye(3).tolist(), **given)
        x.extend([np.full((4, 5, 3), i, np.uint8) for i in range(3)])
        assert (kept(x).numpy() == np.arange(3)[:, None, None, None]).all()
        assert kept(x).info.intrinsics == np.eye(3).tolist()
        data = kept(x)[1].data()
        assert data.keys() == {"value", "sample_info"}
        assert isinstance(data["sample_info"], dict)
        assert [type(info) for info in kept(x).data()["sample_info"]] == [dict] * 3
        refused(x, np.zeros(3, np.uint8), TensorInvalidSampleShapeError)
        refused(x, np.zeros((2, 2, 3, 3), np.uint8), TensorInvalidSampleShapeError)
    with pytest.raises(UnsupportedCompressionError):
        ds.create_tensor("f", htype="image", sample_compression="mp4")


@pytest.mark.parametrize("htype", ["image.rgb", "image.gray"])
def test_converted_images(ds: Dataset, media: Media, htype: str) -> None:
    from PIL import Image

    mode = "RGB" if htype == "image.rgb" else "L"
    x = ds.create_tensor("x", htype=htype, sample_compression="png")
    for name in ("photo.png", "grey.jpeg", "alpha.png"):
        x.append(deeplake.read(media(name)))
        expected = np.asarray(Image.open(media(name)).convert(mode))
        assert np.array_equal(x[-1].numpy(), expected)
    x.append(np.asarray(Image.open(media("photo.png"))))
    assert np.array_equal(x[3].numpy(), x[0].numpy())
    assert x.dtype == np.uint8
    for sample in ("text", {"a": 1}, np.zeros((4, 5, 3)), [["a"]]):
        refused(x, sample, SampleHtypeMismatchError)


@pytest.mark.parametrize("format", ["mp4", "mkv", "avi"])
def test_video(ds: Dataset, media: Media, format: str) -> None:
    with pytest.raises(TensorMetaMissingRequiredValue):
        ds.create_tensor("x", htype="video")
    with pytest.raises(UnsupportedCompressionError):
        ds.create_tensor("x", htype="video", sample_compression="png")
    x = ds.create_tensor("x", htype="video", sample_compression=format)
    x.append(deeplake.read(media(f"film.{format}")))
    assert (x.dtype, x.shape) == (np.uint8, (1, 30, 24, 32, 3))
    data = kept(x)[0, 10:20].data()
    assert data.keys() == {"frames", "timestamps", "sample_info"}
    assert data["frames"].shape == (10, 24, 32, 3)
    assert np.allclose(data["timestamps"], np.arange(10, 20) / 25)
    assert abs(int(data["frames"][3].mean()) - 8 * 13) <= 3
    assert np.allclose(x[0].timestamps, np.arange(30) / 25)
    refused(x, np.zeros((2, 24, 32, 3), np.uint8), NotImplementedError)
    y = ds.create_tensor("y", htype="video", sample_compression=None)
    y.append(np.zeros((2, 4, 5, 3), np.uint8))
    data = kept(y)[0, 1:].data()
    assert data.keys() == {"frames", "timestamps", "sample_info"}
    assert (data["frames"].shape, data["timestamps"].tolist()) == ((1, 4, 5, 3), [1.0])
    refused(y, np.zeros((4, 5), np.uint8), TensorInvalidSampleShapeError)


@pytest.mark.parametrize("format", ["wav", "flac", "mp3"])
def test_audio(ds: Dataset, media: Media, format: str) -> None:
    with pytest.raises(TensorMetaMissingRequiredValue):
        ds.create_tensor("x", htype="audio")
    x = ds.create_tensor("x", htype="audio", sample_compression=format)
    x.append(deeplake.read(media(f"sound.{format}")))
    assert (x.dtype, x.shape) == (np.float32, (1, 500, 2))
    data = kept(x)[0].data()
    assert "value" in data
    assert np.abs(data["value"][:, 0] - np.sin(np.arange(500) / 7) / 2).max() < 0.1
    refused(x, np.zeros((500, 2), np.float32), NotImplementedError)
    y = ds.create_tensor("y", htype="audio", sample_compression=None)
    y.append(np.zeros((7, 2)))
    assert y.dtype == np.float64


def test_class_label(ds: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    x = ds.create_tensor(
        "x", htype="class_label", class_names=["cat", "dog"], chunk_compression="lz4"
    )
    x.append(1)
    x.append([0, 1])
    with caplog.at_level(logging.INFO):
        x.append("owl")
    assert "owl" in caplog.text
    assert x.dtype == np.uint32
    assert [a.tolist() for a in kept(x).numpy(aslist=True)] == [[1], [0, 1], [2]]
    assert kept(x).info.class_names == ["cat", "dog", "owl"]
    assert kept(x)[1].data()["text"] == ["cat", "dog"]
    x.append(9)
    assert kept(x)[3].data()["text"] == [None]
    y = ds.create_tensor("y", htype="class_label")
    y.append(3)
    assert kept(y)[0].data().keys() == {"value"}
    refused(y, -1, Exception)
    refused(y, 1.5, Exception)
    refused(y, np.zeros((2, 2), np.uint32), TensorInvalidSampleShapeError)


def test_tag(ds: Dataset) -> None:
    x = ds.create_tensor("x", htype="tag", sample_compression="lz4")
    x.append("one")
    x.append(["two", "three"])
    x.append(None)
    assert x.shape == (3, None)
    assert kept(x)[0].data() == {"value": ["one"]}
    assert kept(x).data()["value"] == [["one"], ["two", "three"], []]
    refused(x, [1, 2], Exception)


def test_bbox(ds: Dataset) -> None:
    x = ds.create_tensor("x", htype="bbox", coords={"type": "pixel", "mode": "LTWH"})
    x.append([[1, 2, 3, 4]])
    x.append(np.zeros((0, 4), np.float32))
    x.append([[1.5, 2, 3, 4], [5, 6, 7, 8]])
    assert (x.dtype, x.shape) == (np.float32, (3, None, 4))
    assert kept(x).info.coords == {"type": "pixel", "mode": "LTWH"}
    assert kept(x)[2].data()["value"].tolist() == [[1.5, 2, 3, 4], [5, 6, 7, 8]]
    refused(x, np.zeros((3, 5), np.float32), TensorInvalidSampleShapeError)
    refused(x, np.zeros((3, 4), np.float64), Exception)
    with pytest.raises(KeyError):
        ds.create_tensor("y", htype="bbox", coords={"colour": "red"})
    with pytest.raises(TypeError):
        ds.create_tensor("y", htype="bbox", coords="LTRB")
    assert "y" not in ds.tensors


def test_bbox_3d(ds: Dataset) -> None:
    x = ds.create_tensor("x", htype="bbox.3d", coords={"mode": "center"})
    x.append(np.zeros((5, 9), np.float32))
    y = ds.create_tensor("y", htype="bbox.3d", coords={"mode": "vertex"})
    y.append(np.zeros((5, 8, 3), np.float32))
    assert (kept(x).shape, kept(y).shape) == ((1, 5, 9), (1, 5, 8, 3))
    refused(x, np.zeros((5, 4), np.float32), TensorInvalidSampleShapeError)
    with pytest.raises(KeyError):
        ds.create_tensor("z", htype="bbox.3d", coords={"type": "pixel"})


def test_intrinsics(ds: Dataset) -> None:
    x = ds.create_tensor("x", htype="intrinsics", chunk_compression="lz4")
    x.append(np.eye(3, dtype=np.float32))
    assert kept(x)[0].data()["value"].tolist() == np.eye(3).tolist()
    assert x.dtype == np.float32


def test_masks(ds: Dataset) -> None:
    x = ds.create_tensor("x", htype="segment_mask", class_names=["sky"], sample_compression="lz4")
    x.append(np.full((4, 5), 3, np.uint32))
    assert (x.dtype, kept(x).info.class_names) == (np.uint32, ["sky"])
    assert (kept(x)[0].data()["value"] == 3).all()
    png = ds.create_tensor("png", htype="segment_mask", sample_compression="png")
    png.append(np.full((4, 5), 3, np.uint8))
    assert (kept(png)[0].numpy() == 3).all()
    refused(x, np.zeros(4, np.uint32), TensorInvalidSampleShapeError)
    y = ds.create_tensor("y", htype="binary_mask", sample_compression="lz4")
    y.append(np.eye(4, dtype=bool))
    z = ds.create_tensor("z", htype="binary_mask")
    z.append(np.ones((4, 5, 2), bool))
    assert (kept(y).dtype, kept(z).shape) == (np.bool_, (1, 4, 5, 2))
    assert (kept(y)[0].data()["value"] == np.eye(4, dtype=bool)).all()
    i = ds.create_tensor("i", htype="instance_label")
    i.append(np.full((4, 5), 7, np.uint32))
    assert (kept(i).dtype, kept(i).data()["value"].max()) == (np.uint32, 7)


def test_keypoints_and_points(ds: Dataset) -> None:
    names, lines = ["head", "hand"], [[0, 1]]
    x = ds.create_tensor("x", htype="keypoints_coco", keypoints=names, connections=lines)
    x.append(np.zeros((6, 5), np.int32))
    assert (kept(x).info.keypoints, kept(x).info.connections) == (names, lines)
    refused(x, np.zeros((5, 5), np.int32), TensorInvalidSampleShapeError)
    y = ds.create_tensor("y", htype="point")
    y.append([[1, 2], [3, 4]])
    assert (kept(y).dtype, kept(y)[0].data()["value"].tolist()) == (np.int32, [[1, 2], [3, 4]])
    refused(y, np.zeros((2, 4), np.int32), TensorInvalidSampleShapeError)
    z = ds.create_tensor("z", htype="point")
    z.append(np.zeros((2, 3), np.int32))


def test_polygon(ds: Dataset) -> None:
    x = ds.create_tensor("x", htype="polygon", chunk_compression="lz4")
    one = [np.ones((3, 2), np.float32), np.ones((5, 2), np.float32)]
    x.append(one)
    x.append([[[0, 0], [1, 1], [2, 0]]])
    assert x.dtype == np.float32
    assert x[0].shape == (2, 5, 2)
    assert [a.shape for a in kept(x)[0].numpy()] == [(3, 2), (5, 2)]
    assert [[a.shape for a in row] for row in kept(x).numpy()] == [[(3, 2), (5, 2)], [(3, 2)]]
    assert [a.tolist() for a in kept(x)[1].data()["value"]] == [[[0, 0], [1, 1], [2, 0]]]
    refused(x, [np.zeros((0, 2))], EmptyPolygonError)
    refused(x, [np.ones((3, 2)), np.ones((3, 3))], Exception)
    refused(x, [np.ones((1, 2))] * 65536, Exception)
    x.append(None)
    assert kept(x)[2].numpy() == []


def test_text(ds: Dataset) -> None:
    x = ds.create_tensor("x", htype="text", sample_compression="lz4")
    x.extend(["one", "zwölf 🦆", None, ""])
    assert x.shape == (4, 1)
    assert kept(x).data() == {"value": ["one", "zwölf 🦆", "", ""]}
    assert kept(x)[1].data() == {"value": "zwölf 🦆"}
    assert kept(x).numpy()[1].tolist() == ["zwölf 🦆"]
    for sample in (3, b"bytes", ["a", "b"], {"a": 1}):
        refused(x, sample, Exception)


def test_json(ds: Dataset, media: Media) -> None:
    x = ds.create_tensor("x", htype="json", chunk_compression="lz4")
    value = {"a": [1, 2.5, None, True], "array": np.arange(3, dtype=np.int16), "bytes": b"\0\1",
             "file": deeplake.read(media("photo.png"))}  # fmt: skip
    x.append(value)
    x.extend([[1, 2], "text", None, 3])
    found = kept(x)[0].data()["value"]
    assert found["a"] == [1, 2.5, None, True]
    assert found["array"].tolist() == [0, 1, 2]
    assert found["array"].dtype == np.int16
    assert found["bytes"] == b"\0\1"
    assert bytes(found["file"].buffer) == media("photo.png").read_bytes()
    assert kept(x).data()["value"][1:] == [[1, 2], "text", {}, 3]
    refused(x, {"a": object()}, Exception)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [("Dict[str, int]", {"a": 1}, {"a": "b"}), ("List[Optional[int]]", [1, None], ["a"]),
     (dict[str, int], {"a": 1}, [1]), (list[Optional[int]], [None, 3], [1.5]),  # noqa: UP045
     ("Union[str, List[int]]", [1, 2], {"a": 1}), ("Any", {"any": "thing"}, None)],
)  # fmt: skip
def test_json_schemas(ds: Dataset, schema: Any, good: Any, bad: Any) -> None:
    x = ds.create_tensor("x", htype="json", dtype=schema)
    x.append(good)
    assert kept(x)[0].dict() == good
    if bad is not None:
        refused(x, bad, JsonValidationError)


def test_list(ds: Dataset) -> None:
    x = ds.create_tensor("x", htype="list", sample_compression="lz4")
    x.append([1, "two", [3.0], None])
    x.append([])
    x.append(None)
    assert x.shape == (3, None)
    assert kept(x)[0].data() == {"value": [1, "two", [3.0], None]}
    assert kept(x).data()["value"][1:] == [[], []]
    assert kept(x)[0].list() == [1, "two", [3.0], None]
    refused(x, {"a": 1}, Exception)


def test_embedding(ds: Dataset) -> None:
    x = ds.create_tensor("x", htype="embedding", chunk_compression="lz4")
    x.append(np.arange(8, dtype=np.float32))
    assert x.dtype == np.float32
    assert kept(x)[0].data()["value"].tolist() == list(range(8))
    assert kept(x).get_vdb_indexes() == []
    refused(x, np.zeros((2, 8), np.float32), TensorInvalidSampleShapeError)


# --------------------------------------------------------------------------- media
def test_dicom(ds: Dataset, media: Media) -> None:
    x = ds.create_tensor("x", htype="dicom")
    assert x.sample_compression == "dcm"
    x.append(deeplake.read(media("scan.dcm")))
    assert (x.dtype, x.shape) == (np.int16, (1, 64, 64))
    data = kept(x)[0].data()
    assert data["value"].shape == (64, 64)
    assert data["sample_info"]["Modality"] == "MR"


@pytest.mark.parametrize("name", ["volume.nii", "volume.nii.gz"])
def test_nifti(ds: Dataset, media: Media, name: str) -> None:
    with pytest.raises(TensorMetaMissingRequiredValue):
        ds.create_tensor("x", htype="nifti")
    x = ds.create_tensor("x", htype="nifti", sample_compression=name.partition(".")[2])
    x.append(deeplake.read(media(name)))
    assert x.dtype == np.int16
    data = kept(x)[0].data()
    assert data["value"].ravel().tolist() == list(range(60))
    assert "affine" in data["sample_info"]
    refused(x, np.zeros((3, 4, 5), np.int16), NotImplementedError)


def test_point_cloud(ds: Dataset, media: Media) -> None:
    with pytest.raises(TensorMetaMissingRequiredValue):
        ds.create_tensor("x", htype="point_cloud")
    x = ds.create_tensor("x", htype="point_cloud", sample_compression="las")
    x.append(deeplake.read(media("cloud.las")))
    assert (x.dtype, x[0].numpy().shape) == (np.float32, (40, 3))
    data = kept(x)[0].data()
    assert data["intensity"].dtype == np.uint16
    assert data["intensity"].tolist() == list(range(0, 80, 2))
    assert {"X", "Y", "Z", "red", "classification"} <= data.keys()
    refused(x, np.zeros((40, 3), np.float32), NotImplementedError)


def test_mesh(ds: Dataset, media: Media) -> None:
    with pytest.raises(MeshTensorMetaMissingRequiredValue):
        ds.create_tensor("x", htype="mesh")
    x = ds.create_tensor("x", htype="mesh", sample_compression="ply")
    x.append(deeplake.read(media("mesh.ply")))
    data = kept(x)[0].data()
    assert data["vertex_x"].tolist() == [0, 1, 2, 3]
    assert any(key.startswith("face_") for key in data)
    assert x[0].numpy().shape == (4, 3)
    y = ds.create_tensor("y", htype="mesh", sample_compression="stl")
    y.append(deeplake.read(media("mesh.stl")))
    assert {"vertices", "centroids", "normals", "sample_info"} <= kept(y)[0].data().keys()
    refused(x, np.zeros((4, 3), np.float32), NotImplementedError)


# --------------------------------------------------------------------------- several samples
def test_several_samples(ds: Dataset, media: Media) -> None:
    x = ds.create_tensor("x", htype="image", sample_compression="png")
    x.extend([np.zeros((4, 5, 3), np.uint8)] * 2)
    data = kept(x).data()
    assert isinstance(data["value"], np.ndarray)
    assert [info["shape"] for info in data["sample_info"]] == [[4, 5, 3]] * 2
    assert isinstance(kept(x).data(aslist=True)["value"], list)
    x.append(np.zeros((1, 1, 3), np.uint8))
    assert [a.shape for a in kept(x).data()["value"]] == [(4, 5, 3), (4, 5, 3), (1, 1, 3)]


def test_downsampling_of_what_has_none(ds: Dataset) -> None:
    with pytest.warns(UserWarning, match="downsampl"):
        ds.create_tensor("x", htype="bbox", downsampling=(2, 2))
    for wrong in [(0, 1), (2, 0), (2,), "ab", (1.5, 2)]:
        with pytest.raises(ValueError):
            ds.create_tensor("y", htype="image", sample_compression="png", downsampling=wrong)
