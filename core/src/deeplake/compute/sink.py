"""Adds what workers give to a dataset, in the order of the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from deeplake.compute.portions import State
from deeplake.compute.work import Failure, Outcome, Packed, Target
from deeplake.dataset import downsampling, writer
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.dataset import Dataset
from deeplake.errors import InvalidOutputDatasetError, InvalidTransformDataset, SampleAppendError
from deeplake.format.builder import Encoded
from deeplake.format.encoding import encoding
from deeplake.types import TensorSchema
from deeplake.versioning.draft import Draft


class Refused(Exception):
    """A sample of the input whose results do not fit the dataset.

    Attributes:
        failure: Which, and why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


class Sink:
    """The dataset that results are added to.

    Args:
        dataset: The dataset, or a group of it.
        target: What the results have to be like.
        ignore_errors: Samples whose results do not fit are left out.
    """

    def __init__(self, dataset: Dataset, target: Target, *, ignore_errors: bool) -> None:
        self._dataset = dataset
        self._target = target
        self._ignore_errors = ignore_errors
        self._replaced: set[str] = set()

    @property
    def _checkout(self) -> Checkout:
        return self._dataset._checkout

    # ---- what workers are told
    def states(self) -> Mapping[str, State]:
        """The tensors whose samples workers encode: what takes time, and is all decided."""
        states = {}
        for name in self._target.names:
            if self._target.in_place and name not in self._replaced:
                continue  # the first of its new samples may decide anew
            draft = self._dataset._draft(name)
            if _pays(draft.schema):
                states[name] = State(draft.schema, dict(draft.info))
        return states

    # ---- adding
    def take(self, outcome: Outcome) -> int:
        """Add what became of a portion; all, or nothing of it.

        Returns:
            How many samples were left out beside those that the worker left out.

        Raises:
            Refused: A sample does not fit, or had failed already.
        """
        columns = outcome.columns
        refused: Sequence[int] = ()
        if not columns:
            self._check_done(outcome)
            return 0
        with self._checkout.change():
            self._make_way(columns)
            try:
                batches = self._encoded(columns)
            except SampleAppendError as error:
                bad = self._misfits(columns)
                if not self._ignore_errors:
                    place, error = min(bad.items(), default=(0, error))
                    raise Refused(Failure(outcome.start + place, error)) from error
                refused = [*bad]
                batches = self._encoded(_without(columns, refused))
            self._check_done(outcome)
            try:
                self._checkout.apply_all(batches)
            except SampleAppendError as error:
                # Large samples are encoded as they are stored; they come one by one.
                raise Refused(Failure(outcome.start, error)) from error
        return len(refused)

    def _check_done(self, outcome: Outcome) -> None:
        if outcome.failures and not self._ignore_errors:
            raise Refused(outcome.failures[0])

    def _make_way(self, columns: Mapping[str, Packed]) -> None:
        """Remove the old samples of the tensors that are replaced."""
        fresh = [name for name in columns if name not in self._replaced]
        if not self._target.in_place or not fresh:
            return
        session = self._checkout.session
        for name in fresh:
            draft = self._dataset._draft(name)
            for old in (draft, *downsampling.drafts(draft, session.by_name)):
                if old.length:
                    session.delete_rows(old, np.array([[0, old.length]], np.int64))
                # Dimensions are those of the new samples.
                session.begin()
                old.decide(replace(old.schema, ndim=None))
            self._replaced.add(name)

    def _encoded(self, columns: Mapping[str, Packed]) -> list[tuple[Draft, writer.Batch]]:
        found = []
        for name, packed in columns.items():
            draft = self._dataset._draft(name)
            self._checkout.touch(draft)
            found.append((draft, self._batch(draft, packed)))
        return found

    def _batch(self, draft: Draft, packed: Packed) -> writer.Batch:
        batch = packed.batch
        if batch is None:
            return self._checkout.encode(draft, packed.samples)
        if batch.schema != draft.schema:
            raise InvalidOutputDatasetError(
                f"tensor {draft.schema.name!r} was changed while the transform ran"
            )
        return batch

    def _misfits(self, columns: Mapping[str, Packed]) -> dict[int, SampleAppendError]:
        """The samples of the input whose results cannot be encoded, and why."""
        bad: dict[int, SampleAppendError] = {}
        for name, packed in columns.items():
            if packed.batch is not None:
                continue
            draft = self._dataset._draft(name)
            start = 0
            for place, count in enumerate(packed.counts.tolist()):
                rows = packed.samples[start : start + count]
                start += count
                if not count or place in bad:
                    continue
                try:
                    batch = self._checkout.encode(draft, rows)
                    if batch.schema is not draft.schema:
                        # It decides what those after it have to be like.
                        self._checkout.session.begin()
                        draft.decide(batch.schema)
                except SampleAppendError as error:
                    bad[place] = error
                    if not self._ignore_errors:
                        break
        return dict(sorted(bad.items()))

    # ---- at the end
    def check(self) -> None:
        """Check a dataset whose tensors were replaced.

        Raises:
            InvalidTransformDataset: Some have other numbers of samples than the rest now.
        """
        if not self._target.in_place or self._target.skip_ok or not self._replaced:
            return
        lengths = {name: self._dataset._draft(name).length for name in self._target.names}
        if len(set(lengths.values())) > 1:
            raise InvalidTransformDataset(
                f"the tensors of {self._target.path} would have unequally many samples: {lengths}; "
                "give as many as there were, or for all tensors, or pass skip_ok=True to eval"
            )


def _pays(schema: TensorSchema) -> bool:
    """Whether samples are better encoded where they are made."""
    decided = schema.dtype is not None and schema.ndim is not None and not schema.meta.get("open")
    if not decided or schema.is_link or schema.is_sequence or downsampling.names(schema):
        return False
    codecs = encoding(schema)
    return codecs.sample is not None or codecs.sample_bytes is not None


def _without(columns: Mapping[str, Packed], refused: Sequence[int]) -> dict[str, Packed]:
    """What is left of a portion without some samples of the input."""
    left = {}
    for name, packed in columns.items():
        keep = np.ones(len(packed.counts), bool)
        keep[list(refused)] = False
        rows = np.flatnonzero(np.repeat(keep, packed.counts)).tolist()
        counts = np.where(keep, packed.counts, 0)
        if not rows:
            continue
        if packed.batch is None:
            samples = packed.samples
            kept = samples[rows] if isinstance(samples, np.ndarray) else [samples[i] for i in rows]
            left[name] = Packed(counts, kept)
        else:
            each: list[Any] = [
                run.part(i, i + 1) if run.n > 1 else run
                for run in packed.batch.runs
                for i in range(run.n)
            ]
            runs: list[Encoded] = [each[i] for i in rows]
            left[name] = Packed(counts, None, replace(packed.batch, runs=runs, n=len(runs)))
    return left


__all__ = ["Refused", "Sink"]
