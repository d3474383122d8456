"""Rows that can be told apart and checked: everything in a row follows from one number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

import deeplake

TENSORS = ("id", "vector", "ragged", "text", "picture")


def create(ds: deeplake.Dataset) -> None:
    """The tensors of a dataset of such rows."""
    with ds:
        ds.create_tensor("id", dtype="int64")
        ds.create_tensor("vector", dtype="float32")
        ds.create_tensor("ragged", dtype="int32", sample_compression="zlib")
        ds.create_tensor("text", htype="text")
        ds.create_tensor("picture", dtype="uint8", chunk_compression="zlib")


def row(key: int) -> dict[str, Any]:
    """The row of a key."""
    return {
        "id": np.array([key]),
        "vector": np.array([key % 1000, key % 7, key % 11], "float32"),
        "ragged": np.arange(key % 5, dtype="int32") + key % 100_000,
        "text": f"{key} ä" * (key % 4),
        "picture": np.full((1 + key % 3, 40, 3), key % 256, "uint8"),
    }


@lru_cache(maxsize=10_000)
def _wanted(key: int) -> dict[str, Any]:
    return row(key)


def columns(keys: Sequence[int]) -> dict[str, Any]:
    """Rows the way ``ds.extend`` takes them."""
    rows = [row(key) for key in keys]
    return {
        "id": np.array(keys).reshape(-1, 1),
        "vector": np.stack([r["vector"] for r in rows]),
        "ragged": [r["ragged"] for r in rows],
        "text": [r["text"] for r in rows],
        "picture": [r["picture"] for r in rows],
    }


def read(ds: deeplake.Dataset) -> list[int]:
    """The keys of all rows.

    Raises:
        AssertionError: A row is torn: its tensors do not belong together, or one is shorter.
    """
    lengths = {name: len(ds[name]) for name in TENSORS}
    assert len(set(lengths.values())) == 1, f"torn: tensors have the lengths {lengths}"
    if lengths["id"] == 0:
        return []
    keys = [int(value[0]) for value in ds["id"].numpy(aslist=True)]
    found = {name: ds[name].numpy(aslist=True) for name in TENSORS[1:] if name != "text"}
    texts = ds["text"].text()
    for at, key in enumerate(keys):
        wanted = _wanted(key)
        for name, values in found.items():
            value = values[at]
            assert value.dtype == wanted[name].dtype, f"row {at} (key {key}): dtype of {name}"
            assert np.array_equal(value, wanted[name]), (
                f"torn: row {at} (key {key}) has another {name}"
            )
        assert texts[at] == wanted["text"], f"torn: row {at} (key {key}) has another text"
    return keys


__all__ = ["TENSORS", "columns", "create", "read", "row"]
