"""The corpus has every rule, word and function of the language in it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import lark
import pytest
from tests.query import corpus

from deeplake_query_tql import expression, functions

GRAMMAR = (
    Path(__file__).parents[2] / "plugins" / "query_tql" / "src" / "deeplake_query_tql" / "tql.lark"
)
NEVER_PARSED = {"COMMENT", "WS"}


@cache
def parser() -> lark.Lark:
    """A parser of the grammar as it is written, whose trees leave nothing out."""
    text = re.sub(r"^\?(\w+):", r"\1:", GRAMMAR.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return lark.Lark(text, parser="lalr", keep_all_tokens=True, maybe_placeholders=False)


@cache
def trees() -> tuple[Any, ...]:
    """What the queries are made of."""
    return tuple(parser().parse(query) for query in corpus.queries())


def test_there_are_enough() -> None:
    assert len(set(corpus.queries())) >= 300


def test_every_rule() -> None:
    wanted = {
        str(rule.alias or rule.origin.name)
        for rule in parser().rules
        if not rule.origin.name.startswith("__")
    }
    # A rule whose alternatives all have names never stands in a tree itself.
    aliased = {rule.origin.name for rule in parser().rules if rule.alias}
    found = {str(node.data) for tree in trees() for node in tree.iter_subtrees()}
    assert wanted - found - aliased == set()


def test_every_word() -> None:
    wanted = {terminal.name for terminal in parser().terminals} - NEVER_PARSED
    found = {token.type for tree in trees() for token in tree.scan_values(lambda value: True)}
    assert wanted - found == set()
    assert any("--" in query for query in corpus.queries())


def test_every_comparison_and_sign() -> None:
    values = {str(token) for tree in trees() for token in tree.scan_values(lambda value: True)}
    assert {"==", "=", "!=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "%"} <= values


def _called(queries: list[str]) -> set[str]:
    return {
        str(node.children[0]).upper()
        for query in queries
        for node in parser().parse(query).iter_subtrees()
        if node.data == "call"
    }


def test_every_function() -> None:
    known = {*functions.FUNCTIONS, *functions.SPECIAL, *functions.AGGREGATES}
    assert known - _called(corpus.queries()) == set()


def test_every_function_that_reduces_groups() -> None:
    groups = [query for query in corpus.queries() if "GROUP BY" in query]
    assert set(functions.AGGREGATES) - _called(groups) == set()


def test_every_type() -> None:
    found = {
        str(node.children[0]).lower()
        for tree in trees()
        for node in tree.iter_subtrees()
        if node.data == "type"
    }
    assert set(expression.TYPES) - found == set()


def test_the_functions_are_those_of_the_reference() -> None:
    # Names that scripts know, from the language's own documentation.
    names = (
        "ALL ALL_STRICT ANY CONTAINS LOGICAL_AND LOGICAL_OR SHAPE SAMPLE_INFO DATA ROW_NUMBER RANDOM "
        "KEYS NONZERO AMIN AMAX SUM PROD AVG ABS SQRT L1_NORM L2_NORM LINF_NORM COSINE_SIMILARITY "
        "DOT HAMMING_DISTANCE MAXSIM MAX_WEIGHT SUM_WEIGHT COUNT MIN MAX"
    )
    wanted = set(re.findall(r"\w+", names))
    known = {*functions.FUNCTIONS, *functions.SPECIAL, *functions.AGGREGATES}
    assert wanted <= known


@pytest.mark.parametrize("query", corpus.queries())
def test_every_query_is_parsed_by_the_grammar_as_it_is_written(query: str) -> None:
    assert parser().parse(query).data == "start"
