"""NIfTI-1 and NIfTI-2, plain and gzipped, by nibabel."""

from __future__ import annotations

import io
import math
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

from deeplake.types import Buffer, SampleHeader
from deeplake_codecs.originals import MAX_BYTES, OriginalCodec, file_size

if TYPE_CHECKING:
    import numpy as np

_HEADERS = 1 << 16
"""Bytes in front of the values that are read to learn of them; extensions may be longer."""

_DEFLATE_RATIO = 1032


class Nifti(OriginalCodec, api=(1, 0)):
    """Volumes, with the slope and intercept of the header applied where there are any.

    Values are those of ``numpy.asarray(nibabel.load(path).dataobj)``. Colours get a last axis. Parts are
    of the last axis of the file: slices of a volume, or volumes of a series.
    """

    name = "nii"
    media = "nifti"
    extensions = ("nii",)
    parts = True
    axis = -1

    counts = False

    def sniff(self, head: Buffer) -> bool:
        start = bytes(head[:348])
        return start[344:348] == b"n+1\0" or start[4:8] == b"n+2\0"

    def _header(self, file: BinaryIO) -> SampleHeader:
        image = self._image(self._head(file))
        header = image.header
        shape, dtype = tuple(map(int, header.get_data_shape())), header.get_data_dtype()
        size = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or not self._can_hold(
            file, size, int(header.get_data_offset())
        ):
            raise self._unreadable(
                f"it claims {shape} values of {dtype}, which its {file_size(file):,} bytes cannot "
                "hold"
            )
        if dtype.names is not None:
            shape, dtype = (*shape, len(dtype.names)), dtype[0]
        elif _is_scaled(image):
            # What nibabel computes with: doubles, unless all fits into less.
            dtype = image.dataobj[(slice(0, 0),) * len(shape)].dtype
        if dtype.kind not in "biufc" or dtype.itemsize > 16 or dtype.name == "longdouble":
            raise self._unreadable(f"it holds values of {dtype}, which cannot be stored")
        meta = {
            "format": self.name,
            "affine": _plain(image.affine),
            "zooms": _plain(header.get_zooms()),
            "header": {key: _plain(value) for key, value in header.items()},
        }
        return SampleHeader(shape, dtype.newbyteorder("=").name, "", meta)

    def _read(self, file: BinaryIO, header: SampleHeader, out: np.ndarray | None) -> np.ndarray:
        import numpy as np

        image = self._image(self._whole(file))
        values = np.asanyarray(image.dataobj)
        if values.dtype.names is not None:
            values = np.ascontiguousarray(values).view(values.dtype[0])
            values = values.reshape(header.shape)
        return np.array(values, header.dtype, order="C")

    def _read_part(self, file: BinaryIO, start: int, stop: int, header: SampleHeader) -> np.ndarray:
        import numpy as np

        image = self._image(file)
        if image.header.get_data_dtype().names is not None:  # the last axis are colours
            return self._read(file, header, None)[..., start:stop].copy()
        if image.shape != header.shape:
            raise self._unreadable(f"its shape is {image.shape}, not {header.shape}")
        return np.array(image.dataobj[..., start:stop], header.dtype, order="C")

    def _image(self, file: BinaryIO) -> Any:
        from nibabel.nifti1 import Nifti1Image
        from nibabel.nifti2 import Nifti2Image

        file.seek(0)
        head = file.read(8)
        file.seek(0)
        kind: Any = Nifti2Image if head[4:8] == b"n+2\0" else Nifti1Image
        return kind.from_stream(file)

    # ------------------------------------------------------------------ plain or gzipped
    def _head(self, file: BinaryIO) -> BinaryIO:
        """A file with at least the header."""
        return file

    def _whole(self, file: BinaryIO) -> BinaryIO:
        """A file with everything."""
        return file

    def _can_hold(self, file: BinaryIO, size: int, offset: int) -> bool:
        """Whether the file can hold so many bytes of values behind so many others."""
        return offset + size <= file_size(file)


class NiftiGz(Nifti, api=(1, 0)):
    """Gzipped NIfTI."""

    name = "nii.gz"
    extensions = ("nii.gz",)
    parts = False

    counts = True

    def sniff(self, head: Buffer) -> bool:
        if bytes(head[:2]) != b"\x1f\x8b":
            return False
        try:
            start = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(bytes(head), 352)
        except zlib.error:
            return False
        return super().sniff(start)

    def _head(self, file: BinaryIO) -> BinaryIO:
        file.seek(0)
        start = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(file.read(_HEADERS), _HEADERS)
        return io.BytesIO(start)

    def _can_hold(self, file: BinaryIO, size: int, offset: int) -> bool:
        if size > min(MAX_BYTES, _DEFLATE_RATIO * file_size(file)):
            return False
        # The last bytes tell to how many it inflates, unless it is cut, or of several members.
        file.seek(-4, io.SEEK_END)
        if int.from_bytes(file.read(4), "little") != (offset + size) % (1 << 32):
            self._whole(file)
        return True

    def _whole(self, file: BinaryIO) -> BinaryIO:
        image = self._image(self._head(file))
        header = image.header
        size = math.prod(header.get_data_shape()) * header.get_data_dtype().itemsize
        most = size + int(header.get_data_offset())
        file.seek(0)
        stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
        # A byte more than there should be: so the checksum at the end is read, too.
        data = stream.decompress(file.read(), most + (1 << 16))
        if len(data) < most or not stream.eof:
            raise self._unreadable(f"it inflates to {len(data):,} bytes, and should to {most:,}")
        return io.BytesIO(data)


def _is_scaled(image: Any) -> bool:
    slope, intercept = image.dataobj.slope, image.dataobj.inter
    return bool((slope, intercept) != (1.0, 0.0))


def _plain(value: Any) -> Any:
    """Arrays, bytes and NumPy's numbers as JSON has them; NaN and infinity are None."""
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind == "S":
        return array.item().decode("latin-1") if not array.ndim else array.tolist()
    if array.dtype.kind == "f":
        whole = array.astype(object)
        whole[~np.isfinite(array)] = None
        return whole.tolist()
    return array.tolist()


__all__ = ["Nifti", "NiftiGz"]
