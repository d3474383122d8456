"""Where the samples of a chunk were read from: paths and URLs of files (spec, section 4.11).

What all of them begin with is stored once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from deeplake.errors import FormatError
from deeplake.format import column

MAX_LENGTH = 1 << 15
"""Bytes of a path; no system has longer ones."""

_ERRORS = "surrogateescape"
"""Names of files may be any bytes: Python has those that are no text as lone surrogates."""


class Origins:
    """Paths of some samples.

    Args:
        prefix: What they begin with.
        sizes: For each 1 more than the bytes that follow, or 0 if it has no path: a number that all
            have, or one each.
        rest: What follows, one after the other.
    """

    __slots__ = ("_ends", "_prefix", "_rest", "_sizes")

    def __init__(self, prefix: bytes, sizes: np.ndarray | int, rest: memoryview) -> None:
        self._prefix = prefix
        self._sizes = sizes
        self._rest = rest
        self._ends: np.ndarray | None = None

    @classmethod
    def parse(cls, reader: column.HeaderReader, n: int) -> Origins:
        """Read those of ``n`` samples.

        Raises:
            FormatError: The header has no room for them.
        """
        length = int.from_bytes(reader.take(2), "little")
        prefix = bytes(reader.take(length))
        sizes = reader.column(n)
        most = sizes if isinstance(sizes, int) else int(sizes.max()) if n else 0
        if most > MAX_LENGTH + 1 or length > MAX_LENGTH:
            raise FormatError(f"{reader.name}: a path of {max(most - 1, length)} bytes")
        if isinstance(sizes, int):
            total = max(sizes - 1, 0) * n
        else:
            total = int(sizes.sum(dtype=np.int64)) - int(np.count_nonzero(sizes))
        return cls(prefix, sizes, reader.take(total))

    def __getitem__(self, i: int) -> str:
        """The path of sample ``i``; empty if it has none."""
        sizes = self._sizes
        size = sizes if isinstance(sizes, int) else int(sizes[i])
        if size == 0:
            return ""
        if isinstance(sizes, int):
            stop = (i + 1) * (size - 1)
        else:
            if self._ends is None:
                wide = sizes.astype(np.int64)
                self._ends = np.cumsum(wide - (wide > 0))
            stop = int(self._ends[i])
        found = self._prefix + bytes(self._rest[stop - size + 1 : stop])
        return found.decode("utf-8", _ERRORS)


def encode(origins: Sequence[str]) -> bytes:
    """The bytes of some paths, empty ones for samples that have none."""
    paths = [encoded(path) for path in origins]
    known = [path for path in paths if path]
    prefix: Any = b""
    if known:
        prefix = os.path.commonprefix(known)  # noqa: RUF071 - of bytes, not of folders
    length = len(prefix)
    sizes = np.array([len(path) - length + 1 if path else 0 for path in paths], np.uint64)
    rest = b"".join(path[length:] for path in known)
    return b"".join((length.to_bytes(2, "little"), prefix, column.encode(sizes), rest))


def encoded(path: str) -> bytes:
    """A path as it is stored; empty if it has too many bytes, or is no text at all."""
    try:
        found = path.encode("utf-8", _ERRORS)
    except UnicodeEncodeError:
        return b""
    return found if len(found) <= MAX_LENGTH else b""


__all__ = ["MAX_LENGTH", "Origins", "encode", "encoded"]
