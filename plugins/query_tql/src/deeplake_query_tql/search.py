"""Texts that contain a text: one search over the bytes of all of them."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SAMPLE = 4096
"""Bytes that are looked at to learn which are rare."""
BLOCK = 1 << 19
"""Bytes that are compared at a time."""

_kept = threading.local()


def found_in(array: Any, wanted: str) -> np.ndarray:
    """``bool[n]``: which texts of an Arrow array hold ``wanted``; False for None.

    The two rarest of its bytes are looked for in all texts at once, then the others around what was
    found.
    """
    n = len(array)
    needle = np.frombuffer(wanted.encode("utf-8", "surrogatepass"), np.uint8)
    if not n or not len(needle):
        return np.asarray(pc.fill_null(pc.is_valid(array), False)) if n else np.zeros(0, bool)
    if not pa.types.is_large_string(array.type):
        array = array.cast(pa.large_utf8())
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + n + 1]
    begin, end = int(bounds[0]), int(bounds[-1])
    found = np.zeros(n, bool)
    last = end - len(needle)
    if data is None or last < begin:
        return found
    raw = np.frombuffer(data, np.uint8)[begin:end]
    order = _rarest_first(raw, needle)
    places = _places(raw, needle, order[:2], last - begin + 1)
    for at in order[2:]:
        if not len(places):
            return found
        places = places[raw[places + at] == needle[at]]
    if not len(places):
        return found
    places += begin
    rows = np.searchsorted(bounds[1:], places, "right")
    inside = places + len(needle) <= bounds[rows + 1]
    found[rows[inside]] = True
    if array.null_count:
        found &= np.asarray(array.is_valid())
    return found


def _places(raw: np.ndarray, needle: np.ndarray, at: list[int], stop: int) -> np.ndarray:
    """Where a needle may begin: places below ``stop`` around which some of its bytes are right.

    Args:
        raw: All bytes.
        needle: The bytes that are looked for.
        at: Which one or two of them are compared.
    """
    found = []
    right, also = _scratch()
    words, some = right.view(np.uint64), also[: BLOCK // 8]
    # A block at a time, so that what is compared is still in the processor's cache when it is counted.
    for start in range(0, stop, BLOCK):
        n = min(BLOCK, stop - start)
        hits = np.equal(raw[start + at[0] : start + at[0] + n], needle[at[0]], out=right[:n])
        if len(at) > 1:
            np.equal(raw[start + at[1] : start + at[1] + n], needle[at[1]], out=also[:n])
            hits &= also[:n]
        # Eight places at once: most have no hit.
        m = -(-n // 8)
        right[n : 8 * m] = False
        hit = np.flatnonzero(np.not_equal(words[:m], 0, out=some[:m]))
        if 4 * len(hit) < m:
            inner = np.flatnonzero(words[hit].view(bool))
            places = 8 * hit[inner >> 3] + (inner & 7)
        else:
            places = np.flatnonzero(hits)
        found.append(places + start if start else places)
    return found[0] if len(found) == 1 else np.concatenate(found)


def _scratch() -> tuple[np.ndarray, np.ndarray]:
    """Two ``bool[BLOCK]`` of this thread: memory that is new for each search costs more than it."""
    found: tuple[np.ndarray, np.ndarray] | None = getattr(_kept, "arrays", None)
    if found is None:
        found = _kept.arrays = np.empty(BLOCK, bool), np.empty(BLOCK, bool)
    return found


def _rarest_first(raw: np.ndarray, needle: np.ndarray) -> list[int]:
    """Positions in the needle, that of its rarest byte first."""
    # Those next to each other: with a step, it may be that only one place of each text is looked at.
    middle = max(0, len(raw) - SAMPLE) // 2
    counts = np.bincount(raw[middle : middle + SAMPLE], minlength=256)
    return [int(i) for i in np.argsort(counts[needle], kind="stable")]


__all__ = ["found_in"]
