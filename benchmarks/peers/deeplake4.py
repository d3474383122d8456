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


class Query(roles.Query):
    def write(self, folder: Path, names: list[str], *columns: np.ndarray) -> None:
        ds = deeplake.create(str(folder))
        for name, column in zip(names, columns, strict=True):
            if name == "vector":
                kind: Any = deeplake.types.Embedding(column.shape[1])
            elif column.ndim > 1:
                kind = deeplake.types.Array(str(column.dtype), [column.shape[1]])
            else:
                kind = deeplake.types.Text() if column.dtype.kind == "U" else str(column.dtype)
            ds.add_column(name, kind)
        rows = len(columns[0])
        step = 20_000 if len(names) > 2 else 1_000_000
        for start in range(0, rows, step):
            part = {
                name: column[start : start + step].tolist() if column.dtype.kind == "U"
                else column[start : start + step]
                for name, column in zip(names, columns, strict=True)
            }  # fmt: skip
            ds.append(part)
        ds.commit()

    def open(self, folder: Path) -> Any:
        return deeplake.open_read_only(str(folder))

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
        return opened.query(f"SELECT {column}, id GROUP BY {column}")

    def ids(self, found: Any) -> np.ndarray:
        return np.asarray(found["id"][:]).ravel()

    def numbers(self, found: Any) -> np.ndarray:
        sizes = {int(np.ravel(row["label"])[0]): len(row["id"]) for row in found}
        return np.array([sizes[label] for label in sorted(sizes)])
