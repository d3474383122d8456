"""Datasets on a real server of Azure's protocol (Azurite), through fsspec."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake.errors import (
    CredentialsError,
    ReadOnlyModeError,
    StorageError,
    StorageTimeoutError,
)
from deeplake.storage.retry import TRIES
from deeplake.testing.faults import FaultServer, WebRequest
from deeplake.testing.servers import HOST, free_ports

# The account that every Azurite has.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@pytest.fixture(scope="module")
def creds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    program = shutil.which("azurite-blob") or str(
        Path(sys.prefix, "azurite", "node_modules", ".bin", "azurite-blob")
    )
    if not Path(program).exists():
        pytest.skip("no Azurite: it comes by npm, and `make` found none")
    [port] = free_ports(1)
    folder = tmp_path_factory.mktemp("azurite")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--blobHost", HOST, "--blobPort", str(port), "--location", str(folder),
             "--silent", "--skipApiVersionCheck", "--disableTelemetry"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        endpoint = f"http://{HOST}:{port}/{ACCOUNT}"
        _wait(process, endpoint, folder / "log")
        connection = (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={endpoint};"
        )
        _make_container(connection)
        yield {"account_name": ACCOUNT, "connection_string": connection}
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], endpoint: str, log: Path) -> None:
    while process.poll() is None:
        try:
            urllib.request.urlopen(endpoint, timeout=5).close()
            return
        except urllib.error.HTTPError as error:
            error.close()
            return  # it refuses, so it is there
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"Azurite ended with {process.returncode}: {log.read_text()}")


def _make_container(connection: str) -> None:
    from azure.storage.blob import BlobServiceClient

    with BlobServiceClient.from_connection_string(connection) as client:
        client.create_container("bench").close()


@pytest.fixture
def url() -> str:
    return f"az://bench/{uuid.uuid4().hex}/ds"


def test_a_dataset(creds: dict[str, Any], url: str, tmp_path: Path) -> None:
    assert not deeplake.exists(url, creds=creds)
    with pytest.raises(StorageError, match="single_writer=True"):
        deeplake.empty(url, creds=creds)
    with pytest.warns(UserWarning, match="several writers"):
        ds = deeplake.empty(url, creds=creds, single_writer=True)
    ds.create_tensor("x", dtype="int64")
    ds.x.extend(np.arange(1000).reshape(100, 10))
    first = ds.commit("filled")
    ds.x[0] = np.zeros(10, int)
    for scheme in ("az", "azure", "abfs"):
        again = deeplake.load(f"{scheme}{url[2:]}", creds=creds)
        assert again.read_only
        assert again.x.numpy().sum() == sum(range(1000)) - sum(range(10))
    assert deeplake.load(f"{url}@{first}", creds=creds).x[0].numpy().sum() == sum(range(10))
    assert sum(len(b) for b in again.dataloader().shuffle().batch(7).numpy()) == 100
    with pytest.raises(ReadOnlyModeError):
        again.x.append(np.zeros(10, int))
    copy = str(tmp_path / "copy")
    deeplake.deepcopy(url, copy, src_creds=creds, progressbar=False)
    assert np.array_equal(deeplake.load(copy).x.numpy(), again.x.numpy())
    deeplake.delete(url, creds=creds)
    assert not deeplake.exists(url, creds=creds)


def test_refused_credentials(creds: dict[str, Any], url: str) -> None:
    with pytest.warns(UserWarning, match="several writers"):
        deeplake.empty(url, creds=creds, single_writer=True)
    wrong = {
        **creds,
        "connection_string": creds["connection_string"].replace(KEY, "bm90IHRoZSBrZXk="),
    }
    with pytest.raises(CredentialsError, match="refused"):
        deeplake.load(url, creds=wrong)
    assert deeplake.exists(url, creds=creds)


def test_no_container(creds: dict[str, Any]) -> None:
    assert not deeplake.exists("az://absent/ds", creds=creds)
    one = pytest.warns(UserWarning, match="several writers")
    with pytest.raises(StorageError, match="az://absent/ds"), one:
        deeplake.empty("az://absent/ds", creds=creds, single_writer=True)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp's, of Azure's
@pytest.mark.parametrize("size", [1_000, 10_000_000])
def test_silence_in_mid_connection(creds: dict[str, Any], url: str, size: int) -> None:
    """A server that has answered, and falls silent: said after a few times ``read_timeout``."""
    values = np.random.default_rng(0).integers(0, 255, size, np.uint8)
    with pytest.warns(UserWarning, match="several writers"):
        ds = deeplake.empty(url, creds=creds, single_writer=True)
    ds.create_tensor("x", dtype="uint8")
    ds.x.append(values)
    ds.commit()
    endpoint = re.search("BlobEndpoint=(http://[^/]*)", creds["connection_string"])
    assert endpoint is not None
    with FaultServer(endpoint[1]) as server:
        through = creds["connection_string"].replace(endpoint[1], server.endpoint)
        patient = {**creds, "connection_string": through, "read_timeout": 1}
        ds = deeplake.load(url, creds=patient, memory_cache_size=0)

        def silent(request: WebRequest) -> str | None:
            return "stall" if request.method == "GET" and "/data/" in request.path else None

        server.plan = silent
        server.clear()
        with pytest.raises(StorageTimeoutError, match="no answer in time"):
            ds.x[0].numpy()
        # The kernel tries again for ten seconds; Azure's client would for minutes, each time.
        assert 1 <= len(server.requests) <= 2 * TRIES
        server.plan = lambda request: None
        assert np.array_equal(ds.x[0].numpy(), values)
        server.clear()
        server.plan = lambda request: "503" if request.number == 0 else None
        assert np.array_equal(deeplake.load(url, creds=patient).x[0].numpy(), values)
