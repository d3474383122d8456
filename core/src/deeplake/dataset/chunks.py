"""Where the rows of one tensor are: rows -> pieces -> chunks, and which chunks are open."""

from __future__ import annotations

import mmap
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import numpy as np

from deeplake.dataset.kept import Kept
from deeplake.errors import FormatError
from deeplake.format.chunk import BLOB, FIXED, TILE, ChunkHeader
from deeplake.format.encoding import htype_plugin
from deeplake.types import TensorSchema
from deeplake.versioning.blocks import Blocks, object_id
from deeplake.versioning.openchunk import OpenChunk, check_rows, read_header
from deeplake.versioning.table import PieceTable

MAX_OPEN = 256
MAX_INFLATED = 64 << 20
MAX_HELD = 64 << 20
"""Bytes of chunks that were fetched as a whole."""

FEW = 32
"""Rows that are looked up one by one: of those of a batch, NumPy takes longer."""

Rows: TypeAlias = Sequence[int] | np.ndarray | range

Group: TypeAlias = tuple[OpenChunk, np.ndarray, np.ndarray]
"""A chunk, positions in what was asked for, and places in the chunk: one of each for each sample."""

Place: TypeAlias = tuple[int, int, int, OpenChunk]
"""Rows ``start`` to ``stop``, what leads from a row to its place in their chunk, and the chunk."""


def row_numbers(rows: Rows) -> np.ndarray:
    """Rows as ``int64[n]``; NumPy would go through a range number by number."""
    if isinstance(rows, range):
        return np.arange(rows.start, rows.stop, rows.step, dtype=np.int64)
    return np.asarray(rows, np.int64)


class Chunks:
    """The chunks of one tensor in one version; any number of threads may use them at once.

    Args:
        blocks: Where bytes come from.
        schema: The tensor's schema.
        table: Its piece table.
        before: The chunks of the same tensor in an earlier state.
    """

    def __init__(
        self,
        blocks: Blocks,
        schema: TensorSchema,
        table: PieceTable,
        before: Chunks | None = None,
    ) -> None:
        self.blocks = blocks
        self.schema = schema
        self.table = table
        self.payload = htype_plugin(schema.htype).spec().payload
        # Chunks never change: what a reader of an earlier state opened stays good.
        self._open: OrderedDict[tuple[str, int], OpenChunk] = (
            OrderedDict() if before is None else before._open
        )
        self._last: Place | None = None
        self._places: tuple[list[int], list[Place]] = ([], [])
        self.kept: Kept = Kept() if before is None else before.kept

    def __getstate__(self) -> dict[str, Any]:
        # What is open stays in the process that opened it.
        return {**self.__dict__, "_open": OrderedDict(), "_last": None, "_places": ([], [])}

    def __len__(self) -> int:
        return self.table.rows

    # ---- before they are read
    def pieces_of(self, rows: np.ndarray) -> list[Any]:
        """The pieces that hold some rows.

        Args:
            rows: ``int64[n]``: row numbers in ascending order.
        """
        found: list[Any] = []
        if len(rows) == 0:
            return found
        for first, part in self.table.spans(int(rows[0]), int(rows[-1]) + 1):
            ends = first + np.cumsum(part["count"].astype(np.int64))
            inside = rows[np.searchsorted(rows, first) : np.searchsorted(rows, ends[-1])]
            found.extend(part[np.unique(np.searchsorted(ends, inside, "right"))])
        return found

    def ranges(self, rows: Rows) -> list[tuple[str, int, int]]:
        """What has to be fetched to read some rows; reads headers.

        Not in it is what is read in parts: files and tiles that are stored alone, items of sequences.
        """
        found = []
        for chunk, _, places in self.groups(rows):
            header = chunk.header
            if chunk.array is None and header.kind not in (TILE, BLOB) and not header.sequences:
                found.extend(chunk.missing(self._frames(chunk, places, blocks=True)))
        return found

    # ---- of one row
    def _locate(self, row: int) -> tuple[OpenChunk, int]:
        """The chunk of a row, and the row's place in it."""
        last = self._last
        if last is not None and last[0] <= row < last[1]:
            return last[3], row + last[2]
        starts, places = self._places
        at = bisect_right(starts, row) - 1
        if at >= 0 and row < places[at][1]:
            known = self._last = places[at]
            return known[3], row + known[2]
        piece, start, stop = self.table.locate(row)
        chunk = self._chunks([piece])[0]
        found = (start, stop, int(piece["start"]) - start, chunk)
        self._last = found
        if chunk.array is not None or chunk.is_mapped:
            self._place(found)
        return chunk, row + found[2]

    def _place(self, found: Place) -> None:
        """Keep where some rows are, in a chunk that takes no memory of its own."""
        starts, places = self._places
        at = bisect_right(starts, found[0])
        if len(starts) >= MAX_OPEN:
            self._places = ([found[0]], [found])
        elif not at or starts[at - 1] != found[0]:
            # New lists: other threads may be looking into these.
            self._places = (
                [*starts[:at], found[0], *starts[at:]],
                [*places[:at], found, *places[at:]],
            )

    def _stored(self, chunk: OpenChunk, i: int) -> memoryview | None:
        if chunk.is_mapped:
            return None
        first, last = chunk.frames_of(i)
        ranges = chunk.missing([(first, last)]) if first < last else []
        return self.blocks.fetch(ranges)[0] if ranges else None

    # ---- of several rows
    def groups(self, rows: Rows) -> list[Group]:
        """The chunks of some rows.

        Returns:
            ``(chunk, positions in rows, places in the chunk)``, one for each chunk that is touched.
        """
        wanted = row_numbers(rows)
        if len(wanted) == 0:
            return []
        if len(wanted) <= FEW:
            return self._few(wanted)
        low, high = int(wanted.min()), int(wanted.max()) + 1
        last = self._last
        if last is not None and last[0] <= low and high <= last[1]:
            return [(last[3], np.arange(len(wanted)), wanted + last[2])]
        found = []
        pieces: list[Any] = []
        if consecutive(wanted):
            groups: list[Group] = []
            at = 0
            for chunk, start, count in self._consecutive(low, high):
                groups.append((chunk, np.arange(at, at + count), np.arange(start, start + count)))
                at += count
            return groups
        for first, part in self.table.spans(low, high):
            counts = part["count"].astype(np.int64)
            stops = first + np.cumsum(counts)
            inside = np.flatnonzero((wanted >= first) & (wanted < stops[-1]))
            if not len(inside):
                continue
            which = np.searchsorted(stops, wanted[inside], "right")
            order = np.argsort(which, kind="stable")
            numbers, starts = np.unique(which[order], return_index=True)
            for number, positions in zip(
                numbers.tolist(), np.split(inside[order], starts[1:].tolist()), strict=True
            ):
                piece = part[number]
                begin = int(stops[number]) - int(counts[number])
                places = wanted[positions] - begin + int(piece["start"])
                pieces.append(piece)
                found.append((positions, places))
        chunks = self._chunks(pieces)
        return [(chunk, *rest) for chunk, rest in zip(chunks, found, strict=True)]

    def _few(self, wanted: np.ndarray) -> list[Group]:
        """The chunks of a few rows, as ``groups``."""
        found = _grouped(wanted, *self._places)
        if found is not None:
            return found
        spots: list[tuple[int, int, int]] = []
        pieces: list[Any] = []
        for row in sorted(wanted.tolist()):
            if not spots or row >= spots[-1][1]:
                piece, start, stop = self.table.locate(row)
                spots.append((start, stop, int(piece["start"]) - start))
                pieces.append(piece)
        places: list[Place] = [
            (*spot, chunk) for spot, chunk in zip(spots, self._chunks(pieces), strict=True)
        ]
        for place in places:
            if place[3].array is not None or place[3].is_mapped:
                self._place(place)
        found = _grouped(wanted, [place[0] for place in places], places)
        assert found is not None
        return found

    def _consecutive(self, start: int, stop: int) -> list[tuple[OpenChunk, int, int]]:
        """``(chunk, first place in it, count)`` of the pieces that rows ``start`` to ``stop`` are in."""
        parts = [part for _, part in self.table.spans(start, stop)]
        chunks = self._chunks([piece for part in parts for piece in part])
        starts = [start for part in parts for start in part["start"].tolist()]
        counts = [count for part in parts for count in part["count"].tolist()]
        return list(zip(chunks, starts, counts, strict=True))

    def _fetched(
        self, groups: Sequence[Group], *, blocks: bool = True
    ) -> Iterable[tuple[OpenChunk, np.ndarray, np.ndarray, list[memoryview | None]]]:
        """Groups with the stored bytes of each sample, fetched in few requests where needed.

        With ``blocks``, plain samples near each other are fetched as one block, their only part.
        """
        ranges: list[tuple[str, int, int]] = []
        counts = []
        for chunk, _, places in groups:
            mine = []
            if chunk.array is None:
                mine = chunk.missing(self._frames(chunk, places, blocks=blocks))
            counts.append(len(mine))
            ranges.extend(mine)
        fetched = iter(self.blocks.fetch(ranges) if ranges else [])
        for (chunk, positions, places), count in zip(groups, counts, strict=True):
            parts: list[memoryview | None] = (
                [next(fetched) for _ in range(count)] if count else [None] * len(places)
            )
            yield chunk, positions, places, parts

    # ---- what is open
    @staticmethod
    def _frames(chunk: OpenChunk, places: np.ndarray, *, blocks: bool) -> list[tuple[int, int]]:
        """Frames that hold some samples: of each, or of plain ones that are near as a block."""
        span = chunk.span(places) if blocks else None
        if span is not None:
            return [chunk.frames_of_span(*span)]
        return [chunk.frames_of(i) for i in places.tolist()]

    def _chunks(self, pieces: Sequence[Any]) -> list[OpenChunk]:
        """The chunks of some pieces; headers that are not known are fetched together."""
        keys = [(object_id(piece), int(piece["offset"])) for piece in pieces]
        found: dict[tuple[str, int], OpenChunk] = {}
        fetch: list[tuple[tuple[str, int], Any]] = []
        for key, piece in zip(keys, pieces, strict=True):
            if key in found:
                check_rows(found[key].header, piece)
                continue
            chunk = self._open.get(key)
            if chunk is not None:
                check_rows(chunk.header, piece)  # it was opened for another piece, maybe
                with suppress(KeyError):  # another thread may just have made room
                    self._open.move_to_end(key)
                found[key] = chunk
                continue
            block = self.blocks.whole(key[0], key[1], int(piece["length"]))
            if block is None:
                fetch.append((key, piece))
                continue
            header = read_header(block, piece, self.schema.name)
            found[key] = self._remember(header, block[header.header_length :], key)
        if fetch:
            # A small chunk costs no more than its header would, and saves the request for the samples.
            small = self.blocks.request_cost
            ranges = [
                (oid, at, at + int(piece["length" if piece["length"] <= small else "header"]))
                for (oid, at), piece in fetch
            ]
            for (key, piece), data in zip(fetch, self.blocks.fetch(ranges), strict=True):
                header = read_header(data, piece, self.schema.name)
                whole = len(data) == int(piece["length"])
                payload = data[header.header_length :] if whole else None
                found[key] = self._remember(header, payload, key)
            self._bound()
        return [found[key] for key in keys]

    def _bound(self) -> None:
        """Forget chunks that were fetched as a whole longest ago, so that few bytes are held."""
        held = sum(chunk.held for chunk in list(self._open.values()))
        while held > MAX_HELD:
            with suppress(KeyError):  # another thread may have made room
                held -= self._open.popitem(last=False)[1].held
                continue
            return

    def _remember(
        self, header: ChunkHeader, payload: memoryview | None, key: tuple[str, int]
    ) -> OpenChunk:
        if header.kind in (FIXED, TILE) and self.payload != "array":
            raise FormatError(f"{header.name}: a chunk of arrays, and the samples are none")
        if (header.sequences is not None) != self.schema.is_sequence:
            raise FormatError(f"{header.name}: a chunk of kind {header.kind}, and htype "
                              f"{self.schema.full_htype!r} has others")  # fmt: skip
        chunk = OpenChunk(header, payload, *key, arrays=self.payload == "array")
        opened = self._open
        opened[chunk.oid, chunk.offset] = chunk
        if len(opened) > MAX_OPEN:
            with suppress(KeyError):  # another thread may have made room
                opened.popitem(last=False)
        return chunk

    def release(self) -> None:
        """Let the system take back the pages of memory maps: they count as memory of this process.

        What was read stays valid; the next to look at it reads it from the system's cache.
        """
        if not hasattr(mmap, "MADV_DONTNEED"):
            return
        maps = {id(one): one for chunk in list(self._open.values()) if (one := chunk.map)}
        for one in maps.values():
            one.madvise(mmap.MADV_DONTNEED)

    def _trim(self) -> None:
        """Keep what was decompressed within bounds."""
        chunks = list(self._open.values())  # in one call: other threads add chunks
        if sum(chunk.inflated for chunk in chunks) > MAX_INFLATED:
            for chunk in chunks:
                chunk.shrink()


def _grouped(wanted: np.ndarray, starts: list[int], places: list[Place]) -> list[Group] | None:
    """Rows by the chunk that they are in; None if one is in none of them.

    Args:
        wanted: Rows.
        starts: The first rows of the places, in order.
        places: The places.
    """
    found: dict[int, list[int]] = {}
    for position, row in enumerate(wanted.tolist()):
        at = bisect_right(starts, row) - 1
        if at < 0 or row >= places[at][1]:
            return None
        found.setdefault(at, []).append(position)
    groups: list[Group] = []
    for at in sorted(found):
        positions = np.array(found[at], np.int64)
        groups.append((places[at][3], positions, wanted[positions] + places[at][2]))
    return groups


def consecutive(numbers: np.ndarray) -> bool:
    """Whether numbers count up one by one."""
    n = len(numbers)
    if n == 0 or int(numbers[-1]) - int(numbers[0]) != n - 1:
        return False
    return n < 3 or bool((np.diff(numbers) == 1).all())


__all__ = ["Chunks", "Group", "Rows", "consecutive", "row_numbers"]
