"""Sorting and grouping of rows by keys: whole arrays at a time, and no more than is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deeplake_query_tql.conversion import is_scalar, numbers, scalars, strings
from deeplake_query_tql.vector import Const, Dense, Objects, Text, Vec, concatenate, expand

RADIX = 1 << 16
"""Integers below this are sorted by counting."""
HEAD = 4096
"""Rows that are looked at first for the first rows of groups."""


def comparable(vec: Vec) -> Dense | Text | None:
    """One number or text a row; None: there are arrays, or objects."""
    vec = expand(vec) if isinstance(vec, Const) and isinstance(vec.value, str) else vec
    if isinstance(vec, Text):
        return vec
    if isinstance(vec, Objects):
        there = [x for x in vec.items if x is not None]
        if there and all(isinstance(x, str) for x in there):
            found = strings(vec)
            assert isinstance(found, Text)
            return found
        if any(isinstance(x, (list, dict, tuple, np.ndarray)) and len(x) != 1 for x in there):
            return None
        if any(isinstance(x, str) for x in there):
            return Text(
                pa.array([None if x is None else str(x) for x in vec.items], pa.large_utf8())
            )
        vec = numbers(vec)
    if not is_scalar(vec):
        return None
    return scalars(vec)


# --------------------------------------------------------------------------- order
def order(
    keys: Sequence[Dense | Text], descending: Sequence[bool], limit: int | None
) -> np.ndarray:
    """Positions in order of keys, the first one first; equal ones stay in their order.

    NaN and rows without a value come last, whether a key ascends or descends.

    Args:
        keys: One vector a key.
        descending: Whether each descends.
        limit: How many positions are wanted; None: all.
    """
    n = keys[0].n
    limit = n if limit is None else min(limit, n)
    if limit == 0:
        return np.zeros(0, np.int64)
    first, rising = keys[0], not descending[0]
    candidates = None
    if limit < n // 4 and isinstance(first, Dense):
        candidates = _candidates(first, rising, limit)
    if candidates is not None:
        keys = [_at(key, candidates) for key in keys]
    ranked = [_ranked(key, down) for key, down in zip(keys, descending, strict=True)]
    found = _argsort(ranked[0]) if len(ranked) == 1 else np.lexsort(ranked[::-1])
    found = found[:limit]
    return found if candidates is None else candidates[found]


def _candidates(key: Dense, rising: bool, limit: int) -> np.ndarray | None:
    """Positions that surely hold the first ``limit`` ones, in order; None: too many would."""
    data = key.data
    if key.valid is not None:
        known = np.flatnonzero(key.valid)
        if len(known) < 4 * limit:
            return None
        data = data[known]
    else:
        known = None
    if data.dtype.kind == "f":
        data = np.where(np.isnan(data), np.inf if rising else -np.inf, data)
    if data.dtype.kind == "b":
        return None
    place = limit - 1 if rising else len(data) - limit
    threshold = np.partition(data, place)[place]
    within = np.flatnonzero(data <= threshold if rising else data >= threshold)
    if len(within) > len(data) // 2:
        return None
    if key.data.dtype.kind == "f" and np.isinf(threshold):
        return None  # NaN was taken for the end
    return within if known is None else known[within]


def _at(key: Dense | Text, places: np.ndarray) -> Dense | Text:
    if isinstance(key, Text):
        return Text(key.array.take(pa.array(places)))
    return Dense(key.data[places], None if key.valid is None else key.valid[places])


def _ranked(key: Dense | Text, descending: bool) -> np.ndarray:
    """Numbers in the same order, ascending, those that come last the greatest."""
    if isinstance(key, Text):
        codes, count = text_codes(key.array, ordered=True)
        ranks = np.where(codes >= 0, count - 1 - codes if descending else codes, count)
        return ranks.astype(np.int64)
    data = key.data
    missing = np.zeros(key.n, bool) if key.valid is None else ~key.valid
    if data.dtype.kind == "f":
        missing = missing | np.isnan(data)
    if data.dtype.kind == "b":
        data = data.astype(np.int8)
    if not missing.any():
        if not descending:
            return data
        if data.dtype.kind == "f":
            return -data
        if data.dtype.kind == "i" and data.dtype.itemsize < 8:
            return -data.astype(np.int64)
        if data.dtype.kind == "i" and (data.size == 0 or int(data.min()) > np.iinfo(np.int64).min):
            return -data
    values, codes = np.unique(data[~missing], return_inverse=True)
    if descending:
        codes = len(values) - 1 - codes
    ranks = np.full(key.n, len(values), np.int64)
    ranks[~missing] = codes.ravel()
    return ranks


def _argsort(ranks: np.ndarray) -> np.ndarray:
    """Stable; integers of a small range by radix sort."""
    return np.argsort(_narrow(ranks), kind="stable")


def _narrow(ranks: np.ndarray) -> np.ndarray:
    if ranks.dtype.kind not in "iu" or ranks.dtype.itemsize <= 2 or not len(ranks):
        return ranks
    low = ranks.min()
    if int(ranks.max()) - int(low) < RADIX:
        return np.asarray(ranks - low, np.uint16)
    return ranks


# --------------------------------------------------------------------------- groups
class Groups:
    """Rows that have equal keys. Groups are in order of first appearance.

    Args:
        codes: ``int64``: equal numbers for rows of one group, in parts that follow each other.
        count: More than the greatest of them.

    Attributes:
        counts: Rows of each group.
        first: Position of the first row of each group.
    """

    def __init__(self, codes: Sequence[np.ndarray], count: int) -> None:
        n = sum(map(len, codes))
        if count > max(4 * n, RADIX):
            whole = np.unique(np.concatenate(codes), return_inverse=True)[1].ravel()
            codes, count = [whole], int(whole.max()) + 1 if n else 0
        sizes = np.zeros(count, np.int64)
        for part in codes:
            sizes += np.bincount(part, minlength=count)
        present = np.flatnonzero(sizes)
        first = _first(codes, count, len(present))
        self._appearance = present[np.argsort(first[present], kind="stable")]
        self._codes = codes
        self._count = count
        self.counts = sizes[self._appearance]
        self.first = first[self._appearance]

    @cached_property
    def numbers(self) -> np.ndarray:
        """``int64[n]``: the group of each row."""
        rank = np.zeros(self._count, np.int64)
        rank[self._appearance] = np.arange(len(self._appearance))
        return np.asarray(rank[np.concatenate(self._codes)])

    @cached_property
    def order(self) -> np.ndarray:
        """Positions of all rows, group by group, each in its order."""
        return _argsort(self.numbers)

    @property
    def starts(self) -> np.ndarray:
        """Where each group begins in ``order``."""
        return np.asarray(np.cumsum(self.counts) - self.counts)

    @classmethod
    def whole(cls, n: int) -> Groups:
        """All rows as one group, also if there are none."""
        found = cls([np.zeros(n, np.int64)], 1)
        if not n:
            found.counts = np.zeros(1, np.int64)
        return found

    @classmethod
    def of(cls, keys: Sequence[Sequence[Dense | Text]], n: int) -> Groups:
        """Rows that agree in all keys; those without a value agree with each other.

        Args:
            keys: One or more; each in parts that follow each other.
            n: Rows.
        """
        if len(keys) == 1:
            small = _small(keys[0])
            if small is not None:
                return cls(*small)
        codes, total = np.zeros(n, np.int64), 1
        for i, parts in enumerate(keys):
            key = concatenate(parts)
            assert isinstance(key, (Dense, Text))
            mine, count = _codes(key)
            if i == 0:
                codes, total = mine, count
                continue
            # Renumbered, so that products of counts stay small.
            codes = np.unique(codes * count + mine, return_inverse=True)[1].ravel()
            total = int(codes.max()) + 1 if n else 0
        return cls([codes], total)


def _small(parts: Sequence[Dense | Text]) -> tuple[list[np.ndarray], int] | None:
    """Codes of integers in a small range, without a copy of all; None: it is something else."""
    low, high = None, None
    for part in parts:
        if isinstance(part, Text) or part.valid is not None or part.data.dtype.kind not in "iu":
            return None
        if part.n:
            least, most = int(part.data.min()), int(part.data.max())
            low = least if low is None else min(low, least)
            high = most if high is None else max(high, most)
            if high - low >= RADIX:
                return None
    if low is None or high is None:
        return None
    found = []
    for part in parts:
        assert isinstance(part, Dense)
        data = part.data
        if low:
            data = (
                data.astype(np.int64) - low
                if data.dtype.itemsize < 8
                else data - data.dtype.type(low)
            )
        found.append(data.astype(np.int64, copy=False))
    return found, high - low + 1


def _first(codes: Sequence[np.ndarray], count: int, present: int) -> np.ndarray:
    """``int64[count]``: where each code is first; of those that are not there, anything.

    Args:
        codes: ``int64``, each below ``count``, in parts that follow each other.
        count: How many codes there can be.
        present: How many there are.
    """
    first = np.full(count, -1, np.int64)
    step = max(HEAD, count)
    begin = found = 0
    for part in codes:
        start = 0
        while start < len(part) and found < present:
            some = part[start : start + step]
            places = np.full(count, -1, np.int64)
            # What is written last is the first one.
            places[some[::-1]] = np.arange(len(some) - 1, -1, -1)
            new = (first < 0) & (places >= 0)
            first[new] = places[new] + (begin + start)
            found += int(np.count_nonzero(new))
            start += step
            step *= 4
        begin += len(part)
    return first


def _codes(key: Dense | Text) -> tuple[np.ndarray, int]:
    """Equal numbers for equal keys; and how many there are at most."""
    if isinstance(key, Text):
        codes, count = text_codes(key.array, ordered=False)
        return np.where(codes < 0, count, codes).astype(np.int64), count + 1
    data, valid = key.data, key.valid
    if data.dtype == bool:
        data = data.astype(np.int8)
    if data.dtype.kind in "iu" and len(data):
        low, high = int(data.min()), int(data.max())
        if high - low < RADIX - 1:
            codes = (data - data.min() if low else data).astype(np.int64, copy=False)
            if valid is not None:
                codes = np.where(valid, codes, high - low + 1)
            return codes, high - low + 2
    values, codes = np.unique(data, return_inverse=True)
    codes = codes.ravel()
    if valid is not None:
        codes = np.where(valid, codes, len(values))
    return codes, len(values) + 1


def text_codes(array: Any, *, ordered: bool) -> tuple[np.ndarray, int]:
    """Numbers for texts, -1 for None; in the order of the texts (by code points) if wanted."""
    encoded = pc.dictionary_encode(array)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = np.asarray(pc.fill_null(encoded.indices, -1)).astype(np.int64)
    count = len(encoded.dictionary)
    if not ordered or not count:
        return codes, count
    ranks = np.empty(count, np.int64)
    ranks[np.asarray(pc.array_sort_indices(encoded.dictionary))] = np.arange(count)
    return np.where(codes >= 0, ranks[codes], -1), count


# --------------------------------------------------------------------------- reductions of groups
def reduced(name: str, vec: Vec, groups: Groups) -> Vec:
    """One value a group: COUNT, SUM, MIN … of one value a row.

    Rows without a value do not count; a group without values has none, and a count of 0.
    """
    found = comparable(vec)
    if found is None:
        raise ValueError("arrays")
    n = len(groups.counts)
    if name == "COUNT" and found.valid is None:
        return Dense(groups.counts.astype(np.int64))
    if name in ("SUM", "AVG", "MEAN") and found.valid is None and isinstance(found, Dense):
        fast = _summed(name, found.data, groups)
        if fast is not None:
            return fast
    valid = np.ones(found.n, bool) if found.valid is None else found.valid
    owner = np.repeat(np.arange(n), groups.counts)
    known = valid[groups.order]
    counts = np.bincount(owner[known], minlength=n)
    if name == "COUNT":
        return Dense(counts)
    rows = groups.order[known]
    if name == "COUNT DISTINCT":
        codes, count = _codes(found)
        pairs = np.unique(owner[known] * np.int64(count) + codes[rows])
        return Dense(np.bincount(pairs // count, minlength=n))
    starts = np.cumsum(counts) - counts
    some = counts > 0
    if isinstance(found, Text):
        return _reduced_text(name, found, rows, starts, some)
    data = found.data[rows]
    result: np.ndarray
    if name in ("ANY", "ALL"):
        function: Any = np.logical_or if name == "ANY" else np.logical_and
        result = np.full(n, name == "ALL")
        if some.any():
            result[some] = function.reduceat(data != 0, starts[some])
        return Dense(result)
    if name in ("SUM", "PROD", "AVG", "MEAN"):
        wide = data.astype(np.float64) if data.dtype.kind == "f" or name in ("AVG", "MEAN") else (
            data.astype(np.int64 if data.dtype.kind != "u" else np.uint64)
        )  # fmt: skip
        function = np.multiply if name == "PROD" else np.add
        result = np.zeros(n, wide.dtype)
        if some.any():
            result[some] = function.reduceat(wide, starts[some])
        if name in ("AVG", "MEAN"):
            result = result / np.maximum(counts, 1)
        return Dense(result, None if some.all() else some)
    function = np.fmin if name in ("MIN", "AMIN") else np.fmax
    if data.dtype == bool:
        function = np.logical_and if function is np.fmin else np.logical_or
    result = np.zeros(n, data.dtype)
    if some.any():
        result[some] = function.reduceat(data, starts[some])
    return Dense(result, None if some.all() else some)


def _summed(name: str, data: np.ndarray, groups: Groups) -> Vec | None:
    """Sums and means of numbers that all have values, without sorting; None: of large integers."""
    mean = name != "SUM"
    if data.dtype.kind != "f" and not mean:
        return None
    if not len(data) or not groups.counts.all():
        return None
    total = np.bincount(groups.numbers, weights=data, minlength=len(groups.counts))
    return Dense(total / groups.counts if mean else total)


def _reduced_text(
    name: str, found: Text, rows: np.ndarray, starts: np.ndarray, some: np.ndarray
) -> Vec:
    if name not in ("MIN", "MAX", "AMIN", "AMAX"):
        raise ValueError("text")
    array = found.array.take(pa.array(rows))
    encoded = pc.dictionary_encode(array)
    codes, _ = text_codes(array, ordered=True)
    function = np.minimum if name in ("MIN", "AMIN") else np.maximum
    if not some.any():
        return Text(pa.nulls(len(some), pa.large_utf8()))
    best = function.reduceat(codes, starts[some])
    ordered = encoded.dictionary.take(pc.array_sort_indices(encoded.dictionary))
    index = np.zeros(len(some), np.int64)
    index[some] = best
    return Text(ordered.take(pa.array(index, mask=~some)))


__all__ = ["Groups", "comparable", "order", "reduced", "text_codes"]
