"""Memory of arrays that are handed out: what the system gives page by page costs more than to fill it.

That of single results of some hundred kilobytes is used again when nobody has them any more; of a list
of them, several share large pages.
"""

from __future__ import annotations

import math
import mmap
import threading
from collections import deque
from typing import Any

import numpy as np

from deeplake.types import Shape

SMALL = 128 << 10
"""Bytes below which the allocator has memory at hand."""

LARGE = 4 << 20
"""Bytes from which on NumPy itself asks for large pages."""

KEPT = 8
"""Results whose memory is kept for the next ones; all of it is ``LARGE`` bytes at most."""

SHARED = 256 << 10
"""Bytes of a result of many from which on they share large pages: who keeps one of them alone keeps no
more than sixteen times its memory."""

SLAB = 4 << 20
"""Bytes that results of a list share: as long as one of them is in use, so is the memory of those next
to it."""

ALIGNED = 64

_free: deque[np.ndarray] = deque()


def empty(shape: Shape, dtype: Any) -> np.ndarray:
    """An array that is not filled, as ``np.empty`` makes them, in memory that was used before maybe.

    Args:
        shape: Its shape.
        dtype: Its dtype.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if not SMALL <= size < LARGE:
        return np.empty(shape, dtype)
    return np.asarray(_Lease(_fitting(size), shape, dtype))


def copied(array: np.ndarray) -> np.ndarray:
    """A copy of an array, in the order of C."""
    if not SMALL <= array.nbytes < LARGE:
        return array.copy()
    found = empty(array.shape, array.dtype)
    found[...] = array
    return found


def release() -> None:
    """Give what nobody uses back to the system."""
    _free.clear()


class Slabs:
    """Makes the arrays of a list that is handed out; any number of threads may ask for them."""

    __slots__ = ("_lock", "_slab", "_used")

    def __init__(self) -> None:
        self._slab: np.ndarray | None = None
        self._used = SLAB
        self._lock = threading.Lock()

    def empty(self, shape: Shape, dtype: Any) -> np.ndarray:
        """An array that is not filled."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if not SHARED <= size <= SLAB // 4:
            return np.empty(shape, dtype)
        with self._lock:
            start = self._used
            if start + size > SLAB:
                self._slab, start = _large_pages(), 0
            slab = self._slab
            self._used = start + size + -size % ALIGNED
        assert slab is not None
        found: np.ndarray = slab[start : start + size].view(dtype).reshape(shape)
        return found


class _Lease:
    """Bytes that are free when the last array of them is gone: NumPy keeps this object until then."""

    __slots__ = ("__array_interface__", "_free", "_memory")

    def __init__(self, memory: np.ndarray, shape: Shape, dtype: np.dtype[Any]) -> None:
        self._memory = memory
        self._free = _free
        self.__array_interface__ = {
            "data": memory.__array_interface__["data"],
            "shape": shape,
            "typestr": dtype.str,
            "version": 3,
        }

    def __del__(self, kept: int = KEPT, most: int = LARGE) -> None:
        # Without a lock: the garbage collector may run in a thread that holds it. With no names of the
        # module: it may be gone already.
        free = self._free
        free.append(self._memory)
        held = sum(memory.nbytes for memory in list(free))
        while len(free) > kept or held > most:
            try:
                held -= free.popleft().nbytes
            except IndexError:  # another thread was faster
                return


def _fitting(size: int) -> np.ndarray:
    """Memory of so many bytes, of somewhat more if that is free."""
    for _ in range(len(_free)):
        try:
            memory = _free.pop()  # the latest, which the processor may have in its caches
        except IndexError:  # another thread was faster
            break
        if size <= memory.nbytes <= 2 * size:
            return memory
        _free.appendleft(memory)
    return np.empty(size, np.uint8)


def _large_pages() -> np.ndarray:
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.empty(SLAB, np.uint8)
    try:
        memory = mmap.mmap(-1, SLAB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:  # a kernel without them, or without room for another map
        return np.empty(SLAB, np.uint8)
    return np.frombuffer(memory, np.uint8)


__all__ = ["Slabs", "copied", "empty", "release"]
