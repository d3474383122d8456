"""Files mapped into memory, the latest of them kept for the next time."""

from __future__ import annotations

import mmap
import os
import sys
from collections import OrderedDict
from contextlib import suppress

from deeplake.storage import files


class Maps:
    """Views of whole files, thread-safe and safe to fork.

    A view keeps its bytes when the file is replaced or deleted; the disk gets their space back when
    neither a view nor this object holds them.

    Args:
        limit: How many are kept. Each holds an open file before Python 3.13.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        # Changed by single calls only, which the interpreter makes atomic: a mutex could be copied
        # by a fork while another thread holds it.
        self._kept: OrderedDict[str, tuple[tuple[int, ...], mmap.mmap]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def view(self, path: str) -> memoryview:
        """The bytes that the file has now.

        Raises:
            OSError: It cannot be opened, is not a file, or cannot be mapped.
        """
        identity = _identity(os.stat(path))
        known = self._kept.get(path)
        if known is None or known[0] != identity:
            return self._map(path)
        with suppress(KeyError):  # another thread may just have evicted it
            self._kept.move_to_end(path)
        return memoryview(known[1])

    def forget(self, path: str) -> None:
        """Keep this file no longer."""
        self._kept.pop(path, None)

    def clear(self) -> None:
        """Keep nothing."""
        self._kept.clear()

    def _map(self, path: str) -> memoryview:
        fd = files.open_to_read(path)
        try:
            status = files.status_of(fd)
            if status.st_size == 0:
                return memoryview(b"")  # the system maps no empty files
            if sys.version_info >= (3, 13):
                mapped = mmap.mmap(fd, 0, access=mmap.ACCESS_READ, trackfd=False)
            else:
                mapped = mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(fd)
        if self.limit > 0:
            while len(self._kept) >= self.limit:
                with suppress(KeyError):  # another thread made room
                    self._kept.popitem(last=False)
            self._kept[path] = _identity(status), mapped
        return memoryview(mapped)


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


__all__ = ["Maps"]
