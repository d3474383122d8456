"""A commit that is being changed: schema, info and rows, and the blocks made for them."""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from deeplake.format.builder import RowIds, Run
from deeplake.format.commit import Commit, TensorState
from deeplake.format.pieces import Pieces
from deeplake.types import TensorSchema
from deeplake.versioning.blocks import Blocks
from deeplake.versioning.draft import Draft
from deeplake.versioning.merging import Side
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

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._staging = Staging(repository.store)
        self.blocks = Blocks(repository.store, self._staging)
        self._id = secrets.randbits(63)
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
        self.groups: list[str] = list(commit.groups)
        self.info: Mapping[str, Any] = MappingProxyType(dict(commit.info))
        self.extra: Mapping[str, Any] = commit.extra
        self.changed = False
        self._take(self._stored_sides(commit))

    def _index(self) -> None:
        self.by_name: dict[str, Draft] = {d.schema.name: d for d in self.tensors.values()}

    @property
    def nbytes(self) -> int:
        """Bytes collected and not stored."""
        return self._staging.nbytes

    # ---- changes to the schema
    def create_tensor(self, schema: TensorSchema, info: Mapping[str, Any]) -> Draft:
        """Add a tensor without rows."""
        self.begin()
        table = PieceTable([], schema.ndim or 0)
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

    def insert_rows(self, draft: Draft, row: int, runs: Iterable[Run], n: int) -> None:
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

    def _row_ids(self, draft: Draft, n: int) -> list[RowIds]:
        """Ids for the next ``n`` rows of a tensor: those of the same rows in other tensors."""
        start, stop = draft.length, draft.length + n
        ids: list[RowIds] = []
        if start < self._base_rows:
            longest = max(self.tensors.values(), key=lambda d: d.length)
            known = longest.table.pieces(start, min(stop, longest.length, self._base_rows))
            ids = [
                (int(piece["session"]), int(piece["counter"]), int(piece["count"]), 0)
                for piece in known
            ]
            start += sum(count for _, _, count, _ in ids)
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

    def _sides(self) -> dict[str, Side]:
        """The tensors as they are now, for a merge."""
        return {
            tid: Side(draft.schema, draft.info, draft.sealed())
            for tid, draft in self.tensors.items()
        }

    def _stored_sides(self, commit: Commit) -> dict[str, Side]:
        """The tensors of a commit, for a merge."""
        load = self.repository.read_segment
        return {
            tid: Side(
                state.schema,
                state.info,
                PieceTable.stored(state.segments, state.schema.ndim or 0, load),
            )
            for tid, state in commit.tensors.items()
        }

    def _take(self, sides: Mapping[str, Side]) -> None:
        """Replace all tensors."""
        self.tensors = {
            tid: Draft(side.schema, side.info, side.table, self._staging, self.blocks)
            for tid, side in sides.items()
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
