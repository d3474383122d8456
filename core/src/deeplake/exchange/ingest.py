"""Making a dataset of data in another format, which a plugin reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from deeplake import plugins
from deeplake.dataset.dataset import Dataset
from deeplake.errors import IngestionError
from deeplake.exchange.filling import Filling
from deeplake.exchange.parameters import Tensors
from deeplake.exchange.target import Target

if TYPE_CHECKING:
    from deeplake.types import PathLike


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
    batches = _checked(ingestor.batches(source, **chosen), list(schema), source)
    first = list(islice(batches, 1))  # before anything is made
    tensors = Tensors(schema)
    with Target(dest).open() as ds:
        tensors.create(ds)
        filling = Filling(ds, lenient=False)
        filling.extend(
            map(tensors.columns, chain(first, batches)), total=None, progressbar=progressbar
        )
        ds.commit(f"ingest {format} from {source!s:.200}")
    return ds


def _checked(
    batches: Iterator[Mapping[str, Sequence[Any]]], names: list[str], source: Any
) -> Iterator[Mapping[str, Sequence[Any]]]:
    """The batches, once it is sure that each has the names of the schema."""
    known = set(names)
    done = 0
    for batch in batches:
        if set(batch) != known:
            wrong = sorted(map(str, known ^ set(batch)))
            raise IngestionError(
                f"{source}: row {done} has other names than the schema, which differs in {wrong}"
            )
        yield {name: batch[name] for name in names}
        done += max(map(len, batch.values()), default=0)


__all__ = ["ingest"]
