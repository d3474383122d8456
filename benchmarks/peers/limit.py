"""The physical limit: bare files, memory maps and decoders, with no format, checksum or version."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pixels
import roles
import simplejpeg

REQUIREMENTS: list[str] = []


class DataModel(roles.DataModel):
    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(2)

    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        ends = []
        with (folder / "files").open("wb") as file:
            for path in paths:
                file.write(path.read_bytes())
                ends.append(file.tell())
        np.array(ends).tofile(folder / "ends")
        labels.tofile(folder / "labels")

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        images.tofile(folder / "images")
        labels.tofile(folder / "labels")

    def write_embeddings(self, folder: Path, embeddings: np.ndarray) -> None:
        folder.mkdir(parents=True)
        embeddings.tofile(folder / "embeddings")

    def write_scan(self, folder: Path, scan: np.ndarray) -> None:
        folder.mkdir(parents=True)
        scan.tofile(folder / "scan")

    def write_video(self, folder: Path, path: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "film.mp4").write_bytes(path.read_bytes())

    def open(self, folder: Path) -> Any:
        opened: dict[str, Any] = {"folder": folder}
        if (folder / "film.mp4").exists():
            import av

            opened["film"] = av.open(str(folder / "film.mp4"))
        for name, dtype, shape in (
            ("images", np.uint8, (-1, 32, 32, 3)), ("files", np.uint8, (-1,)),
            ("ends", np.int64, (-1,)), ("scan", np.uint8, (-1,)),
        ):  # fmt: skip
            if (folder / name).exists():
                opened[name] = np.memmap(folder / name, dtype, "r").reshape(shape)
        if "scan" in opened:
            side = int(len(opened["scan"]) ** 0.5)
            opened["scan"] = opened["scan"].reshape(side, side)
        return opened

    def read_image(self, opened: Any, row: int) -> np.ndarray:
        return np.array(opened["images"][row])

    def read_images(self, opened: Any, rows: list[int]) -> np.ndarray:
        return np.asarray(opened["images"][rows])

    def read_file(self, opened: Any, row: int) -> np.ndarray:
        ends = opened["ends"]
        start = int(ends[row - 1]) if row else 0
        image: np.ndarray = simplejpeg.decode_jpeg(opened["files"][start : int(ends[row])])
        return image

    def read_files(self, opened: Any, rows: list[int]) -> list[np.ndarray]:
        return list(self.threads.map(lambda row: self.read_file(opened, row), rows))

    def read_labels(self, opened: Any) -> np.ndarray:
        return np.fromfile(opened["folder"] / "labels", np.uint32)

    def read_embeddings(self, opened: Any) -> np.ndarray:
        return np.fromfile(opened["folder"] / "embeddings", np.float32).reshape(-1, 384)

    def read_crop(self, opened: Any, top: int, left: int, side: int) -> np.ndarray:
        return np.array(opened["scan"][top : top + side, left : left + side])

    def read_frame(self, opened: Any, number: int) -> np.ndarray:
        return pixels.frame_of(opened["film"], number)


class Loader(DataModel):
    """Two threads that decode into arrays that are used again; no batch is handed to anyone."""

    def crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        def work(data: np.ndarray, rng: np.random.Generator, scratch: np.ndarray) -> None:
            pixels.cropped(data, rng, scratch)

        return self._files(folder, shuffle, work, np.empty((pixels.SIDE, pixels.SIDE, 3), np.uint8))

    def images(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        scratch = self.read_file(self.open(folder), 0)

        def work(data: np.ndarray, rng: np.random.Generator, scratch: np.ndarray) -> None:
            simplejpeg.decode_jpeg(data, buffer=scratch)

        return self._files(folder, shuffle, work, scratch)

    def _files(
        self, folder: Path, shuffle: bool, work: Callable[..., None], scratch: np.ndarray
    ) -> list[np.ndarray]:
        opened = self.open(folder)
        files, ends = opened["files"], [0, *opened["ends"].tolist()]
        n = len(ends) - 1
        order = (np.random.default_rng(0).permutation(n) if shuffle else np.arange(n)).tolist()

        def half(which: int) -> int:
            mine, rng = scratch.copy(), np.random.default_rng(which)
            for row in order[which::2]:
                work(files[ends[row] : ends[row + 1]], rng, mine)
            return len(order[which::2])

        return [np.array(sum(self.threads.map(half, range(2)))), np.array(0)]

    def rows(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        images = self.open(folder)["images"]
        n = len(images)
        order = np.random.default_rng(0).permutation(n) if shuffle else np.arange(n)
        batches = (images[order[start : start + 64]] for start in range(0, n, 64))
        return roles.counted(time.perf_counter(), batches)


class Query(roles.Query):
    """NumPy on arrays in memory."""

    def write(self, folder: Path, names: list[str], *columns: np.ndarray) -> None:
        folder.mkdir(parents=True)
        for name, column in zip(names, columns, strict=True):
            np.save(folder / f"{name}.npy", column)

    def open(self, folder: Path) -> Any:
        opened = {file.stem: np.load(file) for file in folder.iterdir()}
        if "text" in opened:
            opened["text"] = opened["text"].astype(bytes)
        if "vector" in opened:
            vectors = opened["vector"]
            # Of a million queries only the first one needs them.
            opened["norms"] = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        return opened

    def equal(self, opened: Any, column: str, value: int) -> Any:
        return np.flatnonzero(opened[column] == value)

    def both(self, opened: Any, column: str, value: int, other: str, divisor: int) -> Any:
        return np.flatnonzero((opened[column] == value) & (opened[other] % divisor == 0))

    def between(self, opened: Any, column: str, low: int, high: int) -> Any:
        return np.flatnonzero((opened[column] >= low) & (opened[column] <= high))

    def first(self, opened: Any, column: str, count: int) -> Any:
        values = opened[column]
        rows = np.argpartition(values, count)[:count]
        return rows[np.argsort(values[rows], kind="stable")]

    def contains(self, opened: Any, column: str, word: str) -> Any:
        return np.flatnonzero(np.strings.find(opened[column], word.encode()) >= 0)

    def nearest(self, opened: Any, column: str, vector: np.ndarray, count: int) -> Any:
        likeness = np.vecdot(opened[column], vector) / opened["norms"]
        rows = np.argpartition(likeness, -count)[-count:]
        return rows[np.argsort(-likeness[rows], kind="stable")]

    def counts(self, opened: Any, column: str) -> Any:
        return np.bincount(opened[column])

    def ids(self, found: Any) -> np.ndarray:
        rows: np.ndarray = found
        return rows

    numbers = ids
