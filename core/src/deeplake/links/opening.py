"""From a path or URL, and credentials, to a file that can be read."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any, TypeAlias

from deeplake.errors import GetDataFromLinkError, InvalidPathException
from deeplake.links.file import RangeFile
from deeplake.links.local import LocalSource
from deeplake.links.policy import Policy
from deeplake.links.source import Source, shown
from deeplake.links.stores import FsspecSource, StoreSource, open_store, open_system
from deeplake.spi import Store
from deeplake.storage.url import FILE, scheme_of
from deeplake.types import PathLike, check_key

Creds: TypeAlias = Mapping[str, Any] | str | None
"""Credentials: a dict of what the store takes (of HTTP headers for web servers), the path of a file
with them, or ``"ENV"`` or None for what the environment has."""

CLOUD = frozenset(("s3", "gs", "gcs", "gcp", "az", "azure", "abfs", "abfss", "gdrive"))
"""Schemes that nothing can be read from without credentials, as a rule."""


class Opener:
    """Opens files, and keeps the stores that they are in. Any number of threads may use it.

    Args:
        policy: What is allowed.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._stores: dict[tuple[str, int], tuple[Any, Store | None]] = {}
        self._lock = threading.Lock()

    def open(self, url: str, creds: Creds = None) -> Source:
        """A file; nothing is asked for before it is used.

        Args:
            url: Path, or URL.
            creds: Credentials.

        Raises:
            LinkRefusedError: The policy does not allow it.
            ModuleNotInstalledException: Nothing that is installed can read such URLs.
            GetDataFromLinkError: It is no path.
        """
        if not url or "\0" in url:
            raise GetDataFromLinkError(f"{url!r} is no path of a file")
        policy = self.policy
        scheme = scheme_of(url)
        policy.check_scheme(scheme, shown(url))
        if scheme == FILE:
            return LocalSource(url, policy)
        if scheme in ("http", "https"):
            from deeplake.links.web import WebSource

            return WebSource(url, policy, _headers(creds))
        bucket, _, key = url.partition("://")[2].partition("/")
        if _is_key(key):
            store = self._store(scheme, f"{url.partition('://')[0]}://{bucket}", creds)
            if store is not None:
                return StoreSource(url, policy, store, key)
        return FsspecSource(url, policy, *open_system(scheme, url, creds, policy))

    def _store(self, scheme: str, root: str, creds: Creds) -> Store | None:
        with self._lock:
            # The credentials are kept too: their id is nobody else's then.
            kept = self._stores.get((root, id(creds)))
            if kept is None:
                kept = self._stores[root, id(creds)] = (creds, open_store(scheme, root, creds))
            return kept[1]


def _is_key(key: str) -> bool:
    try:
        check_key(key)
    except InvalidPathException:
        return False
    return True


def _headers(creds: Creds) -> Mapping[str, str]:
    if creds is None or creds == "ENV" or not creds:
        return {}
    if not isinstance(creds, Mapping):
        raise GetDataFromLinkError(
            "credentials for web servers are a dict of HTTP headers, for example "
            "{'Authorization': 'Bearer …'}"
        )
    return creds


def open_file(url: PathLike, creds: Creds = None, *, policy: Policy | None = None) -> RangeFile:
    """A file or URL as a seekable binary file, which reads the ranges that are asked for.

    Args:
        url: Path or URL.
        creds: Credentials.
        policy: What is allowed; None: what users may read.

    Raises:
        GetDataFromLinkError: There is no such file, or it cannot be read.
    """
    return RangeFile(Opener(policy or Policy.for_reads()).open(os.fspath(url), creds))


def read_bytes(url: str, creds: Creds = None, *, policy: Policy | None = None) -> bytes:
    """The content of a file or URL.

    Raises:
        GetDataFromLinkError: There is no such file, it is too large, or it cannot be read.
    """
    source = Opener(policy or Policy.for_reads()).open(url, creds)
    try:
        return source.read_all()
    finally:
        source.close()


__all__ = ["CLOUD", "Creds", "Opener", "open_file", "read_bytes"]
