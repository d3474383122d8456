"""Which epoch comes next, where it begins, and which rank's part of it this is."""

from __future__ import annotations

import os
import secrets
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deeplake import random
from deeplake.errors import LoaderError
from deeplake.loader.plan import InOrder, Order, Plan, Shuffled, shuffled
from deeplake.loader.spec import LoaderSpec, check_epoch

STATE_VERSION = 1


@dataclass(slots=True)
class Progress:
    """How far a loader is; it outlives the iterator that is dropped in mid-epoch.

    Attributes:
        seed: Seed of the epoch's order, and of the random numbers that transforms get.
        epoch: Epoch.
        position: Places that were visited, by all ranks together.
    """

    seed: int
    epoch: int
    position: int


class Schedule:
    """The epochs of one loader.

    Args:
        spec: What was asked for.
        rows: The rows that are loaded.
        version: Id of the dataset's state, None where there is none.
        row_bytes: Stored bytes a row, about; None where any row is as cheap as its neighbour.
        rank: Rank and number of ranks, where they were set.

    Attributes:
        epoch: The epoch that comes next.
        rank: Rank and number of ranks, where they were set.
    """

    __slots__ = (
        "_own_seed",
        "_progress",
        "_resumed",
        "_row_bytes",
        "_rows",
        "_spec",
        "_version",
        "epoch",
        "rank",
    )

    def __init__(
        self,
        spec: LoaderSpec,
        rows: range | np.ndarray,
        version: str | None,
        row_bytes: int | None,
        rank: tuple[int, int] | None = None,
    ) -> None:
        self._spec = spec
        self._rows = rows
        self._version = version
        self._row_bytes = row_bytes
        self._own_seed = secrets.randbits(63)
        self._progress: Progress | None = None
        self._resumed: Progress | None = None
        self.epoch = 0
        self.rank = rank

    # ---- ranks
    def set_rank(self, rank: int, world: int) -> None:
        """Be one of several ranks, whatever the environment says. Raises ``ValueError``."""
        Plan(InOrder(0), rank=rank, world=world)
        self.rank = (rank, world)

    def _ranks(self) -> tuple[int, int]:
        if self.rank is not None:
            return self.rank
        if not self._spec.distributed:
            return 0, 1
        try:
            return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        except (KeyError, ValueError):
            raise ValueError(
                "distributed=True needs to know the rank: initialise torch.distributed, set the "
                "environment variables RANK and WORLD_SIZE (torchrun does), or call "
                "loader.set_rank(rank, world)"
            ) from None

    # ---- plans
    def steps(self) -> int:
        """Batches of an epoch, of this rank. Raises ``ValueError``."""
        return len(self._plan(InOrder(len(self._rows))))

    def begin(self) -> tuple[Plan, Progress]:
        """Start the next epoch, or go on with the one that was loaded."""
        resumed, self._resumed = self._resumed, None
        if resumed is None:
            progress = Progress(self._seed(), self.epoch, 0)
        else:
            progress = replace(resumed)
            # Later epochs go on with its seed too, unless deeplake.random has one.
            self._own_seed = progress.seed
        plan = self._plan(self._order(progress.seed, progress.epoch), progress.position)
        self.epoch = progress.epoch + 1
        self._progress = progress
        return plan, progress

    @property
    def order(self) -> Order:
        """The order of some epoch."""
        return self._order(0, 0)

    def explain(self) -> str:
        """The order, in words."""
        order = self.order
        rank, world = self._ranks()
        share = f"; rank {rank} of {world}" if world > 1 else ""
        if isinstance(order, InOrder):
            return f"{order.length} rows as they are stored{share}"
        if order.window is None:
            return f"{order.length} rows, any order is as likely as any other{share}"
        return (
            f"{order.length} rows in blocks of {order.block}, {order.window} rows from blocks all "
            f"over the dataset ({order.window / order.length:.1%} of it) are mixed at a time{share}"
        )

    def _seed(self) -> int:
        seed = random.get_seed()
        if seed is not None:
            return seed
        # Ranks of one job cannot agree on a random seed without talking to each other.
        return 0 if self._ranks()[1] > 1 else self._own_seed

    def _order(self, seed: int, epoch: int) -> Order:
        length = len(self._rows)
        if not self._spec.shuffle:
            return InOrder(length)
        if self._row_bytes is None:
            return shuffled(length, seed, epoch)
        buffer_bytes = int(self._spec.buffer_size * (1 << 20))
        return shuffled(length, seed, epoch, row_bytes=self._row_bytes, buffer_bytes=buffer_bytes)

    def _plan(self, order: Order, start: int = 0) -> Plan:
        spec = self._spec
        rank, world = self._ranks()
        size = 1 if spec.unbatched else spec.rows_a_batch
        return Plan(order, size, spec.drop_last, spec.offset or 0, start, rank, world)

    # ---- epochs and state
    def set_epoch(self, epoch: int) -> None:
        """Make the next epoch this one; one that was loaded is gone on with. Raises ``ValueError``."""
        self.epoch = check_epoch(epoch)
        if self._resumed is not None and self._resumed.epoch == self.epoch:
            return  # trainers say at its beginning which epoch it is
        self._resumed = self._progress = None

    def state(self) -> dict[str, Any]:
        """Where it is, as JSON values. Raises ``LoaderError``."""
        if self._version is None:
            raise LoaderError(
                "the dataset had changes that were not flushed when the loader was made, and "
                "nothing names its state: make the loader after ds.flush(), or outside of `with ds:`"
            )
        found = self._progress or Progress(self._seed(), self.epoch, 0)
        return {
            **self._identity(),
            "seed": found.seed,
            "epoch": found.epoch,
            "position": found.position,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken. Raises ``LoaderError``."""
        mine = self._identity()
        other = [key for key, value in mine.items() if state.get(key) != value]
        if other:
            raise LoaderError(
                f"the state is not of this loader: it has {_differences(state, mine, other)}; load "
                "the same version of the dataset, with the same rows, offset and shuffle"
            )
        found = Progress(int(state["seed"]), int(state["epoch"]), int(state["position"]))
        self.epoch = found.epoch
        self._resumed = self._progress = found

    def _identity(self) -> dict[str, Any]:
        """What the order of an epoch depends on, besides seed and epoch."""
        rows = np.asarray(self._rows, "<i8")
        order = self._order(0, 0)
        return {
            "version": STATE_VERSION,
            "snapshot": self._version,
            "rows": len(rows),
            "digest": zlib.crc32(rows.tobytes()),
            "offset": self._spec.offset or 0,
            "shuffle": [order.block, order.window] if isinstance(order, Shuffled) else None,
        }


def _differences(theirs: Mapping[str, Any], mine: Mapping[str, Any], keys: Sequence[str]) -> str:
    return ", ".join(f"{key} {theirs.get(key)!r} where this has {mine[key]!r}" for key in keys)


__all__ = ["STATE_VERSION", "Progress", "Schedule"]
