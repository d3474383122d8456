"""One provider for each key of each kind."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal, TypeAlias, overload

from deeplake import spi
from deeplake._version import __version__
from deeplake.errors import PluginConflictError, PluginError, PluginNotFoundError
from deeplake.plugins import hooking, loading
from deeplake.plugins.catalog import BUILTINS, CORE, EXTRAS
from deeplake.plugins.discovery import (
    PluginInfo,
    Switches,
    extra_of,
    installed,
    lacking,
    switches,
    trace,
)
from deeplake.plugins.wording import entry_point_of, listed, nearest

Provider: TypeAlias = type[spi.Plugin] | spi.Plugin

_loaded: dict[str, dict[str, spi.Plugin]] = {kind: {} for kind in spi.KINDS}
_registered: dict[str, dict[str, Provider]] = {kind: {} for kind in spi.KINDS}


# fmt: off
@overload
def get(kind: Literal["storage"], key: str) -> spi.StorePlugin: ...
@overload
def get(kind: Literal["codec"], key: str) -> spi.Codec: ...
@overload
def get(kind: Literal["htype"], key: str) -> spi.HtypePlugin: ...
@overload
def get(kind: Literal["framework"], key: str) -> spi.FrameworkAdapter: ...
@overload
def get(kind: Literal["query"], key: str) -> spi.QueryEngine: ...
@overload
def get(kind: Literal["sampler"], key: str) -> spi.Sampler: ...
@overload
def get(kind: Literal["executor"], key: str) -> spi.Executor: ...
@overload
def get(kind: Literal["viewer"], key: str) -> spi.Viewer: ...
@overload
def get(kind: Literal["command"], key: str) -> spi.Command: ...
@overload
def get(kind: Literal["ingest"], key: str) -> spi.Ingestor: ...
@overload
def get(kind: str, key: str) -> spi.Plugin: ...
# fmt: on
def get(kind: str, key: str) -> spi.Plugin:
    """The plugin of a key: the same object in the whole process, also for the aliases of a class.

    Args:
        kind: A kind of ``deeplake.spi.KINDS``.
        key: Key of that kind: a URL scheme, the name of a compression, …

    Raises:
        PluginNotFoundError: Nothing provides the key; the message says what to install.
        PluginConflictError: Two distributions provide it.
        PluginLoadError: Its provider cannot be imported or made.
        PluginApiError: Its provider speaks an API version that this kernel does not.
        PluginContractError: Its provider is not a complete class of the kind.
    """
    try:
        return _loaded[kind][key]
    except KeyError:
        return _load(_provider(kind, key))


_USABLE = ("available", "loaded", "conflict", "broken")


def names(kind: str) -> list[str]:
    """Keys of a kind that can be asked for, sorted. Nothing is imported.

    Raises:
        PluginNotFoundError: There is no such kind.
    """
    _check_kind(kind)
    return sorted({info.key for info in _rows(kind) if info.status in _USABLE})


def available() -> list[PluginInfo]:
    """Every provider of every key, hooks included, without importing any."""
    kinds = sorted({*spi.KINDS, *installed()} - {hooking.KIND})
    return [*(info for kind in kinds for info in _rows(kind)), *hooking.rows()]


def check() -> list[PluginInfo]:
    """As :func:`available`, but import what would be used, and say what is broken and why."""
    return [
        _tried(info) if info.status in ("available", "loaded") else info for info in available()
    ]


def _tried(info: PluginInfo) -> PluginInfo:
    try:
        if info.kind == hooking.KIND:
            hooking.check(info)
            return replace(info, status="loaded")
        return replace(info, status="loaded", api=type(get(info.kind, info.key)).api)
    except PluginError as error:
        return replace(info, status="broken", reason=str(error))


# --------------------------------------------------------------------------- in this process
def register(kind: str, key: str, provider: Provider) -> None:
    """Provide a key in this process, before built-ins and installed distributions.

    Args:
        kind: A kind of ``deeplake.spi.KINDS``.
        key: Key to provide.
        provider: Plugin class, or an instance of one.

    Raises:
        PluginNotFoundError: There is no such kind.
        PluginConflictError: Something else is registered for the key.
        PluginApiError, PluginContractError: As :func:`get`.
    """
    _check_kind(kind)
    loading.check_contract(_described(kind, key, provider), provider)
    present = _registered[kind].setdefault(key, provider)
    if present is not provider:
        raise PluginConflictError(
            f'{kind} "{key}" is registered in this process already, by {entry_point_of(present)}: '
            f"unregister it before you register {entry_point_of(provider)}"
        )
    _unload(kind, key)


def unregister(kind: str, key: str) -> None:
    """Undo :func:`register`. What the plugin opened goes on working.

    Raises:
        PluginNotFoundError: The key is not registered in this process.
    """
    _check_kind(kind)
    if _registered[kind].pop(key, None) is None:
        raise PluginNotFoundError(
            f'{kind} "{key}" is not registered in this process; registered are '
            f"{listed(_registered[kind])}"
        )
    _unload(kind, key)


@contextmanager
def registered(kind: str, key: str, provider: Provider) -> Iterator[spi.Plugin]:
    """Provide a key inside a ``with`` block, mostly for tests; gives the plugin.

    Raises:
        PluginError: As :func:`register` and :func:`get`.
    """
    register(kind, key, provider)
    try:
        yield get(kind, key)
    finally:
        unregister(kind, key)


def _unload(kind: str, key: str) -> None:
    plugin = _loaded[kind].pop(key, None)
    if plugin is not None and not any(plugin in keys.values() for keys in _loaded.values()):
        loading.forget(plugin)


# --------------------------------------------------------------------------- choosing a provider
def _provider(kind: str, key: str) -> PluginInfo:
    _check_kind(kind)
    rows: list[PluginInfo] = []
    # Entry points are looked at only if nothing nearer provides the key: it takes milliseconds.
    for everywhere in (False, True):
        rows = _rows(kind, key, everywhere=everywhere)
        if rows and rows[0].status == "conflict":
            raise PluginConflictError(rows[0].reason)
        if rows and rows[0].status == "incomplete":
            raise PluginNotFoundError(rows[0].reason)
        if rows and rows[0].status != "disabled":
            return rows[0]
    if rows:
        raise PluginNotFoundError(
            f"{rows[0].plugin} of {rows[0].provider} is disabled: it or its distribution is "
            f"{rows[0].reason}, a variable of the environment"
        )
    raise _not_found(kind, key)


def _rows(kind: str, key: str | None = None, *, everywhere: bool = True) -> list[PluginInfo]:
    """Providers of a kind, or of one key, with their status: by key, who is used first.

    Args:
        kind: Kind.
        key: Only this key.
        everywhere: Also among the installed distributions.
    """
    providers: dict[str, list[PluginInfo]] = {}
    for name, provider in list(_registered.get(kind, {}).items()):
        providers.setdefault(name, []).append(_described(kind, name, provider))
    for name, entry_point in BUILTINS.get(kind, {}).items():
        info = PluginInfo(kind, name, CORE, __version__, entry_point, "built-in")
        providers.setdefault(name, []).append(info)
    if everywhere:
        for name, infos in installed().get(kind, {}).items():
            providers.setdefault(name, []).extend(infos)
    environment = switches()
    chosen = sorted(providers) if key is None else [key] if key in providers else []
    return [info for name in chosen for info in _ranked(providers[name], environment)]


def _ranked(infos: list[PluginInfo], environment: Switches) -> list[PluginInfo]:
    """The providers of one key with their status, the one that is used first."""
    kind, key = infos[0].kind, infos[0].key
    if kind not in spi.KINDS:
        reason = f'{CORE} {__version__} knows no plugins of kind "{kind}"; a newer one may'
        return [replace(info, status="broken", reason=reason) for info in infos]
    usable, rest = [], []
    for info in infos:
        if reason := environment.reason_against(info):
            rest.append(replace(info, status="disabled", reason=reason))
        else:
            usable.append(info)
    if len(usable) > 1 and usable[0].source == "installed":
        reason = (
            f"{usable[0].plugin} is provided by {' and by '.join(i.provider for i in usable)}: "
            "uninstall all but one of these distributions, or name all but one in the environment "
            "variable DEEPLAKE_PLUGINS_DISABLE"
        )
        return [*(replace(info, status="conflict", reason=reason) for info in usable), *rest]
    for position, info in enumerate(usable):
        if position > 0:
            reason = f"{usable[0].provider} comes first"
            usable[position] = replace(info, status="shadowed", reason=reason)
        elif key in _loaded[kind]:
            usable[0] = replace(info, status="loaded", api=type(_loaded[kind][key]).api)
        else:
            usable[0] = _completed(info)
    return [*usable, *rest]


def _completed(info: PluginInfo) -> PluginInfo:
    """The provider, with what is missing of the extra that it needs."""
    extra = extra_of(info.entry_point)
    missing = lacking(info.distribution, extra) if extra and info.source == "installed" else ()
    if not missing:
        return info
    ours = EXTRAS.get(info.kind, {}).get(info.key)
    wanted = f"{CORE}[{ours}]" if ours else f"{info.distribution}[{extra}]"
    reason = f'{info.plugin} needs {" and ".join(missing)}: pip install "{wanted}"'
    return replace(info, status="incomplete", reason=reason)


def _load(info: PluginInfo) -> spi.Plugin:
    started = time.perf_counter()
    provider = (
        _registered[info.kind][info.key] if info.source == "in-process" else loading.imported(info)
    )
    loading.check_contract(info, provider)
    plugin = loading.instance(info, provider) if isinstance(provider, type) else provider
    trace(f"loaded {info.plugin} of {info.provider} in {time.perf_counter() - started:.4f} s")
    # Two threads may have come here: both use what the first one stored.
    return _loaded[info.kind].setdefault(info.key, plugin)


def _described(kind: str, key: str, provider: Provider) -> PluginInfo:
    return PluginInfo(kind, key, "", "", entry_point_of(provider), "in-process")


# --------------------------------------------------------------------------- what is not there
def _check_kind(kind: str) -> None:
    if kind not in spi.KINDS:
        raise PluginNotFoundError(f'There are no plugins of kind "{kind}"{_else(kind, spi.KINDS)}')


def _not_found(kind: str, key: str) -> PluginNotFoundError:
    text = f'Nothing that is installed provides {kind} "{key}"'
    extras = {k: extra for k, extra in EXTRAS.get(kind, {}).items() if k not in names(kind)}
    if key not in extras:
        known = names(kind)
        meant = nearest(key, [*known, *extras])
        if meant not in extras:
            return PluginNotFoundError(f"{text}{_else(key, known)}")
        text, key = f'{text}; did you mean "{meant}"?', meant
    return PluginNotFoundError(f'{text}: pip install "{CORE}[{extras[key]}]"')


def _else(name: str, known: Iterable[str]) -> str:
    meant = nearest(name, known)
    return f'; did you mean "{meant}"?' if meant else f"; there are {listed(known)}"


__all__ = ["Provider", "available", "check", "get", "names", "register", "registered", "unregister"]
