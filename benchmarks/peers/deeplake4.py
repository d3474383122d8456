"""Deep Lake 4, the predecessor's successor (its core is closed)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import roles

import deeplake

REQUIREMENTS = ["deeplake==4.7.4", "numpy"]


class DataModel(roles.DataModel):
    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        ds = deeplake.create(str(folder))
        ds.add_column("images", deeplake.types.Image(sample_compression="jpeg"))
        ds.add_column("labels", "uint32")
        for start in range(0, len(paths), 500):
            part = paths[start : start + 500]
            files = [path.read_bytes() for path in part]
            ds.append({"images": files, "labels": labels[start : start + len(part)]})
        ds.commit()

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        ds = deeplake.create(str(folder))
        ds.add_column("images", deeplake.types.Array("uint8", list(images.shape[1:])))
        ds.add_column("labels", "uint32")
        step = max(1, 5_000 * 3072 // images[0].nbytes)
        for start in range(0, len(images), step):
            part = slice(start, start + step)
            ds.append({"images": images[part], "labels": labels[part]})
        ds.commit()

    def write_embeddings(self, folder: Path, embeddings: np.ndarray) -> None:
        ds = deeplake.create(str(folder))
        ds.add_column("embeddings", deeplake.types.Array("float32", [embeddings.shape[1]]))
        for start in range(0, len(embeddings), 20_000):
            ds.append({"embeddings": embeddings[start : start + 20_000]})
        ds.commit()

    def write_scan(self, folder: Path, scan: np.ndarray) -> None:
        ds = deeplake.create(str(folder))
        ds.add_column("scan", deeplake.types.Array("uint8", 2))
        ds.append({"scan": [scan]})
        ds.commit()

    def open(self, folder: Path) -> Any:
        return deeplake.open_read_only(str(folder))

    def read_image(self, opened: Any, row: int) -> np.ndarray:
        return np.asarray(opened["images"][row])

    read_file = read_image

    def read_images(self, opened: Any, rows: list[int]) -> np.ndarray:
        return np.asarray(opened["images"][rows])

    def read_files(self, opened: Any, rows: list[int]) -> list[np.ndarray]:
        return [np.asarray(image) for image in opened["images"][rows]]

    def read_labels(self, opened: Any) -> np.ndarray:
        return np.asarray(opened["labels"][:])

    def read_embeddings(self, opened: Any) -> np.ndarray:
        return np.asarray(opened["embeddings"][:])

    def read_crop(self, opened: Any, top: int, left: int, side: int) -> np.ndarray:
        area = f"scan[{top}:{top + side}, {left}:{left + side}]"
        return np.asarray(opened.query(f"SELECT {area} AS crop")["crop"][0])


class Versions(roles.Versions):
    def create(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> Any:
        DataModel().write_arrays(folder, images, labels)
        return deeplake.open(str(folder))

    def append(self, opened: Any, image: np.ndarray, label: int) -> None:
        opened.append({"images": image[None], "labels": np.array([label], np.uint32)})
        opened.commit()

    def update(self, opened: Any, rows: list[int], images: np.ndarray) -> None:
        for row, image in zip(rows, images, strict=True):
            opened["images"][row] = image
        opened.commit()

    def images(self, opened: Any, rows: list[int]) -> np.ndarray:
        return np.asarray(opened["images"][rows])
