"""Worker processes for transforms in Python, which threads would have to take turns with.

They are started afresh, never by a fork of this process, whose threads they would know nothing of.
``__main__`` is not imported again: a script needs no ``if __name__ == "__main__"``, because functions
of scripts travel by value (with cloudpickle).

What can be relied on, beside what ``pipeline`` promises of threads:

* A worker that is killed is found out as soon as it is waited for.
* ``close`` leaves no process. Shared memory has no names, so none can be left behind.
* Workers end with this process, however it ends.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from typing import Any, Final, Protocol

from deeplake.errors import WorkerError
from deeplake.loader import parcel
from deeplake.loader.course import Course
from deeplake.loader.failure import Remains
from deeplake.loader.interrupt import held_off
from deeplake.loader.parcel import Channel
from deeplake.loader.stats import Stats
from deeplake.loader.unit import Failure, Unit
from deeplake.loader.worker import Answer, Columns, Order, serve
from deeplake.spi import FrameworkAdapter

_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from deeplake.loader.worker import main; main()"
)


class _Process(Protocol):
    """What there is to do with a process, however it was started."""

    pid: int

    def kill(self) -> None:
        """End it by force."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises ``subprocess.TimeoutExpired``."""


# --------------------------------------------------------------------------- processes
class Worker:
    """One process.

    Args:
        data: The pickled recipe.
        method: ``"spawn"`` or ``"forkserver"`` of ``multiprocessing``; None: a fresh interpreter
            that does not import ``__main__``.

    Attributes:
        waiting: Orders that are not answered yet.
    """

    def __init__(self, data: bytes, method: str | None) -> None:
        mine, theirs = socket.socketpair()
        with theirs:
            self._process = _start(theirs, method)
        self.channel = Channel(mine)
        self.waiting: set[int] = set()
        self._send(data)

    def _send(self, value: Any) -> None:
        # If it is dead, an answer that does not come will say so; others may have come before.
        with contextlib.suppress(OSError):
            parcel.send(self.channel, value)

    def follow(self, course: Course) -> None:
        """Send it the course of an epoch: orders of it say no more than their number."""
        self._send(course)

    def order(self, order: Order) -> None:
        """Send it an order."""
        self.waiting.add(order.number)
        self._send(order)

    def answer(self) -> Answer:
        """Its next answer. Raises ``WorkerError`` if there will be none."""
        try:
            answer: Answer = parcel.receive(self.channel)
        except EOFError:
            raise self.dead() from None
        self.waiting.discard(answer.number)
        return answer

    def dead(self) -> WorkerError:
        """Says how it ended."""
        code = self.stop(5.0)
        how = "ended"
        if code is not None and code < 0:
            try:
                how = f"was killed by {signal.Signals(-code).name}"
            except ValueError:
                how = f"was killed by signal {-code}"
            if -code == signal.SIGKILL:
                how += " (the system does so when memory runs out)"
        elif code is not None:
            how = f"ended with exit code {code}"
        return WorkerError(
            f"worker process {self._process.pid} of the loader {how}; load with fewer workers or "
            "smaller batches, or with num_workers=0 to see what happens in this process"
        )

    def stop(self, patience: float = 0.2) -> int | None:
        """End it, by force if it does not end by itself; returns its exit code."""
        self.channel.close()
        code = _wait(self._process, patience)
        if code is None:
            self._process.kill()
            code = _wait(self._process, 10.0)
        return code


def _start(sock: socket.socket, method: str | None) -> _Process:
    if method is not None:
        context: Any = multiprocessing.get_context(method)
        process = context.Process(target=serve, args=(sock,), name="deeplake-loader", daemon=True)
        process.start()
        return _Named(process)
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(sock.fileno()), json.dumps(sys.path)],
        stdin=subprocess.DEVNULL,
        pass_fds=[sock.fileno()],
        # Ctrl-C in a terminal goes to all of a group.
        start_new_session=True,
    )


class _Named:
    """A process of ``multiprocessing`` with the methods of ``subprocess.Popen``."""

    def __init__(self, process: Any) -> None:
        self._process = process
        self.pid: int = process.pid

    def kill(self) -> None:
        """End it by force."""
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises ``subprocess.TimeoutExpired``."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("worker", timeout or 0)
        return int(code)


def _wait(process: _Process, patience: float) -> int | None:
    try:
        return process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        return None


class Pool:
    """Some worker processes of one loader.

    Args:
        data: The pickled recipe.
        count: How many.
        method: How they are started; see ``Worker``.

    Attributes:
        workers: The processes.
        numbers: Orders that were given so far.
        taken: An epoch is under way: answers are read by one.
    """

    def __init__(self, data: bytes, count: int, method: str | None) -> None:
        self.workers: list[Worker] = []
        self.taken = False
        self.numbers = 0
        self._pid = os.getpid()
        try:
            for _ in range(count):
                with held_off():
                    self.workers.append(Worker(data, method))
        except BaseException:
            self.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether there are none any more."""
        return not self.workers or os.getpid() != self._pid

    def close(self) -> None:
        """End all; waits until they are gone."""
        workers, self.workers = self.workers, []
        if os.getpid() != self._pid:
            return  # a fork: they are the parent's
        with held_off():
            for worker in workers:
                worker.channel.close()
            for worker in workers:
                worker.stop()

    def __del__(self) -> None:
        self.close()


class Processes:
    """An iterator over the outcomes of units of work, made by worker processes, in order.

    Args:
        work: The units of work; or their course, which each worker then follows for itself.
        pool: The workers.
        ahead: Units a worker that are under way or waiting.
        adapter: Makes tensors of what they send.
        keep: Leave the workers running after the epoch.
        stats: Told how long things take.

    Attributes:
        ready: As in ``Pipeline``; empty, as what comes has to be converted.
    """

    ready: Final[deque[Any]] = deque()

    def __init__(
        self, work: Iterator[Unit] | Course, pool: Pool, ahead: int, adapter: FrameworkAdapter,
        stats: Stats, *, keep: bool,
    ) -> None:  # fmt: skip
        self._units: Iterator[Unit | None]
        if isinstance(work, Course):
            self._units = repeat(None, len(work))
            for i, worker in enumerate(pool.workers):
                with held_off():
                    worker.follow(replace(work, sharer=i, sharers=len(pool.workers)))
        else:
            self._units = work
        self._pool: Pool | None = pool
        self._ahead = ahead
        self._adapter = adapter
        self._keep = keep
        self._first = self._next = pool.numbers
        self._answers: dict[int, Answer] = {}
        self._ready: list[list[Any] | Failure] = []
        self._stats = stats
        pool.taken = True
        self._fill()

    def _fill(self) -> None:
        pool = self._pool
        while pool is not None:
            # What is done and not yet taken counts too.
            if pool.numbers - self._next >= self._ahead * len(pool.workers):
                return
            try:
                unit = next(self._units)
            except StopIteration:
                return
            number = pool.numbers
            pool.numbers += 1
            if unit is None:
                worker = pool.workers[(number - self._first) % len(pool.workers)]
                order = Order(number)
            else:
                worker = min(pool.workers, key=lambda one: len(one.waiting))
                batches = [(lot.rows, lot.positions) for lot in unit.lots]
                order = Order(number, batches, unit.lots[0].dice)
            with held_off():
                worker.order(order)

    def __iter__(self) -> Iterator[list[Any]]:
        return self

    def __next__(self) -> list[Any]:
        """What the user gets for the next batch.

        Raises:
            Exception: What went wrong in a worker, as it was raised there.
        """
        if not self._ready:
            try:
                self._advance()
            except StopIteration:
                raise
            except BaseException:
                self._keep = False  # whatever they are doing, nobody waits for it
                self.close()
                raise
        outcome = self._ready.pop(0)
        if isinstance(outcome, Failure):
            self.close()
            raise outcome.error
        converted = [self._converted(value) for value in outcome]
        if isinstance(outcome, Remains):
            errors = [(row, parcel.unpacked(error)) for row, error in outcome.errors]  # type: ignore[arg-type]
            return Remains(converted, errors)
        return converted

    def _converted(self, value: Any) -> Any:
        if not isinstance(value, Columns):
            return value
        from deeplake.loader.sample import IterableOrderedDict

        return self._adapter.convert(IterableOrderedDict(value.items()))

    def _advance(self) -> None:
        pool = self._pool
        if pool is None or self._next == pool.numbers:
            self._finish()
            raise StopIteration
        while self._next not in self._answers:
            self._collect(pool)
        answer = self._answers.pop(self._next)
        self._next += 1
        self._stats.add_work(answer.work)
        self._fill()
        self._ready = list(answer.outcomes)
        if answer.error is not None:
            self._ready.append(Failure(parcel.unpacked(answer.error)))

    def _collect(self, pool: Pool) -> None:
        """Wait for an answer, or for the end of a worker that owes one."""
        with selectors.DefaultSelector() as selector:
            for worker in pool.workers:
                if worker.waiting:
                    selector.register(worker.channel, selectors.EVENT_READ, worker)
            for key, _ in selector.select():
                with held_off():  # with a descriptor in between
                    answer = key.data.answer()
                if answer.number >= self._first:  # else: of an epoch that was abandoned
                    self._answers[answer.number] = answer

    def _finish(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        pool.taken = False
        if not self._keep:
            pool.close()

    def close(self) -> None:
        """End the workers, unless they are to be kept and are well."""
        self._answers.clear()
        self._ready.clear()
        self._finish()

    def __del__(self) -> None:
        if getattr(self, "_pool", None) is not None:
            self._finish()


__all__ = ["Pool", "Processes", "Worker"]
