"""Transforms in worker processes: the same batches, and nothing left behind."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import transforms as T
from deeplake.errors import TransformFailedError, WorkerError
from deeplake.loader.interrupt import held_off

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="threads do it there")


def double(x: np.ndarray) -> np.ndarray:
    return x * 2


def noise(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return x + rng.random(x.shape)


def picky(x: np.ndarray) -> np.ndarray:
    if x[0] == 17:
        raise KeyError("seventeen")
    return x


def slow(x: np.ndarray) -> np.ndarray:
    time.sleep(0.02)
    return x


def whose(x: np.ndarray) -> np.ndarray:
    return np.array([os.getpid()])


def children() -> set[int]:
    """Processes of this one that are alive."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
            found |= set(map(int, (task / "children").read_text().split()))
    return found


def held() -> int:
    """Open sockets, pipes and pieces of shared memory."""
    links = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            links.append(os.readlink(link))
    kinds = ("socket:", "pipe:", "/memfd:")
    return sum(link.startswith(kinds) for link in links)


@pytest.fixture(autouse=True)
def nothing_is_left(rows: deeplake.Dataset) -> Iterator[None]:
    if not Path("/proc/self/task").exists():
        yield
        return
    before, descriptors = children(), held()
    yield
    gc.collect()
    for _ in range(100):
        if children() <= before and held() <= descriptors:
            break
        time.sleep(0.05)
    assert children() <= before
    assert held() <= descriptors


@pytest.fixture
def rows(make: Any, tmp_path: Path) -> deeplake.Dataset:
    """60 rows on disk: numbers, images of one shape, text."""
    rng = np.random.default_rng(0)
    path = str(tmp_path / "ds")
    make(
        path,
        x=np.arange(60, dtype=np.int32)[:, None],
        images=(
            rng.integers(0, 256, (60, 40, 50, 3), dtype=np.uint8),
            {"htype": "image", "sample_compression": "png"},
        ),
        text=([f"row {i}" for i in range(60)], {"htype": "text"}),
    )  # fmt: skip
    ds = deeplake.load(path)
    seen(ds.dataloader())  # its files stay open from here on
    return ds


def seen(loader: Any) -> list[tuple[Any, ...]]:
    """Everything in all batches, as bytes."""
    return [
        tuple((key, np.asarray(value).tobytes()) for key, value in sample.items())
        for batch in loader
        for sample in batch
    ]


def test_batches_do_not_depend_on_workers(rows: deeplake.Dataset) -> None:
    transform = {"x": noise, "images": T.RandomResizedCrop(16), "text": None, "index": None}
    found = []
    # Here with new processes for each epoch; test_determinism.py has every number of them.
    for workers, threads in ((0, 1), (2, None)):
        deeplake.random.seed(3)
        loader = rows.dataloader().transform(transform).batch(7).shuffle()
        loader = loader.numpy(num_workers=workers, num_threads=threads)
        found.append(seen(loader) + seen(loader))
        assert loader.stats()["kind"] == ("processes" if workers else "threads")
    assert all(one == found[0] for one in found)


def test_transforms_run_elsewhere(rows: deeplake.Dataset) -> None:
    loader = rows.dataloader().transform({"x": whose}).batch(4).numpy(num_workers=2)
    pids = {int(sample["x"][0]) for batch in loader for sample in batch}
    assert os.getpid() not in pids
    assert len(pids) == 2


def test_lambdas_closures_and_local_classes(rows: deeplake.Dataset) -> None:
    pytest.importorskip("cloudpickle")
    factor = 3

    class Local:
        def __call__(self, sample: Any) -> Any:
            return {"x": sample["x"] * factor}

    for transform in (lambda sample: {"x": sample["x"] * 3}, Local()):
        loader = rows.dataloader().transform(transform).batch(60).numpy(num_workers=1)
        (batch,) = loader
        assert [int(sample["x"][0]) for sample in batch] == [3 * i for i in range(60)]


def test_what_cannot_be_pickled_is_named(
    rows: deeplake.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    lock = threading.Lock()
    loader = rows.dataloader().transform({"x": lambda x: (x, lock)}).numpy(num_workers=2)
    with pytest.raises(WorkerError, match=r"the transform of tensor 'x'.*num_workers=0") as caught:
        iter(loader)
    assert isinstance(caught.value, RuntimeError)
    # Without cloudpickle, lambdas too.
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    loader = rows.dataloader().transform(lambda sample: sample).numpy(num_workers=2)
    with pytest.raises(WorkerError, match=r"the transform, .*lambda.*deeplake-core\[processes\]"):
        iter(loader)
    loader = rows.dataloader().transform({"x": double}).batch(60).numpy(num_workers=2)
    assert len(list(loader)) == 1


def test_errors_keep_type_tensor_and_row(rows: deeplake.Dataset) -> None:
    loader = rows.dataloader().transform({"x": picky}).batch(5).numpy(num_workers=2)
    got = []
    with pytest.raises(TransformFailedError, match="tensor 'x' failed on row 17") as caught:
        got.extend(loader)
    assert len(got) == 3
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value.__cause__, KeyError)
    assert any("in picky" in note for note in caught.value.__notes__)
    loader = rows.dataloader(ignore_errors=True).transform({"x": picky}).batch(5)
    kept = [int(s["x"][0]) for batch in loader.numpy(num_workers=2) for s in batch]
    assert kept == [i for i in range(60) if i != 17]


@pytest.mark.parametrize("persistent", [False, True])
def test_a_killed_worker_is_found_out(rows: deeplake.Dataset, persistent: bool) -> None:
    loader = rows.dataloader().transform({"x": slow}).batch(5)
    loader = loader.numpy(num_workers=2, persistent_workers=persistent)
    before = children()
    epoch = iter(loader)
    next(epoch)
    victim = min(children() - before)
    os.kill(victim, signal.SIGKILL)
    with pytest.raises(WorkerError, match=f"process {victim} .* killed by SIGKILL"):
        list(epoch)
    assert children() <= before
    assert len(list(loader)) == 12  # and again, with new ones
    loader.close()


def test_abandoned_iterators_leave_nothing(rows: deeplake.Dataset) -> None:
    before = children()
    loader = rows.dataloader().transform({"x": slow}).batch(5).numpy(num_workers=2)
    for _ in loader:
        break
    gc.collect()
    assert children() <= before
    with loader:
        epoch = iter(loader)
        next(epoch)
        assert len(children() - before) == 2
    assert children() <= before


def test_workers_are_kept_where_asked(rows: deeplake.Dataset) -> None:
    loader = rows.dataloader().transform({"x": whose}).batch(5)
    loader = loader.numpy(num_workers=2, persistent_workers=True)
    epochs = [{int(s["x"][0]) for batch in loader for s in batch} for _ in range(3)]
    assert epochs[0] == epochs[1] == epochs[2]
    next(iter(loader))  # what it began is not mixed up with the next epoch
    assert [len(batch) for batch in loader] == [5] * 12
    loader.close()
    assert {int(s["x"][0]) for batch in loader for s in batch} != epochs[0]
    loader.close()


@pytest.mark.parametrize("persistent", [False, True])
def test_two_epochs_at_once(rows: deeplake.Dataset, persistent: bool) -> None:
    loader = rows.dataloader().transform({"x": double}).batch(6)
    loader = loader.numpy(num_workers=2, persistent_workers=persistent)
    before = children()
    for a, b in zip(loader, loader, strict=True):
        assert [s["x"].tolist() for s in a] == [s["x"].tolist() for s in b]
    assert len(children() - before) == (2 if persistent else 0)
    assert len(list(loader)) == 10
    loader.close()


def test_resume_with_other_workers(rows: deeplake.Dataset) -> None:
    deeplake.random.seed(1)
    loader = rows.dataloader().transform({"x": noise}).batch(7).shuffle().numpy(num_workers=2)
    everything = seen(loader)
    loader.set_epoch(0)
    epoch = iter(loader)
    for step in range(1, 5):
        next(epoch)
        state = json.loads(json.dumps(loader.state_dict()))
        deeplake.random.seed(99)
        for workers in (0, 3) if step in (1, 4) else (0,):
            other = rows.dataloader().transform({"x": noise}).batch(7).shuffle()
            other = other.numpy(num_workers=workers)
            other.load_state_dict(state)
            assert seen(other) == everything[7 * step :]
        deeplake.random.seed(1)
    epoch.close()


def test_data_of_this_process_are_loaded_by_threads(make: Any, tmp_path: Path) -> None:
    ds = make(x=np.arange(10))
    loader = ds.dataloader().transform({"x": whose}).batch(10).numpy(num_workers=2)
    (batch,) = loader
    assert int(batch[0]["x"][0]) == os.getpid()
    assert "in memory, or not flushed" in loader.explain()
    disk = make(str(tmp_path / "ds"), x=np.arange(10))
    with disk:
        disk.x.append(10)
        loader = disk.dataloader().transform({"x": double}).batch(11).numpy(num_workers=2)
        (batch,) = loader
        assert [int(s["x"][0]) for s in batch] == [2 * i for i in range(11)]


def test_without_functions_there_is_nothing_to_do_for_processes(rows: deeplake.Dataset) -> None:
    loader = rows.dataloader().transform({"images": T.CenterCrop(8)}).batch(8)
    loader = loader.numpy(num_workers=2)
    assert "processes would only copy" in loader.explain()
    assert len(list(loader)) == 8
    assert loader.stats()["kind"] == "threads"


SCRIPT = """
    import sys, numpy as np, deeplake
    scale = 3
    def triple(x):
        return x * scale
    ds = deeplake.load(sys.argv[1])
    loader = ds.dataloader().transform({"x": triple}).batch(60).numpy(num_workers=2)
    (batch,) = loader
    print(sum(int(s["x"][0]) for s in batch))
"""


def test_scripts_need_no_guard(rows: deeplake.Dataset, tmp_path: Path) -> None:
    pytest.importorskip("cloudpickle")
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(SCRIPT))
    done = run(script, rows.path)
    assert done.stdout.split() == [str(3 * sum(range(60)))], done.stderr


INTERRUPTED = """
    import sys, time, deeplake
    def slow(x):
        time.sleep(0.05)
        return x
    if __name__ == "__main__":
        ds = deeplake.load(sys.argv[1])
        loader = ds.dataloader().transform({"x": slow}).batch(2).numpy(num_workers=2)
        try:
            for batch in loader:
                print("batch", flush=True)
        except KeyboardInterrupt:
            from pathlib import Path
            print("left", *[p.read_text() for p in Path("/proc/self/task").glob("*/children")])
            raise
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_programs_leave_no_process(
    rows: deeplake.Dataset, tmp_path: Path, sent: signal.Signals
) -> None:
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(INTERRUPTED))
    process = subprocess.Popen(
        [sys.executable, script, rows.path], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL, start_new_session=True, env=environment(),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "batch\n"
    workers = list(
        map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
    )
    assert len(workers) == 2
    process.send_signal(sent)
    rest = process.stdout.read()
    process.wait()
    process.stdout.close()
    if sent is signal.SIGINT:
        assert rest.splitlines()[-1].split() == ["left"]
    for _ in range(100):
        if not any(alive(pid) for pid in workers):
            break
        time.sleep(0.05)
    assert not any(alive(pid) for pid in workers)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


METHODS = """
    import multiprocessing, sys, deeplake
    from test_workers import noise, seen
    if __name__ == "__main__":
        if sys.argv[2] != "none":
            multiprocessing.set_start_method(sys.argv[2])
        deeplake.random.seed(3)
        ds = deeplake.load(sys.argv[1])
        for workers in (0, 2):
            loader = ds.dataloader().transform({"x": noise, "text": None}).batch(7).shuffle()
            print(hash(str(seen(loader.numpy(num_workers=workers)))))
"""


@pytest.mark.parametrize("method", ["none", "spawn", "forkserver"])
def test_any_start_method(rows: deeplake.Dataset, tmp_path: Path, method: str) -> None:
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(METHODS))
    done = run(script, rows.path, method)
    first, second = done.stdout.split()
    assert first == second, done.stderr


def environment() -> dict[str, str]:
    path = [str(Path(__file__).parent), *filter(None, sys.path)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONHASHSEED": "0"}


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, check=False,
        env=environment(),
    )  # fmt: skip


def test_arrays_are_writable_and_outlive_the_workers(rows: deeplake.Dataset) -> None:
    def image(sample: Any) -> Any:
        return {"images": sample["images"].astype(np.float32), "x": sample["x"]}

    loader = rows.dataloader().transform(image).batch(6).numpy(num_workers=2)
    batches = list(loader)
    gc.collect()
    for batch in batches:
        for sample in batch:
            expected = rows.images[int(sample["x"][0])].numpy()
            assert np.array_equal(sample["images"], expected)
            sample["images"][:] = 0


def test_what_cannot_travel_back_says_so(rows: deeplake.Dataset) -> None:
    loader = rows.dataloader().transform({"x": lambda x: (y for y in x)}).batch(3)
    loader = loader.numpy(num_workers=1)
    with pytest.raises(TypeError) as caught:
        list(loader)
    assert any("cannot be sent from a worker" in note for note in caught.value.__notes__)


def test_interrupts_wait_for_what_is_half_done() -> None:
    """What is raised then is what the handler of the program raises."""
    done = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), held_off():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        done.append(1)
    assert done == [1]
    assert signal.getsignal(signal.SIGINT) is before
    with held_off():
        done.append(2)
    with pytest.raises(KeyError), held_off():
        raise KeyError
    thread = threading.Thread(target=lambda: done.append(_held_off_here()))
    thread.start()
    thread.join()
    assert done == [1, 2, before]


def _held_off_here() -> object:
    with held_off():
        return signal.getsignal(signal.SIGINT)
