"""WebDataset, from a web server."""

from __future__ import annotations

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
SHARDS = 8


class Crop:
    """A sample of a tar file as an image and a label; as a class, because workers get it pickled."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng()

    def __call__(self, sample: dict[str, Any]) -> Any:
        # Tensors come back from workers in shared memory, arrays through a pipe.
        return torch.from_numpy(pixels.cropped(sample["jpg"], self.rng)), int(sample["cls"])


class Streaming(roles.Streaming):
    """Eight shards, ``WebLoader`` with two workers, a shuffle buffer of 1,000 samples."""

    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        step = -(-len(paths) // SHARDS)
        for shard in range(SHARDS):
            with webdataset.TarWriter(str(folder / f"{shard:03}.tar")) as writer:
                for row in range(shard * step, min((shard + 1) * step, len(paths))):
                    data = paths[row].read_bytes()
                    writer.write({"__key__": f"{row:06}", "jpg": data, "cls": int(labels[row])})

    def crops(self, place: roles.Place, shuffle: bool) -> list[np.ndarray]:
        return self._epoch([f"{place.http}/{shard:03}.tar" for shard in range(SHARDS)], shuffle)

    def local_crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(sorted(map(str, folder.glob("*.tar"))), shuffle)

    def _epoch(self, shards: list[str], shuffle: bool) -> list[np.ndarray]:
        begin = time.perf_counter()
        dataset = webdataset.WebDataset(shards, shardshuffle=len(shards) if shuffle else False)
        if shuffle:
            dataset = dataset.shuffle(1000)
        dataset = dataset.map(Crop()).batched(64)
        loader = webdataset.WebLoader(dataset, batch_size=None, num_workers=2)
        return roles.counted(begin, (images for images, _ in loader))
