"""Pictures made smaller, against Pillow."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from deeplake.dataset.resize import bilinear, nearest, strided

SIZES = [(40, 30), (41, 77), (7, 5), (1, 1), (80, 60), (100, 33)]


def noise(dtype: str, *shape: int) -> np.ndarray:
    random = np.random.default_rng(3)
    if dtype == "bool":
        return random.random(shape) > 0.5
    if dtype.startswith("float"):
        return random.random(shape).astype(dtype)
    return random.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("channels", [None, 3, 4])
def test_bilinear_is_what_pillow_makes(height: int, width: int, channels: int | None) -> None:
    image = noise("uint8", 81, 64, *([] if channels is None else [channels]))
    if channels == 4:
        image[..., 3] = 255  # Pillow weighs colours by their opacity
    ours = bilinear(image, height, width)
    theirs = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    assert ours.dtype == np.uint8
    assert np.abs(ours.astype(int) - theirs).max() <= 1


# Where a middle falls between two pixels, Pillow takes the one that its rounding errors say.
@pytest.mark.parametrize(("height", "width"), [(41, 77), (7, 5), (1, 1), (33, 27)])
def test_nearest_is_what_pillow_makes(height: int, width: int) -> None:
    image = noise("uint8", 80, 64)
    theirs = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.NEAREST))
    assert (nearest(image, height, width) == theirs).all()


@pytest.mark.parametrize("dtype", ["bool", "uint16", "int32", "uint32", "float32", "float64"])
def test_dtypes_and_bounds_stay(dtype: str) -> None:
    image = noise(dtype, 50, 40)
    small = bilinear(image, 7, 9)
    assert small.dtype == image.dtype
    assert small.min() >= image.min()
    assert small.max() <= image.max()


@pytest.mark.parametrize("value", [0, 1, 77, 255])
def test_one_colour_stays_that_colour(value: int) -> None:
    assert (bilinear(np.full((33, 47, 3), value, np.uint8), 5, 8) == value).all()


def test_masks_of_several_channels() -> None:
    mask = noise("bool", 20, 30, 4)
    assert nearest(mask, 10, 15).shape == (10, 15, 4)
    assert strided(mask, 3).shape == (7, 10, 4)
