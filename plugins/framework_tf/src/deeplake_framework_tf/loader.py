"""A deeplake loader as ``tf.data`` datasets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped]

from deeplake.errors import LoaderError
from deeplake_framework_tf.conversion import tensor


class TensorflowLoader:
    """A loader whose batches are TensorFlow tensors.

    It has everything that the kernel's loader has: the steps of the fluent API, ``set_epoch``,
    ``state_dict``, ``close``.

    Args:
        loader: The kernel's loader.
    """

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._loader, name)

    def as_dataset(self) -> tf.data.Dataset:
        """A ``tf.data.Dataset`` of the batches; each iteration is an epoch.

        Samples that differ in shape are ragged tensors. Its cardinality is known.

        Raises:
            EmptyTensorError: A tensor holds no value.
            LoaderError: Batches hold what ``tf.data`` has no type for (json values, lists).
        """
        loader = self._loader
        fields: Mapping[str, Any] = loader.fields()
        batched = not loader.spec.unbatched
        if batched and not any(
            value[0] == "array" or value[0] == "text" for value in fields.values()
        ):
            raise LoaderError(
                "tf.data has no type for these tensors; iterate over the loader itself"
            )
        signature = {key: _spec(key, value, batched) for key, value in fields.items()}

        def batches() -> Iterator[dict[str, Any]]:
            for batch in loader:
                yield {key: _fitting(batch[key], signature[key]) for key in signature}

        made = tf.data.Dataset.from_generator(batches, output_signature=signature)
        return made.apply(tf.data.experimental.assert_cardinality(len(loader)))

    @property
    def element_spec(self) -> dict[str, Any]:
        """Types and shapes of batches, as ``tf.data`` has them."""
        return dict(self.as_dataset().element_spec)

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._loader)

    def __enter__(self) -> TensorflowLoader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loader.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._loader!r}>"


def _spec(key: str, field: tuple[str, tuple[int | None, ...], str], batched: bool) -> Any:
    kind, shape, dtype = field
    lead: list[int | None] = [None] if batched else []
    if kind in ("text", "bytes"):
        return tf.TensorSpec(lead, tf.string)
    if kind != "array":
        raise LoaderError(
            f"tensor {key!r}: tf.data has no type for {kind}; leave it out with tensors=[…]"
        )
    if batched and None in shape:
        rank = max(axis for axis, side in enumerate(shape) if side is None) + 1
        return tf.RaggedTensorSpec([None, *shape], tf.dtypes.as_dtype(dtype), rank)
    return tf.TensorSpec([*lead, *shape], tf.dtypes.as_dtype(dtype))


def _fitting(value: Any, spec: Any) -> Any:
    """A column as its spec has it."""
    if isinstance(spec, tf.RaggedTensorSpec):
        rows = [one.numpy() if isinstance(one, tf.Tensor) else np.asarray(one) for one in value]
        return _ragged(rows, spec.ragged_rank)
    if isinstance(value, np.ndarray):
        return tensor(value)
    return tf.convert_to_tensor(value)


def _ragged(rows: list[np.ndarray], rank: int) -> tf.RaggedTensor:
    """Arrays that differ in shape as one tensor with ``rank`` ragged axes after the first."""
    lengths = [
        [row.shape[axis] for row in rows for _ in range(int(np.prod(row.shape[:axis])))]
        for axis in range(rank)
    ]
    values = np.concatenate([row.reshape(-1, *row.shape[rank:]) for row in rows])
    return tf.RaggedTensor.from_nested_row_lengths(values, lengths)


__all__ = ["TensorflowLoader"]
