"""What the columns of a SELECT list are called."""

from __future__ import annotations

from collections.abc import Sequence

from deeplake.spi import Columns
from deeplake_query_tql.binder import Binder
from deeplake_query_tql.complaint import Complaint
from deeplake_query_tql.expression import Expr
from deeplake_query_tql.functions import ALWAYS_AGGREGATE
from deeplake_query_tql.tree import Item, Node, Select

Named = list[tuple[str | None, Expr | None]]
"""Name and expression of each entry of a SELECT list; without either: all columns."""


def named_items(binder: Binder, select: Select) -> Named:
    """The entries of a SELECT list.

    Raises:
        QueryError: One needs a name, or two have the same.
    """
    found: Named = []
    for item in select.items:
        found.append((None, None) if item.node is None else (item.alias, binder.bind(item.node)))
    plain = [
        expr.value for name, expr in found if expr is not None and name is None
        and expr.op == "column"
    ]  # fmt: skip
    named: Named = [
        (name if expr is None else name or output_name(binder.complaint, item, expr, plain), expr)
        for item, (name, expr) in zip(select.items, found, strict=True)
    ]
    check_names(binder.complaint, select, named, binder.columns)
    return named


def output_name(complaint: Complaint, item: Item, expr: Expr, plain: Sequence[str]) -> str:
    """The name of a column without an alias: that of the one tensor in it."""
    node = item.node
    assert node is not None
    if expr.op == "column":
        return str(expr.value)
    if expr.op == "aggregate":
        return str(node.value).lower()
    called = node.op == "call"
    if called and plain:
        raise complaint.at(
            node.pos,
            f"{node.value}(…) needs a name beside tensors: {node.value}(…) AS name",
            node.end,
        )
    names = expr.names
    if len(names) == 1:
        return names[0]
    if called:
        return str(node.value).lower()
    raise complaint.at(
        node.pos, "the expression needs a name: … AS name", max(node.end, node.pos + 1)
    )


def check_names(complaint: Complaint, select: Select, named: Named, columns: Columns) -> None:
    """Raise ``QueryError`` if two columns have one name."""
    seen: set[str] = set()
    for item, (name, _) in zip(select.items, named, strict=True):
        for one in columns.visible if name is None else [name]:
            if one in seen:
                pos = select.pos if item.node is None else item.node.pos
                raise complaint.at(
                    pos, f"Multiple expressions have the name {one!r}: give them names of their own "
                    "with AS"
                )  # fmt: skip
            seen.add(one)


def is_grouped(select: Select) -> bool:
    """Whether rows become groups: by GROUP BY, or by a function of several rows."""
    return bool(select.group) or any(_aggregates(item) for item in select.items)


def _aggregates(item: Item) -> bool:
    """Whether there is a function of several rows in it."""
    stack = [item.node]
    while stack:
        node = stack.pop()
        if node is None:
            continue
        if node.op == "call" and node.value in ALWAYS_AGGREGATE:
            return True
        stack.extend(part for part in node.parts if isinstance(part, Node))
    return False


__all__ = ["Named", "check_names", "is_grouped", "named_items", "output_name"]
