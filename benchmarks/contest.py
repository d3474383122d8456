"""Several contenders, each in a process and an environment of its own, doing the same work in turn.

Round by round, every contender does the same before the next round begins: what slows the machine
down for a while slows all of them.
"""

from __future__ import annotations

import mmap
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import environments
import numpy as np
from measure import Options, Row, Timing
from worker import Answer, Kept, Loaded

HERE = Path(__file__).parent


@dataclass(slots=True)
class Contender:
    """A running contender.

    Attributes:
        name: Its column in the tables.
        folder: A folder of its own, on the disk that is measured.
    """

    name: str
    folder: Path
    line: Connection
    process: subprocess.Popen[bytes]
    lacks: set[str] = field(default_factory=set)

    def call(
        self, method: str, *arguments: Any, keep: str = "",
        each: Sequence[tuple[Any, ...]] | None = None, limit: float | None = None,
    ) -> Answer | None:  # fmt: skip
        """Let it do something; None if it cannot.

        Args:
            method: A method of its role.
            *arguments: ``Kept`` and ``Loaded`` stand for what the contender has and reads itself.
            keep: Name to keep the result under, in the contender.
            each: Call once with each of these further arguments, and time them together.
            limit: Seconds after which it is ended, and does nothing more.

        Raises:
            RuntimeError: It failed.
        """
        order = {"method": method, "arguments": arguments, "keep": keep, "each": each}
        answer = self._answer(order, method, limit)
        if answer.error:
            raise RuntimeError(f"{self.name} failed in {method}:\n{answer.error}")
        return None if answer.missing else answer

    def forget_peak(self) -> None:
        """Let it give free memory back to the system, and count its most memory anew."""
        self._answer(None, "forget_peak")

    def _answer(
        self, order: dict[str, Any] | None, method: str, limit: float | None = None
    ) -> Answer:
        try:
            self.line.send(order)
            if limit is not None and not self.line.poll(limit):
                self.process.kill()
                self.process.wait()
                raise RuntimeError(f"{self.name} took more than {limit:.0f} s in {method}")
            answer: Answer = self.line.recv()
        except (EOFError, ConnectionError):
            raise RuntimeError(f"{self.name} died in {method}") from None
        return answer

    def stop(self) -> None:
        """End its process."""
        self.line.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def contest(role: str, options: Options) -> Iterator[list[Contender]]:
    """The contenders of a benchmark, running; those that cannot be had are named and left out."""
    root = options.folder / "written"
    shutil.rmtree(root, ignore_errors=True)
    running: list[Contender] = []
    try:
        for peer in environments.peers(role):
            if not options.runs(peer):
                continue
            try:
                running.append(_start(peer, role, options, root / peer))
            except RuntimeError as error:
                print(f"{peer} is left out: {error}", flush=True)
        yield running
    finally:
        for one in running:
            one.stop()
        shutil.rmtree(root, ignore_errors=True)


def _start(peer: str, role: str, options: Options, folder: Path) -> Contender:
    binary = environments.python(peer, options.folder / "environments")
    environment = dict(os.environ)
    if environments.requirements(peer):
        environment.pop("PYTHONPATH", None)  # it is for ours
    folder.mkdir(parents=True)
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [binary, str(HERE / "worker.py"), peer, role, str(theirs.fileno())],
            env=environment,
            cwd=folder,
            pass_fds=[theirs.fileno()],
        )
    one = Contender(peer, folder, Connection(ours.detach()), process)
    try:
        answer: Answer = one.line.recv()
    except EOFError:
        raise RuntimeError(f"it ended with exit code {process.wait()}") from None
    if answer.error:
        one.stop()
        raise RuntimeError(answer.error.strip().splitlines()[-1])
    return one


MEMORY = 2 << 30

Work = Callable[[Contender], "Answer | None"]


def race(
    row: Row,
    contenders: Sequence[Contender],
    work: Work,
    *,
    items: int,
    rounds: int,
    before: Callable[[Contender], object] | None = None,
    agree: bool = True,
    turn: float | None = None,
    afresh: bool = False,
) -> dict[str, list[Answer]]:
    """Time some work of all contenders in turn, into a row of a table.

    Args:
        row: Where timings go.
        contenders: Who does it.
        work: What is done.
        items: How many items it handles.
        rounds: How many times each does it, after once to warm up.
        before: Runs before each, and is not timed. Who writes gets memory that is awake, too.
        agree: All must find the same.
        turn: Each does it once more whenever it is its turn, before those that count, and then again
            until so many seconds have passed: what is short is timed more often. While the others had
            their turns, a virtual machine may have taken away what was not used for half a minute.
        afresh: ``before`` runs before each of them, not once a turn.

    Returns:
        For each contender what counts.

    Raises:
        AssertionError: They do not: what is fast and wrong does not count.
    """
    timings: dict[str, list[Answer]] = {}
    for number in range(0 if turn is None else 1, rounds + 1):
        found: dict[str, Any] = {}
        first = number % max(len(contenders), 1)  # nobody always comes after the same one
        for one in (*contenders[first:], *contenders[:first]):
            if row.work in one.lacks:
                continue
            prepared = partial(_prepared, before, one)
            prepared()
            one.forget_peak()
            answer = work(one)
            if answer is None:
                one.lacks.add(row.work)
                continue
            found[one.name] = answer.digest
            again = partial(_again, partial(work, one), prepared if afresh else None)
            counted = [answer] if turn is None else list(_turn(again, turn))
            if number:
                timings.setdefault(one.name, []).extend(counted)
        if agree and len({repr(digest) for digest in found.values()}) > 1:
            raise AssertionError(f"{row.work}: what was found differs: {found}")
    for one in contenders:
        if answers := timings.get(one.name):
            wall = tuple(answer.wall for answer in answers)
            row.cells[one.name] = Timing(wall, tuple(answer.cpu for answer in answers), items)
    return timings


def _prepared(before: Callable[[Contender], object] | None, one: Contender) -> None:
    if before is not None:
        before(one)
        wake_memory()


def _again(work: Callable[[], Answer | None], before: Callable[[], None] | None) -> Answer | None:
    if before is not None:
        before()
    return work()


def _turn(work: Callable[[], Answer | None], seconds: float) -> Iterator[Answer]:
    """Do some work at least once, and until so many seconds have passed."""
    begin = time.perf_counter()
    while (answer := work()) is not None:
        yield answer
        if time.perf_counter() - begin >= seconds:
            return


def wake_memory(size: int = MEMORY) -> None:
    """Use as much memory as a contender may, and give it back.

    A virtual machine takes pages back that were free for seconds; whoever uses them next waits for
    each of them, which takes longer than to write a file.
    """
    np.empty(size, np.uint8)[:: mmap.PAGESIZE] = 1


__all__ = ["Answer", "Contender", "Kept", "Loaded", "contest", "race", "wake_memory"]
