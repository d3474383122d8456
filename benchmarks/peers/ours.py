"""This project, as it is shipped."""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import roles

import deeplake
from deeplake import transforms

REQUIREMENTS: list[str] = []


class DataModel(roles.DataModel):
    def __init__(self) -> None:
        # None of the others waits for the disk.
        os.environ["DEEPLAKE_FSYNC"] = "0"

    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        ds = deeplake.empty(str(folder))
        ds.create_tensor("images", htype="image", sample_compression="jpeg")
        ds.create_tensor("labels", htype="class_label")
        with ds:
            ds.extend({"images": [deeplake.read(path) for path in paths], "labels": labels})

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        ds = deeplake.empty(str(folder))
        ds.create_tensor("images", htype="image", sample_compression=None)
        ds.create_tensor("labels", htype="class_label")
        with ds:
            ds.extend({"images": images, "labels": labels})

    def write_embeddings(self, folder: Path, embeddings: np.ndarray) -> None:
        ds = deeplake.empty(str(folder))
        ds.create_tensor("embeddings", htype="embedding")
        ds.embeddings.extend(embeddings)

    def write_scan(self, folder: Path, scan: np.ndarray) -> None:
        ds = deeplake.empty(str(folder))
        ds.create_tensor("scan", dtype="uint8")
        ds.scan.append(scan)

    def write_video(self, folder: Path, path: Path) -> None:
        ds = deeplake.empty(str(folder))
        ds.create_tensor("video", htype="video", sample_compression="mp4")
        ds.video.append(deeplake.read(path))

    def open(self, folder: Path) -> Any:
        return deeplake.load(str(folder))

    def read_image(self, opened: Any, row: int) -> np.ndarray:
        image: np.ndarray = opened.images[row].numpy()
        return image

    read_file = read_image

    def read_images(self, opened: Any, rows: list[int]) -> np.ndarray:
        images: np.ndarray = opened.images[rows].numpy()
        return images

    def read_files(self, opened: Any, rows: list[int]) -> list[np.ndarray]:
        images: list[np.ndarray] = opened.images[rows].numpy(aslist=True)
        return images

    def read_labels(self, opened: Any) -> np.ndarray:
        labels: np.ndarray = opened.labels.numpy()
        return labels[:, 0]

    def read_embeddings(self, opened: Any) -> np.ndarray:
        embeddings: np.ndarray = opened.embeddings.numpy()
        return embeddings

    def read_crop(self, opened: Any, top: int, left: int, side: int) -> np.ndarray:
        crop: np.ndarray = opened.scan[0, top : top + side, left : left + side].numpy()
        return crop

    def read_frame(self, opened: Any, number: int) -> np.ndarray:
        frame: np.ndarray = opened.video[0, number].numpy()
        return frame


class Versions(roles.Versions):
    fsync = "1"

    def __init__(self) -> None:
        os.environ["DEEPLAKE_FSYNC"] = self.fsync

    def create(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> Any:
        ds = deeplake.empty(str(folder))
        ds.create_tensor("images", htype="image", sample_compression=None)
        ds.create_tensor("labels", htype="class_label")
        ds.extend({"images": images, "labels": labels})
        ds.commit("all")
        return ds

    def append(self, opened: Any, image: np.ndarray, label: int) -> None:
        with opened:
            opened.append({"images": image, "labels": label})
            opened.commit("one more")

    def update(self, opened: Any, rows: list[int], images: np.ndarray) -> None:
        with opened:
            opened.images[rows] = images
            opened.commit("some anew")

    def branch(self, opened: Any, name: str) -> None:
        opened.create_branch(name)

    def checkout(self, opened: Any, name: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the branch has no commits of its own
            opened.checkout(name)

    def diff(self, opened: Any, name: str) -> None:
        opened.diff(name, as_dict=True)

    def merge(self, opened: Any, name: str) -> None:
        opened.merge(name)

    def images(self, opened: Any, rows: list[int]) -> np.ndarray:
        found: np.ndarray = opened.images[rows].numpy()
        return found


class Loader(DataModel):
    def crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        begin = time.perf_counter()
        transform = {"images": transforms.RandomResizedCrop(224), "labels": None}
        loader = deeplake.load(str(folder)).dataloader().transform(transform).batch(64)
        return roles.counted(begin, (b["images"] for b in loader.shuffle(shuffle).pytorch()))

    def rows(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        begin = time.perf_counter()
        loader = deeplake.load(str(folder)).dataloader().batch(64).shuffle(shuffle)
        return roles.counted(begin, (b["images"] for b in loader.pytorch(return_index=False)))

    def images(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        begin = time.perf_counter()
        loader = deeplake.load(str(folder)).dataloader().batch(8).shuffle(shuffle)
        return roles.counted(begin, (b["images"] for b in loader.pytorch(return_index=False)))


class Query(roles.Query):
    def write(self, folder: Path, names: list[str], *columns: np.ndarray) -> None:
        os.environ["DEEPLAKE_FSYNC"] = "0"
        ds = deeplake.empty(str(folder))
        with ds:
            for name, column in zip(names, columns, strict=True):
                text = column.dtype.kind == "U"
                options = {"htype": "text"} if text else {"dtype": str(column.dtype)}
                tensor = ds.create_tensor(name, **options)
                tensor.extend(column.tolist() if text else column)

    def open(self, folder: Path) -> Any:
        return deeplake.load(str(folder))

    def equal(self, opened: Any, column: str, value: int) -> Any:
        return opened.query(f"SELECT * WHERE {column} == {value}")

    def both(self, opened: Any, column: str, value: int, other: str, divisor: int) -> Any:
        return opened.query(f"SELECT * WHERE {column} == {value} AND {other} % {divisor} == 0")

    def between(self, opened: Any, column: str, low: int, high: int) -> Any:
        return opened.query(f"SELECT * WHERE {column} BETWEEN {low} AND {high}")

    def first(self, opened: Any, column: str, count: int) -> Any:
        return opened.query(f"SELECT * ORDER BY {column} LIMIT {count}")

    def contains(self, opened: Any, column: str, word: str) -> Any:
        return opened.query(f"SELECT * WHERE CONTAINS({column}, '{word}')")

    def nearest(self, opened: Any, column: str, vector: np.ndarray, count: int) -> Any:
        array = ",".join(map(str, vector.tolist()))
        return opened.query(
            f"SELECT * ORDER BY COSINE_SIMILARITY({column}, ARRAY[{array}]) DESC LIMIT {count}"
        )

    def counts(self, opened: Any, column: str) -> Any:
        return opened.query(f"SELECT {column}, COUNT(*) AS n GROUP BY {column} ORDER BY {column}")

    def ids(self, found: Any) -> np.ndarray:
        return np.asarray(found.id.numpy()).ravel()

    def numbers(self, found: Any) -> np.ndarray:
        return np.asarray(found["n"].numpy()).ravel()


class Streaming(roles.Streaming):
    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        DataModel().write_files(folder, paths, labels)

    def crops(self, place: roles.Place, shuffle: bool) -> list[np.ndarray]:
        creds = {
            "endpoint_url": place.endpoint, "aws_access_key_id": place.key,
            "aws_secret_access_key": place.secret, "aws_region": "us-east-1",
        }  # fmt: skip
        return self._epoch(place.url, shuffle, creds=creds)

    def local_crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(str(folder), shuffle)

    def _epoch(self, path: str, shuffle: bool, **more: Any) -> list[np.ndarray]:
        begin = time.perf_counter()
        transform = {"images": transforms.RandomResizedCrop(224), "labels": None}
        loader = deeplake.load(path, **more).dataloader().transform(transform).batch(64)
        return roles.counted(begin, (b["images"] for b in loader.shuffle(shuffle).pytorch()))
