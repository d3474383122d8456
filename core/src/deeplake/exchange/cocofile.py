"""A file of annotations in COCO's format: what it says of which image, column by column."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import cached_property
from itertools import islice
from posixpath import basename
from typing import Any

import numpy as np

from deeplake.dataset.sample import Creds
from deeplake.errors import IngestionError
from deeplake.exchange.outline import polygon_of
from deeplake.exchange.tree import decoded, read_file
from deeplake.types import PathLike

NO_POLYGON = np.full((1, 2), np.nan, np.float32)
"""Stands for an object without an outline, so that polygons stay beside their labels."""


class CocoFile:
    """Annotations of one file, in the order of their images.

    Args:
        path: Path or URL of the file.
        creds: Credentials of its store.
        ignored: Keys of annotations that are left out.
        limit: How many annotations are looked at to find the keys and their types.

    Raises:
        IngestionError: It is no such file; the message says where.
    """

    def __init__(
        self,
        path: PathLike,
        creds: Creds = None,
        *,
        ignored: Collection[str] = (),
        limit: int = 1_000_000,
    ) -> None:
        self.path = str(path)
        found = _parsed(decoded(read_file(path, creds), self.path), self.path)
        images = self._list(found, "images")
        annotations = self._list(found, "annotations")
        self.categories = self._list(found, "categories") if "categories" in found else []
        self._ids = self._image_ids(images)
        try:
            order = np.array([self._ids[entry["image_id"]] for entry in annotations], np.int64)
        except (KeyError, TypeError):
            self._refuse_image(annotations)
            raise
        order_of = np.argsort(order, kind="stable")
        self._annotations = [annotations[i] for i in order_of.tolist()]
        self._places = order_of
        # Where the annotations of each image begin, and end.
        self._bounds = np.searchsorted(order[order_of], np.arange(len(images) + 1))
        seen = dict.fromkeys(key for entry in islice(annotations, max(limit, 0)) for key in entry)
        self.keys = [key for key in seen if key not in ignored]
        self._limit = limit
        self._columns: dict[str, Any] = {}

    # ------------------------------------------------------------------ the file
    def _list(self, found: dict[str, Any], key: str) -> list[dict[str, Any]]:
        entries = found.get(key)
        if not isinstance(entries, list):
            raise IngestionError(f"{self.path} is no file of COCO: there is no list of {key!r}")
        for number, entry in enumerate(entries):
            if not isinstance(entry, dict):
                raise IngestionError(
                    f"{self.path}: {key}[{number}] is a {type(entry).__name__}, not an object"
                )
        return entries

    def _image_ids(self, images: list[dict[str, Any]]) -> dict[Any, int]:
        ids: dict[Any, int] = {}
        for number, image in enumerate(images):
            key, name = image.get("id"), image.get("file_name")
            if not isinstance(key, (int, str)) or not isinstance(name, str):
                raise IngestionError(f"{self.path}: images[{number}] has no 'id' and 'file_name'")
            if ids.setdefault(key, number) != number:
                raise IngestionError(f"{self.path}: images[{number}] has the id {key} again")
        self._names = [str(image["file_name"]).replace("\\", "/").lstrip("./") for image in images]
        return ids

    def _refuse_image(self, annotations: list[dict[str, Any]]) -> None:
        for number, entry in enumerate(annotations):
            key = entry.get("image_id")
            if not isinstance(key, (int, str)) or key not in self._ids:
                raise IngestionError(
                    f"{self.path}: annotations[{number}] has the image_id {key!r}, which no image has"
                )

    def _where(self, place: int) -> str:
        """An annotation, by its place among those in order."""
        entry = self._annotations[place]
        return f"{self.path}: annotations[{self._places[place]}] (id {entry.get('id')})"

    # ------------------------------------------------------------------ images
    @cached_property
    def _by_name(self) -> dict[str, int]:
        found = {name: number for number, name in enumerate(self._names)}
        if len(found) < len(self._names):
            twice = next(n for i, n in enumerate(self._names) if found[n] != i)
            raise IngestionError(f"{self.path}: several images have the file_name {twice!r}")
        return found

    @cached_property
    def _by_last(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, name in enumerate(self._names):
            found.setdefault(basename(name), []).append(number)
        return found

    def images(self, names: Sequence[str]) -> list[int | None]:
        """Which of the file's images each file of a folder is; None for those that it does not know.

        A file is the image of its path from the folder, or else the only one of its name.
        """
        found = []
        for name in names:
            number = self._by_name.get(name)
            if number is None:
                others = self._by_last.get(basename(name), ())
                number = others[0] if len(others) == 1 else None
            found.append(number)
        return found

    def annotated(self) -> int:
        """How many images there are."""
        return len(self._names)

    # ------------------------------------------------------------------ tensors
    def schema(self, key: str) -> dict[str, Any]:
        """Arguments of the tensor of a key."""
        match key:
            case "segmentation":
                return {"htype": "polygon"}
            case "category_id":
                names = [str(category.get("name")) for category in self.categories]
                return {"htype": "class_label", **({"class_names": names} if names else {})}
            case "bbox":
                return {"htype": "bbox", "coords": {"type": "pixel", "mode": "LTWH"}}
            case "keypoints":
                return {
                    "htype": "keypoints_coco", "dtype": str(self._column(key).dtype),
                    **self._skeleton(),
                }  # fmt: skip
        column = self._column(key)
        return {"dtype": str(column.dtype)} if isinstance(column, np.ndarray) else {"htype": "list"}

    def _skeleton(self) -> dict[str, Any]:
        for category in self.categories:
            if category.get("keypoints"):
                pairs = category.get("skeleton") or []
                # They count from 1 in such files, and from 0 here.
                return {
                    "keypoints": [str(name) for name in category["keypoints"]],
                    "connections": [[int(a) - 1, int(b) - 1] for a, b in pairs],
                }
        return {}

    def column(self, key: str, images: Sequence[int | None]) -> list[Any]:
        """Samples of the tensor of a key."""
        spans = [
            (0, 0) if image is None else (int(self._bounds[image]), int(self._bounds[image + 1]))
            for image in images
        ]
        if key == "segmentation":
            return [[self._polygon(i) for i in range(a, b)] or None for a, b in spans]
        values = self._column(key)
        if key == "keypoints":
            return [values[a:b].T for a, b in spans]
        return [values[a:b] for a, b in spans]

    def _column(self, key: str) -> Any:
        if key not in self._columns:
            found = [entry.get(key) for entry in self._annotations]
            match key:
                case "category_id":
                    self._columns[key] = self._labels(found)
                case "bbox":
                    self._columns[key] = self._boxes(found)
                case "keypoints":
                    self._columns[key] = self._points(found)
                case _:
                    self._columns[key] = _values(found)
        return self._columns[key]

    def _labels(self, found: list[Any]) -> np.ndarray:
        known = {category.get("id"): i for i, category in enumerate(self.categories)}
        if not known:
            known = {value: value for value in found if isinstance(value, int) and value >= 0}
        try:
            return np.array([known[value] for value in found], np.uint32)
        except (KeyError, TypeError):
            for place, value in enumerate(found):
                if not isinstance(value, (int, str)) or value not in known:
                    raise IngestionError(
                        f"{self._where(place)} has the category_id {value!r}, which no category has"
                    ) from None
            raise

    def _boxes(self, found: list[Any]) -> np.ndarray:
        nothing = [np.nan] * 4
        try:
            boxes = np.array([value or nothing for value in found], np.float32).reshape(-1, 4)
            if len(boxes) == len(found):
                return boxes
        except (TypeError, ValueError):
            pass
        for place, value in enumerate(found):
            if value and not _are_numbers(value, 4):
                raise IngestionError(
                    f"{self._where(place)}: the bbox {value!r:.60} is no 4 numbers"
                )
        raise IngestionError(f"{self.path}: the values of 'bbox' are no boxes")

    def _points(self, found: list[Any]) -> np.ndarray:
        """Key points of all annotations; those that have none have points that are not labelled."""
        size = max((len(value) for value in found if isinstance(value, list)), default=0)
        size += -size % 3
        for place, value in enumerate(found):
            if value and not _are_numbers(value, size):
                raise IngestionError(
                    f"{self._where(place)}: its keypoints are no x, y and visibility of "
                    f"{size // 3} points"
                )
        points = np.array([value or [0] * size for value in found], np.float64).reshape(-1, size)
        whole = (points == np.floor(points)).all()
        return points.astype(np.int32 if whole else np.float32)

    def _polygon(self, place: int) -> np.ndarray:
        try:
            found = polygon_of(self._annotations[place].get("segmentation"))
        except IngestionError as error:
            raise IngestionError(f"{self._where(place)}: its segmentation: {error}") from error
        return NO_POLYGON if found is None else found


def _parsed(text: str, path: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise IngestionError(
            f"{path}, line {error.lineno}, column {error.colno}: no JSON: {error.msg}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise IngestionError(f"{path}: no JSON: {error}") from error
    if not isinstance(found, dict):
        raise IngestionError(
            f"{path} is no file of COCO: it has no object, but {type(found).__name__}"
        )
    return found


def _are_numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(number, (int, float)) for number in value)
    )


def _values(found: list[Any]) -> Any:
    """An array of numbers, if they are; else the list. Numbers that are not there are NaN."""
    kinds = set(map(type, found))
    if kinds <= {int, float, type(None)} or kinds == {bool}:
        given = [np.nan if value is None else value for value in found]
        try:
            array = np.array(given)
        except OverflowError:
            return found
        return array if array.dtype.kind in "bif" else found
    if kinds == {list}:
        numbers = {type(number) for value in found for number in value}
        if len(set(map(len, found))) == 1 and numbers <= {int, float}:
            array = np.array(found)
            return array if array.dtype.kind in "if" and array.ndim == 2 else found
    return found


__all__ = ["NO_POLYGON", "CocoFile"]
