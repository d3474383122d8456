"""What files hold besides their arrays: times of frames, dimensions of points, faces of meshes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from deeplake.dataset.extent import rows as rows_of
from deeplake.dataset.linking import sample_of
from deeplake.dataset.reader import TensorReader
from deeplake.dataset.selection import Selection, Step
from deeplake.errors import CorruptedSampleError, PluginNotFoundError
from deeplake.format.encoding import codec_plugin, encoding
from deeplake.format.links import LinkGrid
from deeplake.spi import SampleCodec

if TYPE_CHECKING:
    from deeplake.dataset.tensor import Tensor


def fields(tensor: Tensor, *, aslist: bool = False) -> dict[str, Any]:
    """What the files of the selected samples hold besides arrays, by name.

    Args:
        tensor: The tensor; a part of the first axis that is selected is taken of what belongs to
            its entries, too.
        aslist: Lists also where the samples' arrays would make one.

    Returns:
        For one sample an array by name; for several one array, or a list where they differ.
    """
    found = [_fields_of(tensor, int(row)) for row in rows_of(tensor)]
    if tensor._selection.is_single:
        return dict(found[0])
    result: dict[str, Any] = {}
    for name in dict.fromkeys(name for one in found for name in one):
        values = [one.get(name) for one in found]
        arrays = [value for value in values if value is not None]
        alike = len({(array.shape, array.dtype) for array in arrays}) == 1
        whole = len(arrays) == len(values) and alike and not aslist
        result[name] = np.stack(arrays) if whole else values
    return result


def _fields_of(tensor: Tensor, row: int) -> dict[str, np.ndarray]:
    reader = tensor._reader
    codec = _codec(reader, row)
    if codec is None and reader.schema.htype == "video" and not reader.schema.is_link:
        frames = reader.shape(row)[:1] if row < len(reader) else ()
        return {"timestamps": a_second_each(tensor._selection.steps, *(frames or (0,)))}
    if codec is None or not has_fields(codec):
        return {}
    where = f"tensor {tensor.key!r}, row {row}"
    entries = reader.shape(row)[0]
    file = reader.raw(row) if reader.schema.is_link else reader.file(row)
    return fields_of(codec, file, tensor._selection.steps, entries, where)


def has_fields(codec: SampleCodec) -> bool:
    """Whether files of a codec hold anything besides an array."""
    return type(codec).fields is not SampleCodec.fields


def fields_of(
    codec: SampleCodec, raw: bytes | BinaryIO, steps: Sequence[Step], entries: int, where: str
) -> dict[str, np.ndarray]:
    """What one file holds besides its array.

    Args:
        codec: Reads it.
        raw: The file, or its bytes; empty for None.
        steps: What is taken of the array.
        entries: Length of the array's first axis.
        where: What messages call the sample.
    """
    file = io.BytesIO(raw) if isinstance(raw, bytes) else raw
    if not file.seek(0, io.SEEK_END):
        return {}
    file.seek(0)
    try:
        found = codec.fields(file)
    except CorruptedSampleError as error:
        raise CorruptedSampleError(f"{where}: {error}") from error
    if not codec.parts or not steps:
        return dict(found)
    first = _first(steps)
    return {
        name: np.asarray(first.apply(values)) if len(values) == entries else values
        for name, values in found.items()
    }


def _first(steps: Sequence[Step]) -> Selection:
    """What is taken of the first axis."""
    return Selection(None, tuple(step[:1] for step in steps[:1]))


def a_second_each(steps: Sequence[Step], frames: int) -> np.ndarray:
    """Times of frames that were appended as an array, and have none."""
    return np.asarray(_first(steps).apply(np.arange(frames, dtype=np.float64)))


def _codec(reader: TensorReader, row: int) -> SampleCodec | None:
    """The codec of a row's file; None if it is no file."""
    if row >= len(reader) or reader.is_null(row) or reader.tiles(row) is not None:
        return None
    if not reader.schema.is_link:
        return encoding(reader.schema).sample
    link = reader.links([row])[0]
    if isinstance(link, LinkGrid):
        return None
    name = None if link is None else sample_of(link, reader.raw(row)).compression
    try:
        codec = codec_plugin(name) if name else None
    except PluginNotFoundError:
        return None
    return cast(SampleCodec, codec) if codec is not None and codec.media != "bytes" else None


def check_video(tensor: Tensor, what: str) -> None:
    """Raise ``ValueError`` unless one video, or a part of one, is selected."""
    if tensor.base_htype != "video":
        raise ValueError(f"{what} is for videos; tensor {tensor.key!r} has htype {tensor.htype!r}")
    if not tensor._selection.is_single:
        raise ValueError(f"{what} needs one video: subscript tensor {tensor.key!r} with its row")


def timestamps(tensor: Tensor) -> np.ndarray:
    """Seconds at which the selected frames of one video are shown (see ``Tensor.timestamps``)."""
    check_video(tensor, "timestamps")
    found = fields(tensor).get("timestamps")
    if found is not None:
        return np.asarray(found, np.float64)
    row = int(rows_of(tensor)[0])
    frames = tensor._reader.shape(row)[0] if row < len(tensor._reader) else 0
    return a_second_each(tensor._selection.steps, frames)


__all__ = [
    "a_second_each",
    "check_video",
    "fields",
    "fields_of",
    "has_fields",
    "timestamps",
]
