"""Stores on file systems of fsspec: the contract, and writing where commits cannot be told apart."""

from __future__ import annotations

import pickle
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from fsspec.registry import _registry as found

import deeplake
from deeplake.errors import (
    CredentialsError,
    DatasetHandlerError,
    ModuleNotInstalledException,
    PluginNotFoundError,
    PreconditionFailedError,
    ReadOnlyModeError,
    StorageError,
    StorageTimeoutError,
    StorageUnreachableError,
)
from deeplake.spi import Store
from deeplake.storage.filesystem import FileSystem, FileSystemStore
from deeplake.storage.guard import ReadOnly, SingleWriter
from deeplake.storage.protocols import ANSWER_SECONDS, CONNECT_SECONDS
from deeplake.storage.retry import PAUSE, TRIES
from deeplake.testing.store import StoreContract


class TestMemoryFileSystem(StoreContract):
    nested_keys = False
    # fsspec's memory keeps folders that became empty.
    frees_folders = False

    @pytest.fixture
    def store(self) -> Store:
        self.root = f"/{uuid.uuid4().hex}"
        self.system = fsspec.filesystem("memory")
        return FileSystemStore(f"memory:/{self.root}")

    def backdoor_put(self, store: Store, key: str, data: bytes) -> None:
        self.system.pipe_file(f"{self.root}/{key}", data)

    def backdoor_get(self, store: Store, key: str) -> bytes | None:
        try:
            data: bytes = self.system.cat_file(f"{self.root}/{key}")
        except FileNotFoundError:
            return None
        return data


class TestSingleWriter(TestMemoryFileSystem):
    @pytest.fixture
    def store(self) -> Store:
        self.root = f"/{uuid.uuid4().hex}"
        self.system = fsspec.filesystem("memory")
        return SingleWriter(FileSystemStore(f"memory:/{self.root}"))


class TestReadOnly(TestMemoryFileSystem):
    @pytest.fixture
    def store(self) -> Store:
        self.root = f"/{uuid.uuid4().hex}"
        self.system = fsspec.filesystem("memory")
        return ReadOnly(FileSystemStore(f"memory:/{self.root}"))


# --------------------------------------------------------------------------- http
class Web:
    """A folder behind a web server that answers ranges, or ignores them.

    Attributes:
        url: Where it is.
        ranges: Ranges are honoured.
        asked: Requests so far: method, path and range.
        wait: Called before each answer.
        secret: What ``Authorization`` has to be, if anything.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ranges = True
        self.asked: list[tuple[str, str, str | None]] = []
        self.wait: Callable[[], None] = lambda: None
        self.secret: str | None = None
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(body=True)

            def do_HEAD(self) -> None:
                self._answer(body=False)

            def _answer(self, *, body: bool) -> None:
                web._answer(self, body=body)

            def log_message(self, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: Any, *, body: bool) -> None:
        from urllib.parse import unquote

        self.wait()
        asked = handler.headers.get("Range")
        self.asked.append((handler.command, handler.path, asked))
        file = self.folder / unquote(handler.path).lstrip("/")
        status, headers, data = 200, {}, b""
        if self.secret is not None and handler.headers.get("Authorization") != self.secret:
            status = 403
        elif not file.is_file():
            status = 404
        else:
            data = file.read_bytes()
            if asked and self.ranges:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                start, stop = int(first), min(int(last or len(data)) + 1, len(data))
                if start >= len(data):
                    status, data = 416, b""
                else:
                    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
                    status, data = 206, data[start:stop]
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if body:
            handler.wfile.write(data)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    (tmp_path / "web").mkdir()
    running = Web(tmp_path / "web")
    yield running
    running.close()


class TestHttp(StoreContract):
    big = 4 << 20
    many = 100

    @pytest.fixture
    def store(self, web: Web) -> Store:
        self.folder = web.folder
        return FileSystem().open(web.url)

    def backdoor_put(self, store: Store, key: str, data: bytes) -> None:
        file = self.folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def backdoor_get(self, store: Store, key: str) -> bytes | None:
        file = self.folder / key
        return file.read_bytes() if file.is_file() else None


def made(path: Path) -> Any:
    ds = deeplake.empty(str(path))
    ds.create_tensor("x")
    with ds:
        ds.x.extend(np.arange(1000).reshape(100, 10))
    ds.commit("made")
    return ds


def test_datasets_on_the_web_are_read(web: Web) -> None:
    made(web.folder / "ds")
    ds = deeplake.load(f"{web.url}/ds")
    assert ds.read_only
    assert ds.x.numpy().sum() == sum(range(1000))
    assert [batch[0]["x"][0] for batch in ds.dataloader().numpy()] == list(range(0, 1000, 10))
    assert pickle.loads(pickle.dumps(ds)).x[7].numpy().tolist() == list(range(70, 80))
    with pytest.raises(ReadOnlyModeError):
        ds.x.append(np.zeros(10, int))
    assert {method for method, _, _ in web.asked} <= {"GET", "HEAD"}


def test_opening_on_the_web_is_one_request(web: Web) -> None:
    made(web.folder / "ds")
    web.asked.clear()
    deeplake.load(f"{web.url}/ds")
    assert len(web.asked) == 1


def test_a_server_without_ranges(web: Web) -> None:
    made(web.folder / "ds")
    web.ranges = False
    assert deeplake.load(f"{web.url}/ds").x[42].numpy().tolist() == list(range(420, 430))


def test_headers_of_requests(web: Web) -> None:
    made(web.folder / "ds")
    web.secret = "Bearer of a token"
    with pytest.raises(StorageError):
        deeplake.load(f"{web.url}/ds")
    ds = deeplake.load(f"{web.url}/ds", creds={"Authorization": web.secret})
    assert len(ds) == 100


# --------------------------------------------------------------------------- one writer
@pytest.fixture
def url() -> str:
    return f"memory://{uuid.uuid4().hex}/ds"


def test_writing_has_to_be_asked_for(url: str) -> None:
    with pytest.raises(StorageError, match="single_writer=True"):
        deeplake.empty(url)
    with pytest.warns(UserWarning, match="cannot keep several writers apart"):
        ds = deeplake.empty(url, single_writer=True)
    ds.create_tensor("x")
    ds.x.extend([1, 2, 3])
    ds.commit("three")
    again = deeplake.load(url)
    assert again.read_only
    assert again.x.numpy().sum() == 6
    with pytest.raises(ReadOnlyModeError):
        again.x.append(4)
    with pytest.warns(UserWarning, match="several writers"):
        writer = deeplake.load(url, single_writer=True)
    writer.x.append(4)
    with pytest.warns(UserWarning, match="several writers"):
        assert deeplake.dataset(url, single_writer=True).x.numpy().sum() == 10


def test_datasets_are_deleted_without_further_ado(url: str, web: Web) -> None:
    """Who deletes everything loses no commit by it; only what is read only stays."""
    system = fsspec.filesystem("memory")
    with pytest.raises(DatasetHandlerError, match="force=True"):
        deeplake.delete(url)
    for force in (False, True):
        with pytest.warns(UserWarning, match="several writers"):
            ds = deeplake.empty(url, single_writer=True)
        ds.create_tensor("x")
        ds.x.extend([1, 2, 3])
        deeplake.delete(url, force=force)
        assert not deeplake.exists(url)
        assert not system.find(url.removeprefix("memory:/"))
    with pytest.raises(DatasetHandlerError, match="nothing"):
        deeplake.delete(url, force=True)
    with pytest.warns(UserWarning, match="several writers"):
        deeplake.empty(url, single_writer=True).allow_delete = False
    with pytest.raises(DatasetHandlerError, match="allow_delete"):
        deeplake.delete(url)
    assert deeplake.exists(url)
    made(web.folder / "ds")
    for force in (False, True):
        with pytest.raises(ReadOnlyModeError, match="can only be read"):
            deeplake.delete(f"{web.url}/ds", force=force)
    assert len(deeplake.load(f"{web.url}/ds")) == 100


def test_another_writer_is_noticed_where_it_can_be(url: str) -> None:
    with pytest.warns(UserWarning, match="several writers"):
        ds = deeplake.empty(url, single_writer=True)
    ds.create_tensor("x")
    with pytest.warns(UserWarning, match="several writers"):
        other = deeplake.load(url, single_writer=True)
    for number in range(4):
        other.x.append(number)
        ds.x.append(-number)
    assert sorted(deeplake.load(url).x.numpy()[:, 0].tolist()) == [-3, -2, -1, 0, 0, 1, 2, 3]


def test_single_writer_has_no_effect_where_none_is_needed(tmp_path: Path) -> None:
    ds = deeplake.empty(str(tmp_path / "ds"), single_writer=True)
    ds.create_tensor("x")
    assert len(deeplake.load(str(tmp_path / "ds")).tensors) == 1


def test_single_writer_refuses_what_has_changed() -> None:
    store = SingleWriter(FileSystemStore(f"memory://{uuid.uuid4().hex}"))
    version = store.put("refs/x", b"1", if_absent=True)
    store.store.put("refs/x", b"2")
    with pytest.raises(PreconditionFailedError, match="somebody else"):
        store.put("refs/x", b"3", if_match=version)
    assert bytes(store.get("refs/x")) == b"2"


# --------------------------------------------------------------------------- what is missing
def test_protocols_that_nobody_knows() -> None:
    with pytest.raises(PluginNotFoundError, match="nosuch"):
        deeplake.load("nosuch://x/y")


def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adlfs", None)
    # fsspec keeps what it has found, for another test maybe.
    monkeypatch.delitem(found, "az", raising=False)
    with pytest.raises(ModuleNotInstalledException, match="deeplake-core\\[azure\\]"):
        deeplake.load("az://container/ds")


def test_what_are_no_options() -> None:
    with pytest.raises(CredentialsError, match="dict of fsspec's options"):
        deeplake.load("memory://x/y", creds="secret")


def test_a_dataset_in_a_zip_file(tmp_path: Path) -> None:
    import shutil

    made(tmp_path / "ds")
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "ds")
    ds = deeplake.load(f"zip://::{tmp_path}/packed.zip")
    assert ds.read_only
    assert ds.x[99].numpy().tolist() == list(range(990, 1000))


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_refused(status: int) -> None:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            return

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            with pytest.raises(CredentialsError, match=f"refused .*{status}|{status}.*refused"):
                deeplake.load(f"http://127.0.0.1:{server.server_address[1]}/ds")
        finally:
            server.shutdown()


@pytest.fixture
def silence() -> Iterator[str]:
    """An address where connections are neither taken nor refused, as behind some firewalls."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):  # nobody accepts them, and there is room for no more
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("operation", [deeplake.load, deeplake.exists])
@pytest.mark.parametrize("where", ["silence", "nobody", "no host"])
def test_no_network(
    silence: str, where: str, operation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deeplake.storage.protocols.CONNECT_SECONDS", 0.2)
    host = {
        "silence": silence, "nobody": "http://127.0.0.1:9", "no host": "http://no.such.invalid",
    }[where]  # fmt: skip
    with pytest.raises((StorageUnreachableError, StorageTimeoutError), match=f"{host}/ds"):
        operation(f"{host}/ds")


@contextmanager
def serving() -> Iterator[tuple[int, list[socket.socket]]]:
    """A port whose connections are taken and kept; nothing is ever sent."""
    taken: list[socket.socket] = []
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        listening.settimeout(0.05)
        ended = threading.Event()

        def take() -> None:
            while not ended.is_set():
                with suppress(TimeoutError):
                    taken.append(listening.accept()[0])

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield listening.getsockname()[1], taken
        finally:
            ended.set()
            thread.join()
            for one in taken:
                one.close()


def silent(scheme: str, port: int) -> tuple[str, dict[str, Any]]:
    """URL and ``creds`` of a dataset at a port of this machine."""
    options: dict[str, Any] = {"answer_timeout": 0.5}
    if scheme == "az":
        account = f"AccountName=me;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:{port}/me;"
        return "az://container/ds", {
            **options, "account_name": "me",
            "connection_string": f"DefaultEndpointsProtocol=http;{account}",
        }  # fmt: skip
    if scheme == "sftp":
        login = {"username": "me", "password": "hush-hush"}
        mine = {"look_for_keys": False, "allow_agent": False}
        return "sftp://127.0.0.1/ds", {**options, **login, **mine, "port": port}
    return f"http://127.0.0.1:{port}/ds", {**options, "client_kwargs": {}}


@pytest.mark.filterwarnings("ignore:.*cannot keep several writers apart")
@pytest.mark.parametrize("operation", ["load", "exists", "empty"])
@pytest.mark.parametrize("scheme", ["http", "az", "sftp"])
def test_a_server_that_never_answers(scheme: str, operation: str) -> None:
    """Connections are taken, and nothing comes: that is said once, and not tried again for minutes."""
    with serving() as (port, taken):
        url, creds = silent(scheme, port)
        if operation == "empty":
            if scheme == "http":
                pytest.skip("nothing is written there")
            creds["single_writer"] = True
        single = {"single_writer": True} if creds.pop("single_writer", False) else {}
        with pytest.raises(
            StorageUnreachableError, match="did not answer in time.*answer_timeout"
        ) as at:
            getattr(deeplake, operation)(url, creds=creds, **single)
        assert url in str(at.value)
        assert "hush-hush" not in str(at.value)
        assert 1 <= len(taken) <= 4


def test_azure_without_a_network() -> None:
    url, creds = silent("az", 9)
    with pytest.raises(StorageUnreachableError, match="check the network and the address"):
        deeplake.load(url, creds=creds)


def test_a_server_that_answers_late_is_asked_for_something_small(web: Web) -> None:
    """Much data may take longer than an answer should."""
    (web.folder / "x").write_bytes(b"contents")
    late = [3.0]
    web.wait = lambda: time.sleep(late.pop()) if late else None
    store = FileSystem().open(web.url, creds={"answer_timeout": 3, "client_kwargs": {}})
    assert store.get("x") == b"contents"
    late.append(3.0)
    assert store.get("x") == b"contents"
    assert not late


def test_a_chain_ends_in_a_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deeplake.storage.protocols.CONNECT_SECONDS", 0.2)
    with serving() as (port, _):
        url = f"zip://::http://127.0.0.1:{port}/ds.zip"
        with pytest.raises(StorageUnreachableError, match="did not answer in time"):
            deeplake.load(url, creds={"answer_timeout": 0.2})


def test_no_network_is_said_within_ten_seconds() -> None:
    assert ANSWER_SECONDS < 10
    pauses = sum(PAUSE * 2**number for number in range(TRIES - 1))
    assert TRIES * CONNECT_SECONDS + pauses < 10


@pytest.mark.parametrize(
    ("scheme", "module", "package"),
    [("hf", "huggingface_hub", "huggingface_hub"), ("gdrive", "gdrive_fsspec", "gdrive-fsspec")],
)
def test_what_pip_installs_is_said(
    scheme: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of packages are not those of modules, and fsspec's hints are not always packages."""
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(found, scheme, raising=False)
    for operation in (deeplake.load, deeplake.exists):
        with pytest.raises(ModuleNotInstalledException, match=f"pip install {package}$"):
            operation(f"{scheme}://datasets/me/faces")


def test_a_folder_that_was_uploaded_as_it_is(tmp_path: Path, url: str) -> None:
    """What the local store keeps for itself lies there, too, and is no part of the dataset."""
    made(tmp_path / "ds")
    system = fsspec.filesystem("memory")
    system.put(f"{tmp_path}/ds/", url.removeprefix("memory:/") + "/", recursive=True)
    assert any("/.deeplake-" in name for name in system.find(url.removeprefix("memory:/")))
    deeplake.deepcopy(url, str(tmp_path / "back"), progressbar=False)
    assert np.array_equal(
        deeplake.load(str(tmp_path / "back")).x.numpy(), deeplake.load(url).x.numpy()
    )
