"""Looking after datasets: is everything as it was written, and what is not needed any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deeplake.dataset.entry import repository_at
from deeplake.dataset.sample import Creds
from deeplake.errors import DatasetNotFoundError
from deeplake.types import PathLike
from deeplake.versioning.collection import Garbage, collect
from deeplake.versioning.repository import Repository
from deeplake.versioning.scrub import Report, scrub


def _existing(path: PathLike, creds: Creds) -> Repository:
    repository = repository_at(path, creds)
    if not repository.exists():
        raise DatasetNotFoundError(f"there is no dataset at {repository.store.url}")
    return repository


def stored_bytes(path: PathLike, *, creds: Creds = None) -> int:
    """Bytes of all objects of a dataset, those that nothing leads to included."""
    return _existing(path, creds).size()


def verify(
    path: PathLike, *, creds: Creds = None, progress: Callable[[int], Any] | None = None
) -> Report:
    """Read everything that a branch, tag or view leads to, and compare it with its checksums.

    Args:
        path: Path of the dataset.
        creds: Credentials of the store.
        progress: Called with the number of bytes that were checked.

    Raises:
        DatasetNotFoundError: There is no dataset.
        StorageError: The store failed.
    """
    return scrub(_existing(path, creds), progress)


def collect_garbage(
    path: PathLike, *, creds: Creds = None, delete: bool = False, grace: float | None = None
) -> Garbage:
    """Find what no branch, tag or view leads to any more, and delete it if asked.

    Args:
        path: Path of the dataset.
        creds: Credentials of the store.
        delete: Delete it; otherwise it is only found.
        grace: Seconds that an object is kept after it was written, for writers that have not
            published it yet; None: a day locally, else a week.

    Raises:
        DatasetNotFoundError: There is no dataset.
        FormatError, CheckoutError: Something that is needed cannot be read: nothing is deleted.
    """
    return collect(_existing(path, creds), dry_run=not delete, grace=grace)


__all__ = ["collect_garbage", "stored_bytes", "verify"]
