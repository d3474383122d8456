"""A lock between threads and processes that no crash can leave behind.

The lock is a ``flock`` on a file (a byte-range lock on Windows): the kernel of the operating system
releases it when the holder dies, whatever the file holds or how old it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO

if sys.platform == "win32":
    import msvcrt
    import time

    def _acquire(fd: int) -> None:
        while True:
            with suppress(OSError):
                # LK_LOCK gives up after ten seconds and cannot be interrupted; asking again can.
                os.lseek(fd, 0, os.SEEK_SET)
                msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
                return
            time.sleep(0.001)

    def _release(fd: int) -> None:
        os.lseek(fd, 0, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _acquire(fd: int) -> None:
        # Signal handlers run while this waits, and what they raise ends the wait.
        fcntl.flock(fd, fcntl.LOCK_EX)

    def _release(fd: int) -> None:
        # Closing would do, unless a process was forked meanwhile: it holds the same lock.
        fcntl.flock(fd, fcntl.LOCK_UN)


_held: set[FileIO] = set()


def _forget() -> None:
    # The child of a fork has copies of the files of all threads: as long as one is open, the death
    # of the parent would not release its lock.
    for file in list(_held):
        file.close()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock named ``path``; the file is made if there is none.

    The holder may unlink the file: whoever waited for it starts again with the new one.

    Raises:
        OSError: The file cannot be made, or the file system cannot lock.
    """
    while True:
        file = FileIO(path, "ab")
        try:
            _acquire(file.fileno())
            if not _is_at(file, path):
                continue
            _held.add(file)
            try:
                yield
                return
            finally:
                _held.discard(file)
                _release(file.fileno())
        finally:
            file.close()


def _is_at(file: FileIO, path: str) -> bool:
    """Whether the open file still is the one that ``path`` names."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    return False


__all__ = ["locked"]
