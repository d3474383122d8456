"""What a contender of each benchmark has to do: one class for each benchmark.

A contender lives in ``peers/<name>.py`` with a list ``REQUIREMENTS`` of what pip has to install for it
(none for what the environment of this project has), and derives from the classes below for the
benchmarks it takes part in. It uses its library's public API the way its own documentation advises.
What a library cannot do, its class leaves out: ``NotImplementedError`` is a dash in the table.

Everything here runs in the contender's own process and environment (``worker.py``), so it imports
nothing but NumPy and the standard library.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


class DataModel:
    """Stores images, labels and embeddings and reads them back.

    ``write_*`` gets a folder that does not exist, ``read_*`` what ``open`` returned for it. Small
    images are ``(n, 32, 32, 3)`` uint8, large ones ``(n, 1024, 1024, 3)``; nothing is compressed but
    what is a JPEG file already.
    """

    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        """JPEG files, byte for byte, read from disk one after the other."""
        raise NotImplementedError

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        """Images of one shape from memory."""
        raise NotImplementedError

    def write_embeddings(self, folder: Path, embeddings: np.ndarray) -> None:
        """``(n, 384)`` float32."""
        raise NotImplementedError

    def write_scan(self, folder: Path, scan: np.ndarray) -> None:
        """One image of 20,000 x 20,000 pixels, stored so that parts of it can be read."""
        raise NotImplementedError

    def write_video(self, folder: Path, path: Path) -> None:
        """One video file, byte for byte."""
        raise NotImplementedError

    def open(self, folder: Path) -> Any:
        """What the methods below read from."""
        raise NotImplementedError

    def read_image(self, opened: Any, row: int) -> np.ndarray:
        """One small image; an array of its own."""
        raise NotImplementedError

    def read_images(self, opened: Any, rows: list[int]) -> np.ndarray:
        """Several small images in the order asked for, ``(n, 32, 32, 3)``."""
        raise NotImplementedError

    def read_file(self, opened: Any, row: int) -> np.ndarray:
        """One JPEG file, decoded."""
        raise NotImplementedError

    def read_files(self, opened: Any, rows: list[int]) -> list[np.ndarray]:
        """Several JPEG files at once, decoded, on as many threads as the library uses by itself."""
        raise NotImplementedError

    def read_labels(self, opened: Any) -> np.ndarray:
        """All labels, ``(n,)``."""
        raise NotImplementedError

    def read_embeddings(self, opened: Any) -> np.ndarray:
        """All embeddings, ``(n, 384)``."""
        raise NotImplementedError

    def read_crop(self, opened: Any, top: int, left: int, side: int) -> np.ndarray:
        """A square of the scan."""
        raise NotImplementedError

    def read_frame(self, opened: Any, number: int) -> np.ndarray:
        """One frame of the video, ``(height, width, 3)``."""
        raise NotImplementedError


class Loader:
    """Loads whole epochs of batches for training, on two cores.

    What it reads was written by ``write_files`` and ``write_arrays``, as in ``DataModel``. Each method
    returns ``counted(begin, batches)``, where ``begin`` is when it was called: what a library does
    before its first batch counts.
    """

    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        """JPEG files, byte for byte."""
        raise NotImplementedError

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        """Images of one shape from memory."""
        raise NotImplementedError

    def crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        """JPEG files, decoded, random parts of 8 % to 100 % of their area resized to 224 x 224
        (bilinear), in batches of 64: ``(64, 224, 224, 3)`` uint8, and their labels.
        """
        raise NotImplementedError

    def rows(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        """Small images and their labels in batches of 64: ``(64, 32, 32, 3)`` uint8."""
        raise NotImplementedError

    def images(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        """JPEG files of one size, decoded, in batches of 8."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contender finds what it wrote, on a server that speaks S3's protocol.

    Attributes:
        endpoint: ``http://HOST:PORT``. What is below the path ``/bucket/prefix`` may be read there
            without a signature, too.
        bucket, prefix: Where in it.
        key, secret: Access key.
    """

    endpoint: str
    bucket: str
    prefix: str
    key: str
    secret: str

    @property
    def url(self) -> str:
        """As S3's clients take it."""
        return f"s3://{self.bucket}/{self.prefix}"

    @property
    def http(self) -> str:
        """As web clients take it."""
        return f"{self.endpoint}/{self.bucket}/{self.prefix}"


class Streaming:
    """Loads whole epochs of batches from an object store, cold: nothing is kept from epoch to epoch.

    Batches are those of ``Loader.crops``.
    """

    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        """JPEG files, byte for byte; every file that is made in the folder becomes an object."""
        raise NotImplementedError

    def crops(self, place: Place, shuffle: bool) -> list[np.ndarray]:
        """An epoch from the store."""
        raise NotImplementedError

    def local_crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        """The same from the folder."""
        raise NotImplementedError


def counted(begin: float, batches: Iterable[Any]) -> list[np.ndarray]:
    """Go through an epoch; each batch is the images' array or tensor.

    Returns:
        The number of rows, and the milliseconds from ``begin`` to the first batch.
    """
    rows, first = 0, 0.0
    for batch in batches:
        if not rows:
            first = time.perf_counter() - begin
        rows += len(batch)
    return [np.array(rows), np.array(round(1000 * first))]


class Versions:
    """Keeps versions of small images and their labels."""

    def create(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> Any:
        """Store everything, commit it, and return what the methods below work on."""
        raise NotImplementedError

    def append(self, opened: Any, image: np.ndarray, label: int) -> None:
        """One more row, and a commit."""
        raise NotImplementedError

    def update(self, opened: Any, rows: list[int], images: np.ndarray) -> None:
        """Other images in some rows (sorted), and a commit."""
        raise NotImplementedError

    def branch(self, opened: Any, name: str) -> None:
        """A branch at what is checked out; where we are does not change."""
        raise NotImplementedError

    def checkout(self, opened: Any, name: str) -> None:
        """Go to a branch."""
        raise NotImplementedError

    def diff(self, opened: Any, name: str) -> None:
        """Find what a branch and the one checked out have changed since they parted."""
        raise NotImplementedError

    def merge(self, opened: Any, name: str) -> None:
        """Merge a branch into the one checked out."""
        raise NotImplementedError

    def images(self, opened: Any, rows: list[int]) -> np.ndarray:
        """Some images."""
        raise NotImplementedError


class Query:
    """Finds rows.

    ``write`` gets columns of one length: ``(n,)`` int64 or text, ``(n, 384)`` float32, ``(n, 3072)``
    uint8; one is called ``id`` and numbers the rows. The other methods get what ``open`` returned and
    names of columns. They return what the library gives for the rows found, from which they could be
    read: a view, a table, an array.
    """

    def write(self, folder: Path, names: list[str], *columns: np.ndarray) -> None:
        """Store columns."""
        raise NotImplementedError

    def open(self, folder: Path) -> Any:
        """What the methods below ask."""
        raise NotImplementedError

    def equal(self, opened: Any, column: str, value: int) -> Any:
        """Rows where ``column == value``."""
        raise NotImplementedError

    def both(self, opened: Any, column: str, value: int, other: str, divisor: int) -> Any:
        """Rows where ``column == value and other % divisor == 0``."""
        raise NotImplementedError

    def between(self, opened: Any, column: str, low: int, high: int) -> Any:
        """Rows where ``low <= column <= high``."""
        raise NotImplementedError

    def first(self, opened: Any, column: str, count: int) -> Any:
        """The ``count`` rows that are least in ``column``."""
        raise NotImplementedError

    def contains(self, opened: Any, column: str, word: str) -> Any:
        """Rows whose text has ``word`` in it."""
        raise NotImplementedError

    def nearest(self, opened: Any, column: str, vector: np.ndarray, count: int) -> Any:
        """The ``count`` rows of greatest cosine similarity, without an index."""
        raise NotImplementedError

    def counts(self, opened: Any, column: str) -> Any:
        """How many rows each value of ``column`` has."""
        raise NotImplementedError

    def ids(self, found: Any) -> np.ndarray:
        """``id`` of the rows found; not timed."""
        raise NotImplementedError

    def numbers(self, found: Any) -> np.ndarray:
        """What ``counts`` found, in the order of the values; not timed."""
        raise NotImplementedError


__all__ = ["DataModel", "Loader", "Place", "Query", "Streaming", "Versions", "counted"]
