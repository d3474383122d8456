"""What is known of fsspec's protocols: what they can do, how long they wait, and what to install."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from deeplake.errors import InvalidPathException, ModuleNotInstalledException
from deeplake.storage.url import scheme_of

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

WEB = ("http", "https")
"""Protocols in whose paths some characters stand for others, and whose headers are credentials."""

UNLISTED = (*WEB, "data")
"""Protocols without a listing that could be relied on."""

ALIASES = {"azure": "az"}
"""Schemes that users write -> what fsspec calls them."""

CONNECT_SECONDS = 2.0
"""Seconds for a connection to a web server; with all tries, it is said within ten that there is none."""
ANSWER_SECONDS = 7.0
"""Seconds for the first answer of a server; a silent one is called so within ten."""
READ_SECONDS = 60.0
"""Seconds between two parts of an answer."""

_INSTALL = {
    **dict.fromkeys(("az", "abfs", "abfss", "azure"), '"deeplake-core[azure]"'),
    **dict.fromkeys(WEB, '"deeplake-core[http]"'),
    "hf": "huggingface_hub",
    "gdrive": "gdrive-fsspec",
    **dict.fromkeys(("sftp", "ssh"), "paramiko"),
}
"""Scheme -> what pip installs for it. fsspec's own hints are not always names of packages."""


def opened(url: str, options: Mapping[str, Any], answer_timeout: float) -> tuple[Any, str]:
    """The file system of a URL, and the folder on it.

    Args:
        url: The URL, which may chain file systems.
        options: Of the file system; those that say how long it waits stay as they are.
        answer_timeout: Seconds for the first answer of its server.

    Raises:
        ModuleNotInstalledException: The library of the protocol is missing.
        InvalidPathException: The file system does not take the URL, or the options.
    """
    from fsspec.core import url_to_fs

    scheme = scheme_of(url)
    known = ALIASES.get(scheme, scheme)
    try:
        system, root = url_to_fs(
            known + url[len(scheme) :],
            skip_instance_cache=True,
            **_with_timeouts(url, options, answer_timeout),
        )
    except ImportError as error:
        package = _INSTALL.get(scheme)
        hint = f"pip install {package}" if package else str(error)
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
    _wait_for(system, answer_timeout)
    _ask_once(system)
    return system, root


def answered(system: Any) -> None:
    """Let a server that has answered take its time."""
    _wait_for(system, READ_SECONDS)


def _wait_for(system: Any, seconds: float) -> None:
    channel = getattr(getattr(system, "ftp", None), "get_channel", None)
    if channel is not None:
        # Of paramiko: else whoever reads from a connection that died without a word waits for ever.
        channel().settimeout(seconds)


def _ask_once(system: Any) -> None:
    """Leave it to the kernel to try again where nothing came."""
    config = getattr(getattr(system, "service_client", None), "_config", None)
    policy: Any = getattr(config, "retry_policy", None)
    if hasattr(policy, "read_retries"):
        # Of Azure: else four tries of a minute, with pauses of up to half a minute, would pass before
        # anybody hears of it. Servers that ask for patience get it.
        policy.connect_retries = policy.read_retries = 0


def abandon(system: Any) -> None:
    """Close the connection of a file system that has one, and lost it."""
    connection = getattr(system, "client", None) or getattr(system, "ftp", None)
    close = getattr(connection, "close", None)
    if close is not None:
        with suppress(Exception):  # it is lost: whatever it says is no news
            close()


def _with_timeouts(url: str, options: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Options of a client that does not wait for ever."""
    scheme = scheme_of(url)
    if scheme in WEB:
        return _web(options, READ_SECONDS)
    if scheme in ("sftp", "ssh"):
        # paramiko reports on its threads' errors where nobody else does, besides raising them.
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        phases = ("timeout", "banner_timeout", "auth_timeout", "channel_timeout")
        return {**dict.fromkeys(phases, seconds), **options}
    if scheme == "ftp":
        return {"timeout": seconds, **options}
    # What is read of a chain when it is opened is small.
    links = {scheme_of(link) for link in url.split("::")} & {*WEB}
    return {**options, **{link: _web(options.get(link, {}), seconds) for link in links}}


def _web(options: Mapping[str, Any], read_seconds: float) -> dict[str, Any]:
    import aiohttp

    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=CONNECT_SECONDS, sock_read=read_seconds
    )
    return {**options, "client_kwargs": {"timeout": timeout, **options.get("client_kwargs", {})}}


__all__ = ["ANSWER_SECONDS", "READ_ONLY", "UNLISTED", "WEB", "abandon", "answered", "opened"]
