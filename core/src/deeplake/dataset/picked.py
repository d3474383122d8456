"""Which items a subscript takes from rows that are sequences, and what it takes from each item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deeplake.dataset.chunks import Rows, row_numbers
from deeplake.dataset.selection import Selection
from deeplake.dataset.sequence_reader import Items, SequenceReader
from deeplake.errors import IndexOutOfRangeError


class Picked:
    """Items of some rows.

    Args:
        reader: Reads the rows; those beyond its end, which fill up a view, have no items.
        rows: Row numbers.
        selection: Its steps say which items of each row, and which part of each item.

    Attributes:
        whole: All items of the rows.
        single: One item of each row, without an axis of items.
        inner: What is taken of each item.
        items: The items, of the rows that are stored.

    Raises:
        IndexOutOfRangeError: A row has no such item.
    """

    __slots__ = ("_n", "_stored", "inner", "items", "reader", "single", "whole")

    def __init__(self, reader: SequenceReader, rows: Rows, selection: Selection) -> None:
        numbers = row_numbers(rows)
        self.reader = reader
        self._n = len(numbers)
        self._stored: np.ndarray | None = None
        if len(numbers) and int(numbers.max()) >= len(reader):
            self._stored = np.flatnonzero(numbers < len(reader))
            numbers = numbers[self._stored]
        self.whole = not selection.steps
        self.single = False
        self.inner = Selection.ALL
        if self.whole:
            self.items = reader.items(numbers)
            return
        counts = reader.counts(numbers)
        kinds = counts.tolist() if self._stored is None else [*counts.tolist(), 0]
        by_count = {count: self._within(selection, count, kinds, numbers) for count in set(kinds)}
        for found in by_count.values():
            self.single = found.is_single
            self.inner = Selection(None, found.steps)
        chosen = {
            count: np.atleast_1d(np.asarray(found.rows(count), np.int64))
            for count, found in by_count.items()
        }
        self.items = reader.items(numbers, [chosen[count] for count in counts.tolist()])

    def _within(
        self, selection: Selection, count: int, counts: list[int], numbers: np.ndarray
    ) -> Selection:
        """What the steps take of a row of so many items."""
        schema = self.reader.schema
        try:
            return selection.items(count, schema.ndim)
        except IndexOutOfRangeError as error:
            at = counts.index(count)
            row = f"row {numbers[at]}" if at < len(numbers) else "a row that only fills up the view"
            raise IndexOutOfRangeError(
                f"tensor {schema.name!r}, {row}, which has {count} items: {error}"
            ) from error

    def __len__(self) -> int:
        return self._n

    @property
    def counts(self) -> np.ndarray:
        """``int64[n]``: how many items are taken of each row."""
        if self._stored is None:
            return self.items.counts
        counts = np.zeros(self._n, np.int64)
        counts[self._stored] = self.items.counts
        return counts

    # ---- values
    def values(self, *, parallel: bool = True) -> list[Any]:
        """The values of all items, whole."""
        return self.reader.item_values(self.items, parallel=parallel)

    def parts(self, *, parallel: bool = True) -> list[Any]:
        """What is taken of each item, of items that are arrays."""
        if self.inner.steps and self.reader.has_parts(self.items):
            return self.reader.item_parts(self.items, self.inner)
        values = self.values(parallel=parallel)
        return [self.inner.apply(value) for value in values] if self.inner.steps else values

    def array(self, *, parallel: bool = True) -> np.ndarray | None:
        """What is taken of all items as one array ``(rows, items, *shape)``, or ``(rows, *shape)``.

        None where numbers or shapes differ, where there is nothing, or where parts are read alone.
        """
        counts = self.counts
        if not len(self.items) or (counts != counts[0]).any():
            return None
        if self.inner.steps and self.reader.has_parts(self.items):
            return None  # of files of which parts are decoded alone, not all is read first
        found = self.reader.item_array(self.items, parallel=parallel)
        if found is None:
            return None
        if self.inner.steps:
            found = self.inner.apply_batch(found)
        if self.single:
            return found
        return found.reshape(self._n, int(counts[0]), *found.shape[1:])

    def by_row(self, values: Sequence[Any]) -> list[Any]:
        """One value for each item, as a list for each row, or as it is where there is one a row."""
        rows = self.items.by_row(values)
        if self._stored is not None:
            whole: list[list[Any]] = [[] for _ in range(self._n)]
            for position, row in zip(self._stored.tolist(), rows, strict=True):
                whole[position] = row
            rows = whole
        return [row[0] for row in rows] if self.single else rows


__all__ = ["Items", "Picked"]
