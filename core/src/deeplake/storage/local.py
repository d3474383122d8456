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
import re
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from itertools import islice
from typing import Any
from urllib.parse import unquote

from xxhash import xxh3_128

from deeplake.errors import (
    CredentialsError,
    InvalidPathException,
    ObjectNotFoundError,
    PreconditionFailedError,
    StorageError,
)
from deeplake.spi import Store, StorePlugin
from deeplake.storage import files
from deeplake.storage.lock import locked
from deeplake.storage.maps import Maps
from deeplake.types import (
    Buffer,
    ByteRange,
    Data,
    ObjectInfo,
    PathLike,
    StoreCapabilities,
    check_key,
)

_OWN = ".deeplake-"
_TEMPORARY = f"{_OWN}tmp-"
_LOCK = f"{_OWN}lock"
_TURN = f"{_OWN}turn"

_HASHED = 1 << 20  # bytes; reading this much costs less than a sync
_DELETED = 256  # keys deleted under one lock: about a millisecond
_ATTEMPTS = 100  # to make a directory that other processes keep removing

_ADVICE = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space: a quota is used up",
    errno.EFBIG: "raise the limit on the size of a file",
    errno.EACCES: "change the permissions, or open the dataset with read_only=True",
    errno.EPERM: "change the permissions, or open the dataset with read_only=True",
    errno.EROFS: "mount the file system for writing, or open the dataset with read_only=True",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENOLCK: "the file system cannot lock files: keep the dataset on one that can",
    errno.ENOTSUP: "the file system cannot do this: keep the dataset on one that can",
    errno.ENAMETOOLONG: "keep the dataset under a shorter path",
    errno.EIO: "check the disk",
}


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
        self._lock = self._prefix + _LOCK
        self._fsync = os.environ.get("DEEPLAKE_FSYNC", "1") != "0" if fsync is None else fsync
        self._maps = Maps(maps)
        self._settled: set[str] = set()
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
                stack.enter_context(locked(self._prefix + _TURN))
            except OSError as error:
                raise self._failure(error, "lock", _TURN) from error
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
                if not self._spare(error):
                    raise
                return self._maps.view(path)
        except OSError as error:
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
            yield from self._walk(self._prefix + folder, folder + slash, start)
        except OSError as error:
            raise self._failure(error, "list", prefix) from error

    # ----------------------------------------------------------------- writing
    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        path = self._path(key)
        parts = files.parts_of(data)
        self._refuse_links(path)
        try:
            # Asked without the lock first: a race that is lost already costs no writing.
            self._check(key, path, if_match, if_absent)
            with self._temporary(os.path.dirname(path)) as file:
                files.write(file.fileno(), parts)
                status = os.fstat(file.fileno())
                if status.st_size > _HASHED:
                    now = time.time_ns()
                    os.utime(
                        file.fileno() if os.utime in os.supports_fd else file.name, ns=(now, now)
                    )
                    status = os.fstat(file.fileno())
                if self._fsync:
                    files.sync(file.fileno())
                file.close()  # Windows renames no open file
                with locked(self._lock):
                    self._check(key, path, if_match, if_absent)
                    self._replace(file.name, path)
            self._maps.forget(path)
            if self._fsync:
                files.sync_directory(os.path.dirname(path))
        except StorageError:
            raise
        except OSError as error:
            raise self._failure(error, "write", key) from error
        return _version(status, parts)

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
        latest = time.time() - older_than
        freed = 0
        pending = [self.url]
        while pending:
            directory = pending.pop()
            try:
                with os.scandir(directory) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(entry.path)
                        elif entry.name.startswith(_TEMPORARY):
                            with suppress(FileNotFoundError):  # its writer has just finished
                                status = entry.stat(follow_symlinks=False)
                                if status.st_mtime <= latest:
                                    if not dry_run:
                                        os.unlink(entry.path)
                                    freed += status.st_size
            except (FileNotFoundError, NotADirectoryError):
                continue  # removed meanwhile, or nothing was ever put
            except OSError as error:
                raise self._failure(error, "sweep", os.path.relpath(directory, self.url)) from error
        return freed

    def close(self) -> None:
        """Forget the mapped objects; views that are in use stay valid."""
        self._maps.clear()

    # ----------------------------------------------------------------- inside: reading
    def _path(self, key: str) -> str:
        if _OWN in key and f"/{_OWN}" in f"/{key}":
            raise InvalidPathException(
                f"{key!r} cannot be the key of an object in {self.url}: names that start with "
                f"{_OWN!r} belong to the store"
            )
        return self._prefix + check_key(key)

    def _spare(self, error: OSError) -> bool:
        """Whether the error was for want of open files, and some were closed."""
        spared = error.errno == errno.EMFILE and len(self._maps) > 0
        if spared:
            self._maps.clear()
        return spared

    def _open(self, path: str) -> int:
        try:
            return files.open_to_read(path)
        except OSError as error:
            if not self._spare(error):
                raise
            return files.open_to_read(path)

    def _walk(
        self, directory: str, prefix: str, start: str, above: tuple[tuple[int, int], ...] = ()
    ) -> Iterator[ObjectInfo]:
        """Objects below a directory, all of ``prefix``, whose names begin with ``start``."""
        try:
            status = os.stat(directory)
            here = status.st_dev, status.st_ino
            if here in above:
                return  # a link to a directory that this one is in: it would never end
            with os.scandir(directory) as entries:
                found = [
                    # The keys in a folder all have the slash, so the folder sorts as if it had it.
                    (entry.name + "/" if entry.is_dir() else entry.name, entry)
                    for entry in entries
                    if entry.name.startswith(start) and _is_component(entry.name)
                ]
        except (FileNotFoundError, NotADirectoryError):
            return
        found.sort(key=lambda item: item[0])
        for name, entry in found:
            if name.endswith("/"):
                yield from self._walk(entry.path, prefix + name, "", (*above, here))
                continue
            with suppress(FileNotFoundError):  # deleted meanwhile, or a link to nothing
                status = entry.stat()
                if stat.S_ISREG(status.st_mode):
                    yield ObjectInfo(prefix + name, status.st_size, "", status.st_mtime)

    # ----------------------------------------------------------------- inside: writing
    def _check(self, key: str, path: str, if_match: str | None, if_absent: bool) -> None:
        if if_absent and os.path.lexists(path) and not _is_folder(path):
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

    @contextmanager
    def _temporary(self, directory: str) -> Iterator[FileIO]:
        """A new file in ``directory``, removed in the end if it still has its name."""
        attempts = _ATTEMPTS
        while True:
            name = os.path.join(directory, f"{_TEMPORARY}{os.getpid():x}-{os.urandom(8).hex()}")
            try:
                self._settle(directory)
                file = FileIO(name, "xb")
                break
            except FileNotFoundError:
                # Another process deleted the last object there, and the directory with it.
                self._settled.discard(directory)
                attempts -= 1
                if not attempts:
                    raise
            except OSError as error:
                if not self._spare(error):
                    raise
        try:
            yield file
        finally:
            file.close()
            with suppress(OSError):  # renamed; or the disk is beyond writing, and sweep's business
                os.unlink(name)

    def _settle(self, directory: str) -> None:
        """Make a directory if there is none, and see that power loss cannot take it away."""
        if directory in self._settled:
            return
        missing: list[str] = []
        path = directory
        while not os.path.isdir(path) and os.path.dirname(path) != path:
            missing.append(path)
            path = os.path.dirname(path)
        for path in reversed(missing):
            try:
                os.mkdir(path)
            except FileExistsError:
                # Another process was faster; unless it is a file, or a link to nothing.
                if stat.S_ISDIR(os.lstat(path).st_mode) or os.path.isdir(path):
                    continue
                raise
        if self._fsync:
            # Also of those that another process made: it may not have come to syncing them yet.
            made = [directory]
            while len(made[-1]) > len(self.url):
                made.append(os.path.dirname(made[-1]))
            for parent in dict.fromkeys(os.path.dirname(path) for path in (*made, *missing)):
                try:
                    files.sync_directory(parent)
                except PermissionError:
                    # Above the root, directories that may be entered but not read are common.
                    if len(parent) >= len(self.url):
                        raise
        self._settled.add(directory)

    def _replace(self, source: str, target: str) -> None:
        if _is_folder(target):
            # What is left of a folder whose objects were deleted does not stand in the way.
            try:
                os.rmdir(target)
            except OSError:
                raise IsADirectoryError(
                    errno.EISDIR, "it is the folder of other objects", target
                ) from None
        os.replace(source, target)

    def _delete(self, batch: Sequence[tuple[str, str]]) -> None:
        for _, path in batch:
            self._refuse_links(path)
        directories: set[str] = set()
        try:
            with locked(self._lock):
                for _, path in batch:
                    if not _is_folder(path):
                        with suppress(FileNotFoundError):  # another process was faster
                            os.unlink(path)
                            directories.add(os.path.dirname(path))
                    self._maps.forget(path)
                if self._fsync:
                    for directory in directories:
                        files.sync_directory(directory)
                for directory in sorted(directories, key=len, reverse=True):
                    self._prune(directory)
        except FileNotFoundError:
            return  # the lock cannot be made: the root was removed meanwhile
        except OSError as error:
            first = batch[0][0]
            some = first if len(batch) == 1 else f"{first} and {len(batch) - 1} more"
            raise self._failure(error, "delete", some) from error

    def _prune(self, directory: str) -> None:
        """Remove a directory that is empty, and those above it up to the root; under the lock."""
        while len(directory) > len(self.url):
            self._settled.discard(directory)
            try:
                os.rmdir(directory)
            except OSError:
                return  # not empty
            directory = os.path.dirname(directory)
        if os.path.islink(self.url) or self.url == os.getcwd():
            return
        with suppress(OSError), os.scandir(self.url) as entries:
            if all(entry.name in (_LOCK, _TURN) for entry in entries):
                self._settled.discard(self.url)
                with suppress(FileNotFoundError):
                    os.unlink(self._prefix + _TURN)
                # Whoever waits for the lock finds its file gone, and starts again.
                os.unlink(self._lock)
                os.rmdir(self.url)

    def _refuse_links(self, path: str) -> None:
        directory = os.path.dirname(path)
        while len(directory) > len(self.url):
            if os.path.islink(directory):
                raise StorageError(
                    f"{directory} is a symbolic link, and nothing is changed behind a link below "
                    f"the root of a store; make {self.url} itself the link, or mount what it names"
                )
            directory = os.path.dirname(directory)

    def _failure(self, error: OSError, action: str, key: str) -> StorageError:
        """The error of the contract for one of the operating system."""
        failure: StorageError
        absent = isinstance(error, (FileNotFoundError, NotADirectoryError, IsADirectoryError))
        if absent and action in ("read", "map"):
            failure = ObjectNotFoundError(f"{self.url} has no object {key!r}")
        else:
            code = errno.errorcode.get(error.errno or 0, "unknown")
            advice = _ADVICE.get(error.errno or 0)
            message = f"cannot {action} {key!r} in {self.url}: {error.strerror or error} ({code})"
            if advice is not None:
                message += f"; {advice}"
            kind = CredentialsError if isinstance(error, PermissionError) else StorageError
            failure = kind(message)
        failure.errno = error.errno
        return failure


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
        store = LocalStore(_path_of(os.fspath(url)))
        if os.path.lexists(store.url) and not os.path.isdir(store.url):
            raise InvalidPathException(
                f"{store.url} is not a directory, and a dataset is one: give the path of a "
                "directory, or of nothing yet"
            )
        return store


def _path_of(url: str) -> str:
    match = re.match(r"file://([^/]*)(.*)", url, re.IGNORECASE | re.DOTALL)
    if match is None:
        return url
    host, path = match[1], unquote(match[2])
    if host in ("~", ".", ".."):
        return host + path  # a host by the letter; but nobody means that
    if host.lower() not in ("", "localhost"):
        raise InvalidPathException(
            f"{url!r} is a file of the machine {host!r}; only paths of this machine can be opened: "
            f"'file:///{host}{path}' has one more slash"
        )
    if sys.platform == "win32" and re.match(r"/[A-Za-z]:", path):
        return path[1:]
    return path


def _reopened(url: str, fsync: bool, maps: int) -> LocalStore:
    return LocalStore(url, fsync=fsync, maps=maps)


def _writable(path: str) -> bool:
    """Whether the directory, or the one that it will be made in, can be written to."""
    while not os.path.lexists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    effective = os.access in os.supports_effective_ids
    return os.access(path, os.W_OK | os.X_OK, effective_ids=effective)


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _is_component(name: str) -> bool:
    """Whether a file of this name is an object of the store, and not its own or somebody else's."""
    return name.isascii() and name.isprintable() and "\\" not in name and not name.startswith(_OWN)


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
