"""Differences between versions: as dicts, and as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from deeplake.dataset.checkout import Checkout
from deeplake.dataset.clock import when
from deeplake.errors import CheckoutError
from deeplake.format.commit import Commit
from deeplake.versioning import history
from deeplake.versioning.history import CommitChange, TensorChange
from deeplake.versioning.session import Session

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """What was asked for, and what was found.

    Attributes:
        sides: Changes on one side, or on both sides of a common ancestor; newest commit first.
        names: What the sides are called.
        ancestor: The common ancestor of two sides; None if there is none.
    """

    sides: tuple[list[CommitEntry], ...]
    names: tuple[str, ...]
    ancestor: str | None = None


def diff(checkout: Checkout, id_1: str | None, id_2: str | None) -> Difference:
    """What changed since the last commit, or on two sides of a common ancestor.

    Args:
        checkout: The dataset.
        id_1: None: what is not committed. Alone: this version, beside the one checked out.
        id_2: A second version.

    Raises:
        KeyError: There is no such commit, branch or tag.
        ValueError: Only ``id_2`` is given.
    """
    if id_1 is None and id_2 is not None:
        raise ValueError(
            "diff(id_2=…) needs id_1 too; diff(id_1) compares with what is checked out"
        )
    checkout.check_no_transaction("a diff")
    checkout.flush()
    session = checkout.session
    here = _Node(session.base, session.commit_id, session.pending_id)
    current = "HEAD" if session.ref is not None else f"{session.commit_id} (current commit)"
    if id_1 is None:
        return Difference(([_own_entry(checkout, here)],), (current,))
    first = here if id_2 is None else _node(checkout, id_1)
    other = id_1 if id_2 is None else id_2
    second = _node(checkout, other)
    split = history.diverge(
        checkout.repository, _last_commit(checkout, first), _last_commit(checkout, second)
    )
    return Difference(
        (_entries(checkout, first, split.ours), _entries(checkout, second, split.theirs)),
        (current if id_2 is None else id_1, other),
        split.bases[0].id if split.bases else None,
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
            "message": self.commit.message or None,
            "date": when(self.commit.time) if self.is_commit else None,
            "info_updated": self.change.info_updated,
            "renamed": dict(self.change.renamed),
            "deleted": list(self.change.deleted),
        }

    def tensor_entry(self) -> Entry:
        """The part about the tensors that changed."""
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
    try:
        session = Session.open(checkout.repository, address)
    except CheckoutError as error:
        raise KeyError(f"{checkout.path} has no commit, branch or tag {address!r}") from error
    return _Node(session.base, session.commit_id, session.pending_id)


def _last_commit(checkout: Checkout, node: _Node) -> Commit | None:
    if node.is_commit:
        return node.state
    return None if node.commit_id is None else checkout.repository.read_commit(node.commit_id)


def _own_entry(checkout: Checkout, node: _Node) -> CommitEntry:
    """What is not committed; at a past commit, what that changed."""
    if not node.is_commit:
        return _head_entry(checkout, node)
    if checkout.session.ref is None:
        return _commit_entry(checkout, node.state)
    return CommitEntry(Commit(node.pending), node.pending, CommitChange())


def _head_entry(checkout: Checkout, node: _Node) -> CommitEntry:
    change = history.change(checkout.repository, _last_commit(checkout, node), node.state)
    return CommitEntry(Commit(node.pending), node.pending, change)


def _commit_entry(checkout: Checkout, commit: Commit) -> CommitEntry:
    repository = checkout.repository
    parent = repository.read_commit(commit.parents[0]) if commit.parents else None
    return CommitEntry(commit, commit.id, history.change(repository, parent, commit))


def _entries(checkout: Checkout, node: _Node, among: frozenset[str]) -> list[CommitEntry]:
    """One side's commits since the common ancestor, after what is not committed there."""
    entries = [] if node.is_commit else [_head_entry(checkout, node)]
    path = history.first_parents(checkout.repository, _last_commit(checkout, node), among)
    return entries + [_commit_entry(checkout, commit) for commit in path]


def as_dict(found: Difference) -> Entry:
    """The differences as user code reads them: of two sides, tuples."""
    dataset = tuple([entry.dataset_entry() for entry in side] for side in found.sides)
    tensor = tuple([entry.tensor_entry() for entry in side] for side in found.sides)
    if len(found.sides) == 1:
        return {"dataset": dataset[0], "tensor": tensor[0]}
    return {"dataset": dataset, "tensor": tensor}


# --------------------------------------------------------------------------- as text
def as_text(found: Difference, *, coloured: bool = True) -> str:
    """The differences for people.

    Args:
        found: The differences.
        coloured: With the codes that terminals and notebooks show as colours.
    """
    paint = _paint if coloured else _plain
    lines = ["", "## Deep Lake Diff"]
    relative = "the previous commit"
    if len(found.sides) > 1:
        relative = f"the most recent common ancestor, {found.ancestor or 'the beginning'}"
        lines.append(f"What happened in two versions since {relative}:")
    lines.append(LINE)
    for side, name in zip(found.sides, found.names, strict=True):
        header = paint(f"Diff in {name} relative to {relative}:", BLUE)
        lines += [header, *_side_lines(side, paint), LINE]
    return "\n".join(lines)


LINE = "-" * 120
BLUE, YELLOW = "94", "93"


def _paint(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m"


def _plain(text: str, code: str) -> str:
    return text


def _side_lines(side: list[CommitEntry], paint: Callable[[str, str], str]) -> list[str]:
    if not side:
        return ["No changes were made."]
    lines: list[str] = []
    for entry in side:
        lines += ["*" * 80, *_commit_lines(entry, paint), ""]
    return lines


def _commit_lines(entry: CommitEntry, paint: Callable[[str, str], str]) -> list[str]:
    commit = entry.commit
    lines = [
        paint(f"commit {entry.commit_id if entry.is_commit else 'UNCOMMITTED HEAD'}", YELLOW),
        f"Author: {commit.author}",
        f"Date: {when(commit.time) if entry.is_commit else None}",
        f"Message: {commit.message or None}",
        "",
    ]
    change = entry.change
    if change.info_updated:
        lines.append("- Updated dataset info")
    if change.deleted:
        lines.append(f"- Deleted:\t{', '.join(change.deleted)}")
    if change.renamed:
        pairs = ", ".join(f"{old} -> {new}" for old, new in change.renamed.items())
        lines.append(f"- Renamed:\t{pairs}")
    for tensor in sorted(change.tensors, key=lambda t: t.name):
        gap = [""] if lines[-1] else []
        lines += [*gap, tensor.name, *_tensor_lines(tensor)]
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


__all__ = ["CommitEntry", "Difference", "as_dict", "as_text", "diff"]
