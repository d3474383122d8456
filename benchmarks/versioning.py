"""Commits, branches, checkouts, diffs and merges: time, bytes and files, beside others."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import data
import numpy as np
from contest import Answer, Contender, Kept, Loaded, contest
from measure import Options

OPENED = Kept("opened")


@dataclass(slots=True)
class Cost:
    """What one operation took, round by round.

    Attributes:
        seconds, nbytes, files: By the clock; in files that are new or were replaced; so many of them.
    """

    seconds: list[float] = field(default_factory=list)
    nbytes: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def text(self) -> str:
        """Medians: milliseconds, bytes and files."""
        ms = statistics.median(self.seconds) * 1e3
        size = statistics.median(self.nbytes)
        return f"{ms:,.1f} ms, {size:,.0f} B, {statistics.median(self.files):.0f} files"


@dataclass(slots=True)
class Costs:
    """A table with three figures in each cell."""

    title: str
    rows: dict[str, dict[str, Cost]] = field(default_factory=dict)

    def cost(self, work: str, contender: str) -> Cost:
        """A cell."""
        return self.rows.setdefault(work, {}).setdefault(contender, Cost())

    def render(self) -> str:
        """The table as text."""
        names = list(dict.fromkeys(name for cells in self.rows.values() for name in cells))
        lines = [["", *names]]
        lines += [
            [work, *(cells[name].text() if name in cells else "–" for name in names)]
            for work, cells in self.rows.items()
        ]
        widths = [max(len(line[i]) for line in lines) for i in range(len(names) + 1)]
        text = "\n".join(
            "  ".join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )
        return f"{self.title}\n\n{text}\n\n(bytes and files: new or replaced ones)"

    def record(self) -> dict[str, Any]:
        """Everything that was measured, for a JSON file."""
        return {
            "title": self.title,
            "rows": [
                {
                    "work": work,
                    "contenders": {
                        name: {"wall": cost.seconds, "bytes": cost.nbytes, "files": cost.files}
                        for name, cost in cells.items()
                    },
                }
                for work, cells in self.rows.items()
            ],
        }


def bench(options: Options) -> Iterator[Costs]:
    """CIFAR-like images: changes that are small beside what is there."""
    rows = 2_000 if options.quick else 50_000
    table = Costs(f"versions of {rows:,} images of 32 x 32 x 3 uint8 and their labels")
    arrays = data.cifar_like(rows)
    with contest("Versions", options) as contenders:
        images, labels = (options.folder / "written" / name for name in ("i.npy", "l.npy"))
        np.save(images, arrays.images)
        np.save(labels, arrays.labels)
        for one in contenders:
            one.call("create", one.folder / "ds", Loaded(images), Loaded(labels), keep="opened")
        # First, as later changes leave more pieces behind, which the next commit lists.
        for number in range(options.rounds + 1):
            for one in contenders:
                _measured(
                    table, one, number, "commit of 1 appended row", "append",
                    arrays.images[number], 1,
                )  # fmt: skip
        rng = np.random.default_rng(1)
        for number in range(options.rounds + 1):
            some = sorted(rng.choice(rows, 100, replace=False).tolist())
            new = rng.integers(0, 256, (100, 32, 32, 3), dtype=np.uint8)
            for one in contenders:
                _round(table, one, number, some, new)
    yield table


def _round(table: Costs, one: Contender, number: int, some: list[int], new: np.ndarray) -> None:
    """An update, a row more, and a branch that is changed, compared and merged."""

    def measured(work: str, method: str, *arguments: Any) -> Answer | None:
        return _measured(table, one, number, work, method, *arguments)

    branch = f"branch-{number}"
    measured("commit of 100 updated rows, random", "update", some, new)
    _agree(one, some, new)
    measured("commit of 1 row after all these", "append", new[0], 1)
    if measured("make a branch", "branch", branch) is None:
        return
    measured("check out a branch", "checkout", branch)
    one.call("append", OPENED, new[1], 2)
    one.call("update", OPENED, some[:50], new[50:])
    one.call("checkout", OPENED, "main")
    one.call("append", OPENED, new[2], 3)
    measured("diff of 1 + 1 appended and 50 updated rows", "diff", branch)
    if measured("merge of 1 appended and 50 updated rows", "merge", branch) is not None:
        _agree(one, some[:50], new[50:])


def _measured(
    table: Costs, one: Contender, number: int, work: str, method: str, *arguments: Any
) -> Answer | None:
    """Let a contender do something, and note what it took; the first round warms up."""
    before = _files(one.folder)
    answer = one.call(method, OPENED, *arguments)
    if answer is None or number == 0:
        return answer
    changed = {k: v for k, v in _files(one.folder).items() if before.get(k) != v}
    cost = table.cost(work, one.name)
    cost.seconds.append(answer.wall)
    cost.nbytes.append(sum(size for size, *_ in changed.values()))
    cost.files.append(len(changed))
    return answer


def _files(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Size, time and number of each file."""
    found = {}
    for above, _, names in os.walk(folder):
        for name in names:
            status = os.stat(os.path.join(above, name))
            if status.st_size:  # locks are empty
                key = os.path.join(above, name)
                found[key] = status.st_size, status.st_mtime_ns, status.st_ino
    return found


def _agree(one: Contender, rows: list[int], expected: np.ndarray) -> None:
    """What is fast and wrong does not count."""
    answer = one.call("images", OPENED, rows)
    if answer is not None and answer.digest != (expected.shape, int(expected.sum())):
        raise AssertionError(f"{one.name}: what was read is not what was written")


__all__ = ["Costs", "bench"]
