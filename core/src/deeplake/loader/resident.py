"""Rows of a small tensor in one array in memory: a shuffled batch of them is one gather.

Rows that are taken from chunk after chunk cost a call each, and threads wait for each other between
calls; then they must be put where they belong in the batch. From one array, NumPy takes them all in
the order that is wanted, without the interpreter's lock.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from deeplake.loader.memory import aligned
from deeplake.types import Shape

Fill: TypeAlias = Callable[[int, np.ndarray], bool]


class Resident:
    """All rows of a tensor, piece by piece as they are first wanted. Any number of threads may read.

    Args:
        stops: ``int64[pieces]``: the row after the last of each piece.
        shape: Shape of a row.
        dtype: Its dtype.
    """

    __slots__ = ("__weakref__", "_array", "_done", "_locks", "_process", "_stops", "_whole")

    def __init__(self, stops: np.ndarray, shape: Shape, dtype: np.dtype[Any]) -> None:
        self._stops = stops
        self._array = aligned((int(stops[-1]), *shape), dtype)
        self._done = np.zeros(len(stops), np.bool_)
        self._whole = False
        self._begin()

    def _begin(self) -> None:
        self._locks = [threading.Lock() for _ in self._stops]
        self._process = os.getpid()

    def take(self, rows: np.ndarray, out: np.ndarray, fill: Fill) -> bool:
        """Copy some rows to ``out``; False if a piece could not be read.

        Args:
            rows: ``int64[n]``, in any order.
            out: An array of as many rows.
            fill: Reads a piece, by its number, into its part of the array; returns whether it could.

        Raises:
            ChecksumError, StorageError: What was stored is damaged, or cannot be read.
        """
        if not self._whole and not self._read(rows, fill):
            return False
        # Without a mode that cannot fail, NumPy would take to a buffer first.
        self._array.take(rows, axis=0, out=out, mode="clip")
        return True

    def _read(self, rows: np.ndarray, fill: Fill) -> bool:
        """Read the pieces that hold the rows, if they were not; returns whether that was possible."""
        if self._process != os.getpid():
            # In the child of a fork, no thread is left that would release a lock that was held.
            self._begin()
        pieces = np.searchsorted(self._stops, rows, "right")
        wanted = np.flatnonzero(np.bincount(pieces, minlength=len(self._stops)) > 0)
        missing = wanted[~self._done[wanted]].tolist()
        # What other threads are at comes last: no two of them read the same bytes.
        for wait in (False, True):
            for number in missing:
                lock = self._locks[number]
                if self._done[number] or not lock.acquire(blocking=wait):
                    continue
                try:
                    if not self._done[number] and not self._read_piece(number, fill):
                        return False
                finally:
                    lock.release()
        self._whole = bool(self._done.all())
        return True

    def _read_piece(self, number: int, fill: Fill) -> bool:
        start = int(self._stops[number - 1]) if number else 0
        stop = int(self._stops[number])
        self._done[number] = start == stop or fill(number, self._array[start:stop])
        return bool(self._done[number])


__all__ = ["Resident"]
