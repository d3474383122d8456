"""WebDataset: tar files, written and read in order, no random access."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pixels
import roles
import torch
import webdataset

REQUIREMENTS = [
    "webdataset==1.0.2",
    "torch==2.13.0",
    "simplejpeg==1.9.0",
    "opencv-python-headless",
    "numpy",
]


class DataModel(roles.DataModel):
    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        with webdataset.TarWriter(str(folder / "images.tar")) as writer:
            for number, (path, label) in enumerate(zip(paths, labels.tolist(), strict=True)):
                writer.write({"__key__": f"{number:06}", "jpg": path.read_bytes(), "cls": label})

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        with webdataset.TarWriter(str(folder / "images.tar")) as writer:
            for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
                writer.write({"__key__": f"{number:06}", "npy": image, "cls": label})


class Decode:
    """A sample of a tar file as an image and a label; as a class, because workers get it pickled."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.rng = np.random.default_rng()

    def __call__(self, sample: dict[str, Any]) -> Any:
        if self.what == "array":
            image = np.load(io.BytesIO(sample["npy"]))
        elif self.what == "crop":
            image = pixels.cropped(sample["jpg"], self.rng)
        else:
            image = pixels.decoded(sample["jpg"])
        # Tensors come back from workers in shared memory, arrays through a pipe.
        return torch.from_numpy(image), int(sample["cls"])


class Loader(roles.Loader):
    """Eight shards, ``WebLoader`` with two workers, a shuffle buffer of 1,000 samples."""

    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        self._write(folder, "jpg", [path.read_bytes() for path in paths], labels)

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        self._write(folder, "npy", images, labels)

    def _write(self, folder: Path, kind: str, samples: Any, labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        step = -(-len(samples) // 8)
        for shard, start in enumerate(range(0, len(samples), step)):
            with webdataset.TarWriter(str(folder / f"{shard:03}.tar")) as writer:
                for row in range(start, min(start + step, len(samples))):
                    label = int(labels[row])
                    writer.write({"__key__": f"{row:06}", kind: samples[row], "cls": label})

    def crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, "crop")

    def rows(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, "array")

    def images(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 8, "image")

    def _epoch(self, folder: Path, shuffle: bool, size: int, what: str) -> list[np.ndarray]:
        begin = time.perf_counter()
        shards = sorted(map(str, folder.glob("*.tar")))
        dataset = webdataset.WebDataset(shards, shardshuffle=len(shards) if shuffle else False)
        if shuffle:
            dataset = dataset.shuffle(1000)
        dataset = dataset.map(Decode(what)).batched(size)
        loader = webdataset.WebLoader(dataset, batch_size=None, num_workers=2)
        return roles.counted(begin, (images for images, _ in loader))
