"""Datasets with far more rows than anybody stores for a test: real manifests, few data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import deeplake
from deeplake.errors import ObjectNotFoundError
from deeplake.format.segment import MAX_PIECES
from deeplake.spi import Store
from deeplake.storage.memory import MemoryStore
from deeplake.types import Buffer, ByteRange
from deeplake.versioning.table import PieceTable, Segment

from .script import opened

PER_CHUNK = 64


class Repeating(MemoryStore):
    """Any data object that is missing looks like one that is there.

    Attributes:
        model: Key of that one.
    """

    model = ""

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        try:
            return super().get(key, byte_range)
        except ObjectNotFoundError:
            if not self.model or not key.startswith("data/"):
                raise
            return super().get(self.model, byte_range)

    def map(self, key: str) -> memoryview:
        return memoryview(self.get(key))


def sample(row: int) -> np.ndarray:
    """What is in a row: the same again every ``PER_CHUNK`` rows."""
    picture = np.random.default_rng(row % PER_CHUNK).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return np.asarray(picture)


def grown(store: Store, rows: int) -> deeplake.Dataset:
    """A dataset with a tensor ``image`` of at least so many rows, each chunk in an object of its own.

    Args:
        store: Where it is made.
        rows: At least; only whole chunks.
    """
    ds = opened(store)
    ds.create_tensor("image", dtype="uint8", sample_compression="zlib")
    ds.image.extend([sample(row) for row in range(PER_CHUNK)])
    session = ds._checkout.session
    draft = session.by_name["image"]
    [piece] = draft.sealed().pieces()[None].copy()
    if isinstance(store, Repeating):
        store.model = f"data/{_hex(piece['object'][0])}"
    session.begin()
    draft.edit(PieceTable([*_segments(piece, -(-rows // PER_CHUNK))], 3))
    session.flush()
    return ds


def _segments(piece: np.ndarray, n: int) -> Iterator[Segment]:
    rng = np.random.default_rng(0)
    for first in range(0, n, MAX_PIECES):
        count = min(MAX_PIECES, n - first)
        pieces = np.repeat(piece, count)
        number = first + np.arange(count, dtype=np.uint64)
        pieces["counter"] = number * PER_CHUNK
        # The first chunk is the real one; the ids and checksums of the others are as random as any.
        pieces["object"][number > 0, 0] = rng.integers(1, 1 << 63, int((number > 0).sum()))
        yield Segment(pieces=pieces)


def _hex(words: np.ndarray) -> str:
    high, low = words.tolist()
    return f"{high:016x}{low:016x}"


__all__ = ["PER_CHUNK", "Repeating", "grown", "sample"]
