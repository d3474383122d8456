"""Memory of a loader: that of batches is used again, that of mapped files is given back."""

from __future__ import annotations

import math
import mmap
import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from deeplake.dataset.reader import TensorReader
from deeplake.types import Shape

ALIGNED = 64
"""Bytes at whose multiples the arrays of batches begin: TensorFlow and JAX copy others."""

SMALL = 1 << 15
"""Arrays below this many bytes come from the allocator, which is as fast."""

HUGE = 2 << 20
"""Bytes of a huge page, on most systems. Arrays of at least half of it are made of such pages."""

SPARE = 96 << 20
"""Bytes that are kept for the next arrays, at most, of each size; and of loaders that are gone, of all
sizes."""

SIZES = 16
"""Sizes of which something is kept."""

RESIDENT = 64 << 20
"""Bytes of memory maps that stay with the process, about, of data that are larger than ``WHOLE``."""

WHOLE = 160 << 20
"""Data of up to so many bytes may stay mapped, or in memory: random rows would map or read them again
and again."""

AROUND = 2 << 20
"""Bytes that Linux maps around a sample that is read, if it has them in its cache, at most."""

LARGE = 1 << 14
"""Rows of so many stored bytes are seldom read for the sake of their neighbours."""


class Memory:
    """Makes arrays. When nobody holds one any more, nor a view of it, its memory is the next one's.

    Any number of threads may ask for arrays. What is in them is left from before. Memory in huge pages
    goes to the next loader in the end, also that of batches which are let go of later: to get it from
    the system takes longer than to fill it.

    Args:
        kept: Bytes that may be kept for the whole life of the loader.
        stays: The data that are read stay mapped: see ``Residency.stays``.

    Attributes:
        stays: As given.
    """

    __slots__ = ("_kept", "_spare", "stays")

    def __init__(self, kept: int = 0, *, stays: bool = False) -> None:
        self._spare: dict[int, _Spare] = {}
        self._kept = kept
        self.stays = stays

    def __del__(self, finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        if not finalizing():
            for size, spare in self._spare.items():
                if size >= HUGE // 2:
                    spare.left = True
                    _leave(spare)

    def keeps(self, size: int) -> bool:
        """Whether so many more bytes may be kept; if so, they are counted. Not for threads."""
        if size > self._kept:
            return False
        self._kept -= size
        return True

    def array(self, shape: Shape, dtype: Any) -> np.ndarray:
        """An array that is not filled, at an address that every framework takes as it is.

        Args:
            shape: Its shape.
            dtype: Its dtype.
        """
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if size < SMALL:
            return aligned(shape, dtype)
        spare = self._spare.get(size)
        if spare is None:
            if len(self._spare) >= SIZES:
                self._spare = {}
            spare = self._spare.setdefault(size, _Spare((), max(1, SPARE // size)))
        try:
            memory = spare.popleft()
        except IndexError:
            found = _left_over(size) if size >= HUGE // 2 else None
            memory = aligned((size,), np.uint8) if found is None else found
        return np.asarray(_Lease(memory, spare, shape, dtype))

    def aligned(self, array: np.ndarray) -> np.ndarray:
        """The array, or a copy of it at such an address."""
        if array.ctypes.data % ALIGNED == 0:
            return array
        copy = self.array(array.shape, array.dtype)
        copy[...] = array
        return copy


class _Spare(deque[np.ndarray]):
    """Memory of one size that a loader can use again.

    Attributes:
        left: The loader is gone: what comes now is for the next one.
    """

    __slots__ = ("left",)

    def __init__(self, memories: Iterable[np.ndarray], most: int) -> None:
        super().__init__(memories, most)
        self.left = False


_left: dict[int, np.ndarray] = {}
"""Memory of loaders that are gone, by its ``id``. Used without a lock, for the reason below."""


def _leave(spare: _Spare) -> None:
    """Keep memory for the next loader, and no more of it than ``SPARE``."""
    while spare:
        try:
            memory = spare.popleft()
        except IndexError:  # another thread was faster
            break
        _left[id(memory)] = memory
    held = sum(memory.nbytes for memory in list(_left.values()))
    for key in list(_left):
        if held <= SPARE:
            return
        oldest = _left.pop(key, None)
        held -= 0 if oldest is None else oldest.nbytes


def _left_over(size: int) -> np.ndarray | None:
    """Memory of so many bytes that a loader left; None if there is none."""
    for key, memory in list(_left.items()):
        # Another thread may have been faster.
        if memory.nbytes == size and _left.pop(key, None) is not None:
            return memory
    return None


class _Lease:
    """Bytes that go back when the last array of them is gone: NumPy keeps this object until then."""

    __slots__ = ("__array_interface__", "_memory", "_spare")

    def __init__(
        self, memory: np.ndarray, spare: _Spare, shape: Shape, dtype: np.dtype[Any]
    ) -> None:
        self._memory = memory
        self._spare = spare
        self.__array_interface__ = {
            "data": memory.__array_interface__["data"],
            "shape": shape,
            "typestr": dtype.str,
            "version": 3,
        }

    def __del__(
        self,
        leave: Callable[[_Spare], None] = _leave,
        finalizing: Callable[[], bool] = sys.is_finalizing,
    ) -> None:
        # Without a lock: the garbage collector may run in a thread that holds it.
        spare = self._spare
        spare.append(self._memory)
        if spare.left and not finalizing():
            leave(spare)


class Residency:
    """Gives pages of memory maps back to the system before they become many.

    Without it a process seems to need as much memory as it has read. The system keeps the pages in
    its cache as long as it has room.

    Args:
        readers: They read the maps.
        row_bytes: Stored bytes of a row, about, of all of them together.

    Attributes:
        stays: They are so few that nothing is given back.
    """

    __slots__ = ("_readers", "_row_bytes", "_touched", "stays")

    def __init__(self, readers: Sequence[TensorReader], row_bytes: int) -> None:
        self._readers = readers
        self.stays = row_bytes * max(map(len, readers), default=0) <= WHOLE
        # Many small rows lie in what is mapped around each of them.
        self._row_bytes = row_bytes + (AROUND if row_bytes >= LARGE else 0)
        self._touched = 0

    def add(self, rows: int) -> None:
        """Count rows that were read. Threads may get into each other's way: it is no exact count."""
        if self.stays:
            return
        self._touched += rows * self._row_bytes
        if self._touched > RESIDENT:
            self._touched = 0
            for reader in self._readers:
                reader.release()


def aligned(shape: Shape, dtype: Any) -> np.ndarray:
    """An array that is not filled, at an address that every framework takes as it is."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    memory = _huge(size) if size >= HUGE // 2 else None
    if memory is None:
        memory = np.empty(size + ALIGNED, np.uint8)
        start = -memory.ctypes.data % ALIGNED
        memory = memory[start : start + size]
    return np.asarray(memory.view(dtype).reshape(shape))


def _huge(size: int) -> np.ndarray | None:
    """Bytes in huge pages, if the system has any to spare; None where it knows nothing of them.

    The first write to a page is slow, and of a small one takes longer than filling it.
    """
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    whole = -(-size // HUGE) * HUGE
    try:
        memory = mmap.mmap(-1, whole + HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:  # a kernel without them
        return None
    found = np.frombuffer(memory, np.uint8)
    start = -found.ctypes.data % HUGE
    return found[start : start + size]


__all__ = ["Memory", "Residency", "aligned"]
