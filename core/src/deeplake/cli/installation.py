"""Commands about the installation: ``plugins``, ``reporting``."""

from __future__ import annotations

import argparse

from deeplake import plugins
from deeplake.cli.arguments import add_json, explain
from deeplake.cli.output import print_json, print_table
from deeplake.spi import Command


class Plugins(Command, api=(1, 0)):
    """``deeplake plugins``."""

    help = "list plugins: kind, key, distribution, version, API, status and source"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="import each one; exit with 1 if one of them cannot be used",
        )
        add_json(parser)
        explain(
            parser,
            "List what extends deeplake, built in or installed, without importing it.",
            "deeplake plugins",
            "deeplake plugins --check --json",
            codes="with --check: a plugin cannot be used",
        )

    def run(self, args: argparse.Namespace) -> int:
        found = plugins.check() if args.check else plugins.available()
        if args.json:
            from dataclasses import asdict

            print_json([asdict(info) for info in found])
        else:
            print_table(
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
        explain(
            parser,
            "Say what is reported to anybody: nothing. Scripts for Deep Lake 3 call it.",
            "deeplake reporting --off",
        )

    def run(self, args: argparse.Namespace) -> int:
        print(
            "Nothing is reported to anybody, and nothing can be turned on: there is no telemetry."
        )
        return 0


__all__ = ["Plugins", "Reporting"]
