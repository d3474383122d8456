"""Columns of sequence tensors: each row is an array with an axis of items, or a list of items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from deeplake.dataset.picked import Picked
from deeplake.dataset.selection import Selection
from deeplake.dataset.sequence_reader import SequenceReader
from deeplake.format.values import object_array
from deeplake.loader.fetch import Column, Values
from deeplake.loader.lot import Rows
from deeplake.loader.memory import Memory
from deeplake.loader.snapshot import Source
from deeplake.loader.spec import Decode


class SequenceColumn(Column):
    """Reads one sequence tensor the way it was asked for (see ``Column``).

    Rows with equally many items of one shape come as one array. Otherwise each row is an array of its
    items, or a list of them if they differ in shape. Rows of texts, json values and the like are
    arrays of objects.
    """

    __slots__ = ()

    def __init__(
        self,
        source: Source,
        decode: Decode,
        steps: Selection,
        widen: Mapping[str, str],
        memory: Memory,
        *,
        mapped: bool = False,
    ) -> None:
        # Rows of the tensor are not rows of the chunks' arrays, which a gather is made of.
        super().__init__(source, decode, steps, widen, memory, mapped=False)

    def _read(self, rows: Rows, out: np.ndarray | None = None) -> Values:
        reader = cast(SequenceReader, self.source.reader)
        if out is not None and reader.array(rows, out, parallel=False) is not None:
            return out
        taken = Picked(reader, rows, self._steps)
        if self._decode == "numpy" and reader.payload == "array":
            array = taken.array(parallel=False)
            if array is not None:
                return self._widened_rows(array, rows)
        if self._decode in ("tobytes", "pil"):
            raws = reader.item_bytes(taken.items)
            if self._decode == "tobytes":
                return list(taken.by_row(raws))
            owners = rows[taken.items.owners].tolist()
            images = [self._pil_image(raw, row) for raw, row in zip(raws, owners, strict=True)]
            return list(taken.by_row(images))
        values = self._items(taken)
        found = taken.by_row(values)
        if self._decode == "data":
            info = self.source.info
            return [
                self._plugin.data(_together(row), info, batch=not taken.single) for row in found
            ]
        if taken.single:
            return found
        if reader.payload == "array":
            return [_together(row) if row else self._padding() for row in found]
        return [_together(row) if taken.inner.steps else object_array(row) for row in found]

    def _items(self, taken: Picked) -> list[Any]:
        """What is taken of each item."""
        if taken.reader.payload != "array":
            values = taken.values(parallel=False)
            whole = self._decode == "data" or not (taken.single or taken.inner.steps)
            return values if whole else self._shown(values, taken.inner)
        parts = taken.parts(parallel=False)
        owners = taken.items.rows[taken.items.owners].tolist()
        widened = []
        for part, row in zip(parts, owners, strict=True):
            wide = self._widen.get(part.dtype)
            widened.append(part if wide is None else self._widened(part, wide, [row]))
        return widened

    def _widened_rows(self, array: np.ndarray, rows: Rows) -> np.ndarray:
        wide = self._widen.get(array.dtype)
        return np.ascontiguousarray(array if wide is None else self._widened(array, wide, rows))

    def _padding(self) -> Any:
        payload = self._plugin.spec().payload
        if self._decode != "numpy":
            return []
        if payload != "array":
            return object_array([])
        schema = self.source.schema
        dtype = np.dtype(schema.dtype)
        return np.zeros((0,) * schema.row_ndim, self._widen.get(dtype, dtype))


def _together(values: Any) -> Any:
    """The items of a row as one array, if they are arrays of numbers of one shape."""
    if not isinstance(values, list) or not values:
        return values
    first = values[0]
    if not isinstance(first, np.ndarray) or first.dtype.kind not in "biufc":
        return values
    if all(value.shape == first.shape for value in values):
        return np.stack(values)
    return values


__all__ = ["SequenceColumn"]
