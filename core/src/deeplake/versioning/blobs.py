"""Blobs: files of one sample each (videos, recordings, scans) that are read in ranges."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from typing import Any

import numpy as np

from deeplake.errors import DeepLakeError
from deeplake.format import chunk as chunk_format
from deeplake.format.chunk import BLOB_FRAME, Block
from deeplake.format.pieces import BLOB
from deeplake.types import Buffer, Shape
from deeplake.versioning.blocks import Blocks
from deeplake.versioning.openchunk import OpenChunk
from deeplake.versioning.staging import Staging
from deeplake.versioning.tiles import placed

KEPT = 16
"""Frames of a blob that are kept: 16 MiB."""
MAX_AHEAD = 8
"""Frames that are fetched in one request at most when a file is read from front to back."""


# --------------------------------------------------------------------------- reading
class Frames:
    """The frames of one blob, fetched and checked when they are needed; any thread may ask.

    Args:
        opened: The blob's chunk.
        blocks: Where it is read.
    """

    def __init__(self, opened: OpenChunk, blocks: Blocks) -> None:
        self._opened = opened
        self._blocks = blocks
        self._kept: OrderedDict[int, memoryview] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return int(self._opened.header.raw_length)

    def read(self, start: int, stop: int, ahead: int = 0) -> list[memoryview]:
        """Bytes ``start`` to ``stop``, in parts.

        Args:
            start, stop: Range, ``start < stop <= size``.
            ahead: Further frames to fetch in the same request, if any has to be fetched.

        Raises:
            ChecksumError, FormatError: They are damaged.
        """
        header = self._opened.header
        first, last = header.frame_range(start, stop)
        with self._lock:
            found = {k: self._kept[k] for k in range(first, last) if k in self._kept}
            for frame in found:
                self._kept.move_to_end(frame)
        missing = [k for k in range(first, last) if k not in found]
        if missing:
            low, high = missing[0], missing[-1] + 1
            if high == last:
                high = min(last + ahead, header.frames)
            ranges = self._opened.missing([(low, high)])
            if not ranges:
                return [self._opened.raw(start, stop, (first, last), None)]  # in a memory map
            stored = self._blocks.fetch(ranges)[0]
            header.check(stored, low, high)
            for frame in range(low, high):
                a = (frame - low) * BLOB_FRAME
                found[frame] = stored[a : a + BLOB_FRAME]
            with self._lock:
                for frame in range(low, high):
                    self._kept[frame] = found[frame]
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
                self._opened.inflated = sum(map(len, self._kept.values()))
        parts = []
        for frame in range(first, last):
            base = frame * BLOB_FRAME
            parts.append(found[frame][max(start - base, 0) : stop - base])
        return parts


class BlobFile(io.RawIOBase):
    """A blob as a seekable binary file: the ranges that are read are fetched, and checked.

    One thread uses it at a time; several files may share one blob's frames.

    Args:
        frames: The blob's frames.
        name: What messages call the file.
        raises: A read that fails raises; else the file seems to end there, and ``failure`` tells:
            callbacks of libraries in C cannot raise.

    Attributes:
        failure: What a read failed with.
    """

    def __init__(self, frames: Frames, name: str, *, raises: bool = True) -> None:
        super().__init__()
        self._frames = frames
        self._position = 0
        self._end = 0
        self._ahead = 0
        self.name = name
        self.size = frames.size
        self.failure: DeepLakeError | None = None
        self._raises = raises

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}
        if whence not in start:
            raise ValueError(f"whence is 0, 1 or 2, not {whence}")
        position = start[whence] + offset
        if position < 0:
            raise ValueError(f"byte {position} is before the file")
        self._position = position
        return position

    def _next(self, size: int) -> list[memoryview]:
        if self.closed:
            raise ValueError("the file is closed")
        start = self._position
        stop = min(start + size, self.size)
        if stop <= start:
            return []
        if start != self._end:
            self._ahead = 0
        elif stop // BLOB_FRAME > start // BLOB_FRAME:
            # Front to back, it seems: each request fetches twice as much as the one before.
            self._ahead = min(max(2 * self._ahead, 1), MAX_AHEAD)
        self._position = self._end = stop
        try:
            return self._frames.read(start, stop, self._ahead)
        except DeepLakeError as error:
            self.failure = error
            if self._raises:
                raise
            return []

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        at = 0
        for part in self._next(len(view)):
            view[at : at + len(part)] = part
            at += len(part)
        return at

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            size = max(self.size - self._position, 0)
        return b"".join(self._next(size))

    def readall(self) -> bytes:
        return self.read()


def blob_file(opened: OpenChunk, blocks: Blocks, *, raises: bool = True) -> BlobFile:
    """The file in a chunk of kind blob.

    Args:
        opened: The chunk.
        blocks: Where it is read.
        raises: Reads that fail raise.
    """
    frames: Frames | None = opened.blob
    if frames is None:
        frames = Frames(opened, blocks)
        opened.blob = frames
    return BlobFile(frames, opened.header.name, raises=raises)


# --------------------------------------------------------------------------- writing
class FileSample:
    """A file that is going to be stored as a blob.

    Args:
        data: The file.
        shape: Shape of what it decodes to.
        dtype: Its dtype.
        codec: Name of its format.

    Attributes:
        origin: Path or URL of the file; empty if there is none.
    """

    flag = BLOB

    def __init__(self, data: Buffer, shape: Shape, dtype: str, codec: str) -> None:
        self.origin = ""
        self._data = data
        self._shape = shape
        self._dtype = dtype
        self._codec = codec

    @property
    def shape(self) -> Shape:
        """Shape of what it decodes to."""
        return self._shape

    def place(self, staging: Staging, blocks: Blocks) -> np.ndarray:
        """Stage the chunk, and return the record of where it is."""
        block = chunk_format.build(
            [self._data], n=1, dtype=self._dtype, shapes=self._shape, sizes=len(self._data),
            sample_codec=self._codec, kind=chunk_format.BLOB,
            paths=[self.origin] if self.origin else None,
        )  # fmt: skip
        return placed(block, staging)


class KeptFile:
    """A stored blob that another row, or another dataset, gets as it is.

    Args:
        opened: Its chunk.
        data: The whole block.
        record: Where it is.
        blocks: Where it was read.
    """

    flag = BLOB

    def __init__(
        self, opened: OpenChunk, data: memoryview, record: np.ndarray, blocks: Blocks
    ) -> None:
        self._opened = opened
        self._data = data
        self._record = record
        self._blocks = blocks
        self.origin = opened.header.origin(0)

    @property
    def shape(self) -> Shape:
        """Shape of what it decodes to."""
        return self._opened.header.sample_shape(0)

    def place(self, staging: Staging, blocks: Blocks) -> np.ndarray:
        """In the same dataset it stays where it is; else a copy is staged, once it was checked."""
        if blocks is self._blocks:
            return self._record
        header = self._opened.header
        header.check(self._data[header.header_length :], 0, header.frames)
        block = Block([bytes(self._data)], len(self._data), header.header_length, header.checksum)
        return placed(block, staging)


__all__ = ["BlobFile", "FileSample", "Frames", "KeptFile", "blob_file"]
