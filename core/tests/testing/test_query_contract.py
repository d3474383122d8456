"""The query suite passes on the smallest engine there is, and its tests fail on twins that break it."""

from __future__ import annotations

import operator
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from deeplake import spi
from deeplake.errors import QueryError
from deeplake.testing.contract import perform
from deeplake.testing.query import ROWS, QueryContract, numbered

COMPARISON = re.compile(r"\s*(\w+)\s*(>=|<)\s*(-?\d+|\?)\s*")
SIGNS = {">=": operator.ge, "<": operator.lt}


class Comparison(spi.Query):
    """``x >= 3``."""

    def __init__(self, name: str, sign: str, value: float) -> None:
        self.name, self.sign, self.value = name, sign, value

    def run(
        self, columns: spi.Columns | None, environment: spi.QueryEnvironment
    ) -> spi.QueryResult:
        if columns is None:
            raise QueryError("which dataset?")
        if self.name not in columns.schema:
            raise QueryError(f"there is no tensor {self.name!r}")
        if columns.schema[self.name].htype == "text":
            raise QueryError(f"tensor {self.name!r} has no numbers")
        rows = np.asarray(columns.rows, np.int64)
        return self.chosen(rows, self.holds(columns, rows))

    def holds(self, columns: spi.Columns, rows: np.ndarray) -> np.ndarray:
        values = np.asarray(columns.read(self.name, rows).data).reshape(-1)
        found: np.ndarray = SIGNS[self.sign](values, self.value)
        return found

    def chosen(self, rows: np.ndarray, holds: np.ndarray) -> spi.QueryResult:
        return spi.QueryResult(rows=rows[holds], length=int(holds.sum()))

    def explain(self, columns: spi.Columns | None, environment: spi.QueryEnvironment) -> str:
        return f"read {self.name}, keep {self.sign} {self.value}"


class Comparing(spi.QueryEngine, api=(1, 0)):
    """Compiles comparisons."""

    query: type[Comparison] = Comparison

    def compile(self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> spi.Query:
        found = COMPARISON.fullmatch(text)
        if not found:
            raise QueryError(f"{text!r} is no comparison")
        return self.query(found[1], found[2], self.number(found[3], list(parameters)))

    def number(self, text: str, parameters: list[Any]) -> float:
        if len(parameters) != (text == "?"):
            raise QueryError("one parameter for each ?")
        value = parameters[0] if parameters else int(text)
        if not isinstance(value, (int, float)):
            raise QueryError(f"{value!r} is no number")
        return value

    def condition(self, text: str) -> str | None:
        return text if COMPARISON.fullmatch(text) else None


class ComparingSuite(QueryContract):
    kind = Comparing
    condition = "x >= 3"
    placeholder = "x >= ?"


class TestComparing(ComparingSuite):
    heavy = ("torch", "duckdb")


class Plain(Comparing):
    """A language without parameters."""

    def number(self, text: str, parameters: list[Any]) -> float:
        if parameters or text == "?":
            raise QueryError("there are no parameters")
        return int(text)


class TestPlain(QueryContract):
    kind = Plain
    condition = "x >= 3"


# --------------------------------------------------------------------------- broken twins
class WithoutApi(Comparing):
    api = None


class OfTheFuture(Comparing):
    api = (1, 99)


class NeedsArguments(Comparing):
    def __init__(self, dialect: str) -> None:
        self.dialect = dialect


class OffByOne(Comparing):
    class query(Comparison):
        def holds(self, columns: spi.Columns, rows: np.ndarray) -> np.ndarray:
            return super().holds(columns, rows) & (rows > self.value)


class Backwards(Comparing):
    class query(Comparison):
        def chosen(self, rows: np.ndarray, holds: np.ndarray) -> spi.QueryResult:
            return super().chosen(rows[::-1], holds[::-1])


class Narrow(Comparing):
    """Row numbers of 32 bits."""

    class query(Comparison):
        def chosen(self, rows: np.ndarray, holds: np.ndarray) -> spi.QueryResult:
            return super().chosen(rows.astype(np.int32), holds)


class Masks(Comparing):
    class query(Comparison):
        def chosen(self, rows: np.ndarray, holds: np.ndarray) -> spi.QueryResult:
            return spi.QueryResult(rows=holds, length=int(holds.sum()))


class Positions(Comparing):
    """Positions in the view in place of rows of the dataset."""

    class query(Comparison):
        def chosen(self, rows: np.ndarray, holds: np.ndarray) -> spi.QueryResult:
            return super().chosen(np.arange(len(rows)), holds)


class Sorts(Comparing):
    class query(Comparison):
        def chosen(self, rows: np.ndarray, holds: np.ndarray) -> spi.QueryResult:
            return super().chosen(np.sort(rows), holds[np.argsort(rows, kind="stable")])


class OnceEach(Comparing):
    class query(Comparison):
        def chosen(self, rows: np.ndarray, holds: np.ndarray) -> spi.QueryResult:
            _, first = np.unique(rows, return_index=True)
            keep = np.isin(np.arange(len(rows)), first)
            return super().chosen(rows[keep], holds[keep])


class NeedsOne(Comparing):
    """Has no answer where there is nothing."""

    class query(Comparison):
        def holds(self, columns: spi.Columns, rows: np.ndarray) -> np.ndarray:
            found = super().holds(columns, rows)
            found[found.argmax()] |= False
            return found


class Remembers(Comparing):
    """Gives the first answer again."""

    class query(Comparison):
        answer: spi.QueryResult | None = None

        def chosen(self, rows: np.ndarray, holds: np.ndarray) -> spi.QueryResult:
            self.answer = self.answer or super().chosen(rows, holds)
            return self.answer


class Shares(Comparing):
    """Gives out an array that it goes on using."""

    class query(Comparison):
        known: np.ndarray | None = None

        def chosen(self, rows: np.ndarray, holds: np.ndarray) -> spi.QueryResult:
            found = super().chosen(rows, holds)
            if self.known is None or len(self.known) != found.length:
                self.known = found.rows
            return spi.QueryResult(rows=self.known, length=found.length)


class Constant(Comparing):
    """Takes no notice of the parameter."""

    def number(self, text: str, parameters: list[Any]) -> float:
        super().number(text, parameters)
        return 3


class Pastes(Comparing):
    """Puts the parameter into the text."""

    def compile(self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> spi.Query:
        for value in parameters:
            text = text.replace("?", str(value), 1)
        return super().compile(text)


class Generous(Comparing):
    def number(self, text: str, parameters: list[Any]) -> float:
        return super().number(text, parameters[: text == "?"])


class Guesses(Comparing):
    def number(self, text: str, parameters: list[Any]) -> float:
        return super().number(text, parameters or [0] * (text == "?"))


class LeaksOfText(Comparing):
    def compile(self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> spi.Query:
        try:
            return super().compile(text, parameters)
        except QueryError as error:
            raise ValueError(str(error)) from error


class Forgiving(Comparing):
    """Takes nothing for everything."""

    def compile(self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> spi.Query:
        return super().compile(text if text.strip() else "x >= 0", parameters)


class Agrees(Comparing):
    def condition(self, text: str) -> str | None:
        return text


class LeaksOfNames(Comparing):
    class query(Comparison):
        def run(
            self, columns: spi.Columns | None, environment: spi.QueryEnvironment
        ) -> spi.QueryResult:
            if columns is not None:
                columns.schema[self.name]
            return super().run(columns, environment)


class LeaksOfValues(Comparing):
    class query(Comparison):
        def run(
            self, columns: spi.Columns | None, environment: spi.QueryEnvironment
        ) -> spi.QueryResult:
            if columns is not None and columns.schema[self.name].htype == "text":
                raise TypeError("str and int")
            return super().run(columns, environment)


class Believes(Comparing):
    """Finds a dataset where none is named."""

    class query(Comparison):
        def run(
            self, columns: spi.Columns | None, environment: spi.QueryEnvironment
        ) -> spi.QueryResult:
            if columns is None:
                return spi.QueryResult(rows=np.zeros(0, np.int64))
            return super().run(columns, environment)


class Silent(Comparing):
    class query(Comparison):
        def explain(self, columns: spi.Columns | None, environment: spi.QueryEnvironment) -> str:
            return " "


class Inverts(Comparing):
    """Explaining changes what is asked."""

    class query(Comparison):
        def explain(self, columns: spi.Columns | None, environment: spi.QueryEnvironment) -> str:
            text = super().explain(columns, environment)
            self.sign = "<"
            return text


class OneScratch(Comparing):
    """Keeps what it compiles in itself."""

    def compile(self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> spi.Query:
        self.text = text
        time.sleep(0.002)  # another thread comes in between
        return super().compile(self.text, parameters)


class OneThread(Comparing):
    """Its queries work where they were compiled."""

    class query(Comparison):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.thread = threading.get_ident()

        def holds(self, columns: spi.Columns, rows: np.ndarray) -> np.ndarray:
            assert self.thread == threading.get_ident()
            return super().holds(columns, rows)


FAULTS: dict[type[Comparing], str] = {
    WithoutApi: "states_what_the_registry_needs",
    OfTheFuture: "states_what_the_registry_needs",
    NeedsArguments: "states_what_the_registry_needs",
    OffByOne: "a_condition_chooses_rows_in_order",
    Backwards: "a_condition_chooses_rows_in_order",
    Narrow: "a_condition_chooses_rows_in_order",
    Masks: "a_condition_chooses_rows_in_order",
    Positions: "rows_are_numbers_of_the_dataset_and_keep_the_views_order",
    Sorts: "rows_are_numbers_of_the_dataset_and_keep_the_views_order",
    OnceEach: "a_row_that_comes_twice_is_found_twice",
    NeedsOne: "no_rows_are_an_answer",
    Remembers: "a_query_runs_again_and_elsewhere",
    Shares: "the_answer_belongs_to_who_asked",
    Constant: "parameters_are_values",
    Pastes: "a_parameter_is_never_read_as_text",
    Generous: "parameters_that_do_not_fit_are_query_errors",
    Guesses: "parameters_that_do_not_fit_are_query_errors",
    LeaksOfText: "what_is_wrong_is_a_query_error",
    Forgiving: "what_is_wrong_is_a_query_error",
    Agrees: "what_is_no_expression_is_no_condition",
    LeaksOfNames: "names_that_mean_nothing_are_query_errors",
    LeaksOfValues: "values_that_make_no_sense_are_query_errors",
    Believes: "a_condition_needs_a_dataset",
    Silent: "explains_without_changing_anything",
    Inverts: "explains_without_changing_anything",
    OneScratch: "may_be_used_by_several_threads",
    OneThread: "may_be_used_by_several_threads",
}


@pytest.mark.parametrize(("twin", "name"), FAULTS.items(), ids=lambda v: getattr(v, "__name__", v))
def test_a_twin_with_a_fault_is_found(twin: type[Comparing], name: str) -> None:
    suite = type("Suite", (ComparingSuite,), {"kind": twin})
    with pytest.raises((Exception, pytest.fail.Exception)):
        perform(suite(), f"test_{name}", dataset=lambda: numbered(ROWS))


def test_every_test_finds_a_fault() -> None:
    names = {name.removeprefix("test_") for name in dir(QueryContract) if name.startswith("test_")}
    assert names - {"import_is_cheap", "no_test_of_the_suite_is_missing"} == set(FAULTS.values())


def test_heavy_imports_are_found() -> None:
    suite = type("Suite", (ComparingSuite,), {"heavy": ("re",)})
    with pytest.raises(AssertionError, match="loads"):
        perform(suite(), "test_import_is_cheap")
