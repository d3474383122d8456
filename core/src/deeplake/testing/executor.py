"""Contract suite of executors.

A plugin's tests derive from it, name the class, and say what it can do::

    class TestRay(ExecutorContract):
        executor = Ray
        supports_closures = False

pytest then runs every test below on it. What happened is read from files that the items leave, not
from what the executor says. Needs pytest.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from deeplake.errors import WorkerError
from deeplake.spi import Executor, Plugin
from deeplake.testing.contract import PluginContract

PATIENCE = 30.0
"""Seconds after which an item gives up waiting for what a correct executor lets happen at once."""


class Odd(ValueError):
    """An error with arguments of its own."""

    def __init__(self, item: object, why: str) -> None:
        super().__init__(item, why)
        self.item = item


# What the tests run is found by its name: other processes import it.
def square(item: int) -> int:
    """The item times itself."""
    return item * item


def slow_at_first(item: int) -> int:
    """The first items take the longest."""
    time.sleep(0.05 if item < 2 else 0)
    return item


def mark(folder: Path, item: int) -> int:
    """Leave a file that nobody else writes."""
    (folder / f"{item}-{uuid.uuid4().hex}").touch()
    return item


def marked(folder: Path) -> list[int]:
    """The items that have left a file, sorted; as often as they did."""
    return sorted(int(file.name.partition("-")[0]) for file in folder.iterdir())


def mark_slowly(folder: Path, bad: int, item: int) -> int:
    """Leave a file, and fail at one item."""
    mark(folder, item)
    if item == bad:
        raise Odd(item, "it is odd")
    time.sleep(0.005)
    return item


def fail_late(item: int) -> int:
    """Items 3 and 4 fail, the later one first."""
    if item == 3:
        time.sleep(0.05)
    if item in (3, 4):
        raise Odd(item, "it is odd")
    return item


def wait_for(folder: Path, item: int) -> int:
    """Item 1 waits for a file."""
    if item == 1:
        _await(lambda: (folder / "go").exists())
    return item


def meet(folder: Path, item: int) -> int:
    """Two items wait for each other."""
    (folder / f"here-{item}").touch()
    _await(lambda: (folder / f"here-{1 - item}").exists())
    return item


def crowd(folder: Path, item: int) -> int:
    """How many are at work at this moment."""
    mine = folder / f"{item}"
    mine.touch()
    time.sleep(0.005)
    found = len(list(folder.iterdir()))
    mine.unlink()
    return found


def given_back(item: Any) -> Any:
    """The item itself."""
    return item


def pixels(item: int) -> np.ndarray:
    """A result of 3 MB."""
    return np.full((1000, 1000, 3), item, np.uint8)


def whose(item: int) -> int:
    """The process that works on it."""
    return os.getpid()


def die(item: int) -> int:
    """The process ends at item 2, as if it had been killed."""
    if item == 2:
        os._exit(9)
    return item


def note_start(folder: Path) -> None:
    """Leave a file with the name of this process."""
    (folder / f"{os.getpid()}-{uuid.uuid4().hex}").touch()


def starts_of(folder: Path, item: int) -> list[str]:
    """The files that were left in this process before this item."""
    return [file.name for file in folder.glob(f"{os.getpid()}-*")]


def _await(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("what was waited for never came")
        time.sleep(0.002)


@contextmanager
def _patient() -> Iterator[None]:
    """An item that gave up waiting is a test that failed."""
    try:
        yield
    except TimeoutError as error:
        raise AssertionError(str(error)) from error


class ExecutorContract(PluginContract):
    """Suite for an ``Executor``.

    Attributes:
        executor: The class under test.
        supports_concurrency: With ``num_workers=2``, two items are worked on at once.
        supports_closures: The function may be a lambda or a closure; otherwise it has to be found by
            its name.
        supports_processes: Items are worked on in other processes.
    """

    executor: ClassVar[type[Executor]]
    supports_concurrency: ClassVar[bool] = True
    supports_closures: ClassVar[bool] = True
    supports_processes: ClassVar[bool] = False

    def plugin_class(self) -> type[Plugin]:
        return self.executor

    def _run(self, fn: Callable[[Any], Any], items: Sequence[Any], workers: int = 2) -> list[Any]:
        return list(self.executor().run(fn, items, num_workers=workers))

    # ------------------------------------------------------------------ results
    @pytest.mark.parametrize("workers", [0, 1, 2, 5])
    def test_results_in_the_order_of_the_items(self, workers: int) -> None:
        assert self._run(square, range(23), workers) == [i * i for i in range(23)]

    def test_the_slowest_comes_first_if_it_is_the_first(self) -> None:
        assert self._run(slow_at_first, list(range(12))) == list(range(12))

    def test_each_item_once(self, tmp_path: Path) -> None:
        items = [3, 1, 2, 1, 0, 3]
        assert self._run(partial(mark, tmp_path), items) == items
        assert marked(tmp_path) == sorted(items)

    def test_nothing_to_do(self) -> None:
        for workers in (0, 1, 3):
            assert self._run(square, [], workers) == []
            assert self._run(square, (), workers) == []

    def test_fewer_items_than_workers(self) -> None:
        assert self._run(square, [7], 4) == [49]

    def test_any_sequence_of_items(self) -> None:
        for items in ((1, 2), range(2, 9, 3), np.arange(3), "ab", [(1, 2), None, {"a": [0.5]}]):
            given: Sequence[Any] = items  # type: ignore[assignment]
            assert self._run(given_back, given) == list(given)

    def test_results_are_what_the_function_returned(self) -> None:
        values = [None, False, 0, True, 1, 1.0, ValueError("not raised"), StopIteration(), (), ""]
        got = self._run(given_back, values)
        assert [type(value) for value in got] == [type(value) for value in values]
        assert [repr(value) for value in got] == [repr(value) for value in values]

    def test_large_results(self) -> None:
        for i, got in enumerate(self._run(pixels, range(4))):
            assert got.shape == (1000, 1000, 3)
            assert (got == i).all()

    def test_results_come_one_by_one(self, tmp_path: Path) -> None:
        """The first is given while the second is worked on."""
        with _patient():
            results = self.executor().run(partial(wait_for, tmp_path), [0, 1, 2], num_workers=2)
            assert iter(results) is results, "run returns an iterator"
            got = [next(results)]
            (tmp_path / "go").touch()
            got += results
        assert got == [0, 1, 2]

    # ------------------------------------------------------------------ errors
    def test_an_error_comes_in_its_place_and_as_it_was_raised(self) -> None:
        for workers in (1, 3):
            results = self.executor().run(fail_late, list(range(9)), num_workers=workers)
            got = [next(results) for _ in range(3)]
            with pytest.raises(Odd) as caught:
                next(results)
            assert got == [0, 1, 2]
            assert caught.value.args == (3, "it is odd")
            assert caught.value.item == 3

    def test_an_error_ends_the_run(self, tmp_path: Path) -> None:
        results = self.executor().run(
            partial(mark_slowly, tmp_path, 5), list(range(400)), num_workers=2
        )
        got: list[int] = []
        with pytest.raises(Odd):
            got.extend(results)
        assert got == list(range(5))
        begun = marked(tmp_path)
        assert begun[:6] == list(range(6))
        assert len(begun) < 300, "it goes on after the error"
        assert next(results, None) is None, "a run that failed has no more results"
        time.sleep(0.1)
        assert marked(tmp_path) == begun, "it goes on after the error"

    def test_who_stops_asking_ends_the_run(self, tmp_path: Path) -> None:
        results = self.executor().run(
            partial(mark_slowly, tmp_path, -1), list(range(400)), num_workers=2
        )
        assert next(results) == 0
        del results
        gc.collect()
        begun = marked(tmp_path)
        assert len(begun) < 300, "it goes on though nobody asks"
        time.sleep(0.1)
        assert marked(tmp_path) == begun, "it goes on though nobody asks"

    def test_a_process_that_dies_is_an_error(self) -> None:
        if not self.supports_processes:
            return
        with pytest.raises(WorkerError):
            self._run(die, list(range(8)))

    # ------------------------------------------------------------------ workers
    def test_two_at_once(self, tmp_path: Path) -> None:
        if self.supports_concurrency:
            with _patient():
                assert self._run(partial(meet, tmp_path), [0, 1]) == [0, 1]

    @pytest.mark.parametrize("workers", [1, 2])
    def test_no_more_at_once_than_asked_for(self, tmp_path: Path, workers: int) -> None:
        assert max(self._run(partial(crowd, tmp_path), range(60), workers)) <= workers

    def test_where_it_runs(self) -> None:
        elsewhere = os.getpid() not in set(self._run(whose, range(8)))
        assert elsewhere == self.supports_processes

    def test_what_cannot_be_pickled_runs_or_is_refused(self) -> None:
        offset = 5
        if self.supports_closures:
            assert self._run(lambda item: item + offset, range(4)) == [5, 6, 7, 8]
        else:
            with pytest.raises(Exception, match=r"lambda|pickle"):
                self._run(lambda item: item + offset, range(4))

    def test_processes_are_set_up_before_their_first_item(self, tmp_path: Path) -> None:
        found = list(
            self.executor().run(
                partial(starts_of, tmp_path), range(8), num_workers=2,
                setup=partial(note_start, tmp_path),
            )
        )  # fmt: skip
        if self.supports_processes:
            assert [len(names) for names in found] == [1] * 8, "once in each process, beforehand"
            assert not list(tmp_path.glob(f"{os.getpid()}-*")), (
                "this process was not started for it"
            )
        else:
            assert not list(tmp_path.iterdir()), (
                "no process was started: there is nothing to set up"
            )

    def test_nothing_is_left_running(self) -> None:
        def running() -> set[Any]:
            return {*threading.enumerate(), *multiprocessing.active_children()}

        before = running()
        self._run(square, range(9))
        with pytest.raises(Odd):
            self._run(fail_late, range(9))
        results = self.executor().run(square, range(900), num_workers=2)
        next(results)
        del results
        gc.collect()
        end = time.monotonic() + PATIENCE
        while running() - before and time.monotonic() < end:
            time.sleep(0.01)  # threads that have been told to end may still be on their way
        assert not running() - before, f"still running: {running() - before}"

    # ------------------------------------------------------------------ several runs
    def test_two_runs_of_one_executor_at_once(self) -> None:
        executor = self.executor()
        first = executor.run(square, range(20), num_workers=2)
        second = executor.run(given_back, range(20), num_workers=2)
        for i in range(20):
            assert next(first) == i * i
            assert next(second) == i
        assert next(first, None) is None
        assert next(second, None) is None

    def test_threads_share_one_executor(self) -> None:
        executor = self.executor()

        def run(start: int) -> bool:
            items = range(start, start + 12)
            return list(executor.run(given_back, items, num_workers=2)) == list(items)

        with ThreadPoolExecutor(3) as pool:
            assert all(pool.map(run, range(0, 300, 100)))


__all__ = ["ExecutorContract", "Odd"]
