"""Branches: made, renamed, deleted; deleting one breaks nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    CheckoutError,
    ConflictError,
    InvalidOperationError,
    ReadOnlyModeError,
    VersionControlError,
)
from deeplake.versioning.repository import Repository


@pytest.fixture
def numbers(ds: Dataset) -> Dataset:
    ds.create_tensor("x")
    ds.x.extend([1, 2, 3])
    ds.commit("one")
    return ds


def values(ds: Dataset) -> list[int]:
    return [int(value) for value in ds.x.numpy().ravel()]


def branch(ds: Dataset, name: str, *numbers: int) -> str:
    """A branch with a commit, made from main; main is checked out afterwards."""
    ds.checkout(name, create=True)
    ds.x.extend(list(numbers))
    commit = ds.commit(name)
    ds.checkout("main")
    return commit


def test_create_branch_stays_where_it_is(numbers: Dataset, url: str) -> None:
    view = numbers[1:]
    numbers.create_branch("side")
    assert numbers.branch == "main"
    assert numbers.branches == ["main", "side"]
    assert len(view) == 2
    numbers.x.append(4)
    numbers.create_branch("later")
    assert numbers.commits[0]["message"] == "auto commit before checkout to later"
    assert values(deeplake.load(f"{url}@side")) == [1, 2, 3]
    assert values(deeplake.load(f"{url}@later")) == [1, 2, 3, 4]
    with pytest.raises(CheckoutError):
        numbers.create_branch("side")


def test_create_branch_at_a_past_commit(numbers: Dataset, url: str) -> None:
    first = numbers.commit_id
    assert first is not None
    numbers.x.append(4)
    numbers.commit("two")
    numbers.checkout(first)
    numbers.create_branch("side")
    assert (numbers.commit_id, numbers.is_head_node) == (first, False)
    assert values(deeplake.load(f"{url}@side")) == [1, 2, 3]


def test_a_branch_is_one_small_object(local: Dataset) -> None:
    with local:
        local.create_tensor("x")
        local.x.extend(list(range(50_000)))
    local.commit()
    before = local.size_approx()
    local.create_branch("side")
    assert local.size_approx() - before < 2_000
    local.create_tag("v1")
    assert local.size_approx() - before < 4_000


def test_delete_branch(numbers: Dataset, url: str) -> None:
    branch(numbers, "side", 4)
    numbers.delete_branch("side")
    assert numbers.branches == ["main"]
    with pytest.raises(CheckoutError):
        deeplake.load(f"{url}@side")
    branch(numbers, "side", 5)
    numbers.checkout("side")
    assert values(numbers) == [1, 2, 3, 5]


def test_branches_that_cannot_be_deleted(numbers: Dataset) -> None:
    branch(numbers, "side", 4)
    numbers.checkout("side")
    numbers.checkout("inner", create=True)
    with pytest.raises(VersionControlError, match="main"):
        numbers.delete_branch("main")
    with pytest.raises(VersionControlError, match="checked out"):
        numbers.delete_branch("inner")
    with pytest.raises(VersionControlError, match="no branch 'other'"):
        numbers.delete_branch("other")
    with pytest.raises(VersionControlError, match="'inner' grew from it"):
        numbers.delete_branch("side")
    numbers.checkout("main")
    numbers.delete_branch("inner")
    numbers.delete_branch("side")
    assert numbers.branches == ["main"]


def test_a_branch_that_was_merged_can_be_deleted(numbers: Dataset, url: str) -> None:
    commit = branch(numbers, "side", 4, 5)
    numbers.x.append(6)
    numbers.commit("two")
    numbers.merge("side")
    numbers.delete_branch("side")
    for ds in (numbers, deeplake.load(url)):
        assert sorted(values(ds)) == [1, 2, 3, 4, 5, 6]
        assert ds.get_commit_details(commit)["message"] == "side"
    assert values(deeplake.load(f"{url}@{commit}")) == [1, 2, 3, 4, 5]
    branch(numbers, "again", 7)
    numbers.merge("again")
    assert 7 in values(numbers)


def test_a_tag_or_view_keeps_what_a_deleted_branch_had(numbers: Dataset, url: str) -> None:
    commit = branch(numbers, "side", 4)
    numbers.create_tag("v1", "side")
    numbers.checkout("side")
    numbers[3].save_view(id="four", verbose=False)
    numbers.checkout("main")
    numbers.delete_branch("side")
    assert values(deeplake.load(f"{url}@v1")) == [1, 2, 3, 4]
    assert numbers.tags == {"v1": commit}
    assert values(numbers.load_view("four")) == [4]


def test_rename_branch(numbers: Dataset, url: str) -> None:
    branch(numbers, "side", 4)
    numbers.rename_branch("side", "other")
    assert numbers.branches == ["main", "other"]
    assert values(deeplake.load(f"{url}@other")) == [1, 2, 3, 4]
    numbers.checkout("other")
    numbers.x.append(5)
    numbers.rename_branch("other", "third")
    assert numbers.branch == "third"
    assert numbers.has_head_changes
    numbers.x.append(6)
    assert values(deeplake.load(f"{url}@third")) == [1, 2, 3, 4, 5, 6]
    numbers.commit("on the third")
    assert [c["message"] for c in numbers.commits] == ["on the third", "side", "one"]


def _meanwhile(patch: pytest.MonkeyPatch, do: Callable[[], Any], times: int = 1) -> None:
    """Another writer is at work at the moment when a branch is removed."""
    delete, left = Repository.delete_ref, iter(range(times))

    def busy(self: Repository, ref: Any, version: str) -> None:
        if next(left, None) is not None:
            do()
        delete(self, ref, version)

    patch.setattr(Repository, "delete_ref", busy)


def test_what_is_written_while_a_branch_is_renamed_moves_along(
    numbers: Dataset, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch(numbers, "side", 4)
    other = deeplake.load(f"{url}@side")
    _meanwhile(monkeypatch, lambda: other.x.append(5), times=3)
    numbers.rename_branch("side", "new")
    assert numbers.branches == ["main", "new"]
    assert values(deeplake.load(f"{url}@new")) == [1, 2, 3, 4, 5, 5, 5]
    with pytest.raises(ConflictError, match="deleted or renamed"):
        other.x.append(6)


def test_a_branch_is_renamed_while_both_are_written(
    numbers: Dataset, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch(numbers, "side", 4)
    other = deeplake.load(f"{url}@side")

    def both() -> None:
        other.x.append(5)
        deeplake.load(f"{url}@new").x.append(6)

    _meanwhile(monkeypatch, both)
    with pytest.raises(ConflictError, match="both are kept"):
        numbers.rename_branch("side", "new")
    assert values(deeplake.load(f"{url}@side")) == [1, 2, 3, 4, 5]
    assert values(deeplake.load(f"{url}@new")) == [1, 2, 3, 4, 6]


def test_a_branch_that_is_written_is_not_deleted(
    numbers: Dataset, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch(numbers, "side", 4)
    numbers.checkout("main")
    other = deeplake.load(f"{url}@side")
    _meanwhile(monkeypatch, lambda: other.x.append(5))
    with pytest.raises(ConflictError, match="moved by another writer"):
        numbers.delete_branch("side")
    assert values(deeplake.load(f"{url}@side")) == [1, 2, 3, 4, 5]
    numbers.delete_branch("side")
    assert numbers.branches == ["main"]


def test_a_branch_whose_end_was_cut_short(
    numbers: Dataset, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is retired and still there: it can be read, and be deleted."""
    branch(numbers, "side", 4)
    numbers.checkout("main")
    other = deeplake.load(f"{url}@side")
    with monkeypatch.context() as patch:
        patch.setattr(type(numbers._checkout.repository.store), "delete", lambda self, keys: None)
        numbers.delete_branch("side")
    assert values(deeplake.load(f"{url}@side")) == [1, 2, 3, 4]
    with pytest.raises(ReadOnlyModeError, match="being deleted or renamed"):
        deeplake.load(f"{url}@side").x.append(5)
    with pytest.raises(VersionControlError, match="already"):
        numbers.rename_branch("side", "new")
    with pytest.raises(ConflictError) as caught:
        other.x.append(5)
    assert "work is kept as" in str(caught.value)
    numbers.delete_branch("side")
    assert "side" not in numbers.branches


def test_branches_that_cannot_be_renamed(numbers: Dataset) -> None:
    branch(numbers, "side", 4)
    with pytest.raises(VersionControlError, match="main"):
        numbers.rename_branch("main", "x")
    with pytest.raises(VersionControlError, match="no branch"):
        numbers.rename_branch("other", "x")
    for taken in ("main", "side", numbers.commit_id):
        with pytest.raises(CheckoutError):
            numbers.rename_branch("side", taken)
    with pytest.raises(InvalidOperationError):
        numbers[0:1].rename_branch("side", "x")
    assert numbers.branches == ["main", "side"]
