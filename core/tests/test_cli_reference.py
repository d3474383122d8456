"""``docs/reference/cli.md`` says what the program does: usage, arguments, JSON."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import cli, plugins
from deeplake.cli import program
from deeplake.plugins.catalog import BUILTINS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
SECTIONS = {
    part.split()[0]: part
    for part in re.split(r"(?m)^## deeplake ", PAGE.read_text(encoding="utf-8"))[1:]
}


def parser(command: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog=f"deeplake {command}")
    plugins.get("command", command).configure(made)
    return made


def block(command: str, kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", SECTIONS[command], re.DOTALL)
    assert found, f"no {kind} block"
    return found[1]


def test_each_command_has_a_section() -> None:
    assert set(SECTIONS) == set(BUILTINS["command"])


@pytest.mark.parametrize("command", sorted(SECTIONS))
def test_usage(command: str) -> None:
    usage = parser(command).format_usage().removeprefix("usage: ")
    assert block(command, "text").split() == usage.split()


@pytest.mark.parametrize("command", sorted(SECTIONS))
def test_arguments(command: str) -> None:
    """The table has all arguments in their order, with the help that the program gives."""
    expected = []
    for action in parser(command)._actions:
        if "--help" in action.option_strings:
            continue
        value = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
        names = [f"`{option}{value}`" for option in action.option_strings]
        expected.append((", ".join(names) or f"`{action.metavar}`", action.help))
    rows = re.findall(r"(?m)^\| (`.*?) \| (.*) \|$", SECTIONS[command])
    assert rows == expected


@pytest.mark.parametrize("command", sorted(SECTIONS))
def test_about(command: str) -> None:
    about = parser(command).description or plugins.get("command", command).help
    words = " ".join(SECTIONS[command].split())
    assert about[1:] in words


@pytest.mark.parametrize("command", sorted(SECTIONS))
def test_options_that_the_text_names_exist(command: str) -> None:
    known = {o for name in SECTIONS for a in parser(name)._actions for o in a.option_strings}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", SECTIONS[command])) <= known


def test_environment_variables() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in re.findall(r"DEEPLAKE_[A-Z_]+", program._EPILOG):
        assert f"`{name}=" in page


@pytest.fixture
def mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dataset of the page."""
    monkeypatch.chdir(tmp_path)
    ds = deeplake.empty("./mnist")
    ds.create_tensor("images", htype="image", sample_compression="png")
    ds.images.extend(np.zeros((60, 28, 28), np.uint8))
    ds.create_tensor("labels", htype="class_label").extend([k % 10 for k in range(60)])
    ds.commit("sixty digits")
    ds.create_tag("v1.0")
    ds.checkout("cleaned", create=True)
    ds.pop(3)
    ds.commit("without a bad one")
    ds.checkout("main")
    ds.labels[0] = 1
    Path("train.csv").write_text("file,class\na.png,rose\nb.png,tulip\n")


def same(shown: Any, printed: Any, where: str = "") -> None:
    """Compare keys, and types where both have a value."""
    if isinstance(shown, dict) and isinstance(printed, dict):
        assert list(shown) == list(printed), where
        for key in shown:
            same(shown[key], printed[key], f"{where}.{key}")
    elif isinstance(shown, list) and isinstance(printed, list):
        assert len(shown) == len(printed), where
        for i, (a, b) in enumerate(zip(shown, printed, strict=True)):
            same(a, b, f"{where}[{i}]")
    elif shown is not None and printed is not None:
        assert type(shown) is type(printed), where
        if not isinstance(shown, str) or len(shown) < 19:  # ids and times differ
            measured = where.endswith(("bytes", "_second", "_seconds", "machine", "]"))
            assert shown == printed or measured, where


WITH_JSON = sorted(name for name, part in SECTIONS.items() if "```json" in part)


def test_all_print_json() -> None:
    assert set(SECTIONS) == set(WITH_JSON)


@pytest.mark.usefixtures("mnist")
@pytest.mark.parametrize("command", WITH_JSON)
def test_json(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = re.search(r"`deeplake (.*? --json)` prints", " ".join(SECTIONS[command].split()))
    assert line
    assert cli.main(shlex.split(line[1])) == 0
    out, err = capsys.readouterr()
    assert err == ""
    printed = json.loads(out)
    shown = json.loads(block(command, "json"))
    if command == "plugins":  # what is installed differs
        printed = [info for info in printed if info["key"] == shown[0]["key"]]
        shown[0]["version"] = printed[0]["version"]
        shown[0]["status"] = printed[0]["status"]  # loaded, if another test used it
    same(shown, printed)


def test_the_commands_of_the_how_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of ``docs/how-to/versions.md``, on a dataset with the versions that it makes."""
    monkeypatch.chdir(tmp_path)
    ds = deeplake.empty("./numbers")
    ds.create_tensor("x").extend([1, 2, 3])
    ds.create_tag("first", ds.commit("one to three"))
    for branch in ("doubled", "more"):
        ds.checkout(branch, create=True)
        ds.x[0] = len(branch)
        ds.commit(branch)
        ds.checkout("main")
    ds.x[0] = 8
    page = (PAGE.parents[1] / "how-to" / "versions.md").read_text(encoding="utf-8")
    lines = [line for part in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
             for line in part.splitlines()]  # fmt: skip
    assert len(lines) == 15
    for line in lines:
        code = cli.main(shlex.split(line, comments=True)[1:])
        assert code == 0, f"{line}: {capsys.readouterr().err}"
    assert deeplake.load("./numbers").x.numpy()[0] == len("doubled")
