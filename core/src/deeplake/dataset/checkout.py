"""The working copy behind a dataset and all its views: one session, and how changes reach it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from deeplake.dataset import checkpoints
from deeplake.dataset.block import Block
from deeplake.dataset.info import Handed, as_json
from deeplake.dataset.lender import Lender
from deeplake.dataset.linking import Linker
from deeplake.dataset.reader import TensorReader
from deeplake.dataset.rowchanges import RowChanges
from deeplake.dataset.sequence_reader import SequenceReader
from deeplake.errors import (
    ConflictError,
    InvalidOperationError,
    ReadOnlyModeError,
    TensorDoesNotExistError,
)
from deeplake.types import TensorSchema
from deeplake.versioning.draft import Draft
from deeplake.versioning.repository import Repository
from deeplake.versioning.session import Session

T = TypeVar("T")


class Checkout(RowChanges):
    """What a dataset handle and its views share.

    Args:
        path: The dataset's path as the user gave it.
        session: The working copy of a commit.
        read_only: Refuse changes.
        origin: Of a saved view with a copy of its rows: the commit that they were copied from.
        saves: Views may be saved; None: unless it is read only.
        lender: Credentials for links; None: none yet.

    Attributes:
        creds: What the user opened it with; None: nothing, or it is not known.
        linker: Reads what links lead to.
        generation: Changes whenever rows may have moved: views taken earlier are invalid then.
        virtual: It shows columns that a query made, and is changed by nobody.
        watched: Whether what waits in ``with ds:`` is published between operations.
    """

    def __init__(
        self,
        path: str,
        session: Session,
        *,
        read_only: bool,
        origin: str | None = None,
        saves: bool | None = None,
        lender: Lender | None = None,
    ) -> None:
        self.path = path
        self.creds: Any = None
        self.session = session
        self.read_only = read_only
        self.origin = origin
        self._saves = saves
        self.virtual = False
        self.generation = 0
        self._depth = 0
        self._in_transaction = False
        self.watched = False
        self._block = Block({})
        self._pins: dict[int, tuple[str, int]] = {}
        self._readers: dict[str, TensorReader] = {}
        self._handed: dict[str, Handed] = {}
        self.lender = Lender() if lender is None else lender
        capabilities = session.repository.store.capabilities
        local = capabilities.mapping or not capabilities.persistent
        self.linker = Linker(self.lender, session, local=local)

    @property
    def repository(self) -> Repository:
        """The dataset's objects."""
        return self.session.repository

    # ---- info
    def handed(self, tid: str) -> Handed:
        """What was handed out of the info of a tensor, or ("") of the dataset."""
        return self._handed.setdefault(tid, Handed())

    def settle(self) -> None:
        """Take over what was changed in place in lists and dicts of info.

        Raises:
            InfoError: It is not JSON; it is forgotten.
        """
        from deeplake.dataset.schema import check_own_info

        session = self.session
        if not self._handed or self.read_only or session.ref is None:
            return
        for tid, handed in list(self._handed.items()):
            draft = session.tensors.get(tid)
            if tid and draft is None:
                continue
            info = session.info if draft is None else draft.info
            changed = handed.changed(info)
            if not changed:
                continue
            try:
                value = as_json({**info, **changed})
                if draft is not None:
                    check_own_info(draft.schema.name, draft.schema.htype, value)
            except BaseException:
                handed.clear()
                raise
            with session.lock:
                session.set_info(value, draft)

    def drop_handed(self) -> None:
        """Forget what was changed in place."""
        for handed in self._handed.values():
            handed.clear()

    # ---- reading
    def draft(self, tid: str) -> Draft:
        """A tensor's working state by its id."""
        try:
            return self.session.tensors[tid]
        except KeyError:
            raise TensorDoesNotExistError(
                f"the tensor does not exist in this version of {self.path} (it was deleted, or "
                "another version was checked out)"
            ) from None

    def reader(self, draft: Draft) -> TensorReader:
        """A reader of the tensor as it is now."""
        tid = draft.schema.id
        table = draft.table
        found = self._readers.get(tid)
        if found is None or found.table is not table or found.schema is not draft.schema:
            blocks = self.session.blocks
            before = found if found is not None and found.blocks is blocks else None
            kind = SequenceReader if draft.schema.is_sequence else TensorReader
            found = kind(blocks, draft.schema, table, before)
            found.linker = self.linker
            found.info = draft.info
            self._readers[tid] = found
        return found

    def switch(self, session: Session) -> None:
        """Go to another version."""
        self.session.close()
        self.session = self.linker.session = session
        self._block.touched = {}
        self.rows_moved()
        self._readers.clear()
        self.drop_handed()

    def rows_moved(self) -> None:
        """Make views invalid that were taken before."""
        self.generation += 1

    def pin(self, commit_id: str) -> None:
        """Let views that were taken before a commit show that commit from now on."""
        self._pins[self.generation] = (commit_id, self.generation + 1)
        self.rows_moved()

    def pinned(self, generation: int) -> Checkout | None:
        """What a view shows that was taken before something changed.

        Args:
            generation: When the view was taken.

        Returns:
            Itself as long as nothing has changed; the commit that was made in between, if there was
            one; else None.
        """
        if self.showed(generation, self.generation):
            return self
        if generation not in self._pins:
            return None
        session = Session.open(self.repository, self._pins[generation][0])
        return Checkout(self.path, session, read_only=True, saves=self.saves, lender=self.lender)

    @property
    def saves(self) -> bool:
        """Whether views may be saved, which changes no rows."""
        writable = self.repository.store.capabilities.writable
        return writable and (not self.read_only if self._saves is None else self._saves)

    def showed(self, generation: int, current: int) -> bool:
        """Whether a view that was taken in one generation was up to date in another one.

        A commit begins a generation, but changes nothing.
        """
        return generation == current or self._pins.get(generation, ("", -1))[1] == current

    # ---- changing
    @contextmanager
    def change(self, *, rows_move: bool = True) -> Iterator[Session]:
        """One operation: what is done inside is durable afterwards, unless ``with ds:`` collects.

        Raises:
            ReadOnlyModeError: The dataset was opened read only.
        """
        self.check_writable()
        with self.session.lock:
            yield from self._change(rows_move)

    def _change(self, rows_move: bool) -> Iterator[Session]:
        session = self.session
        rebases = session.rebases
        if not self._depth:
            self.begin_block()
        self.settle()
        try:
            yield session
        except BaseException:
            if not self._depth and session.changed:
                # What came before the failure is kept as far as it is whole.
                self._drop_half_rows()
                self.rows_moved()
                session.flush()
            raise
        if rows_move:
            self.rows_moved()
        try:
            if not self._depth:
                session.flush()
            elif not self._in_transaction:
                session.checkpoint(self._block.lengths_agree(session.tensors))
                if not self.watched:
                    checkpoints.watch.add(self)
        except BaseException:
            self.rows_moved()
            if not self._depth:
                # The operation failed as a whole: trying again must not do it twice.
                session.discard()
            raise
        if session.rebases != rebases:
            self.rows_moved()

    def flush(self) -> None:
        """Publish what was changed, unless a transaction will do that at its end.

        Raises:
            ConflictError: Another writer changed the same things.
            StorageError: The store failed; flushing again tries again.
        """
        if self._in_transaction:
            return
        session = self.session
        rebases = session.rebases
        self.settle()
        try:
            session.flush()
        except ConflictError:
            self.rows_moved()
            raise
        if session.rebases != rebases:
            self.rows_moved()

    def check_no_transaction(self, what: str) -> None:
        """Refuse what would publish a part of a transaction.

        Raises:
            InvalidOperationError: A transaction is open.
        """
        if self._in_transaction:
            raise InvalidOperationError(
                f"{what} is not possible inside `with ds.transaction():`, which publishes everything "
                "at its end; do it after the block"
            )

    def check_writable(self) -> None:
        """Raise ``ReadOnlyModeError`` if the dataset was opened read only."""
        if self.read_only:
            raise ReadOnlyModeError(
                f"{self.path} was opened read only; open it with deeplake.load(path, "
                "read_only=False) to change it"
            )

    def enter(self) -> None:
        """Begin to collect changes."""
        if self._depth == 0:
            self.begin_block()
        self._depth += 1

    def begin_block(self) -> None:
        """Remember how long the tensors are now."""
        with self.session.lock:
            self._block = Block(self.session.tensors)

    def leave(self, *, failed: bool) -> None:
        """Publish what was collected; after a failure, complete rows only."""
        with self.session.lock:
            self._depth -= 1
            if self._depth:
                return
            if self.watched:
                checkpoints.watch.discard(self)
            if failed:
                self._drop_half_rows()
            touched, self._block.touched = self._block.touched, {}
            self.settle()
            if touched or self.session.changed:
                self.flush()

    def publish_waiting(self) -> None:
        """Publish whole rows that have waited long; called by another thread than the user's.

        An operation that runs is left alone: it publishes what is due itself.
        """
        session = self.session
        if not session.lock.acquire(blocking=False):
            return
        try:
            collecting = self._depth and not self._in_transaction and self.session is session
            if collecting and session.is_due and self._block.rows_are_whole(session.tensors):
                session.publish_in_place()
        finally:
            session.lock.release()

    @contextmanager
    def transaction(self, dataset: T) -> Iterator[T]:
        """Collect changes and publish them at once, or none of them if an error ends the block."""
        self.check_writable()
        if self._depth:
            raise InvalidOperationError(
                "a transaction cannot begin inside another one, nor inside `with ds:`: it could not "
                "be undone alone"
            )
        with self.atomic("a transaction"):
            yield dataset

    @contextmanager
    def atomic(self, what: str) -> Iterator[Session]:
        """As a transaction, also inside ``with ds:``, which stores before what it has collected.

        Args:
            what: What it is for, in case that a transaction is open.
        """
        self.check_writable()
        self.check_no_transaction(what)
        session = self.session
        self.flush()
        rebases = session.rebases
        self._depth += 1
        self._in_transaction = True
        try:
            yield session
            self.settle()
            session.flush()
        except BaseException:
            session.discard()
            self.drop_handed()
            self.rows_moved()
            raise
        finally:
            self._in_transaction = False
            self._depth -= 1
            if self._depth:
                self.begin_block()
        if session.rebases != rebases:
            self.rows_moved()

    def rechunk(self, drafts: Sequence[Draft], *, progressbar: bool) -> None:
        """Rewrite what is scattered, one tensor at a time."""
        shown: Iterable[Draft] = drafts
        if progressbar:
            from tqdm import tqdm

            shown = tqdm(drafts, desc="rechunk", unit="tensor")
        self.check_writable()
        for draft in shown:
            with self.session.lock:
                if self.session.rechunk(self.draft(draft.schema.id)):
                    with self.change(rows_move=False):
                        continue

    def _drop_half_rows(self) -> None:
        """Cut tensors back to whole rows."""
        for draft, length in self._block.half_rows(self.session.tensors):
            self._take_back(draft, length)
            self.rows_moved()

    # ---- schema
    def create_tensor(self, schema: TensorSchema, info: Mapping[str, Any]) -> Draft:
        """Add a tensor without rows."""
        with self.change(rows_move=False) as session:
            return session.create_tensor(schema, info)


def new_tensor_id() -> str:
    """A random id that a tensor keeps for life."""
    return secrets.token_hex(8)


__all__ = ["Checkout", "new_tensor_id"]
