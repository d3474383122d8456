"""Samples that are not arrays, as bytes: text, json values, lists and polygons.

**Text** is UTF-8.

**Json values and lists** are strict JSON in UTF-8 (RFC 8259: no NaN tokens, no lone surrogates), so
any JSON parser reads them. What JSON lacks is an object with the reserved key ``$deeplake``:

====================================  ===========================================================
value                                 JSON
====================================  ===========================================================
``numpy.ndarray``                     ``{"$deeplake":"ndarray","dtype":"<f4","shape":[2],"data":…}``
``bytes``                             ``{"$deeplake":"bytes","data":…}``
:class:`Embedded`                     ``{"$deeplake":"sample","compression":"png","data":…}``
NaN, infinity, -infinity              ``{"$deeplake":"float","data":"nan"}`` (``"inf"``, ``"-inf"``)
====================================  ===========================================================

``data`` is base64 (C order for arrays). A user's own key ``$deeplake``, with any number of dollars
in front, is written with one dollar more. NumPy scalars become numbers, tuples lists, mappings
objects, and numbers, bools and None that are keys str; the order of keys is kept. Nothing is nested
deeper than ``MAX_DEPTH``.

**Polygons** of one sample are ``u32`` count, ``u32`` ndim, count × ``u32`` points, and then the
coordinates in C order in the tensor's dtype; all little-endian. No polygons are no bytes.
"""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from deeplake.errors import (
    CorruptedSampleError,
    EmptyPolygonError,
    InvalidSampleValueError,
    TensorInvalidSampleShapeError,
    UnsupportedTensorTypeError,
)
from deeplake.types import Buffer

MAX_DEPTH: Final = 200
"""Levels of lists and objects that a json value can have."""

MAX_POLYGONS: Final = 65535
"""Polygons in a sample, and points in a polygon."""

_KEY: Final = "$deeplake"
_MAX_BITS: Final = 14000  # Python refuses to print and to parse ints of more than 4300 digits
_DTYPE: Final = re.compile(r"[<>|](?:[biufc][1-9]\d?|[SU][1-9]\d{0,8}|[Mm]8(?:\[\d*[A-Za-z]+\])?)")
_POLYGONS: Final = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class Embedded:
    """An encoded sample inside a json value.

    Attributes:
        compression: Key of its codec.
        data: Bytes of the file.
    """

    compression: str
    data: bytes


# --------------------------------------------------------------------------- text
def encode_text(text: Any) -> bytes:
    """UTF-8 of a str, or of the str in an array of one.

    Raises:
        UnsupportedTensorTypeError: Not a str.
        InvalidSampleValueError: Lone surrogates, which UTF-8 does not have.
    """
    if isinstance(text, np.ndarray) and text.size == 1:
        text = text.item()
    if not isinstance(text, str):
        raise UnsupportedTensorTypeError(f"text is a str, not {type(text).__name__}")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidSampleValueError(
            f"the text has a lone surrogate {text[error.start]!r} at character {error.start}, "
            "which is no character: read the file as UTF-8, or replace it with "
            "text.encode(errors='replace').decode()"
        ) from error


def decode_text(data: Buffer) -> str:
    """The text that was encoded.

    Raises:
        CorruptedSampleError: Not UTF-8.
    """
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise CorruptedSampleError(f"the stored text is not UTF-8: {error}") from error


# --------------------------------------------------------------------------- json
class _Unfit(Exception):
    """A part of a value that JSON cannot hold; the frames on the way out add where it is."""

    def __init__(self, kind: type[Exception], problem: str) -> None:
        super().__init__(problem)
        self.kind = kind
        self.where: list[str] = []


def encode_json(value: Any, *, pack: Callable[[Any], Any] | None = None) -> bytes:
    """A json value as bytes.

    Args:
        value: None, bool, int, float, str, and lists, tuples and mappings of them; arrays, bytes,
            and what converts itself to an array.
        pack: Called with a value of another type; returns one that can be encoded (an
            :class:`Embedded` for a sample read from a file), or None.

    Raises:
        UnsupportedTensorTypeError: A type that JSON has no place for, or a key that cannot be one;
            the message names the path.
        InvalidSampleValueError: Nested too deep, an int of thousands of digits, or a str with lone
            surrogates.
    """
    try:
        plain = _plain(value, 0, pack)
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except _Unfit as unfit:
        raise unfit.kind(f"{_path(unfit)} {unfit}") from unfit.__cause__
    except RecursionError as error:
        # Within MAX_DEPTH, but the caller has used most of the interpreter's stack.
        raise InvalidSampleValueError(
            "the json value is nested deeper than the interpreter's stack has room for here"
        ) from error
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        around = text[max(0, error.start - 20) : error.start + 20]
        raise InvalidSampleValueError(
            f"the json value has a str with a lone surrogate, which is no character: …{around!r}…"
        ) from error


def _path(unfit: _Unfit) -> str:
    where = "".join(reversed(unfit.where))
    return "the json value" if not where else f"value{where[:200]} in the json value"


def _plain(value: Any, depth: int, pack: Callable[[Any], Any] | None) -> Any:
    """The value with everything that JSON lacks replaced by what stands for it."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is float or isinstance(value, (float, np.floating)):
        number = float(value)
        return number if math.isfinite(number) else {_KEY: "float", "data": repr(number)}
    if kind is int or isinstance(value, (int, np.integer)):
        number = int(value)
        if number.bit_length() > _MAX_BITS:
            raise _Unfit(
                InvalidSampleValueError,
                f"is an int of {number.bit_length()} bits: store it as a str",
            )
        return number
    if isinstance(value, (list, tuple)):
        return _plain_list(value, _deeper(depth), pack)
    if isinstance(value, Mapping):
        return _plain_object(value, _deeper(depth), pack)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {_KEY: "bytes", "data": _base64(value)}
    if isinstance(value, Embedded):
        return {_KEY: "sample", "compression": value.compression, "data": _base64(value.data)}
    if pack is not None and not isinstance(value, np.ndarray):
        packed = pack(value)
        if packed is not None:
            return _plain(packed, _deeper(depth), None)
    if hasattr(value, "__array__"):
        return _plain_array(_as_array(value))
    raise _Unfit(
        UnsupportedTensorTypeError,
        f"is of type {kind.__module__}.{kind.__qualname__}, which json cannot hold: use None, "
        "bool, int, float, str, lists, dicts, numpy arrays or bytes",
    )


def _deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise _Unfit(
            InvalidSampleValueError,
            f"is nested more than {MAX_DEPTH} levels deep, or contains itself",
        )
    return depth + 1


def _plain_list(values: Sequence[Any], depth: int, pack: Callable[[Any], Any] | None) -> list[Any]:
    out: list[Any] = []
    try:
        for value in values:
            out.append(_plain(value, depth, pack))  # noqa: PERF401 - len(out) says where it failed
    except _Unfit as unfit:
        unfit.where.append(f"[{len(out)}]")
        raise
    return out


def _plain_object(
    values: Mapping[Any, Any], depth: int, pack: Callable[[Any], Any] | None
) -> dict[str, Any]:
    out: dict[str, Any] = {}
    key: Any = None
    try:
        for key, value in values.items():
            name = json_key(key)
            if name is None:
                raise _Unfit(
                    UnsupportedTensorTypeError,
                    f"has a key of type {type(key).__name__}; the keys of json objects are str, "
                    "which numbers, bools and None become",
                )
            if name.endswith(_KEY) and not name[: -len(_KEY)].strip("$"):
                name = "$" + name
            if name in out:
                raise _Unfit(InvalidSampleValueError, f"has two keys that are {name!r} in json")
            out[name] = _plain(value, depth, pack)
    except _Unfit as unfit:
        unfit.where.append(f"[{key!r}]")
        raise
    return out


def json_key(key: Any) -> str | None:
    """The str that a key of a json object becomes, as in Python's own ``json``; None: it cannot."""
    if isinstance(key, str):
        return key
    if isinstance(key, (bool, np.bool_)):
        return "true" if key else "false"
    if key is None:
        return "null"
    if isinstance(key, (int, np.integer)):
        return str(int(key))
    if isinstance(key, (float, np.floating)) and math.isfinite(key):
        return repr(float(key))
    return None


def _as_array(value: Any) -> np.ndarray:
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise _Unfit(
            UnsupportedTensorTypeError,
            f"is a {type(value).__name__} that NumPy cannot convert: {error}",
        ) from error


def _plain_array(array: np.ndarray) -> dict[str, Any]:
    if _DTYPE.fullmatch(array.dtype.str) is None:
        raise _Unfit(
            UnsupportedTensorTypeError,
            f"is an array of dtype {array.dtype}, which cannot be stored; use a numeric dtype, or "
            ".tolist()",
        )
    return {
        _KEY: "ndarray",
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "data": _base64(array.tobytes()),
    }


def _base64(data: Buffer) -> str:
    return base64.b64encode(data).decode("ascii")


def decode_json(data: Buffer, *, unpack: Callable[[Embedded], Any] | None = None) -> Any:
    """The value that was encoded; arrays are writable copies.

    Args:
        data: Bytes.
        unpack: Called with each :class:`Embedded`; returns what stands in the value instead.

    Raises:
        CorruptedSampleError: Not strict JSON, nested too deep, or a reserved object that is not one
            of ours.
    """
    text = decode_text(data)
    hook: Callable[[dict[str, Any]], Any] | None = None
    if _KEY in text:

        def hook(value: dict[str, Any]) -> Any:
            return _special(value, unpack)

    try:
        value = json.loads(text, object_hook=hook, parse_constant=_no_constant)
    except RecursionError as error:
        raise _too_deep() from error
    except CorruptedSampleError:
        raise
    except ValueError as error:
        raise CorruptedSampleError(f"the stored json cannot be parsed: {error}") from error
    if text.count("[") + text.count("{") > MAX_DEPTH:
        # How deep the parser follows depends on the interpreter: the limit must not.
        _check_depth(value)
    return value


def _no_constant(token: str) -> Any:
    raise CorruptedSampleError(f"the stored json has the token {token}, which JSON does not know")


def _special(value: dict[str, Any], unpack: Callable[[Embedded], Any] | None) -> Any:
    if _KEY not in value:
        if not any(key.startswith("$$") for key in value):
            return value
        return {
            key[1:] if key.startswith("$$") and key.lstrip("$") == _KEY[1:] else key: entry
            for key, entry in value.items()
        }
    kind = value[_KEY]
    try:
        if kind == "float":
            return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[value["data"]]
        raw = base64.b64decode(value["data"], validate=True)
        if kind == "bytes":
            return raw
        if kind == "sample":
            embedded = Embedded(str(value["compression"]), raw)
            return embedded if unpack is None else unpack(embedded)
        if kind == "ndarray":
            return _array(value["dtype"], value["shape"], raw)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CorruptedSampleError(
            f"the stored json has an object of kind {kind!r} that is not one: {error}"
        ) from error
    raise CorruptedSampleError(f"the stored json has an object of the unknown kind {kind!r}")


def _array(name: Any, shape: Any, raw: bytes) -> np.ndarray:
    if not isinstance(name, str) or _DTYPE.fullmatch(name) is None:
        raise ValueError(f"dtype {name!r} cannot be stored")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"{shape!r} is not a shape")
    dtype = np.dtype(name)
    if math.prod(shape) * dtype.itemsize != len(raw):
        raise ValueError(f"{len(raw)} bytes are not {shape} values of dtype {dtype}")
    return np.ndarray(shape, dtype, raw).copy()


def _check_depth(value: Any) -> None:
    """Refuse what :func:`encode_json` would not have written. Iterative: depth is the problem."""
    level, depth = [value], 0
    while level:
        level = [
            entry
            for node in level
            if isinstance(node, (list, dict))
            for entry in (node.values() if isinstance(node, dict) else node)
            if isinstance(entry, (list, dict))
        ]
        depth += 1
        if depth > MAX_DEPTH:
            raise _too_deep()


def _too_deep() -> CorruptedSampleError:
    return CorruptedSampleError(
        f"the stored json is nested more than {MAX_DEPTH} levels deep: no such value was written"
    )


# --------------------------------------------------------------------------- lists
def encode_list(values: Sequence[Any], *, pack: Callable[[Any], Any] | None = None) -> bytes:
    """A list as bytes: that of the json value. Errors as :func:`encode_json`."""
    return encode_json(list(values), pack=pack)


def decode_list(data: Buffer, *, unpack: Callable[[Embedded], Any] | None = None) -> list[Any]:
    """The list that was encoded. Errors as :func:`decode_json`, also if it is not a list."""
    value = decode_json(data, unpack=unpack)
    if not isinstance(value, list):
        raise CorruptedSampleError(f"the stored list is a json value of {type(value).__name__}")
    return value


def object_array(values: Sequence[Any]) -> np.ndarray:
    """A list as an array of shape ``(len,)`` and dtype object, whatever the elements are."""
    array = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        array[i] = value
    return array


# --------------------------------------------------------------------------- polygons
def encode_polygons(polygons: Sequence[Any], dtype: str | np.dtype[Any]) -> bytes:
    """The polygons of a sample as bytes.

    Args:
        polygons: Arrays of shape ``(points, ndim)``, of one ndim.
        dtype: The tensor's.

    Raises:
        EmptyPolygonError: A polygon has no points.
        TensorInvalidSampleShapeError: Not two dimensions, or the number of coordinates differs.
        InvalidSampleValueError: More than ``MAX_POLYGONS`` polygons or points.
    """
    if len(polygons) == 0:
        return b""
    target = np.dtype(dtype).newbyteorder("<")
    arrays = [np.asarray(polygon) for polygon in polygons]
    for i, array in enumerate(arrays):
        if not array.size:
            raise EmptyPolygonError(f"polygon {i} has no points")
        if array.ndim != 2 or array.shape[1] != arrays[0].shape[-1]:
            raise TensorInvalidSampleShapeError(
                f"polygon {i} has shape {array.shape}; polygons are arrays of shape "
                "(points, ndim), with the same ndim for all polygons of a sample"
            )
    points = np.array([len(array) for array in arrays], "<u4")
    if max(len(arrays), int(points.max())) > MAX_POLYGONS:
        raise InvalidSampleValueError(
            f"{len(arrays)} polygons of up to {points.max()} points: a sample can have "
            f"{MAX_POLYGONS} polygons, and a polygon {MAX_POLYGONS} points"
        )
    header = _POLYGONS.pack(len(arrays), arrays[0].shape[1])
    return header + points.tobytes() + np.concatenate(arrays).astype(target).tobytes()


def decode_polygons(data: Buffer, dtype: str | np.dtype[Any]) -> list[np.ndarray]:
    """The polygons that were encoded, each a writable array of shape ``(points, ndim)``.

    Raises:
        CorruptedSampleError: Lengths do not add up.
    """
    view = memoryview(data).cast("B")
    if not view.nbytes:
        return []
    kind = np.dtype(dtype).newbyteorder("<")
    count, ndim = _POLYGONS.unpack_from(view) if view.nbytes >= _POLYGONS.size else (0, 0)
    start = _POLYGONS.size + 4 * count
    if not count or not ndim or start > view.nbytes:
        raise CorruptedSampleError(f"{view.nbytes} bytes are not the polygons of a sample")
    points = np.frombuffer(view[_POLYGONS.size : start], "<u4").astype(np.int64)
    if start + int(points.sum()) * ndim * kind.itemsize != view.nbytes:
        raise CorruptedSampleError(
            f"{view.nbytes} bytes are not {count} polygons with {int(points.sum())} points of "
            f"{ndim} coordinates in {kind}"
        )
    values = np.frombuffer(view[start:], kind).astype(np.dtype(dtype)).reshape(-1, ndim)
    return np.split(values, np.cumsum(points)[:-1])


__all__ = [
    "MAX_DEPTH",
    "MAX_POLYGONS",
    "Embedded",
    "decode_json",
    "decode_list",
    "decode_polygons",
    "decode_text",
    "encode_json",
    "encode_list",
    "encode_polygons",
    "encode_text",
    "json_key",
    "object_array",
]
