"""What contenders do with a JPEG file that their libraries do not do by themselves."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import simplejpeg

REQUIREMENTS = ["simplejpeg==1.9.0", "opencv-python-headless"]
"""What a contender that uses this has to install."""

SIDE = 224

# Workers and threads share the cores already.
cv2.setNumThreads(1)


def decoded(data: bytes) -> np.ndarray:
    """``(height, width, 3)`` uint8."""
    image: np.ndarray = simplejpeg.decode_jpeg(data)
    return image


def window(height: int, width: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Top, left, height and width of a random part, as ``RandomResizedCrop`` chooses it."""
    for _ in range(10):
        area = height * width * rng.uniform(0.08, 1)
        ratio = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1)), h, w
    side = min(height, width)
    return (height - side) // 2, (width - side) // 2, side, side


def cropped(data: bytes, rng: np.random.Generator, out: np.ndarray | None = None) -> np.ndarray:
    """A random part of a file, ``(224, 224, 3)``; into ``out`` where given."""
    image = decoded(data)
    top, left, height, width = window(*image.shape[:2], rng)
    part = image[top : top + height, left : left + width]
    if out is None:
        out = np.empty((SIDE, SIDE, 3), np.uint8)
    cv2.resize(part, (SIDE, SIDE), dst=out)
    return out


def frame_of(container: Any, number: int, rate: int = 25) -> np.ndarray:
    """One frame of an open film: seek to the key frame before it, and decode from there."""
    stream = container.streams.video[0]
    if not stream.codec_context.is_open:
        stream.thread_type = "AUTO"
    first = stream.start_time or 0
    container.seek(first + int(number / rate / stream.time_base), stream=stream)
    for frame in container.decode(stream):
        if round(float((frame.pts - first) * stream.time_base) * rate) == number:
            found: np.ndarray = frame.to_ndarray(format="rgb24")
            return found
    raise LookupError(f"there is no frame {number}")


__all__ = ["REQUIREMENTS", "SIDE", "cropped", "decoded", "frame_of", "window"]
