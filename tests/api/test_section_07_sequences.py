"""Sequence tensors (api.md, sections 4, 5 and 7)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    DynamicTensorNumpyError,
    EmptyTensorError,
    IncompatibleHtypeError,
    IndexOutOfRangeError,
    SampleAppendError,
    SampleExtendError,
    SampleUpdateError,
    TensorDtypeMismatchError,
    TensorInvalidSampleShapeError,
    TensorMetaInvalidHtype,
    TensorMetaMissingRequiredValue,
    UnsupportedTensorTypeError,
)
from deeplake.versioning.scrub import scrub


@pytest.fixture(params=["mem", "file"])
def ds(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    return deeplake.empty("mem://seq" if request.param == "mem" else tmp_path / "seq")


def pictures(n: int, height: int = 6, width: int = 8) -> np.ndarray:
    rng = np.random.default_rng(n * height * width)
    return rng.integers(0, 256, (n, height, width, 3), dtype=np.uint8)


def same(found: Any, wanted: Any) -> bool:
    """Whether two nested lists of arrays are the same."""
    if isinstance(wanted, (np.ndarray, np.generic)):
        return (
            isinstance(found, type(wanted))
            and (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
            and bool((found == wanted).all())
        )
    return len(found) == len(wanted) and all(map(same, found, wanted))


# ---------------------------------------------------------------------------- what they are
def test_a_tensor_says_what_it_is(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="sequence[image]", sample_compression="png")
    assert (t.htype, t.base_htype, t.is_sequence, t.is_link) == (
        "sequence[image]", "image", True, False,
    )  # fmt: skip
    t.append(list(pictures(2)))
    t.append([*pictures(2), pictures(1, 4, 5)[0]])
    assert t.shape == (2, None, None, None, 3)
    assert str(t.shape_interval) == "(2, 2:3, 4:6, 5:8, 3)"
    assert (len(t), t.num_samples, t.ndim, t.is_dynamic) == (2, 2, 5, True)
    assert (t.meta.length, t.meta.is_sequence, t.meta.htype) == (5, True, "sequence[image]")
    assert (t.meta.min_shape, t.meta.max_shape) == ([4, 5, 3], [6, 8, 3])
    assert t.dtype == np.uint8
    assert repr(t) == "Tensor(key='t')"
    assert "sequence[image]" in repr(t.meta)


def test_shape_of_unequal_lengths(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="sequence[image]", sample_compression="png")
    t.extend([list(pictures(2)), list(pictures(3))])
    assert t.shape == (2, None, 6, 8, 3)
    assert t[0].shape == (2, 6, 8, 3)
    assert t[0, 1].shape == (6, 8, 3)
    assert t[:, 0].shape == (2, 6, 8, 3)
    assert t[:, :2, 1:3].shape == (2, 2, 2, 8, 3)
    assert t[1:, 1:, ..., 0].shape == (1, 2, 6, 8)
    assert t.shapes().tolist() == [[2, 6, 8, 3], [3, 6, 8, 3]]
    assert ds[1:].t.shape == (1, 3, 6, 8, 3)


def test_bare_sequence_is_one_of_generic(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="sequence")
    assert (t.htype, t.base_htype) == ("sequence", "generic")
    t.append([1, 2, 3])
    assert (t.dtype, t.shape) == (np.int64, (1, 3, 1))
    assert t[0].numpy().tolist() == [[1], [2], [3]]
    u = ds.create_tensor("u", htype="generic", is_sequence=True)
    assert u.htype == "sequence"


@pytest.mark.parametrize(
    "htype",
    ["sequence[", "sequence]image[", "sequence[image", "sequence[sequence[image]]", "sequence[]",
     "sequence[nothing]", "sequence[sequence]", "sequence[link[sequence[image]]]"],
)  # fmt: skip
def test_malformed_htypes(ds: Dataset, htype: str) -> None:
    with pytest.raises(TensorMetaInvalidHtype, match="'t'"):
        ds.create_tensor("t", htype=htype, sample_compression="png")


def test_there_are_no_sequences_of_tags(ds: Dataset) -> None:
    with pytest.raises(ValueError, match="tag"):
        ds.create_tensor("t", htype="sequence[tag]")
    with pytest.raises(ValueError, match="tag"):
        ds.create_tensor("t", htype="tag", is_sequence=True)
    with pytest.raises(TensorMetaMissingRequiredValue):
        ds.create_tensor("t", htype="sequence[image]")


def test_exist_ok_compares(ds: Dataset) -> None:
    ds.create_tensor("t", htype="sequence[bbox]")
    assert ds.create_tensor("t", htype="sequence[bbox]", exist_ok=True).htype == "sequence[bbox]"
    with pytest.raises(ValueError, match="is_sequence"):
        ds.create_tensor("t", htype="bbox", exist_ok=True)


def test_summary_and_like(ds: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    ds.create_tensor("t", htype="sequence[image]", sample_compression="jpeg")
    ds.t.append(list(pictures(2)))
    ds.summary()
    out = capsys.readouterr().out
    assert "sequence[image]" in out
    assert "(1, 2, 6, 8, 3)" in out
    assert ds.create_tensor_like("u", ds.t).htype == "sequence[image]"
    assert len(ds.u) == 0


def test_conversions_are_refused(ds: Dataset) -> None:
    ds.create_tensor("s", htype="sequence")
    ds.create_tensor("g", htype="generic")
    with pytest.raises(NotImplementedError):
        ds.s.htype = "bbox"
    with pytest.raises(IncompatibleHtypeError):
        ds.g.htype = "sequence[bbox]"
    assert (ds.s.htype, ds.g.htype) == ("sequence", "generic")


# ---------------------------------------------------------------------------- adding rows
def png(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, "png")
    return out.getvalue()


def test_files_in_rows_stay_files(ds: Dataset, tmp_path: Path) -> None:
    t = ds.create_tensor("t", htype="sequence[image]", sample_compression="png")
    rows = [pictures(2), pictures(1, 5, 5)]
    for k, row in enumerate(rows):
        for j, item in enumerate(row):
            (tmp_path / f"{k}_{j}.png").write_bytes(png(item))
    t.append([deeplake.read(str(tmp_path / "0_0.png")), rows[0][1]])
    t.append([deeplake.read(tmp_path / "1_0.png")])
    assert t[0, 0].tobytes() == (tmp_path / "0_0.png").read_bytes()
    assert t[1].tobytes() == [(tmp_path / "1_0.png").read_bytes()]
    assert same(t.numpy(aslist=True), [list(row) for row in rows])
    info = t[0].sample_info
    assert [entry["shape"] for entry in info] == [[6, 8, 3]] * 2
    assert t[1, 0].sample_info["format"] == "png"
    assert [len(row) for row in t.sample_info] == [2, 1]
    assert set(t[0].data()) == {"value", "sample_info"}


def test_items_are_never_tiled(ds: Dataset) -> None:
    """A row is in one chunk, however large."""
    array = pictures(1, 200, 300)[0]
    for name, options in (
        ("a", {"sample_compression": "png"}),
        ("b", {"sample_compression": None}),
    ):
        t = ds.create_tensor(name, htype="sequence[image]", tiling_threshold=1000, **options)
        t.append([deeplake.read(png(array)), array, pictures(1)[0]])
        assert same(t[0, 0].numpy(), array)
        assert same(t[0, 1, 20:30].numpy(), array[20:30])
        t[0, 1, 20:30] = 0
        assert int(t[0, 1].numpy().min()) == 0
        assert same(t[0, 2].numpy(), pictures(1)[0])
    with pytest.raises(SampleAppendError, match="sequence"):
        ds.a.append([deeplake.tiled((1000, 1000, 3))])


def test_rows_come_in_many_forms(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="sequence", dtype="float32")
    block = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    t.extend(block)
    t.extend([block[0], list(block[1]), tuple(block[0]), (row for row in block[1])])
    t.append(block[0].tolist())
    other = ds.create_tensor("other", htype="sequence", dtype="float32")
    other.extend(t)
    other.append(t[1])
    wanted = np.stack([block[i] for i in (0, 1, 0, 1, 0, 1, 0)])
    assert same(t.numpy(), wanted)
    assert same(other.numpy(), np.concatenate([wanted, block[1:]]))


def test_rows_become_samples_and_samples_rows(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="sequence[image]", sample_compression="png")
    t.extend([list(pictures(3)), list(pictures(2, 4, 4))])
    plain = ds.create_tensor("plain", htype="image", sample_compression="png")
    plain.extend(t[0])
    plain.append(t[1, 0])
    plain.extend(t[1, 1])
    plain.extend(t[:, 0])
    wanted = [*pictures(3), *pictures(2, 4, 4), pictures(3)[0], pictures(2, 4, 4)[0]]
    assert same(plain.numpy(aslist=True), wanted)
    assert plain[1].tobytes() == t[0, 1].tobytes()
    t.append(plain[0:2])
    assert same(t[2].numpy(), pictures(3)[:2])
    t[0, :2] = t[2]
    t[0, 2] = t[1, 0]
    assert same(t[0].numpy(aslist=True), [*pictures(3)[:2], pictures(2, 4, 4)[0]])
    lists = ds.create_tensor("lists", htype="sequence[list]")
    lists.append([[1, 2], [3]])
    ds.create_tensor("list", htype="list").append(lists[0, 0])
    assert ds["list"].list() == [[1, 2]]


def test_datasets_are_appended(ds: Dataset) -> None:
    ds.create_tensor("t", htype="sequence[text]").extend([["a", "b"], None, []])
    other = deeplake.empty("mem://appended")
    other.create_tensor_like("t", ds.t)
    other.extend(ds)
    other.append(ds[0])
    other.extend({"t": ds.t[:1]})
    assert other.t.text() == [["a", "b"], [], [], ["a", "b"], ["a", "b"]]
    assert [other.t._reader.is_null(i) for i in range(5)] == [False, True, False, False, False]


def test_an_array_is_one_pass(ds: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from deeplake.dataset import writer

    def refuse(*_: Any) -> None:
        raise AssertionError("encoded one by one")

    monkeypatch.setattr(writer, "encode_one", refuse)
    t = ds.create_tensor("t", htype="sequence[bbox]")
    boxes = np.random.default_rng(0).random((500, 4, 3, 4), np.float32)
    t.extend(boxes)
    t.extend([boxes[0], boxes[1, :2], boxes[2, :0]])
    assert same(t[:500].numpy(), boxes)
    assert [len(row) for row in t[500:].numpy(aslist=True)] == [4, 2, 0]


def test_none_and_empty(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="sequence", dtype="int32")
    t.extend([None, [], [None, [1, 2], None], [[3, 4]]])
    assert t.shape == (4, None, None)
    assert [t[i].numpy().shape for i in (0, 1, 3)] == [(0, 0), (0, 0), (1, 2)]
    assert same(
        t.numpy(aslist=True),
        [[], [], [np.zeros(0, "i4"), np.array([1, 2], "i4"), np.zeros(0, "i4")],
         [np.array([3, 4], "i4")]],
    )  # fmt: skip
    with pytest.raises(DynamicTensorNumpyError, match="aslist"):
        t[2].numpy()
    assert len(t) == 4
    assert t.meta.length == 4


def test_only_none_is_empty(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="sequence[image]", sample_compression="png")
    assert same(t.numpy(), np.array([]))
    assert t.numpy(aslist=True) == []
    t.extend([None, [], [None]])
    with pytest.raises(EmptyTensorError, match="'t'"):
        t.numpy()
    assert t.shape == (3, None)
    t.append(pictures(2))
    assert t.shape == (4, None, None, None, None)
    assert same(t[3].numpy(), pictures(2))
    assert [len(row) for row in t.numpy(aslist=True)] == [0, 0, 1, 2]


def test_the_first_item_decides(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="sequence")
    t.append([None, np.zeros((2, 3), np.int16)])
    assert (t.dtype, t.meta.max_shape) == (np.int16, [2, 3])
    for bad, cause, words in (
        (
            [np.zeros((2, 3), np.int16), np.zeros(4, np.int16)],
            TensorInvalidSampleShapeError,
            "item 1",
        ),
        ([np.zeros((2, 3), np.float64)], TensorDtypeMismatchError, "item 0"),
        ([np.zeros((2, 3), np.int16), "x"], UnsupportedTensorTypeError, "item 1"),
        (5, TypeError, "list of items"),
        ("text", TypeError, "list of items"),
        ({"a": 1}, TypeError, "list of items"),
    ):
        with pytest.raises(SampleAppendError, match=f"'t', row 1.*{words}") as caught:
            t.append(bad)
        assert isinstance(caught.value.__cause__, cause)
        with pytest.raises(SampleAppendError, match=f"'t', row 2.*{words}"):
            t.extend([[None], bad, []])
        assert len(t) == 1


def test_rows_are_rolled_back_together(ds: Dataset) -> None:
    ds.create_tensor("a", htype="sequence[class_label]", class_names=["x"])
    ds.create_tensor("b")
    with pytest.raises(SampleAppendError, match="'a', row 0, item 1"):
        ds.append({"a": [0, {"no": 1}], "b": 1})
    with pytest.raises(SampleAppendError, match="'b', row 0"):
        ds.append({"a": [0], "b": object()})
    assert (len(ds.a), len(ds.b), list(ds.a.info.class_names)) == (0, 0, ["x"])
    with pytest.raises(SampleExtendError, match="row 1 "):
        ds.extend({"a": [[0], [object()], [0]], "b": [1, 2, 3]})
    assert (len(ds.a), len(ds.b)) == (1, 1)
    ds.extend({"a": [[0], [object()], ["x", "y"]], "b": [1, 2, 3]}, ignore_errors=True)
    assert ds.a.data()["text"] == [[["x"]], [["x"]], [["x"], ["y"]]]
    ds.append({"b": 4}, append_empty=True)
    assert same(ds.a[3].numpy(), np.zeros((0, 0), np.uint32))
    ds.a.extend([[1], object(), [0]], ignore_errors=True)
    assert len(ds.a) == 6


# ---------------------------------------------------------------------------- htypes
TEXTS = [["a", "ü"], [], ["", "long text " * 50], None]


def test_text(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="sequence[text]", chunk_compression="lz4")
    t.extend(TEXTS)
    assert t.text() == [row or [] for row in TEXTS]
    assert t[0].text() == ["a", "ü"]
    assert t[0, -1].text() == "ü"
    assert t[0].numpy().tolist() == [["a"], ["ü"]]
    assert t[0].data() == {"value": ["a", "ü"]}
    assert t[0, 1].data() == {"value": "ü"}
    assert t[:1].data() == {"value": [["a", "ü"]]}
    assert t[0:1].list() == [[["a"], ["ü"]]]
    assert t[0, 1].tobytes() == "ü".encode()
    with pytest.raises(ValueError, match="json"):
        t.dict()


def test_json_and_list(ds: Dataset) -> None:
    j = ds.create_tensor("j", htype="sequence[json]")
    rows = [[{"a": 1}, {"b": [1.5, None]}], [], [{"ä": {}}]]
    j.extend(rows)
    assert j.dict() == rows
    assert j[0, 1].dict() == rows[0][1]
    assert j[0].data() == {"value": rows[0]}
    listed = ds.create_tensor("l", htype="sequence[list]")
    lists = [[[1, "a"], []], [[None]]]
    listed.extend(lists)
    assert listed.list() == lists
    assert listed[0, 0].list() == [1, "a"]
    assert listed.shape == (2, None, None)
    assert listed[0, 0].shape == (2,)
    assert json.dumps(listed.list()) == json.dumps(lists)


def test_class_labels(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="sequence[class_label]", class_names=["cat"])
    t.extend([["cat", "dog"], [1], [["dog", "cat"]], []])
    assert list(t.info.class_names) == ["cat", "dog"]
    assert t[0].data()["text"] == [["cat"], ["dog"]]
    assert t[2, 0].data()["text"] == ["dog", "cat"]
    assert t.data()["text"] == [[["cat"], ["dog"]], [["dog"]], [["dog", "cat"]], []]
    assert t.dtype == np.uint32


SAMPLES: list[tuple[str, dict[str, Any], Callable[[int], np.ndarray]]] = [
    ("image", {"sample_compression": "png"}, lambda i: pictures(i + 1)[i]),
    ("image", {"chunk_compression": "png"}, lambda i: pictures(i + 1)[i]),
    ("image", {"chunk_compression": "lz4"}, lambda i: pictures(i + 1)[i]),
    ("image", {"sample_compression": None}, lambda i: pictures(1, 3 + i, 4)[0]),
    ("image.rgb", {"sample_compression": "lz4"}, lambda i: pictures(1, 3 + i, 4)[0]),
    ("image.gray", {"sample_compression": "png"}, lambda i: pictures(1, 3 + i, 4)[0, :, :, 0]),
    ("bbox", {}, lambda i: np.full((i, 4), i, np.float32)),
    ("bbox.3d", {}, lambda i: np.full((i, 8, 3), i, np.float32)),
    ("segment_mask", {"chunk_compression": "lz4"}, lambda i: np.full((i + 1, 3), i, np.uint32)),
    ("binary_mask", {"sample_compression": "zstd"}, lambda i: np.full((2, i + 1), i % 2, bool)),
    ("instance_label", {}, lambda i: np.full((2, 2), i, np.uint32)),
    ("keypoints_coco", {}, lambda i: np.full((6, i + 1), i, np.int32)),
    ("point", {}, lambda i: np.full((i, 2), i, np.int32)),
    ("embedding", {"chunk_compression": "zlib"}, lambda i: np.full(8, i, np.float32)),
    ("intrinsics", {}, lambda i: np.eye(3, dtype=np.float32) * i),
]


@pytest.mark.parametrize(("htype", "options", "make"), SAMPLES, ids=[s[0] for s in SAMPLES])
def test_every_htype_of_arrays(
    ds: Dataset, htype: str, options: dict[str, Any], make: Callable[[int], np.ndarray]
) -> None:
    t = ds.create_tensor("t", htype=f"sequence[{htype}]", **options)
    rows = [[make(1), make(2)], [], [make(3)], [make(2), make(2), make(1)]]
    t.extend(rows)
    assert same(t.numpy(aslist=True), rows)
    assert same(t[2].numpy(), np.stack(rows[2]))
    assert same(t[3, 1].numpy(), rows[3][1])
    assert same(t[3, [2, 0]].numpy(aslist=True), [rows[3][2], rows[3][0]])
    t[3, 1] = make(4)
    t[0] = [make(5), make(6)]
    rows[3][1], rows[0] = make(4), [make(5), make(6)]
    found = deeplake.load(ds.path, read_only=True) if "mem" not in ds.path else ds
    assert same(found.t.numpy(aslist=True), rows)
    assert t[3].data()["value"][0].shape == rows[3][0].shape
    assert ds.copy("mem://copied", progressbar=False).t.shape == t.shape


def test_polygons(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="sequence[polygon]")
    triangle, square = np.ones((3, 2), np.float32), np.zeros((4, 2), np.float32)
    rows = [[[triangle, square], [square]], [], [[triangle]]]
    t.extend(rows)
    assert same(t.numpy(), rows)
    assert same(t[0, 0].numpy(), rows[0][0])
    assert same(t[0].data()["value"], rows[0])
    assert t[0, 0].shape == (2, 4, 2)
    t[0, 1] = [triangle, triangle]
    assert same(t[0].numpy(), [rows[0][0], [triangle, triangle]])


@pytest.mark.parametrize("compression", [None, "png", "zlib"])
@pytest.mark.parametrize("before", [[], [[]], [None, []], [[1]]], ids=repr)
def test_rows_without_items_in_front_of_large_items(
    ds: Dataset, before: list[Any], compression: str | None
) -> None:
    t = ds.create_tensor("t", htype="sequence[image]", sample_compression=compression)
    images = [*pictures(2, 64, 64), *pictures(1, 50, 70)]
    for row in before:
        t.append([images[0]] if row else row)
    rows: list[Any] = [[], [], images[:2], None, [], images, images[2:], []]
    t.extend(rows)
    t[len(before) + 2, 1] = images[0]
    wanted = [[images[0]] if row else [] for row in before]
    wanted += [[], [], [images[0]] * 2, [], [], images, images[2:], []]
    for found in (t, deeplake.load(ds.path).t):
        assert same(found.numpy(aslist=True), wanted)
    assert scrub(ds._checkout.repository).ok


# ---------------------------------------------------------------------------- reading
@pytest.fixture
def block(ds: Dataset) -> tuple[Any, np.ndarray]:
    """A tensor whose rows make one array."""
    array = np.arange(5 * 4 * 3 * 2, dtype=np.int32).reshape(5, 4, 3, 2)
    ds.create_tensor("t", htype="sequence", dtype="int32").extend(array)
    return ds.t, array


INDEXES: list[Any] = [
    0, -1, (1, 2), (1, -1), (2, slice(1, 3)), (2, slice(None, None, -1)), (0, 1, 2), (0, 1, 2, 1),
    slice(1, 4), (slice(1, 4), 2), (slice(None), -1), (slice(None, None, 2), slice(0, 2)),
    ([3, 0, 3],), ([3, 0], [1, -1]), (slice(None), [0, 2], slice(1, 3)), Ellipsis,
    (Ellipsis, 0), (1, Ellipsis, 0), (slice(0, 2), Ellipsis, 1), ([True, False, True, False, True], 0),
    (0, [True, False, False, True]), (np.int64(2), np.array([1, 3])), (slice(0, 0),),
    (1, slice(2, 2)), (slice(1, 3), 1, slice(None), 0), (1, 1, slice(0, 2), slice(1, 2)),
]  # fmt: skip


def outer(array: np.ndarray, index: Any) -> np.ndarray:
    """NumPy's indexing, with lists that act per axis."""
    items = list(index) if isinstance(index, tuple) else [index]
    if Ellipsis in [i for i in items if i is Ellipsis]:
        at = next(k for k, i in enumerate(items) if i is Ellipsis)
        items[at : at + 1] = [slice(None)] * (array.ndim - len(items) + 1)
    axis = 0
    for item in items:
        array = array[(slice(None),) * axis + (item,)]
        axis += not isinstance(item, (int, np.integer))
    return array


@pytest.mark.parametrize("index", INDEXES, ids=repr)
def test_indexing_is_that_of_an_array(block: tuple[Any, np.ndarray], index: Any) -> None:
    t, array = block
    wanted = outer(array, index)
    found = t[index].numpy()
    if 0 in wanted.shape:
        assert found.size == 0
        return
    assert same(found, np.asarray(wanted))
    assert t[index].shape == wanted.shape
    listed = t[index].numpy(aslist=True)
    assert same(np.array(listed), np.asarray(wanted))


def test_chains_and_views(block: tuple[Any, np.ndarray]) -> None:
    t, array = block
    assert same(t[1:][0][-1].numpy(), array[1, -1])
    assert same(t[2][1:][0].numpy(), array[2, 1])
    assert same(t[1:4][:, 1][0].numpy(), array[1, 1])
    assert [same(item.numpy(), array[3, j]) for j, item in enumerate(t[3])] == [True] * 4
    assert [same(row.numpy(), array[i]) for i, row in enumerate(t)] == [True] * 5
    assert same(np.array(t), array)
    for index in (5, -6):
        with pytest.raises(IndexOutOfRangeError):
            t[index].numpy()
    for index in ((0, 4), (0, -5), (slice(None), 4), (0, [0, 4])):
        with pytest.raises(IndexOutOfRangeError, match="'t', row 0, which has 4 items"):
            t[index].numpy()
    with pytest.raises(IndexError):
        t[0, 0, 0, 0, 0].numpy()


def test_views_of_the_dataset(ds: Dataset) -> None:
    ds.create_tensor("t", htype="sequence", dtype="int32").extend(np.ones((5, 2, 3), np.int32))
    ds.create_tensor("n").extend(range(7))
    assert ds[1:3].t.shape == (2, 2, 3)
    assert ds[2].t.numpy().shape == (2, 3)
    assert ds[2, 0].t.numpy().shape == (3,)
    assert ds.min_view.t.shape == (5, 2, 3)
    padded = ds.max_view
    assert (len(padded.t), padded.t.shape) == (7, (7, None, None))
    assert padded.t[6].numpy().shape == (0, 0)
    assert [len(row) for row in padded.t.numpy(aslist=True)] == [2] * 5 + [0, 0]
    assert padded.t.shapes().tolist() == [[2, 3]] * 5 + [[0, 0]] * 2
    kept = ds.filter(lambda row: row.t.numpy().sum() == 6, progressbar=False)
    assert len(kept) == 5


def test_shapes_that_differ(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="sequence", dtype="uint8")
    rows = [[np.zeros((2, 3), "u1"), np.zeros((4, 3), "u1")], [np.zeros((5, 3), "u1")]]
    t.extend(rows)
    with pytest.raises(DynamicTensorNumpyError, match="'t'"):
        t.numpy()
    with pytest.raises(DynamicTensorNumpyError, match="'t'"):
        t[0].numpy()
    with pytest.raises(DynamicTensorNumpyError, match="'t'"):
        t[:, 0].numpy()
    assert t[:, 0, :2].numpy().shape == (2, 2, 3)
    assert t[0].shape == (2, None, 3)
    assert t[:, 0].shape == (2, None, 3)
    assert t[0, :, :1].shape == (2, 1, 3)
    assert t.shapes().tolist() == [[2, None, 3], [1, 5, 3]]
    assert same(t[:, 0].numpy(aslist=True), [rows[0][0], rows[1][0]])
    assert [len(row) for row in t.data()["value"]] == [2, 1]


# ---------------------------------------------------------------------------- changing
def test_assignment_is_that_of_an_array(block: tuple[Any, np.ndarray]) -> None:
    t, array = block
    array = array.copy()
    rng = np.random.default_rng(0)
    for index in INDEXES:
        wanted = outer(array, index)
        if wanted.size == 0:
            continue
        new = rng.integers(0, 100, wanted.shape, dtype=np.int32)
        t[index] = new
        numbers = outer(np.arange(array.size).reshape(array.shape), index)
        flat = array.reshape(-1)
        flat[numbers.reshape(-1)] = new.reshape(-1)
        assert same(t.numpy(), array), index
    t[1, 2][0] = 7
    t[1][2][1] = [8, 9]
    t[0] += 1
    t[3, 0] *= 2
    t[:, :, 0, 0] = 5
    array[1, 2, 0], array[1, 2, 1] = 7, [8, 9]
    array[0] += 1
    array[3, 0] *= 2
    array[:, :, 0, 0] = 5
    assert same(t.numpy(), array)


def test_the_number_of_items_stays(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="sequence", dtype="int32")
    t.extend([[1, 2], [3], [], None])
    before = t.numpy(aslist=True)
    for index, value, words in (
        (0, [1], "'t', row 0: has 2 items and would get 1"),
        (1, [1, 2], "row 1: has 1 items and would get 2"),
        (0, None, "row 0"),
        (slice(0, 2), [[1, 2], []], "row 1"),
        ((0, slice(0, 2)), [1], "'t': 1 values cannot be assigned to 2 items"),
        ((0, slice(0, 2)), 7, "single int"),
        ((slice(0, 2), 0), [1], "2 rows"),
        ((0, 1), "x", "'t', row 0, item 1"),
    ):
        with pytest.raises(SampleUpdateError, match=words):
            t[index] = value
    with pytest.raises(SampleUpdateError, match="row 1: has 1 items"):
        ds[1].update({"t": [1, 2]})
    with pytest.raises(NotImplementedError, match="'t' has 4 sequences"):
        t[4] = [1]
    with pytest.raises(NotImplementedError, match="'t'"):
        t[9] = None
    with pytest.raises(IndexError):
        t[0, 2] = 1
    assert same(t.numpy(aslist=True), before)
    ds[1].update({"t": [9]})
    t[0, 1] = None
    assert [[i.tolist() for i in row] for row in t.numpy(aslist=True)] == [[[1], []], [[9]], [], []]


@pytest.mark.parametrize("htype", ["generic", "text", "class_label", "image", "json", "polygon"])
def test_rows_without_items_can_be_filled(ds: Dataset, htype: str) -> None:
    options = {"sample_compression": "png"} if htype == "image" else {}
    t = ds.create_tensor("t", htype=f"sequence[{htype}]", **options)
    items: dict[str, list[Any]] = {
        "generic": [1, 2], "text": ["a", "b"], "class_label": [3, 4], "json": [{"a": 1}, [2]],
        "image": [np.ones((2, 3, 3), np.uint8), np.zeros((4, 2, 3), np.uint8)],
        "polygon": [[np.ones((3, 2), np.float32)], [np.zeros((4, 2), np.float32)]],
    }  # fmt: skip
    given = items[htype]
    ds.create_tensor("n", dtype="int64").extend(range(4))
    t.extend([None, [], given, None])
    whole = t[2].numpy(aslist=True)
    t[0] = given
    ds[1].update({"t": given})
    t[3] = None
    ds.commit()
    found = deeplake.load(ds.path).t
    for row in range(3):
        assert same(found[row].numpy(aslist=True), whole), row
    assert len(found[3].numpy(aslist=True)) == 0
    with pytest.raises(SampleUpdateError, match="row 0: has 2 items and would get 1"):
        t[0] = given[:1]
    t[3] = given[:1]
    assert len(deeplake.load(ds.path).t[3].numpy(aslist=True)) == 1


def test_other_items_keep_their_files(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="sequence[image]", sample_compression="jpeg")
    t.extend([list(pictures(3)), list(pictures(2, 4, 4))])
    before = [t[0].tobytes(), t[1].tobytes()]
    t[0, 1] = np.zeros((5, 5, 3), np.uint8)
    t[1, 0, 1:3] = 9
    after = [t[0].tobytes(), t[1].tobytes()]
    assert [a == b for a, b in zip(before[0], after[0], strict=True)] == [True, False, True]
    assert [a == b for a, b in zip(before[1], after[1], strict=True)] == [False, True]
    assert (t[0, 1].numpy() == 0).all()
    assert t[1, 0].sample_info["modified"]
    assert not t[0, 1].sample_info["modified"]


def test_equal_files_keep_apart_when_classes_are_merged(ds: Dataset) -> None:
    """Files of one size that follow each other are remapped one by one."""
    mask = np.zeros((3, 4), np.uint8)
    t = ds.create_tensor("t", htype="segment_mask", sample_compression="png", class_names=["a"],
                         dtype="uint8")  # fmt: skip
    t.append(mask)
    ds.commit()
    ds.checkout("side", create=True)
    t = ds.t
    t.info["class_names"] = ["b", "a"]
    t.extend([mask, mask, mask])
    ds.commit()
    ds.checkout("main")
    ds.t.info["class_names"] = ["a", "c"]
    ds.t.append(mask + np.uint8(1))
    ds.commit()
    ds.merge("side", conflict_resolution="ours")
    names = list(ds.t.info.class_names)
    found = [names[int(x.max())] for x in ds.t.numpy(aslist=True)]
    assert found == ["a", "c", "b", "b", "b"]


def test_pop_clear_rechunk_and_versions(ds: Dataset) -> None:
    rows = [[f"{i}.{j}" for j in range(i % 4)] for i in range(12)]
    ds.create_tensor("t", htype="sequence[text]")
    ds.create_tensor("l", htype="sequence[class_label]", class_names=["a", "b"])
    for row in rows:
        ds.append({"t": row, "l": ["a"] * len(row)})
    first = ds.commit("rows")
    ds.checkout("side", create=True)
    ds.append({"t": ["side"], "l": ["c"]})
    ds.t[1] = ["changed"]
    ds.t[3, 1] = "part"
    ds.commit("side")
    ds.checkout("main")
    ds.pop(0)
    ds.append({"t": ["main", "main"], "l": ["b", "d"]})
    ds.commit("main")
    diff = ds.diff(first, "side", as_dict=True)
    assert diff["tensor"][1][0]["t"]["data_updated"] == {1, 3}
    ds.merge("side")
    wanted = [["changed"], rows[2], ["3.0", "part", "3.2"], *rows[4:], ["main", "main"], ["side"]]
    assert ds.t.text() == wanted
    assert ds.l.data()["text"][-2:] == [[["b"], ["d"]], [["c"]]]
    assert list(ds.l.info.class_names) == ["a", "b", "d", "c"]
    ds.rechunk(progressbar=False)
    assert ds.t.text() == wanted
    assert ds.t[[1, 0]].text() == [wanted[1], wanted[0]]
    ds.checkout(first)
    assert ds.t.text() == rows
    ds.checkout("main")
    ds.t.clear()
    assert (len(ds.t), ds.t.meta.length) == (0, 0)


def test_statistics_bound_values(ds: Dataset) -> None:
    from deeplake.dataset.overview import Overview

    t = ds.create_tensor("t", htype="sequence", dtype="int32")
    t.extend([[3, -5], [], None, [None, 9], [None]])
    found = Overview.of(t)
    assert (found.rows, found.nulls, found.low, found.high) == (5, 1, -5, 9)


def test_verify_and_saved_views(ds: Dataset) -> None:
    ds.create_tensor("t", htype="sequence[image]", sample_compression="png")
    ds.t.extend([list(pictures(2)), [], list(pictures(3))])
    ds.commit()
    view = ds[[2, 0]]
    view.save_view(id="v", optimize=True)
    loaded = ds.load_view("v")
    assert same(loaded.t.numpy(aslist=True), [list(pictures(3)), list(pictures(2))])
    report = scrub(ds._checkout.repository)
    assert report.ok
    deep = deeplake.deepcopy(ds, "mem://deep", progressbar=False)
    assert same(deep.t[2].numpy(), pictures(3))


def test_parts_are_copied(ds: Dataset) -> None:
    frames = np.stack([pictures(2), pictures(2)[::-1]])
    ds.create_tensor("t", htype="sequence[image]", sample_compression="png").extend(frames)
    ds.create_tensor("s", htype="sequence[text]").extend([["a", "b"], ["c", "d"]])
    ds.create_tensor("plain").extend(np.arange(8).reshape(2, 2, 2))
    ds.commit()
    one = ds[:, 0].copy("mem://one", progressbar=False)
    assert (one.t.htype, one.s.htype) == ("image", "text")
    assert same(one.t.numpy(), frames[:, 0])
    assert one.t[0].tobytes() == ds.t[0, 0].tobytes()
    assert one.s.text() == ["a", "c"]
    assert same(one.plain.numpy(), np.arange(8).reshape(2, 2, 2)[:, 0])
    some = ds[:, 1:].copy("mem://some", progressbar=False)
    assert some.t.htype == "sequence[image]"
    assert same(some.t.numpy(), frames[:, 1:])
    assert some.s.text() == [["b"], ["d"]]
    ds[:, 1].save_view(id="second", optimize=True, verbose=False)
    assert same(ds.load_view("second").t.numpy(), frames[:, 1])
