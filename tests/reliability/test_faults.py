"""R7: the store fails, at each request of a script in turn. What was done is done, what was not is not.

``DEEPLAKE_SOAK_SCRIPT`` (200) makes the script longer, and lets every request
fail, not only some of them.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from deeplake.errors import (
    DeepLakeError,
    PreconditionFailedError,
    StorageError,
    StorageTimeoutError,
    TransientStorageError,
)
from deeplake.storage.memory import MemoryStore
from deeplake.testing.stores import Fault, FaultyStore, Request
from deeplake.versioning import session
from deeplake.versioning.repository import Repository
from deeplake.versioning.scrub import scrub
from deeplake.versioning.session import Session

from . import rows
from .script import START, State, Step, copied, create, observed, opened, script

SOAK = int(os.environ.get("DEEPLAKE_SOAK_SCRIPT", "0"))
LENGTH = SOAK or 16
EVERY = 1 if SOAK else 17


REMOTE = replace(MemoryStore.capabilities, mapping=False, request_cost=4096)
"""No maps: every read is a request that can fail."""


def full(message: str) -> StorageError:
    error = StorageError(message)
    error.errno = errno.ENOSPC
    return error


def broken(message: str) -> StorageError:
    error = StorageError(message)
    error.errno = errno.EIO
    return error


FAULTS = {
    "no space": Fault("before", full),
    "disk error": Fault("before", broken),
    "timeout": Fault("before", StorageTimeoutError),
    "answer lost": Fault("after", StorageTimeoutError),
    "outage": Fault("before", StorageTimeoutError, times=12),
    "throttled": Fault("before", TransientStorageError),
    "short read": Fault("short"),
    "short reads": Fault("short", times=12),
}


class Violation(AssertionError):
    """A promise that was not kept."""


@dataclass
class Trial:
    """Some steps on a store that fails.

    Attributes:
        inner: What the store holds.
        store: The store.
    """

    inner: MemoryStore
    store: FaultyStore

    def run(self, now: State, branch: str, steps: list[Step]) -> None:
        """Do the steps; each that fails is tried again if it was not done.

        Raises:
            Violation: A promise was not kept.
        """
        ds = self.insist(lambda: opened(self.store, branch))
        for step in steps:
            while self.attempt(lambda step=step: step.do(ds)) is not None:
                self.state(step.name, now, step.then)
                self.insist(ds.refresh)
                if self.state(step.name, now, step.then) == step.then:
                    break
                self.insist(lambda branch=branch: ds.checkout(branch))
            self.insist(lambda step=step: ds.checkout(step.branch))
            now, branch = step.then, step.branch
        if self.insist(lambda: tuple(rows.read(ds))) != now[branch][0]:
            raise Violation("the handle shows something else")
        self.state("the end", now)
        report = scrub(Repository(self.inner))
        if not report.ok:
            raise Violation(str(report.problems))
        healthy = opened(self.inner)
        healthy.append(rows.row(99))
        if rows.read(opened(self.inner)) != [*now["main"][0], 99]:
            raise Violation("cannot be used afterwards")

    def attempt(self, do: Callable[[], Any]) -> Exception | None:
        """Do something; the error it ends with is one of those that are promised."""
        before = len(self.store.fired)
        try:
            do()
        except StorageError as error:
            if len(self.store.fired) == before:
                raise Violation(f"failed, and the store did not: {error!r}") from error
            return error
        except Exception as error:
            raise Violation(f"{type(error).__name__}: {error}") from error
        return None

    def insist(self, do: Callable[[], Any]) -> Any:
        """Do something that does nothing when it is done twice, until it works."""
        found: list[Any] = []
        while self.attempt(lambda: found.append(do())) is not None:
            continue
        return found[0]

    def state(self, name: str, *allowed: State) -> State:
        """What is there, which is one of these."""
        try:
            found = observed(self.inner)
        except (DeepLakeError, AssertionError) as error:
            raise Violation(f"after {name}: {type(error).__name__}: {error}") from error
        if found not in allowed:
            raise Violation(f"after {name}: {found}, should be one of {allowed}")
        return found


@dataclass(frozen=True)
class Start:
    """Where trials begin: a store, what is in it, what is checked out, and the next steps."""

    store: MemoryStore
    state: State
    branch: str
    steps: list[Step]


def starts(length: int) -> list[Start]:
    """The dataset before each step of the script."""
    store = MemoryStore("mem://script")
    ds = create(store)
    steps = script(length)
    found = []
    state, branch = START, "main"
    for number, step in enumerate(steps):
        found.append(Start(copied(store), state, branch, steps[number : number + 2]))
        step.do(ds)
        state, branch = step.then, step.branch
        assert observed(store) == state
    return found


def fail_everywhere(fault: Fault, starts: list[Start], every: int = 1) -> int:
    """Let every request of every step fail, or each ``every``-th; returns how many did.

    Raises:
        Violation: A promise was not kept.
    """
    fired = 0
    for number, start in enumerate(starts):
        for at in count(number % every, every):
            inner = copied(start.store)
            store = FaultyStore(inner, replace(fault, at=at), capabilities=REMOTE)
            trial = Trial(inner, store)
            try:
                trial.run(start.state, start.branch, start.steps)
            except Violation as violation:
                where = f"step {number} ({start.steps[0].name}), request {at}: {store.fired}"
                raise Violation(f"{where}: {violation}") from violation
            if not store.fired:
                break
            fired += 1
    return fired


pytestmark = pytest.mark.filterwarnings("ignore:the branch .* has no commits yet")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between attempts nothing waits."""
    monkeypatch.setattr(session.time, "sleep", lambda seconds: None)


@pytest.mark.parametrize("name", FAULTS)
def test_faults(name: str) -> None:
    fired = fail_everywhere(FAULTS[name], starts(LENGTH), EVERY)
    assert fired > LENGTH


@pytest.mark.parametrize("name", ["throttled", "short read", "disk error"])
def test_what_passes_is_not_noticed(name: str) -> None:
    """One failure of a read, or of a put of data, is no error at all."""

    def retried(request: Request) -> bool:
        return "get" in request.op or request.key.startswith("data/")

    before = MemoryStore("mem://passing")
    create(before)
    for at in count():
        inner = copied(before)
        store = FaultyStore(
            inner, replace(FAULTS[name], at=at, matches=retried), capabilities=REMOTE
        )
        ds = opened(store)
        ds.append(rows.row(5))
        ds.commit("one more")
        assert rows.read(opened(store)) == [1, 2, 3, 4, 5]
        assert scrub(Repository(inner)).ok
        if not store.fired:
            break
    assert at > 5


# ---------------------------------------------------------------------------------------- defects
def _failure_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A put that fails is acknowledged."""
    write_ref = Repository.write_ref

    def careless(self: Repository, ref: Any, *, if_match: str | None) -> str:
        try:
            return write_ref(self, ref, if_match=if_match)
        except PreconditionFailedError:
            raise
        except StorageError:
            return "version"

    monkeypatch.setattr(Repository, "write_ref", careless)


def _half_an_update(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors that were edited before another one could not be stay as they are."""
    monkeypatch.setattr(Session, "whole", lambda self, drafts: nullcontext())


def _lost_answer_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A swap whose answer was lost is taken for another writer's, and swapped away."""
    swap = Session._swap

    def fresh(self: Session, ref: Any) -> str:
        for _ in range(3):
            try:
                return self.repository.write_ref(ref, if_match=self._version)
            except PreconditionFailedError:
                _, self._version = self.repository.read_ref(ref.branch)
                ref = replace(ref, seq=ref.seq + 1, commit=ref.head)
            except StorageError:
                continue
        return swap(self, ref)

    monkeypatch.setattr(Session, "_swap", fresh)


PLANTS = (_failure_swallowed, _half_an_update, _lost_answer_done_again)


@pytest.mark.parametrize("plant", PLANTS)
def test_finds(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The harness sees each defect."""
    before = starts(6)
    plant(monkeypatch)
    with pytest.raises(Violation):
        for name in ("outage", "answer lost"):
            fail_everywhere(FAULTS[name], before)
