"""Memory that many small files are read into, and that is used again when they are stored.

Memory that a process has not used yet has to be found and cleared by the system, page by page: for a
file of some 100 KB that takes as long as to read it.
"""

from __future__ import annotations

import weakref

import numpy as np

SIZE = 16 << 20
LARGEST = 1 << 20
"""Bytes of what gets a place in an arena."""
KEPT = 12
"""Arenas that are kept for what comes next, until ``release``."""

_free: list[np.ndarray] = []


class Arena:
    """Hands out places, one after the other. For one thread.

    A place is nobody else's until the last view of any place in the same piece of memory is gone.
    """

    def __init__(self) -> None:
        self._memory: np.ndarray | None = None
        self._used = 0

    def place(self, size: int) -> memoryview | None:
        """A place of so many bytes, with anything in it; None if it would be too large."""
        if not 0 < size <= LARGEST:
            return None
        if self._memory is None or self._used + size > SIZE:
            self._memory, self._used = _taken(), 0
        start = self._used
        self._used += size
        return self._memory[start : self._used].data


def _taken() -> np.ndarray:
    try:
        memory = _free.pop()
    except IndexError:
        memory = np.empty(SIZE, np.uint8)  # on large pages, where the system has them
    # Views of this array hold it, and not the memory alone: it ends when the last of them does.
    array = np.frombuffer(memory.data, np.uint8)
    weakref.finalize(array, _given_back, memory).atexit = False
    return array


def _given_back(memory: np.ndarray) -> None:
    if len(_free) < KEPT:
        _free.append(memory)


def release() -> None:
    """Give what nobody uses back to the system."""
    _free.clear()


__all__ = ["Arena", "release"]
