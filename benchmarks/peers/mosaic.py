"""MosaicML streaming: MDS shards."""

from __future__ import annotations

import sys
import time
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pixels
import roles

REQUIREMENTS = [
    "mosaicml-streaming==0.13.0",
    "torch==2.13.0",
    "simplejpeg==1.9.0",
    "opencv-python-headless",
    "numpy",
]

# Its vision datasets, which nobody uses here, import torchvision, whose wheels want torch for CUDA.
for name in ("", ".datasets", ".datasets.folder", ".transforms", ".transforms.functional"):
    spec = ModuleSpec(f"torchvision{name}", None)
    sys.modules.setdefault(spec.name, MagicMock(__spec__=spec))
sys.modules["torchvision.datasets"].VisionDataset = object  # type: ignore[attr-defined]

from streaming import (  # noqa: E402 - needs what stands above
    LocalDataset,
    MDSWriter,
    StreamingDataLoader,
    StreamingDataset,
)


class DataModel(roles.DataModel):
    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        with MDSWriter(out=str(folder), columns={"image": "bytes", "label": "int"}) as writer:
            for path, label in zip(paths, labels.tolist(), strict=True):
                writer.write({"image": path.read_bytes(), "label": label})

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        shape = ",".join(map(str, images.shape[1:]))
        columns = {"image": f"ndarray:uint8:{shape}", "label": "int"}
        with MDSWriter(out=str(folder), columns=columns) as writer:
            for image, label in zip(images, labels.tolist(), strict=True):
                writer.write({"image": image, "label": label})

    def open(self, folder: Path) -> Any:
        return LocalDataset(str(folder))

    def read_image(self, opened: Any, row: int) -> np.ndarray:
        return np.asarray(opened[row]["image"])

    def read_images(self, opened: Any, rows: list[int]) -> np.ndarray:
        return np.stack([opened[row]["image"] for row in rows])

    def read_labels(self, opened: Any) -> np.ndarray:
        return np.array([opened[row]["label"] for row in range(opened.size)], np.uint32)


class Crops(StreamingDataset):
    """Decodes what shards hold."""

    def __init__(self, what: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.what = what
        self.rng = np.random.default_rng()

    def __getitem__(self, at: Any) -> Any:
        sample = super().__getitem__(at)
        image = sample["image"]
        if self.what == "crop":
            image = pixels.cropped(image, self.rng)
        elif self.what == "image":
            image = pixels.decoded(image)
        return image, sample["label"]


class Loader(DataModel):
    """``StreamingDataLoader`` with two workers."""

    def crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, "crop")

    def rows(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, "array")

    def images(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 8, "image")

    def _epoch(self, folder: Path, shuffle: bool, size: int, what: str) -> list[np.ndarray]:
        begin = time.perf_counter()
        dataset = Crops(what, local=str(folder), shuffle=shuffle, batch_size=size)
        loader = StreamingDataLoader(dataset, batch_size=size, num_workers=2)
        return roles.counted(begin, (images for images, _ in loader))
