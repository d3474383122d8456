"""The shipped contract suites, on every codec of this distribution.

Beside the suites' own samples each codec reads files as other programs write them, made here by
Pillow and by hand; and is shown files that claim more than they hold.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from deeplake.testing.codec import ChunkCodecContract, SampleCodecContract
from deeplake_codecs.blocks import Lz4, Zstd
from deeplake_codecs.colour_tables import Fli, Gif
from deeplake_codecs.ico import Ico
from deeplake_codecs.jpeg import Jpeg, Mpo
from deeplake_codecs.jpeg2000 import Jpeg2000
from deeplake_codecs.pillow import Bmp, Dib, Msp, Pcx, Ppm, Sgi, Tga, Xbm
from deeplake_codecs.png import Png
from deeplake_codecs.tiff import Tiff
from deeplake_codecs.webp import Webp

HEAVY = ("numpy", "PIL", "cv2", "simplejpeg", "lz4", "zstandard")
RNG = np.random.default_rng(11)
NOISE = RNG.integers(0, 256, (11, 13, 4)).astype(np.uint8)
BOOL = NOISE[:, :, 0] > 127
GRAY, GRAY_ALPHA, RGB, RGBA = NOISE[:, :, 0], NOISE[:, :, :2], NOISE[:, :, :3], NOISE
INDICES = Image.fromarray(NOISE[:, :, :3]).quantize(40)

G, GA, C, CA, B, W = (
    *(("uint8", None), ("uint8", 2), ("uint8", 3), ("uint8", 4), ("bool", None), ("uint16", None)),
)
I, F = ("int32", None), ("float32", None)  # noqa: E741 - Pillow's names for these modes


def saved(picture: np.ndarray | Image.Image, format: str, **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def patched(data: bytes, *patches: tuple[int, bytes]) -> bytes:
    result = bytearray(data)
    for position, new in patches:
        result[position : position + len(new)] = new
    return bytes(result)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)),
            *extra,
            png_chunk(b"IDAT", zlib.compress(rows)),
            png_chunk(b"IEND", b""),
        ]
    )


def fli(width: int, height: int, indices: np.ndarray, colours: np.ndarray) -> bytes:
    """A FLC file of one frame: a palette chunk and a chunk of uncompressed pixels."""
    palette = struct.pack("<HBB", 1, 0, 0) + colours.astype(np.uint8).tobytes()
    body = struct.pack("<IH", 6 + len(palette), 4) + palette
    body += struct.pack("<IH", 6 + indices.size, 16) + indices.tobytes()
    frame = struct.pack("<IHH8x", 16 + len(body), 0xF1FA, 2) + body
    head = struct.pack("<IHHHHHHI", 128 + len(frame), 0xAF12, 1, width, height, 8, 3, 0)
    return head.ljust(128, b"\0") + frame


# --------------------------------------------------------------------------- bytes
class TestLz4(ChunkCodecContract):
    codec = Lz4
    heavy = HEAVY


class TestZstd(ChunkCodecContract):
    codec = Zstd
    heavy = HEAVY


# --------------------------------------------------------------------------- pictures
class Pictures(SampleCodecContract):
    heavy = HEAVY


class TestJpeg(Pictures):
    codec = Jpeg
    layouts = (G, C)
    tolerance = 0.03

    def files(self) -> Mapping[str, bytes]:
        gray, colour = Image.fromarray(GRAY), Image.fromarray(RGB)
        oriented = Image.Exif()
        oriented[0x0112] = 6
        return {
            "gray": saved(gray, "JPEG"),
            "4:4:4": saved(colour, "JPEG", subsampling=0),
            "4:2:2": saved(colour, "JPEG", subsampling=1),
            "4:2:0": saved(colour, "JPEG", subsampling=2),
            "progressive": saved(colour, "JPEG", progressive=True),
            "restart markers": saved(colour, "JPEG", restart_marker_blocks=1),
            "rgb": saved(colour, "JPEG", keep_rgb=True),
            "cmyk": saved(colour.convert("CMYK"), "JPEG"),
            "rotated by exif": saved(colour, "JPEG", exif=oriented),
        }

    def bombs(self) -> Mapping[str, bytes]:
        data = saved(RGB, "JPEG")
        frame = data.index(b"\xff\xc0")
        progressive = saved(RGB, "JPEG", progressive=True)
        other = progressive.index(b"\xff\xc2")
        huge = struct.pack(">HH", 65_500, 65_500)
        cmyk = saved(Image.fromarray(RGB).convert("CMYK"), "JPEG")
        third = cmyk.index(b"\xff\xc0")
        return {
            "baseline": patched(data, (frame + 5, huge)),
            "progressive": patched(progressive, (other + 5, huge)),
            "cmyk": patched(cmyk, (third + 5, huge)),
            "within the cap": patched(data, (frame + 5, struct.pack(">HH", 20_000, 20_000))),
        }


class TestMpo(Pictures):
    codec = Mpo

    def files(self) -> Mapping[str, bytes]:
        first, second = Image.fromarray(RGB), Image.fromarray(RGB[::-1].copy())
        return {"two": saved(first, "MPO", save_all=True, append_images=[second])}

    def bombs(self) -> Mapping[str, bytes]:
        data = self.files()["two"]
        huge = struct.pack(">HH", 65_500, 65_500)
        return {"first": patched(data, (data.index(b"\xff\xc0") + 5, huge))}


class TestPng(Pictures):
    codec = Png
    layouts = (B, G, GA, CA, W, ("uint16", 3), ("uint16", 4), C)

    def files(self) -> Mapping[str, bytes]:
        deep = RNG.integers(0, 256, (5, 1 + 7 * 8)).astype(np.uint8)
        deep[:, 0] = 0
        two_bits = RNG.integers(0, 256, (5, 1 + 2)).astype(np.uint8)
        two_bits[:, 0] = 0
        clear = png_chunk(b"tRNS", b"\0\5\0\6\0\7")
        colour = RNG.integers(0, 256, (5, 1 + 7 * 3)).astype(np.uint8)
        colour[:, 0] = 0
        return {
            "palette": saved(INDICES, "PNG"),
            "palette of 2 bits": saved(INDICES.quantize(4), "PNG"),
            "transparent palette": saved(INDICES, "PNG", transparency=3),
            "1 bit": saved(BOOL, "PNG"),
            "2 bits": png(7, 5, 2, 0, two_bits.tobytes()),
            "16 bits with alpha": png(7, 5, 16, 6, deep.tobytes()),
            "transparent colour": png(7, 5, 8, 2, colour.tobytes(), clear),
            "gamma": png(7, 5, 8, 2, colour.tobytes(), png_chunk(b"gAMA", b"\0\0\xb1\x8f")),
            "animated": saved(
                Image.fromarray(RGB),
                "PNG",
                save_all=True,
                append_images=[Image.fromarray(RGB[::-1])],
            ),
        }

    def bombs(self) -> Mapping[str, bytes]:
        # A megabyte that inflates to a gigabyte, behind various claims.
        rows = bytes(1 << 30)
        body = zlib.compress(rows, 9)
        return {
            "1 bit": self._claim(100_000, 100_000, 1, 0, body),
            "gray": self._claim(100_000, 100_000, 8, 0, body),
            "rgba, 16 bits": self._claim(100_000, 100_000, 16, 6, body),
            "few bytes": png(20_000, 20_000, 8, 2, bytes(1000)),
            "few bytes of 1 bit": png(30_000, 30_000, 1, 0, bytes(1000)),
            "few bytes of a palette": png(30_000, 30_000, 1, 3, bytes(1000)),
            "one wide row": png(0x7FFF_FFFF, 1, 8, 2, bytes(1000)),
        }

    def _claim(self, width: int, height: int, depth: int, colour: int, body: bytes) -> bytes:
        head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
        return b"".join(
            [
                b"\x89PNG\r\n\x1a\n",
                *(png_chunk(b"IHDR", head), png_chunk(b"IDAT", body), png_chunk(b"IEND", b"")),
            ]
        )


class TestWebp(Pictures):
    codec = Webp
    layouts = (CA, C)
    tolerance = 0.03

    def files(self) -> Mapping[str, bytes]:
        colour, alpha = Image.fromarray(RGB), Image.fromarray(RGBA)
        exif = Image.Exif()
        exif[0x010F] = "maker"
        return {
            "lossy": saved(colour, "WEBP"),
            "lossy with alpha": saved(alpha, "WEBP"),
            "lossless": saved(colour, "WEBP", lossless=True),
            "lossless with alpha": saved(alpha, "WEBP", lossless=True),
            "exif": saved(colour, "WEBP", exif=exif),
            "animated": saved(colour, "WEBP", save_all=True, append_images=[alpha]),
        }

    def bombs(self) -> Mapping[str, bytes]:
        lossy, extended = saved(RGB, "WEBP"), saved(RGBA, "WEBP")
        return {
            "lossy": patched(lossy, (26, struct.pack("<HH", 16_383, 16_383))),
            "canvas": patched(extended, (24, b"\xff" * 6)),
        }


class TestGif(Pictures):
    codec = Gif
    layouts = (G, C)
    tolerance = 0.05

    def files(self) -> Mapping[str, bytes]:
        frames = [Image.fromarray(RGB), Image.fromarray(RGB[::-1].copy())]
        return {
            "palette": saved(INDICES, "GIF"),
            "transparent": saved(INDICES, "GIF", transparency=1),
            "interlaced": saved(INDICES, "GIF", interlace=True),
            "animated": saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
            "two colours": saved(BOOL, "GIF"),
        }

    def bombs(self) -> Mapping[str, bytes]:
        data = saved(INDICES, "GIF")
        huge = struct.pack("<HH", 65_535, 65_535)
        local = data.index(b",", 13 + 3 * 64)
        return {
            "canvas": patched(data, (6, huge)),
            "canvas and frame": patched(data, (6, huge), (local + 5, huge)),
            "frame": patched(data, (local + 5, huge)),
        }


class TestFli(Pictures):
    codec = Fli

    def files(self) -> Mapping[str, bytes]:
        indices = np.asarray(INDICES)
        return {"one frame": fli(13, 11, indices, RNG.integers(0, 256, (256, 3)))}

    def bombs(self) -> Mapping[str, bytes]:
        huge = struct.pack("<HH", 30_000, 30_000)
        return {"canvas": patched(self.files()["one frame"], (8, huge))}


class TestTiff(Pictures):
    codec = Tiff
    layouts = (B, G, GA, CA, W, I, F, C)

    def files(self) -> Mapping[str, bytes]:
        colour = Image.fromarray(RGB)
        files = {
            name: saved(colour, "TIFF", compression=name)
            for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd")
        }
        return {
            **files,
            "fax": saved(BOOL, "TIFF", compression="group4"),
            "palette": saved(INDICES, "TIFF"),
            "cmyk": saved(colour.convert("CMYK"), "TIFF"),
            "pages": saved(colour, "TIFF", save_all=True, append_images=[Image.fromarray(GRAY)]),
            "deep colour": self._deep("<", 3),
            "deep colour with alpha, big endian": self._deep(">", 4),
            "described": saved(colour, "TIFF", tiffinfo={270: "schöner Titel", 305: "software"}),
        }

    def _deep(self, order: str, channels: int) -> bytes:
        """RGB or RGBA of 16 bits, uncompressed."""
        values = RNG.integers(0, 65_536, (5, 7, channels)).astype(f"{order}u2").tobytes()
        head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
        tags = [(256, 7), (257, 5), (259, 1), (262, 2), (277, channels), (278, 5)]
        tags += [(279, len(values)), (284, 1), *([(338, 2)] if channels == 4 else [])]
        count = len(tags) + 2
        bits = 8 + 2 + 12 * count + 4
        entries = [struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags]
        entries.append(struct.pack(f"{order}HHII", 258, 3, channels, bits))
        entries.append(struct.pack(f"{order}HHII", 273, 4, 1, bits + 2 * channels))
        entries.sort(key=lambda entry: struct.unpack(f"{order}H", entry[:2]))
        directory = struct.pack(f"{order}H", count) + b"".join(entries) + bytes(4)
        return head + directory + struct.pack(f"{order}H", 16) * channels + values

    def bombs(self) -> Mapping[str, bytes]:
        result = {}
        for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd"):
            data = saved(RGB, "TIFF", compression=name)
            result[name] = self._resized(data, 100_000, 100_000)
            if name != "zstd":  # which has no greatest ratio
                result[f"{name} within the cap"] = self._resized(data, 30_000, 30_000)
        return result

    def _resized(self, data: bytes, width: int, height: int) -> bytes:
        """The same file, with another width and height in its first directory."""
        start = struct.unpack_from("<I", data, 4)[0]
        patches = []
        for i in range(struct.unpack_from("<H", data, start)[0]):
            entry = start + 2 + 12 * i
            tag = struct.unpack_from("<H", data, entry)[0]
            if tag in {256, 257, 278}:
                value = width if tag == 256 else height
                patches.append((entry + 2, struct.pack("<HII", 4, 1, value)))
        return patched(data, *patches)


class TestJpeg2000(Pictures):
    codec = Jpeg2000
    layouts = (G, GA, CA, W, C)

    def files(self) -> Mapping[str, bytes]:
        return {
            "codestream": saved(RGB, "JPEG2000", no_jp2=True),
            "tiles": saved(np.tile(RGB, (3, 3, 1)), "JPEG2000", tile_size=(16, 16)),
            "lossy": saved(RGB, "JPEG2000", irreversible=True),
        }

    def large_sample(self) -> np.ndarray:
        return super().large_sample()[:400, :400]

    def bombs(self) -> Mapping[str, bytes]:
        data = saved(RGB, "JPEG2000", no_jp2=True)
        size = data.index(b"\xff\x51") + 6
        huge = struct.pack(">II", 100_000, 100_000)
        return {
            "one tile": patched(data, (size, huge), (size + 16, huge)),
            "tiles that are not there": patched(data, (size, struct.pack(">II", 16_000, 16_000))),
        }


class TestIco(Pictures):
    codec = Ico
    layouts = (B, G, GA, CA, C)
    gil = False  # an icon is decoded in microseconds

    def files(self) -> Mapping[str, bytes]:
        large = Image.fromarray(np.tile(RGBA, (5, 4, 1))[:48, :48])
        sizes = [(16, 16), (32, 32), (48, 48)]
        return {
            "bitmaps": saved(large, "ICO", sizes=sizes, bitmap_format="bmp"),
            "pngs": saved(large, "ICO", sizes=sizes),
        }

    def soft_sample(self) -> np.ndarray:
        return super().soft_sample()[:, :90]

    def bombs(self) -> Mapping[str, bytes]:
        inner = png(30_000, 30_000, 8, 6, bytes(1000))
        entry = struct.pack("<HHHBBBBHHII", 0, 1, 1, 0, 0, 0, 0, 1, 32, len(inner), 22)
        bitmap = saved(Image.fromarray(RGBA[:8, :8]), "ICO", sizes=[(8, 8)], bitmap_format="bmp")
        return {
            "png": entry + inner,
            "bitmap": patched(bitmap, (22 + 4, struct.pack("<ii", 30_000, 60_000))),
        }


class TestBmp(Pictures):
    codec = Bmp
    layouts = (B, G, C)

    def files(self) -> Mapping[str, bytes]:
        return {"palette": saved(INDICES, "BMP")}

    def bombs(self) -> Mapping[str, bytes]:
        data = saved(RGB, "BMP")
        return {
            "beyond the cap": patched(data, (18, struct.pack("<ii", 100_000, 100_000))),
            "within the cap": patched(data, (18, struct.pack("<ii", 20_000, 20_000))),
        }


class TestDib(Pictures):
    codec = Dib
    layouts = (B, G, C)

    def bombs(self) -> Mapping[str, bytes]:
        data = saved(RGB, "DIB")
        return {"claim": patched(data, (4, struct.pack("<ii", 20_000, 20_000)))}


class TestMsp(Pictures):
    codec = Msp
    layouts = (B,)
    tolerance = 0

    def bombs(self) -> Mapping[str, bytes]:
        data = saved(BOOL, "MSP")
        # Its checksum is the exclusive or of the words: the same change to both keeps it.
        width, height = struct.unpack_from("<HH", data, 4)
        change = 0xE000
        assert not change & (width | height)
        return {"claim": patched(data, (4, struct.pack("<HH", width ^ change, height ^ change)))}


class TestPcx(Pictures):
    codec = Pcx
    layouts = (B, G, C)

    def files(self) -> Mapping[str, bytes]:
        return {"palette": saved(INDICES, "PCX")}

    def bombs(self) -> Mapping[str, bytes]:
        return {"claim": patched(saved(RGB, "PCX"), (8, struct.pack("<HH", 20_000, 20_000)))}


class TestPpm(Pictures):
    codec = Ppm
    layouts = (B, G, W, F, C)

    def files(self) -> Mapping[str, bytes]:
        return {
            "plain": b"P3 2 1 255\n1 2 3  4 5 6\n",
            "comments": b"P5\n# a comment\n3 2\n255\n" + bytes(range(6)),
            "few grays": b"P2\n2 2\n7\n0 1 2 7\n",
        }

    def bombs(self) -> Mapping[str, bytes]:
        return {
            "binary": b"P6 20000 20000 255\n" + bytes(100),
            "bits": b"P4 100000 100000\n" + bytes(100),
            "plain": b"P3 20000 20000 255\n" + b"1 " * 100,
        }


class TestSgi(Pictures):
    codec = Sgi
    layouts = (G, CA, C)

    def bombs(self) -> Mapping[str, bytes]:
        return {"claim": patched(saved(RGB, "SGI"), (6, struct.pack(">HH", 20_000, 20_000)))}


class TestTga(Pictures):
    codec = Tga
    layouts = (B, G, GA, CA, C)

    def files(self) -> Mapping[str, bytes]:
        return {
            "run lengths": saved(RGB, "TGA", compression="tga_rle"),
            "palette": saved(INDICES, "TGA"),
        }

    def bombs(self) -> Mapping[str, bytes]:
        huge = struct.pack("<HH", 20_000, 20_000)
        return {
            "raw": patched(saved(RGB, "TGA"), (12, huge)),
            "run lengths": patched(saved(RGB, "TGA", compression="tga_rle"), (12, huge)),
        }


class TestXbm(Pictures):
    codec = Xbm
    layouts = (B,)
    tolerance = 0

    def bombs(self) -> Mapping[str, bytes]:
        data = saved(BOOL, "XBM")
        bigger = data.replace(b"_width 13", b"_width 20000").replace(
            b"_height 11", b"_height 20000"
        )
        assert bigger != data
        return {"claim": bigger}
