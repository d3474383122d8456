"""Credentials in memory, by name: lent to whoever reads links, and never stored."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

_alive: WeakValueDictionary[str, Lender] = WeakValueDictionary()


class Lender:
    """Credentials by name, as long as somebody uses them.

    A pickle has none of the values, only a token: where it is opened in this process, or in one that
    was forked from it, they are found by it. Only while a child process is being started, and what is
    pickled goes straight to that child, do they go along.

    Attributes:
        values: Credentials by name; empty ones are the environment's.
    """

    __slots__ = ("__weakref__", "token", "values")

    def __init__(self, token: str | None = None) -> None:
        self.token = token or secrets.token_hex(16)
        self.values: dict[str, Mapping[str, Any] | str] = {}
        _alive[self.token] = self

    def __repr__(self) -> str:
        return f"Lender({', '.join(map(repr, self.values))})"

    def __reduce__(self) -> Any:
        from multiprocessing.context import get_spawning_popen

        spawning = get_spawning_popen() is not None
        return _found, (self.token, dict(self.values) if spawning else None)


def _found(token: str, values: dict[str, Mapping[str, Any] | str] | None) -> Lender:
    lender = _alive.get(token) or Lender(token)
    for name, value in (values or {}).items():
        lender.values.setdefault(name, value)
    return lender


_kept: list[Lender] = []


def keep(lender: Lender) -> None:
    """In a new process: hold on to credentials for what will be sent to it."""
    _kept.append(lender)


__all__ = ["Lender", "keep"]
