"""Commits and branches of a dataset, as users see them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deeplake import plugins
from deeplake.dataset.checkout import Checkout
from deeplake.errors import CheckoutError, EmptyCommitError, ReadOnlyModeError
from deeplake.format.commit import Commit
from deeplake.spi import Store
from deeplake.versioning.repository import Repository
from deeplake.versioning.session import Session

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset


def when(seconds: float) -> str:
    """A commit's time as users see it: UTC, without fractions."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


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


def commit(dataset: Dataset, message: str | None, *, allow_empty: bool) -> str:
    """Make a commit (see ``Dataset.commit``)."""
    checkout = dataset._checkout
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


def _create_branch(working: Checkout, name: str) -> None:
    """A branch at the last commit; what is not committed is committed first."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise CheckoutError(f"{name!r} cannot be the name of a branch: it is empty or unprintable")
    repository = working.repository
    taken = name in repository.branches()
    if not taken:
        try:
            repository.read_commit(name)
            taken = True
        except CheckoutError:
            taken = False
    if taken:
        raise CheckoutError(f"{name!r} is a branch or commit of {working.path} already")
    session = working.session
    session.flush()
    if session.ref is not None and session.has_changes and session.tensors:
        session.commit(f"auto commit before checkout to {name}")
    session.create_branch(name)
    working.generation += 1


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


__all__ = ["checkout", "commit", "commits", "details", "freeze", "log", "thaw", "when"]
