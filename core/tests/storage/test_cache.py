"""What was read from far away is kept: bounded, never stale, never torn."""

from __future__ import annotations

import pickle
import random
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deeplake
from deeplake import plugins
from deeplake.spi import Store, StorePlugin
from deeplake.storage.cache import CachedStore, DiskCache, MemoryCache
from deeplake.storage.local import LocalStorage
from deeplake.storage.memory import MemoryStore
from deeplake.testing.store import StoreContract
from deeplake.testing.stores import RecordingStore

FAR = replace(MemoryStore.capabilities, mapping=False, request_cost=1 << 20)


def write_once(key: str) -> bool:
    return key.startswith("data/")


class TestCachedStore(StoreContract):
    """Nothing that a store promises is lost."""

    big = 4 << 20

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        self.inner = MemoryStore("mem://far")
        return CachedStore(
            self.inner, write_once, memory=1 << 20, disk=1 << 20, folder=tmp_path / "cache"
        )

    def backdoor_put(self, store: Store, key: str, data: bytes) -> None:
        # What is said never to change may be changed by no test: each key is new to the caches.
        self.inner.put(key, data)

    def backdoor_get(self, store: Store, key: str) -> bytes | None:
        try:
            return bytes(self.inner.get(key))
        except FileNotFoundError:
            return None


@pytest.fixture
def far() -> RecordingStore:
    inner = MemoryStore("mem://far")
    inner.put("data/x", bytes(range(256)) * 40)
    inner.put("refs/x", b"first")
    return RecordingStore(inner, capabilities=FAR)


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_nothing_is_asked_for_twice(far: RecordingStore, tmp_path: Path, where: str) -> None:
    sizes = {where: 1 << 20}
    store = CachedStore(far, write_once, folder=tmp_path, **sizes)
    whole = bytes(store.get("data/x"))
    assert bytes(store.get("data/x")) == whole
    assert far.count() == 1
    assert bytes(store.get("data/x", (100, 900))) == whole[100:900]
    parts = store.get_many([("data/x", (100, 900)), ("data/x", (5, 7)), ("data/x", (100, 900))])
    assert list(map(bytes, parts)) == [whole[100:900], whole[5:7], whole[100:900]]
    asked = far.count()
    parts = store.get_many([("data/x", (5, 7)), ("data/x", (100, 900))])
    assert list(map(bytes, parts)) == [whole[5:7], whole[100:900]]
    assert far.count() == asked


def test_what_changes_is_always_asked_for(far: RecordingStore, tmp_path: Path) -> None:
    store = CachedStore(far, write_once, memory=1 << 20, disk=1 << 20, folder=tmp_path)
    assert bytes(store.get("refs/x")) == b"first"
    far.put("refs/x", b"second")
    assert bytes(store.get("refs/x")) == b"second"
    assert bytes(store.get_many([("refs/x", (0, 3))])[0]) == b"sec"


def test_processes_share_the_disk(far: RecordingStore, tmp_path: Path) -> None:
    for _ in range(2):
        store = CachedStore(far, write_once, disk=1 << 20, folder=tmp_path)
        assert len(store.get("data/x", (0, 500))) == 500
    assert far.count() == 1


@pytest.mark.parametrize("damage", [b"", b"short", bytes(600)])
def test_damaged_files_are_not_taken_for_data(
    far: RecordingStore, tmp_path: Path, damage: bytes
) -> None:
    store = CachedStore(far, write_once, disk=1 << 20, folder=tmp_path)
    data = bytes(store.get("data/x", (0, 500)))
    [file] = [path for path in tmp_path.rglob("*") if path.is_file()]
    file.write_bytes(damage)
    assert bytes(store.get("data/x", (0, 500))) == data
    assert far.count() == 2


def test_a_disk_that_cannot_be_written(far: RecordingStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = CachedStore(far, write_once, disk=1 << 20, folder=tmp_path / "file")
    for _ in range(2):
        assert len(store.get("data/x", (0, 500))) == 500
    assert far.count() == 2


def test_the_disk_has_a_limit(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 100_000)
    for number in range(100):
        cache.put(f"data/{number}", 0, 5_000, memoryview(bytes(5_000)))
        kept = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
        assert kept <= 130_000
    assert cache.get("data/99", 0, 5_000) is not None
    assert cache.get("data/0", 0, 5_000) is None


@given(st.data())
def test_memory_serves_what_lies_inside(data: st.DataObject) -> None:
    whole = random.Random(0).randbytes(200)
    limit = data.draw(st.integers(1, 1000))
    cache = MemoryCache(limit)
    span = st.tuples(st.integers(0, 199), st.integers(1, 200)).filter(lambda ab: ab[0] < ab[1])
    for start, stop in data.draw(st.lists(span, max_size=30)):
        found = cache.get("data/x", start, stop)
        if found is not None:
            assert bytes(found) == whole[start:stop]
        cache.put("data/x", start, stop, memoryview(whole[start:stop]))
        assert sum(part.nbytes for part in cache._parts.values()) == cache._size <= limit


def test_threads_share_memory() -> None:
    cache = MemoryCache(50_000)
    wrong: list[int] = []

    def use(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(2000):
            key = rng.randrange(40)
            found = cache.get(f"data/{key}", 0, 2000)
            if found is None:
                cache.put(f"data/{key}", 0, 2000, memoryview(bytes([key]) * 2000))
            elif bytes(found) != bytes([key]) * 2000:
                wrong.append(key)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


class Distant(StorePlugin, api=(1, 0)):
    """Files that are as if they were far away."""

    stores: list[RecordingStore]

    def __init__(self) -> None:
        self.stores = []

    def open(self, url: str, *, creds: object = None) -> Store:
        local = LocalStorage().open(url.removeprefix("distant://"))
        able = replace(local.capabilities, mapping=False, request_cost=1 << 16)
        self.stores.append(RecordingStore(local, capabilities=able))
        return self.stores[-1]


def test_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_CACHE_PREFIX", str(tmp_path / "cache"))
    distant = Distant()
    plugins.register("storage", "distant", distant)
    try:
        url = f"distant://{tmp_path}/ds"
        ds = deeplake.empty(url)
        ds.create_tensor("x")
        ds.x.extend(np.arange(30_000).reshape(3_000, 10))
        for sizes, again in (
            ({"memory_cache_size": 0}, True),
            ({}, False),
            ({"memory_cache_size": 0, "local_cache_size": 100}, False),
        ):
            ds = deeplake.load(url, **sizes)
            first = ds.x.numpy()
            store = distant.stores[-1]
            store.clear()
            assert np.array_equal(ds.x.numpy(), first)
            asked = [request for request in store.requests if request.key.startswith("data/")]
            assert bool(asked) == again, sizes
        assert not (tmp_path / "cache").exists() or any((tmp_path / "cache").rglob("*"))
        ds.x.append(np.zeros(10, int))
        assert len(deeplake.load(url)) == 3_001
    finally:
        plugins.unregister("storage", "distant")


def test_what_is_kept_stays_here(tmp_path: Path) -> None:
    inner = LocalStorage().open(str(tmp_path / "store"))
    inner.put("data/x", b"0123")
    store = CachedStore(inner, write_once, memory=1000)
    store.get("data/x")
    copy = pickle.loads(pickle.dumps(store))
    assert bytes(copy.get("data/x")) == b"0123"
