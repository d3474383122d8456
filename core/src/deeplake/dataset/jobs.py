"""Work on many samples: on the threads of this process where that pays."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from deeplake.versioning.tiles import Job

PARALLEL_FROM = 4
"""Samples that are decoded on threads, from this many on."""

_pool: ThreadPoolExecutor | None = None
_pool_pid = 0


def run_jobs(jobs: Sequence[Callable[[], None]], *, parallel: bool) -> None:
    """Run all; on threads if there are several and it pays."""
    global _pool, _pool_pid
    if not parallel or len(jobs) < PARALLEL_FROM:
        for job in jobs:
            job()
        return
    if _pool is None or _pool_pid != os.getpid():
        _pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="deeplake-decode")
        _pool_pid = os.getpid()
    workers = os.cpu_count() or 1
    # A task is a share of the work, not a sample: handing over costs more than a small decode.
    step = max(1, min(len(jobs) // (workers * 4), 32))
    parts = [jobs[a : a + step] for a in range(0, len(jobs), step)]
    for _ in _pool.map(_run_all, parts):
        continue


def on_threads(jobs: Sequence[Job]) -> None:
    """Run all, as ``run_jobs`` does in parallel."""
    run_jobs(jobs, parallel=True)


def _run_all(jobs: Sequence[Callable[[], None]]) -> None:
    for job in jobs:
        job()


__all__ = ["on_threads", "run_jobs"]
