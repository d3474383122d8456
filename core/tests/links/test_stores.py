"""Files behind file systems of fsspec: whatever has no storage plugin."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

import deeplake
from deeplake import links
from deeplake.errors import (
    GetDataFromLinkError,
    LinkRefusedError,
    ModuleNotInstalledException,
    SampleReadError,
)
from deeplake.links import Opener, Policy
from deeplake.links.stores import options

DATA = bytes(range(256)) * 100


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.pipe_file("/folder/a b.bin", DATA)
    yield system
    system.rm("/folder", recursive=True)


def test_any_file_system_of_fsspec(memory: Any) -> None:
    url = "memory://folder/a b.bin"
    assert links.read_bytes(url) == DATA
    with links.open_file(url) as file:
        assert file.size == len(DATA)
        file.seek(-3, 2)
        assert file.read(10) == DATA[-3:]
    with pytest.raises(SampleReadError, match="memory://folder/none: there is no such file"):
        links.read_bytes("memory://folder/none")
    with pytest.raises(SampleReadError):
        deeplake.read("memory://folder/none.png", verify=True)


def test_archives(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("inside.bin", DATA)
    url = f"zip://inside.bin::{tmp_path}/a.zip"
    assert links.read_bytes(url) == DATA
    with pytest.raises(LinkRefusedError, match="zip"):
        Opener(Policy.for_links(local=True)).open(url)


def test_a_file_that_is_too_large(memory: Any, settings: Any) -> None:
    settings["max_bytes"] = 1000
    with pytest.raises(LinkRefusedError, match="max_bytes"):
        links.read_bytes("memory://folder/a b.bin")


def test_a_folder_is_no_file(memory: Any, tmp_path: Path) -> None:
    with pytest.raises(GetDataFromLinkError, match="directory"):
        links.read_bytes("memory://folder")
    with pytest.raises(GetDataFromLinkError, match="directory"):
        links.read_bytes(str(tmp_path))


@pytest.mark.parametrize(
    ("url", "library"),
    [("abfs://container@account.dfs.core.windows.net/a", "adlfs"), ("az://c/a", "adlfs"),
     ("sftp://host/a", "paramiko"), ("nothing-like-this://a", "no storage plugin")],
)  # fmt: skip
def test_what_to_install_is_said(url: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises((ModuleNotInstalledException, GetDataFromLinkError), match=library):
        links.read_bytes(url)


def test_a_file_system_that_fails(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for error, text in (
        (PermissionError("no"), "refuses"),
        (OSError("broken"), "broken"),
        (RuntimeError("odd"), "RuntimeError: odd"),
        (ImportError("install that"), "install that"),
    ):

        def fail(*args: Any, error: Exception = error, **kwargs: Any) -> Any:
            raise error

        monkeypatch.setattr(type(memory), "cat_file", fail)
        with pytest.raises((GetDataFromLinkError, ModuleNotInstalledException), match=text):
            links.read_bytes("memory://folder/a b.bin")


def test_credentials_as_file_systems_take_them() -> None:
    s3 = options(
        "s3",
        {"aws_access_key_id": "id", "aws_secret_access_key": "key", "aws_session_token": "token",
         "endpoint_url": "http://host", "aws_region": "eu", "profile_name": None},
    )  # fmt: skip
    assert s3["key"] == "id"
    assert s3["secret"] == "key"
    assert s3["token"] == "token"
    assert s3["endpoint_url"] == "http://host"
    assert s3["client_kwargs"] == {"region_name": "eu"}
    assert s3["config_kwargs"]["read_timeout"] == 300
    assert "profile" not in s3
    assert options("s3", "ENV") == options("s3", None) == options("s3", {})
    assert options("gs", "anon") == {"token": "anon"}
    assert options("gs", {"type": "service_account"}) == {"token": {"type": "service_account"}}
    assert options("gs", {"gcs_oauth_token": "t", "project": "p"}) == {"token": "t", "project": "p"}
    assert options("gs", None) == {}
    assert options("az", {"account_name": "a", "sas_token": "s"}) == {
        "account_name": "a", "sas_token": "s",
    }  # fmt: skip
    for scheme in ("s3", "az", "ftp"):
        with pytest.raises(GetDataFromLinkError, match="dict"):
            options(scheme, "token")


def test_local_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a b%.bin"
    path.write_bytes(DATA)
    monkeypatch.setenv("HOME", str(tmp_path))
    quoted = str(path).replace("%", "%25").replace(" ", "%20")
    for url in (str(path), "~/a b%.bin", f"file://{quoted}", f"FILE://localhost{quoted}"):
        assert links.read_bytes(url) == DATA
    with links.open_file(path) as file:
        assert file.read_at(10, 20) == DATA[10:20]
    for url in ("", "a\0b", "file://other/a", str(path / "below")):
        with pytest.raises(GetDataFromLinkError):
            links.read_bytes(url)


def test_samples_of_a_store(memory: Any) -> None:
    with pytest.raises(SampleReadError, match="no such file"):
        deeplake.read("none.png", storage={}, verify=True)
