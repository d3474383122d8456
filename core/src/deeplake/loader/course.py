"""The way through an epoch: which rows are read together, by whom, and what is fetched ahead of that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from deeplake.loader.assembly import Assembly
from deeplake.loader.lot import Dice, Lot
from deeplake.loader.plan import Plan, Shuffled
from deeplake.loader.prefetch import IN_ORDER, Prefetch
from deeplake.loader.snapshot import Snapshot
from deeplake.loader.spec import LoaderSpec
from deeplake.loader.unit import Unit, units


@dataclass(frozen=True, slots=True)
class Course:
    """The units of work of an epoch, or one sharer's part of them. It can be pickled.

    Attributes:
        plan: The order.
        dice: The epoch's random numbers.
        together: Batches a unit.
        parts: Tasks a unit, of a full batch.
        sharer, sharers: Unit ``k`` is that of sharer ``k % sharers``.
        first: Batches of the first unit, of a single sharer; see ``units``.
        between: Tasks of units that are neither first nor last; see ``units``.
    """

    plan: Plan
    dice: Dice
    together: int
    parts: int = 1
    sharer: int = 0
    sharers: int = 1
    first: int = 0
    between: int | None = None

    def __len__(self) -> int:
        """Units of this sharer."""
        return len(range(self.sharer * self.together, len(self.plan), self.sharers * self.together))

    def units(self, assembly: Assembly, rows: range | np.ndarray) -> Iterator[Unit]:
        """The work.

        Args:
            assembly: Makes the batches.
            rows: The list of rows that is loaded.
        """
        return units(
            assembly, self._lots(rows), self.together, self.parts, self.first, self.between
        )

    def _lots(self, rows: range | np.ndarray) -> Iterator[Lot]:
        """The rows of each batch."""
        whole = isinstance(rows, range) and rows.start == 0 and rows.step == 1
        numbers = None if whole else np.asarray(rows, np.int64)
        for step, positions in enumerate(self.plan.batches()):
            if step // self.together % self.sharers == self.sharer:
                found = positions if numbers is None else numbers[positions]
                yield Lot(found, positions, self.dice)

    def prefetched(
        self, assembly: Assembly, snapshot: Snapshot, spec: LoaderSpec, rows: range | np.ndarray,
        running: int,
    ) -> Iterator[Unit]:  # fmt: skip
        """The work, with what it reads on its way; as it is where nothing has to be fetched.

        Args:
            assembly: Makes the batches.
            snapshot: The dataset.
            spec: What was asked for.
            rows: The list of rows that is loaded.
            running: Units that may still be run when the next is asked for.
        """
        work, order = self.units(assembly, rows), self.plan.order
        if snapshot.ahead is None:
            return work
        readers = [column.source.reader for column in assembly.columns.values()]
        block, limit, whole = 1, IN_ORDER, self.sharers == 1
        ordered = not isinstance(order, Shuffled)
        if isinstance(order, Shuffled):
            # Of a block, each rank and each sharer reads its part.
            sharers = self.plan.world * self.sharers
            block = max(1, order.block // sharers)
            limit = max(limit, int(spec.buffer_size * (1 << 20)))
            whole = sharers == 1 and order.window is None
            block = 1 if whole else block
        return Prefetch(
            work, readers, snapshot.ahead, rows, block=block, limit=limit // self.sharers,
            running=running, ordered=ordered, whole=whole,
        )  # fmt: skip


__all__ = ["Course"]
