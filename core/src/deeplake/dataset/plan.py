"""What the samples of one tensor have to be, and what the first ones of them decide about it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from deeplake.dataset.casting import STORED_KINDS, cast, dtype_name
from deeplake.errors import (
    SampleCompressionError,
    TensorInvalidSampleShapeError,
    UnsupportedCompressionError,
)
from deeplake.format.arena import Arena
from deeplake.format.chunk import MAX_NDIM
from deeplake.format.encoding import encoding, htype_plugin
from deeplake.format.htypes.jsonschema import parse_schema
from deeplake.spi import SampleCodec
from deeplake.types import Shape, TensorSchema


class Plan:
    """The tensor as the samples encoded so far leave it.

    Attributes:
        picture: Samples are images: integers are judged by their values, and grey ones may lack the
            axis of channels.
        arena: Where files are read to.
    """

    __slots__ = (
        "arena",
        "codecs",
        "info",
        "picture",
        "plugin",
        "schema",
        "spec",
        "warned",
        "written",
    )

    def __init__(self, schema: TensorSchema, info: Mapping[str, Any]) -> None:
        self.info = info
        self.written: Mapping[str, Any] | None = None
        self.warned = False
        self.arena = Arena()
        self._take(schema)

    def _take(self, schema: TensorSchema) -> None:
        self.schema = schema
        self.plugin = htype_plugin(schema.htype)
        self.spec = spec = self.plugin.spec()
        self.codecs = encoding(schema)
        codec = self.codecs.sample
        self.picture = holds_pictures(schema)
        if codec is not None and codec.media not in spec.media:
            raise UnsupportedCompressionError(
                f"compression {codec.name!r} stores {codec.media}, which the sample (htype "
                f"{spec.name!r}) is not"
            )

    @property
    def keeps_paths(self) -> bool:
        """Whether it is kept where files were read from."""
        return self.codecs.sample is not None and self.schema.meta.get("paths") is not False

    def close(self, sample: Any) -> None:
        """Let the first sample decide the htype, where none was given."""
        schema = self.schema
        if schema.meta.get("open"):
            meta = {key: value for key, value in schema.meta.items() if key != "open"}
            htype = _guess(sample) if schema.dtype is None else "generic"
            self._take(replace(schema, htype=htype, meta=meta))

    def fix(self, ndim: int, dtype: str) -> None:
        """Let the first sample decide dtype and dimensions."""
        schema = self.schema
        if schema.ndim != ndim or schema.dtype != dtype:
            self.schema = replace(schema, ndim=ndim, dtype=dtype)

    def prepare(self, value: Any) -> Any:
        """The value as the htype stores it; what it adds to info is kept for the tensor."""
        info = self.info
        if "schema" in self.schema.meta:
            info = {**info, "schema": self.schema.meta["schema"]}
        value, changed = self.plugin.prepare(value, info)
        if changed is not None:
            self.info = self.written = changed
        return value

    @property
    def list_is_none(self) -> bool:
        """Whether an empty list stands for no sample, because it cannot be one."""
        payload = self.spec.payload
        if payload == "json":
            # ``{}``, but where the schema asks for lists.
            schema = self.schema.meta.get("schema", "Any")
            return schema == "Any" or parse_schema(schema).problem([]) is not None
        return payload in ("array", "text")

    def cast(self, array: np.ndarray, dtype: np.dtype[Any], *, by_value: bool) -> np.ndarray:
        """The array in the tensor's dtype. Raises ``TensorDtypeMismatchError``."""
        return cast(array, dtype, by_value=by_value, ints_by_value=self.picture)

    def fit(self, shape: Shape) -> Shape:
        """The shape with as many dimensions as the tensor has.

        Raises:
            TensorInvalidSampleShapeError: It has another number, or the htype forbids the shape.
        """
        ndim = self.schema.ndim
        if not shape:
            shape = (1,)
        if self.picture and ndim == 2 and len(shape) == 3 and shape[2] == 1:
            # One channel is what grey images of two dimensions have, too.
            shape = shape[:2]
        if ndim is not None and len(shape) != ndim:
            if not (self.picture and ndim == 3 and len(shape) == 2):
                raise TensorInvalidSampleShapeError(
                    f"a sample of shape {tuple(shape)} has {len(shape)} dimensions, the samples of "
                    f"tensor {self.schema.name!r} have {ndim}"
                )
            shape = (*shape, 1)
            if not self.warned:
                self.warned = True
                warnings.warn(
                    f"tensor {self.schema.name!r}: grey images of shape (H, W) are stored as "
                    "(H, W, 1), with as many dimensions as the images before them",
                    stacklevel=2,
                )
        most = MAX_NDIM - self.schema.is_sequence
        if len(shape) > most:
            raise TensorInvalidSampleShapeError(
                f"a sample of {len(shape)} dimensions cannot be stored: {most} are possible"
            )
        problem = self.plugin.check_shape(shape)
        if problem:
            raise TensorInvalidSampleShapeError(problem)
        return shape

    def dtype_for(self, array: np.ndarray) -> np.dtype[Any]:
        """The tensor's dtype; before there is one, the htype's or that of the first sample."""
        name = self.schema.dtype
        if name is not None:
            return np.dtype(name)
        dtype = np.dtype(dtype_name(np.dtype(self.spec.dtype or array.dtype)))
        codec = self.codecs.sample
        if codec is None or dtype.kind not in "iu" or _holds(codec, dtype, array.ndim):
            return dtype
        # Formats of images have no 64-bit integers, but randint(0, 256, …) is an image all the
        # same.
        for small in (np.dtype(np.uint8), np.dtype("<u2")):
            bounds = np.iinfo(small)
            if (
                array.dtype.kind in "biu"
                and (not array.size or (array.min() >= 0 and array.max() <= bounds.max))
                and _holds(codec, small, array.ndim)
            ):
                return small
        return dtype


def holds_pictures(schema: TensorSchema) -> bool:
    """Whether the samples of a tensor are images, by its htype or by its compression."""
    codec = encoding(schema).sample
    return htype_plugin(schema.htype).spec().compression == "required" or (
        codec is not None and codec.media == "image"
    )


def _holds(codec: SampleCodec, dtype: np.dtype[Any], ndim: int) -> bool:
    """Whether a format has values of a dtype."""
    try:
        codec.encode(np.zeros((8, 8) if ndim == 2 else (8, 8, 3), dtype))
    except SampleCompressionError:
        return False
    return True


def _guess(sample: Any) -> str:
    """The htype of a tensor whose first sample this is."""
    if isinstance(sample, str):
        return "text"
    if isinstance(sample, Mapping):
        return "json"
    if isinstance(sample, np.ndarray) and sample.dtype.kind == "O":
        return "json" if any(isinstance(value, Mapping) for value in sample.flat) else "generic"
    if isinstance(sample, np.ndarray) and sample.dtype.kind in "UT" and sample.size == 1:
        return "text"
    if isinstance(sample, (list, tuple)) and len(sample):
        try:
            array = np.asarray(sample)
        except ValueError:
            return "json"
        if array.dtype.kind not in STORED_KINDS:
            return "json"
    return "generic"


__all__ = ["Plan", "holds_pictures"]
