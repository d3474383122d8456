"""Samples of one tensor on their way from a function to a dataset."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from deeplake.compute.item import Value
from deeplake.dataset.sample import Sample
from deeplake.dataset.tensor import Tensor, many, plain

STACKED = 1 << 16
"""Samples up to this many bytes become one array where they are alike."""


class Column:
    """Samples in their order: one by one, or as arrays of several.

    What the caller may change afterwards is copied: functions use their buffers again.
    """

    __slots__ = ("_parts", "n", "nbytes")

    def __init__(self) -> None:
        self._parts: list[list[Any] | np.ndarray] = []
        self.n = 0
        self.nbytes = 0

    def append(self, value: Any) -> None:
        """Add one sample."""
        value = owned(value)
        if not self._parts or type(self._parts[-1]) is not list:
            self._parts.append([])
        self._parts[-1].append(value)  # type: ignore[union-attr]
        self.n += 1
        self.nbytes += size_of(value)

    def extend(self, values: Any) -> None:
        """Add several samples. Raises ``TypeError`` if these are not several."""
        if isinstance(values, Value):
            values = values.value
        values = many(values)
        if type(values) is not np.ndarray:
            for value in values:
                self.append(value)
            return
        self._parts.append(np.array(values, order="C"))
        self.n += len(values)
        self.nbytes += values.nbytes

    def take(self, other: Column) -> None:
        """Add the samples of another column, which is not used any more."""
        for part in other._parts:
            last = self._parts[-1] if self._parts else None
            if type(part) is list and type(last) is list:
                last.extend(part)
            else:
                self._parts.append(part)
        self.n += other.n
        self.nbytes += other.nbytes

    def __iter__(self) -> Iterator[Any]:
        for part in self._parts:
            yield from part

    def samples(self) -> Any:
        """All, as an array where they are alike and small, else as a list."""
        parts = self._parts
        if parts and all(type(part) is np.ndarray for part in parts):
            arrays: list[np.ndarray] = parts  # type: ignore[assignment]
            if len(arrays) == 1:
                return arrays[0]
            if len({(array.dtype, array.shape[1:]) for array in arrays}) == 1:
                return np.concatenate(arrays)
        values = [*self]
        first = values[0] if values else None
        if type(first) is not np.ndarray or first.dtype.hasobject or first.nbytes > STACKED:
            return values
        shape, dtype = first.shape, first.dtype
        if all(type(v) is np.ndarray and v.shape == shape and v.dtype == dtype for v in values):
            return np.stack(values)
        return values


def owned(value: Any) -> Any:
    """A sample that nobody else changes: arrays, lists and dicts are copied."""
    if isinstance(value, Value):
        value = value.value
    value = plain(value)
    if isinstance(value, np.ndarray):
        return np.array(value, order="K")
    if type(value) in (list, dict, bytearray, set):
        return copy.copy(value)
    return value


def size_of(value: Any) -> int:
    """Bytes that a sample takes, about."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, Sample):
        return _of_file(value)
    if isinstance(value, (list, tuple)):
        return 56 + sum(map(size_of, value))
    if isinstance(value, Mapping):
        return 200 + sum(map(size_of, value.values()))
    if isinstance(value, Tensor):
        return 1 << 16
    return getattr(value, "nbytes", None) or sys.getsizeof(value, 64)


def _of_file(sample: Sample) -> int:
    """Bytes of what a sample holds in memory; one that was not read yet holds nothing."""
    held = getattr(sample, "_buffer", None), getattr(sample, "_array", None)
    return 256 + sum(getattr(part, "nbytes", 0) or len(part) for part in held if part is not None)


__all__ = ["Column", "owned", "size_of"]
