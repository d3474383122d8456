"""Datasets on a real SFTP server, through fsspec."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake.errors import DatasetHandlerError, ReadOnlyModeError, StorageError
from deeplake.spi import Store
from deeplake.storage.filesystem import FileSystem, FileSystemStore
from deeplake.storage.retry import Retrying
from deeplake.testing.store import StoreContract

USER, PASSWORD = "me", "hush-hush"


@dataclass
class Sftp:
    """A server that shows a folder to who knows the password.

    Attributes:
        folder: What is below its root.
        creds: ``creds=`` of who may come in.
    """

    folder: Path
    creds: dict[str, Any]

    def url(self, path: str) -> str:
        return f"sftp://127.0.0.1/{path}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sftp]:
    folder = tmp_path_factory.mktemp("sftp")
    script = Path(__file__).with_name("sftp_server.py")
    with subprocess.Popen(
        [sys.executable, script, folder, USER, PASSWORD], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        mine = {"look_for_keys": False, "allow_agent": False}  # nobody else's keys
        yield Sftp(folder, {"username": USER, "password": PASSWORD, "port": port, **mine})
        process.kill()


class TestSftp(StoreContract):
    nested_keys = False
    frees_folders = False
    big = 4 << 20
    many = 50

    @pytest.fixture
    def store(self, server: Sftp) -> Store:
        name = uuid.uuid4().hex
        self.folder = server.folder / name
        return FileSystem().open(server.url(name), creds=server.creds)

    def backdoor_put(self, store: Store, key: str, data: bytes) -> None:
        file = self.folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def backdoor_get(self, store: Store, key: str) -> bytes | None:
        file = self.folder / key
        return file.read_bytes() if file.is_file() else None


def test_a_dataset(server: Sftp, tmp_path: Path) -> None:
    url = server.url(f"{uuid.uuid4().hex}/ds")
    assert not deeplake.exists(url, creds=server.creds)
    with pytest.raises(StorageError, match="single_writer=True"):
        deeplake.empty(url, creds=server.creds)
    with pytest.warns(UserWarning, match="several writers"):
        ds = deeplake.empty(url, creds=server.creds, single_writer=True)
    ds.create_tensor("x", dtype="int64")
    ds.x.extend(np.arange(1000).reshape(100, 10))
    first = ds.commit("filled")
    ds.x[0] = np.zeros(10, int)
    again = deeplake.load(url, creds=server.creds)
    assert again.read_only
    assert again.x.numpy().sum() == sum(range(1000)) - sum(range(10))
    assert deeplake.load(f"{url}@{first}", creds=server.creds).x[0].numpy().sum() == sum(range(10))
    assert sum(len(b) for b in again.dataloader().shuffle().batch(7).numpy()) == 100
    with pytest.raises(ReadOnlyModeError):
        again.x.append(np.zeros(10, int))
    copy = str(tmp_path / "copy")
    deeplake.deepcopy(url, copy, src_creds=server.creds, progressbar=False)
    assert np.array_equal(deeplake.load(copy).x.numpy(), again.x.numpy())
    deeplake.delete(url, creds=server.creds)
    assert not deeplake.exists(url, creds=server.creds)
    with pytest.raises(DatasetHandlerError):
        deeplake.load(url, creds=server.creds)


def test_what_is_wrong_is_said(server: Sftp) -> None:
    wrong = {**server.creds, "password": "wrong"}
    with pytest.raises(StorageError, match="(?i)authentication|refused") as caught:
        deeplake.load(server.url("ds"), creds=wrong)
    assert "wrong" not in str(caught.value)
    nobody = {**server.creds, "port": 9}
    with pytest.raises(StorageError, match="sftp://127.0.0.1/ds"):
        deeplake.load(server.url("ds"), creds=nobody)


def test_a_connection_that_is_lost_is_made_anew(server: Sftp) -> None:
    """It ended, or nothing comes on it any more: the next try has another one."""
    url = server.url(f"{uuid.uuid4().hex}/ds")
    with pytest.warns(UserWarning, match="several writers"):
        made = deeplake.empty(url, creds=server.creds, single_writer=True)
    made.create_tensor("x", dtype="int64")
    made.x.extend([1, 2, 3])
    store = FileSystem().open(url, creds=server.creds)
    reading = Retrying(store)
    key = next(reading.list("refs/")).key
    before = bytes(reading.get(key))
    assert isinstance(store, FileSystemStore)
    store._system.client.close()
    assert bytes(reading.get(key)) == before
    # Late answers to what was given up would be taken for those of the next requests.
    store._system.ftp.get_channel().settimeout(1e-9)
    old = store._system
    assert bytes(reading.get(key)) == before
    assert store._system is not old
