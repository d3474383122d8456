"""Connections to web servers: only to addresses that were checked, and never without an end.

The address that was checked is the one that is connected to, so a name that has another address the
next time it is asked for (DNS rebinding) leads nowhere else.
"""

from __future__ import annotations

import io
import ipaddress
import os
import socket
import ssl
import threading
import time
from base64 import b64encode
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment
from urllib.request import proxy_bypass_environment as _bypassed  # type: ignore[attr-defined]

from deeplake.errors import LinkRefusedError, UnableToReadFromUrlError
from deeplake.links.policy import SPECIAL, Policy, level_of

IDLE = 30.0
"""Seconds that an unused connection is kept."""

MAX_IDLE = 16
"""Unused connections that are kept for one server."""


class Origin(NamedTuple):
    """A server, and how far its address may be from the open internet."""

    scheme: str
    host: str
    port: int
    level: int


class _Timed:
    """A socket whose reads and writes end at a deadline, however slowly the other side trickles."""

    def __init__(self, sock: socket.socket, read_timeout: float, deadline: float) -> None:
        self.sock = sock
        self.read_timeout = read_timeout
        self.deadline = deadline
        self._readers = 0
        self._closed = False

    def _arm(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took longer than is allowed")
        self.sock.settimeout(min(left, self.read_timeout))

    def sendall(self, data: Any) -> None:
        self._arm()
        self.sock.sendall(data)

    def recv_into(self, buffer: Any) -> int:
        self._arm()
        return self.sock.recv_into(buffer)

    def makefile(self, mode: str = "rb", buffering: int = -1) -> io.BufferedReader:
        self._readers += 1
        return io.BufferedReader(_Reader(self), 64 << 10)

    def reader_closed(self) -> None:
        self._readers -= 1
        if self._closed and not self._readers:
            self.sock.close()

    def close(self) -> None:
        # As a socket does: an answer that is still being read keeps it open.
        self._closed = True
        if not self._readers:
            self.sock.close()


class _Reader(io.RawIOBase):
    def __init__(self, timed: _Timed) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._timed.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._timed.reader_closed()


class Connection(HTTPConnection):
    """A connection to one server, directly or through the proxy that the environment names.

    Attributes:
        level: Of the address that it is connected to; None through a proxy.
        reused: It has answered a request before.
    """

    def __init__(self, origin: Origin, policy: Policy) -> None:
        super().__init__(origin.host, origin.port, timeout=policy.connect_timeout)
        self.origin = origin
        self.level: int | None = None
        self.reused = False
        self.proxied = False
        self.idle_since = 0.0
        self._policy = policy
        self._deadline = 0.0
        self._proxy_headers: dict[str, str] = {}

    def begin(self, policy: Policy) -> None:
        """Start the clock of a request."""
        self._policy = policy
        self._deadline = time.monotonic() + policy.total_timeout
        if isinstance(self.sock, _Timed):
            self.sock.read_timeout = policy.read_timeout
            self.sock.deadline = self._deadline

    def connect(self) -> None:
        """Connect to an address of the server that may be connected to."""
        origin = self.origin
        proxy = _proxy_of(origin)
        if proxy is None:
            raw = self._dial(origin.host, origin.port, origin.level)
        else:
            self.proxied = True
            if _is_address(origin.host) and level_of(origin.host) > origin.level:
                raise refused(origin.host, origin.host)
            raw = self._dial(proxy.hostname or "", proxy.port or 8080, SPECIAL)
            self.level = None
            if proxy.username:
                pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
                token = b64encode(pair.encode()).decode("ascii")
                self._proxy_headers = {"Proxy-Authorization": f"Basic {token}"}
        try:
            timeout = self._policy.read_timeout
            tunnels = self.proxied and origin.scheme == "https"
            if tunnels:
                self.set_tunnel(origin.host, origin.port, headers=self._proxy_headers)
            self.sock: Any = _Timed(raw, timeout, self._deadline)
            if origin.scheme == "https":
                if tunnels:
                    self._tunnel()  # type: ignore[attr-defined]
                raw.settimeout(self._policy.connect_timeout)
                tls = _tls_context().wrap_socket(raw, server_hostname=origin.host)
                self.sock = _Timed(tls, timeout, self._deadline)
        except BaseException:
            raw.close()
            self.sock = None
            raise

    def _dial(self, host: str, port: int, level: int) -> socket.socket:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        allowed = [entry for entry in found if level_of(str(entry[4][0])) <= level]
        if not allowed:
            raise refused(host, str(found[0][4][0]) if found else "none")
        failure: OSError | None = None
        for family, kind, protocol, _, address in allowed:
            sock = socket.socket(family, kind, protocol)
            try:
                left = max(self._deadline - time.monotonic(), 0.001)
                sock.settimeout(min(left, self._policy.connect_timeout))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                sock.close()
                failure = error
            else:
                self.level = level_of(str(address[0]))
                return sock
        assert failure is not None
        raise failure

    def target(self, path: str) -> str:
        """What the request line names: a proxy of plain HTTP wants the whole URL."""
        if self.proxied and self.origin.scheme == "http":
            return f"http://{_netloc(self.origin)}{path}"
        return path

    @property
    def extra_headers(self) -> dict[str, str]:
        """Headers for the proxy."""
        return self._proxy_headers if self.origin.scheme == "http" else {}


def refused(host: str, address: str) -> LinkRefusedError:
    """The error for an address that may not be connected to."""
    return LinkRefusedError(
        f"{host} has the address {address}, which is not connected to: "
        "deeplake.config['links']['addresses'] says which are, and a redirect leads to none that is "
        "less public than the one it comes from"
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _netloc(origin: Origin) -> str:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    default = 443 if origin.scheme == "https" else 80
    return host if origin.port == default else f"{host}:{origin.port}"


def _proxy_of(origin: Origin) -> Any:
    proxies: dict[str, str] = getproxies_environment()
    url = proxies.get(origin.scheme)
    if not url or _bypassed(f"{origin.host}:{origin.port}", proxies):
        return None
    proxy = urlsplit(url if "://" in url else f"http://{url}")
    if proxy.scheme != "http":
        raise UnableToReadFromUrlError(
            f"the environment names a proxy with {proxy.scheme}://, and only http:// proxies are "
            "spoken to; NO_PROXY names servers to speak to directly"
        )
    return proxy


# --------------------------------------------------------------------------- kept between requests
_lock = threading.Lock()
_idle: dict[Origin, list[Connection]] = {}
_pid = os.getpid()
_contexts: dict[tuple[str | None, str | None], ssl.SSLContext] = {}


def _tls_context() -> ssl.SSLContext:
    """TLS with certificates checked, as the system or ``SSL_CERT_FILE`` trusts them."""
    key = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    context = _contexts.get(key)
    if context is None:
        context = _contexts[key] = ssl.create_default_context()
    return context


def take(origin: Origin, policy: Policy) -> Connection:
    """A connection to a server, a used one if there is one."""
    global _pid
    with _lock:
        if _pid != os.getpid():
            # They are the parent's. Not closed here: that would say good-bye in its name.
            _forked.append(dict(_idle))
            _idle.clear()
            _pid = os.getpid()
        waiting = _idle.get(origin, [])
        while waiting:
            connection = waiting.pop()
            if time.monotonic() - connection.idle_since < IDLE:
                connection.begin(policy)
                return connection
            connection.close()
    connection = Connection(origin, policy)
    connection.begin(policy)
    return connection


_forked: list[Any] = []


def give_back(connection: Connection) -> None:
    """Keep a connection whose last answer was read to its end."""
    connection.reused = True
    connection.idle_since = time.monotonic()
    with _lock:
        waiting = _idle.setdefault(connection.origin, [])
        if len(waiting) < MAX_IDLE and _pid == os.getpid():
            waiting.append(connection)
            return
    connection.close()


def close_all() -> None:
    """Close the connections that nobody uses now."""
    with _lock:
        for waiting in _idle.values():
            for connection in waiting:
                connection.close()
        _idle.clear()


__all__ = ["Connection", "Origin", "close_all", "give_back", "refused", "take"]
