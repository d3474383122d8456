"""Arrays of somebody else, stored from where they are.

Each megabyte gets its checksums right before it is written, and once more right after: it comes from
memory once, and who changes the array meanwhile is found out.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence

import numpy as np
import xxhash

from deeplake.format.checksum import digests
from deeplake.format.chunk import ALIGNMENT, WARM, PlainChunk
from deeplake.spi import PartWriter


class LentObject:
    """A data object of chunks whose samples are somebody else's memory.

    Args:
        prefix: First half of the object's id.
        chunks: What it holds.

    Attributes:
        id: Its id.
        size: Its bytes.
        rows: Rows of all chunks.
        offsets: Where each chunk begins.
        headers: Of each chunk, when it was written: length and checksum of its header.
        unchanged: Nobody wrote to the memory while it was stored.
    """

    __slots__ = ("chunks", "headers", "id", "offsets", "rows", "size", "unchanged")

    def __init__(self, prefix: str, chunks: Sequence[PlainChunk]) -> None:
        self.id = prefix + secrets.token_hex(8)
        self.chunks = chunks
        self.rows = sum(chunk.n for chunk in chunks)
        self.offsets: list[int] = []
        self.headers: list[tuple[int, int]] = []
        self.unchanged = True
        self.size = 0
        for chunk in chunks:
            self.size += -self.size % ALIGNMENT
            self.offsets.append(self.size)
            self.size += chunk.length

    def write(self, write: PartWriter) -> None:
        """Write all of it."""
        end = 0
        self.headers = []
        for chunk, offset in zip(self.chunks, self.offsets, strict=True):
            if offset > end:
                write(end, bytes(offset - end))
            length = chunk.header_length
            found = self._write_frames(chunk, offset + length, write)
            header, checksum = chunk.header(found)
            write(offset, header)
            self.headers.append((length, checksum))
            end = offset + length + len(chunk.payload)

    def _write_frames(self, chunk: PlainChunk, at: int, write: PartWriter) -> np.ndarray:
        """Write the payload of a chunk; returns the checksums of its frames."""
        found: list[int] = []
        start = at
        for frames in _together(chunk.frames()):
            if len(frames) == 1 and len(frames[0]) > WARM:
                before, after = xxhash.xxh3_64(), xxhash.xxh3_64()
                for a in range(0, len(frames[0]), WARM):
                    part = frames[0][a : a + WARM]
                    before.update(part)
                    write(at, part)
                    after.update(part)
                    at += len(part)
                sums, again = [before.intdigest()], [after.intdigest()]
            else:
                stop = at + sum(map(len, frames))
                sums = digests(frames).tolist()
                write(at, chunk.payload[at - start : stop - start])
                again = digests(frames).tolist()
                at = stop
            self.unchanged = self.unchanged and sums == again
            found += sums
        return np.array(found, np.uint64)


def _together(frames: Sequence[memoryview]) -> Iterator[list[memoryview]]:
    """The frames in groups of what a processor keeps in its own caches, each of one at least."""
    group: list[memoryview] = []
    size = 0
    for frame in frames:
        if group and size + len(frame) > WARM:
            yield group
            group, size = [], 0
        group.append(frame)
        size += len(frame)
    if group:
        yield group


__all__ = ["LentObject"]
