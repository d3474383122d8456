"""Datasets on a real S3 server: what users pass, what they meet, and what goes wrong."""

from __future__ import annotations

import multiprocessing
import pickle
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake.errors import (
    CredentialsError,
    DatasetNotFoundError,
    InvalidPathException,
    ObjectNotFoundError,
    StorageError,
)
from deeplake.testing.servers import READER, Server, moto
from deeplake_storage_s3 import S3


@pytest.fixture
def url() -> str:
    return f"s3://bench/{uuid.uuid4().hex}/ds"


def filled(url: str, creds: Mapping[str, Any], rows: int = 200) -> Any:
    ds = deeplake.empty(url, creds=creds)
    ds.create_tensor("images", htype="image", sample_compression=None)
    ds.create_tensor("labels", htype="class_label")
    images = np.arange(rows * 48, dtype=np.uint32).astype(np.uint8).reshape(rows, 4, 4, 3)
    with ds:
        ds.extend({"images": images, "labels": np.arange(rows) % 7})
    ds.commit("filled")
    return ds


def test_a_dataset(server: Server, url: str, tmp_path: Path) -> None:
    ds = filled(url, server.creds)
    first = ds.commit_id
    ds.images[3] = np.zeros((4, 4, 3), np.uint8)
    ds.commit("one anew")
    again = deeplake.load(url, creds=server.creds)
    assert again.labels.numpy().sum() == (np.arange(200) % 7).sum()
    assert not again.images[3].numpy().any()
    old = deeplake.load(f"{url}@{first}", creds=server.creds)
    assert old.images[3].numpy().any()
    batches = list(again.dataloader().shuffle().batch(50).numpy())
    assert sum(len(batch) for batch in batches) == 200
    copy = str(tmp_path / "copy")
    deeplake.deepcopy(url, copy, src_creds=server.creds, progressbar=False)
    assert deeplake.load(f"{copy}@{first}").images[3].numpy().any()
    assert deeplake.exists(url, creds=server.creds)
    again.delete(large_ok=True)
    assert not deeplake.exists(url, creds=server.creds)


def test_a_branch_has_many_writers(server: Server, url: str) -> None:
    filled(url, server.creds, 2)
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=_append, args=(url, dict(server.creds), number))
        for number in range(3)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    labels = deeplake.load(url, creds=server.creds).labels.numpy()[2:, 0].tolist()
    assert sorted(labels) == [10 * number + i for number in range(3) for i in range(5)]


def _append(url: str, creds: dict[str, Any], number: int) -> None:
    ds = deeplake.load(url, creds=creds)
    for i in range(5):
        ds.append({"images": np.zeros((4, 4, 3), np.uint8), "labels": 10 * number + i})


def test_credentials_of_the_environment(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.creds["aws_access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.creds["aws_secret_access_key"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    filled(url, {}, 3)
    assert len(deeplake.load(url)) == 3
    assert len(deeplake.load(url, creds="ENV")) == 3


def test_a_profile(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "credentials"
    file.write_text(
        f"[lab]\naws_access_key_id = {server.creds['aws_access_key_id']}\n"
        f"aws_secret_access_key = {server.creds['aws_secret_access_key']}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    filled(url, {"profile_name": "lab", "endpoint_url": server.endpoint}, 3)
    assert len(deeplake.load(url, creds=server.creds)) == 3


@pytest.mark.parametrize("creds", [None, "ENV", {}])
def test_the_default_profile(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, creds: Any
) -> None:
    """As boto3 finds them: in the shared files where the environment has none."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    keys = (
        f"aws_access_key_id = {server.creds['aws_access_key_id']}\n"
        f"aws_secret_access_key = {server.creds['aws_secret_access_key']}\n"
    )
    (tmp_path / "credentials").write_text(f"[default]\n{keys}[lab]\n{keys}")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    filled(url, server.creds, 3)
    assert len(deeplake.load(url, creds=creds)) == 3
    monkeypatch.setenv("AWS_PROFILE", "lab")
    assert len(deeplake.load(url, creds=creds)) == 3
    monkeypatch.setenv("AWS_PROFILE", "absent")
    with pytest.raises(CredentialsError, match="no profile 'absent'"):
        deeplake.load(url, creds=creds)


def test_a_rename_uses_the_credentials_of_the_dataset(server: Server, url: str) -> None:
    ds = filled(url, server.creds, 3)
    ds.rename("other")
    there = f"{url.rpartition('/')[0]}/other"
    assert not deeplake.exists(url, creds=server.creds)
    assert len(deeplake.load(there, creds=server.creds)) == 3
    copy = pickle.loads(pickle.dumps(deeplake.load(there, creds=server.creds)))
    copy.rename("again")
    assert len(deeplake.load(f"{url.rpartition('/')[0]}/again", creds=server.creds)) == 3


def test_a_profile_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[lab]\naws_access_key_id = a\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(CredentialsError, match="no profile 'absent'; there are 'lab'"):
        deeplake.load("s3://bucket/ds", creds={"profile_name": "absent"})


def test_credentials_that_expire_are_asked_for_again(server: Server, url: str) -> None:
    filled(url, server.creds, 3)
    asked = []

    def provide() -> dict[str, Any]:
        asked.append(1)
        return {
            "access_key_id": server.creds["aws_access_key_id"],
            "secret_access_key": server.creds["aws_secret_access_key"],
            "token": None,
            "expires_at": datetime.now(UTC) + timedelta(milliseconds=1),
        }

    store = S3().open(url, creds={"credential_provider": provide, "endpoint_url": server.endpoint})
    for _ in range(3):
        store.get("deeplake.json")
    assert len(asked) >= 2


def test_a_session_token_is_sent() -> None:
    with moto() as stand_in:
        stand_in.make_bucket("bucket")
        creds = {**stand_in.creds, "aws_session_token": "token"}
        filled("s3://bucket/ds", creds, 3)
        assert len(deeplake.load("s3://bucket/ds", creds=creds)) == 3


def test_public_buckets_need_no_credentials(server: Server) -> None:
    url = f"s3://public/{uuid.uuid4().hex}/ds"
    filled(url, server.creds, 3)
    anonymous = {"anon": True, "endpoint_url": server.endpoint}
    assert len(deeplake.load(url, creds=anonymous)) == 3
    reader = {
        "endpoint_url": server.endpoint, "aws_access_key_id": READER[0],
        "aws_secret_access_key": READER[1],
    }  # fmt: skip
    ds = deeplake.load(url, creds=reader)
    assert len(ds) == 3
    with pytest.raises(CredentialsError, match="refused"):
        ds.labels.append(1)
    assert len(deeplake.load(url, creds=server.creds).labels) == 3


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"aws_secret_access_key": "wrong"}, CredentialsError, "refused the credentials"),
        ({"aws_access_key_id": "unknown"}, CredentialsError, "refused the credentials"),
        ({"endpoint_url": "http://127.0.0.1:9", "max_retries": 1}, StorageError, "network"),
        (
            {"endpoint_url": "http://no.such.host.invalid", "max_retries": 0},
            StorageError,
            "network",
        ),
    ],
)
def test_what_is_wrong_is_said(
    server: Server, url: str, change: dict[str, Any], kind: type[Exception], said: str
) -> None:
    filled(url, server.creds, 1)
    with pytest.raises(kind, match=said) as caught:
        deeplake.load(url, creds={**server.creds, **change})
    assert server.creds["aws_secret_access_key"] not in str(caught.value)
    assert len(deeplake.load(url, creds=server.creds)) == 1


def test_a_bucket_that_is_not_there(server: Server) -> None:
    reader = {
        "endpoint_url": server.endpoint, "aws_access_key_id": READER[0],
        "aws_secret_access_key": READER[1],
    }  # fmt: skip
    with pytest.raises(StorageError):
        deeplake.empty("s3://no-such-bucket/ds", creds=reader)
    with pytest.raises(StorageError, match="no such bucket"):
        S3().open("s3://no-such-bucket/ds", creds=server.creds).get("x")


def test_nothing_there(server: Server, url: str) -> None:
    with pytest.raises(DatasetNotFoundError):
        deeplake.load(url, creds=server.creds)
    with pytest.raises(ObjectNotFoundError):
        S3().open(url, creds=server.creds).get("x")


@pytest.mark.parametrize(
    ("creds", "said"),
    [
        ("somebody", "'ENV'"),
        ({"aws_acces_key_id": "x"}, "unknown keys 'aws_acces_key_id'"),
        ({"aws_access_key_id": "x"}, "needs both"),
    ],
)
def test_what_are_no_credentials(creds: Any, said: str) -> None:
    with pytest.raises(CredentialsError, match=said):
        S3().open("s3://bucket/x", creds=creds)


def test_a_url_without_a_bucket() -> None:
    with pytest.raises(InvalidPathException, match="names no bucket"):
        S3().open("s3://")


def test_secrets_are_not_shown() -> None:
    creds = {"aws_access_key_id": "id", "aws_secret_access_key": "hush"}
    store = S3().open("s3://bucket/x", creds=creds)
    assert "hush" not in repr(store)
    assert "hush" not in repr(vars(store))


@pytest.fixture
def dataset(server: Server, url: str) -> Any:
    return filled(url, server.creds, 40)


def test_datasets_travel(server: Server, dataset: Any) -> None:
    copy = pickle.loads(pickle.dumps(dataset))
    assert copy.labels.numpy().sum() == dataset.labels.numpy().sum()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_datasets_are_read_in_other_processes(dataset: Any, method: str) -> None:
    dataset.labels[0].numpy()
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        sums = pool.map(_sum, [dataset] * 4)
    assert sums == [int(dataset.labels.numpy().sum())] * 4


def _sum(dataset: Any) -> int:
    return int(dataset.labels.numpy().sum())
