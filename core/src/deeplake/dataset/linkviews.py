"""What is stored of the links that a tensor selects: without opening them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset.extent import rows as rows_of
from deeplake.dataset.linked import LinkedSample
from deeplake.dataset.linkgrid import LinkedTiledSample, paths_of
from deeplake.dataset.picked import Picked
from deeplake.dataset.sequence_reader import SequenceReader
from deeplake.errors import DynamicTensorNumpyError, GetDataFromLinkError
from deeplake.format.links import AnyLink, LinkGrid
from deeplake.types import Shape

if TYPE_CHECKING:
    from deeplake.dataset.reader import TensorReader
    from deeplake.dataset.tensor import Tensor


def check(tensor: Tensor) -> None:
    """Raise ``GetDataFromLinkError`` if the samples are no links."""
    if not tensor.is_link:
        raise GetDataFromLinkError(
            f"tensor {tensor.key!r} has htype {tensor.htype!r}: its samples are no links"
        )


def paths(tensor: Tensor, *, aslist: bool) -> Any:
    """Where the selected links lead to (see ``Tensor.path``)."""
    check(tensor)
    reader = tensor._reader
    if isinstance(reader, SequenceReader):
        taken = Picked(reader, rows_of(tensor), tensor._selection)
        found = taken.by_row([_path(link) for link in reader.item_links(taken.items)])
        rows = [np.array([row] if taken.single else row, str) for row in found]
        return rows[0] if tensor._selection.is_single else rows
    links = selected(tensor)
    arrays = [_paths(link) for link in links]
    if tensor._selection.is_single:
        return arrays[0]
    if aslist:
        return arrays
    if len({array.shape for array in arrays}) > 1:
        raise DynamicTensorNumpyError(
            f"tensor {tensor.key!r}: the samples that are selected have different numbers of linked "
            "files; use .path(aslist=True)"
        )
    return np.stack(arrays) if arrays else np.zeros((0, 1), str)


def _paths(link: AnyLink | None) -> np.ndarray:
    return paths_of(link) if isinstance(link, LinkGrid) else np.array([_path(link)])


def _path(link: AnyLink | None) -> str:
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
    """The links of some rows, or a list of them for each row that is a sequence.

    A row that is None is None.
    """
    if isinstance(reader, SequenceReader):
        items = reader.items(rows)
        found = items.by_row(reader.item_links(items))
        nulls = reader.nulls(rows).tolist()
        return [None if null else row for null, row in zip(nulls, found, strict=True)]
    return reader.links(rows)


def single(tensor: Tensor) -> LinkedSample | LinkedTiledSample:
    """The one link that is selected.

    Raises:
        ValueError: It is not one.
        GetDataFromLinkError: It is no tensor of links.
    """
    check(tensor)
    reader = tensor._reader
    row = int(rows_of(tensor)[0]) if len(rows_of(tensor)) == 1 else -1
    link: AnyLink | None = None
    shape = None
    if isinstance(reader, SequenceReader):
        taken = Picked(reader, rows_of(tensor), tensor._selection)
        if row >= 0 and len(taken.items) == 1:
            link, shape = reader.item_links(taken.items)[0], reader.pinned_shapes(taken.items)[0]
    elif 0 <= row < len(reader):
        link, shape = reader.links([row])[0], reader.pinned_shape(row)
    if link is None:
        raise ValueError(f"exactly one link is needed; {tensor!r} selects several, or None")
    return linked_sample(reader, link, shape)


def linked_sample(
    reader: TensorReader, link: AnyLink, shape: Shape | None
) -> LinkedSample | LinkedTiledSample:
    """A stored link the way tensors take it.

    Args:
        reader: Reads its tensor.
        link: The link.
        shape: Of what it leads to, where that is known.
    """
    assert reader.linker is not None
    name = reader.linker.name_of(link.creds)
    if isinstance(link, LinkGrid):
        return LinkedTiledSample.stored(link, name, shape, reader.schema.dtype)
    return LinkedSample.stored(link, name, reader.linker, shape, reader.schema.dtype)


def as_links(tensor: Tensor) -> list[Any]:
    """The selected links the way ``extend`` takes them, of a tensor without sequences."""
    reader = tensor._reader
    return [
        None if link is None else linked_sample(reader, link, reader.pinned_shape(int(row)))
        for link, row in zip(selected(tensor), rows_of(tensor), strict=True)
    ]


__all__ = ["as_links", "check", "linked_sample", "of_rows", "paths", "selected", "single"]
