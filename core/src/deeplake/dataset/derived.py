"""What is made from a dataset: saved views, copies, splits, samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from deeplake.dataset import drawing, splitting, views
from deeplake.dataset.views import ViewEntry

if TYPE_CHECKING:
    import numpy as np

    from deeplake.dataset.dataset import Dataset
    from deeplake.types import PathLike

QUERY_SHOWN = 1000
"""Characters of a query that become the message of a view."""


class Derived:
    """Saved views, copies, splits and samples of a dataset or view."""

    __slots__ = ()

    def save_view(
        self,
        message: str | None = None,
        path: PathLike | None = None,
        id: str | None = None,
        optimize: bool = False,
        tensors: Sequence[str] | None = None,
        num_workers: int = 0,
        scheduler: str = "threaded",
        verbose: bool = True,
        ignore_errors: bool = False,
        overwrite: bool = False,
        **ds_args: Any,
    ) -> str:
        """Keep this selection of rows under a name, in the dataset or as a dataset of its own.

        Args:
            message: What it is; None: the query that made it.
            path: Store it as a dataset there, with a copy of the rows; None: in this dataset.
            id: Its name; None: a digest of what it selects.
            optimize: Copy the rows into chunks of their own, so that they are read in one go.
            tensors: Names of the tensors that are copied; None for all.
            num_workers, scheduler: Accepted for compatibility.
            verbose: Print what was saved.
            ignore_errors: Leave out rows whose links cannot be read, if the rows are copied.
            overwrite: Replace a view of this name.
            **ds_args: Arguments of ``deeplake.empty`` for ``path``.

        Returns:
            A path that ``deeplake.load`` opens.

        Raises:
            DatasetViewSavingError: There are changes that are not committed, there is a view of this
                name, or ``path`` is the dataset itself.
            TypeError: The id is not a str.
            ReadOnlyModeError: The dataset is read only, and there is no ``path``.
        """
        me = cast("Dataset", self)
        if message is None and me._query is not None:
            message = me._query[:QUERY_SHOWN]
        if path is not None:
            return views.save_at(
                me, message, id, path, tensors=tensors, overwrite=overwrite, verbose=verbose,
                query=me._query, ds_args=ds_args,
            )  # fmt: skip
        if ds_args:
            raise TypeError(f"{', '.join(ds_args)} can only be given with path=…")
        return views.save(
            me, message, id, optimize=optimize, tensors=tensors, overwrite=overwrite,
            verbose=verbose, query=me._query, ignore_errors=ignore_errors,
        )  # fmt: skip

    def get_views(self, commit_id: str | None = None) -> list[ViewEntry]:
        """Saved views, oldest first: those of one commit, or all."""
        return views.entries(cast("Dataset", self), commit_id)

    def get_view(self, id: str) -> ViewEntry:
        """A saved view. Raises ``KeyError`` if there is none of this id."""
        return views.entry(cast("Dataset", self), id)

    def load_view(
        self,
        id: str,
        optimize: bool = False,
        tensors: Sequence[str] | None = None,
        num_workers: int = 0,
        scheduler: str = "threaded",
        progressbar: bool = True,
    ) -> Dataset:
        """Open a saved view.

        Args:
            id: Its name.
            optimize: Copy its rows into chunks of their own first.
            tensors: Names of the tensors that are copied; None for all.
            num_workers, scheduler, progressbar: Accepted for compatibility.

        Raises:
            KeyError: There is none of this id.
        """
        entry = views.entry(cast("Dataset", self), id)
        return (entry.optimize(tensors) if optimize else entry).load()

    def delete_view(self, id: str) -> None:
        """Forget a saved view. Raises ``KeyError`` if there is none of this id."""
        views.delete(cast("Dataset", self), id)

    def copy(
        self,
        dest: PathLike | Dataset,
        runtime: Mapping[str, Any] | None = None,
        tensors: Sequence[str] | None = None,
        overwrite: bool = False,
        creds: Mapping[str, Any] | str | None = None,
        token: str | None = None,
        num_workers: int = 0,
        scheduler: str = "threaded",
        progressbar: bool = True,
        public: bool = False,
        unlink: bool = False,
    ) -> Dataset:
        """Copy the selected rows of this version, without history, to another path.

        Samples are copied as they are stored, without decoding them. The copy of ``ds[i]`` opens as a
        view of its one row, as ``ds[i]`` was one.

        Args:
            dest: Path of the new dataset, or an empty dataset.
            tensors: Names of tensors and groups; None for all.
            overwrite: Delete a dataset that is there already.
            creds: Credentials of the destination.
            progressbar: Show progress.
            unlink: Store what links lead to; else they stay links, with the names of their
                credentials.
            runtime, token, num_workers, scheduler, public: Accepted for compatibility.

        Raises:
            DatasetHandlerError: There is a dataset, and ``overwrite`` is False; or it is this one.
        """
        from deeplake.dataset.copies import copy_into

        return copy_into(
            cast("Dataset", self), dest, tensors, overwrite=overwrite, creds=creds,
            progressbar=progressbar, unlink=unlink,
        )  # fmt: skip

    def random_split(self, lengths: Sequence[float]) -> list[Dataset]:
        """Views of disjoint random rows.

        Args:
            lengths: Numbers of rows that add up to all, or fractions that add up to 1: each is
                rounded down, and what is left goes to the first ones.

        Raises:
            ValueError: They do not add up, or the tensors have different lengths.
        """
        return splitting.random_split(cast("Dataset", self), lengths)

    def sample_by(
        self,
        weights: str | Sequence[float] | np.ndarray,
        replace: bool | None = True,
        size: int | None = None,
        *,
        sampler: str = drawing.WEIGHTED,
    ) -> Dataset:
        """A view of rows that are drawn at random; ``deeplake.random.seed`` makes it repeatable.

        Args:
            weights: One number a row, of at least 0: rows are drawn in proportion to them. Or an
                expression of the query language that gives them, ``"labels"`` or
                ``"max_weight(labels == 5: 10, labels == 6: 5)"``.
            replace: Whether a row can be drawn again. If not, rows are drawn from those that are
                left: those of weight 0 last.
            size: How many are drawn; None: as many as there are rows. Without ``replace`` at most as
                many.
            sampler: Key of the sampler. Samplers of plugins can take other values than weights, for
                example what rows are grouped by.

        Raises:
            WeightsError: A ValueError: the weights are not one finite number of at least 0 a row, all
                are 0, or there are no rows.
            ValueError: ``size`` is no integer of at least 0.
            PluginNotFoundError: The sampler, or the query engine that an expression needs, is not
                installed; the message says how to get it.
            QueryError: The expression is wrong.

        Example:
            >>> import deeplake
            >>> ds = deeplake.empty("mem://sampled")
            >>> _ = ds.create_tensor("x").extend([10, 11, 12, 13])
            >>> deeplake.random.seed(7)
            >>> ds.sample_by([0, 1, 0, 3], size=6).x.numpy().ravel()
            array([11, 13, 11, 13, 13, 13])
            >>> deeplake.random.seed()
        """
        me = cast("Dataset", self)
        if isinstance(weights, str):
            from deeplake.dataset import columns, computed, querying

            if sampler == drawing.WEIGHTED:
                return querying.query(me, drawing.as_query(weights, size=size, replace=replace))
            weights = computed.computed(columns.StoredColumns.of(me), weights)
        return drawing.sample_by(me, weights, size=size, replace=replace, sampler=sampler)


__all__ = ["Derived"]
