"""However an epoch ends, nothing is left of it; and epochs need no more memory than the first.

``DEEPLAKE_SOAK_CYCLES=200`` raises the number of cycles, ``DEEPLAKE_SOAK_EPOCHS=10`` that of epochs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake

from .loader_cycles import HOWS, KINDS
from .tally import count, note

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")

CYCLES = int(os.environ.get("DEEPLAKE_SOAK_CYCLES", "2"))
EPOCHS = int(os.environ.get("DEEPLAKE_SOAK_EPOCHS", "5"))
WARM = 3
"""Epochs after which memory is compared: allocators and caches have what they need by then."""


def run(*arguments: object) -> Any:
    script = Path(__file__).with_name("loader_cycles.py")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """240 rows: numbers, arrays, and images in files."""
    path = str(tmp_path_factory.mktemp("loader") / "ds")
    rng = np.random.default_rng(0)
    ds = deeplake.empty(path)
    with ds:
        ds.create_tensor("x").extend(np.arange(240).reshape(-1, 1))
        ds.create_tensor("plain").extend(rng.random((240, 40, 40)))
        ds.create_tensor("images", htype="image", sample_compression="png").extend(
            rng.integers(0, 256, (240, 64, 64, 3), dtype=np.uint8)
        )
    return path


@pytest.mark.parametrize(
    ("how", "workers"),
    [(how, workers) for how in HOWS for workers in (0, 2) if workers or how != "kill"],
)
def test_nothing_is_left(path: str, how: str, workers: int) -> None:
    found = run("ends", path, how, workers, CYCLES)
    assert found["left"] == {}
    assert found["cycles"] == CYCLES
    if how == "exception":
        assert len(found["raised"]) == 1
        assert found["raised"][0].startswith(
            "KeyError: the transform of tensor 'x' failed on row 57"
        )
    elif how == "kill":
        assert all("killed by SIGKILL" in said for said in found["raised"])
    count("cycles", CYCLES)


@pytest.mark.parametrize("kind", KINDS)
def test_epochs_need_no_more_memory(path: str, kind: str) -> None:
    sizes = run("epochs", path, kind, WARM + EPOCHS)["resident"]
    growth = (sizes[-1] - sizes[WARM - 1]) / EPOCHS
    assert growth < 1e6, sizes
    note(f"{kind}: {growth / 1000:,.0f} kB an epoch")
    count("epochs", EPOCHS)
