"""Searches: their arguments, the rows they find, and what is told of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset.columns import StoredColumns
from deeplake.vectorstore.addition import embedding_tensors, only_embedding
from deeplake.vectorstore.distance import Metric, Probe
from deeplake.vectorstore.nearest import nearest
from deeplake.vectorstore.selecting import (
    Filter,
    check_tensor,
    columns_of,
    condition_text,
    matching,
    quoted,
)

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

SCORE = "score"
"""Key of the measures among results."""
EMBEDDING = "embedding"

AUTO, PYTHON, ENGINE, DATABASE = "auto", "python", "compute_engine", "tensor_db"


def exec_option(value: str | None) -> str:
    """One of the ways to search.

    Raises:
        ValueError: There is none of this name, or it needs a server.
    """
    if value is None:
        return AUTO
    if value == DATABASE:
        raise ValueError(
            "exec_option 'tensor_db' needs a server of the cloud service, and there is none: searches "
            "run here; use 'auto'"
        )
    if value not in (AUTO, PYTHON, ENGINE):
        raise ValueError(f"exec_option is 'auto', 'python' or 'compute_engine', not {value!r}")
    return value


def count(k: Any) -> int:
    """How many are wanted.

    Raises:
        TypeError, ValueError: It is no positive integer.
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
        raise TypeError(f"k is an integer, not {k!r}")
    if k < 1:
        raise ValueError(f"k is at least 1, not {k}")
    return int(k)


def embedding_column(dataset: Dataset, name: str) -> str:
    """The tensor that is searched: where the usual name is no tensor, the only one of embeddings."""
    if name == EMBEDDING and name not in dataset.tensors:
        return only_embedding(dataset)
    check_tensor(dataset, name)
    tensor = dataset.tensors[name]
    if tensor.is_sequence or tensor.base_htype in ("text", "json", "list", "tag", "class_label"):
        raise ValueError(f"tensor {name!r} ({tensor.htype}) has no embeddings")
    return name


def returned(dataset: Dataset, names: str | Sequence[str] | None, embedding: str) -> list[str]:
    """The tensors whose data are told.

    Args:
        dataset: Whose tensors.
        names: Theirs; ``"*"``: all; None: all but the one that is searched.
        embedding: The one that is searched.

    Raises:
        TensorDoesNotExistError: A name is no tensor.
    """
    if names is None:
        if embedding not in dataset.tensors and len(embedding_tensors(dataset)) == 1:
            embedding = only_embedding(dataset)
        return [name for name in dataset.tensors if name != embedding]
    if names == "*" or (not isinstance(names, str) and list(names) == ["*"]):
        return list(dataset.tensors)
    wanted = [names] if isinstance(names, str) else list(names)
    for name in wanted:
        check_tensor(dataset, name)
    return wanted


def found(
    dataset: Dataset, name: str, vector: np.ndarray, metric: Metric, k: int, filter: Filter | None
) -> tuple[np.ndarray, np.ndarray]:
    """Rows nearest to an embedding, and their measures.

    Raises:
        ValueError: The store is empty.
    """
    rows = matching(dataset, filter)
    if not dataset.num_samples:
        raise ValueError(
            f"the vector store at {dataset.path} is empty: add data before you search it"
        )
    columns: StoredColumns = columns_of(dataset, name)
    return nearest(columns, name, rows, Probe(metric, vector), k)


def filtered(dataset: Dataset, filter: Filter | None, k: int) -> np.ndarray:
    """The first rows that a filter keeps."""
    return np.asarray(matching(dataset, filter)[:k], np.int64)


def data_of(view: Dataset, names: Sequence[str]) -> dict[str, list[Any]]:
    """Samples by tensor: texts, json values, arrays."""
    return {name: _samples(view, name) for name in names}


def _samples(view: Dataset, name: str) -> list[Any]:
    if not len(view):
        return []
    tensor = view[name]
    if tensor.base_htype in ("text", "json", "list", "tag"):
        return list(tensor.data(aslist=True)["value"])
    return list(tensor.numpy(aslist=True))


def query_text(
    dataset: Dataset, name: str | None, vector: np.ndarray | None, metric: Metric, k: int,
    filter: Filter | None,
) -> str:  # fmt: skip
    """A search as a query in TQL.

    Raises:
        ValueError: Its filter cannot be written as one.
    """
    condition = condition_text(dataset, filter)
    where = f" WHERE {condition}" if condition else ""
    if name is None or vector is None:
        return f"SELECT *{where} LIMIT {k}"
    numbers = ", ".join(repr(float(value)) for value in vector)
    measure = metric.tql.format(a=quoted(name), b=f"ARRAY[{numbers}]")
    order = "DESC" if metric.similarity else "ASC"
    return f"SELECT *, {measure} AS {SCORE}{where} ORDER BY {measure} {order} LIMIT {k}"


__all__ = [
    "AUTO", "EMBEDDING", "ENGINE", "PYTHON", "SCORE", "count", "data_of", "embedding_column",
    "exec_option", "filtered", "found", "query_text", "returned",
]  # fmt: skip
