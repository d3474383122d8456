"""Processes that are started afresh and do not import ``__main__``.

``multiprocessing`` runs the user's script once more in every process that it starts, all of it that
is not below ``if __name__ == "__main__"``: also what deletes or overwrites a dataset.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

_lock = threading.Lock()


@contextmanager
def _without_main() -> Iterator[None]:
    """Leave ``__main__`` out of what processes are told to import that this thread starts."""
    mine = threading.get_ident()

    def get_preparation_data(name: str) -> dict[str, Any]:
        data: dict[str, Any] = told(name)
        if threading.get_ident() == mine:
            data.pop("init_main_from_name", None)
            data.pop("init_main_from_path", None)
        return data

    with _lock:
        told = spawn.get_preparation_data
        spawn.get_preparation_data = get_preparation_data
        try:
            yield
        finally:
            spawn.get_preparation_data = told


class FreshProcess(SpawnProcess):
    """A process that does not import ``__main__``."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        with _without_main():
            return SpawnProcess._Popen(process_obj)


class FreshContext(SpawnContext):
    """A context of ``multiprocessing`` that starts such processes."""

    Process = FreshProcess


__all__ = ["FreshContext", "FreshProcess"]
