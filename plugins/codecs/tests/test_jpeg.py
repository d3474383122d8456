"""JPEG on the photographs that ship in scikit-learn."""

from __future__ import annotations

import io
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageFile
from sklearn.datasets import load_sample_images

from deeplake.errors import (
    CorruptedSampleError,
    SampleCompressionError,
    SampleDecompressionError,
)
from deeplake_codecs import turbo
from deeplake_codecs.jpeg import Jpeg, Mpo


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    return list(load_sample_images().images)


def saved(picture: np.ndarray | Image.Image, **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def by_pillow(data: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_photographs_decode_as_pillow_does(
    photos: list[np.ndarray], subsampling: int, progressive: bool
) -> None:
    for photo in photos:
        data = saved(photo, quality=90, subsampling=subsampling, progressive=progressive)
        np.testing.assert_array_equal(Jpeg().decode(data), by_pillow(data))


def test_into_an_array_pictures_are_the_same(photos: list[np.ndarray]) -> None:
    picture = Image.fromarray(photos[0])
    for subsampling in range(3):
        for more in ({}, {"progressive": True}, {"keep_rgb": True, "subsampling": 0}):
            data = saved(picture, **{"quality": 90, "subsampling": subsampling, **more})
            out = np.full((427, 640, 3), 7, np.uint8)
            assert Jpeg().decode(memoryview(data), out=out) is out
            np.testing.assert_array_equal(out, by_pillow(data))
            # Not in one piece: decoded elsewhere, or refused, but never written over.
            wide = np.full((427, 640, 6), 7, np.uint8)
            with pytest.raises(SampleDecompressionError, match="C-contiguous"):
                Jpeg().decode(data, out=wide[:, :, :3])
            assert (wide == 7).all()


def test_into_an_array_no_other_picture_is_decoded(photos: list[np.ndarray]) -> None:
    """What is decoded in one go is refused where it would be without an array."""
    picture = Image.fromarray(photos[1])
    data = saved(picture)
    out = np.zeros((427, 640, 3), np.uint8)
    for other in (
        saved(picture.convert("L")),
        saved(picture.convert("CMYK")),
        saved(picture.crop((0, 0, 640, 426))),
        saved(picture.crop((0, 0, 320, 427))),
        saved(picture.transpose(Image.Transpose.ROTATE_90)),
    ):
        with pytest.raises(SampleDecompressionError, match="cannot be decoded into an array"):
            Jpeg().decode(other, out=out)
    middle = len(data) // 2
    start = data.index(b"\xff\xc0")
    for broken in (
        b"", b"\xff\xd8", data[:middle], data[: middle] + data[middle + 4000 :], data[:-2],
        data[:start] + data[start : start + 19] + data[start:],
        # A few bytes that claim to be so many pixels.
        data[:1000] + b"\xff\xd9",
    ):  # fmt: skip
        with pytest.raises(CorruptedSampleError):
            Jpeg().decode(broken, out=out)


def test_cmyk_decodes_as_pillow_does(photos: list[np.ndarray]) -> None:
    data = saved(Image.fromarray(photos[0]).convert("CMYK"))
    assert Jpeg().probe(data).mode == "CMYK"
    np.testing.assert_array_equal(Jpeg().decode(data), by_pillow(data))


def test_gray(photos: list[np.ndarray]) -> None:
    data = saved(photos[0][:, :, 1])
    array = Jpeg().decode(data)
    assert array.shape == (427, 640)
    np.testing.assert_array_equal(array, by_pillow(data))
    with_axis = np.zeros((427, 640, 1), np.uint8)
    assert Jpeg().decode(data, out=with_axis) is with_axis
    np.testing.assert_array_equal(with_axis[:, :, 0], array)


def test_arrays_are_encoded_as_pillow_does_by_default(photos: list[np.ndarray]) -> None:
    ours, theirs = (
        Image.open(io.BytesIO(data)) for data in (Jpeg().encode(photos[0]), saved(photos[0]))
    )
    assert ours.quantization == theirs.quantization  # type: ignore[attr-defined]
    assert [part[1:3] for part in ours.layer] == [part[1:3] for part in theirs.layer]  # type: ignore[attr-defined]
    assert psnr(np.asarray(ours), photos[0]) > psnr(np.asarray(theirs), photos[0]) - 0.1


def test_exif_is_told_and_does_not_rotate(photos: list[np.ndarray]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    exif[0x010F] = "Fabrikant"
    exif.get_ifd(0x8769)[0x829A] = 1 / 60
    exif.get_ifd(0x8769)[0x9000] = b"0232"
    exif.get_ifd(0x8769)[0x927C] = bytes(range(256)) * 8
    exif.get_ifd(0x8825)[1] = "N"
    data = saved(photos[0], exif=exif)
    header = Jpeg().probe(data)
    assert header.shape == (427, 640, 3)
    np.testing.assert_array_equal(Jpeg().decode(data), by_pillow(data))
    meta = dict(header.meta)
    assert meta["format"] == "jpeg"
    assert meta["mode"] == "RGB"
    assert meta["exif"]["Orientation"] == 6
    assert meta["exif"]["Make"] == "Fabrikant"
    assert meta["exif"]["ExposureTime"] == pytest.approx(1 / 60)
    assert meta["exif"]["ExifVersion"] == "0232"
    assert meta["exif"]["GPSInfo"] == {"GPSLatitudeRef": "N"}
    assert "MakerNote" not in meta["exif"], "long binary data are left out"


def test_damaged_exif_does_not_hide_the_picture(photos: list[np.ndarray]) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    data = saved(photos[0], exif=exif)
    start = data.index(b"Exif\0\0") + 6
    damaged = data[:start] + b"\xff" * 12 + data[start + 12 :]
    assert Jpeg().probe(damaged).meta["exif"] == {}
    np.testing.assert_array_equal(Jpeg().decode(damaged), by_pillow(data))


# --------------------------------------------------------------------------- damage
def test_a_cut_photograph_is_refused_at_every_percent(photos: list[np.ndarray]) -> None:
    for progressive in (False, True):
        data = saved(photos[1], progressive=progressive)
        for percent in range(100):
            with pytest.raises(CorruptedSampleError):
                Jpeg().decode(data[: len(data) * percent // 100])


def test_users_of_pillow_do_not_weaken_it(
    photos: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = saved(photos[1])
    with pytest.raises(CorruptedSampleError):
        Jpeg().decode(data[: len(data) // 2])


def test_a_gap_in_the_pixels_is_refused(photos: list[np.ndarray]) -> None:
    data = saved(photos[1])
    middle = len(data) // 2
    with pytest.raises(CorruptedSampleError):
        Jpeg().decode(data[:middle] + data[middle + 4000 :])


def test_two_frame_headers_are_refused(photos: list[np.ndarray]) -> None:
    """Pillow believes the last one; what memory was made for is the first."""
    data = saved(Image.fromarray(photos[1]).convert("CMYK"))
    start = data.index(b"\xff\xc0")
    [length] = struct.unpack_from(">H", data, start + 2)
    frame = data[start : start + 2 + length]
    for height, width in ((500, 640), (427, 100), (1, 1), (60_000, 60_000)):
        other = frame[:5] + struct.pack(">HH", height, width) + frame[9:]
        for two in (
            data[:start] + other + data[start:],
            data[:start] + frame + other + data[start + len(frame) :],
        ):
            with pytest.raises(CorruptedSampleError):
                Jpeg().decode(two)


def test_superfluous_bytes_do_no_harm(photos: list[np.ndarray]) -> None:
    data = saved(photos[1])
    expected = Jpeg().decode(data)
    for other in (data[:-2] + b"\0\1\2" + data[-2:], data + b"trailer", data + data):
        np.testing.assert_array_equal(Jpeg().decode(other), expected)


def test_twelve_bits_are_refused_by_name(photos: list[np.ndarray]) -> None:
    data = bytearray(saved(photos[0]))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(CorruptedSampleError, match="3 components of 12 bits"):
        Jpeg().probe(data)


def test_sizes_beyond_the_format_are_refused() -> None:
    with pytest.raises(SampleCompressionError, match="65,500"):
        Jpeg().encode(np.zeros((1, 65_501), np.uint8))
    wide = np.full((1, 65_500), 77, np.uint8)
    np.testing.assert_array_equal(Jpeg().decode(Jpeg().encode(wide)), wide)


def test_out_of_another_shape_is_refused(photos: list[np.ndarray]) -> None:
    data = saved(photos[0])
    frozen = np.zeros((427, 640, 3), np.uint8)
    frozen.flags.writeable = False
    for out in (
        np.zeros((640, 427, 3), np.uint8),
        np.zeros((427, 640, 3), np.int8),
        np.zeros((427, 640, 6), np.uint8)[:, :, ::2],
        frozen,
    ):
        with pytest.raises(SampleDecompressionError, match="own shape and dtype"):
            Jpeg().decode(data, out=out)


# --------------------------------------------------------------------------- crops
def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = float(np.mean((a.astype(float) - b.astype(float)) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@pytest.fixture(params=["parts", "rows"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How crops that are resized are decoded: with TurboJPEG's library and without."""
    if request.param == "rows":
        monkeypatch.setattr(turbo, "_functions", lambda: None)
    else:
        assert turbo._functions() is not None, "pip install turbojpeg"
    return str(request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("size", [(224, 224), (112, 112), (56, 80), (30, 30)])
def test_resized_crops_of_photographs(photos: list[np.ndarray], size: tuple[int, int]) -> None:
    for photo in photos:
        data = saved(photo, quality=92)
        whole = Jpeg().decode(data)
        for crop in ((0, 0, 427, 640), (100, 200, 300, 300), (37, 51, 243, 331)):
            top, left, height, width = crop
            part = whole[top : top + height, left : left + width]
            averaged = cv2.resize(part, size[::-1], interpolation=cv2.INTER_AREA)
            result = Jpeg().decode(data, crop=crop, size=size)
            # Two ways to shrink a natural picture agree to about 25 to 35 dB; a shift by one pixel
            # of the result, or another part of the picture, is far below.
            assert psnr(result, averaged) > 22
            shifted = np.roll(averaged, 2, axis=(0, 1))
            assert psnr(result, averaged) > psnr(result, shifted) + 3


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_rows_below_a_crop_are_not_decoded(
    photos: list[np.ndarray], subsampling: int, options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is above them is the same, to the bit."""
    for mode in ("RGB", "L"):
        picture = Image.fromarray(photos[0]).convert(mode)
        kinds = {"subsampling": subsampling} if mode == "RGB" else {}
        data = saved(picture, quality=90, **kinds, **options)
        whole = Jpeg().decode(data)
        decoded: list[int] = []
        original = Jpeg._turbo

        def counted(
            self: Jpeg, data: Any, header: Any, target: np.ndarray, *rest: Any,
            decoded: Any = decoded, original: Any = original, **more: Any,
        ) -> bool:  # fmt: skip
            decoded.append(len(target))
            return bool(original(self, data, header, target, *rest, **more))

        straight = Jpeg._straight

        def counted_too(
            self: Jpeg, data: Any, out: np.ndarray, decoded: Any = decoded, straight: Any = straight
        ) -> bool:
            done = bool(straight(self, data, out))
            decoded.extend([len(out)] * done)
            return done

        monkeypatch.setattr(turbo, "_functions", lambda: None)
        monkeypatch.setattr(Jpeg, "_turbo", counted)
        monkeypatch.setattr(Jpeg, "_straight", counted_too)
        for stop in (*range(1, 40), 255, 256, 257, 400, 409, 410, 426, 427):
            decoded.clear()
            found = Jpeg().decode(data, crop=(stop // 2, 3, stop - stop // 2, 200))
            np.testing.assert_array_equal(found, whole[stop // 2 : stop, 3:203])
            assert decoded == [stop + 2 if stop + 2 <= 427 - 16 else 427]
        decoded.clear()
        half = Jpeg().decode(data, crop=(0, 0, 200, 400), size=(100, 200))
        assert decoded == [102]
        assert psnr(half, cv2.resize(whole[:200, :400], (200, 100))) > 28
        monkeypatch.undo()


SUBSAMPLINGS = ("444", "422", "420", "440", "411", "Gray")


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
def test_parts_are_the_pixels_of_the_whole(
    photos: list[np.ndarray], subsampling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the bit, at every scale, wherever a part begins and ends."""
    photo = np.ascontiguousarray(photos[1][:251, :333])
    gray = subsampling == "Gray"
    data = simplejpeg.encode_jpeg(
        photo[:, :, :1].copy() if gray else photo,
        colorspace="GRAY" if gray else "RGB",
        colorsubsampling=subsampling,
    )
    rng = np.random.default_rng(5)
    asked: list[tuple[int, int]] = []
    functions = turbo._functions()
    assert functions is not None
    crop_of = functions.crop

    def counted(handle: int, region: Any) -> int:
        asked.append((region.h, region.w))
        return int(crop_of(handle, region))

    monkeypatch.setattr(functions, "crop", counted)
    for _ in range(150):
        height, width = int(rng.integers(1, 252)), int(rng.integers(1, 334))
        top, left = int(rng.integers(252 - height)), int(rng.integers(334 - width))
        crop = (top, left, height, width)
        size = (int(rng.integers(1, 120)), int(rng.integers(1, 120)))
        asked.clear()
        found = Jpeg().decode(data, crop=crop, size=size)
        if size != (height, width):
            [(rows, columns)] = asked
            assert rows <= height
            assert columns < width + 32
        with monkeypatch.context() as without:
            without.setattr(turbo, "_functions", lambda: None)
            np.testing.assert_array_equal(found, Jpeg().decode(data, crop=crop, size=size))


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_rows": 2}])
def test_parts_of_other_ways_to_code(
    photos: list[np.ndarray], options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for photo in photos:
        data = saved(photo, **options)
        for crop in ((0, 0, 427, 640), (200, 300, 227, 340), (33, 1, 50, 60)):
            found = Jpeg().decode(data, crop=crop, size=(45, 47))
            with monkeypatch.context() as without:
                without.setattr(turbo, "_functions", lambda: None)
                other = Jpeg().decode(data, crop=crop, size=(45, 47))
            np.testing.assert_array_equal(found, other)


def test_a_part_without_a_library(
    photos: list[np.ndarray], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = saved(photos[0])
    expected = Jpeg().decode(data, crop=(100, 100, 200, 200), size=(64, 64))
    useless = tmp_path / "libturbojpeg.so.0"
    useless.write_bytes(b"not a library")
    monkeypatch.setattr(turbo, "_SYSTEM", str(useless))
    monkeypatch.setattr(turbo, "_DISTRIBUTION", "no-such-distribution")
    turbo._functions.cache_clear()
    try:
        assert turbo._functions() is None
        assert turbo.part(data, photos[0].shape, 1, (0, 0, 10, 10)) is None
        found = Jpeg().decode(data, crop=(100, 100, 200, 200), size=(64, 64))
        np.testing.assert_array_equal(found, expected)
    finally:
        turbo._functions.cache_clear()


def test_a_part_of_what_another_frame_says(photos: list[np.ndarray]) -> None:
    data = saved(photos[0])
    assert turbo.part(data, (427, 639, 3), 1, (0, 0, 10, 10)) is None
    assert turbo.part(data, (427, 640, 3), 1, (0, 0, 10, 641)) is None
    assert turbo.part(data[:100], (427, 640, 3), 1, (0, 0, 10, 10)) is None
    assert turbo.part(b"", (427, 640, 3), 1, (0, 0, 10, 10)) is None
    # After each refusal the same thread goes on.
    assert turbo.part(data, (427, 640, 3), 1, (400, 0, 27, 10)) is not None


@pytest.mark.usefixtures("way")
def test_crops_of_many_threads_and_sizes_do_not_mix(photos: list[np.ndarray]) -> None:
    # What is decoded before it is resized lies in memory that a thread uses again.
    files = [saved(photo[: 60 + 40 * i, : 90 + 50 * i]) for i, photo in enumerate(photos * 4)]
    big = saved(np.tile(photos[0], (4, 4, 1)))  # more than is kept
    crops = [(None, (32, 40)), ((5, 7, 40, 50), (32, 40)), ((0, 0, 33, 41), (32, 40))]
    jobs = [(file, crop, size) for file in (*files, big) for crop, size in crops]

    def decoded(job: tuple[bytes, Any, Any]) -> np.ndarray:
        return Jpeg().decode(job[0], crop=job[1], size=job[2])

    alone = []
    for job in jobs:
        with ThreadPoolExecutor(1) as fresh:
            alone.append(fresh.submit(decoded, job).result())
    order = np.random.default_rng(0).permutation(np.tile(np.arange(len(jobs)), 8)).tolist()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(decoded, [jobs[i] for i in order]))
    assert all(np.array_equal(one, alone[i]) for i, one in zip(order, found, strict=True))


@pytest.mark.usefixtures("way")
def test_damage_above_the_end_of_a_crop_is_refused(photos: list[np.ndarray]) -> None:
    data = saved(photos[1])
    middle = len(data) // 2
    gap = data[:middle] + data[middle + 4000 :]
    cut = data[:-5000]
    for damaged, crop in ((gap, (0, 0, 400, 30)), (cut, (0, 0, 10, 10)), (cut + b"\xff\xd9", None)):
        with pytest.raises(CorruptedSampleError):
            Jpeg().decode(damaged, crop=crop, size=(20, 20))


def test_crops_of_what_pillow_decodes(photos: list[np.ndarray]) -> None:
    data = saved(Image.fromarray(photos[0]).convert("CMYK"))
    whole = Jpeg().decode(data)
    np.testing.assert_array_equal(Jpeg().decode(data, crop=(10, 20, 30, 40)), whole[10:40, 20:60])
    assert Jpeg().decode(data, size=(50, 60)).shape == (50, 60, 4)


@pytest.mark.parametrize(
    ("crop", "size"),
    [
        ((-1, 0, 5, 5), None),
        ((0, 0, 428, 640), None),
        ((0, 639, 1, 2), None),
        ((0, 0, 0, 5), None),
        (None, (0, 5)),
    ],
)
def test_crops_outside_are_refused(
    photos: list[np.ndarray], crop: tuple[int, int, int, int] | None, size: tuple[int, int] | None
) -> None:
    with pytest.raises(SampleDecompressionError, match="427 x 640"):
        Jpeg().decode(saved(photos[0]), crop=crop, size=size)


# --------------------------------------------------------------------------- several pictures
def test_mpo_is_its_first_picture(photos: list[np.ndarray]) -> None:
    file = io.BytesIO()
    others = [Image.fromarray(photos[1])]
    Image.fromarray(photos[0]).save(file, "MPO", save_all=True, append_images=others)
    data = file.getvalue()
    np.testing.assert_array_equal(Mpo().decode(data), Jpeg().decode(data))
    assert Mpo().probe(data).meta["format"] == "mpo"
    # To the jpeg codec it is a JPEG as well; a plain JPEG is no MPO.
    assert Jpeg().sniff(data[:512])
    assert not Mpo().sniff(saved(photos[0])[:512])


def test_markers_are_walked_as_libjpeg_does(photos: list[np.ndarray]) -> None:
    data = saved(photos[0])
    frame = data.index(b"\xff\xc0")
    [height, width] = struct.unpack_from(">HH", data, frame + 5)
    padded = data[:frame] + b"\xff\xff\xff" + data[frame:]
    assert Jpeg().probe(padded).shape == (height, width, 3)
    np.testing.assert_array_equal(Jpeg().decode(padded), Jpeg().decode(data))
