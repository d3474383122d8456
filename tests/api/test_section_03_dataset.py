"""Datasets, row by row of the table (api.md, section 3).

Behind each fact there are more tests in ``core/tests/dataset``: ``test_dataset.py``,
``test_append.py``, ``test_extend.py``, ``test_pop.py``, ``test_groups.py``, ``test_views.py``,
``test_random_split.py``, ``test_credentials.py``.
"""

from __future__ import annotations

import logging
import pickle
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset, plugins
from deeplake.errors import (
    DatasetHandlerError,
    DatasetTooLargeToDelete,
    GroupInfoNotSupportedError,
    InvalidKeyTypeError,
    InvalidOperationError,
    InvalidTensorGroupNameError,
    InvalidTensorNameError,
    InvalidViewException,
    MemoryDatasetCanNotBePickledError,
    MeshTensorMetaMissingRequiredValue,
    MissingCredsError,
    ReadOnlyModeError,
    RenameError,
    SampleAppendError,
    SampleAppendingError,
    SampleExtendError,
    SampleUpdateError,
    TensorAlreadyExistsError,
    TensorDoesNotExistError,
    TensorGroupAlreadyExistsError,
    TensorGroupDoesNotExistError,
    TensorMetaInvalidHtype,
    TensorMetaInvalidHtypeOverwriteKey,
    TensorMetaInvalidHtypeOverwriteValue,
    TensorMetaMissingRequiredValue,
    TensorMetaMutuallyExclusiveKeysError,
    TensorTooLargeToDelete,
    UnsupportedCompressionError,
)
from deeplake.spi import Viewer


@pytest.fixture
def ds(tmp_path: Path) -> Dataset:
    """Five rows of ``x`` and ``g/y``."""
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("x", dtype="int64")
    ds.create_tensor("g/y")
    ds.extend({"x": np.arange(5), "g/y": np.arange(10.0).reshape(5, 2)})
    return ds


# --------------------------------------------------------------------------- access
def test_with_turns_autoflush_off(ds: Dataset) -> None:
    with ds as same:
        assert same is ds
        ds.append({"x": 5, "g/y": [1.0, 2.0]})
        assert len(deeplake.load(ds.path)) == 5
    assert len(deeplake.load(ds.path)) == 6


def test_attributes_and_items(ds: Dataset) -> None:
    assert ds.x.key == ds["x"].key == "x"
    assert ds.g.y.key == ds["g"]["y"].key == ds["g/y"].key == ds["g"].y.key == "g/y"
    with pytest.raises(AttributeError):
        _ = ds.nothing
    with pytest.raises(TensorDoesNotExistError) as missing:
        _ = ds["nothing"]
    assert isinstance(missing.value, KeyError)
    assert isinstance(missing.value, AttributeError)


def test_restriction_to_tensors(ds: Dataset) -> None:
    assert list(ds[["x"]].tensors) == ["x"]
    assert list(ds[["g/y", "x"]].tensors) in (["g/y", "x"], ["x", "g/y"])
    assert list(ds[["x"]][1:3].tensors) == ["x"]


@pytest.mark.parametrize(
    ("key", "rows"),
    [(2, [2]), (-1, [4]), (slice(1, 3), [1, 2]), ([3, 1], [3, 1]), (..., [0, 1, 2, 3, 4])],
)
def test_rows(ds: Dataset, key: Any, rows: list[int]) -> None:
    view = ds[key]
    assert isinstance(view, Dataset)
    assert view.x.numpy().ravel().tolist() == rows
    assert list(view.sample_indices) == rows


@pytest.mark.parametrize("key", [1.5, {"a": 1}, {1, 2}, object(), b"x", True])
def test_keys_of_other_types(ds: Dataset, key: Any) -> None:
    with pytest.raises(InvalidKeyTypeError) as wrong:
        _ = ds[key]
    assert isinstance(wrong.value, TypeError)


def test_setting(ds: Dataset) -> None:
    with pytest.raises(TypeError):
        ds.fresh = np.zeros(5)
    with pytest.raises(TypeError):
        ds["g"] = np.zeros(5)
    with pytest.raises(TypeError):
        ds.g = np.zeros(5)
    ds[1].x = 7
    ds["x"][2:4] = [8, 9]
    ds[0:1]["x"] = [6]
    assert ds.x.numpy().ravel().tolist() == [6, 7, 8, 9, 4]


def test_in_bool_and_iteration(ds: Dataset) -> None:
    assert "x" in ds
    assert "g/y" in ds
    assert "g" not in ds
    assert "nothing" not in ds
    assert bool(deeplake.empty("mem://nothing-in-it"))
    rows = list(ds)
    assert [row.x.numpy().tolist() for row in rows] == [[i] for i in range(5)]
    assert all(isinstance(row, Dataset) and len(row) == 1 for row in rows)


def test_a_loop_over_ints_warns_once(
    ds: Dataset, recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """The predecessor warned of slowness. Ours keeps what it opened, and has nothing to warn of."""
    for i in range(5):
        _ = ds[i].x.numpy()
    assert not recwarn.list
    assert not caplog.records


def test_pickle(ds: Dataset) -> None:
    again = pickle.loads(pickle.dumps(ds))
    assert again.x.numpy().tolist() == ds.x.numpy().tolist()
    with pytest.raises(MemoryDatasetCanNotBePickledError):
        pickle.dumps(deeplake.empty("mem://no-pickle"))


def test_repr(ds: Dataset) -> None:
    start = f"Dataset(path={ds.path!r}, "
    end = "tensors=['x', 'g/y'])"
    assert repr(ds) == start + end
    assert repr(ds[1:3]) == start + "index=Index([slice(1, 3, None)]), " + end
    assert repr(ds[2]) == start + "index=Index([2]), " + end
    assert repr(ds.g) == start + "group_index='g', tensors=['y'])"
    assert repr(deeplake.load(ds.path, read_only=True)) == start + "read_only=True, " + end
    ds.allow_delete = False
    assert repr(ds) == start + "allow_delete=False, " + end
    assert repr(deeplake.load(ds.path, read_only=True)) == start + "allow_delete=False, " + end


# --------------------------------------------------------------------------- create_tensor
def test_create_tensor_and_exist_ok(ds: Dataset) -> None:
    with pytest.raises(TensorAlreadyExistsError):
        ds.create_tensor("x")
    assert ds.create_tensor("x", exist_ok=True).key == "x"
    for wrong in (
        {"htype": "class_label"}, {"dtype": "float32"}, {"sample_compression": "png"},
        {"chunk_compression": "lz4"}, {"hidden": True},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="another"):
            ds.create_tensor("x", exist_ok=True, **wrong)
    with pytest.raises(TensorGroupAlreadyExistsError):
        ds.create_tensor("g")


@pytest.mark.parametrize("name", ["", "append", "info", "tensors", "_checkout", "a/pop"])
def test_names(ds: Dataset, name: str) -> None:
    with pytest.raises(InvalidTensorNameError):
        ds.create_tensor(name)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"htype": "nothing"}, TensorMetaInvalidHtype),
        ({"htype": "sequence[image"}, TensorMetaInvalidHtype),
        ({"nothing": 1}, TensorMetaInvalidHtypeOverwriteKey),
        ({"htype": "image", "sample_compression": "png", "class_names": []},
         TensorMetaInvalidHtypeOverwriteKey),
        ({"sample_compression": "nothing"}, UnsupportedCompressionError),
        ({"htype": "image", "sample_compression": "mp3"}, UnsupportedCompressionError),
        ({"sample_compression": "lz4", "chunk_compression": "lz4"},
         TensorMetaMutuallyExclusiveKeysError),
        ({"htype": "image"}, TensorMetaMissingRequiredValue),
        ({"htype": "audio"}, TensorMetaMissingRequiredValue),
        ({"htype": "video"}, TensorMetaMissingRequiredValue),
        ({"htype": "point_cloud"}, TensorMetaMissingRequiredValue),
        ({"htype": "nifti"}, TensorMetaMissingRequiredValue),
        ({"htype": "mesh"}, MeshTensorMetaMissingRequiredValue),
        ({"dtype": "nothing"}, TensorMetaInvalidHtypeOverwriteValue),
        ({"htype": "text", "dtype": "int64"}, TensorMetaInvalidHtypeOverwriteValue),
        ({"htype": "bbox", "coords": {"nothing": 1}}, KeyError),
        ({"htype": "bbox", "coords": 5}, TypeError),
        ({"htype": "class_label", "class_names": "cat"}, TypeError),
        ({"htype": "keypoints_coco", "connections": [[1]]}, TypeError),
    ],
)  # fmt: skip
def test_create_tensor_errors(
    ds: Dataset, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match="tensor 'new'"):
        ds.create_tensor("new", **arguments)
    assert "new" not in ds
    assert ds.meta.tensors == ["x", "g/y"]


def test_create_tensor_allows(ds: Dataset) -> None:
    ds.create_tensor("a/b/t", htype="image", sample_compression=None)
    assert {"a", "a/b"} <= set(ds.meta.groups)
    ds.create_tensor("b1", htype="bbox", coords={"type": "pixel", "mode": "any value"})
    assert ds.b1.info.coords == {"type": "pixel", "mode": "any value"}
    ds.create_tensor(
        "k", htype="keypoints_coco", keypoints=["a", "b"], connections=[[0, 1]],
        max_chunk_size=1000, typestr="<f4",
    )  # fmt: skip
    assert ds.k.info["keypoints"] == ["a", "b"]
    assert ds.k.meta.max_chunk_size == 1000
    assert ds.k.meta.typestr == "<f4"


def test_hidden_tensors(ds: Dataset) -> None:
    ds.create_tensor("secret", hidden=True).append(1)
    assert "secret" not in ds.tensors
    assert "secret" not in ds
    assert ds["secret"].numpy().tolist() == [[1]]
    assert ds.secret.hidden
    assert ds.meta.hidden_tensors == ["secret"]


def test_create_tensor_like(ds: Dataset) -> None:
    ds.create_tensor("l", htype="class_label", class_names=["a"], chunk_compression="lz4")
    ds.l.append(0)
    like = ds.create_tensor_like("m", ds.l)
    assert (like.htype, like.chunk_compression, len(like)) == ("class_label", "lz4", 0)
    assert like.info.class_names == ["a"]


# --------------------------------------------------------------------------- groups, names
def test_create_group(ds: Dataset) -> None:
    assert ds.create_group("a/b").group_index == "a/b"
    with pytest.raises(TensorGroupAlreadyExistsError):
        ds.create_group("a")
    ds.create_group("a", exist_ok=True)
    with pytest.raises(TensorAlreadyExistsError):
        ds.create_group("x")
    for name in ("", "append"):
        with pytest.raises(InvalidTensorGroupNameError):
            ds.create_group(name)


def test_delete_tensor_and_group(ds: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TensorDoesNotExistError):
        ds.delete_tensor("nothing")
    with pytest.raises(TensorGroupDoesNotExistError) as missing:
        ds.delete_group("nothing")
    assert isinstance(missing.value, KeyError)
    monkeypatch.setattr("deeplake.dataset.structure.SAFE_TO_DELETE", 3)
    with pytest.raises(TensorTooLargeToDelete):
        ds.delete_tensor("x")
    ds.delete_tensor("x", large_ok=True)
    ds.delete_group("g")
    assert not ds.tensors
    assert not ds.groups


def test_delete_large_group_is_logged(
    ds: Dataset, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("deeplake.dataset.structure.SAFE_TO_DELETE", 3)
    with caplog.at_level(logging.INFO, "deeplake"):
        ds.delete_group("g")
    assert "'g'" in caplog.text
    assert "g/y" not in ds


def test_rename_tensor(ds: Dataset) -> None:
    ds.rename_tensor("x", "z")
    assert ds.z.numpy().ravel().tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(TensorDoesNotExistError):
        ds.rename_tensor("x", "w")
    with pytest.raises(RenameError):
        ds.rename_tensor("z", "h/z")
    ds.create_tensor("other")
    with pytest.raises(TensorAlreadyExistsError):
        ds.rename_tensor("z", "other")
    with pytest.raises(TensorGroupAlreadyExistsError):
        ds.rename_tensor("z", "g")
    with pytest.raises(InvalidTensorNameError):
        ds.rename_tensor("z", "append")


def test_rename_group(ds: Dataset) -> None:
    ds.rename_group("g", "h")
    assert ds["h/y"].shape == (5, 2)
    with pytest.raises(TensorGroupDoesNotExistError):
        ds.rename_group("g", "i")
    with pytest.raises(RenameError):
        ds.rename_group("h", "i/h")
    with pytest.raises(TensorAlreadyExistsError):
        ds.rename_group("h", "x")
    ds.create_group("i")
    with pytest.raises(TensorGroupAlreadyExistsError):
        ds.rename_group("h", "i")
    with pytest.raises(InvalidTensorGroupNameError):
        ds.rename_group("h", "append")


# --------------------------------------------------------------------------- rows
def test_append(ds: Dataset) -> None:
    ds.append({"x": 5, "g/y": [1.0, 2.0]})
    ds.append(ds[0])
    assert ds.x.numpy().ravel().tolist() == [0, 1, 2, 3, 4, 5, 0]
    with pytest.raises(KeyError):
        ds.append({"x": 1})
    with pytest.raises(TensorDoesNotExistError):
        ds.append({"x": 1, "g/y": [0.0, 1.0], "z": 2})
    for wrong in ([1, 2], 5, "x", None):
        with pytest.raises(SampleAppendingError):
            ds.append(wrong)
    ds.append({"x": 1}, append_empty=True)
    assert ds["g/y"][7].numpy().shape == (0,)
    ds.append({"x": 1}, skip_ok=True)
    assert (len(ds.x), len(ds["g/y"])) == (9, 8)
    with pytest.raises(ValueError, match="equal length"):
        ds.append({"x": 1, "g/y": [0.0, 1.0]})


def test_append_is_all_or_nothing(ds: Dataset) -> None:
    with pytest.raises(SampleAppendError):
        ds.append({"x": 5, "g/y": "no number"})
    assert (len(ds.x), len(ds["g/y"])) == (5, 5)


def test_extend(ds: Dataset) -> None:
    with pytest.raises(ValueError, match=r"'x': 2.*'g/y': 1"):
        ds.extend({"x": [1, 2], "g/y": [[1.0, 2.0]]})
    with pytest.raises(SampleExtendError):
        ds.extend({"x": [5, "bad", 7], "g/y": [[0.0, 0.0]] * 3})
    assert len(ds) == 6
    ds.extend({"x": [6, "bad", 7], "g/y": [[0.0, 0.0]] * 3}, ignore_errors=True)
    assert ds.x.numpy().ravel().tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    ds.extend(ds[0:2])
    ds.extend({"x": [1]}, append_empty=True)
    ds.extend({"x": [1]}, skip_ok=True)
    assert (len(ds.x), len(ds["g/y"])) == (12, 11)


@pytest.mark.parametrize("column", [5, "text", None, b"bytes", {"a": 1}])
def test_columns_are_sequences(ds: Dataset, column: Any) -> None:
    with pytest.raises(TypeError, match="tensor 'x': ds.extend takes a sequence"):
        ds.extend({"x": column, "g/y": [[0.0, 1.0]]})
    assert (len(ds.x), len(ds["g/y"])) == (5, 5)


def test_update_of_several_rows(ds: Dataset) -> None:
    with pytest.raises(TypeError, match="tensor 'x': one int for the 2 rows"):
        ds[0:2].update({"x": 1})
    ds[0:2].update({"x": [7, 8], "g/y": [[0.0, 0.0]] * 2})
    assert ds.x[:3].numpy().ravel().tolist() == [7, 8, 2]


def test_extend_with_arrays_ignores_ignore_errors(ds: Dataset) -> None:
    with pytest.warns(UserWarning, match="ignore_errors"):
        ds.extend({"x": np.arange(2), "g/y": np.zeros((2, 2))}, ignore_errors=True)
    assert len(ds) == 7


def test_update(ds: Dataset) -> None:
    ds[1].update({"x": 9, "g/y": [7.0, 8.0]})
    assert ds[1].x.numpy().tolist() == [9]
    with pytest.raises(SampleUpdateError):
        ds[1].update({"x": 1, "g/y": "no number"})
    assert ds[1].x.numpy().tolist() == [9]
    with pytest.raises(ValueError, match="whole samples"):
        ds[1, 0].update({"x": 1})


def test_pop(ds: Dataset) -> None:
    ds.pop()
    ds.pop(0)
    ds.pop([1, 2])
    assert ds.x.numpy().ravel().tolist() == [1]
    for wrong in (-1, 1, [0, 1]):
        with pytest.raises(IndexError):
            ds.pop(wrong)
    with pytest.raises(ValueError, match="twice"):
        ds.pop([0, 0])
    ds.x.extend([5, 6])
    ds.pop(1)
    assert (len(ds.x), len(ds["g/y"])) == (2, 1)


def test_storing(ds: Dataset) -> None:
    with ds:
        ds.x.append(5)
        ds.maybe_flush()
        assert len(deeplake.load(ds.path).x) == 5
        ds.flush()
        assert len(deeplake.load(ds.path).x) == 6
        ds.x.append(6)
        ds.clear_cache()
        assert len(deeplake.load(ds.path).x) == 7


# --------------------------------------------------------------------------- lengths, views
def test_lengths(ds: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    assert (len(ds), ds.num_samples, ds.min_len, ds.max_len) == (5, 5, 5, 5)
    ds.x.append(5)
    with caplog.at_level(logging.WARNING, "deeplake"):
        assert len(ds) == 5
    assert "different lengths" in caplog.text
    assert (ds.min_len, ds.max_len) == (5, 6)
    assert list(ds.tensors) == ["x", "g/y"]
    assert list(ds.groups) == ["g"]


def test_min_and_max_view(ds: Dataset) -> None:
    ds.x.append(5)
    assert len(ds.min_view) == 5
    assert len(ds.min_view.x) == 5
    padded = ds.max_view
    assert len(padded) == 6
    assert padded["g/y"][5].numpy().shape == (0,)
    assert padded[5].x.numpy().tolist() == [5]


def test_info(ds: Dataset) -> None:
    ds.info = {"a": 1}
    assert dict(ds.info) == {"a": 1}
    with pytest.raises(TypeError):
        ds.info = [1]
    with pytest.raises(GroupInfoNotSupportedError):
        _ = ds.g.info


def test_meta(ds: Dataset) -> None:
    meta = ds.meta
    assert meta.tensors == ["x", "g/y"]
    assert meta.groups == ["g"]
    assert list(meta.tensor_names) == ["x", "g/y"]
    assert meta.hidden_tensors == []
    assert meta.default_index == [{"start": None, "stop": None, "step": None}]
    assert meta.version == deeplake.__version__
    assert meta.allow_delete is True
    ds.allow_delete = False
    assert ds.meta.allow_delete is False
    assert deeplake.load(ds.path).allow_delete is False


def test_summary(ds: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    ds.summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == repr(ds)
    assert lines[2].split() == ["tensor", "htype", "shape", "dtype", "compression"]
    assert lines[4].split() == ["x", "generic", "(5,", "1)", "int64", "None"]


def test_summary_is_aligned_with_wide_names(
    ds: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    ds.create_tensor("狗狗狗狗", dtype="int64")
    ds.create_tensor("e\u0301te\u0301", dtype="int64")
    ds.summary()
    lines = capsys.readouterr().out.splitlines()

    def column(line: str) -> int:  # where a terminal shows the dtype
        before = line[: line.index("int64")]
        wide = sum(unicodedata.east_asian_width(c) == "W" for c in before)
        return len(before) + wide - before.count("\u0301")

    assert len({column(line) for line in lines if "int64" in line}) == 1


def test_summary_of_a_large_view(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ds = deeplake.empty(tmp_path / "large")
    ds.create_tensor("x").extend(np.arange(10_001))
    with pytest.raises(ValueError, match="force"):
        ds[:10_000].summary()
    ds[:9_999].summary()
    ds[:10_000].summary(force=True)
    ds.summary()
    assert "(10001, 1)" in capsys.readouterr().out


def test_size_approx(ds: Dataset) -> None:
    stored = sum(file.stat().st_size for file in Path(ds.path).rglob("*") if file.is_file())
    assert 0 < ds.size_approx() <= stored


def test_read_only(ds: Dataset) -> None:
    ds.read_only = True
    for change in (
        lambda: ds.x.append(1), lambda: ds.create_tensor("new"), lambda: ds.commit(),
        lambda: ds.pop(), lambda: ds.info.update(a=1), lambda: ds.delete(),
        lambda: ds.delete_tensor("x"), lambda: ds.create_group("h"), lambda: ds.x.info.update(a=1),
        lambda: ds.rename_tensor("x", "z"), lambda: setattr(ds, "allow_delete", False),
        lambda: ds.add_creds_key("k"), lambda: ds.x.__setitem__(0, 1), lambda: ds.x.clear(),
    ):  # fmt: skip
        with pytest.raises(ReadOnlyModeError):
            change()
    ds.read_only = False
    ds.x.append(1)


def test_where_and_who(ds: Dataset) -> None:
    assert ds.token is None
    ds.set_token("secret")
    assert ds.token == "secret"
    assert ds.org_id is None
    assert ds.public is False
    assert ds.username == "public"
    assert ds.verbose is True
    assert deeplake.load(ds.path, verbose=False).verbose is False


def test_what_it_is_of(ds: Dataset) -> None:
    view = ds[1:3]
    assert ds.parent is None
    assert ds.g.parent.group_index == ""
    assert ds.g.root.group_index == ""
    assert not view.root.is_view
    assert not view.no_view_dataset.is_view
    assert view.g.no_view_dataset.group_index == "g"
    assert (ds.is_view, view.is_view, ds.is_optimized) == (False, True, False)
    assert ds.group_index == ""
    assert ds.g.group_index == "g"
    assert list(view.sample_indices) == [1, 2]
    assert list(ds.sample_indices) == [0, 1, 2, 3, 4]
    assert view.index.to_json() == [{"start": 1, "stop": 3, "step": None}]


def test_delete(ds: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    ds.allow_delete = False
    with pytest.raises(DatasetHandlerError):
        ds.delete()
    ds.allow_delete = True
    monkeypatch.setattr("deeplake.dataset.dataset.SAFE_TO_DELETE", 10)
    with pytest.raises(DatasetTooLargeToDelete):
        ds.delete()
    ds.delete(large_ok=True)
    assert not deeplake.exists(ds.path)


def test_copy_rechunk_split(ds: Dataset, tmp_path: Path) -> None:
    assert len(ds.copy(tmp_path / "copy", progressbar=False)) == 5
    ds.rechunk(progressbar=False)
    ds.rechunk(tensors=["x"], progressbar=False)
    parts = ds.random_split([0.5, 0.5])
    assert [len(part) for part in parts] == [3, 2]
    assert sorted(row for part in parts for row in part.sample_indices) == [0, 1, 2, 3, 4]
    assert [len(part) for part in ds.random_split([1, 4])] == [1, 4]
    for wrong in ([1, 2], [0.5, 0.6], [0.5, 0.4]):
        with pytest.raises(ValueError, match="add up"):
            ds.random_split(wrong)
    ds.x.append(1)
    with pytest.raises(ValueError, match="length"):
        ds.random_split([0.5, 0.5])


def test_creds(ds: Dataset) -> None:
    assert ds.get_creds_keys() == set()
    ds.add_creds_key("key")
    assert ds.get_creds_keys() == {"key"}
    assert ds.get_managed_creds_keys() == set()
    for wrong in (lambda: ds.add_creds_key("key"), lambda: ds.add_creds_key("m", managed=True)):
        with pytest.raises(ValueError, match="credentials"):
            wrong()
    ds.populate_creds("key", {"aws_access_key_id": "x"})
    ds.populate_creds("key", from_environment=True)
    with pytest.raises(MissingCredsError):
        ds.populate_creds("nothing", {})
    with pytest.raises(KeyError):
        ds.update_creds_key("nothing", "new")
    with pytest.raises(ValueError, match="managed"):
        ds.update_creds_key("key", managed=True)
    ds.update_creds_key("key", "new")
    assert deeplake.load(ds.path).get_creds_keys() == {"new"}
    for file in Path(ds.path).rglob("*"):
        assert not file.is_file() or b"aws_access_key_id" not in file.read_bytes()


def test_visualize(ds: Dataset) -> None:
    assert "<iframe" in ds.visualize()._repr_html_()

    class Picture(Viewer, api=(1, 0)):
        def show(self, dataset: Any, **options: Any) -> Any:
            return dataset, options

    with plugins.registered("viewer", "test", Picture):
        shown, options = ds[0:2].visualize(width=100, height=50)
    assert len(shown) == 2
    assert options == {"width": 100, "height": 50}


# --------------------------------------------------------------------------- on views
@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.append({"x": 1, "g/y": [0.0, 0.0]}), lambda v: v.extend({}), lambda v: v.pop(),
        lambda v: v.create_tensor("n"), lambda v: v.create_tensor_like("n", v.x),
        lambda v: v.create_group("n"), lambda v: v.delete_tensor("x"), lambda v: v.delete_group("g"),
        lambda v: v.rename_tensor("x", "n"), lambda v: v.rename_group("g", "n"),
        lambda v: v.commit(), lambda v: v.checkout("n", create=True), lambda v: v.merge("main"),
        lambda v: setattr(v, "read_only", True), lambda v: v.delete(), lambda v: v.reset(),
        lambda v: v.add_creds_key("k"), lambda v: v.x.append(1), lambda v: v.x.extend([1]),
        lambda v: v.x.pop(), lambda v: v.x.clear(),
    ],
)  # fmt: skip
def test_views_do_not_change_structure(ds: Dataset, change: Callable[[Dataset], Any]) -> None:
    with pytest.raises(InvalidOperationError):
        change(ds[0:2])


def test_assignment_through_views(ds: Dataset) -> None:
    view = ds[0:2]
    view.x[0] = 10
    view.x[:] = [20, 21]
    view[0].x = 19
    view[0].update({"x": 18})
    view[1].x += 1
    assert view.x.numpy().ravel().tolist() == [18, 22]
    assert ds.x.numpy().ravel().tolist() == [18, 22, 2, 3, 4]


@pytest.mark.parametrize(
    "change",
    [
        lambda ds: ds.x.append(5), lambda ds: ds.x.extend([6]), lambda ds: ds.x.pop(),
        lambda ds: ds.x.__setitem__(0, 1),
        lambda ds: ds.append({"x": 1, "g/y": [0.0, 0.0]}),
        lambda ds: ds.checkout("side", create=True),
    ],
)  # fmt: skip
def test_views_become_invalid(ds: Dataset, change: Callable[[Dataset], Any]) -> None:
    ds.commit()
    view = ds[0:2]
    tensor = view.x
    change(ds)
    for use in (lambda: view.x.numpy(), lambda: len(view), lambda: view[0], lambda: list(view)):
        with pytest.raises(InvalidViewException):
            use()
    with pytest.raises(InvalidViewException):
        tensor.numpy()


def test_a_commit_keeps_views(ds: Dataset) -> None:
    kept = ds[0:2]
    ds.commit("kept")
    assert kept.x.numpy().ravel().tolist() == [0, 1]
    ds.x[0] = 1
    ds.checkout("side", create=True)
    assert kept.x.numpy().ravel().tolist() == [0, 1]


def test_names_may_have_more_slashes_than_they_need(ds: Dataset) -> None:
    assert ds.create_tensor("/y/z//a/b////d/e/").key == "y/z/a/b/d/e"
    assert ds.create_group("//k//l/").group_index == "k/l"
    for name in ("/y/z/a/b/d/e", "y//z/a/b/d/e/"):
        assert ds[name].key == "y/z/a/b/d/e"
    assert ds["/y/z/"].group_index == "y/z"
    for none in ("", "/", "//"):
        with pytest.raises(InvalidTensorNameError):
            ds.create_tensor(none)
        with pytest.raises(TensorDoesNotExistError):
            ds[none]


def test_tensors_named_by_tuples(ds: Dataset) -> None:
    for name in ("k/b", "k/c", "l/d"):
        ds.create_tensor(name)
    assert list(ds[[("k", "b"), ("l", "d")]].tensors) == ["k/b", "l/d"]
    assert list(ds[["x", ("k", "c")]].tensors) == ["x", "k/c"]
    assert ds["k", "b"].key == "k/b"


def test_deepcopy_of_a_tensor(ds: Dataset) -> None:
    with pytest.raises(TypeError, match="'x'"):
        deeplake.deepcopy(ds.x, "mem://section-3-deepcopy")  # type: ignore[arg-type]
