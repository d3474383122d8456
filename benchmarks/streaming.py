"""Whole epochs of training batches from object stores, near and far, side by side with others."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import data
import environments
from contest import Answer, Contender, contest, race, wake_memory
from measure import Options, Row, Table, Timing
from roles import Place

from deeplake.testing.servers import ADMIN, free_ports, seaweedfs

HERE = Path(__file__).parent
HOST = "127.0.0.1"
BUCKET = "bench"
DELAYS = (0, 15)
"""Milliseconds that every request waits."""

LIMIT = 60.0
"""Seconds that an epoch may take: some clients wait for ever."""

AWAKE = 512 << 20
"""Bytes of memory that an epoch may need anew."""

NGINX = """
{modules}
worker_processes 2; daemon off; pid {folder}/pid; error_log {folder}/log;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{ listen {host}:{port}; root {root}; }}
    {servers}
}}
"""

LATE = """
    server {{
        listen {host}:{port};
        location / {{ echo_sleep {seconds}; echo_exec @file; }}
        location @file {{ root {root}; }}
    }}
"""
"""A server whose answers begin late, by a module that many systems have (``nginx-mod-http-echo``)."""

MODULES = (
    Path("/usr/lib/nginx/modules/ngx_http_echo_module.so"),
    Path("/usr/lib64/nginx/modules/ngx_http_echo_module.so"),
)


def bench(options: Options) -> Iterator[Table]:
    """A table for each server, and one of first batches.

    What was found is written down after each line, so that a run that is cut short, or runs only a
    part (``--match "nginx, shuffled"``), can be gone on with: ``--resume``.
    """
    count = 128 if options.quick else 4_000
    files = data.photographs(options.folder / f"photographs-{count}", count)
    size = files.nbytes / count / 1000
    title = (
        f"{count:,} JPEG files of about 500 x 375 pixels ({size:.0f} KB), random crops to "
        "224 x 224, batches of 64, 2 cores"
    )
    found = Found(options.folder / f"streaming-{count}.json", options)
    with contest("Streaming", options) as contenders, ExitStack() as stack:
        running = [one.name for one in contenders]
        names = found.names(running)
        wanted = [one for one in races() if options.match in one.name and found.lacks(one, running)]
        for one in contenders if wanted else ():
            if one.call("write_files", one.folder / "files", files.paths, files.labels) is None:
                raise AssertionError(f"{one.name} writes nothing")
        lacking: set[tuple[str, str]] = set()  # who does not get along with which server
        for server, start in SERVERS.items():
            mine = [one for one in wanted if one.server in (server, "")]
            at = stack.enter_context(start(contenders)) if mine else None
            for one in mine:
                if not one.server:
                    wanted.remove(one)
                    _race(one, found, contenders, count, options, lacking)
                elif at is not None:
                    with at(one.delay) as endpoint:
                        _race(one, found, contenders, count, options, lacking, endpoint)
            table = found.table(f"{server}, cold: {title}", server, names, count)
            if any(row.cells for row in table.rows):
                yield table
        yield found.first_batches(names)


@dataclass(frozen=True, slots=True)
class Race:
    """An epoch that all contenders run.

    Attributes:
        shuffle: In random order.
        server: Where from; empty for the local disk.
        delay: Milliseconds that every request waits.
    """

    shuffle: bool
    server: str = ""
    delay: int = 0

    @property
    def work(self) -> str:
        """What is done, without the server's name."""
        order = "shuffled" if self.shuffle else "in order"
        return f"{order}, {f'{self.delay} ms a request' if self.server else 'local disk'}"

    @property
    def name(self) -> str:
        """What it is called in files and on the command line."""
        return f"{self.server}, {self.work}" if self.server else self.work


def races() -> list[Race]:
    """All there are; those of the local disk beside those of the servers that come first."""
    found = []
    for server in SERVERS:
        for shuffle in (False, True):
            if not found or server == next(iter(SERVERS)):
                found.append(Race(shuffle))
            found += [Race(shuffle, server, delay) for delay in DELAYS]
    return found


class Found:
    """What was measured, in a file.

    Args:
        path: The file.
        options: With ``resume``, what it holds is taken.
    """

    def __init__(self, path: Path, options: Options) -> None:
        self._path = path
        self._rounds = options.rounds
        self._known: dict[str, dict[str, dict[str, list[float]]]] = {}
        if options.resume and path.is_file():
            self._known = json.loads(path.read_text())

    def names(self, running: Sequence[str]) -> list[str]:
        """All contenders that something is known of or will be, in the order of the columns."""
        known = {*running, *(name for known in self._known.values() for name in known)}
        return [name for name in environments.peers("Streaming") if name in known]

    def lacks(self, race: Race, names: Sequence[str]) -> bool:
        """Whether a race was not run by some of the contenders, or not as many times."""
        known = self._known.get(race.name, {})
        # What a contender could not do is written down, too.
        return any(
            name not in known or 0 < len(known[name]["wall"]) < self._rounds for name in names
        )

    def add(
        self, race: Race, row: Row, names: Sequence[str], firsts: dict[str, list[float]],
        beside: Sequence[Answer],
    ) -> None:  # fmt: skip
        """Write down what came of a race, and of our epochs from the local disk beside it."""
        known = self._known.setdefault(race.name, {})
        for name in names:
            cell = row.cells.get(name)
            known[name] = {
                "wall": list(cell.wall) if cell else [],
                "cpu": list(cell.cpu) if cell else [],
                "first": firsts.get(name, []),
            }
            if name == "ours" and beside:
                known[name]["local wall"] = [answer.wall for answer in beside]
                known[name]["local cpu"] = [answer.cpu for answer in beside]
        self._path.write_text(json.dumps(self._known, indent=1))

    def timing(self, race: Race, name: str, items: int) -> Timing | None:
        """The epochs of a contender."""
        known = self._known.get(race.name, {}).get(name)
        if not known or not known["wall"]:
            return None
        return Timing(tuple(known["wall"]), tuple(known["cpu"]), items)

    def beside(self, race: Race, items: int) -> Timing | None:
        """Our epochs from the local disk, each right before one of a race."""
        known = self._known.get(race.name, {}).get("ours", {})
        if not known.get("local wall"):
            return None
        return Timing(tuple(known["local wall"]), tuple(known["local cpu"]), items)

    def table(self, title: str, server: str, names: Sequence[str], items: int) -> Table:
        """All races that have to do with a server."""
        table = Table(title)
        for shuffle in (False, True):
            local = Race(shuffle)
            for each in (local, *(Race(shuffle, server, delay) for delay in DELAYS)):
                row = table.row(each.work, "img/s")
                for name in names:
                    timing = self.timing(each, name, items)
                    if timing is not None:
                        row.cells[name] = timing
                said = _compared(row, self.beside(each, items))
                if said:
                    table.remarks.append(f"{each.work}: ours is {said}")
        return table

    def first_batches(self, names: Sequence[str]) -> Table:
        """How long each waited for its first batch."""
        table = Table("time to the first batch (median)")
        for one in races():
            known = self._known.get(one.name, {})
            if one.server and known:
                row = table.row(one.name, "ms", target=500)
                for name in names:
                    if known.get(name, {}).get("first"):
                        row.cells[name] = Timing(tuple(known[name]["first"]), (0.0,), 1)
        return table


def _compared(row: Row, local: Timing | None) -> str:
    """Ours beside the best of the others, and beside itself on the local disk in the same minutes."""
    if "ours" not in row.cells:
        return ""
    mine, said = row.value("ours"), []
    others = {name: row.value(name) for name in row.cells if name != "ours"}
    if others:
        best = max(others, key=others.__getitem__)
        said.append(f"{mine / others[best]:.2f} x {best}")
    if local is not None:
        said.append(
            f"{mine / local.rate:.2f} x its speed on the local disk in turn with it "
            f"({local.rate:,.0f} img/s)"
        )
    return " and ".join(said)


def _race(
    race_: Race, found: Found, contenders: list[Contender], count: int, options: Options,
    lacking: set[tuple[str, str]], endpoint: str = "",
) -> None:  # fmt: skip
    beside: list[Answer] = []

    def work(one: Contender) -> Answer | None:
        if endpoint and one.name == "ours":
            # Near and far are compared in the same minutes: machines have slow hours.
            wake_memory(AWAKE)
            near = one.call("local_crops", one.folder / "files", race_.shuffle, limit=LIMIT)
            assert near is not None
            beside.append(near)
        wake_memory(AWAKE)
        place = Place(endpoint, BUCKET, one.name, *ADMIN)
        try:
            if endpoint:
                answer = one.call("crops", place, race_.shuffle, limit=LIMIT)
            else:
                local = one.folder / "files"
                answer = one.call("local_crops", local, race_.shuffle, limit=LIMIT)
        except RuntimeError as error:
            # Not every client gets along with every server: nginx lists nothing, for example.
            if one.name == "ours":
                raise
            said = str(error).splitlines()[-1]
            lacking.add((one.name, race_.server))
            one.lacks.add(race_.name)
            print(f"{one.name} is left out of {race_.name!r}: {said}", flush=True)
            answer = None
        if answer is not None:
            (_, rows), _ = answer.digest
            if rows != count:
                raise AssertionError(f"{one.name}: {rows} rows of {count}")
        return answer

    begin = time.monotonic()
    row = Row(race_.name, "img/s")
    for one in contenders:
        one.lacks.clear()  # what another server lacks is not theirs
        if (one.name, race_.server) in lacking or one.process.poll() is not None:
            one.lacks.add(race_.name)
    # Two epochs whenever it is somebody's turn, of which the second counts.
    counted = race(row, contenders, work, items=count, rounds=options.rounds, agree=False, turn=0.0)
    firsts = {
        name: [answer.digest[1][1] / 1000 for answer in answers]
        for name, answers in counted.items()
    }
    found.add(race_, row, [one.name for one in contenders], firsts, beside[1::2])
    print(f"{race_.name}: {time.monotonic() - begin:.0f} s", flush=True)


# --------------------------------------------------------------------------- servers
At = Callable[[int], AbstractContextManager[str]]
"""Milliseconds that every request waits -> where a server is that does."""


@contextmanager
def nginx(contenders: list[Contender]) -> Iterator[At | None]:
    """Files in memory, served by their names: the fastest that there is, and it can only read.

    It waits by itself where it has the module for that: another process between it and the ones who are
    measured would take their time.
    """
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if binary is None:
        print("nginx is left out: it is not installed", flush=True)
        yield None
        return
    module = next((path for path in MODULES if path.is_file()), None)
    late = [delay for delay in DELAYS if delay and module is not None]
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        folder.chmod(0o755)  # its workers may be of another user
        root = folder / "www"
        for one in contenders:
            shutil.copytree(one.folder / "files", root / BUCKET / one.name)
        port, *ports = free_ports(1 + len(late))
        servers = [
            LATE.format(host=HOST, port=other, root=root, seconds=delay / 1000)
            for other, delay in zip(ports, late, strict=True)
        ]
        config = folder / "nginx.conf"
        config.write_text(
            NGINX.format(
                modules=f"load_module {module};" if late else "", folder=folder, host=HOST,
                port=port, root=root, servers="".join(servers),
            )
        )  # fmt: skip
        process = subprocess.Popen([binary, "-c", str(config), "-p", name])
        addresses = {delay: f"http://{HOST}:{p}" for delay, p in zip(late, ports, strict=True)}
        try:
            endpoint = f"http://{HOST}:{port}"
            _wait(process, endpoint)
            yield (
                lambda delay: (
                    nullcontext(addresses[delay])
                    if delay in addresses
                    else delayed(endpoint, delay)
                )
            )
        finally:
            process.terminate()
            process.wait()


@contextmanager
def seaweed(contenders: list[Contender]) -> Iterator[At]:
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
        yield partial(delayed, server.endpoint)


@contextmanager
def delayed(endpoint: str, milliseconds: int) -> Iterator[str]:
    """A server as it is seen from far away, by way of another process."""
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


SERVERS: dict[str, Callable[[list[Contender]], AbstractContextManager[At | None]]] = {
    "nginx": nginx,
    "SeaweedFS": seaweed,
}
"""Name -> starts it with what the contenders wrote, and says where it is."""


__all__ = ["bench"]
