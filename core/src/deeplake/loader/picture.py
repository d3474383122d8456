"""Images whose transforms the loader understands: decoded, cropped and resized in one go."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deeplake.dataset.sample_reader import PICTURE
from deeplake.dataset.selection import Selection
from deeplake.errors import CorruptedSampleError, DeepLakeError, FormatError
from deeplake.loader.failure import transform_failed
from deeplake.loader.fetch import Column, Values
from deeplake.loader.lot import Lot
from deeplake.spi import SampleCodec
from deeplake.transforms import (
    Geometry,
    ImageTransform,
    Interpolation,
    Normalize,
    Pixels,
    ToCHW,
    TooSmallError,
    Windows,
    resized,
)
from deeplake.types import Shape


def split(
    transform: Callable[..., Any],
) -> tuple[list[Geometry], list[Pixels], list[Callable[..., Any]]]:
    """What a transform is made of: crops and sizes, then changes of pixels, then the rest."""
    steps = list(transform.steps) if isinstance(transform, ImageTransform) else [transform]
    geometry: list[Geometry] = []
    while steps and isinstance(steps[0], Geometry):
        geometry.append(steps.pop(0))  # type: ignore[arg-type]
    pixels: list[Pixels] = []
    while steps and isinstance(steps[0], Pixels):
        pixels.append(steps.pop(0))  # type: ignore[arg-type]
    return geometry, pixels, steps


class PictureColumn:
    """A column of images, and what is asked of them; any number of threads may read it.

    It does what the transform would do to each decoded image, but lets codecs decode the part and
    the scale that is wanted, straight into the array of the batch.

    Args:
        column: Reads the images.
        transform: A transform of ``deeplake.transforms`` that :meth:`fits`.

    Attributes:
        name, source: The column's.
        uniform: Shape and dtype of all results, where they are known; else None.
        rest: Functions that are left to be called, image by image.
        row_bytes: Bytes of a result in memory, about.
        heavy: Always: images are decoded or changed one by one.
    """

    heavy = True

    def __init__(self, column: Column, transform: ImageTransform) -> None:
        self.source = column.source
        self.name = column.name
        self._column = column
        self._geometry, self._pixels, self.rest = split(transform)
        near = any(one.interpolation == "nearest" for one in self._geometry)
        self._interpolation: Interpolation = "nearest" if near else "linear"
        self._chw = any(isinstance(one, ToCHW) for one in self._pixels)
        self._before = [one for one in self._pixels if not isinstance(one, Normalize | ToCHW)]
        last = next((one for one in self._pixels if isinstance(one, Normalize)), None)
        self._last = last.channels_first() if last is not None and self._chw else last
        self._draws = transform.draws
        self._plane = self._find_plane()
        self.uniform = None if self._plane is None or self.rest else self._result(self._plane)
        self.row_bytes = column.row_bytes
        if self._plane is not None:
            shape, dtype = self._result(self._plane)
            self.row_bytes = int(np.prod(shape)) * dtype.itemsize

    @classmethod
    def fits(cls, column: Column, transform: Any) -> bool:
        """Whether this can stand for the column and a transform of its samples."""
        if not isinstance(transform, ImageTransform) or not column.is_images:
            return False
        _, pixels, _ = split(transform)
        # Flips before, one normalisation and one change of axes: what is done in place.
        kinds = [type(one) for one in pixels]
        tail = [kind for kind in kinds if kind in (Normalize, ToCHW)]
        return kinds[len(kinds) - len(tail) :] == tail and len(set(tail)) == len(tail)

    @property
    def shape(self) -> tuple[int | None, ...] | None:
        """Shape of all results; None where that is not known."""
        if self._plane is None or self.rest:
            return None
        return self._result(self._plane)[0]

    @property
    def how(self) -> str:
        """How it is read, in words."""
        if not self._geometry:
            return f"{self._column.how}, and changed there"
        codec = self._column.codec
        if codec is not None and codec.crops and self._interpolation == "linear":
            return f"decoded and cropped by {codec.name!r}, straight into the batch"
        return "decoded, cropped, and resized into the batch"

    def _find_plane(self) -> Shape | None:
        """Shape of all images after cropping and resizing, where they have one."""
        low, high = self.source.reader.table.bounds()
        if low[2:] != high[2:]:
            return None
        size: tuple[int, int] | None = None
        for one in self._geometry:
            size = one.out_size
        if not self._geometry and low == high:
            size = (high[0], high[1])
        if size is None or math.prod((*size, *high[2:])) > PICTURE:
            return None  # nor is memory set aside for what is only claimed
        return (*size, *high[2:])

    def _result(self, plane: Shape) -> tuple[Shape, np.dtype[Any]]:
        shape = plane
        if self._chw:
            shape = (1, *plane) if len(plane) == 2 else (plane[2], *plane[:2])
        return shape, np.dtype(np.float32 if self._last is not None else np.uint8)

    # ---- reading
    def allocate(self, n: int) -> np.ndarray:
        """An array for ``n`` uniform results."""
        assert self._plane is not None
        if self._last is not None or not self._chw:
            shape, dtype = self._result(self._plane)
            return self._column.memory.array((n, *shape), dtype)
        # Channels last in memory, as they come from the decoder.
        plane = self._plane if len(self._plane) == 3 else (*self._plane, 1)
        return self._column.memory.array((n, *plane), np.uint8).transpose(0, 3, 1, 2)

    def read(self, lot: Lot, out: np.ndarray | None = None) -> Values:
        """The results for some rows.

        Args:
            lot: Rows of the dataset.
            out: Where to write uniform results to: from ``allocate``.

        Raises:
            CorruptedSampleError, ChecksumError, StorageError: A sample cannot be read.
            TransformFailedError: A crop does not fit, or a function fails.
        """
        numbers = lot.uniform(self._draws)
        if (
            out is None
            and self._plane is not None
            and len(lot)
            and int(lot.rows.max()) < len(self.source.reader)
        ):
            out = self.allocate(len(lot))
        begin = sum(one.draws for one in self._geometry)
        make = self._cropped if self._geometry else self._whole
        results = make(lot, numbers, out)
        begin += sum(one.draws for one in self._pixels)
        return self._finished(results, lot, numbers[:, begin:]) if self.rest else results

    def read_batches(self, lots: Sequence[Lot], together: Lot) -> list[Values]:
        """The results for several batches; see ``Column.read_batches``."""
        return [self.read(lot) for lot in lots]

    def _whole(self, lot: Lot, numbers: np.ndarray, out: np.ndarray | None) -> Values:
        """Without crops: many small images are changed together."""
        # Channels last in memory, and not yet normalised: straight into the batch.
        straight = None if out is None or self._last is not None else _channels_last(out, self._chw)
        found = self._column.read(lot, straight)
        if isinstance(found, np.ndarray):
            if not found.flags.writeable:
                found = found.copy()
            return self._changed(found, numbers, out)
        return [
            self._changed(image[None].copy(), numbers[i : i + 1], None)[0]
            for i, image in enumerate(found)
        ]

    def _cropped(self, lot: Lot, numbers: np.ndarray, out: np.ndarray | None) -> Values:
        files = self.source.reader.files(lot.rows)
        boxes, sizes = self._windows(lot, numbers, [shape for _, _, shape in files])
        begin = sum(one.draws for one in self._geometry)
        straight = None if out is None or self._last is not None else _channels_last(out, self._chw)
        # Pixels that are decoded to where they stay need no more of Python, image by image.
        done = straight is not None and not self._before
        results: list[np.ndarray] = []
        for i, ((file, codec, shape), box, size, row) in enumerate(
            zip(files, boxes.tolist(), sizes.tolist(), lot.rows.tolist(), strict=True)
        ):
            plane = (*size, *shape[2:])
            target = np.empty(plane, np.uint8) if straight is None else straight[i]
            if target.shape != plane:
                target = target.reshape(plane)
            try:
                self._decode(row, file, codec, tuple(box), tuple(size), target)
            except FormatError:
                raise
            except (DeepLakeError, ValueError) as error:
                raise CorruptedSampleError(
                    f"tensor {self.name!r}, row {row}: cannot be decoded: {error}"
                ) from error
            if not done:
                into = None if out is None else out[i : i + 1]
                mine = numbers[i : i + 1, begin:]
                results.append(self._changed(target[None], mine, into, begin=0)[0])
        return results if out is None else out

    def _decode(
        self,
        row: int,
        file: memoryview,
        codec: SampleCodec | None,
        box: tuple[int, int, int, int],
        size: tuple[int, int],
        target: np.ndarray,
    ) -> None:
        """Part of one image at its size, into ``target``."""
        if codec is not None and codec.crops and self._interpolation == "linear":
            codec.decode(file, out=target, crop=box, size=size)
            return
        if codec is not None and codec.crops:
            part = codec.decode(file, crop=box)
        else:
            top, left, height, width = box
            region = Selection(None, ((slice(top, top + height), slice(left, left + width)),))
            part = self.source.reader.part(row, region)
        target[...] = resized(part, size, self._interpolation).reshape(target.shape)

    def _windows(
        self, lot: Lot, numbers: np.ndarray, known: Sequence[Shape]
    ) -> tuple[np.ndarray, np.ndarray]:
        """``int64[n, 4]`` boxes of the stored images, and ``int64[n, 2]`` the sizes they become.

        Args:
            lot: Rows of the dataset.
            numbers: Their random numbers.
            known: Shapes of what is stored; not of what it leads to, of links.
        """
        reader = self.source.reader
        if reader.looks or any(len(shape) < 2 for shape in known):
            shapes = reader.shapes(lot.rows)[:, :2]
        else:
            shapes = np.array([shape[:2] for shape in known], np.int64).reshape(-1, 2)
        windows = Windows.whole(shapes)
        begin = 0
        try:
            empty = np.flatnonzero((shapes == 0).any(axis=1))
            if len(empty):
                raise TooSmallError("the image has no pixels", int(empty[0]))
            for one in self._geometry:
                windows = one.narrow(windows, numbers[:, begin : begin + one.draws])
                begin += one.draws
        except TooSmallError as error:
            row = int(lot.rows[error.place])
            raise transform_failed(error, f"tensor {self.name!r}", row) from error
        return windows.boxes(shapes), windows.size

    # ---- pixels
    def _changed(
        self, images: np.ndarray, numbers: np.ndarray, out: np.ndarray | None, begin: int = 0
    ) -> np.ndarray:
        """Flipped, normalised, with channels first: what is asked for.

        Args:
            images: ``(n, height, width[, channels])``; may be changed.
            numbers: Their random numbers, from ``begin`` on.
            out: Where to write.
        """
        for one in self._before:
            images = one.batch(images, numbers[:, begin : begin + one.draws])
            begin += one.draws
        if self._chw:
            images = ToCHW().batch(images, numbers)
        if self._last is not None:
            target = np.empty(images.shape, np.float32) if out is None else out
            return self._last.into(images, target)
        if out is None:
            return images
        if not np.may_share_memory(out, images):
            out[...] = images
        return out

    def _finished(self, results: Values, lot: Lot, numbers: np.ndarray) -> list[Any]:
        """What the functions that remain make of each image."""
        finished = []
        for i, image in enumerate(results):
            value: Any = image
            begin = 0
            try:
                for function in self.rest:
                    if isinstance(function, ImageTransform):
                        stop = begin + function.draws
                        value = function.apply(value, numbers[i : i + 1, begin:stop])
                        begin = stop
                    else:
                        value = function(value)
            except Exception as error:
                row = int(lot.rows[i])
                raise transform_failed(error, f"tensor {self.name!r}", row) from error
            finished.append(value)
        return finished


def _channels_last(out: np.ndarray, chw: bool) -> np.ndarray:
    """Results as they lie in memory."""
    return out.transpose(0, 2, 3, 1) if chw else out


__all__ = ["PictureColumn", "split"]
