"""Copies: of the rows of one version, and of whole datasets with their history."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset import downsampling, materializing, sequences, structure
from deeplake.dataset.credentials import adopt, names_by_id
from deeplake.dataset.extent import rows as rows_of
from deeplake.dataset.progress import progress
from deeplake.errors import InvalidOperationError
from deeplake.format import envelope
from deeplake.format.builder import Encoded
from deeplake.format.commit import INDEX, Commit, Ref
from deeplake.format.pieces import Pieces, piece_dtype
from deeplake.spi import Store
from deeplake.storage.directories import OWN
from deeplake.storage.retry import Retrying
from deeplake.types import Buffer, ObjectInfo, byte_length
from deeplake.versioning import reachable
from deeplake.versioning.draft import Draft
from deeplake.versioning.repository import MAIN, MARKER, Repository, data_key, ref_key
from deeplake.versioning.rewrite import runs_of
from deeplake.versioning.session import Session
from deeplake.versioning.table import PieceTable

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

WORKERS = 8
DEFAULT_INDEX = "default_index"
"""Key of a commit: what of the dataset opens by default. Copies of single rows have it."""


# --------------------------------------------------------------------------- rows
def copy_rows(
    source: Dataset,
    target: Dataset,
    tensors: Sequence[str] | None,
    *,
    progressbar: bool,
    unlink: bool = False,
) -> None:
    """Copy the rows that ``source`` selects into a dataset without tensors.

    Samples are copied as they are stored, without decoding them; links stay links, unless ``unlink``
    says that what they lead to is stored.

    Raises:
        GetDataFromLinkError: What a link leads to should be stored, and cannot be read.
        InvalidOperationError: The view goes into samples, and ``target`` cannot hold the parts.
    """
    group = source.group_index
    names = [name.removeprefix(f"{group}/") for name in full_names(source, tensors)]
    selection = source.index
    checkout, session = target._checkout, target._checkout.session
    with target:
        for name in progress(
            names, shown=progressbar, title=f"copy {source.path}", unit="tensor", total=len(names)
        ):
            tensor = source[name]
            draft = tensor._draft
            if unlink and tensor.is_link and not selection.steps:
                _copy_unlinked(source, target, name)
                continue
            parts = bool(selection.steps)
            schema = sequences.schema_of_parts(tensor) if parts else tensor._schema
            target._add_like(name, schema, draft.info, unlink=parts)
            if selection.steps:
                _copy_parts(source, target, name)
                continue
            new = session.by_name[structure.full_name(target, name)]
            copies = downsampling.drafts(draft, source._checkout.session.by_name)
            for old, copied in zip((draft, *copies), (new, *_smaller(session, new)), strict=False):
                for run in stored_rows(old, source):
                    with checkout.change(rows_move=False):
                        session.append(copied, [run], run.n)
        if tensors is None:
            for inner in source.meta.groups:
                target.create_group(inner, exist_ok=True)
        if not group and dict(source.info):
            target.info.replace_with(dict(source.info))
        adopt(checkout, names_by_id(source._checkout), source._checkout.lender.values)
        if selection.is_single and not target.group_index:
            with checkout.change(rows_move=False):
                session.set_extra(DEFAULT_INDEX, [0])


def _copy_unlinked(source: Dataset, target: Dataset, name: str) -> None:
    """Store what the selected links lead to."""
    tensor = source[name]
    reader = tensor._reader
    rows = np.asarray(rows_of(tensor), np.int64)
    stored = rows[rows < len(reader)]
    target._add_like(name, materializing.stored_schema(reader, stored), tensor._draft.info)
    new = target[name]
    for _, samples in materializing.blocks(reader, stored):
        new.extend(samples)
    new.extend([None] * (len(rows) - len(stored)))


def _smaller(session: Session, draft: Draft) -> list[Draft]:
    return [session.by_name[name] for name in downsampling.names(draft.schema)]


def full_names(dataset: Dataset, tensors: Sequence[str] | None) -> list[str]:
    """Full names of tensors, and of those in groups.

    Raises:
        TensorDoesNotExistError: There is neither a tensor nor a group of a name.
    """
    if tensors is None:
        return [dataset._draft(name).schema.name for name in dataset._visible()]
    return list(dataset._restricted([tensors] if isinstance(tensors, str) else list(tensors)))


def selected_rows(draft: Draft, dataset: Dataset) -> PieceTable:
    """The rows of one tensor that a view selects, in its order.

    A tensor that is shorter than a padded view gets empty samples.
    """
    with dataset._checkout.session.lock:
        table = draft.sealed()
    length = dataset._length()
    selection = dataset.index
    if selection.index is None and table.rows >= dataset._padded_length():
        return table
    numbers = np.atleast_1d(np.asarray(selection.rows(length), np.int64))
    there = numbers < table.rows
    if there.all():
        return table.gather(numbers)
    found = PieceTable([], table.ndim)
    breaks = np.flatnonzero(np.diff(there)) + 1
    for part in np.split(numbers, breaks):
        if len(part) and part[0] < table.rows:
            found = found.join(table.gather(part))
        elif len(part):
            missing = empty_pieces(table.ndim, len(part))
            found = found.append(draft.blanks(missing))
    return found


def empty_pieces(ndim: int, rows: int) -> Pieces:
    """One piece of so many rows, about which nothing is known."""
    piece = np.zeros(1, piece_dtype(ndim))
    piece["count"] = rows
    return piece


def stored_rows(draft: Draft, source: Dataset) -> Iterator[Encoded]:
    """Stored samples of the selected rows, in their order."""
    blocks = source._checkout.session.blocks
    for _, pieces in selected_rows(draft, source).spans():
        for run, _ in runs_of(pieces, blocks, draft.schema.name):
            yield run


def _copy_parts(source: Dataset, target: Dataset, name: str) -> None:
    """Parts of samples have to be decoded."""
    tensor = source[name]
    if tensor.htype in ("text", "json", "list", "tag"):
        raise InvalidOperationError(
            f"tensor {name!r}: parts of {tensor.htype} samples cannot be copied; select whole rows"
        )
    if tensor.is_sequence and not tensor.is_link:
        target[name].extend(sequences.as_samples(tensor))  # whole items stay files
        return
    value = [tensor.numpy()] if source.index.is_single else tensor.numpy(aslist=True)
    target[name].extend(value)


# --------------------------------------------------------------------------- whole datasets
def copy_objects(
    source: Store,
    target: Store,
    *,
    progressbar: bool,
    num_workers: int = 0,
    tensors: Container[str] | None = None,
) -> None:
    """Copy a dataset with all its versions; branch main comes last, and with it the copy exists.

    The copy has what the branches led to when it began, whatever writers do meanwhile. Objects that
    are there already are not copied again, so an interrupted copy goes on where it was.

    Args:
        source, target: The stores.
        progressbar: Show progress.
        num_workers: Threads; 0: as many as are useful.
        tensors: Ids of the tensors that all versions of the copy keep; None for all.
    """
    repository = Repository(source)
    source = repository.store
    objects = Retrying.around(target)  # but not for refs: writers may be there after the first try
    refs = {info.key: bytes(_whole(source, info)) for info in source.list("refs/")}
    # Folders that were uploaded as they are have files of the local store, too.
    infos = [
        info
        for info in source.list("")
        if not info.key.startswith("refs/") and f"/{OWN}" not in f"/{info.key}"
    ]
    if tensors is not None:
        needed = _objects_of(repository, tensors)
        infos = [info for info in infos if not info.key.startswith("data/") or info.key in needed]
    infos.sort(key=lambda info: info.key != MARKER)
    there = {info.key: info.size for info in target.list("")}

    def one(info: ObjectInfo) -> None:
        if there.get(info.key) != info.size or tensors is not None:
            if tensors is not None and info.key.startswith("commits/"):
                objects.put(info.key, _with_fewer(repository, info.key, tensors))
            else:
                objects.put(info.key, _whole(source, info))

    with ThreadPoolExecutor(num_workers or WORKERS, thread_name_prefix="deeplake-copy") as pool:
        done = pool.map(one, infos)
        for _ in progress(
            infos, shown=progressbar, title=f"copy {source.url}", unit="object", total=len(infos)
        ):
            next(done)
    for key in sorted(refs, key=lambda key: key == ref_key(MAIN)):
        target.put(key, refs[key] if tensors is None else _ref_with_fewer(key, refs[key], tensors))


def _whole(source: Store, info: ObjectInfo) -> Buffer:
    """An object that was listed; one that came back too short is asked for again, by its size."""
    data = source.get(info.key)
    return data if byte_length(data) >= info.size else source.get(info.key, (0, info.size))


def _objects_of(repository: Repository, tensors: Container[str]) -> set[str]:
    """Keys of the data objects of some tensors, in all versions."""
    needed = set()
    seen: set[tuple[Any, ...]] = set()
    for commit in reachable.commits(repository):
        for name, ref in reachable.segments(repository, _without(commit, tensors)):
            if ref.key in seen:
                continue
            seen.add(ref.key)
            needed.add(data_key(ref.object))
            if ref.level != INDEX:
                pieces = repository.read_segment(ref)
                needed |= set(map(data_key, reachable.data_objects(repository, pieces, name)))
    return needed


def _without(commit: Commit, tensors: Container[str]) -> Commit:
    """The commit with these tensors only, and the groups that they are in."""
    kept = {tid: state for tid, state in commit.tensors.items() if tid in tensors}
    names = [state.schema.name for state in kept.values()]
    groups = tuple(g for g in commit.groups if any(name.startswith(f"{g}/") for name in names))
    return replace(commit, tensors=kept, groups=groups)


def _with_fewer(repository: Repository, key: str, tensors: Container[str]) -> Buffer:
    """A commit with these tensors only."""
    fields = repository.commit_fields(key.removeprefix("commits/"))
    return envelope.wrap("commit", _without(Commit.from_json(fields, key), tensors).to_json())


def _ref_with_fewer(key: str, data: Buffer, tensors: Container[str]) -> Buffer:
    """A branch with these tensors only; tags as they are."""
    if not key.startswith("refs/heads/"):
        return data
    ref = Ref.from_json(envelope.unwrap("ref", data, key), key)
    inline = None if ref.inline is None else _without(ref.inline, tensors)
    return envelope.wrap("ref", replace(ref, inline=inline).to_json())


def tensor_ids(repository: Repository, names: Container[str]) -> set[str]:
    """Ids of the tensors that have one of these names in any version, and of what hangs on them."""
    found = set()
    for commit in reachable.commits(repository):
        schemas = [state.schema for state in commit.tensors.values()]
        kept = [schema for schema in schemas if schema.name in names]
        smaller = {name for schema in kept for name in downsampling.names(schema)}
        found |= {schema.id for schema in schemas if schema in kept or schema.name in smaller}
    return found


__all__ = [
    "DEFAULT_INDEX", "copy_objects", "copy_rows", "full_names", "selected_rows", "stored_rows",
    "tensor_ids",
]  # fmt: skip
