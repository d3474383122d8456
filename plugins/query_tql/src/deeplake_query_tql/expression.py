"""Expressions whose names and types are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from deeplake.types import TensorSchema

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
        names: The columns in it, each once.
    """

    op: str
    args: tuple[Expr, ...] = ()
    value: Any = None
    kind: str = ANY
    labels: tuple[str, ...] | None = None
    pos: int = 0
    end: int = 0
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        mine = (self.value,) if self.op == "column" else ()
        below = (name for arg in self.args for name in arg.names)
        object.__setattr__(self, "names", tuple(dict.fromkeys((*mine, *below))))

    def walk(self) -> Iterator[Expr]:
        """This and all its parts."""
        yield self
        for arg in self.args:
            yield from arg.walk()

    @property
    def width(self) -> int:
        """Elements of the longest constant in it, at least 1: rows may be spread to as many."""
        sizes = (np.size(e.value) for e in self.walk() if isinstance(e.value, np.ndarray))
        return max(1, max(sizes, default=1))

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


__all__ = ["ANY", "BOOL", "COMPARISONS", "JSON", "NUMBER", "TEXT", "TYPES", "Expr", "kind_of"]
