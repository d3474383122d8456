"""What ``create_tensor`` is given, checked and made a schema."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from deeplake.dataset.casting import STORED_KINDS, dtype_name
from deeplake.dataset.checkout import new_tensor_id
from deeplake.errors import (
    InfoError,
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

_KERNEL_KEYS = frozenset(("max_chunk_size", "typestr", "links"))
"""Meta of every htype that ``create_tensor`` has no argument for."""

MAX_FACTOR: Final = 1 << 16
"""How much smaller the smallest copies of samples may be; then they are empty anyway."""

_WRAPPERS = frozenset(("is_sequence", "is_link"))


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
    downsampling: Any,
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
    try:
        base, is_sequence, is_link = parse_htype(
            "generic" if unspecified or htype is None else htype
        )
        plugin = htype_plugin(base)
    except PluginNotFoundError as error:
        raise TensorMetaInvalidHtype(
            f"tensor {name!r}: there is no htype {htype!r}: {error}"
        ) from error
    except TensorMetaInvalidHtype as error:
        raise TensorMetaInvalidHtype(f"tensor {name!r}: {error}") from error
    is_sequence = is_sequence or bool(extra.get("is_sequence"))
    if is_sequence and base == "tag":
        raise TensorMetaInvalidHtype(f"tensor {name!r}: there are no sequences of tags")
    is_link = is_link or bool(extra.get("is_link"))
    if is_link and base == "generic":
        raise TensorMetaInvalidHtype(
            f"tensor {name!r}: htype={htype!r} does not say what is linked; write for example "
            "'link[image]'"
        )
    spec = plugin.spec()
    sample = _compression(name, sample_compression, spec, chunk=False)
    chunk = _compression(name, chunk_compression, spec, chunk=True)
    if sample and chunk:
        raise TensorMetaMutuallyExclusiveKeysError(
            f"tensor {name!r}: give sample_compression or chunk_compression, not both"
        )
    if not is_link:  # links have no bytes; the files' own format will do where they are stored
        _require(name, spec, sample_compression, chunk_compression)
    if sample_compression == UNSPECIFIED and chunk is None and spec.default_compression:
        sample = spec.default_compression
    if tiling_threshold is not None and not _is_int(tiling_threshold):
        raise TensorMetaInvalidHtypeOverwriteValue(
            f"tensor {name!r}: tiling_threshold is a number of bytes, not {tiling_threshold!r}"
        )
    info, kernel = _own_meta(name, plugin, spec, extra)
    meta: dict[str, Any] = {"open": True} if unspecified and not is_sequence else {}
    if spec.payload == "json" and dtype not in (UNSPECIFIED, None):
        meta["schema"] = _json_schema(name, plugin, dtype)
    if downsampling is not None:
        factor, layers = _downsampling(name, downsampling)
        if not is_link and spec.downsamples and not is_sequence:
            meta["downsampling"] = [factor, layers]
        else:
            warnings.warn(
                f"tensor {name!r}: downsampling is for images and masks; htype {htype!r} has none",
                stacklevel=4,
            )
    if kernel.get("typestr") is not None:
        meta["typestr"] = str(kernel["typestr"])
    schema = TensorSchema(
        id=new_tensor_id(),
        name=name,
        htype=base,
        dtype=_dtype(name, dtype, spec),
        sample_compression=sample,
        chunk_compression=chunk,
        is_sequence=is_sequence,
        is_link=is_link,
        hidden=bool(hidden),
        verify=bool(verify),
        max_chunk_size=kernel.get("max_chunk_size"),
        tiling_threshold=tiling_threshold,
        meta=meta,
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
    # An array without an htype may be stored as images; whether it fits shows at encoding.
    if codec.media != "bytes" and codec.media not in spec.media:
        raise UnsupportedCompressionError(
            f"tensor {name!r}: {which}={value!r} stores {codec.media}, which htype {spec.name!r} is "
            "not"
        )
    return codec.name


def check_compressions(name: str, spec: HtypeSpec, sample: str | None, chunk: str | None) -> None:
    """Raise ``UnsupportedCompressionError`` if a tensor of this htype cannot have them."""
    _compression(name, sample, spec, chunk=False)
    _compression(name, chunk, spec, chunk=True)


def _require(name: str, spec: HtypeSpec, sample: str | None, chunk: str | None) -> None:
    if spec.compression == "required" and sample == UNSPECIFIED and chunk == UNSPECIFIED:
        missing = (
            "sample_compression or chunk_compression (for example 'jpeg', 'png', 'lz4' or None)"
        )
    elif spec.compression == "sample" and sample == UNSPECIFIED and not spec.default_compression:
        missing = "sample_compression"
    else:
        return
    mesh = spec.name == "mesh"
    kind = MeshTensorMetaMissingRequiredValue if mesh else TensorMetaMissingRequiredValue
    raise kind(f"tensor {name!r}: htype {spec.name!r} needs {missing}")


def _own_meta(
    name: str, plugin: HtypePlugin, spec: HtypeSpec, extra: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The htype's own meta, which users find in ``info``, and the meta that every htype has."""
    common = _KERNEL_KEYS | _WRAPPERS
    unknown = sorted(set(extra) - set(spec.info) - common)
    if unknown:
        raise TensorMetaInvalidHtypeOverwriteKey(
            f"tensor {name!r}: htype {spec.name!r} has no meta {', '.join(map(repr, unknown))}; it "
            f"has {', '.join(sorted({*spec.info, *common}))}"
        )
    kernel = {key: extra[key] for key in extra if key in _KERNEL_KEYS}
    size = kernel.get("max_chunk_size")
    if size is not None and (not _is_int(size) or size < 1):
        raise TensorMetaInvalidHtypeOverwriteValue(
            f"tensor {name!r}: max_chunk_size is a number of bytes, not {size!r}"
        )
    own = {key: value for key, value in extra.items() if key in spec.info}
    defaults = {key: value for key, value in spec.info.items() if key not in own}
    try:
        return {**defaults, **plugin.check_info(own)}, kernel
    except (KeyError, TypeError, ValueError) as error:
        error.args = (f"tensor {name!r}: {error.args[0] if error.args else error}",)
        raise


def check_own_info(name: str, htype: str, info: Mapping[str, Any]) -> None:
    """Refuse values of the htype's own keys (class names, coordinates) that reading could not use.

    Raises:
        InfoError: One of them is of another kind.
    """
    plugin = htype_plugin(htype)
    own = plugin.spec().info
    given = {key: info[key] for key in own if key in info and info[key] != own[key]}
    try:
        plugin.check_info(given)
    except (KeyError, TypeError, ValueError) as error:
        reason = error.args[0] if error.args else error
        raise InfoError(f"tensor {name!r}: info of htype {htype!r}: {reason}") from error


def _downsampling(name: str, value: Any) -> tuple[int, int]:
    pair = tuple(value) if isinstance(value, (list, tuple)) else ()
    if len(pair) != 2 or not all(_is_int(n) and n >= 1 for n in pair):
        raise ValueError(
            f"tensor {name!r}: downsampling is (factor, layers), two ints of at least 1, not {value!r}"
        )
    if pair[1] > 64 or pair[0] ** pair[1] > MAX_FACTOR:
        raise ValueError(
            f"tensor {name!r}: downsampling={value!r} makes samples {pair[0]} ** {pair[1]} times "
            f"smaller; {MAX_FACTOR} is the most"
        )
    return pair[0], pair[1]


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _json_schema(name: str, plugin: HtypePlugin, dtype: Any) -> str:
    """What ``dtype=`` says that json values have to be."""
    try:
        return str(plugin.check_info({"schema": dtype})["schema"])
    except TensorMetaInvalidHtypeOverwriteValue as error:
        raise TensorMetaInvalidHtypeOverwriteValue(f"tensor {name!r}: {error}") from error


def _dtype(name: str, dtype: Any, spec: HtypeSpec) -> str | None:
    if dtype is None or (isinstance(dtype, str) and dtype == UNSPECIFIED):
        return spec.dtype if spec.payload in ("text", "json", "list") else None
    if spec.payload == "json":
        return "json"
    if spec.payload == "list":
        if dtype in ("List", "list", list, "json", "str", str):
            return "json"
        raise TensorMetaInvalidHtypeOverwriteValue(
            f"tensor {name!r}: htype {spec.name!r} has no dtype {dtype!r}; leave it out"
        )
    try:
        kind = np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError) as error:
        raise TensorMetaInvalidHtypeOverwriteValue(
            f"tensor {name!r}: {dtype!r} is not a NumPy dtype"
        ) from error
    if spec.payload == "text":
        if kind.kind == "U":
            return "str"
        raise TensorMetaInvalidHtypeOverwriteValue(
            f"tensor {name!r}: the dtype of text is str, not {dtype!r}"
        )
    if kind.kind not in STORED_KINDS or kind.itemsize > 16:
        raise TensorMetaInvalidHtypeOverwriteValue(
            f"tensor {name!r}: arrays of dtype {kind} cannot be stored; numbers and bool can"
        )
    return dtype_name(kind)


def check_name(
    name: Any, reserved: frozenset[str], error: type[Exception] = InvalidTensorNameError
) -> str:
    """The name of a tensor or group without slashes that part nothing.

    Raises:
        InvalidTensorNameError: Empty, with an unprintable component, or an attribute of
            ``Dataset``, which ``ds.<name>`` could not reach.
    """
    if not isinstance(name, str) or not name.strip("/"):
        raise error(f"{name!r} is not a name: it must be a str that is not empty")
    parts = [part for part in name.split("/") if part]
    for part in parts:
        if not part.isprintable():
            raise error(f"{name!r} is not a name: {part!r} has unprintable characters")
        if part in reserved:
            raise error(
                f"{name!r} is not a possible name: {part!r} is an attribute of Dataset; choose "
                "another"
            )
    return "/".join(parts)


__all__ = ["UNSPECIFIED", "build_schema", "check_compressions", "check_name"]
