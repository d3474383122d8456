"""Crops, resizing, flips and normalisation of single images."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplake import transforms as T

RNG = np.random.default_rng(0)


def ramp(height: int, width: int, channels: int = 3) -> np.ndarray:
    """A picture without edges: interpolation is nearly exact on it."""
    y, x = np.mgrid[:height, :width]
    picture = np.stack(
        [x * 255 / width, y * 255 / height, (x + y) * 255 / (width + height)], axis=2
    )
    return picture[:, :, :channels].astype(np.uint8)


@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 1), (30, 40, 3), (1, 1, 3), (31, 7, 4)])
@pytest.mark.parametrize("size", [(8, 8), (30, 40), (61, 17), (1, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64", "bool"])
@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
def test_resized_keeps_what_is_constant(
    shape: tuple[int, ...], size: tuple[int, int], dtype: str, interpolation: Any
) -> None:
    image = np.full(shape, 1 if dtype == "bool" else 77, dtype)
    found = T.resized(image, size, interpolation)
    assert found.shape == (*size, *shape[2:])
    assert found.dtype == image.dtype
    assert np.allclose(found, image.ravel()[0], atol=1e-9)


def test_resized_as_opencv_does() -> None:
    cv2 = pytest.importorskip("cv2")
    image = ramp(91, 123)
    for size in [(64, 64), (91, 100), (180, 200), (60, 110)]:
        expected = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR).astype(int)
        assert np.abs(T.resized(image, size).astype(int) - expected).max() <= 1
    noise = RNG.integers(0, 256, (91, 123, 3), dtype=np.uint8)
    for size in [(30, 30), (45, 41), (1, 1)]:
        area = cv2.resize(noise, size[::-1], interpolation=cv2.INTER_AREA).astype(int)
        assert np.abs(T.resized(noise, size).astype(int) - area).max() <= 1


def test_nearest_invents_no_class() -> None:
    mask = RNG.integers(0, 2, (40, 50), dtype=np.uint8) * 200
    assert set(np.unique(T.resized(mask, (17, 91), "nearest"))) == {0, 200}


def test_nothing_to_resize() -> None:
    with pytest.raises(ValueError, match="no pixels"):
        T.resized(np.zeros((0, 4, 3), np.uint8), (2, 2))


def test_center_crop_takes_the_middle() -> None:
    image = ramp(100, 120)
    assert np.array_equal(T.CenterCrop(40)(image), image[30:70, 40:80])
    assert np.array_equal(T.CenterCrop((100, 20))(image), image[:, 50:70])
    with pytest.raises(T.TooSmallError, match="does not fit into 100 x 120"):
        T.CenterCrop(101)(image)


def test_resize_of_the_shorter_side() -> None:
    assert T.Resize(50)(ramp(100, 120)).shape == (50, 60, 3)
    assert T.Resize(50)(ramp(130, 100)).shape == (65, 50, 3)
    assert T.Resize((7, 9))(ramp(100, 120)[:, :, 0]).shape == (7, 9)


def test_random_crop_reaches_every_place() -> None:
    image = np.arange(16, dtype=np.uint8).reshape(4, 4)
    crop = T.RandomCrop(3)
    seen = {int(crop(image, np.random.default_rng(i))[0, 0]) for i in range(100)}
    assert seen == {0, 1, 4, 5}


def test_random_resized_crop_chooses_as_torchvision_does() -> None:
    """Area and log of the aspect ratio are uniform, as far as the crop fits into the image."""
    n = 4000
    sizes = np.tile([[400, 500]], (n, 1))
    crop = T.RandomResizedCrop(224, scale=(0.08, 0.5))
    windows = crop.narrow(T.Windows.whole(sizes), np.random.default_rng(0).random((n, crop.draws)))
    boxes = windows.boxes(sizes)
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= sizes).all()
    area = boxes[:, 2] * boxes[:, 3] / 200_000
    assert abs(area.mean() - 0.29) < 0.01
    assert abs(np.quantile(area, 0.25) - 0.185) < 0.015
    ratio = np.log(boxes[:, 3] / boxes[:, 2])
    assert abs(ratio.mean()) < 0.01
    assert abs(ratio.std() - 2 * np.log(4 / 3) / np.sqrt(12)) < 0.01
    # The place is uniform among those that there are.
    room = sizes - boxes[:, 2:]
    share = boxes[:, :2] / np.maximum(room, 1)
    assert np.abs(share.mean(axis=0) - 0.5).max() < 0.02


@pytest.mark.parametrize("shape", [(10, 1000), (1000, 10), (1, 1)])
def test_random_resized_crop_of_extreme_images(shape: tuple[int, int]) -> None:
    image = ramp(*shape)
    found = T.RandomResizedCrop(8, scale=(0.9, 1.0))(image, np.random.default_rng(0))
    assert found.shape == (8, 8, 3)


def test_flips() -> None:
    image = ramp(6, 9)
    assert np.array_equal(T.RandomHorizontalFlip(1)(image), image[:, ::-1])
    assert np.array_equal(T.RandomVerticalFlip(1)(image), image[::-1])
    assert np.array_equal(T.RandomHorizontalFlip(0)(image), image)
    assert np.array_equal(T.RandomHorizontalFlip(1)(image[:, :, 0]), image[:, ::-1, 0])
    assert np.array_equal(image, ramp(6, 9)), "the image that was given changed"


def test_normalize_and_channels_first() -> None:
    image = ramp(6, 9)
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.25, 2.0]
    expected = (image / 255 - mean) / std
    found = T.Normalize(mean, std)(image)
    assert found.dtype == np.float32
    assert np.allclose(found, expected, atol=1e-5)
    for steps in ([T.ToCHW(), T.Normalize(mean, std)], [T.Normalize(mean, std), T.ToCHW()]):
        both = T.Compose(steps)(image)
        assert np.allclose(both, expected.transpose(2, 0, 1), atol=1e-5)
    gray = T.Compose([T.Normalize(0.5, 0.5), T.ToCHW()])(image[:, :, 0])
    assert gray.shape == (1, 6, 9)
    with pytest.raises(ValueError, match="the images have one"):
        T.Normalize(mean, std)(image[:, :, 0])


def test_other_functions_may_follow() -> None:
    steps = T.Compose([T.CenterCrop(4), T.Compose([T.ToCHW(), lambda image: image.sum()]), str])
    assert steps(np.ones((9, 9, 3), np.uint8)) == "48"


def test_the_same_numbers_give_the_same_crop() -> None:
    crop = T.Compose([T.RandomResizedCrop(5), T.RandomHorizontalFlip(), T.RandomCrop(3)])
    image = ramp(20, 30)
    first, again = (crop(image, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, crop(image, np.random.default_rng(4)))
    assert pickle.loads(pickle.dumps(crop)) == crop


@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.integers(1, 40),
    st.integers(1, 30),
    st.integers(0, 2**32),
)
def test_any_chain_of_crops(shape: tuple[int, int], size: int, side: int, seed: int) -> None:
    crop = T.Compose([T.Resize(size), T.RandomCrop(min(size, side)), T.RandomResizedCrop(side)])
    assert crop(ramp(*shape), np.random.default_rng(seed)).shape == (side, side, 3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: T.Resize(0),
        lambda: T.CenterCrop((3, 0)),
        lambda: T.RandomCrop((1, 2, 3)),
        lambda: T.RandomResizedCrop(3, scale=(0.5, 0.1)),
        lambda: T.RandomResizedCrop(3, interpolation="cubic"),
        lambda: T.RandomHorizontalFlip(1.5),
        lambda: T.Normalize([0.5], [0.0]),
    ],
)
def test_nonsense_is_refused(make: Any) -> None:
    with pytest.raises(ValueError):
        make()


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(TypeError, match="takes an array, not str"):
        T.Resize(3)("a")
    with pytest.raises(ValueError, match="not \\(5,\\)"):
        T.Resize(3)(np.zeros(5))
    with pytest.raises(TypeError, match="callable"):
        T.Compose([3])
