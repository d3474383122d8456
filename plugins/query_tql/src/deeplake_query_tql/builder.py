"""Makes trees of queries, bottom up, while the text is parsed."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any, cast

from lark import Token, Transformer

from deeplake_query_tql.tree import Expand, Item, Node, Query, Sample, Select, Source, Tail

MAX_DEPTH = 100
"""Parts of an expression, and queries, that can be nested in each other."""
MAX_LIST = 20_000
"""Entries of a list, operands of a chain, columns of a SELECT. Longer lists are parameters."""

_OPERATORS = {"==": "=", "<>": "!="}
_UNESCAPE = re.compile(r"\\(.)", re.DOTALL)


class _Counted(threading.local):
    """How many ``?`` the text that a thread parses has had so far."""

    questions = 0


counted = _Counted()


class TooMuch(Exception):
    """A limit that was passed while the tree was built."""

    def __init__(self, pos: int, message: str) -> None:
        super().__init__(message)
        self.pos = pos


def _node(op: str, parts: Sequence[Any], value: Any = None, mark: str = "", pos: int = -1) -> Node:
    """A node around others."""
    nodes = [part for part in parts if isinstance(part, Node)]
    depth = 1 + max((part.depth for part in nodes), default=0)
    first = pos if pos >= 0 else min((part.pos for part in nodes), default=0)
    if depth > MAX_DEPTH:
        raise TooMuch(first, f"the expression is nested more than {MAX_DEPTH} levels deep")
    if len(parts) > MAX_LIST:
        raise TooMuch(
            first, f"{len(parts)} entries are more than a query can have ({MAX_LIST}); pass them "
            "as a parameter: x IN ?"
        )  # fmt: skip
    end = max((part.end for part in nodes), default=first + 1)
    return Node(op, tuple(parts), value, first, end, depth, mark)


def _leaf(op: str, value: Any, token: Token, mark: str = "") -> Node:
    start = token.start_pos or 0
    return Node(op, (), value, start, token.end_pos or start + 1, 1, mark)


class Builder(Transformer[Token, Any]):
    """Makes the tree, bottom up, while the text is parsed."""

    # ---- queries
    def start(self, parts: list[Any]) -> tuple[bool, Query]:
        return isinstance(parts[0], Token), parts[-1]

    def query(self, parts: list[Any]) -> Query:
        operands, ops = parts[::2], parts[1::2]
        if not ops:
            return self._with_tail(*operands[0])
        # What follows the last operand is about the whole.
        last, tail = operands[-1]
        queries = [*(self._with_tail(*operand) for operand in operands[:-1]), last]
        # INTERSECT binds closer than the others.
        terms, joints = [queries[0]], []
        for op, operand in zip(ops, queries[1:], strict=True):
            if op == "intersect":
                terms[-1] = self._compound(op, terms[-1], operand)
            else:
                terms.append(operand)
                joints.append(op)
        whole = terms[0]
        for op, term in zip(joints, terms[1:], strict=True):
            whole = self._compound(op, whole, term)
        return self._with_tail(whole, tail)

    def _with_tail(self, of: Query, tail: Tail) -> Query:
        """A query with what orders and limits it."""
        if not tail:
            return of
        if not of.tail:
            return Query(of.select, of.op, of.left, of.right, tail, of.pos, of.depth)
        # (select … limit 10) order by …: of what the inner query leaves.
        everything = Select((Item(None),), source=Source(of), pos=of.pos)
        if of.depth >= MAX_DEPTH:
            raise TooMuch(of.pos, f"more than {MAX_DEPTH} queries are nested in each other")
        return Query(everything, tail=tail, pos=of.pos, depth=of.depth + 1)

    def _compound(self, op: str, left: Query, right: Query) -> Query:
        depth = 1 + max(left.depth, right.depth)
        if depth > MAX_DEPTH:
            raise TooMuch(right.pos, f"more than {MAX_DEPTH} queries are put together")
        return Query(None, op, left, right, Tail(), left.pos, depth)

    def operand(self, parts: list[Any]) -> tuple[Query, Tail]:
        of, rest = parts[0], parts[1:]
        tail = Tail(
            next((part for part in rest if isinstance(part, tuple)), ()),
            next((part for part in rest if isinstance(part, Sample)), None),
            *next((part.parts for part in rest if isinstance(part, Node)), (None, False, None)),
        )
        return (Query(of, pos=of.pos) if isinstance(of, Select) else of), tail

    def setop(self, parts: list[Token]) -> str:
        return " ".join(part.lower() for part in parts)

    def select(self, parts: list[Any]) -> Select:
        given: dict[str, Any] = {}
        distinct = False
        pos = parts[0].start_pos or 0
        for part in parts[1:]:
            if isinstance(part, Token):
                distinct = True
            elif isinstance(part, tuple) and part[0] in ("items", "group", "ungroup", "where"):
                given[part[0]] = part[1]
            elif isinstance(part, Source):
                given["source"] = part
            else:
                given["expand"] = part
        return Select(distinct=distinct, pos=pos, **given)

    def items(self, parts: list[Item]) -> tuple[str, tuple[Item, ...]]:
        _node("items", parts)
        return "items", tuple(parts)

    def everything(self, parts: list[Any]) -> Item:
        return Item(None, None, parts[0] if parts else ())

    def column(self, parts: list[Any]) -> Item:
        return Item(parts[0], parts[2] if len(parts) > 1 else None)

    def source(self, parts: list[Any]) -> Source:
        return cast(Source, parts[1])

    def inner(self, parts: list[Any]) -> Source:
        query = parts[0]
        if query.depth >= MAX_DEPTH:
            raise TooMuch(query.pos, f"more than {MAX_DEPTH} queries are nested in each other")
        query = Query(
            query.select, query.op, query.left, query.right, query.tail, query.pos, query.depth + 1
        )
        return Source(query, alias=parts[2] if len(parts) > 1 else None)

    def dataset(self, parts: list[Any]) -> Source:
        return Source(path=parts[0], alias=parts[2] if len(parts) > 1 else None)

    def join(self, parts: list[Any]) -> Source:
        sources = [part for part in parts if isinstance(part, Source)]
        names = tuple(part.value for part in parts if isinstance(part, Node))
        return Source(joined=(sources[0], sources[1]), using=names)

    def path(self, parts: list[Any]) -> Node:
        part = parts[0]
        if isinstance(part, Node):
            return part
        text = str(part) if part.type == "NAME" else _text(part)
        return _leaf("literal", text, part)

    def where(self, parts: list[Any]) -> tuple[str, Node]:
        return "where", parts[1]

    def expand(self, parts: list[Any]) -> Expand:
        nodes = [part for part in parts if isinstance(part, Node)]
        aliases = [p for p in parts if type(p) is str]
        return Expand(
            nodes[0],
            nodes[1],
            all(part is not False for part in parts),
            aliases[0] if aliases else None,
        )

    def group(self, parts: list[Any]) -> tuple[str, tuple[Node, ...]]:
        return "group", tuple(part for part in parts if isinstance(part, Node))

    def ungroup(self, parts: list[Any]) -> tuple[str, Any]:
        nodes = tuple(part for part in parts if isinstance(part, Node))
        return "ungroup", nodes or "split"

    def order(self, parts: list[Any]) -> tuple[tuple[Node, bool], ...]:
        return tuple(part for part in parts if isinstance(part, tuple))

    def key(self, parts: list[Any]) -> tuple[Node, bool]:
        return parts[0], len(parts) > 1 and parts[1].type == "DESC"

    def sample(self, parts: list[Any]) -> Sample:
        return Sample(parts[2], parts[3] if len(parts) > 3 else True)

    def replacement(self, parts: list[Any]) -> bool:
        return bool(parts[1]) if len(parts) > 1 else True

    def limit(self, parts: list[Any]) -> Node:
        nodes = [part for part in parts if isinstance(part, Node)]
        percent = any(isinstance(part, Token) and part.type == "PERCENT" for part in parts)
        return Node("limit", (nodes[0], percent, nodes[1] if len(nodes) > 1 else None))

    def offset(self, parts: list[Any]) -> Node:
        return Node("limit", (None, False, parts[1]))

    # ---- expressions
    def expression(self, parts: list[Any]) -> Node:
        return _node("or", parts[::2])

    def conjunction(self, parts: list[Any]) -> Node:
        return _node("and", parts[::2])

    def not_(self, parts: list[Any]) -> Node:
        return _node("not", parts[1:], pos=parts[0].start_pos)

    def compare(self, parts: list[Any]) -> Node:
        op = str(parts[1])
        return _node(_OPERATORS.get(op, op), (parts[0], parts[2]))

    def _negatable(self, op: str, parts: list[Any]) -> Node:
        negated = any(isinstance(part, Token) and part.type == "NOT" for part in parts)
        nodes = [part for part in parts if isinstance(part, Node)]
        return _node(op, nodes, mark="not" if negated else "")

    def between(self, parts: list[Any]) -> Node:
        return self._negatable("between", parts)

    def in_(self, parts: list[Any]) -> Node:
        return self._negatable("in", parts)

    def like(self, parts: list[Any]) -> Node:
        return self._negatable("like", parts)

    def ilike(self, parts: list[Any]) -> Node:
        return self._negatable("ilike", parts)

    def is_null(self, parts: list[Any]) -> Node:
        return self._negatable("is null", parts)

    def choices(self, parts: list[Any]) -> Node:
        nodes = [part for part in parts if isinstance(part, Node)]
        if len(parts) == 1 and nodes[0].op in ("array", "parameter"):
            return nodes[0]
        return _node("list", nodes)

    def _chain(self, parts: list[Any]) -> Node:
        nodes = parts[::2]
        return _node("chain", nodes, value=tuple(str(token) for token in parts[1::2]))

    sum = product = _chain

    def signed(self, parts: list[Any]) -> Node:
        sign, of = parts
        if sign == "+":
            return cast(Node, of)
        if of.op == "literal" and isinstance(of.value, (int, float)) and not of.mark:
            return Node("literal", (), -of.value, sign.start_pos, of.end, 1, "negative")
        return _node("negative", [of], pos=sign.start_pos)

    def subscripted(self, parts: list[Any]) -> Node:
        base, entries = parts
        return _node("subscript", (base, *entries))

    def subscript(self, parts: list[Any]) -> tuple[Node, ...]:
        return tuple(parts)

    def at(self, parts: list[Any]) -> Node:
        return cast(Node, parts[0])

    def slice(self, parts: list[Any]) -> Node:
        bounds: list[Node | None] = [None, None, None]
        place = 0
        for part in parts:
            if isinstance(part, Token):
                place += 1
            else:
                bounds[place] = part
        return _node("slice", bounds)

    def ellipsis(self, parts: list[Token]) -> Node:
        return _leaf("ellipsis", None, parts[0])

    def tensor(self, parts: list[Any]) -> Node:
        return cast(Node, parts[0])

    def name(self, parts: list[Token]) -> Node:
        first, last = parts[0], parts[-1]
        quoted = first.type == "QUOTED"
        value = _text(first) if quoted else ".".join(parts)
        start = first.start_pos or 0
        return Node("name", (), value, start, last.end_pos or start + 1, 1, "quoted" * quoted)

    def call(self, parts: list[Any]) -> Node:
        name = parts[0]
        arguments = parts[1] if len(parts) > 1 else ()
        found = _node("call", arguments, value=str(name).upper(), pos=name.start_pos)
        end = max(found.end, name.end_pos or 0)
        return Node("call", found.parts, found.value, found.pos, end, found.depth)

    def arguments(self, parts: list[Node]) -> tuple[Node, ...]:
        return tuple(parts)

    def all_rows(self, parts: list[Token]) -> Node:
        return _leaf("all rows", None, parts[0])

    def distinct(self, parts: list[Any]) -> Node:
        return _node("distinct", parts[1:])

    def value(self, parts: list[Any]) -> Node:
        return cast(Node, parts[0])

    def weighed(self, parts: list[Any]) -> Node:
        return _node("weighed", [part for part in parts if isinstance(part, Node)])

    def case(self, parts: list[Any]) -> Node:
        pos = parts[0].start_pos
        nodes = [part for part in parts if isinstance(part, Node)]
        subject = nodes.pop(0) if nodes[0].op != "when" else None
        default = nodes.pop() if nodes[-1].op != "when" else None
        pairs = [of for node in nodes for of in node.parts]
        return _node("case", (subject, default, *pairs), pos=pos)

    def when(self, parts: list[Any]) -> Node:
        return _node("when", [part for part in parts if isinstance(part, Node)])

    def cast(self, parts: list[Any]) -> Node:
        nodes = [part for part in parts if isinstance(part, Node)]
        return _node("cast", nodes[:1], value=nodes[1], pos=parts[0].start_pos)

    def type(self, parts: list[Token]) -> Node:
        return _leaf("type", str(parts[0]).lower(), parts[0])

    def group_(self, parts: list[Any]) -> Node:
        of = cast(Node, parts[0])
        depth = of.depth + 1
        if depth > MAX_DEPTH:
            raise TooMuch(of.pos, f"the expression is nested more than {MAX_DEPTH} levels deep")
        return Node(of.op, of.parts, of.value, of.pos, of.end, depth, of.mark)

    def array(self, parts: list[Any]) -> Node:
        return _node("array", [p for p in parts if isinstance(p, Node)], pos=parts[0].start_pos)

    # ---- words
    def alias(self, parts: list[Token]) -> str:
        return _text(parts[0]) if parts[0].type == "QUOTED" else str(parts[0])

    def literal(self, parts: list[Token]) -> Node:
        token = parts[0]
        kind = token.type
        if kind == "STRING":
            # '' between two parts of a text is a quote in it, as in SQL.
            whole = _leaf("literal", "'".join(map(_text, parts)), token)
            return Node("literal", (), whole.value, whole.pos, parts[-1].end_pos or whole.end)
        if kind == "NUMBER":
            return _leaf("literal", _number(token), token)
        return _leaf("literal", {"TRUE": True, "FALSE": False, "NULL": None}[kind], token, "word")

    def parameter(self, parts: list[Token]) -> Node:
        token = parts[0]
        if token.type == "NAMED":
            return _leaf("parameter", str(token)[1:], token)
        counted.questions += 1
        return _leaf("parameter", counted.questions - 1, token)

    def number(self, parts: list[Any]) -> Node:
        if isinstance(parts[0], Node):
            return parts[0]
        value = _number(parts[-1])
        return _leaf("literal", -value if parts[0] == "-" else value, parts[-1])

    integer = number

    def boolean(self, parts: list[Token]) -> bool:
        return parts[0].type == "TRUE"


def _text(token: Token) -> str:
    """What is between quotes, without backslashes."""
    return _UNESCAPE.sub(r"\1", token[1:-1])


def _number(token: Token) -> int | float:
    text = str(token)
    if text.isascii() and text.isdigit():
        if len(text) > 40:
            raise TooMuch(token.start_pos or 0, f"{text[:20]}… is a number of too many digits")
        return int(text)
    return float(text)


__all__ = ["MAX_DEPTH", "MAX_LIST", "Builder", "TooMuch", "counted"]
