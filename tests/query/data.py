"""The datasets that the corpus of queries is about, and the same values as plain Python and NumPy.

Nothing here knows the query engine: oracles compute with what ``Data`` has.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import deeplake

ROWS = 240
CLASSES = ["cat", "dog", "cow", "guinea pig"]
WORDS = [
    "apple", "Apple pie", "banana", "", "100%", "under_score", "naïve café", "ÅNGSTRÖM", "日本語",
    "it's", "needle in hay", "haystack", "a.b*c", "x" * 40, "cats and dogs",
]  # fmt: skip
TAGS = ["red", "green", "blue", "dark red"]


@dataclass(frozen=True)
class Data:
    """The values, one a row. None is a row that was appended as None.

    Attributes:
        label: ``class_label``, one a row.
        many: ``class_label``, none to four a row.
        n: int32, some None.
        x: float64, with NaN and infinities.
        score: float32, multiples of 1/64.
        flag: bool.
        day: int64 that rises.
        word: Text.
        doc: Json.
        items: List.
        tags: Tag.
        vec: float32[4].
        boxes: ``bbox``, ``(k, 4)`` float32.
        grid: uint8[3, 4].
        ragged: int16 of 0 to 5 elements.
        y: float64, in group ``g``.
        steps: Sequences of int64, 1 to 3 items.
        shape: Polygons, 1 or 2 a row of 3 points.
    """

    label: np.ndarray
    many: list[np.ndarray]
    n: list[int | None]
    x: np.ndarray
    score: np.ndarray
    flag: np.ndarray
    day: np.ndarray
    word: list[str]
    doc: list[Any]
    items: list[list[Any]]
    tags: list[list[str]]
    vec: np.ndarray
    boxes: list[np.ndarray]
    grid: np.ndarray
    ragged: list[np.ndarray]
    y: np.ndarray
    steps: list[list[int]]
    shape: list[list[np.ndarray]]

    def __len__(self) -> int:
        return ROWS

    @property
    def id(self) -> np.ndarray:
        """Row numbers."""
        return np.arange(ROWS)

    @property
    def names(self) -> list[str]:
        """Names of the labels."""
        return [CLASSES[label] for label in self.label]

    @property
    def known(self) -> np.ndarray:
        """Which rows have an ``n``."""
        return np.array([value is not None for value in self.n])

    @property
    def number(self) -> np.ndarray:
        """``n`` as floats, NaN where there is none."""
        return np.array([np.nan if value is None else value for value in self.n], float)

    @property
    def kinds(self) -> list[list[str]]:
        """Names of ``many``."""
        return [[CLASSES[label] for label in labels] for labels in self.many]


def made() -> Data:
    """The values: always the same."""
    rng = np.random.default_rng(7)
    n: list[int | None] = rng.integers(-50, 50, ROWS).tolist()
    for row in range(5, ROWS, 13):
        n[row] = None
    x = rng.normal(0, 10, ROWS).round(3)
    x[[17, 90, 200]] = np.nan
    x[33], x[34] = np.inf, -np.inf
    doc: list[Any] = []
    for row in range(ROWS):
        whole: dict[str, Any] = {"a": int(rng.integers(0, 20)), "name": f"doc {row % 7}"}
        if row % 3 == 0:
            whole["b"] = {"c": rng.integers(0, 5, row % 4).tolist(), "deep": {"flag": row % 2 == 0}}
        if row % 10 == 4:
            whole["price"] = row / 4
        if row % 20 == 5:
            whole = {"other": "nothing else"}
        doc.append(whole)
    doc[50], doc[51], doc[52] = [1, 2, 3], "only text", None
    return Data(
        label=rng.integers(0, 4, ROWS),
        many=[rng.integers(0, 4, row % 5, "uint32") for row in range(ROWS)],
        n=n,
        x=x,
        score=(rng.integers(0, 64, ROWS) / 64).astype("float32"),
        flag=rng.random(ROWS) < 0.4,
        day=np.cumsum(rng.integers(1, 4, ROWS)),
        word=[WORDS[k] for k in rng.integers(0, len(WORDS), ROWS)],
        doc=doc,
        items=[[row % 6, "even" if row % 2 == 0 else "odd", {"k": row}][: 1 + row % 3]
               for row in range(ROWS)],
        tags=[[TAGS[k] for k in rng.permutation(4)[: row % 3]] for row in range(ROWS)],
        vec=rng.integers(-8, 9, (ROWS, 4)).astype("float32") + np.float32(0.5),
        boxes=[(rng.integers(0, 200, (row % 4, 4)) / 2).astype("float32") for row in range(ROWS)],
        grid=rng.integers(0, 256, (ROWS, 3, 4)).astype("uint8"),
        ragged=[rng.integers(-9, 10, row % 6).astype("int16") for row in range(ROWS)],
        y=rng.integers(0, 8, ROWS) / 8,
        steps=[rng.integers(0, 9, 1 + row % 3).tolist() for row in range(ROWS)],
        shape=[[rng.integers(0, 50, (3, 2)).astype("float32") for _ in range(1 + row % 2)]
               for row in range(ROWS)],
    )  # fmt: skip


def write(path: str, **options: Any) -> deeplake.Dataset:
    """Store the values, in several chunks a tensor, so that there is something to leave out."""
    data = made()
    ds = deeplake.empty(path, **options)
    few = {"max_chunk_size": 512}
    with ds:
        ds.create_tensor("id", dtype="int64", **few)
        ds.create_tensor("label", htype="class_label", class_names=CLASSES, **few)
        ds.create_tensor("many", htype="class_label", class_names=CLASSES)
        ds.create_tensor("n", dtype="int32", **few)
        ds.create_tensor("x", dtype="float64", **few)
        ds.create_tensor("score", dtype="float32")
        ds.create_tensor("flag", dtype="bool")
        ds.create_tensor("day", dtype="int64", chunk_compression="zlib", **few)
        ds.create_tensor("word", htype="text", **few)
        ds.create_tensor("doc", htype="json")
        ds.create_tensor("items", htype="list")
        ds.create_tensor("tags", htype="tag")
        ds.create_tensor("vec", htype="embedding", dtype="float32", **few)
        ds.create_tensor("boxes", htype="bbox", dtype="float32", coords={"mode": "LTWH"})
        ds.create_tensor("grid", dtype="uint8")
        ds.create_tensor("ragged", dtype="int16", **few)
        ds.create_tensor("g/y", dtype="float64")
        ds.create_tensor("steps", htype="sequence", dtype="int64")
        ds.create_tensor("shape", htype="polygon", dtype="float32")
        ds.create_tensor("photo", htype="image", sample_compression="jpeg")
        for start in range(0, ROWS, 60):
            part = slice(start, start + 60)
            columns = {
                name: getattr(data, name)[part]
                for name in ("id", "label", "many", "n", "x", "score", "flag", "day", "word", "doc",
                             "items", "tags", "vec", "boxes", "grid", "ragged", "steps", "shape")
            }  # fmt: skip
            ds.extend({**columns, "g/y": data.y[part], "photo": photos(part)})
    ds.commit("all")
    return ds


def photos(part: slice) -> list[Any]:
    """Files of 4 x ``3 + row % 5`` pixels; every third one says who made the camera."""
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for row in range(ROWS)[part]:
            exif = Image.Exif()
            if row % 3 == 0:
                exif[0x010F] = f"maker {row % 2}"
            path = Path(folder, f"{row}.jpg")
            Image.new("L", (3 + row % 5, 4)).save(path, exif=exif)
            files.append(deeplake.read(path))
            files[-1].buffer
    return files


def write_uneven(path: str, **options: Any) -> deeplake.Dataset:
    """Two tensors, one of them shorter."""
    ds = deeplake.empty(path, **options)
    with ds:
        ds.create_tensor("long", dtype="int64").extend(np.arange(12))
        ds.create_tensor("short", dtype="int64").extend(np.arange(100, 105))
    ds.commit("uneven")
    return ds


def write_names(path: str, **options: Any) -> deeplake.Dataset:
    """Another dataset, for joins and queries of paths: what labels are called elsewhere."""
    ds = deeplake.empty(path, **options)
    with ds:
        ds.create_tensor("label", dtype="int64").extend([3, 1, 0, 2])
        ds.create_tensor("legs", dtype="int64").extend([40, 41, 42, 43])
        ds.create_tensor("title", htype="text").extend(["three", "one", "zero", "two"])
    ds.commit("names")
    return ds


__all__ = [
    "CLASSES",
    "ROWS",
    "TAGS",
    "WORDS",
    "Data",
    "made",
    "write",
    "write_names",
    "write_uneven",
]
