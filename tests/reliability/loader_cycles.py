"""Ends epochs in every way there is, and says what is left of them.

::

    python loader_cycles.py ends PATH HOW WORKERS CYCLES
    python loader_cycles.py epochs PATH KIND EPOCHS

It prints one JSON value. In a process of its own, because it interrupts itself.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

import deeplake
from deeplake.errors import TransformFailedError, WorkerError

HOWS = ("interrupt", "exception", "abandon", "close", "kill")
KINDS = ("files", "plain", "transform", "workers")


# --------------------------------------------------------------------------- what is held
def processes() -> list[int]:
    """Children that are alive."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
            for pid in (task / "children").read_text().split():
                with contextlib.suppress(FileNotFoundError):
                    if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                        found.append(int(pid))
    return found


def held() -> dict[str, int]:
    """Processes, threads, descriptors and named pieces of shared memory."""
    return {
        "processes": len(processes()),
        "threads": threading.active_count(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "shared memory": shared_memory(),
    }


def shared_memory() -> int:
    """Pieces with a name that no other program holds, and nameless ones that are mapped here."""
    mine = {str(os.getpid()), *map(str, processes())}
    # Looked for first: who makes one and has not ended is found to hold it.
    found = [one.path for one in os.scandir("/dev/shm") if one.is_file()]
    others: set[str] = set()
    for folder in Path("/proc").glob("[0-9]*"):
        if folder.name not in mine:
            with contextlib.suppress(OSError):  # it has just ended
                others.update((folder / "maps").read_text().split())
                others.update(os.readlink(link) for link in (folder / "fd").iterdir())
    named = sum(path not in others and os.path.exists(path) for path in found)
    return named + Path("/proc/self/maps").read_text().count("/memfd:deeplake-loader")


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# --------------------------------------------------------------------------- ends
def slow(x: np.ndarray) -> np.ndarray:
    time.sleep(0.002)
    return x


def picky(x: np.ndarray) -> np.ndarray:
    if int(x[0]) == 57:
        raise KeyError("fifty-seven")
    return x


class Interrupts:
    """Ctrl-C at a random moment. One that is swallowed (in a destructor) is sent again."""

    def __init__(self) -> None:
        self.armed = False
        signal.signal(signal.SIGINT, self._raise)

    def _raise(self, number: int, frame: Any) -> None:
        if self.armed:
            self.armed = False
            raise KeyboardInterrupt

    def wait(self, loader: Any, most: float) -> None:
        """Load until it comes."""
        try:
            while True:
                self.armed = True
                timer = threading.Timer(
                    random.uniform(0, most), os.kill, (os.getpid(), signal.SIGINT)
                )
                timer.start()
                while self.armed:
                    for _ in loader:
                        pass
        except KeyboardInterrupt:
            timer.join()


def end(how: str, loader: Any, interrupts: Interrupts) -> str:
    """One cycle; returns what was raised."""
    if how == "interrupt":
        interrupts.wait(loader, 0.6 if loader.spec.processes else 0.1)
        return "KeyboardInterrupt"
    before = set(processes())
    batches = iter(loader)
    next(batches)
    if how == "close":
        loader.close()
    elif how == "kill":
        os.kill(random.choice(sorted(set(processes()) - before)), signal.SIGKILL)
        try:
            list(batches)
        except WorkerError as error:
            return str(error)
    elif how == "exception":
        try:
            list(batches)
        except TransformFailedError as error:
            return f"{type(error.__cause__).__name__}: {error}"
    return ""


def ends(path: str, how: str, workers: int, cycles: int) -> dict[str, Any]:
    """Run the cycles; what is left when the last is over, and what was raised."""
    ds = deeplake.load(path)
    transform = {"x": picky if how == "exception" else slow, "images": None}
    loader = ds.dataloader().transform(transform).batch(4).numpy(num_workers=workers)
    interrupts = Interrupts()
    with contextlib.suppress(TransformFailedError):
        list(loader)  # files are open and modules imported from here on
    gc.collect()
    before = held()
    raised = [end(how, loader, interrupts) for _ in range(cycles)]
    for _ in range(400):
        gc.collect()
        if all(now <= before[what] for what, now in held().items()):
            break
        time.sleep(0.05)
    left = {what: now - before[what] for what, now in held().items() if now > before[what]}
    return {"left": left, "raised": sorted(set(raised)), "cycles": cycles}


# --------------------------------------------------------------------------- epochs
def epochs(path: str, kind: str, count: int) -> dict[str, Any]:
    """Bytes in memory after each epoch."""
    loader = deeplake.load(path).dataloader().batch(16).shuffle()
    if kind == "files":
        loader = loader.numpy(tensors=["images"])
    elif kind == "plain":
        loader = loader.numpy(tensors=["x", "plain"])
    else:
        workers = 2 if kind == "workers" else 0
        loader = loader.transform({"x": lambda x: x + 1, "plain": np.copy})
        loader = loader.numpy(num_workers=workers, persistent_workers=True)
    sizes = []
    for _ in range(count):
        for _batch in loader:
            pass
        gc.collect()
        sizes.append(resident())
    loader.close()
    return {"resident": sizes}


if __name__ == "__main__":
    task, *arguments = sys.argv[1:]
    numbers: list[Any] = [int(word) if word.isdecimal() else word for word in arguments]
    print(json.dumps({"ends": ends, "epochs": epochs}[task](*numbers)))  # type: ignore[operator]
