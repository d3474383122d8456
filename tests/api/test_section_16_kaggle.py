"""``ingest_kaggle`` (api.md, section 16). Kaggle's command is a stand-in: its service is far away."""

from __future__ import annotations

import inspect
import io
import json
import os
import stat
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import deeplake
from deeplake.errors import (
    DatasetHandlerError,
    ExternalCommandError,
    InvalidPathException,
    KaggleDatasetAlreadyDownloadedError,
    KaggleError,
    KaggleMissingCredentialsError,
    SamePathException,
)

QUIET: dict[str, Any] = {"progressbar": False, "summary": False}
CREDENTIALS = {"username": "me", "key": "secret"}

# What the real command does with these arguments: an archive called as the dataset, in the folder.
COMMAND = """#!{python}
import argparse, json, os, pathlib, shutil, sys

parser = argparse.ArgumentParser(prog="kaggle")
groups = parser.add_subparsers(dest="group", required=True)
for group, flag in (("datasets", "-d"), ("competitions", "-c")):
    actions = groups.add_parser(group).add_subparsers(dest="action", required=True)
    download = actions.add_parser("download")
    download.add_argument(flag, dest="what", required=True)
    download.add_argument("-p", dest="path", required=True)
args = parser.parse_args()
log = pathlib.Path(__file__).with_name("calls")
with log.open("a") as file:
    print(args.group, args.what, os.environ.get("KAGGLE_USERNAME"), file=file)
if os.environ.get("KAGGLE_KEY") != "secret" and not os.environ.get("KAGGLE_CONFIG_DIR"):
    sys.exit("401 Client Error: Unauthorized for url: https://www.kaggle.com/api/v1/datasets")
found = pathlib.Path(__file__).parent / "archives" / (args.what.rpartition("/")[2] + ".zip")
if not found.is_file():
    print("Warning: looks like you are using an outdated version")
    sys.exit("403 Client Error: Forbidden for url: https://www.kaggle.com/" + args.what)
if found.stat().st_size:
    shutil.copy(found, args.path)
print("Downloading " + found.name)
"""


def archive(names: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as found:
        for name, content in names.items():
            found.writestr(name, content)
    return file.getvalue()


def png(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 3), (shade, 9, 9)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the command; ``calls`` there has a line for each."""
    folder = tmp_path / "bin"
    (folder / "archives").mkdir(parents=True)
    images = {f"{kind}/{n}.png": png(n) for kind in ("cat", "dog") for n in range(3)}
    whole = archive({**images, "about.csv": b"a,b"})
    wrapped = archive({f"pets/pets/train/{name}": content for name, content in images.items()})
    contents = {
        "pets": whole,
        "wrapped": wrapped,
        "cut": whole[:-200],
        "nothing": b"",
        "empty": archive({}),
    }
    for name, content in contents.items():
        (folder / "archives" / f"{name}.zip").write_bytes(content)
    (folder / "kaggle").write_text(COMMAND.format(python=sys.executable))
    (folder / "kaggle").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN", "KAGGLE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    return folder


def calls(kaggle: Path) -> list[str]:
    return (kaggle / "calls").read_text().splitlines() if (kaggle / "calls").exists() else []


def test_the_signature() -> None:
    found = inspect.signature(deeplake.ingest_kaggle).parameters
    assert list(found)[:7] == [
        "tag", "src", "dest", "exist_ok", "images_compression", "dest_creds", "kaggle_credentials",
    ]  # fmt: skip
    assert (found["exist_ok"].default, found["images_compression"].default) == (False, "auto")
    assert "ingest_kaggle" in deeplake.__all__
    assert deeplake.dataset.ingest_kaggle is deeplake.ingest_kaggle


def test_a_dataset(kaggle: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    src = tmp_path / "raw" / "pets"
    ds = deeplake.ingest_kaggle(
        "someone/pets", src, tmp_path / "ds", kaggle_credentials=CREDENTIALS, shuffle=False,
        progressbar=False,
    )  # fmt: skip
    assert calls(kaggle) == ["datasets someone/pets me"]
    assert {path.name for path in src.iterdir()} == {"cat", "dog", "about.csv"}
    assert [path.name for path in src.parent.iterdir()] == ["pets"]
    assert ds.labels.info.class_names == ["cat", "dog"]
    assert ds.images.meta.sample_compression == "png"
    assert [ds.images[i].tobytes() for i in range(6)] == [png(0), png(1), png(2)] * 2
    assert "6 files of 2 classes" in capfd.readouterr().out
    assert "KAGGLE_KEY" not in os.environ, "credentials are the command's alone"


def test_a_competition_and_a_compression(kaggle: Path, tmp_path: Path) -> None:
    ds = deeplake.ingest_kaggle(
        "c/wrapped", tmp_path / "raw", "mem://c", images_compression="jpeg",
        kaggle_credentials=CREDENTIALS, **QUIET,
    )  # fmt: skip
    assert calls(kaggle) == ["competitions wrapped me"]
    assert ds.images.meta.sample_compression == "jpeg"
    assert ds.labels.info.class_names == ["cat", "dog"]


def test_what_is_there_already(kaggle: Path, tmp_path: Path) -> None:
    src = tmp_path / "raw"
    src.mkdir()
    arguments: dict[str, Any] = {"kaggle_credentials": CREDENTIALS, **QUIET}
    deeplake.ingest_kaggle("someone/pets", src, "mem://first", **arguments)
    with pytest.raises(KaggleDatasetAlreadyDownloadedError, match="exist_ok=True"):
        deeplake.ingest_kaggle("someone/pets", src, "mem://second", **arguments)
    ds = deeplake.ingest_kaggle("someone/pets", src, "mem://second", exist_ok=True, **QUIET)
    assert len(ds) == 6
    assert len(calls(kaggle)) == 1
    deeplake.empty(tmp_path / "ds")
    with pytest.raises(DatasetHandlerError, match="overwrite"):
        deeplake.ingest_kaggle("someone/pets", tmp_path / "new", tmp_path / "ds", **arguments)
    assert len(calls(kaggle)) == 1, "nothing is downloaded for nothing"


def test_credentials(kaggle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ingest(credentials: Any = None) -> None:
        deeplake.ingest_kaggle(
            "someone/pets", tmp_path / f"raw{len(calls(kaggle))}", "mem://x",
            kaggle_credentials=credentials, **QUIET,
        )  # fmt: skip

    with pytest.raises(KaggleMissingCredentialsError, match=r"kaggle\.json"):
        ingest()
    for given, part in (({"username": "me"}, "key"), ({"key": "secret"}, "username")):
        with pytest.raises(KaggleMissingCredentialsError, match=f"no '{part}'"):
            ingest(given)
    for text in ("{", "[1]"):
        (tmp_path / "mine.json").write_text(text)
        with pytest.raises(KaggleMissingCredentialsError, match=r"mine\.json"):
            ingest(tmp_path / "mine.json")
    with pytest.raises(KaggleMissingCredentialsError, match=r"lost\.json"):
        ingest(tmp_path / "lost.json")
    assert calls(kaggle) == []
    (tmp_path / "mine.json").write_text(json.dumps(CREDENTIALS))
    ingest(tmp_path / "mine.json")
    monkeypatch.setenv("KAGGLE_USERNAME", "you")
    monkeypatch.setenv("KAGGLE_KEY", "secret")
    ingest()
    assert [line.split()[2] for line in calls(kaggle)] == ["me", "you"]
    monkeypatch.delenv("KAGGLE_USERNAME")
    with pytest.raises(KaggleMissingCredentialsError):
        ingest()
    monkeypatch.delenv("KAGGLE_KEY")
    (tmp_path / "config").mkdir()
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "config"))
    with pytest.raises(KaggleMissingCredentialsError):
        ingest()
    (tmp_path / "config" / "kaggle.json").write_text(json.dumps(CREDENTIALS))
    ingest()
    assert len(calls(kaggle)) == 3


@pytest.mark.parametrize("tag", ["", "name", "a/b/c", "/b", "a/", "-d/x", "a b/c", "a/b;c", None])
def test_what_is_no_tag(kaggle: Path, tmp_path: Path, tag: Any) -> None:
    with pytest.raises(ValueError, match="no tag of Kaggle"):
        deeplake.ingest_kaggle(tag, tmp_path / "raw", "mem://x", **QUIET)
    assert calls(kaggle) == []


def test_the_command_fails(kaggle: Path, tmp_path: Path) -> None:
    def ingest(tag: str, **credentials: str) -> None:
        deeplake.ingest_kaggle(
            tag, tmp_path / "raw", tmp_path / "ds", **QUIET,
            kaggle_credentials={**CREDENTIALS, **credentials},
        )  # fmt: skip

    with pytest.raises(ExternalCommandError, match=r"status 1: 403 Client Error") as caught:
        ingest("someone/forbidden")
    assert "secret" not in str(caught.value)
    with pytest.raises(ExternalCommandError, match="401"):
        ingest("someone/pets", key="wrong")
    with pytest.raises(KaggleError, match=r"cut\.zip cannot be unpacked"):
        ingest("someone/cut")
    with pytest.raises(KaggleError, match="downloaded nothing"):
        ingest("someone/nothing")
    assert [path.name for path in tmp_path.iterdir()] == ["bin"], "something is left behind"


def test_there_is_no_command(kaggle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExternalCommandError, match="pip install kaggle"):
        deeplake.ingest_kaggle(
            "someone/pets", tmp_path / "raw", "mem://x", kaggle_credentials=CREDENTIALS, **QUIET
        )


def test_places(kaggle: Path, tmp_path: Path) -> None:
    with pytest.raises(SamePathException):
        deeplake.ingest_kaggle("someone/pets", tmp_path / "x", tmp_path / "x", **QUIET)
    with pytest.raises(InvalidPathException):
        deeplake.ingest_kaggle("someone/pets", "", "mem://x", **QUIET)
    assert calls(kaggle) == []
