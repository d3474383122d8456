"""Files of other media: what can be stored; their codecs say how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deeplake.format.htypes.builtin import LARGE, BuiltinHtype, is_empty
from deeplake.spi import HtypeSpec
from deeplake.types import Shape


class Video(BuiltinHtype):
    """Frames of shape ``(frames, height, width, channels)``."""

    SPEC = HtypeSpec(
        name="video",
        dtype="uint8",
        media=frozenset({"video"}),
        compression="sample",
        chunk_size=LARGE,
    )

    def check_shape(self, shape: Shape) -> str | None:
        if len(shape) in (3, 4) or is_empty(shape):
            return None
        return f"a video has shape (frames, height, width, channels), not {shape}"

    def data(self, value: Any, info: Mapping[str, Any], *, batch: bool) -> dict[str, Any]:
        return {"frames": value}


class Audio(BuiltinHtype):
    """Waves of shape ``(samples, channels)`` or ``(samples,)``."""

    SPEC = HtypeSpec(
        name="audio",
        dtype="float64",
        media=frozenset({"audio"}),
        compression="sample",
        chunk_size=LARGE,
    )

    def check_shape(self, shape: Shape) -> str | None:
        if len(shape) in (1, 2) or is_empty(shape):
            return None
        return f"audio has shape (samples, channels) or (samples,), not {shape}"


class Dicom(BuiltinHtype):
    """Medical images, as DICOM files."""

    SPEC = HtypeSpec(
        name="dicom",
        media=frozenset({"dicom"}),
        compression="sample",
        chunk_size=LARGE,
        default_compression="dcm",
    )


class Nifti(BuiltinHtype):
    """Brain images, as NIfTI files."""

    SPEC = HtypeSpec(
        name="nifti", media=frozenset({"nifti"}), compression="sample", chunk_size=LARGE
    )


class PointCloud(BuiltinHtype):
    """Point clouds of shape ``(n, dimensions)``, as LAS files."""

    SPEC = HtypeSpec(
        name="point_cloud",
        dtype="float32",
        media=frozenset({"point_cloud"}),
        compression="sample",
        chunk_size=LARGE,
    )

    def check_shape(self, shape: Shape) -> str | None:
        if len(shape) == 2 or is_empty(shape):
            return None
        return f"a point cloud has shape (n, dimensions), not {shape}"

    def describe(
        self, data: dict[str, Any], fields: Mapping[str, Any], sample_info: Any
    ) -> dict[str, Any]:
        """Each dimension by its name, in the file's dtype."""
        return dict(fields) or super().describe(data, fields, sample_info)


class Mesh(BuiltinHtype):
    """Meshes, as PLY or STL files; the array is that of the vertices, ``(n, 3)``."""

    SPEC = HtypeSpec(name="mesh", media=frozenset({"mesh"}), compression="sample", chunk_size=LARGE)

    def check_shape(self, shape: Shape) -> str | None:
        if len(shape) == 2 or is_empty(shape):
            return None
        return f"the vertices of a mesh have shape (n, 3), not {shape}"

    def describe(
        self, data: dict[str, Any], fields: Mapping[str, Any], sample_info: Any
    ) -> dict[str, Any]:
        """``vertex_…`` and ``face_…`` of PLY; vertices, centroids, normals and info of STL."""
        if not fields:
            return super().describe(data, fields, sample_info)
        return dict(fields) if "vertices" not in fields else {**fields, "sample_info": sample_info}


__all__ = ["Audio", "Dicom", "Mesh", "Nifti", "PointCloud", "Video"]
