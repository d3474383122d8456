"""PNG of every colour type and depth, written by hand and compared sample by sample."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from deeplake.errors import CorruptedSampleError, SampleCompressionError
from deeplake_codecs.png import Png

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# Adam7: first row, first column, row step, column step.
PASSES = [
    *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)),
    (1, 0, 2, 1),
]
ANCILLARY = {
    "none": b"",
    "gAMA": b"\0\0\xb1\x8f",
    "bKGD": b"\0\1",
    "pHYs": b"\0\0\x0b\x13\0\0\x0b\x13\1",
    "tEXt": "Title\0sch\u00f6n".encode("latin-1"),
}


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def rows(values: np.ndarray, depth: int) -> bytes:
    """Rows of samples ``(H, W, samples)``, packed, each with filter type 0 in front."""
    height = len(values)
    if depth == 16:
        packed = values.astype(">u2").reshape(height, -1).view(np.uint8)
    elif depth == 8:
        packed = values.astype(np.uint8).reshape(height, -1)
    else:
        bits = values.reshape(height, -1, 1) >> np.arange(depth)[::-1] & 1
        packed = np.packbits(bits.astype(np.uint8).reshape(height, -1), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in packed)


def png(
    values: np.ndarray, depth: int, colour: int, *, interlaced: bool = False, extra: bytes = b""
) -> bytes:
    height, width = values.shape[:2]
    if interlaced:
        parts = [values[y::down, x::across] for y, x, down, across in PASSES]
        body = b"".join(rows(part, depth) for part in parts if part.size)
    else:
        body = rows(values, depth)
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    palette = chunk(b"PLTE", bytes(range(256)) * 3) if colour == 3 else b""
    return b"".join(
        [
            *(b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", head), palette, extra),
            *(chunk(b"IDAT", zlib.compress(body)), chunk(b"IEND", b"")),
        ]
    )


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("name", ANCILLARY)
@pytest.mark.parametrize(
    ("colour", "depth"), [(colour, depth) for colour in SAMPLES for depth in DEPTHS[colour]]
)
def test_samples_are_exact(colour: int, depth: int, name: str, interlaced: bool) -> None:
    if name == "bKGD" and colour != 0:
        return  # its length depends on the colour type
    rng = np.random.default_rng(depth)
    values = rng.integers(0, 2**depth, (9, 13, SAMPLES[colour]))
    extra = chunk(name.encode(), ANCILLARY[name]) if name != "none" else b""
    array = Png().decode(png(values, depth, colour, interlaced=interlaced, extra=extra))
    if SAMPLES[colour] == 1:
        values = values[:, :, 0]
    if colour == 0 and depth < 8:
        values = values * (255 // (2**depth - 1))  # shades of gray
    if (colour, depth) == (0, 1):
        assert array.dtype == np.bool_
        array = array * np.uint8(255)
    else:
        assert array.dtype == (np.uint16 if depth == 16 else np.uint8)
    np.testing.assert_array_equal(array, values)


@pytest.mark.parametrize(("colour", "depth"), [(0, 8), (0, 16), (2, 8), (2, 16)])
def test_a_transparent_colour_makes_no_alpha(colour: int, depth: int) -> None:
    values = np.random.default_rng(1).integers(0, 2**depth, (9, 13, SAMPLES[colour]))
    clear = values[0, 0].astype(">u2").tobytes()
    array = Png().decode(png(values, depth, colour, extra=chunk(b"tRNS", clear)))
    np.testing.assert_array_equal(array.reshape(values.shape), values)


def test_a_palette_gives_indices_and_its_colours() -> None:
    values = np.random.default_rng(1).integers(0, 5, (9, 13))
    image = Image.fromarray(values.astype(np.uint8))
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128])
    file = io.BytesIO()
    image.save(file, "PNG")
    header = Png().probe(file.getvalue())
    assert header.mode == "P"
    assert header.meta["palette"][:3] == [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
    np.testing.assert_array_equal(Png().decode(file.getvalue()), values)


def test_exif_before_the_pixels() -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    file = io.BytesIO()
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(file, "PNG", exif=exif)
    header = Png().probe(file.getvalue())
    assert header.shape == (4, 6, 3)
    assert header.meta["exif"] == {"Orientation": 8}


def test_broken_checksums_are_refused() -> None:
    data = bytearray(png(np.random.default_rng(1).integers(0, 256, (40, 40, 3)), 8, 2))
    data[data.index(b"IDAT") + 100] ^= 1
    with pytest.raises(CorruptedSampleError):
        Png().decode(bytes(data))


@pytest.mark.parametrize(("colour", "depth"), [(1, 8), (2, 4), (3, 16), (5, 8), (0, 3)])
def test_colour_types_that_there_are_not(colour: int, depth: int) -> None:
    data = bytearray(png(np.zeros((2, 2, 1), np.int64), 8, 0))
    data[24:26] = bytes([depth, colour])
    with pytest.raises(CorruptedSampleError, match="colour type"):
        Png().probe(bytes(data))


def test_a_message_says_what_png_can_hold() -> None:
    with pytest.raises(
        SampleCompressionError, match=r"bool \(H, W\).*this array is float32 \(3, 4\)"
    ):
        Png().encode(np.zeros((3, 4), np.float32))
