"""Copies: of the rows of one version, and of whole datasets with their history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset.progress import progress
from deeplake.errors import InvalidOperationError
from deeplake.format.builder import RowIds, Run
from deeplake.spi import Store
from deeplake.types import ObjectInfo
from deeplake.versioning.draft import Draft
from deeplake.versioning.repository import MARKER
from deeplake.versioning.rewrite import runs_of

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

WORKERS = 8


def copy_rows(
    source: Dataset, target: Dataset, tensors: Sequence[str] | None, *, progressbar: bool
) -> None:
    """Copy the rows that ``source`` selects into a dataset without tensors.

    Samples are copied as they are stored, without decoding them; they keep their row ids.

    Raises:
        InvalidOperationError: The view goes into samples, and ``target`` cannot hold the parts.
    """
    names = list(source.tensors) if tensors is None else list(tensors)
    selection = source.index
    checkout, session = target._checkout, target._checkout.session
    with target:
        for name in progress(
            names, shown=progressbar, title=f"copy {source.path}", unit="tensor", total=len(names)
        ):
            tensor = source[name]
            draft = tensor._draft
            target._add_like(name, tensor._schema, draft.info)
            new = session.by_name[name]
            if selection.steps:
                _copy_parts(source, target, name)
                continue
            runs = list_runs(draft, selection, source)
            for run, ids in runs:
                with checkout.change(rows_move=False):
                    session.begin()
                    new.append([run], [ids])
        for group in source.groups:
            target.create_group(group, exist_ok=True)
        if not source.group_index and dict(source.info):
            target.info.replace_with(dict(source.info))


def list_runs(draft: Draft, selection: Any, source: Dataset) -> Iterator[tuple[Run, RowIds]]:
    """Stored samples of the selected rows."""
    table = draft.sealed()
    rows = selection.rows(draft.length)
    if selection.index is not None:
        numbers = np.atleast_1d(np.asarray(rows, np.int64))
        table = table.gather(numbers[numbers < table.rows])
    blocks = source._checkout.session.blocks
    for _, pieces in table.spans():
        yield from runs_of(pieces, blocks, draft.schema.name)


def _copy_parts(source: Dataset, target: Dataset, name: str) -> None:
    """Parts of samples have to be decoded."""
    tensor = source[name]
    value = tensor.numpy(aslist=True) if not source.index.is_single else [tensor.numpy()]
    if tensor.htype in ("text", "json", "list", "tag"):
        raise InvalidOperationError(
            f"tensor {name!r}: parts of {tensor.htype} samples cannot be copied; select whole rows"
        )
    target[name].extend(value)


def copy_objects(source: Store, target: Store, *, progressbar: bool, num_workers: int = 0) -> None:
    """Copy all objects of a dataset, refs last: the copy exists when it is complete.

    Objects that are there already are not copied again, so an interrupted copy goes on where it
    was.
    """
    infos = [info for info in source.list("") if not info.key.startswith("refs/")]
    infos.sort(key=lambda info: info.key != MARKER)

    there = {info.key: info.size for info in target.list("")}

    def one(info: ObjectInfo) -> None:
        if there.get(info.key) != info.size:
            target.put(info.key, source.get(info.key))

    with ThreadPoolExecutor(num_workers or WORKERS, thread_name_prefix="deeplake-copy") as pool:
        done = pool.map(one, infos)
        for _ in progress(
            infos, shown=progressbar, title=f"copy {source.url}", unit="object", total=len(infos)
        ):
            next(done)
    for info in source.list("refs/"):
        target.put(info.key, source.get(info.key))


__all__ = ["copy_objects", "copy_rows"]
