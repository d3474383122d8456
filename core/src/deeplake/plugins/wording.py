"""Words of the messages about plugins."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType


def entry_point_of(provider: object) -> str:
    """``module:class`` of a class or of an object's class; the name of a module."""
    if isinstance(provider, ModuleType):
        return provider.__name__
    cls = provider if isinstance(provider, type) else type(provider)
    return f"{cls.__module__}:{cls.__qualname__}"


def listed(names: Iterable[str]) -> str:
    """``"a", "b"``."""
    return ", ".join(f'"{name}"' for name in sorted(names)) or "none"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, or None."""
    import difflib

    folded = {k.casefold(): k for k in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded[close[0]] if close else None


__all__ = ["entry_point_of", "listed", "nearest"]
