"""Hidden companions of tensors (api.md, section 3, second row; ADR 5).

Those that are downsampled: ``test_section_07_downsampling.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import ReadOnlyModeError, TensorDoesNotExistError


@pytest.fixture
def ds(tmp_path: Path) -> Dataset:
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("images", htype="image", sample_compression="png")
    ds.create_tensor("g/labels", htype="class_label")
    ds.create_tensor("text", htype="text")
    ds.create_tensor("list", htype="list")
    for k in range(4):
        image = np.zeros((5 + k, 6, 3), np.uint8)
        ds.append({"images": image, "g/labels": k, "text": "a", "list": [1] * k})
    return ds


def test_shapes(ds: Dataset) -> None:
    shapes = ds["_images_shape"]
    assert shapes.numpy().tolist() == [[5 + k, 6, 3] for k in range(4)]
    assert (shapes.dtype, shapes.hidden, shapes.key) == (np.int64, True, "_images_shape")
    assert ds["g/_labels_shape"].numpy().tolist() == [[1]] * 4
    assert ds.g["_labels_shape"].key == "g/_labels_shape"
    assert ds["_list_shape"].numpy().tolist() == [[0], [1], [2], [3]]


def test_infos(ds: Dataset) -> None:
    infos = ds["_images_info"]
    assert infos.htype == "json"
    assert infos.dict() == ds.images.sample_info
    assert infos[1].dict()["shape"] == [6, 6, 3]


def test_ids_are_unique_and_stay(ds: Dataset) -> None:
    ids = ds["_images_id"].numpy()
    assert (ids.shape, ids.dtype) == ((4, 1), np.uint64)
    assert len(np.unique(ids)) == 4
    assert (ds["_text_id"].numpy() == ids).all()  # of one row, in all tensors
    ds.images[1] = np.zeros((9, 9, 3), np.uint8)
    ds.commit()
    ds.checkout("side", create=True)
    ds.append({"images": None, "g/labels": 1, "text": "b", "list": []})
    fresh = ds["_images_id"].numpy()[4]
    ds.commit()
    ds.checkout("main")
    ds.pop(0)
    ds.merge("side")
    assert ds["_images_id"].numpy().tolist() == [*ids[1:].tolist(), fresh.tolist()]
    ds.rechunk(progressbar=False)
    assert deeplake.load(ds.path)["_images_id"].numpy().tolist()[:3] == ids[1:].tolist()


def test_of_views(ds: Dataset) -> None:
    assert ds[[2, 0]]["_images_shape"].numpy().tolist() == [[7, 6, 3], [5, 6, 3]]
    assert ds[1]["_images_shape"].numpy().tolist() == [6, 6, 3]
    assert ds[1]["_images_id"].numpy().tolist() == ds["_images_id"][1].numpy().tolist()


def test_they_are_listed_nowhere(ds: Dataset) -> None:
    assert ds.meta.hidden_tensors == []
    assert "_images_shape" not in ds
    assert "_images_shape" not in ds.tensors


@pytest.mark.parametrize(
    "name",
    ["_text_shape", "_text_info", "g/_labels_info", "_nothing_shape", "_images_nothing", "_shape",
     "_images_", "__shape", "g/_images_shape"],
)  # fmt: skip
def test_those_that_there_are_not(ds: Dataset, name: str) -> None:
    with pytest.raises(TensorDoesNotExistError):
        _ = ds[name]


def test_they_are_read_only(ds: Dataset) -> None:
    for change in (
        lambda: ds["_images_shape"].append([1, 2, 3]),
        lambda: ds["_images_id"].__setitem__(0, 1),
        lambda: ds["_images_info"].pop(),
    ):
        with pytest.raises(ReadOnlyModeError):
            change()


def test_a_tensor_of_that_name_is_that_tensor(ds: Dataset) -> None:
    ds.create_tensor("_images_shape").append(5)
    assert ds["_images_shape"].numpy().tolist() == [[5]]


def test_of_nothing(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "empty")
    ds.create_tensor("x", htype="image", sample_compression="png")
    for kind in ("shape", "id", "info"):
        assert len(ds[f"_x_{kind}"]) == 0
