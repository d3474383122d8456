"""The golden dataset of sequences, read by deeplake and by a reader that knows the spec alone."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake.errors import EmptyTensorError
from deeplake.versioning.scrub import scrub

from . import make_v1_0_sequences as golden
from . import spec_reader
from .expected import V1_0, same
from .test_golden import check_bounds

STATES = {golden.TAG: golden.rows_before(), "main": golden.rows_after()}
by_address = pytest.mark.parametrize("address", list(STATES))
EMPTY: dict[str, Any] = {"text": "", "json": {}, "list": [], "polygon": []}


def check(path: Path, address: str) -> None:
    ds = deeplake.load(f"{path}@{address}", read_only=True)
    assert list(ds.tensors) == list(golden.TENSORS)
    for name, rows in STATES[address].items():
        tensor = ds[name]
        assert tensor.htype == golden.TENSORS[name]["htype"]
        assert (len(tensor), tensor.meta.length) == (len(rows), sum(len(r or ()) for r in rows))
        if name in golden.NDIM:
            check_unknown(tensor)
            continue
        found = values(tensor)
        wanted = [[shown(item, tensor) for item in row or ()] for row in rows]
        assert same(found, wanted), name
        for i, row in enumerate(wanted):
            for j, item in enumerate(row):
                assert same(values(tensor[i, j]), item), (name, i, j)


def values(tensor: Any) -> Any:
    if tensor.base_htype == "text":
        return tensor.text()
    if tensor.base_htype == "json":
        return tensor.dict()
    return tensor.list() if tensor.base_htype == "list" else tensor.numpy(aslist=True)


def shown(item: Any, tensor: Any) -> Any:
    if item is not None:
        return item
    if tensor.base_htype in EMPTY:
        return EMPTY[tensor.base_htype]
    return np.zeros((0,) * tensor._schema.ndim, tensor.dtype)


def check_unknown(tensor: Any) -> None:
    if not len(tensor):
        assert tensor.numpy().size == 0
        return
    with pytest.raises(EmptyTensorError):
        tensor.numpy()


@by_address
def test_deeplake_reads_it(address: str) -> None:
    check(V1_0 / "sequences", address)


def test_it_can_be_written(tmp_path: Path) -> None:
    shutil.copytree(V1_0 / "sequences", tmp_path / "ds")
    ds = deeplake.load(tmp_path / "ds")
    ds["plain"].append([np.array([1, 2], "<i2")])
    ds["texts"][2, 0] = "of today"
    ds.commit("of today")
    assert ds["plain"][-1].numpy().tolist() == [[1, 2]]
    assert scrub(ds._checkout.repository).ok
    check(tmp_path / "ds", golden.TAG)


@by_address
def test_the_script_makes_it(tmp_path: Path, address: str) -> None:
    golden.make(tmp_path / "made")
    check(tmp_path / "made", address)


@by_address
def test_the_spec_is_enough(address: str) -> None:
    version = spec_reader.Dataset(V1_0 / "sequences").version(address)
    assert list(version.tensors) == list(golden.TENSORS)
    for name, rows in STATES[address].items():
        tensor = version.tensors[name]
        assert tensor.meta["is_sequence"]
        assert len(set(tensor.row_ids)) == len(rows)
        assert [None if row is None else [plain(item) for item in row] for row in tensor.rows] == [
            None if row is None else [plain(item) for item in row] for row in rows
        ], name
        check_statistics(tensor, name)


def plain(item: Any) -> Any:
    """An item as something that can be compared, and that tells types and shapes apart."""
    if isinstance(item, spec_reader.File):
        item = np.asarray(Image.open(io.BytesIO(item.data))).reshape(item.shape)
    if isinstance(item, np.ndarray):
        return item.dtype.str, item.shape, item.tobytes()
    if isinstance(item, list):
        return [plain(part) for part in item]
    return item


def check_statistics(tensor: spec_reader.Tensor, name: str) -> None:
    at = 0
    for piece in tensor.pieces:
        rows = tensor.rows[at : at + piece.count]
        at += piece.count
        assert sum(row is None for row in rows) <= piece.nulls, name
        for row in rows:
            items = [item for item in row or () if isinstance(item, np.ndarray)]
            if len(piece.low) > 1:
                assert piece.low[0] <= len(row or ()) <= piece.high[0], name
                for item in items:
                    bounds = zip(piece.low[1:], item.shape, piece.high[1:], strict=True)
                    assert all(a <= b <= c for a, b, c in bounds), name
            check_bounds(piece, items, tensor.meta)
