"""Arrays to tensors, samples to batches."""

from __future__ import annotations

import functools
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import default_collate

_NUMBERS = "biufc"

_SAME = "?bBhilqefdFD"
"""NumPy's codes of dtypes that PyTorch has under the same name since its first releases."""


class Conversion:
    """Makes batches of tensors.

    Args:
        ragged: See ``Torch``.
    """

    __slots__ = ("_ragged",)

    def __init__(self, ragged: str | None = None) -> None:
        self._ragged = ragged

    def convert(self, batch: Mapping[str, Any]) -> Any:
        """The batch with tensors for its arrays; see ``Torch.convert``."""
        made = _empty(type(batch))
        # By items: such a dict may iterate over its values.
        for key, value in batch.items():
            if type(value) is np.ndarray and _fits(value):
                made[key] = torch.from_numpy(value)
            else:
                made[key] = _named(key, value, self._column)
        return made

    def collate(self, values: list[Any]) -> Any:
        """One batch of some samples, or of one entry of each; see ``Torch.collate``."""
        if not values:
            return []
        first = values[0]
        if isinstance(first, np.ndarray):
            return self._of_arrays(values)
        if isinstance(first, torch.Tensor):
            return self._of_tensors(values)
        if isinstance(first, Mapping):
            columns = {key: [value[key] for value in values] for key, _ in first.items()}
            return _like(
                first, {k: _named(k, column, self.collate) for k, column in columns.items()}
            )
        if isinstance(first, (str, bytes)):
            return values
        if isinstance(first, np.generic):
            return tensor(np.asarray(values))
        if isinstance(first, Sequence):
            return self._of_sequences(values)
        return default_collate(values)

    def _column(self, value: Any) -> Any:
        """One column of a batch, or one entry of a sample."""
        if isinstance(value, np.ndarray):
            return tensor(value) if value.dtype.kind in _NUMBERS else _plain(value)
        if isinstance(value, np.generic):
            return tensor(np.asarray(value))
        if isinstance(value, list):
            return self.collate(value)
        return value

    def _of_arrays(self, values: list[Any]) -> Any:
        if all(isinstance(value, np.ndarray) for value in values):
            kinds = {value.dtype.kind for value in values}
            if not kinds & set(_NUMBERS):
                return [_plain(value) for value in values]
            if len({(value.shape, value.dtype) for value in values}) == 1:
                return tensor(np.stack(values))
            if self._ragged is not None and kinds <= set(_NUMBERS):
                return self._of_tensors([tensor(value) for value in values])
        return default_collate(values)  # which says what does not fit

    def _of_tensors(self, values: list[Any]) -> Any:
        shapes = {value.shape for value in values if isinstance(value, torch.Tensor)}
        if self._ragged is None or len(shapes) < 2:
            return default_collate(values)
        if self._ragged == "list":
            return values
        if len({len(shape) for shape in shapes}) > 1:
            raise RuntimeError(
                f"samples of {sorted(map(len, shapes))} axes cannot be made one tensor; "
                'ragged="list" keeps them apart'
            )
        if self._ragged == "pad":
            return _padded(values)
        if len({shape[1:] for shape in shapes}) > 1:
            raise RuntimeError(
                "samples that differ in more than their first axis cannot be made a nested tensor; "
                'ragged="pad" fills them up, ragged="list" keeps them apart'
            )
        return nested(values)

    def _of_sequences(self, values: list[Any]) -> Any:
        first = values[0]
        if any(len(value) != len(first) for value in values):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [self.collate(list(column)) for column in zip(*values, strict=True)]
        if isinstance(first, tuple) and hasattr(first, "_fields"):
            return type(first)(*columns)
        return tuple(columns) if isinstance(first, tuple) else columns


def _padded(values: list[torch.Tensor]) -> torch.Tensor:
    """One tensor of the largest shape of all; zeros where a sample ends before."""
    sides = [max(value.shape[axis] for value in values) for axis in range(values[0].ndim)]
    dtype = functools.reduce(torch.promote_types, (value.dtype for value in values))
    batch = values[0].new_zeros((len(values), *sides), dtype=dtype)
    for place, value in zip(batch, values, strict=True):
        place[tuple(slice(side) for side in value.shape)] = value
    return batch


def _fits(array: np.ndarray) -> bool:
    """Whether PyTorch takes an array as it is, for certain; as nearly all are."""
    dtype = array.dtype
    return dtype.isnative and dtype.char in _SAME and array.flags.carray


def tensor(array: np.ndarray) -> torch.Tensor:
    """The array as a tensor, in the same memory if PyTorch can use it as it is."""
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    flags = array.flags
    if not flags.writeable or not (flags.c_contiguous or min(array.strides) >= 0):
        array = array.copy()
    return torch.from_numpy(array)


def nested(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """One nested tensor of several that differ in their first axis only."""
    return torch.nested.as_nested_tensor(list(tensors), layout=torch.jagged)


def reduced(value: Any) -> Any:
    """What a tensor in ordinary memory travels as; ``NotImplemented`` for anything else."""
    if isinstance(value, torch.Tensor) and value.is_nested and value.layout is torch.jagged:
        return nested, (value.unbind(),)
    if (
        type(value) is not torch.Tensor
        or value.device.type != "cpu"
        or value.layout is not torch.strided
        or value.requires_grad
        or value.is_quantized
    ):
        return NotImplemented
    if value.dtype is torch.bfloat16:
        return restored, (value.view(torch.int16).numpy(), True)
    try:
        return restored, (value.resolve_conj().resolve_neg().numpy(), False)
    except TypeError:  # a dtype that NumPy has not
        return NotImplemented


def restored(array: np.ndarray, brain: bool) -> torch.Tensor:
    """The tensor that ``reduced`` was given."""
    made = torch.from_numpy(array)
    return made.view(torch.bfloat16) if brain else made


def pinned(value: Any) -> Any:
    """The same in page-locked memory, from where a GPU copies without waiting."""
    if isinstance(value, torch.Tensor):
        return value.pin_memory()
    if isinstance(value, Mapping):
        return _like(value, {key: pinned(entry) for key, entry in value.items()})
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(pinned, value))
    if isinstance(value, (list, tuple)):
        return type(value)(map(pinned, value))
    return value


def _plain(array: np.ndarray) -> Any:
    """A text as a str; other objects as a list."""
    if array.dtype.kind == "U" and array.size == 1:
        return array.item()
    return array.tolist()


def _like(template: Mapping[str, Any], items: dict[str, Any]) -> Any:
    """The items in a dict of the template's class."""
    made = _empty(type(template))
    made.update(items)
    return made


def _empty(kind: type) -> Any:
    """A dict of a class, if it is one that can be filled."""
    return kind() if _fillable(kind) else {}


@functools.lru_cache(maxsize=64)
def _fillable(kind: type) -> bool:
    return kind is not dict and issubclass(kind, MutableMapping)


def _named(key: str, value: Any, make: Any) -> Any:
    try:
        return make(value)
    except (RuntimeError, TypeError) as error:
        error.add_note(
            f"deeplake: {key!r} cannot be made a batch; bring its samples to one shape and type "
            "with transform=, or pass collate_fn="
        )
        raise


__all__ = ["Conversion", "nested", "pinned", "reduced", "restored", "tensor"]
