"""Rows by number as a PyTorch dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.utils.data import Dataset


class TorchSamples(Dataset[Any]):
    """A map-style dataset whose samples the kernel reads, several at once where PyTorch asks so.

    Args:
        samples: The kernel's samples.
    """

    def __init__(self, samples: Any) -> None:
        self._samples = samples

    def set_epoch(self, epoch: int) -> None:
        """Make random numbers of transforms those of an epoch."""
        self._samples.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Any:
        return _plain(self._samples[index])

    def __getitems__(self, indices: list[int]) -> list[Any]:
        return [_plain(sample) for sample in self._samples.__getitems__(indices)]


def _plain(sample: Any) -> Any:
    """A sample that iterates over its keys, as PyTorch's ``default_collate`` expects."""
    return dict(sample.items()) if isinstance(sample, Mapping) else sample


__all__ = ["TorchSamples"]
