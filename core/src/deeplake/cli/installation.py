"""Commands about the installation: ``plugins``, ``reporting``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator

from deeplake import plugins
from deeplake.cli.arguments import add_json, explain
from deeplake.cli.output import print_json, print_table
from deeplake.plugins import PluginInfo
from deeplake.plugins.discovery import switches
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
            "List what extends deeplake, built in or installed, without importing it. What variables of "
            "the environment turn off is listed as disabled.",
            "deeplake plugins",
            "deeplake plugins --check --json",
            "DEEPLAKE_PLUGINS_ALLOW=deeplake-codecs deeplake plugins",
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
            for line in (*_reasons(found), *switches().misses(found)):
                print(f"\n{line}")
        return int(args.check and any(info.status in ("broken", "conflict") for info in found))


def _reasons(found: Iterable[PluginInfo]) -> Iterator[str]:
    """Why plugins are not used; once for those of a distribution that share the reason."""
    alike: dict[tuple[str, str, str], list[PluginInfo]] = {}
    for info in found:
        if info.reason:
            alike.setdefault((info.distribution, info.status, info.reason), []).append(info)
    for (distribution, status, reason), infos in alike.items():
        by = distribution or "this process"
        what = infos[0].plugin if len(infos) == 1 else f"{len(infos)} plugins of {by}"
        yield f"{what} {'is' if len(infos) == 1 else 'are'} {status}: {reason}"


class Reporting(Command, api=(1, 0)):
    """``deeplake reporting --off``, which scripts for Deep Lake 3 call."""

    help = "say what is reported to anybody: nothing"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        switch = parser.add_mutually_exclusive_group()
        switch.add_argument("--off", action="store_true", help="accepted: it is off")
        switch.add_argument("--on", action="store_true", help="accepted, and stays off")
        add_json(parser)
        explain(
            parser,
            "Say what is reported to anybody: nothing. Scripts for Deep Lake 3 call it.",
            "deeplake reporting --off",
        )

    def run(self, args: argparse.Namespace) -> int:
        if args.json:
            print_json({"reporting": False})
        else:
            print(
                "Nothing is reported to anybody, and nothing can be turned on: there is no "
                "telemetry."
            )
        return 0


__all__ = ["Plugins", "Reporting"]
