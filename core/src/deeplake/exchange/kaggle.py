"""``deeplake.ingest_kaggle``: what Kaggle's command line downloads, as a dataset of class folders."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deeplake.dataset.dataset import Dataset
from deeplake.dataset.sample import Creds
from deeplake.errors import (
    DeepLakeError,
    ExternalCommandError,
    IngestionError,
    KaggleDatasetAlreadyDownloadedError,
    KaggleError,
    KaggleMissingCredentialsError,
)
from deeplake.exchange.classification import ingest_classification
from deeplake.exchange.target import Target
from deeplake.exchange.tree import refuse_same, text_of
from deeplake.types import PathLike

_TAG = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)

Credentials = Mapping[str, str] | PathLike | None


def ingest_kaggle(
    tag: str,
    src: PathLike,
    dest: PathLike | Dataset,
    exist_ok: bool = False,
    images_compression: str = "auto",
    dest_creds: Creds = None,
    kaggle_credentials: Credentials = None,
    progressbar: bool = True,
    summary: bool = True,
    shuffle: bool = True,
    token: str | None = None,
    connect_kwargs: Mapping[str, Any] | None = None,
    indra: bool = False,
    **dataset_kwargs: Any,
) -> Dataset:
    """Download a dataset of images from Kaggle, and ingest it as ``ingest_classification`` does.

    Needs the command ``kaggle`` (``pip install kaggle``), and an account there.

    Args:
        tag: ``owner/name`` of a dataset, ``c/name`` of a competition.
        src: Folder of this machine that gets the files. It appears when all of them are there.
        dest: Path or URL of the new dataset; or a dataset that gets the tensors.
        exist_ok: If there are files in ``src``, take those, and download nothing.
        images_compression: Sample compression of the images; ``"auto"``: that of most of the files.
        dest_creds: Credentials of the dataset's store.
        kaggle_credentials: A dict with ``username`` and ``key``, or the path of such a JSON file; None:
            those of the environment (``KAGGLE_USERNAME`` and ``KAGGLE_KEY``, or ``KAGGLE_API_TOKEN``),
            or of the file that Kaggle's command looks for (``~/.kaggle/kaggle.json``).
        progressbar: Count rows on stderr.
        summary: Print how many files there were, and which could not be read.
        shuffle: Store images in a random order, which ``deeplake.random.seed`` fixes.
        token, indra: Accepted for compatibility.
        connect_kwargs: Refused, as ``Dataset.connect`` is.
        **dataset_kwargs: Arguments of ``deeplake.empty``: ``overwrite=True`` and the like.

    Returns:
        The dataset.

    Raises:
        ValueError: ``tag`` is none.
        KaggleMissingCredentialsError: There are no credentials, or a part of them is missing.
        KaggleDatasetAlreadyDownloadedError: There are files in ``src``, and ``exist_ok`` is False.
        ExternalCommandError: The command is not installed, or fails; the message has what it says.
        KaggleError: What came is no archive that can be unpacked.
        SamePathException: ``src`` is ``dest``.
        IngestionError, InvalidPathException, InvalidFileExtension, DatasetHandlerError: As
            ``ingest_classification``.
    """
    if _TAG.fullmatch(str(tag)) is None:
        raise ValueError(
            f"{tag!r} is no tag of Kaggle: 'owner/name' is one of a dataset, 'c/name' of a competition"
        )
    folder = Path(os.path.expanduser(text_of(src)))
    if not isinstance(dest, Dataset):
        refuse_same(folder, dest)
    Target(
        dest, dest_creds, connect_kwargs, dataset_kwargs
    )  # refused before anything is downloaded
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not exist_ok:
            raise KaggleDatasetAlreadyDownloadedError(
                f"{folder} is there already: pass exist_ok=True to take what is in it as {tag}, or "
                "choose another folder"
            )
    else:
        download(tag, folder, kaggle_credentials)
    return ingest_classification(
        folder, dest, {"sample_compression": images_compression}, dest_creds=dest_creds,
        progressbar=progressbar, summary=summary, shuffle=shuffle, **dataset_kwargs,
    )  # fmt: skip


def download(tag: str, folder: Path, credentials: Credentials) -> None:
    """Download and unpack what a tag names.

    Args:
        tag: As of ``ingest_kaggle``.
        folder: Where to; it is empty or not there.
        credentials: As of ``ingest_kaggle``.
    """
    environment = {**os.environ, **_variables(credentials)}
    program = shutil.which("kaggle")
    if program is None:
        raise ExternalCommandError("the command 'kaggle' is not there: pip install kaggle")
    partial = folder.absolute().with_name(f".{folder.name}.partial")
    kind, _, name = tag.partition("/")
    what = (
        ["competitions", "download", "-c", name]
        if kind == "c"
        else ["datasets", "download", "-d", tag]
    )
    command = [program, *what, "-p", str(partial)]
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _run(command, environment)
        _unpack(partial)
        if next(partial.iterdir(), None) is None:
            raise KaggleError(f"{shlex.join(command)} downloaded nothing")
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except OSError as error:
        if isinstance(error, DeepLakeError):
            raise
        raise IngestionError(f"{folder} cannot be written: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace")
        lines = "\n".join(said.splitlines()[-5:])
        raise ExternalCommandError(
            f"{shlex.join(command)} ended with status {done.returncode}: {lines or 'it says nothing'}"
        )


def _unpack(folder: Path) -> None:
    for archive in sorted(folder.glob("*.zip")):
        try:
            with zipfile.ZipFile(archive) as found:
                found.extractall(folder)
        except (
            zipfile.BadZipFile,
            EOFError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ) as error:
            raise KaggleError(f"{archive.name} cannot be unpacked: {error}") from error
        archive.unlink()


def _variables(credentials: Credentials) -> dict[str, str]:
    """Variables of the environment in which Kaggle's command finds credentials."""
    if credentials is None:
        _check_there()
        return {}
    found: Mapping[str, Any] = (
        credentials
        if isinstance(credentials, Mapping)
        else _of_file(Path(os.path.expanduser(text_of(credentials))))
    )
    for name in ("username", "key"):
        if not isinstance(found.get(name), str) or not found[name]:
            raise KaggleMissingCredentialsError(f"the credentials for Kaggle have no {name!r}")
    return {"KAGGLE_USERNAME": found["username"], "KAGGLE_KEY": found["key"]}


def _of_file(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise KaggleMissingCredentialsError(f"{file} cannot be read: {error}") from error
    if not isinstance(found, Mapping):
        raise KaggleMissingCredentialsError(f"{file} is no JSON object with 'username' and 'key'")
    return found


def _check_there() -> None:
    """Raise ``KaggleMissingCredentialsError`` if Kaggle's command would find no credentials."""
    there = os.environ
    if there.get("KAGGLE_API_TOKEN") or (there.get("KAGGLE_USERNAME") and there.get("KAGGLE_KEY")):
        return
    given = there.get("KAGGLE_CONFIG_DIR")
    folders = [given] if given else ["~/.kaggle", "~/.config/kaggle"]
    for folder in folders:
        for name in ("kaggle.json", "access_token"):
            if Path(os.path.expanduser(folder), name).is_file():
                return
    raise KaggleMissingCredentialsError(
        "there are no credentials for Kaggle: pass kaggle_credentials={'username': …, 'key': …}, set "
        "KAGGLE_USERNAME and KAGGLE_KEY, or put the kaggle.json of your account into ~/.kaggle"
    )


__all__ = ["download", "ingest_kaggle"]
