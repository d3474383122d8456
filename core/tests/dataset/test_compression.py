"""Compressions: files byte for byte, arrays encoded, bytes compressed (api.md, section 8)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    SampleAppendError,
    SampleCompressionError,
    TensorDtypeMismatchError,
    UnsupportedCompressionError,
)

LOSSLESS = ("bmp", "jpeg2000", "png", "ppm", "sgi", "tga", "tiff")
LOSSY = ("jpeg", "webp", "gif")
BYTES = ("lz4", "zlib", "zstd")


# --------------------------------------------------------------------------- files
@pytest.mark.parametrize("chunked", [False, True], ids=["sample", "chunk"])
@pytest.mark.parametrize("name", ["jpeg", "jpg", "png", "webp", "tiff", "tif", "bmp", "gif", "jp2"])
def test_files_are_stored_byte_for_byte(
    url: str, tmp_path: Path, picture: Any, name: str, chunked: bool
) -> None:
    format = {"jpg": "jpeg", "tif": "tiff", "jp2": "jpeg2000"}.get(name, name)
    files = [tmp_path / f"{i}.{name}" for i in range(3)]
    for i, path in enumerate(files):
        path.write_bytes(picture(format, 20 + i, 30))
    ds = deeplake.empty(url)
    ds.create_tensor(
        "i", htype="image", **{f"{'chunk' if chunked else 'sample'}_compression": name}
    )
    ds.i.extend([deeplake.read(path) for path in files])
    ds.i.append(deeplake.read(files[0].read_bytes()))
    for found in (ds, deeplake.load(url)):
        assert (found.i.chunk_compression if chunked else found.i.sample_compression) == format
        for i, path in enumerate([*files, files[0]]):
            assert found.i[i].tobytes() == path.read_bytes()
            expected = deeplake.read(path).array
            np.testing.assert_array_equal(found.i[i].numpy(), expected)
        assert [a.shape for a in found.i.numpy(aslist=True)] == [
            (20, 30, 3), (21, 30, 3), (22, 30, 3), (20, 30, 3),
        ]  # fmt: skip
    other = deeplake.like("mem://copy", ds)
    other.i.extend(ds.i)
    assert [other.i[k].tobytes() for k in range(4)] == [ds.i[k].tobytes() for k in range(4)]


def test_sample_info(ds: Dataset, tmp_path: Path, gradient: Any) -> None:
    path = tmp_path / "exif.jpg"
    exif = Image.Exif()
    exif[0x010F] = "Camera maker"
    Image.fromarray(gradient(20, 30)).save(path, exif=exif)
    ds.create_tensor("i", htype="image", sample_compression="jpeg")
    ds.i.append(deeplake.read(path))
    ds.i.append(gradient(8, 8))
    ds.i.append(None)
    info = ds.i[0].sample_info
    assert info["format"] == "jpeg"
    assert info["shape"] == [20, 30, 3]
    assert info["exif"]["Make"] == "Camera maker"
    assert info["modified"] is False
    assert [entry.get("shape") for entry in ds.i.sample_info] == [[20, 30, 3], [8, 8, 3], None]
    assert ds.i[0].data()["sample_info"] == info
    assert isinstance(ds.i[:2].data()["sample_info"], list)


def test_grey_files(ds: Dataset, picture: Any) -> None:
    ds.create_tensor("i", htype="image", sample_compression="png")
    ds.i.append(deeplake.read(picture("png", 4, 5, None)))
    assert ds.i.shape == (1, 4, 5)
    ds.create_tensor("j", htype="image", sample_compression="png")
    ds.j.append(deeplake.read(picture("png", 4, 5, 3)))
    data = picture("png", 4, 5, None)
    with pytest.warns(UserWarning, match="'j'"):
        ds.j.append(deeplake.read(data))
    assert ds.j[1].shape == ds.j[1].numpy().shape == (4, 5, 1)
    assert ds.j[1].tobytes() == data


@pytest.mark.parametrize("target", ["png", "jpeg", "webp", None, "lz4"])
def test_files_of_another_format_are_recompressed(
    ds: Dataset, picture: Any, gradient: Any, target: str | None
) -> None:
    ds.create_tensor("i", htype="image", sample_compression=target)
    ds.i.append(deeplake.read(picture("bmp")))
    assert ds.i.shape == (1, 20, 30, 3)
    difference = ds.i[0].numpy().astype(int) - gradient(20, 30)
    assert abs(difference).max() <= (0 if target in ("png", None, "lz4") else 40)
    if target not in (None, "lz4"):
        assert deeplake.read(ds.i[0].tobytes()).compression == target


def test_files_of_another_dtype(ds: Dataset, tmp_path: Path) -> None:
    deep = np.arange(20, dtype=np.uint16).reshape(4, 5)
    path = tmp_path / "deep.png"
    Image.fromarray(deep).save(path)
    ds.create_tensor("i", htype="image", sample_compression="png").append(deeplake.read(path))
    assert ds.i.dtype == np.uint16
    assert ds.i[0].tobytes() == path.read_bytes()
    ds.create_tensor("j", htype="image", sample_compression="png", dtype="uint8")
    ds.j.append(deeplake.read(path))
    np.testing.assert_array_equal(ds.j[0].numpy(), deep)
    Image.fromarray(deep * 1000).save(path)
    with pytest.raises(SampleAppendError, match="tensor 'j', row 1") as caught:
        ds.j.append(deeplake.read(path))
    assert isinstance(caught.value.__cause__, TensorDtypeMismatchError)


# --------------------------------------------------------------------------- arrays
@pytest.mark.parametrize("chunked", [False, True], ids=["sample", "chunk"])
@pytest.mark.parametrize("name", [*LOSSLESS, *LOSSY])
def test_arrays_are_encoded(url: str, gradient: Any, name: str, chunked: bool) -> None:
    ds = deeplake.empty(url)
    ds.create_tensor(
        "i", htype="image", **{f"{'chunk' if chunked else 'sample'}_compression": name}
    )
    ds.i.extend(np.stack([gradient(24, 32)] * 5))
    ds.i.append(gradient(40, 16))
    for found in (ds, deeplake.load(url)):
        assert found.i.dtype == np.uint8
        np.testing.assert_array_equal(found.i[:5].numpy()[3], found.i[3].numpy())
        worst = abs(found.i[5].numpy().astype(int) - gradient(40, 16)).max()
        assert worst <= (0 if name in LOSSLESS else 60)
        assert found.i[0].tobytes()[:2] == deeplake.read(found.i[0].tobytes()).buffer[:2]
        assert deeplake.read(found.i[5].tobytes()).shape == (40, 16, 3)


@pytest.mark.parametrize("htype", ["image", "generic"])
@pytest.mark.parametrize("name", ["jpeg", "png"])
def test_random_integers_are_images(ds: Dataset, name: str, htype: str) -> None:
    ds.create_tensor("i", htype=htype, sample_compression=name)
    rng = np.random.default_rng(0)
    with ds:
        for _ in range(5):
            ds.i.append(rng.integers(0, 256, (20, 20, 3)))
    ds.i.extend(rng.integers(0, 256, (3, 20, 20, 3)))
    ds.i.append(rng.integers(0, 256, (20, 20, 3)).tolist())
    ds.i.append(rng.integers(0, 256, (20, 20, 3)).astype(np.int32))
    assert ds.i.shape == (10, 20, 20, 3)
    assert ds.i.dtype == ds.i.numpy().dtype == np.uint8
    for wrong in (np.full((20, 20, 3), 256), np.full((20, 20, 3), -1), np.zeros((20, 20, 3))):
        with pytest.raises(SampleAppendError, match="tensor 'i', row 10"):
            ds.i.append(wrong)


def test_larger_integers_need_a_format_that_has_them(ds: Dataset) -> None:
    deep = np.arange(12).reshape(3, 4) * 1000
    ds.create_tensor("i", htype="image", sample_compression="png").append(deep)
    assert ds.i.dtype == np.uint16
    np.testing.assert_array_equal(ds.i[0].numpy(), deep)
    ds.create_tensor("j", htype="image", sample_compression="jpeg")
    with pytest.raises(SampleAppendError, match="tensor 'j', row 0") as caught:
        ds.j.append(deep)
    assert isinstance(caught.value.__cause__, SampleCompressionError)
    assert ds.j.dtype is None


@pytest.mark.parametrize(
    "sample", [np.zeros((4, 4, 5), np.uint8), np.zeros((4, 4), np.complex64), np.zeros((4, 4))]
)
def test_arrays_that_the_format_cannot_hold(ds: Dataset, sample: np.ndarray) -> None:
    ds.create_tensor("i", htype="image", sample_compression="jpeg")
    with pytest.raises(SampleAppendError, match="tensor 'i', row 0") as caught:
        ds.i.append(sample)
    assert isinstance(caught.value.__cause__, SampleCompressionError)
    assert (ds.i.num_samples, ds.i.dtype) == (0, None)
    ds.i.append(np.zeros((4, 4, 3), np.uint8))


def test_which_of_many_cannot_be_encoded(ds: Dataset, gradient: Any) -> None:
    ds.create_tensor("i", htype="image", sample_compression="jpeg")
    samples = [gradient(8, 8) for _ in range(20)]
    samples[13] = np.zeros((8, 8, 5), np.uint8)
    with pytest.raises(SampleAppendError, match="tensor 'i', row 13"):
        ds.i.extend(samples)
    assert ds.i.num_samples == 0


@pytest.mark.parametrize("name", ["fli", "mpo"])
def test_formats_that_only_take_files(ds: Dataset, name: str) -> None:
    ds.create_tensor("i", htype="image", sample_compression=name)
    with pytest.raises(SampleAppendError, match="deeplake.read") as caught:
        ds.i.append(np.zeros((4, 4, 3), np.uint8))
    assert isinstance(caught.value.__cause__, SampleCompressionError)


def test_masks_as_png(ds: Dataset) -> None:
    mask = np.random.default_rng(0).integers(0, 20, (16, 16))
    ds.create_tensor("m", htype="segment_mask", sample_compression="png")
    ds.m.append(mask.astype(np.uint8))
    ds.m.append(mask)
    assert ds.m.dtype == np.uint8
    np.testing.assert_array_equal(ds.m.numpy(), [mask, mask])


# --------------------------------------------------------------------------- bytes
@pytest.mark.parametrize("chunked", [False, True], ids=["sample", "chunk"])
@pytest.mark.parametrize("name", BYTES)
def test_bytes_of_any_htype(url: str, name: str, chunked: bool) -> None:
    compression = {f"{'chunk' if chunked else 'sample'}_compression": name}
    array = np.arange(6000).reshape(20, 300) // 100
    ds = deeplake.empty(url)
    with ds:
        ds.create_tensor("x", **compression).extend(array)
        ds.create_tensor("r", **compression).extend([array[:i, :3] for i in range(1, 20)])
        ds.create_tensor("labels", htype="class_label", **compression).extend(["a", "b"] * 10)
        ds.create_tensor("t", htype="text", **compression).extend(["text " * i for i in range(20)])
        ds.create_tensor("j", htype="json", **compression).extend([{"k": i} for i in range(20)])
        ds.create_tensor("l", htype="list", **compression).extend([[1, "a"], [], None])
        ds.create_tensor("p", htype="polygon", **compression).append([np.ones((4, 2))])
        ds.create_tensor("n", **compression).extend([None, np.zeros((2, 0)), np.ones((1, 1))])
    for found in (ds, deeplake.load(url)):
        np.testing.assert_array_equal(found.x.numpy(), array)
        np.testing.assert_array_equal(found.x[7].numpy(), array[7])
        np.testing.assert_array_equal(found.x[[3, 19, 3], 5:7].numpy(), array[[3, 19, 3], 5:7])
        np.testing.assert_array_equal(found.r[11].numpy(), array[:12, :3])
        assert found.labels.numpy().ravel().tolist() == [0, 1] * 10
        assert found.t.text() == ["text " * i for i in range(20)]
        assert found.j[9].dict() == {"k": 9}
        assert found.l.list() == [[1, "a"], [], []]
        np.testing.assert_array_equal(found.p[0].numpy()[0], np.ones((4, 2)))
        assert [a.shape for a in found.n.numpy(aslist=True)] == [(0, 0), (2, 0), (1, 1)]
    if chunked:
        assert ds.x[3].tobytes() == array[3].tobytes()
    else:
        assert len(ds.x[3].tobytes()) < array[3].nbytes
    ds.x[3] = array[4]
    np.testing.assert_array_equal(deeplake.load(url).x[3].numpy(), array[4])


def test_compression_makes_it_smaller(tmp_path: Path) -> None:
    sizes = {}
    for name in (None, "lz4", "zstd"):
        ds = deeplake.empty(tmp_path / str(name))
        ds.create_tensor("x", chunk_compression=name).extend(np.arange(100_000) // 1000)
        sizes[name] = ds.size_approx()
    assert sizes[None] > 800_000
    assert sizes["lz4"] < 100_000
    assert sizes["zstd"] < 100_000


# --------------------------------------------------------------------------- names
def test_names() -> None:
    names = deeplake.compressions
    assert names[-1] is None
    assert names[:-1] == sorted(names[:-1])
    assert {"lz4", "zstd", "zlib", "jpeg", "jpg", "png", "webp", "bmp", "tiff", "gif"} <= set(names)


def test_names_that_do_not_exist(ds: Dataset) -> None:
    for which in ("sample_compression", "chunk_compression"):
        with pytest.raises(UnsupportedCompressionError, match=f"'x', {which}='jgep'.*jpeg"):
            ds.create_tensor("x", **{which: "jgep"})
