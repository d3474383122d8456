"""JPEG 2000, lossless as arrays are written; read by OpenJPEG through OpenCV or Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from deeplake.types import Buffer, byte_length
from deeplake_codecs import opencv
from deeplake_codecs.pictures import shape_of, unreadable
from deeplake_codecs.pillow import PillowCodec

if TYPE_CHECKING:
    import numpy as np
    from PIL.ImageFile import ImageFile

_JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
_CODESTREAM = b"\xff\x4f\xff\x51"


def _number(data: Buffer, position: int, length: int) -> int:
    return int.from_bytes(data[position : position + length], "big")


def _codestream(data: Buffer) -> int:
    """Where the codestream begins: in a box of the file, or at once."""
    if data[:4] == _CODESTREAM:
        return 0
    position, stored = 0, byte_length(data)
    while position + 8 <= stored:
        length, kind = _number(data, position, 4), data[position + 4 : position + 8]
        head = 8
        if length == 1:
            length, head = _number(data, position + 8, 8), 16
        if kind == b"jp2c":
            return position + head
        if length < head:
            break  # to the end of the file, or damaged
        position += length
    return stored


def _tile_parts(data: Buffer, position: int) -> Iterator[tuple[int, int]]:
    """Number and end of each tile part (T.800, annex A.4.2); ends where the bytes do."""
    stored = byte_length(data)
    position += 2
    while position + 4 <= stored:
        marker, length = _number(data, position, 2), _number(data, position + 2, 2)
        if marker == 0xFFD9 or length < 2:
            return
        if marker != 0xFF90:
            position += 2 + length
            continue
        number, size = _number(data, position + 4, 2), _number(data, position + 6, 4)
        # A length of 0: up to the end of the codestream, which has a marker of its own.
        end = position + size if size else stored - 2
        yield number, end
        if not size or size < 14:
            return
        position = end


def _is_plain(image: ImageFile, data: Buffer) -> bool:
    """Whether OpenCV decodes to the same pixels as Pillow, which keeps the GIL meanwhile.

    So it does where the file says that they are gray or sRGB, of 8 or 16 bits, none subsampled.
    """
    if image.mode not in {"L", "RGB", "RGBA", "I;16"}:
        return False
    start = _codestream(data)
    colour = bytes(data[:start]).rfind(b"colr")
    depth = 15 if image.mode == "I;16" else 7
    # Colour space 16 is sRGB, 17 is gray (T.800, annex I.5.3.3).
    return (
        colour > 0
        and data[colour + 4] == 1
        and _number(data, colour + 7, 4) in {16, 17}
        and all(
            bytes(data[position : position + 3]) == bytes((depth, 1, 1))
            for position in range(start + 42, start + 42 + 3 * _number(data, start + 40, 2), 3)
        )
    )


class Jpeg2000(PillowCodec, api=(1, 0)):
    """JPEG 2000 (``jp2`` files and bare codestreams).

    Pictures of one colour take next to nothing (16,000 × 16,000 pixels: 1,900 bytes), and decoding
    takes 16 bytes a pixel: pictures of more than 16,384 × 16,384 pixels are not decoded.
    """

    name = "jpeg2000"
    estimate = 0.25
    extensions = ("jp2", "j2k", "j2c", "jpc", "jpx", "jpf")
    reader = ("Jpeg2KImagePlugin", "Jpeg2KImageFile")
    writer = ("JPEG2000", {})
    modes = ("L", "LA", "RGB", "RGBA", "I;16")
    magic = (_JP2, _CODESTREAM)
    ratio = 1 << 19
    max_side = 16_384
    max_pixels = 1 << 28

    def is_whole(self, data: Buffer) -> bool:
        return bytes(data[-2:]) == b"\xff\xd9"

    def _refuse_cut(self, image: ImageFile, data: Buffer) -> None:
        """OpenJPEG fills tiles that are not there with gray: they must be there."""
        start = _codestream(data)
        # SIZ, the first segment: size and offset of the image and of the tiles.
        right, bottom, _, _, width, height, left, top = (
            _number(data, start + 8 + 4 * i, 4) for i in range(8)
        )
        if not width or not height:
            raise unreadable(self.name, "its tiles have no size")
        tiles = -(-(right - left) // width) * -(-(bottom - top) // height)
        found = set()
        for number, end in _tile_parts(data, start):
            if end > byte_length(data):
                raise unreadable(self.name, "its end is missing")
            found.add(number)
        if len(found) < tiles:
            raise unreadable(self.name, f"{tiles - len(found)} of its {tiles} tiles are missing")

    def _pixels(self, image: ImageFile, data: Buffer) -> np.ndarray:
        if not _is_plain(image, data):
            return super()._pixels(image, data)
        import numpy as np

        dtype, channels = self._layout(image)
        pixels = np.empty(shape_of(image.height, image.width, channels), dtype)
        opencv.decode_into(self.name, data, pixels)
        return pixels


__all__ = ["Jpeg2000"]
