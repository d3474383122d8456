"""What an expression of the query language gives for each row."""

from __future__ import annotations

import numpy as np

from deeplake import plugins
from deeplake.dataset import drawing
from deeplake.dataset.querying import LANGUAGE, Environment
from deeplake.errors import QueryError, WeightsError
from deeplake.spi import Columns, Values


def computed(columns: Columns, expression: str) -> np.ndarray:
    """``(n,)``: one value for each row that the columns are about.

    Raises:
        PluginNotFoundError: No query engine is installed.
        QueryError: The expression is wrong.
        WeightsError: It gives arrays, or nothing for some row.
    """
    query = plugins.get("query", LANGUAGE).compile(drawing.as_column(expression))
    result = query.run(columns, Environment())
    if result.columns is None or [*result.columns] != [drawing.VALUE]:
        raise QueryError(f"{expression!r} is more than one expression")
    values = result.columns[drawing.VALUE].read(0, result.length)
    if values.nulls is not None and values.nulls.any():
        row = int(np.argmax(values.nulls))
        raise WeightsError(f"{expression!r} has no value for row {row}")
    found = _plain(values)
    if found.shape != (result.length,):
        raise WeightsError(f"{expression!r} gives arrays: rows are drawn by one value each")
    return found


def _plain(values: Values) -> np.ndarray:
    """The values as an array, one a row where each sample has one."""
    count = len(values)
    if values.ends is None:
        if not isinstance(values.data, np.ndarray):
            objects = np.empty(count, object)
            objects[:] = values.data
            return objects
        flat = values.data.reshape(count, -1) if count else np.zeros((0, 1))
        return flat[:, 0] if flat.shape[1] == 1 else flat
    ends = values.ends.tolist()
    starts = [values.begin, *ends[:-1]]
    if values.shapes is not None:
        sizes = np.diff(values.ends, prepend=values.begin)
        data = np.asarray(values.data)[values.begin : ends[-1] if ends else values.begin]
        return data if (sizes == 1).all() else np.zeros((count, 0))  # of another shape
    text = np.asarray(values.data).tobytes()
    return np.array([text[a:b].decode() for a, b in zip(starts, ends, strict=True)], str)


__all__ = ["computed"]
