"""Staging: blocks are readable at once, stored on flush, and never lost by a failure."""

from __future__ import annotations

import threading
import time

import pytest

from deeplake.errors import StorageError
from deeplake.format.chunk import Block
from deeplake.storage.memory import MemoryStore
from deeplake.testing.stores import Fault, FaultyStore, RecordingStore
from deeplake.types import Data
from deeplake.versioning import staging as staging_module
from deeplake.versioning.repository import data_key
from deeplake.versioning.staging import Staging


def block(fill: int, size: int = 100) -> Block:
    data = [bytes([fill]) * 64, bytes([fill + 1]) * (size - 64)]
    return Block(list(data), size, 64, fill)


def content(fill: int, size: int = 100) -> bytes:
    return bytes([fill]) * 64 + bytes([fill + 1]) * (size - 64)


@pytest.fixture
def small_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data objects are full after a few hundred bytes."""
    monkeypatch.setattr(staging_module, "OBJECT_SIZE", 300)


def test_blocks_lie_aligned_in_one_object() -> None:
    store = RecordingStore(MemoryStore())
    staging = Staging(store)
    places = [staging.add(block(k, 100 + k)) for k in range(4)]
    assert [offset for _, offset in places] == [0, 128, 256, 384]
    assert len({oid for oid, _ in places}) == 1
    staging.flush()
    assert store.count("put") == 1
    data = bytes(store.get(data_key(places[0][0])))
    for k, (_, offset) in enumerate(places):
        assert data[offset : offset + 100 + k] == content(k, 100 + k)
        assert not any(data[offset + 100 + k : offset + 128])
    assert len(data) == 384 + 103


def test_what_is_staged_can_be_read() -> None:
    store = MemoryStore()
    staging = Staging(store)
    places = [staging.add(block(k)) for k in range(3)]
    for _ in range(2):
        for k, place in enumerate(places):
            assert staging.read(*place) == content(k)
    assert staging.read(places[0][0], 64) is None
    assert staging.read("0" * 32, 0) is None
    assert list(store.list()) == []
    staging.flush()
    # Now the store has it.
    assert staging.read(*places[0]) is None
    assert staging.nbytes == 0


def test_previews_are_never_stored() -> None:
    store = RecordingStore(MemoryStore())
    staging = Staging(store)
    oid = staging.preview(block(7))
    assert staging.read(oid, 0) == content(7)
    staging.flush()
    assert staging.read(oid, 0) == content(7)
    assert store.count("put") == 0
    staging.forget(oid)
    staging.forget(oid)
    assert staging.read(oid, 0) is None


def test_objects_have_names_of_their_own() -> None:
    store = MemoryStore()
    staging = Staging(store)
    names = set()
    for k in range(20):
        names.add(staging.add(block(k))[0])
        staging.flush()
    assert {info.key for info in store.list()} == {data_key(name) for name in names}
    assert len(names) == 20
    assert all(len(name) == 32 and int(name, 16) >= 0 for name in names)


def test_nothing_is_stored_for_nothing() -> None:
    store = RecordingStore(MemoryStore())
    Staging(store).flush()
    assert store.requests == []


@pytest.mark.usefixtures("small_objects")
def test_full_objects_are_stored_in_the_background() -> None:
    store = MemoryStore()
    staging = Staging(store)
    places = [staging.add(block(k)) for k in range(30)]
    for k, place in enumerate(places):
        data = staging.read(*place)
        # Whoever does not find it here finds it in the store.
        if data is None:
            data = store.map(data_key(place[0]))[place[1] : place[1] + 100]
        assert data == content(k)
    staging.flush()
    assert staging.nbytes == 0
    for k, (oid, offset) in enumerate(places):
        assert bytes(store.map(data_key(oid))[offset : offset + 100]) == content(k)
    assert not [thread for thread in threading.enumerate() if "deeplake-upload" in thread.name]


@pytest.mark.usefixtures("small_objects")
def test_memory_is_bounded_while_the_store_is_slow() -> None:
    """No more than some objects wait: who adds blocks waits instead."""
    gate = threading.Event()
    most = 0

    class Slow(MemoryStore):
        def put(
            self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
        ) -> str:
            gate.wait()
            return super().put(key, data, if_match=if_match, if_absent=if_absent)

    staging = Staging(Slow())

    def produce() -> None:
        nonlocal most
        for k in range(60):
            staging.add(block(k))
            most = max(most, staging.nbytes)

    producer = threading.Thread(target=produce)
    producer.start()
    while most < 900:
        time.sleep(0.001)
    assert producer.is_alive()
    gate.set()
    producer.join()
    staging.flush()
    assert most <= 4 * 400


@pytest.mark.usefixtures("small_objects")
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("at", range(6))
def test_a_failed_flush_can_be_repeated(moment: str, at: int) -> None:
    """Also if the answer was lost, and whether the put was in the background or not.

    Adding never fails: half of an operation would be left behind.
    """
    inner = MemoryStore()
    store = FaultyStore(inner, Fault(moment, at=at))  # type: ignore[arg-type]
    staging = Staging(store)
    places = [staging.add(block(k)) for k in range(16)]
    failures = 0
    for _ in range(2):
        try:
            staging.flush()
            break
        except StorageError:
            failures += 1
            assert staging.nbytes > 0
    assert failures <= len(store.fired) == 1
    assert staging.nbytes == 0
    for k, (oid, offset) in enumerate(places):
        assert bytes(inner.map(data_key(oid))[offset : offset + 100]) == content(k)
    assert sorted(staging.stored) == sorted({oid for oid, _ in places})


def test_stopping_loses_nothing() -> None:
    store = MemoryStore()
    staging = Staging(store)
    place = staging.add(block(1))
    staging.stop()
    assert staging.read(*place) == content(1)
    staging.flush()
    assert bytes(store.get(data_key(place[0]))) == content(1)
