"""What numpy() and its like return, and what tensors tell of themselves (api.md, section 4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import ChecksumError, DynamicTensorNumpyError, InvalidShapeIntervalError
from deeplake.types import ShapeInterval


@pytest.fixture
def ragged(ds: Dataset) -> Dataset:
    """Samples of different shapes."""
    ds.create_tensor("x").extend([np.ones((2, 3)), np.zeros((4, 3)), np.ones((2, 3))])
    return ds


# --------------------------------------------------------------------------- empty tensors
@pytest.mark.parametrize("htype", [None, "class_label", "bbox", "text", "json", "list", "tag"])
def test_a_tensor_without_samples(ds: Dataset, htype: str | None) -> None:
    tensor = ds.create_tensor("x", htype=htype)
    found = tensor.numpy()
    assert found.shape == (0,)
    assert found.dtype == np.float64
    assert tensor.numpy(aslist=True) == []
    assert len(tensor) == 0
    assert tensor.shape[0] == 0
    assert tensor.is_empty_tensor
    assert not tensor.is_dynamic
    assert list(tensor) == []
    assert tensor[:].numpy().shape == (0,)
    with pytest.raises(IndexError):
        tensor[0]


# --------------------------------------------------------------------------- dynamic tensors
def test_dynamic(ragged: Dataset) -> None:
    tensor = ragged.x
    with pytest.raises(DynamicTensorNumpyError, match=r"'x'.*\(3, 2:4, 3\).*aslist=True"):
        tensor.numpy()
    with pytest.raises(DynamicTensorNumpyError):
        np.array(tensor)
    found = tensor.numpy(aslist=True)
    assert isinstance(found, list)
    assert [a.shape for a in found] == [(2, 3), (4, 3), (2, 3)]
    assert tensor[1].numpy().shape == (4, 3)
    assert tensor[[0, 2]].numpy().shape == (2, 2, 3)
    assert tensor[:, 0].numpy().shape == (3, 3)
    assert tensor[:, :2].numpy().shape == (3, 2, 3)
    with pytest.raises(DynamicTensorNumpyError):
        tensor[:, :3].numpy()
    assert [a.shape for a in tensor[:, :3].numpy(aslist=True)] == [(2, 3), (3, 3), (2, 3)]


def test_aslist_of_equal_shapes(ds: Dataset) -> None:
    ds.create_tensor("x").extend(np.arange(6).reshape(3, 2))
    assert [a.tolist() for a in ds.x.numpy(aslist=True)] == [[0, 1], [2, 3], [4, 5]]
    assert [a.tolist() for a in ds.x[1:, 0].numpy(aslist=True)] == [2, 4]
    np.testing.assert_array_equal(ds.x[1].numpy(aslist=True), [2, 3])


def test_results_are_copies(ds: Dataset) -> None:
    ds.create_tensor("x").extend(np.arange(6).reshape(3, 2))
    for read in (
        ds.x.numpy,
        ds.x[1].numpy,
        ds.x[0:2].numpy,
        ds.x[[1, 2]].numpy,
        lambda: ds.x.numpy(aslist=True)[0],
    ):
        array = read()
        array += 100
    assert ds.x.numpy().max() == 5


def test_array_protocol(ds: Dataset) -> None:
    ds.create_tensor("x").extend([1, 2])
    assert np.array(ds.x).tolist() == [[1], [2]]
    assert np.asarray(ds.x, dtype=np.float32).dtype == np.float32
    assert np.array(ds.x[0], dtype=str).tolist() == ["1"]
    assert np.concatenate([ds.x, ds.x]).shape == (4, 1)


# --------------------------------------------------------------------------- shapes
def test_shapes(ragged: Dataset) -> None:
    tensor = ragged.x
    assert tensor.shape == (3, None, 3)
    interval = tensor.shape_interval
    assert isinstance(interval, ShapeInterval)
    assert str(interval) == repr(interval) == "(3, 2:4, 3)"
    assert (interval.lower, interval.upper) == ((3, 2, 3), (3, 4, 3))
    assert interval.is_dynamic
    assert interval.astuple() == (3, None, 3)
    assert tensor.is_dynamic
    assert tensor.ndim == 3
    assert tensor.size is None
    assert tensor[1].shape == (4, 3)
    assert tensor[1].ndim == 2
    assert tensor[1].size == 12
    assert str(tensor[1].shape_interval) == "(4, 3)"
    assert not tensor[1].is_dynamic
    assert tensor[::2].shape == (2, 2, 3)
    assert tensor[::2].size == 12
    assert tensor[:, 1:].shape == (3, None, 3)
    assert tensor[1, 1:].shape == (3, 3)
    assert tensor.shapes().tolist() == [[2, 3], [4, 3], [2, 3]]
    assert tensor[1:].shapes().tolist() == [[4, 3], [2, 3]]


def test_shape_interval_of_nothing_and_scalars(ds: Dataset) -> None:
    assert str(ds.create_tensor("x").shape_interval) == "(0,)"
    ds.x.extend([1, 2])
    assert str(ds.x.shape_interval) == "(2, 1)"
    ds.x.append([1, 2])
    assert str(ds.x.shape_interval) == "(3, 1:2)"
    ds.x.append(None)
    assert str(ds.x.shape_interval) == "(4, 0:2)"


@pytest.mark.parametrize("bounds", [((1, 2), (1,)), ((2,), (1,)), ((-1,), (1,))])
def test_bad_intervals(bounds: Any) -> None:
    with pytest.raises(InvalidShapeIntervalError):
        ShapeInterval(*bounds)


def test_shapes_after_update_and_pop(ragged: Dataset) -> None:
    ragged.x[1] = np.ones((2, 3))
    ragged.x.pop(0)
    assert ragged.x.numpy().shape == (2, 2, 3)
    assert ragged.x[[0, 1]].shape == (2, 2, 3)
    assert ragged.x[0].shape == (2, 3)


# --------------------------------------------------------------------------- facts
def test_facts(ds: Dataset) -> None:
    tensor = ds.create_tensor("x", htype="image", sample_compression="png")
    tensor.append(np.zeros((4, 4, 3), np.uint8))
    assert tensor.key == "x"
    assert (tensor.htype, tensor.base_htype, tensor.dtype) == ("image", "image", np.uint8)
    assert (tensor.is_sequence, tensor.is_link, tensor.hidden, tensor.verify) == (
        False, False, False, True,
    )  # fmt: skip
    assert (tensor.num_samples, len(tensor), len(tensor[0:0])) == (1, 1, 0)
    assert not tensor.is_empty_tensor
    assert ds.create_tensor("secret", hidden=True, verify=False).hidden
    assert not ds.secret.verify


def test_meta(ds: Dataset) -> None:
    tensor = ds.create_tensor(
        "x", htype="image", sample_compression="png", max_chunk_size=1000, tiling_threshold=-1
    )
    assert tensor.meta.dtype is None
    tensor.extend([np.zeros((4, 5, 3), np.uint8), np.zeros((6, 2, 3), np.uint8)])
    meta = tensor.meta
    assert meta.name == "x"
    assert meta.htype == "image"
    assert meta.dtype == "uint8"
    assert meta.length == 2
    assert meta.min_shape == [4, 2, 3]
    assert meta.max_shape == [6, 5, 3]
    assert meta.sample_compression == "png"
    assert meta.chunk_compression is None
    assert (meta.hidden, meta.is_sequence, meta.is_link, meta.verify) == (False,) * 3 + (True,)
    assert (meta.max_chunk_size, meta.tiling_threshold) == (1000, -1)
    assert set(meta) >= {"typestr", "links", "version"}
    assert ds.create_tensor("t", htype="text").meta.dtype == "str"
    assert ds.create_tensor("j", htype="json").meta.dtype == "Any"
    assert ds.create_tensor("k", htype="json", dtype="Dict[str, int]").meta.dtype == (
        "Dict[str, int]"
    )
    assert ds.create_tensor("l", htype="list").meta.dtype == "List"


# --------------------------------------------------------------------------- other outputs
def test_lists(ragged: Dataset) -> None:
    assert ragged.x[1].list() == np.zeros((4, 3)).tolist()
    assert ragged.x.list() == [np.ones((2, 3)).tolist(), np.zeros((4, 3)).tolist(),
                               np.ones((2, 3)).tolist()]  # fmt: skip
    assert ragged.x[::2].list() == np.ones((2, 2, 3)).tolist()


def test_outputs_of_other_htypes(ragged: Dataset) -> None:
    with pytest.raises(ValueError, match="'x'.*no text"):
        ragged.x.text()
    with pytest.raises(ValueError, match="'x'.*no json"):
        ragged.x.dict()


def test_data_of_arrays(ragged: Dataset) -> None:
    assert ragged.x[1].data().keys() == {"value"}
    np.testing.assert_array_equal(ragged.x[1].data()["value"], np.zeros((4, 3)))
    assert isinstance(ragged.x.data()["value"], list)
    assert ragged.x[::2].data()["value"].shape == (2, 2, 3)
    assert isinstance(ragged.x[::2].data(aslist=True)["value"], list)


def test_tobytes_of_arrays(ds: Dataset) -> None:
    array = np.arange(6, dtype="<i4").reshape(2, 3)
    ds.create_tensor("x", dtype="int32").extend([array, array + 1])
    assert ds.x[1].tobytes() == (array + 1).tobytes()
    assert ds.x[0:1].tobytes() == array.tobytes()
    for selected in (ds.x, ds.x[0:0], ds.x[0, 1]):
        with pytest.raises(ValueError, match="exactly one"):
            selected.tobytes()


# --------------------------------------------------------------------------- many chunks
@pytest.mark.parametrize("compression", [None, "zlib", "lz4"])
def test_rows_in_many_chunks(url: str, compression: str | None) -> None:
    model = np.random.default_rng(0).integers(0, 1000, (4000, 5))
    ds = deeplake.empty(url)
    ds.create_tensor("x", chunk_compression=compression, max_chunk_size=3000).extend(model)
    for found in (ds, deeplake.load(url)):
        np.testing.assert_array_equal(found.x.numpy(), model)
        np.testing.assert_array_equal(found.x[::-7].numpy(), model[::-7])
        chosen = np.random.default_rng(1).integers(0, 4000, 500)
        np.testing.assert_array_equal(found.x[chosen].numpy(), model[chosen])
        np.testing.assert_array_equal(found.x[chosen, 1:3].numpy(), model[chosen, 1:3])
        np.testing.assert_array_equal(found.x[3999].numpy(), model[3999])


def test_big_endian_and_odd_dtypes(ds: Dataset) -> None:
    for dtype in ("bool", "int8", "uint16", ">i4", "<u8", "float16", ">f8", "complex64"):
        array = np.array([0, 1, 1, 0]).astype(dtype)
        tensor = ds.create_tensor(f"t_{np.dtype(dtype).name}")
        tensor.append(array)
        assert tensor[0].numpy().dtype == np.dtype(dtype).newbyteorder("<")
        np.testing.assert_array_equal(tensor[0].numpy(), array)


@pytest.mark.parametrize("opened", ["again", "never"])
def test_a_column_read_again_and_again(ds: Dataset, opened: str) -> None:
    """Of one chunk that was read before little is asked: but all that may have changed since."""
    ds.create_tensor("x", htype="class_label")
    ds.create_tensor("y", dtype="int32")
    expected = np.arange(100, dtype=np.uint32)[:, None]
    ds.extend({"x": expected[:, 0], "y": np.zeros((100, 2), np.int32)})
    if opened == "again" and not ds.path.startswith("mem:"):
        ds = deeplake.load(ds.path)
    for _ in range(3):
        found = ds.x.numpy()
        assert (found.dtype, found.shape) == (np.uint32, (100, 1))
        np.testing.assert_array_equal(found, expected)
        found[:] = 7  # the caller's own
    assert [len(part) for part in (ds.x.numpy(aslist=True), ds.x[:40].numpy(), ds[:9].x.numpy())] == [
        100, 40, 9,
    ]  # fmt: skip
    ds.x[3] = 50
    expected[3] = 50
    for _ in range(3):
        np.testing.assert_array_equal(ds.x.numpy(), expected)
    ds.x.append(5)
    for _ in range(3):
        assert ds.x.numpy()[-2:].tolist() == [[99], [5]]
    ds.pop(0)
    for _ in range(3):
        assert ds.x.numpy()[0, 0] == 1
        assert ds.y.numpy().shape == (99, 2)
    ds.x.append(None)
    for _ in range(2):
        with pytest.raises(DynamicTensorNumpyError):
            ds.x.numpy()


def test_a_column_that_was_damaged(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("x", dtype="uint32")
    ds.x.extend(np.arange(50_000, dtype=np.uint32))
    for file in (tmp_path / "ds" / "data").iterdir():
        data = bytearray(file.read_bytes())
        data[-9] ^= 1
        file.write_bytes(data)
    ds = deeplake.load(tmp_path / "ds")
    assert ds.x[0].numpy() == 0
    for _ in range(3):
        with pytest.raises(ChecksumError):
            ds.x.numpy()
