"""The tensors and rows of a dataset at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset.columns import StoredColumn, StoredColumns
from deeplake.dataset.reader import TensorReader
from deeplake.dataset.selection import Selection
from deeplake.errors import EmptyTensorError, TensorDoesNotExistError
from deeplake.loader.memory import LARGE, Residency
from deeplake.types import TensorSchema
from deeplake.versioning.ahead import Ahead

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Source:
    """One tensor as it was when the loader was made.

    Attributes:
        name: Name, as it is written below the dataset or group that is loaded.
        reader: Reads its samples.
        info: Its info.
    """

    name: str
    reader: TensorReader
    info: Mapping[str, Any]

    @property
    def schema(self) -> TensorSchema:
        """The tensor's schema."""
        return self.reader.schema


class Snapshot:
    """The tensors and rows of a dataset or view at one moment.

    Later changes of the dataset do not reach it: stored chunks never change.

    Attributes:
        path: Path of the dataset, for messages.
        version: Id of the stored state; None while the dataset has changes that are not flushed.
        portable: Other processes can read it.
        mapped: Rows are read from memory maps: any is as cheap as its neighbour.
        ahead: What rows are read through where they are not; else None.
        sources: All tensors by name, hidden ones included.
        visible: Names of those that are loaded by default.
    """

    __slots__ = (
        "_selection",
        "ahead",
        "mapped",
        "path",
        "portable",
        "sources",
        "version",
        "visible",
    )

    def __init__(self, dataset: Dataset) -> None:
        dataset._check_valid()
        checkout = dataset._checkout
        session = checkout.session
        self.path = dataset.path
        self.version = None if session.changed else session.base.id
        capabilities = session.repository.store.capabilities
        self.portable = self.version is not None and capabilities.persistent
        self.mapped = session.repository.store.capabilities.mapping
        self.ahead = None if self.mapped else Ahead(session.blocks)
        self.visible = tuple(dataset._visible())
        self._selection: Selection = dataset.index
        prefix = f"{dataset.group_index}/" if dataset.group_index else ""
        self.sources: dict[str, Source] = {}
        for full, draft in session.by_name.items():
            if full.startswith(prefix) and (dataset._names is None or full in dataset._names):
                # Rows that are in no chunk yet get one: what a session shows of them meanwhile is
                # gone with its next change.
                with session.lock:
                    draft.sealed()
                name = full[len(prefix) :]
                reader = checkout.reader(draft)
                if self.ahead is not None:
                    reader = reader.through(self.ahead)
                self.sources[name] = Source(name, reader, draft.info)

    def scattered(self, name: str) -> Source:
        """The source of a tensor whose rows are read in random order, and do not stay in memory.

        Files of samples are read then, not mapped: mapping pages for each, and giving them back, takes
        longer than copying it.
        """
        source = self.sources[name]
        reader, schema = source.reader, source.schema
        apart = self.mapped and self.portable and schema.sample_compression and not schema.is_link
        if not apart or bytes_per_row(reader) < LARGE:
            return source
        return Source(name, reader.through(reader.blocks.unmapped()), source.info)

    @property
    def steps(self) -> Selection:
        """Subscripts into each sample, if the view has any."""
        return Selection(None, self._selection.steps)

    def traffic(self) -> dict[str, int]:
        """What was read from far away until now; see ``Ahead.traffic``."""
        return {} if self.ahead is None else self.ahead.traffic()

    def columns(self, rows: range | np.ndarray) -> StoredColumns:
        """These rows as a query sees them."""
        sources = self.sources.items()
        columns = {name: StoredColumn(source.reader, source.info) for name, source in sources}
        return StoredColumns(columns, self.visible, rows, self.steps)

    def check_names(self, names: Iterable[str]) -> None:
        """Raise ``TensorDoesNotExistError`` for a name that is no tensor."""
        for name in names:
            if name not in self.sources:
                raise TensorDoesNotExistError(
                    f"tensor {name!r} does not exist in {self.path}; there are "
                    f"{', '.join(map(repr, self.visible)) or 'none'}"
                )

    def rows(self, names: Iterable[str], *, pad: bool = False) -> range | np.ndarray:
        """The row numbers to load.

        Args:
            names: The tensors that are loaded; none of them: the rows that all have.
            pad: As many as the longest of them has, not the shortest.
        """
        names = tuple(names) or self.visible
        lengths = [len(self.sources[name].reader) for name in names]
        length = max(lengths, default=0) if pad else min(lengths, default=0)
        rows = self._selection.rows(length)
        return range(rows, rows + 1) if isinstance(rows, int) else rows

    def check_not_empty(self, names: Iterable[str]) -> None:
        """Raise ``EmptyTensorError`` for a tensor without a value."""
        for name in names:
            source = self.sources[name]
            unknown = source.schema.dtype is None and not source.reader.looks
            if len(source.reader) == 0 or unknown:
                raise EmptyTensorError(
                    f"a loader of {self.path} can't be created: tensor {name!r} holds no sample "
                    "that has a value; leave it out with tensors=[…], or append to it"
                )

    def row_bytes(self, names: Iterable[str]) -> int:
        """Stored bytes a row, about: of the largest of some tensors."""
        return max((bytes_per_row(self.sources[name].reader) for name in names), default=0)

    def residency(self, sources: Iterable[Source]) -> Residency | None:
        """What keeps few pages of their maps resident; None where there are no maps."""
        readers = [source.reader for source in sources if source.reader.blocks.mapping]
        if not self.mapped or not readers:
            return None
        return Residency(readers, sum(map(bytes_per_row, readers)))


def bytes_per_row(reader: TensorReader) -> int:
    """Stored bytes a row, about."""
    pieces = reader.table.pieces()
    if len(pieces) == 0:
        return 0
    keys = np.stack([*pieces["object"].T, pieces["offset"]], axis=1)
    _, first = np.unique(keys, axis=0, return_index=True)
    return -(-int(pieces["length"][first].sum()) // len(reader))


__all__ = ["Snapshot", "Source", "bytes_per_row"]
