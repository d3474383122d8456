"""Text, json values, lists and polygons survive as bytes, or are refused with a clear error."""

from __future__ import annotations

import collections
import contextlib
import enum
import inspect
import json
import math
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deeplake.errors import (
    CorruptedSampleError,
    EmptyPolygonError,
    InvalidSampleValueError,
    TensorInvalidSampleShapeError,
    UnsupportedTensorTypeError,
)
from deeplake.format.values import (
    MAX_DEPTH,
    Embedded,
    decode_json,
    decode_list,
    decode_polygons,
    decode_text,
    encode_json,
    encode_list,
    encode_polygons,
    encode_text,
    object_array,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = TEXT | st.sampled_from(["$deeplake", "$$deeplake", "$$$deeplake", "$", "deeplake", "$$x"])
ARRAYS = hnp.arrays(
    st.one_of(
        hnp.boolean_dtypes(),
        hnp.integer_dtypes(endianness="?"),
        hnp.floating_dtypes(endianness="?"),
        hnp.complex_number_dtypes(endianness="?"),
        hnp.datetime64_dtypes(endianness="?"),
        hnp.byte_string_dtypes(endianness="?"),
    ),
    hnp.array_shapes(min_dims=0, min_side=0, max_side=3),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    TEXT,
    st.binary(),
    ARRAYS,
    st.builds(Embedded, TEXT, st.binary()),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return (
            isinstance(b, np.ndarray)
            and (a.dtype, a.shape) == (b.dtype, b.shape)
            and a.tobytes() == b.tobytes()
        )
    if isinstance(a, float):
        return isinstance(b, float) and np.float64(a).tobytes() == np.float64(b).tobytes()
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and bool(a == b)


def plain_floats(value: Any) -> Any:
    """All NaNs are one: their payload is not kept."""
    if isinstance(value, float) and math.isnan(value):
        return math.nan
    if isinstance(value, list):
        return [plain_floats(v) for v in value]
    if isinstance(value, dict):
        return {k: plain_floats(v) for k, v in value.items()}
    return value


# --------------------------------------------------------------------------- round trips
@given(VALUES)
def test_json_round_trip(value: Any) -> None:
    data = encode_json(value)
    assert same(decode_json(data), plain_floats(value))
    assert same(decode_json(memoryview(data)), plain_floats(value))

    def refuse(token: str) -> None:
        raise AssertionError(token)

    json.loads(data.decode(), parse_constant=refuse)  # any strict parser reads it


@given(st.lists(VALUES, max_size=5))
def test_list_round_trip(values: list[Any]) -> None:
    assert same(decode_list(encode_list(values)), plain_floats(values))


@given(TEXT)
def test_text_round_trip(text: str) -> None:
    assert decode_text(encode_text(text)) == text
    assert decode_text(encode_text(np.str_(text))) == text
    assert encode_text(text) == text.encode()


@given(st.data())
def test_polygons_round_trip(data: st.DataObject) -> None:
    ndim = data.draw(st.integers(1, 3))
    dtype = data.draw(st.sampled_from(["float32", "float64", "int16"]))
    shapes = st.tuples(st.integers(1, 5), st.just(ndim))
    polygons = data.draw(st.lists(hnp.arrays(dtype, shapes), max_size=4))
    again = decode_polygons(encode_polygons(polygons, dtype), dtype)
    assert len(again) == len(polygons)
    for a, b in zip(again, polygons, strict=True):
        assert a.tobytes() == b.tobytes()
        assert (a.dtype, a.shape, a.flags.writeable) == (b.dtype, b.shape, True)


def test_what_json_makes_of_python() -> None:
    class Colour(enum.IntEnum):
        RED = 3

    value = {
        "tuple": (1, 2),
        "numpy": [np.int8(-3), np.uint64(2**63), np.float32(0.5), np.bool_(True), np.str_("é")],
        "enum": Colour.RED,
        "mapping": collections.OrderedDict(b=1, a=2),
        "view": memoryview(b"ab"),
    }
    assert decode_json(encode_json(value)) == {
        "tuple": [1, 2],
        "numpy": [-3, 2**63, 0.5, True, "é"],
        "enum": 3,
        "mapping": {"b": 1, "a": 2},
        "view": b"ab",
    }
    assert encode_json({"b": "é", "a": [1, None]}) == '{"b":"é","a":[1,null]}'.encode()


def test_arrays_come_back_writable_and_of_any_layout() -> None:
    array = np.arange(12).reshape(3, 4)
    again = decode_json(encode_json([array.T, array[::-1, ::2], np.array(5), np.zeros((0, 3))]))
    np.testing.assert_array_equal(again[0], array.T)
    np.testing.assert_array_equal(again[1], array[::-1, ::2])
    assert again[2].shape == ()
    assert again[3].shape == (0, 3)
    assert all(a.flags.writeable for a in again)


def test_embedded_samples_and_packing() -> None:
    class File:
        def __init__(self, data: bytes) -> None:
            self.data = data

    def pack(value: Any) -> Any:
        return Embedded("png", value.data) if isinstance(value, File) else None

    data = encode_json({"image": File(b"\x89PNG"), "other": [np.ones(2)]}, pack=pack)
    assert decode_json(data)["image"] == Embedded("png", b"\x89PNG")
    again = decode_json(data, unpack=lambda embedded: File(embedded.data))
    assert again["image"].data == b"\x89PNG"
    with pytest.raises(UnsupportedTensorTypeError, match=r"value\['image'\].*File"):
        encode_json({"image": File(b"")})


# --------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({1, 2}, "the json value is of type builtins.set"),
        ({"a": [0, object()]}, r"value\['a'\]\[1\] in the json value is of type builtins.object"),
        ({"a": {(1, 2): 2}}, r"value\['a'\]\[\(1, 2\)\] in the json value has a key of type tuple"),
        ({b"a": 2}, "has a key of type bytes"),
        ({float("nan"): 2}, "has a key of type float"),
        ([1j], r"value\[0\] .* builtins.complex"),
        ([np.array([None, "a"])], r"value\[0\] .* dtype object"),
        (np.zeros(2, [("a", int)]), "dtype"),
        (np.array(["2020"], "datetime64")[0], "is an array of dtype|of type"),
    ],
)
def test_types_that_json_has_not(value: Any, where: str) -> None:
    if isinstance(value, np.datetime64):
        # A NumPy scalar that is no number is stored as the array it is.
        assert decode_json(encode_json(value))[()] == value
        return
    with pytest.raises(UnsupportedTensorTypeError, match=where):
        encode_json(value)
    with pytest.raises(TypeError):
        encode_json(value)


def test_keys_become_str_as_json_writes_them() -> None:
    value = {1: "a", np.int64(2): {True: "b"}, 0.5: "c", None: "d", -3: "e", "4": "f"}
    assert decode_json(encode_json(value)) == {
        "1": "a", "2": {"true": "b"}, "0.5": "c", "null": "d", "-3": "e", "4": "f",
    }  # fmt: skip
    with pytest.raises(InvalidSampleValueError, match=r"value\['a'\].* two keys that are '1'"):
        encode_json({"a": {1: "one", "1": "another"}})


def nested(depth: int) -> Any:
    value: Any = 0
    for i in range(depth):
        value = [value] if i % 2 else {"a": value}
    return value


def test_depth_has_a_limit_both_ways() -> None:
    assert decode_json(encode_json(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    for depth in (MAX_DEPTH + 1, 900, 10_000, 100_000):
        with pytest.raises(InvalidSampleValueError, match="nested more than 200 levels"):
            encode_json(nested(depth))
        for opened, closed in ((b"[", b"]"), (b'{"a":', b"}")):
            with pytest.raises(CorruptedSampleError, match="nested more than 200 levels"):
                decode_json(opened * depth + b"1" + closed * depth)
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(InvalidSampleValueError, match="contains itself"):
        encode_json(circle)
    assert decode_json(encode_json([[]] * 1000)) == [[]] * 1000


def test_a_used_up_stack_is_an_error_and_no_crash() -> None:
    used, frame = 0, inspect.currentframe()
    while frame is not None:
        used, frame = used + 1, frame.f_back

    def deep(n: int) -> bytes:
        return encode_json(nested(MAX_DEPTH)) if n == 0 else deep(n - 1)

    with pytest.raises(InvalidSampleValueError, match="stack"):
        deep(sys.getrecursionlimit() - used - MAX_DEPTH)


def test_values_that_cannot_be_written() -> None:
    with pytest.raises(InvalidSampleValueError, match="lone surrogate '\\\\ud800' at character 2"):
        encode_text("ab\ud800")
    with pytest.raises(InvalidSampleValueError, match="lone surrogate"):
        encode_json({"a": ["\udfff"]})
    with pytest.raises(InvalidSampleValueError, match=r"value\[1\] .* is an int of 20001 bits"):
        encode_json([0, 1 << 20_000])
    for no_text in (b"ab", 3, None, ["a"], np.array(["a", "b"])):
        with pytest.raises(UnsupportedTensorTypeError, match="text is a str"):
            encode_text(no_text)
    assert encode_text(np.array(["ab"])) == b"ab"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[1,]",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b'"\xff"',
        b"\xff\xfe",
        b"1 2",
        b"9" * 5000,
        b'{"$deeplake":"ndarray"}',
        b'{"$deeplake":"what","data":""}',
        b'{"$deeplake":["float"],"data":"nan"}',
        b'{"$deeplake":"float","data":"1"}',
        b'{"$deeplake":"float","data":[]}',
        b'{"$deeplake":"bytes","data":"not base64"}',
        b'{"$deeplake":"bytes","data":3}',
        b'{"$deeplake":"bytes","data":"\xc3\xa9"}',
        b'{"$deeplake":"sample","data":""}',
        b'{"$deeplake":"ndarray","dtype":"O","shape":[1],"data":"AAAAAAAAAAA="}',
        b'{"$deeplake":"ndarray","dtype":"|O8","shape":[1],"data":"AAAAAAAAAAA="}',
        b'{"$deeplake":"ndarray","dtype":"<f3","shape":[0],"data":""}',
        b'{"$deeplake":"ndarray","dtype":"<f8,<f8","shape":[0],"data":""}',
        b'{"$deeplake":"ndarray","dtype":"<U0","shape":[1000000000000],"data":""}',
        b'{"$deeplake":"ndarray","dtype":"<f8","shape":[-1],"data":"AAAAAAAAAAA="}',
        b'{"$deeplake":"ndarray","dtype":"<f8","shape":[2],"data":"AAAAAAAAAAA="}',
        b'{"$deeplake":"ndarray","dtype":"<f8","shape":1,"data":"AAAAAAAAAAA="}',
        b'{"$deeplake":"ndarray","dtype":"<f8","shape":[true],"data":"AAAAAAAAAAA="}',
        b'{"$deeplake":"ndarray","dtype":"<f8","shape":[0,99999999999999999999],"data":""}',
        b'{"$deeplake":"ndarray","dtype":"<M8[zz]","shape":[0],"data":""}',
    ],
)
def test_bytes_that_are_no_json_of_ours(data: bytes) -> None:
    with pytest.raises(CorruptedSampleError):
        decode_json(data)


@given(st.binary())
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    for decode in (decode_text, decode_json, decode_list, lambda d: decode_polygons(d, "float32")):
        with contextlib.suppress(CorruptedSampleError):
            decode(data)


@given(VALUES, st.data())
def test_damaged_json_decodes_or_is_refused(value: Any, data: st.DataObject) -> None:
    raw = bytearray(encode_json(value))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(CorruptedSampleError):
        decode_json(raw)


def test_a_list_is_a_list() -> None:
    with pytest.raises(CorruptedSampleError, match="json value of dict"):
        decode_list(b"{}")
    array = object_array([np.ones(2), [1, 2], "a", None])
    assert array.shape == (4,)
    assert array.dtype == object
    assert array[1] == [1, 2]
    assert object_array([[1, 2], [3, 4]]).shape == (2,)


def test_polygons_that_are_none() -> None:
    square = np.zeros((4, 2))
    assert encode_polygons([], "float32") == b""
    with pytest.raises(EmptyPolygonError, match="polygon 1 has no points"):
        encode_polygons([square, np.zeros((0, 2))], "float32")
    with pytest.raises(TensorInvalidSampleShapeError, match=r"polygon 1 has shape \(4, 3\)"):
        encode_polygons([square, np.zeros((4, 3))], "float32")
    with pytest.raises(TensorInvalidSampleShapeError, match=r"polygon 0 has shape \(4,\)"):
        encode_polygons([np.zeros(4)], "float32")
    with pytest.raises(InvalidSampleValueError, match="65536 polygons of up to 1 points"):
        encode_polygons([np.zeros((1, 2))] * 65536, "float32")
    data = encode_polygons([square, square[:3]], "float32")
    for cut in (data[:-1], data + b"\0", data[:4], data[:9], b"\xff" * 8, bytes(8), bytes(12)):
        with pytest.raises(CorruptedSampleError):
            decode_polygons(cut, "float32")
