"""Reads parts of samples: crops, tiles, frames of videos, stretches of sounds."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any, BinaryIO, cast

import numpy as np

from deeplake.dataset import linking
from deeplake.dataset.chunks import Rows, row_numbers
from deeplake.dataset.extraction import Extraction, cost
from deeplake.dataset.items import decode_items
from deeplake.dataset.jobs import on_threads
from deeplake.dataset.sample_reader import HANDED_OVER, SampleReader, window
from deeplake.dataset.selection import Selection
from deeplake.errors import (
    CorruptedSampleError,
    DeepLakeError,
    GetDataFromLinkError,
    MissingCredsError,
)
from deeplake.format.chunk import BLOB, TILE
from deeplake.format.encoding import Encoding, encoding
from deeplake.format.links import Link, LinkGrid
from deeplake.format.pieces import ALONE
from deeplake.types import SampleHeader
from deeplake.versioning.blobs import BlobFile, blob_file
from deeplake.versioning.openchunk import OpenChunk, array_dtype
from deeplake.versioning.tiles import Tiles, in_turn

CROPPED = 64 << 10
"""Bytes of a plain sample of which a part is read alone, where parts of several samples are."""


class PartReader(SampleReader):
    """Reads parts of samples, and as little else as possible."""

    # ---- how they are stored
    def in_parts(self, rows: Rows) -> bool:
        """Whether samples of some rows are stored so that parts of them can be read alone."""
        wanted = row_numbers(rows)
        if len(wanted) == 0:
            return False
        codec = encoding(self.schema).sample
        if self.schema.is_link:
            return any(isinstance(link, LinkGrid) for link in self.links(wanted))
        if codec is not None and codec.parts:
            return True
        spans = self.table.spans(int(wanted.min()), int(wanted.max()) + 1)
        return any(bool((part["flags"] & ALONE).any()) for _, part in spans)

    def in_crops(self, rows: Rows) -> bool:
        """Whether parts of samples that are in one piece are best read one by one, on threads.

        That is so where it saves decoding or copying, and where no row takes a request of its own.
        """
        wanted = row_numbers(rows)
        if not self.blocks.mapping or self.schema.is_link or len(wanted) == 0:
            return False
        codecs = encoding(self.schema)
        if codecs.sample is not None:
            return codecs.sample.crops
        if codecs.sample_bytes is not None or codecs.chunk is not None or not self.schema.dtype:
            return False
        smallest = self.bounds(wanted[:1])[0].min(axis=0)
        nbytes: int = math.prod(smallest.tolist()) * np.dtype(self.schema.dtype).itemsize
        return nbytes >= CROPPED

    def tiles(self, row: int) -> Tiles | None:
        """The tiles of a row's sample; None if it is in one piece."""
        chunk, i = self._locate(row)
        if chunk.header.kind != TILE:
            return None
        return self._tiles(chunk, None if chunk.tiles is not None else self._stored(chunk, i))

    def part(self, row: int, selection: Selection) -> np.ndarray:
        """What the steps of a selection take from one row's sample; as little as possible is read.

        Args:
            row: Row number.
            selection: Its rows do not matter.
        """
        chunk, i = self._locate(row)
        if chunk.header.kind == TILE:
            shape = chunk.header.sample_shape(i)
            tiles = self._tiles(chunk, self._stored(chunk, i))
            at_hand = window(tiles, selection)
            if at_hand is not None:
                return at_hand
            parts = selection.resolve(shape)
            result = selection.result_shape(shape)
            nbytes = math.prod(result) * tiles.dtype.itemsize
            few = nbytes < HANDED_OVER and encoding(self.schema) == Encoding()
            found = self._read_tiles(tiles, parts, row, run=in_turn if few else on_threads)
            return found.reshape(result)
        array = chunk.array
        if array is not None:
            header = chunk.header
            if header.size and Extraction.suits(chunk, i):
                for run in Extraction(chunk, i, selection).runs:
                    chunk.verify(*run)
            elif header.size:
                chunk.verify(*header.frame_range(i * header.size, (i + 1) * header.size, i))
            return np.array(selection.apply(array[i]))
        if self.payload == "array" and Extraction.suits(chunk, i):
            taken = self._extracted([Extraction(chunk, i, selection)])
            if taken is not None:
                return taken[0]
        # Of a blob, what is needed is fetched when it is read.
        stored = None if chunk.header.kind == BLOB else self._stored(chunk, i)
        items = self._items(chunk, i, stored, row, selection)
        if items is not None:
            self._trim()
            return items
        if chunk.header.kind == BLOB:
            stored = self._stored(chunk, i)
        cropped = self._crop(chunk, i, stored, row, selection)
        return selection.apply(self._decode(chunk, i, stored, row)) if cropped is None else cropped

    def parts(self, rows: Rows, selection: Selection) -> list[np.ndarray] | None:
        """What the steps of a selection take of some rows of plain arrays, fetched together.

        Args:
            rows: Row numbers.
            selection: Its rows do not matter.

        Returns:
            None where whole samples are read as fast, or have to be.
        """
        if self.blocks.mapping or self.payload != "array":
            return None
        found: list[Extraction | None] = [None] * len(rows)
        for chunk, positions, places in self.groups(rows):
            for position, i in zip(positions.tolist(), places.tolist(), strict=True):
                if not Extraction.suits(chunk, i):
                    return None
                found[position] = Extraction(chunk, i, selection)
        return self._extracted([one for one in found if one is not None])

    def _extracted(self, wanted: Sequence[Extraction]) -> list[np.ndarray] | None:
        """Parts of plain samples; None where whole samples are read as fast."""
        ranges = [one.ranges() for one in wanted]
        missing = [part for mine in ranges for part in mine]
        request = self.blocks.request_cost
        if missing:
            whole = (part for one in wanted for part in one.whole())
            if cost(missing, request) >= cost(whole, request):
                return None
        fetched = iter(self.blocks.fetch(missing) if missing else ())
        taken = []
        for one, mine in zip(wanted, ranges, strict=True):
            taken.append(
                one.take([next(fetched) for _ in mine] if mine else [None] * len(one.runs))
            )
        self._trim()
        return taken

    def _crop(
        self, chunk: OpenChunk, i: int, stored: memoryview | None, row: Any, selection: Selection
    ) -> np.ndarray | None:
        """What is selected of a picture whose codec decodes crops; None if that saves nothing."""
        codec = chunk.sample_codec
        shape = chunk.header.sample_shape(i)
        if codec is None or not codec.crops or chunk.header.links or not 2 <= len(shape) <= 3:
            return None
        parts = selection.resolve(shape)
        bounds = []
        for part, size in zip(parts[:2], shape, strict=False):
            picked = range(part, part + 1) if type(part) is int else part
            if isinstance(picked, slice):
                picked = range(*picked.indices(size))
            if not isinstance(picked, range) or not picked or picked.step != 1:
                return None
            bounds.append((picked.start, len(picked)))
        (top, height), (left, width) = bounds
        data = chunk.sample_bytes(i, stored)
        if (height, width) == shape[:2] or not len(data):
            return None
        try:
            if codec.probe(data).shape != shape:
                return None
            found = codec.decode(data, crop=(top, left, height, width))
        except (DeepLakeError, ValueError) as error:
            raise CorruptedSampleError(
                f"tensor {self.schema.name!r}, row {row}: cannot be decoded: {error}"
            ) from error
        # Ints become axes of 1, which the shape does without: beside a list they would be lists, too.
        return found[(slice(None), slice(None), *parts[2:])].reshape(selection.result_shape(shape))

    def file(self, row: int) -> BinaryIO:
        """The file that is stored for a row; of a large one, only what is read of it is fetched."""
        chunk, i = self._locate(row)
        if chunk.header.kind == BLOB:
            return cast(BinaryIO, blob_file(chunk, self.blocks))
        return io.BytesIO(chunk.sample_bytes(i, self._stored(chunk, i)))

    def _items(
        self, chunk: OpenChunk, i: int, stored: memoryview | None, row: Any, selection: Selection
    ) -> np.ndarray | None:
        """What is selected of a file of which items are decoded alone (frames); None if it is none."""
        header = chunk.header
        codec = chunk.sample_codec
        shape = header.sample_shape(i)
        start, stop = header.raw_range(i)
        link: Link | None = None
        if header.links and stop > start:
            found = self._link(chunk.sample_bytes(i, stored), row)
            if isinstance(found, LinkGrid):
                return self._of_grid(found, shape, selection, row)
            link = found
            if any(shape):
                codec = linking.codec_of(link)
        if codec is None or not codec.parts or stop == start:
            return None
        parts = list(selection.resolve(shape))
        axis = codec.axis % len(shape)
        picked = np.atleast_1d(np.arange(shape[axis])[parts[axis]])
        if not len(picked):
            return np.empty(selection.result_shape(shape), array_dtype(header))
        whole = SampleHeader(shape, array_dtype(header).name)
        opened: Any = None
        if header.kind == BLOB:
            opened = blob_file(chunk, self.blocks, raises=False)
        elif link is None:
            opened = io.BytesIO(chunk.sample_bytes(i, stored))
        try:
            if link is not None:
                opened = self._opened(link)
            with opened as file:
                items = decode_items(codec, cast(BinaryIO, file), picked, whole)
        except (GetDataFromLinkError, MissingCredsError) as error:
            raise linking.located(error, self.schema.name, row) from error
        except (DeepLakeError, ValueError) as error:
            _check_read(opened)
            raise CorruptedSampleError(
                f"tensor {self.schema.name!r}, row {row}: items {picked.min()} to "
                f"{picked.max() + 1} cannot be decoded: {error}"
            ) from error
        _check_read(opened)
        for k, part in enumerate(parts):
            index = slice(part, part + 1) if type(part) is int else part
            items = items if k == axis else items[(slice(None),) * k + (index,)]
        return items.reshape(selection.result_shape(shape))


def _check_read(file: Any) -> None:
    """Raise what reading a blob failed with: not the file is at fault, but where it is stored."""
    if isinstance(file, BlobFile) and file.failure is not None:
        raise file.failure


__all__ = ["PartReader"]
