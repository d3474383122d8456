"""Any nesting of append, extend, update, pop and index expressions, over any htype, equals plain Python.

A tensor of each htype is changed and read at random beside a list of what its samples must be; then the
dataset is opened anew, optimized, and compared again. In memory and on disk, with every lossless
compression that the htype takes. ``DEEPLAKE_SOAK_EXAMPLES=300`` raises the number of examples of each
case.

Rows that are sequences, links and files: ``test_nested_model.py``.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import deeplake
from deeplake.testing.strategies import json_values, texts

BYTES = ("zlib", "lz4", "zstd")
NAMES = ["cat", "dog", "Eule", "狗"]
Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Kind:
    """An htype and how its samples look.

    Attributes:
        htype: Its name.
        sample: Samples as users give them.
        plain: What a sample has to be when it is read.
        options: Further arguments of ``create_tensor``.
        files: Compressions of samples that lose nothing, besides those of bytes.
        array: Samples are arrays: their axes can be indexed.
        none: What None is when it is read.
    """

    htype: str
    sample: st.SearchStrategy[Any]
    plain: Callable[[Any], Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    array: bool = True
    none: Any = None


def side(most: int = 6) -> st.SearchStrategy[int]:
    return st.integers(1, most)


@st.composite
def array(draw: Draw, dtype: str, *shape: int | None, low: int = 0, high: int = 100) -> np.ndarray:
    """An array; None stands for an axis of any length."""
    sizes = [draw(side()) if size is None else size for size in shape]
    seed = draw(st.integers(0, 2**32 - 1))
    numbers = np.random.default_rng(seed).integers(low, high, sizes)
    return numbers.astype(dtype)


def as_dtype(dtype: str) -> Callable[[Any], np.ndarray]:
    return lambda sample: np.asarray(sample, dtype)


def labels(sample: Any) -> np.ndarray:
    """Class names as numbers."""
    parts = [sample] if isinstance(sample, (int, str)) else sample
    return np.array([NAMES.index(p) if isinstance(p, str) else p for p in parts], np.uint32)


def names(sample: Any) -> list[str]:
    return [sample] if isinstance(sample, str) else list(sample)


some_label = st.integers(0, len(NAMES) - 1) | st.sampled_from(NAMES)
polygons = st.lists(array("f4", None, 2), min_size=1, max_size=3)

KINDS = [
    Kind("generic", array("f8", None, 3, low=-9), as_dtype("f8"), {"dtype": "float64"}),
    Kind("generic", array("i2", None, None, 2), as_dtype("i2"), {"dtype": "int16"}),
    Kind("image", array("u1", None, None, 3), as_dtype("u1"), files=("png", "tiff", "bmp")),
    Kind("image.rgb", array("u1", None, None, 3), as_dtype("u1"), files=("png",)),
    Kind("image.gray", array("u1", None, None), as_dtype("u1"), files=("png",)),
    Kind("class_label", some_label | st.lists(some_label, min_size=1, max_size=3), labels,
         {"class_names": NAMES}),
    Kind("bbox", array("f4", None, 4), as_dtype("f4")),
    Kind("bbox.3d", array("f4", None, 8, 3), as_dtype("f4")),
    Kind("intrinsics", array("f4", 3, 3), as_dtype("f4")),
    Kind("segment_mask", array("u4", None, None), as_dtype("u4"), files=("png",)),
    Kind("binary_mask", array("?", None, None, 2, high=2), as_dtype("?")),
    Kind("instance_label", array("u4", None, None), as_dtype("u4")),
    Kind("keypoints_coco", array("i4", 6, None), as_dtype("i4")),
    Kind("point", array("i4", None, 2), as_dtype("i4")),
    Kind("embedding", array("f4", 5, low=-9), as_dtype("f4")),
    Kind("video", array("u1", None, 4, 5, 3), as_dtype("u1"), {"sample_compression": None}),
    Kind("audio", array("f8", None, 2, low=-9), as_dtype("f8"), {"sample_compression": None}),
    Kind("dicom", array("i2", None, None), as_dtype("i2"), {"sample_compression": None}),
    Kind("nifti", array("f4", None, 3, None), as_dtype("f4"), {"sample_compression": None}),
    Kind("point_cloud", array("f4", None, 3), as_dtype("f4"), {"sample_compression": None}),
    Kind("mesh", array("f4", None, 3), as_dtype("f4"), {"sample_compression": None}),
    Kind("text", texts(), str, array=False, none=""),
    Kind("json", st.dictionaries(texts(max_size=5), json_values(), max_size=3), dict, array=False,
         none={}),
    Kind("list", st.lists(st.integers() | texts(max_size=5), max_size=4), list, array=False, none=[]),
    Kind("tag", texts(max_size=6) | st.lists(texts(max_size=6), max_size=4), names, array=False,
         none=[]),
    Kind("polygon", polygons, lambda sample: [np.asarray(p, "f4") for p in sample], array=False,
         none=[]),
]  # fmt: skip


def compressions(kind: Kind) -> list[dict[str, str | None]]:
    """Every way to store it that loses nothing."""
    # Files of images hold 8 or 16 bits a value, and as many bits are not enough for masks.
    files = () if kind.htype == "segment_mask" else kind.files
    if "sample_compression" in kind.options:  # media: chunks of them are not compressed
        return [{}, *({"sample_compression": codec} for codec in BYTES)]
    found: list[dict[str, str | None]] = [
        {f"{where}_compression": codec} for where in ("sample", "chunk") for codec in BYTES + files
    ]
    return [{"sample_compression": None} if kind.files else {}, *found]


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, np.ndarray):
        return (
            isinstance(found, np.ndarray)
            and found.dtype == wanted.dtype
            and found.shape == wanted.shape
            and found.tobytes() == wanted.tobytes()
        )
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], np.ndarray):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return bool(plain_value(found) == wanted)


def plain_value(found: Any) -> Any:
    """What arrays of texts and of json values hold."""
    if isinstance(found, np.ndarray) and found.dtype.kind in "OU":
        return found.tolist()[0] if found.shape == (1,) else found.tolist()
    return found


class Model:
    """A tensor, and a list of what it must hold."""

    def __init__(self, path: str, kind: Kind, compression: Mapping[str, Any]) -> None:
        self.kind = kind
        self.ds = deeplake.empty(path)
        self.ds.create_tensor("t", htype=kind.htype, **{**kind.options, **compression})
        self.rows: list[Any] = []

    def check(self, ds: Any) -> None:
        assert len(ds.t) == len(self.rows)
        for i, wanted in enumerate(self.rows):
            self.check_row(ds.t[i], wanted)

    def check_row(self, tensor: Any, wanted: Any) -> None:
        if wanted is None:
            # An empty array: as many dimensions as the others, all of them zero.
            assert set(tensor.shape) <= {0}
            return
        found = value(tensor, self.kind)
        assert same(found, wanted), (found, wanted)


def value(tensor: Any, kind: Kind) -> Any:
    """What is read from one row."""
    if kind.htype == "text":
        return tensor.text()
    if kind.htype == "json":
        return tensor.dict()
    if kind.htype in ("list", "tag"):
        return list(tensor.list())
    return tensor.numpy()


OPERATIONS = ("append", "append", "extend", "extend", "none", "update", "slice", "part", "part", "view",
              "list", "pop", "read", "commit", "with", "optimize")  # fmt: skip
some = settings(
    max_examples=int(os.environ.get("DEEPLAKE_SOAK_EXAMPLES", "4")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CASES = [(kind, compression) for kind in KINDS for compression in compressions(kind)]
numbers = itertools.count()


@pytest.mark.parametrize("place", ["mem", "file"])
@pytest.mark.parametrize(
    ("kind", "compression"), CASES,
    ids=[f"{kind.htype}-{'-'.join(map(str, c.values())) or 'none'}" for kind, c in CASES],
)  # fmt: skip
@some
@given(data=st.data())
def test_any_htype(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, kind: Kind,
    compression: Mapping[str, Any], data: st.DataObject,
) -> None:  # fmt: skip
    monkeypatch.setenv("DEEPLAKE_FSYNC", "0")
    number = next(numbers)
    path = f"mem://model-{number}" if place == "mem" else str(tmp_path / str(number))
    tiles = {"tiling_threshold": data.draw(st.sampled_from([0, 100]))} if kind.array else {}
    model = Model(path, kind, {**compression, **(tiles if data.draw(st.booleans()) else {})})
    ds, rows, draw = model.ds, model.rows, data.draw
    # The first sample says how many dimensions there are.
    first = draw(kind.sample)
    ds.t.append(first)
    rows.append(kind.plain(first))
    for _ in range(draw(st.integers(1, 10))):
        operation = draw(st.sampled_from(OPERATIONS))
        if operation == "append":
            sample = draw(kind.sample)
            ds.append({"t": sample})
            rows.append(kind.plain(sample))
        elif operation == "extend":
            samples = draw(st.lists(kind.sample, max_size=6))
            ds.t.extend(samples)
            rows.extend(map(kind.plain, samples))
        elif operation == "none":
            ds.t.append(None)
            rows.append(kind.none)
        elif operation == "with":
            with ds:
                for sample in draw(st.lists(kind.sample, max_size=4)):
                    ds.t.append(sample)
                    rows.append(kind.plain(sample))
        elif operation == "commit":
            ds.commit("m", allow_empty=True)
        elif operation == "optimize":
            ds.optimize()
        elif operation == "read":
            read(model, draw)
        elif rows:
            change(model, operation, draw)
    model.check(ds)
    again = deeplake.load(path)
    model.check(again)
    ds.optimize()
    model.check(deeplake.load(path))
    read(model, draw)


def change(model: Model, operation: str, draw: Draw) -> None:
    """Change or remove rows that are there."""
    ds, rows, kind = model.ds, model.rows, model.kind
    if operation == "update":
        i = draw(st.integers(-len(rows), len(rows) - 1))
        sample = draw(kind.sample)
        ds.t[i] = sample
        rows[i] = kind.plain(sample)
    elif operation == "slice":
        start = draw(st.integers(0, len(rows)))
        stop = draw(st.integers(start, len(rows)))
        samples = draw(st.lists(kind.sample, min_size=stop - start, max_size=stop - start))
        if samples:
            ds.t[start:stop] = samples
            rows[start:stop] = map(kind.plain, samples)
    elif operation == "part" and kind.array:
        assign_part(model, draw)
    elif operation in ("view", "list"):
        # One row of a view of a view, or rows in any order.
        picked = draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=4, unique=True))
        samples = [draw(kind.sample) for _ in picked]
        if operation == "list":
            ds.t[picked] = samples
        else:
            ds[picked][-1].update({"t": samples[-1]})
            picked, samples = picked[-1:], samples[-1:]
        for i, sample in zip(picked, samples, strict=True):
            rows[i] = kind.plain(sample)
    elif operation == "pop":
        i = draw(st.integers(0, len(rows) - 1))
        ds.t.pop(i)
        del rows[i]


def subscripts(draw: Draw, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Ints, slices and a list, one for each of the first axes; maybe an ellipsis between."""
    found: list[Any] = []
    listed = False
    for size in shape[: draw(st.integers(1, len(shape)))]:
        which = draw(st.sampled_from(["slice", "int", "list"] if size else ["slice"]))
        if which == "int":
            found.append(draw(st.integers(-size, size - 1)))
        elif which == "list" and not listed:
            listed = True
            found.append(draw(st.lists(st.integers(-size, size - 1), min_size=1, max_size=3,
                                       unique_by=lambda i, n=size: i % n)))  # fmt: skip
        else:
            found.append(draw(st.slices(size)))
    if draw(st.booleans()) and len(found) == len(shape):
        cut = draw(st.integers(0, len(shape)))
        if all(isinstance(part, slice) for part in found[cut:]):
            found[cut:] = [...]
    return tuple(found)


def picked(array: np.ndarray, items: tuple[Any, ...]) -> np.ndarray:
    """What NumPy takes; a list acts on its axis alone."""
    at = next((k for k, item in enumerate(items) if isinstance(item, list)), None)
    if at is None:
        return array[items]
    before = [slice(i, i + 1 or None) if isinstance(i, int) else i for i in items[:at]]
    taken = array[(*before, items[at])]
    dropped = tuple([0 if isinstance(i, int) else slice(None) for i in items[:at]])
    behind = (slice(None),) * (1 + sum(not isinstance(i, int) for i in items[:at]))
    return taken[dropped][(*behind, *items[at + 1 :])] if items[at + 1 :] else taken[dropped]


def assign_part(model: Model, draw: Draw) -> None:
    """New values for a part of a sample."""
    full = [i for i, row in enumerate(model.rows) if row is not None]
    if not full:
        return
    i = draw(st.sampled_from(full))
    old = model.rows[i]
    items = subscripts(draw, old.shape)
    numbers = picked(np.arange(old.size).reshape(old.shape), items)
    values = draw(array(old.dtype.str[1:], low=0, high=2))
    if draw(st.booleans()):
        values = np.arange(numbers.size).reshape(numbers.shape).astype(old.dtype)
    changed = old.copy()
    changed.reshape(-1)[numbers.reshape(-1)] = np.broadcast_to(values, numbers.shape).reshape(-1)
    if draw(st.booleans()):
        model.ds.t[(i, *items)] = values
    else:
        model.ds.t[i][items] = values
    model.rows[i] = changed


def read(model: Model, draw: Draw) -> None:
    """Some rows, by an expression or two, and a part of a sample."""
    rows, kind = model.rows, model.kind
    if not rows:
        return
    view, places = model.ds.t, list(range(len(rows)))
    for _ in range(draw(st.integers(1, 2))):
        if not places:
            break
        if draw(st.booleans()):
            index: Any = draw(st.slices(len(places)))
            places = places[index]
        else:
            index = draw(st.lists(st.integers(-len(places), len(places) - 1), max_size=4))
            places = [places[i] for i in index]
        view = view[index]
    assert len(view) == len(places)
    for i, place in enumerate(places):
        model.check_row(view[i], rows[place])
    full = [place for place in places if rows[place] is not None]
    if kind.array and full:
        i = places.index(full[0])
        wanted = rows[full[0]]
        inner = draw(st.slices(wanted.shape[0]))
        assert same(
            np.ascontiguousarray(view[i][inner].numpy()), np.ascontiguousarray(wanted[inner])
        )
        assert same(
            np.ascontiguousarray(view[i, inner].numpy()), np.ascontiguousarray(wanted[inner])
        )
        items = subscripts(draw, wanted.shape)
        part = view[(i, *items)]
        assert same(np.array(part.numpy(), order="C"), np.array(picked(wanted, items), order="C"))
        assert part.shape == picked(wanted, items).shape
    if kind.array and len(full) == len(places) and places:
        listed = view.numpy(aslist=True)
        assert all(same(found, rows[place]) for found, place in zip(listed, places, strict=True))
        if len({rows[place].shape for place in places}) == 1:
            assert same(view.numpy(), np.stack([rows[place] for place in places]))
