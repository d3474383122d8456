"""Links made data: in a tensor, in a copy, in a saved view."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset import linking, writer
from deeplake.dataset.linkviews import check, of_rows
from deeplake.dataset.progress import progress
from deeplake.dataset.reader import TensorReader
from deeplake.errors import DeepLakeError, SampleUpdateError
from deeplake.format.encoding import htype_plugin
from deeplake.format.links import AnyLink, LinkGrid, files_of
from deeplake.types import TensorSchema
from deeplake.versioning.draft import Draft
from deeplake.versioning.workingcopy import WorkingCopy

if TYPE_CHECKING:
    from deeplake.dataset.tensor import Tensor

ROWS = 64
"""Rows whose files are in memory at a time, at most."""

NBYTES = 64 << 20
"""Bytes of these files, about, where they are known."""

LOSSLESS = "png"
"""What images of different formats are stored as."""


def materialize(tensor: Tensor, *, progressbar: bool) -> None:
    """Store what the links of a tensor lead to (see ``Tensor.materialize``)."""
    check(tensor)
    checkout, draft = tensor._checkout, tensor._draft
    checkout.check_writable()
    reader = tensor._reader
    with checkout.change() as session, session.whole([draft]):
        unlink(session, draft, reader, progressbar=progressbar)


def unlink(
    session: WorkingCopy, draft: Draft, reader: TensorReader, *, progressbar: bool = False
) -> None:
    """Replace the links of a tensor by what they lead to.

    Args:
        session: Has the tensor.
        draft: The tensor.
        reader: Reads it as it is.
        progressbar: Show progress.

    Raises:
        SampleUpdateError: A link cannot be read, or leads to something that cannot be stored.
    """
    rows = np.arange(draft.length, dtype=np.int64)
    session.set_schema(draft, stored_schema(reader, rows))
    try:
        for numbers, samples in blocks(reader, rows, progressbar=progressbar):
            batch = writer.encode(samples, draft.schema, draft.info)
            runs = list(batch.runs)
            if batch.schema is not draft.schema:
                draft.decide(batch.schema)
            session.replace(draft, numbers, runs)
    except (DeepLakeError, TypeError, ValueError) as error:
        if isinstance(error, SampleUpdateError):
            raise
        raise SampleUpdateError(f"tensor {draft.schema.name!r}: {error}") from error


def stored_schema(reader: TensorReader, rows: np.ndarray) -> TensorSchema:
    """The schema of a tensor that holds what links lead to.

    A tensor of files that was created without a compression gets that of the files.
    """
    schema = replace(reader.schema, is_link=False, verify=True)
    kind = htype_plugin(schema.htype).spec().compression
    if schema.sample_compression or schema.chunk_compression or kind == "optional":
        return schema
    formats = set()
    for start in range(0, len(rows), 4096):
        formats |= {_format(reader, link) for link in _flat(reader, rows[start : start + 4096])}
    if not formats:
        return schema
    same = next(iter(formats))
    return replace(
        schema, sample_compression=same if len(formats) == 1 or kind == "sample" else LOSSLESS
    )


def _format(reader: TensorReader, found: AnyLink) -> str:
    link = files_of(found)[0]
    if link.pin is not None and link.pin.format:
        return link.pin.format
    assert reader.linker is not None
    return reader.linker.sample(link).compression or ""


def _flat(reader: TensorReader, rows: np.ndarray) -> list[AnyLink]:
    found: list[AnyLink] = []
    for row in of_rows(reader, rows):
        found.extend(link for link in (row if isinstance(row, list) else [row]) if link is not None)
    return found


def blocks(
    reader: TensorReader, rows: np.ndarray, *, progressbar: bool = False
) -> Iterator[tuple[np.ndarray, list[Any]]]:
    """What the links of some rows lead to, the way tensors without links take it.

    Yields:
        Row numbers, and their samples: as many as fit into memory.

    Raises:
        DeepLakeError: A link cannot be read; the message names tensor and row.
    """
    parts = list(_parts(reader, rows))
    shown = progress(parts, shown=progressbar, title=f"fetch {reader.schema.name}", unit="block",
                     total=len(parts))  # fmt: skip
    for numbers in shown:
        yield numbers, _samples(reader, numbers)


def _parts(reader: TensorReader, rows: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), 4096):
        block = rows[start : start + 4096]
        first, nbytes = 0, 0
        for i, found in enumerate(of_rows(reader, block)):
            links = found if isinstance(found, list) else [found]
            files = [file for link in links if link is not None for file in files_of(link)]
            size = sum(file.pin.size for file in files if file.pin is not None)
            if i > first and (nbytes + size > NBYTES or i - first >= ROWS):
                yield block[first:i]
                first, nbytes = i, 0
            nbytes += size
        yield block[first:]


def _samples(reader: TensorReader, rows: np.ndarray) -> list[Any]:
    found = of_rows(reader, rows)
    linker = reader.linker
    assert linker is not None
    jobs = []
    result: list[Any] = []
    for row, links in zip(rows.tolist(), found, strict=True):
        if isinstance(links, list):
            into: list[Any] = [None] * len(links)
            result.append(into)
            jobs += [
                partial(_fetch, reader, link, f"{row}, item {item}", into, item)
                for item, link in enumerate(links)
                if link is not None
            ]
        else:
            result.append(None)
            if links is not None:
                jobs.append(partial(_fetch, reader, links, row, result, len(result) - 1))
    linker.run(jobs)
    return result


def _fetch(reader: TensorReader, link: AnyLink, row: Any, into: list[Any], place: int) -> None:
    linker, schema = reader.linker, reader.schema
    assert linker is not None
    spec = htype_plugin(schema.htype).spec()
    if isinstance(link, LinkGrid):
        into[place] = reader.sample(row)
        return
    try:
        data = linker.fetch(link)
        if spec.payload == "array" and spec.media:
            into[place] = linking.sample_of(link, data)
        else:
            into[place] = linking.decode(link, data, schema, reader.info)
    except DeepLakeError as error:
        raise linking.located(error, schema.name, row) from error


__all__ = ["blocks", "materialize", "stored_schema", "unlink"]
