"""Arrays to tensors, samples to batches."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped]

_NUMBERS = "biufc"

ALIGNED = 64
"""Bytes at whose multiples tensors begin in memory: Eigen's largest alignment."""


def convert(batch: Mapping[str, Any]) -> Any:
    """The batch with tensors for its arrays; see ``Tensorflow.convert``."""
    # By items: such a dict may iterate over its values.
    return _like(batch, {key: _named(key, value, _column) for key, value in batch.items()})


def collate(values: list[Any]) -> Any:
    """One batch of some samples, or of one entry of each; see ``Tensorflow.collate``."""
    if not values:
        return []
    first = values[0]
    if isinstance(first, np.ndarray):
        return _of_arrays(values)
    if isinstance(first, tf.Tensor):
        if any(value.shape != first.shape or value.dtype != first.dtype for value in values):
            return values
        return tf.stack(values)
    if isinstance(first, Mapping):
        columns = {key: [value[key] for value in values] for key, _ in first.items()}
        return _like(first, {key: _named(key, column, collate) for key, column in columns.items()})
    if isinstance(first, (str, bytes, bool, int, float, complex, np.generic)):
        return tf.convert_to_tensor(np.asarray(values) if _is_number(first) else values)
    if isinstance(first, Sequence):
        return _of_sequences(values)
    raise TypeError(f"{type(first).__name__} cannot be made a batch")


def tensor(array: np.ndarray) -> tf.Tensor:
    """The array as a tensor, in the same memory if TensorFlow can use it as it is."""
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if (
        array.flags.c_contiguous
        and array.flags.writeable
        and array.nbytes
        and array.ctypes.data % ALIGNED == 0
    ):
        return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    return tf.convert_to_tensor(array)


def reduced(value: Any) -> Any:
    """What a tensor travels as; ``NotImplemented`` for anything else."""
    if not isinstance(value, tf.Tensor) or value.dtype in (tf.string, tf.variant, tf.resource):
        return NotImplemented
    return tensor, (value.numpy(),)


def _is_number(value: Any) -> bool:
    return not isinstance(value, (str, bytes))


def _column(value: Any) -> Any:
    """One column of a batch, or one entry of a sample."""
    if isinstance(value, np.ndarray):
        return tensor(value) if value.dtype.kind in _NUMBERS else _plain(value)
    if isinstance(value, np.generic):
        return tf.convert_to_tensor(value)
    if isinstance(value, list):
        return collate(value)
    return value


def _of_arrays(values: list[Any]) -> Any:
    if not all(isinstance(value, np.ndarray) for value in values):
        raise ValueError("some samples are arrays, and others are not")
    kinds = {value.dtype.kind for value in values}
    if not kinds & set(_NUMBERS):
        plain = [_plain(value) for value in values]
        return tf.constant(plain) if all(isinstance(one, str) for one in plain) else plain
    if len({(value.shape, value.dtype) for value in values}) == 1:
        return tensor(np.stack(values))
    return [tensor(value) for value in values]


def _of_sequences(values: list[Any]) -> Any:
    first = values[0]
    if any(len(value) != len(first) for value in values):
        raise ValueError("samples have sequences of several lengths")
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
    except (RuntimeError, TypeError, ValueError) as error:
        error.add_note(
            f"deeplake: {key!r} cannot be made a batch; bring its samples to one shape and type "
            "with transform=, or pass collate_fn="
        )
        raise


__all__ = ["ALIGNED", "collate", "convert", "reduced", "tensor"]
