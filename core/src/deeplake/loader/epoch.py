"""One pass over the rows: an iterator over batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from deeplake.errors import ModuleNotInstalledException
from deeplake.loader.pipeline import Pipeline
from deeplake.loader.plan import Plan
from deeplake.loader.schedule import Progress


class Epoch:
    """An iterator over the batches of one epoch.

    Args:
        plan: The order.
        pipeline: Makes the batches.
        progress: Told how far it is.
        finished: Called once, after the last batch.
        progressbar: Show how far it is.
    """

    __slots__ = ("__weakref__", "_bar", "_finished", "_pipeline", "_plan", "_progress", "_step")

    def __init__(
        self,
        plan: Plan,
        pipeline: Pipeline,
        progress: Progress,
        finished: Callable[[], None],
        *,
        progressbar: bool = False,
    ) -> None:
        self._plan = plan
        self._pipeline = pipeline
        self._progress = progress
        self._finished: Callable[[], None] | None = finished
        self._step = 0
        self._bar = _bar(len(plan), progress.epoch) if progressbar else None

    def __len__(self) -> int:
        """Batches of the whole epoch."""
        return len(self._plan)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        while True:
            try:
                outcome = next(self._pipeline)
            except StopIteration:
                self._end()
                raise
            self._progress.position = self._plan.bounds(self._step)[1]
            self._step += 1
            if self._bar is not None:
                self._bar.update()
            if outcome:  # ignore_errors may have left nothing
                return outcome[0]

    def _end(self) -> None:
        finished, self._finished = self._finished, None
        if self._bar is not None:
            self._bar.close()
        if finished is not None and self._step == len(self._plan):
            finished()

    def close(self) -> None:
        """End the threads; there are no further batches."""
        self._finished = None
        self._pipeline.close()
        if self._bar is not None:
            self._bar.close()


def _bar(steps: int, epoch: int) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        raise ModuleNotInstalledException("progressbar=True needs tqdm: pip install tqdm") from None
    return tqdm(total=steps, desc=f"epoch {epoch}", unit="batch")


__all__ = ["Epoch"]
