"""Memory for pixels that other pixels are made of at once: each thread's own, used again and again.

What is allocated for every picture and freed again goes back to the system, and comes from it page by
page: in some states of the allocator that takes as long as a tenth of the decoding.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LARGE = 4 << 20
"""Bytes from which on memory is not kept."""


class _Own(threading.local):
    """One thread's memory."""

    memory: np.ndarray | None = None


_own = _Own()


def scratch(size: int) -> np.ndarray:
    """``uint8[size]`` that is the caller's until its thread calls this again."""
    import numpy as np

    memory = _own.memory
    if memory is None or len(memory) < size:
        memory = np.empty(size, np.uint8)
        if size < LARGE:
            _own.memory = memory
    return memory[:size]


__all__ = ["scratch"]
