"""Differences between versions: as dicts, and as text."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from deeplake.dataset.checkout import Checkout
from deeplake.dataset.clock import when
from deeplake.errors import CheckoutError
from deeplake.format.commit import Commit
from deeplake.versioning import history
from deeplake.versioning.history import CommitChange, TensorChange
from deeplake.versioning.session import find_commit

Entry = dict[str, Any]


def diff(
    checkout: Checkout, id_1: str | None, id_2: str | None
) -> tuple[list[CommitEntry], list[CommitEntry] | None, str]:
    """What changed: on one side, or on two sides of a common ancestor.

    Returns:
        Changes of the first side, newest first; of the second side, or None if only the last commit
        was asked for; and a title.

    Raises:
        KeyError: There is no such commit or branch.
        ValueError: Only ``id_2`` is given.
    """
    if id_1 is None and id_2 is not None:
        raise ValueError(
            "diff(id_2=…) needs id_1 too; diff(id_1) compares with what is checked out"
        )
    session = checkout.session
    session.flush()
    here = _Node(session.base, session.commit_id, session.pending_id)
    if id_1 is None:
        return [_head_entry(checkout, here)], None, "Diff in HEAD relative to the previous commit:"
    first = here if id_2 is None else _node(checkout, id_1)
    second = _node(checkout, id_1 if id_2 is None else id_2)
    repository = checkout.repository
    ancestor = history.common_ancestor(
        repository, _last_commit(checkout, first), _last_commit(checkout, second)
    )
    names = ("HEAD", id_1) if id_2 is None else (id_1, id_2)
    base = "the beginning" if ancestor is None else ancestor.id
    title = (
        f"Diff in {names[0]} and {names[1]} relative to their most recent common ancestor {base}:"
    )
    return (
        _entries(checkout, first, ancestor),
        _entries(checkout, second, ancestor),
        title,
    )


class _Node:
    """A version: a commit, or uncommitted data after one."""

    def __init__(self, state: Commit, commit_id: str | None, pending: str) -> None:
        self.state = state
        self.commit_id = commit_id
        self.pending = pending

    @property
    def is_commit(self) -> bool:
        return self.state.message is not None


class CommitEntry:
    """What one commit, or the uncommitted head, changed.

    Attributes:
        commit: Its state.
        commit_id: Its id, or the id that the next commit will have.
        change: What it changed.
    """

    def __init__(self, commit: Commit, commit_id: str, change: CommitChange) -> None:
        self.commit = commit
        self.commit_id = commit_id
        self.change = change

    @property
    def is_commit(self) -> bool:
        """Whether it is committed."""
        return self.commit.message is not None

    def dataset_entry(self) -> Entry:
        """The part about the dataset, as ``diff(as_dict=True)`` gives it."""
        return {
            "commit_id": self.commit_id,
            "author": self.commit.author,
            "message": self.commit.message,
            "date": when(self.commit.time) if self.is_commit else None,
            "info_updated": self.change.info_updated,
            "renamed": dict(self.change.renamed),
            "deleted": list(self.change.deleted),
        }

    def tensor_entry(self) -> Entry:
        """The part about the tensors."""
        entry: Entry = {"commit_id": self.commit_id}
        for tensor in self.change.tensors:
            entry[tensor.name] = {
                "created": tensor.created,
                "cleared": tensor.cleared,
                "info_updated": tensor.info_updated,
                "data_added": list(tensor.added),
                "data_updated": set(tensor.updated),
                "data_deleted": set(tensor.deleted),
                "data_transformed_in_place": False,
            }
        return entry


def _node(checkout: Checkout, address: str) -> _Node:
    repository = checkout.repository
    try:
        commit = find_commit(repository, address)
    except CheckoutError as error:
        raise KeyError(f"{checkout.path} has no commit, branch or tag {address!r}") from error
    if commit.message is not None:
        return _Node(commit, commit.id, commit.id)
    parent = commit.parents[0] if commit.parents else None
    return _Node(commit, parent, commit.id)


def _last_commit(checkout: Checkout, node: _Node) -> Commit | None:
    if node.is_commit:
        return node.state
    return None if node.commit_id is None else checkout.repository.read_commit(node.commit_id)


def _head_entry(checkout: Checkout, node: _Node) -> CommitEntry:
    """What is not committed."""
    before = _last_commit(checkout, node)
    if node.is_commit and checkout.session.ref is None:
        # A past commit is checked out: its own changes are what can be shown.
        parents = node.state.parents
        before = checkout.repository.read_commit(parents[0]) if parents else None
        return CommitEntry(
            node.state, node.state.id, history.change(checkout.repository, before, node.state)
        )
    empty = CommitChange() if node.is_commit else None
    found = empty or history.change(checkout.repository, before, node.state)
    head = Commit(node.pending, author=node.state.author)
    return CommitEntry(head, node.pending, found)


def _entries(checkout: Checkout, node: _Node, ancestor: Commit | None) -> list[CommitEntry]:
    repository = checkout.repository
    entries = [] if node.is_commit else [_head_entry(checkout, node)]
    for commit in history.path_to(repository, _last_commit(checkout, node), ancestor):
        parent = repository.read_commit(commit.parents[0]) if commit.parents else None
        entries.append(CommitEntry(commit, commit.id, history.change(repository, parent, commit)))
    return entries


def as_dict(first: list[CommitEntry], second: list[CommitEntry] | None) -> Entry:
    """The differences as user code reads them."""
    if second is None:
        return {
            "dataset": [e.dataset_entry() for e in first],
            "tensor": [e.tensor_entry() for e in first],
        }
    return {
        "dataset": ([e.dataset_entry() for e in first], [e.dataset_entry() for e in second]),
        "tensor": ([e.tensor_entry() for e in first], [e.tensor_entry() for e in second]),
    }


# --------------------------------------------------------------------------- as text
def as_text(
    first: list[CommitEntry], second: list[CommitEntry] | None, title: str, names: Sequence[str]
) -> str:
    """The differences for people."""
    lines = ["", "## Deep Lake Diff", title, "-" * 120]
    sides = [first] if second is None else [first, second]
    for side, name in zip(sides, names, strict=False):
        lines.append(_coloured(f"Diff in {name}:" if second is not None else name, "94"))
        if not side:
            lines.append("No changes were made.")
        for entry in side:
            lines += ["*" * 80, *_commit_lines(entry), ""]
        lines.append("-" * 120)
    return "\n".join(lines)


def _coloured(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() else text


def _commit_lines(entry: CommitEntry) -> list[str]:
    commit = entry.commit
    if entry.is_commit:
        lines = [
            _coloured(f"commit {entry.commit_id}", "93"),
            f"Author: {commit.author}",
            f"Date: {when(commit.time)}",
            f"Message: {commit.message}",
        ]
    else:
        lines = [_coloured("commit UNCOMMITTED HEAD", "93")]
    lines.append("")
    change = entry.change
    if change.info_updated:
        lines.append("- Updated dataset info")
    if change.deleted:
        lines.append(f"- Deleted:\t{', '.join(change.deleted)}")
    if change.renamed:
        pairs = ", ".join(f"{old} -> {new}" for old, new in change.renamed.items())
        lines.append(f"- Renamed:\t{pairs}")
    for tensor in sorted(change.tensors, key=lambda t: t.name):
        lines += ["", tensor.name, *_tensor_lines(tensor)]
    if not (change.info_updated or change.deleted or change.renamed or change.tensors):
        lines.append("No changes were made in this commit.")
    return lines


def _tensor_lines(tensor: TensorChange) -> list[str]:
    lines = []
    if tensor.created:
        lines.append("* Created tensor")
    if tensor.cleared:
        lines.append("* Cleared tensor")
    start, stop = tensor.added
    if stop > start:
        lines.append(f"* Added {_samples(stop - start)}: [{_span(start, stop)}]")
    if tensor.updated:
        lines.append(f"* Updated {_samples(len(tensor.updated))}: [{_ranges(tensor.updated)}]")
    if tensor.deleted:
        lines.append(f"* Deleted {_samples(len(tensor.deleted))}: [{_ranges(tensor.deleted)}]")
    if tensor.info_updated:
        lines.append("* Updated tensor info")
    return lines


def _samples(n: int) -> str:
    return f"{n} sample" if n == 1 else f"{n} samples"


def _span(start: int, stop: int) -> str:
    return f"{start}" if stop - start == 1 else f"{start}-{stop - 1}"


def _ranges(rows: Iterable[int]) -> str:
    spans: list[list[int]] = []
    for row in sorted(rows):
        if spans and spans[-1][1] == row:
            spans[-1][1] = row + 1
        else:
            spans.append([row, row + 1])
    return ", ".join(_span(a, b) for a, b in spans)


__all__ = ["CommitEntry", "as_dict", "as_text", "diff"]
