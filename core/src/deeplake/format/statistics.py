"""Statistics of the values in a chunk, kept in its piece.

Bounds are stored as 64 bits whose meaning follows from the tensor's dtype: int64 for signed
integers
and bool, uint64 for unsigned ones, float64 for floats. NaN is ignored; a chunk of nothing but NaN
has
no bounds. Values of small integer domains are also kept as a set of 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeplake.format.pieces import DOMAIN, VALID

MAX_ELEMENTS = 16
"""Samples with more elements (images, embeddings) have no value statistics: nobody filters by
them."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of some values, as a piece holds them."""

    flags: int = 0
    min: int = 0
    max: int = 0
    domain: int = 0


NONE = Bounds()


def bounds_dtype(dtype: str | None) -> np.dtype[Any] | None:
    """How bounds of a tensor of this dtype are stored; None if it has none."""
    if dtype is None or dtype in ("str", "json"):
        return None
    kind = np.dtype(dtype).kind
    wide = {"i": "<i8", "b": "<i8", "u": "<u8", "f": "<f8"}.get(kind)
    return None if wide is None else np.dtype(wide)


def measure(arrays: Sequence[np.ndarray[Any, Any]], dtype: str) -> Bounds:
    """Bounds of all values in the arrays."""
    wide = bounds_dtype(dtype)
    filled = [a for a in arrays if a.size]
    if wide is None or not filled:
        return NONE
    if wide.kind == "f":
        with np.errstate(all="ignore"):
            lows = [np.fmin.reduce(a, axis=None) for a in filled]
            highs = [np.fmax.reduce(a, axis=None) for a in filled]
        known = [x for x in zip(lows, highs, strict=True) if not np.isnan(x[0])]
        if not known:
            return NONE
        low: Any = min(x[0] for x in known)
        high: Any = max(x[1] for x in known)
    else:
        low = min(a.min() for a in filled)
        high = max(a.max() for a in filled)
    flags = VALID
    domain = 0
    if wide.kind != "f" and int(high) - int(low) < 64:
        flags |= DOMAIN
        seen = np.zeros(64, bool)
        for a in filled:
            seen[(a.astype(np.int64) - np.int64(low) if wide.kind == "i" else a - low).ravel()] = (
                True
            )
        domain = int.from_bytes(np.packbits(seen, bitorder="little").tobytes(), "little")
    return Bounds(flags, _bits(low, wide), _bits(high, wide), domain)


def _bits(value: Any, wide: np.dtype[Any]) -> int:
    return int.from_bytes(np.asarray(value).astype(wide).tobytes(), "little")


__all__ = ["NONE", "Bounds", "bounds_dtype", "measure"]
