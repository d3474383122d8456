"""The directories of a store on disk: made so that power loss cannot take them away, walked, removed.

Everything raises plain ``OSError``, unless it says otherwise: the store knows the key, and says it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO

from deeplake.errors import StorageError
from deeplake.storage import files
from deeplake.storage.maps import Maps
from deeplake.types import ObjectInfo

OWN = ".deeplake-"
"""Beginning of the names that belong to the store: they are no keys, and are not listed."""

TEMPORARY = f"{OWN}tmp-"
"""Beginning of the names of files that are being written."""

LOCK = f"{OWN}lock"
TURN = f"{OWN}turn"

_ATTEMPTS = 100  # to make a directory that other processes keep removing


class Directories:
    """The directories from the root of a store down.

    Args:
        root: Absolute path of the root, which need not be there.
        fsync: Sync what is made.
        maps: Of its files: they make room where there are too many open files.
    """

    def __init__(self, root: str, fsync: bool, maps: Maps) -> None:
        self._root = root
        self._fsync = fsync
        self._maps = maps
        self._settled: set[str] = set()

    @contextmanager
    def temporary(self, directory: str) -> Iterator[FileIO]:
        """A new file in ``directory``, removed in the end if it still has its name."""
        attempts = _ATTEMPTS
        while True:
            name = os.path.join(directory, f"{TEMPORARY}{os.getpid():x}-{os.urandom(8).hex()}")
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
                if not self._maps.spare(error):
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
            while len(made[-1]) > len(self._root):
                made.append(os.path.dirname(made[-1]))
            for parent in dict.fromkeys(os.path.dirname(path) for path in (*made, *missing)):
                try:
                    files.sync_directory(parent)
                except PermissionError:
                    # Above the root, directories that may be entered but not read are common.
                    if len(parent) >= len(self._root):
                        raise
        self._settled.add(directory)

    def prune(self, directory: str) -> None:
        """Remove a directory that is empty, and those above it up to the root; under the lock."""
        while len(directory) > len(self._root):
            self._settled.discard(directory)
            try:
                os.rmdir(directory)
            except OSError:
                return  # not empty
            directory = os.path.dirname(directory)
        if os.path.islink(self._root) or self._root == os.getcwd():
            return
        with suppress(OSError), os.scandir(self._root) as entries:
            if all(entry.name in (LOCK, TURN) for entry in entries):
                self._settled.discard(self._root)
                with suppress(FileNotFoundError):
                    os.unlink(os.path.join(self._root, TURN))
                # Whoever waits for the lock finds its file gone, and starts again.
                os.unlink(os.path.join(self._root, LOCK))
                os.rmdir(self._root)

    def refuse_links(self, path: str) -> None:
        """Raise ``StorageError`` if a directory between the root and ``path`` is a symbolic link."""
        directory = os.path.dirname(path)
        while len(directory) > len(self._root):
            if os.path.islink(directory):
                raise StorageError(
                    f"{directory} is a symbolic link, and nothing is changed behind a link below "
                    f"the root of a store; make {self._root} itself the link, or mount what it names"
                )
            directory = os.path.dirname(directory)

    def sweep(self, latest: float, *, dry_run: bool) -> int:
        """Remove temporary files.

        Args:
            latest: Time after which a file must not have been written to.
            dry_run: Only count.

        Returns:
            Bytes that were freed, or would be.

        Raises:
            OSError: With the path as ``filename``.
        """
        freed = 0
        pending = [self._root]
        while pending:
            directory = pending.pop()
            try:
                with os.scandir(directory) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(entry.path)
                        elif entry.name.startswith(TEMPORARY):
                            with suppress(FileNotFoundError):  # its writer has just finished
                                status = entry.stat(follow_symlinks=False)
                                if status.st_mtime <= latest:
                                    if not dry_run:
                                        os.unlink(entry.path)
                                    freed += status.st_size
            except (FileNotFoundError, NotADirectoryError):
                continue  # removed meanwhile, or nothing was ever put
            except OSError as error:
                error.filename = error.filename or directory
                raise
        return freed


def walk(
    directory: str, prefix: str, start: str, above: tuple[tuple[int, int], ...] = ()
) -> Iterator[ObjectInfo]:
    """Objects below a directory, in byte order of their keys.

    Args:
        directory: Its path.
        prefix: What all of their keys begin with.
        start: What their names, or those of their directories, begin with after that.
        above: Device and inode of the directories that it is in.
    """
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
            yield from walk(entry.path, prefix + name, "", (*above, here))
            continue
        with suppress(FileNotFoundError):  # deleted meanwhile, or a link to nothing
            status = entry.stat()
            if stat.S_ISREG(status.st_mode):
                yield ObjectInfo(prefix + name, status.st_size, "", status.st_mtime)


def is_folder(path: str) -> bool:
    """Whether it is a directory, and no link to one."""
    return os.path.isdir(path) and not os.path.islink(path)


def replace(source: str, target: str) -> None:
    """Rename a file; an empty directory does not stand in the way.

    Raises:
        IsADirectoryError: A directory with objects in it does.
    """
    if is_folder(target):
        # What is left of a folder whose objects were deleted.
        try:
            os.rmdir(target)
        except OSError:
            raise IsADirectoryError(
                errno.EISDIR, "it is the folder of other objects", target
            ) from None
    os.replace(source, target)


def _is_component(name: str) -> bool:
    """Whether a file of this name is an object of the store, and not its own or somebody else's."""
    return name.isascii() and name.isprintable() and "\\" not in name and not name.startswith(OWN)


__all__ = [
    "LOCK",
    "OWN",
    "TEMPORARY",
    "TURN",
    "Directories",
    "is_folder",
    "replace",
    "walk",
]
