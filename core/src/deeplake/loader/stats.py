"""Where the time of an epoch goes."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, TypeAlias

import numpy as np

Stage: TypeAlias = Literal["read", "transform", "collate"]
STAGES: Final[tuple[Stage, ...]] = ("read", "transform", "collate")


class Stats:
    """What an epoch did and how long it took, on all threads or processes together.

    Args:
        traffic: Says what was read from far away until now, as ``Ahead.traffic``; None: nothing is.

    Attributes:
        busy: Seconds that each stage took; ``read`` fetches and decodes.
        bytes: Bytes in memory that each stage made.
        waited: Seconds that the loop waited for batches.
        batches: Batches that were handed out.
        skipped: Rows that were left out because they failed.
        begin: When the epoch started, as ``time.perf_counter`` has it.
        end: When its last batch was handed out, or it was closed; None: it goes on.
        workers: Threads or processes.
        kind: What they are: ``"threads"`` or ``"processes"``; ``"loop"``: it made its
            batches itself.
    """

    def __init__(self, traffic: Callable[[], dict[str, int]] | None = None) -> None:
        self._lock = threading.Lock()
        self.busy: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        self.bytes: dict[str, int] = dict.fromkeys(STAGES, 0)
        self.waited = 0.0
        self.batches = 0
        self.skipped = 0
        self.begin = time.perf_counter()
        self.end: float | None = None
        self.workers = 0
        self.kind = "threads"
        self._traffic = traffic
        self._before = Counter() if traffic is None else Counter(traffic())
        self._read: Counter[str] = Counter()

    def timed(self, stage: Stage) -> Timed:
        """Count the time of a block."""
        return Timed(self, stage)

    def add(self, seconds: Mapping[Any, float]) -> None:
        """Count seconds by stage."""
        with self._lock:
            for stage, value in seconds.items():
                self.busy[stage] += value

    def made(self, stage: Stage, values: Any) -> None:
        """Count the bytes of arrays, and of what holds them, that a stage made."""
        size = size_of(values)
        with self._lock:
            self.bytes[stage] += size

    def taken(self) -> Work:
        """What was counted since this was last asked."""
        traffic = Counter() if self._traffic is None else Counter(self._traffic())
        with self._lock:
            work = Work(self.busy, self.bytes, dict(traffic - self._before))
            self.busy, self.bytes = dict.fromkeys(STAGES, 0.0), dict.fromkeys(STAGES, 0)
            self._before = traffic
        return work

    def add_work(self, work: Work) -> None:
        """Count what a worker process did."""
        self.add(work.busy)
        with self._lock:
            for stage, size in work.bytes.items():
                self.bytes[stage] += size
            self._read.update(work.traffic)

    def stop(self) -> None:
        """The epoch is over."""
        if self.end is None:
            self.end = time.perf_counter()
            self._read = self._reading()
            self._traffic = None

    def _reading(self) -> Counter[str]:
        """What was read from far away."""
        if self._traffic is None:
            return self._read
        return Counter(self._traffic()) - self._before + self._read

    @property
    def seconds(self) -> float:
        """How long the epoch has taken, or took."""
        return (time.perf_counter() if self.end is None else self.end) - self.begin

    @property
    def bottleneck(self) -> str:
        """``"loop"`` if batches were there when they were asked for, else the slowest stage."""
        if self.waited < 0.1 * self.seconds:
            return "loop"
        return max(self.busy, key=lambda stage: self.busy[stage])

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        read = self._reading()
        return {
            "batches": self.batches,
            "seconds": self.seconds,
            "waited": self.waited,
            "busy": dict(self.busy),
            "bytes": {"fetch": read["fetched"], **self.bytes},
            "prefetch": {"ready": read["ready"], "late": read["late"]},
            "cache": {"hits": read["hits"], "misses": read["misses"]},
            "skipped": self.skipped,
            "workers": self.workers,
            "kind": self.kind,
            "bottleneck": self.bottleneck,
        }


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker process did.

    Attributes:
        busy, bytes: As in ``Stats``.
        traffic: What it read from far away.
    """

    busy: dict[str, float]
    bytes: dict[str, int]
    traffic: dict[str, int]


def size_of(values: Any) -> int:
    """Bytes of arrays and tensors, of texts, and of what lists and dicts hold of them."""
    if isinstance(values, np.ndarray):
        return values.nbytes
    if isinstance(values, Mapping):
        return sum(map(size_of, values.values()))
    if isinstance(values, (list, tuple)):
        # Most are: hundreds of batches of small rows are counted at once.
        arrays = [value.nbytes for value in values if type(value) is np.ndarray]
        others = [] if len(arrays) == len(values) else values
        return sum(arrays) + sum(size_of(v) for v in others if type(v) is not np.ndarray)
    if isinstance(values, (str, bytes)):
        return len(values)
    size = getattr(values, "nbytes", 0)
    return size if isinstance(size, int) else 0


class Timed:
    """Counts the time of a block; several for each batch, so it is no generator."""

    __slots__ = ("_begin", "_stage", "_stats")

    def __init__(self, stats: Stats, stage: Stage) -> None:
        self._stats = stats
        self._stage = stage

    def __enter__(self) -> None:
        self._begin = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stats.add({self._stage: time.perf_counter() - self._begin})


__all__ = ["STAGES", "Stage", "Stats", "Timed", "Work", "size_of"]
