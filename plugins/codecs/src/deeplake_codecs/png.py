"""PNG: by OpenCV (exact for 8 and 16 bits), by Pillow where indices and single bits are to stay."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING

from deeplake.types import Buffer, SampleHeader, Shape, byte_length
from deeplake_codecs import opencv
from deeplake_codecs.crops import cut
from deeplake_codecs.metadata import PictureMeta
from deeplake_codecs.pictures import MODES, destination, refuse_bomb, shape_of, unreadable
from deeplake_codecs.pillow import PillowCodec

if TYPE_CHECKING:
    import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"

COMPRESSION_LEVEL = 1
"""zlib's level: half the time of level 6 (Pillow's default) for 8 % more bytes on photographs."""

_HEADER = Struct(">IIBBBBB")
_CHUNK = Struct(">I4s")
_DEFLATE_RATIO = 1032

# Colour type -> samples a pixel, and modes by bit depth.
_COLOUR_TYPES: dict[int, tuple[int, dict[int, str]]] = {
    0: (1, {1: "1", 2: "L", 4: "L", 8: "L", 16: "I;16"}),
    2: (3, {8: "RGB", 16: "RGB;16"}),
    3: (1, {1: "P", 2: "P", 4: "P", 8: "P"}),
    4: (2, {8: "LA", 16: "LA;16"}),
    6: (4, {8: "RGBA", 16: "RGBA;16"}),
}


@dataclass(frozen=True, slots=True)
class PngHeader:
    """What stands before the pixels.

    Attributes:
        shape: Shape of the decoded array.
        dtype: Its dtype.
        mode: Pillow's word for the layout.
        exif: The ``eXIf`` chunk, if it stands before the pixels.
        palette: The ``PLTE`` chunk of a picture of indices.
    """

    shape: Shape
    dtype: str
    mode: str
    exif: bytes
    palette: bytes


def read_header(name: str, data: Buffer) -> PngHeader:
    """Read the chunks before the pixels, and refuse what the file cannot hold.

    Args:
        name: The codec, for messages.
        data: A PNG file.

    Raises:
        CorruptedSampleError: Not a PNG, damaged, or claiming more than its bytes can hold.

    Source: PNG specification, third edition, sections 5.3 and 11.2.
    """
    stored = byte_length(data)
    if stored < 33 or data[:8] != SIGNATURE or data[12:16] != b"IHDR":
        raise unreadable(name, "it does not begin like one")
    width, height, depth, colour, *_ = _HEADER.unpack_from(data, 16)
    samples, modes = _COLOUR_TYPES.get(colour, (0, {}))
    mode = modes.get(depth)
    if mode is None:
        raise unreadable(name, f"there is no colour type {colour} of {depth} bits")
    dtype, channels = MODES[mode]
    shape = shape_of(height, width, channels)
    itemsize = 2 if dtype == "uint16" else 1
    refuse_bomb(name, shape, itemsize, stored, 8 * _DEFLATE_RATIO)
    # Exactly, in bytes before decompression: one byte a row and bits rounded up. Interlacing splits
    # rows, which only adds to it.
    if height * (1 + (width * samples * depth + 7) // 8) > _DEFLATE_RATIO * stored:
        raise unreadable(
            name, f"{stored} bytes cannot hold the {width} x {height} pixels it claims"
        )
    exif = palette = b""
    position = 33
    while position + 8 <= stored:
        length, kind = _CHUNK.unpack_from(data, position)
        if kind == b"IDAT":
            return PngHeader(shape, dtype, mode, exif, palette)
        start = position + 8
        if kind == b"eXIf":
            exif = bytes(data[start : start + length])
        elif kind == b"PLTE" and mode == "P":
            palette = bytes(data[start : start + length])
        position = start + length + 4
    raise unreadable(name, "it ends before its pixels")


_END = b"\0\0\0\0IEND\xaeB`\x82"


def _is_whole(data: Buffer) -> bool:
    """Whether all chunks are there: spares the C library from printing what is wrong."""
    position, stored = 8, byte_length(data)
    while position + 12 <= stored:
        length, kind = _CHUNK.unpack_from(data, position)
        position += length + 12
        if kind == b"IEND":
            return True
    return False


class Png(PillowCodec, api=(1, 0)):
    """PNG of all depths. Palettes give indices, one bit gives bool, 16 bits stay 16 bits.

    A transparent colour (``tRNS``) is not turned into alpha; of an animation the default picture is
    decoded.
    """

    name = "png"
    estimate = 0.5
    extensions = ("png", "apng")
    reader = ("PngImagePlugin", "PngImageFile")
    writer = ("PNG", {"compress_level": COMPRESSION_LEVEL})
    modes = ("1", "L", "LA", "RGB", "RGBA", "I;16", "RGB;16", "RGBA;16")
    magic = (SIGNATURE,)
    max_side = opencv.MAX_SIDE
    crops = True

    def is_whole(self, data: Buffer) -> bool:
        return bytes(data[-12:]) == _END

    def probe(self, data: Buffer) -> SampleHeader:
        header = read_header(self.name, data)
        meta = PictureMeta(self.name, header.mode, exif=header.exif, palette=header.palette)
        return SampleHeader(header.shape, header.dtype, header.mode, meta)

    def decode(
        self,
        data: Buffer,
        *,
        out: np.ndarray | None = None,
        crop: tuple[int, int, int, int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> np.ndarray:
        if crop is not None or size is not None:
            return cut(self.name, self.decode(data), crop, size, out)
        header = read_header(self.name, data)
        if header.mode in {"1", "P"}:
            return super().decode(data, out=out)
        if not _is_whole(data):
            raise unreadable(self.name, "its end is missing")
        target = destination(self.name, out, header.shape, header.dtype)
        opencv.decode_into(self.name, data, target)
        return target if out is None else out

    def _write(self, picture: np.ndarray, mode: str) -> bytes:
        if mode in {"1", "LA"}:
            return super()._write(picture, mode)
        import cv2

        options = [cv2.IMWRITE_PNG_COMPRESSION, COMPRESSION_LEVEL]
        return opencv.encode(self.name, ".png", picture, options)


__all__ = ["COMPRESSION_LEVEL", "SIGNATURE", "Png", "PngHeader", "read_header"]
