"""What may stand between the brackets: subscripts, normalised, and along one axis.

Pure: numpy and arithmetic, no storage. :mod:`deeplake.dataset.selection` composes them.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from types import EllipsisType
from typing import Any, Final, TypeAlias

import numpy as np

from deeplake.errors import IndexOutOfRangeError, InvalidKeyTypeError, InvalidSubscriptError

Rows: TypeAlias = int | range | np.ndarray
"""Bound rows: one row without the sample axis, an arithmetic progression, or an int64 array."""

Subscript: TypeAlias = int | slice | np.ndarray | EllipsisType | None
"""One normalised subscript; arrays are one-dimensional and int64, or bool for masks."""

Step: TypeAlias = tuple[Subscript, ...]

_LISTED: Final = 1000
"""Longest row list that a repr spells out."""


# --------------------------------------------------------------------------- normalising
def step_of(items: Sequence[Any]) -> Step:
    """Subscripts of one pair of brackets, each of a type that the rest of the module knows."""
    step = tuple([item if type(item) is int else _subscript(item) for item in items])
    if sum(s is Ellipsis for s in step) > 1:
        raise InvalidSubscriptError("a subscript can have one ellipsis ('...') at most")
    return step


def is_part_of_row(item: Any, length: int, ndim: int) -> bool:
    """Whether a subscript is that of a part of one row as it is mostly written: it needs no normalising.

    Args:
        item: What is between the brackets.
        length: Rows.
        ndim: Dimensions of a sample.
    """
    if type(item) is not tuple or not 1 < len(item) <= ndim + 1:
        return False
    row = item[0]
    if type(row) is not int or not 0 <= row < length:
        return False
    for part in item[1:]:
        if type(part) is not slice or part.step is not None:
            return False
        if type(part.start) is not int or type(part.stop) is not int:
            return False
    return True


def _subscript(item: Any) -> Subscript:
    if item is None or item is Ellipsis:
        return item
    if isinstance(item, slice):
        start, stop, step = (_bound(item, b) for b in (item.start, item.stop, item.step))
        if step == 0:
            raise InvalidSubscriptError(f"{item} takes nothing: the step of a slice cannot be 0")
        return slice(start, stop, step)
    if isinstance(item, (bool, np.bool_)):
        raise InvalidKeyTypeError(
            f"a single {item} cannot be used as a subscript; a mask is a list or an array of "
            "booleans, one for each entry of the axis"
        )
    if isinstance(item, (list, tuple, range)) or hasattr(item, "__array__"):
        return _array(item)
    try:
        return operator.index(item)
    except TypeError as error:
        raise _wrong_type(item) from error


def _bound(whole: slice, bound: Any) -> int | None:
    if bound is None or type(bound) is int:
        return bound
    if isinstance(bound, (bool, np.bool_)):
        return int(bound)
    try:
        return operator.index(bound)
    except TypeError as error:
        raise InvalidKeyTypeError(
            f"the bounds of a slice are ints or None, not {type(bound).__name__}: {whole!r}"
        ) from error


def _array(item: Any) -> Subscript:
    """A list or array as an int64 or bool array of one dimension; an int when it has none."""
    try:
        array = np.asarray(item)
    except (ValueError, TypeError, OverflowError) as error:
        raise _wrong_type(item) from error
    if array.dtype == object and array.size and all(type(i) is int for i in array.flat):
        raise IndexOutOfRangeError(f"index {max(array.flat, key=abs)} is out of range for any axis")
    if array.size == 0 and not isinstance(item, np.ndarray) and array.ndim <= 1:
        array = array.astype(np.int64)  # [] has no type of its own
    if array.dtype.kind not in "iub":
        raise _wrong_type(item, array.dtype)
    if array.ndim == 0:
        if array.dtype == bool:
            return _subscript(bool(array))
        return int(array)
    if array.ndim > 1:
        raise InvalidKeyTypeError(
            f"a subscript of shape {array.shape} is not supported: lists, arrays and masks act on "
            "one axis each. Take .numpy() and subscript that array"
        )
    if array.dtype == np.uint64 and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise IndexOutOfRangeError(f"index {array.max()} is out of range for any axis")
    # A copy: a selection must not change when the caller's array does.
    array = array.astype(bool if array.dtype == bool else np.int64)
    array.flags.writeable = False
    return array


def _wrong_type(item: Any, dtype: np.dtype[Any] | None = None) -> InvalidKeyTypeError:
    text = repr(item)
    text = text if len(text) <= 60 else text[:57] + "..."
    name = type(item).__name__ + ("" if dtype is None else f" of {dtype}")
    return InvalidKeyTypeError(
        f"{text} ({name}) cannot be used as a subscript; use ints, slices, lists or arrays of "
        "ints, masks of booleans, '...' or tuples of these"
    )


def used_axes(step: Step) -> int:
    """Axes that a step consumes, without what its Ellipsis stands for."""
    return sum(s is not None and s is not Ellipsis for s in step)


def too_many(used: int, axes: int) -> InvalidSubscriptError:
    """The error that there are more subscripts than axes."""
    return InvalidSubscriptError(f"too many subscripts: {used} for {axes} axes")


def ndim_after(ndim: int, steps: tuple[Step, ...]) -> int:
    """Dimensions that some steps leave."""
    for step in steps:
        ndim += sum(s is None for s in step) - sum(type(s) is int for s in step)
    return ndim


def split(step: Step, axes: int | None) -> tuple[Subscript, Step]:
    """A step as the subscript of the rows and the step into the samples.

    Args:
        step: Normalised subscripts.
        axes: Axes there are, the rows' included, where known.
    """
    lead = 0
    while step and step[0] is None:
        lead, step = lead + 1, step[1:]
    row: Subscript = slice(None)
    if step and step[0] is Ellipsis and axes is not None and used_axes(step) == axes:
        # NumPy lets an Ellipsis stand for nothing: the next subscript is the rows'.
        row, rest = split(step[1:], None)
    elif step and step[0] is not Ellipsis:
        row, rest = step[0], step[1:]
    else:
        rest = step
    if lead and type(row) is not int:
        raise InvalidKeyTypeError(
            "None would add an axis in front of the rows, which only arrays can have: write "
            ".numpy()[None], or put None behind the subscript of the rows"
        )
    return row, (None,) * lead + rest


# --------------------------------------------------------------------------- one axis
def compose(
    index: Rows | None, item: Subscript, length: int, axis: int | None = None
) -> Rows | None:
    """``index[item]`` for an int, slice or array; ``index`` None is ``range(length)``.

    Args:
        index: What earlier subscripts left of the axis.
        item: Subscript.
        length: Size of the whole axis.
        axis: Number of the axis in the sample, for messages; None: the rows.
    """
    if index is None:
        if isinstance(item, slice) and item == slice(None):
            return None
        index = range(length)
    assert not isinstance(index, int)
    if isinstance(item, int):
        if not -len(index) <= item < len(index):
            raise _outside(item, len(index), axis)
        return int(index[item])
    if isinstance(item, slice):
        return index[item]
    assert isinstance(item, np.ndarray)
    positions = positions_of(item, len(index), axis)
    if isinstance(index, range):
        if index.start or index.step != 1:
            positions = index.start + positions * index.step
    else:
        positions = index[positions]
    positions.flags.writeable = False
    return positions


def positions_of(array: np.ndarray, size: int, axis: int | None) -> np.ndarray:
    """An array subscript as int64 positions ``0 <= p < size``."""
    if array.dtype == bool:
        if len(array) != size:
            where = f"axis 0 with {size} samples" if axis is None else _axis_text(axis, size)
            raise IndexOutOfRangeError(f"a mask of {len(array)} entries does not fit {where}")
        return np.flatnonzero(array)
    if not array.size:
        return array
    low, high = int(array.min()), int(array.max())
    if high >= size:
        raise _outside(high, size, axis)
    if low < -size:
        raise _outside(low, size, axis)
    return np.where(array < 0, array + size, array) if low < 0 else array


SUBSCRIPT_ERRORS = (IndexOutOfRangeError, InvalidKeyTypeError, InvalidSubscriptError)
"""What is raised for subscripts that select nothing that there is."""


def say_where(error: BaseException, where: str) -> None:
    """Begin a message with what was subscripted, unless it names a tensor already."""
    text = str(error)
    if not text.startswith("tensor "):
        error.args = (f"{where}: {text}",)


def _outside(item: int, size: int, axis: int | None) -> IndexOutOfRangeError:
    where = f"axis 0 with {size} samples" if axis is None else _axis_text(axis, size)
    return IndexOutOfRangeError(f"index {item} is out of range for {where}")


def _axis_text(axis: int, size: int) -> str:
    return f"axis {axis} of the sample, whose size is {size}"


def listed(rows: Rows) -> int | slice | np.ndarray:
    """Bound rows as a subscript."""
    if not isinstance(rows, range):
        return rows
    if not rows:
        return slice(0, 0, None)
    stop = None if rows.stop < 0 else rows.stop
    return slice(rows.start, stop, None if rows.step == 1 else rows.step)


# --------------------------------------------------------------------------- entries as text, JSON
def entry_text(entry: Subscript) -> str:
    """A subscript the way a repr shows it."""
    if entry is Ellipsis:
        return "..."
    if not isinstance(entry, np.ndarray):
        return repr(entry)
    if len(entry) <= _LISTED:
        return repr(entry.tolist())
    return f"[{', '.join(map(str, entry[:3]))}, ..., {entry[-1]}]"


def entry_json(entry: Subscript) -> Any:
    """A subscript as JSON."""
    if isinstance(entry, slice):
        return {"start": entry.start, "stop": entry.stop, "step": entry.step}
    if isinstance(entry, np.ndarray):
        return entry.tolist()
    return "..." if entry is Ellipsis else entry


def entry_of(entry: Any) -> Any:
    """What ``entry_json`` wrote, as it may stand between brackets."""
    if isinstance(entry, dict) and entry.keys() == {"start", "stop", "step"}:
        return slice(entry["start"], entry["stop"], entry["step"])
    return Ellipsis if entry == "..." else entry


def rows_of(entry: Any) -> Rows | None:
    """The rows that ``entry_json`` wrote."""
    row = _subscript(entry_of(entry))
    if isinstance(row, int):
        return row
    if isinstance(row, np.ndarray) and row.dtype == np.int64:
        return row
    if isinstance(row, slice):
        if row == slice(None):
            return None
        step = 1 if row.step is None else row.step
        if row.start is not None and (row.stop is not None or step < 0):
            return range(row.start, -1 if row.stop is None else row.stop, step)
    raise InvalidKeyTypeError(f"{entry!r} does not say which rows: bounds are missing")


def adds_axes(item: Any) -> bool:
    """Whether a subscript puts axes in front of rows that are several."""
    if not isinstance(item, tuple):
        return item is None
    row = next((key for key in item if key is not None), None)
    # Compared by identity: a list of rows has no truth value.
    return (
        len(item) > 0
        and item[0] is None
        and not (isinstance(row, (int, np.integer)) and not isinstance(row, bool))
    )


def pop_rows(index: int | Sequence[int] | None, length: int, where: str) -> list[int]:
    """Sorted row numbers of what ``pop`` was given.

    Args:
        index: Row, rows, or None for the last one.
        length: Rows that there are.
        where: What is popped from, for messages.

    Raises:
        IndexError: There is no such row.
        ValueError: A row is named twice.
    """
    if index is None:
        index = length - 1
    given: Any = index if isinstance(index, (Sequence, np.ndarray)) else [index]
    if isinstance(given, str) or any(isinstance(row, (bool, np.bool_)) for row in given):
        raise InvalidKeyTypeError(f"{where}: pop takes row numbers, not {index!r:.80}")
    try:
        rows = sorted(map(operator.index, given))
    except TypeError as error:
        raise InvalidKeyTypeError(f"{where}: pop takes row numbers, not {index!r:.80}") from error
    if rows and (rows[0] < 0 or rows[-1] >= length):
        wrong = rows[0] if rows[0] < 0 else rows[-1]
        raise IndexOutOfRangeError(
            f"{where} has {length} rows: there is no row {wrong} to pop (rows count from 0, not from "
            "the end)"
        )
    if len(set(rows)) != len(rows):
        raise ValueError(f"{where}: each row can be popped once, but {index!r} names one twice")
    return rows


__all__ = [
    "SUBSCRIPT_ERRORS",
    "Rows",
    "Step",
    "Subscript",
    "adds_axes",
    "compose",
    "entry_json",
    "entry_of",
    "entry_text",
    "is_part_of_row",
    "listed",
    "ndim_after",
    "pop_rows",
    "positions_of",
    "rows_of",
    "say_where",
    "split",
    "step_of",
    "too_many",
    "used_axes",
]
