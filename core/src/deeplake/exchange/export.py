"""Writing a dataset as files that need no deeplake: files of their own formats, and a table of rows."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from deeplake import plugins
from deeplake.dataset.progress import progress
from deeplake.errors import DeepLakeError, IngestionError, PluginNotFoundError
from deeplake.spi import SampleCodec

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.dataset.tensor import Tensor

Form: TypeAlias = Literal["file", "picture", "array", "value", "link"]

BATCH = 64
"""Rows that are read at a time."""
INLINE = 64
"""Numbers of an array that stand in the table at most; larger ones are files."""
FORMAT = "deeplake-export"
VERSION = 1
DESCRIPTION = "dataset.json"

_TABLES = {"jsonl": "rows.jsonl", "csv": "rows.csv"}
_PICTURES = ("bool", "uint8", "uint16")


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        folder: Where.
        rows: How many rows.
        files: How many files, without the table and its description.
        nbytes: Bytes of all of them.
    """

    folder: str
    rows: int
    files: int
    nbytes: int


def export(
    dataset: Dataset,
    folder: str | os.PathLike[str],
    *,
    table: str = "jsonl",
    num_workers: int = 4,
    progressbar: bool = False,
) -> Exported:
    """Write the rows of a dataset or view into a folder.

    There are ``rows.jsonl`` (or ``rows.csv``) with one line for each row, a folder of files for each
    tensor whose samples are files (as they are stored: nothing is encoded again), pictures (PNG) or
    larger arrays (``.npy``), and ``dataset.json``, which says what each column is. ``deeplake ingest
    export`` makes a dataset of it.

    Args:
        dataset: A dataset, a view, or some of its tensors.
        folder: A folder that is empty or not there. It appears when it is complete.
        table: ``"jsonl"`` or ``"csv"``.
        num_workers: Threads that read and write.
        progressbar: Count rows on stderr.

    Raises:
        IngestionError: There is something in the folder, or it cannot be written.
        ValueError: There is no such kind of table.
    """
    if table not in _TABLES:
        raise ValueError(f"a table is {' or '.join(_TABLES)}, not {table!r}")
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise IngestionError(f"{target} is there already: export to a folder that is empty or new")
    partial_folder = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(partial_folder, ignore_errors=True)
        partial_folder.mkdir(parents=True)
        count = _write(dataset, partial_folder, table, num_workers, progressbar=progressbar)
        if target.exists():
            target.rmdir()
        partial_folder.rename(target)
    except OSError as error:
        if isinstance(error, DeepLakeError):
            raise
        raise IngestionError(f"{target} cannot be written: {error}") from error
    finally:
        shutil.rmtree(partial_folder, ignore_errors=True)
    written = [file for file in target.rglob("*") if file.is_file()]
    nbytes = sum(file.stat().st_size for file in written)
    return Exported(str(target), count, len(written) - 2, nbytes)


def _write(ds: Dataset, folder: Path, table: str, workers: int, *, progressbar: bool) -> int:
    tensors = dict(ds.tensors)
    columns = {name: _Column(name, tensor) for name, tensor in tensors.items()}
    count = max(map(len, tensors.values()), default=0)
    description = {
        "format": FORMAT, "version": VERSION, "source": ds.path, "commit": ds.commit_id,
        "length": count, "table": _TABLES[table],
        "tensors": {name: column.description() for name, column in columns.items()},
    }  # fmt: skip
    for column in columns.values():
        if column.form in ("file", "picture", "array"):
            (folder / column.folder).mkdir(parents=True, exist_ok=True)
    starts = range(0, count, BATCH)
    batches = plugins.get("executor", "threaded").run(
        partial(_batch, folder, columns, count), starts, num_workers=workers
    )
    shown = progress(
        (row for batch in batches for row in batch),
        shown=progressbar, title="export", unit="row", total=count,
    )  # fmt: skip
    with (folder / _TABLES[table]).open("w", encoding="utf-8", newline="") as file:
        (_as_csv if table == "csv" else _as_lines)(file, shown, list(columns))
    text = json.dumps(description, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
    return count


def _batch(
    folder: Path, columns: Mapping[str, _Column], count: int, start: int
) -> list[dict[str, Any]]:
    stop = min(start + BATCH, count)
    values = {name: column.values(folder, start, stop) for name, column in columns.items()}
    return [{name: values[name][i] for name in columns} for i in range(stop - start)]


def _as_lines(file: Any, rows: Iterator[dict[str, Any]], names: list[str]) -> None:
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def _as_csv(file: Any, rows: Iterator[dict[str, Any]], names: list[str]) -> None:
    writer = csv.writer(file)
    writer.writerow(names)
    for row in rows:
        writer.writerow(_cell(row[name]) for name in names)


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, (list, dict, bool)):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    return value


class _Column:
    """How one tensor is written."""

    def __init__(self, name: str, tensor: Tensor) -> None:
        self.name = name
        self.tensor = tensor
        self.folder = "/".join(_file_name(part) for part in name.split("/"))
        self.spec = plugins.get("htype", tensor.base_htype or "generic").spec()
        upper = tensor.shape_interval.upper[1 + tensor.is_sequence :]
        self.scalar = self.spec.payload == "array" and upper == (1,)
        self.dtype = None if tensor.dtype is None else np.dtype(tensor.dtype).name
        self.extension, self.form = self._chosen(math.prod(n or 0 for n in upper))

    def _chosen(self, size: int) -> tuple[str, Form]:
        tensor = self.tensor
        if tensor.is_link:
            return "", "link"
        if tensor.sample_compression is not None:
            codec = plugins.get("codec", tensor.sample_compression)
            if isinstance(codec, SampleCodec):
                return tensor.sample_compression, "file"
        if self.spec.payload != "array":
            return "", "value"
        if "image" in self.spec.media and self.spec.name != "generic":
            if self.dtype in _PICTURES and _png() is not None:
                return "png", "picture"
            return "npy", "array"
        loose = self.spec.name not in ("generic", "embedding", "audio", "video")
        plain = np.dtype(self.dtype or "float64").kind in "biuf"
        if plain and (size <= INLINE or (loose and not self.spec.media)):
            return "", "value"
        return "npy", "array"

    def description(self) -> dict[str, Any]:
        """What the column is, with everything that is needed to make the tensor again."""
        tensor = self.tensor
        info = {key: tensor.info[key] for key in self.spec.info if tensor.info.get(key) is not None}
        return {
            "form": self.form, "htype": tensor.htype, "dtype": self.dtype,
            "sample_compression": tensor.sample_compression,
            "chunk_compression": tensor.chunk_compression, "info": _plain(info),
        }  # fmt: skip

    def values(self, folder: Path, start: int, stop: int) -> list[Any]:
        """What stands in the table for some rows, after their files were written."""
        there = max(start, min(stop, len(self.tensor)))
        found: list[Any] = []
        if there > start:
            match self.form:
                case "value":
                    data = self.tensor[start:there].data()
                    found = [self._shown(v) for v in data.get("text", data.get("value"))]
                case "link":
                    rows = self.tensor[start:there].path(aslist=True)
                    found = [self._link(row) for row in rows]
                case _:
                    found = [self._files(folder, i) for i in range(start, there)]
        return found + [None] * (stop - there)

    def _shown(self, value: Any) -> Any:
        if not self.scalar:
            return _plain(value)
        if self.tensor.is_sequence:
            return [_single(item) for item in value]
        return _single(value)

    def _link(self, row: Any) -> Any:
        paths = [str(path) for path in np.asarray(row).ravel()]
        if self.tensor.is_sequence or len(paths) > 1:
            return paths
        return paths[0] or None if paths else None

    def _files(self, folder: Path, row: int) -> Any:
        if not self.tensor.is_sequence:
            return self._file(folder, self.tensor[row], f"{row:08d}")
        items = self.tensor[row].shape[0] or 0
        return [self._file(folder, self.tensor[row, k], f"{row:08d}-{k:04d}") for k in range(items)]

    def _file(self, folder: Path, sample: Tensor, stem: str) -> str | None:
        if 0 in sample.shape or not sample.shape:
            return None
        extension, data = self.extension, b""
        if self.form == "file":
            data = sample.tobytes()
        elif self.form == "picture":
            try:
                data = cast(SampleCodec, _png()).encode(np.ascontiguousarray(sample.numpy()))
            except DeepLakeError:  # more channels than pictures have
                extension = "npy"
        else:
            extension = "npy"
        name = f"{self.folder}/{stem}.{extension}"
        if extension == "npy":
            np.save(folder / name, sample.numpy(), allow_pickle=False)
        else:
            (folder / name).write_bytes(data)
        return name


def _png() -> SampleCodec | None:
    try:
        return cast(SampleCodec, plugins.get("codec", "png"))
    except PluginNotFoundError:
        return None


def _single(value: Any) -> Any:
    """A sample of at most one value, without brackets around it."""
    plain = _plain(value)
    if isinstance(plain, list):
        return plain[0] if len(plain) == 1 else plain or None
    return plain


def _plain(value: Any) -> Any:
    """The value as JSON has it; numbers that it has not are text."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(part) for part in value]
    return value


def _file_name(name: str) -> str:
    """A name that every file system takes."""
    safe = "".join(c if c.isalnum() or c in "-_. " else "_" for c in name).strip(". ")
    return safe or "_"


__all__ = ["DESCRIPTION", "FORMAT", "VERSION", "Exported", "export"]
