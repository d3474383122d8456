"""``ingest_yolo`` and ``export_yolo`` (api.md, section 16)."""

from __future__ import annotations

import inspect
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

QUIET: dict[str, Any] = {"progressbar": False}

BOXES = {
    "a": "0 0.5 0.5 0.25 0.5\n2 0.1 0.2 0.1 0.3\n",
    "b": "",
    "ü": "1   0.123456 0.3\t0.4 0.0000123  \n\n",
}
POLYGONS = {
    "a": "0 0.1 0.1 0.9 0.1 0.5 0.9\n1 0.5 0.5 0.2 0.4\n",
    "b": "",
    "ü": "2 0 0 1 0 1 1 0 1 0.5 0.5\n",
}


def photo(path: Path, shade: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 20), (shade, 90, 160)).save(path)


def folder(root: Path, texts: dict[str, str], *, apart: bool = False) -> Path:
    for number, (name, text) in enumerate(texts.items()):
        photo(root / "images" / f"{name}.jpg", 40 * number)
        place = root / ("texts" if apart else "images") / f"{name}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (root / "classes.names").write_text("cat\ndög\neel\n", encoding="utf-8")
    return root


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    return folder(tmp_path / "yolo", BOXES)


def check_boxes(ds: deeplake.Dataset, root: Path) -> None:
    assert list(ds.tensors) == ["images", "labels", "boxes"]
    assert (ds.images.htype, ds.labels.htype, ds.boxes.htype) == ("image", "class_label", "bbox")
    assert ds.boxes.dtype == np.float32
    assert ds.boxes.info.coords == {"type": "fractional", "mode": "CCWH"}
    for i, name in enumerate(BOXES):
        assert ds.images[i].tobytes() == (root / "images" / f"{name}.jpg").read_bytes()
        lines = [line.split() for line in BOXES[name].splitlines() if line]
        assert ds.labels[i].numpy().tolist() == [int(line[0]) for line in lines]
        expected = np.array([line[1:] for line in lines], np.float32).reshape(-1, 4)
        assert ds.boxes[i].shape == expected.shape
        assert np.array_equal(ds.boxes[i].numpy(), expected)


def test_the_signatures() -> None:
    found = inspect.signature(deeplake.ingest_yolo).parameters
    assert {name: p.default for name, p in found.items() if p.default is not p.empty} == {
        "class_names_file": None, "annotations_directory": None, "allow_no_annotation": False,
        "image_params": None, "label_params": None, "coordinates_params": None, "src_creds": None,
        "dest_creds": None, "image_creds_key": None, "inspect_limit": 1000, "progressbar": True,
        "shuffle": False, "num_workers": 0, "token": None, "connect_kwargs": None,
    }  # fmt: skip
    found = inspect.signature(deeplake.export_yolo).parameters
    assert list(found)[:9] == [
        "src", "dest", "src_creds", "token", "progressbar", "image_tensor", "label_tensor",
        "box_tensor", "limit",
    ]  # fmt: skip
    for name in ("ingest_yolo", "export_yolo"):
        assert name in deeplake.__all__
        assert getattr(deeplake.dataset, name) is getattr(deeplake, name)


def test_boxes(boxes: Path, tmp_path: Path) -> None:
    ds = deeplake.ingest_yolo(
        boxes / "images", tmp_path / "ds", class_names_file=boxes / "classes.names", **QUIET
    )
    check_boxes(ds, boxes)
    assert ds.labels.info.class_names == ["cat", "dög", "eel"]
    check_boxes(deeplake.load(tmp_path / "ds"), boxes)
    assert ds.commit("yolo")


def test_texts_in_a_folder_of_their_own(tmp_path: Path) -> None:
    root = folder(tmp_path / "yolo", BOXES, apart=True)
    ds = deeplake.ingest_yolo(root / "images", "mem://apart", None, root / "texts", **QUIET)
    check_boxes(ds, root)
    assert ds.labels.info.class_names == []
    check_boxes(deeplake.ingest_yolo(root, "mem://found", **QUIET), root)


def test_the_texts_of_images_are_in_labels(tmp_path: Path) -> None:
    for part, shift in (("train", "0.5"), ("val", "0.25")):
        photo(tmp_path / "yolo" / "images" / part / "1.jpg")
        text = tmp_path / "yolo" / "labels" / part / "1.txt"
        text.parent.mkdir(parents=True)
        text.write_text(f"0 {shift} 0.5 0.5 0.5\n")
    ds = deeplake.ingest_yolo(tmp_path / "yolo", "mem://parts", **QUIET)
    assert ds.boxes.numpy()[:, 0, 0].tolist() == [0.5, 0.25]
    (tmp_path / "yolo" / "labels").rename(tmp_path / "yolo" / "texts")
    with pytest.raises(
        IngestionError, match=r"images/train/1.jpg may belong to .*texts/train/1.txt"
    ):
        deeplake.ingest_yolo(tmp_path / "yolo", "mem://parts", **QUIET)


def test_polygons(tmp_path: Path) -> None:
    root = folder(tmp_path / "yolo", POLYGONS)
    ds = deeplake.ingest_yolo(root / "images", "mem://polygons", **QUIET)
    assert list(ds.tensors) == ["images", "labels", "polygons"]
    assert ds.polygons.htype == "polygon"
    first, box = ds.polygons[0].numpy()
    assert np.array_equal(first, np.array([[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]], "f4"))
    assert np.allclose(box, [[0.4, 0.3], [0.6, 0.3], [0.6, 0.7], [0.4, 0.7]])
    assert len(ds.polygons[1].numpy()) == 0
    assert [len(points) for points in ds.polygons[2].numpy()] == [5]
    assert ds.labels[0].numpy().tolist() == [0, 1]


def test_how_many_texts_are_looked_at(tmp_path: Path) -> None:
    root = folder(tmp_path / "yolo", {"a": BOXES["a"], "b": POLYGONS["a"]})
    with pytest.raises(IngestionError, match=r"b.txt, line 1: 6 numbers.*inspect_limit"):
        deeplake.ingest_yolo(root / "images", tmp_path / "ds", inspect_limit=1, **QUIET)
    assert not deeplake.exists(tmp_path / "ds")
    ds = deeplake.ingest_yolo(
        root / "images", "mem://said", inspect_limit=1, coordinates_params={"htype": "polygon"},
        **QUIET,
    )  # fmt: skip
    assert "polygons" in ds.tensors
    assert "polygons" in deeplake.ingest_yolo(root / "images", "mem://looked", **QUIET).tensors


def test_parameters_of_the_tensors(boxes: Path) -> None:
    ds = deeplake.ingest_yolo(
        boxes / "images", "mem://params", **QUIET,
        image_params={"name": "pictures", "htype": "link[image]"},
        label_params={"name": "kinds", "class_names": ["x", "y", "z"]},
        coordinates_params={"name": "places", "chunk_compression": "lz4"},
    )  # fmt: skip
    assert list(ds.tensors) == ["pictures", "kinds", "places"]
    assert ds.pictures.htype == "link[image]"
    assert ds.pictures[0].numpy().shape == (20, 40, 3)
    assert ds.kinds.info.class_names == ["x", "y", "z"]
    assert ds.places.meta.chunk_compression == "lz4"


def test_links_with_credentials(boxes: Path) -> None:
    ds = deeplake.ingest_yolo(
        boxes / "images", "mem://creds", image_params={"htype": "link[image]"},
        image_creds_key="mine", src_creds={"key": "value"}, **QUIET,
    )  # fmt: skip
    assert ds.get_creds_keys() == {"mine"}
    assert ds.images[0].creds_key() == "mine"


def test_images_without_a_text(boxes: Path, tmp_path: Path) -> None:
    (boxes / "images" / "a.txt").unlink()
    with pytest.raises(IngestionError, match=r"1 of 3 images .*a\.jpg.*allow_no_annotation"):
        deeplake.ingest_yolo(boxes / "images", tmp_path / "ds", **QUIET)
    assert not deeplake.exists(tmp_path / "ds")
    ds = deeplake.ingest_yolo(boxes / "images", "mem://without", None, None, True, **QUIET)
    assert len(ds) == 3
    assert ds.labels[0].shape == (0,)
    assert ds.boxes[0].shape == (4, 0)
    assert ds.boxes[1].shape == (0, 4)


def test_labels_that_have_no_name(boxes: Path, tmp_path: Path) -> None:
    (boxes / "classes.names").write_text("cat\ndog\n")
    with pytest.raises(IngestionError, match=r"a\.txt, line 2: class 2, .* 2 names"):
        deeplake.ingest_yolo(
            boxes / "images", tmp_path / "ds", class_names_file=boxes / "classes.names", **QUIET
        )
    assert not deeplake.exists(tmp_path / "ds")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("0 0.5 0.5 0.5\n", 1),
        ("0 0.5 0.5 0.5 0.5 0.5\n", 1),
        ("0 1 1 1 1\nzero 1 1 1 1\n", 2),
        ("\n0 1 1 nan 1\n", 2),
        ("-1 1 1 1 1\n", 1),
        ("0 1 1 1 1\n1.5 1 1 1 1\n", 2),
        ("99999999999 1 1 1 1\n", 1),
        ("0 1 1 2 2 3 x\n", 1),
    ],
)
def test_broken_texts_are_named(boxes: Path, tmp_path: Path, text: str, line: int) -> None:
    (boxes / "images" / "ü.txt").write_text(text)
    with pytest.raises(IngestionError, match=rf"ü\.txt, line {line}: "):
        deeplake.ingest_yolo(boxes / "images", tmp_path / "ds", **QUIET)
    assert not deeplake.exists(tmp_path / "ds")


def test_texts_that_are_no_text(boxes: Path, tmp_path: Path) -> None:
    (boxes / "images" / "ü.txt").write_bytes(b"0 \xff\xfe")
    with pytest.raises(IngestionError, match=r"ü\.txt is no text"):
        deeplake.ingest_yolo(boxes / "images", tmp_path / "ds", **QUIET)
    for names in (b"a\n\nb\n", b"a\na\n", b"\xff"):
        (boxes / "classes.names").write_bytes(names)
        with pytest.raises(IngestionError, match=r"classes\.names"):
            deeplake.ingest_yolo(boxes / "images", "mem://x", boxes / "classes.names", **QUIET)
    with pytest.raises(IngestionError, match="no-names"):
        deeplake.ingest_yolo(boxes / "images", "mem://x", "no-names", **QUIET)


def test_places(boxes: Path, tmp_path: Path) -> None:
    with pytest.raises(SamePathException):
        deeplake.ingest_yolo(boxes, boxes, **QUIET)
    with pytest.raises(InvalidPathException, match="nothing"):
        deeplake.ingest_yolo(tmp_path / "nothing", "mem://x", **QUIET)
    (tmp_path / "hollow").mkdir()
    with pytest.raises(InvalidPathException, match="hollow has no files"):
        deeplake.ingest_yolo(tmp_path / "hollow", "mem://x", **QUIET)
    (tmp_path / "hollow" / "a.txt").touch()
    with pytest.raises(InvalidFileExtension, match="txt"):
        deeplake.ingest_yolo(tmp_path / "hollow", "mem://x", **QUIET)
    deeplake.empty(tmp_path / "ds")
    with pytest.raises(DatasetHandlerError, match="overwrite"):
        deeplake.ingest_yolo(boxes, tmp_path / "ds", **QUIET)
    check_boxes(deeplake.ingest_yolo(boxes, tmp_path / "ds", overwrite=True, **QUIET), boxes)


def test_unreadable_images_are_none(boxes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (boxes / "images" / "a.jpg").write_bytes(b"broken")
    ds = deeplake.ingest_yolo(boxes / "images", "mem://unreadable", **QUIET)
    assert ds.images[0].shape == (0, 0, 0)
    assert ds.boxes[0].shape == (2, 4)
    assert str(boxes / "images" / "a.jpg") in capsys.readouterr().out


def test_a_remote_source_in_random_order(boxes: Path) -> None:
    url = f"memory://{uuid.uuid4().hex}/yolo"
    system = fsspec.filesystem("memory")
    for number in range(300):
        system.pipe(f"{url}/{number:03}.jpg", (boxes / "images" / "a.jpg").read_bytes())
        system.pipe(f"{url}/{number:03}.txt", f"{number} 0.5 0.5 {number / 300} 1\n".encode())
    deeplake.random.seed(3)
    try:
        ds = deeplake.ingest_yolo(url, "mem://far", shuffle=True, **QUIET)
    finally:
        deeplake.random.seed()
    labels = ds.labels.numpy().ravel()
    assert sorted(labels.tolist()) == list(range(300)) != labels.tolist()
    widths = ds.boxes.numpy()[:, 0, 2]
    assert np.array_equal(widths, (labels / 300).astype("f4"))


# --------------------------------------------------------------------------- export
@pytest.mark.parametrize("texts", [BOXES, POLYGONS])
def test_what_was_ingested_is_exported(tmp_path: Path, texts: dict[str, str]) -> None:
    root = folder(tmp_path / "yolo", texts)
    names = root / "classes.names"
    ds = deeplake.ingest_yolo(root / "images", tmp_path / "ds", names, **QUIET)
    deeplake.export_yolo(tmp_path / "ds", tmp_path / "out", **QUIET)
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {"images", "annotations", "classes.names"}
    assert (out / "classes.names").read_text(encoding="utf-8") == "cat\ndög\neel\n"
    again = deeplake.ingest_yolo(
        out / "images", "mem://again", out / "classes.names", out / "annotations", **QUIET
    )
    kind = list(ds.tensors)[2]
    assert list(again.tensors) == list(ds.tensors)
    for i in range(len(ds)):
        assert again.images[i].tobytes() == ds.images[i].tobytes()
        assert again.labels[i].numpy().tolist() == ds.labels[i].numpy().tolist()
        one, other = again[kind][i].numpy(), ds[kind][i].numpy()
        assert len(one) == len(other)
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert again.labels.info.class_names == ["cat", "dög", "eel"]


@pytest.mark.parametrize("kind", ["pixel", "fractional"])
@pytest.mark.parametrize("mode", ["CCWH", "LTWH", "LTRB"])
def test_boxes_of_every_kind(tmp_path: Path, kind: str, mode: str) -> None:
    ds = deeplake.empty("mem://kinds")
    ds.create_tensor("pictures", htype="image.rgb", chunk_compression="lz4")
    ds.create_tensor("kinds", htype="class_label", class_names=["a", "b"])
    ds.create_tensor("places", htype="bbox", coords={"type": kind, "mode": mode})
    # 10 to 30 of 40 across, 5 to 15 of 20 down
    numbers = {"CCWH": [20, 10, 20, 10], "LTWH": [10, 5, 20, 10], "LTRB": [10, 5, 30, 15]}[mode]
    box = np.array([numbers], "f4") / (1 if kind == "pixel" else np.array([40, 20, 40, 20]))
    picture = np.random.default_rng(0).integers(0, 255, (20, 40, 3), np.uint8)
    ds.append({"pictures": picture, "kinds": ["b"], "places": box.astype("f4")})
    ds.append({"pictures": None, "kinds": [], "places": None})
    ds.append({"pictures": picture, "kinds": [], "places": None})
    deeplake.export_yolo(ds, tmp_path / "out", limit=None, **QUIET)
    assert sorted(p.name for p in (tmp_path / "out" / "images").iterdir()) == [
        "00000000.png", "00000002.png",
    ]  # fmt: skip
    label, *found = (tmp_path / "out" / "annotations" / "00000000.txt").read_text().split()
    assert label == "1"
    assert np.allclose(np.array(found, float), [0.5, 0.5, 0.5, 0.5])
    assert (tmp_path / "out" / "annotations" / "00000002.txt").read_text() == ""
    with Image.open(tmp_path / "out" / "images" / "00000000.png") as image:
        assert np.array_equal(np.asarray(image), picture)


def test_views_limits_and_links(boxes: Path, tmp_path: Path) -> None:
    params = {"htype": "link[image]"}
    ds = deeplake.ingest_yolo(
        boxes / "images", "mem://v", boxes / "classes.names", image_params=params, **QUIET
    )
    deeplake.export_yolo(ds[::-1], tmp_path / "out", limit=2, **QUIET)
    written = sorted((tmp_path / "out" / "images").iterdir())
    assert [path.read_bytes() for path in written] == [
        (boxes / "images" / f"{name}.jpg").read_bytes() for name in ("ü", "b")
    ]
    assert [path.suffix for path in written] == [".jpg", ".jpg"]


def made(**tensors: Any) -> deeplake.Dataset:
    ds = deeplake.empty("mem://made")
    known: dict[str, dict[str, Any]] = {
        "images": {"htype": "image", "sample_compression": None},
        "labels": {"htype": "class_label", "class_names": ["a"]},
        "boxes": {"htype": "bbox", "coords": {"type": "pixel", "mode": "LTWH"}},
    }
    for name, arguments in {**known, **tensors}.items():
        if arguments is not None:
            ds.create_tensor(name, **arguments)
    return ds


@pytest.mark.parametrize(
    ("tensors", "arguments", "message"),
    [
        ({"images": None}, {}, "image_tensor: no tensor has"),
        ({"labels": None}, {}, "label_tensor: no tensor has"),
        ({"boxes": None}, {}, "box_tensor: no tensor has"),
        ({"more": {"htype": "bbox"}}, {}, "box_tensor: several .* boxes, more"),
        ({"more": {"htype": "image", "sample_compression": None}}, {}, "image_tensor: several"),
        ({"more": {"htype": "class_label"}}, {}, "label_tensor: several"),
        ({}, {"box_tensor": "labels"}, "box_tensor: tensor 'labels' has htype 'class_label'"),
        ({}, {"image_tensor": "none"}, "image_tensor: there is no tensor 'none'"),
        ({"labels": {"htype": "class_label"}}, {}, "'labels' has no class_names"),
        ({"boxes": {"htype": "bbox"}}, {}, "'boxes': .*coords"),
        ({"boxes": {"htype": "bbox", "coords": {"type": "pixel", "mode": "XY"}}}, {}, "'XY'"),
        ({"boxes": {"htype": "bbox", "coords": {"mode": "LTWH"}}}, {}, "type must be"),
        ({}, {"limit": -1}, "limit"),
    ],
)
def test_what_cannot_be_exported(
    tmp_path: Path, tensors: Any, arguments: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        deeplake.export_yolo(made(**tensors), tmp_path / "out", **QUIET, **arguments)
    assert not (tmp_path / "out").exists()


def test_export_leaves_no_half_of_a_folder(tmp_path: Path) -> None:
    ds = made()
    with ds:
        ds.append({"images": np.zeros((4, 4, 3), "u1"), "labels": [0], "boxes": [[0, 0, 1, 1]]})
        ds.append({"images": np.zeros((4, 4, 3), "u1"), "labels": [0], "boxes": None})
    with pytest.raises(IngestionError, match="row 1: 1 labels in 'labels', and 0 objects"):
        deeplake.export_yolo(ds, tmp_path / "out", **QUIET)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out").mkdir()
    deeplake.export_yolo(ds, tmp_path / "out", limit=1, **QUIET)
    with pytest.raises(IngestionError, match="is there already"):
        deeplake.export_yolo(ds, tmp_path / "out", limit=1, **QUIET)
    with pytest.raises(DatasetHandlerError):
        deeplake.export_yolo(tmp_path / "nothing", tmp_path / "other", **QUIET)
    (tmp_path / "file").touch()
    with pytest.raises(IngestionError, match="cannot be written"):
        deeplake.export_yolo(ds, tmp_path / "file" / "out", limit=1, **QUIET)
