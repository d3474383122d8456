"""A web server on the loopback interface that does whatever a test tells it to."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

import deeplake
from deeplake.links import connection


@dataclass
class Page:
    """What the server answers for a path.

    Attributes:
        status: Status of the answer, or those of one request after the other; the last one stays.
        location: Where a redirect leads.
        ranges: Ranges are answered with ranges.
        length: ``Content-Length`` is sent; else the connection ends with the answer.
        truncate: Bytes after which the connection is cut, for the first ``faults`` requests.
        stall: Seconds that it says nothing before the body.
        trickle: Seconds between two bytes of the body.
        authorization: What ``Authorization`` has to be.
    """

    body: bytes = b""
    status: int | list[int] = 200
    location: str = ""
    ranges: bool = True
    etag: str | None = None
    length: bool = True
    truncate: int | None = None
    faults: int = 1 << 30
    stall: float = 0.0
    trickle: float = 0.0
    authorization: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """A request that came in."""

    path: str
    headers: dict[str, str]

    @property
    def range(self) -> str | None:
        return self.headers.get("range")


class WebServer:
    """A server of pages.

    Attributes:
        url: Where it is.
        pages: Answers by path; a query belongs to the path if there is such a page.
        asked: Requests, in the order they came.
        connections: Connections that were made.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[Asked] = []
        self.connections = 0
        self.released = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                outer.connections += 1
                super().setup()

            def do_GET(self) -> None:
                outer._answer(self)

            def do_CONNECT(self) -> None:
                outer._tunnel(self)

            def log_message(self, *args: Any) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def get_request(self) -> tuple[Any, Any]:
                sock, address = super().get_request()
                if tls is not None:
                    sock = tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
                return sock, address

            def handle_error(self, request: Any, address: Any) -> None:
                return  # clients that go away are what the tests are about

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"{'http' if tls is None else 'https'}://localhost:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    def put(self, path: str, body: bytes = b"", **page: Any) -> str:
        """Serve a page; returns its URL."""
        self.pages[path] = Page(body, **page)
        return self.url + path

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def count(self, path: str) -> int:
        return sum(asked.path == path for asked in self.asked)

    def _tunnel(self, handler: Any) -> None:
        self.asked.append(Asked(f"CONNECT {handler.path}", _lower(handler.headers)))
        host, _, port = handler.path.rpartition(":")
        with socket.create_connection((host, int(port))) as other:
            handler.send_response(200)
            handler.end_headers()
            back = threading.Thread(target=_pump, args=(other, handler.connection), daemon=True)
            back.start()
            _pump(handler.connection, other)
            back.join()
        handler.close_connection = True

    def _answer(self, handler: Any) -> None:
        path = handler.path
        self.asked.append(Asked(path, _lower(handler.headers)))
        known = (path, unquote(path), path.partition("?")[0])
        page = next((self.pages[name] for name in known if name in self.pages), None)
        if page is None:
            page = Page(b"no such page", 404)
        status = page.status
        if isinstance(status, list):
            status = status.pop(0) if len(status) > 1 else status[0]
        authorization = handler.headers.get("Authorization")
        if page.authorization is not None and authorization != page.authorization:
            status = 401 if authorization is None else 403
        body = page.body if status == 200 or page.status != 200 else b"no"
        total = len(body)
        handler.close_connection = not page.length
        wanted = handler.headers.get("Range")
        extra: dict[str, str] = {}
        if wanted and page.ranges and status == 200:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            if int(first) >= total:
                status, body = 416, b""
                extra["Content-Range"] = f"bytes */{total}"
            else:
                stop = min(int(last) + 1, total)
                extra["Content-Range"] = f"bytes {first}-{stop - 1}/{total}"
                status, body = 206, body[int(first) : stop]
        handler.send_response(status)
        if page.length:
            handler.send_header("Content-Length", str(len(body)))
        else:
            handler.send_header("Connection", "close")
        if page.location:
            handler.send_header("Location", page.location)
        etag = page.etag if page.etag is not None else hashlib.md5(page.body).hexdigest()
        if etag and status in (200, 206):
            handler.send_header("ETag", etag if etag.startswith("W/") else f'"{etag}"')
            handler.send_header("Last-Modified", formatdate(1e9, usegmt=True))
        for key, value in {**extra, **page.headers}.items():
            handler.send_header(key, value)
        handler.end_headers()
        if page.stall:
            self.released.wait(page.stall)
        if page.trickle:
            for at in range(len(body)):
                if self.released.wait(page.trickle):
                    return
                handler.wfile.write(body[at : at + 1])
                handler.wfile.flush()
            return
        if page.truncate is not None and page.faults > 0:
            page.faults -= 1
            handler.wfile.write(body[: page.truncate])
            handler.wfile.flush()
            # Gone without a good-bye.
            handler.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            handler.close_connection = True
            return
        handler.wfile.write(body)


def _lower(headers: Any) -> dict[str, str]:
    return {key.lower(): value for key, value in headers.items()}


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    connection.close_all()
    server.close()


@pytest.fixture
def web2() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    connection.close_all()
    server.close()


@pytest.fixture
def settings() -> Iterator[Any]:
    yield deeplake.config["links"]
    del deeplake.config["links"]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def clock() -> Iterator[list[float]]:
    """Pauses between attempts take no time; what they would have been."""
    paused: list[float] = []
    real = time.sleep
    time.sleep = paused.append  # type: ignore[assignment]
    yield paused
    time.sleep = real


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", path,
         "-out", path.with_suffix(".crt"), "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


@pytest.fixture
def tls(certificate: Path) -> Iterator[WebServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.with_suffix(".crt"), certificate)
    server = WebServer(context)
    yield server
    connection.close_all()
    server.close()
