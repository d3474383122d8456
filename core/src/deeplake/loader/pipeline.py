"""Threads that work ahead of the loop, in order and within bounds; or the loop itself.

What can be relied on of the threads:

* Results come in the order of the work, whatever the number of threads.
* At most ``ahead`` units are under way or waiting, beside the one that is taken.
* An error comes where its result would have come, after all results before it.
* ``close`` returns when no thread is left. It is called at the end, after an error and after
  Ctrl-C; an iterator that is merely dropped lets its threads end after what they are doing. Leaving
  the interpreter ends them too.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from deeplake.loader.unit import Failure, Unit

PREFIX = "deeplake-loader"
"""Beginning of the names of all threads."""


class Pipeline:
    """An iterator over the outcomes of units of work, made on threads.

    Args:
        units: The work; asked for the next unit only when there is room for it.
        threads: Number of threads.
        ahead: Units that are under way or done, beside the one that is taken.

    Attributes:
        ready: Outcomes that are there. Those that are plain lists may be taken from its left.
    """

    __slots__ = ("_ahead", "_pool", "_units", "_waiting", "ready")

    def __init__(self, units: Iterator[Unit], threads: int, ahead: int) -> None:
        self._units = units
        self._ahead = ahead
        self._waiting: deque[tuple[Unit, list[Future[None]]]] = deque()
        self.ready: deque[Any] = deque()
        self._pool: ThreadPoolExecutor | None = ThreadPoolExecutor(threads, PREFIX)
        self._fill()

    def _fill(self) -> None:
        pool = self._pool
        while pool is not None and len(self._waiting) < self._ahead:
            unit = next(self._units, None)
            if unit is None:
                return
            self._waiting.append((unit, [pool.submit(unit.run, i) for i in range(unit.parts)]))

    def __iter__(self) -> Iterator[list[Any]]:
        return self

    def __next__(self) -> list[Any]:
        """What the user gets for the next batch.

        Raises:
            Exception: What went wrong in a thread, as it was raised there.
        """
        if not self.ready:
            self._advance()
        outcome: list[Any] | Failure = self.ready.popleft()
        if isinstance(outcome, Failure):
            self.close()
            raise outcome.error
        return outcome

    def _advance(self) -> None:
        if not self._waiting:
            self.close()
            raise StopIteration
        unit, futures = self._waiting.popleft()
        try:
            self._fill()
            for future in futures:
                future.result()
        except BaseException:
            self.close()
            raise
        self.ready.extend(unit.outcomes)

    def close(self) -> None:
        """End the threads and forget what they made; waits for what they are doing."""
        pool, self._pool = self._pool, None
        self._waiting.clear()
        self.ready.clear()
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
            close = getattr(self._units, "close", None)
            if close is not None:  # what was fetched for them is not needed any more
                close()

    def __del__(self, finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        # Not waiting: the garbage collector may run in one of these very threads.
        # Nor at the end of the interpreter, whose threads have ended, and whose modules are empty.
        pool = getattr(self, "_pool", None)
        if pool is not None and not finalizing():
            pool.shutdown(wait=False, cancel_futures=True)


class Direct:
    """An iterator over the outcomes of units of work, each made when it is asked for, by who asks.

    For what is in memory: threads would hand over each batch, and wait for the interpreter's lock, for
    longer than it takes to make it.

    Args:
        units: The work.

    Attributes:
        ready: As of a ``Pipeline``.
    """

    __slots__ = ("_units", "ready")

    def __init__(self, units: Iterator[Unit]) -> None:
        self._units: Iterator[Unit] = units
        self.ready: deque[Any] = deque()

    def __iter__(self) -> Iterator[list[Any]]:
        return self

    def __next__(self) -> list[Any]:
        """What the user gets for the next batch.

        Raises:
            Exception: What went wrong.
        """
        if not self.ready:
            unit = next(self._units)
            try:
                for part in range(unit.parts):
                    unit.run(part)
            except BaseException:
                self.close()
                raise
            self.ready.extend(unit.outcomes)
        outcome: list[Any] | Failure = self.ready.popleft()
        if isinstance(outcome, Failure):
            self.close()
            raise outcome.error
        return outcome

    def close(self) -> None:
        """There are no further batches."""
        self._units = iter(())
        self.ready.clear()


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


__all__ = ["PREFIX", "Direct", "Pipeline", "cores"]
