"""Copies with all versions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    DatasetHandlerError,
    StorageError,
    TensorDoesNotExistError,
    UnsupportedParameterException,
)
from deeplake.storage.local import LocalStore
from deeplake.versioning.repository import Repository
from deeplake.versioning.scrub import scrub


@pytest.fixture
def history(tmp_path: Path) -> Dataset:
    """Commits, a branch, a tag, a view, and a change that is not committed."""
    ds = deeplake.empty(tmp_path / "history")
    with ds:
        ds.create_tensor("x")
        ds.create_tensor("g/y", htype="text")
        ds.create_tensor("z", hidden=True)
        for k in range(5):
            ds.append({"x": k, "g/y": f"y{k}"})
    ds.commit("one")
    ds.create_tag("v1")
    ds[1:3].save_view(id="v", verbose=False)
    ds.checkout("side", create=True)
    ds.x[0] = 100
    ds.rename_tensor("x", "a")
    ds.commit("two")
    ds.checkout("main")
    ds.info["long"] = "x" * 40_000
    ds.append({"x": 5, "g/y": "y5"})
    return ds


def test_all_versions(history: Dataset, tmp_path: Path, contents: Callable[[Dataset], Any]) -> None:
    copied = deeplake.deepcopy(history, tmp_path / "copy", progressbar=False)
    assert contents(copied) == contents(history)
    assert copied.commits == history.commits
    assert copied.branches == history.branches
    assert copied.tags == history.tags
    assert copied.has_head_changes
    assert copied.pending_commit_id == history.pending_commit_id
    for address in ("side", "v1", history.commit_id):
        assert contents(deeplake.load(f"{tmp_path / 'copy'}@{address}")) == contents(
            deeplake.load(f"{history.path}@{address}")
        )
    assert copied.load_view("v").x.numpy().ravel().tolist() == [1, 2]
    # From now on they go their own ways.
    copied.x[0] = -1
    copied.commit("copied")
    history.pop(0)
    assert history.x[0].numpy().tolist() == [1]
    assert deeplake.load(tmp_path / "copy").x[0].numpy().tolist() == [-1]
    assert scrub(Repository(LocalStore(tmp_path / "copy"))).ok


def test_what_is_not_stored_yet_is_copied_too(history: Dataset, tmp_path: Path) -> None:
    with history:
        history.append({"x": 6, "g/y": "y6"})
        copied = deeplake.deepcopy(history, tmp_path / "copy", progressbar=False)
    assert len(copied) == 7


def test_paths(history: Dataset, tmp_path: Path) -> None:
    copied = deeplake.deepcopy(history.path, str(tmp_path / "a"), progressbar=False)
    assert copied.commits == history.commits
    memory = deeplake.deepcopy(copied, "mem://deep", progressbar=False, num_workers=2)
    assert memory.commits == history.commits
    assert deeplake.deepcopy(memory, tmp_path / "b", progressbar=False).commits == history.commits


def test_the_destination(history: Dataset, tmp_path: Path) -> None:
    deeplake.empty(tmp_path / "there").create_tensor("old")
    with pytest.raises(DatasetHandlerError, match="overwrite=True"):
        deeplake.deepcopy(history, tmp_path / "there", progressbar=False)
    copied = deeplake.deepcopy(history, tmp_path / "there", overwrite=True, progressbar=False)
    assert list(copied.tensors) == ["x", "g/y"]
    with pytest.raises(DatasetHandlerError, match="itself"):
        deeplake.deepcopy(history, history.path, overwrite=True, progressbar=False)
    with pytest.raises(ValueError, match="version address"):
        deeplake.deepcopy(history, f"{tmp_path}/x@side", progressbar=False)
    with pytest.raises(UnsupportedParameterException):
        deeplake.deepcopy(history, tmp_path / "x", src_token="t")
    assert len(history) == 6


def test_views_and_groups_have_no_history(history: Dataset, tmp_path: Path) -> None:
    for part in (history[1:3], history["g"], history.max_view, history[0], history[["x"]]):
        with pytest.raises(TypeError, match=r"deeplake\.copy"):
            deeplake.deepcopy(part, tmp_path / "x", progressbar=False)
    with pytest.raises(TypeError):
        deeplake.deepcopy(history.load_view("v"), tmp_path / "x", progressbar=False)
    assert not deeplake.exists(tmp_path / "x")


def test_an_optimized_view_is_all_there_is(history: Dataset, tmp_path: Path) -> None:
    history.commit()
    history[[3, 1]].save_view(id="w", optimize=True, verbose=False)
    copied = deeplake.deepcopy(history.load_view("w"), tmp_path / "x", progressbar=False)
    assert copied.x.numpy().ravel().tolist() == [3, 1]
    assert copied.commits == []


def test_some_tensors(history: Dataset, tmp_path: Path) -> None:
    copied = deeplake.deepcopy(history, tmp_path / "x", tensors=["x"], progressbar=False)
    assert list(copied.tensors) == ["x"]
    assert copied.meta.tensors == ["x"]
    assert copied.meta.groups == []
    assert copied.commits == history.commits
    side = deeplake.load(f"{tmp_path / 'x'}@side")
    assert list(side.tensors) == ["a"]
    assert side.a[0].numpy().tolist() == [100]
    assert list(deeplake.load(f"{tmp_path / 'x'}@v1").tensors) == ["x"]
    assert copied.load_view("v").x.numpy().ravel().tolist() == [1, 2]
    repository = Repository(LocalStore(tmp_path / "x"))
    assert scrub(repository).ok
    copied = deeplake.deepcopy(history, tmp_path / "g", tensors=["g"], progressbar=False)
    assert list(copied.tensors) == ["g/y"]
    assert copied.meta.groups == ["g"]
    assert copied.size_approx() < history.size_approx()
    with pytest.raises(TensorDoesNotExistError):
        deeplake.deepcopy(history, tmp_path / "n", tensors=["nothing"], progressbar=False)


@pytest.mark.parametrize("tensors", [None, ["x"]])
def test_an_interrupted_copy_goes_on(
    history: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tensors: list[str] | None
) -> None:
    path = tmp_path / "copy"
    put = LocalStore.put
    total = len(list(LocalStore(history.path).list("")))
    room = 0

    def limited(self: LocalStore, key: str, *args: Any, **kwargs: Any) -> str:
        nonlocal room
        room -= 1
        if room < 0:
            raise StorageError("the disk is full")
        return put(self, key, *args, **kwargs)

    monkeypatch.setattr(LocalStore, "put", limited)
    for limit in range(1, total):
        room = limit
        try:
            deeplake.deepcopy(history, path, progressbar=False, num_workers=1, tensors=tensors)
            break
        except StorageError:
            assert not deeplake.exists(path)
    monkeypatch.undo()
    copied = deeplake.load(path) if deeplake.exists(path) else None
    if copied is None:
        copied = deeplake.deepcopy(history, path, progressbar=False, tensors=tensors)
    assert copied.branches == history.branches
    assert copied.commits == history.commits
    assert copied.x.numpy().tolist() == history.x.numpy().tolist()


def test_a_copy_has_the_state_in_which_it_began(
    history: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer is at work meanwhile: what its refs lead to was not listed when copying began."""
    writer = deeplake.load(history.path)
    get = LocalStore.get
    busy = False

    def busily(self: LocalStore, key: str, *args: Any) -> Any:
        nonlocal busy
        if (
            self.url == history._checkout.repository.store.url
            and key.startswith("data/")
            and not busy
        ):
            busy = True
            writer.append({"x": 77, "g/y": "late"})
            writer.commit("late")
        return get(self, key, *args)

    monkeypatch.setattr(LocalStore, "get", busily)
    reader = deeplake.load(history.path, read_only=True)
    copied = deeplake.deepcopy(reader, tmp_path / "copy", progressbar=False)
    monkeypatch.undo()
    assert busy
    assert len(writer) == 7
    assert len(copied) == 6
    assert scrub(Repository(LocalStore(tmp_path / "copy"))).ok


@pytest.mark.parametrize("method", ["download", "download:2", "local:2:threaded", "local"])
def test_downloads(
    history: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    with pytest.raises(ValueError, match="DEEPLAKE_DOWNLOAD_PATH"):
        deeplake.load(history.path, access_method=method)
    monkeypatch.setenv("DEEPLAKE_DOWNLOAD_PATH", str(tmp_path / "copies"))
    ds = deeplake.load(history.path, access_method=method, verbose=False)
    name = history.path.replace("/", "_")
    assert ds.path == str(tmp_path / "copies" / name)
    assert (tmp_path / "copies" / name / "local_download_timestamp").exists()
    assert ds.commits == history.commits
    side = deeplake.load(f"{history.path}@side", access_method=method, verbose=False)
    assert list(side.tensors) == ["a", "g/y"]
    history.append({"x": 6, "g/y": "y6"})
    again = deeplake.dataset(history.path, access_method=method, verbose=False, unlink=True)
    assert len(again) == (6 if method.startswith("local") else 7)
    with pytest.raises(DatasetHandlerError):
        deeplake.load(tmp_path / "nothing", access_method=method)
    with pytest.raises(DatasetHandlerError):
        deeplake.dataset(tmp_path / "nothing", access_method=method)
    with pytest.raises(ValueError, match="overwrite"):
        deeplake.dataset(history.path, access_method=method, overwrite=True)


@pytest.mark.parametrize("method", ["", "copy", "stream:2", "download:x", "local:1:serial:2", "S"])
def test_wrong_access_methods(
    history: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setenv("DEEPLAKE_DOWNLOAD_PATH", str(tmp_path / "copies"))
    for function in (deeplake.load, deeplake.dataset):
        with pytest.raises(ValueError, match="access_method"):
            function(history.path, access_method=method)
    with pytest.raises(ValueError, match="unlink"):
        deeplake.load(history.path, unlink=True)
