"""Objects as files below a directory, durable against power loss.

An object ``data/0f`` of a store at ``/ds`` is the file ``/ds/data/0f``. How it gets there:

1. its bytes are written to a temporary file in the same directory, and synced;
2. under the lock of the store, the condition of the put is checked and the file is renamed;
3. the directory is synced, and then ``put`` returns.

So a reader sees an old object or a whole new one, a crash leaves at worst a temporary file
(``sweep`` removes it), and an object whose ``put`` returned survives power loss. The lock is held
for step 2 only, some ten microseconds; the death of its holder releases it.

Versions: up to 1 MiB, the xxh3-128 of the content. Larger objects are not read to name their
version: it is their size, time of modification (set by the writer, to the nanosecond) and inode.

Symbolic links: the root may be one. Below it, reads and listings follow links; puts and deletes
replace a link to a file, and refuse a directory that is a link: they change nothing outside.

Names that start with ``.deeplake-`` belong to the store: they are no keys, and are not listed.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from io import FileIO
from itertools import islice
from typing import Any

from xxhash import xxh3_128

from deeplake.errors import (
    InvalidPathException,
    ObjectNotFoundError,
    PreconditionFailedError,
    StorageError,
)
from deeplake.spi import PartWriter, Store, StorePlugin
from deeplake.storage import files
from deeplake.storage.directories import LOCK, OWN, TURN, Directories, is_folder, replace, walk
from deeplake.storage.failure import told
from deeplake.storage.lock import locked
from deeplake.storage.maps import Maps
from deeplake.storage.url import local_path
from deeplake.types import (
    Buffer,
    ByteRange,
    Data,
    ObjectInfo,
    PathLike,
    StoreCapabilities,
    check_key,
)

_HASHED = 1 << 20  # bytes; reading this much costs less than a sync
_DELETED = 256  # keys deleted under one lock: about a millisecond


class LocalStore(Store):
    """A directory as a store; see the module for what is promised.

    Args:
        root: The directory, made by the first put. ``~`` is expanded.
        fsync: Sync to disk before a put returns. None: unless the environment says
            ``DEEPLAKE_FSYNC=0``. Without it a put survives the death of the process, no more.
        maps: How many mapped objects are kept for the next ``map`` of the same key. Each holds an
            open file before Python 3.13.

    Raises:
        InvalidPathException: The root is empty or has a null character.
    """

    def __init__(self, root: PathLike, *, fsync: bool | None = None, maps: int = 512) -> None:
        path = os.path.expanduser(os.fspath(root))
        if not path or "\0" in path:
            raise InvalidPathException(
                f"{path!r} is not a path: it must have characters, and no null character"
            )
        self.url = os.path.abspath(path)
        self._prefix = self.url if self.url.endswith(os.sep) else self.url + os.sep
        self._lock = self._prefix + LOCK
        self._fsync = os.environ.get("DEEPLAKE_FSYNC", "1") != "0" if fsync is None else fsync
        self._maps = Maps(maps)
        self._directories = Directories(self.url, self._fsync, self._maps)
        self.capabilities = StoreCapabilities(
            writable=_writable(self.url),
            conditional_put=True,
            listing=True,
            # Windows neither replaces nor deletes a file that is mapped.
            mapping=sys.platform != "win32",
            persistent=True,
            request_cost=4096,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self.url, self._fsync, self._maps.limit)

    def __repr__(self) -> str:
        return f"LocalStore({self.url!r})"

    @contextmanager
    def turn(self) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self._prefix + TURN))
            except OSError as error:
                raise self._failure(error, "lock", TURN) from error
            yield

    # ----------------------------------------------------------------- reading
    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        path = self._path(key)
        if byte_range is not None:
            _check_range(byte_range, key)
        try:
            fd = self._open(path)
            try:
                return files.read(fd, byte_range)
            finally:
                os.close(fd)
        except OSError as error:
            raise self._failure(error, "read", key) from error

    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        path = self._path(key)
        try:
            fd = self._open(path)
            try:
                # A file does not change any more once it has this name: both are of one moment.
                data, status = files.read(fd), files.status_of(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise self._failure(error, "read", key) from error
        return data, _version(status, (data,))

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Buffer]:
        answers: list[Buffer] = [b""] * len(requests)
        by_key: dict[str, list[int]] = {}
        for index, (key, byte_range) in enumerate(requests):
            if byte_range is not None:
                _check_range(byte_range, key)
            by_key.setdefault(key, []).append(index)
        for key, indices in by_key.items():
            path = self._path(key)
            try:
                fd = self._open(path)
                try:
                    for index in indices:
                        answers[index] = files.read(fd, requests[index][1])
                finally:
                    os.close(fd)
            except OSError as error:
                raise self._failure(error, "read", key) from error
        return answers

    def map(self, key: str) -> memoryview:
        """A view of the file's pages in the system's cache.

        The view keeps these bytes when the object is replaced or deleted; the disk gets their space
        back when the view is gone. Nothing of deeplake truncates a file: a program that did would
        kill the process that reads the view.
        """
        if not self.capabilities.mapping:
            raise NotImplementedError("LocalStore cannot map objects on this system")
        path = self._path(key)
        try:
            try:
                return self._maps.view(path)
            except OSError as error:
                if not self._maps.spare(error):
                    raise
                return self._maps.view(path)
        except OSError as error:
            raise self._failure(error, "map", key) from error

    def map_private(self, key: str, byte_range: ByteRange) -> memoryview | None:
        if not self.capabilities.mapping:
            return None
        try:
            return self._maps.private(self._path(key), *byte_range)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
                return None
            raise self._failure(error, "map", key) from error

    def head(self, key: str) -> ObjectInfo:
        path = self._path(key)
        try:
            fd = self._open(path)
            try:
                status = files.status_of(fd)
                parts = (files.read(fd),) if status.st_size <= _HASHED else ()
            finally:
                os.close(fd)
        except OSError as error:
            raise self._failure(error, "read", key) from error
        return ObjectInfo(key, status.st_size, _version(status, parts), status.st_mtime)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Files whose names are keys, in byte order; what comes or goes meanwhile may be missed."""
        folder, slash, start = prefix.rpartition("/")
        if slash:
            try:
                check_key(folder)
            except InvalidPathException:
                return  # no key starts like this
        try:
            yield from walk(self._prefix + folder, folder + slash, start)
        except OSError as error:
            raise self._failure(error, "list", prefix) from error

    # ----------------------------------------------------------------- writing
    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        path = self._path(key)
        parts = files.parts_of(data)
        self._directories.refuse_links(path)
        try:
            # Asked without the lock first: a race that is lost already costs no writing.
            self._check(key, path, if_match, if_absent)
            with self._directories.temporary(os.path.dirname(path)) as file:
                files.reserve(file.fileno(), sum(map(len, parts)))
                files.write(file.fileno(), parts)
                status = self._publish(file, key, path, if_match, if_absent)
        except StorageError:
            raise
        except OSError as error:
            raise self._failure(error, "write", key) from error
        return _version(status, parts)

    def assemble(self, key: str, size: int) -> AbstractContextManager[PartWriter]:
        return self._assembled(key, self._path(key), size)

    @contextmanager
    def _assembled(self, key: str, path: str, size: int) -> Iterator[PartWriter]:
        self._directories.refuse_links(path)
        try:
            with self._directories.temporary(os.path.dirname(path)) as file:
                fd = file.fileno()
                files.reserve(fd, size)
                yield lambda start, part: files.write_at(fd, start, memoryview(part))
                if (written := os.fstat(fd).st_size) != size:
                    raise StorageError(
                        f"{written} bytes of {key!r} were written to {self.url}, which was to have "
                        f"{size}; nothing was stored"
                    )
                self._publish(file, key, path, None, False)
        except OSError as error:
            raise self._failure(error, "write", key) from error

    def delete(self, keys: Iterable[str]) -> None:
        pending = iter(keys)
        while batch := [(key, self._path(key)) for key in islice(pending, _DELETED)]:
            # A directory that holds none of the objects is left alone: no lock file appears in it.
            batch = [(key, path) for key, path in batch if os.path.lexists(path)]
            if batch:
                self._delete(batch)

    def sweep(self, older_than: float, *, dry_run: bool = False) -> int:
        """Remove the temporary files of writers that were killed.

        Args:
            older_than: Age in seconds since the last write; a younger file may be somebody's yet.
            dry_run: Only count.

        Returns:
            Bytes that were freed, or would be.

        Raises:
            StorageError: A directory cannot be read, or a file cannot be removed.
        """
        try:
            return self._directories.sweep(time.time() - older_than, dry_run=dry_run)
        except OSError as error:
            where = os.path.relpath(error.filename, self.url)
            raise self._failure(error, "sweep", where) from error

    def close(self) -> None:
        """Forget the mapped objects; views that are in use stay valid."""
        self._maps.clear()

    # ----------------------------------------------------------------- inside: reading
    def _path(self, key: str) -> str:
        if OWN in key and f"/{OWN}" in f"/{key}":
            raise InvalidPathException(
                f"{key!r} cannot be the key of an object in {self.url}: names that start with "
                f"{OWN!r} belong to the store"
            )
        return self._prefix + check_key(key)

    def _open(self, path: str) -> int:
        try:
            return files.open_to_read(path)
        except OSError as error:
            if not self._maps.spare(error):
                raise
            return files.open_to_read(path)

    # ----------------------------------------------------------------- inside: writing
    def _publish(
        self, file: FileIO, key: str, path: str, if_match: str | None, if_absent: bool
    ) -> os.stat_result:
        """Give a file that was written its name, for good; returns its status."""
        status = os.fstat(file.fileno())
        if status.st_size > _HASHED:
            now = time.time_ns()
            os.utime(file.fileno() if os.utime in os.supports_fd else file.name, ns=(now, now))
            status = os.fstat(file.fileno())
        if self._fsync:
            files.sync(file.fileno())
        file.close()  # Windows renames no open file
        with locked(self._lock):
            self._check(key, path, if_match, if_absent)
            replace(file.name, path)
        self._maps.forget(path)
        if self._fsync:
            files.sync_directory(os.path.dirname(path))
        return status

    def _check(self, key: str, path: str, if_match: str | None, if_absent: bool) -> None:
        if if_absent and os.path.lexists(path) and not is_folder(path):
            raise PreconditionFailedError(
                f"{key!r} in {self.url} exists already; nothing was written"
            )
        if if_match is None:
            return
        try:
            version = self.head(key).version
        except ObjectNotFoundError:
            raise PreconditionFailedError(
                f"{key!r} in {self.url} does not exist, and was expected in version {if_match!r}; "
                "nothing was written"
            ) from None
        if version != if_match:
            raise PreconditionFailedError(
                f"{key!r} in {self.url} has version {version!r}, not {if_match!r}: another writer "
                "changed it; nothing was written"
            )

    def _delete(self, batch: Sequence[tuple[str, str]]) -> None:
        for _, path in batch:
            self._directories.refuse_links(path)
        directories: set[str] = set()
        try:
            with locked(self._lock):
                for _, path in batch:
                    if not is_folder(path):
                        with suppress(FileNotFoundError):  # another process was faster
                            os.unlink(path)
                            directories.add(os.path.dirname(path))
                    self._maps.forget(path)
                if self._fsync:
                    for directory in directories:
                        files.sync_directory(directory)
                for directory in sorted(directories, key=len, reverse=True):
                    self._directories.prune(directory)
        except FileNotFoundError:
            return  # the lock cannot be made: the root was removed meanwhile
        except OSError as error:
            first = batch[0][0]
            some = first if len(batch) == 1 else f"{first} and {len(batch) - 1} more"
            raise self._failure(error, "delete", some) from error

    def _failure(self, error: OSError, action: str, key: str) -> StorageError:
        """The error of the contract for one of the operating system."""
        return told(error, action, key, self.url)


class LocalStorage(StorePlugin, api=(1, 0)):
    """Opens directories: paths, ``~``, ``file://`` URLs."""

    def open(self, url: PathLike, *, creds: Mapping[str, Any] | str | None = None) -> LocalStore:
        """The store of a directory, which need not exist.

        Args:
            url: ``/data/ds``, ``ds``, ``~/ds``, ``file:///data/my%20ds``, or a ``pathlib.Path``.
            creds: Not needed, and not looked at.

        Raises:
            InvalidPathException: The path is a file, or on another machine.
        """
        store = LocalStore(local_path(os.fspath(url)))
        if os.path.lexists(store.url) and not os.path.isdir(store.url):
            raise InvalidPathException(
                f"{store.url} is not a directory, and a dataset is one: give the path of a "
                "directory, or of nothing yet"
            )
        return store


def _reopened(url: str, fsync: bool, maps: int) -> LocalStore:
    return LocalStore(url, fsync=fsync, maps=maps)


def _writable(path: str) -> bool:
    """Whether the directory, or the one that it will be made in, can be written to."""
    while not os.path.lexists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    effective = os.access in os.supports_effective_ids
    return os.access(path, os.W_OK | os.X_OK, effective_ids=effective)


def _check_range(byte_range: ByteRange, key: str) -> None:
    start, stop = byte_range
    if not 0 <= start <= stop:
        raise StorageError(
            f"cannot read bytes {start} to {stop} of {key!r}: a range has 0 <= start <= stop"
        )


def _version(status: os.stat_result, parts: Sequence[Buffer]) -> str:
    if status.st_size > _HASHED:
        return f"s{status.st_size:x}-{status.st_mtime_ns:x}-{status.st_ino:x}"
    digest = xxh3_128()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


__all__ = ["LocalStorage", "LocalStore"]
