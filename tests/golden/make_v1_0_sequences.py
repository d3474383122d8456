"""Makes the golden dataset of sequences: ``python tests/golden/make_v1_0_sequences.py DIRECTORY``.

Like those of ``make_v1_0.py`` it was made once and is never made again once format 1.0 is released.
``model`` says what is in it; nothing of that was read from a dataset.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

import deeplake

TAG = "before the edits"
TENSORS: dict[str, dict[str, Any]] = {
    "plain": {"htype": "sequence", "dtype": "int16"},
    "shapes": {"htype": "sequence", "dtype": "float32"},
    "codec of chunks": {"htype": "sequence", "dtype": "uint8", "chunk_compression": "zstd"},
    "codec of items": {"htype": "sequence", "dtype": "uint8", "sample_compression": "lz4"},
    "images": {"htype": "sequence[image]", "sample_compression": "png"},
    "frames": {"htype": "sequence[image]", "sample_compression": None},
    "labels": {"htype": "sequence[class_label]", "class_names": ["cat", "größe"]},
    "boxes": {"htype": "sequence[bbox]"},
    "texts": {"htype": "sequence[text]", "chunk_compression": "lz4"},
    "documents": {"htype": "sequence[json]"},
    "lists": {"htype": "sequence[list]"},
    "polygons": {"htype": "sequence[polygon]"},
    "undecided": {"htype": "sequence"},
    "empty": {"htype": "sequence[bbox]"},
}
NDIM = {"undecided": None, "empty": None}
"""Dimensions that are not known."""


def image(k: int, *shape: int) -> np.ndarray:
    return (np.arange(int(np.prod(shape))) * 7 + k).astype("u1").reshape(shape)


def rows_before() -> dict[str, list[Any]]:
    """The rows at the tag. A row is a list of items, or None; an item may be None."""
    polygon = [np.arange(6, dtype="<f4").reshape(3, 2), np.ones((4, 2), "<f4")]
    texts: list[Any] = [["a", "größe 🦆", ""], [], None, ["b" * 100, None], ["\0"], ["c"]]
    return {
        "plain": [[np.array([3 * i, -j], "<i2") for j in range(3)] for i in range(6)],
        "shapes": [
            [np.full((j + 1, 2), i, "<f4") for j in range(i)] if i != 2 else None for i in range(6)
        ],
        "codec of chunks": [[image(i + j, 40, 9) for j in range(i % 3)] for i in range(6)],
        "codec of items": [[None, image(i, 5 * i, 2)] for i in range(6)],
        "images": [[image(i, 4 + i, 5, 3)] * (i % 4) for i in range(6)],
        "frames": [[image(i + j, 60, 50, 3) for j in range(2)] for i in range(6)],
        "labels": [[np.array([(i + j) % 2], "<u4") for j in range(i)] for i in range(6)],
        "boxes": [[np.full((i % 3, 4), i, "<f4")] for i in range(6)],
        "texts": texts,
        "documents": [[{"a": i}, [None, "ä"]] * (i % 2) for i in range(6)],
        "lists": [[[i, "x"], []][: i % 3] for i in range(6)],
        "polygons": [[polygon[:1], polygon], [], [polygon[1:]], None, [[polygon[0]]] * 2, []],
        "undecided": [None, [], [None, None], [], None, [None]],
        "empty": [],
    }


def rows_after() -> dict[str, list[Any]]:
    """The rows of the branch ``main``."""
    rows = rows_before()
    rows["plain"][1] = [np.array([9, 9], "<i2")] * 3
    rows["plain"][2][0] = np.array([-7, 7], "<i2")
    rows["shapes"][4][1:3] = [np.zeros((1, 2), "<f4"), None]
    rows["images"][3][2] = image(99, 2, 2, 3)
    part = image(3, 60, 50, 3)
    part[1:3] = 0
    rows["frames"][2][1] = part
    rows["texts"][3][1] = "filled"
    for name in rows:
        if rows[name]:
            del rows[name][0]
            rows[name].append(rows_before()[name][1])
    return rows


def make(directory: Path) -> None:
    ds = deeplake.empty(directory)
    before = rows_before()
    with ds:
        for name, options in TENSORS.items():
            ds.create_tensor(name, **options)
        for name, rows in before.items():
            ds[name].extend(rows[:4])
    with ds:
        for name, rows in before.items():
            for row in rows[4:]:
                ds[name].append(row)
    ds.commit("rows")
    ds.create_tag(TAG)
    with ds:
        ds["plain"][1] = np.full((3, 2), 9, "<i2")
        ds["plain"][2, 0] = np.array([-7, 7], "<i2")
        ds["shapes"][4, 1:3] = [np.zeros((1, 2), "<f4"), None]
        ds["images"][3, -1] = image(99, 2, 2, 3)
        ds["frames"][2, 1, 1:3] = 0
        ds["texts"][3, 1] = "filled"
        ds.pop(0)
        for name, rows in before.items():
            if rows:
                ds[name].append(rows[1])
    ds.commit("edits")
    for own in directory.glob(".deeplake-*"):
        own.unlink()  # of the store; no part of the format


if __name__ == "__main__":
    make(Path(sys.argv[1]))
