"""Commits, branches, checkouts, diffs and merges: time, bytes and files, with and without fsync.

A peer is one more ``Contender``: derive from it, import its library inside ``__init__`` (a library
that is missing leaves it out), and add it to ``CONTENDERS``.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import data
import numpy as np
from data import Arrays
from measure import Options


class Contender(ABC):
    """One way of keeping versions of images and labels.

    Attributes:
        name: Its column in the table.
    """

    name: str

    @abstractmethod
    def create(self, folder: Path, arrays: Arrays) -> Any:
        """Store everything, commit it, and return what the methods below work on."""

    @abstractmethod
    def append(self, opened: Any, image: np.ndarray, label: int) -> None:
        """One more row, and a commit."""

    @abstractmethod
    def update(self, opened: Any, rows: list[int], images: np.ndarray) -> None:
        """Other images in some rows (sorted), and a commit."""

    @abstractmethod
    def branch(self, opened: Any, name: str) -> None:
        """A branch at what is checked out; where we are does not change."""

    @abstractmethod
    def checkout(self, opened: Any, name: str) -> None:
        """Go to a branch."""

    @abstractmethod
    def diff(self, opened: Any, name: str) -> Any:
        """What a branch and the one checked out have changed since they parted."""

    @abstractmethod
    def merge(self, opened: Any, name: str) -> None:
        """Merge a branch into the one checked out."""

    @abstractmethod
    def images(self, opened: Any, rows: list[int]) -> np.ndarray:
        """Some images."""


class DeepLake(Contender):
    """This project, as it is shipped."""

    name = "deeplake"
    fsync = "1"

    def __init__(self) -> None:
        import deeplake

        self._deeplake = deeplake

    def create(self, folder: Path, arrays: Arrays) -> Any:
        os.environ["DEEPLAKE_FSYNC"] = self.fsync
        ds = self._deeplake.empty(str(folder))
        ds.create_tensor("images", htype="image", sample_compression=None)
        ds.create_tensor("labels", htype="class_label")
        ds.extend({"images": arrays.images, "labels": arrays.labels})
        ds.commit("all")
        return ds

    def append(self, opened: Any, image: np.ndarray, label: int) -> None:
        with opened:
            opened.append({"images": image, "labels": label})
            opened.commit("one more")

    def update(self, opened: Any, rows: list[int], images: np.ndarray) -> None:
        with opened:
            opened.images[rows] = images
            opened.commit("some anew")

    def branch(self, opened: Any, name: str) -> None:
        opened.create_branch(name)

    def checkout(self, opened: Any, name: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the branch has no commits of its own
            opened.checkout(name)

    def diff(self, opened: Any, name: str) -> Any:
        return opened.diff(name, as_dict=True)

    def merge(self, opened: Any, name: str) -> None:
        opened.merge(name)

    def images(self, opened: Any, rows: list[int]) -> np.ndarray:
        found: np.ndarray = opened.images[rows].numpy()
        return found


class DeepLakeWithoutSync(DeepLake):
    """For comparisons with those that do not sync either."""

    name = "deeplake, no fsync"
    fsync = "0"


CONTENDERS: tuple[type[Contender], ...] = (DeepLake, DeepLakeWithoutSync)
"""In the order of the table's columns."""


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
            [work, *(cells[name].text() for name in names)] for work, cells in self.rows.items()
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
    kept = os.environ.get("DEEPLAKE_FSYNC")
    try:
        for one in _taking_part(options):
            _measure(one, options, arrays, table)
    finally:
        if kept is None:
            os.environ.pop("DEEPLAKE_FSYNC", None)
        else:
            os.environ["DEEPLAKE_FSYNC"] = kept
    yield table


def _taking_part(options: Options) -> list[Contender]:
    found: list[Contender] = []
    for kind in CONTENDERS:
        if not options.runs(kind.name):
            continue
        try:
            found.append(kind())
        except ImportError as error:
            print(f"{kind.name} is left out: {error}")
    return found


def _measure(one: Contender, options: Options, arrays: Arrays, table: Costs) -> None:
    folder = options.folder / "written"
    shutil.rmtree(folder, ignore_errors=True)
    rng = np.random.default_rng(1)
    try:
        opened = one.create(folder, arrays)

        @contextmanager
        def measured(work: str, number: int) -> Iterator[None]:
            before = _files(folder)
            begin = time.perf_counter()
            yield
            seconds = time.perf_counter() - begin
            changed = {k: v for k, v in _files(folder).items() if before.get(k) != v}
            if number:  # the first round warms up
                cost = table.cost(work, one.name)
                cost.seconds.append(seconds)
                cost.nbytes.append(sum(size for size, *_ in changed.values()))
                cost.files.append(len(changed))

        # First, as later changes leave more pieces behind, which the next commit lists.
        for number in range(options.rounds + 1):
            with measured("commit of 1 appended row", number):
                one.append(opened, arrays.images[number], 1)
        for number in range(options.rounds + 1):
            some = sorted(rng.choice(len(arrays.images), 100, replace=False).tolist())
            new = rng.integers(0, 256, (100, 32, 32, 3), dtype=np.uint8)
            name = f"branch-{number}"
            with measured("commit of 100 updated rows, random", number):
                one.update(opened, some, new)
            _agree(one.images(opened, some), new)
            with measured("commit of 1 row after all these", number):
                one.append(opened, new[0], 1)
            with measured("make a branch", number):
                one.branch(opened, name)
            with measured("check out a branch", number):
                one.checkout(opened, name)
            one.append(opened, new[1], 2)
            one.update(opened, some[:50], new[50:])
            one.checkout(opened, "main")
            one.append(opened, new[2], 3)
            with measured("diff of 1 + 1 appended and 50 updated rows", number):
                one.diff(opened, name)
            with measured("merge of 1 appended and 50 updated rows", number):
                one.merge(opened, name)
            _agree(one.images(opened, some[:50]), new[50:])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


def _agree(found: np.ndarray, expected: np.ndarray) -> None:
    """What is fast and wrong does not count."""
    if not np.array_equal(found, expected):
        raise AssertionError("what was read is not what was written")


__all__ = ["CONTENDERS", "Contender", "Costs", "bench"]
