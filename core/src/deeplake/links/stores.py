"""Files in object stores, and on every other file system that somebody wrote for fsspec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from deeplake import config, plugins
from deeplake.errors import (
    CredentialsError,
    GetDataFromLinkError,
    LinkRefusedError,
    ModuleNotInstalledException,
    ObjectNotFoundError,
    StorageError,
)
from deeplake.links.policy import SPECIAL, Policy
from deeplake.links.source import Source, Stat, missing, shown, unreadable
from deeplake.plugins.catalog import CORE, EXTRAS
from deeplake.spi import Store
from deeplake.types import check_key

_ALIASES = {"gcp": "gs", "gcs": "gs", "azure": "az"}
"""Schemes that fsspec knows under another name."""

_S3_NAMES = {
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
    "aws_session_token": "token",
    "endpoint_url": "endpoint_url",
    "profile_name": "profile",
}
_NAMED_HOSTS = frozenset(
    (
        "dav",
        "ftp",
        "http",
        "https",
        "sftp",
        "smb",
        "ssh",
        "webdav",
        "webhdfs",
        "github",
        "jsonfiles",
    )
)
"""Schemes whose URLs name a server that fsspec would connect to, whatever its address is."""


class StoreSource(Source):
    """An object of a store that a storage plugin opened."""

    def __init__(self, url: str, policy: Policy, store: Store, key: str) -> None:
        super().__init__(url, policy)
        self._store = store
        self._key = check_key(key)
        self._stat: Stat | None = None

    def stat(self) -> Stat:
        if self._stat is None:
            with _translated(self.name):
                info = self._store.head(self._key)
            self._stat = Stat(info.size, info.version, info.modified)
        return self._stat

    def read_all(self) -> bytes:
        most = self.policy.max_bytes
        with _translated(self.name):
            # A range is cut at the end of the object: no request to find out its size.
            data = bytes(self._store.get(self._key, (0, most + 1)))
        self.policy.check_size(len(data), self.name)
        return data

    def read(self, start: int, stop: int) -> bytes:
        if stop <= start or start >= (self.stat().size or 0):
            return b""
        with _translated(self.name):
            return bytes(self._store.get(self._key, (start, stop)))


class FsspecSource(Source):
    """A file on a file system of fsspec."""

    def __init__(self, url: str, policy: Policy, system: Any, path: str) -> None:
        super().__init__(url, policy)
        self._system = system
        self._path = path
        self._stat: Stat | None = None

    def stat(self) -> Stat:
        if self._stat is None:
            with _translated(self.name):
                info = self._system.info(self._path)
            if info.get("type") == "directory":
                raise GetDataFromLinkError(f"{self.name}: is a directory")
            self._stat = Stat(info.get("size"), _version(info), _modified(info))
        return self._stat

    def read_all(self) -> bytes:
        size = self.stat().size
        if size is not None:
            self.policy.check_size(size, self.name)
        stop = self.policy.max_bytes + 1 if size is None else size
        data = self.read(0, stop)
        self.policy.check_size(len(data), self.name)
        return data

    def read(self, start: int, stop: int) -> bytes:
        size = self.stat().size
        stop = stop if size is None else min(stop, size)
        if stop <= start:
            return b""
        with _translated(self.name):
            return bytes(self._system.cat_file(self._path, start=start, end=stop))


def _version(info: Mapping[str, Any]) -> str:
    for key in ("generation", "ETag", "etag", "blob_id", "md5Hash"):
        value = info.get(key)
        if value:
            text = str(value)
            return "" if text.startswith("W/") else text
    return ""


def _modified(info: Mapping[str, Any]) -> float | None:
    for key in ("mtime", "LastModified", "last_modified", "updated", "modifiedTime"):
        value = info.get(key)
        if isinstance(value, (int, float)):
            return float(value)
        if isinstance(value, datetime):
            return value.timestamp()
    return None


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """What a store or a file system says, as an error of links."""
    try:
        yield
    except GetDataFromLinkError:
        raise
    except (ObjectNotFoundError, FileNotFoundError) as error:
        raise missing(name) from error
    except (CredentialsError, PermissionError) as error:
        raise GetDataFromLinkError(
            f"{name}: the store refuses it to these credentials, or to none: {error}"
        ) from error
    except (StorageError, OSError) as error:
        raise unreadable(name, error) from error
    except ImportError as error:
        raise ModuleNotInstalledException(f"{name}: {error}") from error
    except Exception as error:
        # File systems are anybody's, and so are their errors.
        raise GetDataFromLinkError(
            f"{name}: cannot be read: {type(error).__name__}: {error}"
        ) from error


# --------------------------------------------------------------------------- opening
def open_store(scheme: str, root: str, creds: Any) -> Store | None:
    """The store of a storage plugin for a scheme; None if there is no plugin for it."""
    if scheme not in plugins.names("storage"):
        return None
    return plugins.get("storage", scheme).open(root, creds=creds)


def open_system(scheme: str, url: str, creds: Any, policy: Policy) -> tuple[Any, str]:
    """The file system of fsspec for a URL, and the path on it.

    Raises:
        LinkRefusedError: It is not allowed.
        ModuleNotInstalledException: Its library is not installed.
        GetDataFromLinkError: There is no such file system.
    """
    from fsspec.core import url_to_fs

    unchecked = scheme in _NAMED_HOSTS and policy.level < SPECIAL
    if not policy.chained and ("::" in url or unchecked):
        raise LinkRefusedError(
            f"{shown(url)}: the addresses that this kind of URL leads to cannot be checked; "
            "deeplake.config['links']['addresses'] = 'any' allows it (and no setting file systems "
            "that are chained with '::')"
        )
    known = _ALIASES.get(scheme, scheme)
    target = url if known == scheme else known + url[len(scheme) :]
    try:
        system, path = url_to_fs(target, **options(known, creds))
    except ImportError as error:
        raise ModuleNotInstalledException(f"{shown(url)}: {_advice(scheme, error)}") from error
    except ValueError as error:
        raise GetDataFromLinkError(
            f"{shown(url)}: there is no storage plugin and no fsspec file system for "
            f"{scheme!r}: {error}"
        ) from error
    return system, path


def _advice(scheme: str, error: ImportError) -> str:
    """What to install."""
    extra = EXTRAS["storage"].get(scheme)
    library = {"s3": "s3fs", "gcs": "gcsfs"}.get(extra or "", "")
    if scheme in ("az", "azure", "abfs", "abfss"):
        return "install a library for it: pip install adlfs"
    if library:
        return f'install a library for it: pip install {library} (or pip install "{CORE}[{extra}]")'
    return f"install a library for it: {error}"


def options(scheme: str, creds: Any) -> dict[str, Any]:
    """Credentials as the file system of a scheme takes them.

    Args:
        scheme: As fsspec calls it.
        creds: As ``populate_creds`` and ``deeplake.read`` take them; None, ``"ENV"`` or empty: those
            of the environment.
    """
    if scheme in ("s3", "s3a"):
        return _s3_options({} if creds in (None, "ENV") else creds)
    if creds is None or creds == "ENV" or creds == {}:
        return {}
    if scheme == "gs":
        if isinstance(creds, str):
            return {"token": creds}
        if "gcs_oauth_token" in creds:
            project = {"project": creds["project"]} if "project" in creds else {}
            return {"token": creds["gcs_oauth_token"], **project}
        if "token" in creds or "endpoint_url" in creds:
            return dict(creds)
        return {"token": dict(creds)}
    if isinstance(creds, str):
        raise GetDataFromLinkError(
            f"credentials for {scheme}:// are a dict of the options of its file system, not a str"
        )
    if scheme == "az":
        return {key: creds[key] for key in creds}
    return dict(creds)


def _s3_options(creds: Any) -> dict[str, Any]:
    if isinstance(creds, str):
        raise GetDataFromLinkError("credentials for s3:// are a dict, or 'ENV'")
    settings: Any = config["s3"]
    found: dict[str, Any] = {"config_kwargs": dict(settings), "max_concurrency": 1}
    client: dict[str, Any] = {}
    for key, value in creds.items():
        if value is None:
            continue
        if key in _S3_NAMES:
            found[_S3_NAMES[key]] = value
        elif key in ("aws_region", "region", "region_name"):
            client["region_name"] = value
        elif key == "config":
            found["config_kwargs"].update(value if isinstance(value, Mapping) else {})
        else:
            found[key] = value
    if client:
        found["client_kwargs"] = {**found.get("client_kwargs", {}), **client}
    return found


__all__ = ["FsspecSource", "StoreSource", "open_store", "open_system", "options"]
