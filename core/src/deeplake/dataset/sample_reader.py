"""Reads the sample of one row, its value or its stored bytes, and shapes without the samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from operator import sub
from typing import Any

import numpy as np

from deeplake.dataset import results
from deeplake.dataset.chunks import Rows, row_numbers
from deeplake.dataset.jobs import on_threads
from deeplake.dataset.link_reader import LinkReader
from deeplake.dataset.sample import Sample
from deeplake.dataset.selection import Selection
from deeplake.errors import (
    CorruptedSampleError,
    DeepLakeError,
    FormatError,
)
from deeplake.format import values
from deeplake.format.chunk import TILE
from deeplake.format.encoding import encoding
from deeplake.format.pieces import PARTIAL
from deeplake.format.tiles import Part
from deeplake.spi import SampleCodec
from deeplake.types import Shape
from deeplake.versioning.openchunk import OpenChunk, array_dtype
from deeplake.versioning.tiles import Jobs, Tiles, in_turn

PICTURE = 64 << 20
"""Values of a picture for which memory is set aside before its file is looked at."""


HANDED_OVER = 4 << 20
"""Bytes of tiles that are stored as they are, from which on threads copy them sooner."""


class SampleReader(LinkReader):
    """Reads samples one by one."""

    # ---- one row
    def sample(self, row: int) -> Any:
        """The value of one row: an array (a copy), a str, or a json value."""
        found = self.quick(row)
        if found is not None:
            return found
        chunk, i = self._locate(row)
        stored = self._stored(chunk, i)
        if chunk.header.kind == TILE:
            return self._assembled(chunk, stored, row, parallel=True)
        return self._decode(chunk, i, stored, row)

    def quick(self, row: int, selection: Selection = Selection.ALL) -> np.ndarray | None:
        """The value of one row, if it is an array at hand that there is nothing else to say about.

        Args:
            row: Row number.
            selection: Its steps say which part; its rows do not matter.
        """
        if self.payload != "array" or row >= self.table.rows:
            return None
        chunk, i = self._locate(row)
        if selection.steps:
            return None if chunk.tiles is None else window(chunk.tiles, selection)
        if chunk.pictures is not None:
            return self._picture(chunk, i)
        array = chunk.array
        if array is None:
            return None
        header = chunk.header
        size = header.size
        if size and not header.whole:
            chunk.verify(*header.frame_range(i * size, (i + 1) * size, i))
        return results.copied(array[i])

    def _picture(self, chunk: OpenChunk, i: int) -> np.ndarray | None:
        """A picture, by the shortest way; None if there is anything to say about it."""
        shape = chunk.header.sample_shape(i)
        codec = chunk.pictures
        if codec is None or not may_be_picture(codec, shape):
            return None
        data = chunk.file(i)
        if not len(data):
            return None
        try:
            return codec.decode(data, out=results.empty(shape, array_dtype(chunk.header)))
        except (DeepLakeError, ValueError):
            return None

    def raw(self, row: int) -> bytes:
        """The stored bytes of one row: for a compressed sample those of its file; so for a link."""
        chunk, i = self._locate(row)
        stored = self._stored(chunk, i)
        if chunk.header.kind == TILE:
            return self._encoded(self._assembled(chunk, stored, row, parallel=True))
        data = chunk.sample_bytes(i, stored)
        return self._file(data, row) if chunk.header.links else bytes(data)

    def origin(self, row: int) -> str:
        """Path or URL of the file that one row was read from; empty if that is not known."""
        chunk, i = self._locate(row)
        return chunk.header.origin(i)

    def shape(self, row: int) -> Shape:
        """Shape of one row's sample."""
        chunk, i = self._locate(row)
        header = chunk.header
        ndim = self.schema.ndim or 0
        return header.sample_shape(i) if header.ndim == ndim else (0,) * ndim

    def shapes(self, rows: Rows) -> np.ndarray:
        """``int64[rows, ndim]``: shapes of the samples of some rows."""
        if self.looks:
            return self._look(self.groups(rows), len(rows), row_numbers(rows))
        ndim = self.schema.ndim or 0
        result = np.zeros((len(rows), ndim), np.int64)
        for chunk, positions, places in self.groups(rows):
            header = chunk.header
            if header.ndim == ndim:
                result[positions] = (
                    header.shape if header.shape is not None else header.shapes()[places]
                )
        return result

    def bounds(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        """``int64[rows, ndim]`` twice: lowest and highest shape of what each row has."""
        shapes = self.shapes(rows)
        return shapes, shapes

    def is_null(self, row: int) -> bool:
        """Whether the row is None."""
        chunk, i = self._locate(row)
        return chunk.header.is_null(i)

    def is_modified(self, row: int) -> bool:
        """Whether the last update of the row changed a part of its sample."""
        piece, _, _ = self.table.locate(row)
        return bool(int(piece["edit"]) & PARTIAL)

    # ---- how its bytes become a value
    def _tiles(self, chunk: OpenChunk, stored: memoryview | None) -> Tiles:
        tiles: Tiles | None = chunk.tiles
        if tiles is None:
            tiles = Tiles.of(chunk, stored, self.blocks, self.schema.name)
            chunk.tiles = tiles
        return tiles

    def _assembled(
        self, chunk: OpenChunk, stored: memoryview | None, row: Any, *, parallel: bool,
        out: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        """The whole sample of a row that is stored in tiles."""
        tiles = self._tiles(chunk, stored)
        everything = [slice(0, size) for size in tiles.grid.shape]
        return self._read_tiles(
            tiles, everything, row, out=out, run=on_threads if parallel else in_turn
        )

    def _read_tiles(
        self, tiles: Tiles, parts: Sequence[Part], row: Any, *, run: Jobs,
        out: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        try:
            return tiles.read(parts, out, run)
        except CorruptedSampleError as error:
            raise CorruptedSampleError(
                f"tensor {self.schema.name!r}, row {row}: cannot be decoded: {error}"
            ) from error

    def _encoded(self, sample: np.ndarray) -> bytes:
        """A sample that was stored in tiles as it would be stored in one piece."""
        codecs = encoding(self.schema)
        if codecs.sample is not None:
            return codecs.sample.encode(sample)
        data = sample.tobytes()
        return data if codecs.sample_bytes is None else codecs.sample_bytes.compress(data)

    def _decode(
        self, chunk: OpenChunk, i: int, stored: memoryview | None, row: Any,
        out: np.ndarray | None = None,
    ) -> Any:  # fmt: skip
        """The value of a sample whose stored bytes are at hand."""
        header = chunk.header
        payload = self.payload
        data = chunk.sample_bytes(i, stored)
        if header.links and len(data):
            return self._linked(data, header.sample_shape(i), row, out)
        shape = header.sample_shape(i)
        try:
            if payload == "array":
                return self._array(chunk, data, shape, i, row, out)
            if header.is_null(i):
                return _NULLS[payload]()
            unpacked = chunk.unpacked(i, data)
            if payload == "text":
                return values.decode_text(unpacked)
            if payload == "json":
                return values.decode_json(unpacked, unpack=_unpack)
            if payload == "list":
                return values.decode_list(unpacked, unpack=_unpack)
            return values.decode_polygons(unpacked, header.dtype)
        except FormatError:
            raise
        except (DeepLakeError, ValueError) as error:
            raise CorruptedSampleError(
                f"tensor {self.schema.name!r}, row {row}: cannot be decoded: {error}"
            ) from error

    def _probed(
        self, codec: SampleCodec, chunk: OpenChunk, data: memoryview, shape: Shape, i: int, row: Any
    ) -> Shape:
        """The shape that a file says it has, which may lack axes of 1 of the sample's.

        Raises:
            FormatError: It has another number of values.
            CorruptedSampleError: It is no such file.
        """
        try:
            found = codec.probe(data).shape
        except (DeepLakeError, ValueError) as error:
            raise CorruptedSampleError(
                f"tensor {self.schema.name!r}, row {row}: cannot be decoded: {error}"
            ) from error
        if math.prod(found) != math.prod(shape):
            raise FormatError(
                f"{chunk.header.name}: sample {i} is a file of shape {found}, and should have "
                f"{shape} (row {row})"
            )
        return found

    def _array(
        self, chunk: OpenChunk, data: memoryview, shape: Shape, i: int, row: Any,
        out: np.ndarray | None,
    ) -> np.ndarray:  # fmt: skip
        header = chunk.header
        codec = chunk.sample_codec
        if codec is not None and len(data):
            if may_be_picture(codec, shape):
                # Its header is looked at by who decodes; what is wrong with it is found out below.
                with suppress(DeepLakeError, ValueError):
                    if out is None:
                        return codec.decode(data, out=results.empty(shape, array_dtype(header)))
                    if out.flags.c_contiguous and out.shape == shape:
                        return codec.decode(data, out=out)
            # Before memory is allocated for what the file claims to be.
            probed = self._probed(codec, chunk, data, shape, i, row)
            if out is not None and out.flags.c_contiguous:
                codec.decode(data, out=out if probed == shape else out.reshape(probed))
                return out
            return codec.decode(data).reshape(shape)
        if not len(data):
            ndim = self.schema.ndim or 0
            if header.ndim != ndim:
                # None from before the first value, which told how many dimensions there are.
                shape = (0,) * ndim
            if 0 not in shape and shape:
                raise FormatError(
                    f"{header.name}: sample {i} has no bytes for shape {shape} (row {row})"
                )
            known = self.schema.dtype
            # Without dimensions (None among links that nobody opened) it would have a value.
            return np.zeros(shape or 0, array_dtype(header) if known is None else np.dtype(known))
        dtype = array_dtype(header)
        plain = chunk.unpacked(i, data)
        array = np.frombuffer(plain, dtype)
        if array.size != math.prod(shape):
            raise FormatError(f"{header.name}: sample {i} is not of shape {shape} (row {row})")
        found = results.empty(shape, dtype) if out is None else out
        found[...] = array.reshape(shape)
        return found


def window(tiles: Tiles, selection: Selection) -> np.ndarray | None:
    """A small part of a sample without gaps, where its tiles are stored as they are."""
    # What has to be fetched is fetched together, by who knows all of it.
    bounds = selection.window(tiles.shape) if tiles.blocks.mapping else None
    if bounds is None:
        return None
    starts, stops = bounds
    shape = tuple(map(sub, stops, starts))
    if math.prod(shape) * tiles.dtype.itemsize >= HANDED_OVER:
        return None
    found = results.empty(shape, tiles.dtype)
    return found if tiles.window(starts, stops, found) else None


def may_be_picture(codec: SampleCodec, shape: Shape) -> bool:
    """Whether a file of this shape has it itself (there may be an axis of 1 more), and is not large:
    then it can be decoded without a look at its header, which who decodes it looks at, too.
    """
    return (
        codec.media == "image"
        and len(shape) == 3
        and shape[2] in (3, 4)
        and 0 < math.prod(shape) <= PICTURE
    )


def _unpack(embedded: values.Embedded) -> Any:
    return Sample(buffer=embedded.data, compression=embedded.compression)


_NULLS: Mapping[str, Callable[[], Any]] = {"text": str, "json": dict, "list": list, "polygon": list}

__all__ = ["SampleReader", "may_be_picture", "window"]
