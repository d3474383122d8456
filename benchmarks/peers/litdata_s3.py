"""LitData, from an object store."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import litdata
import numpy as np
import pixels
import roles
from litdata.streaming import downloader

REQUIREMENTS = [
    "litdata==0.2.76",
    "torch==2.13.0",
    "simplejpeg==1.9.0",
    "opencv-python-headless",
    "numpy",
]

# Stores without encryption are not meant to be used otherwise, and have no option here.
downloader._OBSTORE_CLIENT_OPTIONS = {  # type: ignore[attr-defined]
    **(downloader._OBSTORE_CLIENT_OPTIONS or {}),
    "allow_http": True,
}


class Crops(litdata.StreamingDataset):
    """Decodes what chunks hold."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rng = np.random.default_rng()

    def __getitem__(self, index: Any) -> Any:
        sample = super().__getitem__(index)
        return pixels.cropped(sample["image"], self.rng), sample["label"]


class Streaming(roles.Streaming):
    """``StreamingDataLoader`` with two workers, and an empty cache."""

    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        from litdata.streaming.writer import BinaryWriter

        folder.mkdir(parents=True)
        writer = BinaryWriter(str(folder), chunk_bytes=64 << 20)
        for row, (path, label) in enumerate(zip(paths, labels.tolist(), strict=True)):
            writer.add_item(row, {"image": path.read_bytes(), "label": label})
        writer.done()
        writer.merge(1)

    def crops(self, place: roles.Place, shuffle: bool) -> list[np.ndarray]:
        begin = time.perf_counter()
        cache = tempfile.mkdtemp()
        options = {
            "endpoint_url": place.endpoint, "aws_access_key_id": place.key,
            "aws_secret_access_key": place.secret, "region_name": "us-east-1",
        }  # fmt: skip
        dataset = Crops(place.url, cache_dir=cache, storage_options=options, shuffle=shuffle)
        try:
            return self._epoch(begin, dataset)
        finally:
            shutil.rmtree(cache, ignore_errors=True)

    def local_crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        begin = time.perf_counter()
        return self._epoch(begin, Crops(str(folder), shuffle=shuffle))

    def _epoch(self, begin: float, dataset: Any) -> list[np.ndarray]:
        loader = litdata.StreamingDataLoader(dataset, batch_size=64, num_workers=2)
        return roles.counted(begin, (images for images, _ in loader))
