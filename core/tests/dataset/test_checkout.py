"""Going to branches, commits and tags: in place, and by address when loading."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    CheckoutError,
    DatasetCorruptError,
    DatasetHandlerError,
    EmptyCommitError,
    InfoError,
    InvalidOperationError,
    ReadOnlyModeError,
)


@pytest.fixture
def numbers(ds: Dataset) -> Dataset:
    ds.create_tensor("x")
    ds.x.extend([1, 2, 3])
    return ds


def values(ds: Dataset) -> list[int]:
    return [int(value) for value in ds.x.numpy().ravel()]


# --------------------------------------------------------------------------- branches
def test_a_new_branch_begins_at_the_last_commit(numbers: Dataset) -> None:
    first = numbers.commit("one")
    assert numbers.checkout("side", create=True) == first
    assert numbers.branch == "side"
    assert numbers.branches == ["main", "side"]
    assert numbers.commit_id == first
    assert not numbers.has_head_changes
    assert numbers.is_head_node
    numbers.x.append(4)
    second = numbers.commit("two")
    assert numbers.checkout("main") == first
    assert values(numbers) == [1, 2, 3]
    assert numbers.checkout("side") == second
    assert values(numbers) == [1, 2, 3, 4]
    assert [commit["commit"] for commit in numbers.commits] == [second, first]


def test_changes_are_committed_before_a_branch_begins(numbers: Dataset) -> None:
    pending = numbers.pending_commit_id
    assert numbers.checkout("side", create=True) == pending
    (commit,) = numbers.commits
    assert commit["message"] == "auto commit before checkout to side"
    assert commit["commit"] == pending
    numbers.checkout("main")
    assert [commit["commit"] for commit in numbers.commits] == [pending]
    assert not numbers.has_head_changes


def test_a_branch_of_a_new_dataset(ds: Dataset) -> None:
    ds.checkout("side", create=True)
    assert [commit["message"] for commit in ds.commits] == ["auto commit before checkout to side"]
    ds.create_tensor("x")
    ds.commit("tensor")
    ds.checkout("main")
    assert ds.tensors == {}


def test_changes_stay_with_their_branch(numbers: Dataset, url: str) -> None:
    numbers.commit("one")
    numbers.checkout("side", create=True)
    numbers.x.append(4)
    numbers.checkout("main")
    assert not numbers.has_head_changes
    numbers.x.append(5)
    with pytest.warns(UserWarning, match="no commits"):
        numbers.checkout("side")
    assert numbers.has_head_changes
    assert values(numbers) == [1, 2, 3, 4]
    assert values(deeplake.load(url)) == [1, 2, 3, 5]
    assert values(deeplake.load(f"{url}@side")) == [1, 2, 3, 4]


def test_a_name_is_there_or_not(numbers: Dataset) -> None:
    first = numbers.commit()
    numbers.create_tag("v1")
    numbers.checkout("side", create=True)
    for name in ("main", "side", "v1", first):
        with pytest.raises(CheckoutError):
            numbers.checkout(name, create=True)
    with pytest.raises(CheckoutError, match="nowhere.*main, side"):
        numbers.checkout("nowhere")
    with pytest.raises(CheckoutError):
        numbers.checkout("0" * 40)
    assert numbers.branch == "side"


@pytest.mark.parametrize("name", ["", "  ", " a", "a\nb", "\x00", "x" * 300, "ü" * 100, "ab" * 20])
def test_names_that_no_branch_can_have(numbers: Dataset, name: str) -> None:
    with pytest.raises(CheckoutError):
        numbers.checkout(name, create=True)
    with pytest.raises(CheckoutError):
        numbers.create_tag(name)
    assert numbers.branches == ["main"]


@pytest.mark.parametrize(
    "name", ["a/b", "A", "Ä b", "v1.0", "../x", "%41", "a@b", "CON", "refs/heads/main", "x" * 200]
)
def test_names_that_a_branch_can_have(numbers: Dataset, url: str, name: str) -> None:
    numbers.commit()
    numbers.checkout(name, create=True)
    numbers.x.append(4)
    numbers.commit()
    numbers.checkout("main")
    assert set(numbers.branches) == {"main", name}
    assert values(deeplake.load(f"{url}@{name}")) == [1, 2, 3, 4]


def test_names_that_differ_in_case_only(numbers: Dataset) -> None:
    numbers.commit()
    numbers.checkout("a", create=True)
    numbers.x.append(4)
    numbers.checkout("A", create=True)
    numbers.x.append(5)
    numbers.checkout("a")
    assert values(numbers) == [1, 2, 3, 4]


def test_a_branch_without_commits_of_its_own_warns(numbers: Dataset) -> None:
    numbers.commit()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        numbers.checkout("side", create=True)
        numbers.checkout("main")
    with pytest.warns(UserWarning, match="'side'"):
        numbers.checkout("side")
    numbers.x.append(1)
    numbers.commit()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        numbers.checkout("main")
        numbers.checkout("side")
        numbers.rename_branch("side", "other")
        numbers.checkout("main")
        numbers.checkout("other")


def test_checkout_of_what_is_checked_out(numbers: Dataset) -> None:
    numbers.x.append(4)
    assert numbers.checkout("main") is None
    assert numbers.has_head_changes
    commit = numbers.commit()
    view = numbers[0:1]
    assert numbers.checkout("main") == commit
    assert len(view) == 1


def test_read_only(numbers: Dataset, url: str) -> None:
    first = numbers.commit()
    numbers.checkout("side", create=True)
    numbers.x.append(4)
    numbers.commit()
    reader = deeplake.load(url, read_only=True)
    with pytest.raises(ReadOnlyModeError):
        reader.checkout("new", create=True)
    reader.checkout("side")
    assert values(reader) == [1, 2, 3, 4]
    reader.checkout(first)
    assert values(reader) == [1, 2, 3]
    for change in (
        lambda: reader.create_branch("b"), lambda: reader.delete_branch("side"),
        lambda: reader.rename_branch("side", "b"), lambda: reader.create_tag("t"),
        lambda: reader.merge("side"), lambda: reader.reset(), lambda: reader.x.append(1),
    ):  # fmt: skip
        with pytest.raises(ReadOnlyModeError):
            change()
    assert deeplake.load(url).branches == ["main", "side"]


def test_views_cannot_go_anywhere(numbers: Dataset) -> None:
    numbers.commit()
    with pytest.raises(InvalidOperationError):
        numbers[0:2].checkout("main")
    with pytest.raises(InvalidOperationError):
        numbers[0:2].checkout("side", create=True)


# --------------------------------------------------------------------------- past commits
def test_a_past_commit(numbers: Dataset) -> None:
    first = numbers.commit("one")
    numbers.x.append(4)
    second = numbers.commit("two")
    assert numbers.checkout(first) == first
    assert values(numbers) == [1, 2, 3]
    assert numbers.commit_id == numbers.pending_commit_id == first
    assert numbers.branch == "main"
    assert not numbers.is_head_node
    assert not numbers.has_head_changes
    assert [commit["commit"] for commit in numbers.commits] == [first]
    with pytest.raises(EmptyCommitError):
        numbers.commit()
    assert numbers.branches == ["main"]
    numbers.checkout("main")
    assert numbers.is_head_node
    assert numbers.commit_id == second


def test_the_first_write_at_a_past_commit_makes_a_branch(numbers: Dataset, url: str) -> None:
    first = numbers.commit("one")
    numbers.x.append(4)
    numbers.commit("two")
    numbers.checkout(first)
    numbers.x.append(5)
    assert numbers.branch.startswith("auto_")
    assert numbers.branches == ["main", numbers.branch]
    assert numbers.is_head_node
    assert values(deeplake.load(f"{url}@{numbers.branch}")) == [1, 2, 3, 5]
    numbers.commit("three")
    assert [commit["message"] for commit in numbers.commits] == ["three", "one"]
    assert values(deeplake.load(url)) == [1, 2, 3, 4]


def test_an_empty_commit_at_a_past_commit_makes_a_branch(numbers: Dataset) -> None:
    first = numbers.commit("one")
    numbers.checkout(first)
    second = numbers.commit("on top", allow_empty=True)
    assert second != first
    assert numbers.branch.startswith("auto_")
    assert [commit["commit"] for commit in numbers.commits] == [second, first]


def test_a_named_branch_from_a_past_commit(numbers: Dataset) -> None:
    first = numbers.commit("one")
    numbers.x.append(4)
    numbers.commit("two")
    numbers.checkout(first)
    numbers.checkout("from-one", create=True)
    assert numbers.branches == ["from-one", "main"] or numbers.branches == ["main", "from-one"]
    assert values(numbers) == [1, 2, 3]
    assert numbers.commit_id == first


def test_info_cannot_be_changed_at_a_past_commit(numbers: Dataset) -> None:
    numbers.info["a"] = 1
    first = numbers.commit()
    numbers.checkout(first)
    with pytest.raises(InfoError):
        numbers.info["a"] = 2
    with pytest.raises(InfoError):
        numbers.x.info["a"] = 2
    assert dict(numbers.info) == {"a": 1}
    assert numbers.branches == ["main"]


def test_the_pending_id_stands_for_its_branch(numbers: Dataset, url: str) -> None:
    numbers.commit()
    numbers.checkout("side", create=True)
    pending = numbers.pending_commit_id
    numbers.checkout("main")
    with pytest.warns(UserWarning, match="no commits"):
        numbers.checkout(pending)
    assert (numbers.branch, numbers.is_head_node) == ("side", True)
    assert deeplake.load(f"{url}@{pending}").branch == "side"


# --------------------------------------------------------------------------- addresses
def test_load_at_an_address(numbers: Dataset, url: str) -> None:
    first = numbers.commit("one")
    numbers.create_tag("v1")
    numbers.x.append(4)
    numbers.commit("two")
    numbers.checkout("side", create=True)
    numbers.x.append(5)
    for address, found in [
        ("main", [1, 2, 3, 4]), ("side", [1, 2, 3, 4, 5]), ("v1", [1, 2, 3]), (first, [1, 2, 3]),
    ]:  # fmt: skip
        loaded = deeplake.load(f"{url}@{address}")
        assert values(loaded) == found
        assert loaded.path == url
        assert values(deeplake.dataset(f"{url}@{address}")) == found
    with pytest.raises(CheckoutError):
        deeplake.load(f"{url}@nowhere")
    with pytest.raises(CheckoutError):
        deeplake.load(f"{url}@{first[:-1]}")
    tagged = deeplake.load(f"{url}@v1")
    tagged.x.append(9)
    assert tagged.branch.startswith("auto_")
    assert tagged.tags == {"v1": first}


def test_only_loading_takes_addresses(tmp_path: Path) -> None:
    path = f"{tmp_path / 'ds'}@side"
    for function in (deeplake.empty, deeplake.exists, deeplake.delete, deeplake.dataset):
        with pytest.raises(ValueError, match="version address"):
            function(path)
    with pytest.raises(DatasetHandlerError):
        deeplake.load(path)
    assert not (tmp_path / "ds").exists()


# --------------------------------------------------------------------------- damaged heads
def damage(path: Path, commit: str) -> None:
    (path / "commits" / commit).write_bytes(b"nonsense")


@pytest.fixture
def long(tmp_path: Path) -> tuple[Path, str]:
    """A dataset whose head is too long for its ref, one commit, and the key of the head."""
    path = tmp_path / "ds"
    ds = deeplake.empty(path)
    ds.create_tensor("x")
    ds.x.extend([1, 2, 3])
    ds.commit("one")
    there = {file.name for file in (path / "commits").glob("*")}
    ds.info["long"] = "x" * 40_000
    (head,) = {file.name for file in (path / "commits").glob("*")} - there - {ds.commit_id}
    return path, head


def test_a_damaged_head_can_be_reset(long: tuple[Path, str]) -> None:
    path, head = long
    damage(path, head)
    with pytest.raises(DatasetCorruptError, match="reset=True"):
        deeplake.load(path)
    with pytest.raises(ReadOnlyModeError):
        deeplake.load(path, reset=True, read_only=True)
    ds = deeplake.load(path, reset=True)
    assert values(ds) == [1, 2, 3]
    assert not ds.has_head_changes
    assert dict(ds.info) == {}
    assert values(deeplake.load(path)) == [1, 2, 3]


def test_a_missing_head_is_damage(long: tuple[Path, str]) -> None:
    path, head = long
    (path / "commits" / head).unlink()
    with pytest.raises(DatasetCorruptError, match="missing"):
        deeplake.load(path)
    assert values(deeplake.load(path, reset=True)) == [1, 2, 3]


def test_reset_leaves_a_healthy_head(long: tuple[Path, str]) -> None:
    path, _ = long
    ds = deeplake.load(path, reset=True)
    assert ds.has_head_changes
    assert len(ds.info["long"]) == 40_000


def test_a_damaged_commit_cannot_be_reset(long: tuple[Path, str]) -> None:
    path, head = long
    commit = deeplake.load(path).commit_id
    assert commit is not None
    damage(path, head)
    damage(path, commit)
    with pytest.raises(DatasetCorruptError):
        deeplake.load(path, reset=True)
    with pytest.raises(DatasetCorruptError):
        deeplake.load(f"{path}@{commit}", reset=True)
