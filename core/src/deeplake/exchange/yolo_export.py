"""``deeplake.export_yolo``: images, and a text file of objects for each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from deeplake import plugins
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.entry import load
from deeplake.dataset.progress import progress
from deeplake.dataset.sample import Creds, Sample
from deeplake.dataset.tensor import Tensor
from deeplake.errors import DeepLakeError, IngestionError
from deeplake.spi import SampleCodec
from deeplake.types import PathLike

BATCH = 64
"""Rows that are written at a time."""
EXTENSIONS = {"jpeg": "jpg", "tiff": "tif", "jpeg2000": "jp2"}
"""Compression -> extension, where those differ."""

_MODES = ("CCWH", "LTWH", "LTRB")
_TYPES = ("fractional", "pixel")


def export_yolo(
    src: PathLike | Dataset,
    dest: PathLike,
    src_creds: Creds = None,
    token: str | None = None,
    progressbar: bool = True,
    image_tensor: str | None = None,
    label_tensor: str | None = None,
    box_tensor: str | None = None,
    limit: int | None = None,
    *,
    num_workers: int = 4,
) -> None:
    """Write images and their boxes as YOLO has them.

    There are ``images/00000000.jpg`` (files as they are stored; arrays become PNG), for each of them
    ``annotations/00000000.txt`` with a line an object, and ``classes.names``: ``ingest_yolo`` reads it.
    Boxes become centre, width and height as parts of the image's size, whatever their ``coords`` say;
    polygons x and y of each point. Rows without an image are left out.

    Args:
        src: Path of a dataset; or a dataset or view.
        dest: Path of a folder that is empty or new. It appears when it is complete.
        src_creds: Credentials of the dataset's store.
        token: Accepted for compatibility.
        progressbar: Count rows on stderr.
        image_tensor, label_tensor, box_tensor: Names of the tensors; None: the only one of htype
            ``image``, ``class_label``, ``bbox`` (if there is none: ``polygon``).
        limit: Rows that are written at most; None: all.
        num_workers: Threads that read and write.

    Raises:
        ValueError: A tensor is not there, or it might be several; there are no class names; or the
            ``coords`` of the boxes do not say what their numbers are.
        IngestionError: There is something at ``dest``, it cannot be written, or a row has more labels
            than boxes.
        DatasetHandlerError: There is no dataset at ``src``.
    """
    ds = src if isinstance(src, Dataset) else load(src, read_only=True, creds=src_creds)
    writer = _Writer(
        _tensor(ds, image_tensor, "image_tensor", "image"),
        _tensor(ds, label_tensor, "label_tensor", "class_label"),
        _tensor(ds, box_tensor, "box_tensor", "bbox", "polygon"),
    )
    if limit is not None and limit < 0:
        raise ValueError(f"limit is a number of rows, not {limit}")
    count = min(len(writer.images), len(ds) if limit is None else limit)
    target = Path(os.path.expanduser(dest))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise IngestionError(f"{target} is there already: export to a folder that is empty or new")
    folder = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("images", "annotations"):
            (folder / name).mkdir(parents=True)
        names = "".join(f"{name}\n" for name in writer.classes)
        (folder / "classes.names").write_text(names, encoding="utf-8")
        batches = plugins.get("executor", "threaded").run(
            partial(writer.write, folder, count), range(0, count, BATCH), num_workers=num_workers
        )
        for _ in progress(
            batches, shown=progressbar, title="export", unit="row", total=count, size=int
        ):
            pass
        if target.exists():
            target.rmdir()
        folder.rename(target)
    except OSError as error:
        if isinstance(error, DeepLakeError):
            raise
        raise IngestionError(f"{target} cannot be written: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Writer:
    """Writes rows of three tensors."""

    def __init__(self, images: Tensor, labels: Tensor, objects: Tensor) -> None:
        self.images, self._labels, self._objects = images, labels, objects
        self.classes: list[str] = list(labels.info.get("class_names") or ())
        if not self.classes:
            raise ValueError(
                f"tensor {labels.key!r} has no class_names, which classes.names would have"
            )
        if any("\n" in name or name != name.strip() or not name for name in self.classes):
            raise ValueError(f"tensor {labels.key!r}: a class name does not fit into a line")
        coords: Mapping[str, Any] = objects.info.get("coords") or {}
        self._polygons = objects.base_htype == "polygon"
        self._kind = str(coords.get("type"))
        self._mode = str(coords.get("mode")).upper()
        if self._kind not in _TYPES or not (self._polygons or self._mode in _MODES):
            raise ValueError(
                f"tensor {objects.key!r}: its info says coords={dict(coords)!r}; the type must be "
                f"{' or '.join(_TYPES)}, and the mode of boxes {', '.join(_MODES)}: "
                f"ds[{objects.key!r}].info['coords'] = {{'type': 'pixel', 'mode': 'LTWH'}}"
            )

    def write(self, folder: Path, count: int, start: int) -> int:
        """Write a batch of rows, and say how many."""
        stop = min(start + BATCH, count)
        labels = self._labels[start:stop].numpy(aslist=True)
        objects = self._objects[start:stop].numpy(aslist=True)
        for row in range(start, stop):
            self._row(folder, row, labels[row - start], objects[row - start])
        return stop - start

    def _row(self, folder: Path, row: int, labels: np.ndarray, objects: Any) -> None:
        image = self.images[row]
        shape = image.shape
        if not shape or 0 in shape:
            return
        data, form = _file(image)
        name = f"{row:08d}"
        (folder / "images" / f"{name}.{EXTENSIONS.get(form, form)}").write_bytes(data)
        size = np.array([shape[1], shape[0]], np.float64)
        if self._polygons:
            lines = [np.asarray(points, np.float64) for points in objects]
            if self._kind == "pixel":
                lines = [points / size for points in lines]
        else:
            lines = list(self._boxes(np.asarray(objects, np.float64), size))
        labels = np.ravel(labels)
        if len(labels) != len(lines):
            raise IngestionError(
                f"row {row}: {len(labels)} labels in {self._labels.key!r}, and {len(lines)} objects "
                f"in {self._objects.key!r}"
            )
        text = "".join(
            f"{label} {' '.join(map(_shown, np.ravel(line)))}\n"
            for label, line in zip(labels.tolist(), lines, strict=True)
        )
        (folder / "annotations" / f"{name}.txt").write_text(text, encoding="utf-8")

    def _boxes(self, boxes: np.ndarray, size: np.ndarray) -> np.ndarray:
        """Boxes as centre, width and height, in parts of the image's size."""
        if not boxes.size:
            return np.zeros((0, 4))
        first, second = np.split(boxes.reshape(-1, 4), 2, axis=1)
        if self._mode == "LTRB":
            first, second = (first + second) / 2, second - first
        elif self._mode == "LTWH":
            first = first + second / 2
        found = np.concatenate([first, second], 1)
        return found / np.tile(size, 2) if self._kind == "pixel" else found


def _file(image: Tensor) -> tuple[bytes, str]:
    """The file of an image, and its format; arrays become PNG."""
    if image.is_link:
        data = image.tobytes()
        return data, str(Sample(buffer=data).compression)
    name = image.meta.sample_compression
    if name is not None and isinstance(plugins.get("codec", name), SampleCodec):
        return image.tobytes(), name
    codec = cast(SampleCodec, plugins.get("codec", "png"))
    return bytes(codec.encode(np.ascontiguousarray(image.numpy()))), "png"


def _shown(value: np.float64) -> str:
    """A number that reads as the same float32."""
    return np.format_float_positional(np.float32(value), trim="-")


def _tensor(ds: Dataset, name: str | None, argument: str, *htypes: str) -> Tensor:
    tensors = ds.tensors
    if name is not None:
        if name not in tensors:
            raise ValueError(f"{argument}: there is no tensor {name!r}, but {', '.join(tensors)}")
        if _kind(tensors[name]) not in htypes:
            raise ValueError(
                f"{argument}: tensor {name!r} has htype {tensors[name].htype!r}, not "
                f"{' or '.join(htypes)}"
            )
        return tensors[name]
    found: Sequence[str] = ()
    for htype in htypes:
        found = [key for key, tensor in tensors.items() if _kind(tensor) == htype]
        if found:
            break
    if len(found) != 1:
        raise ValueError(
            f"{argument}: {'several tensors have' if found else 'no tensor has'} the htype "
            f"{' or '.join(htypes)}{': ' if found else ''}{', '.join(found)}; name the one to export"
        )
    return tensors[found[0]]


def _kind(tensor: Tensor) -> str:
    """The htype of a tensor's samples; of no use are sequences of them."""
    if tensor.is_sequence:
        return ""
    base = str(tensor.base_htype)
    return "image" if base.startswith("image.") else base


__all__ = ["export_yolo"]
