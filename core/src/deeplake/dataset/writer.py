"""From what users append to encoded runs: conversion, validation, compression.

Everything that can fail happens here, before anything is added to a tensor; a failure leaves the
tensor as it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset.casting import cast, dtype_name
from deeplake.dataset.sample import Sample
from deeplake.errors import (
    SampleCompressionError,
    TensorDtypeMismatchError,
    TensorInvalidSampleShapeError,
    UnsupportedTensorTypeError,
)
from deeplake.format import statistics, values
from deeplake.format.builder import Run
from deeplake.format.encoding import encoding, htype_plugin
from deeplake.spi import Payload
from deeplake.types import Buffer, Shape, TensorSchema

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

PART = 8 << 20
"""Bytes of an array that are copied and handed on at a time."""


@dataclass(slots=True)
class Batch:
    """Encoded samples of one tensor, and what they decide about it.

    Attributes:
        runs: The samples; a lazy iterable may be consumed once.
        n: How many.
        schema: The tensor's schema after them (dtype and ndim of the first sample).
        info: The tensor's info after them, or None if they do not change it.
    """

    runs: Iterable[Run]
    n: int
    schema: TensorSchema
    info: Mapping[str, Any] | None = None


@dataclass(slots=True)
class _Plan:
    """The tensor as the samples encoded so far leave it."""

    schema: TensorSchema
    info: Mapping[str, Any]
    changed: bool = False
    fields: dict[str, Any] = field(default_factory=dict)

    def decide(self, **fields: Any) -> None:
        from dataclasses import replace

        self.schema = replace(self.schema, **fields)


def encode(samples: Any, schema: TensorSchema, info: Mapping[str, Any]) -> Batch:
    """Encode several samples.

    Args:
        samples: An array (each entry of its first axis is a sample), or any sequence of samples.
        schema: The tensor's schema.
        info: The tensor's info.

    Raises:
        DeepLakeError: A sample does not fit; ``error.row`` is its place in ``samples``.
    """
    plan = _Plan(schema, info)
    if isinstance(samples, np.ndarray) and samples.dtype.kind in "biufc" and samples.ndim:
        runs: Iterable[Run] | None = _encode_array(samples, plan)
        if runs is not None:
            return Batch(runs, len(samples), plan.schema, plan.info if plan.changed else None)
    encoded: list[Run] = []
    jobs: list[tuple[int, Callable[[], Run]]] = []
    for row, sample in enumerate(samples):
        try:
            run = _encode_one(sample, plan)
        except Exception as error:
            error.row = row  # type: ignore[attr-defined]
            raise
        if isinstance(run, Run):
            encoded.append(run)
        else:
            jobs.append((row, run))
            encoded.append(_LATER)
    if jobs:
        for (row, _), run in zip(jobs, _parallel(jobs), strict=True):
            encoded[row] = run
    merged = _merge(encoded)
    return Batch(merged, len(encoded), plan.schema, plan.info if plan.changed else None)


_LATER = Run(b"", 1, (), 0)


def _parallel(jobs: Sequence[tuple[int, Callable[[], Run]]]) -> Iterator[Run]:
    """Run encoders, on threads when there are several: codecs release the GIL."""

    def call(job: tuple[int, Callable[[], Run]]) -> Run:
        try:
            return job[1]()
        except Exception as error:
            error.row = job[0]  # type: ignore[attr-defined]
            raise

    if len(jobs) < 4:
        yield from map(call, jobs)
    else:
        yield from _threads().map(call, jobs)


_pool: ThreadPoolExecutor | None = None
_pool_pid = 0


def _threads() -> ThreadPoolExecutor:
    """Encoding threads of this process, started when first needed."""
    global _pool, _pool_pid
    if _pool is None or _pool_pid != os.getpid():
        from concurrent.futures import ThreadPoolExecutor

        _pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="deeplake-encode")
        _pool_pid = os.getpid()
    return _pool


def _merge(runs: list[Run]) -> list[Run]:
    """Fewer runs: neighbours of equal shape and size become one buffer."""
    if len(runs) < 64 or runs[0].size > 4096:
        return runs
    merged: list[Run] = []
    i = 0
    while i < len(runs):
        first = runs[i]
        j = i + 1
        while j < len(runs) and _alike(first, runs[j]):
            j += 1
        if j - i > 1:
            group = runs[i:j]
            stacked = None
            if first.values is not None:
                stacked = np.concatenate([run.values for run in group if run.values is not None])
            first = Run(
                b"".join([run.buffer for run in group]), j - i, first.shape, first.size, first.null,
                first.decoded, stacked,
            )  # fmt: skip
        merged.append(first)
        i = j
    return merged


def _alike(a: Run, b: Run) -> bool:
    return (
        a.size == b.size and a.shape == b.shape and a.null == b.null and a.decoded == b.decoded
        and a.n == b.n == 1 and (a.values is None) == (b.values is None)
    )  # fmt: skip


# --------------------------------------------------------------------------- arrays of samples
def _encode_array(samples: np.ndarray, plan: _Plan) -> Iterator[Run] | None:
    """All samples of an array in one pass; None if they have to be encoded one by one."""
    if _open(plan.schema):
        plan.decide(htype="generic", meta=_closed(plan.schema))
    schema = plan.schema
    plugin = htype_plugin(schema.htype)
    spec = plugin.spec()
    codecs = encoding(schema)
    if spec.payload != "array" or codecs.sample is not None or codecs.sample_bytes is not None:
        return None
    if len(samples) == 0:
        return iter(())
    value, info = plugin.prepare(samples, plan.info)
    if not isinstance(value, np.ndarray) or len(value) != len(samples):
        return None
    array = value.reshape(len(value), 1) if value.ndim == 1 else value
    if schema.ndim is not None and array.ndim - 1 != schema.ndim:
        shape = _fit_ndim(array.shape[1:], schema, spec.media)
        array = array.reshape(len(array), *shape)
    dtype = _dtype_for(array, plan)
    problem = plugin.check_shape(array.shape[1:])
    if problem:
        raise TensorInvalidSampleShapeError(problem)
    array = cast(array, dtype, by_value="image" in spec.media)
    _fix(plan, array.ndim - 1, dtype)
    if info is not None:
        plan.info, plan.changed = info, True
    return _slices(array)


def _slices(array: np.ndarray) -> Iterator[Run]:
    shape = array.shape[1:]
    size = int(np.prod(shape, dtype=np.int64)) * array.itemsize
    keep = array[0].size <= statistics.MAX_ELEMENTS
    rows = max(PART // max(size, 1), 1)
    for start in range(0, len(array), rows):
        # A copy: the caller may change the array before it is stored.
        part = np.array(array[start : start + rows], order="C")
        buffer: Buffer = memoryview(part.reshape(-1).view(np.uint8)) if part.size else b""
        yield Run(buffer, len(part), shape, size, values=part if keep else None)


# --------------------------------------------------------------------------- one sample
def _encode_one(sample: Any, plan: _Plan) -> Run | Callable[[], Run]:
    """One sample, or a function that encodes it and may run on another thread."""
    if _open(plan.schema) and sample is not None:
        plan.decide(htype=_guess(sample), meta=_closed(plan.schema))
    plugin = htype_plugin(plan.schema.htype)
    payload = plugin.spec().payload
    if sample is None or (payload == "array" and _is_empty_list(sample)):
        return _empty(plan, payload)
    if isinstance(sample, Sample) and payload == "array":
        run = _encode_file(sample, plan)
        if run is not None:
            return run
        sample = sample.array
    value, info = plugin.prepare(sample, plan.info)
    if info is not None:
        plan.info, plan.changed = info, True
    if payload == "array":
        return _encode_value(_as_array(value), isinstance(sample, np.ndarray), plan)
    return _encode_bytes(value, payload, plan)


def _empty(plan: _Plan, payload: Payload) -> Run:
    if payload != "array":
        if plan.schema.dtype is None or plan.schema.ndim is None:
            _fix_bytes(plan, payload)
        shape = (0,) if payload == "list" else (1,)
        return Run(b"", 1, shape, 0, null=True)
    return Run(b"", 1, (0,) * (plan.schema.ndim or 0), 0, null=True)


def _encode_value(array: np.ndarray, strict: bool, plan: _Plan) -> Run | Callable[[], Run]:
    schema = plan.schema
    plugin = htype_plugin(schema.htype)
    media = plugin.spec().media
    if array.ndim == 0:
        array = array.reshape(1)
    if schema.ndim is not None and array.ndim != schema.ndim:
        array = array.reshape(_fit_ndim(array.shape, schema, media))
    by_value = not strict or "image" in media
    dtype = _dtype_for(array, plan)
    problem = plugin.check_shape(array.shape)
    if problem:
        raise TensorInvalidSampleShapeError(problem)
    array = np.array(cast(array, dtype, by_value=by_value), order="C")
    codecs = encoding(schema)
    if codecs.sample is not None and array.size:
        codec = codecs.sample
        if not codec.writable:
            raise SampleCompressionError(
                f"{codec.name!r} can only store files that have this format already; append them "
                "with deeplake.read(path)"
            )
        _fix(plan, array.ndim, dtype)

        def encode_file() -> Run:
            data = codec.encode(array)
            header = codec.probe(data)
            if header.shape != array.shape and header.shape != _squeezed(array.shape):
                raise SampleCompressionError(
                    f"{codec.name!r} would store shape {header.shape} for {array.shape}"
                )
            return Run(data, 1, array.shape, len(data))

        return encode_file
    _fix(plan, array.ndim, dtype)
    keep = array.size <= statistics.MAX_ELEMENTS
    return _run_of_bytes(array.tobytes(), array.shape, plan, array[None] if keep else None)


def _squeezed(shape: Shape) -> Shape:
    return shape[:-1] if len(shape) == 3 and shape[-1] == 1 else shape


def _encode_bytes(value: Any, payload: Payload, plan: _Plan) -> Run:
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


def _fix_bytes(plan: _Plan, payload: Payload) -> None:
    dtype = {"text": "str", "polygon": plan.schema.dtype or "<f4"}.get(payload, "json")
    if plan.schema.dtype != dtype or plan.schema.ndim is None:
        plan.decide(dtype=dtype, ndim=3 if payload == "polygon" else 1)


def _run_of_bytes(data: bytes, shape: Shape, plan: _Plan, kept: np.ndarray | None) -> Run:
    codec = encoding(plan.schema).sample_bytes
    if codec is not None and data:
        packed = codec.compress(data)
        return Run(packed, 1, shape, len(packed), decoded=len(data), values=kept)
    return Run(data, 1, shape, len(data), decoded=0 if codec is not None else None, values=kept)


def _encode_file(sample: Sample, plan: _Plan) -> Run | None:
    """The file's own bytes, when the tensor has the file's compression; else None."""
    schema = plan.schema
    codec = encoding(schema).sample
    if codec is None or sample.compression != codec.name:
        return None
    header = sample.header
    plugin = htype_plugin(schema.htype)
    shape = header.shape
    if plugin.check_shape(shape):
        # Not the tensor's kind of image (grey in image.rgb, say): the htype may convert its pixels.
        return None
    if schema.ndim is not None and len(shape) != schema.ndim:
        shape = _fit_ndim(shape, schema, plugin.spec().media)
    if schema.dtype is not None and np.dtype(schema.dtype) != np.dtype(header.dtype):
        raise TensorDtypeMismatchError(
            f"{sample.path or 'the sample'} decodes to {header.dtype}, the tensor holds "
            f"{np.dtype(schema.dtype)}"
        )
    _fix(plan, len(shape), np.dtype(header.dtype))
    data = sample.buffer
    return Run(data if isinstance(data, bytes) else bytes(data), 1, shape, len(data))


# --------------------------------------------------------------------------- what a sample decides
def _open(schema: TensorSchema) -> bool:
    """Whether the first sample decides the htype."""
    return bool(schema.meta.get("open"))


def _closed(schema: TensorSchema) -> dict[str, Any]:
    return {key: value for key, value in schema.meta.items() if key != "open"}


def _guess(sample: Any) -> str:
    if isinstance(sample, (str, np.str_)):
        return "text"
    if isinstance(sample, Mapping):
        return "json"
    if isinstance(sample, (list, tuple)) and len(sample):
        try:
            array = np.asarray(sample)
        except ValueError:
            return "json"
        if array.dtype.kind not in "biufc":
            return "json"
    return "generic"


def _is_empty_list(sample: Any) -> bool:
    return isinstance(sample, (list, tuple)) and len(sample) == 0


def _as_array(value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise UnsupportedTensorTypeError(
            f"{type(value).__name__} cannot be made an array: {error}"
        ) from error
    if array.dtype.kind not in "biufc":
        raise UnsupportedTensorTypeError(
            f"{type(value).__name__} holds values of dtype {array.dtype}, which an array tensor "
            "cannot store; use htype='text', 'json', 'list' or 'tag'"
        )
    return array


def _dtype_for(array: np.ndarray, plan: _Plan) -> np.dtype[Any]:
    if plan.schema.dtype is not None:
        return np.dtype(plan.schema.dtype)
    default = htype_plugin(plan.schema.htype).spec().dtype
    if default is not None:
        return np.dtype(default)
    return np.dtype(dtype_name(array.dtype))


def _fix(plan: _Plan, ndim: int, dtype: np.dtype[Any]) -> None:
    name = dtype_name(dtype)
    if plan.schema.ndim != ndim or plan.schema.dtype != name:
        plan.decide(ndim=ndim, dtype=name)


def _fit_ndim(shape: Shape, schema: TensorSchema, media: frozenset[str]) -> Shape:
    if "image" in media and schema.ndim == 3 and len(shape) == 2:
        return (*shape, 1)
    raise TensorInvalidSampleShapeError(
        f"a sample of shape {tuple(shape)} has {len(shape)} dimensions, the samples of tensor "
        f"{schema.name!r} have {schema.ndim}"
    )


__all__ = ["Batch", "encode"]
