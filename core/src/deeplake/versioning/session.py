"""The session: the one way to change a dataset.

A session starts from one commit, collects changes that only it can see, and publishes them all at
once: data objects, then the commit object, then one compare-and-swap of the branch's ref.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from deeplake.errors import (
    CheckoutError,
    ConflictError,
    DatasetHandlerError,
    PreconditionFailedError,
    ReadOnlyModeError,
    StorageError,
)
from deeplake.format.builder import Run
from deeplake.format.commit import Commit, Ref
from deeplake.types import TensorSchema
from deeplake.versioning.blocks import Blocks
from deeplake.versioning.draft import Draft
from deeplake.versioning.repository import INLINE_LIMIT, MAIN, Repository, new_id
from deeplake.versioning.staging import Staging
from deeplake.versioning.table import PieceTable

ATTEMPTS = 5
CHECKPOINT_SECONDS = 20.0
CHECKPOINT_BYTES = 800 << 20
OVERDUE = 1.5
"""A checkpoint waits this much longer for the end of a row."""


class Session:
    """A working copy of one commit.

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
        self.repository = repository
        self.branch = branch
        self._staging = Staging(repository.store)
        self.blocks = Blocks(repository.store, self._staging)
        self._id = secrets.randbits(63)
        self._counter = 0
        self._used = 0
        self._base_rows = 0
        self._changed_at = 0.0
        self._collected = 0
        self._start(commit, ref, version)

    @classmethod
    def open(cls, repository: Repository, address: str | None = None) -> Session:
        """Check out a branch, or a commit by its id; None: branch main.

        Raises:
            CheckoutError: There is neither a branch nor a commit of this name.
            DatasetNotFoundError: There is no dataset.
        """
        name = address or MAIN
        try:
            ref, version = repository.read_ref(name)
        except CheckoutError:
            try:
                commit = repository.read_commit(name)
            except CheckoutError:
                raise CheckoutError(
                    f"{repository.store.url} has neither a branch nor a commit {name!r}; its "
                    f"branches are {', '.join(repository.branches())}"
                ) from None
            return cls(repository, commit, None, None, commit.branch)
        return cls(repository, repository.head_commit(ref), ref, version, ref.branch)

    def _start(self, commit: Commit, ref: Ref | None, version: str | None) -> None:
        """Begin anew from a commit."""
        self.base = commit
        self.ref = ref
        self._version = version
        self.groups: list[str] = list(commit.groups)
        self.info: Mapping[str, Any] = MappingProxyType(dict(commit.info))
        self.extra: Mapping[str, Any] = commit.extra
        load = self.repository.read_segment
        self.tensors: dict[str, Draft] = {
            tid: Draft(
                state.schema,
                state.info,
                PieceTable.stored(state.segments, state.schema.ndim or 0, load),
                self._staging,
            )
            for tid, state in commit.tensors.items()
        }
        self._index()
        self.changed = False
        self._set_base_rows()

    def _index(self) -> None:
        self.by_name: dict[str, Draft] = {d.schema.name: d for d in self.tensors.values()}

    # ---- what is there
    @property
    def nbytes(self) -> int:
        """Bytes collected and not stored."""
        return self._staging.nbytes

    @property
    def commit_id(self) -> str | None:
        """The last user commit."""
        if self.ref is None:
            return self.base.id if self.base.message is not None else None
        return self.ref.commit

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

    # ---- changes to the schema
    def create_tensor(self, schema: TensorSchema, info: Mapping[str, Any]) -> Draft:
        """Add a tensor without rows."""
        self.begin()
        draft = Draft(schema, info, PieceTable([], schema.ndim or 0), self._staging)
        self.tensors[schema.id] = draft
        self._index()
        return draft

    def delete_tensor(self, tid: str) -> None:
        """Remove a tensor; its data stay in earlier versions."""
        self.begin()
        del self.tensors[tid]
        self._index()
        self._set_base_rows()

    def set_schema(self, draft: Draft, schema: TensorSchema) -> None:
        """Rename or convert a tensor."""
        self.begin()
        draft.schema = schema
        self._index()

    def set_groups(self, groups: Sequence[str]) -> None:
        """Replace the list of groups."""
        self.begin()
        self.groups = list(groups)

    def set_info(self, info: Mapping[str, Any], draft: Draft | None = None) -> None:
        """Replace the info of a tensor, or of the dataset."""
        self.begin()
        frozen = MappingProxyType(dict(info))
        if draft is None:
            self.info = frozen
        else:
            draft.info = frozen

    def set_extra(self, key: str, value: Any) -> None:
        """Set a further key of the commit object."""
        self.begin()
        self.extra = MappingProxyType({**self.extra, key: value})

    # ---- changes to rows
    def append(self, draft: Draft, runs: Iterable[Run], n: int) -> None:
        """Add ``n`` rows to the end of a tensor."""
        self.begin()
        before = self._staging.added + draft.waiting
        draft.append(runs, self._row_ids(draft, n))
        self._collected += self._staging.added + draft.waiting - before

    def replace(self, draft: Draft, rows: np.ndarray, runs: Sequence[Run]) -> None:
        """New values for rows (sorted, each once) of a tensor."""
        self.begin()
        draft.replace(rows, runs)

    def delete_rows(self, draft: Draft, ranges: np.ndarray) -> None:
        """Remove rows (``int64[n, 2]``: sorted, disjoint ranges) of a tensor."""
        self.begin()
        draft.edit(draft.sealed().delete(ranges))
        self._set_base_rows()

    def _set_base_rows(self) -> None:
        """Rows at and beyond this position are new: all tensors number them alike."""
        self._base_rows = max((d.length for d in self.tensors.values()), default=0)
        self._counter = self._used

    def _row_ids(self, draft: Draft, n: int) -> list[tuple[int, int, int]]:
        """Ids for the next ``n`` rows of a tensor: those of the same rows in other tensors."""
        start, stop = draft.length, draft.length + n
        ids: list[tuple[int, int, int]] = []
        if start < self._base_rows:
            longest = max(self.tensors.values(), key=lambda d: d.length)
            known = longest.table.pieces(start, min(stop, longest.length, self._base_rows))
            ids = [
                (int(piece["session"]), int(piece["counter"]), int(piece["count"]))
                for piece in known
            ]
            start += sum(count for _, _, count in ids)
        if start < stop:
            first = self._counter + start - self._base_rows
            ids.append((self._id, first, stop - start))
            self._used = max(self._used, first + stop - start)
        return ids

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
        dataset = (
            self.ref.dataset if self.ref is not None else self.repository.read_ref(MAIN)[0].dataset
        )
        commit = self.base
        ref = Ref(
            dataset,
            name,
            commit.id if commit.message is not None else None,
            commit.id,
            new_id(),
            secrets.token_hex(8),
            0,
            commit if len(commit.tensors) < 256 and _small(commit) else None,
        )
        try:
            version = self.repository.write_ref(ref, if_match=None)
        except PreconditionFailedError:
            raise CheckoutError(f"there is a branch {name!r} already") from None
        self.ref, self._version, self.branch = ref, version, name

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

    def flush(self) -> None:
        """Publish all changes as a snapshot: durable, and not part of the history yet.

        Raises:
            ConflictError: Another writer moved the branch; nothing of it is lost.
            StorageError: The store failed. Nothing is visible; flushing again tries again.
        """
        if self.changed:
            self._publish(None)

    def commit(self, message: str) -> str:
        """Publish everything as a user commit and return its id."""
        if self.ref is None:
            self.begin()
        return self._publish(message)

    def _publish(self, message: str | None) -> str:
        assert self.ref is not None and self._version is not None
        states = {tid: draft.state() for tid, draft in self.tensors.items()}
        self._staging.flush()
        ref = self.ref
        commit = Commit(
            id=ref.pending if message is not None else new_id(),
            parents=(ref.commit,) if ref.commit is not None else (),
            time=time.time(),
            message=message,
            branch=self.branch,
            tensors=states,
            groups=tuple(self.groups),
            info=self.info,
            extra=self.extra,
        )
        commit, size = self._store_commit(commit)
        pending = new_id() if message is not None else ref.pending
        moved = ref.moved(
            commit, pending=pending, nonce=secrets.token_hex(8), inline=size <= INLINE_LIMIT
        )
        self._version = self._swap(moved)
        self.ref = moved
        self.base = commit
        self.changed = False
        return commit.id

    def _store_commit(self, commit: Commit) -> tuple[Commit, int]:
        try:
            return commit, self.repository.write_commit(commit)
        except PreconditionFailedError:
            # The pending id belongs to a writer that was faster, or that died before its ref.
            fresh = Commit(**{**_fields(commit), "id": new_id()})
            return fresh, self.repository.write_commit(fresh)

    def _swap(self, ref: Ref) -> str:
        """Move the branch. An answer that got lost is settled by reading the ref back."""
        for attempt in range(ATTEMPTS):
            try:
                return self.repository.write_ref(ref, if_match=self._version)
            except PreconditionFailedError as error:
                found, version = self.repository.read_ref(ref.branch)
                if found.nonce == ref.nonce:
                    return version
                raise ConflictError(
                    f"branch {ref.branch!r} of {self.repository.store.url} was moved to "
                    f"{found.head} by another writer since {self.base.id} was opened; this "
                    f"session's work is kept as snapshot {ref.head}"
                ) from error
            except StorageError:
                try:
                    found, version = self.repository.read_ref(ref.branch)
                except (StorageError, DatasetHandlerError):
                    found = None
                if found is not None and found.nonce == ref.nonce:
                    return version
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(0.05 * 2**attempt)
        raise AssertionError("unreachable")

    # ---- giving up
    def discard(self) -> None:
        """Forget all changes that were not published."""
        self._staging.stop()
        self._staging = Staging(self.repository.store)
        self.blocks = Blocks(self.repository.store, self._staging)
        self._start(self.base, self.ref, self._version)

    def close(self) -> None:
        """End background work; changes that were not flushed are lost."""
        self._staging.stop()


def _small(commit: Commit) -> bool:
    return sum(len(s.segments) + 4 for s in commit.tensors.values()) < 200


def _fields(commit: Commit) -> dict[str, Any]:
    return {name: getattr(commit, name) for name in commit.__dataclass_fields__}


__all__ = ["Session"]
