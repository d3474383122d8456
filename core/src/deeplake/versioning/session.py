"""The session: the one way to change a dataset.

A session starts from one commit, collects changes that only it can see, and publishes them all at
once: data objects, then the commit object, then one compare-and-swap of the branch's ref.
"""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace

from deeplake.errors import (
    CheckoutError,
    ConflictError,
    DatasetNotFoundError,
    FormatError,
    ObjectNotFoundError,
    PreconditionFailedError,
    ReadOnlyModeError,
    StorageError,
)
from deeplake.format import envelope
from deeplake.format.commit import Commit, Ref
from deeplake.versioning import history
from deeplake.versioning.collection import FENCE
from deeplake.versioning.merging import IN_PLACE, REBASE, Clash, Rules, State, merge_states
from deeplake.versioning.repository import MAIN, Repository, data_key, is_id, new_id
from deeplake.versioning.workingcopy import WorkingCopy

ATTEMPTS = 5
"""Tries of a compare-and-swap that the store did not answer."""
PATIENCE = 120.0
"""Seconds in which other writers may be faster before a publication is given up."""
CHECKPOINT_SECONDS = 20.0
CHECKPOINT_BYTES = 800 << 20
OVERDUE = 1.5
"""A checkpoint waits this much longer for the end of a row."""


class Session(WorkingCopy):
    """A working copy that can be published to a branch.

    Args:
        repository: The dataset.
        commit: The state to start from.
        ref: The branch to publish to; None when a past commit was checked out: the first change
            makes a branch.
        version: Version of that ref.
        branch: Name of the branch that the commit was made on.

    Attributes:
        rebases: How often other writers' changes came in below this session's own.
        lock: Held by whoever changes or publishes the session: the user's thread during an operation,
            and the thread that publishes what waits between operations.
    """

    def __init__(
        self,
        repository: Repository,
        commit: Commit,
        ref: Ref | None,
        version: str | None,
        branch: str,
    ) -> None:
        super().__init__(repository)
        self.branch = branch
        self.rebases = 0
        self.lock = threading.RLock()
        self._tried_at = 0.0
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
                pending = _pending_branch(repository, name)
                if pending is None:
                    raise
                return cls.open(repository, pending)
            return cls(repository, commit, None, None, commit.branch)
        return cls(repository, _head(repository, ref), ref, version, ref.branch)

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
        session = cls(repository, _last_commit(repository, ref), ref, version, branch)
        session.reset()
        return session

    def _start(self, commit: Commit, ref: Ref | None, version: str | None) -> None:
        """Begin anew from a commit."""
        self.ref = ref
        self._version = version
        self._load(commit)

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

    def publish_in_place(self) -> bool:
        """Publish a snapshot between two operations, while another thread may read.

        Rows get into chunks and chunks into the store, each in one assignment (see ``Draft`` and
        ``Staging``): the drafts stay the same objects with the same rows, tables and blocks that
        are being read stay readable. To rebase would replace the drafts, which the user's thread
        may hold: where another writer was faster, nothing is done, and the next operation rebases.

        Returns:
            Whether it was published.
        """
        with self.lock:
            self._tried_at = time.monotonic()
            if not self.changed or self.ref is None:
                return False
            if self.repository.read_ref(self.branch)[0].nonce != self.ref.nonce:
                return False
            try:
                self._try_publish(None, None, queued=False)
            except _Moved:
                return False
            return True

    def flush(self) -> None:
        """Publish all changes as a snapshot: durable, and not part of the history yet.

        Raises:
            ConflictError: Another writer changed the same things. What this session did is kept.
            StorageError: The store failed. Nothing is visible; flushing again tries again.
        """
        with self.lock:
            if self.changed:
                self._publish(None)

    def commit(self, message: str, merged: str | None = None) -> str:
        """Publish everything as a user commit and return its id.

        Args:
            message: What changed.
            merged: The commit that was merged: the second parent.
        """
        if self.ref is None:
            self.begin()
        return self._publish(message, merged)

    def _publish(self, message: str | None, merged: str | None = None) -> str:
        with self.lock:
            return self._publish_locked(message, merged)

    def _publish_locked(self, message: str | None, merged: str | None) -> str:
        store = self.repository.store
        deadline = None
        attempt = 0
        while True:
            # Whoever lost waits for its turn, and has the time it needs to start from the winner.
            queue = store.turn() if attempt else nullcontext()
            with queue:
                if attempt:
                    self._rebase(*self._moved_ref())
                try:
                    return self._try_publish(message, merged, queued=attempt > 0)
                except _Moved as moved:
                    lost = moved
                except ObjectNotFoundError as error:
                    if self.repository.exists():
                        raise
                    raise DatasetNotFoundError(
                        f"{store.url} was deleted by another writer; nothing was stored"
                    ) from error
            attempt += 1
            deadline = deadline or time.monotonic() + PATIENCE
            if time.monotonic() > deadline:
                raise ConflictError(
                    f"branch {self.branch!r} of {store.url}: other writers were faster {attempt} "
                    f"times; this session's work is kept as {self._keep_work(message)}"
                ) from lost
            time.sleep(random.uniform(0, 0.001 * min(2**attempt, 32)))

    def _try_publish(self, message: str | None, merged: str | None, *, queued: bool) -> str:
        commit = self._staged_commit(message, merged)
        ref = self.ref
        assert ref is not None
        before = ref.inline
        if before is not None and before.message is not None:
            self.repository.keep(before)
        inline = self.repository.fits_inline(commit)
        if not inline:
            commit = self._store_commit(commit)
        pending = new_id() if message is not None else ref.pending
        # Of a new pending id, a part is as good as another random number, and no byte more.
        nonce = pending[:16] if message is not None else secrets.token_hex(8)
        moved = ref.moved(commit, pending=pending, nonce=nonce, inline=inline)
        try:
            with nullcontext() if queued else self.repository.store.turn():
                self._version = self._swap(moved, commit)
        except _Overtaken as overtaken:
            self._start(_head(self.repository, overtaken.ref), overtaken.ref, overtaken.version)
            self._staging.stored.clear()
            self.rebases += 1
            return commit.id
        self.ref = moved
        self.base = commit
        self.changed = False
        self._staging.stored.clear()
        return commit.id

    def _staged_commit(self, message: str | None, merged: str | None = None) -> Commit:
        """The session's state as a commit whose data are stored."""
        states = self._states()
        ref = self.ref
        assert ref is not None
        parents = (ref.commit,) if ref.commit is not None else ()
        return Commit(
            id=ref.pending if message is not None else new_id(),
            parents=parents if merged is None else (*parents, merged),
            time=round(time.time(), 3),
            message=message,
            branch=self.branch,
            tensors=states,
            groups=tuple(self.groups),
            info=self.info,
            extra=self.extra,
        )

    def _store_commit(self, commit: Commit) -> Commit:
        try:
            self.repository.write_commit(commit)
        except PreconditionFailedError:
            # The pending id belongs to a writer that was faster, or that died before its ref.
            commit = replace(commit, id=new_id())
            self.repository.write_commit(commit)
        return commit

    def _swap(self, ref: Ref, commit: Commit) -> str:
        """Move the branch. An answer that got lost is settled by reading the ref back.

        Args:
            ref: Where the branch is to be.
            commit: Its head.

        Raises:
            _Moved: The branch is elsewhere.
            _Overtaken: It was moved, and others have moved it on since.
        """
        uncertain = False
        for attempt in range(ATTEMPTS):
            try:
                return self.repository.write_ref(ref, if_match=self._version)
            except PreconditionFailedError as error:
                try:
                    found, version = self.repository.read_ref(ref.branch)
                except CheckoutError:
                    raise _Moved("nowhere") from error
                if found.nonce == ref.nonce:
                    return version
                if uncertain and self._is_built_on(found, commit):
                    raise _Overtaken(found, version) from error
                raise _Moved(found.head) from error
            except StorageError:
                uncertain = True
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(0.05 * 2**attempt)
        raise AssertionError("the loop returns or raises")

    def _is_built_on(self, found: Ref, commit: Commit) -> bool:
        """Whether a branch has a user commit that was to be added.

        A snapshot leaves no such trace and needs none: publishing it again finds its rows there.
        """
        if commit.message is None or self.ref is None or found.dataset != self.ref.dataset:
            return False
        for one in self.repository.history(found.commit):
            if one.id == commit.id:
                # All who start from one ref begin with the same id: it may be another writer's.
                return envelope.encoded(one.to_json()) == envelope.encoded(commit.to_json())
            if one.id == self.ref.commit:
                break
        return False

    # ---- other writers
    def _moved_ref(self) -> tuple[Ref, str]:
        """The branch as somebody else left it.

        Raises:
            ConflictError: It was deleted, or given another name.
        """
        try:
            ref, version = self.repository.read_ref(self.branch)
            if not ref.is_retired:
                return ref, version
            raise CheckoutError(f"branch {self.branch!r} is being deleted or renamed")
        except CheckoutError as error:
            kept = self._keep_work(None)
            raise ConflictError(
                f"branch {self.branch!r} of {self.repository.store.url} was deleted or renamed by "
                f"another writer; this session's work is kept as {kept}: "
                f"deeplake.load(path + '@{kept}') opens it"
            ) from error

    def _rebase(self, ref: Ref, version: str) -> None:
        """Start from another writer's state, with this session's changes on top.

        Raises:
            ConflictError: Both changed the same thing.
        """
        base, mine, before = self.base, self._state(), (self.ref, self._version)
        if self.ref is None or ref.dataset != self.ref.dataset:
            raise ConflictError(
                f"{self.repository.store.url} was replaced by another dataset in the meantime; open "
                "it again"
            )
        if ref.extra.get(FENCE, 0) != self.ref.extra.get(FENCE, 0):
            self._check_staged()
        self._start(_head(self.repository, ref), ref, version)
        try:
            merged = merge_states(
                self._stored_state(base), self._state(), mine, REBASE, self._rewriting
            )
        except Clash as clash:
            # What is kept follows the commit that it was made on: it has nothing of the winner's.
            self._start(base, *before)
            self._take(mine)
            kept = self._keep_work(None)
            self._start(_head(self.repository, ref), ref, version)
            raise ConflictError(
                f"branch {ref.branch!r} of {self.repository.store.url}: {clash.what}. Another "
                f"writer moved the branch from {base.id} to {ref.head} first; this session's work "
                f"is kept as {kept}: deeplake.load(path + '@{kept}') opens it"
            ) from clash
        self._take(merged)
        self.changed = True
        self.rebases += 1

    def _check_staged(self) -> None:
        """Garbage was collected since this session stored its data: they must still be there."""
        store = self.repository.store
        for oid in self._staging.stored:
            try:
                store.head(data_key(oid))
            except ObjectNotFoundError as error:
                raise ConflictError(
                    f"{data_key(oid)} of {store.url} was collected as garbage before this session "
                    "published it: what was not published is lost. Collect with a longer grace "
                    "period than writers need"
                ) from error

    def _keep_work(self, message: str | None) -> str:
        """Store this session's state as a commit that no branch has; returns its id."""
        work = replace(self._staged_commit(message), id=new_id())
        self.repository.write_commit(work)
        return work.id

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
            self._start(_head(self.repository, ref), ref, version)
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
        target = _last_commit(self.repository, ref)
        inline = self.repository.fits_inline(target)
        if not inline and target.message is None:
            self.repository.write_commit(target)
        moved = replace(
            ref, head=target.id, nonce=secrets.token_hex(8), seq=ref.seq + 1,
            inline=target if inline else None,
        )  # fmt: skip
        try:
            version = self._swap(moved, target)
        except _Moved as other:
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


class _Moved(Exception):
    """The branch is not where this session thought."""


class _Overtaken(Exception):
    """The branch has what this session published, and more."""

    def __init__(self, ref: Ref, version: str) -> None:
        super().__init__(ref.head)
        self.ref = ref
        self.version = version


def _head(repository: Repository, ref: Ref) -> Commit:
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


def _last_commit(repository: Repository, ref: Ref) -> Commit:
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


def _pending_branch(repository: Repository, address: str) -> str | None:
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
        return _head(repository, ref)
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


__all__ = ["Session", "find_commit", "user_commit_id"]
