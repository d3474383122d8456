"""Boxes, points, polygons, cameras, vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from deeplake.errors import (
    EmptyPolygonError,
    InvalidSampleValueError,
    SampleHtypeMismatchError,
    TensorInvalidSampleShapeError,
)
from deeplake.format.htypes.builtin import (
    IMAGES,
    MEDIUM,
    SMALL,
    BuiltinHtype,
    is_empty,
    jsonable,
    texts,
)
from deeplake.format.values import MAX_POLYGONS
from deeplake.spi import HtypeSpec
from deeplake.types import Shape


class Generic(BuiltinHtype):
    """Arrays of any shape."""

    SPEC = HtypeSpec(name="generic", media=IMAGES)


class _Coordinates(BuiltinHtype):
    """Boxes, with ``coords`` saying what their numbers mean.

    Attributes:
        COORDS: Keys that ``coords`` may have.
    """

    COORDS: ClassVar[tuple[str, ...]]

    def check_meta(self, key: str, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise TypeError(f"'coords' is a dict, not {type(value).__name__}")
        for name in value:
            if name not in self.COORDS:
                raise KeyError(
                    f"'coords' of htype {self.SPEC.name!r} has the keys "
                    f"{', '.join(map(repr, self.COORDS))}, not {name!r}"
                )
        return jsonable(key, dict(value))


class Bbox(_Coordinates):
    """Boxes of shape ``(n, 4)``, or one of shape ``(4,)``."""

    SPEC = HtypeSpec(name="bbox", dtype="float32", info={"coords": {}}, chunk_size=SMALL)
    COORDS = ("type", "mode")

    def check_shape(self, shape: Shape) -> str | None:
        if is_empty(shape) or (len(shape) in (1, 2) and shape[-1] == 4):
            return None
        return f"boxes have shape (n, 4), not {shape}"


class Bbox3d(_Coordinates):
    """Boxes in space: ``(n, 9)`` as centre, size and rotation (``(n, 8)`` with two angles), or
    ``(n, 8, 3)`` as corners; or one of them without the first axis.
    """

    SPEC = HtypeSpec(name="bbox.3d", dtype="float32", info={"coords": {}}, chunk_size=SMALL)
    COORDS = ("mode",)

    def check_shape(self, shape: Shape) -> str | None:
        if is_empty(shape):
            return None
        if len(shape) in (1, 2) and shape[-1] in (8, 9):
            return None
        if len(shape) in (2, 3) and shape[-2:] == (8, 3):
            return None
        return (
            "boxes in space have shape (n, 9) for centre, size and rotation or (n, 8, 3) for "
            f"corners, not {shape}"
        )


class Intrinsics(BuiltinHtype):
    """Camera matrices of shape ``(3, 3)`` or ``(3, 4)``, or several of them."""

    SPEC = HtypeSpec(name="intrinsics", dtype="float32", chunk_size=SMALL)

    def check_shape(self, shape: Shape) -> str | None:
        if is_empty(shape) or (len(shape) >= 2 and shape[-2] == 3 and shape[-1] in (3, 4)):
            return None
        return f"intrinsics have shape (3, 3) or (n, 3, 3), not {shape}"


class Point(BuiltinHtype):
    """Points of shape ``(n, 2)`` or ``(n, 3)``, or one without the first axis."""

    SPEC = HtypeSpec(name="point", dtype="int32", chunk_size=SMALL)

    def check_shape(self, shape: Shape) -> str | None:
        if is_empty(shape) or (len(shape) in (1, 2) and shape[-1] in (2, 3)):
            return None
        return f"points have shape (n, 2) or (n, 3), not {shape}"


class KeypointsCoco(BuiltinHtype):
    """Key points of n objects, of shape ``(3 k, n)``: x, y and visibility of k points."""

    SPEC = HtypeSpec(
        name="keypoints_coco",
        dtype="int32",
        info={"keypoints": [], "connections": []},
        chunk_size=SMALL,
    )

    def check_meta(self, key: str, value: Any) -> Any:
        if key == "keypoints":
            return texts(key, value)
        pairs = jsonable(key, value)
        if not isinstance(pairs, list) or not all(
            isinstance(pair, list) and len(pair) == 2 and all(type(i) is int for i in pair)
            for pair in pairs
        ):
            raise TypeError(f"'connections' is a list of pairs of ints, not {pairs!r:.80}")
        return pairs

    def check_shape(self, shape: Shape) -> str | None:
        if is_empty(shape) or (len(shape) in (1, 2) and shape[0] % 3 == 0):
            return None
        return f"key points have shape (3 k, n): x, y and visibility of k points, not {shape}"


class Polygon(BuiltinHtype):
    """Lists of polygons, each an array of shape ``(points, ndim)``."""

    SPEC = HtypeSpec(name="polygon", payload="polygon", dtype="float32", chunk_size=SMALL)

    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        if not isinstance(value, (list, tuple)):
            if not hasattr(value, "__array__"):
                raise SampleHtypeMismatchError(
                    f"the polygons of a sample are a list of arrays, not {type(value).__name__}"
                )
            value = np.asarray(value)
            if value.ndim != 3 and not (value.ndim == 1 and value.dtype == object):
                raise TensorInvalidSampleShapeError(
                    f"an array of polygons has shape (n, points, ndim), not {value.shape}; put a "
                    "single polygon into a list"
                )
        if len(value) > MAX_POLYGONS:
            raise InvalidSampleValueError(
                f"a sample can have {MAX_POLYGONS} polygons, not {len(value)}"
            )
        polygons = [_polygon(i, points) for i, points in enumerate(value)]
        for i, polygon in enumerate(polygons):
            if polygon.shape[1] != polygons[0].shape[1]:
                raise TensorInvalidSampleShapeError(
                    f"polygon {i} has points of {polygon.shape[1]} coordinates, polygon 0 of "
                    f"{polygons[0].shape[1]}: they have to agree within a sample"
                )
        return polygons, None


def _polygon(i: int, points: Any) -> np.ndarray:
    try:
        array = np.asarray(points)
    except (TypeError, ValueError) as error:
        raise SampleHtypeMismatchError(f"polygon {i} is not an array of points: {error}") from error
    if array.size == 0:
        raise EmptyPolygonError(f"polygon {i} has no points; leave it out, or append None")
    if array.dtype.kind not in "iuf":
        raise SampleHtypeMismatchError(
            f"the points of polygon {i} are of dtype {array.dtype}, not numbers"
        )
    if array.ndim != 2:
        raise TensorInvalidSampleShapeError(
            f"polygon {i} has shape {array.shape}; a polygon is an array of shape (points, ndim)"
        )
    if len(array) > MAX_POLYGONS:
        raise InvalidSampleValueError(
            f"a polygon can have {MAX_POLYGONS} points, polygon {i} has {len(array)}"
        )
    return array


class Embedding(BuiltinHtype):
    """Vectors of shape ``(d,)``, or several of shape ``(n, d)``."""

    SPEC = HtypeSpec(name="embedding", dtype="float32", info={"vdb_indexes": []}, chunk_size=MEDIUM)

    def check_shape(self, shape: Shape) -> str | None:
        if len(shape) in (1, 2) or is_empty(shape):
            return None
        return f"an embedding has shape (d,), not {shape}"


__all__ = [
    "Bbox",
    "Bbox3d",
    "Embedding",
    "Generic",
    "Intrinsics",
    "KeypointsCoco",
    "Point",
    "Polygon",
]
