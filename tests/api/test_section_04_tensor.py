"""Tensors, row by row (api.md, section 4).

Behind each fact there are more tests in ``core/tests/dataset``: ``test_append.py``,
``test_numpy.py``, ``test_update.py``, ``test_pop.py``, ``test_summary.py``.
"""

from __future__ import annotations

import io
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
    GetDataFromLinkError,
    InvalidShapeIntervalError,
    SampleAppendError,
    SampleUpdateError,
    TensorDtypeMismatchError,
    TensorInvalidSampleShapeError,
)
from deeplake.types import ShapeInterval


@pytest.fixture
def ds(tmp_path: Path) -> Dataset:
    return deeplake.empty(tmp_path / "ds")


def picture(height: int = 6, width: int = 8) -> np.ndarray:
    return np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)


def encoded(format: str, array: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, format)
    return out.getvalue()


# --------------------------------------------------------------------------- values
def test_append_extend_pop_clear(ds: Dataset) -> None:
    t = ds.create_tensor("t")
    t.append([1, 2])
    t.extend(np.array([[3, 4], [5, 6]]))
    t.extend([[7, 8]], progressbar=False)
    assert t.numpy().tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    t.pop()
    t.pop(0)
    assert t.numpy().tolist() == [[3, 4], [5, 6]]
    t.extend([[1, 1], [2, 2]])
    t.pop([0, 2])
    assert t.numpy().tolist() == [[5, 6], [2, 2]]
    t.extend([[3, 3], "no number", [4, 4]], ignore_errors=True)
    assert len(t) == 4
    t.clear()
    assert len(t) == 0


def test_output(ds: Dataset) -> None:
    ds.create_tensor("text", htype="text").extend(["a", "b"])
    ds.create_tensor("json", htype="json").extend([{"k": 1}, {"k": 2}])
    ds.create_tensor("list", htype="list").extend([[1, "x"], [2]])
    ds.create_tensor("n").extend([[1, 2], [3, 4]])
    assert ds.text[0].text() == "a"
    assert ds.text.text() == ["a", "b"]
    assert ds.json[0].dict() == {"k": 1}
    assert ds.json.dict() == [{"k": 1}, {"k": 2}]
    assert ds.list[0].list() == [1, "x"]
    assert ds.list.list() == [[1, "x"], [2]]
    assert ds.n.data()["value"].tolist() == [[1, 2], [3, 4]]
    assert [v.tolist() for v in ds.n.data(aslist=True)["value"]] == [[1, 2], [3, 4]]
    assert [v.tolist() for v in ds.n.numpy(aslist=True, fetch_chunks=True)] == [[1, 2], [3, 4]]
    assert np.array(ds.n).tolist() == [[1, 2], [3, 4]]
    assert [v.numpy().tolist() for v in ds.n] == [[1, 2], [3, 4]]


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_tobytes(ds: Dataset, format: str) -> None:
    t = ds.create_tensor("t", htype="image", sample_compression=format)
    file = encoded(format, picture())
    t.extend([deeplake.read(file), deeplake.read(file)])
    assert t[0].tobytes() == file
    for wrong in (t, t[0:2], t[0, 1]):
        with pytest.raises(ValueError, match="one whole sample"):
            wrong.tobytes()


def test_tobytes_of_chunk_compressed_images(ds: Dataset) -> None:
    """Samples of tensors with images as chunk compression come out as files of that format."""
    t = ds.create_tensor("t", htype="image", chunk_compression="png")
    t.append(picture())
    assert (np.asarray(Image.open(io.BytesIO(t[0].tobytes()))) == picture()).all()
    raw = ds.create_tensor("raw", chunk_compression="lz4")
    raw.append(picture())
    assert raw[0].tobytes() == picture().tobytes()


def test_of_files(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="image", sample_compression="png")
    t.append(deeplake.read(encoded("png", picture())))
    info = t[0].sample_info
    assert info["format"] == "png"
    assert info["shape"] == [6, 8, 3]
    assert info["modified"] is False
    assert isinstance(t.sample_info, list)


def test_timestamps_and_play_are_for_videos(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="image", sample_compression="png")
    t.append(picture())
    with pytest.raises(ValueError, match="video"):
        _ = t[0].timestamps
    with pytest.raises(ValueError, match="video"):
        t[0].play()


def test_timestamps_of_frames(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="video", sample_compression=None)
    t.append(np.zeros((5, 4, 4, 3), np.uint8))
    assert t[0].timestamps.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert t[0, 1:4].timestamps.tolist() == [1.0, 2.0, 3.0]
    assert t[0][2:].timestamps.tolist() == [2.0, 3.0, 4.0]
    with pytest.raises(ValueError, match="one video"):
        _ = t.timestamps
    assert "video" in t[0].play().html


def test_of_links(ds: Dataset) -> None:
    t = ds.create_tensor("t")
    t.append(1)
    with pytest.raises(GetDataFromLinkError, match="no link"):
        t.path()


def test_vector_indexes_say_what_is_missing(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="embedding")
    assert t.get_vdb_indexes() == []
    for call in (
        lambda: t.create_vdb_index("hnsw", "l2_norm"), lambda: t.delete_vdb_index("hnsw"),
        lambda: t.load_vdb_index("hnsw"),
    ):  # fmt: skip
        with pytest.raises(NotImplementedError, match="index"):
            call()


def test_summary(ds: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    t = ds.create_tensor("t")
    t.append(1)
    t.summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Tensor(key='t')"
    assert lines[2].split() == ["htype", "shape", "dtype", "compression"]


def test_repr(ds: Dataset) -> None:
    t = ds.create_tensor("g/t")
    t.extend(np.zeros((3, 4)))
    assert repr(t) == "Tensor(key='g/t')"
    assert repr(t[1]) == "Tensor(key='g/t', index=Index([1]))"
    assert repr(t[0:2, 1]) == "Tensor(key='g/t', index=Index([slice(0, 2, None), 1]))"
    assert repr(t[[0, 2]]) == "Tensor(key='g/t', index=Index([[0, 2]]))"


# --------------------------------------------------------------------------- properties
def test_shapes(ds: Dataset) -> None:
    t = ds.create_tensor("t")
    t.extend([np.zeros((3, 4)), np.zeros((3, 6))])
    assert t.shape == (2, 3, None)
    assert t[0].shape == (3, 4)
    assert t[0:1].shape == (1, 3, 4)
    assert str(t.shape_interval) == "(2, 3, 4:6)"
    assert t.shape_interval.lower == (2, 3, 4)
    assert t.shape_interval.upper == (2, 3, 6)
    assert t.shape_interval.is_dynamic
    assert t.shape_interval.astuple() == (2, 3, None)
    assert t.is_dynamic
    assert not t[0].is_dynamic
    assert t.ndim == 3
    assert t[0].ndim == 2
    assert t[0].size == 12
    assert t.shapes().tolist() == [[3, 4], [3, 6]]


@pytest.mark.parametrize("bounds", [((1, 2), (1,)), ((3,), (2,)), ((-1,), (2,))])
def test_bad_intervals(bounds: Any) -> None:
    with pytest.raises(InvalidShapeIntervalError):
        ShapeInterval(*bounds)


def test_interval_text() -> None:
    assert str(ShapeInterval((10, 0), (10, 2))) == "(10, 0:2)"


def test_facts(ds: Dataset) -> None:
    t = ds.create_tensor("g/t", htype="image.rgb", sample_compression="png")
    assert (t.htype, t.base_htype, t.key) == ("image.rgb", "image.rgb", "g/t")
    assert (t.is_sequence, t.is_link, t.verify, t.hidden) == (False, False, True, False)
    assert t.is_empty_tensor
    t.extend([picture(), picture()])
    assert not t.is_empty_tensor
    assert t[0].num_samples == 2
    assert len(t[0:1]) == 1
    assert t.meta.htype == "image.rgb"
    assert t.meta.sample_compression == "png"
    assert t.meta.length == 2
    assert t.meta.min_shape == t.meta.max_shape == [6, 8, 3]
    assert list(t.sample_indices) == [0, 1]
    assert list(ds[1:].g.t.sample_indices) == [1]


def test_dtypes(ds: Dataset) -> None:
    t = ds.create_tensor("t")
    assert t.dtype is None
    assert t.htype is None or t.htype == "generic"
    for htype in ("text", "json", "list", "tag"):
        assert ds.create_tensor(htype, htype=htype).dtype == np.dtype(str)


@pytest.mark.parametrize(
    ("sample", "dtype", "htype"),
    [
        (1, "int64", "generic"), (1.0, "float64", "generic"), (True, "bool", "generic"),
        (np.float32(1), "float32", "generic"), (np.zeros(2, np.uint8), "uint8", "generic"),
        ([1, 2], "int64", "generic"), ([1.0, 2], "float64", "generic"),
        ("text", "str", "text"), ({"a": 1}, "str", "json"), ([1, "a", {}], "str", "json"),
    ],
)  # fmt: skip
def test_the_first_sample_decides(ds: Dataset, sample: Any, dtype: str, htype: str) -> None:
    t = ds.create_tensor("t")
    t.append(None)
    t.append(sample)
    assert t.htype == htype
    assert t.dtype == np.dtype(dtype)


# --------------------------------------------------------------------------- casting
@pytest.mark.parametrize(
    ("dtype", "good", "bad"),
    [
        ("int64", [1, np.int32(1), np.array([1], np.uint8), True], [1.5, np.float32(1)]),
        ("uint8", [255, np.array([7]), [1]], [256, -1, np.array([300]), np.array([1, 2])]),
        ("float32", [1.5, [1.0], np.float16(1)], [np.zeros(2), "a"]),
        ("bool", [True, np.bool_(True)], [3.5]),
    ],
)
def test_casting(ds: Dataset, dtype: str, good: list[Any], bad: list[Any]) -> None:
    t = ds.create_tensor("t", dtype=dtype)
    for value in good:
        t.append(value)
    for value in bad:
        with pytest.raises(SampleAppendError) as failed:
            t.append(value)
        assert failed.value.__cause__ is not None
    assert len(t) == len(good)
    assert t.dtype == np.dtype(dtype)


def test_float_arrays_do_not_become_ints(ds: Dataset) -> None:
    ints = ds.create_tensor("i", dtype="int64")
    with pytest.raises(SampleAppendError) as failed:
        ints.append(np.ones(1, np.float32))
    assert isinstance(failed.value.__cause__, TensorDtypeMismatchError)
    boxes = ds.create_tensor("b", htype="bbox")
    boxes.append([[0.5, 1, 2, 3]])
    with pytest.raises(SampleAppendError) as failed:
        boxes.append(np.zeros((1, 4)))
    assert isinstance(failed.value.__cause__, TensorDtypeMismatchError)


def test_dimensions(ds: Dataset) -> None:
    t = ds.create_tensor("t")
    t.append(5)
    assert t[0].shape == (1,)
    with pytest.raises(SampleAppendError) as failed:
        t.append(np.zeros((2, 2), np.int64))
    assert isinstance(failed.value.__cause__, TensorInvalidSampleShapeError)


def test_grey_among_coloured(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="image", sample_compression="png")
    t.append(picture())
    with pytest.warns(UserWarning, match="H, W, 1"):
        t.append(picture()[:, :, 0])
    assert t[1].shape == (6, 8, 1)


# --------------------------------------------------------------------------- None
@pytest.mark.parametrize(
    ("htype", "first", "empty"),
    [("text", "a", ""), ("json", {"a": 1}, {}), ("list", [1], []), ("tag", ["a"], [])],
)
@pytest.mark.parametrize("nothing", [None, []])
def test_empty_values(ds: Dataset, htype: str, first: Any, empty: Any, nothing: Any) -> None:
    t = ds.create_tensor("t", htype=htype)
    t.extend([first, nothing])
    assert t[1].data()["value"] == empty


def test_empty_lists_where_the_schema_asks_for_them(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="json", dtype="List[int]")
    t.extend([[], [1]])
    assert t.data()["value"] == [[], [1]]
    u = ds.create_tensor("u", htype="json", dtype="Dict[str, int]")
    u.extend([[], {"a": 1}])
    assert u.data()["value"] == [{}, {"a": 1}]


@pytest.mark.parametrize("htype", ["json", None])
def test_arrays_of_objects(ds: Dataset, htype: str | None) -> None:
    pair = np.array([{"a": 1}, {"b": [2]}], object)
    t = ds.create_tensor("t", htype=htype)
    t.append(pair)
    t.extend(pair)
    t.append(t[1].numpy())
    assert t.htype == "json"
    assert t.data()["value"] == [[{"a": 1}, {"b": [2]}], {"a": 1}, {"b": [2]}, {"a": 1}]


def test_keys_that_are_no_str(ds: Dataset) -> None:
    t = ds.create_tensor("t", htype="json")
    t.append({1: "one", "two": {2.5: None}})
    t[0] = {**t[0].dict(), np.int64(3): True}
    assert t[0].dict() == {"1": "one", "two": {"2.5": None}, "3": True}


def test_empty_arrays(ds: Dataset) -> None:
    t = ds.create_tensor("t")
    t.append(np.ones((2, 3)))
    for nothing in (None, []):
        t.append(nothing)
    assert t[1].numpy().shape == (0, 0)
    assert t.shape_interval.lower == (3, 0, 0)
    assert t.is_dynamic
    with pytest.raises(DynamicTensorNumpyError):
        t.numpy()
    assert [a.shape for a in t.numpy(aslist=True)] == [(2, 3), (0, 0), (0, 0)]


def test_only_none_and_nothing(ds: Dataset) -> None:
    t = ds.create_tensor("t")
    assert (t.numpy().shape, t.numpy().dtype) == ((0,), np.float64)
    t.append(None)
    with pytest.raises(EmptyTensorError):
        t.numpy()
    with pytest.raises(EmptyTensorError):
        t[0].numpy()


# --------------------------------------------------------------------------- changing
def test_assignment_beyond_the_end_pads(ds: Dataset) -> None:
    t = ds.create_tensor("t")
    t.append(1)
    t[4] = 5
    assert [v.tolist() for v in t.numpy(aslist=True)] == [[1], [], [], [], [5]]
    with pytest.raises(IndexError):
        t[-6] = 1


def test_assignment_of_slices(ds: Dataset) -> None:
    t = ds.create_tensor("t")
    t.extend([1, 2, 3, 4])
    t[1:3] = [8, 9]
    assert t.numpy().ravel().tolist() == [1, 8, 9, 4]
    with pytest.raises(SampleUpdateError):
        t[1:3] = [1, 2, 3]
    with pytest.raises(SampleUpdateError):
        t[0] = "text"
    assert t.numpy().ravel().tolist() == [1, 8, 9, 4]


def test_parts_of_another_shape(ds: Dataset) -> None:
    t = ds.create_tensor("t")
    t.extend(np.zeros((2, 4, 5), int))
    with pytest.raises(
        SampleUpdateError,
        match=r"'t', row 1: values of shape \(3, 3\) cannot be broadcast .* \(2, 5\)",
    ):
        t[1, 1:3] = np.ones((3, 3), int)
    assert not t.numpy().any()


@pytest.mark.parametrize("compression", [None, "png"])
def test_an_ellipsis_spreads_over_what_is_there(ds: Dataset, compression: str | None) -> None:
    t = ds.create_tensor("spread", htype="image", sample_compression=compression)
    model = np.random.default_rng(0).integers(0, 255, (3, 4, 5, 3), dtype=np.uint8)
    t.extend(model)
    for at, value in [
        ((1, ...), 7), ((0, ...), np.arange(3, dtype=np.uint8)), ((2, ...), model[0]),
        ((..., 2), 9), ((-1, ..., 0), 1), ((1, ..., slice(0, 2), 1), 3),
    ]:  # fmt: skip
        t[at] = value
        model[at] = value
        assert np.array_equal(t.numpy(), model), at
    t[0][...] = 4
    model[0] = 4
    assert np.array_equal(t.numpy(), model)
    with pytest.raises(SampleUpdateError, match="'spread', row 1"):
        t[1, ...] = np.zeros((2, 2, 3), np.uint8)
    assert np.array_equal(deeplake.load(ds.path).spread.numpy(), model)
    t[1] = np.zeros((2, 2, 3), np.uint8)
    assert t[1].shape == (2, 2, 3)


@pytest.mark.parametrize("compression", [None, "png", "lz4"])
def test_partial_updates(ds: Dataset, compression: str | None) -> None:
    t = ds.create_tensor("t", htype="image", sample_compression=compression)
    t.extend([picture(), picture()])
    expected = np.stack([picture(), picture()])
    t[0, 1:3] = np.full((2, 8, 3), 9, np.uint8)
    expected[0, 1:3] = 9
    t[1][2:4, 0] = 7
    expected[1, 2:4, 0] = 7
    t[1, 0, 0, 0] = 200
    expected[1, 0, 0, 0] = 200
    assert (t.numpy() == expected).all()


@pytest.mark.parametrize(
    ("operator", "other"),
    [("+", 3), ("-", 3), ("*", 3), ("//", 3), ("%", 3), ("**", 2), ("<<", 1), (">>", 1), ("&", 6),
     ("^", 5), ("|", 8)],
)  # fmt: skip
def test_in_place_operators(ds: Dataset, operator: str, other: int) -> None:
    t = ds.create_tensor("t")
    t.extend([[1, 2], [3, 4]])
    values = np.array([[1, 2], [3, 4]])
    scope = {"ds": ds, "values": values}
    exec(f"ds.t {operator}= {other}; values {operator}= {other}", scope)
    assert t.numpy().tolist() == scope["values"].tolist()
    exec(f"ds.t[0] {operator}= {other}; values[0] {operator}= {other}", scope)
    exec(f"ds[1].t {operator}= {other}; values[1] {operator}= {other}", scope)
    assert t.numpy().tolist() == scope["values"].tolist()


def test_true_division(ds: Dataset) -> None:
    ds.create_tensor("t").extend([[1.0, 2.0]])
    ds.t /= 2
    assert ds.t.numpy().tolist() == [[0.5, 1.0]]


def test_operators_on_different_shapes(ds: Dataset) -> None:
    t = ds.create_tensor("t")
    t.extend([[1], [2, 3]])
    with pytest.raises(SampleUpdateError) as failed:
        t += 1
    assert isinstance(failed.value.__cause__, NotImplementedError)


def test_failures_roll_back(ds: Dataset) -> None:
    t = ds.create_tensor("t")
    t.extend([1, 2])
    for call in (lambda: t.extend([3, "x"]), lambda: t.append("x")):
        with pytest.raises(SampleAppendError) as failed:
            call()
        assert failed.value.__cause__ is not None
    with pytest.raises(SampleUpdateError) as failed:
        t[0:2] = [5, "x"]
    assert t.numpy().ravel().tolist() == [1, 2]


def test_extend_with_a_tensor_keeps_files(ds: Dataset) -> None:
    a = ds.create_tensor("a", htype="image", sample_compression="jpeg")
    b = ds.create_tensor("b", htype="image", sample_compression="jpeg")
    a.extend([picture(30, 20), picture(20, 30)])
    b.extend(a)
    assert [b[i].tobytes() for i in range(2)] == [a[i].tobytes() for i in range(2)]
    b.append(a[1])
    assert b[2].tobytes() == a[1].tobytes()


def test_modified_samples(ds: Dataset) -> None:
    t = ds.create_tensor("t")
    t.extend([1, 2, 3])
    first = ds.commit()
    t[1] = 5
    t.append(4)
    assert t.modified_samples().numpy().ravel().tolist() == [5, 4]
    found, rows = t.modified_samples(first, return_indexes=True)
    assert rows == [1, 3]
    assert found.numpy().ravel().tolist() == [5, 4]


def test_info(ds: Dataset) -> None:
    t = ds.create_tensor("t")
    t.info = {"a": 1}
    assert t.info["a"] == t.info.a == 1
    with pytest.raises(TypeError):
        t.info = 5


def test_tensors_of_only_none_as_samples(ds: Dataset) -> None:
    ds.create_tensor("a").extend([None, None, None])
    b = ds.create_tensor("b")
    assert b.is_empty_tensor
    b.extend(ds.a)
    b.extend([ds.a[0], ds.a[1]])
    b.append(ds.a[2])
    assert ds.a.is_empty_tensor
    assert b.is_empty_tensor
    with pytest.raises(EmptyTensorError):
        b.numpy()
    b.append(1)
    assert not b.is_empty_tensor
    assert [sample.tolist() for sample in b.numpy(aslist=True)] == [[]] * 6 + [[1]]
    text = ds.create_tensor("text", htype="text")
    text.append(None)
    assert not text.is_empty_tensor  # None is a value there: ''
