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


def share_of_gil(function: Callable[[], Any], *, attempts: int = 5) -> float:
    """Share of a call's time in which it keeps all other threads from running; least of some calls.

    The call runs in a thread while this one looks at the clock all the time; the longest interval
    between two looks is what the call took in one piece. A busy machine makes single intervals
    longer, never shorter: a function that holds the GIL gets about 1 in every attempt.

    Args:
        function: Takes at least some ten milliseconds.
        attempts: Calls.
    """
    shares = []
    for _ in range(attempts):
        thread = threading.Thread(target=function)
        # A function that holds the GIL may be over before ``start`` returns: it counts from here.
        begin = last = time.perf_counter()
        longest = 0.0
        thread.start()
        alive = True
        while alive:
            alive = thread.is_alive()
            now = time.perf_counter()
            longest = max(longest, now - last)
            last = now
        thread.join()
        shares.append(longest / (last - begin))
    return min(shares)


__all__ = ["memory_growth", "share_of_gil"]
