"""Lance."""

from __future__ import annotations

import io
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pixels
import pyarrow as pa
import roles
from PIL import Image

REQUIREMENTS = [
    "pylance==14.0.2",
    "simplejpeg==1.9.0",
    "opencv-python-headless",
    "numpy",
    "pillow",
]
SHAPE = (32, 32, 3)


def fixed(arrays: np.ndarray) -> pa.FixedSizeListArray:
    """A column of arrays of one shape."""
    return pa.FixedSizeListArray.from_arrays(pa.array(arrays.reshape(-1)), arrays[0].size)


class DataModel(roles.DataModel):
    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        def batches() -> Any:
            for start in range(0, len(paths), 500):
                part = [path.read_bytes() for path in paths[start : start + 500]]
                yield pa.record_batch(
                    [
                        pa.array(part, pa.large_binary()),
                        pa.array(labels[start : start + len(part)]),
                    ],
                    names=["images", "labels"],
                )

        schema = pa.schema([("images", pa.large_binary()), ("labels", pa.uint32())])
        lance.write_dataset(pa.RecordBatchReader.from_batches(schema, batches()), str(folder))

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        table = pa.table({"images": fixed(images), "labels": labels})
        lance.write_dataset(table, str(folder))

    def write_embeddings(self, folder: Path, embeddings: np.ndarray) -> None:
        lance.write_dataset(pa.table({"embeddings": fixed(embeddings)}), str(folder))

    def open(self, folder: Path) -> Any:
        return lance.dataset(str(folder))

    def read_image(self, opened: Any, row: int) -> np.ndarray:
        return self.read_images(opened, [row])[0]

    def read_images(self, opened: Any, rows: list[int]) -> np.ndarray:
        column = opened.take(rows, columns=["images"])["images"].combine_chunks()
        return np.asarray(column.flatten()).reshape(-1, *SHAPE)

    def read_file(self, opened: Any, row: int) -> np.ndarray:
        return self.read_files(opened, [row])[0]

    def read_files(self, opened: Any, rows: list[int]) -> list[np.ndarray]:
        column = opened.take(rows, columns=["images"])["images"]
        return [np.asarray(Image.open(io.BytesIO(data.as_py()))) for data in column]

    def read_labels(self, opened: Any) -> np.ndarray:
        return opened.to_table(columns=["labels"])["labels"].to_numpy()

    def read_embeddings(self, opened: Any) -> np.ndarray:
        column = opened.to_table(columns=["embeddings"])["embeddings"].combine_chunks()
        return np.asarray(column.flatten()).reshape(len(column), -1)


class Versions(roles.Versions):
    def create(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> Any:
        DataModel().write_arrays(folder, images, labels)
        return {"folder": str(folder), "now": lance.dataset(str(folder))}

    def append(self, opened: Any, image: np.ndarray, label: int) -> None:
        row = pa.table({"images": fixed(image[None]), "labels": np.array([label], np.uint32)})
        opened["now"] = lance.write_dataset(row, opened["now"], mode="append")

    def update(self, opened: Any, rows: list[int], images: np.ndarray) -> None:
        now = opened["now"]
        found = now.take(rows, columns=["labels"]).append_column("images", fixed(images))
        ids = now.scanner(columns=[], with_row_id=True).to_table()["_rowid"].to_numpy()[rows]
        now.delete(f"_rowid in ({', '.join(map(str, ids.tolist()))})")
        opened["now"] = lance.write_dataset(found.select(["images", "labels"]), now, mode="append")

    def checkout(self, opened: Any, name: str) -> None:
        opened["now"] = lance.dataset(opened["folder"], version=opened["now"].version)

    def images(self, opened: Any, rows: list[int]) -> np.ndarray:
        raise NotImplementedError("an updated row moves to the end")


class Query(roles.Query):
    def write(self, folder: Path, names: list[str], *columns: np.ndarray) -> None:
        arrays = [fixed(column) if column.ndim > 1 else pa.array(column) for column in columns]
        lance.write_dataset(pa.table(arrays, names=names), str(folder))

    def open(self, folder: Path) -> Any:
        return lance.dataset(str(folder))

    def _where(self, opened: Any, condition: str) -> Any:
        return opened.to_table(columns=["id"], filter=condition)

    def equal(self, opened: Any, column: str, value: int) -> Any:
        return self._where(opened, f"{column} = {value}")

    def both(self, opened: Any, column: str, value: int, other: str, divisor: int) -> Any:
        return self._where(opened, f"{column} = {value} AND {other} % {divisor} = 0")

    def between(self, opened: Any, column: str, low: int, high: int) -> Any:
        return self._where(opened, f"{column} BETWEEN {low} AND {high}")

    def first(self, opened: Any, column: str, count: int) -> Any:
        return opened.scanner(columns=["id", column], order_by=[column], limit=count).to_table()

    def contains(self, opened: Any, column: str, word: str) -> Any:
        return self._where(opened, f"contains({column}, '{word}')")

    def nearest(self, opened: Any, column: str, vector: np.ndarray, count: int) -> Any:
        near = {"column": column, "q": vector, "k": count, "metric": "cosine"}
        return opened.to_table(columns=["id"], nearest=near, disable_scoring_autoprojection=True)

    def counts(self, opened: Any, column: str) -> Any:
        text = f"SELECT {column}, COUNT(*) AS n FROM dataset GROUP BY {column} ORDER BY {column}"
        return pa.Table.from_batches(opened.sql(text).build().to_batch_records())

    def ids(self, found: Any) -> np.ndarray:
        return found["id"].to_numpy()

    def numbers(self, found: Any) -> np.ndarray:
        return found["n"].to_numpy()


class Loader(DataModel):
    """Batches of the scanner in order, ``take`` of a batch shuffled; decoded on two threads.

    Lance does not survive a fork, and to spawn workers takes longer than these epochs.
    """

    def __init__(self) -> None:
        self.rng = np.random.default_rng()

    def crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, lambda data: pixels.cropped(data, self.rng))

    def rows(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 64, None)

    def images(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        return self._epoch(folder, shuffle, 8, pixels.decoded)

    def _epoch(self, folder: Path, shuffle: bool, size: int, decode: Any) -> list[np.ndarray]:
        begin = time.perf_counter()
        opened = lance.dataset(str(folder))

        def made(batch: Any) -> np.ndarray:
            if isinstance(batch, list):
                batch = opened.take(batch)
            column = batch["images"]
            if decode is None:
                flat = pa.chunked_array([column]).combine_chunks().flatten()
                return np.array(flat).reshape(-1, *SHAPE)
            return np.stack([decode(np.frombuffer(data.as_buffer(), np.uint8)) for data in column])

        batches: Any = opened.to_batches(batch_size=size)
        if shuffle:
            order = np.random.default_rng(0).permutation(opened.count_rows()).tolist()
            batches = (order[start : start + size] for start in range(0, len(order), size))
            if decode is None:
                return self._taken(begin, opened, order, size)
        with ThreadPoolExecutor(2) as threads:
            return roles.counted(begin, ahead(threads, made, batches))

    def _taken(self, begin: float, opened: Any, order: list[int], size: int) -> list[np.ndarray]:
        """Small rows: many are taken at once, as a take has a price of its own."""

        def batches() -> Iterator[np.ndarray]:
            for start in range(0, len(order), 64 * size):
                images = self.read_images(opened, order[start : start + 64 * size])
                for at in range(0, len(images), size):
                    yield images[at : at + size]

        return roles.counted(begin, batches())


def ahead(threads: ThreadPoolExecutor, work: Any, batches: Iterable[Any]) -> Iterator[Any]:
    """Results in order, of which four are made ahead."""
    waiting: deque[Any] = deque()
    for batch in batches:
        waiting.append(threads.submit(work, batch))
        if len(waiting) > 4:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
