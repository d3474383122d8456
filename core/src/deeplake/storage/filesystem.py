"""Stores on any file system that fsspec knows: ``az://``, ``hf://``, ``sftp://``, ``https://`` etc.

What every file system can do is read. Few can replace a file only if it is the one that was expected,
and fsspec has no word for it, so such a store is read only unless the user says that nobody else
writes (``guard.SingleWriter``).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote

import xxhash

from deeplake.errors import (
    CredentialsError,
    MemoryDatasetCanNotBePickledError,
    StorageError,
    StorageTimeoutError,
    StorageUnreachableError,
)
from deeplake.spi import Store, StorePlugin
from deeplake.storage import protocols
from deeplake.storage.foreign import told
from deeplake.storage.url import scheme_of
from deeplake.types import (
    Buffer,
    ByteRange,
    Data,
    ObjectInfo,
    StoreCapabilities,
    check_key,
    joined,
)

IN_FLIGHT = 16

_inherited: list[Any] = []


def _new_loop() -> None:
    """Let fsspec begin with a thread of its own in a forked child, as later versions do anyway."""
    asynchronous = sys.modules.get("fsspec.asyn")
    reset = getattr(asynchronous, "reset_lock", None)
    if reset is not None:
        reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_loop)


class FileSystemStore(Store):
    """Objects are files below a folder of a file system of fsspec.

    The file system is made in the process that uses it, when it is first used.

    Args:
        url: URL of the folder, which may chain file systems (``zip://path::https://…``).
        options: What fsspec calls ``storage_options``.
        answer_timeout: Seconds that a server has which has not answered anything yet.
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, Any] | None = None,
        *,
        answer_timeout: float = protocols.ANSWER_SECONDS,
    ) -> None:
        self.url = url
        self._options = dict(options or {})
        self._answer_timeout = answer_timeout
        scheme = scheme_of(url)
        self.capabilities = StoreCapabilities(
            writable=scheme not in protocols.READ_ONLY and "::" not in url,
            conditional_put=False,
            listing=scheme not in protocols.UNLISTED,
            persistent=scheme != "memory",
        )
        self._quoted = scheme in protocols.WEB
        self._system: Any = None
        self._answered = False
        self._root = ""
        self._pid = 0
        self._mutex = threading.Lock()
        self._turns: AbstractContextManager[Any] = nullcontext()

    def __getstate__(self) -> dict[str, Any]:
        if not self.capabilities.persistent:
            raise MemoryDatasetCanNotBePickledError(
                f"{self.url} is in the memory of this process, and cannot be pickled or sent to another"
            )
        new = {"_system": None, "_answered": False, "_pid": 0, "_mutex": None, "_turns": None}
        return {**self.__dict__, **new}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._mutex = threading.Lock()
        self._turns = nullcontext()

    def __repr__(self) -> str:
        return f"FileSystemStore({self.url!r})"

    def _opened(self) -> Any:
        """The file system of this process."""
        if self._pid != os.getpid():
            self._mutex, self._turns = threading.Lock(), nullcontext()
            # What the parent of a fork uses must not be finalised here: it would close its connections.
            _inherited.append(self._system)
            self._system, self._answered, self._pid = None, False, os.getpid()
        with self._mutex:
            if self._system is None:
                # Some connect at once.
                with self._translated("open"):
                    self._system, self._root = protocols.opened(
                        self.url, self._options, self._answer_timeout
                    )
                if not _is_async(self._system):
                    # One connection, whose threads would take each other's answers (paramiko hangs).
                    self._turns = threading.RLock()
            return self._system

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        """Call a method of the file system.

        Raises:
            TimeoutError: There was no answer at all yet, and for ``answer_timeout`` none to anything.
        """
        system = self._opened()
        if self._answered or not _is_async(system):
            return getattr(system, method)(path, **options)
        try:
            return self._ask_once(system, method, path, 0.75, **options)
        except TimeoutError as error:
            # Much data may need so long. Whoever does not answer a small question either is silent.
            try:
                self._ask_once(system, "info", self._root, 0.25)
            except TimeoutError:
                raise error from None
            except Exception as answer:
                if isinstance(told(answer, "", ""), (StorageTimeoutError, StorageUnreachableError)):
                    raise
            self._heard()
            return getattr(system, method)(path, **options)

    def _ask_once(self, system: Any, method: str, path: str, share: float, **options: Any) -> Any:
        from fsspec.asyn import sync

        seconds = share * self._answer_timeout
        return sync(system.loop, getattr(system, f"_{method}"), path, timeout=seconds, **options)

    def _path(self, key: str) -> str:
        check_key(key)
        self._opened()
        root = self._root.rstrip("/")
        if self._quoted:
            key = quote(key)
        return f"{root}/{key}" if root else key

    # ---- reading
    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        path = self._path(key)
        if byte_range is None:
            with self._translated("read", key):
                return self._whole(path)
        start, stop = byte_range
        if not 0 <= start <= stop:
            raise StorageError(
                f"cannot read bytes {start} to {stop} of {key!r}: a range has 0 <= start <= stop"
            )
        return self._part(key, path, start, stop)

    def _whole(self, path: str) -> bytes:
        system = self._opened()
        try:
            data: bytes = self._ask("cat_file", path)
        except FileNotFoundError:
            raise
        except OSError:
            if not _is_async(system):
                self._size(path)  # some say in words only that it is a folder
            raise
        return data

    def _part(self, key: str, path: str, start: int, stop: int) -> Buffer:
        with self._translated("read", key):
            if start < stop:
                try:
                    data: bytes = self._ask("cat_file", path, start=start, end=stop)
                except (FileNotFoundError, TimeoutError):
                    raise
                except Exception:
                    # Some file systems refuse what begins behind the end of the file.
                    if start < self._size(path):
                        raise
                    return b""
                if len(data) > stop - start:
                    # Servers may ignore the range, and send everything.
                    if len(data) != self._size(path):
                        raise StorageError(
                            f"{key!r} in {self.url}: {len(data)} bytes came for a range of "
                            f"{stop - start}: the server does not send ranges"
                        )
                    return data[start:stop]
                return data
            self._size(path)  # whether it is there
            return b""

    def _size(self, path: str) -> int:
        info = self._ask("info", path)
        if info.get("type") == "directory":
            raise FileNotFoundError(path)
        size = info.get("size")
        if size is None:
            return len(self._ask("cat_file", path))
        return int(size)

    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        data = self.get(key)
        return data, xxhash.xxh3_128_hexdigest(data)

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Buffer]:
        if len(requests) < 2 or not _is_async(self._opened()):
            return [self.get(*one) for one in requests]
        with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="deeplake-fsspec") as threads:
            return list(threads.map(lambda one: self.get(*one), requests))

    def head(self, key: str) -> ObjectInfo:
        # What file systems tell about files is not the same everywhere, and nowhere reliable: the
        # contents are. Nothing large is ever asked for.
        data, version = self.get_versioned(key)
        with self._translated("look at", key):
            info = self._ask("info", self._path(key))
        return ObjectInfo(key, len(data), version, _modified(info))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        if not self.capabilities.listing:
            raise StorageError(f"{self.url} cannot be listed")
        self._opened()
        root = self._root.strip("/")
        start = f"{root}/" if root else ""
        found = []
        with self._translated("list"), suppress(FileNotFoundError, NotADirectoryError):
            files = self._ask("find", self._root, detail=True)
            for path, info in files.items():
                key = path.strip("/").removeprefix(start)
                if key.startswith(prefix):
                    found.append(ObjectInfo(key, int(info.get("size") or 0), "", _modified(info)))
        return iter(sorted(found, key=lambda one: one.key.encode()))

    # ---- writing
    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        path = self._path(key)
        if not self.capabilities.writable:
            raise StorageError(f"cannot write {key!r}: {self.url} is read only")
        if if_absent or if_match is not None:
            raise StorageError(
                f"cannot write {key!r} on a condition: {self.url} cannot tell whether another writer "
                "came first"
            )
        whole = joined(data)
        with self._translated("write", key):
            folder = path.rpartition("/")[0]
            if folder:
                # File systems with folders want them; those without have nothing to do.
                with suppress(NotImplementedError):
                    self._ask("makedirs", folder, exist_ok=True)
            self._ask("pipe_file", path, value=whole)
        return xxhash.xxh3_128_hexdigest(whole)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            path = self._path(key)
            if not self.capabilities.writable:
                raise StorageError(f"cannot delete {key!r}: {self.url} is read only")
            with self._translated("delete", key), suppress(FileNotFoundError):
                system = self._opened()
                try:
                    self._ask("rm_file", path)
                except OSError:
                    # Where there are folders, a key may be one; then there is no such object.
                    if _is_async(system) or not system.isdir(path):
                        raise

    @contextmanager
    def _translated(self, what: str, key: str | None = None) -> Iterator[None]:
        where = f"{key!r} in {self.url}" if key else self.url
        system, answered = self._system, self._answered
        try:
            with self._turns:
                yield
        except Exception as error:
            failure = told(error, what, where)
            lost = isinstance(failure, (StorageTimeoutError, StorageUnreachableError))
            if lost and system is not None and not _is_async(system):
                self._drop(system)
            if isinstance(failure, StorageTimeoutError) and not answered:
                # Not as a timeout: nobody should try again what would take as long.
                failure = StorageUnreachableError(
                    f"cannot {what} {where}: the server did not answer in time; check the network and "
                    f"the address, or allow it more: {self._allowance()} ({error})"
                )
            if not lost and what != "open":
                self._heard()
            if failure is error:
                raise
            raise failure from error
        if what != "open":
            self._heard()

    def _heard(self) -> None:
        """There is a server that answers."""
        if not self._answered and self._system is not None:
            protocols.answered(self._system)
            self._answered = True

    def _allowance(self) -> str:
        options = ', "client_kwargs": {}' if self._quoted else ""
        return f'creds={{"answer_timeout": seconds{options}}}'

    def _drop(self, system: Any) -> None:
        """Make a new connection for the next request: what comes on this one may be another's answer."""
        with self._mutex:
            if self._system is not system:
                return
            self._system, self._answered = None, False
        protocols.abandon(system)


def _is_async(system: Any) -> bool:
    return bool(getattr(system, "async_impl", False))


def _modified(info: Mapping[str, Any]) -> float | None:
    for key in ("mtime", "LastModified", "last_modified", "updated", "created"):
        value = info.get(key)
        if isinstance(value, (int, float)):
            return float(value)
        if isinstance(value, datetime):
            return value.timestamp()
    return None


class FileSystem(StorePlugin, api=(1, 0)):
    """Opens the URLs of every protocol that fsspec knows and no plugin has."""

    def open(self, url: str, *, creds: Mapping[str, Any] | str | None = None) -> Store:
        """The store of a folder.

        Args:
            url: URL of the folder.
            creds: Options of fsspec's file system (``storage_options``), and ``answer_timeout``:
                seconds for the first answer of the server (default 7). For http(s): header lines, as
                ``{"Authorization": "Bearer …"}``, or options, one of which is ``client_kwargs``.

        Raises:
            InvalidPathException: fsspec does not know the protocol.
            CredentialsError: ``creds`` is no dict.
        """
        if creds is not None and not isinstance(creds, Mapping):
            if creds == "ENV":
                creds = None
            else:
                raise CredentialsError(
                    f"creds of {scheme_of(url)}:// is a dict of fsspec's options, not a "
                    f"{type(creds).__name__}"
                )
        options = dict(creds or {})
        web = scheme_of(url) in protocols.WEB
        seconds = protocols.ANSWER_SECONDS
        if not web or set(options) & {"client_kwargs", "headers"}:
            seconds = float(options.pop("answer_timeout", seconds))
        elif options:
            options = {"client_kwargs": {"headers": options}}
        if web:
            options["encoded"] = True
        return FileSystemStore(url, options, answer_timeout=seconds)


__all__ = ["FileSystem", "FileSystemStore"]
