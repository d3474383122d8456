"""PyTorch for deeplake-core: batches of tensors, from an object that is a torch ``DataLoader``.

The kernel finds it by its entry point (``deeplake.framework``, ``torch``); nothing here has to be
imported. PyTorch is imported when the first loader is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deeplake.spi import FrameworkAdapter

RAGGED = ("list", "pad", "nested")
"""Batches of samples that differ in shape."""


class Torch(FrameworkAdapter, api=(1, 0)):
    """Batches are dicts of tensors that share the memory of the arrays they are made of.

    PyTorch has unsigned integers of more than 8 bits since 2.3, but hardly an operation on them:
    ``CrossEntropyLoss`` takes no labels of uint32, which is what class labels are stored as. So
    they are widened to signed ones, as users of Deep Lake expect.

    Args:
        ragged: What becomes of samples of one batch that differ in shape: one of ``RAGGED``; None: an
            error.
    """

    widen = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}  # noqa: RUF012

    def __init__(self, ragged: str | None = None) -> None:
        self._ragged = ragged
        self._conversion: Any = None

    def _of(self) -> Any:
        """What converts; PyTorch is imported for the first batch."""
        if self._conversion is None:
            from deeplake_framework_torch.conversion import Conversion

            self._conversion = Conversion(self._ragged)
        return self._conversion

    def configured(self, options: Mapping[str, Any]) -> Torch:
        """The adapter with a way to make batches of samples that differ in shape."""
        ragged = options.get("ragged")
        if ragged not in (None, *RAGGED):
            raise ValueError(f"ragged is {', '.join(map(repr, RAGGED))} or None, not {ragged!r}")
        return self if ragged == self._ragged else Torch(ragged)

    def convert(self, batch: Mapping[str, Any]) -> Any:
        """A dict of the same kind: arrays of numbers become tensors, text becomes lists of str."""
        return self._of().convert(batch)

    def collate(self, samples: Sequence[Any]) -> Any:
        """As ``torch.utils.data.default_collate``, and of text, json values and lists a list.

        Raises:
            RuntimeError: Shapes differ, and nobody said what is to become of them.
            TypeError: Something of a type that has no batches.
        """
        return self._of().collate(list(samples))

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
