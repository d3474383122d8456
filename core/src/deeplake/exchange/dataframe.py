"""Tables whose columns become tensors: pandas DataFrames, and files of text."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deeplake import plugins
from deeplake.dataset.casting import STORED_KINDS
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.sample import Creds, Sample
from deeplake.errors import IngestionError, InvalidPandasDataframeError, PluginNotFoundError
from deeplake.exchange.filling import Filling, told
from deeplake.exchange.images import common_format, images
from deeplake.exchange.options import Options
from deeplake.exchange.parameters import Params, Tensors, base_of, checked, is_link
from deeplake.exchange.target import Target
from deeplake.exchange.tree import decoded, read_file
from deeplake.spi import Ingestor
from deeplake.types import PathLike

BATCH = 16384
"""Rows of a batch; of files, 256."""

_FORBIDDEN = re.compile(r"[\[\]@.,?!/\\#'\" ]")


def tensor_name(column: object) -> str:
    """The name of a column's tensor: ``_`` for what names of tensors cannot have.

    Example:
        >>> tensor_name("height [m]")
        'height__m_'
    """
    return _FORBIDDEN.sub("_", str(column))


class Dataframe(Ingestor, api=(1, 0)):
    """pandas DataFrames: a tensor for each column; the index is left out.

    Numbers keep their dtype. Strings, dates and anything else of one type become text, lists and arrays
    of numbers arrays, other lists ``list``, dicts ``json``. What is missing is None.

    Options:
        files: Columns whose texts are paths or URLs of image files, separated by commas.
        creds: Credentials of those files.
    """

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        return {name: column.arguments for name, column in _columns(source, options).items()}

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        batches = self.batches(source, **options)
        return (
            dict(zip(batch, row, strict=True))
            for batch in batches
            for row in zip(*batch.values(), strict=True)
        )

    def batches(self, source: Any, **options: Any) -> Iterator[Mapping[str, Sequence[Any]]]:
        columns = _columns(source, options)
        step = 256 if options.get("files") else BATCH
        return (
            {name: column.values(start, start + step) for name, column in columns.items()}
            for start in range(0, len(source), step)
        )


class _Column:
    """One column, and the tensor that holds it."""

    def __init__(self, name: str, series: Any) -> None:
        self.arguments: dict[str, Any]
        self._series = series
        self._texts = False
        dtype = series.dtype
        kind = getattr(dtype, "kind", "O")
        if kind in STORED_KINDS:
            stored = getattr(dtype, "numpy_dtype", None) or getattr(dtype, "type", dtype)
            self.arguments = {"dtype": np.dtype(stored).name}
        elif kind != "O" or series.dtype.name in ("str", "string"):
            self.arguments, self._texts = {"htype": "text"}, kind != "O"
        else:
            self.arguments = self._of_objects(name)

    def _of_objects(self, name: str) -> dict[str, Any]:
        found = self._series[self._series.notna()]
        types = list(dict.fromkeys(map(type, found)))
        if set(types) == {int, float}:
            types = [float]
        if len(types) > 1:
            row = next(i for i, value in enumerate(self._series) if type(value) is types[1])
            raise IngestionError(
                f"column {name!r} has values of several types, {types[0].__name__} and (row {row}) "
                f"{types[1].__name__}: convert them to one"
            )
        kind = types[0] if types else str
        if issubclass(kind, (bool, np.bool_)):
            return {"dtype": "bool"}
        if issubclass(kind, (int, np.integer)):
            return {"dtype": "int64" if kind is int else np.dtype(kind).name}
        if issubclass(kind, (float, np.floating)):
            return {"dtype": "float64" if kind is float else np.dtype(kind).name}
        if issubclass(kind, dict):
            return {"htype": "json"}
        if issubclass(kind, np.ndarray):
            return {}
        if issubclass(kind, (list, tuple)):
            numeric = all(_is_array(value) for value in found)
            return {} if numeric else {"htype": "list"}
        if issubclass(kind, (bytes, bytearray)):
            raise IngestionError(
                f"column {name!r} has bytes: say by column_params what they are of (an htype and a "
                "sample_compression), or leave it out"
            )
        self._texts = not issubclass(kind, str)
        return {"htype": "text"}

    def values(self, start: int, stop: int) -> Any:
        """Some rows: an array where there is one, with nothing missing; else a list with None."""
        part = self._series.iloc[start:stop]
        missing = part.isna().to_numpy()
        dtype = self.arguments.get("dtype")
        if dtype is not None and not missing.any():
            return part.to_numpy(dtype)
        if self._texts:
            part = part.astype(str)
        values = part.tolist()
        if not self.arguments:
            values = [np.asarray(value) if not gone else None
                      for value, gone in zip(values, missing.tolist(), strict=True)]  # fmt: skip
        elif missing.any():
            values = [None if gone else value
                      for value, gone in zip(values, missing.tolist(), strict=True)]  # fmt: skip
        return values


class _Files(_Column):
    """A column of paths, and of values that are samples themselves."""

    def __init__(self, name: str, series: Any, creds: Creds) -> None:
        self._series = series
        self._creds = creds
        paths = [str(value) for value in series if isinstance(value, _PATHS)]
        form = common_format(paths, f"column {name!r}") if paths and images(paths) else None
        self.arguments = {"htype": "image", "sample_compression": form}

    def values(self, start: int, stop: int) -> Any:
        part = self._series.iloc[start:stop]
        return [
            None if gone else self._sample(value)
            for value, gone in zip(part.tolist(), part.isna().tolist(), strict=True)
        ]

    def _sample(self, value: Any) -> Any:
        return Sample(os.fspath(value), creds=self._creds) if isinstance(value, _PATHS) else value


_PATHS = (str, os.PathLike)


def _is_array(value: Any) -> bool:
    try:
        return np.asarray(value).dtype.kind in STORED_KINDS
    except ValueError:  # lists of several lengths
        return False


def _columns(source: Any, given: Mapping[str, Any]) -> dict[str, _Column]:
    options = Options(given, "files", "creds")
    pandas = sys.modules.get("pandas")  # without it, nothing is a DataFrame
    if pandas is None or not isinstance(source, pandas.DataFrame):
        raise InvalidPandasDataframeError(
            f"{source!r:.200} is a {type(source).__name__}, not a pandas DataFrame"
        )
    names = [str(name) for name in source.columns]
    if not names:
        raise IngestionError("the DataFrame has no columns")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise IngestionError(f"the DataFrame has several columns called {twice!r}")
    files = set(options.names("files"))
    if unknown := sorted(files - set(names)):
        raise IngestionError(
            f"the DataFrame has no column {', '.join(map(repr, unknown))}, but {', '.join(names)}"
        )
    return {
        name: _Files(name, source.iloc[:, i], options.get("creds"))
        if name in files
        else _Column(name, source.iloc[:, i])
        for i, name in enumerate(names)
    }


def ingest_dataframe(
    src: Any,
    dest: PathLike | Dataset,
    column_params: Mapping[str, Params] | None = None,
    src_creds: Creds = None,
    dest_creds: Creds = None,
    creds_key: str | None = None,
    progressbar: bool = True,
    token: str | None = None,
    connect_kwargs: Mapping[str, Any] | None = None,
    **dataset_kwargs: Any,
) -> Dataset:
    r"""Make a dataset of a pandas DataFrame: a tensor for each column. The index is left out.

    Numbers keep their dtype. Strings, dates, and objects of any other one type become text; lists and
    arrays of numbers become arrays, other lists ``list``, dicts ``json``. NaN and None become empty
    samples. Names of tensors have ``_`` where columns have a blank or one of ``[]@.,?!/\#'"``. Nothing
    is committed yet.

    Args:
        src: The DataFrame.
        dest: Path or URL of the new dataset; or a dataset that gets the tensors.
        column_params: Arguments of ``create_tensor`` by column, and ``name``. If the htype is that of
            files (``image``, ``video`` …) or of links (``link[image]``), texts are paths or URLs. Files
            are stored byte for byte if they have the tensor's compression, which is, of images, by
            default that of most. One that cannot be read is None, and is named in what is printed.
        src_creds, dest_creds: Credentials of the files, and of the dataset's store.
        creds_key: Name of the credentials of links.
        progressbar: Count rows on stderr.
        token: Accepted for compatibility.
        connect_kwargs: Refused, as ``Dataset.connect`` is.
        **dataset_kwargs: Arguments of ``deeplake.empty``: ``overwrite=True`` and the like.

    Returns:
        The dataset.

    Raises:
        InvalidPandasDataframeError: ``src`` is no DataFrame.
        IngestionError: A column has values of several types, or two tensors would have one name, or a
            column of ``column_params`` is not there.
        DatasetHandlerError: There is a dataset at ``dest``, and ``overwrite`` is not given.
        StorageError: A store failed. Whatever fails, no half of a dataset is left behind.
    """
    given = {
        str(name): dict(checked(f"column_params[{name!r}]", found))
        for name, found in checked("column_params", column_params).items()
    }
    files = [name for name, found in given.items() if _of_files(str(found.get("htype", "")))]
    ingestor = plugins.get("ingest", "dataframe")
    options = {"files": files, "creds": src_creds}
    schema = dict(ingestor.schema(src, **options))
    if unknown := sorted(set(given) - set(schema)):
        raise IngestionError(
            f"column_params: the DataFrame has no column {', '.join(map(repr, unknown))}, but "
            f"{', '.join(schema)}"
        )
    params: dict[str, Params] = {
        name: {"name": tensor_name(name), **given.get(name, {})} for name in schema
    }
    tensors = Tensors(schema, params, creds_key=creds_key)
    target = Target(dest, dest_creds, connect_kwargs, dataset_kwargs)
    with target.open() as ds:
        tensors.create(ds, src_creds)
        filling = Filling(ds, lenient=True)
        batches = map(tensors.columns, ingestor.batches(src, **options))
        filling.extend(batches, total=len(src), progressbar=progressbar)
    if filling.unread:
        print(told(filling.unread))
    return ds


def _of_files(htype: str) -> bool:
    """Whether the samples of an htype are files, or links to them."""
    if is_link(htype):
        return True
    try:
        spec = plugins.get("htype", base_of(htype)).spec()
    except PluginNotFoundError:
        return False
    return bool(spec.media) and spec.name != "generic"


def ingest_table(src: PathLike, target: Target, creds: Creds, *, progressbar: bool) -> Dataset:
    """Make a dataset of a file of values with commas (or tabs) between them (see ``Csv``).

    Raises:
        IngestionError: It cannot be read; the message names file and line.
    """
    ingestor = plugins.get("ingest", "csv")
    with tempfile.TemporaryDirectory() as folder:
        content = read_file(src, creds)
        first = decoded(content, str(src)).partition("\n")[0]
        options = {"delimiter": "\t"} if "\t" in first and "," not in first else {}
        # Of one name with the source, which messages have.
        table = Path(folder, str(src).rstrip("/").rpartition("/")[2])
        table.write_bytes(content)
        try:
            schema = ingestor.schema(table, **options)
            tensors = Tensors(schema, {name: {"name": tensor_name(name)} for name in schema})
            with target.open() as ds:
                tensors.create(ds)
                filling = Filling(ds, lenient=False)
                batches = map(tensors.columns, ingestor.batches(table, **options))
                filling.extend(batches, total=None, progressbar=progressbar)
        except IngestionError as error:
            raise type(error)(str(error).replace(f"{table}", str(src))) from error
    return ds


__all__ = ["Dataframe", "ingest_dataframe", "ingest_table", "tensor_name"]
