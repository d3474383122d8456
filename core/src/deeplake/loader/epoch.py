"""One pass over the rows: an iterator over batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from deeplake.errors import ModuleNotInstalledException
from deeplake.loader.failure import Remains
from deeplake.loader.pipeline import Direct, Pipeline
from deeplake.loader.plan import Plan
from deeplake.loader.schedule import Progress
from deeplake.loader.stats import Stats
from deeplake.loader.workers import Processes


class Epoch:
    """An iterator over the batches of one epoch.

    Args:
        plan: The order.
        pipeline: Makes the batches.
        progress: Told how far it is.
        stats: Told how long the loop waits.
        finished: Called once, after the last batch.
        on_error: Told what was wrong with rows that were left out, before the batch they are missing
            from is handed out; what it raises ends the epoch. None: nobody has to know.
        progressbar: Show how far it is.
    """

    __slots__ = (
        "__weakref__",
        "_bar",
        "_finished",
        "_on_error",
        "_pipeline",
        "_plan",
        "_progress",
        "_ready",
        "_regular",
        "_stats",
        "_step",
    )

    def __init__(
        self,
        plan: Plan,
        pipeline: Direct | Pipeline | Processes,
        progress: Progress,
        stats: Stats,
        finished: Callable[[], None],
        on_error: Callable[[Exception], Any] | None = None,
        *,
        progressbar: bool = False,
    ) -> None:
        self._plan = plan
        self._pipeline = pipeline
        self._ready = pipeline.ready
        # All steps but the last two are as wide as the stride.
        self._regular = len(plan) - 2
        self._progress = progress
        self._stats = stats
        self._finished: Callable[[], None] | None = finished
        self._on_error = on_error
        self._step = 0
        self._bar = _bar(len(plan), progress.epoch) if progressbar else None

    def __len__(self) -> int:
        """Batches of the whole epoch."""
        return len(self._plan)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        ready = self._ready
        while True:
            # Of small rows hundreds of batches are made at once, and this is all there is to do.
            plain = bool(ready) and type(ready[0]) is list
            outcome: list[Any] = ready.popleft() if plain else self._awaited()
            step = self._step
            plan, progress = self._plan, self._progress
            if step < self._regular:
                progress.position = plan.start + (step + 1) * plan.stride
            else:
                progress.position = plan.bounds(step)[1]
            self._step = step + 1
            self._stats.batches += 1
            if self._bar is not None:
                self._bar.update()
            if outcome:  # ignore_errors may have left nothing
                return outcome[0]

    def _awaited(self) -> list[Any]:
        """What the pipeline makes of the next batch, which may take its time."""
        begin = time.perf_counter()
        try:
            outcome = next(self._pipeline)
        except StopIteration:
            self._end()
            raise
        finally:
            self._stats.waited += time.perf_counter() - begin
        if type(outcome) is Remains:
            self._tell(outcome)
        return outcome

    def _tell(self, remains: Remains) -> None:
        self._stats.skipped += len(remains.errors)
        if self._on_error is None:
            return
        try:
            for row, error in remains.errors:
                with suppress(AttributeError):  # some errors have no room for it
                    error.row = row  # type: ignore[attr-defined]
                self._on_error(error)
        except BaseException:
            self.close()
            raise

    def _end(self) -> None:
        finished, self._finished = self._finished, None
        self._stats.stop()
        if self._bar is not None:
            self._bar.close()
        if finished is not None and self._step == len(self._plan):
            finished()

    def close(self) -> None:
        """End the threads and processes; there are no further batches."""
        self._finished = None
        self._pipeline.close()
        self._stats.stop()
        if self._bar is not None:
            self._bar.close()


def _bar(steps: int, epoch: int) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        raise ModuleNotInstalledException("progressbar=True needs tqdm: pip install tqdm") from None
    return tqdm(total=steps, desc=f"epoch {epoch}", unit="batch")


__all__ = ["Epoch"]
