"""Labels: class indexes with names, and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deeplake.errors import InvalidSampleValueError, SampleHtypeMismatchError
from deeplake.format.htypes.builtin import SMALL, BuiltinHtype, texts
from deeplake.spi import HtypeSpec


class ClassLabel(BuiltinHtype):
    """Indexes into ``class_names``; a name that is not there yet is added at the end."""

    SPEC = HtypeSpec(name="class_label", dtype="uint32", info={"class_names": []}, chunk_size=SMALL)

    def check_meta(self, key: str, value: Any) -> Any:
        return texts(key, value)

    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        if _is_numbers(value):
            return value, None
        names = _Names(info.get("class_names") or ())
        prepared = names.indexes(value)
        return prepared, {**info, "class_names": names.all} if names.added else None

    def reconcile(
        self, ours: Mapping[str, Any], theirs: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], np.ndarray] | None:
        return reconcile_names(ours, theirs)

    def data(self, value: Any, info: Mapping[str, Any], *, batch: bool) -> dict[str, Any]:
        names = info.get("class_names")
        if not names:
            return {"value": value}
        return {"value": value, "text": _texts(value, names)}


def reconcile_names(
    ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> tuple[Mapping[str, Any], np.ndarray] | None:
    """Our class names with theirs behind them, and their indexes in the result."""
    mine, their = list(ours.get("class_names") or ()), list(theirs.get("class_names") or ())
    if mine[: len(their)] == their:
        return None
    names = _Names(mine)
    mapping = np.asarray(names.indexes(their), np.int64).reshape(-1)
    return {**ours, "class_names": names.all}, mapping


def _is_numbers(value: Any) -> bool:
    """Whether there is no name in the value: the way of nearly all labels, so a fast answer."""
    if type(value) is int:
        return True
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biufc"
    if isinstance(value, (list, tuple)):
        return all(type(item) is int for item in value)
    return isinstance(value, (int, float, np.number, np.bool_)) or (
        hasattr(value, "__array__") and not isinstance(value, (str, bytes, np.generic))
    )


class _Names:
    """Class names that grow while labels are looked up.

    Attributes:
        all: The names, in the order of their indexes.
        added: Whether ``all`` is longer than it was.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.all = list(names)
        self.added = False
        self._known: dict[str, int] | None = None

    def indexes(self, value: Any) -> Any:
        """The value with indexes in place of names; arrays in the smallest dtype that fits."""
        if isinstance(value, str):
            return self._index(str(value))
        if isinstance(value, (list, tuple)):
            return [self.indexes(item) for item in value]
        if isinstance(value, np.ndarray):
            return self._array(value)
        if _is_numbers(value):
            return value
        hint = "; decode it first" if isinstance(value, (bytes, np.bytes_)) else ""
        raise SampleHtypeMismatchError(
            f"a class label is an int, a class name, or a list of these, not "
            f"{type(value).__name__}{hint}"
        )

    def _index(self, name: str) -> int:
        if self._known is None:
            # The first of equal names counts.
            self._known = {name: i for i, name in reversed(list(enumerate(self.all)))}
        index = self._known.setdefault(name, len(self.all))
        if index == len(self.all):
            self.all.append(name)
            self.added = True
        return index

    def _array(self, array: np.ndarray) -> np.ndarray:
        if array.dtype.kind in "biufc":
            return array
        if array.dtype.kind in "UT":
            # Names get their indexes in the order in which they appear, as one by one.
            flat = array.ravel()
            _, first, inverse = np.unique(flat, return_index=True, return_inverse=True)
            of_unique = np.zeros(len(first), np.int64)
            for at in np.argsort(first):
                of_unique[at] = self._index(str(flat[first[at]]))
            indexes = of_unique[inverse.reshape(-1)]
        else:
            items = [self.indexes(item) for item in array.ravel().tolist()]
            if not all(isinstance(item, int) for item in items):
                raise SampleHtypeMismatchError(
                    "an array of class labels holds ints and class names, nothing else"
                )
            if items and min(items) < 0:
                raise InvalidSampleValueError(f"a class label is not negative: {min(items)}")
            indexes = np.array(items, np.int64)
        dtype = np.min_scalar_type(int(indexes.max()) if len(indexes) else 0)
        return indexes.astype(dtype).reshape(array.shape)


def _texts(value: Any, names: Sequence[str]) -> Any:
    """Names of indexes, nested as they are; None where there is none."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_texts(item, names) for item in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else None


class Tag(BuiltinHtype):
    """Lists of texts; a single text is a list of one."""

    SPEC = HtypeSpec(name="tag", payload="list", dtype="json", chunk_size=SMALL)

    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, str):
            return [str(value)], None
        if not isinstance(value, (list, tuple)):
            raise SampleHtypeMismatchError(
                f"a tag is a str or a list of str, not {type(value).__name__}"
            )
        for i, item in enumerate(value):
            if not isinstance(item, str):
                raise SampleHtypeMismatchError(
                    f"a tag is a str or a list of str; item {i} is of type {type(item).__name__}"
                )
        return [str(item) for item in value], None

    def data(self, value: Any, info: Mapping[str, Any], *, batch: bool) -> dict[str, Any]:
        return {"value": value.tolist() if isinstance(value, np.ndarray) else value}


__all__ = ["ClassLabel", "Tag"]
