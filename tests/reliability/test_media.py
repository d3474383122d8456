"""Damaged media files of every kind: refused by path and row, or what is read of them is an array.

Files of each kind are cut at many lengths, and bits, bytes and stretches of them are changed. Each is
read, and appended to a tensor that stores such files, and to one that stores what they hold. Whatever
happens: it is a named error or an array, memory is bounded, the process lives, and what is stored
already is unchanged.
``DEEPLAKE_SOAK_MEDIA=5000`` raises the number of damaged files of each kind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.api.conftest import FILES, content

NUMBER = int(os.environ.get("DEEPLAKE_SOAK_MEDIA", "30"))
MEMORY = 1 << 30
"""Bytes of address space that reading one damaged file may take."""

SKIPPED = {"photo.im", "photo.eps"}
"""Of formats that no codec takes."""

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


@pytest.mark.parametrize("name", sorted(set(FILES) - SKIPPED))
def test_damaged_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(content(name))
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
