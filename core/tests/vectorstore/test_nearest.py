"""Nearest neighbours, beside NumPy in double precision."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deeplake
from deeplake import VectorStore
from deeplake.errors import IncorrectEmbeddingShapeError
from deeplake.vectorstore import nearest as searching
from deeplake.vectorstore.distance import Probe, metric
from deeplake.vectorstore.nearest import smallest

METRICS = ("cos", "l2", "l1", "max")


def model(name: str, rows: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """``float64[n]``, with numbers so long that nothing is rounded away."""
    wide = rows.astype(np.longdouble)
    other = vector.astype(np.longdouble)
    if name == "cos":
        lengths = np.sqrt((wide**2).sum(1)) * np.sqrt((other**2).sum())
        with np.errstate(all="ignore"):
            return np.where(lengths == 0, 0, (wide @ other) / lengths).astype(np.float64)
    difference = np.abs(wide - other)
    found = {
        "l2": lambda: np.sqrt((difference**2).sum(1)),
        "l1": lambda: difference.sum(1),
        "max": lambda: difference.max(1),
    }[name]()
    return np.asarray(found, np.float64)


def store_of(rows: Any, **tensor: Any) -> VectorStore:
    params = [
        {"name": "embedding", "htype": "embedding", **tensor},
        {"name": "n", "dtype": "int64"},
    ]
    store = VectorStore("mem://nearest", tensor_params=params, overwrite=True, verbose=False)
    store.add(embedding=rows, n=np.arange(len(rows)))
    return store


def rows_of(found: dict[str, Any]) -> list[int]:
    return [int(one[0]) for one in found["n"]]


# --------------------------------------------------------------------------- beside the model
@st.composite
def searches(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, str, int]:
    """Few distinct values, so that there are ties; or any numbers of any size."""
    n, d = draw(st.integers(1, 40)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    scale = draw(st.sampled_from([1.0, 1e-25, 1e-3, 1e25]))
    if draw(st.booleans()):
        rows, vector = rng.integers(-1, 2, (n, d)) * scale, rng.integers(-1, 2, d) * scale
    else:
        rows, vector = rng.standard_normal((n, d)) * scale, rng.standard_normal(d) * scale
    rows = rows.astype(draw(st.sampled_from(["float32", "float64"])))
    return rows, vector, draw(st.sampled_from(METRICS)), draw(st.integers(1, 50))


@settings(max_examples=150, deadline=None)
@given(searches())
def test_nearest_are_those_of_the_model(search: tuple[np.ndarray, np.ndarray, str, int]) -> None:
    rows, vector, name, k = search
    found = store_of(rows, dtype=rows.dtype.name).search(
        embedding=vector, k=k, distance_metric=name, return_tensors=["n"]
    )
    expected = model(name, rows, vector)
    key = -expected if name == "cos" else expected
    assert len(found["n"]) == len(found["score"]) == min(k, len(rows))
    chosen = rows_of(found)
    assert len(set(chosen)) == len(chosen)
    tolerance = 1e-12 * max(np.abs(expected).max(), 1e-300)
    assert np.allclose(found["score"], expected[chosen], rtol=1e-12, atol=tolerance)
    # What was left out is not nearer, apart from what single precision cannot tell.
    left = np.delete(key, chosen)
    slack = 1e-5 * max(np.abs(key).max(), 1e-300)
    assert not len(left) or left.min() >= key[chosen].max() - slack
    assert (np.diff(key[chosen]) >= -tolerance).all()


@pytest.mark.parametrize("name", METRICS)
def test_rows_at_the_same_distance_are_in_order(name: str) -> None:
    rows = np.tile(np.eye(4, dtype=np.float32), (500, 1))
    found = store_of(rows).search(
        embedding=[1, 0, 0, 0], k=600, distance_metric=name, return_tensors=["n"]
    )
    assert rows_of(found)[:500] == list(range(0, 2000, 4))
    rest = [k for k in range(2000) if k % 4][:100]
    assert rows_of(found)[500:] == rest


@given(
    st.lists(st.sampled_from([0.0, 1.0, -1.0, np.nan, np.inf, 2.5]), max_size=40),
    st.integers(1, 45),
)
def test_smallest(keys: list[float], wanted: int) -> None:
    expected = sorted(range(len(keys)), key=lambda k: (np.isnan(keys[k]), keys[k], k))[:wanted]
    assert smallest(np.array(keys), wanted).tolist() == expected


@given(st.integers(0, 2**32), st.integers(1, 30), st.booleans())
@settings(max_examples=20)
def test_smallest_of_many(seed: int, wanted: int, few: bool) -> None:
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, 3 if few else 10**6, 20_000).astype(np.float32)
    keys[rng.integers(0, 20_000, 50)] = np.nan
    assert smallest(keys, wanted).tolist() == np.argsort(keys, kind="stable")[:wanted].tolist()


# --------------------------------------------------------------------------- odd embeddings
def test_zeros_have_no_direction() -> None:
    store = store_of(np.array([[0, 0], [1, 0], [-1, 0]], np.float32))
    found = store.search(embedding=[2, 0], return_tensors=["n"])
    assert (rows_of(found), found["score"]) == ([1, 0, 2], [1, 0, -1])
    nothing = store.search(embedding=[0, 0], return_tensors=["n"])
    assert (rows_of(nothing), nothing["score"]) == ([0, 1, 2], [0, 0, 0])


@pytest.mark.parametrize("name", METRICS)
def test_nan_comes_last(name: str) -> None:
    rows = np.array([[np.nan, 1], [1, 2], [np.nan, np.nan], [3, -1]], np.float32)
    found = store_of(rows).search(embedding=[3, 0], k=4, distance_metric=name, return_tensors=["n"])
    assert rows_of(found) == [3, 1, 0, 2]
    assert np.isnan(found["score"]).tolist() == [False, False, True, True]
    fewer = store_of(rows).search(embedding=[3, 0], k=2, distance_metric=name)
    assert fewer["score"] == found["score"][:2]


@pytest.mark.parametrize("name", ["l2", "l1", "max"])
def test_infinity_is_far_away(name: str) -> None:
    rows = np.array([[np.inf, 1], [np.nan, 0], [1, 2]], np.float32)
    found = store_of(rows).search(embedding=[3, 0], distance_metric=name, return_tensors=["n"])
    assert rows_of(found) == [2, 0, 1]
    assert found["score"][1] == np.inf


def test_rows_without_an_embedding_are_left_out() -> None:
    rng = np.random.default_rng(0)
    rows: list[Any] = [None if k % 3 == 0 else rng.standard_normal(4) for k in range(100)]
    store = store_of(rows)
    found = store.search(embedding=rows[7], k=100, return_tensors=["n"])
    assert sorted(rows_of(found)) == [k for k in range(100) if k % 3]
    assert rows_of(found)[0] == 7
    some = store.search(embedding=rows[7], k=3, filter={"n": 7}, return_tensors=["n"])
    assert rows_of(some) == [7]


def test_an_embedding_of_another_length_is_named() -> None:
    store = store_of(np.ones((5, 3), np.float32))
    store.dataset.extend({"embedding": [np.ones(4, np.float32)], "n": [5], "id": ["x"]})
    with pytest.raises(IncorrectEmbeddingShapeError, match="'embedding', row 5: .* 4 values, .* 3"):
        store.search(embedding=[1, 1, 1])
    assert rows_of(store.search(embedding=[1, 1, 1, 1], filter={"n": 5}, return_tensors=["n"])) == [
        5
    ]


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "uint8", "int32", "bool"])
@pytest.mark.parametrize("name", METRICS)
def test_embeddings_of_any_dtype(dtype: str, name: str) -> None:
    rows = (
        np.random.default_rng(1).integers(0, 2 if dtype == "bool" else 100, (50, 7)).astype(dtype)
    )
    ds = deeplake.empty("mem://dtypes", overwrite=True)
    ds.create_tensor("vector", dtype=dtype).extend(rows)
    vector = np.arange(7.0) + 0.5
    found = VectorStore(dataset=ds).search(
        embedding=vector, embedding_tensor="vector", distance_metric=name, k=50
    )
    expected = np.sort(model(name, rows, vector))
    assert np.allclose(np.sort(found["score"]), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "tensor",
    [{"sample_compression": "lz4"}, {"chunk_compression": "lz4"}, {"max_chunk_size": 4096}],
)
def test_embeddings_stored_in_any_way(
    tensor: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "PARALLEL_BYTES", 0)
    monkeypatch.setattr(searching, "SPAN_BYTES", 1 << 10)
    rows = np.random.default_rng(2).standard_normal((3000, 16)).astype(np.float32)
    store = store_of(rows, **tensor)
    expected = np.argsort(-model("cos", rows, rows[5]))[:20].tolist()
    for _ in range(2):  # the second time it is remembered
        assert rows_of(store.search(embedding=rows[5], k=20, return_tensors=["n"])) == expected
    even = store.search(
        embedding=rows[5], k=20, filter=lambda row: row.n.numpy()[0] % 2 == 0, return_tensors=["n"]
    )
    order = np.argsort(-model("cos", rows[::2], rows[5]))[:20]
    assert rows_of(even) == (2 * order).tolist()


def test_rows_changed_and_deleted_are_so_for_searches(tmp_path: Path) -> None:
    rows = np.random.default_rng(3).standard_normal((200, 8)).astype(np.float32)
    store = VectorStore(tmp_path / "store", verbose=False)
    store.add(text=list(map(str, range(200))), embedding=rows)
    assert store.search(embedding=rows[9], k=1)["text"] == ["9"]
    store.update_embedding(row_ids=[50], embedding_dict={"embedding": 2 * rows[9:10]})
    assert store.search(embedding=rows[9], k=2)["text"] == ["9", "50"]
    store.delete(row_ids=[9])
    assert store.search(embedding=rows[9], k=1)["text"] == ["50"]
    with store.dataset:
        store.add(text=["new"], embedding=rows[9:10])
        assert store.search(embedding=rows[9], k=3, distance_metric="l2")["text"][0] == "new"


def test_memory_is_bounded(tmp_path: Path) -> None:
    """Neither a copy of all embeddings nor one in double precision."""
    rows = np.random.default_rng(4).standard_normal((60_000, 128)).astype(np.float32)
    store = VectorStore(tmp_path / "store", verbose=False)
    store.add(text=["x"] * len(rows), embedding=rows)
    store = VectorStore(tmp_path / "store", read_only=True)
    for name in METRICS:
        store.search(embedding=rows[0], distance_metric=name)
        tracemalloc.start()
        store.search(embedding=rows[0], distance_metric=name)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < rows.nbytes / 4, name


def test_searches_from_several_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "PARALLEL_BYTES", 0)
    monkeypatch.setattr(searching, "SPAN_BYTES", 1 << 12)
    rows = np.random.default_rng(5).standard_normal((2000, 16)).astype(np.float32)
    store = VectorStore(tmp_path / "store", verbose=False)
    store.add(text=list(map(str, range(2000))), embedding=rows)
    reader = VectorStore(tmp_path / "store", read_only=True)

    def search(k: int) -> bool:
        return bool(reader.search(embedding=rows[k], k=1)["text"] == [str(k)])

    with ThreadPoolExecutor(4) as pool:
        found = pool.map(search, range(100))
        for _ in range(5):  # who reads sees what was there when it was opened
            store.delete(row_ids=range(10))
        assert all(found)
    assert len(VectorStore(tmp_path / "store", read_only=True)) == 1950


def test_probe_remembers_lengths() -> None:
    rows = np.random.default_rng(6).standard_normal((500, 9)).astype(np.float32)
    memo: dict[Any, Any] = {}
    probe = Probe(metric("cos"), np.ones(9))
    first = probe.measure(rows, memo)
    assert np.array_equal(probe.measure(rows, memo), first)
    assert np.allclose(first, model("cos", rows, np.ones(9)), atol=1e-6)
    assert [len(lengths) for lengths in memo.values()] == [500]
