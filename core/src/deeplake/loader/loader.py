"""``ds.dataloader()``: a loader that is configured step by step, and then iterated."""

from __future__ import annotations

import multiprocessing
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from deeplake import plugins, random
from deeplake.errors import EmptyTensorError
from deeplake.loader import choice
from deeplake.loader.assembly import Assembly, assembled
from deeplake.loader.epoch import Epoch
from deeplake.loader.fetch import Snapshot, check_decode
from deeplake.loader.lot import Dice, Lot, Rows
from deeplake.loader.parcel import AVAILABLE
from deeplake.loader.pipeline import Pipeline, cores
from deeplake.loader.plan import Plan
from deeplake.loader.schedule import Progress, Schedule
from deeplake.loader.spec import (
    INDEX,
    LoaderSpec,
    Transform,
    check_batch_size,
    check_decode_method,
    check_effort,
    check_offset,
    check_size,
)
from deeplake.loader.stats import Stats
from deeplake.loader.worker import Recipe
from deeplake.loader.workers import Pool, Processes, pickled

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

AHEAD_BYTES = 128 << 20
"""Batches are made ahead up to this size, beside the two that are always."""

PLAIN_THREADS = 4
"""Threads that copy plain data, at most: a few of them use all that memory can deliver."""


class DeepLakeDataLoader:
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

    Args:
        dataset: Dataset or view.
        ignore_errors: Leave out rows that cannot be read or transformed.
        verbose: Print what is loaded when an epoch starts.
    """

    def __init__(
        self, dataset: Dataset, *, ignore_errors: bool = False, verbose: bool = False
    ) -> None:
        self._dataset = dataset
        self._snapshot = Snapshot(dataset)
        self._set(LoaderSpec(ignore_errors=bool(ignore_errors), verbose=bool(verbose)))

    def _set(
        self,
        spec: LoaderSpec,
        chosen: Rows | None = None,
        drawings: int = 0,
        rank: tuple[int, int] | None = None,
    ) -> None:
        """Take a spec.

        Args:
            spec: What is asked for.
            chosen: Rows that a query or weights chose; None: those of the snapshot.
            drawings: How often rows were drawn.
            rank: Rank and number of ranks, where they were set.
        """
        snapshot = self._snapshot
        names = self._names(spec)
        self._spec = spec
        self._chosen = chosen
        self._drawings = drawings
        self._rows = snapshot.rows(names, pad=spec.pad_tensors) if chosen is None else chosen
        row_bytes = None if snapshot.mapped or not spec.shuffle else snapshot.row_bytes(names)
        self._schedule = Schedule(spec, self._rows, snapshot.version, row_bytes, rank)
        self._assembly: Assembly | None = None
        self._running: weakref.WeakSet[Epoch] = weakref.WeakSet()
        self._stats = Stats()
        self._pool: Pool | None = None

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

    def _derive(
        self, spec: LoaderSpec | None = None, chosen: Rows | None = None, drawings: int = 0
    ) -> Any:
        """A new loader, as its framework wraps it."""
        spec = self._spec if spec is None else spec
        self._check(spec)
        new = object.__new__(type(self))
        new._dataset = self._dataset
        new._snapshot = self._snapshot
        new._set(
            spec,
            self._chosen if chosen is None else chosen,
            self._drawings + drawings,
            self._schedule.rank,
        )
        if spec.framework is None:
            return new
        return plugins.get("framework", spec.framework).wrap(new)

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

    # ---- configuring
    def batch(self, batch_size: int, drop_last: bool = False) -> Any:
        """Batches of several rows.

        Args:
            batch_size: Rows a batch.
            drop_last: Leave out a last batch that is not full.

        Raises:
            ValueError: It was called before, or ``batch_size`` is not at least 1.
        """
        if self._spec.batch_size is not None:
            raise ValueError(
                f"batch size is already set to {self._spec.batch_size}; call .batch() once"
            )
        size = check_batch_size(batch_size)
        return self._derive(replace(self._spec, batch_size=size, drop_last=bool(drop_last)))

    def shuffle(self, shuffle: bool = True, buffer_size: int = 2048) -> Any:
        """Rows in random order, another one each epoch; ``deeplake.random.seed`` makes it
        repeatable.

        Works on views too. Rows on a local disk or in memory are permuted as a whole.

        Args:
            shuffle: False: in order.
            buffer_size: Megabytes of rows that are mixed with each other, of data that have to be
                fetched: with more of them, neighbours in the dataset are less often neighbours in
                the epoch. Blocks of rows from all over the dataset are mixed in any case.

        Raises:
            ValueError: It was called before, or ``buffer_size`` is not positive.
        """
        if self._spec.shuffle is not None:
            raise ValueError("shuffle is already set; call .shuffle() once")
        if not buffer_size > 0:
            raise ValueError(f"buffer_size is a positive number of megabytes, not {buffer_size!r}")
        spec = replace(self._spec, shuffle=bool(shuffle), buffer_size=buffer_size)
        _warn_of_offset(spec)
        return self._derive(spec)

    def transform(
        self,
        transform: Callable[[Any], Any] | Mapping[str, Callable[[Any], Any] | None],
        **kwargs: Any,
    ) -> Any:
        """Do something to each sample. The functions run in threads, several at once.

        Args:
            transform: A function of a whole sample (a dict of arrays), or a dict of functions by
                tensor. The dict selects the tensors: None loads one as it is, and the row numbers
                come only if it has the key ``"index"``.
            **kwargs: Further arguments of a function of whole samples.

        Raises:
            ValueError: It was called before, or tensors were selected before.
            TensorDoesNotExistError: A name of the dict is no tensor.
        """
        if self._spec.transform is not None:
            raise ValueError("transform is already set; call .transform() once")
        checked = Transform.of(transform, kwargs)
        if checked.by_tensor is not None and self._spec.tensors is not None:
            raise ValueError(
                f"Tensors have already been specified in the .{self._mode} method. A dict of "
                "transforms selects them too: give one of the two"
            )
        return self._derive(replace(self._spec, transform=checked))

    def offset(self, off: int = 0) -> Any:
        """Begin at a later place; those before it come at the end.

        Raises:
            ValueError: It was called before, or ``off`` is negative.
        """
        if self._spec.offset is not None:
            raise ValueError("offset is already set; call .offset() once")
        spec = replace(self._spec, offset=check_offset(off))
        _warn_of_offset(spec)
        return self._derive(spec)

    def query(self, query_string: str) -> Any:
        """Only the rows that a TQL query finds, in its order.

        Raises:
            PluginNotFoundError: No query engine is installed; the message says how to get it.
            QueryError: The query is wrong, or makes new columns.
        """
        return self._derive(chosen=choice.found(self._snapshot, self._rows, query_string))

    def sample_by(
        self,
        weights: str | Sequence[float] | np.ndarray,
        replace: bool | None = True,
        size: int | None = None,
    ) -> Any:
        """Rows drawn by weight, once for all epochs; ``deeplake.random.seed`` makes it repeatable.

        Args:
            weights: One number a row, or an expression of the query language that gives them.
            replace: Whether a row can be drawn again.
            size: How many are drawn; None: as many as there are rows.

        Raises:
            ValueError: The weights are not one number of at least 0 a row, or all are 0, or there
                are not enough of them above 0 to draw from without ``replace``.
            PluginNotFoundError: An expression needs a query engine that is not installed.
        """
        again = replace is None or bool(replace)
        count = None if size is None else check_size(size)
        rows = self._rows
        if isinstance(weights, str):
            limit = "" if count is None else f" limit {count}"
            text = f"select * sample by {weights} replace {str(again).lower()}{limit}"
            return self._derive(chosen=choice.found(self._snapshot, rows, text))
        positions = choice.drawn(
            weights,
            len(rows),
            len(rows) if count is None else count,
            replace=again,
            drawing=self._drawings,
        )
        return self._derive(chosen=np.asarray(rows, np.int64)[positions], drawings=1)

    def numpy(
        self,
        num_workers: int = 0,
        tensors: Sequence[str] | None = None,
        num_threads: int | None = None,
        prefetch_factor: int = 2,
        decode_method: Mapping[str, str] | None = None,
        persistent_workers: bool = False,
    ) -> Any:
        """Batches that are lists of samples, each a dict of NumPy arrays.

        Args:
            num_workers: Processes that run transforms and ``collate_fn``, where there are any;
                0: threads do. The batches are the same for any number.
            tensors: Tensors to load, in this order; None: all.
            num_threads: Threads that read, decode and transform; None: as many as there are cores.
            prefetch_factor: Batches made ahead, a thread.
            decode_method: ``"numpy"``, ``"tobytes"``, ``"pil"`` or ``"data"`` by tensor.
            persistent_workers: Keep workers between epochs.

        Raises:
            ValueError: A framework was chosen before; tensors are selected by the transform
                already; a number is out of range; a tensor cannot be decoded that way.
            TensorDoesNotExistError: A name is no tensor.
        """
        return self._framework(
            "numpy", num_workers, tensors, num_threads, prefetch_factor, decode_method,
            persistent_workers,
        )  # fmt: skip

    def pytorch(
        self,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        tensors: Sequence[str] | None = None,
        num_threads: int | None = None,
        prefetch_factor: int = 2,
        distributed: bool = False,
        return_index: bool = True,
        decode_method: Mapping[str, str] | None = None,
        persistent_workers: bool = False,
    ) -> Any:
        """Batches of PyTorch tensors, from an object that is a ``torch.utils.data.DataLoader``.

        Args:
            num_workers: Processes that run transforms and ``collate_fn``, where there are any;
                0: threads do. The batches are the same for any number.
            collate_fn: Makes a batch of a list of (transformed) samples.
            tensors: Tensors to load, in this order; None: all.
            num_threads: Threads that read, decode and transform; None: as many as there are cores.
            prefetch_factor: Batches made ahead, a thread.
            distributed: Give each rank of a distributed job its part of each batch. The rank is
                that of ``torch.distributed``, or of the environment variables RANK and WORLD_SIZE.
            return_index: Add the row numbers to each batch, under the key ``"index"``.
            decode_method: ``"numpy"``, ``"tobytes"``, ``"pil"`` or ``"data"`` by tensor.
            persistent_workers: Keep workers between epochs.

        Raises:
            PluginNotFoundError: The plugin for PyTorch is not installed.
            ValueError, TensorDoesNotExistError: As in :meth:`numpy`.
        """
        return self._framework(
            "torch", num_workers, tensors, num_threads, prefetch_factor, decode_method,
            persistent_workers, collate_fn=collate_fn, distributed=bool(distributed),
            return_index=bool(return_index),
        )  # fmt: skip

    def tensorflow(
        self,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        tensors: Sequence[str] | None = None,
        num_threads: int | None = None,
        prefetch_factor: int = 2,
        return_index: bool = True,
        decode_method: Mapping[str, str] | None = None,
        persistent_workers: bool = False,
    ) -> Any:
        """Batches of TensorFlow tensors.

        Args:
            num_workers: Processes that run transforms and ``collate_fn``, where there are any;
                0: threads do. The batches are the same for any number.
            collate_fn: Makes a batch of a list of (transformed) samples.
            tensors: Tensors to load, in this order; None: all.
            num_threads: Threads that read, decode and transform; None: as many as there are cores.
            prefetch_factor: Batches made ahead, a thread.
            return_index: Add the row numbers to each batch, under the key ``"index"``.
            decode_method: ``"numpy"``, ``"tobytes"``, ``"pil"`` or ``"data"`` by tensor.
            persistent_workers: Keep workers between epochs.

        Raises:
            PluginNotFoundError: The plugin for TensorFlow is not installed.
            ValueError, TensorDoesNotExistError: As in :meth:`numpy`.
        """
        return self._framework(
            "tensorflow", num_workers, tensors, num_threads, prefetch_factor, decode_method,
            persistent_workers, collate_fn=collate_fn, return_index=bool(return_index),
        )  # fmt: skip

    def jax(
        self,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        tensors: Sequence[str] | None = None,
        num_threads: int | None = None,
        prefetch_factor: int = 2,
        distributed: bool = False,
        return_index: bool = True,
        decode_method: Mapping[str, str] | None = None,
        persistent_workers: bool = False,
        sharding: Any = None,
    ) -> Any:
        """Batches of JAX arrays.

        Args:
            num_workers: Processes that run transforms and ``collate_fn``, where there are any;
                0: threads do. The batches are the same for any number.
            collate_fn: Makes a batch of a list of (transformed) samples.
            tensors: Tensors to load, in this order; None: all.
            num_threads: Threads that read, decode and transform; None: as many as there are cores.
            prefetch_factor: Batches made ahead, a thread.
            distributed: Give each rank of a distributed job its part of each batch. The rank is
                that of the environment variables RANK and WORLD_SIZE, or of ``set_rank``.
            return_index: Add the row numbers to each batch, under the key ``"index"``.
            decode_method: ``"numpy"``, ``"tobytes"``, ``"pil"`` or ``"data"`` by tensor.
            persistent_workers: Keep workers between epochs.
            sharding: A ``jax.sharding.Sharding`` or device that batches are put on, or a dict of
                them by tensor; None: JAX's default device.

        Raises:
            PluginNotFoundError: The plugin for JAX is not installed.
            ValueError, TensorDoesNotExistError: As in :meth:`numpy`.
        """
        return self._framework(
            "jax", num_workers, tensors, num_threads, prefetch_factor, decode_method,
            persistent_workers, collate_fn=collate_fn, distributed=bool(distributed),
            return_index=bool(return_index),
            options={} if sharding is None else {"sharding": sharding},
        )  # fmt: skip

    @property
    def _mode(self) -> str:
        key = self._spec.framework or "numpy"
        return "pytorch" if key == "torch" else key

    def _framework(
        self,
        key: str,
        num_workers: int,
        tensors: Sequence[str] | None,
        num_threads: int | None,
        prefetch_factor: int,
        decode_method: Mapping[str, str] | None,
        persistent_workers: bool,
        **options: Any,
    ) -> Any:
        spec = self._spec
        wanted = "pytorch" if key == "torch" else key
        if spec.framework == key:
            raise ValueError(f"already called .{wanted}()")
        if spec.framework is not None:
            raise ValueError(f"Can't call .{wanted}() after .{self._mode}()")
        if tensors is not None and spec.transform is not None and spec.transform.names is not None:
            raise ValueError(
                "Tensors have already been specified by the dict of .transform(): leave out "
                "tensors="
            )
        if isinstance(tensors, str):
            raise ValueError(f"tensors is a list of names, not the string {tensors!r}")
        effort = cast("dict[str, Any]", check_effort(num_workers, num_threads, prefetch_factor))
        effort["processes"] = effort["num_workers"]
        return self._derive(
            replace(
                spec,
                framework=key,
                tensors=None if tensors is None else tuple(tensors),
                decode_method=check_decode_method(decode_method),
                persistent_workers=bool(persistent_workers),
                **effort,
                **options,
            )
        )

    # ---- what it is
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
        spec = self._spec
        assembly = self._ready()
        plan, progress = self._schedule.begin()
        plugins.hook("deeplake_epoch_started", loader=self, epoch=progress.epoch)
        assembly.stats = self._stats = stats = Stats()
        stats.kind, stats.workers = self._effort(assembly)
        if spec.verbose:
            print(
                f"epoch {progress.epoch} of {self!r}: {len(plan)} batches, {stats.workers} "
                f"{stats.kind}"
            )
        make = self._processes if stats.kind == "processes" else self._threads
        epoch = Epoch(
            plan,
            make(assembly, plan, Dice(progress.seed, progress.epoch), stats),
            progress,
            stats,
            self._finisher(progress),
            progressbar=spec.progressbar,
        )
        self._running.add(epoch)
        return epoch

    def _effort(self, assembly: Assembly) -> tuple[str, int]:
        """Who makes the batches: ``"threads"`` or ``"processes"``, and how many."""
        spec = self._spec
        if spec.processes and not self._why_threads(assembly):
            return "processes", spec.processes
        few = cores() if assembly.heavy else min(cores(), PLAIN_THREADS)
        return "threads", spec.num_threads or max(few, spec.num_workers)

    def _threads(self, assembly: Assembly, plan: Plan, dice: Dice, stats: Stats) -> Pipeline:
        threads = stats.workers
        together, parts = assembly.granularity(plan.batch_size, threads)
        units = assembly.units(_lots(plan, self._rows, dice), together, parts)
        ahead = -(-self._spec.prefetch_factor * threads // together)
        ahead = min(
            ahead if parts > 1 else max(ahead, threads), _units_ahead(assembly, plan, together)
        )
        return Pipeline(units, threads, max(2, ahead))

    def _processes(self, assembly: Assembly, plan: Plan, dice: Dice, stats: Stats) -> Processes:
        spec = self._spec
        pool = self._pool
        adapter = plugins.get("framework", spec.framework or "numpy")
        if pool is None or pool.closed:
            names = self._names(spec)
            data = pickled(Recipe(self._snapshot, spec, names, adapter))
            pool = Pool(data, stats.workers, spec.method or _start_method())
            self._pool = pool if spec.persistent_workers else None
        together, _ = assembly.granularity(plan.batch_size, 1)
        units = assembly.units(_lots(plan, self._rows, dice), together, 1)
        ahead = max(1, min(spec.prefetch_factor, _units_ahead(assembly, plan, together)))
        return Processes(units, pool, ahead, adapter, stats, keep=spec.persistent_workers)

    def stats(self) -> dict[str, Any]:
        """Where the time of the last epoch went, as JSON values.

        Returns:
            ``batches`` that were handed out; ``seconds`` since it began, or that it took; ``waited``:
            seconds that the loop waited for batches; ``busy``: seconds by stage (``read``, which
            decodes too, ``transform``, ``collate``), of all threads or processes together;
            ``workers``: how many there are, and their ``kind``; ``bottleneck``: the slowest stage, or
            ``"loop"`` if the loader was faster.
        """
        return self._stats.as_dict()

    def explain(self) -> str:
        """What an epoch does, in words: order, threads or processes, how each tensor is read."""
        assembly = self._ready()
        kind, count = self._effort(assembly)
        why = self._why_threads(assembly) if self._spec.processes else ""
        lines = [
            f"{self!r}",
            f"order: {self._schedule.explain()}",
            f"batches: {len(self)} of {self.batch_size or 'no'} rows",
            f"work: {count} {kind}" + (f" ({why})" if why else ""),
        ]
        lines += [f"  {name}: {column.how}" for name, column in assembly.columns.items()]
        if self._stats.batches:
            lines.append(
                f"last epoch: {self._stats.batches} batches in {self._stats.seconds:.2f} s, the "
                f"loop waited {self._stats.waited:.2f} s; bottleneck: {self._stats.bottleneck}"
            )
        return "\n".join(lines)

    def _why_threads(self, assembly: Assembly) -> str:
        """Why processes that were asked for are not started; empty if they are."""
        if not assembly.in_python:
            return "there is no function of yours to run: processes would only copy"
        if not self._snapshot.portable:
            return "other processes cannot see the data: they are in memory, or not flushed"
        if any(column.source.schema.is_link for column in assembly.columns.values()):
            return "credentials of links do not leave this process"
        return "" if AVAILABLE else "processes need a system with Unix sockets"

    def _ready(self) -> Assembly:
        if self._assembly is None:
            spec = self._spec
            snapshot = self._snapshot
            names = self._names(spec)
            snapshot.check_not_empty(names)
            adapter = plugins.get("framework", spec.framework or "numpy")
            self._assembly = assembled(snapshot, spec, names, adapter)
        return self._assembly

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
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def __enter__(self) -> DeepLakeDataLoader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _warn_of_offset(spec: LoaderSpec) -> None:
    if spec.offset and spec.shuffle and random.get_seed() is None:
        warnings.warn(
            "offset() of a shuffled loader begins with other rows in every run; call "
            "deeplake.random.seed(…) first to make the order repeatable",
            stacklevel=3,
        )


def _lots(plan: Plan, rows: range | np.ndarray, dice: Dice) -> Iterator[Lot]:
    """The rows of each batch."""
    whole = isinstance(rows, range) and rows.start == 0 and rows.step == 1
    numbers = None if whole else np.asarray(rows, np.int64)
    for step in range(len(plan)):
        positions = plan.batch(step)
        yield Lot(positions if numbers is None else numbers[positions], positions, dice)


def _start_method() -> str | None:
    """How ``multiprocessing`` was told to start processes; None: it was not, or to fork."""
    method = multiprocessing.get_start_method(allow_none=True)
    return method if method in ("spawn", "forkserver") else None


def _units_ahead(assembly: Assembly, plan: Plan, together: int) -> int:
    """Units of ``together`` batches that memory allows to make ahead."""
    return AHEAD_BYTES // (max(1, assembly.row_bytes) * plan.batch_size * together)


__all__ = ["DeepLakeDataLoader"]
