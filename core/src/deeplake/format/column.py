"""Arrays of unsigned integers in block headers (spec, section 3).

A column of ``n`` values is one byte ``w`` and then: for ``w = 0`` one ``u64`` that all values
equal, for ``w`` in 1, 2, 4, 8 the ``n`` values as little-endian integers of ``w`` bytes. Whatever
its form, one value is read as a column of equal values.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from deeplake.errors import FormatError

_WIDTHS: dict[int, np.dtype[Any]] = {width: np.dtype(f"<u{width}") for width in (1, 2, 4, 8)}
_CONSTANT = struct.Struct("<BQ")


def constant(value: int, n: int) -> bytes:
    """A column of ``n`` values that are all the same."""
    width = _width(value)
    if n == 1 and width < 8:
        return bytes((width,)) + value.to_bytes(width, "little")
    return _CONSTANT.pack(0, value)


def encode(values: np.ndarray) -> bytes:
    """A column in its narrowest form."""
    if len(values) == 0:
        return constant(0, 0)
    high = int(values.max())
    if high == int(values.min()):
        return constant(high, len(values))
    width = _width(high)
    return bytes((width,)) + values.astype(_WIDTHS[width]).tobytes()


def _width(high: int) -> int:
    return 1 if high < 1 << 8 else 2 if high < 1 << 16 else 4 if high < 1 << 32 else 8


class HeaderReader:
    """Takes one item after the other from the bytes of a header.

    Args:
        data: The header.
        offset: Where to start.
        name: What the header belongs to, for messages.
    """

    __slots__ = ("data", "name", "offset")

    def __init__(self, data: memoryview, offset: int, name: str) -> None:
        self.data = data
        self.offset = offset
        self.name = name

    def take(self, size: int) -> memoryview:
        """The next ``size`` bytes."""
        end = self.offset + size
        if size < 0 or end > len(self.data):
            raise FormatError(
                f"{self.name}: its header ends at byte {len(self.data)}, where {end} are needed"
            )
        part = self.data[self.offset : end]
        self.offset = end
        return part

    def array(self, dtype: str, n: int) -> np.ndarray[Any, Any]:
        """The next ``n`` values of a NumPy dtype, without a copy."""
        kind = np.dtype(dtype)
        return np.frombuffer(self.take(n * kind.itemsize), kind)

    def column(self, n: int) -> np.ndarray[Any, Any] | int:
        """The next column: an array of ``n`` values, or the value that all of them have."""
        width = self.take(1)[0]
        if width == 0:
            return int.from_bytes(self.take(8), "little")
        if width not in _WIDTHS:
            raise FormatError(f"{self.name}: {width} is not the width of a column")
        if n == 1:
            return int.from_bytes(self.take(width), "little")
        return np.frombuffer(self.take(n * width), _WIDTHS[width])


def filled(column: np.ndarray[Any, Any] | int, n: int, dtype: str = "<u8") -> np.ndarray[Any, Any]:
    """The column as an array, whatever its form."""
    if isinstance(column, int):
        return np.full(n, column, np.dtype(dtype))
    return column.astype(np.dtype(dtype), copy=False)


__all__ = ["HeaderReader", "constant", "encode", "filled"]
