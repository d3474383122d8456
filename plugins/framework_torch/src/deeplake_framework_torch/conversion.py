"""Arrays to tensors, samples to batches."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import default_collate

_NUMBERS = "biufc"


def convert(batch: Mapping[str, Any]) -> Any:
    """The batch with tensors for its arrays; see ``Torch.convert``."""
    # By items: such a dict may iterate over its values.
    return _like(batch, {key: _named(key, value, _column) for key, value in batch.items()})


def collate(values: list[Any]) -> Any:
    """One batch of some samples, or of one entry of each; see ``Torch.collate``."""
    if not values:
        return []
    first = values[0]
    if isinstance(first, np.ndarray):
        return _of_arrays(values)
    if isinstance(first, Mapping):
        columns = {key: [value[key] for value in values] for key, _ in first.items()}
        return _like(first, {key: _named(key, column, collate) for key, column in columns.items()})
    if isinstance(first, (str, bytes)):
        return values
    if isinstance(first, np.generic):
        return tensor(np.asarray(values))
    if isinstance(first, Sequence):
        return _of_sequences(values)
    return default_collate(values)


def tensor(array: np.ndarray) -> torch.Tensor:
    """The array as a tensor, in the same memory if PyTorch can use it as it is."""
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    return torch.from_numpy(array)


def reduced(value: Any) -> Any:
    """What a dense tensor in ordinary memory travels as; ``NotImplemented`` for anything else."""
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


def _column(value: Any) -> Any:
    """One column of a batch, or one entry of a sample."""
    if isinstance(value, np.ndarray):
        return tensor(value) if value.dtype.kind in _NUMBERS else _plain(value)
    if isinstance(value, np.generic):
        return tensor(np.asarray(value))
    if isinstance(value, list):
        return collate(value)
    return value


def _of_arrays(values: list[Any]) -> Any:
    if all(isinstance(value, np.ndarray) for value in values):
        kinds = {value.dtype.kind for value in values}
        if not kinds & set(_NUMBERS):
            return [_plain(value) for value in values]
        if len({(value.shape, value.dtype) for value in values}) == 1:
            return tensor(np.stack(values))
    return default_collate(values)  # which says what does not fit


def _of_sequences(values: list[Any]) -> Any:
    first = values[0]
    if any(len(value) != len(first) for value in values):
        raise RuntimeError("each element in list of batch should be of equal size")
    columns = [collate(list(column)) for column in zip(*values, strict=True)]
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*columns)
    return tuple(columns) if isinstance(first, tuple) else columns


def _plain(array: np.ndarray) -> Any:
    """A text as a str; other objects as a list."""
    if array.dtype.kind == "U" and array.size == 1:
        return array.item()
    return array.tolist()


def _like(template: Mapping[str, Any], items: dict[str, Any]) -> Any:
    """The items in a dict of the template's class."""
    if type(template) is dict or not isinstance(template, MutableMapping):
        return items
    made = type(template)()
    made.update(items)
    return made


def _named(key: str, value: Any, make: Any) -> Any:
    try:
        return make(value)
    except (RuntimeError, TypeError) as error:
        error.add_note(
            f"deeplake: {key!r} cannot be made a batch; bring its samples to one shape and type "
            "with transform=, or pass collate_fn="
        )
        raise


__all__ = ["collate", "convert", "pinned", "reduced", "restored", "tensor"]
