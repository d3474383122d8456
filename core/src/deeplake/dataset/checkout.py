"""The working copy behind a dataset and all its views: one session, and how changes reach it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

import numpy as np

from deeplake.dataset import checkpoints, downsampling, writer
from deeplake.dataset.info import as_json
from deeplake.dataset.lender import Lender
from deeplake.dataset.linking import Linker
from deeplake.dataset.reader import TensorReader
from deeplake.dataset.sequence_reader import SequenceReader
from deeplake.dataset.sequence_writer import check_update
from deeplake.errors import (
    ConflictError,
    DeepLakeError,
    InvalidOperationError,
    ReadOnlyModeError,
    SampleAppendError,
    SampleCompressionError,
    SampleUpdateError,
    TensorDoesNotExistError,
)
from deeplake.format.builder import Encoded
from deeplake.types import TensorSchema
from deeplake.versioning.draft import Draft
from deeplake.versioning.repository import Repository
from deeplake.versioning.session import Session

T = TypeVar("T")

Update: TypeAlias = tuple[Draft, writer.Batch, list[Encoded]]
"""A tensor, what its new samples decide about it, and the samples."""


class Checkout:
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
        self._columns = False
        self._pins: dict[int, tuple[str, int]] = {}
        self._touched: dict[str, int] = {}
        self._begun: dict[str, int] = {}
        self._readers: dict[str, TensorReader] = {}
        self.lender = Lender() if lender is None else lender
        capabilities = session.repository.store.capabilities
        local = capabilities.mapping or not capabilities.persistent
        self.linker = Linker(self.lender, session, local=local)

    @property
    def repository(self) -> Repository:
        """The dataset's objects."""
        return self.session.repository

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
        self._touched = {}
        self.rows_moved()
        self._readers.clear()

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
                session.checkpoint(self._lengths_agree())
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
            self._touched = {}
            self._columns = False
            self._begun = {tid: draft.length for tid, draft in self.session.tensors.items()}

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
            touched, self._touched = self._touched, {}
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
            if collecting and session.is_due and self._rows_are_whole():
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
        session = self.session
        self.flush()
        rebases = session.rebases
        self._depth += 1
        self._in_transaction = True
        try:
            yield dataset
            session.flush()
        except BaseException:
            session.discard()
            self.rows_moved()
            raise
        finally:
            self._in_transaction = False
            self._depth -= 1
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

    def _touch(self, draft: Draft) -> None:
        """Remember how long a tensor was before this block changed it."""
        self._touched.setdefault(draft.schema.id, draft.length)

    def _shorten(self, draft: Draft, rows: np.ndarray) -> None:
        """Remember that rows that were there before this block are gone."""
        for lengths in (self._touched, self._begun):
            if draft.schema.id in lengths:
                lengths[draft.schema.id] -= int((rows < lengths[draft.schema.id]).sum())

    def _lengths_agree(self) -> bool:
        tensors = self.session.tensors
        added = {
            tensors[tid].length - before for tid, before in self._touched.items() if tid in tensors
        }
        return len(added) <= 1

    def _rows_are_whole(self) -> bool:
        """Whether surely no row is half written.

        Where columns are written one by one, a tensor that was not written and was as long as those
        that were may be what comes next.
        """
        began = {tid: self._begun.get(tid, 0) for tid in self.session.tensors}
        added = {tid: draft.length - began[tid] for tid, draft in self.session.tensors.items()}
        grown = {tid: rows for tid, rows in added.items() if rows > 0}
        if len(set(grown.values())) > 1 or not self._lengths_agree():
            return False
        if not self._columns:
            return True
        lengths = {began[tid] for tid in grown}
        return not any(began[tid] in lengths for tid in added if tid not in grown)

    def _drop_half_rows(self) -> None:
        """Cut tensors that began the block equally long back to their common length.

        Tensors that the block did not come to count if the others have one row more: that is the
        half of a first row. If they have several, these tensors are not used.
        """
        tensors = self.session.tensors
        groups: dict[int, list[Draft]] = {}
        for tid, before in self._touched.items():
            if tid in tensors:
                groups.setdefault(before, []).append(tensors[tid])
        for before, drafts in groups.items():
            idle = any(
                length == before and tid in tensors and tid not in self._touched
                for tid, length in self._begun.items()
            )
            common = max(before, min(draft.length for draft in drafts))
            if idle and max(draft.length for draft in drafts) == before + 1:
                common = before
            for draft in drafts:
                if draft.length > common:
                    self.session.delete_rows(draft, np.array([[common, draft.length]], np.int64))
                    self.rows_moved()

    # ---- rows
    def apply_all(self, batches: Sequence[tuple[Draft, writer.Batch]]) -> None:
        """Add encoded samples to the ends of several tensors, or, where that fails, to none."""
        lengths = [(draft, draft.length) for draft, _ in batches]
        try:
            for draft, batch in batches:
                self.apply(draft, batch)
        except SampleAppendError:
            for draft, length in lengths:
                self._take_back(draft, length)
            raise

    def apply(self, draft: Draft, batch: writer.Batch) -> None:
        """Add encoded samples to the end of a tensor."""
        copies = zip(downsampling.drafts(draft, self.session.by_name), batch.smaller, strict=True)
        for smaller, less in [*copies]:
            self.apply(smaller, less)
        self._touch(draft)
        self._decide(draft, batch)
        before = draft.length
        try:
            self.session.append(draft, batch.runs, batch.n)
        except (SampleCompressionError, SampleAppendError) as error:
            # Large samples are encoded as they are stored; large arrays are stored from where they
            # are, and somebody may change them meanwhile.
            self._take_back(draft, before)
            raise SampleAppendError(
                f"tensor {draft.schema.name!r}, row {draft.length}: {error}"
            ) from error

    def _take_back(self, draft: Draft, length: int) -> None:
        """Remove the rows that were just added to a tensor, from row ``length`` on."""
        if draft.length > length:
            self.session.delete_rows(draft, np.array([[length, draft.length]], np.int64))

    def touch(self, draft: Draft) -> None:
        """Note that rows are about to be appended, whether that works or not."""
        self._touch(draft)

    def _decide(self, draft: Draft, batch: writer.Batch) -> None:
        """Take over what the samples decided about their tensor."""
        if batch.schema is not draft.schema:
            self.session.begin()
            draft.decide(batch.schema)
        if batch.info is not None:
            self.session.set_info(batch.info, draft)

    def extend(self, draft: Draft, samples: Any, *, ignore_errors: bool = False) -> None:
        """Append samples to one tensor; all or, without ``ignore_errors``, none.

        Raises:
            SampleAppendError: A sample does not fit; the message names tensor and row.
        """
        with self.change():
            self._columns = True
            self.touch(draft)
            if not ignore_errors:
                self.apply(draft, self.encode(draft, samples))
                return
            for sample in samples:
                try:
                    batch = self.encode(draft, [sample])
                except SampleAppendError:
                    continue
                self.apply(draft, batch)

    def encode(self, draft: Draft, samples: Any) -> writer.Batch:
        """Encode samples for a tensor.

        Raises:
            SampleAppendError: A sample does not fit; nothing was changed.
        """
        try:
            # Behind a network the caller goes on while a copy is being stored.
            mapping = self.repository.store.capabilities.mapping
            return self._encoded(draft, samples, borrow=mapping)
        except ReadOnlyModeError:
            raise
        except (DeepLakeError, TypeError, ValueError, KeyError, OverflowError) as error:
            offset = getattr(error, "row", 0)
            failure = SampleAppendError(
                f"tensor {draft.schema.name!r}, {writer.place(draft.length + offset, error)}: {error}"
            )
            failure.row = offset  # type: ignore[attr-defined]
            raise failure from error

    def update(
        self, draft: Draft, rows: np.ndarray, samples: Any, *, partial: bool = False
    ) -> None:
        """New samples for some rows (sorted, each once).

        Args:
            draft: The tensor.
            rows: Row numbers.
            samples: The samples.
            partial: They are the old samples with a part changed.

        Raises:
            SampleUpdateError: A sample does not fit; nothing was changed.
        """
        changes = self.encode_update(draft, rows, samples)
        with self.change(rows_move=True) as session, session.whole([d for d, _, _ in changes]):
            for changed, batch, runs in changes:
                self._decide(changed, batch)
                try:
                    session.replace(changed, rows, runs, partial=partial)
                except (
                    SampleCompressionError
                ) as error:  # large samples are encoded as they are stored
                    name = changed.schema.name
                    raise SampleUpdateError(f"tensor {name!r}, row {rows[0]}: {error}") from error

    def _encoded(self, draft: Draft, samples: Any, *, borrow: bool = False) -> writer.Batch:
        """Encoded samples, with those of the tensors that have smaller copies of them."""
        linker = self.linker if draft.schema.is_link else None
        batch = writer.encode(samples, draft.schema, draft.info, linker, borrow=borrow)
        if batch.info is not None:
            as_json(batch.info)
        copies = downsampling.drafts(draft, self.session.by_name)
        if copies:
            # What the first sample decides, it decides for its smaller copies too.
            kind = batch.schema
            layers = zip(copies, downsampling.smaller(samples, draft.schema), strict=False)
            batch.smaller = [
                writer.encode(less, replace(d.schema, dtype=kind.dtype, ndim=kind.ndim), d.info)
                for d, less in layers
            ]
        return batch

    def encode_update(self, draft: Draft, rows: np.ndarray, samples: Any) -> list[Update]:
        """Encode new samples for some rows (sorted, each once).

        Returns:
            What to replace these rows with: of the tensor, and of those with smaller copies.

        Raises:
            SampleUpdateError: A sample does not fit; nothing was changed.
        """
        try:
            batch = self._encoded(draft, samples)
            targets = [draft, *downsampling.drafts(draft, self.session.by_name)]
            batches = [batch, *batch.smaller]
            found = [(d, b, list(b.runs)) for d, b in zip(targets, batches, strict=True)]
        except (DeepLakeError, TypeError, ValueError, KeyError, OverflowError) as error:
            place = writer.place(int(rows[getattr(error, "row", 0)]), error)
            raise SampleUpdateError(f"tensor {draft.schema.name!r}, {place}: {error}") from error
        reader = self.reader(draft)
        if isinstance(reader, SequenceReader):
            check_update(draft.schema, rows, reader.counts(rows), found[0][2])
        return found

    def pop(self, drafts: Sequence[Draft], rows: Sequence[int]) -> None:
        """Remove rows (sorted, each once) from tensors; those too short for a row keep theirs."""
        numbers = np.asarray(rows, np.int64)
        by_name = self.session.by_name
        targets = [d for draft in drafts for d in (draft, *downsampling.drafts(draft, by_name))]
        with self.change() as session, session.whole(targets):
            for draft in targets:
                mine = numbers[numbers < draft.length]
                if len(mine):
                    session.delete_rows(draft, _ranges(mine))
                    self._shorten(draft, mine)

    # ---- schema
    def create_tensor(self, schema: TensorSchema, info: Mapping[str, Any]) -> Draft:
        """Add a tensor without rows."""
        with self.change(rows_move=False) as session:
            return session.create_tensor(schema, info)


def _ranges(rows: np.ndarray) -> np.ndarray:
    """``int64[n, 2]``: the runs of sorted row numbers."""
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    starts = np.concatenate(([0], breaks))
    stops = np.concatenate((breaks, [len(rows)]))
    return np.stack([rows[starts], rows[stops - 1] + 1], axis=1)


def new_tensor_id() -> str:
    """A random id that a tensor keeps for life."""
    return secrets.token_hex(8)


__all__ = ["Checkout", "new_tensor_id"]
