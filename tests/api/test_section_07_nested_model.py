"""Every htype as ``sequence[…]``, ``link[…]``, ``sequence[link[…]]``, and files of every kind.

A tensor is changed and read at random, by rows, items and parts of items, beside a list of what it must
hold; then it is opened anew, rechunked, copied, and compared again. In memory and on disk.
``DEEPLAKE_SOAK_EXAMPLES=300`` raises the number of examples of each case.

Plain rows of arrays and values: ``core/tests/dataset/test_htypes_model.py``.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.api.conftest import content

import deeplake

Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Kind:
    """Samples of an htype.

    Attributes:
        htype: Its name.
        make: The sample with some number, as it is given, and as it must be read.
        options: Arguments of ``create_tensor``.
        array: It is an array, of which parts can be read.
        parts: Parts can be assigned.
        empty: What None is when it is read; an array's is empty.
    """

    htype: str
    make: Callable[[int], tuple[Any, Any]]
    options: Mapping[str, Any] = field(default_factory=dict)
    array: bool = True
    parts: bool = True
    empty: Any = None


def arrays(dtype: str, *sides: int | None) -> Callable[[int], tuple[Any, Any]]:
    """Arrays; None is an axis of any length."""

    def make(number: int) -> tuple[Any, Any]:
        lengths = [1 + (number // 7**k) % 4 if n is None else n for k, n in enumerate(sides)]
        values = np.random.default_rng(number).integers(0, 2 if dtype == "?" else 100, lengths)
        return values.astype(dtype), values.astype(dtype)

    return make


def text(number: int) -> tuple[Any, Any]:
    value = ["", "a", "zwölf 🦆", "a\nb" * (number % 50)][number % 4]
    return value, value


def json(number: int) -> tuple[Any, Any]:
    value = [{"a": number}, [number, None, "x"], {"b": {"c": [1.5] * (number % 9)}}][number % 3]
    return value, value


def values(number: int) -> tuple[Any, Any]:
    value = [[], [number], ["a", number, None]][number % 3]
    return value, value


def polygons(number: int) -> tuple[Any, Any]:
    value = [np.full((3 + k, 2), number, "f4") for k in range(1 + number % 3)]
    return value, value


def labels(number: int) -> tuple[Any, Any]:
    names = ["a", "b", "c"]
    given: Any = [number % 3, names[number % 3], [names[number % 3], number % 2]][number % 3]
    read = [number % 3, number % 2] if number % 3 == 2 else [number % 3]
    return given, np.array(read, "u4")


ARRAYS = [
    Kind("generic", arrays("i4", None, 3), {"dtype": "int32"}),
    Kind("generic", arrays("f8", None, 1500), {"dtype": "float64"}),
    Kind("image", arrays("u1", None, None, 3), {"sample_compression": "png"}),
    Kind("image", arrays("u1", None, None, 3), {"chunk_compression": "lz4"}),
    Kind("image.rgb", arrays("u1", None, None, 3), {"sample_compression": "png"}),
    Kind("image.gray", arrays("u1", None, None), {"sample_compression": None}),
    Kind("video", arrays("u1", None, 3, 2, 3), {"sample_compression": None}),
    Kind("audio", arrays("f8", None, 2), {"sample_compression": "zstd"}),
    Kind("class_label", labels, {"class_names": ["a", "b", "c"]}, parts=False),
    Kind("bbox", arrays("f4", None, 4), {"chunk_compression": "zlib"}),
    Kind("bbox.3d", arrays("f4", None, 8, 3)),
    Kind("intrinsics", arrays("f4", 3, 3)),
    Kind("segment_mask", arrays("u4", None, None), {"chunk_compression": "lz4"}),
    Kind("binary_mask", arrays("?", None, 4)),
    Kind("instance_label", arrays("u4", None, None)),
    Kind("keypoints_coco", arrays("i4", 6, None)),
    Kind("point", arrays("i4", None, 2), {"sample_compression": "zlib"}),
    Kind("embedding", arrays("f4", 5)),
    Kind("dicom", arrays("i2", None, None), {"sample_compression": None}),
    Kind("nifti", arrays("f4", None, 3, 2), {"sample_compression": "lz4"}),
    Kind("point_cloud", arrays("f4", None, 3), {"sample_compression": None}),
    Kind("mesh", arrays("f4", None, 3), {"sample_compression": None}),
    Kind("text", text, {"chunk_compression": "zstd"}, array=False, empty=""),
    Kind("json", json, array=False, empty={}),
    Kind("list", values, array=False, empty=[]),
    Kind("polygon", polygons, array=False, empty=[]),
]

FILES = {
    "image": ("photo.png", "deep.png", "exif.jpeg", "photo.webp"),
    "video": ("film.mp4", "film.mkv"), "audio": ("sound.wav", "sound.flac"), "dicom": ("scan.dcm",),
    "nifti": ("volume.nii", "volume.nii.gz"), "point_cloud": ("cloud.las",),
    "mesh": ("mesh.ply", "mesh.stl"),
}  # fmt: skip


@cache
def decoded(name: str) -> np.ndarray:
    compression = name.partition(".")[2]
    array: np.ndarray = deeplake.read(content(name), compression=compression).array
    array.flags.writeable = False
    return array


def file_kinds() -> list[tuple[str, Kind, tuple[str, ...]]]:
    """``(wrapping, kind, names of files)`` of links, and of tensors that store files."""
    found = []
    for htype, names in FILES.items():
        alike = tuple(n for n in names if decoded(n).dtype == decoded(names[0]).dtype)
        alike = tuple(n for n in alike if decoded(n).ndim == decoded(names[0]).ndim)
        linked = Kind(htype, text, parts=False)
        found += [(wrapping, linked, alike) for wrapping in ("link[%s]", "sequence[link[%s]]")]
        for wrapping in ("%s", "sequence[%s]"):
            for name in names:
                compression = deeplake.read(
                    content(name), compression=name.partition(".")[2]
                ).compression
                kind = Kind(htype, text, {"sample_compression": compression}, parts=False)
                found.append((wrapping, kind, (name,)))
    return found


def empty_of(kind: Kind, like: Any) -> Any:
    return np.zeros((0,) * like.ndim, like.dtype) if kind.array else kind.empty


class Model:
    """A tensor, and the rows that it must hold: samples, or lists of them."""

    def __init__(self, ds: Any, kind: Kind, wrapping: str, make: Callable[[int], tuple[Any, Any]],
                 draw: Draw) -> None:  # fmt: skip
        self.ds, self.kind, self.make, self.draw = ds, kind, make, draw
        self.sequence = wrapping.startswith("sequence")
        self.link = "link" in wrapping
        self.rows: list[Any] = []
        ds.create_tensor("t", htype=wrapping % kind.htype, **kind.options)

    @property
    def t(self) -> Any:
        return self.ds.t

    # ---- samples
    def sample(self) -> tuple[Any, Any]:
        return self.make(self.draw(st.integers(0, 400)))

    def row(self, count: int | None = None) -> tuple[Any, Any]:
        if not self.sequence:
            return self.sample()
        if count is None:
            count = self.draw(st.integers(0, 3))
        pairs = [self.sample() for _ in range(count)]
        return [given for given, _ in pairs], [read for _, read in pairs]

    # ---- changes
    def append(self) -> None:
        given, read = self.row()
        self.ds.append({"t": given})
        self.rows.append(read)

    def extend(self) -> None:
        pairs = [self.row() for _ in range(self.draw(st.integers(0, 4)))]
        with self.ds:
            self.t.extend([given for given, _ in pairs])
        self.rows += [read for _, read in pairs]

    def none(self) -> None:
        self.t.append(None)
        self.rows.append([] if self.sequence else None)

    def update(self) -> None:
        i = self.some_row()
        if i is not None:
            given, read = self.row(len(self.rows[i]) if self.sequence else None)
            self.t[i] = given
            self.rows[i] = read

    def item(self) -> None:
        i = self.some_row()
        if i is not None and self.sequence and self.rows[i]:
            j = self.draw(st.integers(-len(self.rows[i]), len(self.rows[i]) - 1))
            given, read = self.sample()
            self.t[i, j] = given
            self.rows[i] = [*self.rows[i]]
            self.rows[i][j] = read

    def part(self) -> None:
        i = self.some_row()
        if i is None or not self.kind.parts or not self.kind.array:
            return
        old = self.rows[i]
        at: tuple[int, ...] = ()
        if self.sequence:
            if not old:
                return
            at = (self.draw(st.integers(0, len(old) - 1)),)
            old = old[at[0]]
        inner = self.draw(st.slices(len(old)))
        changed = old.copy()
        changed[inner] = 1
        self.t[(i, *at, inner)] = np.ones((), old.dtype)
        if self.sequence:
            self.rows[i] = [*self.rows[i]]
            self.rows[i][at[0]] = changed
        else:
            self.rows[i] = changed

    def pop(self) -> None:
        if self.rows:
            i = self.draw(st.integers(0, len(self.rows) - 1))
            self.ds.pop(i)
            del self.rows[i]

    def commit(self) -> None:
        self.ds.commit(allow_empty=True)

    def rechunk(self) -> None:
        self.ds.rechunk(progressbar=False)

    def some_row(self) -> int | None:
        full = [i for i, row in enumerate(self.rows) if row is not None]
        return self.draw(st.sampled_from(full)) if full else None

    # ---- what must hold
    def check(self, ds: Any) -> None:
        assert len(ds.t) == len(self.rows)
        items = [x for row in self.rows for x in (row if self.sequence else [row]) if x is not None]
        if not items:
            return
        for i, row in enumerate(self.rows):
            if self.sequence:
                assert len(read(ds.t[i], self.kind, listed=True)) == len(row)
                for j, item in enumerate(row):
                    self.check_one(ds.t[i, j], item)
            elif row is None:
                assert same(read(ds.t[i], self.kind), empty_of(self.kind, items[0]))
            else:
                self.check_one(ds.t[i], row)
        order = self.draw(st.lists(st.integers(0, len(self.rows) - 1), max_size=3))
        found = read(ds[order].t, self.kind, listed=True) if order else []
        for at, got in zip(order, found, strict=True):
            wanted = self.rows[at]
            assert same(got, empty_of(self.kind, items[0]) if wanted is None else wanted)

    def check_one(self, tensor: Any, wanted: Any) -> None:
        assert same(read(tensor, self.kind), wanted)
        if self.kind.array:
            assert tensor.shape == wanted.shape
            index = tuple(self.draw(st.slices(n)) for n in wanted.shape)
            index = index[: self.draw(st.integers(1, len(index)))]
            assert same(
                np.array(tensor[index].numpy(), order="C"), np.array(wanted[index], order="C")
            )
            last = (
                self.draw(st.integers(-wanted.shape[-1], wanted.shape[-1] - 1))
                if wanted.size
                else 0
            )
            if wanted.size:
                assert np.array_equal(tensor[..., last].numpy(), wanted[..., last], equal_nan=True)


def read(tensor: Any, kind: Kind, listed: bool = False) -> Any:
    if kind.htype == "text":
        return tensor.text()
    if kind.htype == "json":
        return tensor.dict()
    if kind.htype == "list":
        return tensor.list()
    return tensor.numpy(aslist=listed) if kind.array else tensor.numpy()


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, np.ndarray):
        return (
            isinstance(found, np.ndarray)
            and (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
            and np.array_equal(found, wanted, equal_nan=wanted.dtype.kind in "fc")
        )
    if isinstance(wanted, list) and any(isinstance(part, (np.ndarray, list)) for part in wanted):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return bool(found == wanted)


STEPS = ("append", "append", "extend", "extend", "none", "update", "item", "item", "part", "pop",
         "commit", "rechunk")  # fmt: skip
CASES = [("sequence[%s]", kind, ()) for kind in ARRAYS] + file_kinds()
some = settings(
    max_examples=int(os.environ.get("DEEPLAKE_SOAK_EXAMPLES", "3")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
numbers = itertools.count()


@pytest.mark.parametrize("place", ["mem", "file"])
@pytest.mark.parametrize(
    ("wrapping", "kind", "names"), CASES,
    ids=[f"{w % k.htype} {' '.join(map(str, k.options.values()))} {' '.join(n)}" for w, k, n in CASES],
)  # fmt: skip
@some
@given(data=st.data())
def test_any_nesting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, wrapping: str, kind: Kind,
    names: tuple[str, ...], data: st.DataObject,
) -> None:  # fmt: skip
    monkeypatch.setenv("DEEPLAKE_FSYNC", "0")
    number = next(numbers)
    path = f"mem://nested-{number}" if place == "mem" else str(tmp_path / str(number))

    def of_file(number: int) -> tuple[Any, Any]:
        name = names[number % len(names)]
        file = tmp_path / name
        if not file.exists():
            file.write_bytes(content(name))
        return (deeplake.link(file) if "link" in wrapping else deeplake.read(file)), decoded(name)

    model = Model(
        deeplake.empty(path), kind, wrapping, of_file if names else kind.make, data.draw
    )  # fmt: skip
    model.append()
    for step in data.draw(st.lists(st.sampled_from(STEPS), max_size=8)):
        getattr(model, step)()
    model.check(model.ds)
    again = deeplake.load(path)
    model.check(again)
    again.commit(allow_empty=True)
    copied = again.copy(f"mem://copy-{number}", progressbar=False)
    model.check(copied)
    if len(model.rows) > 1:
        kept = Model.__new__(Model)
        kept.__dict__.update(model.__dict__, rows=model.rows[1:])
        kept.check(again[1:].copy(f"mem://part-{number}", progressbar=False))
