"""Each htype with real values: what it makes of them, what it refuses, what ``data`` gives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Dict, List, Optional, Union  # noqa: UP035 - what users write

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplake.errors import (
    EmptyPolygonError,
    IncompatibleHtypeError,
    InvalidSampleValueError,
    JsonValidationError,
    SampleHtypeMismatchError,
    TensorInvalidSampleShapeError,
    TensorMetaInvalidHtype,
    TensorMetaInvalidHtypeOverwriteKey,
    TensorMetaInvalidHtypeOverwriteValue,
)
from deeplake.format import htypes
from deeplake.format.htypes import check_conversion, parse_htype
from deeplake.format.htypes.jsonschema import parse_schema
from deeplake.spi import HtypePlugin

MIB = 1 << 20


def plugin(name: str) -> HtypePlugin:
    cls: type[HtypePlugin] = getattr(htypes, htypes.BUILTIN[name])
    return cls()


def prepare(name: str, value: Any, **info: Any) -> Any:
    prepared, changed = plugin(name).prepare(value, info)
    assert changed is None
    return prepared


# --------------------------------------------------------------------------- names
@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("image", ("image", False, False)),
        ("image.rgb", ("image.rgb", False, False)),
        ("sequence[image]", ("image", True, False)),
        ("link[image]", ("image", False, True)),
        ("sequence[link[image]]", ("image", True, True)),
        ("link[sequence[image]]", ("image", True, True)),
        ("sequence", ("generic", True, False)),
        ("sequence[generic]", ("generic", True, False)),
        ("my_plugin.htype2", ("my_plugin.htype2", False, False)),
        (" sequence[ bbox ] ", ("bbox", True, False)),
    ],
)
def test_htypes_are_taken_apart(text: str, parsed: tuple[str, bool, bool]) -> None:
    assert parse_htype(text) == parsed


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "[",
            "]",
            "[]",
            "image]",
            "image[",
            "image[]",
            "image[bbox]",
            "sequence[",
            "a b",
        ),
        *(
            "sequence]",
            "sequence[]",
            "link[]",
            "sequence[image",
            "sequence[image]]",
            "sequence image",
        ),
        *("sequence[sequence[image]]", "link[link[image]]", "sequence[link[sequence[image]]]"),
        *("sequence[link[sequence]]", "link", "link[generic]", "sequence[link]", "link[sequence]"),
        *(
            "sequence[link[generic]]",
            "link[sequence[generic]]",
            "sequence[tag]",
            "im/age",
            "image\n2",
        ),
        *(None, 3, ["image"]),
    ],
)
def test_malformed_htypes_are_refused(text: Any) -> None:
    with pytest.raises(TensorMetaInvalidHtype):
        parse_htype(text)
    with pytest.raises(ValueError, match=r"htype|exist|linked"):
        parse_htype(text)


@given(st.text(alphabet="ab[]. ") | st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        base, is_sequence, is_link = parse_htype(text)
    except TensorMetaInvalidHtype:
        return
    again = f"link[{base}]" if is_link else base
    assert parse_htype(f"sequence[{again}]" if is_sequence else again) == (
        base,
        is_sequence,
        is_link,
    )


# --------------------------------------------------------------------------- specs
@pytest.mark.parametrize(
    ("name", "payload", "dtype", "media", "compression", "info", "chunk_size"),
    [
        ("generic", "array", None, {"image"}, "optional", {}, None),
        ("image", "array", None, {"image"}, "required", {"intrinsics": None}, 8),
        ("image.rgb", "array", "uint8", {"image"}, "required", {"intrinsics": None}, 8),
        ("image.gray", "array", "uint8", {"image"}, "required", {"intrinsics": None}, 8),
        ("video", "array", "uint8", {"video"}, "sample", {}, 8),
        ("audio", "array", "float64", {"audio"}, "sample", {}, 8),
        ("class_label", "array", "uint32", set(), "optional", {"class_names": []}, 1),
        ("tag", "list", "json", set(), "optional", {}, 1),
        ("bbox", "array", "float32", set(), "optional", {"coords": {}}, 1),
        ("bbox.3d", "array", "float32", set(), "optional", {"coords": {}}, 1),
        ("intrinsics", "array", "float32", set(), "optional", {}, 1),
        ("segment_mask", "array", "uint32", {"image"}, "optional", {"class_names": []}, 8),
        ("binary_mask", "array", "bool", set(), "optional", {}, 8),
        ("instance_label", "array", "uint32", {"image"}, "optional", {}, 8),
        ("keypoints_coco", "array", "int32", set(), "optional",
         {"keypoints": [], "connections": []}, 1),
        ("point", "array", "int32", set(), "optional", {}, 1),
        ("polygon", "polygon", "float32", set(), "optional", {}, 1),
        ("text", "text", "str", set(), "optional", {"vdb_indexes": []}, 1),
        ("json", "json", "json", set(), "optional", {}, 1),
        ("list", "list", "json", set(), "optional", {}, 1),
        ("dicom", "array", None, {"dicom"}, "sample", {}, 8),
        ("nifti", "array", None, {"nifti"}, "sample", {}, 8),
        ("point_cloud", "array", "float32", {"point_cloud"}, "sample", {}, 8),
        ("mesh", "array", None, {"mesh"}, "sample", {}, 8),
        ("embedding", "array", "float32", set(), "optional", {"vdb_indexes": []}, 4),
    ],
)  # fmt: skip
def test_specs(
    name: str, payload: str, dtype: str | None, media: set[str], compression: str,
    info: Mapping[str, Any], chunk_size: int | None,
) -> None:  # fmt: skip
    spec = plugin(name).spec()
    assert spec.name == name
    assert (spec.payload, spec.dtype, spec.compression) == (payload, dtype, compression)
    assert spec.media == media
    assert spec.info == info
    assert spec.chunk_size == (chunk_size and chunk_size * MIB)
    assert spec.default_compression == ("dcm" if name == "dicom" else None)
    assert spec.downsamples == (
        name in ("image", "image.rgb", "image.gray", "binary_mask", "segment_mask")
    )


def test_names_and_classes() -> None:
    assert len(htypes.BUILTIN) == 25
    for name, cls in htypes.BUILTIN.items():
        assert getattr(htypes, cls)().spec().name == name
        assert cls in htypes.__all__


def test_importing_htypes_loads_numpy_and_nothing_else_heavy() -> None:
    heavy = ["PIL", "fsspec", "pluggy", "asyncio", "torch", "pytest", "hypothesis"]
    code = f"import sys, deeplake.format.htypes\nprint([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --------------------------------------------------------------------------- shapes
@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("generic", [(1,), (2, 3, 4, 5, 6)], []),
        ("image", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 13)], [(4,), (2, 4, 5, 3)]),
        ("image.rgb", [(4, 5, 3)], [(4, 5), (4, 5, 1), (4, 5, 4), (2, 4, 5, 3)]),
        ("image.gray", [(4, 5), (4, 5, 1)], [(4,), (4, 5, 3)]),
        ("video", [(7, 4, 5, 3), (7, 4, 5)], [(4, 5), (1, 7, 4, 5, 3)]),
        ("audio", [(100,), (100, 2)], [(1, 100, 2)]),
        ("class_label", [(1,), (7,)], []),
        ("bbox", [(2, 4), (4,)], [(1,), (2, 5), (4, 2), (1, 2, 4)]),
        ("bbox.3d", [(2, 9), (9,), (2, 8), (2, 8, 3), (8, 3)], [(2, 7), (2, 8, 4), (1, 2, 8, 3)]),
        ("intrinsics", [(3, 3), (3, 4), (2, 3, 3)], [(9,), (4, 4), (3, 2)]),
        ("segment_mask", [(4, 5), (4, 5, 2)], [(4,), (1, 2, 3, 4)]),
        ("binary_mask", [(4, 5), (4, 5, 2)], [(4,), (1, 2, 3, 4)]),
        ("instance_label", [(1,), (4, 5, 6)], []),
        ("keypoints_coco", [(51, 2), (3,)], [(50, 2), (1, 51, 2)]),
        ("point", [(1, 2), (9, 3), (2,)], [(1, 4), (1,), (1, 9, 3)]),
        ("point_cloud", [(9, 3), (9, 18)], [(3,), (1, 9, 3)]),
        ("mesh", [(9, 3)], [(3,)]),
        ("embedding", [(768,), (2, 768)], [(1, 2, 3)]),
    ],
)
def test_shapes(name: str, good: list[tuple[int, ...]], bad: list[tuple[int, ...]]) -> None:
    htype = plugin(name)
    for shape in good:
        assert htype.check_shape(shape) is None
    for shape in bad:
        problem = htype.check_shape(shape)
        assert problem is not None
        assert problem.endswith((f"not {shape}", "an array of them"))
    for empty in ((0,), (0, 4), (4, 0), (0, 0, 0), (0, 0, 0, 0)):
        assert htype.check_shape(empty) is None


# --------------------------------------------------------------------------- images
def test_images_become_rgb() -> None:
    grey = np.array([[0, 7], [200, 255]], "uint8")
    rgb = prepare("image.rgb", grey)
    assert rgb.shape == (2, 2, 3)
    assert (rgb == grey[..., None]).all()
    assert (prepare("image.rgb", grey[..., None]) == rgb).all()
    rgba = np.arange(16, dtype="uint8").reshape(2, 2, 4)
    assert (prepare("image.rgb", rgba) == rgba[..., :3]).all()
    assert prepare("image.rgb", rgb) is rgb
    batch = np.stack([rgba, rgba])
    assert prepare("image.rgb", batch).shape == (2, 2, 2, 3)
    assert prepare("image.rgb", np.zeros((5, 8, 9), "uint8")).shape == (5, 8, 9, 3)
    assert prepare("image.rgb", grey.astype(np.int64)).dtype == np.uint8


def test_images_become_grey_as_in_pillow() -> None:
    rgb = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [10, 20, 30]]], "u1")
    grey = prepare("image.gray", rgb)
    assert grey.dtype == np.uint8
    assert grey.tolist() == [[76, 150, 29, 255, 18]]
    assert prepare("image.gray", grey) is grey
    assert prepare("image.gray", grey[..., None]).shape == (1, 5)
    alpha = np.concatenate([rgb, rgb[..., :1]], axis=-1)
    assert (prepare("image.gray", alpha) == grey).all()
    assert prepare("image.gray", np.stack([rgb, rgb])).shape == (2, 1, 5)


def test_images_of_a_library_convert_themselves() -> None:
    class Picture:
        """What a Pillow image looks like from outside."""

        def __init__(self, mode: str, array: np.ndarray) -> None:
            self.mode = mode
            self.array = array

        def convert(self, mode: str) -> Picture:
            return Picture(mode, np.full((2, 2, 3) if mode == "RGB" else (2, 2), 9, "uint8"))

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
            return self.array

    palette = Picture("P", np.zeros((2, 2), "uint8"))
    assert (prepare("image.rgb", palette) == 9).all()
    assert prepare("image.gray", palette).shape == (2, 2)
    assert (prepare("image.gray", Picture("L", np.ones((2, 2), "uint8"))) == 1).all()


@pytest.mark.parametrize("name", ["image.rgb", "image.gray"])
@pytest.mark.parametrize(
    "value", [[[1, 2]], "x", 3, np.zeros((2, 2, 3)), np.zeros((2, 2), bool), {"a": 1}]
)
def test_other_types_are_no_images(name: str, value: Any) -> None:
    with pytest.raises(SampleHtypeMismatchError, match=name):
        plugin(name).prepare(value, {})


def test_values_beyond_a_byte_are_no_images() -> None:
    with pytest.raises(SampleHtypeMismatchError, match="from 0 to 255, not 0 to 256"):
        prepare("image.rgb", np.array([[0, 256]]))
    with pytest.raises(SampleHtypeMismatchError, match="not -1 to 0"):
        prepare("image.gray", np.array([[[-1, 0, 0]]]))


# --------------------------------------------------------------------------- labels
def label(value: Any, *names: str) -> tuple[Any, list[str] | None]:
    """What becomes of a class label, and the new class names, if there are any."""
    info = {"class_names": list(names), "author": "me"}
    prepared, changed = plugin("class_label").prepare(value, info)
    assert info == {"class_names": list(names), "author": "me"}
    if changed is None:
        return prepared, None
    assert changed["author"] == "me"
    return prepared, changed["class_names"]


def test_class_names_become_indexes() -> None:
    assert label("dog", "cat", "dog") == (1, None)
    assert label("owl", "cat") == (1, ["cat", "owl"])
    assert label(["owl", "cat", "ant", "owl"], "cat") == ([1, 0, 2, 1], ["cat", "owl", "ant"])
    assert label(("cat", 5)) == ([0, 5], ["cat"])
    assert label([["a"], ["b", "a"]]) == ([[0], [1, 0]], ["a", "b"])
    assert label(np.str_("cat"), "cat") == (0, None)
    assert label("b", "a", "b", "b") == (1, None)


def test_indexes_are_left_alone() -> None:
    array = np.array([3, 1])
    values: list[Any] = [3, np.uint8(3), [1, 2], (1, 2), array, [], [[1], [2]], 2.5, [1.5], True]
    for value in values:
        prepared, names = label(value)
        assert names is None
        assert prepared is value or prepared == value or list(prepared) == list(value)
    assert label(array)[0] is array


def test_arrays_of_class_names() -> None:
    indexes, names = label(np.array([["owl", "cat"], ["ant", "owl"]]), "cat")
    assert indexes.tolist() == [[1, 0], [2, 1]]
    assert names == ["cat", "owl", "ant"]
    assert indexes.dtype == np.uint8
    assert label(np.array(["a", 4, "b"], object))[0].tolist() == [0, 4, 1]
    assert label(np.array([], "U3"))[0].shape == (0,)
    many, names = label(np.array([f"c{i}" for i in range(300)]))
    assert many.tolist() == list(range(300))
    assert np.can_cast(many.dtype, np.uint32)


@given(st.lists(st.sampled_from(["a", "b", "c", "ä", ""]), max_size=12))
def test_labels_are_the_same_one_by_one_and_at_once(values: list[str]) -> None:
    names: list[str] = ["b"]
    expected = []
    for value in values:
        index, more = label(value, *names)
        names = more or names
        expected.append(index)
    for form in (values, np.array(values, "U1"), np.array(values, object)):
        indexes, more = label(form, "b")
        assert list(indexes) == expected
        assert (more or ["b"]) == names


@pytest.mark.parametrize("value", [None, b"cat", [b"cat"], {"a": 1}, [None], {1}, np.array([b"a"])])
def test_what_is_no_class_label(value: Any) -> None:
    with pytest.raises(SampleHtypeMismatchError, match="class label"):
        label(value)


def test_negative_labels_among_names() -> None:
    with pytest.raises(InvalidSampleValueError, match="not negative: -1"):
        label(np.array([-1, "a"], object))


def test_data_of_class_labels() -> None:
    htype = plugin("class_label")
    names = {"class_names": ["cat", "dog"]}
    one = np.array([1, 0, 7], "uint32")
    assert htype.data(one, names, batch=False) == {"value": one, "text": ["dog", "cat", None]}
    assert htype.data(np.uint32(1), names, batch=False)["text"] == "dog"
    assert htype.data(np.array([[1], [0]]), names, batch=True)["text"] == [["dog"], ["cat"]]
    ragged = [np.array([1]), np.array([], int)]
    assert htype.data(ragged, names, batch=True)["text"] == [["dog"], []]
    assert htype.data(one, {"class_names": []}, batch=False) == {"value": one}
    assert htype.data(one, {}, batch=False) == {"value": one}


def test_tags() -> None:
    assert prepare("tag", "a") == ["a"]
    assert prepare("tag", ["a", np.str_("b")]) == ["a", "b"]
    assert prepare("tag", np.array(["a", "b"])) == ["a", "b"]
    assert prepare("tag", ()) == []
    assert plugin("tag").data(["a", "b"], {}, batch=False) == {"value": ["a", "b"]}
    assert plugin("tag").data(np.array(["a"], object), {}, batch=False) == {"value": ["a"]}
    for wrong in (1, None, b"a", ["a", 1], [["a"]], {"a"}, np.array([1])):
        with pytest.raises(SampleHtypeMismatchError, match="a tag is a str or a list of str"):
            prepare("tag", wrong)


# --------------------------------------------------------------------------- own meta
def test_coords() -> None:
    coords = {"type": "pixel", "mode": "LTWH"}
    assert plugin("bbox").check_info({"coords": coords}) == {"coords": coords}
    assert plugin("bbox.3d").check_info({"coords": {"mode": "center"}}) == {
        "coords": {"mode": "center"}
    }
    with pytest.raises(KeyError, match="'unit'"):
        plugin("bbox").check_info({"coords": {"unit": "px"}})
    with pytest.raises(KeyError, match="'type'"):
        plugin("bbox.3d").check_info({"coords": {"type": "pixel"}})
    with pytest.raises(TypeError, match="'coords' is a dict, not list"):
        plugin("bbox").check_info({"coords": ["pixel"]})


def test_class_names_and_key_points() -> None:
    names = {"class_names": ["a", "b"]}
    for given_names in (["a", "b"], ("a", "b"), np.array(["a", "b"])):
        assert plugin("class_label").check_info({"class_names": given_names}) == names
    assert plugin("segment_mask").check_info(names) == names
    for wrong in ("ab", [1], {"a": 0}, None):
        with pytest.raises(TypeError, match="'class_names'"):
            plugin("class_label").check_info({"class_names": wrong})
    meta = {"keypoints": ["nose", "eye"], "connections": [[0, 1]]}
    assert plugin("keypoints_coco").check_info({**meta, "connections": [(0, 1)]}) == meta
    with pytest.raises(TypeError, match="pairs of ints"):
        plugin("keypoints_coco").check_info({"connections": [[0, 1, 2]]})
    with pytest.raises(TypeError, match="'keypoints' is a list of str"):
        plugin("keypoints_coco").check_info({"keypoints": [0]})


def test_info_is_plain_json() -> None:
    checked = plugin("image").check_info({"intrinsics": np.eye(2, dtype="float32")})
    assert checked == {"intrinsics": [[1.0, 0.0], [0.0, 1.0]]}
    with pytest.raises(TypeError, match="'intrinsics' holds a value of type set"):
        plugin("image").check_info({"intrinsics": {1}})
    with pytest.raises(ValueError, match="'intrinsics' holds a value that JSON cannot"):
        plugin("image").check_info({"intrinsics": float("nan")})
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match=r"'intrinsics' .*JSON"):
        plugin("image").check_info({"intrinsics": circle})


@pytest.mark.parametrize("name", sorted(htypes.BUILTIN))
def test_meta_of_another_htype_is_refused(name: str) -> None:
    with pytest.raises(TensorMetaInvalidHtypeOverwriteKey, match=f"htype '{name}' has no meta 'x'"):
        plugin(name).check_info({"x": 1})


# --------------------------------------------------------------------------- polygons
def test_polygons() -> None:
    square = [[0, 0], [0, 1], [1, 1], [1, 0]]
    prepared = prepare("polygon", [square, np.array([[0.5, 1.5]], "float32")])
    assert [p.shape for p in prepared] == [(4, 2), (1, 2)]
    assert [p.shape for p in prepare("polygon", np.zeros((2, 5, 3)))] == [(5, 3), (5, 3)]
    ragged = np.empty(2, object)
    ragged[:] = [np.zeros((3, 2)), np.zeros((4, 2))]
    assert [p.shape for p in prepare("polygon", ragged)] == [(3, 2), (4, 2)]
    assert prepare("polygon", []) == []
    assert plugin("polygon").data(prepared, {}, batch=False) == {"value": prepared}


def test_what_is_no_polygon() -> None:
    square = np.zeros((4, 2))
    with pytest.raises(EmptyPolygonError, match="polygon 1 has no points"):
        prepare("polygon", [square, []])
    with pytest.raises(TensorInvalidSampleShapeError, match="polygon 1 has points of 3 coord"):
        prepare("polygon", [square, np.zeros((4, 3))])
    with pytest.raises(TensorInvalidSampleShapeError, match="put a single polygon into a list"):
        prepare("polygon", square)
    with pytest.raises(TensorInvalidSampleShapeError, match=r"polygon 0 has shape \(4,\)"):
        prepare("polygon", [[0, 0, 1, 1]])
    with pytest.raises(SampleHtypeMismatchError, match="not numbers"):
        prepare("polygon", [[["a", "b"]]])
    with pytest.raises(SampleHtypeMismatchError, match="polygon 0 is not an array"):
        prepare("polygon", [[[0, 1], [2]]])
    with pytest.raises(SampleHtypeMismatchError, match="a list of arrays, not str"):
        prepare("polygon", "square")
    with pytest.raises(InvalidSampleValueError, match="65535 polygons, not 65536"):
        prepare("polygon", [square] * 65536)
    with pytest.raises(InvalidSampleValueError, match="polygon 0 has 65536"):
        prepare("polygon", [np.zeros((65536, 2))])


# --------------------------------------------------------------------------- documents
def test_text() -> None:
    for value in ("né", np.str_("né"), np.array("né"), np.array(["né"])):
        assert prepare("text", value) == "né"
        assert type(prepare("text", value)) is str
    for wrong in (b"a", 1, None, ["a"], np.array(["a", "b"]), np.array([1])):
        with pytest.raises(SampleHtypeMismatchError, match="text is a str, not"):
            prepare("text", wrong)
    with pytest.raises(SampleHtypeMismatchError, match="not bytes; decode it first"):
        prepare("text", b"a")
    htype = plugin("text")
    assert htype.data("a", {}, batch=False) == {"value": "a"}
    assert htype.data(np.array(["a"]), {}, batch=False) == {"value": "a"}
    assert htype.data(np.array([["a"], ["b"]]), {}, batch=True) == {"value": ["a", "b"]}
    assert htype.data(["a", "b"], {}, batch=True) == {"value": ["a", "b"]}


def test_lists() -> None:
    values = [1, "a", None, {"b": np.ones(2)}]
    assert prepare("list", values) is values
    assert prepare("list", (1, 2)) == [1, 2]
    assert prepare("list", np.arange(3)) == [0, 1, 2]
    assert plugin("list").data(np.array([1, "a"], object), {}, batch=False) == {"value": [1, "a"]}
    for wrong in ("ab", 1, {"a": 1}, None, np.float32(1), np.array(1), {1}):
        with pytest.raises(SampleHtypeMismatchError, match="a list sample is"):
            prepare("list", wrong)


def test_json_without_a_schema_takes_anything() -> None:
    value = {"a": [1, None, {"b": "c"}]}
    assert prepare("json", value) is value
    assert prepare("json", 3, schema=None) == 3
    assert plugin("json").data(value, {}, batch=False) == {"value": value}
    assert plugin("json").data(np.array([value, 1], object), {}, batch=True) == {
        "value": [value, 1]
    }


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Any", "Any"),
        (Any, "Any"),
        (dict, "Dict"),
        ("dict", "Dict"),
        (int, "int"),
        (None, "None"),
        (np.ndarray, "ndarray"),
        ("np.ndarray", "ndarray"),
        ("deeplake.core.sample.Sample", "Sample"),
        (Dict[str, int], "Dict[str, int]"),  # noqa: UP006
        ("Dict[str, int]", "Dict[str, int]"),
        ("typing.Dict[str,Any]", "Dict[str, Any]"),
        (List[Optional[int]], "List[Optional[int]]"),  # noqa: UP006, UP045
        (dict[str, list[float]], "Dict[str, List[float]]"),
        (list[int | None], "List[Optional[int]]"),
        (Union[int, str], "Union[int, str]"),  # noqa: UP007
        ("int | str | None", "Union[int, str, None]"),
        ("Union[int]", "int"),
        (" List [ int ] ", "List[int]"),
        (Dict, "Dict"),  # noqa: UP006
    ],
)
def test_schemas_are_texts_or_typing_objects(source: Any, text: str) -> None:
    assert str(parse_schema(source)) == text
    assert str(parse_schema(text)) == text
    assert plugin("json").check_info({"schema": source}) == (
        {"schema": text} if source is not None else {}
    )


@pytest.mark.parametrize(
    "source",
    [
        *("", "Set[int]", "Dict[int, str]", "Dict[str]", "List[int, str]", "Optional", "Union"),
        *("Optional[int, str]", "int[str]", "List[int", "List[int]]", "List[]", "int int", "int |"),
        *(
            "| int",
            "Dict[str: int]",
            "List[3]",
            "__import__('os')",
            "List[" * 60 + "int" + "]" * 60,
        ),
        *(set, 3, tuple[int, ...], bytes | set, object()),
    ],
)
def test_what_is_no_schema(source: Any) -> None:
    with pytest.raises(TensorMetaInvalidHtypeOverwriteValue, match="is not a json schema"):
        parse_schema(source)
    with pytest.raises(ValueError, match="write for example"):
        plugin("json").check_info({"schema": source})


class FileSample:
    def compressed_bytes(self) -> bytes:
        return b""


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ("Any", [1, None, {}], []),
        ("None", [None], [0]),
        ("bool", [True, np.bool_(False)], [1, "a"]),
        ("int", [1, np.int8(2), 2**80], [1.5, "1", None]),
        ("float", [1.5, 1, np.float32(2)], [True, "1"]),
        ("str", ["a"], [b"a", 1]),
        ("bytes", [b"a"], ["a"]),
        ("ndarray", [np.zeros(2)], [[0, 0]]),
        ("Sample", [FileSample()], [np.zeros(2)]),
        ("Dict", [{}, {"a": object()}, {1: 2}], [[], "a"]),
        ("Dict[str, int]", [{}, {"a": 1}], [{"a": "b"}, {1: 1}, [("a", 1)]]),
        ("List", [[], (1, "a")], [{}, "ab"]),
        ("List[int]", [[], [1], (1,)], [["a"], [[1]]]),
        ("Optional[int]", [None, 1], ["a"]),
        ("Union[int, str]", [1, "a"], [None, 1.5]),
        ("Dict[str, List[Optional[float]]]", [{"a": [1, None]}], [{"a": None}, {"a": ["x"]}]),
    ],
)
def test_values_are_checked_against_schemas(schema: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert prepare("json", value, schema=schema) is value
    for value in bad:
        with pytest.raises(JsonValidationError, match=r"value.* the tensor's json schema is"):
            prepare("json", value, schema=schema)
        with pytest.raises(ValueError, match="value"):
            prepare("json", value, schema=schema)


def test_messages_say_which_part_of_a_value_is_wrong() -> None:
    with pytest.raises(JsonValidationError, match=r"value\['a'\]\[1\] is of type str, not int"):
        prepare("json", {"a": [1, "x"]}, schema="Dict[str, List[int]]")
    with pytest.raises(JsonValidationError, match=r"value\[1\]\['k'\] is of type str, not int"):
        prepare("json", [None, {"k": "x"}], schema="List[Optional[Dict[str, int]]]")
    with pytest.raises(JsonValidationError, match="has a key of type int"):
        prepare("json", {1: 1}, schema="Dict[str, int]")
    prepare("json", {1: 1}, schema="Dict")


# --------------------------------------------------------------------------- data of the rest
@pytest.mark.parametrize(
    "name",
    sorted(set(htypes.BUILTIN) - {"video", "class_label", "tag", "text", "json", "list"}),
)
def test_data_of_arrays_is_their_value(name: str) -> None:
    value = np.zeros((2, 3))
    data = plugin(name).data(value, plugin(name).spec().info, batch=False)
    assert list(data) == ["value"]
    assert data["value"] is value


def test_data_of_videos_has_frames() -> None:
    assert list(plugin("video").data(np.zeros((1, 2, 2, 3)), {}, batch=False)) == ["frames"]


# --------------------------------------------------------------------------- conversion
@pytest.mark.parametrize(
    ("target", "shape", "dtype"),
    [
        ("image", (9, 4, 5), "uint8"),
        ("image", (9, None, None, 3), "uint8"),
        ("class_label", (9, 1), "int64"),
        ("class_label", (9, None), "int64"),
        ("tag", (9, 1), "str"),
        ("bbox", (9, None, 4), "float32"),
        ("bbox", (9, 4), "float32"),
        ("bbox.3d", (9, None, 8), "float32"),
        ("bbox.3d", (9, None, 9), "float32"),
        ("bbox.3d", (9, None, 8, 3), "float32"),
        ("embedding", (9, 768), "float32"),
        ("binary_mask", (9, 4, 5), "bool"),
        ("segment_mask", (9, 4, 5, 1), "uint32"),
        ("instance_label", (9,), "float16"),
        ("instance_label", (9, 1, 2, 3, 4), "float16"),
        ("keypoints_coco", (9, 51, None), "int32"),
        ("point", (9, None, 2), "int32"),
        ("point", (9, None, 3), "int32"),
    ],
)
def test_conversions_that_fit(target: str, shape: tuple[int | None, ...], dtype: str) -> None:
    for source in ("generic", "image"):
        check_conversion(source, target, shape=shape, dtype=dtype)


@pytest.mark.parametrize(
    ("target", "shape", "dtype"),
    [
        ("image", (9, 4), "uint8"),
        ("image", (9, 4, 5, 2), "uint8"),
        ("image", (9, 4, 5, None), "uint8"),
        ("class_label", (9, 1, 1), "int64"),
        ("tag", (9, 1), "int64"),
        ("bbox", (9, 3, 5), "float32"),
        ("bbox", (9, 1, 3, 4), "float32"),
        ("bbox.3d", (9, 3, 7), "float32"),
        ("embedding", (9, 768), "float64"),
        ("binary_mask", (9, 4), "bool"),
        ("segment_mask", (9, 1, 2, 3, 4), "uint32"),
        ("keypoints_coco", (9, 50, 1), "int32"),
        ("keypoints_coco", (9, None, 1), "int32"),
        ("point", (9, 5, 4), "int32"),
        ("point", (9, 2), "int32"),
    ],
)
def test_conversions_that_do_not_fit(target: str, shape: tuple[int, ...], dtype: str) -> None:
    with pytest.raises(IncompatibleHtypeError, match=f"cannot be converted to '{target}', which"):
        check_conversion("generic", target, shape=shape, dtype=dtype)


def test_conversions_that_do_not_exist() -> None:
    for source, target in [("generic", "text"), ("text", "image"), ("sequence[image]", "bbox")]:
        with pytest.raises(NotImplementedError, match="cannot be converted"):
            check_conversion(source, target, shape=(9, 1), dtype="uint8")
    for target in ("sequence[image]", "link[image]"):
        with pytest.raises(ValueError, match="create a new tensor"):
            check_conversion("image", target, shape=(9, 4, 5), dtype="uint8")
    with pytest.raises(TensorMetaInvalidHtype):
        check_conversion("image", "image[", shape=(9, 4, 5), dtype="uint8")
    check_conversion("text", "text", shape=(9, 1), dtype="str")
    for nothing in ((0,), (0, 0, 0)):
        check_conversion("generic", "bbox", shape=nothing, dtype=None)
