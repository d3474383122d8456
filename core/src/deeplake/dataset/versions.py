"""Commits and branches of a dataset, as users see them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from deeplake import plugins
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.clock import when
from deeplake.errors import (
    CheckoutError,
    EmptyCommitError,
    MergeConflictError,
    MergeMismatchError,
    ReadOnlyModeError,
    VersionControlError,
)
from deeplake.format.commit import Commit
from deeplake.spi import Store
from deeplake.versioning import history
from deeplake.versioning.merging import Clash, Mismatch, Resolution
from deeplake.versioning.repository import MAIN, Repository, new_id
from deeplake.versioning.session import Session, find_commit


def _entry(commit: Commit) -> dict[str, Any]:
    return {
        "commit": commit.id,
        "author": commit.author,
        "time": when(commit.time),
        "message": commit.message,
    }


def commits(checkout: Checkout) -> list[dict[str, Any]]:
    """Commits of the branch, newest first."""
    session = checkout.session
    return [_entry(commit) for commit in checkout.repository.history(session.commit_id)]


def details(checkout: Checkout, commit_id: str) -> dict[str, Any]:
    """One commit. Raises ``KeyError`` if there is none."""
    try:
        commit = checkout.repository.read_commit(commit_id)
    except CheckoutError:
        commit = None
    if commit is None or commit.message is None:
        raise KeyError(f"{checkout.path} has no commit {commit_id!r}")
    return _entry(commit)


def log(checkout: Checkout) -> str:
    """The history as text."""
    session = checkout.session
    lines = ["---------------", "Deep Lake Version Log", "---------------", ""]
    lines.append(f"Current Branch: {session.branch}")
    if session.has_changes:
        lines.append("** There are uncommitted changes on this branch.")
    for commit in checkout.repository.history(session.commit_id):
        lines += [
            "",
            f"Commit : {commit.id} ({commit.branch})",
            f"Author : {commit.author}",
            f"Time   : {when(commit.time)}",
            f"Message: {commit.message}",
        ]
    return "\n".join(lines)


def commit(checkout: Checkout, dataset: object, message: str | None, *, allow_empty: bool) -> str:
    """Make a commit (see ``Dataset.commit``); hooks see ``dataset``."""
    checkout.check_writable()
    session = checkout.session
    if not session.has_changes and not allow_empty:
        raise EmptyCommitError(
            f"there is nothing to commit on branch {session.branch!r} of {checkout.path}; pass "
            "allow_empty=True to commit all the same"
        )
    plugins.hook("deeplake_before_commit", dataset=dataset, message=message)
    commit_id = session.commit(message or "")
    plugins.hook("deeplake_committed", dataset=dataset, commit_id=commit_id)
    return commit_id


def checkout(working: Checkout, address: str, *, create: bool) -> str | None:
    """Go to a branch or commit (see ``Dataset.checkout``)."""
    session = working.session
    if create:
        if working.read_only:
            raise ReadOnlyModeError(f"{working.path} was opened read only; no branch can be made")
        _create_branch(working, address)
    elif address == session.branch and session.ref is not None:
        session.flush()
    else:
        session.flush()
        working.switch(Session.open(working.repository, address))
    return working.session.commit_id


def _check_branch_name(working: Checkout, name: str) -> None:
    """Raise ``CheckoutError`` if nothing new can be called this."""
    if not name.strip() or not name.isprintable() or len(name) > 80:
        raise CheckoutError(
            f"{name!r:.90} cannot be the name of a branch or tag: it has 1 to 80 printable characters"
        )
    try:
        find_commit(working.repository, name)
    except CheckoutError:
        return
    raise CheckoutError(f"{name!r} is a branch, tag or commit of {working.path} already")


def _create_branch(working: Checkout, name: str) -> None:
    """A branch at the last commit; what is not committed is committed first."""
    _check_branch_name(working, name)
    session = working.session
    session.flush()
    if session.ref is not None and session.has_changes and session.tensors:
        session.commit(f"auto commit before checkout to {name}")
    session.create_branch(name)
    working.generation += 1


# --------------------------------------------------------------------------- branches and tags
def create_branch(working: Checkout, name: str) -> None:
    """Make a branch at the last commit, and stay where we are (see ``Dataset.create_branch``)."""
    here = working.session
    _create_branch(working, name)
    working.switch(Session.open(working.repository, here_address(here)))


def here_address(session: Session) -> str:
    """What checks out the same version again."""
    return session.branch if session.ref is not None else session.base.id


def delete_branch(working: Checkout, name: str) -> None:
    """Remove a branch; its commits stay reachable from others that have them.

    Raises:
        VersionControlError: It is main, checked out, or not there.
    """
    if name == MAIN:
        raise VersionControlError("branch 'main' cannot be deleted: it is what makes the dataset")
    if name == working.session.branch and working.session.ref is not None:
        raise VersionControlError(f"branch {name!r} is checked out; go to another one first")
    if name not in working.repository.branches():
        raise VersionControlError(f"{working.path} has no branch {name!r}")
    _keep_head(working, name)
    working.repository.delete_ref(name)


def _keep_head(working: Checkout, name: str) -> None:
    """A commit that only the ref holds must outlive the ref: others may refer to it."""
    ref, _ = working.repository.read_ref(name)
    if ref.inline is not None and ref.inline.message is not None:
        working.repository.keep(ref.inline)


def rename_branch(working: Checkout, name: str, new_name: str) -> None:
    """Give a branch another name.

    Raises:
        VersionControlError: It is main or not there, or the new name is taken.
    """
    repository = working.repository
    if name == MAIN:
        raise VersionControlError("branch 'main' cannot be renamed: it is what makes the dataset")
    if name not in repository.branches():
        raise VersionControlError(f"{working.path} has no branch {name!r}")
    _check_branch_name(working, new_name)
    session = working.session
    current = name == session.branch and session.ref is not None
    if current:
        session.flush()
    ref, _ = repository.read_ref(name)
    repository.write_ref(replace(ref, branch=new_name, nonce=new_id()), if_match=None)
    repository.delete_ref(name)
    if current:
        working.switch(Session.open(repository, new_name))


def create_tag(working: Checkout, name: str, address: str | None) -> str:
    """Give a commit a name for good; returns the commit's id.

    Raises:
        CheckoutError: There is a branch, commit or tag of this name, or no such commit.
        EmptyCommitError: There is no commit yet.
    """
    _check_branch_name(working, name)
    target = address or working.session.commit_id
    if target is None:
        raise EmptyCommitError(f"{working.path} has no commit yet to be tagged {name!r}")
    commit = find_commit(working.repository, target)
    if commit.message is None:
        if not commit.parents:
            raise EmptyCommitError(f"branch {target!r} has no commit yet to be tagged {name!r}")
        commit = working.repository.read_commit(commit.parents[0])
    working.repository.create_tag(name, commit)
    return commit.id


def delete_tag(working: Checkout, name: str) -> None:
    """Remove a tag. Raises ``KeyError`` if there is none."""
    if working.repository.read_tag(name) is None:
        raise KeyError(f"{working.path} has no tag {name!r}")
    working.repository.delete_tag(name)


# --------------------------------------------------------------------------- merge
def merge(
    working: Checkout,
    target: str,
    *,
    conflict_resolution: str | None,
    delete_removed_tensors: bool,
    force: bool,
) -> str | None:
    """Merge another version into the branch (see ``Dataset.merge``)."""
    if conflict_resolution not in (None, "ours", "theirs"):
        raise ValueError(
            f"conflict_resolution is 'ours', 'theirs' or None, not {conflict_resolution!r}"
        )
    repository = working.repository
    session = working.session
    if session.has_changes:
        session.commit(f"auto commit before merging {target}")
    theirs = _merge_target(working, target)
    ours = session.base
    base = history.common_ancestor(repository, ours, theirs)
    if base is not None and base.id == theirs.id:
        print(f"No merge needed, {target} is an ancestor of what is checked out.")
        return None
    resolution: Resolution = cast(Resolution, conflict_resolution)
    try:
        session.merge(base, theirs, resolution, apply_deletions=delete_removed_tensors, force=force)
    except Mismatch as clash:
        session.discard()
        raise MergeMismatchError(f"{target} cannot be merged: {clash.what}") from clash
    except Clash as clash:
        session.discard()
        raise MergeConflictError(
            f"{target} cannot be merged: {clash.what}; pass conflict_resolution='ours' or 'theirs'"
        ) from clash
    working.generation += 1
    return session.commit(f"Merge {target} into {session.branch}", merged=theirs.id)


def _merge_target(working: Checkout, target: str) -> Commit:
    """The commit to merge; what is not committed on a branch is committed first."""
    repository = working.repository
    if target in repository.branches():
        other = Session.open(repository, target)
        if other.has_changes and other.base.message is None and other.base.tensors:
            other.commit(f"auto commit before merging into {working.session.branch}")
        return other.base
    return find_commit(repository, target)


# --------------------------------------------------------------------------- pickling
def freeze(session: Session) -> tuple[Any, ...]:
    """A session's state as plain values, with everything that opening it again needs."""
    session.flush()
    return session.branch, session.ref is None, session.base.to_json()


def thaw(store: Store, path: str, frozen: tuple[Any, ...], *, read_only: bool) -> Checkout:
    """The working copy that a pickled dataset had, also if its branch has moved on since."""
    branch, detached, state = frozen
    repository = Repository(store)
    commit = Commit.from_json(state, "the pickled dataset")
    if not detached and not read_only:
        session = Session.open(repository, branch)
        if session.base.id == commit.id:
            return Checkout(path, session, read_only=read_only)
    return Checkout(path, Session(repository, commit, None, None, branch), read_only=read_only)


__all__ = [
    "checkout", "commit", "commits", "create_branch", "create_tag", "delete_branch", "delete_tag",
    "details", "freeze", "log", "merge", "rename_branch", "thaw",
]  # fmt: skip
