"""Reading what ``deeplake export`` wrote."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deeplake.errors import DeepLakeError, IngestionError
from deeplake.exchange.export import DESCRIPTION, FORMAT, VERSION
from deeplake.spi import Ingestor

_FLOATS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


class ExportedFolder(Ingestor, api=(1, 0)):
    """A folder that ``deeplake export`` wrote, changed by hand or not."""

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        return {
            name: {
                key: value
                for key, value in {
                    "htype": column["htype"], "dtype": _dtype(column),
                    "sample_compression": column["sample_compression"],
                    "chunk_compression": column["chunk_compression"], **column["info"],
                }.items()
                if value is not None or key == "sample_compression"
            }
            for name, column in _description(source, options)[1]["tensors"].items()
        }  # fmt: skip

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        folder, description = _description(source, options)
        return _rows(folder, description)


def _dtype(column: Mapping[str, Any]) -> str | None:
    known = column["form"] in ("value", "array") and column["dtype"] not in ("str", "object")
    return column["dtype"] if known else None


def _description(source: Any, options: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
    if options:
        raise TypeError(f"no option {', '.join(options)}: there are none")
    try:
        folder = Path(os.fspath(source))
        found = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if found["format"] != FORMAT or not isinstance(found["tensors"], dict):
            raise ValueError("it describes something else")
        if found["version"] > VERSION:
            raise IngestionError(f"{folder} was written by a later version of deeplake: upgrade it")
    except (OSError, TypeError, ValueError, KeyError) as error:
        raise IngestionError(
            f"{source} is no folder of an export: {DESCRIPTION}: {error}"
        ) from error
    return folder, found


def _rows(folder: Path, description: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    table = folder / Path(description["table"]).name
    tensors, number = description["tensors"], 0
    try:
        with table.open(encoding="utf-8", newline="") as file:
            records = _of_csv(file, tensors) if table.suffix == ".csv" else map(json.loads, file)
            for record in records:
                yield {
                    name: _value(folder, record[name], column) for name, column in tensors.items()
                }
                number += 1
    except (DeepLakeError, OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        what = (
            str(error) if isinstance(error, DeepLakeError) else f"{type(error).__name__}: {error}"
        )
        raise IngestionError(f"{table}, row {number}: {what}") from error


def _of_csv(file: Any, tensors: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for record in csv.DictReader(file, strict=True):
        yield {name: _of_cell(record[name], tensors[name]) for name in tensors}


def _of_cell(cell: str, column: Mapping[str, Any]) -> Any:
    if column["htype"] in ("text", "link[text]"):
        return cell
    if cell == "":
        return None
    if (column["form"] == "value" and column["htype"] != "json") or cell[:1] in '[{"':
        try:
            return json.loads(cell)
        except ValueError:
            return cell
    return json.loads(cell) if column["htype"] == "json" else cell


def _value(folder: Path, value: Any, column: Mapping[str, Any]) -> Any:
    if value is None:
        return None
    if column["form"] in ("file", "picture", "array"):
        if isinstance(value, list):
            return [_file(folder, name) for name in value]
        return _file(folder, value)
    if column["form"] == "link":
        from deeplake.dataset.entry import link

        return [link(path) for path in value] if isinstance(value, list) else link(value)
    if column["dtype"] and column["dtype"].startswith("float"):
        return _numbers(value)
    return value


def _file(folder: Path, name: str | None) -> Any:
    if name is None:
        return None
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise IngestionError(f"{name!r} is a file outside of the folder")
    if file.suffix == ".npy":
        return np.load(file, allow_pickle=False)
    from deeplake.dataset.entry import read

    return read(file)


def _numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_numbers(part) for part in value]
    return _FLOATS[value] if isinstance(value, str) else value


__all__ = ["ExportedFolder"]
