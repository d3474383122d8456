"""Runs the reliability tests with their full figures, and writes what they found into the docs.

::

    make soak                      # everything: hours
    make soak ARGS="model writers" # some of it; the other lines of the table stay as they are
    make soak ARGS="--scale 0.01"  # a hundredth of the figures: to see that it works

A line of the table says what was asked for and, from what the harnesses count themselves, what was
done: also where a run fails, or is interrupted (Ctrl-C) after a part.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tqdm import tqdm

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import tally  # noqa: E402 - it is a neighbour of this script

TABLE = HERE.parent.parent / "docs" / "reliability.md"
HEAD = (
    "| promise | asked for | done | violations | seconds | when, on what |\n"
    "|---|---|---|---|---|---|\n"
)
BEGIN, END = "<!-- soak: begin -->\n", "<!-- soak: end -->\n"


@dataclass(frozen=True)
class Soak:
    """One harness with its full figures.

    Attributes:
        tests: The tests, below this folder.
        promise: What it looks after.
        figures: The environment variables it reads, and their full values.
        run: What was asked for, with the variables filled in.
        counts: What it counts (see ``tally``), to show how far it is; empty: everything.
        times: So many of them for each of the first figure.
        workers: Processes that its tests are spread over.
    """

    tests: tuple[str, ...]
    promise: str
    figures: dict[str, int]
    run: str
    counts: str
    times: int = 1
    workers: int = 0

    def total(self, figures: dict[str, int]) -> int:
        """What it counts to."""
        return self.times * next(iter(figures.values()))


SOAKS = {
    "kill": Soak(
        ("test_kill.py::test_kills",), "R1 process death", {"DEEPLAKE_SOAK_KILLS": 10_000},
        "{DEEPLAKE_SOAK_KILLS:,} × kill -9", "kills", workers=2,
    ),
    "power": Soak(
        ("test_power_loss.py::test_power_loss",), "R2 power loss", {"DEEPLAKE_SOAK_SCRIPT": 200},
        "a crash at every change of the disk of a script of {DEEPLAKE_SOAK_SCRIPT:,} steps", "steps",
    ),
    "writers": Soak(
        ("test_writers.py::test_writers",), "R3, R4 writers and readers",
        {"DEEPLAKE_SOAK_COMMITS": 500, "DEEPLAKE_SOAK_WRITERS": 16},
        "{DEEPLAKE_SOAK_WRITERS} processes × {DEEPLAKE_SOAK_COMMITS:,} commits; 8 × 100 with 5 % of "
        "the answers lost", "commits", 16,
    ),
    "s3": Soak(
        ("test_remote.py::test_acknowledged_commits_are_there_once",), "R3 writers on S3",
        {"DEEPLAKE_SOAK_S3_COMMITS": 100, "DEEPLAKE_SOAK_S3_WRITERS": 8},
        "{DEEPLAKE_SOAK_S3_WRITERS} processes × {DEEPLAKE_SOAK_S3_COMMITS:,} commits on a real S3 "
        "server, 5 % of the answers lost or 503", "commits", 8,
    ),
    "s3_runs": Soak(
        ("test_remote.py::test_acknowledged_commits_are_there_once",), "R3 writers on S3, many runs",
        {"DEEPLAKE_SOAK_S3_RUNS": 200, "DEEPLAKE_SOAK_S3_COMMITS": 10, "DEEPLAKE_SOAK_S3_WRITERS": 8},
        "{DEEPLAKE_SOAK_S3_RUNS} times {DEEPLAKE_SOAK_S3_WRITERS} processes × "
        "{DEEPLAKE_SOAK_S3_COMMITS} commits, each on a new dataset", "commits", 80,
    ),
    "remote": Soak(
        ("test_remote.py::test_model",), "R8 on S3 and GCS", {"DEEPLAKE_SOAK_REMOTE_STEPS": 2_000},
        "{DEEPLAKE_SOAK_REMOTE_STEPS:,} steps on each of two real servers", "steps", 2, workers=2,
    ),
    "corruption": Soak(
        ("test_corruption.py",), "R5 corruption", {"DEEPLAKE_SOAK_FLIPS": 1},
        "every byte of the golden datasets flipped", "flips", 225_000, workers=2,
    ),
    "fuzz": Soak(
        ("test_fuzz.py",), "R6 malformed input", {"DEEPLAKE_SOAK_FUZZ": 1_000_000},
        "{DEEPLAKE_SOAK_FUZZ:,} inputs for each parser", "", 6, workers=2,
    ),
    "queries": Soak(
        ("test_queries.py",), "R6 malformed queries", {"DEEPLAKE_SOAK_QUERIES": 1_000_000},
        "{DEEPLAKE_SOAK_QUERIES:,} texts as queries: a view or a QueryError, in 2 GiB of memory",
        "queries", workers=2,
    ),
    "faults": Soak(
        ("test_faults.py::test_faults", "test_system_faults.py::test_faults"), "R7 storage faults",
        {"DEEPLAKE_SOAK_SCRIPT": 40},
        "eight kinds of fault at every request of a script of {DEEPLAKE_SOAK_SCRIPT:,} steps; ENOSPC "
        "and EIO at every system call that writes", "steps", 8,
    ),
    "model": Soak(
        ("test_model.py::test_model",), "R8 model equivalence", {"DEEPLAKE_SOAK_STEPS": 50_000},
        "{DEEPLAKE_SOAK_STEPS:,} steps", "steps",
    ),
    "rows": Soak(
        ("test_scale.py::test_append_to_a_very_long_tensor",), "long tensors",
        {"DEEPLAKE_SOAK_ROWS": 10**9},
        "append and commit to {DEEPLAKE_SOAK_ROWS:,} rows: < 300 kB written, < 1 s, < 200 MB of "
        "memory", "rows",
    ),
    "appends": Soak(
        ("test_scale.py::test_single_appends_stay_cheap",), "many appends",
        {"DEEPLAKE_SOAK_APPENDS": 10**6},
        "{DEEPLAKE_SOAK_APPENDS:,} appends of a row: no 10,000 cost 2 × the first ones", "rows",
    ),
    "loader": Soak(
        ("test_loader.py",), "L1 ends of epochs",
        {"DEEPLAKE_SOAK_CYCLES": 200, "DEEPLAKE_SOAK_EPOCHS": 10},
        "{DEEPLAKE_SOAK_CYCLES} × Ctrl-C, kill -9 of a worker, exceptions, abandoned and closed "
        "iterators: no process, thread, descriptor or shared memory is left; memory after "
        "{DEEPLAKE_SOAK_EPOCHS} epochs", "cycles", 9,
    ),
}  # fmt: skip


def soak(name: str, one: Soak, scale: float) -> tuple[str, bool]:
    """Run it; its line of the table, and whether all is well.

    Raises:
        KeyboardInterrupt: After what was done until then was written down.
    """
    figures = {name: max(1, round(full * scale)) for name, full in one.figures.items()}
    with tempfile.TemporaryDirectory(prefix="deeplake-soak-") as scratch:
        folder = Path(scratch, "tally")
        folder.mkdir()
        begin = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short",
             "-o", "faulthandler_timeout=0",
             "-n", str(one.workers), "--basetemp", f"{scratch}/tmp",
             *(str(HERE / test) for test in one.tests)],
            env={
                **os.environ,
                **{name: str(value) for name, value in figures.items()},
                "DEEPLAKE_SOAK_TALLY": str(folder),
            },
        )  # fmt: skip
        try:
            _follow(process, name, folder, one.total(figures), one.counts)
            ended = "0" if process.returncode == 0 else "**failed**"
        except KeyboardInterrupt:
            process.wait()
            ended = "0 until it was interrupted"
        seconds = time.monotonic() - begin
        counts, notes = tally.total(folder)
    done = [f"{n:,} {what}" for what, n in sorted(counts.items())]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    where = (
        f"{time.strftime('%Y-%m-%d')}, {commit()}, {platform.machine()}, {cores} cores, "
        f"Python {platform.python_version()}, numpy {metadata.version('numpy')}"
    )
    fields = [
        one.promise, one.run.format(**figures), "; ".join([", ".join(done), *notes]), ended,
        f"{seconds:,.0f}", where,
    ]  # fmt: skip
    return f"| {' | '.join(fields)} |\n", ended == "0"


def _follow(
    process: subprocess.Popen[bytes], name: str, folder: Path, total: int, what: str
) -> None:
    """Wait for its end; show how far it is, on a terminal."""
    # An interrupt reaches the process too, being typed at the same terminal.
    with tqdm(total=total, desc=name, unit=f" {what}", disable=None) as bar:
        while process.poll() is None:
            time.sleep(0.5)
            counts, _ = tally.total(folder)
            bar.update((counts[what] if what else counts.total()) - bar.n)


def commit() -> str:
    """Which state of the sources this is; the table itself may have changed."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=HERE, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", ":/", f":(exclude,top){TABLE.parent.name}")
    return f"commit {git('rev-parse', '--short', 'HEAD')}" + ", changed" * bool(changed)


def known(text: str) -> dict[str, str]:
    """The lines that the table has, by promise."""
    inside = text.partition(BEGIN)[2].partition(END)[0]
    lines = [line for line in inside.splitlines(keepends=True) if line.startswith("| ")][1:]
    return {line.split("|")[1].strip(): line for line in lines}


def main(argv: list[str]) -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", choices=[[], *SOAKS], metavar="NAME", help="some of it")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full figures")
    args = parser.parse_args(argv)
    well = True
    for name in args.names or SOAKS:
        line, fine = soak(name, SOAKS[name], args.scale)
        well &= fine
        print(line, flush=True)
        # Written after each: the next one may take hours.
        write(SOAKS[name].promise, line)
        if "interrupted" in line:
            return 130
    return int(not well)


def write(promise: str, line: str) -> None:
    """Put a line into the table; another soak may be doing so too."""
    with TABLE.open("r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        lines = {**known(text), promise: line}
        order = [one.promise for one in SOAKS.values()]
        table = HEAD + "".join(lines[promise] for promise in order if promise in lines)
        before, _, rest = text.partition(BEGIN)
        after = rest.partition(END)[2]
        file.seek(0)
        file.write(before + BEGIN + table + END + after)
        file.truncate()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
