"""Who is measured. Each does the same work through its own public API.

A peer is one more class here: derive from ``Contender``, import its library inside ``__init__`` (a
library that is missing leaves it out), and add it to ``CONTENDERS``.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from data import Arrays, Files


class Contender(ABC):
    """One way of storing images and labels.

    Attributes:
        name: Its column in the tables.
    """

    name: ClassVar[str]

    @abstractmethod
    def write_arrays(self, folder: Path, arrays: Arrays) -> None:
        """Store small images, uncompressed, so that they survive a power loss."""

    @abstractmethod
    def write_files(self, folder: Path, files: Files) -> None:
        """Store JPEG files byte for byte, read from disk one after the other."""

    @abstractmethod
    def open(self, folder: Path) -> Any:
        """What the methods below read from."""

    @abstractmethod
    def labels(self, opened: Any) -> np.ndarray:
        """All labels."""

    @abstractmethod
    def image(self, opened: Any, row: int) -> np.ndarray:
        """One image, decoded; an array of its own."""

    @abstractmethod
    def take(self, opened: Any, rows: list[int]) -> np.ndarray:
        """Several small images in the order asked for."""

    @abstractmethod
    def every(self, opened: Any) -> np.ndarray:
        """All small images."""

    def append(self, opened: Any, image: np.ndarray, label: int) -> None:
        """Store one more row so that it survives a power loss."""
        raise NotImplementedError(f"{self.name} cannot append a row")


class DeepLake(Contender):
    """This project."""

    name = "deeplake"

    def __init__(self) -> None:
        import deeplake

        self._deeplake = deeplake

    def _create(self, folder: Path, compression: str | None) -> Any:
        ds = self._deeplake.empty(str(folder))
        ds.create_tensor("images", htype="image", sample_compression=compression)
        ds.create_tensor("labels", htype="class_label")
        return ds

    def write_arrays(self, folder: Path, arrays: Arrays) -> None:
        ds = self._create(folder, None)
        with ds:
            ds.extend({"images": arrays.images, "labels": arrays.labels})

    def write_files(self, folder: Path, files: Files) -> None:
        ds = self._create(folder, "jpeg")
        with ds:
            for path, label in zip(files.paths, files.labels, strict=True):
                ds.append({"images": self._deeplake.read(path), "labels": label})

    def open(self, folder: Path) -> Any:
        return self._deeplake.load(str(folder))

    def labels(self, opened: Any) -> np.ndarray:
        labels: np.ndarray = opened.labels.numpy()
        return labels.reshape(-1)

    def image(self, opened: Any, row: int) -> np.ndarray:
        array: np.ndarray = opened.images[row].numpy()
        return array

    def take(self, opened: Any, rows: list[int]) -> np.ndarray:
        array: np.ndarray = opened.images[rows].numpy()
        return array

    def every(self, opened: Any) -> np.ndarray:
        array: np.ndarray = opened.images.numpy()
        return array

    def append(self, opened: Any, image: np.ndarray, label: int) -> None:
        opened.append({"images": image, "labels": label})


class Limit(Contender):
    """The physical limit: bare files and memory maps, with no format, checksum or version."""

    name = "limit"

    def write_arrays(self, folder: Path, arrays: Arrays) -> None:
        folder.mkdir(parents=True)
        _write(folder / "images", [arrays.images.data])
        _write(folder / "labels", [arrays.labels.data])
        _sync(folder)

    def write_files(self, folder: Path, files: Files) -> None:
        folder.mkdir(parents=True)
        contents = [path.read_bytes() for path in files.paths]
        _write(folder / "images", contents)
        _write(folder / "ends", [np.cumsum([len(data) for data in contents]).data])
        _write(folder / "labels", [files.labels.data])
        _sync(folder)

    def open(self, folder: Path) -> Any:
        if (folder / "ends").exists():
            ends = np.fromfile(folder / "ends", np.int64)
            return folder, np.memmap(folder / "images", np.uint8, "r"), [0, *ends.tolist()]
        images = np.memmap(folder / "images", np.uint8, "r").reshape(-1, 32, 32, 3)
        return folder, images, None

    def labels(self, opened: Any) -> np.ndarray:
        return np.fromfile(opened[0] / "labels", np.uint32)

    def image(self, opened: Any, row: int) -> np.ndarray:
        _, images, ends = opened
        if ends is None:
            return np.array(images[row])
        import simplejpeg

        array: np.ndarray = simplejpeg.decode_jpeg(images[ends[row] : ends[row + 1]])
        return array

    def take(self, opened: Any, rows: list[int]) -> np.ndarray:
        return np.asarray(opened[1][rows])

    def every(self, opened: Any) -> np.ndarray:
        return np.array(opened[1])

    def append(self, opened: Any, image: np.ndarray, label: int) -> None:
        for name, data in (("images", image.tobytes()), ("labels", np.uint32(label).tobytes())):
            with (opened[0] / f"appended-{name}").open("ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())


def _write(path: Path, parts: list[Any]) -> None:
    with path.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the names of new files survive, as their contents do."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


CONTENDERS: tuple[type[Contender], ...] = (DeepLake, Limit)
"""In the order of the tables' columns."""


def installed() -> list[Contender]:
    """The contenders whose libraries can be imported."""
    found = []
    for contender in CONTENDERS:
        try:
            found.append(contender())
        except ImportError as error:
            print(f"{contender.name} is left out: {error}")
    return found


__all__ = ["CONTENDERS", "Contender", "DeepLake", "Limit", "installed"]
