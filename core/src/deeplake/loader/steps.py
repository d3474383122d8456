"""The steps that configure a loader: rows, their order, batches and what is done to samples."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake import random
from deeplake.dataset import drawing
from deeplake.loader import choice
from deeplake.loader.lot import Rows
from deeplake.loader.snapshot import Snapshot
from deeplake.loader.spec import (
    LoaderSpec,
    Transform,
    check_batch_size,
    check_offset,
)

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset


class Steps(ABC):
    """What can be asked of a loader; each step returns a new one."""

    _spec: LoaderSpec
    _dataset: Dataset
    _snapshot: Snapshot
    _rows: range | np.ndarray
    _chosen: Rows | None

    @abstractmethod
    def _of(self, dataset: Dataset) -> Any:
        """The same loader of another dataset or view."""

    @abstractmethod
    def _derive(self, spec: LoaderSpec | None = None, chosen: Rows | None = None) -> Any:
        """A new loader.

        Args:
            spec: What is asked for; None: the same.
            chosen: Rows that a query or weights chose; None: the same.
        """

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
                fetched; 64 are in any case. With more of them, more rows are read together, and fewer
                bytes twice. Blocks of rows from all over the dataset are mixed in any case.

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
        """Only the rows that a TQL query finds, in its order; or the columns that it makes.

        Raises:
            PluginNotFoundError: No query engine is installed; the message says how to get it.
            QueryError: The query is wrong, or it makes new columns of a dataset that has changed since.
            TensorDoesNotExistError: It leaves out a tensor that the loader was told to load.
        """
        rows = choice.found(self._snapshot, self._rows, query_string)
        if rows is not None:
            return self._derive(chosen=rows)
        return self._of(choice.view(self._dataset, self._snapshot, self._chosen, query_string))

    def sample_by(
        self,
        weights: str | Sequence[float] | np.ndarray,
        replace: bool | None = True,
        size: int | None = None,
        *,
        sampler: str = drawing.WEIGHTED,
    ) -> Any:
        """Rows drawn by weight, once for all epochs; ``deeplake.random.seed`` makes it repeatable.

        Args:
            weights: One number a row, or an expression of the query language that gives them.
            replace: Whether a row can be drawn again. If not, rows are drawn from those that are
                left: those of weight 0 last.
            size: How many are drawn; None: as many as there are rows. Without ``replace`` at most as
                many.
            sampler: Key of the sampler; see ``Dataset.sample_by``.

        Raises:
            WeightsError: A ValueError: the weights are not one finite number of at least 0 a row, all
                are 0, or there are no rows.
            PluginNotFoundError: The sampler, or the query engine that an expression needs, is not
                installed.
        """
        rows = self._rows
        if isinstance(weights, str) and sampler != drawing.WEIGHTED:
            weights = choice.computed(self._snapshot, rows, weights)
        if isinstance(weights, str):
            text = drawing.as_query(weights, size=size, replace=replace)
            chosen = choice.found(self._snapshot, rows, text)
            assert chosen is not None
            return self._derive(chosen=chosen)
        positions = drawing.drawn(weights, rows, size=size, replace=replace, sampler=sampler)
        return self._derive(chosen=drawing.at(rows, positions))

    @property
    def _mode(self) -> str:
        """Name of the method that chose the framework."""
        key = self._spec.framework or "numpy"
        return "pytorch" if key == "torch" else key


def _warn_of_offset(spec: LoaderSpec) -> None:
    if spec.offset and spec.shuffle and random.get_seed() is None:
        warnings.warn(
            "offset() of a shuffled loader begins with other rows in every run; call "
            "deeplake.random.seed(…) first to make the order repeatable",
            stacklevel=3,
        )


__all__ = ["Steps"]
