"""Operations on whole rows: ``ds.append``, ``ds.extend``, ``ds[i].update``."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset import writer
from deeplake.dataset.progress import progress
from deeplake.dataset.sample import Sample
from deeplake.dataset.subscript import pop_rows
from deeplake.dataset.tensor import Tensor, many, plain
from deeplake.errors import (
    SampleAppendError,
    SampleAppendingError,
    SampleExtendError,
    SampleExtendingError,
    TensorDoesNotExistError,
)
from deeplake.versioning.draft import Draft

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

BLOCK = 256
"""Rows that are encoded at a time when they come one by one."""


def _targets(
    dataset: Dataset, given: Collection[str], *, skip_ok: bool, append_empty: bool
) -> tuple[dict[str, Draft], list[Draft]]:
    """The tensors that are named, and those that get None."""
    visible = dataset._columns()
    named: dict[str, Draft]
    empty: list[Draft]
    if given == visible.keys():
        named, empty = dict(visible), []
    else:
        named, empty = _some(dataset, visible, given, skip_ok, append_empty)
    lengths = {draft.length for draft in named.values()}
    lengths.update([draft.length for draft in empty])
    if len(lengths) > 1:
        uneven = {d.schema.name: d.length for d in (*named.values(), *empty)}
        raise ValueError(
            f"rows can only be added to tensors of equal length; now they have {uneven}. Append to "
            "the tensors one by one, or pass skip_ok=True with those of one length"
        )
    return named, empty


def _some(
    dataset: Dataset,
    visible: Mapping[str, Draft],
    given: Collection[str],
    skip_ok: bool,
    append_empty: bool,
) -> tuple[dict[str, Draft], list[Draft]]:
    for name in given:
        if str(name).strip("/") not in visible:
            raise TensorDoesNotExistError(
                f"tensor {name!r} does not exist in {dataset.path}; there are "
                f"{', '.join(map(repr, visible)) or 'none'}"
            )
    known = {name.strip("/") for name in given}
    missing = [name for name in visible if name not in known]
    if missing and not (skip_ok or append_empty):
        raise KeyError(
            f"there is no {', '.join(map(repr, missing))}; give all tensors, or pass skip_ok=True "
            "to leave them as they are, or append_empty=True to append None"
        )
    named = {name: visible[name.strip("/")] for name in given}
    return named, [visible[name] for name in missing] if append_empty else []


def append(dataset: Dataset, sample: Any, *, skip_ok: bool, append_empty: bool) -> None:
    """Add one row (see ``Dataset.append``)."""
    row = _as_row(dataset, sample)
    checkout = dataset._checkout
    checkout.check_writable()
    named, empty = _targets(dataset, row.keys(), skip_ok=skip_ok, append_empty=append_empty)
    with checkout.change():
        for draft in (*named.values(), *empty):
            checkout.touch(draft)
        batches = [(draft, checkout.encode(draft, [row[name]])) for name, draft in named.items()]
        batches += [(draft, checkout.encode(draft, [None])) for draft in empty]
        checkout.apply_all(batches)


def _as_row(dataset: Dataset, sample: Any) -> dict[str, Any]:
    from deeplake.dataset.dataset import Dataset as Kind

    if isinstance(sample, Kind):
        if len(sample) != 1:
            raise SampleAppendingError(
                f"ds.append takes one row; the view has {len(sample)}. ds.extend takes several"
            )
        return {name: plain(tensor) for name, tensor in sample.tensors.items() if name in dataset}
    if not isinstance(sample, Mapping):
        raise SampleAppendingError(
            f"ds.append takes a dict of samples by tensor name, not {type(sample).__name__}; to add "
            "to one tensor, use ds.<tensor>.append"
        )
    return {name: plain(value) for name, value in sample.items()}


def extend(
    dataset: Dataset,
    samples: Any,
    *,
    skip_ok: bool,
    append_empty: bool,
    ignore_errors: bool,
    progressbar: bool,
) -> None:
    """Add rows (see ``Dataset.extend``)."""
    columns = _as_columns(dataset, samples)
    sizes = {name: len(column) for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"all columns need the same number of rows; they have {sizes}")
    total = next(iter(sizes.values()), 0)
    if not columns:
        return
    named, empty = _targets(dataset, columns, skip_ok=skip_ok, append_empty=append_empty)
    checkout = dataset._checkout
    checkout.check_writable()
    arrays = all(isinstance(column, np.ndarray) for column in columns.values())
    if ignore_errors and (arrays or isinstance(samples, type(dataset))):
        warnings.warn(
            "ignore_errors is ignored where all samples are arrays, tensors or a dataset",
            stacklevel=3,
        )
        ignore_errors = False
    step = total if arrays else BLOCK
    with checkout.change():
        for draft in (*named.values(), *empty):
            checkout.touch(draft)
        for start in _blocks(total, step, progressbar):
            block = {name: _part(column, start, start + step) for name, column in columns.items()}
            _extend_block(dataset, block, named, empty, start, ignore_errors)
            checkout.session.checkpoint(between_rows=True)


def _blocks(total: int, step: int, shown: bool) -> Iterator[int]:
    starts = range(0, total, max(step, 1))
    yield from progress(starts, shown=shown, title="extend", unit="block", total=len(starts))


def _extend_block(
    dataset: Dataset,
    block: Mapping[str, Any],
    named: Mapping[str, Draft],
    empty: Sequence[Draft],
    start: int,
    ignore_errors: bool,
) -> None:
    checkout = dataset._checkout
    rows = len(next(iter(block.values()), ()))
    done = 0
    while done < rows:
        batches: list[tuple[Draft, writer.Batch]] = []
        try:
            for name, draft in named.items():
                batches.append((draft, checkout.encode(draft, block[name][done:])))
        except SampleAppendError as error:
            # Rows before the one that does not fit are complete: they are kept.
            bad = done + int(getattr(error, "row", 0))
            good = _first_rows(block, done, bad)
            if good:
                _extend_block(dataset, good, named, empty, start + done, ignore_errors)
            if not ignore_errors:
                raise SampleExtendError(
                    f"row {start + bad} of the rows to add: {error}; ignore_errors=True leaves out "
                    "such rows"
                ) from error
            done = bad + 1
            continue
        batches += [(draft, checkout.encode(draft, [None] * (rows - done))) for draft in empty]
        try:
            checkout.apply_all(batches)
        except SampleAppendError as error:
            raise SampleExtendError(f"nothing of these rows was added: {error}") from error
        return


def _first_rows(block: Mapping[str, Any], start: int, stop: int) -> dict[str, Any]:
    return {name: column[start:stop] for name, column in block.items()} if stop > start else {}


def _as_columns(dataset: Dataset, samples: Any) -> dict[str, Any]:
    from deeplake.dataset.dataset import Dataset as Kind

    if isinstance(samples, Kind):
        return {
            name: _Column(tensor) for name, tensor in samples.tensors.items() if name in dataset
        }
    if not isinstance(samples, Mapping):
        raise SampleExtendingError(
            f"ds.extend takes a dict of sequences by tensor name, not {type(samples).__name__}"
        )
    return {name: _column(name, value) for name, value in samples.items()}


def _part(column: Any, start: int, stop: int) -> Any:
    part = column[start:stop]
    return part if isinstance(part, np.ndarray) else [plain(value) for value in part]


def _column(name: str, value: Any) -> Any:
    if isinstance(value, Tensor):
        return _Column(value)
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "__array__") and not isinstance(value, Sequence):
        return np.asarray(value)
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, (str, bytes, Sample, Mapping)) or not hasattr(value, "__iter__"):
        raise TypeError(
            f"tensor {name!r}: ds.extend takes a sequence of samples for each tensor, not one "
            f"{type(value).__name__}; ds.append adds one row"
        )
    return list(value)


class _Column:
    """A tensor's samples as a sequence that reads them when they are asked for."""

    def __init__(self, tensor: Tensor) -> None:
        # The rows there are now: the tensor may be the one that grows.
        bound = tensor._selection.bind(tensor._total)
        self._tensor = Tensor(tensor._checkout, tensor._tid, bound, tensor._view)

    def __len__(self) -> int:
        return len(self._tensor)

    def __getitem__(self, rows: slice) -> Any:
        return many(self._tensor[rows])


def _several(name: str, value: Any, rows: int) -> Any:
    try:
        return many(value)
    except TypeError as error:
        raise TypeError(
            f"tensor {name!r}: one {type(value).__name__} for the {rows} rows that are selected: give "
            "one sample for each, or update a single row, as in ds[0].update({…})"
        ) from error


def pop(dataset: Dataset, index: int | Sequence[int] | None) -> None:
    """Remove rows (see ``Dataset.pop``)."""
    drafts = dataset._drafts()
    longest = max((draft.length for draft in drafts), default=0)
    dataset._checkout.pop(drafts, pop_rows(index, longest, dataset.path))


def update(dataset: Dataset, sample: Mapping[str, Any]) -> None:
    """New samples for the rows of a view (see ``Dataset.update``)."""
    if not isinstance(sample, Mapping):
        raise TypeError(
            f"update takes a dict of samples by tensor name, not {type(sample).__name__}"
        )
    selection = dataset.index
    if selection.steps:
        raise ValueError(
            "update replaces whole samples; to change a part of one, use ds.<tensor>[row, …] = value"
        )
    checkout = dataset._checkout
    checkout.check_writable()
    dataset._check_valid()
    single = selection.is_single
    chosen = selection.rows(dataset._length())
    rows = np.atleast_1d(np.asarray(chosen, np.int64))
    order = np.argsort(rows, kind="stable")
    encoded = []
    for name, value in sample.items():
        draft = dataset._draft(name.strip("/"))
        values = [plain(value)] if single else _several(name, value, len(rows))
        if len(values) != len(rows):
            raise ValueError(f"tensor {name!r}: {len(values)} samples for {len(rows)} rows")
        ordered = values if single else [values[i] for i in order.tolist()]
        encoded += checkout.encode_update(draft, rows[order], ordered)
    drafts = [draft for draft, _, _ in encoded]
    with checkout.change(rows_move=False) as session, session.whole(drafts):
        for draft, batch, runs in encoded:
            checkout._decide(draft, batch)
            session.replace(draft, rows[order], runs)


__all__ = ["append", "extend", "pop", "update"]
