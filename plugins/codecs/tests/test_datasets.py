"""Datasets of files of each kind: what goes in byte for byte, and what comes out."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path
from typing import Any

import av
import laspy
import nibabel
import numpy as np
import pytest
import soundfile
from plyfile import PlyData, PlyElement
from pydicom.data import get_testdata_file

import deeplake
from deeplake.errors import (
    CorruptedSampleError,
    SampleAppendError,
    SampleHtypeMismatchError,
    TensorMetaMissingRequiredValue,
)


def film(format: str = "mp4", frames: int = 30) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=format) as output:
        stream: Any = output.add_stream("libx264", rate=25, options={"g": "10", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for number in range(frames):
            picture = np.full((24, 32, 3), 8 * number, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()


def sound(format: str = "WAV", samples: int = 500) -> bytes:
    file = io.BytesIO()
    values = np.sin(np.arange(samples)[:, None] / [7, 9]).astype(np.float32) / 2
    soundfile.write(file, values, 8000, format=format)
    return file.getvalue()


def scan() -> bytes:
    path = get_testdata_file("MR_small.dcm", download=False)
    assert isinstance(path, str)
    return Path(path).read_bytes()


def volume() -> bytes:
    data: bytes = nibabel.Nifti1Image(
        np.arange(60, dtype="i2").reshape(3, 4, 5), np.eye(4)
    ).to_bytes()
    return data


def cloud(points: int = 40) -> bytes:
    las = laspy.LasData(laspy.LasHeader(point_format=2, version="1.2"))
    las.X = las.Y = las.Z = np.arange(points)
    las.intensity = np.arange(points) * 2
    file = io.BytesIO()
    las.write(file)
    return file.getvalue()


def ply() -> bytes:
    vertices = np.zeros(4, [(axis, "f4") for axis in "xyz"])
    vertices["x"] = range(4)
    faces = np.array([([0, 1, 2],), ([1, 2, 3],)], [("vertex_indices", "i4", (3,))])
    file = io.BytesIO()
    PlyData([PlyElement.describe(vertices, "vertex"), PlyElement.describe(faces, "face")]).write(
        file
    )
    return file.getvalue()


def stl() -> bytes:
    triangle = struct.pack("<12fH", 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0)
    return bytes(80) + struct.pack("<I", 2) + 2 * triangle


KINDS: dict[str, tuple[str, bytes, tuple[int, ...], str]] = {
    "mp4": ("video", film(), (30, 24, 32, 3), "uint8"),
    "mkv": ("video", film("matroska"), (30, 24, 32, 3), "uint8"),
    "avi": ("video", film("avi"), (30, 24, 32, 3), "uint8"),
    "wav": ("audio", sound(), (500, 2), "float32"),
    "flac": ("audio", sound("FLAC"), (500, 2), "float32"),
    "mp3": ("audio", sound("MP3"), (500, 2), "float32"),
    "dcm": ("dicom", scan(), (64, 64), "int16"),
    "nii": ("nifti", volume(), (3, 4, 5), "int16"),
    "nii.gz": ("nifti", gzip.compress(volume()), (3, 4, 5), "int16"),
    "las": ("point_cloud", cloud(), (40, 3), "float32"),
    "ply": ("mesh", ply(), (4, 3), "float32"),
    "stl": ("mesh", stl(), (6, 3), "float32"),
}


def stored(tmp_path: Path, name: str, ds: Any = None) -> tuple[Any, Path]:
    """A tensor with one file of a format, and the file."""
    htype, data, _, _ = KINDS[name]
    path = tmp_path / f"file.{name}"
    path.write_bytes(data)
    ds = deeplake.empty(tmp_path / "ds") if ds is None else ds
    tensor = ds.create_tensor("t", htype=htype, sample_compression=name)
    tensor.append(deeplake.read(path))
    return tensor, path


@pytest.mark.parametrize("name", KINDS)
def test_a_file_is_stored_byte_for_byte(name: str, tmp_path: Path) -> None:
    _, data, shape, dtype = KINDS[name]
    tensor, path = stored(tmp_path, name)
    sample = deeplake.read(path)
    assert sample.compression == name
    assert sample.shape == shape
    assert sample.meta["filename"] == str(path)
    assert sample.meta["format"] == name
    assert sample.meta["shape"] == list(shape)
    tensor = deeplake.load(tmp_path / "ds").t
    assert tensor[0].tobytes() == data
    assert tensor.shape == (1, *shape)
    assert tensor[0].numpy().shape == shape
    assert tensor.numpy().dtype == tensor.dtype == np.dtype(dtype)
    assert np.array_equal(tensor[0].numpy(), sample.array)
    info = tensor[0].sample_info
    assert info["modified"] is False
    assert info["format"] == name
    assert tensor.sample_info == [info]


@pytest.mark.parametrize("name", KINDS)
def test_arrays_are_not_made_files(name: str, tmp_path: Path) -> None:
    tensor, _ = stored(tmp_path, name)
    before = tensor[0].tobytes()
    shape, dtype = KINDS[name][2:]
    with pytest.raises(SampleAppendError, match="row 1") as caught:
        tensor.append(np.zeros(shape, dtype))
    assert isinstance(caught.value.__cause__, NotImplementedError)
    assert len(tensor) == 1
    assert tensor[0].tobytes() == before


@pytest.mark.parametrize("name", KINDS)
def test_files_of_another_kind_are_refused(name: str, tmp_path: Path) -> None:
    tensor, _ = stored(tmp_path, name)
    other = tmp_path / "other"
    other.write_bytes(KINDS["stl" if KINDS[name][0] != "mesh" else "wav"][1])
    file = deeplake.read(other, compression="stl" if KINDS[name][0] != "mesh" else "wav")
    with pytest.raises(SampleAppendError) as caught:
        tensor.append(file)
    assert isinstance(caught.value.__cause__, SampleHtypeMismatchError)
    assert len(tensor) == 1


@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_are_refused_by_path_and_row(name: str, tmp_path: Path) -> None:
    tensor, path = stored(tmp_path, name)
    path.write_bytes(KINDS[name][1][:100])
    with pytest.raises(SampleAppendError, match=r"row 1.*file\.") as caught:
        tensor.append(deeplake.read(path))
    assert isinstance(caught.value.__cause__, CorruptedSampleError)
    assert len(tensor) == 1


@pytest.mark.parametrize("htype", ["video", "audio", "point_cloud", "nifti", "mesh"])
def test_a_compression_is_asked_for(htype: str) -> None:
    ds = deeplake.empty("mem://asked")
    with pytest.raises(TensorMetaMissingRequiredValue):
        ds.create_tensor("t", htype=htype)


def test_dicom_needs_no_compression_named() -> None:
    ds = deeplake.empty("mem://dicom")
    assert ds.create_tensor("t", htype="dicom").sample_compression == "dcm"


def test_parts_of_films_and_sounds(tmp_path: Path) -> None:
    for name in ("mp4", "mkv", "avi", "wav", "flac", "mp3", "las"):
        tensor, path = stored(tmp_path, name, deeplake.empty("mem://parts"))
        whole = deeplake.read(path).array
        for key in (
            *(slice(10, 20), 7, -1, slice(None, None, -3), slice(40, 60), slice(5, 5)),
            *([3, 1, 1], (slice(2, 5), 1), (4, slice(1, 2)), (Ellipsis, 0)),
        ):
            got = (
                tensor[0][key].numpy() if not isinstance(key, tuple) else tensor[(0, *key)].numpy()
            )
            assert np.array_equal(got, whole[key]), (name, key)
        assert np.array_equal(tensor[0, 3:6].numpy(), whole[3:6])
        assert np.array_equal(tensor[:, 3:6].numpy(), whole[None, 3:6])


def test_video(tmp_path: Path) -> None:
    tensor, _ = stored(tmp_path, "mp4")
    assert np.allclose(tensor[0].timestamps, np.arange(30) / 25)
    assert np.allclose(tensor[0, 10:20].timestamps, np.arange(10, 20) / 25)
    data = tensor[0, 10:20].data()
    assert set(data) == {"frames", "timestamps", "sample_info"}
    assert data["frames"].shape == (10, 24, 32, 3)
    assert np.allclose(data["timestamps"], np.arange(10, 20) / 25)
    assert data["sample_info"]["fps"] == 25
    assert data["sample_info"]["duration"] == pytest.approx(1.2)
    tensor.append(deeplake.read(tmp_path / "file.mp4"))
    both = tensor.data()
    assert both["frames"].shape == (2, 30, 24, 32, 3)
    assert both["timestamps"].shape == (2, 30)
    assert len(both["sample_info"]) == 2
    with pytest.raises(ValueError, match="one video"):
        _ = tensor.timestamps


def test_frames_without_a_file_are_a_second_apart() -> None:
    ds = deeplake.empty("mem://frames")
    tensor = ds.create_tensor("t", htype="video", sample_compression=None)
    frames = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3)).astype(np.uint8)
    tensor.append(frames)
    assert np.array_equal(tensor[0].numpy(), frames)
    assert tensor[0].timestamps.tolist() == [0, 1, 2, 3, 4]
    assert set(tensor[0].data()) == {"frames", "timestamps", "sample_info"}


def test_audio(tmp_path: Path) -> None:
    tensor, _ = stored(tmp_path, "wav")
    data = tensor[0].data()
    assert data["value"].shape == (500, 2)
    info = tensor[0].sample_info
    assert (info["sample_rate"], info["num_samples"], info["sample_format"]) == (8000, 500, "s16")
    assert info["duration"] == 0.0625


def test_point_cloud(tmp_path: Path) -> None:
    tensor, _ = stored(tmp_path, "las")
    expected = laspy.read(io.BytesIO(cloud()))
    data = tensor[0].data()
    assert list(data) == list(expected.point_format.dimension_names)
    assert data["intensity"].dtype == np.uint16
    assert np.array_equal(data["intensity"], np.arange(40) * 2)
    assert np.array_equal(tensor[0, 5:9].data()["intensity"], [10, 12, 14, 16])
    assert np.array_equal(tensor[0].numpy()[:, 0], np.arange(40))
    assert tensor[0].sample_info["las_header"]["point_count"] == 40


def test_meshes(tmp_path: Path) -> None:
    tensor, _ = stored(tmp_path, "ply")
    data = tensor[0].data()
    assert set(data) == {"vertex_x", "vertex_y", "vertex_z", "face_vertex_indices"}
    assert data["face_vertex_indices"].tolist() == [[0, 1, 2], [1, 2, 3]]
    tensor, _ = stored(tmp_path, "stl", deeplake.empty("mem://stl"))
    data = tensor[0].data()
    assert set(data) == {"vertices", "centroids", "normals", "sample_info"}
    assert data["normals"].tolist() == [[0, 0, 1], [0, 0, 1]]


def test_scans_and_volumes(tmp_path: Path) -> None:
    tensor, _ = stored(tmp_path, "dcm")
    data = tensor[0].data()
    assert set(data) == {"value", "sample_info"}
    assert data["sample_info"]["Modality"] == "MR"
    tensor, _ = stored(tmp_path, "nii.gz", deeplake.empty("mem://nii"))
    assert tensor[0].sample_info["affine"] == np.eye(4).tolist()
    assert tensor[0].sample_info["zooms"] == [1, 1, 1]


def test_links_have_times_and_dimensions_too(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(film())
    ds = deeplake.empty("mem://links")
    tensor = ds.create_tensor("t", htype="link[video]", sample_compression="mp4")
    tensor.append(deeplake.link(str(path)))
    assert np.allclose(tensor[0].timestamps, np.arange(30) / 25)
    assert tensor[0].numpy().shape == (30, 24, 32, 3)


def test_films_of_a_sequence() -> None:
    ds = deeplake.empty("mem://sequence")
    tensor = ds.create_tensor("t", htype="sequence[audio]", sample_compression="wav")
    files = [_read(sound(samples=n)) for n in (300, 400)]
    tensor.append(files)
    assert [value.shape for value in tensor[0].numpy(aslist=True)] == [(300, 2), (400, 2)]


def _read(data: bytes) -> Any:
    from deeplake.dataset.sample import Sample

    return Sample(buffer=data, compression="wav")


# ---------------------------------------------------------------------------- in sequences
def test_sequences_of_videos(monkeypatch: pytest.MonkeyPatch) -> None:
    films = [film(frames=30), film(frames=12)]
    ds = deeplake.empty("mem://films")
    t = ds.create_tensor("t", htype="sequence[video]", sample_compression="mp4")
    t.append([deeplake.read(data) for data in films])
    t.append([deeplake.read(films[1]), None])
    assert t.shape == (2, 2, None, None, None, None)
    assert t[0].shape == (2, None, 24, 32, 3)
    assert t[0].tobytes() == films
    whole = t[0, 0].numpy()
    assert whole.shape == (30, 24, 32, 3)
    data = t[0, 1].data()
    assert data["frames"].shape == (12, 24, 32, 3)
    assert data["timestamps"].tolist() == [n / 25 for n in range(12)]
    assert [len(times) for times in t[0].data()["timestamps"]] == [30, 12]
    assert [info["num_frames"] for info in t[0].sample_info] == [30, 12]
    assert t[0, 0, 5:7].timestamps.tolist() == [5 / 25, 6 / 25]
    with pytest.raises(ValueError, match="its item"):
        t[0].timestamps
    from deeplake_codecs import video

    monkeypatch.setattr(video.Mp4, "decode", lambda *_, **__: pytest.fail("decoded as a whole"))
    assert np.array_equal(t[0, 0, 21:24].numpy(), whole[21:24])
    assert np.array_equal(t[0, 0, 25, ::2].numpy(), whole[25, ::2])
    assert t[:, 0, 2].numpy().shape == (2, 24, 32, 3)


@pytest.mark.parametrize("name", KINDS)
def test_sequences_of_files(name: str) -> None:
    htype, data, shape, dtype = KINDS[name]
    ds = deeplake.empty("mem://others")
    plain = ds.create_tensor("plain", htype=htype, sample_compression=name)
    plain.append(deeplake.read(data))
    t = ds.create_tensor("t", htype=f"sequence[{htype}]", sample_compression=name)
    t.extend([[deeplake.read(data), None], [deeplake.read(data)] * 2, []])
    assert (t.dtype, t[1].shape) == (np.dtype(dtype), (2, *shape))
    assert t[0].tobytes() == [data, b""]
    assert t[1, 1].tobytes() == data
    assert np.array_equal(t[1].numpy(), np.stack([plain[0].numpy()] * 2))
    assert np.array_equal(t[0, 0, 1:3].numpy(), plain[0, 1:3].numpy())
    assert t[0, 0].sample_info == plain[0].sample_info
    wanted, found, both = plain[0].data(), t[0, 0].data(), t[1].data()
    assert list(found) == list(wanted)
    for key, value in wanted.items():
        if isinstance(value, np.ndarray):
            assert np.array_equal(found[key], value)
            assert np.array_equal(both[key][1], value)
        else:
            assert found[key] == value
            assert both[key] == [value, value]
