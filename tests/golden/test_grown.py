"""The golden dataset whose commits are changes of others, read by deeplake and by the spec's reader."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import deeplake
from deeplake.errors import DatasetCorruptError, FormatError
from deeplake.format.envelope import json_of
from deeplake.versioning.repository import DEPTH
from deeplake.versioning.scrub import scrub

from . import make_v1_0_grown as golden
from . import spec_reader
from .expected import V1_0


def lines(path: Path) -> list[list[bytes]]:
    """The first lines of all commits that are objects."""
    return [
        one.read_bytes().partition(b"\n")[0].split(b" ") for one in (path / "commits").iterdir()
    ]


def check(path: Path) -> None:
    ds = deeplake.load(path, read_only=True)
    log = ds.commits[::-1]
    assert [one["message"] for one in log] == [f"commit {i}" for i in range(golden.COMMITS)]
    by_spec = spec_reader.Dataset(path)
    for number, one in enumerate(log, 1):
        version = deeplake.load(f"{path}@{one['commit']}", read_only=True)
        assert version["x"].numpy().ravel().tolist() == golden.rows(number)
        assert version["größe"].data()["value"] == [f"row {i} 🦆" for i in range(number)]
        tensor = by_spec.version(one["commit"]).tensors["x"]
        assert [int(row.ravel()[0]) for row in tensor.rows] == golden.rows(number)
    assert scrub(ds._checkout.repository).ok


def test_it_is_read() -> None:
    check(V1_0 / "grown")
    assert sum(len(words) == 8 for words in lines(V1_0 / "grown")) >= 4


def test_the_script_makes_it(tmp_path: Path) -> None:
    golden.make(tmp_path)
    check(tmp_path / "grown")
    built = [words for words in lines(tmp_path / "grown") if len(words) == 8]
    assert len(built) == (golden.COMMITS - 1) * DEPTH // (DEPTH + 1)


def test_it_grows_on(tmp_path: Path) -> None:
    shutil.copytree(V1_0 / "grown", tmp_path / "grown")
    ds = deeplake.load(tmp_path / "grown")
    ds.append({"x": 7, "größe": "of today"})
    ds.commit("of today")
    ds.checkout("old", create=True)
    assert deeplake.load(tmp_path / "grown")["x"].numpy().ravel().tolist() == [
        *golden.rows(golden.COMMITS), 7
    ]  # fmt: skip
    assert len(ds.log() or ds.commits) == golden.COMMITS + 1
    part = deeplake.deepcopy(tmp_path / "grown", tmp_path / "part", tensors=["x"])
    first = part.commits[-1]["commit"]
    assert deeplake.load(f"{tmp_path / 'part'}@{first}")["x"].numpy().ravel().tolist() == [0]
    assert all(len(words) < 8 for words in lines(tmp_path / "part"))


def test_a_base_that_is_missing_is_named(tmp_path: Path) -> None:
    shutil.copytree(V1_0 / "grown", tmp_path / "grown")
    commits = tmp_path / "grown" / "commits"
    words = {
        one.name: one.read_bytes().partition(b"\n")[0].split(b" ") for one in commits.iterdir()
    }
    built, base = next(
        (name, found[7].decode()) for name, found in words.items() if len(found) == 8
    )
    (commits / base).unlink()
    with pytest.raises(DatasetCorruptError, match=f"{built}.*commits/{base}, which is missing"):
        deeplake.load(f"{tmp_path / 'grown'}@{built}")
    assert deeplake.load(tmp_path / "grown")["x"].numpy().ravel().tolist() == golden.rows(9)


def test_another_base_is_noticed(tmp_path: Path) -> None:
    """The checksum of a change is over what it changes, too."""
    shutil.copytree(V1_0 / "grown", tmp_path / "grown")
    for one in (tmp_path / "grown" / "commits").iterdir():
        words = one.read_bytes().partition(b"\n")[0].split(b" ")
        if len(words) == 8:
            with pytest.raises(FormatError, match="differs"):
                json_of("commit", one.read_bytes(), one.name, lambda base: b'{"id":"another"}')
