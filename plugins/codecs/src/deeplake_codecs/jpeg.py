"""JPEG by libjpeg-turbo, straight into the caller's array; by Pillow where turbo does not go."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from deeplake.errors import SampleCompressionError
from deeplake.types import Buffer, SampleHeader, Shape, byte_length
from deeplake_codecs import turbo
from deeplake_codecs.crops import Box, checked, resize_into
from deeplake_codecs.metadata import PictureMeta
from deeplake_codecs.pictures import (
    MAX_PIXELS,
    as_picture,
    destination,
    refuse_bomb,
    shape_of,
    unreadable,
)
from deeplake_codecs.pillow import PillowCodec
from deeplake_codecs.scratch import scratch

if TYPE_CHECKING:
    import numpy as np

QUALITY = 75
SUBSAMPLING = "420"
"""Arrays are encoded at quality 75 with chroma at half resolution, which is what Pillow does by
default, and so what users of Deep Lake have had. Files are stored as they are, at any quality."""

_HUFFMAN_RATIO = 2048
"""At least one bit for a block of 64 samples of a component, of which chroma may have a quarter:
at most about 1,300 bytes of RGB from one."""

_ARITHMETIC_RATIO = 1 << 17
"""Arithmetic coding spends far less than a bit on what it expects."""

_TURBO = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
"""Baseline, extended and progressive frames, Huffman or arithmetic. Lossless ones go to Pillow."""

_IN_ORDER = frozenset({0xC0, 0xC1, 0xC2})
"""Those of them whose rows, in each scan, do not need the rows below: all but arithmetic ones."""

_MARGIN = 2
"""Rows below a part that its last row is smoothed with, where chroma has fewer rows than luma."""

_BLOCK = 16
"""Rows that are decoded together, at most of the usual subsamplings: fewer are not worth a copy."""

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_SEGMENT = struct.Struct(">BBH")
"""0xFF, marker, length of what follows with itself."""

_FRAME = struct.Struct(">BHHB")
"""Bits, rows, columns, components."""

_MODES = {1: "L", 3: "RGB", 4: "CMYK"}

_COLOURS = frozenset({"YCbCr", "RGB"})
"""What libjpeg-turbo calls what ``_MODES`` calls RGB."""

_LOST = (
    "premature end of data segment",
    "bad Huffman code",
    "bad arithmetic code",
    "instead of RST",
)
"""Warnings of libjpeg after which a part of the picture is missing. After others (a count of
superfluous bytes, an unknown revision) the picture is whole, and Pillow gets to decode it: it
refuses files that end early, but says nothing of warnings."""

_MORE = "extraneous bytes before marker"
"""What libjpeg says when a scan goes on after the last row."""


class JpegHeader(NamedTuple):
    """What stands before the first scan.

    Attributes:
        shape: Shape of the decoded array; its dtype is uint8.
        mode: Pillow's word for the layout.
        frame: Last byte of the frame's marker: the kind of coding.
        exif: Where the exif block is, as a slice of the file; empty for none.
        rows: Where in the file the two bytes are that say how many rows there are.
    """

    shape: Shape
    mode: str
    frame: int
    exif: slice
    rows: int


def read_header(name: str, data: Buffer) -> JpegHeader:
    """Walk the markers to the frame header, and refuse what the file cannot hold.

    Args:
        name: The codec, for messages.
        data: A JPEG file.

    Raises:
        CorruptedSampleError: Not a JPEG, damaged, of more than 8 bits, or claiming more than its
            bytes can hold.

    Source: ITU-T T.81, annex B.
    """
    stored = byte_length(data)
    if stored < 4 or data[0] != 0xFF or data[1] != 0xD8:
        raise unreadable(name, "it does not begin like one")
    position = 2
    exif = slice(0, 0)
    try:
        while True:
            begin, marker, length = _SEGMENT.unpack_from(data, position)
            if begin != 0xFF or marker == 0xFF:  # libjpeg skips what is no marker, too
                position += 1
                continue
            if marker in _ALONE or marker == 0:
                position += 2
                continue
            if marker in _FRAMES:
                break
            if marker == 0xDA or marker == 0xD9 or length < 2:
                raise unreadable(name, "there is no frame header before its first scan")
            if marker == 0xE1 and data[position + 4 : position + 10] == b"Exif\0\0":
                exif = slice(position + 4, min(position + 2 + length, stored))
            position += 2 + length
        bits, height, width, components = _FRAME.unpack_from(data, position + 4)
    except struct.error:
        raise unreadable(name, "it ends before its frame header") from None
    mode = _MODES.get(components)
    if bits != 8 or mode is None:
        raise unreadable(name, f"{components} components of {bits} bits cannot be decoded")
    shape = shape_of(height, width, components if components > 1 else 0)
    ratio = _HUFFMAN_RATIO if marker < 0xC8 else _ARITHMETIC_RATIO
    if not 0 < height * width * components <= min(ratio * stored, MAX_PIXELS):
        refuse_bomb(name, shape, 1, stored, ratio)  # which knows what is wrong, if anything
    return JpegHeader(shape, mode, marker, exif, position + 5)


def _is_lenient(reason: str) -> bool:
    """Whether Pillow would fill what is missing with gray: an application may have told it to."""
    from PIL import ImageFile

    return "Premature end" in reason and ImageFile.LOAD_TRUNCATED_IMAGES


class Jpeg(PillowCodec, api=(1, 0)):
    """JPEG of 8 bits: gray, RGB (from YCbCr or RGB), CMYK (from CMYK or YCCK).

    Crops that are made at most half as large are decoded at a half, a quarter or an eighth of the
    size, from the low frequencies only; ``resize_into`` does the rest. A crop's edges are rounded to
    pixels of the reduced picture: they are off by at most half a pixel of the result. What is resized
    is decoded by the quickest methods that libjpeg-turbo has (its ``IFAST`` transform, and chroma
    repeated, not interpolated): 40 dB and more from the exact pixels of files of quality 75 to 97.

    Of crops that are resized only the part is decoded where TurboJPEG's library is (``turbo``). Rows
    below a crop never are. So damage there is not noticed, unless the file's end is missing.
    """

    name = "jpeg"
    estimate = 0.125
    extensions: ClassVar[tuple[str, ...]] = ("jpeg", "jpg", "jpe", "jfif")
    lossless = False
    crops = True
    reader = ("JpegImagePlugin", "JpegImageFile")
    modes: ClassVar[tuple[str, ...]] = ("L", "RGB")
    magic = (b"\xff\xd8\xff",)
    ratio = _ARITHMETIC_RATIO  # of what Pillow finds; the header's was checked more closely
    max_side = 65_500  # libjpeg's JPEG_MAX_DIMENSION

    def is_whole(self, data: Buffer) -> bool:
        return bytes(data[-2:]) == b"\xff\xd9"

    def probe(self, data: Buffer) -> SampleHeader:
        header = read_header(self.name, data)
        exif = header.exif
        meta = PictureMeta(
            self.name, header.mode, exif=bytes(data[exif]) if exif.stop > exif.start else b""
        )
        return SampleHeader(header.shape, "uint8", header.mode, meta)

    def encode(self, array: np.ndarray) -> bytes:
        picture = as_picture(self.name, array, self.modes, max_side=self.max_side)
        import simplejpeg

        gray = picture.ndim == 2
        try:
            file: bytes = simplejpeg.encode_jpeg(
                picture[:, :, None] if gray else picture,
                quality=QUALITY,
                colorspace="GRAY" if gray else "RGB",
                colorsubsampling="Gray" if gray else SUBSAMPLING,
            )
        except ValueError as error:
            raise SampleCompressionError(
                f"a picture of {picture.dtype} {picture.shape} cannot be written as {self.name}: "
                f"{error}"
            ) from error
        return file

    def decode(
        self,
        data: Buffer,
        *,
        out: np.ndarray | None = None,
        crop: tuple[int, int, int, int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> np.ndarray:
        if out is not None and crop is None and size is None and self._straight(data, out):
            return out
        import numpy as np

        header = read_header(self.name, data)
        if crop is None and size is None:
            target = destination(self.name, out, header.shape, "uint8")
            if not (header.frame in _TURBO and self._turbo(data, header, target, 1)):
                pixels = super().decode(data)
                self._refuse_other(pixels, target)
                np.copyto(target, pixels)
            return target if out is None else out
        return self._decode_part(data, header, out, crop, size)

    # ------------------------------------------------------------------ own
    def _straight(self, data: Buffer, out: np.ndarray) -> bool:
        """Decode a picture in colours into an array of its shape; False: it may be anything else."""
        shape = out.shape
        if (
            out.ndim != 3 or shape[2] != 3 or out.dtype.char != "B" or not out.flags.c_contiguous
            or out.nbytes > _HUFFMAN_RATIO * byte_length(data)
        ):  # fmt: skip
            return False
        import simplejpeg

        try:
            height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
            if (height, width) != shape[:2] or colours not in _COLOURS:
                return False
            simplejpeg.decode_jpeg(data, "RGB", buffer=out)
        except ValueError:
            return False  # which of many things is wrong is found out by who looks closer
        return True

    def _turbo(
        self, data: Buffer, header: JpegHeader, target: np.ndarray, factor: int,
        *, goes_on: bool = False, rough: bool = False,
    ) -> bool:  # fmt: skip
        """Decode at ``1 / factor`` into an array of the right shape; False: another must try.

        Args:
            goes_on: The file is from ``_shortened``.
            rough: The pixels are resized afterwards: the quickest transform and chroma as it is do.
        """
        colours = {"L": "GRAY", "RGB": "RGB"}.get(header.mode)
        if colours is None:
            return False
        import simplejpeg

        height, width = target.shape[:2]
        try:
            pixels = simplejpeg.decode_jpeg(
                data,
                colours,
                min_height=height,
                min_width=width,
                min_factor=factor,
                fastdct=rough,
                fastupsample=rough,
                buffer=target,
            )
        except ValueError as error:
            reason = str(error)
            if goes_on:
                # The pixels are there; whatever else is wrong, the whole file will show.
                found = simplejpeg.decode_jpeg_header(data, height, width, factor)[:2]
                return _MORE in reason and found == (height, width)
            if any(warning in reason for warning in _LOST) or _is_lenient(reason):
                raise unreadable(self.name, reason) from error
            return False
        self._refuse_other(pixels, target)
        return True

    def _refuse_other(self, pixels: np.ndarray, target: np.ndarray) -> None:
        """Refuse a file in which libjpeg finds another frame than ``read_header`` did."""
        if pixels.shape[:2] != target.shape[:2] or pixels.size != target.size:
            raise unreadable(
                self.name, f"its header says {target.shape}, its pixels are {pixels.shape}"
            )

    def _decode_part(
        self,
        data: Buffer,
        header: JpegHeader,
        out: np.ndarray | None,
        crop: tuple[int, int, int, int] | None,
        size: tuple[int, int] | None,
    ) -> np.ndarray:
        """Decode ``crop`` (everything by default) at ``size`` (the crop's own by default)."""
        top, left, rows, columns = checked(header.shape, crop, size)
        wanted = size or (rows, columns)
        target = destination(self.name, out, (*wanted, *header.shape[2:]), "uint8")
        factor = 1
        while factor < 8 and rows >= 2 * factor * wanted[0] and columns >= 2 * factor * wanted[1]:
            factor *= 2
        rough = wanted != (rows, columns)
        part = None
        if rough and header.mode != "CMYK" and header.frame in _IN_ORDER and self.is_whole(data):
            box = _at_scale(header.shape, factor, (top, left, rows, columns))
            part = turbo.part(data, header.shape, factor, box)
        if part is None:
            reduced, factor = self._reduced(data, header, factor, top + rows, rough=rough)
            y, x, h, w = _at_scale(header.shape, factor, (top, left, rows, columns))
            part = reduced[y : y + h, x : x + w]
        resize_into(part, target)
        return target if out is None else out

    def _reduced(
        self, data: Buffer, header: JpegHeader, factor: int, stop: int, *, rough: bool
    ) -> tuple[np.ndarray, int]:
        """The picture down to row ``stop``, or more of it, at ``1 / factor``, sides rounded up.

        For what ``turbo`` cannot have. In memory that the thread's next picture is decoded to.

        Returns:
            The pixels, and the factor that they have: 1 where another cannot be had.
        """
        height, width, *channels = header.shape
        enough = stop + _MARGIN * factor
        if header.frame in _IN_ORDER and enough <= height - _BLOCK and self.is_whole(data):
            pixels = _scratch(-(-enough // factor), -(-width // factor), *channels)
            short = _shortened(data, header, enough)
            if self._turbo(short, header, pixels, factor, goes_on=True, rough=rough):
                return pixels, factor
        if (factor > 1 or rough) and header.frame in _TURBO:
            pixels = _scratch(-(-height // factor), -(-width // factor), *channels)
            if self._turbo(data, header, pixels, factor, rough=rough):
                return pixels, factor
        pixels = _scratch(*header.shape)
        Jpeg.decode(self, data, out=pixels)
        return pixels, 1


def _scratch(*shape: int) -> np.ndarray:
    """Memory for pixels that are resized at once."""
    return scratch(math.prod(shape)).reshape(shape)


def _at_scale(shape: Shape, factor: int, box: Box) -> Box:
    """A part of a picture in the same picture at ``1 / factor``, sides rounded up."""
    top, left, rows, columns = box
    vertical, horizontal = (-(-side // factor) / side for side in shape[:2])
    y, x = round(top * vertical), round(left * horizontal)
    bottom, right = round((top + rows) * vertical), round((left + columns) * horizontal)
    return y, x, max(1, bottom - y), max(1, right - x)


def _shortened(data: Buffer, header: JpegHeader, rows: int) -> bytearray:
    """A copy of a file whose header says that it has fewer rows than its scans have."""
    shortened = bytearray(data)
    shortened[header.rows : header.rows + 2] = rows.to_bytes(2, "big")
    return shortened


class Mpo(Jpeg, api=(1, 0)):
    """Several JPEGs in one file (stereo pairs, bursts, previews): the first is decoded.

    Files can be stored, arrays cannot be encoded.
    """

    name = "mpo"
    extensions = ("mpo",)
    writable = False
    modes = ()

    def sniff(self, head: Buffer) -> bool:
        # A JPEG with an index of pictures (CIPA DC-007); further down in files with much exif.
        return super().sniff(head) and b"MPF\0" in bytes(head)

    def encode(self, array: np.ndarray) -> bytes:
        raise SampleCompressionError(
            "mpo files can be stored but not made; give the tensor sample_compression='jpeg'"
        )


__all__ = ["QUALITY", "SUBSAMPLING", "Jpeg", "JpegHeader", "Mpo", "read_header"]
