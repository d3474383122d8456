"""How samples are cut into tiles, and the directory of tiles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplake.errors import FormatError
from deeplake.format.tiles import (
    MAX_TILES,
    TILE,
    TILE_BYTES,
    Directory,
    Grid,
    check_grid,
    lengths,
    put,
    take,
    tile_shape,
)

sides = st.integers(1, 9)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    shape = tuple(draw(st.lists(sides, min_size=1, max_size=4)))
    return Grid(shape, tuple(draw(st.integers(1, n)) for n in shape))


def part_of(size: int) -> st.SearchStrategy[Any]:
    bound = st.integers(0, size)
    slices = st.builds(
        lambda a, b, step: slice(min(a, b), max(a, b), step), bound, bound, st.integers(1, 4)
    )
    backwards = st.builds(
        lambda a, step: slice(a, None, -step), st.integers(0, size - 1), st.integers(1, 4)
    )
    positions = st.lists(st.integers(0, size - 1), max_size=6).map(
        lambda numbers: np.array(numbers, np.int64)
    )
    return st.one_of(st.integers(0, size - 1), slices, backwards, positions)


@st.composite
def grids_with_parts(draw: st.DrawFn) -> tuple[Grid, list[Any]]:
    grid = draw(grids())
    return grid, [draw(part_of(n)) for n in grid.shape]


def positions(part: Any, size: int) -> np.ndarray:
    return np.atleast_1d(np.arange(size)[part])


@given(grids())
def test_tiles_cover_a_sample_once(grid: Grid) -> None:
    seen = np.zeros(grid.shape, int)
    for number in range(grid.n):
        seen[grid.box(number)] += 1
        assert seen[grid.box(number)].shape == grid.shape_of(number)
    assert (seen == 1).all()


@given(grids_with_parts())
def test_a_part_is_put_together_from_the_tiles_it_overlaps(
    pair: tuple[Grid, list[Any]],
) -> None:
    grid, parts = pair
    sample = np.arange(math.prod(grid.shape)).reshape(grid.shape)
    wanted = sample[np.ix_(*(positions(p, n) for p, n in zip(parts, grid.shape, strict=True)))]
    out = np.full(lengths(parts, grid.shape), -1)
    touched = []
    for overlap in grid.overlaps(parts):
        touched.append(overlap.number)
        tile = sample[grid.box(overlap.number)]
        put(out, overlap.outside, take(tile, overlap.inside))
    assert out.shape == wanted.shape
    assert (out == wanted).all()
    # Those and no others.
    assert len(set(touched)) == len(touched)
    for number in range(grid.n):
        overlapped = bool(np.isin(wanted, sample[grid.box(number)]).any())
        assert (number in touched) == overlapped


def test_a_slice_of_an_axis_of_billions_is_not_spelled_out() -> None:
    grid = Grid((4_000_000_000,), (1_000_000,))
    [overlap] = grid.overlaps([slice(2_999_999_000, 2_999_999_500, 7)])
    assert overlap.number == 2999
    assert len(range(*overlap.inside[0].indices(1_000_000))) == 72  # type: ignore[union-attr]


# ---------------------------------------------------------------------------- the shape of tiles
@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=5), st.sampled_from([1, 2, 4, 8, 16]))
def test_tiles_are_neither_too_large_nor_needlessly_small(shape: list[int], itemsize: int) -> None:
    whole = tuple(shape)
    tile = tile_shape(whole, itemsize)
    assert len(tile) == len(whole)
    assert all(1 <= side <= size for side, size in zip(tile, whole, strict=True))
    size = math.prod(tile) * itemsize
    assert size <= 2 * TILE_BYTES
    if math.prod(whole) * itemsize <= TILE_BYTES:
        assert tile == whole


def test_images_are_cut_into_squares_with_all_channels() -> None:
    height, width, channels = tile_shape((20_000, 20_000, 3), 1)
    assert channels == 3
    assert height == width
    assert height % 16 == 0
    assert 3_000_000 < height * width * 3 < 6_000_000


def test_films_are_cut_between_frames() -> None:
    assert tile_shape((100_000, 16, 16, 3), 1)[1:] == (16, 16, 3)
    frames, height, _, channels = tile_shape((1000, 1080, 1920, 3), 1)
    assert (frames, height, channels) == (1, 1080, 3)


# ---------------------------------------------------------------------------- the directory
def directory(shape: tuple[int, ...] = (10, 7), tile: tuple[int, ...] = (4, 4)) -> Directory:
    made = Directory.blank(Grid(shape, tile))
    for number in range(0, made.grid.n, 2):
        made.tiles[number]["object"] = 1, number
        made.tiles[number]["offset"] = 64 * number
        made.tiles[number]["length"] = 500
        made.tiles[number]["header"] = 128
        made.tiles[number]["checksum"] = 2**64 - 1 - number
    return made


def test_a_record_has_48_bytes() -> None:
    assert TILE.itemsize == 48
    assert len(directory().encode()) == 2 * 8 + 6 * 48


def test_a_directory_is_read_as_it_was_written() -> None:
    made = directory()
    found = Directory.decode(made.encode(), (10, 7), 4, "here")
    assert found.grid == made.grid
    assert (found.tiles == made.tiles).all()


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        ((10, 7), b""),
        ((10, 7), directory().encode()[:-1]),
        ((10, 7), directory().encode()[:-48]),
        ((10, 8, 1), directory().encode()),
        ((14, 7), directory().encode()),
        ((0, 7), directory().encode()),
        ((), b""),
        ((10, 7), directory(tile=(2**31, 2**31)).encode()),
        ((2**32 - 1, 2**32 - 1), directory((1, 1), (1, 1)).encode()),
    ],
)
def test_what_is_no_directory_of_such_a_sample_is_refused(
    shape: tuple[int, ...], data: bytes
) -> None:
    with pytest.raises(FormatError, match="here"):
        Directory.decode(data, shape, 4, "here")


@pytest.mark.parametrize(
    ("field", "value"), [("offset", 65), ("offset", 2**46), ("length", 2**40), ("zero", 1),
                         ("header", 501)],
)  # fmt: skip
def test_records_that_lead_nowhere_are_refused(field: str, value: int) -> None:
    made = directory()
    made.tiles[2][field] = value
    with pytest.raises(FormatError, match="here"):
        Directory.decode(made.encode(), (10, 7), 4, "here")


def test_absurd_counts_are_refused_without_work() -> None:
    check_grid(Grid((1 << 20,), (1,)), 1, "here")
    with pytest.raises(FormatError, match=str(MAX_TILES)):
        check_grid(Grid(((1 << 20) + 1,), (1,)), 1, "here")
    with pytest.raises(FormatError, match="at most"):
        check_grid(Grid((1 << 31, 4), (1 << 31, 1)), 1, "here")
