"""Timing and tables: what all benchmarks have in common."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

TURN = 1.5
"""Seconds of what counts, of work that is short, whenever it is a contender's turn: at least once."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for.

    Attributes:
        folder: Where data and datasets are written: a real disk, or fsync costs nothing.
        rounds: How often each thing is timed; the median counts.
        quick: Use a fraction of the data: to see that it works, not how fast.
        only: Contenders to run; empty for all.
        match: Run only what has this in its name; where a benchmark can be cut into parts.
        resume: Take what earlier runs found, and run only the rest.
        tables: Tables to make, of a benchmark that has names for them; empty for all.
    """

    folder: Path
    rounds: int = 5
    quick: bool = False
    only: frozenset[str] = frozenset()
    match: str = ""
    resume: bool = False
    tables: frozenset[str] = frozenset()

    @property
    def turn(self) -> float:
        """Seconds of what counts, of work that is short, whenever it is a contender's turn."""
        return 0.0 if self.quick else TURN

    def runs(self, contender: str) -> bool:
        """Whether a contender takes part."""
        return not self.only or contender in self.only

    def makes(self, table: str) -> bool:
        """Whether a table is made."""
        return not self.tables or table in self.tables


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that each round took.

    Attributes:
        wall: By the clock.
        cpu: On all cores together, threads included.
        items: How many items (rows, images, calls) one round handled.
    """

    wall: tuple[float, ...]
    cpu: tuple[float, ...]
    items: int

    @property
    def rate(self) -> float:
        """Median of items per second."""
        return self.items / statistics.median(self.wall)

    @property
    def each(self) -> float:
        """Median of seconds per item."""
        return statistics.median(self.wall) / self.items

    @property
    def cpu_each(self) -> float:
        """Median of CPU seconds per item."""
        return statistics.median(self.cpu) / self.items


def timed(
    work: Callable[[Any], Any],
    *,
    items: int,
    rounds: int,
    before: Callable[[], Any] = lambda: None,
    warm_up: bool = True,
) -> Timing:
    """Time some work a few times.

    Args:
        work: Gets what ``before`` returned.
        items: How many items one call handles.
        rounds: How many calls are timed.
        before: Runs before each call and is not timed.
        warm_up: Make one call before those that are timed.
    """
    wall, cpu = [], []
    for number in range(rounds + warm_up):
        given = before()
        gc.collect()
        cpu_start, start = time.process_time(), time.perf_counter()
        work(given)
        stop, cpu_stop = time.perf_counter(), time.process_time()
        if number >= warm_up:
            wall.append(stop - start)
            cpu.append(cpu_stop - cpu_start)
    return Timing(tuple(wall), tuple(cpu), items)


Unit = Literal["rows/s", "img/s", "ms", "µs", "MB"]
_PER_ITEM: dict[str, float] = {"ms": 1e-3, "µs": 1e-6, "MB": 1.0}
"""Units of which less is better, in seconds (or megabytes) per item."""


@dataclass(slots=True)
class Row:
    """One line of a table: one piece of work, done by several contenders.

    Attributes:
        work: What is done, in words.
        unit: Unit of the figures; a rate, or a time per item.
        target: What we want to reach: at least (rates) or at most (times); None: not fixed.
        cells: Contender -> its timing.
    """

    work: str
    unit: Unit
    target: float | None = None
    cells: dict[str, Timing] = field(default_factory=dict)

    def value(self, contender: str) -> float:
        """A contender's figure in the row's unit."""
        timing = self.cells[contender]
        return timing.each / _PER_ITEM[self.unit] if self.unit in _PER_ITEM else timing.rate

    def meets_target(self, contender: str) -> bool | None:
        """Whether a contender reaches the target; None if there is none."""
        if self.target is None or contender not in self.cells:
            return None
        value = self.value(contender)
        return value < self.target if self.unit in _PER_ITEM else value >= self.target


@dataclass(slots=True)
class Table:
    """What a benchmark found.

    Attributes:
        title: What was measured, on how much data.
        rows: Lines, in order.
        remarks: What follows from them, in words.
    """

    title: str
    rows: list[Row] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def row(self, work: str, unit: Unit, target: float | None = None) -> Row:
        """Add a line."""
        self.rows.append(Row(work, unit, target))
        return self.rows[-1]

    def render(self, ours: str = "ours") -> str:
        """The table as text: a figure, and CPU time per item in brackets."""
        contenders = list(dict.fromkeys(name for row in self.rows for name in row.cells))
        lines = [["", "unit", "target", *contenders]]
        for row in self.rows:
            line = [row.work, row.unit, _target(row)]
            for name in contenders:
                if name not in row.cells:
                    line.append("–")
                    continue
                cpu = row.cells[name].cpu_each
                line.append(f"{_figure(row.value(name))} ({_figure(cpu * 1e6)})")
            missed = row.meets_target(ours) is False
            lines.append([*line, "missed" if missed else ""])
        remarks = ["(in brackets: CPU µs per item, all cores)", *self.remarks]
        return "\n\n".join([self.title, _aligned(lines), "\n".join(remarks)])

    def record(self) -> dict[str, Any]:
        """Everything that was measured, for a JSON file."""
        return {
            "title": self.title,
            "rows": [
                {
                    "work": row.work,
                    "unit": row.unit,
                    "target": row.target,
                    "contenders": {
                        name: {
                            "value": row.value(name),
                            "items": timing.items,
                            "wall": timing.wall,
                            "cpu": timing.cpu,
                        }
                        for name, timing in row.cells.items()
                    },
                }
                for row in self.rows
            ],
        }


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    return f"{'<' if row.unit in _PER_ITEM else '≥'} {row.target:,.0f}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    columns = max(len(line) for line in lines)
    widths = [max((len(line[i]) for line in lines if i < len(line)), default=0)
              for i in range(columns)]  # fmt: skip
    return "\n".join(
        "  ".join(
            text.ljust(width) if i < 2 else text.rjust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=False))
        ).rstrip()
        for line in lines
    )


def machine() -> str:
    """What the figures depend on besides the code."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [f"{platform.system()} {platform.machine()}, {cores} cores"]
    if hasattr(os, "getloadavg"):
        # Others at work make the figures worse, and nothing else here would tell.
        parts.append(f"load average {os.getloadavg()[0]:.1f}")
    versions = [f"Python {platform.python_version()}"]
    versions += [f"{name} {metadata.version(name)}" for name in ("numpy", "deeplake-core")]
    return f"{', '.join(parts)}; {', '.join(versions)}"


__all__ = ["Options", "Row", "Table", "Timing", "machine", "timed"]
