"""How far embeddings are from one: whole blocks at a time, without a copy where that can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

BLOCK = 1 << 19
"""Bytes of embeddings that are looked at several times while they are in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure of two embeddings.

    Attributes:
        name: As users write it.
        similarity: Whether more is nearer; else it is a distance.
        tql: The measure in TQL, of ``{a}`` and ``{b}``.
    """

    name: str
    similarity: bool
    tql: str


COS = Metric("cos", True, "COSINE_SIMILARITY({a}, {b})")
L2 = Metric("l2", False, "L2_NORM({a} - {b})")
L1 = Metric("l1", False, "L1_NORM({a} - {b})")
MAX = Metric("max", False, "LINF_NORM({a} - {b})")

_NAMES = {
    "cos": COS, "cosine": COS, "cosine_similarity": COS,
    "l2": L2, "l2_norm": L2, "euclidean": L2,
    "l1": L1, "l1_norm": L1, "manhattan": L1,
    "max": MAX, "linf": MAX, "linf_norm": MAX, "l_inf": MAX,
}  # fmt: skip


def metric(name: object) -> Metric:
    """The measure of a name, in any case; ``DistanceType.L2_NORM`` and the like are names, too.

    Raises:
        ValueError: There is none.
    """
    text = str(getattr(name, "value", name)).lower()
    found = _NAMES.get(text)
    if found is None:
        raise ValueError(
            f"distance_metric is 'cos', 'l2', 'l1' or 'max' (also called 'linf'), not {name!r}"
        )
    return found


class Probe:
    """Measures embeddings against one.

    Args:
        metric: The measure.
        vector: ``float64[d]``.
    """

    def __init__(self, metric: Metric, vector: np.ndarray) -> None:
        self.metric = metric
        self.vector = vector
        scale = float(np.abs(vector).max(initial=0.0))
        unit = vector / scale if scale else vector
        length = float(np.sqrt(np.vecdot(unit, unit)))
        self._unit = unit / length if length else unit
        self._cast: dict[Any, np.ndarray] = {}

    def measure(
        self, data: np.ndarray, memo: dict[Any, Any] | None = None, at: int = 0
    ) -> np.ndarray:
        """``float[n]``: the measure of each row, nearly as exact as its dtype can be.

        Args:
            data: Numbers ``(n, d)``.
            memo: Remembers the lengths of these embeddings, which do not change; None: nothing does.
            at: Where they begin in what ``memo`` is about.
        """
        work = _work_dtype(data.dtype)
        if self.metric == COS:
            products, lengths = self._products(
                data, work, memo, ("embedding lengths", at, len(data))
            )
            with np.errstate(all="ignore"):
                found: np.ndarray = products / lengths
            # Zero, tiny and huge embeddings: their squares are no numbers of this dtype.
            doubtful = ~_plain(lengths)
        else:
            found = np.empty(len(data), work)
            vector = self._of(work, self.vector)
            for part, block in _blocks(data, work):
                found[part] = _NORMS[self.metric.name](block - vector)
            doubtful = ~_plain(found) if self.metric == L2 else ~np.isfinite(found)
        if doubtful.any():
            places = np.flatnonzero(doubtful)
            step = max(1, BLOCK // (8 * max(data.shape[1], 1)))
            if found.dtype != np.float64:
                found = found.astype(np.float64)
            for start in range(0, len(places), step):
                some = places[start : start + step]
                found[some] = self.exactly(data[some])
        return found

    def _products(
        self, data: np.ndarray, work: np.dtype[Any], memo: dict[Any, Any] | None, key: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """Products with the unit vector, and lengths."""
        vector = self._of(work, self._unit)
        # Not data @ vector: BLAS would share each product out among threads of its own, and this runs
        # on several threads already.
        known: np.ndarray | None = None if memo is None else memo.get(key)
        if known is not None and data.dtype == work:
            return np.vecdot(data, vector), known
        products = np.empty(len(data), work)
        lengths = np.empty(len(data), work)
        for part, block in _blocks(data, work):
            products[part] = np.vecdot(block, vector)
            lengths[part] = _lengths(block)
        if memo is not None:
            memo[key] = lengths
        return products, lengths

    def exactly(self, data: np.ndarray) -> np.ndarray:
        """``float64[n]``: as ``measure``, without rounding to less, overflow or underflow."""
        rows = data.astype(np.float64)
        with np.errstate(all="ignore"):
            if self.metric != COS:
                return _scaled_norm(self.metric, rows - self.vector)
            scale = np.abs(rows).max(1, initial=0.0)
            rows /= np.where(scale == 0, 1, scale)[:, None]
            lengths = np.sqrt(np.vecdot(rows, rows))
            return _quotient(np.vecdot(rows, self._unit), lengths)

    def _of(self, dtype: Any, vector: np.ndarray) -> np.ndarray:
        found = self._cast.get(dtype)
        if found is None:
            with np.errstate(over="ignore"):
                found = self._cast[dtype] = vector.astype(dtype)
        return found


def _work_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """In which it is calculated: single precision holds all values of small types."""
    small = dtype.itemsize <= (4 if dtype.kind == "f" else 2)
    return np.dtype(np.float32 if small else np.float64)


def _blocks(data: np.ndarray, work: np.dtype[Any]) -> Iterator[tuple[slice, np.ndarray]]:
    step = max(1, BLOCK // max(work.itemsize * data.shape[1], 1))
    for start in range(0, len(data), step):
        part = slice(start, start + step)
        yield part, data[part].astype(work, copy=False)


def _lengths(block: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(np.sqrt(np.vecdot(block, block)))


def _plain(lengths: np.ndarray) -> np.ndarray:
    """Which lengths are so far from 0 and from infinity that their squares were exact."""
    info = np.finfo(lengths.dtype)
    low = float(np.sqrt(info.tiny / info.eps))
    return (lengths > low) & (lengths < np.inf)


def _quotient(products: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Cosines; those of embeddings without a direction are 0."""
    with np.errstate(all="ignore"):
        found = products / np.where(lengths == 0, 1, lengths)
        return np.asarray(np.where(lengths == 0, 0, np.clip(found, -1, 1)))


def _l2(difference: np.ndarray) -> np.ndarray:
    return _lengths(difference)


def _l1(difference: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(difference, out=difference).sum(1))


def _max(difference: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(difference, out=difference).max(1, initial=0))


_NORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"l2": _l2, "l1": _l1, "max": _max}


def _scaled_norm(metric: Metric, difference: np.ndarray) -> np.ndarray:
    if metric != L2:
        return _NORMS[metric.name](difference)
    scale = np.abs(difference).max(1, initial=0.0)
    usable = (scale > 0) & np.isfinite(scale)
    parts = difference / np.where(usable, scale, 1)[:, None]
    return np.asarray(np.sqrt(np.vecdot(parts, parts)) * np.where(usable, scale, 1))


__all__ = ["COS", "L1", "L2", "MAX", "Metric", "Probe", "metric"]
