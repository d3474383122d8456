"""Which values fit which dtype (the rules that appending and updating follow).

Arrays are cast where NumPy calls the cast safe. Python numbers, lists of them, and arrays of one
element are judged by their values: ``300`` does not fit uint8, ``3`` does; floats may be rounded,
integers may not. Integer arrays of images are judged by their values too: ``randint(0, 256, …)`` is
an image, whatever its width.
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


def cast(
    array: np.ndarray, dtype: np.dtype[Any], *, by_value: bool, ints_by_value: bool = False
) -> np.ndarray:
    """The array in ``dtype``; the array itself if it has it already.

    Args:
        array: Values.
        dtype: What is stored.
        by_value: Judge by the values, not by the dtype.
        ints_by_value: Judge integers that become integers by their values.

    Raises:
        TensorDtypeMismatchError: A value would change.
    """
    if array.dtype == dtype:
        return array
    if array.size == 0 or np.can_cast(array.dtype, dtype):
        return array.astype(dtype)
    ints = ints_by_value and array.dtype.kind in "iu" and dtype.kind in "iu"
    if by_value or ints or array.size == 1:
        return _cast_values(array, dtype)
    raise _mismatch(array, dtype, f"convert them first, for example with .astype({dtype.name!r})")


def _cast_values(array: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    source, target = array.dtype.kind, dtype.kind
    if source in "iu" and target in "iu":
        bounds = np.iinfo(dtype)
        low, high = int(array.min()), int(array.max())
        if low < bounds.min or high > bounds.max:
            wrong = low if low < bounds.min else high
            raise _mismatch(array, dtype, f"{wrong} is not from {bounds.min} to {bounds.max}")
        return array.astype(dtype)
    if target not in "fc" or (source == "c" and target == "f") or source not in "iufc":
        raise _mismatch(
            array, dtype, f"convert them first, for example with .astype({dtype.name!r})"
        )
    with np.errstate(all="ignore"):
        stored = array.astype(dtype)
        if source in "iu":
            same = (stored.real.astype(np.longdouble) == array).all()
        else:
            same = (np.isfinite(stored) | ~np.isfinite(array)).all()
    if not same:
        raise _mismatch(array, dtype, "some are too large for it")
    return stored


def _mismatch(array: np.ndarray, dtype: np.dtype[Any], why: str) -> TensorDtypeMismatchError:
    return TensorDtypeMismatchError(
        f"values of dtype {array.dtype} do not fit the tensor's dtype {dtype}: {why}"
    )


__all__ = ["STORED_KINDS", "cast", "dtype_name"]
