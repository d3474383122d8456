"""Pieces of work: what is handed to a thread or a worker process, and what becomes of it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from deeplake.loader.assembly import Assembly, Share
from deeplake.loader.lot import Lot


@dataclass(frozen=True, slots=True)
class Failure:
    """What comes in place of a batch that could not be made."""

    error: Exception


class Unit:
    """A piece of work: one batch in several tasks, or several batches in one.

    Args:
        assembly: Makes the batches.
        lots: Rows of each batch.
        parts: Tasks; more than one only of a single batch.

    Attributes:
        parts: Number of tasks.
        steps: Number of batches.
        outcomes: For each batch what the user gets, or a ``Failure``, which is the last; there when
            all tasks are done.
    """

    __slots__ = (
        "_assembly",
        "_errors",
        "_left",
        "_lock",
        "_shares",
        "_whole",
        "lots",
        "outcomes",
        "parts",
        "steps",
    )

    def __init__(self, assembly: Assembly, lots: list[Lot], parts: int) -> None:
        self._assembly = assembly
        self.lots = lots
        self.parts = 0
        self.steps = len(lots)
        self.outcomes: list[list[Any] | Failure] = []
        self._lock = threading.Lock()
        self._left = 0
        self._shares: list[Share | None] = []
        self._errors: dict[int, Exception] = {}
        self._whole: dict[str, np.ndarray] | None = None
        self.share(parts)

    def share(self, parts: int) -> None:
        """Make it so many tasks, before it is run."""
        self.parts = self._left = min(parts, len(self.lots[0])) or 1
        self._shares = [None] * self.parts

    def run(self, part: int) -> None:
        """Do one task; the last one to end finishes the batch."""
        if self.parts == 1:
            self._run_batches()
            return
        lot = self.lots[0]
        a, b = (len(lot) * i // self.parts for i in (part, part + 1))
        out = {name: array[a:b] for name, array in self._arrays().items()}
        try:
            self._shares[part] = self._assembly.share(lot.part(a, b), out)
        except Exception as error:  # noqa: BLE001 - raised where the batch is asked for
            self._errors[part] = error
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last:
            self._outcome(self._finish_batch)

    def _arrays(self) -> dict[str, np.ndarray]:
        """What the tasks read to; made by the first of them, as many units may be planned ahead."""
        with self._lock:
            if self._whole is None:
                n = len(self.lots[0])
                self._whole = {one.name: one.allocate(n) for one in self._assembly.uniform}
            return self._whole

    def _finish_batch(self) -> list[Any]:
        assembly = self._assembly
        if self._errors:
            if assembly.ignores_errors:
                return assembly.survivors(self.lots[0])
            raise self._errors[min(self._errors)]
        shares = [share for share in self._shares if share is not None]
        return assembly.finished(assembly.join(shares, self._arrays()))

    def _run_batches(self) -> None:
        assembly = self._assembly
        shares: Sequence[Share | None] = [None] * self.steps
        if self.steps > 1:
            try:
                with assembly.stats.timed("read"):
                    shares = assembly.read_batches(self.lots)
                if not assembly.in_python:
                    self.outcomes = [*assembly.finished_batches(shares)]
                    return
            except Exception:  # noqa: BLE001 - batch by batch it will show which one it is
                self.outcomes = []
                shares = [None] * self.steps
        for lot, share in zip(self.lots, shares, strict=True):
            if not self._outcome(partial(assembly.batch, lot, share)):
                return

    def _outcome(self, make: Callable[[], list[Any]]) -> bool:
        """Note what a batch became; returns whether it became one."""
        try:
            self.outcomes.append(make())
        except Exception as error:  # noqa: BLE001 - raised where the batch is asked for
            self.outcomes.append(Failure(error))
            return False
        return True


def units(
    assembly: Assembly,
    batches: Iterator[Lot],
    together: int,
    parts: int,
    first: int = 0,
    between: int | None = None,
) -> Iterator[Unit]:
    """Batches as pieces of work.

    Args:
        assembly: Makes the batches.
        batches: Rows of one batch after the other.
        together: Batches a unit.
        parts: Tasks a unit, of a full batch.
        first: Batches of the first unit, each further one has twice as many as the one before, up to
            ``together``: nobody waits long for the first batch. 0: all units are alike.
        between: Tasks of the units that are neither the first nor the last one, ``parts`` by default.
            Threads that do a whole batch each read it in one go; in parts the first is there sooner,
            and no thread is idle during the last.
    """
    size = first or together
    few = parts if between is None else min(parts, between)
    later: Unit | None = None
    begun = False
    while group := list(itertools.islice(batches, size)):
        if later is not None:
            yield later
        tasks = few if begun else parts
        later = Unit(assembly, group, tasks)
        size = min(2 * size, together)
        begun = True
    if later is not None:
        later.share(parts)
        yield later


__all__ = ["Failure", "Unit", "units"]
