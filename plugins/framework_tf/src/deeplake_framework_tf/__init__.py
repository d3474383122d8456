"""TensorFlow for deeplake-core: batches of tensors, and real ``tf.data`` datasets.

The kernel finds it by its entry point (``deeplake.framework``, ``tensorflow``); nothing here has to be
imported. TensorFlow is imported when the first loader is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deeplake.errors import ModuleNotInstalledException
from deeplake.spi import FrameworkAdapter


class Tensorflow(FrameworkAdapter, api=(1, 0)):
    """Batches are dicts of tensors; large arrays keep their memory, small ones are copied.

    Text becomes tensors of strings; samples that differ in shape stay a list of tensors.
    """

    def convert(self, batch: Mapping[str, Any]) -> Any:
        """A dict of the same kind: arrays become tensors, text tensors of strings."""
        conversion = _conversion()
        return conversion.convert(batch)

    def collate(self, samples: Sequence[Any]) -> Any:
        """Samples stacked, in whatever dicts, tuples and lists they are.

        Raises:
            ValueError: Entries of samples differ in structure.
            TypeError: Something of a type that has no batches.
        """
        conversion = _conversion()
        return conversion.collate(list(samples))

    def reduce(self, value: Any) -> Any:
        """Tensors travel as arrays."""
        conversion = _conversion()
        return conversion.reduced(value)

    def wrap(self, loader: Any) -> Any:
        """The loader, with ``tf.data`` datasets of its batches and samples."""
        _conversion()
        from deeplake_framework_tf.loader import TensorflowLoader

        return TensorflowLoader(loader)


def _conversion() -> Any:
    """The module that imports TensorFlow."""
    try:
        from deeplake_framework_tf import conversion
    except ModuleNotFoundError as error:
        if error.name != "tensorflow":
            raise
        raise ModuleNotInstalledException(
            'TensorFlow is not installed: pip install "deeplake-framework-tf[cpu]", or [gpu]'
        ) from error
    return conversion


__all__ = ["Tensorflow"]
