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
    words = sorted(name for name in expected if name not in _READABLE)
    others = sorted(_READABLE[name] for name in expected if name in _READABLE)
    wanted = [*others, *words]
    listed = ", ".join(wanted[:12]) + (" …" if len(wanted) > 12 else "")
    unexpected = f"unexpected {got[:40]!r}" if got else "unexpected end of the query"
    message = f"Pos {pos} - syntax error, {unexpected}, expecting {listed or 'nothing more'}"
    if got[:1] == "'":
        message += "; a text ends with the quote that it begins with"
    elif got.isidentifier():
        message += nearest(got, words)
    return complaint.at(pos, message, pos + len(got))


__all__ = ["MAX_DEPTH", "MAX_LIST", "MAX_TEXT", "parse"]
