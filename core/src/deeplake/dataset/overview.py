"""What is stored for a tensor, found out without reading its data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.format.pieces import VALID, Pieces
from deeplake.format.statistics import bounds_dtype

if TYPE_CHECKING:
    from deeplake.dataset.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Overview:
    """Figures of one tensor in one version.

    Attributes:
        rows: Samples.
        chunks: Chunks that hold them.
        nbytes: Bytes of these chunks, rows included that other versions have.
        nulls: Samples that may be None, at most.
        low, high: No value is below or above; None where that is not known.
    """

    rows: int
    chunks: int
    nbytes: int
    nulls: int
    low: float | None
    high: float | None

    @classmethod
    def of(cls, tensor: Tensor) -> Overview:
        """The figures of a whole tensor, from its pieces."""
        draft = tensor._draft
        pieces = draft.table.pieces()
        high, low = pieces["object"][:, 0], pieces["object"][:, 1]
        chunks = np.unique(np.column_stack([high, low, pieces["offset"], pieces["length"]]), axis=0)
        bounds = _bounds(pieces, draft.schema.dtype)
        return cls(
            rows=draft.length,
            chunks=len(chunks),
            nbytes=int(chunks[:, -1].sum()),
            nulls=int(np.minimum(pieces["nulls"], pieces["count"]).sum()),
            low=bounds[0],
            high=bounds[1],
        )


def _bounds(pieces: Pieces, dtype: str | None) -> tuple[Any, Any]:
    """Bounds of all values; None if they are not known of every piece that has values."""
    wide = bounds_dtype(dtype)
    filled = pieces[pieces["nulls"] < pieces["count"]]
    if wide is None or not len(filled) or not (filled["flags"] & VALID).all():
        return None, None
    low = np.ascontiguousarray(filled["min"]).view(wide).min()
    high = np.ascontiguousarray(filled["max"]).view(wide).max()
    return low.item(), high.item()


__all__ = ["Overview"]
