"""``sample_out``: what a function adds to, in place of the dataset that it will get into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Never

from deeplake.compute.column import Column
from deeplake.compute.item import Item, Value
from deeplake.errors import SampleAppendingError, SampleExtendingError, TensorDoesNotExistError


class Output:
    """Takes rows as a dataset does: by tensor, or whole.

    Args:
        names: The tensors that there are; empty where any name will do, between stages.
    """

    __slots__ = ("_columns", "_names")

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = tuple(names)
        self._columns: dict[str, Column] = {}

    # ---- by tensor
    def __getitem__(self, name: str) -> TensorOutput:
        if not isinstance(name, str):
            raise NotImplementedError(
                "sample_out takes new samples; what is in the dataset already cannot be changed "
                f"through it, as in sample_out[{name!r}]"
            )
        return TensorOutput(self, name.strip("/"))

    def __getattr__(self, name: str) -> TensorOutput:
        # Nobody means a tensor by what Python and notebooks ask every object for.
        if name.startswith("_") and name not in self._names:
            raise AttributeError(name)
        return TensorOutput(self, name)

    @property
    def tensors(self) -> dict[str, TensorOutput]:
        """The tensors by name."""
        return {name: self[name] for name in self._names or self._columns}

    def __contains__(self, name: object) -> bool:
        return name in (self._names or self._columns)

    def __len__(self) -> int:
        return max((column.n for column in self._columns.values()), default=0)

    def __dir__(self) -> list[str]:
        tensors = self._names or self._columns
        return sorted({*super().__dir__(), *(name.split("/")[0] for name in tensors)})

    def __repr__(self) -> str:
        return f"sample_out(tensors={[*self.tensors]})"

    # ---- whole rows
    def append(self, sample: Any, skip_ok: bool = False, append_empty: bool = False) -> None:
        """Add one row.

        Args:
            sample: A dict of samples by tensor name, or a row of a dataset.
            skip_ok: Only there to be refused: it is an argument of ``eval``.
            append_empty: Tensors that are not named get None.

        Raises:
            ValueError: ``skip_ok`` is given, or the tensors named have different lengths.
            SampleAppendingError: Neither a dict nor a row.
        """
        row = _by_name(sample, SampleAppendingError)
        self._check(row, skip_ok)
        for name, value in row.items():
            self._column(name).append(value)
        for name in self._missing(row) if append_empty else ():
            self._column(name).append(None)

    def extend(self, samples: Any, skip_ok: bool = False, append_empty: bool = False) -> None:
        """Add several rows.

        Args:
            samples: A dict of equally many samples by tensor name, or a dataset.
            skip_ok: Only there to be refused: it is an argument of ``eval``.
            append_empty: Tensors that are not named get None.

        Raises:
            ValueError: ``skip_ok`` is given, or the tensors named, or the samples given for them,
                differ in length.
            SampleExtendingError: Neither a dict nor a dataset.
        """
        columns = _by_name(samples, SampleExtendingError)
        self._check(columns, skip_ok)
        found = {name: Column() for name in columns}
        for name, values in columns.items():
            found[name].extend(values)
        sizes = {name: column.n for name, column in found.items()}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"all columns need the same number of rows; they have {sizes}")
        for name, values in columns.items():
            self._column(name).extend(values)
        rows = next(iter(sizes.values()), 0)
        for name in self._missing(columns) if append_empty else ():
            self._column(name).extend([None] * rows)

    def update(self, sample: Any) -> Never:
        """Not possible: a transform only adds."""
        raise NotImplementedError(
            "sample_out takes new samples only; use ds[i].update(…) outside of a transform"
        )

    def _check(self, given: Mapping[str, Any], skip_ok: bool) -> None:
        if skip_ok:
            raise ValueError(
                "skip_ok is not an argument of sample_out's methods: pass it to eval(…, skip_ok=True)"
            )
        lengths = {
            name: self._columns[name].n if name in self._columns else 0 for name in map(_key, given)
        }
        if len(set(lengths.values())) > 1:
            raise ValueError(
                "rows can only be added to tensors of equal length; in sample_out they have "
                f"{lengths}"
            )

    def _missing(self, given: Mapping[str, Any]) -> list[str]:
        known = set(map(_key, given))
        return [name for name in self._names if name not in known]

    # ---- for who runs the function
    def _column(self, name: str) -> Column:
        name = _key(name)
        column = self._columns.get(name)
        if column is None:
            if any(known.startswith(f"{name}/") for known in self._names):
                raise TensorDoesNotExistError(
                    f"{name!r} is a group; samples are added to its tensors"
                )
            column = self._columns[name] = Column()
        return column


class TensorOutput:
    """One tensor, or group, of ``sample_out``."""

    __slots__ = ("_name", "_output")

    def __init__(self, output: Output, name: str) -> None:
        self._output = output
        self._name = name

    def append(self, sample: Any) -> None:
        """Add one sample: whatever can be appended to the tensor."""
        self._output._column(self._name).append(sample)

    def extend(self, samples: Any) -> None:
        """Add several samples: an array, or any sequence of samples."""
        self._output._column(self._name).extend(samples)

    def __len__(self) -> int:
        column = self._output._columns.get(self._name)
        return 0 if column is None else column.n

    def __getitem__(self, name: str) -> TensorOutput:
        if not isinstance(name, str):
            raise NotImplementedError(
                f"sample_out takes new samples; it cannot be read, as in sample_out.{self._name}"
                f"[{name!r}]"
            )
        return self._output[f"{self._name}/{name}"]

    def __setitem__(self, key: Any, value: Any) -> Never:
        raise NotImplementedError(
            f"sample_out takes new samples: append to sample_out.{self._name}, or assign to the "
            "dataset outside of a transform"
        )

    def __getattr__(self, name: str) -> TensorOutput:
        full = f"{self._name}/{name}"
        if name.startswith("_") and full not in self._output._names:
            raise AttributeError(name)
        return self._output[full]

    def __dir__(self) -> list[str]:
        prefix = f"{self._name}/"
        below = [n[len(prefix) :] for n in self._output._names if n.startswith(prefix)]
        return sorted({*super().__dir__(), *(name.split("/")[0] for name in below)})

    def __repr__(self) -> str:
        return f"sample_out[{self._name!r}]"


def _key(name: str) -> str:
    return str(name).strip("/")


def _by_name(given: Any, kind: type[Exception]) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        return given
    if isinstance(given, Value) and isinstance(given.value, Mapping):
        return given.value
    tensors = getattr(given, "tensors", None)
    if isinstance(given, Item) or (isinstance(tensors, Mapping) and not isinstance(given, Output)):
        return dict(given.tensors)
    raise kind(f"sample_out takes a dict of samples by tensor name, not {type(given).__name__}")


def items(columns: Mapping[str, Column]) -> Iterator[Item]:
    """The rows of a stage, for the next one."""
    values = {name: [*column] for name, column in columns.items()}
    for i in range(max(map(len, values.values()), default=0)):
        yield Item({name: column[i] for name, column in values.items() if i < len(column)})


__all__ = ["Output", "TensorOutput", "items"]
