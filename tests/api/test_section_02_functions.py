"""Top-level functions, sentence by sentence (api.md, section 2).

Signatures: ``core/tests/dataset/test_entry.py``. Downloads: ``core/tests/dataset/test_copy.py``.
"""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    CheckoutError,
    DatasetConnectError,
    DatasetCorruptError,
    DatasetHandlerError,
    DatasetTooLargeToDelete,
    InvalidDatasetNameException,
    InvalidDestinationPathError,
    InvalidSourcePathError,
    MemoryDatasetCanNotBePickledError,
    ReadOnlyModeError,
    RenameError,
    TensorDoesNotExistError,
    UnsupportedParameterException,
)


@pytest.fixture
def made(tmp_path: Path) -> Dataset:
    """Three rows of two tensors, one in a group, committed."""
    ds = deeplake.empty(tmp_path / "made")
    ds.create_tensor("x", htype="class_label", class_names=["a", "b"])
    ds.create_tensor("g/y", chunk_compression="lz4")
    ds.extend({"x": [0, 1, 0], "g/y": np.arange(6).reshape(3, 2)})
    ds.info["about"] = "made"
    ds.commit("three rows")
    return ds


# --------------------------------------------------------------------------- paths
def test_paths_are_stripped_and_may_be_path_objects(tmp_path: Path) -> None:
    deeplake.empty(f"  {tmp_path / 'a'} ")
    assert deeplake.exists(tmp_path / "a")
    assert deeplake.load(tmp_path / "a").path == str(tmp_path / "a")


def test_the_first_at_begins_the_address(made: Dataset) -> None:
    assert deeplake.load(f"{made.path}@{made.commit_id}").commit_id == made.commit_id
    with pytest.raises(CheckoutError, match="a@b"):
        deeplake.load(f"{made.path}@a@b")


@pytest.mark.parametrize("name", ["a b", "a.b", "A_b-9", "äöü"])
def test_local_names(tmp_path: Path, name: str) -> None:
    if name.isascii():
        deeplake.empty(tmp_path / name)
        assert deeplake.exists(tmp_path / name)
    else:
        with pytest.raises(InvalidDatasetNameException):
            deeplake.empty(tmp_path / name)


@pytest.mark.parametrize("name", ["a*b", "a?b", "a:b", "a#b"])
def test_names_that_datasets_cannot_have(tmp_path: Path, name: str) -> None:
    for function in (deeplake.empty, deeplake.dataset):
        with pytest.raises(InvalidDatasetNameException):
            function(tmp_path / name)


# --------------------------------------------------------------------------- dataset
def test_dataset_loads_or_creates(made: Dataset, tmp_path: Path) -> None:
    assert len(deeplake.dataset(made.path)) == 3
    assert len(deeplake.dataset(tmp_path / "new")) == 0
    assert len(deeplake.dataset(made.path, overwrite=True)) == 0


def test_dataset_may_not_replace_what_must_stay(made: Dataset) -> None:
    made.allow_delete = False
    with pytest.raises(DatasetHandlerError, match="allow_delete"):
        deeplake.dataset(made.path, overwrite=True)
    with pytest.raises(DatasetHandlerError, match="allow_delete"):
        deeplake.empty(made.path, overwrite=True)
    assert len(deeplake.load(made.path)) == 3


def test_creating_at_an_address(tmp_path: Path, made: Dataset) -> None:
    with pytest.raises(ValueError, match="address"):
        deeplake.dataset(f"{tmp_path / 'new'}@main")
    with pytest.raises(ValueError, match="address"):
        deeplake.empty(f"{made.path}@main")
    assert len(deeplake.dataset(f"{made.path}@main")) == 3


@pytest.mark.parametrize(
    "method",
    ["Stream", "download:x", "local:2:nothing", "download:2:threaded:3", "local:3:3",
     "download:threaded:serial", ""],
)  # fmt: skip
def test_access_methods_that_are_none(made: Dataset, method: str) -> None:
    with pytest.raises(ValueError, match="access_method"):
        deeplake.load(made.path, access_method=method)


def test_downloads_need_a_folder(made: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPLAKE_DOWNLOAD_PATH", raising=False)
    for method in ("download", "local"):
        with pytest.raises(ValueError, match="DEEPLAKE_DOWNLOAD_PATH"):
            deeplake.load(made.path, access_method=method)


@pytest.mark.parametrize("method", ["download", "download:2", "download:2:threaded", "local"])
def test_downloads(
    made: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setenv("DEEPLAKE_DOWNLOAD_PATH", str(tmp_path / "downloads"))
    copy = deeplake.load(made.path, access_method=method, verbose=False)
    name = made.path.replace("://", "_").replace("/", "_")
    assert copy.path == str(tmp_path / "downloads" / name)
    assert (Path(copy.path) / "local_download_timestamp").exists()
    assert copy.x.numpy().tolist() == made.x.numpy().tolist()


def test_downloads_do_not_overwrite_and_need_a_dataset(
    made: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPLAKE_DOWNLOAD_PATH", str(tmp_path / "downloads"))
    with pytest.raises(ValueError, match="overwrite"):
        deeplake.dataset(made.path, overwrite=True, access_method="local")
    for method in ("download", "local"):
        with pytest.raises(DatasetHandlerError):
            deeplake.load(tmp_path / "nothing", access_method=method)
    with pytest.raises(ValueError, match="unlink"):
        deeplake.load(made.path, unlink=True)


# --------------------------------------------------------------------------- empty, load, exists
def test_empty_where_something_is(made: Dataset) -> None:
    with pytest.raises(DatasetHandlerError, match="overwrite=True"):
        deeplake.empty(made.path)


def test_memory_by_name() -> None:
    first = deeplake.empty("mem://section-2")
    first.create_tensor("x").append(1)
    assert deeplake.load("mem://section-2").x.numpy().tolist() == [[1]]
    assert len(deeplake.empty("mem://section-2").tensors) == 0
    with pytest.raises(DatasetHandlerError):
        deeplake.load("mem://section-2-nothing")


def test_load_nothing(tmp_path: Path) -> None:
    with pytest.raises(DatasetHandlerError):
        deeplake.load(tmp_path / "nothing")


def test_load_an_unknown_version(made: Dataset) -> None:
    with pytest.raises(CheckoutError, match="nowhere"):
        deeplake.load(f"{made.path}@nowhere")


def test_load_what_is_damaged(made: Dataset) -> None:
    head = Path(made.path) / "refs" / "heads" / "main"
    head.write_bytes(b"{}")
    with pytest.raises(DatasetCorruptError) as failed:
        deeplake.load(made.path)
    assert failed.value.__cause__ is not None


@pytest.mark.parametrize("check", [None, True, False])
def test_check_integrity_is_taken(made: Dataset, check: bool | None) -> None:
    assert len(deeplake.load(made.path, check_integrity=check)) == 3


def test_check_integrity_finds_damage(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "damaged")
    ds.create_tensor("x", htype="image", sample_compression="png", downsampling=(2, 1))
    ds.x.extend(np.random.default_rng(0).integers(0, 256, (40, 50, 50), dtype=np.uint8))
    assert len(deeplake.load(ds.path, check_integrity=True)) == 40
    ds["_x_downsampled_2"].pop()
    with pytest.raises(DatasetCorruptError, match="_x_downsampled_2"):
        deeplake.load(ds.path, check_integrity=True)
    assert len(deeplake.load(ds.path)) == 40


def test_indra_needs_read_only(made: Dataset) -> None:
    with pytest.raises(ValueError, match="read_only"):
        deeplake.load(made.path, indra=True)
    assert deeplake.load(made.path, indra=True, read_only=True).read_only


def test_read_only(made: Dataset) -> None:
    assert not deeplake.load(made.path).read_only
    ds = deeplake.load(made.path, read_only=True)
    with pytest.raises(ReadOnlyModeError):
        ds.x.append(1)
    assert deeplake.dataset(made.path, read_only=True).read_only


def test_exists(made: Dataset, tmp_path: Path) -> None:
    assert deeplake.exists(made.path)
    assert not deeplake.exists(tmp_path / "nothing")
    with pytest.raises(ValueError, match="address"):
        deeplake.exists(f"{made.path}@main")


# --------------------------------------------------------------------------- delete, rename
def test_delete(made: Dataset) -> None:
    with pytest.raises(ValueError, match="address"):
        deeplake.delete(f"{made.path}@main")
    deeplake.delete(made.path)
    assert not deeplake.exists(made.path)


def test_delete_nothing(tmp_path: Path) -> None:
    with pytest.raises(DatasetHandlerError, match="force=True"):
        deeplake.delete(tmp_path / "nothing")
    with pytest.raises(DatasetHandlerError):
        deeplake.delete(tmp_path / "nothing", force=True)


def test_delete_by_force_whatever_it_is(tmp_path: Path) -> None:
    (tmp_path / "thing" / "deep").mkdir(parents=True)
    (tmp_path / "thing" / "deep" / "file").write_text("x")
    with pytest.raises(DatasetHandlerError, match="force=True"):
        deeplake.delete(tmp_path / "thing")
    deeplake.delete(tmp_path / "thing", force=True)
    assert not (tmp_path / "thing" / "deep" / "file").exists()


def test_delete_what_must_stay(made: Dataset) -> None:
    made.allow_delete = False
    with pytest.raises(DatasetHandlerError):
        deeplake.delete(made.path)
    assert deeplake.exists(made.path)


def test_delete_a_saved_view(made: Dataset) -> None:
    path = made[:2].save_view(id="two", verbose=False)
    with pytest.raises(NotImplementedError, match="delete_view"):
        deeplake.delete(path)
    assert made.load_view("two").x.numpy().tolist() == [[0], [1]]


def test_delete_what_is_large(made: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deeplake.dataset.dataset.SAFE_TO_DELETE", 10)
    with pytest.raises(DatasetTooLargeToDelete, match="large_ok"):
        deeplake.delete(made.path)
    deeplake.delete(made.path, large_ok=True)
    assert not deeplake.exists(made.path)


def test_rename(made: Dataset, tmp_path: Path) -> None:
    deeplake.rename(made.path, "other")
    assert len(deeplake.load(tmp_path / "other")) == 3
    with pytest.raises(RenameError):
        deeplake.rename(tmp_path / "other", tmp_path / "other")


# --------------------------------------------------------------------------- like
def test_like(made: Dataset, tmp_path: Path) -> None:
    like = deeplake.like(tmp_path / "like", made.path)
    assert list(like.tensors) == ["x", "g/y"]
    assert len(like) == 0
    assert like.info["about"] == "made"
    assert like.x.info.class_names == ["a", "b"]
    assert like["g/y"].chunk_compression == "lz4"


def test_like_of_tensors_and_groups(made: Dataset, tmp_path: Path) -> None:
    assert list(deeplake.like(tmp_path / "a", made, tensors=["g"]).tensors) == ["g/y"]
    assert list(deeplake.like(tmp_path / "b", made, tensors=["x"]).tensors) == ["x"]
    assert list(deeplake.like(tmp_path / "c", made, tensors=["x", "g"]).tensors) == ["x", "g/y"]
    assert "g" in deeplake.like(tmp_path / "d", made, tensors=["g"]).groups


def test_like_of_a_group_has_no_info(made: Dataset, tmp_path: Path) -> None:
    like = deeplake.like(tmp_path / "like", made["g"])
    assert list(like.tensors) == ["y"]
    assert dict(like.info) == {}


def test_like_into_a_dataset_and_itself(made: Dataset, tmp_path: Path) -> None:
    there = deeplake.empty(tmp_path / "there")
    assert deeplake.like(there, made) is there
    assert list(there.tensors) == ["x", "g/y"]
    again = deeplake.like(made.path, made.path, overwrite=True)
    assert (list(again.tensors), len(again)) == (["x", "g/y"], 0)


def test_like_errors(made: Dataset, tmp_path: Path) -> None:
    deeplake.empty(tmp_path / "there")
    with pytest.raises(DatasetHandlerError):
        deeplake.like(tmp_path / "there", made)
    with pytest.raises(ValueError, match="org_id"):
        deeplake.like("mem://there", made, org_id="me")


# --------------------------------------------------------------------------- copy
def test_copy_has_no_history(made: Dataset, tmp_path: Path) -> None:
    made.x[0] = 1
    made.commit()
    made.add_creds_key("key")
    copy = deeplake.copy(made.path, tmp_path / "copy", progressbar=False)
    assert copy.commit_id is None
    assert copy.x.numpy().tolist() == [[1], [1], [0]]
    assert copy.get_creds_keys() == {"key"}
    assert copy.info["about"] == "made"


def test_copy_of_a_view_and_of_one_row(made: Dataset, tmp_path: Path) -> None:
    view = made[[2, 1]].copy(tmp_path / "view", progressbar=False)
    assert view["g/y"].numpy().tolist() == [[4, 5], [2, 3]]
    made[1].copy(tmp_path / "one", progressbar=False)
    one = deeplake.load(tmp_path / "one")
    assert one.meta.default_index == [0]
    assert one.x.numpy().tolist() == [1]
    assert one.index.to_json() == [0]


def test_copy_of_tensors_that_there_are_not(made: Dataset, tmp_path: Path) -> None:
    for call in (deeplake.copy, deeplake.deepcopy, lambda src, dest, **k: src.copy(dest, **k)):
        with pytest.raises(TensorDoesNotExistError, match="'nothing'"):
            call(made, tmp_path / "copy", tensors=["x", "nothing"], progressbar=False)
        assert not deeplake.exists(tmp_path / "copy")


@pytest.mark.parametrize("name", ["src_token", "dest_token"])
@pytest.mark.parametrize("function", [deeplake.copy, deeplake.deepcopy])
def test_copy_takes_no_tokens(made: Dataset, tmp_path: Path, name: str, function: Any) -> None:
    with pytest.raises(UnsupportedParameterException, match=name):
        function(made.path, tmp_path / "copy", **{name: "secret"})
    assert not deeplake.exists(tmp_path / "copy")


def test_copy_where_something_is(made: Dataset, tmp_path: Path) -> None:
    deeplake.empty(tmp_path / "there")
    for function in (deeplake.copy, deeplake.deepcopy):
        with pytest.raises(DatasetHandlerError):
            function(made.path, tmp_path / "there", progressbar=False)
        function(made.path, tmp_path / "there", overwrite=True, progressbar=False)
        assert len(deeplake.load(tmp_path / "there")) == 3


def test_deepcopy_has_the_history(made: Dataset, tmp_path: Path) -> None:
    first = made.commit_id
    made.x[0] = 1
    made.commit("second")
    copy = deeplake.deepcopy(made, tmp_path / "copy", progressbar=False)
    assert [c["message"] for c in copy.commits] == ["second", "three rows"]
    assert deeplake.load(f"{copy.path}@{first}").x.numpy().tolist() == [[0], [1], [0]]
    some = deeplake.deepcopy(made, tmp_path / "some", tensors=["x"], progressbar=False)
    assert list(some.tensors) == ["x"]
    assert list(deeplake.load(f"{some.path}@{first}").tensors) == ["x"]


@pytest.mark.parametrize("part", [slice(0, 2), 1, "g"])
def test_deepcopy_takes_whole_datasets(made: Dataset, tmp_path: Path, part: Any) -> None:
    with pytest.raises(TypeError):
        deeplake.deepcopy(made[part], tmp_path / "copy")


# --------------------------------------------------------------------------- others
def test_connect_is_there_and_says_why_not(made: Dataset) -> None:
    assert list(inspect.signature(deeplake.connect).parameters) == [
        "src_path", "creds_key", "dest_path", "org_id", "ds_name", "token",
    ]  # fmt: skip
    with pytest.raises(InvalidSourcePathError, match="s3"):
        made.connect("key", dest_path="hub://me/ds")
    both = {"dest_path": "hub://a/b", "org_id": "a"}
    for wrong in ({}, {"ds_name": "ds"}, {"dest_path": "./x"}, both):
        with pytest.raises(InvalidDestinationPathError):
            deeplake.connect("s3://bucket/ds", "key", **wrong)
    with pytest.raises(DatasetConnectError, match="no service"):
        deeplake.connect("s3://bucket/ds", "key", org_id="me", ds_name="ds")


def test_read_is_lazy(tmp_path: Path) -> None:
    sample = deeplake.read(tmp_path / "nothing.png")
    assert sample.is_lazy


def test_memory_datasets_do_not_travel() -> None:
    with pytest.raises(MemoryDatasetCanNotBePickledError):
        pickle.dumps(deeplake.empty("mem://pickled"))
