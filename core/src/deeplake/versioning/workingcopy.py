"""A commit that is being changed: schema, info and rows, and the blocks made for them."""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from deeplake.errors import SampleAppendError
from deeplake.format.builder import Encoded, RowIds
from deeplake.format.commit import Commit, TensorState
from deeplake.format.pieces import Pieces, new_edit
from deeplake.types import TensorSchema
from deeplake.versioning.blocks import Blocks
from deeplake.versioning.draft import Draft
from deeplake.versioning.merging import Rewriting, Side, State
from deeplake.versioning.repository import Repository, new_id
from deeplake.versioning.staging import Staging
from deeplake.versioning.table import PieceTable


class WorkingCopy(ABC):
    """Changes on top of a commit that nobody else can see.

    Args:
        repository: The dataset.

    Attributes:
        base: The commit.
        tensors: Working states of the tensors by id, in order of creation.
        by_name: The same by name.
        groups, info, extra: As they are now.
        changed: Whether there is anything to publish.
        blocks: Reads chunks, those that are not stored yet included.
    """

    base: Commit
    groups: list[str]
    info: Mapping[str, Any]
    extra: Mapping[str, Any]
    tensors: dict[str, Draft]
    by_name: dict[str, Draft]

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._staging = Staging(repository.store)
        self.blocks = Blocks(repository.store, self._staging)
        self._id = secrets.randbits(63)
        self._stray_id = secrets.randbits(63)
        self._strays = 0
        self._fill_edit = 0
        self._counter = 0
        self._used = 0
        self._base_rows = 0
        self._changed_at = 0.0
        self._collected = 0

    @abstractmethod
    def begin(self) -> None:
        """Prepare for a change; called before each."""

    def _load(self, commit: Commit) -> None:
        """Begin anew from a commit."""
        self.base = commit
        self.changed = False
        self._take(self._stored_state(commit))

    def _index(self) -> None:
        self.by_name = {d.schema.name: d for d in self.tensors.values()}

    @property
    def nbytes(self) -> int:
        """Bytes collected and not stored."""
        return self._staging.nbytes

    # ---- changes to the schema
    def create_tensor(self, schema: TensorSchema, info: Mapping[str, Any]) -> Draft:
        """Add a tensor without rows."""
        self.begin()
        table = PieceTable([], schema.row_ndim)
        draft = Draft(schema, info, table, self._staging, self.blocks)
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
    def append(self, draft: Draft, runs: Iterable[Encoded], n: int) -> None:
        """Add ``n`` rows to the end of a tensor.

        Raises:
            SampleAppendError: Another thread wrote into the memory that the rows were taken
                from. The rows were added, and are of no use.
        """
        self.begin()
        before = self._staging.added + draft.waiting
        unchanged = True
        try:
            draft.append(runs, self._row_ids(draft, n))
        finally:
            draft.own()
            unchanged = self._staging.own()
        self._collected += self._staging.added + draft.waiting - before
        if not unchanged:
            raise SampleAppendError(
                "the array was written to while it was being stored: let no other thread change it "
                "meanwhile, or give a copy"
            )

    def replace(
        self, draft: Draft, rows: np.ndarray, runs: Sequence[Encoded], *, partial: bool = False
    ) -> None:
        """New values for rows (sorted, each once) of a tensor; ``partial``: parts of them changed."""
        self.begin()
        draft.replace(rows, runs, partial=partial)

    def delete_rows(self, draft: Draft, ranges: np.ndarray) -> None:
        """Remove rows (``int64[n, 2]``: sorted, disjoint ranges) of a tensor."""
        self.begin()
        draft.edit(draft.sealed().delete(ranges))
        self._set_base_rows()

    @contextmanager
    def whole(self, drafts: Iterable[Draft]) -> Iterator[None]:
        """An edit of rows in several tensors: if it fails, none of them is changed.

        An edit may have to read segments, which may fail after other tensors were edited.
        """
        before = [(draft, draft.schema, draft.info, draft.sealed()) for draft in drafts]
        try:
            yield
        except BaseException:
            for draft, schema, info, table in before:
                draft.schema, draft.info = schema, info
                draft.edit(table)
            self._set_base_rows()
            raise

    def insert_rows(self, draft: Draft, row: int, runs: Iterable[Encoded], n: int) -> None:
        """Add ``n`` rows to a tensor before ``row``."""
        self.begin()
        tail = draft.sealed()
        draft.edit(tail.truncate(row))
        fresh = self._fresh_ids(n)
        draft.append(runs, fresh)
        draft.edit(draft.sealed().join(tail.beginning_at(row)))
        self._set_base_rows()

    def reorder_rows(self, draft: Draft, rows: np.ndarray) -> None:
        """Keep these rows of a tensor, in this order."""
        self.begin()
        draft.edit(draft.sealed().gather(rows))
        self._set_base_rows()

    def rechunk(self, draft: Draft) -> bool:
        """Put a tensor's rows into chunks of the usual size, if they are not."""
        changed = draft.rechunk()
        if changed:
            self.begin()
        return changed

    def _fresh_ids(self, n: int) -> list[RowIds]:
        first = self._used
        self._used += n
        return [(self._id, first, n, 0)]

    def _set_base_rows(self) -> None:
        """Rows at and beyond this position are new: all tensors number them alike."""
        self._base_rows = max((d.length for d in self.tensors.values()), default=0)
        self._counter = self._used
        # What a shorter tensor gets for rows that others have is an edit of these rows: rows that
        # it
        # had and that were removed since the last commit may have had other data under the same
        # ids.
        self._fill_edit = new_edit()

    def _row_ids(self, draft: Draft, n: int) -> list[RowIds]:
        """Ids for the next ``n`` rows of a tensor: those of the same rows in other tensors."""
        start, stop = draft.length, draft.length + n
        ids: list[RowIds] = []
        if start < self._base_rows:
            longest = max(self.tensors.values(), key=lambda d: d.length)
            known = longest.table.pieces(max(start - 1, 0), min(stop, self._base_rows))
            ids = [
                (int(piece["session"]), int(piece["counter"]), int(piece["count"]), self._fill_edit)
                for piece in known
            ]
            if start:
                session, counter, count, edit = ids.pop(0)
                if draft.last_id != (session, counter):
                    # Rows were removed from this tensor alone: what follows is none of the others'.
                    n = min(stop, self._base_rows) - start
                    ids = [(self._stray_id, self._strays, n, 0)]
                    self._strays += n
                elif count > 1:
                    ids.insert(0, (session, counter + 1, count - 1, edit))
            start = min(stop, self._base_rows)
        if start < stop:
            first = self._counter + start - self._base_rows
            ids.append((self._id, first, stop - start, 0))
            self._used = max(self._used, first + stop - start)
        return ids

    # ---- the whole state
    def drop_tensor(self, tid: str) -> None:
        """Leave a tensor out of a state that no branch gets (see ``keep_state``)."""
        del self.tensors[tid]
        self._index()

    def keep_state(self, message: str) -> str:
        """Store the session's state as a commit that no branch has; returns its id."""
        state = replace(
            self.base, id=new_id(), parents=(), time=time.time(), message=message,
            tensors=self._states(),
        )  # fmt: skip
        self.repository.write_commit(state)
        return state.id

    def _remap(self, side: Side, pieces: Pieces, mapping: np.ndarray) -> Pieces:
        draft = Draft(side.schema, side.info, side.table, self._staging, self.blocks)
        return draft.remap(pieces, mapping)

    def _fill(self, side: Side, pieces: Pieces) -> Pieces:
        draft = Draft(side.schema, side.info, side.table, self._staging, self.blocks)
        return draft.blanks(pieces)

    @property
    def _rewriting(self) -> Rewriting:
        """How merges make samples anew."""
        return Rewriting(self._remap, self._fill)

    def _state(self) -> State:
        """Everything as it is now, for a merge."""
        sides = {
            tid: Side(draft.schema, draft.info, draft.sealed())
            for tid, draft in self.tensors.items()
        }
        return State(sides, tuple(self.groups), self.info, self.extra)

    def _stored_state(self, commit: Commit) -> State:
        """Everything as a commit has it, for a merge."""
        load = self.repository.read_segment
        sides = {
            tid: Side(
                state.schema,
                state.info,
                PieceTable.stored(state.segments, state.schema.row_ndim, load),
            )
            for tid, state in commit.tensors.items()
        }
        return State(sides, commit.groups, commit.info, commit.extra)

    def _take(self, state: State) -> None:
        """Replace everything."""
        self.groups = list(state.groups)
        self.info = MappingProxyType(dict(state.info))
        self.extra = state.extra
        self.tensors = {
            tid: Draft(side.schema, side.info, side.table, self._staging, self.blocks)
            for tid, side in state.tensors.items()
        }
        self._index()
        self._set_base_rows()

    def _states(self) -> dict[str, TensorState]:
        """The tensors as a commit holds them; their data are stored."""
        states = {tid: draft.state() for tid, draft in self.tensors.items()}
        self._staging.flush()
        return states

    def _forget(self) -> None:
        """Drop all blocks that were not published."""
        self._staging.stop()
        self._staging = Staging(self.repository.store)
        self.blocks = Blocks(self.repository.store, self._staging)

    def close(self) -> None:
        """End background work; changes that were not flushed are lost."""
        self._staging.stop()


__all__ = ["WorkingCopy"]
