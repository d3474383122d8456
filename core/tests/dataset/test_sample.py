"""``deeplake.read`` and samples (api.md, sections 2 and 6)."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import Dataset
from deeplake.dataset.sample import Sample
from deeplake.errors import (
    CorruptedSampleError,
    SampleAppendError,
    SampleReadError,
    UnsupportedCompressionError,
)


@pytest.fixture
def png(tmp_path: Path, picture: Any) -> Path:
    """A PNG file."""
    path = tmp_path / "picture.png"
    path.write_bytes(picture("png"))
    return path


# --------------------------------------------------------------------------- where it comes from
def test_paths(png: Path, gradient: Any) -> None:
    for path in (png, str(png), f"file://{png}"):
        sample = deeplake.read(path)
        assert isinstance(sample, Sample)
        assert sample.path == str(path)
        np.testing.assert_array_equal(sample.array, gradient(20, 30))


def test_home_directory(png: Path, gradient: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(png.parent))
    np.testing.assert_array_equal(deeplake.read("~/picture.png").array, gradient(20, 30))


def test_bytes(png: Path, gradient: Any) -> None:
    for buffer in (png.read_bytes(), bytearray(png.read_bytes()), memoryview(png.read_bytes())):
        sample = deeplake.read(buffer)
        assert sample.path is None
        assert sample.compression == "png"
        np.testing.assert_array_equal(sample.array, gradient(20, 30))


def test_storage(picture: Any) -> None:
    store = deeplake.plugins.get("storage", "mem").create("mem://files")
    store.put("a/b.png", picture("png"))
    assert deeplake.read("a/b.png", storage=store).shape == (20, 30, 3)
    with pytest.raises(SampleReadError, match=r"a/nothing\.png"):
        deeplake.read("a/nothing.png", storage=store).array


def test_reading_is_lazy(png: Path) -> None:
    sample = deeplake.read(png)
    assert sample.is_lazy
    png.unlink()
    with pytest.raises(SampleReadError, match=str(png)):
        sample.array
    with pytest.raises(SampleReadError, match=str(png)):
        sample.shape


def test_the_header_is_enough(png: Path) -> None:
    sample = deeplake.read(png)
    assert sample.shape == (20, 30, 3)
    assert sample.dtype == "uint8"
    assert not sample.is_unread
    assert sample.is_lazy


def test_a_file_that_was_decoded_is_still_a_file(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (9, 7), "red").save(path, exif=exif)
    lazy = deeplake.read(path)
    for sample in (deeplake.read(path), deeplake.read(path, verify=True)):
        assert sample.array.shape == (7, 9, 3)
        assert not sample.is_lazy
        assert sample.meta == lazy.meta
        assert sample.meta["exif"] == {"Make": "Maker"}
        assert bytes(sample.compressed_bytes("jpeg")) == path.read_bytes()
        assert bytes(sample.buffer) == path.read_bytes()


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "nothing.jpg"
    sample = deeplake.read(path)
    for use in (
        lambda: sample.array,
        lambda: sample.buffer,
        lambda: sample.meta,
        lambda: sample.compression,
        lambda: np.array(sample),
        lambda: deeplake.read(path, verify=True),
    ):
        with pytest.raises(SampleReadError, match=str(path)):
            use()


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(SampleReadError, match=str(tmp_path)):
        deeplake.read(tmp_path, verify=True)


def test_verify(png: Path, tmp_path: Path) -> None:
    assert not deeplake.read(png, verify=True).is_lazy
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(png.read_bytes()[:60])
    sample = deeplake.read(damaged)
    with pytest.raises(CorruptedSampleError, match=r"damaged\.png"):
        sample.array
    with pytest.raises((CorruptedSampleError, SampleReadError), match=r"damaged\.png"):
        deeplake.read(damaged, verify=True)


def test_errors_are_not_their_own_cause() -> None:
    for use in (lambda s: s.array, lambda s: s.shape):
        with pytest.raises(CorruptedSampleError) as caught:
            use(deeplake.read(b"\xff\xd8\xff damaged"))
        assert caught.value.__cause__ is not caught.value


def test_exactly_one_source() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Sample()
    with pytest.raises(ValueError, match="exactly one"):
        Sample(path="x", buffer=b"y")


# --------------------------------------------------------------------------- compression
@pytest.mark.parametrize(
    ("format", "name"),
    [
        ("jpeg", "jpeg"), ("png", "png"), ("webp", "webp"), ("bmp", "bmp"), ("tiff", "tiff"),
        ("gif", "gif"), ("ppm", "ppm"), ("jpeg2000", "jpeg2000"),
    ],
)  # fmt: skip
def test_compression_is_found_out_from_the_first_bytes(
    tmp_path: Path, picture: Any, format: str, name: str
) -> None:
    data = picture(format)
    assert deeplake.read(data).compression == name
    misnamed = tmp_path / "file.wrong"
    misnamed.write_bytes(data)
    assert deeplake.read(misnamed).compression == name
    lying = tmp_path / ("file.png" if format != "png" else "file.jpg")
    lying.write_bytes(data)
    assert deeplake.read(lying).compression == name


def test_files_that_nobody_knows(tmp_path: Path) -> None:
    path = tmp_path / "text.png"
    path.write_text("this is not an image")
    with pytest.raises(CorruptedSampleError, match=r"text\.png: .*a file of png.*this is"):
        deeplake.read(path).compression
    with pytest.raises(CorruptedSampleError, match=r"^[^:]*text\.png: it does not begin"):
        deeplake.read(path, verify=True)
    (tmp_path / "text.unknown").write_text("this is not an image")
    with pytest.raises(UnsupportedCompressionError, match=r"text\.unknown.*this is"):
        deeplake.read(tmp_path / "text.unknown").compression
    ds = deeplake.empty("mem://x")
    ds.create_tensor("i", htype="image", sample_compression="png")
    with pytest.raises(SampleAppendError, match=r"tensor 'i', row 0.*text\.png"):
        ds.i.append(deeplake.read(path))
    assert ds.i.num_samples == 0


def test_compression_that_is_given(png: Path) -> None:
    assert deeplake.read(png, compression="png").compression == "png"
    with pytest.raises(CorruptedSampleError, match=r"picture\.png"):
        deeplake.read(png, compression="jpeg").array


# --------------------------------------------------------------------------- what it tells
def test_meta(tmp_path: Path, gradient: Any) -> None:
    path = tmp_path / "exif.jpg"
    exif = Image.Exif()
    exif[0x010F] = "Camera maker"
    exif[0x0112] = 1
    Image.fromarray(gradient(20, 30)).save(path, exif=exif)
    meta = deeplake.read(path).meta
    assert meta["format"] == "jpeg"
    assert meta["shape"] == [20, 30, 3]
    assert meta["filename"] == str(path)
    assert meta["exif"]["Make"] == "Camera maker"


def test_meta_without_exif(png: Path) -> None:
    meta = deeplake.read(png).meta
    assert (meta["format"], meta["shape"], meta["filename"]) == ("png", [20, 30, 3], str(png))
    assert meta["exif"] == {}
    assert "filename" not in deeplake.read(png.read_bytes()).meta


def test_arrays() -> None:
    array = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    sample = Sample(array=array)
    assert sample.compression is None
    assert sample.shape == (2, 2, 3)
    assert sample.dtype == "uint8"
    assert not sample.is_lazy
    assert not sample.is_empty
    assert Sample(array=np.zeros((0, 2))).is_empty
    assert sample.uncompressed_bytes() == array.tobytes()
    decoded = deeplake.read(sample.compressed_bytes("png"))
    np.testing.assert_array_equal(decoded.array, array)


def test_hints() -> None:
    sample = Sample(path="somewhere.png", shape=(1, 2), dtype="uint16")
    assert (sample.shape, sample.dtype) == ((1, 2), "uint16")
    assert sample.is_lazy


def test_compressed_bytes(png: Path) -> None:
    sample = deeplake.read(png)
    assert bytes(sample.compressed_bytes("png")) == png.read_bytes()
    assert deeplake.read(sample.compressed_bytes("jpeg")).compression == "jpeg"
    assert sample.compressed_bytes("jpg") == sample.compressed_bytes("jpeg")
    with pytest.raises(UnsupportedCompressionError):
        sample.compressed_bytes("nothing")


def test_pil(png: Path, gradient: Any) -> None:
    image = deeplake.read(png).pil
    assert isinstance(image, Image.Image)
    assert image.size == (30, 20)
    np.testing.assert_array_equal(np.asarray(image), gradient(20, 30))


def test_numpy(png: Path, gradient: Any) -> None:
    sample = deeplake.read(png)
    np.testing.assert_array_equal(np.array(sample), gradient(20, 30))
    assert np.asarray(sample, dtype=np.float32).dtype == np.float32
    array = np.array(sample)
    array[...] = 0
    assert sample.array.max() > 0


def test_equality(png: Path, tmp_path: Path, picture: Any) -> None:
    sample = deeplake.read(png)
    other = tmp_path / "other.png"
    other.write_bytes(png.read_bytes())
    assert sample == deeplake.read(png)
    assert sample == deeplake.read(other)
    assert sample == deeplake.read(png.read_bytes())
    assert sample != deeplake.read(picture("png", 5, 5))
    assert sample == Sample(array=np.array(sample))
    assert sample != Sample(array=np.zeros(3))
    assert sample != "a sample"
    assert Sample(path="/no/where") == Sample(path="/no/where")


def test_repr(png: Path) -> None:
    assert repr(deeplake.read(png)) == f"Sample(path={str(png)!r}, is_lazy=True)"
    assert repr(Sample(array=np.zeros((2, 3)))) == "Sample(shape=(2, 3), compression=None)"
    assert repr(deeplake.read(b"no image")) == "Sample(buffer of 8 bytes, compression=None)"


def test_pickle(png: Path) -> None:
    sample = deeplake.read(png)
    again = pickle.loads(pickle.dumps(sample))
    assert again == sample
    assert again.is_lazy


# --------------------------------------------------------------------------- into tensors
def test_append_files(ds: Dataset, png: Path, gradient: Any) -> None:
    ds.create_tensor("i", htype="image", sample_compression="png")
    ds.i.append(deeplake.read(png))
    ds.i.append(deeplake.read(png.read_bytes()))
    ds.i.extend([deeplake.read(png), gradient(20, 30)])
    ds.i[0] = deeplake.read(png)
    assert ds.i.shape == (4, 20, 30, 3)
    assert ds.i[2].tobytes() == png.read_bytes()
    assert ds.i[0].tobytes() == png.read_bytes()


def test_append_a_missing_file(ds: Dataset, tmp_path: Path) -> None:
    ds.create_tensor("i", htype="image", sample_compression="png")
    with pytest.raises(SampleAppendError, match=r"tensor 'i', row 0.*nothing\.png") as caught:
        ds.i.append(deeplake.read(tmp_path / "nothing.png"))
    assert isinstance(caught.value.__cause__, SampleReadError)


def test_append_a_damaged_file(ds: Dataset, png: Path) -> None:
    ds.create_tensor("i", htype="image", sample_compression="png")
    ds.create_tensor("j", htype="image", sample_compression="jpeg")
    for tensor, size in ((ds.i, 10), (ds.j, 60)):
        with pytest.raises(SampleAppendError, match=f"tensor '{tensor.key}', row 0") as caught:
            tensor.append(deeplake.read(png.read_bytes()[:size], compression="png"))
        assert isinstance(caught.value.__cause__, CorruptedSampleError)
        assert tensor.num_samples == 0


def test_a_file_that_is_damaged_where_its_end_is_told(ds: Dataset, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.tiff", tmp_path / "bad.tiff"
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(good)
    data = bytearray(good.read_bytes())
    entry = data.index(struct.pack("<HHI", 273, 4, 1))  # where its strips are
    data[entry : entry + 4] = struct.pack("<HH", 273, 11)  # as floating point numbers
    bad.write_bytes(data)
    tensor = ds.create_tensor("x", htype="image", sample_compression="tiff")
    tensor.append(deeplake.read(good))
    with pytest.raises(SampleAppendError, match=r"tensor 'x', row 1: .*bad\.tiff: .*tag 273"):
        tensor.append(deeplake.read(bad))
    with pytest.raises(CorruptedSampleError, match=r"bad\.tiff: .*tag 273"):
        deeplake.read(bad).check()
    assert len(tensor) == 1


def test_append_to_a_tensor_without_htype(ds: Dataset, png: Path, gradient: Any) -> None:
    ds.create_tensor("x").append(deeplake.read(png))
    assert ds.x.htype == "generic"
    np.testing.assert_array_equal(ds.x[0].numpy(), gradient(20, 30))


def test_in_json(ds: Dataset, png: Path) -> None:
    ds.create_tensor("j", htype="json").append({"image": deeplake.read(png), "n": [1]})
    found = ds.j[0].dict()
    assert found["n"] == [1]
    assert isinstance(found["image"], Sample)
    assert bytes(found["image"].buffer) == png.read_bytes()
