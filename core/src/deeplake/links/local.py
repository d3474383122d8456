"""Files of this machine."""

from __future__ import annotations

import os
import re
import stat as modes
import sys
from collections.abc import Callable
from urllib.parse import unquote

from deeplake.errors import GetDataFromLinkError, LinkRefusedError
from deeplake.links.policy import Policy
from deeplake.links.source import Source, Stat, missing, unreadable
from deeplake.types import Buffer

_URL = re.compile(r"file://([^/]*)(.*)", re.IGNORECASE | re.DOTALL)

_HAS_READV = hasattr(os, "preadv")

# Opening a pipe would wait for somebody who writes to it.
FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


class LocalSource(Source):
    """A regular file. Devices, pipes and directories are refused: reading those may never end."""

    _handle = -1

    def __init__(self, url: str, policy: Policy) -> None:
        super().__init__(url, policy)
        self._path = path_of(url)

    def _opened(self) -> os.stat_result:
        """What the system knows of the file, which is open then."""
        try:
            if self._handle >= 0:
                return os.fstat(self._handle)
            handle = os.open(self._path, FLAGS)
            try:
                found = os.fstat(handle)
                if not modes.S_ISREG(found.st_mode):
                    if modes.S_ISDIR(found.st_mode):
                        raise IsADirectoryError(21, "it is a directory")
                    raise LinkRefusedError(f"{self.name}: is no regular file")
            except BaseException:
                os.close(handle)
                raise
        except GetDataFromLinkError:
            raise
        except (FileNotFoundError, NotADirectoryError) as error:
            raise missing(self.name) from error
        except (OSError, ValueError) as error:
            raise unreadable(self.name, error) from error
        self._handle = handle
        return found

    def stat(self) -> Stat:
        found = self._opened()
        return Stat(found.st_size, "", found.st_mtime)

    def read_all(self) -> bytes:
        size = self._opened().st_size
        self.policy.check_size(size, self.name)
        return self._read(0, size)

    def read_into(self, place: Callable[[int], memoryview | None]) -> Buffer:
        """The whole file.

        Args:
            place: Gives memory for so many bytes; None: the file gets memory of its own.
        """
        size = self._opened().st_size
        self.policy.check_size(size, self.name)
        room = place(size) if _HAS_READV else None
        return room if room is not None and self._filled(room) else self._read(0, size)

    def _filled(self, room: memoryview) -> bool:
        """Fill the room from the file's start; False if that has become shorter."""
        try:
            return os.preadv(self._handle, [room], 0) == len(room)
        except OSError as error:
            raise unreadable(self.name, error) from error

    def read(self, start: int, stop: int) -> bytes:
        self._opened()
        return self._read(start, max(stop - start, 0))

    def _read(self, start: int, size: int) -> bytes:
        try:
            os.lseek(self._handle, start, os.SEEK_SET)
            data = os.read(self._handle, size)
            if len(data) == size:
                return data
            parts = [data]
            while size := size - len(data):
                data = os.read(self._handle, size)
                if not data:
                    break
                parts.append(data)
        except OSError as error:
            raise unreadable(self.name, error) from error
        return b"".join(parts)

    def close(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def __del__(self) -> None:
        self.close()


def path_of(url: str) -> str:
    """The path that a plain path or a ``file:`` URL names.

    Raises:
        GetDataFromLinkError: The file is on another machine.
    """
    match = _URL.match(url)
    if match is None:
        return os.path.expanduser(url)
    host, path = match[1], unquote(match[2])
    if host in ("~", ".", ".."):
        return os.path.expanduser(host + path)  # a host by the letter; but nobody means that
    if host.lower() not in ("", "localhost"):
        raise GetDataFromLinkError(f"{url}: is a file of the machine {host!r}, not of this one")
    if sys.platform == "win32" and re.match(r"/[A-Za-z]:", path):
        return path[1:]
    return path


def read_local(url: str, policy: Policy, place: Callable[[int], memoryview | None]) -> Buffer:
    """The content of a file, in memory that ``place`` gives (see ``LocalSource.read_into``).

    Raises:
        GetDataFromLinkError: There is no such file, it is too large, or it cannot be read.
    """
    source = LocalSource(url, policy)
    try:
        return source.read_into(place)
    finally:
        source.close()


__all__ = ["FLAGS", "LocalSource", "path_of", "read_local"]
