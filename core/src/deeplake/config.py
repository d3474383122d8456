"""Settings of this process: ``deeplake.config`` is this module, which is also a mapping.

Settings:
    fsync: Whether a local store waits until its writes would survive a power cut. Turned off, a
        crash of the machine can lose the last commits, but never damages earlier ones. Default: the
        environment variable ``DEEPLAKE_FSYNC``, else True.
    s3: Options of the S3 client, by name. Those that are not given have their default:
        ``max_pool_connections=50``, ``connect_timeout=300``, ``read_timeout=300`` (seconds).
    links: What links and URLs may lead to, by name; those that are not given have their default:

        * ``schemes``: URL schemes that links may have. Default: ``file``, ``http``, ``https`` and
          those of object stores.
        * ``local_files``: links lead to files of this machine: True, False, or ``"auto"`` (the
          default): only from datasets that are on this machine, too.
        * ``addresses``: addresses that servers may have: ``"public"``, ``"private"`` (the default:
          also those of private networks and of this machine, but not link-local ones, where clouds
          give out credentials), or ``"any"``.
        * ``max_bytes``: size of a file that is read as a whole. Default: 2 GiB.
        * ``connect_timeout``, ``read_timeout``, ``total_timeout``: seconds to connect (10), between
          two pieces of an answer (60), and for a whole answer (600).
        * ``max_redirects``: default 5.
        * ``changed``: what happens if a file is no longer the one that was linked: ``"error"`` (the
          default), ``"warn"``, or ``"ignore"``.
        * ``threads``: files that are fetched at a time. Default: 16.

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
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from types import ModuleType
from typing import Any

from deeplake.errors import SettingError, SettingTypeError, UnknownSettingError

_S3 = {"max_pool_connections": 50, "connect_timeout": 300, "read_timeout": 300}
_LINKS: dict[str, Any] = {
    "schemes": (
        "file", "http", "https", "s3", "gs", "gcs", "gcp", "az", "azure", "abfs", "abfss", "gdrive",
        "hf",
    ),
    "local_files": "auto",
    "addresses": "private",
    "max_bytes": 2 << 30,
    "connect_timeout": 10.0,
    "read_timeout": 60.0,
    "total_timeout": 600.0,
    "max_redirects": 5,
    "changed": "error",
    "threads": 16,
}  # fmt: skip
_CHOICES: dict[str, tuple[Any, ...]] = {
    "local_files": (True, False, "auto"),
    "addresses": ("public", "private", "any"),
    "changed": ("error", "warn", "ignore"),
}
_NAMES = ("fsync", "s3", "links")
_given: dict[str, Any] = {}


def _default(name: str) -> Any:
    if name == "s3":
        # Kept, so that `config["s3"]["read_timeout"] = 60` has an effect.
        return _given.setdefault("s3", dict(_S3))
    if name == "links":
        return _given.setdefault("links", _Links(_LINKS))
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
            f"deeplake.config[{name!r}] is a dict of option names and values, not {value!r}"
        )
    return {**_S3, **value} if name == "s3" else _Links({**_LINKS, **value})


class _Links(dict[str, Any]):
    """The settings of links, each checked when it is set."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__({key: _link_setting(key, value) for key, value in values.items()})

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, _link_setting(key, value))

    def __delitem__(self, key: str) -> None:
        """Give a setting its default again."""
        super().__setitem__(key, _LINKS[key])

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value


def _link_setting(key: str, value: Any) -> Any:
    if key not in _LINKS:
        raise UnknownSettingError(
            f"deeplake.config['links'] has no setting {key!r}; it has "
            f"{', '.join(map(repr, _LINKS))}"
        )
    setting = f"deeplake.config['links'][{key!r}]"
    if key == "schemes":
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise SettingTypeError(f"{setting} is a list of URL schemes, not {value!r}")
        return tuple(str(scheme).lower() for scheme in value)
    if key in _CHOICES:
        # Not by ==, for which 1 is True.
        if not any(value is choice or (value == choice and isinstance(value, str))
                   for choice in _CHOICES[key]):  # fmt: skip
            raise SettingError(
                f"{setting} is one of {', '.join(map(repr, _CHOICES[key]))}, not {value!r}"
            )
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SettingTypeError(f"{setting} is a number, not {value!r}")
    whole = isinstance(_LINKS[key], int)
    if (whole and value != int(value)) or value < (0 if key == "max_redirects" else 1e-3):
        raise SettingError(f"{setting} cannot be {value!r}")
    return int(value) if whole else float(value)


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
