"""Smaller copies of images and masks in hidden tensors, for viewers: ``downsampling=(factor, layers)``.

``_{t}_downsampled_{factor}`` has the samples of ``t`` with every side divided by the factor, and each
further layer those of the one before. They are tensors like any other: what is done to rows of
``t`` is done to theirs, and versions, merges and copies take them along by their row ids.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from deeplake.dataset.jobs import run_jobs
from deeplake.dataset.resize import bilinear, nearest, strided
from deeplake.dataset.sample import Sample
from deeplake.dataset.tiling import PartialSample
from deeplake.dataset.tiling import strided as patched_strided
from deeplake.format.builder import Run
from deeplake.format.encoding import htype_plugin
from deeplake.types import Shape, TensorSchema
from deeplake.versioning.draft import Draft

KEY = "downsampling"
"""Meta of a tensor that has smaller copies: ``[factor, layers]``."""

SMALLEST = 100
"""Pixels of a smaller copy that are too few for one."""


def names(schema: TensorSchema, name: str | None = None) -> list[str]:
    """Full names of the tensors with smaller copies of a tensor's samples, the largest first.

    Args:
        schema: The tensor's schema.
        name: Another name for the tensor than it has.
    """
    if KEY not in schema.meta:
        return []
    factor, layers = schema.meta[KEY]
    group, slash, last = (name or schema.name).rpartition("/")
    found = [f"{group}{slash}_{last}_downsampled_{factor**k}" for k in range(1, layers + 1)]
    return [*dict.fromkeys(found)]  # powers of 1 are all the same


def schemas(schema: TensorSchema, new_id: Callable[[], str]) -> list[TensorSchema]:
    """Schemas of these tensors; like the tensor itself, but hidden."""
    meta = {key: value for key, value in schema.meta.items() if key != KEY}
    return [
        replace(schema, id=new_id(), name=name, hidden=True, meta=meta) for name in names(schema)
    ]


def drafts(draft: Draft, by_name: Mapping[str, Draft]) -> list[Draft]:
    """Working states of these tensors, as far as they are there and in step."""
    found = []
    for name in names(draft.schema):
        smaller = by_name.get(name)
        if smaller is None or smaller.length != draft.length:
            break
        found.append(smaller)
    return found


def smaller(samples: Any, schema: TensorSchema) -> Iterator[list[Any]]:
    """What each layer gets for some samples: arrays, and None for those that are too small.

    Files are resized, with a bilinear filter or, masks, to the nearest pixel; of arrays every
    ``factor``-th row and column is taken.

    Args:
        samples: An array (each entry of its first axis is a sample), or any sequence of samples.
        schema: The tensor's schema.
    """
    factor, layers = schema.meta[KEY]
    masks = htype_plugin(schema.htype).spec().compression == "optional"
    layer: list[Any] = [None] * len(samples)
    files = False

    def job(at: int, sample: Any) -> Callable[[], None]:
        def run() -> None:
            try:
                layer[at] = _smaller(sample, factor, masks=masks)
            except Exception as error:
                error.row = at  # type: ignore[attr-defined]
                raise

        return run

    given: Sequence[Any] = samples
    for _ in range(layers):
        files = files or any(isinstance(sample, Sample) for sample in given)
        run_jobs([job(*pair) for pair in enumerate(given)], parallel=files)
        yield [None if kept is None else kept.array for kept in layer]
        given = layer
        layer = [None] * len(given)


class _Kept:
    """A smaller copy, and whether it was made from a file."""

    __slots__ = ("array", "file")

    def __init__(self, array: np.ndarray | PartialSample, *, file: bool) -> None:
        self.array = array
        self.file = file


def _smaller(sample: Any, factor: int, *, masks: bool) -> _Kept | None:
    array: np.ndarray | PartialSample
    if sample is None or (isinstance(sample, (list, tuple)) and not sample):
        return None
    if isinstance(sample, _Kept):
        array, file = sample.array, sample.file
    elif isinstance(sample, Sample):
        if _too_small(sample.shape, factor):
            return None
        array, file = sample.array, True
    elif isinstance(sample, (PartialSample, Run)):
        # Large: never made an array as a whole.
        shape = sample.shape
        if _too_small(shape, factor):
            return None
        if isinstance(sample, PartialSample):
            return _Kept(sample.strided(factor), file=False)
        return _Kept(patched_strided(sample, factor), file=False)
    else:
        array, file = np.asarray(sample), False
    if _too_small(array.shape, factor):
        return None
    if isinstance(array, PartialSample):
        return _Kept(array.strided(factor), file=False)
    if not file:
        return _Kept(strided(array, factor), file=False)
    resize = nearest if masks else bilinear
    return _Kept(resize(array, array.shape[0] // factor, array.shape[1] // factor), file=True)


def _too_small(shape: Shape, factor: int) -> bool:
    """Whether a smaller copy of a sample would have too few pixels, or lose a side."""
    return (
        len(shape) < 2
        or math.prod(shape[:2]) <= SMALLEST * factor * factor
        or min(shape[:2]) < factor
    )


__all__ = ["KEY", "drafts", "names", "schemas", "smaller"]
