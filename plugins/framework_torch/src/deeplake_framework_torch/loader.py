"""A deeplake loader that PyTorch takes for one of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

import torch
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

from deeplake_framework_torch.conversion import pinned


class TorchLoader(DataLoader[Any]):
    """A ``DataLoader`` whose batches the kernel makes.

    It has the attributes that code for PyTorch looks at (``dataset``, ``batch_size``,
    ``drop_last``, ``num_workers``, ``collate_fn``, ``sampler`` …), and everything that the kernel's
    loader has: the steps of the fluent API, ``set_epoch``, ``state_dict``, ``close``.

    Where it shares rows among ranks by itself, its sampler is a ``DistributedSampler``, so that trainers
    (Lightning) put none of theirs in its place.

    Args:
        loader: The kernel's loader.
    """

    _is_accelerate_prepared = True
    """Accelerate would make another ``DataLoader`` of its dataset; so it takes this one as it is."""

    def __init__(self, loader: Any) -> None:
        spec = loader.spec
        object.__setattr__(self, "_loader", loader)
        super().__init__(
            loader.dataset,
            batch_size=loader.batch_size,
            drop_last=spec.drop_last and not spec.unbatched,
            collate_fn=spec.collate_fn,
            sampler=None if spec.distributed is False else Ranks(loader),
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

    # Written out, not left to __getattr__: protocols (Stateful) look for methods of the class.
    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration this epoch; the same epoch has the same order."""
        self._loader.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is, as JSON values."""
        state: dict[str, Any] = self._join().state_dict()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where the loader was that ``state`` is of."""
        self._loader.load_state_dict(state)

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


class Ranks(DistributedSampler[Any]):
    """Stands for the share of a rank, which the kernel's plan deals out.

    Args:
        loader: The kernel's loader.
    """

    def __init__(self, loader: Any) -> None:
        super().__init__(loader.dataset, num_replicas=1, rank=0, shuffle=bool(loader.spec.shuffle))
        self._loader = loader

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration of the loader this epoch."""
        super().set_epoch(epoch)
        self._loader.set_epoch(epoch)


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


__all__ = ["Pinned", "Ranks", "TorchLoader"]
