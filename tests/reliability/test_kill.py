"""A writer is killed at random points: nothing that was acknowledged is lost, no row is torn.

``DEEPLAKE_SOAK_KILLS=10000`` raises the number of kills. Each is the SIGKILL of a process of its
own, which was forked from one that has deeplake imported. Two of three die at a system call, drawn
from the first hundred or so that they make (some with half of a write done), the others whenever their
time comes; both are samples. After each kill the branches that it could have touched are read as a
whole, with the newest commit and an older one; every ``ROUND`` kills all branches and commits are read,
garbage is collected, everything is scrubbed, and the next writers get a new dataset.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import deeplake
from deeplake.errors import DeepLakeError, ReadOnlyModeError
from deeplake.storage.local import LocalStore
from deeplake.versioning.collection import collect
from deeplake.versioning.repository import Repository
from deeplake.versioning.scrub import scrub

from . import rows, tally
from .kill_writer import PLANTS, Job

KILLS = int(os.environ.get("DEEPLAKE_SOAK_KILLS", "120"))
PARTS = 4
ROUND = 125


class Server:
    """The process that forks writers."""

    def __init__(self, fsync: bool) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("kill_writer.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "DEEPLAKE_FSYNC": str(int(fsync))},
        )

    def start(self, job: Job) -> int:
        """Start a writer; returns its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(job.line())
        self._process.stdin.flush()
        return self._number()

    def wait(self) -> int:
        """Wait for the death of the writer; returns its exit code (negative: the signal)."""
        return self._number()

    def _number(self) -> int:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the server of writers died"
        return int(line)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def server(fsync: bool) -> Iterator[Server]:
    running = Server(fsync)
    try:
        yield running
    finally:
        running.close()


class Violation(AssertionError):
    """A promise that was not kept."""


@dataclass
class Checker:
    """What a dataset has to hold, learned from the ledger.

    Attributes:
        path: The dataset.
        branches: Keys of the rows of each branch.
        commits: Keys of the rows of each commit, by its id.
        messages: Messages of commits, by branch.
    """

    path: Path
    branches: dict[str, list[int]] = field(default_factory=lambda: {"main": []})
    commits: dict[str, list[int]] = field(default_factory=dict)
    next_key: int = 1
    acknowledged: int = 0

    def replay(self, ledger: Path) -> None:
        """Follow a ledger, and look in the dataset how its last operation ended."""
        entries = [json.loads(line) for line in ledger.read_bytes().splitlines()]
        pending: dict[str, Any] | None = None
        touched = {"main"}
        for entry in entries:
            if "failed" in entry:
                raise Violation(f"the writer failed: {entry['failed']}")
            if "ack" in entry:
                assert pending is not None
                assert pending["n"] == entry["ack"]
                self.apply(pending, entry.get("result"))
                self.acknowledged += 1
                pending = None
            else:
                pending = entry
                touched |= {entry["branch"], entry.get("name", "main")}
                for key in (*entry.get("keys", ()), entry.get("key", 0)):
                    self.next_key = max(self.next_key, key + 1)
        # Messages and names of branches are numbered too.
        self.next_key += len(entries)
        deleted = any(entry.get("op") == "delete" for entry in entries)
        self.verify(pending, touched, deleted=deleted)

    def apply(self, entry: dict[str, Any], result: str | None) -> None:
        """An operation that was acknowledged."""
        branch, op = entry["branch"], entry["op"]
        keys = self.branches[branch]
        if op in ("add", "all"):
            self.branches[branch] = keys + entry["keys"]
        elif op == "update":
            self.branches[branch] = _updated(keys, entry)
        elif op == "pop":
            self.branches[branch] = _popped(keys, entry)
        elif op == "commit":
            assert result is not None
            self.commits[result] = keys
        elif op == "branch":
            self.branches[entry["name"]] = keys
        elif op == "delete":
            del self.branches[entry["name"]]

    def allowed(self, branch: str, pending: dict[str, Any] | None) -> list[list[int]]:
        """What a branch may hold."""
        keys = self.branches[branch]
        if pending is None or pending["branch"] != branch:
            return [keys]
        op = pending["op"]
        if op == "add":
            new = pending["keys"]
            return [keys + new[:n] for n in range(len(new) + 1)]
        if op == "all":
            return [keys, keys + pending["keys"]]
        if op == "update":
            return [keys, _updated(keys, pending)]
        if op == "pop":
            return [keys, _popped(keys, pending)]
        return [keys]

    def verify(
        self, pending: dict[str, Any] | None, touched: set[str], *, deleted: bool = False
    ) -> None:
        """Compare, and take over what the operation that was cut short has done."""
        try:
            ds = deeplake.load(self.path)
            there = set(ds.branches)
        except DeepLakeError as error:
            raise Violation(f"cannot be opened: {error}") from error
        if pending is not None and pending["op"] == "branch" and pending["name"] in there:
            self.branches[pending["name"]] = self.branches[pending["branch"]]
        if pending is not None and pending["op"] == "delete" and pending["name"] not in there:
            del self.branches[pending["name"]]
        if there != set(self.branches):
            raise Violation(f"has branches {there}, should have {set(self.branches)}")
        for branch in sorted(touched & there):
            self.branches[branch] = self.one_of(branch, self.allowed(branch, pending))
        if pending is not None and pending["op"] == "commit":
            ds = deeplake.load(f"{self.path}@{pending['branch']}")
            made = [
                c["commit"]
                for c in ds.commits
                if c["message"] == pending["message"] and c["commit"] not in self.commits
            ]
            self.commits.update(dict.fromkeys(made, self.branches[pending["branch"]]))
        if pending is not None and pending["op"] == "delete" and pending["name"] in there:
            # It may be closed to writers by now. What an error then says to do works.
            ds = deeplake.load(self.path)
            ds.delete_branch(pending["name"])
            if pending["name"] in ds.branches:
                raise Violation(f"{pending['name']} is there after it was deleted again")
            del self.branches[pending["name"]]
        if deleted:
            self.commits = self.reachable()
        commits = [*self.commits]
        for commit in {*commits[-1:], *random.sample(commits, min(1, len(commits)))}:
            self.one_of(commit, [self.commits[commit]])

    def one_of(self, address: str, allowed: list[list[int]]) -> list[int]:
        """The keys that a version holds, which are one of these lists."""
        try:
            found = rows.read(deeplake.load(f"{self.path}@{address}"))
        except (DeepLakeError, AssertionError) as error:
            raise Violation(f"{address}: {type(error).__name__}: {error}") from error
        if found not in allowed:
            raise Violation(f"{address}: holds the rows {found}, should be one of {allowed}")
        return found

    def reachable(self) -> dict[str, list[int]]:
        """The commits that a branch is built on: those of deleted branches may be collected."""
        found: dict[str, list[int]] = {}
        for branch in self.branches:
            try:
                history = deeplake.load(f"{self.path}@{branch}").commits
            except DeepLakeError as error:
                raise Violation(f"{branch}: its history cannot be read: {error}") from error
            known = [c["commit"] for c in history if c["commit"] in self.commits]
            found |= {commit: self.commits[commit] for commit in known}
        return found

    def write(self) -> None:
        """The dataset takes further rows."""
        key, self.next_key = self.next_key, self.next_key + 1
        ds = deeplake.load(self.path)
        ds.append(rows.row(key))
        self.branches["main"] = [*self.branches["main"], key]
        self.one_of("main", [self.branches["main"]])


def _updated(keys: list[int], entry: dict[str, Any]) -> list[int]:
    return [*keys[: entry["at"]], entry["key"], *keys[entry["at"] + 1 :]]


def _popped(keys: list[int], entry: dict[str, Any]) -> list[int]:
    gone = set(entry["rows"])
    return [key for at, key in enumerate(keys) if at not in gone]


def kill(path: Path, kills: int, seed: int, *, plant: str = "", fsync: bool = False) -> Checker:
    """Kill writers of one dataset, and check it after each.

    Raises:
        Violation: A promise was not kept.
    """
    rng = random.Random(seed)
    random.seed(seed)
    checker = Checker(path / "ds")
    rows.create(deeplake.empty(checker.path))
    with server(fsync) as writers:
        for number in range(kills):
            ledger = path / f"ledger-{number}"
            ledger.touch()
            calls = rng.randint(1, 120) if rng.random() < 2 / 3 else None
            job = Job(
                str(checker.path), str(ledger), rng.getrandbits(32), checker.branches,
                checker.next_key, calls, plant,
            )  # fmt: skip
            pid = writers.start(job)
            if calls is None:
                time.sleep(rng.uniform(0.002, 0.12))
                # A planted defect may have ended it: its exit code tells below.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            code = writers.wait()
            try:
                checker.replay(ledger)
                if code != -signal.SIGKILL:
                    raise Violation(f"the writer ended by itself, with {code}")
                if number % 5 == 0:
                    checker.write()
            except Violation as violation:
                raise Violation(
                    f"seed {seed}, kill {number + 1} of {kills}: {violation}; see {ledger}"
                ) from violation
            ledger.unlink()
            tally.count("kills")
    return checker


@pytest.mark.parametrize("part", range(PARTS))
def test_kills(tmp_path: Path, part: int) -> None:
    left = -(-KILLS // PARTS)
    acknowledged = 0
    while left:
        folder = tmp_path / f"{left}"
        folder.mkdir()
        kills = min(left, ROUND)
        checker = kill(folder, kills, seed=part * 1_000_000 + left, fsync=part == 3)
        check_all(checker)
        tally.count("acknowledged operations", checker.acknowledged)
        acknowledged += checker.acknowledged
        left -= kills
        shutil.rmtree(folder)
    # Those that die at a system call do something before, however slow the machine is.
    assert acknowledged > KILLS // PARTS // 4


def check_all(checker: Checker) -> None:
    """Whether everything is there, and whole, after garbage was collected."""
    repository = Repository(LocalStore(checker.path))
    collect(repository, dry_run=False, grace=0)
    report = scrub(repository)
    assert report.ok, report
    for address, keys in (checker.branches | checker.reachable()).items():
        checker.one_of(address, [keys])


def test_branches_that_are_half_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A branch that was closed but not removed when its writer died is deleted again."""
    checker = Checker(tmp_path / "ds")
    ds = deeplake.empty(checker.path)
    rows.create(ds)
    ds.commit("first")
    ds.checkout("half", create=True)
    ds.append(rows.row(1))
    ds.commit("on half")
    ds.checkout("main")
    checker.branches["half"] = [1]
    with monkeypatch.context() as dying:
        dying.setattr(LocalStore, "delete", lambda *_, **__: None)  # nothing is removed
        ds.delete_branch("half")
    half = deeplake.load(f"{checker.path}@half")
    with pytest.raises(ReadOnlyModeError, match="being deleted"):
        half.append(rows.row(2))
    ledger = tmp_path / "ledger"
    ledger.write_text(json.dumps({"n": 1, "op": "delete", "branch": "main", "name": "half"}) + "\n")
    checker.replay(ledger)
    assert set(checker.branches) == {"main"} == set(deeplake.load(checker.path).branches)


def test_earlier_commits_of_the_same_message(tmp_path: Path) -> None:
    """What a commit that was cut short would hold is not expected of an earlier one of its name."""
    checker = Checker(tmp_path / "ds")
    ds = deeplake.empty(checker.path)
    rows.create(ds)
    ds.append(rows.row(1))
    commit = ds.commit("again")
    ds.append(rows.row(2))
    checker.branches["main"] = [1]
    entries: list[dict[str, Any]] = [
        {"n": 1, "op": "commit", "branch": "main", "message": "again"},
        {"ack": 1, "result": commit},
        {"n": 2, "op": "add", "branch": "main", "keys": [2]},
        {"ack": 2, "result": None},
        {"n": 3, "op": "commit", "branch": "main", "message": "again"},
    ]
    ledger = tmp_path / "ledger"
    ledger.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    checker.replay(ledger)
    assert checker.commits == {commit: [1]}
    second = ds.commit("again")
    ledger.write_text(json.dumps(entries[-1]) + "\n")
    checker.replay(ledger)
    assert checker.commits == {commit: [1], second: [1, 2]}


@pytest.mark.parametrize("plant", PLANTS)
def test_finds(tmp_path: Path, plant: str) -> None:
    """The harness sees each defect."""
    with pytest.raises(Violation):
        kill(tmp_path, 200, seed=7, plant=plant)
