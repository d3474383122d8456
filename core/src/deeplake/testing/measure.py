"""What a call costs besides its result: memory, and time during which no other thread can run."""

from __future__ import annotations

import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from typing import Any


def memory_growth(function: Callable[[], Any]) -> int:
    """Bytes by which a call makes the process grow at its peak; its result and error are dropped.

    Memory of Python and NumPy is counted exactly. That of C libraries is seen where the operating
    system reports a process's peak (POSIX), and then only above the highest peak so far: nothing is
    ever counted that was not used.

    Args:
        function: Called once, without arguments; an ``Exception`` it raises is not passed on.
    """
    tracemalloc.start()
    resident = _peak_resident()
    try:
        _outcome(function)
        traced = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return max(traced, _peak_resident() - resident)


def _outcome(function: Callable[[], Any]) -> BaseException | None:
    try:
        function()
    except Exception as error:  # noqa: BLE001 - the caller asks what it cost, not how it ended
        return error
    return None


def _peak_resident() -> int:
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def share_of_gil(function: Callable[[], Any], *, enough: float = 0.0, attempts: int = 12) -> float:
    """Share of a call's time in which it keeps all other threads from running; least of some calls.

    The call runs in a thread while this one does nothing but count: what it gets to count, in CPU
    time, it owes to the GIL being free. Both suffer the same from a busy machine. A function that
    keeps the GIL gets about 1 in every attempt, one that does not about 0 in most.

    Args:
        function: Takes at least some ten milliseconds.
        enough: Stop as soon as an attempt finds less than this.
        attempts: Most calls.
    """
    least = 1.0
    for _ in range(attempts):
        spent: list[float] = []
        thread = threading.Thread(target=_timed, args=(function, spent))
        begin = time.thread_time()
        thread.start()
        while thread.is_alive():
            continue
        counted = time.thread_time() - begin
        thread.join()
        least = min(least, max(0.0, 1 - counted / max(spent[0], 1e-9)))
        if least < enough:
            break
    return least


def _timed(function: Callable[[], Any], spent: list[float]) -> None:
    begin = time.thread_time()
    try:
        function()
    finally:
        spent.append(time.thread_time() - begin)


__all__ = ["memory_growth", "share_of_gil"]
