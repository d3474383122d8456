"""Stores in memory: the contract, names, and how long they live."""

from __future__ import annotations

import copy
import gc
import itertools
import pickle
import threading

import pytest

from deeplake.errors import MemoryDatasetCanNotBePickledError, ObjectNotFoundError
from deeplake.spi import Store
from deeplake.storage.memory import Memory, MemoryStore, _Object
from deeplake.testing.store import StoreContract

backdoor_versions = (f"backdoor-{number}" for number in itertools.count())


def backdoor_put(store: Store, key: str, data: bytes) -> None:
    assert isinstance(store, MemoryStore)
    store._objects[key] = _Object(data, next(backdoor_versions), 1.0)


def backdoor_get(store: Store, key: str) -> bytes | None:
    assert isinstance(store, MemoryStore)
    found = store._objects.get(key)
    return None if found is None else found.data


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()

    def backdoor_put(self, store: Store, key: str, data: bytes) -> None:
        backdoor_put(store, key, data)

    def backdoor_get(self, store: Store, key: str) -> bytes | None:
        return backdoor_get(store, key)


def test_a_name_finds_the_live_store() -> None:
    first = MemoryStore.named("a name")
    first.put("x", b"1")
    assert MemoryStore.named("a name") is first
    assert Memory().open("mem://a name") is first
    assert Memory().open("mem://a name/") is first
    assert Memory().open("mem://another name") is not first
    assert first.url == "mem://a name"


def test_a_store_lives_as_long_as_somebody_holds_it() -> None:
    store = MemoryStore.named("short-lived")
    store.put("x", b"1")
    del store
    gc.collect()
    with pytest.raises(ObjectNotFoundError, match="short-lived"):
        MemoryStore.named("short-lived").get("x")


def test_create_takes_the_name() -> None:
    plugin = Memory()
    old = plugin.open("mem://taken")
    old.put("x", b"old")
    new = plugin.create("mem://taken")
    assert list(new.list()) == []
    assert plugin.open("mem://taken") is new
    # Whoever held the old one still does, and its end does not take the name from the new one.
    assert old.get("x") == b"old"
    del old
    gc.collect()
    assert plugin.open("mem://taken") is new


def test_stores_without_a_name_are_private() -> None:
    first = MemoryStore("mem://private")
    second = MemoryStore("mem://private")
    first.put("x", b"1")
    assert list(second.list()) == []
    assert MemoryStore.named("private") not in (first, second)


def test_threads_get_the_same_store_by_name() -> None:
    found: list[MemoryStore] = []
    barrier = threading.Barrier(8)

    def run() -> None:
        barrier.wait()
        found.append(MemoryStore.named("by many threads"))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


@pytest.mark.parametrize("send", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_cannot_be_sent_away(send: object) -> None:
    assert callable(send)
    with pytest.raises(MemoryDatasetCanNotBePickledError, match="mem://here"):
        send(MemoryStore("mem://here"))


def test_nothing_is_copied() -> None:
    store = MemoryStore()
    data = bytes(1000)
    store.put("x", data)
    assert store.get("x") is data
    view = store.get("x", (10, 20))
    assert isinstance(view, memoryview)
    assert view.obj is data
    assert store.map("x").obj is data


def test_a_listing_is_of_one_moment() -> None:
    store = MemoryStore()
    for key in ("a", "b", "c"):
        store.put(key, b"x")
    listing = store.list()
    assert next(listing).key == "a"
    store.delete(["b"])
    store.put("d", b"x")
    assert [info.key for info in listing] == ["b", "c"]
