"""Pipelines: functions of one sample, one after the other, over many samples."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from deeplake import plugins
from deeplake.compute.failure import broken, failed
from deeplake.compute.function import ComputeFunction
from deeplake.compute.portions import Portions
from deeplake.compute.shipping import Shipment
from deeplake.compute.sink import Refused, Sink
from deeplake.compute.source import Source, apart, source_of
from deeplake.compute.work import Failure, Order, Outcome, Target, Work
from deeplake.dataset import versions
from deeplake.dataset.dataset import Dataset
from deeplake.errors import (
    AllSamplesSkippedError,
    HubComposeEmptyListError,
    HubComposeIncompatibleFunction,
    InvalidInputDataError,
    InvalidOperationError,
    InvalidOutputDatasetError,
    PluginNotFoundError,
    TransformError,
    UnsupportedSchedulerError,
)
from deeplake.spi import Executor

if TYPE_CHECKING:
    from tqdm import tqdm

MB = 10**6
HERE = ("serial", "threaded")
"""Schedulers of this process: those that datasets in memory can be used with."""
INTERNAL = frozenset({"extend_only", "disable_label_sync", "disable_rechunk"})
"""Arguments that user code may pass: what they turn off is not needed here."""


class Pipeline:
    """Stages that every sample goes through, one after the other.

    Args:
        functions: The stages; each gets every row that the one before it gave.

    Attributes:
        functions: As given.
    """

    def __init__(self, functions: Sequence[ComputeFunction]) -> None:
        self.functions = [*functions]

    def __len__(self) -> int:
        return len(self.functions)

    def __repr__(self) -> str:
        return f"Pipeline({self.title})"

    @property
    def title(self) -> str:
        """The names of the stages."""
        names = [function.name for function in self.functions]
        return names[0] if len(names) == 1 else f"[{', '.join(names)}]"

    def eval(
        self,
        data_in: Any,
        ds_out: Dataset | None = None,
        num_workers: int = 0,
        scheduler: str = "threaded",
        progressbar: bool = True,
        skip_ok: bool = False,
        check_lengths: bool = True,
        pad_data_in: bool = False,
        read_only_ok: bool = False,
        cache_size: float = 16,
        checkpoint_interval: int = 0,
        ignore_errors: bool = False,
        verbose: bool = True,
        **kwargs: Any,
    ) -> None:
        """Send every sample of ``data_in`` through the stages, and add what comes out to ``ds_out``.

        The order of the results is that of the samples, whoever does the work. All results are added,
        or none: after an error, an interrupt or a crash ``ds_out`` is as it was, or as the last
        checkpoint left it.

        Args:
            data_in: The samples: a dataset, a view, a list, an array, a DataFrame (a sample is a frame
                of one row), or anything else with ``__getitem__`` and ``__len__``.
            ds_out: The dataset, or group, that the results are appended to; None: ``data_in``, whose
                tensors are replaced as far as the last stage gives samples for them.
            num_workers: Workers; 0 for none: the calling thread does it all.
            scheduler: Who they are: ``"threaded"``, ``"processed"``, ``"serial"``, or any other
                executor that is installed.
            progressbar: Show one on standard error.
            skip_ok: The last stage may leave tensors of ``ds_out`` out.
            check_lengths: Refuse a ``ds_out`` whose tensors have unequal lengths.
            pad_data_in: Of a dataset with tensors of unequal lengths, take as many rows as the longest
                has; the others give empty samples.
            read_only_ok: Without ``ds_out``, ``data_in`` may be read only: the functions look at it,
                and give nothing.
            cache_size: Megabytes of results that a worker collects, about, before they are added.
            checkpoint_interval: Make a commit before so many samples each; 0 for none. After an error
                the results are there up to the last one. A multiple of ``num_workers``.
            ignore_errors: Leave samples out that fail, and print how many did.
            verbose: Print that, and warn of short intervals.
            **kwargs: ``extend_only``, ``disable_label_sync``, ``disable_rechunk``: accepted and unused.

        Raises:
            TransformError: A function failed, or what it gave does not fit. ``index`` and ``sample``
                say for which sample; the cause is chained.
            AllSamplesSkippedError: With ``ignore_errors``: all failed.
            InvalidInputDataError: ``data_in`` has no numbered samples, or is in memory, where other
                processes do not see it.
            InvalidOutputDatasetError: ``ds_out`` is read only, a view of rows, in memory though other
                processes shall work, or has tensors of unequal lengths.
            UnsupportedSchedulerError: No executor has this name.
            ValueError: The checkpoint interval is not possible.
        """
        unknown = kwargs.keys() - INTERNAL
        if unknown:
            raise TypeError(f"eval() got an unexpected keyword argument {min(unknown)!r}")
        in_place = ds_out is None
        scheduler = "serial" if num_workers <= 0 else scheduler
        executor = _executor(scheduler)
        source = source_of(data_in, pad=pad_data_in)
        dataset = _output(data_in, ds_out)
        here = scheduler in HERE
        _check_input(source, here)
        read_only = _check_output(
            dataset, here, lengths=check_lengths, read_only_ok=read_only_ok and in_place
        )
        interval = max(checkpoint_interval, 0)
        if interval:
            self._check_interval(
                interval, len(source), num_workers, in_place=in_place, verbose=verbose
            )
        if not len(source):
            return
        checkout = dataset._checkout
        if not read_only:
            checkout.check_no_transaction("a transform")
            source = apart(source, checkout)
        target = Target(
            dataset.path, tuple(dataset._visible()), in_place,
            skip_ok or read_only_ok or not check_lengths, read_only,
        )  # fmt: skip
        run = _Run(self, source, dataset, target, interval, ignore_errors=ignore_errors)
        budget = int(cache_size * MB)
        with run.bar(progressbar):
            run.all(executor, max(num_workers, 1), budget)
        if ignore_errors and verbose:
            run.summary()

    def _check_interval(
        self, interval: int, samples: int, workers: int, *, in_place: bool, verbose: bool
    ) -> None:
        if in_place:
            raise ValueError("checkpoint_interval is not possible without ds_out, in place")
        if interval > samples:
            raise ValueError(
                f"checkpoint_interval is {interval}, and data_in has {samples} samples; give no more"
            )
        if workers > 0 and interval % workers:
            raise ValueError(
                f"checkpoint_interval is {interval}; give a multiple of num_workers, {workers}"
            )
        if verbose and interval < samples / 10:
            warnings.warn(
                f"checkpoint_interval is {interval}, less than 10% of the samples of data_in: a commit "
                "for so few makes a long history",
                stacklevel=4,
            )


class _Run:
    """One evaluation.

    Args:
        pipeline: The stages.
        source: The input.
        dataset: Where results go.
        target: What they have to be like.
        interval: Samples between two checkpoints; 0 for none.
        ignore_errors: Samples that fail are left out.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        source: Source,
        dataset: Dataset,
        target: Target,
        interval: int,
        *,
        ignore_errors: bool,
    ) -> None:
        self._pipeline = pipeline
        self._source = source
        self._dataset = dataset
        self._target = target
        self._interval = interval
        self._ignore_errors = ignore_errors
        self._sink = Sink(dataset, target, ignore_errors=ignore_errors)
        self._bar: tqdm[Any] | None = None
        self._skipped = 0
        self._done = 0
        self._last: Exception | None = None

    @contextmanager
    def bar(self, shown: bool) -> Iterator[None]:
        """Show a progress bar meanwhile."""
        with ExitStack() as stack:
            if shown:
                from tqdm import tqdm

                title = f"Evaluating {self._pipeline.title}"
                self._bar = stack.enter_context(tqdm(total=len(self._source), desc=title))
            yield

    def all(self, executor: Executor, workers: int, budget: int) -> None:
        """Do it."""
        functions = self._pipeline.functions
        order = Order(functions, self._source, self._target, self._ignore_errors)
        parts = {f"the function {function.name!r}": function for function in functions}
        shipment = Shipment(order, {**parts, "data_in": self._source})
        self._portions = Portions(self._source, self._sink.states, budget, self._interval)
        results = executor.run(
            Work(shipment), self._portions, num_workers=workers, setup=shipment.setup
        )
        total = len(self._source)
        step = self._interval or total
        # Whoever stops asking ends the run: no worker outlives it.
        with ExitStack() as stack:
            stack.callback(getattr(results, "close", lambda: None))
            for start in range(0, total, step):
                if self._interval:
                    self._checkpoint(start)
                self._some(results, min(start + step, total), start)

    def _some(self, results: Iterator[Outcome], stop: int, start: int) -> None:
        """Add all results up to a sample; all or nothing."""
        checkpoint = start if self._interval else None
        with ExitStack() as stack:
            if not self._target.read_only:
                stack.enter_context(self._dataset._checkout.atomic("a transform"))
            try:
                while self._done < stop:
                    self._take(self._next(results, checkpoint))
                self._sink.check()
            except Refused as refused:
                failure = refused.failure
                raise failed(failure, self._sample(failure), checkpoint) from failure.error
            if stop == len(self._source) and self._skipped == stop:
                raise AllSamplesSkippedError(
                    f"all {stop} samples of data_in failed; the last error: {self._last}"
                ) from self._last

    def _next(self, results: Iterator[Outcome], checkpoint: int | None) -> Outcome:
        try:
            return next(results)
        except TransformError:
            raise
        except Exception as error:
            raise broken(error, self._done, checkpoint) from error

    def _take(self, outcome: Outcome) -> None:
        self._portions.learn(outcome.stop - outcome.start, outcome.nbytes, outcome.seconds)
        if self._ignore_errors and outcome.failures:
            self._last = outcome.failures[-1].error
        self._skipped += self._sink.take(outcome)
        if self._ignore_errors:
            self._skipped += len(outcome.failures)
        self._done = outcome.stop
        if self._bar is not None:
            self._bar.update(outcome.stop - outcome.start)

    def _sample(self, failure: Failure) -> Any:
        """The sample of the input, as far as it can be had."""
        try:
            return self._source.one(failure.index)
        except Exception:  # noqa: BLE001 - that may be what failed
            return None

    def _checkpoint(self, done: int) -> None:
        percent = round(100 * done / len(self._source), 2)
        versions.commit(
            self._dataset._checkout,
            self._dataset.root,
            f"Auto-commit during deeplake.compute of {self._pipeline.title} after {percent}% progress",
            allow_empty=True,
            processed=done,
        )

    def summary(self) -> None:
        """Print how many samples were left out."""
        total = len(self._source)
        for what, n in (
            ("successfully processed", total - self._skipped),
            ("skipped", self._skipped),
        ):
            print(f"No. of samples {what}: {n} ({round(100 * n / total, 2)}%)")


def compose(functions: Sequence[ComputeFunction]) -> Pipeline:
    """A pipeline of several stages: each gets every row that the one before it gave.

    Args:
        functions: Stages, as calls of decorated functions give them.

    Example:
        >>> import deeplake
        >>> @deeplake.compute
        ... def twice(sample_in, sample_out):
        ...     sample_out.x.extend([sample_in, sample_in])
        >>> @deeplake.compute
        ... def plus(sample_in, sample_out, n):
        ...     sample_out.x.append(sample_in.x.numpy() + n)
        >>> ds = deeplake.empty("mem://composed")
        >>> _ = ds.create_tensor("x")
        >>> deeplake.compose([twice(), plus(1)]).eval([10, 20], ds, progressbar=False)
        >>> ds.x.numpy().ravel().tolist()
        [11, 11, 21, 21]

    Raises:
        HubComposeEmptyListError: There are none.
        HubComposeIncompatibleFunction: One is no such call.
    """
    if not functions:
        raise HubComposeEmptyListError("compose needs at least one function")
    for i, function in enumerate(functions):
        if not isinstance(function, ComputeFunction):
            called = " (it was not called)" if hasattr(function, "__wrapped__") else ""
            raise HubComposeIncompatibleFunction(
                f"function {i} is {function!r:.100}{called}: compose takes what calling a function "
                "gives that is decorated with @deeplake.compute, as in compose([first(), second(2)])"
            )
    return Pipeline(functions)


# --------------------------------------------------------------------------- what was given
def _executor(scheduler: str) -> Executor:
    try:
        executor: Executor = plugins.get("executor", str(scheduler))
    except PluginNotFoundError as error:
        raise UnsupportedSchedulerError(
            f"there is no scheduler {scheduler!r}; there are "
            f"{', '.join(map(repr, plugins.names('executor')))}. {error}"
        ) from error
    return executor


def _output(data_in: Any, ds_out: Any) -> Dataset:
    if ds_out is None:
        if not isinstance(data_in, Dataset):
            raise InvalidInputDataError(
                f"data_in is a {type(data_in).__name__}: pass ds_out; only a dataset can be transformed "
                "in place"
            )
        if data_in.is_view:
            raise InvalidOperationError(
                "a view of rows cannot be transformed in place; pass ds_out, or transform ds.root"
            )
        return data_in
    if not isinstance(ds_out, Dataset):
        raise InvalidOutputDatasetError(f"ds_out is a {type(ds_out).__name__}, not a dataset")
    if ds_out.is_view:
        raise InvalidOutputDatasetError(
            "ds_out is a view of rows, to which nothing can be added; pass the dataset"
        )
    return ds_out


def _check_input(source: Source, here: bool) -> None:
    checkout = source.checkout
    if checkout is None:
        return
    if not here and not checkout.session.home.store.capabilities.persistent:
        raise InvalidInputDataError(
            f"data_in, {checkout.path}, is in the memory of this process: use "
            'scheduler="threaded", or copy it to a path'
        )


def _check_output(dataset: Dataset, here: bool, *, lengths: bool, read_only_ok: bool) -> bool:
    """Whether it is read only, where that is fine."""
    checkout = dataset._checkout
    read_only = checkout.read_only or not checkout.repository.store.capabilities.writable
    if read_only and not read_only_ok:
        raise InvalidOutputDatasetError(
            f"{dataset.path} was opened read only, and cannot take results; open it with "
            "deeplake.load(path, read_only=False)"
        )
    if not here and not checkout.session.home.store.capabilities.persistent:
        raise InvalidOutputDatasetError(
            f"{dataset.path} is in the memory of this process, which other processes do not see: use "
            'scheduler="threaded", or a path'
        )
    found = {name: draft.length for name, draft in dataset._columns().items()}
    if lengths and len(set(found.values())) > 1:
        raise InvalidOutputDatasetError(
            f"the tensors of {dataset.path} have unequal lengths: {found}; pass check_lengths=False to "
            "add to them all the same"
        )
    return read_only


__all__ = ["Pipeline", "compose"]
