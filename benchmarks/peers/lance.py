"""Lance."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import roles
from PIL import Image

REQUIREMENTS = ["pylance==14.0.2", "numpy", "pillow"]
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
