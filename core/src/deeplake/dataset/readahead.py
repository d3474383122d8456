"""Files that are far away, read on threads before they are asked for.

A local file is read faster than a thread is woken; one behind a network takes as long as a request,
and several requests take no longer than one.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from deeplake.dataset.sample import Sample
from deeplake.errors import SampleReadError

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

THREADS = 16
BUDGET = 64 << 20
"""Bytes that are read ahead, as far as the files read so far tell."""


def read_ahead(samples: Sequence[Any]) -> Iterator[Any]:
    """The samples, in their order, each remote file among them read by the time it comes.

    A file that cannot be read comes unread: whoever asks for it gets the error.
    """
    remote = sum(map(_is_remote, samples))
    return _ahead(samples) if remote > 1 else iter(samples)


def _is_remote(sample: Any) -> bool:
    return isinstance(sample, Sample) and sample.is_remote and sample.is_unread


def _ahead(samples: Sequence[Any]) -> Iterator[Any]:
    waiting = deque(sample for sample in samples if _is_remote(sample))
    reading: dict[int, Future[None]] = {}
    # The first is read alone: its size says how many more there may be at a time.
    files, nbytes = 0, BUDGET
    pool = _threads()
    try:
        for sample in samples:
            # ``or``: the same sample may be there twice.
            while waiting and len(reading) < min(max(BUDGET * files // max(nbytes, 1), 1), THREADS):
                ahead = waiting.popleft()
                if id(ahead) not in reading:
                    reading[id(ahead)] = pool.submit(_read, ahead)
            job = reading.pop(id(sample), None)
            if job is not None:
                job.result()
                if not sample.is_unread:
                    files, nbytes = files + 1, (nbytes if files else 0) + len(sample.buffer)
            yield sample
            if job is not None:
                sample.forget()
    finally:
        for job in reading.values():
            job.cancel()


def _read(sample: Sample) -> None:
    with suppress(SampleReadError):
        _ = sample.buffer


_pool: ThreadPoolExecutor | None = None
_pool_pid = 0


def _threads() -> ThreadPoolExecutor:
    """Reading threads of this process, started when first needed."""
    global _pool, _pool_pid
    if _pool is None or _pool_pid != os.getpid():
        from concurrent.futures import ThreadPoolExecutor

        _pool = ThreadPoolExecutor(THREADS, thread_name_prefix="deeplake-read")
        _pool_pid = os.getpid()
    return _pool


__all__ = ["read_ahead"]
