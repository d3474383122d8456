"""Names that users write: of htypes and of compressions."""

from __future__ import annotations

from typing import Any

from deeplake import plugins


class htype:
    """Names of the built-in htypes, for editors to complete: ``htype.IMAGE == "image"``."""

    DEFAULT = "generic"
    GENERIC = "generic"
    IMAGE = "image"
    IMAGE_RGB = "image.rgb"
    IMAGE_GRAY = "image.gray"
    CLASS_LABEL = "class_label"
    TAG = "tag"
    BBOX = "bbox"
    BBOX_3D = "bbox.3d"
    INTRINSICS = "intrinsics"
    SEGMENT_MASK = "segment_mask"
    BINARY_MASK = "binary_mask"
    INSTANCE_LABEL = "instance_label"
    KEYPOINTS_COCO = "keypoints_coco"
    POINT = "point"
    POLYGON = "polygon"
    TEXT = "text"
    JSON = "json"
    LIST = "list"
    EMBEDDING = "embedding"
    VIDEO = "video"
    AUDIO = "audio"
    DICOM = "dicom"
    NIFTI = "nifti"
    POINT_CLOUD = "point_cloud"
    MESH = "mesh"


def htypes() -> list[str]:
    """Names of all htypes, those of installed plugins included, sorted."""
    return plugins.names("htype")


def htype_configurations() -> dict[str, dict[str, Any]]:
    """By htype, those of installed plugins included: default dtype, and own meta with defaults."""
    specs = {name: plugins.get("htype", name).spec() for name in htypes()}
    return {name: {"dtype": spec.dtype, **spec.info} for name, spec in specs.items()}


def compressions() -> list[str | None]:
    """Names of all compressions that are installed, aliases included, sorted; then None."""
    return [*plugins.names("codec"), None]


__all__ = ["compressions", "htype", "htype_configurations", "htypes"]
