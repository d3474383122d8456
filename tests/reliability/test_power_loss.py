"""R2: the power goes at any moment: what was acknowledged is there, whatever was not synced.

``DEEPLAKE_SOAK_SCRIPT=200`` makes the script longer. All moments are tried, after each change of the
disk: with everything lost that was not synced, with all names and no data that were not synced, and,
which are samples, ``DRAWS`` times with a random part of both. Many moments leave the same disk: each
distinct one is read as a whole, and scrubbed, once, and written to.
"""

from __future__ import annotations

import hashlib
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

from . import rows, tally
from .disk import Change, Record
from .script import START, State, create, observed, opened, script

DRAWS = 2
LENGTH = int(os.environ.get("DEEPLAKE_SOAK_SCRIPT", "30"))


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
    # In this order: what is planted is taken out before the recorder is.
    with record.recording(), pytest.MonkeyPatch.context() as patch:
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
    seen: dict[bytes, State] = {}
    for number, (start, now) in enumerate(known):
        stop, then = known[number + 1] if number < last else (start + 1, now)
        for moment in range(start, max(stop, start + 1)):
            where = f"step {number}, {record.changes[moment - 1]}"[:200]
            lefts = [record.left(moment, None), record.left(moment, None, names=True)]
            lefts += [record.left(moment, rng) for _ in range(DRAWS)]
            for left in lefts:
                disk = _fingerprint(left)
                if disk not in seen:
                    seen[disk] = _check(left, where)
                    tally.count("distinct disks")
                if seen[disk] not in (now, then):
                    raise Violation(f"{where}: {seen[disk]}, should be {now} or {then}")
            tally.count("moments")
        tally.count("steps", number < last)


def _fingerprint(store: MemoryStore) -> bytes:
    """The same for stores of equal objects, and for no others."""
    digest = hashlib.sha256()
    for info in store.list():
        digest.update(f"{info.key} {info.size}\n".encode())
        digest.update(store.get(info.key))
    return digest.digest()


def _check(store: MemoryStore, where: str) -> State:
    """What is there, after it was found to be whole and to take further rows."""
    try:
        found = observed(store)
        report = scrub(Repository(store))
        opened(store).append(rows.row(99))
        after = rows.read(opened(store))
    except (DeepLakeError, AssertionError) as error:
        raise Violation(f"{where}: {type(error).__name__}: {error}") from error
    if not report.ok:
        raise Violation(f"{where}: {report.problems}")
    if after != [*found["main"][0], 99]:
        raise Violation(f"{where}: cannot be used afterwards")
    return found


@pytest.mark.filterwarnings("ignore:the branch .* has no commits yet")
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
