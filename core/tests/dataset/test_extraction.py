"""Parts of large arrays on far stores: only the bytes that they need move, and those are checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deeplake
from deeplake import Dataset
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.extraction import cost, stretches
from deeplake.dataset.selection import Selection
from deeplake.errors import ChecksumError
from deeplake.format import chunk as chunk_format
from deeplake.storage.memory import MemoryStore
from deeplake.testing.stores import RecordingStore
from deeplake.versioning.repository import Repository
from deeplake.versioning.scrub import scrub
from deeplake.versioning.session import Session

MB = 1 << 20


def opened(store: Any) -> Dataset:
    return Dataset(Checkout("mem://parts", Session.open(Repository(store)), read_only=False))


def far(request_cost: int = 256 << 10) -> RecordingStore:
    memory = MemoryStore()
    able = replace(memory.capabilities, mapping=False, request_cost=request_cost)
    recording = RecordingStore(memory, capabilities=able)
    Repository(recording).create()
    return recording


def volumes(n: int, shape: tuple[int, ...], dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, (n, *shape)).astype(dtype)


def moved(store: RecordingStore, view: Any, **options: Any) -> tuple[Any, int]:
    """What a view reads as, and the bytes that came for it: the header is known before."""
    store.clear()
    found = view.numpy(**options)
    return found, store.bytes_read


# --------------------------------------------------------------------------- which bytes
@st.composite
def cases(draw: Any) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)))
    items: list[Any] = []
    for size in shape[: draw(st.integers(0, len(shape)))]:
        inside = st.integers(-size, size - 1)
        items.append(draw(st.slices(size) | inside | st.lists(inside, min_size=1, max_size=4)))
    return shape, tuple(items)


@given(case=cases(), gap=st.sampled_from([0, 3, 1000]), itemsize=st.sampled_from([1, 8]))
def test_stretches_hold_what_is_taken_and_nothing_more(
    case: tuple[tuple[int, ...], tuple[Any, ...]], gap: int, itemsize: int
) -> None:
    shape, items = case
    selection = Selection.ALL.select((0, *items), 1, len(shape))
    parts = selection.resolve(shape)
    found = stretches(parts, shape, itemsize, gap)
    read = np.zeros(int(np.prod(shape)) * itemsize, bool)
    for start, stop in found.tolist():
        assert 0 <= start < stop <= len(read)
        assert not read[start:stop].any()
        read[start:stop] = True
    grid = [np.atleast_1d(np.arange(size)[part]) for part, size in zip(parts, shape, strict=True)]
    wanted = np.zeros(shape, bool)
    wanted[np.ix_(*grid)] = True
    values = read.reshape(-1, itemsize)
    assert (values.all(axis=1) == values.any(axis=1)).all()
    if gap == 0:
        np.testing.assert_array_equal(values.all(axis=1), wanted.reshape(-1))
    else:
        assert values.all(axis=1)[wanted.reshape(-1)].all()


def test_cost_of_requests() -> None:
    assert cost([], 10) == 0
    assert cost([("a", 0, 5), ("a", 15, 20)], 10) == 30  # one request: what is between is read
    assert cost([("a", 16, 20), ("a", 0, 5)], 10) == 29
    assert cost([("a", 0, 5), ("b", 0, 5)], 10) == 30
    assert cost([("a", 0, 50), ("a", 10, 20)], 10) == 60


# --------------------------------------------------------------------------- large samples
SUBSCRIPTS = {
    "rows": np.s_[100:110],
    "one row": np.s_[7],
    "last row": np.s_[-1],
    "crop": np.s_[40:60, 10:20],
    "list": ([3, 200, 100], slice(0, 9)),
    "every": np.s_[::64, :2],
    "backwards": np.s_[20:10:-1],
    "none": np.s_[5:5],
}


@pytest.mark.parametrize("compression", [None, "lz4"])
@pytest.mark.parametrize("name", SUBSCRIPTS)
def test_a_part_of_one_volume(name: str, compression: str | None) -> None:
    store = far()
    arrays = volumes(2, (256, 64, 256), "uint16")  # of 8 MiB
    made = opened(store)
    made.create_tensor("x", dtype="uint16", chunk_compression=compression, tiling_threshold=-1)
    made.x.extend(arrays)
    ds = opened(store)
    assert ds.x[1].shape == (256, 64, 256)
    index = SUBSCRIPTS[name]
    items = index if isinstance(index, tuple) else (index,)
    found, read = moved(store, ds.x[(1, *items)])
    np.testing.assert_array_equal(found, arrays[1][index])
    assert read < 8 * MB // 4
    if name in ("rows", "one row", "last row"):
        assert read <= found.nbytes + 2 * chunk_format.PART_FRAME


def test_what_is_not_worth_it_is_read_whole() -> None:
    store = far(MB)
    arrays = volumes(3, (300, 200, 100))  # of 6 MB
    made = opened(store)
    made.create_tensor("x", dtype="uint8")
    made.x.extend(arrays)
    ds = opened(store)
    assert len(ds.x.shapes()) == 3
    found, read = moved(store, ds.x[1, :, :, 5])  # a byte of each hundred
    np.testing.assert_array_equal(found, arrays[1][:, :, 5])
    assert 6_000_000 <= read <= 6_000_000 + 2 * chunk_format.PART_FRAME
    assert store.count("get") == 1


@pytest.mark.parametrize("rows", [np.s_[:], np.s_[1:5], [4, 1], np.s_[::-2]])
def test_parts_of_several_rows_move_in_few_requests(rows: Any) -> None:
    store = far()
    arrays = volumes(6, (1024, 1536, 3))
    made = opened(store)
    made.create_tensor("x", dtype="uint8")
    made.x.extend(arrays)
    ds = opened(store)
    ds.x.shapes()
    for items in ((slice(100, 164),), (slice(100, 120), slice(7, 200)), (5,)):
        found, read = moved(store, ds.x[(rows, *items)])
        expected = arrays[rows][(slice(None), *items)]
        np.testing.assert_array_equal(found, expected)
        assert read <= len(found) * (64 * 4608 + 2 * chunk_format.PART_FRAME)
        assert store.count("get") <= len(found)
        listed = ds.x[(rows, *items)].numpy(aslist=True)
        assert len(listed) == len(expected)
        np.testing.assert_array_equal(np.stack(listed), expected)


def test_rows_of_several_shapes_and_none() -> None:
    store = far()
    arrays = [volumes(1, (1024, 1100 + 50 * i, 4))[0] for i in range(4)]
    made = opened(store)
    made.create_tensor("x", dtype="uint8")
    made.x.extend(arrays)
    ds = opened(store)
    ds.x.shapes()
    found, read = moved(store, ds.x[:, 10:20], aslist=True)
    for one, array in zip(found, arrays, strict=True):
        np.testing.assert_array_equal(one, array[10:20])
    assert read < 4 * MB
    made.x.append(None)
    again = opened(store)
    found = again.x[:, 10:20].numpy(aslist=True)
    assert [part.shape for part in found] == [(10, 1100 + 50 * i, 4) for i in range(4)] + [
        (0, 0, 0)
    ]


def test_samples_one_by_one_share_chunks(url: str) -> None:
    """Frames go over the bounds of samples, and those of what was appended one by one, too."""
    arrays = volumes(5, (1401, 1003, 3))
    ds = deeplake.empty(url, overwrite=True)
    ds.create_tensor("x", dtype="uint8")
    with ds:
        for array in arrays:
            ds.x.append(array)
    ds.commit()
    for dataset in (ds, deeplake.load(url)):
        np.testing.assert_array_equal(dataset.x.numpy(), arrays)
        for i in range(5):
            np.testing.assert_array_equal(dataset.x[i].numpy(), arrays[i])
            np.testing.assert_array_equal(dataset.x[i, 600:].numpy(), arrays[i, 600:])
        np.testing.assert_array_equal(dataset.x[[4, 0], 3:9, ::5].numpy(), arrays[[4, 0], 3:9, ::5])
    assert scrub(ds._checkout.repository).ok


# --------------------------------------------------------------------------- damage
def test_what_is_returned_was_checked(tmp_path: Path) -> None:
    arrays = volumes(1, (64, 256, 256))  # 4 MiB: 16 frames, four planes each
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("x", dtype="uint8")
    ds.x.extend(arrays)
    chunk, _ = ds.x._reader._locate(0)
    path = tmp_path / "ds" / "data" / chunk.oid
    path = path if path.exists() else next((tmp_path / "ds").rglob(f"*{chunk.oid[2:]}*"))
    header = chunk.header
    assert header.frames == 16
    data = bytearray(path.read_bytes())
    data[chunk.offset + header.header_length + 10 * 65536] ^= 1  # in plane 10
    del ds, chunk
    path.chmod(0o644)
    path.write_bytes(data)

    store = MemoryStore()
    for file in (tmp_path / "ds").rglob("*"):
        if file.is_file():
            store.put(file.relative_to(tmp_path / "ds").as_posix(), file.read_bytes())
    able = replace(store.capabilities, mapping=False, request_cost=64 << 10)
    for damaged in (
        opened(RecordingStore(store, capabilities=able)),
        deeplake.load(tmp_path / "ds"),
    ):
        tensor = damaged.x
        np.testing.assert_array_equal(tensor[0, 20:24].numpy(), arrays[0, 20:24])
        for part in (tensor[0, 10:12], tensor[0, 11, :4], tensor[0]):
            with pytest.raises(ChecksumError, match="frame 2 of 16"):
                part.numpy()
