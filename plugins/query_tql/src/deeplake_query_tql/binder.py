"""From trees to expressions: names and types are looked up, and checked."""

from __future__ import annotations

from collections.abc import Callable

from deeplake_query_tql.calls import Calls
from deeplake_query_tql.complaint import nearest
from deeplake_query_tql.expression import (
    ANY,
    BOOL,
    COMPARISONS,
    JSON,
    NUMBER,
    TEXT,
    TYPES,
    Expr,
)
from deeplake_query_tql.tree import Node


class Binder(Calls):
    """Makes expressions of trees."""

    def bind(self, node: Node) -> Expr:
        """The expression that a tree means.

        Raises:
            QueryError: A name means nothing, or types do not fit.
        """
        op = node.op
        if op in COMPARISONS:
            return self._comparison(node)
        method: Callable[[Node], Expr] | None = getattr(self, "_" + op.replace(" ", "_"), None)
        if method is None:
            raise self.fail(node, f"{op!r} cannot stand here")
        return method(node)

    # ---- logic
    def _or(self, node: Node) -> Expr:
        return self._make(node, "or", [self.bind(p) for p in node.parts], kind=BOOL)

    def _and(self, node: Node) -> Expr:
        return self._make(node, "and", [self.bind(p) for p in node.parts], kind=BOOL)

    def _not(self, node: Node) -> Expr:
        return self._make(node, "not", [self.bind(node.parts[0])], kind=BOOL)

    def _is_null(self, node: Node) -> Expr:
        return self._negated(
            node, self._make(node, "is null", [self.bind(node.parts[0])], kind=BOOL)
        )

    # ---- arithmetic
    def _chain(self, node: Node) -> Expr:
        joined = self._group_path(node)
        if joined is not None:
            return joined
        args = [self.bind(part) for part in node.parts]
        for arg in args:
            if arg.kind == TEXT:
                raise self.fail(arg, "text cannot be calculated with")
        return self._make(node, "chain", args, value=node.value, kind=NUMBER)

    def _group_path(self, node: Node) -> Expr | None:
        """``group/tensor`` without quotes, where that is the name of a tensor."""
        if set(node.value) != {"/"} or not all(
            part.op == "name" and not part.mark for part in node.parts
        ):
            return None
        name = "/".join(part.value for part in node.parts)
        if name not in self.columns.schema or all(
            self._find(part.value) is not None for part in node.parts
        ):
            return None
        return self._column(node, name)

    def _negative(self, node: Node) -> Expr:
        of = self.bind(node.parts[0])
        if of.kind == TEXT:
            raise self.fail(of, "text has no negative")
        if of.op == "const" and isinstance(of.value, (int, float)):
            return self._const(node, -of.value)
        return self._make(node, "negative", [of], kind=NUMBER)

    def _case(self, node: Node) -> Expr:
        subject, default, *pairs = node.parts
        of = None if subject is None else self.bind(subject)
        if of is not None and of.op == "const":
            pairs = [
                p if i % 2 else Node("=", (subject, p), None, p.pos, p.end)
                for i, p in enumerate(pairs)
            ]
            of = None
        args = []
        for when, then in zip(pairs[::2], pairs[1::2], strict=True):
            test = self.bind(when)
            if of is not None:
                # The subject is there once, however many values it is compared with.
                of, test = self._comparable(when, [of, test])
            args += [test, self.bind(then)]
        args.append(self._const(node, None) if default is None else self.bind(default))
        values = [*args[1:-1:2], args[-1]]
        kinds = {v.kind for v in values if not (v.op == "const" and v.value is None)}
        if TEXT in kinds and kinds & {NUMBER, BOOL}:
            raise self.fail(node, "the values of CASE are all text or all numbers")
        kind = kinds.pop() if len(kinds) == 1 else (NUMBER if kinds <= {NUMBER, BOOL} else ANY)
        return self._make(node, "case", args if of is None else [of, *args], of is not None, kind)

    def _cast(self, node: Node) -> Expr:
        target = node.value
        if target.value not in TYPES:
            raise self.fail(
                target, f"there is no type {target.value!r}{nearest(target.value, TYPES)}; there are "
                f"int, float, bool, text, and those of NumPy"
            )  # fmt: skip
        dtype = TYPES[target.value]
        kind = TEXT if dtype == "text" else BOOL if dtype == "bool" else NUMBER
        return self._make(node, "cast", [self.bind(node.parts[0])], value=dtype, kind=kind)

    # ---- subscripts
    def _subscript(self, node: Node) -> Expr:
        base = self.bind(node.parts[0])
        entries = self.entries(node.parts[1:])
        texts = [entry for entry in entries if isinstance(entry, str)]
        if base.kind == TEXT:
            raise self.fail(node, "text cannot be subscripted")
        if texts and base.kind in (NUMBER, BOOL):
            raise self.fail(
                node, f"{texts[0]!r} is a key of json values; samples that are arrays take numbers "
                "and slices"
            )  # fmt: skip
        if texts and len(entries) > 1:
            raise self.fail(node, "keys are written one after the other: json['a']['b']")
        kind = base.kind if base.kind in (NUMBER, BOOL) else JSON if base.kind == JSON else ANY
        return self._make(node, "subscript", [base], entries, kind, base.labels)


__all__ = ["Binder"]
