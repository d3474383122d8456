"""The embeddings nearest to one: all are measured, few are kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from deeplake.dataset.columns import StoredColumns
from deeplake.errors import IncorrectEmbeddingShapeError
from deeplake.spi import Values
from deeplake.vectorstore.distance import Probe

SPAN_BYTES = 4 << 20
"""Rows are read in spans of at least so many bytes, where there are so many; a chunk is read once."""
PARALLEL_BYTES = 4 << 20
HEAD = 1024
"""Keys that are looked at first."""
SPARE = 8
"""Rows that are kept beside those that are wanted, until all are measured exactly."""

_pool: ThreadPoolExecutor | None = None
_pool_pid = 0


def _executor() -> ThreadPoolExecutor:
    """Threads of searches alone: samples that they read may be decoded by others."""
    global _pool, _pool_pid
    if _pool is None or _pool_pid != os.getpid():
        _pool = ThreadPoolExecutor(
            min(os.cpu_count() or 1, 8), thread_name_prefix="deeplake-search"
        )
        _pool_pid = os.getpid()
    return _pool


@dataclass(frozen=True, slots=True)
class Found:
    """Rows in the order of their measure.

    Attributes:
        keys: ``float64[n]``: the less, the nearer; NaN comes last.
        rows: ``int64[n]``.
    """

    keys: np.ndarray
    rows: np.ndarray


def nearest(
    columns: StoredColumns, name: str, rows: range | np.ndarray, probe: Probe, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The rows whose embeddings are nearest, and their measures.

    Equal ones are in the order of rows, those that are not comparable (NaN) last. Rows without an
    embedding are left out.

    Args:
        columns: Has the embeddings.
        name: Their tensor.
        rows: Which rows to look at: consecutive ones, or any in ascending order.
        probe: What they are compared with.
        k: How many are wanted, at least 1.

    Returns:
        ``int64[≤ k]`` and ``float64[≤ k]``.

    Raises:
        IncorrectEmbeddingShapeError: An embedding has more values, or fewer.
    """
    spans = _spans(columns, name, rows)
    wanted = min(k, len(rows)) + SPARE

    def look(span: slice | np.ndarray) -> Found:
        return _look(columns, name, span, probe, wanted)

    large = _row_bytes(columns, name) * len(rows) > PARALLEL_BYTES
    found = [*(_executor().map(look, spans) if large and len(spans) > 1 else map(look, spans))]
    best = _merged(found, wanted)
    return _exact(columns, name, best.rows, probe, k)


def _row_bytes(columns: StoredColumns, name: str) -> float:
    pieces = columns.pieces(name)
    total = int(pieces["count"].sum())
    return int(pieces["nbytes"].sum()) / total if total else 1.0


def _spans(columns: StoredColumns, name: str, rows: range | np.ndarray) -> list[slice | np.ndarray]:
    """Rows that are read together: those of a chunk, or of several small ones."""
    size = max(_row_bytes(columns, name), 1.0)
    least = max(1, int(SPAN_BYTES / size))
    if not isinstance(rows, range):
        return [rows[a : a + least] for a in range(0, len(rows), least)]
    spans: list[slice | np.ndarray] = []
    begin = rows.start
    for cut in [*columns.pieces(name)["start"].tolist(), rows.stop]:
        if cut > begin and (cut - begin >= least or cut >= rows.stop):
            spans.append(slice(begin, min(cut, rows.stop)))
            begin = min(cut, rows.stop)
    return spans


def _look(
    columns: StoredColumns, name: str, span: slice | np.ndarray, probe: Probe, wanted: int
) -> Found:
    """The nearest ones of some rows."""
    values = columns.read(name, span)
    data, places = matrix(values, len(probe.vector), name, partial(_row_of, span))
    measured = probe.measure(data, values.memo if places is None else None, values.offset)
    keys = -measured if probe.metric.similarity else measured
    chosen = smallest(keys, wanted)
    return Found(keys[chosen].astype(np.float64), _rows_of(span, chosen, places))


def _row_of(span: slice | np.ndarray, place: int) -> int:
    return int(span.start + place if isinstance(span, slice) else span[place])


def _rows_of(span: slice | np.ndarray, chosen: np.ndarray, places: np.ndarray | None) -> np.ndarray:
    at = chosen if places is None else places[chosen]
    return np.asarray(at + span.start if isinstance(span, slice) else span[at], np.int64)


def smallest(keys: np.ndarray, wanted: int) -> np.ndarray:
    """``int64[≤ wanted]``: places of the smallest keys, in their order; of equal ones the first.

    NaN are larger than everything.
    """
    n = len(keys)
    few = max(4 * wanted, HEAD)
    if few < n // 4:
        # The last that is wanted of some keys says which others need no comparison.
        least = np.partition(keys[:few], wanted - 1)[wanted - 1]
        if not np.isnan(least):
            some = np.flatnonzero(keys <= least)
            if len(some) < n:
                return np.asarray(some[smallest(keys[some], wanted)])
    if wanted < n:
        last = np.partition(keys, wanted - 1)[wanted - 1]  # NaN are sorted to the end
        if np.isnan(last):
            sure = np.flatnonzero(~np.isnan(keys))
            equal = np.flatnonzero(np.isnan(keys))
        else:
            sure, equal = np.flatnonzero(keys < last), np.flatnonzero(keys == last)
        places = np.sort(np.concatenate([sure, equal[: wanted - len(sure)]]))
    else:
        places = np.arange(n)
    return np.asarray(places[np.argsort(keys[places], kind="stable")])


def _merged(parts: Sequence[Found], wanted: int) -> Found:
    """The nearest of all parts, which are in the order of rows."""
    if not parts:
        return Found(np.zeros(0), np.zeros(0, np.int64))
    keys = np.concatenate([part.keys for part in parts])
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows, kind="stable")
    keys, rows = keys[order], rows[order]
    chosen = smallest(keys, wanted)
    return Found(keys[chosen], rows[chosen])


def _exact(
    columns: StoredColumns, name: str, rows: np.ndarray, probe: Probe, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Some rows in their order by what is measured exactly."""
    if not len(rows):
        return rows, np.zeros(0)
    rows = np.sort(rows)
    step = max(1, int(SPAN_BYTES / (8 * max(len(probe.vector), 1))))
    measured = []
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        data, _ = matrix(columns.read(name, some), len(probe.vector), name, partial(_row_of, some))
        measured.append(probe.exactly(data))
    scores = np.concatenate(measured)
    order = smallest(-scores if probe.metric.similarity else scores, k)
    return rows[order], scores[order]


# --------------------------------------------------------------------------- embeddings
def matrix(
    values: Values, size: int, name: str, row: Callable[[int], int]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Embeddings as one array.

    Args:
        values: What was read.
        size: How many values each has.
        name: The tensor.
        row: The row of a place, for the error.

    Returns:
        ``(n, size)``, and the places of those that there are; None: of all.

    Raises:
        IncorrectEmbeddingShapeError: One has more values, or fewer.
    """
    data, ends, nulls = values.data, values.ends, values.nulls
    if isinstance(data, np.ndarray) and ends is None:
        flat = data.reshape(len(data), -1) if data.size else np.zeros((len(data), 0), data.dtype)
        if nulls is None and flat.shape[1] == size:
            return flat, None
        sizes = np.full(len(flat), flat.shape[1])
    elif isinstance(data, np.ndarray) and ends is not None:
        sizes = np.diff(ends, prepend=values.begin)
        flat = data[values.begin : int(ends[-1])] if len(ends) else data[:0]
    else:
        arrays = [None if sample is None else np.asarray(sample) for sample in data]
        sizes = np.array([0 if one is None else one.size for one in arrays], np.int64)
        there = [one.reshape(-1) for one in arrays if one is not None and one.size]
        flat = np.concatenate(there) if there else np.zeros(0, np.float32)
    if nulls is not None:
        sizes = np.where(nulls, 0, sizes)
    wrong = np.flatnonzero((sizes != size) & (sizes != 0))
    if len(wrong):
        place = int(wrong[0])
        raise IncorrectEmbeddingShapeError(
            f"tensor {name!r}, row {row(place)}: this embedding has {sizes[place]} values, and the one "
            f"to compare with has {size}"
        )
    places = np.flatnonzero(sizes)
    if flat.ndim == 2:
        flat = flat[places]
    return _numbers(flat, name).reshape(len(places), size), places


def _numbers(data: Any, name: str) -> np.ndarray:
    found = np.asarray(data)
    if found.dtype.kind not in "biuf":
        raise TypeError(f"tensor {name!r} has no numbers, but {found.dtype}")
    return found


__all__ = ["matrix", "nearest", "smallest"]
