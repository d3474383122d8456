"""Which objects a dataset needs: everything that a branch, tag or view leads to."""

from __future__ import annotations

from collections.abc import Iterator

from deeplake.format import envelope
from deeplake.format.commit import Commit, SegmentRef
from deeplake.format.segment import unpack
from deeplake.versioning.repository import Repository

VIEWS = "views/"


def commits(repository: Repository) -> Iterator[Commit]:
    """Every state that can be opened, each once: heads, history, tags, views.

    Raises:
        CheckoutError: A commit that something refers to is missing.
    """
    seen: set[str] = set()
    queue: list[str] = []
    for branch in repository.branches():
        ref, _ = repository.read_ref(branch)
        if ref.inline is not None and ref.head not in seen:
            seen.add(ref.head)
            queue.extend(ref.inline.parents)
            yield ref.inline
        queue.append(ref.head)
        if ref.commit is not None:
            queue.append(ref.commit)
    queue.extend(repository.tags().values())
    queue.extend(view_commits(repository))
    while queue:
        commit_id = queue.pop()
        if commit_id in seen:
            continue
        seen.add(commit_id)
        commit = repository.read_commit(commit_id)
        queue.extend(commit.parents)
        yield commit


def view_commits(repository: Repository) -> Iterator[str]:
    """Commits that saved views refer to."""
    for info in repository.store.list(VIEWS):
        view = envelope.unwrap("view", repository.store.get(info.key), info.key)
        for key in ("commit", "materialized"):
            if isinstance(view.get(key), str):
                yield view[key]


def segments(repository: Repository, commit: Commit) -> Iterator[tuple[str, SegmentRef]]:
    """Segments and index blocks of a commit, with the names of their tensors."""
    for state in commit.tensors.values():
        for ref in state.segments:
            yield state.schema.name, ref
            if ref.level:
                for inner in unpack(repository.read_segment(ref)):
                    yield state.schema.name, inner


__all__ = ["VIEWS", "commits", "segments", "view_commits"]
