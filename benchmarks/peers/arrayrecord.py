"""Grain over ArrayRecord files."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import grain
import numpy as np
import pixels
import roles
from array_record.python.array_record_module import ArrayRecordWriter
from PIL import Image

REQUIREMENTS = [
    "grain==0.2.18",
    "array_record==0.8.6",
    "pillow",
    "simplejpeg==1.9.0",
    "opencv-python-headless",
    "numpy",
]
SHAPE = (32, 32, 3)


class DataModel(roles.DataModel):
    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        writer = ArrayRecordWriter(str(folder / "images"), "group_size:1,uncompressed")
        for path in paths:
            writer.write(path.read_bytes())
        writer.close()
        np.save(folder / "labels.npy", labels)

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        writer = ArrayRecordWriter(str(folder / "images"), "group_size:1,uncompressed")
        for image in images:
            writer.write(image.tobytes())
        writer.close()
        np.save(folder / "labels.npy", labels)

    def open(self, folder: Path) -> Any:
        return grain.sources.ArrayRecordDataSource([str(folder / "images")])

    def read_image(self, opened: Any, row: int) -> np.ndarray:
        return np.frombuffer(opened[row], np.uint8).reshape(SHAPE)

    def read_images(self, opened: Any, rows: list[int]) -> np.ndarray:
        records = opened.__getitems__(rows)
        return np.frombuffer(b"".join(records), np.uint8).reshape(-1, *SHAPE)

    def read_file(self, opened: Any, row: int) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(opened[row])))

    def read_files(self, opened: Any, rows: list[int]) -> list[np.ndarray]:
        return [np.asarray(Image.open(io.BytesIO(d))) for d in opened.__getitems__(rows)]


class Decode(grain.transforms.Map):
    """A record as an image."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.rng = np.random.default_rng()

    def map(self, element: bytes) -> Any:
        if self.what == "array":
            return np.frombuffer(element, np.uint8).reshape(SHAPE)
        return pixels.cropped(element, self.rng) if self.what == "crop" else pixels.decoded(element)


class Loader(DataModel):
    """``MapDataset`` on two threads."""

    def crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, "crop")

    def rows(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, "array")

    def images(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 8, "image")

    def _epoch(self, folder: Path, shuffle: bool, size: int, what: str) -> list[np.ndarray]:
        begin = time.perf_counter()
        dataset = grain.MapDataset.source(self.open(folder))
        if shuffle:
            dataset = dataset.shuffle(seed=0)
        # Batches are made by the threads that read, so that they are handed over, and not rows.
        batches = dataset.map(Decode(what)).batch(size)
        options = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
        return roles.counted(begin, batches.to_iter_dataset(options))
