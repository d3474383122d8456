"""R7, below the store: each system call that writes fails in turn, and disks are full.

What ``test_faults`` does with requests, this does with the calls that a store of files makes: one fails
with EIO, or from one on whatever needs space fails with ENOSPC, for some calls. ``DEEPLAKE_SOAK_SCRIPT``
makes the script longer, and lets every call fail, not only some of them. Where the system lets tests
mount a file system, a tiny one is filled to the last byte, too.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import deeplake
from deeplake.errors import StorageError
from deeplake.storage import files
from deeplake.storage.local import LocalStore
from deeplake.versioning import session
from deeplake.versioning.repository import Repository
from deeplake.versioning.scrub import scrub

from . import rows, tally
from .failing_disk import DISK_ERROR, NO_SPACE, Trouble, failing
from .script import START, Step, create, observed, opened, script
from .test_faults import Start, Trial, Violation

SOAK = int(os.environ.get("DEEPLAKE_SOAK_SCRIPT", "0"))
LENGTH = SOAK or 16
EVERY = 1 if SOAK else 17

KINDS = {"disk error": (DISK_ERROR, 1), "no space": (NO_SPACE, 12)}


class FailingStore(LocalStore):
    """A store of files that is in trouble."""

    def __init__(self, root: str, trouble: Trouble) -> None:
        super().__init__(root, fsync=True)
        self.trouble = trouble

    @property
    def fired(self) -> list[str]:
        return self.trouble.fired


class DiskTrial(Trial):
    """Steps on a disk that fails; what is there is looked at without trouble."""

    def attempt(self, do: Callable[[], Any]) -> Exception | None:
        with self.store.trouble.brewing():  # type: ignore[attr-defined]
            return super().attempt(do)


def starts(folder: Path, length: int) -> list[Start]:
    """The dataset before each step of the script, each in a directory of its own."""
    store = LocalStore(folder / "script", fsync=False)
    ds = create(store)
    steps: list[Step] = script(length)
    found = []
    state, branch = START, "main"
    for number, step in enumerate(steps):
        copy = folder / f"before-{number}"
        shutil.copytree(store.url, copy)
        found.append(Start(LocalStore(copy), state, branch, steps[number : number + 1]))  # type: ignore[arg-type]
        step.do(ds)
        state, branch = step.then, step.branch
    return found


def fail_everywhere(
    folder: Path, code: int, lasting: int, starts: list[Start], every: int = 1
) -> int:
    """Let every call of every step fail, or each ``every``-th; returns how many did.

    Raises:
        Violation: A promise was not kept.
    """
    fired = 0
    for number, start in enumerate(starts):
        for at in count(number % every, every):
            root = folder / "trial"
            shutil.copytree(start.store.url, root)
            trouble = Trouble(code, at, lasting)
            store = FailingStore(str(root), trouble)
            trial = DiskTrial(LocalStore(root, fsync=False), store)  # type: ignore[arg-type]
            try:
                with failing(trouble):
                    trial.run(start.state, start.branch, start.steps)
            except Violation as violation:
                where = f"step {number} ({start.steps[0].name}), call {at}: {trouble.fired}"
                raise Violation(f"{where}: {violation}") from violation
            finally:
                shutil.rmtree(root)
            if not trouble.fired:
                break
            fired += 1
            tally.count("failed system calls")
    return fired


pytestmark = pytest.mark.filterwarnings("ignore:the branch .* has no commits yet")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between attempts nothing waits."""
    monkeypatch.setattr(session.time, "sleep", lambda seconds: None)


@pytest.mark.parametrize("name", KINDS)
def test_faults(tmp_path: Path, name: str) -> None:
    code, lasting = KINDS[name]
    fired = fail_everywhere(tmp_path, code, lasting, starts(tmp_path, LENGTH), EVERY)
    assert fired > LENGTH, fired


# ------------------------------------------------------------------------- a real disk that is full
@contextmanager
def tiny_disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of so many bytes; skips the test where none may be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk(tmp_path: Path) -> None:
    """Rows are appended until the disk is full: those that were acknowledged are there, whole, and when
    there is space again it goes on.
    """
    with tiny_disk(tmp_path / "disk", 400_000) as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(100_000))
        ds = deeplake.empty(disk / "ds")
        rows.create(ds)
        keys: list[int] = []
        with pytest.raises(StorageError, match="free some space") as caught:
            for key in count(1):
                ds.append(rows.row(key))
                keys.append(key)
                if key % 5 == 0:
                    ds.commit(f"commit {key}")
        assert caught.value.errno == errno.ENOSPC
        assert len(keys) > 5
        found = rows.read(deeplake.load(disk / "ds"))
        # The commit that found no space is after the last row.
        assert found == keys
        store = LocalStore(disk / "ds")
        assert scrub(Repository(store)).ok
        ballast.unlink()
        ds.append(rows.row(0))
        assert rows.read(deeplake.load(disk / "ds")) == [*keys, 0]
        assert rows.read(ds) == [*keys, 0]
        store.sweep(0)
        left = [p.name for p in (disk / "ds").rglob(".deeplake-tmp-*")]
        assert not left
        assert observed(store)["main"][0] == (*keys, 0)


# ---------------------------------------------------------------------------------------- defects
def _error_of_a_write_ignored(patch: pytest.MonkeyPatch) -> None:
    """What could not be written is acknowledged."""
    write = files.write

    def careless(fd: int, parts: Any) -> None:
        try:
            write(fd, parts)
        except OSError:
            return

    patch.setattr(files, "write", careless)


def _plain_errors(patch: pytest.MonkeyPatch) -> None:
    """Errors of the system are passed on as they are."""
    patch.setattr(LocalStore, "_failure", lambda self, error, action, key: error)


@pytest.mark.parametrize("plant", [_error_of_a_write_ignored, _plain_errors])
def test_finds(
    tmp_path: Path, plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The harness sees each defect."""
    before = starts(tmp_path, 4)
    plant(monkeypatch)
    with pytest.raises(Violation):
        fail_everywhere(tmp_path, NO_SPACE, 1, before)


def test_a_healthy_disk_fails_nothing(tmp_path: Path) -> None:
    """The harness itself does no harm."""
    trouble = Trouble(DISK_ERROR, at=10**9)
    store = FailingStore(str(tmp_path / "ds"), trouble)
    with failing(trouble), trouble.brewing():
        ds = create(store)
        for step in script(6):
            step.do(ds)
    assert trouble.calls > 50
    assert observed(opened(store)._checkout.repository.store)["main"] == script(6)[-1].then["main"]
