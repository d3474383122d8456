"""Several threads, or processes, that do the same thing at the same moment."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, TypeVar

from deeplake.spi import Store

R = TypeVar("R")

_STARTING = 0.01  # seconds; enough to hand a round to all processes


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
    with ProcessPoolExecutor(
        racers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_receive,
        initargs=(store,),
    ) as pool:
        results: list[list[R]] = []
        for value in rounds:
            start = time.time() + _STARTING
            results.append(
                _answers([pool.submit(_at, start, step, racer, value) for racer in range(racers)])
            )
        return results


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


_received: list[Store] = []


def _receive(store: Store) -> None:
    _received.append(store)


def _at(start: float, step: Callable[[Store, int, Any], R], racer: int, value: Any) -> R:
    # Each process is kept busy until all have their part of the round.
    while time.time() < start:
        continue
    return step(_received[-1], racer, value)


__all__ = ["in_processes", "in_threads"]
