"""What the golden datasets hold, as ``make_v1_0.py`` wrote it down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

V1_0 = Path(__file__).with_name("v1.0")


@dataclass(frozen=True)
class File:
    """The bytes of a file that is stored verbatim."""

    data: bytes
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Near:
    """An array that was encoded with loss."""

    array: np.ndarray
    tolerance: int


@dataclass(frozen=True)
class Column:
    """A tensor. Its rows are arrays, texts, json values, lists of polygons, File, Near, or None."""

    htype: str
    dtype: str | None
    ndim: int | None
    sample_compression: str | None
    chunk_compression: str | None
    info: dict[str, Any]
    rows: list[Any]


@dataclass(frozen=True)
class State:
    """A version of a dataset.

    Attributes:
        dataset: Name of its directory.
        address: Branch, tag or commit.
        commits: Messages of its commits, newest first.
        groups: Names of groups.
        info: The dataset's info.
        tensors: Tensors by name.
    """

    dataset: str
    address: str
    commits: list[str]
    groups: list[str]
    info: dict[str, Any]
    tensors: dict[str, Column]

    @property
    def label(self) -> str:
        return f"{self.dataset}@{self.address[:12]}"


@cache
def states(directory: Path = V1_0) -> list[State]:
    """All versions that are known."""
    value = json.loads((directory / "expected.json").read_text(encoding="utf-8"))
    with np.load(directory / "expected.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    columns = [_column(tensor, arrays) for tensor in value["tensors"]]
    return [
        State(**{**state, "tensors": {k: columns[n] for k, n in state["tensors"].items()}})
        for state in value["states"]
    ]


def _column(value: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Column:
    length = value.pop("length")
    if "stack" in value:
        rows: list[Any] = list(_array(value.pop("stack"), arrays))
    elif "texts" in value:
        rows = value.pop("texts")
    else:
        rows = [_row(row, arrays) for row in value.pop("rows")]
    assert len(rows) == length
    return Column(**value, rows=rows)


def _array(reference: list[Any], arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    name, start, shape = reference
    return arrays[name][start : start + int(np.prod(shape))].reshape(shape)


def _row(row: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Any:
    if "null" in row:
        return None
    if "array" in row:
        return _array(row["array"], arrays)
    if "file" in row:
        return File(_array(row["file"], arrays).tobytes(), tuple(row["shape"]))
    if "near" in row:
        return Near(_array(row["near"], arrays), row["tolerance"])
    if "polygons" in row:
        return [_array(polygon, arrays) for polygon in row["polygons"]]
    return _json(row["json"], arrays)


def _json(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_json(entry, arrays) for entry in value]
    if not isinstance(value, dict):
        return value
    if "~nd" in value:
        return _array(value["~nd"], arrays)
    if "~bytes" in value:
        return bytes.fromhex(value["~bytes"])
    if "~float" in value:
        return float(value["~float"])
    return {key: _json(entry, arrays) for key, entry in value.items()}


def same(found: Any, wanted: Any) -> bool:
    """Whether two values are equal, types and dtypes included; NaN equals NaN."""
    if isinstance(wanted, np.ndarray):
        return (
            isinstance(found, np.ndarray)
            and found.dtype == wanted.dtype
            and found.shape == wanted.shape
            and found.tobytes() == wanted.tobytes()
        )
    if type(found) is not type(wanted):
        return False
    if isinstance(wanted, dict):
        return list(found) == list(wanted) and all(same(found[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return bool(found == wanted) or (wanted != wanted and found != found)


__all__ = ["V1_0", "Column", "File", "Near", "State", "same", "states"]
