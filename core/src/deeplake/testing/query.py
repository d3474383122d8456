"""What every query engine must do: a suite for the tests of its plugin.

Example:
    class TestTql(QueryContract):
        kind = Tql
        condition = "x >= 3"  # of the rows 0 … 9 of x, those from 3 on
        placeholder = "x >= ?"  # the same, with the number as a parameter
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
from deeplake.spi import Plugin, Query, QueryEngine
from deeplake.testing.contract import PluginContract

ROWS = 10


class QueryContract(PluginContract):
    """Suite for a ``QueryEngine``.

    Attributes:
        kind: The engine's class.
        condition: An expression of its language that is true of a tensor ``x`` from 3 on.
        placeholder: The same with a parameter in place of the 3; None: the language has none, and
            parameters are refused.
        wrong: A text that is nothing in its language.
        heavy: Modules that importing the engine's module must not load.
    """

    kind: ClassVar[type[QueryEngine]]
    condition: ClassVar[str]
    placeholder: ClassVar[str | None] = None
    wrong: ClassVar[str] = "¿ nothing at all ?"

    @pytest.fixture
    def dataset(self) -> deeplake.Dataset:
        """Rows 0 … 9 of ``x``, and the same as text."""
        return numbered(ROWS)

    def plugin_class(self) -> type[Plugin]:
        return self.kind

    def _compiled(self, parameters: Any = ()) -> Query:
        text = self.condition if not parameters else self.placeholder
        assert text is not None
        query = self.kind().condition(text)
        assert query is not None, f"{text!r} is no expression"
        return self.kind().compile(query, parameters)

    # ------------------------------------------------------------------ which rows
    def test_a_condition_chooses_rows_in_order(self, dataset: deeplake.Dataset) -> None:
        assert _rows(self._compiled(), dataset) == list(range(3, ROWS))

    def test_rows_are_numbers_of_the_dataset_and_keep_the_views_order(
        self, dataset: deeplake.Dataset
    ) -> None:
        compiled = self._compiled()
        assert _rows(compiled, dataset[::-1]) == list(range(ROWS - 1, 2, -1))
        assert _rows(compiled, dataset[4:8]) == [4, 5, 6, 7]

    def test_a_row_that_comes_twice_is_found_twice(self, dataset: deeplake.Dataset) -> None:
        assert _rows(self._compiled(), dataset[[7, 1, 7]]) == [7, 7]

    def test_no_rows_are_an_answer(self, dataset: deeplake.Dataset) -> None:
        compiled = self._compiled()
        assert _rows(compiled, dataset[:0]) == []
        assert _rows(compiled, dataset[:3]) == []
        assert _rows(compiled, numbered(0)) == []

    def test_a_query_runs_again_and_elsewhere(self, dataset: deeplake.Dataset) -> None:
        compiled = self._compiled()
        assert _rows(compiled, dataset) == list(range(3, ROWS))
        assert _rows(compiled, numbered(5)) == [3, 4]
        dataset.x.append(ROWS)
        dataset.t.append("")
        assert _rows(compiled, dataset) == list(range(3, ROWS + 1))

    def test_the_answer_belongs_to_who_asked(self, dataset: deeplake.Dataset) -> None:
        compiled = self._compiled()
        columns = StoredColumns.of(dataset[3:])
        first = compiled.run(columns, Environment())
        assert first.rows is not None
        kept = first.rows.tolist()
        if first.rows.flags.writeable:
            first.rows[:] = 0
        again = compiled.run(columns, Environment())
        assert again.rows is not None
        assert again.rows.tolist() == kept

    # ------------------------------------------------------------------ parameters
    def test_parameters_are_values(self, dataset: deeplake.Dataset) -> None:
        if self.placeholder is None:
            return
        for least in (3, 9, 10, -1):
            assert _rows(self._compiled([least]), dataset) == list(range(max(least, 0), ROWS))

    def test_a_parameter_is_never_read_as_text(self, dataset: deeplake.Dataset) -> None:
        """What somebody typed cannot become a part of the query: refused, or equal to nothing."""
        if self.placeholder is None:
            return
        for text in ("3", "x", "3 or x >= 0", "3) OR (x >= 0", self.condition):
            try:
                found = _rows(self._compiled([text]), dataset)
            except QueryError:
                continue
            assert found == [], f"the parameter {text!r} was read as a part of the query"

    def test_parameters_that_do_not_fit_are_query_errors(self, dataset: deeplake.Dataset) -> None:
        text = self.placeholder or self.condition
        query = self.kind().condition(text)
        assert query is not None
        for parameters in ([1, 2], *([[]] if self.placeholder else [[1]])):
            with pytest.raises(QueryError):
                self.kind().compile(query, parameters).run(StoredColumns.of(dataset), Environment())

    # ------------------------------------------------------------------ what is wrong
    def test_what_is_wrong_is_a_query_error(self, dataset: deeplake.Dataset) -> None:
        for text in (self.wrong, "", " ", "\x00", self.condition * 2 + "\N{PILE OF POO}"):
            with pytest.raises(QueryError):
                self.kind().compile(text).run(StoredColumns.of(dataset), Environment())

    def test_what_is_no_expression_is_no_condition(self) -> None:
        assert self.kind().condition(self.wrong) is None

    def test_names_that_mean_nothing_are_query_errors(self, dataset: deeplake.Dataset) -> None:
        with pytest.raises(QueryError):
            _rows(self._compiled(), dataset[["t"]])

    def test_values_that_make_no_sense_are_query_errors(self) -> None:
        """A column of texts where a number is compared: refused, or equal to nothing."""
        ds = deeplake.empty("mem://query-contract-texts")
        ds.create_tensor("x", htype="text").extend(["5", "a", ""])
        try:
            found = _rows(self._compiled(), ds)
        except QueryError:
            return
        assert found == []

    def test_a_condition_needs_a_dataset(self) -> None:
        """There is no ``FROM`` in it."""
        with pytest.raises(QueryError):
            self._compiled().run(None, Environment())

    # ------------------------------------------------------------------ the rest
    def test_explains_without_changing_anything(self, dataset: deeplake.Dataset) -> None:
        compiled = self._compiled()
        columns = StoredColumns.of(dataset)
        words = compiled.explain(columns, Environment())
        assert isinstance(words, str)
        assert words.strip()
        assert compiled.explain(columns, Environment()) == words
        assert len(dataset) == ROWS
        assert not dataset.has_head_changes
        assert _rows(compiled, dataset) == list(range(3, ROWS))

    def test_may_be_used_by_several_threads(self, dataset: deeplake.Dataset) -> None:
        """One engine for queries of all threads, and one query for all threads."""
        engine = self.kind()
        one = self._compiled()
        query = engine.condition(self.condition)
        assert query is not None

        def ask(turn: int) -> list[int]:
            if turn % 3 == 0:
                with pytest.raises(QueryError):
                    engine.compile(self.wrong).run(StoredColumns.of(dataset), Environment())
            compiled = one if turn % 2 else engine.compile(query)
            return _rows(compiled, dataset[turn % 3 :])

        with ThreadPoolExecutor(4) as pool:
            found = [*pool.map(ask, range(48))]
        assert found == [list(range(3, ROWS))] * 48


def numbered(count: int) -> deeplake.Dataset:
    """A dataset in memory with rows 0 … ``count - 1`` of ``x``, and the same as text in ``t``."""
    ds = deeplake.empty("mem://query-contract")
    ds.create_tensor("x", dtype="int64").extend(np.arange(count))
    ds.create_tensor("t", htype="text").extend([str(i) for i in range(count)])
    ds.commit("numbers")
    return ds


def _rows(compiled: Query, view: deeplake.Dataset) -> list[int]:
    result = compiled.run(StoredColumns.of(view), Environment())
    assert result.rows is not None
    assert result.rows.dtype == np.int64
    assert result.rows.ndim == 1
    assert result.columns is None
    return [int(row) for row in result.rows]


__all__ = ["QueryContract", "numbered"]
