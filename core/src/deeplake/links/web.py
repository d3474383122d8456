"""Files on web servers."""

from __future__ import annotations

import email.utils
import re
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from deeplake.errors import (
    GetDataFromLinkError,
    LinkChangedError,
    LinkRefusedError,
    UnableToReadFromUrlError,
)
from deeplake.links.connection import Connection, Origin, give_back, take
from deeplake.links.policy import Policy
from deeplake.links.source import Source, Stat, shown

ATTEMPTS = 3
"""Times that a request is made before a failure of the network is one."""

PAUSE = 0.2
"""Seconds before the second attempt; twice as long before the third."""

_PIECE = 256 << 10
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_TEMPORARY = frozenset((429, 500, 502, 503, 504))
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_HEADERS = {"User-Agent": "deeplake-core", "Accept": "*/*", "Accept-Encoding": "identity"}


class WebSource(Source):
    """A file behind an ``http`` or ``https`` URL.

    Args:
        url: The URL; a user and password in it are sent to its server only.
        policy: What is allowed. It is asked again for every redirect.
        headers: Sent along, to the server of ``url`` only: a redirect to another one goes without.
    """

    def __init__(self, url: str, policy: Policy, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(url, policy)
        self._headers = {str(k): str(v) for k, v in (headers or {}).items()}
        self._stat: Stat | None = None
        self._whole: bytes | None = None

    # ---- the file
    def stat(self) -> Stat:
        if not self._known():
            # Not HEAD: signed URLs are good for GET only.
            self._ask((0, 1))
        assert self._stat is not None
        return self._stat

    def _known(self) -> bool:
        return self._stat is not None

    def read_all(self) -> bytes:
        if self._whole is None:
            self._whole = self._ask(None)
        data, self._whole = self._whole, None
        return data

    def read(self, start: int, stop: int) -> bytes:
        if stop <= start:
            return b""
        if self._whole is not None:
            return self._whole[start:stop]
        return self._ask((start, stop))

    # ---- requests
    def _ask(self, span: tuple[int, int] | None) -> bytes:
        """The file, or a range of it; a server without ranges is asked for the whole file once."""
        failure: Exception | None = None
        for attempt in range(ATTEMPTS):
            if failure is not None:
                time.sleep(PAUSE * 2 ** (attempt - 1))
            try:
                return self._try(span)
            except _Again as again:
                failure = again.error
            except (OSError, HTTPException) as error:
                if isinstance(error, GetDataFromLinkError):
                    raise
                failure = self._failed(error)
                failure.__cause__ = error
                if isinstance(error, (TimeoutError, ssl.SSLCertVerificationError)):
                    break
        assert failure is not None
        raise failure from failure.__cause__

    def _failed(self, error: Exception) -> UnableToReadFromUrlError:
        if isinstance(error, TimeoutError):
            policy = self.policy
            return UnableToReadFromUrlError(
                f"{self.name}: the server did not answer in time (connect_timeout "
                f"{policy.connect_timeout:g} s, read_timeout {policy.read_timeout:g} s, total_timeout "
                f"{policy.total_timeout:g} s of deeplake.config['links'])"
            )
        if isinstance(error, IncompleteRead):
            return UnableToReadFromUrlError(
                f"{self.name}: the answer ended early, after {len(error.partial):,} bytes"
            )
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return UnableToReadFromUrlError(f"{self.name}: cannot be read: {reason}")

    def _try(self, span: tuple[int, int] | None) -> bytes:
        headers = {**_HEADERS, **self._headers}
        if span is not None:
            headers["Range"] = f"bytes={span[0]}-{span[1] - 1}"
        with _answer(self.url, self.policy, headers, self._headers) as response:
            status = response.status
            if status == 416 and span is not None:
                self._note(response, _total(response))
                return b""
            if status not in (200, 206) or (status == 206 and span is None):
                self._refuse(response)
            encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
            if encoding not in ("", "identity"):
                raise UnableToReadFromUrlError(
                    f"{self.name}: the server sends the file compressed with {encoding}, which was "
                    "not asked for"
                )
            if status == 206:
                assert span is not None
                return self._part(response, span)
            self._note(response, response.length)
            if span is not None and span == (0, 1) and response.length is not None:
                # Only the headers were wanted.
                response.close()
                return b""
            data = self._body(response)
            if span is None:
                return data
            # The server knows no ranges.
            self._whole = data
            self._stat = replace(self.stat(), size=len(data))
            return data[span[0] : span[1]]

    def _part(self, response: HTTPResponse, span: tuple[int, int]) -> bytes:
        match = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if match is None or int(match[1]) != span[0] or int(match[2]) >= span[1]:
            raise UnableToReadFromUrlError(
                f"{self.name}: bytes {span[0]} to {span[1]} were asked for, and the server sends "
                f"{response.headers.get('Content-Range')!r}"
            )
        self._note(response, _total(response))
        return self._body(response, int(match[2]) + 1 - int(match[1]))

    def _body(self, response: HTTPResponse, expected: int | None = None) -> bytes:
        """What is left of an answer: so many bytes, or as many as may be read at once."""
        most = self.policy.max_bytes if expected is None else expected
        parts = []
        size = response.length or 0
        if size <= most:
            size = 0
            while part := response.read(min(_PIECE, most + 1 - size)):
                parts.append(part)
                size += len(part)
                if size > most:
                    break
        if size > most:
            response.close()
            self.policy.check_size(size, self.name)
            raise UnableToReadFromUrlError(f"{self.name}: the server sends more than it says")
        if response.length or (expected is not None and size < expected):
            raise IncompleteRead(b"".join(parts))
        return b"".join(parts)

    def _note(self, response: HTTPResponse, size: int | None) -> None:
        """Keep size and version; they have to be those of the answers before."""
        headers = response.headers
        version = headers.get("x-goog-generation", "") or headers.get("ETag", "").strip()
        if version.startswith("W/"):
            version = ""
        modified = None
        if text := headers.get("Last-Modified"):
            try:
                modified = email.utils.parsedate_to_datetime(text).timestamp()
            except (TypeError, ValueError, OverflowError):
                modified = None
        found = Stat(size, version, modified)
        before = self._stat
        if before is not None and (
            (before.version != version and before.version and version)
            or (None not in (before.size, size) and before.size != size)
        ):
            raise LinkChangedError(
                f"{self.name}: the file was replaced by another one while it was read; read it again"
            )
        self._stat = found

    def _refuse(self, response: HTTPResponse) -> None:
        status, reason = response.status, response.reason
        hint = {
            401: "; it wants credentials, for example creds={'Authorization': 'Bearer …'}",
            403: "; it refuses this file to whoever asks with these credentials, or none",
            404: ": there is no such file",
        }.get(status, "")
        error = UnableToReadFromUrlError(
            f"{self.name}: the server answered {status} {reason}".rstrip() + hint
        )
        error.status = status  # type: ignore[attr-defined]
        if status in _TEMPORARY:
            raise _Again(error)
        raise error


class _Again(Exception):
    """A failure that may have passed at the next attempt."""

    def __init__(self, error: UnableToReadFromUrlError) -> None:
        super().__init__(str(error))
        self.error = error


def _total(response: HTTPResponse) -> int | None:
    """Size of the whole file, from ``Content-Range``."""
    total = response.headers.get("Content-Range", "").rpartition("/")[2].strip()
    return int(total) if total.isdecimal() else None


# --------------------------------------------------------------------------- one request
@contextmanager
def _answer(
    url: str, policy: Policy, headers: Mapping[str, str], secret: Mapping[str, str]
) -> Iterator[HTTPResponse]:
    """The answer to a GET, after redirects; its connection is kept if it was read to its end."""
    level = policy.level
    first: tuple[str, str, int] | None = None
    current = dict(headers)
    for _ in range(policy.max_redirects + 1):
        origin, path, user = _target(url, level)
        if first is None:
            first = origin[:3]
            if user is not None and not any(key.lower() == "authorization" for key in current):
                current["Authorization"] = user
        connection, response = _get(origin, path, policy, current)
        if response.status not in _REDIRECTS:
            try:
                yield response
            finally:
                _done(connection, response)
            return
        location = response.headers.get("Location")
        where = shown(url)
        if connection.level is not None:
            level = min(level, connection.level)
        response.read(_PIECE)
        _done(connection, response)
        if not location:
            raise UnableToReadFromUrlError(f"{where}: a redirect to nowhere")
        url = urljoin(url, location)
        _check_redirect(policy, where, url, origin.scheme)
        if _target(url, level)[0][:3] != origin[:3]:
            # Whoever is there now was not given them.
            known = {key.lower() for key in secret}
            current = {
                key: value for key, value in current.items()
                if key.lower() not in known | {"authorization", "cookie"}
            }  # fmt: skip
    raise UnableToReadFromUrlError(
        f"{shown(url)}: more than {policy.max_redirects} redirects "
        "(deeplake.config['links']['max_redirects'])"
    )


def _check_redirect(policy: Policy, where: str, url: str, scheme: str) -> None:
    new = urlsplit(url).scheme.lower()
    if new not in ("http", "https"):
        raise LinkRefusedError(f"{where}: redirects to {shown(url)}, which is no web page")
    if scheme == "https" and new == "http":
        raise LinkRefusedError(
            f"{where}: redirects to {shown(url)}, which is not encrypted as the first address was"
        )
    policy.check_scheme(new, shown(url))


def _target(url: str, level: int) -> tuple[Origin, str, str | None]:
    """Server, path, and what a user in the URL says in ``Authorization``."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UnableToReadFromUrlError(f"{shown(url)}: is no URL: {error}") from error
    scheme = parts.scheme.lower()
    if not host:
        raise UnableToReadFromUrlError(f"{shown(url)}: is no URL: it names no server")
    try:
        host = host if ":" in host else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise UnableToReadFromUrlError(f"{shown(url)}: {host!r} is no name of a server") from error
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    if parts.query:
        path += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]{}|\"`^<>")
    user = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        user = "Basic " + b64encode(pair.encode()).decode("ascii")
    default = 443 if scheme == "https" else 80
    return Origin(scheme, host, port or default, level), path, user


def _get(
    origin: Origin, path: str, policy: Policy, headers: Mapping[str, str]
) -> tuple[Connection, HTTPResponse]:
    """Ask for a path; on a new connection if a kept one turns out to be closed."""
    while True:
        connection = take(origin, policy)
        reused = connection.reused
        try:
            if connection.sock is None:
                connection.connect()
            connection.request(
                "GET", connection.target(path), headers={**headers, **connection.extra_headers}
            )
            return connection, connection.getresponse()
        except TimeoutError:
            connection.close()
            raise
        except (OSError, HTTPException):
            connection.close()
            if not reused:
                raise
        except ValueError:
            connection.close()
            # Not chained: the error shows the values of headers.
            raise UnableToReadFromUrlError(
                f"{origin.host}: the headers of the request cannot be sent: creds for web servers "
                "are a dict of HTTP headers"
            ) from None


def _done(connection: Connection, response: Any) -> None:
    if response.isclosed() and not response.will_close:
        give_back(connection)
    else:
        response.close()
        connection.close()


__all__ = ["WebSource"]
