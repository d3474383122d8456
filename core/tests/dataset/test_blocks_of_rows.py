"""Rows of plain samples, one after the other or scattered: copied from maps of their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deeplake
from deeplake import Dataset
from deeplake.dataset import chunks, reader
from deeplake.errors import ChecksumError


def written(path: Path, values: np.ndarray, *, chunk: int = 4096) -> Dataset:
    ds = deeplake.empty(path, overwrite=True)
    ds.create_tensor("x", dtype=values.dtype.name, max_chunk_size=chunk)
    ds.x.extend(values)
    return deeplake.load(path)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, np.ndarray]:
    """20,000 rows in many chunks, some of which are split by later updates and removals."""
    values = np.random.default_rng(0).integers(0, 1 << 30, (20_000, 1))
    ds = written(tmp_path_factory.mktemp("blocks") / "ds", values)
    for row in (0, 700, 701, 19_999):
        ds.x[row] = values[row] = -row
    ds.x.pop([5, 6_000, 6_001])
    return deeplake.load(ds.path), np.delete(values, [5, 6_000, 6_001], axis=0)


@settings(deadline=None, max_examples=100)
@given(
    a=st.integers(-20_000, 20_100), b=st.integers(-20_000, 20_100), step=st.sampled_from([1, 7, -3])
)
def test_any_slice(many: tuple[Dataset, np.ndarray], a: int, b: int, step: int) -> None:
    ds, values = many
    found = ds.x[a:b:step].numpy()
    assert found.dtype == values.dtype
    assert np.array_equal(found, values[a:b:step])


@settings(deadline=None, max_examples=50)
@given(rows=st.lists(st.integers(0, 19_996), min_size=1, max_size=50))
def test_any_rows(many: tuple[Dataset, np.ndarray], rows: list[int]) -> None:
    ds, values = many
    assert np.array_equal(ds.x[rows].numpy(), values[rows])


def test_one_by_one(many: tuple[Dataset, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    """In any order, and with more chunks than are remembered."""
    ds, values = many
    order = np.random.default_rng(1).permutation(len(values)).tolist()
    for most in (256, 3):
        monkeypatch.setattr(chunks, "MAX_OPEN", most)
        x = deeplake.load(ds.path).x
        for row in order[:3000]:
            assert x[row].numpy().tolist() == values[row].tolist()


def test_rows_that_change_are_found_where_they_are(tmp_path: Path) -> None:
    ds = written(tmp_path / "ds", np.arange(2_000).reshape(-1, 1))
    for row in range(0, 2_000, 7):
        assert ds.x[row].numpy() == row
    ds.x[700] = -1
    ds.x.pop(3)
    model = np.delete(np.where(np.arange(2_000) == 700, -1, np.arange(2_000)), 3)
    for row in range(0, 1_999, 7):
        assert ds.x[row].numpy() == model[row]


def test_all_of_them_is_a_copy(many: tuple[Dataset, np.ndarray]) -> None:
    ds, values = many
    found = ds.x.numpy()
    assert np.array_equal(found, values)
    found[:] = 0
    assert np.array_equal(ds.x.numpy(), values)
    first = ds.x[:10].numpy()
    first[:] = 0
    assert np.array_equal(ds.x[:10].numpy(), values[:10])


def test_on_threads(many: tuple[Dataset, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    ds, values = many
    monkeypatch.setattr(reader, "COPIED", 1)
    assert np.array_equal(ds.x.numpy(), values)
    assert np.array_equal(ds.x[100:15_000].numpy(), values[100:15_000])


READS: list[Any] = [
    lambda ds: ds.x.numpy(), lambda ds: ds.x[4_000:].numpy(), lambda ds: ds.x[4_999].numpy(),
    lambda ds: ds.x[[4_999, 1]].numpy(), lambda ds: ds.x[::-1].numpy(),
    lambda ds: ds.x[4_990:].numpy(aslist=True),
]  # fmt: skip


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("width", [50, 2500])
def test_every_way_to_read_is_checked(tmp_path: Path, read: Any, width: int) -> None:
    values = np.arange(5_000 * width, dtype=np.int32).reshape(5_000, width)
    ds = written(tmp_path / "ds", values, chunk=16 << 20)
    last = values[-1].tobytes()
    files = [path for path in (tmp_path / "ds" / "data").rglob("*") if path.is_file()]
    (largest,) = [path for path in files if last in path.read_bytes()]
    data = bytearray(largest.read_bytes())
    at = data.index(last)
    data[at] ^= 1
    largest.chmod(0o644)
    largest.write_bytes(data)
    ds = deeplake.load(ds.path)
    assert np.array_equal(ds.x[:10].numpy(), values[:10])
    with pytest.raises(ChecksumError):
        read(ds)
    with pytest.raises(ChecksumError):  # it is not forgotten either
        read(ds)


def test_checks_of_a_part_are_none_of_the_whole(tmp_path: Path) -> None:
    values = np.arange(320_000, dtype=np.int32).reshape(5_000, 64)  # 20 frames of checksums
    ds = written(tmp_path / "ds", values, chunk=16 << 20)
    files = [path for path in (tmp_path / "ds" / "data").rglob("*") if path.is_file()]
    (largest,) = [path for path in files if values[-1].tobytes() in path.read_bytes()]
    data = bytearray(largest.read_bytes())
    data[data.index(values[-1].tobytes())] ^= 1
    largest.chmod(0o644)
    largest.write_bytes(data)
    ds = deeplake.load(ds.path)
    for _ in range(2):
        for part in (slice(0, 4_500), slice(4_000, 4_800), slice(7, 8), list(range(0, 4_800, 3))):
            assert np.array_equal(ds.x[part].numpy(), values[part])
        for part in (slice(4_990, 5_000), slice(None), [0, 4_999], 4_999, slice(1, None)):
            with pytest.raises(ChecksumError):
                ds.x[part].numpy()
