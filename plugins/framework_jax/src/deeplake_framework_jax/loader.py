"""A loader whose batches lie on the devices of a sharding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

import jax


class ShardedLoader:
    """A loader that puts each array of a batch where a sharding says.

    It has everything that the kernel's loader has: the steps of the fluent API, ``set_epoch``,
    ``state_dict``, ``close``.

    Args:
        loader: The kernel's loader.
        sharding: A ``jax.sharding.Sharding`` or a device, for all arrays; or a dict of them by key,
            where those of other keys stay where they are.
    """

    def __init__(self, loader: Any, sharding: Any) -> None:
        self._loader = loader
        self._sharding = sharding

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._loader, name)

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Any]:
        return Placed(iter(self._loader), self._sharding)

    def __enter__(self) -> ShardedLoader:
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


class Placed:
    """Batches on the devices of a sharding.

    Args:
        batches: The batches of an epoch.
        sharding: See ``ShardedLoader``.
    """

    def __init__(self, batches: Any, sharding: Any) -> None:
        self._batches = batches
        self._sharding = sharding

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._placed(next(self._batches))

    def _placed(self, batch: Any) -> Any:
        by_key = self._sharding if isinstance(self._sharding, Mapping) else None
        if isinstance(batch, Mapping):
            for key, value in list(batch.items()):
                where = self._sharding if by_key is None else by_key.get(key)
                if where is not None and isinstance(value, jax.Array):
                    batch[key] = jax.device_put(value, where)  # type: ignore[index]
            return batch
        return jax.device_put(batch, self._sharding) if by_key is None else batch

    def close(self) -> None:
        """End the threads."""
        self._batches.close()


__all__ = ["Placed", "ShardedLoader"]
