"""What names, parameters and constants of a query mean, before anything is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deeplake.errors import QueryError
from deeplake.spi import Columns
from deeplake_query_tql.complaint import Complaint, nearest
from deeplake_query_tql.expression import ANY, BOOL, JSON, NUMBER, TEXT, Expr, kind_of
from deeplake_query_tql.syntax import MAX_LIST
from deeplake_query_tql.tree import Node


class Scope(ABC):
    """Looks up names and constants.

    Args:
        complaint: Makes errors about the query.
        columns: What names mean.
        parameters: What placeholders stand for.
        grouped: Reductions are about groups.
        aliases: Expressions of the SELECT list by name, for ORDER BY and GROUP BY.
    """

    def __init__(
        self,
        complaint: Complaint,
        columns: Columns,
        parameters: Sequence[Any] | Mapping[str, Any] = (),
        *,
        grouped: bool = False,
        aliases: Mapping[str, Expr] | None = None,
        aggregates: bool = False,
        prefix: str | None = None,
    ) -> None:
        self.complaint = complaint
        self.columns = columns
        self.parameters = parameters
        self.grouped = grouped
        self.aliases = aliases or {}
        self.aggregates = aggregates or grouped
        self.prefix = prefix
        self._inside = False

    def fail(self, node: Node | Expr, message: str) -> QueryError:
        """An error about a part of the query."""
        return self.complaint.at(node.pos, message, max(node.end, node.pos + 1))

    @abstractmethod
    def bind(self, node: Node) -> Expr:
        """The expression that a tree means.

        Raises:
            QueryError: A name means nothing, or types do not fit.
        """

    def _make(
        self, node: Node, op: str, args: Sequence[Expr], value: Any = None, kind: str = ANY,
        labels: tuple[str, ...] | None = None,
    ) -> Expr:  # fmt: skip
        return Expr(op, tuple(args), value, kind, labels, node.pos, node.end)

    # ---- leaves
    def _literal(self, node: Node) -> Expr:
        return self._const(node, node.value)

    def _const(self, node: Node, value: Any) -> Expr:
        if isinstance(value, (bool, np.bool_)):
            return self._make(node, "const", (), bool(value), BOOL)
        if isinstance(value, (int, float, np.number)):
            if isinstance(value, int) and not -(2**63) <= value < 2**64:
                value = float(value)
            return self._make(node, "const", (), value, NUMBER)
        if isinstance(value, str):
            return self._make(node, "const", (), str(value), TEXT)
        if value is None:
            return self._make(node, "const", (), None, ANY)
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            return self._make(node, "const", (), value, BOOL if value.dtype.kind == "b" else NUMBER)
        if isinstance(value, (dict, list, tuple)):
            return self._make(node, "const", (), value, JSON)
        raise self.fail(node, f"a value of type {type(value).__name__} cannot be in a query")

    def parameter(self, node: Node) -> Any:
        """What a placeholder stands for."""
        key, given = node.value, self.parameters
        if isinstance(key, int):
            if isinstance(given, Mapping) or key >= len(given):
                have = 0 if isinstance(given, Mapping) else len(given)
                raise self.fail(
                    node, f"there is no value for the ? number {key + 1}: {have} were given, with "
                    "parameters=[…]"
                )  # fmt: skip
            return given[key]
        if not isinstance(given, Mapping) or key not in given:
            known = given if isinstance(given, Mapping) else ()
            raise self.fail(
                node, f"there is no value for :{key}; pass parameters={{{key!r}: …}}"
                + nearest(key, map(str, known))
            )  # fmt: skip
        return given[key]

    def _parameter(self, node: Node) -> Expr:
        value = self.parameter(node)
        if isinstance(value, (list, tuple)):
            array = np.asarray(value) if is_numeric(value) else None
            return self._const(node, value if array is None else array)
        return self._const(node, value)

    def _name(self, node: Node) -> Expr:
        name = node.value
        found = self._find(name)
        if found is not None:
            return self._column(node, found)
        if name in self.aliases:
            return self.aliases[name]
        raise self.fail(
            node, f'Tensor "{name}" does not exist in the dataset; {self._meant(name, node.mark)}'
        )

    def _meant(self, name: str, mark: str) -> str:
        """What a name may stand for that means nothing."""
        columns = self.columns
        if any(name in (columns.info(one).get("class_names") or ()) for one in columns.visible):
            return f"A text is written in single quotes: '{name}'"
        if mark == "quoted" and not name.isidentifier():
            return f"A text is written in single quotes: '{name}'"
        first, _, rest = name.partition(".")
        if rest and first in columns.schema:
            if rest.lower() == "shape":
                return f"write SHAPE({first})"
            if columns.schema[first].dtype == "json":
                keys = "".join(f"['{key}']" for key in rest.split("."))
                return f"keys of json values are written {first}{keys}"
        if name.lower() in ("none", "nan"):
            return "what has no value is found by IS NULL, and x != x is true of NaN"
        known = [*columns.visible, *self.aliases]
        near = nearest(name, known).removeprefix("; ")
        found = near or f"there are {', '.join(map(repr, known[:10])) or 'none'}"
        return found + (
            f" A text is written in single quotes: '{name}'" if mark == "quoted" else ""
        )

    def _find(self, name: str) -> str | None:
        schema = self.columns.schema
        if name in schema:
            return name
        if "." in name:
            qualified: Mapping[str, str] = getattr(self.columns, "qualified", {})
            if name in qualified:
                return qualified[name]
            path = name.replace(".", "/")
            if path in schema:
                return path
            first, _, rest = name.partition(".")
            if first == self.prefix:
                return self._find(rest)
        return None

    def _column(self, node: Node, name: str) -> Expr:
        schema = self.columns.schema[name]
        names = (
            self.columns.info(name).get("class_names") if schema.htype == "class_label" else None
        )
        labels = tuple(names) if names else (() if schema.htype == "class_label" else None)
        return self._make(node, "column", (), name, kind_of(schema), labels)

    def _array(self, node: Node) -> Expr:
        parts = [self.bind(part) for part in node.parts]
        if not all(part.op == "const" for part in parts):
            raise self.fail(node, "ARRAY[…] holds values, not tensors or expressions")
        values = [part.value for part in parts]
        if is_numeric(values):
            return self._const(node, np.asarray(values) if values else np.zeros(0))
        return self._make(node, "const", (), values, JSON)

    # ---- subscripts and counts
    def entries(self, nodes: Sequence[Node]) -> tuple[Any, ...]:
        """Subscripts: ints, slices, keys and ``...``."""
        return tuple(self._entry(node) for node in nodes)

    def _entry(self, node: Node) -> Any:
        if node.op == "ellipsis":
            return Ellipsis
        if node.op == "slice":
            start, stop, step = (None if p is None else self.integer(p) for p in node.parts)
            if step == 0:
                raise self.fail(node, "the step of a slice cannot be 0")
            return slice(start, stop, step)
        of = self.bind(node)
        if of.op == "const" and isinstance(of.value, str):
            return of.value
        return self.integer(node)

    def integer(self, node: Node, what: str = "a subscript") -> int:
        """A constant integer."""
        of = self.bind(node)
        value = of.value
        if of.op != "const" or isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise self.fail(node, f"{what} is an integer")
        if abs(int(value)) >= 2**63:
            raise self.fail(node, f"{value} is too large")
        return int(value)


def is_numeric(values: Any) -> bool:
    """Whether values are all numbers."""
    return len(values) <= MAX_LIST * 500 and all(
        isinstance(v, (bool, int, float, np.number, np.bool_)) for v in values
    )


__all__ = ["Scope", "is_numeric"]
