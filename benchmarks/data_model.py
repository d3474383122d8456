"""Ingest, random access, full reads, crops and frames, side by side with what others use."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import data
import numpy as np
from contest import Contender, Kept, Loaded, contest, race
from measure import Options, Table


def bench(options: Options) -> Iterator[Table]:
    """One table for each kind of data."""
    tables = {
        "files": _files,
        "small": _small,
        "large": _large,
        "embeddings": _embeddings,
        "scan": _scan,
        "film": _film,
    }
    if unknown := options.tables - set(tables):
        raise SystemExit(f"no table is called {', '.join(unknown)}; there are {', '.join(tables)}")
    with contest("DataModel", options) as contenders:
        for name, make in tables.items():
            if options.makes(name):
                yield make(options, contenders)


def _fresh(one: Contender, name: str) -> Path:
    """A folder that does not exist."""
    folder = one.folder / name
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _open(contenders: list[Contender], name: str) -> list[Contender]:
    """Open what was written last; returns who could."""
    return [one for one in contenders if _opened(one, name)]


def _opened(one: Contender, name: str) -> bool:
    folder = one.folder / name
    return folder.exists() and one.call("open", folder, keep="opened") is not None


OPENED = Kept("opened")


def _files(options: Options, contenders: list[Contender]) -> Table:
    count = 200 if options.quick else 4_000
    files = data.photographs(options.folder / f"photographs-{count}", count)
    rng = np.random.default_rng(2)
    some = [(row,) for row in rng.integers(0, count, min(count, 400)).tolist()]
    many = rng.integers(0, count, min(count, 2_000)).tolist()
    size = files.nbytes / count / 1000
    table = Table(f"{count:,} JPEG files of about 500 x 375 pixels, {size:.0f} KB each on average")
    race(
        table.row("write all, bytes untouched", "img/s"), contenders,
        lambda one: one.call("write_files", one.folder / "files", files.paths, files.labels),
        items=count, rounds=options.rounds, turn=options.turn, afresh=True,
        before=lambda one: _fresh(one, "files"),
    )  # fmt: skip
    readers = _open(contenders, "files")
    race(
        table.row("read one, decoded, random", "img/s"), readers,
        lambda one: one.call("read_file", OPENED, each=some),
        items=len(some), rounds=options.rounds, turn=options.turn, agree=False,
    )  # fmt: skip
    race(
        table.row(f"take of {len(many):,} at once, decoded", "img/s"), readers,
        lambda one: one.call("read_files", OPENED, many),
        items=len(many), rounds=options.rounds, turn=options.turn, agree=False,
    )  # fmt: skip
    return table


def _small(options: Options, contenders: list[Contender]) -> Table:
    rows = 2_000 if options.quick else 50_000
    arrays = data.cifar_like(rows)
    images, labels = options.folder / "written" / "small.npy", options.folder / "written" / "l.npy"
    np.save(images, arrays.images)
    np.save(labels, arrays.labels)
    rng = np.random.default_rng(1)
    some = [(row,) for row in rng.integers(0, rows, 2_000).tolist()]
    many = rng.integers(0, rows, 2_000).tolist()
    table = Table(f"{rows:,} images of 32 x 32 x 3 uint8, uncompressed, and their labels")
    race(
        table.row("write all", "rows/s"), contenders,
        lambda one: one.call("write_arrays", one.folder / "small", Loaded(images), Loaded(labels)),
        items=rows, rounds=options.rounds, turn=options.turn, afresh=True,
        before=lambda one: _fresh(one, "small"),
    )  # fmt: skip
    readers = _open(contenders, "small")
    race(
        table.row("read one, random", "µs", target=20), readers,
        lambda one: one.call("read_image", OPENED, each=some),
        items=len(some), rounds=options.rounds, turn=options.turn,
    )  # fmt: skip
    race(
        table.row("take of 2,000 at once", "rows/s"), readers,
        lambda one: one.call("read_images", OPENED, many),
        items=len(many), rounds=options.rounds, turn=options.turn,
    )  # fmt: skip
    race(
        table.row("read all labels", "ms", target=20), readers,
        lambda one: one.call("read_labels", OPENED),
        items=1, rounds=options.rounds, turn=options.turn,
    )  # fmt: skip
    return table


def _large(options: Options, contenders: list[Contender]) -> Table:
    count, side = (10, 256) if options.quick else (200, 1024)
    rng = np.random.default_rng(3)
    images, labels = options.folder / "written" / "large.npy", options.folder / "written" / "l.npy"
    np.save(images, rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8))
    np.save(labels, rng.integers(0, data.CLASSES, count, dtype=np.uint32))
    table = Table(f"{count} images of {side} x {side} x 3 uint8, uncompressed")
    race(
        table.row("write all of them", "img/s"), contenders,
        lambda one: one.call("write_arrays", one.folder / "large", Loaded(images), Loaded(labels)),
        items=count, rounds=options.rounds, turn=options.turn, afresh=True,
        before=lambda one: _fresh(one, "large"),
    )  # fmt: skip
    for one in contenders:
        shutil.rmtree(one.folder / "large", ignore_errors=True)
    images.unlink()
    return table


def _embeddings(options: Options, contenders: list[Contender]) -> Table:
    rows = 5_000 if options.quick else 200_000
    path = options.folder / "written" / "embeddings.npy"
    np.save(path, np.random.default_rng(4).standard_normal((rows, 384), np.float32))
    table = Table(f"{rows:,} embeddings of 384 float32")
    race(
        table.row("write all embeddings", "rows/s"), contenders,
        lambda one: one.call("write_embeddings", one.folder / "embeddings", Loaded(path)),
        items=rows, rounds=options.rounds, turn=options.turn, afresh=True,
        before=lambda one: _fresh(one, "embeddings"),
    )  # fmt: skip
    race(
        table.row("read all embeddings", "ms"), _open(contenders, "embeddings"),
        lambda one: one.call("read_embeddings", OPENED),
        items=1, rounds=options.rounds, turn=options.turn,
    )  # fmt: skip
    for one in contenders:
        shutil.rmtree(one.folder / "embeddings", ignore_errors=True)
    path.unlink()
    return table


def _scan(options: Options, contenders: list[Contender]) -> Table:
    side = 2_000 if options.quick else 20_000
    path = options.folder / "written" / "scan.npy"
    scan = np.random.default_rng(5).integers(0, 256, (side, side), dtype=np.uint8)
    np.save(path, scan)
    table = Table(f"one image of {side:,} x {side:,} pixels")
    able = [
        one for one in contenders
        if one.call("write_scan", _fresh(one, "scan"), Loaded(path)) is not None
    ]  # fmt: skip
    corners = np.random.default_rng(6).integers(0, side - 512, (50, 2)).tolist()
    race(
        table.row("crop of 512 x 512, random", "ms"), _open(able, "scan"),
        lambda one: one.call("read_crop", OPENED, each=[(y, x, 512) for y, x in corners]),
        items=len(corners), rounds=options.rounds, turn=options.turn,
    )  # fmt: skip
    for one in contenders:
        shutil.rmtree(one.folder / "scan", ignore_errors=True)
    path.unlink()
    return table


def _film(options: Options, contenders: list[Contender]) -> Table:
    seconds = 10 if options.quick else 600
    path = data.film(options.folder, seconds)
    table = Table(
        f"one video of {seconds} seconds, 1920 x 1080, {path.stat().st_size / 1e6:.0f} MB of H.264"
    )
    able = [
        one for one in contenders
        if one.call("write_video", _fresh(one, "film"), path) is not None
    ]  # fmt: skip
    frames = np.random.default_rng(7).integers(0, 25 * seconds, 10).tolist()
    race(
        table.row("one frame, random", "ms"), _open(able, "film"),
        lambda one: one.call("read_frame", OPENED, each=[(frame,) for frame in frames]),
        items=len(frames), rounds=options.rounds, turn=options.turn,
    )  # fmt: skip
    for one in contenders:
        shutil.rmtree(one.folder / "film", ignore_errors=True)
    return table


__all__ = ["bench"]
