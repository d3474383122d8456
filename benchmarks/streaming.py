"""Whole epochs of training batches from object stores, near and far, side by side with others."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import data
from contest import Answer, Contender, contest, race
from measure import Options, Table, Timing
from roles import Place

from deeplake.testing.servers import ADMIN, free_ports, seaweedfs

HERE = Path(__file__).parent
HOST = "127.0.0.1"
BUCKET = "bench"
DELAYS = (0, 15)
"""Milliseconds that every request waits."""

Address = tuple[str, str]
"""Name and endpoint of a server."""

NGINX = """
worker_processes 2; daemon off; pid {folder}/pid; error_log {folder}/log;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{ listen {host}:{port}; root {root}; }}
}}
"""


def bench(options: Options) -> Iterator[Table]:
    """A table for each server, and one of first batches."""
    count = 128 if options.quick else 4_000
    files = data.photographs(options.folder / f"photographs-{count}", count)
    size = files.nbytes / count / 1000
    notes = Table("time to the first batch (median)")
    with contest("Streaming", options) as contenders, ExitStack() as stack:
        for one in contenders:
            if one.call("write_files", one.folder / "files", files.paths, files.labels) is None:
                raise AssertionError(f"{one.name} writes nothing")
        for kind in (nginx, seaweed):
            address = stack.enter_context(kind(contenders))
            if address is None:
                continue
            table = Table(
                f"{address[0]}, cold: {count:,} JPEG files of about 500 x 375 pixels ({size:.0f} KB), "
                "random crops to 224 x 224, batches of 64, 2 cores"
            )
            for one in contenders:
                one.lacks.clear()  # what another server lacks is not theirs
            for shuffle in (False, True):
                order = "shuffled" if shuffle else "in order"
                _race(table, notes, f"{order}, local disk", "", count, contenders, shuffle, options)
                for delay in DELAYS:
                    with delayed(address[1], delay) as endpoint:
                        _race(
                            table, notes, f"{order}, {delay} ms a request", address[0], count,
                            contenders, shuffle, options, endpoint,
                        )  # fmt: skip
            yield table
    yield notes


def _race(
    table: Table, notes: Table, what: str, server: str, count: int, contenders: list[Contender],
    shuffle: bool, options: Options, endpoint: str = "",
) -> None:  # fmt: skip
    firsts: dict[str, list[float]] = {}

    def work(one: Contender) -> Answer | None:
        place = Place(endpoint, BUCKET, one.name, *ADMIN)
        try:
            if endpoint:
                answer = one.call("crops", place, shuffle)
            else:
                answer = one.call("local_crops", one.folder / "files", shuffle)
        except RuntimeError as error:
            # Not every client gets along with every server: nginx lists nothing, for example.
            if one.name == "ours":
                raise
            print(f"{one.name} is left out of {what!r}: {str(error).splitlines()[-1]}", flush=True)
            answer = None
        if answer is not None:
            (_, rows), (_, first) = answer.digest
            if rows != count:
                raise AssertionError(f"{one.name}: {rows} rows of {count}")
            firsts.setdefault(one.name, []).append(first / 1000)
        return answer

    row = table.row(what, "img/s")
    race(row, contenders, work, items=count, rounds=options.rounds, agree=False)
    if endpoint:
        row = notes.row(f"{server}, {what}", "ms", target=500)
        for name, seconds in firsts.items():
            row.cells[name] = Timing(tuple(seconds[1:]), (0.0,), 1)


# --------------------------------------------------------------------------- servers
@contextmanager
def nginx(contenders: list[Contender]) -> Iterator[Address | None]:
    """Files in memory, served by their names: the fastest that there is, and it can only read."""
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if binary is None:
        print("nginx is left out: it is not installed", flush=True)
        yield None
        return
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        folder.chmod(0o755)  # its workers may be of another user
        for one in contenders:
            shutil.copytree(one.folder / "files", folder / "www" / BUCKET / one.name)
        [port] = free_ports(1)
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, host=HOST, port=port, root=folder / "www"))
        process = subprocess.Popen([binary, "-c", str(config), "-p", name])
        try:
            endpoint = f"http://{HOST}:{port}"
            _wait(process, endpoint)
            yield "nginx", endpoint
        finally:
            process.terminate()
            process.wait()


@contextmanager
def seaweed(contenders: list[Contender]) -> Iterator[Address]:
    """A real S3 server."""
    from obstore.store import S3Store

    with seaweedfs(readable=[BUCKET]) as server:
        server.make_bucket(BUCKET)
        store = S3Store(
            BUCKET, endpoint=server.endpoint, access_key_id=ADMIN[0], secret_access_key=ADMIN[1],
            region="us-east-1", client_options={"allow_http": True},
        )  # fmt: skip
        for one in contenders:
            root = one.folder / "files"
            for file in sorted(path for path in root.rglob("*") if path.is_file()):
                store.put(f"{one.name}/{file.relative_to(root).as_posix()}", file.read_bytes())
        yield "SeaweedFS", server.endpoint


@contextmanager
def delayed(endpoint: str, milliseconds: int) -> Iterator[str]:
    """A server as it is seen from far away."""
    if not milliseconds:
        yield endpoint
        return
    port = endpoint.rpartition(":")[2]
    process = subprocess.Popen(
        [sys.executable, str(HERE / "latency.py"), port, str(milliseconds)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield f"http://{HOST}:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], endpoint: str) -> None:
    while process.poll() is None:
        try:
            urllib.request.urlopen(endpoint, timeout=5).close()
            return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} ended with exit code {process.returncode}")


__all__ = ["bench"]
