"""Row selections as JSON, small for ranges and compact for long lists."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

from deeplake.dataset.selection import Selection
from deeplake.errors import FormatError

MAX_ROWS = 1 << 32
_PACK_FROM = 64


def to_json(selection: Selection, length: int) -> dict[str, Any]:
    """The selected rows and subscripts; "all rows" becomes the rows there are."""
    bound = selection.bind(length)
    rows = bound.rows(length)
    if isinstance(rows, np.ndarray) and len(rows) >= _PACK_FROM:
        packed = zlib.compress(np.diff(rows, prepend=0).astype("<i8").tobytes(), 6)
        entries = Selection(0, bound.steps).to_json()[1:]
        return {"deltas": base64.b64encode(packed).decode(), "count": len(rows), "rest": entries}
    return {"index": bound.to_json()}


def from_json(value: Any, name: str) -> Selection:
    """The selection that ``to_json`` wrote.

    Raises:
        FormatError: It is none.
    """
    try:
        if "index" in value:
            return Selection.from_json(value["index"])
        count = value["count"]
        if not isinstance(count, int) or not 0 <= count < MAX_ROWS:
            raise ValueError(f"{count!r} rows")
        inflate = zlib.decompressobj()
        data = inflate.decompress(base64.b64decode(value["deltas"], validate=True), 8 * count + 1)
        if len(data) != 8 * count:
            raise ValueError(f"{len(data)} bytes for {count} rows")
        rows = np.cumsum(np.frombuffer(data, "<i8"), dtype=np.int64)
        rows.flags.writeable = False
        steps = Selection.from_json([0, *value["rest"]]).steps
        return Selection(rows, steps)
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise FormatError(f"{name}: its rows cannot be read: {error}") from error


__all__ = ["from_json", "to_json"]
