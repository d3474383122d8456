"""Which objects a dataset needs: everything that a branch, tag or view leads to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from deeplake.errors import FormatError
from deeplake.format.commit import INDEX, Commit, SegmentRef
from deeplake.format.pieces import TILED, Pieces
from deeplake.format.segment import unpack
from deeplake.versioning.blocks import Blocks, object_id
from deeplake.versioning.openchunk import OpenChunk, read_header
from deeplake.versioning.repository import Repository, data_key
from deeplake.versioning.tiles import Tiles

VIEWS = "views/"


def commits(repository: Repository) -> Iterator[Commit]:
    """Every state that can be opened, each once: heads, history, tags, views.

    Raises:
        CheckoutError: A commit that something refers to is missing.
    """
    seen: set[str] = set()
    queue: list[str] = []
    for branch in repository.branches():
        ref, _ = repository.read_ref(branch)
        if ref.inline is not None and ref.head not in seen:
            seen.add(ref.head)
            queue.extend(ref.inline.parents)
            yield ref.inline
        queue.append(ref.head)
        if ref.commit is not None:
            queue.append(ref.commit)
    queue.extend(repository.tags().values())
    queue.extend(view_commits(repository))
    while queue:
        commit_id = queue.pop()
        if commit_id in seen:
            continue
        seen.add(commit_id)
        commit = repository.read_commit(commit_id)
        queue.extend(commit.parents)
        yield commit


def view_commits(repository: Repository) -> Iterator[str]:
    """Commits that saved views refer to."""
    for info in repository.store.list(VIEWS):
        view, _ = repository.unwrap("view", info.key, repository.store.get(info.key))
        for key in ("commit", "materialized"):
            if isinstance(view.get(key), str):
                yield view[key]


def segments(repository: Repository, commit: Commit) -> Iterator[tuple[str, SegmentRef]]:
    """Segments and index blocks of a commit, with the names of their tensors."""
    for state in commit.tensors.values():
        for ref in state.segments:
            yield state.schema.name, ref
            if ref.level == INDEX:
                for inner in unpack(repository.read_segment(ref)):
                    yield state.schema.name, inner


def data_objects(repository: Repository, pieces: Pieces, tensor: str) -> set[str]:
    """Ids of the data objects that pieces lead to: those of their chunks, and of tiles.

    Args:
        repository: The dataset.
        pieces: The pieces.
        tensor: Name of their tensor, for messages.

    Raises:
        FormatError: A directory of tiles cannot be read.
    """
    found = _objects(pieces)
    for piece in pieces[(pieces["flags"] & TILED) != 0]:
        found |= _objects(tiles(repository, piece, tensor).directory.tiles)
    return found


def _objects(records: np.ndarray) -> set[str]:
    words = np.unique(records["object"], axis=0).tolist()
    return {f"{high:016x}{low:016x}" for high, low in words if high or low}


def tiles(repository: Repository, piece: Any, tensor: str) -> Tiles:
    """The tiles that a piece leads to; their directory is checked.

    Raises:
        FormatError: It is damaged, or cut short.
    """
    oid, offset, length = object_id(piece), int(piece["offset"]), int(piece["length"])
    block = memoryview(repository.store.get(data_key(oid), (offset, offset + length)))
    if len(block) != length:
        raise FormatError(
            f"{data_key(oid)} at byte {offset} (tensor {tensor!r}): is cut short: {len(block)} of "
            f"{length} bytes"
        )
    header = read_header(block, piece, tensor)
    opened = OpenChunk(header, block[header.header_length :], oid, offset)
    return Tiles.of(opened, None, Blocks(repository.store), tensor)


__all__ = ["VIEWS", "commits", "data_objects", "segments", "tiles", "view_commits"]
