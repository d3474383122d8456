"""Operators that change tensors in place: ``ds.x += 1``, ``ds.x[3, :10] *= 2``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, cast

if TYPE_CHECKING:
    from deeplake.dataset.tensor import Tensor


class InPlace:
    """The operators, as NumPy has them."""

    __slots__ = ()

    def _in_place(self, operator: str, other: Any) -> Self:
        from deeplake.dataset import assignment

        assignment.in_place(cast("Tensor", self), operator, other)
        return self

    def __iadd__(self, other: Any) -> Self:
        return self._in_place("__iadd__", other)

    def __isub__(self, other: Any) -> Self:
        return self._in_place("__isub__", other)

    def __imul__(self, other: Any) -> Self:
        return self._in_place("__imul__", other)

    def __itruediv__(self, other: Any) -> Self:
        return self._in_place("__itruediv__", other)

    def __ifloordiv__(self, other: Any) -> Self:
        return self._in_place("__ifloordiv__", other)

    def __imod__(self, other: Any) -> Self:
        return self._in_place("__imod__", other)

    def __ipow__(self, other: Any) -> Self:
        return self._in_place("__ipow__", other)

    def __ilshift__(self, other: Any) -> Self:
        return self._in_place("__ilshift__", other)

    def __irshift__(self, other: Any) -> Self:
        return self._in_place("__irshift__", other)

    def __iand__(self, other: Any) -> Self:
        return self._in_place("__iand__", other)

    def __ixor__(self, other: Any) -> Self:
        return self._in_place("__ixor__", other)

    def __ior__(self, other: Any) -> Self:
        return self._in_place("__ior__", other)


__all__ = ["InPlace"]
