"""What waits inside ``with ds:`` is published between operations: whole rows, by a thread."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.dataset import checkpoints
from deeplake.dataset.checkout import Checkout
from deeplake.errors import StorageError
from deeplake.versioning import publication
from deeplake.versioning import session as sessions
from deeplake.versioning.session import Session

NAME = "deeplake-checkpoint"


class Looks:
    """Counts how often the thread came by."""

    def __init__(self) -> None:
        self.n = 0

    def wait(self, more: int = 4) -> None:
        """Until the thread has come by several times more."""
        target = self.n + more
        until(lambda: self.n >= target)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def lengths(ds: Dataset) -> tuple[int, ...]:
    return tuple(len(tensor) for tensor in ds.tensors.values())


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == NAME]


@pytest.fixture
def two(ds: Dataset) -> Dataset:
    with ds:
        ds.create_tensor("x")
        ds.create_tensor("y")
    return ds


@pytest.fixture
def operations() -> Callable[[Session, bool], None]:
    """How operations publish what is due."""
    return Session.checkpoint


@pytest.fixture
def looks(two: Dataset, operations: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Looks]:
    """Short intervals, and no checkpoints by operations."""
    until(lambda: not threads())
    looks = Looks()
    publish = Checkout.publish_waiting

    def counted(self: Checkout) -> None:
        publish(self)
        looks.n += 1

    monkeypatch.setattr(sessions, "CHECKPOINT_SECONDS", 0.02)
    monkeypatch.setattr(Session, "checkpoint", lambda self, between_rows: None)
    monkeypatch.setattr(Checkout, "publish_waiting", counted)
    yield looks
    until(lambda: not threads())


@pytest.fixture(autouse=True)
def own_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread of this test's own: one that other tests left sleeps for longer."""
    monkeypatch.setattr(checkpoints, "watch", checkpoints.Watch())
    monkeypatch.setattr(sessions, "CHECKPOINT_SECONDS", 0.02)


def test_a_pause_publishes(two: Dataset, looks: Looks, url: str) -> None:
    with two:
        two.append({"x": 1, "y": 2})
        until(lambda: lengths(deeplake.load(url)) == (1, 1))
        two.extend({"x": [3, 5], "y": [4, 6]})
        until(lambda: lengths(deeplake.load(url)) == (3, 3))
        two.x[0] = 7
        until(lambda: deeplake.load(url).x.numpy().ravel().tolist() == [7, 3, 5])
        assert two.y.numpy().ravel().tolist() == [2, 4, 6]
    assert lengths(deeplake.load(url)) == (3, 3)


def test_nothing_in_the_middle_of_a_row(
    two: Dataset, looks: Looks, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = Checkout.apply
    seen: list[tuple[int, ...]] = []

    def slow(self: Checkout, *args: object) -> None:
        apply(self, *args)  # type: ignore[arg-type]
        looks.wait()
        seen.append(lengths(deeplake.load(url)))

    class Slow:
        def __array__(self, *args: object, **kwargs: object) -> np.ndarray:
            looks.wait()
            return np.array([1])

    with two:
        two.append({"x": 0, "y": 0})
        until(lambda: lengths(deeplake.load(url)) == (1, 1))
        monkeypatch.setattr(Checkout, "apply", slow)
        two.append({"x": 1, "y": Slow()})
        until(lambda: lengths(deeplake.load(url)) == (2, 2))
        two.extend({"x": np.arange(3), "y": np.arange(3)})
        until(lambda: lengths(deeplake.load(url)) == (5, 5))
    assert seen == [(1, 1), (1, 1), (2, 2), (2, 2)]


def test_nothing_between_columns(two: Dataset, looks: Looks, url: str) -> None:
    with two:
        two.x.extend([1, 2])
        looks.wait()
        assert lengths(deeplake.load(url)) == (0, 0)
        two.y.append(1)
        looks.wait()
        assert lengths(deeplake.load(url)) == (0, 0)
        two.y.append(2)
        until(lambda: lengths(deeplake.load(url)) == (2, 2))
        two.create_tensor("z")
        two.z.extend([1, 2])
        two.append({"x": 3, "y": 3, "z": 3})
    assert lengths(deeplake.load(url)) == (3, 3, 3)


def test_nothing_of_a_transaction(two: Dataset, looks: Looks, url: str) -> None:
    with two.transaction():
        two.append({"x": 1, "y": 2})
        with two:
            two.append({"x": 1, "y": 2})
            assert not threads()
        assert not threads()
        two._checkout.publish_waiting()
        assert lengths(deeplake.load(url)) == (0, 0)
    assert lengths(deeplake.load(url)) == (2, 2)


def test_an_exception_keeps_whole_rows(two: Dataset, looks: Looks, url: str) -> None:
    with pytest.raises(ZeroDivisionError), two:
        two.x.append(1)
        two.y.append(1)
        until(lambda: lengths(deeplake.load(url)) == (1, 1))
        two.x.append(2)
        looks.wait()
        raise ZeroDivisionError
    assert lengths(two) == lengths(deeplake.load(url)) == (1, 1)


def test_the_thread_ends_with_the_block(two: Dataset, looks: Looks) -> None:
    with two:
        assert not threads()
        two.append({"x": 1, "y": 1})
        assert threads() == [NAME]
    until(lambda: not threads())
    with two:
        two.append({"x": 1, "y": 1})
        assert threads() == [NAME]


def test_a_block_that_never_ends_is_let_go(url: str, two: Dataset, looks: Looks) -> None:
    other = deeplake.load(url)
    other.__enter__()
    other.append({"x": 1, "y": 1})
    del other
    until(lambda: not threads())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_has_no_thread(two: Dataset, looks: Looks, url: str) -> None:
    with two:
        two.append({"x": 1, "y": 1})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # forks with threads
            child = os.fork()
        if not child:
            right = False
            try:
                right = not threads() and two.x.numpy().tolist() == [[1]]
                right = right and not two._checkout.watched
                with checkpoints.watch._lock, checkpoints.watch._publishing:
                    right = right and checkpoints.watch._thread is None
            finally:
                os._exit(0 if right else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        two.append({"x": 2, "y": 2})
        until(lambda: lengths(deeplake.load(url)) == (2, 2))


@pytest.mark.parametrize("where", ["operation", "end"])
def test_an_error_surfaces(
    two: Dataset,
    looks: Looks,
    operations: Callable[[Session, bool], None],
    where: str,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*args: object, **kwargs: object) -> str:
        raise StorageError("the disk is full")

    repository = two._checkout.repository
    two.__enter__()
    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING, checkpoints.__name__):
        broken.setattr(publication, "ATTEMPTS", 1)
        broken.setattr(repository, "write_ref", full)
        two.append({"x": 1, "y": 1})
        until(lambda: "the disk is full" in caplog.text)
        if where == "operation":
            broken.setattr(Session, "checkpoint", operations)
            with pytest.raises(StorageError, match="the disk is full"):
                two.append({"x": 2, "y": 2})
        else:
            with pytest.raises(StorageError, match="the disk is full"):
                two.__exit__(None, None, None)
            two.__enter__()
        assert lengths(deeplake.load(url)) == (0, 0)
    two.__exit__(None, None, None)
    two.flush()
    rows = 2 if where == "operation" else 1
    assert lengths(deeplake.load(url)) == (rows, rows)


def test_another_writer_was_faster(two: Dataset, looks: Looks, url: str) -> None:
    other = deeplake.load(url)
    with two:
        with two._checkout.session.lock:
            two.append({"x": 1, "y": 1})
            other.append({"x": 2, "y": 2})
        view = two[0]
        looks.wait()
        assert view.x.numpy().tolist() == [1]
        assert lengths(deeplake.load(url)) == (1, 1)
    assert sorted(deeplake.load(url).x.numpy().ravel().tolist()) == [1, 2]


def test_reading_meanwhile(
    two: Dataset, looks: Looks, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that the user's thread sees changes when rows get into chunks."""
    monkeypatch.setattr(sessions, "CHECKPOINT_SECONDS", 0.0)
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with two:
            for row in range(150):
                two.append({"x": row, "y": [row] * (row % 3 + 1)})
                for _ in range(3):
                    assert lengths(two) == (row + 1, row + 1)
                    assert two.x.numpy().ravel().tolist() == list(range(row + 1))
                    assert [len(y) for y in two.y.numpy(aslist=True)][-3:] == [
                        i % 3 + 1 for i in range(row + 1)
                    ][-3:]
            until(lambda: lengths(deeplake.load(url)) == (150, 150))
    finally:
        sys.setswitchinterval(switch)
    assert deeplake.load(url).x.numpy().ravel().tolist() == list(range(150))
