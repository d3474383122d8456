"""Who makes the batches of an epoch: threads of this process, or worker processes."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np

from deeplake.loader.assembly import TASK_BYTES, Assembly
from deeplake.loader.course import Course
from deeplake.loader.frameworks import adapter_of
from deeplake.loader.lot import Dice
from deeplake.loader.parcel import AVAILABLE
from deeplake.loader.pickling import pickled
from deeplake.loader.pipeline import Direct, Pipeline, cores
from deeplake.loader.plan import Plan
from deeplake.loader.snapshot import Snapshot
from deeplake.loader.spec import LoaderSpec
from deeplake.loader.stats import Stats
from deeplake.loader.worker import Recipe
from deeplake.loader.workers import Pool, Processes

Kind: TypeAlias = Literal["threads", "processes"]

AHEAD_BYTES = 64 << 20
"""Batches are made ahead up to this size, beside the two that are always."""

MAPPED_BYTES = 8 << 20
"""Batches of plain data in memory maps are read together up to this size: with smaller pieces, threads
spend their time waiting for the interpreter's lock."""

DIRECT_BYTES = 4 << 20
"""The same where the loop makes its batches itself: it waits for each piece."""

FIRST = 2
"""The first of these pieces is so many times smaller."""

COPYING = 2
"""Threads that copy plain data from memory maps: one waits for memory while the other runs Python.
More would only take turns, and one alone is slower by a third where rows are in random order."""

FETCHING = 4
"""Threads that copy plain data which have to be fetched: they wait more than they copy."""


class Executor:
    """Runs the epochs of one loader; keeps its worker processes between them where asked.

    Args:
        snapshot: The dataset.
        spec: What was asked for.
        names: Tensors to load.
        rows: The rows that are loaded.
        assembly: Makes the batches.

    Attributes:
        kind: Who does the work.
        count: How many of them.
        why_threads: Why processes that were asked for are not started; empty if they are, or were
            not asked for.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        spec: LoaderSpec,
        names: tuple[str, ...],
        rows: range | np.ndarray,
        assembly: Assembly,
    ) -> None:
        self._snapshot = snapshot
        self._spec = spec
        self._names = names
        self._rows = rows
        self._assembly = assembly
        self._pool: Pool | None = None
        self.why_threads = self._why_threads() if spec.processes else ""
        self.kind: Kind = "processes" if spec.processes and not self.why_threads else "threads"
        plain = min(cores(), COPYING if snapshot.mapped else FETCHING)
        few = cores() if assembly.heavy else plain
        threads = spec.num_threads or max(few, spec.num_workers)
        self.count = spec.processes if self.kind == "processes" else threads

    def _why_threads(self) -> str:
        assembly = self._assembly
        if not assembly.in_python:
            return "there is no function of yours to run: processes would only copy"
        if not self._snapshot.portable:
            return "other processes cannot see the data: they are in memory, or not flushed"
        if any(column.source.schema.is_link for column in assembly.columns.values()):
            return "credentials of links do not leave this process"
        return "" if AVAILABLE else "processes need a system with Unix sockets"

    @property
    def who(self) -> str:
        """Who would do the work of an epoch that began now, in words."""
        return (
            "the loop itself: all is in memory" if self.is_direct else f"{self.count} {self.kind}"
        )

    @property
    def is_direct(self) -> bool:
        """Whether the loop would make the batches itself: plain rows in order that are in memory, unless
        the user asked for threads.
        """
        spec = self._spec
        return (
            spec.num_threads is None
            and not spec.num_workers
            and not spec.shuffle
            and self._assembly.at_hand
        )

    def start(self, plan: Plan, dice: Dice, stats: Stats) -> Direct | Pipeline | Processes:
        """Begin to make the batches of an epoch.

        Args:
            plan: The order.
            dice: The epoch's random numbers.
            stats: Told how long each stage takes.

        Raises:
            WorkerError: Something cannot be handed to worker processes: what, and what to do.
        """
        stats.kind, stats.workers = self.kind, self.count
        if self.is_direct:
            stats.kind, stats.workers = "loop", 0
            together, parts = self._assembly.granularity(plan.batch_size, 1, DIRECT_BYTES)
            course = Course(plan, dice, together, parts)
            return Direct(course.units(self._assembly, self._rows))
        make = self._processes if self.kind == "processes" else self._threads
        return make(plan, dice, stats)

    def _threads(self, plan: Plan, dice: Dice, stats: Stats) -> Pipeline:
        assembly, threads = self._assembly, self.count
        mapped = self._snapshot.mapped
        task_bytes = MAPPED_BYTES if mapped else TASK_BYTES
        together, parts = assembly.granularity(plan.batch_size, threads, task_bytes)
        ahead = -(-self._spec.prefetch_factor * threads // together)
        ahead = min(ahead if parts > 1 else max(ahead, threads), self._units_ahead(plan, together))
        ahead = max(2, ahead)
        # From a memory map all comes at once; the first batch is not to wait for many others.
        first = together if parts > 1 or not mapped else -(-together // FIRST)
        between = -(-threads // ahead)
        course = Course(plan, dice, together, parts, first=first, between=between)
        work = course.prefetched(assembly, self._snapshot, self._spec, self._rows, ahead + 1)
        return Pipeline(work, threads, ahead)

    def _processes(self, plan: Plan, dice: Dice, stats: Stats) -> Processes:
        spec, assembly = self._spec, self._assembly
        adapter = adapter_of(spec)
        pool = self._pool
        keep = spec.persistent_workers
        if pool is None or pool.closed or pool.taken:
            # Of several epochs at once, the first one's workers are kept.
            keep = keep and (pool is None or pool.closed)
            sent = spec if spec.on_error == "raise" else replace(spec, on_error="skip")
            rows = None if self._snapshot.ahead is None else self._rows
            data = pickled(Recipe(self._snapshot, sent, self._names, adapter, rows))
            pool = Pool(data, self.count, spec.method or _start_method())
            self._pool = pool if keep else self._pool
        together, _ = assembly.granularity(plan.batch_size, 1)
        course = Course(plan, dice, together)
        ahead = max(1, min(spec.prefetch_factor, self._units_ahead(plan, together)))
        # What has to be fetched is looked ahead for by whoever reads it: workers go their own way.
        work = course if self._snapshot.ahead is not None else course.units(assembly, self._rows)
        return Processes(work, pool, ahead, adapter, stats, keep=keep)

    def _units_ahead(self, plan: Plan, together: int) -> int:
        """Units of ``together`` batches that memory allows to make ahead."""
        return AHEAD_BYTES // (max(1, self._assembly.row_bytes) * plan.batch_size * together)

    def close(self) -> None:
        """End the worker processes that were kept."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()


def _start_method() -> str | None:
    """How ``multiprocessing`` was told to start processes; None: it was not, or to fork."""
    method = multiprocessing.get_start_method(allow_none=True)
    return method if method in ("spawn", "forkserver") else None


__all__ = ["Executor"]
