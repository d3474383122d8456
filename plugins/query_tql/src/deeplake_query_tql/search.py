"""Texts that contain a text: one search over the bytes of all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SAMPLE = 4096
"""Bytes that are looked at to learn which are rare."""
BLOCK = 1 << 18
"""Bytes that are compared at a time."""


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
    size = min(BLOCK, stop)
    right, also = np.empty(size, bool), np.empty(size, bool)
    # A block at a time, so that what is compared is still in the processor's cache when it is counted.
    for start in range(0, stop, BLOCK):
        n = min(BLOCK, stop - start)
        hits = np.equal(raw[start + at[0] : start + at[0] + n], needle[at[0]], out=right[:n])
        if len(at) > 1:
            np.equal(raw[start + at[1] : start + at[1] + n], needle[at[1]], out=also[:n])
            hits &= also[:n]
        found.append(np.flatnonzero(hits) + start)
    return np.concatenate(found)


def _rarest_first(raw: np.ndarray, needle: np.ndarray) -> list[int]:
    """Positions in the needle, that of its rarest byte first."""
    step = max(1, len(raw) // SAMPLE)
    counts = np.bincount(raw[::step], minlength=256)
    return [int(i) for i in np.argsort(counts[needle], kind="stable")]


__all__ = ["found_in"]
