"""The program: finds the command, runs it, and turns errors into messages and exit codes."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from deeplake import plugins
from deeplake._version import __version__
from deeplake.errors import DeepLakeError
from deeplake.spi import Command

_EPILOG = """\
exit codes:
  0    done
  1    failed, and the reason is on stderr; or a check found problems
  2    wrong usage
  130  interrupted

environment variables:
  DEEPLAKE_DEBUG=1                             show where an error happened
  DEEPLAKE_PLUGINS_TRACE=1                     show which plugins are found and loaded
  DEEPLAKE_PLUGINS_ALLOW=kind:key,dist,...     of what is installed, use only these
  DEEPLAKE_PLUGINS_DISABLE=kind:key,dist,...   do without these plugins and distributions
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Raises:
        SystemExit: After ``--help`` and ``--version`` (0), and for a wrong command line (2).
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that has no letter for a name gets its code, not a failure.
            stream.reconfigure(errors="backslashreplace")
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


__all__ = ["main"]
