"""Maps of files: those that stay with the process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deeplake.storage import maps
from deeplake.storage.local import LocalStore
from deeplake.storage.maps import Maps, latest


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(maps, "SETTLED", -(10**18))  # files need not be seconds old
    latest.clear()
    yield
    latest.clear()


def held(path: Path) -> bool:
    """Whether this process maps a file."""
    return str(path) in Path("/proc/self/maps").read_text()


linux = pytest.mark.skipif(
    not Path("/proc/self/maps").exists(), reason="needs Linux's list of maps"
)


def test_who_opens_a_store_again_has_the_same_map(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    first = Maps(4).view(str(tmp_path / "a"))
    again = Maps(4).view(str(tmp_path / "a"))
    assert bytes(again) == b"content"
    assert again.obj is first.obj
    assert Maps(0).view(str(tmp_path / "a")).obj is not first.obj


def test_another_file_of_the_name_has_another_map(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"content")
    first = Maps(4).view(str(path))
    (tmp_path / "b").write_bytes(b"another")
    os.replace(tmp_path / "b", path)
    assert bytes(Maps(4).view(str(path))) == b"another"
    assert bytes(first) == b"content"
    assert len(latest) == 1


def test_a_file_that_was_just_written_is_mapped_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "SETTLED", 3600 * 10**9)
    (tmp_path / "a").write_bytes(b"content")
    Maps(4).view(str(tmp_path / "a"))
    assert len(latest) == 0


@linux
def test_no_more_stays_than_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps, "LATEST", 10_000)
    monkeypatch.setattr(maps, "FILES", 3)
    paths = [tmp_path / f"file{i}" for i in range(6)]
    for path, size in zip(paths, (4000, 4000, 4000, 10_001, 10, 10), strict=True):
        path.write_bytes(bytes(size))
        Maps(4).view(str(path))
    # Of the first three the oldest had to go; the fourth is too large; the sixth is a fourth file.
    assert [held(path) for path in paths] == [False, False, True, False, True, True]
    Maps(4).view(str(paths[2]))
    paths[0].touch()
    Maps(4).view(str(paths[0]))  # what was not used longest goes
    assert [held(path) for path in paths] == [True, False, True, False, False, True]


@linux
def test_what_a_store_deletes_or_replaces_is_let_go_of(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store", fsync=False)
    for key in ("data/a", "data/b"):
        store.put(key, b"content")
        LocalStore(tmp_path / "store", fsync=False).map(key).release()
    a, b = (tmp_path / "store" / "data" / name for name in "ab")
    assert held(a)
    assert held(b)
    store.delete(["data/a"])
    store.put("data/b", b"another")
    assert not held(a)
    assert not held(b)


@linux
def test_where_files_are_too_many_all_are_let_go_of(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"content")
    Maps(4).view(str(path))
    assert held(path)
    other = Maps(4)
    assert other.spare(OSError(24, "Too many open files"))
    assert not held(path)
    assert not other.spare(OSError(24, "Too many open files"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_child_of_a_fork_maps_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    Maps(4).view(str(tmp_path / "a"))
    with latest.mutex:  # as another thread might hold it
        child = os.fork()
        if not child:
            os._exit(0 if bytes(Maps(4).view(str(tmp_path / "a"))) == b"content" else 1)
    assert os.waitpid(child, 0)[1] == 0
