"""Memory of arrays that are handed out: what the system gives page by page costs more than to fill it.

So that of results of some hundred kilobytes is used again when nobody has them any more. (Large pages
that several of them share are no help: in a virtual machine that gives free memory back to its host, a
new one takes longer than all of its small ones.)
"""

from __future__ import annotations

import math
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


__all__ = ["copied", "empty", "release"]
