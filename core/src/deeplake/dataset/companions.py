"""``_x_info``, ``_x_shape``, ``_x_id``: what Deep Lake 3 kept in hidden tensors beside tensor ``x``.

Here shapes, row ids and paths of files are part of the format, and files say the rest of what
``sample_info`` shows. Code that reads these tensors by name gets them all the same: made when they
are asked for, read only, and not listed anywhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake import plugins
from deeplake.dataset.checkout import Checkout
from deeplake.format.encoding import htype_plugin
from deeplake.format.pieces import row_ids
from deeplake.versioning.repository import MAIN, Repository
from deeplake.versioning.session import Session

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.dataset.tensor import Tensor

_KINDS = {"info": ("json", None), "shape": ("generic", "int64"), "id": ("generic", "uint64")}
"""Htypes and dtypes."""


def find(dataset: Dataset, name: str) -> Tensor | None:
    """The companion of this name, with the rows that the dataset or view has; None if there is none.

    Args:
        dataset: Dataset, group or view.
        name: Name below its group.
    """
    group, slash, last = name.strip("/").rpartition("/")
    of, _, kind = last[1:].rpartition("_")
    if not last.startswith("_") or not of or kind not in _KINDS:
        return None
    draft = dataset._checkout.session.by_name.get(_full(dataset, f"{group}{slash}{of}"))
    if draft is None or draft.schema.hidden:
        return None
    tensor: Tensor = dataset._tensor(draft)
    if not _has(tensor, kind):
        return None
    values = _VALUES[kind](tensor)
    made = _tensor(dataset, _full(dataset, name.strip("/")), kind, values)
    return made[0] if tensor.index.is_single else made


def _full(dataset: Dataset, name: str) -> str:
    return f"{dataset.group_index}/{name}" if dataset.group_index else name


def _has(tensor: Tensor, kind: str) -> bool:
    """Whether Deep Lake 3 has this companion of a tensor."""
    spec = htype_plugin(tensor.base_htype or "generic").spec()
    if kind == "info":
        return bool(spec.media) and spec.name != "generic" and not tensor.is_link
    if kind == "shape":
        return spec.payload not in ("text", "json") and spec.name != "tag"
    return True


def _rows(tensor: Tensor) -> np.ndarray:
    return np.asarray(tensor.sample_indices, np.int64)


def _ids(tensor: Tensor) -> np.ndarray:
    """``uint64[rows, 1]``: a number for each row that stays its own, in all versions and merges."""
    session, counter = row_ids(tensor._draft.table.pieces()).T
    mixed = session + (counter + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return np.asarray(mixed[_rows(tensor)].reshape(-1, 1))


def _infos(tensor: Tensor) -> list[Any]:
    found = tensor.sample_info
    return [found] if tensor.index.is_single else list(found)


_VALUES: dict[str, Callable[[Tensor], Any]] = {
    "info": _infos,
    "shape": lambda tensor: tensor.shapes(),
    "id": _ids,
}


def _tensor(dataset: Dataset, name: str, kind: str, values: Any) -> Tensor:
    """The values as a tensor of a dataset in memory that nobody else knows."""
    from deeplake.dataset.dataset import Dataset as Kind

    store = plugins.get("storage", "mem").create(f"mem://{secrets.token_hex(16)}")
    repository = Repository(store)
    ref, version = repository.create()
    session = Session(repository, repository.head_commit(ref), ref, version, MAIN)
    checkout = Checkout(dataset.path, session, read_only=False)
    made = Kind(checkout)
    htype, dtype = _KINDS[kind]
    with made:
        tensor = made.create_tensor(name, htype, dtype, hidden=True)
        tensor.extend(values)
    checkout.read_only = True
    return tensor


__all__ = ["find"]
