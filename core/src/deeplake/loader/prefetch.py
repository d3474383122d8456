"""Fetches what units of work will read from far away, before they are run.

Rows that come in the order in which they are stored are fetched chunk by chunk, each in one request;
so are rows in random order where everything fits into ``limit``: the first unit's rows come by
themselves beside the first chunks, as it would have to wait for most of them.
Other rows in random order are fetched in blocks of neighbours, as the order permutes them (see
``plan``): a block is kept until its last row that is planned has been read, so no byte comes twice as
long as the blocks that are in use fit into ``limit``.

What can be relied on:

* Units are handed on at once, in order. One whose data are not there yet waits for them when it is
  run, or fetches them itself: a prefetch that is late, or fails, changes nothing but the time.
* Units are planned as far ahead as ``limit`` bytes reach, and no farther.
* ``close`` returns when no thread is left.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

import numpy as np

from deeplake.dataset.reader import TensorReader
from deeplake.format.pieces import ALONE
from deeplake.loader.snapshot import bytes_per_row
from deeplake.loader.unit import Unit
from deeplake.versioning.ahead import APART, IN_FLIGHT, Ahead
from deeplake.versioning.blocks import MAX_REQUEST, object_id
from deeplake.versioning.parts import Part, Range

PREFIX: Final = "deeplake-loader-prefetch"
"""Beginning of the names of all threads."""

REQUESTS: Final = IN_FLIGHT + APART
"""Requests that are made at once, at most: one a thread."""

IN_ORDER: Final = 64 << 20
"""Bytes that are fetched ahead of rows in order."""

STRIDE: Final = 3 * MAX_REQUEST
"""Bytes of them that are looked up together, beside the first: what is small between two large chunks
comes with one of them."""

FARTHEST: Final = 4096
"""Units that are planned ahead, at most."""

LATE: Final = 2
"""Units whose blocks are still being looked up, at most."""

KEPT: Final = 0.9
"""Part of the bytes to fetch ahead that may be wanted once and for all: pieces come beside them."""

AT_ONCE: Final = 8
"""Times that it is looked ahead whenever a unit is handed out, at most: the first is not to wait."""


class Block(list[Part]):
    """The parts that hold some neighbouring rows."""


class Prefetch:
    """An iterator over units of work that fetches ahead.

    Args:
        units: The work.
        readers: Of the tensors that units read. All get their bytes from ``ahead``.
        ahead: Where bytes are kept.
        rows: The list of rows that is loaded.
        block: Positions in it that are fetched together where the order is random.
        limit: Bytes to fetch ahead.
        running: Units that are handed out and may still be run, when the next is asked for.
        ordered: Rows come in the order of the list.
        whole: All rows of the list are read here, and so are the rows beside those of a unit.
    """

    def __init__(
        self,
        units: Iterator[Unit],
        readers: Sequence[TensorReader],
        ahead: Ahead,
        rows: range | np.ndarray,
        *,
        block: int,
        limit: int,
        running: int,
        ordered: bool = True,
        whole: bool = True,
    ) -> None:
        self._units: Iterator[Unit] | None = units
        self._readers = readers
        self._ahead = ahead
        self._rows = rows
        self._block = block
        self._limit = ahead.limit = limit
        self._running = running
        self._ordered = ordered
        self._whole = whole
        self._spacing = _spacing(rows) if whole and not ordered else 0.0
        self._first: Unit | None = None
        self._row_bytes = max(1, sum(map(bytes_per_row, readers)))
        self._large = [reader for reader in readers if _has_large_chunks(reader)]
        # Chunks that no unit has wanted yet, where it is enough to want each of them once.
        self._unwanted = self._everything() if whole and not ordered else None
        self._mutex = threading.Lock()
        self._planned: deque[Unit] = deque()
        self._handed_out = 0
        self._taken = 0
        self._held: deque[tuple[int, Sequence[Sequence[Part]]]] = deque()
        # Only those that somebody holds: parts that are gone must not stay in memory.
        self._blocks: weakref.WeakValueDictionary[int, Block] = weakref.WeakValueDictionary()
        self._late: deque[tuple[int, np.ndarray, bool]] = deque()
        self._looking = False
        self._pool: ThreadPoolExecutor | None = ThreadPoolExecutor(REQUESTS + 1, PREFIX)

    def __iter__(self) -> Iterator[Unit]:
        return self

    def __next__(self) -> Unit:
        with self._mutex:
            done = self._handed_out - self._running
            while self._held and self._held[0][0] < done:
                self._release(self._held.popleft()[1])
            self._plan()
            if not self._planned:
                raise StopIteration
            self._handed_out += 1
            unit = self._planned.popleft()
        self._start()
        return unit

    # ---- planning; all under the mutex
    def _plan(self) -> None:
        """Look as far ahead as there is room."""
        looks = AT_ONCE if self._taken else 1
        while self._units is not None and (
            not self._planned
            or (
                looks > 0
                and self._ahead.needed < self._limit
                and len(self._planned) < FARTHEST
                and len(self._late) < LATE
            )
        ):
            looks -= 1
            stride, size = [], 0
            while size < (STRIDE if self._taken else MAX_REQUEST):
                unit = next(self._units, None)
                if unit is None:
                    self._units = None
                    break
                stride.append(unit)
                size += sum(map(len, unit.lots)) * self._row_bytes
                if not self._ordered:
                    break
            if stride:
                self._taken += len(stride)
                self._planned.extend(stride)
                self._look(stride, self._taken - 1)

    def _look(self, stride: Sequence[Unit], last: int) -> None:
        """Want what some units will read; the last of them has that number."""
        if self._unwanted is not None and not self._unwanted:
            return  # all that there is has been wanted, and is kept
        lots = [lot for unit in stride for lot in unit.lots]
        rows = np.concatenate([lot.rows for lot in lots])
        whole = self._whole
        if not bool((rows[1:] >= rows[:-1]).all()):
            rows = np.sort(rows)
            whole = whole and not self._ordered
        # The same rows of the chunks' rest are expected as of what is in this stride, or everywhere.
        spacing = _spacing(rows) if self._ordered else self._spacing
        # The first unit does not wait for chunks of which it needs a row or two.
        first = whole and last == 0 and not self._ordered
        parts: list[Range] = []
        heads: list[Range] = []
        apart: list[Range] = []
        try:
            for reader in self._readers:
                pieces = reader.pieces_of(_inside(rows, reader))
                _chunks(reader, pieces, spacing if whole else None, parts, heads, first, apart)
        except Exception:  # noqa: BLE001 - whoever reads these rows will say what is wrong
            return
        if self._unwanted is not None and not first:
            self._unwanted.difference_update(parts)
        self._first = stride[0] if apart else self._first
        held = self._ahead.want(apart, apart=True)
        held += self._ahead.want(heads)
        held += self._ahead.want(parts, piecemeal=whole and not first and not self._ordered)
        self._held.append((last, held))
        if heads or apart:
            positions = (
                rows if self._block == 1 else np.concatenate([lot.positions for lot in lots])
            )
            self._late.append((last, positions, bool(apart)))

    def _everything(self) -> set[Range] | None:
        """All chunks, if they are read as a whole and kept to the end of the epoch; else None.

        What does not fit is dropped when the units that wanted it are done: then each has to. Of a
        view there may be chunks among them that no unit wants as a whole.
        """
        if not len(self._rows):
            return None
        ends = (self._rows[0], self._rows[-1]) if isinstance(self._rows, range) else self._rows
        first, last = int(np.min(ends)), int(np.max(ends))
        found: list[Range] = []
        heads: list[Range] = []
        for reader in self._readers:
            pieces = list(reader.table.pieces(first, min(last + 1, len(reader))))
            _chunks(reader, pieces, self._spacing, found, heads, False, [])
        size = sum(stop - start for _, start, stop in found)
        return None if heads or size > self._limit * KEPT else set(found)

    def _release(self, held: Sequence[Sequence[Part]]) -> None:
        for parts in held:
            self._ahead.release(parts)

    # ---- on threads
    def _start(self) -> None:
        """Have threads do what there is to do."""
        with self._mutex:
            pool = self._pool
            if pool is None:
                return
            with suppress(RuntimeError):  # the interpreter is about to end
                me = weakref.ref(self)
                if self._late and not self._looking:
                    self._looking = True
                    pool.submit(_look_late, me)
                # Network and cores are not taken from the first unit, which all wait for.
                if self._first is not None and self._first.outcomes:
                    self._first = None  # and its batch with it
                few = self._first is not None
                while (part := self._ahead.take(few=few)) is not None:
                    try:
                        pool.submit(_fetch, me, self._ahead, part)
                    except RuntimeError:
                        self._ahead.drop(part)  # others may wait for it
                        raise

    def _look_next(self) -> None:
        """Want the blocks of one unit, whose chunks' headers may have to be waited for."""
        with self._mutex:
            last, positions, apart = self._late[0]
        found: list[Sequence[Part]] = []
        if last >= self._handed_out - self._running:
            with suppress(Exception):  # whoever reads these rows will say what is wrong
                found = self._wanted(positions, apart)
        with self._mutex:
            if self._late:
                self._late.popleft()
            if self._pool is None:
                self._release(found)
            else:
                self._held.append((last, found))
                self._plan()
            self._looking = False
        self._start()

    def _wanted(self, positions: np.ndarray, apart: bool) -> list[Sequence[Part]]:
        if self._block == 1:
            return [
                parts
                for reader in self._large
                for parts in self._ahead.want(
                    reader.ranges(_inside(positions, reader)), apart=apart
                )
            ]
        found: list[Sequence[Part]] = []
        ranges: list[Range] = []
        new: list[tuple[int, int]] = []
        _, first = np.unique(positions // self._block, return_index=True)
        for number in (positions[np.sort(first)] // self._block).tolist():
            known = self._blocks.get(number)
            if known is not None and self._ahead.hold(known):
                found.append(known)
                continue
            span = self._rows[number * self._block : (number + 1) * self._block]
            before = len(ranges)
            for reader in self._large:
                ranges += reader.ranges(_inside(np.asarray(span, np.int64), reader))
            new.append((number, len(ranges) - before))
        parts = iter(self._ahead.want(ranges))
        for number, count in new:
            mine = Block(part for _ in range(count) for part in next(parts))
            self._blocks[number] = mine
            found.append(mine)
        return found

    # ---- ending
    def _let_go(self) -> ThreadPoolExecutor | None:
        with self._mutex:
            pool, self._pool = self._pool, None
            self._units = self._first = None
            self._planned.clear()
            for _, held in self._held:
                self._release(held)
            self._held.clear()
        return pool

    def close(self) -> None:
        """End the threads; waits for the requests that are under way."""
        pool = self._let_go()
        if pool is not None:
            pool.shutdown(wait=True)

    def __del__(self) -> None:
        # Not waiting: the garbage collector may run in one of these very threads.
        if getattr(self, "_pool", None) is not None:
            pool = self._let_go()
            if pool is not None:
                pool.shutdown(wait=False)


def _fetch(me: weakref.ref[Prefetch], ahead: Ahead, part: Part) -> None:
    """Do one request. What has begun is finished, whoever has gone meanwhile: others may wait for it."""
    ahead.run(part)
    prefetch = me()
    if prefetch is not None:
        prefetch._start()


def _look_late(me: weakref.ref[Prefetch]) -> None:
    prefetch = me()
    if prefetch is not None:
        prefetch._look_next()


def _inside(rows: np.ndarray, reader: TensorReader) -> np.ndarray:
    return rows[rows < len(reader)]


def _has_large_chunks(reader: TensorReader) -> bool:
    """Whether chunks are worth reading in part."""
    pieces = reader.table.pieces()
    return len(pieces) > 0 and int(pieces["length"].max()) > reader.blocks.request_cost


def _spacing(rows: range | np.ndarray) -> float:
    """How far rows are apart, on the average."""
    if len(rows) == 0:
        return 1.0
    if isinstance(rows, range):
        return float(abs(rows.step))
    return (int(rows.max()) - int(rows.min()) + 1) / len(rows)


def _chunks(
    reader: TensorReader,
    pieces: Iterable[Any],
    spacing: float | None,
    parts: list[Range],
    heads: list[Range],
    first: bool,
    apart: list[Range],
) -> None:
    """What is known to be needed before any header is.

    Args:
        reader: Of a tensor.
        pieces: The pieces of the rows.
        spacing: How far apart those are that will be read of these chunks; None: just these rows are.
        parts: Where whole chunks go.
        heads: Where headers of chunks go that are needed in part.
        first: Rows come before large chunks do that are needed as a whole.
        apart: Where headers of such chunks go then.
    """
    cost = reader.blocks.request_cost
    for piece in pieces:
        oid, start, length = object_id(piece), int(piece["offset"]), int(piece["length"])
        if int(piece["flags"]) & ALONE or reader.blocks.whole(oid, start, length) is not None:
            continue
        count = max(1, int(piece["count"]))
        head = (oid, start, start + int(piece["header"]))
        # What is between two rows costs no more to read than another request would.
        if length <= cost:
            parts.append((oid, start, start + length))
        elif spacing is None or spacing * length / count > cost:
            heads.append(head)
        elif first:
            apart.append(head)
        else:
            parts.append((oid, start, start + length))


__all__ = ["IN_ORDER", "PREFIX", "Prefetch"]
