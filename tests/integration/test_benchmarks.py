"""The benchmarks run, and what they print can be read. How fast anything is, no test asks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

RUN = Path(__file__).parents[2] / "benchmarks" / "run.py"


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, RUN, *arguments], capture_output=True, text=True, check=False
    )


def test_data_model_with_little_data(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    options = ["--quick", "--rounds", "2", "--folder", tmp_path / "data", "--json", record]
    done = bench("data_model", *options, "--only", "ours,limit")
    assert done.returncode == 0, done.stderr
    tables = json.loads(record.read_text())["benchmarks"]["data_model"]
    rows = {row["work"]: row["contenders"] for table in tables for row in table["rows"]}
    for work in ("write all, bytes untouched", "read one, random", "read all labels"):
        assert list(rows[work]) == ["ours", "limit"]
    for contenders in rows.values():
        for cell in contenders.values():
            assert cell["value"] > 0
            assert len(cell["wall"]) == len(cell["cpu"]) == 2
    assert not (tmp_path / "data" / "written").exists()


PEER = """
REQUIREMENTS: list[str] = {requirements}

class DataModel:
    def write_files(self, folder, paths, labels):
        {body}
"""


@pytest.mark.parametrize(
    ("requirements", "body", "said"),
    [
        ("['no-such-library-anywhere==1']", "pass", "cannot be installed"),
        ("[]", "import os; os._exit(3)", "died in write_files"),
        ("[]", "raise ValueError('no disk')", "ValueError: no disk"),
    ],
)
def test_peers_that_fail(tmp_path: Path, requirements: str, body: str, said: str) -> None:
    """One that cannot be installed is left out; one that breaks ends the benchmark with its error."""
    copy = tmp_path / "benchmarks"
    shutil.copytree(RUN.parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "peers" / "broken.py").write_text(PEER.format(requirements=requirements, body=body))
    options = ["--quick", "--rounds", "1", "--folder", tmp_path / "data", "--only", "limit,broken"]
    done = subprocess.run(
        [sys.executable, copy / "run.py", "data_model", *options],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said in done.stdout + done.stderr
    assert (done.returncode == 0) == ("installed" in said), done.stderr


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
    assert listed.stdout.startswith("data_model")
    unknown = bench("no_such_thing")
    assert unknown.returncode == 2
    assert "there are data_model" in unknown.stderr


def test_versions_with_little_data(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    options = ["--quick", "--rounds", "2", "--folder", tmp_path / "data", "--json", record]
    done = bench("versioning", *options, "--only", "ours,ours_without_fsync")
    assert done.returncode == 0, done.stderr
    [table] = json.loads(record.read_text())["benchmarks"]["versioning"]
    assert any("1 appended row" in row["work"] for row in table["rows"])
    for row in table["rows"]:
        assert list(row["contenders"]) == ["ours", "ours_without_fsync"]
        for cell in row["contenders"].values():
            assert len(cell["wall"]) == len(cell["bytes"]) == len(cell["files"]) == 2
    assert not (tmp_path / "data" / "written").exists()


def test_loaders_with_little_data(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    options = ["--quick", "--rounds", "1", "--folder", tmp_path / "data", "--json", record]
    done = bench("loader", *options, "--only", "ours,limit")
    assert done.returncode == 0, done.stderr
    *tables, notes = json.loads(record.read_text())["benchmarks"]["loader"]
    assert [[row["work"] for row in table["rows"]] for table in tables] == [
        ["in order", "shuffled"]
    ] * 3
    for table in tables:
        for row in table["rows"]:
            assert list(row["contenders"]) == ["ours", "limit"]
    assert notes["rows"][-1]["contenders"]["ours"]["value"] > 10  # megabytes


def test_queries_with_little_data(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    options = ["--quick", "--rounds", "1", "--folder", tmp_path / "data", "--json", record]
    done = bench("query", *options, "--only", "ours,limit")
    assert done.returncode == 0, done.stderr
    tables = json.loads(record.read_text())["benchmarks"]["query"]
    assert [len(table["rows"]) for table in tables] == [6, 3, 1]
    for table in tables:
        for row in table["rows"]:
            assert list(row["contenders"]) == ["ours", "limit"]
    assert not (tmp_path / "data" / "written").exists()


def test_tables_are_put_into_the_page(tmp_path: Path) -> None:
    shutil.copytree(
        RUN.parent, tmp_path / "benchmarks", ignore=shutil.ignore_patterns("__pycache__")
    )
    page = tmp_path / "docs" / "benchmarks.md"
    page.parent.mkdir()
    marks = "<!-- {0}: begin -->\nold\n<!-- {0}: end -->\n"
    page.write_text(f"# Above\n\n{marks.format('versioning')}\nbelow\n\n{marks.format('loader')}")
    command = [sys.executable, tmp_path / "benchmarks" / "run.py", "versioning", "--quick"]
    options = ["--rounds", "1", "--only", "ours", "--folder", tmp_path / "data", "--write"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert text.startswith("# Above\n\n<!-- versioning: begin -->\n")
    assert "commit of 1 appended row" in text
    assert text.count("old") == 1
    assert text.endswith(f"<!-- versioning: end -->\n\nbelow\n\n{marks.format('loader')}")
    page.write_text("# Nothing")
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode
    assert "has no place for versioning" in done.stderr


def test_streaming_with_little_data(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    options = ["--quick", "--rounds", "1", "--folder", tmp_path / "data", "--json", record]
    options += ["--only", "ours"]

    def tables() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(record.read_text())["benchmarks"]["streaming"]
        return found

    part = bench("streaming", *options, "--match", "SeaweedFS, in order")
    assert part.returncode == 0, part.stderr
    [table, notes] = tables()
    assert [bool(row["contenders"]) for row in table["rows"]] == [False, True, True] + 3 * [False]
    kept = table["rows"][1]
    done = bench("streaming", *options, "--resume")
    assert done.returncode == 0, done.stderr
    *found, notes = tables()
    assert len(found) == (2 if "nginx is left out" not in done.stdout else 1)
    for table in found:
        assert len(table["rows"]) == 6
        for row in table["rows"]:
            assert row["contenders"]["ours"]["value"] > 0
    assert found[-1]["rows"][1] == kept  # it was not run again
    assert "SeaweedFS, in order" not in done.stdout.partition("streaming:")[0]
    assert "its speed on the local disk" in done.stdout
    assert len(notes["rows"]) == 4 * len(found)


def test_some_tables_are_put_beside_the_others(tmp_path: Path) -> None:
    shutil.copytree(
        RUN.parent, tmp_path / "benchmarks", ignore=shutil.ignore_patterns("__pycache__")
    )
    page = tmp_path / "docs" / "benchmarks.md"
    page.parent.mkdir()
    page.write_text("<!-- data_model: begin -->\nold\n<!-- data_model: end -->")
    command = [sys.executable, tmp_path / "benchmarks" / "run.py", "data_model", "--quick"]
    options = ["--rounds", "1", "--only", "ours", "--folder", tmp_path / "data", "--write"]
    for tables in ("large,scan", "scan,embeddings", "none"):
        done = subprocess.run(
            [*command, *options, "--tables", tables], capture_output=True, text=True, check=False
        )
        if tables == "none":
            assert done.returncode
            assert "there are files, small, large, embeddings, scan, film" in done.stderr
        else:
            assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert text.count("write all of them") == 1
    assert text.count("crop of 512 x 512, random") == 1
    assert text.count("read all embeddings") == 1
    assert text.count("median of 1)") == 3  # each says when it was measured
    assert "JPEG" not in text
    assert text.endswith("```\n\n<!-- data_model: end -->")
