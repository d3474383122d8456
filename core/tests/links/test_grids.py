"""Grids of linked images that are read as one sample: ``deeplake.link_tiled`` (api.md, section 6)."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    BadLinkError,
    CorruptedSampleError,
    DynamicTensorNumpyError,
    GetDataFromLinkError,
    InvalidPathException,
    LinkChangedError,
    SampleAppendError,
    TensorInvalidSampleShapeError,
)
from deeplake.format.links import Link, LinkGrid, link_of


@pytest.fixture(params=["mem", "file"])
def ds(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    url = "mem://grids" if request.param == "mem" else str(tmp_path / "ds")
    return deeplake.empty(url, verbose=False)


def cut(array: np.ndarray, side: tuple[int, int], folder: Path, name: str = "tile") -> np.ndarray:
    """Write the tiles of an image as PNG files; returns their paths."""
    rows = []
    for top in range(0, array.shape[0], side[0]):
        row = []
        for left in range(0, array.shape[1], side[1]):
            path = folder / f"{name}-{top}-{left}.png"
            Image.fromarray(array[top : top + side[0], left : left + side[1]]).save(path)
            row.append(str(path))
        rows.append(row)
    return np.array(rows)


@pytest.fixture
def scan() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (100, 130, 3), dtype=np.uint8)


@pytest.fixture(params=[True, False], ids=["verified", "unverified"])
def grids(request: pytest.FixtureRequest, ds: Dataset, scan: np.ndarray, tmp_path: Path) -> Dataset:
    """One image of 3 x 3 tiles, those at the far edges smaller, and one of 1 x 1."""
    ds.create_tensor("x", htype="link[image]", verify=request.param)
    ds.x.append(deeplake.link_tiled(cut(scan, (40, 50), tmp_path)))
    ds.x.append(deeplake.link_tiled(cut(scan[:7, :9], (40, 50), tmp_path, "small")))
    return ds


def test_the_whole_sample(grids: Dataset, scan: np.ndarray) -> None:
    assert (grids.x[0].numpy() == scan).all()
    assert (grids.x[1].numpy() == scan[:7, :9]).all()
    assert grids.x[0].shape == scan.shape
    assert grids.x[0].numpy().dtype == np.uint8
    first, second = grids.x.numpy(aslist=True)
    assert (first == scan).all()
    assert second.shape == (7, 9, 3)
    with pytest.raises(DynamicTensorNumpyError):
        grids.x.numpy()
    assert (grids.x[0].data()["value"] == scan).all()


@pytest.mark.parametrize(
    "part",
    [np.s_[35:45], np.s_[10, 20], np.s_[90:, 120:, 1], np.s_[::-7, 3::11], np.s_[[99, 3, 3], [0, 129]],
     np.s_[..., 2], np.s_[5:5], np.s_[-1, -1, -1]],
    ids=str,
)  # fmt: skip
def test_parts(grids: Dataset, scan: np.ndarray, part: Any) -> None:
    keys = part if isinstance(part, tuple) else (part,)
    expected = scan[np.ix_(*keys)] if isinstance(keys[0], list) else scan[part]
    assert np.array_equal(grids.x[0][part].numpy(), expected)
    assert np.array_equal(grids.x[(0, *keys)].numpy(), expected)


def test_only_the_tiles_of_a_part_are_opened(grids: Dataset, scan: np.ndarray) -> None:
    paths = grids.x[0].path()
    assert paths.shape == (3, 3)
    kept = {(0, 0), (0, 1), (2, 2)}  # the corners say how large the sample is, if it is not known
    for place in np.ndindex(3, 3):
        if place not in kept:
            os.remove(paths[place])
    assert (grids.x[0, 5:35, 40:60].numpy() == scan[5:35, 40:60]).all()
    with pytest.raises(GetDataFromLinkError, match=r"tensor 'x', row 0: .*tile-40-50\.png"):
        grids.x[0, 45:50, 55:60].numpy()
    with pytest.raises(GetDataFromLinkError, match="tensor 'x', row 0"):
        grids.x[0].numpy()


def test_what_is_known_of_it(grids: Dataset, scan: np.ndarray) -> None:
    info = grids.x[0].sample_info
    assert info == {"tiles": [3, 3], "shape": [100, 130, 3], "modified": False}
    assert grids.x[1].path().shape == (1, 1)
    assert [paths.shape for paths in grids.x.path()] == [(3, 3), (1, 1)]
    with pytest.raises(DynamicTensorNumpyError):
        grids.x.path(aslist=False)
    with pytest.raises(GetDataFromLinkError, match="'x', row 0: .* 9 linked files"):
        grids.x[0].tobytes()
    again = grids.x[0]._linked_sample()
    assert (again.path_array == grids.x[0].path()).all()
    assert grids.x.check_links() == []
    os.remove(grids.x[0].path()[1, 2])
    (broken,) = grids.x.check_links()
    assert (broken.row, broken.problem, broken.path) == (0, "unreadable", again.path_array[1, 2])
    assert grids.x[0].creds_key() is None


def test_it_is_stored(ds: Dataset, scan: np.ndarray, tmp_path: Path) -> None:
    path = str(tmp_path / "kept")
    kept = deeplake.empty(path)
    kept.create_tensor("x", htype="link[image]")
    kept.x.append(deeplake.link_tiled(cut(scan, (40, 50), tmp_path)))
    first = kept.commit()
    kept.x[0] = deeplake.link_tiled(cut(scan[::-1], (100, 50), tmp_path, "other"))
    kept.x.append(None)
    assert (deeplake.load(path).x[0].numpy() == scan[::-1]).all()
    assert (deeplake.load(f"{path}@{first}").x[0].numpy() == scan).all()
    assert kept.x[1].numpy().shape == (0, 0, 0)
    ds.create_tensor("y", htype="link[image]").extend(kept.x[:1])
    assert (ds.y[0, 3:4].numpy() == scan[::-1][3:4]).all()
    kept.x.materialize()
    assert kept.x.htype == "image"
    assert (kept.x[0].numpy() == scan[::-1]).all()
    assert kept.x.sample_compression == "png"


def test_grids_beside_links_and_in_the_loader(
    ds: Dataset, scan: np.ndarray, tmp_path: Path
) -> None:
    ds.create_tensor("x", htype="link[image]")
    whole = cut(scan, (100, 130), tmp_path, "whole")[0, 0]
    tiles = cut(scan, (50, 65), tmp_path)
    ds.x.extend([deeplake.link(whole), deeplake.link_tiled(tiles)] * 20)
    assert (ds.x.numpy() == scan).all()  # more grids than threads: none waits for another
    assert (ds.x[:, 40:60, 60:70].numpy() == scan[40:60, 60:70]).all()
    batches = list(ds.dataloader().batch(8).numpy())
    found = [sample["x"] for batch in batches for sample in batch]
    assert len(found) == 40
    assert all((image == scan).all() for image in found)


def test_a_tile_that_changed(ds: Dataset, scan: np.ndarray, tmp_path: Path) -> None:
    ds.create_tensor("x", htype="link[image]")
    paths = cut(scan, (50, 65), tmp_path)
    ds.x.append(deeplake.link_tiled(paths))
    Image.fromarray(scan[:50, :65] // 2).save(paths[1, 1])
    assert (ds.x[0, :50].numpy() == scan[:50]).all()
    with pytest.raises(LinkChangedError, match="tensor 'x', row 0"):
        ds.x[0].numpy()


@pytest.mark.parametrize("axes", [1, 3])
def test_other_axes(ds: Dataset, scan: np.ndarray, tmp_path: Path, axes: int) -> None:
    ds.create_tensor("x", htype="link[image]")
    paths = cut(scan, (40, 130), tmp_path)
    assert paths.shape == (3, 1)
    ds.x.append(deeplake.link_tiled(paths[:, 0] if axes == 1 else paths[:, :, None]))
    assert (ds.x[0].numpy() == scan).all()


def test_grey_tiles(ds: Dataset, scan: np.ndarray, tmp_path: Path) -> None:
    ds.create_tensor("x", htype="link[image.gray]")
    ds.x.append(deeplake.link_tiled(cut(scan[..., 0], (40, 50), tmp_path)))
    assert np.array_equal(ds.x[0].numpy().reshape(100, 130), scan[..., 0])


@pytest.mark.parametrize(
    ("change", "problem"),
    [(lambda a: a[:-1], r"tile-40-50\.png.*\(39, 50, 3\).*\(40, 50, 3\)"),
     (lambda a: a[..., 0], r"tile-40-50\.png"), (lambda a: np.pad(a, ((0, 1), (0, 0), (0, 0))), "41")],
)  # fmt: skip
def test_tiles_that_do_not_fit(
    ds: Dataset, scan: np.ndarray, tmp_path: Path, change: Any, problem: str
) -> None:
    paths = cut(scan, (40, 50), tmp_path)
    Image.fromarray(change(scan[40:80, 50:100])).save(paths[1, 1])
    ds.create_tensor("x", htype="link[image]")
    with pytest.raises(SampleAppendError, match=problem) as caught:
        ds.x.append(deeplake.link_tiled(paths))
    assert isinstance(caught.value.__cause__, BadLinkError)
    assert len(ds.x) == 0
    ds.create_tensor("later", htype="link[image]", verify=False)
    ds.later.append(deeplake.link_tiled(paths))
    with pytest.raises(TensorInvalidSampleShapeError, match="tensor 'later', row 0: .*tile-40-50"):
        ds.later[0].numpy()


def test_a_last_tile_that_is_larger(ds: Dataset, scan: np.ndarray, tmp_path: Path) -> None:
    paths = cut(scan[:80, :100], (40, 50), tmp_path)
    Image.fromarray(scan[:41, :50]).save(paths[1, 1])
    ds.create_tensor("x", htype="link[image]")
    with pytest.raises(SampleAppendError, match="can only be smaller"):
        ds.x.append(deeplake.link_tiled(paths))


def test_missing_tiles(ds: Dataset, scan: np.ndarray, tmp_path: Path) -> None:
    paths = cut(scan, (40, 50), tmp_path)
    os.remove(paths[2, 1])
    ds.create_tensor("x", htype="link[image]")
    good = deeplake.link_tiled(paths[:2, :2])
    with pytest.raises(SampleAppendError, match=r"tile-80-50\.png"):
        ds.x.extend([good, deeplake.link_tiled(paths)])
    assert len(ds.x) == 0


@pytest.mark.parametrize("htype", ["link[video]", "link[text]", "sequence[link[image]]"])
def test_only_images_have_tiles(ds: Dataset, htype: str) -> None:
    ds.create_tensor("x", htype=htype, verify=False)
    grid = deeplake.link_tiled(["a.png"])
    with pytest.raises(SampleAppendError) as caught:
        ds.x.append([grid] if "sequence" in htype else grid)
    assert isinstance(caught.value.__cause__, TypeError)


def test_it_is_no_sample_of_other_tensors(ds: Dataset) -> None:
    ds.create_tensor("x", htype="image", sample_compression="png")
    with pytest.raises(SampleAppendError, match=r"link\[image\]"):
        ds.x.append(deeplake.link_tiled(["a.png"]))


def test_what_is_no_grid() -> None:
    with pytest.raises(ValueError, match="1 to"):
        deeplake.link_tiled([])
    with pytest.raises(ValueError, match="1 to"):
        deeplake.link_tiled("a.png")
    with pytest.raises(ValueError, match="different numbers"):
        deeplake.link_tiled([["a"], ["b", "c"]])
    with pytest.raises(InvalidPathException):
        deeplake.link_tiled([["a", 3]])


def test_the_sample_itself() -> None:
    grid = deeplake.link_tiled([["a.png", Path("b.png")]], creds_key="mine")
    assert grid.path_array.tolist() == [["a.png", "b.png"]]
    assert pickle.loads(pickle.dumps(grid)) == grid
    assert grid != deeplake.link_tiled([["a.png", "b.png"]])
    assert hash(grid) == hash(deeplake.link_tiled([["a.png", "b.png"]], creds_key="mine"))
    assert repr(grid) == "LinkedTiledSample(1 x 2 tiles from 'a.png', creds_key='mine')"


def test_credentials_are_checked(ds: Dataset) -> None:
    ds.create_tensor("x", htype="link[image]", verify=False)
    with pytest.raises(SampleAppendError, match="creds_key"):
        ds.x.append(deeplake.link_tiled(["s3://bucket/a.png"]))
    ds.add_creds_key("mine")
    ds.populate_creds("mine", {"aws_access_key_id": "a", "aws_secret_access_key": "b"})
    ds.x.append(deeplake.link_tiled(["s3://bucket/a.png", "s3://bucket/b.png"], creds_key="mine"))
    assert ds.x[0].creds_key() == "mine"


def test_a_grid_that_is_damaged() -> None:
    good = LinkGrid((1, 2), (Link("a"), Link("b")), (4, 5, 3))
    assert link_of(good.to_bytes()) == good
    record = json.loads(good.to_bytes())
    for key, value in [
        ("grid", [2, 2]), ("grid", []), ("grid", [0, 2]), ("grid", "ab"), ("grid", [1, True]),
        ("grid", [1.0, 2]), ("grid", [1, 2, 1, 1]), ("tile", [1]), ("tile", 3), ("tile", [1, -1, 1]),
        ("tiles", []), ("tiles", [{"path": "a"}, 3]), ("tiles", None), ("grid", [1 << 40, 2]),
    ]:  # fmt: skip
        with pytest.raises(CorruptedSampleError):
            link_of(json.dumps({**record, key: value}).encode())
