"""What epochs over far data cost in requests and bytes, and that nothing changes but the time."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import plugins
from deeplake.errors import StorageError
from deeplake.loader import plan, prefetch
from deeplake.spi import Store, hookimpl
from deeplake.testing.stores import RecordingStore
from deeplake.types import Buffer, ByteRange

ROWS, SIZE, CHUNK = 600, 40_000, 2_000_000
COST = 100_000


class Distant(RecordingStore):
    """Counts bytes by place, and fails where it is told to.

    Attributes:
        fails: Whether a request fails.
    """

    def __init__(self, store: Store) -> None:
        capabilities = replace(store.capabilities, mapping=False, request_cost=COST)
        super().__init__(store, capabilities=capabilities)
        self.seen: Counter[tuple[str, int]] = Counter()
        self.fails: Callable[[str, int], bool] = lambda key, start: False
        self._counting = threading.Lock()

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        answer = super().get(key, byte_range)
        if byte_range is not None and key.startswith("data/"):
            with self._counting:
                # Every thousandth byte is enough to tell what came twice.
                first, last = (-(-at // 1000) for at in byte_range)
                self.seen.update((key, at) for at in range(first, last))
            if self.fails(key, byte_range[0]):
                raise StorageError("the network is gone")
        return answer

    def get_many(self, requests: Any) -> list[Buffer]:
        return [self.get(*one) for one in requests]


class Far:
    @hookimpl
    def deeplake_wrap_store(self, store: Store, url: str) -> Store:
        self.store = Distant(store)
        return self.store


@pytest.fixture
def far() -> Iterator[Far]:
    hooks = Far()
    plugins.register_hooks(hooks)
    yield hooks
    plugins.unregister_hooks(hooks)


@pytest.fixture
def path(make: Any, tmp_path: Any) -> str:
    """600 samples of 36 kB to 44 kB in chunks of 2 MB, and their numbers."""
    rng = np.random.default_rng(0)
    samples = [
        np.full(SIZE + int(rng.integers(-4000, 4000)), row % 251, np.uint8) for row in range(ROWS)
    ]
    place = str(tmp_path / "ds")
    make(place, x=(samples, {"max_chunk_size": CHUNK}), row=np.arange(ROWS))
    return place


def opened(path: str, far: Far) -> tuple[Any, Distant]:
    ds = deeplake.load(path, memory_cache_size=0)
    len(ds.x)
    ds.x[0].numpy()  # where segments are
    far.store.clear()
    far.store.seen.clear()
    return ds, far.store


def rows_of(loader: Any) -> list[int]:
    rows = []
    for batch in loader:
        for sample in batch:
            rows.append(sample["row"].item())
            assert (sample["x"] == rows[-1] % 251).all()
    return rows


def test_in_order_what_is_small_comes_with_what_is_large(
    make: Any, tmp_path: Any, far: Far
) -> None:
    """Where one commit ends and another begins, and between two tensors, there are small chunks."""
    place = str(tmp_path / "ds")
    make(place, x=([np.zeros(1, np.uint8)], {"max_chunk_size": 8 << 20}), row=np.zeros(1, np.int64))
    ds = deeplake.load(place)
    count = 2400
    with ds:
        for first in range(0, count, 300):
            rows = np.arange(first, first + 300)
            ds.extend({"x": [np.full(SIZE, row % 251, np.uint8) for row in rows], "row": rows})
    ds.commit("filled")
    ds, store = opened(place, far)
    rows = sum(len(batch) for batch in ds.dataloader().batch(16).numpy())
    assert rows == count + 1
    # One for each 8 MB, and a few for those at the ends.
    assert store.count("get") <= count * SIZE / 8e6 + 6, store.count("get")
    assert set(store.seen.values()) == {1}


@pytest.mark.parametrize("count", [1, 4])
def test_in_order_every_chunk_is_one_request(path: str, far: Far, count: int) -> None:
    ds, store = opened(path, far)
    chunks = sum(len(ds._checkout.session.by_name[t].table.pieces()) for t in ("x", "row"))
    assert rows_of(ds.dataloader().batch(16).numpy(num_threads=count)) == list(range(ROWS))
    assert store.count("get") <= chunks
    assert set(store.seen.values()) == {1}


@pytest.mark.parametrize("rows", [slice(None, None, 2), slice(7, 500), list(range(100, 400))])
def test_views_in_order(path: str, far: Far, rows: Any) -> None:
    ds, store = opened(path, far)
    expected = np.arange(ROWS)[rows].tolist()
    assert rows_of(ds[rows].dataloader().batch(16).numpy()) == expected
    assert store.count("get") <= 15
    assert set(store.seen.values()) == {1}


def test_what_is_few_and_far_between_is_read_alone(path: str, far: Far) -> None:
    ds, store = opened(path, far)
    assert rows_of(ds[::20].dataloader().batch(6).numpy()) == list(range(0, ROWS, 20))
    assert store.bytes_read < 50 * SIZE


@pytest.mark.parametrize("count", [1, 4])
def test_shuffled_every_byte_comes_about_once(path: str, far: Far, count: int) -> None:
    ds, store = opened(path, far)
    loader = ds.dataloader().shuffle().batch(16).numpy(num_threads=count)
    assert sorted(rows_of(loader)) == list(range(ROWS))
    # Those of the first batch come alone, and some more where the machine is slow.
    assert store.bytes_read < 1.3 * ROWS * SIZE
    assert store.count("get") < ROWS / 4


def test_what_is_kept_is_not_looked_up_again(
    path: str, far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    deeplake.random.seed(3)  # the same orders each time
    ds, store = opened(path, far)
    looked: list[Any] = []
    chunks = prefetch._chunks
    monkeypatch.setattr(prefetch, "_chunks", lambda *rest: (looked.append(rest), chunks(*rest)))
    loader = ds.dataloader().shuffle().batch(5).numpy()
    for _ in range(2):
        looked.clear()
        assert sorted(rows_of(loader)) == list(range(ROWS))
        once = len(looked)
    # Where it does not fit, each unit says what it needs.
    monkeypatch.setattr(prefetch, "KEPT", 0.0)
    looked.clear()
    assert sorted(rows_of(ds.dataloader().shuffle().batch(5).numpy())) == list(range(ROWS))
    assert len(looked) > once
    assert store.bytes_read < 4 * ROWS * SIZE


def test_shuffled_in_windows(path: str, far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "LEAST", 0)
    ds, store = opened(path, far)
    loader = ds.dataloader().shuffle(buffer_size=8).batch(16).numpy(num_threads=2)
    assert loader.state_dict()["shuffle"] is not None
    assert sorted(rows_of(loader)) == list(range(ROWS))
    assert store.bytes_read < 1.6 * ROWS * SIZE


def test_ranks_read_their_own(path: str, far: Far) -> None:
    ds, store = opened(path, far)
    loader = ds.dataloader().shuffle().batch(8).numpy(num_threads=2)
    loader.set_rank(1, 32)
    assert len(rows_of(loader)) == pytest.approx(ROWS / 32, abs=1)
    assert store.bytes_read < 6 * ROWS * SIZE / 32


def test_an_error_comes_where_its_row_is(path: str, far: Far) -> None:
    ds, store = opened(path, far)
    offset = int(ds._checkout.session.by_name["x"].table.pieces()["offset"][5])
    store.fails = lambda key, start: start // 1000 >= offset // 1000
    seen = []
    with pytest.raises(StorageError, match="the network is gone") as caught:
        seen.extend(map(len, ds.dataloader().batch(16).numpy(num_threads=2, tensors=["x"])))
    assert seen, "what is before it comes"
    assert "tensor 'x'" in "".join(caught.value.__notes__)


def test_a_failure_that_passes_is_not_seen(path: str, far: Far) -> None:
    ds, store = opened(path, far)
    failed: set[int] = set()

    def once(key: str, start: int) -> bool:
        first = start not in failed
        failed.add(start)
        return first and threading.current_thread().name.startswith("deeplake-loader-prefetch")

    store.fails = once
    assert rows_of(ds.dataloader().batch(16).numpy(num_threads=2)) == list(range(ROWS))


@pytest.mark.parametrize("shuffle", [False, True])
def test_an_epoch_that_is_left_ends(path: str, far: Far, shuffle: bool, threads: Any) -> None:
    ds, _ = opened(path, far)
    loader = ds.dataloader().shuffle(shuffle).batch(16).numpy()
    iterator = iter(loader)
    next(iterator)
    loader.close()
    assert threads.left() == []
    iterator = iter(loader)
    next(iterator)
    del iterator
    assert threads.left_in_the_end() == []
    assert len(rows_of(loader)) == ROWS
    assert loader._snapshot.ahead.needed == 0


def test_two_epochs_at_once(path: str, far: Far) -> None:
    ds, _ = opened(path, far)
    loader = ds.dataloader().batch(16).numpy(num_threads=2)
    pairs = list(zip(loader, loader, strict=True))
    assert all(a[0]["row"] == b[0]["row"] for a, b in pairs)
    assert len(pairs) == -(-ROWS // 16)


def test_memory_is_bounded(path: str, far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "LEAST", 0)
    ds, _ = opened(path, far)
    loader = ds.dataloader().shuffle(buffer_size=8).batch(16).numpy(num_threads=2)
    ahead = loader._snapshot.ahead
    most = 0
    for _ in loader:
        most = max(most, ahead.needed)
    assert 0 < most < (64 << 20) + 2 * CHUNK


# --------------------------------------------------------------------------- worker processes
LATENCY = 0.02


class Logged(Distant):
    """Far away, and writes down when its requests begin and end, in whatever process."""

    def __init__(self, store: Store, log: str) -> None:
        super().__init__(store)
        self.log = log

    def __reduce__(self) -> Any:
        return Logged, (self.inner, self.log)

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        begin = time.monotonic()
        time.sleep(LATENCY)
        answer = super().get(key, byte_range)
        if key.startswith("data/"):
            line = f"{os.getpid()} {begin} {time.monotonic()} {len(answer)}\n"
            with open(self.log, "a") as file:  # one write: lines of processes do not mix
                file.write(line)
        return answer


class Asked:
    """What one process asked for.

    Attributes:
        nbytes: Bytes in all.
        most: Requests that were under way at once.
    """

    def __init__(self) -> None:
        self.nbytes = 0
        self._ends: list[tuple[float, int]] = []

    def add(self, begin: float, end: float, nbytes: int) -> None:
        self.nbytes += nbytes
        self._ends += [(begin, 1), (end, -1)]

    @property
    def most(self) -> int:
        return max(accumulate(step for _, step in sorted(self._ends)))


def asked(log: str) -> dict[int, Asked]:
    found: dict[int, Asked] = {}
    with open(log) as file:
        for line in file:
            pid, begin, end, nbytes = line.split()
            found.setdefault(int(pid), Asked()).add(float(begin), float(end), int(nbytes))
    return found


def patient(sample: Any) -> Any:
    time.sleep(0.002)
    return sample


@pytest.mark.skipif(sys.platform == "win32", reason="threads do it there")
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_workers_look_ahead(path: str, tmp_path: Any, shuffle: bool, count: int) -> None:
    log = str(tmp_path / "log")

    class Hooks:
        @hookimpl
        def deeplake_wrap_store(self, store: Store, url: str) -> Store:
            return Logged(store, log)

    hooks = Hooks()
    plugins.register_hooks(hooks)
    try:
        ds = deeplake.load(path, memory_cache_size=0)
        loader = ds.dataloader().transform(patient).shuffle(shuffle).batch(20)
        loader = loader.numpy(num_workers=count, persistent_workers=True)
        rows = rows_of(loader)
        assert (sorted(rows) if shuffle else rows) == list(range(ROWS))
        found = asked(log)
        found.pop(os.getpid(), None)
        assert len(found) == count
        for one in found.values():
            assert one.most > 2  # a worker that only asks for its batch: headers, then samples
            assert one.nbytes < ROWS * SIZE * (0.6 if count > 1 and not shuffle else 1.2)
        iterator = iter(loader)
        next(iterator)
        del iterator  # an epoch that is left, and another one
        assert sorted(rows_of(loader)) == list(range(ROWS))
        loader.close()
    finally:
        plugins.unregister_hooks(hooks)
