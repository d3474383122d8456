"""What a query reads of a dataset: whole columns, chunk by chunk, without a copy where that can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset import output
from deeplake.dataset.chunks import row_numbers
from deeplake.dataset.reader import TensorReader
from deeplake.dataset.selection import Selection
from deeplake.dataset.sequence_reader import SequenceReader
from deeplake.errors import FormatError
from deeplake.format import values as value_format
from deeplake.format.chunk import FIXED, RAGGED
from deeplake.spi import Columns, Values
from deeplake.types import TensorSchema
from deeplake.versioning.openchunk import OpenChunk, array_dtype

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

OBJECT_COST = 12
"""Bytes of Python objects that a byte of JSON becomes, about."""
SPARSE = 16
"""Of a chunk that is far away, all is read if at least one row in so many is wanted."""


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """One tensor that a query can name.

    Attributes:
        reader: Reads its samples.
        info: Its info.
    """

    reader: TensorReader
    info: Mapping[str, Any]


class StoredColumns(Columns):
    """Columns of a dataset or view at one moment.

    Args:
        columns: By name.
        visible: Names of those that ``SELECT *`` means.
        rows: Which rows the query is about.
        steps: Subscripts into each sample, if the view has any.
        origin: The dataset or view.
    """

    def __init__(
        self,
        columns: Mapping[str, StoredColumn],
        visible: Sequence[str],
        rows: range | np.ndarray,
        steps: Selection = Selection.ALL,
        origin: Dataset | None = None,
    ) -> None:
        self.columns = columns
        self.visible = tuple(visible)
        self.rows = rows
        self.steps = steps
        self.origin = origin
        self.schema: Mapping[str, TensorSchema] = {
            name: column.reader.schema for name, column in columns.items()
        }
        self._length = max(
            (len(columns[name].reader) for name in self.visible or columns), default=0
        )

    @classmethod
    def of(cls, dataset: Dataset) -> StoredColumns:
        """The columns and rows of a dataset or view."""
        dataset._check_valid()
        checkout = dataset._checkout
        session = checkout.session
        prefix = f"{dataset.group_index}/" if dataset.group_index else ""
        columns = {}
        for full, draft in list(session.by_name.items()):
            if full.startswith(prefix) and (dataset._names is None or full in dataset._names):
                with session.lock:
                    # Rows that are in no chunk yet get one, which stays when others are added.
                    draft.sealed()
                reader = checkout.reader(draft)
                columns[full[len(prefix) :]] = StoredColumn(reader, draft.info)
        visible = dataset._visible()
        # Tensors of different lengths: the query is about the rows of the longest one.
        longest = max((len(columns[name].reader) for name in visible), default=0)
        selection = dataset.index
        length = longest if selection.index is None else dataset._length()
        rows = selection.rows(length)
        if isinstance(rows, int):
            rows = range(rows, rows + 1)
        return cls(columns, visible, rows, Selection(None, selection.steps), dataset)

    def __len__(self) -> int:
        return self._length

    def info(self, name: str) -> Mapping[str, Any]:
        return self.columns[name].info

    def pieces(self, name: str) -> Mapping[str, np.ndarray]:
        reader = self.columns[name].reader
        return reader.kept.statistics(reader.table, reader.schema.dtype)

    def shapes(self, name: str, rows: np.ndarray | slice) -> np.ndarray:
        reader = self.columns[name].reader
        if self.steps.steps:
            return _shapes_of(self.read(name, rows))
        wanted = _numbers(rows)
        stored = wanted[wanted < len(reader)]
        found = reader.shapes(stored) if len(stored) else np.zeros((0, reader.schema.row_ndim))
        if found.dtype == object:
            found = np.where(found == None, -1, found)  # noqa: E711 - element by element
        if len(stored) == len(wanted):
            return found.astype(np.int64)
        result = np.zeros((len(wanted), found.shape[1]), np.int64)
        result[wanted < len(reader)] = found
        return result

    def sample_info(self, name: str, rows: np.ndarray | slice) -> list[Any]:
        reader = self.columns[name].reader
        return [output.info_of_row(reader, int(row)) for row in _numbers(rows)]

    def read(self, name: str, rows: np.ndarray | slice) -> Values:
        reader = self.columns[name].reader
        length = len(reader)
        if isinstance(rows, slice):
            start, stop = rows.start or 0, self._length if rows.stop is None else rows.stop
            stored = _span(reader, start, min(stop, length)) if start < min(stop, length) else None
            if stored is not None and stop <= length:
                return self._stepped(stored)
            missing = max(stop - max(start, length), 0)
            found = _missing(missing) if stored is None else _joined([stored, _missing(missing)])
            return self._stepped(found)
        wanted = np.asarray(rows, np.int64)
        there = wanted < length
        if there.all():
            return self._stepped(_gathered(reader, wanted))
        found = _joined([_gathered(reader, wanted[there]), _missing(int((~there).sum()))])
        place = np.empty(len(wanted), np.int64)
        place[np.concatenate([np.flatnonzero(there), np.flatnonzero(~there)])] = np.arange(
            len(wanted)
        )
        return self._stepped(taken(found, place))

    def _stepped(self, values: Values) -> Values:
        """What the view's subscripts take of each sample."""
        steps = self.steps
        if not steps.steps:
            return values
        if values.ends is None and isinstance(values.data, np.ndarray):
            return Values(steps.apply_batch(values.data), nulls=values.nulls)
        if values.ends is not None and values.shapes is None:
            return values
        nulls = values.nulls
        listed = [
            sample if (nulls is not None and nulls[i]) or not isinstance(sample, np.ndarray)
            else steps.apply(sample)
            for i, sample in enumerate(samples(values))
        ]  # fmt: skip
        return Values(listed, nulls=nulls)


# --------------------------------------------------------------------------- reading
def _numbers(rows: np.ndarray | slice) -> np.ndarray:
    if isinstance(rows, slice):
        return np.arange(rows.start or 0, rows.stop, dtype=np.int64)
    return np.asarray(rows, np.int64)


def _span(reader: TensorReader, start: int, stop: int) -> Values:
    """Values of consecutive rows."""
    parts: list[Values] = []
    known = reader.kept.run(reader.table, start, stop)
    if known is not None:
        return known
    if not isinstance(reader, SequenceReader) and reader.payload != "polygon":
        for _, pieces in reader.table.spans(start, stop):
            chunks = reader._chunks(list(pieces))
            for piece, chunk in zip(pieces, chunks, strict=True):
                whole = _chunk_values(reader, chunk)
                if whole is None:
                    return _decoded(reader, range(start, stop))
                first, count = int(piece["start"]), int(piece["count"])
                parts.append(whole.part(first, first + count))
                if count == stop - start:
                    place = (chunk.oid, chunk.offset)
                    reader.kept.put_run(reader.table, start, stop, place, first)
        return parts[0] if len(parts) == 1 else _joined(parts)
    return _decoded(reader, range(start, stop))


def _gathered(reader: TensorReader, rows: np.ndarray) -> Values:
    """Values of any rows."""
    if not len(rows):
        return _missing(0)
    if isinstance(reader, SequenceReader) or reader.payload == "polygon":
        return _decoded(reader, rows)
    groups = reader.groups(rows)
    if all(chunk.header.kind == FIXED for chunk, _, _ in groups):
        stacked = reader.array(rows)
        if stacked is not None:
            return Values(stacked)
    parts: list[Values] = []
    order: list[np.ndarray] = []
    for chunk, positions, places in groups:
        near = chunk.held or chunk.header.n <= SPARSE * len(places)
        whole = _chunk_values(reader, chunk) if near else None
        if whole is None:
            return _decoded(reader, rows)
        parts.append(taken(whole, places))
        order.append(positions)
    if len(parts) == 1:
        return parts[0]
    place = np.empty(len(rows), np.int64)
    place[np.concatenate(order)] = np.arange(len(rows))
    return taken(_joined(parts), place)


def _decoded(reader: TensorReader, rows: range | np.ndarray) -> Values:
    """Values of samples that are decoded one by one."""
    numbers = row_numbers(rows)
    if isinstance(reader, SequenceReader):
        nulls = reader.nulls(numbers)
    else:
        nulls = np.zeros(len(numbers), bool)
        for chunk, positions, places in reader.groups(numbers):
            if chunk.header.nulls is not None:
                nulls[positions] = chunk.header.nulls[places]
    mask = nulls if nulls.any() else None
    if reader.schema.ndim is None and not reader.looks:
        return Values([None] * len(numbers), nulls=np.ones(len(numbers), bool))
    if mask is None:
        stacked = reader.array(numbers)
        if stacked is not None:
            return Values(stacked)
    found = reader.samples(numbers)
    if isinstance(reader, SequenceReader) or reader.payload == "polygon":
        found = [_stacked(sample) for sample in found]
    return Values(found, nulls=mask)


def _stacked(items: Any) -> Any:
    """Items of one row as one array, where they are arrays of one shape."""
    if not isinstance(items, list) or not items or not isinstance(items[0], np.ndarray):
        return items
    if any(item.shape != items[0].shape for item in items):
        return items
    return np.stack(items)


def _chunk_values(reader: TensorReader, chunk: OpenChunk) -> Values | None:
    """Values of all samples of a chunk; None if they have to be decoded one by one."""
    header = chunk.header
    if header.kind not in (FIXED, RAGGED) or header.links or header.sample_codec:
        return None
    key = (chunk.oid, chunk.offset)
    found = reader.kept.get(key)
    if found is None:
        found, nbytes = _whole(reader, chunk)
        reader.kept.put(key, found, nbytes)
    return found


def _whole(reader: TensorReader, chunk: OpenChunk) -> tuple[Values, int]:
    """Values of all samples of a chunk, and the bytes that they take."""
    header = chunk.header
    n = header.n
    if chunk.array is not None:
        chunk.verify(0, header.frames)
        return Values(chunk.array, memo={}), 0
    mapped = chunk.held > 0
    raw: memoryview = memoryview(b"")
    if header.raw_length:
        at = chunk.offset + header.header_length
        stored = (
            None if mapped else reader.blocks.fetch([(chunk.oid, at, at + header.stored_length)])[0]
        )
        raw = chunk.raw(0, header.raw_length, (0, header.frames), stored)
        chunk.shrink()
    owned = 0 if mapped and not header.chunk_codec else header.raw_length
    ends = header.raw_ends()
    nulls = header.nulls
    if reader.payload == "text":
        data = np.frombuffer(raw, np.uint8)
        return Values(data, ends, None, nulls, memo={}), owned + 8 * n
    if reader.payload in ("json", "list"):
        return Values(_documents(reader, raw, ends, nulls), nulls=nulls, memo={}), (
            OBJECT_COST * header.raw_length
        )
    if header.kind == FIXED:
        array = np.frombuffer(raw, array_dtype(header)).reshape(n, *(header.shape or ()))
        return Values(array, memo={}), owned
    ndim = reader.schema.ndim or 0
    known = reader.schema.dtype
    dtype = array_dtype(header) if header.raw_length else np.dtype(known or np.float64)
    known_shapes = header.ndim == ndim and ndim > 0
    # Else they are all None, stored before there was a sample to say how many axes they have.
    shapes = header.shapes().astype(np.int64) if known_shapes else np.zeros((n, ndim), np.int64)
    elements = shapes.prod(axis=1) if known_shapes else 0
    wrong = np.flatnonzero(np.diff(ends, prepend=0) != elements * dtype.itemsize)
    if len(wrong):
        raise FormatError(
            f"{header.name}: sample {wrong[0]} is not of shape {tuple(shapes[wrong[0]])}"
        )
    values = Values(np.frombuffer(raw, dtype), ends // dtype.itemsize, shapes, nulls, memo={})
    return values, owned + 8 * n * (1 + ndim)


def _documents(
    reader: TensorReader, raw: memoryview, ends: np.ndarray, nulls: np.ndarray | None
) -> list[Any]:
    decode = value_format.decode_list if reader.payload == "list" else value_format.decode_json
    found: list[Any] = []
    start = 0
    for i, end in enumerate(ends.tolist()):
        if nulls is not None and nulls[i]:
            found.append(None)
        else:
            found.append(decode(raw[start:end]))
        start = end
    return found


def _missing(n: int) -> Values:
    """Rows that a column does not have."""
    return Values([None] * n, nulls=np.ones(n, bool))


# --------------------------------------------------------------------------- values
def samples(values: Values) -> list[Any]:
    """The samples one by one: arrays, str, json values."""
    data, ends = values.data, values.ends
    if ends is None:
        return list(data)
    starts = np.concatenate([[values.begin], ends[:-1]]).tolist()
    if values.shapes is None:
        raw = np.asarray(data).tobytes()
        return [str(raw[a:b], "utf-8") for a, b in zip(starts, ends.tolist(), strict=True)]
    shapes = values.shapes.tolist()
    return [
        data[a:b].reshape(shape)  # type: ignore[union-attr]
        for a, b, shape in zip(starts, ends.tolist(), shapes, strict=True)
    ]


def taken(values: Values, places: np.ndarray) -> Values:
    """The samples at some places."""
    nulls = None if values.nulls is None else values.nulls[places]
    data, ends = values.data, values.ends
    if ends is None:
        if isinstance(data, np.ndarray):
            return Values(data[places], nulls=nulls)
        return Values([data[i] for i in places.tolist()], nulls=nulls)
    starts = np.empty(len(ends), np.int64)
    starts[:1] = values.begin
    starts[1:] = ends[:-1]
    sizes = ends[places] - starts[places]
    stops = np.cumsum(sizes, dtype=np.int64)
    total = int(stops[-1]) if len(stops) else 0
    index = np.arange(total) + np.repeat(starts[places] - (stops - sizes), sizes)
    shapes = None if values.shapes is None else values.shapes[places]
    assert isinstance(data, np.ndarray)
    return Values(data[index], stops, shapes, nulls)


def _joined(parts: Sequence[Values]) -> Values:
    """Values one after the other."""
    parts = [part for part in parts if len(part)] or list(parts[:1])
    if len(parts) == 1:
        return parts[0]
    nulls = None
    if any(part.nulls is not None for part in parts):
        nulls = np.concatenate(
            [np.zeros(len(part), bool) if part.nulls is None else part.nulls for part in parts]
        )
    dense = all(part.ends is None and isinstance(part.data, np.ndarray) for part in parts)
    if dense and len({part.data.shape[1:] for part in parts}) == 1:  # type: ignore[union-attr]
        return Values(np.concatenate([part.data for part in parts]), nulls=nulls)
    if all(part.ends is not None for part in parts) or (
        dense and len({part.data.ndim for part in parts}) == 1  # type: ignore[union-attr]
    ):
        return _joined_ragged([ragged(part) for part in parts], nulls)
    ndims = {
        part.shapes.shape[1] if part.shapes is not None else np.ndim(part.data) - 1
        for part in parts
        if part.shapes is not None or isinstance(part.data, np.ndarray)
    }
    text = any(part.ends is not None and part.shapes is None for part in parts)
    lists = any(isinstance(part.data, list) for part in parts)
    if len(ndims) == 1 and not text and not lists:
        return _joined_ragged([ragged(part) for part in parts], nulls)
    return Values([sample for part in parts for sample in samples(part)], nulls=nulls)


def _joined_ragged(parts: Sequence[Values], nulls: np.ndarray | None) -> Values:
    data, ends, shapes, base = [], [], [], 0
    for part in parts:
        assert part.ends is not None
        stop = int(part.ends[-1])
        data.append(part.data[part.begin : stop])
        ends.append(part.ends - part.begin + base)
        base += stop - part.begin
        if part.shapes is not None:
            shapes.append(part.shapes)
    return Values(
        np.concatenate(data),
        np.concatenate(ends),
        np.concatenate(shapes) if shapes else None,
        nulls,
    )


def ragged(values: Values) -> Values:
    """Dense values in the ragged form."""
    if values.ends is not None:
        return values
    data = values.data
    assert isinstance(data, np.ndarray)
    n = len(data)
    size = int(np.prod(data.shape[1:], dtype=np.int64))
    ends = np.arange(1, n + 1, dtype=np.int64) * size
    shapes = np.tile(np.array(data.shape[1:], np.int64), (n, 1)).reshape(n, data.ndim - 1)
    return Values(np.ascontiguousarray(data).reshape(-1), ends, shapes, values.nulls)


def _shapes_of(values: Values) -> np.ndarray:
    if values.shapes is not None:
        return values.shapes
    listed = [np.shape(sample) for sample in samples(values)]
    ndim = max(map(len, listed), default=0)
    return np.array([shape if len(shape) == ndim else (0,) * ndim for shape in listed], np.int64)


__all__ = ["StoredColumn", "StoredColumns", "ragged", "samples", "taken"]
