"""``ds.dataloader()``: a loader that is configured step by step, and then iterated."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from deeplake import plugins
from deeplake.errors import EmptyTensorError
from deeplake.loader.assembly import Assembly, assembled
from deeplake.loader.epoch import Epoch
from deeplake.loader.executor import Executor
from deeplake.loader.fetch import check_decode
from deeplake.loader.frameworks import adapter_of
from deeplake.loader.kinship import relative
from deeplake.loader.lot import Dice, Lot, Rows
from deeplake.loader.mixing import explained
from deeplake.loader.modes import Modes
from deeplake.loader.schedule import Progress, Schedule
from deeplake.loader.snapshot import Snapshot
from deeplake.loader.spec import INDEX, LoaderSpec, OnError, check_on_error
from deeplake.loader.stats import Stats

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset


class DeepLakeDataLoader(Modes):
    """Batches of a dataset or view. Made by ``ds.dataloader()``.

    Each step returns a new loader and leaves this one as it is; steps may come in any order. The
    rows are those that the dataset has when ``ds.dataloader()`` is called. Iterating again is a new
    epoch, shuffled anew.

    Example:
        >>> import deeplake
        >>> ds = deeplake.empty("mem://fluent")
        >>> _ = ds.create_tensor("x").extend([1, 2, 3])
        >>> loader = ds.dataloader().transform({"x": lambda x: 2 * x}).batch(2).numpy()
        >>> [[sample["x"].item() for sample in batch] for batch in loader]
        [[2, 4], [6]]

    For ``isinstance`` it is a ``torch.utils.data.DataLoader``, whatever it makes batches for, and it
    has the attributes of one.

    Args:
        dataset: Dataset or view.
        ignore_errors: Leave out rows that cannot be read or transformed.
        verbose: Print what is loaded when an epoch starts.
        on_error: ``"raise"``, ``"skip"``, or a function: see ``Dataset.dataloader``.

    Attributes:
        timeout, sampler, batch_sampler, generator, multiprocessing_context, worker_init_fn: What
            PyTorch's loaders have, and code for them may look at or set: nothing here needs them.

    Raises:
        ValueError: ``on_error`` is none of these, or contradicts ``ignore_errors``.
    """

    timeout: float = 0
    sampler: Any = None
    batch_sampler: Any = None
    generator: Any = None
    multiprocessing_context: Any = None
    worker_init_fn: Callable[[int], Any] | None = None

    def __init__(
        self,
        dataset: Dataset,
        *,
        ignore_errors: bool = False,
        verbose: bool = False,
        on_error: OnError | None = None,
    ) -> None:
        self._dataset = dataset
        self._snapshot = Snapshot(dataset)
        handling = check_on_error(ignore_errors, on_error)
        self._set(LoaderSpec(on_error=handling, verbose=bool(verbose)))

    def _set(
        self,
        spec: LoaderSpec,
        chosen: Rows | None = None,
        rank: tuple[int, int] | None = None,
    ) -> None:
        """Take a spec.

        Args:
            spec: What is asked for.
            chosen: Rows that a query or weights chose; None: those of the snapshot.
            rank: Rank and number of ranks, where they were set.
        """
        snapshot = self._snapshot
        names = self._names(spec)
        self._spec = spec
        self._chosen = chosen
        self._rows = snapshot.rows(names, pad=spec.pad_tensors) if chosen is None else chosen
        row_bytes = None if snapshot.mapped or not spec.shuffle else snapshot.row_bytes(names)
        self._schedule = Schedule(spec, self._rows, snapshot.version, row_bytes, rank)
        self._assembly: Assembly | None = None
        self._running: weakref.WeakSet[Epoch] = weakref.WeakSet()
        self._stats = Stats()
        self._executor: Executor | None = None

    @classmethod
    def of(cls, dataset: Dataset, spec: LoaderSpec, *, not_empty: bool = False) -> Any:
        """The loader that ``spec`` describes, as its framework wraps it.

        Args:
            dataset: Dataset or view.
            spec: What is asked for.
            not_empty: Raise ``EmptyTensorError`` now, not when an epoch starts.

        Raises:
            EmptyTensorError: A tensor holds no value, and ``not_empty`` is given.
            ValueError, TensorDoesNotExistError, NotImplementedError: The dataset has no such
                tensors, or they cannot be loaded that way.
        """
        plain = cls(dataset)
        loader = plain._derive(spec)
        if not_empty:
            plain._snapshot.check_not_empty(plain._names(spec))
        return loader

    def _derive(self, spec: LoaderSpec | None = None, chosen: Rows | None = None) -> Any:
        """A new loader, as its framework wraps it."""
        spec = self._spec if spec is None else spec
        self._check(spec)
        new = object.__new__(type(self))
        new._dataset = self._dataset
        new._snapshot = self._snapshot
        new._set(spec, self._chosen if chosen is None else chosen, self._schedule.rank)
        if spec.framework is None:
            return new
        wrapped = adapter_of(spec).wrap(new)
        if getattr(wrapped, "spec", None) is spec:
            # It hands on to this loader whatever it has not itself: for users it is one, too.
            DeepLakeDataLoader.register(type(wrapped))
        return wrapped

    def _of(self, dataset: Dataset) -> Any:
        """The same loader of another dataset or view."""
        new = object.__new__(type(self))
        new._dataset = dataset
        new._snapshot = Snapshot(dataset)
        new._set(replace(self._spec, tensors=None), None, self._schedule.rank)
        return new._derive(self._spec)

    def _check(self, spec: LoaderSpec) -> None:
        snapshot = self._snapshot
        if INDEX in (spec.tensors or ()):
            raise ValueError(
                "'index' is no tensor: batches have the row numbers under this key when "
                "return_index=True"
            )
        selected = self._names(spec)
        snapshot.check_names(selected)
        strangers = [name for name in spec.decode_method if name not in selected]
        if strangers:
            raise ValueError(
                f"decode_method names {', '.join(map(repr, strangers))}, which "
                f"{'is' if len(strangers) == 1 else 'are'} not loaded; loaded are "
                f"{', '.join(map(repr, selected)) or 'none'}"
            )
        if spec.framework is not None:
            subscripted = bool(snapshot.steps.steps)
            for name in selected:
                how = spec.decode_method.get(name, "numpy")
                check_decode(name, snapshot.sources[name].schema, how, subscripted=subscripted)

    def _names(self, spec: LoaderSpec) -> tuple[str, ...]:
        selected = spec.selected
        return self._snapshot.visible if selected is None else selected

    # ---- what it is
    @property  # type: ignore[misc]
    def __class__(self) -> type[DeepLakeDataLoader]:
        return relative(type(self))

    @property
    def spec(self) -> LoaderSpec:
        """What was asked for."""
        return self._spec

    @property
    def dataset(self) -> Dataset:
        """The dataset or view that the loader was made from."""
        return self._dataset

    @property
    def batch_size(self) -> int | None:
        """Rows a batch; None if samples are not batched."""
        return None if self._spec.unbatched else self._spec.rows_a_batch

    @property
    def drop_last(self) -> bool:
        """Whether a last batch that is not full is left out."""
        return self._spec.drop_last

    @property
    def num_workers(self) -> int:
        """Workers that were asked for."""
        return self._spec.num_workers

    @property
    def prefetch_factor(self) -> int:
        """Batches made ahead, a thread."""
        return self._spec.prefetch_factor

    @property
    def persistent_workers(self) -> bool:
        """Whether workers are kept between epochs."""
        return self._spec.persistent_workers

    @property
    def pin_memory(self) -> bool:
        """Whether batches are put into page-locked memory."""
        return self._spec.pin_memory

    @property
    def collate_fn(self) -> Callable[[Any], Any] | None:
        """What makes a batch of samples; None: the framework does."""
        return self._spec.collate_fn

    @property
    def epoch(self) -> int:
        """The epoch that the next iteration is."""
        return self._schedule.epoch

    def fields(self) -> dict[str, tuple[str, tuple[int | None, ...], str]]:
        """What a sample is made of.

        Returns:
            For each key of a batch: what it is (``"array"``, ``"text"``, ``"bytes"`` or the name of
            another type), its shape, with None for sides that differ from sample to sample, and its
            dtype. What a transform makes is found out from the first sample.

        Raises:
            EmptyTensorError: A tensor holds no value, or there are no rows.
        """
        assembly = self._ready()
        if len(self._rows) == 0:
            raise EmptyTensorError(f"a loader of {self._snapshot.path} has no rows")
        first = np.asarray(self._rows[:1], np.int64)
        return assembly.fields(Lot(first, np.zeros(1, np.int64), Dice(0, 0)))

    def summary(self) -> None:
        """Print the tensors of the dataset."""
        self._dataset.summary()

    def __len__(self) -> int:
        """Batches of an epoch, of this rank.

        Raises:
            ValueError: There are fewer rows than ranks.
        """
        return self._schedule.steps()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "loaders cannot be pickled; pickle the dataset or view, and make a loader of it there"
        )

    def __repr__(self) -> str:
        spec = self._spec
        parts = [f"{len(self._rows)} rows", f"batch_size={self.batch_size}"]
        parts.extend(["shuffled"] if spec.shuffle else [])
        parts.append(f"tensors={list(self._names(spec))!r}")
        return f"{type(self).__name__}({self._snapshot.path!r}, {', '.join(parts)})"

    # ---- ranks, epochs, state
    def set_rank(self, rank: int, world: int) -> None:
        """Load the part of one of several ranks, whatever the environment says.

        Raises:
            ValueError: ``rank`` is not in ``0 … world - 1``.
        """
        self._schedule.set_rank(rank, world)

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration this epoch; the same epoch has the same order.

        An epoch in whose midst a state was loaded is gone on with, not begun again.

        Raises:
            ValueError: Not an integer of at least 0.
        """
        self._schedule.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is, as JSON values: what the next batch would be.

        Only batches that were handed out count, not those made ahead. The state fits any number of
        threads and ranks, and other batch sizes.

        Raises:
            LoaderError: The dataset had changes that were not flushed: nothing names its state.
        """
        return self._schedule.state()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where the loader was that ``state`` is of.

        Raises:
            LoaderError: The state is of other rows or of another order.
        """
        self._schedule.load(state)

    # ---- iterating
    def __iter__(self) -> Epoch:
        """Start an epoch.

        Raises:
            EmptyTensorError: A tensor holds no value.
            ValueError: There are fewer rows than ranks, or the rank is not known.
            PluginError: The plugin of the framework cannot be loaded.
            WorkerError: Something cannot be handed to worker processes: what, and what to do.
        """
        assembly = self._ready()
        executor = self._executing(assembly)
        plan, progress = self._schedule.begin()
        plugins.hook("deeplake_epoch_started", loader=self, epoch=progress.epoch)
        assembly.stats = self._stats = stats = Stats(self._snapshot.traffic)
        if self._spec.verbose:
            print(f"epoch {progress.epoch} of {self!r}: {len(plan)} batches, {executor.who}")
        epoch = Epoch(
            plan,
            executor.start(plan, Dice(progress.seed, progress.epoch), stats),
            progress,
            stats,
            self._finisher(progress),
            None if isinstance(self._spec.on_error, str) else self._spec.on_error,
            progressbar=self._spec.progressbar,
        )
        self._running.add(epoch)
        return epoch

    def stats(self) -> dict[str, Any]:
        """Where the time of the last epoch went, as JSON values.

        Returns:
            ``batches`` that were handed out; ``seconds`` since it began, or that it took; ``waited``:
            seconds that the loop waited for batches; ``busy``: seconds by stage (``read``, which
            decodes too, ``transform``, ``collate``), of all threads or processes together;
            ``bytes`` by stage: those that were fetched from storage (``fetch``; nothing is where it
            is mapped), and those of the arrays that each stage made; ``prefetch``: parts of objects
            that were there when they were needed (``ready``), and those that were waited for
            (``late``); ``cache``: ``hits`` and ``misses`` of the caches in memory and on disk;
            ``skipped``: rows that were left out because they failed; ``workers``: how many there
            are, and their ``kind`` (``"threads"``, ``"processes"``; ``"loop"`` and 0 where it made its
            batches itself, of rows in memory); ``bottleneck``: the slowest stage, or ``"loop"`` if the
            loader was faster.
        """
        return self._stats.as_dict()

    def explain(self) -> str:
        """What an epoch does, in words: order, threads or processes, how each tensor is read.

        It looks at some labels, and warns where rows are stored class by class and will not be mixed
        well.
        """
        assembly = self._ready()
        executor = self._executing(assembly)
        why = executor.why_threads
        spec = self._spec
        lines = [
            f"{self!r}",
            f"order: {self._schedule.explain()}",
            *explained(self._schedule.order, spec, self._snapshot, self._rows),
            f"batches: {len(self)} of {self.batch_size or 'no'} rows",
            f"work: {executor.who}" + (f" ({why})" if why else ""),
        ]
        lines += [f"  {name}: {column.how}" for name, column in assembly.columns.items()]
        if self._stats.batches:
            lines.append(
                f"last epoch: {self._stats.batches} batches in {self._stats.seconds:.2f} s, the "
                f"loop waited {self._stats.waited:.2f} s; bottleneck: {self._stats.bottleneck}"
            )
        return "\n".join(lines)

    def _ready(self) -> Assembly:
        if self._assembly is None:
            spec = self._spec
            snapshot = self._snapshot
            names = self._names(spec)
            snapshot.check_not_empty(names)
            rows = len(self._rows)
            self._assembly = assembled(snapshot, spec, names, adapter_of(spec), rows)
        return self._assembly

    def _executing(self, assembly: Assembly) -> Executor:
        if self._executor is None:
            names = self._names(self._spec)
            self._executor = Executor(self._snapshot, self._spec, names, self._rows, assembly)
        return self._executor

    def _finisher(self, progress: Progress) -> Callable[[], None]:
        """What to do after the last batch of an epoch."""
        me = weakref.ref(self)

        def finished() -> None:
            epoch = progress.epoch
            progress.epoch, progress.position = epoch + 1, 0
            loader = me()
            if loader is not None:
                plugins.hook("deeplake_epoch_finished", loader=loader, epoch=epoch)

        return finished

    def close(self) -> None:
        """End all iterations that are under way, and all processes; a new one may be started."""
        for epoch in list(self._running):
            epoch.close()
        if self._executor is not None:
            self._executor.close()

    def __enter__(self) -> DeepLakeDataLoader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


__all__ = ["DeepLakeDataLoader"]
