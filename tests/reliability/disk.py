"""A disk that loses what was not synced, made of a record of what a store asked of the real one.

A store of files runs on a real directory, and every change is noted. For any moment, the record tells
what a disk could hold after a power loss then: data that were not synced may be missing, or be there
in part; names that were not synced may be old or new, each by itself.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from deeplake.storage import directories, files
from deeplake.storage.memory import MemoryStore


@dataclass(frozen=True)
class Change:
    """One change of the disk, or an acknowledgement.

    Attributes:
        op: ``create``, ``write``, ``sync``, ``sync directory``, ``name``, ``unname``, ``make``.
        path: What is changed.
        file: Which file it is, whatever its name.
        data: What was written.
    """

    op: str
    path: str
    file: int = 0
    data: bytes = b""


@dataclass
class Record:
    """All changes below a directory, in order.

    Attributes:
        root: The directory.
        changes: The changes.
    """

    root: str
    changes: list[Change] = field(default_factory=list)
    _files: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Note what stores of files do."""
        with pytest.MonkeyPatch.context() as patch:
            self._wrap(patch)
            yield

    def _wrap(self, patch: pytest.MonkeyPatch) -> None:
        file_io, write = directories.FileIO, files.write
        replace, unlink, mkdir, rmdir = os.replace, os.unlink, os.mkdir, os.rmdir

        def create(path: str, mode: str) -> Any:
            opened = file_io(path, mode)
            self._files[path] = len(self.changes) + 1
            self._note("create", path)
            self._note("name", path)
            return opened

        def written(fd: int, parts: Any) -> None:
            self._note("write", _path_of(fd), b"".join(parts))
            write(fd, parts)

        def replaced(source: str, target: str) -> None:
            replace(source, target)
            self._files[target] = self._files.pop(source)
            # Rename is atomic: the file has its new name before it loses the old one.
            self._note("name", target)
            self._note("unname", source)

        def unlinked(path: str) -> None:
            unlink(path)
            self._files.pop(path, None)
            self._note("unname", path)

        def made(path: str) -> None:
            mkdir(path)
            self._note("make", path)

        def removed(path: str) -> None:
            rmdir(path)
            self._note("unname", path)

        patch.setattr(directories, "FileIO", create)
        patch.setattr(files, "write", written)
        # Nothing has to wait for the real disk.
        patch.setattr(files, "sync", lambda fd: self._note("sync", _path_of(fd)))
        patch.setattr(files, "sync_directory", lambda path: self._note("sync directory", path))
        patch.setattr(os, "replace", replaced)
        patch.setattr(os, "unlink", unlinked)
        patch.setattr(os, "mkdir", made)
        patch.setattr(os, "rmdir", removed)

    def _note(self, op: str, path: str, data: bytes = b"") -> None:
        if path.startswith(self.root):
            self.changes.append(Change(op, path, self._files.get(path, 0), data))

    # ---- after a power loss
    def left(self, moment: int, rng: random.Random | None, *, names: bool = False) -> MemoryStore:
        """What the disk may hold after the first ``moment`` changes.

        Args:
            moment: When the power went.
            rng: Decides what happens to what was not synced; None: it is all gone.
            names: Names are all there, however little of the data.
        """
        written: dict[int, bytes] = {}
        safe: dict[int, bytes] = {}
        pending: dict[str, list[Change]] = {}
        there: dict[str, int | None] = {}
        for change in self.changes[:moment]:
            if change.op == "write":
                written[change.file] = written.get(change.file, b"") + change.data
            elif change.op == "sync":
                safe[change.file] = written.get(change.file, b"")
            elif change.op == "sync directory":
                for waiting in pending.pop(change.path, ()):
                    _apply(there, waiting)
            elif change.op != "create":
                pending.setdefault(os.path.dirname(change.path), []).append(change)
        for changes in pending.values():
            for change in changes:
                # A name may be on the disk though an earlier one is not.
                if names or (rng is not None and rng.random() < 0.5):
                    _apply(there, change)
        store = MemoryStore("mem://after")
        for path, file in there.items():
            key = os.path.relpath(path, self.root)
            if file is None or "/.deeplake-" in f"/{key}" or not self._reachable(path, there):
                continue
            data = safe.get(file)
            if data is None:
                whole = written.get(file, b"")
                data = whole[: rng.randint(0, len(whole))] if rng is not None else b""
            store.put(key, data)
        return store

    def _reachable(self, path: str, there: dict[str, int | None]) -> bool:
        """Whether all directories above a file are on the disk."""
        above = os.path.dirname(path)
        while above != self.root:
            if above not in there:
                return False
            above = os.path.dirname(above)
        return True


def _apply(there: dict[str, int | None], change: Change) -> None:
    if change.op == "unname":
        there.pop(change.path, None)
    else:
        there[change.path] = change.file if change.op == "name" else None


def _path_of(fd: int) -> str:
    return os.readlink(f"/proc/self/fd/{fd}")


__all__ = ["Change", "Record"]
