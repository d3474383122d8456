"""Collects rows that are sequences until they fill a chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeplake.format.builder import Builder, RowIds, Run, block_of, padded
from deeplake.format.chunk import MAX_SAMPLES, Block
from deeplake.format.sequence import MAX_ITEMS, Rows


@dataclass(frozen=True, slots=True, eq=False)
class SequenceRun:
    """Encoded rows, each a sequence of items.

    Attributes:
        counts: ``int64[n]``: items of each row.
        items: The items of all rows in order: as many as ``counts`` adds up to.
        nulls: ``bool[n]``, which rows are None; None if no row is.
    """

    counts: np.ndarray
    items: tuple[Run, ...]
    nulls: np.ndarray | None = None

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.counts)

    @property
    def size(self) -> int:
        """Stored bytes of a row, on average."""
        return -(-self.nbytes // max(self.n, 1))

    @property
    def nbytes(self) -> int:
        """Stored bytes of all rows."""
        return sum(run.n * run.size for run in self.items)

    def part(self, start: int, stop: int) -> SequenceRun:
        """Rows ``start`` to ``stop``."""
        ends = np.cumsum(self.counts)
        first = int(ends[start - 1]) if start else 0
        last = int(ends[stop - 1]) if stop else 0
        nulls = None if self.nulls is None else self.nulls[start:stop]
        return SequenceRun(self.counts[start:stop], tuple(_cut(self.items, first, last)), nulls)

    def fitting(self, start: int, free: int, items: int) -> int:
        """How many rows from ``start`` on have at most ``free`` bytes and ``items`` items."""
        counts = np.cumsum(self.counts[start:])
        fit = int(np.searchsorted(counts, items, "right"))
        if len({run.size for run in self.items}) == 1:
            sizes = counts * self.items[0].size
        else:
            each = np.repeat([run.size for run in self.items], [run.n for run in self.items])
            ends = np.concatenate(([0], np.cumsum(each)))
            first = int(self.counts[:start].sum())
            sizes = ends[first + counts] - ends[first]
        return min(fit, int(np.searchsorted(sizes, free, "right")))


def none_rows(n: int) -> SequenceRun:
    """Rows that are None."""
    return SequenceRun(np.zeros(n, np.int64), (), np.ones(n, bool))


def grouped(runs: Iterable[Run], rows: Rows) -> Iterator[SequenceRun]:
    """Items as rows.

    Args:
        runs: The items of all rows, in order; taken one at a time.
        rows: How many each row has.
    """
    counts = rows.counts
    done = 0
    seen = 0
    pending: list[Run] = []
    for run in runs:
        start, seen = seen, seen + run.n
        # Rows without items go with the rows before them.
        whole = int(np.searchsorted(rows.ends, seen, "right"))
        if whole == done:
            pending.append(run)
            continue
        cut = int(rows.ends[whole - 1]) - start
        if cut:
            pending.append(run if cut == run.n else run.part(0, cut))
        yield _rows(counts, tuple(pending), rows.nulls, done, whole)
        pending = [] if cut == run.n else [run.part(cut, run.n)]
        done = whole
    if done < rows.n:
        yield _rows(counts, tuple(pending), rows.nulls, done, rows.n)


def _rows(
    counts: np.ndarray, items: tuple[Run, ...], nulls: np.ndarray | None, start: int, stop: int
) -> SequenceRun:
    some = None if nulls is None or not nulls[start:stop].any() else nulls[start:stop]
    return SequenceRun(counts[start:stop], items, some)


def _cut(runs: Sequence[Run], first: int, last: int) -> Iterator[Run]:
    at = 0
    for run in runs:
        a, b = max(first - at, 0), min(last - at, run.n)
        if a < b:
            yield run if (a, b) == (0, run.n) else run.part(a, b)
        at += run.n


class SequenceBuilder(Builder[SequenceRun]):
    """Rows of one sequence tensor that are not in a chunk yet."""

    __slots__ = ("items",)

    def __init__(self, dtype: str, target: int, **codecs: Any) -> None:
        super().__init__(dtype, target, **codecs)
        self.items = 0

    def room(self, run: SequenceRun, start: int = 0) -> int:
        free = max(self.target - self.nbytes, 0)
        fit = run.fitting(start, free, MAX_ITEMS // 4 - self.items)
        fit = min(fit, MAX_SAMPLES // 4 - self.n)
        return max(fit, 0 if self.n else 1)

    def add(self, run: SequenceRun, ids: RowIds) -> None:
        self.items += int(run.counts.sum())
        super().add(run, ids)

    def _samples(self) -> Sequence[Run]:
        return [item for run in self.runs for item in run.items]

    def _block(self, ndim: int) -> Block:
        counts = np.concatenate([run.counts for run in self.runs])
        nulls = [np.zeros(run.n, bool) if run.nulls is None else run.nulls for run in self.runs]
        rows = Rows.of(counts, np.concatenate(nulls))
        return block_of(self, self._samples(), ndim - 1, rows)

    def _nulls(self) -> int:
        return sum(int(run.nulls.sum()) for run in self.runs if run.nulls is not None)

    def _bounds(self, ndim: int) -> tuple[np.ndarray, np.ndarray]:
        counts = np.concatenate([run.counts for run in self.runs])
        shapes = [padded(item.shape, ndim - 1) for item in self._samples()]
        if not counts.all():
            # A row without items has zeros, as None has.
            shapes.append((0,) * (ndim - 1))
        bounds = np.array(shapes, np.int64)
        low = np.concatenate(([counts.min()], bounds.min(axis=0)))
        high = np.concatenate(([counts.max()], bounds.max(axis=0)))
        return low.astype(np.int64), high.astype(np.int64)


__all__ = ["SequenceBuilder", "SequenceRun", "grouped", "none_rows"]
