"""Which rows come when: a pure function of the number of rows, the seed, the epoch and the
position.

A loader visits *positions* ``0 … length - 1`` of whatever list of rows it reads. An :class:`Order`
says which position comes at which *place* of an epoch, and a :class:`Plan` cuts the places into
batches and deals them to ranks. Nothing has to be visited to know what comes later: any place is
reached in one step, so resuming, offsets and several ranks cost nothing.

**Shuffling** works on blocks and windows. Positions are cut into blocks of neighbours, which are
permuted; the rows of some consecutive blocks of that order make a window. Its rows come in
rounds, in random order, each of about a row of each block: so rows of one block come as seldom soon
after each other as of rows drawn at random from all. With one window the whole is one uniform
permutation. All randomness is Philox, a
counter based generator whose words are the same on every machine and in every version of NumPy.

**Ranks.** There is one order for all of them. Batch ``s`` of all ranks together is a run of
``batch_size * world`` places, of which rank ``r`` takes every ``world``-th from the ``r``-th on. So
ranks are disjoint, together complete, take equally many steps, and what a step of all ranks
together holds does not depend on how many ranks share it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

Positions: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]
"""``int64[n]``: positions in the list of rows that is loaded."""

MAX_WINDOW: Final = 1 << 24
"""Rows that are permuted together at most: 128 MB of numbers."""

BLOCKS: Final = 4096
"""Blocks that a window is made of, at least: where the buffer is small, so are they. Of 1,000 classes
that lie together in the dataset, a window has as many as as many rows drawn at random."""

LEAST: Final = 64 << 20
"""Bytes that are mixed with each other, at least: rows in order are fetched as far ahead, too. Blocks of
windows that are smaller would be small parts of the frames (64 KB) that small rows are stored in."""

TOGETHER: Final = 1 << 12
"""Places that are looked up at a time, about."""

_BLOCKS, _ROWS, _ROUNDS, _OWN = range(4)
"""Streams of random words: for the order of blocks, for that of rows, for the rounds that they come
in, and for those that come in rounds of their own."""

_KEPT: Final = 2
"""Windows that are remembered: the one that is read, and the one that is prefetched."""


# --------------------------------------------------------------------------- randomness
def _words(seed: int, epoch: int, stream: int, window: int, n: int) -> np.ndarray:
    """``uint64[n]``: random words that depend on nothing but the arguments."""
    key = np.random.SeedSequence([seed, epoch]).generate_state(2, np.uint64)
    counter = np.array([0, 0, window, stream], np.uint64)
    return np.random.Philox(key=key, counter=counter).random_raw(n)


def _permutation(seed: int, epoch: int, stream: int, window: int, n: int) -> Positions:
    """``0 … n - 1`` in random order."""
    words = _words(seed, epoch, stream, window, n)
    return _in_order_of(words, max(n - 1, 1).bit_length()).astype(np.int64)


def _in_order_of(words: np.ndarray, bits: int) -> np.ndarray:
    """Numbers of the last axis in the order of random words.

    Low bits of the words give way to the numbers. So no two are equal, and every sorting algorithm
    gives the same order; ``Generator.permutation`` promises no such thing from one version of NumPy
    to the next.

    Args:
        words: ``uint64[..., n]``; they are used up.
        bits: Bits of the greatest number.
    """
    low = np.uint64((1 << bits) - 1)
    words &= ~low
    words |= np.arange(words.shape[-1], dtype=np.uint64)
    words.sort(axis=-1)
    words &= low
    return words


def _mixed(seed: int, epoch: int, window: int, blocks: int, size: int, share: float) -> Positions:
    """``0 … blocks * size - 1``, rows block by block, in random order, those of a block far apart.

    There are as many rounds as a block has rows, each of a random row of each block, in random order.
    That is too even where the window holds much of the data: of rows drawn at random from all, two of
    one block are among the next few now and then. So some rows come in a round of their own, just
    as many as makes that as likely as it is there.

    Args:
        seed, epoch, window: Which random words.
        blocks: Blocks in the window.
        size: Rows of each.
        share: Part of all rows that the window holds.
    """
    n = blocks * size
    words = _words(seed, epoch, _ROUNDS, window, n).reshape(blocks, size)
    rounds = _in_order_of(words, max(size - 1, 1).bit_length()).ravel()
    words = _words(seed, epoch, _OWN, window, n)
    own = int((1 - (1 - min(1.0, share)) ** 0.5) * (1 << 32))
    mine = words >> np.uint64(32) < own
    words &= np.uint64((1 << 32) - 1)
    words %= np.uint64(size)
    np.copyto(rounds, words, where=mine)
    # Rounds in the highest bits: those behind them are random.
    words = _words(seed, epoch, _ROWS, window, n)
    bits = np.uint64(max(size - 1, 1).bit_length())
    words >>= bits
    rounds <<= np.uint64(64) - bits
    words |= rounds
    return _in_order_of(words, max(n - 1, 1).bit_length()).astype(np.int64)


# --------------------------------------------------------------------------- orders
@dataclass(frozen=True, slots=True)
class InOrder:
    """Positions as they are.

    Attributes:
        length: Number of positions.
    """

    length: int

    def take(self, start: int, stop: int) -> Positions:
        """Positions at places ``start`` to ``stop``."""
        return np.arange(start, stop, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Shuffled:
    """Blocks permuted, then the rows of each window of them, about one of each after the other.

    Attributes:
        length: Number of positions.
        seed: Seed, at least 0.
        epoch: Epoch, at least 0; each has an order of its own.
        block: Neighbouring positions that stay in one window. 1: the best shuffle there is.
        window: Rows that are permuted together, at least; None: all. Windows end where blocks do.
    """

    length: int
    seed: int
    epoch: int = 0
    block: int = 1
    window: int | None = None
    _windows: OrderedDict[int, Positions] = field(
        default_factory=OrderedDict, init=False, repr=False, compare=False
    )
    _layout: list[tuple[Positions, Positions]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.block < 1 or (self.window is not None and self.window < 1):
            raise ValueError(
                f"blocks of {self.block} rows in windows of {self.window}: both are at least 1"
            )

    @property
    def _per_window(self) -> int:
        """Blocks a window."""
        window = self.length if self.window is None else self.window
        return max(1, -(-window // self.block))

    def _order_of_blocks(self) -> tuple[Positions, Positions]:
        """The blocks in random order, and the place after the last of each window."""
        if not self._layout:
            count = -(-self.length // self.block)
            per_window = self._per_window
            if count <= per_window:
                # One window: its rows are permuted anyway.
                blocks, ends = np.zeros(1, np.int64), np.full(1, self.length, np.int64)
            else:
                blocks = _permutation(self.seed, self.epoch, _BLOCKS, 0, count)
                sizes = np.minimum(self.length - blocks * self.block, self.block)
                last = np.arange(per_window - 1, count + per_window - 1, per_window)
                ends = np.cumsum(sizes)[np.minimum(last, count - 1)]
            self._layout.append((blocks, ends))
        return self._layout[0]

    def _window(self, which: int) -> Positions:
        """The positions of one window in the order they come."""
        known = self._windows.get(which)
        if known is not None:
            return known
        blocks, ends = self._order_of_blocks()
        if len(ends) == 1:
            found = _permutation(self.seed, self.epoch, _ROWS, 0, self.length)
        else:
            mine = blocks[which * self._per_window : (which + 1) * self._per_window]
            size = self.block
            share = len(mine) * size / self.length
            places = _mixed(self.seed, self.epoch, which, len(mine), size, share)
            found = mine[places // size] * size + places % size
            if mine.max() == (self.length - 1) // size:
                found = found[found < self.length]  # the last block may be shorter
        self._windows[which] = found
        while len(self._windows) > _KEPT:
            self._windows.popitem(last=False)
        return found

    def take(self, start: int, stop: int) -> Positions:
        """Positions at places ``start`` to ``stop``."""
        if start >= stop:
            return np.zeros(0, np.int64)
        _, ends = self._order_of_blocks()
        first = int(np.searchsorted(ends, start, "right"))
        parts = []
        while start < stop:
            begin = int(ends[first - 1]) if first else 0
            end = min(stop, int(ends[first]))
            parts.append(self._window(first)[start - begin : end - begin])
            start = end
            first += 1
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


Order: TypeAlias = InOrder | Shuffled


def shuffled(
    length: int,
    seed: int,
    epoch: int,
    *,
    row_bytes: int = 0,
    buffer_bytes: int | None = None,
    block_bytes: int = 1 << 19,
) -> Shuffled:
    """The shuffle that suits how rows are stored.

    Args:
        length: Number of rows.
        seed: Seed.
        epoch: Epoch.
        row_bytes: Stored bytes a row, about.
        buffer_bytes: Bytes of a window, ``LEAST`` at least; None where any row is read as cheaply as
            its neighbour (a memory map): then the whole epoch is one permutation, or, of more than 16
            million rows, windows of small blocks from all over the data.
        block_bytes: Bytes that are read at a time, at most.
    """
    if buffer_bytes is None:
        block = -(-length // MAX_WINDOW) if length else 1
        window = None if block == 1 else MAX_WINDOW
        return Shuffled(length, seed, epoch, block, window)
    each = max(1, row_bytes)
    buffer_bytes = max(buffer_bytes, LEAST)
    block = max(1, min(min(block_bytes, buffer_bytes // BLOCKS) // each, MAX_WINDOW // BLOCKS))
    window = min(max(block, buffer_bytes // each), MAX_WINDOW)
    return Shuffled(length, seed, epoch, block, None if window >= length else window)


# --------------------------------------------------------------------------- batches
@dataclass(frozen=True, slots=True)
class Plan:
    """An epoch as one rank goes through it.

    Attributes:
        order: The order of all positions.
        batch_size: Rows a batch of one rank.
        drop_last: Leave out what does not fill a batch of every rank.
        offset: Place to begin with; those before it come at the end.
        start: Places that were visited before and are left out, counted from the offset: where an
            interrupted epoch goes on.
        rank: This rank.
        world: Number of ranks.

    Raises:
        ValueError: A number is out of its range, or there are fewer rows than ranks.
    """

    order: Order
    batch_size: int = 1
    drop_last: bool = False
    offset: int = 0
    start: int = 0
    rank: int = 0
    world: int = 1
    _ends: tuple[int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"a batch has at least one row, not {self.batch_size}")
        if not 0 <= self.rank < self.world:
            raise ValueError(f"rank {self.rank} of {self.world}: ranks count from 0")
        if not 0 <= self.start <= self.order.length:
            raise ValueError(
                f"an epoch of {self.order.length} rows cannot go on after {self.start} of them"
            )
        if not self.drop_last and 0 < self._left < self.world:
            raise ValueError(
                f"{self._left} rows cannot be shared by {self.world} ranks: each step needs a row "
                "for every rank; use fewer ranks, or drop_last=True"
            )
        object.__setattr__(self, "_ends", self._find_ends())

    @property
    def _left(self) -> int:
        return self.order.length - self.start

    @property
    def stride(self) -> int:
        """Places that all ranks together visit in one step."""
        return self.batch_size * self.world

    def _find_ends(self) -> tuple[int, int]:
        """Number of steps, and where the last but one ends, counted from ``start``."""
        full, rest = divmod(self._left, self.stride)
        if self.drop_last or rest == 0:
            return full, max(0, full - 1) * self.stride
        if rest >= self.world:
            return full + 1, full * self.stride
        # Fewer rows are left than there are ranks. The step before gives some away, so that the
        # last one has a row for each rank too; where it has none to spare, the two are one step.
        if self.batch_size > 1:
            return full + 1, self._left - self.world
        return full, (full - 1) * self.stride

    def __len__(self) -> int:
        """Steps; the same on all ranks."""
        return self._ends[0]

    def bounds(self, step: int) -> tuple[int, int]:
        """First place, and the one after the last, of a step of all ranks together."""
        steps, last = self._ends
        if not 0 <= step < steps:
            raise IndexError(f"step {step} of an epoch of {steps} steps")
        begin = self.start + (last if step == steps - 1 else step * self.stride)
        if step < steps - 1:
            return begin, self.start + (last if step == steps - 2 else (step + 1) * self.stride)
        return begin, self.start + (steps * self.stride if self.drop_last else self._left)

    def batch(self, step: int) -> Positions:
        """``int64[rows]``: positions of this rank's batch."""
        begin, end = self.bounds(step)
        return self._turned(begin, end)[self.rank :: self.world]

    def batches(self) -> Iterator[Positions]:
        """The batches of all steps of this rank, found some together: it takes a tenth of the time."""
        steps = len(self)
        together = max(1, TOGETHER // self.stride)
        rank, world = self.rank, self.world
        for first in range(0, steps, together):
            last = min(first + together, steps)
            begin = self.bounds(first)[0]
            # All steps but the last two of an epoch are as wide as the stride.
            ends = (np.arange(first + 1, last + 1) * self.stride + self.start - begin).tolist()
            for step in range(max(first, min(last, steps - 2)), last):
                ends[step - first] = self.bounds(step)[1] - begin
            positions = self._turned(begin, begin + ends[-1])
            at = 0
            for end in ends:
                yield positions[at:end] if world == 1 else positions[at:end][rank::world]
                at = end

    def _turned(self, begin: int, end: int) -> Positions:
        """Positions at places that are counted from the offset and go round."""
        length = self.order.length
        turn = self.offset % length if length else 0
        begin += turn
        end += turn
        if end <= length:
            return self.order.take(begin, end)
        if begin >= length:
            return self.order.take(begin - length, end - length)
        return np.concatenate([self.order.take(begin, length), self.order.take(0, end - length)])


__all__ = ["InOrder", "Order", "Plan", "Positions", "Shuffled", "shuffled"]
