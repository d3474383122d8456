"""From what users append to sequence tensors to encoded rows.

The items of all rows are encoded in one pass, as samples are; what is here takes rows apart, and
says of an item that does not fit which row it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset.casting import STORED_KINDS
from deeplake.dataset.sample import Sample
from deeplake.dataset.writer import STACKED_FROM, Batch, encode_samples
from deeplake.errors import SampleUpdateError, TensorInvalidSampleShapeError
from deeplake.format.builder import Encoded
from deeplake.format.sequence import MAX_ITEMS, Rows
from deeplake.format.sequence_builder import SequenceRun, grouped
from deeplake.types import TensorSchema

if TYPE_CHECKING:
    from deeplake.dataset.linking import Linker


SMALL = 4 << 10
"""Bytes of an array that costs less to copy than to look at."""


def encode_sequences(
    rows: Any, schema: TensorSchema, info: Mapping[str, Any], linker: Linker | None = None
) -> Batch:
    """Encode several rows of a sequence tensor.

    Args:
        rows: An array of shape ``(rows, items, *shape)``, or a sequence of rows: each a list of
            items, an array with an axis of items, or None.
        schema: The tensor's schema.
        info: The tensor's info.
        linker: Opens links, for a tensor of links.

    Raises:
        DeepLakeError: An item does not fit; ``error.row`` and ``error.item`` say which.
    """
    items, layout = _taken_apart(rows, schema)
    try:
        batch = encode_samples(items, schema, info, linker)
    except Exception as error:
        place = getattr(error, "row", None)
        if place is not None:
            row = int(np.searchsorted(layout.ends, place, "right"))
            _locate(error, row, place - layout.item_range(row)[0])
        raise
    return Batch(grouped(batch.runs, layout), layout.n, batch.schema, batch.info)  # type: ignore[arg-type]


def _locate(error: Exception, row: int, item: int | None = None) -> None:
    for name, value in (("row", row), ("item", item)):
        if value is not None:
            setattr(error, name, value)


def _taken_apart(rows: Any, schema: TensorSchema) -> tuple[Any, Rows]:
    """The items of all rows, and how many each row has."""
    if isinstance(rows, np.ndarray) and rows.ndim > 1:
        counts = np.full(len(rows), rows.shape[1], np.int64)
        _check_counts(counts)
        return rows.reshape(rows.shape[0] * rows.shape[1], *rows.shape[2:]), Rows.of(counts)
    parts = []
    for number, row in enumerate(rows):
        try:
            parts.append(None if row is None else _items(row, schema))
        except TypeError as error:
            _locate(error, number)
            raise
    counts = np.fromiter((0 if part is None else len(part) for part in parts), np.int64, len(parts))
    _check_counts(counts)
    nulls = np.fromiter((part is None for part in parts), bool, len(parts))
    return _together([part for part in parts if part is not None]), Rows.of(counts, nulls)


def _items(row: Any, schema: TensorSchema) -> Sequence[Any] | np.ndarray:
    """The items of one row.

    Raises:
        TypeError: It is no list of items.
    """
    if isinstance(row, (list, tuple)):
        return row
    array = row
    if hasattr(row, "__array__") and not isinstance(row, (np.ndarray, Sample, np.generic)):
        array = np.asarray(row)
    if isinstance(array, np.ndarray) and array.ndim:
        return array
    single = isinstance(row, (str, bytes, Sample, Mapping, np.ndarray, np.generic))
    if single or not isinstance(row, Iterable):
        raise TypeError(
            f"a sample of htype {schema.full_htype!r} is a list of items, an array of them or None, "
            f"not {type(row).__name__}"
        )
    return list(row)


def _together(parts: Sequence[Sequence[Any] | np.ndarray]) -> Any:
    """The items of all rows: one array, where the rows are arrays that fit together."""
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if arrays and len(arrays) == len(parts):
        first = arrays[0]
        if all(a.shape[1:] == first.shape[1:] and a.dtype == first.dtype for a in arrays):
            return first if len(arrays) == 1 else np.concatenate(arrays)
    items = [item for part in parts for item in part]
    return items if (stacked := _stacked(items)) is None else stacked


def _stacked(items: list[Any]) -> np.ndarray | None:
    """Small arrays of one shape and dtype as one array: it is encoded in one pass."""
    if len(items) < STACKED_FROM or not isinstance(items[0], np.ndarray):
        return None
    shape, dtype = items[0].shape, items[0].dtype
    if dtype.kind not in STORED_KINDS or items[0].nbytes > SMALL or not shape:
        return None
    if all(type(i) is np.ndarray and i.shape == shape and i.dtype == dtype for i in items):
        return np.stack(items)
    return None


def _check_counts(counts: np.ndarray) -> None:
    over = np.flatnonzero(counts > MAX_ITEMS)
    if len(over):
        error = TensorInvalidSampleShapeError(
            f"a sequence of {counts[over[0]]} items; at most {MAX_ITEMS} are possible"
        )
        _locate(error, int(over[0]))
        raise error


def check_update(
    schema: TensorSchema, rows: np.ndarray, before: np.ndarray, runs: Sequence[Encoded]
) -> None:
    """Refuse an update that changes how many items a row has; one that has none may get some.

    Args:
        schema: The tensor's schema.
        rows: ``int64[n]``: row numbers.
        before: ``int64[n]``: items that the rows have.
        runs: The new values of the rows, in the same order.

    Raises:
        SampleUpdateError: A row would have another number of items.
    """
    after = np.concatenate([run.counts for run in runs if isinstance(run, SequenceRun)])
    wrong = np.flatnonzero((after != before) & (before > 0))
    if len(wrong):
        i = int(wrong[0])
        raise SampleUpdateError(
            f"tensor {schema.name!r}, row {rows[i]}: has {before[i]} items and would get {after[i]}; "
            "an update keeps their number. Pop the row and append the new one, or change single "
            "items"
        )


__all__ = ["check_update", "encode_sequences"]
