"""The graph of commits: ancestors, common ancestors, and what each commit changed."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deeplake.format.commit import Commit, TensorState
from deeplake.versioning.changes import compare
from deeplake.versioning.repository import Repository
from deeplake.versioning.table import PieceTable


@dataclass(frozen=True, slots=True)
class Divergence:
    """How two commits are related.

    Attributes:
        bases: The latest commits that both are built on: none of them is built on another one.
        ours, theirs: Ids of the commits that only one of them is built on.
    """

    bases: tuple[Commit, ...]
    ours: frozenset[str]
    theirs: frozenset[str]


_OURS, _THEIRS, _BOTH, _BELOW = 1, 2, 3, 4


def diverge(repository: Repository, ours: Commit | None, theirs: Commit | None) -> Divergence:
    """Walk back from two commits until only what both have in common is left.

    Reads the commits since their common ancestors (a few more where clocks of writers differ).

    Args:
        repository: The dataset.
        ours, theirs: User commits; None stands for the empty beginning.
    """
    found: dict[str, Commit] = {}
    marks: dict[str, int] = {}
    queue: list[tuple[float, str]] = []
    for commit, mark in ((ours, _OURS), (theirs, _THEIRS)):
        if commit is not None:
            found[commit.id] = commit
            marks[commit.id] = marks.get(commit.id, 0) | mark
            heapq.heappush(queue, (-commit.time, commit.id))
    common: dict[str, Commit] = {}
    while any(not marks[commit_id] & _BELOW for _, commit_id in queue):
        _, commit_id = heapq.heappop(queue)
        commit, mark = found[commit_id], marks[commit_id]
        if mark & _BOTH == _BOTH:
            common[commit_id] = commit
            mark |= _BELOW
        for parent in commit.parents:
            known = marks.get(parent, 0)
            if known | mark == known:
                continue
            marks[parent] = known | mark
            if parent not in found:
                found[parent] = repository.read_commit(parent)
            heapq.heappush(queue, (-found[parent].time, parent))
    bases = [commit for commit_id, commit in common.items() if not marks[commit_id] & _BELOW]
    return Divergence(
        tuple(_independent(repository, bases)),
        frozenset(commit_id for commit_id, mark in marks.items() if mark == _OURS),
        frozenset(commit_id for commit_id, mark in marks.items() if mark == _THEIRS),
    )


def _independent(repository: Repository, commits: list[Commit]) -> list[Commit]:
    """Those that none of the others is built on; newest first."""
    commits = sorted(commits, key=lambda commit: (-commit.time, commit.id))
    if len(commits) < 2:
        return commits
    below: set[str] = set()
    for commit in commits:
        queue = [*commit.parents]
        while queue:
            parent = queue.pop()
            if parent not in below:
                below.add(parent)
                queue.extend(repository.read_commit(parent).parents)
    return [commit for commit in commits if commit.id not in below]


def first_parents(
    repository: Repository, commit: Commit | None, among: frozenset[str]
) -> list[Commit]:
    """A commit and its first-parent ancestors, newest first, as far as they are in a set."""
    path = []
    while commit is not None and commit.id in among:
        path.append(commit)
        commit = repository.read_commit(commit.parents[0]) if commit.parents else None
    return path


@dataclass(frozen=True, slots=True)
class TensorChange:
    """What happened to one tensor between two versions.

    Attributes:
        name: Its name afterwards.
        created: It was not there.
        cleared: All rows that were there are gone.
        info_updated: Its info or class names changed.
        added: First and last (exclusive) row that was added; the same number twice if none was.
        updated: Rows with new data, numbered as they are afterwards.
        deleted: Rows that are gone, numbered as they were; none if the tensor was cleared.
    """

    name: str
    created: bool = False
    cleared: bool = False
    info_updated: bool = False
    added: tuple[int, int] = (0, 0)
    updated: frozenset[int] = frozenset()
    deleted: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        rows = self.updated or self.deleted or self.added[0] != self.added[1]
        return bool(self.created or self.cleared or self.info_updated or rows)


@dataclass(frozen=True, slots=True)
class CommitChange:
    """What happened between two versions of a dataset.

    Attributes:
        info_updated: The dataset's info changed.
        renamed: New names by old names.
        deleted: Names of tensors that are gone.
        tensors: Changes by tensor, hidden ones and those that did not change left out.
    """

    info_updated: bool = False
    renamed: dict[str, str] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    tensors: tuple[TensorChange, ...] = ()


def change(repository: Repository, before: Commit | None, after: Commit) -> CommitChange:
    """What leads from one version to another; ``None`` is the empty beginning."""
    old = before.tensors if before is not None else {}
    renamed = {
        old[tid].schema.name: state.schema.name
        for tid, state in after.tensors.items()
        if tid in old and old[tid].schema.name != state.schema.name and not state.schema.hidden
    }
    tensors = [
        tensor_change(repository, old.get(tid), state)
        for tid, state in after.tensors.items()
        if not state.schema.hidden
    ]
    return CommitChange(
        info_updated=dict(before.info if before is not None else {}) != dict(after.info),
        renamed=renamed,
        deleted=tuple(
            state.schema.name
            for tid, state in old.items()
            if tid not in after.tensors and not state.schema.hidden
        ),
        tensors=tuple(found for found in tensors if found),
    )


def tensor_change(
    repository: Repository, before: TensorState | None, after: TensorState
) -> TensorChange:
    """What happened to one tensor."""
    name = after.schema.name
    if before is None:
        return TensorChange(
            name, created=True, info_updated=bool(after.info), added=(0, after.length)
        )
    rows = compare(stored_table(repository, before), stored_table(repository, after))
    cleared = before.length > 0 and rows.deleted.count == before.length
    return TensorChange(
        name,
        cleared=cleared,
        info_updated=dict(before.info) != dict(after.info),
        added=(after.length - rows.added.count, after.length),
        updated=_numbers(rows.updated.row_numbers()),
        deleted=frozenset() if cleared else _numbers(rows.deleted.row_numbers()),
    )


def _numbers(rows: np.ndarray[Any, Any]) -> frozenset[int]:
    return frozenset(rows.tolist())


def stored_table(repository: Repository, state: TensorState) -> PieceTable:
    """The piece table of a tensor in a commit."""
    return PieceTable.stored(state.segments, state.schema.row_ndim, repository.read_segment)


__all__ = [
    "CommitChange", "Divergence", "TensorChange", "change", "diverge", "first_parents",
    "stored_table", "tensor_change",
]  # fmt: skip
