"""Formats in which every picture has a colour table: GIF and FLI. Decoded to colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deeplake.errors import SampleCompressionError
from deeplake.types import Buffer
from deeplake_codecs.pillow import PillowCodec

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile


class _ColourTable(PillowCodec):
    """Gray where the table is the gray ramp, else RGB, or RGBA where a colour is transparent."""

    lossless = False
    estimate = 0.25

    def _layout(self, image: ImageFile) -> tuple[str, int]:
        if image.mode == "L" and "transparency" not in image.info:
            return "uint8", 0
        return "uint8", 4 if "transparency" in image.info or image.mode == "RGBA" else 3

    def _pixels(self, image: ImageFile, data: Buffer) -> np.ndarray:
        import numpy as np

        channels = self._layout(image)[1]
        image.load()
        if not channels:
            return np.asarray(image)
        return np.asarray(image.convert("RGBA" if channels == 4 else "RGB"))


class Gif(_ColourTable, api=(1, 0)):
    """GIF: the first frame, on the whole canvas.

    Gray arrays are kept exactly. Colours are reduced to the 256 that fit best, without dithering.
    """

    name = "gif"
    extensions = ("gif",)
    reader = ("GifImagePlugin", "GifImageFile")
    # The table is written as it is given: a shortened one would not be the gray ramp.
    writer = ("GIF", {"optimize": False})
    modes = ("L", "RGB")
    magic = (b"GIF87a", b"GIF89a")
    # A code of 12 bits stands for at most 4,095 pixels, each of which becomes 3 or 4 bytes.
    ratio = 16_384

    def is_whole(self, data: Buffer) -> bool:
        return bytes(data[-1:]) == b";"

    def _image(self, picture: np.ndarray) -> Image:
        image = super()._image(picture)
        if picture.ndim == 2:
            return image
        import numpy as np
        from PIL import Image

        reduced = image.convert("P", palette=Image.Palette.ADAPTIVE, colors=256)
        table = np.frombuffer(bytes(reduced.getpalette() or ()), np.uint8).reshape(-1, 3)
        if not (table == np.arange(len(table))[:, None]).all():
            return reduced
        # Readers take a table that counts 0, 1, 2, … for gray: colours get theirs the other way
        # round, so that what was encoded with three channels has three when it is decoded.
        turned = Image.fromarray((len(table) - 1 - np.asarray(reduced)).astype(np.uint8))
        turned.putpalette(table[::-1].tobytes())
        return turned


class Fli(_ColourTable, api=(1, 0)):
    """Autodesk Animator (FLI, FLC): the first frame. Files can be stored, arrays not be encoded."""

    name = "fli"
    extensions = ("fli", "flc")
    writable = False
    reader = ("FliImagePlugin", "FliImageFile")
    modes = ()
    ratio = 4096

    def sniff(self, head: Buffer) -> bool:
        return bytes(head[4:6]) in {b"\x11\xaf", b"\x12\xaf"} and bytes(head[14:16]) in {
            b"\0\0",
            b"\3\0",
        }

    def encode(self, array: np.ndarray) -> bytes:
        raise SampleCompressionError(
            "fli files can be stored but not made; give the tensor another compression (gif, png)"
        )


__all__ = ["Fli", "Gif"]
