"""What a path says: where, by which scheme, and at which version. Nothing is looked up."""

from __future__ import annotations

import ntpath
import os
import re
import sys
from typing import Any, NamedTuple
from urllib.parse import unquote

from deeplake.errors import InvalidDatasetNameException, InvalidPathException

FILE = "file"
"""Scheme of paths that have none."""

# One letter is a Windows drive. "::" chains file systems of fsspec: the first one is the scheme.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+)(?:://|::.*://)")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")

# Schemes whose URLs may have "user@" (or "container@") before the host: there, the "@" of the host
# part is no version. Buckets, memory stores and hubs have no users: for them the first "@" counts.
_HOST = re.compile(
    r"(?:abfss?|ftps?|hdfs|https?|sftp|smb|ssh|wasbs?|webdavs?|webhdfs)://[^/?#]*", re.IGNORECASE
)

_LOCAL_NAME = re.compile(r"[A-Za-z0-9_ .\-]*")
_CLOUD_NAME = re.compile(r"[A-Za-z0-9_\-]*")


class Location(NamedTuple):
    """A path, taken apart.

    Attributes:
        url: The path without the address.
        scheme: Key of the storage plugin, lower case; ``file`` for plain paths.
        address: Branch, commit or tag after the ``@``, or None.
    """

    url: str
    scheme: str
    address: str | None


def split(path: Any) -> Location:
    r"""Take apart what a user passed as the path of a dataset.

    Everything after the first ``@`` is the address of a version, also in a plain path. In URLs that
    may name a user (``sftp://user@host/ds@v1``), an ``@`` before the first slash is the user's.

    Args:
        path: ``str`` or ``os.PathLike``; blanks around it are ignored.

    Raises:
        InvalidPathException: Not a path, empty, or nothing after the ``@``.

    Example:
        >>> split("s3://bucket/ds@main")
        Location(url='s3://bucket/ds', scheme='s3', address='main')
        >>> split("sftp://me@host/ds").address is None
        True
        >>> split(r"C:\data\ds").scheme
        'file'
    """
    given = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(given, str):
        raise InvalidPathException(
            f"{path!r} is not a path: give a str or a pathlib.Path, not {type(path).__name__}"
        )
    text = given.strip()
    hosts = [match.span() for match in _HOST.finditer(text)]
    at = next(
        (
            index
            for index, character in enumerate(text)
            if character == "@" and not any(start <= index < stop for start, stop in hosts)
        ),
        None,
    )
    url, address = (text, None) if at is None else (text[:at], text[at + 1 :])
    if not url:
        raise InvalidPathException(f"{given!r} names no dataset: give a path or a URL")
    if address == "":
        raise InvalidPathException(
            f"{given!r} ends with '@': name a branch, a commit or a tag after it, or leave it out"
        )
    return Location(url, scheme_of(url), address)


def scheme_of(url: str) -> str:
    r"""Scheme of a URL, lower case; ``file`` for everything that has none (``C:\ds``, ``a/b``)."""
    match = _SCHEME.match(url)
    return FILE if match is None else match[1].lower()


def name_of(url: str) -> str:
    """The name of a dataset: the last component of its path."""
    scheme = scheme_of(url)
    if scheme == FILE:
        path = url.partition("://")[2] if "://" in url else url
        return ntpath.basename(path.rstrip("\\/")) if _DRIVE.match(path) else _last(path)
    return _last(url.rpartition("://")[2])


def check_name(url: str) -> str:
    """The name of a dataset, if it is one that a dataset can have.

    Raises:
        InvalidDatasetNameException: It has other characters than letters, digits, ``_`` and ``-``,
            and for local paths blanks and dots.

    Example:
        >>> check_name("s3://bucket/train-2024")
        'train-2024'
    """
    name = name_of(url)
    local = scheme_of(url) == FILE
    if (_LOCAL_NAME if local else _CLOUD_NAME).fullmatch(name) is None:
        allowed = "letters, digits, '_', '-'" + (", '.' and blanks" if local else "")
        raise InvalidDatasetNameException(
            f"{name!r} (in {url!r}) cannot be the name of a dataset: a name has only {allowed}, "
            "all of ASCII"
        )
    return name


def local_path(url: str) -> str:
    """The path that a ``file://`` URL names; anything else as it is.

    Raises:
        InvalidPathException: It is a file of another machine.

    Example:
        >>> local_path("file:///data/my%20ds")
        '/data/my ds'
    """
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


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


__all__ = ["FILE", "Location", "check_name", "local_path", "name_of", "scheme_of", "split"]
