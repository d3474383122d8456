"""CAST: values as values of another type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deeplake_query_tql.conversion import numbers, scalars, strings
from deeplake_query_tql.vector import Const, Dense, Objects, Ragged, Text, Vec, both, expand, items


def cast(vec: Vec, dtype: str) -> Vec:
    """Values as a NumPy dtype, or as ``text``; what cannot be one has no value."""
    vec = expand(vec)
    if dtype == "text":
        return _as_text(vec)
    if isinstance(vec, (Text, Objects)):
        texts = strings(vec)
        parsed = _parsed(texts) if isinstance(texts, Text) else None
        if isinstance(vec, Text):
            assert parsed is not None
            vec = parsed
        else:
            vec = numbers(vec)
    if not isinstance(vec, (Dense, Ragged)):
        return Const(None, vec.n)
    target = np.dtype(dtype)
    data = vec.data if isinstance(vec, Dense) else vec.flat
    valid = vec.valid
    if target.kind in "iu" and data.dtype.kind == "f":
        # NaN, and what is beyond the type, is no integer.
        info = np.iinfo(target)
        fits = np.isfinite(data) & (data >= float(info.min)) & (data < float(info.max) + 1)
        data = np.where(fits, np.trunc(data), 0)
        if isinstance(vec, Dense):
            whole = fits.reshape(vec.n, -1).all(axis=1) if vec.n else fits.reshape(0)
            valid = both(valid, whole)
    made = data != 0 if target.kind == "b" else data.astype(target)
    if isinstance(vec, Dense):
        return Dense(made, valid)
    return Ragged(made, vec.ends, vec.shapes, valid)


def _parsed(texts: Text) -> Dense:
    """Numbers that are written as text."""
    found = [_number(x) for x in texts.array.to_pylist()]
    valid = np.array([f is not None for f in found], bool)
    return Dense(np.asarray([0 if f is None else f for f in found]), None if valid.all() else valid)


def _number(text: str | None) -> int | float | None:
    if text is None:
        return None
    try:
        value = int(text) if len(text) < 40 else float(text)
    except ValueError:
        try:
            value = float(text)
        except ValueError:
            return None
    return value if -(2**63) <= value < 2**63 or isinstance(value, float) else float(value)


def _as_text(vec: Vec) -> Vec:
    if isinstance(vec, Text):
        return vec
    found = None if isinstance(vec, Objects) else scalars(vec)
    if found is not None and isinstance(vec, Dense) and vec.data.size == vec.n:
        array = pa.array(found.data, mask=None if found.valid is None else ~found.valid)
        return Text(pc.cast(array, pa.large_utf8()))
    return Text(pa.array([_shown(x) for x in items(vec)], pa.large_utf8()))


def _shown(x: Any) -> str | None:
    if x is None or isinstance(x, str):
        return x
    return str(x.tolist() if isinstance(x, (np.ndarray, np.generic)) else x)


__all__ = ["cast"]
