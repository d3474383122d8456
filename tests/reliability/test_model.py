"""R8: whatever is done to a dataset, it holds what a list of dicts would hold.

A state machine does random operations of the public API to a dataset and to a model in plain Python,
and compares them. ``DEEPLAKE_SOAK_STEPS=50000`` raises the number of steps, and draws new ones.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, takewhile
from typing import Any, ClassVar

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

import deeplake
from deeplake.dataset.checkout import Checkout
from deeplake.errors import CheckoutError, MergeConflictError, VersionControlError
from deeplake.storage.memory import MemoryStore
from deeplake.versioning import collection, merging, session
from deeplake.versioning.collection import collect
from deeplake.versioning.scrub import scrub
from deeplake.versioning.table import PieceTable

from . import tally
from .version_model import (
    KINDS,
    Clash,
    Column,
    Commit,
    State,
    ancestors,
    bases,
    merged,
    plain,
    value,
)

SOAK = int(os.environ.get("DEEPLAKE_SOAK_STEPS", "0"))
STEPS = SOAK or 2000

POSITION = st.integers(0, 10_000)
SMALL = st.integers(1, 6)
_names = count()


class Aborted(Exception):
    """What ends blocks early."""


@dataclass(frozen=True)
class Branch:
    """What a branch holds, and its last commit."""

    state: State
    commit: str | None


class Machine(RuleBasedStateMachine):
    """Does the same to a dataset and to the model.

    Attributes:
        path: The dataset.
        creds: For where it is.
        here: The branch, or None where a commit is checked out.
        steps: Operations of all machines so far.
    """

    path: str
    creds: Mapping[str, Any] | None = None
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.branches: dict[str, Branch] = {"main": Branch(State(), None)}
        self.commits: dict[str, Commit] = {}
        self.tags: dict[str, str] = {}
        self.views: dict[str, tuple[str, list[int]]] = {}
        self.here: str | None = "main"
        self.at = ""
        self.key = 0
        self.new_branch = 0
        self.place()
        self.ds = deeplake.empty(self.path, creds=self.creds)

    def load(self, path: str) -> deeplake.Dataset:
        return deeplake.load(path, creds=self.creds)

    def place(self) -> None:
        """Set ``path``, and see that what is there stays as long as this."""
        raise NotImplementedError

    # ------------------------------------------------------------------ the model
    @property
    def state(self) -> State:
        if self.here is None:
            return self.commits[self.at].state
        return self.branches[self.here].state

    @state.setter
    def state(self, state: State) -> None:
        if self.here is None:
            # The first change to a commit makes a branch.
            self.here = self.ds.branch
            assert self.here not in self.branches
            self.branches[self.here] = Branch(state, self.at)
        else:
            self.branches[self.here] = replace(self.branches[self.here], state=state)

    @property
    def last(self) -> str | None:
        return self.at if self.here is None else self.branches[self.here].commit

    def fresh(self) -> int:
        self.key += 1
        return self.key

    def keys(self, n: int) -> list[dict[int, int]]:
        """Keys for some new rows."""
        return [{c.id: self.fresh() for c in self.state.columns} for _ in range(n)]

    def sample(self, keys: Mapping[int, int]) -> dict[str, Any]:
        """A row as users give it."""
        return {c.name: value(c.kind, keys[c.id]) for c in self.state.columns if c.id in keys}

    def row(self, position: int) -> int:
        return position % len(self.state.rows)

    def committed(self, branch: str, commit: str, *more: str) -> None:
        """A commit was made of what a branch holds."""
        before = self.branches[branch]
        parents = (() if before.commit is None else (before.commit,)) + more
        if commit not in self.commits:
            self.commits[commit] = Commit(before.state, parents, branch)
        self.branches[branch] = replace(before, commit=commit)

    # ------------------------------------------------------------------ comparing
    def compare(self, ds: deeplake.Dataset, state: State, *, whole: bool = True) -> None:
        assert {*ds.tensors} == {c.name for c in state.columns}
        assert dict(ds.info) == dict(state.info)
        for column in state.columns:
            tensor = ds[column.name]
            keys = state.keys(column)
            assert len(tensor) == len(keys), f"{column}: {len(tensor)} rows, not {len(keys)}"
            if not keys:
                continue
            some = range(len(keys)) if whole else sorted({0, len(keys) // 2, len(keys) - 1})
            found = self.samples(tensor if whole else tensor[list(some)], column.kind)
            assert found == [plain(value(column.kind, keys[i])) for i in some], f"{column}"
            last = tensor[-1]
            assert self.samples(last, column.kind, one=True) == [
                plain(value(column.kind, keys[-1]))
            ]

    @staticmethod
    def samples(tensor: Any, kind: str, *, one: bool = False) -> list[Any]:
        if kind == "text":
            found = tensor.text()
        elif kind == "json":
            found = tensor.dict()
        else:
            found = tensor.numpy(aslist=not one or kind == "sequence")
        return [plain(found)] if one else [plain(sample) for sample in found]

    def check(self) -> None:
        Machine.steps += 1
        tally.count("steps")
        self.compare(self.ds, self.state)

    def teardown(self) -> None:
        try:
            self.compare(self.ds, self.state)
            assert set(self.ds.branches) == set(self.branches)
            for branch, known in self.branches.items():
                opened = self.load(f"{self.path}@{branch}")
                self.compare(opened, known.state)
                assert opened.commit_id == known.commit
            for commit, made in self.commits.items():
                self.compare(self.load(f"{self.path}@{commit}"), made.state, whole=False)
            assert self.ds.tags == self.tags
            report = scrub(self.ds._checkout.repository)
            assert report.ok, report.problems
        finally:
            self.leave()

    def leave(self) -> None:
        """Remove what was written."""

    # ------------------------------------------------------------------ schema
    @initialize()
    def first_tensors(self) -> None:
        for kind in ("number", "ragged"):
            self.create(kind)

    @precondition(lambda self: len(self.state.columns) < 4)
    @rule(kind=st.sampled_from([*KINDS]))
    def create(self, kind: str) -> None:
        """A new tensor gets a sample for each row there is."""
        column = Column(self.fresh(), f"t{self.key}", kind)
        keys = [self.fresh() for _ in self.state.rows]
        with self.ds.transaction():
            self.ds.create_tensor(column.name, **KINDS[kind])
            self.ds[column.name].extend([value(kind, key) for key in keys])
        self.state = self.state.with_column(column, keys)
        self.check()

    @precondition(lambda self: len(self.state.columns) > 1)
    @rule(which=POSITION)
    def delete(self, which: int) -> None:
        column = self.state.columns[which % len(self.state.columns)]
        self.ds.delete_tensor(column.name, large_ok=True)
        self.state = self.state.without_column(column)
        self.check()

    @precondition(lambda self: self.state.columns)
    @rule(which=POSITION)
    def rename(self, which: int) -> None:
        column = self.state.columns[which % len(self.state.columns)]
        name = f"t{self.fresh()}"
        self.ds.rename_tensor(column.name, name)
        self.state = self.state.renamed(column, name)
        self.check()

    @precondition(lambda self: self.here is not None)
    @rule(key=st.sampled_from("ab"), what=SMALL)
    def change_info(self, key: str, what: int) -> None:
        self.ds.info[key] = what
        self.state = replace(self.state, info={**self.state.info, key: what})
        self.check()

    # ------------------------------------------------------------------ rows
    @precondition(lambda self: self.state.columns)
    @rule()
    def append(self) -> None:
        [keys] = self.keys(1)
        self.ds.append(self.sample(keys))
        self.state = self.state.appended([keys])
        self.check()

    @precondition(lambda self: self.state.columns)
    @rule(n=st.integers(0, 9))
    def extend(self, n: int) -> None:
        keys = self.keys(n)
        rows = [self.sample(row) for row in keys]
        self.ds.extend({c.name: [row[c.name] for row in rows] for c in self.state.columns})
        if n:
            self.state = self.state.appended(keys)
        elif self.ds.is_head_node:
            self.state = self.state
        self.check()

    @precondition(lambda self: self.state.rows)
    @rule(position=POSITION, data=st.data())
    def update(self, position: int, data: st.DataObject) -> None:
        at = self.row(position)
        columns = data.draw(
            st.sets(st.sampled_from([c.id for c in self.state.columns]), min_size=1)
        )
        keys = {column: self.fresh() for column in sorted(columns)}
        self.ds[at].update(self.sample(keys))
        self.state = self.state.updated({at: keys})
        self.check()

    @precondition(lambda self: self.state.rows)
    @rule(which=POSITION, start=POSITION, n=SMALL)
    def assign(self, which: int, start: int, n: int) -> None:
        column = self.state.columns[which % len(self.state.columns)]
        rows = range(self.row(start), min(self.row(start) + n, len(self.state.rows)))
        keys = {row: {column.id: self.fresh()} for row in rows}
        self.ds[column.name][rows.start : rows.stop] = [
            value(column.kind, cell[column.id]) for cell in keys.values()
        ]
        self.state = self.state.updated(keys)
        self.check()

    @precondition(lambda self: self.state.rows)
    @rule(positions=st.lists(POSITION, min_size=1, max_size=4))
    def pop(self, positions: list[int]) -> None:
        rows = {self.row(position) for position in positions}
        self.ds.pop(sorted(rows) if len(rows) > 1 else min(rows))
        self.state = self.state.popped(rows)
        self.check()

    @precondition(lambda self: self.state.rows)
    @rule()
    def clear(self) -> None:
        with self.ds.transaction():
            for column in self.state.columns:
                self.ds[column.name].clear()
        self.state = self.state.popped(set(range(len(self.state.rows))))
        self.check()

    @rule()
    def rechunk(self) -> None:
        detached = self.here is None
        self.ds.rechunk(progressbar=False)
        if detached and self.ds.is_head_node:
            self.state = self.state
        self.check()

    # ------------------------------------------------------------------ blocks
    @contextmanager
    def block(self, kind: str) -> Iterator[Callable[[], None]]:
        """A block of some kind; in a transaction, ``forget`` says that it did not happen."""
        if kind == "with":
            with self.ds:
                yield lambda: None
            return
        before, here = self.state, self.here
        keep = [True]
        try:
            with self.ds.transaction():
                yield lambda: keep.clear()
        finally:
            if not keep and here is not None:
                self.state = before

    @precondition(lambda self: self.state.columns and self.here is not None)
    @rule(
        kind=st.sampled_from(["with", "transaction"]),
        end=st.sampled_from(["", "row", "half"]),
        ops=st.lists(st.tuples(st.sampled_from("aaaeup"), POSITION), min_size=1, max_size=6),
    )
    def many(self, kind: str, end: str, ops: list[tuple[str, int]]) -> None:
        """Several operations in one block, ended by an exception, maybe in the middle of a row."""
        try:
            with self.block(kind) as forget:
                for op, position in ops:
                    self.one(op, position)
                    if position % 3 == 0:
                        self.compare(self.ds, self.state)
                if end:
                    forget()
                    if end == "half":
                        column = self.state.columns[-1]
                        self.ds[column.name].append(value(column.kind, self.fresh()))
                    # A tensor alone is as long as a row.
                    if end == "half" and len(self.state.columns) == 1 and kind == "with":
                        self.state = self.state.appended([{column.id: self.key}])
                    raise Aborted
        except Aborted:
            assert end
        self.check()

    def one(self, op: str, position: int) -> None:
        """One operation inside a block."""
        if op == "e":
            keys = self.keys(position % 4)
            rows = [self.sample(row) for row in keys]
            self.ds.extend({c.name: [row[c.name] for row in rows] for c in self.state.columns})
            self.state = self.state.appended(keys)
        elif op == "a" or not self.state.rows:
            [row_keys] = self.keys(1)
            self.ds.append(self.sample(row_keys))
            self.state = self.state.appended([row_keys])
        elif op == "u":
            at = self.row(position)
            [row_keys] = self.keys(1)
            self.ds[at].update(self.sample(row_keys))
            self.state = self.state.updated({at: row_keys})
        else:
            at = self.row(position)
            self.ds.pop(at)
            self.state = self.state.popped({at})

    # ------------------------------------------------------------------ other handles
    @rule()
    def reopen(self) -> None:
        self.ds = self.load(f"{self.path}@{self.here or self.at}")
        self.check()

    @precondition(lambda self: self.here is not None and self.state.columns)
    @rule(position=POSITION, ops=st.lists(st.sampled_from("aeup"), min_size=1, max_size=3))
    def elsewhere(self, position: int, ops: list[str]) -> None:
        """Another handle writes; this one sees it when it refreshes, and not before."""
        mine, before = self.ds, self.state
        self.ds = self.load(f"{self.path}@{self.here}")
        try:
            for op in ops:
                self.one(op, position)
            self.compare(mine, before)
        finally:
            self.ds = mine
        self.ds.refresh()
        self.check()

    @precondition(lambda self: self.here is not None and self.state.columns)
    @rule(n=SMALL)
    def race(self, n: int) -> None:
        """Another handle appends first; appends of this one come after it."""
        other = self.load(f"{self.path}@{self.here}")
        theirs, mine = self.keys(n), self.keys(1)
        with self.ds:
            self.ds.append(self.sample(mine[0]))
            for keys in theirs:
                other.append(self.sample(keys))
        self.state = self.state.appended([*theirs, *mine])
        self.check()

    # ------------------------------------------------------------------ versions
    @rule()
    def commit(self) -> None:
        commit = self.ds.commit("a commit", allow_empty=True)
        if self.here is None:
            self.state = self.state
        assert self.here is not None
        assert commit not in self.commits
        self.committed(self.here, commit)
        self.check()

    @precondition(lambda self: len(self.branches) < 6)
    @rule()
    def branch(self) -> None:
        self.new_branch += 1
        name = f"branch {self.new_branch}"
        self.ds.checkout(name, create=True)
        commit = self.ds.commit_id
        state = self.state
        if self.here is not None and commit is not None:
            self.committed(self.here, commit)
        self.branches[name] = Branch(state, commit)
        self.here = name
        self.check()

    @rule(which=POSITION)
    def checkout(self, which: int) -> None:
        """Go to a branch, to a commit by its id, or by a tag."""
        places = [*sorted(self.branches), *self.branches, *self.tags, *self.commits]
        address = places[which % len(places)]
        self.ds.checkout(address)
        if address in self.branches:
            self.here = address
        else:
            self.here, self.at = None, self.tags.get(address, address)
        self.check()

    @precondition(lambda self: self.last is not None and len(self.tags) < 3)
    @rule()
    def tag(self) -> None:
        name = f"tag {self.fresh()}"
        assert self.ds.create_tag(name) == self.last
        assert self.last is not None
        self.tags[name] = self.last

    @precondition(lambda self: self.tags)
    @rule(which=POSITION)
    def delete_tag(self, which: int) -> None:
        name = sorted(self.tags)[which % len(self.tags)]
        self.ds.delete_tag(name)
        del self.tags[name]

    @precondition(lambda self: len(self.branches) > 2)
    @rule(which=POSITION)
    def delete_branch(self, which: int) -> None:
        names = sorted(set(self.branches) - {"main", self.here})
        name = names[which % len(names)]
        if self.grown_from(name):
            with pytest.raises(VersionControlError, match="grew from it"):
                self.ds.delete_branch(name)
        else:
            self.ds.delete_branch(name)
            del self.branches[name]
        self.check()

    def history(self, branch: str) -> list[str]:
        """First parents of a branch, newest first."""
        found = []
        commit = self.branches[branch].commit
        while commit is not None:
            found.append(commit)
            parents = self.commits[commit].parents
            commit = parents[0] if parents else None
        return found

    def grown_from(self, branch: str) -> bool:
        """Whether another branch begins at a commit that was made on this one."""
        made_here = lambda commit: self.commits[commit].branch == branch  # noqa: E731
        own = {*takewhile(made_here, self.history(branch))}
        others = {*self.branches} - {branch}
        return any(own.intersection(self.history(other)) for other in others)

    @precondition(lambda self: len(self.branches) > 1)
    @rule(which=POSITION)
    def rename_branch(self, which: int) -> None:
        names = sorted(set(self.branches) - {"main"})
        old = names[which % len(names)]
        new = f"renamed {self.fresh()}"
        self.ds.rename_branch(old, new)
        self.branches[new] = self.branches.pop(old)
        if self.here == old:
            self.here = new
        self.check()

    @precondition(lambda self: self.here is not None)
    @rule()
    def reset(self) -> None:
        self.ds.reset()
        last = self.last
        self.state = State() if last is None else self.commits[last].state
        self.check()

    @precondition(lambda self: self.here is not None and len(self.branches) > 1)
    @rule(which=POSITION, resolution=st.sampled_from([None, "ours", "theirs"]))
    def merge(self, which: int, resolution: str | None) -> None:
        assert self.here is not None
        names = sorted(set(self.branches) - {self.here})
        target = names[which % len(names)]
        ours, theirs = self.branches[self.here], self.branches[target]
        if ours.commit is None or theirs.commit is None:
            return
        # Whatever is not committed is committed first, so that does not change what is common.
        common = bases(self.commits, ours.commit, theirs.commit)
        if len(common) != 1:
            return
        base = self.commits[next(iter(common))].state
        if not base.columns == ours.state.columns == theirs.state.columns:
            return
        try:
            expected = merged(base, ours.state, theirs.state, resolution)
        except Clash:
            expected = None
        try:
            self.ds.merge(target, conflict_resolution=resolution)
            clashed = False
        except MergeConflictError:
            clashed = True
        self.observe(target)
        log = [entry["commit"] for entry in self.ds.commits]
        known = self.branches[target].commit
        assert known is not None
        if clashed:
            assert expected is None
            self.observe(self.here)
        elif log[0] in self.commits:
            assert known in ancestors(self.commits, log[0])  # there was nothing to merge
        else:
            assert expected is not None, "merged what clashes"
            if log[1] != ours.commit:
                self.committed(self.here, log[1])
            self.state = expected
            self.committed(self.here, log[0], known)
        self.check()

    def observe(self, branch: str) -> None:
        """Take over a commit that was made of what a branch held."""
        last = self.load(f"{self.path}@{branch}").commit_id
        if last is not None and last != self.branches[branch].commit:
            self.committed(branch, last)

    # ------------------------------------------------------------------ views and garbage
    @precondition(lambda self: self.here is not None and self.state.rows and len(self.views) < 3)
    @rule(positions=st.lists(POSITION, min_size=1, max_size=4), optimize=st.booleans())
    def save_view(self, positions: list[int], optimize: bool) -> None:
        self.commit()
        rows = [self.row(position) for position in positions]
        name = f"view {self.fresh()}"
        self.ds[rows].save_view(id=name, optimize=optimize, verbose=False)
        assert self.last is not None
        self.views[name] = self.last, rows
        self.load_view(0)

    @precondition(lambda self: self.views)
    @rule(which=POSITION)
    def load_view(self, which: int) -> None:
        name = sorted(self.views)[which % len(self.views)]
        commit, rows = self.views[name]
        state = self.commits[commit].state
        loaded = self.ds.load_view(name)
        for column in state.columns:
            keys = state.keys(column)
            found = self.samples(loaded[column.name], column.kind)
            assert found == [plain(value(column.kind, keys[row])) for row in rows]

    @precondition(lambda self: self.views)
    @rule(which=POSITION)
    def delete_view(self, which: int) -> None:
        name = sorted(self.views)[which % len(self.views)]
        self.ds.delete_view(name)
        del self.views[name]

    @rule()
    def collect(self) -> None:
        """Garbage goes, and nothing else."""
        held = {branch.commit for branch in self.branches.values()}
        held |= {*self.tags.values(), *(commit for commit, _ in self.views.values())}
        if self.here is None:
            kept = {up for commit in held for up in ancestors(self.commits, commit)}
            if self.at not in kept:
                self.ds.checkout("main")
                self.here = "main"
        collect(self.ds._checkout.repository, dry_run=False, grace=0)
        kept = {up for commit in held for up in ancestors(self.commits, commit)}
        fresh = self.load(self.path)
        for commit in {*self.commits} - kept:
            del self.commits[commit]
            with pytest.raises(CheckoutError):
                fresh.checkout(commit)
        self.check()


class InMemory(Machine):
    """The dataset is in memory."""

    def place(self) -> None:
        name = f"model-{os.getpid()}-{next(_names)}"
        self.path = f"mem://{name}"
        self.store = MemoryStore.named(name)


class OnDisk(Machine):
    """The dataset is on disk."""

    def place(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="deeplake-model-")
        self.path = os.path.join(self.folder, "ds")

    def leave(self) -> None:
        self.ds._checkout.repository.store.close()
        shutil.rmtree(self.folder)


def settings(runs: int, **kwargs: Any) -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=runs, stateful_step_count=50, deadline=None, database=None,
        suppress_health_check=[*HealthCheck], **kwargs,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:the branch .* has no commits yet")
@pytest.mark.parametrize("machine", [InMemory, OnDisk])
def test_model(machine: type[Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPLAKE_FSYNC", "0")
    first = random.randrange(1 << 32) if SOAK else 0
    done = Machine.steps
    for seed in count(first):
        if Machine.steps - done >= STEPS // 2:
            break
        seeded = hypothesis.seed(seed)(type(machine.__name__, (machine,), {}))
        run_state_machine_as_test(seeded, settings=settings(50))


@pytest.mark.parametrize("appended", [0, 1])
def test_half_a_row_after_a_pop(appended: int) -> None:
    """What the machine found once: rows that a block removed counted as rows it had begun with."""
    ds = deeplake.empty("mem://half-a-row")
    for name in "ab":
        ds.create_tensor(name, dtype="int64")
    ds.extend({"a": np.arange(5), "b": np.arange(5)})

    def block() -> None:
        with ds:
            for _ in range(appended):
                ds.append({"a": 5, "b": 5})
            ds.pop([0, 1, 2])
            ds.b.append(6)
            raise Aborted

    with pytest.raises(Aborted):
        block()
    expected = [3, 4, *[5] * appended]
    assert ds.a.numpy().ravel().tolist() == expected
    assert ds.b.numpy().ravel().tolist() == expected


# ---------------------------------------------------------------------------------------- defects
def _pop_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    delete = PieceTable.delete
    monkeypatch.setattr(
        PieceTable, "delete", lambda self, ranges: delete(self, ranges[: max(1, len(ranges) - 1)])
    )


def _half_rows_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checkout, "_drop_half_rows", lambda self: None)


def _reset_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session.Session, "reset", lambda self: None)


def _collection_goes_too_far(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = collection._needed
    monkeypatch.setattr(
        collection, "_needed", lambda repository: {*sorted(needed(repository))[:-1]}
    )


def _merge_takes_no_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging.RowMerge, "apply", lambda self, ours: ours.append(self.append))


def _abort_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session.Session, "discard", session.Session.flush)


PLANTS = (
    _pop_forgets, _half_rows_stay, _reset_does_nothing, _collection_goes_too_far,
    _merge_takes_no_updates, _abort_publishes,
)  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS)
def test_finds(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine sees each defect."""
    plant(monkeypatch)
    with pytest.raises(Exception):  # noqa: B017 - what a defect ends in is its own business
        run_state_machine_as_test(
            InMemory, settings=settings(100, derandomize=True, phases=[Phase.generate])
        )
