"""``deeplake verify``: reads everything and compares it with its checksums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deeplake.errors import CheckoutError, DeepLakeError, FormatError, ObjectNotFoundError
from deeplake.format import segment as segment_format
from deeplake.format.commit import INDEX, PIECE, SegmentRef
from deeplake.format.pieces import TILED, Pieces
from deeplake.versioning import reachable
from deeplake.versioning.blocks import object_id
from deeplake.versioning.openchunk import read_header
from deeplake.versioning.repository import Repository, data_key


@dataclass(slots=True)
class Report:
    """What a scrub found.

    Attributes:
        commits, segments, chunks, nbytes: How much was checked; bytes of segments and chunks.
        problems: What is wrong, one sentence each, object and tensor named.
    """

    commits: int = 0
    segments: int = 0
    chunks: int = 0
    nbytes: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return not self.problems


def scrub(repository: Repository, progress: Callable[[int], Any] | None = None) -> Report:
    """Check every object that a branch, tag or view leads to.

    Args:
        repository: The dataset.
        progress: Called with the number of bytes that were checked.
    """
    report = Report()
    checked: set[tuple[Any, ...]] = set()
    try:
        for commit in reachable.commits(repository):
            report.commits += 1
            for tensor, ref in reachable.segments(repository, commit):
                if ref.key in checked:
                    continue
                checked.add(ref.key)
                _check_segment(repository, ref, tensor, checked, report, progress)
    except (FormatError, CheckoutError, ObjectNotFoundError) as error:
        # Without the commit, nothing says what belongs to it.
        report.problems.append(str(error))
    return report


def _check_segment(
    repository: Repository,
    ref: SegmentRef,
    tensor: str,
    checked: set[tuple[Any, ...]],
    report: Report,
    progress: Callable[[int], Any] | None,
) -> None:
    if ref.level == PIECE:
        _check_chunks(repository, segment_format.single(ref), tensor, checked, report, progress)
        return
    key = data_key(ref.object)
    try:
        data = repository.store.get(key, (ref.offset, ref.offset + ref.length))
        pieces = segment_format.decode(
            data, f"{key} at byte {ref.offset}", ref.checksum, level=ref.level
        )
    except (FormatError, ObjectNotFoundError) as error:
        report.problems.append(f"tensor {tensor!r}: {error}")
        return
    report.segments += 1
    report.nbytes += ref.length
    if ref.level == INDEX:
        return
    _check_chunks(repository, pieces, tensor, checked, report, progress)


def _check_chunks(
    repository: Repository,
    pieces: Pieces,
    tensor: str,
    checked: set[tuple[Any, ...]],
    report: Report,
    progress: Callable[[int], Any] | None,
) -> None:
    for piece in pieces:
        oid, offset, length = object_id(piece), int(piece["offset"]), int(piece["length"])
        if (oid, offset) in checked:
            continue
        checked.add((oid, offset))
        key = data_key(oid)
        name = f"{key} at byte {offset} (tensor {tensor!r})"
        try:
            block = memoryview(repository.store.get(key, (offset, offset + length)))
            if len(block) != length:
                raise FormatError(f"{name}: is cut short: {len(block)} of {length} bytes")
            header = read_header(block, piece, tensor)
            header.check(block[header.header_length :], 0, header.frames)
            if int(piece["flags"]) & TILED:
                _check_tiles(repository, piece, tensor, checked, report, progress)
        except DeepLakeError as error:
            report.problems.append(str(error))
            continue
        report.chunks += 1
        report.nbytes += length
        if progress is not None:
            progress(length)


def _check_tiles(
    repository: Repository,
    piece: Any,
    tensor: str,
    checked: set[tuple[Any, ...]],
    report: Report,
    progress: Callable[[int], Any] | None,
) -> None:
    """Check the tiles that a chunk leads to."""
    tiles = reachable.tiles(repository, piece, tensor)
    records = tiles.directory.tiles
    for number in np.flatnonzero(records["length"]).tolist():
        place = object_id(records[number]), int(records[number]["offset"])
        if place in checked:
            continue
        checked.add(place)
        try:
            block, _ = tiles.block(number)
        except DeepLakeError as error:
            report.problems.append(str(error))
            continue
        report.chunks += 1
        report.nbytes += len(block)
        if progress is not None:
            progress(len(block))


__all__ = ["Report", "scrub"]
