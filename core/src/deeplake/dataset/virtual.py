"""Views whose columns a query made: stored chunks where it only chose rows, computed ones beside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset import structure
from deeplake.dataset.checkout import Checkout, new_tensor_id
from deeplake.dataset.columns import StoredColumns, samples
from deeplake.dataset.lender import Lender
from deeplake.dataset.selection import Selection
from deeplake.dataset.tensor import Tensor, many
from deeplake.errors import DeepLakeError, InvalidTensorNameError, QueryError, SchemaError
from deeplake.spi import QueryResult, ResultColumn, Taken
from deeplake.versioning.draft import Draft
from deeplake.versioning.scratch import Scratch

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

BLOCK = 1 << 14
"""Rows that are computed and written at a time."""
COPIED = 256
"""Samples of stored tensors that are copied at a time, where chunks cannot be shared."""

_LISTS = frozenset(("tag", "list"))
"""Htypes whose samples are lists."""


def virtual(result: QueryResult, dataset: Dataset) -> Dataset:
    """A read-only dataset of the columns that a query made.

    Args:
        result: The columns.
        dataset: The dataset that the view is one of.
    """
    from deeplake.dataset.dataset import Dataset as Kind

    assert result.columns is not None
    source = dataset._checkout
    session = Scratch(source.session)
    checkout = checkout_of(session, source.path, _origin(source), source.saves, source.lender)
    checkout.read_only = checkout.virtual = False
    whole = Kind(checkout, verbose=dataset.verbose)
    for name, column in result.columns.items():
        try:
            _add(whole, name, column, source, result.length)
        except QueryError:
            raise
        except (InvalidTensorNameError, SchemaError) as error:
            raise QueryError(f"a column cannot be called {name!r}: {error}") from error
        except DeepLakeError as error:
            raise QueryError(
                f"column {name!r} has values that no tensor can hold: {error}"
            ) from error
    session.finish()
    checkout.read_only = checkout.virtual = True
    view: Dataset = Kind(checkout, verbose=dataset.verbose)
    return view


def checkout_of(
    session: Scratch, path: str, origin: str | None, saves: bool, lender: Lender
) -> Checkout:
    """What a view of computed columns and its views share."""
    checkout = Checkout(path, session, read_only=True, origin=origin, saves=saves, lender=lender)
    checkout.virtual = True
    return checkout


def _origin(source: Checkout) -> str | None:
    """The commit that the view is about, if what it shows is committed."""
    if source.origin is not None:
        return source.origin
    return None if source.session.has_changes else source.session.base.id


def _add(dataset: Dataset, name: str, column: ResultColumn, source: Checkout, length: int) -> None:
    shared = _shared(column.taken, source) if column.counts is None else None
    if shared is not None:
        _share(dataset, name, shared, column)
        return
    tensor = _created(dataset, name, column)
    if column.taken is not None and isinstance(column.taken.source, StoredColumns):
        rows: Iterator[Any] = _copied(column.taken, column.taken.source)
    else:
        rows = _computed(column, length)
    if column.counts is not None:
        rows = _bundled(rows, column.counts)
    for block in rows:
        if len(block):
            dataset._checkout.extend(tensor._draft, block)


def _shared(taken: Taken | None, source: Checkout) -> Draft | None:
    """The stored tensor whose chunks can be used as they are."""
    if taken is None or not isinstance(taken.source, StoredColumns):
        return None
    origin = taken.source.origin
    if (
        origin is None or origin._checkout is not source or source.session.changed
        or taken.source.steps.steps
    ):  # fmt: skip
        return None
    draft = source.session.by_name.get(structure.full_name(origin, taken.name))
    if draft is None or (len(taken.rows) and int(taken.rows.min()) < 0):
        return None
    if len(taken.rows) and int(taken.rows.max()) >= draft.length:
        return None
    return draft


def _share(dataset: Dataset, name: str, draft: Draft, column: ResultColumn) -> None:
    assert column.taken is not None
    session = dataset._checkout.session
    rows = column.taken.rows
    table = draft.sealed()
    if len(rows) != table.rows or not np.array_equal(rows, np.arange(table.rows)):
        table = table.gather(rows)
    full = structure.new_name(dataset, name)
    schema = replace(draft.schema, id=new_tensor_id(), name=full, hidden=False)
    shared = Draft(schema, draft.info, table, session._staging, session.blocks)
    session.tensors[schema.id] = shared
    session._index()


def _created(dataset: Dataset, name: str, column: ResultColumn) -> Tensor:
    schema = column.schema
    stored = column.taken
    of = schema if stored is None else stored.source.schema[stored.name]
    if column.counts is not None and (of.htype in _LISTS or (stored and of.is_sequence)):
        # There are no sequences of these: a group is a list of them.
        return dataset.create_tensor(name, htype="list")
    if stored is not None:
        # The same kind of samples: files stay files, labels keep their names.
        kind = replace(
            stored.source.schema[stored.name], name=name, hidden=False,
            is_sequence=schema.is_sequence,
        )  # fmt: skip
        return structure.create_like(dataset, name, kind, column.info, unlink=False)
    htype = f"sequence[{schema.htype}]" if schema.is_sequence else schema.htype
    names = column.info.get("class_names")
    meta: dict[str, Any] = {"class_names": list(names)} if names else {}
    if schema.dtype not in (None, "str", "json"):
        meta["dtype"] = np.dtype(str(schema.dtype)).name
    return dataset.create_tensor(name, htype=htype, **meta)


def _copied(taken: Taken, source: StoredColumns) -> Iterator[Any]:
    """Stored samples, some at a time, as they can be appended."""
    origin = source.origin
    assert origin is not None
    tid = origin._draft(taken.name).schema.id
    length = len(source.columns[taken.name].reader)
    for start in range(0, len(taken.rows), COPIED):
        rows = taken.rows[start : start + COPIED]
        there = (rows >= 0) & (rows < length)
        found: list[Any] = [None] * len(rows)
        tensor = Tensor(origin._checkout, tid, Selection(rows[there], source.steps.steps))
        values = many(tensor) if there.any() else []
        for at, value in zip(np.flatnonzero(there).tolist(), values, strict=True):
            found[at] = value
        yield found


def _computed(column: ResultColumn, length: int) -> Iterator[Any]:
    """Computed values, some at a time, as they can be appended."""
    total = length if column.counts is None else int(column.counts.sum())
    for start in range(0, total, BLOCK):
        values = column.read(start, min(start + BLOCK, total))
        plain = values.ends is None and isinstance(values.data, np.ndarray)
        if plain and values.nulls is None:
            yield values.data
            continue
        listed = samples(values)
        if values.nulls is not None:
            listed = [
                None if null else value
                for value, null in zip(listed, values.nulls.tolist(), strict=True)
            ]
        yield listed


def _bundled(blocks: Iterator[Any], counts: np.ndarray) -> Iterator[list[Any]]:
    """Items as rows that are lists of them."""
    waiting: list[Any] = []
    sizes = iter(counts.tolist())
    size = next(sizes, None)
    for block in blocks:
        waiting.extend(block)
        rows = []
        start = 0
        while size is not None and len(waiting) - start >= size:
            rows.append(waiting[start : start + size])
            start += size
            size = next(sizes, None)
        del waiting[:start]
        yield rows
    rest: list[Any] = []
    while size is not None:
        rest.append(waiting[:size])  # groups without items at the end
        size = next(sizes, None)
    yield rest


__all__ = ["checkout_of", "virtual"]
