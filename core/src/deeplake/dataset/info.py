"""``ds.info`` and ``tensor.info``: JSON that users keep with their data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from deeplake.errors import InfoError


class Info(MutableMapping[str, Any]):
    """A mapping whose every change is stored.

    Keys are also attributes: ``info.class_names`` is ``info["class_names"]``.

    Args:
        read: Returns the mapping as it is now.
        write: Stores a changed one.
    """

    __slots__ = ("_read", "_write")

    def __init__(
        self, read: Callable[[], Mapping[str, Any]], write: Callable[[Mapping[str, Any]], None]
    ) -> None:
        object.__setattr__(self, "_read", read)
        object.__setattr__(self, "_write", write)

    def __getitem__(self, key: str) -> Any:
        # A copy: a change of a list inside would not be stored, so it must not seem to be.
        return _copy(self._read()[key])

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        left = dict(self._read())
        del left[key]
        self._store(left)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._read()))

    def __len__(self) -> int:
        return len(self._read())

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"info has no key {key!r}; it has {sorted(self)}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        try:
            del self[key]
        except KeyError:
            raise AttributeError(f"info has no key {key!r}") from None

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several keys at once."""
        self._store({**self._read(), **dict(*args, **kwargs)})

    def popitem(self) -> tuple[str, Any]:
        """Remove the key that was added last, and return it with its value."""
        left = dict(self._read())
        item = left.popitem()
        self._store(left)
        return item

    def clear(self) -> None:
        """Remove all keys."""
        self._store({})

    def replace_with(self, value: Mapping[str, Any]) -> None:
        """Have exactly these keys."""
        self._store(dict(value))

    def _store(self, value: dict[str, Any]) -> None:
        self._write(as_json(value))

    def __repr__(self) -> str:
        return f"Info({dict(self._read())!r})"


def as_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping as JSON would give it back.

    Raises:
        InfoError: It is not JSON.
    """
    for key in value:
        if not isinstance(key, str):
            raise InfoError(f"keys of info are strings, not {type(key).__name__}: {key!r:.80}")
    try:
        text = json.dumps(value, allow_nan=False, default=_plain, ensure_ascii=False)
        check_text(text, "info")
        copied: dict[str, Any] = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise InfoError(f"info holds JSON values only: {error}") from error
    return copied


def check_text(value: object, what: str) -> None:
    """Refuse what no text can be, before it is stored.

    Args:
        value: What was given.
        what: What it is, for the message.

    Raises:
        TypeError: It is no str.
        ValueError: It has a lone surrogate, which is no character.
    """
    if not isinstance(value, str):
        raise TypeError(f"{what} is a str, not {type(value).__name__}: {value!r:.80}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{what} has a lone surrogate {value[error.start]!r} at character {error.start}, which is "
            "no character"
        ) from error


def _plain(value: Any) -> Any:
    """NumPy values as JSON ones."""
    for name in ("tolist", "item"):
        convert = getattr(value, name, None)
        if convert is not None:
            return convert()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def _copy(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return json.loads(json.dumps(value))
    return value


__all__ = ["Info", "as_json", "check_text"]
