"""Contract suite of subcommands of ``deeplake``.

A plugin's tests derive from it, name the class, and give command lines of each sort::

    class TestCount(CommandContract):
        command = Count
        key = "count"
        works = ("./numbers", "./numbers --tensor x")
        fails = ("./nothing",)
        wrong = ("", "./numbers --colour blue")

They run in a folder with a dataset ``./numbers``; a fixture ``workspace`` of yours puts other things
there. Each line runs as the program would run it: exit codes and streams are looked at from outside.
pytest then runs every test below. Needs pytest.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import deeplake
from deeplake import cli, plugins
from deeplake.spi import Command, Plugin
from deeplake.testing.contract import HEAVY, PluginContract, environment

# One line as an interpreter of its own runs it.
_PROGRAM = """
import importlib, sys
from deeplake import cli, plugins
module, name, key, *line = sys.argv[1:]
cls = importlib.import_module(module)
for part in name.split("."):
    cls = getattr(cls, part)
plugins.register("command", key, cls)
try:
    code = cli.main([key, *line])
except SystemExit as end:
    code = end.code
sys.stdout.flush()
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command line ended.

    Attributes:
        line: The line, without program and command.
        code: Exit code; text if it did not end as programs do.
        out: What it wrote to stdout.
        err: What it wrote to stderr.
    """

    line: str
    code: int | str | None
    out: str
    err: str


class CommandContract(PluginContract):
    """Suite for a ``Command``.

    Attributes:
        command: The class under test.
        key: The name of the subcommand.
        works: Command lines that exit with 0, without program and command.
        finds: Lines that exit with 1 because the command found what it looks for (``verify``).
        fails: Lines that are well-formed, and fail.
        wrong: Lines that make no sense.
        supports_json: ``--json`` prints one JSON document; otherwise there is no such option.
        supports_repeating: A line that worked works again, and prints the same.
        writes: Lines of ``works`` may change or make files.
        needs: Modules that ``--help`` may load, though plugins usually do not.
    """

    command: ClassVar[type[Command]]
    key: ClassVar[str]
    works: ClassVar[Sequence[str]]
    finds: ClassVar[Sequence[str]] = ()
    fails: ClassVar[Sequence[str]] = ()
    wrong: ClassVar[Sequence[str]] = ("--no-such-option",)
    supports_json: ClassVar[bool] = True
    supports_repeating: ClassVar[bool] = True
    writes: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = ()

    def plugin_class(self) -> type[Plugin]:
        return self.command

    @pytest.fixture
    def workspace(self, tmp_path: Path) -> Path:
        """The folder that the lines run in."""
        return numbers(tmp_path)

    # ------------------------------------------------------------------ what it says of itself
    def _parser(self) -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(prog=f"deeplake {self.key}")
        self.command().configure(parser)
        return parser

    def test_help_is_one_line(self) -> None:
        assert self.command.help.strip(), "deeplake --help has nothing to say of it"
        assert "\n" not in self.command.help
        assert len(self.command.help) <= 100

    def test_each_argument_is_explained(self) -> None:
        for action in self._parser()._actions:
            name = "/".join(action.option_strings) or action.dest
            assert action.help, f"{name} has no help"
            assert action.dest != "deeplake_command", "that name is the program's"

    def test_help_has_examples_that_parse(self) -> None:
        text = self._parser().format_help()
        found = re.findall(rf"(?m)^ +deeplake {re.escape(self.key)}(?: (.*))?$", text)
        assert found, "people learn from examples: put some into the parser's epilog"
        for line in found:
            words = shlex.split(line, comments=True)
            # What follows belongs to the shell.
            self._parses(list(takewhile(lambda word: word not in (">", ">>", "|", "&&"), words)))

    def test_help_says_what_exit_codes_mean(self) -> None:
        text = self._parser().format_help()
        assert "exit code" in text
        assert re.search(r"(?m)^ +0 ", text)

    def _parses(self, arguments: list[str]) -> None:
        complaint = io.StringIO()
        with contextlib.redirect_stderr(complaint):
            try:
                self._parser().parse_args(arguments)
            except SystemExit:
                raise AssertionError(f"{arguments}: {complaint.getvalue()}") from None

    def test_configuring_does_nothing_else(self, workspace: Path) -> None:
        before = _files(workspace)
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.chdir(workspace):
            command = self.command()
            helps = []
            for _ in range(2):
                parser = argparse.ArgumentParser(prog="deeplake x")
                command.configure(parser)
                helps.append(parser.format_help())
        assert helps[0] == helps[1], "the second parser looks different"
        assert not out.getvalue()
        assert _files(workspace) == before

    def test_help_is_light(self, workspace: Path) -> None:
        ended = self._elsewhere(workspace, "--help")
        assert ended.code == 0
        assert ended.out.startswith("usage:")
        heavy = set(ended.err.split()).intersection({*HEAVY, *self.heavy, "numpy"} - {*self.needs})
        assert not heavy, f"deeplake {self.key} --help loads {sorted(heavy)}"

    # ------------------------------------------------------------------ running it
    def test_lines_that_work(self, workspace: Path) -> None:
        assert self.works, "without a line that works the suite tests little"
        for ended in self._program(workspace, self.works):
            assert ended.code == 0, f"{ended.line}: {ended.code} {ended.err}"
            assert type(ended.code) is int
            assert ended.err == "", f"{ended.line} says {ended.err!r} though nothing is wrong"
            assert not ended.out or ended.out.endswith("\n")
            assert not re.search("[\x1b\r\x08]", ended.out), "codes of terminals, and nobody looks"

    def test_json(self, workspace: Path) -> None:
        lines = [f"{line} --json" for line in (*self.works, *self.finds)]
        if not self.supports_json:
            for ended in self._program(workspace, lines):
                assert ended.code == 2
            return
        for ended in self._program(workspace, lines):
            assert ended.code in (0, 1), f"{ended.line}: {ended.code} {ended.err}"
            assert ended.err == "", f"{ended.line} says {ended.err!r}"
            json.loads(ended.out, parse_constant=_refused)

    def test_what_was_looked_for_and_found(self, workspace: Path) -> None:
        for ended in self._program(workspace, self.finds):
            assert ended.code == 1, f"{ended.line}: {ended.code} {ended.err}"
            assert ended.out, f"{ended.line} does not say what it found"

    def test_lines_that_fail(self, workspace: Path) -> None:
        before = _files(workspace)
        for ended in self._program(workspace, self.fails):
            assert ended.code == 1, f"{ended.line}: {ended.code} {ended.out}"
            assert ended.err.startswith("deeplake: "), ended.err
            assert "unexpected" not in ended.err, "an error of deeplake.errors says what to do"
            assert "Traceback" not in ended.err
            assert ended.out == "", f"{ended.line} prints {ended.out!r} and fails"
        assert _files(workspace) == before, "a line that fails leaves everything as it was"

    def test_lines_that_make_no_sense(self, workspace: Path) -> None:
        before = _files(workspace)
        for ended in self._program(workspace, self.wrong):
            assert ended.code == 2, f"{ended.line}: {ended.code} {ended.out}"
            assert "usage:" in ended.err
            assert ended.out == ""
        assert _files(workspace) == before

    def test_looking_changes_nothing(self, workspace: Path) -> None:
        if self.writes:
            return
        before = _files(workspace)
        self._program(workspace, [*self.works, *self.finds])
        assert _files(workspace) == before

    def test_lines_can_be_repeated(self, workspace: Path) -> None:
        if not self.supports_repeating:
            return
        first = self._program(workspace, self.works)
        assert self._program(workspace, self.works) == first
        again = self._elsewhere(workspace, self.works[0])
        assert (again.code, again.out) == (first[0].code, first[0].out), "another process differs"

    def test_a_terminal_without_letters(self, workspace: Path) -> None:
        """What cannot be shown is written as a code."""
        ended = self._program(workspace, self.works, encoding="ascii")
        assert [each.code for each in ended] == [0] * len(self.works)

    def test_the_code_is_returned_and_not_raised(self, workspace: Path) -> None:
        for line in self.works[:1]:
            args = self._parser().parse_args(shlex.split(line))
            with contextlib.chdir(workspace), contextlib.redirect_stdout(io.StringIO()):
                code: object = self.command().run(args)
            assert type(code) is int, f"run returns {code!r}, not an exit code"
            assert code == 0

    # ------------------------------------------------------------------ what the tests share
    def _program(
        self, workspace: Path, lines: Sequence[str], *, encoding: str = "utf-8"
    ) -> list[Ended]:
        """How some lines ended, one after the other."""
        ended = []
        with plugins.registered("command", self.key, self.command), contextlib.chdir(workspace):
            for line in lines:
                out, err = (io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2))
                code: int | str | None
                with (
                    contextlib.redirect_stdout(out),
                    contextlib.redirect_stderr(err),
                    warnings.catch_warnings(),
                ):
                    warnings.simplefilter("ignore")
                    try:
                        code = cli.main([self.key, *shlex.split(line)])
                    except SystemExit as end:
                        code = end.code
                ended.append(Ended(line, code, _text(out, encoding), _text(err, encoding)))
        return ended

    def _elsewhere(self, workspace: Path, line: str) -> Ended:
        """How a line ended in another process; ``err`` ends with the names of all its modules."""
        cls = self.command
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, cls.__module__, cls.__qualname__, self.key,
             *shlex.split(line)], cwd=workspace,
            env=environment(PYTHONWARNINGS="ignore", PYTHONIOENCODING="utf-8"),
            capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        return Ended(line, done.returncode, done.stdout, done.stderr)


def _text(stream: io.TextIOWrapper, encoding: str) -> str:
    stream.flush()
    written = stream.buffer
    assert isinstance(written, io.BytesIO)
    return written.getvalue().decode(encoding)


def _refused(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def _files(folder: Path) -> dict[str, bytes]:
    """What is below a folder: paths and contents."""
    return {
        os.fspath(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def numbers(folder: Path) -> Path:
    """Make a dataset ``./numbers`` with two commits and a tag in a folder; returns the folder."""
    ds = deeplake.empty(folder / "numbers")
    with ds:
        ds.create_tensor("x").extend(np.arange(5))
        ds.create_tensor("words", htype="text").extend(["one", "zwei", "trois", "字", ""])
    ds.create_tag("v1", ds.commit("five rows"))
    ds.append({"x": 5, "words": "more"})
    ds.commit("one more")
    return folder


__all__ = ["CommandContract", "Ended", "numbers"]
