"""What is installed: the entry points of the groups ``deeplake.<kind>``, read without importing."""

from __future__ import annotations

import os
import re
import sys
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from deeplake._version import __version__
from deeplake.plugins.catalog import CORE

_GROUP = "deeplake."


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One provider of one key, as far as it is known without importing it.

    Attributes:
        kind: Kind of plugin, or ``"hooks"``.
        key: Key.
        distribution: Distribution that brings it; empty if it was registered in this process.
        version: Version of the distribution.
        entry_point: ``module:class`` that is imported.
        source: Where it comes from.
        status: ``"available"``: not imported yet. ``"loaded"``: in use. ``"shadowed"``: another
            source comes first. ``"disabled"``: by the environment. ``"conflict"``: two
            distributions provide the key. ``"incomplete"``: an extra of its distribution is not
            installed. ``"broken"``: it was tried and cannot be used.
        api: Version of the contract it was written for; None before it is loaded, and for hooks.
        reason: Why it is not used, in words.
    """

    kind: str
    key: str
    distribution: str
    version: str
    entry_point: str
    source: Literal["built-in", "installed", "in-process"]
    status: Literal[
        "available", "loaded", "shadowed", "disabled", "conflict", "incomplete", "broken"
    ] = "available"
    api: tuple[int, int] | None = None
    reason: str = ""

    @property
    def plugin(self) -> str:
        """What is provided, for messages: ``storage "s3"``."""
        return f'{self.kind} "{self.key}"'

    @property
    def provider(self) -> str:
        """Who provides it, for messages: ``acme-s3 1.2 (acme_s3:S3)``."""
        if self.source == "in-process":
            return f"{self.entry_point} (registered in this process)"
        return f"{self.distribution} {self.version} ({self.entry_point})"


Installed: TypeAlias = Mapping[str, Mapping[str, Sequence[PluginInfo]]]

_found: tuple[object, Installed] | None = None
_warned_of_namesake = False


def installed(*, again: bool = True) -> Installed:
    """Kind -> key -> providers among the installed distributions.

    Scanning all distributions takes milliseconds, so it is done once, and again only when a
    directory of the import path has changed: what a notebook installs is found without a restart.

    Args:
        again: Look whether a directory has changed.
    """
    global _found
    if _found is not None and not again:
        return _found[1]
    state = [(path, _modified(path)) for path in sys.path]
    if _found is None or _found[0] != state:
        started = time.perf_counter()
        table = _scan()
        _found = (state, table)
        count = sum(len(infos) for keys in table.values() for infos in keys.values())
        trace(f"found {count} installed plugins in {time.perf_counter() - started:.4f} s")
        _warn_of_namesake()
    return _found[1]


def _scan() -> Installed:
    from importlib import metadata

    lacking.cache_clear()
    table: dict[str, dict[str, list[PluginInfo]]] = {}
    points = metadata.entry_points()
    for group in points.groups:
        if not group.startswith(_GROUP):
            continue
        kind = group.removeprefix(_GROUP)
        for point in points.select(group=group):
            distribution, version = (
                (point.dist.name, point.dist.version) if point.dist else ("unknown", "unknown")
            )
            info = PluginInfo(kind, point.name, distribution, version, point.value, "installed")
            providers = table.setdefault(kind, {}).setdefault(point.name, [])
            if info not in providers:
                providers.append(info)
    return table


def extra_of(entry_point: str) -> str:
    """The extra that an entry point names behind its class: ``module:class [extra]``."""
    return entry_point.partition("[")[2].rstrip("] ")


@lru_cache
def lacking(distribution: str, extra: str) -> tuple[str, ...]:
    """Names of the distributions that an extra asks for and that are not installed.

    Args:
        distribution: Name of a distribution that is installed.
        extra: Name of one of its extras.
    """
    from importlib import metadata

    try:
        requirements = metadata.requires(distribution) or ()
    except metadata.PackageNotFoundError:
        return ()  # an entry point of nobody knows which distribution
    missing = []
    for requirement in requirements:
        name, _, marker = requirement.partition(";")
        found = re.match(r"\s*([A-Za-z0-9._-]+)", name)
        if found is None or not re.search(rf"extra\s*==\s*['\"]{re.escape(extra)}['\"]", marker):
            continue
        try:
            metadata.version(found[1])
        except metadata.PackageNotFoundError:
            missing.append(found[1])
    return tuple(missing)


def _modified(path: str) -> int:
    try:
        return os.stat(path or ".").st_mtime_ns
    except OSError:
        return 0


def _warn_of_namesake() -> None:
    """Warn once of the foreign distribution ``deeplake``, whose package has our package's name."""
    global _warned_of_namesake
    from importlib import metadata

    if _warned_of_namesake:
        return
    try:
        version = metadata.version("deeplake")
    except metadata.PackageNotFoundError:
        return
    _warned_of_namesake = True
    warnings.warn(
        f'The distribution "deeplake" {version} is installed beside "{CORE}" {__version__}. It is '
        "another project, and both put files into the package `deeplake`: each breaks the other. "
        f"Remove both, install this one again: pip uninstall deeplake {CORE}; pip install {CORE}",
        RuntimeWarning,
        stacklevel=2,
    )


@dataclass(frozen=True, slots=True)
class Switches:
    """What the environment says about which plugins are used.

    Attributes:
        disabled: What ``DEEPLAKE_PLUGINS_DISABLE`` names: ``kind:key``, and normalized distributions.
        allowed: What ``DEEPLAKE_PLUGINS_ALLOW`` names, in the same way; None if it is not set.
    """

    disabled: frozenset[str]
    allowed: frozenset[str] | None

    def reason_against(self, info: PluginInfo) -> str:
        """Why a plugin is not used, in words; empty if it may be."""
        names = {f"{info.kind}:{info.key}", _normalized(info.distribution)}
        if not names.isdisjoint(self.disabled):
            return "named by DEEPLAKE_PLUGINS_DISABLE"
        # The kernel works with its own plugins, and what a process registers it has chosen itself.
        if info.source != "installed" or self.allowed is None or names & self.allowed:
            return ""
        return "not named by DEEPLAKE_PLUGINS_ALLOW"

    def misses(self, infos: Iterable[PluginInfo]) -> list[str]:
        """What the variables name and is not there, in words."""
        there = {CORE}
        for info in infos:
            there |= {f"{info.kind}:{info.key}", _normalized(info.distribution)}
        variables = {"DISABLE": self.disabled, "ALLOW": self.allowed or frozenset()}
        return [
            f"DEEPLAKE_PLUGINS_{variable} names {item}, which is not there"
            for variable, items in variables.items()
            for item in sorted(items - there)
        ]


def switches() -> Switches:
    """What the environment says now."""
    disabled, allowed = (
        frozenset(
            item if ":" in item else _normalized(item)
            for item in map(str.strip, os.environ.get(f"DEEPLAKE_PLUGINS_{name}", "").split(","))
            if item
        )
        for name in ("DISABLE", "ALLOW")
    )
    return Switches(disabled, allowed or None)


def _normalized(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def trace(text: str) -> None:
    """Log what was found or loaded, if ``DEEPLAKE_PLUGINS_TRACE`` asks for it."""
    if os.environ.get("DEEPLAKE_PLUGINS_TRACE", "0") in ("", "0"):
        return
    import logging

    logger = logging.getLogger("deeplake.plugins")
    if not logger.hasHandlers():
        # Who asks for a trace wants to see it, whether or not the program sets up logging.
        logger.addHandler(logging.StreamHandler())
    if not logger.isEnabledFor(logging.INFO):
        logger.setLevel(logging.INFO)
    logger.info(text)


__all__ = [
    "Installed",
    "PluginInfo",
    "Switches",
    "extra_of",
    "installed",
    "lacking",
    "switches",
    "trace",
]
