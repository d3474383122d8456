"""deeplake.empty, load, dataset, exists, delete, like, read (api.md, section 2)."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    CheckoutError,
    DatasetCorruptError,
    DatasetHandlerError,
    DatasetNotFoundError,
    InvalidDatasetNameException,
    MetaError,
    PluginNotFoundError,
    ReadOnlyModeError,
    TensorDoesNotExistError,
)


@pytest.fixture
def made(tmp_path: Path) -> Dataset:
    """A dataset with a commit, a branch and changes since."""
    ds = deeplake.empty(tmp_path / "made")
    with ds:
        ds.create_tensor("x").extend([1, 2])
        ds.create_tensor("g/labels", htype="class_label", class_names=["a"]).append(0)
        ds.info.author = "me"
    ds.commit("first")
    ds.checkout("side", create=True)
    ds.x.append(7)
    ds.commit("on the side")
    ds.checkout("main")
    ds.x.append(3)
    return ds


# --------------------------------------------------------------------------- signatures
SIGNATURES = {
    "dataset": "path runtime=None read_only=None overwrite=False public=False "
    "memory_cache_size=2000 local_cache_size=0 creds=None token=None org_id=None verbose=True "
    "access_method='stream' unlink=False reset=False check_integrity=False lock_enabled=True "
    "lock_timeout=0 index_params=None indra=False single_writer=False",
    "empty": "path runtime=None overwrite=False public=False memory_cache_size=2000 "
    "local_cache_size=0 creds=None token=None org_id=None lock_enabled=True lock_timeout=0 "
    "verbose=True index_params=None single_writer=False",
    "load": "path read_only=None memory_cache_size=2000 local_cache_size=0 creds=None token=None "
    "org_id=None verbose=True access_method='stream' unlink=False reset=False indra=False "
    "check_integrity=None lock_timeout=0 lock_enabled=True index_params=None single_writer=False",
    "exists": "path creds=None token=None org_id=None",
    "delete": "path force=False large_ok=False creds=None token=None verbose=False org_id=None",
    "like": "dest src runtime=None tensors=None overwrite=False creds=None token=None org_id=None "
    "public=False verbose=True",
    "read": "path verify=False creds=None compression=None storage=None timeout=None",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    parameters = inspect.signature(getattr(deeplake, name)).parameters.values()
    found = " ".join(
        p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters
    )
    assert found == SIGNATURES[name]


def test_functions_of_dataset() -> None:
    assert deeplake.dataset.empty is deeplake.empty
    assert deeplake.dataset.load is deeplake.load
    assert deeplake.dataset.exists is deeplake.exists
    assert deeplake.dataset.delete is deeplake.delete
    assert deeplake.dataset.like is deeplake.like


# --------------------------------------------------------------------------- paths
def test_paths_are_str_or_path_with_blanks_around(tmp_path: Path) -> None:
    path = tmp_path / "named.ds-1 _x"
    deeplake.empty(f"  {path} ").create_tensor("x").append(1)
    for form in (path, str(path), f" {path}\n"):
        assert deeplake.exists(form)
        assert deeplake.load(form).x.numpy().tolist() == [[1]]
        assert deeplake.dataset(form).x.num_samples == 1
    assert deeplake.load(path).path == str(path)


def test_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    deeplake.empty("~/homely")
    assert (tmp_path / "homely").is_dir()
    assert deeplake.exists("~/homely")


@pytest.mark.parametrize("name", ["with:colon", "star*", "quo'te", "ünï", "semi;colon", "a?b"])
def test_names_that_datasets_cannot_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidDatasetNameException):
        deeplake.empty(tmp_path / name)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("function", ["empty", "dataset", "exists", "delete"])
def test_version_addresses_are_refused(tmp_path: Path, function: str) -> None:
    with pytest.raises(ValueError, match="address"):
        getattr(deeplake, function)(f"{tmp_path / 'ds'}@main")


def test_path_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for function in (deeplake.empty, deeplake.load, deeplake.dataset):
        with pytest.raises((ValueError, DatasetHandlerError, OSError)):
            function(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "x"


def test_unknown_kind_of_url() -> None:
    with pytest.raises(PluginNotFoundError, match="nosuch"):
        deeplake.load("nosuch://bucket/ds")


# --------------------------------------------------------------------------- empty
def test_empty(url: str) -> None:
    ds = deeplake.empty(url)
    assert isinstance(ds, Dataset)
    assert ds.path == url
    assert dict(ds.tensors) == {}
    assert dict(ds.groups) == {}
    assert len(ds) == 0
    assert ds.branch == "main"
    assert ds.read_only is False


def test_empty_where_there_is_a_dataset(made: Dataset) -> None:
    with pytest.raises(DatasetHandlerError, match="overwrite"):
        deeplake.empty(made.path)
    assert deeplake.load(made.path).x.num_samples == 3


def test_empty_with_overwrite(made: Dataset) -> None:
    ds = deeplake.empty(made.path, overwrite=True)
    assert dict(ds.tensors) == {}
    assert ds.branches == ["main"]
    assert ds.commits == []
    assert dict(ds.info) == {}
    assert dict(deeplake.load(made.path).tensors) == {}


def test_empty_in_memory_is_always_new() -> None:
    first = deeplake.empty("mem://fresh")
    first.create_tensor("x")
    second = deeplake.empty("mem://fresh")
    assert "x" not in second
    assert "x" in first
    assert "x" not in deeplake.load("mem://fresh")


def test_memory_lives_as_long_as_a_handle() -> None:
    ds = deeplake.empty("mem://mortal")
    ds.create_tensor("x").append(1)
    assert deeplake.load("mem://mortal").x.num_samples == 1
    assert deeplake.exists("mem://mortal")
    del ds
    assert not deeplake.exists("mem://mortal")
    with pytest.raises(DatasetHandlerError, match="mem://mortal"):
        deeplake.load("mem://mortal")


def test_arguments_for_compatibility(tmp_path: Path) -> None:
    deeplake.empty(
        tmp_path / "ds", runtime=None, public=False, memory_cache_size=10, local_cache_size=0,
        token="t", org_id=None, lock_enabled=False, lock_timeout=None, verbose=False,
    )  # fmt: skip
    deeplake.load(
        tmp_path / "ds", memory_cache_size=0, token="t", lock_enabled=False, lock_timeout=5,
        check_integrity=True, verbose=False, reset=True, unlink=False,
    )  # fmt: skip
    deeplake.dataset(tmp_path / "ds", lock_enabled=False, check_integrity=True, reset=True)


# --------------------------------------------------------------------------- load
def test_load(made: Dataset) -> None:
    ds = deeplake.load(made.path)
    assert list(ds.tensors) == ["x", "g/labels"]
    assert ds.x.numpy().ravel().tolist() == [1, 2, 3]
    assert ds.info.author == "me"
    assert ds["g/labels"].info.class_names == ["a"]
    assert ds.read_only is False


def test_load_nothing(tmp_path: Path) -> None:
    with pytest.raises(DatasetHandlerError, match=str(tmp_path)) as caught:
        deeplake.load(tmp_path / "nothing")
    assert isinstance(caught.value, (DatasetNotFoundError, FileNotFoundError))
    assert not (tmp_path / "nothing").exists()


def test_load_versions(made: Dataset) -> None:
    side = deeplake.load(f"{made.path}@side")
    assert side.branch == "side"
    assert side.x.numpy().ravel().tolist() == [1, 2, 7]
    first = made.commits[0]["commit"]
    assert deeplake.load(f"{made.path}@{first}").x.numpy().ravel().tolist() == [1, 2]
    with pytest.raises(CheckoutError, match="nowhere"):
        deeplake.load(f"{made.path}@nowhere")


def test_load_read_only(made: Dataset) -> None:
    ds = deeplake.load(made.path, read_only=True)
    assert ds.read_only
    with pytest.raises(ReadOnlyModeError):
        ds.x.append(1)


def test_load_damaged(made: Dataset) -> None:
    refs = [p for p in Path(made.path).rglob("*") if p.is_file() and "refs" in p.parts]
    for ref in refs:
        data = bytearray(ref.read_bytes())
        data[len(data) // 2] ^= 0xFF
        ref.write_bytes(data)
    with pytest.raises(DatasetCorruptError, match=r"cannot be opened") as caught:
        deeplake.load(made.path)
    assert caught.value.__cause__ is not None


def test_load_arguments(made: Dataset) -> None:
    with pytest.raises(ValueError, match="access_method"):
        deeplake.load(made.path, access_method="teleport")
    with pytest.raises(ValueError, match="access_method"):
        deeplake.dataset(made.path, access_method="teleport")
    with pytest.raises(ValueError, match="indra"):
        deeplake.load(made.path, indra=True)
    assert deeplake.load(made.path, indra=True, read_only=True).x.num_samples == 3


# --------------------------------------------------------------------------- dataset
def test_dataset_loads_or_creates(tmp_path: Path) -> None:
    ds = deeplake.dataset(tmp_path / "ds")
    ds.create_tensor("x").append(1)
    assert deeplake.dataset(tmp_path / "ds").x.num_samples == 1
    assert deeplake.dataset(tmp_path / "ds", read_only=True).read_only
    assert "x" not in deeplake.dataset(tmp_path / "ds", overwrite=True)


def test_dataset_at_a_version(made: Dataset) -> None:
    assert deeplake.dataset(f"{made.path}@side").branch == "side"


# --------------------------------------------------------------------------- exists, delete
def test_exists(made: Dataset, tmp_path: Path) -> None:
    assert deeplake.exists(made.path) is True
    assert deeplake.exists(tmp_path / "nothing") is False
    assert deeplake.exists(tmp_path) is False
    assert deeplake.exists("mem://nothing") is False


def test_delete(made: Dataset, tmp_path: Path) -> None:
    deeplake.delete(made.path)
    assert not deeplake.exists(made.path)
    with pytest.raises(DatasetHandlerError, match="force=True"):
        deeplake.delete(made.path)
    with pytest.raises(DatasetHandlerError, match="nothing"):
        deeplake.delete(tmp_path / "nothing", force=True)


def test_delete_by_force(tmp_path: Path) -> None:
    (tmp_path / "rest").mkdir()
    (tmp_path / "rest" / "file").write_text("x")
    deeplake.delete(tmp_path / "rest", force=True)
    assert not (tmp_path / "rest" / "file").exists()


def test_delete_a_damaged_dataset(made: Dataset) -> None:
    for path in Path(made.path).rglob("*"):
        if path.is_file():
            path.write_bytes(b"damage")
    with pytest.raises(DatasetHandlerError, match="force=True"):
        deeplake.delete(made.path)
    deeplake.delete(made.path, force=True)
    assert not deeplake.exists(made.path)


def test_delete_large(made: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deeplake.dataset.dataset.SAFE_TO_DELETE", 10)
    with pytest.raises(deeplake.errors.DatasetTooLargeToDelete):
        deeplake.delete(made.path)
    deeplake.delete(made.path, large_ok=True)


# --------------------------------------------------------------------------- like
def test_like(made: Dataset, tmp_path: Path) -> None:
    new = deeplake.like(tmp_path / "new", made)
    assert list(new.tensors) == ["x", "g/labels"]
    assert new.x.num_samples == 0
    assert new["g/labels"].htype == "class_label"
    assert new["g/labels"].info.class_names == ["a"]
    assert new.info.author == "me"
    assert deeplake.load(tmp_path / "new")["g/labels"].htype == "class_label"


def test_like_of_some_tensors(made: Dataset, tmp_path: Path) -> None:
    assert list(deeplake.like(tmp_path / "new", made.path, tensors=["x"]).tensors) == ["x"]
    with pytest.raises(TensorDoesNotExistError, match="nothing"):
        deeplake.like(tmp_path / "other", made, tensors=["nothing"])


def test_like_into_a_dataset(made: Dataset) -> None:
    target = deeplake.empty("mem://target")
    target.create_tensor("own")
    assert deeplake.like(target, made) is target
    assert list(target.tensors) == ["own", "x", "g/labels"]


def test_like_of_itself(made: Dataset) -> None:
    with pytest.raises(DatasetHandlerError):
        deeplake.like(made.path, made.path)
    again = deeplake.like(made.path, made.path, overwrite=True)
    assert list(again.tensors) == ["x", "g/labels"]
    assert again.x.num_samples == 0


def test_like_keeps_what_the_samples_decided(tmp_path: Path) -> None:
    ds = deeplake.empty("mem://source")
    ds.create_tensor("a").append("text")
    ds.create_tensor("b").append(np.zeros((2, 2), np.float32))
    new = deeplake.like(tmp_path / "new", ds)
    assert new.a.htype == "text"
    assert new.b.dtype == np.float32


def test_errors_of_the_schema_leave_nothing(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "ds")
    with pytest.raises(MetaError):
        ds.create_tensor("x", htype="image")
    assert dict(deeplake.load(tmp_path / "ds").tensors) == {}
