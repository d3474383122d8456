"""Runs in an environment that holds the wheels and nothing else: stores files of every kind.

Usage: ``python use_files.py FOLDER``
"""

import sys
from pathlib import Path

import av
import laspy
import nibabel
import numpy as np
import soundfile
from plyfile import PlyData, PlyElement
from pydicom.data import get_testdata_file

import deeplake

folder = Path(sys.argv[1])

wave = np.sin(np.arange(8000) / 9).astype(np.float32) / 2
for name in ("a.wav", "a.flac", "a.mp3"):
    soundfile.write(folder / name, wave, 8000)

for name in ("a.mp4", "a.mkv", "a.avi"):
    with av.open(folder / name, "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(20):
            picture = np.full((48, 64, 3), 10 * number, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        output.mux(stream.encode(None))

for name in ("a.nii", "a.nii.gz"):
    nibabel.save(nibabel.Nifti1Image(np.ones((3, 4, 5), np.int16), np.eye(4)), folder / name)

# JPEG 2000: one of the decoders of the extra is at work.
scan = get_testdata_file("MR_small_jp2klossless.dcm", download=False)
(folder / "a.dcm").write_bytes(Path(scan).read_bytes())

cloud = laspy.LasData(laspy.LasHeader(point_format=0, version="1.2"))
cloud.X = cloud.Y = cloud.Z = np.arange(10)
cloud.write(folder / "a.las")
cloud.write(folder / "a.laz")

vertices = np.zeros(5, [(axis, "f4") for axis in "xyz"])
PlyData([PlyElement.describe(vertices, "vertex")]).write(folder / "a.ply")

expected = {
    "wav": ("audio", (8000, 1)),
    "flac": ("audio", (8000, 1)),
    "mp3": ("audio", (8000, 1)),
    "mp4": ("video", (20, 48, 64, 3)),
    "mkv": ("video", (20, 48, 64, 3)),
    "avi": ("video", (20, 48, 64, 3)),
    "dcm": ("dicom", (64, 64)),
    "nii": ("nifti", (3, 4, 5)),
    "nii.gz": ("nifti", (3, 4, 5)),
    "las": ("point_cloud", (10, 3)),
    "ply": ("mesh", (5, 3)),
}
ds = deeplake.empty(str(folder / "dataset"))
for compression, (htype, shape) in expected.items():
    tensor = ds.create_tensor(
        compression.replace(".", "_"), htype=htype, sample_compression=compression
    )
    path = folder / f"a.{compression}"
    tensor.append(deeplake.read(str(path)))
    assert tensor[0].shape == shape, (compression, tensor[0].shape)
    assert tensor[0].numpy().shape == shape, compression
    assert tensor[0].tobytes() == path.read_bytes(), compression
ds.las.append(deeplake.read(str(folder / "a.laz")))
assert ds.las.numpy()[1].tolist() == [[i, i, i] for i in range(10)]
assert ds.mp4[0, 5:7].numpy().shape == (2, 48, 64, 3)

print("used", deeplake.__version__, deeplake.__file__)
