"""Files of this machine."""

from __future__ import annotations

import os
import re
import stat as modes
import sys
from typing import BinaryIO
from urllib.parse import unquote

from deeplake.errors import GetDataFromLinkError, LinkRefusedError
from deeplake.links.policy import Policy
from deeplake.links.source import Source, Stat, missing, unreadable


class LocalSource(Source):
    """A regular file. Devices, pipes and directories are refused: reading those may never end."""

    def __init__(self, url: str, policy: Policy) -> None:
        super().__init__(url, policy)
        self._file: BinaryIO | None = None
        self._path = path_of(url)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            try:
                # Opening a pipe would wait for somebody who writes to it.
                flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
                handle = os.open(self._path, flags | getattr(os, "O_CLOEXEC", 0))
                try:
                    mode = os.fstat(handle).st_mode
                    if modes.S_ISDIR(mode):
                        raise IsADirectoryError(21, "it is a directory")
                    if not modes.S_ISREG(mode):
                        raise LinkRefusedError(f"{self.name}: is no regular file")
                    self._file = os.fdopen(handle, "rb", buffering=0)
                except BaseException:
                    os.close(handle)
                    raise
            except (FileNotFoundError, NotADirectoryError) as error:
                raise missing(self.name) from error
            except GetDataFromLinkError:
                raise
            except (OSError, ValueError) as error:
                raise unreadable(self.name, error) from error
        return self._file

    def stat(self) -> Stat:
        found = os.fstat(self._opened().fileno())
        return Stat(found.st_size, "", found.st_mtime)

    def read_all(self) -> bytes:
        file = self._opened()
        size = os.fstat(file.fileno()).st_size
        self.policy.check_size(size, self.name)
        try:
            file.seek(0)
            data = file.read(size) or b""
            while len(data) < size and (more := file.read(size - len(data))):
                data += more
        except OSError as error:
            raise unreadable(self.name, error) from error
        return data

    def read(self, start: int, stop: int) -> bytes:
        file = self._opened()
        try:
            file.seek(start)
            data = file.read(max(stop - start, 0)) or b""
            while len(data) < stop - start and (more := file.read(stop - start - len(data))):
                data += more
        except OSError as error:
            raise unreadable(self.name, error) from error
        return data

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def __del__(self) -> None:
        self.close()


def path_of(url: str) -> str:
    """The path that a plain path or a ``file:`` URL names.

    Raises:
        GetDataFromLinkError: The file is on another machine.
    """
    match = re.match(r"file://([^/]*)(.*)", url, re.IGNORECASE | re.DOTALL)
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


__all__ = ["LocalSource", "path_of"]
