"""Which bytes of a stored array a part of it needs, and the part from these bytes alone.

Chunks are checked frame by frame, so frames are what is read. Where a sample is one frame, or where
single reads would cost more than they save, there is nothing to gain, and samples are read whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from deeplake.dataset.selection import Selection
from deeplake.format.chunk import FIXED, RAGGED
from deeplake.format.tiles import Part
from deeplake.types import Shape
from deeplake.versioning.openchunk import OpenChunk, array_dtype

MOST = 1 << 16
"""Stretches of one sample that are told apart at most."""

Range = tuple[str, int, int]
"""Object, first byte and the one after the last."""


def stretches(parts: Sequence[Part], shape: Shape, itemsize: int, gap: int) -> np.ndarray:
    """Where in the bytes of an array the values lie that are taken of each axis.

    Args:
        parts: What is taken of each axis: an int, a slice, or numbers.
        shape: The array's shape.
        itemsize: Bytes of a value.
        gap: What lies closer together than so many bytes may be one stretch.

    Returns:
        ``int64[n, 2]``: first byte, and the one after the last, of each stretch.
    """
    picked = [
        np.unique(np.atleast_1d(np.arange(size)[part]))
        for part, size in zip(parts, shape, strict=True)
    ]
    if not all(map(len, picked)):
        return np.zeros((0, 2), np.int64)
    strides = [itemsize * math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    lows = [int(numbers[0]) * stride for numbers, stride in zip(picked, strides, strict=True)]
    highs = [int(numbers[-1]) * stride for numbers, stride in zip(picked, strides, strict=True)]
    starts = np.zeros(1, np.int64)
    axis = 0
    while axis < len(shape):
        inside = all(map(_is_all, picked[axis + 1 :], shape[axis + 1 :]))
        numbers = picked[axis]
        together = inside and int(numbers[-1]) - int(numbers[0]) == len(numbers) - 1
        near = sum(highs[axis:]) - sum(lows[axis:]) <= gap
        if together or near or len(starts) * len(numbers) > MOST:
            break
        starts = (starts[:, None] + numbers * strides[axis]).reshape(-1)
        axis += 1
    return np.stack([starts + sum(lows[axis:]), starts + (sum(highs[axis:]) + itemsize)], axis=1)


def _is_all(numbers: np.ndarray, size: int) -> bool:
    return len(numbers) == size


class Extraction:
    """A part of one plain sample.

    Args:
        chunk: The sample's chunk.
        i: Its place there.
        selection: Its steps say which part.

    Attributes:
        runs: Frames that are needed: first, and the one after the last, of each run.
    """

    __slots__ = ("_bytes", "_chunk", "_selection", "_shape", "runs")

    def __init__(self, chunk: OpenChunk, i: int, selection: Selection) -> None:
        header = chunk.header
        self._chunk = chunk
        self._selection = selection
        self._shape = header.sample_shape(i)
        self._bytes = start, stop = header.raw_range(i)
        self.runs: list[tuple[int, int]] = []
        size = int(header.frame_size)
        if start == stop:
            return
        found = stretches(
            selection.resolve(self._shape), self._shape, array_dtype(header).itemsize, size
        )
        low, high = start // size, -(-stop // size)
        # How many stretches begin and end with each frame: between them lies what is needed.
        steps = np.bincount((start + found[:, 0]) // size - low, minlength=high - low + 1)
        steps -= np.bincount(-(-(start + found[:, 1]) // size) - low, minlength=high - low + 1)
        edges = np.flatnonzero(np.diff(np.cumsum(steps) > 0, prepend=False))
        self.runs = [(low + int(a), low + int(b)) for a, b in edges.reshape(-1, 2)]

    @staticmethod
    def suits(chunk: OpenChunk, i: int) -> bool:
        """Whether parts of a sample can be read and checked alone."""
        header = chunk.header
        plain = header.kind in (FIXED, RAGGED) and not (header.sample_codec or header.links)
        return plain and bool(header.frame_size) and header.raw_range(i)[1] > header.frame_size

    def ranges(self) -> list[Range]:
        """What has to be fetched."""
        return self._chunk.missing(self.runs)

    def whole(self) -> list[Range]:
        """What would have to be fetched of the whole sample."""
        size = int(self._chunk.header.frame_size)
        start, stop = self._bytes
        return self._chunk.missing([(start // size, -(-stop // size))] if start < stop else [])

    def take(self, stored: Sequence[memoryview | None]) -> np.ndarray:
        """The part.

        Args:
            stored: The bytes of each of ``runs``, where they had to be fetched.

        Raises:
            ChecksumError: They are not what was written.
        """
        header = self._chunk.header
        start, stop = self._bytes
        # Only what is needed of it is ever touched, so only that takes memory.
        sample = np.empty(stop - start, np.uint8)
        for (first, last), data in zip(self.runs, stored, strict=True):
            a = max(header.frame_start(first), start)
            b = min(header.frame_start(last), stop)
            raw = self._chunk.raw(a, b, (first, last), data)
            sample[a - start : b - start] = np.frombuffer(raw, np.uint8)
        array = sample.view(array_dtype(header)).reshape(self._shape)
        return np.array(self._selection.apply(array))


def cost(ranges: Iterable[Range], request: int) -> int:
    """Bytes that could be read in the time in which some ranges are.

    Args:
        ranges: The ranges.
        request: Bytes that cost as much as a request.
    """
    total = 0
    last: Range = ("", 0, 0)
    for oid, start, stop in sorted(ranges):
        if oid != last[0] or start - last[2] > request:
            total += request + stop - start
            last = (oid, start, stop)
        elif stop > last[2]:
            total += stop - last[2]
            last = (oid, start, stop)
    return total


__all__ = ["Extraction", "cost", "stretches"]
