"""A stand-in for a far server: passes connections on, and lets every request wait.

::

    python latency.py TARGET_PORT MILLISECONDS      # prints the port that it listens on

What comes back is moved by the kernel where it can (``splice``), so that on a small machine it costs
the ones who are measured next to nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
import threading
import time

HOST = "127.0.0.1"
BLOCK = 1 << 20


def requests(client: socket.socket, server: socket.socket, seconds: float) -> None:
    """Pass on what a client sends, late."""
    try:
        while data := client.recv(BLOCK):
            time.sleep(seconds)
            server.sendall(data)
        server.shutdown(socket.SHUT_WR)
    except OSError:
        return  # one of them has gone: the other direction ends, too


def answers(client: socket.socket, server: socket.socket) -> None:
    """Pass on what comes back, at once."""
    try:
        if hasattr(os, "splice"):
            spliced(server.fileno(), client.fileno())
        else:
            while data := server.recv(BLOCK):
                client.sendall(data)
        client.shutdown(socket.SHUT_WR)
    except OSError:
        return
    finally:
        server.close()


def spliced(source: int, target: int) -> None:
    """Move bytes from one socket to another until the first ends."""
    out, into = os.pipe()
    with contextlib.suppress(OSError):
        # As much at a time as there is: each move wakes both ends.
        fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, BLOCK)
    try:
        while moved := os.splice(source, into, BLOCK):
            while moved:
                moved -= os.splice(out, target, moved)
    finally:
        os.close(out)
        os.close(into)


def main(port: int, milliseconds: float) -> None:
    with socket.create_server((HOST, 0), backlog=256) as listening:
        print(listening.getsockname()[1], flush=True)
        while True:
            client, _ = listening.accept()
            server = socket.create_connection((HOST, port))
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for work, more in ((requests, (milliseconds / 1000,)), (answers, ())):
                threading.Thread(target=work, args=(client, server, *more), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
