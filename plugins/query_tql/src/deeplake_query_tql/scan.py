"""Reads the rows that a condition is true of, and values of expressions, block by block."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from deeplake.spi import Columns, QueryEnvironment
from deeplake_query_tql.evaluation import Batch, condition, evaluate
from deeplake_query_tql.expression import BOOL, COMPARISONS, Expr
from deeplake_query_tql.pruning import Grid, pieces_of, prune
from deeplake_query_tql.vector import Vec, concatenate, row_numbers

BLOCK_ROWS = 1 << 13
BLOCK_BYTES = 2 << 20
"""A block is at least one of these, where a column's pieces allow."""
MAX_ROWS = 1 << 18
SPREAD = 1 << 22
"""Rows of a block at most, and elements that long constants spread them to."""
PARALLEL_BYTES, MANY_BYTES = 4 << 20, 64 << 20
"""Threads may be used for more bytes than the first, and are for more than the second."""
QUICK = 1e-3
"""Seconds that a block takes at most, on average, where it is not worth to hand it to a thread."""
CHEAP = 64
"""Bytes a row of a condition that is evaluated on all rows, whatever those before it left."""

Rows = slice | np.ndarray
T = TypeVar("T")
S = TypeVar("S")
V = TypeVar("V", bound=Vec)

_pool: ThreadPoolExecutor | None = None
_pool_pid = 0
WORKERS = min(os.cpu_count() or 1, 8)


def _executor() -> ThreadPoolExecutor:
    global _pool, _pool_pid
    if _pool is None or _pool_pid != os.getpid():
        _pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="deeplake-query")
        _pool_pid = os.getpid()
    return _pool


def in_order(function: Callable[[S], T], work: Sequence[S], *, nbytes: float) -> Iterator[T]:
    """Results in the order of the work; on threads, never many ahead of what was taken.

    Threads take turns with the interpreter: what NumPy does in less than a millisecond is done sooner
    on one. So the work is begun here, and handed to threads where it turns out to take longer, which
    it does where chunks are far away or compressed; or at once where there is much of it.

    Args:
        function: What is done with each item.
        work: Items.
        nbytes: Stored bytes that it is about; 0: it is not for threads.
    """
    if nbytes <= PARALLEL_BYTES or len(work) < 2 or WORKERS < 2:
        yield from map(function, work)
        return
    done = 0
    if nbytes <= MANY_BYTES:
        spent = 0.0
        while done < len(work) and spent <= QUICK * done:
            begin = time.perf_counter()
            result = function(work[done])
            spent += time.perf_counter() - begin
            done += 1
            yield result
    pool = _executor()
    waiting: deque[Future[T]] = deque()
    try:
        for item in work[done:]:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= 2 * WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def row_bytes(names: Sequence[str], columns: Columns) -> float:
    """Stored bytes a row of some columns."""
    total = 0.0
    for name in names:
        pieces = columns.pieces(name)
        counts = pieces["count"]
        if len(counts):
            rows = int(pieces["start"][-1]) + int(counts[-1])
            total += int(np.add.reduce(pieces["nbytes"])) / max(rows, 1)
    return total


def blocks(
    names: Sequence[str], columns: Columns, spans: Sequence[tuple[int, int]], width: int = 1
) -> list[tuple[int, int]]:
    """Spans of rows cut into blocks, which end where pieces of the heaviest column end.

    Args:
        names: Columns that are read.
        columns: Whose rows.
        spans: Rows.
        width: Elements that each row may be spread to.
    """
    most = max(1, min(MAX_ROWS, SPREAD // width))
    if not names:
        return [(a, min(a + most, hi)) for lo, hi in spans for a in range(lo, hi, most)]
    sizes = {name: row_bytes([name], columns) for name in names}
    heaviest = max(sizes, key=sizes.__getitem__)
    starts = columns.pieces(heaviest)["start"]
    size = max(sizes[heaviest], 1e-9)
    least = max(1, min(BLOCK_ROWS, int(BLOCK_BYTES / size) or 1, most))
    found = []
    for low, high in spans:
        first, last = np.searchsorted(starts, (low, high), "right")
        inner = starts[first:last].tolist()
        if inner and inner[-1] == high:
            inner.pop()
        begin = low
        for cut in [*inner, high]:
            if cut < high and cut - begin < least:
                continue
            found += [(a, min(a + most, cut)) for a in range(begin, cut, most)]
            begin = cut
    return found


# --------------------------------------------------------------------------- conditions
@dataclass(frozen=True, slots=True)
class Scan:
    """Which rows a condition is true of.

    Attributes:
        where: The condition; None: all rows.
        columns: Whose rows.
        rows: The rows that are looked at.
        grid: Where it can be true.
    """

    where: Expr | None
    columns: Columns
    rows: range | np.ndarray
    grid: Grid

    @classmethod
    def of(cls, where: Expr | None, columns: Columns, rows: range | np.ndarray) -> Scan:
        """Plan it: nothing but statistics is read."""
        return cls(where, columns, rows, prune(where, columns))

    @property
    def consecutive(self) -> bool:
        """Whether rows are looked at one after the other."""
        return isinstance(self.rows, range) and self.rows.step == 1

    def spans(self) -> list[tuple[int, int]]:
        """Runs of rows that are read."""
        if self.consecutive:
            assert isinstance(self.rows, range)
            return self.grid.spans(self.rows.start, self.rows.stop)
        return self.grid.spans(0, self.grid.length)

    def read(self) -> tuple[int, int, int]:
        """Pieces of the columns that are needed, those that are read, and their bytes."""
        names = [] if self.where is None else self.where.names
        spans = self.spans()
        if not self.consecutive and len(self.rows):
            numbers = np.unique(row_numbers(self.rows)[self.grid.keep(row_numbers(self.rows))])
            cuts = np.flatnonzero(np.diff(numbers) > 1) + 1
            runs = np.split(numbers, cuts) if len(numbers) else []
            spans = [(int(run[0]), int(run[-1]) + 1) for run in runs]
        return pieces_of(names, self.columns, spans)

    def run(self, environment: QueryEnvironment, limit: int | None = None) -> np.ndarray:
        """Positions in ``rows`` where it is true, in order.

        Args:
            environment: Random numbers.
            limit: How many are wanted; None: all.
        """
        where = self.where
        n = len(self.rows)
        if where is None:
            return np.arange(n if limit is None else min(n, limit))
        names = where.names
        parts = _ordered(where, self.columns)
        counts = _counts(where)
        work: list[tuple[Rows, np.ndarray | None, int]] = []
        if self.consecutive:
            assert isinstance(self.rows, range)
            first = self.rows.start
            work = [
                (slice(a, b), None, a - first)
                for a, b in blocks(names, self.columns, self.spans(), where.width)
            ]
        else:
            rows = row_numbers(self.rows)
            places = np.flatnonzero(self.grid.keep(rows))
            step = _gathered_rows(names, self.columns, where.width)
            work = [
                (rows[places[a : a + step]], places[a : a + step], 0)
                for a in range(0, len(places), step)
            ]

        def look(item: tuple[Rows, np.ndarray | None, int]) -> np.ndarray:
            wanted, places, base = item
            size = wanted.stop - wanted.start if isinstance(wanted, slice) else len(wanted)
            positions = np.arange(base, base + size) if places is None and counts else places
            batch = Batch(self.columns, wanted, size, environment, positions)
            hits = _hits(parts, batch)
            return hits + base if places is None else places[hits]

        bytes_ = row_bytes(names, self.columns) * n
        if volatile(where):
            bytes_ = 0.0
        found: list[np.ndarray] = []
        count = 0
        for part in in_order(look, work, nbytes=bytes_):
            if len(part):
                found.append(part)
                count += len(part)
            if limit is not None and count >= limit:
                break
        result = found[0] if len(found) == 1 else (
            np.concatenate(found) if found else np.zeros(0, np.int64)
        )  # fmt: skip
        return result if limit is None else result[:limit]


_PLAIN = COMPARISONS | {"column", "const", "in", "between", "is null", "and", "or", "not"}


@dataclass(frozen=True, slots=True)
class _Part:
    """A condition that has to be true.

    Attributes:
        expr: The condition.
        cost: Stored bytes a row of its columns.
        works: It calculates.
    """

    expr: Expr
    cost: float
    works: bool

    @property
    def worth(self) -> int:
        """Where one row in so many is left, only these are looked at; 0: always all."""
        return 2 if self.cost > CHEAP else 4 if self.works else 0


def _ordered(where: Expr, columns: Columns) -> list[_Part]:
    """Conditions that all have to be true, those that are cheap first."""
    parts = [
        _Part(part, row_bytes(part.names, columns), any(e.op not in _PLAIN for e in part.walk()))
        for part in (where.args if where.op == "and" else [where])
    ]
    return sorted(parts, key=lambda part: (part.cost, part.works))


def _hits(parts: Sequence[_Part], batch: Batch) -> np.ndarray:
    """Places in a batch where all conditions are true."""
    data: np.ndarray | None = None
    for i, part in enumerate(parts):
        if data is not None and part.worth and np.count_nonzero(data) * part.worth < batch.n:
            left = np.flatnonzero(data)
            for rest in parts[i:]:
                if len(left):
                    near = rest.cost <= CHEAP and isinstance(batch.rows, slice)
                    narrow = batch.narrowed(left, near=near)
                    left = left[condition(rest.expr, narrow).data]
            return left
        found = condition(part.expr, batch).data
        data = found if data is None else data & found
    assert data is not None
    return np.flatnonzero(data)


def _gathered_rows(names: Sequence[str], columns: Columns, width: int = 1) -> int:
    size = max(row_bytes(names, columns), 1)
    return int(min(max(4 * BLOCK_BYTES / size, 1024), MAX_ROWS, max(1, SPREAD // width)))


def _counts(expr: Expr) -> bool:
    return any(e.op == "row_number" for e in expr.walk())


def volatile(expr: Expr) -> bool:
    """Whether it gives other values each time."""
    return any(e.op == "random" for e in expr.walk())


# --------------------------------------------------------------------------- values
@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are looked at together.

    Attributes:
        rows: Their numbers.
        start, stop: Their positions among all that are looked at.
    """

    rows: Rows
    start: int
    stop: int


class Series:
    """The values of an expression for some rows, part by part.

    Args:
        expr: The expression.
        columns: Whose rows.
        rows: The rows.
        environment: Random numbers.
        positions: What ROW_NUMBER gives; None: counted from 0.
    """

    def __init__(
        self, expr: Expr, columns: Columns, rows: range | np.ndarray, environment: QueryEnvironment,
        positions: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self.expr = expr
        self.columns = columns
        self.environment = environment
        self._positions = positions
        self._counts = _counts(expr)
        names, n = expr.names, len(rows)
        if isinstance(rows, range) and rows.step == 1:
            first = rows.start
            spans = blocks(names, columns, [(rows.start, rows.stop)], expr.width) if n else []
            self.parts = [Part(slice(a, b), a - first, b - first) for a, b in spans]
        else:
            numbers = row_numbers(rows)
            step = _gathered_rows(names, columns, expr.width)
            self.parts = [
                Part(numbers[a : a + step], a, min(a + step, n)) for a in range(0, n, step)
            ]
        self.nbytes = 0.0 if volatile(expr) else row_bytes(names, columns) * n

    def of(self, part: Part) -> Vec:
        """The values of one part."""
        numbers = self._positions
        if numbers is not None:
            numbers = numbers[part.start : part.stop]
        elif self._counts:
            numbers = np.arange(part.start, part.stop)
        batch = Batch(self.columns, part.rows, part.stop - part.start, self.environment, numbers)
        expr = self.expr
        return condition(expr, batch) if expr.kind == BOOL else evaluate(expr, batch)

    def each(self, shrink: Callable[[Vec], V]) -> Iterator[V]:
        """The values of each part; of no rows, one part without any.

        Args:
            shrink: What is kept of each part.
        """
        parts = self.parts or [Part(slice(0, 0), 0, 0)]
        return in_order(lambda part: shrink(self.of(part)), parts, nbytes=self.nbytes)

    def all(self, shrink: Callable[[Vec], Vec] | None = None) -> Vec:
        """The values of all rows (see ``each``)."""
        return concatenate([*self.each(_same if shrink is None else shrink)])


def _same(vec: Vec) -> Vec:
    return vec


def values(
    expr: Expr,
    columns: Columns,
    rows: range | np.ndarray,
    environment: QueryEnvironment,
    positions: np.ndarray | None = None,
    shrink: Callable[[Vec], Vec] | None = None,
) -> Vec:
    """The values of an expression for some rows (see ``Series``)."""
    return Series(expr, columns, rows, environment, positions).all(shrink)


__all__ = ["Part", "Scan", "Series", "blocks", "in_order", "row_bytes", "values", "volatile"]
