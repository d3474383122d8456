"""The dataset of a vector store: found, or made with the tensors that are asked for."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from deeplake.dataset import entry
from deeplake.errors import ConflictingDatasetParametersError, DatasetNotFoundError
from deeplake.storage import url as urls

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.types import PathLike

MAIN = "main"
DEFAULT_TENSORS: tuple[Mapping[str, Any], ...] = (
    {"name": "text", "htype": "text"},
    {"name": "metadata", "htype": "json"},
    {"name": "embedding", "htype": "embedding", "dtype": "float32"},
    {"name": "id", "htype": "text"},
)
"""Tensors of a store where none are asked for."""
TAKEN = frozenset(
    ("batch_byte_size", "embedding_data", "embedding_function", "embedding_tensor", "rate_limiter",
     "return_ids", "score", "self")
)  # fmt: skip
"""Names of arguments of ``add`` and of what ``search`` gives: no tensors can be called these."""


def opened(
    path: PathLike | None,
    dataset: Dataset | None,
    tensors: Sequence[Mapping[str, Any]],
    *,
    read_only: bool | None,
    overwrite: bool,
    branch: str,
    arguments: Mapping[str, Any],
) -> Dataset:
    """The dataset at a path, made where there is none; or the one that is given.

    Args:
        path: Directory or URL.
        dataset: An open dataset, in place of a path.
        tensors: Arguments of ``create_tensor`` for each tensor of a new store.
        read_only: Refuse changes.
        overwrite: Replace what is there.
        branch: Where to go; it is made where it does not exist.
        arguments: Of ``deeplake.load`` and ``deeplake.empty``.

    Raises:
        ConflictingDatasetParametersError: Both path and dataset are given.
        ValueError: Neither is; the dataset is a view; a tensor has no name, or one that is taken.
        DatasetHandlerError: There is nothing at the path, and ``read_only`` is given.
    """
    if path is not None and dataset is not None:
        raise ConflictingDatasetParametersError("give either path or dataset, not both")
    wanted = checked(tensors)
    if dataset is not None:
        if dataset.is_view:
            raise ValueError(
                "a vector store is about a whole dataset: give dataset=view.root, and choose rows by "
                "filter or query when you search"
            )
        if overwrite:
            raise ValueError("overwrite=True replaces what is at a path; a dataset was given")
        if not dataset.tensors and not dataset.read_only:
            made(dataset, wanted)
        return dataset
    if path is None:
        raise ValueError("give a path, or an open dataset as dataset=")
    found = None if overwrite else _found(path, read_only, arguments)
    if found is None:
        _try(wanted)
        found = entry.empty(path, overwrite=overwrite, verbose=False, **arguments)
        made(found, wanted)
        if read_only:
            found.read_only = True
    if urls.split(path).address is None and branch != found.branch:
        create = branch not in found.branches and not found.read_only
        found.checkout(branch, create=create)
    return found


def _found(path: PathLike, read_only: bool | None, arguments: Mapping[str, Any]) -> Dataset | None:
    try:
        return entry.load(path, read_only, verbose=False, **arguments)
    except DatasetNotFoundError:
        if read_only or urls.split(path).address is not None:
            raise
        return None


def checked(tensors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Arguments of ``create_tensor``, one of ids among them.

    Raises:
        ValueError: One has no name, one that is taken, or one that another has, too.
        TypeError: They are no list of dicts.
    """
    if isinstance(tensors, (str, Mapping)) or not all(isinstance(one, Mapping) for one in tensors):
        raise TypeError(
            "tensor_params is a list of dicts of arguments of create_tensor, such as "
            "[{'name': 'text', 'htype': 'text'}]"
        )
    found = [dict(one) for one in tensors]
    names = [one.get("name") for one in found]
    for name in names:
        if not isinstance(name, str) or not name:
            raise ValueError(f"tensor_params: each tensor needs a 'name'; one has {name!r}")
        if name in TAKEN:
            raise ValueError(f"tensor_params: no tensor of a vector store can be called {name!r}")
        if names.count(name) > 1:
            raise ValueError(f"tensor_params: there are two tensors {name!r}")
    if not {"id", "ids"} & set(names):
        found.append({"name": "id", "htype": "text"})
    return found


def made(dataset: Dataset, tensors: Sequence[Mapping[str, Any]]) -> None:
    """Make the tensors of a new store: all, or none."""
    with dataset._checkout.atomic("making a vector store"):
        for one in tensors:
            dataset.create_tensor(verbose=False, **one)


def _try(tensors: Sequence[Mapping[str, Any]]) -> None:
    """Refuse tensors that cannot be made, before anything is made or replaced."""
    made(entry.empty(f"mem://{uuid.uuid4().hex}", verbose=False), tensors)


__all__ = ["DEFAULT_TENSORS", "MAIN", "checked", "made", "opened"]
