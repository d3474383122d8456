"""Scripts of Deep Lake 3 import from its packages (api.md, sections 1, 13, 19; ADR 14)."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import deeplake
from deeplake import errors
from deeplake.errors import ModuleNotInstalledException

SOURCE = Path(deeplake.__file__).parent
FORMER = ("api", "core", "enterprise", "integrations", "util")

PATHS = {
    "deeplake.util.exceptions:TensorDoesNotExistError": errors.TensorDoesNotExistError,
    "deeplake.util.exceptions:CheckoutError": errors.CheckoutError,
    "deeplake.api.dataset:dataset": deeplake.dataset,
    "deeplake.api.read:read": deeplake.read,
    "deeplake.api.link:link": deeplake.link,
    "deeplake.api.tiled:tiled": deeplake.tiled,
    "deeplake.core.dataset:Dataset": deeplake.Dataset,
    "deeplake.core.dataset.dataset:Dataset": deeplake.Dataset,
    "deeplake.core.tensor:Tensor": deeplake.Tensor,
    "deeplake.core.transform:compose": deeplake.compose,
    "deeplake.core.vectorstore:VectorStore": deeplake.VectorStore,
    "deeplake.core.vectorstore.deeplake_vectorstore:VectorStore": deeplake.VectorStore,
    "deeplake.integrations.huggingface:ingest_huggingface": deeplake.ingest_huggingface,
}


@pytest.mark.parametrize("path", PATHS)
def test_old_paths_lead_to_the_same_things(path: str) -> None:
    module, name = path.split(":")
    assert getattr(importlib.import_module(module), name) is PATHS[path]


def test_all_errors_are_there() -> None:
    exceptions = importlib.import_module("deeplake.util.exceptions")
    assert set(errors.__all__) == set(exceptions.__all__)
    assert all(getattr(exceptions, name) is getattr(errors, name) for name in errors.__all__)


@pytest.mark.parametrize("name", [*FORMER, "constants", "event_queue", "wandb"])
def test_import_deeplake_is_enough(name: str) -> None:
    text = f"import deeplake; assert deeplake.{name} is not None"
    subprocess.run([sys.executable, "-c", text], check=True)


def test_packages_of_old_paths_hold_nothing_of_their_own() -> None:
    lines = 0
    for package in FORMER:
        for file in (SOURCE / package).rglob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            lines += sum(
                (node.end_lineno or 0) - node.lineno + 1
                for node in tree.body
                if isinstance(node, ast.FunctionDef | ast.ClassDef)
            )
    assert lines < 80  # shuffle, dataloader, record, and a queue that drops


def test_lists_are_shuffled_by_the_seed() -> None:
    from deeplake.util.shuffle import shuffle

    try:
        deeplake.random.seed(3)
        one = shuffle([*range(50)])
        deeplake.random.seed(3)
        other = [*range(50)]
        shuffle(other)
    finally:
        deeplake.random.seed()
    assert one == other != [*range(50)]
    assert sorted(one) == [*range(50)]


def test_what_is_put_into_the_queue_of_events_is_dropped() -> None:
    queue: Any = deeplake.event_queue
    assert queue is deeplake.event_queue
    queue.put(("event", {}))
    assert queue.empty()
    queue.join()


def test_sizes_are_decimal() -> None:
    from deeplake.constants import GB, KB, MB

    assert (KB, MB, GB) == (10**3, 10**6, 10**9)


def test_loaders_are_of_the_class_that_was_public() -> None:
    from deeplake.enterprise import DeepLakeDataLoader, dataloader

    ds = deeplake.empty("mem://former")
    ds.create_tensor("x").extend([1, 2, 3])
    assert isinstance(ds.dataloader(), DeepLakeDataLoader)
    assert isinstance(ds.dataloader().batch(2).numpy(), DeepLakeDataLoader)
    assert len(dataloader(ds, ignore_errors=True)) == 3
    assert not isinstance(ds, DeepLakeDataLoader)


def test_a_run_is_told_what_it_used() -> None:
    ds = deeplake.empty("mem://run")
    ds.create_tensor("x").extend([1, 2, 3])
    commit = ds.commit()
    written: dict[str, Any] = {}

    def update(values: dict[str, Any], allow_val_change: bool) -> None:
        written.update(values)

    run = SimpleNamespace(config=SimpleNamespace(update=update))
    used = deeplake.wandb.record(ds.filter("x > 1", progressbar=False), run)  # type: ignore[attr-defined]
    assert written == {"deeplake": used}
    assert used == {
        "path": "mem://run", "branch": "main", "commit_id": commit, "query": "x > 1", "rows": 2,
    }  # fmt: skip
    if "wandb" not in sys.modules:
        with pytest.raises(ModuleNotInstalledException):
            deeplake.wandb.record(ds)  # type: ignore[attr-defined]
