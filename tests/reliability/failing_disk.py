"""System calls that fail: what a store of files asks of the operating system, below a directory.

Each call that changes something (``open`` to create, ``write``, ``fsync``, ``rename``, ``unlink``,
``mkdir``, ``rmdir``, ``utime``), and ``flock``, is counted while the trouble is on, and fails when its
turn comes.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import FileIO
from typing import Any

import pytest

from deeplake.storage import directories, files, lock

GROWING = ("create", "write", "mkdir", "rename")
"""What a full disk refuses; it still removes files."""


@dataclass
class Trouble:
    """Which call fails, and how.

    Attributes:
        code: ``errno`` of the failure.
        at: Number of the call that fails.
        lasting: From then on all calls fail that need space, until ``fired`` has so many; 1: only
            this one fails.
        on: Calls are counted, and fail.
        calls: Calls so far.
        fired: Those that failed.
    """

    code: int
    at: int
    lasting: int = 1
    on: bool = False
    calls: int = 0
    fired: list[str] = field(default_factory=list)

    def meet(self, op: str) -> None:
        """A call is about to be made.

        Raises:
            OSError: It fails.
        """
        if not self.on:
            return
        self.calls += 1
        began = self.calls > self.at and (not self.fired or op in GROWING)
        if began and len(self.fired) < self.lasting:
            self.fired.append(op)
            raise OSError(self.code, os.strerror(self.code))

    @contextmanager
    def brewing(self) -> Iterator[None]:
        """Calls may fail inside of this."""
        self.on = True
        try:
            yield
        finally:
            self.on = False


@contextmanager
def failing(trouble: Trouble) -> Iterator[None]:
    """Put the trouble between stores of files and the system."""

    def before(op: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            trouble.meet(op)
            return call(*arguments, **options)

        return called

    def created(path: str, mode: str) -> FileIO:
        if not os.path.exists(path):
            trouble.meet("create")
        return FileIO(path, mode)

    def written(fd: int, parts: Any) -> int:
        try:
            trouble.meet("write")
        except OSError:
            # What there was room for is in the file.
            half = bytes(parts[0])
            writev(fd, [half[: len(half) // 2]])
            raise
        return writev(fd, parts)

    writev = files._writev
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(directories, "FileIO", created)
        patch.setattr(lock, "FileIO", created)
        patch.setattr(lock, "_acquire", before("flock", lock._acquire))
        patch.setattr(files, "_writev", written)
        patch.setattr(files, "sync", before("fsync", files.sync))
        for name, op in (
            ("replace", "rename"), ("unlink", "unlink"), ("mkdir", "mkdir"), ("rmdir", "rmdir"),
            ("utime", "utime"),
        ):  # fmt: skip
            patched = before(op, getattr(os, name))
            if getattr(os, name) in os.supports_fd:
                patch.setattr(os, "supports_fd", {*os.supports_fd, patched})
            patch.setattr(os, name, patched)
        yield


NO_SPACE, DISK_ERROR = errno.ENOSPC, errno.EIO

__all__ = ["DISK_ERROR", "NO_SPACE", "Trouble", "failing"]
