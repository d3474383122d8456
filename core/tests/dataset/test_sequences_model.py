"""Sequence tensors do what lists of lists do: any edits, dtypes, shapes and codecs."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import deeplake
from deeplake.dataset.checkout import Checkout
from deeplake.storage.memory import MemoryStore
from deeplake.testing.stores import RecordingStore
from deeplake.testing.strategies import arrays, dtypes, texts
from deeplake.versioning.repository import Repository
from deeplake.versioning.scrub import scrub
from deeplake.versioning.session import Session

CODECS: list[dict[str, Any]] = [
    {},
    {"chunk_compression": "zlib"},
    {"chunk_compression": "lz4"},
    {"sample_compression": "zlib"},
    {"sample_compression": "zstd"},
]
# Requests are cheap: nothing is read that was not asked for.
REMOTE = replace(MemoryStore.capabilities, mapping=False, request_cost=1 << 12)
many = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def opened(store: Any) -> deeplake.Dataset:
    session = Session.open(Repository(store))
    return deeplake.Dataset(Checkout(store.url, session, read_only=False), verbose=False)


# ---------------------------------------------------------------------------- what is stored
class Kind:
    """Tensors of one kind.

    Args:
        options: How the tensor is made.
        items: What is stored in it.
        empty: What None reads as.
    """

    def __init__(self, options: dict[str, Any], items: st.SearchStrategy[Any], empty: Any) -> None:
        self.options = options
        self.items = items
        self.empty = empty

    @property
    def rows(self) -> st.SearchStrategy[Any]:
        return st.none() | st.lists(st.none() | self.items, max_size=4)


@st.composite
def kinds(draw: st.DrawFn) -> Kind:
    which = draw(st.sampled_from(["arrays", "arrays", "images", "text"]))
    if which == "text":
        options = draw(st.sampled_from(CODECS))
        return Kind({"htype": "sequence[text]", **options}, texts(), "")
    if which == "images":
        pictures = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 255)).map(
            lambda s: (np.arange(s[0] * s[1] * 3) * 7 + s[2]).astype("u1").reshape(s[0], s[1], 3)
        )
        options = {"htype": "sequence[image]", "sample_compression": "png"}
        return Kind(options, pictures, np.zeros((0, 0, 0), "u1"))
    dtype = draw(dtypes())
    ndim = draw(st.integers(1, 3))
    sides = st.tuples(*[st.integers(0, 4)] * ndim)
    if draw(st.booleans()):
        sides = st.just(draw(sides))  # all items of one shape
    items = sides.flatmap(lambda shape: arrays(dtype, shape))
    options = {"htype": "sequence", "dtype": dtype, **draw(st.sampled_from(CODECS))}
    return Kind(options, items, np.zeros((0,) * ndim, dtype))


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, np.ndarray):
        return (
            (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
            and found.tobytes() == wanted.tobytes()
        )  # fmt: skip
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return bool(found == wanted)


# ---------------------------------------------------------------------------- the machine
class Machine:
    """A dataset with one tensor, and the lists that it must equal."""

    def __init__(self, kind: Kind, url: str, chunk: int | None) -> None:
        self.kind = kind
        self.ds = deeplake.empty(url, overwrite=True)
        self.ds.create_tensor("t", max_chunk_size=chunk, **kind.options)
        self.model: list[Any] = []
        self.commits: list[tuple[str, list[Any]]] = []

    @property
    def t(self) -> Any:
        return self.ds.t

    def append(self, draw: Any) -> None:
        row = draw(self.kind.rows)
        self.t.append(row)
        self.model.append(row)

    def extend(self, draw: Any) -> None:
        rows = draw(st.lists(self.kind.rows, max_size=5))
        with self.ds:
            self.t.extend(rows)
        self.model += rows

    def block(self, draw: Any) -> None:
        """An array of rows, where items are arrays."""
        item = draw(self.kind.items)
        n, k = draw(st.integers(1, 4)), draw(st.integers(1, 3))
        if isinstance(item, np.ndarray) and item.size:
            block = np.stack([np.stack([item] * k)] * n)
            self.t.extend(block)
            self.model += [list(row) for row in block]

    def replace(self, draw: Any) -> None:
        i = self.some_row(draw)
        if i is None:
            return
        row = [draw(st.none() | self.kind.items) for _ in self.model[i]]
        self.t[i] = row
        self.model[i] = row

    def items(self, draw: Any) -> None:
        i = self.some_row(draw)
        if i is None:
            return
        n = len(self.model[i])
        if draw(st.booleans()):
            j = draw(st.integers(-n, n - 1))
            item = draw(st.none() | self.kind.items)
            self.t[i, j] = item
            self.model[i] = [*self.model[i]]
            self.model[i][j] = item
            return
        part = slice(draw(st.integers(0, n)), draw(st.integers(0, n)), draw(st.integers(1, 2)))
        new = [draw(st.none() | self.kind.items) for _ in range(*part.indices(n))]
        self.t[i, part] = new
        self.model[i] = [*self.model[i]]
        self.model[i][part] = new

    def part(self, draw: Any) -> None:
        i = self.some_row(draw)
        if i is None:
            return
        for j, item in enumerate(self.model[i]):
            if isinstance(item, np.ndarray) and item.shape[0] > 1:
                changed = item.copy()
                changed[0] = changed[-1]
                self.t[i, j, 0] = changed[-1]
                self.model[i] = [*self.model[i]]
                self.model[i][j] = changed
                return

    def pop(self, draw: Any) -> None:
        if self.model:
            i = draw(st.integers(0, len(self.model) - 1))
            self.t.pop(i)
            del self.model[i]

    def commit(self, draw: Any) -> None:
        self.commits.append((self.ds.commit(allow_empty=True), [*self.model]))

    def rechunk(self, draw: Any) -> None:
        self.ds.rechunk(progressbar=False)

    def some_row(self, draw: Any) -> int | None:
        rows = [i for i, row in enumerate(self.model) if row]
        return draw(st.sampled_from(rows)) if rows else None

    # ---- what must hold
    def shown(self, row: Any) -> list[Any]:
        return [self.kind.empty if item is None else item for item in row or ()]

    def check(self, t: Any, model: list[Any]) -> None:
        assert (len(t), t.meta.length) == (len(model), sum(len(row or ()) for row in model))
        text = t.base_htype == "text"
        if not text and t._schema.ndim is None:
            return
        wanted = [self.shown(row) for row in model]
        assert same(t.text() if text else t.numpy(aslist=True), wanted)
        for i, row in enumerate(wanted):
            assert same(t[i].text() if text else t[i].numpy(aslist=True), row)
            for j, item in enumerate(row):
                assert same(t[i, j].text() if text else t[i, j].numpy(), item)
            assert t[i].shapes()[0][0] == len(row)
        if not text:
            low, high = t.shape_interval.lower, t.shape_interval.upper
            for row in wanted:
                for item in row:
                    shape = (len(row), *item.shape)
                    bounds = zip(low[1:], shape, high[1:], strict=True)
                    assert all(a <= b <= c for a, b, c in bounds)
            for i, row in enumerate(wanted):
                if row and len({item.shape for item in row}) == 1:
                    assert same(t[i].numpy(), np.stack(row))
        nulls = t._reader.nulls(range(len(model))).tolist()
        assert nulls == [row is None for row in model]


STEPS = ("append", "extend", "block", "replace", "items", "part", "pop", "commit", "rechunk")


@pytest.fixture(params=["mem", "file"])
def places(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], str]:
    if request.param == "mem":
        return lambda: "mem://sequences"
    monkeypatch.setenv("DEEPLAKE_FSYNC", "0")  # nobody pulls the plug here
    root = tmp_path_factory.mktemp("sequences")
    numbers = itertools.count()
    return lambda: str(root / str(next(numbers)))


@many
@given(kinds(), st.sampled_from([None, 1, 64, 400]), st.data())
def test_any_edits(places: Callable[[], str], kind: Kind, chunk: int | None, data: Any) -> None:
    machine = Machine(kind, places(), chunk)
    machine.extend(data.draw)
    for name in data.draw(st.lists(st.sampled_from(STEPS), max_size=10)):
        getattr(machine, name)(data.draw)
    machine.check(machine.t, machine.model)
    machine.commit(data.draw)
    again = deeplake.load(machine.ds.path)
    machine.check(again.t, machine.model)
    assert scrub(again._checkout.repository).ok
    for commit, model in machine.commits:
        machine.check(deeplake.load(f"{machine.ds.path}@{commit}").t, model)
    order = data.draw(st.permutations(range(len(machine.model))))[:3]
    if order:
        view = again[order]
        wanted = [machine.shown(machine.model[i]) for i in order]
        if kind.options["htype"] == "sequence[text]":
            assert same(view.t.text(), wanted)
        elif again.t._schema.ndim is not None:
            assert same(view.t.numpy(aslist=True), wanted)
            other = deeplake.empty("mem://other")
            other.create_tensor("t", **kind.options).extend(view.t)
            machine.check(other.t, [machine.model[i] for i in order])


# ---------------------------------------------------------------------------- requests
def test_an_item_is_read_alone() -> None:
    inner = MemoryStore("mem://counted")
    Repository(inner).create()
    ds = opened(inner)
    frames = np.random.default_rng(0).integers(0, 256, (20, 8, 64, 64, 3), dtype=np.uint8)
    with ds:
        ds.create_tensor("t", htype="sequence[image]", sample_compression=None).extend(frames)
        ds.create_tensor("z", htype="sequence[image]", sample_compression="png")
        ds.z.extend([list(row) for row in frames[:5]])
    store = RecordingStore(inner, capabilities=REMOTE)
    ds = opened(store)
    assert np.array_equal(ds.t[3, 2].numpy(), frames[3, 2])
    store.clear()
    assert np.array_equal(ds.t[5, 6].numpy(), frames[5, 6])
    assert store.count() == 1
    assert store.bytes_read == frames[0, 0].nbytes
    store.clear()
    assert np.array_equal(ds.t[7, 2:5].numpy(), frames[7, 2:5])
    assert store.bytes_read == 3 * frames[0, 0].nbytes
    assert store.count() == 1  # neighbours are one range
    ds.z[0, 0].numpy()
    store.clear()
    assert np.array_equal(ds.z[4, 1].numpy(), frames[4, 1])
    assert store.count() == 1
    assert store.bytes_read == len(png(frames[4, 1], ds))


def png(array: np.ndarray, ds: deeplake.Dataset) -> bytes:
    from deeplake.format.encoding import encoding

    codec = encoding(ds.z._schema).sample
    assert codec is not None
    return bytes(codec.encode(array))


def test_rows_of_small_items_are_read_together() -> None:
    inner = MemoryStore("mem://small")
    Repository(inner).create()
    ds = opened(inner)
    boxes = np.random.default_rng(0).random((5000, 5, 3, 4), np.float32)
    with ds:
        ds.create_tensor("t", htype="sequence[bbox]").extend(boxes)
    store = RecordingStore(inner, capabilities=REMOTE)
    ds = opened(store)
    assert np.array_equal(ds.t.numpy(), boxes)
    assert store.count() < 10


def test_updating_an_item_writes_one_row(tmp_path: Any) -> None:
    inner = MemoryStore("mem://written")
    Repository(inner).create()
    ds = opened(inner)
    frames = np.random.default_rng(0).integers(0, 256, (50, 4, 64, 64, 3), dtype=np.uint8)
    with ds:
        ds.create_tensor("t", htype="sequence[image]", sample_compression=None).extend(frames)
    store = RecordingStore(inner, capabilities=REMOTE)
    ds = opened(store)
    store.clear()
    ds.t[30, 1] = frames[0, 0]
    assert store.bytes_written < 1.2 * frames[0].nbytes
    assert np.array_equal(ds.t[30].numpy()[1], frames[0, 0])
    assert np.array_equal(ds.t[30, 2].numpy(), frames[30, 2])
    assert io.BytesIO(ds.t[30, 3].tobytes()).getbuffer().nbytes == frames[0, 0].nbytes
