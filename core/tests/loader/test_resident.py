"""Small tensors that are shuffled stay in memory, and are what they would be without that."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake.errors import ChecksumError, DeepLakeError
from deeplake.loader import assembly, gather
from deeplake.loader.memory import Memory
from deeplake.loader.resident import Resident

STOPS = np.array([10, 10, 25, 40])
ROWS = np.arange(40 * 6, dtype=np.int32).reshape(40, 2, 3)


class Filler:
    """Reads pieces, and notes which."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.broken: set[int] = set()

    def __call__(self, number: int, target: np.ndarray) -> bool:
        self.read.append(number)
        if number in self.broken:
            raise ChecksumError(f"piece {number} is damaged")
        start = int(STOPS[number - 1]) if number else 0
        target[...] = ROWS[start : start + len(target)]
        return True


def take(resident: Resident, rows: list[int], filler: Any) -> np.ndarray:
    out = np.empty((len(rows), 2, 3), np.int32)
    assert resident.take(np.array(rows), out, filler)
    return out


def test_a_piece_is_read_once_when_it_is_first_wanted() -> None:
    filler = Filler()
    resident = Resident(STOPS, (2, 3), np.dtype(np.int32))
    for rows, read in (([3, 9, 3], [0]), ([0, 39, 1], [0, 3]), ([24, 10, 38], [0, 3, 2])):
        assert np.array_equal(take(resident, rows, filler), ROWS[rows])
        assert filler.read == read
    everything = [*range(39, -1, -1)] * 2
    assert np.array_equal(take(resident, everything, filler), ROWS[everything])
    assert filler.read == [0, 3, 2]  # and never the one that is empty


def test_damage_is_an_error_each_time_and_spoils_nothing_else() -> None:
    filler = Filler()
    filler.broken = {2}
    resident = Resident(STOPS, (2, 3), np.dtype(np.int32))
    for _ in range(2):
        with pytest.raises(ChecksumError, match="piece 2"):
            take(resident, [5, 12, 30], filler)
    assert np.array_equal(take(resident, [5, 30], filler), ROWS[[5, 30]])
    filler.broken = set()
    assert np.array_equal(take(resident, [5, 12, 30], filler), ROWS[[5, 12, 30]])


def test_threads_share_out_what_is_to_be_read() -> None:
    filler = Filler()
    begun, go = threading.Event(), threading.Event()

    def slow(number: int, target: np.ndarray) -> bool:
        if number == 0:
            begun.set()
            assert go.wait(60)
        return filler(number, target)

    resident = Resident(STOPS, (2, 3), np.dtype(np.int32))
    found: dict[str, np.ndarray] = {}
    first = threading.Thread(target=lambda: found.update(a=take(resident, [1, 30], slow)))
    first.start()
    assert begun.wait(60)
    second = threading.Thread(target=lambda: found.update(b=take(resident, [2, 20, 31], slow)))
    second.start()
    while sorted(filler.read) != [2, 3]:  # it did not wait for piece 0 before it read the others
        second.join(0.001)
        assert second.is_alive()
    go.set()
    first.join()
    second.join()
    assert np.array_equal(found["a"], ROWS[[1, 30]])
    assert np.array_equal(found["b"], ROWS[[2, 20, 31]])
    assert sorted(filler.read) == [0, 2, 3]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks there")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_does_not_wait_for_threads_that_it_has_not() -> None:
    begun, go = threading.Event(), threading.Event()
    filler = Filler()

    def slow(number: int, target: np.ndarray) -> bool:
        if threading.current_thread() is not threading.main_thread():
            begun.set()
            assert go.wait(60)
        return filler(number, target)

    resident = Resident(STOPS, (2, 3), np.dtype(np.int32))
    thread = threading.Thread(target=lambda: take(resident, [1], slow))
    thread.start()
    assert begun.wait(60)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(take(resident, [1, 30], slow), ROWS[[1, 30]]) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    go.set()
    thread.join()


# ------------------------------------------------------------------ datasets
@pytest.fixture
def residents(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Resident]]:
    """All that are made."""
    made: list[Resident] = []

    class Noted(Resident):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(gather, "Resident", Noted)
    return made


def _stored(folder: Path, n: int = 600) -> np.ndarray:
    rows = np.random.default_rng(0).integers(0, 256, (n, 8, 8), dtype=np.uint8)
    ds = deeplake.empty(str(folder))
    ds.create_tensor("x", dtype="uint8", max_chunk_size=10_000)
    ds.create_tensor("row", dtype="int64")
    with ds:
        ds.extend({"x": rows, "row": np.arange(n)})
        ds.commit()
        # Pieces that begin and end inside of a chunk's frame.
        ds.pop(40)
        ds.x[100] = rows[101]
    ds.commit()
    values = np.delete(rows, 40, axis=0)
    values[100] = rows[101]
    return values


@pytest.mark.parametrize("count", [1, 4])
def test_shuffled_epochs_are_what_they_are_without_it(
    tmp_path: Path, residents: list[Resident], monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    values = _stored(tmp_path / "ds")

    def epochs() -> list[list[bytes]]:
        deeplake.random.seed(3)
        loader = deeplake.load(str(tmp_path / "ds")).dataloader().batch(7).shuffle()
        loader = loader.pytorch(num_threads=count)
        found = []
        for _ in range(2):
            batches = list(loader)
            x = np.concatenate([batch["x"].numpy() for batch in batches])
            index = np.concatenate([batch["index"].numpy() for batch in batches]).ravel()
            assert np.array_equal(x, values[index])
            assert sorted(index) == [*range(len(values))]
            found.append([x.tobytes(), index.tobytes()])
        return found

    try:
        with_it = epochs()
        assert len(residents) == 2
        monkeypatch.setattr(assembly, "WHOLE", 0)
        assert epochs() == with_it
        assert len(residents) == 2
    finally:
        deeplake.random.seed()


def test_what_is_kept_is_small_shuffled_and_wanted(
    tmp_path: Path, residents: list[Resident], monkeypatch: pytest.MonkeyPatch
) -> None:
    _stored(tmp_path / "ds")
    ds = deeplake.load(str(tmp_path / "ds"))
    list(ds[:100].dataloader().shuffle().batch(64))
    assert residents == []  # too few rows
    for loader, kept in (
        (ds.dataloader().batch(64), (0, 0, 0)),
        (ds[:200].dataloader().shuffle().batch(64), (0, 0, 0, 2)),
        (ds.dataloader().shuffle().batch(64), (0, 2, 0)),
    ):
        for new in kept:
            residents.clear()
            list(loader)
            assert len(residents) == new
    assert "x: gathered from memory\n" in loader.explain() + "\n"
    monkeypatch.setattr(assembly, "WHOLE", 599 * 64 + 100)  # room for one of the two
    loader = ds.dataloader().shuffle().batch(64)
    residents.clear()
    list(loader)
    list(loader)
    assert len(residents) == 1
    assert "row: gathered from memory maps" in loader.explain()


def test_memory_that_is_kept_goes_with_the_loader(
    tmp_path: Path, residents: list[Resident]
) -> None:
    _stored(tmp_path / "ds")
    loader = deeplake.load(str(tmp_path / "ds")).dataloader().shuffle().batch(64).numpy()
    gc.disable()
    try:
        list(loader)
        list(loader)
        known = [weakref.ref(one) for one in residents]
        residents.clear()
        del loader
        assert [one() for one in known] == [None, None]
    finally:
        gc.enable()


def test_memory_that_may_be_kept_is_counted() -> None:
    memory = Memory(100)
    assert [memory.keeps(size) for size in (60, 50, 40, 1, 0)] == [True, False, True, False, True]
    assert not Memory().keeps(1)


def test_damage_is_found_before_a_row_of_it_is_handed_out(tmp_path: Path) -> None:
    values = _stored(tmp_path / "ds")
    (file,) = (f for f in (tmp_path / "ds" / "data").rglob("*") if f.stat().st_size > values.nbytes)
    data = bytearray(file.read_bytes())
    at = data.index(values[300].tobytes())
    data[at] ^= 1
    file.write_bytes(data)
    with pytest.raises(ChecksumError):
        list(deeplake.load(str(tmp_path / "ds")).dataloader().batch(100).shuffle())
    file.write_bytes(data[:at])
    with pytest.raises(DeepLakeError):
        list(deeplake.load(str(tmp_path / "ds")).dataloader().batch(100).shuffle())
