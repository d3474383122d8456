"""What operations cost in requests and bytes, on a store that counts them and maps nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deeplake.storage.memory import MemoryStore
from deeplake.testing.stores import RecordingStore
from deeplake.versioning.repository import Repository
from deeplake.versioning.table import PieceTable, Segment

from .script import opened
from .synthetic import PER_CHUNK, Repeating, grown, sample

ROWS = 1_000_000
REMOTE = replace(MemoryStore.capabilities, mapping=False, request_cost=1 << 20)


def recorded(inner: MemoryStore) -> RecordingStore:
    return RecordingStore(inner, capabilities=REMOTE)


@pytest.fixture(scope="module")
def million() -> Repeating:
    """A store with a dataset of a million pictures."""
    store = Repeating("mem://million")
    Repository(store).create()
    ds = grown(store, ROWS)
    ds.commit("all")
    assert len(ds.image) >= ROWS
    return store


def test_opening_is_one_request(million: Repeating) -> None:
    store = recorded(million)
    ds = opened(store)
    assert len(ds.image) >= ROWS
    assert ds.image.shape[1:] == (64, 64, 3)
    assert [request.op for request in store.requests] == ["get_versioned"]


def test_requests_of_samples(million: Repeating) -> None:
    store = recorded(million)
    ds = opened(store)
    store.clear()
    assert np.array_equal(ds.image[765_432].numpy(), sample(765_432))
    assert store.count() <= 3
    segments = range(0, ROWS, 4096 * PER_CHUNK)
    for row in segments:
        ds.image[row].numpy()
    rng = np.random.default_rng(0)
    for row in rng.integers(0, ROWS, 100).tolist():
        store.clear()
        assert np.array_equal(ds.image[row].numpy(), sample(row))
        # Header and samples come together: a chunk that is smaller than a request costs is read whole.
        assert store.count() <= 1, [*store.requests]
        assert store.bytes_read <= REMOTE.request_cost
        store.clear()
        other = row // PER_CHUNK * PER_CHUNK + (row + 1) % PER_CHUNK
        assert np.array_equal(ds.image[other].numpy(), sample(other))
        assert store.count() == 0, [*store.requests]


def test_requests_of_samples_in_large_chunks(million: Repeating) -> None:
    """The header of a chunk says where its samples are; it is read once."""
    near = replace(REMOTE, request_cost=1 << 16)
    store = RecordingStore(million, capabilities=near)
    ds = opened(store)
    store.clear()
    assert np.array_equal(ds.image[765_432].numpy(), sample(765_432))
    assert store.count() <= 3
    for row in range(0, ROWS, 4096 * PER_CHUNK):
        ds.image[row].numpy()
    for row in np.random.default_rng(0).integers(0, ROWS, 50).tolist():
        store.clear()
        assert np.array_equal(ds.image[row].numpy(), sample(row))
        assert store.count() <= 2, [*store.requests]
        store.clear()
        other = row // PER_CHUNK * PER_CHUNK + (row + 1) % PER_CHUNK
        assert np.array_equal(ds.image[other].numpy(), sample(other))
        assert store.count() == 1, [*store.requests]
        assert store.bytes_read < 2 * sample(other).nbytes


def test_a_flush_is_three_puts() -> None:
    inner = MemoryStore("mem://twenty")
    Repository(inner).create()
    ds = opened(inner)
    names = [f"t{i}" for i in range(20)]
    for name in names:
        ds.create_tensor(name, dtype="float32")
    store = recorded(inner)
    ds = opened(store)
    for _ in range(3):
        store.clear()
        with ds:
            for _ in range(10):
                ds.append({name: np.ones(3, "float32") for name in names})
        assert store.count("put") <= 3, [*store.requests]
        store.clear()
        ds.commit("more")
        assert store.count("put") <= 3


def test_a_branch_is_one_put(million: Repeating) -> None:
    store = recorded(million)
    ds = opened(store)
    store.clear()
    ds.create_branch("first")
    # The head commit is kept first, unless it is already.
    assert store.count("put") <= 2
    assert store.bytes_written < 10_000
    store.clear()
    ds.create_branch("second")
    assert [
        request.key for request in store.requests if not request.error and request.op == "put"
    ] == ["refs/heads/second"]
    store.clear()
    ds.create_tag("tagged")
    assert store.bytes_written < 1000


def copy_of(store: Repeating) -> Repeating:
    copy = Repeating("mem://copy")
    copy.model = store.model
    for info in store.list(""):
        copy.put(info.key, store.get(info.key))
    return copy


def test_an_update_writes_the_sample_and_little_else(million: Repeating) -> None:
    store = recorded(copy_of(million))
    ds = opened(store)
    store.clear()
    new = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    ds.image[500_000] = new
    assert store.bytes_written < 300_000 + new.nbytes
    assert np.array_equal(opened(store).image[500_000].numpy(), new)
    assert np.array_equal(opened(store).image[500_001].numpy(), sample(500_001))


def test_a_pop_writes_no_data(million: Repeating) -> None:
    store = recorded(copy_of(million))
    ds = opened(store)
    before = len(ds.image)
    store.clear()
    ds.pop(400_000)
    assert store.bytes_written < 300_000
    assert len(opened(store).image) == before - 1
    assert np.array_equal(opened(store).image[400_000].numpy(), sample(400_001))
    pieces = opened(store)._checkout.session.by_name["image"].sealed().pieces()
    assert {int(length) for length in np.unique(pieces["length"])} == {int(pieces["length"][0])}


def test_finds_a_head_that_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """If refs did not hold their commits, opening would be seen to take one request more."""
    monkeypatch.setattr(Repository, "fits_inline", staticmethod(lambda commit: False))
    inner = MemoryStore("mem://elsewhere")
    Repository(inner).create()
    opened(inner).create_tensor("x", dtype="int64")
    store = recorded(inner)
    opened(store)
    assert store.count() == 2


def test_finds_segments_that_are_written_again(
    million: Repeating, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a change put all pieces into new segments, it would be seen to write more."""
    compacted = PieceTable.compacted

    def anew(self: PieceTable) -> PieceTable:
        return compacted(PieceTable([Segment(pieces=self.pieces())], self.ndim))

    sizes = []
    for plant in (compacted, anew):
        monkeypatch.setattr(PieceTable, "compacted", plant)
        store = recorded(copy_of(million))
        ds = opened(store)
        store.clear()
        ds.pop(400_000)
        sizes.append(store.bytes_written)
    assert sizes[1] > 2 * sizes[0]
