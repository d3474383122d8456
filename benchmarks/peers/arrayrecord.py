"""Grain over ArrayRecord files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import grain
import numpy as np
import roles
from array_record.python.array_record_module import ArrayRecordWriter
from PIL import Image

REQUIREMENTS = ["grain==0.2.18", "array_record==0.8.6", "pillow", "numpy"]
SHAPE = (32, 32, 3)


class DataModel(roles.DataModel):
    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        writer = ArrayRecordWriter(str(folder / "images"), "group_size:1,uncompressed")
        for path in paths:
            writer.write(path.read_bytes())
        writer.close()
        np.save(folder / "labels.npy", labels)

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        writer = ArrayRecordWriter(str(folder / "images"), "group_size:1,uncompressed")
        for image in images:
            writer.write(image.tobytes())
        writer.close()
        np.save(folder / "labels.npy", labels)

    def open(self, folder: Path) -> Any:
        return grain.sources.ArrayRecordDataSource([str(folder / "images")])

    def read_image(self, opened: Any, row: int) -> np.ndarray:
        return np.frombuffer(opened[row], np.uint8).reshape(SHAPE)

    def read_images(self, opened: Any, rows: list[int]) -> np.ndarray:
        records = opened.__getitems__(rows)
        return np.frombuffer(b"".join(records), np.uint8).reshape(-1, *SHAPE)

    def read_file(self, opened: Any, row: int) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(opened[row])))

    def read_files(self, opened: Any, rows: list[int]) -> list[np.ndarray]:
        return [np.asarray(Image.open(io.BytesIO(d))) for d in opened.__getitems__(rows)]
