"""A folder of files, as one does without any library: a JPEG file each, NumPy files for arrays."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pixels
import roles
import simplejpeg
import torch

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

    def write_video(self, folder: Path, path: Path) -> None:
        folder.mkdir(parents=True)
        shutil.copyfile(path, folder / "film.mp4")

    def open(self, folder: Path) -> Any:
        arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
        arrays["folder"] = folder
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

    def read_frame(self, opened: Any, number: int) -> np.ndarray:
        import av

        with av.open(str(opened["folder"] / "film.mp4")) as container:
            return pixels.frame_of(container, number)


class Files(torch.utils.data.Dataset[Any]):
    """What users of PyTorch write first."""

    def __init__(self, folder: Path, what: str) -> None:
        self.what = what
        self.opened = DataModel().open(folder)
        self.rng = np.random.default_rng()

    def __len__(self) -> int:
        return len(self.opened["images"] if self.what == "array" else self.opened["files"])

    def __getitem__(self, row: int) -> Any:
        if self.what == "array":
            return np.array(self.opened["images"][row]), int(self.opened["labels"][row])
        path = self.opened["files"][row]
        data = path.read_bytes()
        image = pixels.cropped(data, self.rng) if self.what == "crop" else pixels.decoded(data)
        return image, int(path.parent.name)


class Loader(DataModel):
    """``torch.utils.data.DataLoader`` with two workers; for small rows without, which is faster."""

    def crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, "crop")

    def rows(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, "array")

    def images(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 8, "image")

    def _epoch(self, folder: Path, shuffle: bool, size: int, what: str) -> list[np.ndarray]:
        begin = time.perf_counter()
        dataset = Files(folder, what)
        loader = torch.utils.data.DataLoader(
            dataset, batch_size=size, shuffle=shuffle, num_workers=0 if what == "array" else 2
        )
        return roles.counted(begin, (images for images, _ in loader))
