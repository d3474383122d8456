from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import find, given, settings

from deeplake.testing import strategies


@settings(deadline=None)
@given(array=strategies.arrays())
def test_arrays_are_what_tensors_hold(array: np.ndarray) -> None:
    assert array.dtype.name in strategies.DTYPES
    assert array.dtype.isnative
    assert array.flags.c_contiguous
    assert array.flags.writeable


@pytest.mark.parametrize(
    "wanted",
    [
        lambda array: array.ndim == 0,
        lambda array: array.ndim > 0 and array.size == 0,
        lambda array: array.ndim == 4,
        lambda array: array.dtype.kind == "f" and bool(np.isnan(array).any()),
        lambda array: array.dtype == np.bool_,
    ],
    ids=["scalar", "empty", "4-d", "nan", "bool"],
)
def test_awkward_arrays_are_drawn(wanted: Any) -> None:
    assert wanted(find(strategies.arrays(), wanted, settings=settings(max_examples=5000)))


@settings(deadline=None)
@given(
    picture=strategies.pictures((("bool", None), ("uint8", 3), ("uint16", None), ("float32", 2)))
)
def test_pictures_have_their_layout(picture: np.ndarray) -> None:
    layout = (picture.dtype.name, picture.shape[2] if picture.ndim == 3 else None)
    assert layout in {("bool", None), ("uint8", 3), ("uint16", None), ("float32", 2)}
    assert min(picture.shape[:2]) >= 1
    assert picture.flags.c_contiguous
    assert picture.flags.writeable


@pytest.mark.parametrize("dtype", [name for name in strategies.DTYPES if name[0] != "c"])
def test_quantised_spreads_over_the_dtype(dtype: str) -> None:
    values = strategies.quantised(np.array([0.0, 0.5, 1.0]), dtype)
    assert values.dtype == np.dtype(dtype)
    if values.dtype.kind in "ui" and values.itemsize < 8:
        assert values[0] == np.iinfo(dtype).min
        assert values[-1] == np.iinfo(dtype).max
    assert len(np.unique(values)) >= 2


@settings(deadline=None)
@given(text=strategies.texts())
def test_texts_are_unicode(text: str) -> None:
    assert text.encode("utf-8").decode("utf-8") == text


@settings(deadline=None)
@given(value=strategies.json_values())
def test_json_values_survive_json(value: strategies.JsonValue) -> None:
    copy = json.loads(json.dumps(value, allow_nan=False))
    assert copy == value
    assert type(copy) is type(value)
    assert not isinstance(value, float) or math.isfinite(value)
