"""Very long tensors, and very many small appends: what a change costs does not grow with them.

``DEEPLAKE_SOAK_ROWS=1000000000`` and ``DEEPLAKE_SOAK_APPENDS=1000000`` raise the numbers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deeplake.storage.local import LocalStore
from deeplake.storage.memory import MemoryStore
from deeplake.testing.stores import RecordingStore
from deeplake.versioning.collection import collect
from deeplake.versioning.draft import Draft
from deeplake.versioning.repository import Repository
from deeplake.versioning.table import PieceTable, Segment

from .script import opened
from .synthetic import grown

ROWS = int(os.environ.get("DEEPLAKE_SOAK_ROWS", str(10**7)))
APPENDS = int(os.environ.get("DEEPLAKE_SOAK_APPENDS", "10000"))

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
    print(cost)
    assert cost["rows"] >= ROWS
    assert cost["bytes"] < 300_000
    assert cost["peak"] < 200_000_000


def append_one_by_one(rows: int) -> tuple[list[int], list[int]]:
    """Bytes and requests of each tenth of the rows."""
    inner = MemoryStore("mem://appends")
    Repository(inner).create()
    opened(inner).create_tensor("x", dtype="int64")
    store = RecordingStore(inner)
    ds = opened(store)
    window = rows // 10
    sizes, requests = [], []
    for start in range(0, rows, window):
        size = count = 0
        for row in range(start, start + window):
            ds.x.append(np.array([row]))
            if row % 10_000 == 0:
                size, count = size + store.bytes_written, count + store.count()
                # What nothing needs any more would fill the memory.
                collect(Repository(inner), dry_run=False, grace=0)
                ds.refresh()
                store.clear()
        sizes.append(size + store.bytes_written)
        requests.append(count + store.count())
        store.clear()
    assert np.array_equal(opened(inner).x.numpy().ravel(), np.arange(rows))
    return sizes, requests


def test_single_appends_stay_cheap() -> None:
    """The last rows of many cost about what the first ones did."""
    sizes, requests = append_one_by_one(APPENDS)
    print(sizes, requests)
    assert sizes[-1] < 2 * sizes[0]
    assert requests[-1] < 2 * requests[0]


def test_finds_a_tail_that_is_not_compacted(monkeypatch: pytest.MonkeyPatch) -> None:
    """If small chunks stayed, and all were listed anew, appends would be seen to get dearer."""
    monkeypatch.setattr(Draft, "_absorb_tail", lambda self: None)
    monkeypatch.setattr(
        PieceTable,
        "compacted",
        lambda self: PieceTable([Segment(pieces=self.pieces())], self.ndim),
    )
    sizes, _ = append_one_by_one(2000)
    assert sizes[-1] > 2 * sizes[0]
