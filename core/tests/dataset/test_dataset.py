"""Datasets: names, subscripts, lengths, schema edits, flags (api.md, section 3)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    DatasetHandlerError,
    InfoError,
    InvalidKeyTypeError,
    InvalidOperationError,
    InvalidTensorGroupNameError,
    InvalidTensorNameError,
    MeshTensorMetaMissingRequiredValue,
    MetaError,
    ReadOnlyModeError,
    RenameError,
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


@pytest.fixture
def rows(ds: Dataset) -> Dataset:
    """Ten rows of two tensors."""
    with ds:
        ds.create_tensor("x")
        ds.create_tensor("y")
        ds.extend({"x": np.arange(10), "y": np.arange(20.0).reshape(10, 2)})
    return ds


# --------------------------------------------------------------------------- access by name
def test_attribute_and_item_are_the_same_tensor(rows: Dataset) -> None:
    assert rows.x.key == rows["x"].key == "x"
    assert isinstance(rows["x"], deeplake.Tensor)


def test_unknown_names(rows: Dataset) -> None:
    with pytest.raises(AttributeError, match="nothing"):
        rows.nothing
    with pytest.raises(TensorDoesNotExistError, match="'nothing'.*'x', 'y'") as caught:
        rows["nothing"]
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, AttributeError)


def test_list_of_names_restricts(rows: Dataset) -> None:
    assert list(rows[2:5][["y"]].tensors) == ["y"]
    assert len(rows[2:5][["y"]]) == 3
    rows.create_tensor("g/z")
    part = rows[["x", "g/z"]]
    assert list(part.tensors) == ["x", "g/z"]
    assert len(rows[["x", "y"]]) == 10
    assert list(rows[["g"]].tensors) == ["g/z"]
    with pytest.raises(TensorDoesNotExistError):
        part["y"]
    with pytest.raises(TensorDoesNotExistError, match="'nothing'"):
        rows[["x", "nothing"]]


def test_tuple_of_names_and_subscripts(rows: Dataset) -> None:
    rows.create_tensor("g/z")
    assert rows["g", "z"].key == "g/z"
    assert rows["y", 3].numpy().tolist() == [6, 7]
    assert rows["y", 3, 1].numpy() == 7


@pytest.mark.parametrize("key", [1.5, {"x"}, {"x": 1}, b"x", object(), True])
def test_keys_of_other_types(rows: Dataset, key: Any) -> None:
    with pytest.raises(InvalidKeyTypeError) as caught:
        rows[key]
    assert isinstance(caught.value, TypeError)


def test_contains_tests_visible_tensors(rows: Dataset) -> None:
    rows.create_tensor("g/z")
    rows.create_tensor("secret", hidden=True)
    assert "x" in rows
    assert "g/z" in rows
    assert "g" not in rows
    assert "secret" not in rows
    assert "nothing" not in rows
    assert 3 not in rows


def test_bool_is_true_when_empty(ds: Dataset) -> None:
    assert bool(ds)
    assert len(ds) == 0


def test_iteration_gives_rows(rows: Dataset) -> None:
    found = [(row.x.numpy().item(), row.y.shape) for row in rows]
    assert found == [(i, (2,)) for i in range(10)]
    assert [row.x.numpy().item() for row in rows[2:8:2]] == [2, 4, 6]


# --------------------------------------------------------------------------- assignment by name
def test_assigning_an_unknown_attribute(rows: Dataset) -> None:
    with pytest.raises(TypeError, match=r"create_tensor\('z'\)"):
        rows.z = np.zeros(3)


def test_assigning_an_unknown_item(rows: Dataset) -> None:
    with pytest.raises(TensorDoesNotExistError, match="'z'"):
        rows["z"] = np.zeros(3)


def test_assigning_rows(rows: Dataset) -> None:
    with pytest.raises(TypeError, match="assign to its tensors"):
        rows[3] = 1


def test_assigning_to_a_group(rows: Dataset) -> None:
    rows.create_group("g")
    with pytest.raises(TypeError, match="'g' is a group"):
        rows.g = 3
    with pytest.raises(TypeError, match="'g' is a group"):
        rows["g"] = 3


def test_assigning_all_samples(rows: Dataset) -> None:
    rows.x = np.arange(10) * 2
    np.testing.assert_array_equal(rows.x.numpy().ravel(), np.arange(10) * 2)
    rows["x"] = list(range(10))
    np.testing.assert_array_equal(rows.x.numpy().ravel(), np.arange(10))


def test_assigning_at_the_rows_of_a_view(rows: Dataset) -> None:
    rows[3].x = 33
    rows[5:7].x = [55, 66]
    rows[[9, 8]]["x"] = [99, 88]
    assert rows.x.numpy().ravel().tolist() == [0, 1, 2, 33, 4, 55, 66, 7, 88, 99]


def test_assigning_a_part_of_samples(rows: Dataset) -> None:
    rows[0, 1].y = 5
    rows[1:3, 0].y = [7, 8]
    assert rows.y[:3].numpy().tolist() == [[0, 5], [7, 3], [8, 5]]


def test_in_place_operators(rows: Dataset) -> None:
    rows.x += 1
    rows[2:4].x *= 10
    rows.x[0] -= 5
    assert rows.x.numpy().ravel().tolist() == [-4, 2, 30, 40, 5, 6, 7, 8, 9, 10]


# --------------------------------------------------------------------------- lengths
def test_lengths(ds: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    for name, n in (("a", 3), ("b", 5), ("c", 4)):
        ds.create_tensor(name)
        ds[name].extend(np.arange(n))
    assert (ds.num_samples, ds.min_len, ds.max_len) == (3, 3, 5)
    with caplog.at_level(logging.WARNING, "deeplake"):
        assert len(ds) == 3
    assert "different lengths" in caplog.text
    assert "a: 3, b: 5, c: 4" in caplog.text


def test_equal_lengths_do_not_warn(rows: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "deeplake"):
        assert len(rows) == 10
    assert not caplog.records


def test_length_of_a_view(rows: Dataset) -> None:
    assert len(rows[2:5]) == 3
    assert rows[2:5].num_samples == 10
    assert (rows[2:5].min_len, rows[2:5].max_len) == (3, 3)
    assert len(rows[4]) == 1


def test_min_view(ds: Dataset) -> None:
    ds.create_tensor("a").extend([1, 2, 3])
    ds.create_tensor("b").extend([4, 5])
    view = ds.min_view
    assert len(view) == 2
    assert view.a.numpy().ravel().tolist() == [1, 2]
    assert view.is_view


def test_max_view_fills_up(ds: Dataset) -> None:
    ds.create_tensor("a").extend(np.arange(12).reshape(3, 2, 2))
    ds.create_tensor("b").extend([4, 5, 6, 7, 8])
    ds.create_tensor("t", htype="text").append("one")
    ds.create_tensor("j", htype="json").append({"k": 1})
    ds.create_tensor("l", htype="list").append([1])
    view = ds.max_view
    assert len(view) == 5
    assert len(view.a) == 5
    assert view.a[4].numpy().shape == (0, 0)
    assert view[4].a.numpy().dtype == ds.a.dtype
    assert [a.shape for a in view.a.numpy(aslist=True)] == [(2, 2)] * 3 + [(0, 0)] * 2
    assert view.a.shape == (5, None, None)
    assert view.b.numpy().ravel().tolist() == [4, 5, 6, 7, 8]
    assert view[3].t.text() == ""
    assert view[3].j.dict() == {}
    assert view[3].l.list() == []
    assert [row.b.numpy().item() for row in view] == [4, 5, 6, 7, 8]
    assert view[2:4].a.numpy(aslist=True)[1].shape == (0, 0)
    with pytest.raises(deeplake.errors.DynamicTensorNumpyError):
        view.a.numpy()


def test_rows_that_only_fill_up_cannot_be_assigned(ds: Dataset) -> None:
    ds.create_tensor("a").extend([1])
    ds.create_tensor("b").extend([4, 5])
    with pytest.raises(deeplake.errors.SampleUpdateError, match="tensor 'a' has 1 rows"):
        ds.max_view[1].a = 3


# --------------------------------------------------------------------------- text
def test_repr(local: Dataset) -> None:
    ds = local
    path = ds.path
    ds.create_tensor("x")
    ds.create_tensor("g/y")
    ds.create_tensor("secret", hidden=True)
    ds.x.extend(np.arange(10))
    ds["g/y"].extend(np.arange(10))
    assert repr(ds) == f"Dataset(path='{path}', tensors=['x', 'g/y'])"
    assert repr(ds[3]) == f"Dataset(path='{path}', index=Index([3]), tensors=['x', 'g/y'])"
    assert (
        repr(ds[2:5].g) == f"Dataset(path='{path}', index=Index([slice(2, 5, None)]), "
        "group_index='g', tensors=['y'])"
    )
    readonly = deeplake.load(path, read_only=True)
    assert repr(readonly) == f"Dataset(path='{path}', read_only=True, tensors=['x', 'g/y'])"
    ds.allow_delete = False
    text = f"Dataset(path='{path}', allow_delete=False, tensors=['x', 'g/y'])"
    assert repr(ds) == text
    assert repr(deeplake.load(path, read_only=True)) == text


# --------------------------------------------------------------------------- create_tensor
def test_create_tensor_returns_it(ds: Dataset) -> None:
    tensor = ds.create_tensor("x", htype="class_label", class_names=["a", "b"])
    assert isinstance(tensor, deeplake.Tensor)
    assert tensor.key == "x"
    assert tensor.htype == "class_label"
    assert tensor.info.class_names == ["a", "b"]


def test_create_tensor_makes_groups(ds: Dataset) -> None:
    ds.create_tensor("a/b/t")
    assert list(ds.groups) == ["a"]
    assert list(ds.a.groups) == ["b"]
    assert list(ds.tensors) == ["a/b/t"]


def test_names_that_are_taken(ds: Dataset) -> None:
    ds.create_tensor("x")
    ds.create_group("g")
    with pytest.raises(TensorAlreadyExistsError, match="'x'"):
        ds.create_tensor("x")
    with pytest.raises(TensorGroupAlreadyExistsError, match="'g'"):
        ds.create_tensor("g")
    with pytest.raises(TensorAlreadyExistsError, match="'x' is a tensor"):
        ds.create_tensor("x/y")
    with pytest.raises(TensorAlreadyExistsError, match="'x'"):
        ds.create_tensor_like("x", ds.x)


def test_exist_ok(ds: Dataset) -> None:
    ds.create_tensor("x", htype="image", sample_compression="png", dtype="uint8")
    assert ds.create_tensor("x", htype="image", sample_compression="png", exist_ok=True).key == "x"
    same: dict[str, Any] = {"htype": "image", "sample_compression": "png", "dtype": "uint8"}
    ds.create_tensor("x", **same, exist_ok=True)
    for change in (
        {"htype": "generic"},
        {"dtype": "uint16"},
        {"sample_compression": "zlib"},
        {"sample_compression": None, "chunk_compression": "zlib"},
        {"hidden": True},
    ):
        with pytest.raises(ValueError, match="'x' already exists with another"):
            ds.create_tensor("x", **{**same, **change}, exist_ok=True)


def test_exist_ok_with_the_dtype_that_the_htype_has(ds: Dataset) -> None:
    ds.create_tensor("labels", htype="class_label")
    ds.create_tensor("labels", htype="class_label", dtype="uint32", exist_ok=True)
    ds.labels.append(1)
    ds.create_tensor("labels", exist_ok=True)
    with pytest.raises(ValueError, match="another dtype"):
        ds.create_tensor("labels", htype="class_label", dtype="int64", exist_ok=True)


PREDECESSOR = """
    append extend update pop create_tensor create_tensor_like create_group delete_tensor delete_group
    rename_tensor rename_group clear_cache flush maybe_flush tensors groups num_samples max_len min_len
    min_view max_view info meta summary size_approx read_only allow_delete path token set_token org_id
    public verbose username parent root no_view_dataset is_view is_optimized sample_indices group_index
    index delete rename copy rechunk random_split filter query sample_by pytorch tensorflow dataloader
    commit checkout branches branch commits commit_id pending_commit_id log diff merge reset fix_vc
    get_commit_details delete_branch is_head_node has_head_changes add_creds_key populate_creds
    update_creds_key get_creds_keys get_managed_creds_keys connect visualize save_view get_view
    get_views load_view delete_view
""".split()  # noqa: SIM905 - a list of so many names is harder to read


@pytest.mark.parametrize("name", ["", "/", "a\nb", None, 3, *PREDECESSOR])
def test_names_that_tensors_cannot_have(ds: Dataset, name: Any) -> None:
    with pytest.raises(InvalidTensorNameError):
        ds.create_tensor(name)
    with pytest.raises(InvalidTensorGroupNameError):
        ds.create_group(name)
    assert not ds.tensors
    assert not ds.groups


def test_names_inside_groups_are_checked_too(ds: Dataset) -> None:
    with pytest.raises(InvalidTensorNameError, match="'append' is an attribute"):
        ds.create_tensor("g/append")


def test_attributes_that_scripts_do_not_know_give_way(url: str) -> None:
    ds = deeplake.empty(url)
    assert ds.tags == {}
    ds.create_tensor("tags", htype="tag").append("red")
    ds.create_tensor("g/optimize").append(1)
    ds.create_group("refresh")
    for found in (ds, deeplake.load(url)):
        assert found.tags.numpy().tolist() == [["red"]]
        assert found.g.optimize.numpy().tolist() == [[1]]
        assert found[0].tags.data() == {"value": ["red"]}
        assert isinstance(found.refresh, Dataset)
        assert callable(found.optimize)
    ds.tags[0] = "blue"
    ds[0].tags = "green"
    ds.tags = ["yellow"]
    assert ds.tags.numpy().tolist() == [["yellow"]]
    assert callable(Dataset.create_tag)
    ds.delete_tensor("tags")
    assert ds.tags == {}


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"htype": "picture"}, TensorMetaInvalidHtype, "picture"),
        ({"htype": "sequence[image"}, TensorMetaInvalidHtype, "sequence"),
        ({"htype": "sequence[sequence[image]]"}, TensorMetaInvalidHtype, "once"),
        ({"htype": "link"}, ValueError, "linked"),
        ({"htype": "sequence[link[generic]]"}, ValueError, "linked"),
        ({"htype": "sequence[tag]"}, ValueError, "tag"),
        ({"sample_compression": "jpegg"}, UnsupportedCompressionError, "jpegg"),
        ({"chunk_compression": "jpegg"}, UnsupportedCompressionError, "jpegg"),
        ({"htype": "text", "sample_compression": "png"}, UnsupportedCompressionError, "png"),
        ({"htype": "bbox", "chunk_compression": "png"}, UnsupportedCompressionError, "png"),
        (
            {"htype": "image", "sample_compression": "png", "chunk_compression": "zlib"},
            TensorMetaMutuallyExclusiveKeysError,
            "not both",
        ),
        ({"htype": "image"}, TensorMetaMissingRequiredValue, "compression"),
        ({"htype": "image.rgb"}, TensorMetaMissingRequiredValue, "compression"),
        ({"htype": "image.gray"}, TensorMetaMissingRequiredValue, "compression"),
        ({"htype": "audio"}, TensorMetaMissingRequiredValue, "sample_compression"),
        ({"htype": "video"}, TensorMetaMissingRequiredValue, "sample_compression"),
        ({"htype": "point_cloud"}, TensorMetaMissingRequiredValue, "sample_compression"),
        ({"htype": "nifti"}, TensorMetaMissingRequiredValue, "sample_compression"),
        ({"htype": "mesh"}, MeshTensorMetaMissingRequiredValue, "sample_compression"),
        ({"dtype": "floaty"}, TensorMetaInvalidHtypeOverwriteValue, "floaty"),
        ({"dtype": object}, TensorMetaInvalidHtypeOverwriteValue, "object"),
        ({"dtype": "datetime64[s]"}, TensorMetaInvalidHtypeOverwriteValue, "datetime"),
        ({"htype": "text", "dtype": "int32"}, TensorMetaInvalidHtypeOverwriteValue, "text is str"),
        ({"htype": "text", "dtype": "what"}, TensorMetaInvalidHtypeOverwriteValue, "what"),
        ({"htype": "list", "dtype": "int32"}, TensorMetaInvalidHtypeOverwriteValue, "int32"),
        ({"htype": "json", "dtype": "Dict[int]"}, TensorMetaInvalidHtypeOverwriteValue, "Dict"),
        ({"max_chunk_size": 0}, TensorMetaInvalidHtypeOverwriteValue, "max_chunk_size"),
        ({"tiling_threshold": "big"}, TensorMetaInvalidHtypeOverwriteValue, "tiling_threshold"),
        ({"classnames": []}, TensorMetaInvalidHtypeOverwriteKey, "classnames"),
        ({"class_names": []}, TensorMetaInvalidHtypeOverwriteKey, "class_names"),
        ({"htype": "bbox", "coords": {"units": "m"}}, KeyError, "units"),
        ({"htype": "bbox", "coords": "LTRB"}, TypeError, "coords"),
        ({"htype": "bbox.3d", "coords": {"type": "pixel"}}, KeyError, "type"),
        ({"htype": "class_label", "class_names": "ab"}, TypeError, "class_names"),
    ],
)
def test_arguments_that_tensors_cannot_have(
    ds: Dataset, arguments: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text.replace("[", r"\[")) as caught:
        ds.create_tensor("x", **arguments)
    if isinstance(caught.value, MetaError):
        assert "'x'" in str(caught.value)
    assert not ds.tensors
    assert not ds.meta.tensors


@pytest.mark.parametrize(
    "arguments",
    [
        {"htype": "image", "sample_compression": None},
        {"htype": "image", "chunk_compression": None},
        {"htype": "image", "chunk_compression": "zlib"},
        {"htype": "generic", "sample_compression": "png"},
        {"htype": "video", "sample_compression": None},
        {"htype": "text", "dtype": str},
        {"htype": "text", "dtype": "str"},
        {"htype": None, "dtype": None, "sample_compression": None},
        {"dtype": np.float32},
        {"dtype": ">i8"},
        {"max_chunk_size": 1 << 20, "tiling_threshold": -1, "typestr": "x"},
        {"is_sequence": False, "is_link": False},
        {"htype": "bbox", "coords": {"type": "pixel", "mode": "LTWH"}},
        {"create_sample_info_tensor": False, "create_shape_tensor": False, "verify": False},
        {"create_id_tensor": False, "verbose": False},
    ],
)
def test_arguments_that_tensors_can_have(ds: Dataset, arguments: dict[str, Any]) -> None:
    assert ds.create_tensor("x", **arguments).key == "x"


@pytest.mark.parametrize("value", [3, (2,), (0, 1), (2, 1.5), (2, True), "ab"])
def test_bad_downsampling(ds: Dataset, value: Any) -> None:
    with pytest.raises(ValueError, match="'x'.*downsampling"):
        ds.create_tensor("x", htype="image", sample_compression="png", downsampling=value)


def test_downsampling_is_for_images_and_masks(ds: Dataset) -> None:
    ds.create_tensor("x", htype="image", sample_compression="png", downsampling=(2, 3))
    ds.create_tensor("m", htype="binary_mask", downsampling=[3, 1])
    with pytest.warns(UserWarning, match="'b'.*bbox"):
        ds.create_tensor("b", htype="bbox", downsampling=(2, 3))


def test_create_tensor_like(ds: Dataset) -> None:
    ds.create_tensor("x", htype="class_label", class_names=["a"], chunk_compression="zlib")
    ds.x.info.more = 1
    ds.x.append(0)
    like = ds.create_tensor_like("g/y", ds.x)
    assert (like.htype, like.chunk_compression, like.num_samples) == ("class_label", "zlib", 0)
    assert dict(like.info) == {"class_names": ["a"], "more": 1}
    like.append("b")
    assert dict(ds.x.info) == {"class_names": ["a"], "more": 1}
    other = deeplake.empty("mem://other")
    assert other.create_tensor_like("z", ds.x).htype == "class_label"


# --------------------------------------------------------------------------- delete, rename
def test_delete_tensor(rows: Dataset) -> None:
    rows.delete_tensor("x")
    assert list(rows.tensors) == ["y"]
    with pytest.raises(TensorDoesNotExistError, match="'x'"):
        rows.delete_tensor("x")
    rows.create_tensor("x").append("anew")
    assert rows.x[0].text() == "anew"


def test_delete_large_tensor(rows: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deeplake.dataset.structure.SAFE_TO_DELETE", 10)
    with pytest.raises(TensorTooLargeToDelete, match="'x'.*large_ok=True"):
        rows.delete_tensor("x")
    rows.delete_tensor("x", large_ok=True)
    assert "x" not in rows


def test_rename_tensor(rows: Dataset) -> None:
    tid = rows.meta.tensor_names["x"]
    tensor = rows.rename_tensor("x", "z")
    assert tensor.key == "z"
    assert list(rows.tensors) == ["z", "y"]
    assert rows.z.numpy().ravel().tolist() == list(range(10))
    assert rows.meta.tensor_names["z"] == tid


def test_rename_tensor_in_a_group(rows: Dataset) -> None:
    rows.create_tensor("g/a").append(1)
    rows.rename_tensor("g/a", "g/b")
    assert rows["g/b"].numpy().tolist() == [[1]]
    rows.g.rename_tensor("b", "c")
    assert list(rows.g.tensors) == ["c"]


def test_rename_tensor_errors(rows: Dataset) -> None:
    rows.create_group("g")
    with pytest.raises(TensorDoesNotExistError, match="'nothing'"):
        rows.rename_tensor("nothing", "z")
    with pytest.raises(RenameError, match="another group"):
        rows.rename_tensor("x", "g/x")
    with pytest.raises(TensorAlreadyExistsError, match="'y'"):
        rows.rename_tensor("x", "y")
    with pytest.raises(TensorGroupAlreadyExistsError, match="'g'"):
        rows.rename_tensor("x", "g")
    with pytest.raises(InvalidTensorNameError, match="'append'"):
        rows.rename_tensor("x", "append")
    assert list(rows.tensors) == ["x", "y"]


def test_renames_are_stored(local: Dataset) -> None:
    local.create_tensor("a/b/c").append(5)
    local.rename_group("a/b", "a/d")
    local.rename_tensor("a/d/c", "a/d/e")
    found = deeplake.load(local.path)
    assert found["a/d/e"].numpy().tolist() == [[5]]
    assert found.meta.groups == ["a", "a/d"]


# --------------------------------------------------------------------------- what it is
def test_meta(rows: Dataset) -> None:
    rows.create_tensor("g/z")
    rows.create_tensor("secret", hidden=True)
    meta = rows.meta
    assert meta.tensors == ["x", "y", "g/z", "secret"]
    assert meta.groups == ["g"]
    assert list(meta.tensor_names) == meta.tensors
    assert meta.hidden_tensors == ["secret"]
    assert meta.default_index == [{"start": None, "stop": None, "step": None}]
    assert meta.version == deeplake.__version__
    assert meta.allow_delete is True
    assert dict(meta)["groups"] == ["g"]
    with pytest.raises(AttributeError, match="nothing"):
        meta.nothing
    assert repr(meta).startswith("DatasetMeta({")


def test_hidden_tensors_are_reached_by_name_only(ds: Dataset) -> None:
    ds.create_tensor("x").extend([1, 2])
    ds.create_tensor("secret", hidden=True).append(7)
    assert list(ds.tensors) == ["x"]
    assert ds.secret.numpy().tolist() == [[7]]
    assert ds["secret"].hidden
    assert len(ds) == 2
    ds.append({"x": 3})
    assert ds.secret.num_samples == 1


def test_root_parent_and_index(rows: Dataset) -> None:
    rows.create_tensor("g/h/z").extend(np.arange(10))
    group = rows[2:4]["g/h"]
    assert group.group_index == "g/h"
    assert group.parent.group_index == "g"
    assert group.parent.parent.group_index == ""
    assert rows.parent is None
    assert group.root.group_index == ""
    assert not group.root.is_view
    assert len(group.root) == 10
    assert group.no_view_dataset.group_index == "g/h"
    assert len(group.no_view_dataset) == 10
    assert group.is_view
    assert not rows.is_view
    assert not rows.is_optimized
    assert rows[2:4].index.to_json() == [{"start": 2, "stop": 4, "step": None}]
    assert rows[[4, 2]].index.to_json() == [[4, 2]]
    assert rows[3].index.to_json() == [3]
    assert list(rows[8:2:-3].sample_indices) == [8, 5]
    assert list(rows[3].sample_indices) == [3]
    assert list(rows.sample_indices) == list(range(10))
    assert list(rows[[7, 1]].sample_indices) == [7, 1]


def test_info_of_the_dataset(rows: Dataset) -> None:
    rows.info.author = "me"
    rows.info["numbers"] = [1, 2]
    assert dict(rows.info) == {"author": "me", "numbers": [1, 2]}
    rows.info = {"new": True}
    assert dict(rows.info) == {"new": True}
    with pytest.raises(TypeError, match="info is a dict"):
        rows.info = [1]


def test_account_attributes(ds: Dataset) -> None:
    assert ds.token is None
    ds.set_token("secret")
    assert ds.token == "secret"
    assert ds.org_id is None
    assert ds.public is False
    assert ds.username == "public"
    assert ds.verbose is True
    ds.verbose = False
    assert ds.verbose is False


def test_size_approx(rows: Dataset) -> None:
    assert 240 <= rows.size_approx() < 100_000


# --------------------------------------------------------------------------- read only
def test_read_only_refuses_every_change(local: Dataset, contents: Callable[[Dataset], Any]) -> None:
    local.create_tensor("x", htype="class_label").extend([1, 2, 3])
    local.create_group("g")
    ds = deeplake.load(local.path, read_only=True)
    assert ds.read_only
    before = contents(ds)
    changes: list[Callable[[], Any]] = [
        lambda: ds.append({"x": 1}),
        lambda: ds.extend({"x": [1]}),
        lambda: ds.pop(),
        lambda: ds[0].update({"x": 1}),
        lambda: ds.x.append("new name"),
        lambda: ds.x.append(None),
        lambda: ds.x.append([[["no such shape"]]]),
        lambda: ds.x.extend([1]),
        lambda: ds.x.pop(),
        lambda: ds.x.clear(),
        lambda: ds.x.__setitem__(0, 5),
        lambda: ds.x.__setitem__(7, 5),
        lambda: ds.x.__iadd__(1),
        lambda: ds.x.info.update(a=1),
        lambda: ds.info.update(a=1),
        lambda: ds.create_tensor("y"),
        lambda: ds.create_tensor_like("y", ds.x),
        lambda: ds.create_group("h"),
        lambda: ds.delete_tensor("x"),
        lambda: ds.delete_group("g"),
        lambda: ds.rename_tensor("x", "y"),
        lambda: ds.rename_group("g", "h"),
        lambda: ds.commit(),
        lambda: ds.checkout("other", create=True),
        lambda: ds.delete(),
        lambda: setattr(ds, "allow_delete", False),
    ]
    for change in changes:
        with pytest.raises(ReadOnlyModeError, match="read only"):
            change()
    assert contents(ds) == before
    assert contents(deeplake.load(local.path)) == before


def test_read_only_can_be_set(local: Dataset) -> None:
    local.create_tensor("x")
    local.read_only = True
    with pytest.raises(ReadOnlyModeError):
        local.x.append(1)
    local.read_only = False
    local.x.append(1)


def test_reading_works_read_only(local: Dataset) -> None:
    local.create_tensor("x").extend([1, 2])
    ds = deeplake.load(local.path, read_only=True)
    with ds:
        assert ds.x.numpy().tolist() == [[1], [2]]


# --------------------------------------------------------------------------- operations on views
def test_structure_cannot_be_changed_through_views(rows: Dataset) -> None:
    rows.create_group("g")
    view = rows[2:5]
    operations: list[Callable[[], Any]] = [
        lambda: view.append({"x": 1, "y": [1.0, 2.0]}),
        lambda: view.extend({"x": [1], "y": [[1.0, 2.0]]}),
        lambda: view.pop(),
        lambda: view.create_tensor("z"),
        lambda: view.create_tensor_like("z", rows.x),
        lambda: view.create_group("h"),
        lambda: view.delete_tensor("x"),
        lambda: view.delete_group("g"),
        lambda: view.rename_tensor("x", "z"),
        lambda: view.rename_group("g", "h"),
        lambda: view.commit(),
        lambda: view.checkout("main"),
        lambda: view.merge("main"),
        lambda: view.delete(),
        lambda: setattr(view, "read_only", True),
        lambda: setattr(view, "allow_delete", False),
        lambda: view.x.append(1),
        lambda: view.x.extend([1]),
        lambda: view.x.pop(),
        lambda: view.x.clear(),
        lambda: rows.max_view.append({"x": 1, "y": [1.0, 2.0]}),
    ]
    for operation in operations:
        with pytest.raises(InvalidOperationError):
            operation()
    assert len(rows) == 10
    assert list(rows.tensors) == ["x", "y"]
    assert len(view) == 3


# --------------------------------------------------------------------------- deleting it all
def test_delete(local: Dataset) -> None:
    local.create_tensor("x").append(1)
    local.delete()
    assert not deeplake.exists(local.path)


def test_allow_delete(local: Dataset) -> None:
    local.allow_delete = False
    assert deeplake.load(local.path).allow_delete is False
    with pytest.raises(DatasetHandlerError, match="allow_delete"):
        local.delete()
    with pytest.raises(DatasetHandlerError, match="allow_delete"):
        deeplake.empty(local.path, overwrite=True)
    with pytest.raises(DatasetHandlerError, match="allow_delete"):
        deeplake.delete(local.path)
    local.allow_delete = True
    local.delete()


def test_delete_large(local: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    local.create_tensor("x").extend(np.arange(100))
    monkeypatch.setattr("deeplake.dataset.dataset.SAFE_TO_DELETE", 100)
    with pytest.raises(deeplake.errors.DatasetTooLargeToDelete, match="large_ok=True"):
        local.delete()
    local.delete(large_ok=True)
    assert not deeplake.exists(local.path)


# --------------------------------------------------------------------------- with ds:
def test_with_collects_and_flushes(local: Dataset) -> None:
    local.create_tensor("x")
    with local:
        local.x.append(1)
        assert local.x.numpy().tolist() == [[1]]
        assert deeplake.load(local.path).x.num_samples == 0
        local.maybe_flush()
        assert deeplake.load(local.path).x.num_samples == 0
        local.flush()
        assert deeplake.load(local.path).x.num_samples == 1
        local.x.append(2)
    assert deeplake.load(local.path).x.num_samples == 2


def test_operations_outside_with_are_stored(local: Dataset) -> None:
    local.create_tensor("x").append(1)
    local.maybe_flush()
    local.clear_cache()
    assert local.x.numpy().tolist() == [[1]]
    assert deeplake.load(local.path).x.numpy().tolist() == [[1]]


def test_with_keeps_complete_rows_of_a_failed_block(url: str) -> None:
    ds = deeplake.empty(url)
    ds.create_tensor("x")
    ds.create_tensor("y")
    with pytest.raises(ZeroDivisionError), ds:
        for i in range(5):
            ds.x.append(i)
            ds.y.append(i / (3 - i))
    assert ds.x.num_samples == ds.y.num_samples == 3
    assert ds.x.numpy().ravel().tolist() == [0, 1, 2]
    again = deeplake.load(url)
    assert again.x.numpy().ravel().tolist() == [0, 1, 2]


def test_with_leaves_uneven_tensors_as_even_as_they_were(ds: Dataset) -> None:
    ds.create_tensor("x").extend([1, 2])
    ds.create_tensor("y")
    with pytest.raises(RuntimeError), ds:
        ds.x.append(3)
        ds.y.append(1)
        raise RuntimeError
    assert (ds.x.num_samples, ds.y.num_samples) == (3, 1)


def test_nested_with(local: Dataset) -> None:
    local.create_tensor("x")
    with local:
        with local:
            local.x.append(1)
        assert deeplake.load(local.path).x.num_samples == 0
    assert deeplake.load(local.path).x.num_samples == 1


def test_info_at_a_past_commit(local: Dataset) -> None:
    local.create_tensor("x").append(1)
    first = local.commit("one")
    local.x.append(2)
    local.commit("two")
    local.checkout(first)
    with pytest.raises(InfoError, match="past commit"):
        local.info.a = 1
    with pytest.raises(InfoError, match="past commit"):
        local.x.info.a = 1


# --------------------------------------------------------------------------- groups that are missing
def test_group_errors(ds: Dataset) -> None:
    with pytest.raises(TensorGroupDoesNotExistError, match="'g'"):
        ds.delete_group("g")
    with pytest.raises(TensorGroupDoesNotExistError, match="'g'"):
        ds.rename_group("g", "h")
