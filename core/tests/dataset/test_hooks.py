"""Every hook is called where its event happens, and a veto changes nothing: commits of all kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import plugins
from deeplake.errors import CommitError, PluginError
from deeplake.plugins.hooking import NAMES
from deeplake.spi import Store, hookimpl


class Told:
    """Writes down every call, and refuses commits where a test says so."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.refused = False

    def names(self) -> list[str]:
        return [name.removeprefix("deeplake_") for name, _ in self.calls]

    @hookimpl
    def deeplake_wrap_store(self, store: Store, url: str) -> None:
        self.calls.append(("deeplake_wrap_store", url))

    @hookimpl
    def deeplake_dataset_opened(self, dataset: Any) -> None:
        self.calls.append(("deeplake_dataset_opened", dataset.path))

    @hookimpl
    def deeplake_before_commit(self, dataset: Any, message: str | None) -> None:
        self.calls.append(("deeplake_before_commit", (message, len(dataset), dataset.branch)))
        if self.refused:
            raise CommitError("not now")

    @hookimpl
    def deeplake_committed(self, dataset: Any, commit_id: str) -> None:
        assert dataset.commit_id == commit_id or len(dataset.branches) > 1
        self.calls.append(("deeplake_committed", commit_id))

    @hookimpl
    def deeplake_epoch_started(self, loader: Any, epoch: int) -> None:
        self.calls.append(("deeplake_epoch_started", epoch))

    @hookimpl
    def deeplake_epoch_finished(self, loader: Any, epoch: int) -> None:
        self.calls.append(("deeplake_epoch_finished", epoch))


@pytest.fixture
def told() -> Iterator[Told]:
    provider = Told()
    plugins.register_hooks(provider)
    yield provider
    plugins.unregister_hooks(provider)


@pytest.fixture
def ds(tmp_path: Path, told: Told) -> deeplake.Dataset:
    made = deeplake.empty(tmp_path / "ds")
    made.create_tensor("x").extend(np.arange(4))
    made.commit("four")
    told.calls.clear()
    return made


def test_all_of_them_in_a_datasets_life(tmp_path: Path, told: Told) -> None:
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("x").extend(np.arange(4))
    commit = ds.commit("four")
    list(ds.dataloader().batch(2).numpy())
    deeplake.load(tmp_path / "ds")
    assert {f"deeplake_{name}" for name in told.names()} == set(NAMES)
    assert dict(told.calls)["deeplake_committed"] == commit
    assert ("deeplake_before_commit", ("four", 4, "main")) in told.calls
    assert told.names().count("dataset_opened") == 2


def diverged(ds: deeplake.Dataset) -> None:
    """A branch with a row more, and a changed value on main."""
    ds.checkout("side", create=True)
    ds.x.append(9)
    ds.commit("a row")
    ds.checkout("main")
    ds.x[0] = 7
    ds.commit("a value")


def test_a_merge_is_a_commit(ds: deeplake.Dataset, told: Told) -> None:
    diverged(ds)
    told.calls.clear()
    ds.merge("side")
    assert told.names() == ["before_commit", "committed"]
    message, rows, branch = told.calls[0][1]
    assert message.startswith("Merge ")
    assert (rows, branch) == (5, "main"), "the hook sees what would be committed"
    assert told.calls[1][1] == ds.commit_id


def test_a_veto_of_a_merge_takes_it_back(ds: deeplake.Dataset, told: Told) -> None:
    diverged(ds)
    before = (ds.commit_id, ds.x.numpy().ravel().tolist())
    told.refused = True
    with pytest.raises(CommitError, match="not now"):
        ds.merge("side")
    assert (ds.commit_id, ds.x.numpy().ravel().tolist()) == before
    assert not ds.has_head_changes
    assert deeplake.load(ds.path).x.numpy().ravel().tolist() == before[1]
    told.refused = False
    ds.merge("side")
    assert ds.x.numpy().ravel().tolist() == [7, 1, 2, 3, 9]


@pytest.mark.parametrize("how", ["checkout", "create_branch"])
def test_what_a_new_branch_commits_is_told(ds: deeplake.Dataset, told: Told, how: str) -> None:
    ds.x.append(5)
    told.refused = True
    call = ds.create_branch if how == "create_branch" else lambda n: ds.checkout(n, create=True)
    with pytest.raises(CommitError, match="not now"):
        call("side")
    assert ds.branches == ["main"]
    assert ds.has_head_changes
    told.refused = False
    told.calls.clear()
    call("side")
    assert told.names() == ["before_commit", "committed"]
    assert told.calls[0][1][0] == "auto commit before checkout to side"


def test_what_a_merge_commits_on_the_other_branch_is_told(ds: deeplake.Dataset, told: Told) -> None:
    ds.checkout("side", create=True)
    ds.x.append(9)
    ds.flush()
    ds.checkout("main")
    told.calls.clear()
    told.refused = True
    with pytest.raises(CommitError, match="not now"):
        ds.merge("side")
    assert len(ds) == 4
    told.refused = False
    told.calls.clear()
    ds.merge("side")
    assert told.names() == ["before_commit", "committed"] * 2
    assert told.calls[0][1][0] == "auto commit before merging into main"


def test_a_veto_of_a_commit_leaves_the_changes(ds: deeplake.Dataset, told: Told) -> None:
    ds.x.append(5)
    told.refused = True
    with pytest.raises(CommitError) as refused:
        ds.commit("five")
    assert "deeplake_before_commit of" in refused.value.__notes__[0]
    assert ds.has_head_changes
    assert len(ds.commits) == 1
    assert len(deeplake.load(ds.path)) == 5, "what was flushed stays"


def test_a_hook_that_fails_afterwards_does_not_undo_the_commit(ds: deeplake.Dataset) -> None:
    class Broken:
        @hookimpl
        def deeplake_committed(self, dataset: Any, commit_id: str) -> None:
            raise KeyError("ledger")

    ds.x.append(5)
    plugins.register_hooks(Broken, name="broken")
    try:
        with pytest.raises(PluginError, match="deeplake_committed of .*Broken.* raised KeyError"):
            ds.commit("five")
    finally:
        plugins.unregister_hooks("broken")
    assert len(ds.commits) == 2
    assert not ds.has_head_changes


def test_an_epoch_that_is_left_is_not_finished(ds: deeplake.Dataset, told: Told) -> None:
    loader = ds.dataloader().batch(2).numpy()
    for _ in loader:
        break
    loader.close()
    assert told.names() == ["epoch_started"]
    list(loader)
    assert told.names() == ["epoch_started", "epoch_started", "epoch_finished"]
