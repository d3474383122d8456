"""Embeddings of rows that are there, made anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset.progress import progress
from deeplake.errors import IncorrectEmbeddingShapeError
from deeplake.vectorstore.addition import fitting, only_embedding
from deeplake.vectorstore.embedding import of_documents, vectors
from deeplake.vectorstore.search import data_of
from deeplake.vectorstore.selecting import check_tensor

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset


def new_embeddings(
    dataset: Dataset, rows: np.ndarray, *, source: str | Sequence[str],
    tensor: str | Sequence[str] | None, function: Any, batch: int, shown: bool,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Embeddings of some rows by tensor.

    Args:
        dataset: Whose rows.
        rows: Row numbers.
        source: Tensors that functions are given the data of.
        tensor: Tensors of embeddings, as many; None: the only one.
        function: Makes embeddings; or a list of functions, as many.
        batch: Rows that are embedded at a time.
        shown: Show progress.

    Raises:
        ValueError: There is no function, or there are not as many functions and tensors.
    """
    if function is None:
        raise ValueError("give an embedding_function, here or when the store is opened")
    sources = [source] if isinstance(source, str) else list(source)
    if tensor is None:
        targets = [only_embedding(dataset)]
    else:
        targets = [tensor] if isinstance(tensor, str) else list(tensor)
    several = isinstance(function, (list, tuple))
    functions = list(function) if several else [function] * len(targets)
    if not len(sources) == len(targets) == len(functions):
        raise ValueError(
            f"{len(sources)} source tensors, {len(targets)} embedding tensors and {len(functions)} "
            "embedding functions: there must be as many of each"
        )
    for name in (*sources, *targets):
        check_tensor(dataset, name)
    found = {}
    for name, one, target in zip(sources, functions, targets, strict=True):
        embed = of_documents(one)
        parts: list[np.ndarray] = []
        spans = [rows[start : start + batch] for start in range(0, len(rows), batch)]
        for some in progress(
            spans, shown=shown, title="embed", unit="row", total=len(rows), size=len
        ):
            data = data_of(dataset[some.tolist()], [name])[name]
            what = f"the embedding function of tensor {target!r}"
            part = vectors(embed(data), len(some), what)
            if parts and part.shape[1] != parts[0].shape[1]:
                raise IncorrectEmbeddingShapeError(
                    f"{what} gave embeddings of {parts[0].shape[1]} values, and of {part.shape[1]}"
                )
            parts.append(part)
        found[target] = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
    return found


def replaced(dataset: Dataset, rows: np.ndarray, embeddings: Mapping[str, Any]) -> None:
    """Store other embeddings for some rows: all, or none.

    Raises:
        IncorrectEmbeddingShapeError: They are longer or shorter than those of other rows, or there are
            not as many as rows.
    """
    changes = {}
    for name, values in embeddings.items():
        if not len(rows):
            continue
        array = vectors(values, len(rows), f"tensor {name!r}")
        tensor = dataset.tensors[name]
        whole = len(rows) == len(tensor)  # then they may all become longer
        changes[name] = (
            array.astype(tensor.dtype or np.float32) if whole else fitting(tensor, array)
        )
    if changes:
        dataset[rows.tolist()].update(changes)


__all__ = ["new_embeddings", "replaced"]
