"""Memory of results: used again when nobody has them any more, and never before."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import deeplake
from deeplake.dataset import results
from deeplake.dataset.results import KEPT, LARGE, SMALL


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    gc.collect()
    results.release()
    yield
    gc.collect()
    results.release()


def address(array: np.ndarray) -> int:
    return int(array.ctypes.data)


def test_memory_of_what_is_gone_is_used_again() -> None:
    first = results.empty((SMALL // 4,), np.uint32)
    assert first.flags.writeable
    assert first.flags.c_contiguous
    where = address(first)
    del first
    again = results.empty((2, SMALL // 2), "uint8")
    assert (again.shape, again.dtype, address(again)) == ((2, SMALL // 2), np.uint8, where)


def test_what_is_looked_at_is_nobody_elses() -> None:
    for look in (
        lambda array: array[:, 0],
        lambda array: array[5:6].T,
        memoryview,
        lambda array: np.frombuffer(array, np.uint8)[-3:],
        lambda array: array.reshape(-1).view(np.int16)[::7],
        lambda array: iter(array),
    ):
        array = results.empty((SMALL, 1), np.uint8)
        where = address(array)
        kept = look(array)
        del array
        other = results.empty((SMALL, 1), np.uint8)
        assert address(other) != where
        del kept
        gc.collect()
        assert address(results.empty((SMALL, 1), np.uint8)) == where


@pytest.mark.parametrize("shape", [(SMALL - 1,), (LARGE,), (0, SMALL), ()])
def test_what_the_allocator_is_good_at(shape: tuple[int, ...]) -> None:
    assert results.empty(shape, np.uint8).shape == shape
    assert not results._free


def test_little_memory_is_kept() -> None:
    arrays = [results.empty((SMALL,), np.uint8) for _ in range(KEPT + 5)]
    del arrays
    assert len(results._free) == KEPT
    arrays = [results.empty((LARGE // 3 + k,), np.uint8) for k in range(5)]
    del arrays
    assert sum(memory.nbytes for memory in results._free) <= LARGE
    # What is much larger than what is wanted is left to others.
    results.release()
    large = results.empty((4 * SMALL,), np.uint8)
    del large
    small = results.empty((SMALL,), np.uint8)
    assert [memory.nbytes for memory in results._free] == [4 * SMALL]
    assert small.nbytes == SMALL


def test_threads_never_share_memory() -> None:
    wrong = []
    start = threading.Barrier(4)

    def work(number: int) -> None:
        start.wait()
        for size in (SMALL, 2 * SMALL, SMALL + 64) * 60:
            array = results.empty((size,), np.uint8)
            array[:] = number
            copy = results.copied(array)
            if (array != number).any() or (copy != number).any():
                wrong.append(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert not wrong


def test_a_column_that_is_changed_changes_nothing_else(tmp_path: Path) -> None:
    """Nor does what is read after it was given up."""
    values = np.arange(60_000, dtype=np.uint32)
    ds = deeplake.empty(str(tmp_path / "ds"))
    ds.create_tensor("x", dtype="uint32")
    ds.x.extend(values)
    ds = deeplake.load(str(tmp_path / "ds"))
    kept = []
    for k in range(12):
        found = ds.x.numpy()
        assert found.tolist() == values[:, None].tolist() or found.tolist() == values.tolist()
        found[...] = k
        part = ds.x[100:50_000].numpy()
        np.testing.assert_array_equal(part.ravel(), values[100:50_000])
        part[...] = 100 + k
        if k % 3 == 0:
            kept.append((k, found[:, 0] if found.ndim == 2 else found[:], part[7:]))
    for k, found, part in kept:
        assert (found == k).all()
        assert (part == 100 + k).all()


def test_pictures_of_a_list_are_each_its_own(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (120 + k, 130, 3), dtype=np.uint8) for k in range(40)]
    ds = deeplake.empty(str(tmp_path / "ds"))
    ds.create_tensor("x", htype="image", sample_compression="png")
    ds.create_tensor("y", dtype="uint8")
    ds.extend({"x": pictures, "y": pictures})
    ds = deeplake.load(str(tmp_path / "ds"))
    rows = rng.integers(0, 40, 100).tolist()
    for tensor in (ds.x, ds.y):
        found = tensor[rows].numpy(aslist=True)
        for array, row in zip(found, rows, strict=True):
            np.testing.assert_array_equal(array, pictures[row])
            array[...] = row
        for array, row in zip(found, rows, strict=True):
            assert (array == row).all()
        np.testing.assert_array_equal(tensor[5].numpy(), pictures[5])
