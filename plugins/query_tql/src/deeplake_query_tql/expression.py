"""Expressions whose names and types are known, and how they are made of trees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Any, Final

import numpy as np

from deeplake.errors import QueryError
from deeplake.spi import Columns
from deeplake.types import TensorSchema
from deeplake_query_tql.complaint import Complaint, nearest
from deeplake_query_tql.functions import AGGREGATES, ALWAYS_AGGREGATE, FUNCTIONS, SPECIAL
from deeplake_query_tql.syntax import MAX_LIST
from deeplake_query_tql.tree import Node

COMPARISONS: Final = frozenset(("=", "!=", "<", "<=", ">", ">="))
NUMBER, BOOL, TEXT, JSON, ANY = "number", "bool", "text", "json", "any"
TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("int", "integer", "int64", "bigint", "long"), "int64"),
    **dict.fromkeys(("float", "float64", "double", "real"), "float64"),
    **dict.fromkeys(("bool", "boolean"), "bool"),
    **dict.fromkeys(("text", "string", "str", "varchar"), "text"),
    **{name: name for name in ("int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64")},
    "float32": "float32", "float16": "float16",
}  # fmt: skip
"""Names of types in CAST -> NumPy dtype, or ``text``."""


@dataclass(frozen=True, slots=True, eq=False)
class Expr:
    """A part of an expression.

    Attributes:
        op: ``const``, ``column``, ``call``, ``aggregate``, ``subscript``, or an operator.
        args: What it is made of.
        value: Of a constant its value, of a column its name, of a call the function's name, of a
            subscript its entries.
        kind: ``number``, ``bool``, ``text``, ``json`` or ``any``: what its values are.
        labels: Class names, if its values are indexes into them.
        pos, end: Where it is in the text.
    """

    op: str
    args: tuple[Expr, ...] = ()
    value: Any = None
    kind: str = ANY
    labels: tuple[str, ...] | None = None
    pos: int = 0
    end: int = 0

    def walk(self) -> Iterator[Expr]:
        """This and all its parts."""
        yield self
        for arg in self.args:
            yield from arg.walk()

    @property
    def names(self) -> list[str]:
        """The columns in it, each once."""
        return list(dict.fromkeys(e.value for e in self.walk() if e.op == "column"))

    @property
    def key(self) -> Any:
        """Equal for expressions that are the same."""
        value = self.value
        shown = (
            (str(value.dtype), value.tobytes()) if isinstance(value, np.ndarray) else repr(value)
        )
        return (self.op, shown, *(arg.key for arg in self.args))


def kind_of(schema: TensorSchema) -> str:
    """What the values of a column are."""
    if schema.htype == "polygon":
        return ANY
    if schema.dtype == "str" and not schema.is_sequence:
        return TEXT
    if schema.dtype in ("json", "str") or schema.htype in ("json", "list", "tag"):
        return JSON
    if schema.htype == "text":
        return TEXT
    if schema.dtype is None:
        return ANY
    return BOOL if np.dtype(schema.dtype).kind == "b" else NUMBER


class Binder:
    """Looks up names, and checks types, before anything is read.

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
            array = np.asarray(value) if _is_numeric(value) else None
            return self._const(node, value if array is None else array)
        return self._const(node, value)

    def _name(self, node: Node) -> Expr:
        name = node.value
        found = self._find(name)
        if found is not None:
            return self._column(node, found)
        if name in self.aliases:
            return self.aliases[name]
        known = [*self.columns.visible, *self.aliases]
        message = f'Tensor "{name}" does not exist in the dataset{nearest(name, known)}'
        if known and not nearest(name, known):
            message += f"; there are {', '.join(map(repr, known[:10]))}"
        if node.mark == "quoted":
            message += f". A text is written in single quotes: '{name}'"
        raise self.fail(node, message)

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
        if _is_numeric(values):
            return self._const(node, np.asarray(values) if values else np.zeros(0))
        return self._make(node, "const", (), values, JSON)

    # ---- logic
    def _condition(self, node: Node) -> Expr:
        return self.bind(node)

    def _or(self, node: Node) -> Expr:
        return self._make(node, "or", [self._condition(p) for p in node.parts], kind=BOOL)

    def _and(self, node: Node) -> Expr:
        return self._make(node, "and", [self._condition(p) for p in node.parts], kind=BOOL)

    def _not(self, node: Node) -> Expr:
        return self._make(node, "not", [self._condition(node.parts[0])], kind=BOOL)

    def _negated(self, node: Node, expr: Expr) -> Expr:
        return self._make(node, "not", [expr], kind=BOOL) if node.mark == "not" else expr

    def _is_null(self, node: Node) -> Expr:
        return self._negated(
            node, self._make(node, "is null", [self.bind(node.parts[0])], kind=BOOL)
        )

    # ---- comparisons
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
            return self.columns.schema[expr.value].dtype or "unknown"
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
            if not _is_numeric(plain):
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
        if of.labels is not None:
            match = re.compile(
                like_regex(pattern.value), re.DOTALL | (re.IGNORECASE if op == "ilike" else 0)
            )
            chosen = [i for i, name in enumerate(of.labels) if match.fullmatch(name)]
            found = self._make(node, "in", [of], value=np.array(chosen, np.int64), kind=BOOL)
            return self._negated(node, found)
        if of.kind in (NUMBER, BOOL):
            raise self.fail(node, f"{op.upper()} is for text; this is {self._dtype(of)}")
        return self._negated(node, self._make(node, op, [of], value=pattern.value, kind=BOOL))

    _ilike = _like

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
        args = []
        for i in range(0, len(pairs), 2):
            test = pairs[i]
            if subject is not None:
                test = Node("=", (subject, pairs[i]), None, pairs[i].pos, pairs[i].end)
            args += [self.bind(test), self.bind(pairs[i + 1])]
        args.append(self._const(node, None) if default is None else self.bind(default))
        values = [*args[1:-1:2], args[-1]]
        kinds = {v.kind for v in values if not (v.op == "const" and v.value is None)}
        if TEXT in kinds and kinds & {NUMBER, BOOL}:
            raise self.fail(node, "the values of CASE are all text or all numbers")
        kind = kinds.pop() if len(kinds) == 1 else (NUMBER if kinds <= {NUMBER, BOOL} else ANY)
        return self._make(node, "case", args, kind=kind)

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

    # ---- functions
    def _call(self, node: Node) -> Expr:
        name = node.value
        if name in ALWAYS_AGGREGATE or (self.grouped and name in AGGREGATES):
            return self._aggregate(node)
        if name in SPECIAL:
            return self._special(node)
        function = FUNCTIONS.get(name)
        if function is None:
            known = [*FUNCTIONS, *SPECIAL, *ALWAYS_AGGREGATE]
            raise self.fail(node, f"Function '{name}' is not found{nearest(name, known)}")
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


def _is_numeric(values: Any) -> bool:
    return len(values) <= MAX_LIST * 500 and all(
        isinstance(v, (bool, int, float, np.number, np.bool_)) for v in values
    )


def like_regex(pattern: str) -> str:
    """A pattern of LIKE as a regular expression: ``%`` is any text, ``_`` any character."""
    parts = {"%": ".*", "_": "."}
    return "".join(parts.get(c) or re.escape(c) for c in pattern)


__all__ = ["ANY", "BOOL", "COMPARISONS", "JSON", "NUMBER", "TEXT", "Binder", "Expr", "kind_of",
           "like_regex"]  # fmt: skip
