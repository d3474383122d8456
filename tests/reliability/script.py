"""What faults and crashes are tried on: a script that changes a dataset in every way.

Each step is one promise: when it returns, what it did is there; when it does not return, it was done
as a whole or not at all.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import deeplake
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.dataset import Dataset
from deeplake.spi import Store
from deeplake.storage.memory import MemoryStore
from deeplake.types import joined
from deeplake.versioning.collection import collect
from deeplake.versioning.repository import Repository
from deeplake.versioning.session import Session

from . import rows

Keys: TypeAlias = tuple[int, ...]
State: TypeAlias = dict[str, tuple[Keys, tuple[str, ...]]]
"""Of each branch: the keys of its rows, and the messages of its commits, oldest first."""

START: State = {"main": ((1, 2, 3, 4), ("first",))}


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes:
        name: What it does.
        do: Does it.
        then: What is there afterwards.
        branch: What is checked out afterwards.
    """

    name: str
    do: Callable[[deeplake.Dataset], object]
    then: State
    branch: str


def opened(store: Store, address: str | None = None) -> deeplake.Dataset:
    """The dataset in a store."""
    session = Session.open(Repository(store), address)
    return Dataset(Checkout(store.url, session, read_only=False), verbose=False)


def create(store: Store) -> deeplake.Dataset:
    """The dataset that scripts start from, in the state ``START``."""
    Repository(store).create()
    ds = opened(store)
    rows.create(ds)
    ds.extend(rows.columns([1, 2, 3]))
    ds.commit("first")
    ds.append(rows.row(4))
    return ds


def observed(store: Store) -> State:
    """What is in a store.

    Raises:
        AssertionError: A row is torn.
        DeepLakeError: It cannot be read.
    """
    found: State = {}
    for branch in Repository(store).branches():
        ds = opened(store, branch)
        messages = [str(entry["message"]) for entry in reversed(ds.commits)]
        found[branch] = tuple(rows.read(ds)), tuple(messages)
    return found


def copied(store: Store) -> MemoryStore:
    """The same objects in memory."""
    copy = MemoryStore("mem://copy")
    for info in store.list(""):
        copy.put(info.key, bytes(joined(store.get(info.key))))
    return copy


def script(length: int, seed: int = 0) -> list[Step]:
    """So many steps, from ``START`` on. The first ones have every operation at least once."""
    writing = _Script(seed)
    every = [
        "append",
        "update",
        "extend",
        "with",
        "commit",
        "pop",
        "transaction",
        "branch",
        "append",
    ]
    every += ["reset", "extend", "collect", "go", "rechunk", "commit", "assign"]
    for number in range(length):
        name = every[number] if number < len(every) else writing.rng.choice(every)
        getattr(writing, "add_" + name)()
    return writing.steps


class _Script:
    """Writes a script, and follows what it does."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.state = START
        self.branch = "main"
        self.last: dict[str, Keys] = {"main": (1, 2, 3)}
        self.key = 100
        self.steps: list[Step] = []

    @property
    def keys(self) -> Keys:
        return self.state[self.branch][0]

    def fresh(self, n: int) -> list[int]:
        self.key += n
        return list(range(self.key - n, self.key))

    def add(
        self, name: str, do: Callable[[deeplake.Dataset], object], keys: Keys | None = None
    ) -> None:
        before, messages = self.state[self.branch]
        self.state = {**self.state, self.branch: (before if keys is None else keys, messages)}
        self.steps.append(Step(name, do, self.state, self.branch))

    def add_append(self) -> None:
        [key] = self.fresh(1)
        self.add("append", lambda ds: ds.append(rows.row(key)), (*self.keys, key))

    def add_extend(self) -> None:
        keys = self.fresh(self.rng.randint(1, 5))
        self.add("extend", lambda ds: ds.extend(rows.columns(keys)), (*self.keys, *keys))

    def add_with(self) -> None:
        keys = self.fresh(3)

        def do(ds: deeplake.Dataset) -> None:
            with ds:
                ds.append(rows.row(keys[0]))
                ds.extend(rows.columns(keys[1:]))

        self.add("with", do, (*self.keys, *keys))

    def add_update(self) -> None:
        if not self.keys:
            return self.add_append()
        at = self.rng.randrange(len(self.keys))
        [key] = self.fresh(1)
        after = (*self.keys[:at], key, *self.keys[at + 1 :])
        return self.add("update", lambda ds: ds[at].update(rows.row(key)), after)

    def add_assign(self) -> None:
        n = len(self.keys) // 2
        keys = self.fresh(n)
        if not n:
            return self.add_append()
        samples = {name: list(values) for name, values in rows.columns(keys).items()}
        return self.add("assign", lambda ds: ds[:n].update(samples), (*keys, *self.keys[n:]))

    def add_pop(self) -> None:
        some = sorted(self.rng.sample(range(len(self.keys)), -(-len(self.keys) // 3)))
        if not some:
            return self.add_append()
        left = tuple(key for at, key in enumerate(self.keys) if at not in some)
        return self.add("pop", lambda ds: ds.pop(some), left)

    def add_transaction(self) -> None:
        keys = self.fresh(2)
        pops = bool(self.keys)

        def do(ds: deeplake.Dataset) -> None:
            with ds.transaction():
                if pops:
                    ds.pop(0)
                ds.append(rows.row(keys[0]))
                ds.append(rows.row(keys[1]))

        self.add("transaction", do, (*self.keys[1:], *keys))

    def add_rechunk(self) -> None:
        self.add("rechunk", lambda ds: ds.rechunk(progressbar=False))

    def add_collect(self) -> None:
        self.add("collect", lambda ds: collect(ds._checkout.repository, dry_run=False, grace=0))

    def add_commit(self) -> None:
        [number] = self.fresh(1)
        message = f"commit {number}"
        keys, messages = self.state[self.branch]
        self.state = {**self.state, self.branch: (keys, (*messages, message))}
        self.last[self.branch] = keys
        do = lambda ds: ds.commit(message, allow_empty=True)  # noqa: E731
        self.steps.append(Step("commit", do, self.state, self.branch))

    def add_reset(self) -> None:
        self.add("reset", lambda ds: ds.reset(), self.last[self.branch])

    def add_branch(self) -> None:
        self.add_commit()  # a new branch would make one by itself: that is two promises
        [number] = self.fresh(1)
        name = f"branch {number}"
        self.state = {**self.state, name: self.state[self.branch]}
        self.last[name] = self.last[self.branch]
        self.branch = name
        self.steps.append(
            Step("branch", lambda ds: ds.checkout(name, create=True), self.state, name)
        )

    def add_go(self) -> None:
        name = self.rng.choice(sorted(self.state))
        self.branch = name
        self.steps.append(Step("go", lambda ds: ds.checkout(name), self.state, name))


__all__ = ["START", "State", "Step", "copied", "create", "observed", "opened", "script"]
