"""The same batches from every kind of store and chunk, on any number of threads."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake.dataset import chunks
from deeplake.dataset.reader import TensorReader
from deeplake.errors import ChecksumError, DeepLakeError
from deeplake.format.chunk import ChunkHeader
from deeplake.loader import gather, plan
from deeplake.loader import memory as memories
from deeplake.loader.memory import Memory
from deeplake.loader.pipeline import PREFIX
from deeplake.storage import maps
from deeplake.storage.maps import Maps


@pytest.fixture
def columns() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    boxes = [rng.random((i % 4, 4), dtype="f4") for i in range(300)]
    return {
        "plain": (rng.integers(0, 256, (300, 8, 8), dtype=np.uint8), {"max_chunk_size": 2000}),
        "packed": (
            rng.integers(0, 9, (300, 8, 8), dtype=np.uint8),
            {"chunk_compression": "zlib", "max_chunk_size": 2000},
        ),
        "boxes": (boxes, {"htype": "bbox", "max_chunk_size": 1000}),
        "words": ([f"word {i}" for i in range(300)], {"htype": "text", "max_chunk_size": 200}),
        "row": np.arange(300),
    }


def _check(ds: deeplake.Dataset, columns: dict[str, Any]) -> None:
    for batch_size, threads in ((1, 4), (7, 1), (64, 8), (300, 3)):
        for shuffle in (False, True):
            loader = ds.dataloader().batch(batch_size).shuffle(shuffle)
            rows = []
            for batch in loader.numpy(num_threads=threads):
                for sample in batch:
                    row = sample["row"].item()
                    rows.append(row)
                    for name in ("plain", "packed", "boxes"):
                        assert np.array_equal(sample[name], columns[name][0][row])
                    assert sample["words"].item() == f"word {row}"
            assert (sorted(rows) if shuffle else rows) == list(range(300))


def test_mapped(make: Any, tmp_path: Any, columns: dict[str, Any]) -> None:
    make(str(tmp_path / "ds"), **columns)
    _check(deeplake.load(str(tmp_path / "ds")), columns)


def test_fetched(make: Any, tmp_path: Any, columns: dict[str, Any], far: Any) -> None:
    make(str(tmp_path / "ds"), **columns)
    ds = deeplake.load(str(tmp_path / "ds"))
    _check(ds, columns)
    assert far.store is not None
    assert far.store.count("map") == 0


def test_more_chunks_than_are_kept_open(
    make: Any, tmp_path: Any, columns: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Threads evict each other's chunks all the time, and change places as often as they can.
    monkeypatch.setattr(chunks, "MAX_OPEN", 3)
    monkeypatch.setattr(gather, "MAX_OPEN", 3)
    monkeypatch.setattr(chunks, "MAX_INFLATED", 3000)
    make(str(tmp_path / "ds"), **columns)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        _check(deeplake.load(str(tmp_path / "ds")), columns)
    finally:
        sys.setswitchinterval(before)


def test_rows_that_were_changed_and_removed(make: Any, columns: dict[str, Any]) -> None:
    plain = columns["plain"][0].copy()
    ds = make(plain=columns["plain"], row=columns["row"])
    plain[[5, 200, 201]] = 7
    ds.plain[[5, 200, 201]] = plain[[5, 200, 201]]
    ds.pop([0, 17, 299])
    kept = np.delete(plain, [0, 17, 299], axis=0)
    for loader in (ds.dataloader().batch(50), ds.dataloader().batch(50).shuffle()):
        got = {s["row"].item(): s["plain"] for batch in loader for s in batch}
        assert list(np.sort(list(got))) == np.delete(np.arange(300), [0, 17, 299]).tolist()
        assert np.array_equal(np.stack([got[row] for row in sorted(got)]), kept)


def test_far_rows_are_shuffled_in_windows(
    make: Any, tmp_path: Any, far: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "BLOCKS", 8)
    monkeypatch.setattr(plan, "LEAST", 0)
    # 57 blocks: a last one that is not full would make one window shorter.
    samples = np.zeros((399, 1 << 16), np.uint8)
    make(str(tmp_path / "ds"), x=(samples, {"max_chunk_size": 1 << 20}), row=np.arange(399))
    ds = deeplake.load(str(tmp_path / "ds"))
    loader = ds.dataloader().shuffle(buffer_size=4).batch(8).numpy()
    assert loader.state_dict()["shuffle"] == [7, 63]
    rows = [s["row"].item() for batch in loader for s in batch]
    assert sorted(rows) == list(range(399))
    first = {row // 7 for row in rows[:63]}
    assert len(first) == 9  # nine blocks of seven rows that lie side by side
    assert rows[:63] != sorted(rows[:63])


def test_neighbours_are_fetched_together(make: Any, tmp_path: Any, far: Any) -> None:
    make(str(tmp_path / "ds"), x=np.zeros((1024, 1024), np.uint8))
    ds = deeplake.load(str(tmp_path / "ds"))
    assert far.store is not None
    far.store.clear()
    assert len(list(ds.dataloader().batch(64).numpy(num_threads=2))) == 16
    assert far.store.count("get") <= 4
    assert far.store.bytes_read < 2 << 20


# --------------------------------------------------------------------------- checks
@pytest.fixture
def checked(make: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A mapped chunk whose checks wait to be let go on, and the frames that were checked."""
    make(str(tmp_path / "ds"), plain=np.arange(64_000, dtype=np.uint32).reshape(1000, 64))
    snapshot = deeplake.load(str(tmp_path / "ds")).dataloader().numpy()._snapshot
    ((chunk, _, _),) = snapshot.sources["plain"].reader.groups(np.arange(1000))
    state = SimpleNamespace(chunk=chunk, frames=[], begun=threading.Event(), go=threading.Event())
    check = ChunkHeader.check_frames

    def slow(self: ChunkHeader, payload: memoryview, frames: Any, *rest: Any) -> None:
        state.begun.set()
        state.go.wait()
        state.frames.append(len(frames))
        check(self, payload, frames, *rest)

    monkeypatch.setattr(ChunkHeader, "check_frames", slow)
    yield state
    state.go.set()


def test_two_threads_do_not_check_the_same_bytes(checked: Any) -> None:
    chunk, rows = checked.chunk, np.arange(1000)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(chunk.verify_samples, rows)
        checked.begun.wait()
        assert not chunk.verify_samples(rows, wait=False)
        others = [pool.submit(chunk.verify_samples, rows) for _ in range(2)]
        checked.go.set()
        assert first.result()
        assert all(other.result() for other in others)
    assert checked.frames == [len(chunk.header.verified)]
    assert chunk.verify_samples(rows, wait=False)


def test_the_child_of_a_fork_checks_for_itself(
    checked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunk, rows = checked.chunk, np.arange(1000)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(chunk.verify_samples, rows)
        checked.begun.wait()
        # As in a child: the lock is held, and the thread that would release it is not there.
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: -1)
            checked.go.set()
            assert chunk.verify_samples(rows, wait=False)
        assert first.result()


def test_a_check_that_fails_lets_others_check(checked: Any) -> None:
    chunk, rows = checked.chunk, np.arange(1000)
    checked.go.set()
    chunk.header.checksums = chunk.header.checksums ^ np.uint64(1)
    for _ in range(2):
        with pytest.raises(ChecksumError):
            chunk.verify_samples(rows, wait=False)


# --------------------------------------------------------------------------- private maps
@pytest.fixture
def viewed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """How many parts of files were mapped to be handed out as they are."""
    monkeypatch.setattr(gather, "VIEWED", 1)
    made: list[int] = []
    private = Maps.private

    def counted(self: Maps, path: str, start: int, stop: int) -> memoryview | None:
        view = private(self, path, start, stop)
        made.append(0 if view is None else view.nbytes)
        return view

    monkeypatch.setattr(Maps, "private", counted)
    return made


def test_neighbours_are_handed_out_without_a_copy(make: Any, tmp_path: Any, viewed: Any) -> None:
    # 64 bytes a row, chunks of about 150 rows: some batches lie in two of them.
    plain = np.random.default_rng(0).integers(0, 256, (1000, 8, 8), dtype=np.uint8)
    make(str(tmp_path / "ds"), plain=(plain, {"max_chunk_size": 10_000}), row=np.arange(1000))
    ds = deeplake.load(str(tmp_path / "ds"))
    for view in (ds, ds[3:], ds[3:777]):
        viewed.clear()
        batches = list(view.dataloader().batch(32).pytorch())
        assert sum(viewed) >= plain[: len(view)].nbytes * 0.9
        rows = np.concatenate([batch["row"].numpy().ravel() for batch in batches])
        assert np.array_equal(rows, np.arange(1000)[3 if len(view) < 1000 else 0 :][: len(view)])
        assert np.array_equal(np.concatenate([batch["plain"] for batch in batches]), plain[rows])


def test_what_is_done_to_a_batch_is_seen_by_nobody_else(
    make: Any, tmp_path: Any, viewed: Any
) -> None:
    plain = np.random.default_rng(0).integers(0, 256, (500, 8, 8), dtype=np.uint8)
    make(str(tmp_path / "ds"), plain=(plain, {"max_chunk_size": 10_000}))
    ds = deeplake.load(str(tmp_path / "ds"))
    loader = ds.dataloader().batch(32).pytorch()
    for _ in range(2):
        batches = list(loader)
        for batch, a in zip(batches, range(0, 500, 32), strict=True):
            assert np.array_equal(batch["plain"], plain[a : a + 32])
            batch["plain"].zero_()
        assert not any(batch["plain"].any() for batch in batches)
    assert sum(viewed) > plain.nbytes
    assert np.array_equal(ds.plain.numpy(), plain)
    assert np.array_equal(deeplake.load(str(tmp_path / "ds")).plain.numpy(), plain)


def test_all_batches_of_an_epoch_are_kept(
    make: Any, tmp_path: Any, viewed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "PRIVATE", 5)  # as if there were thousands of chunks
    plain = np.arange(2000 * 64, dtype=np.uint32).reshape(2000, 8, 8)
    make(str(tmp_path / "ds"), plain=(plain, {"max_chunk_size": 10_000}))
    batches = list(deeplake.load(str(tmp_path / "ds")).dataloader().batch(32).numpy(num_threads=1))
    assert viewed.count(0) > 0
    assert np.array_equal(np.stack([s["plain"] for b in batches for s in b]), plain)


def test_what_is_not_stored_yet_is_read_as_well(make: Any, tmp_path: Any, viewed: Any) -> None:
    plain = np.random.default_rng(0).integers(0, 256, (900, 8, 8), dtype=np.uint8)
    ds = make(str(tmp_path / "ds"), plain=(plain[:400], {"max_chunk_size": 10_000}))
    with ds:  # nothing of this is flushed
        ds.plain.extend(plain[400:])
        ds.plain[17] = plain[18]
        expected = plain.copy()
        expected[17] = plain[18]
        for loader in (ds.dataloader(), ds.dataloader().shuffle()):
            for _ in range(3):
                batches = list(loader.batch(32).pytorch())
                rows = np.concatenate([batch["index"].numpy().ravel() for batch in batches])
                assert sorted(rows) == list(range(900))
                found = np.concatenate([batch["plain"] for batch in batches])
                assert np.array_equal(found, expected[rows])


def test_damage_is_found_before_anything_is_handed_out(
    make: Any, tmp_path: Any, viewed: Any
) -> None:
    plain = np.random.default_rng(0).integers(0, 256, (500, 8, 8), dtype=np.uint8)
    make(str(tmp_path / "ds"), plain=(plain, {"max_chunk_size": 10_000}))
    (file,) = (f for f in (tmp_path / "ds" / "data").rglob("*") if f.stat().st_size > plain.nbytes)
    data = bytearray(file.read_bytes())
    at = data.index(plain[300].tobytes())
    data[at] ^= 1
    file.write_bytes(data)
    with pytest.raises(ChecksumError):
        list(deeplake.load(str(tmp_path / "ds")).dataloader().batch(100).numpy())
    file.write_bytes(data[:at])
    with pytest.raises(DeepLakeError):
        list(deeplake.load(str(tmp_path / "ds")).dataloader().batch(100).numpy())


# --------------------------------------------------------------------------- what is in memory
@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Files need not be seconds old for their state to be told apart; and the process knows of none."""
    monkeypatch.setattr(gather, "VIEWED", 1)
    monkeypatch.setattr(maps, "SETTLED", -(10**18))
    maps.latest.clear()
    yield maps.latest
    maps.latest.clear()


def _names() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith(PREFIX)]


def test_what_is_in_memory_is_copied_by_the_loop(make: Any, tmp_path: Any, settled: Any) -> None:
    path = str(tmp_path / "ds")
    plain = np.random.default_rng(0).integers(0, 256, (1000, 8, 8), dtype=np.uint8)
    wide = np.arange(1000, dtype=np.uint16)
    make(path, plain=(plain, {"max_chunk_size": 10_000}), row=np.arange(1000), wide=wide)
    kinds, threads = [], []
    for view in (slice(None), slice(None), slice(3, 777), slice(None, None, 3), slice(900, 901)):
        ds = deeplake.load(path)[view]
        expected = np.arange(1000)[view]
        for size, drop in ((32, False), (7, True)):
            loader = ds.dataloader().batch(size, drop_last=drop).pytorch()
            said = loader.explain()
            found = []
            for batch in loader:
                found.append({key: value.numpy().copy() for key, value in batch.items()})
                batch["plain"].zero_()  # is seen by nobody
                threads.append(len(_names()))
            kinds.append(loader.stats()["kind"])
            assert ("the loop itself" in said) == (kinds[-1] == "loop")
            n = len(expected) // size * size if drop else len(expected)
            if not n:
                continue
            rows = np.concatenate([batch["row"].ravel() for batch in found])
            assert np.array_equal(rows, expected[:n])
            assert np.array_equal(np.concatenate([b["plain"] for b in found]), plain[rows])
            assert np.array_equal(np.concatenate([b["wide"] for b in found]).ravel(), wide[rows])
    # The first time through, threads check what they read.
    assert kinds == ["threads"] + 9 * ["loop"]
    assert threads[0] > 0
    assert not any(threads[-20:])


def test_who_asks_for_threads_has_them(make: Any, tmp_path: Any, settled: Any) -> None:
    path = str(tmp_path / "ds")
    make(path, x=np.arange(4000).reshape(1000, 4))
    ds = deeplake.load(path)
    plain = ds.dataloader().batch(10)
    list(plain.numpy())
    for kind, loader in {
        "loop": plain.numpy(),
        "threads": plain.numpy(num_threads=2),
        "threads ": plain.shuffle().numpy(),
        "threads  ": plain.transform({"x": lambda x: x + 1}).numpy(),
    }.items():
        assert sum(len(batch) for batch in loader) == 1000
        assert loader.stats()["kind"] == kind.strip()


def test_an_epoch_of_the_loop_is_gone_on_with(make: Any, tmp_path: Any, settled: Any) -> None:
    path = str(tmp_path / "ds")
    make(path, x=np.arange(1000))
    list(deeplake.load(path).dataloader().batch(10).numpy())

    def rows(batches: Any) -> list[int]:
        return [int(sample["x"][0]) for batch in batches for sample in batch]

    for position in (0, 1, 42, 99, 100):
        loader = deeplake.load(path).dataloader().batch(10).numpy()
        begun = iter(loader)
        seen = [next(begun) for _ in range(position)]
        state = loader.state_dict()
        another = deeplake.load(path).dataloader().batch(10).numpy()
        another.load_state_dict(state)
        assert rows(seen) + rows(another) == [*range(1000)]
        assert rows(begun) == [*range(10 * position, 1000)]
        begun.close()
        assert list(begun) == []


def test_of_a_file_that_changed_nothing_is_in_memory(
    make: Any, tmp_path: Any, settled: Any
) -> None:
    path = str(tmp_path / "ds")
    plain = np.random.default_rng(0).integers(0, 256, (500, 8, 8), dtype=np.uint8)
    make(path, plain=(plain, {"max_chunk_size": 10_000}))
    for _ in range(2):
        loader = deeplake.load(path).dataloader().batch(100).numpy()
        list(loader)
    assert loader.stats()["kind"] == "loop"
    (file,) = (f for f in (tmp_path / "ds" / "data").rglob("*") if f.stat().st_size > plain.nbytes)
    data = bytearray(file.read_bytes())
    data[data.index(plain[300].tobytes())] ^= 1
    file.write_bytes(data)
    loader = deeplake.load(path).dataloader().batch(100).numpy()
    with pytest.raises(ChecksumError):
        list(loader)
    assert loader.stats()["kind"] == "threads"


def test_what_is_damaged_is_told_where_it_is_read(make: Any, tmp_path: Any, settled: Any) -> None:
    path = str(tmp_path / "ds")
    plain = np.zeros((500, 8, 8), np.uint8)
    make(path, plain=(plain, {"max_chunk_size": 10_000}))
    loader = deeplake.load(path).dataloader().batch(100).numpy()
    list(loader)
    (file,) = (f for f in (tmp_path / "ds" / "data").rglob("*") if f.stat().st_size > plain.nbytes)
    file.write_bytes(bytes(64) + file.read_bytes()[64:])
    epoch = iter(deeplake.load(path).dataloader().batch(100).numpy())
    with pytest.raises(DeepLakeError):
        next(epoch)


def test_many_data_are_mapped_as_before(
    make: Any, tmp_path: Any, settled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memories, "WHOLE", 10_000)
    make(str(tmp_path / "ds"), x=np.arange(4000).reshape(1000, 4))
    for _ in range(3):
        loader = deeplake.load(str(tmp_path / "ds")).dataloader().batch(10).numpy()
        assert sum(len(batch) for batch in loader) == 1000
        assert loader.stats()["kind"] == "threads"


# --------------------------------------------------------------------------- memory
def test_memory_is_used_again_when_nobody_holds_it() -> None:
    memory = Memory()
    first = memory.array((100, 1000), np.float32)
    place, part = first.ctypes.data, first[3:5]
    assert first.ctypes.data % 64 == 0
    del first
    second = memory.array((100, 1000), np.float32)
    assert second.ctypes.data != place  # a part of it is held
    part[:] = 7
    del part
    third = memory.array((200, 1000), np.uint16)  # as many bytes
    assert third.ctypes.data == place
    assert (third.shape, third.dtype) == ((200, 1000), np.uint16)
    assert memory.array((2, 2), np.int64).shape == (2, 2)


def test_memory_of_a_loader_that_is_gone_is_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memories, "_left", left := {})
    memory = Memory()
    arrays = [memory.array((2 << 20,), np.uint8) for _ in range(3)]
    small = memory.array((1 << 16,), np.uint8)
    places = {array.ctypes.data for array in arrays}
    kept = arrays.pop()
    del arrays, small, memory
    assert len(left) == 2  # the small one is the allocator's, and one is in use
    another = Memory()
    found = [another.array((1 << 19,), np.uint32) for _ in range(3)]
    assert not left
    assert {array.ctypes.data for array in found} & places == places - {kept.ctypes.data}
    # What is let go of after its loader is left, too.
    del found, another
    assert len(left) == 3
    last = kept.ctypes.data
    del kept
    assert len(left) == 4
    assert last in {one.ctypes.data for one in left.values()}
    # Not more than a bound, of whatever size; the oldest goes first.
    monkeypatch.setattr(memories, "SPARE", 6 << 20)
    for size in (3 << 20, 5 << 20, 7 << 20):
        array = (memory := Memory()).array((size,), np.uint8)
        del array, memory
        assert sum(one.nbytes for one in left.values()) <= 6 << 20
    assert [one.nbytes for one in left.values()] == []


def test_batches_that_are_kept_stay_as_they_were(make: Any, tmp_path: Any) -> None:
    rows = np.arange(400 * 4096, dtype=np.int32).reshape(400, 4096)
    ds = make(str(tmp_path / "ds"), x=rows)
    loader = ds.dataloader().batch(20).numpy()
    kept = [sample["x"] for batch in loader for sample in batch if sample["x"][0] % 7 == 0]
    list(loader)
    assert len(kept) > 10
    assert all(np.array_equal(x, rows[x[0] // 4096]) for x in kept)


@pytest.mark.parametrize("shuffle", [False, True])
def test_files_that_are_few_are_mapped_and_checked_once(
    make: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, shuffle: bool
) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (40, 96, 96, 3), dtype=np.uint8)
    ds = make(
        str(tmp_path / "ds"),
        pictures=(pictures, {"htype": "image", "sample_compression": "png"}),
        row=np.arange(40),
    )
    checked = []
    monkeypatch.setattr(
        ChunkHeader, "check",
        lambda header, *rest, check=ChunkHeader.check: (checked.append(rest), check(header, *rest)),
    )  # fmt: skip
    loader = deeplake.load(ds.path).dataloader().batch(8).shuffle(shuffle).numpy()
    for _ in range(2):
        found = {int(sample["row"][0]): sample["pictures"] for batch in loader for sample in batch}
        assert len(found) == 40
        assert all(np.array_equal(found[row], pictures[row]) for row in found)
    # What is fetched is checked each time: nothing was.
    assert checked == []


def test_pages_of_maps_are_given_back(
    make: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memories, "RESIDENT", 1 << 20)
    monkeypatch.setattr(memories, "WHOLE", 1 << 20)
    rng = np.random.default_rng(0)
    columns = {
        "plain": (rng.integers(0, 256, (256, 128, 128), dtype=np.uint8), {}),
        "files": (
            rng.integers(0, 256, (256, 64, 64, 3), dtype=np.uint8),
            {"htype": "image", "sample_compression": "png"},
        ),
    }
    ds = make(str(tmp_path / "ds"), **columns)
    released = []
    release = TensorReader.release
    monkeypatch.setattr(
        TensorReader, "release", lambda self: (released.append(self), release(self))
    )
    loader = deeplake.load(ds.path).dataloader().batch(16).shuffle().numpy()
    for batch in loader:
        for sample in batch:
            assert sample["plain"].shape == (128, 128)
    assert {reader.schema.name for reader in released} == {"plain", "files"}
    for _ in range(2):
        found = [s for batch in ds.dataloader().batch(16).numpy() for s in batch]
        for key, (values, _) in columns.items():
            assert np.array_equal([s[key] for s in found], values)
