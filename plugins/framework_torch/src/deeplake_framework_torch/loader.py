"""A deeplake loader that PyTorch takes for one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

import torch
from torch.utils.data import DataLoader

from deeplake_framework_torch.conversion import pinned


class TorchLoader(DataLoader[Any]):
    """A ``DataLoader`` whose batches the kernel makes.

    It has the attributes that code for PyTorch looks at (``dataset``, ``batch_size``,
    ``drop_last``, ``num_workers``, ``collate_fn``, ``sampler`` …), and everything that the kernel's
    loader has: the steps of the fluent API, ``set_epoch``, ``state_dict``, ``close``.

    Args:
        loader: The kernel's loader.
    """

    def __init__(self, loader: Any) -> None:
        spec = loader.spec
        object.__setattr__(self, "_loader", loader)
        super().__init__(
            loader.dataset,
            batch_size=loader.batch_size,
            drop_last=spec.drop_last and not spec.unbatched,
            collate_fn=spec.collate_fn,
        )
        # PyTorch would start processes for these; here they only say what was asked for.
        for name in ("num_workers", "prefetch_factor", "persistent_workers", "pin_memory"):
            object.__setattr__(self, name, getattr(spec, name))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._loader, name)

    def _join(self) -> Any:
        """The kernel's loader, told which rank of ``torch.distributed`` this is."""
        loader = self._loader
        distributed = torch.distributed
        if (
            loader.spec.distributed is not False
            and distributed.is_available()
            and distributed.is_initialized()
        ):
            loader.set_rank(distributed.get_rank(), distributed.get_world_size())
        return loader

    def __len__(self) -> int:
        return len(self._join())

    def __iter__(self) -> Any:
        batches = iter(self._join())
        if self.pin_memory and torch.accelerator.is_available():
            return Pinned(batches)
        return batches

    def __enter__(self) -> TorchLoader:
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


class Pinned:
    """Batches in page-locked memory.

    Args:
        batches: The batches of an epoch.
    """

    __slots__ = ("_batches",)

    def __init__(self, batches: Any) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return pinned(next(self._batches))

    def close(self) -> None:
        """End the threads."""
        self._batches.close()


__all__ = ["Pinned", "TorchLoader"]
