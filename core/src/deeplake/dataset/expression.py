"""Filters as text: ``ds.filter("labels == 'dog' and images.shape[0] > 100")``.

The text is Python's syntax for expressions, of which a small part is taken; it is interpreted here and
never run. Names are tensors (of groups with a dot), and of a sample there are ``.min .max .mean
.shape .size .sample_info``, ``.contains(value)`` and subscripts. ``==`` says whether a value is in a
sample, and of a list whether both have the same values. Class labels are compared with their names.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

import numpy as np

from deeplake.errors import FilterTextError

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.dataset.tensor import Tensor

MAX_TEXT: Final = 10_000
MAX_DEPTH: Final = 100
"""Characters and nested parts that a filter may have."""

Row: TypeAlias = tuple[Mapping[str, "Column"], int]
Part: TypeAlias = Callable[[Row], Any]

_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}  # fmt: skip
_ORDER: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


# --------------------------------------------------------------------------- samples
class Column:
    """Some samples of one tensor, read when they are first asked for, all at once."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.names: Sequence[str] | None = None
        if tensor.base_htype == "class_label":
            self.names = list(tensor.info.get("class_names") or ())
        self.kind = tensor._reader.payload

    @cached_property
    def values(self) -> Sequence[Any]:
        """The samples: arrays, or what text, json and list tensors hold."""
        tensor = self.tensor
        if self.kind in ("text", "json", "list"):
            found: Sequence[Any] = tensor.data(aslist=True)["value"]
            return found
        if tensor._schema.ndim is None:  # nothing but None
            return [np.zeros(0)] * len(tensor)
        listed: Sequence[Any] = tensor.numpy(aslist=True)
        return listed

    @cached_property
    def shapes(self) -> list[tuple[int, ...]]:
        """Their shapes."""
        return [tuple(shape) for shape in self.tensor.shapes().tolist()]


class _Sample:
    """One sample of a tensor: what a name means while a row is looked at."""

    __slots__ = ("column", "i")

    def __init__(self, column: Column, i: int) -> None:
        self.column = column
        self.i = i

    @property
    def value(self) -> Any:
        return self.column.values[self.i]

    def label(self, value: Any) -> Any:
        """A class name as its number; None for a name that there is not."""
        names = self.column.names
        if names is None or not isinstance(value, str):
            return value
        return names.index(value) if value in names else None

    def attribute(self, name: str) -> Any:
        if name == "shape":
            return self.column.shapes[self.i]
        if name == "size":
            return int(np.prod(self.column.shapes[self.i]))
        if name == "sample_info":
            return self.column.tensor[self.i].sample_info
        value = np.asarray(self.value)
        return getattr(value, name)() if value.size else np.nan


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, _Sample) else value


# --------------------------------------------------------------------------- what operators mean
def _contains(container: Any, value: Any) -> bool:
    if isinstance(container, _Sample):
        if isinstance(value, (list, tuple)):
            return all(_contains(container, part) for part in value)
        value = container.label(value)
        if value is None:
            return False
    elif isinstance(container, (list, tuple)) and isinstance(value, _Sample):
        container = [value.label(part) for part in container]
    container, value = _plain(container), _plain(value)
    if isinstance(container, np.ndarray):
        return bool(np.any(container == value))
    if isinstance(container, (str, Mapping)):
        return isinstance(value, str) and value in container
    if isinstance(container, (list, tuple)):
        if isinstance(value, np.ndarray):
            return bool(np.isin(value, container).any())
        return value in container
    return bool(container == value)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(right, _Sample) and not isinstance(left, _Sample):
        left, right = right, left
    if isinstance(left, _Sample) and not isinstance(right, (_Sample, list, tuple)):
        if isinstance(left.value, (np.ndarray, list)):
            return _contains(left, right)
        return bool(left.value == _plain(right))
    if isinstance(left, _Sample) and isinstance(right, (list, tuple)):
        value = left.value
        if isinstance(value, np.ndarray):
            return set(value.ravel().tolist()) == {left.label(part) for part in right}
        if value and all(isinstance(item, np.ndarray) for item in value):  # a sequence
            found = {part for item in value for part in item.ravel().tolist()}
            return found == {left.label(part) for part in right}
        return bool(value == list(right))
    left, right = _plain(left), _plain(right)
    if isinstance(left, tuple) and isinstance(right, list):
        right = tuple(right)
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return left.shape == right.shape and bool((left == right).all())
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return bool(np.any(left == right))
    return bool(left == right)


def _ordered(how: Callable[[Any, Any], Any], left: Any, right: Any) -> bool:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, _Sample) and one.column.names is not None and isinstance(other, str):
            raise FilterTextError(
                f"filter: names of classes have no order: tensor {one.column.tensor.key!r} can be "
                f"compared with {other!r} by == and != only"
            )
    try:
        return _truth(how(_plain(left), _plain(right)))
    except TypeError as error:
        raise FilterTextError(f"filter: {error}") from error


def _truth(value: Any) -> bool:
    value = _plain(value)
    if isinstance(value, np.ndarray):
        if value.size > 1:
            raise FilterTextError(
                f"filter: an array of {value.size} values is neither true nor false; take its .min, "
                ".max or .mean, or one of its values"
            )
        return bool(value.size) and bool(value.ravel()[0])
    return bool(value)


def _number(value: Any) -> Any:
    value = _plain(value)
    if isinstance(value, (str, bytes, list, tuple, dict)) or value is None:
        raise FilterTextError(f"filter: {value!r:.60} is no number to calculate with")
    # NumPy's numbers have an end: 9 ** 9 ** 9 does not eat all memory.
    number = np.asarray(value)
    if number.dtype.kind not in "buif":
        raise FilterTextError(f"filter: {value!r:.60} is no number to calculate with")
    return number


# --------------------------------------------------------------------------- the text
class Expression:
    """A filter that was parsed.

    Args:
        text: The filter.
        dataset: Whose tensors it may name.

    Raises:
        FilterTextError: It is no expression, or one that filters do not have, or names no tensor.
    """

    def __init__(self, text: str, dataset: Dataset) -> None:
        self._text = text
        self._names = list(dataset.tensors)
        self._used: dict[str, None] = {}
        if len(text) > MAX_TEXT:
            raise FilterTextError(f"filter: a text of {len(text)} characters is too long")
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else str(error)
            raise FilterTextError(f"filter {text!r:.200}: {reason}") from error
        self._test = self._part(tree.body, 0)
        if not self._used:
            self._refuse(f"it names no tensor; there are {', '.join(self._names) or 'none'}")

    def test(self, dataset: Dataset, start: int, stop: int) -> Iterator[bool]:
        """Whether rows ``start`` to ``stop`` of the dataset or view fit."""
        rows = dataset[start:stop]
        columns = {name: Column(rows[name]) for name in self._used}
        return (_truth(self._test((columns, i))) for i in range(stop - start))

    def _refuse(self, why: str) -> NoReturn:
        raise FilterTextError(f"filter {self._text!r:.200}: {why}")

    def _part(self, node: ast.expr, depth: int) -> Part:
        if depth > MAX_DEPTH:
            self._refuse("it is nested too deep")
        name = self._tensor_of(node)
        if name is not None:
            self._used[name] = None
            return lambda row: _Sample(row[0][name], row[1])
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            self._refuse(f"{ast.unparse(node)!r:.60} is nothing that a filter can have")
        part: Part = method(node, depth + 1)
        return part

    def _tensor_of(self, node: ast.expr) -> str | None:
        """The tensor that a name, or a chain of them, means."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        name = "/".join([node.id, *reversed(parts)])
        return name if name in self._names else None

    # ---- kinds of parts
    def _constant(self, node: ast.Constant, depth: int) -> Part:
        value = node.value
        if value is not None and not isinstance(value, (bool, int, float, str)):
            self._refuse(f"{value!r:.60} is no number, text or list of them")
        return lambda row: value

    def _list(self, node: ast.List | ast.Tuple, depth: int) -> Part:
        parts = [self._part(part, depth) for part in node.elts]
        kind = list if isinstance(node, ast.List) else tuple
        return lambda row: kind(_plain(part(row)) for part in parts)

    _tuple = _list

    def _name(self, node: ast.Name, depth: int) -> Part:
        self._refuse(
            f"there is no tensor {node.id!r}; there are {', '.join(self._names) or 'none'}"
        )

    def _attribute(self, node: ast.Attribute, depth: int) -> Part:
        name = node.attr
        if name not in ("min", "max", "mean", "shape", "size", "sample_info"):
            self._refuse(
                f"{ast.unparse(node)!r:.60}: there is no such tensor, and samples have .min, .max, "
                ".mean, .shape, .size, .sample_info and .contains(value)"
            )
        of = self._part(node.value, depth)

        def attribute(row: Row) -> Any:
            value = of(row)
            if isinstance(value, _Sample):
                return value.attribute(name)
            if name in ("shape", "size"):
                return getattr(np.asarray(value), name)
            array = np.asarray(value)
            return getattr(array, name)() if array.size and name != "sample_info" else np.nan

        return attribute

    def _call(self, node: ast.Call, depth: int) -> Part:
        function = node.func
        if (
            not isinstance(function, ast.Attribute) or function.attr != "contains"
            or len(node.args) != 1 or node.keywords
        ):  # fmt: skip
            self._refuse(f"{ast.unparse(node)!r:.60}: the only call is <tensor>.contains(value)")
        container, value = self._part(function.value, depth), self._part(node.args[0], depth)
        return lambda row: _contains(container(row), value(row))

    def _subscript(self, node: ast.Subscript, depth: int) -> Part:
        of, key = self._part(node.value, depth), self._key(node.slice, depth)

        def subscript(row: Row) -> Any:
            value = _plain(of(row))
            try:
                return value[key(row)]
            except (IndexError, KeyError, TypeError):
                return None  # what is not there equals nothing

        return subscript

    def _key(self, node: ast.expr, depth: int) -> Part:
        if isinstance(node, ast.Slice):
            bounds = [None if b is None else self._part(b, depth)
                      for b in (node.lower, node.upper, node.step)]  # fmt: skip
            return lambda row: slice(*(None if b is None else _plain(b(row)) for b in bounds))
        if isinstance(node, ast.Tuple):
            parts = [self._key(part, depth) for part in node.elts]
            return lambda row: tuple(part(row) for part in parts)
        part = self._part(node, depth)
        return lambda row: _plain(part(row))

    def _unaryop(self, node: ast.UnaryOp, depth: int) -> Part:
        of = self._part(node.operand, depth)
        if isinstance(node.op, ast.Not):
            return lambda row: not _truth(of(row))
        if isinstance(node.op, ast.Invert):
            self._refuse("~ is nothing that a filter can have; write not")
        sign = -1 if isinstance(node.op, ast.USub) else 1
        return lambda row: _number(of(row)) * sign

    def _binop(self, node: ast.BinOp, depth: int) -> Part:
        how = _ARITHMETIC.get(type(node.op))
        if how is None:
            self._refuse(f"{ast.unparse(node)!r:.60}: operators are + - * / // % and **")
        left, right = self._part(node.left, depth), self._part(node.right, depth)

        def calculate(row: Row) -> Any:
            try:
                with np.errstate(all="ignore"):
                    return how(_number(left(row)), _number(right(row)))
            except (TypeError, ValueError) as error:
                raise FilterTextError(f"filter {self._text!r:.200}: {error}") from error

        return calculate

    def _boolop(self, node: ast.BoolOp, depth: int) -> Part:
        parts = [self._part(part, depth) for part in node.values]
        if isinstance(node.op, ast.And):
            return lambda row: all(_truth(part(row)) for part in parts)
        return lambda row: any(_truth(part(row)) for part in parts)

    def _compare(self, node: ast.Compare, depth: int) -> Part:
        parts = [self._part(part, depth) for part in (node.left, *node.comparators)]
        pairs = [
            (_comparison(how), left, right)
            for how, left, right in zip(node.ops, parts, parts[1:], strict=False)
        ]
        return lambda row: all(how(left(row), right(row)) for how, left, right in pairs)


def _comparison(how: ast.cmpop) -> Callable[[Any, Any], bool]:
    order = _ORDER.get(type(how))
    if order is not None:
        return lambda left, right: _ordered(order, left, right)
    if isinstance(how, ast.In):
        return lambda left, right: _contains(right, left)
    if isinstance(how, ast.NotIn):
        return lambda left, right: not _contains(right, left)
    if isinstance(how, (ast.NotEq, ast.IsNot)):
        return lambda left, right: not _equal(left, right)
    return _equal


__all__ = ["Expression"]
