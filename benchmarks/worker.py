"""Runs one contender in a process and an environment of its own: the other end of ``contest.py``.

::

    python worker.py PEER ROLE NUMBER      # peers/PEER.py, its class of that role

It does what it is told through the socket of that file number: calls methods, with arguments that
may stand for an earlier result. It answers with the time, the CPU time and a digest of the result;
results stay here. Only NumPy is needed besides what the contender imports.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import resource
import sys
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Kept:
    """Stands for the result of an earlier call that was to be kept under a name."""

    name: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Stands for an array in a file; it is read before the clock starts."""

    path: Path


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call took.

    Attributes:
        wall, cpu: Seconds; CPU on all cores, threads and child processes included.
        digest: Says what came back: shape and sum of an array, how many of a list.
        peak: Most memory that the process has had since ``forget_peak``, in bytes.
        missing: The contender cannot do this; nothing else counts then.
        error: What went wrong, as a traceback.
    """

    wall: float = 0.0
    cpu: float = 0.0
    digest: Any = None
    peak: int = 0
    missing: bool = False
    error: str = ""


def cpu_seconds() -> float:
    """CPU time of this process and of the children that ended."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    return total


def forget_peak() -> None:
    """Begin to count most memory anew, after what is free went back to the system.

    Not before each call: to get it again takes time, which libraries with an allocator of their own
    would not lose.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Most memory that this process has had since, in bytes; without child processes."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    [high] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(high.split()[1]) * 1024


def digest(value: Any) -> Any:
    """What tells whether contenders found the same."""
    if isinstance(value, np.ndarray):
        return value.shape, int(value.astype(np.float64).sum())
    if isinstance(value, list):
        return [digest(part) for part in value]
    return None


def call(contender: Any, kept: dict[str, Any], order: dict[str, Any]) -> Answer:
    """Do what an order says."""
    method = getattr(contender, order["method"])
    arguments = [resolved(argument, kept) for argument in order["arguments"]]
    gc.collect()
    repeat = order["each"]
    cpu, begin = cpu_seconds(), time.perf_counter()
    found = None
    for one in [()] if repeat is None else repeat:
        # What came before is let go, as it is by whoever reads row after row.
        found = method(*arguments, *one)
    wall, cpu = time.perf_counter() - begin, cpu_seconds() - cpu
    peak = peak_memory()
    if order["keep"]:
        kept[order["keep"]] = found
        return Answer(wall, cpu, None, peak)
    return Answer(wall, cpu, digest(found), peak)


def resolved(argument: Any, kept: dict[str, Any]) -> Any:
    """The argument, or what stands behind it."""
    if isinstance(argument, Kept):
        return kept[argument.name]
    if isinstance(argument, Loaded):
        return np.load(argument.path)
    if isinstance(argument, np.ndarray):
        # The dtype of an array that was pickled is another object than NumPy's own: some libraries take
        # that for an unknown one, and convert number by number.
        own = np.empty(argument.shape, np.dtype(argument.dtype.str))
        own[...] = argument
        return own
    return argument


def main(peer: str, role: str, number: str) -> None:
    # Libraries print: nothing of that belongs among the tables.
    os.dup2(2, 1)
    with Connection(int(number)) as line:
        try:
            contender = getattr(importlib.import_module(f"peers.{peer}"), role)()
        except Exception:  # noqa: BLE001 - it is reported at the other end
            line.send(Answer(error=traceback.format_exc()))
            return
        line.send(Answer())
        kept: dict[str, Any] = {}
        while True:
            try:
                order = line.recv()
            except EOFError:
                return
            try:
                if order is None:
                    forget_peak()
                    answer = Answer()
                else:
                    answer = call(contender, kept, order)
            except NotImplementedError:
                answer = Answer(missing=True)
            except Exception:  # noqa: BLE001 - it is reported at the other end
                answer = Answer(error=traceback.format_exc())
            line.send(answer)


if __name__ == "__main__":
    # Libraries come first: one is called as a benchmark is.
    sys.path.append(sys.path.pop(0))
    # As a module of its own: what is pickled names its module, and both ends have to know it.
    importlib.import_module("worker").main(*sys.argv[1:])
