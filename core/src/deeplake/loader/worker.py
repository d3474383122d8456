"""The other side of a worker process: makes batches of the rows that it is sent."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeplake.loader import parcel
from deeplake.loader.assembly import Assembly, assembled
from deeplake.loader.course import Course
from deeplake.loader.failure import Remains
from deeplake.loader.lot import Dice, Lot
from deeplake.loader.parcel import Channel
from deeplake.loader.prefetch import Prefetch
from deeplake.loader.snapshot import Snapshot
from deeplake.loader.spec import LoaderSpec
from deeplake.loader.stats import Stats, Work
from deeplake.loader.unit import Failure, Unit
from deeplake.spi import FrameworkAdapter


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a worker needs to know of its loader.

    Attributes:
        snapshot: The dataset.
        spec: What was asked for.
        names: Tensors to load.
        adapter: The framework.
        rows: The list of rows that is loaded, for workers that follow a course; else None.
    """

    snapshot: Snapshot
    spec: LoaderSpec
    names: tuple[str, ...]
    adapter: FrameworkAdapter
    rows: range | np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """Batches to make.

    Attributes:
        number: Names it.
        batches: Rows and positions of each batch; None: of the next unit of the course.
        dice: The epoch's random numbers; None with a course, which has them.
    """

    number: int
    batches: list[tuple[np.ndarray, np.ndarray]] | None = None
    dice: Dice | None = None

    def unit(self, assembly: Assembly, following: Iterator[Unit]) -> Unit:
        """The work."""
        if self.batches is None or self.dice is None:
            return next(following)
        lots = [Lot(rows, positions, self.dice) for rows, positions in self.batches]
        return Unit(assembly, lots, 1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an order.

    Attributes:
        number: Of which.
        outcomes: What each batch became, as columns still.
        error: What ended it, as ``parcel.packed`` made it; None: nothing.
        work: What was done for it.
    """

    number: int
    outcomes: list[list[Any]]
    error: bytes | None
    work: Work


class Columns(dict[str, Any]):
    """Columns of a batch, or entries of a sample, that the parent makes tensors of."""


class Unconverted(FrameworkAdapter):
    """The framework as workers know it: collated here, made tensors by the parent.

    Args:
        adapter: The framework.
    """

    def __init__(self, adapter: FrameworkAdapter) -> None:
        self._adapter = adapter
        self.widen = adapter.widen  # type: ignore[misc]

    def convert(self, batch: Mapping[str, Any]) -> Any:
        return Columns(batch.items())

    def collate(self, samples: Sequence[Any]) -> Any:
        return self._adapter.collate(samples)


def serve(sock: socket.socket) -> None:
    """Do what comes through a socket until it is closed.

    The first message is the recipe; each further one is an ``Order``, answered by an ``Answer``, or
    the ``Course`` that the orders after it follow.
    """
    # Ctrl-C is the parent's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    channel = Channel(sock)
    following = Following()
    try:
        data = parcel.receive(channel)
        try:
            recipe: Recipe = pickle.loads(data)
            adapter = recipe.adapter
            assembly = assembled(
                recipe.snapshot, recipe.spec, recipe.names, Unconverted(recipe.adapter)
            )
            assembly.stats = Stats(recipe.snapshot.traffic)
        except Exception as error:  # noqa: BLE001 - it is the answer to the first order
            _traced(error)
            while True:
                order = parcel.receive(channel)
                if isinstance(order, Order):
                    nothing = Work({}, {}, {})
                    parcel.send(channel, Answer(order.number, [], parcel.packed(error), nothing))
        while True:
            order = parcel.receive(channel)
            if isinstance(order, Course):
                following.begin(order, recipe, assembly)
                continue
            unit = order.unit(assembly, following)
            unit.run(0)
            following.ended()
            outcomes = [_sealed(one) for one in unit.outcomes if not isinstance(one, Failure)]
            failed = next((one for one in unit.outcomes if isinstance(one, Failure)), None)
            error_bytes = None
            if failed is not None:
                _traced(failed.error)
                error_bytes = parcel.packed(failed.error)
            work = assembly.stats.taken()
            try:
                parcel.send(channel, Answer(order.number, outcomes, error_bytes, work), adapter)
            except OSError:
                return
            except Exception as error:  # noqa: BLE001 - what the transform made cannot travel
                error.add_note(
                    "deeplake: a batch cannot be sent from a worker process; let the transform "
                    "return arrays, or use num_workers=0"
                )
                parcel.send(channel, Answer(order.number, [], parcel.packed(error), work))
    except (EOFError, OSError):
        return
    finally:
        channel.close()
        following.close()


class Following(Iterator[Unit]):
    """The units of one worker in the course of an epoch, with what they read on its way."""

    def __init__(self) -> None:
        self._units: Iterator[Unit] = iter(())
        self._left = 0

    def begin(self, course: Course, recipe: Recipe, assembly: Assembly) -> None:
        """Follow a course from its beginning; what is left of the last one is given up."""
        self.close()
        assert recipe.rows is not None
        self._units = course.prefetched(assembly, recipe.snapshot, recipe.spec, recipe.rows, 0)
        self._left = len(course)

    def __next__(self) -> Unit:
        self._left -= 1
        return next(self._units)

    def ended(self) -> None:
        """A unit was run: after the last one, there is nothing to keep."""
        if not self._left:
            self.close()

    def close(self) -> None:
        """End what is fetching."""
        units, self._units = self._units, iter(())
        if isinstance(units, Prefetch):
            units.close()


def _sealed(outcome: list[Any]) -> list[Any]:
    """What a batch became, with errors of rows that were left out as they can travel."""
    if isinstance(outcome, Remains):
        outcome.errors = [(row, parcel.packed(error)) for row, error in outcome.errors]  # type: ignore[misc]
    return outcome


def _traced(error: Exception) -> None:
    """Note where it happened: tracebacks do not travel."""
    lines = traceback.format_exception(error)
    error.add_note(f"deeplake: in worker process {os.getpid()}:\n{''.join(lines).rstrip()}")


def _watch(parent: int) -> None:
    """End with the parent, also in the midst of a transform."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main() -> None:
    """Serve the socket whose descriptor is the first argument of the program."""
    serve(socket.socket(fileno=int(sys.argv[1])))


__all__ = ["Answer", "Columns", "Order", "Recipe", "Unconverted", "main", "serve"]
