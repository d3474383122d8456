"""Deep Lake 3, the predecessor, with its loader in Python."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pixels
import roles
import torch

import deeplake

REQUIREMENTS = [
    "deeplake==3.9.52", "torch==2.13.0", "simplejpeg==1.9.0", "opencv-python-headless<4.12", "numpy<2",
    "setuptools<80",
]  # fmt: skip


class Crop:
    """Bytes to pixels."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.rng = np.random.default_rng()

    def __call__(self, data: bytes) -> Any:
        crop = self.what == "crop"
        return torch.from_numpy(pixels.cropped(data, self.rng) if crop else pixels.decoded(data))


class Loader(roles.Loader):
    """``ds.pytorch`` with two workers."""

    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        ds = deeplake.empty(str(folder))
        ds.create_tensor("images", htype="image", sample_compression="jpeg")
        ds.create_tensor("labels", htype="class_label")
        with ds:
            files = [deeplake.read(str(path)) for path in paths]
            ds.extend({"images": files, "labels": labels})

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        ds = deeplake.empty(str(folder))
        ds.create_tensor("images", htype="image", sample_compression=None)
        ds.create_tensor("labels", htype="class_label")
        with ds:
            ds.extend({"images": images, "labels": labels})

    def crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, "crop")

    def rows(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, "array")

    def images(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 8, "image")

    def _epoch(self, folder: Path, shuffle: bool, size: int, what: str) -> list[np.ndarray]:
        begin = time.perf_counter()
        ds = deeplake.load(str(folder), read_only=True, verbose=False)
        loader = ds.pytorch(
            batch_size=size, shuffle=shuffle, num_workers=2,
            transform={"images": None if what == "array" else Crop(what), "labels": None},
            decode_method={} if what == "array" else {"images": "tobytes"},
        )  # fmt: skip
        return roles.counted(begin, (batch["images"] for batch in loader))
