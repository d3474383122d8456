"""Storing images and labels on a local disk, and reading them again, without a loader."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import contenders
import data
import numpy as np
from contenders import Contender
from measure import Options, Table, Timing, timed


def bench(options: Options) -> Iterator[Table]:
    """Small arrays, then JPEG files."""
    yield small_images(options)
    yield photographs(options)


def small_images(options: Options) -> Table:
    """CIFAR-like images from arrays: the cost of a row, where decoding costs nothing."""
    rows = 2_000 if options.quick else 50_000
    arrays = data.cifar_like(rows)
    rng = np.random.default_rng(1)
    some = rng.integers(0, rows, 2_000).tolist()
    table = Table(f"{rows:,} images of 32 x 32 x 3 uint8, uncompressed, and their labels")
    write = table.row("write all, fsync included", "rows/s", target=100_000)
    labels = table.row("read all labels", "ms", target=20)
    image = table.row("read one image, random", "µs", target=50)
    take = table.row("read 2,000 random images at once", "rows/s")
    every = table.row("read all images", "rows/s")
    append = table.row("append one row, fsync included", "ms")

    for one in _taking_part(options):
        with _folders(options.folder) as fresh:
            write.cells[one.name] = _writing(
                options, fresh, rows, lambda folder, one=one: one.write_arrays(folder, arrays)
            )
            folder = fresh()
            one.write_arrays(folder, arrays)
            opened = one.open(folder)
            _agree(one.labels(opened), arrays.labels)
            _agree(one.every(opened), arrays.images)
            _agree(one.take(opened, some), arrays.images[some])
            _agree(one.image(opened, some[0]), arrays.images[some[0]])

            def time(
                work: Callable[[Contender, Any], Any],
                items: int,
                one: Any = one,
                opened: Any = opened,
            ) -> Timing:
                return timed(lambda _: work(one, opened), items=items, rounds=options.rounds)

            labels.cells[one.name] = time(lambda c, o: c.labels(o), 1)
            image.cells[one.name] = time(lambda c, o: [c.image(o, i) for i in some], len(some))
            take.cells[one.name] = time(lambda c, o: c.take(o, some), len(some))
            every.cells[one.name] = time(lambda c, o: c.every(o), rows)
            append.cells[one.name] = time(
                lambda c, o: [c.append(o, arrays.images[i], 1) for i in range(10)], 10
            )
    return table


def photographs(options: Options) -> Table:
    """JPEG files, stored byte for byte."""
    count = 100 if options.quick else 2_000
    files = data.photographs(options.folder / f"photographs-{count}", count)
    some = np.random.default_rng(2).integers(0, count, min(count, 300)).tolist()
    table = Table(
        f"{count:,} JPEG files of about 500 x 375 pixels, "
        f"{files.nbytes / count / 1000:.0f} KB each on average"
    )
    write = table.row("write all, bytes untouched, fsync included", "img/s")
    image = table.row("read and decode one image, random", "img/s")
    for one in _taking_part(options):
        with _folders(options.folder) as fresh:
            write.cells[one.name] = _writing(
                options, fresh, count, lambda folder, one=one: one.write_files(folder, files)
            )
            folder = fresh()
            one.write_files(folder, files)
            opened = one.open(folder)
            _agree(one.labels(opened), files.labels)
            image.cells[one.name] = timed(
                lambda _, one=one, opened=opened: [one.image(opened, i) for i in some],
                items=len(some),
                rounds=options.rounds,
            )
    return table


def _taking_part(options: Options) -> list[Contender]:
    return [one for one in contenders.installed() if options.runs(one.name)]


def _writing(
    options: Options, fresh: Callable[[], Path], rows: int, write: Callable[[Path], None]
) -> Timing:
    return timed(write, items=rows, rounds=options.rounds, before=fresh)


@contextmanager
def _folders(parent: Path) -> Iterator[Callable[[], Path]]:
    """Names of new folders. Each call removes the one before, so that the disk does not fill up."""
    root = parent / "written"
    shutil.rmtree(root, ignore_errors=True)
    count = 0

    def fresh() -> Path:
        nonlocal count
        shutil.rmtree(root / str(count), ignore_errors=True)
        count += 1
        return root / str(count)

    try:
        yield fresh
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _agree(found: np.ndarray, expected: np.ndarray) -> None:
    """What is fast and wrong does not count."""
    if not np.array_equal(found, expected):
        raise AssertionError("what was read is not what was written")


__all__ = ["bench", "photographs", "small_images"]
