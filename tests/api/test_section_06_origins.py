"""``sample_info["filename"]``: where files were read from goes along with them (api.md, section 6)."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.dataset.sample import Sample

Media = Callable[[str], Path]

KINDS = [
    ("photo.jpeg", "image", "jpeg"), ("photo.png", "image", "png"), ("grey.jpeg", "image.gray", "jpeg"),
    ("film.mp4", "video", "mp4"), ("sound.flac", "audio", "flac"), ("sound.wav", "audio", "wav"),
    ("scan.dcm", "dicom", None), ("volume.nii.gz", "nifti", "nii.gz"),
    ("cloud.las", "point_cloud", "las"), ("mesh.ply", "mesh", "ply"),
]  # fmt: skip


@pytest.fixture(params=["mem", "file"])
def ds(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    return deeplake.empty("mem://origins" if request.param == "mem" else tmp_path / "ds")


def names(tensor: Any) -> list[str | None]:
    return [info.get("filename") for info in tensor.sample_info]


@pytest.fixture
def photos(media: Media, tmp_path: Path) -> list[str]:
    """Copies of one photograph, with names of several kinds."""
    data = media("photo.jpeg").read_bytes()
    paths = [tmp_path / name for name in ("a.jpeg", "b ü 猫.jpeg", "c.jpg", "d.jpeg")]
    for path in paths:
        path.write_bytes(data)
    return [str(path) for path in paths]


@pytest.fixture
def images(ds: Dataset, photos: list[str]) -> Dataset:
    with ds:
        ds.create_tensor("x", htype="image", sample_compression="jpeg")
        ds.x.extend([deeplake.read(path) for path in photos])
    return ds


@pytest.mark.parametrize(("name", "htype", "compression"), KINDS, ids=[k[0] for k in KINDS])
def test_every_kind_of_file(
    ds: Dataset, media: Media, name: str, htype: str, compression: str | None
) -> None:
    path = media(name)
    options = {} if compression is None else {"sample_compression": compression}
    with ds:
        ds.create_tensor("x", htype=htype, **options)
        ds.x.append(deeplake.read(path))
        ds.x.extend([deeplake.read(str(path)), None])
    assert [info.get("filename") for info in ds.x.sample_info] == [str(path), str(path), None]
    assert ds.x[0].sample_info["modified"] is False
    if compression is not None:
        assert ds.x[0].sample_info["format"] == compression


def test_large_films_are_named_too(ds: Dataset, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(-3000, 3000, (400_000, 2), dtype=np.int16)
    path = tmp_path / "long.wav"
    import soundfile

    soundfile.write(path, noise, 44_100)
    assert path.stat().st_size > 1 << 20
    with ds:
        ds.create_tensor("x", htype="audio", sample_compression="wav")
        ds.x.append(deeplake.read(path))
    assert names(ds.x) == [str(path)]
    other = deeplake.empty(tmp_path / "other")
    ds.copy(tmp_path / "copied", progressbar=False)
    assert names(deeplake.load(tmp_path / "copied").x) == [str(path)]
    with other:
        other.create_tensor_like("x", ds.x)
        other.x.extend(ds.x)
    assert names(other.x) == [str(path)]


def test_they_are_stored(images: Dataset, photos: list[str], tmp_path: Path) -> None:
    images.commit("photos")
    deeplake.deepcopy(images, tmp_path / "stored", progressbar=False)
    for stored in (deeplake.load(tmp_path / "stored"), deeplake.load(tmp_path / "stored")[1:]):
        assert names(stored.x) == photos[len(photos) - len(stored) :]
    assert images.x[0].data()["sample_info"]["filename"] == photos[0]
    assert names(images.x[[3, 0]]) == [photos[3], photos[0]]


def test_what_has_no_path_has_no_name(ds: Dataset, photos: list[str]) -> None:
    data = Path(photos[0]).read_bytes()
    with ds:
        ds.create_tensor("x", htype="image", sample_compression="jpeg")
        ds.x.append(deeplake.read(photos[1]))
        ds.x.append(deeplake.read(data))
        ds.x.append(Sample(buffer=data))
        ds.x.append(np.zeros((8, 8, 3), np.uint8))
        ds.x.append(None)
    assert names(ds.x) == [photos[1], None, None, None, None]
    assert all("filename" not in info for info in ds.x[1:].sample_info)


def test_recompressed_files_are_named(ds: Dataset, media: Media) -> None:
    path = str(media("photo.png"))
    with ds:
        ds.create_tensor("x", htype="image", sample_compression="jpeg")
        ds.create_tensor("y", htype="image", chunk_compression="png")
        for tensor in (ds.x, ds.y):
            tensor.append(deeplake.read(path))
    assert names(ds.x) == names(ds.y) == [path]
    assert ds.x[0].sample_info["format"] == "jpeg"


def test_updates(images: Dataset, photos: list[str]) -> None:
    images.x[0] = deeplake.read(photos[3])
    images.x[1] = np.zeros((30, 40, 3), np.uint8)
    images.x[2, :4] = 0
    images.x[2][4:6, :2] = 9
    assert names(images.x) == [photos[3], None, photos[2], photos[3]]
    assert [info["modified"] for info in images.x.sample_info] == [False, False, True, False]
    images.x.pop(0)
    assert names(images.x) == [None, photos[2], photos[3]]


def test_rows_that_move_take_them_along(images: Dataset, photos: list[str], tmp_path: Path) -> None:
    images.x[1] = deeplake.read(photos[0])
    images.commit("one")
    images.rechunk(progressbar=False)
    wanted = [photos[0], photos[0], photos[2], photos[3]]
    assert names(images.x) == wanted
    images[[2, 0]].copy(tmp_path / "view", progressbar=False)
    assert names(deeplake.load(tmp_path / "view").x) == [wanted[2], wanted[0]]
    other = deeplake.empty(tmp_path / "other")
    with other:
        other.create_tensor("x", htype="image", sample_compression="jpeg")
        other.x.extend(images.x[1:])
        other.append(images[0])
        other.x.append(images.x[3])
    assert names(other.x) == [*wanted[1:], wanted[0], wanted[3]]


def test_merges_keep_them(images: Dataset, photos: list[str]) -> None:
    images.commit("base")
    images.checkout("more", create=True)
    images.x.append(deeplake.read(photos[1]))
    images.x[0] = deeplake.read(photos[2])
    images.commit("more")
    images.checkout("main")
    images.x.append(deeplake.read(photos[0]))
    images.commit("mine")
    images.merge("more")
    assert sorted(map(str, names(images.x))) == sorted(
        [photos[2], photos[1], photos[2], photos[3], photos[0], photos[1]]
    )


def test_transforms_hand_them_on(images: Dataset, tmp_path: Path, photos: list[str]) -> None:
    @deeplake.compute
    def same(sample: Any, out: Any) -> None:
        out.x.append(sample.x)

    other = deeplake.empty(tmp_path / "made")
    other.create_tensor("x", htype="image", sample_compression="jpeg")
    same().eval(images, other, num_workers=2, progressbar=False)
    assert names(other.x) == photos


def test_sequences(ds: Dataset, photos: list[str]) -> None:
    with ds:
        ds.create_tensor("x", htype="sequence[image]", sample_compression="jpeg")
        ds.x.append([deeplake.read(path) for path in photos[:3]])
        ds.x.append([])
        ds.x.append([deeplake.read(photos[3]), np.zeros((30, 40, 3), np.uint8)])

    def found() -> list[list[str | None]]:
        return [[info.get("filename") for info in row] for row in ds.x.sample_info]

    assert found() == [photos[:3], [], [photos[3], None]]
    ds.x[0, 1] = deeplake.read(photos[3])
    ds.x[0, 2, :5] = 0
    assert found() == [[photos[0], photos[3], photos[2]], [], [photos[3], None]]
    with ds:
        ds.create_tensor_like("y", ds.x)
        ds.y.extend(ds.x)
    assert [info.get("filename") for info in ds.y[0].sample_info] == [photos[0], *photos[3:1:-1]]


def test_tiles(ds: Dataset, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "large.png"
    noise = np.random.default_rng(3).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    with ds:
        ds.create_tensor("x", htype="image", sample_compression="png", tiling_threshold=50_000)
        ds.x.append(deeplake.read(path))
    assert names(ds.x) == [str(path)]
    ds.x[0, 10:20, 10:20] = 0
    assert names(ds.x) == [str(path)]
    assert ds.x[0].sample_info["modified"] is True
    ds.copy(tmp_path / "copied", progressbar=False)
    copied = deeplake.load(tmp_path / "copied")
    assert names(copied.x) == [str(path)]
    assert np.array_equal(copied.x[0].numpy(), ds.x[0].numpy())


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@host/a/b.jpg?X-Signature=secret#x", "https://host/a/b.jpg"),
        ("HTTP://host:80/b.jpg?id=1", "HTTP://host:80/b.jpg"),
        ("sftp://me:secret@host/a@b.jpg", "sftp://host/a@b.jpg"),
        ("s3://bucket/a@b.jpg", "s3://bucket/a@b.jpg"),
        ("https://host", "https://host"),
        ("/a/b?c@d.jpg", "/a/b?c@d.jpg"),
    ],
)
def test_secrets_are_not_stored(url: str, shown: str) -> None:
    assert deeplake.read(url).origin == shown
    assert pickle.loads(pickle.dumps(deeplake.read(url))).origin == shown


def test_files_of_web_servers(ds: Dataset, photos: list[str]) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(Path(photos[0]).parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/a.jpeg"
        try:
            with ds:
                ds.create_tensor("x", htype="image", sample_compression="jpeg")
                ds.x.append(deeplake.read(f"{url}?token=secret"))
        finally:
            server.shutdown()
            thread.join()
    assert names(ds.x) == [url]


def test_who_wants_no_paths_stored(ds: Dataset, photos: list[str], tmp_path: Path) -> None:
    with ds:
        ds.create_tensor(
            "x", htype="image", sample_compression="jpeg", create_sample_info_tensor=False
        )
        ds.x.append(deeplake.read(photos[0]))
        ds.x.extend([deeplake.read(path) for path in photos])
        ds.create_tensor_like("y", ds.x)
        ds.y.extend([deeplake.read(path) for path in photos])
    assert names(ds.x) == [None] * 5
    assert names(ds.y) == [None] * 4
    deeplake.deepcopy(ds, tmp_path / "public", progressbar=False)
    for file in (tmp_path / "public").rglob("*"):
        assert not file.is_file() or b"a.jpeg" not in file.read_bytes()
    assert ds.x[0].sample_info["format"] == "jpeg"


__all__: list[str] = []
