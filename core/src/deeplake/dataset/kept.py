"""What queries remember of the chunks of a tensor."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from deeplake.format import pieces as piece_format
from deeplake.format.statistics import bounds_dtype
from deeplake.spi import Values
from deeplake.versioning.table import PieceTable

MAX_KEPT_BYTES = 256 << 20
MAX_KEPT = 4096
"""Chunks whose values are kept decoded, and bytes that these take beside memory maps."""

Key: TypeAlias = tuple[str, int]
"""Object and offset of a chunk."""


class Kept:
    """Values of whole chunks of one tensor, and statistics of its pieces, remembered.

    Chunks never change, so what is kept stays good whatever happens to the dataset.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: OrderedDict[Key, tuple[Values, int]] = OrderedDict()
        self._bytes = 0
        self._statistics: tuple[PieceTable, Mapping[str, np.ndarray]] | None = None
        self._runs: tuple[PieceTable | None, dict[tuple[int, int], tuple[Key, int]]] = (None, {})

    def __reduce__(self) -> tuple[type[Kept], tuple[()]]:
        # It stays in the process that read it.
        return Kept, ()

    def get(self, key: Key) -> Values | None:
        """The values of a chunk."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: Key, values: Values, nbytes: int) -> None:
        """Remember the values of a chunk, and forget those that were used longest ago."""
        with self._lock:
            if key in self._values:
                return
            self._values[key] = (values, nbytes)
            self._bytes += nbytes
            while len(self._values) > MAX_KEPT or (
                self._bytes > MAX_KEPT_BYTES and len(self._values) > 1
            ):
                _, (_, less) = self._values.popitem(last=False)
                self._bytes -= less

    def run(self, table: PieceTable, start: int, stop: int) -> Values | None:
        """The values of consecutive rows, if it is known in which chunk they are and that is kept."""
        of, places = self._runs
        if of is not table:
            return None
        place = places.get((start, stop))
        whole = None if place is None else self.get(place[0])
        if whole is None or place is None:
            return None
        return whole.part(place[1], place[1] + stop - start)

    def put_run(self, table: PieceTable, start: int, stop: int, key: Key, first: int) -> None:
        """Remember in which chunk consecutive rows are.

        Args:
            table: The pieces of the tensor.
            start, stop: The rows.
            key: The chunk.
            first: Which of its samples the first of them is.
        """
        of, places = self._runs
        if of is not table or len(places) >= MAX_KEPT:
            places = {}
            self._runs = (table, places)
        places[start, stop] = (key, first)

    def statistics(self, table: PieceTable, dtype: str | None) -> Mapping[str, np.ndarray]:
        """What ``Columns.pieces`` says of a table."""
        known = self._statistics
        if known is None or known[0] is not table:
            known = self._statistics = (table, _statistics(table, dtype))
        return known[1]


def _statistics(table: PieceTable, dtype: str | None) -> Mapping[str, np.ndarray]:
    pieces = table.pieces()
    counts = pieces["count"].astype(np.int64)
    wide = bounds_dtype(dtype)
    bounds = np.dtype(np.uint64) if wide is None else wide
    valid = (pieces["flags"] & piece_format.VALID).astype(bool)
    known = (pieces["flags"] & piece_format.DOMAIN).astype(bool)
    return {
        "start": np.cumsum(counts) - counts,
        "count": counts,
        "null_count": pieces["nulls"].astype(np.int64),
        "min": np.ascontiguousarray(pieces["min"]).view(bounds),
        "max": np.ascontiguousarray(pieces["max"]).view(bounds),
        "valid": valid if wide is not None else np.zeros(len(pieces), bool),
        "domain": np.where(known, pieces["domain"], np.uint64(0)),
        "nbytes": pieces["length"].astype(np.int64),
    }


__all__ = ["Kept"]
