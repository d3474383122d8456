"""What a query reads of the rows of a loader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deeplake.format import pieces as piece_format
from deeplake.format.statistics import bounds_dtype
from deeplake.loader.snapshot import Snapshot
from deeplake.spi import Columns


class SnapshotColumns(Columns):
    """Some rows of a snapshot as a query sees them.

    Args:
        snapshot: The dataset.
        rows: Row numbers; row ``i`` of the query is ``rows[i]`` of the dataset.
    """

    def __init__(self, snapshot: Snapshot, rows: range | np.ndarray) -> None:
        self._snapshot = snapshot
        self._rows = np.asarray(rows, np.int64)
        self._whole = isinstance(rows, range) and rows == range(len(rows))
        self.schema = {name: source.schema for name, source in snapshot.sources.items()}

    def __len__(self) -> int:
        return len(self._rows)

    def info(self, name: str) -> Mapping[str, Any]:
        """``info`` of a tensor."""
        return self._snapshot.sources[name].info

    def read(self, name: str, rows: np.ndarray | slice) -> Any:
        """Values of some rows: an array when shapes agree, else a list."""
        reader = self._snapshot.sources[name].reader
        wanted = self._rows[rows]
        array = reader.array(wanted)
        return reader.samples(wanted) if array is None else array

    def pieces(self, name: str) -> Mapping[str, np.ndarray]:
        """Statistics by piece; of a selection of rows nothing is known."""
        source = self._snapshot.sources[name]
        wide = bounds_dtype(source.schema.dtype)
        if not self._whole:
            n = np.array([len(self)], np.int64)
            unknown = np.zeros(1, np.dtype(np.float64) if wide is None else wide)
            return {
                "start": np.zeros(1, np.int64), "count": n, "null_count": n, "min": unknown,
                "max": unknown, "valid": np.zeros(1, bool),
            }  # fmt: skip
        table = source.reader.table.pieces(0, len(self))
        counts = table["count"].astype(np.int64)
        bounds = np.dtype(np.uint64) if wide is None else wide
        return {
            "start": np.cumsum(counts) - counts,
            "count": counts,
            "null_count": table["nulls"].astype(np.int64),
            "min": np.ascontiguousarray(table["min"]).view(bounds),
            "max": np.ascontiguousarray(table["max"]).view(bounds),
            "valid": (table["flags"] & piece_format.VALID).astype(bool),
        }


__all__ = ["SnapshotColumns"]
