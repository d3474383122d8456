"""Deep Lake 3, the predecessor, with its loader in Python, from an object store."""

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

    def __init__(self) -> None:
        self.rng = np.random.default_rng()

    def __call__(self, data: bytes) -> Any:
        return torch.from_numpy(pixels.cropped(data, self.rng))


class Streaming(roles.Streaming):
    """``ds.pytorch`` with two workers."""

    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        ds = deeplake.empty(str(folder))
        ds.create_tensor("images", htype="image", sample_compression="jpeg")
        ds.create_tensor("labels", htype="class_label")
        with ds:
            ds.extend({"images": [deeplake.read(str(path)) for path in paths], "labels": labels})

    def crops(self, place: roles.Place, shuffle: bool) -> list[np.ndarray]:
        creds = {
            "endpoint_url": place.endpoint, "aws_access_key_id": place.key,
            "aws_secret_access_key": place.secret, "aws_region": "us-east-1",
        }  # fmt: skip
        return self._epoch(place.url, shuffle, creds=creds)

    def local_crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(str(folder), shuffle)

    def _epoch(self, path: str, shuffle: bool, **more: Any) -> list[np.ndarray]:
        begin = time.perf_counter()
        ds = deeplake.load(path, read_only=True, verbose=False, **more)
        loader = ds.pytorch(
            batch_size=64, shuffle=shuffle, num_workers=2,
            transform={"images": Crop(), "labels": None}, decode_method={"images": "tobytes"},
        )  # fmt: skip
        return roles.counted(begin, (batch["images"] for batch in loader))
