"""``deeplake.event_queue``: there is no thread that reports, so what is put here is dropped."""

from queue import Queue
from typing import Any


class _Dropping(Queue[Any]):
    """A queue that stays empty."""

    def _put(self, item: Any) -> None:
        self.unfinished_tasks -= 1  # nobody will do it, and `join` does not wait for it


event_queue: Queue[Any] = _Dropping()

__all__ = ["event_queue"]
