"""Queries of datasets: what the engine is given, and what becomes of its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake import plugins, random
from deeplake.dataset import drawing
from deeplake.dataset.columns import StoredColumns
from deeplake.dataset.selection import Selection
from deeplake.errors import QueryError
from deeplake.spi import Columns, QueryEnvironment, QueryResult

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

LANGUAGE = "tql"
"""Key of the query engine."""
_STREAM = 0x51
"""Tells these random numbers from others of the same seed."""

Parameters = Sequence[Any] | Mapping[str, Any]


class Environment(QueryEnvironment):
    """What a query may ask of the kernel.

    Args:
        creds, token: For datasets that it names by their paths.
    """

    def __init__(self, creds: Any = None, token: str | None = None) -> None:
        self._creds = creds
        self._token = token
        self._generator: np.random.Generator | None = None
        self._opened: dict[str, StoredColumns] = {}

    def open(self, path: str) -> Columns:
        found = self._opened.get(path)
        if found is None:
            from deeplake.dataset.entry import load

            dataset = load(
                path, read_only=True, creds=self._creds, token=self._token, verbose=False
            )
            found = self._opened[path] = StoredColumns.of(dataset)
        return found

    @property
    def opened(self) -> Dataset | None:
        """The first dataset that was opened."""
        return next((columns.origin for columns in self._opened.values()), None)

    def sample(
        self, weights: np.ndarray, rows: range | np.ndarray, *, size: int, replace: bool
    ) -> np.ndarray:
        return drawing.drawn(weights, rows, size=size, replace=replace)

    def generator(self) -> np.random.Generator:
        if self._generator is None:
            seed = random.get_seed()
            entropy = None if seed is None else [seed, _STREAM]
            self._generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
        return self._generator


def query(
    dataset: Dataset, text: str, parameters: Parameters = (), language: str = LANGUAGE
) -> Dataset:
    """The view that a query of one dataset gives (see ``Dataset.query``)."""
    compiled = plugins.get("query", language).compile(text, parameters)
    environment = Environment()
    columns = StoredColumns.of(dataset)
    result = compiled.run(columns, environment)
    if result.source is None:
        result = replace(result, source=columns)
    return view_of(result, dataset, text, environment)


def query_paths(
    text: str, parameters: Parameters = (), *, creds: Any = None, token: str | None = None
) -> Dataset:
    """The view that a query gives which names its datasets (see ``deeplake.query``)."""
    compiled = plugins.get("query", LANGUAGE).compile(text, parameters)
    environment = Environment(creds, token)
    result = compiled.run(None, environment)
    return view_of(result, None, text, environment)


def view_of(
    result: QueryResult, dataset: Dataset | None, text: str, environment: Environment
) -> Dataset:
    """What a query found, as a view.

    Args:
        result: What it found.
        dataset: What it was about; None: what its ``FROM`` named.
        text: The query, which the view remembers.
        environment: Knows what was opened.
    """
    if result.columns is not None:
        from deeplake.dataset.virtual import virtual

        about = environment.opened if dataset is None else dataset
        if about is None:
            raise QueryError("the query names no dataset")
        view = virtual(result, about)
        object.__setattr__(view, "_query", text)
        if result.text is not None:
            print(result.text)
        return view
    source = result.source
    if not isinstance(source, StoredColumns) or source.origin is None:
        raise QueryError("the query engine gave rows of a table that is no dataset's")
    view = rows_of(source, result)
    object.__setattr__(view, "_query", text)
    if result.text is not None:
        print(result.text)
    return view


def rows_of(source: StoredColumns, result: QueryResult) -> Dataset:
    """Rows of a stored dataset as a view of it."""
    origin = source.origin
    assert origin is not None
    assert result.rows is not None
    rows = np.ascontiguousarray(result.rows, np.int64)
    rows.flags.writeable = False
    lengths = {len(source.columns[name].reader) for name in source.visible}
    names = None if result.names is None else origin._restricted(result.names)
    selection = Selection(rows, source.steps.steps)
    view: Dataset = origin._view(selection, names=names, padded="none" if len(lengths) > 1 else "")
    return view


__all__ = ["Environment", "Parameters", "query", "query_paths", "rows_of", "view_of"]
