"""Datasets on Google Cloud Storage's protocol: what users pass, what they meet, what goes wrong."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import links
from deeplake.errors import CredentialsError, DatasetNotFoundError, StorageError
from deeplake.testing.servers import Server
from deeplake_storage_gcs import Gcs


@pytest.fixture
def url() -> str:
    return f"gs://bench/{uuid.uuid4().hex}/ds"


def filled(url: str, creds: Mapping[str, Any], rows: int = 100) -> Any:
    ds = deeplake.empty(url, creds=creds)
    ds.create_tensor("x")
    with ds:
        ds.x.extend(np.arange(rows * 10).reshape(rows, 10))
    ds.commit("filled")
    return ds


def test_a_dataset(server: Server, url: str) -> None:
    ds = filled(url, server.creds)
    first = ds.commit_id
    ds.x[5] = np.zeros(10, int)
    ds.commit("one anew")
    for scheme in ("gs", "gcs", "gcp"):
        same = f"{scheme}{url[2:]}"
        assert deeplake.load(same, creds=server.creds).x[5].numpy().sum() == 0
        assert deeplake.load(f"{same}@{first}", creds=server.creds).x[5].numpy().sum() == 545
    ds.delete(large_ok=True)
    with pytest.raises(DatasetNotFoundError):
        deeplake.load(url, creds=server.creds)


def test_other_processes(server: Server, url: str) -> None:
    ds = filled(url, server.creds)
    ds.x[0].numpy()
    assert pickle.loads(pickle.dumps(ds)).x[99].numpy()[0] == 990
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        assert pool.apply(_append, (ds,)) == 101
    assert len(deeplake.load(url, creds=server.creds)) == 101


def _append(ds: Any) -> int:
    ds.x.append(np.zeros(10, int))
    return len(ds.x)


@pytest.mark.parametrize(
    ("creds", "said"),
    [
        ("/no/such/file.json", "no file of credentials"),
        ("browser", "gcloud auth"),
        ({"secret": 1}, "unknown keys"),
        ({"token": {"type": "authorized_user"}}, "not the file of a service account"),
        ({"type": "service_account"}, "not complete"),
        (42, "is a path, a dict or a name"),
    ],
)
def test_what_are_no_credentials(creds: Any, said: str) -> None:
    with pytest.raises(CredentialsError, match=said):
        store = Gcs().open("gs://bucket/x", creds=creds)
        store.put("x", b"")


def test_a_file_that_is_no_account(tmp_path: Path) -> None:
    for text in ("no json", json.dumps([1])):
        (tmp_path / "key.json").write_text(text)
        with pytest.raises(CredentialsError, match="key.json"):
            Gcs().open("gs://bucket/x", creds=str(tmp_path / "key.json"))


def test_no_default_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:1")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with pytest.raises(CredentialsError, match="gcloud auth application-default login"):
        Gcs().open("gs://bucket/x").get("x")


def test_no_bucket_and_no_server(server: Server) -> None:
    with pytest.raises(StorageError, match="no such bucket"):
        Gcs().open("gs://absent/x", creds=server.creds).put("x", b"")
    nobody = {**server.creds, "endpoint_url": "http://127.0.0.1:9", "max_retries": 0}
    with pytest.raises(StorageError):
        Gcs().open("gs://bench/x", creds=nobody).get("x")
    with pytest.raises(StorageError):
        Gcs().open("gs://bench/x", creds=nobody).put("x", b"")


def test_secrets_are_not_shown() -> None:
    store = Gcs().open("gs://bucket/x", creds={"gcs_oauth_token": "hush"})
    assert "hush" not in repr(vars(store))


def test_links(server: Server) -> None:
    """Files in a bucket are read, in parts too, and linked to."""
    store = Gcs().open("gs://bench/links", creds=server.creds)
    array = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    made = deeplake.empty("mem://gs-picture")
    made.create_tensor("x", htype="image", sample_compression="png")
    made.x.append(array)
    data = made.x[0].tobytes()
    store.put("a b/1.png", data)
    sample = deeplake.read("gs://bench/links/a b/1.png", creds=server.creds)
    assert np.array_equal(sample.array, array)
    ds = deeplake.empty("mem://gs-links")
    ds.create_tensor("linked", htype="link[image]", sample_compression="png")
    ds.add_creds_key("lab")
    ds.populate_creds("lab", dict(server.creds))
    ds.linked.append(deeplake.link("gs://bench/links/a b/1.png", creds_key="lab"))
    assert np.array_equal(ds.linked[0].numpy(), array)
    with links.open_file("gs://bench/links/a b/1.png", server.creds) as file:
        assert file.size == len(data)
        assert file.read_at(5, 15) == data[5:15]
