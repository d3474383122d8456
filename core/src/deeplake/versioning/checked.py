"""Frames of files that were found to be what was written: checked once, while the file is the same."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import TypeAlias

import numpy as np

from deeplake.format.chunk import ChunkHeader
from deeplake.storage.maps import Identity

MAX_FRAMES = 1 << 22
"""Frames that are remembered, a byte each: those of 256 GB of plain data."""

Place: TypeAlias = tuple[Identity, int, int]
"""State of a file, where in it a chunk begins, and checksum of the chunk's header."""

_known: OrderedDict[Place, np.ndarray] = OrderedDict()
_mutex = threading.Lock()
_count = 0


def frames(file: Identity, offset: int, header: ChunkHeader) -> np.ndarray:
    """Which frames of a chunk were found to be what was written.

    Whoever checks more of them notes it here, for all who read the same state of the same file.

    Args:
        file: State of the file.
        offset: Where in it the chunk begins.
        header: The chunk's header.

    Returns:
        ``bool[frames]``, shared.
    """
    global _count
    place = file, offset, header.checksum
    with _mutex:
        found = _known.get(place)
        if found is not None:
            _known.move_to_end(place)
            return found
        _known[place] = header.verified
        _count += header.frames
        while _count > MAX_FRAMES:
            _, forgotten = _known.popitem(last=False)
            _count -= len(forgotten)
        return header.verified


def _renew() -> None:
    # In the child of a fork, no thread is left that would release a mutex that was held.
    global _mutex
    _mutex = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


__all__ = ["frames"]
