"""The kernel's executors: one after the other, in threads, in processes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import Executor as Pool
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.reduction import ForkingPickler
from threading import Thread
from typing import Any, TypeVar

from deeplake.compute.fresh import FreshContext
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
    """In processes that are started afresh: for functions in Python. These and items are pickled.

    With ``cloudpickle`` what a script defines travels by value, and the processes do not import
    ``__main__`` again: a script needs no ``if __name__ == "__main__"``.
    """

    def run(
        self,
        fn: Callable[[T], R],
        items: Sequence[T],
        *,
        num_workers: int,
        setup: Callable[[], object] | None = None,
    ) -> Iterator[R]:
        workers = max(1, min(num_workers, len(items), 61 if os.name == "nt" else 1 << 16))
        by_value = _by_value()
        fresh = by_value is not None and not _is_of_main(setup)
        context = FreshContext() if fresh else get_context("spawn")
        return _in_order(
            lambda: ProcessPoolExecutor(workers, context, _begin, (setup,)),
            _unpickled, _pickled(fn, items, by_value if fresh else None), workers,
        )  # fmt: skip


def _begin(setup: Callable[[], object] | None) -> None:
    """In a new process: it ends with the one that started it, however that ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_follow, args=(parent.sentinel,), name="deeplake-orphan", daemon=True).start()
    if setup is not None:
        setup()


def _follow(sentinel: int) -> None:
    """Nobody else tells a worker that its parent was killed: it would wait for tasks forever."""
    wait([sentinel])
    os._exit(1)


def _by_value() -> Callable[[Any], bytes] | None:
    """Pickles what ``__main__`` defines by value; None: the library for that is not installed."""
    try:
        import cloudpickle  # type: ignore[import-untyped]
    except ImportError:
        return None
    dumps: Callable[[Any], bytes] = cloudpickle.dumps
    return dumps


def _is_of_main(function: Any) -> bool:
    """Whether only ``__main__`` has it."""
    while isinstance(function, partial):
        function = function.func
    return getattr(function, "__module__", None) == "__main__"


def _pickled(
    fn: Callable[[T], R], items: Sequence[T], by_value: Callable[[Any], bytes] | None
) -> Iterator[bytes]:
    """Calls as bytes, each made when it is asked for, by who asks.

    A pool of processes pickles in a thread of its own, and before Python 3.12 never ends where that
    fails while it is being shut down.
    """
    for item in items:
        data = bytes(ForkingPickler.dumps((fn, item)))
        if by_value is not None and b"__main__" in data:
            data = by_value((fn, item))
        yield data


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
