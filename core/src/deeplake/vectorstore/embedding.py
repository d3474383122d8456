"""Embeddings that functions of the user's make, and that users give."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from deeplake.errors import IncorrectEmbeddingShapeError

Function = Callable[[Any], Any]

BYTES_PER_MINUTE = 1_800_000
"""Default of a rate limiter that is enabled."""
BATCH_BYTES = 10_000
"""Bytes that are embedded at a time where a rate limiter is enabled and nothing else is said."""


def of_documents(function: Any) -> Function:
    """What makes embeddings of a list: a function, or the method ``embed_documents`` of an object.

    Raises:
        TypeError: It is neither.
    """
    return _method(function, "embed_documents")


def of_query(function: Any) -> Function:
    """What makes the embedding of what is searched for: a function of a list of one, as for documents;
    or ``embed_query`` of an object, which takes it alone.
    """
    if hasattr(function, "embed_query"):
        return lambda listed: function.embed_query(listed[0])
    return _method(function, "embed_documents")


def _method(function: Any, name: str) -> Function:
    found = getattr(function, name, None)
    if found is None and callable(function):
        found = function
    if not callable(found):
        raise TypeError(
            "an embedding function is a function of a list of data, or an object with embed_documents "
            f"and embed_query, not {type(function).__name__}"
        )
    chosen: Function = found
    return chosen


def vectors(value: Any, count: int, what: str) -> np.ndarray:
    """``float[count, d]``: embeddings as one array.

    Args:
        value: An array or list of embeddings; where one is wanted, perhaps it alone.
        count: How many there must be.
        what: What gave them, for errors.

    Raises:
        IncorrectEmbeddingShapeError: They differ in length, have none, or are not so many.
        TypeError: They are no numbers.
    """
    try:
        found = np.asarray(value)
    except ValueError:
        found = np.empty(0, object)
    if found.dtype == object or found.dtype.kind not in "biuf":
        _check_one_by_one(value, what)
    if count == 1 and found.ndim == 1 and found.size:
        found = found[None]
    if found.ndim == 0 or len(found) != count:
        n = len(found) if found.ndim else "no list of"
        raise IncorrectEmbeddingShapeError(f"{what} gave {n} embeddings for {count} rows")
    if found.ndim != 2 or (count and not found.shape[1]):
        raise IncorrectEmbeddingShapeError(
            f"{what} gave an array of shape {found.shape}: an embedding is a vector, so a list of them "
            f"is an array (rows, values)"
        )
    return found


def _check_one_by_one(value: Any, what: str) -> None:
    """Say what keeps embeddings from being one array."""
    if not isinstance(value, (Sequence, np.ndarray)) or isinstance(value, (str, bytes)):
        raise TypeError(f"{what} gave {type(value).__name__}: a list of embeddings is needed")
    first = None
    for row, one in enumerate(value):
        shape = np.shape(one) if one is not None else None
        first = shape if row == 0 else first
        if shape != first:
            raise IncorrectEmbeddingShapeError(
                f"{what}, row {row}: an embedding of shape {shape}, and the first one has {first}"
            )
    raise TypeError(f"{what} gave embeddings that are no numbers, but {type(value[0]).__name__}")


def query_vector(value: Any) -> np.ndarray:
    """``float64[d]``: the embedding that a search is for.

    Raises:
        IncorrectEmbeddingShapeError: It is no vector.
        ValueError: It has NaN or infinity, to which nothing is near.
    """
    found = np.asarray(vectors(value, 1, "the embedding that is searched for")[0], np.float64)
    if not np.isfinite(found).all():
        raise ValueError(
            "the embedding that is searched for has NaN or infinity: nothing is near it"
        )
    return found


class Pace:
    """Waits where a function would be given more bytes a minute than it takes.

    Args:
        limiter: ``{"enabled": bool, "bytes_per_minute": int}``; None: not enabled.

    Raises:
        ValueError: It makes no sense.
    """

    def __init__(
        self,
        limiter: Mapping[str, Any] | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        limiter = {} if limiter is None else limiter
        if set(limiter) - {"enabled", "bytes_per_minute"}:
            raise ValueError("rate_limiter is {'enabled': bool, 'bytes_per_minute': int}")
        self.enabled = bool(limiter.get("enabled", False))
        self._rate = float(limiter.get("bytes_per_minute", BYTES_PER_MINUTE)) / 60
        if not self._rate > 0:
            raise ValueError("rate_limiter: bytes_per_minute is more than 0")
        self._clock, self._sleep = clock, sleep
        self._free = clock()

    def wait(self, nbytes: int) -> None:
        """Wait until this may be sent."""
        if not self.enabled:
            return
        now = self._clock()
        if self._free > now:
            self._sleep(self._free - now)
        self._free = max(self._free, now) + nbytes / self._rate


def size_of(value: Any) -> int:
    """Bytes that a datum is, about."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return len(value)
    nbytes = getattr(value, "nbytes", None)
    return int(nbytes) if isinstance(nbytes, int) else len(repr(value))


__all__ = [
    "BATCH_BYTES",
    "Function",
    "Pace",
    "of_documents",
    "of_query",
    "query_vector",
    "size_of",
    "vectors",
]
