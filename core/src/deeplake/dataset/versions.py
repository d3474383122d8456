"""Commits and branches of a dataset, as users see them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import islice
from typing import Any, cast

from deeplake import plugins
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.clock import when
from deeplake.dataset.info import check_text
from deeplake.errors import (
    CheckoutError,
    ConflictError,
    EmptyCommitError,
    MergeConflictError,
    MergeMismatchError,
    PreconditionFailedError,
    ReadOnlyModeError,
    VersionControlError,
)
from deeplake.format.commit import Commit
from deeplake.spi import Store
from deeplake.versioning import history
from deeplake.versioning.addresses import find_commit, user_commit_id
from deeplake.versioning.merging import Clash, Mismatch, Resolution, Rules
from deeplake.versioning.repository import MAIN, MAX_NAME, Repository, is_id, new_id, quoted
from deeplake.versioning.session import Session


def _entry(commit: Commit) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "commit": commit.id,
        "author": commit.author,
        "time": when(commit.time),
        "message": commit.message or None,
    }
    if commit.processed is not None:
        entry |= {"is_checkpoint": True, "total_samples_processed": commit.processed}
    return entry


def commits(checkout: Checkout, limit: int | None = None) -> list[dict[str, Any]]:
    """Commits of the branch, newest first; all, or so many."""
    found = checkout.repository.history(checkout.session.commit_id)
    return [_entry(commit) for commit in islice(found, limit)]


def details(checkout: Checkout, commit_id: str) -> dict[str, Any]:
    """One commit. Raises ``KeyError`` if there is none."""
    try:
        named = isinstance(commit_id, str)
        commit = checkout.repository.read_commit(commit_id) if named else None
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
            f"Message: {commit.message or None}",
        ]
        if commit.processed is not None:
            lines.append(f"Total samples processed in transform: {commit.processed}")
    return "\n".join(lines)


def commit(
    checkout: Checkout,
    dataset: object,
    message: str | None,
    *,
    allow_empty: bool,
    processed: int | None = None,
) -> str:
    """Make a commit (see ``Dataset.commit``); hooks see ``dataset``.

    Args:
        checkout: What is committed.
        dataset: Shown to hooks.
        message: What changed.
        allow_empty: Also when nothing did.
        processed: It is the checkpoint of a transform that has come so far: samples.
    """
    checkout.check_writable()
    checkout.check_no_transaction("a commit")
    if message is not None:
        check_text(message, "the message of a commit")
    checkout.settle()
    session = checkout.session
    if not session.has_changes and not allow_empty:
        raise EmptyCommitError(
            f"there is nothing to commit on branch {session.branch!r} of {checkout.path}; pass "
            "allow_empty=True to commit all the same"
        )
    return _announced(checkout, dataset, message, processed)


def _announced(
    checkout: Checkout, dataset: object, message: str | None, processed: int | None = None
) -> str:
    """Commit; hooks hear of it before, and may veto it, and after."""
    plugins.hook("deeplake_before_commit", dataset=dataset, message=message)
    commit_id = _commit(checkout, message or "", processed=processed)
    plugins.hook("deeplake_committed", dataset=dataset, commit_id=commit_id)
    return commit_id


def _commit(
    checkout: Checkout, message: str, merged: str | None = None, processed: int | None = None
) -> str:
    """Commit; views that show what is committed keep showing it."""
    session = checkout.session
    rebases = session.rebases
    try:
        commit_id = session.commit(message, merged, processed)
    except ConflictError:
        checkout.rows_moved()
        raise
    if session.rebases == rebases:
        checkout.pin(commit_id)
    else:
        checkout.rows_moved()
    checkout.begin_block()
    return commit_id


def checkout(working: Checkout, dataset: object, address: str, *, create: bool) -> str | None:
    """Go to a branch or commit (see ``Dataset.checkout``)."""
    _check_given(working, address)
    working.check_no_transaction("a checkout")
    if create:
        if working.read_only:
            raise ReadOnlyModeError(f"{working.path} was opened read only; no branch can be made")
        _prepare_branch(working, dataset, address)
        working.session.create_branch(address)
        working.rows_moved()
        return working.session.commit_id
    working.flush()
    session = working.session
    if address != session.branch or session.ref is None:
        working.switch(Session.open(working.repository, address))
        _warn_without_commits(working)
    return working.session.commit_id


def _check_given(working: Checkout, address: object) -> None:
    if address is None:
        raise CheckoutError(f"name a branch, tag or commit of {working.path}: None is none")


def _warn_without_commits(working: Checkout) -> None:
    """Tell who checks out a branch that nothing was committed there yet."""
    session = working.session
    if session.ref is None:
        return
    made_on = None
    if session.commit_id is not None:
        made_on = working.repository.read_commit(session.commit_id).branch
    # Commits keep the name that a branch had before it was renamed.
    if made_on is None or (made_on != session.branch and made_on in working.repository.branches()):
        warnings.warn(
            f"the branch {session.branch!r} that was checked out has no commits yet", stacklevel=4
        )


def check_name(name: Any, what: str) -> None:
    """Raise ``CheckoutError`` if a branch or tag cannot be called this."""
    problem = None
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        problem = "it has to be a printable str"
    elif name != name.strip():
        problem = "there are blanks around it"
    elif len(quoted(name)) > MAX_NAME:
        problem = "it is too long"
    if problem is not None:
        raise CheckoutError(f"{name!r:.90} cannot be the name of a {what}: {problem}")


def _check_new(working: Checkout, name: str, what: str) -> None:
    """Raise ``CheckoutError`` if nothing new can be called this."""
    check_name(name, what)
    try:
        Session.open(working.repository, name)
    except CheckoutError:
        if is_id(name):
            raise CheckoutError(
                f"{name!r} cannot be the name of a {what}: it looks like the id of a commit"
            ) from None
    else:
        raise CheckoutError(f"{name!r} is a branch, tag or commit of {working.path} already")


def _prepare_branch(working: Checkout, dataset: object, name: str) -> None:
    """Commit what is not committed: a branch begins at a commit."""
    _check_new(working, name, "branch")
    working.flush()
    if working.session.has_changes:
        _announced(working, dataset, f"auto commit before checkout to {name}")


# --------------------------------------------------------------------------- branches and tags
def create_branch(working: Checkout, dataset: object, name: str) -> None:
    """Make a branch at the last commit, and stay where we are (see ``Dataset.create_branch``)."""
    working.check_no_transaction("a new branch")
    _prepare_branch(working, dataset, name)
    working.session.make_branch(name)


def delete_branch(working: Checkout, name: str) -> None:
    """Remove a branch; its commits stay reachable from others that have them.

    Raises:
        VersionControlError: It is main, checked out, not there, or another branch grew from it.
        ConflictError: Another writer is at work on it.
    """
    repository = working.repository
    if name == MAIN:
        raise VersionControlError("branch 'main' cannot be deleted: it is what makes the dataset")
    if name == working.session.branch and working.session.ref is not None:
        raise VersionControlError(f"branch {name!r} is checked out; go to another one first")
    _check_branch(working, name)
    grown = _grown_from(repository, name)
    if grown:
        raise VersionControlError(
            f"branch {name!r} cannot be deleted: {', '.join(map(repr, grown))} grew from it; delete "
            "these first"
        )
    _keep_head(working, name)
    ref, version = repository.read_ref(name)
    try:
        repository.delete_ref(ref, version)
    except PreconditionFailedError as error:
        raise ConflictError(
            f"branch {name!r} of {working.path} was moved by another writer at this moment; look at it, "
            "and delete it again"
        ) from error


def _check_branch(working: Checkout, name: str) -> None:
    """Raise ``VersionControlError`` if there is no such branch."""
    branches = working.repository.branches()
    if name not in branches:
        raise VersionControlError(
            f"{working.path} has no branch {name!r}; there are {', '.join(map(repr, branches))}"
        )


def _grown_from(repository: Repository, name: str) -> list[str]:
    """Branches that began at a commit of this one."""
    ref, _ = repository.read_ref(name)
    own = set()
    for commit in repository.history(ref.commit):
        if commit.branch != name:
            break
        own.add(commit.id)
    found = []
    for other in repository.branches():
        if other != name and own:
            start, _ = repository.read_ref(other)
            if any(commit.id in own for commit in repository.history(start.commit)):
                found.append(other)
    return found


def _keep_head(working: Checkout, name: str) -> None:
    """A commit that only the ref holds must outlive the ref: others may refer to it."""
    ref, _ = working.repository.read_ref(name)
    if ref.inline is not None and ref.inline.message is not None:
        working.repository.keep(ref.inline)


def rename_branch(working: Checkout, name: str, new_name: str) -> None:
    """Give a branch another name.

    Raises:
        VersionControlError: It is main or not there.
        CheckoutError: The new name is taken.
        ConflictError: Other writers moved both while one became the other.
    """
    working.check_no_transaction("renaming a branch")
    repository = working.repository
    if name == MAIN:
        raise VersionControlError("branch 'main' cannot be renamed: it is what makes the dataset")
    _check_branch(working, name)
    _check_new(working, new_name, "branch")
    session = working.session
    current = name == session.branch and session.ref is not None
    if current:
        working.flush()
    _rename_ref(working, name, new_name)
    if current:
        working.switch(Session.open(repository, new_name))


def _rename_ref(working: Checkout, name: str, new_name: str) -> None:
    """Make the new ref, then remove the old one; what others publish meanwhile moves with it."""
    repository = working.repository
    at: str | None = None
    while True:
        ref, version = repository.read_ref(name)
        if ref.is_retired:
            raise VersionControlError(
                f"branch {name!r} of {working.path} is being deleted or renamed already; if nobody is "
                "at it, delete it"
            )
        try:
            at = repository.write_ref(replace(ref, branch=new_name, nonce=new_id()), if_match=at)
        except PreconditionFailedError as error:
            if at is None:
                raise CheckoutError(f"{working.path} has a branch {new_name!r} already") from error
            raise ConflictError(
                f"branches {name!r} and {new_name!r} of {working.path} were both moved by other "
                "writers while one became the other: both are kept; merge them"
            ) from error
        try:
            repository.delete_ref(ref, version)
        except PreconditionFailedError:
            continue
        return


def create_tag(working: Checkout, name: str, address: str | None) -> str:
    """Give a commit a name for good; returns the commit's id.

    Raises:
        CheckoutError: There is a branch, commit or tag of this name, or no such commit.
        EmptyCommitError: There is no commit yet.
    """
    _check_new(working, name, "tag")
    target = address or working.session.commit_id
    if target is None:
        raise EmptyCommitError(f"{working.path} has no commit yet to be tagged {name!r}")
    commit_id = user_commit_id(find_commit(working.repository, target))
    if commit_id is None:
        raise EmptyCommitError(f"branch {target!r} has no commit yet to be tagged {name!r}")
    working.repository.create_tag(name, working.repository.read_commit(commit_id))
    return commit_id


def delete_tag(working: Checkout, name: str) -> None:
    """Remove a tag. Raises ``KeyError`` if there is none."""
    if working.repository.read_tag(name) is None:
        raise KeyError(
            f"{working.path} has no tag {name!r}; it has {list(working.repository.tags())}"
        )
    working.repository.delete_tag(name)


# --------------------------------------------------------------------------- going back, going on
def reset(working: Checkout) -> None:
    """Drop what is not committed (see ``Dataset.reset``)."""
    working.check_writable()
    working.check_no_transaction("a reset")
    session = working.session
    working.drop_handed()
    if session.ref is None:
        print("A past commit is checked out: there is nothing to reset.")
    elif not session.has_changes:
        print("There is nothing to reset: no changes since the last commit.")
    else:
        session.reset()
        working.rows_moved()


def refresh(working: Checkout) -> bool:
    """Go to the latest state of the branch (see ``Dataset.refresh``)."""
    working.check_no_transaction("a refresh")
    working.flush()
    moved = working.session.refresh()
    if moved:
        working.rows_moved()
    return moved


# --------------------------------------------------------------------------- merge
def merge(
    working: Checkout,
    dataset: object,
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
    _check_given(working, target)
    working.check_no_transaction("a merge")
    working.flush()
    repository, session = working.repository, working.session
    theirs = _merge_target(working, dataset, target)
    ours = None if session.commit_id is None else repository.read_commit(session.commit_id)
    bases = history.diverge(repository, ours, theirs).bases
    if theirs.id in {base.id for base in bases} or theirs.id == session.base.id:
        print(f"No merge needed: {target} is an ancestor of what is checked out.")
        return None
    resolution: Resolution = cast(Resolution, conflict_resolution)
    rules = Rules(resolution, deletions=delete_removed_tensors, force=force)
    with session.lock:
        try:
            session.merge(bases, theirs, rules)
        except Mismatch as clash:
            session.discard()
            raise MergeMismatchError(f"{target} cannot be merged: {clash.what}") from clash
        except Clash as clash:
            session.discard()
            raise MergeConflictError(
                f"{target} cannot be merged: {clash.what}; pass conflict_resolution='ours' or "
                "'theirs' to say whose data count, or force=True to keep our names"
            ) from clash
        working.rows_moved()
        repository.keep(theirs)
        message = f"Merge {theirs.id} into {session.branch}"
        try:
            plugins.hook("deeplake_before_commit", dataset=dataset, message=message)
        except BaseException:  # a veto: what was merged is taken back
            session.discard()
            working.rows_moved()
            raise
        commit_id = _commit(working, message, theirs.id)
    plugins.hook("deeplake_committed", dataset=dataset, commit_id=commit_id)
    return commit_id


def _merge_target(working: Checkout, dataset: object, target: str) -> Commit:
    """The commit to merge; what is not committed on another branch is committed first."""
    repository, session = working.repository, working.session
    if target == session.branch and session.ref is not None:
        return session.base
    other = Session.open(repository, target)
    if other.ref is not None and other.has_changes:
        message = f"auto commit before merging into {session.branch}"
        plugins.hook("deeplake_before_commit", dataset=dataset, message=message)
        commit_id = other.commit(message)
        plugins.hook("deeplake_committed", dataset=dataset, commit_id=commit_id)
    return other.base


# --------------------------------------------------------------------------- pickling
def freeze(checkout: Checkout) -> tuple[Any, ...]:
    """A working copy's state as plain values, with everything that opening it again needs."""
    checkout.check_no_transaction("pickling")
    checkout.flush()
    session = checkout.session
    return session.branch, session.ref is None, session.base.to_json(), checkout.lender


def thaw(store: Store, path: str, frozen: tuple[Any, ...], *, read_only: bool) -> Checkout:
    """The working copy that a pickled dataset had, also if its branch has moved on since."""
    branch, detached, state, lender = frozen
    repository = Repository(store)
    commit = Commit.from_json(state, "the pickled dataset")
    if not detached and not read_only:
        session = Session.open(repository, branch)
        if session.base.id == commit.id:
            return Checkout(path, session, read_only=read_only, lender=lender)
    session = Session(repository, commit, None, None, branch)
    return Checkout(path, session, read_only=read_only, lender=lender)


__all__ = [
    "check_name", "checkout", "commit", "commits", "create_branch", "create_tag", "delete_branch",
    "delete_tag", "details", "freeze", "log", "merge", "refresh", "rename_branch", "reset", "thaw",
]  # fmt: skip
