"""The kernel's executors: one after the other, in threads, in processes."""

from __future__ import annotations

import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import Executor as Pool
from multiprocessing import get_context
from multiprocessing.reduction import ForkingPickler
from typing import Any, TypeVar

from deeplake.errors import WorkerError
from deeplake.spi import Executor

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 2
"""Items that wait for each worker, so that it never waits for the one who takes the results."""


class Serial(Executor, api=(1, 0)):
    """One item after the other, in the caller's thread, each when its result is asked for."""

    def run(
        self,
        fn: Callable[[T], R],
        items: Sequence[T],
        *,
        num_workers: int,
        setup: Callable[[], object] | None = None,
    ) -> Iterator[R]:
        for item in items:
            yield fn(item)


class Threaded(Executor, api=(1, 0)):
    """In threads of this process: for functions that wait, or that release the GIL."""

    def run(
        self,
        fn: Callable[[T], R],
        items: Sequence[T],
        *,
        num_workers: int,
        setup: Callable[[], object] | None = None,
    ) -> Iterator[R]:
        workers = max(1, min(num_workers, len(items)))
        return _in_order(
            lambda: ThreadPoolExecutor(workers, thread_name_prefix="deeplake-executor"),
            fn, items, workers,
        )  # fmt: skip


class Processed(Executor, api=(1, 0)):
    """In processes that are started afresh: for functions in Python. These and items are pickled."""

    def run(
        self,
        fn: Callable[[T], R],
        items: Sequence[T],
        *,
        num_workers: int,
        setup: Callable[[], object] | None = None,
    ) -> Iterator[R]:
        workers = max(1, min(num_workers, len(items), 61 if os.name == "nt" else 1 << 16))
        return _in_order(
            lambda: ProcessPoolExecutor(workers, get_context("spawn"), setup),
            _unpickled, _pickled(fn, items), workers,
        )  # fmt: skip


def _pickled(fn: Callable[[T], R], items: Sequence[T]) -> Iterator[bytes]:
    """Calls as bytes, each made when it is asked for, by who asks.

    A pool of processes pickles in a thread of its own, and before Python 3.12 never ends where that
    fails while it is being shut down.
    """
    for item in items:
        yield bytes(ForkingPickler.dumps((fn, item)))


def _unpickled(call: bytes) -> Any:
    """What a call returns; in a worker process."""
    fn, item = pickle.loads(call)
    return fn(item)


def _in_order(
    pool_of: Callable[[], Pool], fn: Callable[[T], R], items: Iterable[T], workers: int
) -> Iterator[R]:
    """Results in the order of the items; a few items are given to the pool ahead of them."""
    waiting: deque[Future[R]] = deque()
    pool = pool_of()
    try:
        for item in items:
            if len(waiting) >= (1 + AHEAD) * workers:
                yield _result(waiting.popleft())
            try:
                waiting.append(pool.submit(fn, item))
            except BrokenExecutor as error:
                # It is told in its place: results of items before it may have come.
                waiting.append(Future())
                waiting[-1].set_exception(error)
                break
        while waiting:
            yield _result(waiting.popleft())
    finally:
        # After an error, or when nobody wants the rest: what has not begun does not.
        pool.shutdown(cancel_futures=True)


def _result(future: Future[R]) -> R:
    try:
        return future.result()
    except BrokenExecutor as error:
        raise WorkerError(
            "a worker process ended without an answer: it was killed, ran out of memory, or could "
            "not be started"
        ) from error


__all__ = ["AHEAD", "Processed", "Serial", "Threaded"]
