"""Errors name tensor and row, and every way to end leaves no thread."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import errors
from deeplake.loader.failure import noted, transform_failed


class NeedsTwo(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(a, b)
        self.a = a


RAISED: list[Exception] = [
    ValueError("bad"),
    ZeroDivisionError("bad"),
    KeyError("bad"),
    OSError(5, "bad"),
    UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"),
    errors.CorruptedSampleError("bad"),
    StopIteration("bad"),
    NeedsTwo(1, 2),
    RuntimeError("bad"),
]


@pytest.mark.parametrize("raised", RAISED, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("batch_size", [1, 4, 40])
def test_an_error_in_a_transform(
    threads: Any, ds: deeplake.Dataset, raised: Exception, batch_size: int
) -> None:
    def fail(values: Any) -> Any:
        if values == 61 / 4:
            raise raised
        return values

    loader = ds.dataloader().batch(batch_size).transform({"labels": None, "values": fail}).numpy()
    seen: list[Any] = []
    with pytest.raises(errors.TransformFailedError) as caught:
        seen.extend(loader)
    assert len(seen) == 61 // batch_size  # the batches before it came first
    assert threads.left() == []
    assert "tensor 'values' failed on row 61" in str(caught.value)
    assert type(raised).__name__ in str(caught.value)
    assert caught.value.__cause__ is raised
    if not isinstance(raised, (StopIteration, NeedsTwo)):
        assert isinstance(caught.value, type(raised))
    assert caught.value.code == "transform_failed"
    assert caught.value.index == 61


def test_an_error_in_a_transform_of_whole_samples(ds: deeplake.Dataset) -> None:
    def fail(sample: Any) -> Any:
        return 1 // (7 - sample["labels"].item())

    with pytest.raises(ZeroDivisionError, match="'images', 'labels', 'values' failed on row 7"):
        list(ds.dataloader().transform(fail).batch(3))


def test_row_numbers_are_those_of_the_dataset(ds: deeplake.Dataset) -> None:
    def fail(labels: Any) -> Any:
        return 1 // (70 - labels.item())

    loader = ds[::-1].dataloader().transform({"labels": fail}).batch(3).shuffle()
    with pytest.raises(errors.TransformFailedError, match="tensor 'labels' failed on row 70:"):
        list(loader)


def test_attributes_of_the_cause_are_kept() -> None:
    cause = OSError("x")
    cause.retries = 3  # type: ignore[attr-defined]
    failure = transform_failed(cause, "tensor 'x'", 4)
    assert failure.retries == 3  # type: ignore[attr-defined]
    again = transform_failed(failure, "tensor 'x'", 4)
    assert type(again) is errors.TransformFailedError


def test_an_error_in_collate_fn_names_the_rows(ds: deeplake.Dataset) -> None:
    from dataclasses import replace

    def collate(samples: list[Any]) -> Any:
        return 1 // (len(samples) - 3)

    loader = ds.dataloader().batch(10)
    loader = loader._derive(replace(loader.spec, collate_fn=collate))
    with pytest.raises(ZeroDivisionError) as caught:
        list(loader)
    assert caught.value.__notes__ == ["deeplake: while collating rows 100, 101, 102"]


def test_the_end_of_an_iteration_is_no_error_message() -> None:
    failure = noted(StopIteration(), "collating", list(range(9)))
    assert isinstance(failure, errors.LoaderError)
    assert "rows 0, 1, 2, 3, 4, 5, 6, 7 … (9 rows)" in str(failure)


def _damaged(tmp_path: Path, make: Any, **meta: Any) -> deeplake.Dataset:
    """Rows 10 to 19 have other bytes than were written."""
    path = str(tmp_path / "ds")
    marks = np.frombuffer(b"MARK" * 1024, np.uint8)
    rows = np.tile(np.arange(40, dtype=np.uint8)[:, None], (1, 8192))
    rows[10:20, :4096] = marks
    make(path, x=(rows, meta), labels=np.arange(40))
    for file in (tmp_path / "ds").rglob("*"):
        data = file.read_bytes() if file.is_file() else b""
        if b"MARK" in data:
            file.chmod(0o644)
            file.write_bytes(data.replace(b"MARK", b"DARK"))
    return deeplake.load(path)


def test_damaged_rows_are_errors(threads: Any, tmp_path: Path, make: Any) -> None:
    ds = _damaged(tmp_path, make)
    seen: list[Any] = []
    with pytest.raises(errors.ChecksumError) as caught:
        seen.extend(ds.dataloader().batch(5).numpy(num_threads=4))
    assert len(seen) == 2
    assert re.fullmatch(
        r"deeplake: while reading tensor 'x' rows 10, .*", caught.value.__notes__[0]
    )
    assert threads.left() == []


def test_ignore_errors_leaves_out_what_fails(tmp_path: Path, make: Any) -> None:
    ds = _damaged(tmp_path, make)

    def fail(labels: Any) -> int:
        return labels.item() + 0 // (labels.item() - 25)

    for batch_size in (1, 7, 40):
        loader = ds.dataloader(ignore_errors=True).batch(batch_size)
        got = [s["labels"].item() for b in loader for s in b]
        assert got == [*range(10), *range(20, 40)]
        transformed = loader.transform({"x": None, "labels": fail})
        got = [s["labels"] for b in transformed for s in b]
        assert got == [*range(10), *range(20, 25), *range(26, 40)]
        assert loader.state_dict()["position"] == 0
        assert loader.state_dict()["epoch"] == 1


def test_errors_are_told(tmp_path: Path, make: Any) -> None:
    ds = _damaged(tmp_path, make)

    def fail(labels: Any) -> int:
        return labels.item() + 0 // (labels.item() - 25)

    for batch_size, workers in ((1, 0), (7, 0), (40, 0), (7, 2)):
        told: list[tuple[int, str]] = []

        def tell(error: Any, told: Any = told) -> None:
            told.append((error.row, type(error).__name__.partition("[")[0]))

        loader = ds.dataloader(on_error=tell).transform({"x": None, "labels": fail})
        loader = loader.batch(batch_size).numpy(num_workers=workers)
        got = [s["labels"] for b in loader for s in b]
        assert got == [*range(10), *range(20, 25), *range(26, 40)]
        expected = [(row, "ChecksumError") for row in range(10, 20)]
        assert told == [*expected, (25, "TransformFailedError")]
        assert loader.stats()["skipped"] == 11
        assert loader.stats()["kind"] == ("processes" if workers else "threads")


def test_a_function_that_is_told_of_errors_may_raise(
    tmp_path: Path, make: Any, threads: Any
) -> None:
    def stop(error: Any) -> None:
        raise LookupError(f"enough at row {error.row}") from error

    loader = _damaged(tmp_path, make).dataloader(on_error=stop).batch(4)
    seen = []
    with pytest.raises(LookupError, match="row 10") as caught:
        seen.extend(loader)
    assert isinstance(caught.value.__cause__, errors.ChecksumError)
    assert len(seen) == 2
    assert loader.state_dict()["position"] == 8
    assert threads.left() == []


def test_what_on_error_may_be(ds: deeplake.Dataset) -> None:
    with pytest.raises(ValueError, match="'raise', 'skip' or a function, not 'ignore'"):
        ds.dataloader(on_error="ignore")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="contradict"):
        ds.dataloader(ignore_errors=True, on_error="raise")
    for loader in (ds.dataloader(on_error="skip"), ds.dataloader(True, on_error="skip")):
        assert len(list(loader.batch(103))) == 1


# --------------------------------------------------------------------------- no thread is left
def test_after_the_last_batch(threads: Any, ds: deeplake.Dataset) -> None:
    loader = ds.dataloader().batch(4)
    batches = iter(loader)
    assert threads.left()
    assert len(list(batches)) == 26
    assert threads.left() == []
    assert next(batches, None) is None


def test_abandoned_iterators(threads: Any, ds: deeplake.Dataset) -> None:
    loader = ds.dataloader().batch(4)
    for _ in range(20):
        for _batch in loader:
            break
    assert threads.left_in_the_end() == []
    iter(loader)
    assert threads.left_in_the_end() == []


def test_an_iterator_in_a_cycle(threads: Any, ds: deeplake.Dataset) -> None:
    cycle: list[Any] = [iter(ds.dataloader().batch(4))]
    cycle.append(cycle)
    next(cycle[0])
    del cycle
    gc.collect()
    assert threads.left_in_the_end() == []


def test_close(threads: Any, ds: deeplake.Dataset) -> None:
    loader = ds.dataloader().batch(4)
    first, second = iter(loader), iter(loader)
    next(first)
    loader.close()
    assert threads.left() == []
    assert next(first, None) is None
    assert next(second, None) is None
    loader.close()
    assert len(list(loader)) == 26


def test_with(threads: Any, ds: deeplake.Dataset) -> None:
    with ds.dataloader().batch(4) as loader:
        batches = iter(loader)
        next(batches)
    assert threads.left() == []


def test_the_error_of_the_loop_passes(threads: Any, ds: deeplake.Dataset) -> None:
    def loop() -> None:
        for _ in ds.dataloader().batch(4):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        loop()
    assert threads.left_in_the_end() == []


def test_system_exit_in_a_transform(threads: Any, ds: deeplake.Dataset) -> None:
    def leave(labels: Any) -> Any:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        list(ds.dataloader().transform({"labels": leave}).batch(4))
    assert threads.left() == []


def test_look_ahead_is_bounded(ds: deeplake.Dataset) -> None:
    started = []

    def note(labels: Any) -> Any:
        started.append(labels.item())
        return labels

    loader = ds.dataloader().transform({"labels": note}).batch(8)
    batches = iter(loader.numpy(num_threads=2, prefetch_factor=1))
    next(batches)
    while len(started) < 24:
        threading.Event().wait(0.01)
    threading.Event().wait(0.2)
    assert len(started) == 24  # one that was taken, two ahead
    batches.close()


SCRIPT = """
import os, signal, sys, threading
import numpy as np
import deeplake

ds = deeplake.empty("mem://x")
ds.create_tensor("x").extend(np.arange(1000))
where = sys.argv[1]
main = threading.main_thread()

def slow(x):
    if where == "wait" and x.item() == 500:
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(0.2)
    return x

loader = ds.dataloader().transform({"x": slow}).batch(10).numpy(num_threads=3)
if where == "exit":
    batches = iter(loader)
    next(batches)
    print("left")
    sys.exit(0)
try:
    for i, batch in enumerate(loader):
        if where == "loop" and i == 5:
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(10)
except KeyboardInterrupt:
    print("interrupted")
for _ in range(200):
    left = [t.name for t in threading.enumerate() if t is not main]
    if not left:
        break
    threading.Event().wait(0.05)
print("threads:", left)
"""


@pytest.mark.parametrize("where", ["loop", "wait"])
def test_interrupts(where: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, where], capture_output=True, text=True, check=False
    )
    assert done.stdout.split("\n")[:2] == ["interrupted", "threads: []"], done.stderr
    assert done.returncode == 0


def test_leaving_the_interpreter_in_mid_epoch() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, "exit"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode, done.stderr) == ("left\n", 0, "")
