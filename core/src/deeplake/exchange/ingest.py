"""Making a dataset of data in another format, which a plugin reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from deeplake import plugins
from deeplake.dataset import entry
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.progress import progress
from deeplake.errors import DatasetHandlerError, DeepLakeError, IngestionError

if TYPE_CHECKING:
    from deeplake.types import PathLike

BATCH = 256
"""Rows that are appended at a time."""


def ingest(
    source: Any,
    dest: PathLike,
    *,
    format: str,
    options: Mapping[str, Any] | None = None,
    progressbar: bool = False,
) -> Dataset:
    """Make a dataset of data in another format, and commit it.

    A source that cannot be read leaves nothing behind at ``dest``. Columns that are called as an
    attribute of datasets (``info``) become tensors with a ``_`` behind the name (``info_``).

    Args:
        source: What the format's plugin reads: mostly a path.
        dest: Path or URL of the dataset, which must not exist.
        format: Key of an ingest plugin: ``csv``, ``jsonl``, ``folders`` …
        options: What the plugin takes besides.
        progressbar: Count rows on stderr.

    Raises:
        PluginNotFoundError: No plugin reads the format.
        IngestionError: The source cannot be read, or its rows do not fit its own schema; the message
            names the row.
        DatasetHandlerError: There is a dataset at ``dest``.
        TypeError: An option that the plugin does not take.
    """
    ingestor = plugins.get("ingest", format)
    chosen = dict(options or {})
    schema = ingestor.schema(source, **chosen)
    if not schema:
        raise IngestionError(f"{source}: the format {format!r} finds no tensors in it")
    rows = _checked(ingestor.rows(source, **chosen), list(schema), source)
    first = list(islice(rows, BATCH))  # before anything is made
    tensors = {name: _possible(name) for name in schema}
    if entry.exists(dest):
        raise DatasetHandlerError(
            f"there is a dataset at {dest} already: delete it first, or choose another path"
        )
    ds = entry.empty(dest, verbose=False)
    try:
        for name, arguments in schema.items():
            ds.create_tensor(tensors[name], **arguments)
        _fill(ds, tensors, first, rows, progressbar=progressbar)
        ds.commit(f"ingest {format} from {source}")
    except BaseException:
        entry.delete(dest, force=True, large_ok=True)
        raise
    return ds


def _possible(name: str) -> str:
    """The name, with a ``_`` behind it where ``ds.name`` would mean something else."""
    return f"{name}_" if name in Dataset._RESERVED else name


def _fill(
    ds: Dataset,
    tensors: Mapping[str, str],
    batch: list[Mapping[str, Any]],
    rows: Iterator[Mapping[str, Any]],
    *,
    progressbar: bool,
) -> None:
    done = 0

    def batches() -> Iterator[list[Mapping[str, Any]]]:
        more = batch
        while more:
            yield more
            more = list(islice(rows, BATCH))

    with ds:
        for part in progress(
            batches(), shown=progressbar, title="ingest", unit="batch", total=None
        ):
            try:
                ds.extend({tensors[name]: [row[name] for row in part] for name in part[0]})
            except DeepLakeError as error:
                raise IngestionError(f"rows {done} to {done + len(part) - 1}: {error}") from error
            done += len(part)


def _checked(
    rows: Iterator[Mapping[str, Any]], names: list[str], source: Any
) -> Iterator[Mapping[str, Any]]:
    """The rows, once it is sure that each has the names of the schema."""
    known = set(names)
    for number, row in enumerate(rows):
        if set(row) != known:
            wrong = sorted(map(str, known ^ set(row)))
            raise IngestionError(
                f"{source}: row {number} has other names than the schema, which differs in {wrong}"
            )
        yield {name: row[name] for name in names}


__all__ = ["BATCH", "ingest"]
