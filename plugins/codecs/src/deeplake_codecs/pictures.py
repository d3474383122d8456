"""What all image codecs share: which arrays are pictures, and how large one may claim to be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from deeplake.errors import (
    CorruptedSampleError,
    SampleCompressionError,
    SampleDecompressionError,
)

if TYPE_CHECKING:
    import numpy as np

    from deeplake.types import Shape

MAX_PIXELS = 1 << 30
"""Larger pictures than 32,768 × 32,768 are neither read nor written: they are meant to be tiled."""

MAX_BYTES = 1 << 32
"""Pictures that take more memory than this are neither read nor written."""

UNBOUNDED = 0
"""As a ratio: a format in which a flat picture of any size takes a few bytes."""

_ALWAYS_FINE = 1 << 16
"""Decoded bytes below which the ratio does not matter: nothing is gained by refusing them."""

MODES: dict[str, tuple[str, int]] = {
    "1": ("bool", 0),
    "L": ("uint8", 0),
    "P": ("uint8", 0),
    "LA": ("uint8", 2),
    "La": ("uint8", 2),
    "PA": ("uint8", 2),
    "RGB": ("uint8", 3),
    "YCbCr": ("uint8", 3),
    "LAB": ("uint8", 3),
    "HSV": ("uint8", 3),
    "RGBA": ("uint8", 4),
    "RGBa": ("uint8", 4),
    "RGBX": ("uint8", 4),
    "CMYK": ("uint8", 4),
    "I": ("int32", 0),
    "F": ("float32", 0),
    "I;16": ("uint16", 0),
    "I;16B": ("uint16", 0),
    "I;16L": ("uint16", 0),
    "I;16N": ("uint16", 0),
    # Not Pillow's, but in its way of writing: it has no such pictures in memory.
    "LA;16": ("uint16", 2),
    "RGB;16": ("uint16", 3),
    "RGBA;16": ("uint16", 4),
}
"""Pillow's word for a layout -> dtype and channels; 0 channels: no channel axis."""


def shape_of(height: int, width: int, channels: int) -> Shape:
    """``(height, width)`` without channels, ``(height, width, channels)`` with them."""
    return (height, width, channels) if channels else (height, width)


def layout_of(array: np.ndarray) -> tuple[str, int]:
    """Dtype name and channels of a picture; 0 channels: no channel axis."""
    return array.dtype.name, array.shape[2] if array.ndim == 3 else 0


def as_picture(name: str, array: np.ndarray, modes: Iterable[str], *, max_side: int) -> np.ndarray:
    """The array as encoders want it, if the format can hold it.

    Args:
        name: The codec, for messages.
        array: ``(H, W)``, or ``(H, W, C)``; one channel is the same as none.
        modes: What the format can hold, in Pillow's words.
        max_side: Greatest height and width that the format can hold.

    Returns:
        The same values, C-contiguous and in this machine's byte order: ``(H, W)`` or ``(H, W, C)``
        with two channels or more.

    Raises:
        SampleCompressionError: The format cannot hold this dtype or shape.
    """
    import numpy as np

    picture = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    held = [MODES[mode] for mode in modes]
    if picture.ndim not in {2, 3} or not picture.size or layout_of(picture) not in held:
        layouts = ", ".join(
            f"{dtype} (H, W, {channels})" if channels else f"{dtype} (H, W)"
            for dtype, channels in held
        )
        raise SampleCompressionError(
            f"{name} holds pictures of {layouts}; this array is {array.dtype} {array.shape}. "
            "Convert it, or give the tensor another compression (lz4 holds everything)"
        )
    height, width = picture.shape[:2]
    if max(height, width) > max_side:
        raise SampleCompressionError(
            f"{name} holds pictures of 1 to {max_side:,} pixels a side, not {height} x {width}; "
            "give the tensor another compression (lz4 holds everything)"
        )
    if height * width > MAX_PIXELS or picture.nbytes > MAX_BYTES:
        raise SampleCompressionError(
            f"a picture of {height:,} x {width:,} pixels is too large for one {name} file; let the "
            "tensor tile it (tiling_threshold)"
        )
    return np.ascontiguousarray(picture, dtype=picture.dtype.newbyteorder("="))


def refuse_bomb(
    name: str, shape: Shape, itemsize: int, stored: int, ratio: int, *, pixels: int = MAX_PIXELS
) -> None:
    """Refuse a file whose header claims more than its bytes can hold, before memory is allocated.

    Args:
        name: The codec, for messages.
        shape: Claimed shape.
        itemsize: Bytes of an element of the decoded array.
        stored: Bytes of the file.
        ratio: Most bytes of the array that one byte of a file of this format can encode, or
            ``UNBOUNDED``.
        pixels: Most pixels.

    Raises:
        CorruptedSampleError: The claim cannot be true, or is larger than what is ever decoded.
    """
    height, width, channels = (*shape, 1)[:3]
    decoded = height * width * channels * itemsize
    if height < 1 or width < 1:
        raise CorruptedSampleError(
            f"the {name} file claims {width} x {height} pixels: it is damaged; restore it from a "
            "copy"
        )
    if height * width > pixels or decoded > MAX_BYTES:
        raise CorruptedSampleError(
            f"the {name} file claims {width:,} x {height:,} pixels ({decoded:,} bytes); pictures "
            f"of more than {pixels:,} pixels or {MAX_BYTES:,} bytes are not decoded: cut it into "
            "tiles"
        )
    if ratio and decoded > max(_ALWAYS_FINE, ratio * stored):
        raise CorruptedSampleError(
            f"the {name} file claims {width:,} x {height:,} pixels ({decoded:,} bytes), which its "
            f"{stored:,} bytes cannot hold: it is damaged, or made to exhaust memory"
        )


def destination(name: str, out: np.ndarray | None, shape: Shape, dtype: str) -> np.ndarray:
    """The array to decode into: ``out``, seen with this shape, or a new one.

    Args:
        name: The codec, for messages.
        out: The caller's array; ``(H, W, 1)`` will do for ``(H, W)``.
        shape: Shape of the sample.
        dtype: NumPy dtype string of the sample.

    Raises:
        SampleDecompressionError: ``out`` is not an array of this shape and dtype.
    """
    import numpy as np

    if out is None:
        return np.empty(shape, dtype)
    if (
        out.dtype != np.dtype(dtype)
        or out.shape not in {shape, (*shape, 1)}
        or not out.flags.c_contiguous
        or not out.flags.writeable
    ):
        raise SampleDecompressionError(
            f"a {name} picture of {dtype} {shape} cannot be decoded into an array of {out.dtype} "
            f"{out.shape}: give a writable C-contiguous one of its own shape and dtype"
        )
    return out.reshape(shape)


def unreadable(name: str, reason: object) -> CorruptedSampleError:
    """The error of a file that cannot be decoded.

    Args:
        name: The codec.
        reason: What is wrong, or the error of a library.
    """
    return CorruptedSampleError(
        f"the {name} file cannot be read: {reason or type(reason).__name__}; restore it from a "
        "copy, or leave it out"
    )


__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "MODES",
    "UNBOUNDED",
    "as_picture",
    "destination",
    "layout_of",
    "refuse_bomb",
    "shape_of",
    "unreadable",
]
