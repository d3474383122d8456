"""XXH3-64, the checksum of format v1 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xxhash

from deeplake.types import Buffer

XXH3_64 = 1
"""Number of the algorithm in block headers."""


def digest(*parts: Buffer) -> int:
    """XXH3-64 of the parts, as if they were one buffer."""
    if len(parts) == 1:
        return xxhash.xxh3_64_intdigest(parts[0])
    state = xxhash.xxh3_64()
    for part in parts:
        state.update(part)
    return state.intdigest()


def digests(frames: Iterable[Buffer]) -> np.ndarray:
    """XXH3-64 of each buffer, as ``uint64[n]``."""
    return np.fromiter(map(xxhash.xxh3_64_intdigest, frames), np.uint64)


__all__ = ["XXH3_64", "digest", "digests"]
