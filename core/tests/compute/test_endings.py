"""However a transform ends, its dataset is as it was, or has all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from itertools import count
from pathlib import Path
from typing import Any

import compute_functions as functions
import numpy as np
import pytest

import deeplake
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.dataset import Dataset
from deeplake.errors import StorageError, TransformError
from deeplake.testing.stores import Crash, Fault, FaultyStore
from deeplake.versioning.repository import Repository
from deeplake.versioning.session import Session

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def values(tensor: Any) -> list[int]:
    return [int(v.ravel()[0]) for v in tensor.numpy(aslist=True)]


def started(tmp_path: Path, script: str, *args: str) -> subprocess.Popen[str]:
    """A script that runs in a process group of its own."""
    file = tmp_path / "script.py"
    file.write_text(textwrap.dedent(script), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, str(file), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True, cwd=tmp_path,
    )  # fmt: skip


SLOW = """
    import sys, time
    import deeplake

    @deeplake.compute
    def slow(sample_in, sample_out):
        time.sleep(0.002)
        sample_out.x.append(sample_in)

    scheduler, interval = sys.argv[1], int(sys.argv[2])
    ds = deeplake.empty("ds")
    ds.create_tensor("x")
    ds.x.extend([100, 101])

    class Started(list):
        def __len__(self):
            print("begins", flush=True)
            return super().__len__()

    slow().eval(
        Started(range(100_000)), ds, num_workers=2, scheduler=scheduler,
        checkpoint_interval=interval, progressbar=False, verbose=False,
    )
"""


@posix
@pytest.mark.parametrize("scheduler", ["serial", "threaded", "processed"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_program_is_ended(tmp_path: Path, scheduler: str, number: int) -> None:
    """Ctrl-C goes to all processes of a terminal; a kill to one, and the workers end with it."""
    process = started(tmp_path, SLOW, scheduler, "0")
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    time.sleep(1.5)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.kill()
    _, errors = process.communicate()
    assert process.returncode == -number
    assert ("KeyboardInterrupt" in errors) == (number == signal.SIGINT)
    ds = deeplake.load(tmp_path / "ds")
    assert values(ds.x) == [100, 101]
    functions.add().eval([7], ds, progressbar=False)
    assert values(ds.x) == [100, 101, 7]


@posix
def test_a_kill_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    process = started(tmp_path, SLOW, "threaded", "100")
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(2.5)
    process.kill()
    process.communicate()
    ds = deeplake.load(tmp_path / "ds")
    done = ds.commits[0]["total_samples_processed"]
    rows = values(ds.x)
    # What came after the last commit is whole, too: an interval is published at once.
    assert len(rows) - 2 in (done, done + 100)
    assert rows == [100, 101, *range(len(rows) - 2)]
    assert done >= 100


@posix
def test_scripts_without_a_guard(tmp_path: Path) -> None:
    """Worker processes do not run the script again, which would make the dataset anew."""
    pytest.importorskip("cloudpickle")
    script = """
        import dataclasses
        import deeplake

        print("once", flush=True)

        @dataclasses.dataclass
        class Item:
            n: int

        FACTOR = 3

        @deeplake.compute
        def own(sample_in, sample_out):
            assert isinstance(sample_in, Item)
            sample_out.x.append(sample_in.n * FACTOR)

        ds = deeplake.empty("ds", overwrite=True)
        ds.create_tensor("x")
        data = [Item(i) for i in range(20)]
        own().eval(data, ds, num_workers=2, scheduler="processed", progressbar=False)
        print(len(ds.filter(lambda row: row.x.numpy()[0] > 30, progressbar=False)))
    """
    out, errors = started(tmp_path, script).communicate()
    assert out.split() == ["once", "9"], errors
    assert values(deeplake.load(tmp_path / "ds").x) == [3 * i for i in range(20)]


@pytest.mark.parametrize("error", [StorageError, Crash])
@pytest.mark.parametrize("in_place", [False, True])
def test_every_request_fails_once(tmp_path: Path, error: Any, in_place: bool) -> None:
    """All is there, or nothing; and if the store says that it failed, the user hears of it."""
    begun = deeplake.empty(tmp_path / "ds", overwrite=True)
    begun.create_tensor("x", max_chunk_size=2000)
    begun.create_tensor("y")
    before = [100 + i for i in range(20)]
    begun.extend({"x": np.full((20, 50), 0) + np.array(before)[:, None], "y": before})
    after = [2 * v for v in before] if in_place else [*before, *range(30)]

    @deeplake.compute
    def rows(sample_in: Any, sample_out: Any) -> None:
        if in_place:
            sample_out.x.append(sample_in.x.numpy() * 2)
        else:
            sample_out.append({"x": np.full(50, sample_in), "y": sample_in})

    ended = 0
    for at in count():
        deeplake.copy(begun, tmp_path / f"{at}", progressbar=False)
        inner = deeplake.load(tmp_path / f"{at}")._checkout.repository.store
        store = FaultyStore(inner, Fault("before", error, at=at, times=4))  # type: ignore[arg-type]
        ds = None
        try:
            session = Session.open(Repository(store))
            ds = Dataset(Checkout(str(tmp_path / f"{at}"), session, read_only=False))
            if in_place:
                rows().eval(ds, num_workers=2, progressbar=False)
            else:
                rows().eval(range(30), ds, num_workers=2, progressbar=False)
        except (error, TransformError):
            ended += 1
            if ds is not None and error is StorageError:
                store.faults = ()
                assert values(ds.x) == before
        found = values(deeplake.load(tmp_path / f"{at}").x)
        assert found in (before, after)
        if not store.fired:
            assert found == after
            break
    assert ended >= 3, "most of the requests matter"
