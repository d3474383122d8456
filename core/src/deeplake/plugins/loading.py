"""Importing a provider, checking it against its kind's contract, and making its one instance."""

from __future__ import annotations

import os
import threading
from typing import Any

from deeplake import spi
from deeplake._version import __version__
from deeplake.errors import PluginApiError, PluginContractError, PluginLoadError
from deeplake.plugins.catalog import CORE
from deeplake.plugins.discovery import PluginInfo, trace

_instances: dict[type[Any], Any] = {}

_lock = threading.RLock()


def lock() -> threading.RLock:
    """Guards making instances and hook managers.

    Modules are imported without it: a thread that imports a module which asks for a plugin would
    wait for a thread that loads this very module.
    """
    return _lock


def _new_lock() -> None:
    # A forked child has none of the parent's other threads: one that held the lock never frees it.
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


def imported(info: PluginInfo) -> Any:
    """What the entry point names.

    Raises:
        PluginLoadError: It cannot be imported; the cause is chained.
    """
    from importlib import import_module

    # An entry point may end with the extras it needs: "module:class [extra]".
    module, _, path = info.entry_point.partition("[")[0].strip().partition(":")
    try:
        found: Any = import_module(module)
        for attribute in path.split(".") if path else ():
            found = getattr(found, attribute)
    # A module that leaves the interpreter when it is imported is as broken as one that raises.
    except (Exception, SystemExit) as error:
        raise _broken(info, "cannot be imported", error) from error
    return found


def instance(info: PluginInfo, cls: type[Any]) -> Any:
    """The one instance of a class in this process.

    Raises:
        PluginLoadError: It cannot be made; the cause is chained.
    """
    with lock():
        if cls not in _instances:
            try:
                _instances[cls] = cls()
            except Exception as error:
                raise _broken(info, "cannot be made without arguments", error) from error
        return _instances[cls]


def forget(plugin: object) -> None:
    """Make a new instance of the plugin's class when it is asked for again."""
    with lock():
        if _instances.get(type(plugin)) is plugin:
            del _instances[type(plugin)]


def _broken(info: PluginInfo, what: str, error: BaseException) -> PluginLoadError:
    trace(f"{info.plugin} of {info.provider} {what}: {error!r}")
    text = f"{info.plugin} of {info.provider} {what}: {type(error).__name__}: {error}"
    if info.source == "in-process":
        return PluginLoadError(text)
    remedy = f"Reinstall it: pip install --force-reinstall {info.distribution}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        if package != info.entry_point.partition(":")[0].partition(".")[0]:
            remedy = f'Install what provides the module "{error.name}"'
    return PluginLoadError(
        f"{text}. {remedy}, or do without it: DEEPLAKE_PLUGINS_DISABLE={info.kind}:{info.key}"
    )


def check_contract(info: PluginInfo, provider: object) -> None:
    """Check what can be checked before a plugin is used.

    Raises:
        PluginApiError: Written for an API version that this kernel does not speak.
        PluginContractError: Not a class of the kind, or not a complete one.
    """
    base = spi.KINDS[info.kind]
    # A kind with several contracts (codec) asks for one of them, not for what they share.
    contracts = [c for c in base.__subclasses__() if c.__module__ == spi.__name__] or [base]
    wanted = " or ".join(f"deeplake.spi.{c.__name__}" for c in contracts)
    cls = provider if isinstance(provider, type) else type(provider)
    if not issubclass(cls, tuple(contracts)):
        what = "a class" if isinstance(provider, type) else f"an object of type {cls.__name__}"
        raise PluginContractError(
            f"{info.plugin} of {info.provider} is {what} that does not derive from {wanted}"
        )
    _check_api(info, cls)
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    missing += [
        name
        for c in cls.__mro__
        if c.__module__ == spi.__name__
        for name in c.__annotations__
        if not hasattr(cls, name)
    ]
    if missing:
        raise PluginContractError(
            f"{info.plugin} of {info.provider} lacks {', '.join(missing)}; {wanted} says what each "
            "has to do"
        )


def _check_api(info: PluginInfo, cls: type[Any]) -> None:
    kernel = f"{CORE} {__version__}"
    if cls.api is None:
        raise PluginApiError(
            f"{info.plugin} of {info.provider} does not say which version of the plugin API it was "
            f"written for: define it as class {cls.__name__}(…, api={spi.API})"
        )
    match cls.api:
        case (int(major), int(minor)):
            if major == spi.API[0] and minor <= spi.API[1]:
                return
        case other:
            raise PluginApiError(
                f"{info.plugin} of {info.provider} states api={other!r}, which is no version: it "
                f"takes two integers, as in api={spi.API}"
            )
    if (major, minor) > spi.API:
        remedy = f"pip install --upgrade {CORE}"
    elif info.distribution:
        remedy = f"pip install --upgrade {info.distribution}"
    else:
        remedy = f"write it for api={spi.API}"
    raise PluginApiError(
        f"{info.plugin} of {info.provider} was written for version {major}.{minor} of the plugin "
        f"API, and {kernel} speaks {spi.API[0]}.{spi.API[1]}: {remedy}"
    )


__all__ = ["check_contract", "forget", "imported", "instance", "lock"]
