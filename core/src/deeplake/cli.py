"""The command ``deeplake``. Its own subcommands are plugins of the kind ``command``, as others are.

Exit codes: 0, it was done; 1, it could not be done, and the reason is on stderr; 2, the command
line makes no sense; 130, interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from deeplake import plugins
from deeplake._version import __version__
from deeplake.errors import DeepLakeError
from deeplake.spi import Command

_EPILOG = """\
exit codes:
  0    done
  1    failed; the reason is on stderr
  2    wrong usage
  130  interrupted

environment variables:
  DEEPLAKE_DEBUG=1                             show where an error happened
  DEEPLAKE_PLUGINS_TRACE=1                     show which plugins are found and loaded
  DEEPLAKE_PLUGINS_DISABLE=kind:key,dist,...   do without these plugins and distributions
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Raises:
        SystemExit: After ``--help`` and ``--version`` (0), and for a wrong command line (2).
    """
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`| head`) has gone. The interpreter flushes stdout again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if os.environ.get("DEEPLAKE_DEBUG", "0") not in ("", "0"):
            raise
        print(f"deeplake: {_message(error)}", file=sys.stderr)
        return 1
    return code


def _run(argv: list[str]) -> int:
    parser = _parser(argv)
    if not argv:
        parser.print_help(sys.stderr)
        return 2
    args = parser.parse_args(argv)
    command: Command = args.deeplake_command
    del args.deeplake_command
    return command.run(args)


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    name = os.path.basename(sys.argv[0])
    parser = argparse.ArgumentParser(
        prog=name if name in ("deeplake", "activeloop") else "deeplake",
        description="Datasets of tensors for deep learning.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"deeplake-core {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    wanted = next((arg for arg in argv if not arg.startswith("-")), None)
    installed = {
        info.key: info.distribution
        for info in plugins.available()
        if info.kind == "command" and info.source == "installed" and info.status != "shadowed"
    }
    for key in plugins.names("command"):
        if key in installed and key != wanted:
            # One command must not import the plugins of all others, nor fail with them.
            subparsers.add_parser(key, help=f"provided by {installed[key]}")
            continue
        command = plugins.get("command", key)
        subparser = subparsers.add_parser(key, help=command.help, description=command.help)
        command.configure(subparser)
        subparser.set_defaults(deeplake_command=command)
    return parser


def _message(error: Exception) -> str:
    if not isinstance(error, DeepLakeError):
        return f"unexpected {type(error).__name__}: {error} (DEEPLAKE_DEBUG=1 shows where)"
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


# --------------------------------------------------------------------------- commands
class Info(Command, api=(1, 0)):
    """``deeplake info PATH``."""

    help = "show what is in a dataset: its tensors, length, branch and commit"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        _add_path(parser)
        _add_json(parser)

    def run(self, args: argparse.Namespace) -> int:
        import deeplake

        ds = deeplake.load(args.path, read_only=True, verbose=False)
        tensors = [
            {
                "name": name,
                "htype": tensor.htype,
                "dtype": None if tensor.dtype is None else tensor.dtype.name,
                "shape": list(tensor.shape),
            }
            for name, tensor in ds.tensors.items()
        ]
        found = {
            "path": ds.path,
            "length": len(ds),
            "branch": ds.branch,
            "commit": ds.commit_id,
            "tensors": tensors,
        }
        if args.json:
            _print_json(found)
            return 0
        for key in ("path", "length", "branch", "commit"):
            print(f"{key:8}{found[key]}")
        print()
        _print_table(
            ("tensor", "htype", "dtype", "shape"),
            (
                (name, tensor.htype, entry["dtype"], tensor.shape_interval)
                for (name, tensor), entry in zip(ds.tensors.items(), tensors, strict=True)
            ),
        )
        return 0


class Summary(Command, api=(1, 0)):
    """``deeplake summary PATH``."""

    help = "print the table that ds.summary() prints"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        _add_path(parser)

    def run(self, args: argparse.Namespace) -> int:
        import deeplake

        deeplake.load(args.path, read_only=True, verbose=False).summary()
        return 0


class Plugins(Command, api=(1, 0)):
    """``deeplake plugins``."""

    help = "list plugins: kind, key, distribution, version, API, status and source"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="import each one; exit with 1 if one of them cannot be used",
        )
        _add_json(parser)

    def run(self, args: argparse.Namespace) -> int:
        found = plugins.check() if args.check else plugins.available()
        if args.json:
            from dataclasses import asdict

            _print_json([asdict(info) for info in found])
        else:
            _print_table(
                ("kind", "key", "distribution", "version", "api", "status", "source"),
                (
                    (
                        info.kind,
                        info.key,
                        info.distribution or info.entry_point,
                        info.version,
                        f"{info.api[0]}.{info.api[1]}" if info.api else None,
                        info.status,
                        info.source,
                    )
                    for info in found
                ),
            )
            for info in found:
                if info.reason:
                    print(f"\n{info.plugin} is {info.status}: {info.reason}")
        return int(args.check and any(info.status in ("broken", "conflict") for info in found))


class Reporting(Command, api=(1, 0)):
    """``deeplake reporting --off``, which scripts for Deep Lake 3 call."""

    help = "say what is reported to anybody: nothing"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        switch = parser.add_mutually_exclusive_group()
        switch.add_argument("--off", action="store_true", help="accepted: it is off")
        switch.add_argument("--on", action="store_true", help="accepted, and stays off")

    def run(self, args: argparse.Namespace) -> int:
        print(
            "Nothing is reported to anybody, and nothing can be turned on: there is no telemetry."
        )
        return 0


# --------------------------------------------------------------------------- arguments, output
def _add_path(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="path or URL of a dataset, with @branch or @commit if wanted")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def _print_json(value: Any) -> None:
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))


def _print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    lines = [tuple(head)]
    lines += [tuple("-" if cell in (None, "") else str(cell) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(map(str.ljust, line, widths)).rstrip())


__all__ = ["Info", "Plugins", "Reporting", "Summary", "main"]

if __name__ == "__main__":
    sys.exit(main())
