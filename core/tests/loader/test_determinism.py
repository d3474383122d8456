"""The same snapshot, seed and epoch give the same bytes, whoever makes the batches; and any place of
an epoch can be gone on from, with any number of ranks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import transforms as T

SOAK = "DEEPLAKE_SOAK_CYCLES" in os.environ
ROWS = 47


def noise(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return x + rng.random(x.shape)


@pytest.fixture
def rows(make: Any, tmp_path: Path) -> deeplake.Dataset:
    """47 rows on disk: numbers, images of several sizes, text."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(20, 40, (ROWS, 2))
    path = str(tmp_path / "ds")
    make(
        path,
        x=np.arange(ROWS, dtype=np.int32)[:, None],
        images=(
            [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes],
            {"htype": "image", "sample_compression": "png"},
        ),
        text=([f"row {i}" for i in range(ROWS)], {"htype": "text"}),
    )
    return deeplake.load(path)


def seen(loader: Any) -> list[tuple[Any, ...]]:
    """Everything in all batches, as bytes."""
    return [
        tuple((key, np.asarray(value).tobytes()) for key, value in sample.items())
        for batch in loader
        for sample in batch
    ]


def loaded(ds: deeplake.Dataset, workers: int, threads: int, method: str | None) -> Any:
    transform = {"x": noise, "images": T.RandomResizedCrop(16), "text": None, "index": None}
    loader = ds.dataloader().transform(transform).batch(5).shuffle()
    loader = loader.numpy(num_workers=workers, num_threads=threads, persistent_workers=True)
    return loader._derive(replace(loader.spec, method=method))


def makers() -> list[tuple[int, int, str | None]]:
    """Workers, threads, and how workers are started."""
    every = [(0, threads, None) for threads in (1, 8)]
    if sys.platform == "win32":
        return every
    for method in ("spawn", "forkserver", None):
        for workers in (1, 2, 4):
            every += [(workers, threads, method) for threads in (1, 8)]
    # Processes take their time to start: every day each number of them with each of threads, each
    # method with each of threads, and each number with two of three methods.
    few = [*every[:2], (1, 1, "spawn"), (2, 8, "spawn"), (2, 1, "forkserver"), (4, 8, "forkserver"),
           (4, 1, None), (1, 8, None)]  # fmt: skip
    return every if SOAK else few


def test_the_same_bytes(rows: deeplake.Dataset) -> None:
    found = {}
    for workers, threads, method in makers():
        deeplake.random.seed(3)
        loader = loaded(rows, workers, threads, method)
        found[workers, threads, method] = [seen(loader), seen(loader)]
        assert loader.stats()["kind"] == ("processes" if workers else "threads")
        loader.close()
    first, *others = found.values()
    assert first[0] != first[1]  # another epoch, another order
    for other in others:
        assert other == first


# --------------------------------------------------------------------------- ranks and places
def ranks(ds: deeplake.Dataset, world: int, size: int, how: Callable[[Any], Any]) -> list[Any]:
    """The loaders of all ranks."""
    loaders = []
    for rank in range(world):
        loader = how(ds.dataloader().batch(size).numpy(tensors=["x"]))
        loader.set_rank(rank, world)
        loaders.append(loader)
    return loaders


def numbers(loader: Any) -> list[list[int]]:
    return [[int(sample["x"][0]) for sample in batch] for batch in loader]


def together(epochs: list[list[list[int]]]) -> list[int]:
    """What all ranks see in the order of the epoch: they take its rows in turn."""
    assert len({len(epoch) for epoch in epochs}) == 1, "ranks take different numbers of steps"
    order = []
    for step in zip(*epochs, strict=True):
        for i in range(max(map(len, step))):
            order += [batch[i] for batch in step if i < len(batch)]
    return order


def test_ranks_are_disjoint_complete_and_equally_long(rows: deeplake.Dataset) -> None:
    deeplake.random.seed(5)
    for shuffle in (False, True):
        (alone,) = ranks(rows, 1, 4, lambda loader, how=shuffle: loader.shuffle(how))
        expected = together([numbers(alone)])
        assert sorted(expected) == list(range(ROWS))
        for world in range(1, 10):
            loaders = ranks(rows, world, 4, lambda loader, how=shuffle: loader.shuffle(how))
            assert together([numbers(loader) for loader in loaders]) == expected


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_place_of_an_epoch(rows: deeplake.Dataset, shuffle: bool) -> None:
    def steps(loader: Any) -> Any:
        return loader.shuffle(shuffle).offset(11)

    deeplake.random.seed(5)
    (alone,) = ranks(rows, 1, 1, steps)
    whole = together([numbers(alone)])
    for world, size in ((1, 1), (2, 3), (3, 2)):
        loaders = ranks(rows, world, size, steps)
        epochs = [iter(loader) for loader in loaders]
        for _ in range(len(loaders[0])):
            for epoch in epochs:
                next(epoch)
            (state,) = {
                str(loader.state_dict()): loader.state_dict() for loader in loaders
            }.values()
            left = ROWS - state["position"]
            for others, other_size in ((1, 5), (2, 2), (4, 3)):
                if 0 < left < others:
                    continue  # fewer rows than ranks, which is refused
                resumed = ranks(rows, others, other_size, steps)
                for loader in resumed:
                    loader.load_state_dict(state)
                if left:
                    rest = together([numbers(loader) for loader in resumed])
                    assert rest == whole[state["position"] :]
