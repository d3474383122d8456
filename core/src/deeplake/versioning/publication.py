"""Publication: data objects, then the commit object, then one compare-and-swap of the branch's ref."""

from __future__ import annotations

import random
import secrets
import threading
import time
from contextlib import nullcontext
from dataclasses import replace

from deeplake.errors import (
    CheckoutError,
    ConflictError,
    DatasetNotFoundError,
    ObjectNotFoundError,
    PreconditionFailedError,
    StorageError,
)
from deeplake.format import envelope
from deeplake.format.commit import Commit, Ref
from deeplake.versioning.addresses import head
from deeplake.versioning.collection import FENCE
from deeplake.versioning.merging import REBASE, Clash, merge_states
from deeplake.versioning.repository import Repository, data_key, new_id
from deeplake.versioning.workingcopy import WorkingCopy

ATTEMPTS = 5
"""Tries of a compare-and-swap that the store did not answer."""
PATIENCE = 120.0
"""Seconds in which other writers may be faster before a publication is given up …"""

LOSSES = 32
"""… and how often they are then, at least: a process that was stopped, or a machine that slept, has not
tried for as long as the clock says."""


class Moved(Exception):
    """The branch is not where this session thought."""


class Overtaken(Exception):
    """The branch has what this session published, and more."""

    def __init__(self, ref: Ref, version: str) -> None:
        super().__init__(ref.head)
        self.ref = ref
        self.version = version


class Publication(WorkingCopy):
    """A working copy that gets into a branch: published at once, on top of what others published.

    Args:
        repository: The dataset.
        branch: Name of the branch that the working copy starts from.

    Attributes:
        ref: The branch to publish to; None when a past commit was checked out.
        rebases: How often other writers' changes came in below this session's own.
        lock: Held by whoever changes or publishes the session: the user's thread during an operation,
            and the thread that publishes what waits between operations.
    """

    ref: Ref | None
    _version: str | None

    def __init__(self, repository: Repository, branch: str) -> None:
        super().__init__(repository)
        self.branch = branch
        self.rebases = 0
        self.lock = threading.RLock()
        self._tried_at = 0.0

    def _start(self, commit: Commit, ref: Ref | None, version: str | None) -> None:
        """Begin anew from a commit."""
        self.ref = ref
        self._version = version
        self._load(commit)

    # ---- its own changes
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
            except Moved:
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

    def commit(self, message: str, merged: str | None = None, processed: int | None = None) -> str:
        """Publish everything as a user commit and return its id.

        Args:
            message: What changed.
            merged: The commit that was merged: the second parent.
            processed: Of the checkpoint of a transform: how many samples it has come to.
        """
        if self.ref is None:
            self.begin()
        return self._publish(message, merged, processed)

    def _publish(
        self, message: str | None, merged: str | None = None, processed: int | None = None
    ) -> str:
        with self.lock:
            return self._publish_locked(message, merged, processed)

    def _publish_locked(
        self, message: str | None, merged: str | None, processed: int | None
    ) -> str:
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
                    return self._try_publish(message, merged, processed, queued=attempt > 0)
                except Moved as moved:
                    lost = moved
                except ObjectNotFoundError as error:
                    if self.repository.exists():
                        raise
                    raise DatasetNotFoundError(
                        f"{store.url} was deleted by another writer; nothing was stored"
                    ) from error
            attempt += 1
            deadline = deadline or time.monotonic() + PATIENCE
            if attempt >= LOSSES and time.monotonic() > deadline:
                raise ConflictError(
                    f"branch {self.branch!r} of {store.url}: other writers were faster {attempt} "
                    f"times; this session's work is kept as {self._keep_work(message)}"
                ) from lost
            time.sleep(random.uniform(0, 0.001 * min(2**attempt, 32)))

    def _try_publish(
        self,
        message: str | None,
        merged: str | None,
        processed: int | None = None,
        *,
        queued: bool,
    ) -> str:
        commit = self._staged_commit(message, merged, processed)
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
        except Overtaken as overtaken:
            self._start(head(self.repository, overtaken.ref), overtaken.ref, overtaken.version)
            self._staging.stored.clear()
            self.rebases += 1
            return commit.id
        self.ref = moved
        self.base = commit
        self.changed = False
        self._staging.stored.clear()
        return commit.id

    def _staged_commit(
        self, message: str | None, merged: str | None = None, processed: int | None = None
    ) -> Commit:
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
            processed=processed,
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
            Moved: The branch is elsewhere.
            Overtaken: It was moved, and others have moved it on since.
        """
        uncertain = False
        for attempt in range(ATTEMPTS):
            try:
                return self.repository.write_ref(ref, if_match=self._version)
            except PreconditionFailedError as error:
                try:
                    found, version = self.repository.read_ref(ref.branch)
                except CheckoutError:
                    raise Moved("nowhere") from error
                if found.nonce == ref.nonce:
                    return version
                if uncertain and self._is_built_on(found, commit):
                    raise Overtaken(found, version) from error
                raise Moved(found.head) from error
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
        self._start(head(self.repository, ref), ref, version)
        try:
            merged = merge_states(
                self._stored_state(base), self._state(), mine, REBASE, self._rewriting
            )
        except Clash as clash:
            # What is kept follows the commit that it was made on: it has nothing of the winner's.
            self._start(base, *before)
            self._take(mine)
            kept = self._keep_work(None)
            self._start(head(self.repository, ref), ref, version)
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


__all__ = ["Moved", "Publication"]
