"""Collects samples of one tensor until they fill a chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from deeplake.format import chunk, statistics
from deeplake.format.pieces import Pieces, piece_dtype
from deeplake.spi import ChunkCodec
from deeplake.types import Buffer, Shape

RowIds: TypeAlias = tuple[int, int, int, int]
"""Ids of some rows: session, counter of the first, how many, and their edit number."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Encoded samples of equal shape and size, one after the other in one buffer.

    Attributes:
        buffer: Their bytes (format ``B`` if a memoryview); the builder keeps it, so nobody may
        change
            it any more.
        n: How many.
        shape: Shape of each.
        size: Stored bytes of each.
        null: They are None.
        decoded: Bytes of each before the byte codec of the tensor; None without one.
        values: Their values, for statistics; None when nothing is known or worth knowing.
    """

    buffer: Buffer
    n: int
    shape: Shape
    size: int
    null: bool = False
    decoded: int | None = None
    values: np.ndarray | None = None

    def part(self, start: int, stop: int) -> Run:
        """Samples ``start`` to ``stop`` of the run."""
        view = memoryview(self.buffer)[start * self.size : stop * self.size]
        values = None if self.values is None else self.values[start:stop]
        return Run(view, stop - start, self.shape, self.size, self.null, self.decoded, values)


class ChunkBuilder:
    """Samples of one tensor that are not in a chunk yet.

    Args:
        dtype: NumPy dtype string, ``"str"`` or ``"json"``.
        target: Bytes that a chunk should have.
        sample_codec, chunk_codec: Codec names, empty for none.
        codec: The plugin called ``chunk_codec``.
        arrays: Samples are the bytes of arrays. Whatever else they are has no values with bounds, and
            is not one array together, also where its size happens to be that of one.
    """

    __slots__ = (
        "arrays", "chunk_codec", "codec", "dtype", "ids", "n", "nbytes", "runs", "sample_codec",
        "target",
    )  # fmt: skip

    def __init__(
        self,
        dtype: str,
        target: int,
        *,
        sample_codec: str = "",
        chunk_codec: str = "",
        codec: ChunkCodec | None = None,
        arrays: bool = True,
    ) -> None:
        self.arrays = arrays
        self.dtype = dtype
        self.target = target
        self.sample_codec = sample_codec
        self.chunk_codec = chunk_codec
        self.codec = codec
        self.n = 0
        self.nbytes = 0
        self.runs: list[Run] = []
        self.ids: list[RowIds] = []

    def room(self, size: int) -> int:
        """How many samples of ``size`` bytes still fit; at least one in an empty builder."""
        free = self.target - self.nbytes
        fit = max(free, 0) // max(size, 1)
        # Samples without bytes are bounded by their number: their header is not free.
        fit = min(fit, chunk.MAX_SAMPLES // 4 - self.n)
        return max(fit, 0 if self.n else 1)

    def add(self, run: Run, ids: RowIds) -> None:
        """Take a run, whose rows have these ids."""
        self.runs.append(run)
        self.n += run.n
        self.nbytes += run.n * run.size
        if self.ids:
            session, counter, count, edit = self.ids[-1]
            if ids[0] == session and ids[1] == counter + count and ids[3] == edit:
                self.ids[-1] = (session, counter, count + ids[2], edit)
                return
        self.ids.append(ids)

    @property
    def ndim(self) -> int:
        """Dimensions of the samples."""
        return max((len(run.shape) for run in self.runs), default=0)

    def build(self, ndim: int) -> tuple[chunk.Block, Pieces]:
        """The block, and the pieces that take its rows (their object and offset are still zero)."""
        runs = self.runs
        block = _block(self, runs, ndim)
        pieces = np.zeros(len(self.ids), piece_dtype(ndim))
        pieces["length"] = block.length
        pieces["header"] = block.header_length
        pieces["checksum"] = block.checksum
        counts = [ids[2] for ids in self.ids]
        pieces["count"] = counts
        pieces["start"] = np.cumsum([0, *counts[:-1]])
        pieces["session"] = [ids[0] for ids in self.ids]
        pieces["counter"] = [ids[1] for ids in self.ids]
        pieces["edit"] = [ids[3] for ids in self.ids]
        pieces["nulls"] = np.minimum(sum(run.n for run in runs if run.null), pieces["count"])
        shapes = [_padded(run.shape, ndim) for run in runs]
        pieces["low"] = np.min(shapes, axis=0)
        pieces["high"] = np.max(shapes, axis=0)
        known = [run.values for run in runs if not run.null]
        arrays = [values for values in known if values is not None]
        if self.arrays and arrays and len(arrays) == len(known):
            bounds = statistics.measure(_merged(arrays), self.dtype)
            pieces["flags"] = bounds.flags
            pieces["min"] = bounds.min
            pieces["max"] = bounds.max
            pieces["domain"] = bounds.domain
        return block, pieces


def _padded(shape: Shape, ndim: int) -> Shape:
    """Shape of a sample in a tensor of ``ndim`` dimensions; samples without data have zeros."""
    return shape if len(shape) == ndim else (0,) * ndim


def _merged(arrays: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    """Fewer arrays with the same values: one NumPy call costs more than one value."""
    if len(arrays) < 4:
        return arrays
    return [np.concatenate([a.reshape(-1) for a in arrays])]


def _block(builder: ChunkBuilder, runs: Sequence[Run], ndim: int) -> chunk.Block:
    counts = [run.n for run in runs]
    shapes: np.ndarray | Shape = _padded(runs[0].shape, ndim)
    if any(_padded(run.shape, ndim) != shapes for run in runs):
        table = np.array([_padded(run.shape, ndim) for run in runs], np.uint64)
        shapes = np.repeat(table, counts, axis=0).reshape(builder.n, ndim)
    sizes: np.ndarray | int = runs[0].size
    if any(run.size != sizes for run in runs):
        sizes = np.repeat(np.array([run.size for run in runs], np.uint64), counts)
    nulls = None
    if any(run.null for run in runs):
        nulls = np.repeat(np.array([run.null for run in runs], bool), counts)
    decoded = None
    if any(run.decoded is not None for run in runs):
        decoded = np.repeat(np.array([run.decoded or 0 for run in runs], np.uint64), counts)
    return chunk.build(
        [run.buffer for run in runs if run.size],
        n=builder.n,
        dtype=builder.dtype,
        shapes=shapes,
        sizes=sizes,
        nulls=nulls,
        decoded_sizes=decoded,
        sample_codec=builder.sample_codec,
        chunk_codec=builder.chunk_codec,
        codec=builder.codec,
        kind=None if builder.arrays else chunk.RAGGED,
    )


__all__ = ["ChunkBuilder", "RowIds", "Run"]
