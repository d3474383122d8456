"""``ingest_dataframe`` (api.md, section 16), with real DataFrames of every dtype."""

from __future__ import annotations

import datetime
import decimal
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import deeplake
from deeplake.errors import (
    DatasetHandlerError,
    IngestionError,
    InvalidPandasDataframeError,
    TensorMetaInvalidHtypeOverwriteKey,
)

QUIET: dict[str, Any] = {"progressbar": False}


def ingest(frame: Any, **arguments: Any) -> deeplake.Dataset:
    return deeplake.ingest_dataframe(frame, "mem://frame", **QUIET, **arguments)


def texts(tensor: Any) -> list[str]:
    return [tensor[i].text() for i in range(len(tensor))]


def test_the_signature() -> None:
    found = inspect.signature(deeplake.ingest_dataframe).parameters
    assert list(found)[:7] == [
        "src", "dest", "column_params", "src_creds", "dest_creds", "creds_key", "progressbar",
    ]  # fmt: skip
    assert found["progressbar"].default is True
    assert "ingest_dataframe" in deeplake.__all__
    assert deeplake.dataset.ingest_dataframe is deeplake.ingest_dataframe


@pytest.mark.parametrize(
    "dtype",
    ["int8", "int64", "uint8", "uint32", "float16", "float32", "float64", "bool", "complex64"],
)
def test_numbers_keep_their_dtype(dtype: str, tmp_path: Path) -> None:
    values = np.array([0, 1, 1, 0], dtype)
    ds = deeplake.ingest_dataframe(pd.DataFrame({"x": values}), tmp_path / "ds", **QUIET)
    ds = deeplake.load(tmp_path / "ds")
    assert ds.x.dtype == np.dtype(dtype)
    assert ds.x.htype == "generic"
    assert np.array_equal(ds.x.numpy().ravel(), values)
    assert ds.commit("frame")


def test_more_rows_than_a_batch() -> None:
    frame = pd.DataFrame({"x": np.arange(40_000), "t": [str(i % 100) for i in range(40_000)]})
    frame["y"] = frame.x / 2
    frame.loc[39_999, "y"] = np.nan  # in the last batch only
    ds = ingest(frame)
    assert np.array_equal(ds.x.numpy().ravel(), np.arange(40_000))
    assert ds.t[39_999].text() == "99"
    assert ds.y.dtype == np.float64
    assert ds.y[39_998].numpy().tolist() == [19_999]
    assert ds.y[39_999].shape == (0,)


@pytest.mark.parametrize("dtype", [object, "str", "string", "string[pyarrow]", "category"])
def test_strings(dtype: Any) -> None:
    ds = ingest(pd.DataFrame({"t": pd.Series(["a", None, "Zoë", ""], dtype=dtype)}))
    assert ds.t.htype == "text"
    assert texts(ds.t) == ["a", "", "Zoë", ""]


def test_dates_are_text() -> None:
    days = pd.Series(pd.to_datetime(["2020-01-31 12:30", None]))
    frame = pd.DataFrame(
        {"day": days, "zone": days.dt.tz_localize("UTC"), "delta": days - days[0],
         "period": days.dt.to_period("D"), "date": [datetime.date(2020, 1, 31), None]}
    )  # fmt: skip
    ds = ingest(frame)
    assert {tensor.htype for tensor in ds.tensors.values()} == {"text"}
    assert texts(ds.day) == ["2020-01-31 12:30:00", ""]
    assert texts(ds.zone) == ["2020-01-31 12:30:00+00:00", ""]
    assert texts(ds.delta) == ["0 days", ""]
    assert texts(ds.period) == texts(ds.date) == ["2020-01-31", ""]


def test_what_is_missing_is_an_empty_sample() -> None:
    frame = pd.DataFrame(
        {"f": np.array([1.5, np.nan], "f4"), "i": pd.array([7, None], "Int16"),
         "b": pd.array([None, True], "boolean"), "o": np.array([None, 3], object),
         "w": pd.array([0.5, None], "Float32"), "ob": np.array([False, None], object)}
    )  # fmt: skip
    ds = ingest(frame)
    assert {name: str(tensor.dtype) for name, tensor in ds.tensors.items()} == {
        "f": "float32", "i": "int16", "b": "bool", "o": "int64", "w": "float32", "ob": "bool",
    }  # fmt: skip
    assert [ds.f[0].numpy().item(), ds.i[0].numpy().item(), ds.b[1].numpy().item()] == [
        1.5,
        7,
        True,
    ]
    for name, row in (("f", 1), ("i", 1), ("b", 0), ("o", 0), ("w", 1), ("ob", 1)):
        assert ds[name][row].shape == (0,), name


def test_objects() -> None:
    frame = pd.DataFrame(
        {"a": [np.zeros((2, 3)), np.ones((2, 3))], "l": [[1, 2], [3]], "s": [["a"], []],
         "d": [{"k": 1}, {}], "dec": [decimal.Decimal("1.5"), None], "p": [Path("/a"), Path("/b")],
         "n": [[1.5, 2], None], "mixed": np.array([1, 2.5], object), "none": [None, None]}
    )  # fmt: skip
    ds = ingest(frame)
    assert {name: tensor.htype for name, tensor in ds.tensors.items()} == {
        "a": "generic", "l": "generic", "s": "list", "d": "json", "dec": "text", "p": "text",
        "n": "generic", "mixed": "generic", "none": "text",
    }  # fmt: skip
    assert ds.a.shape == (2, 2, 3)
    assert [ds.l[i].numpy().tolist() for i in range(2)] == [[1, 2], [3]]
    assert ds.s[0].list() == ["a"]
    assert ds.d[0].dict() == {"k": 1}
    assert texts(ds.dec) == ["1.5", ""]
    assert texts(ds.p) == ["/a", "/b"]
    assert ds.n[1].shape == (0,)
    assert ds.mixed.numpy().ravel().tolist() == [1, 2.5]


@pytest.mark.parametrize(
    ("values", "types"), [([1, "x"], "int and .*row 1.* str"), (["x", None, {}], "row 2.* dict"),
                          ([b"x", b"y"], "bytes")],
)  # fmt: skip
def test_mixed_types(tmp_path: Path, values: list[Any], types: str) -> None:
    frame = pd.DataFrame({"x": np.array(values, object)})
    with pytest.raises(IngestionError, match=f"column 'x' has .*{types}"):
        deeplake.ingest_dataframe(frame, tmp_path / "ds", **QUIET)
    assert not deeplake.exists(tmp_path / "ds")


def test_names_of_tensors() -> None:
    ds = ingest(pd.DataFrame([[1, 2, 3, 4]], columns=["a[b]@.,?!/\\#'\" c", "größe", 7, "info"]))
    assert list(ds.tensors) == ["a_b____________c", "größe", "7", "info_"]
    with pytest.raises(IngestionError, match="two tensors would be called 'a_b'"):
        ingest(pd.DataFrame([[1, 2]], columns=["a.b", "a b"]))
    with pytest.raises(IngestionError, match="several columns called 'a'"):
        ingest(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_parameters_of_columns() -> None:
    frame = pd.DataFrame({"kind": ["dog", "cat", "dog"], "x": [1, 2, 3], "v": [[1.0], [2], [3]]})
    params: Any = {
        "kind": {"name": "labels", "htype": "class_label"},
        "x": {"chunk_compression": "lz4", "name": "number"},
        "v": {"htype": "embedding"},
    }
    ds = ingest(frame, column_params=params)
    assert {name: tensor.htype for name, tensor in ds.tensors.items()} == {
        "labels": "class_label", "number": "generic", "v": "embedding",
    }  # fmt: skip
    assert [ds.labels[i].data()["text"] for i in range(3)] == [["dog"], ["cat"], ["dog"]]
    assert ds.number.meta.chunk_compression == "lz4"
    assert ds.v.dtype == np.float32
    with pytest.raises(IngestionError, match="column 'colour'"):
        ingest(frame, column_params={"colour": {"htype": "text"}})
    with pytest.raises(TypeError, match="column_params"):
        ingest(frame, column_params={"x": "text"})
    with pytest.raises(TensorMetaInvalidHtypeOverwriteKey):
        ingest(frame, column_params={"x": {"colour": 1}})


@pytest.fixture
def photos(tmp_path: Path) -> pd.DataFrame:
    paths: list[Any] = []
    for number in range(300):
        paths.append(str(tmp_path / f"{number} ü.jpg"))
        Image.new("RGB", (8, 6), (number % 256, 9, 9)).save(paths[-1])
    paths[7], paths[270] = None, str(tmp_path / "lost.jpg")
    return pd.DataFrame({"n": range(300), "file": paths, "twice": paths})


def test_files(photos: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    params = {"file": {"htype": "image", "name": "images"}}
    ds = ingest(photos, column_params=params)
    assert list(ds.tensors) == ["n", "images", "twice"]
    assert ds.images.meta.sample_compression == "jpeg"
    assert ds.twice.htype == "text"
    for row in (0, 8, 299):
        assert ds.images[row].tobytes() == Path(photos.file[row]).read_bytes()
    assert ds.images[7].shape == ds.images[270].shape == (0, 0, 0)
    printed = capsys.readouterr().out
    assert "1 file could not be read" in printed
    assert "lost.jpg" in printed
    params = {"file": {"htype": "image", "sample_compression": "png"}}
    ds = ingest(photos[:3], column_params=params)
    assert ds.file.meta.sample_compression == "png"
    assert ds.file.shape == (3, 6, 8, 3)
    ds = ingest(pd.DataFrame({"n": ["a.txt"]}), column_params={"n": {"htype": "image"}})
    assert ds.n.meta.sample_compression is None
    assert "a.txt" in capsys.readouterr().out


def test_links(photos: pd.DataFrame) -> None:
    params = {"file": {"htype": "link[image]"}}
    ds = ingest(photos[:3], column_params=params, creds_key="mine", src_creds={"key": "value"})
    assert ds.file.htype == "link[image]"
    assert ds.file[1].path().item() == photos.file[1]
    assert ds.file[1].creds_key() == "mine"
    assert ds.file[1].numpy().shape == (6, 8, 3)


def test_frames_without_rows_or_columns(tmp_path: Path) -> None:
    ds = ingest(pd.DataFrame({"x": np.zeros(0, "f4"), "t": pd.Series([], dtype="str")}))
    assert [ds.x.dtype, ds.t.htype, len(ds)] == [np.float32, "text", 0]
    with pytest.raises(IngestionError, match="no columns"):
        deeplake.ingest_dataframe(pd.DataFrame(), tmp_path / "ds", **QUIET)
    # The index is no column, whatever it is.
    ds = ingest(pd.DataFrame({"x": [1, 2, 3]}, index=["a", "a", "b"])[1:])
    assert ds.x.numpy().ravel().tolist() == [2, 3]


@pytest.mark.parametrize("src", [None, {"a": [1]}, [1], "table.csv", np.zeros(3), pd.Series([1])])
def test_what_is_no_frame(tmp_path: Path, src: Any) -> None:
    with pytest.raises(InvalidPandasDataframeError, match="not a pandas DataFrame"):
        deeplake.ingest_dataframe(src, tmp_path / "ds", **QUIET)
    assert not deeplake.exists(tmp_path / "ds")


def test_a_dataset_that_is_there(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1]})
    deeplake.ingest_dataframe(frame, tmp_path / "ds", **QUIET)
    with pytest.raises(DatasetHandlerError, match="overwrite"):
        deeplake.ingest_dataframe(frame, tmp_path / "ds", **QUIET)
    ds = deeplake.ingest_dataframe(frame * 2, tmp_path / "ds", overwrite=True, **QUIET)
    assert ds.x.numpy().tolist() == [[2]]
