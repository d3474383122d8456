"""Bodies of large answers, in memory that the system hands out in few pieces, and that is used again.

obstore gives an answer as one block from the allocator, which for one of megabytes asks the system
for new pages of 4 KB. The first touch of each is an interruption: thousands of them take longer than
the bytes take to arrive. Memory of huge pages (Linux) is touched a few times only; and as all of it
has to be cleared, and on a virtual machine may have to be fetched from its host first, what nobody
needs any more is the next answer's.
"""

from __future__ import annotations

import mmap
import weakref
from collections import deque
from typing import Any

import numpy as np

from deeplake.errors import StorageError

LARGE = 2 << 20
"""Bytes of a huge page, and of the smallest body that is worth one."""

PIECE = 256 << 10
"""Bytes that are taken from the network at once, at least: each time costs a turn of the interpreter."""

ROUND = 512 << 10
"""Sizes are multiples of it, so that one answer's memory will do for another."""

SPARE = 32 << 20
"""Bytes that are kept for the next answers, at most, by all users together."""


def received(answer: Any) -> Any:
    """The body of an answer of obstore's ``get``: a buffer that cannot be written to.

    Raises:
        StorageError: It has not as many bytes as were announced.
        Exception: Whatever obstore raises.
    """
    start, stop = answer.range
    size = stop - start
    if size < LARGE:
        return answer.bytes()
    body, filled = memory(size), 0
    for piece in answer.stream(min_chunk_size=PIECE):
        view = memoryview(piece)
        end = filled + len(view)
        if end > size:
            raise StorageError(f"more than the {size} bytes came that were announced")
        body[filled:end] = view
        filled = end
    if filled < size:
        raise StorageError(f"only {filled} of the {size} bytes came that were announced")
    return body.toreadonly()


def memory(size: int) -> memoryview:
    """At least ``LARGE`` bytes, in huge pages where there are any, lent as long as there are views.

    What is in them is left from before.
    """
    block = _spare_block(size)
    if block is None:
        block = _new_block(size)
    return np.asarray(_Lease(block)).data[:size]


def use(user: object) -> None:
    """Keep memory for the next answers, as long as there is one who may ask for them."""
    _users.add(id(user))
    weakref.finalize(user, _left, id(user)).atexit = False


_users: set[int] = set()
_spare: deque[np.ndarray] = deque()
"""Used without a lock: the garbage collector may give back memory in a thread that holds it."""


class _Lease:
    """A block that goes back when its last view is gone: NumPy keeps this object until then."""

    __slots__ = ("__array_interface__", "_block")

    def __init__(self, block: np.ndarray) -> None:
        self._block = block
        self.__array_interface__ = block.__array_interface__

    def __del__(self) -> None:
        if _users:
            _spare.append(self._block)
            _trim(SPARE)


def _left(user: int) -> None:
    _users.discard(user)
    if not _users:
        _trim(0)


def _trim(limit: int) -> None:
    while sum(block.nbytes for block in list(_spare)) > limit:
        try:
            _spare.popleft()
        except IndexError:  # another thread was faster
            return


def _spare_block(size: int) -> np.ndarray | None:
    """One that is not much larger; None if there is none."""
    for _ in range(len(_spare)):
        try:
            block = _spare.popleft()
        except IndexError:
            return None
        if size <= block.nbytes <= size + size // 4:
            return block
        _spare.append(block)
    return None


def _new_block(size: int) -> np.ndarray:
    size = -(-size // ROUND) * ROUND
    advice = getattr(mmap, "MADV_HUGEPAGE", None)
    if advice is None:
        return np.empty(size, np.uint8)
    try:
        # What is around the huge pages, and never touched, is no memory.
        pages = mmap.mmap(-1, size + LARGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        pages.madvise(advice)
    except OSError:  # a kernel without them, or a process that has as many maps as it may
        return np.empty(size, np.uint8)
    found = np.frombuffer(pages, np.uint8)
    start = -found.ctypes.data % LARGE
    return found[start : start + size]


__all__ = ["LARGE", "memory", "received", "use"]
