"""Bytes of blocks that are fetched before they are asked for, each once, whoever asks."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from deeplake.storage.cache import CachedStore
from deeplake.types import Buffer
from deeplake.versioning.blocks import MAX_REQUEST, Blocks, short
from deeplake.versioning.parts import FAILED, RUNNING, THERE, WAITING, Layer, Part, Range
from deeplake.versioning.repository import data_key

IN_FLIGHT: Final = 16
"""Requests that are made ahead at once, at most."""

IN_FLIGHT_BYTES: Final = 6 * MAX_REQUEST
"""… and what they bring together: more of them only make each slower."""

ALL_BYTES: Final = 12 * MAX_REQUEST
"""… where nobody gets on before all of them are there."""

FIRST_BYTES: Final = 2 * MAX_REQUEST
"""… before the first of them is there, or where something else comes first."""

APART: Final = 96
"""Pieces that are fetched by themselves at once, beside those."""

PIECES: Final = 16
"""One byte in so many comes twice, at most, for those who do not wait for the rest of a part."""

SOON: Final = 1.0
"""Seconds that they do wait, if all is expected to be there by then: a piece costs a server as much as
megabytes do that come anyway."""

KEPT: Final = 64 << 20
"""Bytes that are kept where nothing else is said."""


class Ahead(Blocks):
    """Reads byte ranges of data objects; knows of some of them before they are asked for.

    What will be needed is told by ``want``, and fetched by whoever calls ``take`` and ``run``. What is
    asked for by ``fetch`` and waits for its turn is fetched at once, unless it is there soon. Parts that
    nobody needs any more are kept as long as there is room.

    Args:
        blocks: Where the bytes come from.

    Attributes:
        limit: Bytes to keep, beside what is needed.
        needed: Bytes that somebody will need.
        fetched: Bytes that were asked of the store.
        ready, late: Ranges that were there when they were asked for, and those that were not.
    """

    __slots__ = (
        "_apart",
        "_begun",
        "_busy",
        "_ended_bytes",
        "_failed",
        "_first",
        "_held",
        "_mutex",
        "_parts",
        "_pid",
        "_piecemeal",
        "_pieces",
        "_queue",
        "_running",
        "_running_bytes",
        "_turn",
        "_unused",
        "fetched",
        "late",
        "limit",
        "needed",
        "ready",
    )

    def __init__(self, blocks: Blocks) -> None:
        super().__init__(blocks._store, blocks._staging)
        self.limit = KEPT
        self.fetched = self.ready = self.late = 0
        self._begin()

    def _begin(self) -> None:
        self._mutex = threading.Lock()
        # Something has ended, or will never have its turn.
        self._turn = threading.Condition(self._mutex)
        self._parts = Layer(self.request_cost)
        self._pieces = Layer(self.request_cost, apart=True)
        self._queue: deque[Part] = deque()
        self._first: deque[Part] = deque()
        self._unused: deque[Part] = deque()
        self._held = self.needed = self._piecemeal = 0
        self._running = self._running_bytes = self._ended_bytes = self._apart = self._failed = 0
        # Seconds that requests were under way, and since when some are.
        self._busy = self._begun = 0.0
        self._pid = os.getpid()

    def _guarded(self) -> threading.Lock:
        if self._pid != os.getpid():
            # Threads that a fork left behind may have held the mutex, and will end no request.
            self._begin()
        return self._mutex

    def __reduce__(self) -> tuple[type[Ahead], tuple[Blocks]]:
        # What was read stays here.
        return Ahead, (Blocks(self._store, self._staging),)

    def traffic(self) -> dict[str, int]:
        """What was read until now.

        Returns:
            ``fetched``, ``ready`` and ``late`` (see above), and ``hits`` and ``misses`` of the caches
            between here and the store, if there are any.
        """
        cache = self._store if isinstance(self._store, CachedStore) else None
        return {
            "fetched": self.fetched,
            "ready": self.ready,
            "late": self.late,
            "hits": 0 if cache is None else cache.hits,
            "misses": 0 if cache is None else cache.misses,
        }

    # ---- before
    def want(
        self, ranges: Sequence[Range], *, piecemeal: bool = False, apart: bool = False
    ) -> list[list[Part]]:
        """Say what will be needed, in the order in which it will be.

        Args:
            ranges: What.
            piecemeal: It is large: who needs a little of it soon does not wait for all.
            apart: It is such a little of what will be wanted as a whole, and comes before it.

        Returns:
            The parts of each range. They are kept until ``release``.
        """
        with self._guarded():
            if apart:
                found, new = self._cover_apart(ranges, there=True)
                self._first.extend(new)
            else:
                found, new = self._cover(ranges, piecemeal)
                self._queue.extend(new)
            if piecemeal:
                self._piecemeal += sum(map(len, new)) // PIECES
            for parts in found:
                self._hold(parts)
        return found

    def hold(self, parts: Iterable[Part]) -> bool:
        """Say that parts will be needed once more; False if some are gone: then nothing was said."""
        with self._guarded():
            if not all(part.kept for part in parts):
                return False
            self._hold(parts)
            return True

    def _hold(self, parts: Iterable[Part]) -> None:
        for part in parts:
            if part.users == 0:
                self.needed += len(part)
            part.users += 1

    def release(self, parts: Iterable[Part]) -> None:
        """Say that parts are not needed any more by one who wanted them."""
        with self._guarded():
            for part in parts:
                part.users -= 1
                if part.users == 0:
                    self.needed -= len(part)
                    if part.state == WAITING:
                        self._forget(part)
                        self._turn.notify_all()
                    elif part.state == THERE:
                        self._unused.append(part)
            self._trim()

    def take(self, *, few: bool = False) -> Part | None:
        """The part whose turn it is; None if there is none, or enough requests are under way.

        Only a few at first: what is needed first comes sooner when it comes alone. What is small
        does not wait for that.

        Args:
            few: It stays at a few, beside pieces that come by themselves.
        """
        with self._guarded():
            part = self._next(self._first)
            if part is not None and self._apart < APART:
                self._first.popleft()
                self._apart += 1
                part.state = RUNNING
                return part
            part = self._next(self._queue)
            if part is None or self._running >= IN_FLIGHT:
                return None
            most = ALL_BYTES if part.piecemeal else IN_FLIGHT_BYTES
            most = min(most, FIRST_BYTES + (0 if few else 2 * self._ended_bytes))
            if self._running and self._running_bytes + len(part) > most:
                return None
            self._queue.popleft()
            if not self._running:
                self._begun = time.monotonic()
            self._running += 1
            self._running_bytes += len(part)
            part.state = RUNNING
            return part

    def _next(self, queue: deque[Part]) -> Part | None:
        """The first in a queue, when those are gone that need not be fetched any more."""
        while queue:
            part = queue[0]
            if part.state == WAITING and part.kept:
                return part
            queue.popleft()
        return None

    def run(self, part: Part) -> None:
        """Fetch a part that was taken. Raises nothing: who needs it will see what is wrong."""
        try:
            data = self._store.get(data_key(part.oid), (part.start, part.stop))
        except Exception:  # noqa: BLE001 - who asks for it gets it, or the error
            data = b""
        self._ran(part, data)

    def drop(self, part: Part) -> None:
        """Leave a part that was taken to whoever asks for it."""
        self._ran(part, b"")

    def _ran(self, part: Part, data: Buffer) -> None:
        with self._guarded():
            if part.apart:
                self._apart -= 1
            else:
                self._running -= 1
                self._running_bytes -= len(part)
                self._ended_bytes += len(part)
                if not self._running:
                    self._busy += time.monotonic() - self._begun
            self.fetched += len(data)
            self._end(part, data)
            self._trim()

    def _end(self, part: Part, data: Buffer) -> None:
        view = memoryview(data)
        if len(view) == len(part):
            part.data, part.state = view, THERE
            if part.users == 0:
                self._unused.append(part)
            if part.piecemeal:
                for piece in self._pieces.overlapping(part.oid, part.start, part.stop):
                    if piece.users == 0 and piece.state == THERE:
                        self._forget(piece)
        else:
            part.state = FAILED
            self._failed += 1
            self._forget(part)
        part.ended.set()
        self._turn.notify_all()

    # ---- asked for
    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """As ``Blocks.fetch``; waits for what is under way, and asks for nothing twice."""
        with self._guarded():
            found, mine = self._cover(ranges)
            there = sum(all(part.state == THERE for part in parts) for parts in found)
            self.ready += there
            self.late += len(found) - there
            later = _waiting(found, piecemeal=True)
            if later and not self._is_soon():
                mine += self._alone(ranges, found)
                mine += _waiting(found, piecemeal=True)
                later = []
            mine = list(dict.fromkeys(mine + _waiting(found, piecemeal=False)))
            for part in mine:
                part.state = RUNNING
        if mine:
            self._run_all(mine)
        if later:
            self._wait_for_turn(later)
        return [self._joined(one, parts) for one, parts in zip(ranges, found, strict=True)]

    def _alone(self, ranges: Sequence[Range], found: list[list[Part]]) -> list[Part]:
        """Pieces of parts that are not waited for: new ones, which are put in place of the parts."""
        alone: list[int] = []
        for i, parts in enumerate(found):
            if any(part.state == WAITING and part.piecemeal for part in parts):
                size = ranges[i][2] - ranges[i][1]
                if size <= self._piecemeal:
                    self._piecemeal -= size
                    alone.append(i)
        pieces, new = self._cover_apart([ranges[i] for i in alone])
        for i, parts in zip(alone, pieces, strict=True):
            found[i] = parts
        return new

    def _is_soon(self) -> bool:
        """Whether all that was wanted is expected to be there soon."""
        busy = self._busy + (time.monotonic() - self._begun if self._running else 0.0)
        waiting = (part for part in self._queue if part.state == WAITING and part.kept)
        left = self._running_bytes + sum(map(len, waiting))
        return self._ended_bytes * SOON > left * busy

    def _wait_for_turn(self, parts: Sequence[Part]) -> None:
        """Let others fetch parts; those that they do not are fetched here.

        Raises:
            StorageError: It cannot be done.
            FormatError: An object is cut short.
        """
        with self._guarded():
            failed = self._failed
            self._turn.wait_for(
                lambda: (
                    self._failed > failed
                    or all(part.state != WAITING or not part.kept for part in parts)
                ),
                2 * SOON,
            )
            mine = [part for part in dict.fromkeys(parts) if part.state == WAITING]
            for part in mine:
                part.state = RUNNING
        if mine:
            self._run_all(mine)

    def _run_all(self, parts: Sequence[Part]) -> None:
        """Fetch parts now.

        Raises:
            StorageError: It cannot be done.
            FormatError: An object is cut short.
        """
        answers: Sequence[Buffer] = []
        try:
            answers = self._store.get_many(
                [(data_key(part.oid), (part.start, part.stop)) for part in parts]
            )
        finally:
            with self._guarded():
                self.fetched += sum(map(len, answers))
                for i, part in enumerate(parts):
                    self._end(part, answers[i] if answers else b"")
                self._trim()
        for part, answer in zip(parts, answers, strict=True):
            if part.state == FAILED:
                raise short(part.oid, part.stop, part.start + len(answer))

    def _joined(self, wanted: Range, parts: Sequence[Part]) -> memoryview:
        _, start, stop = wanted
        for part in parts:
            part.ended.wait()
            if part.state == FAILED:
                # It was another's request: this one fails by itself, or not.
                return super().fetch([wanted])[0]
        views = [
            part.data[max(start - part.start, 0) : min(stop, part.stop) - part.start]
            for part in parts
        ]
        return views[0] if len(views) == 1 else memoryview(b"".join(views))

    # ---- which parts there are; all under the mutex
    def _cover(
        self, ranges: Sequence[Range], piecemeal: bool = False
    ) -> tuple[list[list[Part]], list[Part]]:
        """The parts that hold each range, and those of them that are new."""
        found = [self._pieces.covering(*one) for one in ranges]
        rest = [one for one, parts in zip(ranges, found, strict=True) if not parts]
        if piecemeal:
            for one in rest:
                # What came alone is not worth two requests around it.
                if not self._parts.covering(*one):
                    for part in self._parts.overlapping(*one):
                        if not part.piecemeal:
                            self._forget(part)
        new = self._parts.cover(rest, piecemeal=piecemeal)
        self._held += sum(map(len, new))
        pairs = zip(ranges, found, strict=True)
        return [parts or self._parts.overlapping(*one) for one, parts in pairs], new

    def _cover_apart(
        self, ranges: Sequence[Range], *, there: bool = False
    ) -> tuple[list[list[Part]], list[Part]]:
        """The pieces that hold each range, and those of them that are new.

        Args:
            ranges: What.
            there: Parts will do that are there.
        """
        found = [self._parts.covering(*one) if there else [] for one in ranges]
        found = [parts if all(part.state == THERE for part in parts) else [] for parts in found]
        new = self._pieces.cover(
            [one for one, parts in zip(ranges, found, strict=True) if not parts]
        )
        self._held += sum(map(len, new))
        pairs = zip(ranges, found, strict=True)
        return [parts or self._pieces.overlapping(*one) for one, parts in pairs], new

    def _trim(self) -> None:
        while self._held > max(self.limit, self.needed) and self._unused:
            part = self._unused.popleft()
            if part.users == 0 and part.kept:
                self._forget(part)

    def _forget(self, part: Part) -> None:
        if part.kept:
            part.kept = False
            (self._pieces if part.apart else self._parts).remove(part)
            self._held -= len(part)


def _waiting(found: Iterable[Iterable[Part]], *, piecemeal: bool) -> list[Part]:
    """Parts that wait for their turn, of those of which pieces may be fetched alone, or of others."""
    return [
        part
        for parts in found
        for part in parts
        if part.state == WAITING and part.piecemeal == piecemeal
    ]


__all__ = ["KEPT", "Ahead", "Part", "Range"]
