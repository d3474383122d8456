"""CONTAINS: parts of texts, elements of arrays, entries of lists, keys of objects."""

from __future__ import annotations

import operator
import re
from fnmatch import translate
from typing import Any

import numpy as np

from deeplake_query_tql.conversion import strings
from deeplake_query_tql.elementwise import map1, map2
from deeplake_query_tql.functions import sample_any
from deeplake_query_tql.search import found_in
from deeplake_query_tql.vector import Const, Dense, Objects, Text, Vec, expand, items


def contains(of: Vec, wanted: Vec) -> Vec:
    """Whether each sample holds a value."""
    if isinstance(wanted, Const) and isinstance(wanted.value, str):
        if isinstance(of, Objects):
            return _contains_text_in(of, wanted.value)
        found = strings(expand(of))
        if not isinstance(found, Text):
            return Const(None, of.n)
        return Dense(found_in(found.array, wanted.value), found.valid)
    if isinstance(of, Objects):
        pairs = zip(items(of), items(wanted), strict=True)
        return _truths([_holds(a, b) for a, b in pairs])
    if isinstance(of, Text) or isinstance(wanted, Text):
        pairs = zip(items(of), items(wanted), strict=True)
        return _truths(
            [b in a if isinstance(a, str) and isinstance(b, str) else None for a, b in pairs]
        )
    return sample_any(map2(operator.eq, of, wanted))


def _truths(found: list[bool | None]) -> Dense:
    """Truth values; None: none."""
    valid = np.array([f is not None for f in found], bool)
    return Dense(np.array([bool(f) for f in found], bool), None if valid.all() else valid)


def _holds(a: Any, b: Any) -> bool | None:
    if a is None or b is None:
        return None
    if isinstance(a, (str, dict)):
        return b in a if isinstance(b, str) else False
    if isinstance(a, (list, tuple, np.ndarray)):
        return bool(np.any([np.array_equal(x, b) for x in a])) if len(a) else False
    return bool(np.array_equal(a, b))


def _contains_text_in(of: Objects, wanted: str) -> Dense:
    """Json values: part of a text, entry of a list, key of an object."""
    found: list[bool | None] = []
    for x in of.items:
        if x is None:
            found.append(None)
        elif isinstance(x, (str, list, tuple, dict)):
            found.append(wanted in x)
        else:
            found.append(False)
    return _truths(found)


def contains_tag(of: Vec, pattern: str) -> Vec:
    """Whether a list has an entry that fits a pattern with ``*`` and ``?``."""
    match = re.compile(translate(pattern)).match
    found: list[bool | None] = []
    for x in items(of):
        entries = [x] if isinstance(x, str) else x
        found.append(None if x is None else any(isinstance(t, str) and match(t) for t in entries))
    return _truths(found)


def contains_any(of: Vec, choices: np.ndarray) -> Vec:
    """Whether each sample holds one of some numbers."""
    return sample_any(map1(lambda d: np.isin(d, choices), of))


__all__ = ["contains", "contains_any", "contains_tag"]
