"""Crops, resizing, flips and normalisation that a loader can hand to the decoder.

A transform of this module works on an image, like any other function::

    >>> import numpy as np
    >>> from deeplake import transforms as T
    >>> crop = T.Compose([T.RandomResizedCrop(224), T.RandomHorizontalFlip(), T.ToCHW()])
    >>> crop(np.zeros((375, 500, 3), np.uint8), rng=np.random.default_rng(0)).shape
    (3, 224, 224)

As the transform of a tensor of a loader (``.transform({"images": crop})``) it is more than that: the
loader knows what it asks for. Images are decoded at the scale that is needed, resized straight into
the array of the batch, and flipped and normalised there. What comes out is the same but for
rounding.

Random numbers depend on the seed, the epoch and the row, not on threads, workers or ranks, and are
the same for all tensors of a row: an image and its mask that are both cropped by
``RandomResizedCrop(224)`` get the same crop (give the mask ``interpolation="nearest"``).

Images are arrays ``(height, width)`` or ``(height, width, channels)``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

Interpolation: TypeAlias = Literal["linear", "nearest"]

_TRIES = 10
"""Attempts of ``RandomResizedCrop`` at a crop that fits, as in torchvision."""


# --------------------------------------------------------------------------- what is seen of images
@dataclass(frozen=True, slots=True)
class Windows:
    """Parts of some images, and the sizes they are shown at.

    Attributes:
        start: ``float64[n, 2]``: top and left edge, in pixels of the image.
        extent: ``float64[n, 2]``: height and width, in pixels of the image.
        size: ``int64[n, 2]``: height and width that the part is resized to.
    """

    start: np.ndarray
    extent: np.ndarray
    size: np.ndarray

    @classmethod
    def whole(cls, sizes: np.ndarray) -> Windows:
        """All of images of these sizes (``int64[n, 2]``)."""
        return cls(np.zeros(sizes.shape), sizes.astype(np.float64), sizes)

    def part(self, start: np.ndarray, extent: np.ndarray, size: np.ndarray) -> Windows:
        """Parts of what is shown; ``start`` and ``extent`` in pixels as they are shown."""
        scale = self.extent / np.maximum(self.size, 1)
        return Windows(self.start + start * scale, extent * scale, size)

    def boxes(self, sizes: np.ndarray) -> np.ndarray:
        """``int64[n, 4]``: top, left, height and width in whole pixels, inside of the images."""
        start = np.clip(np.rint(self.start), 0, np.maximum(sizes - 1, 0))
        stop = np.clip(np.rint(self.start + self.extent), start + 1, np.maximum(sizes, 1))
        return np.concatenate([start, stop - start], axis=1).astype(np.int64)


# --------------------------------------------------------------------------- the base
class ImageTransform(ABC):
    """A function of an image that a loader understands.

    Attributes:
        draws: Random numbers it needs for an image.
    """

    draws: int = 0

    @property
    def steps(self) -> tuple[Callable[..., Any], ...]:
        """What it is made of, in order."""
        return (self,)

    def __call__(self, image: Any, rng: np.random.Generator | None = None) -> Any:
        """The transformed image.

        Args:
            image: ``(height, width)`` or ``(height, width, channels)``.
            rng: Where random numbers come from; None: unpredictable ones.

        Raises:
            TypeError: Not an array.
            ValueError: Not the dimensions of an image, or smaller than a crop.
        """
        rng = np.random.default_rng() if rng is None else rng
        return self.apply(image, rng.random((1, self.draws)))

    @abstractmethod
    def apply(self, image: Any, numbers: np.ndarray) -> Any:
        """The transformed image, given ``float64[1, draws]`` random numbers from 0 to 1."""


class Geometry(ImageTransform):
    """Chooses a part of an image and the size it is shown at."""

    interpolation: Interpolation = "linear"

    @abstractmethod
    def narrow(self, windows: Windows, numbers: np.ndarray) -> Windows:
        """What remains of some windows.

        Args:
            windows: What is seen so far.
            numbers: ``float64[n, draws]``, from 0 to 1.

        Raises:
            ValueError: A crop is larger than what is seen; ``.place`` says which.
        """

    @property
    def out_size(self) -> tuple[int, int] | None:
        """Height and width of all results, where they do not depend on the image."""
        return None

    def apply(self, image: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        _check_image(self, image)
        sizes = np.array([image.shape[:2]], np.int64)
        windows = self.narrow(Windows.whole(sizes), numbers)
        top, left, height, width = windows.boxes(sizes)[0].tolist()
        part = image[top : top + height, left : left + width]
        return resized(part, (int(windows.size[0, 0]), int(windows.size[0, 1])), self.interpolation)


class Pixels(ImageTransform):
    """Changes pixels, of any number of images of one size at once."""

    @abstractmethod
    def batch(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """The changed images; may be the same array.

        Args:
            images: ``(n, height, width[, channels])``, or as an earlier step left them.
            numbers: ``float64[n, draws]``, from 0 to 1.
        """

    def apply(self, image: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        _check_image(self, image)
        found: np.ndarray = self.batch(image[None].copy(), numbers)[0]
        return found


# --------------------------------------------------------------------------- crops and sizes
@dataclass(frozen=True)
class Resize(Geometry):
    """Another size.

    Attributes:
        size: ``(height, width)``; or one number, which the shorter side becomes.
        interpolation: ``"linear"``, or ``"nearest"`` for masks of class numbers.
    """

    size: int | tuple[int, int]
    interpolation: Interpolation = "linear"

    def __post_init__(self) -> None:
        if not isinstance(self.size, int):
            object.__setattr__(self, "size", _pair(self.size))
        elif self.size < 1:
            raise ValueError(f"a size is at least 1, not {self.size}")
        _check_interpolation(self.interpolation)

    @property
    def out_size(self) -> tuple[int, int] | None:
        return None if isinstance(self.size, int) else self.size

    def narrow(self, windows: Windows, numbers: np.ndarray) -> Windows:
        if isinstance(self.size, int):
            short = np.maximum(windows.size.min(axis=1, keepdims=True), 1)
            size = windows.size * self.size // short
        else:
            size = np.broadcast_to(np.array(self.size, np.int64), windows.size.shape)
        return Windows(windows.start, windows.extent, size)


@dataclass(frozen=True)
class CenterCrop(Geometry):
    """The middle.

    Attributes:
        size: ``(height, width)``, or one number for both.
    """

    size: int | tuple[int, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", _pair(self.size))

    @property
    def out_size(self) -> tuple[int, int] | None:
        return _pair(self.size)

    def narrow(self, windows: Windows, numbers: np.ndarray) -> Windows:
        size = np.array(_pair(self.size), np.int64)
        room = _room(self, windows, size)
        size = np.broadcast_to(size, windows.size.shape)
        return windows.part(np.rint(room / 2), size, size)


@dataclass(frozen=True)
class RandomCrop(Geometry):
    """Some part of a given size.

    Attributes:
        size: ``(height, width)``, or one number for both.
    """

    size: int | tuple[int, int]
    draws = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", _pair(self.size))

    @property
    def out_size(self) -> tuple[int, int] | None:
        return _pair(self.size)

    def narrow(self, windows: Windows, numbers: np.ndarray) -> Windows:
        size = np.array(_pair(self.size), np.int64)
        room = _room(self, windows, size)
        size = np.broadcast_to(size, windows.size.shape)
        return windows.part(np.floor(numbers * (room + 1)), size, size)


@dataclass(frozen=True)
class RandomResizedCrop(Geometry):
    """Some part of some size and shape, resized: what networks for images are trained with.

    Chosen as in torchvision: area and logarithm of the aspect ratio are uniform; where ten attempts
    do not fit into the image, the middle is taken.

    Attributes:
        size: ``(height, width)``, or one number for both.
        scale: Least and greatest area of the part, as a share of the image's.
        ratio: Least and greatest width by height.
        interpolation: ``"linear"``, or ``"nearest"`` for masks of class numbers.
    """

    size: int | tuple[int, int]
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    interpolation: Interpolation = "linear"
    draws = 2 * _TRIES + 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", _pair(self.size))
        for name in ("scale", "ratio"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} is (least, greatest), both above 0, not {(low, high)}")
        _check_interpolation(self.interpolation)

    @property
    def out_size(self) -> tuple[int, int] | None:
        return _pair(self.size)

    def narrow(self, windows: Windows, numbers: np.ndarray) -> Windows:
        sizes = windows.size.astype(np.float64)
        area = sizes.prod(axis=1, keepdims=True)
        low, high = self.scale
        targets = area * (low + (high - low) * numbers[:, :_TRIES])
        low, high = np.log(self.ratio)
        ratios = np.exp(low + (high - low) * numbers[:, _TRIES : 2 * _TRIES])
        tried = np.rint(np.sqrt(np.stack([targets / ratios, targets * ratios], axis=2)))
        fits = ((tried > 0) & (tried <= sizes[:, None, :])).all(axis=2)
        first = fits.argmax(axis=1)
        extent = tried[np.arange(len(tried)), first]
        start = np.floor(numbers[:, 2 * _TRIES :] * (sizes - extent + 1))
        none = ~fits.any(axis=1)
        if none.any():
            extent[none] = self._middle(sizes[none])
            start[none] = np.floor((sizes[none] - extent[none]) / 2)
        size = np.broadcast_to(np.array(_pair(self.size), np.int64), windows.size.shape)
        return windows.part(start, extent, size)

    def _middle(self, sizes: np.ndarray) -> np.ndarray:
        """As much of the image as has an allowed aspect ratio."""
        height, width = sizes[:, 0], sizes[:, 1]
        low, high = self.ratio
        extent = sizes.copy()
        narrow = width < low * height
        extent[narrow, 0] = np.maximum(1, np.rint(width[narrow] / low))
        wide = width > high * height
        extent[wide, 1] = np.maximum(1, np.rint(height[wide] * high))
        return extent


# --------------------------------------------------------------------------- pixels
@dataclass(frozen=True)
class RandomHorizontalFlip(Pixels):
    """Left and right exchanged, sometimes.

    Attributes:
        p: Probability.
    """

    p: float = 0.5
    draws = 1

    def __post_init__(self) -> None:
        _check_probability(self.p)

    def batch(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        for i in np.flatnonzero(numbers[:, 0] < self.p).tolist():
            _turn(images[i], horizontal=True)
        return images


@dataclass(frozen=True)
class RandomVerticalFlip(Pixels):
    """Top and bottom exchanged, sometimes.

    Attributes:
        p: Probability.
    """

    p: float = 0.5
    draws = 1

    def __post_init__(self) -> None:
        _check_probability(self.p)

    def batch(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        for i in np.flatnonzero(numbers[:, 0] < self.p).tolist():
            _turn(images[i], horizontal=False)
        return images


@dataclass(frozen=True)
class ToCHW(Pixels):
    """Channels first: ``(channels, height, width)``, one channel of images that have no axis for it.

    Of a batch it is another view of the same memory, what PyTorch calls ``channels_last``.
    """

    def batch(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        if images.ndim == 3:
            return images[:, None]
        return images.transpose(0, 3, 1, 2)


@dataclass(frozen=True)
class Normalize(Pixels):
    """``(image * scale - mean) / std`` as float32, channel by channel.

    Attributes:
        mean, std: One number for each channel, or one for all.
        scale: What values are multiplied by first: 1/255 brings bytes to 0 … 1.
    """

    mean: Sequence[float] | float
    std: Sequence[float] | float
    scale: float = 1 / 255
    _first: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            given = getattr(self, name)
            numbers = np.atleast_1d(np.asarray(given, np.float64))
            if numbers.ndim != 1 or not np.isfinite(numbers).all():
                raise ValueError(f"{name} is a number, or one a channel, not {given!r}")
            object.__setattr__(self, name, tuple(numbers.tolist()))
        if 0 in self.std:  # type: ignore[operator]
            raise ValueError("std is not 0: it is what images are divided by")

    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """``float32[channels]``: what to multiply values by, and then to add."""
        std = np.asarray(self.std)
        return (self.scale / std).astype("f4"), (-np.asarray(self.mean) / std).astype("f4")

    def channels_first(self) -> Normalize:
        """The same for images whose channels come first."""
        return Normalize(self.mean, self.std, self.scale, True)

    def batch(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        return self.into(images, np.empty(images.shape, np.float32))

    def into(self, images: np.ndarray, out: np.ndarray) -> np.ndarray:
        """The same, written to ``out`` (float32, the images' shape)."""
        factor, shift = self.factors()
        if self._first:
            factor, shift = factor[:, None, None], shift[:, None, None]
        elif images.ndim == 3:
            factor, shift = factor[..., None], shift[..., None]
            if len(factor) != 1:
                raise ValueError(f"mean and std of {len(factor)} channels, and the images have one")
        np.multiply(images, factor, out=out, casting="unsafe")
        np.add(out, shift, out=out)
        return out


@dataclass(frozen=True)
class Compose(ImageTransform):
    """One after the other.

    Attributes:
        transforms: Transforms of this module; any functions of images may follow.
    """

    transforms: Sequence[Callable[..., Any]]

    def __post_init__(self) -> None:
        given = tuple(self.transforms)
        for one in given:
            if not callable(one):
                raise TypeError(f"a transform is callable, and {one!r} is not")
        object.__setattr__(self, "transforms", given)
        draws = sum(one.draws for one in given if isinstance(one, ImageTransform))
        object.__setattr__(self, "draws", draws)

    @property
    def steps(self) -> tuple[Callable[..., Any], ...]:
        found: list[Callable[..., Any]] = []
        first = False
        for one in self.transforms:
            for step in one.steps if isinstance(one, ImageTransform) else (one,):
                if isinstance(step, Normalize) and first and not step._first:
                    step = step.channels_first()
                first = first or isinstance(step, ToCHW)
                found.append(step)
        return tuple(found)

    def apply(self, image: Any, numbers: np.ndarray) -> Any:
        begin = 0
        for step in self.steps:
            if isinstance(step, ImageTransform):
                image = step.apply(image, numbers[:, begin : begin + step.draws])
                begin += step.draws
            else:
                image = step(image)
        return image


# --------------------------------------------------------------------------- resizing
def resized(
    image: np.ndarray, size: tuple[int, int], interpolation: Interpolation = "linear"
) -> np.ndarray:
    """An image at another size, in its own dtype.

    Args:
        image: ``(height, width[, channels])``.
        size: Height and width.
        interpolation: ``"linear"``: between four pixels; averages of a side that shrinks to half
            or less. ``"nearest"``: values that are there.
    """
    if image.shape[:2] == size:
        return image.copy()
    if 0 in image.shape[:2]:
        raise ValueError(f"an image of shape {image.shape} has no pixels to make {size} of")
    if interpolation == "nearest":
        rows, columns = (
            np.minimum(((np.arange(n) + 0.5) * side / n).astype(np.int64), side - 1)
            for n, side in zip(size, image.shape[:2], strict=True)
        )
        found: np.ndarray = image[rows[:, None], columns]
        return found
    pixels = image.astype(np.float64 if image.dtype.itemsize > 2 else np.float32)
    for axis in (0, 1):
        pixels = _lines(pixels, size[axis], axis)
    if image.dtype.kind in "iu":
        info = np.iinfo(image.dtype)
        pixels = np.clip(np.rint(pixels), info.min, info.max)
    elif image.dtype.kind == "b":
        pixels = np.greater_equal(pixels, 0.5)
    return np.asarray(pixels, image.dtype)


def _means(pixels: np.ndarray, n: int, axis: int) -> np.ndarray:
    """Means of ``n`` stretches of one axis, pixels that lie on an edge counted in part."""
    side = pixels.shape[axis]
    lines = np.ascontiguousarray(np.moveaxis(pixels, axis, 0))
    edges = np.arange(n + 1) * side / n
    low = np.minimum(edges.astype(np.int64), side - 1)
    share = (edges - low).astype(pixels.dtype).reshape(-1, *[1] * (pixels.ndim - 1))
    first, last = low[:-1], low[1:]
    means = lines[first] * (1 - share[:-1])
    lengths = last - first
    for step in range(1, int(lengths.max())):  # line by line of each stretch, all stretches at once
        if step < lengths.min():
            means += lines[first + step]
        else:
            longer = np.flatnonzero(lengths > step)
            means[longer] += lines[first[longer] + step]
    means += lines[last] * share[1:]
    means *= n / side
    return np.asarray(np.moveaxis(means, 0, axis))


def _lines(pixels: np.ndarray, n: int, axis: int) -> np.ndarray:
    """Linear interpolation along one axis; pixels are areas, whose centres lie at halves."""
    side = pixels.shape[axis]
    if side == n:
        return pixels
    if side >= 2 * n:
        return _means(pixels, n, axis)
    centres = np.clip((np.arange(n) + 0.5) * side / n - 0.5, 0, side - 1)
    low = np.minimum(centres.astype(np.int64), max(side - 2, 0))
    shape = [1] * pixels.ndim
    shape[axis] = n
    share = (centres - low).astype(pixels.dtype).reshape(shape)
    first = pixels.take(low, axis=axis)
    second = pixels.take(np.minimum(low + 1, side - 1), axis=axis)
    second -= first
    second *= share
    second += first
    return np.asarray(second)


def _turn(image: np.ndarray, *, horizontal: bool) -> None:
    """Turn one image round, in place."""
    # Whole pixels at once: NumPy would go through them byte by byte.
    pixels = image
    if image.ndim == 3 and image.flags.c_contiguous and image.size:
        pixels = image.view(np.dtype((np.void, image.itemsize * image.shape[2])))[:, :, 0]
    pixels[...] = (pixels[:, ::-1] if horizontal else pixels[::-1]).copy()


# --------------------------------------------------------------------------- checks
def _check_image(transform: ImageTransform, image: Any) -> None:
    if not isinstance(image, np.ndarray):
        raise TypeError(
            f"{type(transform).__name__} takes an array, not {type(image).__name__}: leave "
            "decode_method at 'numpy'"
        )
    if image.ndim not in (2, 3):
        raise ValueError(
            f"{type(transform).__name__} takes (height, width) or (height, width, channels), not "
            f"{image.shape}"
        )


def _pair(size: Any) -> tuple[int, int]:
    pair = (size, size) if isinstance(size, int) else tuple(size)
    if len(pair) != 2 or any(not isinstance(side, int) or side < 1 for side in pair):
        raise ValueError(f"a size is (height, width) or one number, at least 1, not {size!r}")
    return pair


def _check_probability(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"a probability is from 0 to 1, not {p!r}")


def _check_interpolation(interpolation: str) -> None:
    if interpolation not in ("linear", "nearest"):
        raise ValueError(f"interpolation is 'linear' or 'nearest', not {interpolation!r}")


class TooSmallError(ValueError):
    """A crop is larger than an image.

    Attributes:
        place: Which of the images.
    """

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


def _room(crop: Geometry, windows: Windows, size: np.ndarray) -> np.ndarray:
    """Height and width that a crop leaves over."""
    room: np.ndarray = windows.size - size
    short = np.flatnonzero((room < 0).any(axis=1))
    if len(short):
        place = int(short[0])
        height, width = windows.size[place].tolist()
        raise TooSmallError(
            f"{crop} does not fit into {height} x {width} pixels; Resize(…) before it", place
        )
    return room


__all__ = [
    "CenterCrop",
    "Compose",
    "Geometry",
    "ImageTransform",
    "Interpolation",
    "Normalize",
    "Pixels",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
    "Resize",
    "ToCHW",
    "TooSmallError",
    "Windows",
    "resized",
]
