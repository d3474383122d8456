"""The built-in htypes, each a plugin: defaults, validation, conversion of what users append."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from deeplake.format.htypes.conversion import check_conversion
from deeplake.format.htypes.documents import Json, List, Text
from deeplake.format.htypes.geometry import (
    Bbox,
    Bbox3d,
    Embedding,
    Generic,
    Intrinsics,
    KeypointsCoco,
    Point,
    Polygon,
)
from deeplake.format.htypes.images import (
    BinaryMask,
    Image,
    ImageGray,
    ImageRgb,
    InstanceLabel,
    SegmentMask,
)
from deeplake.format.htypes.labels import ClassLabel, Tag
from deeplake.format.htypes.media import Audio, Dicom, Mesh, Nifti, PointCloud, Video
from deeplake.format.htypes.notation import parse_htype

BUILTIN: Final[Mapping[str, str]] = {
    "generic": "Generic",
    "image": "Image",
    "image.rgb": "ImageRgb",
    "image.gray": "ImageGray",
    "class_label": "ClassLabel",
    "tag": "Tag",
    "bbox": "Bbox",
    "bbox.3d": "Bbox3d",
    "intrinsics": "Intrinsics",
    "segment_mask": "SegmentMask",
    "binary_mask": "BinaryMask",
    "instance_label": "InstanceLabel",
    "keypoints_coco": "KeypointsCoco",
    "point": "Point",
    "polygon": "Polygon",
    "text": "Text",
    "json": "Json",
    "list": "List",
    "embedding": "Embedding",
    "video": "Video",
    "audio": "Audio",
    "dicom": "Dicom",
    "nifti": "Nifti",
    "point_cloud": "PointCloud",
    "mesh": "Mesh",
}
"""Htype -> name of its class in this package."""

__all__ = [
    "BUILTIN",
    "Audio",
    "Bbox",
    "Bbox3d",
    "BinaryMask",
    "ClassLabel",
    "Dicom",
    "Embedding",
    "Generic",
    "Image",
    "ImageGray",
    "ImageRgb",
    "InstanceLabel",
    "Intrinsics",
    "Json",
    "KeypointsCoco",
    "List",
    "Mesh",
    "Nifti",
    "Point",
    "PointCloud",
    "Polygon",
    "SegmentMask",
    "Tag",
    "Text",
    "Video",
    "check_conversion",
    "parse_htype",
]
