"""Views under a name: saved, listed, loaded, copied into chunks of their own, forgotten."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    DatasetHandlerError,
    DatasetViewSavingError,
    InvalidOperationError,
    InvalidViewException,
    ReadOnlyModeError,
    TensorDoesNotExistError,
)


@pytest.fixture
def ten(ds: Dataset) -> Dataset:
    """Ten rows, committed."""
    with ds:
        ds.create_tensor("x")
        ds.create_tensor("g/words", htype="text")
        ds.create_tensor("image", htype="image", sample_compression="png")
        for k in range(10):
            ds.append({"x": k, "g/words": f"w{k}", "image": np.full((4 + k, 5, 3), k, "uint8")})
    ds.commit("ten")
    return ds


def numbers(view: Dataset) -> list[int]:
    return [int(value) for value in np.ravel(view.x.numpy())]


VIEWS: list[tuple[Any, list[int]]] = [
    (slice(2, 5), [2, 3, 4]),
    ([5, 1, 1, 7], [5, 1, 1, 7]),
    (slice(None, None, -3), [9, 6, 3, 0]),
    (np.arange(10) % 2 == 1, [1, 3, 5, 7, 9]),
    (slice(0, 0), []),
    (slice(None), list(range(10))),
    (-1, [9]),
]


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize(("index", "found"), VIEWS, ids=[str(found) for _, found in VIEWS])
def test_save_and_load(
    ten: Dataset, url: str, index: Any, found: list[int], optimize: bool
) -> None:
    view = ten[index]
    path = view.save_view(message="some", id="v", optimize=optimize, verbose=False)
    assert path == f"{url}/.queries/v"
    ten.append({"x": 10, "g/words": "w10", "image": np.zeros((4, 5, 3), "uint8")})
    ten.x[[1, 5]] = [-1, -5]
    ten.commit("later")
    ten.verbose = False
    for loaded in (ten.load_view("v"), deeplake.load(path), ten.get_view("v").load()):
        assert (numbers(loaded) if found else len(loaded)) == (found or 0)
        assert len(loaded) == len(found)
        assert loaded.sample_indices == found
        assert all(type(row) is int for row in loaded.sample_indices)
        assert loaded.is_optimized is optimize
        assert loaded.is_view
        assert list(loaded.tensors) == ["x", "g/words", "image"]
        if found:
            assert np.ravel(loaded["g/words"].numpy()).tolist() == [f"w{k}" for k in found]
        if isinstance(index, int):
            assert loaded.image.numpy().shape == (13, 5, 3)
        elif found:
            assert loaded[0].image.numpy().shape == (4 + found[0], 5, 3)
            assert loaded[1:].sample_indices == found[1:]
            assert loaded[0].sample_indices == found[:1]
            assert numbers(loaded[-1]) == found[-1:]


def test_a_default_id_is_a_digest(ten: Dataset, url: str) -> None:
    path = ten[2:5].save_view(verbose=False)
    assert re.fullmatch(r"[0-9a-f]{64}", path.rpartition("/")[2])
    assert path.startswith(f"{url}/.queries/")
    with pytest.raises(DatasetViewSavingError, match="overwrite=True"):
        ten[2:5].save_view()
    assert ten[2:6].save_view(verbose=False) != path
    assert ten[2:5].save_view(overwrite=True, verbose=False) == path
    assert len(ten.get_views()) == 2


def test_the_path_is_printed(ten: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    path = ten[2:5].save_view(id="v")
    assert capsys.readouterr().out == f"Dataset view successfully saved at {path}\n"
    ten[2:5].save_view(id="w", verbose=False)
    assert capsys.readouterr().out == ""


def test_an_entry(ten: Dataset, url: str) -> None:
    ten[[4, 2]].save_view(message="two rows", id="v", verbose=False)
    (entry,) = ten.get_views()
    assert (entry.id, entry.message, entry.query, entry.tql_query) == ("v", "two rows", None, None)
    assert entry.commit_id == ten.commit_id
    assert entry.virtual is True
    assert entry.source_dataset_path == url
    assert entry.info.keys() >= {
        "id", "virtual-datasource", "source-dataset", "source-dataset-version", "created_at",
        "message", "query", "tql_query", "source-dataset-index", "first-index-subscriptable",
        "sub-sample-index",
    }  # fmt: skip
    assert entry["id"] == entry.get("id") == entry.info["id"] == "v"
    assert entry["source-dataset-version"] == ten.commit_id
    assert entry["source-dataset-index"] == [[4, 2]]
    assert entry["first-index-subscriptable"] is True
    assert entry.get("nothing", 5) == 5
    with pytest.raises(KeyError):
        entry["nothing"]
    assert repr(entry) == "View(id='v', message='two rows', virtual=True)"


def test_views_of_commits(ten: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    first = ten.commit_id
    ten[0:2].save_view(id="a")
    ten.pop(0)
    second = ten.commit("popped")
    ten[0:2].save_view(id="b")
    assert [entry.id for entry in ten.get_views()] == ["a", "b"]
    assert [entry.id for entry in ten.get_views(first)] == ["a"]
    assert [entry.id for entry in ten.get_views(second)] == ["b"]
    assert ten.get_views("0" * 40) == []
    capsys.readouterr()
    assert numbers(ten.load_view("b")) == [1, 2]
    assert capsys.readouterr().out == ""
    assert numbers(ten.load_view("a")) == [0, 1]
    out = capsys.readouterr().out
    assert str(first) in out
    assert str(second) in out


def test_optimize(ten: Dataset) -> None:
    ten[[8, 1]].save_view(id="v", verbose=False)
    entry = ten.get_view("v").optimize(tensors=["x", "g"])
    assert entry.virtual is False
    loaded = entry.load()
    assert list(loaded.tensors) == ["x", "g/words"]
    assert numbers(loaded) == [8, 1]
    assert loaded.sample_indices == [8, 1]
    assert ten.get_view("v").virtual is False
    again = ten.load_view("v", optimize=True)
    assert numbers(again) == [8, 1]
    with pytest.raises(TensorDoesNotExistError):
        ten[0:1].save_view(id="w", optimize=True, tensors=["nothing"])
    assert [entry.id for entry in ten.get_views()] == ["v"]


def test_load_view_optimizes(ten: Dataset) -> None:
    ten[[8, 1]].save_view(id="v", verbose=False)
    assert ten.load_view("v", optimize=True, tensors=["x"]).is_optimized
    assert ten.get_view("v").virtual is False


def test_optimizing_copies_the_rows_only(local: Dataset) -> None:
    local.create_tensor("image", htype="image", sample_compression="png")
    rng = np.random.default_rng(0)
    local.image.extend([rng.integers(0, 255, (64, 64, 3), "uint8") for _ in range(20)])
    local.commit()
    before = local.size_approx()
    local[[3, 4]].save_view(id="v", optimize=True, verbose=False)
    stored = len(local.image[3].tobytes()) + len(local.image[4].tobytes())
    assert stored < local.size_approx() - before < stored + 5_000
    loaded = local.load_view("v")
    assert loaded.image[1].tobytes() == local.image[4].tobytes()


# --------------------------------------------------------------------------- views of views
@pytest.mark.parametrize("optimize", [False, True])
def test_a_view_of_a_saved_view(ten: Dataset, optimize: bool) -> None:
    ten[[8, 1, 5, 3]].save_view(id="a", optimize=optimize, verbose=False)
    first = ten.commit_id
    ten.pop(0)
    ten.commit()
    ten.verbose = False
    ten.load_view("a")[1:3].save_view(id="b")
    loaded = ten.load_view("b")
    assert numbers(loaded) == [1, 5]
    assert loaded.sample_indices == [1, 5]
    assert ten.get_view("b").commit_id == first
    assert ten.get_view("b").virtual
    loaded[1].save_view(id="c", optimize=optimize)
    loaded = ten.load_view("c")
    assert (numbers(loaded), loaded.sample_indices, len(loaded)) == ([5], [5], 1)
    loaded.save_view(id="d")
    assert numbers(ten.load_view("d")) == [5]


def test_a_view_of_a_view_with_fewer_tensors(ten: Dataset) -> None:
    ten[[8, 1]].save_view(id="a", optimize=True, tensors=["x"], verbose=False)
    ten.load_view("a")[1:].save_view(id="b", verbose=False)
    assert list(ten.load_view("b").tensors) == ["x"]
    assert numbers(ten.load_view("b")) == [1]


def test_a_view_of_some_tensors(ten: Dataset) -> None:
    ten[["x", "g"]][2:4].save_view(id="v", verbose=False)
    assert list(ten.load_view("v").tensors) == ["x", "g/words"]
    ten[["x"]].save_view(id="w", verbose=False)
    assert len(ten.load_view("w")) == 10


@pytest.mark.parametrize("optimize", [False, True])
def test_a_view_of_a_group(ten: Dataset, optimize: bool) -> None:
    ten["g"][2:4].save_view(id="v", optimize=optimize, verbose=False)
    loaded = ten.load_view("v")
    assert loaded.group_index == "g"
    assert list(loaded.tensors) == ["words"]
    assert loaded.words.numpy().ravel().tolist() == ["w2", "w3"]


@pytest.mark.parametrize("optimize", [False, True])
def test_a_view_into_samples(ten: Dataset, optimize: bool) -> None:
    ten[3:5, 0:2].save_view(id="v", optimize=optimize, verbose=False)
    loaded = ten.load_view("v")
    assert loaded.image.numpy().shape == (2, 2, 5, 3)
    assert ten.get_view("v")["sub-sample-index"] == [{"start": 0, "stop": 2, "step": None}]


@pytest.mark.parametrize("optimize", [False, True])
def test_a_padded_view(ds: Dataset, optimize: bool) -> None:
    ds.create_tensor("x")
    ds.create_tensor("y", dtype="int64")
    ds.x.extend([1, 2, 3, 4])
    ds.y.extend([5, 6])
    ds.commit()
    ds.max_view[[3, 0, 2]].save_view(id="v", optimize=optimize, verbose=False)
    ds.max_view.save_view(id="all", optimize=optimize, verbose=False)
    loaded = ds.load_view("v")
    assert [int(v) for v in loaded.x.numpy().ravel()] == [4, 1, 3]
    assert [v.tolist() for v in loaded.y.numpy(aslist=True)] == [[], [5], []]
    loaded = ds.load_view("all")
    assert len(loaded) == 4
    assert [v.tolist() for v in loaded.y.numpy(aslist=True)] == [[5], [6], [], []]


# --------------------------------------------------------------------------- what cannot be saved
def test_changes_that_are_not_committed(ten: Dataset) -> None:
    ten.append({"x": 1}, append_empty=True)
    with pytest.raises(DatasetViewSavingError, match="commit first"):
        ten[0:2].save_view(id="v")
    ten.commit()
    ten[0:2].save_view(id="v", verbose=False)
    assert len(ten.load_view("v")) == 2


def test_a_new_dataset_has_nothing_to_save(ds: Dataset) -> None:
    with pytest.raises(DatasetViewSavingError):
        ds.save_view()


def test_a_view_that_became_invalid(ten: Dataset) -> None:
    view = ten[0:2]
    ten.pop(0)
    ten.commit()
    with pytest.raises(InvalidViewException):
        view.save_view()


def test_a_view_that_a_commit_keeps(ten: Dataset) -> None:
    ten.x[0] = 100
    view = ten[0:2]
    first = ten.commit()
    ten.pop(0)
    ten.commit()
    view.save_view(id="v", verbose=False)
    assert ten.get_view("v").commit_id == first
    ten.verbose = False
    assert numbers(ten.load_view("v")) == [100, 1]


def test_at_a_past_commit(ten: Dataset) -> None:
    first = ten.commit_id
    ten.pop(0)
    ten.commit()
    ten.checkout(first)
    ten[0:2].save_view(id="v", verbose=False)
    assert numbers(ten.load_view("v")) == [0, 1]
    assert ten.branches == ["main"]


@pytest.mark.parametrize("name", [3, b"v", ["v"]])
def test_an_id_is_a_str(ten: Dataset, name: Any) -> None:
    with pytest.raises(TypeError, match="str"):
        ten[0:2].save_view(id=name)
    assert ten.get_views() == []


@pytest.mark.parametrize("name", ["", "x" * 300])
def test_ids_that_no_view_can_have(ten: Dataset, name: str) -> None:
    with pytest.raises(DatasetViewSavingError):
        ten[0:2].save_view(id=name)
    for function in (ten.get_view, ten.load_view, ten.delete_view):
        with pytest.raises(KeyError):
            function(name)


@pytest.mark.parametrize("name", ["A", "ä/b", "..", "x.y", "v 1", "%2e"])
def test_ids_that_a_view_can_have(ten: Dataset, url: str, name: str) -> None:
    path = ten[0:2].save_view(id=name, verbose=False)
    assert numbers(ten.load_view(name)) == [0, 1]
    assert numbers(deeplake.load(path)) == [0, 1]
    assert deeplake.exists(path)
    assert not deeplake.exists(path + "x")
    assert [entry.id for entry in ten.get_views()] == [name]


def test_unknown_views(ten: Dataset, url: str) -> None:
    ten[0:2].save_view(id="v", verbose=False)
    for function in (ten.get_view, ten.load_view, ten.delete_view):
        with pytest.raises(KeyError, match="'v'"):
            function("w")
    with pytest.raises(DatasetHandlerError, match="'w'"):
        deeplake.load(f"{url}/.queries/w")


def test_read_only(ten: Dataset, url: str, tmp_path: Path) -> None:
    ten[0:2].save_view(id="v", verbose=False)
    reader = deeplake.load(url, read_only=True)
    with pytest.raises(ReadOnlyModeError, match="path="):
        reader[0:2].save_view(id="w")
    with pytest.raises(ReadOnlyModeError):
        reader.load_view("v", optimize=True)
    with pytest.raises(ReadOnlyModeError):
        reader.get_view("v").optimize()
    with pytest.raises(ReadOnlyModeError):
        reader.delete_view("v")
    assert numbers(reader.load_view("v")) == [0, 1]
    with pytest.raises(ReadOnlyModeError):
        reader.load_view("v").save_view(id="w")
    path = reader[3:5].save_view(path=tmp_path / "elsewhere", verbose=False)
    assert numbers(deeplake.load(path)) == [3, 4]


def test_a_loaded_view_cannot_be_changed(ten: Dataset) -> None:
    ten[0:2].save_view(id="v", verbose=False)
    ten[0:2].save_view(id="w", optimize=True, verbose=False)
    for name in ("v", "w"):
        loaded = ten.load_view(name)
        with pytest.raises(ReadOnlyModeError):
            loaded.x[0] = 5
        for change in (
            lambda view: view.append({"x": 1}, append_empty=True),
            lambda view: view.commit(),
            lambda view: view.checkout("main"),
            lambda view: view.create_tensor("z"),
        ):
            with pytest.raises(InvalidOperationError):
                change(loaded)
    assert ten.branches == ["main"]
    assert not ten.has_head_changes


# --------------------------------------------------------------------------- elsewhere
def test_at_a_path_of_its_own(ten: Dataset, tmp_path: Path) -> None:
    path = ten[[7, 2]].save_view(message="two", path=tmp_path / "own", id="v", verbose=False)
    assert path == str(tmp_path / "own")
    loaded = deeplake.load(path)
    assert numbers(loaded) == [7, 2]
    assert loaded.info["message"] == "two"
    assert loaded.info["source-dataset"] == ten.path
    assert loaded.info["source-dataset-version"] == ten.commit_id
    assert loaded.info["source-dataset-index"] == [[7, 2]]
    with pytest.raises(DatasetHandlerError):
        ten[0:1].save_view(path=path)
    ten[0:1].save_view(path=path, overwrite=True, tensors=["x"], verbose=False)
    assert list(deeplake.load(path).tensors) == ["x"]
    assert ten.get_views() == []


def test_not_over_the_dataset_itself(local: Dataset) -> None:
    local.create_tensor("x")
    local.commit()
    for path in (local.path, local.path + "/", str(Path(local.path) / ".." / "local")):
        with pytest.raises(DatasetViewSavingError, match="another path"):
            local.save_view(path=path, overwrite=True)
    assert deeplake.load(local.path).commits


def test_arguments_of_a_dataset_need_a_path(ten: Dataset) -> None:
    with pytest.raises(TypeError, match="path="):
        ten[0:2].save_view(id="v", creds={})


# --------------------------------------------------------------------------- forgetting
def test_delete_view(ten: Dataset) -> None:
    ten[0:2].save_view(id="a", verbose=False)
    ten[0:2].save_view(id="b", verbose=False)
    ten.delete_view("a")
    assert [entry.id for entry in ten.get_views()] == ["b"]
    ten.get_view("b").delete()
    assert ten.get_views() == []
    ten[3:4].save_view(id="a", verbose=False)
    assert numbers(ten.load_view("a")) == [3]


def test_delete_does_not_take_a_view(ten: Dataset) -> None:
    path = ten[0:2].save_view(id="v", verbose=False)
    with pytest.raises(NotImplementedError, match="delete_view"):
        deeplake.delete(path)
    with pytest.raises(NotImplementedError):
        deeplake.delete(path, force=True)
    assert len(ten.load_view("v")) == 2


def test_deleting_the_dataset_takes_its_views(local: Dataset) -> None:
    local.create_tensor("x")
    local.commit()
    local.save_view(id="v", verbose=False)
    local.delete()
    again = deeplake.empty(local.path)
    assert again.get_views() == []


def test_long_lists_of_rows_are_small(local: Dataset) -> None:
    local.create_tensor("x")
    local.x.extend(np.arange(100_000))
    local.commit()
    before = local.size_approx()
    rows = np.flatnonzero(np.random.default_rng(0).random(100_000) < 0.5)
    local[rows].save_view(id="v", verbose=False)
    assert local.size_approx() - before < 40_000  # as JSON, 50,000 numbers would be 290 KB
    assert local.load_view("v").sample_indices == rows.tolist()
