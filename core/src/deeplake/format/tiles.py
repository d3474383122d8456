"""Samples in tiles: how a large array is cut, and the directory of its tiles (spec, section 4.7)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from deeplake.errors import FormatError
from deeplake.format import chunk
from deeplake.types import Buffer, Shape

TILE_BYTES = 4 << 20
"""Bytes that a tile has, about, before it is encoded."""
LEAST_TILE = 16 << 10
MAX_TILE = 1 << 30
"""Bytes that a tile has at most before it is encoded."""
MAX_TILES = 1 << 20
"""Tiles of one sample."""
ROUND = 16
"""Sides of tiles are multiples of this: formats of images encode squares of 8 or 16 pixels."""
WHOLE_AXES = 3
"""The last axes, which are cut only if one entry of those before them is too large for a tile."""

TILE: np.dtype[Any] = np.dtype(
    [
        ("object", "<u8", (2,)), ("offset", "<u8"), ("length", "<u8"), ("header", "<u4"),
        ("zero", "<u4"), ("checksum", "<u8"),
    ]
)  # fmt: skip
"""Where one tile is: its chunk block. Length 0: it is all zeros and has no block."""

Part: TypeAlias = int | slice | np.ndarray
"""What is taken of one axis: one entry, a slice with bounds inside of it, or int64 positions."""


def tile_shape(shape: Shape, itemsize: int, target: int = TILE_BYTES) -> Shape:
    """The shape of tiles of about ``target`` bytes for a sample.

    Short axes (channels) stay whole and long ones are cut to the same length: a square of an image
    touches few tiles. Of samples of more than three axes (frames of a film) the first ones are cut
    before any other.
    """
    budget = max(target // itemsize, 1)
    lead = max(len(shape) - WHOLE_AXES, 0)
    tail = _cut_evenly(shape[lead:], budget)
    if tail != shape[lead:]:
        return (1,) * lead + tail
    budget //= max(math.prod(tail), 1)
    head: list[int] = []
    for size in reversed(shape[:lead]):
        taken = min(size, max(budget, 1))
        head.insert(0, taken)
        budget //= max(taken, 1)
    return (*head, *tail)


def _cut_evenly(shape: Shape, budget: int) -> Shape:
    cut = list(shape)
    left = len(shape)
    for axis in sorted(range(len(shape)), key=shape.__getitem__):
        side = max(int(budget ** (1 / left)), 1)
        if shape[axis] <= side:
            budget //= max(shape[axis], 1)
        else:
            even = -(-shape[axis] // -(-shape[axis] // side))
            cut[axis] = min(-(-even // ROUND) * ROUND, shape[axis]) if even >= 64 else even
            budget = max(budget // cut[axis], 1)
        left -= 1
    return tuple(cut)


@dataclass(frozen=True)
class Grid:
    """How a sample is cut.

    Attributes:
        shape: Of the sample.
        tile: Of a tile; those at the far edges are what is left.
    """

    shape: Shape
    tile: Shape

    @cached_property
    def counts(self) -> Shape:
        """Tiles along each axis."""
        return tuple(-(-size // side) for size, side in zip(self.shape, self.tile, strict=True))

    @property
    def n(self) -> int:
        """Number of tiles."""
        return math.prod(self.counts)

    def box(self, number: int) -> tuple[slice, ...]:
        """The part of the sample that a tile holds; tiles are numbered in C order."""
        places = []
        for count in reversed(self.counts):
            number, place = divmod(number, count)
            places.append(place)
        return tuple(
            slice(place * side, min((place + 1) * side, size))
            for place, side, size in zip(reversed(places), self.tile, self.shape, strict=True)
        )

    def shape_of(self, number: int) -> Shape:
        """Shape of a tile."""
        return tuple(part.stop - part.start for part in self.box(number))

    def overlaps(self, parts: Sequence[Part]) -> Iterator[Overlap]:
        """The tiles that a part of the sample lies in.

        Args:
            parts: What is taken of each axis.
        """
        axes = [
            list(_along(part, size, side))
            for part, size, side in zip(parts, self.shape, self.tile, strict=True)
        ]
        for combined in product(*axes):
            number = 0
            for (place, _, _), count in zip(combined, self.counts, strict=True):
                number = number * count + place
            yield Overlap(number, tuple(c[1] for c in combined), tuple(c[2] for c in combined))


@dataclass(frozen=True, slots=True)
class Overlap:
    """A tile and what is taken of it.

    Attributes:
        number: Of the tile.
        inside: What is taken of the tile, axis by axis.
        outside: Where that lies in what is taken altogether, in which each axis of the sample is
            still an axis.
    """

    number: int
    inside: tuple[slice | np.ndarray, ...]
    outside: tuple[slice | np.ndarray, ...]


def _along(part: Part, size: int, side: int) -> Iterator[tuple[int, Any, Any]]:
    """``(tile, what of it, where in the result)`` along one axis."""
    if isinstance(part, np.ndarray):
        if not len(part):
            return
        places = part // side
        order = np.argsort(places, kind="stable")
        tiles, starts = np.unique(places[order], return_index=True)
        for tile, positions in zip(
            tiles.tolist(), np.split(order, starts[1:].tolist()), strict=True
        ):
            yield tile, part[positions] - tile * side, positions
        return
    taken = range(part, part + 1) if isinstance(part, int) else range(*part.indices(size))
    at = 0
    while at < len(taken):
        tile, inside = divmod(taken[at], side)
        room = side - 1 - inside if taken.step > 0 else inside
        n = min(room // abs(taken.step) + 1, len(taken) - at)
        last = inside + (n - 1) * taken.step + (1 if taken.step > 0 else -1)
        yield (
            tile,
            slice(inside, None if last < 0 else last, taken.step),
            slice(at, at + n),
        )
        at += n


def lengths(parts: Sequence[Part], shape: Shape) -> Shape:
    """How many entries of each axis are taken; one where an int drops the axis."""
    return tuple(
        1 if isinstance(part, int)
        else len(range(*part.indices(size))) if isinstance(part, slice)
        else len(part)
        for part, size in zip(parts, shape, strict=True)
    )  # fmt: skip


def take(array: np.ndarray, parts: Sequence[slice | np.ndarray]) -> np.ndarray:
    """What is taken of an array axis by axis: a view where there are no lists."""
    view = array[tuple(part if isinstance(part, slice) else slice(None) for part in parts)]
    for axis, part in enumerate(parts):
        if not isinstance(part, slice):
            view = view.take(part, axis=axis)
    return view


def put(array: np.ndarray, parts: Sequence[slice | np.ndarray], values: np.ndarray) -> None:
    """Write values over what is taken of an array axis by axis."""
    if all(isinstance(part, slice) for part in parts):
        array[tuple(parts)] = values
        return
    positions = [
        np.arange(size)[part] if isinstance(part, slice) else part
        for part, size in zip(parts, array.shape, strict=True)
    ]
    array[np.ix_(*positions)] = values


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """Where the tiles of a sample are.

    Attributes:
        grid: How the sample is cut.
        tiles: One record (``TILE``) for each tile.
    """

    grid: Grid
    tiles: np.ndarray

    @classmethod
    def blank(cls, grid: Grid) -> Directory:
        """All tiles are zeros."""
        return cls(grid, np.zeros(grid.n, TILE))

    @classmethod
    def decode(cls, data: Buffer, shape: Shape, itemsize: int, name: str) -> Directory:
        """The directory in the payload of a tile chunk.

        Args:
            data: The payload.
            shape: The sample's.
            itemsize: Bytes of one of its elements.
            name: What messages call the chunk.

        Raises:
            FormatError: These bytes are not the directory of such a sample.
        """
        ndim = len(shape)
        count, rest = divmod(len(data) - ndim * 8, TILE.itemsize)
        if count < 0 or rest:
            raise FormatError(f"{name}: {len(data)} bytes are not a directory of tiles")
        tile = tuple(np.frombuffer(data, "<u8", ndim).tolist())
        grid = Grid(shape, tile)
        check_grid(grid, itemsize, name)
        if grid.n != count:
            raise FormatError(
                f"{name}: a directory of {count} tiles; {shape} in tiles of {tile} has {grid.n}"
            )
        tiles = np.frombuffer(data, TILE, offset=ndim * 8)
        if bool((tiles["header"] > tiles["length"]).any()) or bool(tiles["zero"].any()):
            raise FormatError(f"{name}: a tile is smaller than its own header")
        if len(tiles) and (
            int(tiles["offset"].max()) >= 1 << 46
            or int(tiles["length"].max()) >= 1 << 40
            or bool((tiles["offset"] % np.uint64(chunk.ALIGNMENT)).any())
        ):
            raise FormatError(f"{name}: a tile lies where no tile can be")
        return cls(grid, tiles)

    def encode(self) -> bytes:
        """The payload of a tile chunk."""
        return np.array(self.grid.tile, "<u8").tobytes() + self.tiles.tobytes()

    def block(self, dtype: str, origin: str = "") -> chunk.Block:
        """The chunk of a sample in these tiles.

        Args:
            dtype: Of the sample's elements.
            origin: Path or URL of the file that it was read from; empty if there is none.
        """
        data = self.encode()
        return chunk.build(
            [data], n=1, dtype=dtype, shapes=self.grid.shape, sizes=len(data), kind=chunk.TILE,
            paths=[origin] if origin else None,
        )  # fmt: skip


def check_grid(grid: Grid, itemsize: int, name: str) -> None:
    """Raise ``FormatError`` if no sample is cut like this."""
    if 0 in grid.shape or 0 in grid.tile or not grid.shape:
        raise FormatError(f"{name}: {grid.shape} cannot be cut into tiles of {grid.tile}")
    if math.prod(grid.tile) * itemsize > MAX_TILE or grid.n > MAX_TILES:
        raise FormatError(
            f"{name}: {grid.n} tiles of shape {grid.tile}: a sample has at most {MAX_TILES} tiles, "
            f"a tile at most {MAX_TILE} bytes"
        )


__all__ = [
    "LEAST_TILE", "MAX_TILE", "MAX_TILES", "TILE", "TILE_BYTES", "Directory", "Grid", "Overlap",
    "Part", "check_grid", "lengths", "put", "take", "tile_shape",
]  # fmt: skip
