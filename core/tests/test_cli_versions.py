"""Commands about versions and care: log, diff, branch, tag, merge, verify, gc, optimize, copy, ls."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import cli, plugins
from deeplake.errors import CheckoutError
from deeplake.versioning.repository import Repository

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line; returns what it printed, and expects its exit code."""

    def run(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        found = cli.main(list(arguments))
        out, err = capsys.readouterr()
        assert found == code, out + err
        if code == 0:
            assert err == ""
        return out if code == 0 or out else err

    return run


@pytest.fixture
def read(run: Run) -> Callable[..., Any]:
    def read(*arguments: str, code: int = 0) -> Any:
        return json.loads(run(*arguments, "--json", code=code))

    return read


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Two commits on main, one on a branch, a tag."""
    ds = deeplake.empty(tmp_path / "ds")
    with ds:
        ds.create_tensor("x", dtype="int64")
        ds.create_tensor("words", htype="text")
        for k in range(5):
            ds.append({"x": k, "words": f"w{k}"})
    ds.commit("first")
    ds.create_tag("v1")
    ds.checkout("side", create=True)
    ds.x[0] = 100
    ds.commit("on the side")
    ds.checkout("main")
    ds.append({"x": 5, "words": "w5"})
    ds.commit("second")
    return str(tmp_path / "ds")


def values(address: str) -> list[int]:
    return [int(value) for value in deeplake.load(address).x.numpy().ravel()]


# --------------------------------------------------------------------------- help, JSON
COMMANDS = ["branch", "copy", "diff", "gc", "info", "log", "login", "logout", "ls", "merge", "optimize",
            "plugins", "register", "reporting", "summary", "tag", "verify"]  # fmt: skip


def test_the_commands() -> None:
    assert [key for key in plugins.names("command") if key in COMMANDS] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as shown:
        cli.main([command, "--help"])
    assert shown.value.code == 0
    out = capsys.readouterr().out
    assert f"usage: deeplake {command}" in out
    if command != "reporting":
        assert "--json" in out
        assert "exit codes:" in out
        assert re.search(rf"examples:\n(  deeplake {command}.*\n)+", out)


@pytest.mark.parametrize(
    "line",
    [["log"], ["merge", "ds"], ["copy", "ds"], ["merge", "a", "b", "--ours", "--theirs"],
     ["gc", "ds", "--grace", "-1"], ["gc", "ds", "--grace", "x"], ["log", "ds", "-n", "0"],
     ["branch", "ds", "b", "--delete", "--rename", "c"], ["diff", "a", "b", "c", "d"],
     ["branch", "ds", "--delete"], ["branch", "ds", "--rename", "c"], ["tag", "ds", "--delete"]],
)  # fmt: skip
def test_wrong_usage(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as wrong:
        cli.main(line)
    assert wrong.value.code == 2
    assert "usage: deeplake" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [["log"], ["diff"], ["branch"], ["tag"], ["merge", "{}", "x"], ["verify"], ["gc"], ["optimize"],
     ["copy", "{}", "{}2"], ["info"], ["summary"], ["ls"]],
)  # fmt: skip
def test_without_a_dataset(line: list[str], tmp_path: Path, run: Run) -> None:
    nothing = str(tmp_path / "nothing")
    arguments = [part.format(nothing) for part in line]
    message = run(*arguments, *([] if "{}" in line else [nothing]), code=1)
    assert message.startswith("deeplake: there is no dataset")
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------- log, diff
def test_log(path: str, run: Run, read: Callable[..., Any]) -> None:
    second, first = deeplake.load(path).commits
    assert run("log", path) == (
        f"branch main\n\ncommit  {second['commit']}\nauthor  public\ntime    {second['time']}\n"
        f"message second\n\ncommit  {first['commit']}\nauthor  public\ntime    {first['time']}\n"
        "message first\n"
    )
    assert run("log", path, "--oneline", "-n", "1") == (
        f"{second['commit'][:10]} {second['time']} second\n"
    )
    assert read("log", f"{path}@v1") == {"branch": "main", "uncommitted": False, "commits": [first]}
    deeplake.load(f"{path}@side").x.append(1)
    assert "not committed" in run("log", f"{path}@side")
    assert read("log", f"{path}@side")["uncommitted"] is True


def test_diff(path: str, run: Run, read: Callable[..., Any]) -> None:
    ds = deeplake.load(path)
    assert "No changes were made in this commit." in run("diff", path)
    ds.x[1] = 9
    out = run("diff", path)
    assert out.startswith("## Deep Lake Diff\n")
    assert "\033[" not in out
    assert "commit UNCOMMITTED HEAD" in out
    assert "x\n* Updated 1 sample: [1]" in out
    found = read("diff", path)
    assert found["tensor"][0]["x"]["data_updated"] == [1]
    mine, theirs = read("diff", path, "side")["tensor"]
    assert [sorted(entry) for entry in mine] == [["commit_id", "x"], ["commit_id", "words", "x"]]
    assert theirs[0]["x"]["data_updated"] == [0]
    mine, theirs = read("diff", path, "v1", "side")["tensor"]
    assert (mine, len(theirs)) == ([], 1)
    assert "Diff in side relative to" in run("diff", path, "v1", "side")
    assert "nowhere" in run("diff", path, "nowhere", code=1)


# --------------------------------------------------------------------------- branch, tag
def test_branch(path: str, run: Run, read: Callable[..., Any]) -> None:
    lines = run("branch", path).splitlines()
    assert lines[0].split() == ["branch", "commit", "uncommitted", "time", "message"]
    assert [line.split()[0] for line in lines[1:]] == ["main", "side"]
    assert lines[2].endswith("on the side")
    assert run("branch", f"{path}@v1", "old") == ""
    assert values(f"{path}@old") == [0, 1, 2, 3, 4]
    run("branch", path, "old", "--rename", "older")
    found = read("branch", path)
    assert [entry["name"] for entry in found] == ["main", "older", "side"]
    assert found[0] == {
        "name": "main", "commit": deeplake.load(path).commit_id, "uncommitted": False,
        "time": deeplake.load(path).commits[0]["time"], "message": "second",
    }  # fmt: skip
    assert [entry["name"] for entry in read("branch", path, "older", "--delete")] == [
        "main",
        "side",
    ]
    assert "'main'" in run("branch", path, "main", "--delete", code=1)
    assert "already" in run("branch", path, "side", code=1)
    assert deeplake.load(path).branches == ["main", "side"]


def test_branch_of_a_new_dataset(tmp_path: Path, run: Run) -> None:
    deeplake.empty(tmp_path / "new")
    assert run("branch", str(tmp_path / "new")).splitlines()[1].split() == [
        "main",
        "-",
        "yes",
        "-",
        "-",
    ]


def test_tag(path: str, run: Run, read: Callable[..., Any]) -> None:
    ds = deeplake.load(path)
    first = ds.commits[1]["commit"]
    assert run("tag", path).splitlines()[1].split()[:2] == ["v1", first[:10]]
    assert run("tag", path, "v2") == ""
    assert read("tag", f"{path}@side", "s") == {
        "s": deeplake.load(f"{path}@side").commit_id, "v1": first, "v2": ds.commit_id
    }  # fmt: skip
    run("tag", path, "v2", "--delete")
    assert sorted(read("tag", path)) == ["s", "v1"]
    assert "already" in run("tag", path, "v1", code=1)
    assert "v2" in run("tag", path, "v2", "--delete", code=1)


# --------------------------------------------------------------------------- merge
def test_merge(path: str, run: Run, read: Callable[..., Any]) -> None:
    out = run("merge", path, "side")
    assert out == f"merged side into main: commit {deeplake.load(path).commit_id}\n"
    assert values(path) == [100, 1, 2, 3, 4, 5]
    assert run("merge", path, "side").startswith("No merge needed")
    found = read("merge", f"{path}@side", "main")
    assert found == {
        "branch": "side", "merged": True, "commit": deeplake.load(f"{path}@side").commit_id
    }  # fmt: skip
    assert read("merge", f"{path}@side", "main")["merged"] is False


def test_a_conflict_fails_and_changes_nothing(path: str, run: Run) -> None:
    ds = deeplake.load(path)
    ds.x[0] = -1
    commit = ds.commit("conflicting")
    assert "conflict_resolution" in run("merge", path, "side", code=1)
    assert deeplake.load(path).commit_id == commit
    run("merge", path, "side", "--theirs")
    assert values(path)[0] == 100
    assert "nowhere" in run("merge", path, "nowhere", code=1)


def test_merge_deletes_tensors_if_asked(path: str, run: Run) -> None:
    side = deeplake.load(f"{path}@side")
    side.delete_tensor("words")
    side.commit("without words")
    run("merge", path, "side", "--delete-removed-tensors", "--ours", "--force")
    assert list(deeplake.load(path).tensors) == ["x"]


# --------------------------------------------------------------------------- verify, gc
def test_verify(path: str, run: Run, read: Callable[..., Any]) -> None:
    assert run("verify", path).startswith("no problems: checked 3 commits, ")
    found = read("verify", path)
    assert found.pop("segments") > 0
    assert found.pop("chunks") > 0
    assert found.pop("bytes") > 0
    assert found == {"ok": True, "commits": 3, "problems": []}


def test_verify_finds_damage(path: str, run: Run, read: Callable[..., Any]) -> None:
    victim = max((Path(path) / "data").iterdir(), key=lambda file: file.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[10] ^= 1
    victim.write_bytes(data)
    out = run("verify", path, code=1)
    assert victim.name in out
    assert re.search(r"\d+ problems?: checked", out)
    found = read("verify", path, code=1)
    assert found["ok"] is False
    assert any(victim.name in problem for problem in found["problems"])
    victim.unlink()
    assert read("verify", path, code=1)["problems"]


def test_gc(path: str, run: Run, read: Callable[..., Any]) -> None:
    ds = deeplake.load(path)
    ds.delete_branch("side")
    before = {file.name for file in (Path(path) / "data").iterdir()}
    assert run("gc", path).startswith("would delete 0 objects")
    found = read("gc", path, "--grace", "0")
    assert found["deleted"] is False
    assert len(found["objects"]) >= 2
    assert found["bytes"] > 0
    assert {file.name for file in (Path(path) / "data").iterdir()} == before
    out = run("gc", path, "--grace", "0")
    assert out.startswith(f"would delete {len(found['objects'])} objects, ")
    assert out.endswith("pass --delete to do it\n")
    assert "may still be published" in run("gc", path)
    assert run("gc", path, "--grace", "0", "--delete").startswith("deleted ")
    assert read("gc", path, "--grace", "0")["objects"] == []
    assert values(path) == [0, 1, 2, 3, 4, 5]
    assert values(f"{path}@v1") == [0, 1, 2, 3, 4]
    run("verify", path)


def test_gc_keeps_what_is_young(path: str, read: Callable[..., Any]) -> None:
    deeplake.load(path).delete_branch("side")
    old = time.time() - 3600
    for folder in ("data", "commits"):
        for file in (Path(path) / folder).iterdir():
            os.utime(file, (old, old))
    found = read("gc", path, "--grace", "7200")
    assert (found["objects"], found["young"] > 0) == ([], True)
    found = read("gc", path, "--grace", "60")
    assert (len(found["objects"]) > 0, found["young"]) == (True, 0)


# --------------------------------------------------------------------------- optimize, copy
def test_optimize(tmp_path: Path, run: Run, read: Callable[..., Any]) -> None:
    path = str(tmp_path / "ds")
    ds = deeplake.empty(path)
    ds.create_tensor("x", dtype="int64")
    ds.create_tensor("y", dtype="int64")
    ds.x.extend(np.arange(100))
    ds.y.extend(np.arange(100))
    for k in range(0, 100, 9):
        ds.x[k] = -k
        ds.y[k] = -k
    ds.commit("scattered")
    found = read("optimize", path, "--tensor", "x")
    assert found["commit"] is None
    assert found["chunks"]["x"] == [13, 1]
    assert found["chunks"]["y"] == [13, 13]
    out = run("optimize", path, "-m", "compact").splitlines()
    assert out[2].split() == ["y", "13", "1"]
    again = deeplake.load(path)
    assert out[3] == f"commit {again.commit_id}"
    assert again.commits[0]["message"] == "compact"
    assert again.x[18].numpy().tolist() == [-18]
    assert read("optimize", path, "-m", "nothing to do")["commit"] is None


def test_copy(path: str, tmp_path: Path, run: Run, read: Callable[..., Any]) -> None:
    target = str(tmp_path / "copy")
    assert run("copy", f"{path}@v1", target) == f"copied 5 rows of 2 tensors to {target}\n"
    assert deeplake.load(target).commits == []
    assert "overwrite" in run("copy", path, target, code=1)
    found = read("copy", path, target, "--overwrite", "--tensor", "x")
    assert found == {"path": target, "length": 6, "tensors": ["x"]}
    run("copy", path, str(tmp_path / "deep"), "--deep")
    assert deeplake.load(tmp_path / "deep").commits == deeplake.load(path).commits


# --------------------------------------------------------------------------- ls, summary
def test_ls(
    path: str, tmp_path: Path, run: Run, read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("ls", path) == "x\nwords\n"
    lines = [line.split() for line in run("ls", "-l", f"{path}@v1").splitlines()]
    assert lines[0] == ["tensor", "htype", "dtype", "shape"]
    assert lines[1] == ["x", "generic", "int64", "(5,", "1)"]
    assert read("ls", path)[1] == {
        "name": "words",
        "htype": "text",
        "dtype": "str",
        "shape": [6, 1],
    }
    (tmp_path / "no dataset").mkdir()
    deeplake.empty(tmp_path / "another")
    assert run("ls", str(tmp_path)) == f"{tmp_path}/another\n{tmp_path}/ds\n"
    lines = [line.split() for line in run("ls", "-l", str(tmp_path)).splitlines()]
    assert lines[2] == [path, "6", "x,", "words"]
    assert read("ls", str(tmp_path))[0] == {
        "path": f"{tmp_path}/another", "length": 0, "tensors": []
    }  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run("ls") == "./another\n./ds\n"


def test_summary(path: str, run: Run, read: Callable[..., Any]) -> None:
    assert "int64" in run("summary", path)
    assert read("summary", path)[0] == {
        "name": "x", "htype": "generic", "dtype": "int64", "shape": [6, 1], "compression": None
    }  # fmt: skip
    with pytest.raises(CheckoutError):
        deeplake.load(f"{path}@nowhere")
    assert "nowhere" in run("summary", f"{path}@nowhere", code=1)


# --------------------------------------------------------------------------- what others wrote
@pytest.fixture
def odd(tmp_path: Path) -> str:
    """Messages of several lines, codes of terminals, wide letters, numbers that JSON has not."""
    ds = deeplake.empty(tmp_path / "odd")
    ds.create_tensor("画像/幅", htype="class_label").extend([1, 2])
    ds.create_tensor("f").extend(np.array([np.inf, 1.0]))
    ds.commit("first line\nsecond \x1b[31mred\x07 line\n")
    ds.create_tag("v")
    return str(ds.path)


def test_messages_of_several_lines(odd: str, run: Run, read: Callable[..., Any]) -> None:
    shown = run("log", odd).splitlines()
    assert shown[-2:] == ["message first line", "        second \\x1b[31mred\\x07 line"]
    assert run("log", odd, "--oneline").splitlines()[0].endswith(" first line …")
    for command in ("branch", "tag"):
        table = run(command, odd).splitlines()
        assert len(table) == 2
        assert table[1].endswith("first line …")
    assert "\x1b" not in run("diff", f"{odd}@v")
    assert read("log", odd)["commits"][0]["message"] == "first line\nsecond \x1b[31mred\x07 line\n"


def test_columns_of_wide_letters_line_up(odd: str, run: Run) -> None:
    head, first, second = run("ls", "-l", odd).splitlines()
    at = head.index("htype")
    assert second.index("generic") == at
    assert first.index("class_label") == at - 3  # three letters are two columns wide each


def test_json_has_no_infinities(odd: str, read: Callable[..., Any]) -> None:
    tensor = read("info", odd)["tensors"][1]
    assert (tensor["min"], tensor["max"]) == (1.0, None)


def test_terminals_without_letters(odd: str) -> None:
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    program = [sys.executable, "-m", "deeplake.cli", "ls", odd]
    done = subprocess.run(program, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [r"\u753b\u50cf/\u5e45", "f"]


def test_log_reads_as_many_commits_as_it_shows(
    path: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ds = deeplake.load(path)
    for k in range(6):
        ds.commit(str(k), allow_empty=True)
    seen = []
    read_commit = Repository.read_commit
    monkeypatch.setattr(
        Repository, "read_commit",
        lambda self, commit_id: seen.append(commit_id) or read_commit(self, commit_id),
    )  # fmt: skip
    assert len(run("log", path, "--oneline", "-n", "2").splitlines()) == 2
    assert len(seen) <= 3


def test_ls_of_a_folder_with_a_damaged_dataset(
    path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deeplake.empty(tmp_path / "bad")
    head = tmp_path / "bad" / "refs" / "heads" / "main"
    head.write_bytes(head.read_bytes()[:-9])
    assert cli.main(["ls", str(tmp_path)]) == 0
    assert cli.main(["ls", "--json", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    listed = json.loads(out[out.index("[") :])
    assert [row["length"] for row in listed] == [None, len(deeplake.load(path))]
    assert "bad cannot be opened" in err
