"""From text to a tree: limits, the grammar, and errors that say what was expected."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from typing import cast

from lark import Lark, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from deeplake.errors import QueryError
from deeplake_query_tql.builder import MAX_DEPTH, MAX_LIST, Builder, TooMuch, counted
from deeplake_query_tql.complaint import Complaint, nearest
from deeplake_query_tql.tree import Query

MAX_TEXT = 200_000
"""Characters of a query."""

_STRANGE = re.compile("[\0\ud800-\udfff]")
"""What is no character of any text: NUL, and halves of characters."""
_READABLE = {
    "COMPARISON": "a comparison", "SIGN": "+ or -", "STAR": "*", "SLASH": "/",
    "PERCENT_SIGN": "%", "NAME": "a name", "QUOTED": 'a "name"', "STRING": "a 'text'",
    "NUMBER": "a number", "NAMED": "a parameter", "QMARK": "?", "COMMA": ",", "LPAR": "(",
    "RPAR": ")", "LSQB": "[", "RSQB": "]", "COLON": ":", "DOT": ".", "SEMICOLON": ";",
    "ELLIPSIS": "...", "$END": "the end",
}  # fmt: skip
_OPERATORS = {
    "COLON", "COMPARISON", "DOT", "LSQB", "PERCENT_SIGN", "RSQB", "SEMICOLON", "SIGN", "SLASH", "STAR",
}  # fmt: skip
_MEANT = {
    "&": "write AND", "|": "write OR", "!": "write NOT", "^": "^ is not supported: write POWER(a, b)",
    **dict.fromkeys("‘’“”´`", "texts stand in straight single quotes: 'text'"),
}  # fmt: skip
_UNSUPPORTED = re.compile(
    r"\b(?:(DATE|TIME|TIMESTAMP|INTERVAL)|(EXISTS|EXTRACT)\s*\([^()]*)\Z", re.IGNORECASE
)
"""What stands in front of an error where SQL has something that is not in the language."""
_INNER = re.compile(r"\bIN\s*\(\s*SELECT\Z", re.IGNORECASE)
_CLAUSES = ["FROM", "WHERE", "EXPAND", "GROUP", "UNGROUP", "ORDER", "SAMPLE", "LIMIT"]
MANY = 8
"""Kinds of words of which not all are listed."""


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = files("deeplake_query_tql").joinpath("tql.lark").read_text(encoding="utf-8")
    # The tree is built while the text is parsed: nothing walks down a tree that is too deep.
    return Lark(grammar, parser="lalr", lexer="contextual", transformer=Builder())


def parse(text: str) -> tuple[bool, Query, int]:
    """The tree of a query.

    Returns:
        Whether it is to be explained, the query, and how many ``?`` it has.

    Raises:
        QueryError: It is none, or goes beyond a limit.
    """
    complaint = Complaint(text)
    if len(text) > MAX_TEXT:
        raise QueryError(
            f"a query of {len(text)} characters is too long ({MAX_TEXT} are allowed); pass long lists "
            "as parameters: x IN ?"
        )
    strange = _STRANGE.search(text)
    if strange is not None:
        pos = strange.start()
        raise complaint.at(pos, f"Pos {pos} - a character that no query has")
    counted.questions = 0
    try:
        explain, query = cast(tuple[bool, Query], _parser().parse(text))
    except UnexpectedInput as error:
        raise _syntax(complaint, error) from None
    except TooMuch as error:
        raise complaint.at(error.pos, str(error)) from None
    return explain, query, counted.questions


def _syntax(complaint: Complaint, error: UnexpectedInput) -> QueryError:
    text, pos = complaint.text, len(complaint.text.rstrip())
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        pos, got = error.token.start_pos or 0, str(error.token)
        expected = set(error.expected)
    elif isinstance(error, UnexpectedCharacters):
        pos = cast(int, error.pos_in_stream)
        word = re.match(r"\w+|.", text[pos:], re.DOTALL)
        got = word.group() if word else ""
        expected = set(error.allowed or ())
    else:
        got = ""
        expected = set(getattr(error, "expected", ()))
    expected -= {"WS", "COMMENT"}
    if len(expected) > MANY:
        expected -= _OPERATORS  # which can follow nearly everything
    words = sorted(name for name in expected if name not in _READABLE)
    others = sorted(_READABLE[name] for name in expected if name in _READABLE)
    wanted = [*words, *others]
    listed = ", ".join(wanted[:12]) + (" …" if len(wanted) > 12 else "")
    unexpected = f"unexpected {got[:40]!r}" if got else "unexpected end of the query"
    message = f"Pos {pos} - syntax error, {unexpected}, expecting {listed or 'nothing more'}"
    hint = _hint(text, pos, got, words)
    return complaint.at(pos, message + (f"; {hint}" if hint else ""), pos + len(got))


def _hint(text: str, pos: int, got: str, words: list[str]) -> str:
    """What may have been meant."""
    before = text[:pos].rstrip()
    if got == "'":
        return "a text ends with the quote that it begins with"
    if got in ("=", ">", "<") and before.endswith("="):
        return "comparisons are == != < <= > >="
    if got in _MEANT:
        return _MEANT[got]
    if (word := _UNSUPPORTED.search(before)) is not None:
        return f"{(word[1] or word[2]).upper()} is not supported"
    if _INNER.search(before) is not None:
        return "a query in IN (…) is not supported"
    if got == "[" and before.upper().endswith("ARRAY["):
        return "nested ARRAY[[…]] is not supported: write ARRAY[ARRAY[…], …]"
    if before.upper().endswith(" IN"):
        return "a list is written IN (1, 2)"
    near = nearest(got, words, 0.7).removeprefix("; ") if got.isidentifier() else ""
    if not before and not near:
        return "a query begins with SELECT"
    if got.upper() in _CLAUSES:
        return f"clauses stand in this order: {' '.join(_CLAUSES)}"
    if got.upper() in ("NONE", "NIL"):
        return "what has no value is NULL"
    if got.upper() == "HAVING":
        return "conditions on groups are a query of a query: SELECT * FROM (…) WHERE …"
    return near


__all__ = ["MAX_DEPTH", "MAX_LIST", "MAX_TEXT", "parse"]
