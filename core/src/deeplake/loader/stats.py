"""Where the time of an epoch goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, TypeAlias

Stage: TypeAlias = Literal["read", "transform", "collate"]
STAGES: Final[tuple[Stage, ...]] = ("read", "transform", "collate")


class Stats:
    """Seconds that each stage was busy, on all threads or processes together, and what came out.

    Attributes:
        busy: Seconds by stage: ``read`` fetches and decodes.
        waited: Seconds that the loop waited for batches.
        batches: Batches that were handed out.
        begin: When the epoch started, as ``time.perf_counter`` has it.
        end: When its last batch was handed out, or it was closed; None: it goes on.
        workers: Threads or processes.
        kind: What they are: ``"threads"`` or ``"processes"``.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.busy: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        self.waited = 0.0
        self.batches = 0
        self.begin = time.perf_counter()
        self.end: float | None = None
        self.workers = 0
        self.kind = "threads"

    @contextmanager
    def timed(self, stage: Stage) -> Iterator[None]:
        """Count the time of a block."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.add({stage: time.perf_counter() - begin})

    def add(self, seconds: dict[Any, float]) -> None:
        """Count seconds by stage."""
        with self._lock:
            for stage, value in seconds.items():
                self.busy[stage] += value

    def taken(self) -> dict[str, float]:
        """The seconds by stage since this was last asked."""
        with self._lock:
            found, self.busy = self.busy, dict.fromkeys(STAGES, 0.0)
        return found

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
        return {
            "batches": self.batches,
            "seconds": self.seconds,
            "waited": self.waited,
            "busy": dict(self.busy),
            "workers": self.workers,
            "kind": self.kind,
            "bottleneck": self.bottleneck,
        }


__all__ = ["STAGES", "Stage", "Stats"]
