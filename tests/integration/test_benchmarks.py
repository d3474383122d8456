"""The benchmarks run, and what they print can be read. How fast anything is, no test asks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).parents[2] / "benchmarks" / "run.py"


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, RUN, *arguments], capture_output=True, text=True, check=False
    )


def test_ingest_and_read_with_little_data(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    options = ["--quick", "--rounds", "2", "--folder", tmp_path / "data", "--json", record]
    done = bench("ingest_read", *options)
    assert done.returncode == 0, done.stderr
    for words in ("write all, fsync included", "read all labels", "read one image, random"):
        assert words in done.stdout
    tables = json.loads(record.read_text())["benchmarks"]["ingest_read"]
    for row in [row for table in tables for row in table["rows"]]:
        assert list(row["contenders"]) == ["deeplake", "limit"]
        for cell in row["contenders"].values():
            assert cell["value"] > 0
            assert len(cell["wall"]) == len(cell["cpu"]) == 2
    assert not (tmp_path / "data" / "written").exists()


def test_the_data_are_made_once_and_are_the_same_again(tmp_path: Path) -> None:
    script = (
        "import sys, hashlib, pathlib, data\n"
        "files = data.photographs(pathlib.Path(sys.argv[1]), 3)\n"
        "print(hashlib.sha256(b''.join(p.read_bytes() for p in files.paths)).hexdigest(),"
        " files.paths[0].stat().st_mtime_ns, data.cifar_like(10).images.sum())\n"
    )

    def make(folder: str) -> list[str]:
        command = [sys.executable, "-c", script, str(tmp_path / folder)]
        done = subprocess.run(command, cwd=RUN.parent, capture_output=True, text=True, check=True)
        return done.stdout.split()

    first, again, elsewhere = make("one"), make("one"), make("other")
    assert again == first
    assert [elsewhere[0], elsewhere[2]] == [first[0], first[2]]


def test_benchmarks_have_names(tmp_path: Path) -> None:
    listed = bench("--list")
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.startswith("ingest_read")
    unknown = bench("no_such_thing")
    assert unknown.returncode == 2
    assert "there are ingest_read" in unknown.stderr


def test_versions_with_little_data(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    options = ["--quick", "--rounds", "2", "--folder", tmp_path / "data", "--json", record]
    done = bench("versioning", *options)
    assert done.returncode == 0, done.stderr
    [table] = json.loads(record.read_text())["benchmarks"]["versioning"]
    assert any("1 appended row" in row["work"] for row in table["rows"])
    for row in table["rows"]:
        assert list(row["contenders"]) == ["deeplake", "deeplake, no fsync"]
        for cell in row["contenders"].values():
            assert len(cell["wall"]) == len(cell["bytes"]) == len(cell["files"]) == 2
    assert not (tmp_path / "data" / "written").exists()
