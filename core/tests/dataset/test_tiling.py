"""Samples in tiles: above the threshold, read and written in parts, filled from zeros."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deeplake
from deeplake import Dataset
from deeplake.dataset import tiling
from deeplake.dataset.checkout import Checkout
from deeplake.errors import (
    ChecksumError,
    CorruptedSampleError,
    FormatError,
    IndexOutOfRangeError,
    SampleAppendError,
    SampleUpdateError,
)
from deeplake.storage.memory import MemoryStore
from deeplake.testing.stores import RecordingStore
from deeplake.versioning.collection import collect
from deeplake.versioning.repository import Repository
from deeplake.versioning.scrub import scrub
from deeplake.versioning.session import Session

THRESHOLD = 100_000
LOSSLESS: list[dict[str, Any]] = [
    {},
    {"chunk_compression": "lz4"},
    {"chunk_compression": "zlib"},
    {"sample_compression": "zstd"},
    {"htype": "image", "sample_compression": "png"},
    {"htype": "image", "chunk_compression": "png"},
    {"htype": "image", "sample_compression": None},
]


def noise(*shape: int, dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, shape).astype(dtype)


def recorded() -> tuple[Dataset, RecordingStore]:
    """A dataset on a store like a remote one, where each byte and request counts."""
    memory = MemoryStore()
    store = RecordingStore(
        memory, capabilities=replace(memory.capabilities, mapping=False, request_cost=0)
    )
    repository = Repository(store)
    repository.create()
    return reopened(store), store


def reopened(store: Any) -> Dataset:
    return Dataset(Checkout("mem://recorded", Session.open(Repository(store)), read_only=False))


def grid(tensor: deeplake.Tensor, row: int) -> Any:
    tiles = tensor._reader.tiles(row)
    return None if tiles is None else tiles.grid


# --------------------------------------------------------------------------- above the threshold
@pytest.mark.parametrize("options", LOSSLESS, ids=repr)
def test_large_samples_are_tiled_and_small_ones_are_not(
    ds: Dataset, url: str, options: dict[str, Any]
) -> None:
    ds.create_tensor("t", tiling_threshold=THRESHOLD, **options)
    large, small = noise(300, 400, 3), noise(30, 40, 3)
    samples = [small, large, None, small, large[:, ::-1], large[:50]]
    ds.t.extend(samples)
    ds.commit()
    for dataset in (ds, deeplake.load(url)):
        for row, sample in enumerate(samples):
            found = dataset.t[row].numpy()
            assert (found == sample).all() if sample is not None else found.shape == (0, 0, 0)
            assert (grid(dataset.t, row) is not None) == (row in (1, 4)), row
        together = dataset.t.numpy(aslist=True)
        assert all((a == b).all() for a, b in zip(together, samples, strict=True) if b is not None)
        assert (dataset.t[[4, 1, 1]].numpy() == np.stack([samples[4], large, large])).all()
        assert dataset.t.shape_interval.upper == (6, 300, 400, 3)
        assert (dataset.t.shapes()[1] == (300, 400, 3)).all()
    assert grid(ds.t, 1).n > 4
    assert scrub(ds._checkout.repository).ok


def test_an_array_of_large_samples(ds: Dataset) -> None:
    ds.create_tensor("t", tiling_threshold=THRESHOLD)
    samples = noise(3, 500, 600)
    ds.t.extend(samples)
    assert (ds.t.numpy() == samples).all()
    assert grid(ds.t, 2).n > 4
    samples[:] = 0  # what was stored is not what the caller holds
    assert ds.t[1].numpy().any()


def test_the_default_threshold_is_16_mb(ds: Dataset) -> None:
    ds.create_tensor("t")
    ds.create_tensor("never", tiling_threshold=-1)
    just = np.zeros(16_000_000, "uint8")
    just[::1000] = 1
    for tensor in (ds.t, ds.never):
        tensor.append(just)
        tensor.append(np.append(just, just[:1]))
    assert grid(ds.t, 0) is None
    assert 4 <= grid(ds.t, 1).n <= 5
    assert grid(ds.never, 1) is None
    assert (ds.t[1, :16_000_000].numpy() == just).all()


def test_images_are_judged_by_what_they_are_likely_to_become(ds: Dataset, gradient: Any) -> None:
    ds.create_tensor("jpeg", htype="image", sample_compression="jpeg", tiling_threshold=THRESHOLD)
    smooth = gradient(300, 400)
    ds.jpeg.append(smooth)
    assert smooth.nbytes > THRESHOLD
    assert grid(ds.jpeg, 0) is None
    ds.jpeg.append(gradient(900, 1200))
    assert grid(ds.jpeg, 1) is not None
    ds.jpeg.append(noise(500, 500, 3))  # its file turns out to be larger than expected
    assert grid(ds.jpeg, 2) is not None
    assert np.abs(ds.jpeg[1].numpy().astype(int) - gradient(900, 1200)).max() < 16


def test_files_stay_as_they_are_unless_tiles_were_asked_for(
    ds: Dataset, picture: Callable[..., bytes]
) -> None:
    from PIL import Image

    ds.create_tensor("kept", htype="image", sample_compression="png")
    ds.create_tensor("cut", htype="image", sample_compression="png", tiling_threshold=5000)
    import io

    out = io.BytesIO()
    Image.fromarray(noise(100, 100, 3)).save(out, "png")
    for tensor in (ds.kept, ds.cut):
        tensor.append(deeplake.read(out.getvalue()))
        assert (tensor[0].numpy() == noise(100, 100, 3)).all()
    assert ds.kept[0].tobytes() == out.getvalue()
    assert grid(ds.cut, 0) is not None
    assert ds.cut[0].sample_info == {"format": "png", "shape": [100, 100, 3], "modified": False}
    again = Image.open(io.BytesIO(ds.cut[0].tobytes()))
    assert (np.asarray(again) == noise(100, 100, 3)).all()


@pytest.mark.parametrize("shape", [(200_000,), (1000, 200), (60, 60, 60), (40, 30, 50, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "<f4", "bool", "<c8", "<i2"])
def test_arrays_of_any_dimensions_and_dtype(
    ds: Dataset, shape: tuple[int, ...], dtype: str
) -> None:
    ds.create_tensor("t", dtype=dtype, tiling_threshold=THRESHOLD)
    sample = noise(*shape, dtype=dtype)
    ds.t.append(sample)
    assert grid(ds.t, 0) is not None
    found = ds.t[0].numpy()
    assert found.dtype == sample.dtype
    assert (found == sample).all()
    assert (ds.t[0, ..., ::-7].numpy() == sample[..., ::-7]).all()


def test_minus_zero_is_not_a_tile_of_zeros(ds: Dataset) -> None:
    ds.create_tensor("t", tiling_threshold=THRESHOLD)
    ds.t.append(np.full((300, 300), -0.0))
    assert np.signbit(ds.t[0].numpy()).all()


def test_tensors_of_text_and_lists_have_no_tiles(ds: Dataset) -> None:
    ds.create_tensor("t", htype="text", tiling_threshold=100)
    ds.create_tensor("j", htype="json", tiling_threshold=100)
    ds.t.append("x" * 1000)
    ds.j.append({"x": list(range(1000))})
    assert ds.t[0].text() == "x" * 1000
    assert ds.j[0].dict() == {"x": list(range(1000))}


# --------------------------------------------------------------------------- only what is needed
@pytest.mark.parametrize("options", LOSSLESS, ids=repr)
def test_a_crop_reads_only_the_tiles_that_it_overlaps(options: dict[str, Any]) -> None:
    ds, store = recorded()
    ds.create_tensor("t", tiling_threshold=THRESHOLD, **options)
    sample = noise(600, 700, 3)
    ds.t.append(sample)
    ds = reopened(store)
    tiles = ds.t._reader.tiles(0)
    assert tiles is not None
    lengths = tiles.directory.tiles["length"].reshape(tiles.grid.counts[:2])
    side = tiles.grid.tile[0]
    cases: list[tuple[Any, Any]] = [
        ((slice(0, 5), slice(0, 5)), lengths[:1, :1]),
        ((slice(side - 1, side + 1), slice(0, 9)), lengths[:2, :1]),
        ((5,), lengths[:1]),
        ((slice(None), -1, 0), lengths[:, -1:]),
        (([0, 1, 599, 599], slice(0, 1)), lengths[[0, -1], :1]),
        ((slice(0, 600, 599), slice(699, None, -699)), lengths[[[0], [-1]], [0, -1]]),
        ((slice(5, 5),), lengths[:0]),
    ]
    for subscript, needed in cases:
        store.clear()
        expected = sample
        if isinstance(subscript[0], list):
            expected = sample[subscript[0]]
            expected = expected[:, subscript[1]]
        else:
            expected = sample[subscript]
        assert (ds.t[(0, *subscript)].numpy() == expected).all()
        assert store.count("get") <= needed.size
        assert store.bytes_read == needed.sum(), subscript
    store.clear()
    assert (ds.t[:, :5, :5].numpy() == sample[None, :5, :5]).all()
    assert (ds[0].t[:5, :5].numpy() == sample[:5, :5]).all()
    assert store.bytes_read == 2 * lengths[0, 0]


def test_a_part_is_written_without_reading_what_it_replaces() -> None:
    ds, store = recorded()
    ds.create_tensor("t", tiling_threshold=THRESHOLD)
    sample = noise(600, 700, 3)
    ds.t.append(sample)
    ds = reopened(store)
    shape = grid(ds.t, 0)
    side, across = shape.tile[:2]
    store.clear()
    ds.t[0, :side, :across] = 7
    sample[:side, :across] = 7
    assert not any(r.op == "get" and r.size > 10_000 for r in store.requests)
    assert store.bytes_written < 3 * side * across * 3
    store.clear()
    ds.t[0, side : side + 1, 0] = 9
    sample[side : side + 1, 0] = 9
    assert store.bytes_written < 3 * side * across * 3
    assert (ds.t[0].numpy() == sample).all()
    assert (reopened(store).t[0].numpy() == sample).all()


def test_zeros_are_neither_stored_nor_fetched() -> None:
    ds, store = recorded()
    ds.create_tensor("t", dtype="uint8")
    store.clear()
    ds.t.append(deeplake.tiled((100_000, 100_000, 3)))
    assert store.bytes_written < 1_000_000
    ds = reopened(store)
    assert ds.t.shape == (1, 100_000, 100_000, 3)
    ds.t[0, :1].numpy()
    store.clear()
    assert not ds.t[0, 5000:6000, 70_000:71_000].numpy().any()
    assert store.count() == 0
    ds.t[0, 5500:5600, 70_100] = [1, 2, 3]
    found = ds.t[0, 5000:6000, 70_000:71_000].numpy()
    assert (found[500:600, 100] == [1, 2, 3]).all()
    assert found.sum() == 600


# --------------------------------------------------------------------------- like NumPy
@st.composite
def cases(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], str]:
    shape = tuple(draw(st.lists(st.integers(1, 13), min_size=1, max_size=4)))
    tile = tuple(draw(st.integers(1, n + 2)) for n in shape)
    return shape, tile, draw(st.sampled_from(["uint8", "<i4", "<f8", "bool"]))


def subscript(size: int) -> st.SearchStrategy[Any]:
    bound = st.none() | st.integers(-size - 2, size + 2)
    step = st.integers(-4, 4).filter(bool) | st.none()
    positions = st.lists(st.integers(-size, size - 1), max_size=5)
    return st.one_of(st.builds(slice, bound, bound, step), st.integers(-size, size - 1), positions)


def expected(sample: np.ndarray, items: tuple[Any, ...]) -> np.ndarray:
    """What subscripts that act axis by axis take."""
    return sample[_grid(sample.shape, items)].reshape(
        [
            len(np.arange(n)[i])
            for n, i in zip(sample.shape, _padded(sample.shape, items), strict=True)
            if not isinstance(i, int)
        ]
    )


def _padded(shape: tuple[int, ...], items: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*items, *[slice(None)] * (len(shape) - len(items)))


def _grid(shape: tuple[int, ...], items: tuple[Any, ...]) -> Any:
    axes = [
        np.atleast_1d(np.arange(n)[np.array(i, int) if isinstance(i, list) else i])
        for n, i in zip(shape, _padded(shape, items), strict=True)
    ]
    return np.ix_(*axes)


@settings(max_examples=60, deadline=None)
@given(st.data(), cases(), st.sampled_from([{}, {"chunk_compression": "zlib"}]))
def test_reads_and_writes_like_numpy(
    data: st.DataObject, case: tuple[Any, Any, str], codec: dict[str, Any]
) -> None:
    shape, tile, dtype = case
    ds = deeplake.empty("mem://numpy", overwrite=True)
    ds.create_tensor("t", dtype=dtype, **codec)
    ds.t.append(deeplake.tiled(shape, tile_shape=tile))
    model = np.zeros(shape, dtype)
    assert grid(ds.t, 0).shape == shape
    for step in range(data.draw(st.integers(1, 6))):
        count = data.draw(st.integers(0, len(shape)))
        items = tuple(data.draw(subscript(n)) for n in shape[:count])
        part = expected(model, items)
        if data.draw(st.booleans()):
            value: Any = noise(*part.shape, dtype=dtype, seed=step)
            if count and part.ndim and data.draw(st.booleans()):
                value = value[:1] if part.shape[0] else value
            if not count:
                ds.t[0, ...] = value
            else:
                ds.t[(0, *items)] = value
            block = model[_grid(shape, items)]
            block[...] = np.broadcast_to(value, part.shape).reshape(block.shape)
            # NumPy writes the last of what is named twice.
            model[_grid(shape, items)] = block
        found = ds.t[(0, *items)].numpy()
        wanted = expected(model, items)
        assert found.shape == wanted.shape
        assert (found == wanted).all()
    assert (ds.t[0].numpy() == model).all()
    assert (ds.t.numpy()[0] == model).all()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400)), min_size=1, max_size=5),
    st.sampled_from([0, 1000, 20_000, 100_000, -1]),
    st.randoms(use_true_random=False),
)
def test_any_threshold_gives_the_same_samples(
    shapes: list[tuple[int, int]], threshold: int, random: Any
) -> None:
    ds = deeplake.empty("mem://thresholds", overwrite=True)
    ds.create_tensor("t", dtype="uint8", tiling_threshold=threshold)
    model = [noise(*shape, seed=k) for k, shape in enumerate(shapes)]
    ds.t.extend(model)
    for step in range(6):
        row = random.randrange(len(model)) if model else 0
        what = random.choice(["append", "update", "part", "pop", "commit"])
        fresh = noise(random.randint(1, 400), random.randint(1, 400), seed=100 + step)
        if what == "append":
            ds.t.append(fresh)
            model.append(fresh)
        elif what == "update" and model:
            ds.t[row] = fresh
            model[row] = fresh
        elif what == "part" and model:
            model[row] = model[row].copy()
            model[row][:7, 3:] = 5
            ds.t[row, :7, 3:] = 5
        elif what == "pop" and model:
            ds.t.pop(row)
            model.pop(row)
        elif what == "commit":
            ds.commit(allow_empty=True)
    found = ds.t.numpy(aslist=True)
    assert len(found) == len(model)
    assert all((a == b).all() for a, b in zip(found, model, strict=True))


# --------------------------------------------------------------------------- partial updates
@pytest.mark.parametrize("tiled", [True, False])
@pytest.mark.parametrize("options", LOSSLESS, ids=repr)
def test_parts_are_replaced(ds: Dataset, url: str, options: dict[str, Any], tiled: bool) -> None:
    ds.create_tensor("t", tiling_threshold=THRESHOLD if tiled else -1, **options)
    model = noise(300, 400, 3)
    ds.t.extend([model[:5], model])
    before = ds.commit()
    model = model.copy()
    ds.t[1, 10:200, 5:390] = np.arange(385 * 3).reshape(385, 3).astype("uint8")
    model[10:200, 5:390] = np.arange(385 * 3).reshape(385, 3).astype("uint8")
    ds.t[1][20:30] = noise(10, 400, 3, seed=5)
    model[20:30] = noise(10, 400, 3, seed=5)
    ds[1].t[::50, -1] = 3
    model[::50, -1] = 3
    ds.t[1, [7, 250], :, [0, 2]] = 9
    model[np.ix_([7, 250], range(400), [0, 2])] = 9
    ds.t[1, 0] += 1
    model[0] += 1
    ds.t[:, 0, 0] = [[1, 2, 3], [4, 5, 6]]
    model[0, 0] = [4, 5, 6]
    assert (grid(ds.t, 1) is not None) == tiled
    for dataset in (ds, deeplake.load(url)):
        assert (dataset.t[1].numpy() == model).all()
        assert dataset.t[0, 0, 0].numpy().tolist() == [1, 2, 3]
        assert dataset.t[1].sample_info["modified"] is True
    old = deeplake.load(f"{url}@{before}")
    assert (old.t[1].numpy() == noise(300, 400, 3)).all()


@pytest.mark.parametrize("tiled", [True, False])
@pytest.mark.parametrize(
    ("item", "value"),
    [
        ((slice(0, 5), slice(0, 5)), np.zeros((5, 4, 3), "uint8")),
        ((slice(0, 5),), np.zeros((6, 400, 3), "uint8")),
        ((slice(0, 5),), 300),
        ((slice(0, 5),), np.zeros((5, 400, 3), "float64")),
        ((slice(0, 5),), "text"),
        ((slice(0, 5),), None),
    ],
    ids=str,
)
def test_what_does_not_fit_changes_nothing(ds: Dataset, tiled: bool, item: Any, value: Any) -> None:
    ds.create_tensor("t", tiling_threshold=THRESHOLD if tiled else -1)
    model = noise(300, 400, 3)
    ds.t.extend([model, model])
    with pytest.raises(SampleUpdateError, match=r"'t', row 1\b"):
        ds.t[(1, *item)] = value
    assert (ds.t.numpy() == model).all()
    with pytest.raises(SampleUpdateError, match=r"'t', row 1\b.*300"):
        ds.t[1, 300] = 0
    with pytest.raises(IndexOutOfRangeError):
        ds.t[1, 300].numpy()


def test_a_tile_that_cannot_be_encoded_is_an_error_and_changes_nothing(
    ds: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deeplake.errors import SampleCompressionError
    from deeplake.versioning import tiles

    ds.create_tensor("t", tiling_threshold=THRESHOLD)
    ds.create_tensor("u")
    model = noise(300, 400, 3)
    ds.extend({"t": [model, model], "u": [1, 2]})
    encode = tiles.encode_tile
    calls = iter(range(1000))

    def fails(tile: np.ndarray, codecs: Any) -> Any:
        if next(calls) == 6:
            raise SampleCompressionError("no room for it")
        return encode(tile, codecs)

    monkeypatch.setattr(tiles, "encode_tile", fails)
    with pytest.raises(SampleAppendError, match=r"'t', row 2: no room"):
        ds.t.extend([model[:5], model])
    calls = iter(range(1000))
    with pytest.raises(SampleAppendError, match=r"'t', row 2: no room"):
        ds.append({"t": model, "u": 3})
    calls = iter(range(1000))
    with pytest.raises(SampleUpdateError, match=r"'t', row 1: no room"):
        ds.t[1] = model[::-1]
    assert (len(ds.t), len(ds.u)) == (2, 2)
    assert (ds.t.numpy() == model).all()


# --------------------------------------------------------------------------- deeplake.tiled
@pytest.mark.parametrize("options", LOSSLESS, ids=repr)
def test_zeros_that_are_filled(ds: Dataset, url: str, options: dict[str, Any]) -> None:
    ds.create_tensor("t", **{"dtype": "uint8", **options})
    ds.t.append(deeplake.tiled((103, 110, 3), tile_shape=(10, 10, 3)))
    assert grid(ds.t, 0).tile == (10, 10, 3)
    assert (ds.t[0, :10, :10].numpy() == np.zeros((10, 10, 3), "uint8")).all()
    model = np.zeros((103, 110, 3), "uint8")
    for y in range(0, 100, 17):
        for x in range(0, 100, 23):
            ds.t[0][y : y + 9, x : x + 12] = noise(9, 12, 3, seed=x * y)[: 103 - y, : 110 - x]
            model[y : y + 9, x : x + 12] = noise(9, 12, 3, seed=x * y)[: 103 - y, : 110 - x]
    assert (deeplake.load(url).t[0].numpy() == model).all()
    assert grid(ds.t, 0).tile == (10, 10, 3)


def test_zeros_take_the_dtype_of_the_tensor_which_must_have_one(ds: Dataset) -> None:
    ds.create_tensor("none")
    ds.create_tensor("floats", dtype="float32")
    ds.create_tensor("mask", htype="binary_mask")
    ds.create_tensor("image", htype="image", sample_compression="png")
    ds.create_tensor("text", htype="text")
    sample = deeplake.tiled((64, 64))
    assert sample.shape == (64, 64)
    with pytest.raises(SampleAppendError, match="'none', row 0.*dtype"):
        ds.none.append(sample)
    with pytest.raises(SampleAppendError, match="'text', row 0"):
        ds.text.append(sample)
    for name, dtype in (("floats", "float32"), ("mask", "bool"), ("image", "uint8")):
        ds[name].append(sample)
        assert ds[name].dtype == dtype
        assert ds[name][0].numpy().dtype == dtype
        assert not ds[name][0].numpy().any()
    ds.floats[0, 3] = 0.5
    assert ds.floats[0].numpy().sum() == 32


def test_zeros_of_a_shape_that_fits(ds: Dataset) -> None:
    ds.create_tensor("t", dtype="uint8")
    ds.t.append(np.ones((2, 3), "uint8"))
    ds.t.extend([deeplake.tiled((20, 30)), np.ones((1, 1), "uint8"), deeplake.tiled((0, 5))])
    assert [s.shape for s in ds.t.numpy(aslist=True)] == [(2, 3), (20, 30), (1, 1), (0, 5)]
    with pytest.raises(SampleAppendError, match="'t', row 4.*dimensions"):
        ds.t.append(deeplake.tiled((20, 30, 3)))
    for shape, tile in (
        ((), None),
        ((-1, 2), None),
        ((10, 10), (5,)),
        ((10, 10), (0, 5)),
        (5, None),
    ):
        with pytest.raises(ValueError, match="shape"):
            deeplake.tiled(shape, tile)  # type: ignore[arg-type]
    with pytest.raises(SampleAppendError, match="at most"):
        ds.t.append(deeplake.tiled((1 << 21, 10), tile_shape=(1, 10)))
    with pytest.raises(SampleAppendError, match="at most"):
        ds.t.append(deeplake.tiled((1 << 16, 1 << 16), tile_shape=(1 << 16, 1 << 16)))
    ds.create_tensor("png", htype="image", sample_compression="png", dtype="uint8")
    with pytest.raises(SampleAppendError, match="channels"):
        ds.png.append(deeplake.tiled((10, 10, 3), tile_shape=(5, 5, 1)))


# --------------------------------------------------------------------------- everything else
@pytest.fixture
def filled(local: Dataset) -> tuple[Dataset, list[np.ndarray]]:
    """Tiled and plain rows, some of which were changed in parts."""
    local.create_tensor("t", tiling_threshold=THRESHOLD, dtype="uint8")
    local.create_tensor("n")
    rows = [noise(300, 400, 3), noise(3, 4, 3, seed=1), noise(200, 300, 3, seed=2)]
    local.extend({"t": rows, "n": [0, 1, 2]})
    local.commit("first")
    local.t[0, :9, :9] = 1
    rows[0] = rows[0].copy()
    rows[0][:9, :9] = 1
    local.commit("second")
    return local, rows


def check(ds: Dataset, rows: list[np.ndarray], name: str = "t") -> None:
    found = ds[name].numpy(aslist=True)
    assert len(found) == len(rows)
    assert all((a == b).all() for a, b in zip(found, rows, strict=True))


def test_garbage_collection_follows_directories(
    filled: tuple[Dataset, list[np.ndarray]],
) -> None:
    ds, rows = filled
    # Of the object with the first row, only tiles are needed now, not the directory.
    ds.t.pop(1)
    ds.commit()
    repository = ds._checkout.repository
    assert collect(repository, dry_run=False, grace=0).keys == ()
    again = deeplake.load(ds.path)
    check(again, [rows[0], rows[2]])
    again.delete_tensor("n")
    again.reset()


def test_tiles_that_nothing_leads_to_are_collected(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "garbage")
    ds.create_tensor("t", tiling_threshold=THRESHOLD)
    ds.t.append(noise(300, 400, 3))
    ds.t[0] = noise(300, 400, 3, seed=1)
    repository = ds._checkout.repository
    before = repository.size()
    assert len(collect(repository, dry_run=False, grace=0).keys) >= 1
    assert repository.size() < before - 300_000
    check(deeplake.load(tmp_path / "garbage"), [noise(300, 400, 3, seed=1)])


def test_copies_have_tiles_of_their_own(
    filled: tuple[Dataset, list[np.ndarray]], tmp_path: Path
) -> None:
    ds, rows = filled
    ds.copy(tmp_path / "copy", progressbar=False)
    ds[1:].copy(tmp_path / "view", progressbar=False)
    deeplake.deepcopy(ds.path, tmp_path / "deep", progressbar=False)
    deeplake.deepcopy(ds.path, tmp_path / "some", tensors=["t"], progressbar=False)
    os.rename(ds.path, tmp_path / "moved away")
    for name, wanted in (("copy", rows), ("view", rows[1:]), ("deep", rows), ("some", rows)):
        copy = deeplake.load(tmp_path / name)
        check(copy, wanted)
        assert grid(copy.t, len(wanted) - 1) is not None
        assert scrub(copy._checkout.repository).ok


def test_rows_travel_to_other_tensors(filled: tuple[Dataset, list[np.ndarray]]) -> None:
    ds, rows = filled
    ds.create_tensor("other", tiling_threshold=THRESHOLD, sample_compression="zlib")
    ds.other.extend(ds.t)
    ds.other.append(ds.t[0])
    ds.other.append(ds.t[0, :100, :100])
    check(ds, [*rows, rows[0], rows[0][:100, :100]], "other")


def test_rechunking_leaves_tiles_where_they_are(
    filled: tuple[Dataset, list[np.ndarray]],
) -> None:
    ds, rows = filled
    for k in range(10):
        ds.t.append(noise(3, 4, 3, seed=k))
        rows.append(noise(3, 4, 3, seed=k))
    before = ds._checkout.repository.size()
    draft = ds.t._draft
    draft.rewrite()
    ds._checkout.session.begin()
    ds.flush()
    ds.rechunk(progressbar=False)
    assert ds._checkout.repository.size() < before + 50_000
    check(deeplake.load(ds.path), rows)


def test_merging_keeps_both_sides_tiles(filled: tuple[Dataset, list[np.ndarray]]) -> None:
    ds, rows = filled
    ds.checkout("other", create=True)
    ds.t[2, 5:9] = 8
    ds.append({"t": rows[0][::-1], "n": 3})
    ds.commit()
    ds.checkout("main")
    ds.t[0, 299] = 7
    ds.commit()
    ds.merge("other")
    rows[2] = rows[2].copy()
    rows[2][5:9] = 8
    rows.append(rows[0][::-1])
    rows[0] = rows[0].copy()
    rows[0][299] = 7
    check(ds, rows)
    assert scrub(ds._checkout.repository).ok


def test_class_names_of_tiles_are_merged(local: Dataset) -> None:
    local.create_tensor("m", htype="segment_mask", class_names=["a"], tiling_threshold=THRESHOLD)
    local.m.append(np.zeros((2, 2), "uint32"))
    local.commit()
    local.checkout("other", create=True)
    local.m.info.class_names = ["a", "c"]
    mask = noise(300, 200) % 2
    local.m.append(mask.astype("uint32"))
    local.commit()
    local.checkout("main")
    local.m.info.class_names = ["a", "b"]
    local.m.append(np.ones((2, 2), "uint32"))
    local.commit()
    local.merge("other")
    assert local.m.info.class_names == ["a", "b", "c"]
    assert grid(local.m, 2) is not None
    assert (local.m[2].numpy() == np.where(mask == 1, 2, 0)).all()


def test_views_and_loaders(filled: tuple[Dataset, list[np.ndarray]]) -> None:
    ds, rows = filled
    view = ds[[2, 0]]
    assert (view.t[1].numpy() == rows[0]).all()
    parts = [sample.t.numpy() for sample in ds[::2, 10:20, 5]]
    assert all((a == b[10:20, 5]).all() for a, b in zip(parts, rows[::2], strict=True))
    loaded = [np.asarray(row["t"]) for batch in ds.dataloader().numpy() for row in batch]
    assert len(loaded) == 3
    assert all((a.reshape(b.shape) == b).all() for a, b in zip(loaded, rows, strict=True))


def test_downsampled_copies(local: Dataset) -> None:
    local.create_tensor(
        "t", htype="image", sample_compression="png", tiling_threshold=THRESHOLD,
        downsampling=(2, 2),
    )  # fmt: skip
    sample = noise(400, 500, 3)
    local.t.append(sample)
    local.t.append(deeplake.tiled((400, 500, 3), tile_shape=(64, 64, 3)))
    local.t[0, 101:211, 50:53] = 7
    local.t[1, [3, 4, 399]] = 9
    sample = sample.copy()
    sample[101:211, 50:53] = 7
    zeros = np.zeros_like(sample)
    zeros[[3, 4, 399]] = 9
    for k in (2, 4):
        copy = local[f"_t_downsampled_{k}"]
        assert (copy[0].numpy() == sample[::k, ::k]).all()
        assert (copy[1].numpy() == zeros[::k, ::k]).all()


# --------------------------------------------------------------------------- damage
def test_damaged_tiles_are_found_and_named(filled: tuple[Dataset, list[np.ndarray]]) -> None:
    ds, rows = filled
    tiles = ds.t._reader.tiles(0)
    assert tiles is not None
    record = tiles.directory.tiles[7]
    path = Path(ds.path) / "data" / "{:016x}{:016x}".format(*record["object"].tolist())
    data = bytearray(path.read_bytes())
    data[int(record["offset"]) + int(record["header"]) + 5] ^= 1
    os.chmod(path, 0o644)
    path.write_bytes(data)
    ds = deeplake.load(ds.path)
    with pytest.raises(ChecksumError, match=f"{path.name}.*tile 7"):
        ds.t[0].numpy()
    box = tiles.grid.box(7)
    good = (slice(0, 4), slice(0, 4))
    assert (ds.t[(0, *good)].numpy() == rows[0][good]).all()
    with pytest.raises(ChecksumError, match="tile 7"):
        ds.t[(0, *box)].numpy()
    report = scrub(ds._checkout.repository)
    assert len(report.problems) == 1
    assert "tile 7" in report.problems[0]
    os.remove(path)
    with pytest.raises((FormatError, OSError)):
        deeplake.load(ds.path).t[0].numpy()


def test_a_damaged_file_in_a_tile_names_tensor_and_row(
    local: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deeplake.versioning import tiles

    local.create_tensor("t", htype="image", sample_compression="png", tiling_threshold=THRESHOLD)
    encode = tiles.encode_tile
    from deeplake.format import chunk

    def broken(tile: np.ndarray, codecs: Any) -> Any:
        block = encode(tile, codecs)
        if block is None:
            return None
        data = bytearray(codecs.sample.encode(np.ascontiguousarray(tile)))
        data[200:220] = bytes(20)
        return chunk.build(
            [bytes(data)], n=1, dtype="|u1", shapes=tile.shape, sizes=len(data), sample_codec="png"
        )

    monkeypatch.setattr(tiles, "encode_tile", broken)
    local.t.extend([noise(10, 10, 3), noise(300, 400, 3)])
    with pytest.raises(CorruptedSampleError, match=r"'t', row 1: .*tile"):
        local.t[1, :5].numpy()


# --------------------------------------------------------------------------- memory
def run_bounded(code: str, limit: int, *arguments: str) -> str:
    """What a program prints that may have ``limit`` bytes of memory beyond what it starts with."""
    start = f"""
import resource, sys, numpy as np, deeplake, os
from PIL import Image
pages = int(open("/proc/self/statm").read().split()[0])
def bound():
    pages = int(open("/proc/self/statm").read().split()[0])
    size = pages * os.sysconf("SC_PAGE_SIZE") + {limit}
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
"""
    done = subprocess.run(
        [sys.executable, "-c", start + code, *arguments], capture_output=True, text=True,
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_large_image_needs_no_second_copy_in_memory(tmp_path: Path) -> None:
    """Also with what the upload has not written yet, the peak stays far below another copy."""
    code = """
ds = deeplake.empty(sys.argv[1])
ds.create_tensor("t", htype="image", sample_compression=None)
image = np.empty((15_000, 15_000, 3), "uint8")  # 675 MB
image[...] = np.arange(15_000, dtype="uint8")[:, None]
bound()
ds.t.append(image)
crop = ds.t[0, 7000:7500, 14_000:]
assert (crop.numpy() == image[7000:7500, 14_000:]).all()
del image
ds = deeplake.load(sys.argv[1])
assert ds.t[0, ::1000, ::1000].numpy().shape == (15, 15, 3)
print("done")
"""
    # Threads have stacks of 8 MB of address space each, and one map of each object is 32 MiB.
    assert run_bounded(code, 1_500_000_000, str(tmp_path / "large")) == "done\n"


def test_what_does_not_fit_into_memory_says_so(tmp_path: Path) -> None:
    code = """
ds = deeplake.empty(sys.argv[1])
ds.create_tensor("t", dtype="uint8")
ds.t.append(deeplake.tiled((60_000, 60_000)))
bound()
try:
    ds.t[0].numpy()
except deeplake.errors.SampleTooLargeError as error:
    assert isinstance(error, MemoryError)
    print(error)
assert ds.t[0, :5, ::100].numpy().shape == (5, 600)
"""
    answer = run_bounded(code, 1_000_000_000, str(tmp_path / "zeros"))
    assert "'t'" in answer
    assert "3.4 GiB" in answer


def test_thresholds_that_mean_something(ds: Dataset) -> None:
    ds.create_tensor("t")
    assert tiling.threshold(ds.t._schema) == 16_000_000


@settings(max_examples=60)
@given(data=st.data())
def test_windows_are_what_numpy_takes(data: st.DataObject, tmp_path_factory: Any) -> None:
    """Of tiles that lie in memory maps, of which some are zeros; what is taken is nobody else's."""
    shape = tuple(data.draw(st.lists(st.integers(1, 90), min_size=2, max_size=3)))
    tile = tuple(data.draw(st.integers(1, n)) for n in shape)
    model = noise(*shape, dtype=data.draw(st.sampled_from(["uint8", "<i4", "<f8"])))
    ds = deeplake.empty(str(tmp_path_factory.mktemp("windows")))
    ds.create_tensor("t", dtype=str(model.dtype))
    ds.t.append(deeplake.tiled(shape, tile))
    start = data.draw(st.integers(0, shape[0] - 1)) if data.draw(st.booleans()) else 0
    model[:start] = 0
    ds.t[0, start:] = model[start:]
    ds = deeplake.load(ds.path)
    bounds = st.none() | st.integers(-100, 100)
    for _ in range(6):
        item = tuple(
            slice(data.draw(bounds), data.draw(bounds), data.draw(st.sampled_from([None, 1, 1, 2, -1])))
            for _ in range(data.draw(st.integers(0, len(shape))))
        )  # fmt: skip
        found = ds.t[(0, *item)].numpy()
        np.testing.assert_array_equal(found, model[item], strict=True)
        found[...] = 1
    np.testing.assert_array_equal(ds.t[0].numpy(), model)
