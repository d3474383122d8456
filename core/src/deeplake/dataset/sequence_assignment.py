"""``tensor[row, item] = value`` for tensors whose rows are sequences.

A row is always stored whole, but items that stay as they are keep their stored bytes: they are
neither decoded nor encoded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deeplake.dataset.casting import cast
from deeplake.dataset.extent import rows as rows_of
from deeplake.dataset.picked import Picked
from deeplake.dataset.plan import holds_pictures
from deeplake.dataset.sample import read_from
from deeplake.dataset.sequences import picked, reader_of
from deeplake.dataset.tensor import Tensor, many, plain
from deeplake.errors import SampleUpdateError


def patched(target: Tensor, value: Any) -> tuple[list[list[Any]], bool]:
    """Whole rows in which the selected items, or parts of them, are replaced.

    Returns:
        The rows, and whether parts of items are replaced.

    Raises:
        SampleUpdateError: The value does not fit what is selected.
    """
    reader = reader_of(target)
    rows = rows_of(target)
    taken = picked(target)
    before = reader.items(rows)
    whole: list[list[Any]] = before.by_row(reader.item_runs(before))
    if taken.inner.steps:
        parts = _parts(target, taken, value)
        new: Sequence[Any] = [*map(read_from, parts, reader.item_origins(taken.items))]
    else:
        new = _items(target, taken, value)
    owners, numbers = taken.items.owners.tolist(), taken.items.numbers.tolist()
    for owner, number, item in zip(owners, numbers, new, strict=True):
        whole[owner][number] = item
    return whole, bool(taken.inner.steps)


# --------------------------------------------------------------------------- whole items
def _items(target: Tensor, taken: Picked, value: Any) -> Sequence[Any]:
    """A value for each item that is selected."""
    counts = taken.counts.tolist()
    one_row = target._selection.is_single
    if taken.single:
        return [plain(value)] if one_row else _listed(target, value, len(counts), "rows")
    rows = [value] if one_row else _listed(target, value, len(counts), "rows")
    found: list[Any] = []
    for row, count in zip(rows, counts, strict=True):
        found.extend(_listed(target, row, count, "items"))
    return found


def _listed(target: Tensor, value: Any, n: int, what: str) -> Sequence[Any]:
    try:
        values: Sequence[Any] = many(value, items=what == "items")
        problem = f"{len(values)} values"
    except TypeError:
        values = [plain(value)]
        problem = f"a single {type(value).__name__}"
    if len(values) != n:
        raise SampleUpdateError(
            f"tensor {target.key!r}: {problem} cannot be assigned to {n} {what}; give one for each"
        )
    return values


# --------------------------------------------------------------------------- parts of items
def _parts(target: Tensor, taken: Picked, value: Any) -> list[np.ndarray]:
    """The items that are selected, with a part of each replaced."""
    reader = taken.reader
    if reader.payload != "array":
        raise SampleUpdateError(
            f"tensor {target.key!r} has htype {target.htype!r}: assign whole items, not parts of them"
        )
    by_value = not isinstance(value, (np.ndarray, Tensor))
    pictures = holds_pictures(target._schema)
    array = np.asarray(plain(value))
    items = taken.values()
    owners = taken.items.owners.tolist()
    within = (np.arange(len(items)) - np.repeat(
        np.cumsum(taken.items.counts) - taken.items.counts, taken.items.counts
    )).tolist()  # fmt: skip
    for k, item in enumerate(items):
        try:
            part = cast(array, item.dtype, by_value=by_value, ints_by_value=pictures)
            axes = []
            if not target._selection.is_single:
                axes.append((owners[k], len(taken)))
            if not taken.single:
                axes.append((within[k], int(taken.items.counts[owners[k]])))
            ndim = len(taken.inner.result_shape(item.shape))
            taken.inner.assign(item, _part(part, ndim, axes))
        except (ValueError, TypeError, IndexError) as error:
            raise SampleUpdateError(
                f"tensor {target.key!r}, row {taken.items[k]}: {error}"
            ) from error
    return items


def _part(value: np.ndarray, ndim: int, axes: Sequence[tuple[int, int]]) -> np.ndarray:
    """What of a value belongs to one item, as NumPy would broadcast it.

    Args:
        value: The value.
        ndim: Dimensions of the part of the item.
        axes: Of rows and of items: which one it is, and how many there are.
    """
    for depth, (at, n) in enumerate(axes):
        if value.ndim <= ndim + len(axes) - 1 - depth:
            continue
        if len(value) not in (1, n):
            raise ValueError(f"{len(value)} values cannot be assigned to parts of {n}")
        value = value[at if len(value) == n else 0]
    return value


__all__ = ["patched"]
