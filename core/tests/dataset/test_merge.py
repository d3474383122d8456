"""Merging branches: rows by id, tensors, names, class labels, histories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    CheckoutError,
    ConflictError,
    InvalidOperationError,
    MergeConflictError,
    MergeMismatchError,
)


@pytest.fixture
def base(ds: Dataset) -> Dataset:
    """Rows 0 to 4 of two tensors, and a branch ``side`` that is checked out."""
    with ds:
        ds.create_tensor("x")
        ds.create_tensor("y")
        ds.x.extend(np.arange(5))
        ds.y.extend(10 * np.arange(5))
    ds.commit("base")
    ds.checkout("side", create=True)
    return ds


def on_main(ds: Dataset) -> Dataset:
    ds.commit("theirs", allow_empty=True)
    ds.checkout("main")
    return ds


def rows(ds: Dataset) -> dict[str, list[Any]]:
    return {name: tensor.numpy().ravel().tolist() for name, tensor in ds.tensors.items()}


def add(ds: Dataset, *numbers: int) -> None:
    for number in numbers:
        ds.append({"x": number, "y": 10 * number})


# --------------------------------------------------------------------------- rows
def test_added_rows_come_behind_ours(base: Dataset, url: str) -> None:
    add(base, 5, 6)
    on_main(base)
    add(base, 7)
    base.merge("side")
    assert rows(base) == {"x": [0, 1, 2, 3, 4, 7, 5, 6], "y": [0, 10, 20, 30, 40, 70, 50, 60]}
    assert rows(deeplake.load(url)) == rows(base)


def test_the_merge_is_a_commit_with_two_parents(base: Dataset) -> None:
    add(base, 5)
    theirs = on_main(base).get_commit_details(
        base.diff("side", as_dict=True)["tensor"][1][0]["commit_id"]
    )
    add(base, 7)
    ours = base.commit("ours")
    base.merge("side")
    assert not base.has_head_changes
    merge = base.commits[0]
    assert merge["message"] == f"Merge {theirs['commit']} into main"
    assert [commit["message"] for commit in base.commits[1:]] == ["ours", "base"]
    stored = base._checkout.repository.read_commit(merge["commit"])
    assert stored.parents == (ours, theirs["commit"])


def test_a_repeated_merge_does_nothing(base: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    add(base, 5)
    on_main(base)
    base.merge("side")
    before, commits = rows(base), base.commits
    capsys.readouterr()
    base.merge("side")
    assert "No merge needed" in capsys.readouterr().out
    base.merge(base.commits[-1]["commit"])
    base.merge("main")
    assert capsys.readouterr().out.count("No merge needed") == 2
    assert (rows(base), base.commits) == (before, commits)
    assert not base.has_head_changes


def test_merging_what_was_not_committed(base: Dataset) -> None:
    """Theirs is committed first; ours becomes part of the merge."""
    base.commit("theirs", allow_empty=True)
    add(base, 5)
    base.checkout("main")
    add(base, 7)
    base.merge("side")
    assert rows(base)["x"] == [0, 1, 2, 3, 4, 7, 5]
    assert [c["message"].split()[0] for c in base.commits] == ["Merge", "base"]
    base.checkout("side")
    assert not base.has_head_changes
    assert base.commits[0]["message"] == "auto commit before merging into main"


def test_updates(base: Dataset) -> None:
    base.x[1] = 100
    base.y[3] = 300
    on_main(base)
    base.x[2] = 200
    add(base, 5)
    base.merge("side")
    assert rows(base) == {"x": [0, 100, 200, 3, 4, 5], "y": [0, 10, 20, 300, 40, 50]}


def test_updates_find_their_rows_after_others_are_gone(base: Dataset) -> None:
    base.x[3] = 300
    base.pop(4)
    on_main(base)
    base.pop([0, 2])
    base.merge("side")
    assert rows(base) == {"x": [1, 300], "y": [10, 30]}


def test_the_same_update_is_no_conflict(base: Dataset) -> None:
    base.x[1] = 100
    on_main(base)
    base.merge("side")
    base.checkout("third", create=True)
    base.x[2] = 200
    base.commit("third")
    base.checkout("side")
    base.x[3] = 300
    base.commit("more")
    base.merge("third")
    assert rows(base)["x"] == [0, 100, 200, 300, 4]


@pytest.mark.parametrize("resolution", [None, "ours", "theirs"])
def test_updates_of_the_same_row(base: Dataset, resolution: str | None) -> None:
    base.x[1] = 100
    base.x[2] = 200
    on_main(base)
    base.x[1] = -100
    base.y[2] = -200
    commits = base.commit("ours")
    if resolution is None:
        with pytest.raises(MergeConflictError, match="'x'.*1 row .*conflict_resolution"):
            base.merge("side")
        assert base.commit_id == commits
        assert not base.has_head_changes
        assert rows(base)["x"] == [0, -100, 2, 3, 4]
        return
    base.merge("side", conflict_resolution=resolution)
    wins = -100 if resolution == "ours" else 100
    assert rows(base) == {"x": [0, wins, 200, 3, 4], "y": [0, 10, -200, 30, 40]}


def test_a_failed_merge_keeps_what_was_not_committed(base: Dataset) -> None:
    base.x[1] = 100
    on_main(base)
    base.x[1] = -100
    with pytest.raises(MergeConflictError):
        base.merge("side")
    assert base.has_head_changes
    assert [commit["message"] for commit in base.commits] == ["base"]
    assert rows(base)["x"] == [0, -100, 2, 3, 4]


def test_wrong_arguments(base: Dataset) -> None:
    on_main(base)
    with pytest.raises(ValueError, match="'mine'"):
        base.merge("side", conflict_resolution="mine")
    with pytest.raises(CheckoutError, match="nowhere"):
        base.merge("nowhere")
    with pytest.raises(InvalidOperationError):
        base[0:2].merge("side")


# --------------------------------------------------------------------------- deleted rows
def test_rows_that_we_deleted_stay_away(base: Dataset) -> None:
    add(base, 5)
    on_main(base)
    base.pop(1)
    base.merge("side")
    assert rows(base) == {"x": [0, 2, 3, 4, 5], "y": [0, 20, 30, 40, 50]}


def test_rows_that_they_deleted_go(base: Dataset) -> None:
    base.pop([1, 4])
    on_main(base)
    add(base, 5)
    base.merge("side")
    assert rows(base) == {"x": [0, 2, 3, 5], "y": [0, 20, 30, 50]}


def test_rows_that_both_deleted(base: Dataset) -> None:
    base.pop(1)
    on_main(base)
    base.pop(1)
    base.merge("side")
    assert rows(base)["x"] == [0, 2, 3, 4]


@pytest.mark.parametrize("resolution", [None, "ours", "theirs"])
def test_a_row_that_we_deleted_and_they_updated_comes_back(
    base: Dataset, resolution: str | None
) -> None:
    base.x[1] = 100
    add(base, 5)
    on_main(base)
    base.pop(1)
    base.merge("side", conflict_resolution=resolution)
    if resolution == "ours":
        assert rows(base) == {"x": [0, 2, 3, 4, 5], "y": [0, 20, 30, 40, 50]}
    else:
        # All of the row: y as well, which nobody updated.
        assert rows(base) == {"x": [0, 2, 3, 4, 100, 5], "y": [0, 20, 30, 40, 10, 50]}


@pytest.mark.parametrize("resolution", [None, "ours", "theirs"])
def test_a_row_that_they_deleted_and_we_updated(base: Dataset, resolution: str | None) -> None:
    base.pop([1, 2])
    on_main(base)
    base.x[1] = 100
    if resolution is None:
        with pytest.raises(MergeConflictError, match="1 row was updated on one side and deleted"):
            base.merge("side")
        return
    base.merge("side", conflict_resolution=resolution)
    if resolution == "ours":
        assert rows(base) == {"x": [0, 100, 3, 4], "y": [0, 10, 30, 40]}
    else:
        assert rows(base) == {"x": [0, 3, 4], "y": [0, 30, 40]}


# --------------------------------------------------------------------------- tensors
def test_new_tensors(base: Dataset) -> None:
    with base:
        base.create_tensor("g/z", htype="text")
        base["g/z"].extend(list("abcde"))
    on_main(base)
    base.create_tensor("w")
    base.merge("side")
    assert list(base.tensors) == ["x", "y", "w", "g/z"]
    assert list(base.groups) == ["g"]
    assert base["g/z"].numpy().ravel().tolist() == list("abcde")


def test_a_new_column_fits_the_rows(base: Dataset) -> None:
    """They add a column and rows; we removed rows and added others."""
    with base:
        base.create_tensor("z")
        base.z.extend(100 * np.arange(5))
    for number in (5, 6):
        base.append({"x": number, "y": 10 * number, "z": 100 * number})
    on_main(base)
    base.pop(1)
    add(base, 7, 8)
    base.merge("side")
    assert base.x.numpy().ravel().tolist() == [0, 2, 3, 4, 7, 8, 5, 6]
    z = [value.ravel().tolist() for value in base.z.numpy(aslist=True)]
    assert z == [[0], [200], [300], [400], [], [], [500], [600]]


def test_our_new_column_loses_the_rows_that_they_deleted(base: Dataset) -> None:
    base.pop([0, 3])
    add(base, 5)
    on_main(base)
    with base:
        base.create_tensor("z", htype="text")
        base.z.extend(list("abcde"))
    base.merge("side")
    assert rows(base) == {"x": [1, 2, 4, 5], "y": [10, 20, 40, 50], "z": ["b", "c", "e"]}


def test_a_column_that_they_filled_up_loses_the_rows_that_we_deleted(ds: Dataset) -> None:
    with ds:
        ds.create_tensor("x")
        ds.create_tensor("y")
        ds.x.extend(np.arange(5))
        ds.y.extend([0, 10])
    ds.commit()
    ds.checkout("side", create=True)
    ds.y.extend([20, 30, 40])
    on_main(ds)
    ds.x.pop(3)
    ds.merge("side")
    assert rows(ds) == {"x": [0, 1, 2, 4], "y": [0, 10, 20, 40]}


def test_deleted_tensors(base: Dataset) -> None:
    base.delete_tensor("y")
    on_main(base)
    base.create_branch("keeps")
    base.merge("side")
    assert list(base.tensors) == ["x", "y"]
    with pytest.warns(UserWarning, match="no commits"):
        base.checkout("keeps")
    base.merge("side", delete_removed_tensors=True)
    assert list(base.tensors) == ["x"]


def test_a_deleted_tensor_is_deleted_although_we_changed_it(base: Dataset) -> None:
    base.delete_tensor("y")
    on_main(base)
    add(base, 5)
    base.merge("side", delete_removed_tensors=True)
    assert rows(base) == {"x": [0, 1, 2, 3, 4, 5]}


@pytest.mark.parametrize("resolution", [None, "ours", "theirs"])
def test_a_tensor_that_we_deleted_and_they_changed(base: Dataset, resolution: str | None) -> None:
    base.y[0] = 5
    on_main(base)
    base.delete_tensor("y")
    if resolution is None:
        with pytest.raises(MergeConflictError, match="'y' was deleted"):
            base.merge("side")
        return
    base.merge("side", conflict_resolution=resolution)
    assert list(base.tensors) == (["x"] if resolution == "ours" else ["x", "y"])


def test_a_tensor_that_we_deleted_and_they_left_alone(base: Dataset) -> None:
    add(base, 5)
    base.commit()
    on_main(base)
    base.delete_tensor("y")
    with pytest.raises(MergeConflictError, match="'y'"):
        base.merge("side")
    base.merge("side", conflict_resolution="ours")
    assert rows(base) == {"x": [0, 1, 2, 3, 4, 5]}


def test_renamed_tensors(base: Dataset) -> None:
    base.rename_tensor("x", "a")
    base.a.extend([5])
    on_main(base)
    base.rename_tensor("y", "b")
    base.x[0] = 100
    base.merge("side")
    assert rows(base) == {"a": [100, 1, 2, 3, 4, 5], "b": [0, 10, 20, 30, 40]}


def test_a_tensor_that_both_renamed(base: Dataset) -> None:
    base.rename_tensor("x", "theirs")
    base.theirs[0] = 100
    on_main(base)
    base.rename_tensor("x", "ours")
    with pytest.raises(MergeConflictError, match=r"name was changed on both sides.*force=True"):
        base.merge("side")
    base.merge("side", force=True)
    assert rows(base) == {"ours": [100, 1, 2, 3, 4], "y": [0, 10, 20, 30, 40]}


def test_a_tensor_that_both_renamed_alike(base: Dataset) -> None:
    base.rename_tensor("x", "a")
    on_main(base)
    base.rename_tensor("x", "a")
    base.merge("side")
    assert list(base.tensors) == ["a", "y"]


def test_their_new_name_is_taken(base: Dataset) -> None:
    base.rename_tensor("x", "z")
    base.z.append(5)
    on_main(base)
    base.create_tensor("z", htype="text")
    with pytest.raises(MergeConflictError, match="two tensors of the name 'z'"):
        base.merge("side")
    base.merge("side", force=True)
    assert rows(base)["x"] == [0, 1, 2, 3, 4, 5]
    assert base.z.htype == "text"


def test_their_new_tensor_has_the_name_that_ours_was_given(base: Dataset) -> None:
    base.create_tensor("z", dtype="int64")
    base.z.extend([5, 6])
    on_main(base)
    base.rename_tensor("x", "z")
    with pytest.raises(MergeConflictError, match="'z'"):
        base.merge("side")
    assert list(base.tensors) == ["z", "y"]


def test_a_tensor_and_a_group_of_one_name(base: Dataset) -> None:
    base.create_tensor("a/b")
    on_main(base)
    base.create_tensor("a")
    with pytest.raises(MergeConflictError, match="a tensor on one side and a group on the other"):
        base.merge("side")


def test_groups(base: Dataset) -> None:
    base.create_tensor("g/a")
    base.create_group("empty")
    on_main(base)
    base.create_tensor("g/b")
    base.create_group("mine")
    base.merge("side")
    assert sorted(base.groups) == ["empty", "g", "mine"]
    assert sorted(base.tensors) == ["g/a", "g/b", "x", "y"]
    base.checkout("side")
    base.merge("main")
    base.rename_group("g", "h")
    base.commit()
    base.checkout("main")
    base.merge("side")
    assert sorted(base.groups) == ["empty", "h", "mine"]
    assert sorted(base.tensors) == ["h/a", "h/b", "x", "y"]


# --------------------------------------------------------------------------- created on both sides
def test_a_tensor_that_both_created(base: Dataset) -> None:
    base.create_tensor("z")
    base.z.extend([5, 6])
    on_main(base)
    base.create_tensor("z")
    base.merge("side")
    assert rows(base)["z"] == [5, 6]


def test_rows_of_a_tensor_that_both_created(ds: Dataset) -> None:
    ds.commit("nothing")
    ds.checkout("side", create=True)
    ds.create_tensor("z")
    ds.z.extend([5, 6])
    on_main(ds)
    ds.create_tensor("z")
    ds.z.extend([7, 8])
    ds.merge("side")
    assert rows(ds) == {"z": [7, 8, 5, 6]}


@pytest.mark.parametrize("resolution", [None, "ours", "theirs"])
def test_a_column_that_both_created_for_the_same_rows(
    base: Dataset, resolution: str | None
) -> None:
    base.create_tensor("z")
    base.z.extend([5, 6, 7])
    on_main(base)
    base.create_tensor("z")
    base.z.extend([8, 9])
    if resolution is None:
        with pytest.raises(MergeConflictError, match="'z': 2 rows were updated on both sides"):
            base.merge("side")
        return
    base.merge("side", conflict_resolution=resolution)
    assert rows(base)["z"] == ([8, 9, 7] if resolution == "ours" else [5, 6, 7])


@pytest.mark.parametrize(
    ("theirs", "ours", "what"),
    [
        ({"htype": "text"}, {"htype": "json"}, "htype"),
        ({"htype": "class_label"}, {"htype": "generic", "dtype": "uint32"}, "htype"),
        ({"dtype": "uint8"}, {"dtype": "float32"}, "dtype"),
        ({"htype": "image", "sample_compression": "png"},
         {"htype": "image", "sample_compression": "jpeg"}, "sample_compression"),
        ({"chunk_compression": "lz4"}, {"chunk_compression": None}, "chunk_compression"),
    ],
)  # fmt: skip
def test_tensors_that_do_not_go_together(
    base: Dataset, theirs: dict[str, Any], ours: dict[str, Any], what: str
) -> None:
    base.create_tensor("z", **theirs)
    on_main(base)
    base.create_tensor("z", **ours)
    for resolution in (None, "ours", "theirs"):
        with pytest.raises(MergeMismatchError, match=f"'z'.*{what}"):
            base.merge("side", conflict_resolution=resolution)
    assert list(base.tensors) == ["x", "y", "z"]


def test_first_samples_decide_differently(base: Dataset) -> None:
    base.create_tensor("z")
    start = base.commit("open")
    base.checkout("main")
    base.merge(start)
    base.checkout("side")
    base.z.append([1, 2])
    on_main(base)
    base.z.append("text")
    with pytest.raises(MergeMismatchError, match="'z' has (htype|dtype)"):
        base.merge("side")


def test_a_converted_tensor(base: Dataset) -> None:
    base.create_tensor("z", dtype="uint32")
    base.z.extend([0, 1])
    start = base.commit()
    base.checkout("main")
    base.merge(start)
    base.checkout("side")
    base.z.htype = "class_label"
    base.z.info["class_names"] = ["a", "b"]
    on_main(base)
    base.z.append(1)
    base.merge("side")
    assert base.z.htype == "class_label"
    assert base.z[2].data()["text"] == ["b"]


# --------------------------------------------------------------------------- class labels
def test_labels_are_matched_by_name(ds: Dataset) -> None:
    ds.create_tensor("label", htype="class_label", class_names=["cat", "dog"])
    ds.label.extend(["cat", "dog"])
    ds.commit()
    ds.checkout("side", create=True)
    ds.label.extend(["bird", "dog", "fish"])
    ds.label[0] = "fish"
    on_main(ds)
    ds.label.extend(["fish", "cow"])
    ds.merge("side")
    assert ds.label.info["class_names"] == ["cat", "dog", "fish", "cow", "bird"]
    text = [sample.data()["text"][0] for sample in ds.label]
    assert text == ["fish", "dog", "fish", "cow", "bird", "dog", "fish"]


def test_names_that_only_one_side_has(ds: Dataset) -> None:
    ds.create_tensor("label", htype="class_label", class_names=["a"])
    ds.label.append("a")
    ds.commit()
    ds.checkout("side", create=True)
    ds.label.append("b")
    on_main(ds)
    ds.label.extend(["b", "c"])
    ds.merge("side")
    assert ds.label.info["class_names"] == ["a", "b", "c"]
    assert rows(ds)["label"] == [0, 1, 2, 1]
    ds.checkout("side")
    ds.merge("main")
    assert ds.label.info["class_names"] == ["a", "b", "c"]
    assert rows(ds)["label"] == [0, 1, 2, 1]


def test_names_of_the_same_classes_in_another_order(ds: Dataset) -> None:
    ds.create_tensor("label", htype="class_label")
    ds.commit()
    ds.checkout("side", create=True)
    ds.label.extend(["b", "a"])
    on_main(ds)
    ds.label.extend(["a", "b", "c"])
    ds.merge("side")
    assert ds.label.info["class_names"] == ["a", "b", "c"]
    assert rows(ds)["label"] == [0, 1, 2, 1, 0]


def test_a_corrected_name(ds: Dataset) -> None:
    """Nobody else touched the tensor: what they did counts as it is."""
    ds.create_tensor("label", htype="class_label", class_names=["cat", "dgo"])
    ds.label.extend([0, 1])
    ds.create_tensor("x")
    ds.commit()
    ds.checkout("side", create=True)
    ds.label.info["class_names"] = ["cat", "dog"]
    on_main(ds)
    ds.x.append(1)
    ds.merge("side")
    assert ds.label.info["class_names"] == ["cat", "dog"]
    assert rows(ds)["label"] == [0, 1]


@pytest.mark.parametrize("compression", [None, "lz4", "png"])
def test_masks_are_matched_by_name(ds: Dataset, compression: str | None) -> None:
    ds.create_tensor(
        "mask", htype="segment_mask", class_names=["sky"], dtype="uint8",
        sample_compression=compression,
    )  # fmt: skip
    ds.commit()
    ds.checkout("side", create=True)
    ds.mask.info["class_names"] = ["sky", "tree"]
    mask = np.zeros((4, 6), "uint8")
    mask[1:3, 2:4] = 1
    ds.mask.append(mask)
    on_main(ds)
    ds.mask.info["class_names"] = ["sky", "car", "tree"]
    ds.mask.append(np.full((2, 2), 2, "uint8"))
    ds.merge("side")
    assert ds.mask.info["class_names"] == ["sky", "car", "tree"]
    assert (ds.mask[0].numpy() == 2).all()
    assert (ds.mask[1].numpy() == np.where(mask == 1, 2, 0)).all()


# --------------------------------------------------------------------------- info
@pytest.mark.parametrize("resolution", [None, "ours", "theirs"])
@pytest.mark.parametrize("of", [lambda ds: ds.info, lambda ds: ds.x.info])
def test_info(base: Dataset, of: Callable[[Dataset], Any], resolution: str | None) -> None:
    of(base).update(theirs=1, both=1, same=1)
    on_main(base)
    of(base).update(ours=2, both=2, same=1)
    if resolution is None:
        with pytest.raises(MergeConflictError, match=r"info of.*'both'"):
            base.merge("side")
        del of(base)["both"]
        of(base)["both"] = 1
    base.merge("side", conflict_resolution=resolution)
    both = 2 if resolution == "ours" else 1
    assert dict(of(base)) == {"theirs": 1, "ours": 2, "both": both, "same": 1}


# --------------------------------------------------------------------------- histories
def test_commits_and_tags_can_be_merged(base: Dataset) -> None:
    add(base, 5)
    first = base.commit("first")
    add(base, 6)
    base.commit("second")
    base.create_tag("v2")
    add(base, 7)
    on_main(base)
    base.merge(first)
    assert rows(base)["x"] == [0, 1, 2, 3, 4, 5]
    base.merge("v2")
    assert rows(base)["x"] == [0, 1, 2, 3, 4, 5, 6]
    base.merge("side")
    assert rows(base)["x"] == [0, 1, 2, 3, 4, 5, 6, 7]


def test_merging_into_a_past_commit_makes_a_branch(base: Dataset) -> None:
    start = base.commit_id
    assert start is not None
    add(base, 5)
    on_main(base)
    base.checkout(start)
    base.merge("side")
    assert base.branch.startswith("auto_")
    assert rows(base)["x"] == [0, 1, 2, 3, 4, 5]


def test_branches_that_merge_each_other(base: Dataset) -> None:
    add(base, 5)
    on_main(base)
    add(base, 6)
    base.merge("side")
    base.checkout("side")
    base.merge("main")
    for turn in range(3):
        add(base, 100 + turn)
        base.commit()
        base.checkout("main")
        add(base, 200 + turn)
        base.merge("side")
        base.checkout("side")
        base.merge("main")
    assert rows(base)["x"] == [0, 1, 2, 3, 4, 6, 5, 200, 100, 201, 101, 202, 102]


def crossed(ds: Dataset, theirs: Callable[[Dataset], Any], ours: Callable[[Dataset], Any]) -> None:
    """Two branches that merged each other's first commit: they have two latest common ancestors."""
    theirs(ds)
    side = ds.commit("side 1")
    ds.checkout("main")
    ours(ds)
    main = ds.commit("main 1")
    ds.merge(side)
    ds.checkout("side")
    ds.merge(main)


def test_crossed_histories_add_rows_once(base: Dataset) -> None:
    crossed(base, lambda ds: add(ds, 5), lambda ds: add(ds, 6))
    add(base, 7)
    on_main(base)
    add(base, 8)
    base.merge("side")
    assert sorted(rows(base)["x"]) == [0, 1, 2, 3, 4, 5, 6, 7, 8]


def test_crossed_histories_forget_no_deletion(base: Dataset) -> None:
    crossed(base, lambda ds: add(ds, 5, 50), lambda ds: add(ds, 6, 60))
    base.pop([rows(base)["x"].index(5), rows(base)["x"].index(6)])
    on_main(base)
    base.pop(sorted([rows(base)["x"].index(50), rows(base)["x"].index(60)]))
    base.merge("side")
    assert rows(base)["x"] == [0, 1, 2, 3, 4]
    assert rows(base)["y"] == [0, 10, 20, 30, 40]


def test_crossed_histories_forget_no_update(base: Dataset) -> None:
    crossed(base, lambda ds: ds.x.__setitem__(0, 100), lambda ds: ds.x.__setitem__(1, 200))
    base.x[1] = 201
    on_main(base)
    base.x[0] = 101
    base.merge("side")
    assert rows(base)["x"] == [101, 201, 2, 3, 4]


def test_a_conflict_that_crossed_histories_settled_differently(base: Dataset) -> None:
    base.x[0] = 100
    base.info["a"] = 1
    side = base.commit("side 1")
    base.checkout("main")
    base.x[0] = 200
    base.info["a"] = 2
    main = base.commit("main 1")
    base.merge(side, conflict_resolution="ours")
    base.checkout("side")
    base.merge(main, conflict_resolution="ours")
    base.checkout("main")
    with pytest.raises(MergeConflictError):
        base.merge("side")
    base.merge("side", conflict_resolution="theirs")
    assert rows(base)["x"][0] == 100
    assert base.info["a"] == 1


def test_the_work_that_a_conflict_kept_can_be_merged(base: Dataset, url: str) -> None:
    on_main(base)
    add(base, 5)
    base.x[2] = 22
    one, other = deeplake.load(url), deeplake.load(url)
    one.x[0] = 100
    with pytest.raises(ConflictError) as caught, other:
        add(other, 6)
        other.x[0] = 200
        other.x[5] = 55
    kept = str(caught.value).split("@")[-1].split("'")[0]
    assert rows(deeplake.load(f"{url}@{kept}"))["x"] == [200, 1, 22, 3, 4, 55, 6]
    assert rows(other)["x"] == [100, 1, 22, 3, 4, 5]
    one.commit("one")
    with pytest.raises(MergeConflictError, match="1 row was updated on both sides"):
        one.merge(kept)
    one.merge(kept, conflict_resolution="theirs")
    assert rows(one) == {
        "x": [200, 1, 22, 3, 4, 55, 6], "y": [0, 10, 20, 30, 40, 50, 60]
    }  # fmt: skip


def test_merging_everything_into_an_empty_branch(ds: Dataset) -> None:
    ds.commit("nothing")
    ds.checkout("side", create=True)
    with ds:
        ds.create_tensor("a/x", htype="text")
        ds["a/x"].extend(["a", "b"])
        ds.info["k"] = 1
    on_main(ds)
    ds.merge("side")
    assert rows(ds) == {"a/x": ["a", "b"]}
    assert dict(ds.info) == {"k": 1}
    assert list(ds.groups) == ["a"]


def test_merge_costs_what_changed(local: Dataset) -> None:
    with local:
        local.create_tensor("x", dtype="int64")
        local.x.extend(np.arange(200_000))
    local.commit()
    local.checkout("side", create=True)
    local.x[1000] = -1
    local.x.append(7)
    local.commit()
    local.checkout("main")
    local.x[2000] = -2
    local.commit()
    before = local.size_approx()
    local.merge("side")
    assert local.size_approx() - before < 20_000
    assert local.x[[1000, 2000, 200_000]].numpy().ravel().tolist() == [-1, -2, 7]
