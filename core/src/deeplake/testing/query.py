"""What every query engine must do: a suite for the tests of its plugin.

Example:
    class TestTql(QueryContract):
        kind = Tql
        condition = "x >= 3"  # of the rows 0 … 9 of x, those from 3 on
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import pytest

import deeplake
from deeplake.dataset.columns import StoredColumns
from deeplake.dataset.querying import Environment
from deeplake.errors import QueryError
from deeplake.spi import QueryEngine
from deeplake.testing.contract import Contract

ROWS = 10


class QueryContract(Contract):
    """Tests of a query engine.

    Attributes:
        kind: The engine's class.
        condition: An expression of its language that is true of a tensor ``x`` from 3 on.
        wrong: A text that is nothing in its language.
    """

    kind: ClassVar[type[QueryEngine]]
    condition: ClassVar[str]
    wrong: ClassVar[str] = "¿ nothing at all ?"

    @pytest.fixture
    def dataset(self) -> deeplake.Dataset:
        """Rows 0 … 9 of ``x``, and the same as text."""
        ds = deeplake.empty("mem://query-contract")
        ds.create_tensor("x", dtype="int64").extend(np.arange(ROWS))
        ds.create_tensor("t", htype="text").extend([str(i) for i in range(ROWS)])
        return ds

    def _rows(self, view: deeplake.Dataset, parameters: Any = ()) -> list[int]:
        engine = self.kind()
        text = engine.condition(self.condition)
        assert text is not None
        result = engine.compile(text, parameters).run(StoredColumns.of(view), Environment())
        assert result.rows is not None
        assert result.rows.dtype == np.int64
        assert result.columns is None
        return [int(row) for row in result.rows]

    def test_says_for_which_contract_it_was_written(self) -> None:
        assert self.kind.api is not None

    def test_a_condition_chooses_rows_in_order(self, dataset: deeplake.Dataset) -> None:
        assert self._rows(dataset) == list(range(3, ROWS))

    def test_rows_are_numbers_of_the_dataset_and_keep_the_views_order(
        self, dataset: deeplake.Dataset
    ) -> None:
        assert self._rows(dataset[::-1]) == list(range(ROWS - 1, 2, -1))
        assert self._rows(dataset[[7, 1, 7]]) == [7, 7]
        assert self._rows(dataset[:0]) == []

    def test_what_is_wrong_is_a_query_error(self, dataset: deeplake.Dataset) -> None:
        engine = self.kind()
        with pytest.raises(QueryError):
            engine.compile(self.wrong).run(StoredColumns.of(dataset), Environment())
        assert engine.condition(self.wrong) is None

    def test_names_that_mean_nothing_are_query_errors(self, dataset: deeplake.Dataset) -> None:
        with pytest.raises(QueryError):
            self._rows(dataset[["t"]])

    def test_explains_without_changing_anything(self, dataset: deeplake.Dataset) -> None:
        engine = self.kind()
        text = engine.condition(self.condition)
        assert text is not None
        compiled = engine.compile(text)
        assert compiled.explain(StoredColumns.of(dataset), Environment())
        assert len(dataset) == ROWS

    def test_may_be_used_by_several_threads(self, dataset: deeplake.Dataset) -> None:
        with ThreadPoolExecutor(4) as pool:
            found = [*pool.map(lambda _: self._rows(dataset), range(16))]
        assert found == [list(range(3, ROWS))] * 16


__all__ = ["QueryContract"]
