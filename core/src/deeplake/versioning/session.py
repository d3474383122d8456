"""The session: the one way to change a dataset.

A session starts from one commit, collects changes that only it can see, and publishes them all at
once: data objects, then the commit object, then one compare-and-swap of the branch's ref.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import replace

from deeplake.errors import (
    CheckoutError,
    ConflictError,
    PreconditionFailedError,
    ReadOnlyModeError,
)
from deeplake.format.commit import Commit, Ref
from deeplake.versioning import history
from deeplake.versioning.addresses import (
    find_commit,
    head,
    last_commit,
    pending_branch,
    user_commit_id,
)
from deeplake.versioning.merging import IN_PLACE, Rules, State, merge_states
from deeplake.versioning.publication import Moved, Publication
from deeplake.versioning.repository import MAIN, Repository, new_id

CHECKPOINT_SECONDS = 20.0
CHECKPOINT_BYTES = 800 << 20
OVERDUE = 1.5
"""A checkpoint waits this much longer for the end of a row."""


class Session(Publication):
    """A working copy of a branch, or of a commit.

    Args:
        repository: The dataset.
        commit: The state to start from.
        ref: The branch to publish to; None when a past commit was checked out: the first change
            makes a branch.
        version: Version of that ref.
        branch: Name of the branch that the commit was made on.
    """

    def __init__(
        self,
        repository: Repository,
        commit: Commit,
        ref: Ref | None,
        version: str | None,
        branch: str,
    ) -> None:
        super().__init__(repository, branch)
        self._start(commit, ref, version)

    @classmethod
    def open(cls, repository: Repository, address: str | None = None) -> Session:
        """Check out a branch, or a commit by its id or tag; None: branch main.

        The id that a branch has ready for its next commit stands for the branch.

        Raises:
            CheckoutError: There is neither a branch nor a commit of this name.
            DatasetNotFoundError: There is no dataset.
            FormatError: The head of the branch is missing or damaged.
        """
        given: object = address
        if given is not None and (not isinstance(given, str) or not given):
            raise CheckoutError(
                f"{address!r:.90} is no branch, tag or commit of {repository.store.url}: these are "
                "named by a str that is not empty"
            )
        name = MAIN if address is None else address
        try:
            ref, version = repository.read_ref(name)
        except CheckoutError:
            try:
                commit = find_commit(repository, name)
            except CheckoutError:
                pending = pending_branch(repository, name)
                if pending is None:
                    raise
                return cls.open(repository, pending)
            return cls(repository, commit, None, None, commit.branch)
        return cls(repository, head(repository, ref), ref, version, ref.branch)

    @property
    def home(self) -> Repository:
        """Where the dataset's objects are, those included that are about this session."""
        return self.repository

    def aside(self) -> Session:
        """A session of its own from where this one began, for a state that no branch gets."""
        return Session(self.repository, self.base, None, None, self.branch)

    @classmethod
    def open_last_commit(cls, repository: Repository, branch: str) -> Session:
        """Check out a branch whose head cannot be read: it goes back to its last commit.

        Raises:
            CheckoutError: There is no such branch.
            FormatError: The last commit cannot be read either.
        """
        ref, version = repository.read_ref(branch)
        session = cls(repository, last_commit(repository, ref), ref, version, branch)
        session.reset()
        return session

    # ---- what is there
    @property
    def commit_id(self) -> str | None:
        """The last user commit."""
        if self.ref is not None:
            return self.ref.commit
        return user_commit_id(self.base)

    @property
    def pending_id(self) -> str:
        """The id that the next user commit will have, unless another writer takes it."""
        return self.base.id if self.ref is None else self.ref.pending

    @property
    def has_changes(self) -> bool:
        """Whether there is anything that is not in a user commit."""
        if self.changed:
            return True
        return self.ref is not None and self.ref.head != self.ref.commit

    # ---- publishing
    def begin(self) -> None:
        """Prepare for a change: a past commit gets a branch of its own.

        Raises:
            ReadOnlyModeError: The dataset cannot be written.
        """
        if self.changed:
            return
        store = self.repository.store
        if not store.capabilities.writable:
            raise ReadOnlyModeError(f"{store.url} is read only")
        if self.ref is None:
            self.create_branch(f"auto_{secrets.token_hex(5)}")
        assert self.ref is not None
        if self.ref.is_retired:
            raise ReadOnlyModeError(
                f"branch {self.branch!r} of {store.url} is being deleted or renamed; check out another "
                "one, or, if nobody is at it, delete it"
            )
        missing = self.ref.read_only_features
        if missing:
            raise ReadOnlyModeError(
                f"{store.url} uses {', '.join(sorted(missing))}, which this version of deeplake "
                "cannot write; upgrade deeplake-core"
            )
        self.changed = True
        self._changed_at = time.monotonic()
        self._collected = 0

    def create_branch(self, name: str) -> None:
        """Make a branch at the commit that is checked out, and move to it.

        Raises:
            CheckoutError: There is such a branch.
        """
        self.ref, self._version = self.make_branch(name)
        self.branch = name

    def make_branch(self, name: str) -> tuple[Ref, str]:
        """Make a branch at the commit that is checked out, and stay here.

        Raises:
            CheckoutError: There is such a branch.
        """
        repository = self.repository
        known = self.ref if self.ref is not None else repository.read_ref(MAIN)[0]
        commit = self.base
        if commit.message is not None:
            repository.keep(commit)
        ref = Ref(
            known.dataset,
            name,
            user_commit_id(commit),
            commit.id,
            new_id(),
            secrets.token_hex(8),
            0,
            commit if repository.fits_inline(commit) else None,
            known.extra,
        )
        try:
            return ref, repository.write_ref(ref, if_match=None)
        except PreconditionFailedError:
            raise CheckoutError(f"there is a branch {name!r} already") from None

    def checkpoint(self, between_rows: bool) -> None:
        """Publish what was collected if it is much or old.

        Args:
            between_rows: No row is half written. A checkpoint waits for that, but not forever.
        """
        if not self.changed:
            return
        patience = 1.0 if between_rows else OVERDUE
        age = time.monotonic() - self._changed_at
        if age > CHECKPOINT_SECONDS * patience or self._collected > CHECKPOINT_BYTES * patience:
            self.flush()

    @property
    def is_due(self) -> bool:
        """Whether changes have waited too long to be published (and that was not just tried)."""
        waiting = time.monotonic() - max(self._changed_at, self._tried_at)
        return self.changed and waiting > CHECKPOINT_SECONDS

    # ---- other writers
    def merge(self, bases: Sequence[Commit], theirs: Commit, rules: Rules) -> None:
        """Apply what changed between two commits to this session.

        Args:
            bases: The latest commits that both sides are built on.
            theirs: The other side.
            rules: What to do where the sides disagree.

        Raises:
            Clash: Both changed the same thing; the session is as it was.
        """
        with self.lock:
            merged = merge_states(
                self._common_state(bases), self._state(), self._stored_state(theirs), rules,
                self._rewriting,
            )  # fmt: skip
            self.begin()
            self._take(merged)

    def _common_state(self, bases: Sequence[Commit]) -> State:
        """What both sides are built on; where histories merged each other, that is a merge
        itself.
        """
        if not bases:
            return State()
        first, *others = bases
        state = self._stored_state(first)
        for other in others:
            below = history.diverge(self.repository, first, other).bases
            state = merge_states(
                self._common_state(below), state, self._stored_state(other), Rules(virtual=True),
                IN_PLACE,
            )  # fmt: skip
        return state

    def refresh(self) -> bool:
        """Publish changes, and go to the branch's latest state; returns whether it is another."""
        with self.lock:
            self.flush()
            if self.ref is None:
                return False
            ref, version = self.repository.read_ref(self.branch)
            if ref.head == self.ref.head and ref.dataset == self.ref.dataset:
                return False
            self._start(head(self.repository, ref), ref, version)
            return True

    def reset(self) -> None:
        """Go back to the last user commit: everything after it is dropped from the branch."""
        with self.lock:
            self._reset()

    def _reset(self) -> None:
        self.discard()
        ref = self.ref
        if ref is None or ref.head == ref.commit:
            return
        self.begin()
        target = last_commit(self.repository, ref)
        inline = self.repository.fits_inline(target)
        if not inline and target.message is None:
            self.repository.write_commit(target)
        moved = replace(
            ref, head=target.id, nonce=secrets.token_hex(8), seq=ref.seq + 1,
            inline=target if inline else None,
        )  # fmt: skip
        try:
            version = self._swap(moved, target)
        except Moved as other:
            found, version = self.repository.read_ref(ref.branch)
            if found.head != ref.head or found.dataset != ref.dataset:
                self.changed = False
                raise ConflictError(
                    f"branch {ref.branch!r} of {self.repository.store.url} was moved by another "
                    "writer; refresh and reset again"
                ) from other
            # Only fenced by a collection: the data are those that are to be dropped.
            self._start(self.base, found, version)
            self.reset()
            return
        self._start(target, moved, version)

    # ---- giving up
    def discard(self) -> None:
        """Forget all changes that were not published."""
        with self.lock:
            self._forget()
            self._start(self.base, self.ref, self._version)


__all__ = ["Session"]
