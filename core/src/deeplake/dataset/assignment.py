"""``tensor[…] = value`` and ``tensor[…] += value``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deeplake.dataset.casting import cast
from deeplake.dataset.extent import rows as rows_of
from deeplake.dataset.newaxis import NewAxis
from deeplake.dataset.plan import holds_pictures
from deeplake.dataset.sample import Sample, read_from
from deeplake.dataset.selection import Selection
from deeplake.dataset.sequence_assignment import patched
from deeplake.dataset.tensor import Tensor, many, plain
from deeplake.dataset.tiling import patch
from deeplake.errors import SampleUpdateError
from deeplake.format.builder import Run
from deeplake.types import Shape


def assign(tensor: Tensor, item: Any, value: Any) -> None:
    """``tensor[item] = value``.

    Raises:
        SampleUpdateError: The value does not fit; nothing was changed.
        IndexError: There are no such rows.
    """
    tensor._checkout.check_writable()
    if is_result_of(value, tensor, item):
        return
    length = tensor._draft.length
    if tensor._selection.is_all and _is_int(item) and item >= length:
        if tensor.is_sequence:
            raise NotImplementedError(
                f"tensor {tensor.key!r} has {length} sequences: there is no row {int(item)} to assign "
                "to, and sequences are not filled up with empty ones; use append"
            )
        tensor._checkout.extend(tensor._draft, [None] * (int(item) - length) + [plain(value)])
        return
    target = tensor[item]
    if _is_part(target, item):
        # As in NumPy, the value is spread over what is there; ``tensor[i] = value`` replaces it.
        whole = Selection(target._selection.index, ((Ellipsis,),))
        target = Tensor(target._checkout, target._tid, whole, target._view)
    store(target, value)


def _is_part(target: Tensor, item: Any) -> bool:
    """Whether all of one array was selected the way parts are, as in ``tensor[i, ...]``."""
    selection = target._selection
    return (
        selection.is_single
        and not selection.steps
        and (item is Ellipsis or (isinstance(item, tuple) and any(i is Ellipsis for i in item)))
        and not target.is_sequence
        and not target.is_link
        and target._reader.payload == "array"
    )


def store(target: Tensor, value: Any) -> None:
    """New values for everything that ``target`` selects."""
    if isinstance(target, NewAxis):
        target, value = target.behind(value)
    checkout = target._checkout
    checkout.check_writable()
    rows = rows_of(target)
    selection = target._selection
    samples: Any
    if len(rows) and max(rows) >= target._draft.length:
        raise SampleUpdateError(
            f"tensor {target.key!r} has {target._draft.length} rows: row {max(rows)} is only there "
            "to fill up the view"
        )
    partial = bool(selection.steps)
    if partial and target.is_sequence:
        samples, partial = patched(target, value)
    elif partial:
        samples = _patched(target, rows, value)
    elif selection.is_single:
        samples = [plain(value)]
    else:
        samples = _as_many(target, rows, value)
    generation = checkout.generation
    _update(target, rows, samples, partial=partial)
    if target._view is not None:
        # Assigning through a view moves no rows: the view stays valid.
        target._view._keep(generation)


def is_result_of(value: Any, tensor: Tensor, item: Any) -> bool:
    """Whether a value is what ``tensor[item] += …`` hands back after it has been stored."""
    return (
        isinstance(value, Tensor)
        and value._tid == tensor._tid
        and value._checkout is tensor._checkout
        and tensor[item]._selection == value._selection
    )


def _is_int(item: Any) -> bool:
    return isinstance(item, (int, np.integer)) and not isinstance(item, bool)


def _update(target: Tensor, rows: Sequence[int], samples: Any, *, partial: bool) -> None:
    """Update rows in any order; of a row that is named twice, the last value counts."""
    numbers = np.asarray(rows, np.int64)
    if len(numbers) == 0:
        return
    unique, last = np.unique(numbers[::-1], return_index=True)
    order = len(numbers) - 1 - last
    if (order == np.arange(len(order))).all() and len(order) == len(numbers):
        chosen = samples
    elif isinstance(samples, np.ndarray):
        chosen = samples[order]
    else:
        chosen = [samples[i] for i in order.tolist()]
    target._checkout.update(target._draft, unique, chosen, partial=partial)


# --------------------------------------------------------------------------- what is assigned
def _as_many(target: Tensor, rows: Sequence[int], value: Any) -> Any:
    """One value for each of the rows."""
    try:
        samples = many(value)
        if len(samples) == len(rows):
            return samples
        problem = f"{len(samples)} samples"
    except TypeError:  # a single sample, or an array without axes
        problem = f"a single {type(value).__name__}"
    if len(rows) == 1:
        return [plain(value)]
    raise SampleUpdateError(
        f"tensor {target.key!r}: {problem} cannot be assigned to {len(rows)} rows; give one sample "
        "for each of them"
    )


def _patched(target: Tensor, rows: Sequence[int], value: Any) -> list[np.ndarray | Sample | Run]:
    """Whole samples in which the selected part is replaced.

    Of those in tiles, only the tiles that the part lies in are going to be read and written.
    """
    by_value = not isinstance(value, (np.ndarray, Tensor))
    pictures = holds_pictures(target._schema)
    reader = target._reader
    if reader.payload != "array":
        raise SampleUpdateError(
            f"tensor {target.key!r} has htype {target.htype!r}: assign whole samples, not parts"
        )
    if reader.schema.is_link:
        raise SampleUpdateError(
            f"tensor {target.key!r} has htype {target.htype!r}: what a link leads to is not changed; "
            "assign whole links, or materialize() the tensor first"
        )
    array = np.asarray(plain(value))
    patched: list[np.ndarray | Sample | Run] = []
    for k, row in enumerate(rows):
        try:
            tiles = reader.tiles(row)
            sample = reader.sample(row) if tiles is None else None
            old = sample if tiles is None else tiles
            assert old is not None
            part = cast(array, old.dtype, by_value=by_value, ints_by_value=pictures)
            if not target._selection.is_single:
                part = _part(target, old.shape, part, k, len(rows))
            if tiles is not None:
                patched.append(patch(tiles, target._selection, part, reader.schema))
            elif sample is not None:
                target._selection.assign(sample, part)
                patched.append(read_from(sample, reader.origin(row)))
        except (ValueError, TypeError, IndexError) as error:
            raise SampleUpdateError(f"tensor {target.key!r}, row {row}: {error}") from error
    return patched


def _part(target: Tensor, shape: Shape, value: np.ndarray, k: int, rows: int) -> np.ndarray:
    """What NumPy would broadcast to the part of sample ``k`` of several."""
    ndim = len(target._selection.result_shape(shape))
    if value.ndim <= ndim:
        return value
    if len(value) not in (1, rows):
        raise ValueError(f"{len(value)} values cannot be assigned to parts of {rows} rows")
    part: np.ndarray = value[k if len(value) == rows else 0]
    return part


# --------------------------------------------------------------------------- in place
def in_place(target: Tensor, operator: str, other: Any) -> None:
    """Apply an operator such as ``"__iadd__"`` to the selected samples, as NumPy does in place.

    Raises:
        SampleUpdateError: NumPy refuses, or the samples have different shapes.
    """
    if not target._selection.is_single and target.is_dynamic:
        raise SampleUpdateError(
            f"tensor {target.key!r}: samples of different shapes cannot be changed in place; change "
            "them one by one"
        ) from NotImplementedError("in-place operators need samples of one shape")
    current = target.numpy()
    if isinstance(other, Tensor):
        other = other.numpy()
    try:
        changed = getattr(current, operator)(other)
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise SampleUpdateError(f"tensor {target.key!r}: {error}") from error
    if changed is NotImplemented:
        raise SampleUpdateError(
            f"tensor {target.key!r}: {operator} is not defined for {type(other).__name__}"
        )
    store(target, changed)


__all__ = ["assign", "in_place", "is_result_of", "store"]
