"""Hypothesis strategies for what a dataset can hold: arrays, pictures, text, json values.

They shrink to small, plain examples, and draw the awkward ones on purpose: empty axes, scalars,
NaN and -0.0, characters of every plane, nested and empty containers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

JsonValue: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None

DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
"""NumPy dtypes of a fixed size that a tensor can have."""


def dtypes(names: Sequence[str] = DTYPES) -> st.SearchStrategy[np.dtype[Any]]:
    """One of some dtypes, in this machine's byte order.

    Args:
        names: NumPy dtype strings to choose from.
    """
    return st.sampled_from(names).map(np.dtype)


def shapes(
    *, min_dims: int = 0, max_dims: int = 4, min_side: int = 0, max_side: int = 6
) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes, scalars and empty ones among them.

    Args:
        min_dims: Fewest axes.
        max_dims: Most axes.
        min_side: Shortest axis; 0 draws empty arrays as well.
        max_side: Longest axis.
    """
    return hnp.array_shapes(
        min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side
    )


def arrays(
    dtype: st.SearchStrategy[np.dtype[Any]] | str | None = None,
    shape: st.SearchStrategy[tuple[int, ...]] | tuple[int, ...] | None = None,
) -> st.SearchStrategy[np.ndarray]:
    """Arrays with every value that their dtype has, NaN, infinities and -0.0 included.

    Args:
        dtype: A dtype or a strategy for dtypes; any of ``DTYPES`` by default.
        shape: A shape or a strategy for shapes; ``shapes()`` by default.

    Returns:
        C-contiguous, writable arrays in this machine's byte order.
    """
    chosen_dtype = dtypes() if dtype is None else dtype
    return hnp.arrays(
        np.dtype(chosen_dtype) if isinstance(chosen_dtype, str) else chosen_dtype,
        shapes() if shape is None else shape,
    )


def pictures(
    layouts: Sequence[tuple[str, int | None]] = (("uint8", None), ("uint8", 3)),
    *,
    max_side: int = 24,
) -> st.SearchStrategy[np.ndarray]:
    """Pictures: noise, flat areas, ramps and tilings of all sizes down to 1 × 1.

    Args:
        layouts: ``(dtype, channels)`` to choose from; channels None: an array ``(H, W)``, otherwise
            ``(H, W, channels)``. The dtype is ``bool``, an integer or a float.
        max_side: Greatest height and width.

    Returns:
        C-contiguous, writable arrays.
    """

    @st.composite
    def draw_one(draw: st.DrawFn) -> np.ndarray:
        name, channels = draw(st.sampled_from(list(layouts)))
        height, width = draw(st.tuples(*[st.integers(1, max_side)] * 2))
        shape = (height, width) if channels is None else (height, width, channels)
        kind = draw(st.sampled_from(["flat", "ramp", "noise", "tiles"]))
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        if kind == "flat":
            unit = np.broadcast_to(rng.random(shape[2:]), shape)
        elif kind == "ramp":
            unit = np.broadcast_to(
                np.linspace(0, 1, width).reshape(1, width, *[1] * len(shape[2:])), shape
            )
        elif kind == "noise":
            unit = rng.random(shape)
        else:
            tile = rng.random((2, 3, *shape[2:]))
            unit = np.tile(tile, (-(-height // 2), -(-width // 3), *[1] * len(shape[2:])))
            unit = unit[:height, :width]
        return quantised(unit, name)

    return draw_one()


def quantised(unit: np.ndarray, dtype: str) -> np.ndarray:
    """Values of 0 to 1 spread over the range of a dtype (to ±2**53 if it is wider).

    Args:
        unit: float64 array of any shape, values 0 to 1.
        dtype: ``bool``, an integer or a float dtype; floats stay 0 to 1.

    Returns:
        A C-contiguous, writable array of the same shape.
    """
    target = np.dtype(dtype)
    if target.kind == "b":
        return np.ascontiguousarray(unit >= 0.5)
    if target.kind == "f":
        return np.array(unit, target, order="C")
    limits = np.iinfo(target)
    # Beyond 2**53 a float64 cannot tell the greatest value of an integer dtype from the next one.
    low, high = max(limits.min, -(2**53)), min(limits.max, 2**53)
    return np.array(np.floor(unit * (high - low) + low), target, order="C")


def texts(*, max_size: int = 40) -> st.SearchStrategy[str]:
    """Unicode text that UTF-8 can hold, every plane and NUL included.

    Args:
        max_size: Most characters.
    """
    return st.one_of(
        st.text(max_size=max_size),
        st.text(alphabet="aä字🦆\u0301\u200f\0\n", max_size=max_size),
        st.sampled_from(["", " ", "\0", "na\u0308ve", "日本語", "👩‍🚀", "\U0010ffff", "a\tb\r\nc"]),
    )


def json_values(*, max_leaves: int = 12) -> st.SearchStrategy[JsonValue]:
    """Values that survive JSON: finite numbers, text keys, nested and empty lists and dicts.

    Args:
        max_leaves: About how many scalars at most.
    """
    scalars: st.SearchStrategy[JsonValue] = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64),
        st.floats(allow_nan=False, allow_infinity=False),
        texts(),
    )
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(texts(max_size=8), inner, max_size=4)
        ),
        max_leaves=max_leaves,
    )


__all__ = [
    "DTYPES",
    "JsonValue",
    "arrays",
    "dtypes",
    "json_values",
    "pictures",
    "quantised",
    "shapes",
    "texts",
]
