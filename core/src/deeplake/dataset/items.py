"""Items of files that are decoded alone: frames of videos, samples of sounds, slices of volumes."""

from __future__ import annotations

import math
from typing import BinaryIO

import numpy as np

from deeplake.spi import SampleCodec
from deeplake.types import SampleHeader

FAR = 128 << 20
"""Bytes of items that nobody asked for, from which on those before and behind them are decoded apart.

Codecs may have to begin some items earlier (a video's at a key frame), so that what is near is not
worth another beginning."""


def decode_items(
    codec: SampleCodec, file: BinaryIO, wanted: np.ndarray, whole: SampleHeader
) -> np.ndarray:
    """Some items of a file, in the order asked, those named twice twice.

    Args:
        codec: Of the file; it decodes parts.
        file: The file.
        wanted: Numbers of items, one at least.
        whole: Shape and dtype of all of it.
    """
    axis = codec.axis % len(whole.shape)
    numbers, places = np.unique(wanted, return_inverse=True)
    nbytes = math.prod(whole.shape) // max(whole.shape[axis], 1) * np.dtype(whole.dtype).itemsize
    gaps = np.diff(numbers)
    far = np.flatnonzero((gaps - 1) * nbytes >= FAR) + 1
    if len(far) == 0 and len(gaps) and (gaps == gaps[0]).all():
        # One look at the file: what is between them is let go as it comes.
        part = slice(int(numbers[0]), int(numbers[-1]) + 1, int(gaps[0]))
        items = codec.decode_part(file, part, header=whole)
    elif codec.scattered:
        items = codec.decode_some(file, numbers.tolist(), header=whole)
    else:
        found = []
        for near in np.split(numbers, far):
            low, high = int(near[0]), int(near[-1]) + 1
            near_by = codec.decode_part(file, slice(low, high), header=whole)
            found.append(near_by if len(near) == high - low else near_by.take(near - low, axis))
        items = found[0] if len(found) == 1 else np.concatenate(found, axis)
    in_order = len(numbers) == len(wanted) and bool((places[1:] > places[:-1]).all())
    return items if in_order else items.take(places, axis)


__all__ = ["decode_items"]
