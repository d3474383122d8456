"""One tensor of a snapshot, read the way it was asked for."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, TypeAlias, cast

import numpy as np

from deeplake.dataset.sample import Sample
from deeplake.dataset.sample_reader import PICTURE
from deeplake.dataset.selection import Selection
from deeplake.errors import (
    CorruptedSampleError,
    DeepLakeError,
    ModuleNotInstalledException,
)
from deeplake.format.encoding import codec_plugin, encoding, htype_plugin
from deeplake.format.values import object_array
from deeplake.loader.gather import Gather
from deeplake.loader.lot import Lot, Rows
from deeplake.loader.memory import ALIGNED, Memory
from deeplake.loader.snapshot import Source
from deeplake.loader.spec import Decode
from deeplake.spi import SampleCodec
from deeplake.types import Shape, TensorSchema

Values: TypeAlias = "np.ndarray | list[Any]"
"""Samples of one tensor: an array with a leading axis where shapes agree, else a list."""

SMALL = 64
"""Bytes that a sample without a shape (text, json) is taken for."""

SHARED = 1 << 15
"""Arrays of several batches up to this many bytes are parts of one, wherever each begins."""

_PIL = frozenset(("jpeg", "jpg", "png"))
_DIRECT = frozenset(("L", "RGB"))
"""Modes of files whose decoded pixels are those of the PIL image."""


class Column:
    """Reads one tensor the way it was asked for. Any number of threads may.

    Args:
        source: The tensor.
        decode: What its samples are made.
        steps: Subscripts into each sample.
        widen: NumPy dtypes that the framework lacks, and what they become.
        memory: Makes the arrays of batches.
        mapped: Stored bytes lie in memory maps.

    Attributes:
        uniform: Shape and dtype of all samples, where they are known to be the same and are decoded
            straight into an array; else None.
        row_bytes: Bytes of a sample in memory, at most.
        heavy: Samples are decoded one by one, which takes far longer than copying them.

    Raises:
        ValueError: The tensor cannot be decoded that way.
        NotImplementedError: It is data of a video.
    """

    __slots__ = (
        "_decode",
        "_gather",
        "_limits",
        "_plugin",
        "_steps",
        "_widen",
        "codec",
        "heavy",
        "memory",
        "name",
        "row_bytes",
        "source",
        "uniform",
    )

    def __init__(
        self,
        source: Source,
        decode: Decode,
        steps: Selection,
        widen: Mapping[str, str],
        memory: Memory,
        *,
        mapped: bool = False,
    ) -> None:
        check_decode(source.name, source.schema, decode, subscripted=bool(steps.steps))
        self.source = source
        self.name = source.name
        self.memory = memory
        self._decode = decode
        self._steps = steps
        self._widen = {np.dtype(a): np.dtype(b) for a, b in widen.items()}
        self._limits = {
            narrow: int(np.iinfo(wide).max)
            for narrow, wide in self._widen.items()
            if wide.kind == "i" and np.iinfo(narrow).max > np.iinfo(wide).max
        }
        self._plugin = htype_plugin(source.schema.htype)
        self.codec: SampleCodec | None = encoding(source.schema).sample
        links = source.schema.is_link
        self.heavy = links or (self.codec is not None and decode != "tobytes")
        self.row_bytes = SMALL
        self.uniform: tuple[Shape, np.dtype[Any]] | None = None
        self._gather: Gather | None = None
        if self._plugin.spec().payload == "array" and source.schema.dtype is not None:
            low, high = source.reader.table.bounds()
            dtype = np.dtype(source.schema.dtype)
            self.row_bytes = math.prod(high) * dtype.itemsize
            if decode == "numpy" and low == high and not source.reader.looks:
                if mapped and not self.heavy:
                    self._gather = Gather(source.reader, high, dtype, memory)
                # Of files, no memory is set aside for what their chunks claim they are, if that is much.
                near = not self.heavy or math.prod(high) <= PICTURE
                if near and not steps.steps and dtype not in self._widen:
                    self.uniform = high, dtype

    def read(self, lot: Lot, out: np.ndarray | None = None) -> Values:
        """The samples of some rows.

        Args:
            lot: Rows of the dataset; those beyond the tensor's end have empty samples.
            out: Where to read ``uniform`` samples to.

        Raises:
            CorruptedSampleError, ChecksumError, StorageError: A sample cannot be read; the message
                names tensor and row, or the object.
        """
        rows = lot.rows
        length = len(self.source.reader)
        if len(rows) == 0 or int(rows.max()) < length:
            return self._read(rows, out)
        inside = np.flatnonzero(rows < length)
        values: list[Any] = [self._padding()] * len(rows)
        for position, value in zip(inside.tolist(), self._read(rows[inside]), strict=True):
            values[position] = value
        return values

    @property
    def is_images(self) -> bool:
        """Whether samples are arrays that may be images of bytes, and are handed out whole."""
        schema = self.source.schema
        return (
            self._plugin.spec().payload == "array"
            and not schema.is_sequence
            and not schema.is_link
            and schema.dtype is not None
            and np.dtype(schema.dtype) == np.uint8
            and schema.ndim in (2, 3)
            and self._decode == "numpy"
            and not self._steps.steps
            and np.dtype(np.uint8) not in self._widen
        )

    @property
    def shape(self) -> tuple[int | None, ...] | None:
        """Shape of all samples, None for sides that differ; None where that is not known."""
        schema = self.source.schema
        if (
            self._plugin.spec().payload != "array"
            or schema.is_sequence
            or schema.dtype is None
            or self._decode != "numpy"
            or self._steps.steps
        ):
            return None
        low, high = self.source.reader.table.bounds()
        return tuple(a if a == b else None for a, b in zip(low, high, strict=True))

    @property
    def how(self) -> str:
        """How it is read, in words."""
        if self._gather is not None:
            return f"gathered from memory{'' if self._gather.kept else ' maps'}"
        what = "decoded" if self.heavy else "read"
        if self.uniform is not None:
            return f"{what} straight into the batch"
        return f"{what} one by one"

    @property
    def at_hand(self) -> bool:
        """Whether to read it is to copy what is in memory already, and nothing else."""
        return self._gather is not None and self._gather.at_hand()

    def allocate(self, n: int) -> np.ndarray:
        """An array for ``n`` uniform samples."""
        assert self.uniform is not None
        shape, dtype = self.uniform
        return self.memory.array((n, *shape), dtype)

    def read_batches(self, lots: Sequence[Lot], together: Lot) -> list[Values]:
        """The samples of several batches, read together: their arrays are parts of one.

        Args:
            lots: Rows of each batch.
            together: Rows of all of them; at least one.
        """
        ends = [*accumulate(map(len, lots))]
        if self._gather is not None and self.uniform is not None:
            views = self._gather.views(together.rows, ends)
            if views is not None:
                return [*views]
        values = self.read(together)
        spans = [slice(a, b) for a, b in pairwise((0, *ends))]
        if isinstance(values, np.ndarray) and values.nbytes > SHARED:
            # Asking each part for its address would take longer than cutting it out.
            address, width = values.ctypes.data, values.nbytes // len(values)
            return [
                self.memory.aligned(values[span]) if (address + span.start * width) % ALIGNED
                else values[span]
                for span in spans
            ]  # fmt: skip
        return [values[span] for span in spans]

    def _read(self, rows: Rows, out: np.ndarray | None = None) -> Values:
        reader = self.source.reader
        if self._decode == "tobytes":
            return list(reader.raws(rows))
        if self._decode == "pil":
            pairs = zip(reader.raws(rows), rows, strict=True)
            return [self._pil_image(data, int(row)) for data, row in pairs]
        if self._plugin.spec().payload != "array":
            return self._objects(reader.samples(rows, parallel=False), rows)
        array = self._gather.read(rows) if self._gather is not None and out is None else None
        if array is None:
            if out is None and self.uniform is not None and self.heavy:
                out = self.allocate(len(rows))
            array = reader.array(rows, out, parallel=False)
        if array is None or self._decode == "data":
            found = reader.samples(rows, parallel=False) if array is None else array
            values = [
                self._prepared(value, row) for value, row in zip(found, rows.tolist(), strict=True)
            ]
            return self._described(values) if self._decode == "data" else values
        return self._fitted(array, rows)

    def _fitted(self, array: np.ndarray, rows: Rows) -> np.ndarray:
        """The part of samples that is selected, in a dtype that the framework has."""
        if self._steps.steps:
            array = np.ascontiguousarray(self._steps.apply_batch(array))
        wide = self._widen.get(array.dtype)
        return array if wide is None else self._widened(array, wide, rows)

    def _prepared(self, value: np.ndarray, row: int) -> np.ndarray:
        value = self._steps.apply(value) if self._steps.steps else value
        wide = self._widen.get(value.dtype)
        return value if wide is None else self._widened(value, wide, [row])

    def _widened(self, array: np.ndarray, wide: np.dtype[Any], rows: Any) -> np.ndarray:
        limit = self._limits.get(array.dtype)
        if limit is not None and array.size:
            over = np.flatnonzero((array > limit).reshape(len(rows), -1).any(axis=1))
            if len(over):
                raise OverflowError(
                    f"tensor {self.name!r}, row {rows[int(over[0])]}: a value of {array.dtype} "
                    f"does not fit into {wide}, and the framework has no {array.dtype}"
                )
        return array.astype(wide)

    def _objects(self, values: list[Any], rows: Rows) -> list[Any]:
        if self._decode == "data":
            return self._described(values)
        return self._shown(values, self._steps)

    def _shown(self, values: list[Any], steps: Selection) -> list[Any]:
        """Values that are no arrays the way ``numpy()`` shows them."""
        payload = self._plugin.spec().payload
        if payload == "text":
            shown: list[Any] = [np.array([value]) for value in values]
        elif payload == "json":
            shown = [object_array([value]) for value in values]
        else:
            shown = [object_array(value) for value in values]
        return [steps.apply(value) for value in shown] if steps.steps else shown

    def _described(self, values: list[Any]) -> list[Any]:
        return [self._plugin.data(value, self.source.info, batch=False) for value in values]

    def _pil_image(self, data: bytes, row: int) -> Any:
        """A PIL image of a JPEG or PNG file, decoded here and not when it is first used."""
        try:
            from PIL import Image
        except ImportError:
            raise ModuleNotInstalledException(
                "decode_method 'pil' needs Pillow: pip install \"deeplake-core[codecs]\""
            ) from None
        codec = self.codec
        if codec is None and data:
            codec = self._codec_of(data)  # a linked file, of whatever format
        if codec is None or not data:
            return Image.new("RGB", (0, 0))
        try:
            if codec.probe(data).mode in _DIRECT:
                array = codec.decode(data)
                return Image.fromarray(array[:, :, 0] if array.shape[2:] == (1,) else array)
            image = Image.open(io.BytesIO(data))
            image.load()
        except (DeepLakeError, OSError, ValueError, SyntaxError) as error:
            raise CorruptedSampleError(
                f"tensor {self.name!r}, row {row}: cannot be decoded: {error}"
            ) from error
        return image

    def _codec_of(self, data: bytes) -> SampleCodec:
        name = Sample(buffer=data).compression
        assert name is not None
        return cast(SampleCodec, codec_plugin(name))

    def _padding(self) -> Any:
        payload = self._plugin.spec().payload
        if self._decode == "tobytes":
            return b""
        if payload == "text":
            return np.array([""])
        if payload != "array":
            return object_array([])
        schema = self.source.schema
        dtype = np.dtype(schema.dtype)
        return np.zeros((0,) * max(1, schema.ndim or 0), self._widen.get(dtype, dtype))


def check_decode(name: str, schema: TensorSchema, decode: Decode, *, subscripted: bool) -> None:
    """Whether samples of a tensor can be decoded this way.

    Raises:
        ValueError: They cannot.
        NotImplementedError: They are data of videos.
    """
    spec = htype_plugin(schema.htype).spec()
    links_pictures = schema.is_link and "image" in spec.media
    pictures = schema.sample_compression in _PIL or links_pictures
    if decode == "pil" and (not pictures or subscripted):
        raise ValueError(
            f"decode_method 'pil' needs whole samples of sample_compression 'jpeg' or 'png'; "
            f"tensor {name!r} has {schema.sample_compression!r}; use 'numpy' or 'tobytes'"
        )
    if decode == "tobytes" and subscripted:
        raise ValueError(
            f"decode_method 'tobytes' gives whole samples, and this view takes parts of those of "
            f"tensor {name!r}"
        )
    if spec.payload in ("json", "list") and decode not in ("numpy", "data"):
        raise ValueError(
            f"decode_method of tensor {name!r} is {decode!r}; htype {schema.htype!r} can only be "
            "decoded with 'numpy' or 'data'"
        )
    if decode == "data" and schema.htype == "video":
        raise NotImplementedError(f"tensor {name!r}: decode_method 'data' is not made for videos")


__all__ = ["Column", "Values", "check_decode"]
