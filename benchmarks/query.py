"""Queries: filters, order, groups, text, similarity; beside databases, other formats and NumPy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import data
import numpy as np
from contest import Answer, Contender, Kept, Loaded, contest, race
from measure import Options, Row, Table

OPENED, FOUND = Kept("opened"), Kept("found")
WORDS = 2_000
"""Words that texts are made of: one in 333 texts has a given one."""


def bench(options: Options) -> Iterator[Table]:
    """Embeddings with labels and texts, labels of images, and one long column in order.

    Each finds rows the way its library gives them: a view, a table, an array. Reading rows is not
    timed, only checked: all must have found the same.
    """
    with contest("Query", options) as contenders:
        yield _documents(options, contenders)
        yield _labels(options, contenders)
        yield _times(options, contenders)


def _documents(options: Options, contenders: list[Contender]) -> Table:
    rows = 5_000 if options.quick else 200_000
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((rows, 384), np.float32)
    # Some directions, so that there are neighbours.
    vectors += 2 * rng.standard_normal((100, 384), np.float32)[rng.integers(0, 100, rows)]
    columns = {
        "vector": vectors,
        "id": np.arange(rows),
        "label": rng.integers(0, data.CLASSES, rows),
        "rank": rng.permutation(rows),
        "text": _texts(rng, rows),
    }
    able = _written(options, contenders, "documents", columns)
    table = Table(f"{rows:,} rows of float32[384], three int64 and a text of 6 words")
    _race(table.row("label == 5", "ms"), able, options, "equal", "label", 5)
    _race(table.row("label == 5 and id % 7 == 0", "ms"), able, options, "both", "label", 5, "id", 7)
    _race(table.row("order by rank limit 100", "ms"), able, options, "first", "rank", 100)
    _race(table.row("how many of each label", "ms"), able, options, "counts", "label")
    _race(table.row("text contains a word", "ms"), able, options, "contains", "text", _word(7))
    like = vectors[rows // 2] + rng.standard_normal(384, np.float32) / 2
    _race(table.row("10 nearest by cosine", "ms"), able, options, "nearest", "vector", like, 10)
    _removed(contenders, "documents")
    return table


def _labels(options: Options, contenders: list[Contender]) -> Table:
    rows = 2_000 if options.quick else 50_000
    arrays = data.cifar_like(rows)
    columns = {
        "image": arrays.images.reshape(rows, -1),
        "id": np.arange(rows),
        "label": arrays.labels.astype(np.int64),
    }
    able = _written(options, contenders, "labels", columns)
    table = Table(f"{rows:,} images of 32 x 32 x 3 uint8 and their labels")
    _race(table.row("label == 5", "ms"), able, options, "equal", "label", 5)
    _race(table.row("label == 5 and id % 7 == 0", "ms"), able, options, "both", "label", 5, "id", 7)
    _race(table.row("how many of each label", "ms"), able, options, "counts", "label")
    _removed(contenders, "labels")
    return table


def _times(options: Options, contenders: list[Contender]) -> Table:
    rows = 100_000 if options.quick else 10_000_000
    times = np.cumsum(np.random.default_rng(2).integers(1, 20, rows))
    able = _written(options, contenders, "times", {"id": np.arange(rows), "moment": times})
    table = Table(f"{rows:,} rows in the order of an int64")
    low = int(times[rows // 3])
    _race(
        table.row("moment between two values, 0.01 % of the rows", "ms"), able, options,
        "between", "moment", low, int(times[rows // 3 + rows // 10_000]),
    )  # fmt: skip
    _removed(contenders, "times")
    return table


def _texts(rng: np.random.Generator, rows: int) -> np.ndarray:
    words = np.array([_word(number) for number in range(WORDS)])
    chosen = words[rng.integers(0, WORDS, (rows, 6))]
    return np.array([" ".join(some) for some in chosen])


def _word(number: int) -> str:
    """A word that is no part of another."""
    letters = "bcdfghjklmnpqrstvwxz"
    syllables = [letters[number // 20**k % 20] + "aeiou"[(number + k) % 5] for k in range(3)]
    return "".join(syllables) + "y"


def _written(
    options: Options, contenders: list[Contender], name: str, columns: dict[str, np.ndarray]
) -> list[Contender]:
    """Let all write the columns and open them; returns who could."""
    files: dict[str, Any] = {}
    for column, values in columns.items():
        files[column] = options.folder / "written" / f"{name}-{column}.npy"
        np.save(files[column], values)
    able = []
    for one in contenders:
        folder = one.folder / name
        wrote = one.call("write", folder, list(files), *map(Loaded, files.values()))
        if wrote is not None and one.call("open", folder, keep="opened") is not None:
            able.append(one)
    for file in files.values():
        file.unlink()
    return able


def _race(
    row: Row, contenders: list[Contender], options: Options, method: str, *arguments: Any
) -> None:
    def work(one: Contender) -> Answer | None:
        answer = one.call(method, OPENED, *arguments, keep="found")
        if answer is None:
            return None
        checked = one.call("numbers" if method == "counts" else "ids", FOUND)
        assert checked is not None
        return replace(answer, digest=checked.digest)

    race(row, contenders, work, items=1, rounds=options.rounds)


def _removed(contenders: list[Contender], name: str) -> None:
    for one in contenders:
        shutil.rmtree(one.folder / name, ignore_errors=True)


__all__ = ["bench"]
