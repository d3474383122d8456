"""Index algebra: which rows of a dataset or tensor a subscript means, and what it takes from each.

Pure: numpy and arithmetic, no storage. A :class:`Selection` is an immutable value with two parts:

* the *rows*: all of them (symbolic, so that a handle over a growing tensor grows with it), a
  ``range``, an int64 array, or one single row, which drops the sample axis;
* the *steps*: subscripts that are applied, one after the other, to each row's sample.

Subscripts mean what they mean in NumPy, with one documented difference: lists and arrays on several
axes act per axis (outer product), where NumPy pairs them up. Chains apply in turn to the axes that
are left, as ``array[1:3][0]`` does::

    >>> view = Selection.ALL.select((slice(2, 5), 0), length=10)
    >>> view.rows(10), view.steps
    (range(2, 5), ((0,),))
    >>> view.select(-1, length=10).rows(10)
    4
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import ge
from typing import Any, ClassVar, TypeAlias

import numpy as np

from deeplake.dataset.subscript import (
    Rows,
    Step,
    Subscript,
    compose,
    entry_json,
    entry_of,
    entry_text,
    is_part_of_row,
    listed,
    ndim_after,
    positions_of,
    rows_of,
    split,
    step_of,
    too_many,
    used_axes,
)
from deeplake.errors import InvalidSubscriptError
from deeplake.types import Shape


# --------------------------------------------------------------------------- the value
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Selection:
    """Rows of a dataset or tensor, and subscripts into each of their samples.

    Attributes:
        index: The rows; None means all rows, however many there are when they are read.
        steps: Tuples of subscripts; each is applied to what the one before left of a sample.
    """

    index: Rows | None = None
    steps: tuple[Step, ...] = ()

    ALL: ClassVar[Selection]

    # ---- what it is
    @property
    def is_all(self) -> bool:
        """Whether it is every row, whole."""
        return self.index is None and not self.steps

    @property
    def is_single(self) -> bool:
        """Whether it is one row whose sample axis was dropped."""
        return type(self.index) is int

    def rows(self, length: int) -> Rows:
        """The rows, of a dataset or tensor that has ``length`` now (used if all are selected)."""
        return range(length) if self.index is None else self.index

    def count(self, length: int) -> int:
        """Number of rows; 1 for a single one."""
        index = self.index
        if index is None:
            return length
        return 1 if type(index) is int else len(index)  # type: ignore[arg-type]

    def bind(self, length: int) -> Selection:
        """The same with a symbolic "all rows" replaced by the rows there are now."""
        return Selection(range(length), self.steps) if self.index is None else self

    # ---- composition
    def select(self, item: Any, length: int, ndim: int | None = None) -> Selection:
        """What ``view[item]`` selects.

        Args:
            item: Anything that may stand between the brackets.
            length: Rows of the dataset or tensor now; not of this selection.
            ndim: Dimensions of one whole sample, where known. Decides how many axes an Ellipsis
                in front of the sample axis stands for; unknown, it stands for at least that axis.

        Raises:
            IndexOutOfRangeError: An int is outside the rows, or a mask has another length.
            InvalidKeyTypeError: A value of a type that is no subscript, an array of several
                dimensions, or None where it would add an axis in front of the rows.
            InvalidSubscriptError: More than one Ellipsis, a slice of step 0, too many subscripts.
        """
        if type(item) is int and self.index is None and 0 <= item < length:
            # The path of ``for i in …: ds.images[i]``: a comparison and a new object.
            return Selection(item, self.steps)
        if self is Selection.ALL and ndim is not None and is_part_of_row(item, length, ndim):
            return Selection(item[0], (item[1:],))
        step = step_of(item if type(item) is tuple else (item,))
        single = type(self.index) is int
        axes = None
        if ndim is not None:
            axes = ndim_after(ndim, self.steps) + (not single)
            used = used_axes(step)
            if used > axes:
                raise too_many(used, axes)
        if single:
            return self._with_step(step)
        row, rest = split(step, axes)
        return Selection(compose(self.index, row, length), self.steps)._with_step(rest)

    def _with_step(self, step: Step) -> Selection:
        if not step or (len(step) == 1 and step[0] is Ellipsis):
            return self
        steps = self.steps
        if steps and all(type(s) is int for s in steps[-1]):
            # ``t[0][1][2]``: ints leave nothing of their axes, so the two are one subscript.
            return Selection(self.index, (*steps[:-1], steps[-1] + step))
        return Selection(self.index, (*steps, step))

    def items(self, count: int, ndim: int | None = None) -> Selection:
        """The steps as a selection over ``count`` items of one sample that is a sequence.

        ``rows`` of the result are the items to read and its ``steps`` go into each of them.

        Args:
            count: Items of the sequence.
            ndim: Dimensions of one item, where known.
        """
        items = Selection.ALL
        for step in self.steps:
            items = items.select(step, count, ndim)
        return items

    # ---- into samples
    def apply(self, sample: np.ndarray) -> np.ndarray:
        """What the steps take from one sample: a view of it where no list or mask is involved.

        Raises:
            IndexOutOfRangeError: An int is outside its axis, or a mask has another length.
            InvalidSubscriptError: More subscripts than the sample has axes.
        """
        for step in self.steps:
            sample = _take(sample, step, 0)
        return sample

    def apply_batch(self, stacked: np.ndarray) -> np.ndarray:
        """What the steps take from samples of one shape.

        Args:
            stacked: Array of shape ``(rows, *sample_shape)``.

        Returns:
            Array of shape ``(rows, *result_shape(sample_shape))``.
        """
        for step in self.steps:
            stacked = _take(stacked, step, 1)
        return stacked

    def resolve(self, shape: Shape) -> tuple[int | slice | np.ndarray, ...]:
        """The part of a sample of this shape that is taken, axis by axis.

        All steps merged into one: an int for each axis that is dropped, otherwise a slice (whose
        bounds are inside the axis) or an int64 array. They act per axis. Axes that None added are
        left out, so this says what to read or to write, and :meth:`result_shape` how it looks.
        """
        return tuple(s if type(s) is int else listed(s) for s in _resolve(self.steps, shape)[0])

    def result_shape(self, shape: Shape) -> Shape:
        """Shape that :meth:`apply` gives a sample of this shape."""
        return tuple(len(picked) for _, picked in _resolve(self.steps, shape)[1])

    def window(self, shape: Shape) -> tuple[list[int], list[int]] | None:
        """Where the part of a sample that is taken begins and ends along each axis.

        Returns:
            None if it is no such part, or empty: then ``resolve`` tells what it is.
        """
        if len(self.steps) != 1 or len(self.steps[0]) > len(shape):
            return None
        starts, stops = [0] * len(shape), list(shape)
        for axis, part in enumerate(self.steps[0]):
            if type(part) is not slice:
                return None
            start, stop, step = part.indices(shape[axis])
            if step != 1:
                return None
            starts[axis], stops[axis] = start, stop
        if any(map(ge, starts, stops)):
            return None
        return starts, stops

    def assign(self, sample: np.ndarray, value: Any) -> None:
        """Write ``value``, broadcast, over the part of a writable sample that is selected.

        Raises:
            ValueError: ``value`` does not broadcast to the selected shape.
        """
        parts, values = self.spread(sample.shape, value)
        if not values.size:
            return  # of a scalar, no slice would say so
        if any(isinstance(part, np.ndarray) for part in parts):
            grid = [
                np.arange(size)[part if isinstance(part, slice) else np.atleast_1d(part)]
                for part, size in zip(parts, sample.shape, strict=True)
            ]
            sample[np.ix_(*grid)] = values
        else:
            # An int would drop an axis that the values have.
            sample[tuple(slice(p, p + 1) if type(p) is int else p for p in parts)] = values

    def spread(
        self, shape: Shape, value: Any
    ) -> tuple[tuple[int | slice | np.ndarray, ...], np.ndarray]:
        """What is selected of a sample of this shape, and ``value`` broadcast to it.

        Returns:
            The parts that :meth:`resolve` gives, and an array that has all axes of the sample
            (length 1 where an int picks), without a copy of ``value``; of no values where nothing
            is selected.

        Raises:
            ValueError: ``value`` does not broadcast to the selected shape.
        """
        rows, axes = _resolve(self.steps, shape)
        selected = tuple(len(picked) for _, picked in axes)
        value = np.asarray(value)
        while value.ndim > len(selected) and value.shape[0] == 1:
            value = value[0]
        try:
            value = np.broadcast_to(value, selected)
        except ValueError:
            raise ValueError(
                f"values of shape {value.shape} cannot be broadcast to the part of shape "
                f"{selected} that is selected"
            ) from None
        parts = tuple(part if type(part) is int else listed(part) for part in rows)
        if 0 in (len(picked) for source, picked in axes if source is None):
            # Nothing is selected along an axis that None added: of the sample, nothing either.
            empty = (slice(0, 0),) * len(shape)
            return empty, np.empty((0,) * max(1, len(shape)), value.dtype)
        # The last of what lies along an axis that None added wins, as in NumPy.
        value = value[tuple(-1 if source is None else slice(None) for source, _ in axes)]
        return parts, value[tuple(None if type(p) is int else slice(None) for p in parts)]

    # ---- as text, as JSON
    def to_json(self) -> list[Any]:
        """One entry an axis: an int, a list of ints, or ``{"start", "stop", "step"}``.

        Masks become lists of booleans, an Ellipsis ``"..."`` and None null. A chain that cannot be
        written as one subscript continues in ``{"then": [...]}`` entries.
        """
        first = self.steps[0] if self.steps else ()
        row = slice(None) if self.index is None else listed(self.index)
        out = [entry_json(s) for s in (row, *first)]
        out.extend({"then": [entry_json(s) for s in step]} for step in self.steps[1:])
        return out

    @classmethod
    def from_json(cls, entries: Sequence[Any]) -> Selection:
        """The selection that :meth:`to_json` wrote.

        Raises:
            InvalidKeyTypeError: Not what :meth:`to_json` writes.
        """
        steps: list[list[Any]] = [[]]
        for entry in entries[1:]:
            if isinstance(entry, dict) and "then" in entry:
                steps.append([entry_of(e) for e in entry["then"]])
            else:
                steps[-1].append(entry_of(entry))
        index = rows_of(entries[0]) if entries else None
        return cls(index, tuple(step_of(step) for step in steps if step))

    def __repr__(self) -> str:
        first = self.steps[0] if self.steps else ()
        row = slice(None) if self.index is None else listed(self.index)
        entries = ", ".join(entry_text(s) for s in (row, *first))
        chain = "".join(f"[{', '.join(map(entry_text, step))}]" for step in self.steps[1:])
        return f"Index([{entries}]){chain}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Selection):
            return NotImplemented
        mine, theirs = (self.index, *self.steps), (other.index, *other.steps)
        return len(mine) == len(theirs) and all(map(_same, mine, theirs))

    def __hash__(self) -> int:
        return hash(repr(self))


Selection.ALL = Selection()


# --------------------------------------------------------------------------- samples
def _take(array: np.ndarray, step: Step, lead: int) -> np.ndarray:
    """``array[step]`` with lists acting per axis, leaving the first ``lead`` axes alone."""
    fill = array.ndim - lead - used_axes(step)
    basic = tuple(slice(None) if isinstance(s, np.ndarray) else s for s in step)
    # The Ellipsis at the end makes the result an array also where NumPy would give a scalar.
    end = () if Ellipsis in basic else (Ellipsis,)
    try:
        view: np.ndarray = array[(slice(None),) * lead + basic + end]
    except IndexError as error:
        _resolve((step,), array.shape[lead:])  # raises, and says which axis
        raise InvalidSubscriptError(str(error)) from error
    axis = lead
    for s in step:
        if isinstance(s, np.ndarray):
            view = view.take(positions_of(s, view.shape[axis], axis - lead), axis=axis)
        if s is Ellipsis:
            axis += fill
        elif type(s) is not int:
            axis += 1
    return view


_Axis: TypeAlias = tuple[int | None, range | np.ndarray]
"""An axis of a result: the axis of the sample it comes from (None: added), and what it takes."""


def _resolve(steps: tuple[Step, ...], shape: Shape) -> tuple[list[Rows], list[_Axis]]:
    """All steps as one.

    Returns:
        What is taken of each axis of the sample, and the axes of the result.
    """
    parts: list[Rows] = [range(size) for size in shape]
    axes: list[_Axis] = [(source, range(size)) for source, size in enumerate(shape)]
    for step in steps:
        fill = len(axes) - used_axes(step)
        if fill < 0:
            raise too_many(len(axes) - fill, len(axes))
        left, axes, at = axes, [], 0
        for s in step if Ellipsis in _symbols(step) else (*step, Ellipsis):
            if s is None:
                axes.append((None, range(1)))
            elif s is Ellipsis:
                axes.extend(left[at : at + fill])
                at += fill
            else:
                source, picked = left[at]
                rows = compose(picked, s, len(picked), at)
                at += 1
                if isinstance(rows, int):
                    if source is not None:
                        parts[source] = rows
                elif rows is not None:
                    axes.append((source, rows))
    for source, picked in axes:
        if source is not None:
            parts[source] = picked
    return parts, axes


def _symbols(step: Step) -> tuple[Subscript, ...]:
    """The step without arrays, which ``in`` would compare entry by entry."""
    return tuple(s for s in step if not isinstance(s, np.ndarray))


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b)
    return type(a) is type(b) and bool(a == b)


__all__ = ["Rows", "Selection", "Step", "Subscript"]
