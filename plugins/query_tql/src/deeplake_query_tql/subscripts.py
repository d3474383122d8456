"""Subscripts into samples: as in NumPy, but what is not there is empty, never an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deeplake_query_tql.conversion import of_list, of_one_depth
from deeplake_query_tql.vector import Const, Dense, Objects, Ragged, Text, Vec, both, expand


def subscripted(vec: Vec, entries: Sequence[Any]) -> Vec:
    """What subscripts take of each sample."""
    vec = expand(vec)
    if isinstance(vec, Objects):
        return _of_objects(vec, entries)
    if isinstance(vec, Text) or any(isinstance(entry, str) for entry in entries):
        return Const(None, vec.n)
    if isinstance(vec, Dense):
        return _of_dense(vec, entries)
    assert isinstance(vec, Ragged)
    return _of_ragged(vec, entries)


def _filled(entries: Sequence[Any], ndim: int) -> list[Any] | None:
    """One entry an axis; None: more than there are."""
    given = len(entries) - (Ellipsis in entries)
    if given > ndim:
        return None
    if Ellipsis not in entries:
        return [*entries, *[slice(None)] * (ndim - given)]
    at = list(entries).index(Ellipsis)
    if Ellipsis in entries[at + 1 :]:
        return None
    return [*entries[:at], *[slice(None)] * (ndim - given), *entries[at + 1 :]]


def _of_dense(vec: Dense, entries: Sequence[Any]) -> Vec:
    shape = vec.data.shape[1:]
    filled = _filled(entries, len(shape))
    if filled is None:
        return Const(None, vec.n)
    for entry, size in zip(filled, shape, strict=True):
        if isinstance(entry, int) and not -size <= entry < size:
            return Dense(np.zeros((vec.n, 0), vec.data.dtype), vec.valid)
    return Dense(vec.data[(slice(None), *filled)], vec.valid)


def _of_ragged(vec: Ragged, entries: Sequence[Any]) -> Vec:
    shapes = vec.shapes
    filled = _filled(entries, shapes.shape[1])
    if filled is None:
        return Const(None, vec.n)
    inner = shapes[vec.sizes > 0, 1:]
    if len(inner) and (inner == inner[0]).all():
        return _first_axis(vec, filled, inner[0])
    return _by_shape(vec, filled)


def _first_axis(vec: Ragged, filled: Sequence[Any], inner: np.ndarray) -> Vec:
    """Samples that differ along the first axis only: boxes, points, sequences."""
    rest = tuple(inner.tolist())
    data = vec.flat.reshape(-1, *rest)
    counts = np.where(vec.sizes > 0, vec.shapes[:, 0], 0)
    starts = np.cumsum(counts) - counts
    first, others = filled[0], filled[1:]
    for entry, size in zip(others, rest, strict=True):
        if isinstance(entry, int) and not -size <= entry < size:
            return Dense(np.zeros((vec.n, 0), vec.flat.dtype), vec.valid)
    data = data[(slice(None), *others)]
    if isinstance(first, int):
        there = (counts > first) if first >= 0 else (counts >= -first)
        places = starts + (first if first >= 0 else counts + first)
        result = np.zeros((vec.n, *data.shape[1:]), data.dtype)
        result[there] = data[places[there]]
        return Dense(result, both(vec.valid, there))
    index, taken = _sliced(first, starts, counts)
    data = data[index]
    inside = data.shape[1:]
    shapes = np.empty((vec.n, 1 + len(inside)), np.int64)
    shapes[:, 0] = taken
    shapes[:, 1:] = inside
    size = int(np.prod(inside, dtype=np.int64))
    return Ragged(data.reshape(-1), np.cumsum(taken) * size, shapes, vec.valid)


def _sliced(entry: slice, starts: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions that a slice takes of each of several runs, and how many of each."""
    step = 1 if entry.step is None else entry.step
    forward = step > 0
    low = _bound(entry.start, counts, 0 if forward else None, forward)
    high = _bound(entry.stop, counts, None if forward else -1, forward, stop=True)
    spans = high - low if forward else low - high
    taken = np.maximum(0, -(-spans // abs(step)))
    total = int(taken.sum())
    within = np.arange(total) - np.repeat(np.cumsum(taken) - taken, taken)
    return np.repeat(starts + low, taken) + within * step, taken


def _bound(
    value: int | None, counts: np.ndarray, default: int | None, forward: bool, *, stop: bool = False
) -> np.ndarray:
    if value is None:
        if default is not None:
            return np.full(len(counts), default, np.int64)
        return counts if forward else counts - 1
    limit = 2**62
    value = max(-limit, min(value, limit))
    placed = counts + value if value < 0 else np.full(len(counts), value, np.int64)
    if forward:
        return np.asarray(np.clip(placed, 0, counts))
    return np.asarray(np.clip(placed, -1, counts - 1))


def _by_shape(vec: Ragged, filled: Sequence[Any]) -> Vec:
    """Samples of several shapes: those of one shape at a time."""
    shapes, owner = np.unique(vec.shapes, axis=0, return_inverse=True)
    found: list[Any] = [None] * vec.n
    starts, sizes = vec.starts, vec.sizes
    for k, shape in enumerate(shapes.tolist()):
        rows = np.flatnonzero(owner.ravel() == k)
        size = int(sizes[rows[0]])
        if size == 0 and any(isinstance(entry, int) for entry in filled):
            continue
        data = vec.flat[starts[rows][:, None] + np.arange(size)].reshape(len(rows), *shape)
        part = _of_dense(Dense(data), filled)
        if isinstance(part, Dense):
            for row, sample in zip(rows.tolist(), part.data, strict=True):
                found[row] = np.asarray(sample)
    if all(x is None for x in found):
        return Const(None, vec.n)
    return of_list(found, vec.valid)


def _of_objects(vec: Objects, entries: Sequence[Any]) -> Vec:
    whole: Any = tuple(entries)
    single = entries[0] if len(entries) == 1 else None
    found = []
    for x in vec.items:
        value = None
        if isinstance(x, np.ndarray):
            value = _of_array(x, whole)
        elif isinstance(single, str):
            value = x.get(single) if isinstance(x, dict) else None
        elif isinstance(x, (list, tuple)) and single is not None and single is not Ellipsis:
            value = _entry(x, single)
        elif isinstance(x, (list, tuple)) and len(entries) > 1:
            listed = _listed(x)
            value = _of_parts(x, whole) if listed is None else _of_array(listed, whole)
        found.append(value)
    if found and any(isinstance(x, np.ndarray) for x in found):
        return of_list(of_one_depth(found), vec.valid)
    missing = np.array([x is not None for x in found], bool)
    return Objects(found, both(vec.valid, missing))


def _listed(x: Any) -> Any:
    try:
        array = np.asarray(x)
    except ValueError:
        return None
    return array if array.dtype.kind in "biuf" else None


def _of_array(x: Any, entries: tuple[Any, ...]) -> Any:
    if x is None or any(isinstance(entry, str) for entry in entries):
        return None
    try:
        return np.asarray(x[entries])
    except IndexError:
        return None


def _of_parts(x: Sequence[Any], entries: tuple[Any, ...]) -> Any:
    """What subscripts take of arrays of several lengths, as the parts of a polygon, one after the other.

    Of which parts is what the first one says; the others are about each of them.
    """
    first, *rest = (slice(None), *entries) if entries[0] is Ellipsis else entries
    if not all(isinstance(part, np.ndarray) for part in x):
        return None
    chosen = _entry(x, first) if isinstance(first, (int, slice)) else None
    if chosen is None or isinstance(chosen, np.ndarray):
        return _of_array(chosen, tuple(rest))
    found = [_of_array(part, tuple(rest)) for part in chosen]
    if not found or any(part is None for part in found):
        return None
    if len({part.shape for part in found}) == 1:
        return np.stack(found)
    same = len({part.shape[1:] for part in found}) == 1
    return np.concatenate(found if same else [part.ravel() for part in found])


def _entry(x: Sequence[Any], entry: Any) -> Any:
    if isinstance(entry, slice):
        return list(x[entry])
    return x[entry] if -len(x) <= entry < len(x) else None


__all__ = ["subscripted"]
