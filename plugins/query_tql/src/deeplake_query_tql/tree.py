"""Queries as trees: what the parser makes, before names and types are looked up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A part of an expression.

    Attributes:
        op: What it is: ``literal``, ``name``, ``parameter``, ``call``, ``subscript``, or an operator.
        parts: What it is made of.
        value: Of a literal its value, of a name its spelling, of a call the function's.
        pos, end: Where it is in the text.
        depth: How deep it is nested.
        mark: What distinguishes operators of one name: ``not`` of ``NOT IN``, ``quoted`` of a name.
    """

    op: str
    parts: tuple[Any, ...] = ()
    value: Any = None
    pos: int = 0
    end: int = 0
    depth: int = 1
    mark: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One entry of a SELECT list: an expression, or everything with subscripts (``*[0:3]``)."""

    node: Node | None
    alias: str | None = None
    subscript: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What follows FROM: a query, a path, or two of them joined."""

    query: Query | None = None
    path: Node | None = None
    alias: str | None = None
    joined: tuple[Source, Source] | None = None
    using: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Expand:
    """``EXPAND BY before after``."""

    before: Node
    after: Node
    overlap: bool = True
    alias: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Select:
    """One SELECT, up to what orders and limits it."""

    items: tuple[Item, ...]
    distinct: bool = False
    source: Source | None = None
    where: Node | None = None
    expand: Expand | None = None
    group: tuple[Node, ...] = ()
    ungroup: tuple[Node, ...] | Literal["split"] | None = None
    pos: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """``SAMPLE BY weight REPLACE``."""

    weight: Node
    replace: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """What orders, samples and limits rows.

    Attributes:
        order: Keys, and whether they descend.
        limit: Number or share of rows; None: all.
    """

    order: tuple[tuple[Node, bool], ...] = ()
    sample: Sample | None = None
    limit: Node | None = None
    percent: bool = False
    offset: Node | None = None

    def __bool__(self) -> bool:
        return bool(self.order or self.sample or self.limit or self.offset)


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A select, or two queries put together by ``op``, and their tail."""

    select: Select | None = None
    op: str = ""
    left: Query | None = None
    right: Query | None = None
    tail: Tail = field(default_factory=Tail)
    pos: int = 0
    depth: int = 1


__all__ = ["Expand", "Item", "Node", "Query", "Sample", "Select", "Source", "Tail"]
