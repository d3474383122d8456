"""Which tensors can be given another htype with ``tensor.htype = …``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from deeplake.errors import IncompatibleHtypeError
from deeplake.format.htypes.notation import parse_htype

_Dims: TypeAlias = Sequence[int | None]

_SOURCES: Final = ("generic", "image")

_RULES: Final[Mapping[str, tuple[Callable[[_Dims, str | None], bool], str]]] = {
    "image": (
        lambda shape, dtype: len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4)),
        "samples of shape (height, width) or (height, width, channels) with 1, 3 or 4 channels",
    ),
    "class_label": (lambda shape, dtype: len(shape) == 2, "samples of shape (n,)"),
    "tag": (lambda shape, dtype: dtype == "str", "samples of dtype str"),
    "bbox": (
        lambda shape, dtype: len(shape) in (2, 3) and shape[-1] == 4,
        "samples of shape (n, 4)",
    ),
    "bbox.3d": (
        lambda shape, dtype: (
            (len(shape) in (2, 3) and shape[-1] in (8, 9))
            or (len(shape) in (3, 4) and tuple(shape[-2:]) == (8, 3))
        ),
        "samples of shape (n, 9), (n, 8) or (n, 8, 3)",
    ),
    "embedding": (lambda shape, dtype: dtype == "float32", "samples of dtype float32"),
    "binary_mask": (
        lambda shape, dtype: len(shape) in (3, 4),
        "samples of shape (height, width) or (height, width, n)",
    ),
    "segment_mask": (
        lambda shape, dtype: len(shape) in (3, 4),
        "samples of shape (height, width) or (height, width, n)",
    ),
    "instance_label": (lambda shape, dtype: True, "any samples"),
    "keypoints_coco": (
        lambda shape, dtype: len(shape) == 3 and shape[1] is not None and shape[1] % 3 == 0,
        "samples of shape (3 k, n)",
    ),
    "point": (
        lambda shape, dtype: len(shape) == 3 and shape[2] in (2, 3),
        "samples of shape (n, 2) or (n, 3)",
    ),
}


def check_conversion(
    source: str, target: str, *, shape: Sequence[int | None], dtype: str | None
) -> None:
    """Refuse a change of htype that the samples do not fit.

    Args:
        source: Htype now, as users write it.
        target: Htype that it should be, as users write it.
        shape: Of the tensor, the sample axis included; None where samples differ. Without samples
            any shape fits.
        dtype: Name of the tensor's NumPy dtype, or ``"str"``; None while there are no samples.

    Raises:
        TensorMetaInvalidHtype: ``target`` is malformed.
        IncompatibleHtypeError: ``target`` is a sequence or link, or the samples do not fit it.
        NotImplementedError: No conversion between these htypes exists.
    """
    if source == target:
        return
    base, is_sequence, is_link = parse_htype(target)
    if is_sequence or is_link:
        raise IncompatibleHtypeError(
            f"a tensor cannot be converted to {target!r}: create a new tensor of that htype"
        )
    if source not in _SOURCES or base not in _RULES:
        raise NotImplementedError(
            f"{source!r} cannot be converted to {target!r}; {' and '.join(_SOURCES)} can be "
            f"converted to {', '.join(_RULES)}"
        )
    fits, needed = _RULES[base]
    if len(shape) > 1 and shape[0] != 0 and not fits(shape, dtype):
        raise IncompatibleHtypeError(
            f"a tensor of shape {tuple(shape)} and dtype {dtype} cannot be converted to {base!r}, "
            f"which needs {needed}"
        )


__all__ = ["check_conversion"]
