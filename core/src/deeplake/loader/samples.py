"""Rows by number, transformed: for frameworks that choose the order themselves."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake import random
from deeplake.loader.assembly import Assembly, assembled
from deeplake.loader.frameworks import adapter_of
from deeplake.loader.lot import Dice, Lot
from deeplake.loader.snapshot import Snapshot
from deeplake.loader.spec import LoaderSpec

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset


class Samples:
    """The rows of a dataset as single, transformed samples, by their place in it.

    Args:
        dataset: Dataset or view.
        spec: What was asked for; its order and batch size do not matter.

    Raises:
        EmptyTensorError: A tensor holds no value.
        TensorDoesNotExistError: A name is no tensor.
    """

    def __init__(self, dataset: Dataset, spec: LoaderSpec) -> None:
        self._dataset = dataset
        self._spec = spec
        seed = random.get_seed()
        self._seed = secrets.randbits(63) if seed is None else seed
        self.epoch = 0
        self._start()

    def _start(self) -> None:
        snapshot = Snapshot(self._dataset)
        spec = self._spec
        names = snapshot.visible if spec.selected is None else spec.selected
        snapshot.check_names(names)
        snapshot.check_not_empty(names)
        adapter = adapter_of(spec)
        self._assembly: Assembly = assembled(snapshot, spec, names, adapter)
        self._rows = np.asarray(snapshot.rows(names, pad=spec.pad_tensors), np.int64)

    def __getstate__(self) -> dict[str, Any]:
        kept = ("_dataset", "_spec", "_seed", "epoch")
        return {name: self.__dict__[name] for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()

    def set_epoch(self, epoch: int) -> None:
        """Make random numbers of transforms those of an epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: int) -> Any:
        """One sample.

        Raises:
            IndexError: There are not so many.
        """
        (sample,) = self.__getitems__([place])
        return sample

    def __getitems__(self, places: Sequence[int]) -> list[Any]:
        """Several samples, read together."""
        n = len(self)
        positions = np.array([index(place) for place in places], np.int64)
        if len(positions) == 0:
            return []
        if positions.min() < -n or positions.max() >= n:
            raise IndexError(f"places {positions.min()} to {positions.max()} of {n} samples")
        positions %= max(n, 1)
        lot = Lot(self._rows[positions], positions, Dice(self._seed, self.epoch))
        return self._assembly.finish(self._assembly.share(lot))


__all__ = ["Samples"]
