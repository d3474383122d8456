"""Real files of every kind that the tables of api.md name."""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import av
import laspy
import nibabel
import numpy as np
import pytest
import soundfile
from PIL import Image
from plyfile import PlyData, PlyElement
from pydicom.data import get_testdata_file


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> Image.Image:
    """Something like a photograph: gradients, and a little noise."""
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 200, width), np.linspace(0, 200, height))
    noise = np.random.default_rng(0).integers(0, 9, (height, width, 3))
    rgb = (np.stack([x, y, (x + y) / 2], -1) + noise).astype(np.uint8)
    return Image.fromarray(rgb).convert(mode)


def image_file(format: str, mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    picture(mode).save(file, format, **options)
    return file.getvalue()


def exif_jpeg() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "A camera"  # Make
    exif[0x0112] = 6  # Orientation
    return image_file("JPEG", exif=exif)


def film(format: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=format) as output:
        stream: Any = output.add_stream("libx264", rate=25, options={"g": "10", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for number in range(30):
            frame = np.full((24, 32, 3), 8 * number, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()


def sound(format: str) -> bytes:
    file = io.BytesIO()
    values = np.sin(np.arange(500)[:, None] / [7, 9]).astype(np.float32) / 2
    soundfile.write(file, values, 8000, format=format)
    return file.getvalue()


def dicom() -> bytes:
    path = get_testdata_file("MR_small.dcm", download=False)
    assert isinstance(path, str)
    return Path(path).read_bytes()


def nifti() -> bytes:
    values = np.arange(60, dtype="i2").reshape(3, 4, 5)
    data: bytes = nibabel.Nifti1Image(values, np.diag([2, 3, 4, 1])).to_bytes()
    return data


def las() -> bytes:
    cloud = laspy.LasData(laspy.LasHeader(point_format=2, version="1.2"))
    cloud.X = cloud.Y = cloud.Z = np.arange(40)
    cloud.intensity = np.arange(40) * 2
    file = io.BytesIO()
    cloud.write(file)
    return file.getvalue()


def ply() -> bytes:
    vertices = np.zeros(4, [(axis, "f4") for axis in "xyz"])
    vertices["x"] = range(4)
    faces = np.array([([0, 1, 2],), ([1, 2, 3],)], [("vertex_indices", "i4", (3,))])
    file = io.BytesIO()
    elements = [PlyElement.describe(vertices, "vertex"), PlyElement.describe(faces, "face")]
    PlyData(elements).write(file)
    return file.getvalue()


def stl() -> bytes:
    triangle = struct.pack("<12fH", 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0)
    return bytes(80) + struct.pack("<I", 2) + 2 * triangle


FILES: dict[str, Callable[[], bytes]] = {
    "photo.jpeg": lambda: image_file("JPEG", quality=90),
    "grey.jpeg": lambda: image_file("JPEG", "L"),
    "cmyk.jpeg": lambda: image_file("JPEG", "CMYK"),
    "exif.jpeg": exif_jpeg,
    "photo.png": lambda: image_file("PNG"),
    "alpha.png": lambda: image_file("PNG", "RGBA"),
    "deep.png": lambda: image_file("PNG", "I;16"),
    "palette.png": lambda: image_file("PNG", "P"),
    "photo.tiff": lambda: image_file("TIFF"),
    "photo.webp": lambda: image_file("WEBP", quality=90),
    "photo.gif": lambda: image_file("GIF", "P"),
    "photo.bmp": lambda: image_file("BMP"),
    "photo.dib": lambda: image_file("DIB"),
    "photo.ico": lambda: image_file("ICO"),
    "photo.jp2": lambda: image_file("JPEG2000"),
    "photo.pcx": lambda: image_file("PCX"),
    "photo.ppm": lambda: image_file("PPM"),
    "photo.sgi": lambda: image_file("SGI"),
    "photo.tga": lambda: image_file("TGA"),
    "photo.im": lambda: image_file("IM"),
    "bits.xbm": lambda: image_file("XBM", "1"),
    "bits.msp": lambda: image_file("MSP", "1"),
    "photo.eps": lambda: image_file("EPS"),
    "pair.mpo": lambda: image_file("MPO", save_all=True, append_images=[picture()]),
    "film.mp4": lambda: film("mp4"),
    "film.mkv": lambda: film("matroska"),
    "film.avi": lambda: film("avi"),
    "sound.wav": lambda: sound("WAV"),
    "sound.flac": lambda: sound("FLAC"),
    "sound.mp3": lambda: sound("MP3"),
    "scan.dcm": dicom,
    "volume.nii": nifti,
    "volume.nii.gz": lambda: gzip.compress(nifti()),
    "cloud.las": las,
    "mesh.ply": ply,
    "mesh.stl": stl,
}
"""What is in each file, by its name."""


@cache
def content(name: str) -> bytes:
    return FILES[name]()


@pytest.fixture
def media(tmp_path: Path) -> Callable[[str], Path]:
    """Writes one of ``FILES`` and returns its path."""

    def write(name: str) -> Path:
        path = tmp_path / name
        path.write_bytes(content(name))
        return path

    return write
