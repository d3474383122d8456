"""Damaged media files of every kind: refused by path and row, or what is read of them is an array.

Files of each kind are cut at many lengths, and bits, bytes and stretches of them are changed. Each is
read, and appended to a tensor that stores such files, and to one that stores what they hold. Whatever
happens: it is a named error or an array, memory is bounded, the process lives, and what is stored
already is unchanged.
``DEEPLAKE_SOAK_MEDIA=5000`` raises the number of damaged files of each kind.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
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
from tests.api.conftest import FILES, content, image_file, picture

NUMBER = int(os.environ.get("DEEPLAKE_SOAK_MEDIA", "30"))
MEMORY = 1 << 30
"""Bytes of address space that reading one damaged file may take."""

SKIPPED = {"photo.im", "photo.eps"}
"""Of formats that no codec takes."""


# --------------------------------------------------------------------------- more of the same formats
def film(format: str, codec: str, pixels: str = "yuv420p", **options: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=format, options=options) as output:
        stream: Any = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, pixels
        for number in range(20):
            frame = np.full((32, 32, 3), 8 * number, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()


def sound(format: str, subtype: str, channels: int = 2) -> bytes:
    file = io.BytesIO()
    values = np.sin(np.arange(2000)[:, None] / np.arange(7, 7 + channels)) / 2
    soundfile.write(file, values, 8000, format=format, subtype=subtype)
    return file.getvalue()


def dicom(name: str) -> bytes:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return Path(path).read_bytes()


def nifti(dtype: str, kind: Any = nibabel.Nifti1Image) -> bytes:
    image = kind(np.arange(60, dtype=dtype).reshape(3, 4, 5), np.diag([2, 3, 4, 1]))
    data: bytes = image.to_bytes()
    return data


def las() -> bytes:
    header = laspy.LasHeader(point_format=7, version="1.4")
    header.add_extra_dim(laspy.ExtraBytesParams("height", "f8"))
    cloud = laspy.LasData(header)
    cloud.X = cloud.Y = cloud.Z = cloud.red = np.arange(40)
    file = io.BytesIO()
    cloud.write(file)
    return file.getvalue()


def ply(*, text: bool, order: str = "<") -> bytes:
    vertices = np.zeros(4, [(axis, "f4") for axis in "xyz"])
    faces = np.empty(2, [("vertex_indices", "O")])
    faces["vertex_indices"] = [np.array([0, 1, 2], "i4"), np.array([1, 2, 3, 0], "i4")]
    file = io.BytesIO()
    elements = [PlyElement.describe(vertices, "vertex"), PlyElement.describe(faces, "face")]
    PlyData(elements, text=text, byte_order=order).write(file)
    return file.getvalue()


def stl() -> bytes:
    facet = (
        "facet normal 0 0 1\n outer loop\n  vertex 0 0 0\n  vertex 1 0 0\n  vertex 0 1 0\n"
        " endloop\nendfacet\n"
    )
    return f"solid two\n{2 * facet}endsolid two\n".encode()


def pages(format: str, mode: str = "RGB", **options: Any) -> bytes:
    others = [picture(mode).rotate(angle) for angle in (90, 180)]
    return image_file(format, mode, save_all=True, append_images=others, **options)


VARIANTS: dict[str, Callable[[], bytes]] = {
    "progressive.jpeg": lambda: image_file("JPEG", progressive=True),
    "full.jpeg": lambda: image_file("JPEG", subsampling=0, restart_marker_rows=1),
    "bits.png": lambda: image_file("PNG", "1"),
    "greyalpha.png": lambda: image_file("PNG", "LA"),
    "animated.png": lambda: pages("PNG"),
    "lzw.tiff": lambda: image_file("TIFF", compression="tiff_lzw"),
    "deflate.tiff": lambda: image_file("TIFF", compression="tiff_adobe_deflate"),
    "jpeg.tiff": lambda: image_file("TIFF", compression="jpeg"),
    "fax.tiff": lambda: image_file("TIFF", "1", compression="group4"),
    "float.tiff": lambda: image_file("TIFF", "F"),
    "pages.tiff": lambda: pages("TIFF"),
    "lossless.webp": lambda: image_file("WEBP", "RGBA", lossless=True),
    "animated.webp": lambda: pages("WEBP"),
    "animated.gif": lambda: pages("GIF", "P"),
    "palette.bmp": lambda: image_file("BMP", "P"),
    "bits.bmp": lambda: image_file("BMP", "1"),
    "rle.tga": lambda: image_file("TGA", compression="tga_rle"),
    "grey.ppm": lambda: image_file("PPM", "L"),
    "lossy.jp2": lambda: image_file("JPEG2000", irreversible=True, tile_size=(16, 16)),
    "rle.dcm": lambda: dicom("MR_small_RLE.dcm"),
    "jpeg2000.dcm": lambda: dicom("JPEG2000.dcm"),
    "deflated.dcm": lambda: dicom("image_dfl.dcm"),
    "big.nii": lambda: nifti(">f8"),
    "second.nii": lambda: nifti("f4", nibabel.Nifti2Image),
    "extra.las": las,
    "text.ply": lambda: ply(text=True),
    "big.ply": lambda: ply(text=False, order=">"),
    "text.stl": stl,
    "float.wav": lambda: sound("WAV", "FLOAT"),
    "adpcm.wav": lambda: sound("WAV", "MS_ADPCM", 1),
    "ulaw.wav": lambda: sound("WAV", "ULAW", 1),
    "deep.flac": lambda: sound("FLAC", "PCM_24", 6),
    "mono.mp3": lambda: sound("MP3", "MPEG_LAYER_III", 1),
    "fragments.mp4": lambda: film("mp4", "libx264", movflags="frag_keyframe+empty_moov"),
    "old.mp4": lambda: film("mp4", "mpeg4"),
    "pictures.avi": lambda: film("avi", "mjpeg", "yuvj420p"),
    "lossless.mkv": lambda: film("matroska", "ffv1"),
    "vp9.mkv": lambda: film("matroska", "libvpx-vp9"),
}
"""Files that take other ways through the same codecs."""

SCRIPT = """
import json, os, random, resource, sys, warnings
from pathlib import Path
import numpy as np
import deeplake
from deeplake.errors import (CorruptedSampleError, DeepLakeError, SampleAppendError,
                             SampleHtypeMismatchError, UnsupportedCompressionError)

folder, name, number, memory = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
warnings.simplefilter("ignore")
whole = (folder / name).read_bytes()
first = deeplake.read(folder / name)
ds = deeplake.empty(folder / "ds")
ds.create_tensor("x", htype=first.htype_, sample_compression=first.compression)
ds.create_tensor("y", htype=first.htype_, sample_compression=None)
for tensor in (ds.x, ds.y):
    tensor.append(first)
ds.commit()
array = ds.x[0].numpy()
assert ds.x[0].tobytes() == whole
ds.x[0].data(), ds.x[0].sample_info

pages = int(open("/proc/self/statm").read().split()[0])
size = pages * os.sysconf("SC_PAGE_SIZE") + memory
resource.setrlimit(resource.RLIMIT_AS, (size, size))

rng = random.Random(name)
wrong, tally = [], {}
path = folder / ("damaged." + name.partition(".")[2])


def damaged(k):
    data = bytearray(whole)
    how = ("cut", "bit", "byte", "stretch", "swapped", "longer")[k % 6]
    at = rng.randrange(len(data)) if rng.random() < 0.5 else rng.randrange(min(len(data), 600))
    if how == "cut":
        del data[at:]
    elif how == "bit":
        data[at] ^= 1 << rng.randrange(8)
    elif how == "byte":
        data[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
    elif how == "stretch":
        n = rng.choice([2, 4, 8, 64])
        data[at : at + n] = rng.choice([bytes(n), bytes([255]) * n, rng.randbytes(n)])
    elif how == "swapped":
        to = rng.randrange(len(data))
        data[at], data[to] = data[to], data[at]
    else:
        data[at:at] = rng.randbytes(rng.choice([1, 4, 100]))
    return how, at, bytes(data)


def check(text, call, expected=DeepLakeError):
    try:
        call()
    except expected as error:
        return error
    except BaseException as error:
        wrong.append(f"{text}: {type(error).__name__}: {error!s:.300}")
        return error
    return None


for k in range(number):
    how, at, data = damaged(k)
    path.write_bytes(data)
    text = f"{name}, {how} at {at}"
    error = check(f"{text}, read", lambda: deeplake.read(path, verify=True))
    if error is not None and path.name not in str(error):
        wrong.append(f"{text}, read: no path in {error!s:.300}")
    tally[type(error).__name__] = tally.get(type(error).__name__, 0) + 1
    for tensor in (ds.x, ds.y):
        said = f"{text}, append to {tensor.key}"
        error = check(said, lambda: tensor.append(deeplake.read(path)), SampleAppendError)
        if error is not None:
            cause = error.__cause__
            known = (CorruptedSampleError, UnsupportedCompressionError, SampleHtypeMismatchError)
            shapes = isinstance(cause, ValueError) and isinstance(cause, DeepLakeError)
            # Of another dtype or number of dimensions, it is no damaged file, but another one.
            if not isinstance(cause, known) and type(cause).__name__ not in (
                "TensorDtypeMismatchError", "TensorInvalidSampleShapeError", "FilesOnlyError",
                "SampleDecompressionError"):
                wrong.append(f"{said}: because of {cause!r:.300}")
            if f"tensor '{tensor.key}', row 1" not in str(error):
                wrong.append(f"{said}: no row in {error!s:.300}")
            if isinstance(cause, CorruptedSampleError) and path.name not in str(error):
                wrong.append(f"{said}: no path in {error!s:.300}")
        elif len(tensor) == 2:
            for what in ("numpy", "data", "info", "part"):
                def read():
                    row = tensor[1]
                    if what == "numpy":
                        value = row.numpy()
                        assert value.shape == row.shape and value.dtype == tensor.dtype
                    elif what == "data":
                        row.data()
                    elif what == "info":
                        row.sample_info
                    else:
                        row[1:3].numpy()
                failed = check(f"{said}, {what}", read, CorruptedSampleError)
                if failed is not None and f"tensor '{tensor.key}', row 1" not in str(failed):
                    wrong.append(f"{said}, {what}: no row in {failed!s:.300}")
            tensor.pop(1)
        if len(tensor) != 1:
            wrong.append(f"{said}: there are {len(tensor)} rows")
            break
    if len(wrong) > 8:
        break
again = deeplake.load(folder / "ds")
if again.x[0].tobytes() != whole or not np.array_equal(again.y[0].numpy(), ds.y[0].numpy()):
    wrong.append("what was stored before has changed")
print(json.dumps({"wrong": wrong, "tally": tally}))
"""


def htype_of(name: str) -> str:
    kind = name.partition(".")[2]
    kinds = {
        "mp4": "video", "mkv": "video", "avi": "video", "wav": "audio", "flac": "audio",
        "mp3": "audio", "dcm": "dicom", "nii": "nifti", "nii.gz": "nifti", "las": "point_cloud",
        "ply": "mesh", "stl": "mesh",
    }  # fmt: skip
    return kinds.get(kind, "image")


@pytest.mark.parametrize("name", sorted({*FILES, *VARIANTS} - SKIPPED))
def test_damaged_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(VARIANTS[name]() if name in VARIANTS else content(name))
    script = SCRIPT.replace("first.htype_", repr(htype_of(name)))
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), name, str(NUMBER), str(MEMORY)],
        capture_output=True, text=True,
        env={**os.environ, "MALLOC_ARENA_MAX": "1", "DEEPLAKE_FSYNC": "0"},
    )  # fmt: skip
    assert done.returncode == 0, f"the process ended with {done.returncode}: {done.stderr[-3000:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["wrong"] == []
    assert sum(found["tally"].values()) == NUMBER
