"""Scattered rows are put into chunks of the usual size; nothing else changes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import InvalidOperationError, ReadOnlyModeError, TensorDoesNotExistError


@pytest.fixture
def scattered(ds: Dataset) -> Dataset:
    with ds:
        ds.create_tensor("x", dtype="int64")
        ds.create_tensor("words", htype="text")
        ds.x.extend(np.arange(300))
        ds.words.extend([f"w{k}" for k in range(300)])
    ds.commit("rows")
    for k in range(0, 300, 7):
        ds.x[k] = -k
    ds.pop(list(range(1, 300, 5)))
    ds.commit("scattered")
    return ds


def visits(ds: Dataset, name: str = "x") -> int:
    """How often reading all rows in order goes to another chunk."""
    pieces = ds[name]._draft.table.pieces()
    chunks = [(*piece["object"].tolist(), int(piece["offset"])) for piece in pieces]
    return 1 + sum(a != b for a, b in itertools.pairwise(chunks))


def rows(ds: Dataset) -> Any:
    return ds.x.numpy().tolist(), ds.words.numpy().tolist()


def test_rows_and_history_stay(scattered: Dataset, url: str) -> None:
    before, commits = rows(scattered), scattered.commits
    view = scattered[5:8]
    reader = deeplake.load(url, read_only=True)
    assert visits(scattered) > 60
    scattered.rechunk(progressbar=False)
    assert visits(scattered) == 1
    assert rows(scattered) == rows(deeplake.load(url)) == rows(reader) == before
    assert scattered.commits == commits
    assert view.x.numpy().tolist() == before[0][5:8]
    assert scattered.diff(as_dict=True)["tensor"] == [{"commit_id": scattered.pending_commit_id}]


def test_ids_stay(scattered: Dataset) -> None:
    scattered.checkout("side", create=True)
    scattered.x[3] = 1000
    scattered.pop(0)
    scattered.commit("side")
    scattered.checkout("main")
    scattered.rechunk(progressbar=False)
    scattered.x[4] = 2000
    scattered.merge("side")
    assert scattered.x.numpy().ravel().tolist().count(1000) == 1
    assert scattered.x.numpy().ravel()[2:4].tolist() == [1000, 2000]
    assert len(scattered.x) == len(scattered.words) == 239


def test_tensors(scattered: Dataset) -> None:
    for k in range(0, 200, 5):
        scattered.words[k] = "new"
    words = visits(scattered, "words")
    scattered.rechunk("x", progressbar=False)
    assert (visits(scattered), visits(scattered, "words")) == (1, words)
    scattered.rechunk(["words"], progressbar=False)
    assert visits(scattered, "words") == 1
    with pytest.raises(TensorDoesNotExistError):
        scattered.rechunk(["nothing"])


def test_what_is_in_order_is_left_alone(scattered: Dataset) -> None:
    scattered.optimize()
    scattered.commit("compact", allow_empty=True)
    size = scattered.size_approx()
    scattered.rechunk(progressbar=False)
    assert not scattered.has_head_changes
    assert scattered.size_approx() == size


def test_progress(scattered: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    scattered.rechunk(num_workers=2, scheduler="serial")
    assert "rechunk" in capsys.readouterr().err


def test_inside_a_block_and_a_transaction(scattered: Dataset, url: str) -> None:
    before = rows(scattered)
    with scattered:
        scattered.x.append(7)
        scattered.words.append("w")
        scattered.rechunk(progressbar=False)
    with pytest.raises(ZeroDivisionError), scattered.transaction():
        scattered.x[0] = 5
        scattered.rechunk(progressbar=False)
        raise ZeroDivisionError
    assert rows(deeplake.load(url))[0] == [*before[0], [7]]


def test_who_may_not(scattered: Dataset, url: str) -> None:
    with pytest.raises(InvalidOperationError):
        scattered[0:2].rechunk()
    with pytest.raises(ReadOnlyModeError):
        deeplake.load(url, read_only=True).rechunk(progressbar=False)


def test_at_a_past_commit(scattered: Dataset) -> None:
    scattered.checkout(scattered.commit_id)
    before = rows(scattered)
    scattered.rechunk(progressbar=False)
    assert scattered.branch.startswith("auto_")
    assert rows(scattered) == before
