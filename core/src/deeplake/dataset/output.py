"""What users get out of a tensor: arrays, Python values, dicts, the bytes of files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset import media
from deeplake.dataset.chunks import Rows
from deeplake.dataset.extent import rows as rows_of
from deeplake.dataset.jobs import run_jobs
from deeplake.dataset.linking import sample_of
from deeplake.dataset.linkviews import as_links
from deeplake.dataset.reader import TensorReader
from deeplake.dataset.sample import Sample
from deeplake.dataset.selection import Selection
from deeplake.errors import DynamicTensorNumpyError, EmptyTensorError
from deeplake.format.encoding import encoding, htype_plugin
from deeplake.format.links import AnyLink, Link, LinkGrid
from deeplake.format.values import object_array
from deeplake.spi import SampleCodec

if TYPE_CHECKING:
    from deeplake.dataset.tensor import Tensor

_EMPTY = {"text": str, "json": dict, "list": list, "polygon": list}


# --------------------------------------------------------------------------- values of rows
def check_filled(reader: TensorReader) -> None:
    """Raise ``EmptyTensorError`` if no sample of the tensor has a value."""
    if reader.schema.ndim is None and not reader.looks:
        raise EmptyTensorError(
            f"tensor {reader.schema.name!r} holds no sample that has a value, only None: append one "
            "to decide its dtype and its number of dimensions"
        )


def _empty(reader: TensorReader) -> Any:
    """What None reads as."""
    if reader.payload != "array":
        return _EMPTY[reader.payload]()
    # Links of which none was opened have no dimensions yet; an array without any would have a value.
    return np.zeros((0,) * (reader.schema.ndim or 1), reader.schema.dtype or np.float64)


def _sample(reader: TensorReader, row: int) -> Any:
    if row >= len(reader):
        return _empty(reader)
    if reader.schema.ndim is None:
        check_filled(reader)
    return reader.sample(row)


def _part(reader: TensorReader, row: int, selection: Selection) -> np.ndarray:
    """What the steps of a selection take of one row."""
    if row >= len(reader):
        return selection.apply(_empty(reader))
    check_filled(reader)
    return reader.part(row, selection)


def samples(tensor: Tensor) -> list[Any]:
    """The stored values of the selected rows, whole; rows that only fill up a view are empty."""
    reader = tensor._reader
    wanted = rows_of(tensor)
    if tensor._total == len(reader):
        if len(wanted):
            check_filled(reader)
        return reader.samples(wanted)
    numbers = np.asarray(wanted, np.int64)
    stored = np.flatnonzero(numbers < len(reader))
    result = [_empty(reader) for _ in range(len(numbers))]
    if len(stored):
        check_filled(reader)
        for at, value in zip(stored.tolist(), reader.samples(numbers[stored]), strict=True):
            result[at] = value
    return result


# --------------------------------------------------------------------------- arrays
def numpy(tensor: Tensor, *, aslist: bool) -> Any:
    """The selected samples as arrays (see ``Tensor.numpy``)."""
    selection = tensor._selection
    reader = tensor._reader
    if type(selection.index) is int:
        if selection.steps and reader.payload == "array":
            return _part(reader, selection.index, selection)
        value = _sample(reader, selection.index)
        if reader.payload == "array":
            return selection.apply(value) if selection.steps else value
        return _subscripted(tensor, shown(reader, value))
    if tensor._total == 0:
        return [] if aslist or reader.payload == "polygon" else np.array([])
    if reader.payload != "array":
        return _objects(tensor, reader, aslist)
    return _arrays(tensor, reader, aslist)


def _arrays(tensor: Tensor, reader: TensorReader, aslist: bool) -> Any:
    selection = tensor._selection
    wanted = rows_of(tensor)
    check_filled(reader)
    found: list[np.ndarray] | None = None
    if selection.steps and len(wanted) and reader.in_parts(wanted):
        found = [_part(reader, int(row), selection) for row in wanted]
    elif selection.steps and tensor._total == len(reader) and reader.in_crops(wanted):
        found = _crops(reader, wanted, selection)
    elif selection.steps and len(wanted) and tensor._total == len(reader):
        found = reader.parts(wanted, selection)
    if found is None and not aslist:
        if len(wanted) == 0:
            return _none_selected(tensor, reader)
        stacked = reader.array(wanted) if tensor._total == len(reader) else None
        if stacked is not None:
            return selection.apply_batch(stacked) if selection.steps else stacked
        if reader.schema.is_link and not reader.looks and not selection.steps and tensor.is_dynamic:
            raise dynamic(tensor, len(wanted))  # nothing need be fetched to know
    if found is None:
        found = [selection.apply(value) for value in samples(tensor)]
    if aslist:
        return found
    if len({value.shape for value in found}) == 1:
        return np.stack(found)
    raise dynamic(tensor, len(found))


def _crops(reader: TensorReader, wanted: Rows, selection: Selection) -> list[np.ndarray]:
    """What the steps of a selection take of some rows, on threads."""
    found: list[Any] = [None] * len(wanted)

    def take(position: int, row: int) -> None:
        found[position] = _part(reader, row, selection)

    jobs = [partial(take, position, int(row)) for position, row in enumerate(wanted)]
    run_jobs(jobs, parallel=True)
    return found


def _none_selected(tensor: Tensor, reader: TensorReader) -> np.ndarray:
    """No samples: of the tensor's shape where a slice is empty, of none where a list is."""
    low, high = reader.table.bounds()
    shape = tensor._selection.result_shape(low) if low == high else ()
    if isinstance(tensor._selection.index, np.ndarray):
        shape = ()
    return np.zeros((0, *shape), np.dtype(reader.schema.dtype))


def _objects(tensor: Tensor, reader: TensorReader, aslist: bool) -> Any:
    found = [_subscripted(tensor, shown(reader, value)) for value in samples(tensor)]
    if aslist or reader.payload == "polygon":
        return found
    if not found:
        return np.zeros((0,), str if reader.payload == "text" else object)
    if len({value.shape for value in found}) != 1:
        raise dynamic(tensor, len(found))
    return np.stack(found)


def dynamic(tensor: Tensor, count: int) -> DynamicTensorNumpyError:
    """The error that samples of different shapes are no array."""
    return DynamicTensorNumpyError(
        f"the {count} samples of tensor {tensor.key!r} that are selected have different shapes "
        f"({tensor.shape_interval}); use .numpy(aslist=True) for a list of arrays"
    )


def shown(reader: TensorReader, value: Any) -> Any:
    """A value that is no array, the way ``numpy()`` shows it."""
    if reader.payload == "text":
        return np.array([value])
    if reader.payload == "json":
        return object_array([value])
    if reader.payload == "list":
        tag = reader.schema.htype == "tag"
        return np.array(value, str) if tag else object_array(value)
    return value


def _subscripted(tensor: Tensor, value: Any) -> Any:
    selection = tensor._selection
    if not selection.steps:
        return value
    if isinstance(value, list):
        return [selection.apply(part) for part in value]
    return selection.apply(value)


# --------------------------------------------------------------------------- Python values
def data(tensor: Tensor, *, aslist: bool) -> dict[str, Any]:
    """The selected samples as their htype describes them (see ``Tensor.data``)."""
    reader = tensor._reader
    plugin = htype_plugin(reader.schema.htype)
    single = tensor._selection.is_single
    if reader.payload == "array":
        value = numpy(tensor, aslist=aslist or (not single and tensor.is_dynamic))
    else:
        value = _single_or_all(tensor)
    result = plugin.data(value, tensor._draft.info, batch=not single)
    if plugin.spec().compression != "optional":
        return plugin.describe(result, media.fields(tensor, aslist=aslist), sample_info(tensor))
    return result


def _single_or_all(tensor: Tensor) -> Any:
    found = samples(tensor)
    return found[0] if tensor._selection.is_single else found


def check_payload(tensor: Tensor, payload: str) -> None:
    """Raise ``ValueError`` if samples are of another kind."""
    if tensor._reader.payload != payload:
        raise ValueError(
            f"tensor {tensor.key!r} has htype {tensor.htype!r}: its samples are no {payload}; use "
            ".numpy() or .data()"
        )


def values(tensor: Tensor, payload: str) -> Any:
    """The selected samples as Python values.

    Raises:
        ValueError: They are of another kind.
    """
    check_payload(tensor, payload)
    return _single_or_all(tensor)


def lists(tensor: Tensor) -> Any:
    """The selected samples as Python lists, arrays included."""
    if tensor._reader.payload in ("list", "json"):
        return _single_or_all(tensor)
    found = numpy(tensor, aslist=not tensor._selection.is_single and tensor.is_dynamic)
    if isinstance(found, list):
        return [part.tolist() if isinstance(part, np.ndarray) else part for part in found]
    return found.tolist()


# --------------------------------------------------------------------------- files
def tobytes(tensor: Tensor) -> bytes:
    """The stored bytes of one sample (see ``Tensor.tobytes``)."""
    if len(tensor) != 1 or tensor._selection.steps:
        raise ValueError(
            f"tobytes() needs exactly one whole sample; {tensor!r} selects {len(tensor)} or a part"
        )
    row = int(rows_of(tensor)[0])
    reader = tensor._reader
    return reader.raw(row) if row < len(reader) else b""


def sample_info(tensor: Tensor) -> Any:
    """What the files of the selected samples say of themselves: a dict, or a list of them."""
    reader = tensor._reader
    found = [info_of_row(reader, row) for row in rows_of(tensor)]
    return found[0] if tensor._selection.is_single else found


def info_of_row(reader: TensorReader, row: int) -> dict[str, Any]:
    """What the file of one row says of itself."""
    codec = encoding(reader.schema).sample
    stored = row < len(reader)
    modified = stored and reader.is_modified(row)
    if reader.schema.is_link and stored:
        link = reader.links([row])[0]
        if isinstance(link, LinkGrid):
            return {"tiles": [*link.counts], "shape": [*reader.shapes([row])[0].tolist()],
                    "modified": modified}  # fmt: skip
        return link_info(link, reader.raw(row), modified=modified)
    if codec is not None and stored and reader.tiles(row) is not None:
        # Its tiles are files, but it is none.
        shape = [*reader.shape(row)]
        return {"format": codec.name, "shape": shape, **_named(reader.origin(row)),
                "modified": modified}  # fmt: skip
    raw = reader.raw(row) if codec is not None and stored else b""
    return info_of(codec, raw, modified=modified, origin=reader.origin(row) if raw else "")


def link_info(link: AnyLink | None, raw: bytes, *, modified: bool) -> dict[str, Any]:
    """What a linked file says of itself."""
    meta = sample_of(link, raw).meta if isinstance(link, Link) else {}
    return {**meta, "modified": modified}


def info_of(
    codec: SampleCodec | None, raw: bytes, *, modified: bool, origin: str = ""
) -> dict[str, Any]:
    """What the bytes of one sample say of themselves, and where they were read from."""
    if codec is None or not raw:
        return {"modified": modified}
    header = codec.probe(raw)
    return {"format": codec.name, **header.meta, "shape": [*header.shape], **_named(origin),
            "modified": modified}  # fmt: skip


def _named(origin: str) -> dict[str, str]:
    return {"filename": origin} if origin else {}


# --------------------------------------------------------------------------- for other tensors
def as_sample(tensor: Tensor) -> Any:
    """One selected sample the way ``append`` takes it: files stay files, None stays None."""
    if len(tensor) != 1:
        return tensor.numpy()
    row = int(rows_of(tensor)[0])
    reader = tensor._reader
    if row >= len(reader) or reader.is_null(row):
        return None
    codec = encoding(reader.schema).sample
    if tensor._selection.steps:
        return reader.part(row, tensor._selection)
    if reader.schema.is_link:
        return as_links(tensor)[0]
    if codec is not None:
        raw = reader.raw(row)
        if not raw:
            return reader.sample(row)
        found = Sample(buffer=raw, compression=codec.name)
        found.origin = reader.origin(row)
        return found
    return reader.sample(row)


def as_samples(tensor: Tensor) -> Sequence[Any] | np.ndarray:
    """All selected samples the way ``extend`` takes them: one array where they make one."""
    reader = tensor._reader
    if reader.schema.is_link and not tensor._selection.steps:
        return as_links(tensor)
    plain = reader.payload == "array" and encoding(reader.schema).sample is None
    # Samples that are all None make no array.
    plain = plain and reader.schema.ndim is not None
    if plain and len(tensor) and tensor._total == len(reader) and not tensor.is_dynamic:
        found: np.ndarray = numpy(tensor, aslist=False)
        return found
    return [as_sample(sample) for sample in tensor]


__all__ = [
    "as_sample",
    "as_samples",
    "check_filled",
    "check_payload",
    "data",
    "dynamic",
    "info_of",
    "info_of_row",
    "link_info",
    "lists",
    "numpy",
    "sample_info",
    "samples",
    "shown",
    "tobytes",
    "values",
]
