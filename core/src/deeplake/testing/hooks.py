"""Contract suite of providers of hooks.

A provider's tests derive from it, name the provider, and say which hooks it has::

    class TestAudit(HookContract):
        provider = Audit
        implements = ("deeplake_committed",)

        def seen(self, provider):
            return provider.events

``seen`` is the back door: what the provider says it was told, compared with what happened. pytest then
runs every test below. Needs pytest.
"""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import pytest

import deeplake
from deeplake import plugins
from deeplake.errors import DeepLakeError
from deeplake.plugins.hooking import NAMES
from deeplake.spi import Hooks, Store
from deeplake.testing.contract import Contract, imports

NAME = "hook-contract"


class HookContract(Contract):
    """Suite for a provider of hooks: a class, an object or a module.

    Attributes:
        provider: What the entry point names.
        implements: All hooks that it has.
        supports_veto: It refuses some commits; ``spoil`` makes one of them.
        supports_pickling: A store that it wraps can be pickled if the store itself can.
        heavy: Modules that importing the provider's module must not load.
    """

    provider: ClassVar[Any]
    implements: ClassVar[Sequence[str]]
    supports_veto: ClassVar[bool] = False
    supports_pickling: ClassVar[bool] = True
    heavy: ClassVar[tuple[str, ...]] = ()

    # ------------------------------------------------------------------ what the subclass knows
    def message(self) -> str:
        """The message of a commit that it lets through."""
        return "a commit"

    def fill(self, dataset: deeplake.Dataset) -> None:
        """Put rows into an empty dataset that may be committed."""
        dataset.create_tensor("x").extend([1, 2, 3, 4])

    def spoil(self, dataset: deeplake.Dataset) -> str:
        """Change the dataset so that a commit is refused; returns the message of that commit."""
        raise NotImplementedError("supports_veto says that there are commits to be refused")

    def seen(self, provider: Any) -> list[tuple[str, Any]] | None:
        """What it was told: names of hooks with what was special about each.

        That is the id of ``deeplake_committed``, the message of ``deeplake_before_commit``, the epoch
        of ``deeplake_epoch_…``, and None of the others. None: it does not remember.
        """
        return None

    # ------------------------------------------------------------------ the provider
    def _made(self) -> Any:
        provider: Any = self.provider
        return provider() if isinstance(provider, type) else provider

    @contextmanager
    def _registered(self) -> Iterator[Any]:
        provider = self._made()
        plugins.register_hooks(provider, name=NAME)
        try:
            yield provider
        finally:
            plugins.unregister_hooks(NAME)

    def _installed(self) -> bool:
        """Whether it is called in this process without being registered."""
        name = getattr(self.provider, "__module__", "")
        return any(
            info.kind == "hooks" and info.entry_point.partition(":")[0] == name
            for info in plugins.available()
            if info.source == "installed" and info.status != "disabled"
        )

    def test_has_the_hooks_that_it_says(self) -> None:
        provider = self._made()
        found = {name for name in dir(provider) if name.startswith("deeplake_")}
        assert found == set(self.implements)
        assert found, "without a hook there is nothing to call"
        assert found <= set(NAMES), f"no such hooks: {found - set(NAMES)}"

    def test_takes_arguments_of_its_hooks_by_their_names(self) -> None:
        provider = self._made()
        for name in self.implements:
            known = set(inspect.signature(getattr(Hooks, name)).parameters) - {"self"}
            taken = set(inspect.signature(getattr(provider, name)).parameters)
            assert taken <= known, f"{name} has no arguments {taken - known}"
        with self._registered():
            """Whatever pluggy finds wrong is raised here."""

    def test_import_is_cheap(self) -> None:
        provider: Any = self.provider
        module = inspect.getmodule(provider if inspect.isclass(provider) else type(provider))
        module = provider if inspect.ismodule(provider) else module
        if self.heavy and module is not None:
            heavy = imports(module.__name__).intersection(self.heavy)
            assert not heavy, f"importing {module.__name__} loads {sorted(heavy)}"

    def test_can_be_registered_again(self) -> None:
        for _ in range(2):
            with self._registered():
                self._life("mem://hook-contract")

    # ------------------------------------------------------------------ a dataset's life
    def test_a_dataset_works_as_without_it(self, tmp_path: Path) -> None:
        expected = self._life(tmp_path / "without")
        with self._registered():
            assert self._life(tmp_path / "with") == expected
        # What was written with it is read without it, and the other way round.
        assert self._rows(deeplake.load(tmp_path / "with")) == expected["rows"]
        with self._registered():
            assert self._rows(deeplake.load(tmp_path / "without")) == expected["rows"]

    def test_is_told_everything_once_and_in_order(self, tmp_path: Path) -> None:
        with self._registered() as provider:
            if self.seen(provider) is None:
                return
            before = len(self.seen(provider) or ())
            ds = deeplake.empty(tmp_path / "ds")
            self.fill(ds)
            first = ds.commit(self.message())
            ds.checkout("side", create=True)
            self.fill_more(ds)
            second = ds.commit(self.message())
            ds.checkout("main")
            ds.merge("side")
            third = ds.commit_id
            loader = ds.dataloader().batch(2).numpy()
            list(loader)
            list(loader)
            told = (self.seen(provider) or [])[before:]
        names = [name for name, _ in told]
        expected: list[tuple[str, Any]] = [
            ("deeplake_dataset_opened", None),
            ("deeplake_before_commit", self.message()), ("deeplake_committed", first),
            ("deeplake_before_commit", self.message()), ("deeplake_committed", second),
            ("deeplake_before_commit", f"Merge {second} into main"), ("deeplake_committed", third),
            ("deeplake_epoch_started", 0), ("deeplake_epoch_finished", 0),
            ("deeplake_epoch_started", 1), ("deeplake_epoch_finished", 1),
        ]  # fmt: skip
        mine = [event for event in expected if event[0] in self.implements]
        assert [event for event in told if event[0] != "deeplake_wrap_store"] == mine
        if "deeplake_wrap_store" in self.implements:
            assert "deeplake_wrap_store" in names

    def test_readers_and_views(self, tmp_path: Path) -> None:
        expected = self._life(tmp_path / "ds")
        with self._registered():
            ds = deeplake.load(tmp_path / "ds", read_only=True)
            assert self._rows(ds) == expected["rows"]
            assert self._rows(ds[::2]) == expected["rows"][::2]
            batches = list(ds[:2].dataloader().batch(2).numpy())
            assert sum(len(batch) for batch in batches) == 2
            assert pickle.loads(pickle.dumps(ds)).commit_id == ds.commit_id

    def test_several_datasets_in_several_threads(self, tmp_path: Path) -> None:
        with self._registered(), ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda i: self._life(tmp_path / str(i))["rows"], range(8)))
        assert all(rows == found[0] for rows in found)

    def test_hooks_that_are_told_return_nothing(self) -> None:
        """A value would be dropped: only ``deeplake_wrap_store`` has one."""
        with self._registered():
            ds = deeplake.empty("mem://hook-contract")
            self.fill(ds)
            commit_id = ds.commit(self.message())
            told: dict[str, dict[str, Any]] = {
                "deeplake_dataset_opened": {"dataset": ds},
                "deeplake_before_commit": {"dataset": ds, "message": self.message()},
                "deeplake_committed": {"dataset": ds, "commit_id": commit_id},
            }
            for name, arguments in told.items():
                if name in self.implements:
                    assert plugins.hook(name, **arguments) == []

    # ------------------------------------------------------------------ vetoes
    def test_a_veto_stops_a_commit_and_changes_nothing(self, tmp_path: Path) -> None:
        if not self.supports_veto:
            with pytest.raises(NotImplementedError):
                self.spoil(deeplake.empty("mem://hook-contract"))
            return
        assert "deeplake_before_commit" in self.implements
        with self._registered():
            ds = deeplake.empty(tmp_path / "ds")
            self.fill(ds)
            ds.commit(self.message())
            before = (ds.commit_id, [commit["commit"] for commit in ds.commits])
            message = self.spoil(ds)
            rows = self._rows(ds)
            with pytest.raises(DeepLakeError) as refused:
                ds.commit(message)
            assert str(refused.value), "a veto says why"
            assert (ds.commit_id, [commit["commit"] for commit in ds.commits]) == before
            assert self._rows(ds) == rows, "what was changed is still there"
        if not self._installed():
            ds.commit(message)  # nobody objects any more
            assert ds.commit_id != before[0]

    # ------------------------------------------------------------------ stores
    def test_a_wrapped_store_keeps_every_promise(self, tmp_path: Path) -> None:
        if "deeplake_wrap_store" not in self.implements:
            return
        from deeplake.storage.local import LocalStore

        store = LocalStore(tmp_path / "store")
        with self._registered():
            wrapped = plugins.wrap_store(store, store.url)
        assert isinstance(wrapped, Store)
        promised = asdict(store.capabilities)
        for name, has in asdict(wrapped.capabilities).items():
            if isinstance(has, bool):
                assert not has or promised[name], f"it promises {name}: the store below does not"
        data = bytes(range(256)) * 300
        version = wrapped.put("a/b", data)
        assert bytes(store.get("a/b")) == data, "the store below has what was written"
        assert bytes(wrapped.get("a/b", (10, 20))) == data[10:20]
        assert wrapped.head("a/b").version == version
        assert [bytes(part) for part in wrapped.get_many([("a/b", (0, 3)), ("a/b", None)])] == [
            data[:3], data,
        ]  # fmt: skip
        assert [info.key for info in wrapped.list("a/")] == ["a/b"]
        if self.supports_pickling:
            copy = pickle.loads(pickle.dumps(wrapped))
            assert bytes(copy.get("a/b", (0, 3))) == data[:3]
        wrapped.delete(["a/b"])
        assert [*store.list()] == []

    # ------------------------------------------------------------------ what the tests share
    def fill_more(self, dataset: deeplake.Dataset) -> None:
        """Add rows that may be committed; by default the last row again."""
        for tensor in dataset.tensors.values():
            tensor.append(tensor[-1])

    def _life(self, path: Any) -> dict[str, Any]:
        """A dataset is made, changed, committed, opened and loaded; what comes of it."""
        ds = deeplake.empty(path)
        self.fill(ds)
        ds.commit(self.message())
        ds.checkout("side", create=True)
        self.fill_more(ds)
        ds.commit(self.message())
        ds.checkout("main")
        ds.merge("side")
        again = ds if str(path).startswith("mem:") else deeplake.load(path)
        return {
            "rows": self._rows(again),
            "branches": again.branches,
            "commits": len(again.commits),
            "batches": len(list(again.dataloader().batch(2).numpy())),
        }

    def _rows(self, dataset: deeplake.Dataset) -> list[Any]:
        columns = [tensor.numpy(aslist=True) for tensor in dataset.tensors.values()]
        return [[repr(value) for value in row] for row in zip(*columns, strict=True)]


__all__ = ["HookContract"]
