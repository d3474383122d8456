"""From what users append to encoded runs: conversion, validation, compression.

Everything that can fail happens here, before anything is added to a tensor; a failure leaves the
tensor as it was.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset import tiling
from deeplake.dataset.casting import STORED_KINDS, cast, dtype_name
from deeplake.dataset.localfiles import LocalFiles
from deeplake.dataset.plan import Plan
from deeplake.dataset.readahead import read_ahead
from deeplake.dataset.sample import Sample
from deeplake.dataset.sample_writer import encode_one
from deeplake.errors import (
    DeepLakeError,
    SampleCompressionError,
    TensorDtypeMismatchError,
    UnsupportedTensorTypeError,
)
from deeplake.format import statistics
from deeplake.format.builder import Encoded, Run
from deeplake.types import Buffer, TensorSchema

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from deeplake.dataset.linking import Linker

PART = 64 << 20
"""Bytes of an array that are copied and handed on at a time."""

BORROWED = 16 << 20
"""Bytes from which on an array is stored from where it is: memory that was never touched is dear."""

STACKED_FROM = 16
"""Numbers in a list that are made an array first."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """Encoded samples of one tensor, and what they decide about it.

    Attributes:
        runs: The samples; a lazy iterable may be consumed once.
        n: How many.
        schema: The tensor's schema after them (dtype and ndim of the first sample).
        info: The tensor's info after them, or None if they do not change it.
        smaller: Batches for the tensors with smaller copies of the samples, in order.
    """

    runs: Iterable[Encoded]
    n: int
    schema: TensorSchema
    info: Mapping[str, Any] | None = None
    smaller: Sequence[Batch] = ()


def encode(
    samples: Any,
    schema: TensorSchema,
    info: Mapping[str, Any],
    linker: Linker | None = None,
    *,
    borrow: bool = False,
) -> Batch:
    """Encode several rows.

    Args:
        samples: An array (each entry of its first axis is a row), or any sequence of rows.
        schema: The tensor's schema.
        info: The tensor's info.
        linker: Opens links, for a tensor of links.
        borrow: The runs may be the memory of ``samples``; whoever takes them copies in time.

    Raises:
        DeepLakeError: A row does not fit; ``error.row`` is its place in ``samples``, ``error.item``
            that of the item, if it is a sequence.
    """
    if schema.is_sequence:
        from deeplake.dataset.sequence_writer import encode_sequences

        return encode_sequences(samples, schema, info, linker)
    return encode_samples(samples, schema, info, linker, borrow=borrow)


def encode_samples(
    samples: Any,
    schema: TensorSchema,
    info: Mapping[str, Any],
    linker: Linker | None = None,
    *,
    borrow: bool = False,
) -> Batch:
    """Encode several samples, whether they are rows or items of rows (see ``encode``)."""
    if schema.is_link and linker is not None:
        from deeplake.dataset.link_writer import encode_links

        return encode_links(samples, schema, info, linker)
    plan = Plan(schema, info)
    runs: Iterable[Run] | None = None
    array = samples if isinstance(samples, np.ndarray) else _stacked(samples)
    if array is not None and array.ndim:
        runs = _encode_array(array, plan, borrow)
    if runs is None:
        runs = _encode_each(samples, plan)
    if plan.written is not None and _log.isEnabledFor(logging.INFO):
        before = info.get("class_names") or ()
        added = list(plan.written.get("class_names") or ())[len(before) :]
        _log.info("tensor %r has new class names: %s", schema.name, ", ".join(added))
    return Batch(runs, len(samples), plan.schema, plan.written)


def _stacked(samples: Any) -> np.ndarray | None:
    """A list of numbers, or of names, all of one type, as an array; None for anything else."""
    if type(samples) is not list or len(samples) < STACKED_FROM:
        return None
    kinds = set(map(type, samples))
    kind = kinds.pop()
    if kinds or kind not in _STACKED:
        return None
    array = np.array(samples, object if kind is str else None)
    return array if array.dtype.kind == _STACKED[kind] else None


_STACKED = {bool: "b", int: "i", float: "f", str: "O"}


def _encode_each(samples: Iterable[Any], plan: Plan) -> list[Run]:
    """Samples one by one; files are encoded on threads."""
    encoded: list[Run] = []
    jobs: list[tuple[int, Callable[[], Run]]] = []
    if isinstance(samples, (list, tuple)):
        samples = read_ahead(samples)
    files: LocalFiles | None = None
    for row, sample in enumerate(samples):
        if files is not None and (known := files.take(sample)) is not None:
            encoded.append(known)
            continue
        try:
            run = encode_one(sample, plan)
        except Exception as error:  # noqa: BLE001 - a sample's own code may raise anything
            problem = f"{type(sample).__name__} cannot be made an array"
            raise _at(row, error, UnsupportedTensorTypeError, problem) from error.__cause__
        if isinstance(run, Run):
            encoded.append(run)
        else:
            jobs.append((row, run))
            encoded.append(_LATER)
        if isinstance(sample, Sample):
            files = LocalFiles.of(plan)  # which is what this sample made of it
    if jobs:
        for (row, _), run in zip(jobs, _parallel(jobs), strict=True):
            encoded[row] = run
    return _merge(encoded)


_LATER = Run(b"", 1, (), 0)


def _at(row: int, error: Exception, kind: type[DeepLakeError], problem: str) -> Exception:
    """The error with the place of its sample; what foreign code raises becomes one of ours."""
    if not isinstance(error, (DeepLakeError, TypeError, ValueError, KeyError, OverflowError)):
        wrapped = kind(f"{problem}: {type(error).__name__}: {error}")
        wrapped.__cause__ = error
        error = wrapped
    setattr(error, "row", row)  # noqa: B010 - no class of errors declares it
    return error


def _parallel(jobs: Sequence[tuple[int, Callable[[], Run]]]) -> Iterator[Run]:
    """Run encoders, on threads when there are several: codecs release the GIL."""

    def call(job: tuple[int, Callable[[], Run]]) -> Run:
        try:
            return job[1]()
        except Exception as error:  # noqa: BLE001 - codecs are plugins
            raise _at(
                job[0], error, SampleCompressionError, "the sample cannot be encoded"
            ) from error.__cause__

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
        a.alone is None and b.alone is None
        and a.size == b.size and a.shape == b.shape and a.null == b.null and a.decoded == b.decoded
        and a.n == b.n == 1 and (a.values is None) == (b.values is None)
    )  # fmt: skip


# --------------------------------------------------------------------------- arrays of samples
def _encode_array(samples: np.ndarray, plan: Plan, borrow: bool) -> Iterable[Run] | None:
    """All samples of an array in one pass; None if they have to be encoded one by one."""
    if len(samples) == 0:
        return ()
    if samples.dtype.kind not in STORED_KINDS and not _are_names(samples, plan):
        return None
    plan.close(samples)
    codecs = plan.codecs
    if plan.spec.payload != "array" or codecs.sample is not None or codecs.sample_bytes is not None:
        return None
    value = plan.prepare(samples)
    if not isinstance(value, np.ndarray) or len(value) != len(samples):
        return None
    if value.dtype.kind not in STORED_KINDS:
        return None
    array = value.reshape(len(value), *plan.fit(value.shape[1:]))
    dtype = plan.dtype_for(array)
    try:
        array = plan.cast(array, dtype, by_value=array[0].size == 1)
    except TensorDtypeMismatchError as error:
        error.row = _first_unfit(array, dtype)  # type: ignore[attr-defined]
        raise
    plan.fix(array.ndim - 1, dtype_name(dtype))
    if tiling.is_large(plan.schema, array.shape[1:], dtype):
        return [tiling.cut(sample, plan.schema, codecs) for sample in array]
    return _slices(array, borrow)


def _are_names(samples: np.ndarray, plan: Plan) -> bool:
    """Whether these are texts, of which an htype of arrays may make numbers."""
    kind = samples.dtype.kind
    texts = kind == "U" or (kind == "O" and all(type(sample) is str for sample in samples.flat))
    return texts and not plan.schema.meta.get("open")


def _first_unfit(array: np.ndarray, dtype: np.dtype[Any]) -> int:
    """The first sample that cannot be cast; those of one value are judged one by one."""
    if array[0].size != 1:
        return 0
    for row, sample in enumerate(array):
        try:
            cast(sample, dtype, by_value=True)
        except TensorDtypeMismatchError:
            return row
    return 0


def _slices(array: np.ndarray, borrow: bool) -> Iterator[Run]:
    borrow = borrow and array.flags.c_contiguous and array.nbytes >= BORROWED
    shape = array.shape[1:]
    size = int(np.prod(shape, dtype=np.int64)) * array.itemsize
    keep = array[0].size <= statistics.MAX_ELEMENTS
    rows = len(array) if borrow else max(PART // max(size, 1), 1)
    for start in range(0, len(array), rows):
        part = array[start : start + rows]
        if not borrow:
            # The caller may change the array before it is stored.
            part = np.array(part, order="C")
        buffer: Buffer = memoryview(part.reshape(-1).view(np.uint8).data) if part.size else b""
        values = part if keep else None
        yield Run(buffer, len(part), shape, size, values=values, borrowed=borrow)


def place(row: int, error: Exception) -> str:
    """Where a sample is that could not be encoded, for messages."""
    item = getattr(error, "item", None)
    return f"row {row}" if item is None else f"row {row}, item {item}"


__all__ = ["Batch", "encode", "encode_samples", "place"]
