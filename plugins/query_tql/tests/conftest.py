"""Datasets that queries are tried on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import deeplake

NAMES = itertools.count()
N = 30


@pytest.fixture(autouse=True)
def no_seed() -> Iterator[None]:
    yield
    deeplake.random.seed()


@pytest.fixture
def ds() -> deeplake.Dataset:
    """30 rows of every kind of column."""
    return filled(deeplake.empty(f"mem://tql-{next(NAMES)}"))


def row(i: int) -> dict[str, Any]:
    return {
        "labels": i % 3,
        "x": i / 10,
        "id": i,
        "text": f"Item number {i}",
        "boxes": np.arange((i % 4) * 4, dtype=np.float32).reshape(-1, 4),
        "emb": np.array([np.cos(i), np.sin(i), i / N], np.float32),
        "json": {"a": i, "k": {"z": [i, i + 1]}, "s": f"s{i % 5}"} if i % 2 else {"b": 1},
        "tags": [f"t{i % 4}", "all"],
        "flag": i % 5 == 0,
    }


def filled(ds: deeplake.Dataset) -> deeplake.Dataset:
    ds.create_tensor("labels", htype="class_label", class_names=["cat", "dog", "cow"])
    ds.create_tensor("x", dtype="float64")
    ds.create_tensor("id", dtype="int64")
    ds.create_tensor("text", htype="text")
    ds.create_tensor("boxes", htype="bbox")
    ds.create_tensor("emb", htype="embedding", dtype="float32")
    ds.create_tensor("json", htype="json")
    ds.create_tensor("tags", htype="tag")
    ds.create_tensor("flag", dtype="bool")
    with ds:
        for i in range(N):
            ds.append(row(i))
    return ds


def rows_of(view: deeplake.Dataset) -> list[int]:
    return [int(i) for i in view.sample_indices]
