"""Stores around stores: they keep the contract, and do what they are told."""

from __future__ import annotations

import itertools
import pickle
import time
from pathlib import Path

import pytest

from deeplake.errors import (
    MemoryDatasetCanNotBePickledError,
    ObjectNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageTimeoutError,
)
from deeplake.spi import Store
from deeplake.storage.local import LocalStore
from deeplake.storage.memory import MemoryStore, _Object
from deeplake.testing.store import StoreContract
from deeplake.testing.stores import (
    Crash,
    Fault,
    FaultyStore,
    LatencyStore,
    RecordingStore,
    Request,
    StoreWrapper,
)
from deeplake.types import StoreCapabilities

backdoor_versions = (f"backdoor-{number}" for number in itertools.count())


class WrapperContract(StoreContract):
    """The contract for a wrapper around a store in memory, or around a directory."""

    rounds = 8

    def backdoor_put(self, store: Store, key: str, data: bytes) -> None:
        assert isinstance(store, StoreWrapper)
        if isinstance(store.inner, MemoryStore):
            store.inner._objects[key] = _Object(data, next(backdoor_versions), 1.0)
            return
        path = Path(store.url, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(f"{store.url}-{next(backdoor_versions)}")
        temporary.write_bytes(data)
        temporary.replace(path)

    def backdoor_get(self, store: Store, key: str) -> bytes | None:
        assert isinstance(store, StoreWrapper)
        if isinstance(store.inner, MemoryStore):
            found = store.inner._objects.get(key)
            return None if found is None else found.data
        path = Path(store.url, key)
        return path.read_bytes() if path.is_file() else None


class TestRecordingStore(WrapperContract):
    nested_keys = False

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return RecordingStore(LocalStore(tmp_path / "ds", fsync=False))


class TestLatencyStore(WrapperContract):
    @pytest.fixture
    def store(self) -> Store:
        return LatencyStore(MemoryStore(), latency=1e-5, bandwidth=1e12)


class TestFaultyStoreWithoutFaults(WrapperContract):
    nested_keys = False

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return FaultyStore(LocalStore(tmp_path / "ds", fsync=False), Fault(at=10**9))


class TestStoreThatCanOnlyBeRead(WrapperContract):
    """As stores behind ``https://`` are: whatever the flags exclude has to be refused."""

    @pytest.fixture
    def store(self) -> Store:
        able = StoreCapabilities(writable=False, listing=False, mapping=False, persistent=False)
        return StoreWrapper(MemoryStore(), capabilities=able)


class TestStoreWithoutConditions(WrapperContract):
    @pytest.fixture
    def store(self) -> Store:
        able = StoreCapabilities(conditional_put=False, persistent=False)
        return StoreWrapper(MemoryStore(), capabilities=able)


# --------------------------------------------------------------------------- recording
def test_recorded_requests() -> None:
    store = RecordingStore(MemoryStore())
    version = store.put("refs/x", [b"123", b"45"])
    store.get("refs/x")
    store.get("refs/x", (1, 3))
    store.get_many([("refs/x", (0, 1)), ("refs/x", None)])
    store.get_versioned("refs/x")
    store.map("refs/x")
    store.head("refs/x")
    list(store.list("refs/"))
    with pytest.raises(PreconditionFailedError):
        store.put("refs/x", b"123456", if_absent=True)
    with pytest.raises(ObjectNotFoundError):
        store.get("absent")
    with pytest.raises(ObjectNotFoundError):
        store.get_many([("refs/x", None), ("absent", (0, 4))])
    store.put("refs/x", b"1", if_match=version)
    store.delete(["refs/x", "refs/y"])
    store.sweep(0)
    assert store.requests == [
        Request("put", "refs/x", size=5),
        Request("get", "refs/x", size=5),
        Request("get", "refs/x", (1, 3), 2),
        Request("get", "refs/x", (0, 1), 1),
        Request("get", "refs/x", None, 5),
        Request("get_versioned", "refs/x", size=5),
        Request("map", "refs/x", size=5),
        Request("head", "refs/x"),
        Request("list", "refs/"),
        Request("put", "refs/x", size=6, error="PreconditionFailedError"),
        Request("get", "absent", error="ObjectNotFoundError"),
        Request("get", "refs/x", error="ObjectNotFoundError"),
        Request("get", "absent", (0, 4), error="ObjectNotFoundError"),
        Request("put", "refs/x", size=1),
        Request("delete", "refs/x", keys=2),
        Request("sweep", ""),
    ]
    assert store.count() == 16
    assert store.count("put") == 3
    assert store.count("head", "list") == 2
    assert store.bytes_read == 18
    assert store.bytes_written == 6
    store.clear()
    assert store.count() == store.bytes_read == store.bytes_written == 0


def test_capabilities_can_be_taken_away(tmp_path: Path) -> None:
    inner = LocalStore(tmp_path, fsync=False)
    inner.put("x", b"1")
    store = RecordingStore(inner, capabilities=StoreCapabilities(mapping=False, request_cost=7))
    with pytest.raises(NotImplementedError):
        store.map("x")
    assert store.capabilities.request_cost == 7
    assert store.count() == 0
    copy = pickle.loads(pickle.dumps(store))
    assert isinstance(copy, RecordingStore)
    assert copy.capabilities == store.capabilities
    assert copy.get("x") == b"1"
    assert store.count() == 0


def test_what_wraps_memory_cannot_be_pickled() -> None:
    for store in (RecordingStore(MemoryStore()), LatencyStore(MemoryStore(), latency=0)):
        with pytest.raises(MemoryDatasetCanNotBePickledError):
            pickle.dumps(store)


# --------------------------------------------------------------------------- faults
def test_a_request_that_does_not_arrive() -> None:
    store = FaultyStore(MemoryStore(), Fault(at=1))
    store.put("x", b"1")
    with pytest.raises(StorageError, match=r"put 'x'.*injected"):
        store.put("x", b"2")
    assert store.get("x") == b"1"
    assert store.requests == 3
    assert store.fired == [Request("put", "x", size=1)]


def test_an_answer_that_is_lost() -> None:
    store = FaultyStore(MemoryStore(), Fault("after", StorageTimeoutError))
    with pytest.raises(StorageTimeoutError, match="lost"):
        store.put("x", b"1", if_absent=True)
    assert store.get("x") == b"1"


def test_a_request_that_was_refused_is_not_lost() -> None:
    inner = MemoryStore()
    inner.put("x", b"1")
    store = FaultyStore(inner, Fault("after", StorageTimeoutError))
    with pytest.raises(PreconditionFailedError):
        store.put("x", b"2", if_absent=True)


def test_short_reads() -> None:
    inner = MemoryStore()
    inner.put("x", b"0123456789")
    store = FaultyStore(inner, Fault("short", times=None))
    assert store.get("x") == b"01234"
    assert store.get("x", (2, 6)) == b"23"
    assert store.get_many([("x", None), ("x", (2, 6))]) == [b"01234", b"23"]
    assert store.get_versioned("x")[0] == b"01234"
    assert bytes(store.map("x")) == b"01234"
    assert store.head("x").size == 10
    assert len(store.fired) == 7


def test_chosen_requests_fail() -> None:
    def is_ref(request: Request) -> bool:
        return request.op == "put" and request.key.startswith("refs/")

    store = FaultyStore(MemoryStore(), Fault(error=Crash, matches=is_ref, at=1, times=2))
    store.put("data/x", b"1")
    store.put("refs/x", b"1")
    for _ in range(2):
        with pytest.raises(Crash):
            store.put("refs/x", b"2")
        store.put("data/x", b"2")
    store.put("refs/x", b"3")
    assert store.get("refs/x") == b"3"


def test_every_request_of_a_script_can_fail() -> None:
    def script(store: Store) -> None:
        version = store.put("a", b"1")
        store.put("a", b"2", if_match=version)
        store.get_many([("a", None), ("a", (0, 1))])
        list(store.list())
        store.delete(["a"])

    for at in itertools.count():
        store = FaultyStore(MemoryStore(), Fault(at=at))
        if at == 6:
            script(store)
            assert not store.fired
            break
        with pytest.raises(StorageError):
            script(store)
        assert len(store.fired) == 1
        assert store.requests == at + 1


def test_faults_survive_pickling(tmp_path: Path) -> None:
    store = FaultyStore(LocalStore(tmp_path), Fault("before", StorageTimeoutError, at=0))
    with pytest.raises(StorageTimeoutError):
        pickle.loads(pickle.dumps(store)).get("x")


# --------------------------------------------------------------------------- latency
def test_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    store = LatencyStore(MemoryStore(), latency=0.5, bandwidth=1000, parallel=4)
    assert store.capabilities.request_cost == 500
    assert not store.capabilities.mapping
    store.put("x", bytes(100))
    assert sum(slept) == pytest.approx(0.6)
    slept.clear()
    store.get("x", (0, 50))
    assert sum(slept) == pytest.approx(0.55)
    slept.clear()
    store.get_many([("x", None)] * 9)
    assert sum(slept) == pytest.approx(3 * 0.5 + 0.9)
    slept.clear()
    store.head("x")
    assert sum(slept) == pytest.approx(0.5)
    assert LatencyStore(MemoryStore(), latency=0.01).capabilities.request_cost == 1_000_000
