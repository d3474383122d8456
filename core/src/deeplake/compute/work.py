"""What workers do with a portion of the input: call the functions, encode what they give."""

from __future__ import annotations

import pickle
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from deeplake.compute.column import Column
from deeplake.compute.function import ComputeFunction
from deeplake.compute.output import Output, items
from deeplake.compute.portions import Portion, State
from deeplake.compute.shipping import Shipment
from deeplake.compute.source import Source
from deeplake.dataset import writer
from deeplake.errors import (
    DeepLakeError,
    InvalidTransformDataset,
    ReadOnlyModeError,
    TensorMismatchError,
    TransformError,
)
from deeplake.format.builder import Encoded, Run


@dataclass(frozen=True, slots=True)
class Target:
    """What the results have to be like.

    Attributes:
        path: Of the dataset that they are for.
        names: Its tensors.
        in_place: Only the tensors that are given are replaced.
        skip_ok: Tensors may be left out.
        read_only: There must be none.
    """

    path: str
    names: tuple[str, ...]
    in_place: bool
    skip_ok: bool
    read_only: bool

    def check(self, columns: Mapping[str, Column]) -> None:
        """Check what one sample gave.

        Raises:
            TensorMismatchError: There is no such tensor, or one is missing.
            InvalidTransformDataset: Tensors were given unequally many samples.
            ReadOnlyModeError: The dataset takes nothing.
        """
        unknown = [name for name in columns if name not in self.names]
        if unknown:
            raise TensorMismatchError(
                f"the transform gives samples for {_listed(unknown)}, which {self.path} has not; it "
                f"has {_listed(self.names) or 'no tensors'}"
            )
        if not any(column.n for column in columns.values()):
            return
        if self.read_only:
            raise ReadOnlyModeError(
                f"{self.path} was opened read only: the transform may read it, and give no samples"
            )
        if self.skip_ok:
            return
        missing = [name for name in self.names if name not in columns]
        if missing and not self.in_place:
            raise TensorMismatchError(
                f"the transform gives nothing for {_listed(missing)} of {self.path}; append to all "
                "tensors, or pass skip_ok=True to eval"
            )
        counts = {name: column.n for name, column in columns.items()}
        if len(set(counts.values())) > 1:
            raise InvalidTransformDataset(
                f"the transform gives unequally many samples to the tensors: {counts}; give equally "
                "many, or pass skip_ok=True to eval"
            )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


@dataclass(slots=True)
class Packed:
    """What a portion gives for one tensor.

    Attributes:
        counts: ``int64``: rows by sample of the input.
        samples: The rows as they were given; None: they are encoded.
        batch: The rows encoded.
    """

    counts: np.ndarray
    samples: Any = None
    batch: writer.Batch | None = None

    def __reduce__(self) -> Any:
        batch = self.batch
        if batch is not None:
            batch = replace(batch, runs=[_portable(run) for run in batch.runs])
        return Packed, (self.counts, self.samples, batch)


def _portable(run: Encoded) -> Encoded:
    if isinstance(run, Run) and not isinstance(run.buffer, bytes):
        return replace(run, buffer=bytes(run.buffer))
    return run


@dataclass(slots=True)
class Failure:
    """A sample of the input that failed: its number, and the error."""

    index: int
    error: Exception

    def __reduce__(self) -> Any:
        return Failure, (self.index, _travelling(self.error))


def _travelling(error: Exception) -> Exception:
    """The error in a form that can go to another process, with where it was raised."""
    where = "".join(traceback.format_exception(error)).rstrip()
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - whatever it is, its text can go
        error = TransformError(f"{type(error).__name__}: {error}")
    if not any("in a worker process" in note for note in getattr(error, "__notes__", ())):
        error.add_note(f"in a worker process:\n{where}")
    return error


@dataclass(slots=True)
class Outcome:
    """What became of a portion.

    Attributes:
        start, stop: The samples.
        columns: Results by tensor.
        failures: Samples that are left out, or the one that ended it.
        nbytes: What the results take.
        seconds: How long it took.
    """

    start: int
    stop: int
    columns: dict[str, Packed] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    nbytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done.

    Attributes:
        functions: The stages.
        source: The input.
        target: What the results have to be like.
        ignore_errors: Samples that fail are left out.
    """

    functions: Sequence[ComputeFunction]
    source: Source
    target: Target
    ignore_errors: bool


class Work:
    """Called with each portion, by an executor.

    Args:
        order: What is to be done.
    """

    def __init__(self, order: Shipment[Order]) -> None:
        self._order = order

    def __call__(self, portion: Portion) -> Outcome:
        """Work on a portion. What the functions raise is in what it returns."""
        order = self._order.value
        outcome = Outcome(portion.start, portion.stop)
        if portion.start == portion.stop:
            return outcome
        begun = time.perf_counter()
        columns: dict[str, Column] = {}
        counts: dict[str, np.ndarray] = {}
        samples = order.source.samples(portion.start, portion.stop, portion.part)
        for place in range(portion.stop - portion.start):
            try:
                given = self._given(order, next(samples))
            except Exception as error:  # noqa: BLE001 - functions are the user's
                outcome.failures.append(Failure(portion.start + place, _raised(error)))
                if not order.ignore_errors:
                    break
                # After an error of its own a generator gives nothing more.
                rest = portion.start + place + 1
                samples = order.source.samples(rest, portion.stop, _rest(portion, rest))
                continue
            for name, column in given.items():
                if column.n:
                    if name not in columns:
                        columns[name] = Column()
                        counts[name] = np.zeros(portion.stop - portion.start, np.int64)
                    columns[name].take(column)
                    counts[name][place] = column.n
        for name, column in columns.items():
            packed = _packed(column, counts[name], portion.states.get(name))
            outcome.columns[name] = packed
            outcome.nbytes += _size(packed, column)
        outcome.seconds = time.perf_counter() - begun
        return outcome

    def _given(self, order: Order, sample: Any) -> Mapping[str, Column]:
        """What the stages make of one sample."""
        inputs: Iterable[Any] = (sample,)
        *stages, last = order.functions
        for function in stages:
            between = Output()
            for one in inputs:
                function(one, between)
            inputs = items(between._columns)
        output = Output(order.target.names)
        for one in inputs:
            last(one, output)
        order.target.check(output._columns)
        return output._columns

    def __reduce__(self) -> Any:
        return Work, (self._order,)


def _raised(error: Exception) -> Exception:
    """The error; one that would end a loop as if all were well is not passed on as it is."""
    if isinstance(error, (StopIteration, StopAsyncIteration)):
        wrapped = TransformError(f"{type(error).__name__} was raised: {error}")
        wrapped.__cause__ = error
        return wrapped
    return error


def _rest(portion: Portion, start: int) -> Any:
    return None if portion.part is None else portion.part[start - portion.start :]


def _packed(column: Column, counts: np.ndarray, state: State | None) -> Packed:
    """The rows, encoded if that is the worker's part and nothing is wrong with them."""
    samples = column.samples()
    if state is not None:
        try:
            batch = writer.encode(samples, state.schema, state.info)
            batch.runs = list(batch.runs)
        except (DeepLakeError, TypeError, ValueError, KeyError, OverflowError):
            return Packed(counts, samples)  # who adds them finds out which, and says so
        # What samples decide about their tensor depends on those before them.
        alone = any(isinstance(run, Run) and run.alone is not None for run in batch.runs)
        if batch.schema == state.schema and batch.info is None and not alone:
            return Packed(counts, None, batch)
    return Packed(counts, samples)


def _size(packed: Packed, column: Column) -> int:
    if packed.batch is None:
        return column.nbytes
    return max(column.nbytes, sum(run.nbytes for run in packed.batch.runs))


__all__ = ["Failure", "Order", "Outcome", "Packed", "Target", "Work"]
