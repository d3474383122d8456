"""What is stored of the links that a tensor selects: without opening them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset.extent import rows as rows_of
from deeplake.dataset.linked import LinkedSample
from deeplake.dataset.sequence_reader import SequenceReader
from deeplake.errors import GetDataFromLinkError
from deeplake.format.links import Link

if TYPE_CHECKING:
    from deeplake.dataset.reader import TensorReader
    from deeplake.dataset.tensor import Tensor


def _check(tensor: Tensor) -> None:
    if not tensor.is_link:
        raise GetDataFromLinkError(
            f"tensor {tensor.key!r} has htype {tensor.htype!r}: its samples are no links"
        )


def paths(tensor: Tensor, *, aslist: bool) -> Any:
    """Where the selected links lead to (see ``Tensor.path``)."""
    _check(tensor)
    found = selected(tensor)
    if isinstance(tensor._reader, SequenceReader):
        rows = [np.array([_path(link) for link in row or ()], str) for row in found]
        return rows[0] if tensor._selection.is_single else rows
    if tensor._selection.is_single:
        return np.array([_path(found[0])])
    arrays = [np.array([_path(link)]) for link in found]
    if aslist:
        return arrays
    return np.stack(arrays) if arrays else np.zeros((0, 1), str)


def _path(link: Link | None) -> str:
    return "" if link is None else link.path


def selected(tensor: Tensor) -> list[Any]:
    """The links of the selected rows, or a list of them for each row that is a sequence."""
    reader = tensor._reader
    numbers = np.asarray(rows_of(tensor), np.int64)
    stored = np.flatnonzero(numbers < len(reader))
    result: list[Any] = [None] * len(numbers)
    for at, found in zip(stored.tolist(), of_rows(reader, numbers[stored]), strict=True):
        result[at] = found
    return result


def of_rows(reader: TensorReader, rows: np.ndarray) -> list[Any]:
    """The links of some rows, or a list of them for each row that is a sequence."""
    if isinstance(reader, SequenceReader):
        items = reader.items(rows)
        return items.by_row(reader.item_links(items))
    return reader.links(rows)


def single(tensor: Tensor) -> LinkedSample:
    """The one link that is selected.

    Raises:
        ValueError: It is not one.
        GetDataFromLinkError: It is no tensor of links.
    """
    _check(tensor)
    if len(tensor) != 1 or tensor.is_sequence:
        raise ValueError(f"exactly one link is needed; {tensor!r} selects {len(tensor)} samples")
    row = int(rows_of(tensor)[0])
    link = selected(tensor)[0]
    if link is None:
        raise ValueError(f"tensor {tensor.key!r}, row {row}: is None, and no link")
    return linked_sample(tensor._reader, link, row)


def linked_sample(reader: TensorReader, link: Link, row: int | None = None) -> LinkedSample:
    """A stored link the way tensors take it."""
    assert reader.linker is not None
    shape = None
    if row is not None and link.pin is not None:
        known = reader.shape(row)
        shape = known if any(known) else None
    name = reader.linker.name_of(link.creds)
    return LinkedSample.stored(link, name, reader.linker, shape, reader.schema.dtype)


def as_links(tensor: Tensor) -> list[Any]:
    """The selected links the way ``extend`` takes them."""
    reader = tensor._reader
    found = selected(tensor)
    if isinstance(reader, SequenceReader):
        return [
            None if row is None else [
                None if link is None else linked_sample(reader, link) for link in row
            ]
            for row in found
        ]  # fmt: skip
    return [
        None if link is None else linked_sample(reader, link, int(row))
        for link, row in zip(found, rows_of(tensor), strict=True)
    ]


__all__ = ["as_links", "linked_sample", "of_rows", "paths", "selected", "single"]
