"""PyTorch for deeplake-core: batches of tensors, from an object that is a torch ``DataLoader``.

The kernel finds it by its entry point (``deeplake.framework``, ``torch``); nothing here has to be
imported. PyTorch is imported when the first loader is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deeplake.spi import FrameworkAdapter


class Torch(FrameworkAdapter, api=(1, 0)):
    """Batches are dicts of tensors that share the memory of the arrays they are made of.

    PyTorch has unsigned integers of more than 8 bits since 2.3, but hardly an operation on them:
    ``CrossEntropyLoss`` takes no labels of uint32, which is what class labels are stored as. So
    they are widened to signed ones, as users of Deep Lake expect.
    """

    widen = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}  # noqa: RUF012

    def convert(self, batch: Mapping[str, Any]) -> Any:
        """A dict of the same kind: arrays of numbers become tensors, text becomes lists of str."""
        from deeplake_framework_torch import conversion

        return conversion.convert(batch)

    def collate(self, samples: Sequence[Any]) -> Any:
        """As ``torch.utils.data.default_collate``, and of text, json values and lists a list.

        Raises:
            RuntimeError: Shapes differ.
            TypeError: Something of a type that has no batches.
        """
        from deeplake_framework_torch import conversion

        return conversion.collate(list(samples))

    def reduce(self, value: Any) -> Any:
        """Dense tensors in ordinary memory travel as arrays."""
        from deeplake_framework_torch import conversion

        return conversion.reduced(value)

    def wrap(self, loader: Any) -> Any:
        """The loader as a ``torch.utils.data.DataLoader``."""
        from deeplake_framework_torch.loader import TorchLoader

        return TorchLoader(loader)

    def map_style(self, samples: Any) -> Any:
        """The samples as a map-style ``torch.utils.data.Dataset``."""
        from deeplake_framework_torch.samples import TorchSamples

        return TorchSamples(samples)


__all__ = ["Torch"]
