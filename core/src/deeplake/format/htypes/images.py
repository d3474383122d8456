"""Images and masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from deeplake.errors import SampleHtypeMismatchError
from deeplake.format.htypes.builtin import IMAGES, LARGE, BuiltinHtype, is_empty, texts
from deeplake.format.htypes.labels import reconcile_names
from deeplake.spi import HtypeSpec
from deeplake.types import Shape


class Image(BuiltinHtype):
    """Arrays of shape ``(height, width)`` or ``(height, width, channels)``, and image files."""

    SPEC = HtypeSpec(
        name="image",
        media=IMAGES,
        compression="required",
        info={"intrinsics": None},
        chunk_size=LARGE,
        downsamples=True,
    )

    def check_shape(self, shape: Shape) -> str | None:
        if len(shape) in (2, 3) or is_empty(shape):
            return None
        return (
            f"an image has shape (height, width) or (height, width, channels), not {shape}; append "
            "images one by one, or extend with an array of them"
        )


class _Converting(Image):
    """Images of one kind: others are converted when they are appended.

    Attributes:
        MODE: Pillow's name for the kind.
    """

    MODE: ClassVar[str]

    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        mode = getattr(value, "mode", None)
        if isinstance(mode, str) and callable(getattr(value, "convert", None)):
            # A Pillow image knows of palettes and colour spaces that its array does not tell.
            return np.asarray(value if mode == self.MODE else value.convert(self.MODE)), None
        if not isinstance(value, np.ndarray):
            if not hasattr(value, "__array__"):
                raise SampleHtypeMismatchError(
                    f"{self.SPEC.name} takes arrays and images, not {type(value).__name__}"
                )
            value = np.asarray(value)
        if value.dtype.kind not in "iu":
            raise SampleHtypeMismatchError(
                f"{self.SPEC.name} takes integer arrays with values from 0 to 255, not "
                f"{value.dtype}; convert it first, for example with (255 * a).astype('uint8')"
            )
        if is_empty(value.shape) or value.ndim not in (2, 3, 4):
            return value, None
        return self.convert(value), None

    def convert(self, array: np.ndarray) -> np.ndarray:
        """One image, or several of one shape, as images of this kind.

        Three axes with up to four values on the last one are one image; with more, several grey
        ones.
        """
        raise NotImplementedError

    def narrow(self, array: np.ndarray) -> np.ndarray:
        """The array as uint8, for the conversion's arithmetic."""
        if array.dtype == np.uint8:
            return array
        if int(array.min()) < 0 or int(array.max()) > 255:
            raise SampleHtypeMismatchError(
                f"{self.SPEC.name} takes values from 0 to 255, not {array.min()} to {array.max()}"
            )
        return array.astype(np.uint8)


class ImageRgb(_Converting):
    """Images with three channels; grey and transparent ones are converted."""

    SPEC = HtypeSpec(
        name="image.rgb",
        dtype="uint8",
        media=IMAGES,
        compression="required",
        info={"intrinsics": None},
        chunk_size=LARGE,
        downsamples=True,
    )
    MODE = "RGB"

    def convert(self, array: np.ndarray) -> np.ndarray:
        channels = array.shape[-1] if array.ndim > 2 else None
        if channels == 3:
            return array
        array = self.narrow(array)
        if channels == 4:
            return array[..., :3]
        if channels in (1, 2):
            return np.repeat(array[..., :1], 3, axis=-1)
        return array if array.ndim == 4 else np.repeat(array[..., None], 3, axis=-1)

    def check_shape(self, shape: Shape) -> str | None:
        if is_empty(shape) or (len(shape) == 3 and shape[-1] == 3):
            return None
        return f"an image.rgb has shape (height, width, 3), not {shape}"


class ImageGray(_Converting):
    """Images with one channel; coloured ones are converted with the weights of ITU-R 601-2."""

    SPEC = HtypeSpec(
        name="image.gray",
        dtype="uint8",
        media=IMAGES,
        compression="required",
        info={"intrinsics": None},
        chunk_size=LARGE,
        downsamples=True,
    )
    MODE = "L"

    def convert(self, array: np.ndarray) -> np.ndarray:
        channels = array.shape[-1] if array.ndim > 2 else None
        if channels in (1, 2):
            grey = array[..., 0]
        elif channels in (3, 4):
            # Pillow's arithmetic to the bit, so that files and arrays become the same pixels.
            rgb = self.narrow(array)[..., :3].astype(np.uint32)
            weighted = rgb @ np.array([19595, 38470, 7471], np.uint32) + np.uint32(0x8000)
            grey = (weighted >> 16).astype(np.uint8)
        else:
            return array
        # A batch that is no wider than pixels have channels would look like one image: its axis stays.
        return grey[..., None] if grey.ndim == 3 and grey.shape[-1] <= 4 else grey

    def check_shape(self, shape: Shape) -> str | None:
        if is_empty(shape) or len(shape) == 2 or (len(shape) == 3 and shape[-1] == 1):
            return None
        return f"an image.gray has shape (height, width), not {shape}"


class SegmentMask(BuiltinHtype):
    """The class of each pixel: arrays of shape ``(height, width)``."""

    SPEC = HtypeSpec(
        name="segment_mask",
        dtype="uint32",
        media=IMAGES,
        info={"class_names": []},
        chunk_size=LARGE,
        downsamples=True,
    )

    def check_meta(self, key: str, value: Any) -> Any:
        return texts(key, value)

    def reconcile(
        self, ours: Mapping[str, Any], theirs: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], np.ndarray] | None:
        return reconcile_names(ours, theirs)

    def check_shape(self, shape: Shape) -> str | None:
        return _check_mask("segment_mask", shape)


class BinaryMask(BuiltinHtype):
    """Arrays of shape ``(height, width)``, or ``(height, width, n)`` for n objects."""

    SPEC = HtypeSpec(name="binary_mask", dtype="bool", chunk_size=LARGE, downsamples=True)

    def check_shape(self, shape: Shape) -> str | None:
        return _check_mask("binary_mask", shape)


class InstanceLabel(BuiltinHtype):
    """The instance of each pixel or point: arrays of any shape."""

    SPEC = HtypeSpec(name="instance_label", dtype="uint32", media=IMAGES, chunk_size=LARGE)


def _check_mask(name: str, shape: Shape) -> str | None:
    if len(shape) in (2, 3) or is_empty(shape):
        return None
    return f"a {name} has shape (height, width) or (height, width, n), not {shape}"


__all__ = ["BinaryMask", "Image", "ImageGray", "ImageRgb", "InstanceLabel", "SegmentMask"]
