"""A folder of files, as one does without any library: a JPEG file each, NumPy files for arrays."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import roles
import simplejpeg

REQUIREMENTS: list[str] = []


class DataModel(roles.DataModel):
    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        for label in range(int(labels.max()) + 1):
            (folder / str(label)).mkdir(parents=True)
        for path, label in zip(paths, labels.tolist(), strict=True):
            shutil.copyfile(path, folder / str(label) / path.name)

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        np.save(folder / "images.npy", images)
        np.save(folder / "labels.npy", labels)

    def write_embeddings(self, folder: Path, embeddings: np.ndarray) -> None:
        folder.mkdir(parents=True)
        np.save(folder / "embeddings.npy", embeddings)

    def write_scan(self, folder: Path, scan: np.ndarray) -> None:
        folder.mkdir(parents=True)
        np.save(folder / "scan.npy", scan)

    def open(self, folder: Path) -> Any:
        arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
        return {**arrays, "files": sorted(folder.glob("*/*.jpg"), key=lambda path: path.name)}

    def read_image(self, opened: Any, row: int) -> np.ndarray:
        return np.array(opened["images"][row])

    def read_images(self, opened: Any, rows: list[int]) -> np.ndarray:
        return np.asarray(opened["images"][rows])

    def read_file(self, opened: Any, row: int) -> np.ndarray:
        image: np.ndarray = simplejpeg.decode_jpeg(opened["files"][row].read_bytes())
        return image

    def read_files(self, opened: Any, rows: list[int]) -> list[np.ndarray]:
        return [self.read_file(opened, row) for row in rows]

    def read_labels(self, opened: Any) -> np.ndarray:
        return np.array(opened["labels"])

    def read_embeddings(self, opened: Any) -> np.ndarray:
        return np.array(opened["embeddings"])

    def read_crop(self, opened: Any, top: int, left: int, side: int) -> np.ndarray:
        return np.array(opened["scan"][top : top + side, left : left + side])
