"""The framework suite, and what the suite cannot know: JAX's own types."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from deeplake.loader.memory import aligned
from deeplake.testing.framework import Batch, FrameworkContract
from deeplake_framework_jax import Jax


class TestJax(FrameworkContract):
    adapter = Jax
    heavy = ("jax", "jaxlib")
    shares_memory = False  # only where memory is aligned; see below
    unsupported = ("int64", "uint64", "float64", "complex128")

    def to_numpy(self, value: Any) -> np.ndarray:
        return np.asarray(value)

    def from_numpy(self, array: np.ndarray) -> Any:
        return jax.numpy.asarray(array)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "int32", "bool"])
def test_arrays_that_are_aligned_keep_their_memory(dtype: str) -> None:
    array = aligned((5, 7), dtype)
    array[:] = 1
    batch = Jax().convert(Batch(x=array))
    assert np.shares_memory(np.asarray(batch["x"]), array)


def test_numbers_of_64_bits() -> None:
    batch = Jax().convert(Batch(x=np.array([1, -2]), y=np.array([0.5, 1e300])))
    assert batch["x"].dtype == np.int32
    assert batch["y"].dtype == np.float32
    with pytest.raises(OverflowError, match="jax_enable_x64") as caught:
        Jax().convert(Batch(big=np.array([2**40])))
    assert "'big' cannot be made a batch" in caught.value.__notes__[0]
    jax.config.update("jax_enable_x64", True)
    try:
        assert Jax().convert(Batch(x=np.array([2**40])))["x"].tolist() == [2**40]
    finally:
        jax.config.update("jax_enable_x64", False)
