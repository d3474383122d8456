"""``sample_info["modified"]``: True after a part of a sample was assigned (api.md, section 6)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import deeplake
from deeplake import Dataset


@pytest.fixture
def images(tmp_path: Path) -> Dataset:
    """Four small images, committed."""
    ds = deeplake.empty(tmp_path / "images")
    ds.create_tensor("x", htype="image", sample_compression="png")
    ds.x.extend(np.zeros((4, 6, 8, 3), np.uint8))
    ds.commit("black")
    return ds


def modified(ds: Dataset) -> list[bool]:
    return [info["modified"] for info in ds.x.sample_info]


def test_nothing_is_modified_at_first(images: Dataset) -> None:
    assert modified(images) == [False] * 4
    assert images.x[1].sample_info["modified"] is False


@pytest.mark.parametrize(
    "change",
    [
        lambda ds: ds.x.__setitem__((1, slice(0, 2)), 7),
        lambda ds: ds.x[1].__setitem__(slice(0, 2), np.full((2, 8, 3), 7, np.uint8)),
        lambda ds: ds[1].x.__setitem__((0, 0), 7),
    ],
    ids=["tuple", "chained", "view"],
)
def test_a_partial_update_modifies(images: Dataset, change: Callable[[Dataset], None]) -> None:
    change(images)
    assert images.x[1].numpy()[0, 0, 0] == 7
    assert modified(images) == [False, True, False, False]
    assert modified(deeplake.load(images.path)) == [False, True, False, False]


def test_a_whole_update_does_not(images: Dataset) -> None:
    images.x[1, 0] = 7
    images.x[1] = np.ones((3, 3, 3), np.uint8)
    images.x[2:4] = np.ones((2, 3, 3, 3), np.uint8)
    images[0].update({"x": np.ones((3, 3, 3), np.uint8)})
    assert modified(images) == [False] * 4


def test_it_survives_merges_and_new_chunks(images: Dataset) -> None:
    images.checkout("side", create=True)
    images.x[3, 0] = 9
    images.commit("one")
    images.checkout("main")
    images.x[0, 0] = 9
    images.merge("side")
    assert modified(images) == [True, False, False, True]
    images.rechunk(progressbar=False)
    images.x.append(np.zeros((6, 8, 3), np.uint8))
    assert modified(images) == [True, False, False, True, False]


def test_parts_of_several_rows(images: Dataset) -> None:
    images.x[[0, 2], 0:2] = 5
    assert modified(images) == [True, False, True, False]
    assert images.x.numpy()[:, 0, 0, 0].tolist() == [5, 0, 5, 0]


def test_tensors_without_files_tell_too(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "masks")
    ds.create_tensor("x", htype="segment_mask")
    ds.x.extend(np.zeros((2, 3, 4), np.uint32))
    ds.x[1, 0] = 3
    assert modified(ds) == [False, True]
