"""Images elsewhere that are the tiles of one sample: ``deeplake.link_tiled``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset.linked import LinkedSample
from deeplake.errors import (
    LinkChangedError,
    SampleTooLargeError,
    TensorDtypeMismatchError,
    TensorInvalidSampleShapeError,
)
from deeplake.format.links import Link, LinkGrid
from deeplake.format.tiles import MAX_TILES, Grid, Overlap, Part, lengths, put, take
from deeplake.links import shown
from deeplake.types import Shape, TensorSchema

if TYPE_CHECKING:
    from deeplake.dataset.linking import Linker


class LinkedTiledSample:
    """Images that stay where they are and form a grid; tensors of htype ``link[image]`` take it.

    Args:
        path_array: n-d array of paths or URLs, along the first axes of the image: of two rows of
            three tiles it has shape ``(2, 3)``.
        creds_key: Name of the credentials for all of them; ``"ENV"``: those of the environment.

    Raises:
        InvalidPathException: Something is no path.
        ValueError: There are no paths, more than a million, or lists of them differ in length.
    """

    __slots__ = ("creds_key", "dtype_hint", "grid", "path_array", "shape_hint", "tiles")

    def __init__(self, path_array: Any, creds_key: str | None = None) -> None:
        paths = np.asarray(path_array, object)
        if not paths.ndim or not 0 < paths.size <= MAX_TILES:
            raise ValueError(
                f"link_tiled takes an array of 1 to {MAX_TILES} paths, not one of shape {paths.shape}"
            )
        if any(isinstance(path, (list, tuple)) for path in paths.flat):
            raise ValueError(
                "the rows of path_array have different numbers of tiles: it is no grid"
            )
        self.tiles = [LinkedSample(path, creds_key) for path in paths.flat]
        self.path_array: np.ndarray = np.array([tile.path for tile in self.tiles])
        self.path_array = self.path_array.reshape(paths.shape)
        self.creds_key = creds_key
        self.grid: LinkGrid | None = None
        self.shape_hint: Shape | None = None
        self.dtype_hint: str | None = None

    @classmethod
    def stored(
        cls,
        grid: LinkGrid,
        creds_key: str | None,
        shape: Shape | None = None,
        dtype: str | None = None,
    ) -> LinkedTiledSample:
        """A grid of a tensor.

        Args:
            grid: As it is stored.
            creds_key: Name of its credentials.
            shape, dtype: Of the sample, where they are known.
        """
        sample = cls(paths_of(grid), creds_key)
        sample.grid = grid
        sample.shape_hint = shape
        sample.dtype_hint = dtype
        return sample

    @property
    def path(self) -> str:
        """Where the first tile is."""
        return self.tiles[0].path

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LinkedTiledSample):
            return NotImplemented
        return self.creds_key == other.creds_key and np.array_equal(
            self.path_array, other.path_array
        )

    def __hash__(self) -> int:
        return hash((self.path, self.path_array.shape, self.creds_key))

    def __reduce__(self) -> Any:
        return LinkedTiledSample, (self.path_array, self.creds_key)

    def __repr__(self) -> str:
        key = "" if self.creds_key is None else f", creds_key={self.creds_key!r}"
        counts = " x ".join(map(str, self.path_array.shape))
        return f"LinkedTiledSample({counts} tiles from {shown(self.path)!r}{key})"


def link_tiled(path_array: Any, creds_key: str | None = None) -> LinkedTiledSample:
    """Images that stay where they are, and are read as one large image.

    All tiles have the shape of the first, but those at the far edges, which may be smaller. A part
    of the sample is read from the tiles that it lies in.

    Example::

        ds.create_tensor("scans", htype="link[image]")
        ds.scans.append(deeplake.link_tiled([["a.png", "b.png"], ["c.png", "d.png"]]))
        ds.scans[0, :256, :256].numpy()  # opens a.png alone, if that is large enough

    Args:
        path_array: n-d array of paths or URLs, along the first axes of the image.
        creds_key: Name of the credentials for all of them (``ds.add_creds_key``); ``"ENV"``: those
            of the environment.

    Raises:
        InvalidPathException: Something is no path, or a URL with a password in it.
        ValueError: There are no paths, more than a million, or lists of them differ in length.
    """
    return LinkedTiledSample(path_array, creds_key)


def paths_of(grid: LinkGrid) -> np.ndarray:
    """The paths of a grid, in its shape."""
    return np.array([tile.path for tile in grid.tiles]).reshape(grid.counts)


# --------------------------------------------------------------------------- how it is cut
def cut_by(counts: Shape, first: Shape, last: Shape) -> Grid:
    """How a sample is cut whose first and last tile have some shapes.

    Raises:
        TensorInvalidSampleShapeError: These are no first and last tile of any sample.
    """
    if len(first) < len(counts) or len(first) != len(last) or 0 in first or 0 in last:
        raise TensorInvalidSampleShapeError(
            f"tiles of shapes {first} and {last} do not make a grid of {counts}"
        )
    counts = (*counts, *(1,) * (len(first) - len(counts)))
    if any(b > a or (n == 1 and a != b) for n, a, b in zip(counts, first, last, strict=True)):
        raise TensorInvalidSampleShapeError(
            f"the last tile has shape {last}, and the first one {first}: those at the far edges can "
            "only be smaller, along the axes that are cut"
        )
    shape = tuple((n - 1) * a + b for n, a, b in zip(counts, first, last, strict=True))
    return Grid(shape, first)


def check_tile(grid: Grid, number: int, path: str, shape: Shape) -> None:
    """Raise ``TensorInvalidSampleShapeError`` if a tile has another shape than its place asks for."""
    expected = grid.shape_of(number)
    if shape != expected:
        raise TensorInvalidSampleShapeError(
            f"{shown(path)}: the tile has shape {shape}; at its place in the grid of {grid.counts} it "
            f"has to have {expected}"
        )


def cut_of(
    linker: Linker, links: LinkGrid, shape: Shape, schema: TensorSchema, info: Mapping[str, Any]
) -> Grid:
    """How the sample of a stored grid is cut; tiles that were never opened are opened.

    Args:
        linker: Reads tiles.
        links: The grid.
        shape: Of the sample as it is stored; zeros, if that is not known.
        schema, info: Of the tensor.
    """
    from deeplake.dataset.linking import shape_of

    if links.tile is not None and any(shape):
        grid = Grid(shape, links.tile)
        counts = (*links.counts, *(1,) * (len(links.tile) - len(links.counts)))
        if len(shape) != len(links.tile) or grid.counts != counts:
            raise LinkChangedError(f"a grid of {links.counts} tiles is no sample of shape {shape}")
        return grid
    ends = links.tiles[0], links.tiles[-1]
    first, last = (shape_of(linker, tile, schema, info) for tile in ends)
    return cut_by(links.counts, first, last)


# --------------------------------------------------------------------------- values
def read(
    linker: Linker,
    links: LinkGrid,
    grid: Grid,
    parts: Sequence[Part],
    schema: TensorSchema,
    info: Mapping[str, Any],
    out: np.ndarray | None = None,
) -> np.ndarray:
    """A part of the sample; only the tiles that it lies in are opened.

    Args:
        linker: Reads them.
        links: The tiles.
        grid: How the sample is cut.
        parts: What is taken of each axis.
        schema, info: Of the tensor.
        out: Array of the right shape and dtype to read into, and to return.

    Returns:
        Array that has all axes of the sample; those that an int picks have length 1.

    Raises:
        SampleTooLargeError: There is no memory for the part.
        TensorInvalidSampleShapeError, TensorDtypeMismatchError: A tile does not fit.
        DeepLakeError: See ``linking.value``.
    """
    shape = lengths(parts, grid.shape)
    overlaps = list(grid.overlaps(parts))
    loaded: dict[int, np.ndarray] = {}
    if out is None and schema.dtype is None:
        # Nothing was opened when it was linked: the first tile says what the others have to be.
        number = overlaps[0].number if overlaps else 0
        loaded[number] = _tile(linker, links.tiles[number], grid, number, schema, info)
    if out is None:
        dtype = np.dtype(schema.dtype) if not loaded else next(iter(loaded.values())).dtype
        try:
            out = np.empty(shape, dtype)
        except MemoryError as error:
            raise SampleTooLargeError(
                f"there is no memory for {shape} of a sample of shape {grid.shape}; read a part of "
                "it, as in tensor[row, y0:y1, x0:x1]"
            ) from error

    def place(overlap: Overlap) -> None:
        number = overlap.number
        tile = loaded.get(number)
        if tile is None:
            tile = _tile(linker, links.tiles[number], grid, number, schema, info)
        if tile.dtype != out.dtype:
            raise TensorDtypeMismatchError(
                f"{shown(links.tiles[number].path)}: the tile has dtype {tile.dtype}, and the sample "
                f"{out.dtype}"
            )
        put(out, overlap.outside, take(tile, overlap.inside))

    linker.run([partial(place, overlap) for overlap in overlaps])
    return out


def _tile(
    linker: Linker,
    link: Link,
    grid: Grid,
    number: int,
    schema: TensorSchema,
    info: Mapping[str, Any],
) -> np.ndarray:
    from deeplake.dataset.linking import value

    found: np.ndarray = value(linker, link, schema, info)
    check_tile(grid, number, link.path, found.shape)
    return found


def whole(grid: Grid) -> list[slice]:
    """The parts that are all of a sample."""
    return [slice(0, size) for size in grid.shape]


__all__ = [
    "LinkedTiledSample",
    "check_tile",
    "cut_by",
    "cut_of",
    "link_tiled",
    "paths_of",
    "read",
    "whole",
]
