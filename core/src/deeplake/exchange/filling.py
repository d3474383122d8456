"""Columns of rows, appended to a dataset; None for files that cannot be read, where that is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deeplake.dataset.dataset import Dataset
from deeplake.dataset.linked import LinkedSample
from deeplake.dataset.progress import progress
from deeplake.dataset.sample import Sample
from deeplake.errors import (
    DeepLakeError,
    IngestionError,
    ObjectNotFoundError,
    SampleExtendError,
    StorageError,
)

Columns = Mapping[str, Sequence[Any]]


class Filling:
    """Appends rows.

    Args:
        ds: Gets them.
        lenient: Whether a file that cannot be read is None, and noted; else it is an error.

    Attributes:
        rows: How many were appended.
        unread: Path, or tensor and row -> why it could not be read.
    """

    def __init__(self, ds: Dataset, *, lenient: bool) -> None:
        self.rows = 0
        self.unread: dict[str, str] = {}
        self._ds = ds
        self._lenient = lenient

    def extend(self, batches: Iterable[Columns], *, total: int | None, progressbar: bool) -> None:
        """Append batches of rows; tensors that a batch does not name stay as they are.

        Args:
            batches: Columns by tensor name.
            total: How many rows there are, if that is known.
            progressbar: Count rows on stderr.

        Raises:
            IngestionError: A row does not fit.
            StorageError: The store of the files, or of the dataset, failed.
        """
        for batch in progress(
            batches, shown=progressbar, title="ingest", unit="row", total=total, size=_rows
        ):
            self._append(batch)
            self.rows += _rows(batch)

    def _append(self, batch: Columns) -> None:
        if not _rows(batch):
            return
        tensor = self._ds[next(iter(batch))]
        row = self.rows
        while True:
            before = len(tensor)
            try:
                self._ds.extend(batch, skip_ok=True)
            except SampleExtendError as error:
                if isinstance(reason := _root(error), StorageError):
                    raise reason from error
                # Rows before the one that failed are there.
                done = len(tensor) - before
                row += done
                if not self._lenient:
                    raise IngestionError(f"row {row}: {error}") from error
                batch = {name: column[done:] for name, column in batch.items()}
                batch = self._readable(batch, error, row)
            else:
                return

    def _readable(self, batch: Columns, error: SampleExtendError, row: int) -> Columns:
        """The batch, with None for files that cannot be read; its first row is what failed."""
        found: dict[str, Sequence[Any]] = {}
        changed = False
        for name, column in batch.items():
            problems = {i: _problem(value) for i, value in enumerate(column) if _is_file(value)}
            bad = {i: problem for i, problem in problems.items() if problem is not None}
            for i, problem in bad.items():
                self._note(column[i], name, row + i, problem)
            found[name] = [None if i in bad else value for i, value in enumerate(column)]
            changed |= bool(bad)
        if changed:
            return found
        for name, column in batch.items():
            if _is_file(column[0]):
                # It can be read, and is not what the tensor takes: pixels of another type, say.
                self._note(column[0], name, row, str(error.__cause__ or error))
                return {**batch, name: [None, *column[1:]]}
        raise IngestionError(f"row {row}: {error}") from error

    def _note(self, value: Any, name: str, row: int, problem: str) -> None:
        self.unread[str(value.path or f"{name}, row {row}")] = problem


def _rows(batch: Columns) -> int:
    return len(next(iter(batch.values()), ()))


def _is_file(value: Any) -> bool:
    return isinstance(value, (Sample, LinkedSample))


def _problem(value: Any) -> str | None:
    """Why a file cannot be read; None if it can."""
    if not isinstance(value, Sample):
        return None
    try:
        _ = value.header
        value.check()
    except (DeepLakeError, OSError) as error:
        if isinstance(reason := _root(error), StorageError):
            raise reason from error
        return str(error)
    finally:
        value.forget()
    return None


def _root(error: BaseException) -> BaseException:
    """A failure of a store that is behind an error; else the error. Files that are lost are none."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, StorageError) and not isinstance(cause, ObjectNotFoundError):
            return cause
        cause = cause.__cause__
    return error


def told(unread: Mapping[str, str]) -> str:
    """Lines about files that could not be read."""
    files = "1 file" if len(unread) == 1 else f"{len(unread)} files"
    lines = (f"  {path}: {why.removeprefix(f'{path}: ')}" for path, why in unread.items())
    return "\n".join((f"{files} could not be read; None is stored in place of each:", *lines))


__all__ = ["Columns", "Filling", "told"]
