"""Batches as NumPy users take them; the other frameworks are plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deeplake import plugins
from deeplake.loader.sample import IterableOrderedDict
from deeplake.loader.spec import LoaderSpec
from deeplake.spi import FrameworkAdapter


class Numpy(FrameworkAdapter, api=(1, 0)):
    """A batch is a list of samples, each a dict of arrays."""

    def convert(self, batch: Mapping[str, Any]) -> list[IterableOrderedDict]:
        """The samples of a batch; arrays are views of the batch's arrays, not copies."""
        names = list(batch.keys())
        return [
            IterableOrderedDict(zip(names, values, strict=True))
            for values in zip(*batch.values(), strict=True)
        ]

    def collate(self, samples: Sequence[Any]) -> list[Any]:
        """The samples as they are."""
        return list(samples)


def adapter_of(spec: LoaderSpec) -> FrameworkAdapter:
    """The framework that a loader makes batches for, told what was asked of it.

    Raises:
        PluginNotFoundError: Its plugin is not installed.
        ValueError: What was asked of it makes no sense.
    """
    adapter: FrameworkAdapter = plugins.get("framework", spec.framework or "numpy")
    return adapter.configured(spec.options)


__all__ = ["Numpy", "adapter_of"]
