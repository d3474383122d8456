"""Which rows come first in an order, without sorting all: ORDER BY … LIMIT."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deeplake.spi import Columns
from deeplake_query_tql.scan import Part, Series, in_order
from deeplake_query_tql.vector import Dense, Text, Vec

HEAD = 4096
"""Values that are looked at first, to learn what surely comes too late."""


class Leaders:
    """The values that come first so far, in an order by one key.

    Equal values are all kept: further keys, or their places, decide between them.

    Args:
        limit: How many are wanted, at least 1.
        rising: Whether the order ascends.
    """

    def __init__(self, limit: int, *, rising: bool) -> None:
        self.limit = limit
        self.rising = rising
        self.last: Any = None
        self._values: list[np.ndarray] = []
        self._places: list[np.ndarray] = []
        self._count = 0
        self._enough = max(4 * limit, HEAD)

    def too_late(self, best: Any) -> bool:
        """Whether a value, and all that come behind it, surely are not among the first."""
        last = self.last
        if last is None or best is None:
            return False
        return bool(best > last if self.rising else best < last)

    def picked(self, key: Dense, start: int) -> tuple[np.ndarray, np.ndarray]:
        """Values that may be among the first, and their places.

        Args:
            key: One number a row.
            start: The place of the first row.
        """
        data, valid = key.data, key.valid
        if data.dtype.kind == "b":
            data = data.astype(np.int8)
        last = self.last
        if last is None:
            last = self._guess(data, valid)
        if last is None:
            chosen = np.ones(len(data), bool) if data.dtype.kind != "f" else ~np.isnan(data)
        else:
            chosen = data <= last if self.rising else data >= last
        if valid is not None:
            chosen &= valid
        places = np.flatnonzero(chosen)
        return data[places], places + start

    def _guess(self, data: np.ndarray, valid: np.ndarray | None) -> Any:
        """The last of the first values, if only some of the rows are looked at."""
        head = data[: max(4 * self.limit, HEAD)]
        if valid is not None:
            head = head[valid[: len(head)]]
        if head.dtype.kind == "f":
            head = head[~np.isnan(head)]
        return self._nth(head) if len(head) >= self.limit else None

    def _nth(self, data: np.ndarray) -> Any:
        place = self.limit - 1 if self.rising else len(data) - self.limit
        return np.partition(data, place)[place]

    def add(self, values: np.ndarray, places: np.ndarray) -> None:
        """Take what was picked."""
        if not len(values):
            return
        self._values.append(values)
        self._places.append(places)
        self._count += len(values)
        if self._count > self._enough or (self.last is None and self._count >= self.limit):
            values, places = self._joined()
            self.last = self._nth(values)
            kept = values <= self.last if self.rising else values >= self.last
            self._values, self._places = [values[kept]], [places[kept]]
            self._count = len(self._values[0])
            self._enough = max(2 * self._count, self._enough)

    def _joined(self) -> tuple[np.ndarray, np.ndarray]:
        if len(self._values) == 1:
            return self._values[0], self._places[0]
        return np.concatenate(self._values), np.concatenate(self._places)

    def found(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Values and places, in the order of places; None: there are fewer than were wanted."""
        if self._count < self.limit:
            return None
        values, places = self._joined()
        order = np.argsort(places, kind="stable")
        return values[order], places[order]


def leading(
    series: Series, shrink: Callable[[Vec], Dense | Text], *, descending: bool, limit: int
) -> tuple[Dense, np.ndarray] | None:
    """The rows that come first in an order by one key, and those equal to the last of them.

    Args:
        series: The key.
        shrink: Makes one number a row of its values.
        descending: Whether the order descends.
        limit: How many rows are wanted.

    Returns:
        Values and positions, in the order of positions; None: it is text, or too few rows have a value.
    """
    leaders = Leaders(limit, rising=not descending)
    best = _best(series, descending=descending)
    work: Sequence[int] = range(len(series.parts))
    if best is not None:
        # Parts with the first values come first: most others need not be read then.
        work = np.argsort(best if not descending else -best, kind="stable").tolist()

    def look(number: int) -> tuple[np.ndarray, np.ndarray] | None:
        if best is not None and leaders.too_late(best[number]):
            return None
        part = series.parts[number]
        key = shrink(series.of(part))
        if isinstance(key, Text):
            raise _TextKey
        return leaders.picked(key, part.start)

    try:
        for picked in in_order(look, work, nbytes=series.nbytes):
            if picked is not None:
                leaders.add(*picked)
    except _TextKey:
        return None
    found = leaders.found()
    return None if found is None else (Dense(found[0]), found[1])


class _TextKey(Exception):
    """Texts are put in order in another way."""


def _best(series: Series, *, descending: bool) -> np.ndarray | None:
    """What at best comes first in each part, by statistics; None: they say nothing."""
    expr = series.expr
    if expr.op != "column" or not all(isinstance(part.rows, slice) for part in series.parts):
        return None
    return bounds(series.columns, expr.value, series.parts, highest=descending)


def bounds(
    columns: Columns, name: str, parts: Sequence[Part], *, highest: bool
) -> np.ndarray | None:
    """Lowest or highest values of a column in runs of rows; None: they are not known."""
    pieces = columns.pieces(name)
    starts = pieces["start"]
    if len(parts) < 2 or not len(starts) or not pieces["valid"].all():
        return None
    values = pieces["max" if highest else "min"]
    if values.dtype.kind == "u" and highest:
        values = values.astype(np.float64)  # it is negated; what is rounded up is still a bound
        values = np.nextafter(values, np.inf)
    ends = starts + pieces["count"]
    if (
        values.dtype.kind == "i"
        and highest
        and len(values)
        and values.min() == np.iinfo(np.int64).min
    ):
        return None
    found = np.empty(len(parts), values.dtype)
    reduce = np.maximum if highest else np.minimum
    for i, part in enumerate(parts):
        assert isinstance(part.rows, slice)
        first = int(np.searchsorted(ends, part.rows.start, "right"))
        last = int(np.searchsorted(starts, part.rows.stop, "left"))
        if first >= last or part.rows.stop > int(ends[-1]):
            return None
        found[i] = reduce.reduce(values[first:last])
    return found


__all__ = ["Leaders", "leading"]
