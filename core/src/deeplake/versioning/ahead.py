"""Bytes of blocks that are fetched before they are asked for, each once, whoever asks."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from deeplake.storage.cache import CachedStore
from deeplake.types import Buffer
from deeplake.versioning.blocks import MAX_REQUEST, Blocks, short
from deeplake.versioning.repository import data_key

Range: TypeAlias = tuple[str, int, int]
"""Object id, start and stop."""

IN_FLIGHT: Final = 16
"""Requests that are made ahead at once, at most."""

IN_FLIGHT_BYTES: Final = 6 * MAX_REQUEST
"""… and what they bring together: more of them only make each slower."""

FIRST_BYTES: Final = 2 * MAX_REQUEST
"""… before the first of them is there."""

PIECES: Final = 16
"""One byte in so many comes twice, at most, for those who do not wait for the rest of a part."""

KEPT: Final = 64 << 20
"""Bytes that are kept where nothing else is said."""

_WAITING, _RUNNING, _THERE, _FAILED = range(4)


class Part:
    """Consecutive bytes of an object that are fetched by one request.

    Attributes:
        oid, start, stop: Which.
        state: Waiting for its turn, running, there, or failed: then it is forgotten, and whoever
            needs it asks again.
        users: How many have said that they will need it.
        kept: It is found by who asks.
        piecemeal: Who needs a piece before its turn fetches this piece alone.
        data: The bytes, when they are there.
        ended: Set when it is there or failed.
    """

    __slots__ = ("data", "ended", "kept", "oid", "piecemeal", "start", "state", "stop", "users")

    def __init__(self, oid: str, start: int, stop: int, piecemeal: bool = False) -> None:
        self.oid, self.start, self.stop = oid, start, stop
        self.piecemeal = piecemeal
        self.state = _WAITING
        self.users = 0
        self.kept = True
        self.data = memoryview(b"")
        self.ended = threading.Event()

    def __len__(self) -> int:
        return self.stop - self.start


def _start(part: Part) -> int:
    return part.start


class Ahead(Blocks):
    """Reads byte ranges of data objects; knows of some of them before they are asked for.

    What will be needed is told by ``want``, and fetched by whoever calls ``take`` and ``run``. What is
    asked for by ``fetch`` and waits for its turn is fetched at once. Parts that nobody needs any more
    are kept as long as there is room.

    Args:
        blocks: Where the bytes come from.

    Attributes:
        limit: Bytes to keep, beside what is needed.
        needed: Bytes that somebody will need.
        fetched: Bytes that were asked of the store.
        ready, late: Ranges that were there when they were asked for, and those that were not.
    """

    __slots__ = (
        "_ended_bytes",
        "_held",
        "_mutex",
        "_parts",
        "_pid",
        "_piecemeal",
        "_queue",
        "_running",
        "_running_bytes",
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
        self._parts: dict[str, list[Part]] = {}
        self._queue: deque[Part] = deque()
        self._unused: deque[Part] = deque()
        self._held = self.needed = self._piecemeal = 0
        self._running = self._running_bytes = self._ended_bytes = 0
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
    def want(self, ranges: Sequence[Range], *, piecemeal: bool = False) -> list[list[Part]]:
        """Say what will be needed, in the order in which it will be.

        Args:
            ranges: What.
            piecemeal: It is large: who needs a little of it soon does not wait for all.

        Returns:
            The parts of each range. They are kept until ``release``.
        """
        with self._guarded():
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
                    if part.state == _WAITING:
                        self._forget(part)
                    elif part.state == _THERE:
                        self._unused.append(part)
            self._trim()

    def take(self) -> Part | None:
        """The part whose turn it is; None if there is none, or enough requests are under way.

        Only a few at first: what is needed first comes sooner when it comes alone. What is small
        does not wait for that.
        """
        with self._guarded():
            if self._running >= IN_FLIGHT:
                return None
            most = min(IN_FLIGHT_BYTES, FIRST_BYTES + 2 * self._ended_bytes)
            while self._queue:
                part = self._queue[0]
                if part.state == _WAITING and part.kept:
                    if self._running and self._running_bytes + len(part) > most:
                        return None
                    self._queue.popleft()
                    part.state = _RUNNING
                    self._running += 1
                    self._running_bytes += len(part)
                    return part
                self._queue.popleft()
            return None

    def run(self, part: Part) -> None:
        """Fetch a part that was taken. Raises nothing: who needs it will see what is wrong."""
        try:
            data = self._store.get(data_key(part.oid), (part.start, part.stop))
        except Exception:  # noqa: BLE001 - who asks for it gets it, or the error
            data = b""
        with self._guarded():
            self._running -= 1
            self._running_bytes -= len(part)
            self._ended_bytes += len(part)
            self.fetched += len(data)
            self._end(part, data)
            self._trim()

    def _end(self, part: Part, data: Buffer) -> None:
        view = memoryview(data)
        if len(view) == len(part):
            part.data, part.state = view, _THERE
            if part.users == 0:
                self._unused.append(part)
        else:
            part.state = _FAILED
            self._forget(part)
        part.ended.set()

    # ---- asked for
    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """As ``Blocks.fetch``; waits for what is under way, and asks for nothing twice."""
        with self._guarded():
            found, mine = self._cover(ranges)
            alone = self._alone(ranges, found)
            mine += [
                part
                for i, parts in enumerate(found)
                for part in parts
                if part.state == _WAITING and i not in alone
            ]
            mine = list(dict.fromkeys(mine))
            there = sum(all(part.state == _THERE for part in parts) for parts in found)
            self.ready += there
            self.late += len(found) - there
            for part in mine:
                part.state = _RUNNING
        if mine:
            self._run_all(mine)
        pieces = iter(self._beside([ranges[i] for i in alone]))
        return [
            next(pieces) if i in alone else self._joined(ranges[i], parts)
            for i, parts in enumerate(found)
        ]

    def _alone(self, ranges: Sequence[Range], found: Sequence[Sequence[Part]]) -> dict[int, None]:
        """The numbers of ranges that are fetched beside the parts that they are pieces of."""
        alone: dict[int, None] = {}
        for i, parts in enumerate(found):
            if any(part.state == _WAITING and part.piecemeal for part in parts):
                size = ranges[i][2] - ranges[i][1]
                if size <= self._piecemeal:
                    self._piecemeal -= size
                    alone[i] = None
        return alone

    def _beside(self, ranges: Sequence[Range]) -> list[memoryview]:
        """Fetch some pieces now, whatever else brings them later."""
        if not ranges:
            return []
        found = super().fetch(ranges)
        with self._guarded():
            self.fetched += sum(map(len, found))
        return found

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
            if part.state == _FAILED:
                raise short(part.oid, part.stop, part.start + len(answer))

    def _joined(self, wanted: Range, parts: Sequence[Part]) -> memoryview:
        _, start, stop = wanted
        for part in parts:
            part.ended.wait()
            if part.state == _FAILED:
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
        missing: list[Range] = []
        for oid, start, stop in ranges:
            parts = self._overlapping(oid, start, stop)
            if piecemeal and sum(map(len, parts)) < stop - start:
                # What came alone is not worth two requests around it.
                for part in parts:
                    if not part.piecemeal:
                        self._forget(part)
                parts = [part for part in parts if part.piecemeal]
            for part in parts:
                if start < part.start:
                    missing.append((oid, start, part.start))
                start = max(start, part.stop)
            if start < stop:
                missing.append((oid, start, stop))
        new = [Part(*one, piecemeal) for one in self._requests(missing)]
        for part in new:
            siblings = self._parts.setdefault(part.oid, [])
            siblings.insert(bisect_left(siblings, part.start, key=_start), part)
            self._held += len(part)
        return [self._overlapping(*one) for one in ranges], new

    def _overlapping(self, oid: str, start: int, stop: int) -> list[Part]:
        siblings = self._parts.get(oid, ())
        if start >= stop or not siblings:
            return []
        first = bisect_right(siblings, start, key=_start) - 1
        if first < 0 or siblings[first].stop <= start:
            first += 1
        return list(siblings[first : bisect_left(siblings, stop, key=_start)])

    def _requests(self, missing: Sequence[Range]) -> list[Range]:
        """Ranges that lie close together as one, unless something between them is there already.

        In the order in which the first of each was asked for.
        """
        order = sorted(range(len(missing)), key=missing.__getitem__)
        merged: list[tuple[int, Range]] = []
        for i in order:
            oid, start, stop = missing[i]
            if merged:
                first, (last_oid, last_start, last_stop) = merged[-1]
                inside = oid == last_oid and stop <= last_stop
                near = oid == last_oid and start - last_stop <= self.request_cost
                fits = max(stop, last_stop) - last_start <= max(MAX_REQUEST, stop - start)
                if inside or (
                    near and (fits or start < last_stop)
                    and not self._overlapping(oid, last_stop, start)
                ):  # fmt: skip
                    merged[-1] = min(first, i), (oid, last_start, max(stop, last_stop))
                    continue
            merged.append((i, (oid, start, stop)))
        return [one for _, one in sorted(merged)]

    def _trim(self) -> None:
        while self._held > max(self.limit, self.needed) and self._unused:
            part = self._unused.popleft()
            if part.users == 0 and part.kept:
                self._forget(part)

    def _forget(self, part: Part) -> None:
        if part.kept:
            part.kept = False
            siblings = self._parts[part.oid]
            del siblings[bisect_left(siblings, part.start, key=_start)]
            if not siblings:
                del self._parts[part.oid]
            self._held -= len(part)


__all__ = ["KEPT", "Ahead", "Part", "Range"]
