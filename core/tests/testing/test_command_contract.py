"""The suite of commands passes on the kernel's own, and finds the faults of twins of a small one."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import deeplake
from deeplake.cli import (
    account,
    authoring,
    care,
    completion,
    contents,
    exchanging,
    history,
    installation,
    measuring,
)
from deeplake.errors import DeepLakeError, TensorDoesNotExistError
from deeplake.plugins.catalog import BUILTINS
from deeplake.spi import Command
from deeplake.testing.command import CommandContract, numbers
from deeplake.testing.contract import perform

EXAMPLES = """\
examples:
  deeplake count ./numbers
  deeplake count ./numbers --tensor x    # one of them

exit codes:
  0    done
  1    failed; the reason is on stderr
"""


class Count(Command, api=(1, 0)):
    """Counts rows."""

    help = "count the rows of a dataset"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("path", metavar="PATH", help="path or URL of a dataset")
        parser.add_argument("--tensor", metavar="NAME", help="count the rows of this tensor")
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")
        parser.epilog = EXAMPLES
        parser.formatter_class = argparse.RawDescriptionHelpFormatter

    def run(self, args: argparse.Namespace) -> int:
        count = self.count(args)
        self.show(json.dumps({"rows": count}) if args.json else f"{count} rows of 字")
        return 0

    def count(self, args: argparse.Namespace) -> float:
        ds = deeplake.load(args.path, read_only=True, verbose=False)
        return len(ds) if args.tensor is None else len(ds[args.tensor])

    def show(self, text: str) -> None:
        print(text)


class CountSuite(CommandContract):
    command = Count
    key = "count"
    works = ("./numbers", "./numbers@v1 --tensor x")
    fails = ("./nothing", "./numbers --tensor y")
    wrong = ("", "./numbers ./numbers", "./numbers --colour blue")
    heavy = ("torch",)
    needs = ("numpy",)  # this test module needs it


class TestCount(CountSuite):
    pass


# --------------------------------------------------------------------------- the kernel's own
class TestInfo(CommandContract):
    command = contents.Info
    key = "info"
    works = ("./numbers", "./numbers@v1")
    fails = ("./nothing", "./numbers@nowhere")
    wrong = ("", "./numbers extra")


class TestSummary(CommandContract):
    command = contents.Summary
    key = "summary"
    works = ("./numbers", "./numbers@v1")
    fails = ("./nothing",)
    wrong = ("",)


class TestLs(CommandContract):
    command = contents.Ls
    key = "ls"
    works = ("", ".", "./numbers", "-l ./numbers")
    fails = ("./nothing",)


class TestLog(CommandContract):
    command = history.Log
    key = "log"
    works = ("./numbers", "./numbers@v1 --oneline", "./numbers -n 1")
    fails = ("./nothing",)
    wrong = ("", "./numbers -n 0", "./numbers -n x")


class TestDiff(CommandContract):
    command = history.Diff
    key = "diff"
    works = ("./numbers", "./numbers v1", "./numbers v1 main")
    fails = ("./nothing", "./numbers nowhere")
    wrong = ("",)


class TestBranch(CommandContract):
    command = history.Branch
    key = "branch"
    works = ("./numbers",)
    fails = ("./nothing", "./numbers main")
    wrong = ("",)


class TestTag(CommandContract):
    command = history.Tag
    key = "tag"
    works = ("./numbers",)
    fails = ("./nothing",)
    wrong = ("",)


class TestMerge(CommandContract):
    command = history.Merge
    key = "merge"
    works = ("./numbers side",)
    fails = ("./numbers nowhere", "./nothing side")
    wrong = ("", "./numbers")
    writes = True
    supports_repeating = False

    @pytest.fixture
    def workspace(self, tmp_path: Path) -> Path:
        numbers(tmp_path)
        ds = deeplake.load(tmp_path / "numbers")
        ds.checkout("side", create=True)
        ds.x[0] = 9
        ds.commit("on the side")
        return tmp_path


class TestVerify(CommandContract):
    command = care.Verify
    key = "verify"
    works = ("./numbers",)
    finds = ("./damaged",)
    fails = ("./nothing",)
    wrong = ("",)

    @pytest.fixture
    def workspace(self, tmp_path: Path) -> Path:
        numbers(tmp_path)
        (tmp_path / "other").mkdir()
        os.rename(numbers(tmp_path / "other") / "numbers", tmp_path / "damaged")
        chunk = max((tmp_path / "damaged" / "data").rglob("*"), key=lambda f: f.stat().st_size)
        data = bytearray(chunk.read_bytes())
        data[len(data) // 2] ^= 1
        chunk.chmod(0o644)
        chunk.write_bytes(data)
        return tmp_path


class TestGc(CommandContract):
    command = care.Gc
    key = "gc"
    works = ("./numbers", "./numbers --delete --grace 0")
    fails = ("./nothing",)
    wrong = ("", "./numbers --grace -1", "./numbers --grace x")
    writes = True


class TestOptimize(CommandContract):
    command = care.Optimize
    key = "optimize"
    works = ("./numbers", "./numbers --tensor x")
    fails = ("./nothing", "./numbers --tensor y")
    wrong = ("",)
    writes = True


class TestCopy(CommandContract):
    command = care.Copy
    key = "copy"
    works = ("./numbers ./copy --overwrite", "./numbers ./deep --deep --overwrite")
    fails = ("./nothing ./copy", "./numbers ./numbers")
    wrong = ("", "./numbers")
    writes = True


class TestBench(CommandContract):
    command = measuring.Bench
    key = "bench"
    works = ("./numbers --rounds 1", "./numbers@v1 --tensor x --rows 3 --rounds 2 --batch 2")
    fails = ("./nothing", "./numbers --tensor y")
    wrong = ("", "./numbers --rounds 0", "./numbers --batch x")
    supports_repeating = False


class TestCompletion(CommandContract):
    command = completion.Completion
    key = "completion"
    works = ("bash", "zsh", "fish")
    wrong = ("", "tcsh")


class TestExport(CommandContract):
    command = exchanging.Export
    key = "export"
    works = ("./numbers ./out", "./numbers@v1 ./out2 --table csv --tensor x")
    fails = ("./nothing ./out", "./numbers ./numbers", "./numbers ./out --tensor y")
    wrong = ("", "./numbers", "./numbers ./out --table xml")
    writes = True
    supports_repeating = False

    def test_json_once(self, workspace: Path) -> None:
        [ended] = self._program(workspace, ["./numbers ./out --json"])
        assert json.loads(ended.out)["rows"] == 6


class TestIngest(CommandContract):
    command = exchanging.Ingest
    key = "ingest"
    works = (
        "csv ./table.csv ./made",
        "csv ./table.csv ./made2 -o labels=name --option delimiter=,",
    )
    fails = ("csv ./nothing ./made", "csv ./table.csv ./numbers", "nothing ./table.csv ./made",
             "csv ./table.csv ./made -o labels=colour")  # fmt: skip
    wrong = ("", "csv", "csv ./table.csv", "csv ./table.csv ./made -o labels")
    writes = True
    supports_repeating = False

    @pytest.fixture
    def workspace(self, tmp_path: Path) -> Path:
        (tmp_path / "table.csv").write_text("n,name\n1,a\n2,b\n")
        return numbers(tmp_path)


class TestPlugins(CommandContract):
    command = installation.Plugins
    key = "plugins"
    works = ("",)
    supports_repeating = False  # what was loaded meanwhile is told


class TestReporting(CommandContract):
    command = installation.Reporting
    key = "reporting"
    works = ("", "--off", "--on")
    wrong = ("--on --off",)


class TestLogin(CommandContract):
    command = account.Login
    key = "login"
    works = ("", "-u me -p secret", "--username me --token t")
    wrong = ("me", "--email me@here")


class TestLogout(CommandContract):
    command = account.Logout
    key = "logout"
    works = ("",)
    wrong = ("-u me",)


class TestRegister(CommandContract):
    command = account.Register
    key = "register"
    works = ("", "-u me -e me@here -p secret")
    wrong = ("--token t",)


class TestNewPlugin(CommandContract):
    command = authoring.NewPlugin
    key = "new-plugin"
    works = ("sampler first", "codec second --into deeper")
    fails = ("codec zlib", "sampler third --into numbers/deeplake.json/x")
    wrong = ("", "sampler", "sampler ../x", "nothing x")
    writes = True
    supports_repeating = False

    @pytest.fixture
    def workspace(self, tmp_path: Path) -> Path:
        (tmp_path / "numbers").mkdir()
        (tmp_path / "numbers" / "deeplake.json").touch()
        return tmp_path


def test_every_command_of_the_kernel_is_here() -> None:
    tested = {
        f"{suite.command.__module__}:{suite.command.__qualname__}"
        for name, suite in globals().items()
        if name.startswith("Test") and issubclass(suite, CommandContract)
    }
    # Those that other plugins answer are tested with them.
    elsewhere = {"deeplake.cli.querying:Query"}
    assert set(BUILTINS["command"].values()) - elsewhere <= tested


# --------------------------------------------------------------------------- broken twins
class WithoutApi(Count):
    api = None


class Wordy(Count):
    help = "count the rows\nof a dataset"


class Unexplained(Count):
    def configure(self, parser: argparse.ArgumentParser) -> None:
        super().configure(parser)
        parser.add_argument("--quick", action="store_true")


class OldExamples(Count):
    """Its examples have an option that is no more."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        super().configure(parser)
        parser.epilog = EXAMPLES.replace("--tensor x", "--column x")


class NoExamples(Count):
    def configure(self, parser: argparse.ArgumentParser) -> None:
        super().configure(parser)
        parser.epilog = EXAMPLES.partition("\n\n")[2]


class NoCodes(Count):
    def configure(self, parser: argparse.ArgumentParser) -> None:
        super().configure(parser)
        parser.epilog = EXAMPLES.partition("\n\n")[0]


class Growing(Count):
    """Remembers the options that it declared."""

    names: ClassVar[list[str]] = []

    def configure(self, parser: argparse.ArgumentParser) -> None:
        super().configure(parser)
        self.names.append(f"--option-{len(self.names)}")
        for name in self.names:
            parser.add_argument(name, help="one more")


class Eager(Count):
    """Looks at the dataset before it knows which."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        super().configure(parser)
        Path("count.cache").touch()
        deeplake.exists("./numbers")


class Heavy(Count):
    def configure(self, parser: argparse.ArgumentParser) -> None:
        import asyncio

        super().configure(parser)
        assert asyncio


class Says(Count):
    """Tells people how it goes, and programs too."""

    def show(self, text: str) -> None:
        print("done", file=sys.stderr)
        super().show(text)


class Coloured(Count):
    def show(self, text: str) -> None:
        print(f"\x1b[1m{text}\x1b[0m")


class Truth(Count):
    def run(self, args: argparse.Namespace) -> int:
        return super().run(args) == 0


class Nothing(Count):
    def run(self, args: argparse.Namespace) -> int:
        super().run(args)
        return None  # type: ignore[return-value]


class Exits(Count):
    def run(self, args: argparse.Namespace) -> int:
        sys.exit(super().run(args))


class NotANumber(Count):
    def count(self, args: argparse.Namespace) -> float:
        super().count(args)
        return float("nan")


class TwoDocuments(Count):
    def show(self, text: str) -> None:
        super().show(text)
        super().show(text)


class Lenient(Count):
    """What is not there has no rows."""

    def count(self, args: argparse.Namespace) -> float:
        try:
            return super().count(args)
        except DeepLakeError:
            return 0


class Raw(Count):
    """Lets an error of Python through."""

    def count(self, args: argparse.Namespace) -> float:
        try:
            return super().count(args)
        except TensorDoesNotExistError as error:
            raise KeyError(args.tensor) from error


class HalfDone(Count):
    """Prints before it knows that it can."""

    def run(self, args: argparse.Namespace) -> int:
        print("counting")
        return super().run(args)


class Leaving(Count):
    """Leaves something behind when it fails."""

    def count(self, args: argparse.Namespace) -> float:
        Path("count.lock").touch()
        count = super().count(args)
        Path("count.lock").unlink()
        return count


class Generous(Count):
    """Takes any number of paths."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        super().configure(parser)
        parser.add_argument("more", nargs="*", help="what else")


class Writing(Count):
    def count(self, args: argparse.Namespace) -> float:
        (Path(args.path.partition("@")[0]) / "counted").write_text(str(time.time()))
        return super().count(args)


class Moody(Count):
    def count(self, args: argparse.Namespace) -> float:
        return super().count(args) + float(np.random.default_rng().random())


class Bytes(Count):
    """Does not know that a terminal may have no letter for it."""

    def show(self, text: str) -> None:
        text.encode(sys.stdout.encoding, "strict")
        super().show(text)


FAULTS: dict[type[Command], str] = {
    WithoutApi: "test_states_what_the_registry_needs",
    Wordy: "test_help_is_one_line",
    Unexplained: "test_each_argument_is_explained",
    OldExamples: "test_help_has_examples_that_parse",
    NoExamples: "test_help_has_examples_that_parse",
    NoCodes: "test_help_says_what_exit_codes_mean",
    Growing: "test_configuring_does_nothing_else",
    Eager: "test_configuring_does_nothing_else",
    Heavy: "test_help_is_light",
    Says: "test_lines_that_work",
    Coloured: "test_lines_that_work",
    Truth: "test_lines_that_work",
    Nothing: "test_lines_that_work",
    NotANumber: "test_json",
    TwoDocuments: "test_json",
    Lenient: "test_lines_that_fail",
    Raw: "test_lines_that_fail",
    HalfDone: "test_lines_that_fail",
    Leaving: "test_lines_that_fail",
    Generous: "test_lines_that_make_no_sense",
    Writing: "test_looking_changes_nothing",
    Moody: "test_lines_can_be_repeated",
    Bytes: "test_a_terminal_without_letters",
    Exits: "test_the_code_is_returned_and_not_raised",
}
"""Twin -> the test that finds its fault."""


@pytest.mark.parametrize(("twin", "name"), FAULTS.items(), ids=lambda v: getattr(v, "__name__", v))
def test_a_twin_with_a_fault_is_found(twin: type[Command], name: str, tmp_path: Path) -> None:
    suite = type("Suite", (CountSuite,), {"command": twin})()
    with pytest.raises(
        (AssertionError, KeyError, TypeError, SystemExit, UnicodeError, json.JSONDecodeError)
    ):
        perform(suite, name, workspace=numbers(tmp_path))


def test_a_check_that_finds_nothing_is_found(tmp_path: Path) -> None:
    suite: Any = type("Suite", (CountSuite,), {"finds": ("./numbers",)})()
    with pytest.raises(AssertionError):
        perform(suite, "test_what_was_looked_for_and_found", workspace=numbers(tmp_path))


def test_every_test_finds_a_fault() -> None:
    rest = {
        "test_import_is_cheap",
        "test_no_test_of_the_suite_is_missing",
        "test_what_was_looked_for_and_found",
    }
    names = {name for name in dir(CommandContract) if name.startswith("test_")}
    assert names - rest == set(FAULTS.values())
