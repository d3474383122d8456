"""Deep Lake 4, from an object store."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pixels
import roles

import deeplake

REQUIREMENTS = [
    "deeplake==4.7.4", "simplejpeg==1.9.0", "opencv-python-headless", "numpy", "pillow",
]  # fmt: skip
THREADS = 6
"""More than cores: some wait for the store."""


class Streaming(roles.Streaming):
    """The bytes of a batch of rows at a time, decoded on threads.

    Its own loader needs PyTorch's worker processes, and hands out whole images that it has decoded.
    """

    def __init__(self) -> None:
        self.rng = np.random.default_rng()

    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        ds = deeplake.create(str(folder))
        ds.add_column("images", deeplake.types.Image(sample_compression="jpeg"))
        ds.add_column("labels", "uint32")
        for start in range(0, len(paths), 500):
            part = [path.read_bytes() for path in paths[start : start + 500]]
            ds.append({"images": part, "labels": labels[start : start + len(part)]})
        ds.commit()

    def crops(self, place: roles.Place, shuffle: bool) -> list[np.ndarray]:
        creds = {
            "endpoint_url": place.endpoint, "aws_access_key_id": place.key,
            "aws_secret_access_key": place.secret, "aws_region": "us-east-1",
        }  # fmt: skip
        begin = time.perf_counter()
        return self._epoch(begin, deeplake.open_read_only(place.url, creds=creds), shuffle)

    def local_crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        begin = time.perf_counter()
        return self._epoch(begin, deeplake.open_read_only(str(folder)), shuffle)

    def _epoch(self, begin: float, opened: Any, shuffle: bool) -> list[np.ndarray]:
        images, count = opened["images"], len(opened)

        def made(rows: Any) -> np.ndarray:
            files = images.get_bytes(rows)
            return np.stack([pixels.cropped(file, self.rng) for file in files])

        batches: list[Any]
        if shuffle:
            order = np.random.default_rng(0).permutation(count).tolist()
            batches = [order[start : start + 64] for start in range(0, count, 64)]
        else:
            batches = [slice(start, min(start + 64, count)) for start in range(0, count, 64)]
        with ThreadPoolExecutor(THREADS) as threads:
            return roles.counted(begin, _ahead(threads, made, batches))


def _ahead(threads: ThreadPoolExecutor, work: Any, batches: Iterable[Any]) -> Iterator[Any]:
    """Results in order, some of which are made ahead."""
    waiting: deque[Any] = deque()
    for batch in batches:
        waiting.append(threads.submit(work, batch))
        if len(waiting) > THREADS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
