"""From one sample to its encoded run: whatever users append, as the tensor stores it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from deeplake.dataset import tiling
from deeplake.dataset.casting import STORED_KINDS, dtype_name
from deeplake.dataset.linked import LinkedSample
from deeplake.dataset.linkgrid import LinkedTiledSample
from deeplake.dataset.plan import Plan
from deeplake.dataset.sample import Sample
from deeplake.errors import (
    FilesOnlyError,
    SampleCompressionError,
    SampleHtypeMismatchError,
    TensorDtypeMismatchError,
    UnsupportedTensorTypeError,
)
from deeplake.format import statistics, values
from deeplake.format.builder import Run
from deeplake.format.chunk import BLOB_FRAME
from deeplake.spi import Payload, SampleCodec
from deeplake.types import Buffer, Shape, TensorSchema
from deeplake.versioning.blobs import FileSample


def encode_one(sample: Any, plan: Plan) -> Run | Callable[[], Run]:
    """One sample, or a function that encodes it and may run on another thread."""
    if sample is None:
        return _empty(plan)
    if type(sample) is Run:
        # What stays as the tensor has stored it, maybe with a part replaced.
        return sample
    if type(sample) is int or type(sample) is float:
        run = _encode_number(sample, plan)
        if run is not None:
            return run
    if isinstance(sample, LinkedSample):
        sample = sample.read()
    elif isinstance(sample, LinkedTiledSample):
        raise UnsupportedTensorTypeError(
            f"{sample!r} can only be stored in a tensor of htype 'link[image]' or the like"
        )
    plan.close(sample)
    payload = plan.spec.payload
    origin = ""  # where its file is
    if isinstance(sample, tiling.PartialSample):
        return _encode_zeros(sample, plan)
    if isinstance(sample, (list, tuple)) and len(sample) == 0 and plan.list_is_none:
        return _empty(plan)
    if isinstance(sample, Sample):
        # What is read for this row only is not kept: a list of many files is larger than memory.
        passing = sample.is_unread
        origin = sample.origin if plan.keeps_paths else ""
        if passing:
            sample.load(plan.arena.place)
        if payload == "array":
            kept = _encode_file(sample, plan, passing)
            if kept is not None:
                return _read_from(kept, origin)
        if payload != "json":
            array = sample.array
            if passing:
                sample.forget()
            sample = array
    value = plan.prepare(sample)
    if payload == "array":
        made = _encode_value(_as_array(value, plan), isinstance(sample, _LOOSE), plan)
        return _read_from(made, origin)
    return _encode_bytes(value, payload, plan)


def _read_from(made: Run | Callable[[], Run], origin: str) -> Run | Callable[[], Run]:
    """The same, of a sample that was read from there."""
    if not origin:
        return made
    return made.read_from(origin) if isinstance(made, Run) else lambda: made().read_from(origin)


def _encode_number(sample: float, plan: Plan) -> Run | None:
    """A number into a tensor of numbers, the way of nearly all labels; None if it is not that."""
    schema = plan.schema
    if schema.ndim != 1 or schema.dtype is None or plan.spec.payload != "array":
        return None
    dtype, low, high, kinds = _range_of(schema.dtype)
    if plan.codecs.sample is not None or type(sample) not in kinds or not low <= sample <= high:
        return None
    if plan.prepare(sample) is not sample:
        return None
    kept = np.array([[sample]], dtype)
    return _run_of_bytes(kept.tobytes(), plan.fit((1,)), plan, kept)


@lru_cache(maxsize=32)
def _range_of(name: str) -> tuple[np.dtype[Any], float, float, tuple[type, ...]]:
    """A dtype, its bounds, and the types of Python's whose numbers within them it holds."""
    dtype = np.dtype(name)
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        return dtype, int(bounds.min), int(bounds.max), (int,)
    if dtype.kind == "f":
        return dtype, float(np.finfo(dtype).min), float(np.finfo(dtype).max), (float,)
    return dtype, 0, 0, ()


_LOOSE = (int, float, complex, list, tuple, np.generic)
"""Types whose values are judged, not their dtype."""

_EMPTY_SHAPES: Mapping[str, Shape] = {"list": (0,), "polygon": (0, 0, 0)}


def _empty(plan: Plan) -> Run:
    payload = plan.spec.payload
    if payload == "array":
        return Run(b"", 1, (0,) * (plan.schema.ndim or 0), 0, null=True)
    _fix_bytes(plan, payload)
    decoded = 0 if plan.codecs.sample_bytes is not None else None
    return Run(b"", 1, _EMPTY_SHAPES.get(payload, (1,)), 0, null=True, decoded=decoded)


def _encode_value(array: np.ndarray, by_value: bool, plan: Plan) -> Run | Callable[[], Run]:
    shape = plan.fit(array.shape)
    if shape != array.shape:
        array = array.reshape(shape)
    dtype = plan.dtype_for(array)
    array = plan.cast(array, dtype, by_value=by_value)
    codec = plan.codecs.sample
    if codec is None or not array.size:
        plan.fix(array.ndim, dtype_name(dtype))
        if array.size and tiling.is_large(plan.schema, shape, dtype):
            return tiling.cut(array, plan.schema, plan.codecs)
        data = array.tobytes()
        kept = None
        if array.size <= statistics.MAX_ELEMENTS:
            # Of the bytes, which nobody can change any more.
            kept = np.frombuffer(data, array.dtype).reshape(1, *shape)
        return _run_of_bytes(data, shape, plan, kept)
    if not codec.writable:
        raise FilesOnlyError(
            f"{codec.name!r} can only store files that have this format already; append them with "
            "deeplake.read(path)"
        )
    plan.fix(array.ndim, dtype_name(dtype))
    schema, codecs = plan.schema, plan.codecs
    if tiling.is_large(schema, shape, dtype):
        return tiling.cut(array, schema, codecs)
    limit = tiling.threshold(schema)

    def encode_file() -> Run:
        data = codec.encode(np.ascontiguousarray(array))
        header = codec.probe(data)
        if header.shape != shape and header.shape != _squeezed(shape):
            raise SampleCompressionError(
                f"{codec.name!r} would store shape {header.shape} for {shape}"
            )
        if limit is not None and len(data) > limit:
            return tiling.cut(array, schema, codecs)
        return _file_run(data, shape, dtype_name(dtype), codec, schema)

    return encode_file


def _encode_zeros(sample: tiling.PartialSample, plan: Plan) -> Run:
    """A sample of zeros that has no data yet."""
    schema = plan.schema
    name = schema.dtype or plan.spec.dtype
    if plan.spec.payload != "array" or schema.is_sequence or schema.is_link:
        raise UnsupportedTensorTypeError(
            f"deeplake.tiled makes an array, and the samples of htype {schema.full_htype!r} are none"
        )
    if name is None and not plan.picture:
        raise TensorDtypeMismatchError(
            f"tensor {schema.name!r} has no dtype yet, and zeros cannot tell: create it with dtype=…"
        )
    shape = plan.fit(sample.shape)
    dtype = np.dtype(dtype_name(np.dtype(name or sample.dtype)))
    run = tiling.zeros(sample, shape, dtype, schema)
    plan.fix(len(shape), dtype.str)
    return run


def _squeezed(shape: Shape) -> Shape:
    return shape[:-1] if len(shape) == 3 and shape[-1] == 1 else shape


def _encode_bytes(value: Any, payload: Payload, plan: Plan) -> Run:
    _fix_bytes(plan, payload)
    shape: Shape = (1,)
    if payload == "text":
        data = values.encode_text(value)
    elif payload == "json":
        data = values.encode_json(value, pack=_pack)
    elif payload == "list":
        data = values.encode_list(value, pack=_pack)
        shape = (len(value),)
    else:
        data = values.encode_polygons(value, plan.schema.dtype or "<f4")
        shape = (0, 0, 0)
        if data:
            shape = (len(value), max(len(p) for p in value), len(value[0][0]))
    return _run_of_bytes(data, shape, plan, None)


def _pack(value: Any) -> Any:
    """Samples inside json values keep their files' bytes."""
    if isinstance(value, Sample) and value.compression is not None:
        return values.Embedded(value.compression, bytes(value.buffer))
    return None


def _fix_bytes(plan: Plan, payload: Payload) -> None:
    if payload == "polygon":
        plan.fix(3, plan.schema.dtype or "<f4")
    else:
        plan.fix(1, "str" if payload == "text" else "json")


def _run_of_bytes(data: bytes, shape: Shape, plan: Plan, kept: np.ndarray | None) -> Run:
    codec = plan.codecs.sample_bytes
    if codec is None:
        return Run(data, 1, shape, len(data), values=kept)
    packed = codec.compress(data) if data else b""
    return Run(packed, 1, shape, len(packed), decoded=len(data), values=kept)


def _encode_file(sample: Sample, plan: Plan, passing: bool) -> Run | Callable[[], Run] | None:
    """The file's own bytes, when the tensor has the file's compression; else None.

    Args:
        sample: The file.
        plan: What the tensor takes.
        passing: Whether the sample is to forget what was read of the file.
    """
    codec = sample.codec
    if codec is not None and codec.media not in plan.spec.media:
        raise SampleHtypeMismatchError(
            f"{sample.path or 'the sample'} is a file of {codec.media}, which htype "
            f"{plan.spec.name!r} does not take"
        )
    if codec is None or plan.codecs.sample is None or codec.name != plan.codecs.sample.name:
        return None
    header = sample.header
    if plan.plugin.check_shape(header.shape):
        # Not the tensor's kind of image (grey in image.rgb, say): the htype may convert its pixels.
        return None
    shape = plan.fit(header.shape)
    dtype = dtype_name(np.dtype(header.dtype))
    if plan.schema.dtype is not None and plan.schema.dtype != dtype:
        # Its pixels may still fit: they are decoded, and judged as an array's are.
        return None
    plan.fix(len(shape), dtype)
    data = sample.buffer
    limit = None if plan.schema.is_sequence else plan.schema.tiling_threshold
    if limit is not None and 0 <= limit < len(data) and codec.writable and codec.media == "image":
        # Who says from which size on wants tiles; by default files stay as they are.
        return tiling.cut(sample.array.reshape(shape), plan.schema, plan.codecs)
    if not sample.is_whole:
        return lambda: _checked_run(sample, shape, dtype, plan.schema, passing)
    if passing:
        sample.forget()
    elif not isinstance(data, bytes):
        data = bytes(data)  # the caller's, who may change it
    return _file_run(data, shape, dtype, codec, plan.schema)


def _checked_run(
    sample: Sample, shape: Shape, dtype: str, schema: TensorSchema, passing: bool
) -> Run:
    """A file that does not seem to be whole, and can be decoded all the same."""
    sample.check()
    codec, data = sample.codec, bytes(sample.buffer)
    assert codec is not None
    if passing:
        sample.forget()
    return _file_run(data, shape, dtype, codec, schema)


def _file_run(
    data: Buffer, shape: Shape, dtype: str, codec: SampleCodec, schema: TensorSchema
) -> Run:
    """A file; one that is large, and of which parts can be decoded, is a blob."""
    if codec.parts and len(data) > BLOB_FRAME and not (schema.is_sequence or schema.is_link):
        return Run.of(FileSample(data, shape, dtype, codec.name))
    return Run(data, 1, shape, len(data))


def _as_array(value: Any, plan: Plan) -> np.ndarray:
    if getattr(value, "mode", None) == "P" and plan.spec.compression == "required":
        # A Pillow image with a palette: its array would be places in the palette.
        value = value.convert("RGBA" if "transparency" in value.info else "RGB")
    if isinstance(value, bytearray):
        value = bytes(value)  # which NumPy does not take for numbers
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise UnsupportedTensorTypeError(
            f"{type(value).__name__} cannot be made an array: {error}"
        ) from error
    if array.dtype.kind not in STORED_KINDS:
        raise UnsupportedTensorTypeError(
            f"{type(value).__name__} holds values of dtype {array.dtype}, which an array tensor "
            "cannot store; use htype='text', 'json', 'list' or 'tag'"
        )
    return array


__all__ = ["encode_one"]
