"""How the items of a sequence chunk belong to its rows (spec, section 4.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deeplake.errors import FormatError
from deeplake.format import column

MAX_ITEMS = 1 << 24
"""Of all rows of a chunk together."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of a chunk whose samples are the items of sequences.

    Attributes:
        n: Rows.
        ends: ``int64[n]``: the item after the last of each row.
        nulls: ``bool[n]``, which rows are None; None if no row is.
    """

    n: int
    ends: np.ndarray
    nulls: np.ndarray | None = None

    @classmethod
    def of(cls, counts: np.ndarray, nulls: np.ndarray | None = None) -> Rows:
        """Rows with so many items each.

        Args:
            counts: ``int64[n]``.
            nulls: ``bool[n]``, which rows are None; these have no items.
        """
        some = nulls if nulls is not None and nulls.any() else None
        return cls(len(counts), np.cumsum(counts, dtype=np.int64), some)

    @property
    def items(self) -> int:
        """Items of all rows."""
        return int(self.ends[-1]) if self.n else 0

    @property
    def counts(self) -> np.ndarray:
        """``int64[n]``: items of each row."""
        return np.diff(self.ends, prepend=0)

    def starts_of(self, rows: np.ndarray) -> np.ndarray:
        """``int64[m]``: the first item of some rows."""
        return np.where(rows > 0, self.ends[rows - 1], 0)

    def counts_of(self, rows: np.ndarray) -> np.ndarray:
        """``int64[m]``: items of some rows."""
        counts: np.ndarray = self.ends[rows] - self.starts_of(rows)
        return counts

    def item_range(self, row: int) -> tuple[int, int]:
        """First item of a row, and the one after its last."""
        return (int(self.ends[row - 1]) if row else 0), int(self.ends[row])

    def is_null(self, row: int) -> bool:
        """Whether a row is None."""
        return self.nulls is not None and bool(self.nulls[row])

    # ---- bytes
    def encode(self) -> tuple[bytes, bytes]:
        """The column of counts, and the bitmap of the rows that are None."""
        bits = b"" if self.nulls is None else np.packbits(self.nulls, bitorder="little").tobytes()
        return column.encode(self.counts.astype(np.uint64)), bits

    @classmethod
    def parse(cls, reader: column.HeaderReader, n: int) -> Rows:
        """Read the column of counts.

        Raises:
            FormatError: The rows have more items than a chunk holds.
        """
        counts = reader.column(n)
        if isinstance(counts, int):
            total, most = counts * n, counts
        else:
            most = int(counts.max()) if n else 0
            total = int(counts.sum(dtype=np.uint64)) if most <= MAX_ITEMS else most
        if most > MAX_ITEMS or total > MAX_ITEMS:
            raise FormatError(f"{reader.name}: {n} sequences have more than {MAX_ITEMS} items")
        if isinstance(counts, int):
            return cls(n, np.arange(1, n + 1, dtype=np.int64) * counts)
        return cls(n, np.cumsum(counts, dtype=np.int64))

    def with_nulls(self, nulls: np.ndarray[Any, Any], name: str) -> Rows:
        """The same rows, of which some are None.

        Raises:
            FormatError: One of these has items.
        """
        if (nulls & (self.counts > 0)).any():
            raise FormatError(f"{name}: a sequence that is None has items")
        return Rows(self.n, self.ends, nulls)


__all__ = ["MAX_ITEMS", "Rows"]
