"""The rows that a function of the user's keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from deeplake.dataset.lender import keep
from deeplake.dataset.progress import progress
from deeplake.errors import FilterError, UnsupportedSchedulerError

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

PER_TASK = 256
"""Rows at most that a worker takes at a time."""


def filter_rows(
    dataset: Dataset,
    function: Callable[[Dataset], Any],
    *,
    num_workers: int,
    scheduler: str,
    progressbar: bool,
) -> Dataset:
    """A view of the rows for which a function is true (see ``Dataset.filter``)."""
    if not callable(function):
        raise TypeError(
            f"filter takes a function of one row, not {type(function).__name__}: for example "
            "ds.filter(lambda row: row.labels.numpy()[0] == 3)"
        )
    total = len(dataset)
    if num_workers <= 0 or scheduler == "serial":
        kept: Iterator[bool] = (bool(function(row)) for row in dataset)
    else:
        kept = _parallel(dataset, function, num_workers, scheduler, total)
    shown = progress(kept, shown=progressbar, title="filter", unit="row", total=total)
    view: Dataset = dataset[[i for i, keep in enumerate(shown) if keep]]
    return view


def _parallel(
    dataset: Dataset, function: Callable[[Dataset], Any], workers: int, scheduler: str, total: int
) -> Iterator[bool]:
    pool: Executor
    if scheduler == "threaded":
        pool = ThreadPoolExecutor(workers, thread_name_prefix="deeplake-filter")
    elif scheduler == "processed":
        # Credentials go along when the processes start: in what is sent later there are none.
        pool = ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=keep,
            initargs=(dataset._checkout.lender,),
        )  # fmt: skip
    else:
        raise UnsupportedSchedulerError(
            f"there is no scheduler {scheduler!r}; there are 'serial', 'threaded' and 'processed'"
        )
    step = max(1, min(PER_TASK, total // (4 * workers)))
    ranges = [(start, min(start + step, total)) for start in range(0, total, step)]
    with pool:
        try:
            for part in pool.map(partial(_kept, dataset, function), ranges):
                yield from part
        except Exception as error:
            pool.shutdown(cancel_futures=True)
            raise FilterError(f"{dataset.path}: the filter failed: {error}") from error


def _kept(
    dataset: Dataset, function: Callable[[Dataset], Any], rows: tuple[int, int]
) -> list[bool]:
    return [bool(function(dataset[i])) for i in range(*rows)]


__all__ = ["filter_rows"]
