"""``ingest_coco`` (api.md, section 16): images, and JSON files of what is in them."""

from __future__ import annotations

import inspect
import json
import uuid
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake.errors import (
    DatasetHandlerError,
    IngestionError,
    InvalidFileExtension,
    InvalidPathException,
    SamePathException,
)
from deeplake.exchange.outline import area

QUIET: dict[str, Any] = {"progressbar": False}

CATEGORIES = [
    {"id": 18, "name": "dög", "supercategory": "animal"},
    {"id": 1, "name": "person", "supercategory": "person",
     "keypoints": ["nose", "left_eye", "right_eye"], "skeleton": [[1, 2], [1, 3]]},
]  # fmt: skip

MASK = np.zeros((6, 8), bool)
MASK[1:4, 2:7] = True
MASK[2, 4] = False  # a hole
MASK[5, 0] = True  # and a second part

INSTANCES: dict[str, Any] = {
    "info": {"year": 2017},
    "licenses": [],
    "images": [
        {"id": 9, "file_name": "b.jpg", "height": 6, "width": 8},
        {"id": 4, "file_name": "a.jpg", "height": 6, "width": 8},
        {"id": 5, "file_name": "elsewhere.jpg", "height": 6, "width": 8},
    ],
    "annotations": [
        {"id": 1, "image_id": 9, "category_id": 1, "bbox": [1, 2, 3.5, 4], "area": 14.0,
         "iscrowd": 0, "segmentation": [[1, 1, 5, 1, 5, 4.5]], "keypoints": [1, 2, 2, 3, 4, 1, 0, 0, 0],
         "num_keypoints": 2},
        {"id": 2, "image_id": 4, "category_id": 18, "bbox": [0, 0, 8, 6], "area": 1,
         "iscrowd": 0, "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2], [4, 4, 4, 6, 6, 6, 6, 4]],
         "keypoints": [0, 0, 0, 5, 5, 2, 6, 6, 2], "num_keypoints": 2},
        {"id": 3, "image_id": 9, "category_id": 18, "bbox": [0, 0, 7, 6], "area": 15,
         "iscrowd": 1, "segmentation": {"size": [6, 8], "counts": "5172L00NN022005"}},
        {"id": 4, "image_id": 9, "category_id": 1, "bbox": [0, 0, 1, 1], "area": 0.5,
         "iscrowd": 1, "segmentation": {"size": [6, 8], "counts":
             [5, 1, 7, 3, 3, 3, 3, 1, 1, 1, 3, 3, 3, 3, 8]}},
    ],
    "categories": CATEGORIES,
}  # fmt: skip
CAPTIONS: dict[str, Any] = {
    "images": INSTANCES["images"],
    "annotations": [
        {"id": 7, "image_id": 4, "caption": "A dög."},
        {"id": 8, "image_id": 4, "caption": "Ein Hund."},
        {"id": 9, "image_id": 9, "caption": ""},
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, shade in (("a", 50), ("b", 100), ("c", 150)):
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.new("RGB", (8, 6), (shade, 9, 9)).save(tmp_path / "images" / f"{name}.jpg")
    (tmp_path / "instances_val.json").write_text(json.dumps(INSTANCES), encoding="utf-8")
    (tmp_path / "captions_val.json").write_text(json.dumps(CAPTIONS), encoding="utf-8")
    return tmp_path


def inside(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The pixels whose centres a polygon surrounds, by the rule of even and odd."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    found = np.zeros(shape, bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, 0), strict=True):
        if y0 != y1:
            found ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return found


def test_the_signature() -> None:
    found = inspect.signature(deeplake.ingest_coco).parameters
    assert list(found)[:3] == ["images_directory", "annotation_files", "dest"]
    assert {name: p.default for name, p in found.items() if p.default is not p.empty} == {
        "key_to_tensor_mapping": None, "file_to_group_mapping": None, "ignore_one_group": True,
        "ignore_keys": None, "image_params": None, "image_creds_key": None, "src_creds": None,
        "dest_creds": None, "inspect_limit": 1000000, "progressbar": True, "shuffle": False,
        "num_workers": 0, "token": None, "connect_kwargs": None,
    }  # fmt: skip
    assert "ingest_coco" in deeplake.__all__
    assert deeplake.dataset.ingest_coco is deeplake.ingest_coco


def test_instances_and_key_points(folder: Path) -> None:
    ds = deeplake.ingest_coco(
        folder / "images", folder / "instances_val.json", folder / "ds", **QUIET
    )
    ds = deeplake.load(folder / "ds")
    assert {name: tensor.htype for name, tensor in ds.tensors.items()} == {
        "images": "image", "id": "generic", "image_id": "generic", "category_id": "class_label",
        "bbox": "bbox", "area": "generic", "iscrowd": "generic", "segmentation": "polygon",
        "keypoints": "keypoints_coco", "num_keypoints": "generic",
    }  # fmt: skip
    for i, name in enumerate("abc"):
        assert ds.images[i].tobytes() == (folder / "images" / f"{name}.jpg").read_bytes()
    # Rows are images; an image has its annotations in the order of the file.
    assert [ds.id[i].numpy().tolist() for i in range(3)] == [[2], [1, 3, 4], []]
    assert ds.category_id.info.class_names == ["dög", "person"]
    assert ds.category_id[1].data()["text"] == ["person", "dög", "person"]
    assert ds.bbox.info.coords == {"type": "pixel", "mode": "LTWH"}
    assert ds.bbox.dtype == np.float32
    assert ds.bbox[1].numpy().tolist() == [[1, 2, 3.5, 4], [0, 0, 7, 6], [0, 0, 1, 1]]
    assert ds.bbox[2].shape == (0, 4)
    assert ds.area.dtype == np.float64
    assert ds.iscrowd.dtype == np.int64
    assert ds.iscrowd[1].numpy().tolist() == [0, 1, 1]
    assert np.array_equal(ds.num_keypoints[1].numpy(), [2, np.nan, np.nan], equal_nan=True)
    assert ds.keypoints.info["keypoints"] == ["nose", "left_eye", "right_eye"]
    assert ds.keypoints.info["connections"] == [[0, 1], [0, 2]]
    assert ds.keypoints.dtype == np.int32
    assert ds.keypoints[1].shape == (9, 3)
    assert ds.keypoints[1].numpy()[:, 0].tolist() == [1, 2, 2, 3, 4, 1, 0, 0, 0]
    assert not ds.keypoints[1].numpy()[:, 1:].any(), "points that are not labelled"
    assert ds.keypoints[2].shape == (9, 0)


def test_polygons_and_masks(folder: Path) -> None:
    ds = deeplake.ingest_coco(
        folder / "images", folder / "instances_val.json", "mem://masks", **QUIET
    )
    one, text, runs = ds.segmentation[1].numpy()
    assert one.tolist() == [[1, 1], [5, 1], [5, 4.5]]
    assert np.array_equal(inside(text, MASK.shape), MASK)
    assert area(text) == MASK.sum()
    mask = np.zeros(48, bool)
    for start, stop in ((5, 6), (13, 16), (19, 22), (25, 26), (27, 28), (31, 34), (37, 40)):
        mask[start:stop] = True
    assert np.array_equal(inside(runs, MASK.shape), mask.reshape(8, 6).T)
    [parts] = ds.segmentation[0].numpy()  # one object in two parts
    assert area(parts) == 8
    assert {tuple(point) for point in parts.tolist()} == {
        (0, 0), (2, 0), (2, 2), (0, 2), (4, 4), (4, 6), (6, 6), (6, 4),
    }  # fmt: skip
    assert len(ds.segmentation[2].numpy()) == 0
    assert ds.segmentation.info["coords"] == {"type": "pixel"}


def test_captions_are_lists(folder: Path) -> None:
    ds = deeplake.ingest_coco(
        folder / "images", str(folder / "captions_val.json"), "mem://captions", **QUIET
    )
    assert list(ds.tensors) == ["images", "id", "image_id", "caption"]
    assert ds.caption.htype == "list"
    assert [ds.caption[i].list() for i in range(3)] == [["A dög.", "Ein Hund."], [""], []]


def test_groups_of_several_files(folder: Path) -> None:
    files = [folder / "instances_val.json", folder / "captions_val.json"]
    ds = deeplake.ingest_coco(
        folder / "images", files, "mem://groups", ignore_keys=["area", "segmentation"], **QUIET
    )
    assert set(ds.groups) == {"instances_val", "captions_val"}
    assert "images" in ds.tensors
    assert "instances_val/area" not in ds.tensors
    assert ds["instances_val/bbox"][1].shape == (3, 4)
    assert ds["captions_val/caption"][0].list() == ["A dög.", "Ein Hund."]
    ds = deeplake.ingest_coco(
        folder / "images", files, "mem://mapped", **QUIET,
        file_to_group_mapping={"instances_val.json": "things", "captions_val": "texts"},
        key_to_tensor_mapping={"bbox": "boxes", "caption": "said"},
    )  # fmt: skip
    assert {"things/boxes", "things/category_id", "texts/said"} <= set(ds.tensors)


def test_a_group_of_one_file(folder: Path) -> None:
    ds = deeplake.ingest_coco(
        folder / "images", [folder / "instances_val.json"], "mem://one", None, None, False, **QUIET
    )
    assert set(ds.groups) == {"instances_val"}
    assert list(ds.tensors)[:2] == ["images", "instances_val/id"]


def test_names_are_for_one_each(folder: Path) -> None:
    def ingest(**arguments: Any) -> deeplake.Dataset:
        files = [folder / "instances_val.json", folder / "captions_val.json"]
        return deeplake.ingest_coco(folder / "images", files, folder / "ds", **arguments, **QUIET)

    with pytest.raises(IngestionError, match="key_to_tensor_mapping has 'x' twice"):
        ingest(key_to_tensor_mapping={"bbox": "x", "area": "x"})
    with pytest.raises(IngestionError, match="file_to_group_mapping has 'x' twice"):
        ingest(file_to_group_mapping={"instances_val.json": "x", "captions_val.json": "x"})
    with pytest.raises(IngestionError, match="two tensors would be called 'instances_val/area'"):
        ingest(key_to_tensor_mapping={"bbox": "area"})
    with pytest.raises(IngestionError, match="groups"):
        ingest(file_to_group_mapping={"instances_val.json": "captions_val"})
    assert not deeplake.exists(folder / "ds")


def test_parameters_of_images(folder: Path) -> None:
    ds = deeplake.ingest_coco(
        folder / "images", folder / "instances_val.json", "mem://links", **QUIET,
        image_params={"name": "pictures", "htype": "link[image]"}, image_creds_key="ENV",
    )  # fmt: skip
    assert ds.pictures.htype == "link[image]"
    assert ds.pictures[0].path().item() == str(folder / "images" / "a.jpg")
    assert ds.pictures.numpy().shape == (3, 6, 8, 3)


def test_images_in_folders(folder: Path) -> None:
    (folder / "images" / "val").mkdir()
    (folder / "images" / "a.jpg").rename(folder / "images" / "val" / "a.jpg")
    ds = deeplake.ingest_coco(folder / "images", folder / "instances_val.json", "mem://f", **QUIET)
    assert [ds.id[i].numpy().tolist() for i in range(3)] == [[1, 3, 4], [], [2]]
    named = {**INSTANCES, "images": [{**i, "file_name": f"val/{i['file_name']}"}
                                     for i in INSTANCES["images"]]}  # fmt: skip
    (folder / "instances_val.json").write_text(json.dumps(named))
    ds = deeplake.ingest_coco(folder / "images", folder / "instances_val.json", "mem://g", **QUIET)
    assert ds.id[2].numpy().tolist() == [2]


def test_how_many_annotations_are_looked_at(folder: Path) -> None:
    found = {**INSTANCES, "annotations": [*INSTANCES["annotations"]]}
    found["annotations"][3] = {**found["annotations"][3], "late": 1}
    (folder / "instances_val.json").write_text(json.dumps(found))
    arguments: Any = (folder / "images", folder / "instances_val.json")
    assert "late" in deeplake.ingest_coco(*arguments, "mem://all", **QUIET).tensors
    ds = deeplake.ingest_coco(*arguments, "mem://few", inspect_limit=3, **QUIET)
    assert "late" not in ds.tensors


def test_unusual_values(folder: Path) -> None:
    entries = [
        {"image_id": 9, "category_id": 1, "segmentation": [], "bbox": [], "pose": [1, 2],
         "good": True, "attributes": {"colour": "grün"}, "keypoints": [0.5, 1, 2]},
        {"image_id": 9, "category_id": 18, "segmentation": {"size": [6, 8], "counts": [48]},
         "bbox": [1, 1, 1, 1], "pose": [3, 4], "good": False, "attributes": {}},
    ]  # fmt: skip
    (folder / "x.json").write_text(json.dumps({**INSTANCES, "annotations": entries}))
    ds = deeplake.ingest_coco(folder / "images", folder / "x.json", "mem://unusual", **QUIET)
    assert [np.isnan(polygon).all() for polygon in ds.segmentation[1].numpy()] == [True, True]
    assert np.isnan(ds.bbox[1].numpy()[0]).all()
    assert ds.bbox[1].numpy()[1].tolist() == [1, 1, 1, 1]
    assert ds.pose[1].numpy().tolist() == [[1, 2], [3, 4]]
    assert ds.good.dtype == np.bool_
    assert ds.attributes[1].list() == [{"colour": "grün"}, {}]
    assert ds.keypoints.dtype == np.float32
    (folder / "x.json").write_text(json.dumps({"images": INSTANCES["images"], "annotations": []}))
    ds = deeplake.ingest_coco(folder / "images", folder / "x.json", "mem://nothing", **QUIET)
    assert list(ds.tensors) == ["images"]
    assert len(ds) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"annotations": None}, "no list of 'annotations'"),
        ({"images": {}}, "no list of 'images'"),
        ({"images": [{"id": 9}]}, r"images\[0\] has no 'id' and 'file_name'"),
        ({"images": INSTANCES["images"] * 2}, r"images\[3\] has the id 9 again"),
        ({"annotations": [3]}, r"annotations\[0\] is a int"),
        ({"annotations": [{"id": 1}]}, r"annotations\[0\] has the image_id None"),
        ({"annotations": [{"id": 1, "image_id": 77}]}, r"annotations\[0\] has the image_id 77"),
        ({"annotations": [{"id": 6, "image_id": 9, "category_id": 5}]},
         r"annotations\[0\] \(id 6\) has the category_id 5"),
        ({"annotations": [{"id": 6, "image_id": 9, "bbox": [1, 2, 3]}]},
         r"annotations\[0\] \(id 6\): the bbox \[1, 2, 3\]"),
        ({"annotations": [{"id": 1, "image_id": 9, "bbox": [1, 2, 3, 4]},
                          {"id": 6, "image_id": 4, "bbox": "abcd"}]},
         r"annotations\[1\] \(id 6\): the bbox"),
        ({"annotations": [{"id": 6, "image_id": 9, "segmentation": [[1, 2, 3]]}]},
         r"annotations\[0\] \(id 6\): its segmentation"),
        ({"annotations": [{"id": 6, "image_id": 9, "segmentation": {"size": [6, 8], "counts": [7]}}]},
         r"annotations\[0\] \(id 6\): its segmentation.*run lengths"),
        ({"annotations": [{"id": 6, "image_id": 9, "segmentation": {"size": [6, 8], "counts": "é"}}]},
         r"annotations\[0\] \(id 6\): its segmentation"),
        ({"annotations": [{"id": 6, "image_id": 9, "keypoints": [1, 2, 3]},
                          {"id": 7, "image_id": 9, "keypoints": [1, 2, 3, 4, 5, 6]}]},
         r"annotations\[0\] \(id 6\): its keypoints"),
    ],
)  # fmt: skip
def test_broken_annotations_are_named(folder: Path, change: Any, message: str) -> None:
    (folder / "broken.json").write_text(json.dumps({**INSTANCES, **change}))
    with pytest.raises(IngestionError, match=rf"broken\.json.*{message}"):
        deeplake.ingest_coco(folder / "images", folder / "broken.json", folder / "ds", **QUIET)
    assert not deeplake.exists(folder / "ds")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images": [],\n "annotations": [}', "line 2, column 18: no JSON"),
        ("[1]", "no file of COCO"),
        ("", "line 1, column 1"),
        ("[" * 100_000, "no JSON"),
        (b"\xff\xfe", "no text in UTF-8"),
    ],
)
def test_files_that_are_none_of_coco(folder: Path, text: Any, message: str) -> None:
    (folder / "broken.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(IngestionError, match=rf"broken\.json.*{message}"):
        deeplake.ingest_coco(folder / "images", folder / "broken.json", folder / "ds", **QUIET)
    with pytest.raises(IngestionError, match=r"lost\.json cannot be read"):
        deeplake.ingest_coco(folder / "images", folder / "lost.json", folder / "ds", **QUIET)


def test_places(folder: Path) -> None:
    file = folder / "instances_val.json"
    with pytest.raises(SamePathException):
        deeplake.ingest_coco(folder, file, folder, **QUIET)
    with pytest.raises(InvalidPathException, match="nothing"):
        deeplake.ingest_coco(folder / "nothing", file, folder / "ds", **QUIET)
    (folder / "texts").mkdir()
    with pytest.raises(InvalidPathException, match="texts has no files"):
        deeplake.ingest_coco(folder / "texts", file, folder / "ds", **QUIET)
    (folder / "texts" / "a.txt").touch()
    with pytest.raises(InvalidFileExtension):
        deeplake.ingest_coco(folder / "texts", file, folder / "ds", **QUIET)
    with pytest.raises(IngestionError, match="no file of annotations"):
        deeplake.ingest_coco(folder / "images", [], folder / "ds", **QUIET)
    deeplake.empty(folder / "ds")
    with pytest.raises(DatasetHandlerError, match="overwrite"):
        deeplake.ingest_coco(folder / "images", file, folder / "ds", **QUIET)
    assert (
        len(deeplake.ingest_coco(folder / "images", file, folder / "ds", overwrite=True, **QUIET))
        == 3
    )


def test_unreadable_images_are_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "images" / "b.jpg").write_bytes(b"broken")
    ds = deeplake.ingest_coco(folder / "images", folder / "instances_val.json", "mem://u", **QUIET)
    assert ds.images[1].shape == (0, 0, 0)
    assert ds.bbox[1].shape == (3, 4)
    assert str(folder / "images" / "b.jpg") in capsys.readouterr().out


def test_far_sources_in_random_order(folder: Path) -> None:
    url = f"memory://{uuid.uuid4().hex}"
    system = fsspec.filesystem("memory")
    system.put(str(folder / "images"), f"{url}/images", recursive=True)
    system.put(str(folder / "instances_val.json"), f"{url}/instances.json")
    deeplake.random.seed(3)
    try:
        ds = deeplake.ingest_coco(
            f"{url}/images", f"{url}/instances.json", "mem://far", shuffle=True, **QUIET
        )
    finally:
        deeplake.random.seed()
    there = {name: (folder / "images" / f"{name}.jpg").read_bytes() for name in "abc"}
    found = [next(n for n in "abc" if ds.images[i].tobytes() == there[n]) for i in range(3)]
    assert sorted(found) == ["a", "b", "c"]
    ids = {"a": [2], "b": [1, 3, 4], "c": []}
    assert [ds.id[i].numpy().tolist() for i in range(3)] == [ids[name] for name in found]
