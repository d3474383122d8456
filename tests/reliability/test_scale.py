"""Very long tensors, and very many small appends: what a change costs does not grow with them.

``DEEPLAKE_SOAK_ROWS=1000000000`` and ``DEEPLAKE_SOAK_APPENDS=1000000`` raise the numbers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from deeplake.format.segment import MAX_PIECES
from deeplake.storage.local import LocalStore
from deeplake.storage.memory import MemoryStore
from deeplake.testing.stores import RecordingStore
from deeplake.versioning.collection import collect
from deeplake.versioning.draft import Draft
from deeplake.versioning.repository import Repository
from deeplake.versioning.table import PieceTable, Segment

from . import tally
from .script import opened
from .synthetic import PER_CHUNK, Repeating, grown, sample

ROWS = int(os.environ.get("DEEPLAKE_SOAK_ROWS", str(10**7)))
APPENDS = int(os.environ.get("DEEPLAKE_SOAK_APPENDS", "10000"))
WINDOW = 10_000
"""Rows."""

APPEND = """
import json, sys, time
import numpy as np
import deeplake
from deeplake.storage.local import LocalStore
from deeplake.testing.stores import RecordingStore
from deeplake.versioning.repository import Repository
from deeplake.versioning.session import Session
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.dataset import Dataset

store = RecordingStore(LocalStore(sys.argv[1]))
ds = Dataset(Checkout("", Session.open(Repository(store)), read_only=False), verbose=False)
before = len(ds.image)
costs = []
for _ in range(3):
    store.clear()
    begin = time.perf_counter()
    ds.image.append(np.zeros((64, 64, 3), "uint8"))
    ds.commit("one more")
    costs.append((store.bytes_written, time.perf_counter() - begin))
assert len(ds.image) == before + 3
# Not ru_maxrss, which begins at what the parent had.
[peak] = [int(line.split()[1]) * 1024 for line in open("/proc/self/status") if "VmHWM" in line]
print(json.dumps({"rows": before, "bytes": max(c[0] for c in costs), "peak": peak,
                  "seconds": min(c[1] for c in costs)}))
"""


def test_append_to_a_very_long_tensor(tmp_path: Path) -> None:
    """A new process opens it, appends and commits: little is written, little memory is used."""
    store = LocalStore(tmp_path / "ds", fsync=False)
    Repository(store).create()
    grown(store, ROWS).commit("all")
    done = subprocess.run(
        [sys.executable, "-c", APPEND, str(tmp_path / "ds")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cost = json.loads(done.stdout)
    tally.count("rows", cost["rows"])
    tally.note(
        f"{cost['bytes'] / 1000:.0f} kB written, {cost['seconds'] * 1000:.0f} ms, "
        f"{cost['peak'] / 1e6:.0f} MB of memory"
    )
    assert cost["rows"] >= ROWS
    assert cost["bytes"] < 300_000
    assert cost["peak"] < 200_000_000


def test_rows_far_apart() -> None:
    """Segments between rows that are read at once hold none of them."""
    store = Repeating("mem://far-apart")
    Repository(store).create()
    grown(store, 3 * MAX_PIECES * PER_CHUNK)
    rows = [2 * MAX_PIECES * PER_CHUNK + 5, 7]
    found = opened(store).image[rows].numpy()
    assert np.array_equal(found, [sample(row) for row in rows])


def append_one_by_one(rows: int) -> list[tuple[int, int, float]]:
    """What each window of ``WINDOW`` rows (a tenth, if they are few) costs.

    Returns:
        Bytes written, requests, and seconds of processor time, of each window.
    """
    inner = MemoryStore("mem://appends")
    Repository(inner).create()
    opened(inner).create_tensor("x", dtype="int64")
    store = RecordingStore(inner)
    ds = opened(store)
    window = min(WINDOW, rows // 10)
    costs = []
    for start in range(0, rows, window):
        begin = time.process_time()
        for row in range(start, start + window):
            ds.x.append(np.array([row]))
        seconds = time.process_time() - begin
        costs.append((store.bytes_written, store.count(), seconds))
        # What nothing needs any more would fill the memory.
        collect(Repository(inner), dry_run=False, grace=0)
        ds.refresh()
        store.clear()
        tally.count("rows", window)
    assert np.array_equal(opened(inner).x.numpy().ravel(), np.arange(rows))
    return costs


def test_single_appends_stay_cheap() -> None:
    """No later window of many rows costs twice what the first one did."""
    costs = append_one_by_one(APPENDS)
    sizes, requests, seconds = ([cost[k] for cost in costs] for k in range(3))
    tenth = -(-len(costs) // 10)
    tally.note(
        f"dearest {WINDOW:,} rows: {max(sizes) / sizes[0]:.2f} x the bytes of the first, "
        f"{max(requests) / requests[0]:.2f} x the requests; the last tenth took "
        f"{sum(seconds[-tenth:]) / tenth / seconds[0]:.2f} x its processor time"
    )
    assert max(sizes) < 2 * sizes[0]
    assert max(requests) < 2 * requests[0]


def test_finds_a_tail_that_is_not_compacted(monkeypatch: pytest.MonkeyPatch) -> None:
    """If small chunks stayed, and all were listed anew, appends would be seen to get dearer."""
    monkeypatch.setattr(Draft, "_absorb_tail", lambda self: None)
    monkeypatch.setattr(
        PieceTable,
        "compacted",
        lambda self: PieceTable([Segment(pieces=self.pieces())], self.ndim),
    )
    costs = append_one_by_one(2000)
    assert costs[-1][0] > 2 * costs[0][0]
