"""What ``create_tensor`` is given, checked and made a schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from deeplake.dataset.checkout import new_tensor_id
from deeplake.errors import (
    InvalidTensorNameError,
    MeshTensorMetaMissingRequiredValue,
    PluginNotFoundError,
    TensorMetaInvalidHtype,
    TensorMetaInvalidHtypeOverwriteKey,
    TensorMetaInvalidHtypeOverwriteValue,
    TensorMetaMissingRequiredValue,
    TensorMetaMutuallyExclusiveKeysError,
    UnsupportedCompressionError,
)
from deeplake.format.encoding import codec_plugin, htype_plugin
from deeplake.format.htypes import parse_htype
from deeplake.spi import HtypePlugin, HtypeSpec
from deeplake.types import TensorSchema

UNSPECIFIED: Final = "unspecified"
"""Default of ``create_tensor`` arguments: not given, which is not the same as None."""

_KERNEL_KEYS = frozenset(("max_chunk_size", "typestr"))


def build_schema(
    name: str,
    htype: str | None,
    dtype: Any,
    sample_compression: str | None,
    chunk_compression: str | None,
    *,
    hidden: bool,
    verify: bool,
    tiling_threshold: int | None,
    extra: Mapping[str, Any],
) -> tuple[TensorSchema, dict[str, Any]]:
    """The schema and the info of a new tensor.

    Raises:
        TensorMetaInvalidHtype: No such htype.
        TensorMetaInvalidHtypeOverwriteKey: The htype has no such meta key.
        TensorMetaInvalidHtypeOverwriteValue: Bad dtype.
        TensorMetaMutuallyExclusiveKeysError: Both compressions.
        TensorMetaMissingRequiredValue: The htype needs a compression.
        UnsupportedCompressionError: No such compression, or not for this htype.
        KeyError, TypeError, ValueError: A meta key of the htype has a bad value.
    """
    unspecified = htype in (UNSPECIFIED, None)
    base, is_sequence, is_link = parse_htype("generic" if unspecified else str(htype))
    try:
        plugin = htype_plugin(base)
    except PluginNotFoundError as error:
        raise TensorMetaInvalidHtype(f"tensor {name!r}: there is no htype {base!r}: {error}") from error
    if is_sequence or is_link:
        raise TensorMetaInvalidHtype(
            f"tensor {name!r}: this version stores neither sequences nor links; {htype!r} needs a "
            "later one"
        )
    spec = plugin.spec()
    sample = _compression(name, sample_compression, spec, chunk=False)
    chunk = _compression(name, chunk_compression, spec, chunk=True)
    if sample and chunk:
        raise TensorMetaMutuallyExclusiveKeysError(
            f"tensor {name!r}: give sample_compression or chunk_compression, not both"
        )
    _require(name, spec, sample_compression, chunk_compression)
    if sample_compression == UNSPECIFIED and chunk is None and spec.default_compression:
        sample = spec.default_compression
    info, kernel = _own_meta(name, plugin, spec, extra)
    schema = TensorSchema(
        id=new_tensor_id(),
        name=name,
        htype=base,
        dtype=_dtype(name, dtype, spec, plugin),
        sample_compression=sample,
        chunk_compression=chunk,
        hidden=hidden,
        verify=verify,
        max_chunk_size=kernel.get("max_chunk_size"),
        tiling_threshold=tiling_threshold,
        meta={"open": True} if unspecified else {},
    )
    return schema, info


def _compression(name: str, value: str | None, spec: HtypeSpec, *, chunk: bool) -> str | None:
    if value is None or value == UNSPECIFIED:
        return None
    which = "chunk_compression" if chunk else "sample_compression"
    try:
        codec = codec_plugin(str(value))
    except PluginNotFoundError as error:
        raise UnsupportedCompressionError(f"tensor {name!r}, {which}={value!r}: {error}") from error
    if codec.media != "bytes" and codec.media not in spec.media:
        # An array without an htype may be stored as images; whether it fits shows at encoding.
        if not (spec.name == "generic" and codec.media == "image"):
            raise UnsupportedCompressionError(
                f"tensor {name!r}: {which}={value!r} stores {codec.media}, which htype "
                f"{spec.name!r} is not"
            )
    return codec.name


def _require(name: str, spec: HtypeSpec, sample: str | None, chunk: str | None) -> None:
    missing = None
    if spec.compression == "required" and sample == UNSPECIFIED and chunk == UNSPECIFIED:
        missing = "sample_compression or chunk_compression (for example 'jpeg', 'png', 'lz4' or None)"
    elif spec.compression == "sample" and sample == UNSPECIFIED:
        missing = "sample_compression"
    if missing is None:
        return
    kind = MeshTensorMetaMissingRequiredValue if spec.name == "mesh" else TensorMetaMissingRequiredValue
    raise kind(f"tensor {name!r}: htype {spec.name!r} needs {missing}")


def _own_meta(
    name: str, plugin: HtypePlugin, spec: HtypeSpec, extra: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    unknown = sorted(set(extra) - set(spec.info) - _KERNEL_KEYS)
    if unknown:
        allowed = sorted({*spec.info, *_KERNEL_KEYS})
        raise TensorMetaInvalidHtypeOverwriteKey(
            f"tensor {name!r}: htype {spec.name!r} has no meta {', '.join(map(repr, unknown))}; it "
            f"has {', '.join(allowed)}"
        )
    kernel = {key: extra[key] for key in extra if key in _KERNEL_KEYS}
    size = kernel.get("max_chunk_size")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
        raise TensorMetaInvalidHtypeOverwriteValue(
            f"tensor {name!r}: max_chunk_size is a number of bytes, not {size!r}"
        )
    own = {key: value for key, value in extra.items() if key in spec.info}
    defaults = {key: value for key, value in spec.info.items() if key not in own}
    return {**defaults, **plugin.check_info(own)}, kernel


def _dtype(name: str, dtype: Any, spec: HtypeSpec, plugin: HtypePlugin) -> str | None:
    if dtype is None or (isinstance(dtype, str) and dtype == UNSPECIFIED):
        if spec.payload in ("text",):
            return "str"
        if spec.payload in ("json", "list"):
            return "json"
        return None
    if spec.payload == "text":
        if dtype in (str, "str") or np.dtype(dtype).kind == "U":
            return "str"
        raise TensorMetaInvalidHtypeOverwriteValue(
            f"tensor {name!r}: the dtype of text is str, not {dtype!r}"
        )
    if spec.payload in ("json", "list"):
        return "json"
    try:
        kind = np.dtype(dtype)
    except TypeError as error:
        raise TensorMetaInvalidHtypeOverwriteValue(
            f"tensor {name!r}: {dtype!r} is not a NumPy dtype"
        ) from error
    if kind.kind not in "biufc":
        raise TensorMetaInvalidHtypeOverwriteValue(
            f"tensor {name!r}: arrays of dtype {kind} cannot be stored; numbers and bool can"
        )
    return kind.newbyteorder("<").str if kind.itemsize > 1 else kind.str


def check_name(name: Any, reserved: frozenset[str], error: type[Exception] = InvalidTensorNameError) -> str:
    """The name of a tensor or group without slashes at its ends.

    Raises:
        InvalidTensorNameError: Empty, with an empty or unprintable component, or an attribute of
            ``Dataset``, which ``ds.<name>`` could not reach.
    """
    if not isinstance(name, str) or not name.strip("/"):
        raise error(f"{name!r} is not a name: it must be a str that is not empty")
    name = name.strip("/")
    for part in name.split("/"):
        if not part or not part.isprintable():
            raise error(f"{name!r} is not a name: {part!r} is empty or has unprintable characters")
        if part in reserved:
            raise error(
                f"{name!r} is not a possible name: {part!r} is an attribute of Dataset; choose another"
            )
    return name


__all__ = ["UNSPECIFIED", "build_schema", "check_name"]
