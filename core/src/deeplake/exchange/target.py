"""Where ingested rows go: a new dataset, or one that is open already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from deeplake.dataset import entry
from deeplake.dataset.account import connect
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.entry import no_address
from deeplake.dataset.sample import Creds
from deeplake.errors import DatasetHandlerError, DeepLakeError
from deeplake.storage.opening import open_store
from deeplake.types import PathLike


class Target:
    """The place of a dataset that is to be made.

    Args:
        dest: Its path; or a dataset, to which everything is added, or nothing.
        creds: Credentials of its store.
        connect_kwargs: Of ``Dataset.connect``: refused, as that is.
        options: Further arguments of ``deeplake.empty``.

    Raises:
        DatasetHandlerError: There is a dataset, and ``overwrite`` is not given.
        DatasetConnectError: ``connect_kwargs`` is given.
    """

    def __init__(
        self,
        dest: PathLike | Dataset,
        creds: Creds = None,
        connect_kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.dest = dest
        self._creds = creds
        self._options = {"verbose": False, **(options or {})}
        path = dest.path if isinstance(dest, Dataset) else dest
        if connect_kwargs is not None:
            connect(path, **connect_kwargs)
        if isinstance(dest, Dataset) or self._options.get("overwrite"):
            return
        # Asked before the source is read, which may take long; what is in memory is made anew.
        if open_store(*no_address(dest, "ingestion"), creds).capabilities.persistent and (
            entry.exists(dest, creds=creds)
        ):
            raise DatasetHandlerError(
                f"a dataset already exists at {dest}; pass overwrite=True to replace it"
            )

    @contextmanager
    def open(self) -> Iterator[Dataset]:
        """The dataset, while its rows are added. After an error it is as it was: not there."""
        if isinstance(self.dest, Dataset):
            with self.dest.transaction() as ds:
                yield ds
            return
        ds = entry.empty(self.dest, creds=self._creds, **self._options)
        try:
            with ds:
                yield ds
        except BaseException as error:
            try:
                entry.delete(self.dest, force=True, large_ok=True, creds=self._creds)
            except DeepLakeError as problem:
                error.add_note(f"What was made at {self.dest} is still there: {problem}")
            raise


__all__ = ["Target"]
