"""The suite of hooks passes on providers of each shape, and finds the faults of twins."""

from __future__ import annotations

import itertools
import types
from pathlib import Path
from typing import Any

import pytest

import deeplake
from deeplake.errors import CommitError, DeepLakeError
from deeplake.spi import Store, hookimpl
from deeplake.testing.contract import perform
from deeplake.testing.hooks import HookContract
from deeplake.testing.stores import RecordingStore
from deeplake.types import ByteRange

ALL = (
    "deeplake_wrap_store", "deeplake_dataset_opened", "deeplake_before_commit",
    "deeplake_committed", "deeplake_epoch_started", "deeplake_epoch_finished",
)  # fmt: skip


class Ledger:
    """Writes down what happens, and refuses commits whose message says so."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    @hookimpl
    def deeplake_wrap_store(self, store: Store, url: str) -> Store | None:
        self.events.append(("deeplake_wrap_store", None))
        return RecordingStore(store)

    @hookimpl
    def deeplake_dataset_opened(self, dataset: Any) -> None:
        self.events.append(("deeplake_dataset_opened", None))

    @hookimpl
    def deeplake_before_commit(self, dataset: Any, message: str | None) -> None:
        if message == "secret":
            raise CommitError("secrets are not committed")
        self.events.append(("deeplake_before_commit", message))

    @hookimpl
    def deeplake_committed(self, dataset: Any, commit_id: str) -> None:
        self.events.append(("deeplake_committed", commit_id))

    @hookimpl
    def deeplake_epoch_started(self, loader: Any, epoch: int) -> None:
        self.events.append(("deeplake_epoch_started", epoch))

    @hookimpl
    def deeplake_epoch_finished(self, loader: Any, epoch: int) -> None:
        self.events.append(("deeplake_epoch_finished", epoch))


class LedgerSuite(HookContract):
    provider = Ledger
    implements = ALL
    supports_veto = True

    def seen(self, provider: Any) -> list[tuple[str, Any]] | None:
        return list(provider.events)

    def spoil(self, dataset: deeplake.Dataset) -> str:
        dataset.x.append(666)
        return "secret"


class TestLedger(LedgerSuite):
    pass


@hookimpl
def deeplake_committed(dataset: Any, commit_id: str) -> None:
    assert dataset.commit_id == commit_id


MODULE = types.ModuleType("provider_of_hooks", "A module is a provider too.")
MODULE.deeplake_committed = deeplake_committed  # type: ignore[attr-defined]


class TestModule(HookContract):
    provider = MODULE
    implements = ("deeplake_committed",)


class TestObject(HookContract):
    provider = types.SimpleNamespace(deeplake_committed=deeplake_committed)
    implements = ("deeplake_committed",)


# --------------------------------------------------------------------------- broken twins
class Unmarked(Ledger):
    def deeplake_committed(self, dataset: Any, commit_id: str) -> None: ...


class Misspelt(Ledger):
    @hookimpl
    def deeplake_comitted(self, dataset: Any, commit_id: str) -> None: ...


class Renamed(Ledger):
    @hookimpl
    def deeplake_committed(self, dataset: Any, commit: str) -> None:  # type: ignore[override]
        ...


class Exclusive(Ledger):
    """Can be made once."""

    made = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        if next(self.made):
            raise RuntimeError("made already")


class Meddling(Ledger):
    """Adds a row to what is opened."""

    @hookimpl
    def deeplake_dataset_opened(self, dataset: Any) -> None:
        super().deeplake_dataset_opened(dataset)
        if "x" in dataset.tensors and not dataset.read_only:
            dataset.x.append(0)


class Fussy(Ledger):
    """Refuses every merge."""

    @hookimpl
    def deeplake_before_commit(self, dataset: Any, message: str | None) -> None:
        if str(message).startswith("Merge"):
            raise CommitError("no merges")


class Early(Ledger):
    """Writes a commit down before it is made."""

    @hookimpl
    def deeplake_before_commit(self, dataset: Any, message: str | None) -> None:
        self.events.append(("deeplake_committed", dataset.pending_commit_id))
        super().deeplake_before_commit(dataset, message)

    @hookimpl
    def deeplake_committed(self, dataset: Any, commit_id: str) -> None: ...


class Doubled(Ledger):
    @hookimpl
    def deeplake_epoch_started(self, loader: Any, epoch: int) -> None:
        self.events += [("deeplake_epoch_started", epoch)] * 2


class FromOne(Ledger):
    """Counts epochs from 1."""

    @hookimpl
    def deeplake_epoch_finished(self, loader: Any, epoch: int) -> None:
        self.events.append(("deeplake_epoch_finished", epoch + 1))


class WritesAlways(Ledger):
    """Takes every dataset for one that can be changed."""

    @hookimpl
    def deeplake_dataset_opened(self, dataset: Any) -> None:
        super().deeplake_dataset_opened(dataset)
        dataset.info["opened"] = True


class OneDataset(Ledger):
    """Remembers the dataset that was opened last, and takes it for the one that is committed."""

    current: Any = None

    @hookimpl
    def deeplake_dataset_opened(self, dataset: Any) -> None:
        if self.current is not None and self.current.path != dataset.path:
            raise CommitError("one dataset at a time")
        self.current = dataset


class Chatty(Ledger):
    @hookimpl
    def deeplake_committed(self, dataset: Any, commit_id: str) -> Any:
        return commit_id


class Toothless(Ledger):
    """Objects without raising anything."""

    @hookimpl
    def deeplake_before_commit(self, dataset: Any, message: str | None) -> None:
        self.events.append(("deeplake_before_commit", message))


class Silent(Ledger):
    """A veto that does not say why."""

    @hookimpl
    def deeplake_before_commit(self, dataset: Any, message: str | None) -> None:
        if message == "secret":
            raise CommitError


class Resetting(Ledger):
    """Throws away what it refuses."""

    @hookimpl
    def deeplake_before_commit(self, dataset: Any, message: str | None) -> None:
        if message == "secret":
            dataset.reset()
        super().deeplake_before_commit(dataset, message)


class Shifting(RecordingStore):
    """Reads ranges one byte late."""

    def get(self, key: str, byte_range: ByteRange | None = None) -> Any:
        if byte_range is not None and byte_range[0] == 10:
            byte_range = (byte_range[0] + 1, byte_range[1] + 1)
        return super().get(key, byte_range)


class WrapsBadly(Ledger):
    @hookimpl
    def deeplake_wrap_store(self, store: Store, url: str) -> Store | None:
        return Shifting(store)


class Discarding(RecordingStore):
    """Keeps objects in memory, and none in the store below."""

    def put(self, key: str, data: Any, **conditions: Any) -> str:
        version = super().put(key, data, **conditions)
        if key == "a/b":
            self.inner.delete([key])
        return version


class WrapsLossily(Ledger):
    @hookimpl
    def deeplake_wrap_store(self, store: Store, url: str) -> Store | None:
        return Discarding(store)


class Glued(RecordingStore):
    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("it cannot be pickled")


class WrapsGlued(Ledger):
    @hookimpl
    def deeplake_wrap_store(self, store: Store, url: str) -> Store | None:
        return Glued(store)


class WrapsWithWords(Ledger):
    @hookimpl
    def deeplake_wrap_store(self, store: Store, url: str) -> Any:
        return url


FAULTS: dict[type[Ledger], str] = {
    Misspelt: "test_has_the_hooks_that_it_says",
    Unmarked: "test_takes_arguments_of_its_hooks_by_their_names",
    Renamed: "test_takes_arguments_of_its_hooks_by_their_names",
    Exclusive: "test_can_be_registered_again",
    Meddling: "test_a_dataset_works_as_without_it",
    Fussy: "test_a_dataset_works_as_without_it",
    Early: "test_is_told_everything_once_and_in_order",
    Doubled: "test_is_told_everything_once_and_in_order",
    FromOne: "test_is_told_everything_once_and_in_order",
    WritesAlways: "test_readers_and_views",
    OneDataset: "test_several_datasets_in_several_threads",
    Chatty: "test_hooks_that_are_told_return_nothing",
    Toothless: "test_a_veto_stops_a_commit_and_changes_nothing",
    Silent: "test_a_veto_stops_a_commit_and_changes_nothing",
    Resetting: "test_a_veto_stops_a_commit_and_changes_nothing",
    WrapsBadly: "test_a_wrapped_store_keeps_every_promise",
    WrapsLossily: "test_a_wrapped_store_keeps_every_promise",
    WrapsGlued: "test_a_wrapped_store_keeps_every_promise",
    WrapsWithWords: "test_a_wrapped_store_keeps_every_promise",
}
"""Twin -> the test that finds its fault."""


@pytest.mark.parametrize(("twin", "name"), FAULTS.items(), ids=lambda v: getattr(v, "__name__", v))
def test_a_twin_with_a_fault_is_found(twin: type[Ledger], name: str, tmp_path: Path) -> None:
    suite = type("Suite", (LedgerSuite,), {"provider": twin})()
    with pytest.raises(
        (AssertionError, DeepLakeError, RuntimeError, TypeError, pytest.fail.Exception)
    ):
        perform(suite, name, tmp_path=tmp_path)


def test_every_test_finds_a_fault() -> None:
    rest = {"test_import_is_cheap", "test_no_test_of_the_suite_is_missing"}
    names = {name for name in dir(HookContract) if name.startswith("test_")}
    assert names - rest == set(FAULTS.values())


def test_heavy_imports_are_found() -> None:
    suite = type("Suite", (LedgerSuite,), {"heavy": ("pytest",)})()
    with pytest.raises(AssertionError, match="loads"):
        suite.test_import_is_cheap()
