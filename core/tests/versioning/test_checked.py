"""A frame is compared with its checksum once a process, and again when its file changed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import deeplake
from deeplake.dataset import care
from deeplake.errors import ChecksumError
from deeplake.format import chunk
from deeplake.storage import maps
from deeplake.versioning import checked

ROWS = np.random.default_rng(0).integers(0, 256, (6_000, 16, 16), dtype=np.uint8)

Counted = Callable[[Callable[[], object]], int]


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled at once, and nothing is known yet."""
    monkeypatch.setattr(maps, "SETTLED", -1)
    monkeypatch.setattr(checked, "_known", type(checked._known)())
    monkeypatch.setattr(checked, "_count", 0)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Says how many bytes of payload were compared with checksums while a function ran."""
    done: list[int] = []
    digest = chunk.digest  # type: ignore[attr-defined]

    def counting(*parts: memoryview) -> int:
        if len(parts) == 1:  # those of headers are of two
            done.append(len(parts[0]))
        return digest(*parts)

    monkeypatch.setattr(chunk, "digest", counting)

    def count(function: Callable[[], object]) -> int:
        done.clear()
        function()
        return sum(done)

    return count


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("x", max_chunk_size=1 << 20)
    ds.create_tensor("files", htype="image", sample_compression="png")
    with ds:
        ds.extend({"x": ROWS[:10], "files": np.repeat(np.repeat(ROWS[:10], 9, 1), 9, 2)})
        ds.x.extend(ROWS[10:])
        ds.create_tensor("row").extend(np.arange(len(ROWS)))
    return tmp_path / "ds"


def _objects(path: Path) -> list[Path]:
    return sorted(one for one in (path / "data").rglob("*") if one.is_file())


def _read(path: Path) -> np.ndarray:
    found: np.ndarray = deeplake.load(path).x.numpy()
    return found


def _epoch(path: Path, *, shuffle: bool = False) -> np.ndarray:
    loader = deeplake.load(path).dataloader().shuffle(shuffle).batch(64)
    loader = loader.numpy(tensors=["x", "row"], num_threads=2)
    found = np.empty_like(ROWS)
    for batch in loader:
        for sample in batch:
            found[sample["row"]] = sample["x"]
    return found


def _damage(file: Path) -> None:
    """Flip a bit in the middle; the file's times become what they were, as far as that can be had."""
    before = os.stat(file)
    while os.stat(file).st_ctime_ns == before.st_ctime_ns:
        time.sleep(0.002)  # a clock of the file system's own, which may tick a few times a second
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with open(file, "r+b") as stream:
        stream.seek(before.st_size // 2)
        byte = stream.read(1)[0]
        stream.seek(before.st_size // 2)
        stream.write(bytes([byte ^ 4]))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_who_opens_it_again_does_not_check_it_again(path: Path, counted: Counted) -> None:
    assert counted(lambda: _epoch(path)) >= ROWS.nbytes
    for again in (_read, _epoch, lambda path: _epoch(path, shuffle=True)):
        assert counted(lambda again=again: again(path)) == 0  # type: ignore[misc]
    assert (_epoch(path) == ROWS).all()
    assert (_read(path) == ROWS).all()


def test_what_one_reader_checked_is_not_checked_by_the_next(path: Path, counted: Counted) -> None:
    half = len(ROWS) // 2
    first = counted(lambda: deeplake.load(path).x[:half].numpy())
    assert 0 < first < ROWS.nbytes
    assert first + counted(lambda: _epoch(path)) <= ROWS.nbytes + (2 << 20)
    assert counted(lambda: deeplake.load(path).x[[7, 5, 5_000]].numpy()) == 0


def test_files_are_checked_once_too(path: Path, counted: Counted) -> None:
    def decode() -> None:
        deeplake.load(path).files[3].numpy()

    assert counted(decode) > 0
    assert counted(decode) == 0


@pytest.mark.parametrize("read", [_read, _epoch, lambda path: _epoch(path, shuffle=True)])
def test_a_change_in_place_is_found(path: Path, read: Callable[[Path], np.ndarray]) -> None:
    assert (read(path) == ROWS).all()
    assert len(_objects(path)) >= 1
    for file in _objects(path):
        _damage(file)
    with pytest.raises(ChecksumError, match=r"x.*not (those that were|what was) written"):
        read(path)


def test_another_file_in_its_place_is_found(path: Path, tmp_path: Path) -> None:
    assert (_read(path) == ROWS).all()
    for number, file in enumerate(_objects(path)):
        copy = tmp_path / f"copy-{number}"
        shutil.copy2(file, copy)
        _damage(copy)
        os.replace(copy, file)
    with pytest.raises(ChecksumError):
        _read(path)


def test_a_loader_does_not_trust_what_takes_the_place_of_its_files(
    path: Path, tmp_path: Path
) -> None:
    ds = deeplake.load(path)
    assert (ds.x.numpy() == ROWS).all()  # mapped and checked
    loader = ds.dataloader().batch(512).numpy(tensors=["x"], num_threads=1)
    first = next(iter(loader))
    assert (np.stack([sample["x"] for sample in first]) == ROWS[:512]).all()
    for number, file in enumerate(_objects(path)):
        copy = tmp_path / f"copy-{number}"
        shutil.copy2(file, copy)
        _damage(copy)
        os.replace(copy, file)
    # Its batches are maps of their own, which are of the new files.
    try:
        rows = np.stack([sample["x"] for batch in loader for sample in batch])
    except ChecksumError:
        return
    assert (rows == ROWS).all()


def test_of_a_file_that_has_just_changed_nothing_is_remembered(
    path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "SETTLED", 3_600_000_000_000)
    whole = counted(lambda: _read(path))
    assert whole >= ROWS.nbytes
    assert counted(lambda: _read(path)) == whole
    assert not checked._known


def test_damage_is_not_remembered_as_good(path: Path) -> None:
    for file in _objects(path):
        _damage(file)
    for _ in range(2):
        with pytest.raises(ChecksumError):
            _read(path)


def test_no_more_is_remembered_than_there_is_room_for(
    path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checked, "MAX_FRAMES", 8)
    _read(path)
    _read(path)
    assert checked._count == sum(map(len, checked._known.values())) <= 8
    assert counted(lambda: _read(path)) > 0


def test_a_scrub_reads_and_checks_everything(path: Path, counted: Counted) -> None:
    _read(path)
    assert counted(lambda: care.verify(str(path))) >= ROWS.nbytes
