"""JAX for deeplake-core: batches of arrays, on one device or on those of a sharding.

The kernel finds it by its entry point (``deeplake.framework``, ``jax``); nothing here has to be
imported. JAX is imported when the first batch is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deeplake.spi import FrameworkAdapter


class Jax(FrameworkAdapter, api=(1, 0)):
    """Batches are dicts of ``jax.Array`` that share memory with what was read where JAX can.

    Without ``jax_enable_x64``, numbers of 64 bits become 32 bits wide; integers that do not fit are
    an error. Text, json values and lists stay lists.
    """

    def convert(self, batch: Mapping[str, Any]) -> Any:
        """A dict of the same kind: arrays of numbers become JAX arrays."""
        from deeplake_framework_jax import conversion

        return conversion.convert(batch)

    def collate(self, samples: Sequence[Any]) -> Any:
        """Samples stacked, in whatever dicts, tuples and lists they are.

        Raises:
            ValueError: Entries of samples differ in structure.
            TypeError: Something of a type that has no batches.
        """
        from deeplake_framework_jax import conversion

        return conversion.collate(list(samples))

    def reduce(self, value: Any) -> Any:
        """Arrays travel as NumPy's."""
        from deeplake_framework_jax import conversion

        return conversion.reduced(value)

    def wrap(self, loader: Any) -> Any:
        """The loader; with ``sharding=``, one that puts its batches there."""
        sharding = loader.spec.options.get("sharding")
        if sharding is None:
            return loader
        from deeplake_framework_jax.loader import ShardedLoader

        return ShardedLoader(loader, sharding)


__all__ = ["Jax"]
