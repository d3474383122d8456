"""Requests made by another process, for one in which obstore does not work (``client.usable``).

That process is started anew, not forked, by the first request, and ends when the one that started it
does. Each thread has a connection of its own, so that threads do not wait for each other.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from deeplake.errors import StorageError
from deeplake.types import ByteRange, Data, joined
from deeplake_storage_obstore.client import Client, Method, Opener

COMMAND = "from deeplake_storage_obstore.relay import serve; serve({})"


class Relay:
    """Has the methods of ``Client``, and lets another process do them.

    Args:
        url, opener, token: As for ``Client``.
    """

    def __init__(self, url: str, opener: Opener, token: str) -> None:
        self.url = url
        self._mutex = threading.Lock()
        self._lines = threading.local()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", COMMAND.format(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                pass_fds=[theirs.fileno()],
            )
        self._given = (url, opener, token)

    def _line(self) -> Connection:
        """This thread's connection."""
        line: Connection | None = getattr(self._lines, "line", None)
        if line is None:
            ours, theirs = socket.socketpair()
            with theirs, self._mutex:
                socket.send_fds(self._control, [b"+"], [theirs.fileno()])
            line = self._lines.line = Connection(ours.detach())
            line.send(self._given)
        return line

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            line = self._line()
            line.send((method, arguments))
            good, value = line.recv()
        except (EOFError, OSError) as error:
            self._lines.line = None
            raise StorageError(
                f"{self.url}: the process that makes requests for this forked one has ended "
                f"(exit code {self._process.poll()}); start processes with 'spawn' to do without it"
            ) from error
        if good:
            return value
        raise value

    def get(self, key: str, byte_range: ByteRange | None) -> tuple[Any, str]:
        """As ``Client.get``."""
        found: tuple[Any, str] = self._call("get", key, byte_range)
        return found

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Any]:
        """As ``Client.get_many``."""
        found: list[Any] = self._call("get_many", list(requests))
        return found

    def put(self, key: str, data: Data, if_match: str | None, if_absent: bool) -> str:
        """As ``Client.put``."""
        version: str = self._call("put", key, joined(data), if_match, if_absent)
        return version

    def head(self, key: str) -> tuple[int, str, float]:
        """As ``Client.head``."""
        found: tuple[int, str, float] = self._call("head", key)
        return found

    def delete(self, keys: Sequence[str]) -> None:
        """As ``Client.delete``."""
        self._call("delete", list(keys))

    def list(self, prefix: str) -> list[tuple[str, int, str, float]]:
        """As ``Client.list``."""
        found: list[tuple[str, int, str, float]] = self._call("list", prefix)
        return found

    def sign(self, key: str, method: Method, seconds: float) -> str:
        """As ``Client.sign``."""
        signed: str = self._call("sign", key, method, seconds)
        return signed

    def close(self) -> None:
        """End the process."""
        self._control.close()
        self._process.wait()


def serve(number: int) -> None:
    """The other process: serve connections until there is nobody who could send more."""
    clients: dict[str, Client] = {}
    mutex = threading.Lock()
    with socket.socket(fileno=number) as control:
        while True:
            message, handles, _, _ = socket.recv_fds(control, 1, 1)
            if not message:
                return
            line = Connection(handles[0])
            threading.Thread(target=_answer, args=(line, clients, mutex), daemon=True).start()


def _answer(line: Connection, clients: dict[str, Client], mutex: threading.Lock) -> None:
    """Do what comes in on one connection."""
    with line:
        try:
            url, opener, token = line.recv()
            while True:
                method, arguments = line.recv()
                try:
                    with mutex:
                        if url not in clients:
                            clients[url] = Client(url, opener, token)
                    answer = True, _plain(getattr(clients[url], method)(*arguments))
                except Exception as error:  # noqa: BLE001 - it is raised at the other end
                    answer = False, _told(error)
                line.send(answer)
        except EOFError:
            return


def _plain(value: Any) -> Any:
    """Obstore's bytes as Python's, which can be sent."""
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in value)
    return value if isinstance(value, (str, int, float, type(None))) else bytes(value)


def _told(error: Exception) -> StorageError:
    return error if isinstance(error, StorageError) else StorageError(f"{error!r}")


__all__ = ["Relay", "serve"]
