"""Whole epochs of training batches, side by side with the loaders of others."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import data
import numpy as np
from contest import Answer, Contender, Loaded, contest, race
from measure import Options, Table, Timing

CPUS = 2


def bench(options: Options) -> Iterator[Table]:
    """One table for each kind of data, and one of first batches and memory."""
    notes = Table(
        "time to the first batch (median), and most memory of the process while it loaded (without "
        "those of workers)"
    )
    peaks: dict[str, int] = {}
    for part in (_crops, _rows, _images):
        # In new processes: nobody trains on all three, nor keeps what decoding them takes.
        with contest("Loader", options) as contenders:
            yield part(options, contenders, notes, peaks)
    row = notes.row("most memory of the process", "MB", target=450)
    for name, peak in peaks.items():
        row.cells[name] = Timing((peak / 1e6,), (0.0,), 1)
    yield notes


def _race(
    table: Table, notes: Table, peaks: dict[str, int], what: str, unit: str, count: int,
    contenders: list[Contender], method: str, folder: str, options: Options,
) -> None:  # fmt: skip
    for shuffle in (False, True):
        order = "shuffled" if shuffle else "in order"

        def work(one: Contender, shuffle: bool = shuffle) -> Answer | None:
            answer = one.call(method, one.folder / folder, shuffle)
            if answer is not None and answer.digest[0][1] != count:
                raise AssertionError(f"{one.name}: not {count} rows in {method}: {answer.digest}")
            return answer

        answers = race(
            table.row(order, unit), contenders, work, items=count, rounds=options.rounds,
            before=lambda one: _warmed(one.folder / folder), agree=False, turn=options.turn,
        )  # fmt: skip
        row = notes.row(f"{what} {order}", "ms", target=200)
        for name, counted in answers.items():
            firsts = tuple(answer.digest[1][1] / 1000 for answer in counted)
            row.cells[name] = Timing(firsts, (0.0,), 1)
            peaks[name] = max(peaks.get(name, 0), *(answer.peak for answer in counted))


def _written(
    contenders: list[Contender], method: str, folder: str, *arguments: object
) -> list[Contender]:
    """Let all write; returns who could."""
    able = []
    for one in contenders:
        shutil.rmtree(one.folder / folder, ignore_errors=True)
        if one.call(method, one.folder / folder, *arguments) is not None:
            able.append(one)
    return able


def _warmed(folder: Path) -> None:
    """Read all files of a contender, so that the system's cache has them.

    A virtual machine may give up what nobody has read for half a minute, which is how long the others'
    turns take: then it is the disk that is measured.
    """
    room = memoryview(bytearray(1 << 20))
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.readinto(room):
                    continue


def _removed(contenders: list[Contender], folder: str) -> None:
    for one in contenders:
        shutil.rmtree(one.folder / folder, ignore_errors=True)


def _crops(
    options: Options, contenders: list[Contender], notes: Table, peaks: dict[str, int]
) -> Table:
    count = 128 if options.quick else 4_000
    files = data.photographs(options.folder / f"photographs-{count}", count)
    size = files.nbytes / count / 1000
    table = Table(
        f"{count:,} JPEG files of about 500 x 375 pixels ({size:.0f} KB): random crops to 224 x 224, "
        f"batches of 64, {CPUS} cores"
    )
    able = _written(contenders, "write_files", "files", files.paths, files.labels)
    _race(table, notes, peaks, "crops", "img/s", count, able, "crops", "files", options)
    _removed(contenders, "files")
    return table


def _rows(
    options: Options, contenders: list[Contender], notes: Table, peaks: dict[str, int]
) -> Table:
    count = 2_000 if options.quick else 50_000
    arrays = data.cifar_like(count)
    images, labels = options.folder / "written" / "small.npy", options.folder / "written" / "l.npy"
    np.save(images, arrays.images)
    np.save(labels, arrays.labels)
    table = Table(f"{count:,} images of 32 x 32 x 3 uint8 and their labels, batches of 64")
    able = _written(contenders, "write_arrays", "small", Loaded(images), Loaded(labels))
    _race(table, notes, peaks, "rows", "rows/s", count, able, "rows", "small", options)
    _removed(contenders, "small")
    return table


def _images(
    options: Options, contenders: list[Contender], notes: Table, peaks: dict[str, int]
) -> Table:
    count, side = (16, 256) if options.quick else (200, 1024)
    files = large(options.folder / f"large-{count}-{side}", count, side)
    size = files.nbytes / count / 1000
    table = Table(f"{count} JPEG files of {side} x {side} pixels ({size:.0f} KB), batches of 8")
    able = _written(contenders, "write_files", "large", files.paths, files.labels)
    _race(table, notes, peaks, "images", "img/s", count, able, "images", "large", options)
    _removed(contenders, "large")
    return table


def large(folder: Path, count: int, side: int) -> data.Files:
    """JPEG files of one size, blown up from scikit-learn's photographs, with grain."""
    from PIL import Image
    from sklearn.datasets import load_sample_image

    labels = np.random.default_rng(7).integers(0, data.CLASSES, count, dtype=np.uint32)
    paths = [folder / f"{number:05}.jpg" for number in range(count)]
    finished = folder / "recipe.json"
    if finished.is_file():
        return data.Files(paths, labels)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    originals = [Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
    for number, path in enumerate(paths):
        rng = np.random.default_rng((7, number))
        whole = originals[number % 2].resize(
            (side * 8 // 5, side * 16 // 15), Image.Resampling.BICUBIC
        )
        left, top = int(rng.integers(side * 3 // 5)), int(rng.integers(side // 15 + 1))
        crop = np.asarray(whole.crop((left, top, left + side, top + side)), np.float32)
        grain = rng.normal(0, rng.uniform(2, 6), (side, side, 1))
        file = io.BytesIO()
        pixels = np.clip(crop + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(file, "JPEG", quality=int(rng.integers(85, 93)))
        path.write_bytes(file.getvalue())
    finished.write_text(json.dumps({"count": count, "side": side}))
    return data.Files(paths, labels)


__all__ = ["bench"]
