"""A server in front of another one that makes requests fail the way networks and services do.

::

    with seaweedfs() as server, FaultServer(server.endpoint) as faults:
        creds = {**server.creds, "endpoint_url": faults.endpoint}
        faults.plan = lambda request: "lost" if request.number == 3 else None

A fault is one of ``FAULTS``. Requests are passed on as they are (the name of the host too, which
signatures cover), and recorded.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

HOST = "127.0.0.1"
FAULTS = {
    "reset": "the connection is reset before the request reaches the server",
    "lost": "the server does it, and the connection is reset before its answer",
    "drop": "the connection is reset in the middle of the answer's body",
    "truncate": "the connection is closed in the middle of the answer's body",
    "stall": "nothing comes, and the connection stays open",
    "500": "500 Internal Error, and the server does nothing",
    "503": "503 Slow Down, and the server does nothing",
    "429": "429 Too Many Requests, and the server does nothing",
}
"""Name -> what happens."""

_CODES = {"500": "InternalError", "503": "SlowDown", "429": "TooManyRequests"}


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A request that came in.

    Attributes:
        number: How many came before it since the last ``clear``.
        method: ``GET``, ``PUT`` …
        path: Path and query.
        range: What the header ``Range`` asks for, or None.
        size: Bytes of its body.
    """

    number: int
    method: str
    path: str
    range: str | None
    size: int


class FaultServer:
    """A server that passes requests on to another one, or does not.

    Args:
        target: Address of the other one, ``http://HOST:PORT``.
        latency: Seconds that every request waits.

    Attributes:
        endpoint: Its own address.
        plan: Says what goes wrong with a request: a name of ``FAULTS``, or None.
        requests: What came in, in order.
    """

    def __init__(self, target: str, *, latency: float = 0.0) -> None:
        self.latency = latency
        self.plan: Callable[[WebRequest], str | None] = lambda request: None
        self.requests: list[WebRequest] = []
        self._target = target.partition("://")[2]
        self._mutex = threading.Lock()
        self._closing = threading.Event()
        faults = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                with contextlib.suppress(ConnectionError):  # the client went away
                    super().handle_one_request()

            def log_message(self, *args: Any) -> None:
                return

            def _handle(self) -> None:
                faults._handle(self)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, address: Any) -> None:
                return

        self._server = Server((HOST, 0), Handler)
        self.endpoint = f"http://{HOST}:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        """Stop it."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def clear(self) -> None:
        """Forget the requests so far, and count from 0 again."""
        with self._mutex:
            self.requests.clear()

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self._mutex:
            request = WebRequest(
                len(self.requests), handler.command, handler.path, handler.headers.get("Range"),
                len(body),
            )  # fmt: skip
            self.requests.append(request)
        if self.latency:
            time.sleep(self.latency)
        fault = self.plan(request)
        if fault is not None and fault not in FAULTS:
            raise ValueError(f"{fault!r} is no fault; there are {', '.join(FAULTS)}")
        if fault == "reset":
            _reset(handler)
        elif fault == "stall":
            self._closing.wait()
            _reset(handler)
        elif fault in _CODES:
            _refuse(handler, fault)
        else:
            self._pass_on(handler, body, fault)

    def _pass_on(self, handler: BaseHTTPRequestHandler, body: bytes, fault: str | None) -> None:
        connection = http.client.HTTPConnection(self._target, timeout=60)
        try:
            connection.putrequest(
                handler.command, handler.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in handler.headers.items():
                if name.lower() != "connection":
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if fault == "lost":
            _reset(handler)
            return
        handler.send_response_only(answer.status, answer.reason)
        length = (
            answer.headers.get("Content-Length") if handler.command == "HEAD" else str(len(data))
        )
        for name, value in answer.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                handler.send_header(name, value)
        handler.send_header("Content-Length", length or "0")
        handler.end_headers()
        if fault in ("drop", "truncate"):
            handler.wfile.write(data[: len(data) // 2])
            handler.wfile.flush()
            if fault == "drop":
                _reset(handler)
            handler.close_connection = True
        elif handler.command != "HEAD":
            handler.wfile.write(data)


def _reset(handler: BaseHTTPRequestHandler) -> None:
    """End a connection with an RST: the client learns nothing more."""
    with contextlib.suppress(OSError):
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
    handler.close_connection = True


def _refuse(handler: BaseHTTPRequestHandler, status: str) -> None:
    text = f"<?xml version='1.0'?><Error><Code>{_CODES[status]}</Code><Message>x</Message></Error>"
    handler.send_response_only(int(status))
    handler.send_header("Content-Type", "application/xml")
    handler.send_header("Content-Length", str(len(text)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(text.encode())


__all__ = ["FAULTS", "FaultServer", "WebRequest"]
