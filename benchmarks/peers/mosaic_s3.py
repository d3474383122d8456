"""MosaicML streaming, from an object store."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
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
    MDSWriter,
    StreamingDataLoader,
    StreamingDataset,
)
from streaming.base.util import clean_stale_shared_memory  # noqa: E402


class Crops(StreamingDataset):
    """Decodes what shards hold."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rng = np.random.default_rng()

    def __getitem__(self, at: Any) -> Any:
        sample = super().__getitem__(at)
        return pixels.cropped(sample["image"], self.rng), sample["label"]


class Streaming(roles.Streaming):
    """``StreamingDataLoader`` with two workers, and an empty cache."""

    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        with MDSWriter(out=str(folder), columns={"image": "bytes", "label": "int"}) as writer:
            for path, label in zip(paths, labels.tolist(), strict=True):
                writer.write({"image": path.read_bytes(), "label": label})

    def crops(self, place: roles.Place, shuffle: bool) -> list[np.ndarray]:
        os.environ.update(
            S3_ENDPOINT_URL=place.endpoint, AWS_ACCESS_KEY_ID=place.key,
            AWS_SECRET_ACCESS_KEY=place.secret, AWS_DEFAULT_REGION="us-east-1",
        )  # fmt: skip
        cache = tempfile.mkdtemp()
        try:
            return self._epoch(shuffle, remote=place.url, local=cache)
        finally:
            shutil.rmtree(cache, ignore_errors=True)

    def local_crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(shuffle, local=str(folder))

    def _epoch(self, shuffle: bool, **where: Any) -> list[np.ndarray]:
        clean_stale_shared_memory()
        begin = time.perf_counter()
        dataset = Crops(shuffle=shuffle, batch_size=64, **where)
        loader = StreamingDataLoader(dataset, batch_size=64, num_workers=2)
        return roles.counted(begin, (images for images, _ in loader))
