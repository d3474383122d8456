"""The golden dataset of links, read by deeplake and by a reader that knows the spec alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import deeplake
from deeplake.errors import GetDataFromLinkError, MissingCredsError
from deeplake.versioning.scrub import scrub

from . import make_v1_0_links as golden
from . import spec_reader
from .expected import V1_0


def check(path: Path) -> None:
    ds = deeplake.load(f"{path}@main", read_only=True)
    assert list(ds.tensors) == list(golden.TENSORS)
    assert ds.get_creds_keys() == set(golden.KEYS.values())
    for name, rows in golden.ROWS.items():
        tensor = ds[name]
        assert tensor.htype == golden.TENSORS[name]["htype"]
        assert len(tensor) == len(rows)
        assert [list(p) for p in tensor.path()] == [
            [path_of(x) for x in row or ()] if tensor.is_sequence else [path_of(row)]
            for row in rows
        ]
    pinned = ds["pinned"]
    assert pinned.shapes().tolist() == [[4, 5, 3], [0, 0, 0], [6, 5, 3], [4, 5, 3]]
    assert [pinned[i].creds_key() for i in (0, 2)] == [None, "institute"]
    assert ds["unknown"][1].creds_key() == "ENV"
    assert ds["rows"][0].shape == (2, None, 5, 3)
    assert ds["rows"][3, 1].creds_key() == "institute"
    with pytest.raises(MissingCredsError, match="'pinned', row 2.*institute"):
        pinned[2].numpy()
    with pytest.raises(GetDataFromLinkError, match="'unknown', row 0"):
        ds["unknown"][0].numpy()


def path_of(row: Any) -> str:
    return "" if row is None else row["link"]["path"]


def test_deeplake_reads_it() -> None:
    check(V1_0 / "links")


def test_it_can_be_written(tmp_path: Path) -> None:
    shutil.copytree(V1_0 / "links", tmp_path / "ds")
    ds = deeplake.load(tmp_path / "ds")
    ds["unknown"].append(deeplake.link("/of/today"))
    ds.commit("of today")
    assert ds["unknown"][-1].path() == "/of/today"
    assert scrub(ds._checkout.repository).ok


def test_the_script_makes_it(tmp_path: Path) -> None:
    golden.make(tmp_path / "made")
    check(tmp_path / "made")


def test_the_spec_is_enough() -> None:
    version = spec_reader.Dataset(V1_0 / "links").version("main")
    assert list(version.tensors) == list(golden.TENSORS)
    for name, rows in golden.ROWS.items():
        tensor = version.tensors[name]
        assert tensor.meta["is_link"]
        shapes = 1 if name == "packed" else 3
        for row, wanted in zip(tensor.rows, rows, strict=True):
            items, expected = (row, wanted) if isinstance(wanted, list) else ([row], [wanted])
            for item, link in zip(items, expected, strict=True):
                if link is None:
                    assert item is None
                    continue
                assert isinstance(item, spec_reader.Link)
                assert item.link == link["link"]
                unknown = () if name == "unknown" else (0,) * shapes
                assert item.shape == (link["shape"] or unknown)
                assert item.dtype == ("str" if name == "packed" else "|u1")
