"""Hugging Face datasets, on Arrow files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pixels
import roles
import torch

REQUIREMENTS = [
    "datasets==5.2.0",
    "torch==2.13.0",
    "simplejpeg==1.9.0",
    "opencv-python-headless",
    "pillow",
    "numpy",
]
datasets.disable_progress_bars()


class DataModel(roles.DataModel):
    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        features = datasets.Features(images=datasets.Image(), labels=datasets.Value("uint32"))
        files = [{"bytes": path.read_bytes(), "path": None} for path in paths]
        columns = {"images": files, "labels": labels}
        datasets.Dataset.from_dict(columns, features).save_to_disk(str(folder))

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        features = datasets.Features(
            images=datasets.Array3D(images.shape[1:], "uint8"), labels=datasets.Value("uint32")
        )
        columns = {"images": images, "labels": labels}
        datasets.Dataset.from_dict(columns, features).save_to_disk(str(folder))

    def write_embeddings(self, folder: Path, embeddings: np.ndarray) -> None:
        kind = datasets.Sequence(datasets.Value("float32"), length=embeddings.shape[1])
        features = datasets.Features(embeddings=kind)
        datasets.Dataset.from_dict({"embeddings": embeddings}, features).save_to_disk(str(folder))

    def open(self, folder: Path) -> Any:
        return datasets.load_from_disk(str(folder)).with_format("numpy")

    def read_image(self, opened: Any, row: int) -> np.ndarray:
        return np.asarray(opened[row]["images"])

    read_file = read_image

    def read_images(self, opened: Any, rows: list[int]) -> np.ndarray:
        return np.asarray(opened[rows]["images"])

    def read_files(self, opened: Any, rows: list[int]) -> list[np.ndarray]:
        return [np.asarray(image) for image in opened[rows]["images"]]

    def read_labels(self, opened: Any) -> np.ndarray:
        return np.asarray(opened["labels"][:])

    def read_embeddings(self, opened: Any) -> np.ndarray:
        return np.asarray(opened["embeddings"][:])


class Transform:
    """Bytes to arrays, by batch."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.rng = np.random.default_rng()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        files = [one["bytes"] for one in batch["images"]]
        if self.what == "crop":
            images = [pixels.cropped(data, self.rng) for data in files]
        else:
            images = [pixels.decoded(data) for data in files]
        return {"images": torch.from_numpy(np.stack(images)), "labels": batch["labels"]}


class Loader(DataModel):
    """Map-style datasets in a ``DataLoader`` that asks for batches, as the guide for PyTorch advises;
    two workers.
    """

    def crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, "crop")

    def rows(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        """Arrow's own batches: to make tensors of an ``Array3D`` takes fifty times as long."""
        begin = time.perf_counter()
        dataset = datasets.load_from_disk(str(folder)).with_format("arrow")
        if shuffle:
            dataset = dataset.shuffle(seed=0)

        def batch(table: Any) -> tuple[torch.Tensor, torch.Tensor]:
            column = table["images"].combine_chunks()
            column = getattr(column, "storage", column)
            while hasattr(column, "flatten") and column.type.num_fields:
                column = column.flatten()
            # A copy: memory of Arrow cannot be written to.
            images = torch.from_numpy(column.to_numpy().reshape(len(table), 32, 32, 3).copy())
            return images, torch.from_numpy(np.array(table["labels"]))

        batches = map(batch, dataset.iter(batch_size=64))
        return roles.counted(begin, (images for images, _ in batches))

    def images(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 8, "image")

    def _epoch(self, folder: Path, shuffle: bool, size: int, what: str) -> list[np.ndarray]:
        begin = time.perf_counter()
        dataset = datasets.load_from_disk(str(folder))
        dataset = dataset.cast_column("images", datasets.Image(decode=False))
        dataset = dataset.with_transform(Transform(what))
        order = torch.utils.data.RandomSampler if shuffle else torch.utils.data.SequentialSampler
        loader = torch.utils.data.DataLoader(
            dataset,
            sampler=torch.utils.data.BatchSampler(order(dataset), size, drop_last=False),
            batch_size=None,
            num_workers=2,
        )
        return roles.counted(begin, (batch["images"] for batch in loader))
