"""One tensor, or a part of one: reads like an array, appends like a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast

import numpy as np

from deeplake.dataset.checkout import Checkout
from deeplake.dataset.info import Info
from deeplake.dataset.reader import TensorReader
from deeplake.dataset.sample import Sample
from deeplake.dataset.selection import Selection
from deeplake.errors import (
    DynamicTensorNumpyError,
    EmptyTensorError,
    GetDataFromLinkError,
    InvalidOperationError,
    SampleUpdateError,
)
from deeplake.format.encoding import encoding, htype_plugin
from deeplake.format.values import object_array
from deeplake.spi import Payload
from deeplake.types import ShapeInterval, TensorSchema
from deeplake.versioning.draft import Draft


# The class has methods called dict and list; annotations inside it cannot use the builtins' names.
Json: TypeAlias = dict[str, Any]
Numbers: TypeAlias = list[int]


class Tensor:
    """A column of samples: ``ds.images``, ``ds.images[3]``, ``ds.images[10:20, :, :, 0]``.

    Nothing is read before ``numpy()``, ``data()`` or the like is called. A tensor that is not
    subscripted follows the dataset: rows that are appended are in it.
    """

    __slots__ = ("_checkout", "_selection", "_tid")

    def __init__(self, checkout: Checkout, tid: str, selection: Selection = Selection.ALL) -> None:
        self._checkout = checkout
        self._tid = tid
        self._selection = selection

    # ---- what it is
    @property
    def _draft(self) -> Draft:
        return self._checkout.draft(self._tid)

    @property
    def _reader(self) -> TensorReader:
        checkout = self._checkout
        return checkout.reader(checkout.draft(self._tid))

    @property
    def _schema(self) -> TensorSchema:
        return self._draft.schema

    @property
    def _payload(self) -> Payload:
        return htype_plugin(self._schema.htype).spec().payload

    @property
    def key(self) -> str:
        """Full name, groups separated by ``/``."""
        return self._schema.name

    @property
    def htype(self) -> str | None:
        """Htype as it was given (``"image"``, ``"sequence[image]"``); None before the first sample
        of a tensor that was created without one."""
        schema = self._schema
        return None if schema.meta.get("open") else schema.full_htype

    @property
    def base_htype(self) -> str | None:
        """Htype without ``sequence[…]`` and ``link[…]``."""
        schema = self._schema
        return None if schema.meta.get("open") else schema.htype

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """NumPy dtype; None until the first sample decides; ``str`` for text and json values."""
        name = self._schema.dtype
        if name is None:
            default = htype_plugin(self._schema.htype).spec().dtype
            return None if default is None else np.dtype(str if default in _WORDS else default)
        return np.dtype(str) if name in _WORDS else np.dtype(name)

    @property
    def is_sequence(self) -> bool:
        """Whether samples are sequences of items."""
        return self._schema.is_sequence

    @property
    def is_link(self) -> bool:
        """Whether samples are links to data elsewhere."""
        return self._schema.is_link

    @property
    def hidden(self) -> bool:
        """Whether ``ds.tensors`` leaves it out."""
        return self._schema.hidden

    @property
    def verify(self) -> bool:
        """Whether links are opened when they are appended."""
        return self._schema.verify

    @property
    def sample_compression(self) -> str | None:
        """Codec of each sample."""
        return self._schema.sample_compression

    @property
    def chunk_compression(self) -> str | None:
        """Codec of whole chunks."""
        return self._schema.chunk_compression

    @property
    def info(self) -> Info:
        """JSON kept with the tensor: class names, coordinates, and whatever users add."""
        return Info(lambda: self._draft.info, self._set_info)

    @info.setter
    def info(self, value: Mapping[str, Any]) -> None:
        if not isinstance(value, Mapping):
            raise TypeError(f"info is a dict, not {type(value).__name__}")
        self.info.replace_with(value)

    def _set_info(self, value: Mapping[str, Any]) -> None:
        with self._checkout.change(rows_move=False) as session:
            session.set_info(value, self._draft)

    @property
    def meta(self) -> Json:
        """All meta of the tensor, as a plain dict."""
        schema = self._schema
        shape = self.shape_interval
        return {
            "name": schema.name, "htype": self.htype, "dtype": schema.dtype,
            "length": self.num_samples, "min_shape": list(shape.lower[1:]),
            "max_shape": list(shape.upper[1:]), "sample_compression": schema.sample_compression,
            "chunk_compression": schema.chunk_compression, "hidden": schema.hidden,
            "is_sequence": schema.is_sequence, "is_link": schema.is_link, "verify": schema.verify,
            "max_chunk_size": schema.max_chunk_size, "tiling_threshold": schema.tiling_threshold,
            **schema.meta,
        }  # fmt: skip

    # ---- how much there is
    @property
    def num_samples(self) -> int:
        """Samples of the whole tensor, whatever is selected."""
        return self._draft.length

    def __len__(self) -> int:
        return self._selection.count(self.num_samples)

    @property
    def is_empty_tensor(self) -> bool:
        """Whether the tensor has no samples."""
        return self.num_samples == 0

    @property
    def shape_interval(self) -> ShapeInterval:
        """Smallest and largest shape, the number of samples first unless one is selected."""
        low, high = self._bounds()
        selection = self._selection
        if selection.steps and low == high:
            low = high = selection.result_shape(low)
        elif selection.steps:
            shapes = [selection.result_shape(tuple(s)) for s in self._shapes().tolist()]
            low, high = tuple(np.min(shapes, axis=0)), tuple(np.max(shapes, axis=0))
        if selection.is_single:
            return ShapeInterval(map(int, low), map(int, high))
        n = len(self)
        return ShapeInterval((n, *map(int, low)), (n, *map(int, high)))

    def _bounds(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Lowest and highest shape of the selected samples."""
        reader = self._reader
        selection = self._selection
        if len(self) == 0:
            return (0,) * (reader.schema.ndim or 0), (0,) * (reader.schema.ndim or 0)
        low, high = reader.table.bounds()
        if low == high or selection.index is None:
            return low, high
        if selection.is_single:
            shape = reader.shape(cast(int, selection.index))
            return shape, shape
        shapes = self._shapes()
        return tuple(shapes.min(axis=0).tolist()), tuple(shapes.max(axis=0).tolist())

    def _shapes(self) -> np.ndarray:
        return self._reader.shapes(self._rows())

    def shapes(self) -> np.ndarray:
        """``int64[samples, ndim]``: the shape of each selected sample."""
        return self._shapes()

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Common shape; None on axes where samples differ."""
        return self.shape_interval.astuple()

    @property
    def ndim(self) -> int:
        """Dimensions, that of the samples included."""
        return len(self.shape_interval.lower)

    @property
    def size(self) -> int | None:
        """Number of elements; None if samples differ in shape."""
        total = 1
        for axis in self.shape:
            if axis is None:
                return None
            total *= axis
        return total

    @property
    def is_dynamic(self) -> bool:
        """Whether samples differ in shape."""
        return self.shape_interval.is_dynamic

    # ---- subscripts
    def __getitem__(self, item: Any) -> Tensor:
        checkout = self._checkout
        draft = checkout.draft(self._tid)
        if type(item) is int:
            return Tensor(checkout, self._tid, self._selection.select(item, draft.length))
        selection = self._selection.select(item, draft.length, draft.schema.ndim)
        return Tensor(checkout, self._tid, selection)

    def __iter__(self) -> Iterator[Tensor]:
        for i in range(len(self)):
            yield self[i]

    @property
    def index(self) -> Selection:
        """What is selected."""
        return self._selection

    @property
    def sample_indices(self) -> Numbers:
        """Row numbers that are selected."""
        return list(self._rows())

    def _rows(self) -> Sequence[int]:
        rows = self._selection.rows(self.num_samples)
        return [rows] if isinstance(rows, int) else cast(Sequence[int], rows)

    # ---- reading
    def numpy(self, aslist: bool = False, fetch_chunks: bool = False) -> Any:
        """The selected samples.

        Args:
            aslist: Return a list of arrays, which may differ in shape.
            fetch_chunks: Accepted for compatibility; what is fetched together is decided by the
                store.

        Returns:
            An array of shape ``(samples, *shape)``, or ``shape`` if one sample is selected. Text has
            dtype ``str`` and shape ``(1,)`` a sample, json values dtype ``object``, polygons are a
            list of arrays.

        Raises:
            DynamicTensorNumpyError: Shapes differ and ``aslist`` is False.
            EmptyTensorError: All samples are None.
            CorruptedSampleError, ChecksumError: Stored bytes are damaged.
        """
        selection = self._selection
        index = selection.index
        if type(index) is int:
            value = self._reader.sample(index)
            if self._payload == "array":
                return selection.apply(value) if selection.steps else value
            return self._subscripted(self._shown(value))
        if self._payload != "array":
            return self._objects(aslist)
        return self._arrays(aslist)

    def _arrays(self, aslist: bool) -> Any:
        reader = self._reader
        selection = self._selection
        rows = selection.rows(len(reader))
        if len(reader) == 0:
            return [] if aslist else np.zeros((0,), self.dtype or np.float64)
        if reader.schema.dtype is None:
            raise EmptyTensorError(f"tensor {self.key!r} holds no sample that has a value")
        assert not isinstance(rows, int)
        if not aslist:
            if len(rows) == 0:
                low, high = reader.table.bounds()
                shape = selection.result_shape(low) if low == high else ()
                return np.zeros((0, *shape), np.dtype(reader.schema.dtype))
            stacked = reader.array(rows)
            if stacked is not None:
                return selection.apply_batch(stacked) if selection.steps else stacked
        values = [selection.apply(v) for v in reader.samples(rows)]
        if aslist:
            return values
        if len({v.shape for v in values}) == 1:
            return np.stack(values)
        raise DynamicTensorNumpyError(
            f"the {len(values)} samples of tensor {self.key!r} have different shapes; use "
            ".numpy(aslist=True) for a list of arrays"
        )

    def _objects(self, aslist: bool) -> Any:
        shown = [self._subscripted(self._shown(v)) for v in self._reader.samples(self._rows())]
        if aslist or self._payload == "polygon":
            return shown
        if not shown:
            return np.zeros((0, 1), self.dtype or object)
        if len({v.shape for v in shown}) != 1:
            raise DynamicTensorNumpyError(
                f"the samples of tensor {self.key!r} have different lengths; use "
                ".numpy(aslist=True) for a list of arrays"
            )
        return np.stack(shown)

    def _shown(self, value: Any) -> Any:
        """A value that is no array, the way ``numpy()`` shows it."""
        if self._payload == "text":
            return np.array([value])
        if self._payload == "json":
            return object_array([value])
        if self._payload == "list":
            texts = value and all(isinstance(x, str) for x in value)
            return np.array(value) if texts and self._schema.htype == "tag" else object_array(value)
        return value

    def _subscripted(self, value: Any) -> Any:
        if not self._selection.steps:
            return value
        if isinstance(value, list):
            return [self._selection.apply(v) for v in value]
        return self._selection.apply(value)

    def data(self, aslist: bool = False, fetch_chunks: bool = False) -> Any:
        """The selected samples as a dict of what their htype says of them (``value``, ``text`` …)."""
        plugin = htype_plugin(self._schema.htype)
        single = self._selection.is_single
        if self._payload == "array":
            value = self.numpy(aslist=aslist or (not single and self.is_dynamic))
        else:
            found = self._reader.samples(self._rows())
            value = found[0] if single else found
        result = plugin.data(value, self._draft.info, batch=not single)
        if encoding(self._schema).sample is not None:
            result["sample_info"] = self.sample_info
        return result

    def text(self) -> Any:
        """Text of the selected samples: a str, or a list of them."""
        return self._value_of("text")

    def dict(self) -> Any:
        """Json value of the selected samples, or a list of them."""
        return self._value_of("json")

    def list(self) -> Any:
        """The selected samples as Python lists."""
        if self._payload == "list":
            return self._value_of("list")
        return self.numpy(aslist=not self._selection.is_single and self.is_dynamic).tolist()

    def _value_of(self, payload: str) -> Any:
        if self._payload != payload:
            raise ValueError(f"tensor {self.key!r} has htype {self.htype!r}: its samples are no {payload}")
        found = self._reader.samples(self._rows())
        return found[0] if self._selection.is_single else found

    def tobytes(self) -> bytes:
        """The stored bytes of one sample: those of the file, if the tensor has its compression.

        Raises:
            ValueError: Not exactly one sample, or a part of one, is selected.
        """
        if len(self) != 1 or self._selection.steps:
            raise ValueError("tobytes() needs exactly one whole sample, for example ds.images[3]")
        return self._reader.raw(int(self._rows()[0]))

    @property
    def sample_info(self) -> Any:
        """What the files say of themselves (format, exif …): a dict, or a list of them."""
        codec = encoding(self._schema).sample
        found = []
        for row in self._rows():
            meta: Json = {}
            raw = self._reader.raw(row) if codec is not None else b""
            if codec is not None and raw:
                header = codec.probe(raw)
                meta = {"format": codec.name, **header.meta, "shape": [*header.shape]}
            found.append({**meta, "modified": False})
        return found[0] if self._selection.is_single else found

    def path(self, aslist: bool = True) -> Any:
        """Path of linked samples."""
        raise GetDataFromLinkError(f"tensor {self.key!r} has htype {self.htype!r}: it is no link")

    def _as_sample(self) -> Any:
        """A tensor's one sample the way ``append`` takes it: compressed bytes stay compressed."""
        if len(self) != 1:
            return self.numpy()
        row = int(self._rows()[0])
        reader = self._reader
        if reader.is_null(row):
            return None
        codec = encoding(self._schema).sample
        if codec is not None and not self._selection.steps:
            return Sample(buffer=reader.raw(row), compression=codec.name)
        if self._payload != "array":
            return reader.sample(row)
        return self._selection.apply(reader.sample(row))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.asarray(self.numpy())
        return array if dtype is None else array.astype(dtype)

    # ---- changing
    def _check_whole(self, what: str) -> None:
        if not self._selection.is_all:
            raise InvalidOperationError(
                f"{what} works on whole tensors; tensor {self.key!r} is subscripted here"
            )

    def append(self, sample: Any) -> None:
        """Add one sample.

        Args:
            sample: Array, number, list, ``deeplake.read(…)``, str, dict, another tensor's sample, or
                None for an empty sample.

        Raises:
            SampleAppendError: It does not fit; the tensor is as it was.
        """
        self._check_whole("append")
        self._checkout.extend(self._draft, [_plain(sample)])

    def extend(self, samples: Any, progressbar: bool = False, ignore_errors: bool = False) -> None:
        """Add several samples: an array (in one pass), a sequence, or another tensor.

        Args:
            samples: The samples.
            progressbar: Show progress.
            ignore_errors: Leave out samples that do not fit.

        Raises:
            SampleAppendError: A sample does not fit; the tensor is as it was.
        """
        self._check_whole("extend")
        samples = _many(samples)
        if progressbar:
            from tqdm import tqdm

            samples = list(tqdm(samples, desc=f"extend {self.key}", unit="sample"))
        self._checkout.extend(self._draft, samples, ignore_errors=ignore_errors)

    def pop(self, index: int | Sequence[int] | None = None) -> None:
        """Remove samples; those behind move up.

        Args:
            index: Row, rows, or None for the last one.

        Raises:
            IndexError: There is no such row.
        """
        self._check_whole("pop")
        draft = self._draft
        self._checkout.pop([draft], pop_rows(index, draft.length))

    def clear(self) -> None:
        """Remove all samples."""
        self._check_whole("clear")
        draft = self._draft
        self._checkout.pop([draft], range(draft.length))

    def __setitem__(self, item: Any, value: Any) -> None:
        draft = self._draft
        if isinstance(value, Tensor) and value._is_result_of(self, item):
            return
        if self._selection.is_all and isinstance(item, (int, np.integer)) and item >= draft.length:
            self._pad_and_append(int(item), value)
            return
        target = self[item]
        rows = target._rows()
        single = target._selection.is_single
        if target._selection.steps:
            samples = [target._patched(row, value, k, single) for k, row in enumerate(rows)]
        elif single:
            samples = [_plain(value)]
        else:
            samples = _many(value)
            if len(samples) != len(rows):
                raise SampleUpdateError(
                    f"tensor {self.key!r}: {len(samples)} samples for {len(rows)} rows; the numbers "
                    "must agree"
                )
        _assign(self._checkout, draft, rows, samples)

    def _is_result_of(self, other: Tensor, item: Any) -> bool:
        """Whether this is what ``other[item] += …`` hands back after it has been stored."""
        return self._tid == other._tid and other[item]._selection == self._selection

    def _pad_and_append(self, row: int, value: Any) -> None:
        draft = self._draft
        self._checkout.extend(draft, [None] * (row - draft.length) + [_plain(value)])

    def _patched(self, row: int, value: Any, k: int, single: bool) -> np.ndarray:
        """A sample with a part of it replaced."""
        sample = self._reader.sample(row)
        part = value if single or np.ndim(value) == 0 else value[k]
        try:
            self._selection.assign(sample, part)
        except (ValueError, TypeError) as error:
            raise SampleUpdateError(f"tensor {self.key!r}, row {row}: {error}") from error
        return cast(np.ndarray, sample)

    def _inplace(self, name: str, other: Any) -> Tensor:
        if not self._selection.is_single and self.is_dynamic:
            raise SampleUpdateError(
                f"tensor {self.key!r}: samples of different shapes cannot be changed in place"
            ) from NotImplementedError("in-place operators need samples of one shape")
        operator: Callable[[Any], Any] = getattr(self.numpy(), name)
        changed = operator(np.asarray(other))
        if changed is NotImplemented:
            raise SampleUpdateError(f"tensor {self.key!r}: {name} is not defined for {type(other)}")
        base = Tensor(self._checkout, self._tid)
        steps = self._selection.steps
        if steps:
            for k, row in enumerate(self._rows()):
                part = changed if self._selection.is_single else changed[k]
                sample = self._reader.sample(row)
                self._selection.assign(sample, part)
                _assign(self._checkout, self._draft, [row], [sample])
        elif self._selection.is_single:
            base[cast(int, self._selection.index)] = changed
        else:
            _assign(self._checkout, self._draft, self._rows(), changed)
        return self

    def __iadd__(self, other: Any) -> Tensor:
        return self._inplace("__add__", other)

    def __isub__(self, other: Any) -> Tensor:
        return self._inplace("__sub__", other)

    def __imul__(self, other: Any) -> Tensor:
        return self._inplace("__mul__", other)

    def __itruediv__(self, other: Any) -> Tensor:
        return self._inplace("__truediv__", other)

    def __ifloordiv__(self, other: Any) -> Tensor:
        return self._inplace("__floordiv__", other)

    def __imod__(self, other: Any) -> Tensor:
        return self._inplace("__mod__", other)

    def __ipow__(self, other: Any) -> Tensor:
        return self._inplace("__pow__", other)

    def __ilshift__(self, other: Any) -> Tensor:
        return self._inplace("__lshift__", other)

    def __irshift__(self, other: Any) -> Tensor:
        return self._inplace("__rshift__", other)

    def __iand__(self, other: Any) -> Tensor:
        return self._inplace("__and__", other)

    def __ixor__(self, other: Any) -> Tensor:
        return self._inplace("__xor__", other)

    def __ior__(self, other: Any) -> Tensor:
        return self._inplace("__or__", other)

    # ---- as text
    def summary(self) -> None:
        """Print name, htype, shape, dtype and compression."""
        from deeplake.dataset.summary import tensor_summary

        print(tensor_summary(self))

    def __repr__(self) -> str:
        index = "" if self._selection.is_all else f", index={self._selection!r}"
        return f"Tensor(key={self.key!r}{index})"


_WORDS = frozenset(("str", "json", "Any", "List"))


def pop_rows(index: int | Sequence[int] | None, length: int) -> list[int]:
    """Sorted row numbers, each once, of what ``pop`` was given.

    Raises:
        IndexError: There is no such row.
    """
    if index is None:
        index = -1
    rows = Selection.ALL.select(index, length).rows(length)
    return [rows] if isinstance(rows, int) else sorted({int(row) for row in rows})


def _assign(checkout: Checkout, draft: Draft, rows: Sequence[int], samples: Any) -> None:
    """Update rows in any order; of a row that is named twice, the last value counts."""
    numbers = np.asarray(rows, np.int64)
    if len(numbers) == 0:
        return
    unique, last = np.unique(numbers[::-1], return_index=True)
    order = len(numbers) - 1 - last
    if isinstance(samples, np.ndarray):
        chosen: Any = samples if _identity(order) else samples[order]
    else:
        chosen = [samples[i] for i in order.tolist()]
    checkout.update(draft, unique, chosen)


def _identity(order: np.ndarray) -> bool:
    return bool((order == np.arange(len(order))).all())


def _plain(sample: Any) -> Any:
    """A sample without the tensor around it."""
    if not isinstance(sample, Tensor):
        return sample
    return sample._as_sample()


def _many(samples: Any) -> Any:
    """Several samples: an array, or a sequence."""
    if isinstance(samples, Tensor):
        return [sample._as_sample() for sample in samples]
    if isinstance(samples, np.ndarray):
        return samples
    if hasattr(samples, "__array__") and not isinstance(samples, (Sample, Sequence)):
        return np.asarray(samples)
    return list(samples)


__all__ = ["Tensor", "pop_rows"]
