"""``ds.tensorflow`` and ``ds.dataloader().tensorflow()``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import transforms as T
from deeplake.errors import EmptyTensorError, LoaderError, TensorDoesNotExistError


def test_samples_as_a_tf_dataset(ds: deeplake.Dataset, tf: Any) -> None:
    samples = ds.tensorflow()
    assert isinstance(samples, tf.data.Dataset)
    assert samples.element_spec == {
        "images": tf.TensorSpec((12, 10, 3), tf.uint8),
        "labels": tf.TensorSpec((1,), tf.uint32),
    }
    assert int(samples.cardinality()) == 26
    for _ in range(2):
        found = list(samples.as_numpy_iterator())
        assert np.array_equal([one["images"] for one in found], ds.images.numpy())
        assert np.array_equal([one["labels"] for one in found], ds.labels.numpy())
    batched = samples.batch(7, drop_remainder=True).prefetch(1)
    assert [batch["images"].shape for batch in batched] == [(7, 12, 10, 3)] * 3


def test_tensors_and_bytes(ds: deeplake.Dataset, tf: Any) -> None:
    samples = ds.tensorflow(tensors=["labels"])
    assert list(samples.element_spec) == ["labels"]
    samples = ds.tensorflow(tensors=["images"], tobytes=True)
    (first, *_) = samples
    assert first["images"].dtype == tf.string
    assert first["images"].numpy() == ds.images[0].tobytes()
    assert ds.tensorflow(tobytes=["images"]).element_spec["labels"].dtype == tf.uint32
    with pytest.raises(TensorDoesNotExistError):
        ds.tensorflow(tensors=["nope"])
    ds.create_tensor("none")
    with pytest.raises(EmptyTensorError):
        ds.tensorflow()


def test_ragged_samples_and_text(make: Any, tf: Any) -> None:
    boxes = [np.full((n, 4), n, np.float32) for n in (1, 3, 0, 2)]
    ds = make(boxes=boxes, text=(["a", "", "é", "d"], {"htype": "text"}))
    samples = ds.tensorflow()
    assert samples.element_spec["boxes"].shape.as_list() == [None, 4]
    found = list(samples.as_numpy_iterator())
    assert [one["boxes"].shape for one in found] == [(1, 4), (3, 4), (0, 4), (2, 4)]
    assert [one["text"].decode() for one in found] == ["a", "", "é", "d"]
    # In batches: ragged tensors.
    batches = ds.dataloader().batch(3).tensorflow(return_index=False).as_dataset()
    assert isinstance(batches.element_spec["boxes"], tf.RaggedTensorSpec)
    first, second = batches
    assert first["boxes"].shape.as_list()[0] == 3
    assert first["boxes"].to_list() == [box.tolist() for box in boxes[:3]]
    assert second["text"].numpy().tolist() == [b"d"]


def test_what_tf_data_has_no_type_for(make: Any, tf: Any) -> None:
    ds = make(x=np.arange(3), j=([{"a": 1}] * 3, {"htype": "json"}))
    with pytest.raises(LoaderError, match="'j': tf.data has no type"):
        ds.tensorflow()
    (batch,) = ds.dataloader().batch(3).tensorflow()
    assert batch["j"] == [[{"a": 1}]] * 3


def test_batches_of_the_fluent_loader(ds: deeplake.Dataset, tf: Any) -> None:
    loader = ds.dataloader().shuffle().batch(8).tensorflow()
    assert len(loader) == 4
    for _ in range(2):
        rows = []
        for images, labels, index in loader:
            assert images.dtype == tf.uint8
            assert labels.dtype == tf.uint32
            rows += index.numpy().ravel().tolist()
            assert np.array_equal(images.numpy(), ds.images.numpy()[index.numpy().ravel()])
        assert sorted(rows) == list(range(26))
    with loader:
        next(iter(loader))
    assert loader.state_dict()["epoch"] == 2
    with pytest.raises(ValueError, match=r"Can't call .pytorch\(\) after .tensorflow\(\)"):
        loader.pytorch()


def test_batches_as_a_tf_dataset(ds: deeplake.Dataset, tf: Any) -> None:
    crop = T.Compose([T.RandomResizedCrop(8), T.Normalize(0.5, 0.5)])
    loader = ds.dataloader().transform({"images": crop, "labels": None}).batch(8)
    loader = loader.tensorflow()
    batches = loader.as_dataset()
    assert loader.element_spec["images"] == tf.TensorSpec((None, 8, 8, 3), tf.float32)
    assert int(batches.cardinality()) == 4
    for _ in range(2):
        shapes = [batch["images"].shape.as_list() for batch in batches]
        assert shapes == [[8, 8, 8, 3]] * 3 + [[2, 8, 8, 3]]


def test_a_transform_of_samples(ds: deeplake.Dataset) -> None:
    def transform(sample: Any) -> Any:
        return {"mean": sample["images"].mean(dtype=np.float32), "label": sample["labels"]}

    batches = ds.dataloader().transform(transform).batch(13).tensorflow().as_dataset()
    means = np.concatenate([batch["mean"] for batch in batches])
    assert np.allclose(means, ds.images.numpy().mean(axis=(1, 2, 3)), atol=1e-3)


def test_worker_processes_send_tensors(make: Any, tmp_path: Any) -> None:
    path = str(tmp_path / "ds")
    make(path, x=np.arange(20, dtype=np.float32).reshape(10, 2))
    ds = deeplake.load(path)
    loader = ds.dataloader().transform(lambda sample: {"x": sample["x"] * 2}).batch(4)
    plain, elsewhere = (
        [batch["x"].numpy() for batch in loader.tensorflow(num_workers=n)] for n in (0, 1)
    )
    assert all(map(np.array_equal, plain, elsewhere))
