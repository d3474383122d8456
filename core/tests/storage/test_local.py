"""Directories as stores: the contract, durability, what stays out of sight, and what goes wrong."""

from __future__ import annotations

import ctypes
import errno
import io
import itertools
import os
import pickle
import random
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xxhash import xxh3_64_hexdigest

from deeplake.errors import (
    CredentialsError,
    InvalidPathException,
    ObjectNotFoundError,
    PreconditionFailedError,
    StorageError,
)
from deeplake.spi import Store
from deeplake.storage import files
from deeplake.storage.local import LocalStorage, LocalStore
from deeplake.storage.lock import locked
from deeplake.testing.store import StoreContract
from deeplake.types import joined

backdoor_numbers = itertools.count()


def backdoor_put(store: Store, key: str, data: bytes) -> None:
    path = Path(store.url, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(f"{store.url}-backdoor-{next(backdoor_numbers)}")
    temporary.write_bytes(data)
    temporary.replace(path)


def backdoor_get(store: Store, key: str) -> bytes | None:
    path = Path(store.url, key)
    return path.read_bytes() if path.is_file() else None


def names(root: Path) -> list[str]:
    """All files and directories, also those that the store hides."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


class TestLocalStore(StoreContract):
    nested_keys = False

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return LocalStore(tmp_path / "ds")

    def backdoor_put(self, store: Store, key: str, data: bytes) -> None:
        backdoor_put(store, key, data)

    def backdoor_get(self, store: Store, key: str) -> bytes | None:
        return backdoor_get(store, key)


class TestLocalStoreThatDoesNotSync(TestLocalStore):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return LocalStore(tmp_path / "ds", fsync=False, maps=2)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "ds", fsync=False)


# --------------------------------------------------------------------------- paths
def test_opening_makes_nothing(tmp_path: Path) -> None:
    store = LocalStorage().open(str(tmp_path / "ds"))
    assert list(store.list()) == []
    store.delete(["x"])
    assert store.sweep(0) == 0
    with pytest.raises(ObjectNotFoundError):
        store.get("x")
    assert names(tmp_path) == []


def test_paths_and_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    plugin = LocalStorage()
    for url, expected in {
        "ds": tmp_path / "ds",
        "./a/../ds/": tmp_path / "ds",
        str(tmp_path / "dätä sets" / "ds"): tmp_path / "dätä sets" / "ds",
        "~/ds": tmp_path / "home" / "ds",
        f"file://{tmp_path}/my%20ds": tmp_path / "my ds",
        f"file://localhost{tmp_path}/ds": tmp_path / "ds",
        f"FILE://{tmp_path}/ds": tmp_path / "ds",
        "file://~/ds": tmp_path / "home" / "ds",
        "file://./ds": tmp_path / "ds",
    }.items():
        assert plugin.open(url).url == str(expected), url
    assert plugin.open(tmp_path / "ds").url == str(tmp_path / "ds")
    # A path that was relative stays where it was.
    store = plugin.open("relative")
    store.put("x", b"1")
    monkeypatch.chdir("/")
    assert store.get("x") == b"1"
    assert (tmp_path / "relative" / "x").read_bytes() == b"1"


def test_paths_that_cannot_be_stores(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    plugin = LocalStorage()
    for path, match in (
        (str(file), "not a directory"),
        (str(tmp_path / "dangling"), "not a directory"),
        ("file://server/share/ds", "server"),
        ("a\0b", "null"),
        ("", "null"),
        ("file://", "null"),
    ):
        with pytest.raises(InvalidPathException, match=match) as caught:
            plugin.open(path)
        assert isinstance(caught.value, ValueError)


def test_a_root_that_became_a_file(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "ds")
    (tmp_path / "ds").write_text("text")
    with pytest.raises(StorageError, match="cannot write 'x'"):
        store.put("x", b"1")
    with pytest.raises(StorageError):
        store.put("a/x", b"1")
    with pytest.raises(ObjectNotFoundError):
        store.get("x")
    assert list(store.list()) == []
    assert store.sweep(0) == 0
    assert (tmp_path / "ds").read_text() == "text"


def test_a_root_that_is_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "ds").symlink_to(tmp_path / "nothing")
    with pytest.raises(StorageError, match="cannot write"):
        LocalStore(tmp_path / "ds").put("x", b"1")


def test_pickling_keeps_the_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = pickle.loads(pickle.dumps(LocalStore(tmp_path, fsync=False, maps=7)))
    assert (copy._fsync, copy._maps.limit) == (False, 7)
    monkeypatch.setenv("DEEPLAKE_FSYNC", "0")
    assert LocalStore(tmp_path)._fsync is False
    assert pickle.loads(pickle.dumps(LocalStore(tmp_path, fsync=True)))._fsync is True
    monkeypatch.delenv("DEEPLAKE_FSYNC")
    assert LocalStore(tmp_path)._fsync is True


# --------------------------------------------------------------------------- durability
class Journal:
    """What was asked of the operating system, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self.root = root
        self.events: list[str] = []
        for name in ("fsync", "replace", "mkdir"):
            monkeypatch.setattr(os, name, self._recording(name, getattr(os, name)))
        monkeypatch.setattr(files, "_writev", self._recording("write", os.writev))

    def _recording(self, name: str, function: object) -> object:
        assert callable(function)

        def record(target: int | str, *args: Any) -> object:
            path = args[0] if name == "replace" else target
            shown = os.path.relpath(self._path(path) if isinstance(path, int) else path, self.root)
            self.events.append(f"{name} {'tmp' if '.deeplake-tmp-' in shown else shown}")
            return function(target, *args)

        return record

    def _path(self, fd: int) -> str:
        is_open = os.fstat(fd)
        for path in (self.root, *self.root.rglob("*")):
            if os.path.samestat(path.stat(), is_open):
                return str(path)
        raise AssertionError("a file outside was written or synced")


def test_order_of_syncs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path / "new" / "ds", fsync=True)
    journal = Journal(monkeypatch, tmp_path)
    store.put("refs/heads/main", b"1")
    # Directories are on disk before anything is written to them, up to the parent that was there.
    assert journal.events[:4] == [
        "mkdir new",
        "mkdir new/ds",
        "mkdir new/ds/refs",
        "mkdir new/ds/refs/heads",
    ]
    made = journal.events[4:-4]
    assert sorted(made) == ["fsync .", "fsync new", "fsync new/ds", "fsync new/ds/refs"]
    written = ["write tmp", "fsync tmp"]
    renamed = ["replace new/ds/refs/heads/main", "fsync new/ds/refs/heads"]
    assert journal.events[-4:] == written + renamed
    version = store.head("refs/heads/main").version
    for condition in (None, version):
        journal.events.clear()
        store.put("refs/heads/main", b"1", if_match=condition)
        assert journal.events == written + renamed
    journal.events.clear()
    store.delete(["refs/heads/main"])
    assert journal.events == ["fsync new/ds/refs/heads"]
    # Another store of the same directory does not trust that its maker came to syncing it.
    store.put("x", b"1")
    journal.events.clear()
    LocalStore(tmp_path / "new" / "ds", fsync=True).put("x", b"2")
    assert journal.events == ["fsync new", *written, "replace new/ds/x", "fsync new/ds"]


def test_no_syncs_where_none_are_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path / "ds", fsync=False)
    journal = Journal(monkeypatch, tmp_path)
    store.put("a/x", b"1")
    store.delete(["a/x"])
    assert not [event for event in journal.events if event.startswith("fsync")]


KILLED = """
import random, sys, threading
from xxhash import xxh3_64_hexdigest
from deeplake.storage.local import LocalStore

store = LocalStore(sys.argv[1], fsync=False)
seed = int(sys.argv[2])
print("ready", flush=True)

def write(thread):
    rng = random.Random(seed * 10 + thread)
    while True:
        data = rng.randbytes(rng.choice([10, 5_000, 3_000_000]))
        whole = [xxh3_64_hexdigest(data).encode(), data]
        key = f"data/{rng.randrange(5)}"
        what = rng.random()
        if what < 0.6:
            store.put(key, whole)
        elif what < 0.8:
            store.delete([key])
        else:
            old, version = store.get_versioned("refs/main")
            store.put("refs/main", b"%d" % (int(old) + 1), if_match=version)

threads = [threading.Thread(target=write, args=(n,)) for n in range(2)]
for thread in threads:
    thread.start()
"""


def test_killed_writers_leave_whole_objects(tmp_path: Path) -> None:
    root = tmp_path / "ds"
    store = LocalStore(root, fsync=False)
    store.put("refs/main", b"0")
    rng = random.Random(0)
    objects = leftovers = 0
    for number in range(40):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(root), str(number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(rng.random() * 0.03)
            process.send_signal(signal.SIGKILL)
        for info in store.list("data/"):
            whole = joined(store.get(info.key))
            assert whole[:16] == xxh3_64_hexdigest(whole[16:]).encode(), info.key
            objects += 1
        count = joined(store.get("refs/main"))
        assert count.isdigit()
        # Nobody holds a lock, and nothing that is left stands in the way.
        store.put("refs/main", count, if_match=store.head("refs/main").version)
        leftovers += store.sweep(0, dry_run=True)
        assert store.sweep(3600) == 0
        store.sweep(0)
        assert not list(root.rglob(".deeplake-tmp-*"))
    assert objects > 40
    assert leftovers > 0, "no writer was killed in the middle of a put: the test tests nothing"


# --------------------------------------------------------------------------- what goes wrong
def test_a_full_disk(store: LocalStore, tmp_path: Path) -> None:
    store.put("data/x", b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        for key in ("data/x", "data/new"):
            with pytest.raises(StorageError, match=key) as caught:
                store.put(key, [b"x" * 700_000, b"y" * 700_000])
            assert caught.value.errno == errno.EFBIG
            assert "raise the limit" in str(caught.value)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert store.get("data/x") == b"old"
    assert [info.key for info in store.list()] == ["data/x"]
    assert names(tmp_path / "ds") == [".deeplake-lock", "data", "data/x"]
    store.put("data/x", b"n" * 1_400_000)


@pytest.mark.parametrize("call", ["FileIO", "_acquire"])
def test_a_turn_that_cannot_be_taken(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    store.put("data/x", b"old")

    def fail(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(f"deeplake.storage.lock.{call}", fail)
        with pytest.raises(StorageError, match="free some space") as caught, store.turn():
            raise AssertionError("the turn was not taken")
    assert caught.value.errno == errno.ENOSPC
    with store.turn():
        store.put("data/x", b"new")


@pytest.mark.parametrize("call", ["writev", "fsync", "replace", "utime", "mkdir", "fstat"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES])
def test_failing_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    root = tmp_path / "ds"
    store = LocalStore(root, fsync=True)
    store.put("refs/x", b"old")
    store.put("gone", b"x")

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(code, os.strerror(code))

    module, name = (files, "_writev") if call == "writev" else (os, call)
    with monkeypatch.context() as patch:
        patch.setattr(module, name, fail)
        if call == "utime":
            patch.setattr(os, "supports_fd", {fail})
        # A new directory, so that mkdir is needed; large, so that utime is.
        with pytest.raises(StorageError, match=r"'new/x'.*" + errno.errorcode[code]) as caught:
            store.put("new/x", b"x" * 1_100_000)
    assert caught.value.errno == code
    assert isinstance(caught.value.__cause__, OSError)
    assert str(root) in str(caught.value)
    assert ("read_only=True" in str(caught.value)) == (code in (errno.EROFS, errno.EACCES))
    assert isinstance(caught.value, CredentialsError) == (code == errno.EACCES)
    assert not list(root.rglob(".deeplake-tmp-*"))
    assert [info.key for info in store.list()] == ["gone", "refs/x"]
    assert store.put("new/x", b"works again")


def test_the_directory_cannot_be_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path / "ds", fsync=True)
    store.put("x", b"old")
    fsync = os.fsync

    def fail(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(code, os.strerror(code))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", fail)
    # A put that may be undone by power loss is no success, although readers see it.
    code = errno.EIO
    with pytest.raises(StorageError, match="EIO"):
        store.put("x", b"new")
    # But file systems that have no such call at all can be used.
    code = errno.EINVAL
    store.put("x", b"newer")
    assert store.get("x") == b"newer"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="nothing is reserved elsewhere")
def test_large_objects_have_room_before_they_are_written(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = tmp_path / "probe"
    with probe.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, 1 << 20)
        except OSError as error:
            pytest.skip(f"this file system reserves nothing: {error}")
    seen: list[tuple[int, int]] = []
    write = files.write

    def written(fd: int, parts: list[memoryview]) -> None:
        status = os.fstat(fd)
        seen.append((status.st_size, status.st_blocks * 512))
        write(fd, parts)

    monkeypatch.setattr(files, "write", written)
    for size in (3 << 20, 1000):
        data = random.Random(size).randbytes(size)
        store.put("x", [data[:777], data[777:]])
        assert store.get("x") == data
        assert os.stat(tmp_path / "ds" / "x").st_blocks * 512 <= size + 8192, (
            "kept what it had not used"
        )
    assert seen[0][0] == 0
    assert seen[0][1] >= 3 << 20
    assert seen[1] == (0, 0), "small objects are written before a place would be found"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EOPNOTSUPP, errno.EINTR])
def test_room_that_cannot_be_had(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    store.put("x", b"old")

    def refuse(fd: int, mode: int, start: int, size: int) -> int:
        ctypes.set_errno(code)
        return -1

    monkeypatch.setattr(files, "_fallocate", lambda: refuse)
    data = random.Random(0).randbytes(2 << 20)
    if code in (errno.ENOSPC, errno.EDQUOT):
        with pytest.raises(StorageError) as caught:
            store.put("x", data)
        assert caught.value.errno == code
        assert store.get("x") == b"old"
        assert names(tmp_path / "ds") == [".deeplake-lock", "x"]
    else:
        store.put("x", data)
        assert store.get("x") == data


@pytest.mark.parametrize("first", [0, 1, 5, 1000])
def test_writes_that_stop_short(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    stops = itertools.chain([first] if first else [], itertools.cycle([7, 1, 3000, 250]))

    def short(fd: int, parts: list[memoryview]) -> int:
        return os.write(fd, b"".join(parts)[: next(stops)])

    monkeypatch.setattr(files, "_writev", short)
    parts = [bytes([n % 256]) * (n % 5 * 300) for n in range(60)]
    store.put("x", parts)
    assert backdoor_get(store, "x") == b"".join(parts)
    monkeypatch.setattr(files, "_writev", lambda fd, parts: 0)
    with pytest.raises(StorageError, match="no more bytes"):
        store.put("x", parts)


def test_reads_that_stop_short(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    data = random.Random(0).randbytes(10_000)
    store.put("x", data)
    monkeypatch.setattr(files, "_pread", lambda fd, size, at: os.pread(fd, min(size, 999), at))
    assert store.get("x") == data
    assert store.get("x", (5, 9000)) == data[5:9000]
    assert store.get("x", (9000, 20_000)) == data[9000:]
    assert store.get("x", (10_000, 20_000)) == b""


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Permissions count: root ignores them, so become somebody else for the test."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        yield
        os.seteuid(0)
    else:
        yield


@pytest.fixture
def shared_directory() -> Iterator[Path]:
    """A directory that everybody may write to (pytest's own are private)."""
    import shutil
    import tempfile

    path = Path(tempfile.mkdtemp())
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


def test_a_directory_that_is_read_only(shared_directory: Path, unprivileged: None) -> None:
    root = shared_directory / "ds"
    LocalStore(root).put("data/x", b"1")
    for directory in (root / "data", root):
        directory.chmod(0o555)
    store = LocalStore(root)
    try:
        assert not store.capabilities.writable
        assert store.get("data/x") == b"1"
        assert [info.key for info in store.list()] == ["data/x"]
        for key in ("x", "data/x", "new/x"):
            with pytest.raises(CredentialsError, match="read_only=True") as caught:
                store.put(key, b"2")
            assert isinstance(caught.value, PermissionError)
        with pytest.raises(StorageError, match="cannot delete 'data/x'"):
            store.delete(["data/x"])
        (root / "data").chmod(0)
        with pytest.raises(CredentialsError, match="data/x"):
            store.get("data/x")
        with pytest.raises(StorageError):
            list(store.list())
    finally:
        for directory in (root, root / "data"):
            directory.chmod(0o755)
    assert LocalStore(root).capabilities.writable


def test_whether_a_store_that_is_not_there_can_be_written(
    shared_directory: Path, unprivileged: None
) -> None:
    (shared_directory / "closed").mkdir()
    (shared_directory / "closed").chmod(0o555)
    assert LocalStore(shared_directory / "a" / "b").capabilities.writable
    assert not LocalStore(shared_directory / "closed" / "b").capabilities.writable


def open_files() -> int:
    return len(os.listdir("/dev/fd"))


def test_no_open_files_are_left(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("x", b"1")
    before = open_files()
    version = store.put("x", b"12345")
    store.put("x", b"12345", if_match=version)
    store.get("x"), store.get("x", (1, 2)), store.get_many([("x", None), ("x", (0, 1))])
    store.head("x"), store.get_versioned("x"), list(store.list())
    for attempt in (
        lambda: store.put("x", b"2", if_absent=True),
        lambda: store.put("x", b"2", if_match="other"),
        lambda: store.get("absent"),
        lambda: store.get("data"),
        lambda: store.map("absent"),
    ):
        with pytest.raises(StorageError):
            attempt()

    class Interrupted(BaseException):
        """As a signal handler would raise."""

    def interrupt(*args: object) -> None:
        raise Interrupted

    for module, name in ((os, "replace"), (files, "_writev"), (os, "fstat")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, interrupt)
            with pytest.raises(Interrupted):
                store.put("x", b"2")
    assert open_files() == before
    assert not list(Path(store.url).rglob(".deeplake-tmp-*"))
    assert store.get("x") == b"12345"


def test_when_the_process_has_no_open_files_left(store: LocalStore) -> None:
    for number in range(40):
        store.put(f"data/{number}", b"x" * 5000)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + 20, hard))
    try:
        for number in range(40):
            assert store.map(f"data/{number}")[0] == ord("x")
        assert store.get("data/1", (0, 1)) == b"x"
        for number in range(40):
            assert store.map(f"data/{number}")[0] == ord("x")
            store.put(f"more/{number % 3}", b"x")
        with pytest.raises(StorageError, match="ulimit"):
            [store.map(f"data/{number}") for number in range(40)]
        assert store.get("data/1", (0, 1)) == b"x"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --------------------------------------------------------------------------- out of sight
def test_hidden_files(store: LocalStore) -> None:
    store.put("data/x", b"1")
    root = Path(store.url)
    (root / "data" / ".deeplake-tmp-1-0f").write_bytes(b"half")
    assert (root / ".deeplake-lock").exists()
    assert [info.key for info in store.list()] == ["data/x"]
    assert list(store.list("data/.")) == []
    assert list(store.list(".deeplake")) == []
    for key in (".deeplake-lock", "data/.deeplake-tmp-1-0f", ".deeplake-x/y"):
        for call in (store.get, store.head, store.map, lambda key: store.put(key, b"x")):
            with pytest.raises(InvalidPathException, match="belong to the store"):
                call(key)
    store.put("data/.deeplake", b"a key")
    store.put("data.deeplake-x", b"a key")
    assert store.get("data/.deeplake") == b"a key"


def test_other_peoples_files_are_neither_listed_nor_deleted(store: LocalStore) -> None:
    root = Path(store.url)
    store.put("data/x", b"1")
    (root / "data" / "übersicht.txt").write_text("mine")
    (root / "back\\slash").write_text("mine")
    os.mkfifo(root / "data" / "pipe")
    assert [info.key for info in store.list()] == ["data/x"]
    for read in (store.get, store.head, store.map, store.get_versioned):
        with pytest.raises(StorageError):
            read("data/pipe")
    store.delete(info.key for info in store.list())
    assert names(root) == [
        ".deeplake-lock",
        "back\\slash",
        "data",
        "data/pipe",
        "data/übersicht.txt",
    ]


def test_an_emptied_store_is_gone(store: LocalStore, tmp_path: Path) -> None:
    for key in ("deeplake.json", "refs/heads/main", "data/0/1/2", "data/0/3"):
        store.put(key, b"x")
    store.delete(["data/0/1/2"])
    assert not (tmp_path / "ds" / "data" / "0" / "1").exists()
    assert (tmp_path / "ds" / "data" / "0").exists()
    store.delete([info.key for info in store.list()])
    assert names(tmp_path) == []
    store.put("refs/heads/main", b"again", if_absent=True)
    assert store.get("refs/heads/main") == b"again"


def test_the_working_directory_and_links_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    linked = LocalStore(tmp_path / "link", fsync=False)
    linked.put("a/x", b"1")
    linked.delete(["a/x"])
    assert names(tmp_path) == ["link", "real", "real/.deeplake-lock"]
    monkeypatch.chdir(tmp_path / "real")
    here = LocalStore(".", fsync=False)
    here.put("a/x", b"1")
    here.delete(["a/x"])
    assert os.getcwd() == str(tmp_path / "real")


def test_sweep(store: LocalStore) -> None:
    root = Path(store.url)
    store.put("data/x", b"1")
    old = root / "data" / ".deeplake-tmp-1-0f"
    old.write_bytes(b"x" * 1000)
    os.utime(old, (time.time() - 500, time.time() - 500))
    young = root / ".deeplake-tmp-1-10"
    young.write_bytes(b"x" * 10)
    assert store.sweep(400, dry_run=True) == 1000
    assert old.exists()
    assert store.sweep(600) == 0
    assert store.sweep(400) == 1000
    assert not old.exists()
    assert young.exists()
    assert store.sweep(0) == 10
    assert names(root) == [".deeplake-lock", "data", "data/x"]


# --------------------------------------------------------------------------- links
def test_reads_follow_links(store: LocalStore, tmp_path: Path) -> None:
    store.put("data/x", b"1")
    root = Path(store.url)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "y").write_bytes(b"far away")
    (root / "data" / "file").symlink_to(elsewhere / "y")
    (root / "folder").symlink_to(elsewhere)
    (root / "dangling").symlink_to(elsewhere / "nothing")
    assert store.get("data/file") == store.get("folder/y") == b"far away"
    assert [info.key for info in store.list()] == ["data/file", "data/x", "folder/y"]
    assert [info.key for info in store.list("folder/")] == ["folder/y"]


def test_writes_do_not(store: LocalStore, tmp_path: Path) -> None:
    store.put("data/x", b"1")
    root = Path(store.url)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "y").write_bytes(b"far away")
    (root / "folder").symlink_to(elsewhere)
    (root / "file").symlink_to(elsewhere / "y")
    for key in ("folder/new", "folder/y", "folder/deep/new"):
        with pytest.raises(StorageError, match="symbolic link"):
            store.put(key, b"overwritten")
    for key in ("folder/y", "folder/../y"):
        with pytest.raises((StorageError, InvalidPathException)):
            store.delete([key])
    store.put("file", b"here")
    assert not (root / "file").is_symlink()
    (root / "file").unlink()
    (root / "file").symlink_to(elsewhere / "y")
    store.delete(["file", "folder"])
    assert not (root / "file").exists()
    # The link was deleted as the object that it looks like; what it named was not touched.
    assert names(elsewhere) == ["y"]
    assert (elsewhere / "y").read_bytes() == b"far away"


def test_links_in_a_circle(store: LocalStore) -> None:
    store.put("a/b/x", b"1")
    root = Path(store.url)
    (root / "a" / "b" / "up").symlink_to(root / "a")
    (root / "a" / "root").symlink_to(root)
    found = [info.key for info in store.list()]
    assert "a/b/x" in found
    assert len(found) == len(set(found)) < 10


def test_a_root_that_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = LocalStorage().open(str(tmp_path / "link"))
    version = store.put("refs/x", b"1")
    store.put("refs/x", b"2", if_match=version)
    assert (tmp_path / "real" / "refs" / "x").read_bytes() == b"2"
    store.delete(["refs/x"])
    assert list(store.list()) == []


# --------------------------------------------------------------------------- versions and maps
def test_versions_are_the_same_wherever_they_come_from(tmp_path: Path) -> None:
    for size in (0, 1 << 20, (1 << 20) + 1):
        store = LocalStore(tmp_path / "ds", fsync=False)
        version = store.put("x", b"x" * size)
        other = LocalStore(tmp_path / "ds", fsync=False)
        assert version == other.head("x").version == other.get_versioned("x")[1]
        assert other.put("x", b"y" * size, if_match=version)


def test_versions_of_large_objects_do_not_read_them(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = store.put("x", b"x" * ((1 << 20) + 1))
    monkeypatch.setattr(files, "_pread", None)
    assert store.head("x").version == version


def test_rewriting_a_large_object_changes_its_version(store: LocalStore) -> None:
    data = b"x" * ((1 << 20) + 1)
    versions = [store.put("x", data) for _ in range(30)]
    assert len(set(versions)) == 30


def test_maps_are_bounded(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "ds", fsync=False, maps=3)
    for number in range(10):
        store.put(f"data/{number}", b"%d" % number * 5000)
    before = open_files()
    views = [store.map(f"data/{number}") for number in range(3)]
    del views
    for number in range(10):
        assert bytes(store.map(f"data/{number}")[:1]) == b"%d" % number
        store.map("data/0")
    assert len(store._maps) == 3
    assert "data/0" in {os.path.relpath(path, store.url) for path in store._maps._kept}
    assert open_files() <= before + 3
    store.close()
    assert open_files() == before
    unmapped = LocalStore(tmp_path / "ds", maps=0)
    assert unmapped.map("data/1")[0] == ord("1")
    assert len(unmapped._maps) == 0


def test_a_map_follows_changes_by_others(store: LocalStore) -> None:
    backdoor_put(store, "x", b"1" * 100)
    view = store.map("x")
    backdoor_put(store, "x", b"2" * 100)
    assert bytes(store.map("x")) == b"2" * 100
    assert bytes(view) == b"1" * 100
    Path(store.url, "x").unlink()
    with pytest.raises(ObjectNotFoundError):
        store.map("x")


def test_maps_of_many_threads(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "ds", fsync=False, maps=2)
    for number in range(6):
        store.put(f"data/{number}", b"%d" % number * 100)
    wrong: list[object] = []

    def read(seed: int) -> None:
        rng = random.Random(seed)
        try:
            for _ in range(2000):
                number = rng.randrange(6)
                if bytes(store.map(f"data/{number}")) != b"%d" % number * 100:
                    wrong.append(number)
        except StorageError as error:
            wrong.append(error)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(store._maps) <= 2


# --------------------------------------------------------------------------- the lock
def test_the_lock_starts_again_when_its_file_is_gone(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    order: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with locked(path):
            order.append("second")
            assert os.path.exists(path)

    thread = threading.Thread(target=second)
    with locked(path):
        thread.start()
        waiting.wait()
        time.sleep(0.05)  # long enough to wait for the file that is about to go
        os.unlink(path)
        with locked(path):
            order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_waiting_for_the_lock_can_be_interrupted(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    before = open_files()

    class Alarm(BaseException):
        """What the handler raises."""

    def ring(*args: object) -> None:
        raise Alarm

    previous = signal.signal(signal.SIGALRM, ring)
    try:
        with io.FileIO(path, "ab") as holder:
            import fcntl

            fcntl.flock(holder, fcntl.LOCK_EX)
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Alarm), locked(path):
                raise AssertionError("two hold the lock")
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert open_files() == before
    with locked(path):
        assert open_files() == before + 1


def test_the_child_of_a_fork_does_not_hold_the_lock(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    reading, writing = os.pipe()
    with locked(path):
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # until the parent says so
            os._exit(0)
        # As if this process had died: its file is closed without being unlocked.
        from deeplake.storage import lock

        for file in lock._held:
            os.close(file.fileno())
        with locked(path):
            assert os.path.exists(path)
        for file in lock._held:
            # So that the block can end as if nothing had happened.
            again = os.open(path, os.O_RDONLY)
            if again != file.fileno():
                os.dup2(again, file.fileno())
                os.close(again)
    os.close(reading)
    os.close(writing)
    os.waitpid(child, 0)


def test_conditions_are_checked_against_deletes(store: LocalStore) -> None:
    """Exactly one of a delete and a conditional put comes first."""
    for number in range(100):
        key = f"refs/{number}"
        version = store.put(key, b"old")
        barrier = threading.Barrier(2)
        replaced: list[bool] = []

        def replace(
            key: str = key,
            version: str = version,
            barrier: threading.Barrier = barrier,
            replaced: list[bool] = replaced,
        ) -> None:
            barrier.wait()
            try:
                store.put(key, b"new", if_match=version)
                replaced.append(True)
            except PreconditionFailedError:
                replaced.append(False)

        thread = threading.Thread(target=replace)
        thread.start()
        barrier.wait()
        store.delete([key])
        thread.join()
        # Whichever was first, the delete has happened after an object was there: none is left.
        assert backdoor_get(store, key) is None
