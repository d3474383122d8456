"""Operands of comparisons: values of one type, and names of classes as their numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deeplake_query_tql.complaint import nearest
from deeplake_query_tql.expression import ANY, BOOL, JSON, NUMBER, TEXT, Expr
from deeplake_query_tql.scope import Scope, is_numeric
from deeplake_query_tql.tree import Node

MAX_PATTERN = 10_000
"""Characters of a pattern of LIKE."""


class Operands(Scope):
    """Checks what is compared with each other."""

    def _negated(self, node: Node, expr: Expr) -> Expr:
        return self._make(node, "not", [expr], kind=BOOL) if node.mark == "not" else expr

    def _comparison(self, node: Node) -> Expr:
        left, right = self._comparable(node, [self.bind(part) for part in node.parts])
        return self._make(node, node.op, (left, right), kind=BOOL)

    def _comparable(self, node: Node, args: Sequence[Expr]) -> list[Expr]:
        """Operands of one type: names of classes become their numbers."""
        labels = next((arg.labels for arg in args if arg.labels is not None), None)
        if labels is not None:
            args = [self._as_label(arg, labels) for arg in args]
        kinds = {arg.kind for arg in args} - {ANY, JSON}
        if TEXT in kinds and len(kinds) > 1:
            shown = " and ".join(self._dtype(arg) for arg in args[:2])
            raise self.fail(node, f"Can't compare values of dtypes {shown}")
        return list(args)

    def _dtype(self, expr: Expr) -> str:
        if expr.op == "column":
            dtype = self.columns.schema[expr.value].dtype or "unknown"
            if dtype == "str":
                return "text"
            return dtype if dtype in ("json", "unknown") else np.dtype(dtype).name
        return {TEXT: "text", NUMBER: "number", BOOL: "bool"}.get(expr.kind, expr.kind)

    def _as_label(self, expr: Expr, labels: tuple[str, ...]) -> Expr:
        """A constant name of a class as its number."""
        if expr.op != "const":
            return expr
        if isinstance(expr.value, str):
            return Expr("const", (), self._label(expr, labels), NUMBER, None, expr.pos, expr.end)
        if isinstance(expr.value, (list, tuple)) and all(isinstance(v, str) for v in expr.value):
            numbers = [
                self._label(Expr("const", (), v, TEXT, None, expr.pos, expr.end), labels)
                for v in expr.value
            ]
            return Expr("const", (), np.array(numbers), NUMBER, None, expr.pos, expr.end)
        return expr

    def _label(self, expr: Expr, labels: tuple[str, ...]) -> int:
        if expr.value in labels:
            return labels.index(expr.value)
        names = ", ".join(map(repr, labels[:10])) or "none: the tensor has no class names"
        raise self.fail(
            expr, f"there is no class named {expr.value!r}{nearest(expr.value, labels)}; there are "
            f"{names}{' …' if len(labels) > 10 else ''}"
        )  # fmt: skip

    def _between(self, node: Node) -> Expr:
        args = self._comparable(node, [self.bind(part) for part in node.parts])
        return self._negated(node, self._make(node, "between", args, kind=BOOL))

    def _in(self, node: Node) -> Expr:
        of = self.bind(node.parts[0])
        listed = node.parts[1]
        if listed.op == "parameter":
            values = self.parameter(listed)
            if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
                raise self.fail(
                    listed, "IN takes a list: pass one as the parameter, or write IN (?, ?)"
                )
            values = np.asarray(values) if isinstance(values, np.ndarray) else list(values)
        else:
            parts = [self.bind(part) for part in listed.parts]
            values = []
            for part in parts:
                if part.op != "const":
                    raise self.fail(part, "IN (…) lists values, not tensors or expressions")
                value = part.value
                values.extend(value if isinstance(value, (list, tuple, np.ndarray)) else [value])
        choices = self._choices(listed, of, values)
        return self._negated(node, self._make(node, "in", [of], value=choices, kind=BOOL))

    def _choices(self, node: Node, of: Expr, values: Any) -> Any:
        """What IN compares with: an array of numbers, or a list of text."""
        if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
            numeric: Any = values.ravel()
        else:
            plain = [v for v in values if v is not None]
            if of.labels is not None:
                plain = [
                    self._label(Expr("const", (), v, TEXT, None, node.pos, node.end), of.labels)
                    if isinstance(v, str) else v
                    for v in plain
                ]  # fmt: skip
            texts = [v for v in plain if isinstance(v, str)]
            if texts:
                if len(texts) < len(plain) and of.kind != JSON:
                    raise self.fail(node, "IN (…) has numbers and text; all are of one type")
                if of.kind in (NUMBER, BOOL):
                    raise self.fail(
                        node, f"Can't compare values of dtypes {self._dtype(of)} and text"
                    )
                return list(plain)
            if not is_numeric(plain):
                raise self.fail(node, "IN (…) lists numbers or text")
            numeric = np.asarray(plain) if plain else np.zeros(0)
        if of.kind == TEXT and len(numeric):
            raise self.fail(node, f"Can't compare values of dtypes text and {numeric.dtype}")
        return numeric

    def _like(self, node: Node) -> Expr:
        of, pattern = (self.bind(part) for part in node.parts)
        op = node.op
        if pattern.op != "const" or not isinstance(pattern.value, str):
            raise self.fail(pattern, f"the pattern of {op.upper()} is a text in single quotes")
        if len(pattern.value) > MAX_PATTERN:
            raise self.fail(pattern, f"a pattern has at most {MAX_PATTERN} characters")
        if of.labels is None and of.kind in (NUMBER, BOOL):
            raise self.fail(node, f"{op.upper()} is for text; this is {self._dtype(of)}")
        try:
            # Where names of classes are meant, these are looked through now; else the pattern is tried.
            names = pa.array(of.labels or [""], pa.large_utf8())
            fits = pc.match_like(names, pattern.value, ignore_case=op == "ilike")
        except pa.ArrowInvalid as error:
            raise self.fail(pattern, "the pattern is too long") from error
        if of.labels is not None:
            chosen = np.flatnonzero(fits)[: len(of.labels)]
            found = self._make(node, "in", [of], value=chosen, kind=BOOL)
        else:
            found = self._make(node, op, [of], value=pattern.value, kind=BOOL)
        return self._negated(node, found)

    _ilike = _like

    def _contains(self, node: Node) -> Expr:
        of, wanted = (self.bind(part) for part in node.parts)
        value = wanted.value if wanted.op == "const" else None
        if of.labels is not None and isinstance(value, str):
            match = re.compile(translate(value))
            chosen = [i for i, name in enumerate(of.labels) if match.match(name)]
            if not chosen:
                if not of.labels and _parsed(value) is not None:
                    wanted = self._const(node.parts[1], _parsed(value))
                    return self._make(node, "contains", [of, wanted], kind=BOOL)
                self._label(wanted, of.labels)
            return self._make(node, "contains any", [of], np.array(chosen, np.int64), BOOL)
        if of.kind in (NUMBER, BOOL) and isinstance(value, str):
            if _parsed(value) is None:
                raise self.fail(node, f"Can't compare values of dtypes {self._dtype(of)} and text")
            wanted = self._const(node.parts[1], _parsed(value))
        if of.kind == TEXT and wanted.kind in (NUMBER, BOOL):
            raise self.fail(node, f"Can't compare values of dtypes text and {self._dtype(wanted)}")
        tag = of.op == "column" and self.columns.schema[of.value].htype == "tag"
        op = "contains tag" if tag and isinstance(value, str) else "contains"
        return self._make(node, op, [of, wanted], kind=BOOL)


def _parsed(text: str) -> int | float | None:
    """A text as a number."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


__all__ = ["Operands"]
