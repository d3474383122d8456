"""``ds.info`` and ``tensor.info`` (api.md, section 9)."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import InfoError, ReadOnlyModeError


@pytest.fixture(params=["dataset", "tensor"])
def holder(ds: Dataset, request: pytest.FixtureRequest) -> Any:
    """What has info."""
    tensor = ds.create_tensor("x")
    return ds if request.param == "dataset" else tensor


def test_mapping(holder: Any) -> None:
    info = holder.info
    assert isinstance(info, MutableMapping)
    assert len(info) == 0
    info["a"] = 1
    info.update(b=2)
    info.update({"c": [3]}, d={"e": None})
    assert dict(info) == {"a": 1, "b": 2, "c": [3], "d": {"e": None}}
    assert list(info) == list(info.keys()) == ["a", "b", "c", "d"]
    assert [*info.values()][:2] == [1, 2]
    assert ("a", 1) in info.items()
    assert "a" in info
    assert "z" not in info
    assert info.get("a") == 1
    assert info.get("z") is None
    assert info.get("z", 5) == 5
    assert info.setdefault("a", 9) == 1
    assert info.setdefault("f", 9) == 9
    assert info.pop("f") == 9
    assert info.pop("f", None) is None
    with pytest.raises(KeyError):
        info.pop("f")
    assert info.popitem() == ("d", {"e": None})
    del info["a"]
    with pytest.raises(KeyError):
        del info["a"]
    with pytest.raises(KeyError):
        info["a"]
    info.replace_with({"only": True})
    assert dict(holder.info) == {"only": True}
    assert repr(info) == "Info({'only': True})"
    info.clear()
    assert dict(holder.info) == {}


def test_attributes(holder: Any) -> None:
    holder.info.author = "me"
    assert holder.info.author == holder.info["author"] == "me"
    del holder.info.author
    with pytest.raises(AttributeError, match="author"):
        holder.info.author
    with pytest.raises(AttributeError, match="author"):
        del holder.info.author


def test_replacing_all(holder: Any) -> None:
    holder.info = {"a": 1}
    holder.info = {"b": 2}
    assert dict(holder.info) == {"b": 2}
    for value in ([1], "text", None, 3):
        with pytest.raises(TypeError, match="info is a dict"):
            holder.info = value


def test_values_are_json(holder: Any) -> None:
    holder.info.update(
        array=np.arange(3), number=np.float32(0.5), pair=(1, 2), nested={"list": [np.int64(1)]}
    )
    assert dict(holder.info) == {
        "array": [0, 1, 2], "number": 0.5, "pair": [1, 2], "nested": {"list": [1]},
    }  # fmt: skip
    before = dict(holder.info)
    for value in (object(), {1, 2}, b"bytes", float("nan")):
        with pytest.raises(InfoError, match="JSON"):
            holder.info["bad"] = value
    with pytest.raises(InfoError, match="keys"):
        holder.info[(1, 2)] = 1
    assert dict(holder.info) == before


def test_values_are_copies(holder: Any) -> None:
    names = ["a"]
    holder.info.names = names
    names.append("b")
    assert holder.info.names == ["a"]


@pytest.mark.parametrize("by", ["update", "flush", "commit", "append", "with"])
def test_changes_in_place(local: Dataset, by: str) -> None:
    local.create_tensor("x")
    for holder in (local, local.x):
        holder.info.update(names=["a"], deep={"list": [{"k": 1}]})
    local.commit()
    for holder in (local, local.x):
        names = holder.info.names
        names.append("b")
        names.append("c")
        holder.info["deep"]["list"][0]["k"] = 2
        assert holder.info.names is names
        assert holder.info["deep"] == {"list": [{"k": 2}]}
        assert "'b', 'c'" in repr(holder.info)
    if by == "update":
        local.info.update(other=1)
        local.x.info.update(other=1)
    elif by == "flush":
        local.flush()
    elif by == "commit":
        assert local.has_head_changes
        local.commit()
    elif by == "append":
        local.x.append(1)
    else:
        with local:
            local.info.names.append("d")
            local.info.names.pop()
    found = deeplake.load(local.path)
    for holder in (local, local.x, found, found.x):
        assert holder.info.names == ["a", "b", "c"]
        assert holder.info.deep == {"list": [{"k": 2}]}
    local.info.names.append("d")
    local.info.names = ["e"]
    del local.x.info.names
    local.flush()
    assert local.info.names == ["e"]
    assert "names" not in local.x.info


def test_changes_in_place_that_cannot_be_stored(holder: Any, ds: Dataset) -> None:
    holder.info.names = ["a"]
    holder.info.names.append(object())
    with pytest.raises(InfoError, match="JSON"):
        ds.flush()
    assert holder.info.names == ["a"]
    ds.flush()


def test_changes_in_place_of_what_cannot_be_written(local: Dataset) -> None:
    local.info.names = ["a"]
    first = local.commit()
    for ds in (deeplake.load(local.path, read_only=True), deeplake.load(f"{local.path}@{first}")):
        ds.info.names.append("b")
        ds.flush()
    assert deeplake.load(local.path).info.names == ["a"]


def test_reset_drops_changes_in_place(local: Dataset) -> None:
    local.info.names = ["a"]
    local.commit()
    local.info.names.append("b")
    local.reset()
    assert local.info.names == ["a"]
    with pytest.raises(RuntimeError), local.transaction():
        local.info.names.append("c")
        raise RuntimeError
    local.flush()
    assert deeplake.load(local.path).info.names == local.info.names == ["a"]


def test_names_of_classes_changed_in_place(local: Dataset) -> None:
    local.create_tensor("x", htype="class_label", class_names=["cat"])
    local.x.info.class_names.append("dog")
    local.x.append("bird")
    local.x.append("dog")
    assert local.x.data()["text"] == [["bird"], ["dog"]]
    assert deeplake.load(local.path).x.info.class_names == ["cat", "dog", "bird"]


def test_keys_that_are_numbers(holder: Any) -> None:
    holder.info[1] = "one"
    holder.info.update({2.5: "more", "map": {3: "three"}})
    assert dict(holder.info) == {"1": "one", "2.5": "more", "map": {"3": "three"}}
    assert holder.info[1] == holder.info["1"] == holder.info.pop(1) == "one"
    assert 1 not in holder.info
    with pytest.raises(InfoError, match="'1' is there twice"):
        holder.info.update({1: "a", "1": "b"})


def test_stored_and_versioned(local: Dataset) -> None:
    local.create_tensor("x").append(1)
    local.info.a = 1
    local.x.info.b = [1]
    first = local.commit()
    local.info.a = 2
    local.x.info.b = [2]
    assert local.has_head_changes
    found = deeplake.load(local.path)
    assert (found.info.a, found.x.info.b) == (2, [2])
    past = deeplake.load(f"{local.path}@{first}")
    assert (past.info.a, past.x.info.b) == (1, [1])
    for info in (past.info, past.x.info):
        with pytest.raises(InfoError, match="past commit"):
            info.c = 3


def test_read_only(local: Dataset) -> None:
    local.create_tensor("x")
    local.info.a = 1
    ds = deeplake.load(local.path, read_only=True)
    for info in (ds.info, ds.x.info):
        with pytest.raises(ReadOnlyModeError):
            info.b = 1
        with pytest.raises(ReadOnlyModeError):
            info.clear()
    assert dict(ds.info) == {"a": 1}


def test_through_views(ds: Dataset) -> None:
    ds.create_tensor("x", htype="class_label", class_names=["a"]).append(0)
    assert ds[0].x.info.class_names == ["a"]
    ds[0].x.info.class_names = ["b"]
    assert ds.x.info.class_names == ["b"]
    assert dict(ds[0:1].info) == {}


def test_collected_in_a_block(local: Dataset) -> None:
    with local:
        local.info.a = 1
        assert local.info.a == 1
        assert dict(deeplake.load(local.path).info) == {}
    assert dict(deeplake.load(local.path).info) == {"a": 1}
