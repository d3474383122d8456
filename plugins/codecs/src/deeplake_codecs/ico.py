"""Windows icons: several pictures, each a PNG or a bitmap with a mask. The largest counts."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from deeplake.spi import SampleCodec
from deeplake.types import Buffer, SampleHeader, byte_length
from deeplake_codecs import png
from deeplake_codecs.metadata import PictureMeta
from deeplake_codecs.pictures import as_picture, refuse_bomb, unreadable
from deeplake_codecs.pillow import PillowCodec

if TYPE_CHECKING:
    import numpy as np

_HEADER = Struct("<HHH")
_ENTRY = Struct("<BBBBHHII")
_BITMAP = Struct("<Iii")


class _Picture(NamedTuple):
    """One picture of an icon.

    Attributes:
        is_png: Whether ``data`` is a PNG file; otherwise it is a bitmap without its file header.
        data: Its bytes.
        entry: Its entry of the directory, with the offset for an icon that has no other.
    """

    is_png: bool
    data: Buffer
    entry: bytes


def _largest(name: str, data: Buffer) -> _Picture:
    """The picture with most pixels, then with most bits a pixel; the first of equals.

    Raises:
        CorruptedSampleError: Not an icon, or cut.
    """
    stored = byte_length(data)
    if stored < _HEADER.size:
        raise unreadable(name, "it does not begin like one")
    zero, kind, count = _HEADER.unpack_from(data)
    if (zero, kind) != (0, 1) or not count or stored < _HEADER.size + count * _ENTRY.size:
        raise unreadable(name, "it does not begin like one")
    entries = [_ENTRY.unpack_from(data, 6 + 16 * i) for i in range(count)]
    # A side of 0 means 256.
    best = max(entries, key=lambda e: ((e[0] or 256) * (e[1] or 256), e[5]))
    length, offset = best[6:]
    if length < 16 or offset + length > stored:
        raise unreadable(name, "the end of its largest picture is missing")
    part = memoryview(data)[offset : offset + length]
    single = _ENTRY.pack(*best[:7], _HEADER.size + _ENTRY.size)
    return _Picture(bytes(part[:8]) == png.SIGNATURE, part, single)


class _Bitmap(PillowCodec, api=(1, 0)):
    """The part that Pillow does: an icon with one bitmap, which is always given alpha."""

    name = "ico"
    reader = ("IcoImagePlugin", "IcoImageFile")
    modes = ()
    ratio = 4096


class Ico(SampleCodec, api=(1, 0)):
    """Icons: the largest picture of a file; arrays up to 256 pixels a side become a PNG inside."""

    name = "ico"
    media = "image"
    extensions: ClassVar[tuple[str, ...]] = ("ico",)

    def __init__(self) -> None:
        self._png = png.Png()
        self._bitmap = _Bitmap()

    def sniff(self, head: Buffer) -> bool:
        return (
            len(head) >= 22
            and bytes(head[:4]) == b"\0\0\1\0"
            and head[4] | head[5] << 8 > 0
            and head[9] == 0
        )

    def probe(self, data: Buffer) -> SampleHeader:
        picture = _largest(self.name, data)
        if picture.is_png:
            header = self._png.probe(picture.data)
            return SampleHeader(
                header.shape, header.dtype, header.mode, PictureMeta(self.name, header.mode)
            )
        _, width, twice = _BITMAP.unpack_from(picture.data)
        # The mask is below the picture, and counted.
        shape = (twice // 2, width, 4)
        refuse_bomb(self.name, shape, 1, len(picture.data), self._bitmap.ratio)
        return SampleHeader(shape, "uint8", "RGBA", PictureMeta(self.name, "RGBA"))

    def encode(self, array: np.ndarray) -> bytes:
        modes = ("1", "L", "LA", "RGB", "RGBA")
        picture = as_picture(self.name, array, modes, max_side=256)
        file = self._png.encode(picture)
        height, width = picture.shape[:2]
        offset = _HEADER.size + _ENTRY.size
        entry = _ENTRY.pack(width % 256, height % 256, 0, 0, 1, 32, len(file), offset)
        return _HEADER.pack(0, 1, 1) + entry + file

    def decode(
        self,
        data: Buffer,
        *,
        out: np.ndarray | None = None,
        crop: tuple[int, int, int, int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> np.ndarray:
        picture = _largest(self.name, data)
        if picture.is_png:
            return self._png.decode(picture.data, out=out)
        self.probe(data)  # refuses what must not be allocated
        return self._bitmap.decode(
            _HEADER.pack(0, 1, 1) + picture.entry + bytes(picture.data), out=out
        )


__all__ = ["Ico"]
