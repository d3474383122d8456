"""Datasets and tensors as text: what people look at first."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deeplake.dataset import extent

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.dataset.tensor import Tensor

COLUMNS = ("tensor", "htype", "shape", "dtype", "compression")


def _row(name: str, tensor: Tensor) -> tuple[str, ...]:
    dtype = tensor.dtype
    return (
        name,
        str(tensor.htype),
        shape_text(tensor),
        "None" if dtype is None else "str" if dtype.kind == "U" else dtype.name,
        compression_text(tensor),
    )


def shape_text(tensor: Tensor) -> str:
    """The shape of a tensor, for people. Links are not opened for it."""
    return str(extent.interval(tensor, look=False))


def compression_text(tensor: Tensor) -> str:
    """The compression of a tensor, for people."""
    if tensor.sample_compression:
        return tensor.sample_compression
    if tensor.chunk_compression:
        return f"{tensor.chunk_compression} (chunks)"
    return "None"


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [COLUMNS, ["-------"] * len(COLUMNS), *rows]
    widths = [max(_width(line[i]) for line in lines) + 2 for i in range(len(COLUMNS))]
    return "\n".join(
        "".join(
            cell.center(width - _width(cell) + len(cell))
            for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def _width(text: str) -> int:
    """Columns that a text takes in a terminal: two for wide characters, none for accents."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def dataset_summary(dataset: Dataset) -> str:
    """The dataset's repr and a table of its tensors."""
    rows = [_row(name, tensor) for name, tensor in dataset.tensors.items()]
    return f"{dataset!r}\n\n{_table(rows)}"


def tensor_summary(tensor: Tensor) -> str:
    """The tensor's repr and a table of one row."""
    return f"{tensor!r}\n\n{_table([_row(tensor.key, tensor)])}"


__all__ = ["compression_text", "dataset_summary", "tensor_summary"]
