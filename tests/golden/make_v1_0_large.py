"""Makes the golden dataset of large samples: ``python tests/golden/make_v1_0_large.py DIRECTORY``.

Like those of ``make_v1_0.py`` it was made once and is never made again once format 1.0 is released.
``rows`` says what is in it; nothing of that was read from a dataset.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np

import deeplake

TENSORS: dict[str, dict[str, Any]] = {
    "plain": {"dtype": "uint8", "tiling_threshold": 20_000},
    "floats": {"dtype": "float32", "tiling_threshold": 20_000},
    "chunk zlib": {"dtype": "int16", "tiling_threshold": 20_000, "chunk_compression": "zlib"},
    "sample zstd": {"dtype": "int16", "tiling_threshold": 20_000, "sample_compression": "zstd"},
    "png": {"htype": "image", "sample_compression": "png", "tiling_threshold": 2000},
    "zeros": {"dtype": "uint8"},
    "sound": {"htype": "audio", "sample_compression": "wav"},
}


def ramp(*shape: int, dtype: str = "uint8") -> np.ndarray:
    """Values that tell where they are."""
    return (np.arange(int(np.prod(shape))) * 7 % 251).reshape(shape).astype(dtype)


def wave(samples: int) -> bytes:
    """A file of mono sound, 8 bits a sample: silence but for a few clicks."""
    data = bytearray(b"\x80" * samples)
    data[::100_000] = bytes(len(data[::100_000]))
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + samples, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8,
        b"data", samples,
    )  # fmt: skip
    return header + bytes(data)


def rows() -> dict[str, list[Any]]:
    """Samples by tensor: arrays, None, and files as bytes."""
    patched = ramp(180, 190)
    patched[20:150, 5:9] = 3
    zeros = np.zeros((50, 70, 3), "uint8")
    zeros[30:45, 2:20] = ramp(15, 18, 3)
    return {
        "plain": [ramp(3, 4), patched, None, ramp(200, 150)],
        "floats": [
            ramp(30, 40, 20, dtype="<f4") - np.float32(0.5),
            np.full((1, 90, 90), -0.0, "<f4"),
        ],
        "chunk zlib": [ramp(300, 100, dtype="<i2")],
        "sample zstd": [ramp(300, 100, dtype="<i2"), ramp(5, 5, dtype="<i2")],
        "png": [ramp(60, 80, 3), ramp(8, 9, 3)],
        "zeros": [zeros, np.zeros((1000, 1000, 3), "uint8")],
        "sound": [wave(500), wave((1 << 20) + 500)],
    }


def make(path: Path) -> None:
    """Make the dataset."""
    ds = deeplake.empty(path)
    wanted = rows()
    for name, meta in TENSORS.items():
        ds.create_tensor(name, **meta)
    for name in TENSORS:
        if name == "sound":
            ds[name].extend([deeplake.read(data) for data in wanted[name]])
        elif name == "zeros":
            ds[name].append(deeplake.tiled((50, 70, 3), tile_shape=(16, 20, 3)))
            ds[name].append(deeplake.tiled((1000, 1000, 3)))
        elif name == "plain":
            ds[name].extend([wanted[name][0], ramp(180, 190), *wanted[name][2:]])
        else:
            ds[name].extend(wanted[name])
    ds.commit("large samples")
    ds["plain"][1, 20:150, 5:9] = 3  # its tiles lie in two objects now
    ds["zeros"][0, 30:45, 2:20] = ramp(15, 18, 3)
    ds.commit("parts")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
