"""Groups of tensors (api.md, sections 3 and 9)."""

from __future__ import annotations

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    GroupInfoNotSupportedError,
    InvalidTensorGroupNameError,
    RenameError,
    TensorAlreadyExistsError,
    TensorDoesNotExistError,
    TensorGroupAlreadyExistsError,
    TensorGroupDoesNotExistError,
)


@pytest.fixture
def nested(ds: Dataset) -> Dataset:
    """Tensors at three levels."""
    with ds:
        ds.create_tensor("top")
        ds.create_tensor("a/one")
        ds.create_tensor("a/b/two", htype="text")
        for i in range(4):
            ds.append({"top": i, "a/one": i * 10, "a/b/two": str(i)})
    return ds


def test_create_group(ds: Dataset) -> None:
    group = ds.create_group("g")
    assert isinstance(group, Dataset)
    assert group.group_index == "g"
    assert list(ds.groups) == ["g"]
    assert list(ds.create_group("a/b/c").parent.groups) == ["c"]
    assert list(ds.groups) == ["g", "a"]
    assert ds.meta.groups == ["g", "a", "a/b", "a/b/c"]


def test_names_that_are_taken(ds: Dataset) -> None:
    ds.create_tensor("x")
    group = ds.create_group("g")
    group.create_tensor("t")
    with pytest.raises(TensorGroupAlreadyExistsError, match="'g'"):
        ds.create_group("g")
    assert list(ds.create_group("g", exist_ok=True).tensors) == ["t"]
    with pytest.raises(TensorAlreadyExistsError, match="'x'"):
        ds.create_group("x")
    with pytest.raises(TensorAlreadyExistsError, match="'x'"):
        ds.create_group("x/y")
    with pytest.raises(InvalidTensorGroupNameError):
        ds.create_group("")


def test_access(nested: Dataset) -> None:
    assert nested["a/b/two"].key == nested.a.b.two.key == nested["a"]["b/two"].key == "a/b/two"
    assert list(nested.a.tensors) == ["one", "b/two"]
    assert list(nested.a.groups) == ["b"]
    assert list(nested.groups) == ["a"]
    assert isinstance(nested["a/b"], Dataset)
    assert isinstance(nested["/a/b/"], Dataset)
    assert "one" in nested.a
    assert "a/one" in nested
    with pytest.raises(AttributeError):
        nested.a.nothing
    with pytest.raises(TensorDoesNotExistError, match="'a/nothing'"):
        nested["a/nothing"]
    with pytest.raises(TensorDoesNotExistError):
        nested["b"]


def test_views_of_groups(nested: Dataset) -> None:
    assert nested[1:3].a.one.numpy().ravel().tolist() == [10, 20]
    assert nested.a[1:3].one.numpy().ravel().tolist() == [10, 20]
    assert nested.a[2].b.two.text() == "2"
    assert len(nested.a) == 4
    assert [row.one.numpy().item() for row in nested.a] == [0, 10, 20, 30]


def test_rows_of_a_group(nested: Dataset) -> None:
    nested.a.append({"one": 5, "b/two": "five"})
    assert nested.a.b.two[4].text() == "five"
    assert (nested.top.num_samples, nested.a.one.num_samples) == (4, 5)
    with pytest.raises(KeyError, match="'b/two'"):
        nested.a.append({"one": 5})
    with pytest.raises(TensorDoesNotExistError, match="'top'"):
        nested.a.append({"one": 5, "b/two": "x", "top": 1})
    nested.a.extend({"one": np.array([6, 7]), "b/two": ["six", "seven"]})
    nested.a.pop(0)
    assert nested.a.one.numpy().ravel().tolist() == [10, 20, 30, 5, 6, 7]


def test_create_in_a_group(nested: Dataset) -> None:
    assert nested.a.create_tensor("three").key == "a/three"
    assert nested.a.create_group("c").group_index == "a/c"
    assert nested.a.create_tensor_like("four", nested.top).key == "a/four"
    nested.a.delete_tensor("three")
    nested.a.delete_group("c")
    assert list(nested.a.tensors) == ["one", "b/two", "four"]


def test_delete_group(nested: Dataset) -> None:
    nested.delete_group("a/b")
    assert list(nested.tensors) == ["top", "a/one"]
    nested.delete_group("a")
    assert list(nested.tensors) == ["top"]
    assert nested.meta.groups == []
    with pytest.raises(TensorGroupDoesNotExistError, match="'a'") as caught:
        nested.delete_group("a")
    assert isinstance(caught.value, KeyError)


def test_large_groups_are_deleted_with_a_message(
    nested: Dataset, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("deeplake.dataset.structure.SAFE_TO_DELETE", 10)
    nested.delete_group("a")
    assert "'a'" in caplog.text
    assert "a/one" not in nested


def test_rename_group(nested: Dataset) -> None:
    nested.rename_group("a/b", "a/c")
    assert list(nested.tensors) == ["top", "a/one", "a/c/two"]
    nested.rename_group("a", "z")
    assert list(nested.tensors) == ["top", "z/one", "z/c/two"]
    assert nested.meta.groups == ["z", "z/c"]
    assert nested.z.c.two[3].text() == "3"


def test_rename_group_errors(nested: Dataset) -> None:
    nested.create_group("g")
    with pytest.raises(TensorGroupDoesNotExistError, match="'nothing'"):
        nested.rename_group("nothing", "x")
    with pytest.raises(RenameError, match="another group"):
        nested.rename_group("a/b", "b")
    with pytest.raises(TensorGroupAlreadyExistsError, match="'g'"):
        nested.rename_group("a", "g")
    with pytest.raises(TensorAlreadyExistsError, match="'top'"):
        nested.rename_group("a", "top")
    with pytest.raises(InvalidTensorGroupNameError):
        nested.rename_group("a", "extend")
    assert nested.meta.groups == ["a", "a/b", "g"]


def test_groups_have_no_info(nested: Dataset) -> None:
    with pytest.raises(GroupInfoNotSupportedError):
        nested.a.info
    with pytest.raises(GroupInfoNotSupportedError):
        nested.a.info = {"x": 1}
    assert dict(nested.info) == {}


def test_groups_are_stored(local: Dataset) -> None:
    local.create_group("empty/inside")
    assert deeplake.load(local.path).meta.groups == ["empty", "empty/inside"]
    assert repr(deeplake.load(local.path)["empty"]) == (
        f"Dataset(path='{local.path}', group_index='empty', tensors=[])"
    )
