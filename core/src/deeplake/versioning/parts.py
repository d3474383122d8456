"""Parts of objects that are fetched by one request each, and which of them hold what is asked for."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TypeAlias

from deeplake.versioning.blocks import MAX_REQUEST

Range: TypeAlias = tuple[str, int, int]
"""Object id, start and stop."""

WAITING, RUNNING, THERE, FAILED = range(4)


class Part:
    """Consecutive bytes of an object that are fetched by one request.

    Attributes:
        oid, start, stop: Which.
        state: Waiting for its turn, running, there, or failed: then it is forgotten, and whoever
            needs it asks again.
        users: How many have said that they will need it.
        kept: It is found by who asks.
        piecemeal: Who needs a piece long before its turn fetches this piece alone.
        apart: It is such a piece, and comes a second time with the part that it is a piece of.
        data: The bytes, when they are there.
        ended: Set when it is there or failed.
    """

    __slots__ = (
        "apart", "data", "ended", "kept", "oid", "piecemeal", "start", "state", "stop", "users",
    )  # fmt: skip

    def __init__(
        self, oid: str, start: int, stop: int, *, piecemeal: bool = False, apart: bool = False
    ) -> None:
        self.oid, self.start, self.stop = oid, start, stop
        self.piecemeal, self.apart = piecemeal, apart
        self.state = WAITING
        self.users = 0
        self.kept = True
        self.data = memoryview(b"")
        self.ended = threading.Event()

    def __len__(self) -> int:
        return self.stop - self.start


def _start(part: Part) -> int:
    return part.start


class Layer:
    """Parts that have no byte in common, in order, of each object.

    Args:
        request_cost: Bytes that cost as much as a request: parts that lie closer together are one.
        apart: They are pieces of the parts of another layer.
    """

    __slots__ = ("_apart", "_cost", "_parts")

    def __init__(self, request_cost: int, *, apart: bool = False) -> None:
        self._cost = request_cost
        self._apart = apart
        self._parts: dict[str, list[Part]] = {}

    def overlapping(self, oid: str, start: int, stop: int) -> list[Part]:
        """The parts that have a byte in common with a range."""
        siblings = self._parts.get(oid, ())
        if start >= stop or not siblings:
            return []
        first = bisect_right(siblings, start, key=_start) - 1
        if first < 0 or siblings[first].stop <= start:
            first += 1
        return list(siblings[first : bisect_left(siblings, stop, key=_start)])

    def covering(self, oid: str, start: int, stop: int) -> list[Part]:
        """The parts that together hold a range; none if some of it is missing."""
        parts = self.overlapping(oid, start, stop)
        held = sum(min(part.stop, stop) - max(part.start, start) for part in parts)
        return parts if held == stop - start else []

    def cover(self, ranges: Sequence[Range], *, piecemeal: bool = False) -> list[Part]:
        """Add parts for what is missing of some ranges, and return them."""
        missing: list[Range] = []
        for oid, start, stop in ranges:
            for part in self.overlapping(oid, start, stop):
                if start < part.start:
                    missing.append((oid, start, part.start))
                start = max(start, part.stop)
            if start < stop:
                missing.append((oid, start, stop))
        new = [Part(*one, piecemeal=piecemeal, apart=self._apart) for one in self._joined(missing)]
        for part in new:
            siblings = self._parts.setdefault(part.oid, [])
            siblings.insert(bisect_left(siblings, part.start, key=_start), part)
        return new

    def _joined(self, missing: Sequence[Range]) -> list[Range]:
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
                near = oid == last_oid and start - last_stop <= self._cost
                fits = max(stop, last_stop) - last_start <= max(MAX_REQUEST, stop - start)
                if inside or (
                    near and (fits or start < last_stop)
                    and not self.overlapping(oid, last_stop, start)
                ):  # fmt: skip
                    merged[-1] = min(first, i), (oid, last_start, max(stop, last_stop))
                    continue
            merged.append((i, (oid, start, stop)))
        return [one for _, one in sorted(merged)]

    def remove(self, part: Part) -> None:
        """Let it not be found any more."""
        siblings = self._parts[part.oid]
        del siblings[bisect_left(siblings, part.start, key=_start)]
        if not siblings:
            del self._parts[part.oid]


__all__ = ["FAILED", "RUNNING", "THERE", "WAITING", "Layer", "Part", "Range"]
