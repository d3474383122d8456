"""Parts of several samples: only they are decoded or copied, where that can be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deeplake import Dataset
from deeplake.dataset import part_reader, reader
from deeplake.errors import DynamicTensorNumpyError

SUBSCRIPTS: list[Any] = [
    (slice(None), slice(3, 9), slice(2, 5)),
    (slice(None), -1),
    (slice(None, None, -3), slice(1, 8), slice(None, None, 2), 0),
    ([4, 0, 4], slice(2), [5, 1]),
    (slice(None), ..., 1),
    (slice(2, 4), slice(None), 3),
]


@pytest.fixture
def arrays() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (7, 12, 10, 3), dtype=np.uint8)


@pytest.fixture(params=[None, "png", "jpeg"])
def tensor(
    request: pytest.FixtureRequest, ds: Dataset, arrays: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> Any:
    monkeypatch.setattr(part_reader, "CROPPED", 100)
    made = ds.create_tensor("t", htype="image", sample_compression=request.param)
    made.extend(arrays)
    return made


@pytest.mark.parametrize("subscript", SUBSCRIPTS, ids=str)
@pytest.mark.parametrize("stored", [False, True], ids=["staged", "stored"])
def test_parts_of_several_samples_are_those_of_the_arrays(
    ds: Dataset, tensor: Any, subscript: Any, stored: bool
) -> None:
    if stored:
        ds.commit()
    whole = tensor.numpy()
    # Lists act per axis.
    expected = whole[subscript[0]]
    for axis, part in enumerate(subscript[1:]):
        if part is Ellipsis:
            expected = expected[..., subscript[-1]]
            break
        done = sum(isinstance(p, int) for p in subscript[1 : 1 + axis])
        expected = expected[(slice(None),) * (1 + axis - done) + (part,)]
    found = tensor[subscript].numpy()
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)
    listed = tensor[subscript].numpy(aslist=True)
    assert len(listed) == len(expected)
    for one, other in zip(listed, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_not_selected_is_not_read(
    ds: Dataset, tensor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ds.commit()
    whole = tensor.numpy()

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("all of a sample was read")

    mapping = ds._checkout.repository.store.capabilities.mapping
    if mapping and tensor.meta.sample_compression != "png":
        monkeypatch.setattr(reader.TensorReader, "_decode", refuse)
        monkeypatch.setattr(reader.TensorReader, "array", refuse)
        monkeypatch.setattr(reader.TensorReader, "samples", refuse)
    np.testing.assert_array_equal(tensor[:, :4, 3:7].numpy(), whole[:, :4, 3:7])


def test_samples_of_several_shapes(ds: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_reader, "CROPPED", 100)
    ds.create_tensor("t", dtype="uint8")
    ds.t.extend([np.full((20, 5 + i % 2), i, np.uint8) for i in range(6)])
    assert ds.t[:, 2:4, :3].numpy().shape == (6, 2, 3)
    assert [a.shape for a in ds.t[:, 2:4].numpy(aslist=True)] == [(2, 5), (2, 6)] * 3
    with pytest.raises(DynamicTensorNumpyError, match="'t'"):
        ds.t[:, 2:4].numpy()
    ds.t.append(None)
    assert ds.t[:, :2].numpy(aslist=True)[6].shape == (0, 0)


def test_rows_that_only_fill_up_a_view(ds: Dataset, tensor: Any, arrays: np.ndarray) -> None:
    ds.create_tensor("labels", htype="class_label")
    ds.labels.extend(np.arange(9))
    shown = ds.max_view.t[:, :2].numpy(aslist=True)
    assert [a.shape for a in shown] == [(2, 10, 3)] * 7 + [(0, 0, 0)] * 2
