"""Collects samples of one tensor until they fill a chunk."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, Self, TypeAlias, TypeVar

import numpy as np

from deeplake.format import chunk, statistics
from deeplake.format.pieces import Pieces, piece_dtype
from deeplake.format.sequence import Rows
from deeplake.spi import ChunkCodec
from deeplake.types import Buffer, Shape

RowIds: TypeAlias = tuple[int, int, int, int]
"""Ids of some rows: session, counter of the first, how many, and their edit number."""


class Alone(Protocol):
    """A sample that is stored in a chunk of its own, which is made when a draft takes it.

    Attributes:
        flag: Of its piece: what the chunk is.
        origin: Path or URL of the file that it was read from; empty if there is none.
    """

    flag: int
    origin: str

    @property
    def shape(self) -> Shape:
        """Shape of the sample."""

    def place(self, staging: Any, blocks: Any) -> np.ndarray:
        """Stage the chunk and return where it is: a record with the fields that pieces have, too.

        Args:
            staging: Where blocks go.
            blocks: Where blocks of the dataset that it is stored in are read.
        """


class Encoded(Protocol):
    """Encoded rows, one after the other."""

    @property
    def n(self) -> int:
        """Rows."""

    @property
    def size(self) -> int:
        """Stored bytes of a row, on average."""

    @property
    def nbytes(self) -> int:
        """Stored bytes of all rows."""

    def part(self, start: int, stop: int) -> Self:
        """Rows ``start`` to ``stop``."""


R = TypeVar("R", bound=Encoded)


@dataclass(slots=True, eq=False)
class Run:
    """Encoded samples of equal shape and size, one after the other in one buffer. Nobody changes one.

    Attributes:
        buffer: Their bytes (format ``B`` if a memoryview); the builder keeps it, so nobody may
            change it any more.
        n: How many.
        shape: Shape of each.
        size: Stored bytes of each.
        null: They are None.
        decoded: Bytes of each before the byte codec of the tensor; None without one.
        values: Their values, for statistics; None when nothing is known or worth knowing.
        alone: The sample, if it is one that gets a chunk of its own: ``buffer`` is empty then.
        borrowed: ``buffer`` and ``values`` are memory of the caller, who may change it as soon as
            the rows were added (see ``Draft.own``).
        origin: Path or URL of the file that the sample was read from; empty if there is none.
        checksum: XXH3-64 of ``buffer``, where that was computed when it was read; of one sample.
    """

    buffer: Buffer
    n: int
    shape: Shape
    size: int
    null: bool = False
    decoded: int | None = None
    values: np.ndarray | None = None
    alone: Alone | None = None
    borrowed: bool = False
    origin: str = ""
    checksum: int | None = None

    @classmethod
    def of(cls, sample: Alone) -> Run:
        """A sample that gets a chunk of its own."""
        return cls(b"", 1, sample.shape, 0, alone=sample)

    @property
    def nbytes(self) -> int:
        """Stored bytes of all samples."""
        return self.n * self.size

    def part(self, start: int, stop: int) -> Run:
        """Samples ``start`` to ``stop`` of the run."""
        view = memoryview(self.buffer)[start * self.size : stop * self.size]
        values = None if self.values is None else self.values[start:stop]
        return Run(
            view, stop - start, self.shape, self.size, self.null, self.decoded, values,
            borrowed=self.borrowed, origin=self.origin,
        )  # fmt: skip

    def read_from(self, origin: str) -> Run:
        """The run of a sample that was read from there."""
        if self.alone is not None:
            self.alone.origin = origin
            return self
        return replace(self, origin=origin)

    def owned(self) -> Run:
        """The run in memory of its own."""
        values = None if self.values is None else self.values.copy()
        return replace(self, buffer=bytes(self.buffer), values=values, borrowed=False)


class Builder(Generic[R]):
    """Rows of one tensor that are not in a chunk yet.

    Args:
        dtype: NumPy dtype string, ``"str"`` or ``"json"``.
        target: Bytes that a chunk should have.
        sample_codec, chunk_codec: Codec names, empty for none.
        codec: The plugin called ``chunk_codec``.
        arrays: Samples are the bytes of arrays. Whatever else they are has no values with bounds, and
            is not one array together, also where its size happens to be that of one.
        links: Samples are links.
    """

    __slots__ = (
        "arrays", "borrowed", "chunk_codec", "codec", "dtype", "ids", "links", "n", "nbytes", "runs",
        "sample_codec", "target",
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
        links: bool = False,
    ) -> None:
        self.arrays = arrays
        self.links = links
        self.dtype = dtype
        self.target = target
        self.sample_codec = sample_codec
        self.chunk_codec = chunk_codec
        self.codec = codec
        self.n = 0
        self.nbytes = 0
        self.borrowed = False
        self.runs: list[R] = []
        self.ids: list[RowIds] = []

    @property
    def is_plain(self) -> bool:
        """Whether chunks are arrays as they are, unless their samples are None."""
        return False

    def room(self, run: R, start: int = 0) -> int:
        """How many rows of a run still fit, from ``start`` on; at least one in an empty builder."""
        raise NotImplementedError

    def add(self, run: R, ids: RowIds) -> None:
        """Take a run, whose rows have these ids."""
        self.runs.append(run)
        self.n += run.n
        self.nbytes += run.nbytes
        self._identify(ids)

    def _identify(self, ids: RowIds) -> None:
        """Note the ids of rows that were added."""
        if self.ids:
            session, counter, count, edit = self.ids[-1]
            if ids[0] == session and ids[1] == counter + count and ids[3] == edit:
                self.ids[-1] = (session, counter, count + ids[2], edit)
                return
        self.ids.append(ids)

    def build(self, ndim: int) -> tuple[chunk.Block, Pieces]:
        """The block, and the pieces that take its rows (their object and offset are still zero)."""
        block = self._block(ndim)
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
        pieces["nulls"] = np.minimum(self._nulls(), pieces["count"])
        pieces["low"], pieces["high"] = self._bounds(ndim)
        known = [run.values for run in self._samples() if not run.null]
        arrays = [values for values in known if values is not None]
        if self.arrays and arrays and len(arrays) == len(known):
            bounds = statistics.measure(_merged(arrays), self.dtype)
            pieces["flags"] = bounds.flags
            pieces["min"] = bounds.min
            pieces["max"] = bounds.max
            pieces["domain"] = bounds.domain
        return block, pieces

    def own(self) -> None:
        """Copy what is borrowed; most kinds of rows never are."""

    # ---- what kinds of chunks differ in
    def _samples(self) -> Sequence[Run]:
        """The samples of the chunk."""
        raise NotImplementedError

    def _block(self, ndim: int) -> chunk.Block:
        raise NotImplementedError

    def _nulls(self) -> int:
        """Rows that may be None, at most."""
        raise NotImplementedError

    def _bounds(self, ndim: int) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest shape of the rows."""
        raise NotImplementedError


class ChunkBuilder(Builder[Run]):
    """Samples of one tensor that are not in a chunk yet: each is a row."""

    __slots__ = ()

    @property
    def is_plain(self) -> bool:
        return self.arrays and not (self.sample_codec or self.chunk_codec or self.links)

    def add(self, run: Run, ids: RowIds) -> None:
        self.borrowed = self.borrowed or run.borrowed
        super().add(run, ids)

    def add_ones(self, runs: Sequence[Run], ends: Sequence[int], start: int, first: RowIds) -> int:
        """Take as many runs of one sample each as still fit; at least one into an empty builder.

        Args:
            runs: The runs, none of them borrowed.
            ends: Bytes of each and of all before it.
            start: The first of them to take.
            first: Id of its row; the next ones have the next.

        Returns:
            How many were taken.
        """
        before = ends[start - 1] if start else 0
        fit = bisect_right(ends, before + self.target - self.nbytes, start) - start
        fit = max(min(fit, chunk.MAX_SAMPLES // 4 - self.n), 0 if self.n else 1)
        if fit:
            self.runs += runs[start : start + fit]
            self.n += fit
            self.nbytes += ends[start + fit - 1] - before
            self._identify((first[0], first[1], fit, first[3]))
        return fit

    def own(self) -> None:
        """Copy what is borrowed."""
        if self.borrowed:
            self.runs = [run.owned() if run.borrowed else run for run in self.runs]
            self.borrowed = False

    def room(self, run: Run, start: int = 0) -> int:
        free = self.target - self.nbytes
        fit = max(free, 0) // max(run.size, 1)
        # Samples without bytes are bounded by their number: their header is not free.
        fit = min(fit, chunk.MAX_SAMPLES // 4 - self.n)
        return max(fit, 0 if self.n else 1)

    def _samples(self) -> Sequence[Run]:
        return self.runs

    def _block(self, ndim: int) -> chunk.Block:
        return block_of(self, self.runs, ndim)

    def _nulls(self) -> int:
        return sum(run.n for run in self.runs if run.null)

    def _bounds(self, ndim: int) -> tuple[np.ndarray, np.ndarray]:
        shapes = np.array([padded(run.shape, ndim) for run in self.runs])
        return shapes.min(axis=0), shapes.max(axis=0)


def padded(shape: Shape, ndim: int) -> Shape:
    """Shape of a sample in a tensor of ``ndim`` dimensions; samples without data have zeros."""
    return shape if len(shape) == ndim else (0,) * ndim


def _merged(arrays: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    """Fewer arrays with the same values: one NumPy call costs more than one value."""
    if len(arrays) < 4:
        return arrays
    return [np.concatenate([a.reshape(-1) for a in arrays])]


def block_of(
    builder: Builder[Any], runs: Sequence[Run], ndim: int, rows: Rows | None = None
) -> chunk.Block:
    """A block of samples.

    Args:
        builder: Says how they are stored.
        runs: The samples.
        ndim: Dimensions of a sample.
        rows: How they belong to rows, if these are sequences.
    """
    counts = [run.n for run in runs]
    n = sum(counts)
    each = [padded(run.shape, ndim) for run in runs]
    shapes: np.ndarray | Shape = each[0] if runs else (0,) * ndim
    if runs and each.count(each[0]) < len(each):
        shapes = np.repeat(np.array(each, np.uint64), counts, axis=0).reshape(n, ndim)
    lengths = [run.size for run in runs]
    sizes: np.ndarray | int = lengths[0] if runs else 0
    if runs and lengths.count(lengths[0]) < len(lengths):
        sizes = np.repeat(np.array(lengths, np.uint64), counts)
    nulls = None
    if any(run.null for run in runs):
        nulls = np.repeat(np.array([run.null for run in runs], bool), counts)
    decoded = None
    if any(run.decoded is not None for run in runs):
        decoded = np.repeat(np.array([run.decoded or 0 for run in runs], np.uint64), counts)
    paths = None
    if any(run.origin for run in runs):
        paths = [run.origin for run in runs for _ in range(run.n)]
    filled = [run for run in runs if run.size and run.n]
    checksums = [run.checksum for run in filled if run.checksum is not None]
    return chunk.build(
        [run.buffer for run in filled],  # each of these is a frame, or several
        n=n,
        dtype=builder.dtype,
        shapes=shapes,
        sizes=sizes,
        nulls=nulls,
        decoded_sizes=decoded,
        sample_codec=builder.sample_codec,
        chunk_codec=builder.chunk_codec,
        codec=builder.codec,
        kind=None if builder.arrays else chunk.RAGGED,
        rows=rows,
        links=builder.links,
        borrowed=builder.borrowed,
        paths=paths,
        checksums=checksums if len(checksums) == len(filled) else None,
    )


__all__ = [
    "Alone", "Builder", "ChunkBuilder", "Encoded", "RowIds", "Run", "block_of", "padded",
]  # fmt: skip
