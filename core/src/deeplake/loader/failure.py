"""Errors on their way from a thread to whoever iterates: which tensor, which row, and the cause."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from deeplake.errors import LoaderError, TransformFailedError

_ENDS = (StopIteration, StopAsyncIteration)
"""Raised out of ``__next__`` they would end the loop as if all were well."""


def transform_failed(error: Exception, what: str, row: int) -> TransformFailedError:
    """The error to raise for a transform that raised ``error``.

    It is a ``TransformFailedError`` and of the type that the transform raised, so that code which
    expects either catches it.

    Args:
        error: What the transform raised; raise the result ``from`` it.
        what: Whose transform, for example ``"tensor 'images'"``.
        row: Row of the dataset.
    """
    message = f"the transform of {what} failed on row {row}: {type(error).__name__}: {error}"
    try:
        failure = _kind(type(error))(message)  # type: ignore[arg-type]
    except TypeError:
        # A class that wants other arguments: its type is that of the cause only.
        failure = TransformFailedError(message)
    failure.index = row
    failure.__dict__.update({k: v for k, v in vars(error).items() if k != "__notes__"})
    return failure


@lru_cache(maxsize=64)
def _kind(cls: type[Exception]) -> type[TransformFailedError]:
    """A class that is both ``TransformFailedError`` and ``cls``."""
    if issubclass(cls, (*_ENDS, TransformFailedError)):
        return TransformFailedError
    both: type[TransformFailedError] = type(
        f"TransformFailedError[{cls.__name__}]",
        (TransformFailedError, cls),
        {
            "__init__": Exception.__init__,
            "__module__": "deeplake.errors",
            "__reduce__": lambda self: (_again, (cls, str(self), dict(vars(self)))),
        },
    )
    both.code = TransformFailedError.code
    return both


def _again(cls: type[Exception], message: str, attributes: dict[str, object]) -> Exception:
    """A failure that was pickled: its class is made when it is needed."""
    error = _kind(cls)(message)  # type: ignore[arg-type]
    error.__dict__.update(attributes)
    return error


def noted(error: Exception, doing: str, rows: Sequence[int]) -> Exception:
    """The error itself with a note that says what was done with which rows.

    Args:
        error: Anything but the failure of a transform.
        doing: What was being done, for example ``"collating"``.
        rows: Rows of the dataset.
    """
    note = f"deeplake: while {doing} {_listed(rows)}"
    if isinstance(error, _ENDS):
        failure = LoaderError(f"{type(error).__name__} was raised while {doing} {_listed(rows)}")
        failure.__cause__ = error
        return failure
    error.add_note(note)
    return error


def _listed(rows: Sequence[int]) -> str:
    if len(rows) == 1:
        return f"row {rows[0]}"
    shown = ", ".join(str(row) for row in rows[:8])
    return f"rows {shown}" + (f" … ({len(rows)} rows)" if len(rows) > 8 else "")


class Remains(list[Any]):
    """What is left of a batch when rows that fail are left out.

    Attributes:
        errors: Row, and what was wrong with it, of those that are left out.
    """

    def __init__(self, values: Sequence[Any], errors: Sequence[tuple[int, Exception]]) -> None:
        super().__init__(values)
        self.errors = list(errors)


__all__ = ["Remains", "noted", "transform_failed"]
