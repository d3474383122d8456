"""A file somewhere as a seekable binary file."""

from __future__ import annotations

import io
from collections import OrderedDict
from typing import Any

from deeplake.errors import GetDataFromLinkError
from deeplake.links.source import Source, Stat

BLOCK = 256 << 10
"""Bytes that are fetched at least."""

KEPT = 64
"""Blocks that are kept: 16 MiB."""

AHEAD = 4
"""Blocks that are fetched in one request when a file is read from front to back."""


class RangeFile(io.RawIOBase):
    """A file that fetches the ranges that are read, in blocks that it keeps.

    Libraries that want a binary file (PyAV, pydicom, Pillow …) can be given one for a URL: what they
    do not read is not fetched. One thread uses it at a time.

    Args:
        source: The file.
        block: Bytes of a block.
        kept: Blocks that are kept.

    Attributes:
        name: Path or URL, without credentials.
        requests: Ranges that were fetched so far.

    Raises:
        GetDataFromLinkError: There is no such file, or its size is not known.
    """

    def __init__(self, source: Source, *, block: int = BLOCK, kept: int = KEPT) -> None:
        super().__init__()
        self._source = source
        self._block = block
        self._kept = kept
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._position = 0
        self._next = 0
        self.name = source.name
        self.requests = 0
        try:
            self.info: Stat = source.stat()
            if self.info.size is None:
                raise GetDataFromLinkError(f"{source.name}: the server does not tell its size")
        except BaseException:
            source.close()
            raise
        self.size: int = self.info.size

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

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read_at(self._position, self._position + len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            size = max(self.size - self._position, 0)
        data = self.read_at(self._position, self._position + size)
        self._position += len(data)
        return data

    def readall(self) -> bytes:
        return self.read()

    def read_at(self, start: int, stop: int) -> bytes:
        """Bytes ``start`` to ``stop``, less at the end of the file; the position stays.

        Raises:
            ValueError: The file is closed.
            GetDataFromLinkError: They cannot be read.
        """
        if self.closed:
            raise ValueError("the file is closed")
        stop = min(stop, self.size)
        if stop <= start:
            return b""
        size = self._block
        first, last = start // size, (stop - 1) // size
        if last - first >= self._kept:
            # More than is kept: what is in the blocks already is fetched once more, in one request.
            return self._fetch(start, stop)
        if any(block not in self._blocks for block in range(first, last + 1)):
            self._load(first, last)
        parts = []
        for block in range(first, last + 1):
            data = self._blocks[block]
            self._blocks.move_to_end(block)
            parts.append(data[max(start - block * size, 0) : stop - block * size])
        while len(self._blocks) > self._kept:
            self._blocks.popitem(last=False)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _load(self, first: int, last: int) -> None:
        """Fetch the blocks that are not there, neighbours in one request."""
        size = self._block
        blocks = self._blocks
        missing = [block for block in range(first, last + 1) if block not in blocks]
        end = missing[-1] + 1
        if missing[0] == self._next and missing[0]:
            # Front to back, it seems.
            ahead = min(last + AHEAD, (self.size - 1) // size + 1, first + self._kept)
            while end < ahead and end not in blocks:
                missing.append(end)
                end += 1
        runs: list[list[int]] = []
        for block in missing:
            if runs and runs[-1][1] == block:
                runs[-1][1] = block + 1
            else:
                runs.append([block, block + 1])
        for a, b in runs:
            data = self._fetch(a * size, min(b * size, self.size))
            for block in range(a, b):
                blocks[block] = data[(block - a) * size : (block - a + 1) * size]
        self._next = end

    def _fetch(self, start: int, stop: int) -> bytes:
        self.requests += 1
        data = self._source.read(start, stop)
        if len(data) != stop - start:
            raise GetDataFromLinkError(
                f"{self.name}: bytes {start} to {stop} were asked for, and {len(data)} came: the file "
                "was changed while it was read"
            )
        return data

    def close(self) -> None:
        if not self.closed:
            self._blocks.clear()
            self._source.close()
        super().close()


__all__ = ["RangeFile"]
