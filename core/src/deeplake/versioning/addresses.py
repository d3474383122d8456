"""What addresses lead to: the commits that branches, tags and ids stand for."""

from __future__ import annotations

import time

from deeplake.errors import (
    CheckoutError,
    FormatError,
)
from deeplake.format.commit import Commit, Ref
from deeplake.versioning.repository import Repository, is_id, new_id


def head(repository: Repository, ref: Ref) -> Commit:
    """The state that a branch points to.

    Raises:
        FormatError: It is missing.
    """
    try:
        return repository.head_commit(ref)
    except CheckoutError as error:
        raise FormatError(
            f"branch {ref.branch!r} of {repository.store.url} leads to commit {ref.head}, which is "
            "missing; deeplake.load(path, reset=True) goes back to the last commit"
        ) from error


def last_commit(repository: Repository, ref: Ref) -> Commit:
    """The last user commit of a branch, or an empty state before the first.

    Raises:
        FormatError: It is missing.
    """
    if ref.commit is None:
        return Commit(new_id(), time=time.time(), branch=ref.branch)
    try:
        return repository.read_commit(ref.commit)
    except CheckoutError as error:
        raise FormatError(f"commits/{ref.commit} of {repository.store.url} is missing") from error


def user_commit_id(commit: Commit) -> str | None:
    """The user commit that a state is, or follows."""
    if commit.message is not None:
        return commit.id
    return commit.parents[0] if commit.parents else None


def pending_branch(repository: Repository, address: str) -> str | None:
    """The branch whose next commit will have this id."""
    if is_id(address):
        for branch in repository.branches():
            if repository.read_ref(branch)[0].pending == address:
                return branch
    return None


def find_commit(repository: Repository, address: str) -> Commit:
    """The commit that a tag or an id names, or the head of the branch of that name.

    Raises:
        CheckoutError: There is none.
    """
    try:
        ref, _ = repository.read_ref(address)
    except CheckoutError:
        tagged = repository.read_tag(address)
    else:
        return head(repository, ref)
    try:
        return repository.read_commit(tagged or address)
    except CheckoutError:
        if tagged is not None:
            raise CheckoutError(
                f"{repository.store.url} has lost commit {tagged}, which tag {address!r} names; "
                "restore it from a copy"
            ) from None
        raise CheckoutError(
            f"{repository.store.url} has no branch, tag or commit {address!r}; its branches are "
            f"{', '.join(repository.branches())}"
        ) from None


__all__ = ["find_commit", "head", "last_commit", "pending_branch", "user_commit_id"]
