"""Calls of functions: how many arguments, of what types, and whether they reduce rows."""

from __future__ import annotations

from deeplake_query_tql.complaint import nearest
from deeplake_query_tql.expression import JSON, NUMBER, TEXT, Expr
from deeplake_query_tql.functions import AGGREGATES, ALWAYS_AGGREGATE, FUNCTIONS, SPECIAL
from deeplake_query_tql.operands import Operands
from deeplake_query_tql.tree import Node

INDEXED = {
    "BM25_SIMILARITY": ": it needs an index of words, of which there is none; CONTAINS, LIKE and ILIKE "
    "find texts without one",
    "DEEPMEMORY_DISTANCE": ": it needs a model that a service trains; COSINE_SIMILARITY and L2_NORM "
    "compare vectors without one",
    **dict.fromkeys(("CONCAT", "DATE", "EXISTS", "EXTRACT"), ": it is not supported"),
}
"""What functions of the predecessor and of SQL would need, and what to do instead."""


class Calls(Operands):
    """Checks calls."""

    def _call(self, node: Node) -> Expr:
        name = node.value
        if name in ALWAYS_AGGREGATE or (self.grouped and name in AGGREGATES):
            return self._aggregate(node)
        if name in SPECIAL:
            return self._special(node)
        function = FUNCTIONS.get(name)
        if function is None:
            known = [*FUNCTIONS, *SPECIAL, *ALWAYS_AGGREGATE]
            why = INDEXED.get(name) or nearest(name, known)
            raise self.fail(node, f"Function '{name}' is not found{why}")
        self._check_count(node, function.least, function.most)
        args = [self.bind(part) for part in node.parts]
        for arg in args:
            if arg.kind == TEXT and not function.text:
                raise self.fail(arg, f"{name} takes numbers, not text")
        return self._make(node, "call", args, value=name, kind=function.kind)

    def _check_count(self, node: Node, least: int, most: int) -> None:
        n = len(node.parts)
        if not least <= n <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise self.fail(node, f"{node.value} takes {wanted} arguments, not {n}")

    def _aggregate(self, node: Node) -> Expr:
        name = node.value
        if not self.aggregates:
            raise self.fail(
                node, f"{name} is about several rows: it can be in the SELECT list and in ORDER BY"
            )
        if self._inside:
            raise self.fail(node, f"{name} cannot be inside another one")
        if len(node.parts) != 1:
            raise self.fail(node, f"{name} takes 1 argument, not {len(node.parts)}")
        part = node.parts[0]
        if part.op == "all rows":
            if name != "COUNT":
                raise self.fail(node, f"{name} takes an expression; only COUNT takes *")
            return self._make(node, "aggregate", (), value="COUNT", kind=NUMBER)
        distinct = part.op == "distinct"
        if distinct and name != "COUNT":
            raise self.fail(part, "DISTINCT stands in COUNT(DISTINCT …) and behind SELECT")
        self._inside, was = True, self.grouped
        self.grouped = False
        try:
            of = self.bind(part.parts[0] if distinct else part)
        finally:
            self._inside, self.grouped = False, was
        if name not in ("COUNT", "MIN", "MAX", "AMIN", "AMAX") and of.kind == TEXT:
            raise self.fail(of, f"{name} takes numbers, not text")
        kind = NUMBER if name in ("COUNT", "SUM", "PROD", "AVG") else of.kind
        value = "COUNT DISTINCT" if distinct else name
        labels = of.labels if name in ("MIN", "MAX", "AMIN", "AMAX") else None
        return self._make(node, "aggregate", [of], value=value, kind=kind, labels=labels)

    def _special(self, node: Node) -> Expr:
        least, most = SPECIAL[node.value]
        self._check_count(node, least, most)
        name = node.value
        if name in ("MAX_WEIGHT", "SUM_WEIGHT"):
            args: list[Expr] = []
            for part in node.parts:
                if part.op != "weighed":
                    raise self.fail(part, f"{name} takes pairs: {name}(condition: weight, …)")
                args += [self.bind(part.parts[0]), self.bind(part.parts[1])]
            return self._make(node, "weight", args, value=name, kind=NUMBER)
        if name == "CONTAINS":
            return self._contains(node)
        if name == "DATA":
            of = self._stored(node)
            return self._make(node, "data", [of], self.integer(node.parts[1], "a row"), of.kind)
        if name in ("SHAPE", "SAMPLE_INFO"):
            of = self.bind(node.parts[0])
            if of.op != "column" and name == "SAMPLE_INFO":
                raise self.fail(node.parts[0], f"{name} takes a tensor")
            kind = NUMBER if name == "SHAPE" else JSON
            return self._make(node, name.lower(), [of], kind=kind)
        return self._make(node, name.lower(), (), kind=NUMBER)

    def _stored(self, node: Node) -> Expr:
        of = self.bind(node.parts[0])
        if of.op != "column":
            raise self.fail(node.parts[0], f"{node.value} takes a tensor")
        return of


__all__ = ["Calls"]
