"""R2: the power goes at any moment: what was acknowledged is there, whatever was not synced.

``DEEPLAKE_SOAK_SCRIPT=200`` makes the script longer.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from deeplake.errors import DeepLakeError
from deeplake.storage import files
from deeplake.storage.local import LocalStore
from deeplake.storage.memory import MemoryStore
from deeplake.versioning.repository import Repository
from deeplake.versioning.scrub import scrub

from . import rows
from .disk import Change, Record
from .script import START, State, create, observed, opened, script

LENGTH = int(os.environ.get("DEEPLAKE_SOAK_SCRIPT", "14"))


class Violation(AssertionError):
    """A promise that was not kept."""


def run(
    folder: Path, length: int, plant: Callable[[pytest.MonkeyPatch], None] | None = None
) -> int:
    """Do a script, and look at what each moment of it would leave; returns how many there are.

    Raises:
        Violation: A promise was not kept.
    """
    record = Record(str(folder / "ds"))
    store = LocalStore(record.root, fsync=True)
    with pytest.MonkeyPatch.context() as patch, record.recording():
        if plant is not None:
            plant(patch)
        ds = create(store)
        begin = len(record.changes)
        # What the dataset must hold from which change on, and what may come next.
        known: list[tuple[int, State]] = [(begin, START)]
        for step in script(length):
            step.do(ds)
            known.append((len(record.changes), step.then))
    _crash_everywhere(record, known)
    return len(record.changes) - begin


def _crash_everywhere(record: Record, known: list[tuple[int, State]]) -> None:
    rng = random.Random(0)
    last = len(known) - 1
    for number, (start, now) in enumerate(known):
        stop, then = known[number + 1] if number < last else (start + 1, now)
        for moment in range(start, max(stop, start + 1)):
            for left in (
                record.left(moment, None),
                record.left(moment, None, names=True),
                record.left(moment, rng),
            ):
                where = f"step {number}, {record.changes[moment - 1]}"[:200]
                _check(left, [now, then], where, usable=moment % 5 == 0)


def _check(store: MemoryStore, allowed: list[State], where: str, *, usable: bool) -> None:
    try:
        found = observed(store)
        report = scrub(Repository(store))
        if usable:
            opened(store).append(rows.row(99))
            after = rows.read(opened(store))
    except (DeepLakeError, AssertionError) as error:
        raise Violation(f"{where}: {type(error).__name__}: {error}") from error
    if found not in allowed:
        raise Violation(f"{where}: {found}, should be one of {allowed}")
    if not report.ok:
        raise Violation(f"{where}: {report.problems}")
    if usable and after != [*found["main"][0], 99]:
        raise Violation(f"{where}: cannot be used afterwards")


def test_power_loss(tmp_path: Path) -> None:
    assert run(tmp_path, LENGTH) > LENGTH * 10


# ---------------------------------------------------------------------------------------- defects
def _no_sync_of_files(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(files, "sync", lambda fd: None)


def _no_sync_of_directories(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(files, "sync_directory", lambda path: None)


def _no_sync_of_one_directory(patch: pytest.MonkeyPatch) -> None:
    sync = files.sync_directory

    def skip(path: str) -> None:
        if not path.endswith("/data"):
            sync(path)

    patch.setattr(files, "sync_directory", skip)


def _one_sync_of_a_file_skipped(patch: pytest.MonkeyPatch) -> None:
    sync = files.sync
    calls = iter(range(10**9))
    patch.setattr(files, "sync", lambda fd: None if next(calls) == 20 else sync(fd))


PLANTS = (
    _no_sync_of_files, _no_sync_of_directories, _no_sync_of_one_directory,
    _one_sync_of_a_file_skipped,
)  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS)
def test_finds(tmp_path: Path, plant: Callable[[pytest.MonkeyPatch], None]) -> None:
    """The harness sees each defect."""
    with pytest.raises(Violation):
        run(tmp_path, 8, plant)


def test_record_tells_what_is_lost(tmp_path: Path) -> None:
    """What is synced stays, what is not may go: by itself."""
    record = Record(str(tmp_path / "store"))
    with record.recording():
        LocalStore(record.root, fsync=True).put("a/b", b"synced")
        LocalStore(record.root, fsync=False).put("a/c", b"not synced")
    end = len(record.changes)
    assert [i.key for i in record.left(end, None).list()] == ["a/b"]
    both = record.left(end, None, names=True)
    assert [(i.key, i.size) for i in both.list()] == [("a/b", 6), ("a/c", 0)]
    assert Change("sync directory", f"{record.root}/a") in record.changes
    assert not [*record.left(0, None).list()]
