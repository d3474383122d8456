"""What one stage of a pipeline hands to the next: rows that are in no dataset yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from deeplake.dataset.sample import Sample
from deeplake.errors import TensorDoesNotExistError


class Value(NDArrayOperatorsMixin):
    """A sample of one tensor, with the methods that samples of a dataset have.

    Attributes:
        value: As the stage before appended it.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def numpy(self, aslist: bool = False) -> Any:
        """The sample as an array; files are decoded, None is an empty array."""
        value = self.value
        if isinstance(value, Sample):
            value = value.array
        elif isinstance(value, (str, Mapping)):
            value = np.array([value], None if isinstance(value, str) else object)
        elif value is None:
            value = np.empty(0)
        array = np.asarray(value)
        return list(array) if aslist else array

    def data(self, aslist: bool = False) -> dict[str, Any]:
        """The sample below the key ``value``."""
        held = isinstance(self.value, (str, list, Mapping))
        return {"value": self.value if held else self.numpy(aslist)}

    def text(self) -> Any:
        """The sample as it was given, if it is a text."""
        return self._of(str, "text")

    def dict(self) -> Any:
        """The sample as it was given, if it is a dict."""
        return self._of(Mapping, "dict")

    def list(self) -> Any:
        """The sample as a list."""
        value = self.value
        return [*value] if isinstance(value, (list, tuple)) else self.numpy().tolist()

    def _of(self, kind: type, what: str) -> Any:
        if not isinstance(self.value, kind):
            raise TypeError(f"the sample is no {what} but {type(self.value).__name__}")
        return self.value

    def tobytes(self) -> bytes:
        """The bytes of a file, or of an array."""
        value = self.value
        return bytes(value.buffer) if isinstance(value, Sample) else self.numpy().tobytes()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the sample."""
        value = self.value
        return tuple(value.shape) if isinstance(value, Sample) else self.numpy().shape

    @property
    def dtype(self) -> Any:
        """NumPy dtype of the sample."""
        return self.numpy().dtype

    @property
    def ndim(self) -> int:
        """Dimensions of the sample."""
        return len(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array: np.ndarray = self.numpy()
        array = array if dtype is None else array.astype(dtype, copy=False)
        return array.copy() if copy else array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [value.numpy() if isinstance(value, Value) else value for value in inputs]
        return getattr(ufunc, method)(*plain, **kwargs)

    def __len__(self) -> int:
        return len(self.numpy()) if self._is_array else len(self.value)

    def __getitem__(self, key: Any) -> Any:
        return self.numpy()[key] if self._is_array else self.value[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.numpy() if self._is_array else self.value)

    @property
    def _is_array(self) -> bool:
        return not isinstance(self.value, (str, list, tuple, Mapping))

    def __repr__(self) -> str:
        return f"Value({self.value!r})"


class Item:
    """A row: values by tensor name, with groups as in a dataset.

    Args:
        values: By full name.
        group: The group that this is.
    """

    __slots__ = ("_group", "_values")

    def __init__(self, values: Mapping[str, Any], group: str = "") -> None:
        self._values = values
        self._group = group

    @property
    def tensors(self) -> dict[str, Value]:
        """Values by name below this group."""
        prefix = f"{self._group}/" if self._group else ""
        return {
            name.removeprefix(prefix): Value(value)
            for name, value in self._values.items()
            if name.startswith(prefix)
        }

    def __getitem__(self, name: str) -> Any:
        full = f"{self._group}/{name}".strip("/") if self._group else str(name).strip("/")
        if full in self._values:
            return Value(self._values[full])
        if any(known.startswith(f"{full}/") for known in self._values):
            return Item(self._values, full)
        raise TensorDoesNotExistError(
            f"the stage before gave nothing for tensor {full!r}; it gave "
            f"{', '.join(map(repr, self._values)) or 'nothing'}"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return 1

    def keys(self) -> list[str]:
        """Names of the tensors."""
        return [*self.tensors]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name.split("/")[0] for name in self.tensors)})

    def __repr__(self) -> str:
        return f"Item(tensors={self.keys()})"


__all__ = ["Item", "Value"]
