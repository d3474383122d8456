"""What users get out of a sequence tensor: stacked arrays, lists of items, lists of lists.

The functions are those of :mod:`deeplake.dataset.output`, for tensors whose rows are sequences. The
items of all rows that are selected are read together, and then put together row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from deeplake.dataset import media, output
from deeplake.dataset.extent import rows as rows_of
from deeplake.dataset.linkviews import linked_sample
from deeplake.dataset.picked import Picked
from deeplake.dataset.sample import Sample
from deeplake.dataset.selection import Selection
from deeplake.dataset.sequence_reader import SequenceReader
from deeplake.errors import DeepLakeError
from deeplake.format.encoding import encoding, htype_plugin
from deeplake.types import Shape, TensorSchema

if TYPE_CHECKING:
    from deeplake.dataset.tensor import Tensor


def reader_of(tensor: Tensor) -> SequenceReader:
    """The reader of a sequence tensor."""
    return cast(SequenceReader, tensor._reader)


def picked(tensor: Tensor) -> Picked:
    """The items that are selected."""
    return Picked(reader_of(tensor), rows_of(tensor), tensor._selection)


# --------------------------------------------------------------------------- arrays
def numpy(tensor: Tensor, *, aslist: bool) -> Any:
    """The selected items as arrays (see ``Tensor.numpy``)."""
    reader = reader_of(tensor)
    one_row = tensor._selection.is_single
    if not one_row and tensor._total == 0:
        return [] if aslist or reader.payload == "polygon" else np.array([])
    if reader.payload == "array":
        output.check_filled(reader)
        found = _mapped(tensor, reader) if one_row and not aslist else None
        if found is not None:
            return found
    taken = picked(tensor)
    if reader.payload == "polygon":
        return _one(taken.by_row(_parts(taken)), one_row)
    if not aslist:
        stacked = taken.array()
        if stacked is not None:
            return np.asarray(stacked[0]) if one_row else stacked
    rows = taken.by_row(_parts(taken))
    if aslist:
        return _one(rows, one_row)
    if not taken.single:
        rows = [_stacked(tensor, row, taken) for row in rows]
    return rows[0] if one_row else _stacked(tensor, rows, taken)


def _mapped(tensor: Tensor, reader: SequenceReader) -> np.ndarray | None:
    """One row, or a part of one item, where that is a copy of mapped memory and nothing else."""
    index, steps = tensor._selection.index, tensor._selection.steps
    if type(index) is not int or index >= len(reader):
        return None
    if not steps:
        return reader.mapped(index)
    item, *inner = steps[0]
    if len(steps) > 1 or type(item) is not int:
        return None
    found = reader.mapped(index, item)
    return Selection(None, (tuple(inner),)).apply(found) if inner and found is not None else found


def _one(rows: list[Any], one_row: bool) -> Any:
    return rows[0] if one_row else rows


def _parts(taken: Picked) -> list[Any]:
    """What is taken of each item, the way ``numpy()`` shows it."""
    reader = taken.reader
    if reader.payload == "array":
        return taken.parts()
    found = [output.shown(reader, value) for value in taken.values()]
    if not taken.inner.steps:
        return found
    if reader.payload == "polygon":
        return [[taken.inner.apply(part) for part in value] for value in found]
    return [taken.inner.apply(value) for value in found]


def _stacked(tensor: Tensor, values: Sequence[Any], taken: Picked) -> np.ndarray:
    if not len(values):
        return _nothing(taken)
    if len({value.shape for value in values}) != 1:
        raise output.dynamic(tensor, len(values))
    return np.stack(values)


def _nothing(taken: Picked) -> np.ndarray:
    """No items: of the tensor's shape, where it has one; of zeros, as None, if the row has none."""
    reader = taken.reader
    if reader.payload != "array":
        return np.zeros((0, 1), str if reader.payload == "text" else object)
    low, high = (bound[1:] for bound in reader.table.bounds())
    shape: Shape = (0,) * len(low)
    if low == high and not taken.whole:
        shape = tuple(map(int, low))
    try:
        shape = taken.inner.result_shape(shape)
    except DeepLakeError:  # there is no such part, of shapes that are not known
        shape = ()
    return np.zeros((0, *shape), np.dtype(reader.schema.dtype))


# --------------------------------------------------------------------------- Python values
def data(tensor: Tensor, *, aslist: bool) -> dict[str, Any]:
    """The selected items as their htype describes them (see ``Tensor.data``)."""
    reader = reader_of(tensor)
    plugin = htype_plugin(reader.schema.htype)
    info = tensor._draft.info
    if reader.payload == "array":
        output.check_filled(reader)
    taken = picked(tensor)
    one_row = tensor._selection.is_single
    stacked = None if aslist else taken.array()
    if stacked is not None:
        value = np.asarray(stacked[0]) if one_row else stacked
        result = plugin.data(value, info, batch=not (one_row and taken.single))
    else:
        values = _parts(taken) if reader.payload == "array" else taken.values()
        rows = taken.by_row(values)
        if taken.single:
            result = plugin.data(_one(rows, one_row), info, batch=not one_row)
        else:
            found = [
                plugin.data(_alike(row, aslist=aslist), info, batch=True) for row in rows
            ]  # fmt: skip
            keys = found[0] if found else plugin.data([], info, batch=True)
            result = {key: _one([row[key] for row in found], one_row) for key in keys}
    if plugin.spec().compression != "optional":
        return plugin.describe(result, _fields(taken, one_row), _infos(taken, one_row))
    return result


def _fields(taken: Picked, one_row: bool) -> dict[str, Any]:
    """What the files of the items hold besides arrays: by name, and then row by row."""
    found = _item_fields(taken)
    return {
        name: _one(taken.by_row([one.get(name) for one in found]), one_row)
        for name in dict.fromkeys(name for one in found for name in one)
    }


def _item_fields(taken: Picked) -> list[dict[str, np.ndarray]]:
    reader, items = taken.reader, taken.items
    codec = encoding(reader.schema).sample
    if codec is None or not media.has_fields(codec):
        return [{} for _ in range(len(items))]
    entries = reader.item_shapes(items)[:, 0].tolist()
    raws = reader.item_bytes(items)
    return [
        media.fields_of(
            codec,
            raw,
            taken.inner.steps,
            entries[k],
            f"tensor {reader.schema.name!r}, row {items[k]}",
        )
        for k, raw in enumerate(raws)
    ]


def timestamps(tensor: Tensor) -> np.ndarray:
    """Seconds at which the selected frames of one item are shown (see ``Tensor.timestamps``)."""
    media.check_video(tensor, "timestamps")
    taken = picked(tensor)
    if not taken.single:
        raise ValueError(
            f"timestamps needs one video: subscript tensor {tensor.key!r} with its row and its item"
        )
    found = _item_fields(taken)[0].get("timestamps")
    if found is not None:
        return np.asarray(found, np.float64)
    return media.a_second_each(taken.inner.steps, int(taken.reader.item_shapes(taken.items)[0][0]))


def _alike(values: list[Any], *, aslist: bool) -> Any:
    """Arrays of one shape as one array; anything else as it is."""
    arrays = not aslist and bool(values) and all(isinstance(v, np.ndarray) for v in values)
    if arrays and len({value.shape for value in values}) == 1:
        return np.stack(values)
    return values


def values(tensor: Tensor, payload: str) -> Any:
    """The selected items as Python values, row by row.

    Raises:
        ValueError: They are of another kind.
    """
    output.check_payload(tensor, payload)
    taken = picked(tensor)
    return _one(taken.by_row(taken.values()), tensor._selection.is_single)


def lists(tensor: Tensor) -> Any:
    """The selected items as Python lists, arrays included."""
    reader = reader_of(tensor)
    taken = picked(tensor)
    if reader.payload in ("list", "json"):
        return _one(taken.by_row(taken.values()), tensor._selection.is_single)
    parts = [part.tolist() if isinstance(part, np.ndarray) else part for part in _parts(taken)]
    return _one(taken.by_row(parts), tensor._selection.is_single)


# --------------------------------------------------------------------------- files
def tobytes(tensor: Tensor) -> Any:
    """The stored bytes of one item, or of each item of one row."""
    taken = picked(tensor)
    if len(tensor) != 1 or taken.inner.steps:
        raise ValueError(
            f"tobytes() needs exactly one sample, and whole items of it; {tensor!r} selects "
            f"{len(tensor)}, or parts"
        )
    return taken.by_row(taken.reader.item_bytes(taken.items))[0]


def sample_info(tensor: Tensor) -> Any:
    """What the files of the selected items say of themselves, row by row."""
    return _infos(picked(tensor), tensor._selection.is_single)


def _infos(taken: Picked, one_row: bool) -> Any:
    reader = taken.reader
    codec = encoding(reader.schema).sample
    rows = taken.items.rows
    modified = [reader.is_modified(int(row)) for row in rows]
    raws: Sequence[bytes] = [b""] * len(taken.items)
    if codec is not None:
        raws = reader.item_bytes(taken.items)
    owners = taken.items.owners.tolist()
    if reader.schema.is_link:
        raws = reader.item_bytes(taken.items)
        infos = [
            output.link_info(link, raw, modified=modified[owner])
            for link, raw, owner in zip(reader.item_links(taken.items), raws, owners, strict=True)
        ]
        return _one(taken.by_row(infos), one_row)
    infos = [
        output.info_of(codec, raw, modified=modified[owner], origin=origin)
        for raw, owner, origin in zip(raws, owners, reader.item_origins(taken.items), strict=True)
    ]
    return _one(taken.by_row(infos), one_row)


# --------------------------------------------------------------------------- for other tensors
def as_sample(tensor: Tensor) -> Any:
    """One selected row the way ``append`` takes it: a list of items, of which files stay files."""
    found = as_samples(tensor)
    return found[0] if len(tensor) == 1 else found


def as_samples(tensor: Tensor) -> Sequence[Any] | np.ndarray:
    """All selected rows the way ``extend`` takes them: one array where they make one."""
    reader = reader_of(tensor)
    taken = picked(tensor)
    codec = encoding(reader.schema).sample
    nulls = _null_rows(tensor)
    missing = reader.item_nulls(taken.items)
    links = reader.schema.is_link and not taken.inner.steps
    if codec is None and not links and not nulls.any() and not missing.any():
        stacked = taken.array()
        if stacked is not None:
            return stacked
    if links:
        values: list[Any] = [
            None if link is None else linked_sample(reader, link, shape)
            for link, shape in zip(
                reader.item_links(taken.items), reader.pinned_shapes(taken.items), strict=True
            )
        ]
    elif codec is not None and not taken.inner.steps:
        raws = reader.item_bytes(taken.items)
        values = [Sample(buffer=raw, compression=codec.name) if raw else None for raw in raws]
        for value, origin in zip(values, reader.item_origins(taken.items), strict=True):
            if value is not None:
                value.origin = origin
        # Of images without pixels, no file is stored.
        bare = [i for i, raw in enumerate(raws) if not raw and not missing[i]]
        whole = taken.values() if bare else []
        for i in bare:
            values[i] = whole[i]
    else:
        values = taken.parts() if reader.payload == "array" else taken.values()
        for i in np.flatnonzero(missing).tolist():
            values[i] = None
    rows = taken.by_row(values)
    if taken.single:
        return rows
    return [None if null else row for null, row in zip(nulls.tolist(), rows, strict=True)]


def _null_rows(tensor: Tensor) -> np.ndarray:
    """``bool[n]``: which selected rows are None, or only fill up a view."""
    reader = reader_of(tensor)
    rows = np.asarray(rows_of(tensor), np.int64)
    nulls = rows >= len(reader)
    nulls[~nulls] = reader.nulls(rows[~nulls])
    return nulls


def schema_of_parts(tensor: Tensor) -> TensorSchema:
    """The schema of a tensor of the parts that are selected of samples.

    They may have fewer dimensions, and one item of each row is no sequence any more.
    """
    schema = tensor._schema
    if not len(tensor):
        return schema
    if not schema.is_sequence:
        return replace(schema, ndim=None)
    taken = picked(tensor)
    ndim = None if taken.inner.steps else schema.ndim
    return replace(schema, is_sequence=not taken.single, ndim=ndim)


# --------------------------------------------------------------------------- how much there is
def is_row(tensor: Tensor) -> bool:
    """Whether items of one row are selected, rather than rows or a single item."""
    return tensor._selection.is_single and not picked(tensor).single


def item_count(tensor: Tensor) -> int:
    """How many items the one row has that is selected; 1 if one of them is."""
    return int(picked(tensor).counts[0])


def item_total(tensor: Tensor) -> int:
    """How many items all rows of the tensor have together; reads headers only where they differ."""
    reader = reader_of(tensor)
    total = 0
    for first, pieces in reader.table.spans():
        counts = pieces["count"].astype(np.int64)
        low, high = (pieces[bound][:, 0].astype(np.int64) for bound in ("low", "high"))
        known = low == high
        total += int((counts[known] * low[known]).sum())
        ends = first + np.cumsum(counts)
        for end, count in zip(ends[~known].tolist(), counts[~known].tolist(), strict=True):
            total += int(reader.counts(range(end - count, end)).sum())
    return total


def part_bounds(tensor: Tensor) -> tuple[Shape, Shape]:
    """Lowest and highest shape of what is taken of the selected rows."""
    taken = picked(tensor)
    lead = [] if taken.single else [taken.counts]
    shapes = taken.reader.item_shapes(taken.items)
    distinct, which = np.unique(shapes, axis=0, return_inverse=True)
    parts = [taken.inner.result_shape(tuple(shape)) for shape in distinct.tolist()]
    low: list[int] = [int(counts.min()) for counts in lead]
    high: list[int] = [int(counts.max()) for counts in lead]
    if parts:
        inner = np.array(parts, np.int64).reshape(len(parts), -1)[which.reshape(-1)]
        low += inner.min(axis=0).tolist() if taken.counts.all() else [0] * inner.shape[1]
        high += inner.max(axis=0).tolist()
    else:
        nothing = _nothing(taken)
        low += [0] * (nothing.ndim - 1)
        high += [0] * (nothing.ndim - 1)
    return tuple(low), tuple(high)


__all__ = [
    "as_sample",
    "as_samples",
    "data",
    "is_row",
    "item_count",
    "item_total",
    "lists",
    "numpy",
    "part_bounds",
    "picked",
    "reader_of",
    "sample_info",
    "schema_of_parts",
    "timestamps",
    "tobytes",
    "values",
]
