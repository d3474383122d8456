"""Makes the golden datasets of format 1.0: ``python tests/golden/make_v1_0.py DIRECTORY``.

The datasets that are checked in were made once, with the first deeplake that wrote format 1.0, and
are never made again: this script says what is in them. It keeps a plain-Python model of everything
that it appends, changes and removes, and writes that model down as what a reader has to find.
Nothing that it writes down was read from a dataset.

Three datasets:

* ``kinds``: one commit with every dtype, htype and compression;
* ``history``: few tensors, several commits, several branches, and pieces that were cut and replaced;
* ``indexed``: a tensor whose segments are listed in an index block.

``expected.json`` lists the states (dataset, address) with info and tensors; a tensor is the number
of an entry of ``tensors``, which has schema, info and rows. A row is one of::

    {"array": ARRAY}                         an array
    {"file": ARRAY, "shape": [..]}           the bytes (uint8) of a file that is stored verbatim
    {"near": ARRAY, "tolerance": T}          encoded with loss: no value is off by more than T
    {"polygons": [ARRAY, ..]}, {"json": ..}
    {"null": true}                           None

In place of rows, ``{"stack": ARRAY}`` is arrays of one shape and ``{"texts": [..]}`` texts (None is
null). ARRAY is ``[name, start, shape]``: a part of the flat array ``name`` in ``expected.npz``. In
json values, ``{"~nd": ARRAY}``, ``{"~bytes": HEX}`` and ``{"~float": TEXT}`` stand for what JSON
lacks.
"""

from __future__ import annotations

import copy
import io
import json
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image

import deeplake

INFO = {
    "embedding": {"vdb_indexes": []},
    **{htype: {"intrinsics": None} for htype in ("image", "image.rgb", "image.gray")},
    "text": {"vdb_indexes": []},
}
"""Info that a tensor of an htype has from the start."""
BRANCH = "Änderung/2 🦆"
TAGS = "Release 0.9", "Release 1.0/β"
ROWS = 200
DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)


# ------------------------------------------------------------------------------ what is expected
@dataclass
class File:
    """A file that is appended as it is."""

    data: bytes
    shape: tuple[int, ...]


@dataclass
class Near:
    """An array that a lossy codec encodes."""

    array: np.ndarray
    tolerance: int


@dataclass
class Column:
    """The model of a tensor."""

    htype: str
    dtype: str | None
    ndim: int | None
    compression: tuple[str | None, str | None] = (None, None)
    info: dict[str, Any] = field(default_factory=dict)
    rows: list[Any] = field(default_factory=list)


class Expected:
    """Collects states, and everything in them once."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []
        self.tensors: dict[str, int] = {}
        self._flat: dict[str, list[np.ndarray]] = {}
        self._known: dict[tuple[str, tuple[int, ...], bytes], list[Any]] = {}

    def state(
        self, dataset: str, address: str, model: dict[str, Column], info: dict[str, Any],
        groups: list[str], commits: list[str],
    ) -> None:  # fmt: skip
        """A version of a dataset, and the messages of its history, newest first."""
        self.states.append(
            {
                "dataset": dataset,
                "address": address,
                "commits": commits,
                "groups": groups,
                "info": info,
                "tensors": {name: self._number(column) for name, column in model.items()},
            }
        )

    def _number(self, column: Column) -> int:
        text = _line(self._tensor(column))
        return self.tensors.setdefault(text, len(self.tensors))

    def _array(self, array: np.ndarray) -> list[Any]:
        name = array.dtype.name
        content = (name, array.shape, array.tobytes())
        if content not in self._known:
            parts = self._flat.setdefault(name, [])
            self._known[content] = [name, sum(map(len, parts)), list(array.shape)]
            parts.append(array.reshape(-1))
        return self._known[content]

    def _tensor(self, column: Column) -> dict[str, Any]:
        rows = column.rows
        entry: dict[str, Any] = {
            "htype": column.htype,
            "dtype": column.dtype,
            "ndim": column.ndim,
            "sample_compression": column.compression[0],
            "chunk_compression": column.compression[1],
            "info": column.info,
            "length": len(rows),
        }
        if rows and all(type(r) is np.ndarray and r.shape == rows[0].shape for r in rows):
            return {**entry, "stack": self._array(np.stack(rows))}
        if column.htype == "text":
            return {**entry, "texts": rows}
        return {**entry, "rows": [self._row(row, column.htype) for row in rows]}

    def _row(self, row: Any, htype: str) -> dict[str, Any]:
        if row is None:
            return {"null": True}
        if isinstance(row, File):
            return {"file": self._array(np.frombuffer(row.data, "u1")), "shape": list(row.shape)}
        if isinstance(row, Near):
            return {"near": self._array(row.array), "tolerance": row.tolerance}
        if htype == "polygon":
            return {"polygons": [self._array(polygon) for polygon in row]}
        if isinstance(row, np.ndarray):
            return {"array": self._array(row)}
        return {"json": self._json(row)}

    def _json(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return {"~nd": self._array(value)}
        if isinstance(value, bytes):
            return {"~bytes": value.hex()}
        if isinstance(value, float) and not math.isfinite(value):
            return {"~float": repr(value)}
        if isinstance(value, dict):
            return {key: self._json(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [self._json(entry) for entry in value]
        return value

    def write(self, directory: Path) -> None:
        tensors, states = ",\n".join(self.tensors), ",\n".join(map(_line, self.states))
        text = f'{{"tensors": [\n{tensors}\n], "states": [\n{states}\n]}}\n'
        (directory / "expected.json").write_text(text, encoding="utf-8")
        flat = {name: np.concatenate(parts) for name, parts in self._flat.items()}
        np.savez_compressed(directory / "expected.npz", **flat)  # type: ignore[arg-type]


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --------------------------------------------------------------------------------- what goes in
def extremes(dtype: str) -> list[np.ndarray]:
    """Three arrays of shape (2, 3) with the awkward values of a dtype."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        values: Any = [True, False] * 9
    elif kind.kind in "iu":
        limits = np.iinfo(kind)
        values = [limits.min, limits.max, 0, 1, 2, 7] * 3
    else:
        limits = np.finfo(kind)
        values = [0.0, -0.0, np.nan, np.inf, -np.inf, limits.max, limits.min, limits.tiny, 1.5]
        values = values * 2
        if kind.kind == "c":
            values = [complex(a, b) for a, b in zip(values, values[::-1], strict=True)]
    array = np.array(values, kind.newbyteorder("<")).reshape(3, 2, 3)
    return list(array)


def ramp(height: int, width: int, *channels: int) -> np.ndarray:
    """A smooth picture."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [
        np.clip(x * 5 + y * 3 + 20 * k, 0, 255) for k in range(channels[0] if channels else 1)
    ]
    return np.stack(planes, axis=2).astype("u1").reshape(height, width, *channels)


def file_of(array: np.ndarray, kind: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind)
    return out.getvalue()


class Kinds:
    """The dataset ``kinds`` in the making."""

    def __init__(self, root: Path) -> None:
        self.ds = deeplake.empty(root / "kinds")
        self.model: dict[str, Column] = {}
        self.rng = np.random.default_rng(1)

    def add(
        self,
        name: str,
        stored: str | None,
        ndim: int | None,
        rows: list[Any],
        given: Any = None,
        *,
        info: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """A tensor.

        Args:
            name: Its name.
            stored: The dtype that it is to have.
            ndim: The dimensions that its samples are to have.
            rows: What is to be found in it.
            given: What is appended, where that is not the same.
            info: Its info.
            **options: How it is created; they are also what is expected.
        """
        self.ds.create_tensor(name, **options)
        self.model[name] = Column(
            options.get("htype", "generic"),
            stored,
            ndim,
            (options.get("sample_compression"), options.get("chunk_compression")),
            info or copy.deepcopy(INFO.get(options.get("htype"), {})),
            copy.deepcopy(rows),
        )
        values = rows if given is None else given
        if len(values) > 0:
            self.ds[name].extend(values)

    def dtypes(self) -> None:
        for dtype in DTYPES:
            self.add(f"dtypes/{dtype}", np.dtype(dtype).str, 2, extremes(dtype), dtype=dtype)

    def chunks(self) -> None:
        """Many frames of checksums, a frame a sample, ragged, empty, None."""
        small = np.array([k % 7 for k in range(40)])
        self.add("plain/scalars", "<i8", 1, [np.array([k]) for k in small], small)
        wide = [(np.arange(3600) * k % 251).astype("u1") for k in range(19)]
        self.add("plain/frames", "|u1", 1, wide, np.stack(wide))
        big = [np.full((91, 92), k, "u1") for k in (3,)]
        self.add("plain/frame a sample", "|u1", 2, big)
        ragged = [
            self.rng.random(shape, "<f4") for shape in ((0, 3), (2, 3), (1, 5), (4, 0), (2, 3))
        ]
        self.add("plain/ragged", "<f4", 2, [*ragged[:2], None, *ragged[2:]])
        nulls = [None if k % 3 else np.array([k, k + 1], "<i2") for k in range(20)]
        self.add("plain/nulls", "<i2", 1, nulls, dtype="int16")
        big_endian = np.arange(12, dtype=">i4").reshape(3, 4)
        self.add("plain/big endian", "<i4", 1, list(big_endian.astype("<i4")), big_endian)
        strided = np.arange(60, dtype="<u2").reshape(5, 12)[::2, ::-3]
        self.add("plain/strided", "<u2", 1, [np.array(row) for row in strided], strided)
        pairs = [np.array([k, k], "u1") for k in range(50)]
        self.add("plain/many chunks", "|u1", 1, pairs, np.stack(pairs), max_chunk_size=40)
        self.add("plain/empty", "<f8", None, [], dtype="float64")
        self.add("plain/undecided", None, None, [])
        self.add("plain/none only", "<f4", None, [None, None], dtype="float32")

    def compressions(self) -> None:
        """Codecs of bytes, for chunks (of two frames) and for samples."""
        block = [((np.arange(20000) // 200 + k) % 256).astype("u1") for k in range(14)]
        few = [np.arange(k, dtype="<i4") // 3 for k in (9, 0, 300)]
        texts = ["", "a" * 300, "日本語 🦆", "zebra"]
        for codec in ("raw", "zlib", "lz4", "zstd"):
            name = f"compressed/chunk {codec}"
            if codec == "raw":
                self.add(name, "<i4", 1, few, chunk_compression=codec)
            else:
                self.add(name, "|u1", 1, block, np.stack(block), chunk_compression=codec)
            rows = [few[0], few[2], None, few[1]]
            self.add(f"compressed/sample {codec}", "<i4", 1, rows, sample_compression=codec)
            self.add(
                f"compressed/text {codec}", "str", 1, texts, htype="text", sample_compression=codec
            )
        ragged = [np.arange(k * 7, dtype="<i8").reshape(7, k) for k in (5, 0, 90)]
        self.add("compressed/ragged zstd", "<i8", 2, ragged, chunk_compression="zstd")

    def images(self) -> None:
        shapes = (20, 30, 3), (8, 8, 3)
        jpegs = [File(file_of(ramp(*shape), "jpeg"), shape) for shape in shapes]
        smooth = ramp(16, 24, 3)
        self.add(
            "images/jpeg", "|u1", 3, [jpegs[0], Near(smooth, 16), None, jpegs[1]],
            [deeplake.read(jpegs[0].data), smooth, None, deeplake.read(jpegs[1].data)],
            htype="image", sample_compression="jpeg",
        )  # fmt: skip
        png = File(file_of(ramp(20, 30, 3), "png"), (20, 30, 3))
        noise = self.rng.integers(0, 256, (6, 5, 3), "u1")
        self.add(
            "images/png", "|u1", 3, [png, noise, None], [deeplake.read(png.data), noise, None],
            htype="image", sample_compression="png",
        )  # fmt: skip
        few = [noise, noise[:3]]
        self.add("images/chunk png", "|u1", 3, few, htype="image", chunk_compression="png")
        few = [noise, noise[:2, :2], None]
        self.add("images/plain", "|u1", 3, few, htype="image", sample_compression=None)
        self.add("images/rgb", "|u1", 3, [noise], htype="image.rgb", sample_compression="png")
        grey = [ramp(17, 9)]
        self.add("images/gray", "|u1", 2, grey, htype="image.gray", sample_compression="png")

    def annotations(self) -> None:
        rng = self.rng
        names = ["cat", "dog", "größe"]
        labels = [np.array(v, "<u4") for v in ([1], [0], [2], [0, 2])]
        self.add(
            "labels", "<u4", 1, [*labels, None], ["dog", 0, "größe", ["cat", 2], None],
            info={"class_names": names}, htype="class_label", class_names=names[:2],
        )  # fmt: skip
        coords = {"type": "pixel", "mode": "LTWH"}
        boxes = [rng.random((k, 4), "<f4") for k in (2, 0, 1)]
        self.add("boxes", "<f4", 2, boxes, info={"coords": coords}, htype="bbox", coords=coords)
        solid = [rng.random((2, 8, 3), "<f4")]
        self.add("boxes 3d", "<f4", 3, solid, info={"coords": {}}, htype="bbox.3d")
        self.add("intrinsics", "<f4", 2, [np.eye(3, dtype="<f4")], htype="intrinsics")
        mask = np.arange(12, dtype="<u4").reshape(3, 4) % 3
        self.add(
            "masks/segments", "<u4", 2, [mask], info={"class_names": names}, htype="segment_mask",
            class_names=names,
        )  # fmt: skip
        self.add("masks/binary", "|b1", 2, [mask > 1], htype="binary_mask")
        self.add("instances", "<u4", 2, [mask], htype="instance_label")
        info = {"keypoints": ["nose", "ear"], "connections": [[0, 1]]}
        points = [np.arange(12, dtype="<i4").reshape(6, 2)]
        self.add("keypoints", "<i4", 2, points, info=info, htype="keypoints_coco", **info)
        points = [np.arange(6, dtype="<i4").reshape(2, 3)]
        self.add("points", "<i4", 2, points, htype="point")
        shapes = [rng.random((k, 2), "<f4") for k in (3, 5, 4)]
        self.add("polygons", "<f4", 3, [shapes[:2], None, shapes[2:]], htype="polygon")
        vectors = [rng.random(16, "<f4") for _ in range(3)]
        self.add("embeddings", "<f4", 1, vectors, np.stack(vectors), htype="embedding")

    def documents(self) -> None:
        texts = ["", "plain", None, "na\u0308ve 日本語 \U0010ffff\n\0"]
        self.add("texts", "str", 1, texts, htype="text")
        array = np.arange(4, dtype="<i2").reshape(2, 2)
        documents: list[Any] = [
            {"a": [1, 2.5, None, True], "ä": {"$deeplake": "own key"}},
            {"not a number": math.nan, "least": -math.inf, "array": array, "bytes": b"\0\xff"},
            *([], "text", None, {"deep": [[[[]]]]}),
        ]
        self.add("documents", "json", 1, documents, htype="json")
        lists = [[], [1, "two", None], None, [{"three": 3}]]
        self.add("lists", "json", 1, lists, htype="list")
        self.add("tag lists", "json", 1, [["a", "b"], ["ß"], None, []], htype="tag")
        self.add("größe/日本語/🦆", "<i8", 1, [np.array([1])], [1])


def make_kinds(root: Path, expected: Expected) -> None:
    """Every dtype, htype and compression, in one commit."""
    kinds = Kinds(root)
    info = {"author": "Ada", "tags": ["x", {"y": [1, 2.5, None]}], "ümlaut": "ja"}
    with kinds.ds as ds:
        kinds.dtypes()
        kinds.chunks()
        kinds.compressions()
        kinds.images()
        kinds.annotations()
        kinds.documents()
        ds.info.update(info)
        ds.create_group("nothing in it")
    message = "all kinds: größe 🦆"
    commit = ds.commit(message)
    groups = ["dtypes", "plain", "compressed", "images", "masks", "größe", "größe/日本語"]
    for address in ("main", commit):
        expected.state("kinds", address, kinds.model, info, [*groups, "nothing in it"], [message])


def make_history(root: Path, expected: Expected) -> None:
    """Commits, branches, updates and removals."""
    ds = deeplake.empty(root / "history")
    names = ["red"]
    model = {
        "x": Column("generic", "<i4", 1),
        "label": Column("class_label", "<u4", 1, info={"class_names": names}),
        "text": Column("text", "str", 1, info=INFO["text"]),
        "image": Column("generic", "|u1", 2),
    }
    info: dict[str, Any] = {}
    log: list[str] = []

    def remember(address: str) -> None:
        expected.state("history", address, copy.deepcopy(model), copy.deepcopy(info), [], log[::-1])

    def commit(message: str) -> None:
        log.append(message)
        remember(ds.commit(message))

    def text(k: int) -> str:
        return "ä" * (k % 5) + str(k)

    with ds:
        ds.create_tensor("x", dtype="int32")
        ds.create_tensor("label", htype="class_label", class_names=["red"])
        ds.create_tensor("text", htype="text")
        ds.create_tensor("image", dtype="uint8", chunk_compression="zlib")
        model["image"].compression = (None, "zlib")
    with ds:
        x = np.arange(ROWS, dtype="int32")
        ds.extend(
            {
                "x": x,
                "label": np.zeros((ROWS, 1), "uint32"),
                "text": [text(k) for k in range(ROWS)],
                "image": np.stack([np.full((4, 2), k % 256, "u1") for k in range(ROWS)]),
            }
        )
    model["x"].rows = [np.array([k], "<i4") for k in range(ROWS)]
    model["label"].rows = [np.array([0], "<u4") for _ in range(ROWS)]
    model["text"].rows = [text(k) for k in range(ROWS)]
    model["image"].rows = [np.full((4, 2), k % 256, "u1") for k in range(ROWS)]
    commit("first")
    ds.create_tag(TAGS[0])
    remember(TAGS[0])

    # Every other row: ROWS pieces, in a segment that is large enough to be compressed.
    ds.x[::2] = -np.arange(ROWS // 2, dtype="int32").reshape(-1, 1)
    for k in range(ROWS // 2):
        model["x"].rows[2 * k] = np.array([-k], "<i4")
    ds.text[7] = "seven"
    model["text"].rows[7] = "seven"
    ds[9].update({"image": np.full((5, 1), 99, "u1"), "label": "green"})
    model["image"].rows[9] = np.full((5, 1), 99, "u1")
    model["label"].rows[9] = np.array([1], "<u4")
    model["label"].info["class_names"] = ["red", "green"]
    commit("updated")
    ds.create_tag(TAGS[1])
    remember(TAGS[1])

    gone = [0, 17, 18, 19, 150, ROWS - 1]
    ds.pop(gone)
    for column in model.values():
        column.rows = [row for k, row in enumerate(column.rows) if k not in gone]
    ds.text[ROWS - 4] = "beyond the end"
    model["text"].rows += [None, None, "beyond the end"]
    commit("popped and padded")

    main = copy.deepcopy(model)
    main_log = [*log]
    ds.checkout(BRANCH, create=True)
    with ds:
        ds.create_tensor("more", dtype="float16")
        model["more"] = Column("generic", "<f2", 1)
        ds.more.extend(np.array([[0.5], [1.5]], "float16"))
        model["more"].rows = [np.array([0.5], "<f2"), np.array([1.5], "<f2")]
        ds.delete_tensor("image")
        del model["image"]
        ds.rename_tensor("label", "étiquette")
        model = {"étiquette" if k == "label" else k: column for k, column in model.items()}
    commit("on the branch")
    with ds:
        ds.more.append(np.array([2.5], "float16"))
        model["more"].rows.append(np.array([2.5], "<f2"))
        # Too much for a ref to carry along: the head of this branch is a second request.
        ds.info.update(note="é" * 16_500)
        info["note"] = "é" * 16_500
    remember(BRANCH)

    ds.checkout("main")
    model, info, log = main, {}, main_log
    for k in range(5):
        ds.x.append(1000 + k)
        model["x"].rows.append(np.array([1000 + k], "<i4"))
    commit("single rows")

    # A merge: a commit with two parents.
    ds.checkout("side", create=True)
    ds.text[1] = "from the side"
    ds.x.append(2000)
    side = ds.commit("on the side")
    ds.checkout("main")
    ds.x.append(3000)
    ds.commit("beside the side")
    ds.merge("side")
    model["text"].rows[1] = "from the side"
    model["x"].rows += [np.array([3000], "<i4"), np.array([2000], "<i4")]
    log += ["beside the side", f"Merge {side} into main"]
    ds.x[3] = np.array([-3], "int32")
    model["x"].rows[3] = np.array([-3], "<i4")
    remember("main")


def make_indexed(root: Path, expected: Expected) -> None:
    """A tensor with an index block, which otherwise takes more rows than belong in a repository."""
    sizes = (
        mock.patch("deeplake.versioning.table.MAX_PIECES", 4),
        mock.patch("deeplake.versioning.draft.MAX_DIRECT", 8),
        mock.patch("deeplake.versioning.draft.KEPT_DIRECT", 2),
    )
    model = {"x": Column("generic", "<u2", 1)}
    with sizes[0], sizes[1], sizes[2]:
        ds = deeplake.empty(root / "indexed")
        ds.create_tensor("x", dtype="uint16")
        ds.x.extend(np.arange(100, dtype="uint16"))
        ds.x[::2] = np.arange(50, dtype="uint16").reshape(-1, 1)
        ds.commit("many pieces")
        rows = [np.array([k // 2 if k % 2 == 0 else k], "<u2") for k in range(100)]
        model["x"].rows = rows
        ds.x.append(100)
        ds.x[70] = 7
        ds.pop(3)
        ds.commit("beside the index")
    rows.append(np.array([100], "<u2"))
    rows[70] = np.array([7], "<u2")
    del rows[3]
    expected.state("indexed", "main", model, {}, [], ["beside the index", "many pieces"])


def main(directory: str) -> None:
    root = Path(directory)
    root.mkdir(parents=True)
    expected = Expected()
    make_kinds(root, expected)
    make_history(root, expected)
    make_indexed(root, expected)
    for lock in root.glob("*/.deeplake-lock"):
        lock.unlink()  # of the store; no part of the format
    expected.write(root)


if __name__ == "__main__":
    main(*sys.argv[1:])
