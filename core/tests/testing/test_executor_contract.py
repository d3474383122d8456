"""The executor suite passes on the kernel's executors, and its tests fail on twins that break it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deeplake.compute.executors import Processed, Serial, Threaded
from deeplake.spi import Executor
from deeplake.testing.contract import perform
from deeplake.testing.executor import ExecutorContract

HEAVY = ("torch", "ray", "numpy", "fsspec")


class TestSerial(ExecutorContract):
    executor = Serial
    supports_concurrency = False
    heavy = HEAVY


class TestThreaded(ExecutorContract):
    executor = Threaded
    heavy = HEAVY


class TestProcessed(ExecutorContract):
    executor = Processed
    supports_closures = False
    supports_processes = True
    heavy = HEAVY


class Secret:
    """Takes a while to say that it cannot be pickled."""

    def __reduce__(self) -> Any:
        time.sleep(0.2)
        raise IndexError("it stays here")


def test_items_that_cannot_be_pickled_end_the_run() -> None:
    items = [*range(3), *(Secret() for _ in range(8))]
    run = Processed().run(str, items, num_workers=2)
    with pytest.raises(IndexError, match="it stays here"):
        list(run)


# --------------------------------------------------------------------------- broken twins
class WithoutApi(Threaded):
    api = None


class OfTheFuture(Threaded):
    api = (1, 99)


class AsTheyCome(Threaded):
    """Results in the order in which they are ready."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        with ThreadPoolExecutor(4) as pool:
            for future in as_completed([pool.submit(fn, item) for item in items]):
                yield future.result()


class Twice(Threaded):
    """Tries each item before it runs it."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        return super().run(partial(_second, fn), items, **options)


def _second(fn: Callable[[Any], Any], item: Any) -> Any:
    fn(item)
    return fn(item)


class Remembering(Threaded):
    """Does not run equal items again."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        known: dict[Any, Any] = {}

        def once(item: Any) -> Any:
            if repr(item) not in known:
                known[repr(item)] = fn(item)
            return known[repr(item)]

        return super().run(once, items, **{**options, "num_workers": 1})


class NeverNothing(Threaded):
    """Takes the first item to see what results look like."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        _ = items[0]
        return super().run(fn, items, **options)


class AtLeastTwo(Threaded):
    """Cuts the items into parts, and loses what is left over."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        return super().run(fn, items[: len(items) // 2 * 2], **options)


class FalsyIsNothing(Threaded):
    """Takes None for no result."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        return (result for result in super().run(fn, items, **options) if result is not None)


class RaisesResults(Threaded):
    """Takes errors that were returned for errors that were raised."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        for result in super().run(fn, items, **options):
            if isinstance(result, Exception):
                raise result
            yield result


class Collecting(Threaded):
    """Gives nothing before all is done."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        yield from list(super().run(fn, items, **options))


class GivesAList(Threaded):
    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Any:
        return list(super().run(fn, items, **options))


class Wrapping(Threaded):
    """Hides what was raised behind an error of its own."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        try:
            yield from super().run(fn, items, **options)
        except Exception as error:
            raise RuntimeError(f"failed: {error}") from error


class Skipping(Threaded):
    """Leaves out what fails."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        def tried(item: Any) -> Any:
            try:
                return (fn(item),)
            except ValueError:
                return ()

        return itertools.chain.from_iterable(super().run(tried, items, **options))


class Impatient(Threaded):
    """Raises the error that happened first."""

    def run(
        self, fn: Callable[[Any], Any], items: Sequence[Any], *, num_workers: int, **options: Any
    ) -> Iterator[Any]:
        with ThreadPoolExecutor(max(2, num_workers)) as pool:
            futures = [pool.submit(fn, item) for item in items]
            for future in as_completed(futures):
                future.result()
            for future in futures:
                yield future.result()


class Unstoppable(Threaded):
    """Does all the work, whoever still asks for it."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        with ThreadPoolExecutor(8) as pool:
            futures = [pool.submit(fn, item) for item in items]
            for future in futures:
                yield future.result()


class OneByOne(Threaded):
    """Says that it works on two at once, and does not."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        return super().run(fn, items, **{**options, "num_workers": 1})


class Generous(Threaded):
    """Takes as many workers as it likes."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        return super().run(fn, items, **{**options, "num_workers": 6})


class NoneIsNone(Threaded):
    """No workers, no work."""

    def run(
        self, fn: Callable[[Any], Any], items: Sequence[Any], *, num_workers: int, **options: Any
    ) -> Iterator[Any]:
        return super().run(fn, items if num_workers else (), num_workers=num_workers, **options)


class SetsUpItself(Threaded):
    """Sets up the process that is there anyway."""

    def run(
        self, fn: Callable[[Any], Any], items: Sequence[Any], *, setup: Any = None, **options: Any
    ) -> Iterator[Any]:
        if setup is not None:
            setup()
        return super().run(fn, items, **options)


class ElsewhereUnsaid(Processed):
    """Says nothing of the processes that it starts."""


class StaysOpen(Threaded):
    """Leaves its threads waiting for more."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        pool = ThreadPoolExecutor(2)
        POOLS.append(pool)
        return pool.map(fn, items)


POOLS: list[ThreadPoolExecutor] = []


class OneQueue(Threaded):
    """Keeps the items of a run in itself."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        self.items = list(items)
        self.fn = fn
        while self.items:
            yield self.fn(self.items.pop(0))


class OneAtATime(Threaded):
    """Keeps what it was given in itself, where another thread finds it."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        self.items = items
        time.sleep(0.02)
        yield from super().run(fn, self.items, **options)


class Refusing(Threaded):
    """Takes only functions that are found by their names."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        if getattr(fn, "__name__", "") == "<lambda>":
            raise TypeError("a lambda has no name")
        return super().run(fn, items, **options)


class Orphaned(Processed):
    """Forgets to set up its processes."""

    def run(
        self, fn: Callable[[Any], Any], items: Sequence[Any], *, setup: Any = None, **options: Any
    ) -> Iterator[Any]:
        return super().run(fn, items, **options)


class LetsThemDie(Processed):
    """Takes the death of a process for the end of the items."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        from deeplake.errors import WorkerError

        try:
            yield from super().run(fn, items, **options)
        except WorkerError:
            return


class OnlyLists(Threaded):
    """Takes nothing but lists for items."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        assert isinstance(items, list)
        return super().run(fn, items, **options)


class Small(Threaded):
    """Sends results through a channel that is too narrow."""

    def run(self, fn: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> Iterator[Any]:
        return (
            result[:100] if getattr(result, "nbytes", 0) > 1 << 20 else result
            for result in super().run(fn, items, **options)
        )


FAULTS: dict[type[Executor], str] = {
    WithoutApi: "test_states_what_the_registry_needs",
    OfTheFuture: "test_states_what_the_registry_needs",
    AsTheyCome: "test_the_slowest_comes_first_if_it_is_the_first",
    Twice: "test_each_item_once",
    Remembering: "test_each_item_once",
    NeverNothing: "test_nothing_to_do",
    AtLeastTwo: "test_fewer_items_than_workers",
    OnlyLists: "test_any_sequence_of_items",
    FalsyIsNothing: "test_results_are_what_the_function_returned",
    RaisesResults: "test_results_are_what_the_function_returned",
    Small: "test_large_results",
    Wrapping: "test_an_error_comes_in_its_place_and_as_it_was_raised",
    Skipping: "test_an_error_comes_in_its_place_and_as_it_was_raised",
    Impatient: "test_an_error_comes_in_its_place_and_as_it_was_raised",
    Unstoppable: "test_an_error_ends_the_run",
    Generous: "test_no_more_at_once_than_asked_for",
    NoneIsNone: "test_results_in_the_order_of_the_items",
    ElsewhereUnsaid: "test_where_it_runs",
    Refusing: "test_what_cannot_be_pickled_runs_or_is_refused",
    SetsUpItself: "test_processes_are_set_up_before_their_first_item",
    OneQueue: "test_two_runs_of_one_executor_at_once",
    OneAtATime: "test_threads_share_one_executor",
}
"""Twin -> the test that finds its fault."""

PATIENT: dict[type[Executor], str] = {
    Collecting: "test_results_come_one_by_one",
    GivesAList: "test_results_come_one_by_one",
    OneByOne: "test_two_at_once",
    StaysOpen: "test_nothing_is_left_running",
}
"""Those whose fault is that something never happens."""

IN_PROCESSES: dict[type[Executor], str] = {
    Orphaned: "test_processes_are_set_up_before_their_first_item",
    LetsThemDie: "test_a_process_that_dies_is_an_error",
}


def fails(suite: type[ExecutorContract], twin: type[Executor], name: str, folder: Path) -> None:
    numbers = itertools.count()

    def fresh() -> Path:
        made = folder / str(next(numbers))
        made.mkdir()
        return made

    made = type("Suite", (suite,), {"executor": twin})()
    with pytest.raises(
        (AssertionError, LookupError, RuntimeError, TypeError, ValueError, pytest.fail.Exception)
    ):
        perform(made, name, tmp_path=fresh)


@pytest.mark.parametrize(("twin", "name"), FAULTS.items(), ids=lambda v: getattr(v, "__name__", v))
def test_a_twin_with_a_fault_is_found(twin: type[Executor], name: str, tmp_path: Path) -> None:
    fails(TestThreaded, twin, name, tmp_path)


@pytest.mark.parametrize(("twin", "name"), PATIENT.items(), ids=lambda v: getattr(v, "__name__", v))
def test_what_never_happens_is_found(
    twin: type[Executor], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deeplake.testing.executor.PATIENCE", 1.0)
    fails(TestThreaded, twin, name, tmp_path)
    while POOLS:
        POOLS.pop().shutdown()


@pytest.mark.parametrize(
    ("twin", "name"), IN_PROCESSES.items(), ids=lambda v: getattr(v, "__name__", v)
)
def test_a_fault_in_processes_is_found(twin: type[Executor], name: str, tmp_path: Path) -> None:
    fails(TestProcessed, twin, name, tmp_path)


def test_every_test_finds_a_fault() -> None:
    found = {*FAULTS.values(), *PATIENT.values(), *IN_PROCESSES.values()}
    names = {name for name in dir(ExecutorContract) if name.startswith("test_")}
    # Unstoppable fails both tests of what ends a run; imports and lost tests are tested elsewhere.
    rest = {
        "test_who_stops_asking_ends_the_run",
        "test_import_is_cheap",
        "test_no_test_of_the_suite_is_missing",
    }
    assert names - rest == found


def test_who_stops_asking_ends_the_run(tmp_path: Path) -> None:
    fails(TestThreaded, Unstoppable, "test_who_stops_asking_ends_the_run", tmp_path)


def test_heavy_imports_are_found() -> None:
    suite = type("Suite", (TestThreaded,), {"heavy": ("concurrent.futures",)})()
    with pytest.raises(AssertionError, match="loads"):
        suite.test_import_is_cheap()
