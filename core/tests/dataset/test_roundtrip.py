"""Whatever goes into a tensor comes out of it: dtypes × shapes × codecs × ways in × ways out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import deeplake
from deeplake import Dataset
from deeplake.testing.strategies import DTYPES, arrays, json_values, pictures, texts

CODECS: list[dict[str, Any]] = [
    {},
    *[{f"{what}_compression": codec} for what in ("sample", "chunk")
      for codec in ("zlib", "lz4", "zstd", "raw")],
]  # fmt: skip
by_codec = pytest.mark.parametrize(
    "codec", CODECS, ids=lambda codec: " ".join([*codec, *codec.values()]) or "none"
)
some = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])

Places = Callable[[], str]


@pytest.fixture(params=["mem", "file"])
def places(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Places:
    """Makes up one path or URL after the other."""
    if request.param == "mem":
        return lambda: "mem://roundtrip"
    monkeypatch.setenv("DEEPLAKE_FSYNC", "0")  # nobody pulls the plug here
    root = tmp_path_factory.mktemp("roundtrip")
    numbers = itertools.count()
    return lambda: str(root / str(next(numbers)))


@dataclass
class Way:
    """How rows get into a tensor.

    Attributes:
        together: Runs of rows that are given to one ``extend`` (an array, or a list), or one by one.
        within: Inside ``with ds:``.
        commit: Commit afterwards.
    """

    together: list[int]
    within: bool
    commit: bool
    order: list[int] = field(default_factory=list)


@st.composite
def ways(draw: st.DrawFn) -> Way:
    together = draw(st.lists(st.integers(1, 5), max_size=4))
    return Way(together, draw(st.booleans()), draw(st.booleans()), draw(st.permutations(range(4))))


def store(path: str, way: Way, samples: Sequence[Any], **options: Any) -> tuple[Dataset, Dataset]:
    """A dataset with the samples in tensor ``t``, and what another one finds there."""
    ds = deeplake.empty(path)
    ds.create_tensor("t", **options)
    if way.within:
        with ds:
            put(ds, way, samples)
    else:
        put(ds, way, samples)
    if way.commit:
        ds.commit("m", allow_empty=True)
    return ds, deeplake.load(path)


def put(ds: Dataset, way: Way, samples: Sequence[Any]) -> None:
    at = 0
    for count in way.together:
        part = samples[at : at + count]
        at += count
        if way.order[0] == 0 or not len(part):
            ds.t.extend(part)
        elif way.order[0] == 1:
            ds.extend({"t": part})
        else:
            ds.t.extend(list(part))
    for sample in samples[at:]:
        if way.order[1] == 0:
            ds.append({"t": sample})
        else:
            ds.t.append(sample)


def same(found: Any, wanted: np.ndarray) -> bool:
    """Bit for bit, NaN and -0.0 included; stored dtypes are little-endian."""
    little = wanted.dtype.newbyteorder("<")
    return (
        isinstance(found, np.ndarray)
        and found.dtype == little
        and found.shape == wanted.shape
        and found.tobytes() == wanted.astype(little).tobytes()
    )


def check(ds: Dataset, wanted: Sequence[np.ndarray]) -> None:
    """All ways out find the same samples."""
    t = ds.t
    assert len(t) == len(ds) == len(wanted)
    for i, value in enumerate(wanted):
        assert same(t[i].numpy(), value)
        assert same(t[i - len(wanted)].numpy(), value)
        assert t[i].shape == value.shape
    if not wanted:
        return
    for found in (t.numpy(aslist=True), [ds[i].t.numpy() for i in range(len(ds))]):
        assert all(map(same, found, wanted))
    backwards = t[::-2].numpy(aslist=True)
    assert all(map(same, backwards, wanted[::-2]))
    chosen = [len(wanted) - 1, 0, len(wanted) // 2, 0]
    assert all(map(same, t[chosen].numpy(aslist=True), [wanted[i] for i in chosen]))
    if len({value.shape for value in wanted}) == 1:
        assert same(t.numpy(), np.stack(wanted))
        assert same(t[1:].numpy(), np.stack(wanted)[1:])
    low, high = t.shape_interval.lower[1:], t.shape_interval.upper[1:]
    for value in wanted:
        assert all(a <= b <= c for a, b, c in zip(low, value.shape, high, strict=True))


def awkward(draw: st.DrawFn, array: np.ndarray) -> np.ndarray:
    """The same values in another byte order, or scattered in memory."""
    how = draw(st.sampled_from(["plain", "big", "strided", "reversed", "fortran", "readonly"]))
    if how == "big":
        return array.astype(array.dtype.newbyteorder(">"))
    if how == "strided":
        wide = np.repeat(np.repeat(array, 2, axis=0), 3, axis=-1)
        return wide[::2, ..., ::3] if array.ndim > 1 else wide[::6]
    if how == "reversed":
        return array[::-1].copy()[::-1]
    if how == "fortran":
        return np.asfortranarray(array)
    if how == "readonly":
        array = array.copy()
        array.flags.writeable = False
    return array


# ------------------------------------------------------------------------------------- arrays
@by_codec
@some
@given(data=st.data(), way=ways())
def test_an_array_of_samples(
    places: Places, codec: dict[str, Any], data: st.DataObject, way: Way
) -> None:
    """One shape for all samples, empty axes among them."""
    dtype = data.draw(st.sampled_from(DTYPES))
    shape = data.draw(st.lists(st.integers(0, 4), max_size=3))
    n = data.draw(st.integers(1, 12))
    array = data.draw(arrays(dtype, (n, *shape)))
    given_array = awkward(data.draw, array)
    ds, other = store(places(), way, given_array, dtype=dtype, **codec)
    wanted = [value.reshape(1) if value.ndim == 0 else value for value in array]
    for dataset in (ds, other):
        check(dataset, wanted)


@by_codec
@some
@given(data=st.data(), way=ways())
def test_ragged_samples(
    places: Places, codec: dict[str, Any], data: st.DataObject, way: Way
) -> None:
    """Shapes that differ, None, and later changes."""
    dtype = data.draw(st.sampled_from(DTYPES))
    ndim = data.draw(st.integers(1, 3))

    def sample() -> np.ndarray:
        shape = data.draw(st.lists(st.integers(0, 5), min_size=ndim, max_size=ndim))
        return awkward(data.draw, data.draw(arrays(dtype, tuple(shape))))

    first = sample()
    samples: list[Any] = [first]
    samples += [
        None if data.draw(st.integers(0, 3)) == 0 else sample()
        for _ in range(data.draw(st.integers(0, 8)))
    ]
    empty = np.zeros((0,) * ndim, dtype)
    wanted = [empty if value is None else value for value in samples]
    ds, other = store(places(), way, samples, dtype=dtype, **codec)
    for dataset in (ds, other):
        check(dataset, wanted)

    # Changes, some of them to rows that were changed before.
    for _ in range(data.draw(st.integers(1, 3))):
        row = data.draw(st.integers(0, len(wanted) - 1))
        new = sample()
        ds.t[row] = new
        wanted[row] = new
    gone = data.draw(st.integers(0, len(wanted) - 1))
    ds.pop(gone)
    del wanted[gone]
    last = sample()
    ds.t.append(last)
    wanted.append(last)
    other.refresh()
    for dataset in (ds, other):
        check(dataset, wanted)


@by_codec
@pytest.mark.parametrize("size", [1, 4096, 9000, 40_000])
def test_large_samples(places: Places, codec: dict[str, Any], size: int) -> None:
    """Frames of checksums, frames of compression, a frame a sample, several chunks."""
    rng = np.random.default_rng(size)
    samples = [rng.integers(0, 4, size, "u1") for _ in range(600_000 // max(size, 2000))]
    ds = deeplake.empty(places())
    ds.create_tensor("t", dtype="uint8", max_chunk_size=250_000, **codec)
    ds.t.extend(np.stack(samples))
    ds.t.append(rng.integers(0, 4, size // 2, "u1"))
    samples.append(ds.t[-1].numpy())
    check(deeplake.load(ds.path), samples)


def test_values_in_their_own_types(places: Places) -> None:
    """Python numbers and lists, NumPy scalars: the first sample decides."""
    for first, dtype in (
        (1, "int64"),
        (1.5, "float64"),
        (True, "bool"),
        (np.float32(2), "float32"),
    ):
        ds = deeplake.empty(places())
        ds.create_tensor("t")
        ds.t.append(first)
        ds.t.append([first])
        assert ds.t.numpy().tolist() == [[first], [first]]
        assert ds.t.dtype == np.dtype(dtype)


# ------------------------------------------------------------------------------------- images
@pytest.mark.parametrize("what", ["sample", "chunk"])
@pytest.mark.parametrize("codec", ["png", "bmp", "tiff", "webp"])
@some
@given(data=st.data(), way=ways())
def test_images(places: Places, codec: str, what: str, data: st.DataObject, way: Way) -> None:
    """Codecs without loss give back every pixel."""
    layouts = {"png": (1, 2, 3, 4), "bmp": (1, 3), "tiff": (1, 3, 4), "webp": (3, 4)}
    channels = data.draw(st.sampled_from(layouts[codec]))
    images = data.draw(st.lists(pictures([("uint8", channels)]), min_size=1, max_size=5))
    samples: list[Any] = [*images]
    if data.draw(st.booleans()):
        samples.append(None)
    lossless = codec != "webp"
    ds, other = store(places(), way, samples, htype="image", **{f"{what}_compression": codec})
    wanted = [np.zeros((0, 0, 0), "u1") if value is None else value for value in samples]
    for dataset in (ds, other):
        if lossless:
            check(dataset, wanted)
        found = dataset.t.numpy(aslist=True)
        assert [value.shape for value in found] == [value.shape for value in wanted]
        assert all(value.dtype == np.uint8 for value in found)


# ------------------------------------------------------------------------------ text and json
@by_codec
@some
@given(data=st.data(), way=ways())
def test_texts(places: Places, codec: dict[str, Any], data: st.DataObject, way: Way) -> None:
    samples: list[Any] = data.draw(st.lists(texts() | st.none(), max_size=9))
    ds, other = store(places(), way, samples, htype="text", **codec)
    wanted = [value or "" for value in samples]
    for dataset in (ds, other):
        assert dataset.t.text() == wanted
        assert [dataset.t[i].text() for i in range(len(wanted))] == wanted
    if wanted:
        new = data.draw(texts())
        ds.t[0] = new
        other.refresh()
        assert other.t.text() == ds.t.text() == [new, *wanted[1:]]


@by_codec
@some
@given(data=st.data(), way=ways())
def test_json(places: Places, codec: dict[str, Any], data: st.DataObject, way: Way) -> None:
    samples = data.draw(st.lists(json_values(), max_size=6))
    ds, other = store(places(), way, samples, htype="json", **codec)
    # None and an empty list are no value, and read as an empty object.
    wanted = [{} if value is None or value == [] else value for value in samples]
    for dataset in (ds, other):
        assert dataset.t.dict() == wanted
        assert [dataset.t[i].dict() for i in range(len(wanted))] == wanted


@by_codec
@some
@given(data=st.data(), way=ways())
def test_lists(places: Places, codec: dict[str, Any], data: st.DataObject, way: Way) -> None:
    samples = data.draw(st.lists(st.lists(json_values(max_leaves=4), max_size=4), max_size=6))
    ds, other = store(places(), way, samples, htype="list", **codec)
    for dataset in (ds, other):
        assert dataset.t.list() == samples
        assert [len(value) for value in samples] == [
            dataset.t[i].shape[0] for i in range(len(samples))
        ]


def test_numbers_that_json_lacks(places: Places) -> None:
    samples: list[Any] = [
        {"nan": math.nan, "inf": [math.inf, -math.inf]},
        {"array": np.arange(6, dtype=">i2").reshape(2, 3), "bytes": b"\0\xff"},
    ]
    _, other = store(places(), Way([], False, False, [0, 0]), samples, htype="json")
    first, second = other.t.dict()
    assert math.isnan(first["nan"])
    assert first["inf"] == [math.inf, -math.inf]
    assert second["array"].dtype == np.dtype(">i2")
    assert second["array"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert second["bytes"] == b"\0\xff"


@some
@given(data=st.data(), way=ways())
def test_polygons(places: Places, data: st.DataObject, way: Way) -> None:
    ndim = data.draw(st.integers(2, 3))
    shape = st.tuples(st.integers(1, 5), st.just(ndim))
    samples: list[Any] = data.draw(
        st.lists(st.lists(arrays("float32", shape), min_size=1, max_size=3), max_size=5)
    )
    _, other = store(places(), way, samples, htype="polygon")
    found = [other.t[i].numpy() for i in range(len(samples))]
    for polygons, wanted in zip(found, samples, strict=True):
        assert len(polygons) == len(wanted)
        assert all(map(same, polygons, wanted))


def test_polygons_as_many_bytes_as_an_array(places: Places) -> None:
    """Their shape is (2, 3, 2), and with counts they take 48 bytes: those of such an array."""
    polygons = [np.full((1, 2), 1, "f4"), np.full((3, 2), 2, "f4")]
    ds = deeplake.empty(places())
    ds.create_tensor("t", htype="polygon")
    for _ in range(3):
        ds.t.append(polygons)
        for dataset in (ds, deeplake.load(ds.path)):
            for i in range(len(dataset.t)):
                assert all(map(same, dataset.t[i].numpy(), polygons))
    ds.optimize()
    assert all(map(same, ds.t.numpy(aslist=True)[1], polygons))
    assert not ds._checkout.session.by_name["t"].table.pieces()["flags"].any()


# ------------------------------------------------------------------------- many tensors, versions
@some
@given(data=st.data())
def test_versions_keep_what_they_had(places: Places, data: st.DataObject) -> None:
    """Every commit reads as it was when it was made, whatever happened since."""
    path = places()
    ds = deeplake.empty(path)
    ds.create_tensor("t", dtype="int32", **data.draw(st.sampled_from(CODECS)))
    ds.create_tensor("name", htype="text")
    rows: list[tuple[np.ndarray, str]] = []
    kept: dict[str, list[tuple[np.ndarray, str]]] = {}
    for step in range(data.draw(st.integers(1, 6))):
        what = data.draw(st.sampled_from(["append", "extend", "update", "pop"]))
        value = data.draw(arrays("int32", data.draw(st.tuples(st.integers(0, 3)))))
        if what == "append" or not rows:
            ds.append({"t": value, "name": str(step)})
            rows = [*rows, (value, str(step))]
        elif what == "extend":
            ds.extend({"t": [value] * 3, "name": [str(step)] * 3})
            rows = rows + [(value, str(step))] * 3
        elif what == "update":
            at = data.draw(st.integers(0, len(rows) - 1))
            ds[at].update({"t": value, "name": f"new {step}"})
            rows = [*rows[:at], (value, f"new {step}"), *rows[at + 1 :]]
        else:
            at = data.draw(st.integers(0, len(rows) - 1))
            ds.pop(at)
            rows = [*rows[:at], *rows[at + 1 :]]
        if data.draw(st.booleans()):
            kept[ds.commit(f"step {step}", allow_empty=True)] = rows
    for address, wanted in {**kept, "main": rows}.items():
        version = deeplake.load(f"{path}@{address}")
        assert version.name.text() == [name for _, name in wanted]
        found = version.t.numpy(aslist=True) if wanted else []
        assert all(map(same, found, [value for value, _ in wanted]))
        assert len(found) == len(wanted)
