"""``deeplake.read``, ``Sample`` and links, fact by fact (api.md, section 6)."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    BadLinkError,
    CorruptedSampleError,
    GetDataFromLinkError,
    InvalidPathException,
    MissingCredsError,
    SampleAppendError,
    SampleReadError,
    UnableToReadFromUrlError,
    UnsupportedCompressionError,
)

Media = Callable[[str], Path]


@pytest.fixture
def ds(tmp_path: Path) -> Dataset:
    return deeplake.empty(tmp_path / "ds")


KINDS = [
    ("photo.jpeg", "jpeg", (30, 40, 3), "uint8"), ("grey.jpeg", "jpeg", (30, 40), "uint8"),
    ("cmyk.jpeg", "jpeg", (30, 40, 4), "uint8"), ("photo.png", "png", (30, 40, 3), "uint8"),
    ("alpha.png", "png", (30, 40, 4), "uint8"), ("deep.png", "png", (30, 40), "uint16"),
    ("photo.tiff", "tiff", (30, 40, 3), "uint8"), ("photo.webp", "webp", (30, 40, 3), "uint8"),
    ("photo.gif", "gif", (30, 40, 3), "uint8"), ("photo.bmp", "bmp", (30, 40, 3), "uint8"),
    ("photo.jp2", "jpeg2000", (30, 40, 3), "uint8"), ("photo.ppm", "ppm", (30, 40, 3), "uint8"),
    ("bits.xbm", "xbm", (30, 40), "bool"), ("pair.mpo", "mpo", (30, 40, 3), "uint8"),
    ("film.mp4", "mp4", (30, 24, 32, 3), "uint8"), ("film.mkv", "mkv", (30, 24, 32, 3), "uint8"),
    ("film.avi", "avi", (30, 24, 32, 3), "uint8"), ("sound.wav", "wav", (500, 2), "float32"),
    ("sound.flac", "flac", (500, 2), "float32"), ("sound.mp3", "mp3", (500, 2), "float32"),
    ("scan.dcm", "dcm", (64, 64), "int16"), ("volume.nii", "nii", (3, 4, 5), "int16"),
    ("volume.nii.gz", "nii.gz", (3, 4, 5), "int16"), ("cloud.las", "las", (40, 3), "float32"),
    ("mesh.ply", "ply", (4, 3), "float32"), ("mesh.stl", "stl", (6, 3), "float32"),
]  # fmt: skip


# --------------------------------------------------------------------------- Sample
@pytest.mark.parametrize(
    ("name", "compression", "shape", "dtype"), KINDS, ids=[k[0] for k in KINDS]
)
def test_members(
    media: Media, name: str, compression: str, shape: tuple[int, ...], dtype: str
) -> None:
    path = media(name)
    sample = deeplake.read(path)
    assert sample.is_lazy
    assert sample.compression == compression
    assert (sample.shape, sample.dtype) == (shape, dtype)
    assert sample.is_lazy or sample.compression  # looking at the header decodes nothing
    assert not sample.is_empty
    assert bytes(sample.buffer) == path.read_bytes()
    assert bytes(sample.compressed_bytes(compression)) == path.read_bytes()
    assert sample.array.shape == shape
    assert np.array_equal(np.array(sample), sample.array)
    assert sample.uncompressed_bytes() == sample.array.tobytes()
    assert sample.meta["format"] == compression
    assert sample.meta["shape"] == list(shape)
    assert sample.meta["filename"] == str(path)


def test_where_the_compression_is_said_by_the_first_bytes(media: Media, tmp_path: Path) -> None:
    for name, compression in [("photo.png", "png"), ("photo.webp", "webp"), ("photo.tiff", "tiff")]:
        unnamed = tmp_path / "unnamed"
        unnamed.write_bytes(media(name).read_bytes())
        assert deeplake.read(unnamed).compression == compression
    wrong = tmp_path / "wrong.jpg"
    wrong.write_bytes(media("photo.png").read_bytes())
    assert deeplake.read(wrong).compression == "png"


@pytest.mark.parametrize(
    "name", ["sound.mp3", "sound.flac", "sound.wav", "film.mp4", "film.mkv", "film.avi", "scan.dcm",
             "cloud.las", "mesh.ply", "volume.nii", "volume.nii.gz", "mesh.stl"],
)  # fmt: skip
def test_where_it_is_said_by_the_extension(tmp_path: Path, name: str) -> None:
    missing = tmp_path / name
    assert deeplake.read(missing).compression == name.partition(".")[2]


def test_a_missing_file_is_missed_when_it_is_used(tmp_path: Path) -> None:
    sample = deeplake.read(tmp_path / "none.png")
    assert sample.is_lazy
    for use in (
        lambda: sample.array,
        lambda: sample.shape,
        lambda: sample.buffer,
        lambda: sample.meta,
    ):
        with pytest.raises(SampleReadError, match=r"none\.png"):
            use()
    with pytest.raises(SampleReadError, match=r"none\.png"):
        deeplake.read(tmp_path / "none.png", verify=True)


@pytest.mark.parametrize(
    "name", ["photo.jpeg", "photo.png", "photo.tiff", "photo.webp", "sound.flac", "film.mp4",
             "scan.dcm", "volume.nii.gz", "cloud.las", "mesh.ply"],
)  # fmt: skip
def test_verify_reads_at_once(media: Media, name: str) -> None:
    path = media(name)
    assert deeplake.read(path, verify=True).shape
    path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 3])
    with pytest.raises(CorruptedSampleError, match=name.replace(".", r"\.")):
        deeplake.read(path, verify=True)


def test_arrays_and_buffers() -> None:
    from deeplake.dataset.sample import Sample

    array = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    sample = Sample(array=array)
    assert (sample.shape, sample.dtype, sample.compression) == ((2, 4, 3), "uint8", None)
    again = Sample(buffer=sample.compressed_bytes("png"), compression="png")
    assert np.array_equal(again.array, array)
    assert isinstance(again.pil, Image.Image)
    assert np.array_equal(np.asarray(again.pil), array)
    assert Sample(array=np.zeros((0, 3))).is_empty


def test_equality(media: Media) -> None:
    path = media("photo.png")
    assert deeplake.read(path) == deeplake.read(path)
    assert deeplake.read(path.read_bytes()) == deeplake.read(path.read_bytes())
    assert deeplake.read(path) != deeplake.read(media("alpha.png"))


def test_what_samples_are_compressed_as(media: Media) -> None:
    sample = deeplake.read(media("photo.png"))
    assert sample.compressed_bytes(None) == sample.uncompressed_bytes() == sample.array.tobytes()
    packed = bytes(sample.compressed_bytes("zlib"))
    assert zlib.decompress(packed) == sample.array.tobytes()
    assert bytes(sample.compressed_bytes("jpg"))[:2] == b"\xff\xd8"
    with pytest.raises(UnsupportedCompressionError, match="'nothing'"):
        sample.compressed_bytes("nothing")
    with pytest.raises(UnsupportedCompressionError, match="'nothing'"):
        deeplake.read(media("photo.png"), compression="nothing").shape


@pytest.mark.parametrize("given", [5, None, [], {"a": 1}])
def test_what_is_no_path(given: object) -> None:
    with pytest.raises(InvalidPathException, match=type(given).__name__):
        deeplake.read(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [b"", b"x", b"no picture at all"])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp"])
def test_files_that_are_not_what_they_are_called(
    ds: Dataset, tmp_path: Path, name: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CorruptedSampleError, match=name):
        deeplake.read(tmp_path / name, verify=True)
    x = ds.create_tensor("x", htype="image", sample_compression="png")
    with pytest.raises(SampleAppendError, match=f"tensor 'x', row 0.*{name}") as caught:
        x.append(deeplake.read(tmp_path / name))
    assert isinstance(caught.value.__cause__, CorruptedSampleError)


def test_unknown_files(tmp_path: Path) -> None:
    path = tmp_path / "file.unknown"
    path.write_bytes(b"nobody knows this")
    with pytest.raises(UnsupportedCompressionError, match=r"file\.unknown"):
        deeplake.read(path).shape


# --------------------------------------------------------------------------- meta, sample_info
def stored(ds: Dataset, path: Path, htype: str, compression: str | None) -> dict[str, object]:
    given = {} if compression is None else {"sample_compression": compression}
    ds.create_tensor("x", htype=htype, **given)
    ds.x.append(deeplake.read(path))
    info = deeplake.load(ds.path).x[0].sample_info
    assert info["modified"] is False
    return dict(info)


def test_exif(ds: Dataset, media: Media) -> None:
    path = media("exif.jpeg")
    assert deeplake.read(path).meta["exif"]["Make"] == "A camera"
    info = stored(ds, path, "image", "jpeg")
    assert info["format"] == "jpeg"
    assert info["shape"] == [30, 40, 3]
    assert info["exif"]["Make"] == "A camera"  # type: ignore[index]
    assert info["exif"]["Orientation"] == 6  # type: ignore[index]


def test_video(ds: Dataset, media: Media) -> None:
    info = stored(ds, media("film.mp4"), "video", "mp4")
    assert info["fps"] == 25
    assert info["duration"]
    assert info["timebase"]
    assert info["shape"] == [30, 24, 32, 3]


@pytest.mark.parametrize("name", ["wav", "flac", "mp3"])
def test_audio(ds: Dataset, media: Media, name: str) -> None:
    info = stored(ds, media(f"sound.{name}"), "audio", name)
    assert info["sample_rate"] == 8000
    assert info["num_samples"] == 500
    assert info["duration"] == pytest.approx(500 / 8000, abs=0.05)
    assert "sample_format" in info


def test_dicom(ds: Dataset, media: Media) -> None:
    info = stored(ds, media("scan.dcm"), "dicom", None)
    assert info["Modality"] == "MR"
    assert info["Rows"] == 64


def test_nifti(ds: Dataset, media: Media) -> None:
    info = stored(ds, media("volume.nii.gz"), "nifti", "nii.gz")
    assert np.allclose(np.asarray(info["affine"])[:3, :3], np.diag([2, 3, 4]))
    assert [round(float(zoom)) for zoom in info["zooms"]] == [2, 3, 4]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "htype"), [("cloud.las", "point_cloud"), ("mesh.ply", "mesh"), ("mesh.stl", "mesh")]
)
def test_points(ds: Dataset, media: Media, name: str, htype: str) -> None:
    compression = name.partition(".")[2]
    info = stored(ds, media(name), htype, compression)
    assert info["format"] == compression
    assert len(info) > 3, "headers are told"


# --------------------------------------------------------------------------- appended
def test_equal_compression_is_stored_untouched(ds: Dataset, media: Media) -> None:
    for name in ("photo.jpeg", "cmyk.jpeg", "exif.jpeg"):
        tensor = ds.create_tensor(name.partition(".")[0], htype="image", sample_compression="jpg")
        tensor.append(deeplake.read(media(name)))
        assert deeplake.load(ds.path)[tensor.key][0].tobytes() == media(name).read_bytes()


CROPS: list[Any] = [
    (slice(2, 9), slice(10, 30)), (slice(25, 30), slice(0, 40)), 3, (4, 5), (slice(5), 7), (-1, -1),
    (slice(0, 10), slice(3, 4), 1), (slice(3, 20), slice(None), [2, 0]), (..., 0), (slice(4, 4),),
    (slice(20, 2, -3), slice(5, 9)), ([3, 1], slice(2)), (slice(0, 30), slice(0, 40)), (0, 0, 0),
    (slice(1, 2), None, slice(3)), (slice(0, 12), slice(2, 30, 2)),
]  # fmt: skip


@pytest.mark.parametrize("crop", CROPS, ids=repr)
@pytest.mark.parametrize(
    "name", ["photo.jpeg", "photo.png", "photo.webp", "cmyk.jpeg", "exif.jpeg"]
)
def test_parts_of_pictures_are_those_of_the_whole(
    ds: Dataset, media: Media, name: str, crop: Any
) -> None:
    compression = deeplake.read(media(name)).compression
    x = ds.create_tensor("x", htype="image", sample_compression=compression)
    x.append(deeplake.read(media(name)))
    parts = crop if isinstance(crop, tuple) else (crop,)
    wanted = deeplake.read(media(name)).array[parts]
    assert x[(0, *parts)].shape == wanted.shape
    assert np.array_equal(x[(0, *parts)].numpy(), wanted)
    assert np.array_equal(x[0][parts].numpy(), wanted)
    assert np.array_equal(x[(slice(None), *parts)].numpy()[0], wanted)


@pytest.mark.parametrize("name", ["photo.jpeg", "photo.png", "photo.webp"])
def test_lists_of_channels_act_for_themselves(ds: Dataset, media: Media, name: str) -> None:
    picture = deeplake.read(media(name))
    whole = picture.array
    x = ds.create_tensor("x", htype="image", sample_compression=picture.compression)
    x.extend([picture, picture])
    for channels in ([2, 0], [1], np.array([True, False, True])):
        row, column = whole[4][:, channels], whole[:, 5][:, channels]
        assert np.array_equal(x[0, 4, :, channels].numpy(), row)
        assert np.array_equal(x[:, -len(whole) + 4, :, channels].numpy(), np.stack([row, row]))
        assert np.array_equal(x[1, :, 5, channels].numpy(), column)
        assert np.array_equal(x[[1, 0], :, 5, channels].numpy(), np.stack([column, column]))
        assert np.array_equal(x[0, 4, 3:9, channels].numpy(), row[3:9])
        assert np.array_equal(x[0, 4, 5, channels].numpy(), whole[4, 5][channels])


def test_other_images_are_recompressed(ds: Dataset, media: Media) -> None:
    ds.create_tensor("x", htype="image", sample_compression="png")
    names = ["photo.jpeg", "photo.bmp", "photo.webp", "photo.tiff", "photo.gif", "photo.ppm"]
    for row, name in enumerate(names):
        ds.x.append(deeplake.read(media(name)))
        assert np.array_equal(ds.x[row].numpy(), deeplake.read(media(name)).array)
        assert ds.x[row].tobytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("htype", "compression", "name"),
    [("audio", "wav", "sound.mp3"), ("video", "mp4", "film.mkv"), ("point_cloud", "las", "mesh.ply"),
     ("mesh", "ply", "mesh.stl"), ("image", "jpeg", "film.mp4"), ("nifti", "nii", "volume.nii.gz")],
)  # fmt: skip
def test_other_kinds_are_errors(
    ds: Dataset, media: Media, htype: str, compression: str, name: str
) -> None:
    ds.create_tensor("x", htype=htype, sample_compression=compression)
    with pytest.raises(SampleAppendError, match="tensor 'x', row 0"):
        ds.x.append(deeplake.read(media(name)))
    assert len(ds.x) == 0


def test_everything_that_is_a_sample(ds: Dataset, media: Media) -> None:
    image = np.full((30, 40, 3), 7, np.uint8)
    ds.create_tensor("x", htype="image", sample_compression="png")
    ds.create_tensor("other", htype="image", sample_compression="png").append(image)
    given = [image, Image.fromarray(image), torch.from_numpy(image), image.tolist(),
             deeplake.read(media("photo.png")), ds.other[0], None]  # fmt: skip
    for sample in given:
        ds.x.append(sample)
    ds.x.extend(given)
    for row in (0, 1, 2, 3, 5, 7, 8, 9, 10, 12):
        assert np.array_equal(ds.x[row].numpy(), image), row
    assert ds.x[6].numpy().shape == ds.x[13].numpy().shape == (0, 0, 0)
    ds.create_tensor("n")
    for number in (1, np.int16(2), True, torch.tensor(3), [4]):
        ds.n.append(number)
    assert ds.n.numpy().tolist() == [[1], [2], [1], [3], [4]]


def test_damaged_and_missing_files(ds: Dataset, media: Media, tmp_path: Path) -> None:
    ds.create_tensor("x", htype="image", sample_compression="jpeg")
    ds.x.append(deeplake.read(media("photo.jpeg")))
    broken = tmp_path / "broken.jpeg"
    broken.write_bytes(media("photo.jpeg").read_bytes()[:20])
    for path, cause in ((broken, CorruptedSampleError), (tmp_path / "no.jpeg", SampleReadError)):
        with pytest.raises(SampleAppendError, match=rf"tensor 'x', row 1.*{path.name}") as caught:
            ds.x.append(deeplake.read(path))
        assert isinstance(caught.value.__cause__, cause)
    assert len(deeplake.load(ds.path).x) == 1
    assert ds.x[0].tobytes() == media("photo.jpeg").read_bytes()


# --------------------------------------------------------------------------- over the web
@pytest.fixture
def web(media: Media) -> Iterator[str]:
    """A server of one photograph, which wants to know who asks."""
    data = media("photo.jpeg").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == "Bearer me"
            found = self.path.startswith("/photo")
            self.send_response(401 if not known else 200 if found else 404)
            self.send_header("Content-Length", str(len(data) if known and found else 0))
            self.end_headers()
            if known and found:
                self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_http(web: str, media: Media) -> None:
    creds = {"Authorization": "Bearer me"}
    sample = deeplake.read(f"{web}/photo.jpg", creds=creds, verify=True)
    assert bytes(sample.buffer) == media("photo.jpeg").read_bytes()
    with pytest.raises(UnableToReadFromUrlError, match="404"):
        deeplake.read(f"{web}/none.jpg", creds=creds, verify=True)
    with pytest.raises(UnableToReadFromUrlError, match="401"):
        deeplake.read(f"{web}/photo.jpg", verify=True)


# --------------------------------------------------------------------------- links
def test_links_only(ds: Dataset, media: Media) -> None:
    ds.create_tensor("x", htype="link[image]")
    for sample in (deeplake.read(media("photo.png")), np.zeros((2, 2, 3), np.uint8), "photo.png"):
        with pytest.raises(SampleAppendError, match="tensor 'x', row 0") as caught:
            ds.x.append(sample)
        assert isinstance(caught.value.__cause__, TypeError)


def test_links_are_opened_when_appended(ds: Dataset, media: Media, tmp_path: Path) -> None:
    ds.create_tensor("x", htype="link[image]")
    with pytest.raises(SampleAppendError, match="tensor 'x', row 0") as caught:
        ds.x.append(deeplake.link(str(tmp_path / "none.png")))
    assert isinstance(caught.value.__cause__, BadLinkError)
    ds.x.append(deeplake.link(media("photo.png")))
    assert ds.x[0].path() == np.array([str(media("photo.png"))])
    assert np.array_equal(ds.x[0].numpy(), deeplake.read(media("photo.png")).array)
    media("photo.png").unlink()
    with pytest.raises((GetDataFromLinkError, SampleReadError), match="tensor 'x', row 0"):
        ds.x[0].numpy()


def test_links_that_nobody_verifies(ds: Dataset, tmp_path: Path) -> None:
    ds.create_tensor("x", htype="link[image]", verify=False)
    ds.x.append(deeplake.link(str(tmp_path / "none.png")))
    with pytest.raises((GetDataFromLinkError, SampleReadError), match="tensor 'x', row 0"):
        ds.x[0].numpy()
    ds.x.append(None)
    assert ds.x[1].numpy().size == 0


def test_credentials(ds: Dataset) -> None:
    ds.create_tensor("x", htype="link[image]", verify=False)
    with pytest.raises(SampleAppendError) as caught:
        ds.x.append(deeplake.link("s3://bucket/a.png"))
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(SampleAppendError) as caught:
        ds.x.append(deeplake.link("s3://bucket/a.png", creds_key="unknown"))
    assert isinstance(caught.value.__cause__, MissingCredsError)
    ds.add_creds_key("mine")
    with pytest.raises(ValueError, match="mine"):
        ds.add_creds_key("mine")
    with pytest.raises(SampleAppendError) as caught:
        ds.x.append(deeplake.link("s3://bucket/a.png", creds_key="mine"))
    assert isinstance(caught.value.__cause__, ValueError)
    ds.populate_creds("mine", {"aws_access_key_id": "a", "aws_secret_access_key": "b"})
    ds.x.append(deeplake.link("s3://bucket/a.png", creds_key="mine"))
    ds.x.append(deeplake.link("s3://bucket/a.png", creds_key="ENV"))
    assert [ds.x[row].creds_key() for row in range(2)] == ["mine", "ENV"]
    again = deeplake.load(ds.path)
    assert again.get_creds_keys() == {"mine"}
    with pytest.raises(MissingCredsError, match="tensor 'x', row 0"):
        again.x[0].numpy()
    with pytest.raises(KeyError):
        again.update_creds_key("unknown", "other")


def test_links_to_the_web(ds: Dataset, web: str, media: Media) -> None:
    ds.create_tensor("x", htype="link[image]")
    ds.add_creds_key("web")
    ds.populate_creds("web", {"Authorization": "Bearer me"})
    ds.x.append(deeplake.link(f"{web}/photo.jpg", creds_key="web"))
    assert np.array_equal(ds.x[0].numpy(), deeplake.read(media("photo.jpeg")).array)
    with pytest.raises(SampleAppendError) as caught:
        ds.x.append(deeplake.link(f"{web}/none.jpg", creds_key="web"))
    assert isinstance(caught.value.__cause__, BadLinkError)
    assert isinstance(caught.value.__cause__.__cause__, UnableToReadFromUrlError)


def test_a_grid_of_links(ds: Dataset, media: Media) -> None:
    paths = np.array([[media("photo.png")] * 3] * 2)
    ds.create_tensor("x", htype="link[image]")
    ds.x.append(deeplake.link_tiled(paths))
    assert ds.x[0].shape == (60, 120, 3)
    expected = np.tile(deeplake.read(media("photo.png")).array, (2, 3, 1))
    assert np.array_equal(ds.x[0].numpy(), expected)
    assert np.array_equal(ds.x[0, 25:35, 35:45].numpy(), expected[25:35, 35:45])


@pytest.mark.parametrize("htype", ["video", "audio", "dicom", "nifti", "point_cloud", "mesh"])
def test_media_can_be_linked(ds: Dataset, media: Media, htype: str) -> None:
    name = {"video": "film.mp4", "audio": "sound.flac", "dicom": "scan.dcm", "nifti": "volume.nii",
            "point_cloud": "cloud.las", "mesh": "mesh.ply"}[htype]  # fmt: skip
    ds.create_tensor("x", htype=f"link[{htype}]")
    ds.x.append(deeplake.link(media(name)))
    assert np.array_equal(ds.x[0].numpy(), deeplake.read(media(name)).array)
    assert np.array_equal(ds.x[0, 1:3].numpy(), deeplake.read(media(name)).array[1:3])
