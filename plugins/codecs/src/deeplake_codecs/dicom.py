"""DICOM, by pydicom and the decoders that are installed for it."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from deeplake.errors import CorruptedSampleError
from deeplake.types import Buffer, SampleHeader, Shape
from deeplake_codecs.originals import OriginalCodec, file_size

if TYPE_CHECKING:
    import numpy as np
    from pydicom import Dataset

_DEFLATED = "1.2.840.10008.1.2.1.99"
_LONGEST = 4096
_DEEPEST = 16
_MOST = 1 << 33

_RATIO = 1 << 15
"""Most bytes of pixels that one byte of a compressed file stands for: flat scans come near."""

_INFLATED = 64
"""Most bytes that one byte of a large deflated file may become."""

_ALWAYS_FINE = 1 << 26
"""Bytes to which any deflated file may inflate."""


class Dicom(OriginalCodec, api=(1, 0)):
    """Images and series of frames of DICOM files: stored values, without rescaling.

    Shapes: ``(rows, columns)``, with a last axis of 3 for colour (as RGB) and a first one for
    several frames, of which single ones can be read.
    """

    name = "dcm"
    media = "dicom"
    extensions = ("dcm", "dicom")
    parts = True

    counts = False

    def sniff(self, head: Buffer) -> bool:
        return bytes(head[128:132]) == b"DICM"

    def _header(self, file: BinaryIO) -> SampleHeader:
        dataset = self._open(file)
        shape, dtype = self._claim(dataset, file_size(file))
        return SampleHeader(
            shape, dtype, str(dataset.get("PhotometricInterpretation", "")),
            {"format": self.name, **keywords(dataset)},
        )  # fmt: skip

    def _read(self, file: BinaryIO, header: SampleHeader, out: np.ndarray | None) -> np.ndarray:
        import numpy as np

        dataset = self._open(file)
        try:
            pixels = dataset.pixel_array
        except RuntimeError as error:
            raise self._undecoded(dataset, error) from error
        return np.array(pixels, header.dtype, order="C")

    def _read_part(self, file: BinaryIO, start: int, stop: int, header: SampleHeader) -> np.ndarray:
        import numpy as np
        from pydicom import dcmread
        from pydicom.pixels.utils import iter_pixels

        file.seek(0)
        dataset = dcmread(file, stop_before_pixels=True)
        frames = int(dataset.get("NumberOfFrames") or 1)
        if frames == 1 or dataset.file_meta.TransferSyntaxUID == _DEFLATED:
            whole = self._read(file, header, None)
            if whole.shape != header.shape:
                raise self._unreadable(f"its shape is {whole.shape}, not {header.shape}")
            return whole[start:stop].copy()
        size = (int(dataset.Rows), int(dataset.Columns))
        if (frames, *size) != header.shape[:3]:
            raise self._unreadable(f"its shape is {(frames, *size)}, not {header.shape}")
        file.seek(0)
        items = np.empty((stop - start, *header.shape[1:]), header.dtype)
        try:
            for k, frame in enumerate(iter_pixels(file, indices=range(start, stop))):
                if frame.dtype != items.dtype:
                    raise self._unreadable(f"frame {start + k} is of {frame.dtype}")
                items[k] = frame
        except RuntimeError as error:
            raise self._undecoded(dataset, error) from error
        return items

    def _undecoded(self, dataset: Dataset, error: Exception) -> CorruptedSampleError:
        syntax = dataset.file_meta.TransferSyntaxUID.name
        return self._unreadable(
            f"{error}. No installed decoder reads its transfer syntax ({syntax}), or its pixels are "
            "damaged; python-gdcm and pylibjpeg-libjpeg (GPL) read the syntaxes that the extra "
            "[medical] does not"
        )

    def _open(self, file: BinaryIO) -> Dataset:
        from pydicom import dcmread
        from pydicom.filereader import _read_file_meta_info as read_meta
        from pydicom.filereader import read_preamble

        file.seek(0)
        read_preamble(file, force=False)
        if read_meta(file).get("TransferSyntaxUID") == _DEFLATED:
            self._refuse_inflating(file)
        file.seek(0)
        return dcmread(file)

    def _refuse_inflating(self, file: BinaryIO) -> None:
        """Pydicom inflates at once what follows: it is measured first, in bounded memory."""
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        most, inflated = max(_ALWAYS_FINE, _INFLATED * file_size(file)), 0
        data = file.read()
        while data and not stream.eof:
            inflated += len(stream.decompress(data, 1 << 20))
            data = stream.unconsumed_tail
            if inflated > most:
                raise self._unreadable("what it inflates to is made to exhaust memory")

    def _claim(self, dataset: Dataset, stored: int) -> tuple[Shape, str]:
        """Shape and dtype of the pixels, if the file can hold as many."""
        pixels = [word for word in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
                  if word in dataset]  # fmt: skip
        if not pixels:
            raise self._unreadable("it has no pixels (it is a report, a plan or the like)")
        frames = int(dataset.get("NumberOfFrames") or 1)
        rows, columns = int(dataset.Rows), int(dataset.Columns)
        samples = int(dataset.get("SamplesPerPixel") or 1)
        dtype = {"FloatPixelData": "float32", "DoubleFloatPixelData": "float64"}.get(pixels[0])
        if dtype is None:
            bits = max(8, int(dataset.BitsAllocated))
            if bits not in {8, 16, 32, 64}:
                raise self._unreadable(f"its values have {bits} bits")
            dtype = f"{'int' if dataset.PixelRepresentation else 'uint'}{bits}"
        shape: Shape = (rows, columns)
        if samples > 1:
            shape = (*shape, samples)
        if frames > 1:
            shape = (frames, *shape)
        if min(shape) < 1:
            raise self._unreadable(f"it claims pixels of shape {shape}")
        decoded = math.prod(shape) * {"8": 1, "6": 2, "2": 4, "4": 8}[dtype[-1]]
        syntax = dataset.file_meta.TransferSyntaxUID
        ratio = 1032 if syntax.is_deflated else _RATIO if syntax.is_compressed else 8
        if decoded > min(_MOST, max(1 << 16, ratio * stored)):
            raise self._unreadable(
                f"it claims {shape} values of {dtype}, which its {stored:,} bytes cannot hold"
            )
        return shape, dtype


def keywords(dataset: Dataset) -> dict[str, Any]:
    """The elements of a dataset by keyword, as JSON values; pixels and long binaries are left out.

    Args:
        dataset: A dataset of pydicom.
    """
    return _keywords(dataset, 0)


def _keywords(dataset: Dataset, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tag in dataset:
        word = tag.keyword
        if not word or word in {"PixelData", "FloatPixelData", "DoubleFloatPixelData"}:
            continue
        if tag.VR == "SQ":
            if depth < _DEEPEST:
                found[word] = [_keywords(item, depth + 1) for item in tag.value]
            continue
        value = _plain(tag.value)
        if value is not None:
            found[word] = value
    return found


def _plain(value: Any) -> Any:
    """The value as JSON has it; None for what is left out."""
    if value is None or isinstance(value, bytes | bytearray):
        return None if value is None or len(value) > 64 else list(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, Sequence):
        items = list(value)
        return [_plain(item) for item in items] if len(items) <= _LONGEST else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)  # names of persons, dates
    return number if math.isfinite(number) else None


__all__ = ["Dicom", "keywords"]
