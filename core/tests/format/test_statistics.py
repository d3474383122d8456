"""Statistics are bounds: no value is outside of them."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeplake.format.pieces import DOMAIN, VALID
from deeplake.format.statistics import NONE, Bounds, bounds_dtype, measure
from deeplake.testing.strategies import DTYPES, arrays

CODES = {"b": "<q", "i": "<q", "u": "<Q", "f": "<d"}


def bounds(found: Bounds, dtype: str) -> tuple[Any, Any]:
    """Lowest and highest value, from their 64 bits."""
    code = CODES[np.dtype(dtype).kind]
    return tuple(struct.unpack(code, struct.pack("<Q", n))[0] for n in (found.min, found.max))


def check(found: Bounds, values: np.ndarray, dtype: str) -> None:
    flat = values.reshape(-1)
    flat = flat[flat == flat]
    if not len(flat):
        assert found == NONE
        return
    assert found.flags & VALID
    low, high = bounds(found, dtype)
    assert low <= flat.min()
    assert flat.max() <= high
    if found.flags & DOMAIN:
        seen = {low + k for k in range(64) if found.domain >> k & 1}
        assert seen == {int(value) for value in flat}


@pytest.mark.parametrize("dtype", [d for d in DTYPES if not d.startswith("complex")])
@settings(max_examples=40)
@given(data=st.data())
def test_every_value_is_inside(dtype: str, data: st.DataObject) -> None:
    parts = data.draw(st.lists(arrays(dtype), max_size=3))
    whole = np.concatenate([part.reshape(-1) for part in parts]) if parts else np.zeros(0, dtype)
    check(measure(parts, dtype), whole, dtype)


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8", "uint64", "bool"])
@given(data=st.data())
def test_small_domains_are_known(dtype: str, data: st.DataObject) -> None:
    limits = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    low = data.draw(st.integers(int(limits[0]), int(limits[1])))
    values = data.draw(
        st.lists(st.integers(low, min(low + 63, int(limits[1]))), min_size=1, max_size=9)
    )
    found = measure([np.array(values, dtype)], dtype)
    assert found.flags == VALID | DOMAIN
    check(found, np.array(values, dtype), dtype)


def test_domains_end_at_64_values() -> None:
    assert measure([np.array([0, 63])], "<i8").flags == VALID | DOMAIN
    assert measure([np.array([0, 64])], "<i8").flags == VALID
    assert measure([np.array([np.iinfo("i8").min, np.iinfo("i8").max])], "<i8").flags == VALID
    assert measure([np.array([0.0, 1.0])], "<f8").flags == VALID


def test_nan_is_ignored() -> None:
    found = measure([np.array([np.nan, 2.0, np.nan, -1.0]), np.array([np.nan])], "<f8")
    assert bounds(found, "<f8") == (-1.0, 2.0)
    assert measure([np.array([np.nan])], "<f4") == NONE
    infinite = measure([np.array([np.inf, -np.inf], "f2")], "<f2")
    assert bounds(infinite, "<f8") == (-np.inf, np.inf)


@pytest.mark.parametrize("dtype", ["<c8", "<c16", "str", "json", None])
def test_what_has_no_order_has_no_bounds(dtype: str | None) -> None:
    assert bounds_dtype(dtype) is None


def test_nothing_has_no_bounds() -> None:
    assert measure([], "<i4") == NONE
    assert measure([np.zeros((0, 3))], "<f8") == NONE
    assert measure([np.ones(3, "c8")], "<c8") == NONE
