"""Copies of versions and views: the rows as they are stored, without history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    CheckoutError,
    DatasetHandlerError,
    InvalidOperationError,
    TensorDoesNotExistError,
    UnsupportedParameterException,
)


@pytest.fixture
def full(tmp_path: Path, picture: Callable[..., bytes]) -> Dataset:
    """Tensors of several kinds, groups, info, two commits, and a change."""
    ds = deeplake.empty(tmp_path / "full")
    with ds:
        ds.create_tensor("x", dtype="int32")
        ds.create_tensor("image", htype="image", sample_compression="jpeg")
        ds.create_tensor("g/label", htype="class_label", class_names=["a", "b"])
        ds.create_tensor("g/h/words", htype="text", chunk_compression="lz4")
        ds.create_tensor("json", htype="json")
        ds.create_tensor("none")
        ds.create_tensor("hidden", hidden=True)
        ds.create_group("empty/inner")
        ds.info["k"] = {"v": [1, 2]}
        ds.image.info["camera"] = "c"
        for k in range(6):
            file = deeplake.read(picture("jpeg", 10 + k, 12, 3, quality=70))
            row = {"x": k, "image": file, "g/label": k % 2, "g/h/words": f"w{k}", "json": {"k": k}}
            ds.append({**row, "json": None} if k == 4 else row, skip_ok=True)
    ds.commit("first")
    ds.x[0] = 100
    ds.commit("second")
    ds.x[1] = 101
    return ds


def test_everything_that_is_visible(
    full: Dataset, tmp_path: Path, contents: Callable[[Dataset], Any]
) -> None:
    copied = full.copy(tmp_path / "copy", progressbar=False)
    for ds in (copied, deeplake.load(tmp_path / "copy")):
        assert contents(ds) == contents(full)
        assert list(ds.tensors) == list(full.tensors)
        assert sorted(ds.meta.groups) == ["empty", "empty/inner", "g", "g/h"]
        assert "hidden" not in ds.meta.tensors
        assert ds.commits == []
        assert ds.branches == ["main"]
        assert not ds.read_only
    copied.x.append(9)
    copied.commit()
    assert len(full.x) == 6


def test_files_are_copied_byte_for_byte(full: Dataset, tmp_path: Path) -> None:
    copied = full[["image"]][[4, 2]].copy(tmp_path / "copy", progressbar=False)
    assert [image.tobytes() for image in copied.image] == [
        full.image[k].tobytes() for k in (4, 2)
    ]  # fmt: skip
    assert copied.image[0].sample_info["format"] == "jpeg"


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (slice(1, 4), [1, 2, 3]),
        ([5, 1, 1, 0], [5, 1, 1, 0]),
        (slice(None, None, -2), [5, 3, 1]),
        (slice(0, 0), []),
        (np.array([False, True] * 3), [1, 3, 5]),
    ],
)
def test_views(full: Dataset, tmp_path: Path, index: Any, rows: list[int]) -> None:
    full.delete_tensor("none")
    expected = [full.x[row].numpy().tolist() for row in rows]
    words = [f"w{row}" for row in rows]
    copied = full[index].copy(tmp_path / "copy", progressbar=False)
    assert len(copied) == len(rows)
    assert not copied.is_view
    assert [value.tolist() for value in copied.x.numpy(aslist=True)] == expected
    assert [value.item() for value in copied["g/h/words"].numpy(aslist=True)] == words
    copied.append({"x": 7}, append_empty=True)
    copied.commit()
    assert copied.diff(as_dict=True)["tensor"] == [{"commit_id": copied.pending_commit_id}]


def test_repeated_rows_are_rows_of_their_own(full: Dataset, tmp_path: Path) -> None:
    copied = full[["x", "g"]][[1, 1, 1]].copy(tmp_path / "copy", progressbar=False)
    copied.commit()
    copied.x[1] = 7
    assert copied.diff(as_dict=True)["tensor"][0]["x"]["data_updated"] == {1}
    assert copied.x.numpy().ravel().tolist() == [101, 7, 101]


def test_one_row_opens_as_one_row(full: Dataset, tmp_path: Path) -> None:
    copied = full[["x", "image"]][2].copy(tmp_path / "copy", progressbar=False)
    for ds in (copied, deeplake.load(tmp_path / "copy"), deeplake.dataset(tmp_path / "copy")):
        assert len(ds) == 1
        assert ds.meta.default_index == [0]
        assert ds.x.numpy().tolist() == [2]
        assert ds.image.numpy().shape == (12, 12, 3)
        assert len(ds.root.x) == 1
        assert ds.root.x.numpy().tolist() == [[2]]
    again = deeplake.deepcopy(copied, tmp_path / "deep", progressbar=False)
    assert (len(again), again.x.numpy().tolist()) == (1, [2])
    copied.root.append({"x": 5}, append_empty=True)
    assert len(deeplake.load(tmp_path / "copy").root) == 2


def test_parts_of_samples(full: Dataset, tmp_path: Path) -> None:
    copied = full[["image"]][1:3, 0:4].copy(tmp_path / "copy", progressbar=False)
    assert copied.image.numpy().shape == (2, 4, 12, 3)
    with pytest.raises(InvalidOperationError, match="'g/h/words'.*whole rows"):
        full[["g/h"]][1:3, 0].copy(tmp_path / "other", progressbar=False)


def test_groups(full: Dataset, tmp_path: Path) -> None:
    copied = full["g"].copy(tmp_path / "copy", progressbar=False)
    assert list(copied.tensors) == ["label", "h/words"]
    assert dict(copied.info) == {}
    assert copied.label.info["class_names"] == ["a", "b"]
    copied = full["g"][2:4].copy(tmp_path / "other", tensors=["h"], progressbar=False)
    assert list(copied.tensors) == ["h/words"]
    assert copied["h/words"].numpy().ravel().tolist() == ["w2", "w3"]


def test_some_tensors(full: Dataset, tmp_path: Path) -> None:
    copied = full.copy(tmp_path / "copy", tensors=["x", "g"], progressbar=False)
    assert list(copied.tensors) == ["x", "g/label", "g/h/words"]
    assert sorted(copied.meta.groups) == ["g", "g/h"]
    with pytest.raises(TensorDoesNotExistError):
        full.copy(tmp_path / "other", tensors=["nothing"], progressbar=False)


def test_padded_views(full: Dataset, tmp_path: Path) -> None:
    full["none"].extend([1, 2])
    copied = full.max_view.copy(tmp_path / "copy", progressbar=False)
    assert {len(tensor) for tensor in copied.tensors.values()} == {6}
    assert [v.tolist() for v in copied["none"].numpy(aslist=True)] == [[1], [2], [], [], [], []]
    copied = full.max_view[[5, 1]].copy(tmp_path / "other", progressbar=False)
    assert [v.tolist() for v in copied["none"].numpy(aslist=True)] == [[], [2]]
    assert copied.x.numpy().ravel().tolist() == [5, 101]


def test_the_function(full: Dataset, tmp_path: Path) -> None:
    first = full.commits[1]["commit"]
    copied = deeplake.copy(f"{full.path}@{first}", tmp_path / "a", progressbar=False)
    assert copied.x.numpy().ravel().tolist() == [0, 1, 2, 3, 4, 5]
    copied = deeplake.copy(full, str(tmp_path / "b"), progressbar=False)
    assert copied.x.numpy().ravel().tolist() == [100, 101, 2, 3, 4, 5]
    copied = deeplake.copy(full[["x"]][1:2], "mem://copy", progressbar=False)
    assert copied.x.numpy().ravel().tolist() == [101]
    with pytest.raises(CheckoutError):
        deeplake.copy(f"{full.path}@nothing", tmp_path / "c", progressbar=False)
    with pytest.raises(DatasetHandlerError):
        deeplake.copy(tmp_path / "nothing", tmp_path / "c", progressbar=False)
    for name in ("src_token", "dest_token"):
        with pytest.raises(UnsupportedParameterException, match=name):
            deeplake.copy(full, tmp_path / "c", **{name: "t"})
    assert not deeplake.exists(tmp_path / "c")


def test_the_destination(full: Dataset, tmp_path: Path) -> None:
    target = deeplake.empty(tmp_path / "there")
    target.create_tensor("old")
    with pytest.raises(DatasetHandlerError, match="overwrite=True"):
        full.copy(tmp_path / "there", progressbar=False)
    copied = full.copy(tmp_path / "there", overwrite=True, tensors=["x"], progressbar=False)
    assert list(copied.tensors) == ["x"]
    target = deeplake.empty(tmp_path / "given")
    assert full.copy(target, tensors=["x"], progressbar=False) is target
    for path in (full.path, full.path + "/"):
        with pytest.raises(DatasetHandlerError, match="itself"):
            full.copy(path, overwrite=True, progressbar=False)
        with pytest.raises(DatasetHandlerError, match="itself"):
            deeplake.copy(path, full.path, overwrite=True, progressbar=False)
    assert len(full.x) == 6


def test_progress(full: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full.copy(tmp_path / "a", progressbar=False)
    assert capsys.readouterr().err == ""
    full.copy(tmp_path / "b")
    assert "copy" in capsys.readouterr().err


def test_a_copy_of_a_saved_view(full: Dataset, tmp_path: Path) -> None:
    full.delete_tensor("none")
    full.commit()
    for optimize in (False, True):
        full[[3, 1]].save_view(id="v", optimize=optimize, overwrite=True, verbose=False)
        copied = full.load_view("v").copy(tmp_path / str(optimize), progressbar=False)
        assert copied.x.numpy().ravel().tolist() == [3, 101]
        assert not copied.is_optimized
