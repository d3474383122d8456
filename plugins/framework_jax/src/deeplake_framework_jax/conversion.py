"""Arrays to tensors, samples to batches."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_NUMBERS = "biufc"


def convert(batch: Mapping[str, Any]) -> Any:
    """The batch with JAX's arrays; see ``Jax.convert``."""
    # By items: such a dict may iterate over its values.
    return _like(batch, {key: _named(key, value, _column) for key, value in batch.items()})


def collate(values: list[Any]) -> Any:
    """One batch of some samples, or of one entry of each; see ``Jax.collate``."""
    if not values:
        return []
    first = values[0]
    if isinstance(first, np.ndarray):
        return _of_arrays(values)
    if isinstance(first, jax.Array):
        if any(value.shape != first.shape or value.dtype != first.dtype for value in values):
            return values
        return jnp.stack(values)
    if isinstance(first, Mapping):
        columns = {key: [value[key] for value in values] for key, _ in first.items()}
        return _like(first, {key: _named(key, column, collate) for key, column in columns.items()})
    if isinstance(first, (str, bytes)):
        return values
    if isinstance(first, (bool, int, float, complex, np.generic)):
        return tensor(np.asarray(values))
    if isinstance(first, Sequence):
        return _of_sequences(values)
    raise TypeError(f"{type(first).__name__} cannot be made a batch")


def tensor(array: np.ndarray) -> jax.Array:
    """The array as JAX's, in the same memory if JAX can use it as it is.

    Raises:
        OverflowError: An integer does not fit into 32 bits, and JAX has no more.
    """
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    dtype = jax.dtypes.canonicalize_dtype(array.dtype)
    if dtype != array.dtype:
        array = _narrowed(array, dtype)
    if array.flags.c_contiguous and array.flags.writeable and array.nbytes:
        shared: jax.Array = jax.dlpack.from_dlpack(array)
        return shared
    return jnp.array(array)


def _narrowed(array: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    if dtype.kind in "iu" and array.size:
        limits = np.iinfo(dtype)
        if int(array.min()) < limits.min or int(array.max()) > limits.max:
            raise OverflowError(
                f"a value of {array.dtype} does not fit into {dtype}, and JAX has no "
                f'{array.dtype}: jax.config.update("jax_enable_x64", True)'
            )
    with np.errstate(over="ignore"):
        return array.astype(dtype)


def reduced(value: Any) -> Any:
    """What an array travels as; ``NotImplemented`` for anything else."""
    if not isinstance(value, jax.Array) or isinstance(value, jax.core.Tracer):
        return NotImplemented
    return tensor, (np.asarray(value),)


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
    if not all(isinstance(value, np.ndarray) for value in values):
        raise ValueError("some samples are arrays, and others are not")
    kinds = {value.dtype.kind for value in values}
    if not kinds & set(_NUMBERS):
        return [_plain(value) for value in values]
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
    except (OverflowError, RuntimeError, TypeError, ValueError) as error:
        error.add_note(
            f"deeplake: {key!r} cannot be made a batch; bring its samples to one shape and type "
            "with transform=, or pass collate_fn="
        )
        raise


__all__ = ["collate", "convert", "reduced", "tensor"]
