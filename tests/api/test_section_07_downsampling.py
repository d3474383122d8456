"""``downsampling=(factor, layers)``: hidden tensors with smaller copies (api.md, section 7).

Which values are refused, and for which htypes it makes sense: ``core/tests/dataset/test_dataset.py``.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import Dataset
from deeplake.errors import SampleAppendError, SampleUpdateError, TensorAlreadyExistsError

NAMES = ["_x_downsampled_2", "_x_downsampled_4"]


@pytest.fixture(params=["mem", "file"])
def ds(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    """A tensor of images with two layers, and labels."""
    ds = deeplake.empty("mem://down" if request.param == "mem" else tmp_path / "down")
    ds.create_tensor("x", htype="image", sample_compression="png", downsampling=(2, 2))
    ds.create_tensor("labels", htype="class_label")
    return ds


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (height, width, 3), dtype=np.uint8)


def file(array: np.ndarray) -> Any:
    out = io.BytesIO()
    Image.fromarray(array).save(out, "png")
    return deeplake.read(out.getvalue())


def check(ds: Dataset, name: str = "x") -> None:
    """Both layers are what striding makes of the samples."""
    group, slash, last = name.rpartition("/")
    source = ds[name].numpy(aslist=True)
    for factor in (2, 4):
        smaller = ds[f"{group}{slash}_{last}_downsampled_{factor}"]
        found = smaller.numpy(aslist=True)
        assert len(found) == len(source)
        for large, small in zip(source, found, strict=True):
            if np.prod(large[:: factor // 2, :: factor // 2].shape[:2]) <= 400:
                assert small.size == 0
            else:
                assert (small == large[::factor, ::factor]).all()


def test_hidden_tensors_are_made(ds: Dataset) -> None:
    assert list(ds.tensors) == ["x", "labels"]
    assert ds.meta.hidden_tensors == NAMES
    for name in NAMES:
        tensor = ds[name]
        assert tensor.hidden
        assert (tensor.htype, tensor.sample_compression) == ("image", "png")


def test_append_and_extend(ds: Dataset) -> None:
    ds.x.append(picture(60, 50))
    ds.x.extend(np.stack([picture(60, 50, seed) for seed in (1, 2)]))
    ds.x.extend([picture(40, 90, 3), picture(9, 9, 4), None])
    check(ds)
    assert ds[NAMES[0]].shapes().tolist()[:4] == [[30, 25, 3]] * 3 + [[20, 45, 3]]
    assert ds[NAMES[1]][0].shape == (15, 13, 3)
    assert ds[NAMES[0]][4].numpy().shape == (0, 0, 0)


def test_the_smallest_sample_that_has_a_copy(ds: Dataset) -> None:
    ds.x.extend([picture(20, 20), picture(20, 21)])
    assert ds[NAMES[0]].shapes().tolist() == [[0, 0, 0], [10, 11, 3]]
    assert not ds[NAMES[1]].shapes().any()


def test_files_are_resized(ds: Dataset) -> None:
    array = picture(61, 50)
    ds.x.append(file(array))
    for name, size in zip(NAMES, [(25, 30), (12, 15)], strict=True):
        assert ds[name][0].shape == (size[1], size[0], 3)
    expected = Image.fromarray(array).resize((25, 30), Image.Resampling.BILINEAR)
    assert np.abs(ds[NAMES[0]][0].numpy().astype(int) - np.asarray(expected)).max() <= 1
    assert ds.x[0].tobytes() == bytes(file(array).buffer)


def test_masks_keep_their_values(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "masks")
    ds.create_tensor("x", htype="segment_mask", sample_compression="png", downsampling=(3, 1))
    mask = np.where(picture(90, 60)[..., 0] > 127, 200, 3).astype(np.uint8)
    ds.x.append(file(mask))
    ds.x.append(mask)
    small = ds["_x_downsampled_3"]
    assert small.shape == (2, 30, 20)
    assert set(np.unique(small.numpy())) == {3, 200}
    assert (small[1].numpy() == mask[::3, ::3]).all()


def test_masks_without_compression(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "masks")
    ds.create_tensor("x", htype="binary_mask", downsampling=(2, 1))
    masks = np.random.default_rng(0).random((3, 50, 40)) > 0.5
    ds.x.extend(masks)
    assert (ds["_x_downsampled_2"].numpy() == masks[:, ::2, ::2]).all()
    assert ds["_x_downsampled_2"].dtype == bool


def test_rows_stay_in_step(ds: Dataset) -> None:
    ds.extend({"x": [picture(60, 50, i) for i in range(6)], "labels": range(6)})
    ds.x[1] = picture(80, 70, 9)
    ds.x[[4, 2]] = [picture(44, 44, 10), picture(5, 5, 11)]
    ds[3].update({"x": picture(60, 60, 12)})
    ds.x[0, 10:20] = 7
    ds[5].x = picture(50, 60, 13)
    check(ds)
    ds.pop([0, 3])
    check(ds)
    ds.x.pop()
    ds.labels.pop()
    check(ds)
    ds.x[5] = picture(50, 60, 14)
    check(ds)
    assert [len(ds[name]) for name in NAMES] == [6, 6]
    ds.rechunk(progressbar=False)
    check(ds)
    ds.x.clear()
    assert [len(ds[name]) for name in NAMES] == [0, 0]


def test_what_fails_changes_nothing(ds: Dataset) -> None:
    ds.append({"x": picture(60, 50), "labels": 1})
    with pytest.raises(SampleAppendError):
        ds.append({"x": picture(60, 50), "labels": object()})
    with pytest.raises(SampleAppendError, match="'x', row"):
        ds.x.extend([picture(60, 50), np.zeros((2, 3, 4, 5), np.uint8)])
    with pytest.raises(SampleUpdateError, match="'x', row 0"):
        ds.x[0] = np.zeros((2, 3, 4, 5), np.uint8)
    assert [len(ds[name]) for name in ["x", *NAMES]] == [len(ds.x)] * 3
    check(ds)


def test_files_with_broken_pixels_are_refused(ds: Dataset) -> None:
    data = bytearray(file(picture(60, 50)).buffer)
    data[60:200] = bytes(140)
    with pytest.raises(SampleAppendError, match="'x', row 1"):
        ds.x.extend([picture(60, 50), deeplake.read(bytes(data))])
    assert [len(ds[name]) for name in ["x", *NAMES]] == [0, 0, 0]


def test_a_half_row_of_a_block_is_dropped(ds: Dataset) -> None:
    with pytest.raises(RuntimeError), ds:
        ds.append({"x": picture(60, 50), "labels": 1})
        ds.x.append(picture(60, 50, 1))
        raise RuntimeError
    assert [len(ds[name]) for name in ["x", "labels", *NAMES]] == [1, 1, 1, 1]


def test_dtypes_are_those_of_the_tensor(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "deep")
    ds.create_tensor("x", htype="image", sample_compression="png", downsampling=(2, 1))
    deep = np.zeros((40, 40), np.int64)
    deep[1, 1] = 40_000
    ds.x.append(deep)
    deep[0, 0] = 50_000
    ds.x.append(deep)
    assert ds.x.dtype == ds["_x_downsampled_2"].dtype == np.uint16
    assert ds["_x_downsampled_2"].numpy()[:, 0, 0].tolist() == [0, 50_000]


def test_merges_take_them_along(ds: Dataset) -> None:
    ds.extend({"x": [picture(60, 50, i) for i in range(4)], "labels": range(4)})
    ds.commit()
    ds.checkout("side", create=True)
    ds.x[1] = picture(80, 70, 9)
    ds.append({"x": picture(60, 60, 12), "labels": 4})
    ds.pop(3)
    ds.commit()
    ds.checkout("main")
    ds.append({"x": picture(70, 60, 13), "labels": 5})
    ds.x[0] = picture(80, 70, 8)
    ds.merge("side")
    assert ds.labels.numpy().ravel().tolist() == [0, 1, 2, 5, 4]
    check(ds)


@pytest.mark.parametrize("resolution", ["ours", "theirs"])
def test_conflicts_are_settled_alike(ds: Dataset, resolution: str) -> None:
    ds.x.extend([picture(60, 50, i) for i in range(2)])
    ds.commit()
    ds.checkout("side", create=True)
    ds.x[1] = picture(80, 70, 9)
    ds.checkout("main")
    ds.x[1] = picture(70, 80, 8)
    ds.merge("side", conflict_resolution=resolution)
    assert ds.x[1].shape == ((70, 80, 3) if resolution == "ours" else (80, 70, 3))
    check(ds)


def test_copies_have_them(ds: Dataset, tmp_path: Path) -> None:
    ds.extend({"x": [picture(60, 50, i) for i in range(5)], "labels": range(5)})
    ds.commit()
    copied = ds[[3, 1]].copy(tmp_path / "copy", progressbar=False)
    assert copied.labels.numpy().ravel().tolist() == [3, 1]
    check(copied)
    copied.x.append(picture(60, 50, 8))
    check(copied)
    deep = deeplake.deepcopy(ds, tmp_path / "deep", tensors=["x"], progressbar=False)
    assert deep.meta.tensors == ["x", *NAMES]
    check(deep)
    like = deeplake.like(tmp_path / "like", ds)
    assert like.meta.hidden_tensors == NAMES
    like.x.append(picture(60, 50))
    check(like)
    ds[1:3].save_view(id="some", optimize=True, verbose=False)
    view = ds.load_view("some")
    assert (view[NAMES[0]].numpy() == ds[1:3][NAMES[0]].numpy()).all()


def test_they_follow_their_tensor(ds: Dataset) -> None:
    ds.x.append(picture(60, 50))
    ds.rename_tensor("x", "y")
    assert ds.meta.hidden_tensors == ["_y_downsampled_2", "_y_downsampled_4"]
    ds.y.append(picture(60, 50, 1))
    check(ds, "y")
    ds.delete_tensor("y")
    assert ds.meta.tensors == ["labels"]
    ds.create_tensor("x", htype="image", sample_compression="png", downsampling=(2, 2))
    assert ds.meta.hidden_tensors == NAMES


def test_in_groups(ds: Dataset) -> None:
    ds.create_tensor("g/x", htype="image", sample_compression="png", downsampling=(2, 2))
    ds["g/x"].append(picture(60, 50))
    check(ds, "g/x")
    ds.rename_group("g", "h")
    ds["h"].x.append(picture(60, 50, 1))
    check(ds, "h/x")
    ds.delete_group("h")
    assert ds.meta.hidden_tensors == NAMES


def test_names_that_are_taken(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "taken")
    ds.create_tensor("_x_downsampled_2")
    with pytest.raises(TensorAlreadyExistsError, match="_x_downsampled_2"):
        ds.create_tensor("x", htype="image", sample_compression="png", downsampling=(2, 1))
    assert ds.meta.tensors == ["_x_downsampled_2"]


def test_stored(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "stored")
    ds.create_tensor("x", htype="image.rgb", sample_compression="jpeg", downsampling=(5, 1))
    ds.x.extend([picture(100, 120, i) for i in range(20)])
    again = deeplake.load(ds.path)
    assert again["_x_downsampled_5"].shape == (20, 20, 24, 3)
    again.x.append(picture(100, 120))
    assert len(again["_x_downsampled_5"]) == 21
