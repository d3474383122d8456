"""Which values fit which dtype (the rules that appending and updating follow).

Arrays are cast where NumPy calls the cast safe. Python numbers, lists of them, and arrays of one
element are judged by their values: ``300`` does not fit uint8, ``3`` does. Integer arrays of images
are judged by their values too: ``randint(0, 256, …)`` is an image, whatever its width.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from deeplake.errors import TensorDtypeMismatchError, UnsupportedTensorTypeError

STORED_KINDS = "biufc"


def dtype_name(dtype: np.dtype[Any]) -> str:
    """The dtype as the format writes it: little-endian.

    Raises:
        UnsupportedTensorTypeError: Not a number and not a bool.
    """
    if dtype.kind not in STORED_KINDS or dtype.itemsize > 16:
        raise UnsupportedTensorTypeError(
            f"values of dtype {dtype} cannot be stored as an array; numbers and bool can, and for "
            "the rest there are htype='text', 'json', 'list' and 'tag'"
        )
    return dtype.newbyteorder("<").str if dtype.itemsize > 1 else dtype.str


def cast(array: np.ndarray, dtype: np.dtype[Any], *, by_value: bool) -> np.ndarray:
    """The array in ``dtype``; the array itself if it has it already.

    Args:
        array: Values.
        dtype: What is stored.
        by_value: Judge by the values, not by the dtype.

    Raises:
        TensorDtypeMismatchError: A value would change.
    """
    if array.dtype == dtype:
        return array
    if array.size == 0 or np.can_cast(array.dtype, dtype):
        return array.astype(dtype)
    if (by_value or array.size == 1) and _fits(array, dtype):
        return array.astype(dtype)
    raise TensorDtypeMismatchError(
        f"values of dtype {array.dtype} do not fit the tensor's dtype {dtype}; convert them first, "
        f"for example with .astype({dtype.name!r})"
    )


def _fits(array: np.ndarray, dtype: np.dtype[Any]) -> bool:
    source, target = array.dtype.kind, dtype.kind
    if source in "iu" and target in "iu":
        bounds = np.iinfo(dtype)
        return int(array.min()) >= bounds.min and int(array.max()) <= bounds.max
    if source in "biuf" and target in "fc":
        return True
    return source == "c" and target == "c"


__all__ = ["STORED_KINDS", "cast", "dtype_name"]
