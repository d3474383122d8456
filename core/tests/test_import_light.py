"""``import deeplake`` does nothing: tried in a process of its own."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import deeplake

SOURCE = Path(deeplake.__file__).parents[1]

HEAVY = {
    *(
        "asyncio",
        "concurrent",
        "email",
        "fsspec",
        "importlib.metadata",
        "inspect",
        "json",
        "logging",
    ),
    *("multiprocessing", "numpy", "pathlib", "pluggy", "selectors", "socket", "ssl", "subprocess"),
    *("tempfile", "threading", "tqdm", "typing", "xxhash"),
}
# importlib.metadata imports email, which imports socket.
METADATA = """
    email importlib.metadata inspect json pathlib selectors socket tempfile threading typing
"""

# What a library must not do while it is imported. Reading modules is the import itself.
WATCH = """
import os, sys
modules = set(sys.modules)
events = []

def watch(event, args):
    if event == "open":
        path, mode, flags = args
        reading = not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if reading and str(path).endswith((".py", ".pyc", ".so")):
            return
    elif not event.startswith((
        "_thread.start", "ftplib.", "http.", "os.chmod", "os.exec", "os.fork", "os.mkdir",
        "os.posix_spawn", "os.putenv", "os.remove", "os.rename", "os.spawn", "os.startfile",
        "os.system", "os.truncate", "os.unlink", "shutil.", "signal.", "smtplib.", "socket.",
        "sqlite3.", "subprocess.", "tempfile.", "urllib.", "webbrowser.",
    )):
        return
    events.append(f"{event} {args}")

def open_files():
    return {os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")[:-1]}

def threads():
    import _thread
    return _thread._count()
"""


def run(code: str) -> Any:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DEEPLAKE_")}
    done = subprocess.run(
        [sys.executable, "-c", WATCH + code],
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


IMPORT = """
import time
started = time.process_time()
sys.addaudithook(watch)
import deeplake
seconds = time.process_time() - started
new = sorted(set(sys.modules) - modules - {"time"})
result = [new, events, threads(), seconds]
import json
print(json.dumps(result))
"""


def test_importing_loads_no_other_module_and_does_nothing() -> None:
    modules, events, threads, seconds = run(IMPORT)
    print(f"import deeplake: {seconds * 1e3:.2f} ms of CPU")
    assert modules == ["deeplake", "deeplake._version"]
    assert events == []
    assert threads == 0


def test_importing_leaves_no_file_open() -> None:
    if not Path("/proc/self/fd").exists():
        return  # the audit events above say the same on other systems
    assert run(
        "before = open_files()\nimport deeplake, json\nprint(json.dumps(open_files() <= before))"
    )


def test_the_watch_sees_what_it_must(tmp_path: Path) -> None:
    done = """
sys.addaudithook(watch)
import json, socket, subprocess, threading
open({path!r}, "w").close()
socket.socket().close()
thread = threading.Thread(target=lambda: None)
thread.start()
thread.join()
print(json.dumps([event.split()[0] for event in events]))
"""
    events = run(done.format(path=str(tmp_path / "file")))
    assert {"open", "socket.__new__"} <= set(events)


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import deeplake", ""),
        ("import deeplake; dir(deeplake); hasattr(deeplake, '__wrapped__')", ""),
        ("import deeplake.errors", "inspect typing"),
        ("import deeplake; deeplake.random.seed(7)", "typing"),
        ("import deeplake; deeplake.config['fsync']", "typing"),
        ("from deeplake import spi, types", "inspect threading typing"),
        (
            "from deeplake import plugins; plugins.get('codec', 'zlib')",
            "inspect threading typing",
        ),
        ("from deeplake import plugins; plugins.names('codec'); plugins.available()", METADATA),
    ],
)
def test_what_is_loaded_is_what_is_needed(code: str, allowed: str) -> None:
    found = run(f"{code}\nnew = set(sys.modules) - modules\nimport json\nprint(json.dumps([*new]))")
    assert set(found) & HEAVY <= set(allowed.split())


def test_the_command_line_starts_light() -> None:
    code = """
import contextlib, io
from deeplake import cli
with contextlib.redirect_stdout(io.StringIO()):
    cli.main(["plugins"])
new = sorted(set(sys.modules) - modules)
import json
print(json.dumps(new))
"""
    assert not set(run(code)) & {"asyncio", "concurrent", "fsspec", "numpy", "pluggy", "xxhash"}


def test_what_an_import_costs_is_printed() -> None:
    def cpu(code: str) -> float:
        times = []
        for _ in range(20):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, "PYTHONPATH": str(SOURCE)},
                check=True,
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return statistics.median(times)

    bare, ours = cpu("pass"), cpu("import deeplake")
    print(f"python -c pass: {bare * 1e3:.1f} ms of CPU, import deeplake: {ours * 1e3:.1f} ms")
    assert ours > 0
