"""Reads rows of a sequence tensor, and single items of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from deeplake.dataset.chunks import Group, Rows, row_numbers
from deeplake.dataset.reader import TensorReader
from deeplake.dataset.selection import Selection
from deeplake.format.builder import Run
from deeplake.format.links import AnyLink
from deeplake.format.sequence import Rows as Layout
from deeplake.types import Shape
from deeplake.versioning.openchunk import OpenChunk
from deeplake.versioning.rewrite import encoded_sample


@dataclass(frozen=True, eq=False)
class Items:
    """Some items of some rows, row by row.

    Attributes:
        rows: ``int64[n]``: row numbers.
        counts: ``int64[n]``: how many items of each row these are.
        numbers: ``int64[m]``: their numbers in their rows.
        groups: Where they are stored.
    """

    rows: np.ndarray
    counts: np.ndarray
    numbers: np.ndarray
    groups: Sequence[Group]

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def owners(self) -> np.ndarray:
        """``int64[m]``: which of the rows each item is of."""
        return np.repeat(np.arange(len(self.rows)), self.counts)

    def by_row(self, values: Sequence[Any]) -> list[list[Any]]:
        """One value for each item, as a list for each row."""
        ends = np.cumsum(self.counts)
        bounds = zip((ends - self.counts).tolist(), ends.tolist(), strict=True)
        return [list(values[a:b]) for a, b in bounds]

    def __getitem__(self, position: int) -> str:
        """What messages call the row of an item."""
        return f"{self.rows[self.owners[position]]}, item {self.numbers[position]}"


class SequenceReader(TensorReader):
    """Reads rows of one sequence tensor in one version; any number of threads may use it at once.

    What it gives for a row is a list of the row's items. Items that are not asked for are not read.
    """

    # ---- where items are
    def _layout(self, chunk: OpenChunk) -> Layout:
        layout = chunk.header.sequences
        assert layout is not None  # checked when the chunk was opened
        return layout

    def counts(self, rows: Rows) -> np.ndarray:
        """``int64[n]``: how many items some rows have."""
        result = np.zeros(len(rows), np.int64)
        for chunk, positions, places in self.groups(rows):
            result[positions] = self._layout(chunk).counts_of(places)
        return result

    def items(self, rows: Rows, wanted: Sequence[np.ndarray] | None = None) -> Items:
        """Some items of some rows.

        Args:
            rows: Row numbers.
            wanted: For each row the numbers of its items that are wanted; None: all items.
        """
        numbers = row_numbers(rows)
        n = len(numbers)
        first, which = np.zeros(n, np.int64), np.zeros(n, np.int64)
        counts = np.zeros(n, np.int64)
        groups = self.groups(rows)
        for k, (chunk, positions, places) in enumerate(groups):
            layout = self._layout(chunk)
            first[positions], which[positions] = layout.starts_of(places), k
            counts[positions] = layout.counts_of(places)
        if wanted is None:
            owner_starts = np.cumsum(counts) - counts
            inside = np.arange(int(counts.sum())) - np.repeat(owner_starts, counts)
        else:
            counts = np.fromiter(map(len, wanted), np.int64, n)
            inside = np.concatenate(wanted) if n else np.zeros(0, np.int64)
        places = np.repeat(first, counts) + inside
        found: list[Group] = []
        if len(groups) == 1:
            if len(places):
                found.append((groups[0][0], np.arange(len(places)), places))
        else:
            owners = np.repeat(which, counts)
            order = np.argsort(owners, kind="stable")
            bounds = np.searchsorted(owners[order], np.arange(len(groups) + 1))
            for (chunk, _, _), a, b in zip(
                groups, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True
            ):
                if a < b:
                    positions = order[a:b]
                    found.append((chunk, positions, places[positions]))
        return Items(numbers, counts, inside, found)

    # ---- their values
    def item_values(self, items: Items, *, parallel: bool = True) -> list[Any]:
        """The values of some items."""
        return self._samples(items.groups, len(items), items, parallel)  # type: ignore[arg-type]

    def has_parts(self, items: Items) -> bool:
        """Whether parts of some items (frames of videos, stretches of sounds) can be decoded alone."""
        return any(
            chunk.header.links or (chunk.sample_codec is not None and chunk.sample_codec.parts)
            for chunk, _, _ in items.groups
        )

    def item_parts(self, items: Items, inner: Selection) -> list[np.ndarray]:
        """What the steps of a selection take of some items; as little as possible is decoded."""
        result: list[Any] = [None] * len(items)
        for chunk, positions, places, parts in self._fetched(items.groups, blocks=False):
            for position, i, stored in zip(positions.tolist(), places.tolist(), parts, strict=True):
                found = self._items(chunk, i, stored, items[position], inner)
                if found is None:
                    found = inner.apply(self._decode(chunk, i, stored, items[position]))
                result[position] = found
        self._trim()
        return result

    def item_array(self, items: Items, *, parallel: bool = True) -> np.ndarray | None:
        """Some items as one array ``(items, *shape)``; None if they are none or shapes differ."""
        if self.payload != "array":
            return None
        return self._stacked(items.groups, len(items), items, None, parallel)  # type: ignore[arg-type]

    def item_bytes(self, items: Items) -> list[bytes]:
        """The stored bytes of some items."""
        return self._raws(items.groups, items)  # type: ignore[arg-type]

    def item_links(self, items: Items) -> list[AnyLink | None]:
        """The links of some items of a tensor of links; None for None."""
        return self._links(items.groups, len(items), items)  # type: ignore[arg-type]

    def pinned_shapes(self, items: Items) -> list[Shape | None]:
        """Shapes of what links lead to, as far as they are known without opening them."""
        return self._pinned_shapes(items.groups, len(items))

    def item_nulls(self, items: Items) -> np.ndarray:
        """``bool[m]``: which items are None."""
        result = np.zeros(len(items), bool)
        for chunk, positions, places in items.groups:
            if chunk.header.nulls is not None:
                result[positions] = chunk.header.nulls[places]
        return result

    def item_origins(self, items: Items) -> list[str]:
        """Where the files of some items were read from; empty where that is not known."""
        result = [""] * len(items)
        for chunk, positions, places in items.groups:
            for position, i in zip(positions.tolist(), places.tolist(), strict=True):
                result[position] = chunk.header.origin(i)
        return result

    def item_shapes(self, items: Items) -> np.ndarray:
        """``int64[m, ndim]``: shapes of some items."""
        if self.looks:
            return self._look(items.groups, len(items), items)  # type: ignore[arg-type]
        ndim = self.schema.ndim or 0
        result = np.zeros((len(items), ndim), np.int64)
        for chunk, positions, places in items.groups:
            header = chunk.header
            if header.ndim == ndim:
                result[positions] = (
                    header.shape if header.shape is not None else header.shapes()[places]
                )
        return result

    def item_runs(self, items: Items) -> list[Run]:
        """Some items as they are stored, to be stored again."""
        result: list[Run] = [_NOTHING] * len(items)
        for chunk, positions, places, parts in self._fetched(items.groups, blocks=False):
            for position, i, stored in zip(positions.tolist(), places.tolist(), parts, strict=True):
                data = chunk.sample_bytes(i, stored)
                result[position] = encoded_sample(chunk, i, data)
        self._trim()
        return result

    # ---- rows
    def mapped(self, row: int, item: int | None = None) -> np.ndarray | None:
        """One row, or one item of it, copied from a map of its file.

        Args:
            row: Row number.
            item: Number of an item, from the end if it is negative; None: all items.

        Returns:
            None if the row is not there in this form, or has no such item.
        """
        chunk, i = self._locate(row)
        header, array = chunk.header, chunk.array
        if array is None or header.ndim != self.schema.ndim:
            return None
        first, last = self._layout(chunk).item_range(i)
        if item is not None:
            if not first - last <= item < last - first:
                return None
            first += item % (last - first)
            last = first + 1
        if first == last:
            return None
        size = header.size
        if size and header.frame_size:
            chunk.verify(*header.frame_range(first * size, last * size))
        elif size:
            chunk.verify(first, last)
        return array[first:last].copy() if item is None else array[first].copy()

    def quick(self, row: int, selection: Selection = Selection.ALL) -> None:
        """Nothing: items are counted first."""

    def sample(self, row: int) -> list[Any]:
        """The items of one row."""
        return self.item_values(self.items([row]))

    def samples(self, rows: Rows, *, parallel: bool = True) -> list[Any]:
        items = self.items(rows)
        return items.by_row(self.item_values(items, parallel=parallel))

    def array(
        self, rows: Rows, out: np.ndarray | None = None, *, parallel: bool = True
    ) -> np.ndarray | None:
        """Some rows as one array ``(rows, items, *shape)``; None if counts or shapes differ."""
        items = self.items(rows)
        counts = items.counts
        if not len(items) or (counts != counts[0]).any():
            return None
        found = self.item_array(items, parallel=parallel)
        if found is None:
            return None
        found = found.reshape(len(counts), int(counts[0]), *found.shape[1:])
        if out is None:
            return found
        out[...] = found
        return out

    def raw(self, row: int) -> Any:
        """The stored bytes of each item of one row."""
        return self.item_bytes(self.items([row]))

    def raws(self, rows: Rows) -> list[Any]:
        """The stored bytes of each item of some rows."""
        items = self.items(rows)
        return items.by_row(self.item_bytes(items))

    def is_null(self, row: int) -> bool:
        chunk, i = self._locate(row)
        return self._layout(chunk).is_null(i)

    def nulls(self, rows: Rows) -> np.ndarray:
        """``bool[n]``: which rows are None."""
        result = np.zeros(len(rows), bool)
        for chunk, positions, places in self.groups(rows):
            nulls = self._layout(chunk).nulls
            if nulls is not None:
                result[positions] = nulls[places]
        return result

    # ---- shapes of rows
    def shape(self, row: int) -> Shape:
        """Shape of one row: the number of its items first; of items that differ, the highest."""
        return tuple(self.bounds([row])[1][0].tolist())

    def shapes(self, rows: Rows) -> np.ndarray:
        """``int64[rows, 1 + ndim]``; ``object`` with None where the items of a row differ."""
        low, high = self.bounds(rows)
        if (low == high).all():
            return low
        result = low.astype(object)
        result[low != high] = None
        return result

    def bounds(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        items = self.items(rows)
        shapes = self.item_shapes(items)
        low = np.zeros((len(items.counts), 1 + shapes.shape[1]), np.int64)
        low[:, 0] = items.counts
        high = low.copy()
        filled = np.flatnonzero(items.counts)
        if len(filled) and shapes.shape[1]:
            starts = (np.cumsum(items.counts) - items.counts)[filled]
            low[filled, 1:] = np.minimum.reduceat(shapes, starts, axis=0)
            high[filled, 1:] = np.maximum.reduceat(shapes, starts, axis=0)
        return low, high


_NOTHING = Run(b"", 1, (), 0)

__all__ = ["Items", "SequenceReader"]
