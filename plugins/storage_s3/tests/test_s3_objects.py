"""Objects on a real S3 server: large ones, signed URLs, styles of addresses, copies between stores."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake.errors import StorageError
from deeplake.testing.faults import FaultServer
from deeplake.testing.servers import Server
from deeplake_storage_s3 import S3

LARGE = 101 << 20


@pytest.fixture
def url() -> str:
    return f"s3://bench/{uuid.uuid4().hex}/ds"


def test_a_large_object_comes_in_parts(server: Server, url: str) -> None:
    data = np.random.default_rng(0).integers(0, 256, LARGE, dtype=np.uint8).data
    with FaultServer(server.endpoint) as counting:
        store = S3().open(url, creds={**server.creds, "endpoint_url": counting.endpoint})
        seen: set[str] = set()

        def plan(request: Any) -> str | None:
            # Each part is refused once: the rest is not sent again.
            if "partNumber" in request.path and request.path not in seen:
                seen.add(request.path)
                return "503"
            return None

        counting.plan = plan
        store.put("large", data)
        parts = [one for one in counting.requests if "partNumber" in one.path]
        assert len(seen) > 1
        assert max(one.size for one in parts) < LARGE // 2
        assert store.get("large", (LARGE - 5, LARGE)) == data[-5:]
        assert store.head("large").size == LARGE
        store.delete(["large"])


def test_signed_urls(server: Server, url: str) -> None:
    store: Any = S3().open(url, creds=server.creds)
    store.put("a b/c", b"contents")
    with urllib.request.urlopen(store.sign("a b/c", seconds=60)) as answer:
        assert answer.read() == b"contents"
    put = urllib.request.Request(store.sign("new", method="PUT"), data=b"more", method="PUT")
    urllib.request.urlopen(put).close()
    assert store.get("new") == b"more"
    for wrong in (
        store.sign("a b/c").replace("a%20b/c", "new"),
        store.sign("a b/c", method="PUT"),
        store.sign("a b/c").partition("?")[0],
    ):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(wrong)
        caught.value.close()
        assert caught.value.code == 403


def test_the_bucket_in_the_name_of_the_host() -> None:
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            return

        def do_GET(self) -> None:
            asked.append((str(self.headers["Host"]), self.path))
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
        host = f"127.0.0.1:{listening.server_address[1]}"
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "aws_region": "us-east-1"}
        for creds in (
            {"endpoint_url": f"http://{host}"},
            # As for every client of S3: in this style, the bucket is a part of the endpoint.
            {"endpoint_url": f"http://{host}", "virtual_hosted_style": True},
        ):
            with pytest.raises(StorageError):
                S3().open("s3://bucket/ds", creds={**keys, **creds}).get("x")
        listening.shutdown()
    assert asked == [(host, "/bucket/ds/x"), (host, "/ds/x")]


def filled(url: str, creds: Any) -> Any:
    ds = deeplake.empty(url, creds=creds)
    ds.create_tensor("x", dtype="uint8")
    with ds:
        ds.x.extend(np.arange(200, dtype=np.uint8).repeat(50).reshape(200, 50))
    ds.commit("first")
    ds.x[0] = np.zeros(50, np.uint8)
    ds.commit("second")
    return ds


def test_a_copy_that_was_cut_short_goes_on(server: Server, url: str, tmp_path: Path) -> None:
    ds = filled(str(tmp_path / "ds"), None)
    first = ds.commits[-1]["commit"]
    with FaultServer(server.endpoint) as faults:
        creds = {**server.creds, "endpoint_url": faults.endpoint, "max_retries": 0}
        faults.plan = lambda request: "500" if request.number > 3 else None
        with pytest.raises(StorageError):
            deeplake.deepcopy(str(tmp_path / "ds"), url, dest_creds=creds, progressbar=False)
    assert not deeplake.exists(url, creds=server.creds)
    deeplake.deepcopy(str(tmp_path / "ds"), url, dest_creds=server.creds, progressbar=False)
    copy = deeplake.load(f"{url}@{first}", creds=server.creds)
    assert np.array_equal(copy.x.numpy(), deeplake.load(f"{tmp_path / 'ds'}@{first}").x.numpy())
    other = f"s3://bench/{uuid.uuid4().hex}/ds"
    deeplake.copy(url, other, src_creds=server.creds, dest_creds=server.creds, progressbar=False)
    assert np.array_equal(deeplake.load(other, creds=server.creds).x.numpy(), ds.x.numpy())


def test_datasets_that_are_downloaded(
    server: Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ds = filled(url, server.creds)
    monkeypatch.setenv("DEEPLAKE_DOWNLOAD_PATH", str(tmp_path))
    local = deeplake.load(url, creds=server.creds, access_method="download:4", verbose=False)
    assert np.array_equal(local.x.numpy(), ds.x.numpy())
    with FaultServer(server.endpoint) as faults:
        faults.plan = lambda request: "reset"
        creds = {**server.creds, "endpoint_url": faults.endpoint}
        again = deeplake.load(url, creds=creds, access_method="local", verbose=False)
        assert np.array_equal(again.x.numpy(), ds.x.numpy())
        assert not faults.requests
