"""The htype suite passes on all built-ins, and each of its tests fails on a twin that breaks it."""

from __future__ import annotations

import decimal
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

from deeplake.format import htypes
from deeplake.spi import HtypePlugin, HtypeSpec
from deeplake.testing.htype import HtypeContract, same
from deeplake.types import Shape

RNG = np.random.default_rng(0)
SQUARE = np.array([[0, 0], [1, 0], [1, 1]], "float32")


class TestGeneric(HtypeContract):
    htype = htypes.Generic
    samples = (np.zeros((2, 3)), 1, 2.5, True, [[1, 2], [3, 4]], np.ones((1,) * 5, "complex64"))
    refused_infos = ({"class_names": []},)
    heavy = ("PIL", "torch", "fsspec")


class TestImage(HtypeContract):
    htype = htypes.Image
    samples = (np.zeros((4, 5), "uint8"), np.zeros((4, 5, 3), "uint8"), np.zeros((4, 5, 12), "f4"))
    refused = (np.zeros(4), np.zeros((2, 4, 5, 3)))
    infos = ({"intrinsics": np.eye(3)}, {"intrinsics": None})
    refused_infos = ({"intrinsics": {1, 2}}, {"intrinsics": float("nan")}, {"coords": {}})


class TestImageRgb(HtypeContract):
    htype = htypes.ImageRgb
    samples = (
        RNG.integers(0, 256, (4, 5, 3), "uint8"),
        RNG.integers(0, 256, (4, 5), "uint8"),
        RNG.integers(0, 256, (4, 5, 1), "uint8"),
        RNG.integers(0, 256, (4, 5, 2), "uint8"),
        RNG.integers(0, 256, (4, 5, 4)),
    )
    refused = ([[1, 2]], "x", np.zeros((4, 5, 3)), np.full((4, 5), 256), np.zeros((4, 5, 7), "u1"))


class TestImageGray(HtypeContract):
    htype = htypes.ImageGray
    samples = TestImageRgb.samples
    refused = ([[1, 2]], None, np.zeros((4, 5)), np.full((4, 5, 3), -1), np.zeros((4, 5, 7), "u1"))

    @pytest.mark.parametrize("channels", [1, 2, 3, 4])
    @pytest.mark.parametrize("width", [1, 3, 4, 5, 9])
    def test_batches_stay_batches(self, width: int, channels: int) -> None:
        batch = np.random.default_rng(0).integers(0, 100, (2, 6, width, channels)).astype("i1")
        self._check_any(batch)
        prepared = self.htype().prepare(batch, self.own_info())[0]
        for one, whole in zip(batch, prepared, strict=True):
            assert whole.reshape(6, width).tolist() == self._prepared(one)[2].tolist()


class TestClassLabel(HtypeContract):
    htype = htypes.ClassLabel
    info: ClassVar[Mapping[str, Any]] = {"class_names": ["cat", "dog"]}
    samples = (
        *(3, np.uint8(3), [0, 1], np.array([0, 1]), [], "dog", ["dog", "owl", "dog"], ("cat", 1)),
        *(np.array(["owl", "cat", "ant", "owl"]), np.array(["cat", 1], object), [["cat"], [3]]),
        *(np.str_("owl"), np.array("owl"), np.array([["cat", "dog"]])),
    )
    refused = (
        b"cat",
        [b"cat"],
        None,
        {"cat"},
        [None],
        np.array([b"cat"]),
        np.array([-1, "a"], "O"),
    )
    infos = ({"class_names": ["a"]}, {"class_names": ("a", "b")}, {"class_names": np.array(["a"])})
    refused_infos = (
        {"class_names": "ab"},
        {"class_names": [1]},
        {"class_names": {"a": 1}},
        {"x": 1},
    )


class TestTag(HtypeContract):
    htype = htypes.Tag
    samples = ("a", ["a", "b"], ("a",), np.array(["a", "b"]), np.array("a"), np.str_("a"), [])
    refused = (1, ["a", 1], b"a", {"a"}, [["a"]], np.array([1]))


class TestBbox(HtypeContract):
    htype = htypes.Bbox
    samples = (np.zeros((2, 4), "float32"), [[0, 0, 1, 1.5]], [0, 0, 1, 1], np.zeros((4, 0)))
    refused = ([[0, 0, 1]], np.zeros((2, 4, 4)), 3)
    infos = ({"coords": {}}, {"coords": {"type": "pixel", "mode": "LTWH"}})
    refused_infos = ({"coords": []}, {"coords": {"unit": 1}}, {"coords": {"mode": object()}})


class TestBbox3d(HtypeContract):
    htype = htypes.Bbox3d
    samples = (
        np.zeros((2, 9)),
        np.zeros((2, 8, 3)),
        np.zeros((8, 3)),
        np.zeros(9),
        np.zeros((1, 8)),
    )
    refused = (np.zeros((2, 4)), np.zeros((2, 8, 2)), np.zeros((1, 2, 8, 3)))
    infos = ({"coords": {"mode": "center"}},)
    refused_infos = ({"coords": {"type": "pixel"}},)


class TestIntrinsics(HtypeContract):
    htype = htypes.Intrinsics
    samples = (np.eye(3), np.zeros((2, 3, 3)), np.zeros((3, 4)))
    refused = (np.eye(4), np.zeros(9))


class TestSegmentMask(HtypeContract):
    htype = htypes.SegmentMask
    samples = (np.zeros((4, 5), "uint32"), np.zeros((4, 5, 1), "uint8"))
    refused = (np.zeros(4), np.zeros((1, 2, 3, 4)))
    infos = ({"class_names": ["sky"]},)
    refused_infos = ({"class_names": [0]},)


class TestBinaryMask(HtypeContract):
    htype = htypes.BinaryMask
    samples = (np.zeros((4, 5), bool), np.zeros((4, 5, 2), bool))
    refused = (np.zeros(4, bool),)


class TestInstanceLabel(HtypeContract):
    htype = htypes.InstanceLabel
    samples = (np.zeros((4, 5), "uint32"), [1, 2], 7)


class TestKeypointsCoco(HtypeContract):
    htype = htypes.KeypointsCoco
    samples = (np.zeros((51, 2), "int32"), [[1], [2], [0]], [1, 2, 0])
    refused = (np.zeros((50, 2)), np.zeros((3, 3, 3)))
    infos = ({"keypoints": ["nose"], "connections": [[0, 1], (1, 2)]},)
    refused_infos = (
        {"keypoints": [1]},
        {"connections": [[0, 1, 2]]},
        {"connections": [["a", "b"]]},
    )


class TestPoint(HtypeContract):
    htype = htypes.Point
    samples = ([[1, 2]], np.zeros((5, 3), "int32"), [1, 2])
    refused = ([[1, 2, 3, 4]], np.zeros((1, 1, 2)))


class TestPolygon(HtypeContract):
    htype = htypes.Polygon
    samples = ([SQUARE, [[1, 2]]], np.zeros((2, 5, 3)), (SQUARE,), [], [[[0, 0], [1, 1]]])
    refused = (SQUARE, 3, "x", [SQUARE, np.zeros((2, 3))], [[]], [["a", "b"]], [np.zeros(4)],
               [[[1, 2], [3]]], [SQUARE] * 65536, [np.zeros((65536, 2))])  # fmt: skip


class TestText(HtypeContract):
    htype = htypes.Text
    samples = ("", "né", np.str_("a"), np.array("a"), np.array(["a"]))
    refused = (b"a", 1, None, ["a"], np.array(["a", "b"]), np.array([1]), np.bytes_(b"a"))


class TestJson(HtypeContract):
    htype = htypes.Json
    samples = ({"a": [1, None]}, [], "a", 1.5, None, {"a": np.ones(2), "b": b"x"})
    infos = ({"schema": "Dict[str, int]"}, {"schema": dict[str, int | None]}, {"schema": None})
    refused_infos = ({"schema": "Set[int]"}, {"schema": "Dict[int, str]"}, {"class_names": []})


class TestJsonWithSchema(HtypeContract):
    htype = htypes.Json
    info: ClassVar[Mapping[str, Any]] = {"schema": "Dict[str, List[Optional[int]]]"}
    samples = ({}, {"a": []}, {"a": [1, None], "b": [2]})
    refused = ([], {"a": 1}, {"a": ["x"]}, {1: []}, "x", None)


class TestList(HtypeContract):
    htype = htypes.List
    samples = ([], [1, "a", None, {"b": [1.5]}], (1, 2), np.arange(3), [np.ones(2)])
    refused = ("ab", 1, {"a": 1}, None, np.int64(3), np.array(1))


class TestEmbedding(HtypeContract):
    htype = htypes.Embedding
    samples = (np.zeros(8, "float32"), [0.5, 0.25], np.zeros((2, 8), "float32"))
    refused = (np.zeros((2, 2, 2)),)


class TestVideo(HtypeContract):
    htype = htypes.Video
    samples = (np.zeros((2, 4, 5, 3), "uint8"), np.zeros((2, 4, 5), "uint8"))
    refused = (np.zeros((4, 5), "uint8"),)
    data_key = "frames"


class TestAudio(HtypeContract):
    htype = htypes.Audio
    samples = (np.zeros(100), np.zeros((100, 2)))
    refused = (np.zeros((1, 100, 2)),)


class TestDicom(HtypeContract):
    htype = htypes.Dicom
    samples = (np.zeros((4, 5, 1), "int16"),)


class TestNifti(HtypeContract):
    htype = htypes.Nifti
    samples = (np.zeros((4, 5, 6)),)


class TestPointCloud(HtypeContract):
    htype = htypes.PointCloud
    samples = (np.zeros((10, 18), "float32"),)
    refused = (np.zeros(3),)


class TestMesh(HtypeContract):
    htype = htypes.Mesh
    samples = (np.zeros((10, 3)),)
    refused = (np.zeros(3),)


def test_every_built_in_has_its_suite() -> None:
    suites = {suite.htype.__name__ for suite in HtypeContract.__subclasses__()}
    assert suites >= set(htypes.BUILTIN.values())


# --------------------------------------------------------------------------- broken twins
class Sound(HtypePlugin, api=(1, 0)):
    """An htype that keeps the contract: pairs of numbers, with a unit."""

    def spec(self) -> HtypeSpec:
        return HtypeSpec(name="pair", info={"unit": "", "seen": 0})

    def check_info(self, info: Mapping[str, Any]) -> dict[str, Any]:
        for key, value in info.items():
            if key not in self.spec().info:
                raise KeyError(f"no meta {key!r}")
            if not isinstance(value, str if key == "unit" else int):
                raise TypeError(f"{key!r} cannot be {value!r}")
        return dict(info)

    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        if isinstance(value, str):
            if value != "pair":
                raise ValueError(f"{value!r} is no pair")
            return [1, 2], None if info["seen"] else {**info, "seen": 1}
        if not isinstance(value, (list, tuple, np.ndarray)):
            raise TypeError(f"a pair is no {type(value).__name__}")
        return (list(value) if isinstance(value, tuple) else value), None

    def check_shape(self, shape: Shape) -> str | None:
        return None if shape == (2,) or 0 in shape else f"{shape} is not the shape of a pair"


class PairSuite(HtypeContract):
    htype = Sound
    samples = ([1, 2], (1, 2), np.array([1, 2]), "pair")
    refused = ([1, 2, 3], "x", 1)
    infos = ({"unit": "m"},)
    refused_infos = ({"unit": 1}, {"x": 1})


def names_of(suite: type[HtypeContract]) -> Iterator[str]:
    return (name for name in dir(suite) if name.startswith("test_"))


@pytest.mark.parametrize("name", list(names_of(PairSuite)))
def test_the_twin_without_a_fault_passes(name: str) -> None:
    getattr(PairSuite(), name)()


class WithoutApi(Sound):
    api = None


class OfTheFuture(Sound):
    api = (1, 99)


class Moody(Sound):
    calls = 0

    def spec(self) -> HtypeSpec:
        type(self).calls += 1
        return HtypeSpec(name=f"pair{self.calls}", info={"unit": "", "seen": 0})


class Brackets(Sound):
    def spec(self) -> HtypeSpec:
        return HtypeSpec(name="list[pair]", info={"unit": "", "seen": 0})


class WrongDtype(Sound):
    def spec(self) -> HtypeSpec:
        return HtypeSpec(name="pair", payload="json", dtype="float32", info={"unit": "", "seen": 0})


class NoMedia(Sound):
    def spec(self) -> HtypeSpec:
        return HtypeSpec(name="pair", compression="sample", info={"unit": "", "seen": 0})


class NotJson(Sound):
    def check_info(self, info: Mapping[str, Any]) -> dict[str, Any]:
        return {key: decimal.Decimal(1) for key in super().check_info(info)}


class Credulous(Sound):
    def check_info(self, info: Mapping[str, Any]) -> dict[str, Any]:
        return {key: str(value) for key, value in info.items()}


class Stumbling(Sound):
    def check_info(self, info: Mapping[str, Any]) -> dict[str, Any]:
        if any(not isinstance(value, (str, int)) for value in info.values()):
            raise ZeroDivisionError
        return super().check_info(info)


class Refusing(Sound):
    def check_shape(self, shape: Shape) -> str | None:
        return f"{shape} again"


class Meddling(Sound):
    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        if isinstance(value, list):
            value.reverse()
        return super().prepare(value, info)


class Editing(Sound):
    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        if value == "pair":
            info["seen"] = 1  # type: ignore[index]
        return super().prepare(value, info)


class Doubling(Sound):
    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        value, changed = super().prepare(value, info)
        return (value * 2 if isinstance(value, np.ndarray) else value), changed


class Insisting(Sound):
    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        value, _ = super().prepare(value, info)
        return value, {**info, "seen": info["seen"] + 1}


class Tolerant(Sound):
    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        return super().prepare([1, 2] if value == 1 else value, info)


class Careless(Sound):
    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        if not isinstance(value, (str, list, tuple, np.ndarray, int)):
            raise AttributeError("no such thing")
        return super().prepare(value, info)


class Leaking(Sound):
    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        if isinstance(value, str):
            value.encode("ascii")  # a UnicodeEncodeError is a ValueError, of nobody's choosing
        return super().prepare(value, info)


class Speechless(Sound):
    def check_shape(self, shape: Shape) -> str | None:
        return "wrong" if super().check_shape(shape) else None


class Crashing(Sound):
    def check_shape(self, shape: Shape) -> str | None:
        return None if shape[0] in (0, 2) else super().check_shape(shape)


class Starving(Sound):
    def check_shape(self, shape: Shape) -> str | None:
        return None if shape == (2,) else f"{shape} is not the shape of a pair"


class Hiding(Sound):
    def data(self, value: Any, info: Mapping[str, Any], *, batch: bool) -> dict[str, Any]:
        return {"pair": value}


class Spoiling(Sound):
    def data(self, value: Any, info: Mapping[str, Any], *, batch: bool) -> dict[str, Any]:
        value[0] = 0
        return {"value": value}


@pytest.mark.parametrize(
    ("twin", "name"),
    [
        (WithoutApi, "test_states_what_the_registry_needs"),
        (OfTheFuture, "test_states_what_the_registry_needs"),
        (Moody, "test_spec_is_constant"),
        (Brackets, "test_spec_is_consistent"),
        (WrongDtype, "test_spec_is_consistent"),
        (NoMedia, "test_spec_is_consistent"),
        (NotJson, "test_info_is_validated_once_and_for_all"),
        (Credulous, "test_wrong_info_is_refused"),
        (Stumbling, "test_any_info_is_taken_or_refused"),
        (Refusing, "test_samples_are_taken"),
        (Meddling, "test_prepare_changes_neither_sample_nor_info"),
        (Editing, "test_prepare_changes_neither_sample_nor_info"),
        (Doubling, "test_prepare_is_pure_and_idempotent"),
        (Insisting, "test_prepare_is_pure_and_idempotent"),
        (Tolerant, "test_wrong_samples_are_refused"),
        (Careless, "test_any_sample_is_taken_or_refused"),
        (Leaking, "test_odd_samples_are_taken_or_refused"),
        (Speechless, "test_check_shape_answers_in_words"),
        (Crashing, "test_check_shape_answers_in_words"),
        (Starving, "test_empty_samples_have_a_shape"),
        (Hiding, "test_data_is_a_dict_with_the_sample"),
        (Spoiling, "test_data_is_a_dict_with_the_sample"),
    ],
)
def test_a_broken_twin_is_caught(twin: type[HtypePlugin], name: str) -> None:
    suite = type("Suite", (PairSuite,), {"htype": twin})
    with pytest.raises((Exception, pytest.fail.Exception)):
        getattr(suite(), name)()


def test_a_heavy_import_is_caught() -> None:
    suite = type("Suite", (TestGeneric,), {"heavy": ("numpy",)})
    with pytest.raises(AssertionError, match="loads"):
        suite().test_import_is_cheap()


def test_every_test_has_a_twin_that_it_catches() -> None:
    marker = next(m for m in test_a_broken_twin_is_caught.pytestmark if m.name == "parametrize")
    caught = {name for _, name in marker.args[1]} | {
        "test_import_is_cheap",
        "test_no_test_of_the_suite_is_missing",
    }
    assert caught == set(names_of(HtypeContract))


def test_same_is_strict() -> None:
    assert same([float("nan"), {"a": np.zeros(2)}], [float("nan"), {"a": np.zeros(2)}])
    for a, b in [(1, 1.0), (True, 1), ([1], (1,)), (np.zeros(2), np.zeros(2, "f4")), ("a", "b")]:
        assert not same(a, b)
    assert not same({"a": 1, "b": 2}, {"b": 2, "a": 1})
