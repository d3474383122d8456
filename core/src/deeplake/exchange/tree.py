"""The files below a folder, on this machine or behind a URL."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from deeplake.dataset.sample import Creds, Sample
from deeplake.errors import (
    DeepLakeError,
    IngestionError,
    InvalidPathException,
    ObjectNotFoundError,
    SamePathException,
)
from deeplake.links import read_bytes
from deeplake.spi import Store
from deeplake.storage import url as urls
from deeplake.storage.opening import open_store
from deeplake.types import Buffer, PathLike, check_key

IN_FLIGHT = 16
"""Files of a store that are read at once."""


class Tree:
    """A folder. What begins with a dot is none of its files.

    Args:
        root: Path or URL of the folder.
        creds: Credentials of its store.

    Raises:
        InvalidPathException: It is no path, or no folder of this machine.
        PluginNotFoundError: Nothing knows such URLs.
    """

    def __init__(self, root: PathLike, creds: Creds = None) -> None:
        self.root = text_of(root)
        scheme = urls.scheme_of(self.root)
        self._store: Store | None = None
        self._creds = creds
        self._prefix = ""
        if scheme == urls.FILE:
            self.root = os.path.expanduser(urls.local_path(self.root))
            if not os.path.isdir(self.root):
                raise InvalidPathException(f"{self.root} is no folder")
        else:
            self.root = self.root.rstrip("/")
            self._store = open_store(self.root, scheme, creds)

    @cached_property
    def names(self) -> Sequence[str]:
        """Paths of the files from the folder, with slashes, sorted."""
        if self._store is None:
            return sorted(_walk(self.root))
        keys = (found.key for found in self._store.list(self._prefix))
        names = (key[len(self._prefix) :] for key in keys)
        return sorted(name for name in names if not _hidden(name))

    def below(self, name: str) -> Tree:
        """A folder in this one."""
        tree = object.__new__(Tree)
        tree.root = self.path(name)
        tree._store = self._store
        tree._creds = self._creds
        tree._prefix = f"{self._prefix}{name}/"
        start = f"{name}/"
        tree.names = [file[len(start) :] for file in self.names if file.startswith(start)]
        return tree

    def path(self, name: str) -> str:
        """Path or URL of a file."""
        return os.path.join(self.root, name) if self._store is None else f"{self.root}/{name}"

    def sample(self, name: str) -> Sample:
        """A file as a sample, which is read when it is used."""
        path = self.path(name)
        return Sample(path) if self._store is None else Sample(path, storage=self)

    def read(self, name: str) -> Buffer:
        """The content of a file.

        Raises:
            IngestionError: It cannot be read.
        """
        try:
            if self._store is None:
                return Path(self.root, name).read_bytes()
            return self[self.path(name)]
        except (OSError, ObjectNotFoundError) as error:
            if isinstance(error, DeepLakeError) and not isinstance(error, ObjectNotFoundError):
                raise
            raise IngestionError(f"{self.path(name)} cannot be read: {error}") from error

    def text(self, name: str) -> str:
        """The content of a file of text in UTF-8.

        Raises:
            IngestionError: It cannot be read, or is no such text.
        """
        return decoded(self.read(name), self.path(name))

    def texts(self, names: Sequence[str]) -> list[str]:
        """The contents of several files of text (see ``text``), read at once if they are far."""
        if self._store is None or len(names) < 2:
            return [self.text(name) for name in names]
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            return list(pool.map(self.text, names))

    def __getitem__(self, path: str) -> Buffer:
        """What is at one of the URLs that ``path`` gave: samples ask for it."""
        assert self._store is not None
        key = self._prefix + path[len(self.root) + 1 :]
        try:
            check_key(key)
        except InvalidPathException:
            # Names of objects of datasets are plain; others' files are called as they like.
            return read_bytes(path, self._creds)
        return self._store.get(key)

    def __str__(self) -> str:
        return self.root


def decoded(content: Buffer, path: str) -> str:
    """Text in UTF-8.

    Raises:
        IngestionError: It is none.
    """
    try:
        return str(content, "utf-8-sig")
    except UnicodeDecodeError as error:
        raise IngestionError(f"{path} is no text in UTF-8: {error}") from error


def read_file(path: PathLike, creds: Creds = None) -> Buffer:
    """The content of one file, wherever it is.

    Raises:
        IngestionError: It cannot be read.
    """
    try:
        return Sample(text_of(path), creds=creds).buffer
    except (DeepLakeError, OSError) as error:
        raise IngestionError(f"{path} cannot be read: {error}") from error


def text_of(path: PathLike) -> str:
    """A path as text.

    Raises:
        InvalidPathException: It is none.
    """
    text: object = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str) or not text.strip():
        raise InvalidPathException(f"{path!r} is not the path of a folder or file")
    return text.strip()


def refuse_same(src: PathLike, dest: PathLike) -> None:
    """Raise ``SamePathException`` if a dataset would be made where its source is."""
    if _place(text_of(src)) == _place(text_of(dest)):
        raise SamePathException(f"{src} is the source, and cannot be the place of the dataset, too")


def _place(path: str) -> str:
    if urls.scheme_of(path) != urls.FILE:
        return path.rstrip("/")
    return os.path.realpath(os.path.expanduser(urls.local_path(path)))


def _walk(root: str) -> list[str]:
    """Files below a folder of this machine. Links to folders are followed, but in no circle."""
    found: list[str] = []

    def fail(error: OSError) -> None:
        raise InvalidPathException(f"{error.filename} cannot be listed: {error.strerror}")

    above: dict[str, frozenset[tuple[int, int]]] = {}
    for folder, folders, files in os.walk(root, followlinks=True, onerror=fail):
        place = os.stat(folder)
        over = above.get(os.path.dirname(folder), frozenset())
        here = (place.st_dev, place.st_ino)
        if here in over:
            folders.clear()
            continue
        above[folder] = over | {here}
        folders[:] = [name for name in folders if name[0] != "."]
        start = "" if folder == root else os.path.relpath(folder, root).replace(os.sep, "/") + "/"
        found += [start + name for name in files if name[0] != "."]
    return found


def _hidden(name: str) -> bool:
    return name[:1] == "." or "/." in name


__all__ = ["Tree", "decoded", "read_file", "refuse_same", "text_of"]
