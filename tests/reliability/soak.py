"""Runs the reliability tests with their full figures, and writes what they found into the docs.

::

    make soak                      # everything: hours
    make soak ARGS="model writers" # some of it; the other lines of the table stay as they are
    make soak ARGS="--scale 0.01"  # a hundredth of the figures: to see that it works

A line of the table says what was run, not what should have been: a run that fails, or that was asked
for less, says so.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE.parent.parent / "docs" / "reliability.md"
HEAD = "| promise | run | violations | seconds | when, on what |\n|---|---|---|---|---|\n"
BEGIN, END = "<!-- soak: begin -->\n", "<!-- soak: end -->\n"


@dataclass(frozen=True)
class Soak:
    """One harness with its full figures.

    Attributes:
        test: The test, below this folder.
        promise: What it looks after.
        figures: The environment variables it reads, and their full values.
        run: What was run, with the variables filled in.
    """

    test: str
    promise: str
    figures: dict[str, int]
    run: str


SOAKS = {
    "kill": Soak(
        "test_kill.py::test_kills", "R1 process death", {"DEEPLAKE_SOAK_KILLS": 10_000},
        "{DEEPLAKE_SOAK_KILLS:,} × kill -9",
    ),
    "power": Soak(
        "test_power_loss.py::test_power_loss", "R2 power loss", {"DEEPLAKE_SOAK_SCRIPT": 200},
        "a crash at every change of the disk of a script of {DEEPLAKE_SOAK_SCRIPT:,} steps",
    ),
    "writers": Soak(
        "test_writers.py::test_writers", "R3, R4 writers and readers",
        {"DEEPLAKE_SOAK_WRITERS": 16, "DEEPLAKE_SOAK_COMMITS": 500},
        "{DEEPLAKE_SOAK_WRITERS} processes × {DEEPLAKE_SOAK_COMMITS:,} commits, then again with 5 % "
        "of the answers lost",
    ),
    "corruption": Soak(
        "test_corruption.py", "R5 corruption", {"DEEPLAKE_SOAK_FLIPS": 1},
        "every byte of the golden datasets flipped",
    ),
    "fuzz": Soak(
        "test_fuzz.py", "R6 malformed input", {"DEEPLAKE_SOAK_FUZZ": 1_000_000},
        "{DEEPLAKE_SOAK_FUZZ:,} inputs for each parser",
    ),
    "faults": Soak(
        "test_faults.py::test_faults", "R7 storage faults", {"DEEPLAKE_SOAK_SCRIPT": 40},
        "six kinds of fault at every request of a script of {DEEPLAKE_SOAK_SCRIPT:,} steps",
    ),
    "model": Soak(
        "test_model.py::test_model", "R8 model equivalence", {"DEEPLAKE_SOAK_STEPS": 50_000},
        "{DEEPLAKE_SOAK_STEPS:,} steps",
    ),
    "rows": Soak(
        "test_scale.py::test_append_to_a_very_long_tensor", "long tensors",
        {"DEEPLAKE_SOAK_ROWS": 10**9},
        "append and commit to {DEEPLAKE_SOAK_ROWS:,} rows: < 300 KB written, < 200 MB of memory",
    ),
    "appends": Soak(
        "test_scale.py::test_single_appends_stay_cheap", "many appends",
        {"DEEPLAKE_SOAK_APPENDS": 10**6},
        "{DEEPLAKE_SOAK_APPENDS:,} appends of a row: the last tenth costs < 2 × the first",
    ),
}  # fmt: skip


def soak(one: Soak, scale: float) -> str:
    """Run it; its line of the table."""
    figures = {name: max(1, round(full * scale)) for name, full in one.figures.items()}
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / one.test)],
        env={**os.environ, **{name: str(value) for name, value in figures.items()}},
        check=False,
    )
    seconds = time.monotonic() - begin
    found = "0" if done.returncode == 0 else "**failed**"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    where = (
        f"{time.strftime('%Y-%m-%d')}, {cores} cores, Python {platform.python_version()}, "
        f"numpy {metadata.version('numpy')}, deeplake-core {metadata.version('deeplake-core')}"
    )
    return f"| {one.promise} | {one.run.format(**figures)} | {found} | {seconds:,.0f} | {where} |\n"


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
    failed = False
    for name in args.names or SOAKS:
        line = soak(SOAKS[name], args.scale)
        failed |= "failed" in line
        print(line, flush=True)
        # Written after each: the next one may take hours.
        text = TABLE.read_text(encoding="utf-8")
        lines = {**known(text), SOAKS[name].promise: line}
        order = [one.promise for one in SOAKS.values()]
        table = HEAD + "".join(lines[promise] for promise in order if promise in lines)
        before, _, rest = text.partition(BEGIN)
        after = rest.partition(END)[2]
        TABLE.write_text(before + BEGIN + table + END + after, encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
