"""Hooks: any number of providers, called through pluggy, for coarse events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deeplake import spi
from deeplake.errors import (
    DeepLakeError,
    PluginConflictError,
    PluginContractError,
    PluginError,
    PluginNotFoundError,
)
from deeplake.plugins import loading
from deeplake.plugins.discovery import PluginInfo, installed, switches
from deeplake.plugins.wording import entry_point_of, listed, nearest

if TYPE_CHECKING:
    import pluggy

KIND = "hooks"
NAMES = tuple(name for name in vars(spi.Hooks) if name.startswith("deeplake_"))

_manager: pluggy.PluginManager | None = None
_providers: dict[tuple[str, str], tuple[PluginInfo, object]] = {}


def hook(name: str, **kwargs: Any) -> list[Any]:
    """Call a hook's providers, the last registered first, and return what is not None.

    Without providers pluggy is not even imported.

    Args:
        name: A method of ``deeplake.spi.Hooks``.
        **kwargs: All arguments of that method.

    Raises:
        PluginError: A provider cannot be loaded, or raised; the message names its distribution and
            the cause is chained. An error of ``deeplake.errors`` that it raised passes unchanged,
            with the name of the distribution as a note.
    """
    if name not in NAMES:
        raise PluginNotFoundError(f'There is no hook "{name}"; there are {listed(NAMES)}')
    if _manager is None and KIND not in installed(again=False):
        return []
    results: list[Any] = getattr(hooks().hook, name)(**kwargs)
    return results


def wrap_store(store: spi.Store, url: str) -> spi.Store:
    """The store with what the providers of ``deeplake_wrap_store`` put around it.

    Each is given what the one before it returned: the provider registered last wraps the store
    itself, the first one is outermost. :func:`hook` would give the bare store to all, and all but
    one would be lost.

    Raises:
        PluginError: As :func:`hook`.
        PluginContractError: A provider returned something that is no store.
    """
    name = "deeplake_wrap_store"
    if _manager is None and KIND not in installed(again=False):
        return store
    manager = hooks()
    providers = [
        implementation.plugin for implementation in getattr(manager.hook, name).get_hookimpls()
    ]
    for provider in reversed(providers):
        others = [other for other in providers if other is not provider]
        for wrapped in manager.subset_hook_caller(name, others)(store=store, url=url):
            if not isinstance(wrapped, spi.Store):
                raise PluginContractError(
                    f"The hook {name} of {provider.info.provider} returned "
                    f"{type(wrapped).__name__}: return a deeplake.spi.Store, or None"
                )
            store = wrapped
    return store


def hooks() -> pluggy.PluginManager:
    """The pluggy manager with the hookspecs of ``deeplake.spi.Hooks`` and every provider.

    Raises:
        PluginLoadError: An installed provider cannot be imported.
        PluginContractError: A provider implements something that is no hook.
    """
    global _manager
    if _manager is None:
        found = [(info, _provider(info)) for info in rows() if info.status == "available"]
        with loading.lock():
            if _manager is None:
                manager = _new_manager()
                for info, provider in found:
                    _add(manager, info, provider)
                _providers.update(
                    ((info.distribution, info.key), (info, provider)) for info, provider in found
                )
                _manager = manager
    return _manager


def register_hooks(provider: object, name: str | None = None) -> None:
    """Add a provider of hooks in this process.

    Args:
        provider: Module or object with functions marked ``deeplake.spi.hookimpl``; of a class, an
            instance is made.
        name: Name it is listed under; by default that of its module or class.

    Raises:
        PluginConflictError: A provider of this name is registered.
        PluginContractError: It implements something that is no hook.
    """
    entry_point = entry_point_of(provider)
    info = PluginInfo(KIND, name or entry_point, "", "", entry_point, "in-process")
    with loading.lock():
        manager = hooks()
        if ("", info.key) in _providers:
            raise PluginConflictError(
                f'hooks "{info.key}" are registered in this process already, by '
                f"{_providers['', info.key][0].entry_point}: give these another name"
            )
        found = loading.instance(info, provider) if isinstance(provider, type) else provider
        _add(manager, info, found)
        _providers["", info.key] = (info, found)


def unregister_hooks(provider: object) -> None:
    """Undo :func:`register_hooks`.

    Args:
        provider: What was registered, or its name.

    Raises:
        PluginNotFoundError: It is not registered in this process.
    """
    with loading.lock():
        for (distribution, key), (_, found) in _providers.items():
            if not distribution and (found is provider or provider in (type(found), key)):
                hooks().unregister(name=_pluggy_name(distribution, key))
                del _providers[distribution, key]
                loading.forget(found)
                return
    raise PluginNotFoundError(
        f"No hooks of {provider!r} are registered in this process; registered are "
        f"{listed(key for distribution, key in _providers if not distribution)}"
    )


def rows() -> list[PluginInfo]:
    """Every provider with its status; nothing is imported."""
    environment = switches()
    found = [info for (distribution, _), (info, _) in list(_providers.items()) if not distribution]
    found += [info for infos in installed().get(KIND, {}).values() for info in infos]
    for position, info in enumerate(found):
        if (info.distribution, info.key) in _providers:
            found[position] = replace(info, status="loaded")
        elif reason := environment.reason_against(info):
            found[position] = replace(info, status="disabled", reason=reason)
    return sorted(found, key=lambda info: (info.key, info.distribution))


def check(info: PluginInfo) -> None:
    """Import a provider and check it, without adding it.

    Raises:
        PluginError: What is wrong with it.
    """
    _add(_new_manager(), info, _provider(info))


def _provider(info: PluginInfo) -> object:
    if (info.distribution, info.key) in _providers:
        return _providers[info.distribution, info.key][1]
    found = loading.imported(info)
    return loading.instance(info, found) if isinstance(found, type) else found


def _pluggy_name(distribution: str, key: str) -> str:
    return f"{distribution}:{key}"


def _new_manager() -> pluggy.PluginManager:
    import pluggy

    class Manager(pluggy.PluginManager):
        def parse_hookspec_opts(self, module_or_class: Any, name: str) -> Any:
            # The contract stays free of pluggy: its methods are hookspecs without being marked.
            return {} if name in NAMES else None

    manager = Manager("deeplake")
    manager.add_hookspecs(spi.Hooks)
    return manager


class _Implementations:
    """A provider as pluggy sees it: its implementations, each of which names it when it fails."""

    def __init__(self, info: PluginInfo) -> None:
        self.info = info


def _add(manager: pluggy.PluginManager, info: PluginInfo, provider: object) -> None:
    import pluggy

    implementations = _Implementations(info)
    for name in dir(provider):
        function = getattr(provider, name, None) if name.startswith("deeplake_") else None
        marked = getattr(function, "deeplake_impl", None) is not None
        if marked and name not in NAMES:
            meant = nearest(name, NAMES)
            advice = f'did you mean "{meant}"?' if meant else f"there are {listed(NAMES)}"
            raise PluginContractError(
                f"{info.plugin} of {info.provider} implement {name}, which is no hook; {advice}"
            )
        if name in NAMES and not marked:
            raise PluginContractError(
                f"{info.plugin} of {info.provider} have {name}, which is not marked as a hook: "
                "decorate it with deeplake.spi.hookimpl"
            )
        if marked:
            setattr(implementations, name, _naming(info, name, function))
    if len(vars(implementations)) == 1:
        raise PluginContractError(
            f"{info.plugin} of {info.provider} implement no hook; there are {listed(NAMES)}"
        )
    name = _pluggy_name(info.distribution, info.key)
    try:
        manager.register(implementations, name=name)
    except pluggy.PluginValidationError as error:
        # pluggy keeps the part of a provider that it had looked at before it refused it.
        manager.unregister(name=name)
        raise PluginContractError(
            f"{info.plugin} of {info.provider} do not take the arguments of their hook: {error}"
        ) from error


def _naming(info: PluginInfo, name: str, function: Any) -> Any:
    import functools
    import inspect

    if inspect.isgeneratorfunction(function):
        return function  # one of pluggy's wrappers, which pluggy drives itself

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except DeepLakeError as error:
            error.add_note(f"Raised by the hook {name} of {info.provider}")
            raise
        except Exception as error:
            raise PluginError(
                f"The hook {name} of {info.provider} raised {type(error).__name__}: {error}"
            ) from error

    return call


__all__ = [
    "KIND",
    "NAMES",
    "check",
    "hook",
    "hooks",
    "register_hooks",
    "rows",
    "unregister_hooks",
    "wrap_store",
]
