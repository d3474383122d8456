"""What is made from a dataset: saved views, copies, splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from deeplake.dataset import splitting, views
from deeplake.dataset.views import ViewEntry

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.types import PathLike


class Derived:
    """Saved views, copies and splits of a dataset or view."""

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
            message: What it is.
            path: Store it as a dataset there, with a copy of the rows; None: in this dataset.
            id: Its name; None: a digest of what it selects.
            optimize: Copy the rows into chunks of their own, so that they are read in one go.
            tensors: Names of the tensors that are copied; None for all.
            num_workers, scheduler, ignore_errors: Accepted for compatibility.
            verbose: Print what was saved.
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
        if path is not None:
            return views.save_at(
                me, message, id, path, tensors=tensors, overwrite=overwrite, verbose=verbose,
                query=me._query, ds_args=ds_args,
            )  # fmt: skip
        if ds_args:
            raise TypeError(f"{', '.join(ds_args)} can only be given with path=…")
        return views.save(
            me, message, id, optimize=optimize, tensors=tensors, overwrite=overwrite,
            verbose=verbose, query=me._query,
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
        from deeplake.dataset.entry import copy_into

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


__all__ = ["Derived"]
