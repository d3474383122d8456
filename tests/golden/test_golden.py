"""Deeplake reads the golden datasets of format 1.0; so does a reader that knows the spec alone."""

from __future__ import annotations

import io
import json
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake.errors import EmptyTensorError

from . import spec_reader
from .expected import V1_0, Column, File, Near, State, same, states

STATES = states()
by_state = pytest.mark.parametrize("state", STATES, ids=lambda state: state.label)


# ------------------------------------------------------------------------------ the public API
def open_state(state: State, root: Path = V1_0) -> deeplake.Dataset:
    return deeplake.load(f"{root / state.dataset}@{state.address}", read_only=True)


def group_names(ds: deeplake.Dataset, prefix: str = "") -> Iterator[str]:
    for name, group in ds.groups.items():
        yield prefix + name
        yield from group_names(group, f"{prefix}{name}/")


def check_row(tensor: Any, i: int, column: Column) -> None:
    row = column.rows[i]
    sample = tensor[i]
    if column.htype == "text":
        assert sample.text() == (row or "")
        # NumPy's own strings have no NUL at their end.
        assert sample.numpy().tolist() == [(row or "").rstrip("\0")]
    elif column.dtype == "json":
        found = sample.dict() if column.htype == "json" else sample.list()
        empty: Any = {} if column.htype == "json" else []
        assert same(found, empty if row is None else row)
    elif column.htype == "polygon":
        assert same(sample.numpy(), row or [])
    elif row is None:
        assert same(sample.numpy(), np.zeros((0,) * (column.ndim or 0), column.dtype))
    elif isinstance(row, File):
        assert sample.tobytes() == row.data
        found = sample.numpy()
        assert found.shape == row.shape
        wanted = np.asarray(Image.open(io.BytesIO(row.data)))
        assert (
            int(np.abs(found.astype(int) - wanted).max()) <= 2
        )  # decoders of jpeg differ a little
    elif isinstance(row, Near):
        found = sample.numpy()
        assert (found.shape, found.dtype) == (row.array.shape, row.array.dtype)
        assert int(np.abs(found.astype(int) - row.array).max()) <= row.tolerance
    else:
        assert same(sample.numpy(), row)


def check_state(state: State, root: Path = V1_0) -> None:
    ds = open_state(state, root)
    assert [commit["message"] for commit in ds.commits] == state.commits
    assert dict(ds.info) == state.info
    assert sorted(group_names(ds)) == sorted(state.groups)
    assert list(ds.tensors) == list(state.tensors)
    for name, column in state.tensors.items():
        tensor = ds[name]
        assert len(tensor) == len(column.rows), name
        assert (tensor.htype or "generic") == column.htype, name
        if column.dtype is None:
            assert tensor.dtype is None, name
        else:
            words = {"str": np.dtype(str), "json": np.dtype(str)}
            assert tensor.dtype == words.get(column.dtype, column.dtype), name
        assert tensor.sample_compression == column.sample_compression, name
        assert tensor.chunk_compression == column.chunk_compression, name
        assert dict(tensor.info) == column.info, name
        if column.ndim is None:
            check_unknown(tensor, column)
            continue
        for i in range(len(column.rows)):
            check_row(tensor, i, column)
        check_whole(tensor, column)


def check_unknown(tensor: Any, column: Column) -> None:
    """No sample has told how many dimensions there are."""
    if not column.rows:
        assert tensor.numpy().size == 0
        return
    with pytest.raises(EmptyTensorError):
        tensor.numpy()


def check_whole(tensor: Any, column: Column) -> None:
    """Many samples at once are the samples one by one."""
    if column.dtype in ("str", "json") or column.htype == "polygon":
        return
    alone = [tensor[i].numpy() for i in range(len(column.rows))]
    assert same(tensor.numpy(aslist=True), alone)
    if alone and len({value.shape for value in alone}) == 1:
        assert same(tensor.numpy(), np.stack(alone))
        assert same(tensor[::-1].numpy(), np.stack(alone[::-1]))


@by_state
def test_deeplake_reads_them(state: State) -> None:
    check_state(state)


def test_the_list_of_states_is_complete() -> None:
    """Every branch, tag and commit has an expectation, except commits made on the way."""
    for name in ("kinds", "history", "indexed"):
        ds = deeplake.load(V1_0 / name, read_only=True)
        known = {state.address for state in STATES if state.dataset == name}
        assert {*ds.branches} - {"side"} <= known
        assert {*ds.tags} <= known
    assert len(STATES) == 12


@pytest.mark.parametrize("name", ["kinds", "history"])
def test_they_can_be_written(tmp_path: Path, name: str) -> None:
    """A dataset of an old version takes changes, and its old versions stay as they are."""
    shutil.copytree(V1_0 / name, tmp_path / name)
    ds = deeplake.load(tmp_path / name)
    before = len(ds["x" if name == "history" else "plain/scalars"])
    tensor = ds["x" if name == "history" else "plain/scalars"]
    tensor.append(7)
    tensor[0] = 8
    ds.commit("of today")
    again = deeplake.load(tmp_path / name)["x" if name == "history" else "plain/scalars"]
    assert len(again) == before + 1
    assert again[0].numpy().tolist() == [8]
    assert again[-1].numpy().tolist() == [7]
    for state in STATES:
        if state.dataset == name and state.address != "main":
            check_state(state, tmp_path)


def test_the_script_makes_them(tmp_path: Path) -> None:
    """What the script makes today is what it made then: the same content in another dataset."""
    made = tmp_path / "made"
    script = Path(__file__).with_name("make_v1_0.py")
    subprocess.run([sys.executable, str(script), str(made)], check=True)
    today, then = states(made), STATES
    assert len(today) == len(then)
    for new, old in zip(today, then, strict=True):
        assert (new.dataset, new.info) == (old.dataset, old.info)
        assert list(map(without_ids, new.commits)) == list(map(without_ids, old.commits))
        assert list(new.tensors) == list(old.tensors)
        for column in new.tensors.values():
            if column.htype == "json":  # an empty list was a value then
                column.rows[:] = [None if isinstance(r, list) and not r else r for r in column.rows]
        check_state(new, made)


def without_ids(message: str) -> str:
    return re.sub("[0-9a-f]{40}", "…", message)


# ----------------------------------------------------------------------- the specification alone
def read_by_spec(state: State) -> spec_reader.Version:
    return spec_reader.Dataset(V1_0 / state.dataset).version(state.address)


def check_spec_row(found: Any, row: Any, name: str) -> None:
    if isinstance(row, File):
        assert isinstance(found, spec_reader.File)
        assert (found.data, found.shape) == (row.data, row.shape)
    elif isinstance(found, spec_reader.File):
        wanted = row.array if isinstance(row, Near) else row
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype.str)
        pixels = np.asarray(Image.open(io.BytesIO(found.data))).reshape(found.shape)
        tolerance = row.tolerance if isinstance(row, Near) else 0
        assert int(np.abs(pixels.astype(int) - wanted).max()) <= tolerance
    else:
        assert same(found, row), name


@by_state
def test_the_spec_is_enough(state: State) -> None:
    version = read_by_spec(state)
    assert version.messages == state.commits
    assert version.commit["info"] == state.info
    assert sorted(version.commit["groups"]) == sorted(state.groups)
    assert list(version.tensors) == list(state.tensors)
    for name, column in state.tensors.items():
        tensor = version.tensors[name]
        meta = tensor.meta
        for key in ("htype", "dtype", "ndim", "sample_compression", "chunk_compression", "info"):
            assert meta[key] == getattr(column, key), (name, key)
        assert len(tensor.rows) == len(column.rows)
        for found, row in zip(tensor.rows, column.rows, strict=True):
            check_spec_row(found, row, name)


@by_state
def test_row_ids_are_unique(state: State) -> None:
    for name, tensor in read_by_spec(state).tensors.items():
        assert len(set(tensor.row_ids)) == len(tensor.rows), name


@by_state
def test_statistics_are_true(state: State) -> None:
    """Bounds hold for every value, whatever was cut, replaced or removed."""
    for name, tensor in read_by_spec(state).tensors.items():
        row = 0
        for piece in tensor.pieces:
            values = tensor.rows[row : row + piece.count]
            row += piece.count
            assert sum(value is None for value in values) <= piece.nulls, name
            check_bounds(piece, [v for v in values if isinstance(v, np.ndarray)], tensor.meta)


def check_bounds(piece: spec_reader.Piece, values: list[np.ndarray], meta: dict[str, Any]) -> None:
    for value in values:
        if value.ndim == len(piece.low):
            assert all(
                a <= b <= c for a, b, c in zip(piece.low, value.shape, piece.high, strict=True)
            )
    if not piece.flags & 1 or not values:
        return
    kind = np.dtype(meta["dtype"]).kind
    code = {"b": "<q", "i": "<q", "u": "<Q", "f": "<d"}[kind]
    low, high = (struct.unpack(code, struct.pack("<Q", bits))[0] for bits in (piece.min, piece.max))
    flat = np.concatenate([value.reshape(-1) for value in values])
    flat = flat[flat == flat]
    if not len(flat):
        return
    assert low <= flat.min()
    assert flat.max() <= high
    if piece.flags & 2:
        assert all(piece.domain >> (int(value) - low) & 1 for value in flat)


def test_the_reader_of_the_spec_knows_nothing_of_deeplake() -> None:
    """It runs where deeplake cannot be imported, and finds the same."""
    code = (
        "import sys; sys.modules['deeplake'] = None; sys.path.insert(0, sys.argv[1]); "
        "import spec_reader, json; version = spec_reader.Dataset(sys.argv[2]).version('main'); "
        "print(json.dumps([len(t.rows) for t in version.tensors.values()]))"
    )
    arguments = [sys.executable, "-c", code, str(Path(__file__).parent), str(V1_0 / "history")]
    answer = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    [state] = [s for s in STATES if s.dataset == "history" and s.address == "main"]
    assert json.loads(answer) == [len(column.rows) for column in state.tensors.values()]
