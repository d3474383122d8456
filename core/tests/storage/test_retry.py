"""What a store fails to do for a moment is tried again; nothing else is."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import deeplake
from deeplake.errors import (
    CredentialsError,
    FormatError,
    ObjectNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageTimeoutError,
    TransientStorageError,
)
from deeplake.spi import Store
from deeplake.storage import retry
from deeplake.storage.filesystem import FileSystemStore
from deeplake.storage.memory import MemoryStore
from deeplake.storage.retry import PATIENCE, PAUSE, TRIES, Retrying, is_transient
from deeplake.testing.store import StoreContract
from deeplake.testing.stores import Fault, FaultyStore, Request
from deeplake.versioning.repository import Repository
from deeplake.versioning.scrub import scrub

FAR = replace(MemoryStore.capabilities, mapping=False)


class TestRetrying(StoreContract):
    """Nothing that a store promises is lost."""

    @pytest.fixture
    def store(self) -> Store:
        self.inner = MemoryStore("mem://inner")
        return Retrying(self.inner)

    def backdoor_put(self, store: Store, key: str, data: bytes) -> None:
        self.inner.put(key, data)

    def backdoor_get(self, store: Store, key: str) -> bytes | None:
        try:
            return bytes(self.inner.get(key))
        except ObjectNotFoundError:
            return None


def numbered(code: int) -> Callable[[str], StorageError]:
    def make(message: str) -> StorageError:
        error = StorageError(message)
        error.errno = code
        return error

    return make


def caused(cause: OSError) -> Callable[[str], StorageError]:
    def make(message: str) -> StorageError:
        error = StorageError(message)
        error.__cause__ = cause
        return error

    return make


PASSING: dict[str, Callable[[str], StorageError]] = {
    "transient": TransientStorageError,
    "timeout": StorageTimeoutError,
    "disk": numbered(errno.EIO),
    "reset": caused(ConnectionResetError(errno.ECONNRESET, "reset")),
}
LASTING: dict[str, Callable[[str], StorageError]] = {
    "any": StorageError,
    "no space": numbered(errno.ENOSPC),
    "not found": ObjectNotFoundError,
    "refused": CredentialsError,
    "changed": PreconditionFailedError,
    "no space below": caused(OSError(errno.ENOSPC, "full")),
}
DO: dict[str, Callable[[Store], Any]] = {
    "get": lambda store: store.get("data/x"),
    "part": lambda store: store.get("data/x", (1, 3)),
    "get_many": lambda store: store.get_many([("data/x", (0, 2)), ("data/y", None)]),
    "get_versioned": lambda store: store.get_versioned("data/x")[0],
    "map": lambda store: bytes(store.map("data/x")),
    "head": lambda store: store.head("data/x").size,
    "list": lambda store: [info.key for info in store.list("data/")],
    "put": lambda store: bool(store.put("data/z", b"new")),
}


def filled() -> MemoryStore:
    inner = MemoryStore()
    inner.put("data/x", b"0123456789")
    inner.put("data/y", b"abc")
    return inner


def broken(fault: Fault, **how: Any) -> tuple[Retrying, FaultyStore, list[float]]:
    pauses: list[float] = []
    faulty = FaultyStore(filled(), replace(fault, **how))
    return Retrying(faulty, sleep=pauses.append), faulty, pauses


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("what", DO)
@pytest.mark.parametrize("name", PASSING)
def test_what_passes(name: str, what: str, moment: Any) -> None:
    expected = DO[what](filled())
    for times in range(1, TRIES):
        store, faulty, pauses = broken(Fault(moment, PASSING[name]), times=times)
        assert DO[what](store) == expected
        assert (len(faulty.fired), len(pauses)) == (times, times)


@pytest.mark.parametrize("what", DO)
@pytest.mark.parametrize("name", PASSING)
def test_what_does_not_pass(name: str, what: str) -> None:
    store, faulty, pauses = broken(Fault("before", PASSING[name]), times=None)
    with pytest.raises(StorageError, match="data/"):
        DO[what](store)
    assert len(faulty.fired) == TRIES
    for number, pause in enumerate(pauses):
        assert PAUSE * 2**number / 2 <= pause <= PAUSE * 2**number


@pytest.mark.parametrize("what", DO)
@pytest.mark.parametrize("name", LASTING)
def test_what_lasts_is_not_tried_again(name: str, what: str) -> None:
    store, faulty, pauses = broken(Fault("before", LASTING[name]))
    with pytest.raises(StorageError):
        DO[what](store)
    assert (len(faulty.fired), pauses) == (1, [])


@pytest.mark.parametrize(
    "do",
    [
        lambda store: store.put("data/z", b"", if_absent=True),
        lambda store: store.put("data/x", b"", if_match=store.head("data/x").version),
        lambda store: store.delete(["data/x"]),
        lambda store: store.sweep(0),
    ],
)
def test_what_must_not_be_done_twice(do: Callable[[Store], Any]) -> None:
    store, faulty, _ = broken(
        Fault("after", TransientStorageError, matches=lambda request: request.op != "head")
    )
    with pytest.raises(TransientStorageError):
        do(store)
    assert len(faulty.fired) == 1


def test_a_slow_refusal_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that took long has tried hard enough."""
    now = iter([0.0, 1.0, PATIENCE + 1])
    store, faulty, _ = broken(Fault("before", StorageTimeoutError), times=None)
    monkeypatch.setattr(retry.time, "monotonic", lambda: next(now))
    with pytest.raises(StorageTimeoutError):
        store.head("data/x")
    assert len(faulty.fired) == 2


@pytest.mark.parametrize("what", ["part", "get_many"])
def test_short_answers(what: str) -> None:
    expected = DO[what](filled())
    parts = {"matches": lambda request: request.byte_range is not None}
    store, faulty, _ = broken(Fault("short"), **parts)
    assert DO[what](store) == expected
    assert len(faulty.fired) == 1
    store, faulty, _ = broken(Fault("short"), times=2, **parts)
    with pytest.raises(StorageError, match="'data/x'.*1 of 2 bytes came"):
        DO[what](store)
    # What is behind the end is not missing.
    assert Retrying(filled()).get("data/x", (8, 20)) == b"89"
    assert Retrying(filled()).get("data/x", (20, 30)) == b""


def test_it_is_not_done_twice_over() -> None:
    store = Retrying(MemoryStore())
    assert Retrying.around(store) is store
    assert Repository(store).store is store


class Overloaded(Exception):
    status = 503


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (Overloaded(), True),
        (ConnectionResetError(), True),
        (RuntimeError(), False),
        (OSError(errno.ENOSPC, "full"), False),
        (OSError(errno.EIO, "broken"), True),
        (PermissionError(), False),
    ],
)
def test_errors_of_file_systems(error: Exception, passing: bool, tmp_path: Path) -> None:
    store = FileSystemStore(f"file://{tmp_path}")
    with pytest.raises(StorageError) as caught, store._translated("read", "x"):
        raise error
    assert is_transient(caught.value) == passing


# ---------------------------------------------------------------------------------------- datasets
@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry.time, "sleep", lambda seconds: None)


def dataset(inner: MemoryStore, *faults: Fault) -> tuple[Any, FaultyStore]:
    from deeplake.dataset.checkout import Checkout
    from deeplake.versioning.session import Session

    store = FaultyStore(inner, *faults, capabilities=FAR)
    session = Session.open(Repository(store))
    return deeplake.Dataset(Checkout("", session, read_only=False), verbose=False), store


def grown() -> MemoryStore:
    inner = MemoryStore()
    Repository(inner).create()
    ds, _ = dataset(inner)
    ds.create_tensor("x", dtype="int64")
    ds.x.extend([[1, 2], [3, 4]])
    return inner


def is_data(request: Request) -> bool:
    return request.key.startswith("data/")


def is_put_of_data(request: Request) -> bool:
    return request.op == "put" and is_data(request)


def is_ref(request: Request) -> bool:
    return request.key.startswith("refs/")


@pytest.mark.usefixtures("no_pauses")
def test_a_dataset_whose_store_stays_down() -> None:
    """The error is the store's, nothing is stored, and the next operation works."""
    inner = grown()
    fault = Fault("before", TransientStorageError, times=TRIES, matches=is_put_of_data)
    ds, store = dataset(inner, fault)
    with pytest.raises(TransientStorageError):
        ds.x.append([5, 6])
    assert len(store.fired) == TRIES
    assert len(dataset(inner)[0].x) == 2
    ds.refresh()
    ds.x.append([7, 8])
    found = dataset(inner)[0].x.numpy().tolist()
    assert found[:2] == [[1, 2], [3, 4]]
    assert found[-1] == [7, 8]
    assert scrub(Repository(inner)).ok


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("matches", [is_data, is_ref])
def test_short_reads_of_a_dataset(matches: Callable[[Request], bool]) -> None:
    inner = grown()
    ds, store = dataset(inner, Fault("short", matches=matches))
    assert ds.x.numpy().tolist() == [[1, 2], [3, 4]]
    assert store.fired
    with pytest.raises(StorageError, match="bytes came, twice") as caught:
        dataset(inner, Fault("short", times=None, matches=matches))[0].x.numpy()
    assert store.fired[0].key in str(caught.value)


@pytest.mark.parametrize("prefix", ["data/", "refs/heads/"])
def test_an_object_that_is_cut(prefix: str) -> None:
    inner = grown()
    for info in inner.list(prefix):
        inner.put(info.key, bytes(inner.get(info.key))[: info.size // 2])
    with pytest.raises(FormatError, match=prefix):
        dataset(inner)[0].x.numpy()
