"""Datasets that the tests load."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import deeplake

NAMES = itertools.count()


@pytest.fixture(scope="session")
def tf() -> ModuleType:
    """TensorFlow: seconds and half a gigabyte, which are not spent by those who only collect."""
    import tensorflow

    module: ModuleType = tensorflow
    return module


@pytest.fixture(autouse=True)
def no_seed() -> Iterator[None]:
    yield
    deeplake.random.seed()


@pytest.fixture
def make() -> Any:
    """Makes datasets from columns; a column is samples, or samples and meta."""

    def made(path: str | None = None, **columns: Any) -> deeplake.Dataset:
        ds = deeplake.empty(path or f"mem://tf-{next(NAMES)}", overwrite=path is not None)
        with ds:
            for name, column in columns.items():
                samples, meta = column if isinstance(column, tuple) else (column, {})
                ds.create_tensor(name, **meta).extend(samples)
        return ds

    return made


@pytest.fixture
def ds(make: Any) -> deeplake.Dataset:
    """26 rows of pictures as PNG files and their labels."""
    rng = np.random.default_rng(0)
    made: deeplake.Dataset = make(
        images=(
            rng.integers(0, 256, (26, 12, 10, 3), dtype=np.uint8),
            {"htype": "image", "sample_compression": "png"},
        ),
        labels=(
            np.arange(26),
            {"htype": "class_label", "class_names": list("abcdefghijklmnopqrstuvwxyz")},
        ),
    )
    return made
