"""The graph of commits: ancestors, common ancestors, and what each commit changed."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deeplake.format.commit import Commit, TensorState
from deeplake.versioning.changes import compare
from deeplake.versioning.repository import Repository
from deeplake.versioning.table import PieceTable


def ancestors(repository: Repository, commit: Commit | None) -> Iterator[Commit]:
    """A commit and everything it is built on, each once, newest first."""
    if commit is None:
        return
    queue = [(-commit.time, commit.id)]
    found = {commit.id: commit}
    while queue:
        _, commit_id = heapq.heappop(queue)
        current = found[commit_id]
        yield current
        for parent in current.parents:
            if parent not in found:
                found[parent] = repository.read_commit(parent)
                heapq.heappush(queue, (-found[parent].time, parent))


def common_ancestor(repository: Repository, a: Commit | None, b: Commit | None) -> Commit | None:
    """The latest commit that both are built on: none of its descendants is common too.

    Args:
        repository: The dataset.
        a, b: User commits; None stands for the empty beginning.
    """
    if a is None or b is None:
        return None
    of_b = {commit.id for commit in ancestors(repository, b)}
    common = [commit for commit in ancestors(repository, a) if commit.id in of_b]
    # Clocks of writers differ, so times alone do not tell which is the latest: it is no parent of
    # another common ancestor.
    parents = {parent for commit in common for parent in commit.parents}
    best = [commit for commit in common if commit.id not in parents]
    return best[0] if best else None


def path_to(repository: Repository, commit: Commit | None, end: Commit | None) -> list[Commit]:
    """First-parent ancestors of a commit, newest first, until ``end`` (exclusive)."""
    stop = set() if end is None else {c.id for c in ancestors(repository, end)}
    path = []
    while commit is not None and commit.id not in stop:
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
        added: First and last (exclusive) row that was added.
        updated: Rows with new data, numbered as they are afterwards.
        deleted: Rows that are gone, numbered as they were.
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
        if tid in old and old[tid].schema.name != state.schema.name
    }
    tensors = [
        tensor_change(repository, old.get(tid), state)
        for tid, state in after.tensors.items()
        if not state.schema.hidden
    ]
    return CommitChange(
        info_updated=dict(before.info if before is not None else {}) != dict(after.info),
        renamed=renamed,
        deleted=tuple(s.schema.name for tid, s in old.items() if tid not in after.tensors),
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
    added = rows.added.count
    gone = rows.deleted.count
    return TensorChange(
        name,
        cleared=before.length > 0 and gone == before.length,
        info_updated=dict(before.info) != dict(after.info),
        added=(after.length - added, after.length) if added else (0, 0),
        updated=_numbers(rows.updated.row_numbers()),
        deleted=_numbers(rows.deleted.row_numbers()),
    )


def _numbers(rows: np.ndarray[Any, Any]) -> frozenset[int]:
    return frozenset(rows.tolist())


def stored_table(repository: Repository, state: TensorState) -> PieceTable:
    """The piece table of a tensor in a commit."""
    return PieceTable.stored(state.segments, state.schema.ndim or 0, repository.read_segment)


__all__ = [
    "CommitChange", "TensorChange", "ancestors", "change", "common_ancestor", "path_to",
    "stored_table", "tensor_change",
]  # fmt: skip
