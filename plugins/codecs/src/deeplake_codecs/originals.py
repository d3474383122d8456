"""What the codecs share that store files as they are: sounds, videos, scans, clouds, meshes."""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from deeplake.errors import CorruptedSampleError, SampleCompressionError, SampleDecompressionError
from deeplake.spi import SampleCodec
from deeplake.types import Buffer, SampleHeader, Shape
from deeplake_codecs.pictures import unreadable

if TYPE_CHECKING:
    import numpy as np

MAX_BYTES = 1 << 36
"""Samples that take more memory than 64 GiB are not decoded whole."""


class OriginalCodec(SampleCodec):
    """A format of which only original files are stored: no array is ever encoded as one.

    Subclasses say what a file holds (``_header``) and read it (``_read``); either may raise
    anything, which becomes a ``CorruptedSampleError`` here.
    """

    writable = False
    counts: ClassVar[bool] = True
    """A header says how long the file is, or where its parts are, and ``_header`` looks there."""
    skips: ClassVar[bool] = False
    """Items between those that are wanted need not be held (``_read_steps``)."""

    # ------------------------------------------------------------------ contract
    def is_whole(self, data: Buffer) -> bool:
        return self.counts

    def probe(self, data: Buffer) -> SampleHeader:
        return self.probe_file(io.BytesIO(data))

    def probe_file(self, file: BinaryIO) -> SampleHeader:
        with self._refusing():
            return self._header(file)

    def encode(self, array: np.ndarray) -> bytes:
        raise SampleCompressionError(
            f"{self.name!r} stores files that have this format already, and makes none of arrays: "
            "write the file with the program or library that you know for it, and append "
            "deeplake.read(path); to store arrays, give the tensor no compression, or lz4"
        )

    def decode(
        self,
        data: Buffer,
        *,
        out: np.ndarray | None = None,
        crop: tuple[int, int, int, int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> np.ndarray:
        import numpy as np

        header = self.probe(data)
        self._refuse_excess(header.shape, header.dtype)
        target = None if out is None else self._destination(out, header.shape, header.dtype)
        with self._refusing():
            array = self._read(io.BytesIO(data), header, target)
        if array.shape != header.shape or array.dtype != np.dtype(header.dtype):
            raise self._unreadable(
                f"its header says {header.dtype} {header.shape}, its content is {array.dtype} "
                f"{array.shape}"
            )
        if target is not None and array is not target:
            np.copyto(target, array)
        return array if out is None else out

    def decode_part(self, file: BinaryIO, part: slice, *, header: SampleHeader) -> np.ndarray:
        import numpy as np

        if not self.parts:
            return super().decode_part(file, part, header=header)
        axis = self.axis % len(header.shape)
        before, behind = header.shape[:axis], header.shape[axis + 1 :]
        start, stop, step = part.indices(header.shape[axis])
        picked = range(start, stop, step)
        if not picked:
            return np.empty((*before, 0, *behind), header.dtype)
        low, high = min(picked), max(picked) + 1
        shape = (*before, len(picked), *behind)
        held = len(picked) if self.skips else high - low
        self._refuse_excess((*before, held, *behind), header.dtype)
        across = (slice(None),) * axis
        with self._refusing():
            if self.skips and abs(step) > 1:
                items = self._read_steps(file, low, high, abs(step), header)
            else:
                items = self._read_part(file, low, high, header)
                items = items if abs(step) == 1 else items[(*across, slice(None, None, abs(step)))]
        if items.shape != shape or items.dtype != np.dtype(header.dtype):
            raise self._unreadable(
                f"items {low} to {high} of {header.dtype} {header.shape} are {items.dtype} "
                f"{items.shape}"
            )
        return np.ascontiguousarray(items if step > 0 else items[(*across, slice(None, None, -1))])

    # ------------------------------------------------------------------ what formats state
    @abstractmethod
    def _header(self, file: BinaryIO) -> SampleHeader:
        """What a file holds, after a check that its bytes can hold it; may raise anything."""

    @abstractmethod
    def _read(self, file: BinaryIO, header: SampleHeader, out: np.ndarray | None) -> np.ndarray:
        """The whole sample, in ``out`` if that is easy; may raise anything."""

    def _read_part(self, file: BinaryIO, start: int, stop: int, header: SampleHeader) -> np.ndarray:
        """Items ``start < stop`` of ``axis``; may raise anything."""
        raise NotImplementedError

    def _read_steps(
        self, file: BinaryIO, start: int, stop: int, step: int, header: SampleHeader
    ) -> np.ndarray:
        """Every ``step``-th of these items, if this format ``skips``; may raise anything."""
        raise NotImplementedError

    # ------------------------------------------------------------------ errors
    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Whatever a library raises on bytes that nobody foresaw becomes a ``CorruptedSampleError``."""
        try:
            yield
        except (CorruptedSampleError, SampleDecompressionError):
            raise
        except Exception as error:
            raise self._unreadable(error) from error
        except BaseException as error:
            # What libraries in Rust raise when they meet a case that their authors ruled out.
            if type(error).__name__ != "PanicException":
                raise
            raise self._unreadable(error) from error

    def _unreadable(self, reason: object) -> CorruptedSampleError:
        return unreadable(self.name, reason)

    def _refuse_excess(self, shape: Shape, dtype: str) -> None:
        import math

        import numpy as np

        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > MAX_BYTES:
            raise SampleDecompressionError(
                f"{shape} values of {dtype} take {size:,} bytes, and {MAX_BYTES:,} are decoded at "
                "most at a time: read a part, as in tensor[i, 0:100]"
            )

    def _destination(self, out: np.ndarray, shape: Shape, dtype: str) -> np.ndarray:
        import numpy as np

        if (
            out.dtype != np.dtype(dtype)
            or out.shape != shape
            or not out.flags.c_contiguous
            or not out.flags.writeable
        ):
            raise SampleDecompressionError(
                f"a {self.name} sample of {dtype} {shape} cannot be decoded into an array of "
                f"{out.dtype} {out.shape}: give a writable C-contiguous one of its shape and dtype"
            )
        return out


def file_size(file: BinaryIO) -> int:
    """Bytes of a file; its position stays."""
    place = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(place)
    return size


__all__ = ["MAX_BYTES", "OriginalCodec", "file_size"]
