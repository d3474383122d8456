"""Arguments that several commands have, and how their help looks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def add_path(parser: argparse.ArgumentParser, *, versions: bool = True) -> None:
    """The dataset that a command is about.

    Args:
        parser: The command's parser.
        versions: The path may have a version address.
    """
    suffix = ", with @branch, @tag or @commit for another version than main" if versions else ""
    parser.add_argument("path", metavar="PATH", help=f"path or URL of a dataset{suffix}")


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def add_tensors(parser: argparse.ArgumentParser, what: str) -> None:
    """``--tensor NAME``, any number of times."""
    parser.add_argument(
        "--tensor", action="append", dest="tensors", metavar="NAME",
        help=f"{what} only this tensor or group; may be given several times",
    )  # fmt: skip


def explain(parser: argparse.ArgumentParser, about: str, *examples: str, codes: str = "") -> None:
    """More help: what a command does, examples, and exit codes if they say more than usual.

    Args:
        parser: The command's parser.
        about: One or two paragraphs.
        examples: Command lines.
        codes: What exit code 1 means.
    """
    lines = ["examples:", *(f"  {example}" for example in examples)]
    lines += [
        "",
        "exit codes:",
        "  0    done",
        f"  1    {codes or 'failed; the reason is on stderr'}",
    ]
    lines += ["  2    wrong usage"]
    parser.description = about
    parser.epilog = "\n".join(lines)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def bar_shown(args: argparse.Namespace) -> bool:
    """Whether a progress bar makes sense: somebody looks, and no program reads."""
    return not args.json and sys.stderr.isatty()


@contextmanager
def hint(kind: type[Exception], options: str) -> Iterator[None]:
    """Say which options an error is about, whose message speaks of arguments in Python."""
    try:
        yield
    except kind as error:
        if "=" in str(error):
            error.add_note(f"on the command line: {options}")
        raise


__all__ = ["add_json", "add_path", "add_tensors", "bar_shown", "explain", "hint"]
