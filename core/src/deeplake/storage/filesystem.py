"""Stores on any file system that fsspec knows: ``az://``, ``hf://``, ``sftp://``, ``https://`` etc.

What every file system can do is read. Few can replace a file only if it is the one that was expected,
and fsspec has no word for it, so such a store is read only unless the user says that nobody else
writes (``guard.SingleWriter``).
"""

from __future__ import annotations

import errno
import os
import socket
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
    DeepLakeError,
    InvalidPathException,
    MemoryDatasetCanNotBePickledError,
    ModuleNotInstalledException,
    ObjectNotFoundError,
    StorageError,
    StorageTimeoutError,
    StorageUnreachableError,
    TransientStorageError,
)
from deeplake.spi import Store, StorePlugin
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

READ_ONLY = (
    "http",
    "https",
    "github",
    "zip",
    "tar",
    "git",
    "reference",
    "data",
    "jsdelivr",
    "libarchive",
)
"""Protocols that cannot write objects one by one, or not in place."""

UNLISTED = ("http", "https", "data")
"""Protocols without a listing that could be relied on."""

ALIASES = {"azure": "az", "gdrive": "gdrive", "gcp": "gcs"}
"""Schemes that users write -> what fsspec calls them."""

IN_FLIGHT = 16

_PASSING = (429, 500, 502, 503, 504)
"""What web servers answer that may answer otherwise a moment later (``status`` of aiohttp's errors,
``status_code`` of Azure's)."""

_REFUSED = (401, 403)
"""What they answer to who may not do this."""

_REFUSALS = frozenset({"AuthenticationException", "ClientAuthenticationError"})
"""Errors of paramiko and Azure that mean the same."""

_BROKEN = frozenset({"ClientConnectionError", "ClientPayloadError", "NoValidConnectionsError",
                     "ServiceRequestError"})  # fmt: skip
"""Errors of aiohttp, paramiko and Azure about connections."""

CONNECT_SECONDS = 2.0
"""Seconds for a connection to a web server; with all tries, it is said within ten that there is none."""
READ_SECONDS = 60.0
"""Seconds between two parts of an answer."""

_INSTALL = {
    **dict.fromkeys(("az", "abfs", "abfss", "azure"), "azure"),
    **dict.fromkeys(("http", "https"), "http"),
}
"""Schemes for whose library the kernel has an extra."""


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
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self.url = url
        self._options = dict(options or {})
        scheme = scheme_of(url)
        self.capabilities = StoreCapabilities(
            writable=scheme not in READ_ONLY and "::" not in url,
            conditional_put=False,
            listing=scheme not in UNLISTED,
            persistent=scheme != "memory",
        )
        # In paths of the web, some characters stand for others.
        self._quoted = scheme in ("http", "https")
        self._system: Any = None
        self._root = ""
        self._pid = 0
        self._mutex = threading.Lock()
        self._turns: AbstractContextManager[Any] = nullcontext()

    def __getstate__(self) -> dict[str, Any]:
        if not self.capabilities.persistent:
            raise MemoryDatasetCanNotBePickledError(
                f"{self.url} is in the memory of this process, and cannot be pickled or sent to another"
            )
        return {**self.__dict__, "_system": None, "_pid": 0, "_mutex": None, "_turns": None}

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
            self._system, self._pid = None, os.getpid()
        with self._mutex:
            if self._system is None:
                # Some connect at once.
                with self._translated("open"):
                    self._system, self._root = _file_system(self.url, self._options)
                if not getattr(self._system, "async_impl", False):
                    # One connection, whose threads would take each other's answers (paramiko hangs).
                    self._turns = threading.RLock()
            return self._system

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
            data: bytes = system.cat_file(path)
        except FileNotFoundError:
            raise
        except OSError:
            if not getattr(system, "async_impl", False):
                self._size(path)  # some say in words only that it is a folder
            raise
        return data

    def _part(self, key: str, path: str, start: int, stop: int) -> Buffer:
        with self._translated("read", key):
            if start < stop:
                try:
                    data: bytes = self._opened().cat_file(path, start=start, end=stop)
                except FileNotFoundError:
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
        info = self._opened().info(path)
        if info.get("type") == "directory":
            raise FileNotFoundError(path)
        size = info.get("size")
        if size is None:
            return len(self._opened().cat_file(path))
        return int(size)

    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        data = self.get(key)
        return data, xxhash.xxh3_128_hexdigest(data)

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Buffer]:
        if len(requests) < 2 or not getattr(self._opened(), "async_impl", False):
            return [self.get(*one) for one in requests]
        with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="deeplake-fsspec") as threads:
            return list(threads.map(lambda one: self.get(*one), requests))

    def head(self, key: str) -> ObjectInfo:
        # What file systems tell about files is not the same everywhere, and nowhere reliable: the
        # contents are. Nothing large is ever asked for.
        data, version = self.get_versioned(key)
        with self._translated("look at", key):
            info = self._opened().info(self._path(key))
        return ObjectInfo(key, len(data), version, _modified(info))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        if not self.capabilities.listing:
            raise StorageError(f"{self.url} cannot be listed")
        system = self._opened()
        root = self._root.strip("/")
        start = f"{root}/" if root else ""
        found = []
        with self._translated("list"), suppress(FileNotFoundError, NotADirectoryError):
            files = system.find(self._root, detail=True)
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
            system = self._opened()
            folder = path.rpartition("/")[0]
            if folder:
                # File systems with folders want them; those without have nothing to do.
                with suppress(NotImplementedError):
                    system.makedirs(folder, exist_ok=True)
            system.pipe_file(path, whole)
        return xxhash.xxh3_128_hexdigest(whole)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            path = self._path(key)
            if not self.capabilities.writable:
                raise StorageError(f"cannot delete {key!r}: {self.url} is read only")
            with self._translated("delete", key), suppress(FileNotFoundError):
                system = self._opened()
                try:
                    system.rm_file(path)
                except OSError:
                    # Where there are folders, a key may be one; then there is no such object.
                    if getattr(system, "async_impl", False) or not system.isdir(path):
                        raise

    @contextmanager
    def _translated(self, what: str, key: str | None = None) -> Iterator[None]:
        where = f"{key!r} in {self.url}" if key else self.url
        try:
            with self._turns:
                yield
        except DeepLakeError:
            raise
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            if what == "write":
                raise StorageError(f"cannot write {where}: {error}") from error
            raise ObjectNotFoundError(f"there is no object {where}") from error
        except PermissionError as error:
            raise CredentialsError(
                f"cannot {what} {where}: refused; check the credentials and what they may do ({error})"
            ) from error
        except TimeoutError as error:
            raise StorageTimeoutError(f"cannot {what} {where}: no answer in time") from error
        except Exception as error:
            # File systems are anybody's, and so are their errors.
            status = getattr(error, "status", None) or getattr(error, "status_code", None)
            kinds = {kind.__name__ for kind in type(error).__mro__}
            if status in _REFUSED or kinds & _REFUSALS:
                raise CredentialsError(
                    f"cannot {what} {where}: refused ({status or type(error).__name__}); check the "
                    f"credentials and what they may do ({error})"
                ) from error
            if isinstance(error, (ConnectionError, socket.gaierror)) or kinds & _BROKEN:
                failure = StorageUnreachableError(
                    f"cannot {what} {where}: the server cannot be reached; check the network and the "
                    f"address ({type(error).__name__}: {error})"
                )
                failure.errno = errno.ECONNRESET  # it may pass: the kernel tries again
                raise failure from error
            raise (TransientStorageError if status in _PASSING else StorageError)(
                f"cannot {what} {where}: {type(error).__name__}: {error}"
            ) from error


def _file_system(url: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    """The file system of a URL, and the folder on it."""
    from fsspec.core import url_to_fs

    scheme = scheme_of(url)
    known = ALIASES.get(scheme, scheme)
    try:
        if scheme in ("http", "https"):
            options = _with_timeouts(options)
        system, root = url_to_fs(known + url[len(scheme) :], skip_instance_cache=True, **options)
    except ImportError as error:
        extra = _INSTALL.get(scheme)
        hint = f'pip install "deeplake-core[{extra}]"' if extra else str(error)
        raise ModuleNotInstalledException(
            f"{url}: a library for {scheme}:// is missing: {hint}"
        ) from error
    except (ValueError, TypeError) as error:
        raise InvalidPathException(f"{url} cannot be opened: {error}") from error
    # Listings that were made before somebody else wrote would be wrong. As an option, some file systems
    # would pass it on to whom it means nothing.
    listings: Any = getattr(system, "dircache", None)
    if hasattr(listings, "use_listings_cache"):
        listings.use_listings_cache = False
    return system, root


def _with_timeouts(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a web client that does not wait for ever; those that were given stay."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS
    )
    return {**options, "client_kwargs": {"timeout": timeout, **options.get("client_kwargs", {})}}


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
            creds: Options of fsspec's file system (``storage_options``). For http(s): header lines,
                as ``{"Authorization": "Bearer …"}``.

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
        if scheme_of(url) in ("http", "https") and not set(options) & {"client_kwargs", "headers"}:
            options = {"client_kwargs": {"headers": options}} if options else {}
        if scheme_of(url) in ("http", "https"):
            options["encoded"] = True
        return FileSystemStore(url, options)


__all__ = ["FileSystem", "FileSystemStore"]
