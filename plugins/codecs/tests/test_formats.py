"""Real pictures in every format, what metadata say, and the sizes at the edges."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

from deeplake.errors import CorruptedSampleError, SampleCompressionError
from deeplake.spi import SampleCodec
from deeplake_codecs.colour_tables import Gif
from deeplake_codecs.ico import Ico
from deeplake_codecs.jpeg import Jpeg
from deeplake_codecs.jpeg2000 import Jpeg2000
from deeplake_codecs.pillow import Bmp, Dib, Msp, Pcx, Ppm, Sgi, Tga, Xbm
from deeplake_codecs.png import Png
from deeplake_codecs.tiff import Tiff
from deeplake_codecs.webp import Webp

LOSSLESS: list[type[SampleCodec]] = [Bmp, Dib, Jpeg2000, Pcx, Png, Ppm, Sgi, Tga, Tiff]
BITS: list[type[SampleCodec]] = [Bmp, Dib, Msp, Pcx, Png, Ppm, Tga, Tiff, Xbm]

by_name = pytest.mark.parametrize("codec", LOSSLESS, ids=lambda cls: cls.name)


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    return list(load_sample_images().images)


def saved(picture: np.ndarray | Image.Image, format: str, **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def mean_difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b.astype(float)).mean())


# --------------------------------------------------------------------------- pictures
@by_name
def test_photographs_and_scans_are_kept(codec: type[SampleCodec], photos: list[np.ndarray]) -> None:
    digits = [image.astype(np.uint8) * 16 for image in load_digits().images[:5]]
    for picture in [*photos, photos[0][:, :, 0], *digits]:
        file = codec().encode(picture)
        assert codec().probe(file).shape == picture.shape
        np.testing.assert_array_equal(codec().decode(file), picture)


@pytest.mark.parametrize("codec", BITS, ids=lambda cls: cls.name)
def test_masks_are_kept(codec: type[SampleCodec], photos: list[np.ndarray]) -> None:
    mask = photos[0][:, :, 0] > 128
    file = codec().encode(mask)
    array = codec().decode(file)
    assert array.dtype == np.bool_
    assert set(np.unique(array.view(np.uint8))) == {0, 1}, "True is 1, also for who looks at bytes"
    np.testing.assert_array_equal(array, mask)


def test_lossy_formats_stay_near(photos: list[np.ndarray]) -> None:
    for codec, most in ((Jpeg(), 6), (Webp(), 6), (Gif(), 12)):
        for photo in photos:
            assert 0 < mean_difference(codec.decode(codec.encode(photo)), photo) < most


def test_webp_files_without_loss_are_exact(photos: list[np.ndarray]) -> None:
    alpha = np.dstack([photos[0], photos[0][:, :, 0]])
    for picture in (photos[0], alpha):
        data = saved(picture, "WEBP", lossless=True, exact=True, method=0)
        np.testing.assert_array_equal(Webp().decode(data), picture)


def test_icons_are_their_largest_picture(photos: list[np.ndarray]) -> None:
    image = Image.fromarray(np.dstack([photos[0], photos[0][:, :, 0]])[:256, :256])
    sizes = [(16, 16), (256, 256), (64, 64)]
    for format in ("png", "bmp"):
        data = saved(image, "ICO", sizes=sizes, bitmap_format=format)
        assert Ico().probe(data).shape == (256, 256, 4)
        expected = np.asarray(Image.open(io.BytesIO(data)))
        np.testing.assert_array_equal(Ico().decode(data), expected)


# --------------------------------------------------------------------------- several pictures
def test_the_first_page_of_a_tiff(photos: list[np.ndarray]) -> None:
    pages = [Image.fromarray(photos[1]), Image.fromarray(photos[0][:50, :60, 0])]
    data = saved(photos[0], "TIFF", save_all=True, append_images=pages)
    assert Tiff().probe(data).shape == (427, 640, 3)
    np.testing.assert_array_equal(Tiff().decode(data), photos[0])


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation(format: str, photos: list[np.ndarray]) -> None:
    codec: SampleCodec = {"GIF": Gif(), "WEBP": Webp(), "PNG": Png()}[format]
    frames = [Image.fromarray(photos[1]), Image.fromarray(photos[0][::-1])]
    options = {"lossless": True} if format == "WEBP" else {}
    data = saved(photos[0], format, save_all=True, append_images=frames, **options)
    assert Image.open(io.BytesIO(data)).n_frames == 3  # type: ignore[attr-defined]
    array = codec.decode(data)
    assert array.shape == codec.probe(data).shape == (427, 640, 3)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(array, expected)


# --------------------------------------------------------------------------- colour tables
def test_gif_keeps_gray_exactly_and_apart_from_colour() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for gray in (ramp, ramp[:1, :1], ramp[:3, :5], np.full((4, 4), 200, np.uint8)):
        np.testing.assert_array_equal(Gif().decode(Gif().encode(gray)), gray)
        coloured = np.repeat(gray[:, :, None], 3, axis=2)
        array = Gif().decode(Gif().encode(coloured))
        np.testing.assert_array_equal(array, coloured)


def test_gif_keeps_few_colours_exactly() -> None:
    colours = np.random.default_rng(2).integers(0, 256, (200, 3)).astype(np.uint8)
    picture = colours[np.random.default_rng(3).integers(0, 200, (60, 50))]
    np.testing.assert_array_equal(Gif().decode(Gif().encode(picture)), picture)


def test_gif_transparency_is_alpha() -> None:
    indices = np.array([[0, 1], [2, 1]], np.uint8)
    image = Image.fromarray(indices)
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    array = Gif().decode(saved(image, "GIF", transparency=1))
    assert array.tolist() == [
        [[255, 0, 0, 255], [0, 255, 0, 0]],
        [[0, 0, 255, 255], [0, 255, 0, 0]],
    ]


@pytest.mark.parametrize("codec", [Bmp, Pcx, Tga, Tiff], ids=lambda cls: cls.name)
def test_palettes_give_indices_and_colours(codec: type[SampleCodec]) -> None:
    indices = np.random.default_rng(4).integers(0, 4, (9, 10)).astype(np.uint8)
    colours = [[1, 2, 3], [40, 50, 60], [7, 80, 9], [200, 100, 0]]
    image = Image.fromarray(indices)
    image.putpalette([value for colour in colours for value in colour])
    data = saved(image, codec.name.upper())
    header = codec().probe(data)
    assert header.mode == "P"
    assert header.meta["palette"][:4] == colours
    np.testing.assert_array_equal(codec().decode(data), indices)


# --------------------------------------------------------------------------- metadata
def test_tiff_tells_its_tags() -> None:
    tags = {270: "schöne Aussicht 日本".encode(), 305: "deep lake", 282: 300.0}
    data = saved(np.zeros((3, 4, 3), np.uint8), "TIFF", tiffinfo=tags)
    meta = Tiff().probe(data).meta
    assert meta["format"] == "tiff"
    assert meta["exif"] == {
        "ImageDescription": "schöne Aussicht 日本",
        "Software": "deep lake",
        "XResolution": 300.0,
    }


def test_a_webp_file_does_not_claim_what_its_pictures_do_not_cover() -> None:
    rng = np.random.default_rng(0)
    still = Image.fromarray(rng.integers(0, 256, (600, 700, 4), np.uint8))
    exif = Image.Exif()
    exif[0x010E] = "x"
    for how in ({"lossless": True}, {"quality": 60}):
        assert Webp().decode(saved(np.array(still), "WEBP", exif=exif, **how)).shape == (
            600,
            700,
            4,
        )
    first, *rest = (Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8)) for _ in range(3))
    file = io.BytesIO()
    first.save(file, "WEBP", save_all=True, append_images=rest)
    data = bytearray(file.getvalue())
    assert Webp().decode(data).shape == (40, 50, 3)
    data[24:30] = (9_984).to_bytes(3, "little") + (7_424).to_bytes(3, "little")
    for read in (Webp().probe, Webp().decode):
        with pytest.raises(
            CorruptedSampleError, match="9,985 x 7,425 pixels, of which its pictures"
        ):
            read(bytes(data))


def test_webp_tells_its_exif() -> None:
    exif = Image.Exif()
    exif[0x010E] = "unicode: ü 日本".encode()
    data = saved(np.zeros((3, 4, 3), np.uint8), "WEBP", exif=exif)
    assert Webp().probe(data).meta["exif"] == {"ImageDescription": "unicode: ü 日本"}


def test_signed_and_wide_tiff() -> None:
    values = np.array([[0, 1], [2**31 - 1, -(2**31)]], np.int32)
    data = saved(values, "TIFF")
    np.testing.assert_array_equal(Tiff().decode(data), values)
    # The same file, said to be unsigned.
    position = data.index(b"\x53\x01\x03\0\x01\0\0\0\x02\0")
    unsigned = data[: position + 8] + b"\x01" + data[position + 9 :]
    assert Tiff().probe(unsigned).dtype == "uint32"
    np.testing.assert_array_equal(Tiff().decode(unsigned), values.view(np.uint32))


def test_gray_ppm_of_16_bits() -> None:
    values = np.array([[0, 1, 256], [65_535, 4_000, 77]], np.uint16)
    data = b"P5 3 2 65535\n" + values.astype(">u2").tobytes()
    header = Ppm().probe(data)
    assert (header.shape, header.dtype) == ((2, 3), "uint16")
    np.testing.assert_array_equal(Ppm().decode(data), values)


# --------------------------------------------------------------------------- sizes
@by_name
def test_flat_pictures_are_no_bombs(codec: type[SampleCodec]) -> None:
    """What compresses best of all: if it can be written, it can be read."""
    flat = np.full((3000, 3000), 255, np.uint8)
    np.testing.assert_array_equal(codec().decode(codec().encode(flat)), flat)


@pytest.mark.parametrize("codec", BITS, ids=lambda cls: cls.name)
def test_flat_masks_are_no_bombs(codec: type[SampleCodec]) -> None:
    mask = np.ones((3000, 3000), np.bool_)
    np.testing.assert_array_equal(codec().decode(codec().encode(mask)), mask)


@pytest.mark.parametrize("codec", [Jpeg, Webp, Gif], ids=lambda cls: cls.name)
def test_flat_pictures_are_no_bombs_when_lossy(codec: type[SampleCodec]) -> None:
    flat = np.full((3000, 3000, 3), 128, np.uint8)
    assert mean_difference(codec().decode(codec().encode(flat)), flat) < 2


@pytest.mark.parametrize("compression", ["group4", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_flat_tiffs_are_no_bombs(compression: str) -> None:
    mask = np.ones((3000, 3000), np.bool_)
    data = saved(mask, "TIFF", compression=compression)
    np.testing.assert_array_equal(Tiff().decode(data), mask)


def test_progressive_and_optimised_jpegs_are_no_bombs() -> None:
    flat = np.full((3000, 3000, 3), 128, np.uint8)
    for progressive in (False, True):
        data = saved(flat, "JPEG", optimize=True, progressive=progressive)
        np.testing.assert_array_equal(Jpeg().decode(data), flat)


@pytest.mark.parametrize("codec", [*LOSSLESS, Jpeg, Webp, Gif, Ico], ids=lambda cls: cls.name)
def test_what_could_not_be_read_is_not_written(codec: type[SampleCodec]) -> None:
    # One pixel, seen as very many: refused before anything is copied.
    vast = np.broadcast_to(np.uint8(0), (40_000, 40_000, 3))
    with pytest.raises(SampleCompressionError, match=r"too large|pixels a side"):
        codec().encode(vast)


def test_an_empty_picture_is_refused_by_name() -> None:
    with pytest.raises(SampleCompressionError, match=r"uint8 \(0, 5, 3\)"):
        Png().encode(np.zeros((0, 5, 3), np.uint8))


def test_messages_name_the_codec_and_what_to_do() -> None:
    everything: list[type[SampleCodec]] = [*LOSSLESS, Jpeg, Webp, Gif, Ico]
    for codec in everything:
        with pytest.raises(
            CorruptedSampleError, match=f"the {codec.name} file cannot be read: .*copy"
        ):
            codec().decode(b"neither this nor that")
