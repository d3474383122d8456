"""The golden dataset of tiles and blobs, read by deeplake and by a reader that knows the spec alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

import deeplake
from deeplake.format.chunk import BLOB, TILE
from deeplake.versioning.scrub import scrub

from . import make_v1_0_large as golden
from . import spec_reader
from .expected import V1_0, same

KINDS = {
    "plain": [0, TILE, 0, TILE], "floats": [TILE, TILE], "chunk zlib": [TILE],
    "sample zstd": [TILE, 0], "png": [TILE, 0], "zeros": [TILE, TILE], "sound": [0, BLOB],
}  # fmt: skip


def check(path: Path) -> None:
    ds = deeplake.load(f"{path}@main", read_only=True)
    assert list(ds.tensors) == list(golden.TENSORS)
    for name, rows in golden.rows().items():
        tensor = ds[name]
        assert len(tensor) == len(rows)
        for row, wanted in enumerate(rows):
            kind = tensor._reader._locate(row)[0].header.kind
            assert kind == KINDS[name][row] if KINDS[name][row] else kind < TILE
            if isinstance(wanted, bytes):
                assert tensor[row].tobytes() == wanted
                samples = len(wanted) - 44
                assert tensor[row].shape == (samples, 1)
                part = tensor[row, samples - 100 : samples - 50].numpy()
                assert part.shape == (50, 1)
            elif wanted is None:
                assert 0 in tensor[row].numpy().shape
            else:
                assert same(tensor[row].numpy(), wanted)
                assert (tensor[row, 1::2].numpy() == wanted[1::2]).all()


def test_deeplake_reads_it() -> None:
    check(V1_0 / "large")


def test_it_can_be_written(tmp_path: Path) -> None:
    shutil.copytree(V1_0 / "large", tmp_path / "ds")
    ds = deeplake.load(tmp_path / "ds")
    ds["plain"][1, :5, :5] = 9
    ds.commit("of today")
    wanted = golden.rows()["plain"][1]
    wanted[:5, :5] = 9
    assert (deeplake.load(tmp_path / "ds")["plain"][1].numpy() == wanted).all()
    assert scrub(ds._checkout.repository).ok


def test_the_script_makes_it(tmp_path: Path) -> None:
    golden.make(tmp_path / "made")
    check(tmp_path / "made")


def test_the_spec_is_enough() -> None:
    version = spec_reader.Dataset(V1_0 / "large").version("main")
    assert version.messages == ["parts", "large samples"]
    for name, rows in golden.rows().items():
        tensor = version.tensors[name]
        for found, wanted in zip(tensor.rows, rows, strict=True):
            if isinstance(found, spec_reader.File):
                if isinstance(wanted, bytes):
                    assert found.data == wanted
                else:
                    assert found.shape == wanted.shape
            else:
                assert same(found, wanted), name
    flags = [piece.flags & 12 for piece in version.tensors["plain"].pieces]
    assert flags.count(4) == 2
    assert np.signbit(version.tensors["floats"].rows[1]).all()
