"""``ds.dataloader()``: a loader that is configured step by step, and then iterated."""

from __future__ import annotations

import os
import secrets
import warnings
import weakref
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from deeplake import plugins, random
from deeplake.errors import LoaderError, QueryError
from deeplake.loader.assembly import Assembly
from deeplake.loader.columns import SnapshotColumns
from deeplake.loader.epoch import Epoch, Progress
from deeplake.loader.fetch import Column, Rows, Snapshot, check_decode
from deeplake.loader.pipeline import Pipeline, cores
from deeplake.loader.plan import InOrder, Order, Plan, Positions, Shuffled, shuffled
from deeplake.loader.spec import (
    INDEX,
    LoaderSpec,
    Transform,
    check_batch_size,
    check_decode_method,
    check_effort,
    check_offset,
)

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

AHEAD_BYTES = 128 << 20
"""Batches are made ahead up to this size, beside the two that are always."""

STATE_VERSION = 1

_SAMPLING = 0x5A
"""Tells the random numbers of ``sample_by`` from others of the same seed."""


class DeepLakeDataLoader:
    """Batches of a dataset or view. Made by ``ds.dataloader()``.

    Each step returns a new loader and leaves this one as it is; steps may come in any order. The rows
    are those that the dataset has when ``ds.dataloader()`` is called. Iterating again is a new epoch,
    shuffled anew.

    Example:
        >>> import deeplake
        >>> ds = deeplake.empty("mem://fluent")
        >>> _ = ds.create_tensor("x").extend([1, 2, 3])
        >>> loader = ds.dataloader().transform({"x": lambda x: 2 * x}).batch(2).numpy()
        >>> [[int(sample["x"]) for sample in batch] for batch in loader]
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
        self._set(LoaderSpec(ignore_errors=ignore_errors, verbose=verbose), None, 0, None)

    def _set(
        self, spec: LoaderSpec, rows: Rows | None, drawn: int, rank: tuple[int, int] | None
    ) -> None:
        self._spec = spec
        self._rows = rows
        self._drawn = drawn
        self._rank = rank
        self._assembly: Assembly | None = None
        self._own_seed = secrets.randbits(63)
        self._next_epoch = 0
        self._resumed: Progress | None = None
        self._progress: Progress | None = None
        self._running: weakref.WeakSet[Epoch] = weakref.WeakSet()

    @classmethod
    def of(cls, dataset: Dataset, spec: LoaderSpec, *, not_empty: bool = False) -> Any:
        """The loader that ``spec`` describes, as its framework wraps it.

        Args:
            dataset: Dataset or view.
            spec: What is asked for.
            not_empty: Raise ``EmptyTensorError`` now, not when an epoch starts.

        Raises:
            EmptyTensorError: A tensor holds no value, and ``not_empty`` is given.
            ValueError, TensorDoesNotExistError, NotImplementedError: The dataset has no such tensors,
                or they cannot be loaded that way.
        """
        plain = cls(dataset)
        loader = plain._derive(spec)
        if not_empty:
            plain._snapshot.check_not_empty(plain._names(spec))
        return loader

    def _derive(
        self, spec: LoaderSpec | None = None, rows: Rows | None = None, drawn: int = 0
    ) -> Any:
        """A new loader, as its framework wraps it."""
        spec = self._spec if spec is None else spec
        self._check(spec)
        new = object.__new__(type(self))
        new._dataset = self._dataset
        new._snapshot = self._snapshot
        new._set(spec, self._rows if rows is None else rows, self._drawn + drawn, self._rank)
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
        if INDEX in selected and spec.return_index:
            raise ValueError(
                "a tensor is called 'index', the key of the row numbers: pass return_index=False, or "
                "leave the tensor out with tensors=[…]"
            )
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
        if spec.offset and spec.shuffle and random.get_seed() is None:
            warnings.warn(
                "offset() of a shuffled loader skips other rows in every run; call "
                "deeplake.random.seed(…) first to make the order repeatable",
                stacklevel=4,
            )

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
        """Rows in random order, another one each epoch; ``deeplake.random.seed`` makes it repeatable.

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
        return self._derive(replace(self._spec, shuffle=bool(shuffle), buffer_size=buffer_size))

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
        return self._derive(replace(self._spec, offset=check_offset(off)))

    def query(self, query_string: str) -> Any:
        """Only the rows that a TQL query finds, in its order.

        Raises:
            PluginNotFoundError: No query engine is installed; the message says how to get it.
            QueryError: The query is wrong, or makes new columns.
        """
        return self._derive(rows=self._found(query_string))

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
        if isinstance(weights, str):
            limit = "" if size is None else f" limit {check_offset(size)}"
            text = f"select * sample by {weights} replace {str(again).lower()}{limit}"
            return self._derive(rows=self._found(text))
        rows = self._rows_now()
        chosen = self._draw(weights, len(rows), again, len(rows) if size is None else size)
        return self._derive(rows=np.asarray(rows, np.int64)[chosen], drawn=1)

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
            num_workers: Workers for transforms; see :class:`deeplake.loader.spec.LoaderSpec`.
            tensors: Tensors to load, in this order; None: all.
            num_threads: Threads that read, decode and transform; None: as many as there are cores.
            prefetch_factor: Batches made ahead, a thread.
            decode_method: ``"numpy"``, ``"tobytes"``, ``"pil"`` or ``"data"`` by tensor.
            persistent_workers: Keep workers between epochs.

        Raises:
            ValueError: A framework was chosen before; tensors are selected by the transform already;
                a number is out of range; a tensor cannot be decoded that way.
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
            num_workers, tensors, num_threads, prefetch_factor, decode_method, persistent_workers: As
                in :meth:`numpy`.
            collate_fn: Makes a batch of a list of (transformed) samples.
            distributed: Give each rank of a distributed job its part of each batch. The rank is that
                of ``torch.distributed``, or of the environment variables RANK and WORLD_SIZE.
            return_index: Add the row numbers to each batch, under the key ``"index"``.

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
        """Batches of TensorFlow tensors; arguments as in :meth:`pytorch`.

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
    ) -> Any:
        """Batches of JAX arrays; arguments as in :meth:`pytorch`.

        Raises:
            PluginNotFoundError: The plugin for JAX is not installed.
            ValueError, TensorDoesNotExistError: As in :meth:`numpy`.
        """
        return self._framework(
            "jax", num_workers, tensors, num_threads, prefetch_factor, decode_method,
            persistent_workers, collate_fn=collate_fn, distributed=bool(distributed),
            return_index=bool(return_index),
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
                "Tensors have already been specified by the dict of .transform(): leave out tensors="
            )
        if isinstance(tensors, str):
            raise ValueError(f"tensors is a list of names, not the string {tensors!r}")
        effort = cast("dict[str, Any]", check_effort(num_workers, num_threads, prefetch_factor))
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

    # ---- choosing rows
    def _rows_now(self) -> range | np.ndarray:
        if self._rows is not None:
            return self._rows
        return self._snapshot.rows(self._names(self._spec), pad=self._spec.pad_tensors)

    def _found(self, text: str) -> Rows:
        rows = self._rows_now()
        columns = SnapshotColumns(self._snapshot, rows)
        result = plugins.get("query", "tql").compile(text, columns.schema).run(columns)
        if result.columns is not None or result.rows is None:
            raise QueryError(
                f"{text!r} makes new columns, which a loader cannot load; select *, or store the "
                "result first"
            )
        chosen: Rows = np.asarray(rows, np.int64)[np.asarray(result.rows, np.int64)]
        return chosen

    def _draw(self, weights: Any, n: int, again: bool, size: int) -> Positions:
        try:
            given = np.asarray(weights, np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"weights are one number a row: {error}") from error
        size = check_offset(size)
        if given.shape != (n,):
            raise ValueError(
                f"weights of shape {given.shape} for {n} rows; give one number for each row"
            )
        if not np.isfinite(given).all() or (given < 0).any():
            raise ValueError("weights are finite numbers of at least 0")
        total = given.sum()
        if size and not total > 0:
            raise ValueError("all weights are 0: there is nothing to draw from")
        above = int(np.count_nonzero(given))
        if not again and size > above:
            raise ValueError(
                f"{size} rows cannot be drawn from {above} with a weight above 0 without drawing some "
                "again; pass replace=True or a smaller size"
            )
        if size == 0:
            return np.zeros(0, np.int64)
        seed = random.get_seed()
        entropy = None if seed is None else [seed, _SAMPLING, self._drawn]
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
        return generator.choice(n, size, replace=again, p=given / total).astype(np.int64)

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
        return self._next_epoch

    def summary(self) -> None:
        """Print the tensors of the dataset."""
        self._dataset.summary()

    def __len__(self) -> int:
        """Batches of an epoch, of this rank.

        Raises:
            ValueError: There are fewer rows than ranks.
        """
        return len(self._plan(InOrder(len(self._rows_now()))))

    def __repr__(self) -> str:
        spec = self._spec
        parts = [f"{len(self._rows_now())} rows", f"batch_size={self.batch_size}"]
        parts.extend(["shuffled"] if spec.shuffle else [])
        parts.append(f"tensors={list(self._names(spec))!r}")
        return f"{type(self).__name__}({self._snapshot.path!r}, {', '.join(parts)})"

    # ---- ranks, epochs, state
    def set_rank(self, rank: int, world: int) -> None:
        """Load the part of one of several ranks, whatever the environment says.

        Raises:
            ValueError: ``rank`` is not in ``0 … world - 1``.
        """
        Plan(InOrder(0), rank=rank, world=world)
        self._rank = (rank, world)

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration this epoch; the same epoch has the same order.

        Raises:
            ValueError: Not an integer of at least 0.
        """
        self._next_epoch = check_offset(epoch)
        self._resumed = None

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is, as JSON values: what the next batch would be.

        Only batches that were handed out count, not those made ahead. The state fits any number of
        threads and ranks, and other batch sizes.

        Raises:
            LoaderError: The dataset had changes that are not flushed: nothing names its state.
        """
        if self._snapshot.version is None:
            raise LoaderError(
                f"{self._snapshot.path} had changes that were not flushed when the loader was made; "
                "make the loader after ds.flush() or outside of `with ds:`"
            )
        found = self._progress or Progress(None, self._next_epoch, 0)
        return {
            "version": STATE_VERSION,
            **self._identity(),
            "seed": found.seed,
            "epoch": found.epoch,
            "position": found.position,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where the loader was that ``state`` is of.

        Raises:
            LoaderError: The state is of other rows or of another order.
        """
        mine = {"version": STATE_VERSION, **self._identity()}
        other = [key for key, value in mine.items() if state.get(key) != value]
        if other:
            raise LoaderError(
                f"the state is not of this loader: it has {_differences(state, mine, other)}; load "
                "the same version of the dataset, with the same rows, offset and shuffle"
            )
        found = Progress(state["seed"], int(state["epoch"]), int(state["position"]))
        self._next_epoch = found.epoch
        self._resumed = found
        self._progress = found

    def _identity(self) -> dict[str, Any]:
        """What the order of an epoch depends on, besides seed and epoch."""
        rows = np.asarray(self._rows_now(), "<i8")
        order = self._order(len(rows), 0, 0)
        return {
            "snapshot": self._snapshot.version,
            "rows": len(rows),
            "digest": zlib.crc32(rows.tobytes()),
            "offset": self._spec.offset or 0,
            "shuffle": [order.block, order.window] if isinstance(order, Shuffled) else None,
        }

    # ---- iterating
    def __iter__(self) -> Epoch:
        """Start an epoch.

        Raises:
            EmptyTensorError: A tensor holds no value.
            PluginError: The plugin of the framework cannot be loaded.
        """
        spec = self._spec
        assembly = self._ready()
        rows = self._rows_now()
        progress = self._begin()
        order = self._order(len(rows), progress.seed, progress.epoch)
        plan = self._plan(order, progress.position)
        threads = spec.num_threads or max(cores(), spec.num_workers)
        units = assembly.units(_rows_of_batches(plan, rows), plan.batch_size, threads)
        plugins.hook("deeplake_epoch_started", loader=self, epoch=progress.epoch)
        if spec.verbose:
            print(f"epoch {progress.epoch} of {self!r}: {len(plan)} batches, {threads} threads")
        pipeline = Pipeline(units, threads, self._ahead(assembly, plan.batch_size, threads))
        epoch = Epoch(
            plan, pipeline, progress, self._finisher(progress), progressbar=spec.progressbar
        )
        self._running.add(epoch)
        return epoch

    def _ready(self) -> Assembly:
        if self._assembly is None:
            spec = self._spec
            names = self._names(spec)
            snapshot = self._snapshot
            snapshot.check_not_empty(names)
            adapter = plugins.get("framework", spec.framework or "numpy")
            columns = [
                Column(
                    snapshot.sources[name],
                    spec.decode_method.get(name, "numpy"),
                    snapshot.steps,
                    adapter.widen,
                )
                for name in names
            ]
            self._assembly = Assembly(columns, spec, adapter)
        return self._assembly

    def _begin(self) -> Progress:
        """The epoch to go through, and where to begin in it."""
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            progress = replace(resumed)
            self._own_seed = self._own_seed if resumed.seed is None else resumed.seed
        else:
            progress = Progress(
                self._seed() if self._spec.shuffle else None, self._next_epoch, 0
            )
        self._next_epoch = progress.epoch + 1
        self._progress = progress
        return progress

    def _seed(self) -> int:
        seed = random.get_seed()
        if seed is not None:
            return seed
        # Ranks of one job cannot agree on a random seed without talking to each other.
        return 0 if self._ranks()[1] > 1 else self._own_seed

    def _order(self, length: int, seed: int | None, epoch: int) -> Order:
        spec = self._spec
        if not spec.shuffle:
            return InOrder(length)
        buffer_bytes = None
        row_bytes = 0
        if not self._snapshot.mapped:
            buffer_bytes = int(spec.buffer_size * (1 << 20))
            row_bytes = self._snapshot.row_bytes(self._names(spec))
        return shuffled(length, seed or 0, epoch, row_bytes=row_bytes, buffer_bytes=buffer_bytes)

    def _plan(self, order: Order, start: int = 0) -> Plan:
        spec = self._spec
        rank, world = self._ranks()
        size = 1 if spec.unbatched else spec.rows_a_batch
        return Plan(order, size, spec.drop_last, spec.offset or 0, start, rank, world)

    def _ranks(self) -> tuple[int, int]:
        if self._rank is not None:
            return self._rank
        if not self._spec.distributed:
            return 0, 1
        try:
            return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        except (KeyError, ValueError):
            raise ValueError(
                "distributed=True needs to know the rank: initialise torch.distributed, set the "
                "environment variables RANK and WORLD_SIZE (torchrun does), or call "
                "loader.set_rank(rank, world)"
            ) from None

    def _ahead(self, assembly: Assembly, batch_size: int, threads: int) -> int:
        together, parts = assembly.granularity(batch_size, threads)
        wanted = -(-self._spec.prefetch_factor * threads // together)
        if parts == 1:
            wanted = max(wanted, threads)
        size = max(1, assembly.row_bytes) * batch_size * together
        return max(2, min(wanted, AHEAD_BYTES // size))

    def _finisher(self, progress: Progress) -> Callable[[], None]:
        """What to do after the last batch of an epoch."""
        me = weakref.ref(self)

        def finished() -> None:
            epoch = progress.epoch
            progress.epoch, progress.position, progress.seed = epoch + 1, 0, None
            loader = me()
            if loader is not None:
                plugins.hook("deeplake_epoch_finished", loader=loader, epoch=epoch)

        return finished

    def close(self) -> None:
        """End the threads of all iterations that are under way; a new one may be started."""
        for epoch in list(self._running):
            epoch.close()

    def __enter__(self) -> DeepLakeDataLoader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _rows_of_batches(plan: Plan, rows: range | np.ndarray) -> Iterator[Rows]:
    whole = isinstance(rows, range) and rows.start == 0 and rows.step == 1
    numbers = None if whole else np.asarray(rows, np.int64)
    for step in range(len(plan)):
        positions = plan.batch(step)
        yield positions if numbers is None else numbers[positions]


def _differences(theirs: Mapping[str, Any], mine: Mapping[str, Any], keys: Sequence[str]) -> str:
    return ", ".join(f"{key} {theirs.get(key)!r} where this has {mine[key]!r}" for key in keys)


__all__ = ["DeepLakeDataLoader"]
