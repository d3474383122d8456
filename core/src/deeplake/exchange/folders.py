"""Folders of files, one folder a class."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deeplake.errors import IngestionError
from deeplake.spi import Ingestor


class Folders(Ingestor, api=(1, 0)):
    """Images in a folder for each class: tensors ``images`` and ``labels``, in the order of the paths.

    Options:
        compression: How images are stored; by default as most of the files are.
    """

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        unknown = sorted(set(options) - {"compression"})
        if unknown:
            raise TypeError(f"no option {', '.join(unknown)}: there is compression")
        files = _files(source)
        common = Counter(file.suffix[1:].lower() for file in files).most_common(1)[0][0]
        return {
            "images": {
                "htype": "image",
                "sample_compression": options.get("compression") or common or "png",
            },
            "labels": {
                "htype": "class_label",
                "class_names": sorted({file.parent.name for file in files}),
            },
        }

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        self.schema(source, **options)
        return map(_row, _files(source))


def _files(source: Any) -> list[Path]:
    """The files, by class and name; those whose names begin with a dot are none."""
    try:
        folder = Path(os.fspath(source))
    except TypeError:
        raise IngestionError(f"the source is the path of a folder, not {source!r}") from None
    if not folder.is_dir():
        raise IngestionError(f"{folder} is no folder")
    files = [
        Path(file)
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)
        if entry.is_dir() and not entry.name.startswith(".")
        for file in sorted(Path(entry).iterdir())
        if file.is_file() and not file.name.startswith(".")
    ]
    if not files:
        raise IngestionError(
            f"{folder} has no files in folders: there is one folder for each class, and files in it"
        )
    return files


def _row(file: Path) -> Mapping[str, Any]:
    from deeplake.dataset.entry import read
    from deeplake.errors import DeepLakeError

    try:
        return {"images": read(file, verify=True), "labels": file.parent.name}
    except (DeepLakeError, OSError) as error:
        raise IngestionError(f"{file} cannot be read: {error}") from error


__all__ = ["Folders"]
