"""Which plugins there are, and loading them when they are first used.

Built-ins, installed distributions and classes registered in the process come through one door,
:func:`get`. It asks, in this order: what is loaded already, what :func:`register` was given, the
built-ins, and the entry points of the group ``deeplake.<kind>``. Whatever goes wrong is an error
that names the distribution; nothing falls back silently to another provider.

Environment variables:
    DEEPLAKE_PLUGINS_ALLOW: Comma list of ``kind:key`` and of distributions: of what is installed only
        these are used. The kernel's own plugins, and those that a process registers, always are;
        ``deeplake-core`` alone therefore means no other distribution. Empty: everything is allowed.
    DEEPLAKE_PLUGINS_DISABLE: Comma list of ``kind:key`` and of distributions that are not used,
        whatever is allowed.
    DEEPLAKE_PLUGINS_TRACE: ``1`` logs what is found and loaded, with times, to the logger
        ``deeplake.plugins``.
"""

from deeplake.plugins.discovery import PluginInfo
from deeplake.plugins.hooking import hook, hooks, register_hooks, unregister_hooks, wrap_store
from deeplake.plugins.registry import (
    available,
    check,
    get,
    names,
    register,
    registered,
    unregister,
)

__all__ = [
    "PluginInfo",
    "available",
    "check",
    "get",
    "hook",
    "hooks",
    "names",
    "register",
    "register_hooks",
    "registered",
    "unregister",
    "unregister_hooks",
    "wrap_store",
]
