"""Commits, their order and their ids; what the history says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import deeplake
from deeplake import Dataset, plugins
from deeplake.errors import (
    EmptyCommitError,
    InvalidOperationError,
    InvalidViewException,
    PluginError,
    ReadOnlyModeError,
)

ID = re.compile(r"[0-9a-f]{40}")


@pytest.fixture
def numbers(ds: Dataset) -> Dataset:
    ds.create_tensor("x")
    ds.x.extend([1, 2, 3])
    return ds


def test_a_new_dataset_has_changes_and_no_commit(ds: Dataset) -> None:
    assert ds.has_head_changes
    assert ds.commit_id is None
    assert ds.commits == []
    assert ds.branch == "main"
    assert ds.branches == ["main"]
    assert ds.is_head_node
    assert ID.fullmatch(ds.pending_commit_id)


def test_the_first_commit_may_be_of_nothing(ds: Dataset) -> None:
    commit = ds.commit("nothing yet")
    assert ds.commit_id == commit
    assert not ds.has_head_changes


def test_the_pending_id_becomes_the_commits_id(numbers: Dataset) -> None:
    ids = []
    for value in range(3):
        pending = numbers.pending_commit_id
        numbers.x.append(value)
        assert numbers.pending_commit_id == pending
        ids.append(numbers.commit())
        assert ids[-1] == pending == numbers.commit_id
    assert len({*ids, numbers.pending_commit_id}) == 4
    assert all(ID.fullmatch(commit) for commit in ids)


def test_a_commit_needs_a_change(numbers: Dataset) -> None:
    first = numbers.commit("one")
    with pytest.raises(EmptyCommitError, match="allow_empty=True"):
        numbers.commit("two")
    assert numbers.commit_id == first
    second = numbers.commit("two", allow_empty=True)
    assert [commit["message"] for commit in numbers.commits] == ["two", "one"]
    assert second != first
    assert not numbers.has_head_changes


@pytest.mark.parametrize(
    "change",
    [
        lambda ds: ds.x.append(4),
        lambda ds: ds.x.pop(0),
        lambda ds: ds.pop(1),
        lambda ds: ds.info.update(a=1),
        lambda ds: ds.x.info.update(a=1),
        lambda ds: ds.create_tensor("y"),
        lambda ds: ds.create_group("g"),
        lambda ds: ds.rename_tensor("x", "z"),
        lambda ds: ds.delete_tensor("x"),
        lambda ds: ds.x.__setitem__(0, 9),
        lambda ds: setattr(ds, "allow_delete", False),
    ],
)
def test_every_change_is_one(numbers: Dataset, change: object) -> None:
    numbers.commit()
    assert not numbers.has_head_changes
    change(numbers)  # type: ignore[operator]
    assert numbers.has_head_changes
    numbers.commit()
    assert not numbers.has_head_changes


def test_commits_are_listed_newest_first(numbers: Dataset) -> None:
    first = numbers.commit("one")
    numbers.x.append(4)
    second = numbers.commit()
    newest, oldest = numbers.commits
    assert newest.keys() == {"commit", "author", "time", "message"}
    assert (newest["commit"], newest["message"]) == (second, None)
    assert (oldest["commit"], oldest["message"]) == (first, "one")
    assert newest["author"] == "public"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", newest["time"])
    assert numbers.get_commit_details(first) == oldest
    assert numbers.get_commit_details(second) == newest


def test_details_of_what_is_no_commit(numbers: Dataset) -> None:
    for unknown in ("abc", "main", "0" * 40, numbers.pending_commit_id, ""):
        with pytest.raises(KeyError):
            numbers.get_commit_details(unknown)


def test_log(numbers: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    first = numbers.commit("one")
    time = numbers.commits[0]["time"]
    numbers.log()
    assert capsys.readouterr().out == (
        "---------------\nDeep Lake Version Log\n---------------\n\nCurrent Branch: main\n\n"
        f"Commit : {first} (main)\nAuthor : public\nTime   : {time}\nMessage: one\n"
    )
    numbers.x.append(1)
    numbers.log()
    out = capsys.readouterr().out
    assert "Current Branch: main\n** There are uncommitted changes on this branch.\n" in out
    numbers.checkout("side", create=True)
    numbers.log()
    out = capsys.readouterr().out
    assert "Current Branch: side\n" in out
    assert out.index("auto commit before checkout to side") < out.index("Message: one")


def test_what_is_not_committed_is_durable(url: str) -> None:
    ds = deeplake.empty(url)
    ds.create_tensor("x")
    ds.commit("empty")
    ds.x.append(1)
    again = deeplake.load(url)
    assert again.has_head_changes
    assert again.pending_commit_id == ds.pending_commit_id
    assert again.x.numpy().tolist() == [[1]]


def test_old_commits_stay_as_they_were(url: str) -> None:
    ds = deeplake.empty(url)
    ds.create_tensor("x")
    states = {}
    for step in range(6):
        ds.x.append(step)
        if step % 2:
            ds.x[0] = 10 * step
        if step == 4:
            ds.pop(2)
        states[ds.commit(str(step))] = ds.x.numpy().tolist()
    ds.rename_tensor("x", "y")
    ds.commit("renamed")
    for commit, state in states.items():
        assert deeplake.load(f"{url}@{commit}").x.numpy().tolist() == state


def test_read_only(url: str) -> None:
    ds = deeplake.empty(url)
    ds.create_tensor("x")
    reader = deeplake.load(url, read_only=True)
    with pytest.raises(ReadOnlyModeError):
        reader.commit()
    assert ds.commit_id is None


def test_views_cannot_commit(numbers: Dataset) -> None:
    with pytest.raises(InvalidOperationError, match="commit"):
        numbers[0:2].commit()


# --------------------------------------------------------------------------- views of commits
def test_a_view_shows_the_commit_that_was_made_after_it_was_taken(numbers: Dataset) -> None:
    view, row = numbers[1:], numbers[0]
    numbers.commit()
    assert view.x.numpy().tolist() == [[2], [3]]
    numbers.x[1] = 20
    numbers.x.append(4)
    numbers.pop(0)
    assert view.x.numpy().tolist() == [[2], [3]]
    assert row.x.numpy().tolist() == [1]
    assert view[0].x.numpy().tolist() == [2]
    assert len(view) == 2
    numbers.checkout("side", create=True)
    assert view.x.numpy().tolist() == [[2], [3]]
    with pytest.raises(ReadOnlyModeError):
        view.x[0] = 5


def test_a_view_taken_after_the_commit_follows_the_head(numbers: Dataset) -> None:
    numbers.commit()
    view = numbers[1:]
    numbers.x.append(4)
    with pytest.raises(InvalidViewException, match="take it again"):
        view.x.numpy()
    with pytest.raises(InvalidViewException):
        len(view)


def test_writing_through_a_view_after_a_commit(numbers: Dataset) -> None:
    row = numbers[1]
    numbers.commit()
    row.x = 5
    assert row.x.numpy().tolist() == [5]
    assert numbers.x.numpy().tolist() == [[1], [5], [3]]


def test_a_checkout_ends_views(numbers: Dataset) -> None:
    numbers.commit()
    numbers.checkout("side", create=True)
    view = numbers[0:1]
    numbers.checkout("main")
    with pytest.raises(InvalidViewException):
        view.x.numpy()


# --------------------------------------------------------------------------- hooks
class Hooks:
    """Remembers commits, and refuses one."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, object]] = []

    @deeplake.spi.hookimpl
    def deeplake_before_commit(self, dataset: Dataset, message: str | None) -> None:
        if message == "forbidden":
            raise PermissionError("no")
        self.seen.append(("before", message))

    @deeplake.spi.hookimpl
    def deeplake_committed(self, dataset: Dataset, commit_id: str) -> None:
        self.seen.append(("after", commit_id))


def test_hooks_see_commits_and_may_refuse_them(numbers: Dataset) -> None:
    hooks = Hooks()
    plugins.register_hooks(hooks)
    try:
        commit = numbers.commit("fine")
        numbers.x.append(4)
        with pytest.raises(PluginError, match="PermissionError: no"):
            numbers.commit("forbidden")
    finally:
        plugins.unregister_hooks(hooks)
    assert hooks.seen == [("before", "fine"), ("after", commit)]
    assert numbers.commit_id == commit
    assert numbers.has_head_changes


# --------------------------------------------------------------------------- ids of rows
def test_a_row_that_was_popped_and_appended_again_is_another_row(ds: Dataset) -> None:
    with ds:
        ds.create_tensor("x")
        ds.create_tensor("y")
        ds.x.extend(np.arange(4))
        ds.y.extend(np.arange(4))
    ds.commit()
    ds.x.pop(3)
    ds.x.append(30)
    # Not "nothing changed", which the same id and edit would mean.
    assert ds.diff(as_dict=True)["tensor"][0]["x"]["data_updated"] == {3}


def test_a_tensor_that_lost_rows_of_its_own_gets_no_row_twice(ds: Dataset) -> None:
    with ds:
        ds.create_tensor("x")
        ds.create_tensor("y")
        ds.x.extend(np.arange(4))
        ds.y.extend(np.arange(4))
    ds.commit()
    ds.x.pop(1)
    ds.x.append(40)
    ds.commit()
    ds.x[3] = 41
    change = ds.diff(as_dict=True)["tensor"][0]["x"]
    assert (change["data_updated"], change["data_deleted"]) == ({3}, set())
    ds.x.pop(2)
    assert ds.x.numpy().ravel().tolist() == [0, 2, 41]
    change = ds.diff(as_dict=True)["tensor"][0]["x"]
    assert (change["data_updated"], change["data_deleted"]) == ({2}, {2})


def test_commits_of_many_tensors_and_rows_survive(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "ds")
    with ds:
        for k in range(20):
            ds.create_tensor(f"t{k}", dtype="int32")
            ds[f"t{k}"].extend(np.full(100, k, "int32"))
    first = ds.commit("wide")
    with ds:
        ds.t3[10:20] = np.zeros(10, "int32")
        ds.pop([0, 50])
    ds.commit("narrow")
    assert deeplake.load(f"{tmp_path / 'ds'}@{first}").t3.numpy().sum() == 300
    assert ds.t3.numpy().sum() == 3 * 88
