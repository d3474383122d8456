"""Every class of errors that sections 2 to 9 of api.md name, raised as a user would meet it.

Each says where it happened (tensor and row, where there is a row; else tensor or path) and what to do.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import Dataset, errors
from deeplake.errors import DeepLakeError
from deeplake.format.encoding import codec_plugin
from deeplake.types import ShapeInterval

NAMES = """
BadLinkError CheckoutError CorruptedSampleError DatasetCorruptError DatasetHandlerError
DatasetTooLargeToDelete DatasetViewSavingError DynamicTensorNumpyError EmptyPolygonError EmptyTensorError
FilterError GetDataFromLinkError GroupInfoNotSupportedError IncompatibleHtypeError InfoError
InvalidDatasetNameException InvalidKeyTypeError InvalidOperationError InvalidShapeIntervalError
InvalidTensorGroupNameError InvalidTensorNameError InvalidViewException JsonValidationError
MemoryDatasetCanNotBePickledError MeshTensorMetaMissingRequiredValue MissingCredsError ReadOnlyModeError
RenameError SampleAppendError SampleAppendingError SampleCompressionError SampleDecompressionError
SampleExtendError SampleHtypeMismatchError SampleReadError SampleUpdateError TensorAlreadyExistsError
TensorDoesNotExistError TensorDtypeMismatchError TensorGroupAlreadyExistsError
TensorGroupDoesNotExistError TensorInvalidSampleShapeError TensorMetaInvalidHtype
TensorMetaInvalidHtypeOverwriteKey TensorMetaInvalidHtypeOverwriteValue TensorMetaMissingRequiredValue
TensorMetaMutuallyExclusiveKeysError TensorTooLargeToDelete UnableToReadFromUrlError
UnsupportedCompressionError UnsupportedParameterException
"""
"""All but ``AgreementError`` (of accounts) and ``LockedException`` (of locks): there are none."""

NAMED = NAMES.split()


@dataclass
class Place:
    """Where errors are provoked.

    Attributes:
        ds: Four rows of ``x`` (int64), ``g/y``, ``image`` (png) and ``labels``, committed.
        path: A folder.
        patch: Sets attributes for a while.
    """

    ds: Dataset
    path: Path
    patch: pytest.MonkeyPatch

    def file(self, name: str, data: bytes = b"nothing that anybody reads") -> Path:
        (self.path / name).write_bytes(data)
        return self.path / name

    def tensor(self, **options: Any) -> Any:
        return self.ds.create_tensor("t", **options)

    def fresh(self, name: str) -> str:
        return str(self.path / name)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("x", dtype="int64").extend(np.arange(4))
    ds.create_tensor("g/y").extend(np.zeros((4, 2)))
    ds.create_tensor("image", htype="image", sample_compression="png")
    ds.image.extend([np.zeros((4 + k, 5, 3), np.uint8) for k in range(4)])
    ds.create_tensor("labels", htype="class_label", class_names=["a", "b"]).extend([0, 1, 0, 1])
    ds.commit("four rows")
    return Place(ds, tmp_path, monkeypatch)


def assign(tensor: Any, item: Any, value: Any) -> None:
    tensor[item] = value


def damage_head(place: Place) -> Any:
    (Path(place.ds.path) / "refs" / "heads" / "main").write_bytes(b"{}")
    return deeplake.load(place.ds.path)


def too_large(place: Place, where: str) -> None:
    place.patch.setattr(f"deeplake.dataset.{where}.SAFE_TO_DELETE", 3)


def view_of_what_changed(place: Place) -> Any:
    view = place.ds[0:2]
    place.ds.x.append(4)
    return view.x.numpy()


def view_of_changes(place: Place) -> Any:
    place.ds.x[0] = 9
    return place.ds[0:2].save_view(id="v")


def read_only(place: Place) -> Any:
    return deeplake.load(place.ds.path, read_only=True).x.append(1)


def info_of_the_past(place: Place) -> Any:
    first = place.ds.commit_id
    place.ds.x.append(4)
    place.ds.commit()
    deeplake.load(f"{place.ds.path}@{first}").x.info["a"] = 1


def broken_pixels(place: Place) -> Any:
    path = place.file("broken.jpeg")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), "u1")).save(path)
    data = path.read_bytes()
    tensor = place.tensor(htype="image", sample_compression="jpeg")
    tensor.append(deeplake.read(data))
    tensor.append(deeplake.read(data[: len(data) * 2 // 3] + data[-2:]))
    return tensor[1].numpy()


def broken_link(place: Place) -> Any:
    path = place.file("a.png")
    Image.fromarray(np.zeros((4, 5, 3), "u1")).save(path)
    tensor = place.tensor(htype="link[image]")
    tensor.append(deeplake.link(path))
    os.remove(path)
    return tensor[0].numpy()


def no_credentials(place: Place) -> Any:
    place.ds.add_creds_key("mine")
    place.ds.populate_creds("mine", {"aws_access_key_id": "a", "aws_secret_access_key": "b"})
    tensor = place.tensor(htype="link[image]", verify=False)
    tensor.append(deeplake.link("s3://bucket/a.png", creds_key="mine"))
    return deeplake.load(place.ds.path).t[0].numpy()


def convert(place: Place) -> None:
    place.ds["g/y"].htype = "bbox"


def outside(place: Place) -> Any:
    codec: Any = codec_plugin("png")
    return codec.decode(place.ds.image[0].tobytes(), crop=(0, 0, 99, 99), size=(3, 3))


def fails(row: Dataset) -> bool:
    if int(row.x.numpy()[0]) == 2:
        raise ValueError("a reason")
    return True


ROW = r"tensor 't', row 0"
CASES: dict[str, tuple[Callable[[Place], Any], str, str]] = {
    "BadLinkError": (
        lambda p: p.tensor(htype="link[image]").append(deeplake.link(p.fresh("none.png"))),
        ROW, r"none\.png: there is no such file"),
    "CheckoutError": (lambda p: p.ds.checkout("nowhere"), r"/ds", r"its branches are main"),
    "CorruptedSampleError": (broken_pixels, r"tensor 't', row 1", r"restore it from a copy"),
    "DatasetCorruptError": (damage_head, r"/ds cannot be opened", r"reset=True"),
    "DatasetHandlerError": (
        lambda p: deeplake.empty(p.ds.path), r"/ds", r"overwrite=True"),
    "DatasetTooLargeToDelete": (
        lambda p: (too_large(p, "dataset"), p.ds.delete()), r"/ds", r"large_ok=True"),
    "DatasetViewSavingError": (view_of_changes, r"/ds", r"commit first"),
    "DynamicTensorNumpyError": (lambda p: p.ds.image.numpy(), r"'image'", r"aslist=True"),
    "EmptyPolygonError": (
        lambda p: p.tensor(htype="polygon").append([np.zeros((0, 2), "f4")]), ROW, r"leave it out"),
    "EmptyTensorError": (
        lambda p: (p.tensor().append(None), p.ds.t.numpy()), r"tensor 't'", r"append one"),
    "FilterError": (
        lambda p: p.ds.filter(fails, num_workers=2, progressbar=False), r"/ds, row 2", r"a reason"),
    "GetDataFromLinkError": (broken_link, ROW, r"a\.png: there is no such file"),
    "GroupInfoNotSupportedError": (lambda p: p.ds.g.info, r"group", r"use ds\.root\.info"),
    "IncompatibleHtypeError": (convert, r"'g/y'", r"needs samples of shape \(n, 4\)"),
    "InfoError": (info_of_the_past, r"tensor 'x'", r"check out a branch"),
    "InvalidDatasetNameException": (
        lambda p: deeplake.empty(p.fresh("a*b")), r"/a\*b", r"a name has only letters, digits"),
    "InvalidKeyTypeError": (lambda p: p.ds.x[1.5], r"tensor 'x'", r"use ints, slices"),
    "InvalidOperationError": (
        lambda p: p.ds[0:2].append({}), r"append .* on a view", r"use ds\.root"),
    "InvalidShapeIntervalError": (
        lambda p: ShapeInterval((3,), (2,)), r"\(3,\) to \(2,\)", r"0 <= lower <= upper"),
    "InvalidTensorGroupNameError": (
        lambda p: p.ds.create_group("append"), r"'append'", r"choose another"),
    "InvalidTensorNameError": (
        lambda p: p.ds.create_tensor("append"), r"'append'", r"choose another"),
    "InvalidViewException": (view_of_what_changed, r"/ds", r"take it again"),
    "JsonValidationError": (
        lambda p: p.tensor(htype="json", dtype="Dict[str, int]").append({"a": "b"}),
        ROW, r"schema is Dict\[str, int\]"),
    "MemoryDatasetCanNotBePickledError": (
        lambda p: pickle.dumps(deeplake.empty("mem://m")), r"mem://m", r"copy it to a path"),
    "MeshTensorMetaMissingRequiredValue": (
        lambda p: p.tensor(htype="mesh"), r"tensor 't'", r"needs sample_compression"),
    "MissingCredsError": (no_credentials, ROW, r"populate_creds"),
    "ReadOnlyModeError": (read_only, r"/ds", r"read_only=False"),
    "RenameError": (
        lambda p: p.ds.rename_tensor("x", "g/x"), r"'x'.*'g/x'", r"cannot point to another group"),
    "SampleAppendError": (lambda p: p.ds.x.append("no number"), r"tensor 'x', row 4", r"htype='text'"),
    "SampleAppendingError": (
        lambda p: p.ds.append([1]), r"ds\.append takes a dict", r"use ds\.<tensor>\.append"),
    "SampleCompressionError": (
        lambda p: p.tensor(htype="image", sample_compression="jpeg").append(np.zeros((4, 4), "f4")),
        ROW, r"another compression"),
    "SampleDecompressionError": (outside, r"crop .* = \(0, 0, 99, 99\)", r"picture of 4 x 5 pixels"),
    "SampleExtendError": (
        lambda p: p.ds[["x"]].extend({"x": [5, "no number"]}), r"tensor 'x', row 5", r"htype='text'"),
    "SampleHtypeMismatchError": (
        lambda p: p.tensor(htype="image.rgb", sample_compression="png").append("text"),
        ROW, r"takes arrays and images"),
    "SampleReadError": (
        lambda p: p.ds.image.append(deeplake.read(p.fresh("none.png"))),
        r"tensor 'image', row 4", r"none\.png: there is no such file"),
    "SampleUpdateError": (
        lambda p: assign(p.ds.x, 2, "no number"), r"tensor 'x', row 2", r"htype='text'"),
    "TensorAlreadyExistsError": (lambda p: p.ds.create_tensor("x"), r"tensor 'x'", r"exist_ok=True"),
    "TensorDoesNotExistError": (lambda p: p.ds["z"], r"tensor 'z'", r"there are 'x', 'g/y'"),
    "TensorDtypeMismatchError": (
        lambda p: p.ds.x.append(np.ones(1, "f4")), r"tensor 'x', row 4", r"\.astype\('int64'\)"),
    "TensorGroupAlreadyExistsError": (lambda p: p.ds.create_group("g"), r"group 'g'", r"exist_ok=True"),
    "TensorGroupDoesNotExistError": (
        lambda p: p.ds.delete_group("h"), r"group 'h'", r"there are 'g'"),
    "TensorInvalidSampleShapeError": (
        lambda p: p.ds.x.append(np.zeros((2, 2), int)), r"tensor 'x', row 4",
        r"the samples of tensor 'x' have 1"),
    "TensorMetaInvalidHtype": (
        lambda p: p.tensor(htype="sequence[image"), r"tensor 't'", r"write a name such as 'image'"),
    "TensorMetaInvalidHtypeOverwriteKey": (
        lambda p: p.tensor(htype="bbox", nonsense=1), r"tensor 't'.*'nonsense'", r"it has coords"),
    "TensorMetaInvalidHtypeOverwriteValue": (
        lambda p: p.tensor(htype="text", dtype="int8"), r"tensor 't'", r"the dtype of text is str"),
    "TensorMetaMissingRequiredValue": (
        lambda p: p.tensor(htype="image"), r"tensor 't'", r"needs sample_compression or chunk_compr"),
    "TensorMetaMutuallyExclusiveKeysError": (
        lambda p: p.tensor(sample_compression="lz4", chunk_compression="lz4"),
        r"tensor 't'", r"not both"),
    "TensorTooLargeToDelete": (
        lambda p: (too_large(p, "structure"), p.ds.delete_tensor("x")), r"'x'", r"large_ok=True"),
    "UnableToReadFromUrlError": (
        lambda p: p.ds.image.append(deeplake.read("http://127.0.0.1:9/a.png")),
        r"tensor 'image', row 4", r"http://127\.0\.0\.1:9/a\.png: cannot be read"),
    "UnsupportedCompressionError": (
        lambda p: p.tensor(htype="image", sample_compression="zip"), r"tensor 't'", r'there are "avi"'),
    "UnsupportedParameterException": (
        lambda p: deeplake.copy(p.ds, p.fresh("copy"), src_token="a"), r"src_token", r"src_creds"),
}  # fmt: skip


def test_the_table_is_whole() -> None:
    assert set(CASES) == set(NAMED)
    assert sorted(NAMED) == NAMED


@pytest.mark.parametrize("name", NAMED)
def test_it_is_raised_and_says_where_and_what_to_do(place: Place, name: str) -> None:
    provoke, where, advice = CASES[name]
    kind = getattr(errors, name)
    kept = {key: len(place.ds[key]) for key in ("x", "g/y", "image", "labels")}
    with pytest.raises(Exception, match=f"(?s){where}.*{advice}") as raised:
        provoke(place)
    chain: list[BaseException | None] = [raised.value]
    while chain[-1] is not None:
        chain.append(chain[-1].__cause__)
    found = next(error for error in chain if isinstance(error, kind))
    assert isinstance(found, DeepLakeError)
    assert found.code
    if name not in ("DatasetCorruptError", "InfoError", "InvalidViewException"):
        again = deeplake.load(place.ds.path)
        assert {key: len(again[key]) for key in kept} == kept
