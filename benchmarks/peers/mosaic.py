"""MosaicML streaming: MDS shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import roles
from streaming import LocalDataset, MDSWriter

REQUIREMENTS = ["mosaicml-streaming==0.13.0", "torch==2.13.0", "numpy"]


class DataModel(roles.DataModel):
    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        with MDSWriter(out=str(folder), columns={"image": "bytes", "label": "int"}) as writer:
            for path, label in zip(paths, labels.tolist(), strict=True):
                writer.write({"image": path.read_bytes(), "label": label})

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        shape = ",".join(map(str, images.shape[1:]))
        columns = {"image": f"ndarray:uint8:{shape}", "label": "int"}
        with MDSWriter(out=str(folder), columns=columns) as writer:
            for image, label in zip(images, labels.tolist(), strict=True):
                writer.write({"image": image, "label": label})

    def open(self, folder: Path) -> Any:
        return LocalDataset(str(folder))

    def read_image(self, opened: Any, row: int) -> np.ndarray:
        return np.asarray(opened[row]["image"])

    def read_images(self, opened: Any, rows: list[int]) -> np.ndarray:
        return np.stack([opened[row]["image"] for row in rows])

    def read_labels(self, opened: Any) -> np.ndarray:
        return np.array([opened[row]["label"] for row in range(opened.size)], np.uint32)
