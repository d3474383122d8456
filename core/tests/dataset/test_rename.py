"""Datasets that get another path."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    DatasetHandlerError,
    DatasetNotFoundError,
    InvalidDatasetNameException,
    InvalidOperationError,
    ReadOnlyModeError,
    RenameError,
)


@pytest.fixture
def numbers(local: Dataset) -> Dataset:
    local.create_tensor("x")
    local.x.extend([1, 2, 3])
    local.commit("one")
    local.checkout("side", create=True)
    local.x.append(4)
    return local


def test_rename(numbers: Dataset, tmp_path: Path) -> None:
    numbers.rename(tmp_path / "deeper" / "new")
    assert numbers.path == str(tmp_path / "deeper" / "new")
    assert not deeplake.exists(tmp_path / "local")
    assert (numbers.branch, len(numbers)) == ("side", 4)
    numbers.x.append(5)
    again = deeplake.load(f"{tmp_path / 'deeper' / 'new'}@side")
    assert again.x.numpy().ravel().tolist() == [1, 2, 3, 4, 5]
    assert [commit["message"] for commit in again.commits] == ["one"]


def test_a_new_name_in_the_same_place(numbers: Dataset, tmp_path: Path) -> None:
    numbers.rename("new")
    assert numbers.path == str(tmp_path / "new")
    assert deeplake.exists(tmp_path / "new")


def test_the_function(numbers: Dataset, tmp_path: Path) -> None:
    renamed = deeplake.rename(tmp_path / "local", tmp_path / "new")
    assert renamed.path == str(tmp_path / "new")
    assert len(renamed) == 3
    with pytest.raises(DatasetHandlerError):
        deeplake.rename(tmp_path / "local", "other")
    with pytest.raises(ValueError, match="version address"):
        deeplake.rename(f"{tmp_path / 'new'}@side", "other")
    with pytest.raises(DatasetNotFoundError):
        numbers.x.append(5)


def test_in_memory() -> None:
    folder = f"mem://{uuid.uuid4().hex}"
    ds = deeplake.empty(f"{folder}/before")
    ds.create_tensor("x")
    taken = deeplake.empty(f"{folder}/taken")
    with pytest.raises(RenameError, match="/taken"):
        ds.rename("taken")
    ds.rename("after")
    assert ds.path == f"{folder}/after"
    assert list(deeplake.load(f"{folder}/after").tensors) == ["x"]
    assert list(deeplake.load(f"{folder}/taken").tensors) == []
    assert taken.path == f"{folder}/taken"
    with pytest.raises(DatasetHandlerError):
        deeplake.load(f"{folder}/before")


def test_what_is_there_is_not_replaced(numbers: Dataset, tmp_path: Path) -> None:
    deeplake.empty(tmp_path / "there")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "notes.txt").write_text("mine")
    for name in ("there", "files", "local"):
        with pytest.raises(RenameError, match=name):
            numbers.rename(tmp_path / name)
    with pytest.raises(RenameError, match="version address"):
        numbers.rename(f"{tmp_path / 'x'}@side")
    with pytest.raises(InvalidDatasetNameException):
        numbers.rename("a*b")
    assert len(numbers) == 4
    assert deeplake.exists(tmp_path / "local")


def test_who_may_not(numbers: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InvalidOperationError):
        numbers[0:1].rename("new")
    with pytest.raises(ReadOnlyModeError):
        deeplake.load(tmp_path / "local", read_only=True).rename("new")


def test_to_another_kind_of_store(numbers: Dataset, tmp_path: Path) -> None:
    numbers.rename("mem://moved")
    assert not deeplake.exists(tmp_path / "local")
    assert len(deeplake.load("mem://moved@side")) == 4
