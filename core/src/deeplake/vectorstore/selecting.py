"""Rows of a vector store: by ids, by what is in them, by queries."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from deeplake.dataset.columns import StoredColumns, samples
from deeplake.errors import TensorDoesNotExistError

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

Filter: TypeAlias = "Mapping[str, Any] | Callable[[Dataset], Any]"
STEP = 1 << 13
"""Rows that are looked at at a time."""
_JSON = frozenset(("json", "list", "tag"))


def columns_of(dataset: Dataset, name: str) -> StoredColumns:
    """One tensor, as it is now.

    Raises:
        TensorDoesNotExistError: There is none of this name.
    """
    check_tensor(dataset, name)
    return StoredColumns.of(dataset[[name]])


def check_tensor(dataset: Dataset, name: str) -> None:
    """Refuse what is no tensor."""
    if name not in dataset.tensors:
        raise TensorDoesNotExistError(
            f"tensor {name!r} does not exist in {dataset.path}; there are "
            f"{', '.join(map(repr, dataset.tensors)) or 'none'}"
        )


def id_tensor(dataset: Dataset) -> str | None:
    """The tensor of ids: ``id``, or ``ids`` as older stores call it."""
    return next((name for name in ("id", "ids") if name in dataset.tensors), None)


def selected(
    dataset: Dataset,
    *,
    row_ids: Iterable[int] | int | None = None,
    ids: Iterable[Any] | str | None = None,
    filter: Filter | None = None,
    query: str | None = None,
) -> np.ndarray:
    """``int64``: rows, each once and in order, that exactly one of these means.

    Raises:
        ValueError: None is given, or several are.
    """
    given = {"row_ids": row_ids, "ids": ids, "filter": filter, "query": query}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise ValueError(
            "say which rows by one of row_ids, ids, filter and query"
            + (f"; these are {', '.join(named)}" if named else "")
        )
    if row_ids is not None:
        return _by_numbers(dataset, row_ids)
    if ids is not None:
        return by_ids(dataset, ids)
    if filter is not None:
        if isinstance(filter, Mapping) and not filter:
            raise ValueError(
                "an empty filter means all rows: leave nothing to chance, and say which"
            )
        return np.asarray(matching(dataset, filter), np.int64)
    assert query is not None
    return _by_query(dataset, query)


def _by_numbers(dataset: Dataset, row_ids: Iterable[int] | int) -> np.ndarray:
    listed = [row_ids] if isinstance(row_ids, (int, np.integer)) else list(row_ids)
    n = dataset.num_samples
    for row in listed:
        if isinstance(row, bool) or not isinstance(row, (int, np.integer)):
            raise TypeError(f"row_ids are integers, not {row!r}")
        if not 0 <= row < n:
            raise IndexError(f"there is no row {row} in {dataset.path}, which has {n} rows")
    return np.unique(np.array(listed, np.int64))


def by_ids(dataset: Dataset, ids: Iterable[Any] | str) -> np.ndarray:
    """``int64``: rows with these ids; those that no row has are passed over.

    Raises:
        ValueError: The dataset has no tensor of ids.
    """
    name = id_tensor(dataset)
    if name is None:
        raise ValueError(
            f"{dataset.path} has no tensor 'id': choose rows by row_ids, filter or query"
        )
    wanted = {str(one) for one in ([ids] if isinstance(ids, (str, uuid.UUID)) else ids)}
    return _where(columns_of(dataset, name), name, lambda value: str(_plain(value)) in wanted)


def _by_query(dataset: Dataset, query: str) -> np.ndarray:
    view = dataset.query(query)
    if view._checkout.virtual:
        raise ValueError(
            f"the query gives new columns, not rows of {dataset.path}: begin it with SELECT *"
        )
    return np.unique(np.asarray(list(view.sample_indices), np.int64))


# --------------------------------------------------------------------------- filters
def matching(dataset: Dataset, filter: Filter | None) -> range | np.ndarray:
    """Rows, in order, that a filter keeps; all without one.

    Args:
        dataset: Whose rows.
        filter: ``{"tensor": {"key": value, …}}`` for json values, ``{"tensor": value}`` for others,
            ``{"key": value}`` for keys of the metadata: all must be equal. Or a function of a view of
            one row.

    Raises:
        TypeError: It is neither.
        TensorDoesNotExistError: It names no tensor, and there is no metadata that could have such keys.
    """
    rows = range(dataset.num_samples)
    if filter is None:
        return rows
    if isinstance(filter, Mapping):
        for name, test in conditions(dataset, filter).items():
            column = columns_of(dataset, name)
            rows_left = _where(column, name, _test(column, name, test), rows)
            rows = rows_left  # type: ignore[assignment]
        return rows
    if callable(filter):
        view = dataset.filter(filter, progressbar=False)
        return np.asarray(list(view.sample_indices), np.int64)
    raise TypeError(
        f"filter is a dict such as {{'metadata': {{'key': value}}}}, or a function of one row, not "
        f"{type(filter).__name__}"
    )


def conditions(dataset: Dataset, filter: Mapping[str, Any]) -> dict[str, Any]:
    """What each tensor that a filter means must be equal to, or of json values what keys must be."""
    found: dict[str, Any] = {}
    loose: dict[str, Any] = {}
    for name, value in filter.items():
        if name in dataset.tensors:
            found[name] = value
        else:
            loose[name] = value
    if loose:
        metadata = _metadata(dataset)
        if metadata is None or (metadata in found and not isinstance(found[metadata], Mapping)):
            check_tensor(dataset, next(iter(loose)))
        assert metadata is not None
        found[metadata] = {**found.get(metadata, {}), **loose}
    return found


def _metadata(dataset: Dataset) -> str | None:
    """The tensor whose keys a filter may name without it."""
    documents = [name for name, tensor in dataset.tensors.items() if tensor.base_htype == "json"]
    if "metadata" in documents:
        return "metadata"
    return documents[0] if len(documents) == 1 else None


def _test(columns: StoredColumns, name: str, wanted: Any) -> Callable[[Any], bool]:
    schema = columns.schema[name]
    if schema.htype == "json" and isinstance(wanted, Mapping):
        keys = list(wanted.items())
        return lambda value: (
            isinstance(value, Mapping)
            and all(key in value and _equal(value[key], expected) for key, expected in keys)
        )
    if schema.htype == "class_label" and isinstance(wanted, str):
        names = list(columns.info(name).get("class_names") or ())
        if wanted not in names:
            raise ValueError(f"tensor {name!r} has no class {wanted!r}; its classes are {names}")
        wanted = names.index(wanted)
    return lambda value: _equal(_plain(value), wanted)


def _plain(value: Any) -> Any:
    """A sample of one value as this value."""
    if isinstance(value, np.ndarray):
        return value.reshape(-1)[0].item() if value.size == 1 else value
    return value


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(value, np.ndarray) or isinstance(wanted, np.ndarray):
        return bool(np.array_equal(value, wanted))
    return bool(value == wanted)


def _where(
    columns: StoredColumns,
    name: str,
    test: Callable[[Any], bool],
    rows: range | np.ndarray | None = None,
) -> np.ndarray:
    """``int64``: those of the rows whose value passes a test; None never does."""
    numbers = range(len(columns)) if rows is None else rows
    found: list[np.ndarray] = []
    for start in range(0, len(numbers), STEP):
        some = numbers[start : start + STEP]
        values = columns.read(
            name, slice(some.start, some.stop) if isinstance(some, range) else some
        )
        passed = [i for i, value in enumerate(samples(values)) if value is not None and test(value)]
        places = np.array(passed, np.int64)
        found.append(places + some.start if isinstance(some, range) else some[places])
    return np.concatenate(found) if found else np.zeros(0, np.int64)


# --------------------------------------------------------------------------- text of queries
def condition_text(dataset: Dataset, filter: Filter | None) -> str:
    """A filter as a condition of TQL; empty without one.

    Raises:
        ValueError: There is none that means the same.
    """
    if filter is None:
        return ""
    if not isinstance(filter, Mapping):
        raise ValueError("return_tql: a filter that is a function has no text")
    parts = []
    for name, wanted in conditions(dataset, filter).items():
        if dataset.tensors[name].base_htype == "json" and isinstance(wanted, Mapping):
            parts += [f"{quoted(name)}[{_literal(k)}] == {_literal(v)}" for k, v in wanted.items()]
        else:
            parts.append(f"{quoted(name)} == {_literal(wanted)}")
    return " AND ".join(parts)


def quoted(name: str) -> str:
    """A tensor's name in TQL."""
    return name if name.isidentifier() else '"' + name + '"'


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, np.integer, np.floating)) and np.isfinite(value):
        return repr(value.item() if isinstance(value, np.generic) else value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise ValueError(f"return_tql: {value!r} cannot be written in a query")


__all__ = [
    "Filter", "by_ids", "check_tensor", "columns_of", "condition_text", "conditions", "id_tensor",
    "matching", "quoted", "selected",
]  # fmt: skip
