"""Pieces: runs of rows of one tensor, each inside one chunk (spec, section 5).

A piece table is an array of records, so that edits of many pieces are a few NumPy calls. Editing
never touches chunks: cutting a piece changes ``start``, ``count`` and ``counter``. Statistics stay
as
they are when a piece is cut, so they are bounds: never wrong, maybe loose.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

Pieces: TypeAlias = np.ndarray[Any, Any]
"""Records of ``piece_dtype(ndim)``, in row order."""

VALID = 1
"""Flag: ``min`` and ``max`` are known."""
DOMAIN = 2
"""Flag: ``domain`` is known: bit k is set if the value ``min + k`` may occur."""
TILED = 4
"""Flag: the chunk is the directory of a sample in tiles, which lie in other blocks."""
BLOB = 8
"""Flag: the chunk is one sample that is read in ranges."""
ALONE = TILED | BLOB
"""Flags of pieces whose chunk holds one sample, and never any other."""

PARTIAL = 1 << 63
"""Bit of an edit number: the last update of the row changed a part of its sample."""


def new_edit(*, partial: bool = False) -> int:
    """A random edit number.

    Args:
        partial: The update changes parts of samples.
    """
    return (secrets.randbits(63) or 1) | (PARTIAL if partial else 0)


@lru_cache(maxsize=64)
def piece_dtype(ndim: int) -> np.dtype[Any]:
    """Record of one piece whose samples have ``ndim`` dimensions.

    Fields:
        object: Id of the data object, as two ``u64``.
        offset, length, header: The chunk's place in the object, its size, its header's size.
        start, count: Rows of the chunk that the piece takes.
        session, counter: Row id of the first row; those of the others follow.
        edit: 0 for data as they were appended; each update draws a random number, with the bit
            ``PARTIAL`` if it changed parts of samples. Rows with the same id and edit have the same
            data, wherever they are stored.
        checksum: Of the chunk's header.
        nulls: Rows that may be None, at most.
        flags: ``VALID``, ``DOMAIN``, ``TILED`` and ``BLOB``.
        min, max: Bounds of the values as int64, uint64 or float64 bits, by the tensor's dtype.
        domain: Values that may occur, for small domains.
        low, high: Bounds of the samples' shapes.
    """
    return np.dtype(
        [
            ("object", "<u8", (2,)),
            ("offset", "<u8"),
            ("length", "<u8"),
            ("header", "<u4"),
            ("start", "<u4"),
            ("count", "<u8"),
            ("session", "<u8"),
            ("counter", "<u8"),
            ("edit", "<u8"),
            ("checksum", "<u8"),
            ("nulls", "<u8"),
            ("flags", "<u1"),
            ("min", "<u8"),
            ("max", "<u8"),
            ("domain", "<u8"),
            ("low", "<u4", (ndim,)),
            ("high", "<u4", (ndim,)),
        ]
    )


def empty(ndim: int) -> Pieces:
    """No pieces."""
    return np.zeros(0, piece_dtype(ndim))


def with_ndim(pieces: Pieces, ndim: int) -> Pieces:
    """The same pieces with shape bounds of another number of dimensions (zeros where unknown).

    Of rows without a value nothing is known but how many items a sequence has, the first axis.
    """
    if pieces.dtype == piece_dtype(ndim):
        return pieces
    wider = np.zeros(len(pieces), piece_dtype(ndim))
    for name in wider.dtype.names or ():
        if name not in ("low", "high"):
            wider[name] = pieces[name]
    known = min(ndim, pieces.dtype["low"].shape[0])
    wider["low"][:, :known] = pieces["low"][:, :known]
    wider["high"][:, :known] = pieces["high"][:, :known]
    return wider


def concatenate(parts: Sequence[Pieces]) -> Pieces:
    """Pieces one after the other; all parts describe samples of the same number of dimensions."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def ends(pieces: Pieces) -> np.ndarray[Any, Any]:
    """``int64[n]``: the row after the last one of each piece."""
    return np.cumsum(pieces["count"].astype(np.int64), dtype=np.int64)


def row_range(pieces: Pieces, start: int, stop: int) -> Pieces:
    """The pieces of rows ``start`` to ``stop``, cut where they reach beyond."""
    if start >= stop:
        return pieces[:0]
    last = ends(pieces)
    first_piece = int(np.searchsorted(last, start, "right"))
    last_piece = int(np.searchsorted(last, stop, "left"))
    part = pieces[first_piece : last_piece + 1].copy()
    part["count"][-1] -= np.uint64(int(last[last_piece]) - stop)
    skipped = start - (int(last[first_piece - 1]) if first_piece else 0)
    part["start"][0] += np.uint32(skipped)
    part["counter"][0] += np.uint64(skipped)
    part["count"][0] -= np.uint64(skipped)
    return part


def cut(pieces: Pieces, bounds: np.ndarray[Any, Any]) -> Pieces:
    """The same rows in pieces that begin or end at each of ``bounds`` (sorted row numbers)."""
    if len(pieces) == 0:
        return pieces
    last = ends(pieces)
    inner = bounds[(bounds > 0) & (bounds < last[-1])]
    stops = np.union1d(last, inner)
    if len(stops) == len(last):
        return pieces
    starts = np.concatenate(([0], stops[:-1]))
    which = np.searchsorted(last, starts, "right")
    part = pieces[which]
    skipped = starts - (last[which] - pieces["count"][which].astype(np.int64))
    part["start"] += skipped.astype(np.uint32)
    part["counter"] += skipped.astype(np.uint64)
    part["count"] = stops - starts
    return part


def without(pieces: Pieces, ranges: np.ndarray[Any, Any]) -> Pieces:
    """The pieces of all rows outside ``ranges`` (``int64[n, 2]``, sorted, disjoint)."""
    if len(pieces) == 0 or len(ranges) == 0:
        return pieces
    part = cut(pieces, ranges.reshape(-1))
    starts = ends(part) - part["count"].astype(np.int64)
    which = np.searchsorted(ranges[:, 0], starts, "right") - 1
    inside = (which >= 0) & (starts < ranges[np.maximum(which, 0), 1])
    kept: Pieces = part[~inside]
    return kept


def with_ids_of(pieces: Pieces, old: Pieces) -> Pieces:
    """New values for the rows of ``old``: its row ids on the data of ``pieces``."""
    part = cut(pieces, ends(old))
    ids = cut(old, ends(part))
    part = part.copy()
    part["session"] = ids["session"]
    part["counter"] = ids["counter"]
    return part


def gather(pieces: Pieces, rows: np.ndarray[Any, Any]) -> Pieces:
    """The pieces of any rows in any order: one piece for each run that stays inside a piece."""
    if len(rows) == 0:
        return pieces[:0]
    last = ends(pieces)
    which = np.searchsorted(last, rows, "right")
    inside = rows - (last[which] - pieces["count"][which].astype(np.int64))
    breaks = np.flatnonzero((np.diff(which) != 0) | (np.diff(inside) != 1)) + 1
    starts = np.concatenate(([0], breaks))
    counts = np.diff(np.concatenate((starts, [len(rows)])))
    part = pieces[which[starts]]
    offset = inside[starts]
    part["start"] += offset.astype(np.uint32)
    part["counter"] += offset.astype(np.uint64)
    part["count"] = counts
    return part


def row_ids(pieces: Pieces) -> np.ndarray[Any, Any]:
    """``uint64[rows, 2]``: (session, counter) of each row."""
    counts = pieces["count"].astype(np.int64)
    ids = np.empty((int(counts.sum()), 2), np.uint64)
    ids[:, 0] = np.repeat(pieces["session"], counts)
    first = np.cumsum(counts) - counts
    within = np.arange(len(ids), dtype=np.int64) - np.repeat(first, counts)
    ids[:, 1] = np.repeat(pieces["counter"], counts) + within.astype(np.uint64)
    return ids


__all__ = [
    "ALONE", "BLOB", "DOMAIN", "PARTIAL", "TILED", "VALID", "Pieces", "concatenate", "cut", "empty",
    "ends", "gather", "new_edit", "piece_dtype", "row_ids", "row_range", "with_ids_of", "with_ndim",
    "without",
]  # fmt: skip
