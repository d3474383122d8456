"""Datasets that are opened as a copy on the local disk: ``access_method="download"``."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Final

from deeplake import plugins
from deeplake.dataset import copying
from deeplake.errors import DatasetHandlerError
from deeplake.spi import Store
from deeplake.versioning.repository import Repository

VARIABLE: Final = "DEEPLAKE_DOWNLOAD_PATH"
"""Environment variable that names the directory of the copies."""

TIMESTAMP: Final = "local_download_timestamp"
"""Object of a copy that says when it was made."""

KINDS: Final = ("stream", "download", "local")
SCHEDULERS: Final = ("serial", "threaded", "processed")


@dataclass(frozen=True, slots=True)
class AccessMethod:
    """How a dataset is read.

    Attributes:
        kind: ``"stream"``: where it is; ``"download"``: from a new copy; ``"local"``: from a copy.
        num_workers: Threads that copy; 0: as many as are useful.
    """

    kind: str
    num_workers: int = 0

    @classmethod
    def parse(cls, text: str) -> AccessMethod:
        """``"stream"``, or ``"download[:workers][:scheduler]"``, or ``"local[…]"``.

        Raises:
            ValueError: It is none of these, or there is no directory for copies.
        """
        kind, *options = str(text).split(":")
        workers = 0
        known = kind in KINDS and (kind != "stream" or not options)
        # Each at most once, in either order.
        known = known and len({option.isdecimal() for option in options}) == len(options)
        for option in options:
            if option.isdecimal():
                workers = int(option)
            elif option not in SCHEDULERS:
                known = False
        if not known:
            raise ValueError(
                f"access_method={text!r} is not possible; use 'stream', 'download' or 'local', the "
                "latter two also with threads and scheduler: 'download:8:threaded'"
            )
        if kind != "stream" and not os.environ.get(VARIABLE):
            raise ValueError(
                f"access_method={text!r} needs a directory for copies: set the environment variable "
                f"{VARIABLE}"
            )
        return cls(kind, workers)

    @property
    def downloads(self) -> bool:
        """Whether a copy is opened."""
        return self.kind != "stream"

    def fetch(self, source: Store, url: str, *, verbose: bool) -> str:
        """Copy a dataset, unless a copy that is there will do: then its store is not asked anything.

        Returns:
            The copy's path.

        Raises:
            DatasetHandlerError: There is no dataset to copy.
        """
        name = url.replace("://", "_").replace("/", "_").replace("\\", "_")
        path = os.path.join(os.path.expanduser(os.environ[VARIABLE]), name)
        store = plugins.get("storage", "file").create(path)
        repository = Repository(store)
        there = repository.exists()
        if there and self.kind == "local":
            return path
        if not Repository(source).exists():
            raise DatasetHandlerError(f"there is no dataset at {url} to download")
        if there:
            repository.clear()
        copying.copy_objects(source, store, progressbar=verbose, num_workers=self.num_workers)
        store.put(TIMESTAMP, str(time.time()).encode())
        return path


__all__ = ["AccessMethod"]
