"""Hugging Face datasets, on Arrow files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import roles

REQUIREMENTS = ["datasets==5.2.0", "pillow", "numpy"]
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
