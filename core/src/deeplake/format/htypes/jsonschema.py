"""Schemas of json tensors: Python types, as text or as typing objects.

``Any``, ``None``, ``bool``, ``int``, ``float``, ``str``, ``bytes``, ``ndarray``, ``Sample``,
``Dict``, ``Dict[str, T]``, ``List``, ``List[T]``, ``Optional[T]``, ``Union[T, …]`` and ``T | T``::

    >>> str(parse_schema(dict[str, int | None]))
    'Dict[str, Optional[int]]'
    >>> parse_schema("List[Optional[int]]").problem([1, None, "x"])
    'value[2] is of type str, not Optional[int]'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from deeplake.errors import TensorMetaInvalidHtypeOverwriteValue

_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.]*|[\[\],|])")
_PREFIXES: Final = ("typing.", "numpy.", "np.", "builtins.", "types.")
_ALIASES: Final = {"dict": "Dict", "list": "List", "NoneType": "None"}
_DEPTH: Final = 50

_Check = Callable[[Any], bool]
_CHECKS: Final[Mapping[str, _Check]] = {
    "Any": lambda value: True,
    "None": lambda value: value is None,
    "bool": lambda value: isinstance(value, (bool, np.bool_)),
    "int": lambda value: isinstance(value, (int, np.integer)),
    "float": lambda value: (
        isinstance(value, (float, int, np.floating, np.integer)) and not isinstance(value, bool)
    ),
    "str": lambda value: isinstance(value, str),
    "bytes": lambda value: isinstance(value, (bytes, bytearray, memoryview)),
    "ndarray": lambda value: isinstance(value, np.ndarray),
    # Samples are the dataset's: here they are known by what they can do.
    "Sample": lambda value: hasattr(value, "compressed_bytes"),
    "Dict": lambda value: isinstance(value, Mapping),
    "List": lambda value: isinstance(value, (list, tuple)),
}


@dataclass(frozen=True, slots=True)
class Schema:
    """A type that json values can be of; ``str`` gives its text.

    Attributes:
        name: ``"int"``, ``"Dict"``, ``"Union"``, ….
        params: What stands in its brackets.
    """

    name: str
    params: tuple[Schema, ...] = ()

    def problem(self, value: Any, where: str = "value") -> str | None:
        """What is wrong with the value and where, in words, or None."""
        if self.name in ("Optional", "Union"):
            options = (*self.params, _NONE) if self.name == "Optional" else self.params
            if any(option.problem(value) is None for option in options):
                return None
            if len(self.params) == 1 and value is not None:
                deeper = self.params[0].problem(value, where)
                if deeper is not None and not deeper.startswith(f"{where} is of type"):
                    return deeper  # which part of the value is wrong says more than the whole
            return f"{where} is of type {type(value).__name__}, not {self}"
        if not _CHECKS[self.name](value):
            return f"{where} is of type {type(value).__name__}, not {self}"
        if self.name == "Dict":
            return self._problem_of_object(value, where)
        if self.name == "List" and self.params:
            for i, item in enumerate(value):
                problem = self.params[0].problem(item, f"{where}[{i}]")
                if problem is not None:
                    return problem
        return None

    def _problem_of_object(self, value: Mapping[Any, Any], where: str) -> str | None:
        for key, item in value.items():
            if not isinstance(key, str) and self.params and self.params[0].name == "str":
                return f"{where} has a key of type {type(key).__name__}; json has str keys only"
            if len(self.params) == 2:
                problem = self.params[1].problem(item, f"{where}[{key!r}]")
                if problem is not None:
                    return problem
        return None

    def __str__(self) -> str:
        return f"{self.name}[{', '.join(map(str, self.params))}]" if self.params else self.name


_NONE: Final = Schema("None")


def parse_schema(source: Any) -> Schema:
    """The schema that a text, a class or a typing object means.

    Raises:
        TensorMetaInvalidHtypeOverwriteValue: None of these, or a type that is not listed above.
    """
    return _parse(_text(source))


def _text(source: Any) -> str:
    if isinstance(source, str):
        return source
    if source is None:
        return "None"
    if type(source) is type:
        return source.__name__
    return repr(source)


@lru_cache(maxsize=128)
def _parse(text: str) -> Schema:
    tokens, at = [], 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _invalid(text, f"{text[at:].strip()[:20]!r} is not part of a type")
        tokens.append(found[1])
        at = found.end()
    schema, rest = _union(text, tokens, 0)
    if rest:
        raise _invalid(text, f"{rest[0]!r} is one too many")
    return schema


def _union(text: str, tokens: list[str], depth: int) -> tuple[Schema, list[str]]:
    """``T | T``, and what follows it."""
    if depth > _DEPTH:
        raise _invalid(text, f"it is nested more than {_DEPTH} levels deep")
    first, tokens = _atom(text, tokens, depth)
    options = [first]
    while tokens and tokens[0] == "|":
        option, tokens = _atom(text, tokens[1:], depth)
        options.append(option)
    return (first if len(options) == 1 else _either(options)), tokens


def _either(options: list[Schema]) -> Schema:
    some = [option for option in options if option != _NONE]
    if len(some) == 1 and len(some) < len(options):
        return Schema("Optional", tuple(some))
    return Schema("Union", tuple(options))


def _atom(text: str, tokens: list[str], depth: int) -> tuple[Schema, list[str]]:
    if not tokens or tokens[0] in "[],|":
        found = repr(tokens[0]) if tokens else "the end"
        raise _invalid(text, f"there should be a type instead of {found}")
    name, tokens = tokens[0], tokens[1:]
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    name = "Sample" if name.startswith("deeplake.") and name.endswith(".Sample") else name
    name = _ALIASES.get(name, name)
    params: list[Schema] = []
    if tokens and tokens[0] == "[":
        tokens = [",", *tokens[1:]]
        while tokens and tokens[0] == ",":
            param, tokens = _union(text, tokens[1:], depth + 1)
            params.append(param)
        if not tokens or tokens[0] != "]":
            raise _invalid(text, "a bracket is not closed")
        tokens = tokens[1:]
    return _checked(text, name, params), tokens


def _checked(text: str, name: str, params: list[Schema]) -> Schema:
    if name == "Union" and params:
        return params[0] if len(params) == 1 else _either(params)
    counts = {"Dict": (0, 2), "List": (0, 1), "Optional": (1,), "Union": ()}.get(name)
    if counts is None:
        if name not in _CHECKS:
            raise _invalid(text, f"{name!r} is not a type that json values have")
        counts = (0,)
    if len(params) not in counts:
        raise _invalid(text, f"{name} cannot have {len(params)} parameters")
    if name == "Dict" and params and params[0].name not in ("str", "Any"):
        raise _invalid(text, f"the keys of json objects are str, not {params[0]}")
    return Schema(name, tuple(params))


def _invalid(text: str, problem: str) -> TensorMetaInvalidHtypeOverwriteValue:
    return TensorMetaInvalidHtypeOverwriteValue(
        f"{text[:200]!r} is not a json schema: {problem}; write for example 'Dict[str, int]' or "
        "'List[Optional[float]]'"
    )


__all__ = ["Schema", "parse_schema"]
