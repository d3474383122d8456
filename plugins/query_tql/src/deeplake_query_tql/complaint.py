"""Errors that point at a place in the text, and say what may have been meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from deeplake.errors import DeepLakeError, QueryError

WIDTH = 100
"""Characters of a long line that are shown around the place."""


def shown(text: str, pos: int, length: int = 1) -> str:
    """The line of a place, with a caret below it."""
    pos = max(0, min(pos, len(text)))
    start = text.rfind("\n", 0, pos) + 1
    stop = text.find("\n", pos)
    stop = len(text) if stop < 0 else stop
    before, after = "", ""
    if pos - start > WIDTH // 2:
        start, before = pos - WIDTH // 2, "…"
    if stop - start > WIDTH:
        stop, after = start + WIDTH, "…"
    line = "".join(c if c.isprintable() else " " for c in text[start:stop])
    carets = "^" * max(1, min(length, stop - pos))
    return f"  {before}{line}{after}\n  {' ' * (len(before) + pos - start)}{carets}"


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """``; did you mean x?``, if there is something that looks like it."""
    names = list(known)
    lower = {n.lower(): n for n in names}
    found = get_close_matches(name.lower()[:80], lower, n=1, cutoff=cutoff)
    return f"; did you mean {lower[found[0]]!r}?" if found else ""


@contextmanager
def evaluated() -> Iterator[None]:
    """Values that an operator cannot work with are an error of the query."""
    try:
        yield
    except DeepLakeError:
        raise
    except (ValueError, TypeError, ArithmeticError) as error:
        raise QueryError(f"the query cannot be evaluated: {error}") from error
    except RecursionError:
        raise QueryError("the query is nested too deep") from None
    except MemoryError as error:
        raise QueryError("the query needs more memory than there is") from error


class Complaint:
    """Makes errors about one query.

    Args:
        text: The query.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def at(
        self, pos: int, message: str, end: int | None = None, kind: type[QueryError] = QueryError
    ) -> QueryError:
        """An error about one place."""
        length = 1 if end is None else end - pos
        return kind(f"{message}\n{shown(self.text, pos, length)}")


__all__ = ["Complaint", "evaluated", "nearest", "shown"]
