"""From row numbers to what the user gets: read, transform, collate, convert."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from deeplake.errors import TransformFailedError
from deeplake.loader.failure import Remains, noted
from deeplake.loader.fetch import Column, Values
from deeplake.loader.function import Function
from deeplake.loader.lot import Lot
from deeplake.loader.memory import WHOLE, Memory, Residency
from deeplake.loader.picture import PictureColumn
from deeplake.loader.sample import IterableOrderedDict
from deeplake.loader.sequences import SequenceColumn
from deeplake.loader.snapshot import Snapshot
from deeplake.loader.spec import INDEX, LoaderSpec
from deeplake.loader.stats import Stats
from deeplake.spi import FrameworkAdapter
from deeplake.transforms import ImageTransform

TASK_BYTES = 2 << 20
"""Batches of plain data are read together up to this size: less is not worth handing over."""

TASK_BATCHES = 64
"""Batches of plain data that are read together, at most."""

TASK_ROWS = 8
"""A task that decodes or transforms has at least so many rows …"""

TASK_PIXELS = 1 << 20
"""… or bytes in memory, of large ones."""

PARTS = 4
"""Tasks that the decoding of one batch is shared out in, at most."""


@dataclass(slots=True)
class Share:
    """Some rows of a batch, read and transformed.

    Attributes:
        lot: The rows.
        columns: Their values by key; empty when they are samples.
        samples: What a transform or ``collate_fn`` gets or made; None when they are columns.
    """

    lot: Lot
    columns: dict[str, Values] = field(default_factory=dict)
    samples: list[Any] | None = None


class Assembly:
    """Makes batches. Any number of threads may use it at once.

    Args:
        columns: The tensors to read, in the order of the batch's keys.
        spec: What was asked for.
        adapter: The framework.
        residency: Told how much is read; None: nobody has to know.

    Attributes:
        columns: The tensors by name.
        keys: Keys of a batch.
        ignores_errors: Rows that fail are left out.
        heavy: There is more to do than to copy.
        stats: Told how long each stage takes.
        in_python: Functions of the user run, which threads take turns with.
        row_bytes: Bytes of a row in memory, about.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        spec: LoaderSpec,
        adapter: FrameworkAdapter,
        residency: Residency | None = None,
    ) -> None:
        self._residency = residency
        self.columns: dict[str, Column | PictureColumn] = {
            column.name: column for column in columns
        }
        self._adapter = adapter
        self._collate_fn = spec.collate_fn
        self._unbatched = spec.unbatched
        self.ignores_errors = spec.on_error != "raise"
        self.stats = Stats()
        transform = spec.transform
        whole = None if transform is None else transform.whole
        self._whole = None if whole is None else Function(whole)
        given = None if transform is None else transform.by_tensor
        self._functions: dict[str, Function] = {}
        for key, function in ({} if given is None else given).items():
            column = self.columns.get(key)
            if isinstance(column, Column) and PictureColumn.fits(column, function):
                self.columns[key] = PictureColumn(column, cast(ImageTransform, function))
            elif function is not None:
                self._functions[key] = Function(function)
        self.keys = tuple(self.columns) if given is None else tuple(given)
        if given is None and spec.return_index:
            self.keys = (*self.keys, INDEX)
        self.heavy = (
            any(column.heavy for column in self.columns.values())
            or self._whole is not None
            or bool(self._functions)
        )
        self.in_python = (
            self._whole is not None
            or self._collate_fn is not None
            or bool(self._functions)
            or any(
                column.rest for column in self.columns.values() if isinstance(column, PictureColumn)
            )
        )
        self.row_bytes = sum(column.row_bytes for column in self.columns.values())

    @property
    def at_hand(self) -> bool:
        """Whether to make a batch is to copy what is in memory already, and nothing else."""
        if self.heavy or self.in_python or self._residency is None or not self._residency.stays:
            return False
        return all(isinstance(one, Column) and one.at_hand for one in self.columns.values())

    # ---- stages
    def read(self, lot: Lot, out: Mapping[str, np.ndarray] | None = None) -> Share:
        """The values of some rows, as they are stored.

        Args:
            lot: The rows.
            out: Arrays to read some of the columns to.
        """
        share = Share(lot)
        for key in self.keys:
            column = self.columns.get(key)
            if column is None:
                share.columns[key] = lot.rows.reshape(-1, 1).copy()
                continue
            try:
                share.columns[key] = column.read(lot, None if out is None else out.get(key))
            except TransformFailedError:
                raise
            except Exception as error:  # noqa: BLE001 - raised again, with a note
                rows = lot.rows.tolist()
                raise noted(error, f"reading tensor {key!r}", rows) from error.__cause__
        self.stats.made("read", share.columns)
        if self._residency is not None:
            self._residency.add(len(lot))
        return share

    def read_batches(self, batches: list[Lot]) -> list[Share]:
        """The values of the rows of several batches, read together."""
        shares = [Share(lot) for lot in batches]
        rows = np.concatenate([lot.rows for lot in batches])
        # Of a whole dataset, positions are rows.
        same = all(lot.positions is lot.rows for lot in batches)
        positions = rows if same else np.concatenate([lot.positions for lot in batches])
        together = Lot(rows, positions, batches[0].dice)
        for key in self.keys:
            column = self.columns.get(key)
            if column is None:
                found: list[Values] = [lot.rows.reshape(-1, 1).copy() for lot in batches]
            else:
                found = column.read_batches(batches, together)
            self.stats.made("read", found)
            for share, values in zip(shares, found, strict=True):
                share.columns[key] = values
        if self._residency is not None:
            self._residency.add(len(together))
        return shares

    def transform(self, share: Share) -> Share:
        """What the transform makes of them."""
        lot = share.lot
        columns = share.columns
        for key, function in self._functions.items():
            columns[key] = function.mapped(columns[key], f"tensor {key!r}", lot)
        if self._whole is None and self._collate_fn is None:
            return share
        samples: list[Any] = [
            IterableOrderedDict(zip(self.keys, values, strict=True))
            for values in zip(*(columns[key] for key in self.keys), strict=True)
        ]
        if self._whole is not None:
            names = ", ".join(map(repr, self.columns))
            samples = self._whole.mapped(samples, f"tensors {names}", lot)
        return Share(lot, samples=samples)

    def join(self, shares: Sequence[Share], whole: Mapping[str, np.ndarray]) -> Share:
        """Several shares as one.

        Args:
            shares: Shares of one batch, in order.
            whole: Arrays that all of them were read to.
        """
        if len(shares) == 1:
            return shares[0]
        lot = Lot(
            np.concatenate([share.lot.rows for share in shares]),
            np.concatenate([share.lot.positions for share in shares]),
            shares[0].lot.dice,
        )
        if shares[0].samples is not None:
            return Share(lot, samples=[s for share in shares for s in share.samples or ()])
        columns: dict[str, Values] = {}
        for key in shares[0].columns:
            parts = [share.columns[key] for share in shares]
            if key in whole:
                columns[key] = whole[key]
            elif all(isinstance(part, np.ndarray) for part in parts) and (
                len({part.shape[1:] for part in parts}) == 1  # type: ignore[union-attr]
            ):
                columns[key] = np.concatenate(parts)
            else:
                columns[key] = [value for part in parts for value in part]
        return Share(lot, columns)

    def finish(self, share: Share) -> list[Any]:
        """What the user gets for the rows of one batch: the batch, or its samples if unbatched."""
        try:
            self.stats.made("collate", share.columns if share.samples is None else share.samples)
            if self._unbatched:
                return self._singles(share)
            if share.samples is not None:
                collate = self._collate_fn or self._adapter.collate
                return [collate(share.samples)]
            return [self._adapter.convert(self._batch(share.columns))]
        except Exception as error:  # noqa: BLE001 - raised again, with a note
            raise noted(error, "collating", share.lot.rows.tolist()) from error.__cause__

    def _batch(self, columns: Mapping[str, Values]) -> IterableOrderedDict:
        """The columns in the order of their keys; lists whose shapes agree are arrays."""
        batch = IterableOrderedDict()
        for key in self.keys:
            values = columns[key]
            batch[key] = _stacked(values) if type(values) is list else values
        return batch

    def _singles(self, share: Share) -> list[Any]:
        if share.samples is not None:
            if self._collate_fn is not None:
                return [self._collate_fn(sample) for sample in share.samples]
            return [
                self._adapter.convert(sample) if isinstance(sample, Mapping) else sample
                for sample in share.samples
            ]
        columns = [share.columns[key] for key in self.keys]
        return [
            self._adapter.convert(IterableOrderedDict(zip(self.keys, values, strict=True)))
            for values in zip(*columns, strict=True)
        ]

    # ---- together
    def share(self, lot: Lot, out: Mapping[str, np.ndarray] | None = None) -> Share:
        """Rows read and transformed."""
        with self.stats.timed("read"):
            share = self.read(lot, out)
        return self._transformed(share)

    def _transformed(self, share: Share) -> Share:
        if not self.in_python:
            return share
        with self.stats.timed("transform"):
            share = self.transform(share)
        self.stats.made("transform", share.columns if share.samples is None else share.samples)
        return share

    def finished(self, share: Share) -> list[Any]:
        """What the user gets for rows that were read and transformed, timed."""
        with self.stats.timed("collate"):
            return self.finish(share)

    def finished_batches(self, shares: Sequence[Share]) -> list[list[Any]]:
        """What the user gets for several batches that were read together, and need no Python.

        Counted together: of small rows, counting each batch would take as long as making it.
        """
        with self.stats.timed("collate"):
            self.stats.made("collate", [v for share in shares for v in share.columns.values()])
            if self._unbatched:
                return [self._singles(share) for share in shares]
            return [[self._adapter.convert(self._batch(share.columns))] for share in shares]

    def batch(self, lot: Lot, read: Share | None = None) -> list[Any]:
        """What the user gets for the rows of one batch.

        Args:
            lot: The rows.
            read: The rows as they were read, where they were.
        """
        try:
            return self.finished(self.share(lot) if read is None else self._transformed(read))
        except Exception:
            if not self.ignores_errors:
                raise
            return self.survivors(lot)

    def survivors(self, lot: Lot) -> list[Any]:
        """What can be made of the rows of a batch when those that fail are left out."""
        shares = []
        errors = []
        for i in range(len(lot)):
            try:
                shares.append(self.share(lot.part(i, i + 1)))
            except Exception as error:  # noqa: BLE001 - whatever a row raises
                errors.append((int(lot.rows[i]), error))
        return Remains(self.finish(self.join(shares, {})) if shares else [], errors)

    def fields(self, lot: Lot) -> dict[str, tuple[str, tuple[int | None, ...], str]]:
        """What a sample is made of; see ``DeepLakeDataLoader.fields``.

        Args:
            lot: One row, by which types are found out.
        """
        share = self.share(lot)
        if share.samples is not None:
            sample = share.samples[0]
            if not isinstance(sample, Mapping):
                raise TypeError(f"the transform makes {type(sample).__name__} of a sample, no dict")
            values = dict(sample.items())
        else:
            values = {key: share.columns[key][0] for key in self.keys}
        whole = share.samples is not None
        return {
            key: _field(value, None if whole or key in self._functions else self.columns.get(key))
            for key, value in values.items()
        }

    # ---- cutting the work
    def granularity(
        self, rows_a_batch: int, threads: int, task_bytes: int = TASK_BYTES
    ) -> tuple[int, int]:
        """Batches a unit, and tasks a unit: several of the one, or several of the other.

        Args:
            rows_a_batch: Rows of a batch, normally.
            threads: Threads that will work.
            task_bytes: Batches of plain data are read together up to this size.
        """
        size = max(1, self.row_bytes) * rows_a_batch
        if not self.heavy:
            return max(1, min(task_bytes // size, TASK_BATCHES)), 1
        least = max(1, min(TASK_ROWS, TASK_PIXELS // max(1, self.row_bytes)))
        if rows_a_batch <= least:
            return max(1, min(least // rows_a_batch, 4 * TASK_BYTES // size)), 1
        return 1, min(PARTS, rows_a_batch // least, 2 * threads) or 1

    @property
    def uniform(self) -> Iterable[Column | PictureColumn]:
        """Columns that are read straight into the array of a batch, and stay there."""
        if self._whole is not None or self._collate_fn is not None or self._unbatched:
            return ()
        return (
            column
            for column in self.columns.values()
            if column.uniform is not None and column.name not in self._functions
        )


def assembled(
    snapshot: Snapshot,
    spec: LoaderSpec,
    names: Sequence[str],
    adapter: FrameworkAdapter,
    rows: int = 0,
) -> Assembly:
    """What makes the batches of a loader.

    Args:
        snapshot: The dataset.
        spec: What was asked for.
        names: Tensors to load.
        adapter: The framework.
        rows: Rows of an epoch; 0: others make batches of the same epoch, too.
    """
    sources = [snapshot.sources[name] for name in names]
    residency = snapshot.residency(sources)
    stays = residency is not None and residency.stays
    if spec.shuffle and not stays:
        sources = [snapshot.scattered(name) for name in names]
        residency = snapshot.residency(sources)
    # Small tensors that are shuffled, unless few of their rows are wanted, stay in memory.
    many = 4 * rows >= max((len(source.reader) for source in sources), default=0) > 0
    memory = Memory(WHOLE if spec.shuffle and many else 0, stays=stays)
    columns = [
        (SequenceColumn if source.schema.is_sequence else Column)(
            source,
            spec.decode_method.get(source.name, "numpy"),
            snapshot.steps,
            adapter.widen,
            memory,
            mapped=snapshot.mapped,
        )
        for source in sources
    ]
    return Assembly(columns, spec, adapter, residency)


def _field(
    value: Any, column: Column | PictureColumn | None
) -> tuple[str, tuple[int | None, ...], str]:
    if isinstance(value, bytes):
        return "bytes", (), "bytes"
    if isinstance(value, str):
        return "text", (), "str"
    if isinstance(value, (bool, int, float, complex)):
        value = np.asarray(value)
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        return type(value).__name__, (), "object"
    array = np.asarray(value)
    if array.dtype.kind == "U" and array.size == 1:
        return "text", (), "str"
    if array.dtype.kind not in "biufc":
        return "object", (), "object"
    if column is not None and column.shape is not None:
        return "array", column.shape, array.dtype.name
    if column is None and array.shape == (1,):
        return "array", (1,), array.dtype.name  # a row number
    return "array", (None,) * array.ndim, array.dtype.name


def _stacked(values: list[Any]) -> Values:
    """Arrays of numbers that agree in shape and dtype as one array; anything else as it is."""
    first = values[0] if values else None
    if not isinstance(first, np.ndarray) or first.dtype.kind not in "biufc":
        return values
    for value in values:
        if not isinstance(value, np.ndarray) or value.shape != first.shape:
            return values
        if value.dtype != first.dtype:
            return values
    return np.stack(values)


__all__ = ["Assembly", "Share", "assembled"]
