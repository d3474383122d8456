"""Bodies of large answers, in memory that the system hands out in few pieces.

obstore gives an answer as one block from the allocator, which for one of megabytes asks the system
for new pages of 4 KB. The first touch of each is an interruption: thousands of them take longer than
the bytes take to arrive. Memory of huge pages (Linux) is touched a few times only.
"""

from __future__ import annotations

import mmap
from typing import Any

from deeplake.errors import StorageError

LARGE = 2 << 20
"""Bytes of a huge page, and of the smallest body that is worth one."""

PIECE = 256 << 10
"""Bytes that are taken from the network at once, at least: each time costs a turn of the interpreter."""

SPILLED = 16
"""One byte in so many may be left over in the last huge page."""


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
    """Some bytes, at least ``LARGE``, in huge pages where there are any; freed with the last view."""
    advice = getattr(mmap, "MADV_HUGEPAGE", None)
    if advice is None:
        return memoryview(bytearray(size))
    whole = -(-size // LARGE) * LARGE
    # The last page may be of ordinary ones: rather slow than large.
    taken = whole if whole - size <= size // SPILLED else size
    try:
        pages = mmap.mmap(-1, taken, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        pages.madvise(advice)
    except OSError:  # a kernel without them, or a process that has as many maps as it may
        return memoryview(bytearray(size))
    return memoryview(pages)[:size]


__all__ = ["LARGE", "memory", "received"]
