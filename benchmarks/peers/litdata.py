"""LitData: chunks of samples, made by an optimising pass."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import litdata
import numpy as np
import pixels
import roles

REQUIREMENTS = [
    "litdata==0.2.76",
    "torch==2.13.0",
    "simplejpeg==1.9.0",
    "opencv-python-headless",
    "numpy",
]


class Decoded(litdata.StreamingDataset):
    """Decodes what chunks hold."""

    def __init__(self, what: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.what = what
        self.rng = np.random.default_rng()

    def __getitem__(self, index: Any) -> Any:
        sample = super().__getitem__(index)
        image = sample["image"]
        if self.what == "crop":
            image = pixels.cropped(image, self.rng)
        elif self.what == "image":
            image = pixels.decoded(image)
        return image, sample["label"]


class Loader(roles.Loader):
    """``StreamingDataLoader`` with two workers."""

    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        self._write(folder, (path.read_bytes() for path in paths), labels)

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        self._write(folder, images, labels)

    def _write(self, folder: Path, samples: Any, labels: np.ndarray) -> None:
        from litdata.streaming.writer import BinaryWriter

        folder.mkdir(parents=True)
        writer = BinaryWriter(str(folder), chunk_bytes=64 << 20)
        for row, (sample, label) in enumerate(zip(samples, labels.tolist(), strict=True)):
            writer.add_item(row, {"image": sample, "label": label})
        writer.done()
        writer.merge(1)

    def crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, "crop")

    def rows(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, "array")

    def images(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 8, "image")

    def _epoch(self, folder: Path, shuffle: bool, size: int, what: str) -> list[np.ndarray]:
        begin = time.perf_counter()
        dataset = Decoded(what, str(folder), shuffle=shuffle)
        loader = litdata.StreamingDataLoader(dataset, batch_size=size, num_workers=2)
        return roles.counted(begin, (images for images, _ in loader))
