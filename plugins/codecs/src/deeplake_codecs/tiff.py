"""TIFF: the first page, by Pillow; colour of 16 bits, which Pillow has not, by OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deeplake.types import Buffer, byte_length
from deeplake_codecs import opencv
from deeplake_codecs.metadata import PictureMeta, named
from deeplake_codecs.pictures import UNBOUNDED, unreadable
from deeplake_codecs.pillow import PillowCodec, palette_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from PIL.ImageFile import ImageFile

# TIFF 6.0, section 8 and the supplements.
_BITS, _COMPRESSION, _PHOTOMETRIC = 258, 259, 262
_TILE_WIDTH, _TILE_HEIGHT, _SAMPLE_FORMAT = 322, 323, 339
_RGB = 2

# Compression -> most bytes that one byte becomes: none, LZW (a code of 12 bits at most stands for
# 4,095 bytes, and the table has to grow that far first), deflate, run lengths, JPEG.
_RATIOS = {
    1: 1, 5: 1500, 6: 2048, 7: 2048, 8: 1032, 32773: 64, 32946: 1032,
}  # fmt: skip
_FAX = frozenset({2, 3, 4})

# Tags that describe how the pixels are stored, not the picture.
_STRUCTURE = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323,
     324, 325, 338, 339, 347, 530, 532, 34665, 34853}
)  # fmt: skip


_PLACES = (273, 279), (324, 325)
"""Tags of the offsets and byte counts of strips, and of tiles."""


class Tiff(PillowCodec, api=(1, 0)):
    """TIFF; written uncompressed, as Pillow does by default. Of several pages the first counts."""

    name = "tiff"
    extensions = ("tiff", "tif")
    reader = ("TiffImagePlugin", "TiffImageFile")
    writer = ("TIFF", {})
    modes = ("1", "L", "LA", "RGB", "RGBA", "I;16", "I", "F")
    magic = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

    def is_whole(self, data: Buffer) -> bool:
        image = self._open(data)
        for where, length in _PLACES:
            starts, sizes = self._numbers(image, where, 0), self._numbers(image, length, 0)
            if any(start + size > byte_length(data) for start, size in zip(starts, sizes)):  # noqa: B905
                return False
        return True

    def _layout(self, image: ImageFile) -> tuple[str, int]:
        bits = self._numbers(image, _BITS, 1)
        formats = set(self._numbers(image, _SAMPLE_FORMAT, 1))
        # Colour of 16 bits, unsigned: Pillow would drop the lower half.
        deep = set(bits) == {16} and len(bits) in {3, 4} and formats == {1}
        if deep and self._numbers(image, _PHOTOMETRIC, 0) == (_RGB,):
            return "uint16", len(bits)
        # Pillow has one mode for signed and unsigned.
        if image.mode == "L" and formats == {2}:
            return "int8", 0
        if image.mode == "I" and set(bits) == {32} and formats == {1}:
            return "uint32", 0
        return super()._layout(image)

    def _ratio(self, image: ImageFile) -> int:
        width, height = image.size
        [across], [down] = (self._numbers(image, t, 0)[:1] for t in (_TILE_WIDTH, _TILE_HEIGHT))
        if across * down > 4 * width * height + (1 << 20):
            raise unreadable(self.name, "its tiles are far larger than its picture")
        [compression] = self._numbers(image, _COMPRESSION, 1)[:1]
        if compression in _FAX:
            return 8 * width  # a bit can repeat a row
        packed = 8 if image.mode in {"1", "L", "P"} else 1  # as little as a bit a pixel
        return _RATIOS.get(compression, UNBOUNDED) * packed

    def _numbers(self, image: ImageFile, tag: int, default: int) -> tuple[int, ...]:
        """The values of a tag.

        Raises:
            CorruptedSampleError: It has other values than integers, or none.
        """
        tags = _tags(image)
        try:
            value = tags.get(tag, default)
        except Exception as error:
            raise unreadable(self.name, f"its tag {tag} is damaged") from error
        values = value if isinstance(value, tuple) else (value,)
        if not values or not all(isinstance(number, int) for number in values):
            raise unreadable(self.name, f"its tag {tag} holds no whole numbers")
        return values

    def _pixels(self, image: ImageFile, data: Buffer) -> np.ndarray:
        import numpy as np

        dtype, channels = self._layout(image)
        if dtype == "uint16" and channels:
            pixels = np.empty((image.height, image.width, channels), np.uint16)
            opencv.decode_into(self.name, data, pixels)
            return pixels
        pixels = super()._pixels(image, data)
        if dtype in {"int8", "uint32"}:
            return pixels.view(dtype)
        return pixels.astype(dtype, copy=False)

    def _meta(self, image: ImageFile) -> PictureMeta:
        return _TiffMeta(self.name, image.mode, _tags(image), palette_of(image))


class _TiffMeta(PictureMeta):
    """A TIFF's own tags take the place of exif, which has the same ones."""

    __slots__ = ("_tags",)

    def __init__(self, format: str, mode: str, tags: Mapping[int, Any], palette: bytes) -> None:
        super().__init__(format, mode, palette=palette)
        self._tags = tags

    def __getitem__(self, key: str) -> Any:
        if key != "exif":
            return super().__getitem__(key)
        from PIL import ExifTags

        read = {}
        for tag in self._tags.keys() - _STRUCTURE:
            try:
                read[tag] = self._tags[tag]
            except Exception:  # noqa: BLE001 - parsed only here; what is damaged is left out
                continue
        return named(read, ExifTags.TAGS)


def _tags(image: ImageFile) -> Mapping[int, Any]:
    tags: Mapping[int, Any] = image.tag_v2  # type: ignore[attr-defined]
    return tags


__all__ = ["Tiff"]
