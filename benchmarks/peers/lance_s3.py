"""Lance, from an object store."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pixels
import pyarrow as pa
import roles

REQUIREMENTS = [
    "pylance==14.0.2",
    "simplejpeg==1.9.0",
    "opencv-python-headless",
    "numpy",
    "pillow",
]
THREADS = 6
"""More than cores: some wait for the store."""


class Streaming(roles.Streaming):
    """Batches of the scanner in order, ``take`` of a batch shuffled; decoded on threads."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng()

    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        def batches() -> Iterator[Any]:
            for start in range(0, len(paths), 500):
                part = [path.read_bytes() for path in paths[start : start + 500]]
                columns = [
                    pa.array(part, pa.large_binary()),
                    pa.array(labels[start : start + len(part)]),
                ]
                yield pa.record_batch(columns, names=["images", "labels"])

        schema = pa.schema([("images", pa.large_binary()), ("labels", pa.uint32())])
        lance.write_dataset(pa.RecordBatchReader.from_batches(schema, batches()), str(folder))

    def crops(self, place: roles.Place, shuffle: bool) -> list[np.ndarray]:
        options = {
            "aws_endpoint": place.endpoint, "allow_http": "true", "aws_region": "us-east-1",
            "aws_access_key_id": place.key, "aws_secret_access_key": place.secret,
        }  # fmt: skip
        begin = time.perf_counter()
        return self._epoch(begin, lance.dataset(place.url, storage_options=options), shuffle)

    def local_crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        begin = time.perf_counter()
        return self._epoch(begin, lance.dataset(str(folder)), shuffle)

    def _epoch(self, begin: float, opened: Any, shuffle: bool) -> list[np.ndarray]:
        def made(batch: Any) -> np.ndarray:
            column = (opened.take(batch) if isinstance(batch, list) else batch)["images"]
            files = (np.frombuffer(data.as_buffer(), np.uint8) for data in column)
            return np.stack([pixels.cropped(file, self.rng) for file in files])

        batches: Any = opened.to_batches(batch_size=64)
        if shuffle:
            order = np.random.default_rng(0).permutation(opened.count_rows()).tolist()
            batches = (order[start : start + 64] for start in range(0, len(order), 64))
        with ThreadPoolExecutor(THREADS) as threads:
            return roles.counted(begin, ahead(threads, made, batches))


def ahead(threads: ThreadPoolExecutor, work: Any, batches: Iterable[Any]) -> Iterator[Any]:
    """Results in order, some of which are made ahead."""
    waiting: deque[Any] = deque()
    for batch in batches:
        waiting.append(threads.submit(work, batch))
        if len(waiting) > THREADS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
