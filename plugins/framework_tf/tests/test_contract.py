"""The framework suite, and what the suite cannot know: TensorFlow's own types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deeplake.loader.memory import aligned
from deeplake.testing.framework import Batch, FrameworkContract
from deeplake_framework_tf import Tensorflow


class TestTensorflow(FrameworkContract):
    adapter = Tensorflow
    heavy = ("tensorflow", "keras")
    shares_memory = False  # only where memory is aligned; see below

    def to_numpy(self, value: Any) -> np.ndarray:
        import tensorflow as tf

        return value.numpy() if isinstance(value, tf.Tensor) else np.asarray(value)

    def to_text(self, value: Any) -> Any:
        return value.numpy().decode()  # strings are bytes here

    def from_numpy(self, array: np.ndarray) -> Any:
        import tensorflow as tf

        return tf.convert_to_tensor(array)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "int64", "uint32", "bool"])
def test_arrays_that_are_aligned_keep_their_memory(tf: Any, dtype: str) -> None:
    array = aligned((5, 7), dtype)
    array[:] = 1
    batch = Tensorflow().convert(Batch(x=array))
    assert batch["x"].shape == (5, 7)
    array[0, 0] = 0
    assert int(tf.cast(batch["x"][0, 0], tf.int32)) == 0


def test_text_becomes_strings(tf: Any) -> None:
    batch = Tensorflow().convert(Batch(text=[np.array(["a"]), np.array(["é"])]))
    assert batch["text"].dtype == tf.string
    assert [one.decode() for one in batch["text"].numpy()] == ["a", "é"]


def test_what_has_no_batch_is_refused() -> None:
    with pytest.raises(TypeError) as caught:
        Tensorflow().collate([{"x": object()}])
    assert "'x' cannot be made a batch" in caught.value.__notes__[0]
