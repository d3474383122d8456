"""Settings of this process: ``deeplake.config`` is this module, which is also a mapping.

Settings:
    fsync: Whether a local store waits until its writes would survive a power cut. Turned off, a
        crash of the machine can lose the last commits, but never damages earlier ones. Default: the
        environment variable ``DEEPLAKE_FSYNC``, else True.
    s3: Options of the S3 client, by name. Those that are not given have their default:
        ``max_pool_connections=50``, ``connect_timeout=300``, ``read_timeout=300`` (seconds).

Example:
    >>> import deeplake
    >>> deeplake.config["s3"] = {"read_timeout": 60}
    >>> deeplake.config["s3"]["connect_timeout"]
    300
    >>> del deeplake.config["s3"]  # the defaults again
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from types import ModuleType
from typing import Any

from deeplake.errors import SettingError, SettingTypeError, UnknownSettingError

_S3 = {"max_pool_connections": 50, "connect_timeout": 300, "read_timeout": 300}
_NAMES = ("fsync", "s3")
_given: dict[str, Any] = {}


def _default(name: str) -> Any:
    if name == "s3":
        # Kept, so that `config["s3"]["read_timeout"] = 60` has an effect.
        return _given.setdefault("s3", dict(_S3))
    text = os.environ.get("DEEPLAKE_FSYNC", "").strip().lower()
    if text in ("", "1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    raise SettingError(f"The environment variable DEEPLAKE_FSYNC is {text!r}: set it to 0 or 1")


def _valid(name: str, value: Any) -> Any:
    if name == "fsync":
        if not isinstance(value, bool):
            raise SettingTypeError(f"deeplake.config['fsync'] is True or False, not {value!r}")
        return value
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise SettingTypeError(
            f"deeplake.config['s3'] is a dict of option names and values, not {value!r}"
        )
    return {**_S3, **value}


class _Settings(ModuleType, MutableMapping[str, Any]):
    """This module as a mapping of its settings."""

    # A mapping is equal to others of the same items and has no hash; a module is itself, and tools
    # that look at all modules put them into sets.
    __eq__ = ModuleType.__eq__
    __hash__ = ModuleType.__hash__

    def __getitem__(self, name: str) -> Any:
        _check_name(name)
        return _given[name] if name in _given else _default(name)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        _given[name] = _valid(name, value)

    def __delitem__(self, name: str) -> None:
        """Give a setting its default again."""
        _check_name(name)
        _given.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)

    def __repr__(self) -> str:
        return f"deeplake.config({dict(self)})"


def _check_name(name: object) -> None:
    if name not in _NAMES:
        raise UnknownSettingError(
            f"deeplake.config has no setting {name!r}; it has {', '.join(map(repr, _NAMES))}"
        )


sys.modules[__name__].__class__ = _Settings

__all__: list[str] = []
