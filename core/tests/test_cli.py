"""The command ``deeplake``."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import deeplake
from deeplake import cli, plugins, spi
from deeplake.errors import DatasetError

SOURCE = Path(deeplake.__file__).parents[1]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deeplake.cli", *arguments],
        env={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def path(tmp_path: Path) -> str:
    ds = deeplake.empty(tmp_path / "ds")
    with ds:
        ds.create_tensor("numbers", htype="generic", dtype="int64")
        ds.create_tensor("words", htype="text")
        ds.numbers.extend([[1, 2], [3, 4], [5, 6]])
        ds.words.extend(["a", "b", "c"])
    ds.commit("three rows")
    return str(tmp_path / "ds")


# --------------------------------------------------------------------------- the program
def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as version:
        cli.main(["--version"])
    assert version.value.code == 0
    assert capsys.readouterr().out == f"deeplake-core {deeplake.__version__}\n"
    with pytest.raises(SystemExit) as shown:
        cli.main(["--help"])
    assert shown.value.code == 0
    out = capsys.readouterr().out
    for word in ("info", "plugins", "reporting", "merge", "exit codes", "DEEPLAKE_DEBUG"):
        assert word in out


def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "usage: deeplake" in capsys.readouterr().err
    for line in (["infos"], ["info"], ["plugins", "--wrong"], ["reporting", "--on", "--off"]):
        with pytest.raises(SystemExit) as wrong:
            cli.main(line)
        assert wrong.value.code == 2
        assert "error" in capsys.readouterr().err


def test_the_module_runs_as_a_program() -> None:
    done = run("reporting", "--off")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Nothing is reported")


@pytest.mark.parametrize(
    "line",
    [
        ["login"], ["login", "-t", "secret"], ["login", "--token=secret"],
        ["login", "-u", "me", "-p", "secret"], ["logout"], ["register"],
        ["register", "-u", "me", "-e", "me@example.org", "-p", "secret"],
        ["register", "--username", "me", "--email", "me@example.org", "--password", "secret"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_scripts_log_in_and_out_of_nothing(
    line: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They neither wait for an answer nor leave a token behind."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cli.main(line) == 0
    printed = capsys.readouterr()
    assert "nothing needs one: nothing was sent or stored" in printed.out
    assert "secret" not in printed.out + printed.err
    assert not list(tmp_path.iterdir())
    assert cli.main([*line, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"account": None}


def test_a_failure_exits_with_1_and_shows_no_traceback(tmp_path: Path) -> None:
    done = run("info", str(tmp_path / "nothing"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("deeplake: ")
    assert "nothing" in done.stderr
    assert "Traceback" not in done.stderr
    debug = run("info", str(tmp_path / "nothing"), DEEPLAKE_DEBUG="1")
    assert debug.returncode == 1
    assert "Traceback" in debug.stderr


def test_a_reader_that_stops_reading_is_no_failure_to_talk_about() -> None:
    program = f"{sys.executable} -m deeplake.cli plugins --json | head -c 1"
    done = subprocess.run(
        program,
        shell=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "["
    assert done.stderr == ""


# --------------------------------------------------------------------------- info, summary
def test_info(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", path]) == 0
    out = capsys.readouterr().out
    facts = dict(line.split(maxsplit=1) for line in out.partition("\n\n")[0].splitlines())
    assert facts.pop("size").endswith("B, all versions included")
    assert facts == {
        "path": path, "length": "3", "branch": "main", "branches": "main",
        "commit": deeplake.load(path).commit_id,
    }  # fmt: skip
    lines = [line.split() for line in out.splitlines()]
    head = ["tensor", "htype", "dtype", "shape", "compression", "size", "none", "min", "max"]
    assert head in lines
    assert any(
        line[:5] == ["numbers", "generic", "int64", "(3,", "2)"] and line[-2:] == ["1", "6"]
        for line in lines
    )
    assert any(
        line[:5] == ["words", "text", "str", "(3,", "1)"] and line[-2:] == ["-", "-"]
        for line in lines
    )


def test_info_as_json(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    ds = deeplake.load(path)
    ds.numbers.append(None)
    ds.create_tag("v1")
    assert cli.main(["info", path, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    sizes = [tensor.pop("bytes") for tensor in found["tensors"]]
    assert found.pop("bytes") > sum(sizes) > 50
    assert 1 <= found["tensors"][0]["nulls"] <= 4  # at most so many: a bound, not a count
    plain = {"sample_compression": None, "chunk_compression": None}
    assert found == {
        "path": path,
        "length": 3,
        "branch": "main",
        "commit": ds.commit_id,
        "uncommitted": True,
        "branches": ["main"],
        "tags": {"v1": ds.commit_id},
        "tensors": [
            {
                "name": "numbers", "htype": "generic", "dtype": "int64", "shape": [4, None],
                "length": 4, "chunks": found["tensors"][0]["chunks"],
                "nulls": found["tensors"][0]["nulls"], "min": 1, "max": 6, **plain,
            },
            {
                "name": "words", "htype": "text", "dtype": "str", "shape": [3, 1], "length": 3,
                "chunks": 1, "nulls": 0, "min": None, "max": None, **plain,
            },
        ],
    }  # fmt: skip


def test_info_of_an_empty_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("later")
    assert cli.main(["info", str(tmp_path / "ds")]) == 0
    assert "later" in capsys.readouterr().out
    assert cli.main(["info", str(tmp_path / "ds"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["length"] == 0
    assert found["tensors"][0]["dtype"] is None


def test_summary(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["summary", path]) == 0
    out = capsys.readouterr().out
    assert "numbers" in out
    assert "words" in out


# --------------------------------------------------------------------------- plugins
def test_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plugins"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["kind", "key", "distribution", "version", "api", "status", "source"]
    (row,) = [line for line in lines if line[:2] == ["storage", "file"]]
    assert row[2:4] == ["deeplake-core", deeplake.__version__]
    assert row[-1] == "built-in"


def test_plugins_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plugins", "--check", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    (row,) = [row for row in rows if (row["kind"], row["key"]) == ("codec", "zlib")]
    assert row["api"] == [1, 0]
    assert row["status"] == "loaded"


class Broken(spi.Viewer, api=(1, 0)):
    def __init__(self) -> None:
        raise ValueError("no screen")

    def show(self, dataset: Any, **options: Any) -> Any:
        return None


def test_a_broken_plugin_is_told_and_fails_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    plugins.register("viewer", "test-broken", Broken)
    try:
        assert cli.main(["plugins"]) == 0
        capsys.readouterr()
        assert cli.main(["plugins", "--check"]) == 1
        out = capsys.readouterr().out
    finally:
        plugins.unregister("viewer", "test-broken")
    assert 'viewer "test-broken" is broken' in out
    assert "no screen" in out


# --------------------------------------------------------------------------- others' commands
class Count(spi.Command, api=(1, 0)):
    help = "count to a number"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("number", type=int)

    def run(self, args: argparse.Namespace) -> int:
        if args.number < 0:
            error = DatasetError("cannot count to a negative number")
            error.add_note("tell the number's owner")
            raise error
        if args.number > 5:
            raise ZeroDivisionError("too far")
        print(*range(args.number))
        return 7


def test_commands_of_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    with plugins.registered("command", "count", Count):
        assert cli.main(["count", "3"]) == 7
        assert capsys.readouterr().out == "0 1 2\n"
        assert cli.main(["count", "--", "-1"]) == 1
        err = capsys.readouterr().err
        assert err == "deeplake: cannot count to a negative number\ntell the number's owner\n"
        assert cli.main(["count", "9"]) == 1
        err = capsys.readouterr().err
        assert "unexpected ZeroDivisionError: too far (DEEPLAKE_DEBUG=1" in err
        with pytest.raises(SystemExit):
            cli.main(["--help"])
        assert "count to a number" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["count", "3"])


def test_one_command_does_not_import_the_plugins_of_others(tmp_path: Path) -> None:
    (tmp_path / "acme_cmd.py").write_text("raise RuntimeError('boom')\n")
    info = tmp_path / "acme_cmd-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-cmd\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[deeplake.command]\nacme = acme_cmd:Acme\n")
    both = os.pathsep.join([str(tmp_path), str(SOURCE)])
    assert run("reporting", "--off", PYTHONPATH=both).returncode == 0
    shown = run("--help", PYTHONPATH=both)
    assert shown.returncode == 0
    assert "provided by acme-cmd" in shown.stdout
    used = run("acme", PYTHONPATH=both)
    assert used.returncode == 1
    assert "acme-cmd 1.2 (acme_cmd:Acme) cannot be imported: RuntimeError: boom" in used.stderr
    listed = run("plugins", "--check", PYTHONPATH=both)
    assert listed.returncode == 1
    assert 'command "acme" is broken' in listed.stdout


def test_an_interrupt_is_told_by_the_exit_code() -> None:
    class Interrupted(Count, api=(1, 0)):
        def run(self, args: argparse.Namespace) -> int:
            raise KeyboardInterrupt

    with plugins.registered("command", "count", Interrupted):
        assert cli.main(["count", "3"]) == 130
