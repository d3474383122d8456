"""Which samples are stored in tiles, and samples that are tiles from the start: ``deeplake.tiled``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deeplake.dataset.selection import Selection
from deeplake.errors import SampleCompressionError, TensorInvalidSampleShapeError
from deeplake.format.builder import Run
from deeplake.format.encoding import Encoding, encoding, htype_plugin
from deeplake.format.tiles import (
    LEAST_TILE,
    MAX_TILE,
    MAX_TILES,
    TILE_BYTES,
    Grid,
    check_grid,
    tile_shape,
)
from deeplake.types import Shape, TensorSchema
from deeplake.versioning.tiles import CutSample, PatchedSample, Tiles, ZeroSample, encode_tile

THRESHOLD = 16_000_000
"""Bytes of an encoded sample from which on it is stored in tiles, where a tensor does not say."""


class PartialSample:
    """An all-zero sample that has no data yet: ``deeplake.tiled``.

    Parts of it are filled by assignment; only the tiles that they lie in are stored.

    Args:
        sample_shape: Shape of the sample.
        tile_shape: Shape of a tile; None: about 4 MB.
        dtype: Dtype of the sample, for tensors of images that have none yet.

    Raises:
        ValueError: These are no shapes, or tiles would be larger than 1 GiB or more than a million.
    """

    __slots__ = ("dtype", "sample_shape", "tile_shape")

    def __init__(
        self,
        sample_shape: Sequence[int],
        tile_shape: Sequence[int] | None = None,
        dtype: Any = "uint8",
    ) -> None:
        self.sample_shape = _shape(sample_shape, "sample_shape")
        self.tile_shape = None if tile_shape is None else _shape(tile_shape, "tile_shape")
        try:
            self.dtype = np.dtype(dtype)
        except TypeError as error:
            raise TypeError(f"deeplake.tiled: {dtype!r} is not a NumPy dtype") from error
        if self.tile_shape is not None:
            if len(self.tile_shape) != len(self.sample_shape) or 0 in self.tile_shape:
                raise ValueError(
                    f"tile_shape {self.tile_shape} does not fit sample_shape {self.sample_shape}: "
                    "give a length of at least 1 for each axis"
                )
            self.tile_shape = tuple(map(min, self.tile_shape, (max(n, 1) for n in self.shape)))

    @property
    def shape(self) -> Shape:
        """Shape of the sample."""
        return self.sample_shape

    def strided(self, factor: int) -> PartialSample:
        """Every ``factor``-th row and column."""
        sides = tuple(-(-n // factor) for n in self.shape[:2])
        return PartialSample((*sides, *self.shape[2:]), dtype=self.dtype)

    def __repr__(self) -> str:
        return (
            f"PartialSample(sample_shape={self.sample_shape}, tile_shape={self.tile_shape}, "
            f"dtype={self.dtype.name!r})"
        )


def tiled(
    sample_shape: Sequence[int], tile_shape: Sequence[int] | None = None, dtype: Any = "uint8"
) -> PartialSample:
    """An all-zero sample without data, to be filled part by part.

    Example::

        ds.scans.append(deeplake.tiled((100_000, 100_000, 3)))
        ds.scans[0, 2048:4096, :1024] = pixels

    Args:
        sample_shape: Shape of the sample.
        tile_shape: Shape of a tile; None: about 4 MB.
        dtype: Dtype, for tensors of images that have none yet; other tensors have to have one.

    Raises:
        ValueError: These are no shapes, or tiles would be larger than 1 GiB or more than a million.
    """
    return PartialSample(sample_shape, tile_shape, dtype)


def _shape(value: Sequence[int], what: str) -> Shape:
    try:
        shape = tuple(int(n) for n in value)
    except TypeError:
        raise ValueError(f"{what} is a sequence of ints, not {value!r}") from None
    if not shape or min(shape) < 0 or max(shape) >= 1 << 32:
        raise ValueError(f"{what} {shape} is not the shape of a sample")
    return shape


# --------------------------------------------------------------------------- of a tensor
def threshold(schema: TensorSchema) -> int | None:
    """Bytes above which samples of a tensor are tiled; None: they never are."""
    known = schema.tiling_threshold
    limit = THRESHOLD if known is None else known
    arrays = htype_plugin(schema.htype).spec().payload == "array"
    if limit < 0 or not arrays or schema.is_sequence or schema.is_link:
        return None
    return limit


def is_large(schema: TensorSchema, shape: Shape, dtype: np.dtype[Any]) -> bool:
    """Whether samples of a shape are so large, as far as can be said before they are encoded."""
    limit = threshold(schema)
    if limit is None:
        return False
    nbytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    codecs = encoding(schema)
    codec = codecs.sample or codecs.sample_bytes or codecs.chunk
    return nbytes * (1.0 if codec is None else codec.estimate) > limit


def _tile_bytes(schema: TensorSchema) -> int:
    limit = threshold(schema)
    size = TILE_BYTES if not limit else min(TILE_BYTES, max(limit // 4, LEAST_TILE))
    return min(size, schema.max_chunk_size or size)


def grid_of(schema: TensorSchema, shape: Shape, itemsize: int, tile: Shape | None = None) -> Grid:
    """How a sample of a tensor is cut.

    Args:
        schema: The tensor's.
        shape: The sample's.
        itemsize: Bytes of an element.
        tile: The shape of tiles, if it is known; else it is chosen.

    Raises:
        TensorInvalidSampleShapeError: There are no tiles of this shape.
    """
    target = _tile_bytes(schema)
    grid = Grid(shape, tile if tile is not None else tile_shape(shape, itemsize, target))
    while tile is None and grid.n > MAX_TILES and target < MAX_TILE // 2:
        target *= 2
        grid = Grid(shape, tile_shape(shape, itemsize, target))
    try:
        check_grid(grid, itemsize, f"tensor {schema.name!r}")
    except ValueError as error:
        raise TensorInvalidSampleShapeError(str(error)) from error
    if encoding(schema).sample is not None and grid.counts[2:] != (1,) * (len(shape) - 2):
        raise TensorInvalidSampleShapeError(
            f"tiles of shape {grid.tile} do not have all channels of {shape}, which "
            f"{encoding(schema).sample_name!r} encodes together"
        )
    return grid


# --------------------------------------------------------------------------- samples
def cut(array: np.ndarray, schema: TensorSchema, codecs: Encoding) -> Run:
    """An array that is stored in tiles.

    Args:
        array: The array, in the dtype that is stored; it must not change before it is stored.
        schema: The tensor's.
        codecs: What tiles are encoded with.

    Raises:
        SampleCompressionError: The codec cannot store such arrays.
    """
    grid = grid_of(schema, array.shape, array.itemsize)
    _try(grid.shape_of(0), array.dtype, codecs)
    return Run.of(CutSample(array, grid, codecs))


def zeros(sample: PartialSample, shape: Shape, dtype: np.dtype[Any], schema: TensorSchema) -> Run:
    """A sample of zeros.

    Args:
        sample: What the user gave.
        shape: Its shape with as many dimensions as the tensor has.
        dtype: The tensor's.
        schema: The tensor's.

    Raises:
        TensorInvalidSampleShapeError: There are no tiles of this shape.
        SampleCompressionError: The codec cannot store such arrays.
    """
    if 0 in shape:
        return Run(b"", 1, shape, 0)
    tile = sample.tile_shape
    if tile is not None:
        tile = (*tile, 1)[: len(shape)]
    grid = grid_of(schema, shape, dtype.itemsize, tile)
    _try(grid.shape_of(0), dtype, encoding(schema))
    return Run.of(ZeroSample(grid, dtype.str))


def patch(tiles: Tiles, selection: Selection, value: np.ndarray, schema: TensorSchema) -> Run:
    """A stored sample of which a part is replaced.

    Args:
        tiles: The sample.
        selection: Its steps say which part; its rows do not matter.
        value: What the part is replaced by, in the tensor's dtype.
        schema: The tensor's.

    Raises:
        ValueError: The value does not broadcast to the part.
    """
    parts, values = selection.spread(tiles.shape, value)
    return Run.of(PatchedSample(tiles, parts, values, encoding(schema)))


def strided(run: Run, factor: int) -> np.ndarray:
    """Every ``factor``-th row and column of a stored sample with a part replaced (``patch``)."""
    sample = run.alone
    assert isinstance(sample, PatchedSample)
    return sample.strided(factor)


def _try(shape: Shape, dtype: np.dtype[Any], codecs: Encoding) -> None:
    """Whether a codec takes tiles like this one: the others are encoded when it is too late to fail.

    Raises:
        SampleCompressionError: It does not.
    """
    codec = codecs.sample
    if codec is None:
        return
    if not codec.writable:
        raise SampleCompressionError(
            f"{codec.name!r} can only store files that have this format already: such tensors have "
            "no tiles"
        )
    encode_tile(np.ones((*(min(n, 16) for n in shape[:2]), *shape[2:]), dtype), codecs)


__all__ = [
    "PartialSample", "cut", "grid_of", "is_large", "patch", "strided", "threshold",
    "tiled", "zeros",
]  # fmt: skip
