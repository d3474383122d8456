"""WebP: stills by OpenCV, the first picture of animations by Pillow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deeplake.types import Buffer, SampleHeader, Shape, byte_length
from deeplake_codecs import opencv
from deeplake_codecs.crops import cut
from deeplake_codecs.metadata import PictureMeta
from deeplake_codecs.pictures import UNBOUNDED, destination, refuse_bomb, unreadable
from deeplake_codecs.pillow import PillowCodec

if TYPE_CHECKING:
    import numpy as np

QUALITY = 80
"""Arrays are encoded lossy at quality 80, Pillow's default. Files are stored as they are."""

_LOSSY_RATIO = 4096
"""At least three bits for a block of 16 × 16 pixels (RFC 6386, section 11.2)."""

_BLANK = 64
"""Pictures that cover one in so many parts of a file's canvas are none that anybody made."""

_LONGEST = 16_383
_ALPHA, _EXIF, _ANIMATION = 0x10, 0x08, 0x02


@dataclass(frozen=True, slots=True)
class WebpHeader:
    """What the first chunk says.

    Attributes:
        shape: Shape of the decoded array; its dtype is uint8.
        animated: There is more than one picture.
        exif: There is an exif chunk.
    """

    shape: Shape
    animated: bool = False
    exif: bool = False


def read_header(name: str, data: Buffer) -> WebpHeader:
    """Read the first chunk, and refuse what the file cannot hold.

    A lossless picture of one colour takes some 40 bytes at any size: only the format's own limit,
    16,383 pixels a side (1 GiB decoded), bounds what such a file may claim.

    Args:
        name: The codec, for messages.
        data: A WebP file.

    Raises:
        CorruptedSampleError: Not a WebP, damaged, or claiming more than its bytes can hold.

    Source: RFC 9649, sections 2 and 3; RFC 6386, section 9.1.
    """
    stored = byte_length(data)
    head = bytes(data[:30])
    if len(head) < 30 or head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        raise unreadable(name, "it does not begin like one")
    if int.from_bytes(head[4:8], "little") + 8 > stored:
        raise unreadable(name, "its end is missing")
    kind, ratio = head[12:16], UNBOUNDED
    flags = 0
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width = int.from_bytes(head[26:28], "little") & 0x3FFF
        height = int.from_bytes(head[28:30], "little") & 0x3FFF
        alpha, ratio = False, _LOSSY_RATIO
    elif kind == b"VP8L" and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        alpha = bool(bits >> 28 & 1)
    elif kind == b"VP8X":
        flags = head[20]
        width = int.from_bytes(head[24:27], "little") + 1
        height = int.from_bytes(head[27:30], "little") + 1
        alpha = bool(flags & _ALPHA)
    else:
        raise unreadable(name, f"its first chunk is {kind!r}")
    if max(width, height) > _LONGEST:
        raise unreadable(name, f"{width:,} x {height:,} pixels are more than a WebP can hold")
    shape = (height, width, 4 if alpha else 3)
    refuse_bomb(name, shape, 1, stored, ratio)
    if kind == b"VP8X" and height * width > _BLANK * max(_covered(data), _BLANK**2):
        raise unreadable(
            name,
            f"it claims {width:,} x {height:,} pixels, of which its pictures cover next to none",
        )
    return WebpHeader(shape, bool(flags & _ANIMATION), bool(flags & _EXIF))


def _covered(data: Buffer) -> int:
    """Pixels of all pictures behind an extended header together, as their own headers say."""
    position, stored, pixels = 12, byte_length(data), 0
    while position + 24 <= stored:
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        kind, body = data[position : position + 4], bytes(data[position + 8 : position + 24])
        if kind == b"ANMF":
            width = int.from_bytes(body[6:9], "little") + 1
            pixels += width * (int.from_bytes(body[9:12], "little") + 1)
        elif kind == b"VP8 ":
            width = int.from_bytes(body[6:8], "little") & 0x3FFF
            pixels += width * (int.from_bytes(body[8:10], "little") & 0x3FFF)
        elif kind == b"VP8L":
            bits = int.from_bytes(body[1:5], "little")
            pixels += ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
        position += 8 + length + (length & 1)
    return pixels


def _exif(data: Buffer) -> bytes:
    """The exif chunk, which stands behind the pixels."""
    position, stored = 12, byte_length(data)
    while position + 8 <= stored:
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        if data[position : position + 4] == b"EXIF":
            return bytes(data[position + 8 : position + 8 + length])
        position += 8 + length + (length & 1)
    return b""


class Webp(PillowCodec, api=(1, 0)):
    """WebP: RGB and RGBA; it has no gray. Lossless files are read exactly."""

    name = "webp"
    estimate = 0.125
    extensions = ("webp",)
    lossless = False
    reader = ("WebPImagePlugin", "WebPImageFile")
    modes = ("RGB", "RGBA")
    max_side = _LONGEST
    crops = True

    def sniff(self, head: Buffer) -> bool:
        return bytes(head[:4]) == b"RIFF" and bytes(head[8:12]) == b"WEBP"

    def is_whole(self, data: Buffer) -> bool:
        return True  # the header has the length of the file

    def probe(self, data: Buffer) -> SampleHeader:
        header = read_header(self.name, data)
        mode = "RGBA" if header.shape[2] == 4 else "RGB"
        exif = _exif(data) if header.exif else b""
        return SampleHeader(header.shape, "uint8", mode, PictureMeta(self.name, mode, exif=exif))

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
        target = destination(self.name, out, header.shape, "uint8")
        if header.animated:
            super().decode(data, out=target)
        else:
            opencv.decode_into(self.name, data, target)
        return target if out is None else out

    def _write(self, picture: np.ndarray, mode: str) -> bytes:
        import cv2

        return opencv.encode(self.name, ".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])


__all__ = ["QUALITY", "Webp", "WebpHeader", "read_header"]
