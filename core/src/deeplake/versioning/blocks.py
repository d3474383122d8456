"""Bytes of blocks, from wherever they are: staged, mapped, or fetched in few requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deeplake.errors import FormatError
from deeplake.spi import Store
from deeplake.types import ByteRange
from deeplake.versioning.repository import data_key
from deeplake.versioning.staging import Staging

MAX_REQUEST = 8 << 20
"""Neighbouring ranges are joined up to this many bytes a request."""


def object_id(piece: Any) -> str:
    """Id of the data object of a piece."""
    high, low = piece["object"].tolist()
    return f"{high:016x}{low:016x}"


def object_words(oid: str) -> tuple[int, int]:
    """The id as pieces hold it."""
    return int(oid[:16], 16), int(oid[16:], 16)


class Blocks:
    """Reads byte ranges of data objects.

    Args:
        store: The dataset's store.
        staging: Blocks of a session that are not stored yet.

    Attributes:
        mapping: The store gives its objects without a copy.
        request_cost: Bytes that cost as much as a request.
    """

    __slots__ = ("_staging", "_store", "mapping", "request_cost")

    def __init__(self, store: Store, staging: Staging | None = None) -> None:
        self._store = store
        self._staging = staging
        self.mapping = store.capabilities.mapping
        self.request_cost = store.capabilities.request_cost

    def unmapped(self) -> Blocks:
        """The same blocks, read instead of mapped."""
        other = Blocks(self._store, self._staging)
        other.mapping = False
        return other

    def whole(self, oid: str, offset: int, length: int) -> memoryview | None:
        """A block without a copy, or None where that cannot be had."""
        if self._staging is not None:
            staged = self._staging.read(oid, offset)
            if staged is not None:
                return staged
        if not self.mapping:
            return None
        view = self._store.map(data_key(oid))
        if offset + length > len(view):
            raise short(oid, offset + length, len(view))
        return view[offset : offset + length]

    def private(self, oid: str, offset: int, byte_range: ByteRange) -> memoryview | None:
        """Bytes of a block to write to, not copied; None where that cannot be had.

        Args:
            oid: Its object.
            offset: Where in the object it begins.
            byte_range: The bytes, counted from there.
        """
        if self._staging is not None and self._staging.read(oid, offset) is not None:
            return None
        start, stop = byte_range
        return self._store.map_private(data_key(oid), (offset + start, offset + stop))

    def fetch(self, ranges: Sequence[tuple[str, int, int]]) -> list[memoryview]:
        """Parts of stored objects.

        Args:
            ranges: ``(object id, start, stop)`` in bytes of the object.

        Returns:
            The parts in the order asked. Ranges that lie close together are one request.
        """
        gap = self.request_cost
        order = sorted(range(len(ranges)), key=ranges.__getitem__)
        requests: list[tuple[str, int, int]] = []
        place: list[int] = [0] * len(ranges)
        for i in order:
            oid, start, stop = ranges[i]
            if requests:
                last_oid, last_start, last_stop = requests[-1]
                near = oid == last_oid and start - last_stop <= gap
                if near and max(stop, last_stop) - last_start <= max(MAX_REQUEST, stop - start):
                    requests[-1] = (oid, last_start, max(stop, last_stop))
                    place[i] = len(requests) - 1
                    continue
            requests.append((oid, start, stop))
            place[i] = len(requests) - 1
        answers = self._store.get_many([(data_key(oid), (a, b)) for oid, a, b in requests])
        for (oid, start, stop), answer in zip(requests, answers, strict=True):
            if len(answer) != stop - start:
                raise short(oid, stop, start + len(answer))
        views = [memoryview(answer) for answer in answers]
        parts = []
        for i, (_, start, stop) in enumerate(ranges):
            base = requests[place[i]][1]
            parts.append(views[place[i]][start - base : stop - base])
        return parts


def short(oid: str, needed: int, there: int) -> FormatError:
    """What is wrong with an object that ends before the bytes that are needed of it."""
    return FormatError(
        f"{data_key(oid)}: is cut short: {there} bytes, at least {needed} belong there; restore it "
        "from a copy"
    )


__all__ = ["MAX_REQUEST", "Blocks", "object_id", "object_words", "short"]
