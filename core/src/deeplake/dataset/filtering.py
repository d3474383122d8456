"""The rows that a function or an expression of the user's keeps."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from deeplake import plugins
from deeplake.dataset.byvalue import ByValue
from deeplake.dataset.expression import Expression
from deeplake.dataset.lender import keep
from deeplake.dataset.progress import progress
from deeplake.errors import (
    FilterError,
    FilterTextError,
    PluginNotFoundError,
    QueryError,
    UnsupportedSchedulerError,
)

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

Keep: TypeAlias = Callable[["Dataset", int, int], Iterable[bool]]
"""Says which rows of a range are kept."""

PER_TASK = 256
"""Rows at most that a worker takes at a time."""


def filter_rows(
    dataset: Dataset,
    function: Callable[[Dataset], Any] | str,
    *,
    num_workers: int,
    scheduler: str,
    progressbar: bool,
) -> Dataset:
    """A view of the rows for which a function or an expression is true (see ``Dataset.filter``)."""
    if not callable(function) and not isinstance(function, str):
        raise TypeError(
            f"filter takes a function of one row or a text, not {type(function).__name__}: for "
            "example ds.filter(lambda row: row.labels.numpy()[0] == 3), ds.filter('labels == 3')"
        )
    total = len(dataset)
    # A text that means nothing is refused here, also if there are no rows.
    test: Keep = (
        Expression(function, dataset).test
        if isinstance(function, str)
        else partial(_kept, function)
    )
    if num_workers <= 0 or scheduler == "serial":
        kept: Iterator[bool] = _in_turn(dataset, test, total)
    else:
        if scheduler != "threaded" and isinstance(function, str):
            # What was parsed stays here: who runs elsewhere parses it again.
            test = partial(_kept_by_text, function)
        elif scheduler != "threaded" and callable(function):
            test = partial(_kept, ByValue(function))
        kept = _parallel(dataset, test, num_workers, scheduler, total)
    shown = progress(kept, shown=progressbar, title="filter", unit="row", total=total)
    view: Dataset = dataset[[i for i, keep in enumerate(shown) if keep]]
    return view


def _assigns(text: str) -> bool:
    """Whether it is an assignment in Python: ``==`` was meant, or something else."""
    try:
        return any(isinstance(part, ast.Assign) for part in ast.parse(text.strip()).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def filter_text(dataset: Dataset, text: str) -> Dataset | None:
    """A view of the rows for which an expression of the query language is true.

    None: the text is a filter in Python's syntax, or neither.
    """
    try:
        Expression(text, dataset)
    except FilterTextError:
        if "tql" not in plugins.names("query"):
            return None
        if _assigns(text):
            return None
        condition = plugins.get("query", "tql").condition(text)
        if condition is None:
            return None
        from deeplake.dataset.querying import query

        try:
            return query(dataset, condition)
        except QueryError:
            return None
    return None


def _parallel(
    dataset: Dataset, test: Keep, workers: int, scheduler: str, total: int
) -> Iterator[bool]:
    try:
        executor = plugins.get("executor", scheduler)
    except PluginNotFoundError as error:
        raise UnsupportedSchedulerError(
            f"there is no scheduler {scheduler!r}; there are "
            f"{', '.join(map(repr, plugins.names('executor')))}. {error}"
        ) from error
    step = max(1, min(PER_TASK, total // (4 * workers)))
    ranges = [(start, min(start + step, total)) for start in range(0, total, step)]
    # Credentials go along when processes start: in what is sent later there are none.
    results = executor.run(
        partial(_range_kept, dataset, test), ranges, num_workers=workers,
        setup=partial(keep, dataset._checkout.lender),
    )  # fmt: skip
    try:
        for part in results:
            yield from part
    except Exception as error:
        where = ", ".join([dataset.path, *getattr(error, "__notes__", ())])
        raise FilterError(f"{where}: the filter failed: {error}") from error


def _in_turn(dataset: Dataset, test: Keep, total: int) -> Iterator[bool]:
    for start in range(0, total, PER_TASK):
        yield from test(dataset, start, min(start + PER_TASK, total))


def _range_kept(dataset: Dataset, test: Keep, rows: tuple[int, int]) -> list[bool]:
    kept: list[bool] = []
    tested = iter(test(dataset, *rows))
    for row in range(*rows):
        try:
            kept.append(next(tested))
        except Exception as error:
            error.add_note(f"row {row}")  # which also comes back from another process
            raise
    return kept


def _kept(
    function: Callable[[Dataset], Any], dataset: Dataset, start: int, stop: int
) -> Iterator[bool]:
    return (bool(function(dataset[i])) for i in range(start, stop))


def _kept_by_text(text: str, dataset: Dataset, start: int, stop: int) -> Iterator[bool]:
    return Expression(text, dataset).test(dataset, start, stop)


__all__ = ["filter_rows", "filter_text"]
