"""Tables whose columns become tensors: files of text, and pandas DataFrames."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from deeplake import plugins
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.sample import Creds
from deeplake.errors import IngestionError
from deeplake.exchange.filling import Filling
from deeplake.exchange.parameters import Tensors
from deeplake.exchange.target import Target
from deeplake.exchange.tree import decoded, read_file
from deeplake.types import PathLike

_FORBIDDEN = re.compile(r"[\[\]@.,?!/\\#'\" ]")


def tensor_name(column: object) -> str:
    """The name of a column's tensor: ``_`` for what names of tensors cannot have.

    Example:
        >>> tensor_name("height [m]")
        'height__m_'
    """
    return _FORBIDDEN.sub("_", str(column))


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


__all__ = ["ingest_table", "tensor_name"]
