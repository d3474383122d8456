"""Rows that are appended, updated and removed: the part of a checkout that encodes and hands them on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from deeplake.dataset import downsampling, writer
from deeplake.dataset.block import Block
from deeplake.dataset.info import as_json
from deeplake.dataset.linking import Linker
from deeplake.dataset.reader import TensorReader
from deeplake.dataset.sequence_reader import SequenceReader
from deeplake.dataset.sequence_writer import check_update
from deeplake.errors import (
    DeepLakeError,
    ReadOnlyModeError,
    SampleAppendError,
    SampleCompressionError,
    SampleUpdateError,
)
from deeplake.format.builder import Encoded
from deeplake.versioning.draft import Draft
from deeplake.versioning.repository import Repository
from deeplake.versioning.session import Session

Update: TypeAlias = tuple[Draft, writer.Batch, list[Encoded]]
"""A tensor, what its new samples decide about it, and the samples."""


class RowChanges(ABC):
    """Changes rows of a session's tensors: all of an operation, or nothing.

    Attributes:
        session: The working copy.
        linker: Reads what links lead to.
    """

    session: Session
    linker: Linker
    _block: Block

    @property
    @abstractmethod
    def repository(self) -> Repository:
        """The dataset's objects."""

    @abstractmethod
    def change(self, *, rows_move: bool = True) -> AbstractContextManager[Session]:
        """One operation."""

    @abstractmethod
    def reader(self, draft: Draft) -> TensorReader:
        """A reader of the tensor as it is now."""

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
        self._block.touch(draft)
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
        self._block.touch(draft)

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
            self._block.columns = True
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
        schema = draft.schema
        if not draft.length and schema.ndim is not None:
            # No sample is left that others would have to be like.
            schema = replace(schema, ndim=None)
        batch = writer.encode(samples, schema, draft.info, linker, borrow=borrow)
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
                    self._block.shorten(draft, mine)


def _ranges(rows: np.ndarray) -> np.ndarray:
    """``int64[n, 2]``: the runs of sorted row numbers."""
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    starts = np.concatenate(([0], breaks))
    stops = np.concatenate((breaks, [len(rows)]))
    return np.stack([rows[starts], rows[stops - 1] + 1], axis=1)


__all__ = ["RowChanges"]
