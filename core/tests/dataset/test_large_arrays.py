"""Arrays stored from where they are: what the caller does with them afterwards, and meanwhile."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.dataset import writer
from deeplake.errors import SampleAppendError, SampleExtendError, StorageError
from deeplake.format.builder import Run
from deeplake.spi import PartWriter
from deeplake.storage import files
from deeplake.storage.local import LocalStore
from deeplake.storage.memory import MemoryStore
from deeplake.versioning import draft, lent, staging

ROWS = 400


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large, a full object, and enough for one, at a few KiB."""
    monkeypatch.setattr(writer, "BORROWED", 1 << 10)
    monkeypatch.setattr(staging, "OBJECT_SIZE", 1 << 20)
    monkeypatch.setattr(staging, "ENOUGH", 512 << 10)
    monkeypatch.setattr(draft, "LARGE_CHUNK", 200 << 10)
    monkeypatch.setattr(draft, "SMALL_CHUNK", 100 << 10)


@pytest.fixture(params=["small", "one", "many"])
def array(request: pytest.FixtureRequest) -> np.ndarray:
    """Of less than a chunk, of more than one object's rest, and of several objects."""
    side = {"small": 12, "one": 45, "many": 100}[request.param]
    rng = np.random.default_rng(side)
    return rng.integers(0, 256, (ROWS, side, side), dtype=np.uint8)


def hook_puts(ds: Dataset, monkeypatch: pytest.MonkeyPatch, call: Any) -> None:
    """Call something before each object of data is stored, and before each part of one."""
    assemble = LocalStore.assemble

    @contextmanager
    def assembled(self: LocalStore, key: str, size: int) -> Iterator[PartWriter]:
        with assemble(self, key, size) as write:

            def part(start: int, data: Any) -> None:
                if size:
                    call(key)
                write(start, data)

            yield part

    monkeypatch.setattr(LocalStore, "assemble", assembled)
    for kind in (LocalStore, MemoryStore):
        put = kind.put

        def watched(self: Any, key: str, data: Any, _put: Any = put, **options: Any) -> str:
            if key.startswith("data/"):
                call(key)
            answer: str = _put(self, key, data, **options)
            return answer

        monkeypatch.setattr(kind, "put", watched)


def reopened(ds: Dataset) -> Dataset:
    return ds if ds.path.startswith("mem://") else deeplake.load(ds.path)


@pytest.mark.parametrize("compression", [None, "lz4"])
@pytest.mark.parametrize("together", [True, False])
def test_an_array_may_be_changed_afterwards(
    ds: Dataset, array: np.ndarray, compression: str | None, together: bool
) -> None:
    ds.create_tensor("x", chunk_compression=compression)
    kept = array.copy()
    if together:
        with ds:
            for _ in range(3):
                ds.x.extend(array)
                array[:] = 7
                np.testing.assert_array_equal(ds.x[-ROWS:].numpy(), kept)
                array[:] = kept
            array[:] = 9
    else:
        for _ in range(3):
            ds.x.extend(array)
        array[:] = 9
    np.testing.assert_array_equal(reopened(ds).x.numpy(), np.concatenate([kept] * 3))


def test_one_row_at_a_time_after_a_large_array(ds: Dataset, array: np.ndarray) -> None:
    ds.create_tensor("x")
    kept = array.copy()
    with ds:
        ds.x.extend(array)
        array[:] = 1
        ds.x.append(kept[0])
        ds.x.extend(kept[:3])
    expected = np.concatenate([kept, kept[:1], kept[:3]])
    np.testing.assert_array_equal(reopened(ds).x.numpy(), expected)


def test_what_is_read_before_the_array_changes_stays(ds: Dataset, array: np.ndarray) -> None:
    ds.create_tensor("x")
    kept = array.copy()
    with ds:
        ds.x.extend(array)
        first, last = ds.x[0].numpy(), ds.x[ROWS - 1].numpy()
        array[:] = 3
        np.testing.assert_array_equal(first, kept[0])
        np.testing.assert_array_equal(last, kept[-1])
        np.testing.assert_array_equal(ds.x[5].numpy(), kept[5])


@pytest.mark.parametrize("how", ["tensor", "dataset"])
def test_an_array_that_changes_meanwhile_is_refused(
    ds: Dataset, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    array = np.random.default_rng(1).integers(0, 256, (ROWS, 100, 100), dtype=np.uint8)
    ds.create_tensor("labels", htype="class_label")
    ds.create_tensor("x")
    ds.extend({"labels": np.arange(4), "x": array[:4]})
    before = array[:4].copy()

    def change(key: str) -> None:
        array[10] += 1

    with monkeypatch.context() as patch:
        hook_puts(ds, patch, change)
        with pytest.raises(
            (SampleAppendError, SampleExtendError), match=r"'x', row 4: the array was written to"
        ):
            if how == "tensor":
                ds.x.extend(array)
            else:
                ds.extend({"labels": np.arange(ROWS), "x": array})
    assert len(ds.x) == len(ds.labels) == 4
    np.testing.assert_array_equal(ds.x.numpy(), before)
    ds.x.extend(array)
    assert len(ds.x) == 4 + ROWS
    np.testing.assert_array_equal(reopened(ds).x[4:].numpy(), array)


def test_an_upload_that_fails_is_tried_again(
    ds: Dataset, monkeypatch: pytest.MonkeyPatch, array: np.ndarray
) -> None:
    ds.create_tensor("x")
    kept = array.copy()
    failed: list[str] = []

    def fail(key: str) -> None:
        failed.append(key)
        raise StorageError("the disk is full")

    with ds:
        with monkeypatch.context() as patch:
            hook_puts(ds, patch, fail)
            ds.x.extend(array)
        array[:] = 0
    assert bool(failed) == (array.nbytes > staging.ENOUGH)
    np.testing.assert_array_equal(reopened(ds).x.numpy(), kept)


def test_an_interrupt_leaves_nothing_borrowed(ds: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(1).integers(0, 256, (ROWS, 100, 100), dtype=np.uint8)
    ds.create_tensor("x")
    with ds:
        with monkeypatch.context() as patch:

            def interrupt(self: Any, oid: str) -> None:
                raise KeyboardInterrupt

            patch.setattr(staging.Staging, "_finish", interrupt)
            patch.setattr(LocalStore, "assemble", lambda self, key, size: None)
            # Only the wait at the end is interrupted, when all rows are there.
            patch.setattr(staging, "MAX_UPLOADS", 100)
            patch.setattr(staging.Staging, "_reap", lambda self: None)
            with pytest.raises(KeyboardInterrupt):
                ds.x.extend(array)
        kept = array.copy()
        array[:] = 0
    rows = len(reopened(ds).x)
    assert rows in (0, ROWS)
    np.testing.assert_array_equal(reopened(ds).x.numpy().reshape(rows, 100, 100), kept[:rows])


@pytest.mark.parametrize("part", [0, 1, 3])
def test_an_interrupt_while_parts_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    ds = deeplake.empty(tmp_path / "ds")
    array = np.random.default_rng(1).integers(0, 256, (ROWS, 100, 100), dtype=np.uint8)
    caller = threading.current_thread()
    ds.create_tensor("x")
    with ds:
        ds.x.extend(array[:3])
        with monkeypatch.context() as patch:
            calls, interrupted = itertools.count(), threading.Event()

            def interrupt(key: str) -> None:
                if threading.current_thread() is not caller:
                    assert interrupted.wait(60)
                elif next(calls) >= part:
                    interrupted.set()
                    raise KeyboardInterrupt

            hook_puts(ds, patch, interrupt)
            with pytest.raises(KeyboardInterrupt):
                ds.x.extend(array)
        kept = array.copy()
        array[:] = 0
        rows = len(ds.x)
        ds.x.extend(kept[:5])
    assert rows in (20, 3 + ROWS)  # those that filled a chunk that was begun, or all
    expected = np.concatenate([kept[:3], kept[: rows - 3], kept[:5]])
    np.testing.assert_array_equal(reopened(ds).x.numpy(), expected)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "bool", "complex128"])
@pytest.mark.parametrize("side", [1, 7, 64, 300])
@pytest.mark.parametrize("rows", [1, 100])
def test_chunks_of_lent_memory_are_those_of_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, side: int, rows: int
) -> None:
    """Byte for byte, whatever the size of frames, and of what is written at a time."""
    from deeplake.format import chunk

    for name, size in (("LARGE_SAMPLE", 100_000), ("PART_FRAME", 20_000), ("SAMPLE_FRAME", 9_000)):
        monkeypatch.setattr(chunk, name, size)
    monkeypatch.setattr(chunk, "CHECKSUM_FRAME", 7_000)
    monkeypatch.setattr(lent, "WARM", 12_000)
    array = np.random.default_rng(side).integers(0, 256, (rows, side, side)).astype(dtype)
    payload = memoryview(array.reshape(-1).view(np.uint8).data)
    plain = chunk.PlainChunk(payload, rows, (side, side), array.dtype.str)
    copied = chunk.build(
        [payload], n=rows, dtype=array.dtype.str, shapes=(side, side),
        sizes=len(payload) // rows, borrowed=True,
    )  # fmt: skip
    data = lent.LentObject("0" * 16, [plain, plain])
    store = LocalStore(tmp_path / "store")
    with store.assemble("data/x", data.size) as write:
        data.write(write)
    stored = store.get("data/x")
    whole = b"".join(copied.buffers)
    assert data.headers == [(copied.header_length, copied.checksum)] * 2
    assert stored[: len(whole)] == whole
    assert stored[data.offsets[1] :] == whole
    assert not any(stored[len(whole) : data.offsets[1]])
    assert data.unchanged


def test_large_arrays_are_read_once_into_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """None of them is put as a whole: its checksums would be made when it is cold, twice."""
    array = np.random.default_rng(1).integers(0, 256, (ROWS, 100, 100), dtype=np.uint8)
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("x")
    parts: list[int] = []
    puts: list[int] = []
    write_at, write = files.write_at, files.write

    def counted(fd: int, start: int, part: memoryview) -> None:
        parts.append(len(part))
        write_at(fd, start, part)

    def whole(fd: int, parts: list[memoryview]) -> None:
        puts.append(sum(map(len, parts)))
        write(fd, parts)

    monkeypatch.setattr(files, "write_at", counted)
    monkeypatch.setattr(files, "write", whole)
    with ds:
        ds.x.extend(array)
    assert sum(parts) >= array.nbytes
    assert max(parts) <= 1 << 20
    assert sum(puts) < 100_000


def test_arrays_that_are_not_contiguous(ds: Dataset) -> None:
    wide = np.random.default_rng(2).integers(0, 256, (ROWS, 100, 3, 40), dtype=np.uint8)
    ds.create_tensor("x")
    with ds:
        ds.x.extend(wide[::2].transpose(0, 3, 1, 2))
        kept = wide.copy()
        wide[:] = 0
    np.testing.assert_array_equal(reopened(ds).x.numpy(), kept[::2].transpose(0, 3, 1, 2))


def test_an_array_of_a_file(ds: Dataset, tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "array.npy", array)
    ds.create_tensor("x")
    ds.x.extend(np.load(tmp_path / "array.npy", mmap_mode="r"))
    np.testing.assert_array_equal(reopened(ds).x.numpy(), array)


def test_the_caller_stores_what_uploads_have_no_room_for(
    ds: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that an upload of lent memory does is to copy: who would wait for one does that, too."""
    array = np.random.default_rng(1).integers(0, 256, (ROWS, 100, 100), dtype=np.uint8)
    caller, helped, who = threading.current_thread(), threading.Event(), []

    def watch(key: str) -> None:
        who.append(threading.current_thread())
        if threading.current_thread() is caller:
            helped.set()
        else:
            assert helped.wait(60)

    ds.create_tensor("x")
    with monkeypatch.context() as patch:
        hook_puts(ds, patch, watch)
        ds.x.extend(array)
    assert helped.is_set()
    assert {thread is caller for thread in who} == {True, False}
    np.testing.assert_array_equal(reopened(ds).x.numpy(), array)


def test_rows_of_half_a_chunk_are_not_copied(ds: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[int] = []  # rows of each run
    owned = Run.owned

    def watched(self: Run) -> Run:
        copied.append(self.n)
        return owned(self)

    monkeypatch.setattr(Run, "owned", watched)
    ds.create_tensor("x")
    array = np.random.default_rng(1).integers(0, 256, (ROWS, 100, 100), dtype=np.uint8)
    with ds:
        for rows, rest in ((16, []), (31, []), (21, [1])):  # 20 make a chunk
            copied.clear()
            kept = array[:rows].copy()
            ds.x.extend(kept)
            kept[:] = 0
            assert copied == rest
    np.testing.assert_array_equal(
        reopened(ds).x.numpy(), np.concatenate([array[:16], array[:31], array[:21]])
    )


def test_behind_a_network_the_caller_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go = threading.Event(), threading.Event()
    put = MemoryStore.put

    def slow(self: Any, key: str, data: Any, **options: Any) -> str:
        if key.startswith("data/"):
            begun.set()
            assert go.wait(60)
        return put(self, key, data, **options)

    array = np.random.default_rng(1).integers(0, 256, (150, 100, 100), dtype=np.uint8)
    kept = array.copy()
    ds = deeplake.empty("mem://far")
    ds.create_tensor("x")
    store = ds._checkout.repository.store
    capabilities = replace(store.capabilities, mapping=False)
    monkeypatch.setattr(store, "capabilities", capabilities)
    monkeypatch.setattr(MemoryStore, "put", slow)
    with ds:
        ds.x.extend(array)
        assert begun.wait(60)
        array[:] = 0
        go.set()
    np.testing.assert_array_equal(ds.x.numpy(), kept)
