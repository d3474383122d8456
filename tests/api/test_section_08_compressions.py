"""Compressions, fact by fact, with files that others wrote (api.md, section 8)."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import lz4.block
import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    ChecksumError,
    CorruptedSampleError,
    FormatError,
    SampleAppendError,
    SampleCompressionError,
    SampleDecompressionError,
    SampleExtendError,
    TensorMetaMissingRequiredValue,
    TensorMetaMutuallyExclusiveKeysError,
    UnsupportedCompressionError,
)
from deeplake.format.encoding import codec_plugin

Media = Callable[[str], Path]


@pytest.fixture
def ds(tmp_path: Path) -> Dataset:
    return deeplake.empty(tmp_path / "ds")


IMAGES = {
    "bmp": "photo.bmp", "dib": "photo.dib", "gif": "photo.gif", "ico": "photo.ico", "pcx": "photo.pcx",
    "jpeg": "photo.jpeg", "jpeg2000": "photo.jp2", "png": "photo.png", "ppm": "photo.ppm",
    "sgi": "photo.sgi", "tga": "photo.tga", "tiff": "photo.tiff", "webp": "photo.webp",
    "xbm": "bits.xbm", "msp": "bits.msp", "mpo": "pair.mpo",
}  # fmt: skip
LOSSLESS = {"bmp", "dib", "jpeg2000", "pcx", "png", "ppm", "sgi", "tga", "tiff", "webp"}
FILES_ONLY = {
    "mpo": "image", "fli": "image", "dcm": "dicom", "nii": "nifti", "nii.gz": "nifti", "mp3": "audio",
    "flac": "audio", "wav": "audio", "mp4": "video", "mkv": "video", "avi": "video",
    "las": "point_cloud", "ply": "mesh", "stl": "mesh",
}  # fmt: skip


def test_names(ds: Dataset) -> None:
    known = deeplake.compressions
    assert known[-1] is None
    assert known[:-1] == sorted(known[:-1])
    assert {*IMAGES, *FILES_ONLY, "lz4"} <= set(known)


@pytest.mark.parametrize(("alias", "name"), [("jpg", "jpeg"), ("tif", "tiff"), ("jp2", "jpeg2000")])
def test_aliases(ds: Dataset, media: Media, alias: str, name: str) -> None:
    assert alias in deeplake.compressions
    x = ds.create_tensor("x", htype="image", sample_compression=alias)
    assert x.sample_compression == name
    x.append(deeplake.read(media(IMAGES[name])))
    assert x[0].tobytes() == media(IMAGES[name]).read_bytes()


@pytest.mark.parametrize("name", IMAGES)
def test_files_of_images(ds: Dataset, media: Media, name: str) -> None:
    path = media(IMAGES[name])
    x = ds.create_tensor("x", htype="image", sample_compression=name)
    x.append(deeplake.read(path))
    found = deeplake.load(ds.path).x
    assert found.sample_compression == name
    assert found[0].tobytes() == path.read_bytes()
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB") if image.mode == "P" else image)
    assert found[0].numpy().shape == expected.shape
    far = np.abs(found[0].numpy().astype(int) - expected.astype(int)).max()
    assert far <= (4 if name in ("jpeg", "mpo", "webp") else 0)


@pytest.mark.parametrize("name", sorted(set(IMAGES) - {"mpo", "xbm", "msp"}))
def test_arrays_are_encoded(ds: Dataset, media: Media, name: str) -> None:
    image = deeplake.read(media("photo.png")).array
    x = ds.create_tensor("x", htype="image", sample_compression=name)
    x.append(image)
    data = deeplake.load(ds.path).x[0].tobytes()
    with Image.open(io.BytesIO(data)) as other:
        assert other.convert("RGB").size == (40, 30), "others can read what is stored"
    found = deeplake.load(ds.path).x[0].numpy()
    assert found.shape == image.shape
    if name in LOSSLESS - {"webp"}:
        assert np.array_equal(found, image)
    else:
        assert np.abs(found.astype(int) - image).mean() < 12


@pytest.mark.parametrize("name", ["xbm", "msp"])
def test_images_of_bits(ds: Dataset, name: str) -> None:
    bits = np.indices((16, 24)).sum(0) % 3 == 0
    x = ds.create_tensor("x", htype="image", sample_compression=name, dtype="bool")
    x.append(bits)
    assert np.array_equal(deeplake.load(ds.path).x[0].numpy(), bits)


@pytest.mark.parametrize("name", FILES_ONLY)
def test_formats_that_take_files_alone(ds: Dataset, name: str) -> None:
    x = ds.create_tensor("x", htype=FILES_ONLY[name], sample_compression=name)
    shape = (4, 8, 8, 3) if FILES_ONLY[name] == "video" else (8, 8, 3)
    if FILES_ONLY[name] in ("audio", "mesh", "point_cloud"):
        shape = (8, 3)
    dtype = np.uint8 if FILES_ONLY[name] in ("image", "video") else np.float32
    with pytest.raises(SampleAppendError, match="tensor 'x', row 0") as caught:
        x.append(np.zeros(shape, dtype))
    assert isinstance(caught.value.__cause__, NotImplementedError)
    assert isinstance(caught.value.__cause__, SampleCompressionError)
    assert len(x) == 0


@pytest.mark.parametrize("name", sorted(set(FILES_ONLY) - {"mpo", "fli", "dcm"}))
def test_they_are_no_compressions_of_chunks(ds: Dataset, name: str) -> None:
    with pytest.raises((UnsupportedCompressionError, TensorMetaMissingRequiredValue)):
        ds.create_tensor("x", htype=FILES_ONLY[name], chunk_compression=name)
    with pytest.raises(UnsupportedCompressionError):
        ds.create_tensor("x", htype="generic", chunk_compression=name)
    with pytest.raises(UnsupportedCompressionError):
        ds.create_tensor("x", htype="bbox", sample_compression=name)


def test_names_that_there_are_not(ds: Dataset) -> None:
    for given in ({"sample_compression": "zip"}, {"chunk_compression": "rar"}):
        with pytest.raises(UnsupportedCompressionError, match="'x'"):
            ds.create_tensor("x", htype="image", **given)
    with pytest.raises(TensorMetaMutuallyExclusiveKeysError):
        ds.create_tensor("x", htype="image", sample_compression="png", chunk_compression="lz4")


# --------------------------------------------------------------------------- lz4
@pytest.mark.parametrize("which", ["sample_compression", "chunk_compression"])
def test_lz4(ds: Dataset, which: str) -> None:
    values = np.arange(40_000).reshape(40, 1000) // 500
    x = ds.create_tensor("x", **{which: "lz4"})
    x.extend(values)
    assert np.array_equal(deeplake.load(ds.path).x.numpy(), values)
    assert ds.size_approx() < values.nbytes / 4
    raw = x[3].tobytes()
    if which == "chunk_compression":
        assert raw == values[3].tobytes()
    else:
        assert lz4.block.decompress(raw, uncompressed_size=8000) == values[3].tobytes()


def test_lz4_of_others_is_read() -> None:
    data = bytes(range(256)) * 40
    packed = lz4.block.compress(data, store_size=False)
    assert bytes(codec_plugin("lz4").decompress(packed, len(data))) == data  # type: ignore[union-attr]


# --------------------------------------------------------------------------- chunks of images
@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "tiff", "bmp", "lz4"])
def test_chunks_of_images(ds: Dataset, media: Media, name: str) -> None:
    image = deeplake.read(media("photo.png")).array
    samples = [image[: 30 - i, : 40 - 2 * i] for i in range(8)]
    x = ds.create_tensor("x", htype="image", chunk_compression=name)
    x.extend(samples)
    x.append(deeplake.read(media("photo.png")))
    found = deeplake.load(ds.path).x
    assert (found.chunk_compression, found.sample_compression) == (name, None)
    for sample, stored in zip([*samples, image], found.numpy(aslist=True), strict=True):
        assert stored.shape == sample.shape
        limit = 0 if name not in ("jpeg", "webp") else 40
        assert np.abs(stored.astype(int) - sample).max() <= limit
    x[2] = image[:5, :6]
    assert deeplake.load(ds.path).x[2].shape == (5, 6, 3)


# --------------------------------------------------------------------------- sizes
def test_what_a_format_can_hold_decides_on_tiles(ds: Dataset) -> None:
    """25 MB of pixels are one PNG, estimated; raw they are tiles."""
    large = np.zeros((2900, 2900, 3), np.uint8)
    ds.create_tensor("raw", htype="image", sample_compression=None).append(large)
    ds.create_tensor("jpeg", htype="image", sample_compression="jpeg").append(large)
    assert ds.raw._reader.tiles(0) is not None
    assert ds.jpeg._reader.tiles(0) is None
    assert ds.jpeg[0].tobytes()[:2] == b"\xff\xd8"


# --------------------------------------------------------------------------- errors
def test_what_a_format_cannot_hold(ds: Dataset) -> None:
    x = ds.create_tensor("x", htype="image", sample_compression="jpeg")
    for sample in (np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 7), np.uint8)):
        with pytest.raises(SampleAppendError, match="tensor 'x', row 0") as caught:
            x.append(sample)
        assert isinstance(caught.value.__cause__, SampleCompressionError)
    with pytest.raises((SampleExtendError, SampleAppendError), match="row 1"):
        x.extend([np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 7), np.uint8)])
    assert len(deeplake.load(ds.path).x) == 0


def test_bytes_that_are_no_lz4() -> None:
    for data in (b"", b"\xff" * 40, struct.pack("<I", 1 << 31) + b"x"):
        with pytest.raises((CorruptedSampleError, SampleDecompressionError)):
            codec_plugin("lz4").decompress(data, 100)  # type: ignore[union-attr]


MEDIA = [
    ("photo.jpeg", "image"), ("photo.png", "image"), ("photo.webp", "image"), ("photo.tiff", "image"),
    ("photo.gif", "image"), ("photo.bmp", "image"), ("photo.jp2", "image"), ("photo.ppm", "image"),
    ("film.mp4", "video"), ("film.mkv", "video"), ("film.avi", "video"),
    ("sound.flac", "audio"), ("scan.dcm", "dicom"), ("volume.nii.gz", "nifti"),
    ("cloud.las", "point_cloud"), ("mesh.ply", "mesh"), ("mesh.stl", "mesh"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "htype"), MEDIA, ids=[name for name, _ in MEDIA])
def test_cut_files_are_refused_by_path_and_row(
    ds: Dataset, media: Media, name: str, htype: str
) -> None:
    path = media(name)
    compression = deeplake.read(path).compression
    x = ds.create_tensor("x", htype=htype, sample_compression=compression)
    x.append(deeplake.read(path))
    whole = path.read_bytes()
    for length in (len(whole) // 10, 120, len(whole) // 2, len(whole) * 9 // 10):
        path.write_bytes(whole[: min(length, len(whole) - 20)])
        with pytest.raises(SampleAppendError, match=rf"tensor 'x', row 1.*{path.name}") as caught:
            x.append(deeplake.read(path))
        assert isinstance(caught.value.__cause__, CorruptedSampleError)
        with pytest.raises(CorruptedSampleError, match=path.name):
            deeplake.read(path, verify=True)
    found = deeplake.load(ds.path).x
    assert len(found) == 1
    assert found[0].tobytes() == whole


@pytest.mark.parametrize(
    "name", ["photo.jpeg", "photo.png", "photo.webp", "film.mp4", "sound.flac"]
)
def test_stored_bytes_that_changed_are_found_out(ds: Dataset, media: Media, name: str) -> None:
    data = media(name).read_bytes()
    htype = "image" if name.startswith("photo") else "video" if name.startswith("film") else "audio"
    compression = deeplake.read(media(name)).compression
    ds.create_tensor("x", htype=htype, sample_compression=compression).append(
        deeplake.read(media(name))
    )
    (holder,) = [
        p for p in (Path(ds.path) / "data").rglob("*") if p.is_file() and data in p.read_bytes()
    ]
    changed = bytearray(holder.read_bytes())
    changed[changed.index(data) + len(data) // 2] ^= 0x40
    holder.chmod(0o644)
    holder.write_bytes(changed)
    with pytest.raises((ChecksumError, FormatError), match="'x'"):
        deeplake.load(ds.path).x[0].numpy()


def test_files_whose_pixels_are_damaged_say_tensor_and_row(ds: Dataset, media: Media) -> None:
    """The header is good, so it is stored as it is; reading it says where it lies."""
    whole = media("photo.jpeg").read_bytes()
    broken = whole[: len(whole) * 2 // 3]
    x = ds.create_tensor("x", htype="image", sample_compression="jpeg")
    x.append(deeplake.read(media("photo.jpeg")))
    with pytest.raises(SampleAppendError, match="tensor 'x', row 1") as caught:
        x.append(deeplake.read(broken))
    assert isinstance(caught.value.__cause__, CorruptedSampleError)
    x.append(deeplake.read(broken + whole[-2:]))  # it ends as it should
    with pytest.raises(CorruptedSampleError, match="tensor 'x', row 1"):
        x[1].numpy()
    with pytest.raises(CorruptedSampleError, match="tensor 'x', row 1"):
        x.numpy(aslist=True)
    assert x[0].numpy().shape == (30, 40, 3)
