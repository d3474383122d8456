"""Several threads, or processes, that do the same thing at the same moment."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from typing import Any, TypeVar

from deeplake.errors import PreconditionFailedError
from deeplake.spi import Store
from deeplake.types import joined

R = TypeVar("R")

_HOPELESS = 5000  # races lost in a row, though somebody wins each: not bad luck any more


def in_threads(
    step: Callable[[Store, int, Any], R],
    store: Store,
    rounds: list[Any],
    *,
    racers: int = 4,
) -> list[list[R]]:
    """Run ``step(store, racer, round)`` in all threads at once, round after round.

    Args:
        step: What each racer does.
        store: Shared by all.
        rounds: Passed to the steps, one after the other.
        racers: How many threads.

    Returns:
        What the racers returned, a list for each round. What one raised is raised.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads that hardly ever take turns would hardly ever race
    try:
        with ThreadPoolExecutor(racers) as pool:
            results: list[list[R]] = []
            for value in rounds:
                barrier = threading.Barrier(racers)
                results.append(
                    _answers(
                        [
                            pool.submit(_together, barrier, step, store, racer, value)
                            for racer in range(racers)
                        ]
                    )
                )
            return results
    finally:
        sys.setswitchinterval(interval)


def in_processes(
    step: Callable[[Store, int, Any], R],
    store: Store,
    rounds: list[Any],
    *,
    racers: int = 4,
) -> list[list[R]]:
    """Like ``in_threads``, in new processes that each get a pickled copy of the store.

    ``step`` is a function of a module, and the rounds and results can be pickled.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        racers,
        mp_context=context,
        initializer=_receive,
        # A process that waits at the barrier takes no second step, so each racer has its own. If
        # one dies, the pool ends the others.
        initargs=(store, context.Barrier(racers)),
    ) as pool:
        return [
            _answers([pool.submit(_apart, step, racer, value) for racer in range(racers)])
            for value in rounds
        ]


# What racers do: functions of a module that new processes import quickly.
def create(store: Store, racer: int, key: str) -> str | None:
    """Create an object; the new version, or None if it was there."""
    try:
        return store.put(key, b"by %d" % racer, if_absent=True)
    except PreconditionFailedError:
        return None


def replace(store: Store, racer: int, target: tuple[str, str]) -> str | None:
    """Replace a version (key, version) of an object; the new version, or None if it was gone."""
    key, version = target
    try:
        return store.put(key, b"by %d" % racer, if_match=version)
    except PreconditionFailedError:
        return None


def increment(store: Store, racer: int, times: int) -> int:
    """Increment ``refs/counter`` so many times, by compare-and-swap; how often that succeeded."""
    done = lost = 0
    while done < times and lost < _HOPELESS:
        data, version = store.get_versioned("refs/counter")
        count = int(joined(data).split()[0])
        try:
            store.put("refs/counter", b"%d by %d" % (count + 1, racer), if_match=version)
        except PreconditionFailedError:
            lost += 1
        else:
            done, lost = done + 1, 0
    return done


def _answers(futures: list[Future[R]]) -> list[R]:
    return [future.result() for future in futures]


def _together(
    barrier: threading.Barrier,
    step: Callable[[Store, int, Any], R],
    store: Store,
    racer: int,
    value: Any,
) -> R:
    barrier.wait()
    return step(store, racer, value)


_received: list[tuple[Store, Barrier]] = []


def _receive(store: Store, barrier: Barrier) -> None:
    _received.append((store, barrier))


def _apart(step: Callable[[Store, int, Any], R], racer: int, value: Any) -> R:
    store, barrier = _received[-1]
    barrier.wait()
    return step(store, racer, value)


__all__ = ["create", "in_processes", "in_threads", "increment", "replace"]
