"""Files mapped into memory, the latest of them kept for the next time."""

from __future__ import annotations

import errno
import mmap
import os
import sys
import threading
import time
from collections import OrderedDict
from typing import Any, Final, TypeAlias
from weakref import WeakSet

from deeplake.storage import files

UNTRACKED: Final[dict[str, Any]] = {"trackfd": False} if sys.version_info >= (3, 13) else {}
"""Where a map need not hold an open file, it does not."""

PRIVATE = 64
"""Private maps at a time: a map holds an open file before Python 3.13, and who keeps all batches of an
epoch keeps all of them."""

LATEST = 160 << 20
"""Bytes of maps that stay with the process when their store is gone: who opens it again finds their
pages mapped. To map a page anew takes longer than to copy it."""

FILES = 64
"""Files of which they are: a map holds an open file before Python 3.13."""

SETTLED = 2_000_000_000
"""Nanoseconds after which a change of a file shows in its times: some systems count whole seconds, and
two changes within one are told apart by nothing."""

Identity: TypeAlias = tuple[int, ...]
"""A file and a state of it: what changes its bytes changes this."""


class FileMap(mmap.mmap):
    """A map of a file.

    Attributes:
        identity: The file, and the state of it that was mapped; None where a later change of its
            bytes might not show in it.
    """

    identity: Identity | None = None


class Latest:
    """The latest maps of the process, up to ``LATEST`` bytes of them; thread-safe and safe to fork."""

    def __init__(self) -> None:
        self._maps: OrderedDict[str, FileMap] = OrderedDict()
        self._size = 0
        self.mutex = threading.Lock()

    def __len__(self) -> int:
        return len(self._maps)

    def find(self, path: str, identity: Identity) -> FileMap | None:
        """The map of a file, if it still is the same."""
        with self.mutex:
            found = self._maps.get(path)
            if found is None or found.identity != identity:
                return None
            self._maps.move_to_end(path)
            return found

    def keep(self, path: str, mapped: FileMap) -> None:
        """Keep a map, unless changes of its file might not show, or it is too large."""
        if mapped.identity is None or len(mapped) > LATEST:
            return
        with self.mutex:
            dropped = [self._taken(path)]
            self._maps[path] = mapped
            self._size += len(mapped)
            while self._size > LATEST or len(self._maps) > FILES:
                dropped.append(self._taken(next(iter(self._maps))))
        # Unmapping lets other threads run: not while the mutex is held.
        del dropped

    def forget(self, path: str) -> None:
        """Keep the map of this file no longer."""
        with self.mutex:
            dropped = self._taken(path)
        del dropped

    def clear(self) -> None:
        """Keep nothing."""
        with self.mutex:
            dropped, self._maps, self._size = self._maps, OrderedDict(), 0
        del dropped

    def _taken(self, path: str) -> FileMap | None:
        found = self._maps.pop(path, None)
        self._size -= 0 if found is None else len(found)
        return found


latest = Latest()


class Maps:
    """Views of whole files, thread-safe and safe to fork.

    A view keeps its bytes when the file is replaced or deleted; the disk gets their space back when
    neither a view nor this object nor ``latest`` holds them.

    Args:
        limit: How many are kept. Each holds an open file before Python 3.13.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: OrderedDict[str, tuple[Identity, FileMap]] = OrderedDict()
        self._mutex = threading.Lock()
        self._private: WeakSet[FileMap] = WeakSet()
        _all.add(self)

    def __len__(self) -> int:
        return len(self._kept)

    def view(self, path: str) -> memoryview:
        """The bytes that the file has now.

        Raises:
            OSError: It cannot be opened, is not a file, or cannot be mapped.
        """
        identity = _identity(os.stat(path))
        with self._mutex:
            known = self._kept.get(path)
            if known is not None and known[0] == identity:
                self._kept.move_to_end(path)
                return memoryview(known[1])
        found = latest.find(path, identity) if self.limit > 0 else None
        if found is None:
            return self._map(path)
        self._keep(path, identity, found)
        return memoryview(found)

    def private(self, path: str, start: int, stop: int) -> memoryview | None:
        """Some bytes of a file to write to: nobody sees that, and they are gone with the view.

        Returns:
            The bytes; None if there are many such views, or the file ends before.

        Raises:
            OSError: It cannot be opened, is not a file, or cannot be mapped.
        """
        if len(self._private) >= PRIVATE:
            return None
        begin = start - start % mmap.ALLOCATIONGRANULARITY
        fd = files.open_to_read(path)
        try:
            status = files.status_of(fd)
            if stop <= start or status.st_size < stop:
                return None
            mapped = FileMap(fd, stop - begin, access=mmap.ACCESS_COPY, offset=begin, **UNTRACKED)
        finally:
            os.close(fd)
        mapped.identity = _settled(status)
        self._private.add(mapped)
        return memoryview(mapped)[start - begin :]

    def forget(self, path: str) -> None:
        """Keep this file no longer."""
        latest.forget(path)
        with self._mutex:
            known = self._kept.pop(path, None)
        # Unmapping lets other threads run: not while the mutex is held.
        del known

    def clear(self) -> None:
        """Keep nothing."""
        with self._mutex:
            kept, self._kept = self._kept, OrderedDict()
        del kept

    def spare(self, error: OSError) -> bool:
        """Whether an error was for want of open files, and some were closed."""
        spared = error.errno == errno.EMFILE and len(self._kept) + len(latest) > 0
        if spared:
            self.clear()
            latest.clear()
        return spared

    def _map(self, path: str) -> memoryview:
        fd = files.open_to_read(path)
        try:
            status = files.status_of(fd)
            if status.st_size == 0:
                return memoryview(b"")  # the system maps no empty files
            mapped = FileMap(fd, 0, access=mmap.ACCESS_READ, **UNTRACKED)
        finally:
            os.close(fd)
        mapped.identity = _settled(status)
        if self.limit > 0:
            self._keep(path, _identity(status), mapped)
            latest.keep(path, mapped)
        return memoryview(mapped)

    def _keep(self, path: str, identity: Identity, mapped: FileMap) -> None:
        with self._mutex:
            dropped = [self._kept.pop(path, None)]
            while len(self._kept) >= self.limit:
                dropped.append(self._kept.popitem(last=False)[1])
            self._kept[path] = identity, mapped
        del dropped


_all: WeakSet[Maps] = WeakSet()


def _renew() -> None:
    # In the child of a fork, no thread is left that would release a mutex that was held.
    latest.mutex = threading.Lock()
    for maps in _all:
        maps._mutex = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


def _identity(status: os.stat_result) -> Identity:
    # A time of modification can be set back, that of the last change of the file's entry cannot.
    return (
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )  # fmt: skip


def _settled(status: os.stat_result) -> Identity | None:
    last = max(status.st_mtime_ns, status.st_ctime_ns)
    return _identity(status) if status.st_ino and time.time_ns() - last > SETTLED else None


__all__ = ["FileMap", "Identity", "Latest", "Maps", "latest"]
