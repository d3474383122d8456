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


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines as scripts that read them know them: wide as the cells, whatever the column's name."""
    below = [["-------"] * len(columns), *rows]
    widths = [max(_width(line[i]) for line in below) + 2 for i in range(len(columns))]
    return "\n".join(
        "".join(_centered(cell, width) for cell, width in zip(line, widths, strict=True))
        for line in (columns, *below)
    )


def _centered(text: str, width: int) -> str:
    left = max(width - _width(text), 0) // 2
    return " " * left + text + " " * max(width - _width(text) - left, 0)


def _width(text: str) -> int:
    """Columns that a text takes in a terminal: two for wide characters, none for accents."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def dataset_summary(dataset: Dataset) -> str:
    """The dataset's repr and a table of its tensors."""
    rows = [_row(name, tensor) for name, tensor in dataset.tensors.items()]
    return f"{dataset!r}\n\n{_table(COLUMNS, rows)}"


def tensor_summary(tensor: Tensor) -> str:
    """The tensor's repr and a table of one row."""
    return f"{tensor!r}\n\n{_table(COLUMNS[1:], [_row(tensor.key, tensor)[1:]])}"


__all__ = ["compression_text", "dataset_summary", "tensor_summary"]
