"""Parts of pictures at other sizes, by OpenCV: without the GIL, and without leaving pixels out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deeplake.errors import SampleDecompressionError
from deeplake_codecs.pictures import destination

if TYPE_CHECKING:
    import numpy as np

    from deeplake.types import Shape

Box = tuple[int, int, int, int]
"""``(top, left, height, width)``."""


def checked(shape: Shape, crop: Box | None, size: tuple[int, int] | None) -> Box:
    """The part that is asked for: ``crop``, or everything.

    Raises:
        SampleDecompressionError: The picture has no such part, or none can have that size.
    """
    height, width = shape[:2]
    top, left, rows, columns = crop or (0, 0, height, width)
    if not (
        0 <= top < top + rows <= height
        and 0 <= left < left + columns <= width
        and (size is None or min(size) > 0)
    ):
        raise SampleDecompressionError(
            f"there is no crop (top, left, height, width) = {crop} of size {size} in a picture "
            f"of {height} x {width} pixels"
        )
    return top, left, rows, columns


def cut(
    name: str, picture: np.ndarray, crop: Box | None, size: tuple[int, int] | None,
    out: np.ndarray | None,
) -> np.ndarray:  # fmt: skip
    """A part of a decoded picture, at a size.

    Args:
        name: The codec, for messages.
        picture: ``(H, W)`` or ``(H, W, C)``.
        crop: Which part; None: everything.
        size: Height and width of the result; None: those of the part.
        out: The caller's array.

    Raises:
        SampleDecompressionError: There is no such part, or ``out`` has another shape or dtype.
    """
    top, left, rows, columns = checked(picture.shape, crop, size)
    shape = (*(size or (rows, columns)), *picture.shape[2:])
    target = destination(name, out, shape, picture.dtype.name)
    resize_into(picture[top : top + rows, left : left + columns], target)
    return target if out is None else out


def resize_into(picture: np.ndarray, target: np.ndarray) -> None:
    """Resize a picture into an array of the same dtype and channels.

    A side that shrinks to half or less is halved first, by means of two pixels, until interpolation
    between neighbours leaves none out: at a quarter of the time of exact means.

    Args:
        picture: ``(H, W)`` or ``(H, W, C)``.
        target: C-contiguous.
    """
    import numpy as np

    if picture.shape == target.shape:
        np.copyto(target, picture)
        return
    import cv2

    if picture.dtype == np.bool_:
        grey = np.empty(target.shape, np.uint8)
        resize_into(picture.astype(np.uint8) * 255, grey)
        np.greater_equal(grey, 128, out=target)
        return
    height, width = target.shape[:2]
    while picture.shape[0] >= 2 * height or picture.shape[1] >= 2 * width:
        rows, columns = picture.shape[:2]
        rows = rows // 2 if rows >= 2 * height else rows
        columns = columns // 2 if columns >= 2 * width else columns
        if (rows, columns) == (height, width):
            break
        picture = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_LINEAR)
    cv2.resize(picture, (width, height), dst=target, interpolation=cv2.INTER_LINEAR)


__all__ = ["Box", "checked", "cut", "resize_into"]
