"""R3 and R4: many processes change one branch, and others read it meanwhile.

Whatever was acknowledged is there once; readers see whole snapshots only. ``DEEPLAKE_SOAK_WRITERS``
(16) and ``DEEPLAKE_SOAK_COMMITS`` (500) raise the numbers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

import deeplake
from deeplake.storage.local import LocalStore
from deeplake.versioning.repository import Repository
from deeplake.versioning.scrub import scrub

from . import rows, tally
from .many_writers import COUNTER, PLANTS, Job

WRITERS = int(os.environ.get("DEEPLAKE_SOAK_WRITERS", "4"))
COMMITS = int(os.environ.get("DEEPLAKE_SOAK_COMMITS", "20"))
READERS = 2


class Violation(AssertionError):
    """A promise that was not kept."""


@dataclass
class Outcome:
    """What many processes did.

    Attributes:
        acknowledged: Operations and commits.
        snapshots: How many the readers looked at.
    """

    acknowledged: int
    snapshots: int


def run(folder: Path, writers: int, commits: int, *, lost: float = 0.0, plant: str = "") -> Outcome:
    """Let processes write and read, and check what is there in the end.

    Raises:
        Violation: A promise was not kept.
    """
    path = folder / "ds"
    ds = deeplake.empty(path)
    rows.create(ds)
    ds.append(rows.row(COUNTER))
    jobs = [
        Job(str(path), str(folder), number, commits, number, lost, plant)
        for number in range(writers)
    ]
    jobs += [Job(str(path), str(folder), n, 0, n) for n in range(READERS)]
    processes = [_start(job) for job in jobs]
    try:
        while not all((folder / f"ready-{n}").exists() for n in range(writers)):
            if any(process.poll() for process in processes):
                break
            time.sleep(0.01)
        (folder / "go").touch()
        answers = [process.communicate() for process in processes[:writers]]
        (folder / "done").touch()
        answers += [process.communicate() for process in processes[writers:]]
    finally:
        for process in processes:
            process.kill()
    for process, (_, errors) in zip(processes, answers, strict=True):
        if process.returncode:
            raise Violation(errors[-2000:])
    snapshots = sum(int(out) for out, _ in answers[writers:])
    return Outcome(_check(folder, path, writers), snapshots)


def _start(job: Job) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("many_writers.py")), job.text()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DEEPLAKE_FSYNC": "0"},
    )


def _check(folder: Path, path: Path, writers: int) -> int:
    """Compare the dataset with the ledgers; returns how many entries these have."""
    alive: Counter[int] = Counter()
    messages: Counter[str] = Counter()
    counts: list[int] = []
    entries = 0
    for number in range(writers):
        for line in (folder / f"writer-{number}").read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            entries += 1
            alive.update(entry.get("add", ()))
            alive.subtract(entry.get("remove", ()))
            messages.update([entry["commit"]] if "commit" in entry else ())
            counts += [entry["count"]] if "count" in entry else []
    ds = deeplake.load(path)
    found = rows.read(ds)
    expected = sorted(+alive)
    if sorted(found[1:]) != expected:
        lost, more = Counter(expected) - Counter(found[1:]), Counter(found[1:]) - Counter(expected)
        raise Violation(f"lost rows: {[*lost]}; rows that should not be there: {[*more]}")
    if sorted(counts) != list(range(COUNTER + 1, found[0] + 1)):
        raise Violation(f"the counter is {found[0]} after the updates {sorted(counts)}")
    made = Counter(str(entry["message"]) for entry in ds.commits)
    if made != messages:
        raise Violation(f"lost commits: {messages - made}; commits too many: {made - messages}")
    report = scrub(Repository(LocalStore(path)))
    if not report.ok:
        raise Violation(str(report.problems))
    return entries


@pytest.mark.parametrize("lost", [0.0, 0.05], ids=["", "answers lost"])
def test_writers(tmp_path: Path, lost: float) -> None:
    # Each lost answer is waited for and asked about: a part of the figures does.
    writers, commits = (min(WRITERS, 8), min(COMMITS, 100)) if lost else (WRITERS, COMMITS)
    outcome = run(tmp_path, writers, commits, lost=lost)
    assert outcome.acknowledged == 2 * writers * commits
    assert outcome.snapshots >= READERS
    tally.count("snapshots read", outcome.snapshots)


@pytest.mark.parametrize("plant", PLANTS)
def test_finds(tmp_path: Path, plant: str) -> None:
    """The harness sees each defect."""
    with pytest.raises(Violation):
        run(tmp_path, 3, 15, plant=plant)
