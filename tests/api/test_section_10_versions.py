"""Version control (api.md, section 10).

Behind each fact there are more tests in ``core/tests/dataset``: ``test_commit.py``,
``test_checkout.py``, ``test_branches.py``, ``test_diff.py``, ``test_merge.py``, ``test_reset.py``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    CheckoutError,
    EmptyCommitError,
    MergeConflictError,
    MergeMismatchError,
    ReadOnlyModeError,
    VersionControlError,
)


@pytest.fixture
def ds(tmp_path: Path) -> Dataset:
    """Three rows, committed."""
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("x", dtype="int64").extend([0, 1, 2])
    ds.commit("three")
    return ds


def values(ds: Dataset) -> list[int]:
    found: list[int] = ds.x.numpy().ravel().tolist()
    return found


# --------------------------------------------------------------------------- what there is
def test_a_new_dataset(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "new")
    assert ds.commit_id is None
    assert ds.branch == "main"
    assert ds.branches == ["main"]
    assert ds.commits == []
    assert ds.has_head_changes is True
    assert ds.is_head_node is True
    pending = ds.pending_commit_id
    assert re.fullmatch(r"[0-9a-f]{40}", pending)
    assert ds.commit("first") == ds.commit_id == pending
    assert ds.has_head_changes is False
    assert deeplake.load(ds.path).has_head_changes is False


def test_every_id_is_random(tmp_path: Path) -> None:
    ids = {deeplake.empty(tmp_path / name).commit() for name in "abc"}
    assert len(ids) == 3


def test_commits_and_details(ds: Dataset) -> None:
    ds.x.append(3)
    second = ds.commit("four")
    newest, oldest = ds.commits
    assert set(newest) == {"commit", "author", "time", "message"}
    assert (newest["commit"], newest["message"], newest["author"]) == (second, "four", "public")
    assert oldest["message"] == "three"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", newest["time"])
    assert ds.get_commit_details(second) == newest
    with pytest.raises(KeyError):
        ds.get_commit_details("nothing")


def test_commit(ds: Dataset) -> None:
    with pytest.raises(EmptyCommitError):
        ds.commit()
    assert ds.commit(allow_empty=True) == ds.commit_id
    ds.x.append(3)
    assert ds.has_head_changes
    ds.commit()
    assert ds.commits[0]["message"] is None


# --------------------------------------------------------------------------- checkout
def test_checkout_errors(ds: Dataset) -> None:
    with pytest.raises(CheckoutError):
        ds.checkout("nothing")
    ds.checkout("side", create=True)
    for name in ("side", "main", ds.commit_id):
        with pytest.raises(CheckoutError):
            ds.checkout(name, create=True)
    reader = deeplake.load(ds.path, read_only=True)
    with pytest.raises(ReadOnlyModeError):
        reader.checkout("other", create=True)
    with pytest.warns(UserWarning, match="side"):
        reader.checkout("side")


def test_checkout_returns_the_commit(ds: Dataset) -> None:
    first = ds.commit_id
    assert ds.checkout("side", create=True) == first
    ds.x.append(3)
    second = ds.commit()
    assert ds.checkout("main") == first
    assert ds.checkout("side") == second
    assert ds.checkout(first) == first


def test_creating_commits_what_is_not(ds: Dataset) -> None:
    ds.x.append(3)
    ds.checkout("side", create=True)
    assert ds.commits[0]["message"] == "auto commit before checkout to side"
    assert values(ds) == [0, 1, 2, 3]
    ds.checkout("main")
    assert values(ds) == [0, 1, 2, 3]
    assert not ds.has_head_changes


def test_changes_stay_with_their_branch(ds: Dataset) -> None:
    ds.checkout("side", create=True)
    ds.x.append(3)
    ds.checkout("main")
    assert values(ds) == [0, 1, 2]
    with pytest.warns(UserWarning, match="no commits"):
        ds.checkout("side")
    assert values(ds) == [0, 1, 2, 3]
    assert ds.has_head_changes


def test_a_past_commit(ds: Dataset) -> None:
    first = ds.commit_id
    ds.x.append(3)
    ds.commit()
    ds.checkout(first)
    assert not ds.is_head_node
    assert not ds.read_only
    ds.x.append(9)
    assert re.fullmatch(r"auto_\w+", ds.branch)
    assert ds.branch in ds.branches
    assert values(ds) == [0, 1, 2, 9]
    ds.commit("from the past")
    assert [c["message"] for c in ds.commits] == ["from the past", "three"]
    assert values(deeplake.load(ds.path)) == [0, 1, 2, 3]


def test_committing_at_a_past_commit(ds: Dataset) -> None:
    first = ds.commit_id
    ds.x.append(3)
    ds.commit()
    ds.checkout(first)
    ds.commit("empty", allow_empty=True)
    assert ds.branch.startswith("auto_")


def test_a_branch_without_commits_warns(ds: Dataset) -> None:
    ds.checkout("side", create=True)
    ds.checkout("main")
    with pytest.warns(UserWarning, match="side"):
        ds.checkout("side")


def test_load_at_an_address(ds: Dataset) -> None:
    first = ds.commit_id
    ds.checkout("side", create=True)
    ds.x.append(3)
    ds.commit()
    assert values(deeplake.load(f"{ds.path}@side")) == [0, 1, 2, 3]
    assert values(deeplake.load(f"{ds.path}@{first}")) == [0, 1, 2]
    assert deeplake.load(f"{ds.path}@side").branch == "side"


# --------------------------------------------------------------------------- log, reset
def test_log(ds: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    ds.x.append(3)
    capsys.readouterr()
    ds.log()
    commit = ds.commits[0]
    assert capsys.readouterr().out == (
        "---------------\nDeep Lake Version Log\n---------------\n\n"
        "Current Branch: main\n** There are uncommitted changes on this branch.\n\n"
        f"Commit : {commit['commit']} (main)\nAuthor : public\nTime   : {commit['time']}\n"
        "Message: three\n"
    )


def test_reset(ds: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    ds.x.append(3)
    ds.x[0] = 7
    ds.create_tensor("new")
    ds.reset()
    assert values(ds) == [0, 1, 2]
    assert list(ds.tensors) == ["x"]
    capsys.readouterr()
    ds.reset()
    assert capsys.readouterr().out.strip()
    ds.checkout(ds.commit_id)
    ds.reset(force=True)
    assert values(ds) == [0, 1, 2]


# --------------------------------------------------------------------------- branches
def test_delete_branch(ds: Dataset) -> None:
    ds.checkout("side", create=True)
    ds.x.append(3)
    ds.commit()
    for name in ("side", "main", "nothing"):
        with pytest.raises(VersionControlError):
            ds.delete_branch(name)
    ds.checkout("deeper", create=True)
    ds.x.append(4)
    ds.commit()
    ds.checkout("main")
    with pytest.raises(VersionControlError):
        ds.delete_branch("side")
    ds.delete_branch("deeper")
    ds.delete_branch("side")
    assert ds.branches == ["main"]


def test_deleting_what_was_merged_breaks_nothing(ds: Dataset) -> None:
    """The predecessor refuses; here nothing that was merged is lost with its branch."""
    ds.checkout("side", create=True)
    ds.x.append(3)
    ds.commit()
    ds.checkout("main")
    ds.merge("side")
    ds.delete_branch("side")
    assert values(deeplake.load(ds.path)) == [0, 1, 2, 3]


# --------------------------------------------------------------------------- diff
TENSOR = {
    "created": False, "cleared": False, "info_updated": False, "data_added": [3, 3],
    "data_updated": set(), "data_deleted": set(), "data_transformed_in_place": False,
}  # fmt: skip


def test_diff_of_the_head(ds: Dataset) -> None:
    ds.x.append(3)
    ds.x[0] = 7
    ds.x.info["a"] = 1
    ds.info["b"] = 2
    found = ds.diff(as_dict=True)
    assert found == {
        "dataset": [
            {"commit_id": ds.pending_commit_id, "author": "public", "message": None, "date": None,
             "info_updated": True, "renamed": {}, "deleted": []}
        ],
        "tensor": [
            {"commit_id": ds.pending_commit_id,
             "x": {**TENSOR, "data_added": [3, 4], "data_updated": {0}, "info_updated": True}}
        ],
    }  # fmt: skip


def test_diff_of_structure(ds: Dataset) -> None:
    ds.create_tensor("new").append(1)
    ds.create_tensor("secret", hidden=True).append(1)
    ds.rename_tensor("x", "y")
    ds.create_tensor("gone")
    ds.commit("structure")
    ds.delete_tensor("gone")
    ds.new.clear()
    found = ds.diff(as_dict=True)
    assert found["dataset"][0]["deleted"] == ["gone"]
    assert found["tensor"][0]["new"]["cleared"] is True
    before = ds.diff(ds.commits[1]["commit"], as_dict=True)
    assert before["dataset"][0][1]["renamed"] == {"x": "y"}
    assert before["tensor"][0][1]["new"]["created"] is True
    assert all("secret" not in entry for side in before["tensor"] for entry in side)


def test_diff_of_versions(ds: Dataset) -> None:
    first = ds.commit_id
    ds.checkout("side", create=True)
    ds.pop(0)
    side = ds.commit("side")
    ds.checkout("main")
    ds.x.append(3)
    main = ds.commit("main")
    one = ds.diff("side", as_dict=True)
    assert isinstance(one["tensor"], tuple)
    ours, theirs = one["tensor"]
    assert [entry["commit_id"] for entry in ours] == [main]
    assert [entry["commit_id"] for entry in theirs][-1] == side
    assert theirs[-1]["x"]["data_deleted"] == {0}
    two = ds.diff(first, main, as_dict=True)
    assert two["tensor"][0] == []
    assert [entry["commit_id"] for entry in two["tensor"][1]] == [main]
    with pytest.raises(ValueError, match="id_1"):
        ds.diff(id_2=first)
    for arguments in (("nothing",), (first, "nothing")):
        with pytest.raises(KeyError):
            ds.diff(*arguments)


def test_diff_as_text(ds: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    ds.create_tensor("a").extend([1])
    ds.x[[0, 1]] = [5, 6]
    ds.x.append(8)
    ds.info["k"] = 1
    capsys.readouterr()
    assert ds.diff() is None
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert "## Deep Lake Diff" in lines
    assert "-" * 120 in lines
    assert "*" * 80 in lines
    assert any("Diff in HEAD relative to the previous commit" in line for line in lines)
    for line in (
        "\033[93mcommit UNCOMMITTED HEAD\033[0m", "Author: public", "Date: None", "Message: None",
        "- Updated dataset info", "* Created tensor", "* Added 1 sample: [0]",
        "* Added 1 sample: [3]", "* Updated 2 samples: [0-1]",
    ):  # fmt: skip
        assert line in lines
    assert lines.index("a") < lines.index("x")
    ds.commit()
    ds.diff()
    assert "No changes were made in this commit." in capsys.readouterr().out


def test_diff_without_changes_on_a_side(ds: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    first = ds.commit_id
    ds.x.append(3)
    second = ds.commit()
    ds.diff(first, second)
    out = capsys.readouterr().out
    assert "No changes were made." in out
    assert f"commit {second}" in out


# --------------------------------------------------------------------------- merge
def test_merge(ds: Dataset) -> None:
    ds.checkout("side", create=True)
    ds.x.append(3)
    ds.x[0] = 7
    side = ds.commit("side")
    ds.checkout("main")
    ds.x.append(4)
    ds.merge("side")
    assert values(ds) == [7, 1, 2, 4, 3]
    assert ds.commits[0]["message"] == f"Merge {side} into main"
    before = ds.commit_id
    ds.merge("side")
    assert ds.commit_id == before
    assert values(ds) == [7, 1, 2, 4, 3]


def test_merge_of_an_ancestor(ds: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    first = ds.commit_id
    ds.x.append(3)
    second = ds.commit()
    capsys.readouterr()
    ds.merge(first)
    assert "No merge needed" in capsys.readouterr().out
    assert ds.commit_id == second


def test_merge_commits_the_target(ds: Dataset) -> None:
    ds.checkout("side", create=True)
    ds.x.append(3)
    ds.checkout("main")
    ds.merge("side")
    assert values(ds) == [0, 1, 2, 3]
    ds.checkout("side")
    assert not ds.has_head_changes


@pytest.mark.parametrize("wrong", ["mine", "", "OURS", 1])
def test_resolutions(ds: Dataset, wrong: Any) -> None:
    ds.checkout("side", create=True)
    ds.x.append(3)
    ds.checkout("main")
    with pytest.raises(ValueError, match="conflict_resolution"):
        ds.merge("side", conflict_resolution=wrong)


def test_conflicts(ds: Dataset) -> None:
    ds.checkout("side", create=True)
    ds.x[0] = 7
    ds.commit()
    ds.checkout("main")
    ds.x[0] = 8
    ds.commit()
    with pytest.raises(MergeConflictError, match="'x'"):
        ds.merge("side")
    assert values(ds) == [8, 1, 2]
    ds.merge("side", conflict_resolution="theirs")
    assert values(ds) == [7, 1, 2]


def test_deleted_rows_stay_deleted(ds: Dataset) -> None:
    ds.checkout("side", create=True)
    ds.x[1] = 7
    ds.commit()
    ds.checkout("main")
    ds.pop([0, 1])
    ds.commit()
    ds.merge("side")
    assert sorted(values(ds)) == [2, 7]


def test_mismatches(ds: Dataset) -> None:
    ds.checkout("side", create=True)
    ds.create_tensor("new", htype="class_label").append(1)
    ds.commit()
    ds.checkout("main")
    ds.create_tensor("new", htype="text").append("a")
    with pytest.raises((MergeMismatchError, MergeConflictError)):
        ds.merge("side", force=True)


def test_renamed_on_both_sides(ds: Dataset) -> None:
    ds.checkout("side", create=True)
    ds.rename_tensor("x", "theirs")
    ds.commit()
    ds.checkout("main")
    ds.rename_tensor("x", "ours")
    ds.commit()
    with pytest.raises(MergeConflictError):
        ds.merge("side")
    ds.merge("side", force=True)
    assert list(ds.tensors) == ["ours"]


def test_tensors_that_were_deleted(ds: Dataset) -> None:
    ds.create_tensor("y").extend([1, 2, 3])
    ds.commit()
    ds.checkout("side", create=True)
    ds.delete_tensor("y")
    ds.commit()
    ds.checkout("main")
    ds.merge("side")
    assert "y" in ds
    ds.x.append(5)
    ds.commit()
    ds.checkout("side")
    ds.x.append(6)
    ds.commit()
    ds.checkout("main")
    ds.merge("side", delete_removed_tensors=True)
    assert sorted(values(ds)) == [0, 1, 2, 5, 6]


def test_tensors_that_were_deleted_and_shall_be(ds: Dataset) -> None:
    ds.create_tensor("y").extend([1, 2, 3])
    ds.commit()
    ds.checkout("side", create=True)
    ds.delete_tensor("y")
    ds.commit()
    ds.checkout("main")
    ds.merge("side", delete_removed_tensors=True)
    assert "y" not in ds


def test_class_labels_are_matched_by_name(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "labels")
    ds.create_tensor("l", htype="class_label").extend(["a", "b"])
    ds.commit()
    ds.checkout("side", create=True)
    ds.l.extend(["c", "d"])
    ds.commit()
    ds.checkout("main")
    ds.l.extend(["d", "a"])
    ds.commit()
    ds.merge("side")
    assert [v[0] for v in ds.l.data()["text"]] == ["a", "b", "d", "a", "c", "d"]


# --------------------------------------------------------------------------- locks
def test_there_are_no_locks(ds: Dataset) -> None:
    first = deeplake.load(ds.path, lock_enabled=True, lock_timeout=5)
    second = deeplake.load(ds.path, read_only=False, lock_timeout=None)
    first.x.append(3)
    second.x.append(4)
    assert sorted(values(deeplake.load(ds.path))) == [0, 1, 2, 3, 4]
    assert np.unique(values(second)).size == 5
