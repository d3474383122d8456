"""``ds.info`` and ``tensor.info``: JSON that users keep with their data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from deeplake.errors import InfoError
from deeplake.format.values import json_key


class Handed:
    """Lists and dicts of an info that somebody was given, and may change in place."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[str, tuple[Any, Any]] = {}

    def give(self, key: str, stored: Any) -> Any:
        """The value to hand out: the one that was, as long as what is stored has not changed."""
        if not isinstance(stored, (dict, list)):
            return stored
        before, given = self._values.get(key, (None, None))
        if given is None or (before != stored and given != stored):
            given = _copy(stored)
        self._values[key] = stored, given
        return given

    def clear(self) -> None:
        """Forget them: what is changed in place from now on changes nothing here."""
        self._values = {}

    def changed(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Values that were changed in place, where what is stored is still what they were."""
        return {
            key: given
            for key, (stored, given) in list(self._values.items())
            if given != stored and key in info and info[key] == stored
        }


class Info(MutableMapping[str, Any]):
    """A mapping whose every change is stored.

    Keys are also attributes: ``info.class_names`` is ``info["class_names"]``.

    Args:
        read: Returns the mapping as it is now.
        write: Stores a changed one.
        handed: Lists and dicts that were given out. They are what users changed them to, and stored
            with the next change.
    """

    __slots__ = ("_handed", "_read", "_write")

    def __init__(
        self,
        read: Callable[[], Mapping[str, Any]],
        write: Callable[[Mapping[str, Any]], None],
        handed: Handed,
    ) -> None:
        object.__setattr__(self, "_read", read)
        object.__setattr__(self, "_write", write)
        object.__setattr__(self, "_handed", handed)

    def __getitem__(self, key: str) -> Any:
        name = _name(key)
        if name is None:
            raise KeyError(key)
        return self._handed.give(name, self._read()[name])

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        left = self._now()
        name = _name(key)
        del left[key if name is None else name]
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
        self._store({**self._now(), **_with_json_keys(dict(*args, **kwargs))})

    def popitem(self) -> tuple[str, Any]:
        """Remove the key that was added last, and return it with its value."""
        left = self._now()
        item = left.popitem()
        self._store(left)
        return item

    def clear(self) -> None:
        """Remove all keys."""
        self._store({})

    def replace_with(self, value: Mapping[str, Any]) -> None:
        """Have exactly these keys."""
        self._store(_with_json_keys(value))

    def _now(self) -> dict[str, Any]:
        """What is stored, and what was changed in place."""
        stored = self._read()
        return {**stored, **self._handed.changed(stored)}

    def _store(self, value: dict[str, Any]) -> None:
        self._write(as_json(value))

    def __repr__(self) -> str:
        return f"Info({self._now()!r})"


def _name(key: Any) -> str | None:
    """The str that a key is in JSON; None: it is none."""
    return None if key is None else json_key(key)


def _with_json_keys(value: Mapping[Any, Any]) -> dict[str, Any]:
    """The mapping with the keys that JSON makes of numbers.

    Raises:
        InfoError: Another key, or two that are the same in JSON.
    """
    out: dict[str, Any] = {}
    for key, entry in value.items():
        name = _name(key)
        if name is None or name in out:
            problem = "are strings" if name is None else f"are strings, and {name!r} is there twice"
            raise InfoError(f"keys of info {problem}, not {type(key).__name__}: {key!r:.80}")
        out[name] = entry
    return out


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


__all__ = ["Handed", "Info", "as_json", "check_text"]
