"""Datasets that the loader's tests read."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import plugins
from deeplake.loader.pipeline import PREFIX
from deeplake.spi import Store, hookimpl
from deeplake.testing.stores import RecordingStore

NAMES = itertools.count()


class Threads:
    """The loader's threads that a test started."""

    def __init__(self) -> None:
        self._before = set(threading.enumerate())

    def left(self) -> list[str]:
        """Names of those that are alive."""
        mine = set(threading.enumerate()) - self._before
        return [thread.name for thread in mine if thread.name.startswith(PREFIX)]

    def left_in_the_end(self) -> list[str]:
        """The same when those that were told to end had the time to."""
        for _ in range(200):
            if not self.left():
                return []
            time.sleep(0.05)
        return self.left()


@pytest.fixture
def threads() -> Threads:
    return Threads()


@pytest.fixture(autouse=True)
def no_thread_is_left(threads: Threads) -> Iterator[None]:
    yield
    assert threads.left_in_the_end() == []


@pytest.fixture(autouse=True)
def no_seed() -> Iterator[None]:
    yield
    deeplake.random.seed()


@pytest.fixture
def make() -> Any:
    """Makes datasets from columns; a column is samples, or samples and meta."""

    def made(path: str | None = None, **columns: Any) -> deeplake.Dataset:
        ds = deeplake.empty(path or f"mem://loader-{next(NAMES)}", overwrite=path is not None)
        with ds:
            for name, column in columns.items():
                samples, meta = column if isinstance(column, tuple) else (column, {})
                tensor = ds.create_tensor(name, **meta)
                tensor.extend(samples)
        return ds

    return made


@pytest.fixture
def ds(make: Any) -> deeplake.Dataset:
    """103 rows: small images of one shape, labels, float scalars; two chunks of each."""
    rng = np.random.default_rng(0)
    made: deeplake.Dataset = make(
        images=(
            rng.integers(0, 256, (60, 4, 5, 3), dtype=np.uint8),
            {"htype": "image", "sample_compression": None},
        ),
        labels=(np.arange(60, dtype=np.uint32), {"htype": "class_label"}),
        values=np.arange(60) / 4,
    )
    with made:
        made.images.extend(rng.integers(0, 256, (43, 4, 5, 3), dtype=np.uint8))
        made.labels.extend(np.arange(60, 103, dtype=np.uint32))
        made.values.extend(np.arange(60, 103) / 4)
    return made


class Far:
    """Makes every store one whose bytes have to be fetched."""

    def __init__(self) -> None:
        self.store: RecordingStore | None = None

    @hookimpl
    def deeplake_wrap_store(self, store: Store, url: str) -> Store:
        capabilities = replace(store.capabilities, mapping=False)
        self.store = RecordingStore(store, capabilities=capabilities)
        return self.store


@pytest.fixture
def far() -> Iterator[Far]:
    hooks = Far()
    plugins.register_hooks(hooks)
    yield hooks
    plugins.unregister_hooks(hooks)
