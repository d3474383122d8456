"""A session whose changes are never published: columns that were computed, beside stored ones."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from deeplake.errors import InvalidOperationError
from deeplake.format.commit import Commit
from deeplake.spi import Store
from deeplake.storage.overlay import Overlay
from deeplake.types import TensorSchema
from deeplake.versioning.draft import Draft
from deeplake.versioning.repository import Repository
from deeplake.versioning.session import Session
from deeplake.versioning.table import PieceTable


class Scratch(Session):
    """A state without tensors on top of a commit, to which tensors are added.

    What is put is put beside the dataset, which stays as it is.

    Args:
        source: The session whose commit it is about.
    """

    def __init__(self, source: Session) -> None:
        self._source = source
        self.overlay = Overlay(source.repository.store)
        super().__init__(Repository(self.overlay), source.base, None, None, source.branch)
        self.tensors = {}
        self.groups = []
        self.finish()

    def begin(self) -> None:
        if not self.changed:
            self.changed = True
            self._changed_at = time.monotonic()
            self._collected = 0

    def checkpoint(self, between_rows: bool) -> None:
        """Nothing: full data objects are put as they fill up."""

    def flush(self) -> None:
        """Nothing: there is no branch to publish to."""

    def commit(self, message: str, merged: str | None = None, processed: int | None = None) -> str:
        raise InvalidOperationError(
            "what a query computed cannot be committed: save it with save_view, or copy it"
        )

    @property
    def home(self) -> Repository:
        return self._source.home

    def aside(self) -> Session:
        self._staging.flush()
        other = Scratch(self)
        for tid, draft in self.tensors.items():
            table = draft.sealed()
            other.tensors[tid] = Draft(
                draft.schema, draft.info, table, other._staging, other.blocks
            )
        self._staging.flush()
        other.finish()
        return other

    def finish(self) -> None:
        """All tensors were added."""
        self._index()
        self._set_base_rows()
        self.changed = False

    def __reduce__(self) -> Any:
        """What was computed goes along; stored chunks are read where they are."""
        self._staging.flush()
        source = self._source
        known: Any = source
        if not isinstance(source, Scratch):
            known = (source.repository.store, source.base.to_json(), source.branch)
        tensors = [
            (draft.schema, dict(draft.info), draft.sealed()) for draft in self.tensors.values()
        ]
        self._staging.flush()
        return _restored, (known, self.overlay.objects(), tensors, list(self.groups))

    def keep_state(self, message: str) -> str:
        """Store the state in the dataset as a commit that no branch has; returns its id."""
        kept = super().keep_state(message)
        session: Session = self
        while isinstance(session, Scratch):
            session.overlay.publish()
            session = session._source
        return kept


def _restored(
    known: Scratch | tuple[Store, Mapping[str, Any], str],
    objects: Mapping[str, bytes],
    tensors: Sequence[tuple[TensorSchema, Mapping[str, Any], PieceTable]],
    groups: list[str],
) -> Scratch:
    """A state that was pickled."""
    source: Session
    if isinstance(known, Scratch):
        source = known
    else:
        store, state, branch = known
        commit = Commit.from_json(state, "the pickled dataset")
        source = Session(Repository(store), commit, None, None, branch)
    scratch = Scratch(source)
    for key, data in objects.items():
        scratch.overlay.put(key, data)
    for schema, info, table in tensors:
        draft = Draft(schema, info, table, scratch._staging, scratch.blocks)
        scratch.tensors[schema.id] = draft
    scratch.groups = groups
    scratch.finish()
    return scratch


__all__ = ["Scratch"]
