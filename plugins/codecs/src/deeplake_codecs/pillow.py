"""The image formats that Pillow both reads and writes without loss or surprise.

Left out although Pillow has a name for them: ``eps`` (reading runs Ghostscript, an interpreter that
has to be installed, on data that nobody vouches for), ``wmf`` (can be read on Windows only, and
written nowhere) and ``im`` (Pillow is going to remove it: what was stored could not be read then).
"""

from __future__ import annotations

import importlib
import io
from typing import TYPE_CHECKING, Any, ClassVar

from deeplake.errors import CorruptedSampleError, SampleCompressionError
from deeplake.spi import SampleCodec
from deeplake.types import Buffer, SampleHeader, Shape, byte_length
from deeplake_codecs.metadata import PictureMeta
from deeplake_codecs.pictures import (
    MAX_PIXELS,
    MODES,
    UNBOUNDED,
    as_picture,
    destination,
    layout_of,
    refuse_bomb,
    shape_of,
    unreadable,
)

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile


class PillowCodec(SampleCodec):
    """A format read and written by one of Pillow's plugins; subclasses state which.

    ``decode`` returns pixels as they are stored: no rotation by exif, no colour management, indices
    (not colours) of pictures with a palette, the first frame or page of several.

    Attributes:
        reader: Pillow's module and class for the format. It is called directly: ``Image.open``
            would try other formats, and apply one limit to all.
        writer: Pillow's name for the format, and its save options.
        modes: What it writes and reads back unchanged, in Pillow's words.
        magic: Beginnings of files, the rest of which ``sniff`` need not look at.
        ratio: Most bytes of an array that one byte of a file can encode.
        max_side: Greatest height and width the format can state.
        max_pixels: Most pixels that are decoded.
    """

    media = "image"
    reader: ClassVar[tuple[str, str]]
    writer: ClassVar[tuple[str, dict[str, Any]]]
    modes: ClassVar[tuple[str, ...]]
    magic: ClassVar[tuple[bytes, ...]] = ()
    ratio: ClassVar[int] = UNBOUNDED
    max_side: ClassVar[int] = 65_535
    max_pixels: ClassVar[int] = MAX_PIXELS

    # ------------------------------------------------------------------ contract
    def sniff(self, head: Buffer) -> bool:
        return bytes(head[:16]).startswith(self.magic)

    def is_whole(self, data: Buffer) -> bool:
        return False  # nothing at the end of most formats says that it is the end

    def probe(self, data: Buffer) -> SampleHeader:
        image = self._open(data)
        shape, dtype = self._claim(image, byte_length(data))
        return SampleHeader(shape, dtype, image.mode, self._meta(image))

    def encode(self, array: np.ndarray) -> bytes:
        picture = as_picture(self.name, array, self.modes, max_side=self.max_side)
        wanted = layout_of(picture)
        mode = next(mode for mode in self.modes if MODES[mode] == wanted)
        return self._write(picture, mode)

    def decode(
        self,
        data: Buffer,
        *,
        out: np.ndarray | None = None,
        crop: tuple[int, int, int, int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> np.ndarray:
        import numpy as np

        image = self._open(data)
        shape, dtype = self._claim(image, byte_length(data))
        self._refuse_cut(image, data)
        target = destination(self.name, out, shape, dtype)
        try:
            pixels = self._pixels(image, data)
        except (MemoryError, CorruptedSampleError):
            raise
        except Exception as error:
            # Decoders raise all kinds of errors on bytes that nobody foresaw.
            raise unreadable(self.name, error) from error
        if pixels.shape != shape or pixels.dtype.name != dtype:
            raise unreadable(
                self.name,
                f"its header says {dtype} {shape}, its pixels are {pixels.dtype} {pixels.shape}",
            )
        np.copyto(target, pixels)
        return target if out is None else out

    # ------------------------------------------------------------------ what formats may change
    def _layout(self, image: ImageFile) -> tuple[str, int]:
        """Dtype and channels that ``_pixels`` returns for an opened file."""
        try:
            return MODES[image.mode]
        except KeyError:
            raise unreadable(
                self.name, f"pixels of the kind {image.mode!r} have no array"
            ) from None

    def _ratio(self, image: ImageFile) -> int:
        """Most bytes of an array that one byte of this file can encode."""
        return self.ratio

    def _refuse_cut(self, image: ImageFile, data: Buffer) -> None:
        """Refuse a file of which a part is missing, where the decoder would not."""

    def _pixels(self, image: ImageFile, data: Buffer) -> np.ndarray:
        """The pixels of an opened file; may raise anything."""
        import numpy as np

        image.load()
        pixels = np.asarray(image)
        # Pillow hands out True as 255, which NumPy takes at its word.
        return pixels.view(np.uint8) != 0 if pixels.dtype == np.bool_ else pixels

    def _meta(self, image: ImageFile) -> PictureMeta:
        """What ``sample_info`` shows."""
        exif = image.info.get("exif", b"")
        return PictureMeta(
            self.name,
            image.mode,
            exif=exif if isinstance(exif, bytes) else b"",
            palette=palette_of(image),
        )

    def _write(self, picture: np.ndarray, mode: str) -> bytes:
        """The file of a picture that the format can hold.

        Raises:
            SampleCompressionError: It cannot after all.
        """
        image = self._image(picture)
        importlib.import_module(f"PIL.{self.reader[0]}")
        format, options = self.writer
        file = io.BytesIO()
        try:
            image.save(file, format, **options)
        except (OSError, ValueError, SystemError) as error:
            raise SampleCompressionError(
                f"a picture of {picture.dtype} {picture.shape} cannot be written as {self.name}: "
                f"{error}; give the tensor another compression (lz4 holds everything)"
            ) from error
        return file.getvalue()

    def _image(self, picture: np.ndarray) -> Image:
        """The picture as Pillow has it."""
        from PIL import Image

        return Image.fromarray(picture)

    # ------------------------------------------------------------------ own
    def _open(self, data: Buffer) -> ImageFile:
        """The file with its header read, and no pixels."""
        module, reader = self.reader
        image_file = getattr(importlib.import_module(f"PIL.{module}"), reader)
        try:
            image: ImageFile = image_file(io.BytesIO(data))
        except MemoryError:
            raise
        except Exception as error:
            raise unreadable(self.name, error) from error
        return image

    def _claim(self, image: ImageFile, stored: int) -> tuple[Shape, str]:
        """Shape and dtype that decoding would give, if the file can hold as much."""
        import numpy as np

        dtype, channels = self._layout(image)
        width, height = image.size
        shape = shape_of(height, width, channels)
        ratio = self._ratio(image)
        itemsize = np.dtype(dtype).itemsize
        refuse_bomb(self.name, shape, itemsize, stored, ratio, pixels=self.max_pixels)
        return shape, dtype


def palette_of(image: ImageFile) -> bytes:
    """Red, green and blue of each index of an opened file, or nothing where there are no indices.

    ``Image.getpalette`` would decode the pixels to answer.
    """
    if image.mode != "P" or image.palette is None:
        return b""
    layout, raw = image.palette.getdata()
    if layout == "RGB;L":
        third = len(raw) // 3
        planes = [raw[i * third : (i + 1) * third] for i in range(3)]
    else:
        order = layout.removesuffix("X").removesuffix("A")
        if order not in {"RGB", "BGR"}:
            return b""
        planes = [raw[order.index(colour) :: len(layout)] for colour in "RGB"]
    return bytes(value for colour in zip(*planes, strict=False) for value in colour)


# Ratios: 8 pixels of one bit become 8 bytes; run lengths come on top. Formats that let rows be left
# out or referred to get what no real picture reaches.
class Bmp(PillowCodec, api=(1, 0)):
    """Windows bitmaps; written uncompressed; without alpha, which Pillow would not read back."""

    name = "bmp"
    extensions = ("bmp",)
    reader = ("BmpImagePlugin", "BmpImageFile")
    writer = ("BMP", {})
    modes = ("1", "L", "RGB")
    magic: ClassVar[tuple[bytes, ...]] = (b"BM",)
    ratio = 4096


class Dib(Bmp, api=(1, 0)):
    """Windows bitmaps without the file header."""

    name = "dib"
    extensions = ("dib",)
    reader = ("BmpImagePlugin", "DibImageFile")
    writer = ("DIB", {})
    # Size of the header that follows, as 4 bytes.
    magic = tuple(size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124))

    def sniff(self, head: Buffer) -> bool:
        # One plane, two bytes, behind width and height: the magic alone is too common.
        planes = bytes(head[8:10] if head[:1] == b"\x0c" else head[12:14])
        return super().sniff(head) and planes == b"\1\0"


class Msp(PillowCodec, api=(1, 0)):
    """Windows Paint: one bit a pixel."""

    name = "msp"
    extensions = ("msp",)
    reader = ("MspImagePlugin", "MspImageFile")
    writer = ("MSP", {})
    modes = ("1",)
    magic = (b"DanM", b"LinS")
    ratio = 1024


class Pcx(PillowCodec, api=(1, 0)):
    """PC Paintbrush; run lengths."""

    name = "pcx"
    extensions = ("pcx",)
    reader = ("PcxImagePlugin", "PcxImageFile")
    writer = ("PCX", {})
    modes = ("1", "L", "RGB")
    magic = (b"\x0a\0\1", b"\x0a\2\1", b"\x0a\3\1", b"\x0a\5\1")
    ratio = 256


class Ppm(PillowCodec, api=(1, 0)):
    """Netpbm: ``pbm``, ``pgm``, ``ppm``, ``pfm`` (float32). Colour of 16 bits is read as 8 bits."""

    name = "ppm"
    extensions = ("ppm", "pgm", "pbm", "pnm", "pfm")
    reader = ("PpmImagePlugin", "PpmImageFile")
    writer = ("PPM", {})
    modes = ("1", "L", "RGB", "I;16", "F")
    magic = tuple(b"P" + kind + space for kind in (b"1", b"2", b"3", b"4", b"5", b"6", b"f")
                  for space in (b" ", b"\t", b"\n", b"\r"))  # fmt: skip
    ratio = 8

    def _layout(self, image: ImageFile) -> tuple[str, int]:
        # Gray values of 16 bits, which Pillow widens.
        return ("uint16", 0) if image.mode == "I" else super()._layout(image)

    def _pixels(self, image: ImageFile, data: Buffer) -> np.ndarray:
        pixels = super()._pixels(image, data)
        return pixels.astype("uint16") if image.mode == "I" else pixels


class Sgi(PillowCodec, api=(1, 0)):
    """Silicon Graphics; written uncompressed. Files of 16 bits a channel are read as 8 bits."""

    name = "sgi"
    extensions = ("sgi", "rgb", "rgba", "bw")
    reader = ("SgiImagePlugin", "SgiImageFile")
    writer = ("SGI", {})
    modes = ("L", "RGB", "RGBA")
    magic = (b"\x01\xda",)
    ratio = 64


class Tga(PillowCodec, api=(1, 0)):
    """Truevision; written uncompressed."""

    name = "tga"
    extensions = ("tga", "icb", "vda", "vst")
    reader = ("TgaImagePlugin", "TgaImageFile")
    writer = ("TGA", {})
    modes = ("1", "L", "LA", "RGB", "RGBA")
    ratio = 512

    def sniff(self, head: Buffer) -> bool:
        # There is no magic number: every field of the header has to make sense.
        if len(head) < 18:
            return False
        palette, kind, depth, flags = head[1], head[2], head[16], head[17]
        size = bytes(head[12:16])
        return (
            ((palette, kind) in {(1, 1), (1, 9), (0, 2), (0, 3), (0, 10), (0, 11)})
            and depth in {1, 8, 15, 16, 24, 32}
            and not flags & 0xC0
            and size[:2] != b"\0\0"
            and size[2:] != b"\0\0"
            and (palette == 1 or bytes(head[3:8]) == bytes(5))
        )


class Xbm(PillowCodec, api=(1, 0)):
    """X11 bitmaps: one bit a pixel, as C source."""

    name = "xbm"
    extensions = ("xbm",)
    reader = ("XbmImagePlugin", "XbmImageFile")
    writer = ("XBM", {})
    modes = ("1",)
    magic = (b"#define",)
    ratio = 8

    def sniff(self, head: Buffer) -> bool:
        return super().sniff(head) and b"_width" in bytes(head[:512])


__all__ = ["Bmp", "Dib", "Msp", "Pcx", "PillowCodec", "Ppm", "Sgi", "Tga", "Xbm", "palette_of"]
